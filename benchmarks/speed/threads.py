"""An epoch on one BLAS thread and on two, alone and while another process wants the processor too."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from speed._data import grey_rows
from speed._lines import Line
from speed.training import trained

_BUSY = "while True: sum(range(10**6))"  # one thread, no BLAS: what any other program does
_N_ROUNDS = 5


def thread_lines(grid):
    """Return the time of an epoch beside that on one thread alone; needs a machine with two cores."""
    n_rows, n_visible, n_hidden = (400, 64, 16) if grid == "smoke" else (3000, 784, 500)
    if (os.cpu_count() or 1) < 2:
        print("  skipped: needs two cores", flush=True)
        return []
    X, batch_size = grey_rows(n_rows, n_visible), 100

    def seconds(n_threads):
        with threadpool_limits(n_threads, user_api="blas"):
            return trained(X, n_hidden, batch_size, n_rows // batch_size).total_seconds()

    n_rounds = 1 if grid == "smoke" else _N_ROUNDS
    cases = [(n_threads, busy) for busy in (False, True) for n_threads in (1, 2)]
    rounds = []
    for _ in range(n_rounds):
        alone = [seconds(n_threads) for n_threads in (1, 2)]
        with _busy_processes(os.cpu_count() - 1):
            rounds.append([*alone, *(seconds(n_threads) for n_threads in (1, 2))])
    medians = dict(zip(cases, np.median(rounds, axis=0) * 1000, strict=True))
    reference = medians[1, False]
    return [
        Line(
            f"epoch of {n_rows:,} rows, {n_visible}-{n_hidden} float32, {n_threads} BLAS "
            f"{'thread' if n_threads == 1 else 'threads'}{', all cores but one busy' if busy else ''}",
            "ms",
            medians[n_threads, busy],
            "1 thread alone",
            reference,
        )
        for n_threads, busy in cases[1:]
    ]


@contextmanager
def _busy_processes(n):
    processes = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(n)]
    time.sleep(0.2)  # until they run
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
