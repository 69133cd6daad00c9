"""Cross-validation where few rows have a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.model_selection import BaseCrossValidator, PredefinedSplit, check_cv
from sklearn.utils import indexable

from skdbn import _labels
from skdbn._typing import Array, Floats, Integers

__all__ = ["SemiSupervisedSplit"]

Fold: TypeAlias = tuple[Integers, Integers]  # rows to train on, rows to test with


class SemiSupervisedSplit(BaseCrossValidator):
    """Cross-validation whose test folds have labelled rows only.

    The labelled rows are split as usual. Each training fold has, beside its labelled rows, all rows
    without a label: an estimator that learns from them too (`unlabeled` of `DBNClassifier`) has them in
    every fold, and none of them is ever scored. This is how such estimators are to be compared [1]_.

    Parameters
    ----------
    cv : int, cross-validation splitter, list or None, default=5
        How the labelled rows are split. A number of folds is stratified by class (for targets that are no
        classes: consecutive), None stands for 5. A list of pairs (train, test) and `PredefinedSplit` count
        all rows: they are taken as they are, but for rows without a label in a test fold, which are left
        out.

    unlabeled : label or None, default=-1
        Rows whose `y` equals this marker, such as -1, NaN or a string, have no label. None: all have one.

    Notes
    -----
    With groups, rows without a label follow the labelled rows of their group: those of a group that is
    in the test fold, and of which no labelled row is in the training fold, are in neither.

    A score on the training fold (``return_train_score=True``) takes its unlabelled rows in.

    References
    ----------
    .. [1] Oliver, A., Odena, A., Raffel, C., Cubuk, E. D. and Goodfellow, I. (2018). Realistic evaluation
           of deep semi-supervised learning algorithms. NeurIPS. https://arxiv.org/abs/1804.09170

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.model_selection import SemiSupervisedSplit
    >>> y = np.array(["a", "?", "b", "?", "a", "b"])
    >>> for train, test in SemiSupervisedSplit(2, unlabeled="?").split(np.zeros((6, 1)), y):
    ...     print(train, test)
    [4 5 1 3] [0 2]
    [0 2 1 3] [4 5]
    """

    # With scikit-learn's metadata routing, groups are passed on as in its own splitters by group.
    __metadata_request__split = {"groups": True}

    def __init__(self, cv: Any = 5, *, unlabeled: object = -1) -> None:
        self.cv = cv
        self.unlabeled = unlabeled

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Generate the numbers of the rows of each training and test fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows; only their number matters.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels, or the marker `unlabeled`. In a matrix, a row of markers has no label.

        groups : array-like of shape (n_samples,), default=None
            Group of each row, for a `cv` that splits by groups.

        Yields
        ------
        train : ndarray of int
            Labelled rows of the training fold in the order of `cv`, then the rows without a label.

        test : ndarray of int
            Labelled rows of the test fold.
        """
        X, y, groups = indexable(X, y, groups)
        labels, labelled, unlabelled = self._parts(y)
        cv = self._splitter(labels)
        if _counts_all_rows(self.cv):
            yield from _without_unlabelled(cv.split(X), labelled)
            return
        groups = None if groups is None else np.asarray(groups)
        for train, test in cv.split(*_of_labelled(labels, labelled, groups)):
            train, test = labelled[train], labelled[test]
            free = unlabelled if groups is None else _of_free_groups(unlabelled, train, test, groups)
            yield np.concatenate([train, free]), test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X : object, default=None
            Ignored unless `cv` asks for it.

        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Labels, for a `cv` whose number of folds depends on the labelled rows.

        groups : array-like of shape (n_samples,), default=None
            Group of each row, for a `cv` whose number of folds depends on the groups.

        Returns
        -------
        n_splits : int
            Number of pairs that `split` generates.
        """
        if y is None or _counts_all_rows(self.cv):
            return self._splitter(None).get_n_splits(X, y, groups)
        labels, labelled, _ = self._parts(y)
        groups = None if groups is None else np.asarray(groups)
        return self._splitter(labels).get_n_splits(*_of_labelled(labels, labelled, groups))

    def _parts(self, y: Any) -> tuple[Array, Integers, Integers]:
        """Return the labels, the numbers of the rows that have them, and those of the others."""
        if y is None:
            raise ValueError("SemiSupervisedSplit requires y: it tells which rows have a label.")
        y = y.toarray() if sparse.issparse(y) else np.asarray(y)
        has_label = _labels.has_label(y, self.unlabeled)
        if not has_label.any():
            raise ValueError(f"No row has a label: all of y equals unlabeled={self.unlabeled!r}.")
        labels = y[has_label]
        if labels.dtype == object:  # numbers that shared an array with a marker of another type
            labels = np.array(labels.tolist())
        return labels, np.flatnonzero(has_label), np.flatnonzero(~has_label)

    def _splitter(self, labels: Array | None) -> Any:
        if np.iterable(self.cv) and iter(self.cv) is self.cv:
            raise ValueError(f"cv={self.cv!r} can be read only once; give a list of (train, test).")
        return check_cv(self.cv, labels, classifier=True)


def _counts_all_rows(cv: Any) -> bool:
    return isinstance(cv, PredefinedSplit) or (np.iterable(cv) and not hasattr(cv, "split"))


def _without_unlabelled(folds: Iterable[Fold], labelled: Integers) -> Iterator[Fold]:
    """Yield the folds without the unlabelled rows of the test folds."""
    for train, test in folds:
        test = np.asarray(test)
        test = test[np.isin(test, labelled)]
        if not test.size:
            raise ValueError("A test fold of cv has no labelled row.")
        yield np.asarray(train), test


def _of_labelled(
    labels: Array, labelled: Integers, groups: Array | None
) -> tuple[Floats, Array, Array | None]:
    """Return X, y and groups of the labelled rows; splitters look at no more of X than its length."""
    return np.zeros((labelled.size, 1)), labels, None if groups is None else groups[labelled]


def _of_free_groups(unlabelled: Integers, train: Integers, test: Integers, groups: Array) -> Integers:
    """Return the unlabelled rows but those of groups that have labelled rows in the test fold alone."""
    held_out = np.setdiff1d(groups[test], groups[train])
    return unlabelled[~np.isin(groups[unlabelled], held_out)]
