"""The directive ``edge-cases``: a table of a section of ``tests/edge_cases``, or of its groups of methods.

Nothing is written down twice: the page has what the tests have, and no other file is made.
"""

import importlib
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

TESTS = Path(__file__).parents[2] / "tests"


def edge_cases():
    """Return the module of edge cases, as the tests have it."""
    sys.path.insert(0, str(TESTS))
    try:
        return importlib.import_module("edge_cases")
    finally:
        sys.path.remove(str(TESTS))


def rows_of(section):
    """Return the rows of a table, each a list of cells, the headings first."""
    module = edge_cases()
    if section == "groups":
        rows = [["group", "methods"]]
        return rows + [[name, "; ".join(by_estimator(group))] for name, group in module.GROUPS.items()]
    rows = [["given", "to", "what happens"]]
    for case in module.SECTIONS[section]:
        rows.append([case.given, "; ".join(in_groups(case.methods)), case.outcome.in_words()])
    return rows


def table(rows, widths):
    """Return lines of reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for first, *others in rows:
        lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
    return lines


def in_groups(methods):
    """Return the names of groups that methods make up, nearly or wholly, and then the other methods."""
    left, words = list(methods), []
    for name, group in edge_cases().GROUPS.items():
        missing = [path for path in group if path not in left]
        if 4 * len(missing) > len(group):
            continue
        words.append(name + (f" but {'; '.join(by_estimator(missing))}" if missing else ""))
        left = [path for path in left if path not in group]
    return words + by_estimator(left)


def by_estimator(methods):
    """Return "method, method of Estimator" for each; estimators with the same methods go together."""
    of_each = {}
    for estimator, name in (path.split(".") for path in methods):
        of_each.setdefault(estimator, []).append(name)
    together = {}
    for estimator, names in of_each.items():
        together.setdefault(tuple(names), []).append(estimator)
    return [f"{joined(names)} of {owners(estimators)}" for names, estimators in together.items()]


def owners(estimators):
    return "all" if len(estimators) == len(edge_cases().ESTIMATORS) else ", ".join(estimators)


def joined(names):
    return ", ".join(f"`{name}`" for name in names)


class EdgeCases(Directive):
    """Put the table of a section in place, or that of the groups."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        env = self.state.document.settings.env
        for path in (TESTS / "edge_cases").glob("*.py"):
            env.note_dependency(str(path))
        section = self.arguments[0]
        lines = table(rows_of(section), "25 75" if section == "groups" else "30 28 42")
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source="tests/edge_cases"), 0, container)
        return container.children


def setup(app):
    app.add_directive("edge-cases", EdgeCases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
