"""What is timed: ours, the least that the work can take, and others that do the same."""

from collections.abc import Callable
from typing import NamedTuple


class Case(NamedTuple):
    """Work that is timed. Each function does it once, or several times, and returns the seconds of one.

    The functions keep their arrays and models between calls; making them is not timed.
    """

    measure: str
    unit: str  # "ms a step"
    ours: Callable
    floor: Callable | None = None  # the matrix products that the work cannot do without
    peers: dict = {}  # name to function; empty where no package for it is installed
    must_be: dict = {}  # name of a peer, or "floor", to the largest ratio of times
