import numpy as np
import pytest
from exact import N_HIDDEN, N_VISIBLE, random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from skdbn import RBMTransformer
from skdbn.inspection import hidden_activity, swap_rates, weight_norms
from skdbn.samplers import ParallelTempering


def test_hidden_activity_is_that_of_the_hidden_means(oracle, to_estimator, to_rows):
    rbm, v = to_estimator(oracle), to_rows(oracle)
    h = oracle.mean_h(v)
    activity = hidden_activity(rbm, rbm.visible_.decode(v.copy()))
    n = len(v)
    mean = sum(h) / n
    deviation = np.sqrt(sum((row - mean) ** 2 for row in h) / n)
    assert_allclose(activity.mean, mean, rtol=1e-12, atol=1e-12)
    assert_allclose(activity.standard_deviation, deviation, rtol=1e-9, atol=1e-12)
    assert_array_equal(activity.on_or_off, sum((row < 0.01) | (row > 0.99) for row in h) / n)
    assert not activity.constant.any()


@pytest.fixture
def handmade(X_binary):
    """Hidden units: dead (off), saturated (on), constant at 1/2, and one that copies the first column."""
    rbm = RBMTransformer(4, n_iter=1, random_state=0).fit(X_binary)
    rbm.components_ = np.zeros((4, N_VISIBLE))
    rbm.components_[3, 0] = 20.0
    rbm.components_[1, 1] = 1e-5
    rbm.intercept_hidden_ = np.array([-30.0, 30.0, 0.0, -10.0])
    return rbm


def test_dead_saturated_and_constant_units_are_found(handmade, X_binary):
    activity = hidden_activity(handmade, X_binary)
    assert_array_equal(activity.constant, [True, True, True, False])
    assert_array_equal(activity.on_or_off, [1, 1, 0, 1])
    share = X_binary[:, 0].mean()
    assert 0 < share < 1
    # The copy is at logistic(+-10), 5e-5 from 0 and 1.
    assert_allclose(activity.mean, [0, 1, 0.5, share], atol=1e-4)
    assert_allclose(activity.standard_deviation[3], np.sqrt(share * (1 - share)), atol=1e-4)
    assert_allclose(activity.standard_deviation[:3], 0, atol=1e-4)


def test_a_unit_that_changes_by_less_than_a_thousandth_is_constant(handmade):
    X = np.zeros((2, N_VISIBLE))
    X[1, 0] = 1
    # At a field of 0 the mean changes by a quarter of the weight.
    handmade.intercept_hidden_[:] = 0
    handmade.components_[:2, 0] = 0.0039, 0.0041
    assert_array_equal(hidden_activity(handmade, X).constant[:2], [True, False])


def test_summary_tells_the_numbers(handmade, X_binary):
    lines = str(hidden_activity(handmade, X_binary)).split("\n")
    assert lines[0] == "4 hidden units"
    assert lines[1].startswith("mean activity: median ")
    assert lines[2] == "constant over the rows: 3"
    assert lines[3] == "below 0.01 or above 0.99: 75.0% of all values"


def test_rows_of_sparse_matrices_and_frames_give_the_same_activity(handmade, X_binary):
    sparse = pytest.importorskip("scipy.sparse")
    expected = hidden_activity(handmade, X_binary)
    pd = pytest.importorskip("pandas")
    named = handmade.set_output(transform="pandas")
    for array, other in zip(hidden_activity(handmade, sparse.csr_matrix(X_binary)), expected, strict=True):
        assert_array_equal(array, other)
    assert isinstance(named.transform(X_binary), pd.DataFrame)
    for array, other in zip(hidden_activity(named, X_binary), expected, strict=True):
        assert_array_equal(array, other)


def test_weight_norms_are_those_of_rows_and_columns(to_estimator):
    oracle = random_rbm("bernoulli")
    norms = weight_norms(to_estimator(oracle))
    hidden = [sum(oracle.weights[j, i] ** 2 for i in range(N_VISIBLE)) ** 0.5 for j in range(N_HIDDEN)]
    visible = [sum(oracle.weights[j, i] ** 2 for j in range(N_HIDDEN)) ** 0.5 for i in range(N_VISIBLE)]
    assert_allclose(norms.hidden, hidden, rtol=1e-14)
    assert_allclose(norms.visible, visible, rtol=1e-14)


def test_unused_units_have_a_norm_of_zero(handmade):
    assert_array_equal(weight_norms(handmade).hidden, [0, 1e-5, 0, 20])
    assert_array_equal(weight_norms(handmade).visible, [20, 1e-5, 0, 0, 0])


def test_values_are_computed_in_float64(X_binary):
    rbm = RBMTransformer(3, n_iter=1, random_state=0).fit(X_binary.astype(np.float32))
    activity, norms = hidden_activity(rbm, X_binary.astype(np.float32)), weight_norms(rbm)
    assert {array.dtype for array in (*norms, *activity[:2])} == {np.dtype(np.float64)}


def fitted(X, n_temperatures=4, n_iter=3, **keywords):
    sampler = ParallelTempering(n_chains=7, n_temperatures=n_temperatures)
    settings = {"random_state": 0, "batch_size": 3} | keywords
    return RBMTransformer(3, sampler=sampler, n_iter=n_iter, **settings).fit(X)


def test_swap_rates_are_those_of_the_history(X_binary):
    rbm = fitted(X_binary)
    rates = swap_rates(rbm)
    assert rates.shape == (3, 3)
    for row, expected in zip(rates, rbm.history_["swap_rate"], strict=True):
        assert_array_equal(row, expected)
    assert ((rates >= 0) & (rates <= 1)).all()


def test_swap_rates_after_a_change_of_temperatures_are_those_of_the_last_number(X_binary):
    rbm = fitted(X_binary, warm_start=True)
    rbm.set_params(sampler__n_temperatures=6, n_iter=2).fit(X_binary)
    assert [len(rates) for rates in rbm.history_["swap_rate"]] == [3, 3, 3, 5, 5]
    assert_array_equal(swap_rates(rbm), rbm.history_["swap_rate"][3:])


def test_an_rbm_without_exchanges_has_no_swap_rates(X_binary):
    rbm = RBMTransformer(3, n_iter=1).fit(X_binary)
    with pytest.raises(ValueError, match='trained with sampler="paralleltempering"; got .pcd.'):
        swap_rates(rbm)


@pytest.mark.parametrize(
    "function", [weight_norms, swap_rates, lambda rbm: hidden_activity(rbm, np.eye(3))]
)
def test_an_rbm_that_is_not_fitted_is_refused(function):
    with pytest.raises(NotFittedError):
        function(RBMTransformer(3))


def test_rows_of_another_width_are_refused(handmade):
    with pytest.raises(ValueError, match="features"):
        hidden_activity(handmade, np.zeros((2, N_VISIBLE + 1)))
