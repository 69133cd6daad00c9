"""A type of units for each column of X, given in the way of a ColumnTransformer."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
from sklearn.base import clone

from skdbn.units import UNITS, Mixed, Softmax, Unit, resolve_unit

Key: TypeAlias = Any  # whatever ColumnTransformer takes for columns

_FORM = (
    'visible must be a list of pairs (type, columns), such as [("bernoulli", ["a", "b"]), ("gaussian", '
    'slice(2, 5)), ("softmax", [["c", "d"], ["e", "f", "g"]])], where a type is a Unit or one of '
    f"{', '.join(map(repr, UNITS))}"
)
_N_NAMED = 5


def visible_from_columns(
    specification: object, n_features: int, feature_names: Iterable[str] | None = None, frame: Any = None
) -> Mixed:
    """Return the Mixed units of pairs (type, columns), given in any form that ColumnTransformer takes.

    The columns of "softmax" are a list of groups, one for each categorical variable; a flat list is a
    single group. `frame` is what a function that selects columns is called with.
    """
    if not isinstance(specification, (list, tuple)):
        raise ValueError(f"{_FORM}; got {specification!r}.")
    columns = Columns(n_features, feature_names, frame)
    parts = [_part(entry, columns) for entry in specification]
    parts = [(unit, numbers) for unit, numbers in parts if numbers]  # a selector may find nothing
    _check_cover([number for _, numbers in parts for number in numbers], columns)
    return Mixed(parts)


def _part(entry: Any, columns: Columns) -> tuple[str | Unit, list[int]]:
    """Return (unit or its name, column numbers)."""
    if not isinstance(entry, (list, tuple)) or len(entry) != 2:
        raise ValueError(f"{_FORM}; got {entry!r}.")
    unit, key = entry
    if not (unit in UNITS if isinstance(unit, str) else isinstance(unit, Unit)):
        raise ValueError(f"{_FORM}; got the type {unit!r}.")
    if callable(key):
        key = key(columns.frame)
    resolved = resolve_unit(unit)
    takes_groups = isinstance(resolved, Softmax) and resolved.groups is None
    return _softmax_part(unit, key, columns) if takes_groups else (unit, columns.numbers(key))


def _softmax_part(unit: str | Unit, key: Key, columns: Columns) -> tuple[Unit, list[int]]:
    """Return (Softmax with the groups as numbers within the part, column numbers)."""
    is_list = np.iterable(key) and not isinstance(key, str) and not all(map(_is_scalar, key))
    groups = [columns.numbers(group) for group in (key if is_list else [key])]
    groups = [group for group in groups if group]
    ends = np.cumsum([len(group) for group in groups], dtype=int)
    within = [list(range(end - len(group), end)) for group, end in zip(groups, ends.tolist(), strict=True)]
    unit = clone(resolve_unit(unit)).set_params(groups=within)
    return unit, [number for group in groups for number in group]


def _check_cover(numbers: list[int], columns: Columns) -> None:
    """Raise unless every column is there once."""
    counts = np.bincount(np.array(numbers, dtype=int), minlength=columns.n_columns)
    missing, repeated = np.flatnonzero(counts == 0), np.flatnonzero(counts > 1)
    if missing.size:
        raise ValueError(
            f"visible leaves out {missing.size} of {columns.n_columns} columns of X: "
            f"{columns.describe(missing)}. Give them a type, or drop them from X."
        )
    if repeated.size:
        raise ValueError(
            f"visible has {repeated.size} of {columns.n_columns} columns of X more than once: "
            f"{columns.describe(repeated)}. Leave each in one place."
        )


class Columns:
    """The columns of X: their number and names, and what their users call them."""

    def __init__(self, n_columns: int, names: Iterable[str] | None = None, frame: Any = None) -> None:
        self.n_columns = n_columns
        self.names = None if names is None else [str(name) for name in names]
        self.frame = frame

    def numbers(self, key: Key) -> list[int]:
        """Return the column numbers that a key of any accepted form stands for, in its order."""
        if callable(key):
            return self.numbers(key(self.frame))
        if isinstance(key, slice):
            return self._numbers_of_slice(key)
        keys = [key] if _is_scalar(key) else _as_list(key)
        kinds = {_kind(key) for key in keys}
        if len(kinds) > 1:
            raise ValueError(f"{_FORM}. These columns are of several kinds: {key!r}.")
        return self._numbers_of_mask(keys) if kinds == {bool} else [self._number(key) for key in keys]

    def _numbers_of_slice(self, key: slice) -> list[int]:
        bounds = [bound for bound in (key.start, key.stop) if bound is not None]
        if len({_kind(bound) for bound in bounds}) > 1 or not all(map(_is_scalar, bounds)):
            raise ValueError(f"{_FORM}. The ends of a slice must be two numbers or two names: {key!r}.")
        if not any(isinstance(bound, str) for bound in bounds):
            return list(range(self.n_columns)[key])
        if key.step not in (None, 1):
            raise ValueError(f"The step of {key!r} must be 1: it is a range of column names.")
        # As in pandas, and in ColumnTransformer, a range of names has both ends.
        start = 0 if key.start is None else self._number(key.start)
        stop = self.n_columns if key.stop is None else self._number(key.stop) + 1
        return list(range(start, stop))

    def _numbers_of_mask(self, mask: list[bool]) -> list[int]:
        if len(mask) != self.n_columns:
            raise ValueError(
                f"visible: a mask of {len(mask)} columns was given, but X has {self.n_columns}."
            )
        return np.flatnonzero(mask).tolist()

    def _number(self, key: Key) -> int:
        if isinstance(key, str):
            return self._number_of_name(key)
        if not -self.n_columns <= key < self.n_columns:
            raise ValueError(f"visible: column {key} was asked for, but X has {self.n_columns} columns.")
        return int(key) % self.n_columns

    def _number_of_name(self, name: str) -> int:
        if self.names is None:
            raise ValueError(
                f"visible: column {name!r} was asked for, but X has no column names; use numbers, or "
                "give X as a data frame."
            )
        n_found = self.names.count(name)
        if n_found != 1:
            found = f"X has {n_found} columns" if n_found else "X has no column"
            raise ValueError(f"visible: column {name!r} was asked for, but {found} of that name.")
        return self.names.index(name)

    def describe(self, numbers: Iterable[int]) -> str:
        """Return the first columns by name, or number, and how many more there are."""
        labels = [repr(self.names[i]) if self.names else str(int(i)) for i in numbers]
        more = f" and {len(labels) - _N_NAMED} more" if len(labels) > _N_NAMED else ""
        return ", ".join(labels[:_N_NAMED]) + more


def _is_scalar(key: Key) -> bool:
    return isinstance(key, (str, Integral, np.bool_))


def _kind(key: Key) -> type:
    return str if isinstance(key, str) else bool if isinstance(key, (bool, np.bool_)) else int


def _as_list(key: Key) -> list[Key]:
    """Return the elements of a list, array or index, all of them numbers or names."""
    try:
        keys = list(key)
    except TypeError:
        keys = [None]
    if not all(_is_scalar(key) for key in keys):
        raise ValueError(f"{_FORM}. These are no columns: {key!r}.")
    return keys
