import numpy as np
import pytest
from exact import (
    BOUNDED,
    N_HIDDEN,
    N_SAMPLES,
    N_VISIBLE,
    PAIRS,
    ExactRBM,
    finite_differences,
    random_rbm,
)
from numpy.testing import assert_allclose, assert_array_equal

from skdbn._contrastive import Offsets, RBMLearner
from skdbn._energy import RBMParameters
from skdbn._rbm_fit import Objective, begin_training, take_in_new_rows
from skdbn._rows import Batch, Rows
from skdbn._weight_rules import WeightRules
from skdbn.optimizers import SGD
from skdbn.samplers import CD, PCD, MeanField, Sampler, States
from skdbn.units import Bernoulli, Gaussian, ReLU, Softmax

# Sums over at most 4000 cells of a grid in float64.
ROUNDING = {"rtol": 1e-10, "atol": 1e-11}
# Central differences of a value of about 10: step**2 = 1e-10 and 1e-15 / step.
DIFFERENCES = {"rtol": 1e-7, "atol": 1e-8}
OFFSET_RATE = 0.01  # share of the hidden offset that each batch replaces
N_ERRORS = 4  # standard errors allowed to a mean of draws; every test has its own fixed seed

PAIRS_WITH_GAUSSIAN_VISIBLES = [pair for pair in PAIRS if pair[0] == "gaussian"]

each_centring = pytest.mark.parametrize("centered", [False, True])


class ExactSampler(Sampler):
    """The model term without sampling: all visible states (cells of the grid), by probability.

    Follows the machine, so that it can be trained with.
    """

    def __init__(self, oracle):
        self.oracle = oracle

    def n_rows(self, batch_size):
        return len(self.oracle.visible_states)

    def advance(self, machine, data, chains, rng, out):
        oracle = self.oracle
        if oracle.visible in BOUNDED:
            oracle = oracle.replace(*machine.parameters[:3])
        visible, hidden_mean = out
        visible[:] = oracle.visible_states
        hidden_mean[:] = oracle.mean_h(oracle.visible_states)
        return States(visible, hidden_mean, oracle.p_visible().astype(visible.dtype))


def random_offsets(oracle, rng, dtype=np.float64):
    return Offsets(rng.random(oracle.n_visible, dtype), rng.random(oracle.n_hidden, dtype))


def make_learner(oracle, machine, sampler, rng, *, centered=False, batch_size=N_SAMPLES, **keywords):
    dtype = machine.parameters.weights.dtype
    offsets = random_offsets(oracle, rng, dtype) if centered else None
    chains = sampler.start(machine, batch_size, rng)
    return RBMLearner(machine, sampler, chains, offsets, rng, batch_size, **keywords)


def make_batch(machine, v, weights=None):
    """A batch in the units of the data, of rows in the coordinates of the energy."""
    weights = np.full(len(v), 1 / len(v)) if weights is None else weights
    return Batch(machine.visible.decode(v.copy()), None, weights.astype(v.dtype), float(len(v)))


def assert_parameters_close(actual, expected, **tolerance):
    """Compare weights and biases; no scale is learned unless a test says so."""
    for array, other in zip(actual[:3], expected[:3], strict=True):
        assert_allclose(array, other, **tolerance)


def copies(arrays):
    return [array.copy() for array in arrays]


def uniform(n):
    return np.full(n, 1 / n)


# -- the gradient ---------------------------------------------------------------------------------


def test_gradient_of_the_oracle_is_the_derivative_of_its_likelihood(oracle, to_rows, rng):
    v, weights = to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
    expected = finite_differences(
        lambda *p: oracle.replace(*p).negative_log_likelihood(v, weights),
        oracle.parameters,
    )
    assert_parameters_close(oracle.gradient(v, weights), expected, **DIFFERENCES)


@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_the_derivative_of_the_likelihood(oracle, to_machine, to_rows, weighted, rng):
    v = to_rows(oracle)
    weights = rng.dirichlet(np.ones(N_SAMPLES)) if weighted else uniform(N_SAMPLES)
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, ExactSampler(oracle), rng)
    gradient = learner.gradient(make_batch(machine, v, weights))
    assert_parameters_close(gradient, oracle.gradient(v, weights), **ROUNDING)


@pytest.mark.parametrize("weighted", [False, True])
def test_centred_gradient_is_the_derivative_by_the_centred_parameters(
    oracle, to_machine, to_rows, weighted, rng
):
    v = to_rows(oracle)
    weights = rng.dirichlet(np.ones(N_SAMPLES)) if weighted else uniform(N_SAMPLES)
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, ExactSampler(oracle), rng, centered=True)
    gradient = learner.gradient(make_batch(machine, v, weights))
    offsets = learner.offsets  # those that the gradient has used

    def likelihood(*centred):
        moved = ExactRBM.from_centred(oracle.visible, *centred, *offsets, oracle.hidden)
        return moved.negative_log_likelihood(v, weights)

    expected = finite_differences(likelihood, centred_parameters(oracle.parameters, offsets))
    assert_parameters_close(gradient, expected, **DIFFERENCES)


def centred_parameters(parameters, offsets):
    """The biases b' = b + lambda.W and c' = c + W.mu of the same machine."""
    weights, hidden_bias, visible_bias = parameters[:3]
    return (
        weights.copy(),
        hidden_bias + weights @ offsets.visible,
        visible_bias + offsets.hidden @ weights,
    )


@each_centring
@pytest.mark.parametrize("oracle", PAIRS_WITH_GAUSSIAN_VISIBLES, indirect=True, ids="-".join)
def test_gradient_of_learned_scales_is_the_derivative_in_the_units_of_the_data(
    oracle, to_machine, to_rows, centered, rng
):
    weights, location, scale = (
        rng.dirichlet(np.ones(N_SAMPLES)),
        np.array([10.0, -3.0]),
        np.array([2.0, 0.3]),
    )
    visible = Gaussian("learned").adapt(location, scale)
    machine = to_machine(oracle)._replace(visible=visible)
    parameters = machine.parameters._replace(log_scales=visible.log_scales())
    machine = machine._replace(parameters=parameters)
    learner = make_learner(oracle, machine, ExactSampler(oracle), rng, centered=centered)
    batch = make_batch(machine, to_rows(oracle), weights)

    def negative_log_density(log_scales):
        v = (batch.inputs - location) / np.exp(log_scales)
        return oracle.negative_log_likelihood(v, weights) + log_scales.sum()

    (expected,) = finite_differences(negative_log_density, [np.log(scale)])
    assert_allclose(learner.gradient(batch).log_scales, expected, **DIFFERENCES)


@each_centring
def test_gradient_is_zero_when_the_data_are_the_model(oracle, to_machine, centered, rng):
    machine = to_machine(oracle)
    v, weights = oracle.visible_states, oracle.p_visible()
    learner = make_learner(oracle, machine, ExactSampler(oracle), rng, centered=centered, batch_size=len(v))
    gradient = learner.gradient(make_batch(machine, v, weights))
    assert_parameters_close(gradient, [np.zeros_like(array) for array in gradient], atol=1e-12)


@each_centring
@pytest.mark.parametrize("n_steps", [1, 2])
def test_gradient_of_cd_is_on_average_that_of_all_its_chains(
    oracle, to_machine, to_rows, centered, n_steps, rng
):
    machine, v = to_machine(oracle), to_rows(oracle)
    weights = rng.dirichlet(np.ones(N_SAMPLES))
    n_copies, n_replicates = 31, 101  # the rows many times in one batch, and many batches
    learner = make_learner(
        oracle, machine, CD(n_steps), rng, centered=centered, batch_size=n_copies * N_SAMPLES
    )
    batch = make_batch(machine, np.tile(v, (n_copies, 1)), np.tile(weights / n_copies, n_copies))
    if centered:
        learner.offsets.hidden[:] = weights @ oracle.mean_h(v)  # where they stay
    replicates = [copies(learner.gradient(batch)[:3]) for _ in range(n_replicates)]
    expected = oracle.contrastive_gradient(v, weights, n_steps)
    if centered:
        expected = centred_gradient(expected, learner.offsets)
    for drawn, exact in zip(map(np.array, zip(*replicates, strict=True)), expected, strict=True):
        error = drawn.std(axis=0, ddof=1) / np.sqrt(n_replicates)
        assert (np.abs(drawn.mean(axis=0) - exact) < N_ERRORS * error).all()


def test_gradient_of_redrawn_grey_rows_is_on_average_that_of_all_their_draws(
    binary_oracle, to_machine, rng
):
    oracle, n_copies, n_replicates = binary_oracle, 97, 211
    machine = to_machine(oracle)._replace(visible=Bernoulli())
    row = np.full(N_VISIBLE, 0.5)  # as far from binary as can be
    learner = make_learner(oracle, machine, ExactSampler(oracle), rng, batch_size=n_copies)
    batch = make_batch(machine, np.tile(row, (n_copies, 1)))
    replicates = [copies(learner.gradient(batch)[:3]) for _ in range(n_replicates)]
    states = oracle.visible_states
    expected = oracle.gradient(states, np.where(states == 1, row, 1 - row).prod(axis=1))
    of_the_grey_row = oracle.gradient(row[np.newaxis], np.ones(1))
    for drawn, exact in zip(map(np.array, zip(*replicates, strict=True)), expected, strict=True):
        error = drawn.std(axis=0, ddof=1) / np.sqrt(n_replicates)
        assert (np.abs(drawn.mean(axis=0) - exact) < N_ERRORS * error).all()
        assert (error < 0.005).all()
    assert np.abs(expected[0] - of_the_grey_row[0]).max() > 0.05  # more than 10 errors: another gradient


def test_mean_field_presents_grey_rows_as_they_are(binary_oracle, to_machine, to_rows, rng):
    v, gradients = rng.random((N_SAMPLES, N_VISIBLE)), []
    for visible in (Bernoulli(), Bernoulli(redraw=False)):
        machine = to_machine(binary_oracle)._replace(visible=visible)
        learner = make_learner(binary_oracle, machine, MeanField(), rng)
        gradients.append(copies(learner.gradient(make_batch(machine, v))))
    for one, other in zip(*gradients, strict=True):
        assert_array_equal(one, other)


def centred_gradient(gradient, offsets):
    """(h - lambda)(v - mu) = h v - lambda v - h mu + lambda mu, of which the last term cancels."""
    weights, hidden_bias, visible_bias = gradient
    weights = weights - np.outer(offsets.hidden, visible_bias) - np.outer(hidden_bias, offsets.visible)
    return weights, hidden_bias, visible_bias


def test_without_connections_the_visible_bias_descends_to_the_mean_of_the_data(
    oracle, to_machine, to_rows, rng
):
    unconnected = oracle.replace(0 * oracle.weights, oracle.hidden_bias, oracle.visible_bias)
    machine, v = to_machine(unconnected), to_rows(oracle)
    learner = make_learner(unconnected, machine, MeanField(), rng)
    gradient = learner.gradient(make_batch(machine, v))
    of_model = unconnected.mean_v(unconnected.hidden_states[:1])[0]
    assert_allclose(gradient.visible_bias, of_model - v.mean(axis=0), **ROUNDING)
    assert_allclose(gradient.hidden_bias, 0, atol=1e-15)


# -- each phase is a mean over its own rows -------------------------------------------------------


class FixedSampler(Sampler):
    """A model term of given visible rows, each repeated."""

    def __init__(self, rows, n_copies):
        self.rows = rows
        self.n_copies = n_copies

    def n_rows(self, batch_size):
        return len(self.rows) * self.n_copies

    def advance(self, machine, data, chains, rng, out):
        out[0][:] = np.tile(self.rows, (self.n_copies, 1))
        machine.mean_h_from_v(out[0], out=out[1])
        return States(*out, uniform(len(out[0])))


@each_centring
@pytest.mark.parametrize("n_copies", [2, 13])
def test_gradient_does_not_depend_on_the_number_of_chains(oracle, to_machine, to_rows, centered, n_copies):
    machine, v, model_rows = to_machine(oracle), to_rows(oracle), to_rows(oracle, 7)
    gradients = []
    for sampler in (FixedSampler(model_rows, 1), FixedSampler(model_rows, n_copies)):
        learner = make_learner(oracle, machine, sampler, np.random.default_rng(1), centered=centered)
        gradients.append(copies(learner.gradient(make_batch(machine, v))))
    assert_parameters_close(*gradients, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_rows", [5, 10, 101])
def test_gradient_of_pcd_at_the_optimum_is_zero_for_any_number_of_rows(
    binary_oracle, to_machine, n_rows, rng
):
    oracle, n_chains, n_replicates = binary_oracle, 10, 2003
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, PCD(n_chains=n_chains), rng, batch_size=101)
    replicates = []
    for _ in range(n_replicates):
        learner.chains[:] = oracle.draw_hidden(n_chains, rng)
        batch = make_batch(machine, oracle.draw_visible(n_rows, rng))
        replicates.append(copies(learner.gradient(batch)[:3]))
    for drawn in map(np.array, zip(*replicates, strict=True)):
        error = drawn.std(axis=0, ddof=1) / np.sqrt(n_replicates)
        # One count for both phases would give means of about 0.3 for 5 rows: more than 30 errors.
        assert (error < 0.01).all()
        assert (np.abs(drawn.mean(axis=0)) < N_ERRORS * error).all()


@each_centring
def test_a_short_last_batch_is_a_mean_over_its_own_rows(oracle, to_machine, to_rows, centered, rng):
    machine, v = to_machine(oracle), to_rows(oracle)
    rows = Rows(machine.visible.decode(v.copy()))
    learner = make_learner(oracle, machine, ExactSampler(oracle), rng, centered=centered, batch_size=10)
    sizes = []
    for batch in rows.batches(10, rng):
        own = machine.visible.encode(batch.inputs, out=np.empty_like(batch.inputs))
        expected = oracle.gradient(own, uniform(len(own)))
        gradient = learner.gradient(batch)
        if centered:
            expected = centred_gradient(expected, learner.offsets)
        assert_parameters_close(gradient, expected, **ROUNDING)
        sizes.append(len(own))
    assert sizes == [10, 1]


@pytest.mark.parametrize("sampler", [CD(2), MeanField(2), PCD(2, n_chains=7)], ids=str)
@each_centring
def test_a_single_row_has_the_same_gradient_in_any_batch_size(
    sampler, oracle, to_machine, to_rows, centered
):
    machine, v = to_machine(oracle), to_rows(oracle)[:1]
    gradients = []
    for batch_size in (1, 10):
        learner = make_learner(
            oracle,
            machine,
            sampler,
            np.random.default_rng(1),
            centered=centered,
            batch_size=batch_size,
        )
        gradients.append(copies(learner.gradient(make_batch(machine, v))))
    assert_parameters_close(*gradients, rtol=1e-13, atol=1e-15)


def test_a_row_of_double_weight_is_a_row_given_twice(oracle, to_machine, to_rows, rng):
    machine, v = to_machine(oracle), to_rows(oracle)
    times = rng.integers(1, 4, size=N_SAMPLES)
    gradients = []
    for rows, weights in [(v, times / times.sum()), (np.repeat(v, times, axis=0), None)]:
        learner = make_learner(oracle, machine, MeanField(), rng, batch_size=len(rows))
        gradients.append(copies(learner.gradient(make_batch(machine, rows, weights))))
    assert_parameters_close(*gradients, rtol=1e-12, atol=1e-14)


# -- offsets and updates --------------------------------------------------------------------------


def test_hidden_offset_follows_the_data_and_the_visible_one_stays(oracle, to_machine, to_rows, rng):
    machine, v = to_machine(oracle), to_rows(oracle)
    weights = rng.dirichlet(np.ones(N_SAMPLES))
    learner = make_learner(oracle, machine, CD(), rng, centered=True)
    visible, hidden = copies(learner.offsets)
    learner.gradient(make_batch(machine, v, weights))
    assert_allclose(learner.offsets.hidden, moved(hidden, weights @ oracle.mean_h(v)), rtol=1e-12)
    assert_array_equal(learner.offsets.visible, visible)


@pytest.mark.parametrize(("source", "share"), [("model", 1.0), ("average", 0.5)])
def test_offsets_follow_the_means_of_the_model_or_half_way(source, share, oracle, to_machine, to_rows, rng):
    machine, v = to_machine(oracle), to_rows(oracle)
    weights = rng.dirichlet(np.ones(N_SAMPLES))
    learner = make_learner(oracle, machine, ExactSampler(oracle), rng, centered=True, offsets_from=source)
    visible, hidden = copies(learner.offsets)
    learner.gradient(make_batch(machine, v, weights))
    _, hidden_data, visible_data = oracle.statistics(v, weights)
    _, hidden_model, visible_model = oracle.statistics(oracle.visible_states, oracle.p_visible())
    target = share * visible_model + (1 - share) * visible_data
    assert_allclose(learner.offsets.visible, moved(visible, target), **ROUNDING)
    target = share * hidden_model + (1 - share) * hidden_data
    assert_allclose(learner.offsets.hidden, moved(hidden, target), **ROUNDING)


def moved(offset, mean):
    return (1 - OFFSET_RATE) * offset + OFFSET_RATE * mean


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_centred_update_makes_the_machine_of_the_updated_centred_parameters(
    oracle, to_machine, decay, rng
):
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, CD(), rng, centered=True)
    update = RBMParameters(*(rng.normal(size=array.shape) for array in oracle.parameters))
    weights, hidden_bias, visible_bias = centred_parameters(oracle.parameters, learner.offsets)
    expected = ExactRBM.from_centred(
        oracle.visible,
        (1 - decay) * weights + update.weights,
        hidden_bias + update.hidden_bias,
        visible_bias + update.visible_bias,
        *learner.offsets,
        oracle.hidden,
    )
    learner.apply(update, decay)
    assert_parameters_close(machine.parameters, expected.parameters, rtol=1e-12, atol=1e-13)


def test_an_update_without_centring_is_added_and_decay_shrinks_the_weights_alone(oracle, to_machine, rng):
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, CD(), rng)
    update = RBMParameters(*(rng.normal(size=array.shape) for array in oracle.parameters))
    expected = [
        0.9 * oracle.weights + update.weights,
        oracle.hidden_bias + update.hidden_bias,
        oracle.visible_bias + update.visible_bias,
    ]
    learner.apply(update, 0.1)
    assert_parameters_close(machine.parameters, expected, rtol=1e-13, atol=1e-14)


def test_decay_leaves_the_biases_of_the_parametrisation_alone(oracle, to_machine, rng):
    for centered in (False, True):
        machine = to_machine(oracle)
        learner = make_learner(oracle, machine, CD(), rng, centered=centered)
        offsets = learner.offsets or Offsets(np.zeros(oracle.n_visible), np.zeros(oracle.n_hidden))
        before = centred_parameters(oracle.parameters, offsets)
        learner.apply(RBMParameters(*map(np.zeros_like, oracle.parameters)), 0.25)
        after = centred_parameters(machine.parameters, offsets)
        assert_allclose(after[0], 0.75 * before[0], rtol=1e-14)
        assert_allclose(after[1], before[1], rtol=1e-13, atol=1e-14)
        assert_allclose(after[2], before[2], rtol=1e-13, atol=1e-14)


# -- arrays ---------------------------------------------------------------------------------------


@each_centring
@pytest.mark.parametrize("sampler", [CD(2), PCD(2), MeanField(2)], ids=str)
def test_float32_stays_float32(oracle, to_machine, to_rows, centered, sampler, rng):
    machine = to_machine(oracle, np.float32)
    learner = make_learner(oracle, machine, sampler, rng, centered=centered)
    gradient = learner.gradient(make_batch(machine, to_rows(oracle).astype(np.float32)))
    update = RBMParameters(*copies(gradient))
    learner.apply(update, 0.01)
    arrays = [*gradient[:3], *update[:3], *learner.parameters[:3], *(learner.offsets or ())]
    arrays += [] if learner.chains is None else [learner.chains]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert all(np.isfinite(array).all() for array in arrays)


@each_centring
@pytest.mark.parametrize("sampler", [CD(2), PCD(2), MeanField(2)], ids=str)
def test_gradient_changes_neither_parameters_nor_data(oracle, to_machine, to_rows, centered, sampler, rng):
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, sampler, rng, centered=centered)
    batch = make_batch(machine, to_rows(oracle))
    inputs, weights = batch.inputs.copy(), batch.weights.copy()
    gradient = learner.gradient(batch)
    assert_parameters_close(machine.parameters, oracle.parameters, rtol=0)
    assert_array_equal(batch.inputs, inputs)
    assert_array_equal(batch.weights, weights)
    for array in gradient:
        assert not any(np.shares_memory(array, parameter) for parameter in machine.parameters)


def test_apply_changes_the_arrays_of_the_machine_in_place(oracle, to_machine, rng):
    machine = to_machine(oracle)
    learner = make_learner(oracle, machine, CD(), rng)
    arrays = list(machine.parameters)
    learner.apply(RBMParameters(*map(np.ones_like, oracle.parameters)), 0.0)
    assert all(now is then for now, then in zip(learner.parameters, arrays, strict=True))


class RecordingSampler(Sampler):
    """Keeps what the data term was; the model term is the data term."""

    def advance(self, machine, data, chains, rng, out):
        self.data_visible = data.visible.copy()
        n_rows = len(data.weights)
        out[0][:n_rows], out[1][:n_rows] = data.visible, data.hidden_mean
        return States(out[0][:n_rows], out[1][:n_rows], data.weights)


@pytest.mark.parametrize("redraw", [False, True])
def test_grey_rows_are_drawn_anew_in_each_step_only_if_asked_for(binary_oracle, to_machine, redraw, rng):
    machine = to_machine(binary_oracle)._replace(visible=Bernoulli(redraw=redraw))
    v = rng.random((N_SAMPLES, N_VISIBLE))
    sampler = RecordingSampler()
    learner = make_learner(binary_oracle, machine, sampler, rng)
    n_steps, total = 2003, 0.0
    for _ in range(n_steps):
        learner.gradient(make_batch(machine, v))
        total = total + sampler.data_visible
    if redraw:
        assert set(np.unique(sampler.data_visible)) == {0.0, 1.0}
        assert (np.abs(total / n_steps - v) < N_ERRORS * np.sqrt(v * (1 - v) / n_steps)).all()
    else:
        assert_array_equal(sampler.data_visible, v)


# -- training -------------------------------------------------------------------------------------


@each_centring
def test_exact_gradients_lead_to_the_distribution_of_the_teacher(to_machine, centered, rng):
    teacher = random_rbm("bernoulli", seed=3, n_visible=3, n_hidden=2, spread=1.5)
    student = random_rbm("bernoulli", seed=4, n_visible=3, n_hidden=2, spread=0.5)
    machine = to_machine(student)
    learner = make_learner(student, machine, ExactSampler(student), rng, centered=centered, batch_size=8)
    batch = make_batch(machine, teacher.visible_states, teacher.p_visible())
    optimizer = SGD()
    state = optimizer.init(learner.parameters)
    for _ in range(3000):
        update, state = optimizer.update(learner.gradient(batch), state, 1.0, 0.0)
        learner.apply(update, 0.0)
    trained = student.replace(*machine.parameters[:3])
    p, q = teacher.p_visible(), trained.p_visible()
    divergence = p @ np.log(p / q)
    first = p @ np.log(p / student.p_visible())
    # In nats. The way to the optimum is long and flat: 3000 steps end at 3e-4 and 2e-5.
    assert 0 <= divergence < 1e-3 < 0.1 < first


def objective(centered):
    return Objective(PCD(), "data" if centered else None, WeightRules(), None)


# Hidden units of each type, and their means without any input: of 20 and more binary copies of fields
# -1/2, -3/2, ... in a ReLU unit.
HIDDEN_MEANS = [
    (Bernoulli(), [0.5, 0.5, 0.5, 0.5, 0.5]),
    (Gaussian(), [0.0, 0.0, 0.0, 0.0, 0.0]),
    (ReLU(), 5 * [sum(1 / (1 + np.exp(k + 0.5)) for k in range(60))]),
    (Softmax(groups=[[0, 1], [2, 3, 4]]), [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3]),
]


@pytest.mark.parametrize("visible", [Bernoulli(), Gaussian()], ids=str)
@pytest.mark.parametrize(("hidden", "hidden_mean"), HIDDEN_MEANS, ids=str)
@each_centring
def test_training_begins_with_hidden_fields_of_zero_at_the_mean_of_the_rows(
    visible, hidden, hidden_mean, centered, rng
):
    X, n_hidden = rng.random((N_SAMPLES, N_VISIBLE)), 5
    sample_weight = rng.random(N_SAMPLES)
    mean = np.average(X, axis=0, weights=sample_weight)
    rows = Rows(X, sample_weight=sample_weight)
    training = begin_training(rows, visible, hidden, n_hidden, objective(centered), 10, rng)
    machine = training.machine
    h = np.array([hidden_mean])
    encoded = machine.visible.encode(mean[np.newaxis], out=np.empty((1, N_VISIBLE)))
    if centered:
        assert_allclose(machine.mean_h_from_v(encoded), h, rtol=1e-12, atol=1e-12)
        reconstruction = machine.visible.decode(machine.mean_v_from_h(h))[0]
        assert_allclose(reconstruction, mean, rtol=1e-12)
        assert_allclose(training.offsets.visible, encoded[0], rtol=1e-12, atol=1e-12)
        assert_allclose(training.offsets.hidden, h[0], rtol=1e-13)
    else:
        assert training.offsets is None
        assert_array_equal(machine.parameters.hidden_bias, np.zeros(n_hidden))
        without_hidden = machine.mean_v_from_h(0 * h)
        assert_allclose(machine.visible.decode(without_hidden)[0], mean, rtol=1e-12)


def test_visible_offsets_are_the_mean_of_all_rows_seen_so_far(rng):
    chunks = [rng.random((n, N_VISIBLE)) for n in (N_SAMPLES, 7, 1)]
    weights = [rng.random(len(chunk)) for chunk in chunks]
    rows = [Rows(X, sample_weight=w) for X, w in zip(chunks, weights, strict=True)]
    training = begin_training(rows[0], Bernoulli(), Bernoulli(), N_HIDDEN, objective(True), 10, rng)
    parameters = copies(training.machine.parameters)
    for more in rows[1:]:
        take_in_new_rows(training, more, objective(True))
    mean = np.average(np.concatenate(chunks), axis=0, weights=np.concatenate(weights))
    assert_allclose(training.offsets.visible, mean, rtol=1e-12)
    assert_allclose(training.total_weight, sum(w.sum() for w in weights), rtol=1e-13)
    assert_parameters_close(training.machine.parameters, parameters, rtol=0)
