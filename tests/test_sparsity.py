import numpy as np
import pytest
from exact import (
    BOUNDED,
    N_HIDDEN,
    N_SAMPLES,
    SOFTMAX_GROUPS,
    ExactRBM,
    finite_differences,
    random_rbm,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdbn import RBMTransformer
from skdbn._contrastive import Offsets, RBMLearner, Sparsity
from skdbn._rows import Batch
from skdbn.exceptions import DivergenceError
from skdbn.samplers import MeanField, Sampler, States
from skdbn.sparsity import SparsityTarget, resolve_sparsity
from skdbn.units import Gaussian

# Central differences of a value of about 10: step**2 = 1e-10 and 1e-15 / step.
DIFFERENCES = {"rtol": 1e-7, "atol": 1e-8}
ROUNDING = {"rtol": 1e-12, "atol": 1e-13}

# Visible units, hidden units and forms that go together.
CASES = [
    ("bernoulli", "bernoulli", "hinton"),
    ("bernoulli", "bernoulli", "lee"),
    ("gaussian", "bernoulli", "hinton"),
    ("bernoulli", "softmax", "hinton"),
    ("bernoulli", "softmax", "lee"),
    ("bernoulli", "gaussian", "lee"),
    ("bernoulli", "relu", "lee"),
    ("softmax", "bernoulli", "lee"),
]
each_case = pytest.mark.parametrize(("visible", "hidden", "form"), CASES, ids=["-".join(c) for c in CASES])


def penalty_of(target, q):
    """The penalty written out unit by unit."""
    p, total = target.target, 0.0
    for activity in q:
        if target.form == "hinton":
            total -= p * np.log(activity) + (1 - p) * np.log(1 - activity)
        else:
            total += (p - activity) ** 2
    return target.cost * total


class ExactSampler(Sampler):
    """The model term without sampling: all visible states (cells of the grid), by probability."""

    def __init__(self, oracle):
        self.oracle = oracle

    def n_rows(self, batch_size):
        return len(self.oracle.visible_states)

    def advance(self, machine, data, chains, rng, out):
        v = self.oracle.visible_states
        out[0][:], out[1][:] = v, self.oracle.mean_h(v)
        return States(*out, self.oracle.p_visible())


def make_learner(machine, sampler, offsets, sparsity, batch_size=N_SAMPLES):
    rng = np.random.default_rng(0)
    return RBMLearner(machine, sampler, None, offsets, rng, batch_size, sparsity=sparsity)


def make_batch(machine, v, weights):
    return Batch(machine.visible.decode(v.copy()), None, weights, float(len(v)))


# -- the penalty ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "form"), [(0.2, "hinton"), (0.2, "lee"), (-1.5, "lee"), (3.0, "lee")])
def test_penalty_is_the_cross_entropy_or_the_square(target, form):
    sparsity = SparsityTarget(target, cost=0.7, form=form)
    q = np.array([0.01, 0.2, 0.5, 0.93])
    assert_allclose(sparsity.penalty(q), penalty_of(sparsity, q), rtol=1e-14)


@pytest.mark.parametrize("form", ["hinton", "lee"])
def test_slope_is_the_derivative_of_the_penalty_and_zero_at_the_target(form):
    sparsity = SparsityTarget(0.2, cost=0.7, form=form)
    q = np.array([0.01, 0.2, 0.5, 0.93])
    # At 0.01 the third derivative is 2 p / q**3 = 4e5; times step**2 / 6 it is 1e-5.
    (expected,) = finite_differences(sparsity.penalty, [q])
    assert_allclose(sparsity.slope(q), expected, rtol=2e-6, atol=1e-9)
    assert sparsity.slope(q)[1] == 0
    assert sparsity.slope(q)[0] < 0 < sparsity.slope(q)[2]


def test_penalty_and_slope_of_units_that_are_always_on_or_off_are_finite():
    sparsity = SparsityTarget(0.1, cost=1.0)
    for dtype in (np.float32, np.float64):
        q = np.array([0, 1], dtype)
        # -log(1e-6) = 13.8 a unit, with weights 0.1 and 0.9; float32 has 1 - 1e-6 to 6 % of 1e-6.
        assert_allclose(sparsity.penalty(q), 13.8155 * (0.1 + 0.9), rtol=0.01)
        assert_allclose(sparsity.slope(q), [-0.1e6, 0.9e6], rtol=0.06)


# -- the gradient ---------------------------------------------------------------------------------


@each_case
@pytest.mark.parametrize("centered", [False, True])
def test_gradient_is_the_derivative_of_likelihood_and_penalty(
    visible, hidden, form, centered, to_machine, to_rows, rng
):
    oracle = random_rbm(visible, hidden=hidden)
    machine, v, weights = to_machine(oracle), to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
    target = SparsityTarget(0.3, cost=5.0, form=form, decay=0.0)
    offsets = Offsets(rng.random(oracle.n_visible), rng.random(oracle.n_hidden)) if centered else None
    learner = make_learner(machine, ExactSampler(oracle), offsets, Sparsity(target))
    gradient = learner.gradient(make_batch(machine, v, weights))
    mu, lam = offsets or (np.zeros(oracle.n_visible), np.zeros(oracle.n_hidden))

    def objective(*centred):
        moved = ExactRBM.from_centred(visible, *centred, mu, lam, hidden)
        penalty = penalty_of(target, weights @ moved.mean_h(v))
        return moved.negative_log_likelihood(v, weights) + penalty

    weights_, hidden_bias, visible_bias = oracle.parameters
    centred = weights_, hidden_bias + weights_ @ mu, visible_bias + lam @ weights_
    expected = finite_differences(objective, centred)
    for array, derivative in zip(gradient[:3], expected, strict=True):
        assert_allclose(array, derivative, **DIFFERENCES)
    # The penalty is not lost among the rest.
    assert np.abs(gradient.weights - oracle.gradient(v, weights)[0]).max() > 0.1


@pytest.mark.parametrize("hidden", BOUNDED)
def test_gradient_of_learned_scales_knows_the_penalty(hidden, to_machine, to_rows, rng):
    """In the units of the data the hidden means depend on the scales too."""
    oracle, weights = random_rbm("gaussian", hidden=hidden), rng.dirichlet(np.ones(N_SAMPLES))
    location, scale = np.array([10.0, -3.0]), np.array([2.0, 0.3])
    unit = Gaussian("learned").adapt(location, scale)
    machine = to_machine(oracle)
    parameters = machine.parameters._replace(log_scales=unit.log_scales())
    machine = machine._replace(visible=unit, parameters=parameters)
    target = SparsityTarget(0.3, cost=5.0, decay=0.0)
    batch = make_batch(machine, to_rows(oracle), weights)

    def objective(log_scales):
        v = (batch.inputs - location) / np.exp(log_scales)
        penalty = penalty_of(target, weights @ oracle.mean_h(v))
        return oracle.negative_log_likelihood(v, weights) + log_scales.sum() + penalty

    (expected,) = finite_differences(objective, [np.log(scale)])
    learner = make_learner(machine, ExactSampler(oracle), None, Sparsity(target))
    assert_allclose(learner.gradient(batch).log_scales, expected, **DIFFERENCES)


def test_gradient_in_a_short_batch_is_that_of_its_own_rows(binary_oracle, to_machine, to_rows, rng):
    oracle, machine = binary_oracle, to_machine(binary_oracle)
    v, weights = to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
    gradients = []
    for batch_size in (N_SAMPLES, N_SAMPLES + 6):
        sparsity = Sparsity(SparsityTarget(0.3, cost=5.0))
        learner = make_learner(machine, MeanField(), None, sparsity, batch_size)
        gradients.append([array.copy() for array in learner.gradient(make_batch(machine, v, weights))])
    for array, other in zip(*gradients, strict=True):
        assert_allclose(array, other, **ROUNDING)


def test_gradient_with_a_penalty_keeps_float32(to_machine, to_rows, rng):
    for kind in ("bernoulli", "gaussian"):
        oracle = random_rbm(kind)
        machine = to_machine(oracle, np.float32)
        weights = rng.dirichlet(np.ones(N_SAMPLES)).astype(np.float32)
        sparsity = Sparsity(SparsityTarget(np.float64(0.3), cost=np.float64(5.0)))
        learner = make_learner(machine, MeanField(), None, sparsity)
        batch = make_batch(machine, to_rows(oracle).astype(np.float32), weights)
        assert {array.dtype for array in learner.gradient(batch)[:3]} == {np.dtype(np.float32)}
        assert sparsity.activity.dtype == np.float32


# -- the running mean -----------------------------------------------------------------------------


def test_running_mean_begins_with_the_first_batch_and_keeps_a_share_at_each_update(
    binary_oracle, to_machine, to_rows, rng
):
    oracle, machine = binary_oracle, to_machine(binary_oracle)
    sparsity = Sparsity(SparsityTarget(0.3, cost=5.0, decay=0.75))
    learner = make_learner(machine, MeanField(), None, sparsity)
    expected = None
    for _ in range(3):
        v, weights = to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
        mean = weights @ oracle.mean_h(v)
        expected = mean if expected is None else 0.75 * expected + 0.25 * mean
        learner.gradient(make_batch(machine, v, weights))
        assert_allclose(sparsity.activity, expected, **ROUNDING)


def test_slope_is_taken_at_the_running_mean(binary_oracle, to_machine, to_rows):
    oracle, machine, v = binary_oracle, to_machine(binary_oracle), to_rows(binary_oracle)
    target = SparsityTarget(0.3, cost=5.0, form="lee", decay=0.75)
    before, weights = np.array([0.9, 0.5, 0.1]), np.full(N_SAMPLES, 1 / N_SAMPLES)
    biases = []
    for sparsity in (Sparsity(target, before.copy()), None):
        learner = make_learner(machine, MeanField(), None, sparsity)
        biases.append(learner.gradient(make_batch(machine, v, weights)).hidden_bias)
    h = oracle.mean_h(v)
    running = 0.75 * before + 0.25 * h.mean(axis=0)
    expected = 2 * 5.0 * (running - 0.3) * (h * (1 - h)).mean(axis=0)
    assert_allclose(biases[0] - biases[1], expected, **ROUNDING)


# -- through the estimator ------------------------------------------------------------------------


def fitted(X, sparsity, **keywords):
    settings = {"n_iter": 30, "random_state": 0} | keywords
    return RBMTransformer(7, sparsity=sparsity, **settings).fit(X)


@pytest.fixture(name="X_patterns")
def noisy_patterns(rng):
    """200 rows of two noisy patterns."""
    patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1]])
    flipped = rng.random((200, 6)) < 0.1
    return np.abs(patterns[rng.integers(2, size=200)] - flipped).astype(np.float64)


@pytest.mark.parametrize("form", ["hinton", "lee"])
@pytest.mark.parametrize("target", [0.1, 0.8])
def test_mean_activities_go_to_the_target_as_the_cost_grows(form, target, X_patterns):
    distances = []
    for cost in (None, 0.1, 1.0, 20.0):
        sparsity = None if cost is None else SparsityTarget(target, cost, form=form)
        activity = fitted(X_patterns, sparsity).transform(X_patterns).mean(axis=0)
        distances.append(np.abs(activity - target).mean())
    assert distances == sorted(distances, reverse=True)
    # At the target but for what the likelihood pulls: with up to 0.85 nats per activity, which the square
    # stands against with 2 * cost * distance.
    assert distances[0] > 0.25
    assert distances[-1] < 0.85 / (2 * 20)


def test_relu_units_are_made_sparse_by_lees_form(X_patterns):
    loose = fitted(X_patterns, None, hidden="relu").transform(X_patterns).mean()
    sparse = fitted(X_patterns, SparsityTarget(0.2, 20.0, form="lee"), hidden="relu")
    assert loose > 0.4
    assert_allclose(sparse.transform(X_patterns).mean(axis=0), 0.2, atol=0.04)


def test_a_number_stands_for_the_target_of_hintons_form(X_patterns):
    assert resolve_sparsity(None) is None
    target = SparsityTarget(0.3, form="lee")
    assert resolve_sparsity(target) is target
    assert resolve_sparsity(0.3).get_params() == SparsityTarget(0.3).get_params()
    one, other = (fitted(X_patterns, sparsity, n_iter=2) for sparsity in (0.3, SparsityTarget(0.3)))
    assert_array_equal(one.components_, other.components_)


def test_partial_fit_keeps_the_running_mean(X_patterns):
    fit = {"sampler": "meanfield", "optimizer": "sgd", "learning_rate": 0.1, "random_state": 0}
    target = SparsityTarget(0.1, 5.0, decay=0.99)
    rbm = RBMTransformer(3, sparsity=target, batch_size=None, **fit).partial_fit(X_patterns)
    before = rbm._training.activity.copy()
    h = rbm.transform(X_patterns).mean(axis=0)
    rbm.partial_fit(X_patterns)
    assert_allclose(rbm._training.activity, 0.99 * before + 0.01 * h, **ROUNDING)


def test_warm_start_keeps_the_running_mean_and_leaves_that_of_a_failed_fit(X_patterns):
    target = SparsityTarget(0.1, 5.0, decay=0.99)
    settings = {"n_iter": 1, "batch_size": None, "warm_start": True, "sampler": "meanfield"}
    rbm = fitted(X_patterns, target, **settings)
    before = rbm._training.activity.copy()
    h = rbm.transform(X_patterns).mean(axis=0)
    with pytest.raises(DivergenceError):
        rbm.set_params(learning_rate=1e308).fit(X_patterns)
    assert_array_equal(rbm._training.activity, before)
    rbm.set_params(learning_rate=0.02).fit(X_patterns)
    assert_allclose(rbm._training.activity, 0.99 * before + 0.01 * h, **ROUNDING)


def test_a_target_is_cloned_and_searched_over(X_patterns):
    rbm = RBMTransformer(3, sparsity=SparsityTarget(0.1), n_iter=1, random_state=0)
    assert rbm.get_params()["sparsity__target"] == 0.1
    assert clone(rbm).sparsity is not rbm.sparsity
    search = GridSearchCV(rbm, {"sparsity__cost": [0.01, 1.0], "sparsity__form": ["hinton", "lee"]}, cv=2)
    search.fit(X_patterns)
    assert rbm.sparsity.cost == 0.1
    assert len(set(search.cv_results_["mean_test_score"])) == 4  # all were used


# -- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (SparsityTarget(form="square"), r'form=.square.\): form must be "hinton" or "lee"'),
        (SparsityTarget("low"), r"target='low'\): target must be a number"),
        (SparsityTarget(True), r"target=True\): target must be a number"),
        (SparsityTarget(np.nan, form="lee"), r"target=nan\): target must be a number"),
        (SparsityTarget(cost=np.inf), r"cost=inf\): cost must be a number"),
        (SparsityTarget(cost=0), r"cost=0\): cost must be > 0"),
        (SparsityTarget(decay=1.0), r"decay=1.0\): decay must be within \[0, 1\)"),
        (SparsityTarget(decay=-0.1), r"decay=-0.1\): decay must be within \[0, 1\)"),
        (SparsityTarget(1.0), r'target=1.0, form="hinton"\) needs a target within \(0, 1\)'),
        (SparsityTarget(0), r'target=0, form="hinton"\) needs a target within \(0, 1\)'),
    ],
)
def test_targets_that_cannot_be_used_are_refused(target, message, X_patterns):
    with pytest.raises(ValueError, match=message):
        target.check(hidden_in_unit_interval=True)
    with pytest.raises(ValueError, match=message):
        fitted(X_patterns, target)


@pytest.mark.parametrize("hidden", ["gaussian", "relu"])
def test_hintons_form_is_refused_for_hidden_units_without_bounds(hidden, X_patterns):
    with pytest.raises(ValueError, match='hidden units with means within .* use form="lee"'):
        fitted(X_patterns, 0.1, hidden=hidden)
    fitted(X_patterns, SparsityTarget(0.1, form="lee"), hidden=hidden, n_iter=1)


def test_targets_at_the_bounds_of_lees_form_are_taken():
    for target in (0, 1, -2, 7.5):
        SparsityTarget(target, form="lee", decay=0).check(hidden_in_unit_interval=False)


def test_groups_of_the_oracle_are_those_of_the_hidden_units():
    """The softmax cases above have groups of unequal sizes."""
    assert sorted(map(len, SOFTMAX_GROUPS[7])) == [2, 2, 3]
    assert N_HIDDEN == 3


@pytest.mark.parametrize(
    "wrong", [SparsityTarget(form="nonsense"), SparsityTarget(cost=-1.0), SparsityTarget(1.5), True]
)
@pytest.mark.parametrize("online", [False, True])
def test_a_target_that_cannot_be_is_refused_when_training_goes_on(wrong, online, X_patterns):
    rbm = RBMTransformer(4, n_iter=1, warm_start=True, random_state=0).fit(X_patterns)
    weights = rbm.components_.copy()
    go_on = rbm.partial_fit if online else rbm.fit
    rbm.set_params(sparsity=wrong)
    with pytest.raises(ValueError, match=r"SparsityTarget\("):
        go_on(X_patterns)
    assert_array_equal(rbm.components_, weights)
