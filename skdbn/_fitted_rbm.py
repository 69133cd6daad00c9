"""What one can ask of a fitted RBM at once: features, reconstructions, free energies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_array, check_is_fitted

from skdbn import _validation
from skdbn._energy import Machine, RBMParameters
from skdbn._export import EncoderExportMixin
from skdbn._fitted import FittedMixin
from skdbn._rows import encoded_blocks, rows_of_a_block
from skdbn._streams import RowStream
from skdbn._typing import ArrayLike, Floats, Matrix, MatrixLike


class FittedRBMMixin(EncoderExportMixin, FittedMixin):
    """Methods of a fitted RBM. None of them changes the estimator."""

    def _machine(self, dtype: npt.DTypeLike | None = None) -> Machine:
        parameters = RBMParameters(self.components_, self.intercept_hidden_, self.intercept_visible_)
        if dtype is not None:
            parameters = RBMParameters(*(array.astype(dtype) for array in parameters))
        return Machine(self.visible_, self.hidden_, parameters)

    def _base_bias(self) -> Floats:
        """Return the biases of unconnected visible units with the means of the training data."""
        return self.visible_.bias_from_mean(self._training.visible_mean)

    def _check_hidden(self, H: Any) -> Floats:
        check_is_fitted(self)
        H = check_array(H, dtype=[np.float64, np.float32], estimator=self, input_name="H")
        if H.shape[1] != len(self.components_):
            raise ValueError(
                f"H has {H.shape[1]} columns, but {type(self).__name__} has "
                f"{len(self.components_)} hidden units."
            )
        return H

    def _for_encoded_blocks(
        self, X: MatrixLike, compute: Callable[[Floats], Floats], shape: tuple[int, ...], width: int = 0
    ) -> Floats:
        """Return compute(v) of all rows, block by block, in X's dtype."""

        def of_blocks() -> Floats:
            result = np.empty((X.shape[0], *shape), dtype=X.dtype)
            for rows, v in encoded_blocks(self.visible_, X, self.components_.dtype, width):
                result[rows] = compute(v)
            return result

        return self._answer(X, of_blocks)

    def transform(self, X: MatrixLike) -> Floats:
        """Compute the means of the hidden units given X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            For binary hidden units p(h = 1 | X), in the dtype of X.
        """
        return self._hidden_means(self._check_rows(X))

    def _hidden_means(self, X: MatrixLike) -> Matrix:
        """Return what `transform` does for checked rows; of a stream it is a stream."""
        n_hidden, dtype = self.components_.shape[0], self.components_.dtype
        if isinstance(X, RowStream):
            return X.mapped(self._hidden_means, n_hidden, n_rows=rows_of_a_block(X, n_hidden))

        def of_blocks() -> Floats:
            means = np.empty((X.shape[0], n_hidden), dtype=dtype)
            for rows, v in encoded_blocks(self.visible_, X, dtype, n_hidden):
                self._machine().mean_h_from_v(v, out=means[rows])
            return means.astype(X.dtype, copy=False)

        return self._answer(X, of_blocks)

    def inverse_transform(self, H: ArrayLike) -> Floats:
        """Compute the means of the visible units given the hidden ones.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)
            States or means of the hidden units.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Means in the units of the training data, in the dtype of H.
        """
        H = self._check_hidden(H)
        states = _validation.to_dtype(H, self.components_.dtype, "H")
        with np.errstate(over="ignore", invalid="ignore"):
            X = self.visible_.decode(self._machine().mean_v_from_h(states)).astype(H.dtype, copy=False)
            return _validation.check_answer(X, H, name="H")

    def reconstruct(self, X: MatrixLike) -> Floats:
        """Pass X up and down once by means: ``inverse_transform(transform(X))``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Means of the visible units.
        """
        X = self._check_rows(X)
        machine = self._machine()

        def up_and_down(v: Floats) -> Floats:
            return self.visible_.decode(machine.mean_v_from_h(machine.mean_h_from_v(v)))

        return self._for_encoded_blocks(X, up_and_down, (X.shape[1],), len(self.components_))

    def free_energy(self, X: MatrixLike) -> Floats:
        """Compute F(x) = -log sum_h exp(-E(x, h)) of each row, in nats.

        It is -log p(x) up to a constant of the model, so it orders rows by how unusual they are and
        does not compare models.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        free_energy : ndarray of shape (n_samples,)
            Low for rows the model holds for likely.
        """
        X = self._check_rows(X)
        return self._for_encoded_blocks(X, self._machine().free_energy, (), len(self.components_))
