"""What happens at the edges of what methods take; the page of edge cases is made of the same structure."""

import inspect
import re
from pathlib import Path

import pytest
from edge_cases import SECTIONS
from edge_cases.subjects import ESTIMATORS, Method

import skdbn

PAGE = Path(__file__).parents[1] / "doc" / "edge_cases.rst"
CASES = [case for cases in SECTIONS.values() for case in cases]

# They take no data: `get_params(deep)` is scikit-learn's own, the others are made by it.
WITHOUT_EDGES = re.compile(r"get_params|get_metadata_routing|set_\w+_request")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.given)
def test_what_happens_is_what_the_page_says(case):
    for method in map(Method, case.methods):
        case.outcome.check(lambda method=method: case.call(method), method)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_public_method_has_edge_cases(estimator):
    members = inspect.getmembers(getattr(skdbn, estimator), inspect.isroutine)
    public = {name for name, _ in members if not name.startswith("_") and not WITHOUT_EDGES.fullmatch(name)}
    covered = {path for case in CASES for path in case.methods}
    assert {name for name in public if f"{estimator}.{name}" not in covered} == set()


def test_the_page_has_a_table_of_each_section():
    tables = re.findall(r"^\.\. edge-cases:: (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tables == list(SECTIONS)
