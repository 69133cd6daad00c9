import numpy as np
import pytest
from exact import (
    N_HIDDEN,
    N_VISIBLE,
    PAIRS,
    SOFTMAX_GROUPS,
    ExactRBM,
    base_energy,
    binary_states,
    finite_differences,
    random_rbm,
    row_numbers,
    total_variation_in_floors,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neural_network import BernoulliRBM

from skdbn._energy import Machine, RBMParameters
from skdbn.units import Bernoulli, ReLU

# Sums of at most 4000 terms of float64 in another order.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}

each_pair = pytest.mark.parametrize(("visible", "hidden"), PAIRS)


def with_hidden(kind):
    """The oracles whose hidden units are of one type."""
    pairs = [pair for pair in PAIRS if pair[1] == kind]
    return pytest.mark.parametrize("oracle", pairs, indirect=True, ids="-".join)


def test_energy_is_that_of_the_definition(oracle, to_machine, to_rows, to_hidden_rows):
    v, h = to_rows(oracle), to_hidden_rows(oracle)
    assert_allclose(to_machine(oracle).energy(v, h), oracle.energy(v, h), **ROUNDING)


def test_free_energy_is_minus_the_log_of_the_sum_over_hidden_states(oracle, to_machine, to_rows):
    v = to_rows(oracle)
    assert_allclose(to_machine(oracle).free_energy(v), oracle.free_energy(v), **ROUNDING)


def test_free_energy_of_hidden_is_minus_the_log_of_the_sum_over_visible_states(oracle, to_machine):
    h = oracle.hidden_states
    result = to_machine(oracle).free_energy_of_hidden(h)
    assert_allclose(result, oracle.free_energy_of_hidden(h), **ROUNDING)


def test_conditional_means_are_those_of_the_joint(oracle, to_machine, to_rows):
    machine = to_machine(oracle)
    v, h = to_rows(oracle), oracle.hidden_states
    assert_allclose(machine.mean_h_from_v(v), oracle.mean_h(v), **ROUNDING)
    assert_allclose(machine.mean_v_from_h(h), oracle.mean_v(h), **ROUNDING)


def test_conditional_draws_have_the_distribution_of_the_joint(
    oracle, to_machine, to_rows, to_hidden_rows, rng
):
    n = 20_000
    machine = to_machine(oracle)
    v, h = to_rows(oracle)[1:2], to_hidden_rows(oracle)[:1]
    drawn_h = machine.sample_h_from_v(np.repeat(v, n, axis=0), rng)
    drawn_v = machine.sample_v_from_h(np.repeat(h, n, axis=0), rng)
    for kind, drawn, states, p in [
        (oracle.hidden, drawn_h, oracle.hidden_states, oracle.hidden_given_visible(v)[0]),
        (oracle.visible, drawn_v, oracle.visible_states, oracle.visible_given_hidden(h)[0]),
    ]:
        mean = p @ states
        covariance = (states - mean).T @ (p[:, np.newaxis] * (states - mean))
        deviations = drawn - mean
        products = np.einsum("ki,kj->kij", deviations, deviations)
        for values, expected in [(deviations, 0), (products, covariance)]:
            error = values.std(axis=0) / np.sqrt(n)
            assert (np.abs(values.mean(axis=0) - expected) < 4 * error).all()  # 4 standard errors
        if kind != "gaussian":
            # Independent draws are at 0.8 floors; at 2 one state in 100 draws would be misplaced.
            assert total_variation_in_floors(row_numbers(drawn, states), p) < 2


def test_derivatives_of_the_free_energy_are_minus_the_expected_statistics(oracle, to_machine, to_rows):
    machine, v = to_machine(oracle), to_rows(oracle)[:1]

    def free_energy(*parameters):
        return machine._replace(parameters=RBMParameters(*parameters)).free_energy(v)[0]

    by_weights, by_hidden_bias, by_visible_bias = finite_differences(free_energy, oracle.parameters)
    mean_h = oracle.mean_h(v)[0]
    # Central differences of step 1e-5 of values below 20.
    assert_allclose(by_hidden_bias, -mean_h, atol=1e-8)
    assert_allclose(by_visible_bias, -v[0], atol=1e-8)
    assert_allclose(by_weights, -np.outer(mean_h, v[0]), atol=1e-8)


def test_free_energy_differs_from_minus_log_p_by_log_partition(oracle, to_machine, to_rows):
    v = to_rows(oracle)
    log_p = oracle.log_likelihood(v)
    constant = to_machine(oracle).free_energy(v) + log_p
    assert_allclose(constant, -oracle.log_partition(), **ROUNDING)


def test_binary_machine_equals_bernoulli_rbm(binary_oracle, to_machine, X_binary):
    theirs = BernoulliRBM(n_components=N_HIDDEN, n_iter=1, random_state=0).fit(X_binary)
    theirs.components_ = binary_oracle.weights
    theirs.intercept_hidden_ = binary_oracle.hidden_bias
    theirs.intercept_visible_ = binary_oracle.visible_bias
    ours = to_machine(binary_oracle)
    assert_allclose(ours.mean_h_from_v(X_binary), theirs.transform(X_binary), **ROUNDING)
    assert_allclose(ours.free_energy(X_binary), theirs._free_energy(X_binary), **ROUNDING)


def test_estimator_transforms_as_bernoulli_rbm(binary_oracle, to_estimator, X_binary):
    ours = to_estimator(binary_oracle)
    theirs = BernoulliRBM(n_components=N_HIDDEN, n_iter=1, random_state=0).fit(X_binary)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        assert getattr(ours, name).shape == getattr(theirs, name).shape
        setattr(theirs, name, getattr(ours, name))
    assert_allclose(ours.transform(X_binary), theirs.transform(X_binary), **ROUNDING)


def test_estimator_answers_in_the_units_of_the_data(oracle, to_estimator, to_rows):
    rbm, v = to_estimator(oracle), to_rows(oracle)
    X = rbm.visible_.decode(v.copy())
    assert_allclose(rbm.transform(X), oracle.mean_h(v), **ROUNDING)
    assert_allclose(rbm.free_energy(X), oracle.free_energy(v), **ROUNDING)
    H = oracle.hidden_states
    expected = rbm.visible_.decode(oracle.mean_v(H))
    assert_allclose(rbm.inverse_transform(H), expected, **ROUNDING)
    assert_allclose(rbm.reconstruct(X), rbm.inverse_transform(rbm.transform(X)), **ROUNDING)


def test_order_of_the_hidden_units_does_not_matter(oracle, to_machine, to_rows):
    v, order = to_rows(oracle), np.arange(oracle.n_hidden)
    # Softmax units change places within their groups.
    for group in SOFTMAX_GROUPS[len(order)] if oracle.hidden == "softmax" else [order.copy()]:
        order[group] = np.roll(group, 1)
    permuted = oracle.replace(oracle.weights[order], oracle.hidden_bias[order], oracle.visible_bias)
    machine, other = to_machine(oracle), to_machine(permuted)
    assert_allclose(other.free_energy(v), machine.free_energy(v), **ROUNDING)
    assert_allclose(other.mean_h_from_v(v), machine.mean_h_from_v(v)[:, order], **ROUNDING)


def test_flipping_a_visible_bit_with_its_parameters_changes_nothing(binary_oracle, to_machine):
    weights, hidden_bias, visible_bias = (array.copy() for array in binary_oracle.parameters)
    hidden_bias += weights[:, 1]
    weights[:, 1] *= -1
    visible_bias[1] *= -1
    flipped_machine = to_machine(ExactRBM("bernoulli", weights, hidden_bias, visible_bias))
    v = binary_states(N_VISIBLE)
    flipped = v.copy()
    flipped[:, 1] = 1 - v[:, 1]
    difference = flipped_machine.free_energy(flipped) - to_machine(binary_oracle).free_energy(v)
    assert_allclose(difference, binary_oracle.visible_bias[1], **ROUNDING)  # b_1 of all states


@with_hidden("bernoulli")
def test_flipping_a_hidden_bit_with_its_parameters_changes_nothing(oracle, to_machine, to_rows):
    weights, hidden_bias, visible_bias = (array.copy() for array in oracle.parameters)
    visible_bias += weights[1]
    weights[1] *= -1
    hidden_bias[1] *= -1
    flipped = to_machine(oracle.replace(weights, hidden_bias, visible_bias))
    v = to_rows(oracle)
    machine = to_machine(oracle)
    difference = flipped.free_energy(v) - machine.free_energy(v)
    assert_allclose(difference, oracle.hidden_bias[1], **ROUNDING)
    assert_allclose(flipped.mean_h_from_v(v)[:, 1], 1 - machine.mean_h_from_v(v)[:, 1], **ROUNDING)


@with_hidden("gaussian")
def test_reflecting_a_hidden_unit_with_its_parameters_changes_nothing(oracle, to_machine, to_rows):
    weights, hidden_bias = oracle.weights.copy(), oracle.hidden_bias.copy()
    weights[1] *= -1
    hidden_bias[1] *= -1
    reflected = to_machine(oracle.replace(weights, hidden_bias, oracle.visible_bias))
    v, machine = to_rows(oracle), to_machine(oracle)
    assert_allclose(reflected.free_energy(v), machine.free_energy(v), **ROUNDING)
    assert_allclose(reflected.mean_h_from_v(v)[:, 1], -machine.mean_h_from_v(v)[:, 1], **ROUNDING)


@with_hidden("softmax")
def test_what_all_units_of_a_softmax_group_share_belongs_to_the_visible_bias(
    oracle, to_machine, to_rows, rng
):
    """Exactly one of them is 1, so that what is added to all of them is always there."""
    shared, shared_bias = rng.standard_normal(oracle.n_visible), 0.7
    weights, hidden_bias = oracle.weights.copy(), oracle.hidden_bias.copy()
    group = SOFTMAX_GROUPS[oracle.n_hidden][1]
    weights[group] += shared
    hidden_bias[group] += shared_bias
    moved = to_machine(oracle.replace(weights, hidden_bias, oracle.visible_bias - shared))
    v, machine = to_rows(oracle), to_machine(oracle)
    assert_allclose(moved.free_energy(v), machine.free_energy(v) - shared_bias, **ROUNDING)
    assert_allclose(moved.mean_h_from_v(v), machine.mean_h_from_v(v), **ROUNDING)


def test_float32_stays_float32(oracle, to_machine, to_rows, rng):
    machine = to_machine(oracle, np.float32)
    v, h = to_rows(oracle).astype(np.float32), oracle.hidden_states.astype(np.float32)
    results = {
        "mean_h_from_v": machine.mean_h_from_v(v),
        "mean_v_from_h": machine.mean_v_from_h(h),
        "sample_h_from_v": machine.sample_h_from_v(v, rng),
        "sample_v_from_h": machine.sample_v_from_h(h, rng),
        "energy": machine.energy(v[:7], h[:7]),
        "free_energy": machine.free_energy(v),
        "free_energy_of_hidden": machine.free_energy_of_hidden(h),
    }
    wrong = {what: array.dtype for what, array in results.items() if array.dtype != np.float32}
    assert wrong == {}


def test_out_is_written_and_gives_the_same_as_without(oracle, to_machine, to_rows):
    machine, v = to_machine(oracle), to_rows(oracle)
    out = np.full((len(v), oracle.n_hidden), np.nan)
    assert machine.mean_h_from_v(v, out=out) is out
    assert_allclose(out, machine.mean_h_from_v(v), rtol=0)
    v_out = np.full_like(v, np.nan)
    assert machine.mean_v_from_h(out, out=v_out) is v_out
    assert_allclose(v_out, machine.mean_v_from_h(out), rtol=0)


def test_draws_are_written_to_out_and_are_those_drawn_without(oracle, to_machine, to_rows):
    machine, v, h = to_machine(oracle), to_rows(oracle), oracle.hidden_states
    for draw, given, n_units in (
        (machine.sample_h_from_v, v, oracle.n_hidden),
        (machine.sample_v_from_h, h, oracle.n_visible),
    ):
        out = np.full((len(given), n_units), np.nan)
        assert draw(given, np.random.default_rng(1), out=out) is out
        assert_array_equal(out, draw(given, np.random.default_rng(1)))


def test_a_machine_drawn_exactly_draws_both_layers_exactly_and_shares_the_parameters(rng):
    parameters = RBMParameters(np.zeros((2, 3)), np.zeros(2), np.zeros(3))
    machine = Machine(ReLU(), ReLU(), parameters)
    exact = machine.drawn_exactly()
    assert exact.parameters is parameters
    assert (exact.visible.exact, exact.hidden.exact) == (True, True)
    assert (machine.visible.exact, machine.hidden.exact) == (False, False)
    for drawn in (
        exact.sample_h_from_v(np.zeros((1009, 3)), rng),
        exact.sample_v_from_h(np.zeros((1009, 2)), rng),
    ):
        assert_array_equal(drawn, np.round(drawn))
        assert drawn.max() >= 2


def test_parameters_have_no_learned_scales_unless_some_are_given():
    parameters = RBMParameters(np.zeros((2, 3)), np.zeros(2), np.zeros(3))
    assert_array_equal(parameters.log_scales, np.empty(0))
    assert parameters.log_scales.shape == (0,)


def test_huge_parameters_give_finite_energies():
    parameters = RBMParameters(np.full((2, 3), 1e3), np.full(2, -1e3), np.full(3, 1e3))
    machine = Machine(Bernoulli(), Bernoulli(), parameters)
    v = binary_states(3)
    n = v.sum(axis=1)
    # log(1 + e^x) is max(0, x) for such x but 0: F = -1e3 n - 2 log(1 + exp(1e3 (n - 1))).
    softplus = np.where(n == 1, np.log(2), np.maximum(0, 1e3 * (n - 1)))
    assert_allclose(machine.free_energy(v), -1e3 * n - 2 * softplus, rtol=1e-14)


@each_pair
def test_the_probabilities_of_the_oracle_sum_to_one(visible, hidden):
    oracle = random_rbm(visible, seed=1, hidden=hidden)
    assert_allclose(oracle.joint().sum(), 1, rtol=1e-12)
    p = np.exp(oracle.log_likelihood(oracle.visible_states)) * oracle.cell
    assert_allclose(p, oracle.p_visible(), rtol=1e-10)


@each_pair
def test_the_states_of_the_oracle_leave_nothing_out(visible, hidden):
    """What lies at the ends of the unbounded layers has no weight; each softmax group is 1 once."""
    oracle = random_rbm(visible, seed=1, hidden=hidden)
    for kind, states, p in [
        (visible, oracle.visible_states, oracle.p_visible()),
        (hidden, oracle.hidden_states, oracle.p_hidden()),
    ]:
        if kind == "gaussian":
            ends = (states == states.min(axis=0)) | (states == states.max(axis=0))
        elif kind == "relu":
            ends = states == states.max(axis=0)
        else:
            continue
        assert p[ends.any(axis=1)].sum() < 1e-14


def test_relu_states_of_the_oracle_count_binary_copies():
    """n of infinitely many copies are on, whose fields are x - 1/2, x - 3/2, ... (Nair and Hinton 2010)."""
    n, copies = np.arange(20.0), np.arange(60)  # the last copy is on with a probability of exp(-58)
    for field in (-3.0, 0.4, 2.0):
        p = np.exp(field * n - base_energy("relu", n))
        q = 1 / (1 + np.exp(copies + 0.5 - field))
        number_on = np.ones(1)
        for on in q:
            number_on = np.convolve(number_on, [1 - on, on])
        assert_allclose(p / p.sum(), number_on[:20], rtol=1e-12, atol=1e-15)
