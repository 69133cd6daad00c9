"""Draws of a fitted RBM against its enumerated distribution, and that drawing leaves it as it is."""

import pickle

import numpy as np
import pytest
from drawn import LARGEST_DISTANCE, N_CHAINS, assert_follow_the_model, encoded, rows_of
from exact import N_GAUSSIAN, ExactRBM, binary_states, random_rbm, row_numbers, total_variation_in_floors
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdbn import RBMTransformer, _rows
from skdbn.samplers import FastPCD, ParallelTempering

# Of these machines: after so many steps nothing is left of the start (the distance below would show it).
N_STEPS = 40


def assert_within_standard_errors(rows, mean, variance, n_errors=4):
    """Assert that the columns of `rows`, independent draws, have the given mean and variance."""
    n = len(rows)
    error = (rows.mean(axis=0) - mean) / np.sqrt(variance / n)
    assert np.abs(error).max() < n_errors
    square = (rows - mean) ** 2
    error = (square.mean(axis=0) - variance) / (square.std(axis=0) / np.sqrt(n))
    assert np.abs(error).max() < n_errors


def conditional(oracle, row, clamp):
    """Numbers and probabilities of the states that agree with a row where it is clamped."""
    agreeing = np.flatnonzero((oracle.visible_states[:, clamp] == row[clamp]).all(axis=1))
    p = oracle.p_visible()[agreeing]
    return agreeing, p / p.sum()


def distance_of_free_entries(oracle, drawn, row, clamp):
    states, p = conditional(oracle, row, clamp)
    return total_variation_in_floors(row_numbers(drawn, oracle.visible_states[states]), p)


# -- clamped entries -------------------------------------------------------------------------------


@pytest.mark.parametrize("clamped", [[1, 3], [0], [4, 2]], ids=str)
def test_free_binary_units_follow_their_distribution_given_the_clamped(
    clamped, binary_oracle, to_estimator
):
    rbm, clamp = to_estimator(binary_oracle), np.isin(np.arange(5), clamped)
    row = np.array([1.0, 1.0, 0.0, 1.0, 1.0])
    drawn = rbm.gibbs(np.tile(row, (N_CHAINS, 1)), N_STEPS, 0, clamp=clamp)
    assert_array_equal(drawn[:, clamp], np.tile(row[clamp], (N_CHAINS, 1)))
    assert distance_of_free_entries(binary_oracle, drawn, row, clamp) < LARGEST_DISTANCE


def test_rows_do_not_depend_on_their_companions(binary_oracle, to_estimator):
    """Each row with its own values, and its own mask, has the distribution it has alone."""
    rbm = to_estimator(binary_oracle)
    rows = np.array([[1.0, 1.0, 0.0, 1.0, 1.0], [0.0, 1.0, 1.0, 0.0, 0.0]])
    masks = np.array([[True, False, False, True, False], [False, False, True, False, False]])
    drawn = rbm.gibbs(np.tile(rows, (N_CHAINS, 1)), N_STEPS, 1, clamp=np.tile(masks, (N_CHAINS, 1)))
    for k in range(2):
        of_row = drawn[k::2]
        assert_array_equal(of_row[:, masks[k]], np.tile(rows[k, masks[k]], (N_CHAINS, 1)))
        assert distance_of_free_entries(binary_oracle, of_row, rows[k], masks[k]) < LARGEST_DISTANCE
    # Independent draws: the free entries of neighbours are not correlated.
    free = drawn[::2, 1], drawn[1::2, 1]
    assert abs(np.corrcoef(*free)[0, 1]) < 4 / np.sqrt(N_CHAINS)


@pytest.mark.parametrize("hidden", ["bernoulli", "softmax"])
def test_free_gaussian_units_have_their_moments_given_the_clamped(hidden, to_estimator):
    oracle = random_rbm("gaussian", 0, hidden=hidden, spread=1.2)
    rbm, clamp = to_estimator(oracle), np.array([True, False])
    row = oracle.visible_states[np.abs(oracle.visible_states - [1.5, 0.0]).sum(axis=1).argmin()]
    X = np.tile(rbm.visible_.decode(row[np.newaxis].copy()), (N_CHAINS, 1))
    drawn = rbm.gibbs(X, N_STEPS, 0, clamp=clamp)
    assert_array_equal(drawn[:, 0], X[:, 0])
    states, p = conditional(oracle, row, clamp)
    free = oracle.visible_states[states, 1]
    mean = p @ free
    location, scale = rbm.visible_.location_[1], rbm.visible_.scale_[1]
    variance = p @ (free - mean) ** 2 * scale**2
    assert_within_standard_errors(drawn[:, 1], mean * scale + location, variance)


def test_categories_with_all_columns_clamped_stay_and_others_are_drawn(to_estimator):
    # Groups [3, 0] and [1, 2, 4]; of the second only two columns are clamped.
    oracle = random_rbm("softmax", 0, hidden="softmax", spread=0.8)
    rbm, clamp = to_estimator(oracle), np.array([True, True, True, True, False])
    row = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    drawn = rbm.gibbs(np.tile(row, (N_CHAINS, 1)), N_STEPS, 0, clamp=clamp)
    assert_array_equal(drawn[:, [0, 3]], np.tile(row[[0, 3]], (N_CHAINS, 1)))
    category_is_clamped = np.array([True, False, False, True, False])
    states, p = conditional(oracle, row, category_is_clamped)
    shares = np.bincount(row_numbers(drawn, oracle.visible_states[states]), minlength=3) / N_CHAINS
    assert (np.abs(shares - p) < 4 * np.sqrt(p * (1 - p) / N_CHAINS)).all()


def test_clamped_entries_keep_every_bit(to_estimator):
    rbm = to_estimator(random_rbm("gaussian"))
    X = np.random.default_rng(0).normal(0, 3, size=(11, N_GAUSSIAN))  # of no use to (x - 10) / 2 * 2 + 10
    clamp = np.random.default_rng(1).random(X.shape) < 0.5
    drawn = rbm.gibbs(X, 3, 0, clamp=clamp)
    assert (drawn[clamp] == X[clamp]).all()
    assert (drawn[~clamp] != X[~clamp]).all()


def test_grey_values_can_be_clamped(binary_oracle, to_estimator):
    X = np.full((3, 5), 0.25)
    drawn = to_estimator(binary_oracle).gibbs(X, 5, 0, clamp=np.arange(5) < 2)
    assert_array_equal(drawn[:, :2], X[:, :2])
    assert set(drawn[:, 2:].ravel()) == {0.0, 1.0}


def test_mask_of_one_row_stands_for_all(binary_oracle, to_estimator, X_binary):
    rbm, clamp = to_estimator(binary_oracle), np.array([True, False, True, False, False])
    of_row = rbm.gibbs(X_binary, 7, 3, clamp=clamp)
    assert_array_equal(of_row, rbm.gibbs(X_binary, 7, 3, clamp=np.tile(clamp, (len(X_binary), 1))))
    assert_array_equal(of_row, rbm.gibbs(X_binary, 7, 3, clamp=clamp.tolist()))


def test_mask_of_nothing_clamps_nothing(binary_oracle, to_estimator, X_binary):
    rbm = to_estimator(binary_oracle)
    free = rbm.gibbs(X_binary, 4, 3, clamp=np.zeros(5, dtype=bool))
    assert_array_equal(free, rbm.gibbs(X_binary, 4, 3))
    assert_array_equal(rbm.gibbs(X_binary, 4, 3, clamp=np.ones(5, dtype=bool)), X_binary)


@pytest.mark.parametrize(
    "clamp",
    [
        np.ones(4, dtype=bool),
        np.ones((5, 11), dtype=bool),
        np.ones((1, 5), dtype=bool),
        np.ones(5),
        [0, 2],
        True,
        "all",
    ],
    ids=str,
)
def test_wrong_masks_are_refused(clamp, binary_oracle, to_estimator, X_binary):
    with pytest.raises(ValueError, match="clamp must be a boolean mask of shape"):
        to_estimator(binary_oracle).gibbs(X_binary, clamp=clamp)


@pytest.mark.parametrize("n_steps", [0, -1, 1.5, True, "5"])
def test_numbers_of_steps_that_are_none_are_refused(n_steps, binary_oracle, to_estimator, X_binary):
    rbm = to_estimator(binary_oracle)
    for draw in (rbm.gibbs, rbm.impute):
        with pytest.raises(ValueError, match="n_steps must be an integer >= 1"):
            draw(X_binary, n_steps)
    with pytest.raises(ValueError, match="n_steps must be an integer >= 1"):
        rbm.sample(3, n_steps)


# -- chains from rows ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 3])
def test_gibbs_steps_leave_the_model_as_it_is(n_steps, oracle, to_estimator):
    rbm = to_estimator(oracle)
    X = rbm.gibbs(rows_of(oracle, rbm, N_CHAINS), n_steps, 0)
    assert_follow_the_model(oracle, encoded(rbm, X))


def test_clamping_random_entries_leaves_the_model_as_it_is(oracle, to_estimator):
    """Of rows of the model any part may be drawn anew given the rest."""
    rbm, rng = to_estimator(oracle), np.random.default_rng(5)
    X = rows_of(oracle, rbm, N_CHAINS)
    X = rbm.gibbs(X, 2, 0, clamp=rng.random(X.shape) < 0.5)
    assert_follow_the_model(oracle, encoded(rbm, X))


def test_blocks_of_rows_are_drawn_alike(binary_oracle, to_estimator, monkeypatch):
    rbm = to_estimator(binary_oracle)
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 5 * 997)  # blocks of 997 rows, the last one short
    X, clamp = rows_of(binary_oracle, rbm, N_CHAINS), np.random.default_rng(5).random((N_CHAINS, 5)) < 0.4
    drawn = rbm.gibbs(X, 2, 0, clamp=clamp)
    assert_array_equal(drawn[clamp], X[clamp])
    assert_follow_the_model(binary_oracle, drawn)
    X[clamp] = np.nan
    filled = rbm.impute(X, 30, 0)
    assert_array_equal(filled[~clamp], X[~clamp])
    assert_follow_the_model(binary_oracle, filled)


def test_sparse_rows_are_drawn_from_as_dense_ones(binary_oracle, to_estimator, X_binary):
    rbm, clamp = to_estimator(binary_oracle), np.arange(5) % 2 == 0
    for options in ({}, {"clamp": clamp}):
        dense = rbm.gibbs(X_binary, 3, 0, **options)
        assert_array_equal(rbm.gibbs(sparse.csr_matrix(X_binary), 3, 0, **options), dense)


# -- samples ---------------------------------------------------------------------------------------


def test_samples_from_noise_follow_the_model(oracle, to_estimator):
    rbm = to_estimator(oracle)
    X = rbm.sample(N_CHAINS, N_STEPS, random_state=2)
    assert_follow_the_model(oracle, encoded(rbm, X))


def test_noise_is_what_samples_start_from_if_nothing_is_said(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    assert_array_equal(rbm.sample(7, 3, random_state=0), rbm.sample(7, 3, "noise", random_state=0))


def test_noise_is_drawn_from_the_visible_biases_alone(to_estimator):
    """Without weights a step cannot add anything: p(v) is a product of logistics of the biases."""
    oracle = random_rbm("bernoulli")
    oracle = oracle.replace(0 * oracle.weights, oracle.hidden_bias, oracle.visible_bias)
    X = to_estimator(oracle).sample(N_CHAINS, 1, random_state=0)
    p = 1 / (1 + np.exp(-oracle.visible_bias))
    assert_within_standard_errors(X, p, p * (1 - p))


def test_samples_from_rows_start_from_these_rows(binary_oracle, to_estimator):
    """One step from a row is drawn from the row of the transition matrix."""
    rbm, row = to_estimator(binary_oracle), np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    X = rbm.sample(n_steps=1, start=np.tile(row, (N_CHAINS, 1)), random_state=0)
    number = row_numbers(row[np.newaxis], binary_oracle.visible_states)[0]
    numbers = row_numbers(X, binary_oracle.visible_states)
    p = binary_oracle.transition()[number]
    assert total_variation_in_floors(numbers, p) < LARGEST_DISTANCE
    # Distinguishable from the model itself, so the start did matter.
    assert total_variation_in_floors(numbers, binary_oracle.p_visible()) > 3 * LARGEST_DISTANCE


def test_samples_from_chains_go_on_from_the_hidden_states(binary_oracle, to_estimator):
    """One visible draw and one Gibbs step from known chains, against the matrices of both."""
    rbm, h = to_estimator(binary_oracle), np.array([1.0, 0.0, 1.0])
    rbm._training.chains = np.tile(h, (10, 1))
    X = rbm.sample(N_CHAINS, 1, "chains", random_state=0)
    p = (binary_oracle.visible_given_hidden(h[np.newaxis]) @ binary_oracle.transition())[0]
    assert total_variation_in_floors(row_numbers(X, binary_oracle.visible_states), p) < LARGEST_DISTANCE


def test_each_chain_is_used_once_before_any_is_used_again(binary_oracle, to_estimator):
    # Weights so strong that the visible row tells which hidden state it came from.
    rbm = to_estimator(binary_oracle)
    rbm.components_ = np.eye(3, 5) * 80.0
    rbm.intercept_hidden_, rbm.intercept_visible_ = np.full(3, -40.0), np.full(5, -40.0)
    chains = binary_states(3)
    rbm._training.chains = chains.copy()
    few = rbm.sample(5, 1, "chains", random_state=0)[:, :3]
    assert len(np.unique(few, axis=0)) == 5
    many = rbm.sample(8 + 8 + 3, 1, "chains", random_state=0)[:, :3]
    counts = np.unique(many, axis=0, return_counts=True)[1]
    assert sorted(counts) == [2] * 5 + [3] * 3
    assert_array_equal(rbm._training.chains, chains)


@pytest.mark.parametrize("sampler", [FastPCD(), ParallelTempering(n_chains=20, n_temperatures=3)], ids=str)
def test_chains_of_other_samplers_can_be_gone_on_from(sampler, X_binary):
    rbm = RBMTransformer(3, sampler=sampler, n_iter=2, random_state=0).fit(X_binary)
    X = rbm.sample(31, 2, "chains", random_state=0)
    assert set(X.ravel()) == {0.0, 1.0}
    assert X.shape == (31, 5)


@pytest.mark.parametrize("sampler", ["cd", "meanfield"])
def test_chains_that_were_not_kept_are_missed_by_name(sampler, X_binary):
    rbm = RBMTransformer(3, sampler=sampler, n_iter=1, random_state=0).fit(X_binary)
    with pytest.raises(
        ValueError, match=f"persistent chains, such as .pcd.; sampler='{sampler}' keeps none"
    ):
        rbm.sample(3, start="chains")


@pytest.mark.parametrize("start", ["data", "", "Noise"])
def test_unknown_starts_are_refused(start, binary_oracle, to_estimator):
    with pytest.raises(ValueError, match='start must be None, "noise", "chains" or rows'):
        to_estimator(binary_oracle).sample(3, start=start)


@pytest.mark.parametrize("n_samples", [0, 2.0, True])
def test_numbers_of_samples_that_are_none_are_refused(n_samples, binary_oracle, to_estimator):
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1"):
        to_estimator(binary_oracle).sample(n_samples)


def test_samples_are_in_the_units_of_the_data(to_estimator):
    oracle = random_rbm("gaussian")
    rbm = to_estimator(oracle)
    X = rbm.sample(N_CHAINS, N_STEPS, random_state=0)
    p, states = oracle.p_visible(), oracle.visible_states
    mean = p @ states
    location, scale = rbm.visible_.location_, rbm.visible_.scale_
    assert_within_standard_errors(X, mean * scale + location, p @ (states - mean) ** 2 * scale**2)


# -- what draws leave alone ------------------------------------------------------------------------

DRAWS = {
    "gibbs": lambda rbm, X, seed: rbm.gibbs(X, 3, seed),
    "clamped": lambda rbm, X, seed: rbm.gibbs(X, 3, seed, clamp=np.arange(X.shape[1]) == 0),
    "noise": lambda rbm, X, seed: rbm.sample(40, 3, random_state=seed),
    "chains": lambda rbm, X, seed: rbm.sample(200, 3, "chains", random_state=seed),
    "rows": lambda rbm, X, seed: rbm.sample(start=X, n_steps=3, random_state=seed),
    "impute": lambda rbm, X, seed: rbm.impute(with_gaps(X), 3, seed),
    "average": lambda rbm, X, seed: rbm.impute(with_gaps(X), 30, seed, average=True),
}
each_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


def with_gaps(X):
    X = X.copy()
    X[::2, 1] = np.nan
    return X


@each_draw
def test_drawing_changes_nothing(draw, oracle, to_estimator):
    rbm = to_estimator(oracle)
    X = rows_of(oracle, rbm, 30)
    before, X_before = pickle.dumps(rbm), X.copy()
    draw(rbm, X, 0)
    assert pickle.dumps(rbm) == before  # all attributes, however deep
    assert_array_equal(X, X_before)


@each_draw
def test_draws_are_decided_by_their_seed(draw, binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    X = rows_of(binary_oracle, rbm, 300)
    first = draw(rbm, X, 4)
    assert_array_equal(first, draw(rbm, X, 4))
    assert_array_equal(first, draw(rbm, X, np.random.default_rng(4)))
    assert (first != draw(rbm, X, 5)).any()
    assert (draw(rbm, X, None) != draw(rbm, X, None)).any()


@each_draw
def test_random_states_of_numpy_are_used_up_and_the_global_one_is_not(draw, binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    X = rows_of(binary_oracle, rbm, 300)
    of_numpy = np.random.RandomState(0)
    assert (draw(rbm, X, of_numpy) != draw(rbm, X, of_numpy)).any()
    before = pickle.dumps(np.random.get_state())
    draw(rbm, X, None)
    assert pickle.dumps(np.random.get_state()) == before


@each_draw
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian", "relu", "softmax"])
def test_float32_stays_float32(visible, draw, to_estimator):
    oracle = random_rbm(visible)
    rbm = to_estimator(oracle, np.float32)
    X = rows_of(oracle, to_estimator(oracle), 30).astype(np.float32)
    assert draw(rbm, X, 0).dtype == np.float32


def test_rows_decide_the_dtype_of_what_is_made_of_them(binary_oracle, to_estimator, X_binary):
    clamp = np.arange(5) == 2
    grey = np.full_like(X_binary, 1 / 3)  # not a number of float32
    for dtype, other in ((np.float32, np.float64), (np.float64, np.float32)):
        X = grey.astype(other)
        drawn = to_estimator(binary_oracle, dtype).gibbs(X, 2, 0, clamp=clamp)
        assert drawn.dtype == other
        assert_array_equal(drawn[:, 2], X[:, 2])


def test_parameters_of_the_draws_are_checked_on_fitted_estimators_only(X_binary):
    rbm = RBMTransformer(3)
    for draw in (rbm.sample, lambda: rbm.gibbs(X_binary), lambda: rbm.impute(X_binary)):
        with pytest.raises(ValueError, match="not fitted"):
            draw()


def test_binary_data_flipped_and_their_model_flipped_are_drawn_alike(binary_oracle, to_estimator):
    """p(1 - v) of the machine with flipped visible units is p(v): the gauge of the binary states."""
    weights, hidden_bias, visible_bias = binary_oracle.parameters
    flipped = binary_oracle.replace(-weights, hidden_bias + weights.sum(axis=1), -visible_bias)
    assert_allclose(flipped.p_visible()[::-1], binary_oracle.p_visible(), rtol=1e-12)
    X = 1 - to_estimator(flipped).sample(N_CHAINS, N_STEPS, random_state=0)
    assert_follow_the_model(binary_oracle, X)


# -- replicas at several temperatures --------------------------------------------------------------


@pytest.fixture
def far_modes(to_estimator):
    """All units on or all off, with the same probability: a Gibbs step crosses once in 2.5e9."""
    weights = np.full((4, 8), 3.0)
    oracle = ExactRBM("bernoulli", weights, np.full(4, -12.0), np.full(8, -6.0))
    rbm = to_estimator(oracle)
    rbm._training.visible_mean = np.full(8, 0.5)
    return oracle, rbm


@pytest.mark.parametrize("start", ["noise", "rows"])
def test_samples_with_temperatures_reach_far_modes(start, far_modes):
    oracle, rbm = far_modes
    rows = np.ones((2000, 8))
    first = rows if start == "rows" else None
    if start == "rows":
        assert (rbm.sample(n_steps=100, start=rows, random_state=0).mean(axis=1) > 0.5).all()
    X = rbm.sample(2000, n_steps=200, start=first, random_state=0, n_temperatures=10)
    # Independent rows: a share of 1/2 within 4 standard errors, and all states as the model has them.
    assert abs((X.mean(axis=1) > 0.5).mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert_follow_the_model(oracle, X)


@pytest.mark.parametrize("n_temperatures", [2, 5])
def test_samples_with_temperatures_follow_the_model(n_temperatures, oracle, to_estimator):
    # Only as long as the replicas are not yet in their own distributions do they disturb the rows.
    rbm = to_estimator(oracle)
    rows = rows_of(oracle, rbm, 5_000)
    X = rbm.sample(n_steps=N_STEPS, start=rows, random_state=1, n_temperatures=n_temperatures)
    assert_follow_the_model(oracle, encoded(rbm, X))


@pytest.mark.parametrize("n_temperatures", [0, 1.5, True])
def test_number_of_temperatures_must_be_a_positive_integer(n_temperatures, binary_oracle, to_estimator):
    with pytest.raises(ValueError, match="n_temperatures must be an integer >= 1"):
        to_estimator(binary_oracle).sample(n_temperatures=n_temperatures)


def test_the_models_own_replicas_begin_at_the_start(far_modes):
    # Exchanges of two temperatures so far apart are hardly ever made, and no Gibbs step leaves the mode.
    _, rbm = far_modes
    X = rbm.sample(n_steps=1, start=np.ones((500, 8)), random_state=0, n_temperatures=2)
    assert (X.mean(axis=1) > 0.5).mean() > 0.95
