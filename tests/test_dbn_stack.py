"""The greedy stack: what layers a network takes from machines, and back down."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skdbn import RBMTransformer
from skdbn._dbn import (
    errors_of_layer,
    frozen_machines,
    layer_prototypes,
    pass_over_stack,
    plain_decoder,
    plain_layers,
    pretrain_stack,
    pretrained_layers,
    tied_decoder,
)
from skdbn._initialization import glorot_uniform
from skdbn._network import Network, features, outputs
from skdbn._rows import weighted_moments
from skdbn.exceptions import DivergenceError
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU

N_ROWS, SIZES = 11, (7, 5, 3, 2)

MIXED = Mixed([("softmax", [5, 0, 3]), ("bernoulli", [1, 4]), (Gaussian(scale=2.0), [6, 2])])
# Visible and hidden units of the machines of a stack, bottom up.
STACKS = {
    "binary": [("bernoulli", "bernoulli")] * 3,
    "one layer": [("gaussian", "bernoulli")],
    "real inputs": [("gaussian", "bernoulli"), ("bernoulli", "bernoulli"), ("bernoulli", "gaussian")],
    "real visible units of upper machines": [
        ("bernoulli", "bernoulli"),
        ("gaussian", "bernoulli"),
        ("gaussian", "softmax"),
    ],
    "real hidden units": [("bernoulli", "gaussian"), ("gaussian", "bernoulli")],
    "rectified": [("bernoulli", "relu"), (Bernoulli(scale="data"), "bernoulli")],
    "bytes": [(Bernoulli(scale=255.0), "bernoulli"), ("bernoulli", "bernoulli")],
    "mixed inputs": [(MIXED, "bernoulli"), (Gaussian(scale=0.3), "bernoulli")],
}
each_stack = pytest.mark.parametrize("units", STACKS.values(), ids=STACKS)
# These machines are hardly trained; what they are like does not matter here.
pytestmark = pytest.mark.filterwarnings("ignore:.* of hidden units of .* are (saturated|constant)")


def rows_for(unit, rng):
    """Rows that such visible units can take."""
    X = rng.random((N_ROWS, SIZES[0]))
    if unit == "gaussian":
        return X * np.linspace(0.5, 30, SIZES[0]) + np.linspace(-3, 90, SIZES[0])
    if isinstance(unit, Bernoulli):
        return 255 * X
    if isinstance(unit, Mixed):
        X[:, [5, 0, 3]] = np.eye(3)[rng.integers(3, size=N_ROWS)]
        X[:, [6, 2]] += 10
    return X


def fitted_stack(units, rng):
    """Return (machines, rows): fitted to what is below, and then given weights that one notices."""
    X = H = rows_for(units[0][0], rng)
    machines = []
    for size, (visible, hidden) in zip(SIZES[1:], units, strict=False):
        machine = RBMTransformer(size, visible=visible, hidden=hidden, n_iter=1, random_state=0)
        machine.fit(H)
        machine.components_ = rng.standard_normal(machine.components_.shape)
        machine.intercept_hidden_ = rng.standard_normal(size)
        machine.intercept_visible_ = rng.standard_normal(H.shape[1])
        machines.append(machine)
        H = machine.transform(H)
    return machines, X


def network_of(visible, layers):
    """The network whose outputs are the last of these layers."""
    return Network(visible, layers.units[:-1], layers.units[-1], (*layers.weights, *layers.biases))


def up_and_down(machines, X):
    """The oracle: what the machines' own methods give, layer by layer."""
    up = [X]
    for machine in machines:
        up.append(machine.transform(up[-1]))
    down = [up[-1]]
    for machine in reversed(machines):
        down.append(machine.inverse_transform(down[-1]))
    return up[1:], down[1:]


# -- layers from machines --------------------------------------------------------------------------


@each_stack
def test_layers_from_machines_give_what_their_transform_gives(units, rng):
    machines, X = fitted_stack(units, rng)
    visible, layers = pretrained_layers(machines, np.float64)
    up, _ = up_and_down(machines, X)
    network = network_of(visible, layers)
    assert_allclose(outputs(network, X), up[-1], rtol=1e-10, atol=1e-12)  # rounding of the scaling
    for layer, expected in enumerate(up[:-1]):
        assert_allclose(features(network, X, layer), expected, rtol=1e-10, atol=1e-12)


@each_stack
def test_tied_decoder_gives_what_inverse_transform_of_all_machines_gives(units, rng):
    machines, X = fitted_stack(units, rng)
    (*_, code), down = up_and_down(machines, X)
    decoder = tied_decoder(machines, np.float64)
    assert decoder.units == [machine.visible_ for machine in reversed(machines)]
    network = network_of(Bernoulli(), decoder)
    reconstructed = machines[0].visible_.decode(outputs(network, code))
    assert_allclose(reconstructed, down[-1], rtol=1e-10, atol=1e-12)  # rounding of the scaling
    for layer, (machine, expected) in enumerate(zip(reversed(machines[1:]), down[:-1], strict=True)):
        states = machine.visible_.decode(features(network, code, layer))
        assert_allclose(states, expected, rtol=1e-10, atol=1e-12)


@each_stack
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convert", ["up", "down"])
def test_layers_are_contiguous_copies_of_the_dtype_asked_for(units, dtype, convert, rng):
    machines, _ = fitted_stack(units, rng)
    kept = copy.deepcopy(machines)
    layers = pretrained_layers(machines, dtype)[1] if convert == "up" else tied_decoder(machines, dtype)
    for array in (*layers.weights, *layers.biases):
        assert array.dtype == dtype
        assert array.flags.c_contiguous
        array[...] = np.nan
    for machine, before in zip(machines, kept, strict=True):
        assert_array_equal(machine.components_, before.components_)
        assert_array_equal(machine.intercept_hidden_, before.intercept_hidden_)
        assert_array_equal(machine.intercept_visible_, before.intercept_visible_)


# -- layers without machines -----------------------------------------------------------------------


def test_plain_layers_have_the_types_and_sizes_of_the_prototypes_and_scale_as_these_would(rng):
    X, weight = rows_for("gaussian", rng), rng.uniform(0.1, 3, N_ROWS)
    prototypes = [RBMTransformer(5), RBMTransformer(3, hidden="relu"), RBMTransformer(2, hidden="gaussian")]
    visible, layers = plain_layers(prototypes, X, weight, np.random.default_rng(3))
    mean, spread = weighted_moments(X, weight)
    assert_array_equal(visible.location_, mean)
    assert_array_equal(visible.scale_, spread)
    assert [type(unit) for unit in layers.units] == [Bernoulli, ReLU, Gaussian]
    same = np.random.default_rng(3)
    factors = (2, 2, np.sqrt(2))  # see `initial_hidden_layers`
    for W, pair, factor in zip(layers.weights, zip(SIZES, SIZES[1:], strict=False), factors, strict=True):
        assert_allclose(W, factor * glorot_uniform(*pair, np.float64, same), rtol=1e-14)
    assert [len(bias) for bias in layers.biases] == [5, 3, 2]


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_plain_decoder_goes_back_through_the_layers_of_the_encoder(n_layers, rng):
    hidden = ["relu", "bernoulli", "gaussian"][:n_layers]
    prototypes = [RBMTransformer(size, hidden=unit) for size, unit in zip(SIZES[1:], hidden, strict=False)]
    visible, encoder = plain_layers(prototypes, rows_for("gaussian", rng), None, rng)
    decoder = plain_decoder(encoder, visible, np.random.default_rng(3))
    assert decoder.units == [*encoder.units[-2::-1], visible]
    sizes = SIZES[n_layers::-1]
    assert [W.shape for W in decoder.weights] == list(zip(sizes, sizes[1:], strict=False))
    # Factors by the types below and above, see `initial_hidden_layers`.
    factors = {1: [np.sqrt(2)], 2: [2, np.sqrt(2)], 3: [2, 2, np.sqrt(2)]}[n_layers]
    same = np.random.default_rng(3)
    below = [*encoder.units[::-1]]
    for layer, (W, bias, factor) in enumerate(zip(decoder.weights, decoder.biases, factors, strict=True)):
        assert_allclose(W, factor * glorot_uniform(*W.shape, np.float64, same), rtol=1e-14)
        centred = isinstance(below[layer], Bernoulli)
        expected = -W.sum(axis=0) / 2 if centred else np.zeros(W.shape[1])
        assert_allclose(bias, expected, rtol=0, atol=1e-14)


# -- prototypes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hidden", "above"),
    [("bernoulli", "bernoulli"), ("gaussian", "gaussian"), ("softmax", "softmax")],
)
def test_visible_units_of_upper_machines_are_the_hidden_ones_below(hidden, above, rng):
    machines = layer_prototypes(RBMTransformer(visible="bernoulli", hidden=hidden), (5, 3, 2), rng, 0)
    assert [machine.visible for machine in machines] == ["bernoulli", above, above]


def test_upper_machines_take_rectified_means_as_shares_of_their_scale(rng):
    machines = layer_prototypes(RBMTransformer(hidden=ReLU()), (5, 3, 2), rng, 0)
    assert [machine.visible.scale for machine in machines[1:]] == ["data", "data"]
    assert all(isinstance(machine.visible, Bernoulli) for machine in machines[1:])
    pretrain_stack(machines, rows_for("bernoulli", rng), None)
    means = machines[0].transform(rows_for("bernoulli", rng))
    assert (machines[1].visible_.scale_ < np.inf).all()
    assert machines[1].transform(means).shape == (N_ROWS, 3)


def test_prototypes_are_clones_with_the_size_and_a_seed_of_each_layer(rng):
    prototype = RBMTransformer(99, n_iter=7, warm_start=True, verbose=1, random_state=5)
    before = repr(prototype.get_params())
    machines = layer_prototypes(prototype, (5, 3, 2), np.random.default_rng(3), 2)
    assert [machine.n_components for machine in machines] == [5, 3, 2]
    assert [(machine.n_iter, machine.warm_start, machine.verbose) for machine in machines] == [
        (7, False, 2)
    ] * 3
    seeds = [machine.random_state for machine in machines]
    assert len(set(seeds)) == 3
    same = layer_prototypes(prototype, (5, 3, 2), np.random.default_rng(3), 0)
    assert [machine.random_state for machine in same] == seeds
    assert [machine.verbose for machine in same] == [1, 1, 1]
    assert repr(prototype.get_params()) == before


# -- passes over a stack ---------------------------------------------------------------------------


@pytest.mark.parametrize("trained", [(1,), (2,), (3,), (1, 3), (1, 2, 3)])
def test_pass_over_a_stack_trains_the_machines_asked_for_on_what_those_below_give(trained, rng):
    X, weight = rows_for("bernoulli", rng), rng.uniform(0.1, 3, N_ROWS)
    prototypes = layer_prototypes(RBMTransformer(n_iter=2, learning_rate=0.05), SIZES[1:], rng, 0)
    machines = pretrain_stack(prototypes, X, weight)
    expected = copy.deepcopy(machines)
    H = X
    for number, machine in enumerate(expected, start=1):
        if number in trained:
            machine.partial_fit(H, sample_weight=weight)
        H = machine.transform(H)
    before = copy.deepcopy(machines)
    pass_over_stack(machines, X, weight, trained)
    for number, (machine, other, old) in enumerate(zip(machines, expected, before, strict=True), start=1):
        assert_array_equal(machine.components_, other.components_)
        assert_array_equal(machine.intercept_hidden_, other.intercept_hidden_)
        assert (machine.components_ != old.components_).any() == (number in trained)


def test_pass_over_a_stack_asks_nothing_of_machines_above(rng):
    machines = layer_prototypes(RBMTransformer(n_iter=2), SIZES[1:], rng, 0)
    pass_over_stack(machines, rows_for("bernoulli", rng), None, (1,))
    assert [hasattr(machine, "components_") for machine in machines] == [True, False, False]


# -- frozen stacks ---------------------------------------------------------------------------------


class Stack:
    def __init__(self, machines):
        self.rbms_ = machines

    def __repr__(self):
        return "Stack()"


def test_machines_of_a_frozen_stack_are_taken_if_they_fit(rng):
    machines, _ = fitted_stack(STACKS["binary"], rng)
    found = frozen_machines(Stack(machines), (5, 3, 2), 7)
    assert all(one is other for one, other in zip(found, machines, strict=True))
    assert found is not machines


@pytest.mark.parametrize(
    ("machines", "sizes", "n_features", "message"),
    [
        ([], (5, 3, 2), 7, r"pretrain=Stack\(\) holds no pre-trained layers: give True, False, or Frozen"),
        (None, (5, 3), 7, r"hidden_layer_sizes=\(5, 3\), but the layers of pretrain have .*\(5, 3, 2\)"),
        (None, (5, 3, 3), 7, r"hidden_layer_sizes=\(5, 3, 3\), but"),
        (None, (5, 3, 2), 11, r"X has 11 features, but the layers of pretrain expect 7"),
    ],
)
def test_stack_that_does_not_fit_is_refused(machines, sizes, n_features, message, rng):
    machines = fitted_stack(STACKS["binary"], rng)[0] if machines is None else machines
    with pytest.raises(ValueError, match=message):
        frozen_machines(Stack(machines), sizes, n_features)


def test_stack_that_was_not_fitted_is_refused():
    with pytest.raises(ValueError, match=r"pretrain=FrozenEstimator.* holds no pre-trained layers"):
        frozen_machines(FrozenEstimator(clone(RBMTransformer())), (5,), 7)


# -- errors ----------------------------------------------------------------------------------------


def test_errors_about_upper_layers_say_which_and_those_about_rows_do_not():
    with pytest.raises(ValueError, match=r"^too large$"), errors_of_layer(1) as stage:
        raise ValueError("too large")
    assert stage == "Pretraining of layer 1"
    with pytest.raises(ValueError, match=r"^Pretraining of layer 2: too large$"), errors_of_layer(2):
        raise ValueError("too large")
    with pytest.raises(DivergenceError, match=r"^stage 7$"), errors_of_layer(3):
        raise DivergenceError("stage 7")
