"""Checks that scikit-learn does not have, and the texts of their errors and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from numbers import Integral, Real
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import validate_data

from skdbn._rows import blocks_of_rows
from skdbn._sklearn_compat import check_sample_weight
from skdbn._streams import RowStream
from skdbn._typing import Array, Booleans, Floats, FloatType, Integers, Matrix, Rng
from skdbn.units import Unit

Range: TypeAlias = tuple[float, float]  # smallest and largest value

# Share of hidden units with a mean activity outside [0.01, 0.99] from which a layer is reported.
_SATURATED_SHARE = 0.9


def check_rows(estimator: BaseEstimator, X: Any, *, reset: bool, **options: Any) -> Matrix:
    """Return X as a dense C-ordered or CSR matrix of float32 or float64; float32 stays float32."""
    if isinstance(X, RowStream):  # checked as it is read
        check_rows(estimator, X.first_rows, reset=reset, ensure_min_samples=0)
        return X.nameless()
    # Not dtype=[float64, float32]: that turns float32 columns of polars and pyarrow into float64.
    options = {"accept_sparse": "csr", "dtype": "numeric", "order": "C", **options}
    if np.ma.is_masked(X):
        raise ValueError(
            "X is a masked array; masks are not heeded. Fill it first: X.filled(value), or "
            "X.filled(np.nan) for `impute`."
        )
    with np.errstate(invalid="ignore"):  # its first look at huge values is their sum, inf - inf at worst
        X = validate_data(estimator, X, reset=reset, **options)
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()  # scipy sorts and sums entries in place at the first use, which would be the user's
        X.sum_duplicates()
    return X if X.dtype in (np.float32, np.float64) else to_dtype(X, np.dtype(np.float64))


def to_dtype(X: Matrix, dtype: FloatType, name: str = "X") -> Matrix:
    """Return X in another dtype, or raise if that has no numbers so large."""
    if X.dtype == dtype:
        return X
    if isinstance(X, RowStream):
        return X.mapped(partial(to_dtype, dtype=dtype, name=name), X.shape[1], dtype)
    with np.errstate(over="ignore"):
        converted = X.astype(dtype)
    entries = converted.data if sparse.issparse(converted) else converted
    if np.isinf(entries).any():  # NaN may be allowed
        raise ValueError(
            f"{name} contains values too large for {dtype}, in which the model computes; scale {name}."
        )
    return converted


def check_answer(answer: Floats, X: Matrix, fitted_range: Range | None = None, name: str = "X") -> Floats:
    """Return what a fitted model says of rows, or raise if rows are so large that some of it is no number.

    It may have one value a row or several. Without a `fitted_range` nothing is said of the training data.
    """
    # The sum tells without another array of this size, unless it overflows itself.
    if np.isfinite(answer.sum(dtype=np.float64)) or np.isfinite(answer).all():
        return answer
    n_bad = np.count_nonzero(~np.isfinite(answer.reshape(len(answer), -1)).all(axis=1))
    low, high = data_range(X)
    fitted = "" if fitted_range is None else " (fitted on [{:.6g}, {:.6g}])".format(*fitted_range)
    raise ValueError(
        f"{name} spans [{low:.6g}, {high:.6g}]{fitted}, which is too large to compute with: what follows "
        f"from {n_bad} of {len(answer)} rows is not finite in {answer.dtype}. Scale {name} as in training."
    )


def drop_rows_without_weight(sample_weight: Any, *arrays: Any) -> tuple[Any, ...]:
    """Check the weights and return (weights or None, *arrays) without the rows of weight 0.

    A row of weight 0 is then, to the letter, a row that is not there.
    """
    weights = check_sample_weight(sample_weight, arrays[0])
    if weights is None or weights.all():
        return weights, *arrays
    kept = np.flatnonzero(weights)
    return weights[kept], *(None if array is None else array[kept] for array in arrays)


def data_range(X: Matrix) -> Range:
    """Return the smallest and largest value of a matrix or a stream."""
    if isinstance(X, RowStream):
        return X.value_range
    return float(X.min()), float(X.max())


def widest(first: Range, second: Range) -> Range:
    """Return the range that spans both ranges."""
    return min(first[0], second[0]), max(first[1], second[1])


def check_weights_have_rows(X_val: Any, sample_weight_val: Any) -> None:
    """Raise if there are weights of rows for validation, but no such rows."""
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val has the weights of X_val, which is not given.")


def make_generator(random_state: int | np.random.RandomState | Rng | None) -> Rng:
    """Return a numpy Generator; the global random state is neither read nor written."""
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31 - 1, size=4))
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        raise ValueError(
            "random_state must be None, an integer >= 0, a RandomState or a Generator; "
            f"got {random_state!r}."
        ) from error


def check_batch_size(batch_size: int | str | None, n_rows: int, *, warn: bool) -> int:
    """Return the number of rows of a batch: 100 batches an epoch if "auto", all rows if None."""
    if batch_size is None:
        return n_rows
    if isinstance(batch_size, str):  # "auto"
        return int(min(n_rows, np.clip(n_rows // 100, 10, 100)))
    if batch_size > n_rows and warn:  # in `partial_fit` a short chunk is nothing unusual
        warnings.warn(
            f"batch_size={batch_size} is larger than n_samples={n_rows}; using {n_rows}.",
            UserWarning,
            stacklevel=2,
        )
    return int(min(batch_size, n_rows))


def check_hidden_layer_sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """Return the sizes as a tuple of positive integers; an integer is one layer."""
    sizes = hidden_layer_sizes
    sizes = (sizes,) if np.ndim(sizes) == 0 else tuple(sizes)
    bad = [size for size in sizes if not isinstance(size, Integral) or isinstance(size, bool) or size < 1]
    if bad or not sizes:
        found = f"got {bad[0]!r} in {hidden_layer_sizes!r}" if bad else "got no layer"
        raise ValueError(f"hidden_layer_sizes must be one or more integers >= 1; {found}.")
    return tuple(int(size) for size in sizes)


def are_within_unit_interval(values: Range, dtype: FloatType) -> bool:
    """Tell whether a range of values is within [0, 1], up to the rounding of a scaler."""
    low, high = values
    slack = 4 * float(np.finfo(dtype).eps)
    return low >= -slack and high <= 1 + slack


def raise_outside_unit_interval(X: Matrix, values: Range) -> NoReturn:
    """Raise because values cannot be the means of Bernoulli units."""
    low, high = values
    blocks = (block for _, block in blocks_of_rows(X))
    counts = low >= 0 and all(np.array_equal(block, np.round(block)) for block in blocks)
    raise ValueError(
        f'visible="bernoulli" expects values in [0, 1]; got min={low:.6g}, max={high:.6g} in X.'
        + (" X looks like counts." if counts else "")
        + " Scale with MinMaxScaler(), binarize with Binarizer(), or use"
        ' visible="gaussian" with StandardScaler().'
    )


def warn_if_not_standardized(standard_deviation: Floats, scale: Floats) -> None:
    """Warn about columns whose spread is far from the fixed scale of Gaussian units."""
    ratio = standard_deviation / scale
    n_off = int(((ratio > 0) & ((ratio < 0.1) | (ratio > 10))).sum())
    if n_off:
        warnings.warn(
            f'visible="gaussian" assumes standardized features; {n_off} of {ratio.size} columns '
            "have std outside [0.1, 10] times the given scale. Use StandardScaler(), or "
            'Gaussian(scale="data").',
            UserWarning,
            stacklevel=2,
        )


def check_hidden(hidden: Unit) -> None:
    """Raise if hidden units ask for a scale: their unit is that of the weights, so it would do nothing."""
    scale = hidden.get_params(deep=False).get("scale")
    if scale is not None and not np.array_equal(scale, type(hidden)().get_params()["scale"]):
        raise ValueError(
            f"hidden={hidden!r}: the scale of hidden units is that of the weights; leave it at its default."
        )


def warn_if_far_outside(X: Matrix, fitted_range: Range, when: str = "predict") -> None:
    """Warn once a call if X reaches more than one range-width beyond the training data.

    A row in ten has to: single values far out are what MinMaxScaler gives for rare features.
    """
    low, high = data_range(X)
    fitted_low, fitted_high = fitted_range
    width = fitted_high - fitted_low
    bounds = fitted_low - width, fitted_high + width
    if width > 0 and widest((low, high), bounds) != bounds and _share_of_rows_outside(X, bounds) >= 0.1:
        warnings.warn(
            f"X at {when} time spans [{low:.6g}, {high:.6g}] but the model was fitted on "
            f"[{fitted_low:.6g}, {fitted_high:.6g}]; was the scaler applied?",
            UserWarning,
            stacklevel=2,
        )


def _share_of_rows_outside(X: Matrix, bounds: Range) -> float:
    low, high = bounds
    n_outside = sum(
        np.count_nonzero((block.min(axis=1) < low) | (block.max(axis=1) > high))
        for _, block in blocks_of_rows(X)
    )
    return n_outside / X.shape[0]


def warn_if_saturated(hidden_mean: Floats, layer: str, *, binary: bool = True) -> None:
    """Warn if nearly all hidden units have the same value for all rows.

    Only of binary units do means near 0 and 1 tell that they are saturated.
    """
    if not len(hidden_mean):  # of one of several processes
        return
    activity = hidden_mean.mean(axis=0)
    saturated = ((activity < 0.01) | (activity > 0.99)).mean() if binary else 0.0
    constant = (np.ptp(hidden_mean, axis=0) < 0.001).mean() if len(hidden_mean) > 1 else 0
    if max(saturated, constant) < _SATURATED_SHARE:
        return
    found = (
        f"{saturated:.0%} of hidden units of {layer} are saturated (mean activation <0.01 or >0.99)"
        if saturated >= constant
        else f"{constant:.0%} of hidden units of {layer} are constant (activation varies by <0.001)"
    )
    warnings.warn(
        f"{found}; features carry almost no information. Lower learning_rate, add weight decay, "
        "raise n_iter, or check scaling.",
        ConvergenceWarning,
        stacklevel=2,
    )


def check_count(name: str, value: object) -> None:
    """Raise unless `value` is an integer >= 1."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1; got {value!r}.")


def check_mask(name: str, mask: npt.ArrayLike, shape: tuple[int, ...]) -> Booleans:
    """Return a mask as a boolean array of the given shape; one row stands for all."""
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.shape not in (shape, shape[1:]):
        raise ValueError(
            f"{name} must be a boolean mask of shape {shape[1:]} or {shape}; got an array of shape "
            f"{mask.shape} and dtype {mask.dtype}."
        )
    return np.broadcast_to(mask, shape)


def check_finite_in_data_units(layer: str, weights: Floats, bias: Floats) -> None:
    """Raise if a layer that was finite for scaled values is not for the values as they are."""
    if np.isfinite(weights).all() and np.isfinite(bias).all():
        return
    raise ValueError(
        f"The fitted {layer} layer is not finite in the units of the data: a column of "
        f"{'X' if layer == 'input' else 'the targets'} is too large, or its spread too small, for "
        f"{weights.dtype}. Scale it, e.g. with StandardScaler()."
    )


def warn_not_converged(n_epochs: int, stage: str = "Fine-tuning") -> None:
    """Warn that a training ended because of max_iter."""
    warnings.warn(
        f"{stage}: maximum iterations ({n_epochs}) reached and the optimization hasn't converged "
        "yet. Raise max_iter.",
        ConvergenceWarning,
        stacklevel=2,
    )


def warn_if_one_class(predicted: Integers, targets: Integers, classes: Array) -> None:
    """Warn if all predictions on training rows are one class although the rows are of several."""
    if np.unique(targets).size < 2 or np.unique(predicted).size > 1:
        return
    share = np.bincount(targets).max() / len(targets)
    warnings.warn(
        f"The fitted network predicts class {classes.tolist()[predicted[0]]!r} for every training sample "
        f"(majority share {share:.0%}). Check scaling, lower learning_rate, more max_iter, or "
        'class_weight="balanced".',
        ConvergenceWarning,
        stacklevel=2,
    )


def per_layer(name: str, value: Any, n_layers: int, is_valid: Callable[[Any], bool]) -> tuple[Any, ...]:
    """Return a value for each hidden layer; a single one stands for all."""
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,) * n_layers
    if len(values) != n_layers:
        raise ValueError(f"{name} has {len(values)} values, but there are {n_layers} hidden layers.")
    bad = [single for single in values if not is_valid(single)]
    if bad:
        raise ValueError(f"{name}={value!r}: {bad[0]!r} is not allowed for a layer.")
    return values


def is_share(value: object) -> bool:
    """Tell whether a value is within [0, 1)."""
    return isinstance(value, Real) and 0 <= float(value) < 1


def is_norm(value: object) -> bool:
    """Tell whether a value is a positive bound, or None for no bound."""
    return value is None or (isinstance(value, Real) and 0 < float(value) < np.inf)
