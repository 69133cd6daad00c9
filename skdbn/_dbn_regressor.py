"""DBNRegressor: parameters, validation and wiring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from skdbn._fitted_dbn import FittedDBNRegressorMixin
from skdbn._labels import has_any_target
from skdbn._rbm import RBMTransformer
from skdbn._rows import weighted_moments
from skdbn._shards import may_be_empty
from skdbn._sklearn_compat import StrOptions, fit_context
from skdbn._supervised_dbn import SupervisedDBN
from skdbn._targets import Values
from skdbn._team import current_team
from skdbn._typing import ArrayLike, FilePath, MatrixLike, Seed, TargetsLike
from skdbn.optimizers import Optimizer
from skdbn.schedules import Rate


class DBNRegressor(FittedDBNRegressorMixin, SupervisedDBN):
    r"""Deep belief network: a stack of RBMs, fine-tuned to predict one or several numbers.

    Training has two phases. *Pre-training* fits one RBM a layer without targets, bottom up; each is
    trained to its end before the next one is trained on what its `transform` gives [1]_.
    *Fine-tuning* puts a linear layer on top and minimises the mean of half the squared error

    .. math:: \frac{1}{\sum_i w_i} \sum_i \frac{w_i}{2} \sum_k
        \left( \frac{y_{ik} - \hat y_{ik}}{\sigma_k} \right)^2

    by back-propagation through all layers [2]_, where :math:`\sigma_k` is the standard deviation of
    output k in the training data. Targets are brought to mean 0 and variance 1 inside, so nothing
    depends on their units; predictions, `coefs_` and `intercepts_` are in the units of y.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256, 256)
        Number of hidden units of each layer, bottom up, each >= 1. Inputs and outputs are not listed.

    rbm : RBMTransformer, list of RBMTransformer or None, default=None
        Prototype of the RBMs, cloned for each layer (with the layer's size and a seed from
        `random_state`), or a list, one a layer; None is ``RBMTransformer()``. Pre-training is tuned
        through it: ``rbm__learning_rate``, ``rbm__n_iter``.

    pretrain : bool or estimator, default=True
        Whether layers start from RBMs. False is the plain network, with the initialisation of Glorot
        and Bengio [3]_: compare the two. A fitted `DBNTransformer` in a ``FrozenEstimator`` lends its
        machines, see `pretrain_on`.

    fine_tuning : {"backprop"} or None, default="backprop"
        "backprop" trains all layers, None only the linear layer, on frozen features.

    optimizer : {"rmsprop", "sgd", "adam", "adagrad"} or Optimizer, default="rmsprop"
        How a gradient becomes an update in fine-tuning, see :mod:`skdbn.optimizers`.

    learning_rate : "auto", float or Schedule, default="auto"
        Step size of one update in fine-tuning. "auto" starts at r = 0.08 / sqrt(n_features), at most
        0.01, and falls linearly to 0 in `fit`, as ``InverseScaling(r, delay=1000)`` in `partial_fit`.

    alpha : float, default=1e-4
        Weight decay of fine-tuning, >= 0: each update multiplies the weights, not the biases, by
        ``1 - learning_rate * alpha``. It is not normalised by the optimizer.
        Factors above 1 - 1e-5 wait until several make up that much, so as not to be lost in rounding.

    dropout : float or list of float, default=0.1
        Share of the units of each hidden layer switched off at random in fine-tuning, in [0, 1); a list
        has one value a layer.

    input_dropout : float, default=0.0
        Share of the inputs switched off at random in fine-tuning, in [0, 1). Not with `frozen_layers`,
        whose features are computed once. Of few columns, each of which matters, none should be.

    max_norm : float, list or None, default=None
        Largest Euclidean norm of the weights into a hidden unit in fine-tuning, > 0; a list has one
        value, or None, a layer.

    frozen_layers : int, default=0
        Number of hidden layers, from the lowest, that keep their pre-trained weights.

    head_epochs : int, default=0
        First epochs, of `max_iter`, in which only the output layer is trained.

    batch_size : int, "auto" or None, default="auto"
        Rows of an update in fine-tuning. "auto" makes about 100 updates an epoch, with 10 to 100 rows
        each; None takes all rows at once.

    max_iter : int, default=100
        Largest number of epochs of fine-tuning, >= 1.

    early_stopping : bool, default=False
        Whether to hold out rows, stop when their R2 does not improve, and keep the best weights. The
        rows are `X_val`, or else a share of X. Without it, a constant rate stops when the training loss
        does not improve, and one that falls runs to its end.

    validation_fraction : float, default=0.1
        Share of the rows with targets held out by `early_stopping`, in (0, 1).

    n_iter_no_change : int, default=10
        Epochs without improvement after which fine-tuning stops, >= 1.

    tol : float, default=1e-4
        Smallest change of the loss or R2 that is an improvement, >= 0.

    unlabeled : float or None, default=None
        Rows whose `y` equals this marker in all columns, such as ``np.nan``, take part in pre-training
        only. None: there are none.

    warm_start : bool, default=False
        Whether `fit` goes on fine-tuning the fitted network, without new pre-training.

    verbose : int, default=0
        With 1, one line an epoch is printed.

    random_state : int, RandomState instance or None, default=None
        Decides first weights, order of rows and all draws of the training, of the RBMs too.

    Attributes
    ----------
    rbms_ : list of RBMTransformer
        The pre-trained machines, bottom up, as they were before fine-tuning; empty without pre-training.

    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer, output layer last. The first act on X itself, the last give units of y.

    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer.

    visible_ : Unit
        Type of the inputs, with what it took from the training data.

    loss_curve_ : list of float
        Mean of half the squared error, summed over the scaled outputs, of each epoch of fine-tuning.

    validation_scores_ : list of float
        R2 on the held-out rows after each epoch; empty if there are none.

    best_validation_score_ : float or None
        The largest of them.

    n_iter_ : int
        Epochs of fine-tuning run.

    n_layers_ : int
        Number of layers, inputs and outputs included.

    n_outputs_ : int
        Number of columns of y.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X had string names.

    See Also
    --------
    DBNClassifier : The same for classes.
    sklearn.neural_network.MLPRegressor : A plain network trained by Adam.

    Notes
    -----
    Inputs within [0, 1] meet Bernoulli visible units, others Gaussian ones (see `RBMTransformer`).
    `partial_fit` takes the scale of the targets from its first chunk.

    References
    ----------
    .. [1] Hinton, G. E., Osindero, S. and Teh, Y. (2006). A fast learning algorithm for deep belief
           nets. Neural Computation 18(7). :doi:`10.1162/neco.2006.18.7.1527`
    .. [2] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data with
           neural networks. Science 313. :doi:`10.1126/science.1127647`
    .. [3] Glorot, X. and Bengio, Y. (2010). Understanding the difficulty of training deep
           feedforward neural networks. AISTATS. https://proceedings.mlr.press/v9/glorot10a.html

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdbn import DBNRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = DBNRegressor((16,), random_state=0).fit(X[:300], y[:300])
    >>> bool(model.score(X[300:], y[300:]) > 0.4)
    True
    """

    _parameter_constraints: dict = {
        **SupervisedDBN._parameter_constraints,
        "fine_tuning": [StrOptions({"backprop"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (256, 256),
        *,
        rbm: RBMTransformer | Sequence[RBMTransformer] | None = None,
        pretrain: bool | BaseEstimator = True,
        fine_tuning: str | None = "backprop",
        optimizer: str | Optimizer = "rmsprop",
        learning_rate: str | Rate = "auto",
        alpha: float = 1e-4,
        dropout: float | Sequence[float] = 0.1,
        input_dropout: float = 0.0,
        max_norm: float | Sequence[float | None] | None = None,
        frozen_layers: int = 0,
        head_epochs: int = 0,
        batch_size: int | str | None = "auto",
        max_iter: int = 100,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        unlabeled: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.rbm = rbm
        self.pretrain = pretrain
        self.fine_tuning = fine_tuning
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.max_norm = max_norm
        self.frozen_layers = frozen_layers
        self.head_epochs = head_epochs
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.unlabeled = unlabeled
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike,
        y: TargetsLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike = None,
        y_val: TargetsLike = None,
        sample_weight_val: ArrayLike | None = None,
        resume_from: FilePath | None = None,
    ) -> DBNRegressor:
        """Pre-train the layers and fine-tune the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values, or the marker `unlabeled`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0, in both phases.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Held-out rows: measured after each epoch, and deciding with `early_stopping`. In a Pipeline,
            ``transform_input=["X_val"]`` sends them through the steps before.

        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights in R2.

        resume_from : str, path-like or None, default=None
            File of a :class:`skdbn.callbacks.Checkpoint` of a fit that was cut off, with the same
            parameters and data: the fit goes on from there, and ends as it would have.

        Returns
        -------
        self : DBNRegressor
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val, resume_from)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: TargetsLike, sample_weight: ArrayLike | None = None
    ) -> DBNRegressor:
        """Fine-tune for one pass over X in mini-batches; the first call pre-trains the layers on it.

        Give the first call a chunk that stands for the data: all of `n_iter` epochs of pre-training see
        only its rows, unless `pretrain` is a frozen stack, and the scale of the targets is theirs.
        Parameters, optimizer state, the position of the schedules and the random generator are kept from
        call to call; each counts as one of `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of training rows of any size.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values, or the marker `unlabeled`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        Returns
        -------
        self : DBNRegressor
            The fitted estimator.
        """
        return self._partial_fit(X, y, sample_weight)

    def _check_targets(self, y, task=None):
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        marker_is_nan = self.unlabeled is not None and self.unlabeled != self.unlabeled
        with np.errstate(invalid="ignore"):  # it takes the sum of huge values, inf - inf at worst
            y = check_array(
                y,
                ensure_2d=False,
                dtype=np.float64,
                ensure_all_finite="allow-nan" if marker_is_nan else True,
                input_name="y",
                estimator=self,
                **may_be_empty(),
            )
        matrix = y.reshape(len(y), *(y.shape[1:] or (1,)))
        if marker_is_nan and np.isnan(matrix[has_any_target(matrix, self.unlabeled)]).any():
            raise ValueError("y contains NaN in a part of a row; a row without targets has NaN in all.")
        return y

    def _new_task(self, y, sample_weight):
        matrix = y.reshape(len(y), *(y.shape[1:] or (1,)))
        known = has_any_target(matrix, self.unlabeled)
        if not current_team().any(known.any()):
            raise ValueError(f"No row has a target: all of y equals unlabeled={self.unlabeled!r}.")
        weight = None if sample_weight is None else sample_weight[known]
        return Values(*weighted_moments(matrix[known], weight), one_dimensional=y.ndim == 1)

    def _keep(self, network, machines, task, *arguments, **options):
        super()._keep(network, machines, task, *arguments, **options)
        self.n_outputs_ = task.n_outputs
