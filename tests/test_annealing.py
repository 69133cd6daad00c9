import numpy as np
import pytest
from exact import ExactRBM, random_rbm, row_numbers, total_variation_in_floors
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from skdbn import RBMTransformer
from skdbn._annealing import (
    _log_mean_exp,
    annealed_log_partition,
    default_betas,
    reverse_annealed_log_partition,
)
from skdbn._energy import Machine, RBMParameters
from skdbn._likelihood import exact_log_partition
from skdbn._tempered import TemperedMachine
from skdbn.units import Bernoulli, ReLU

# Sums of at most 4000 terms of float64 in another order.
ROUNDING = {"rtol": 1e-12, "atol": 1e-12}
N_CHAINS = 20_000
MOST_FLOORS = 2  # independent draws are at 0.8 (see STYLE.md, D17)


@pytest.fixture
def path_of(to_machine):
    """Function that returns the path to the machine of an oracle, from biases that are not its own."""

    def build(oracle, dtype=np.float64):
        base_bias = np.linspace(-0.7, 0.9, oracle.n_visible).astype(dtype)
        return TemperedMachine(to_machine(oracle, dtype), base_bias)

    return build


def at(oracle, path, beta):
    """The oracle of the machine at beta."""
    visible_bias = beta * oracle.visible_bias + (1 - beta) * path.base_bias
    return oracle.replace(beta * oracle.weights, beta * oracle.hidden_bias, visible_bias)


# -- the path -------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_free_energy_is_that_of_the_machine_with_tempered_parameters(beta, oracle, path_of, to_rows):
    path, v = path_of(oracle), to_rows(oracle)
    assert_allclose(path.free_energy(v, beta), at(oracle, path, beta).free_energy(v), **ROUNDING)


def test_free_energy_of_rows_at_their_own_temperatures(oracle, path_of, to_rows):
    path, v = path_of(oracle), to_rows(oracle)
    betas = np.linspace(0, 1, len(v))
    expected = [at(oracle, path, beta).free_energy(v[k : k + 1])[0] for k, beta in enumerate(betas)]
    assert_allclose(path.free_energy(v, betas[:, np.newaxis]), expected, **ROUNDING)


def test_log_partition_of_the_base_is_that_of_unconnected_units(oracle, path_of):
    path = path_of(oracle)
    assert_allclose(path.log_partition_of_base(), at(oracle, path, 0).log_partition(), **ROUNDING)


def test_draws_of_the_base_have_its_means(oracle, path_of, rng):
    path = path_of(oracle)
    base = at(oracle, path, 0)
    v = path.sample_base(N_CHAINS, rng)
    error = v.std(axis=0) / np.sqrt(N_CHAINS)
    assert (np.abs(v.mean(axis=0) - base.p_visible() @ base.visible_states) < 4 * error).all()


def test_a_gibbs_step_leaves_the_distribution_at_its_temperature_as_it_is(oracle, path_of, rng):
    """With rows of two temperatures at once, started from exact draws of each."""
    path = path_of(oracle)
    oracles = [at(oracle, path, beta) for beta in (0.4, 0.9)]
    start = np.concatenate([of.draw_visible(N_CHAINS, rng) for of in oracles])
    betas = np.repeat([[0.4], [0.9]], N_CHAINS, axis=0)
    v = path.sample_v_from_h(path.sample_h_from_v(start, betas, rng), betas, rng)
    for of, drawn in zip(oracles, np.split(v, 2), strict=True):
        if of.visible != "gaussian":
            numbers = row_numbers(drawn, of.visible_states)
            assert total_variation_in_floors(numbers, of.p_visible()) < MOST_FLOORS
            continue
        for power in (1, 2):
            moments = of.p_visible() @ of.visible_states**power
            error = (drawn**power).std(axis=0) / np.sqrt(N_CHAINS)
            assert (np.abs((drawn**power).mean(axis=0) - moments) < 4 * error).all()


def test_a_gibbs_step_of_another_temperature_is_seen(binary_oracle, path_of, rng):
    """The test above has the power to see a wrong temperature."""
    path = path_of(binary_oracle)
    cold = at(binary_oracle, path, 0.9)
    start = cold.draw_visible(N_CHAINS, rng)
    for up, down in [(0.9, 0.4), (0.4, 0.9)]:
        v = path.sample_v_from_h(path.sample_h_from_v(start, up, rng), down, rng)
        numbers = row_numbers(v, cold.visible_states)
        assert total_variation_in_floors(numbers, cold.p_visible()) > MOST_FLOORS


# -- the estimates --------------------------------------------------------------------------------

# Three temperatures and many runs: the mean weight is exact whatever the betas.
COARSE = np.array([0.0, 0.45, 1.0])


def assert_mean_weight_is_exact(estimate, log_partition):
    """The mean weight, in units of its exact value, within 4 of its standard errors."""
    assert estimate.standard_error < 0.1
    assert abs(np.expm1(estimate.value - log_partition)) < 4 * estimate.standard_error


def test_mean_weight_is_exact_for_any_temperatures(oracle, path_of, rng):
    path = path_of(oracle)
    estimate = annealed_log_partition(path, COARSE, N_CHAINS, rng)
    assert_mean_weight_is_exact(estimate, oracle.log_partition())


def test_mean_reverse_weight_is_exact_from_exact_draws(oracle, path_of, rng):
    path = path_of(oracle)
    v = oracle.draw_visible(N_CHAINS, rng)
    start = v.copy()
    estimate = reverse_annealed_log_partition(path, COARSE, v, rng)
    assert_array_equal(v, start)
    # The mean weight is proportional to 1 / Z.
    assert_mean_weight_is_exact(estimate._replace(value=-estimate.value), -oracle.log_partition())


def test_weights_belong_to_exact_draws_even_if_the_units_are_drawn_approximately(path_of, rng):
    oracle = random_rbm("bernoulli", hidden="relu")
    path = path_of(oracle)
    path = path._replace(machine=path.machine._replace(hidden=ReLU(exact=False)))
    assert_mean_weight_is_exact(annealed_log_partition(path, COARSE, N_CHAINS, rng), oracle.log_partition())


@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_both_directions_estimate_the_exact_value(spread, path_of, rng):
    """Weak and strong couplings: with 200 temperatures the estimates are within 4 standard errors."""
    oracle = random_rbm("bernoulli", seed=3, spread=spread)
    path, betas = path_of(oracle), default_betas(200)
    forward = annealed_log_partition(path, betas, 200, rng)
    reverse = reverse_annealed_log_partition(path, betas, oracle.draw_visible(200, rng), rng)
    for estimate in (forward, reverse):
        assert estimate.effective_sample_size > 50
        # At small spreads the error is that of the base, summed in float64.
        assert abs(estimate.value - oracle.log_partition()) < 4 * estimate.standard_error + 1e-9


@pytest.fixture(scope="module")
def trained():
    """An RBM trained on real data, log Z and draws from it by enumeration, the path to it."""
    X = (load_digits().data > 7.5).astype(np.float32)
    rbm = RBMTransformer(12, visible="bernoulli", n_iter=30, random_state=0).fit(X)
    machine, machine64 = rbm._machine(), rbm._machine(np.float64)
    log_partition = exact_log_partition(machine64)
    h = machine.hidden.states(0, 2**12, 12)
    p = np.exp(-machine64.free_energy_of_hidden(h) - log_partition)
    base_bias = machine.visible.bias_from_mean(X.mean(axis=0)).astype(np.float32)

    def draw(n, rng):
        drawn = h[rng.choice(len(h), size=n, p=p / p.sum())].astype(np.float32)
        return machine.sample_v_from_h(drawn, rng)

    return TemperedMachine(machine, base_bias), log_partition, draw


def test_both_directions_estimate_the_exact_value_of_a_machine_trained_on_digits(trained, rng):
    path, log_partition, draw = trained
    betas = default_betas(500)
    forward = annealed_log_partition(path, betas, 200, rng)
    reverse = reverse_annealed_log_partition(path, betas, draw(200, rng), rng)
    for estimate in (forward, reverse):
        assert estimate.standard_error < 0.05
        # The machine is in float32: 500 sums of 12 logarithms below 100, rounded at 6e-8 of their value.
        assert abs(estimate.value - log_partition) < 4 * estimate.standard_error + 1e-4


def test_the_two_directions_bracket_log_z_on_average(trained, rng):
    """Few runs along a coarse path: low from the base, high from the model (Jensen's inequality)."""
    path, log_partition, draw = trained
    betas = default_betas(8)
    n = 500  # the biases are about 0.4 standard deviations of a run: 9 standard errors of their means
    forward = [annealed_log_partition(path, betas, 5, rng).value for _ in range(n)]
    reverse = [reverse_annealed_log_partition(path, betas, draw(5, rng), rng).value for _ in range(n)]
    for errors in (log_partition - np.array(forward), np.array(reverse) - log_partition):
        assert errors.mean() > 4 * errors.std() / np.sqrt(n)


def test_a_base_of_uniform_biases_would_not_do(rng):
    """Why the base has the rates of the data: units that are nearly always 0 or 1 are far from uniform."""
    n_hidden, n_visible = 5, 60
    signs = np.where(np.arange(n_visible) % 3, -1.0, 1.0)
    parameters = RBMParameters(
        0.5 * rng.standard_normal((n_hidden, n_visible)), rng.standard_normal(n_hidden), 6 * signs
    )
    machine = Machine(Bernoulli(), Bernoulli(), parameters)
    log_partition = exact_log_partition(machine)
    h = machine.hidden.states(0, 2**n_hidden, n_hidden)
    p = np.exp(-machine.free_energy_of_hidden(h) - log_partition)
    base_bias = machine.visible.bias_from_mean(p @ machine.mean_v_from_h(h))
    base_rate, uniform = (
        annealed_log_partition(TemperedMachine(machine, bias), default_betas(3), 100, rng)
        for bias in (base_bias, np.zeros(n_visible))
    )
    assert base_rate.standard_error < 0.1
    assert abs(base_rate.value - log_partition) < 4 * base_rate.standard_error
    # Standard errors never exceed 1: nothing in the estimate from the uniform base shows how wrong it is.
    assert uniform.value < log_partition - 10


def test_the_base_is_the_one_that_is_given(path_of, rng):
    """Extreme biases of the machine: exact at once from the same biases, lost from uniform ones."""
    oracle = ExactRBM("bernoulli", np.zeros((3, 5)), np.zeros(3), [-30.0, 30.0, -25.0, 25.0, 20.0])
    path = path_of(oracle)
    betas = np.array([0.0, 0.5, 1.0])
    same = annealed_log_partition(path._replace(base_bias=oracle.visible_bias), betas, 10, rng)
    assert_allclose(same.value, oracle.log_partition(), rtol=1e-14)
    assert same.standard_error < 1e-14
    assert_allclose(same.effective_sample_size, 10, rtol=1e-13)
    uniform = annealed_log_partition(path._replace(base_bias=np.zeros(5)), betas, 2, rng)
    assert uniform.value < oracle.log_partition() - 1


# -- precision, weights, progress -----------------------------------------------------------------


def test_estimates_in_float32_are_those_in_float64(path_of):
    """One seed draws other numbers in float32, so the estimates differ by their standard errors."""
    oracle = random_rbm("bernoulli", seed=3, spread=1.0)
    estimates = [
        annealed_log_partition(path_of(oracle, dtype), default_betas(2000), 100, np.random.default_rng(0))
        for dtype in (np.float32, np.float64)
    ]
    difference = estimates[0].value - estimates[1].value
    assert abs(difference) < 4 * np.hypot(*(estimate.standard_error for estimate in estimates))
    assert estimates[0].standard_error < 5e-3


def test_float32_stays_float32(oracle, path_of, rng):
    path = path_of(oracle, np.float32)
    v = path.sample_base(11, rng)
    for beta in (np.float32(0.3), np.full((11, 1), 0.3, dtype=np.float32)):
        h = path.sample_h_from_v(v, beta, rng)
        results = h, path.sample_v_from_h(h, beta, rng), path.free_energy(v, beta), path.visible_bias(beta)
        assert {array.dtype for array in (v, *results)} == {np.dtype(np.float32)}


def test_log_mean_exp_is_the_logarithm_of_the_mean_not_the_mean_of_the_logarithms():
    weights = np.array([1.0, 2.0, 3.0, 6.0])
    log_mean, standard_error, effective_size = _log_mean_exp(np.log(weights) + 1000)
    assert_allclose(log_mean, 1000 + np.log(3), rtol=1e-15)
    # The mean is 3, the variance (4 + 1 + 0 + 9) / 3, that of the mean a 4th, of its logarithm / 3^2.
    assert_allclose(standard_error, np.sqrt(14 / 3 / 4) / 3, rtol=1e-12)
    assert_allclose(effective_size, 12**2 / (1 + 4 + 9 + 36), rtol=1e-12)


def test_one_run_has_no_standard_error():
    log_mean, standard_error, effective_size = _log_mean_exp(np.array([-3.0]))
    assert (log_mean, effective_size) == (-3, 1)
    assert np.isnan(standard_error)


def test_standard_error_is_the_spread_of_the_estimates(path_of, rng):
    path = path_of(random_rbm("bernoulli", spread=1.0))
    estimates = [annealed_log_partition(path, default_betas(5), 300, rng) for _ in range(200)]
    values, errors, _ = np.array(estimates).T
    # The spread of 200 numbers is known within 5 percent.
    assert_allclose(values.std() / errors.mean(), 1, atol=4 * 0.05)


def test_estimates_are_decided_by_the_seed(binary_oracle, path_of):
    path = path_of(binary_oracle)
    estimates = [annealed_log_partition(path, COARSE, 7, np.random.default_rng(s)) for s in (5, 5, 6)]
    assert estimates[0] == estimates[1] != estimates[2]


def test_progress_is_called_after_each_step(binary_oracle, path_of, rng):
    path, calls = path_of(binary_oracle), []
    annealed_log_partition(path, default_betas(4), 3, rng, lambda *call: calls.append(call))
    v = binary_oracle.draw_visible(3, rng)
    reverse_annealed_log_partition(path, default_betas(4), v, rng, lambda *call: calls.append(call))
    assert calls == [(1, 3), (2, 3), (3, 3)] * 2


@pytest.mark.parametrize("n", [2, 7, 1000])
def test_betas_rise_from_exactly_0_to_exactly_1(n):
    betas = default_betas(n)
    assert len(betas) == n
    assert (betas[0], betas[-1]) == (0, 1)
    assert (np.diff(betas) > 0).all()
