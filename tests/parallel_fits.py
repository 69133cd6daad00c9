"""Processes that train together, as threads of one process: MPI's calls without MPI."""

import pickle
import sys
import threading
import types
import warnings

from skdbn.distributed import data_parallel


class Aborted(Exception):  # noqa: N818 - what MPI does then is no error of Python's
    """Stands for the end of all processes."""


class _World:
    def __init__(self, size):
        self.size = size
        self.barrier = threading.Barrier(size)
        self.slots = [None] * size
        self.exit_codes = []


class Comm:
    """What skdbn calls of an mpi4py communicator, for one of several threads."""

    def __init__(self, world, rank):
        self._world, self._rank = world, rank
        self.n_sums = 0

    def Get_rank(self):  # noqa: N802 - the names are MPI's
        return self._rank

    def Get_size(self):  # noqa: N802 - MPI's name
        return self._world.size

    def Allreduce(self, in_place, array):  # noqa: N802 - MPI's name
        assert in_place is IN_PLACE
        assert array.flags.c_contiguous
        self.n_sums += 1
        total = sum(self.allgather(array))
        array[...] = total

    def allgather(self, value):
        world = self._world
        world.slots[self._rank] = pickle.dumps(value)  # between processes nothing is shared
        world.barrier.wait(timeout=60)
        values = list(map(pickle.loads, world.slots))
        world.barrier.wait(timeout=60)
        return values

    def Abort(self, code):  # noqa: N802 - MPI's name
        self._world.exit_codes.append(code)
        self._world.barrier.abort()
        raise Aborted


IN_PLACE = object()


def pretend_mpi4py(monkeypatch):
    """Let `from mpi4py import MPI` give what these communicators need."""
    module = types.ModuleType("mpi4py")
    module.MPI = types.SimpleNamespace(IN_PLACE=IN_PLACE)
    monkeypatch.setitem(sys.modules, "mpi4py", module)


def fitted_by(n_processes, fit):
    """Return what `fit(rank)` returns in each of several processes that train together.

    An error of one of them is raised; the others are ended by it.
    """
    world = _World(n_processes)
    results, errors = [None] * n_processes, [None] * n_processes

    def run(rank):
        try:
            with data_parallel(Comm(world, rank)):
                results[rank] = fit(rank)
        except (Aborted, threading.BrokenBarrierError) as error:
            errors[rank] = error.__context__ or error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(n_processes)]
    with warnings.catch_warnings():  # whose filters threads share
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    causes = [
        error for error in errors if not isinstance(error, (type(None), threading.BrokenBarrierError))
    ]
    if causes:
        assert set(world.exit_codes) == {1}
        raise causes[0]
    return results
