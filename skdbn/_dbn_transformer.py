"""DBNTransformer: a stack of RBMs without labels, and the autoencoder it unrolls into."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from skdbn import _validation
from skdbn._dbn import plain_decoder, tied_decoder, unrolled
from skdbn._dbn_base import BaseDBN
from skdbn._fine_tuning import FineTuning
from skdbn._fitted_dbn import FittedDBNMixin
from skdbn._fitted_stack import FittedStackMixin
from skdbn._layerwise import LayerwiseMixin
from skdbn._network import outputs
from skdbn._rbm import RBMTransformer
from skdbn._rows import weighted_moments
from skdbn._sklearn_compat import StrOptions, fit_context
from skdbn._targets import Inputs
from skdbn._typing import ArrayLike, FilePath, Floats, MatrixLike, Seed
from skdbn.optimizers import Optimizer
from skdbn.schedules import Rate


class DBNTransformer(LayerwiseMixin, FittedStackMixin, FittedDBNMixin, BaseDBN):
    r"""Deep belief network without labels: features, a density, samples, and an autoencoder.

    RBMs are trained one on top of the other, bottom up, each to its end before the next one is trained
    on what its `transform` gives [1]_. The stack is a density: the two uppermost layers are an RBM, the
    layers below are drawn from it downwards,

    .. math:: p(v, h_1, \dots, h_L) = p(v | h_1) \cdots p(h_{L-2} | h_{L-1}) \, p(h_{L-1}, h_L).

    With ``fine_tuning="reconstruction"`` it is unrolled into an autoencoder, whose encoder and decoder
    start with the weights of the RBMs and their transposes and are then trained apart [2]_, by
    back-propagation of the loss :math:`-\log p(x | \hat x)` of the inputs: cross-entropy for Bernoulli
    visibles, half the squared error in scaled units for Gaussian ones.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256, 256)
        Number of hidden units of each layer, bottom up, each >= 1; the last one is the code.

    rbm : RBMTransformer, list of RBMTransformer or None, default=None
        Prototype of the RBMs, cloned for each layer (with the layer's size and a seed from
        `random_state`), or a list, one a layer; None is ``RBMTransformer()``.

    linear_code : bool, default=False
        Whether the units of the last layer are Gaussian: real numbers instead of probabilities.

    pretrain : bool or estimator, default=True
        Whether layers start from RBMs. False is the plain autoencoder, with the initialisation of Glorot
        and Bengio. An estimator with fitted `rbms_`, in a ``FrozenEstimator``, lends its machines.

    fine_tuning : {"reconstruction"} or None, default=None
        "reconstruction" trains the autoencoder, None leaves the RBMs as they are.

    optimizer : {"rmsprop", "sgd", "adam", "adagrad"} or Optimizer, default="rmsprop"
        How a gradient becomes an update in fine-tuning, see :mod:`skdbn.optimizers`.

    learning_rate : "auto", float or Schedule, default="auto"
        Step size of one update in fine-tuning. "auto" starts at r = 0.08 / sqrt(n_features), at most
        0.01, and falls linearly to 0 in `fit`, slowly in `partial_fit`.

    alpha : float, default=1e-4
        Weight decay of fine-tuning, >= 0: each update multiplies the weights, not the biases, by
        ``1 - learning_rate * alpha``.
        Factors above 1 - 1e-5 wait until several make up that much, so as not to be lost in rounding.

    input_dropout : float, default=0.0
        Share of the inputs switched off at random in fine-tuning, in [0, 1); what is to be
        reconstructed are the inputs without it (a denoising autoencoder).

    max_norm : float, list or None, default=None
        Largest Euclidean norm of the weights into a hidden unit in fine-tuning, > 0; a list has one value
        for each layer of `hidden_layer_sizes`, used for the decoder too.

    batch_size : int, "auto" or None, default="auto"
        Rows of an update in fine-tuning. "auto" makes about 100 updates an epoch, with 10 to 100 rows
        each; None takes all rows at once.

    max_iter : int, default=30
        Largest number of epochs of fine-tuning, >= 1.

    early_stopping : bool, default=False
        Whether to hold out rows in fine-tuning, stop when their loss does not improve, and keep the
        best weights. The rows are `X_val`, or else a share of X.

    validation_fraction : float, default=0.1
        Share of the rows held out by `early_stopping`, in (0, 1).

    n_iter_no_change : int, default=10
        Epochs without improvement after which fine-tuning stops, >= 1; without `early_stopping` only if
        the rate does not fall to an end.

    tol : float, default=1e-4
        Smallest change of the loss that is an improvement, >= 0.

    warm_start : bool, default=False
        Whether `fit` goes on: with the fine-tuning, or without one with the RBMs.

    verbose : int, default=0
        With 1, one line an epoch is printed.

    random_state : int, RandomState instance or None, default=None
        Decides first weights, order of rows and all draws of the training.

    Attributes
    ----------
    rbms_ : list of RBMTransformer
        The machines, bottom up, as they were before fine-tuning; empty without pre-training.

    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of the encoder and then of the decoder. The first act on X itself.

    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each of these layers.

    visible_ : Unit
        Type of the inputs, with what it took from the training data.

    loss_curve_ : list of float
        Mean loss of each epoch of fine-tuning, in nats; empty without.

    validation_scores_ : list of float
        Minus the mean loss of the held-out rows after each epoch; empty if there are none.

    best_validation_score_ : float or None
        The largest of them.

    n_iter_ : int
        Epochs of fine-tuning run; without one, those of the RBM that had most.

    n_layers_ : int
        Number of layers of the autoencoder, inputs and outputs included.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X had string names.

    See Also
    --------
    RBMTransformer : One layer.
    DBNClassifier : The same stack, fine-tuned as a classifier.

    Notes
    -----
    `log_partition`, `score_samples` and `sample` are those of the stack of RBMs, which fine-tuning does
    not change; `transform`, `inverse_transform` and `reconstruct` those of the autoencoder.

    References
    ----------
    .. [1] Hinton, G. E., Osindero, S. and Teh, Y. (2006). A fast learning algorithm for deep belief
           nets. Neural Computation 18(7). :doi:`10.1162/neco.2006.18.7.1527`
    .. [2] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data with
           neural networks. Science 313. :doi:`10.1126/science.1127647`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import DBNTransformer
    >>> X = load_digits().data / 16
    >>> coder = DBNTransformer((64, 8), fine_tuning="reconstruction", random_state=0).fit(X)
    >>> coder.transform(X).shape
    (1797, 8)
    >>> bool(((coder.reconstruct(X) - X) ** 2).mean() < 0.5 * X.var(axis=0).mean())
    True
    """

    _parameter_constraints: dict = {
        **BaseDBN._parameter_constraints,
        "linear_code": ["boolean"],
        "fine_tuning": [StrOptions({"reconstruction"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (256, 256),
        *,
        rbm: RBMTransformer | Sequence[RBMTransformer] | None = None,
        linear_code: bool = False,
        pretrain: bool | BaseEstimator = True,
        fine_tuning: str | None = None,
        optimizer: str | Optimizer = "rmsprop",
        learning_rate: str | Rate = "auto",
        alpha: float = 1e-4,
        input_dropout: float = 0.0,
        max_norm: float | Sequence[float | None] | None = None,
        batch_size: int | str | None = "auto",
        max_iter: int = 30,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.rbm = rbm
        self.linear_code = linear_code
        self.pretrain = pretrain
        self.fine_tuning = fine_tuning
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.input_dropout = input_dropout
        self.max_norm = max_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike = None,
        sample_weight_val: ArrayLike | None = None,
        resume_from: FilePath | None = None,
    ) -> DBNTransformer:
        """Train the RBMs, and the autoencoder if asked for.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Held-out rows for fine-tuning: measured after each epoch, and deciding with `early_stopping`.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        resume_from : str, path-like or None, default=None
            File of a :class:`skdbn.callbacks.Checkpoint` of a fit that was cut off, with the same
            parameters and data: the fit goes on from there, and ends as it would have.

        Returns
        -------
        self : DBNTransformer
            The fitted estimator.
        """
        self._check_something_to_train()
        if self.fine_tuning is None and self.warm_start and hasattr(self, "coefs_"):
            return self._continue_stack(X, sample_weight, resume_from)
        return self._fit(X, None, sample_weight, X_val, None, sample_weight_val, resume_from)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: MatrixLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        layer: int | None = None,
    ) -> DBNTransformer:
        """Train for one pass over X in mini-batches, going on from where the last call ended.

        Without fine-tuning the pass is one of the RBMs: of all of them, bottom up, or of one `layer`. For
        the greedy order on data that come in chunks, pass all chunks `n_iter` times with ``layer=0``,
        then with ``layer=1``, and so on; the stack grows with them. For the same learning rate and a
        single chunk this trains as `fit` does. With fine-tuning the pass is one of the autoencoder, and
        the first call pre-trains on its chunk, unless `pretrain` is False or a frozen stack.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of training rows of any size.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        layer : int or None, default=None
            Position of the RBM to train, from 0; those below have been trained before.

        Returns
        -------
        self : DBNTransformer
            The fitted estimator.
        """
        self._check_something_to_train()
        if self.fine_tuning is None:
            return self._pass_over_layers(X, sample_weight, layer)
        if layer is not None:
            raise ValueError("layer is for stacks without fine-tuning: set fine_tuning=None.")
        return self._partial_fit(X, None, sample_weight)

    def _check_something_to_train(self):
        if self.fine_tuning is None and self._pretrain is False:
            raise ValueError('pretrain=False leaves nothing to train: use fine_tuning="reconstruction".')

    def _prototypes(self, sizes, rng):
        prototypes = super()._prototypes(sizes, rng)
        if self.linear_code:
            prototypes[-1].set_params(hidden="gaussian")
        return prototypes

    def _network_from(self, visible, layers, machines, task, data, rng):
        if machines:
            decoder = tied_decoder(machines, data.X.dtype)
        else:
            decoder = plain_decoder(layers, visible, rng)
            mean, _ = weighted_moments(data.X, data.sample_weight)
            decoder.biases[-1] += visible.bias_from_mean(mean)
        return unrolled(visible, layers, decoder, task)

    def _fine_tuning(self, n_hidden_layers):
        if self.fine_tuning is None:
            return None
        n_layers = (n_hidden_layers + 1) // 2
        max_norm = _validation.per_layer("max_norm", self.max_norm, n_layers, _validation.is_norm)
        return FineTuning(
            (self.input_dropout, *(0.0,) * n_hidden_layers),
            max_norm + max_norm[-2::-1],
            on_validation=self.early_stopping,
            tol=self.tol,
            patience=self.n_iter_no_change,
        )

    @property
    def _is_fine_tuned(self):
        return self.fine_tuning is not None

    @property
    def _holds_out(self):
        return self.early_stopping and self._is_fine_tuned

    def _check_targets(self, y, task=None):
        return None

    def _new_task(self, y, sample_weight):
        return Inputs()

    def _hidden_sizes(self):
        return tuple(len(bias) for bias in self.intercepts_[: len(self.intercepts_) // 2])

    def inverse_transform(self, H: ArrayLike) -> Floats:
        """Compute the means of the inputs given the code, by the decoder.

        Parameters
        ----------
        H : array-like of shape (n_samples, hidden_layer_sizes[-1])
            What `transform` gives.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Means in the units of the training data, in the dtype of H.
        """
        check_is_fitted(self)
        H = check_array(H, dtype=[np.float64, np.float32], estimator=self, input_name="H")
        if H.shape[1] != self._n_features_out:
            raise ValueError(f"H has {H.shape[1]} columns, but the code has {self._n_features_out}.")
        decoder = self._network().above(len(self._hidden_sizes()))
        with np.errstate(over="ignore", invalid="ignore"):
            X = self.visible_.decode(outputs(decoder, H)).astype(H.dtype, copy=False)
            return _validation.check_answer(X, H, name="H")

    def reconstruct(self, X: MatrixLike) -> Floats:
        """Encode and decode X by means: ``inverse_transform(transform(X))``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Means of the inputs.
        """
        X = self._check_rows(X)

        def reconstructed() -> Floats:
            return self.visible_.decode(outputs(self._network(), X)).astype(X.dtype, copy=False)

        return self._answer(X, reconstructed)
