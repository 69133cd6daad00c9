"""What the parameter `visible` of an estimator stands for, and whether X fits it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from skdbn import _validation
from skdbn._columns import Columns, visible_from_columns
from skdbn._rows import blocks_of_rows, weighted_moments
from skdbn._typing import Floats, FloatType, Integers, Matrix
from skdbn._validation import Range
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax, Unit, resolve_unit

# Levels of a category are written as shares now and then, which need not add up to the last digit.
_GROUP_TOLERANCE = 1e-3


def resolve_visible(
    visible: Any, X: Matrix, values: Range, feature_names: Iterable[str] | None = None, frame: Any = None
) -> Unit:
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
    columns = Columns(X.shape[1], feature_names)
    if isinstance(visible, Mixed):
        _check_parts(visible, X, columns)
    else:
        _check_layer(visible, X, values, columns)
    return visible


def check_normalisable(visible: Unit, hidden: Unit) -> None:
    """Raise if two layers have no joint distribution, since neither is bounded."""
    if visible.bounded or hidden.bounded:
        return
    raise ValueError(
        f"{_unbounded(visible, 'visible')} and {_unbounded(hidden, 'hidden')} have no normalisable joint "
        "distribution: both are unbounded, so large weights make the energy fall without limit. Use "
        "bernoulli or softmax units in one of the layers."
    )


def _unbounded(unit: Unit, layer: str) -> str:
    """Return what an error calls an unbounded layer: its type, or that of its first unbounded part."""
    if not isinstance(unit, Mixed):
        return f'{layer}="{_name(unit)}"'
    parts = [resolve_unit(part) for part, _ in unit.parts]
    name = next(_name(part) for part in parts if not part.bounded)
    return f'the "{name}" part of {layer}'


def _name(unit: str | Unit) -> str:
    return type(unit).__name__.lower()


# -- whether the data fit --------------------------------------------------------------------------


def _check_layer(unit: Unit, X: Matrix, values: Range, columns: Columns) -> None:
    """Raise or warn if a layer of a single type cannot model X."""
    if isinstance(unit, Bernoulli):
        _check_scaled_probabilities(unit, X, values)
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


def _check_scaled_probabilities(unit: Bernoulli, X: Matrix, values: Range) -> None:
    """Raise unless the values are shares of the scale of Bernoulli units."""
    unit.adapt(np.zeros(1), np.zeros(1))  # raises for a scale that is none
    if isinstance(unit.scale, str):  # "data"
        if values[0] < 0:
            raise ValueError(f'Bernoulli(scale="data") expects values >= 0; got min={values[0]:.6g} in X.')
        return
    if _validation.are_within_unit_interval((values[0] / unit.scale, values[1] / unit.scale), X.dtype):
        return
    if unit.scale != 1:
        raise ValueError(
            f"Bernoulli(scale={unit.scale}) expects values in [0, {unit.scale}]; got min={values[0]:.6g}, "
            f"max={values[1]:.6g} in X."
        )
    _validation.raise_outside_unit_interval(X, values)


def _check_parts(mixed: Mixed, X: Matrix, columns: Columns) -> None:
    """Raise or warn if a part of a layer cannot model its columns of X."""
    mean, standard_deviation = weighted_moments(X)
    lows, highs = _ranges_of_columns(X)
    for unit, part_columns in mixed.adapt(mean, standard_deviation).parts_:
        part = np.arange(X.shape[1])[part_columns]
        if isinstance(unit, Bernoulli):
            scale = getattr(unit, "scale_", 1)
            upper = 0 * highs[part] if unit.scale == "data" else highs[part] / scale
            _check_probabilities(part, lows[part] / scale, upper, columns)
        if isinstance(unit, ReLU):
            _check_not_negative(part, lows, columns)
        if isinstance(unit, Gaussian) and unit.has_fixed_scale:
            _check_spread(part, standard_deviation, unit.scale_, columns)
        if isinstance(unit, Softmax):
            _check_groups(_groups_of(unit, part), X, columns)


def _ranges_of_columns(X: Matrix) -> tuple[Floats, Floats]:
    """Return the smallest and the largest value of each column, 0 where a process has no rows."""
    if not X.shape[0]:
        return np.zeros(X.shape[1]), np.zeros(X.shape[1])
    ranges = [(block.min(axis=0), block.max(axis=0)) for _, block in blocks_of_rows(X)]
    lows, highs = zip(*ranges, strict=True)
    return np.min(lows, axis=0), np.max(highs, axis=0)


def _check_probabilities(part: Integers, lows: Floats, highs: Floats, columns: Columns) -> None:
    slack = _slack(lows.dtype)
    bad = np.flatnonzero((lows < -slack) | (highs > 1 + slack))
    if bad.size:
        raise ValueError(
            f'The "bernoulli" part of visible expects values in [0, 1]; {bad.size} of its {part.size} '
            f"columns have others: {columns.describe(part[bad])}. The first has min={lows[bad[0]]:.6g}, "
            f"max={highs[bad[0]]:.6g}. Scale with MinMaxScaler(), binarize with Binarizer(), or move "
            "such columns to a gaussian part."
        )


def _check_not_negative(part: Integers, lows: Floats, columns: Columns) -> None:
    bad = part[lows[part] < 0]
    if bad.size:
        raise ValueError(
            f'The "relu" part of visible expects counts or other values >= 0; {bad.size} of its '
            f"{part.size} columns have others: {columns.describe(bad)}. The first has "
            f"min={lows[bad[0]]:.6g}."
        )


def _check_spread(part: Integers, standard_deviation: Floats, scale: Floats, columns: Columns) -> None:
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


def _check_groups(groups: list[Integers], X: Matrix, columns: Columns) -> None:
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


def _n_rows_without_category(x: Floats) -> int:
    is_category = np.abs(x.sum(axis=1) - 1) <= _GROUP_TOLERANCE
    is_category &= (x >= -_slack(x.dtype)).all(axis=1)  # with the sum 1, none is above 1 then
    return len(x) - int(is_category.sum())


def _slack(dtype: FloatType) -> float:
    """Return how far values may be outside [0, 1]: as in `are_within_unit_interval`."""
    return 4 * float(np.finfo(dtype).eps)


def _groups_of(unit: Softmax, columns: Integers) -> list[Integers]:
    """Return the columns of each group: those that are missing together."""
    groups, left = [], np.ones(columns.size, dtype=bool)
    while left.any():
        first = np.arange(columns.size) == np.argmax(left)
        members = unit.expand_missing(first[np.newaxis])[0]
        groups.append(columns[members])
        left &= ~members
    return groups
