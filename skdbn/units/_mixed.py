"""Layers whose units are of several types."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from skdbn._typing import Array, Booleans, Floats, Integers, Rng
from skdbn.units._base import Unit
from skdbn.units._registry import UNITS, resolve_unit

Columns: TypeAlias = slice | Integers


class Mixed(Unit):
    """Units of several types in one layer: each part has its own columns.

    Given the other layer, units are independent whatever their types, so everything is computed
    part by part. A layer is bounded if all its parts are.

    Parameters
    ----------
    parts : list of tuples (unit, columns)
        Type of the units, by name or as an object, and the numbers of its columns. Together the
        parts have every column once. The k-th unit of a part is the k-th of its columns, so the
        groups of a `Softmax` and the scales of a `Gaussian` count within the part.

    Attributes
    ----------
    parts_ : list of tuples (Unit, slice or ndarray of int)
        The parts with what they took from the training data. Only on `visible_` of a fitted
        estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.units import Mixed
    >>> unit = Mixed([("bernoulli", [0, 2]), ("gaussian", [1])])
    >>> unit.mean(np.array([[0.0, 5.0, 1.0]])).round(3)
    array([[0.5  , 5.   , 0.731]])
    """

    parts_: list[tuple[Unit, Columns]]  # after `adapt`

    def __init__(self, parts: Sequence[tuple[str | Unit, npt.ArrayLike]]) -> None:
        self.parts = parts

    def adapt(self, mean: Floats, standard_deviation: Floats) -> Mixed:
        """Return a copy with `parts_`: each part takes what it needs from its own columns."""
        unit = clone(self)
        _check_parts(unit.parts, mean.size)
        unit.parts_ = [
            (part.adapt(mean[columns], standard_deviation[columns]), columns)
            for part, columns in unit._current_parts()
        ]
        return unit

    def _current_parts(self) -> list[tuple[Unit, Columns]]:
        """Return the pairs (unit, slice or integer array)."""
        if hasattr(self, "parts_"):
            return self.parts_
        return [(resolve_unit(part), _compact(columns)) for part, columns in self.parts]

    @property
    def bounded(self) -> bool:  # type: ignore[override]  # an attribute of other types, which nobody sets
        """Whether all parts are."""
        return all(part.bounded for part, _ in self._current_parts())

    def encode(self, x: Floats, out: Floats, rng: Rng | None = None) -> Floats:
        """Write the rows to `out`, each part in its own coordinates."""
        for part, columns in self._current_parts():
            values = _take(x, columns)
            out[..., columns] = part.encode(values, out=np.empty_like(values), rng=rng)
        return out

    def decode(self, x: Floats) -> Floats:
        """Return the rows in the user's units."""
        for part, columns in self._current_parts():
            x[..., columns] = part.decode(_take(x, columns))
        return x

    def to_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Convert the rows of each part; the bias gathers what all of them add."""
        converted = np.empty_like(weights)
        for part, columns in self._current_parts():
            converted[columns], bias = part.to_data_units(weights[columns], bias)
        return converted, bias

    def from_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Undo `to_data_units`."""
        converted = np.empty_like(weights)
        for part, columns in self._current_parts():
            converted[columns], bias = part.from_data_units(weights[columns], bias)
        return converted, bias

    def log_volume(self) -> float:
        """Return the sum over the parts."""
        return sum(part.log_volume() for part, _ in self._current_parts())

    def largest_log_density(self, n_units: int) -> float:
        """Return the sum over the parts."""
        columns_of = np.arange(n_units)
        return sum(
            part.largest_log_density(len(columns_of[columns])) for part, columns in self._current_parts()
        )

    def base_energy(self, x: Floats) -> Floats:
        """Return the sum over the parts."""
        energies = (part.base_energy(_take(x, columns)) for part, columns in self._current_parts())
        return sum(energies, start=np.zeros(len(x), dtype=x.dtype))

    def log_partition(self, field: Floats) -> Floats:
        """Return the columns of the first part, then those of the second, and so on."""
        values = [part.log_partition(_take(field, columns)) for part, columns in self._current_parts()]
        return np.concatenate(values, axis=-1)

    # Results are copied to `out` and not written there by the parts: the random generators of numpy
    # want contiguous arrays, which the columns of a part are not.

    def mean(self, field: Floats, out: Floats | None = None) -> Floats:
        """Return the means of each part."""
        out = np.empty_like(field) if out is None else out
        for part, columns in self._current_parts():
            out[..., columns] = part.mean(_take(field, columns))
        return out

    def variance(self, mean: Floats, out: Floats | None = None) -> Floats:
        """Return the variances of each part."""
        out = np.empty_like(mean) if out is None else out
        for part, columns in self._current_parts():
            out[..., columns] = part.variance(_take(mean, columns))
        return out

    def sample_from_mean(self, mean: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw each part given its means."""
        out = np.empty_like(mean) if out is None else out
        for part, columns in self._current_parts():
            out[..., columns] = part.sample_from_mean(_take(mean, columns), rng)
        return out

    def sample(self, field: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw each part given its fields."""
        out = np.empty_like(field) if out is None else out
        for part, columns in self._current_parts():
            out[..., columns] = part.sample(_take(field, columns), rng)
        return out

    def mean_and_sample(self, field: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Turn the fields of each part into means, in place, and draw it."""
        out = np.empty_like(field) if out is None else out
        for part, columns in self._current_parts():
            values = _take(field, columns)
            out[..., columns] = part.mean_and_sample(values, rng)
            field[..., columns] = values
        return out

    def bias_from_mean(self, mean: Floats) -> Floats:
        """Return the biases of each part."""
        bias = np.empty_like(mean)
        for part, columns in self._current_parts():
            bias[columns] = part.bias_from_mean(mean[columns])
        return bias

    def backpropagate(self, error: Floats, mean: Floats, work: Floats) -> Floats:
        """Turn the derivatives by the means of each part into those by its fields, in place."""
        for part, columns in self._current_parts():
            arrays = (_take(array, columns) for array in (error, mean, work))
            error[..., columns] = part.backpropagate(*arrays)
        return error

    def drawn_exactly(self) -> Mixed:
        """Return a layer of parts that are drawn exactly."""
        unit = copy.copy(self)
        unit.parts = [(resolve_unit(part).drawn_exactly(), columns) for part, columns in self.parts]
        if hasattr(self, "parts_"):
            unit.parts_ = [(part.drawn_exactly(), columns) for part, columns in self.parts_]
        return unit

    def expand_missing(self, missing: Booleans) -> Booleans:
        """Return the entries to draw of each part."""
        expanded = np.empty_like(missing)
        for part, columns in self._current_parts():
            expanded[..., columns] = part.expand_missing(_take(missing, columns))
        return expanded

    def n_states(self, n_units: int) -> int | None:
        """Return the product over the parts; None if one of them has infinitely many."""
        n_states = 1
        for part, columns in self._current_parts():
            n_states_of_part = part.n_states(_size(columns))
            if n_states_of_part is None:
                return None
            n_states *= n_states_of_part
        return n_states

    def states(self, start: int, stop: int, n_units: int) -> Floats:
        """Return states in which the first part changes fastest."""
        numbers: Integers = np.arange(start, stop)
        states = np.empty((stop - start, n_units))
        for part, columns in self._current_parts():
            n_states = part.n_states(_size(columns))
            if n_states is None:
                return super().states(start, stop, n_units)  # which raises
            numbers, digits = np.divmod(numbers, n_states)
            states[:, columns] = _states_at(part, digits, _size(columns))
        return states

    def log_scales(self) -> Floats:
        """Return those of the parts, one after the other."""
        # Without the empty ones, which would turn float32 into float64.
        learned = [scales for part, _ in self._current_parts() if (scales := part.log_scales()).size]
        return np.concatenate(learned) if learned else super().log_scales()

    def set_log_scales(self, log_scales: Floats) -> None:
        """Give each part its stretch, as a view: what it corrects in place reaches the caller."""
        start = 0
        for part, _ in self._current_parts():
            stop = start + part.log_scales().size
            part.set_log_scales(log_scales[start:stop])
            start = stop

    def log_scale_gradient(self, x: Floats, field: Floats, weights: Floats) -> Floats:
        """Return those of the parts, one after the other."""
        gradients = [
            part.log_scale_gradient(_take(x, columns), _take(field, columns), weights)
            for part, columns in self._current_parts()
        ]
        return np.concatenate(gradients)


def _compact(columns: npt.ArrayLike) -> Columns:
    """Return a slice, which costs no copies, if the columns are neighbours in ascending order."""
    columns = np.asarray(columns)
    if (np.diff(columns) == 1).all():
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns


def _size(columns: Columns) -> int:
    return columns.stop - columns.start if isinstance(columns, slice) else columns.size


def _take(x: Array, columns: Columns) -> Array:
    """Return a view for a slice, else a C-ordered copy (which x[..., columns] would not be)."""
    return x[..., columns] if isinstance(columns, slice) else np.take(x, columns, axis=-1)


def _states_at(part: Unit, numbers: Integers, n_units: int) -> Floats:
    """Return the states of the given numbers, without holding all states of the part.

    Distinct numbers of a block of a mixed-radix count are at most two runs of neighbours.
    """
    distinct, positions = np.unique(numbers, return_inverse=True)
    runs = np.split(distinct, np.flatnonzero(np.diff(distinct) > 1) + 1)
    states = [part.states(int(run[0]), int(run[-1]) + 1, n_units) for run in runs]
    return np.concatenate(states)[positions]


def _check_parts(parts: Any, n_units: int) -> None:
    """Raise unless the parts are of known types and have every column once."""
    is_list = isinstance(parts, (list, tuple)) and len(parts)
    if not is_list or any(not isinstance(pair, (list, tuple)) or len(pair) != 2 for pair in parts):
        raise ValueError(f"Mixed(parts): parts must be a list of pairs (unit, columns); got {parts!r}.")
    for part, columns in parts:
        _check_part(part, np.asarray(columns), n_units)
    counts = np.bincount(np.concatenate([columns for _, columns in parts]), minlength=n_units)
    for wrong, what in ((counts == 0, "no part"), (counts > 1, "more than one place")):
        if wrong.any():
            raise ValueError(
                f"Mixed(parts): column {np.flatnonzero(wrong)[0]} is in {what} ({wrong.sum()} such "
                f"columns of {n_units}); the parts must have every column once."
            )


def _check_part(part: Any, columns: Array, n_units: int) -> None:
    is_known = part in UNITS if isinstance(part, str) else isinstance(part, Unit)
    if not is_known:
        raise ValueError(
            f"Mixed(parts): {part!r}, given for columns {columns.tolist()}, is neither a Unit nor one of "
            f"{', '.join(map(repr, UNITS))}."
        )
    if columns.dtype.kind not in "iu" or columns.ndim != 1 or not columns.size:
        raise ValueError(
            f"Mixed(parts): the columns of {part!r} must be column numbers, one or more; "
            f"got {columns.tolist()}."
        )
    outside = columns[(columns < 0) | (columns >= n_units)]
    if outside.size:
        raise ValueError(
            f"Mixed(parts): column {outside[0]} of {part!r} is outside the range from 0 to {n_units - 1}."
        )
