import numpy as np
import pytest
from exact import N_SAMPLES, ExactRBM
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skdbn import RBMTransformer
from skdbn._energy import RBMParameters
from skdbn.exceptions import DivergenceError
from skdbn.samplers import CD, PCD, FastPCD, ParallelTempering, States, model_states
from skdbn.samplers._pcd import FastChains

ROUNDING = {"rtol": 1e-12, "atol": 1e-13}


def data_of(oracle, v, weights):
    return States(v, oracle.mean_h(v), weights)


def work_arrays(n_rows, oracle):
    return np.full((n_rows, oracle.n_visible), np.nan), np.full((n_rows, oracle.n_hidden), np.nan)


def arrays_of(rbm):
    return rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_


# -- one update -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_steps", [1, 3])
def test_with_a_fast_rate_of_nearly_zero_the_draws_are_those_of_pcd(n_steps, oracle, to_machine, to_rows):
    machine = to_machine(oracle)
    data = data_of(oracle, to_rows(oracle), np.full(N_SAMPLES, 1 / N_SAMPLES))
    results = []
    for sampler in (PCD(n_steps, 13), FastPCD(n_steps, 13, fast_learning_rate=1e-300)):
        rng = np.random.default_rng(5)
        chains, out = sampler.start(machine, 10, rng), work_arrays(13, oracle)
        for _ in range(4):
            model = sampler.advance(machine, data, chains, rng, out)
        results.append([*model, model_states(chains)])
    for array, other in zip(*results, strict=True):
        assert_allclose(array, other, rtol=1e-13, atol=1e-14)


def test_with_a_fast_rate_of_nearly_zero_training_is_that_of_pcd(X_binary):
    samplers = PCD(2, 13), FastPCD(2, 13, fast_learning_rate=1e-300)
    fits = [
        arrays_of(RBMTransformer(3, sampler=s, n_iter=5, random_state=0).fit(X_binary)) for s in samplers
    ]
    for array, other in zip(*fits, strict=True):
        assert_allclose(array, other, rtol=1e-12, atol=1e-14)


def test_fast_parameters_follow_all_updates(oracle, to_machine, to_rows, rng):
    """f = decay * f + rate * (data - model), written out for each weight."""
    machine, sampler = to_machine(oracle), FastPCD(1, 7, fast_learning_rate=0.2, decay=0.6)
    chains, out = sampler.start(machine, 10, rng), work_arrays(7, oracle)
    fast = [np.zeros_like(array) for array in oracle.parameters]
    for _ in range(3):
        v, weights = to_rows(oracle), rng.dirichlet(np.ones(N_SAMPLES))
        model = sampler.advance(machine, data_of(oracle, v, weights), chains, rng, out)
        of_data, of_model = (
            oracle.statistics(v, weights),
            oracle.statistics(model.visible, np.full(7, 1 / 7)),
        )
        for array, towards, away in zip(fast, of_data, of_model, strict=True):
            array[:] = 0.6 * array + 0.2 * (towards - away)
        for array, expected in zip(chains.fast, fast, strict=False):
            assert_allclose(array, expected, **ROUNDING)


def test_with_a_decay_of_zero_the_fast_parameters_are_the_last_step(oracle, to_machine, to_rows, rng):
    machine, sampler = to_machine(oracle), FastPCD(1, 7, fast_learning_rate=0.3, decay=0)
    chains, v = sampler.start(machine, 10, rng), to_rows(oracle)
    weights = np.full(N_SAMPLES, 1 / N_SAMPLES)
    for _ in range(2):
        model = sampler.advance(machine, data_of(oracle, v, weights), chains, rng, work_arrays(7, oracle))
    of_data, of_model = oracle.statistics(v, weights), oracle.statistics(model.visible, np.full(7, 1 / 7))
    for fast, towards, away in zip(chains.fast[:3], of_data, of_model, strict=True):
        assert_allclose(fast, 0.3 * (towards - away), **ROUNDING)


def test_parameters_of_the_model_are_not_changed(oracle, to_machine, to_rows, rng):
    machine, sampler = to_machine(oracle), FastPCD(2, 7, fast_learning_rate=0.5)
    chains = sampler.start(machine, 10, rng)
    data = data_of(oracle, to_rows(oracle), np.full(N_SAMPLES, 1 / N_SAMPLES))
    for _ in range(3):
        sampler.advance(machine, data, chains, rng, work_arrays(7, oracle))
    for array, expected in zip(machine.parameters, oracle.parameters, strict=False):
        assert_array_equal(array, expected)


def test_chains_are_driven_by_the_sum_of_both_parameters(binary_oracle, to_machine, to_rows, rng):
    """Draw by draw the chains are those of PCD on a machine that has the sums as its parameters."""
    oracle, rate = binary_oracle, 1e-300
    fast = [0.7 * rng.standard_normal(array.shape) for array in oracle.parameters]
    machine = to_machine(oracle)
    sums = to_machine(oracle.replace(*map(np.add, oracle.parameters, fast)))
    data = data_of(oracle, to_rows(oracle), np.full(N_SAMPLES, 1 / N_SAMPLES))
    hidden = PCD(1, 31).start(machine, 10, rng)
    chains = FastChains(hidden.copy(), machine.parameters)
    for array, values in zip(chains.fast, fast, strict=False):
        array[:] = values
    of_fast, of_pcd = np.random.default_rng(1), np.random.default_rng(1)
    out, other = work_arrays(31, oracle), work_arrays(31, oracle)
    FastPCD(2, 31, fast_learning_rate=rate).advance(machine, data, chains, of_fast, out)
    PCD(2, 31).advance(sums, data, hidden, of_pcd, other)
    assert_array_equal(out[0], other[0])
    assert_array_equal(chains.hidden, hidden)
    assert_allclose(out[1], oracle.mean_h(out[0]), **ROUNDING)  # of the model alone
    assert np.abs(out[1] - other[1]).max() > 0.1


# -- mixing ---------------------------------------------------------------------------------------


def two_modes(coupling=3.0, n_visible=8, n_hidden=4):
    """All units on, or all off, with the same probability; a Gibbs step hardly ever changes between them.

    The energy is -coupling times the sum of (h - 1/2)(v - 1/2), so flipping all units changes nothing.
    """
    weights = np.full((n_hidden, n_visible), coupling)
    biases = np.full(n_hidden, -coupling * n_visible / 2), np.full(n_visible, -coupling * n_hidden / 2)
    return ExactRBM("bernoulli", weights, *biases)


def crossings(sampler, oracle, machine, n_updates, rng):
    """How often chains go from one mode to the other, with data that are the model's own."""
    chains, out = sampler.start(machine, 10, rng), work_arrays(20, oracle)
    v = np.repeat([0.0, 1.0], 5)[:, np.newaxis] * np.ones(oracle.n_visible)
    data, before, n_crossings = data_of(oracle, v, np.full(10, 0.1)), None, 0
    for _ in range(n_updates):
        model = sampler.advance(machine, data, chains, rng, out)
        side = model.visible.mean(axis=1) > 0.5
        n_crossings += 0 if before is None else (side != before).sum()
        before = side
    return n_crossings


def test_chains_cross_between_modes_that_pcd_does_not_leave(to_machine):
    oracle = two_modes()
    p = oracle.p_visible()
    assert_allclose(p[[0, -1]], 0.49, atol=0.001)
    # The chance of a step from one mode to the other, from the exact transition matrix: in 300 updates of
    # 20 chains it is 2e-6.
    assert oracle.transition()[0, oracle.visible_states.mean(axis=1) > 0.5].sum() < 4e-10
    machine = to_machine(oracle)
    counts = [
        crossings(sampler, oracle, machine, 300, np.random.default_rng(0))
        for sampler in (PCD(1, 20), FastPCD(1, 20, fast_learning_rate=0.5, decay=0.98))
    ]
    assert counts[0] == 0
    assert counts[1] >= 20  # each chain, on average


# -- going on -------------------------------------------------------------------------------------


def test_resume_keeps_chains_and_fast_parameters(oracle, to_machine, rng):
    machine, sampler = to_machine(oracle), FastPCD(1, 7)
    chains = sampler.start(machine, 10, rng)
    chains.fast.weights[:] = 0.1
    assert sampler.resume(chains, machine, 10, rng) is chains
    assert FastPCD(3, None).resume(chains, machine, 999, rng) is chains
    fewer = FastPCD(1, 5).resume(chains, machine, 10, rng)
    assert len(fewer) == 5
    assert not np.any(fewer.fast.weights)


def test_first_chains_are_those_of_pcd_with_fast_parameters_of_zero(oracle, to_machine):
    machine = to_machine(oracle)
    chains = FastPCD(1, 7).start(machine, 10, np.random.default_rng(3))
    assert_array_equal(chains.hidden, PCD(1, 7).start(machine, 10, np.random.default_rng(3)))
    assert len(chains) == 7
    assert isinstance(chains.fast, RBMParameters)
    for array, parameter in zip(chains.fast, machine.parameters, strict=True):
        assert_array_equal(array, np.zeros_like(parameter))
        assert not np.shares_memory(array, parameter)


CHAINS = [CD(), PCD(1, 13), FastPCD(1, 13), ParallelTempering(1, 13, n_temperatures=3)]


@pytest.mark.parametrize("first", CHAINS, ids=lambda sampler: type(sampler).__name__)
@pytest.mark.parametrize("second", CHAINS, ids=lambda sampler: type(sampler).__name__)
def test_warm_start_goes_from_any_sampler_to_any_other(first, second, X_binary):
    rbm = RBMTransformer(3, sampler=clone(first), n_iter=2, warm_start=True, random_state=0).fit(X_binary)
    before = model_states(rbm._training.chains)
    before = None if before is None else before.copy()
    rbm.set_params(sampler=clone(second)).fit(X_binary)
    after = model_states(rbm._training.chains)
    assert rbm.n_iter_ == 4
    if isinstance(second, CD):
        assert after is None
        return
    assert after.shape == (13, 3)
    assert set(np.unique(after)) <= {0.0, 1.0}
    rng = np.random.default_rng(0)
    resumed = second.resume(before, rbm._machine(), 10, rng)
    if before is not None and not isinstance(second, ParallelTempering):
        assert_array_equal(model_states(resumed), before)  # the chains themselves go on


def test_warm_start_and_partial_fit_keep_the_fast_parameters(X_binary):
    settings = {"batch_size": None, "learning_rate": 1e-12, "optimizer": "sgd", "random_state": 0}
    sampler = FastPCD(1, 13, fast_learning_rate=1e-300, decay=0.5)
    for goes_on in ("fit", "partial_fit"):
        rbm = RBMTransformer(3, sampler=sampler, n_iter=1, warm_start=True, **settings).fit(X_binary)
        rbm._training.chains.fast.weights[:] = 0.8
        getattr(rbm, goes_on)(X_binary)
        # One update: decay, and a step of 0.
        assert_allclose(rbm._training.chains.fast.weights, 0.4, rtol=1e-14)


def test_a_failed_fit_leaves_chains_and_fast_parameters(X_binary):
    sampler = FastPCD(1, 13, fast_learning_rate=0.1)
    rbm = RBMTransformer(3, sampler=sampler, n_iter=2, warm_start=True, random_state=0).fit(X_binary)
    chains = rbm._training.chains
    before = [chains.hidden.copy(), *(array.copy() for array in chains.fast)]
    with pytest.raises(DivergenceError):
        rbm.set_params(learning_rate=1e308).fit(X_binary)
    assert rbm._training.chains is chains
    for array, expected in zip([chains.hidden, *chains.fast], before, strict=True):
        assert_array_equal(array, expected)


def test_fast_parameters_keep_float32(X_binary):
    sampler = FastPCD(1, 13, fast_learning_rate=np.float64(0.1), decay=np.float64(0.9))
    rbm = RBMTransformer(3, sampler=sampler, n_iter=2, random_state=0).fit(X_binary.astype(np.float32))
    chains = rbm._training.chains
    assert {array.dtype for array in (chains.hidden, *chains.fast[:3], *arrays_of(rbm))} == {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fast_learning_rate": 0}, r"fast_learning_rate=0\): fast_learning_rate must be a number > 0"),
        ({"fast_learning_rate": -1.0}, "fast_learning_rate must be a number > 0"),
        ({"fast_learning_rate": "fast"}, "fast_learning_rate must be a number > 0"),
        ({"fast_learning_rate": True}, "fast_learning_rate must be a number > 0"),
        ({"fast_learning_rate": np.nan}, "fast_learning_rate must be a number > 0"),
        ({"fast_learning_rate": np.inf}, "fast_learning_rate must be a number > 0"),
        ({"decay": 1.0}, r"decay=1.0\): decay must be within \[0, 1\)"),
        ({"decay": -0.1}, "decay must be within"),
        ({"decay": np.nan}, "decay must be within"),
        ({"decay": None}, "decay must be within"),
        ({"n_steps": 0}, "n_steps must be an integer >= 1"),
        ({"n_chains": 0}, "n_chains must be an integer >= 1"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused_at_the_start_and_later(parameters, message, X_binary):
    rbm = RBMTransformer(3, sampler=FastPCD(**parameters), n_iter=1)
    with pytest.raises(ValueError, match=message):
        rbm.fit(X_binary)
    rbm = RBMTransformer(3, sampler=FastPCD(), n_iter=1, warm_start=True).fit(X_binary)
    with pytest.raises(ValueError, match=message):
        rbm.set_params(sampler=FastPCD(**parameters)).fit(X_binary)
