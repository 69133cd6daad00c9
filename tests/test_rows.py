import numpy as np
import pytest
from exact import N_SAMPLES, N_VISIBLE
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdbn import _rows
from skdbn._rows import Rows, blocks_of_rows, take_rows, weighted_moments

BATCH_SIZE = 2  # 5 batches of 2 and a last one of 1
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(name="X")
def rows_that_tell_their_number(rng):
    X = rng.random((N_SAMPLES, N_VISIBLE))
    X[X < 0.3] = 0  # so that the sparse form has zeros that are not stored
    X[:, 0] = np.arange(N_SAMPLES)  # names the row
    return X


@pytest.fixture
def sample_weight(rng):
    return rng.random(N_SAMPLES) + 0.1


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 2 rows of N_VISIBLE columns."""
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 2 * N_VISIBLE + 1)


def epoch(rows, batch_size, rng):
    """Copies of the batches of one epoch: the arrays of a batch are overwritten by the next."""
    return [batch._replace(inputs=batch.inputs.copy()) for batch in rows.batches(batch_size, rng)]


def order_of(batches):
    return np.concatenate([batch.inputs[:, 0] for batch in batches]).astype(int)


@pytest.mark.parametrize("batch_size", [1, BATCH_SIZE, 10, N_SAMPLES, 100])
def test_every_row_comes_exactly_once_an_epoch(X, batch_size, rng):
    batches = epoch(Rows(X), batch_size, rng)
    order = order_of(batches)
    assert_array_equal(np.sort(order), np.arange(N_SAMPLES))
    assert_array_equal(np.concatenate([batch.inputs for batch in batches]), X[order])


def test_order_differs_between_epochs(X, rng):
    rows = Rows(X)
    orders = [tuple(order_of(epoch(rows, BATCH_SIZE, rng))) for _ in range(5)]
    assert len(set(orders)) == 5
    assert tuple(range(N_SAMPLES)) not in orders


def test_every_row_is_as_often_first_as_any_other(X, rng):
    n = 3000
    rows = Rows(X)
    first = [next(rows.batches(1, rng)).inputs[0, 0] for _ in range(n)]
    counts = np.bincount(np.array(first, dtype=int), minlength=N_SAMPLES)
    p = 1 / N_SAMPLES
    assert (np.abs(counts / n - p) < 4 * np.sqrt(p * (1 - p) / n)).all()  # 4 standard errors


def test_same_seed_gives_the_same_order(X):
    orders = [order_of(epoch(Rows(X), BATCH_SIZE, np.random.default_rng(7))) for _ in range(2)]
    assert_array_equal(*orders)


@pytest.mark.parametrize("batch_size", [1, BATCH_SIZE, 10, N_SAMPLES, 100])
def test_only_the_last_batch_is_short(X, batch_size, rng):
    sizes = [len(batch.inputs) for batch in Rows(X).batches(batch_size, rng)]
    full, last = divmod(N_SAMPLES, min(batch_size, N_SAMPLES))
    assert sizes == [min(batch_size, N_SAMPLES)] * full + ([last] if last else [])
    assert Rows(X).n_batches(batch_size) == len(sizes)


@each_dtype
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_rows_equal_dense_rows(X, dtype, weighted, sample_weight):
    X = X.astype(dtype)
    weights = sample_weight if weighted else None
    pairs = zip(
        epoch(Rows(X, sample_weight=weights), BATCH_SIZE, np.random.default_rng(3)),
        epoch(Rows(sparse.csr_matrix(X), None, weights), BATCH_SIZE, np.random.default_rng(3)),
        strict=True,
    )
    for dense, from_sparse in pairs:
        assert_array_equal(from_sparse.inputs, dense.inputs)
        assert_array_equal(from_sparse.weights, dense.weights)
        assert from_sparse.inputs.dtype == dtype
        assert dense.inputs.dtype == dtype
        assert dense.weights.dtype == dtype


def test_targets_stay_with_their_rows(X, rng):
    for batch in Rows(X, targets=X**2).batches(BATCH_SIZE, rng):
        assert_array_equal(batch.targets, batch.inputs**2)


def test_without_sample_weight_a_batch_is_a_plain_mean(X, rng):
    for batch in Rows(X).batches(10, rng):
        assert_allclose(batch.weights @ batch.inputs, batch.inputs.mean(axis=0), rtol=1e-14)
        assert batch.total_weight == len(batch.inputs)


def test_sample_weights_are_those_of_the_rows_and_sum_to_one_in_each_batch(X, sample_weight, rng):
    rows = Rows(X, sample_weight=sample_weight)
    batches = epoch(rows, BATCH_SIZE, rng)
    for batch in batches:
        own = sample_weight[batch.inputs[:, 0].astype(int)]
        assert_allclose(batch.weights, own / own.sum(), rtol=1e-14)
        assert_allclose(batch.weights.sum(), 1, rtol=1e-14)
        assert_allclose(batch.total_weight, own.sum(), rtol=1e-14)
    total = sum(batch.total_weight for batch in batches)
    assert_allclose(total, sample_weight.sum(), rtol=1e-14)
    assert_allclose(rows.total_weight, sample_weight.sum(), rtol=1e-14)
    assert Rows(X).total_weight == N_SAMPLES


def test_batches_do_not_change_the_data(X, rng):
    before = X.copy()
    for batch_size in (BATCH_SIZE, N_SAMPLES):
        for batch in Rows(X).batches(batch_size, rng):
            batch.inputs[:] = -1  # what a learner may do with its batch
    assert_array_equal(X, before)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_take_rows_writes_the_rows_asked_for(X, make):
    out = np.full((3, N_VISIBLE), np.nan)
    chosen = np.array([10, 0, 10])
    assert_array_equal(take_rows(make(X), chosen, out=out), X[chosen])
    assert_array_equal(out, X[chosen])


# -- blocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_blocks_of_rows_are_all_rows_in_order(X, make, small_blocks):
    blocks = list(blocks_of_rows(make(X)))
    assert len(blocks) == 6
    assert_array_equal(np.concatenate([block for _, block in blocks]), X)
    assert_array_equal(np.concatenate([np.arange(N_SAMPLES)[rows] for rows, _ in blocks]), X[:, 0])


def test_blocks_are_smaller_when_what_is_made_of_them_is_wider(X, small_blocks):
    assert [len(block) for _, block in blocks_of_rows(X, width=N_VISIBLE + 1)] == [1] * N_SAMPLES
    assert [len(block) for _, block in blocks_of_rows(X, width=10**9)] == [1] * N_SAMPLES


# -- moments --------------------------------------------------------------------------------------


def direct_moments(X, weights=None):
    X = np.asarray(X, dtype=np.float64)
    mean = np.average(X, axis=0, weights=weights)
    return mean, np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_over_several_blocks_equal_np_average(X, make, weighted, sample_weight, small_blocks):
    weights = sample_weight if weighted else None
    mean, spread = weighted_moments(make(X), weights)
    expected_mean, expected_spread = direct_moments(X, weights)
    assert_allclose(mean, expected_mean, rtol=1e-13)
    assert_allclose(spread, expected_spread, rtol=1e-13)


def test_moments_in_one_block_equal_np_average(X, sample_weight):
    assert_allclose(weighted_moments(X, sample_weight), direct_moments(X, sample_weight), rtol=1e-13)


def test_a_large_mean_costs_no_accuracy_of_the_spread(rng, small_blocks):
    deviations = rng.choice([-1.0, 1.0], size=(1009, N_VISIBLE))
    mean, spread = weighted_moments(1e6 + deviations)
    assert_allclose(mean, 1e6 + deviations.mean(axis=0), rtol=1e-14)
    # The deviations from the mean carry its rounding, 1e6 * 1e-16; squares of sums would lose 1e-4.
    assert_allclose(spread, deviations.std(axis=0), rtol=1e-9)


def test_moments_of_float32_are_accumulated_in_float64(rng, small_blocks):
    X = (1e3 + rng.normal(size=(1009, N_VISIBLE))).astype(np.float32)
    mean, spread = weighted_moments(X)
    assert mean.dtype == spread.dtype == np.float32
    expected_mean, expected_spread = direct_moments(X)
    assert_array_equal(mean, expected_mean.astype(np.float32))
    assert_allclose(spread, expected_spread, rtol=1.2e-7)  # one rounding to float32


def test_an_integer_weight_is_a_repetition(X, rng, small_blocks):
    times = rng.integers(1, 4, size=N_SAMPLES)
    weighted = weighted_moments(X, times.astype(np.float64))
    assert_allclose(weighted, weighted_moments(np.repeat(X, times, axis=0)), rtol=1e-12)


def test_the_scale_of_the_weights_does_not_matter(X, sample_weight, small_blocks):
    scaled = weighted_moments(X, 1e-6 * sample_weight)
    assert_allclose(scaled, weighted_moments(X, sample_weight), rtol=1e-12)


def test_constant_columns_have_no_spread(small_blocks):
    X = np.tile([0.0, 0.5, 1.0], (N_SAMPLES, 1))
    mean, spread = weighted_moments(X)
    assert_array_equal(mean, [0, 0.5, 1])
    assert_array_equal(spread, [0, 0, 0])


@pytest.mark.parametrize("batch_size", [1, 4, N_SAMPLES])
def test_weighted_means_of_the_batches_average_to_that_of_all_rows(X, rng, batch_size):
    sample_weight = rng.gamma(0.5, size=N_SAMPLES)  # from nearly 0 to far above the mean
    batches = epoch(Rows(X, sample_weight=sample_weight), batch_size, rng)
    means = [batch.share * (batch.weights @ batch.inputs) for batch in batches]
    sizes = [len(batch.weights) for batch in batches]
    expected = np.average(X, axis=0, weights=sample_weight)
    assert_allclose(np.average(means, axis=0, weights=sizes), expected, rtol=1e-12)
