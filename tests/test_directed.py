import numpy as np
import pytest
from exact import SOFTMAX_GROUPS, finite_differences, one_hot_states
from numpy.testing import assert_allclose

from skdbn._directed import Conditional, ConditionalLearner
from skdbn.optimizers import RMSProp
from skdbn.units import Bernoulli, Gaussian, Mixed, Softmax

N_ROWS, N_X, N_Y = 11, 3, 7
# Central differences of a value of about 10: step**2 = 1e-10 and 1e-15 / step.
DIFFERENCES = {"rtol": 1e-7, "atol": 1e-8}
OFFSET_RATE = 0.01  # share of the offset that each batch replaces

BINARY, REAL, GROUP = [0, 3], [2, 6], [5, 1, 4]  # columns of the mixed layer


def mixed_unit():
    mean = np.zeros(N_Y)
    return Mixed([(Softmax(), GROUP), (Bernoulli(), BINARY), (Gaussian(), REAL)]).adapt(mean, mean + 1)


UNITS = {
    "bernoulli": Bernoulli(),
    "gaussian": Gaussian(),
    "softmax": Softmax(groups=SOFTMAX_GROUPS[N_Y]),
    "mixed": mixed_unit(),
}
each_unit = pytest.mark.parametrize("kind", UNITS)


def states(kind, rng, n=N_ROWS):
    """States of a layer of N_Y units."""
    if kind == "gaussian":
        return rng.standard_normal((n, N_Y))
    if kind == "softmax":
        every = one_hot_states(N_Y)
        return every[rng.integers(len(every), size=n)]
    y = (rng.random((n, N_Y)) < 0.4).astype(np.float64)
    if kind == "mixed":
        y[:, REAL] = rng.standard_normal((n, len(REAL)))
        y[:, GROUP] = np.eye(len(GROUP))[rng.integers(len(GROUP), size=n)]
    return y


def log_density(kind, field, y):
    """log p(y | field) of one row, type by type and by its definition."""
    if kind == "bernoulli":
        p = 1 / (1 + np.exp(-field))
        return np.log(np.where(y == 1, p, 1 - p)).sum()
    if kind == "gaussian":
        return np.log(np.exp(-((y - field) ** 2) / 2) / np.sqrt(2 * np.pi)).sum()
    if kind == "softmax":
        powers = [np.exp(field[group]) for group in SOFTMAX_GROUPS[N_Y]]
        chosen = [y[group] for group in SOFTMAX_GROUPS[N_Y]]
        return sum(np.log(p @ one / p.sum()) for p, one in zip(powers, chosen, strict=True))
    power = np.exp(field[GROUP])
    return (
        log_density("bernoulli", field[BINARY], y[BINARY])
        + log_density("gaussian", field[REAL], y[REAL])
        + np.log(power @ y[GROUP] / power.sum())
    )


def mean_loss(kind, weights, bias, x, y, row_weights):
    return -sum(
        w * log_density(kind, bias + a @ weights, b) for w, a, b in zip(row_weights, x, y, strict=True)
    )


@pytest.fixture
def make_conditional(rng):
    def make(kind="bernoulli", dtype=np.float64):
        weights, bias = rng.standard_normal((N_X, N_Y)), rng.standard_normal(N_Y)
        return Conditional(UNITS[kind], weights.astype(dtype), bias.astype(dtype))

    return make


@pytest.fixture
def pairs(rng):
    """Function that returns rows x, y and unequal weights of sum 1."""

    def draw(kind="bernoulli"):
        row_weights = rng.uniform(0.1, 3, N_ROWS)
        return rng.random((N_ROWS, N_X)), states(kind, rng), row_weights / row_weights.sum()

    return draw


def plain(gradient, offset):
    """The gradient by the parameters as they are, from that of the centred ones."""
    of_weights, of_bias = gradient
    return of_weights + np.outer(offset, of_bias), of_bias


# -- the gradient ---------------------------------------------------------------------------------


@each_unit
def test_gradient_is_the_derivative_of_the_exact_log_density(kind, make_conditional, pairs):
    conditional = make_conditional(kind)
    x, y, row_weights = pairs(kind)

    def loss(weights, bias):
        return mean_loss(kind, weights, bias, x, y, row_weights)

    expected = finite_differences(loss, [conditional.weights, conditional.bias])
    learner = ConditionalLearner(conditional, N_ROWS, np.array([0.3, -2.0, 0.7]))
    losses = np.zeros(N_ROWS)
    gradient = learner.gradient(x.copy(), y, row_weights, losses)
    for ours, numerical in zip(plain(gradient, learner.offset), expected, strict=True):
        assert np.abs(numerical).max() > 0.01
        assert_allclose(ours, numerical, **DIFFERENCES)
    assert_allclose(row_weights @ losses, loss(*learner.parameters), rtol=1e-12)


def test_weight_gradient_is_taken_where_the_field_at_the_offset_stays(make_conditional, pairs):
    conditional, (x, y, row_weights) = make_conditional(), pairs()
    learner = ConditionalLearner(conditional, N_ROWS, np.array([0.3, -2.0, 0.7]))
    of_weights = learner.gradient(x.copy(), y, row_weights)[0].copy()

    def loss(weights):
        moved = conditional.bias - learner.offset @ (weights - conditional.weights)
        return mean_loss("bernoulli", weights, moved, x, y, row_weights)

    assert_allclose(of_weights, finite_differences(loss, [conditional.weights])[0], **DIFFERENCES)


def test_with_offset_0_the_gradient_is_the_plain_one_to_the_last_bit(make_conditional, pairs):
    conditional, (x, y, row_weights) = make_conditional(), pairs()
    learner = ConditionalLearner(conditional, N_ROWS, np.zeros(N_X))
    gradient = learner.gradient(x.copy(), y, row_weights)
    error = (conditional.mean(x) - y) * row_weights[:, np.newaxis]
    assert_allclose(plain(gradient, learner.offset)[0], x.T @ error, rtol=0, atol=1e-15)
    assert_allclose(gradient[1], error.sum(axis=0), rtol=0, atol=1e-15)


def test_offset_begins_at_the_mean_of_the_first_batch_and_follows_the_next(make_conditional, pairs):
    learner = ConditionalLearner(make_conditional(), N_ROWS)
    first, second = pairs(), pairs()
    learner.gradient(first[0].copy(), *first[1:])
    mean = first[2] @ first[0]
    assert_allclose(learner.offset, mean, rtol=1e-12)
    learner.gradient(second[0].copy(), *second[1:])
    assert_allclose(learner.offset, mean + OFFSET_RATE * (second[2] @ second[0] - mean), rtol=1e-12)


def test_row_of_weight_2_counts_like_a_row_given_twice(make_conditional, pairs):
    x, y, _ = pairs()
    twice = np.ones(N_ROWS)
    twice[3] = 2
    again = np.append(np.arange(N_ROWS), 3)
    conditional, gradients = make_conditional(), []
    for rows, weights in ((np.arange(N_ROWS), twice), (again, np.ones(N_ROWS + 1))):
        learner = ConditionalLearner(conditional, N_ROWS + 1)
        gradients.append(learner.gradient(x[rows], y[rows], weights / weights.sum()))
    for weighted, repeated in zip(*gradients, strict=True):
        assert_allclose(weighted, repeated, rtol=1e-12, atol=1e-15)


# -- the update -----------------------------------------------------------------------------------


def train_a_little(conditional, x, y, row_weights, n_steps=5):
    learner = ConditionalLearner(conditional, N_ROWS)
    optimizer = RMSProp()
    state = optimizer.init(learner.parameters)
    for _ in range(n_steps):
        gradient = learner.gradient(x.copy(), y, row_weights)
        update, state = optimizer.update(gradient, state, 0.1)
        learner.apply(update, decay=0.01)
    return conditional


def copy_of(conditional):
    return conditional._replace(weights=conditional.weights.copy(), bias=conditional.bias.copy())


def test_training_is_the_same_whichever_state_of_the_units_below_is_called_1(make_conditional, pairs):
    x, y, row_weights = pairs()
    conditional = make_conditional()
    flipped = Conditional(
        conditional.unit, -conditional.weights, conditional.bias + conditional.weights.sum(axis=0)
    )
    trained = train_a_little(copy_of(conditional), x, y, row_weights)
    mirrored = train_a_little(flipped, 1 - x, y, row_weights)
    assert np.abs(trained.mean(x) - conditional.mean(x)).max() > 0.05
    assert_allclose(mirrored.mean(1 - x), trained.mean(x), rtol=1e-9)


def test_training_is_the_same_whichever_state_of_the_drawn_units_is_called_1(make_conditional, pairs):
    x, y, row_weights = pairs()
    conditional = make_conditional()
    flipped = Conditional(conditional.unit, -conditional.weights, -conditional.bias)
    trained = train_a_little(copy_of(conditional), x, y, row_weights)
    mirrored = train_a_little(flipped, x, 1 - y, row_weights)
    assert_allclose(1 - mirrored.mean(x), trained.mean(x), rtol=1e-9)


def test_decay_shrinks_the_weights_and_leaves_the_mean_field(make_conditional, pairs):
    conditional, (x, y, row_weights) = make_conditional(), pairs()
    before = copy_of(conditional)
    learner = ConditionalLearner(conditional, N_ROWS)
    gradient = learner.gradient(x.copy(), y, row_weights)
    learner.apply(tuple(map(np.zeros_like, gradient)), decay=0.25)
    assert_allclose(conditional.weights, 0.75 * before.weights, rtol=1e-12)
    assert_allclose(conditional.field(learner.offset), before.field(learner.offset), rtol=1e-12)
    assert np.abs(conditional.bias - before.bias).max() > 0.01


# -- draws ----------------------------------------------------------------------------------------


@each_unit
def test_draws_have_the_mean_and_covariance_of_their_distribution(kind, make_conditional, rng):
    conditional = make_conditional(kind)
    n = 20_000
    x = np.tile(rng.random(N_X), (n, 1))
    mean = conditional.mean(x[:1])[0]
    learner = ConditionalLearner(conditional, n)
    for y in (conditional.sample(x, rng), learner.draw(x, rng, out=np.empty((n, N_Y)))):
        errors = (y.mean(axis=0) - mean) / np.sqrt(conditional.unit.variance(mean) / n)
        assert np.abs(errors).max() < 4
        assert len(np.unique(y, axis=0)) > 5


def test_float32_stays_float32(make_conditional, pairs, rng):
    conditional = make_conditional(dtype=np.float32)
    x, y, row_weights = (array.astype(np.float32) for array in pairs())
    learner = ConditionalLearner(conditional, N_ROWS)
    losses = np.zeros(N_ROWS, np.float32)
    gradient = learner.gradient(x.copy(), y, row_weights, losses)
    learner.apply(gradient, decay=0.1)
    results = [*gradient, losses, learner.offset, *learner.parameters, conditional.mean(x)]
    assert {array.dtype for array in [*results, conditional.sample(x, rng)]} == {np.dtype(np.float32)}
