import numpy as np
import pytest
from exact import N_HIDDEN, N_SAMPLES, N_VISIBLE, ExactRBM, binary_states, random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdbn import _likelihood
from skdbn._energy import Machine, RBMParameters
from skdbn._likelihood import LogPartition, exact_log_partition
from skdbn.units import Bernoulli, Gaussian, ReLU, Softmax

# Sums of at most 256 terms of float64 in another order.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request, monkeypatch):
    """Everything at once, or 3 states at a time."""
    if request.param == "many blocks":
        monkeypatch.setattr(_likelihood, "_BLOCK_ELEMENTS", 3 * (N_VISIBLE + N_HIDDEN))


# -- log Z ----------------------------------------------------------------------------------------


def test_log_partition_equals_the_sum_over_all_states(oracle, to_machine, blocks):
    """Of every pair of types: the layer of finitely many states, or of fewer, is enumerated."""
    assert_allclose(exact_log_partition(to_machine(oracle)), oracle.log_partition(), **ROUNDING)


@pytest.mark.parametrize(("n_visible", "n_hidden"), [(5, 3), (3, 5), (5, 5), (7, 1)])
def test_log_partition_does_not_depend_on_which_layer_is_smaller(n_visible, n_hidden, to_machine, blocks):
    oracle = random_rbm("bernoulli", seed=1, n_visible=n_visible, n_hidden=n_hidden)
    assert_allclose(exact_log_partition(to_machine(oracle)), oracle.log_partition(), **ROUNDING)


def test_log_partition_sums_over_the_smaller_layer():
    # 2**40 visible states cannot be summed, 2**3 hidden ones can: unconnected units have a closed form.
    n_hidden, n_visible = 3, 40
    parameters = RBMParameters(
        np.zeros((n_hidden, n_visible)), np.full(n_hidden, 0.5), np.full(n_visible, -1.0)
    )
    expected = n_hidden * np.log1p(np.exp(0.5)) + n_visible * np.log1p(np.exp(-1.0))
    for machine in (
        Machine(Bernoulli(), Bernoulli(), parameters),
        Machine(
            Bernoulli(),
            Bernoulli(),
            RBMParameters(parameters.weights.T.copy(), parameters.visible_bias, parameters.hidden_bias),
        ),
    ):
        assert_allclose(exact_log_partition(machine), expected, rtol=1e-13)


def test_log_partition_enumerates_the_layer_of_fewer_states_not_of_fewer_units():
    # 3 categorical units of 20 levels have 8000 states, the 26 binary ones 2**26.
    parameters = RBMParameters(np.zeros((60, 26)), np.zeros(60), np.zeros(26))
    machine = Machine(Bernoulli(), Softmax(groups=20), parameters)
    assert_allclose(exact_log_partition(machine), 3 * np.log(20) + 26 * np.log(2), rtol=1e-13)


@pytest.mark.parametrize(
    ("visible", "n_visible", "hidden", "n_hidden", "count"),
    [
        (Bernoulli(), 27, Bernoulli(), 26, r"2\*\*26"),
        (Gaussian().adapt(np.zeros(2), np.ones(2)), 2, Bernoulli(), 26, r"2\*\*26"),
        (Bernoulli(), 27, ReLU(), 2, r"2\*\*27"),
        (Bernoulli(), 5000, Softmax(groups=3), 2400, r"more than 2\*\*1267"),  # 3**800, not a float
    ],
)
def test_log_partition_of_too_many_states_is_refused(visible, n_visible, hidden, n_hidden, count):
    parameters = RBMParameters(np.zeros((n_hidden, n_visible)), np.zeros(n_hidden), np.zeros(n_visible))
    with pytest.raises(ValueError, match=rf'over {count} states .* at most 2\*\*25 .*method="ais"'):
        exact_log_partition(Machine(visible, hidden, parameters))


def test_log_partition_of_large_energies_does_not_overflow():
    parameters = RBMParameters(np.full((1, 2), 1e3), np.array([-500.0]), np.zeros(2))
    # The states (v, h) = ((1, 1), 1) of energy -1500 outweighs all others by exp(1000).
    machine = Machine(Bernoulli(), Bernoulli(), parameters)
    assert_allclose(exact_log_partition(machine), 1500, rtol=1e-14)


def bars_and_stripes():
    """The 2 x 2 patterns of uniform rows or columns, the two that are both given twice."""
    patterns = ["0000", "0000", "0011", "1100", "0101", "1010", "1111", "1111"]
    return np.array([[float(bit) for bit in pattern] for pattern in patterns])


def test_bars_and_stripes_machine_made_by_hand_reaches_the_bound(to_machine):
    # One hidden unit a pattern. Its field is 20 + log(multiplicity) at the pattern and at least 60
    # lower anywhere else, so exp(-F) is 1 + multiplicity * e^20 at the 6 patterns and 1 at the other 10.
    rows = bars_and_stripes()
    patterns, multiplicity = np.unique(rows, axis=0, return_counts=True)
    weights = 60 * (2 * patterns - 1)
    hidden_bias = 20 + np.log(multiplicity) - 60 * patterns.sum(axis=1)
    machine = to_machine(ExactRBM("bernoulli", weights, hidden_bias, np.zeros(4)))
    log_partition = exact_log_partition(machine)
    assert_allclose(log_partition, np.log(16 + 8 * np.exp(20)), rtol=1e-14)
    mean_log_likelihood = -machine.free_energy(rows).mean() - log_partition
    bound = -(np.log(8) + np.log(4)) / 2  # minus the entropy of the 8 rows: -1.732868
    assert mean_log_likelihood < bound
    assert_allclose(mean_log_likelihood, bound, atol=1e-8)  # short of it by about e^-20


# -- the estimator --------------------------------------------------------------------------------


def test_likelihoods_of_all_binary_rows_sum_to_one(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    log_partition = rbm.log_partition()
    assert isinstance(log_partition, LogPartition)
    assert log_partition.standard_error == 0
    X = binary_states(N_VISIBLE)
    scores = rbm.score_samples(X, log_partition=log_partition)
    assert_allclose(np.exp(scores).sum(), 1, rtol=1e-12)
    assert_allclose(scores, binary_oracle.log_likelihood(X), **ROUNDING)
    assert_array_equal(rbm.score_samples(X, log_partition=log_partition.value), scores)


def test_density_of_gaussian_rows_integrates_to_one_in_the_units_of_the_data(to_estimator):
    oracle = random_rbm("gaussian")
    rbm = to_estimator(oracle)
    scale = rbm.visible_.scale_
    X = rbm.visible_.decode(oracle.visible_states.copy())
    scores = rbm.score_samples(X, log_partition=rbm.log_partition())
    volume = oracle.cell * scale.prod()
    assert_allclose(np.exp(scores).sum() * volume, 1, rtol=1e-12)
    expected = oracle.log_likelihood(oracle.visible_states) - np.log(scale).sum()
    assert_allclose(scores, expected, rtol=1e-11, atol=1e-11)


def test_log_partition_of_float32_parameters_is_summed_in_float64(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle, np.float32)
    rounded = ExactRBM("bernoulli", *rbm._machine(np.float64).parameters[:3])
    assert_allclose(rbm.log_partition("exact").value, rounded.log_partition(), **ROUNDING)


def test_unknown_methods_of_log_partition_are_refused(binary_oracle, to_estimator):
    with pytest.raises(ValueError, match="method must be .* got 'brute'"):
        to_estimator(binary_oracle).log_partition("brute")


# -- pseudo-likelihood ----------------------------------------------------------------------------


def exact_pseudo_log_likelihood(oracle, v):
    """Sum of log p(v_i | rest); a value inside (0, 1) is the probability of 1: a cross-entropy."""
    total = np.zeros(len(v))
    for i in range(oracle.n_visible):
        total += v[:, i] * oracle.log_conditional(v, i, 1.0)
        total += (1 - v[:, i]) * oracle.log_conditional(v, i, 0.0)
    return total


def test_score_samples_is_the_pseudo_log_likelihood_of_all_units(binary_oracle, to_estimator, rng):
    rbm = to_estimator(binary_oracle)
    X = (rng.random((N_SAMPLES, N_VISIBLE)) < 0.5).astype(float)
    expected = exact_pseudo_log_likelihood(binary_oracle, X)
    assert_allclose(rbm.score_samples(X), expected, **ROUNDING)
    assert_allclose(rbm.score_samples(sparse.csr_matrix(X)), expected, **ROUNDING)
    assert_allclose(rbm.score(X), expected.mean(), **ROUNDING)


def test_score_of_gaussian_rows_is_minus_the_reconstruction_error(to_estimator, to_rows):
    oracle = random_rbm("gaussian")
    rbm, v = to_estimator(oracle), to_rows(oracle)
    X = rbm.visible_.decode(v.copy())
    expected = -((oracle.mean_v(oracle.mean_h(v)) - v) ** 2).mean(axis=1)
    assert_allclose(rbm.score_samples(X), expected, **ROUNDING)


def test_float32_rows_give_float32_scores(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle, np.float32)
    X = binary_states(N_VISIBLE)
    scores = rbm.score_samples(X.astype(np.float32))
    assert scores.dtype == np.float32
    # About 50 operations on values below 20, each with an error of 6e-8 of its value.
    assert_allclose(scores, exact_pseudo_log_likelihood(binary_oracle, X), atol=5e-5)
