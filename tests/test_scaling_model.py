"""What the scaling model of `benchmarks/` says of a step is what the processes of a real fit do."""

import sys
from pathlib import Path

import numpy as np
import parallel_fits
import pytest
from sklearn.base import clone

from skdbn import RBMTransformer

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))  # for the import below

from _scale_out import model

N_VISIBLE, N_HIDDEN = 23, 7
LAYERS = model.Layers(N_VISIBLE, N_HIDDEN)
SPEED = model.Speed(2e9, 3e-9, 5e-9, latency=7e-6, bandwidth=11e6)


@pytest.fixture(autouse=True)
def _mpi4py(monkeypatch):
    parallel_fits.pretend_mpi4py(monkeypatch)


def lengths_of_sums(monkeypatch, n_rows, n_processes, batch_size):
    """What the first process sums in a fit of one epoch: lengths of arrays of the type of the parameters.

    Counts and weights of rows, 16 bytes a step, are summed in float64 and once an epoch.
    """
    lengths, allreduce = [], parallel_fits.Comm.Allreduce

    def counted(comm, in_place, array):
        if comm.Get_rank() == 0 and array.dtype == np.float32:
            lengths.append(array.size)
        allreduce(comm, in_place, array)

    monkeypatch.setattr(parallel_fits.Comm, "Allreduce", counted)
    X = np.random.default_rng(0).random((n_rows, N_VISIBLE), dtype=np.float32)
    rbm = RBMTransformer(N_HIDDEN, batch_size=batch_size, n_iter=1, random_state=0)
    parallel_fits.fitted_by(n_processes, lambda rank: clone(rbm).fit(X[rank::n_processes]))
    return lengths


@pytest.mark.parametrize("n_processes", [2, 3])
def test_arrays_that_a_step_sums_are_those_of_the_model(n_processes, monkeypatch):
    n_steps = 5
    lengths = lengths_of_sums(monkeypatch, 10 * n_steps, n_processes, batch_size=10)
    assert lengths == n_steps * list(model.summed_sizes(LAYERS))
    assert 4 * sum(lengths) == n_steps * model.summed_bytes(LAYERS)


@pytest.mark.parametrize("n_processes", [2, 3, 4, 8])
def test_bytes_sent_are_those_of_parts_that_go_round(n_processes):
    # By a ring: p - 1 times a part of p is passed on to be added to, p - 1 times the result of one.
    part = model.summed_bytes(LAYERS) / n_processes
    sent = sum(part for _ in range(n_processes - 1)) + sum(part for _ in range(n_processes - 1))
    assert model.sent_bytes(LAYERS, n_processes) == pytest.approx(sent)


def test_operations_are_those_of_the_products_that_the_floor_is_measured_by(monkeypatch):
    from speed import _floors

    rows, operations, matmul = 128, [], np.matmul

    def counted(a, b, out):
        operations.append(2 * a.shape[0] * a.shape[1] * b.shape[1])
        return matmul(a, b, out=out)

    step = _floors.rbm_step(N_VISIBLE, N_HIDDEN, rows, model.n_chains(rows), np.float32)
    monkeypatch.setattr(np, "matmul", counted)
    step()
    assert sum(operations) == model.n_operations(LAYERS, rows)


def test_one_process_sums_nothing():
    assert model.sums_seconds(LAYERS, 1, SPEED) == 0
    assert model.n_messages(LAYERS, 1) == model.sent_bytes(LAYERS, 1) == 0


@pytest.mark.parametrize("share", [1, 0.1])
def test_sums_take_the_share_of_the_rows_at_the_batch_size_for_it(share):
    size, n_processes = model.batch_size_for(share, LAYERS, 8, SPEED), 8
    sums = model.sums_seconds(LAYERS, n_processes, SPEED)
    rows = model.rows_seconds(LAYERS, size, n_processes, SPEED)
    assert sums / rows == pytest.approx(share, rel=1 / size)
    assert sums <= share * rows
    assert size > 1000  # else the number of chains would not follow it


def test_an_epoch_has_a_step_for_each_batch():
    step = model.step_seconds(LAYERS, 100, 2, SPEED)
    assert model.epoch_seconds(LAYERS, 1001, 100, 2, SPEED) == pytest.approx(11 * step)
