"""Categorical units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache, reduce
from math import prod
from numbers import Integral
from typing import NamedTuple

import numpy as np

from skdbn._typing import Array, Booleans, Floats, Integers, Rng
from skdbn.units._indicator import Indicator

# A category that never occurs would have the bias -infinity. This share of the uniform one keeps it rare
# and still learnable.
_SMALLEST_SHARE = 1e-3

# For so few units a group, one operation for each is up to 10 times faster than a reduction.
_WIDTH_OF_SMALL_GROUPS = 16


class Softmax(Indicator):
    r"""Units in groups of which exactly one is 1: categorical variables, one-hot coded.

    The unit i of a group G is 1 with probability
    :math:`p_i = e^{x_i} / \sum_{k \in G} e^{x_k}`, with x the fields. The base energy is 0 and the
    log-partition of a group :math:`\log \sum_{k \in G} e^{x_k}`. As visible units [1]_ they model one-hot
    coded categories (`sklearn.preprocessing.OneHotEncoder`) and class labels; as hidden units, clusters.

    Parameters
    ----------
    groups : None, int or list of lists of int, default=None
        Which units belong together: all of them (None), each run of that many consecutive ones (int), or
        the numbers of the units of each group, which name every unit once.

    redraw : bool, default=True
        How probabilities strictly inside (0, 1) are presented in training: drawn anew each time the row
        is seen (True) or as they are (False); see `Bernoulli`. One-hot rows are the same either way.
        A group of zeros (a category that the encoder did not know) stays as it is.

    References
    ----------
    .. [1] Salakhutdinov, R., Mnih, A. and Hinton, G. (2007). Restricted Boltzmann machines for
           collaborative filtering. ICML. :doi:`10.1145/1273496.1273596`

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.units import Softmax
    >>> Softmax(groups=[[0, 1], [2, 3, 4]]).mean(np.array([[0.0, 0.0, 1.0, 1.0, 1.0]])).round(3)
    array([[0.5  , 0.5  , 0.333, 0.333, 0.333]])
    """

    def __init__(self, groups: int | Iterable[Iterable[int]] | None = None, redraw: bool = True) -> None:
        self.groups = groups
        self.redraw = redraw

    def _layout(self, n_units: int) -> _Layout:
        """Return which units belong together in a layer of `n_units`."""
        groups = self.groups
        if groups is None or isinstance(groups, (int, Integral)):
            return _consecutive_groups(n_units, groups)
        if not all(isinstance(group, Iterable) for group in groups):
            raise ValueError(
                f"Softmax(groups={groups!r}): groups must be None, a number or a list of lists."
            )
        return _listed_groups(n_units, tuple(tuple(group) for group in groups))

    def log_partition(self, field: Floats) -> Floats:
        """Return log sum exp(field) of each group: (..., n_groups)."""
        layout = self._layout(field.shape[-1])
        highest = layout.reduce(np.maximum, field)
        powers = np.subtract(field, layout.spread(highest))
        total = layout.reduce(np.add, np.exp(powers, out=powers))
        total = np.log(total, out=total)
        total += highest
        return total

    def mean(self, field: Floats, out: Floats | None = None) -> Floats:
        """Return the probabilities of the categories."""
        layout = self._layout(field.shape[-1])
        out = np.subtract(field, layout.spread(layout.reduce(np.maximum, field)), out=out)
        np.exp(out, out=out)
        out /= layout.spread(layout.reduce(np.add, out))
        return out

    def sample_from_mean(self, mean: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw one category of each group, with probabilities proportional to the means."""
        layout = self._layout(mean.shape[-1])
        out = np.empty_like(mean) if out is None else out
        return layout.restore(_draw_categories(layout.permute(mean), layout, rng), out)

    def bias_from_mean(self, mean: Floats) -> Floats:
        """Return the logarithms of the means, clipped so that a category never seen stays finite."""
        layout = self._layout(mean.shape[-1])
        sizes = layout.spread(layout.sizes)
        return np.log(np.maximum(mean, (_SMALLEST_SHARE / sizes).astype(mean.dtype)))

    def backpropagate(self, error: Floats, mean: Floats, work: Floats) -> Floats:
        """Multiply the errors by the covariance: p_i * (error_i - sum_k p_k error_k)."""
        layout = self._layout(mean.shape[-1])
        np.multiply(mean, error, out=work)
        error -= layout.spread(layout.reduce(np.add, work))
        error *= mean
        return error

    def expand_missing(self, missing: Booleans) -> Booleans:
        """Return the units of all groups of which some unit is missing."""
        layout = self._layout(missing.shape[-1])
        return layout.spread(layout.reduce(np.logical_or, missing))

    def n_states(self, n_units: int) -> int:
        """Return the product of the sizes of the groups."""
        return prod(self._layout(n_units).sizes.tolist())

    def states(self, start: int, stop: int, n_units: int) -> Floats:
        """Return the digits of the numbers, one-hot coded; that of the first group changes fastest."""
        layout = self._layout(n_units)
        numbers: Integers = np.arange(start, stop)
        rows = np.arange(len(numbers))
        states = np.zeros((len(numbers), n_units))
        for first, size in zip(layout.starts, layout.sizes, strict=True):
            numbers, category = np.divmod(numbers, size)
            states[rows, layout.order[first + category]] = 1
        return states


class _Layout(NamedTuple):
    """How the units of a layer are put in groups."""

    order: Integers  # (n_units,) the units, group after group
    starts: Integers  # (n_groups,) where each group starts in this order
    sizes: Integers  # (n_groups,)
    group_of: Integers  # (n_units,) the group of each unit
    in_order: bool  # whether the order is that of the layer
    width: int | None  # size of all groups where they are equal and in order, else None

    def permute(self, x: Array) -> Array:
        """Return the columns in the order of the groups."""
        return x if self.in_order else x[..., self.order]

    def restore(self, x: Array, out: Floats) -> Floats:
        """Write the result of `permute` to `out` with the columns in their own order."""
        out[..., slice(None) if self.in_order else self.order] = x
        return out

    def reduce(self, operation: np.ufunc, x: Array) -> Array:
        """Apply a ufunc such as np.add within each group: (..., n_groups)."""
        if self.width:
            n_groups = x.shape[-1] // self.width
            split = x.reshape(*x.shape[:-1], n_groups, self.width)  # a view: splitting an axis never copies
            if self.width <= _WIDTH_OF_SMALL_GROUPS:
                return reduce(operation, [split[..., i] for i in range(1, self.width)], split[..., 0])
            return operation.reduce(split, axis=-1)
        return operation.reduceat(self.permute(x), self.starts, axis=-1)

    def spread(self, x: Array) -> Array:
        """Return for each unit the value of its group."""
        return np.take(x, self.group_of, axis=-1)


@lru_cache(maxsize=32)
def _consecutive_groups(n_units: int, size: int | None) -> _Layout:
    """Return the layout of groups of `size` units each, or of one group."""
    width = n_units if size is None else int(size)
    if width < 1 or n_units % width:
        raise ValueError(f"Softmax(groups={size}): the {n_units} units are no multiple of {size}.")
    starts = np.arange(0, n_units, width)
    order = np.arange(n_units)
    return _Layout(order, starts, np.full_like(starts, width), order // width, True, width)


@lru_cache(maxsize=32)
def _listed_groups(n_units: int, groups: tuple[tuple[int, ...], ...]) -> _Layout:
    """Return the layout of groups given by the numbers of their units."""
    listed = [unit for group in groups for unit in group]
    _check_cover(n_units, groups, listed)
    order = np.array(listed, dtype=np.intp)
    sizes = np.array([len(group) for group in groups])
    group_of = np.empty_like(order)
    group_of[order] = np.repeat(np.arange(len(groups)), sizes)
    starts = np.cumsum(sizes) - sizes
    in_order = bool((order == np.arange(n_units)).all())
    width = int(sizes[0]) if in_order and sizes.min() == sizes.max() else None
    return _Layout(order, starts, sizes, group_of, in_order, width)


def _check_cover(n_units: int, groups: tuple[tuple[int, ...], ...], listed: list[int]) -> None:
    """Raise unless the groups name every unit once."""
    if not all(groups) or not all(isinstance(unit, Integral) for unit in listed):
        raise ValueError("Softmax(groups=...): each group must be a list of one or more numbers of units.")
    times = Counter(listed)
    problems = {
        f"not from 0 to {n_units - 1}": times.keys() - set(range(n_units)),
        "named more than once": {unit for unit, count in times.items() if count > 1},
        "in no group": set(range(n_units)) - times.keys(),
    }
    for problem, units in problems.items():
        if units:
            shown = ", ".join(map(str, sorted(units)[:5])) + (", ..." if len(units) > 5 else "")
            raise ValueError(
                f"Softmax(groups=...) must name each of the {n_units} units once; {problem}: {shown}."
            )


def _draw_categories(p: Floats, layout: _Layout, rng: Rng) -> Booleans:
    """Draw one category of each group; the columns of `p` and of the result are in the layout's order.

    One sum runs over all groups, each of which owns a stretch of it. A point drawn in the stretch falls
    into one category, never into one of probability 0; a group of zeros owns no point and draws nothing.
    """
    cumulative = np.cumsum(p, axis=-1, dtype=np.float64)
    ends = cumulative[..., layout.starts + layout.sizes - 1]
    begins = np.concatenate([np.zeros_like(ends[..., :1]), ends[..., :-1]], axis=-1)
    points = begins + rng.random(ends.shape) * (ends - begins)
    # Rounding may have moved a point to the end of its stretch, which belongs to the next group. Where the
    # stretch is empty, the point stays there.
    np.minimum(points, np.nextafter(ends, begins), out=points)
    beyond = np.repeat(points, layout.sizes, axis=-1) < cumulative
    chosen = beyond.copy()
    chosen[..., 1:] &= ~beyond[..., :-1]
    chosen[..., layout.starts] = beyond[..., layout.starts]
    return chosen
