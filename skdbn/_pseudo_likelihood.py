r"""The pseudo-log-likelihood sum_i log p(v_i | the other visible units), exactly and in matrix products.

Moving one visible unit to another of its states adds a shift w_j to the field a_j of each hidden unit, and

    sum_j log_partition(a_j + w_j) - log_partition(a_j) = sum_j log E[exp(w_j h_j)]

to minus the free energy, with the expectation over p(h | v). The shifts are columns of the weights, the
same for all rows. Where hidden units have few states, the expectation is a sum over these of
p(state) * exp(w . state): for all rows and all shifts one matrix product, of positive terms only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch
from typing import TypeAlias

import numpy as np

from skdbn._energy import Machine
from skdbn._typing import Floats, FloatType, Integers
from skdbn.units import Bernoulli, Gaussian, Softmax, Unit

# Hidden units that are summed over together. A group of g costs 2**g / g multiplications a unit, and
# 1 / g passes over the results: 3 was the fastest (0.26 ns a row, visible and hidden unit; 0.3 for 4).
_GROUP_SIZE = 3

# Elements of the results worked on at a time, which stay in the L2 cache through all groups.
_BLOCK_ELEMENTS = 2**17

# Elements of the largest temporary arrays.
_LARGEST_BLOCK = 2**22

# Largest |w . state| of a group for which exp keeps within the range of the dtype, with as much again
# for the product of several groups, and terms too small for the dtype do not matter.
_LARGEST_EXPONENT: dict[FloatType, float] = {np.dtype(np.float32): 30.0, np.dtype(np.float64): 300.0}

# From rows of fields and shifts of the fields to sums of changes.
Selection: TypeAlias = slice | Integers
Change: TypeAlias = Callable[[Selection, Floats], Floats]


def has_pseudo_likelihood(visible: Unit) -> bool:
    """Return whether visible units of this type have a pseudo-likelihood here."""
    return _pseudo_log_likelihood.dispatch(type(visible)) is not _pseudo_log_likelihood.dispatch(object)


def pseudo_log_likelihood(machine: Machine, v: Floats) -> Floats:
    """Return sum_i log p(v_i | the other visible units) of each row, in the dtype of `v`."""
    total = np.empty(len(v), dtype=v.dtype)
    n_rows = max(1, _LARGEST_BLOCK // max(machine.parameters.weights.shape))
    for start in range(0, len(v), n_rows):
        rows = slice(start, start + n_rows)
        total[rows] = _pseudo_log_likelihood(machine.visible, machine, v[rows])
    return total


# -- visible units --------------------------------------------------------------------------------


@singledispatch
def _pseudo_log_likelihood(visible: Unit, machine: Machine, v: Floats) -> Floats:
    raise NotImplementedError(f"The pseudo-likelihood of {type(visible).__name__} units has no cheap form.")


@_pseudo_log_likelihood.register
def _(visible: Bernoulli, machine: Machine, v: Floats) -> Floats:
    # A value inside (0, 1) counts as the probability of 1: its term is the cross-entropy.
    is_binary = ((v == 0) | (v == 1)).all(axis=1)
    total = np.empty(len(v), dtype=v.dtype)
    for rows, compute in ((is_binary, _by_flips), (~is_binary, _by_removal)):
        if rows.any():
            total[rows] = compute(machine, v[rows])
    return total


def _by_flips(machine: Machine, v: Floats) -> Floats:
    """Return sum_i log p(v_i | rest) = -sum_i log(1 + p(v with unit i flipped) / p(v)) of binary rows."""
    weights, visible_bias = machine.parameters.weights, machine.parameters.visible_bias
    change = _changes(machine.hidden, machine.field_h_from_v(v), np.abs(weights).max())
    total = np.zeros(len(v), dtype=v.dtype)
    n_columns = max(1, _LARGEST_BLOCK // len(weights))
    for start in range(0, v.shape[1], n_columns):
        columns = slice(start, start + n_columns)
        log_ratio = change(slice(None), weights[:, columns])  # where v_i = 0
        log_ratio += visible_bias[columns]
        to_zero = change(slice(None), -weights[:, columns])
        to_zero -= visible_bias[columns]
        np.copyto(log_ratio, to_zero, where=v[:, columns] == 1)
        total -= machine.visible.log_partition(log_ratio).sum(axis=1)
    return total


def _by_removal(machine: Machine, v: Floats) -> Floats:
    """Return the cross-entropies of grey rows: no matrix products, as each unit moves by its own amount.

    With a = the fields without unit i, the log-odds of v_i = 1 are
    b_i + sum_j [log_partition(a_j + W_ji) - log_partition(a_j)].
    """
    weights, visible_bias = machine.parameters.weights, machine.parameters.visible_bias
    field = machine.field_h_from_v(v)
    total = np.zeros(len(v), dtype=v.dtype)
    for rows, columns in _pieces(v.shape[0], v.shape[1], len(weights)):
        x, W = v[rows, columns], weights[:, columns].T
        without = field[rows, np.newaxis, :] - x[:, :, np.newaxis] * W
        gain = machine.hidden.log_partition(without + W) - machine.hidden.log_partition(without)
        log_odds = visible_bias[columns] + gain.sum(axis=2)
        # log p = -log(1 + exp(-log_odds)), log(1 - p) = log p - log_odds
        total[rows] += ((x - 1) * log_odds - machine.visible.log_partition(-log_odds)).sum(axis=1)
    return total


def _pieces(n_rows: int, n_columns: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices of rows and columns: with `width` values for each pair, arrays stay in the cache."""
    column_step = max(1, min(n_columns, _BLOCK_ELEMENTS // width))
    row_step = max(1, _BLOCK_ELEMENTS // (width * column_step))
    for row in range(0, n_rows, row_step):
        for column in range(0, n_columns, column_step):
            yield slice(row, row + row_step), slice(column, column + column_step)


@_pseudo_log_likelihood.register
def _(visible: Softmax, machine: Machine, v: Floats) -> Floats:
    # One term a group. Probabilities inside (0, 1) count by the cross-entropy; a group of zeros, a category
    # that is not known, has no term.
    weights, visible_bias = machine.parameters.weights, machine.parameters.visible_bias
    field = machine.field_h_from_v(v)
    largest_shift = 2 * np.abs(weights).max()
    change = _changes(machine.hidden, field, largest_shift)
    total = np.zeros(len(v), dtype=v.dtype)
    for group in _groups(visible, v.shape[1]):
        share, W, bias = v[:, group], weights[:, group], visible_bias[group]
        is_known = (share == 1).sum(axis=1) == (share != 0).sum(axis=1)  # one-hot or zeros
        for category in range(len(group)):
            rows = np.flatnonzero(is_known & (share[:, category] == 1))
            if rows.size:
                logits = bias + change(rows, W - W[:, category, np.newaxis])
                total[rows] += _log_softmax(logits)[:, category]
        rows = np.flatnonzero(~is_known)
        if rows.size:
            without = field[rows] - share[rows] @ W.T
            logits = bias + _changes(machine.hidden, without, largest_shift)(slice(None), W)
            total[rows] += (share[rows] * _log_softmax(logits)).sum(axis=1)
    return total


def _log_softmax(logits: Floats) -> Floats:
    return logits - Softmax().log_partition(logits)


def _groups(unit: Unit, n_units: int) -> list[Integers]:
    """Return the numbers of the units that depend on each other, group by group."""
    together = unit.expand_missing(np.eye(n_units, dtype=bool))
    return [np.flatnonzero(together[first]) for first in np.unique(together.argmax(axis=1))]


# -- hidden units ---------------------------------------------------------------------------------


@singledispatch
def _changes(hidden: Unit, field: Floats, largest_shift: float) -> Change:
    """Return a function change(rows, shift) with a result of shape (n_rows, n_shifts).

    change[r, s] is the sum over the hidden units j of
    log_partition(field[r, j] + shift[j, s]) - log_partition(field[r, j]); `rows` index the fields.
    """

    def change(rows: Selection, shift: Floats) -> Floats:
        start = field[rows]
        result = np.empty((len(start), shift.shape[1]), dtype=field.dtype)
        for piece, columns in _pieces(*result.shape, len(shift)):
            before = start[piece, np.newaxis, :]
            gain = hidden.log_partition(before + shift[:, columns].T) - hidden.log_partition(before)
            result[piece, columns] = gain.sum(axis=2)
        return result

    return change


@_changes.register
def _(hidden: Gaussian, field: Floats, largest_shift: float) -> Change:
    # The log-partition is half the squared field.
    return lambda rows, shift: field[rows] @ shift + 0.5 * (shift * shift).sum(axis=0)


@_changes.register
def _(hidden: Bernoulli, field: Floats, largest_shift: float) -> Change:
    dtype = _wide_enough(field.dtype, _GROUP_SIZE * largest_shift)
    if dtype is None:
        return _changes.dispatch(object)(hidden, field, largest_shift)
    n_rows, n_units = field.shape
    n_groups = -(-n_units // _GROUP_SIZE)
    # Units without field or shift fill the last group: they change nothing.
    padded: Floats = np.zeros((n_rows, n_groups * _GROUP_SIZE), dtype=dtype)
    padded[:, :n_units] = field
    padded = padded.reshape(n_rows, n_groups, _GROUP_SIZE)
    states = hidden.states(0, hidden.n_states(_GROUP_SIZE), _GROUP_SIZE).astype(dtype)
    # log p(0) and log p(1) each in its own form: 1 - p would lose the small ones.
    log_zero, log_one = -hidden.log_partition(padded), -hidden.log_partition(-padded)
    p = _without_denormals(np.exp(log_zero @ (1 - states).T + log_one @ states.T))

    def change(rows: Selection, shift: Floats) -> Floats:
        grouped = np.zeros((n_groups * _GROUP_SIZE, shift.shape[1]), dtype=dtype)
        grouped[:n_units] = shift
        exponents = states @ grouped.reshape(n_groups, _GROUP_SIZE, -1)
        of_rows = p[rows]
        return _sum_of_log_means([(of_rows[:, k], exponents[k]) for k in range(n_groups)])

    return change


@_changes.register
def _(hidden: Softmax, field: Floats, largest_shift: float) -> Change:
    dtype = _wide_enough(field.dtype, largest_shift)
    if dtype is None:
        return _changes.dispatch(object)(hidden, field, largest_shift)
    p = _without_denormals(hidden.mean(field.astype(dtype)))
    groups = _groups(hidden, field.shape[1])

    def change(rows: Selection, shift: Floats) -> Floats:
        of_rows, shift = p[rows], shift.astype(dtype, copy=False)
        return _sum_of_log_means([(of_rows[:, group], shift[group]) for group in groups])

    return change


def _wide_enough(dtype: FloatType, exponent: float) -> FloatType | None:
    """Return the first float dtype from `dtype` on that holds exp of such an exponent, or None."""
    for wider, largest in _LARGEST_EXPONENT.items():
        if wider >= dtype and exponent <= largest:
            return wider
    return None


def _without_denormals(p: Floats) -> Floats:
    """Set to 0, in place, what is too small to matter and would be slow to multiply."""
    p[p < np.finfo(p.dtype).tiny] = 0
    return p


def _sum_of_log_means(groups: list[tuple[Floats, Floats]]) -> Floats:
    """Return the sum over groups (p, exponents) of log(p @ exp(exponents)), by blocks of rows.

    Each p has shape (n_rows, n_states), each array of exponents (n_states, n_shifts). The means of as many
    groups are multiplied as the dtype can hold before the logarithm is taken.
    """
    factors = [(np.exp(exponents), float(np.abs(exponents).max())) for _, exponents in groups]
    p, exponents = groups[0]
    total = np.zeros((len(p), exponents.shape[1]), dtype=p.dtype)
    block_size = max(1, _BLOCK_ELEMENTS // exponents.shape[1])
    for start in range(0, len(total), block_size):
        rows = slice(start, start + block_size)
        _add_log_means(total[rows], [p[rows] for p, _ in groups], factors)
    return total


def _add_log_means(total: Floats, probabilities: list[Floats], factors: list[tuple[Floats, float]]) -> None:
    """Add the sum over groups of log(p @ factor) to `total`, in place."""
    limit = 2 * _LARGEST_EXPONENT[total.dtype]
    product, mean, reached = np.ones_like(total), np.empty_like(total), 0.0
    for p, (factor, exponent) in zip(probabilities, factors, strict=True):
        if reached + exponent > limit:
            total += np.log(product, out=product)
            product[...] = 1
            reached = 0.0
        product *= np.matmul(p, factor, out=mean)
        reached += exponent
    total += np.log(product, out=product)
