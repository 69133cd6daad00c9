import numpy as np
import pytest
from exact import finite_differences
from exact_class import N_CLASSES, random_class_rbm
from exact_mixed import N_MIXED, from_user, mixed_unit, to_user
from numpy.testing import assert_allclose, assert_array_equal
from test_class_posterior import oracle as oracle  # the same pairs of types
from test_class_posterior import some_inputs, to_machine

from skdbn._class_posterior import join_labels, log_class_probabilities
from skdbn._contrastive import Offsets, RBMLearner, Sparsity
from skdbn._discriminative import ClassRBMLearner, Terms
from skdbn._energy import Machine, RBMParameters
from skdbn._labels import NO_LABEL
from skdbn._rows import Batch
from skdbn.samplers import CD, PCD, MeanField, Sampler, States
from skdbn.sparsity import SparsityTarget
from skdbn.units import Bernoulli, Gaussian

ROUNDING = {"rtol": 1e-10, "atol": 1e-11}
DIFFERENCES = {"rtol": 1e-6, "atol": 1e-8}  # central differences: step**2 and rounding / step
N_ROWS = 11

DISCRIMINATIVE, GENERATIVE = Terms(1, 0, 0), Terms(0, 1, 0)
EVERY_TERM = Terms(0.7, 0.3, 0.2)

each_centring = pytest.mark.parametrize("centered", [False, True])
each_weighting = pytest.mark.parametrize("weighted", [False, True])


class ExactSampler(Sampler):
    """The model term without sampling: all visible states (cells of the grid), by probability."""

    draws = False

    def __init__(self, oracle):
        self.oracle = oracle

    def n_rows(self, batch_size):
        return len(self.oracle.visible_states)

    def advance(self, machine, data, chains, rng, out):
        visible, hidden_mean = out
        visible[:] = self.oracle.visible_states
        hidden_mean[:] = self.oracle.mean_h(self.oracle.visible_states)
        return States(visible, hidden_mean, self.oracle.p_visible())


def make_learner(machine, terms, sampler, rng, *, centered=False, **keywords):
    n_hidden, n_visible = machine.parameters.weights.shape
    offsets = Offsets(rng.random(n_visible), rng.random(n_hidden)) if centered else None
    chains = sampler.start(machine, N_ROWS, rng)
    return ClassRBMLearner(machine, N_CLASSES, terms, sampler, chains, offsets, rng, N_ROWS, **keywords)


def make_batch(x, y, weights):
    return Batch(x, y, weights, 1.0)


def row_weights(weighted, rng):
    return rng.dirichlet(np.ones(N_ROWS)) if weighted else np.full(N_ROWS, 1 / N_ROWS)


def some_labels(rng, *, missing=False):
    y = rng.integers(N_CLASSES, size=N_ROWS)
    if missing:
        y[[1, 4, 5, 8]] = NO_LABEL
    return y


def exact_loss(oracle, terms, x, y, weights):
    """The loss of the rows by its definition, from the enumerated joint; for the model its log Z too."""
    log_joint, free_energy = oracle.log_joint(x), oracle.input_free_energy(x)
    log_z = oracle.log_partition() if terms.generative or terms.unlabeled else 0.0
    loss = 0.0
    for row, (label, weight) in enumerate(zip(y, weights, strict=True)):
        if label == NO_LABEL:
            loss += weight * terms.unlabeled * (free_energy[row] + log_z)
            continue
        joint = log_joint[row, label]
        loss += weight * terms.discriminative * (-joint - free_energy[row])
        loss += weight * terms.generative * (log_z - joint)
    return loss


def plain(parameters, offsets):
    """The parameters of the plain form of a machine given those of its centred form."""
    weights, hidden_bias, visible_bias = parameters
    if offsets is None:
        return parameters
    return weights, hidden_bias - weights @ offsets.visible, visible_bias - offsets.hidden @ weights


def centred(parameters, offsets):
    weights, hidden_bias, visible_bias = parameters[:3]
    if offsets is None:
        return weights, hidden_bias, visible_bias
    return weights, hidden_bias + weights @ offsets.visible, visible_bias + offsets.hidden @ weights


def assert_is_derivative(gradient, loss, oracle, offsets):
    expected = finite_differences(
        lambda *parameters: loss(oracle.replace(*plain(parameters, offsets))),
        centred(oracle.parameters, offsets),
    )
    for array, other in zip(gradient[:3], expected, strict=True):
        assert_allclose(array, other, **DIFFERENCES)


# -- the gradient ---------------------------------------------------------------------------------


@each_centring
@each_weighting
def test_discriminative_gradient_is_the_derivative_of_the_exact_loss(oracle, centered, weighted, rng):
    x, y, weights = some_inputs(oracle, rng), some_labels(rng), row_weights(weighted, rng)
    learner = make_learner(to_machine(oracle), DISCRIMINATIVE, CD(), rng, centered=centered)
    gradient = learner.gradient(make_batch(x, y, weights))
    # Only differences of the log joint enter: a machine with any states of the inputs will do.
    assert_is_derivative(
        gradient,
        lambda machine: exact_loss(machine, DISCRIMINATIVE, x, y, weights),
        _Lazy(oracle),
        learner.offsets,
    )


class _Lazy:
    """The oracle, changed without building its states anew: those of the hidden units are the same grid."""

    def __init__(self, oracle):
        self.oracle, self.parameters = oracle, oracle.parameters

    def replace(self, weights, hidden_bias, visible_bias):
        changed = object.__new__(type(self.oracle))
        vars(changed).update(vars(self.oracle))
        changed.weights, changed.hidden_bias, changed.visible_bias = weights, hidden_bias, visible_bias
        return changed


@each_centring
@each_weighting
@pytest.mark.parametrize("terms", [EVERY_TERM, GENERATIVE, Terms(0, 0, 0.5), Terms(1, 0, 0.5)], ids=str)
def test_gradient_of_all_terms_is_the_derivative_of_the_exact_loss(terms, centered, weighted, rng):
    oracle = random_class_rbm(n_hidden=2)
    x, y, weights = some_inputs(oracle, rng), some_labels(rng, missing=True), row_weights(weighted, rng)
    learner = make_learner(to_machine(oracle), terms, ExactSampler(oracle), rng, centered=centered)
    gradient = learner.gradient(make_batch(x, y, weights))
    assert_is_derivative(
        gradient,
        lambda machine: exact_loss(machine, terms, x, y, weights),
        _Lazy(oracle),
        learner.offsets,
    )


@each_centring
def test_gradient_of_all_terms_has_exact_expectations_for_every_pair_of_types(oracle, centered, rng):
    """The parts that need no model: the whole gradient less the exact model term is their derivative."""
    machine, sampler = to_machine(oracle), ExactSampler(oracle)
    x, y, weights = some_inputs(oracle, rng), some_labels(rng, missing=True), row_weights(True, rng)
    learner = make_learner(machine, EVERY_TERM, sampler, rng, centered=centered)
    gradient = [array.copy() for array in learner.gradient(make_batch(x, y, weights))[:3]]
    mass = np.where(y == NO_LABEL, EVERY_TERM.unlabeled, EVERY_TERM.generative) @ weights
    model = oracle.statistics(oracle.visible_states, mass * oracle.p_visible())
    if centered:
        offsets = learner.offsets
        model = (
            model[0] - np.outer(model[1], offsets.visible) - np.outer(offsets.hidden, model[2]),
            *model[1:],
        )
    data = [array - of_model for array, of_model in zip(gradient, model, strict=True)]

    def without_model(machine):
        return exact_loss(machine, EVERY_TERM, x, y, weights) - mass * log_z

    log_z = oracle.log_partition()
    lazy = _Lazy(oracle)
    oracle.log_partition = lambda: log_z  # a constant: its derivative is the model term
    assert_is_derivative(data, without_model, lazy, learner.offsets)


@each_centring
def test_discriminative_gradient_of_mixed_inputs_is_the_derivative_of_the_loss(centered, rng):
    unit, n_visible = mixed_unit(), N_MIXED + N_CLASSES
    mean, spread = np.zeros(n_visible), np.ones(n_visible)
    mean[2], spread[2] = 40.0, 5.0
    visible = join_labels(unit, N_MIXED, N_CLASSES).adapt(mean, spread)
    parameters = [0.8 * rng.standard_normal(shape) for shape in ((3, n_visible), 3, n_visible)]
    X = to_user(rng.random((N_ROWS, N_MIXED)))
    X[:, [5, 1, 4]] = np.eye(3)[rng.integers(3, size=N_ROWS)]
    X[:, [0, 3]] = rng.integers(2, size=(N_ROWS, 2))
    y, weights = some_labels(rng), row_weights(True, rng)
    machine = Machine(visible, Bernoulli(), RBMParameters(*map(np.copy, parameters)))
    learner = make_learner(machine, DISCRIMINATIVE, CD(), rng, centered=centered)
    gradient = learner.gradient(make_batch(X, y, weights))

    def loss(*moved):
        moved_machine = Machine(visible, Bernoulli(), RBMParameters(*plain(moved, learner.offsets)))
        log_p = log_class_probabilities(moved_machine, N_CLASSES, from_user(X))
        return -(weights @ log_p[np.arange(N_ROWS), y])

    expected = finite_differences(loss, centred(parameters, learner.offsets))
    for array, other in zip(gradient[:3], expected, strict=True):
        assert_allclose(array, other, **DIFFERENCES)


@each_centring
@pytest.mark.parametrize("terms", [DISCRIMINATIVE, EVERY_TERM], ids=str)
def test_gradient_of_learned_scales_is_the_derivative_in_the_units_of_the_data(terms, centered, rng):
    oracle = random_class_rbm("gaussian")
    location, scale = np.array([10.0, -3.0]), np.array([2.0, 0.3])
    padding = np.zeros(N_CLASSES)
    visible = join_labels(Gaussian("learned"), 2, N_CLASSES)
    visible = visible.adapt(np.append(location, padding), np.append(scale, padding + 1))
    machine = to_machine(oracle)
    parameters = machine.parameters._replace(log_scales=visible.log_scales())
    machine = machine._replace(visible=visible, parameters=parameters)
    learner = make_learner(machine, terms, ExactSampler(oracle), rng, centered=centered)
    X = location + scale * some_inputs(oracle, rng)
    y, weights = some_labels(rng, missing=terms is EVERY_TERM), row_weights(True, rng)
    gradient = learner.gradient(make_batch(X, y, weights)).log_scales
    mass = np.where(y == NO_LABEL, terms.unlabeled, terms.generative) @ weights

    def negative_log_density(log_scales):
        x = (X - location) / np.exp(log_scales)
        return exact_loss(oracle, terms, x, y, weights) + mass * log_scales.sum()

    (expected,) = finite_differences(negative_log_density, [np.log(scale)])
    assert_allclose(gradient, expected, **DIFFERENCES)


@each_centring
@pytest.mark.parametrize(
    "target", [SparsityTarget(0.2, decay=0.0), SparsityTarget(0.1, form="lee", decay=0.0)]
)
def test_sparsity_adds_the_derivative_of_its_penalty(target, centered, rng):
    oracle = random_class_rbm()
    x, y, weights = some_inputs(oracle, rng), some_labels(rng), row_weights(True, rng)
    learner = make_learner(
        to_machine(oracle), DISCRIMINATIVE, CD(), rng, centered=centered, sparsity=Sparsity(target)
    )
    gradient = learner.gradient(make_batch(x, y, weights))

    def loss(machine):
        activity = weights @ machine.mean_h(np.hstack([x, np.eye(N_CLASSES)[y]]))
        return exact_loss(machine, DISCRIMINATIVE, x, y, weights) + target.penalty(activity)

    assert_is_derivative(gradient, loss, _Lazy(oracle), learner.offsets)


@each_centring
@pytest.mark.parametrize("sampler", [CD(2), PCD(n_chains=13), MeanField()], ids=str)
def test_generative_gradient_is_that_of_an_rbm_on_joined_rows(oracle, sampler, centered):
    machine = to_machine(oracle)
    rng = np.random.default_rng(1)
    x, y, weights = some_inputs(oracle, rng), some_labels(rng), row_weights(True, rng)
    learner = make_learner(machine, GENERATIVE, sampler, np.random.default_rng(2), centered=centered)
    gradient = learner.gradient(make_batch(x, y, weights))
    rng = np.random.default_rng(2)
    n_hidden, n_visible = machine.parameters.weights.shape
    offsets = Offsets(rng.random(n_visible), rng.random(n_hidden)) if centered else None
    chains = sampler.start(machine, N_ROWS, rng)
    plain_rbm = RBMLearner(machine, sampler, chains, offsets, rng, N_ROWS)
    joined = np.hstack([x, np.eye(N_CLASSES)[y]])
    plain_rbm.gradient(Batch(joined, None, weights, 1.0))
    for array, other in zip(gradient[:3], plain_rbm._gradient[:3], strict=True):
        assert_allclose(array, other, **ROUNDING)
    if centered:
        assert_allclose(learner.offsets.hidden, offsets.hidden, **ROUNDING)


def test_discriminative_gradient_asks_for_no_samples(rng):
    class Refusing(CD):
        def advance(self, *arguments):
            raise AssertionError("the discriminative gradient is exact")

    oracle = random_class_rbm()
    learner = make_learner(to_machine(oracle), DISCRIMINATIVE, Refusing(), rng)
    learner.gradient(make_batch(some_inputs(oracle, rng), some_labels(rng), row_weights(True, rng)))


def test_short_batches_leave_no_trace_of_longer_ones(rng):
    oracle = random_class_rbm()
    x, y, weights = some_inputs(oracle, rng), some_labels(rng, missing=True), row_weights(True, rng)
    used, fresh = (make_learner(to_machine(oracle), EVERY_TERM, MeanField(), rng) for _ in range(2))
    used.gradient(make_batch(x, y, weights))
    short = make_batch(x[:5], y[:5], np.full(5, 0.2))
    for array, other in zip(used.gradient(short)[:3], fresh.gradient(short)[:3], strict=True):
        assert_array_equal(array, other)


# -- chains of rows without a label ---------------------------------------------------------------


def test_chains_of_rows_without_a_label_start_from_draws_given_the_inputs(rng):
    """What a chain of no step at all begins with: p(y, h | x) of the row, by the enumerated joint."""

    class Keeping(CD):
        def advance(self, machine, data, chains, rng, out):
            self.labels.append(data.visible[:, -N_CLASSES:].copy())
            self.means.append(data.hidden_mean.copy())
            return super().advance(machine, data, chains, rng, out)

    sampler = Keeping()
    sampler.labels, sampler.means = [], []
    oracle = random_class_rbm()
    x = np.repeat(some_inputs(oracle, rng, 1), N_ROWS, axis=0)
    learner = make_learner(to_machine(oracle), Terms(0, 0, 1), sampler, rng)
    for _ in range(300):
        learner.gradient(make_batch(x, np.full(N_ROWS, NO_LABEL), np.full(N_ROWS, 1 / N_ROWS)))
    labels, means = np.concatenate(sampler.labels), np.concatenate(sampler.means)
    assert_array_equal(np.sort(labels, axis=1), np.eye(N_CLASSES)[[-1] * len(labels)])  # one of them is 1
    p = np.exp(oracle.log_posterior(x[:1]))[0]
    floor = np.sqrt(p * (1 - p) / len(labels))
    assert (np.abs(labels.mean(axis=0) - p) < 4 * floor).all()
    assert_allclose(
        means, oracle.mean_h(np.hstack([np.repeat(x[:1], len(labels), axis=0), labels])), **ROUNDING
    )


def test_without_draws_chains_start_from_means_with_the_label_summed_out(rng):
    class Keeping(MeanField):
        def advance(self, machine, data, chains, rng, out):
            self.states = data.visible.copy(), data.hidden_mean.copy()
            return super().advance(machine, data, chains, rng, out)

    sampler, oracle = Keeping(), random_class_rbm()
    x, y = some_inputs(oracle, rng), some_labels(rng, missing=True)
    make_learner(to_machine(oracle), EVERY_TERM, sampler, rng).gradient(
        Batch(x, y, row_weights(True, rng), 1.0)
    )
    visible, hidden = sampler.states
    missing = y == NO_LABEL
    assert_allclose(visible[missing, -N_CLASSES:], np.exp(oracle.log_posterior(x))[missing], **ROUNDING)
    assert_allclose(hidden[missing], oracle.mean_h_given_inputs(x)[missing], **ROUNDING)
    assert_allclose(hidden[~missing], oracle.mean_h(visible)[~missing], **ROUNDING)


def test_loss_of_an_epoch_is_the_mean_over_its_labelled_rows(rng):
    oracle = random_class_rbm()
    learner = make_learner(to_machine(oracle), EVERY_TERM, CD(), rng)
    total, weight = 0.0, 0.0
    for total_weight in (2.0, 3.0):
        x, y, weights = some_inputs(oracle, rng), some_labels(rng, missing=True), row_weights(True, rng)
        learner.gradient(Batch(x, y, weights, total_weight))
        has_label = y != NO_LABEL
        log_p = oracle.log_posterior(x)[has_label, y[has_label]]
        total -= total_weight * (weights[has_label] @ log_p)
        weight += total_weight * weights[has_label].sum()
    assert_allclose(learner.epoch_loss(), total / weight, **ROUNDING)
    learner.gradient(Batch(x, np.full(N_ROWS, NO_LABEL), weights, 1.0))
    assert learner.epoch_loss() == 0.0


@pytest.mark.parametrize("terms", [DISCRIMINATIVE, EVERY_TERM], ids=str)
def test_float32_stays_float32(terms, rng):
    oracle = random_class_rbm("gaussian")
    machine = to_machine(oracle, np.float32)
    x, y, weights = some_inputs(oracle, rng), some_labels(rng, missing=True), row_weights(True, rng)
    offsets = Offsets(*(rng.random(n, np.float32) for n in (oracle.n_visible, oracle.n_hidden)))
    in_double = Offsets(*(array.astype(np.float64) for array in offsets))
    learner = ClassRBMLearner(machine, N_CLASSES, terms, MeanField(), None, offsets, rng, N_ROWS)
    gradient = learner.gradient(make_batch(x.astype(np.float32), y, weights.astype(np.float32)))
    assert {array.dtype for array in gradient[:3]} == {np.dtype(np.float32)}
    double = make_learner(to_machine(oracle), terms, MeanField(), rng)
    double.offsets = in_double
    for array, other in zip(gradient[:3], double.gradient(make_batch(x, y, weights))[:3], strict=True):
        assert_allclose(array, other, rtol=1e-3, atol=1e-4)
