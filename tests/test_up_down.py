import numpy as np
import pytest
from exact import N_SAMPLES, finite_differences
from exact_generative import (
    N_CLASSES,
    SIZES,
    ExactGenerativeNetwork,
    from_network,
    random_network,
    to_network,
)
from numpy.testing import assert_allclose, assert_array_equal

from skdbn._energy import Machine, RBMParameters
from skdbn._generative_network import log_probabilities, untie
from skdbn._rows import Batch, Rows
from skdbn._training import Plan, TrainingState, train
from skdbn._up_down import UpDownLearner
from skdbn.optimizers import SGD, RMSProp
from skdbn.samplers import Sampler, States
from skdbn.schedules import Linear
from skdbn.units import Bernoulli, Gaussian, Mixed, Softmax

N_DRAWS = 20_000
N_ERRORS = 4  # standard errors allowed to a mean of draws; every test has its own fixed seed
# Central differences of a value of about 10: step**2 = 1e-10 and 1e-15 / step.
DIFFERENCES = {"rtol": 1e-7, "atol": 1e-8}

each_level = pytest.mark.parametrize("level", [0, 1])


@pytest.fixture
def oracle():
    return random_network()


@pytest.fixture
def data(oracle):
    """A few different rows with labels, and their probabilities."""
    rng = np.random.default_rng(1)
    rows = oracle.states[0][rng.choice(len(oracle.states[0]), N_SAMPLES, replace=False)]
    labels = np.eye(N_CLASSES)[rng.integers(N_CLASSES, size=N_SAMPLES)]
    weights = rng.uniform(0.1, 2, N_SAMPLES)
    return rows, labels, weights / weights.sum()


def repeated(data, n=N_DRAWS, dtype=np.float64):
    """A batch in which each of the rows is there many times, with the weights of the rows."""
    rows, labels, weights = (np.repeat(array, n // N_SAMPLES, axis=0) for array in data)
    weights = weights / weights.sum()
    return Batch(rows.astype(dtype), labels.astype(dtype), weights.astype(dtype), float(len(rows)))


def new_learner(network, batch_size=N_DRAWS, seed=0, **options):
    return UpDownLearner(network, TrainingState(np.random.default_rng(seed)), batch_size, **options)


def p_x(oracle, data):
    """Distribution of x_0 in the data."""
    rows, _, weights = data
    matches = (rows[:, np.newaxis] == oracle.states[0]).all(axis=2)
    return weights @ matches


def p_joined_awake(oracle, data):
    """Distribution of (x_2, y) at the top of the wake phase, in the order of `oracle.joined`."""
    rows, labels, weights = data
    numbers = (rows[:, np.newaxis] == oracle.states[0]).all(axis=2).argmax(axis=1)
    q = (oracle.q(0) @ oracle.q(1))[numbers]
    return np.einsum("r,rx,ry->xy", weights, q, labels).ravel()


def gradients_by_name(learner, batch):
    """The plain gradients of each way, from those in the centred parametrisation."""
    gradient = [array.copy() for array in learner.gradient(batch)]
    *offsets, _ = learner.offsets
    plain = [
        (gradient[2 * i] + np.outer(offset, gradient[2 * i + 1]), gradient[2 * i + 1])
        for i, offset in enumerate(offsets)
    ]
    return {"recognition": plain[:2], "generative": plain[2:]}


def terms(p_pairs, drawn, given, weights, bias):
    """Exact mean and variance of (mean - drawn) x given and of mean - drawn: gradients of one pair."""
    means = 1 / (1 + np.exp(-(given @ weights + bias)))
    of_bias = means[:, np.newaxis] - drawn[np.newaxis]  # given, drawn, unit
    of_weights = given[:, np.newaxis, :, np.newaxis] * of_bias[:, :, np.newaxis]
    moments = []
    for values in (of_weights, of_bias):
        mean = np.tensordot(p_pairs, values, axes=2)
        moments.append((mean, np.tensordot(p_pairs, values**2, axes=2) - mean**2))
    return moments


def assert_within_errors(gradient, moments, n):
    for ours, (mean, variance) in zip(gradient, moments, strict=True):
        assert np.abs(mean).max() > 10 * np.sqrt(variance.max() / n)
        assert np.abs((ours - mean) / np.sqrt(variance / n)).max() < N_ERRORS


def effective_number(weights):
    return 1 / (weights**2).sum()


# -- the wake phase -------------------------------------------------------------------------------


@each_level
def test_exact_mean_of_the_generative_gradient_is_the_derivative_of_the_description_length(
    oracle, data, level
):
    p, pair = p_x(oracle, data), oracle.generative[level]
    expected = finite_differences(
        lambda *pair: oracle.replace("generative", level, pair).generative_loss(level, p), list(pair)
    )
    moments = terms(oracle.awake(level, p).T, oracle.states[level], oracle.states[level + 1], *pair)
    for (mean, _), numerical in zip(moments, expected, strict=True):
        assert_allclose(mean, numerical, **DIFFERENCES)


@each_level
def test_generative_gradient_has_its_exact_mean_over_draws_of_the_way_up(oracle, data, level):
    batch = repeated(data)
    gradient = gradients_by_name(new_learner(to_network(oracle)), batch)["generative"][level]
    p = oracle.awake(level, p_x(oracle, data)).T
    moments = terms(p, oracle.states[level], oracle.states[level + 1], *oracle.generative[level])
    assert_within_errors(gradient, moments, effective_number(batch.weights))


def test_loss_is_the_description_length_of_the_layers_below_the_top(oracle, data):
    learner = new_learner(to_network(oracle))
    learner.gradient(repeated(data))
    p = p_x(oracle, data)
    expected = sum(oracle.generative_loss(level, p) for level in (0, 1))
    assert_allclose(learner.epoch_loss(), expected, rtol=0.02)  # a mean over 20,000 draws


def test_loss_weights_the_batches_of_an_epoch(oracle, data):
    learner, single = new_learner(to_network(oracle)), new_learner(to_network(oracle))
    batch, other = repeated(data), repeated(data)._replace(total_weight=3.0 * N_DRAWS)
    other = other._replace(inputs=1 - other.inputs)
    losses = []
    for each in (batch, other):
        learner.gradient(each)
        single.gradient(each)
        losses.append(single.epoch_loss())
    weights = np.array([batch.total_weight, other.total_weight])
    assert abs(losses[0] - losses[1]) > 0.1
    assert_allclose(learner.epoch_loss(), weights @ losses / weights.sum(), rtol=1e-12)


# -- the top --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 3])
def test_top_gradient_is_that_of_contrastive_divergence_from_the_states_of_the_way_up(
    oracle, data, n_steps
):
    network = to_network(oracle)
    batch = repeated(data)
    learner = new_learner(network, n_steps=n_steps)
    gradients = []
    for _ in range(4):
        of_weights, of_hidden, of_visible, _ = (array.copy() for array in learner.gradient(batch)[-4:])
        offsets = learner.offsets[-1]
        of_weights += np.outer(of_hidden, offsets.visible) + np.outer(offsets.hidden, of_visible)
        gradients.append([of_weights, of_hidden, of_visible])
    expected = oracle.top.contrastive_gradient(oracle.joined, p_joined_awake(oracle, data), n_steps)
    for ours, exact in zip(zip(*gradients, strict=True), expected, strict=True):
        # Means of 4 batches; each element of a state of 0s and 1s deviates by less than 1/2 from its
        # mean, and two phases are subtracted.
        bound = N_ERRORS * np.sqrt(2 * 0.25 / (4 * effective_number(batch.weights)))
        assert np.abs(exact).max() > 3 * bound
        assert np.abs(np.mean(ours, axis=0) - exact).max() < bound


def test_discriminative_weight_adds_the_derivative_of_the_labels_code_length(oracle, data):
    batch = repeated(data)

    def top_gradient(weight):
        learner = new_learner(to_network(oracle), discriminative_weight=weight)
        of_weights, of_hidden, of_visible, _ = learner.gradient(batch)[-4:]
        offsets = learner.offsets[-1]
        of_weights += np.outer(of_hidden, offsets.visible) + np.outer(offsets.hidden, of_visible)
        return of_weights, of_hidden, of_visible

    n_states = len(oracle.joined) // N_CLASSES
    p = p_joined_awake(oracle, data).reshape(n_states, N_CLASSES)
    joined = oracle.joined

    def code_length(W, c, b):
        """-log p(label | states), by all states of the hidden units summed one unit at a time."""
        scores = (joined @ b + np.logaddexp(0, joined @ W.T + c).sum(axis=1)).reshape(n_states, N_CLASSES)
        return (p * (np.logaddexp.reduce(scores, axis=1, keepdims=True) - scores)).sum()

    expected = finite_differences(code_length, [np.array(array) for array in oracle.top.parameters[:3]])
    generative = oracle.top.contrastive_gradient(oracle.joined, p.ravel(), 1)
    for much, little, exact, rest in zip(
        top_gradient(3.0), top_gradient(1.0), expected, generative, strict=True
    ):
        # The same seed draws the same states, so that the difference has nothing of the generative term.
        of_weight_1 = (much - little) / 2
        bound = N_ERRORS * np.sqrt(0.25 / effective_number(batch.weights))
        assert np.abs(exact).max() > 3 * bound
        assert np.abs(of_weight_1 - exact).max() < bound
        assert np.abs(little - of_weight_1 - rest).max() < np.sqrt(2) * bound


def test_number_of_gibbs_steps_follows_its_schedule_over_the_progress(oracle, data):
    state = TrainingState(np.random.default_rng(0))
    recorded = []

    class Counting(ExactDraws):
        def advance(self, *arguments):
            recorded.append(self.n_steps)
            return super().advance(*arguments)

    learner = UpDownLearner(
        to_network(oracle), state, N_DRAWS, n_steps=Linear(3, 10.5), sampler=Counting(oracle)
    )
    for state.progress in (0.0, 0.5, 1.0):
        learner.gradient(repeated(data, 20))
    assert recorded == [3, 6, 10]


# -- the sleep phase ------------------------------------------------------------------------------


class ExactDraws(Sampler):
    """The model term of the top machine by independent draws from its enumerated distribution."""

    def __init__(self, oracle):
        self.oracle = oracle

    def advance(self, machine, data, chains, rng, out):
        oracle = self.oracle
        visible, hidden_mean = (array[: len(data.weights)] for array in out)
        visible[:] = oracle.joined[
            rng.choice(len(oracle.joined), len(visible), p=oracle.p_joined().ravel())
        ]
        machine.mean_h_from_v(visible, out=hidden_mean)
        return States(visible, hidden_mean, data.weights)


@each_level
def test_exact_mean_of_the_recognition_gradient_is_the_derivative_of_the_dreams_code_length(oracle, level):
    p, pair = oracle.p_joined().sum(axis=1), oracle.recognition[level]
    expected = finite_differences(
        lambda *pair: oracle.replace("recognition", level, pair).recognition_loss(level, p), list(pair)
    )
    moments = terms(oracle.asleep(level, p), oracle.states[level + 1], oracle.states[level], *pair)
    for (mean, _), numerical in zip(moments, expected, strict=True):
        assert_allclose(mean, numerical, **DIFFERENCES)


def assert_recognition_learns_from(oracle, p_highest, learner, batch, level):
    gradient = gradients_by_name(learner, batch)["recognition"][level]
    p = oracle.asleep(level, p_highest)
    moments = terms(p, oracle.states[level + 1], oracle.states[level], *oracle.recognition[level])
    assert_within_errors(gradient, moments, effective_number(batch.weights))


@each_level
def test_recognition_gradient_has_its_exact_mean_over_dreams_of_the_model(oracle, data, level):
    learner = new_learner(to_network(oracle), sampler=ExactDraws(oracle))
    p = oracle.p_joined().sum(axis=1)
    assert_recognition_learns_from(oracle, p, learner, repeated(data), level)


@each_level
@pytest.mark.parametrize("n_steps", [1, 2])
def test_dreams_begin_where_the_chain_of_the_top_machine_ends(oracle, data, level, n_steps):
    p = p_joined_awake(oracle, data) @ np.linalg.matrix_power(oracle.top.transition(), n_steps)
    p = p.reshape(-1, N_CLASSES).sum(axis=1)
    awake = p_joined_awake(oracle, data).reshape(-1, N_CLASSES).sum(axis=1)
    assert np.abs(p - awake).sum() > 0.1
    learner = new_learner(to_network(oracle), n_steps=n_steps)
    assert_recognition_learns_from(oracle, p, learner, repeated(data), level)


# -- weights of rows, precision, other networks -----------------------------------------------------


def test_row_of_weight_2_counts_like_a_row_given_twice(oracle, data):
    rows, labels, _ = data
    n = N_DRAWS // N_SAMPLES
    weights = np.ones(N_SAMPLES)
    weights[3] = 2
    weighted = repeated((rows, labels, weights), n * N_SAMPLES)
    order = np.append(np.arange(N_SAMPLES), 3)
    again = [np.repeat(array[order], n, axis=0) for array in (rows, labels)]
    given_twice = Batch(*again, np.full(len(again[0]), 1 / len(again[0])), float(len(again[0])))
    results = [
        gradients_by_name(new_learner(to_network(oracle), 2 * N_DRAWS), batch)
        for batch in (weighted, given_twice)
    ]
    for way in ("recognition", "generative"):
        for pair, other in zip(*(result[way] for result in results), strict=True):
            for ours, theirs in zip(pair, other, strict=True):
                # Two means of 20,000 draws, of products of 0s and 1s with errors below 1.
                assert np.abs(ours - theirs).max() < N_ERRORS * np.sqrt(2 * 0.25 / N_DRAWS)


def test_short_batches_are_means_over_their_own_rows(oracle, data):
    """What an earlier, larger batch left in the work arrays is not looked at."""
    small = repeated(data, N_SAMPLES)
    used, fresh = new_learner(to_network(oracle)), new_learner(to_network(oracle), N_SAMPLES)
    used.gradient(repeated(data))
    used._state.rng.bit_generator.state = fresh._state.rng.bit_generator.state
    for learner in (used, fresh):
        learner.plain = gradients_by_name(learner, small)
    for way in ("recognition", "generative"):
        for pair, other in zip(used.plain[way], fresh.plain[way], strict=True):
            for ours, theirs in zip(pair, other, strict=True):
                assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


def test_gradients_and_updates_have_the_shapes_and_dtype_of_the_parameters(oracle, data):
    network = to_network(oracle, np.float32)
    learner = new_learner(network)
    gradient = learner.gradient(repeated(data, dtype=np.float32))
    shapes = [(array.shape, array.dtype) for array in learner.parameters]
    assert [(array.shape, array.dtype) for array in gradient] == shapes
    before = [array.copy() for array in learner.parameters]
    learner.apply(gradient, decay=0.1)
    assert [(array.shape, array.dtype) for array in network.parameters] == shapes
    for old, new in zip(before[:-1], network.parameters, strict=False):
        assert np.isfinite(new).all()
        assert not np.array_equal(old, new)


def test_decay_shrinks_all_weights_and_only_them(oracle, data):
    network = to_network(oracle)
    learner = new_learner(network)
    gradient = learner.gradient(repeated(data))
    before = [array.copy() for array in network.parameters]
    for array in gradient:
        array[...] = 0
    learner.apply(gradient, decay=0.25)
    for old, new in zip(before, network.parameters, strict=True):
        if old.ndim == 2:
            assert_allclose(new, 0.75 * old, rtol=1e-12)
    # The mean fields stay: those at the offsets.
    *offsets, of_top = learner.offsets
    for number, offset in enumerate(offsets):
        (old_weights, old_bias), (weights, bias) = (
            arrays[2 * number : 2 * number + 2] for arrays in (before, network.parameters)
        )
        assert_allclose(bias + offset @ weights, old_bias + offset @ old_weights, rtol=1e-10)
    old_weights, old_bias = before[-4:-2]
    weights, bias = network.parameters[-4:-2]
    assert_allclose(bias + weights @ of_top.visible, old_bias + old_weights @ of_top.visible, rtol=1e-10)


def test_training_goes_on_with_the_offsets_of_an_earlier_one(oracle, data):
    learner = new_learner(to_network(oracle))
    learner.gradient(repeated(data))
    kept = [offset.copy() for offset in learner.offsets[:-1]]
    follower = new_learner(to_network(oracle), offsets=learner.offsets)
    rows, labels, weights = data
    follower.gradient(repeated((1 - rows, labels, weights)))
    for old, new in zip(kept, follower.offsets[:-1], strict=True):
        assert 0 < np.abs(new - old).max() < 0.0101  # 1 % of a distance of at most 1


def test_grey_rows_are_drawn_anew_at_each_presentation(oracle, data):
    learner = new_learner(to_network(oracle))
    grey = repeated(data)._replace(inputs=np.full((N_DRAWS // N_SAMPLES * N_SAMPLES, SIZES[0]), 0.25))
    learner.gradient(grey)
    recognition_offsets, generative = learner.offsets[0], gradients_by_name(learner, grey)["generative"]
    assert np.isfinite(recognition_offsets).all()
    binary = np.full(len(oracle.states[0]), 1.0)
    for unit in range(SIZES[0]):
        binary *= np.where(oracle.states[0][:, unit] == 1, 0.25, 0.75)
    moments = terms(oracle.awake(0, binary).T, oracle.states[0], oracle.states[1], *oracle.generative[0])
    assert_within_errors(generative[0], moments, effective_number(grey.weights))


def test_without_directed_layers_the_rbm_of_rows_and_labels_is_trained(oracle, data, rng):
    gaussian = Gaussian().adapt(np.array([5.0, -2.0, 1.0]), np.array([2.0, 0.5, 3.0]))
    parts = Mixed([(gaussian, range(3)), (Softmax(), range(3, 5))])
    visible = parts.adapt(np.array([5.0, -2.0, 1.0, 0, 0]), np.array([2.0, 0.5, 3.0, 1, 1]))
    top = Machine(visible, Bernoulli(), RBMParameters(*oracle.top.parameters))
    network = untie(gaussian, [], top, N_CLASSES)
    x = rng.standard_normal((N_SAMPLES, 3))
    _, labels, weights = data
    learner = new_learner(network, N_SAMPLES)
    gradient = learner.gradient(Batch(gaussian.decode(x.copy()), labels, weights, 1.0))
    # Both phases see encoded rows: their means are those of the offsets and of the data term.
    mean = weights @ np.hstack([x, labels])
    assert_allclose(learner.offsets[-1].visible, mean, rtol=1e-10, atol=1e-12)
    assert len(gradient) == len(network.parameters) == 4
    before = network.top.parameters.weights.copy()
    learner.apply(gradient, decay=0.0)
    assert np.abs(network.top.parameters.weights - before).max() > 1e-3


# -- learning -------------------------------------------------------------------------------------


def train_on(network, rows, labels, n_epochs, optimizer, learning_rate, n_steps=1):
    state = TrainingState(np.random.default_rng(0))
    learner = UpDownLearner(network, state, 50, n_steps=n_steps)
    plan = Plan(optimizer, learning_rate, alpha=0.0, batch_size=50, n_epochs=n_epochs)
    train(learner, Rows(rows, labels), plan, state, lambda epoch, rate: False)
    return from_network(network)


def shrunk(oracle, factor):
    """The network with all parameters smaller: one that has something to learn."""
    ways = [[(factor * W, factor * b) for W, b in way] for way in (oracle.recognition, oracle.generative)]
    return ExactGenerativeNetwork(*ways, [factor * array for array in oracle.top.parameters])


@pytest.mark.parametrize(
    ("optimizer", "rate"), [(RMSProp(), Linear(0.02, 0)), (SGD(), Linear(0.2, 0))], ids=["rmsprop", "sgd"]
)
def test_the_exact_bound_on_the_likelihood_rises_close_to_the_entropy_of_a_teacher(optimizer, rate):
    teacher = random_network()
    rows, labels = teacher.draw_data(2_000, np.random.default_rng(3))
    p = teacher.p_data()
    student = shrunk(random_network(seed=2), 0.1)
    trained = train_on(to_network(student), rows, labels, 10, optimizer, rate)
    best = (p * np.log(p)).sum()
    start, end = student.bound(p), trained.bound(p)
    assert end < (p * np.log(trained.p_data())).sum() < best
    assert best - end < 0.25 * (best - start)


def test_labels_are_predicted_as_well_as_can_be_after_learning():
    """Rows are all 0 or all 1, by the label, but for a share of their units."""
    rng = np.random.default_rng(0)
    positions = rng.integers(N_CLASSES, size=1_000)
    flipped = rng.random((len(positions), SIZES[0])) < 0.15
    rows = np.abs(positions[:, np.newaxis] - flipped.astype(np.float64))
    best = np.mean((rows.sum(axis=1) > SIZES[0] / 2) == positions)
    network = to_network(shrunk(random_network(seed=2), 0.5))

    def accuracy():
        return np.mean(log_probabilities(network, rows).argmax(axis=1) == positions)

    assert accuracy() < 0.7
    train_on(network, rows, np.eye(N_CLASSES)[positions], 30, RMSProp(), Linear(0.05, 0))
    assert 0.95 < accuracy() <= best < 1


def test_training_twice_with_one_seed_gives_the_same_network():
    teacher = random_network()
    rows, labels = teacher.draw_data(200, np.random.default_rng(3))
    runs = []
    for _ in range(2):
        network = to_network(shrunk(teacher, 0.1))
        train_on(network, rows, labels, 2, RMSProp(), 0.01)
        runs.append(network.parameters)
    for first, second in zip(*runs, strict=True):
        assert_array_equal(first, second)
