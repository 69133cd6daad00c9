"""Ending a training when it no longer improves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np

from skdbn.callbacks._base import Callback, Context, path_of

# Called with an estimator, X and y; higher is better.
Scorer: TypeAlias = Callable[[Any, Any, Any], float]

# Quantities that are the better the higher they are; of all others the reverse is true.
_HIGHER_IS_BETTER = {"validation_score", "swap_rate"}
# What the attributes of the networks are called here.
_OF_NETWORKS = {"loss": "loss_curve_", "validation_score": "validation_scores_"}


class EarlyStopping(Callback):
    r"""End a training when what it is judged by has not improved for some epochs.

    After each epoch t a value :math:`a_t` is taken. The training ends after epoch t if none of the last
    `patience` values was above the best before it by more than `tol`:
    :math:`a_s \le \max_{r < s} a_r + \text{tol}` for the s from t - patience + 1 to t [1]_. The weights are
    those of the last epoch, not of the best one (for that, `DBNClassifier` has ``early_stopping=True``).

    Parameters
    ----------
    monitor : str, callable or None, default=None
        What a training is judged by. None: the estimator's `score`. A key of the history: for an RBM
        "reconstruction_error" or "free_energy_gap", for a network "loss" or "validation_score". The name
        of a scorer, such as "roc_auc". Or a callable ``monitor(estimator, X, y)`` that returns a number,
        higher is better.

    validation_data : tuple (X, y), tuple (X,) or None, default=None
        Rows to score, in the form that the estimator takes them: in a pipeline, transformed by the steps
        before. None scores the training data, whose score says nothing about new rows.

    patience : int, default=10
        Number of epochs without improvement, >= 1, after which the training ends.

    tol : float, default=1e-4
        Smallest change that is an improvement, >= 0.

    pretraining : bool, default=False
        Whether the RBMs of a DBN are judged, each for itself, in place of its fine-tuning. A scorer then
        sees the RBM and its inputs.

    See Also
    --------
    Checkpoint : A callback that writes what is needed to go on.

    Notes
    -----
    One object may be given to several estimators, and `clone` hands it on: each training is judged for
    itself, also in threads and in other processes. A rate that falls to 0 at the end of the plan, as the
    default does, has not fallen so far when a training ends early: the last epochs of such a plan are often
    its best ones. It needs scikit-learn 1.9 or newer.

    References
    ----------
    .. [1] Prechelt, L. (1998). Early stopping, but when? In Neural Networks: Tricks of the Trade.
           :doi:`10.1007/3-540-49430-8_3`

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.callbacks import EarlyStopping
    >>> X = load_digits().data / 16
    >>> stop = EarlyStopping("reconstruction_error", patience=3, tol=1e-3)
    >>> rbm = RBMTransformer(16, n_iter=200, learning_rate=0.01, random_state=0)
    >>> rbm.set_callbacks(stop).fit(X).n_iter_ < 200
    True
    """

    def __init__(
        self,
        monitor: str | Scorer | None = None,
        *,
        validation_data: tuple[Any, ...] | None = None,
        patience: int = 10,
        tol: float = 1e-4,
        pretraining: bool = False,
    ) -> None:
        if not isinstance(patience, (int, Integral)) or isinstance(patience, bool) or patience < 1:
            raise ValueError(f"EarlyStopping(patience={patience!r}): patience must be an integer >= 1.")
        if not isinstance(tol, (float, Real)) or isinstance(tol, bool) or not tol >= 0:
            raise ValueError(f"EarlyStopping(tol={tol!r}): tol must be a number >= 0.")
        if not (monitor is None or isinstance(monitor, str) or callable(monitor)):
            raise ValueError(f"EarlyStopping(monitor={monitor!r}): give a name, a callable or None.")
        self.monitor = monitor
        self.validation_data = validation_data
        self.patience = patience
        self.tol = tol
        self.pretraining = pretraining
        # Best value and epochs without a better one, of the trainings that run, by where they are.
        self._standings: dict[tuple[object, tuple[int, ...]], tuple[float, int]] = {}

    def __repr__(self) -> str:
        return f"EarlyStopping({self.monitor!r}, patience={self.patience}, tol={self.tol})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_standings": {}}

    @property
    def watches_layers(self) -> bool:
        """Whether the RBMs of a DBN are to call this callback too."""
        return self.pretraining

    def teardown(self, estimator: Any, context: Context) -> None:
        """Forget the trainings of a fit that is over.

        Parameters
        ----------
        estimator : estimator
            The estimator that was fitted.

        context : CallbackContext
            The task that is its fit.
        """
        path = path_of(context)
        for root, place in list(self._standings):
            if root == context.root_uuid and place[: len(path)] == path:
                self._standings.pop((root, place), None)

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Context,
        *,
        X: Any = None,
        y: Any = None,
        fitted_estimator: Any = None,
    ) -> bool:
        """Judge an epoch.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : CallbackContext
            The task that ends.

        X : array-like
            The training rows.

        y : array-like
            Their targets.

        fitted_estimator : estimator
            The estimator as it would be if the fit ended now.

        Returns
        -------
        stop : bool
            Whether the training is to end.
        """
        if context.task_name != "epoch" or fitted_estimator is None or not self._judges(estimator, context):
            return False
        value = self._value(fitted_estimator, X, y)
        place = path_of(context.parent)
        key = context.root_uuid, place
        notes = getattr(getattr(estimator, "_journal", None), "notes", {})
        note = f"early stopping by {self.monitor!r} at {place}"
        best, n_no_change = self._standings.get(key) or notes.get(note) or (-np.inf, 0)
        n_no_change = 0 if value > best + self.tol else n_no_change + 1
        standing = max(best, value), n_no_change
        self._standings[key] = standing
        notes[note] = list(standing)
        return n_no_change >= self.patience

    def _judges(self, estimator: Any, context: Context) -> bool:
        """Tell whether the epoch is one of those asked for: of an RBM in a DBN, or not."""
        parent = context.parent
        return not self.pretraining or (parent is not None and parent.source_task_name is not None)

    def _value(self, fitted: Any, X: Any, y: Any) -> float:
        """Return what the epoch is judged by, higher is better."""
        history = _history(fitted)
        if isinstance(self.monitor, str) and self.monitor in history:
            return _last_of(self.monitor, history[self.monitor])
        scorer = self._scorer(fitted, history)
        if self.validation_data is None and X is None:
            raise ValueError(
                f"EarlyStopping(monitor={self.monitor!r}) would score the training rows, which are not in "
                "memory in `fit_batches`: give validation_data."
            )
        data = (X, y) if self.validation_data is None else (*self.validation_data, None)[:2]
        return float(scorer(fitted, *data))

    def _scorer(self, fitted: Any, history: Mapping[str, Sequence[Any]]) -> Scorer:
        if self.monitor is None:
            return _score
        if callable(self.monitor):
            return self.monitor
        from sklearn.metrics import get_scorer

        try:
            return get_scorer(self.monitor)
        except ValueError:
            raise ValueError(
                f"EarlyStopping(monitor={self.monitor!r}): {type(fitted).__name__} has {sorted(history)}, "
                "and scikit-learn no scorer of that name."
            ) from None


def _history(fitted: Any) -> Mapping[str, Sequence[Any]]:
    """Return the lists of values by epoch, by name."""
    if hasattr(fitted, "history_"):
        return fitted.history_
    return {name: getattr(fitted, attribute, None) or [] for name, attribute in _OF_NETWORKS.items()}


def _last_of(name: str, values: Sequence[Any]) -> float:
    if not values:
        raise ValueError(f'EarlyStopping(monitor="{name}") needs rows held out: give fit X_val and y_val.')
    value = float(np.nanmean(values[-1]))
    return value if name in _HIGHER_IS_BETTER else -value


def _score(fitted: Any, X: Any, y: Any) -> float:
    return fitted.score(X) if y is None else fitted.score(X, y)
