"""RBMClassifier: parameters, validation and wiring."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.base import ClassNamePrefixFeaturesOutMixin

from skdbn._callback_support import with_callbacks
from skdbn._class_rbm_base import ClassRBMTraining
from skdbn._fitted_class_rbm import FittedClassRBMMixin
from skdbn._labels import LabelledRows, classes_of_all, classes_online, positions, split_stratified
from skdbn._shards import common_generator
from skdbn._sklearn_compat import Interval, StrOptions, fit_context
from skdbn._streams import as_given
from skdbn._transaction import all_or_nothing
from skdbn._typing import ArrayLike, FilePath, MatrixLike, Seed, TargetsLike
from skdbn.optimizers import OPTIMIZERS, Optimizer
from skdbn.samplers import SAMPLERS, Sampler
from skdbn.schedules import Rate, Schedule
from skdbn.sparsity import SparsityTarget
from skdbn.units import UNITS, Unit


class RBMClassifier(ClassNamePrefixFeaturesOutMixin, FittedClassRBMMixin, ClassRBMTraining):
    r"""Restricted Boltzmann machine with class labels among its visible units.

    With inputs x (the columns of X), the label y as a one-hot row of softmax units, and hidden units h,

    .. math:: p(x, y, h) \propto e^{-E(x, y, h)}, \qquad
        E(x, y, h) = E_0(x) - b \cdot x - d \cdot y - c \cdot h - h^\top W x - h^\top U y .

    The hidden units can be summed out, so the probability of a class is known exactly [1]_:

    .. math:: p(y = k \mid x) \propto
        e^{d_k} \prod_j \big(1 + e^{c_j + U_{jk} + (W x)_j}\big)

    for binary hidden units. Training minimises a weighted sum of the means of
    :math:`-\log p(y \mid x)`, whose gradient is exact, of :math:`-\log p(x, y)`, whose model term comes
    from a sampler, and, over rows without a label, of :math:`-\log p(x)` [2]_, by RMSProp in the centred
    parametrisation. It is a classifier on its own: nothing is fine-tuned afterwards.

    Parameters
    ----------
    n_components : int, default=500
        Number of hidden units, >= 1.

    objective : {"hybrid", "discriminative", "generative"}, default="hybrid"
        What rows with a label are trained for: "discriminative" minimises the mean of
        :math:`-\log p(y | x)`, "generative" that of :math:`-\log p(x, y)`, "hybrid" the first plus
        `generative_weight` times the second.

    generative_weight : float, default=0.01
        Weight of the generative term of "hybrid", >= 0. It keeps the machine from learning only what
        tells the classes apart.

    visible : {"auto", "bernoulli", "gaussian", "relu", "softmax"}, Unit or list, default="auto"
        Type of the input units, as in :class:`RBMTransformer`. With "auto" and values within [0, 1], grey
        levels are drawn anew as 0 or 1 each time a row is seen in training, which is noise that helps
        against overfitting; ``Bernoulli(redraw=False)`` takes them as they are.

    hidden : {"bernoulli", "gaussian", "relu", "softmax"} or Unit, default="bernoulli"
        Type of the hidden units. One layer at least has to be Bernoulli or softmax.

    sampler : {"cd", "pcd", "fastpcd", "paralleltempering", "meanfield"} or Sampler, default="cd"
        Where the model term of the gradient comes from, see :mod:`skdbn.samplers`. "discriminative" needs
        none, unless there are rows without a label.

    centered : bool, default=True
        Whether states enter the gradient minus their mean in the data, labels included. Learns faster, and
        equally well on X and on 1 - X.

    optimizer : {"rmsprop", "sgd", "adam", "adagrad"} or Optimizer, default="rmsprop"
        How a gradient becomes an update, see :mod:`skdbn.optimizers`.

    learning_rate : "auto", float or Schedule, default="auto"
        Step size of one update. "auto" starts at r = 0.17 / sqrt(n_features), at most 0.02, since a step
        of RMSProp moves a unit more the more inputs it has. In `fit` it is ``Linear(r, 0)``; in
        `partial_fit`, where the end is not known, ``InverseScaling(r, delay=1000)``.

    alpha : float, default=1e-4
        Weight decay, >= 0: each update multiplies the weights W and U, not the biases, by
        ``1 - learning_rate * alpha``. It is not normalised by the optimizer.
        Factors above 1 - 1e-5 wait until several make up that much, so as not to be lost in rounding.

    max_norm : float or None, default=None
        Largest Euclidean norm of the weights of a hidden unit, those of the label included, > 0.

    sparsity : float, SparsityTarget or None, default=None
        Wanted mean activity of the hidden units given inputs and label, see
        :class:`skdbn.sparsity.SparsityTarget`.

    batch_size : int, "auto" or None, default="auto"
        Rows of an update. "auto" makes about 100 updates an epoch, with 10 to 100 rows each; None takes
        all rows at once. With rows of both kinds, an update has up to so many of each.

    max_iter : int, default=30
        Largest number of epochs (passes over the rows) of `fit`, >= 1. The unit of the schedules in
        `partial_fit`: one call counts as one of `max_iter` epochs. With rows of both kinds, an epoch is a
        pass over the larger part, and the other one comes around again in it.

    early_stopping : bool, default=False
        Whether to stop when the accuracy on held-out rows no longer improves, and to keep the weights of
        the best epoch. They are `X_val` or, without it, a stratified share of the rows with a label.

    validation_fraction : float, default=0.1
        Share of the rows with a label that is held out for `early_stopping`, in (0, 1).

    n_iter_no_change : int, default=10
        Epochs that improve the accuracy (with `early_stopping`) or the loss by less than `tol` before
        training stops, >= 1. Without `early_stopping` a rate that falls runs to its end, and so does
        "generative", whose loss cannot be computed.

    tol : float, default=1e-4
        Smallest change that counts as an improvement, >= 0.

    class_weight : dict, "balanced" or None, default=None
        Weight of each class, multiplied with `sample_weight`, in all terms. "balanced" gives every class
        the same total weight.

    unlabeled : label, default=None
        Rows whose `y` equals this marker (NaN is one too) have no label: they add to the density of the
        inputs only. None: all values of `y` are classes.

    unlabeled_weight : float, default=0.1
        Weight of the mean of :math:`-\log p(x)` over the rows without a label, >= 0, whatever the
        `objective`: "discriminative" becomes semi-supervised too.

    warm_start : bool, default=False
        Whether `fit` goes on from the fitted parameters and chains; the learning-rate schedule and the
        optimizer's averages start anew.

    verbose : int, default=0
        With 1, one line an epoch is printed.

    random_state : int, RandomState instance or None, default=None
        Decides first weights, held-out rows, order of rows and all draws of the training.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights W between inputs and hidden units. For Gaussian inputs they act on
        ``(X - visible_.location_) / visible_.scale_``.

    label_components_ : ndarray of shape (n_components, n_classes)
        Weights U between labels and hidden units.

    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.

    intercept_visible_ : ndarray of shape (n_features,)
        Biases b of the input units.

    intercept_label_ : ndarray of shape (n_classes,)
        Biases d of the labels.

    classes_ : ndarray of shape (n_classes,)
        Sorted labels, without the marker `unlabeled`.

    visible_ : Unit
        Type of the input units, with what it took from the training data.

    hidden_ : Unit
        Type of the hidden units.

    loss_curve_ : list of float
        Weighted mean of :math:`-\log p(y | x)` in each epoch, whatever the `objective`.

    validation_scores_ : list of float
        Accuracy on the held-out rows after each epoch; empty if there are none.

    best_validation_score_ : float or None
        The largest of them.

    n_iter_ : int
        Number of epochs run, `partial_fit` calls included.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X had string names.

    See Also
    --------
    RBMTransformer : The same machine without labels.
    DBNClassifier : A stack of RBMs, fine-tuned as a classifier.

    Notes
    -----
    A step costs about two products of the inputs with the weights for "discriminative", five for
    "generative" and "hybrid", and two passes over the hidden units for each class; with hundreds of
    classes, these take most of the time. Of rows without a label the label is summed out exactly.

    References
    ----------
    .. [1] Larochelle, H. and Bengio, Y. (2008). Classification using discriminative restricted Boltzmann
           machines. ICML. :doi:`10.1145/1390156.1390224`
    .. [2] Larochelle, H., Mandel, M., Pascanu, R. and Bengio, Y. (2012). Learning algorithms for the
           classification restricted Boltzmann machine. JMLR 13.
           https://jmlr.org/papers/v13/larochelle12a.html

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = RBMClassifier(64, objective="generative", random_state=0)
    >>> bool(model.fit(X[:1500] / 16, y[:1500]).score(X[1500:] / 16, y[1500:]) > 0.85)
    True
    >>> model.sample(3, y=7, random_state=0).shape  # three drawn sevens
    (3, 64)
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "objective": [StrOptions({"generative", "discriminative", "hybrid"})],
        "generative_weight": [Interval(Real, 0, None, closed="left")],
        "visible": [StrOptions({"auto", *UNITS}), Unit, list, tuple],
        "hidden": [StrOptions(set(UNITS)), Unit],
        "sampler": [StrOptions(set(SAMPLERS)), Sampler],
        "centered": ["boolean"],
        "optimizer": [StrOptions(set(OPTIMIZERS)), Optimizer],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
            Schedule,
        ],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "sparsity": [Real, SparsityTarget, None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "unlabeled": "no_validation",
        "unlabeled_weight": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 500,
        *,
        objective: str = "hybrid",
        generative_weight: float = 0.01,
        visible: str | Unit | list[Any] = "auto",
        hidden: str | Unit = "bernoulli",
        sampler: str | Sampler = "cd",
        centered: bool | str = True,
        optimizer: str | Optimizer = "rmsprop",
        learning_rate: str | Rate = "auto",
        alpha: float = 1e-4,
        max_norm: float | None = None,
        sparsity: float | SparsityTarget | None = None,
        batch_size: int | str | None = "auto",
        max_iter: int = 30,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        class_weight: dict[Any, float] | str | None = None,
        unlabeled: Any = None,
        unlabeled_weight: float = 0.1,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.objective = objective
        self.generative_weight = generative_weight
        self.visible = visible
        self.hidden = hidden
        self.sampler = sampler
        self.centered = centered
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.max_norm = max_norm
        self.sparsity = sparsity
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.class_weight = class_weight
        self.unlabeled = unlabeled
        self.unlabeled_weight = unlabeled_weight
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    @with_callbacks
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
    ) -> RBMClassifier:
        """Train for at most `max_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : array-like of shape (n_samples,)
            Class labels of any type, or the marker `unlabeled`.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Held-out rows: measured after each epoch, and deciding with `early_stopping`. In a Pipeline,
            ``transform_input=["X_val"]`` sends them through the steps before.

        y_val : array-like of shape (n_val,), default=None
            Their labels.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights in the accuracy.

        resume_from : str, path-like or None, default=None
            File of a :class:`skdbn.callbacks.Checkpoint` of a fit that was cut off, with the same
            parameters and data: the fit goes on from there, and ends as it would have.

        Returns
        -------
        self : RBMClassifier
            The fitted estimator.
        """
        resume = self.warm_start and hasattr(self, "components_")
        frame = as_given(X)
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, X_val, reset=not resume)
        classes = self.classes_ if resume else classes_of_all(y, self.unlabeled)
        data = LabelledRows(X, positions(y, classes, self.unlabeled), sample_weight)
        held_out = self._check_held_out(X_val, y_val, sample_weight_val, classes, X.dtype)
        phase = self._begin_fit(X, y, sample_weight, held_out, frame, warm=resume, resume_from=resume_from)
        training = self._resumed_training() if resume else None
        if resume:
            rng = training.state.rng
            training.state.start_anew()
        else:
            rng = phase.journal.take_generator(common_generator(self.random_state))
        if self.early_stopping and held_out is None:
            data, held_out = split_stratified(data, self.validation_fraction, rng)
        return self._train(training, data, classes, rng, frame, held_out, phase)

    @fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def partial_fit(
        self,
        X: MatrixLike,
        y: TargetsLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> RBMClassifier:
        """Make one pass over X in mini-batches, going on from where the last call ended.

        Parameters, optimizer state, chains, the position of the schedules and the random generator are
        kept from call to call; each counts as one of `max_iter` epochs. The first call also sets the type,
        scale and biases of the visible units, so give it a representative chunk.

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
        self : RBMClassifier
            The fitted estimator.
        """
        self._check_usable_online()
        resume = hasattr(self, "components_")
        frame = X
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, reset=not resume)
        classes = classes_online(y, classes, self.unlabeled, self.classes_ if resume else None)
        data = LabelledRows(X, positions(y, classes, self.unlabeled), sample_weight)
        training = self._resumed_training() if resume else None
        rng = training.state.rng if resume else common_generator(self.random_state)
        return self._train(training, data, classes, rng, frame)
