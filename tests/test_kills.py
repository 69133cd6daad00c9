"""Processes that are killed at any moment of a fit: others go on from the file as if nothing had been.

The variable SKDBN_N_KILLS of the environment is the number of kills for each model; pytest -rP shows the
figures.
"""

import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap

import pytest
from same_state import assert_same_state

from skdbn import _checkpoint_file
from skdbn._sklearn_compat import import_callback

N_KILLS = int(os.environ.get("SKDBN_N_KILLS", "3"))
pytestmark = [
    pytest.mark.skipif(import_callback() is None, reason="scikit-learn has callbacks from 1.9 on"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither fork nor SIGKILL"),
]
MODELS = (
    *("RBM", "Gaussian RBM", "class RBM", "stack", "autoencoder"),
    *("classifier", "up-down", "regressor"),
)

# Imports once, then forks a process for each line of the input: a fit, or what is left of one.
PROGRAM = """
    import os, pickle, signal, sys, tempfile, time, warnings
    import numpy as np
    from sklearn.base import clone
    from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
    from skdbn.callbacks import Checkpoint
    from skdbn.samplers import ParallelTempering

    warnings.simplefilter("ignore")
    X = np.random.default_rng(0).random((80, 30)).astype(np.float32)
    y = np.arange(80) % 3
    rbm = RBMTransformer(n_iter=3, batch_size=20)
    network = {"rbm": rbm, "max_iter": 5, "batch_size": 20, "random_state": 0}
    alone = {"batch_size": 20, "random_state": 0}
    tempering = ParallelTempering(n_temperatures=3)
    MODELS = {
        "RBM": RBMTransformer(20, n_iter=10, **alone),
        "Gaussian RBM": RBMTransformer(20, visible="gaussian", sampler=tempering, n_iter=10, **alone),
        "class RBM": RBMClassifier(20, max_iter=10, early_stopping=True, **alone),
        "stack": DBNTransformer((20, 10), rbm=RBMTransformer(n_iter=5, batch_size=20), random_state=0),
        "autoencoder": DBNTransformer((20, 10), fine_tuning="reconstruction", **network),
        "classifier": DBNClassifier((20, 10), early_stopping=True, dropout=0.1, **network),
        "up-down": DBNClassifier((20, 10), fine_tuning="up-down", **network),
        "regressor": DBNRegressor((20, 10), **network),
    }

    def fit(name, path, end):
        model = clone(MODELS[name]).set_callbacks(Checkpoint(path))
        model.fit(X, y, resume_from=path if os.path.exists(path) else None)
        with open(end, "wb") as file:
            pickle.dump(model.set_callbacks(), file)

    with tempfile.TemporaryDirectory() as folder:  # all that is imported within a fit
        for name in ("RBM", "classifier"):
            fit(name, folder + "/fit.npz", folder + "/end")
            os.remove(folder + "/fit.npz")
    for line in sys.stdin:
        name, path, end, seconds = line.rstrip().split("|")
        start = time.perf_counter()
        child = os.fork()
        if child == 0:
            fit(name, path, end)
            os._exit(0)
        if seconds:  # a process that is over by then keeps its number until the next line
            time.sleep(float(seconds))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), time.perf_counter() - start, flush=True)
"""


@pytest.fixture(scope="module")
def run_until():
    """Function that fits, or goes on with a fit, in a process that is killed after so many seconds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:

        def run(name, path, end, seconds=""):
            print(name, path, end, seconds, sep="|", file=process.stdin, flush=True)
            returned, duration = process.stdout.readline().split()
            return int(returned), float(duration)

        yield run
        process.stdin.close()


def unpickled(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def epochs_in(path):
    """Return the number of epochs in a file, which has to be a whole one."""
    return _checkpoint_file.read(path)["n_epochs"] if path.exists() else 0


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_killed_at_random_moments_ends_as_if_it_had_not_been(name, tmp_path, run_until):
    path, end = tmp_path / "fit.npz", tmp_path / "end.pickle"
    returned, duration = run_until(name, tmp_path / "whole.npz", end)
    assert returned == 0
    whole = unpickled(end)
    rng = random.Random(name)
    n_killed = n_ended = n_epochs = 0
    torn = set()  # files that were being written, by their time
    returned = None
    while n_killed < N_KILLS or returned != 0:
        if returned == 0:  # the next fit, from its beginning
            path.unlink()
            n_epochs = 0
        last = n_killed >= N_KILLS
        returned, _ = run_until(name, path, end, "" if last else rng.uniform(0, 0.7 * duration))
        assert returned in (0, -signal.SIGKILL)
        n_killed += returned == -signal.SIGKILL
        torn |= {file.stat().st_mtime_ns for file in tmp_path.glob("fit.npz.tmp")}
        before, n_epochs = n_epochs, epochs_in(path)
        assert n_epochs >= before
        if returned == 0:
            assert_same_state(unpickled(end), whole)
            end.unlink()
            n_ended += 1
    figures = f"{n_killed} killed within fits of {duration:.2f} s, {len(torn)} of them as they wrote"
    sys.stdout.write(f"{figures}, {n_ended} ended alike\n")
