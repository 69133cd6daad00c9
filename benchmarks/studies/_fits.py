"""What is measured of a fit at default settings: scores on other rows, time, and what it warns of."""

import time
import warnings

import numpy as np

_LEAST_PROBABILITY = 1e-7  # of float32 near 1; the same for all models


def fit_and_score(model, X, y, X_other, y_other):
    """Fit a model, and return its measures on other rows."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        start = time.process_time()
        model.fit(X, y)
        seconds = time.process_time() - start
        score, loss = model.score(X_other, y_other), log_loss(model, X_other, y_other)
    return {
        "score": float(score),
        "log_loss": loss,
        "seconds": seconds,
        "warnings": sorted({warning.category.__name__ for warning in raised}),
        "rows": len(X),
        "columns": X.shape[1],
    }


def log_loss(model, X, y):
    """Return the mean of -log p(y | x), None for models without probabilities; NaN is no probability."""
    if not hasattr(model, "predict_proba"):
        return None
    positions = np.searchsorted(model.classes_, y)
    probabilities = np.nan_to_num(model.predict_proba(X)[np.arange(len(y)), positions])
    return float(-np.log(np.maximum(probabilities, _LEAST_PROBABILITY)).mean())
