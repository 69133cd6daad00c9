"""What the parameter `visible` of an estimator stands for, and whether X fits it."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.base import clone

from skdbn import _validation
from skdbn._rows import blocks_of_rows, weighted_moments
from skdbn.units import UNITS, Bernoulli, Gaussian, Mixed, ReLU, Softmax, Unit, resolve_unit

_FORM = (
    'visible must be a list of pairs (type, columns), such as [("bernoulli", ["a", "b"]), ("gaussian", '
    'slice(2, 5)), ("softmax", [["c", "d"], ["e", "f", "g"]])], where a type is a Unit or one of '
    f"{', '.join(map(repr, UNITS))}"
)
# Levels of a category are written as shares now and then, which need not add up to the last digit.
_GROUP_TOLERANCE = 1e-3
_N_NAMED = 5


class _Columns:
    """The columns of X: their number and names, and what their users call them."""

    def __init__(self, n_columns, names=None, frame=None):
        self.n_columns = n_columns
        self.names = None if names is None else [str(name) for name in names]
        self.frame = frame

    def numbers(self, key):
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

    def _numbers_of_slice(self, key):
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

    def _numbers_of_mask(self, mask):
        if len(mask) != self.n_columns:
            raise ValueError(
                f"visible: a mask of {len(mask)} columns was given, but X has {self.n_columns}."
            )
        return np.flatnonzero(mask).tolist()

    def _number(self, key):
        if isinstance(key, str):
            return self._number_of_name(key)
        if not -self.n_columns <= key < self.n_columns:
            raise ValueError(f"visible: column {key} was asked for, but X has {self.n_columns} columns.")
        return int(key) % self.n_columns

    def _number_of_name(self, name):
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

    def describe(self, numbers):
        """Return the first columns by name, or number, and how many more there are."""
        labels = [repr(self.names[i]) if self.names else str(int(i)) for i in numbers]
        more = f" and {len(labels) - _N_NAMED} more" if len(labels) > _N_NAMED else ""
        return ", ".join(labels[:_N_NAMED]) + more


def _is_scalar(key):
    return isinstance(key, (str, Integral, np.bool_))


def _kind(key):
    return str if isinstance(key, str) else bool if isinstance(key, (bool, np.bool_)) else int


def _as_list(key):
    """Return the elements of a list, array or index, all of them numbers or names."""
    try:
        keys = list(key)
    except TypeError:
        keys = [None]
    if not all(_is_scalar(key) for key in keys):
        raise ValueError(f"{_FORM}. These are no columns: {key!r}.")
    return keys


# -- from what the user gives to units -------------------------------------------------------------


def visible_from_columns(specification, n_features, feature_names=None, frame=None):
    """Return the Mixed units of pairs (type, columns), given in any form that ColumnTransformer takes.

    The columns of "softmax" are a list of groups, one for each categorical variable; a flat list is a
    single group. `frame` is what a function that selects columns is called with.
    """
    if not isinstance(specification, (list, tuple)):
        raise ValueError(f"{_FORM}; got {specification!r}.")
    columns = _Columns(n_features, feature_names, frame)
    parts = [_part(entry, columns) for entry in specification]
    parts = [(unit, numbers) for unit, numbers in parts if numbers]  # a selector may find nothing
    _check_cover([number for _, numbers in parts for number in numbers], columns)
    return Mixed(parts)


def _part(entry, columns):
    """Return (unit or its name, column numbers)."""
    if not isinstance(entry, (list, tuple)) or len(entry) != 2:
        raise ValueError(f"{_FORM}; got {entry!r}.")
    unit, key = entry
    if not (unit in UNITS if isinstance(unit, str) else isinstance(unit, Unit)):
        raise ValueError(f"{_FORM}; got the type {unit!r}.")
    if callable(key):
        key = key(columns.frame)
    takes_groups = isinstance(resolve_unit(unit), Softmax) and resolve_unit(unit).groups is None
    return _softmax_part(unit, key, columns) if takes_groups else (unit, columns.numbers(key))


def _softmax_part(unit, key, columns):
    """Return (Softmax with the groups as numbers within the part, column numbers)."""
    is_list = np.iterable(key) and not isinstance(key, str) and not all(map(_is_scalar, key))
    groups = [columns.numbers(group) for group in (key if is_list else [key])]
    groups = [group for group in groups if group]
    ends = np.cumsum([len(group) for group in groups], dtype=int)
    within = [list(range(end - len(group), end)) for group, end in zip(groups, ends.tolist(), strict=True)]
    unit = clone(resolve_unit(unit)).set_params(groups=within)
    return unit, [number for group in groups for number in group]


def _check_cover(numbers, columns):
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


def resolve_visible(visible, X, values, feature_names=None, frame=None):
    """Return the units that a parameter `visible` stands for, or raise if they cannot model X.

    `values` is the range of X (dense or CSR), `frame` what the user passed as X.
    """
    if isinstance(visible, str) and visible == "auto":
        are_means = _validation.are_within_unit_interval(values, X.dtype)
        return Bernoulli() if are_means else Gaussian()
    if isinstance(visible, (list, tuple)):
        frame = X if frame is None else frame
        visible = visible_from_columns(visible, X.shape[1], feature_names, frame)
    visible = resolve_unit(visible)
    columns = _Columns(X.shape[1], feature_names)
    if isinstance(visible, Mixed):
        _check_parts(visible, X, columns)
    else:
        _check_layer(visible, X, values, columns)
    return visible


def check_normalisable(visible, hidden):
    """Raise if two layers have no joint distribution, since neither is bounded."""
    if visible.bounded or hidden.bounded:
        return
    raise ValueError(
        f"{_unbounded(visible, 'visible')} and {_unbounded(hidden, 'hidden')} have no normalisable joint "
        "distribution: both are unbounded, so large weights make the energy fall without limit. Use "
        "bernoulli or softmax units in one of the layers."
    )


def _unbounded(unit, layer):
    """Return what an error calls an unbounded layer: its type, or that of its first unbounded part."""
    if not isinstance(unit, Mixed):
        return f'{layer}="{_name(unit)}"'
    parts = [resolve_unit(part) for part, _ in unit.parts]
    name = next(_name(part) for part in parts if not part.bounded)
    return f'the "{name}" part of {layer}'


def _name(unit):
    return type(unit).__name__.lower()


# -- whether the data fit --------------------------------------------------------------------------


def _check_layer(unit, X, values, columns):
    """Raise or warn if a layer of a single type cannot model X."""
    if isinstance(unit, Bernoulli) and not _validation.are_within_unit_interval(values, X.dtype):
        _validation.raise_outside_unit_interval(X, values)
    if isinstance(unit, ReLU) and values[0] < 0:
        raise ValueError(
            f'visible="relu" expects counts or other values >= 0; got min={values[0]:.6g} in X.'
        )
    if isinstance(unit, Gaussian) and unit.has_fixed_scale:
        mean, standard_deviation = weighted_moments(X)
        scale = unit.adapt(mean, standard_deviation).scale_
        _validation.warn_if_not_standardized(standard_deviation, scale)
    if isinstance(unit, Softmax):
        _check_groups(_groups_of(unit, np.arange(X.shape[1])), X, columns)


def _check_parts(mixed, X, columns):
    """Raise or warn if a part of a layer cannot model its columns of X."""
    mean, standard_deviation = weighted_moments(X)
    lows, highs = _ranges_of_columns(X)
    for unit, part_columns in mixed.adapt(mean, standard_deviation).parts_:
        part = np.arange(X.shape[1])[part_columns]
        if isinstance(unit, Bernoulli):
            _check_probabilities(part, lows, highs, columns)
        if isinstance(unit, ReLU):
            _check_not_negative(part, lows, columns)
        if isinstance(unit, Gaussian) and unit.has_fixed_scale:
            _check_spread(part, standard_deviation, unit.scale_, columns)
        if isinstance(unit, Softmax):
            _check_groups(_groups_of(unit, part), X, columns)


def _ranges_of_columns(X):
    """Return the smallest and the largest value of each column."""
    ranges = [(block.min(axis=0), block.max(axis=0)) for _, block in blocks_of_rows(X)]
    lows, highs = zip(*ranges, strict=True)
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _check_probabilities(part, lows, highs, columns):
    slack = _slack(lows.dtype)
    bad = part[(lows[part] < -slack) | (highs[part] > 1 + slack)]
    if bad.size:
        raise ValueError(
            f'The "bernoulli" part of visible expects values in [0, 1]; {bad.size} of its {part.size} '
            f"columns have others: {columns.describe(bad)}. The first has min={lows[bad[0]]:.6g}, "
            f"max={highs[bad[0]]:.6g}. Scale with MinMaxScaler(), binarize with Binarizer(), or move "
            "such columns to a gaussian part."
        )


def _check_not_negative(part, lows, columns):
    bad = part[lows[part] < 0]
    if bad.size:
        raise ValueError(
            f'The "relu" part of visible expects counts or other values >= 0; {bad.size} of its '
            f"{part.size} columns have others: {columns.describe(bad)}. The first has "
            f"min={lows[bad[0]]:.6g}."
        )


def _check_spread(part, standard_deviation, scale, columns):
    ratio = standard_deviation[part] / scale
    bad = part[(ratio > 0) & ((ratio < 0.1) | (ratio > 10))]
    if bad.size:
        warnings.warn(
            f'The "gaussian" part of visible assumes standardized features; {bad.size} of its {part.size} '
            f"columns have std outside [0.1, 10] times the given scale: {columns.describe(bad)}. "
            'Use StandardScaler(), or Gaussian(scale="data").',
            UserWarning,
            stacklevel=2,
        )


def _check_groups(groups, X, columns):
    """Raise unless the columns of each group are the probabilities of a category in every row."""
    n_bad = np.zeros(len(groups), dtype=int)
    for _, block in blocks_of_rows(X):
        n_bad += [_n_rows_without_category(block[:, group]) for group in groups]
    if n_bad.any():
        first = np.flatnonzero(n_bad)[0]
        raise ValueError(
            "Softmax units expect one-hot rows or probabilities: each group of columns within [0, 1] "
            f"and with the sum 1. {n_bad[first]} of {X.shape[0]} rows are not so in the group of "
            f"{columns.describe(groups[first])}. Encode the category with OneHotEncoder(), without drop "
            "and with no unknown category in training, or add a column for the level that is missing."
        )


def _n_rows_without_category(x):
    is_category = np.abs(x.sum(axis=1) - 1) <= _GROUP_TOLERANCE
    is_category &= (x >= -_slack(x.dtype)).all(axis=1)  # with the sum 1, none is above 1 then
    return len(x) - int(is_category.sum())


def _slack(dtype):
    """Return how far values may be outside [0, 1]: as in `are_within_unit_interval`."""
    return 4 * np.finfo(dtype).eps


def _groups_of(unit, columns):
    """Return the columns of each group: those that are missing together."""
    groups, left = [], np.ones(columns.size, dtype=bool)
    while left.any():
        first = np.arange(columns.size) == np.argmax(left)
        members = unit.expand_missing(first[np.newaxis])[0]
        groups.append(columns[members])
        left &= ~members
    return groups
