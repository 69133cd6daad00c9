"""Element-wise work on large arrays, in place and a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skdbn._typing import Floats

# Elements worked on at a time, so that the scratch does not grow with the parameters. Smaller blocks stay
# in the L2 cache, but the calls of numpy took longer than the cache saved.
BLOCK = 65_536


def blocks(first: Floats, *others: Floats | None, n_scratch: int = 0) -> Iterator[tuple[Any, ...]]:
    """Yield matching pieces of arrays of one shape, then of scratch; None stays None.

    The pieces of large arrays are flat.
    """
    arrays = (first, *others)
    is_small = 0 < first.ndim and first.size <= BLOCK
    if is_small or not all(array is None or array.flags.c_contiguous for array in arrays):
        # One block, or no flat view exists: take everything at once.
        yield *arrays, *(np.empty_like(first, order="C") for _ in range(n_scratch))
        return
    flat = [None if array is None else array.reshape(-1) for array in arrays]
    size = first.size
    # Made anew in each call, so that two threads never share it.
    scratch = [np.empty(min(BLOCK, size), first.dtype) for _ in range(n_scratch)]
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        pieces = (None if array is None else array[start:stop] for array in flat)
        yield *pieces, *(array[: stop - start] for array in scratch)


def add_scaled(target: Floats, source: Floats, factor: float) -> None:
    """Add factor * source to `target`, in place.

    Not by the axpy of scipy.linalg.blas: scipy brings a BLAS of its own, whose threads, waiting for
    their next call, take their time from the threads of numpy's. That made training 4 times slower.
    """
    for piece, addend, scratch in blocks(target, source, n_scratch=1):
        np.multiply(addend, factor, out=scratch)
        piece += scratch
