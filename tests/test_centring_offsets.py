"""Whose means the states are centred by, and what else training learns beside weights: scales."""

from itertools import product

import numpy as np
import pytest
from exact import N_SAMPLES, ExactRBM, binary_states, log_sum_exp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skdbn import RBMTransformer
from skdbn._contrastive import OFFSETS_FROM, Offsets, RBMLearner
from skdbn._rows import Batch
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD, RMSProp
from skdbn.samplers import MeanField, Sampler, States
from skdbn.units import Gaussian

# Sums over at most 4000 cells of a grid in float64.
ROUNDING = {"rtol": 1e-10, "atol": 1e-11}

each_source = pytest.mark.parametrize("source", OFFSETS_FROM)


class ExactSampler(Sampler):
    """The model term without sampling: all states of binary visible units, by probability."""

    def n_rows(self, batch_size):
        return 2**batch_size

    def advance(self, machine, data, chains, rng, out):
        weights, hidden_bias, visible_bias, _ = machine.parameters
        oracle = ExactRBM("bernoulli", weights, hidden_bias, visible_bias)
        out[0][:], out[1][:] = oracle.visible_states, oracle.mean_h(oracle.visible_states)
        return States(*out, oracle.p_visible())


class OracleSampler(ExactSampler):
    """The model term of an oracle of any type of units, which training does not change."""

    def __init__(self, oracle):
        v = oracle.visible_states
        self.states = States(v, oracle.mean_h(v), oracle.p_visible())

    def n_rows(self, batch_size):
        return len(self.states.weights)

    def advance(self, machine, data, chains, rng, out):
        out[0][:], out[1][:], weights = self.states
        return States(*out, weights)


def make_learner(machine, sampler, offsets, source="data", batch_size=N_SAMPLES):
    rng = np.random.default_rng(0)
    return RBMLearner(machine, sampler, None, offsets, rng, batch_size, offsets_from=source)


def make_batch(machine, v, weights):
    return Batch(machine.visible.decode(v.copy()), None, weights, float(len(v)))


def random_offsets(oracle, rng):
    return Offsets(rng.random(oracle.n_visible), rng.random(oracle.n_hidden))


def copies(arrays):
    return [array.copy() for array in arrays]


# -- data and flipped data ------------------------------------------------------------------------


class Deterministic(MeanField):
    """Mean field, or the exact model term: both treat 0 and 1 alike."""

    def __init__(self, exact):
        super().__init__(2)
        self.exact = exact

    def n_rows(self, batch_size):
        return 32 if self.exact else batch_size

    def advance(self, machine, data, chains, rng, out):
        advance = ExactSampler().advance if self.exact else super().advance
        return advance(machine, data, chains, rng, out)


def flipped(parameters):
    """The parameters of the machine of 1 - v: -W, c + W 1 and -b."""
    weights, hidden_bias, visible_bias = parameters[:3]
    return -weights, hidden_bias + weights.sum(axis=1), -visible_bias


def pair_of_learners(oracle, to_machine, source, exact, rng):
    """Learners of an RBM for v and of the same RBM for 1 - v."""
    offsets = None if source is None else random_offsets(oracle, rng)
    other = None if source is None else Offsets(1 - offsets.visible, offsets.hidden.copy())
    oracles = oracle, oracle.replace(*flipped(oracle.parameters))
    return [
        make_learner(to_machine(one), Deterministic(exact), start, source)
        for one, start in zip(oracles, (offsets, other), strict=True)
    ]


def test_flipped_parameters_give_flipped_rows_the_same_probability(binary_oracle):
    other = binary_oracle.replace(*flipped(binary_oracle.parameters))
    v = binary_oracle.visible_states
    assert_allclose(other.log_likelihood(1 - v), binary_oracle.log_likelihood(v), **ROUNDING)


@each_source
@pytest.mark.parametrize("exact", [False, True])
def test_gradient_of_flipped_data_is_the_flipped_gradient(
    source, exact, binary_oracle, to_machine, to_rows, rng
):
    one, other = pair_of_learners(binary_oracle, to_machine, source, exact, rng)
    v, weights = to_rows(binary_oracle), rng.dirichlet(np.ones(N_SAMPLES))
    gradient = one.gradient(make_batch(one.machine, v, weights))
    of_flipped = other.gradient(make_batch(other.machine, 1 - v, weights))
    assert_allclose(of_flipped.weights, -gradient.weights, **ROUNDING)
    assert_allclose(of_flipped.hidden_bias, gradient.hidden_bias, **ROUNDING)
    assert_allclose(of_flipped.visible_bias, -gradient.visible_bias, **ROUNDING)
    assert_allclose(other.offsets.visible, 1 - one.offsets.visible, **ROUNDING)
    assert_allclose(other.offsets.hidden, one.offsets.hidden, **ROUNDING)


def trained_on_flipped_data(oracle, to_machine, to_rows, source, optimizer, rng):
    """Parameters after training on v, flipped, and those after the same training on 1 - v."""
    learners = pair_of_learners(oracle, to_machine, source, False, rng)
    states = [optimizer.init(learner.parameters) for learner in learners]
    for _ in range(30):
        v, weights = to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
        for k, (learner, rows) in enumerate(zip(learners, (v, 1 - v), strict=True)):
            gradient = learner.gradient(make_batch(learner.machine, rows, weights))
            update, states[k] = optimizer.update(gradient, states[k], 0.1, 0.0)
            learner.apply(update, decay=0.01)
    return flipped(learners[0].parameters), learners[1].parameters[:3]


@each_source
@pytest.mark.parametrize("optimizer", [SGD(), RMSProp()], ids=str)
def test_training_on_flipped_data_makes_the_flipped_machine(
    source, optimizer, binary_oracle, to_machine, to_rows, rng
):
    pair = trained_on_flipped_data(binary_oracle, to_machine, to_rows, source, optimizer, rng)
    for expected, array in zip(*pair, strict=True):
        assert_allclose(array, expected, **ROUNDING)


@pytest.mark.parametrize("optimizer", [SGD(), RMSProp()], ids=str)
def test_training_without_centring_makes_another_machine_of_flipped_data(
    optimizer, binary_oracle, to_machine, to_rows, rng
):
    pair = trained_on_flipped_data(binary_oracle, to_machine, to_rows, None, optimizer, rng)
    for expected, array in zip(*pair, strict=True):
        assert np.abs(array - expected).max() > 0.03


# -- the offsets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [*OFFSETS_FROM])
def test_offsets_converge_to_the_means_of_their_source(source, oracle, to_machine, to_rows, rng):
    machine, v, weights = to_machine(oracle), to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
    learner = make_learner(machine, OracleSampler(oracle), random_offsets(oracle, rng), source)
    start = copies(learner.offsets)
    for _ in range(1500):
        learner.gradient(make_batch(machine, v, weights))
    _, *of_data = oracle.statistics(v, weights)
    _, *of_model = oracle.statistics(oracle.visible_states, oracle.p_visible())
    share = {"data": 0.0, "model": 1.0, "average": 0.5}[source]
    hidden, visible = (
        share * model + (1 - share) * data for data, model in zip(of_data, of_model, strict=True)
    )
    if source == "data":
        visible = start[0]  # set before, from all the data
    # What is left of the start is 0.99 ** 1500 = 3e-7 of differences of up to 5.
    assert_allclose(learner.offsets.hidden, hidden, rtol=0, atol=2e-6)
    assert_allclose(learner.offsets.visible, visible, rtol=0, atol=2e-6)


@each_source
def test_gradient_is_zero_where_the_data_are_the_model_whatever_the_offsets(
    source, oracle, to_machine, rng
):
    machine, states = to_machine(oracle), oracle.visible_states
    learner = make_learner(
        machine, OracleSampler(oracle), random_offsets(oracle, rng), source, batch_size=len(states)
    )
    gradient = learner.gradient(make_batch(machine, states, oracle.p_visible()))
    for array in gradient[:3]:
        assert_allclose(array, 0, atol=1e-11)


@each_source
def test_a_step_of_the_centred_gradient_descends_the_likelihood_of_the_plain_parameters(
    source, oracle, to_machine, to_rows, rng
):
    """Mapped to plain parameters it is A A^T g, with g their gradient: g.A A^T g is |A^T g|^2 > 0."""
    machine, v, weights = to_machine(oracle), to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
    learner = make_learner(machine, OracleSampler(oracle), random_offsets(oracle, rng), source)
    gradient = learner.gradient(make_batch(machine, v, weights))
    squared_norm = sum((array**2).sum() for array in gradient)
    learner.apply(gradient, decay=0.0)  # maps it, and adds it
    mapped = [after - before for after, before in zip(machine.parameters, oracle.parameters, strict=False)]
    plain = oracle.gradient(v, weights)
    product_ = sum((one * other).sum() for one, other in zip(mapped, plain, strict=True))
    assert_allclose(product_, squared_norm, rtol=1e-9)
    assert squared_norm > 0.01


def test_offsets_of_the_estimator_are_those_of_their_source(rng):
    X = (rng.random((500, 6)) < [0.1, 0.2, 0.4, 0.5, 0.7, 0.9]).astype(np.float64)
    for source in (True, *OFFSETS_FROM):
        rbm = RBMTransformer(3, centered=source, n_iter=20, random_state=0).fit(X)
        offsets = rbm._training.offsets
        # Those from a model of 100 chains follow about 100 updates: noise of 0.5 / sqrt(1e4) = 0.005, and
        # the model itself is not the data.
        assert_allclose(offsets.visible, X.mean(axis=0), atol=0.05)
        assert_allclose(offsets.hidden, rbm.transform(X).mean(axis=0), atol=0.05)
        assert (source in (True, "data")) == np.array_equal(offsets.visible, X.mean(axis=0))
    assert RBMTransformer(3, centered=False, n_iter=1).fit(X)._training.offsets is None


def test_centred_by_the_data_is_the_default(rng):
    X = (rng.random((50, 6)) < 0.3).astype(np.float64)
    fits = [
        RBMTransformer(3, n_iter=2, random_state=0, **centered).fit(X).components_
        for centered in ({}, {"centered": True}, {"centered": "data"}, {"centered": "model"})
    ]
    assert_array_equal(fits[0], fits[1])
    assert_array_equal(fits[0], fits[2])
    assert np.abs(fits[0] - fits[3]).max() > 1e-6


def test_a_source_of_another_name_is_refused(rng):
    with pytest.raises(ValueError, match="The 'centered' parameter of RBMTransformer must be"):
        RBMTransformer(3, centered="mean").fit(np.eye(3))


# -- likelihoods of data and flipped data ---------------------------------------------------------


@pytest.fixture(name="X_digits", scope="module")
def binary_digits():
    return (load_digits().data > 7.5).astype(np.float64)


def mean_log_likelihood(rbm, X):
    """Of binary units, with Z from all states of the hidden ones."""
    weights, hidden_bias, visible_bias = rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_
    h = binary_states(len(hidden_bias))
    of_states = h @ hidden_bias + np.logaddexp(0, visible_bias + h @ weights).sum(axis=1)
    of_rows = X @ visible_bias + np.logaddexp(0, hidden_bias + X @ weights.T).sum(axis=1)
    return of_rows.mean() - log_sum_exp(of_states)


def likelihoods(X, centered):
    """Of models of X and of 1 - X, for two seeds: (2, 2)."""
    fits = [
        [
            mean_log_likelihood(
                RBMTransformer(12, centered=centered, n_iter=5, random_state=seed).fit(rows), rows
            )
            for rows in (X, 1 - X)
        ]
        for seed in range(2)
    ]
    return np.array(fits)


def test_centred_training_is_equally_good_on_digits_and_on_flipped_digits(X_digits):
    uncentred = likelihoods(X_digits, False)
    loss = uncentred[:, 0].mean() - uncentred[:, 1].mean()
    for source in OFFSETS_FROM:
        centred = likelihoods(X_digits, source)
        # Seeds differ by up to 0.1 nats at this length of training, flipped or not.
        assert np.ptp(centred) < 0.3
        assert abs(centred[:, 0].mean() - centred[:, 1].mean()) < loss / 3
        assert centred.min() > uncentred.max()
    assert loss > 0.4


# -- learned scales -------------------------------------------------------------------------------


class Teacher:
    """A Gaussian-Bernoulli RBM in the units of the data."""

    weights = np.array([[2.0, -1.5, 0.0, 1.0, 1.5], [0.0, 1.5, 2.0, -1.5, 1.0]])
    hidden_bias = np.array([-1.0, -0.5])
    visible_bias = np.array([-0.5, 0.5, 0.0, 1.0, 0.0])
    location = np.array([10.0, -3.0, 0.0, 1.0, 5.0])
    scale = np.array([0.5, 1.0, 2.0, 0.3, 3.0])

    def draw(self, n, rng):
        h = binary_states(2)
        field = self.visible_bias + h @ self.weights
        log_p = h @ self.hidden_bias + (field**2).sum(axis=1) / 2
        chosen = rng.choice(4, size=n, p=np.exp(log_p - log_sum_exp(log_p)))
        v = field[chosen] + rng.standard_normal((n, 5))
        return self.location + self.scale * v


def mixture_log_density(X, weights, hidden_bias, visible_bias, location, scale):
    """Mean log density of a Gaussian-Bernoulli RBM, as the mixture of normal densities that it is."""
    n_hidden, log_weights, log_densities = len(hidden_bias), [], []
    for state in product((0.0, 1.0), repeat=n_hidden):
        h = np.array(state)
        mean = visible_bias + h @ weights
        log_weights.append(h @ hidden_bias + (mean**2).sum() / 2)
        residual = (X - location) / scale - mean
        log_densities.append(-(residual**2 / 2 + np.log(scale) + np.log(2 * np.pi) / 2).sum(axis=1))
    log_weights = np.array(log_weights) - log_sum_exp(np.array(log_weights))
    return log_sum_exp(np.array(log_densities) + log_weights[:, np.newaxis]).mean()


def density_of(rbm, X):
    parameters = rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_
    return mixture_log_density(X, *parameters, rbm.visible_.location_, rbm.visible_.scale_)


@pytest.fixture(name="X_teacher", scope="module")
def rows_of_the_teacher():
    return Teacher().draw(4000, np.random.default_rng(0))


def fitted(X, scale="learned", **keywords):
    settings = {"n_iter": 20, "random_state": 0} | keywords
    return RBMTransformer(2, visible=Gaussian(scale), **settings).fit(X)


@pytest.mark.parametrize("centered", [False, "data", "model"])
def test_learned_scales_are_those_of_the_machine_the_data_come_from(centered, X_teacher):
    rbm = fitted(X_teacher, centered=centered)
    # The standard error of a scale is 1 / sqrt(2 * 4000) = 1 % if the hidden states were known. What the
    # data have at the start is too large by 20 to 40 %.
    assert_allclose(rbm.visible_.scale_, Teacher.scale, rtol=0.04)
    assert (rbm.visible_.initial_scale_ > 1.2 * Teacher.scale).all()


def test_learned_scales_make_the_likelihood_of_the_teacher(X_teacher):
    held_out, teacher = Teacher().draw(4000, np.random.default_rng(1)), Teacher()
    of_teacher = mixture_log_density(
        held_out,
        teacher.weights,
        teacher.hidden_bias,
        teacher.visible_bias,
        teacher.location,
        teacher.scale,
    )
    learned, fixed = (density_of(fitted(X_teacher, scale), held_out) for scale in ("learned", "data"))
    # 22 parameters from 4000 rows: 22 / 8000 nats are lost at least, and what is left of the noise of PCD.
    assert of_teacher - 0.02 < learned < of_teacher + 0.01
    assert fixed < learned - 0.2


def test_score_of_learned_scales_is_the_density_in_the_units_of_the_data(X_teacher):
    rbm = fitted(X_teacher, n_iter=2)
    score = rbm.score_samples(X_teacher, log_partition=rbm.log_partition()).mean()
    assert_allclose(score, density_of(rbm, X_teacher), rtol=1e-10)


def test_learned_scales_keep_float32(X_teacher):
    rbm = fitted(X_teacher.astype(np.float32))
    assert rbm.visible_.scale_.dtype == np.float32
    assert rbm.transform(X_teacher.astype(np.float32)).dtype == np.float32
    assert {array.dtype for array in rbm._machine().parameters[:3]} == {np.dtype(np.float32)}
    assert_allclose(rbm.visible_.scale_, Teacher.scale, rtol=0.04)


def test_weights_of_a_half_trained_model_are_those_of_its_own_scales(X_teacher):
    """`transform` and the chains use the scales that training has come to."""
    rbm = fitted(X_teacher, n_iter=3)
    v = (X_teacher - rbm.visible_.location_) / rbm.visible_.scale_
    expected = 1 / (1 + np.exp(-(rbm.intercept_hidden_ + v @ rbm.components_.T)))
    assert_allclose(rbm.transform(X_teacher), expected, rtol=1e-10)
    moved = rbm.visible_.scale_ / rbm.visible_.initial_scale_
    assert np.abs(moved - 1).max() > 0.1


def test_warm_start_goes_on_from_the_learned_scales(X_teacher):
    rbm = fitted(X_teacher, n_iter=1, warm_start=True, learning_rate=1e-12)
    rbm.set_params(learning_rate="auto", n_iter=20).fit(X_teacher)
    scale, initial = rbm.visible_.scale_.copy(), rbm.visible_.initial_scale_.copy()
    rbm.set_params(n_iter=1, learning_rate=1e-12).fit(X_teacher)
    # 100 steps of the size of the rate.
    assert_allclose(rbm.visible_.scale_, scale, rtol=1e-9)
    assert_array_equal(rbm.visible_.initial_scale_, initial)
    assert_allclose(scale, Teacher.scale, rtol=0.04)


def test_partial_fit_learns_scales(X_teacher):
    rbm = RBMTransformer(2, visible=Gaussian("learned"), n_iter=20, random_state=0)
    for _ in range(20):
        rbm.partial_fit(X_teacher)
    # Its rate falls as the root of the updates only.
    assert_allclose(rbm.visible_.scale_, Teacher.scale, rtol=0.06)


def test_a_failed_fit_leaves_the_scales_as_they_were(X_teacher):
    rbm = fitted(X_teacher, n_iter=2, warm_start=True)
    visible, scale, weights = rbm.visible_, rbm.visible_.scale_.copy(), rbm.components_.copy()
    for train in (rbm.fit, rbm.partial_fit):
        with pytest.raises(DivergenceError):
            rbm.set_params(learning_rate=1e308) and train(X_teacher)
        assert rbm.visible_ is visible
        assert_array_equal(rbm.visible_.scale_, scale)
        assert_array_equal(rbm.components_, weights)


@pytest.mark.filterwarnings("ignore:.*are constant:sklearn.exceptions.ConvergenceWarning")
def test_decay_and_bounds_of_weights_leave_the_scales_free(X_teacher):
    rbm = fitted(X_teacher, max_weight=1e-6)
    # Without weights the scale of a column is its standard deviation, from which it starts.
    assert_allclose(rbm.visible_.scale_, X_teacher.std(axis=0), rtol=0.01)
    assert (fitted(X_teacher, alpha=1.0).visible_.scale_ > 1.05 * Teacher.scale).any()


# -- `centered` changed between fits ---------------------------------------------------------------


def test_offsets_are_dropped_when_centring_is_turned_off(X_teacher):
    rbm = RBMTransformer(4, n_iter=1, warm_start=True, random_state=0).fit(X_teacher)
    assert rbm._training.offsets is not None
    rbm.set_params(centered=False).fit(X_teacher)
    assert rbm._training.offsets is None


@pytest.mark.parametrize("source", [True, "model", "average"])
def test_offsets_are_made_from_the_fitted_machine_when_centring_is_turned_on(source, X_teacher):
    # Visible offsets are the means of the data; with a rate near 0 nothing moves the machine, so hidden
    # ones are its hidden means there, but for the hundredth of the way that each update goes.
    rbm = RBMTransformer(4, n_iter=1, warm_start=True, centered=False, random_state=0).fit(X_teacher)
    rbm.set_params(centered=source, learning_rate=1e-12, batch_size=None).fit(X_teacher)
    mean = X_teacher.mean(axis=0)
    encoded = rbm.visible_.encode(mean[np.newaxis].copy(), out=np.empty((1, mean.size)))
    hidden = rbm._machine().mean_h_from_v(encoded)[0]
    if source is True:
        assert_allclose(rbm._training.offsets.visible, encoded[0], atol=1e-9)
    assert_allclose(rbm._training.offsets.hidden, hidden, atol=0.01)
    assert_allclose(rbm._training.offsets.visible, encoded[0], atol=0.02)
