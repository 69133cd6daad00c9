"""Rows are read a batch or a block at a time: what a fit needs beside them does not grow with them."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skdbn import DBNClassifier, DBNRegressor, RBMClassifier, RBMTransformer, _rows

N_FEATURES = 50
_BLOCK = 2**15  # numbers


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", _BLOCK)


def peak_of(function, *arguments):
    """The largest sum of the arrays that a call makes, in bytes."""
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def rows_in_file(tmp_path):
    """Make read-only rows in a file."""

    def make(n_rows):
        name = tmp_path / f"{n_rows}.npy"
        X = np.random.default_rng(0).random((n_rows, N_FEATURES)) < 0.3
        np.save(name, X.astype(np.float32))
        mapped = np.load(name, mmap_mode="r")
        assert not mapped.flags.writeable
        return mapped

    return make


def rbm(**options):
    return RBMTransformer(8, n_iter=1, batch_size=50, random_state=0, **options)


ESTIMATORS = {
    "rbm": rbm(),
    "rbm classifier": RBMClassifier(8, max_iter=1, batch_size=50, random_state=0),
    "network": DBNClassifier(8, pretrain=False, max_iter=1, batch_size=50, random_state=0),
    "regressor": DBNRegressor(8, pretrain=False, max_iter=1, batch_size=50, random_state=0),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_fit_on_a_file_makes_no_arrays_as_large_as_the_file(name, rows_in_file):
    n_small, n_large = 4_000, 32_000
    peaks = {}
    for n_rows in (n_small, n_large):
        X = rows_in_file(n_rows)
        ESTIMATORS[name].fit(X[:100], X[:100, 0])  # imports, caches
        peaks[n_rows] = peak_of(ESTIMATORS[name].fit, X, X[:, 0])
    # Beside blocks only what is a few numbers a row: their order, targets and weights.
    per_row = (peaks[n_large] - peaks[n_small]) / (n_large - n_small)
    assert per_row < 0.6 * N_FEATURES * X.itemsize
    assert peaks[n_small] < 10 * 8 * _BLOCK + 4_000 * 120


def test_an_rbm_needs_the_order_of_its_rows_and_nothing_more_that_grows(rows_in_file):
    small, large = rows_in_file(4_000), rows_in_file(32_000)
    rbm().fit(small)
    growth = peak_of(rbm().fit, large) - peak_of(rbm().fit, small)
    assert growth < 28_000 * 8 + 50_000  # the order; what else there is, is noise


@pytest.mark.parametrize("method", ["transform", "score_samples", "free_energy", "reconstruct"])
def test_answers_need_blocks_and_the_result(method, rows_in_file):
    small, large = rows_in_file(4_000), rows_in_file(32_000)
    model = rbm().fit(small)
    function = getattr(model, method)
    result_per_row = function(small).nbytes / len(small)
    growth = peak_of(function, large) - peak_of(function, small)
    assert growth / 28_000 < result_per_row + 1


def test_rows_of_a_sparse_matrix_are_dense_a_batch_or_a_block_at_a_time():
    n_rows, n_features = 20_000, 1_000
    X = sparse.random(n_rows, n_features, density=0.002, format="csr", dtype=np.float32, random_state=0)
    X.data[:] = 1
    rbm().fit(X[:100])
    dense = n_rows * n_features * 4
    assert peak_of(rbm().fit, X) < dense / 10
    assert peak_of(rbm().fit(X).transform, X) < dense / 10


def test_what_is_read_from_a_file_gives_the_same_model(rows_in_file):
    X = rows_in_file(500)
    mapped, loaded = rbm().fit(X), rbm().fit(np.array(X))
    np.testing.assert_array_equal(mapped.components_, loaded.components_)
