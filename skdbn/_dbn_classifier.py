"""DBNClassifier: parameters, validation and wiring."""

import copy
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_consistent_length

from skdbn import _validation
from skdbn._columns import visible_from_columns
from skdbn._dbn import layer_prototypes, new_network
from skdbn._fine_tuning import FineTuningResult, Stopping, fine_tune, fine_tune_top
from skdbn._fitted_dbn import FittedDBNClassifierMixin
from skdbn._labels import (
    NO_LABEL,
    LabelledRows,
    check_labels,
    find_classes,
    given_classes,
    positions,
    split_stratified,
    weights_with_classes,
)
from skdbn._network import Network, probabilities, split
from skdbn._planning import FirstRate, plan_training
from skdbn._rbm import RBMTransformer
from skdbn._rows import spread_rows
from skdbn._sklearn_compat import Interval, StrOptions, fit_context
from skdbn._training import TrainingState
from skdbn._transaction import all_or_nothing
from skdbn._validation import data_range, warn_if_one_class, warn_not_converged, widest
from skdbn.optimizers import OPTIMIZERS, Optimizer
from skdbn.schedules import Schedule

# Found on validation rows: with 784 inputs 0.003 was best (0.001 and 0.01 were worse), with 64 0.01.
_FIRST_RATE = FirstRate(for_one_input=0.08, largest=0.01)
_N_SHOWN = 5000  # training rows on which the warning about a single class looks


class DBNClassifier(ClassNamePrefixFeaturesOutMixin, FittedDBNClassifierMixin, BaseEstimator):
    r"""Deep belief network: a stack of RBMs, fine-tuned as a classifier.

    Training has two phases. *Pre-training* fits one RBM a layer without labels, bottom up; each is
    trained to its end before the next one is trained on what its `transform` gives [1]_.
    *Fine-tuning* puts a softmax layer on top and minimises the mean cross-entropy

    .. math:: -\frac{1}{\sum_i w_i} \sum_i w_i \log p(y_i \mid x_i)

    by back-propagation through all layers [2]_. Both phases use RMSProp.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256, 256)
        Number of hidden units of each layer, bottom up, each >= 1. Inputs and outputs are not listed.

    rbm : RBMTransformer, list of RBMTransformer or None, default=None
        Prototype of the RBMs, cloned for each layer (with the layer's size and a seed from
        `random_state`), or a list, one a layer; None is ``RBMTransformer()``. Pre-training is tuned
        through it: ``rbm__learning_rate``, ``rbm__n_iter``.

    pretrain : bool, default=True
        Whether layers start from RBMs. False is the plain network, with the initialisation of Glorot
        and Bengio [3]_: compare the two.

    fine_tuning : {"backprop"} or None, default="backprop"
        "backprop" trains all layers, None only the softmax layer, on frozen features.

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

    dropout : float, default=0.1
        Share of the units of each hidden layer switched off at random in fine-tuning, in [0, 1).

    batch_size : int, "auto" or None, default="auto"
        Rows of an update in fine-tuning. "auto" makes about 100 updates an epoch, with 10 to 100 rows
        each; None takes all rows at once.

    max_iter : int, default=30
        Largest number of epochs of fine-tuning, >= 1.

    early_stopping : bool, default=False
        Whether to hold out rows, stop when their accuracy does not improve, and keep the best
        weights. The rows are `X_val`, or else a stratified share of X. Without it, fine-tuning stops
        when the training loss does not improve.

    validation_fraction : float, default=0.1
        Share of the labelled rows held out by `early_stopping`, in (0, 1).

    n_iter_no_change : int, default=10
        Epochs without improvement after which fine-tuning stops, >= 1.

    tol : float, default=1e-4
        Smallest change of the loss or accuracy that is an improvement, >= 0.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in fine-tuning. "balanced" gives all classes the same total weight.

    unlabeled : label or None, default=None
        Rows whose `y` equals this marker take part in pre-training only. None: there are none.

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

    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.

    loss_curve_ : list of float
        Mean cross-entropy of each epoch of fine-tuning, in nats.

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
    RBMTransformer : One layer, without labels.
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
        "hidden_layer_sizes": ["array-like", Integral],
        "rbm": [RBMTransformer, list, tuple, None],
        "pretrain": ["boolean"],
        "fine_tuning": [StrOptions({"backprop"}), None],
        "optimizer": [StrOptions(set(OPTIMIZERS)), Optimizer],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
            Schedule,
        ],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "unlabeled": "no_validation",
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        hidden_layer_sizes=(256, 256),
        *,
        rbm=None,
        pretrain=True,
        fine_tuning="backprop",
        optimizer="rmsprop",
        learning_rate="auto",
        alpha=1e-4,
        dropout=0.1,
        batch_size="auto",
        max_iter=30,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        class_weight=None,
        unlabeled=None,
        warm_start=False,
        verbose=0,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.rbm = rbm
        self.pretrain = pretrain
        self.fine_tuning = fine_tuning
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.dropout = dropout
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
    @all_or_nothing
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Pre-train the layers and fine-tune the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels of any type, or the marker `unlabeled`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0, in both phases.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Held-out rows: measured after each epoch, and deciding with `early_stopping`. In a Pipeline,
            ``transform_input=["X_val"]`` sends them through the steps before.

        y_val : array-like of shape (n_val,), default=None
            Their labels.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights in the accuracy.

        Returns
        -------
        self : DBNClassifier
            The fitted estimator.
        """
        resume = self.warm_start and hasattr(self, "coefs_")
        frame = X
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, reset=not resume)
        classes = self.classes_ if resume else find_classes(y, self.unlabeled)
        data = LabelledRows(X, positions(y, classes, self.unlabeled), sample_weight)
        held_out = self._check_held_out(X_val, y_val, sample_weight_val, classes, X.dtype)
        if resume:
            network, machines, state = self._resumed()
            state.start_anew()
        else:
            state = TrainingState(_validation.make_generator(self.random_state))
        if self.early_stopping and held_out is None:
            data, held_out = split_stratified(data, self.validation_fraction, state.rng)
        if not resume:
            network, machines = self._new_network(data, len(classes), state.rng, frame)
        plan = self._plan(data, online=False)
        result = self._fine_tune(network, data, classes, plan, state, held_out)
        self._keep(network, machines, classes, state, result, data_range(X), add=resume)
        self._warn(result, data)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Fine-tune for one pass over X in mini-batches; the first call pre-trains the layers on it.

        Give the first call a chunk that stands for the data: all of `n_iter` epochs of pre-training see
        only its rows. Parameters, optimizer state, the position of the schedules and the random
        generator are kept from call to call; each counts as one of `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of training rows of any size.

        y : array-like of shape (n_samples,)
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
        self._check_usable_online()
        resume = hasattr(self, "coefs_")
        frame = X
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, reset=not resume)
        classes = self._classes_online(y, classes, resume)
        data = LabelledRows(X, positions(y, classes, self.unlabeled), sample_weight)
        if resume:
            network, machines, state = self._resumed()
        else:
            state = TrainingState(_validation.make_generator(self.random_state))
            network, machines = self._new_network(data, len(classes), state.rng, frame)
        plan = self._plan(data, online=True)
        result = self._fine_tune(network, data, classes, plan, state)
        self._keep(network, machines, classes, state, result, data_range(X), add=resume)
        return self

    def _check_usable_online(self):
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        if self.class_weight == "balanced":
            raise ValueError(
                'class_weight="balanced" is not supported for partial_fit, which does not see all '
                "rows: pass a dict, or sample_weight."
            )

    def _classes_online(self, y, classes, resume):
        given = None if classes is None else given_classes(classes, self.unlabeled)
        if not resume:
            return find_classes(y, self.unlabeled) if given is None else given
        if given is not None and not np.array_equal(given, self.classes_):
            raise ValueError(
                f"classes={given.tolist()} is not the same as on the last call: {self.classes_.tolist()}."
            )
        return self.classes_

    def _check_training_data(self, X, y, sample_weight, *, reset):
        """Return X, the labels and the weights of the rows of positive weight."""
        y = check_labels(y, self)
        X = _validation.check_rows(self, X, reset=reset)
        check_consistent_length(X, y)
        sample_weight, X, y = _validation.drop_rows_without_weight(sample_weight, X, y)
        if not reset:
            X = X.astype(self.coefs_[0].dtype, copy=False)
            _validation.warn_if_far_outside(X, self._fitted_range, when="training")
        return X, y, sample_weight

    def _check_held_out(self, X_val, y_val, sample_weight_val, classes, dtype):
        """Return the rows given for validation, or None."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: give both or neither.")
        if X_val is None:
            return None
        y_val = check_labels(y_val, self)
        X_val = _validation.check_rows(self, X_val, reset=False).astype(dtype, copy=False)
        check_consistent_length(X_val, y_val)
        weight, X_val, y_val = _validation.drop_rows_without_weight(sample_weight_val, X_val, y_val)
        return LabelledRows(X_val, positions(y_val, classes, self.unlabeled), weight).labelled()

    def _new_network(self, data, n_classes, rng, frame):
        sizes = _validation.check_hidden_layer_sizes(self.hidden_layer_sizes)
        prototypes = layer_prototypes(self.rbm, sizes, rng, self.verbose)
        if isinstance(prototypes[0].visible, (list, tuple)):  # the machine itself sees no column names
            names = getattr(self, "feature_names_in_", None)
            visible = visible_from_columns(prototypes[0].visible, self.n_features_in_, names, frame)
            prototypes[0].set_params(visible=visible)
        return new_network(prototypes, self.pretrain, data.X, data.sample_weight, n_classes, rng)

    def _resumed(self):
        """Return copies of what was fitted, so that a failure leaves this estimator as it was."""
        sizes = _validation.check_hidden_layer_sizes(self.hidden_layer_sizes)
        fitted_sizes = tuple(len(bias) for bias in self.intercepts_[:-1])
        if sizes != fitted_sizes:
            raise ValueError(
                f"hidden_layer_sizes={sizes} but the fitted network has {fitted_sizes}; "
                "use clone() to start anew."
            )
        weight, bias = self.visible_.from_data_units(self.coefs_[0], self.intercepts_[0])
        arrays = (weight, *self.coefs_[1:], bias, *self.intercepts_[1:])
        parameters = tuple(np.array(array, order="C") for array in arrays)
        network = Network(self.visible_, self._units, parameters)
        return network, self.rbms_, copy.deepcopy(self._state)

    def _plan(self, data, *, online):
        n_labelled = max(1, int((data.targets != NO_LABEL).sum()))
        return plan_training(
            self, n_labelled, self.max_iter, _FIRST_RATE, online=online, stage="Fine-tuning"
        )

    def _fine_tune(self, network, data, classes, plan, state, held_out=None):
        """Train the network in place on the labelled rows."""
        data = data.labelled()
        if not data.targets.size:
            return FineTuningResult(converged=True)
        data = data._replace(sample_weight=weights_with_classes(data, self.class_weight, classes))
        stopping = Stopping(self.early_stopping, self.tol, self.n_iter_no_change)
        tune = fine_tune_top if self.fine_tuning is None else fine_tune
        return tune(network, data, plan, state, stopping, held_out, self.dropout, self.verbose)

    def _keep(self, network, machines, classes, state, result, values, *, add):
        """Set the fitted attributes, all at once and only after the training succeeded."""
        weights, biases = map(list, split(network.parameters))
        weights[0], biases[0] = network.visible.to_data_units(weights[0], biases[0])
        self.coefs_, self.intercepts_ = weights, biases
        self.rbms_, self.classes_, self.visible_ = machines, classes, network.visible
        self._units, self._state = network.units, state
        loss_curve, scores = result.loss_curve, result.validation_scores
        if add:
            loss_curve, scores = self.loss_curve_ + loss_curve, self.validation_scores_ + scores
            values = widest(self._fitted_range, values)
        self.loss_curve_, self.validation_scores_ = loss_curve, scores
        self.best_validation_score_ = max(scores, default=None)
        self.n_iter_, self._fitted_range = len(loss_curve), values
        self.n_layers_ = len(weights) + 1
        self._n_features_out = weights[-1].shape[0]

    def _warn(self, result, data):
        """Warn if fine-tuning did not converge, or gives one class for all it was trained on."""
        if not result.converged:
            warn_not_converged(self.max_iter)
        data = data.labelled()
        shown = spread_rows(len(data.targets), _N_SHOWN)
        predicted = probabilities(self._network(), data.X[shown]).argmax(axis=1)
        warn_if_one_class(predicted, data.targets[shown], self.classes_)
