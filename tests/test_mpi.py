"""Training by processes of MPI: the same model in all, and an end for all when one of them fails."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

MPIEXEC = shutil.which(
    "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None, reason="mpi4py is not installed"),
    pytest.mark.skipif(MPIEXEC is None, reason="mpiexec is not installed"),
]

BEGIN = """
import json, os, signal, warnings, zlib
import numpy as np
from mpi4py import MPI
from sklearn.datasets import load_digits
from skdbn import DBNClassifier, RBMTransformer
from skdbn.distributed import data_parallel
from skdbn.samplers import MeanField

warnings.simplefilter("ignore")
comm = MPI.COMM_WORLD
X, y = load_digits(return_X_y=True)
X, y = X[:101] / 16, y[:101]
rows = np.array_split(np.arange(101), comm.size)[comm.rank]
"""
FITS = """
exact = {"batch_size": None, "optimizer": "sgd", "learning_rate": 0.05, "random_state": 0}
rbm = RBMTransformer(7, sampler=MeanField(), n_iter=3, **exact)
network = {"rbm": rbm, "max_iter": 3, "dropout": 0.0, "input_dropout": 0.0}
models = [rbm, DBNClassifier((7, 5), **network, **exact), DBNClassifier((7, 5), max_iter=3, random_state=0)]
found = []
for model in models:
    with data_parallel():
        model.fit(X[rows], y[rows])
    arrays = [model.components_] if model is rbm else model.coefs_
    checksums = comm.allgather([zlib.crc32(array.tobytes()) for array in arrays])
    assert all(each == checksums[0] for each in checksums)
    found.append([float(np.abs(array).sum()) for array in arrays])
if comm.rank == 0:
    print(json.dumps(found))
"""
FAILS = """
with data_parallel():
    RBMTransformer(7).fit(X[rows] if comm.rank == 0 else X[rows] * np.nan)
"""
IS_KILLED = """
class Killing(MeanField):
    def advance(self, *arguments):
        if comm.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().advance(*arguments)

print("begins", flush=True)
with data_parallel():
    RBMTransformer(7, n_iter=10**6, sampler=Killing()).fit(X[rows])
"""


def start(n_processes, script):
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "OPENBLAS_NUM_THREADS": "1"}
    # Processes that wait give the core to one that works: there may be more of them than cores.
    environment["MPIR_CVAR_POLLS_BEFORE_YIELD"] = "1"
    command = [MPIEXEC, "-n", str(n_processes), sys.executable, "-c", BEGIN + script]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def test_two_and_four_processes_find_what_one_finds():
    found = {}
    for n_processes in (1, 2, 4):
        process = start(n_processes, FITS)
        output, _ = process.communicate(timeout=240)
        assert process.returncode == 0, output
        found[n_processes] = json.loads(output.splitlines()[-1])
    for n_processes in (2, 4):
        for together, alone in zip(found[n_processes][:2], found[1][:2], strict=True):
            assert together == pytest.approx(alone, rel=1e-10)
        assert found[n_processes][2] != found[1][2]  # other batches, other masks of dropout


def test_an_error_in_one_process_ends_all_with_its_message():
    process = start(2, FAILS)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "ValueError: Input X contains NaN" in output, output
    assert "Process 1 of 2 failed and ends all of them." in output


def test_a_process_that_is_killed_ends_all_of_them():
    process = start(2, IS_KILLED)
    while "begins" not in process.stdout.readline():
        pass
    begin = time.perf_counter()
    output, _ = process.communicate(timeout=120)
    assert time.perf_counter() - begin < 10
    assert process.returncode != 0
    assert "Killed (signal 9)" in output, output
