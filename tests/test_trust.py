"""Small versions of `benchmarks/trust.py`: intervals of AIS, one maximum for all gradients, float32."""

import numpy as np
import pytest
from exact import BOUNDED, N_SAMPLES, random_rbm

from skdbn._annealing import annealed_log_partition, default_betas, reverse_annealed_log_partition
from skdbn._contrastive import OFFSETS_FROM, Offsets, RBMLearner
from skdbn._rows import Batch
from skdbn._tempered import TemperedMachine
from skdbn.optimizers import RMSProp
from skdbn.samplers import Sampler, States
from skdbn.schedules import Exponential, value_at

# -- annealing -------------------------------------------------------------------------------------

N_MACHINES, N_ESTIMATES, N_RUNS = 20, 3, 100


def errors_of_machine(machine, oracle, rng):
    """Errors of estimates in units of their standard errors, of both directions: (n_estimates, 2)."""
    path, betas = TemperedMachine(machine, np.zeros(oracle.n_visible)), default_betas(50)
    exact, errors = oracle.log_partition(), []
    for _ in range(N_ESTIMATES):
        v = oracle.draw_visible(N_RUNS, rng)
        forward = annealed_log_partition(path, betas, N_RUNS, rng)
        reverse = reverse_annealed_log_partition(path, betas, v, rng)
        errors.append([(each.value - exact) / each.standard_error for each in (forward, reverse)])
    return errors


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_intervals_of_annealing_hold_the_exact_value_as_often_as_they_say(visible, to_machine, rng):
    oracles = [random_rbm(visible, seed, spread=0.3 + seed / 40) for seed in range(N_MACHINES)]
    errors = np.concatenate([errors_of_machine(to_machine(each), each, rng) for each in oracles])
    n = len(errors)
    # 95.4 % of normal errors are within 2, their mean square is 1: binomial and chi-squared deviations.
    shares, squares = (np.abs(errors) < 2).mean(axis=0), (errors**2).mean(axis=0)
    assert (np.abs(shares - 0.954) < 4 * np.sqrt(0.954 * 0.046 / n)).all()
    assert (np.abs(squares - 1) < 4 * np.sqrt(2 / n)).all()


# -- training with exact gradients -----------------------------------------------------------------

RATE = Exponential(0.1, 1e-4)


class Enumeration(Sampler):
    """The model term without draws: the states of a bounded layer by their probabilities."""

    draws = False

    def __init__(self, oracle):
        self.of_hidden = oracle.hidden in BOUNDED
        self.states = oracle.hidden_states if self.of_hidden else oracle.visible_states

    def n_rows(self, batch_size):
        return len(self.states)

    def advance(self, machine, data, chains, rng, out):
        v, h = out
        if self.of_hidden:
            h[:] = self.states
            machine.mean_v_from_h(h, out=v)
            free_energy = machine.free_energy_of_hidden(h)
        else:
            v[:] = self.states
            machine.mean_h_from_v(v, out=h)
            free_energy = machine.free_energy(v)
        p = np.exp(free_energy.min() - free_energy)
        return States(v, h, p / p.sum())


def trained(machine, oracle, v, weights, offsets_from=None, n_steps=300):
    """Train with the exact gradient at a falling rate; return the oracle of the result."""
    dtype = machine.parameters.weights.dtype
    zeros = Offsets(np.zeros(oracle.n_visible, dtype), np.zeros(oracle.n_hidden, dtype))
    offsets, sampler = zeros if offsets_from else None, Enumeration(oracle)
    learner = RBMLearner(machine, sampler, None, offsets, None, len(v), offsets_from=offsets_from or "data")
    batch = Batch(machine.visible.decode(v.astype(dtype)), None, weights.astype(dtype), float(len(v)))
    optimizer = RMSProp()
    state = optimizer.init(learner.parameters)
    for step in range(n_steps):
        rate = value_at(RATE, step / n_steps, step)
        update, state = optimizer.update(learner.gradient(batch), state, rate, step / n_steps)
        learner.apply(update, 0.0)
    return oracle.replace(*machine.parameters[:3])


def test_every_centring_reaches_the_same_maximum_of_the_likelihood(to_machine):
    teacher = random_rbm("bernoulli", seed=3, n_visible=3, n_hidden=2, spread=1.5)
    student = random_rbm("bernoulli", seed=4, n_visible=3, n_hidden=2, spread=0.5)
    v, p = teacher.visible_states, teacher.p_visible()
    largest = p @ np.log(p)
    for source in (None, *OFFSETS_FROM):
        reached = trained(to_machine(student), student, v, p, source, 1200)
        reached = -reached.negative_log_likelihood(v, p)
        assert 0 <= largest - reached < 1e-4, source


def test_training_in_float32_ends_at_the_likelihood_of_float64(oracle, to_machine, to_rows):
    v, weights = to_rows(oracle), np.full(N_SAMPLES, 1 / N_SAMPLES)
    first = oracle.negative_log_likelihood(v, weights)
    one, other = (
        trained(to_machine(oracle, dtype), oracle, v, weights, "data").negative_log_likelihood(v, weights)
        for dtype in (np.float64, np.float32)
    )
    assert one < first
    assert abs(other - one) < 1e-3 * abs(one)
