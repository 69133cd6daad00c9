"""What a study is: a declared grid of cases, what is measured of each, and what is shown of the results."""

import hashlib
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

Case = dict[str, Any]  # plain values, as JSON has them: all that decides what is measured


class Study(NamedTuple):
    """A grid, its measures and its report.

    `protocol` is raised when the same case would be measured in another way: results of different protocols
    are never mixed. `report` gets the lines of the grid's cases that have been measured, see `_results`.
    """

    name: str
    question: str
    protocol: int
    cases: Callable[[bool], list[Case]]  # those of the smoke version if True, which need no files
    measure: Callable[[Case, Path | None], dict[str, Any]]  # given the folder of the data files
    seconds: Callable[[Case], float]  # of CPU a case takes, roughly: for the estimate of what is left
    report: Callable[[list[Any]], Any]


def grid(**factors):
    """Return a case for each combination of values; the first factor changes slowest."""
    return [dict(zip(factors, values, strict=True)) for values in product(*factors.values())]


def key_of(case):
    """Return what a result is found by: a digest of the case's content, whatever the order of its names."""
    text = json.dumps(case, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
