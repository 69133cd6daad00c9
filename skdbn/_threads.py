"""How many threads the matrix products of a training use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from threading import Lock
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
    return _one_thread()


@contextmanager
def _one_thread() -> Iterator[None]:
    with _blas().select(threading_layer="openmp").limit(limits=1), _shared_limit:
        yield


class _SharedLimit:
    """One thread, while anyone is inside, for the BLAS whose limit belongs to the process.

    If trainings that overlap each put back what they found, the last one could put back the limit of
    another, for good. So the first sets the limit, and the last puts back what the first has found.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._n_inside = 0
        self._found: list[int] = []

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._found = [library.num_threads for library in _shared_libraries()]
                _set_limits([1] * len(self._found))
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                _set_limits(self._found)


_shared_limit = _SharedLimit()


def _set_limits(limits: list[int]) -> None:
    for library, limit in zip(_shared_libraries(), limits, strict=True):
        library.set_num_threads(limit)
    # From threadpoolctl 3.8 on, only the thread that has set a limit may set the next one. The end of a
    # context, here one without limits, lets others do so.
    with _blas().limit():
        pass


def _shared_libraries() -> list[Any]:
    return [each for each in _blas().lib_controllers if getattr(each, "threading_layer", "") != "openmp"]


@cache
def _blas() -> ThreadpoolController:
    # Looking for the loaded libraries takes longer than a small training.
    return ThreadpoolController().select(user_api="blas")
