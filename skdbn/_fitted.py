"""What the fitted estimators share: how rows are taken in."""

from __future__ import annotations

from typing import Any

from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdbn import _validation
from skdbn._typing import Matrix, MatrixLike


class FittedMixin(TransformerMixin):
    """Rows for a fitted estimator: dense or CSR, as many columns as in training, in its range."""

    def _check_rows(self, X: MatrixLike) -> Matrix:
        check_is_fitted(self)
        X = _validation.check_rows(self, X, reset=False)
        _validation.warn_if_far_outside(X, self._fitted_range)
        return X

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that sparse X is taken and float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
