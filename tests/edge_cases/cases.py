"""One edge case: what is given to which methods, and what happens."""

from collections.abc import Callable
from typing import Any, NamedTuple

from edge_cases.outcomes import Gives, Raises


class Case(NamedTuple):
    """What a method is given, in words and as a call, and what comes of it."""

    given: str  # reStructuredText
    methods: tuple[str, ...]  # "Estimator.method"
    call: Callable[[Any], Any]  # of a `Method`
    outcome: Raises | Gives
