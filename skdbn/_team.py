"""The processes that train one model together, each on rows of its own.

What a training sums, averages or decides over rows goes through the team. For a process alone nothing
changes by that; in a team it becomes that of all processes, the same to the last bit in each. Every process
has to come by the same places in the same order, so only training asks the team, never a fitted estimator.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from skdbn._typing import Arrays, Floats, Rng

Value = TypeVar("Value")


class Team:
    """One process, alone."""

    rank = 0
    size = 1

    def sum(self, *arrays: Floats) -> None:
        """Replace arrays by their sums over the processes, in place."""

    def gathered(self, value: Value) -> list[Value]:
        """Return the value of each process, in their order."""
        return [value]

    def own_stream(self, rng: Rng) -> Rng:
        """Return a generator of this process alone, from one that is the same in all."""
        return rng

    def total(self, value: float) -> float:
        """Return the sum of the values."""
        return value if self.size == 1 else math.fsum(self.gathered(value))

    def mean(self, value: Any, weight: float) -> Any:
        """Return the weighted mean of the values; those of weight 0 are not looked at."""
        if self.size == 1:
            return value
        parts = [part for part in self.gathered((value, weight)) if part[1] > 0]
        return sum(value * weight for value, weight in parts) / math.fsum(weight for _, weight in parts)

    def check_same(self, arrays: Arrays) -> None:
        """Raise unless arrays are the same in all processes, to the last bit."""
        if self.size == 1:
            return
        checksums = self.gathered([zlib.crc32(array.data) for array in arrays])
        if any(checksum != checksums[0] for checksum in checksums):
            raise RuntimeError(
                "The processes have come to different parameters, which must not be: do they run the same "
                "versions of the libraries on the same kind of processor?"
            )

    def any(self, value: object) -> bool:
        """Tell whether it is so in any process."""
        return any(self.gathered(bool(value)))


class MPITeam(Team):
    """The processes of an MPI communicator."""

    def __init__(self, comm: Any) -> None:
        from mpi4py import MPI

        self._comm, self._in_place = comm, MPI.IN_PLACE
        self.rank, self.size = comm.Get_rank(), comm.Get_size()

    def sum(self, *arrays: Floats) -> None:
        """Replace arrays by their sums over the processes, in place."""
        for array in arrays:
            if array.size:
                self._comm.Allreduce(self._in_place, array)

    def gathered(self, value: Value) -> list[Value]:
        """Return the value of each process, in their order."""
        return self._comm.allgather(value)

    def own_stream(self, rng: Rng) -> Rng:
        """Return a generator of this process alone, from one that is the same in all."""
        return np.random.default_rng([self.rank, *rng.integers(2**32, size=4)])


_CURRENT: ContextVar[Team] = ContextVar("team", default=Team())  # noqa: B039 - it has no state


def current_team() -> Team:
    """Return the team that trains here."""
    return _CURRENT.get()


@contextmanager
def training_in(team: Team) -> Iterator[None]:
    """Let a team train what is fitted in this context."""
    token = _CURRENT.set(team)
    try:
        yield
    finally:
        _CURRENT.reset(token)
