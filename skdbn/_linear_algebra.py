"""Array operations that numpy offers only through a temporary array."""

from contextlib import nullcontext
from functools import cache

from scipy.linalg.blas import get_blas_funcs
from threadpoolctl import ThreadpoolController

# Multiplications of the largest matrix product of a step from which a second thread pays.
_WORTH_MORE_THREADS = 1e7


def add_scaled(target, source, factor):
    """Add factor * source to `target` in place, in one pass if both are C-contiguous."""
    if not (target.flags.c_contiguous and source.flags.c_contiguous and target.dtype == source.dtype):
        target += factor * source
        return
    (axpy,) = get_blas_funcs(("axpy",), (target,))
    axpy(source.reshape(-1), target.reshape(-1), a=factor)


def threads_for(parameters, n_rows):
    """Return a context with one BLAS thread if the products of a training step are small.

    Threads that wait for the next small product spin, and where other processes are busy they take
    their time too: steps were seen to become 70 times slower.
    """
    if n_rows * max(array.size for array in parameters) >= _WORTH_MORE_THREADS:
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller():
    # Looking for the loaded libraries takes longer than a small training.
    return ThreadpoolController()
