"""What one can ask of a DBN classifier of either kind: a network, or a generative network."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdbn import _generative_network as generative
from skdbn import _validation
from skdbn._fitted_dbn import FittedDBNClassifierMixin
from skdbn._labels import check_labels, positions
from skdbn._typing import Floats, MatrixLike, Seed, TargetsLike


class FittedUpDownMixin(FittedDBNClassifierMixin):
    """Methods of a fitted DBN classifier, the generative one included."""

    def _features(self, X: MatrixLike, layer: int) -> Floats:
        if not self._fitted_generative:
            return super()._features(X, layer)
        return generative.features(self._generative_network(), X, layer)

    def _outputs(self, X: MatrixLike) -> Floats:
        return np.exp(self._log_outputs(X)) if self._fitted_generative else super()._outputs(X)

    def _log_outputs(self, X: MatrixLike) -> Floats:
        if not self._fitted_generative:
            return super()._log_outputs(X)
        return generative.log_probabilities(self._generative_network(), X)

    def sample(
        self,
        n_samples: int = 1,
        y: TargetsLike = None,
        n_steps: int = 200,
        random_state: Seed = None,
        *,
        means: bool = False,
    ) -> Floats:
        """Draw rows of given classes from a model trained by ``fine_tuning="up-down"``.

        The chain of the top machine takes Gibbs steps with the labels held; one pass down by the generative
        weights follows.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, >= 1; ignored when `y` is an array.

        y : label, array-like of shape (n_samples,) or None, default=None
            The class of all rows, or of each. None leaves the labels free too.

        n_steps : int, default=200
            Gibbs steps of each chain, >= 1.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        means : bool, default=False
            Whether the inputs are given by their means given the layer above instead of a draw.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            In the units of the training data.
        """
        check_is_fitted(self)
        if not self._fitted_generative:
            raise ValueError(
                'Only a network fitted with fine_tuning="up-down" can draw rows; DBNTransformer and '
                "RBMClassifier can too."
            )
        _validation.check_count("n_steps", n_steps)
        rng = _validation.make_generator(random_state)
        labels, n_rows = None, n_samples
        if y is not None and np.ndim(y):
            y = check_labels(y, self)
            n_rows = len(y)
        _validation.check_count("n_samples", n_rows)
        network = self._generative_network()
        if y is not None:
            targets = positions(y if np.ndim(y) else np.full(n_rows, y), self.classes_, None)
            labels = self._task.encode(targets, network.top.parameters.weights.dtype)
        return generative.sample(network, labels, n_steps, rng, n_rows=n_rows, means=means)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that a generative network takes one label a row only."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.fine_tuning != "up-down"
        return tags
