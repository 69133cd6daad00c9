"""DBNClassifier: parameters, validation and wiring."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skdbn import _validation
from skdbn._class_weights import weights_with_classes
from skdbn._fitted_up_down import FittedUpDownMixin
from skdbn._labels import (
    check_labels_or_indicators,
    check_weights_online,
    classes_of_all,
    classes_online,
)
from skdbn._rbm import RBMTransformer
from skdbn._rows import spread_rows
from skdbn._sklearn_compat import Interval, StrOptions, fit_context
from skdbn._targets import Classes, Labels
from skdbn._typing import ArrayLike, FilePath, MatrixLike, Seed, TargetsLike
from skdbn._up_down_dbn import UpDownMixin
from skdbn.optimizers import Optimizer
from skdbn.schedules import Rate

_N_SHOWN = 5000  # training rows on which the warning about a single class looks


class DBNClassifier(FittedUpDownMixin, UpDownMixin):
    r"""Deep belief network: a stack of RBMs, fine-tuned as a classifier.

    Training has two phases. *Pre-training* fits one RBM a layer without labels, bottom up; each is
    trained to its end before the next one is trained on what its `transform` gives [1]_.
    *Fine-tuning* puts a softmax layer on top and minimises the mean cross-entropy

    .. math:: -\frac{1}{\sum_i w_i} \sum_i w_i \log p(y_i \mid x_i)

    by back-propagation through all layers [2]_; for several labels a row the outputs are logistic and
    independent. Or it keeps a model of rows and labels, by the up-down algorithm [1]_. All of it uses
    RMSProp.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256, 256)
        Number of hidden units of each layer, bottom up, each >= 1. Inputs and outputs are not listed.

    rbm : RBMTransformer, list of RBMTransformer or None, default=None
        Prototype of the RBMs, cloned for each layer (with the layer's size and a seed from
        `random_state`), or a list, one a layer; None is ``RBMTransformer()``, with CD for a top RBM that
        models labels. Pre-training is tuned through it: ``rbm__learning_rate``, ``rbm__n_iter``.

    pretrain : bool or estimator, default=True
        Whether layers start from RBMs. False is the plain network, with the initialisation of Glorot
        and Bengio [3]_: compare the two. A fitted `DBNTransformer` in a ``FrozenEstimator`` lends its
        machines, see `pretrain_on`.

    fine_tuning : {"backprop", "up-down"} or None, default="backprop"
        "backprop" trains all layers, None only the softmax layer, on frozen features. "up-down" joins
        the labels to the inputs of the top RBM and trains the layers below by wake-sleep, with weights
        of their own for the way up and the way down; dropout, `max_norm`, `frozen_layers` and
        `head_epochs` do not apply to it.

    discriminative_weight : float, default=0.0
        Only for "up-down": weight of :math:`-\log p(y | h)` in the loss of the top RBM, >= 0, with h the
        states of the layer that the labels are joined to. Beside it stands :math:`-\log p(h, y)`, with
        weight 1, which alone is the published algorithm [1]_. More of it classified digits better;
        samples are then drawn from a model that was not trained for them alone, and may look like
        nothing with weights far above 1.

    optimizer : {"rmsprop", "sgd", "adam", "adagrad"} or Optimizer, default="rmsprop"
        How a gradient becomes an update in fine-tuning, see :mod:`skdbn.optimizers`.

    learning_rate : "auto", float or Schedule, default="auto"
        Step size of one update in fine-tuning. "auto" starts at r = 0.08 / sqrt(n_features), at most
        0.01, since a step of RMSProp moves a unit more the more inputs it has. In `fit` it is
        ``Linear(r, 0)``; in `partial_fit`, where the end is not known,
        ``InverseScaling(r, delay=1000)``.

    alpha : float, default=1e-4
        Weight decay of fine-tuning, >= 0: each update multiplies the weights, not the biases, by
        ``1 - learning_rate * alpha``. It is not normalised by the optimizer.
        Factors above 1 - 1e-5 wait until several make up that much, so as not to be lost in rounding.

    dropout : float or list of float, default=0.1
        Share of the units of each hidden layer switched off at random in fine-tuning, in [0, 1); a list
        has one value a layer.

    input_dropout : float, default=0.2
        Share of the inputs switched off at random in fine-tuning, in [0, 1). Not with `frozen_layers`,
        whose features are computed once.

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

    max_iter : int, default=30
        Largest number of epochs of fine-tuning, >= 1.

    early_stopping : bool, default=False
        Whether to hold out rows, stop when their accuracy does not improve, and keep the best
        weights. The rows are `X_val`, or else a stratified share of X. Without it, a constant rate stops
        when the training loss does not improve, and one that falls runs to its end.

    validation_fraction : float, default=0.1
        Share of the labelled rows held out by `early_stopping`, in (0, 1).

    n_iter_no_change : int, default=10
        Epochs without improvement after which fine-tuning stops, >= 1.

    tol : float, default=1e-4
        Smallest change of the loss or accuracy that is an improvement, >= 0.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in fine-tuning. "balanced" gives all classes the same total weight. Not for
        several labels a row.

    unlabeled : label or None, default=None
        Rows whose `y` equals this marker (throughout, for several labels a row) take part in
        pre-training only, and do not count in `score`. None: there are none.

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
        Weights of each layer, output layer last. The first act on X itself.

    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer.

    visible_ : Unit
        Type of the inputs, with what it took from the training data.

    generative_coefs_ : list of ndarray of shape (n_in, n_out)
        After "up-down", the weights of the way down, the layer of the inputs first; the last are those of
        the top RBM. `coefs_` then are the way up, and the labels' weights in the top RBM.

    generative_intercepts_ : list of ndarray of shape (n_out,)
        Their biases.

    classes_ : ndarray of shape (n_classes,)
        Labels, sorted; for several labels a row, the numbers of the columns of y.

    loss_curve_ : list of float
        Mean cross-entropy of each epoch of fine-tuning, in nats; with "up-down" that of the states of each
        layer given the one above.

    validation_scores_ : list of float
        Accuracy on the held-out rows after each epoch; empty if there are none.

    best_validation_score_ : float or None
        The largest of them.

    n_iter_ : int
        Epochs of fine-tuning run.

    n_layers_ : int
        Number of layers, inputs and outputs included.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X had string names.

    See Also
    --------
    DBNRegressor : The same for numbers.
    DBNTransformer : The stack without labels, a density and an autoencoder.
    RBMClassifier : One layer that models inputs and labels together.
    sklearn.neural_network.MLPClassifier : A plain network trained by Adam.

    Notes
    -----
    Inputs within [0, 1] meet Bernoulli visible units, others Gaussian ones (see `RBMTransformer`).
    Pre-training pays with few labels or deep stacks; with many labels ``pretrain=False`` is often as good.

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
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skdbn import DBNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = make_pipeline(MinMaxScaler(), DBNClassifier((64,), random_state=0))
    >>> bool(model.fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) > 0.9)
    True
    """

    _parameter_constraints: dict = {
        **UpDownMixin._parameter_constraints,
        "fine_tuning": [StrOptions({"backprop", "up-down"}), None],
        "discriminative_weight": [Interval(Real, 0, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (256, 256),
        *,
        rbm: RBMTransformer | Sequence[RBMTransformer] | None = None,
        pretrain: bool | BaseEstimator = True,
        fine_tuning: str | None = "backprop",
        discriminative_weight: float = 0.0,
        optimizer: str | Optimizer = "rmsprop",
        learning_rate: str | Rate = "auto",
        alpha: float = 1e-4,
        dropout: float | Sequence[float] = 0.1,
        input_dropout: float = 0.2,
        max_norm: float | Sequence[float | None] | None = None,
        frozen_layers: int = 0,
        head_epochs: int = 0,
        batch_size: int | str | None = "auto",
        max_iter: int = 30,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: dict[Any, float] | str | None = None,
        unlabeled: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.rbm = rbm
        self.pretrain = pretrain
        self.fine_tuning = fine_tuning
        self.discriminative_weight = discriminative_weight
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
        self.class_weight = class_weight
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
    ) -> DBNClassifier:
        """Pre-train the layers and fine-tune the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any type, or the marker `unlabeled`; for several labels a row, an indicator
            matrix of 0 and 1.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0, in both phases.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Held-out rows: measured after each epoch, and deciding with `early_stopping`. In a Pipeline,
            ``transform_input=["X_val"]`` sends them through the steps before.

        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Their labels.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights in the accuracy.

        resume_from : str, path-like or None, default=None
            File of a :class:`skdbn.callbacks.Checkpoint` of a fit that was cut off, with the same
            parameters and data: the fit goes on from there, and ends as it would have.

        Returns
        -------
        self : DBNClassifier
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val, resume_from)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: MatrixLike,
        y: TargetsLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> DBNClassifier:
        """Fine-tune for one pass over X in mini-batches; the first call pre-trains the layers on it.

        Give the first call a chunk that stands for the data: all of `n_iter` epochs of pre-training see
        only its rows, unless `pretrain` is a frozen stack (`DBNTransformer.partial_fit` pre-trains on
        chunks). Parameters, optimizer state, the position of the schedules and the random
        generator are kept from call to call; each counts as one of `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of training rows of any size.

        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or the marker `unlabeled`.

        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call, unless its `y` has them all.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        Returns
        -------
        self : DBNClassifier
            The fitted estimator.
        """
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def _check_usable_online(self):
        super()._check_usable_online()
        check_weights_online(self.class_weight)

    def _check_targets(self, y, task=None):
        y = check_labels_or_indicators(y, self, self.unlabeled, sure=isinstance(task, Labels))
        if y.ndim == 2 and self.class_weight is not None:
            raise ValueError("class_weight is for one label a row, but y is an indicator matrix.")
        return y

    def _new_task(self, y, sample_weight):
        self._check_up_down(y)
        if y.ndim == 1:
            return Classes(classes_of_all(y, self.unlabeled))
        return Labels(y.shape[1])

    def _task_online(self, y, sample_weight, resume, classes):
        if y.ndim == 2:
            return self._task if resume else self._new_task(y, sample_weight)
        found = classes_online(y, classes, self.unlabeled, self.classes_ if resume else None)
        if resume:
            return self._task
        self._check_up_down(y)
        return Classes(found)

    def _row_weights(self, data, task):
        return weights_with_classes(data, self.class_weight, task.classes)

    def _keep(self, network, machines, task, *arguments, **options):
        super()._keep(network, machines, task, *arguments, **options)
        self.classes_ = task.classes

    def _warn(self, result, data):
        """Warn if fine-tuning did not converge, or gives one class for all it was trained on."""
        super()._warn(result, data)
        data = data.labelled()
        if data.targets.ndim == 1:
            shown = spread_rows(len(data.targets), _N_SHOWN)
            with np.errstate(over="ignore", invalid="ignore"):  # as in the training before
                predicted = self._outputs(data.X[shown]).argmax(axis=1)
            _validation.warn_if_one_class(predicted, data.targets[shown], self.classes_)
