"""RBMTransformer: parameters, validation and wiring."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin

from skdbn._callback_support import CallbackSupportMixin
from skdbn._chunks import FitBatchesMixin
from skdbn._contrastive import OFFSETS_FROM
from skdbn._fitted_likelihood import LikelihoodMixin
from skdbn._fitted_rbm import FittedRBMMixin
from skdbn._fitted_sampling import SamplingMixin
from skdbn._html import DocumentedMixin
from skdbn._parts import PartsMixin
from skdbn._rbm_base import RBMTrainingMixin
from skdbn._sklearn_compat import Interval, StrOptions, fit_context
from skdbn._typing import ArrayLike, FilePath, MatrixLike, Seed
from skdbn.optimizers import OPTIMIZERS, Optimizer
from skdbn.samplers import SAMPLERS, Sampler
from skdbn.schedules import Rate, Schedule
from skdbn.sparsity import SparsityTarget
from skdbn.units import UNITS, Unit


class RBMTransformer(
    RBMTrainingMixin,
    FitBatchesMixin,
    CallbackSupportMixin,
    PartsMixin,
    ClassNamePrefixFeaturesOutMixin,
    SamplingMixin,
    LikelihoodMixin,
    FittedRBMMixin,
    DocumentedMixin,
    BaseEstimator,
):
    r"""Restricted Boltzmann machine: features and a density learned without labels.

    With visible units v (the columns of X) and hidden units h (the features) [1]_,

    .. math:: p(v, h) \propto e^{-E(v, h)}, \qquad
        E(v, h) = E_0(v) - b \cdot v - c \cdot h - h^\top W v

    where :math:`E_0` is 0 for Bernoulli visibles and :math:`\|v\|^2 / 2` for Gaussian ones; hidden
    units that are not binary have such a term of their own (see :mod:`skdbn.units`). `fit` descends the
    gradient of the mean negative log-likelihood, :math:`\langle \partial E / \partial \theta
    \rangle_\text{data} - \langle \partial E / \partial \theta \rangle_\text{model}`, whose second term
    comes from a sampler (`PCD` by default), in the centred parametrisation [2]_, with RMSProp.
    `transform` gives the mean of the hidden units, :math:`1 / (1 + e^{-(c + W v)})` for binary ones.

    Parameters
    ----------
    n_components : int, default=256
        Number of hidden units, >= 1.

    visible : {"auto", "bernoulli", "gaussian", "relu", "softmax"}, Unit or list, default="auto"
        Type of the visible units, see :mod:`skdbn.units`. "auto" takes Bernoulli if all values of X
        are within [0, 1] at the first fit, otherwise Gaussian. Grey levels within [0, 1] count as
        probabilities. A list gives a type to each column, as a ColumnTransformer does:
        ``[("bernoulli", columns), ("gaussian", columns), ("softmax", [columns, columns])]``, with
        one-hot coded categories, a group of columns each, under "softmax".

    hidden : {"bernoulli", "gaussian", "relu", "softmax"} or Unit, default="bernoulli"
        Type of the hidden units. One layer at least has to be Bernoulli or softmax: two layers of
        unbounded units have no normalisable joint distribution.

    sampler : {"pcd", "cd", "fastpcd", "paralleltempering", "meanfield"} or Sampler, default="pcd"
        Where the model term of the gradient comes from, see :mod:`skdbn.samplers`.

    centered : bool or {"data", "model", "average"}, default=True
        Whether states enter the gradient minus their mean, and whose mean that is: that of the data
        (True is "data"), of the model's samples or the average of both. Learns faster, and equally
        well on X and on 1 - X.

    optimizer : {"rmsprop", "sgd", "adam", "adagrad"} or Optimizer, default="rmsprop"
        How a gradient becomes an update, see :mod:`skdbn.optimizers`.

    learning_rate : "auto", float or Schedule, default="auto"
        Step size of one update. "auto" starts at r = 0.14 / sqrt(n_features), at most 0.03, since a
        step of RMSProp moves a unit more the more inputs it has. In `fit` it is ``Linear(r, 0)``; in
        `partial_fit`, where the end is not known, ``InverseScaling(r, delay=1000)``. A float stays
        constant: with RMSProp the model then keeps a noise floor that grows with the rate.

    alpha : float, default=1e-4
        Weight decay, >= 0: each update multiplies the weights, not the biases or scales, by
        ``1 - learning_rate * alpha``. It is not normalised by the optimizer. Without `l1_ratio`,
        factors above 1 - 1e-5 wait until several make up that much, so as not to be lost in rounding.

    l1_ratio : float, default=0.0
        Share of the decay that is of the L1 kind, within [0, 1]: each update moves the weights by
        ``learning_rate * alpha * l1_ratio`` towards 0, and no further. A step of RMSProp is about as
        large as the rate, so for many weights to be exactly 0, `alpha` has to be near 1.

    max_norm : float or None, default=None
        Largest Euclidean norm of the weights of a hidden unit, > 0.

    max_weight : float or None, default=None
        Largest absolute value of a weight, > 0.

    sparsity : float, SparsityTarget or None, default=None
        Wanted mean activity of the hidden units, see :class:`skdbn.sparsity.SparsityTarget`.

    batch_size : int, "auto" or None, default="auto"
        Rows of an update. "auto" makes about 100 updates an epoch, with 10 to 100 rows each; None
        takes all rows at once.

    n_iter : int, default=20
        Number of epochs (passes over the rows) of `fit`, >= 1. The unit of the schedules in
        `partial_fit`: one call counts as one of `n_iter` epochs.

    warm_start : bool, default=False
        Whether `fit` goes on from the fitted parameters and chains; the learning-rate schedule and
        the optimizer's averages start anew.

    verbose : int, default=0
        With 1, one line an epoch is printed.

    random_state : int, RandomState instance or None, default=None
        Decides first weights, order of rows and all draws of the training.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Weights W, where `n_features` is the number of visible units. For Gaussian visibles they act
        on ``(X - visible_.location_) / visible_.scale_``.

    intercept_hidden_ : ndarray of shape (n_components,)
        Biases c of the hidden units.

    intercept_visible_ : ndarray of shape (n_features,)
        Biases b of the visible units.

    visible_ : Unit
        Type of the visible units, with what it took from the training data.

    hidden_ : Unit
        Type of the hidden units.

    history_ : dict of lists
        For each epoch the last `learning_rate`, the `reconstruction_error` (mean squared error of one
        mean-field pass, per feature in the units of `visible_`, on 256 fixed rows), when `X_val` is
        given the `free_energy_gap` (mean free energy of held-out rows minus that of training rows,
        in nats; growing means overfitting), and with `ParallelTempering` the `swap_rate` (share of
        exchanges made between each two neighbouring temperatures; NaN for a pair without a turn in
        that epoch).

    n_iter_ : int
        Number of epochs run, `partial_fit` calls included.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X had string names.

    See Also
    --------
    DBNClassifier : A stack of RBMs, fine-tuned as a classifier.
    sklearn.neural_network.BernoulliRBM : Binary units and plain SGD.

    Notes
    -----
    Rows of X are shuffled each epoch. Sparse X is made dense one batch at a time. `sample_weight`
    weights the rows in the gradient. With one batch of all rows and the `MeanField` sampler, a row of
    weight 2 is exactly a row given twice; in smaller batches the gradient is the same on average, but a
    row given twice also makes more updates.

    References
    ----------
    .. [1] Hinton, G. E. (2012). A practical guide to training restricted Boltzmann machines.
           :doi:`10.1007/978-3-642-35289-8_32`
    .. [2] Melchior, J., Fischer, A. and Wiskott, L. (2016). How to center deep Boltzmann machines.
           JMLR 17(99). https://jmlr.org/papers/v17/14-237.html

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> X = load_digits().data / 16
    >>> rbm = RBMTransformer(n_components=32, random_state=0).fit(X)
    >>> rbm.transform(X).shape
    (1797, 32)
    """

    _parameter_constraints: dict[str, list[Any]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "visible": [StrOptions({"auto", *UNITS}), Unit, list, tuple],
        "hidden": [StrOptions(set(UNITS)), Unit],
        "sampler": [StrOptions(set(SAMPLERS)), Sampler],
        "centered": ["boolean", StrOptions(set(OFFSETS_FROM))],
        "optimizer": [StrOptions(set(OPTIMIZERS)), Optimizer],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
            Schedule,
        ],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "max_norm": [Interval(Real, 0, None, closed="neither"), None],
        "max_weight": [Interval(Real, 0, None, closed="neither"), None],
        "sparsity": [Real, SparsityTarget, None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 256,
        *,
        visible: str | Unit | list[Any] = "auto",
        hidden: str | Unit = "bernoulli",
        sampler: str | Sampler = "pcd",
        centered: bool | str = True,
        optimizer: str | Optimizer = "rmsprop",
        learning_rate: str | Rate = "auto",
        alpha: float = 1e-4,
        l1_ratio: float = 0.0,
        max_norm: float | None = None,
        max_weight: float | None = None,
        sparsity: float | SparsityTarget | None = None,
        batch_size: int | str | None = "auto",
        n_iter: int = 20,
        warm_start: bool = False,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> None:
        self.n_components = n_components
        self.visible = visible
        self.hidden = hidden
        self.sampler = sampler
        self.centered = centered
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.max_norm = max_norm
        self.max_weight = max_weight
        self.sparsity = sparsity
        self.batch_size = batch_size
        self.n_iter = n_iter
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
        resume_from: FilePath | None = None,
    ) -> RBMTransformer:
        """Train for `n_iter` epochs.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Held-out rows for the free-energy gap in `history_`; nothing is learned from them.

        resume_from : str, path-like or None, default=None
            File of a :class:`skdbn.callbacks.Checkpoint` of a fit that was cut off, with the same
            parameters and data: the fit goes on from there, and ends as it would have.

        Returns
        -------
        self : RBMTransformer
            The fitted estimator.
        """
        return self._fit(X, sample_weight, X_val, resume_from=resume_from)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> RBMTransformer:
        """Make one pass over X in mini-batches, going on from where the last call ended.

        Parameters, optimizer state, chains, the position of the schedules and the random generator
        are kept. The first call also sets the type, scale and biases of the visible units, so give
        it a representative chunk. For the same learning rate, `n_iter` calls with the same X train
        as `fit` does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A chunk of training rows of any size.

        y : Ignored
            Present for API consistency.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.

        Returns
        -------
        self : RBMTransformer
            The fitted estimator.
        """
        return self._partial_fit(X, sample_weight)
