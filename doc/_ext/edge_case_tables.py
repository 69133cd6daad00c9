"""The directive ``edge-cases``: a table of one section of ``tests/edge_cases``, which the tests assert.

Nothing is written down twice: the page has what the tests have, and no other file is made.
"""

import importlib
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

TESTS = Path(__file__).parents[2] / "tests"


def sections():
    """Return the edge cases of each section, as the tests have them."""
    sys.path.insert(0, str(TESTS))
    try:
        return importlib.import_module("edge_cases").SECTIONS
    finally:
        sys.path.remove(str(TESTS))


def table(cases):
    """Return lines of reStructuredText: a row for each case."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 28 30 42", ""]
    rows = [("given", "to", "what happens")]
    rows += [(case.given, "; ".join(by_estimator(case.methods)), case.outcome.in_words()) for case in cases]
    for row in rows:
        lines += [f"   {mark} - {cell}" for mark, cell in zip("*  ", row, strict=True)]
    return lines


def by_estimator(methods):
    """Return "Estimator: method, method" for each; estimators with the same methods go together."""
    paths = [path.split(".") for path in methods]
    of_each = {}
    for estimator, name in paths:
        of_each.setdefault(estimator, []).append(name)
    together = {}
    for estimator, names in of_each.items():
        together.setdefault(tuple(names), []).append(estimator)
    return [f"{joined(estimators, 'class')}: {joined(names)}" for names, estimators in together.items()]


def joined(names, role=None):
    if role:
        return ", ".join(f":{role}:`~skdbn.{name}`" for name in names)
    return ", ".join(f"`{name}`" for name in names)


class EdgeCases(Directive):
    """Put the table of a section in place."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        env = self.state.document.settings.env
        for path in (TESTS / "edge_cases").glob("*.py"):
            env.note_dependency(str(path))
        lines = table(sections()[self.arguments[0]])
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source="tests/edge_cases"), 0, container)
        return container.children


def setup(app):
    app.add_directive("edge-cases", EdgeCases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
