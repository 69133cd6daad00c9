"""Going on elsewhere: a fitted network as modules of PyTorch, or as a perceptron of scikit-learn."""

from sklearn.utils.validation import check_is_fitted

from skdbn import _validation
from skdbn._export_layers import layers_of_dbn, layers_of_rbm
from skdbn._export_mlp import to_perceptron
from skdbn._export_torch import to_sequential
from skdbn._targets import Values


class EncoderExportMixin:
    """Export of what a fitted transformer computes."""

    def to_torch(self):
        """Return the encoder as a module of PyTorch, to be trained on, or put under other layers.

        Needs the package torch.

        Returns
        -------
        encoder : torch.nn.Sequential
            Takes rows in the units of the training data and gives what `transform` gives. In evaluation
            mode, in the estimator's precision: ``.float()`` for float32.

        Examples
        --------
        >>> import torch
        >>> from skdbn import RBMTransformer
        >>> X = torch.eye(4, dtype=torch.float64)
        >>> rbm = RBMTransformer(2, n_iter=1, random_state=0).fit(X.numpy())
        >>> bool(abs(rbm.to_torch()(X).detach().numpy() - rbm.transform(X.numpy())).max() < 1e-12)
        True
        """
        check_is_fitted(self)
        if hasattr(self, "components_"):
            return to_sequential(layers_of_rbm(self), self.components_.dtype)
        return to_sequential(layers_of_dbn(self, with_output=False), self.coefs_[0].dtype)


class NetworkExportMixin:
    """Export of a fitted network with outputs."""

    def to_torch(self):
        """Return the network as a module of PyTorch, to go on with the training there.

        Needs the package torch. The module takes rows in the units of the training data. A classifier gives
        *logits*, for ``torch.nn.CrossEntropyLoss`` (several labels a row: ``BCEWithLogitsLoss``), with
        outputs in the order of `classes_`: ``softmax(dim=1)`` (``sigmoid()``) turns them into what
        `predict_proba` gives. A regressor gives values in the units of y, one column an output.

        The estimator's layers of dropout are in it and act in ``.train()`` mode. Scales of the columns, and
        of the targets, are layers of their own that are not trained, so steps have about the size that they
        have here; ``torch.optim.RMSprop(model.parameters(), lr=1e-4, alpha=0.9)`` is a good beginning.

        Returns
        -------
        model : torch.nn.Sequential
            In evaluation mode, in the estimator's precision: ``.float()`` for float32.

        Examples
        --------
        >>> import torch
        >>> from sklearn.datasets import load_digits
        >>> from skdbn import DBNClassifier
        >>> X, y = load_digits(n_class=5, return_X_y=True)
        >>> X, y = torch.from_numpy(X[:200] / 16), y[:200]
        >>> model = DBNClassifier((32,), random_state=0).fit(X.numpy(), y).to_torch()
        >>> criterion = torch.nn.CrossEntropyLoss()
        >>> optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, alpha=0.9)
        >>> criterion(model.train()(X), torch.from_numpy(y)).backward()  # one step further
        >>> optimizer.step()
        >>> model.eval()(X).softmax(dim=1).shape
        torch.Size([200, 5])
        """
        self._check_is_network("to_torch")
        chain, scaling = layers_of_dbn(self, with_output=True), None
        if isinstance(self._task, Values):
            *hidden, output = chain.layers
            weights, bias = self._task.from_target_units(output.weights, output.bias)
            chain = chain._replace(layers=[*hidden, output._replace(weights=weights, bias=bias)])
            scaling = self._task.unit.location_, self._task.unit.scale_
        return to_sequential(
            chain,
            self.coefs_[0].dtype,
            dropout=self._dropout_shares(len(chain.layers) - 1),
            with_last_means=False,
            output_scaling=scaling,
        )

    def to_mlp(self):
        """Return the network as a fitted perceptron of scikit-learn, with the same predictions.

        Its `partial_fit`, and `fit` with ``warm_start=True``, go on from these weights, by the solver that
        `set_params` gives it. Weights act on X as it is, without the scales that are kept apart here: scale
        the columns yourself if it is to be trained on. Parameters that do not change predictions, such as
        `alpha`, have scikit-learn's defaults; there is no dropout.

        Returns
        -------
        perceptron : MLPClassifier or MLPRegressor
            Fitted, without a `loss_curve_`.

        Raises
        ------
        ValueError
            If the hidden layers are not all Bernoulli or all Gaussian: a perceptron has one activation for
            all of them, and none that is the mean of ReLU or Softmax units.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skdbn import DBNClassifier
        >>> X, y = load_digits(n_class=5, return_X_y=True)
        >>> X, y = X[:200] / 16, y[:200]
        >>> dbn = DBNClassifier((32,), random_state=0).fit(X, y)
        >>> perceptron = dbn.to_mlp().set_params(learning_rate_init=1e-4)
        >>> bool(abs(perceptron.predict_proba(X) - dbn.predict_proba(X)).max() < 1e-12)
        True
        >>> perceptron.partial_fit(X, y).n_iter_  # goes on
        1
        """
        self._check_is_network("to_mlp")
        return to_perceptron(self)

    def _check_is_network(self, method):
        check_is_fitted(self)
        if getattr(self, "_fitted_generative", False):
            raise ValueError(
                f'{method} is for networks trained by back-propagation; fine_tuning="up-down" gives class '
                "probabilities that are no layer's outputs. Use skdbn.onnx.to_onnx."
            )

    def _dropout_shares(self, n_hidden_layers):
        """Return the share of dropout of the inputs and of each hidden layer."""
        shares = _validation.per_layer("dropout", self.dropout, n_hidden_layers, _validation.is_share)
        return (self.input_dropout, *shares)
