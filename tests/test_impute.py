"""Missing entries against their enumerated distribution given the known ones."""

import numpy as np
import pytest
from drawn import (
    N_CHAINS,
    assert_follow_the_model,
    encoded,
    rows_of,
)
from exact import random_rbm, row_numbers, total_variation_in_floors
from exact_mixed import (
    BINARY,
    GROUP,
    LOCATION,
    N_MIXED,
    REAL,
    SCALE,
    from_user,
    mixed_unit,
    random_mixed_rbm,
    to_user,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdbn import RBMTransformer, _rows
from skdbn._energy import Machine

# Of the machines here: after so many steps nothing is left of the start (the tests would show it).
N_STEPS = 40


def with_gaps(X, share=0.5, seed=1):
    """Rows of which each entry is missing with the given probability, whatever its value."""
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = np.nan
    return X


# -- drawn entries ---------------------------------------------------------------------------------


def assert_passes_the_joint_test(oracle, rbm, n_steps=N_STEPS):
    """Geweke's joint test: data and their completion given parts of them have one distribution.

    Three rounds: what is wrong with a conditional adds up from one to the next.
    """
    X = rows_of(oracle, rbm, N_CHAINS)
    for seed in range(3):
        X = rbm.impute(with_gaps(X, seed=seed), n_steps, seed)
        assert_follow_the_model(oracle, encoded(rbm, X))


def test_rows_of_the_model_with_gaps_filled_are_rows_of_the_model(oracle, to_estimator):
    assert_passes_the_joint_test(oracle, to_estimator(oracle))


def means_for_draws(machine, v, rng):
    return machine.mean_h_from_v(v)


def draws_of_a_row_for_all(machine, v, rng):
    return np.tile(machine.hidden.mean_and_sample(machine.field_h_from_v(v[:1]), rng), (len(v), 1))


@pytest.mark.parametrize("wrong_draw", [means_for_draws, draws_of_a_row_for_all])
def test_wrong_kernels_do_not_pass_the_joint_test(wrong_draw, oracle, to_estimator, monkeypatch):
    monkeypatch.setattr(Machine, "sample_h_from_v", wrong_draw)
    with pytest.raises(AssertionError):
        assert_passes_the_joint_test(oracle, to_estimator(oracle))


def test_chains_that_are_too_short_do_not_pass_the_joint_test(oracle, to_estimator):
    """One Gibbs step from noise hardly looks at the known entries."""
    with pytest.raises(AssertionError):
        assert_passes_the_joint_test(oracle, to_estimator(oracle), n_steps=1)


def test_row_of_nothing_is_filled_with_a_sample_of_the_model(oracle, to_estimator):
    rbm = to_estimator(oracle)
    X = rbm.impute(np.full((N_CHAINS, oracle.n_visible), np.nan), 60, 0)
    assert_follow_the_model(oracle, encoded(rbm, X))


def test_rows_with_and_without_gaps_go_together(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    X = rows_of(binary_oracle, rbm, N_CHAINS)
    gaps = X.copy()
    gaps[::3, 1:3] = np.nan
    gaps[1::3] = np.nan
    filled = rbm.impute(gaps, N_STEPS, 0)
    assert_array_equal(filled[2::3], X[2::3])
    assert_follow_the_model(binary_oracle, filled)
    # A row of nothing does not borrow from its neighbours: those of the model are independent.
    correlation = np.corrcoef(filled[1::3][: N_CHAINS // 3, 0], filled[2::3][: N_CHAINS // 3, 0])[0, 1]
    assert abs(correlation) < 4 / np.sqrt(N_CHAINS // 3)


# -- averaged entries ------------------------------------------------------------------------------


def exact_conditional_mean(oracle, row):
    """Mean of the visible units given the known ones of a row in the coordinates of the energy."""
    known = ~np.isnan(row)
    agreeing = (oracle.visible_states[:, known] == row[known]).all(axis=1)
    p = oracle.p_visible()[agreeing]
    return p / p.sum() @ oracle.visible_states[agreeing]


def missing_parts(oracle):
    """A row of the model with whole units, or whole groups of them, missing."""
    row = oracle.draw_visible(1, np.random.default_rng(3))[0]
    gaps = {"softmax": [1, 2, 4], "bernoulli": [0, 2, 4]}.get(oracle.visible, [1])
    row[gaps] = np.nan
    return row, gaps


def test_averages_are_conditional_means(oracle, to_estimator):
    rbm = to_estimator(oracle)
    row, gaps = missing_parts(oracle)
    X = np.tile(rbm.visible_.decode(row[np.newaxis].copy()), (500, 1))
    filled = encoded(rbm, rbm.impute(X, 100, 0, average=True))[:, gaps]
    error = filled.std(axis=0, ddof=1) / np.sqrt(len(filled))
    assert (np.abs(filled.mean(axis=0) - exact_conditional_mean(oracle, row)[gaps]) < 4 * error).all()


def test_averages_are_nearer_than_draws_and_nearer_with_more_steps(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    row, gaps = missing_parts(binary_oracle)
    X, mean = np.tile(row, (500, 1)), exact_conditional_mean(binary_oracle, row)[gaps]

    def squared_error(n_steps, *, average):
        return ((rbm.impute(X, n_steps, 0, average=average)[:, gaps] - mean) ** 2).mean()

    # 20 and 80 means are averaged; the variance of a mean falls as 1/n: a factor of 4, within 4
    # standard errors of the ratio of two variances of 1500 values each (0.3).
    few, many = squared_error(40, average=True), squared_error(160, average=True)
    assert 2.8 < few / many < 5.2
    assert few < squared_error(40, average=False) / 10


def test_averages_are_nearer_with_more_chains(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    row, gaps = missing_parts(binary_oracle)
    X, mean = np.tile(row, (500, 1)), exact_conditional_mean(binary_oracle, row)[gaps]

    def squared_error(n_chains):
        filled = rbm.impute(X, 20, 0, average=True, n_chains=n_chains)[:, gaps]
        return ((filled - mean) ** 2).mean()

    # Chains are independent: 4 times as many lower the variance by a factor of 4, with errors as above.
    assert 2.8 < squared_error(2) / squared_error(8) < 5.2


def test_average_over_chains_reaches_both_of_two_modes_where_one_chain_stays():
    # Three units that are all on or all off, each with probability 1/2: a chain never changes sides.
    rbm = RBMTransformer(1, visible="bernoulli", n_iter=1, batch_size=None, random_state=0)
    rbm.fit(np.array([[0.0, 0, 0, 0], [1, 1, 1, 1]]))
    rbm.components_ = np.full((1, 4), 30.0)
    rbm.intercept_visible_, rbm.intercept_hidden_ = np.full(4, -15.0), np.array([-60.0])
    X = np.full((200, 4), np.nan)
    one, many = (rbm.impute(X, 20, 0, average=True, n_chains=n) for n in (1, 50))
    assert_allclose(one * (1 - one), 0, atol=1e-5)  # sigmoid(-15) = 3e-7
    # The mean of 50 coins: within 5 standard deviations of 1/2 in all of 200 rows.
    assert (np.abs(many - 0.5) < 5 * 0.5 / np.sqrt(50)).all()


@pytest.mark.parametrize("n_chains", [0, 1.5, True])
def test_number_of_chains_must_be_a_positive_integer(n_chains, binary_oracle, to_estimator):
    with pytest.raises(ValueError, match="n_chains must be an integer >= 1"):
        to_estimator(binary_oracle).impute(np.full((1, 5), np.nan), average=True, n_chains=n_chains)


def test_chains_begin_at_draws_with_the_base_rates_of_the_data(to_estimator):
    # After one step, all states have the probabilities of a draw by base rates times a Gibbs step.
    oracle = random_rbm("bernoulli", spread=3.0)
    rbm = to_estimator(oracle)
    rates = rbm._training.visible_mean = np.array([0.9, 0.5, 0.2, 0.6, 0.3])
    first = np.where(oracle.visible_states, rates, 1 - rates).prod(axis=1)
    filled = rbm.impute(np.full((20_000, 5), np.nan), n_steps=1, random_state=0)
    numbers = row_numbers(filled, oracle.visible_states)
    assert total_variation_in_floors(numbers, first @ oracle.transition()) < 2  # exact draws: 0.8


def test_average_of_a_single_step_is_a_mean(binary_oracle, to_estimator):
    """With one step there is nothing to leave out: the mean of one step from noise, within (0, 1)."""
    rbm = to_estimator(binary_oracle)
    filled = rbm.impute(np.full((50, 5), np.nan), 1, 0, average=True)
    assert ((filled > 0) & (filled < 1)).all()


# -- known entries ---------------------------------------------------------------------------------


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_known_entries_keep_every_bit_and_the_dtype(dtype, average, to_estimator):
    rbm = to_estimator(random_rbm("gaussian"), dtype)
    X = np.random.default_rng(0).normal(3, 5, size=(23, 2)).astype(dtype)
    gaps = with_gaps(X)
    filled = rbm.impute(gaps, 5, 0, average=average)
    known = ~np.isnan(gaps)
    assert filled.dtype == dtype
    assert (filled[known] == X[known]).all()
    assert (filled[~known] != X[~known]).all()
    assert np.isfinite(filled).all()


@pytest.mark.parametrize("average", [False, True])
def test_rows_without_gaps_stay_as_they_are(average, oracle, to_estimator):
    rbm = to_estimator(oracle)
    X = rows_of(oracle, rbm, 50)
    assert_array_equal(rbm.impute(X, 3, 0, average=average), X)


def test_rows_given_are_not_changed(binary_oracle, to_estimator, X_binary):
    gaps = with_gaps(X_binary)
    before = gaps.copy()
    filled = to_estimator(binary_oracle).impute(gaps, 3, 0)
    assert_array_equal(gaps, before)
    assert not np.shares_memory(filled, gaps)


def test_sparse_rows_are_filled_as_dense_ones(binary_oracle, to_estimator, X_binary):
    rbm, gaps = to_estimator(binary_oracle), with_gaps(X_binary)
    filled = rbm.impute(sparse.csr_matrix(gaps), 5, 0)
    assert isinstance(filled, np.ndarray)
    assert_array_equal(filled, rbm.impute(gaps, 5, 0))


def test_infinite_entries_are_not_missing_ones(binary_oracle, to_estimator, X_binary):
    X_binary[2, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        to_estimator(binary_oracle).impute(X_binary)


def test_gaps_are_for_impute_only(binary_oracle, to_estimator, X_binary):
    rbm, gaps = to_estimator(binary_oracle), with_gaps(X_binary)
    for method in (rbm.gibbs, rbm.transform, rbm.free_energy, rbm.score_samples):
        with pytest.raises(ValueError, match="NaN"):
            method(gaps)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_rows_far_outside_are_reported_once_for_all_blocks(
    convert, binary_oracle, to_estimator, monkeypatch
):
    rbm = to_estimator(binary_oracle)
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 3 * 5)  # blocks of 3 rows
    gaps = with_gaps(rows_of(binary_oracle, rbm, 23))
    gaps[0] = np.nan
    gaps[[4, 5], [1, 2]] = 99
    filled = rbm.impute(
        convert(gaps), 2, 0
    )  # in silence: most of one block, but less than a tenth of all rows
    assert_array_equal(filled[[4, 5], [1, 2]], 99)
    gaps[19, 3] = -7
    message = r"X at predict time spans \[-7, 99\] but the model was fitted on \[0, 1\]"
    with pytest.warns(UserWarning, match=message) as caught:
        rbm.impute(convert(gaps), 2, 0)
    assert len(caught) == 1


def test_wrong_number_of_columns_is_refused(binary_oracle, to_estimator, X_binary):
    with pytest.raises(ValueError, match="4 features.*expecting 5"):
        to_estimator(binary_oracle).impute(X_binary[:, :4])


# -- several types of columns ----------------------------------------------------------------------


@pytest.fixture(name="mixed_oracle")
def make_mixed_oracle():
    return random_mixed_rbm()


@pytest.fixture(name="mixed_rbm")
def make_mixed_rbm(mixed_oracle):
    """An estimator with the parameters of the oracle."""
    X = to_user(mixed_oracle.draw_visible(200, np.random.default_rng(9)))
    rbm = RBMTransformer(mixed_oracle.n_hidden, visible=mixed_unit(), n_iter=1, random_state=0).fit(X)
    rbm.visible_ = mixed_unit()
    rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_ = map(np.array, mixed_oracle.parameters)
    return rbm


def test_gaps_in_columns_of_every_type_are_filled_from_the_model(mixed_oracle, mixed_rbm):
    X = to_user(mixed_oracle.draw_visible(N_CHAINS, np.random.default_rng(0)))
    gaps = with_gaps(X, share=0.3)
    filled = mixed_rbm.impute(gaps, N_STEPS, 0)
    assert_follow_the_model(mixed_oracle, from_user(filled))
    assert set(filled[:, BINARY].ravel()) == {0.0, 1.0}
    assert_array_equal(np.sort(filled[:, GROUP], axis=1), np.tile([0.0, 0.0, 1.0], (N_CHAINS, 1)))


def test_averages_of_columns_of_every_type_are_conditional_means(mixed_oracle, mixed_rbm):
    row = mixed_oracle.draw_visible(1, np.random.default_rng(2))[0]
    row[[BINARY[1], *REAL, *GROUP]] = np.nan
    X = to_user(np.tile(row, (500, 1)))
    filled = mixed_rbm.impute(X, 100, 0, average=True)
    assert_array_equal(filled[:, BINARY[0]], X[:, BINARY[0]])
    assert_allclose(filled[:, GROUP].sum(axis=1), 1, rtol=1e-12)
    missing = np.isnan(row)
    mean = to_user(exact_conditional_mean(mixed_oracle, row)[np.newaxis])[0]
    error = filled.std(axis=0, ddof=1) / np.sqrt(len(filled))
    assert (np.abs(filled.mean(axis=0) - mean)[missing] < 4 * error[missing]).all()


@pytest.mark.parametrize("average", [False, True])
def test_category_with_a_missing_column_is_missing_as_a_whole(average, mixed_rbm, mixed_oracle):
    X = to_user(mixed_oracle.draw_visible(300, np.random.default_rng(0)))
    X[:, GROUP] = [1.0, 0.0, 0.0]
    X[:, GROUP[2]] = np.nan
    filled = mixed_rbm.impute(X, 20, 0, average=average)
    others = np.setdiff1d(np.arange(N_MIXED), GROUP)
    assert_array_equal(filled[:, others], X[:, others])
    assert_allclose(filled[:, GROUP].sum(axis=1), 1, rtol=1e-12)
    assert (filled[:, GROUP[0]] != 1).any()


def test_real_columns_are_filled_in_their_own_units(mixed_rbm, mixed_oracle):
    X = to_user(mixed_oracle.draw_visible(N_CHAINS, np.random.default_rng(0)))
    spread, mean = X[:, REAL].std(), X[:, REAL].mean()
    assert abs(mean - LOCATION) < 10 * SCALE  # as the data of the model are
    X[:, REAL] = np.nan
    filled = mixed_rbm.impute(X, N_STEPS, 0)[:, REAL]
    # 4 standard errors of the difference of two means; the spread by the like formula for deviations
    assert abs(filled.mean() - mean) < 4 * spread * np.sqrt(2 / N_CHAINS)
    assert abs(filled.std() - spread) < 4 * spread / np.sqrt(N_CHAINS)


def test_data_frames_with_gaps_are_filled_as_arrays(mixed_oracle):
    pandas = pytest.importorskip("pandas")
    names = [f"column {i}" for i in range(N_MIXED)]
    X = to_user(mixed_oracle.draw_visible(200, np.random.default_rng(9)))
    visible = [
        ("bernoulli", [names[i] for i in BINARY]),
        ("gaussian", [names[i] for i in REAL]),
        ("softmax", [[names[i] for i in GROUP]]),
    ]
    rbm = RBMTransformer(3, visible=visible, n_iter=2, random_state=0).fit(
        pandas.DataFrame(X, columns=names)
    )
    by_number = [("bernoulli", BINARY), ("gaussian", REAL), ("softmax", [GROUP])]
    of_array = RBMTransformer(3, visible=by_number, n_iter=2, random_state=0).fit(X)
    gaps = with_gaps(X, share=0.3)
    filled = rbm.impute(pandas.DataFrame(gaps, columns=names), 10, 0)
    assert_array_equal(filled, of_array.impute(gaps, 10, 0))
    assert np.isfinite(filled).all()


def test_columns_of_other_types_of_gaps_are_read(mixed_oracle):
    """pandas' own missing values, in columns of whole numbers and of objects."""
    pandas = pytest.importorskip("pandas")
    X = (np.random.default_rng(0).random((60, 3)) < 0.5).astype(np.float64)
    rbm = RBMTransformer(2, n_iter=1, random_state=0).fit(pandas.DataFrame(X, columns=list("abc")))
    gaps = with_gaps(X)
    frame = pandas.DataFrame(gaps, columns=list("abc")).astype("Int64")
    assert frame.isna().to_numpy().any()
    assert_array_equal(
        rbm.impute(frame, 5, 0), rbm.impute(pandas.DataFrame(gaps, columns=list("abc")), 5, 0)
    )
