"""The density of a fitted stack of RBMs, as its users ask for it."""

import pickle

import numpy as np
import pytest
from drawn import LARGEST_DISTANCE, N_CHAINS
from exact import row_numbers, total_variation_in_floors
from exact_dbn import INNER_LOCATION, INNER_SCALE, ExactDBN, random_stack
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from skdbn import RBMTransformer, _fitted_likelihood, _fitted_stack, _rows
from skdbn._fitted import FittedMixin
from skdbn._fitted_stack import FittedStackMixin, _check_states_agree, _covers
from skdbn._likelihood import LogPartition
from skdbn._validation import check_rows, data_range
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax

BINARY = ("bernoulli", "bernoulli")


class Stack(FittedStackMixin, FittedMixin, BaseEstimator):
    """The least that the methods ask of an estimator."""

    def __init__(self, rbms=()):
        self.rbms = rbms

    def fit(self, X, y=None):
        X = check_rows(self, X, reset=True)
        self._fitted_range = data_range(X)
        self.rbms_ = [clone(rbm) for rbm in self.rbms]
        for rbm in self.rbms_:
            X = rbm.fit_transform(X)
        self.visible_ = self.rbms_[0].visible_
        return self


@pytest.fixture
def to_stack(to_estimator):
    """Function that returns a fitted stack with the parameters of an ExactDBN."""

    def convert(dbn, dtype=np.float64):
        stack = Stack()
        stack.rbms_ = [to_estimator(oracle, dtype) for oracle in dbn.oracles]
        for rbm, oracle in zip(stack.rbms_[1:], dbn.oracles[1:], strict=True):
            if oracle.visible == "gaussian":
                rbm.visible_ = Gaussian().adapt(INNER_LOCATION.astype(dtype), INNER_SCALE.astype(dtype))
        stack.visible_, stack.n_features_in_ = stack.rbms_[0].visible_, dbn.oracles[0].n_visible
        stack._fitted_range = stack.rbms_[0]._fitted_range
        return stack

    return convert


def binary_stack(*sizes, seed=3):
    return ExactDBN(random_stack([BINARY] * (len(sizes) - 1), sizes, seed))


@pytest.fixture
def dbn():
    return binary_stack(5, 3, 2)


@pytest.fixture
def stack(dbn, to_stack):
    return to_stack(dbn)


def assert_near_the_bound(dbn, bound, n_draws, extra_variance=0.0):
    """Assert that a mean over all states of the lowest layer is within 4 standard errors."""
    mean, variance, *_ = dbn.moments_of_weights()
    error = np.sqrt(variance.sum() / n_draws / len(variance) ** 2 + extra_variance)
    assert abs(bound.value - mean.mean()) < 4 * error


# -- likelihood -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_stack_of_one_machine_scores_as_the_machine_does(dtype, to_stack):
    dbn = binary_stack(5, 3)
    stack = to_stack(dbn, dtype)
    X, rbm = dbn.states[0].astype(dtype), stack.rbms_[0]
    log_partition = rbm.log_partition()
    scores = stack.score_samples(X, log_partition)
    assert scores.dtype == dtype
    rounding = 20 * np.finfo(dtype).eps
    assert_allclose(scores, rbm.score_samples(X, log_partition), rtol=rounding)
    assert_allclose(stack.score_samples(X), scores, rtol=rounding)
    assert_allclose(stack.score(X), dbn.log_likelihood().mean(), rtol=rounding)
    assert stack.log_likelihood_bound(X).standard_error == 0


def test_stack_of_one_gaussian_machine_has_a_density_in_the_units_of_the_data(to_stack):
    dbn = ExactDBN(random_stack([("gaussian", "bernoulli")], (2, 3), seed=3))
    stack, rows = to_stack(dbn), np.abs(dbn.encode(0, dbn.states[0])).max(axis=1) < 3
    scores = stack.score_samples(dbn.states[0][rows])
    assert_allclose(scores, dbn.log_likelihood()[rows], rtol=1e-11)


@pytest.mark.parametrize(
    ("kinds", "sizes"),
    [
        ([BINARY] * 3, (5, 3, 2, 7)),
        ([("bernoulli", "gaussian"), ("gaussian", "bernoulli")], (5, 2, 3)),
    ],
    ids=["binary", "gaussian between"],
)
def test_bound_of_a_deep_stack_takes_the_exact_log_partition_of_its_top(kinds, sizes, to_stack):
    dbn = ExactDBN(random_stack(kinds, sizes, seed=3))
    stack = to_stack(dbn)
    expected = dbn.oracles[-1].log_partition() + np.log(dbn.maps[-1][1]).sum()
    assert_allclose(stack.log_partition().value, expected, rtol=1e-12)
    bound = stack.log_likelihood_bound(dbn.states[0], n_draws=200, random_state=0)
    assert_near_the_bound(dbn, bound, 200)


def test_log_partition_can_be_a_number_or_an_estimate_with_its_error(dbn, stack):
    X = dbn.states[0]
    number = stack.log_likelihood_bound(X, 1.5, n_draws=3, random_state=0)
    estimate = stack.log_likelihood_bound(X, LogPartition(1.5, 0.2), n_draws=3, random_state=0)
    assert_array_equal(number.per_row, estimate.per_row)
    assert_allclose(estimate.standard_error, np.hypot(number.standard_error, 0.2), rtol=1e-12)
    higher = stack.log_likelihood_bound(X, 2.5, n_draws=3, random_state=0)
    assert_allclose(number.per_row - higher.per_row, 1, rtol=1e-12)
    assert_allclose(stack.score_samples(X, 1.5) - stack.score_samples(X, 2.5), 1, rtol=1e-12)


def test_log_partition_that_cannot_be_enumerated_is_estimated(dbn, stack, monkeypatch):
    monkeypatch.setattr(_fitted_likelihood, "can_be_enumerated", lambda machine: False)
    monkeypatch.setitem(_fitted_stack._QUICK, "n_temperatures", 100)
    bound = stack.log_likelihood_bound(dbn.states[0], n_draws=200, random_state=0)
    _, variance, *_ = dbn.moments_of_weights()
    of_log_partition = bound.standard_error**2 - variance.sum() / 200 / len(variance) ** 2
    assert of_log_partition > 0
    assert_near_the_bound(dbn, bound, 200, of_log_partition)
    # As all else, these draws follow random_state.
    assert stack.score(dbn.states[0]) == stack.score(dbn.states[0])
    again = stack.log_likelihood_bound(dbn.states[0], n_draws=200, random_state=0)
    assert again.value == bound.value


def test_score_is_the_mean_of_score_samples_and_the_same_in_each_call(dbn, stack):
    X = dbn.states[0]
    scores = stack.score_samples(X)
    assert_array_equal(scores, stack.score_samples(X))
    assert_allclose(stack.score(X), scores.mean(), rtol=1e-14)
    assert_array_equal(scores, stack.score_samples(sparse.csr_matrix(X)))
    mean, variance, *_ = dbn.moments_of_weights()
    errors = (scores - mean) / np.sqrt(variance / 20)
    assert np.abs(errors).max() < 4
    assert abs(errors.mean()) < 4 / np.sqrt(len(X))


def test_score_of_a_row_does_not_depend_on_its_company(dbn, stack, monkeypatch):
    X = dbn.states[0]
    scores = stack.score_samples(X)
    order = np.random.default_rng(0).permutation(len(X))
    assert_array_equal(stack.score_samples(X[order]), scores[order])
    assert_array_equal(np.concatenate([stack.score_samples(row) for row in X[:7, np.newaxis]]), scores[:7])
    assert_array_equal(stack.score_samples(np.repeat(X, 3, axis=0)), np.repeat(scores, 3))
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 3 * 5)
    assert_array_equal(stack.score_samples(X), scores)


def test_scores_of_different_rows_have_draws_of_their_own(to_stack):
    dbn = ExactDBN(random_stack([("gaussian", "bernoulli"), BINARY], (2, 5, 3), seed=3))
    mean, variance, *_ = dbn.moments_of_weights()
    row, n = np.abs(dbn.encode(0, dbn.states[0])).max(axis=1).argmin(), 500
    X = dbn.states[0][row] + 1e-9 * np.random.default_rng(0).standard_normal((n, 2))  # all but equal
    scores = to_stack(dbn).score_samples(X)
    assert abs(scores.mean() - mean[row]) < 4 * np.sqrt(variance[row] / 20 / n)
    assert abs(scores.var(ddof=1) * 20 / variance[row] - 1) < 4 * np.sqrt(2 / n)


def test_bounds_without_a_seed_differ(dbn, stack):
    X = dbn.states[0]
    assert stack.log_likelihood_bound(X).value != stack.log_likelihood_bound(X).value
    first, second = (stack.log_likelihood_bound(X, random_state=seed).value for seed in (0, 1))
    assert first != second


def test_all_arguments_of_log_partition_reach_the_top_machine(stack, monkeypatch):
    given = {
        "method": "ais",
        "n_runs": 7,
        "n_temperatures": 11,
        "start": "chains",
        "n_steps": 13,
        "verbose": 1,
        "random_state": 5,
    }
    monkeypatch.setattr(stack.rbms_[-1], "log_partition", lambda **arguments: arguments)
    monkeypatch.setattr(stack.rbms_[0], "log_partition", None)
    assert stack.log_partition(**given) == given
    assert stack.log_partition("exact")["method"] == "exact"


def test_rows_to_start_log_partition_from_are_led_up_by_means(dbn, stack, to_stack, monkeypatch):
    X, deep = dbn.states[0], binary_stack(5, 3, 2, 7)
    for network in (stack, to_stack(deep)):
        arguments = {}
        monkeypatch.setattr(network.rbms_[-1], "log_partition", lambda into=arguments, **a: into.update(a))
        network.log_partition(start=X)
        expected = X
        for rbm in network.rbms_[:-1]:
            expected = rbm.transform(expected)
        assert_allclose(arguments["start"], expected, rtol=1e-12)


def test_estimate_of_log_partition_from_rows_agrees_with_the_sum(dbn, stack):
    estimate = stack.log_partition(
        "ais", n_temperatures=200, n_steps=10, start=dbn.states[0], random_state=0
    )
    exact = stack.log_partition("exact").value
    assert abs(estimate.value - exact) < 4 * estimate.standard_error
    assert abs(estimate.reverse_value - exact) < 4 * estimate.reverse_standard_error


def test_grid_search_prefers_the_stack_that_fits_the_data(dbn):
    X = np.repeat([[1.0, 1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0, 0.0]], 70, axis=0)
    rng = np.random.default_rng(0)
    X = np.abs(X - (rng.random(X.shape) < 0.1))[rng.permutation(len(X))]
    stacks = [
        [RBMTransformer(n, visible="bernoulli", n_iter=n_iter, random_state=0) for n in (3, 2)]
        for n_iter in (1, 30)
    ]
    search = GridSearchCV(Stack(), {"rbms": stacks}, cv=2).fit(X)
    poor, good = search.cv_results_["mean_test_score"]
    # Two patterns, each unit flipped with probability 0.1: log 2 and 5 binary entropies.
    entropy = np.log(2) - 5 * (0.1 * np.log(0.1) + 0.9 * np.log(0.9))
    assert poor < -3
    assert -1.15 * entropy < good < -0.9 * entropy


# -- draws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [None, "noise", "chains", "rows"])
def test_samples_follow_the_network_wherever_their_chains_start(start, dbn, stack):
    if start == "chains":  # few and far between after one epoch: states from anywhere do as well
        stack.rbms_[-1]._training.chains = np.ones((7, 2))
    start = np.tile([1.0, 0.0, 1.0, 1.0, 0.0], (N_CHAINS, 1)) if start == "rows" else start
    X = stack.sample(N_CHAINS, 30, start, random_state=0)
    assert X.shape == (N_CHAINS, 5)
    numbers = row_numbers(X, dbn.states[0])
    assert total_variation_in_floors(numbers, dbn.p_states()) < LARGEST_DISTANCE


def test_chains_from_rows_begin_at_their_upper_layers(to_stack):
    """After one step of the top machine a row is still seen, where machines are strong enough."""
    dbn = ExactDBN(random_stack([BINARY] * 2, (5, 3, 2), seed=3, spread=2.5))
    stack = to_stack(dbn)
    row = 11
    X = stack.sample(1, 1, np.tile(dbn.states[0][row], (N_CHAINS, 1)), random_state=0)
    p = exact_step_from_row(dbn, row)
    assert total_variation_in_floors(row_numbers(X, dbn.states[0]), p) < LARGEST_DISTANCE
    assert total_variation_in_floors(row_numbers(X, dbn.states[0]), dbn.p_states()) > 2 * LARGEST_DISTANCE


def exact_step_from_row(dbn, row):
    return sum(
        q * dbn.p_after(1, v) for q, v in zip(dbn.p_top_given(row), dbn.states[1], strict=True) if q > 0
    )


def test_samples_are_in_the_units_of_the_data(to_stack):
    dbn = ExactDBN(random_stack([("gaussian", "bernoulli"), BINARY], (2, 5, 3), seed=3))
    stack = to_stack(dbn)
    x, p = dbn.states[0], dbn.p_states()
    mean = p @ x
    error = np.sqrt((p @ x**2 - mean**2) / N_CHAINS)
    for start in (None, np.tile(mean, (N_CHAINS, 1))):
        X = stack.sample(N_CHAINS, 20, start, random_state=0)
        assert (np.abs(X.mean(axis=0) - mean) < 4 * error).all()


def test_samples_follow_their_seed(stack):
    X = stack.sample(31, 2, random_state=0)
    assert_array_equal(X, stack.sample(31, 2, random_state=0))
    assert (X != stack.sample(31, 2, random_state=1)).any()
    assert stack.sample().shape == (1, 5)


def test_samples_from_rows_come_in_blocks_dense_or_sparse(dbn, stack, monkeypatch):
    X = dbn.states[0]
    sampled = stack.sample(start=X.astype(np.float32), n_steps=1, random_state=0)
    assert sampled.dtype == np.float32
    assert_array_equal(sampled, stack.sample(start=sparse.csr_matrix(X), n_steps=1, random_state=0))
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 3 * 5)
    sampled = stack.sample(start=np.tile(X, (20, 1)), n_steps=1, random_state=0)
    assert set(sampled.ravel()) == {0.0, 1.0}


def test_nothing_changes_the_estimator(dbn, stack):
    before = pickle.dumps(stack)
    stack.score(dbn.states[0])
    stack.score_samples(dbn.states[0])
    stack.sample(7, 3, "chains")
    stack.sample(start=dbn.states[0])
    stack.log_partition("ais", n_temperatures=10, start=dbn.states[0], n_steps=2)
    assert pickle.dumps(stack) == before


# -- what is refused ------------------------------------------------------------------------------


def test_states_of_a_layer_are_those_of_both_machines_or_the_bound_is_refused(dbn, stack):
    stack.rbms_[1].visible_ = Gaussian().adapt(np.zeros(3), np.ones(3))
    message = r"states of layer 1 .* Bernoulli\(.*\) below and Gaussian\(\) above, .* Pre-train RBM 2 with"
    for method in (stack.log_likelihood_bound, stack.score, stack.score_samples):
        with pytest.raises(ValueError, match=message):
            method(dbn.states[0])
    assert stack.sample(7).shape == (7, 5)  # draws need no common states


def test_error_about_states_says_which_layer(to_stack):
    stack = to_stack(binary_stack(5, 3, 2, 7))
    machines = stack._machines()
    _check_states_agree(machines)
    machines[2] = machines[2]._replace(visible=Softmax())
    with pytest.raises(ValueError, match="states of layer 2 .* Pre-train RBM 3"):
        _check_states_agree(machines)


@pytest.mark.parametrize(
    ("hidden", "visible", "agree"),
    [
        (Bernoulli(), Bernoulli(redraw=False), True),
        (Bernoulli(), ReLU(), True),
        (Bernoulli(), Gaussian(), False),
        (Bernoulli(), Softmax(), False),
        (Gaussian(), Gaussian(), True),
        (Gaussian(), Bernoulli(), False),
        (Gaussian(), ReLU(), False),
        (ReLU(), ReLU(exact=True), True),
        (ReLU(), Gaussian(), False),
        (ReLU(), Bernoulli(), False),
        (Softmax(3), Softmax([[2, 0, 1], [5, 4, 3]]), True),
        (Softmax(3), Softmax(2), False),
        (Softmax(3), Softmax(), False),
        (Softmax(3), Bernoulli(), True),
        (Softmax(3), ReLU(), True),
        (Softmax(3), Gaussian(), False),
        (Mixed([("bernoulli", [0, 1, 2]), ("relu", [3, 4, 5])]), ReLU(), False),
        (ReLU(), Mixed([("bernoulli", [0, 1, 2]), ("relu", [3, 4, 5])]), False),
    ],
    ids=str,
)
def test_layers_agree_if_all_hidden_states_are_visible_states(hidden, visible, agree):
    assert _covers(visible, hidden, 6) is agree


def test_stack_without_pretraining_is_no_density(stack, dbn):
    stack.rbms_ = []
    for method in (stack.score, stack.log_likelihood_bound, stack.score_samples):
        with pytest.raises(ValueError, match="Stack has no pre-trained machines"):
            method(dbn.states[0])
    for method in (stack.sample, stack.log_partition):
        with pytest.raises(ValueError, match="Stack has no pre-trained machines"):
            method()


def test_unfitted_stack_says_so(dbn):
    for method in (Stack().score, Stack().log_likelihood_bound, Stack().score_samples):
        with pytest.raises(NotFittedError):
            method(dbn.states[0])
    for method in (Stack().sample, Stack().log_partition):
        with pytest.raises(NotFittedError):
            method()


def test_counts_are_checked(dbn, stack):
    with pytest.raises(ValueError, match="n_draws must be an integer >= 1; got 0"):
        stack.log_likelihood_bound(dbn.states[0], n_draws=0)
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1; got 0"):
        stack.sample(0)
    for start in (None, dbn.states[0]):
        with pytest.raises(ValueError, match="n_steps must be an integer >= 1; got 0"):
            stack.sample(n_steps=0, start=start)
    with pytest.raises(ValueError, match='start must be None, "noise", "chains" or rows'):
        stack.sample(start="data")
    with pytest.raises(ValueError, match="X has 3 features"):
        stack.sample(start=np.zeros((7, 3)))
