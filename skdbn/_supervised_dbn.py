"""What the DBNs that learn from targets share: pre-training apart, their own parameters, their network."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TypeVar

from sklearn.frozen import FrozenEstimator

from skdbn import _validation
from skdbn._dbn_base import BaseDBN
from skdbn._dbn_transformer import DBNTransformer
from skdbn._export import NetworkExportMixin
from skdbn._fine_tuning import FineTuning
from skdbn._initialization import initial_output_layer
from skdbn._network import Network
from skdbn._sklearn_compat import Interval
from skdbn._team import current_team
from skdbn._typing import ArrayLike, MatrixLike

Supervised = TypeVar("Supervised", bound="SupervisedDBN")


class SupervisedDBN(NetworkExportMixin, BaseDBN):
    """A stack of RBMs with an output layer on top, trained on rows with targets."""

    _parameter_constraints: dict = {
        **BaseDBN._parameter_constraints,
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
        "frozen_layers": [Interval(Integral, 0, None, closed="left")],
        "head_epochs": [Interval(Integral, 0, None, closed="left")],
        "unlabeled": "no_validation",
    }

    def pretrain_on(self: Supervised, X: MatrixLike, sample_weight: ArrayLike | None = None) -> Supervised:
        """Pre-train the layers on rows without labels, for this estimator and all its clones.

        The stack is trained as `fit` would, and becomes the parameter `pretrain`, frozen: `fit` then starts
        from it and trains no RBM, and `clone` keeps it, so that cross-validation and grid searches over
        fine-tuning share one pre-training. In a Pipeline, X has to be scaled as the steps before would.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, labels not needed.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        Returns
        -------
        self : SupervisedDBN
            The estimator, not fitted, with ``pretrain=FrozenEstimator(stack)``.
        """
        stack = DBNTransformer(
            self.hidden_layer_sizes, rbm=self.rbm, verbose=self.verbose, random_state=self.random_state
        )
        self.pretrain = FrozenEstimator(stack.fit(X, sample_weight=sample_weight))
        return self

    def _check_held_out(self, X_val, y_val, *arguments):
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: give both or neither.")
        held_out = super()._check_held_out(X_val, y_val, *arguments)
        if held_out is not None and not current_team().any(held_out.X.shape[0]):
            raise ValueError(f"No row of X_val has a target: all of y_val equals {self.unlabeled!r}.")
        return held_out

    def _network_from(self, visible, layers, machines, task, data, rng):
        n_top, dtype = layers.weights[-1].shape[1], layers.weights[0].dtype
        W, bias = initial_output_layer(n_top, task.n_outputs, layers.units[-1], dtype, rng)
        parameters = (*layers.weights, W, *layers.biases, bias)
        return Network(visible, layers.units, task.unit, parameters)

    def _fine_tuning(self, n_hidden_layers):
        n_frozen = self.frozen_layers
        if n_frozen > n_hidden_layers:
            raise ValueError(
                f"frozen_layers={n_frozen}, but the network has {n_hidden_layers} hidden layers."
            )
        dropout = _validation.per_layer("dropout", self.dropout, n_hidden_layers, _validation.is_share)
        max_norm = _validation.per_layer("max_norm", self.max_norm, n_hidden_layers, _validation.is_norm)
        input_dropout = self.input_dropout
        if self.fine_tuning is None:  # the features are taken as they are
            n_frozen, input_dropout, dropout = n_hidden_layers, 0.0, (0.0,) * n_hidden_layers
        return FineTuning(
            (input_dropout, *dropout),
            max_norm,
            n_frozen,
            self.head_epochs,
            self.early_stopping,
            self.tol,
            self.n_iter_no_change,
        )
