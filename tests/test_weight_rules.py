import numpy as np
import pytest
from exact import N_SAMPLES, ExactRBM, random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdbn import RBMTransformer
from skdbn._blocks import BLOCK
from skdbn._contrastive import Offsets, RBMLearner
from skdbn._energy import RBMParameters
from skdbn._rows import Rows
from skdbn._training import Plan, TrainingState, train
from skdbn._weight_rules import WeightRules
from skdbn.optimizers import SGD
from skdbn.samplers import CD, PCD, MeanField
from skdbn.units import Gaussian

# A handful of additions of numbers of about 1.
ROUNDING = {"rtol": 1e-13, "atol": 1e-14}
EPSILON = {np.dtype(dtype): np.finfo(dtype).eps for dtype in (np.float32, np.float64)}

each_centring = pytest.mark.parametrize("centered", [False, True])


def applied(rules, update, weights, decay):
    """The weights after a changed update; the arguments stay as they are."""
    changed = update.copy()
    rules.change(changed, weights, decay)
    return weights + changed


def soft_threshold(x, amount):
    """The minimiser of (w - x)^2 / 2 + amount * |w|, element by element."""
    result = np.empty_like(x)
    for index, value in np.ndenumerate(x):
        if value > amount:
            result[index] = value - amount
        elif value < -amount:
            result[index] = value + amount
        else:
            result[index] = 0.0
    return result


@pytest.fixture
def weights(rng):
    """Weights of 7 hidden and 13 visible units, some of them exactly 0."""
    weights = rng.standard_normal((7, 13))
    weights[rng.random((7, 13)) < 0.2] = 0
    return weights


@pytest.fixture
def update(rng):
    return 0.3 * rng.standard_normal((7, 13))


# -- decay ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.0, 1e-3, 0.25])
def test_l2_decay_shrinks_the_old_weights_by_a_factor(decay, weights, update):
    expected = (1 - decay) * weights + update
    assert_allclose(applied(WeightRules(), update, weights, decay), expected, **ROUNDING)


def test_without_decay_and_bounds_the_update_stays_as_it_is(weights, update):
    for rules in (WeightRules(), WeightRules(l1_ratio=1.0)):
        changed = update.copy()
        rules.change(changed, weights, 0.0)
        assert_array_equal(changed, update)


@pytest.mark.parametrize("decay", [1e-3, 0.25, 10.0])
def test_l1_decay_is_the_proximal_step_after_the_update(decay, weights, update):
    expected = soft_threshold(weights + update, decay)
    result = applied(WeightRules(l1_ratio=1.0), update, weights, decay)
    assert_allclose(result, expected, **ROUNDING)
    assert_array_equal(result == 0, expected == 0)  # exactly


def test_l1_decay_minimises_what_it_is_the_proximal_step_of(weights, update):
    """No weight on a fine grid has a smaller (w - x)^2 / 2 + decay * |w|."""
    decay, x = 0.25, weights + update
    grid = np.linspace(-4, 4, 8001)[:, np.newaxis]

    def cost(w):
        return (w - x.ravel()) ** 2 / 2 + decay * np.abs(w)

    result = applied(WeightRules(l1_ratio=1.0), update, weights, decay).ravel()
    assert (cost(result) <= cost(grid).min(axis=0) + 1e-14).all()


@pytest.mark.parametrize("l1_ratio", [0.3, 0.9])
def test_l1_ratio_shares_the_decay_between_both_kinds(l1_ratio, weights, update):
    decay = 0.25
    pulled = (1 - decay * (1 - l1_ratio)) * weights + update
    expected = soft_threshold(pulled, decay * l1_ratio)
    result = applied(WeightRules(l1_ratio), update, weights, decay)
    assert_allclose(result, expected, **ROUNDING)


def test_weights_of_zero_stay_there_while_their_gradient_is_smaller_than_the_decay(weights):
    rules = WeightRules(l1_ratio=1.0)
    update = np.full_like(weights, 0.01)
    zero = weights == 0
    assert zero.any()
    assert (applied(rules, update, weights, 0.0101)[zero] == 0).all()
    assert (applied(rules, update, weights, 0.0099)[zero] > 0).all()


# -- bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_are_clipped_to_the_bound_and_the_others_stay(dtype, weights, update):
    weights, update = weights.astype(dtype), update.astype(dtype)
    bound = 0.7
    result, free = applied(WeightRules(max_weight=bound), update, weights, 0.0), weights + update
    assert result.dtype == dtype
    outside = np.abs(free) > bound
    assert 10 < outside.sum() < 80
    # A difference of two numbers of up to 3, added to one of them again.
    rounding = 3 * EPSILON[result.dtype]
    assert_allclose(result[outside], bound * np.sign(free[outside]), rtol=0, atol=rounding)
    assert_allclose(result[~outside], free[~outside], rtol=0, atol=rounding)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_are_too_long_are_scaled_to_the_bound_and_the_others_stay(dtype, weights, update):
    weights, update = weights.astype(dtype), update.astype(dtype)
    free = weights + update
    norms = np.array([sum(float(w) ** 2 for w in row) ** 0.5 for row in free])
    bound = float(np.sort(norms)[3:5].mean())
    result = applied(WeightRules(max_norm=bound), update, weights, 0.0)
    assert result.dtype == dtype
    long = norms > bound
    assert 0 < long.sum() < len(long)
    rounding = 10 * EPSILON[result.dtype]
    assert_allclose(np.sqrt((result[long] ** 2).sum(axis=1)), bound, rtol=rounding)
    assert_allclose(result[long], free[long] * (bound / norms[long])[:, np.newaxis], rtol=0, atol=rounding)
    assert_allclose(result[~long], free[~long], rtol=0, atol=rounding)


def test_a_row_of_zeros_stays_so_and_huge_weights_are_cut_without_overflow():
    weights = np.array([[0.0, 0.0], [3e3, -4e3]])
    for rules, expected in ((WeightRules(max_norm=5.0), [3, -4]), (WeightRules(max_weight=5.0), [5, -5])):
        result = applied(rules, np.zeros_like(weights), weights, 0.0)
        # Sums with numbers of 4e3.
        assert_allclose(result, [[0, 0], expected], rtol=0, atol=1e-12)


def test_decay_comes_before_the_bounds_and_both_bounds_hold(weights, update):
    decay, rules = 0.25, WeightRules(l1_ratio=0.4, max_norm=1.5, max_weight=0.9)
    expected = soft_threshold((1 - 0.6 * decay) * weights + update, 0.4 * decay)
    expected = np.minimum(np.maximum(expected, -0.9), 0.9)
    norms = np.sqrt((expected**2).sum(axis=1))
    expected = np.array([row * min(1, 1.5 / norm) for row, norm in zip(expected, norms, strict=True)])
    assert_allclose(applied(rules, update, weights, decay), expected, **ROUNDING)


def test_rules_hold_for_arrays_of_many_blocks_and_keep_float32(rng):
    n = 2 * BLOCK // 100 + 7
    weights = rng.standard_normal((n, 100), dtype=np.float32)
    update = 0.1 * rng.standard_normal((n, 100), dtype=np.float32)
    rules = WeightRules(np.float64(0.5), np.float64(9.0), np.float64(2.0))
    changed = update.copy()
    rules.change(changed, weights, np.float64(0.01))
    assert changed.dtype == np.float32
    expected = np.clip(soft_threshold((1 - 0.005) * weights + update, 0.005), -2, 2)
    norms = np.sqrt((expected.astype(np.float64) ** 2).sum(axis=1))
    expected *= np.minimum(1, 9 / norms)[:, np.newaxis]
    assert_allclose(weights + changed, expected, rtol=0, atol=10 * EPSILON[changed.dtype])


# -- in training ----------------------------------------------------------------------------------


def make_learner(oracle, machine, rng, rules, centered, sampler=None):
    sampler = sampler or CD()
    offsets = Offsets(rng.random(oracle.n_visible), rng.random(oracle.n_hidden)) if centered else None
    return RBMLearner(machine, sampler, None, offsets, rng, N_SAMPLES, rules=rules)


RULES = [
    WeightRules(),
    WeightRules(l1_ratio=1.0),
    WeightRules(max_norm=0.4),
    WeightRules(max_weight=0.2),
    WeightRules(0.5, 0.4, 0.3),
]


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_with_centring_what_is_cut_leaves_the_fields_at_the_offsets(rules, oracle, to_machine, rng):
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, rng, rules, centered=True)
    mu, lam = learner.offsets

    def fields_at_offsets():
        weights, hidden_bias, visible_bias, _ = machine.parameters
        return hidden_bias + weights @ mu, visible_bias + lam @ weights

    before = fields_at_offsets()
    learner.apply(RBMParameters(*map(np.zeros_like, machine.parameters)), decay=0.3)
    for field, expected in zip(fields_at_offsets(), before, strict=True):
        assert_allclose(field, expected, rtol=1e-13, atol=1e-14)
    assert np.abs(machine.parameters.weights - oracle.weights).max() > 0.1  # something was cut


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_without_centring_biases_and_scales_are_never_touched(rules, to_machine, rng):
    oracle = random_rbm("gaussian")
    unit = Gaussian("learned").adapt(np.zeros(2), np.array([2.0, 0.3]))
    machine = to_machine(oracle)
    parameters = machine.parameters._replace(log_scales=unit.log_scales())
    machine = machine._replace(visible=unit, parameters=parameters)
    learner = make_learner(oracle, machine, rng, rules, centered=False)
    learner.apply(RBMParameters(*map(np.zeros_like, parameters)), decay=0.3)
    assert_array_equal(machine.parameters.hidden_bias, oracle.hidden_bias)
    assert_array_equal(machine.parameters.visible_bias, oracle.visible_bias)
    assert_array_equal(machine.parameters.log_scales, np.log([2.0, 0.3]))
    assert (machine.parameters.weights != oracle.weights).any()


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@each_centring
def test_weights_decayed_to_zero_leave_biases_at_the_log_odds_of_the_data(l1_ratio, centered, rng):
    X = (rng.random((200, 5)) < [0.1, 0.3, 0.5, 0.7, 0.9]).astype(np.float64)
    oracle = ExactRBM("bernoulli", rng.normal(size=(3, 5)), rng.normal(size=3), rng.normal(size=5))
    unit = RBMTransformer(3, n_iter=1, random_state=0, alpha=0).fit(X).visible_
    machine = RBMTransformer(3, n_iter=1, random_state=0).fit(X)._machine()._replace(visible=unit)
    for array, start in zip(machine.parameters, oracle.parameters, strict=False):
        array[:] = start
    offsets = Offsets(X.mean(axis=0), np.full(3, 0.5)) if centered else None
    rules = WeightRules(l1_ratio)
    learner = RBMLearner(machine, MeanField(), None, offsets, rng, len(X), rules=rules)
    # A rate times alpha of 1 takes the weights to 0 at the first step, or step by step.
    plan = Plan(SGD(momentum=0.0), 0.5, 2.0, len(X), 400)
    train(learner, Rows(X), plan, TrainingState(rng), lambda *_: False)
    mean = X.mean(axis=0)
    weights, _, visible_bias, _ = machine.parameters
    # L1 holds the weights at 0; L2 with a factor of 0 leaves the last update, which is 0 at the end.
    assert_allclose(weights, 0, atol=1e-6)
    assert_allclose(visible_bias, np.log(mean / (1 - mean)), atol=1e-4)


# -- through the estimator ------------------------------------------------------------------------


def fitted(X, **keywords):
    settings = {"n_iter": 5, "learning_rate": 0.05, "random_state": 0, "batch_size": 20} | keywords
    return RBMTransformer(7, **settings).fit(X)


@pytest.fixture(name="X_blocks")
def blocks_of_columns(rng):
    """Two blocks of columns that are equal but for noise."""
    causes = np.repeat(rng.random((200, 2)) < 0.5, 3, axis=1)
    return np.logical_xor(causes, rng.random((200, 6)) < 0.05).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("centered", [False, "data", "model", "average"])
@pytest.mark.parametrize("sampler", [PCD(), "fastpcd", "meanfield"], ids=str)
def test_fitted_weights_obey_the_bounds(dtype, centered, sampler, X_blocks):
    X = X_blocks.astype(dtype)
    free = fitted(X, centered=centered, sampler=sampler)
    bounds = {"max_norm": 0.5, "max_weight": 0.3}
    assert np.linalg.norm(free.components_, axis=1).max() > 1
    rounding = 10 * np.finfo(dtype).eps
    for names in (["max_norm"], ["max_weight"], ["max_norm", "max_weight"]):
        rbm = fitted(X, centered=centered, sampler=sampler, **{name: bounds[name] for name in names})
        assert rbm.components_.dtype == dtype
        if "max_norm" in names:
            norms = np.linalg.norm(rbm.components_.astype(np.float64), axis=1)
            assert norms.max() <= 0.5 * (1 + rounding)
            assert (norms > 0.5 * (1 - rounding)).any()  # reached
        if "max_weight" in names:
            largest = np.abs(rbm.components_).max()
            assert largest <= 0.3 * (1 + rounding)


# Hidden units without weights are constant.
@pytest.mark.filterwarnings("ignore:.*are constant:sklearn.exceptions.ConvergenceWarning")
@each_centring
def test_more_of_the_decay_of_the_l1_kind_makes_more_weights_exactly_zero(centered, X_blocks):
    zeros = [
        (fitted(X_blocks, alpha=2.0, l1_ratio=ratio, centered=centered, n_iter=20).components_ == 0).mean()
        for ratio in (0.0, 0.3, 1.0)
    ]
    assert zeros[0] == 0 < zeros[1] < zeros[2]


@pytest.mark.filterwarnings("ignore:.*are constant:sklearn.exceptions.ConvergenceWarning")
def test_a_strong_decay_leaves_a_model_of_independent_columns(X_blocks):
    mean = X_blocks.mean(axis=0)
    for l1_ratio in (0.0, 1.0):
        rbm = fitted(X_blocks, alpha=20.0, l1_ratio=l1_ratio, learning_rate="auto", n_iter=50)
        # Steps of RMSProp are of the size of the rate: L2 decay holds them at 1 / alpha, L1 at 0.
        assert np.abs(rbm.components_).max() <= (0 if l1_ratio else 2 / 20)
        field = rbm.intercept_visible_ + rbm.transform(X_blocks).mean(axis=0) @ rbm.components_
        # The rate ends at 0; the noise of a mean of 100 chains is 0.05 in each of the last updates.
        assert_allclose(1 / (1 + np.exp(-field)), mean, atol=0.03)


def test_an_infinite_bound_changes_nothing_but_rounding(X_blocks):
    free = fitted(X_blocks, n_iter=1)
    bounded = fitted(X_blocks, n_iter=1, max_norm=1e6, max_weight=1e6)
    # 10 updates; a draw falls the other way only if rounding decides it.
    assert_allclose(bounded.components_, free.components_, rtol=1e-12, atol=1e-13)


def test_rules_may_be_changed_for_a_warm_start(X_blocks):
    rbm = fitted(X_blocks, warm_start=True)
    assert np.abs(rbm.components_).max() > 0.3
    rbm.set_params(max_weight=0.2).fit(X_blocks)
    assert np.abs(rbm.components_).max() <= 0.2 * (1 + 1e-15)
    partly = clone(rbm).set_params(max_weight=0.1).partial_fit(X_blocks)
    assert np.abs(partly.components_).max() <= 0.1 * (1 + 1e-15)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("l1_ratio", -0.1),
        ("l1_ratio", 1.1),
        ("max_norm", 0.0),
        ("max_norm", -1.0),
        ("max_weight", 0),
        ("max_weight", "1"),
    ],
)
def test_rules_out_of_range_are_refused_by_name(name, value, X_blocks):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of RBMTransformer must be"):
        fitted(X_blocks, **{name: value})


def test_rules_are_cloned_and_searched_over(X_blocks):
    rbm = RBMTransformer(3, l1_ratio=0.5, max_norm=1.0, max_weight=0.5, n_iter=3, random_state=0)
    params = clone(rbm).get_params()
    assert (params["l1_ratio"], params["max_norm"], params["max_weight"]) == (0.5, 1.0, 0.5)
    grid = {"max_norm": [None, 0.3], "max_weight": [None, 0.2], "l1_ratio": [0.0, 1.0]}
    search = GridSearchCV(rbm.set_params(alpha=0.1), grid, cv=2).fit(X_blocks)
    # All were used; three weights of 0.2 in a row would be longer than 0.3.
    assert len(set(search.cv_results_["mean_test_score"])) == 8
