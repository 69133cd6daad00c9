"""What one can ask of a fine-tuned network: features of any layer, class probabilities, labels."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin

from skdbn._fitted import FittedMixin
from skdbn._labels import labelled_part
from skdbn._network import Network, features, log_outputs, outputs
from skdbn._typing import Array, ArrayLike, Floats, MatrixLike, TargetsLike
from skdbn.units import Bernoulli


class FittedDBNMixin(FittedMixin):
    """Methods of every fitted DBN. None of them changes the estimator."""

    def _network(self) -> Network:
        # The first weights act on X itself, see `Unit.to_data_units`: no encoding.
        return Network(Bernoulli(), self._units, self._task.unit, (*self.coefs_, *self.intercepts_))

    def transform(self, X: MatrixLike, layer: int = -1) -> Floats:
        """Compute the activities of a hidden layer of the fine-tuned network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        layer : int, default=-1
            Position in `hidden_layer_sizes`; negative from the top.

        Returns
        -------
        H : ndarray of shape (n_samples, hidden_layer_sizes[layer])
            Means of the hidden units, in the dtype of X.
        """
        X = self._check_rows(X)
        n_hidden = len(self._hidden_sizes())
        is_number = isinstance(layer, Integral) and not isinstance(layer, bool)
        if not is_number or not -n_hidden <= layer < n_hidden:
            raise ValueError(
                f"layer={layer!r}, but the network has {n_hidden} hidden layers: "
                f"give an integer from {-n_hidden} to {n_hidden - 1}."
            )

        def activities() -> Floats:
            return self._features(X, range(n_hidden)[layer]).astype(X.dtype, copy=False)

        return self._answer(X, activities)

    def _features(self, X: MatrixLike, layer: int) -> Floats:
        return features(self._network(), X, layer)


class FittedDBNClassifierMixin(FittedDBNMixin, ClassifierMixin):
    """Methods of a fitted DBN classifier."""

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Compute the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; rows sum to 1. For several labels a row, the probability
            of each label on its own.
        """
        X = self._check_rows(X)
        return self._answer(X, lambda: self._outputs(X))

    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Compute the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Finite also where the probability rounds to 0.
        """
        X = self._check_rows(X)
        return self._answer(X, lambda: self._log_outputs(X))

    def predict(self, X: MatrixLike) -> Array:
        """Predict the most probable class, or all labels that are more probable than not.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        labels : ndarray of shape (n_samples,) or (n_samples, n_labels)
            Elements of `classes_`, or an indicator matrix if `y` was one.
        """
        X = self._check_rows(X)
        return self._task.predict(self._answer(X, lambda: self._outputs(X)))

    def _outputs(self, X: MatrixLike) -> Floats:
        return outputs(self._network(), X)

    def _log_outputs(self, X: MatrixLike) -> Floats:
        return log_outputs(self._network(), X)

    def score(self, X: MatrixLike, y: TargetsLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the accuracy on the rows that have a label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            True labels; rows with the marker `unlabeled` do not count.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Share of the rows that are predicted right.
        """
        return super().score(*labelled_part(X, y, sample_weight, self.unlabeled))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that y may be an indicator matrix."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class FittedDBNRegressorMixin(FittedDBNMixin, RegressorMixin):
    """Methods of a fitted DBN regressor."""

    def predict(self, X: MatrixLike) -> Array:
        """Predict the values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of y, in the shape that `y` had in training.
        """
        X = self._check_rows(X)
        return self._task.predict(self._answer(X, lambda: outputs(self._network(), X)))

    def score(self, X: MatrixLike, y: TargetsLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the coefficient of determination R2 on the rows that have values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True values; rows with the marker `unlabeled` do not count.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            1 - residual / total sum of squares, the mean over the outputs.
        """
        return super().score(*labelled_part(X, y, sample_weight, self.unlabeled))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
