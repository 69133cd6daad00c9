"""The only place that imports private or version-dependent names of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight

from skdbn._typing import Floats, Integers, Matrix, MatrixLike, Method

__all__ = [
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "import_callback",
    "safe_indexing",
    "serial_block",
]


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[Method], Method]:
    """Return the decorator that checks the parameters before a method trains."""
    return _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)


def safe_indexing(X: MatrixLike, rows: Integers) -> MatrixLike:
    """Return the given rows of an array, list, data frame or sparse matrix of any format."""
    return _safe_indexing(X.tocsr() if sparse.issparse(X) else X, rows)


def check_sample_weight(sample_weight: Any, X: Matrix) -> Floats | None:
    """Return None, or one finite weight >= 0 for each row of X, not all of them 0."""
    if sample_weight is None or (X.shape[0] == 0 and np.shape(sample_weight) == (0,)):
        return None  # rows may be missing in one of several processes
    weights: Floats = _check_sample_weight(sample_weight, X, dtype=np.float64)
    if (weights < 0).any():
        raise ValueError(f"Negative values in sample_weight: the smallest is {weights.min():.3g}.")
    if not weights.any():  # scikit-learn itself refuses this from 1.9 on
        raise ValueError("sample_weight is zero for all rows; at least one weight must be positive.")
    with np.errstate(over="ignore"):
        if not np.isfinite(weights.sum()):
            raise ValueError("The sum of sample_weight overflows; scale the weights.")
    return weights


def import_callback() -> ModuleType | None:
    """Return the module `sklearn.callback`, which scikit-learn has from 1.9 on, or None."""
    try:
        import sklearn.callback
    except ImportError:
        return None
    return sklearn.callback


def serial_block(contents: Iterable[Any], **options: Any) -> Any:
    """Return what `_sk_visual_block_` has to return: estimators or blocks, one above the other."""
    try:
        from sklearn.utils._repr_html.estimator import _VisualBlock
    except ImportError:  # before 1.7
        from sklearn.utils._estimator_html_repr import _VisualBlock
    return _VisualBlock("serial", contents, **options)
