"""Element-wise work on large arrays, in place and a block at a time."""

import numpy as np

# Elements worked on at a time, so that the scratch does not grow with the parameters. Smaller blocks stay
# in the L2 cache, but the calls of numpy took longer than the cache saved.
BLOCK = 65_536


def blocks(*arrays, n_scratch=0):
    """Yield matching pieces of arrays of one shape, then of scratch; None stays None.

    The pieces of large arrays are flat.
    """
    is_small = 0 < arrays[0].ndim and arrays[0].size <= BLOCK
    if is_small or not all(array is None or array.flags.c_contiguous for array in arrays):
        # One block, or no flat view exists: take everything at once.
        yield *arrays, *(np.empty_like(arrays[0], order="C") for _ in range(n_scratch))
        return
    flat = [None if array is None else array.reshape(-1) for array in arrays]
    size = flat[0].size
    # Made anew in each call, so that two threads never share it.
    scratch = [np.empty(min(BLOCK, size), flat[0].dtype) for _ in range(n_scratch)]
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        pieces = (None if array is None else array[start:stop] for array in flat)
        yield *pieces, *(array[: stop - start] for array in scratch)


def add_scaled(target, source, factor):
    """Add factor * source to `target`, in place.

    Not by the axpy of scipy.linalg.blas: scipy brings a BLAS of its own, whose threads, waiting for
    their next call, take their time from the threads of numpy's. That made training 4 times slower.
    """
    for piece, addend, scratch in blocks(target, source, n_scratch=1):
        np.multiply(addend, factor, out=scratch)
        piece += scratch
