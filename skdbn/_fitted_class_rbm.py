"""What one can ask of a fitted classification RBM: class probabilities, features, draws of a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from skdbn import _validation
from skdbn._class_posterior import (
    class_scores,
    input_and_label_units,
    input_free_energy,
    log_class_probabilities,
    mean_hidden,
    of_encoded_blocks,
)
from skdbn._energy import Machine, RBMParameters
from skdbn._fitted import FittedMixin
from skdbn._labels import check_labels, labelled_part, positions
from skdbn._sampling import gibbs_steps, sample_base_rates
from skdbn._typing import (
    Array,
    ArrayLike,
    Floats,
    FloatType,
    Integers,
    Matrix,
    MatrixLike,
    Rng,
    Seed,
    TargetsLike,
)


class FittedClassRBMMixin(FittedMixin, ClassifierMixin):
    """Methods of a fitted classification RBM. None of them changes the estimator."""

    def _machine(self) -> Machine:
        """Return the machine whose last visible units are the label."""
        parameters = RBMParameters(
            np.hstack([self.components_, self.label_components_]),
            self.intercept_hidden_,
            np.append(self.intercept_visible_, self.intercept_label_),
        )
        return Machine(self._joint_visible, self.hidden_, parameters)

    def _of_checked_rows(
        self,
        X: Matrix,
        compute: Callable[[Machine, int, Floats], Floats],
        shape: tuple[int, ...] = (),
        dtype: FloatType | None = None,
    ) -> Floats:
        def of_blocks() -> Floats:
            answer = of_encoded_blocks(self._machine(), len(self.classes_), X, compute, shape)
            return answer if dtype is None else answer.astype(dtype, copy=False)

        return self._answer(X, of_blocks)

    def predict(self, X: MatrixLike) -> Array:
        """Predict the most probable class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Elements of `classes_`.
        """
        X = self._check_rows(X)
        scores = self._of_checked_rows(X, class_scores, (len(self.classes_),))
        return self.classes_[scores.argmax(axis=1)]

    def predict_proba(self, X: MatrixLike) -> Floats:
        """Compute the probability of each class, exactly.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; rows sum to 1.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: MatrixLike) -> Floats:
        """Compute the logarithm of the probability of each class, exactly.

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
        return self._of_checked_rows(X, log_class_probabilities, (len(self.classes_),))

    def score(self, X: MatrixLike, y: TargetsLike, sample_weight: ArrayLike | None = None) -> float:
        """Compute the accuracy on the rows that have a label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        y : array-like of shape (n_samples,)
            True labels; rows with the marker `unlabeled` do not count.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Share of the rows that are predicted right.
        """
        return super().score(*labelled_part(X, y, sample_weight, self.unlabeled))

    def transform(self, X: MatrixLike) -> Floats:
        r"""Compute the means of the hidden units given X, with the label summed out.

        That is :math:`\sum_k p(k | x) \, \langle h \rangle_{x, k}`: the classes count as much as the
        model believes in them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            For binary hidden units p(h = 1 | X), in the dtype of X.
        """
        X = self._check_rows(X)
        return self._of_checked_rows(X, mean_hidden, (len(self.components_),), X.dtype)

    def free_energy(self, X: MatrixLike) -> Floats:
        """Compute F(x) = -log sum_{y, h} exp(-E(x, y, h)) of each row, in nats.

        It is -log p(x) up to a constant of the model, so it orders rows by how unusual they are. Of a model
        that was trained by the discriminative term alone it says nothing.

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
        return self._of_checked_rows(X, input_free_energy, (), X.dtype)

    def sample(
        self,
        n_samples: int = 1,
        y: TargetsLike = None,
        n_steps: int = 200,
        start: Any = None,
        random_state: Seed = None,
    ) -> Floats:
        """Draw rows from the model by Gibbs sampling, one chain a row; of given classes, if wanted.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, >= 1; ignored when `y` is an array or `start` is given.

        y : label or array-like of shape (n_samples,), default=None
            Class of all rows, or one for each: the labels of the chains are clamped, and the rows are drawn
            from p(x | y). None draws labels along with the rows, from p(x, y), and returns the rows alone;
            `predict` gives the classes.

        n_steps : int, default=200
            Gibbs steps of each chain, >= 1. Models with well separated modes need more.

        start : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Rows where the chains start, such as data, one a chain. None starts from visible states drawn
            from their biases alone.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Drawn states of the visible units, in the units of the training data.
        """
        check_is_fitted(self)
        _validation.check_count("n_steps", n_steps)
        rng = _validation.make_generator(random_state)
        if isinstance(start, str):
            raise ValueError(f"start must be None or rows; got {start!r}.")
        start = None if start is None else self._check_rows(start)
        labels = self._labels_to_clamp(y, n_samples, start)
        v = self._first_states(n_samples if labels is None else len(labels), start, rng)
        n_classes, free = len(self.classes_), None
        if labels is not None:
            v[:, -n_classes:] = np.eye(n_classes, dtype=v.dtype)[labels]
            free = np.arange(v.shape[1]) < v.shape[1] - n_classes
            free = np.broadcast_to(free, v.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            v = gibbs_steps(self._machine(), v, n_steps, rng, free)
            return self._decode_drawn(v[:, :-n_classes].copy())

    def _labels_to_clamp(self, y: TargetsLike, n_samples: int, start: Any) -> Integers | None:
        """Return the position of the label of each chain, or None where labels are drawn."""
        if y is None:
            return None
        is_one_label = np.ndim(y) == 0
        labels = positions(check_labels(np.atleast_1d(y), self), self.classes_, None)
        n_chains = None if start is None else start.shape[0]
        if is_one_label:
            if start is None:
                _validation.check_count("n_samples", n_samples)
            return np.repeat(labels, n_chains or n_samples)
        if n_chains not in (None, len(labels)):
            raise ValueError(f"y has {len(labels)} labels, but start has {n_chains} rows.")
        return labels

    def _first_states(self, n_samples: int, start: Any, rng: Rng) -> Floats:
        """Return visible states to start chains from, the labels included."""
        machine = self._machine()
        if start is None:
            _validation.check_count("n_samples", n_samples)
            return sample_base_rates(machine.visible, machine.parameters.visible_bias, n_samples, rng)
        x = start.toarray() if sparse.issparse(start) else start
        p = np.exp(self._of_checked_rows(start, log_class_probabilities, (len(self.classes_),)))
        with np.errstate(over="ignore"):
            x = self.visible_.encode(x, out=np.empty(x.shape, dtype=self.components_.dtype))
        _, label_unit = input_and_label_units(machine)
        v = np.hstack([x, label_unit.sample_from_mean(p, rng)])
        self._check_start(start, machine, v)
        return v
