"""The only place that imports private or version-dependent names of scikit-learn."""

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight

__all__ = ["Interval", "StrOptions", "check_sample_weight", "fit_context", "safe_indexing"]


def check_sample_weight(sample_weight, X):
    """Return None, or one finite weight >= 0 for each row of X, not all of them 0."""
    if sample_weight is None:
        return None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
    if (weights < 0).any():
        raise ValueError(f"Negative values in sample_weight: the smallest is {weights.min():.3g}.")
    if not weights.any():  # scikit-learn itself refuses this from 1.9 on
        raise ValueError("sample_weight is zero for all rows; at least one weight must be positive.")
    return weights
