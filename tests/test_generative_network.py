import numpy as np
import pytest
from exact import binary_states, row_numbers, total_variation_in_floors
from exact_generative import N_CLASSES, N_TOP, SIZES, from_network, random_network, to_network
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit

from skdbn import _rows
from skdbn._energy import Machine, RBMParameters
from skdbn._generative_network import draw_down, features, log_probabilities, sample, untie
from skdbn.units import Bernoulli, Gaussian, Mixed, Softmax

N_ROWS = 13
N_DRAWS = 20_000
# Correct draws stay near 0.8 floors, see `exact.total_variation_in_floors`.
LARGEST_DISTANCE = 2.0


@pytest.fixture
def oracle():
    return random_network()


@pytest.fixture
def grey_rows(rng):
    return rng.random((N_ROWS, SIZES[0]))


def means_up(oracle, x):
    for weights, bias in oracle.recognition:
        x = expit(x @ weights + bias)
    return x


def joint_weights(oracle, x):
    """exp(-E(x_2, y, h)) for one row of means x_2: (n_classes, n_states of the top hidden units)."""
    rows = np.hstack([np.tile(x, (N_CLASSES, 1)), np.eye(N_CLASSES)])
    return np.exp(-oracle.top.energy(rows[:, np.newaxis], oracle.top.hidden_states[np.newaxis]))


# -- the way up -----------------------------------------------------------------------------------


def test_class_probabilities_are_those_of_the_enumerated_top_machine(oracle, grey_rows):
    weights = np.array([joint_weights(oracle, x).sum(axis=1) for x in means_up(oracle, grey_rows)])
    expected = weights / weights.sum(axis=1, keepdims=True)
    assert np.ptp(expected[:, 0]) > 0.1
    assert_allclose(np.exp(log_probabilities(to_network(oracle), grey_rows)), expected, rtol=1e-10)


def test_features_are_the_means_of_the_ways_up(oracle, grey_rows):
    network = to_network(oracle)
    (W1, b1), _ = oracle.recognition
    assert_allclose(features(network, grey_rows, 0), expit(grey_rows @ W1 + b1), rtol=1e-12)
    assert_allclose(features(network, grey_rows, -2), means_up(oracle, grey_rows), rtol=1e-12)


def test_features_of_the_highest_layer_are_its_means_with_the_label_summed_out(oracle, grey_rows):
    expected = []
    for x in means_up(oracle, grey_rows):
        weights = joint_weights(oracle, x).sum(axis=0)
        expected.append(weights @ oracle.top.hidden_states / weights.sum())
    result = features(to_network(oracle), grey_rows)
    assert result.shape == (N_ROWS, N_TOP)
    assert_allclose(result, expected, rtol=1e-10)


def test_rows_are_taken_in_blocks_dense_or_sparse(oracle, grey_rows, rng, monkeypatch):
    network = to_network(oracle)
    whole = [log_probabilities(network, grey_rows), features(network, grey_rows)]
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 3 * N_TOP)  # three rows a block
    for rows in (grey_rows, sparse.csr_matrix(grey_rows)):
        assert_allclose(log_probabilities(network, rows), whole[0], rtol=1e-12)
        assert_allclose(features(network, rows), whole[1], rtol=1e-12)
    drawn = sample(network, np.eye(N_CLASSES)[rng.integers(2, size=N_ROWS)], 3, rng)
    assert drawn.shape == (N_ROWS, SIZES[0])
    assert len(np.unique(drawn, axis=0)) > 3


def test_rows_are_encoded_by_the_units_of_the_data(oracle, grey_rows):
    network = to_network(oracle)
    gaussian = Gaussian().adapt(np.linspace(-3, 9, SIZES[0]), np.linspace(0.5, 3, SIZES[0]))
    scaled = network._replace(visible=gaussian)
    rows = gaussian.decode(grey_rows.copy())
    assert_allclose(log_probabilities(scaled, rows), log_probabilities(network, grey_rows), rtol=1e-10)
    assert_allclose(features(scaled, rows, 0), features(network, grey_rows, 0), rtol=1e-10)
    drawn = sample(scaled, np.eye(2), 3, np.random.default_rng(0))
    expected = sample(network, np.eye(2), 3, np.random.default_rng(0))
    assert_allclose(drawn, gaussian.decode(expected.copy()), rtol=1e-12)


# -- the way down ---------------------------------------------------------------------------------


def p_data_given(oracle, label):
    p = oracle.p_data()[:, label]
    return p / p.sum()


@pytest.mark.parametrize("label", range(N_CLASSES))
def test_samples_given_a_label_follow_the_enumerated_distribution(oracle, label, rng):
    labels = np.tile(np.eye(N_CLASSES)[label], (N_DRAWS, 1))
    drawn = sample(to_network(oracle), labels, 30, rng)
    numbers = row_numbers(drawn, oracle.states[0])
    assert total_variation_in_floors(numbers, p_data_given(oracle, label)) < LARGEST_DISTANCE
    assert total_variation_in_floors(numbers, p_data_given(oracle, 1 - label)) > 2 * LARGEST_DISTANCE


def test_samples_without_labels_follow_the_enumerated_distribution_of_the_data(oracle, rng):
    drawn = sample(to_network(oracle), None, 30, rng, n_rows=N_DRAWS)
    p = oracle.p_data().sum(axis=1)
    assert total_variation_in_floors(row_numbers(drawn, oracle.states[0]), p) < LARGEST_DISTANCE


def test_samples_by_means_have_the_mean_of_the_enumerated_distribution(oracle, rng):
    labels = np.tile(np.eye(N_CLASSES)[1], (N_DRAWS, 1))
    means = sample(to_network(oracle), labels, 30, rng, means=True)
    expected = p_data_given(oracle, 1) @ oracle.states[0]
    errors = (means.mean(axis=0) - expected) / (means.std(axis=0) / np.sqrt(N_DRAWS))
    assert np.abs(errors).max() < 4
    # Each row is the mean given one state of the layer above.
    weights, bias = oracle.generative[0]
    possible = expit(oracle.states[1] @ weights + bias)
    assert len(np.unique(means, axis=0)) <= len(possible)
    assert np.abs(means[:50, np.newaxis] - possible).max(axis=2).min(axis=1).max() < 1e-12


def test_one_pass_down_follows_the_enumerated_conditionals(oracle, rng):
    x = np.tile(oracle.states[2][5], (N_DRAWS, 1))
    drawn = draw_down(to_network(oracle), x, rng)
    p = (oracle.p(1) @ oracle.p(0))[5]
    assert total_variation_in_floors(row_numbers(drawn, oracle.states[0]), p) < LARGEST_DISTANCE


# -- networks -------------------------------------------------------------------------------------


def machine(rng, n_hidden, n_visible, unit=None):
    weights = rng.standard_normal((n_hidden, n_visible))
    parameters = RBMParameters(weights, rng.standard_normal(n_hidden), rng.standard_normal(n_visible))
    return Machine(unit or Bernoulli(), Bernoulli(), parameters)


def test_both_ways_begin_as_the_conditionals_of_the_machines_and_share_nothing(rng):
    machines = [machine(rng, 7, 5), machine(rng, 3, 7)]
    top = machine(rng, 11, 5)
    network = untie(Bernoulli(), machines, top, 2)
    for way_up, way_down, rbm in zip(network.recognition, network.generative, machines, strict=True):
        h = binary_states(len(rbm.parameters.hidden_bias))
        v = binary_states(len(rbm.parameters.visible_bias))
        assert_allclose(way_up.mean(v), rbm.mean_h_from_v(v), rtol=1e-12)
        assert_allclose(way_down.mean(h), rbm.mean_v_from_h(h), rtol=1e-12)
    arrays = [*network.parameters[:8], *machines[0].parameters[:3], *machines[1].parameters[:3]]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i])


def test_a_network_without_directed_layers_is_an_rbm_of_rows_and_labels(oracle, rng):
    visible = Mixed([(Bernoulli(), range(SIZES[-1])), (Softmax(), range(SIZES[-1], SIZES[-1] + 2))])
    top = Machine(visible, Bernoulli(), RBMParameters(*oracle.top.parameters))
    network = untie(Bernoulli(), [], top, N_CLASSES)
    x = binary_states(SIZES[-1])
    p = oracle.p_joined()
    assert_allclose(np.exp(log_probabilities(network, x)), p / p.sum(axis=1, keepdims=True), rtol=1e-10)
    drawn = sample(network, np.tile([0.0, 1.0], (N_DRAWS, 1)), 30, rng)
    numbers = row_numbers(drawn, x)
    assert total_variation_in_floors(numbers, p[:, 1] / p[:, 1].sum()) < LARGEST_DISTANCE
    means = sample(network, np.tile([0.0, 1.0], (N_DRAWS, 1)), 30, rng, means=True)
    assert_allclose(means.mean(axis=0), p[:, 1] @ x / p[:, 1].sum(), atol=0.02)
    assert np.ptp(means, axis=0).min() > 0.05
    assert len(np.unique(means, axis=0)) > len(x)


def test_float32_stays_float32(oracle, grey_rows, rng):
    network = to_network(oracle, np.float32)
    rows, labels = grey_rows.astype(np.float32), np.eye(2, dtype=np.float32)
    results = [log_probabilities(network, rows), sample(network, labels, 2, rng)]
    results += [features(network, rows, layer) for layer in range(3)]
    assert {array.dtype for array in results} == {np.dtype(np.float32)}


def test_conversion_of_the_oracle_keeps_its_parameters(oracle):
    again = from_network(to_network(oracle))
    assert_array_equal(again.p_data(), oracle.p_data())
    assert_allclose(again.p_data().sum(), 1, rtol=1e-12)
