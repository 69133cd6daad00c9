"""Markov chains of a fitted RBM on clean arrays: free, clamped, and averaged."""

from __future__ import annotations

import numpy as np

from skdbn._energy import Machine
from skdbn._typing import Booleans, Floats, Rng
from skdbn.samplers import ParallelTempering
from skdbn.units import Unit


def gibbs_steps(
    machine: Machine, v: Floats, n_steps: int, rng: Rng, free: Booleans | None = None
) -> Floats:
    """Run v -> h -> v from each row and return the last visible states; `v` is not changed.

    Where `free` (n_rows, n_visible) is False the row keeps its value: the chain then draws the other
    units from their distribution given these.
    """
    known = v
    for _ in range(n_steps):
        v = machine.sample_v_from_h(machine.sample_h_from_v(v, rng), rng)
        if free is not None:
            np.copyto(v, known, where=~free)
    return v


def tempered_steps(
    machine: Machine, base_bias: Floats, v: Floats, n_steps: int, n_temperatures: int, rng: Rng
) -> Floats:
    """Run Gibbs steps from each row, with a replica at each temperature to exchange states with."""
    sampler = ParallelTempering(n_steps, len(v), n_temperatures=n_temperatures)
    replicas = sampler.start(machine, len(v), rng)
    replicas.base_bias = base_bias
    replicas.hidden[:] = machine.sample_h_from_v(v, rng)
    n_rows, n_hidden = len(replicas), replicas.hidden.shape[1]
    out = np.empty((n_rows, v.shape[1]), dtype=v.dtype), np.empty((n_rows, n_hidden), dtype=v.dtype)
    return sampler.advance(machine, None, replicas, rng, out).visible.copy()


def mean_of_free_units(machine: Machine, v: Floats, n_steps: int, rng: Rng, free: Booleans) -> Floats:
    """Return the mean of the conditional means of the free units over `n_steps` Gibbs steps from `v`.

    The means of the visible units given the drawn hidden ones have the same mean as draws, and less
    noise (Rao and Blackwell).
    """
    known, total = v, np.zeros(v.shape)
    for _ in range(n_steps):
        mean = machine.mean_v_from_h(machine.sample_h_from_v(v, rng))
        total += mean
        v = machine.visible.sample_from_mean(mean, rng)
        np.copyto(v, known, where=~free)
    total /= n_steps
    np.copyto(total, known, where=~free)
    return total.astype(v.dtype)


def sample_base_rates(visible: Unit, base_bias: Floats, n_rows: int, rng: Rng) -> Floats:
    """Draw unconnected visible units of the given biases."""
    return visible.sample(np.tile(base_bias, (n_rows, 1)), rng)
