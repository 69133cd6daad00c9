import numpy as np
import pytest
from exact import (
    HIDDEN_SIZES,
    N_SAMPLES,
    N_VISIBLE,
    SOFTMAX_GROUPS,
    ExactRBM,
    binary_states,
    log_sum_exp,
    random_rbm,
)
from numpy.testing import assert_allclose

from skdbn import _pseudo_likelihood
from skdbn._energy import Machine, RBMParameters
from skdbn._pseudo_likelihood import has_pseudo_likelihood, pseudo_log_likelihood
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax

# Sums of at most 256 terms of float64 in another order.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}

each_hidden = pytest.mark.parametrize("hidden", HIDDEN_SIZES)


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request, monkeypatch):
    """Everything at once, or one or two rows and columns at a time."""
    if request.param == "many blocks":
        monkeypatch.setattr(_pseudo_likelihood, "_BLOCK_ELEMENTS", 11)
        monkeypatch.setattr(_pseudo_likelihood, "_LARGEST_BLOCK", 15)


def exact_log_conditionals(oracle, v, columns, alternatives):
    """log p(the columns are in each of their alternative states | the others), by free energies."""
    log_p = []
    for state in alternatives:
        changed = v.copy()
        changed[:, columns] = state
        log_p.append(-oracle.free_energy(changed))
    log_p = np.array(log_p)
    return (log_p - log_sum_exp(log_p)).T


def exact_pseudo_log_likelihood(oracle, v):
    """Sum over units (groups) of log p(unit | rest); of cross-entropies where v has probabilities."""
    total = np.zeros(len(v))
    if oracle.visible == "bernoulli":
        for i in range(oracle.n_visible):
            log_p = exact_log_conditionals(oracle, v, [i], [0.0, 1.0])
            total += (1 - v[:, i]) * log_p[:, 0] + v[:, i] * log_p[:, 1]
        return total
    for group in SOFTMAX_GROUPS[oracle.n_visible]:
        total += (v[:, group] * exact_log_conditionals(oracle, v, group, np.eye(len(group)))).sum(axis=1)
    return total


# -- against enumeration --------------------------------------------------------------------------


@each_hidden
@pytest.mark.parametrize("visible", ["bernoulli", "softmax"])
def test_pseudo_log_likelihood_sums_the_exact_conditionals(visible, hidden, to_machine, blocks):
    oracle = random_rbm(visible, hidden=hidden)
    v = oracle.visible_states
    result = pseudo_log_likelihood(to_machine(oracle), v)
    assert_allclose(result, exact_pseudo_log_likelihood(oracle, v), **ROUNDING)


@each_hidden
def test_pseudo_log_likelihood_of_grey_values_is_a_cross_entropy(hidden, to_machine, rng, blocks):
    oracle = random_rbm("bernoulli", hidden=hidden)
    v = rng.random((N_SAMPLES, N_VISIBLE))
    v[::2] = v[::2] < 0.5  # binary rows among the grey ones
    result = pseudo_log_likelihood(to_machine(oracle), v)
    assert_allclose(result, exact_pseudo_log_likelihood(oracle, v), **ROUNDING)


@each_hidden
def test_pseudo_log_likelihood_of_shares_of_categories_is_a_cross_entropy(hidden, to_machine, rng):
    oracle = random_rbm("softmax", hidden=hidden)
    v = np.concatenate([oracle.visible_states, oracle.visible_states])
    shares = rng.dirichlet(np.ones(3), size=len(oracle.visible_states))
    v[: len(shares), SOFTMAX_GROUPS[5][1]] = shares
    result = pseudo_log_likelihood(to_machine(oracle), v)
    assert_allclose(result, exact_pseudo_log_likelihood(oracle, v), **ROUNDING)


def test_a_group_without_category_has_no_term(to_machine):
    oracle = random_rbm("softmax")
    v = oracle.visible_states.copy()
    known, unknown = SOFTMAX_GROUPS[5]
    v[:, unknown] = 0
    expected = (v[:, known] * exact_log_conditionals(oracle, v, known, np.eye(2))).sum(axis=1)
    assert_allclose(pseudo_log_likelihood(to_machine(oracle), v), expected, **ROUNDING)


# -- machines that are too large to enumerate, against one flip at a time ------------------------------


def binary_machine(n_hidden, n_visible, spread, rng, dtype=np.float64):
    arrays = ((n_hidden, n_visible), n_hidden, n_visible)
    parameters = RBMParameters(*(spread * rng.standard_normal(shape).astype(dtype) for shape in arrays))
    return Machine(Bernoulli(), Bernoulli(), parameters)


def in_float64(machine):
    return machine._replace(
        parameters=RBMParameters(*(a.astype(np.float64) for a in machine.parameters[:3]))
    )


def by_free_energies(machine, v):
    """The sum over the units of log p(v_i | rest), from the free energies of rows with unit i flipped."""
    machine, v = in_float64(machine), v.astype(np.float64)
    total, free_energy = np.zeros(len(v)), machine.free_energy(v)
    for i in range(v.shape[1]):
        flipped = v.copy()
        flipped[:, i] = 1 - flipped[:, i]
        total -= np.logaddexp(0, free_energy - machine.free_energy(flipped))
    return total


@pytest.mark.parametrize("n_hidden", [1, 2, 3, 4, 100])
def test_pseudo_log_likelihood_of_any_number_of_hidden_units_is_that_of_flips(n_hidden, rng):
    """4 and 100 leave a group of one."""
    machine = binary_machine(n_hidden, 37, 2.0, rng)
    v = (rng.random((N_SAMPLES, 37)) < 0.5).astype(float)
    # Free energies of up to 1e4 differ by the rounding of 1e-12, for each of the 37 units.
    assert_allclose(pseudo_log_likelihood(machine, v), by_free_energies(machine, v), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spread", [0.1, 3.0, 12.0, 60.0, 500.0])
def test_weights_of_any_size_keep_the_precision_of_the_dtype(spread, dtype, rng):
    machine = binary_machine(20, 17, spread, rng, dtype)
    v = (rng.random((N_SAMPLES, 17)) < 0.5).astype(dtype)
    # The fields are sums of 18 numbers of that spread, each rounded; they add up over 20 * 17 pairs.
    # Rounding errors grow by the root of these numbers.
    tolerance = 18**0.5 * (20 * 17) ** 0.5 * max(1, spread) * 4 * np.finfo(dtype).eps
    result = pseudo_log_likelihood(machine, v)
    assert result.dtype == dtype
    assert_allclose(result, by_free_energies(machine, v), atol=tolerance, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_changes_beyond_the_range_of_the_dtype_are_summed_as_logarithms(dtype):
    """200 hidden units that all turn on or off together change log p by 200 * log of about exp(4)."""
    parameters = RBMParameters(
        np.full((200, 2), 8, dtype=dtype), np.full(200, -4, dtype=dtype), np.zeros(2, dtype=dtype)
    )
    machine = Machine(Bernoulli(), Bernoulli(), parameters)
    v = binary_states(2).astype(dtype)
    result = pseudo_log_likelihood(machine, v)
    assert_allclose(result, by_free_energies(machine, v), rtol=200 * np.finfo(dtype).eps, atol=1e-20)


@pytest.mark.parametrize("hidden", ["bernoulli", "softmax"])
@pytest.mark.parametrize("spread", [6.0, 12.0, 60.0, 500.0])
def test_categories_with_weights_of_any_size_keep_the_precision_of_the_dtype(spread, hidden, to_machine):
    for dtype in (np.float32, np.float64):
        oracle = random_rbm("softmax", hidden=hidden, spread=spread)
        rounded = oracle.replace(*(array.astype(dtype) for array in oracle.parameters))
        v = oracle.visible_states
        result = pseudo_log_likelihood(to_machine(rounded, dtype), v.astype(dtype))
        # Fields are sums of 3 numbers of that spread; 7 of them and 5 logits.
        tolerance = 50 * spread * np.finfo(dtype).eps
        assert_allclose(result, exact_pseudo_log_likelihood(rounded, v), rtol=1e-6, atol=tolerance)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("weight", [8.0, 25.0, 90.0, 250.0, 1e3])
def test_small_probabilities_of_hidden_units_are_not_lost(weight, sign):
    """A unit that is on, but for exp(-20), turns off when the visible unit it holds on to does."""
    for other_units in (0, 5):
        weights = np.zeros((1 + other_units, 2), dtype=np.float32)
        hidden_bias = np.full(1 + other_units, -30 * sign, dtype=np.float32)
        weights[0], hidden_bias[0] = sign * weight, sign * (20 - weight)
        visible_bias = np.array([-sign * 18.0, -sign * 500.0], dtype=np.float32)
        machine = Machine(Bernoulli(), Bernoulli(), RBMParameters(weights, hidden_bias, visible_bias))
        v = np.array([[1, 0], [0, 0]], dtype=np.float32)
        # By hand to a few digits, with the rounding of numbers below 1e3 in float32.
        assert_allclose(pseudo_log_likelihood(machine, v), by_free_energies(machine, v), atol=1e-3)


def test_pseudo_log_likelihood_of_unconnected_units_is_their_log_likelihood(to_machine):
    bias = np.array([-1.0, 0.0, 2.0])
    machine = to_machine(ExactRBM("bernoulli", np.zeros((2, 3)), np.ones(2), bias))
    v = binary_states(3)
    expected = (v * bias - np.log1p(np.exp(bias))).sum(axis=1)
    assert_allclose(pseudo_log_likelihood(machine, v), expected, rtol=1e-13)


def test_pseudo_log_likelihood_of_certain_units_stays_finite(to_machine):
    bias = np.array([1e3, -1e3])
    machine = to_machine(ExactRBM("bernoulli", np.zeros((1, 2)), np.zeros(1), bias))
    v = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    assert_allclose(pseudo_log_likelihood(machine, v), [0, -1e3, -2e3], rtol=1e-14)


@each_hidden
@pytest.mark.parametrize("visible", ["bernoulli", "softmax"])
def test_float32_rows_give_float32(visible, hidden, to_machine):
    oracle = random_rbm(visible, hidden=hidden)
    v = oracle.visible_states
    result = pseudo_log_likelihood(to_machine(oracle, np.float32), v.astype(np.float32))
    assert result.dtype == np.float32
    # About 50 operations on values below 20, each with an error of 6e-8 of its value.
    assert_allclose(result, exact_pseudo_log_likelihood(oracle, v), atol=6e-5)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (Bernoulli(), True),
        (Softmax(), True),
        (Gaussian(), False),
        (ReLU(), False),
        (Mixed([("bernoulli", [0])]), False),
    ],
)
def test_layers_of_categories_or_binary_units_have_a_pseudo_likelihood(visible, expected):
    assert has_pseudo_likelihood(visible) is expected
    if not expected:
        machine = Machine(visible, Bernoulli(), RBMParameters(np.zeros((1, 1)), np.zeros(1), np.zeros(1)))
        with pytest.raises(NotImplementedError, match=type(visible).__name__):
            pseudo_log_likelihood(machine, np.zeros((1, 1)))
