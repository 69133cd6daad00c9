"""How likely data are under an RBM: exact partition function, pseudo-likelihood."""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from skdbn.units import Bernoulli

_MAX_ENUMERATED_UNITS = 25
_BLOCK_ELEMENTS = 2**22


class LogPartition(NamedTuple):
    """A value of log Z in nats, with the standard error of its estimate (0 if exact)."""

    value: float
    standard_error: float


def exact_log_partition(machine):
    """Return log Z by enumerating the smaller binary layer, block by block, in float64."""
    weights = machine.parameters.weights
    layers = [
        (size, free_energy)
        for unit, size, free_energy in (
            (machine.hidden, weights.shape[0], machine.free_energy_of_hidden),
            (machine.visible, weights.shape[1], machine.free_energy),
        )
        if isinstance(unit, Bernoulli)
    ]
    size, free_energy = min(layers, key=lambda layer: layer[0])
    if size > _MAX_ENUMERATED_UNITS:
        raise ValueError(
            f"The exact partition function sums over 2**{size} states of the smaller layer; "
            f"at most {_MAX_ENUMERATED_UNITS} units can be enumerated."
        )
    n_rows = max(1, _BLOCK_ELEMENTS // sum(weights.shape))
    blocks = (free_energy(states) for states in _binary_states(size, n_rows))
    return float(logsumexp([logsumexp(-block) for block in blocks]))


def _binary_states(size, n_rows):
    """Yield all 2**size states of `size` binary units, `n_rows` at a time."""
    bits = np.arange(size)
    for start in range(0, 2**size, n_rows):
        numbers = np.arange(start, min(start + n_rows, 2**size))
        yield (numbers[:, np.newaxis] >> bits & 1).astype(np.float64)


def pseudo_log_likelihood(machine, v):
    """Return sum_i log p(v_i | the other visible units) of each row, over all binary visible units.

    With a = the hidden fields without unit i, the log-odds of v_i = 1 are
    b_i + sum_j [log_partition(a_j + W_ji) - log_partition(a_j)]. A value inside (0, 1) counts as the
    probability of 1: its term is the cross-entropy.
    """
    weights, _, visible_bias = machine.parameters
    field = machine.field_h_from_v(v)
    total = np.zeros(len(v), dtype=v.dtype)
    n_columns = max(1, _BLOCK_ELEMENTS // max(1, field.size))
    for start in range(0, v.shape[1], n_columns):
        columns = slice(start, start + n_columns)
        W = weights[:, columns].T
        without = field[:, np.newaxis, :] - v[:, columns, np.newaxis] * W
        gain = machine.hidden.log_partition(without + W) - machine.hidden.log_partition(without)
        log_odds = visible_bias[columns] + gain.sum(axis=2)
        # log p = -log(1 + exp(-log_odds)), log(1 - p) = log p - log_odds
        total += ((v[:, columns] - 1) * log_odds - np.logaddexp(0, -log_odds)).sum(axis=1)
    return total
