"""Examples in docstrings and pages that import an optional package are skipped where it is missing."""

from importlib.util import find_spec

import pytest

OPTIONAL = ("onnx", "onnxruntime", "skl2onnx", "skops", "torch")


def pytest_collection_modifyitems(items):
    """Mark the doctests that cannot run here."""
    for item in items:
        examples = getattr(getattr(item, "dtest", None), "examples", ())
        words = {word.split(".")[0] for example in examples for word in imported(example.source)}
        missing = [name for name in OPTIONAL if name in words and find_spec(name) is None]
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(missing)}"))


def imported(source):
    """Return the modules named by the import statements of a piece of code."""
    lines = [line.split() for line in source.splitlines()]
    return [words[1] for words in lines if len(words) > 1 and words[0] in ("import", "from")]
