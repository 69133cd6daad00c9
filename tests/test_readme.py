"""The README keeps its word: its Python blocks run, and print what it shows."""

import ast
import contextlib
import io
import re
import warnings
from pathlib import Path

import pytest
from sklearn.exceptions import ConvergenceWarning

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d+\.\d+")


def blocks():
    return BLOCK.findall(README.read_text(encoding="utf-8"))


def keys(text):
    """Return the keys of a printed dict, whose values may be any objects."""
    return [ast.literal_eval(key) for key in ast.parse(text, mode="eval").body.keys]


def assert_same_line(printed, shown):
    """Compare words exactly, decimal numbers to one unit of the last digit, a dict by its keys."""
    if shown.startswith("{"):
        assert keys(printed) == keys(shown)
        return
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", shown)
    for found, expected in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        unit = 10.0 ** -len(expected.partition(".")[2])
        assert float(found) == pytest.approx(float(expected), abs=1.01 * unit)


def test_readme_has_python_blocks_with_output():
    assert len([output for _, output in blocks() if output]) >= 4


@pytest.mark.slow
def test_readme_blocks_print_what_is_shown():
    namespace = {}
    for source, shown in blocks():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            # Whether few epochs converge is not what the README is about.
            warnings.simplefilter("ignore", ConvergenceWarning)
            exec(compile(source, str(README), "exec"), namespace)
        for line_printed, line_shown in zip(
            printed.getvalue().splitlines(), shown.splitlines(), strict=True
        ):
            assert_same_line(line_printed, line_shown)
