"""The data sets of regression, in two halves: numbers told from the other columns of a table or an image.

On the sets of the tuning half settings of DBNRegressor were tried before; on the others they were not.
"""

from functools import lru_cache
from types import SimpleNamespace

import numpy as np
from _data import load_mnist
from _supervised.data import REGRESSION
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def _column_of(load, name):
    """Return a function that reads a table of scikit-learn, whose target is one of its columns."""

    def read(folder):
        data = load()
        column = list(data.feature_names).index(name)
        return np.delete(data.data, column, axis=1), data.data[:, column]

    return read


def _working_hours(folder):
    """Return hours a week of 8,000 people, from the other columns of the census."""
    with np.load(folder / "adult.npz", allow_pickle=False) as arrays:
        numbers, categories = arrays["x_num_train"][:8000], arrays["x_cat_train"][:8000]
        column = next(i for i, name in enumerate(arrays["num_names"]) if "hours" in str(name))
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(categories)
    return np.hstack([np.delete(numbers, column, axis=1), one_hot]), numbers[:, column].astype(float)


def _lower_half(folder):
    """Return the mean brightness of the lower half of 3,000 images of clothes, from the upper half."""
    images = load_mnist(folder / "fashion_mnist.npz")[0][:3000].reshape(-1, 28, 28)
    return images[:, :14].reshape(len(images), -1), images[:, 14:].mean(axis=(1, 2))


def _known(name):
    return lambda folder: REGRESSION[name](SimpleNamespace(folder=folder))


def _digits(folder):
    """Return the ink of the lower half of a digit, from the upper half."""
    X, y = _known("digits, 4 outputs")(folder)
    return X, y.mean(axis=1)


TUNING = {name: _known(name) for name in ("diabetes", "friedman1", "friedman3", "spambase")}
TUNING["digits"] = _digits
HELD_OUT = {
    "age": _known("adult"),
    "hours": _working_hours,
    "wine-proline": _column_of(load_wine, "proline"),
    "cancer-dimension": _column_of(load_breast_cancer, "mean fractal dimension"),
    "fashion": _lower_half,
}
HALVES = {"tuning": tuple(TUNING), "held-out": tuple(HELD_OUT)}
READERS = {**TUNING, **HELD_OUT}
TEST_SHARE = 0.25


@lru_cache(maxsize=8)
def numeric(name, folder, seed, n_rows):
    """Return X and y to train on and those to test on, inputs standardised by the rows trained on."""
    X, y = READERS[name](folder)
    X, X_test, y, y_test = train_test_split(X, y, test_size=TEST_SHARE, random_state=seed)
    scaler = StandardScaler().fit(X[:n_rows])
    X, X_test = (scaler.transform(each).astype(np.float32) for each in (X[:n_rows], X_test))
    return X, y[:n_rows], X_test, y_test
