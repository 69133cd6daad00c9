"""Rows that do not fit into memory: read anew, in their order, whenever they are needed.

A stream stands where a matrix stands, and what goes over a matrix in blocks goes over a stream in the same
blocks. How the rows were cut when they were read makes no difference to what is computed.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from skdbn._typing import Floats, FloatType, Integers, Matrix, Rng

_WINDOW_ELEMENTS = 2**23  # 32 MB of float32
_FEW_ROWS = 256  # so many are read into memory in any case: those that a training watches, and compares


class RowStream(ABC):
    """Rows of floats, of which a window is in memory at a time.

    Parameters: shape and dtype of the rows, and the rows of a window, which are shuffled together
    (None: 32 MB of float32).
    """

    def __init__(self, shape: tuple[int, int], dtype: FloatType, window: int | None = None) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._window = window
        self._given_rows: Any = None

    @abstractmethod
    def pieces(self) -> Iterator[Matrix]:
        """Yield all rows in order, dense or in CSR format, in pieces of any length.

        Pieces are not to be changed, and may be overwritten by the next one.
        """

    @property
    def window(self) -> int:
        """Number of rows of a window."""
        return self._window or max(1, _WINDOW_ELEMENTS // self.shape[1])

    @property
    def first_rows(self) -> Any:
        """The first row, if there is one: as the user gave it, with names, if that is known."""
        if self._given_rows is not None:
            return self._given_rows
        return next((block for _, block in self.blocks(1)), np.empty((0, self.shape[1]), self.dtype))

    def nameless(self) -> RowStream:
        """Return the stream as a matrix would be, without names of the columns."""
        stream = copy.copy(self)
        stream._given_rows = None
        return stream

    def blocks(self, n_rows: int) -> Iterator[tuple[slice, Floats]]:
        """Yield (slice, block of `n_rows` rows) in order, the last one shorter; each overwrites another."""
        work = np.empty((min(n_rows, max(1, self.shape[0])), self.shape[1]), self.dtype)
        start = filled = 0
        for piece in self.pieces():
            for first in _cuts(piece.shape[0], len(work), filled):
                part = piece[first : first + len(work) - filled]
                _copy(part, out=work[filled : filled + part.shape[0]])
                filled += part.shape[0]
                if filled == len(work):
                    yield slice(start, start + filled), work
                    start, filled = start + filled, 0
        if filled:
            yield slice(start, start + filled), work[:filled]

    def order(self, rng: Rng) -> Integers:
        """Return the numbers of all rows in a random order within each window, one window after another."""
        n_rows = self.shape[0]
        starts = range(0, n_rows, self.window)
        parts = [start + rng.permutation(min(self.window, n_rows - start)) for start in starts]
        return np.concatenate(parts) if parts else np.arange(0)

    @cached_property
    def value_range(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        ranges = [(block.min(), block.max()) for _, block in self.blocks(self.window)]
        lows, highs = zip(*ranges, strict=True)
        return float(min(lows)), float(max(highs))

    def mapped(
        self,
        compute: Callable[[Floats], Floats],
        n_columns: int,
        dtype: FloatType | None = None,
        n_rows: int | None = None,
    ) -> RowStream:
        """Return the stream of ``compute(block)``, for blocks of `n_rows` rows, anew when it is read."""
        return self.mapped_by_place(lambda _, block: compute(block), n_columns, dtype, n_rows)

    def mapped_by_place(
        self,
        compute: Callable[[slice, Floats], Floats],
        n_columns: int,
        dtype: FloatType | None = None,
        n_rows: int | None = None,
    ) -> RowStream:
        """Return the stream of ``compute(slice, block)``, as `mapped` does."""
        return _Mapped(self, compute, n_columns, dtype or self.dtype, n_rows or self.window)

    def __getitem__(self, rows: Integers) -> Any:
        """Return the rows of these numbers: few as an array, many, in ascending order, as a stream."""
        if len(rows) > max(self.window, _FEW_ROWS):
            return _Selected(self, rows)
        order = np.argsort(rows, kind="stable")
        taken = np.empty((len(rows), self.shape[1]), self.dtype)
        WindowReader(self)(rows[order], out=taken)
        taken[order] = taken.copy()
        return taken


class _Mapped(RowStream):
    """What is computed from the rows of another stream."""

    def __init__(
        self,
        rows: RowStream,
        compute: Callable[[slice, Floats], Floats],
        n_columns: int,
        dtype: FloatType,
        n_rows: int,
    ) -> None:
        super().__init__((rows.shape[0], n_columns), dtype, rows._window)
        self._rows, self._compute, self._n_rows = rows, compute, n_rows

    def pieces(self) -> Iterator[Floats]:
        for place, block in self._rows.blocks(self._n_rows):
            yield self._compute(place, block)


class _Selected(RowStream):
    """Some rows of another stream, by their numbers in ascending order."""

    def __init__(self, rows: RowStream, numbers: Integers) -> None:
        assert (np.diff(numbers) > 0).all(), "a stream is read in order"
        super().__init__((len(numbers), rows.shape[1]), rows.dtype, rows._window)
        self._rows, self._numbers = rows, numbers

    def pieces(self) -> Iterator[Floats]:
        for place, block in self._rows.blocks(self._rows.window):
            first, last = np.searchsorted(self._numbers, (place.start, place.stop))
            yield block[self._numbers[first:last] - place.start]


class WindowReader:
    """Takes rows of a stream by their numbers, window after window: none of one that is past."""

    def __init__(self, rows: RowStream) -> None:
        self._windows = rows.blocks(rows.window)
        self._place, self._window = slice(0, 0), np.empty((0, rows.shape[1]), rows.dtype)

    def __call__(self, rows: Integers, out: Floats) -> Floats:
        """Write the rows of these numbers to `out`."""
        n_done = 0
        while n_done < len(rows):
            if rows[n_done] >= self._place.stop:
                self._place, self._window = next(self._windows)
                continue
            left = rows[n_done:]
            n_here = (
                len(left) if left.max() < self._place.stop else int(np.argmax(left >= self._place.stop))
            )
            part = out[n_done : n_done + n_here]
            np.take(self._window, left[:n_here] - self._place.start, axis=0, out=part, mode="clip")
            n_done += n_here
        return out


def as_given(X: Any) -> Any:
    """Return X as the user gave it; of a stream the first rows, with the names of the columns."""
    return X.first_rows if isinstance(X, RowStream) else X


def _cuts(n_rows: int, block: int, filled: int) -> Iterable[int]:
    """Return where the parts of a piece begin that go into blocks, of which the first is filled in part."""
    return (0, *range(block - filled, n_rows, block)) if n_rows else ()


def _copy(part: Matrix, out: Floats) -> None:
    if sparse.issparse(part):
        part.toarray(out=out)
    else:
        out[...] = part
