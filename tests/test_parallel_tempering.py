import numpy as np
import pytest
from exact import (
    N_SAMPLES,
    VISIBLE_SIZES,
    ExactRBM,
    random_rbm,
    state_numbers,
    total_variation_in_floors,
)
from numpy.testing import assert_allclose, assert_array_equal

from skdbn import RBMTransformer
from skdbn._contrastive import RBMLearner
from skdbn._rows import Batch
from skdbn._tempered import TemperedMachine
from skdbn.samplers import PCD, ParallelTempering, model_states
from skdbn.samplers._tempering import Replicas
from skdbn.units import Gaussian, Softmax

ROUNDING = {"rtol": 1e-10, "atol": 1e-11}
N_ERRORS = 4  # standard errors allowed to a mean of draws; every test has its own fixed seed
# A kernel keeps a distribution if the total variation after it stays below 2 Monte-Carlo floors: right
# ones are at 0.7 to 0.9.
MOST_FLOORS = 2.0


def work_arrays(n_rows, oracle):
    return np.full((n_rows, oracle.n_visible), np.nan), np.full((n_rows, oracle.n_hidden), np.nan)


def tempered(oracle, beta, base_bias):
    """The oracle of the machine at an inverse temperature."""
    weights, hidden_bias, visible_bias = oracle.parameters
    return oracle.replace(beta * weights, beta * hidden_bias, beta * visible_bias + (1 - beta) * base_bias)


def replicas_of(oracle, n_replicas, n_temperatures, base_bias):
    hidden = np.zeros((n_replicas * n_temperatures, oracle.n_hidden))
    return Replicas(hidden, base_bias, n_temperatures)


def set_up_exchange(oracle, to_machine, base_bias, rows_of_temperatures):
    """Replicas, path, visible states and fields: one array of rows for each temperature."""
    machine = to_machine(oracle)
    n_temperatures, n_replicas = len(rows_of_temperatures), len(rows_of_temperatures[0])
    replicas = replicas_of(oracle, n_replicas, n_temperatures, base_bias)
    visible = np.concatenate(rows_of_temperatures)
    path = TemperedMachine(machine, base_bias)
    return replicas, path, visible, machine.field_h_from_v(visible)


# -- exchanges ------------------------------------------------------------------------------------


def test_acceptance_satisfies_detailed_balance_for_all_pairs_of_states(oracle, to_machine, rng):
    """p_cold(a) p_warm(b) min(1, e^r(a, b)) = p_cold(b) p_warm(a) min(1, e^r(b, a))."""
    base_bias = 0.5 * rng.standard_normal(oracle.n_visible)
    v = oracle.visible_states
    v = v[rng.permutation(len(v))[:20]]
    first, second = (numbers.ravel() for numbers in np.indices((len(v), len(v))))
    replicas, path, visible, field = set_up_exchange(
        oracle, to_machine, base_bias, [v[first], v[second], v[first]]
    )
    n = len(first)
    rows = np.arange(3 * n).reshape(3, n)
    for pair, betas in enumerate([(1.0, 0.5), (0.5, 0.0)]):
        log_ratio = replicas._log_ratio(path, visible, field, rows[pair], rows[pair + 1])
        # Rows pair are at the states `first` in the first pair, and `second` in the second one.
        a, b = (first, second) if pair == 0 else (second, first)
        cold, warm = (-tempered(oracle, beta, base_bias).free_energy(v) for beta in betas)
        expected = cold[b] + warm[a] - cold[a] - warm[b]
        assert_allclose(log_ratio, expected, **ROUNDING)
        flow = cold[a] + warm[b] + np.minimum(log_ratio, 0)
        back = flow.reshape(len(v), len(v)).T.ravel()
        assert_allclose(flow, back, **ROUNDING)
        assert np.ptp(expected) > 0.5


def test_exchanges_are_made_with_the_probability_of_the_formula(oracle, to_machine, rng):
    base_bias, n = 0.5 * rng.standard_normal(oracle.n_visible), 4000
    free_energies = {beta: tempered(oracle, beta, base_bias).free_energy for beta in (1.0, 0.0)}
    shares = []
    for _ in range(7):
        cold, warm = oracle.visible_states[rng.choice(len(oracle.visible_states), 2, replace=False)]
        rows = [np.tile(cold, (n, 1)), np.tile(warm, (n, 1))]
        replicas, path, visible, field = set_up_exchange(oracle, to_machine, base_bias, rows)
        of_cold, of_warm = field[0].copy(), field[-1].copy()
        replicas.exchange(path, visible, field, rng)
        moved = (visible[:n] == warm).all(axis=1)
        # Visible states and fields travel together, both ways.
        assert_array_equal(visible[:n], np.where(moved[:, np.newaxis], warm, cold))
        assert_array_equal(visible[n:], np.where(moved[:, np.newaxis], cold, warm))
        assert_array_equal(field[:n], np.where(moved[:, np.newaxis], of_warm, of_cold))
        assert_array_equal(field[n:], np.where(moved[:, np.newaxis], of_cold, of_warm))
        pair = cold[np.newaxis], warm[np.newaxis]
        gain = [free_energies[0.0](v) - free_energies[1.0](v) for v in pair]
        p = min(1.0, float(np.exp(gain[1] - gain[0])[0]))
        assert abs(moved.mean() - p) <= N_ERRORS * np.sqrt(p * (1 - p) / n)
        shares.append(p)
        assert_allclose(replicas.take_swap_rates(), [moved.mean()], rtol=1e-12)
    assert min(shares) < 0.9
    assert max(shares) == 1


def free_exchanges(n_temperatures, n_replicas=3):
    """Replicas of a machine without weights that is its own base: all exchanges are accepted."""
    oracle = ExactRBM("gaussian", np.zeros((3, 2)), np.zeros(3), np.zeros(2))
    rows = [np.full((n_replicas, 2), float(k)) for k in range(n_temperatures)]
    return oracle, rows


def test_exchanges_take_turns_in_pairs_that_begin_odd_and_even(to_machine, rng):
    oracle, rows = free_exchanges(5)
    replicas, path, visible, field = set_up_exchange(oracle, to_machine, np.zeros(2), rows)
    orders = []
    for _ in range(5):
        replicas.exchange(path, visible, field, rng)
        assert_array_equal(visible, visible[:, :1] @ np.ones((1, 2)))
        orders.append(visible[::3, 0].astype(int).tolist())
    assert orders == [[1, 0, 3, 2, 4], [1, 3, 0, 4, 2], [3, 1, 4, 0, 2], [3, 4, 1, 2, 0], [4, 3, 2, 1, 0]]
    assert_array_equal(replicas.take_swap_rates(), [1, 1, 1, 1])


def test_turns_go_on_from_update_to_update(to_machine, rng):
    sampler, oracle = ParallelTempering(1, 3, n_temperatures=4), random_rbm("bernoulli")
    machine = to_machine(oracle)
    chains = sampler.start(machine, 10, rng)
    had_a_turn = []
    for _ in range(4):
        sampler.advance(machine, None, chains, rng, work_arrays(12, oracle))
        had_a_turn.append(np.isfinite(sampler.report(chains)["swap_rate"]).tolist())
    assert had_a_turn == 2 * [[True, False, True], [False, True, False]]


def test_two_temperatures_have_one_pair_that_rests_every_other_step(to_machine, rng):
    sampler, oracle = ParallelTempering(1, 3, n_temperatures=2), random_rbm("bernoulli")
    machine = to_machine(oracle)
    chains = sampler.start(machine, 10, rng)
    rates = []
    for _ in range(4):
        sampler.advance(machine, None, chains, rng, work_arrays(6, oracle))
        rates.append(sampler.report(chains)["swap_rate"][0])
    assert_array_equal(np.isnan(rates), [False, True, False, True])


def test_swap_rates_are_the_shares_of_exchanges_made(to_machine, rng):
    """States of Gaussian units are all different: a row that changed was exchanged."""
    oracle, n, n_temperatures = random_rbm("gaussian", spread=1.2), 23, 4
    rows = [rng.standard_normal((n, 2)) for _ in range(n_temperatures)]
    replicas, path, visible, field = set_up_exchange(oracle, to_machine, np.zeros(2), rows)
    made, tried = np.zeros(3), np.zeros(3)
    for sweep in range(7):
        before = visible.copy()
        replicas.exchange(path, visible, field, rng)
        for pair in range(sweep % 2, 3, 2):
            cold, warm = slice(pair * n, (pair + 1) * n), slice((pair + 1) * n, (pair + 2) * n)
            made[pair] += (visible[cold] == before[warm]).all(axis=1).sum()
            tried[pair] += n
    assert_array_equal(tried, [4 * n, 3 * n, 4 * n])
    assert ((made > 0) & (made < tried)).all()
    assert_allclose(replicas.take_swap_rates(), made / tried, rtol=1e-12)
    assert np.isnan(replicas.take_swap_rates()).all()  # forgotten


# -- stationarity ---------------------------------------------------------------------------------


@pytest.fixture
def small_oracle():
    return random_rbm("bernoulli", seed=5, n_visible=2, n_hidden=3, spread=1.5)


def drawn_replicas(sampler, oracle, machine, base_bias, rng):
    """Replicas drawn from the exact distributions of their temperatures."""
    chains = sampler.start(machine, 10, rng)
    chains.base_bias[:] = base_bias
    n = len(chains.hidden)
    for k, beta in enumerate(np.linspace(1, 0, sampler.n_temperatures)):
        at_beta = tempered(oracle, beta, base_bias)
        chains.all_hidden[k * n : (k + 1) * n] = at_beta.draw_hidden(n, rng)
    return chains


@pytest.mark.parametrize("n_steps", [1, 2, 5])
def test_the_product_of_the_tempered_distributions_stays(n_steps, small_oracle, to_machine, rng):
    """Joint states of all temperatures: 4**4 of them."""
    oracle, n, base_bias = small_oracle, 20_000, np.array([1.0, -0.5])
    machine, sampler = to_machine(oracle), ParallelTempering(n_steps, n, n_temperatures=4)
    chains = drawn_replicas(sampler, oracle, machine, base_bias, rng)
    out = work_arrays(4 * n, oracle)
    sampler.advance(machine, None, chains, rng, out)
    numbers, p = np.zeros(n, dtype=int), np.ones(1)
    for beta, v in zip((1, 2 / 3, 1 / 3, 0), np.split(out[0], 4), strict=True):
        p_at_beta = tempered(oracle, beta, base_bias).p_visible()
        assert total_variation_in_floors(state_numbers(v), p_at_beta) < MOST_FLOORS
        numbers, p = 4 * numbers + state_numbers(v), np.outer(p, p_at_beta).ravel()
    assert total_variation_in_floors(numbers, p) < MOST_FLOORS
    for beta, h in zip((1, 2 / 3, 1 / 3, 0), np.split(chains.all_hidden, 4), strict=True):
        p_at_beta = tempered(oracle, beta, base_bias).p_hidden()
        assert total_variation_in_floors(state_numbers(h), p_at_beta) < MOST_FLOORS


def test_always_accepting_would_be_found_out(small_oracle, to_machine, rng):
    """The test above has the power to see exchanges of the wrong probability."""
    oracle, n, base_bias = small_oracle, 20_000, np.array([1.0, -0.5])
    of_cold, of_warm = (tempered(oracle, beta, base_bias) for beta in (1, 2 / 3))
    v = of_warm.draw_visible(n, rng)  # what would be at beta = 1
    assert total_variation_in_floors(state_numbers(v), of_cold.p_visible()) > 3 * MOST_FLOORS


# -- the gradient ---------------------------------------------------------------------------------


def test_only_chains_of_the_model_itself_enter_the_gradient(oracle, to_machine, rng):
    """Means over many updates are those of the model, as with PCD."""
    machine, n = to_machine(oracle), 5000
    sampler = ParallelTempering(2, n, n_temperatures=3)
    base_bias = 0.5 * rng.standard_normal(oracle.n_visible)
    chains = drawn_replicas(sampler, oracle, machine, base_bias, rng)
    out = work_arrays(3 * n, oracle)
    model = sampler.advance(machine, None, chains, rng, out)
    assert len(model.visible) == len(model.hidden_mean) == n
    assert_allclose(model.weights, np.full(n, 1 / n), rtol=1e-14)
    assert np.shares_memory(model.visible, out[0][:1])  # the first rows
    assert_allclose(model.hidden_mean[:N_SAMPLES], oracle.mean_h(model.visible[:N_SAMPLES]), **ROUNDING)
    exact = oracle.statistics(oracle.visible_states, oracle.p_visible())
    products = model.hidden_mean[:, :, np.newaxis] * model.visible[:, np.newaxis, :]
    for drawn, expected in zip((products, model.hidden_mean, model.visible), exact, strict=True):
        error = drawn.std(axis=0, ddof=1) / np.sqrt(n)
        assert (np.abs(drawn.mean(axis=0) - expected) < N_ERRORS * error + 1e-12).all()


@pytest.mark.parametrize("batch_size", [3, 17])
def test_gradient_at_the_optimum_is_zero_for_any_number_of_replicas(
    batch_size, binary_oracle, to_machine, rng
):
    oracle, machine, n_replicates = binary_oracle, to_machine(binary_oracle), 1000
    sampler = ParallelTempering(1, 7, n_temperatures=3)
    chains = drawn_replicas(sampler, oracle, machine, oracle.visible_bias, rng)
    learner = RBMLearner(machine, sampler, chains, None, rng, 17)
    weights, replicates = np.full(batch_size, 1 / batch_size), []
    for _ in range(n_replicates):
        chains.hidden[:] = oracle.draw_hidden(7, rng)
        batch = Batch(oracle.draw_visible(batch_size, rng), None, weights, float(batch_size))
        replicates.append([array.copy() for array in learner.gradient(batch)[:3]])
    for drawn in map(np.array, zip(*replicates, strict=True)):
        error = drawn.std(axis=0, ddof=1) / np.sqrt(n_replicates)
        assert (np.abs(drawn.mean(axis=0)) < N_ERRORS * error).all()
        assert (error < 0.02).all()


@pytest.mark.parametrize("batch_size", [1, 10, 1009])
def test_number_of_replicas_is_free_of_the_batch(batch_size, oracle, to_machine, rng):
    machine = to_machine(oracle)
    for n_chains, n in ((7, 7), (None, max(batch_size, 100))):
        sampler = ParallelTempering(1, n_chains, n_temperatures=3)
        chains = sampler.start(machine, batch_size, rng)
        assert sampler.n_rows(batch_size) == len(chains) == 3 * n
        assert len(chains.hidden) == len(model_states(chains)) == n
        assert_array_equal(chains.betas, [1, 0.5, 0])
        assert_array_equal(chains.beta_of_rows[:, 0], np.repeat([1, 0.5, 0], n))


# -- mixing ---------------------------------------------------------------------------------------


def test_both_of_two_far_modes_are_visited_where_pcd_stays_in_one(to_machine):
    """All units on or all off, with the same probability; see the exact transition matrix."""
    weights = np.full((4, 8), 3.0)
    oracle = ExactRBM("bernoulli", weights, np.full(4, -12.0), np.full(8, -6.0))
    p, on = oracle.p_visible(), oracle.visible_states.mean(axis=1) > 0.5
    assert_allclose(p[[0, -1]], 0.49, atol=0.001)
    assert oracle.transition()[0, on].sum() < 4e-10
    machine, shares = to_machine(oracle), []
    for sampler in (PCD(1, 50), ParallelTempering(1, 50, n_temperatures=10)):
        rng = np.random.default_rng(0)
        chains = sampler.start(machine, 10, rng)
        if isinstance(chains, Replicas):
            chains.base_bias[:] = 0  # the base rates of such data, 1/2
        out, side = work_arrays(len(chains), oracle), []
        for _ in range(400):
            model = sampler.advance(machine, None, chains, rng, out)
            side.append(model.visible.mean(axis=1) > 0.5)
        shares.append(np.mean(side[100:]))
        crossings = np.diff(np.array(side).astype(int), axis=0).astype(bool).sum()
        assert crossings == 0 or crossings > 50 * 5
    assert shares[0] == 0
    # 50 chains that each go through all temperatures several times: more than 200 independent visits, with
    # a standard error of 0.035.
    assert abs(shares[1] - 0.5) < N_ERRORS * 0.035


# -- starting and going on ------------------------------------------------------------------------


def test_replicas_begin_as_chains_of_pcd_with_the_visible_biases_as_their_base(oracle, to_machine):
    machine = to_machine(oracle)
    chains = ParallelTempering(1, 7, n_temperatures=3).start(machine, 10, np.random.default_rng(3))
    assert_array_equal(chains.all_hidden, PCD(1, 21).start(machine, 10, np.random.default_rng(3)))
    assert_array_equal(chains.base_bias, oracle.visible_bias)
    assert not np.shares_memory(chains.base_bias, machine.parameters.visible_bias)


def test_resume_keeps_replicas_of_the_number_asked_for(oracle, to_machine, rng):
    machine, sampler = to_machine(oracle), ParallelTempering(1, 7, n_temperatures=3)
    chains = sampler.start(machine, 10, rng)
    base_bias = chains.base_bias.copy()
    assert sampler.resume(chains, machine, 10, rng) is chains
    assert ParallelTempering(2, None, n_temperatures=3).resume(chains, machine, 999, rng) is chains
    machine.parameters.visible_bias[:] += 1  # trained on
    for other in (ParallelTempering(1, 5, n_temperatures=3), ParallelTempering(1, 7, n_temperatures=4)):
        resumed = other.resume(chains, machine, 10, rng)
        assert len(resumed) == other.n_rows(10)
        assert_array_equal(resumed.base_bias, base_bias)
    of_pcd = sampler.resume(PCD(1, 7).start(machine, 10, rng), machine, 10, rng)
    assert len(of_pcd) == 21
    assert_array_equal(of_pcd.base_bias, base_bias + 1)


def test_replicas_are_not_resumed_by_a_sampler_without_steps(oracle, to_machine, rng):
    machine = to_machine(oracle)
    chains = ParallelTempering(1, 7, n_temperatures=3).start(machine, 10, rng)
    with pytest.raises(ValueError, match=r"ParallelTempering\(n_steps=0\)"):
        ParallelTempering(0, 7, n_temperatures=3).resume(chains, machine, 10, rng)


def test_work_arrays_longer_than_the_replicas_change_nothing(oracle, to_machine):
    machine, sampler = to_machine(oracle), ParallelTempering(2, 7, n_temperatures=3)
    terms = []
    for n_rows in (21, 21 + 4):
        rng = np.random.default_rng(3)
        chains = sampler.start(machine, 10, rng)
        terms.append(sampler.advance(machine, None, chains, rng, work_arrays(n_rows, oracle)))
    for ours, expected in zip(*terms, strict=True):
        assert_array_equal(ours, expected)


def test_pcd_goes_on_with_the_replicas_of_the_model_itself(oracle, to_machine, rng):
    machine = to_machine(oracle)
    chains = ParallelTempering(1, 7, n_temperatures=3).start(machine, 10, rng)
    assert_array_equal(PCD(1, 7).resume(chains, machine, 10, rng), chains.all_hidden[:7])
    assert len(PCD(1, 5).resume(chains, machine, 10, rng)) == 5


# -- through the estimator ------------------------------------------------------------------------


def fitted(X, n_temperatures=4, **keywords):
    sampler = ParallelTempering(n_chains=13, n_temperatures=n_temperatures)
    settings = {"n_iter": 3, "random_state": 0, "batch_size": 3} | keywords
    return RBMTransformer(3, sampler=sampler, **settings).fit(X)


def rows_of(kind, rng):
    if kind == "softmax":
        return np.eye(VISIBLE_SIZES[kind])[rng.integers(VISIBLE_SIZES[kind], size=50)]
    return rng.standard_normal((50, 5)) if kind == "gaussian" else (rng.random((50, 5)) < 0.3).astype(float)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("kind", "visible", "hidden"),
    [
        ("bernoulli", "bernoulli", "bernoulli"),
        ("bernoulli", "bernoulli", "relu"),
        ("gaussian", "gaussian", "bernoulli"),
        ("gaussian", Gaussian("learned"), "softmax"),
        ("softmax", Softmax(), "gaussian"),
    ],
    ids=str,
)
def test_any_types_of_units_are_trained(kind, visible, hidden, dtype, rng):
    X = rows_of(kind, rng).astype(dtype)
    rbm = fitted(X, visible=visible, hidden=hidden)
    chains = rbm._training.chains
    for array in (rbm.components_, chains.all_hidden, chains.betas, chains.base_bias, rbm.transform(X)):
        assert array.dtype == dtype
        assert np.isfinite(array).all()
    rates = np.array(rbm.history_["swap_rate"])
    # With weights that are still small nearly all exchanges are made.
    assert rates.shape == (3, 3)
    assert ((rates > 0.7) & (rates <= 1)).all()


def test_history_has_the_swap_rates_of_each_epoch_and_a_warm_start_adds_to_it(X_binary):
    rbm = fitted(X_binary, warm_start=True)
    first = rbm.history_["swap_rate"]
    assert [len(rates) for rates in first] == [3, 3, 3]
    rbm.set_params(n_iter=2).fit(X_binary)
    assert len(rbm.history_["swap_rate"]) == len(rbm.history_["learning_rate"]) == 5
    for rates, expected in zip(rbm.history_["swap_rate"], first, strict=False):
        assert_array_equal(rates, expected)
    rbm.partial_fit(X_binary)
    assert len(rbm.history_["swap_rate"]) == 6


def test_a_fit_with_the_same_seed_makes_the_same_exchanges(X_binary):
    one, other = fitted(X_binary), fitted(X_binary)
    assert_array_equal(one.history_["swap_rate"], other.history_["swap_rate"])
    assert_array_equal(one.components_, other.components_)


def test_other_samplers_have_no_swap_rates(X_binary):
    for sampler in ("pcd", "cd", "fastpcd", "meanfield"):
        assert "swap_rate" not in RBMTransformer(3, sampler=sampler, n_iter=1).fit(X_binary).history_


def test_the_line_of_an_epoch_tells_the_mean_swap_rate(X_binary, capsys):
    rbm = fitted(X_binary, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for line, rates in zip(lines, rbm.history_["swap_rate"], strict=True):
        assert f", swap rate {np.mean(rates):.4g}, " in line


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_temperatures": 1}, "one temperature is PCD; give 2 or more"),
        ({"n_temperatures": 0}, r"n_temperatures=0\): n_temperatures must be an integer >= 1"),
        ({"n_temperatures": 2.5}, "n_temperatures must be an integer >= 1"),
        ({"n_temperatures": True}, "n_temperatures must be an integer >= 1"),
        ({"n_steps": 0}, r"ParallelTempering\(n_steps=0\): n_steps must be an integer >= 1"),
        ({"n_chains": 0}, "n_chains must be an integer >= 1"),
        ({"n_chains": 1.5}, "n_chains must be an integer >= 1"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused_at_the_start_and_later(parameters, message, X_binary):
    with pytest.raises(ValueError, match=message):
        RBMTransformer(3, sampler=ParallelTempering(**parameters)).fit(X_binary)
    rbm = fitted(X_binary, warm_start=True)
    with pytest.raises(ValueError, match=message):
        rbm.set_params(sampler=ParallelTempering(**parameters)).fit(X_binary)


def test_progress_leaves_out_pairs_that_had_no_turn(X_binary, capsys):
    # One update an epoch: the second of two pairs has its turn in every other epoch.
    sampler = ParallelTempering(n_chains=5, n_temperatures=3)
    rbm = RBMTransformer(4, sampler=sampler, batch_size=None, n_iter=2, verbose=1, random_state=0)
    rbm.fit(X_binary)
    assert np.isnan(rbm.history_["swap_rate"][0]).tolist() == [False, True]
    printed = capsys.readouterr().out
    assert printed.count("swap rate") == 2
    assert "nan" not in printed
