"""How many threads the matrix products of a training use."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from skdbn._typing import Arrays

# Multiplications of the largest matrix product of a step from which a second thread pays.
_WORTH_MORE_THREADS = 1e7


def threads_for(parameters: Arrays, n_rows: int) -> AbstractContextManager[Any]:
    """Return a context with one BLAS thread if the products of a training step are small.

    Threads that wait for the next small product spin, and where other processes are busy they take
    their time too: steps were seen to become 70 times slower.
    """
    if n_rows * max(array.size for array in parameters) >= _WORTH_MORE_THREADS:
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")


@cache
def _controller() -> ThreadpoolController:
    # Looking for the loaded libraries takes longer than a small training.
    return ThreadpoolController()
