"""The exact partition function, and the form in which partition functions are returned."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from skdbn._energy import Machine

_MOST_STATES = 2**25

# Elements of a block of states and fields: temporary arrays that stay in the L2 cache are 5 times faster.
_BLOCK_ELEMENTS = 2**16


class LogPartition(NamedTuple):
    """A value of log Z in nats, with the standard error of its estimate (0 if exact).

    `reverse_value` is the estimate of reverse annealed importance sampling, None if there is none. That of
    the forward direction tends to lie below log Z, that of the reverse direction above. The effective
    sample sizes are the numbers of runs that their unequal weights amount to.
    """

    value: float
    standard_error: float
    reverse_value: float | None = None
    reverse_standard_error: float | None = None
    effective_sample_size: float | None = None
    reverse_effective_sample_size: float | None = None


def as_log_partition(given: object) -> LogPartition:
    """Return what a user gives as log Z, a number as one without error; raise if that is none."""
    value = getattr(given, "value", given)
    if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(float(value)):
        raise ValueError(
            "log_partition must be what the method log_partition returns, or a finite number; "
            f"got {given!r}."
        )
    if isinstance(given, LogPartition):
        return given
    return LogPartition(float(value), 0.0)


def exact_log_partition(machine: Machine) -> float:
    """Return log Z by enumerating the layer of fewer states, block by block, in float64."""
    weights = machine.parameters.weights
    layers = [
        (n_states, n_units, unit, free_energy)
        for unit, n_units, free_energy in (
            (machine.hidden, weights.shape[0], machine.free_energy_of_hidden),
            (machine.visible, weights.shape[1], machine.free_energy),
        )
        if (n_states := unit.n_states(n_units)) is not None
    ]
    n_states, n_units, unit, free_energy = min(layers, key=lambda layer: layer[0])
    if n_states > _MOST_STATES:
        raise ValueError(
            f"The exact partition function sums over {_in_words(n_states)} states of the smaller layer; "
            f'at most 2**25 can be enumerated. Estimate it by method="ais".'
        )
    log_partition = -np.inf
    block_size = max(1, _BLOCK_ELEMENTS // sum(weights.shape))
    for start in range(0, n_states, block_size):
        states = unit.states(start, min(start + block_size, n_states), n_units)
        log_partition = np.logaddexp(log_partition, logsumexp(-free_energy(states)))
    return float(log_partition)


def can_be_enumerated(machine: Machine) -> bool:
    """Tell whether one of the layers has few enough states for the exact partition function."""
    n_hidden, n_visible = machine.parameters.weights.shape
    counts = machine.hidden.n_states(n_hidden), machine.visible.n_states(n_visible)
    return min(count for count in counts if count is not None) <= _MOST_STATES


def _in_words(n_states: int) -> str:
    """Return a count that may be beyond the range of floats as a power of 2."""
    exponent = n_states.bit_length() - 1
    return f"2**{exponent}" if n_states == 2**exponent else f"more than 2**{exponent}"
