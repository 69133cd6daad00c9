"""The data sets with labels: rows scaled as a user would, to train on, to choose by and to test on.

`labelled(name, folder, seed)` draws a split; `NAMES` has all names, `WITHOUT_FILES` those that come with
scikit-learn. Where a set is published with test rows, test rows are drawn from these, else from all. All
parts are stratified and disjoint.

Rows are in an order any beginning of which is stratified and, once it is as long as there are classes, has
all of them: the first 100 rows to train on are the rows of which 100 labels are known.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from studies._labelled_files import READERS, WITHOUT_FILES

__all__ = ["NAMES", "WITHOUT_FILES", "Split", "labelled", "source_of", "stratified_order"]

NAMES = tuple(READERS)
LARGEST = (6000, 2000, 5000)  # rows to train on, to choose by and to test on
VALID_SHARE, TEST_SHARE = 0.2, 0.25  # of all rows that are not test rows already


class Split(NamedTuple):
    """Rows as float32 and their labels, which are numbers from 0 on."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_valid: np.ndarray
    y_valid: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


@lru_cache(maxsize=8)
def labelled(name, folder=None, seed=0, largest=LARGEST):
    """Return a split of a data set, which is drawn by the seed; scaling is learned of the training rows."""
    rows = READERS[name](folder)
    parts = _parts(rows, np.random.default_rng(seed), *largest)
    scaler = rows.scaler.fit(parts[0][0])
    scaled = [(np.ascontiguousarray(scaler.transform(X), dtype=np.float32), y) for X, y in parts]
    return Split(*(array for part in scaled for array in part))


def source_of(name):
    """Return what data a set is made of: tasks on the same rows are no independent evidence."""
    return name.partition("-")[0]


def _parts(rows, rng, n_train, n_valid, n_test):
    """Return (X, y) of the rows to train on, to choose by and to test on."""
    order = stratified_order(rows.y, rng)
    if rows.y_test is None:
        n_test = min(n_test, int(TEST_SHARE * len(order)))
        order, of_test = order[:-n_test], order[-n_test:]
        test = rows.X[of_test], rows.y[of_test]
    else:
        of_test = stratified_order(rows.y_test, rng)[:n_test]
        test = rows.X_test[of_test], rows.y_test[of_test]
    n_valid = min(n_valid, int(VALID_SHARE * len(rows.y)))
    n_train = min(n_train, len(order) - n_valid)
    train, valid = order[:n_train], order[n_train : n_train + n_valid]
    return (rows.X[train], rows.y[train]), (rows.X[valid], rows.y[valid]), test


def stratified_order(y, rng):
    """Return all positions in a random order in which classes come as evenly as they can.

    The row of rank r of the n rows of its class has its place at r / n of the way, r from 0 on.
    """
    place = np.empty(len(y))
    for label in np.unique(y):
        of_class = np.flatnonzero(y == label)
        place[rng.permutation(of_class)] = np.arange(len(of_class)) / len(of_class)
    shuffled = rng.permutation(len(y))  # who is first among those of the same place
    return shuffled[np.argsort(place[shuffled], kind="stable")]
