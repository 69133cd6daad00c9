"""What the fitted estimators share: how rows are taken in, and that answers are finite or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdbn import _validation
from skdbn._energy import Machine
from skdbn._typing import Floats, Matrix, MatrixLike

# Up to here, encoded rows cannot overflow: weights are below 5e9 in float32, see `_training`.
_FAR = 1e6


class FittedMixin(TransformerMixin):
    """Rows for a fitted estimator: dense or CSR, as many columns as in training, in its range."""

    def _check_rows(self, X: MatrixLike) -> Matrix:
        check_is_fitted(self)
        X = _validation.check_rows(self, X, reset=False)
        _validation.warn_if_far_outside(X, self._fitted_range)
        return X

    def _answer(self, X: Matrix, compute: Callable[[], Floats]) -> Floats:
        """Return what `compute` makes of checked rows; raise if they are too large for finite numbers."""
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at
            return _validation.check_answer(compute(), X, self._fitted_range)

    def _check_start(self, X: Matrix, machine: Machine, v: Floats) -> None:
        """Raise if encoded rows are too large to start chains: draws would hide means that are NaN."""
        if not np.abs(v).max(initial=0) <= _FAR:
            self._answer(X, lambda: machine.mean_v_from_h(machine.mean_h_from_v(v)))

    def _decode_drawn(self, v: Floats) -> Floats:
        """Return drawn states in the units of the data; raise if chains have left the finite numbers."""
        X = self.visible_.decode(v)
        if np.isfinite(X).all():
            return X
        raise ValueError(
            f"The chains reach values that are not finite in {X.dtype}: the weights are too large for "
            "units without bounds. Take fewer steps, or train with a lower learning_rate or a larger alpha."
        )

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse X is taken and float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
