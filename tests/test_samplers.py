import numpy as np
import pandas as pd
import pytest
from exact import (
    N_HIDDEN,
    N_SAMPLES,
    N_VISIBLE,
    ExactRBM,
    binary_states,
    random_rbm,
    row_numbers,
    state_numbers,
    total_variation_in_floors,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skdbn import RBMTransformer
from skdbn._state_tree import captured, restored
from skdbn.samplers import (
    CD,
    PCD,
    SAMPLERS,
    FastPCD,
    MeanField,
    ParallelTempering,
    Sampler,
    States,
    model_states,
    resolve_sampler,
)
from skdbn.units import Gaussian

# A kernel keeps a distribution if the total variation after it stays below 2 Monte-Carlo floors. With
# 20,000 chains on 32 states and couplings of spread 1, right kernels are at 0.7 to 0.9.
N_CHAINS = 20_000
MOST_FLOORS = 2.0
N_ERRORS = 4  # standard errors allowed to a mean of draws; every test has its own fixed seed

each_sampler = pytest.mark.parametrize("name", SAMPLERS)


@pytest.fixture
def coupled_oracle():
    """32 visible states, couplings of spread 1."""
    return random_rbm("bernoulli", seed=2, spread=1.0)


def data_term(machine, v, weights):
    return States(v, machine.mean_h_from_v(v), weights)


def work_arrays(n_rows, oracle):
    return np.full((n_rows, oracle.n_visible), np.nan), np.full((n_rows, oracle.n_hidden), np.nan)


def deviations_in_errors(replicates, expected):
    """Mean over the replicates minus what it should be, in standard errors."""
    error = replicates.std(axis=0, ddof=1) / np.sqrt(len(replicates))
    return np.abs(replicates.mean(axis=0) - expected) / error


def largest_deviation(oracle, visible, hidden):
    """How far draws are from the model in the worst statistic, in units of what right ones may be."""
    p_visible = oracle.p_visible()
    layers = [
        (oracle.visible, visible, oracle.visible_states, p_visible),
        (oracle.hidden, hidden, oracle.hidden_states, oracle.p_hidden()),
    ]
    products = hidden[:, :, np.newaxis] * visible[:, np.newaxis, :]
    expected = oracle.statistics(oracle.visible_states, p_visible)[0]
    ratios = [deviations_in_errors(products, expected).max() / N_ERRORS]
    for kind, drawn, states, p in layers:
        if kind == "gaussian":
            pairs = [(drawn**power, states**power) for power in (1, 2, 3)]
            pairs.append((drawn.prod(axis=1), states.prod(axis=1)))
            ratios += [deviations_in_errors(of, p @ at).max() / N_ERRORS for of, at in pairs]
        else:
            ratios.append(total_variation_in_floors(row_numbers(drawn, states), p) / MOST_FLOORS)
    return max(ratios)


# -- contrastive divergence -----------------------------------------------------------------------


def replicated_model_term(sampler, oracle, machine, v, weights, rng, n_replicates=4000):
    """Means of h v, h and v in the model term, for many runs from the same rows."""
    data = data_term(machine, np.tile(v, (n_replicates, 1)), np.tile(weights, n_replicates))
    out = work_arrays(len(data.weights), oracle)
    model = sampler.advance(machine, data, None, rng, out)
    states = model.visible.reshape(n_replicates, len(v), -1)
    hidden = model.hidden_mean.reshape(n_replicates, len(v), -1)
    return (
        np.einsum("r,krj,kri->kji", weights, hidden, states),
        np.einsum("r,krj->kj", weights, hidden),
        np.einsum("r,kri->ki", weights, states),
    )


@pytest.mark.parametrize("n_steps", [1, 2])
def test_model_term_of_cd_is_on_average_that_of_all_its_chains(n_steps, oracle, to_machine, to_rows, rng):
    machine, v = to_machine(oracle), to_rows(oracle)
    weights = rng.dirichlet(np.ones(len(v)))
    exact = oracle.contrastive_statistics(v, weights, n_steps)
    replicates = replicated_model_term(CD(n_steps), oracle, machine, v, weights, rng)
    for drawn, expected in zip(replicates, exact, strict=True):
        assert (deviations_in_errors(drawn, expected) < N_ERRORS).all()


@pytest.mark.parametrize(("run", "claimed"), [(1, 2), (2, 1)])
def test_number_of_steps_of_cd_is_told_apart(run, claimed, oracle, to_machine, rng):
    """The test above has the power to see one step more or less."""
    machine = to_machine(oracle)
    if oracle.visible == "gaussian":
        start = np.array([3.0, 0.0])
    else:
        start = oracle.visible_states[oracle.p_visible().argmin()]
    v = np.tile(start, (N_SAMPLES, 1))  # far from the model
    weights = np.full(len(v), 1 / len(v))
    exact = oracle.contrastive_statistics(v, weights, claimed)
    replicates = replicated_model_term(CD(run), oracle, machine, v, weights, rng)
    deviations = [deviations_in_errors(*pair).max() for pair in zip(replicates, exact, strict=True)]
    assert max(deviations) > 3 * N_ERRORS


def test_cd_hands_on_the_weights_of_the_rows(oracle, to_machine, to_rows, rng):
    machine, v = to_machine(oracle), to_rows(oracle)
    weights = rng.dirichlet(np.ones(len(v)))
    for sampler in (CD(), MeanField()):
        out = work_arrays(len(v) + 2, oracle)  # longer than the batch, as for a short last one
        model = sampler.advance(machine, data_term(machine, v, weights), None, rng, out)
        assert_array_equal(model.weights, weights)
        assert len(model.visible) == len(model.hidden_mean) == len(v)
        assert np.shares_memory(model.visible, out[0])
        assert np.shares_memory(model.hidden_mean, out[1])


def test_cd_leaves_the_data_term_alone(oracle, to_machine, to_rows, rng):
    machine = to_machine(oracle)
    data = data_term(machine, to_rows(oracle), np.full(N_SAMPLES, 1 / N_SAMPLES))
    before = [array.copy() for array in data]
    for sampler in (CD(3), MeanField(3)):
        sampler.advance(machine, data, None, rng, work_arrays(N_SAMPLES, oracle))
        for array, unchanged in zip(data, before, strict=True):
            assert_array_equal(array, unchanged)


# -- mean field -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_mean_field_passes_the_means_down_and_up(n_steps, oracle, to_machine, to_rows):
    machine, v = to_machine(oracle), to_rows(oracle)
    weights = np.full(len(v), 1 / len(v))
    out = work_arrays(len(v), oracle)
    model = MeanField(n_steps).advance(machine, data_term(machine, v, weights), None, None, out)
    for _ in range(n_steps):
        v = oracle.mean_v(oracle.mean_h(v))
    assert_allclose(model.visible, v, rtol=1e-12, atol=1e-12)
    assert_allclose(model.hidden_mean, oracle.mean_h(v), rtol=1e-12, atol=1e-12)


# -- persistent chains ----------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 3])
def test_pcd_chains_drawn_from_the_model_stay_so(n_steps, oracle, to_machine, rng):
    machine, chains = to_machine(oracle), oracle.draw_hidden(N_CHAINS, rng)
    out = work_arrays(N_CHAINS, oracle)
    model = PCD(n_steps).advance(machine, None, chains, rng, out)
    assert largest_deviation(oracle, model.visible, chains) < 1
    expected = oracle.mean_h(model.visible[:N_SAMPLES])
    assert_allclose(model.hidden_mean[:N_SAMPLES], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_steps", [1, 3])
def test_cd_from_rows_drawn_from_the_model_stays_in_it(n_steps, oracle, to_machine, rng):
    machine, v = to_machine(oracle), oracle.draw_visible(N_CHAINS, rng)
    data = data_term(machine, v, np.full(N_CHAINS, 1 / N_CHAINS))
    model = CD(n_steps).advance(machine, data, None, rng, work_arrays(N_CHAINS, oracle))
    assert largest_deviation(oracle, model.visible, machine.sample_h_from_v(model.visible, rng)) < 1


@pytest.mark.parametrize("n_steps", [1, 2])
def test_pcd_makes_as_many_steps_as_asked_for(n_steps, coupled_oracle, to_machine, rng):
    oracle = coupled_oracle
    up = oracle.hidden_given_visible(oracle.visible_states)
    step = oracle.visible_given_hidden(oracle.hidden_states) @ up
    start = oracle.p_hidden().argmin()  # far from the model
    p, other = (np.linalg.matrix_power(step, n)[start] for n in (n_steps, 3 - n_steps))
    chains = np.tile(oracle.hidden_states[start], (N_CHAINS, 1))
    PCD(n_steps).advance(to_machine(oracle), None, chains, rng, work_arrays(N_CHAINS, oracle))
    assert total_variation_in_floors(state_numbers(chains), p) < MOST_FLOORS
    assert total_variation_in_floors(state_numbers(chains), other) > 2 * MOST_FLOORS


def test_pairs_of_visible_and_hidden_states_of_pcd_are_those_of_the_joint(coupled_oracle, to_machine, rng):
    oracle, chains = coupled_oracle, coupled_oracle.draw_hidden(N_CHAINS, rng)
    out = work_arrays(N_CHAINS, oracle)
    model = PCD().advance(to_machine(oracle), None, chains, rng, out)
    pairs = state_numbers(model.visible) * len(oracle.hidden_states) + state_numbers(chains)
    assert total_variation_in_floors(pairs, oracle.joint().ravel()) < MOST_FLOORS


def test_kernels_with_means_in_place_of_draws_are_found_out(oracle, to_machine, rng):
    """The tests of stationarity have the power to see the usual mistake, in either layer."""
    machine = to_machine(oracle)
    v, h = oracle.draw_visible(N_CHAINS, rng), oracle.draw_hidden(N_CHAINS, rng)
    v = machine.sample_v_from_h(machine.mean_h_from_v(v), rng)
    assert largest_deviation(oracle, v, machine.sample_h_from_v(v, rng)) > 1.2
    h = machine.sample_h_from_v(machine.mean_v_from_h(h), rng)
    assert largest_deviation(oracle, machine.sample_v_from_h(h, rng), h) > 1.2


def test_gibbs_step_of_the_machine_has_the_model_as_its_stationary_distribution(binary_oracle, to_machine):
    machine = to_machine(binary_oracle)
    v, h = binary_states(N_VISIBLE), binary_states(N_HIDDEN)

    def probabilities(mean, states):
        """p(state | row) of independent units with the given means."""
        mean = mean[:, np.newaxis, :]
        return (mean * states + (1 - mean) * (1 - states)).prod(axis=2)

    up, down = probabilities(machine.mean_h_from_v(v), h), probabilities(machine.mean_v_from_h(h), v)
    transition, p = up @ down, binary_oracle.p_visible()
    assert_allclose(transition, binary_oracle.transition(), rtol=1e-12)
    assert_allclose(transition.sum(axis=1), 1, rtol=1e-13)
    assert_allclose(p @ transition, p, rtol=1e-12)
    flow = p[:, np.newaxis] * transition
    assert_allclose(flow, flow.T, rtol=1e-12)  # detailed balance


def test_first_chains_follow_visible_states_drawn_from_their_biases(to_machine, rng):
    oracle = random_rbm("bernoulli", seed=2, n_visible=3, n_hidden=5, spread=1.0)
    chains = PCD(n_chains=N_CHAINS).start(to_machine(oracle), 10, rng)
    unconnected = ExactRBM("bernoulli", 0 * oracle.weights, oracle.hidden_bias, oracle.visible_bias)
    p = unconnected.p_visible() @ oracle.hidden_given_visible(oracle.visible_states)
    assert total_variation_in_floors(state_numbers(chains), p) < MOST_FLOORS


def test_pcd_advances_its_chains_in_place(oracle, to_machine, rng):
    machine, sampler = to_machine(oracle), PCD(n_chains=7)
    chains = sampler.start(machine, 10, rng)
    assert chains.shape == (7, oracle.n_hidden)
    before = chains.copy()
    model = sampler.advance(machine, None, chains, rng, work_arrays(7 + 2, oracle))
    assert (chains != before).any()
    if oracle.hidden != "gaussian":
        row_numbers(np.concatenate([before, chains]), oracle.hidden_states)  # states, or it raises
    assert_allclose(model.weights, np.full(7, 1 / 7), rtol=1e-15)
    assert len(model.visible) == len(model.hidden_mean) == 7


@pytest.mark.parametrize("batch_size", [1, 10, 100, 1009])
def test_number_of_chains_is_that_asked_for_whatever_the_batch(batch_size, oracle, to_machine, rng):
    machine = to_machine(oracle)
    assert PCD(n_chains=7).n_rows(batch_size) == 7
    assert len(PCD(n_chains=7).start(machine, batch_size, rng)) == 7
    assert PCD().n_rows(batch_size) == max(batch_size, 100)
    assert len(PCD().start(machine, batch_size, rng)) == max(batch_size, 100)


@pytest.mark.parametrize("sampler", [CD(), MeanField()], ids=str)
def test_samplers_without_chains_have_a_model_row_for_each_row_of_the_batch(
    sampler, oracle, to_machine, rng
):
    assert sampler.n_rows(17) == 17
    assert sampler.start(to_machine(oracle), 17, rng) is None


# -- chains driven by fast parameters, and chains at several temperatures --------------------------


def fast_chains(sampler, machine, rng):
    """Chains in the middle of training: with fast parameters that are not 0."""
    chains = sampler.start(machine, 10, rng)
    for array in chains.fast[:3]:
        array[:] = 0.2 * rng.standard_normal(array.shape)
    return chains


def test_chains_of_fast_pcd_follow_the_machine_with_the_fast_parameters_added(oracle, to_machine, rng):
    machine, sampler = to_machine(oracle), FastPCD(2, N_CHAINS)
    chains = fast_chains(sampler, machine, rng)
    driven = oracle.replace(*map(np.add, oracle.parameters, chains.fast[:3]))
    chains.hidden[:] = driven.draw_hidden(N_CHAINS, rng)
    v = np.tile(oracle.visible_states[:1], (N_SAMPLES, 1))
    data = data_term(machine, v, np.full(N_SAMPLES, 1 / N_SAMPLES))
    model = sampler.advance(machine, data, chains, rng, work_arrays(N_CHAINS, oracle))
    assert largest_deviation(driven, model.visible, chains.hidden) < 1
    # The model term takes the hidden means of the model itself.
    expected = oracle.mean_h(model.visible[:N_SAMPLES])
    assert_allclose(model.hidden_mean[:N_SAMPLES], expected, rtol=1e-12, atol=1e-12)


def test_fast_parameters_decay_and_take_a_step_from_the_model_to_the_data(oracle, to_machine, to_rows, rng):
    machine, sampler = to_machine(oracle), FastPCD(1, 7, fast_learning_rate=0.3, decay=0.9)
    chains = fast_chains(sampler, machine, rng)
    before = [array.copy() for array in chains.fast[:3]]
    v, weights = to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
    data = data_term(machine, v, weights)
    model = sampler.advance(machine, data, chains, rng, work_arrays(7, oracle))
    of_data = oracle.statistics(v, weights)
    of_model = oracle.statistics(model.visible, np.full(7, 1 / 7))
    for fast, old, towards, away in zip(chains.fast[:3], before, of_data, of_model, strict=True):
        assert_allclose(fast, 0.9 * old + 0.3 * (towards - away), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("n_steps", [1, 2])
def test_replicas_drawn_from_their_machines_stay_in_them(n_steps, oracle, to_machine, rng):
    machine, n_replicas = to_machine(oracle), N_CHAINS // 2
    sampler = ParallelTempering(n_steps, n_replicas, n_temperatures=3)
    chains = sampler.start(machine, 10, rng)
    base_bias = 0.5 * rng.standard_normal(oracle.n_visible)
    chains.base_bias[:] = base_bias
    weights, hidden_bias, visible_bias = oracle.parameters
    tempered = [
        oracle.replace(beta * weights, beta * hidden_bias, beta * visible_bias + (1 - beta) * base_bias)
        for beta in (1, 0.5, 0)
    ]
    hidden = np.split(chains.all_hidden, 3)  # views
    for at_beta, rows in zip(tempered, hidden, strict=True):
        rows[:] = at_beta.draw_hidden(n_replicas, rng)
    out = work_arrays(3 * n_replicas, oracle)
    model = sampler.advance(machine, None, chains, rng, out)
    for at_beta, v, h in zip(tempered, np.split(out[0], 3), hidden, strict=True):
        assert largest_deviation(at_beta, v, h) < 1
    assert_array_equal(model.visible, out[0][:n_replicas])
    expected = oracle.mean_h(model.visible[:N_SAMPLES])
    assert_allclose(model.hidden_mean[:N_SAMPLES], expected, rtol=1e-12, atol=1e-12)
    rates = sampler.report(chains)["swap_rate"]
    assert (rates[:n_steps] > 0).all()  # the first pair in the first step, the second one in the second


# -- all samplers ---------------------------------------------------------------------------------


@each_sampler
def test_names_and_objects_are_resolved(name):
    sampler = SAMPLERS[name]()
    assert type(resolve_sampler(name)) is type(sampler)
    assert resolve_sampler(sampler) is sampler
    assert isinstance(clone(sampler), Sampler)


@each_sampler
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_model_term_keeps_the_dtype(name, dtype, oracle, to_machine, to_rows, rng):
    sampler, machine = SAMPLERS[name](n_steps=2), to_machine(oracle, dtype)
    v = to_rows(oracle).astype(dtype)
    weights = np.full(len(v), 1 / len(v), dtype=dtype)
    chains = sampler.start(machine, len(v), rng)
    n_rows = sampler.n_rows(len(v))
    out = tuple(array.astype(dtype) for array in work_arrays(n_rows, oracle))
    model = sampler.advance(machine, data_term(machine, v, weights), chains, rng, out)
    arrays = [*model, *([] if chains is None else [model_states(chains)])]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
    assert all(np.isfinite(array).all() for array in arrays)
    assert_allclose(model.weights.sum(), 1, rtol=1e-5)  # 100 roundings of float32


@each_sampler
def test_chains_go_on_from_what_was_captured_of_others(name, oracle, to_machine, to_rows):
    """Chains of three updates, and chains that a training of another seed and other biases began with."""
    sampler, machine, v = SAMPLERS[name](), to_machine(oracle), to_rows(oracle)
    data = data_term(machine, v, np.full(len(v), 1 / len(v)))
    out = work_arrays(sampler.n_rows(len(v)), oracle)
    chains = sampler.start(machine, len(v), np.random.default_rng(1))
    for seed in range(3):
        sampler.advance(machine, data, chains, np.random.default_rng(seed), out)
    machine.parameters.visible_bias[:] += 0.5
    others = sampler.start(machine, len(v), np.random.default_rng(2))
    others = restored(others, captured(chains))
    results = []
    for each in (others, chains):
        model = sampler.advance(machine, data, each, np.random.default_rng(5), out)
        report = [] if each is None else sampler.report(each).values()
        results.append([array.copy() for array in (*model[:2], *report)])
    for ours, expected in zip(*results, strict=True):
        assert_array_equal(ours, expected)


@each_sampler
@pytest.mark.parametrize("n_steps", [0, -1, 1.0, 1.5, True, "1", None])
def test_number_of_steps_must_be_a_positive_integer(name, n_steps, binary_oracle, to_machine, rng):
    sampler = SAMPLERS[name](n_steps=n_steps)
    with pytest.raises(ValueError, match=r"\(n_steps=.*\): n_steps must be an integer >= 1"):
        sampler.start(to_machine(binary_oracle), 10, rng)


@each_sampler
def test_a_training_is_not_resumed_without_steps(name, binary_oracle, to_machine, rng):
    machine, sampler = to_machine(binary_oracle), SAMPLERS[name]()
    chains = sampler.start(machine, 10, rng)
    with pytest.raises(ValueError, match="n_steps must be an integer >= 1"):
        sampler.set_params(n_steps=0).resume(chains, machine, 10, rng)


def test_names_stand_for_one_step_as_many_chains_as_rows_and_the_documented_rates():
    pcd = {"n_steps": 1, "n_chains": None}
    assert {name: resolve_sampler(name).get_params() for name in SAMPLERS} == {
        "cd": {"n_steps": 1},
        "pcd": pcd,
        "fastpcd": {**pcd, "fast_learning_rate": 0.01, "decay": 0.95},
        "paralleltempering": {**pcd, "n_temperatures": 10},
        "meanfield": {"n_steps": 1},
    }


class OwnSampler(CD):
    """A sampler that says what it was started with."""

    def start(self, machine, batch_size, rng):
        return machine, batch_size, rng


def test_a_sampler_that_only_starts_is_started_anew_where_it_is_resumed(binary_oracle, to_machine, rng):
    machine = to_machine(binary_oracle)
    assert OwnSampler().resume(None, machine, 10, rng) == (machine, 10, rng)


@pytest.mark.parametrize("n_chains", [0, -1, 7.0, True, "7"])
def test_number_of_chains_must_be_a_positive_integer(n_chains, binary_oracle, to_machine, rng):
    with pytest.raises(ValueError, match=r"PCD\(n_chains=.*\): n_chains must be an integer >= 1"):
        PCD(n_chains=n_chains).start(to_machine(binary_oracle), 10, rng)


# -- Markov chains of the estimator ---------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 3])
def test_rows_drawn_from_the_model_stay_so_under_gibbs(n_steps, coupled_oracle, to_estimator, rng):
    X = coupled_oracle.draw_visible(N_CHAINS, rng)
    rows = to_estimator(coupled_oracle).gibbs(X, n_steps, random_state=0)
    p = coupled_oracle.p_visible()
    assert total_variation_in_floors(state_numbers(rows), p) < MOST_FLOORS


@pytest.mark.parametrize("n_steps", [1, 2])
def test_gibbs_makes_as_many_steps_as_asked_for(n_steps, coupled_oracle, to_estimator):
    start = 9
    X = np.tile(coupled_oracle.visible_states[start], (N_CHAINS, 1))
    rows = to_estimator(coupled_oracle).gibbs(X, n_steps, random_state=0)
    p = np.linalg.matrix_power(coupled_oracle.transition(), n_steps)[start]
    assert total_variation_in_floors(state_numbers(rows), p) < MOST_FLOORS


def test_gaussian_rows_drawn_from_the_model_stay_so_under_gibbs(to_estimator, rng):
    oracle = random_rbm("gaussian", seed=2, spread=1.0)
    rbm = to_estimator(oracle)
    field = oracle.draw_hidden(N_CHAINS, rng) @ oracle.weights + oracle.visible_bias
    X = rbm.visible_.decode(field + rng.standard_normal(field.shape))
    rows = rbm.gibbs(X, 2, random_state=0)
    v = (rows - rbm.visible_.location_) / rbm.visible_.scale_
    p, states = oracle.p_visible(), oracle.visible_states
    for power in (1, 2, 3):
        assert (deviations_in_errors(v**power, p @ states**power) < N_ERRORS).all()
    assert deviations_in_errors(v.prod(axis=1), p @ states.prod(axis=1)) < N_ERRORS


def test_samples_follow_the_model(coupled_oracle, to_estimator):
    n_steps = 50
    # The chain forgets its start: the second eigenvalue of a step, to the power of their number.
    eigenvalues = np.sort(np.abs(np.linalg.eigvals(coupled_oracle.transition())))
    assert eigenvalues[-2] ** n_steps < 1e-3
    X = to_estimator(coupled_oracle).sample(N_CHAINS, n_steps, random_state=0)
    assert total_variation_in_floors(state_numbers(X), coupled_oracle.p_visible()) < MOST_FLOORS


def test_samples_from_a_start_are_gibbs_steps_from_it(oracle, to_estimator, to_rows):
    rbm = to_estimator(oracle)
    start = rbm.visible_.decode(to_rows(oracle))
    rows = rbm.sample(n_steps=3, start=start, random_state=0)
    assert_array_equal(rows, rbm.gibbs(start, 3, random_state=0))


def test_draws_depend_on_the_random_state_alone(oracle, to_estimator):
    rbm = to_estimator(oracle)
    first, again, other = (rbm.sample(N_SAMPLES, 2, random_state=seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


def test_sampling_a_model_with_named_columns_does_not_warn(rng):
    X = pd.DataFrame(rng.random((N_SAMPLES, N_VISIBLE)).round(), columns=list("abcde"))
    rbm = RBMTransformer(N_HIDDEN, n_iter=1, random_state=0).fit(X)
    drawn = rbm.sample(n_samples=7, n_steps=1, random_state=0)  # a warning is an error
    assert set(np.unique(drawn)) <= {0.0, 1.0}


def test_sampling_a_model_with_much_noise_does_not_warn(rng):
    X = rng.standard_normal((101, N_VISIBLE))
    rbm = RBMTransformer(N_HIDDEN, visible=Gaussian(scale=100.0), n_iter=1, random_state=0)
    with (  # and rightly so: next to such noise the rows are all the same
        pytest.warns(UserWarning, match="assumes standardized features; 5 of 5"),
        pytest.warns(ConvergenceWarning, match="are constant"),
    ):
        rbm.fit(X)
    drawn = rbm.sample(n_samples=1009, n_steps=1, random_state=0)  # a warning is an error
    # Nearly unconnected units; 4 standard errors of a standard deviation.
    assert_allclose(drawn.std(axis=0), 100, rtol=4 / np.sqrt(2 * 1009))


# -- chains over several trainings ----------------------------------------------------------------


def test_fit_keeps_the_number_of_chains_asked_for(X_binary):
    for sampler, n_chains in [(PCD(n_chains=7), 7), (PCD(), 100)]:
        rbm = RBMTransformer(N_HIDDEN, sampler=sampler, n_iter=1, random_state=0).fit(X_binary)
        assert rbm._training.chains.shape == (n_chains, N_HIDDEN)


def test_partial_fit_takes_a_smaller_chunk_after_a_large_one(rng):
    X = rng.random((211, N_VISIBLE)).round()
    rbm = RBMTransformer(N_HIDDEN, batch_size=None, random_state=0).partial_fit(X)
    before = rbm.components_.copy()
    rbm.partial_fit(X[:N_SAMPLES])
    assert np.isfinite(rbm.components_).all()
    assert (rbm.components_ != before).any()


def test_warm_start_takes_a_new_number_of_chains(X_binary):
    rbm = RBMTransformer(N_HIDDEN, warm_start=True, n_iter=1, random_state=0).fit(X_binary)
    rbm.set_params(sampler=PCD(n_chains=7)).fit(X_binary)
    assert rbm._training.chains.shape == (7, N_HIDDEN)


def test_warm_start_goes_from_cd_to_pcd(X_binary):
    rbm = RBMTransformer(N_HIDDEN, sampler="cd", warm_start=True, n_iter=1, random_state=0)
    rbm.fit(X_binary).set_params(sampler="pcd").fit(X_binary)
    assert rbm._training.chains.shape == (100, N_HIDDEN)
