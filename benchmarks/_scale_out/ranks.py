"""What processes of MPI are asked to do, each by a function here; the first one prints the answer as JSON.

mpiexec -n 2 python -m _scale_out.ranks '{"task": "steps", "batch_size": 100, ...}'      # in benchmarks/
"""

import json
import os
import signal
import socket
import sys
import time
import warnings
import zlib
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from speed._data import grey_rows
from speed._floors import rbm_step
from speed._timing import steps as median_of
from speed.training import trained

from skdbn import DBNClassifier, RBMTransformer
from skdbn.distributed import data_parallel
from skdbn.samplers import PCD, MeanField

_DEVICES = "/proc/self/net/dev"
_BLOCKS = 5  # of repeated sums, of which the median is taken


class TimedComm:
    """What skdbn calls of a communicator; notes when each sum begins and ends."""

    def __init__(self, comm):
        self._comm = comm
        self.times = []

    def __getattr__(self, name):
        return getattr(self._comm, name)

    def Allreduce(self, *arguments):  # noqa: N802 - the name is MPI's
        """Sum an array over the processes."""
        start = time.perf_counter()
        self._comm.Allreduce(*arguments)
        self.times.append((start, time.perf_counter()))

    def seconds_within(self, borders):
        """Return the seconds of the sums between each two borders, which are times."""
        starts, ends = np.array(self.times).reshape(-1, 2).T
        return np.histogram(starts, bins=borders, weights=ends - starts)[0]


def world():
    """Return the communicator of all processes; MPI is there from here on."""
    from mpi4py import MPI

    return MPI.COMM_WORLD


def alone(**size):
    """Time the steps of this process, which knows nothing of MPI."""
    return {"step": _trained(1, **size).step_seconds()}


def steps(**size):
    """Time the steps of all processes, and the sums in them.

    Those of the process that comes last are the sums proper: the others wait for it. `sent` are the bytes
    that the first process sends over a network in a step, zero where there is none.
    """
    comm = TimedComm(world())
    before = _sent_bytes()
    with data_parallel(comm):
        clock = _trained(comm.size, **size)
    sent = (_sent_bytes() - before) / size["n_steps"]
    sums = np.min(comm.allgather(comm.seconds_within(clock.times)), axis=0)
    return {"step": clock.step_seconds(), "sums": float(np.median(sums[1:])), "sent": sent}


def products(n_visible, n_hidden, batch_size, n_steps):
    """Time the matrix products of a step alone, in this process without MPI."""
    step = rbm_step(n_visible, n_hidden, batch_size, batch_size, np.float32)
    return median_of(step, n_steps)()


def _trained(n_processes, n_rows, n_visible, n_hidden, batch_size, n_steps):
    # Other rows in each process would cost as much.
    return trained(grey_rows(n_rows // n_processes, n_visible), n_hidden, batch_size, n_steps)


def _sent_bytes():
    """Return the bytes sent so far by the devices of this host but the loopback, if known."""
    if not Path(_DEVICES).exists():
        return 0
    with open(_DEVICES, encoding="ascii") as file:
        devices = [line.replace(":", " ").split() for line in file if ":" in line]
    return sum(int(fields[9]) for fields in devices if fields[0] != "lo")


def sums(n_numbers, n_repetitions):
    """Time the sum of arrays of so many float32 numbers each: seconds of one."""
    from mpi4py import MPI

    comm, seconds = world(), []
    for size in n_numbers:
        array, times = np.zeros(size, np.float32), []
        for _ in range(_BLOCKS + 1):
            comm.Barrier()
            start = time.perf_counter()
            for _ in range(n_repetitions):
                comm.Allreduce(MPI.IN_PLACE, array)
            # A process may be done before its last messages have left; one of many sums is no matter.
            times.append((time.perf_counter() - start) / n_repetitions)
        seconds.append(float(np.median(times[1:])))
    return seconds


def in_turns(n_rounds, n_rows, n_visible, n_hidden, batch_size):
    """Time fits outside and inside of the context in turns: seconds of each."""
    comm, X = world(), grey_rows(n_rows, n_visible)
    rbm = RBMTransformer(n_hidden, batch_size=batch_size, n_iter=1, random_state=0)

    def fit(context):
        start = time.perf_counter()
        with context:
            rbm.fit(X)
        return time.perf_counter() - start

    pairs = []
    for turn in range(n_rounds + 1):
        order = (0, 1) if turn % 2 else (1, 0)  # what drifts meets both alike
        seconds = {inside: fit(data_parallel(comm) if inside else nullcontext()) for inside in order}
        pairs.append([seconds[0], seconds[1]])
    return pairs[1:]


class _Killing(PCD):
    """Chains of which the last process dies at a step."""

    def advance(self, machine, data, chains, rng, out):
        self.n_left = getattr(self, "n_left", 20) - 1
        if not self.n_left and world().rank == world().size - 1:
            print(json.dumps({"killed": time.monotonic()}), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().advance(machine, data, chains, rng, out)


def killed(n_rows, n_visible, n_hidden):
    """Train until one process is killed; the ids of all are printed first, then the time of its end."""
    ids = world().allgather(os.getpid())
    if world().rank == 0:
        print(json.dumps({"ids": ids}), flush=True)
    world().Barrier()  # else one could die before they are printed
    with data_parallel():
        rbm = RBMTransformer(n_hidden, sampler=_Killing(), batch_size=100, n_iter=10**6, random_state=0)
        rbm.fit(grey_rows(n_rows, n_visible))


def same_model():
    """Train where nothing is drawn but first weights, and compare with this process alone.

    Gives the names of the hosts, whether all processes have the same numbers, and how far these are from
    those of one process, of the largest number.
    """
    comm, (X, y) = world(), load_digits(return_X_y=True)
    X = X / 16
    exact = {"batch_size": None, "optimizer": "sgd", "learning_rate": 0.05, "random_state": 0}
    rbm = RBMTransformer(sampler=MeanField(), n_iter=5, **exact)
    dbn = DBNClassifier((64, 32), rbm=rbm, max_iter=5, dropout=0.0, input_dropout=0.0, **exact)
    with data_parallel(comm):
        own_rows = slice(comm.rank, None, comm.size)
        together = np.concatenate([each.ravel() for each in dbn.fit(X[own_rows], y[own_rows]).coefs_])
    apart = np.concatenate([each.ravel() for each in dbn.fit(X, y).coefs_])
    checksums = comm.allgather(zlib.crc32(together.data))
    return {
        "hosts": comm.allgather(socket.gethostname()),
        "same": len(set(checksums)) == 1,
        "difference": float(np.abs(together - apart).max() / np.abs(apart).max()),
    }


_WITHOUT_MPI = {task.__name__: task for task in (alone, products)}
_OF_ALL = {task.__name__: task for task in (steps, sums, in_turns, killed, same_model)}


def main():
    """Do the task on the command line."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # nothing is trained to its end
    arguments = json.loads(sys.argv[1])
    task = arguments.pop("task")
    answer = {**_WITHOUT_MPI, **_OF_ALL}[task](**arguments)
    if task in _WITHOUT_MPI or world().rank == 0:
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
