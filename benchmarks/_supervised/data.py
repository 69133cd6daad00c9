"""The data of the rows, features as float32. Without files, `smoke` puts digits in their place."""

from typing import NamedTuple

import numpy as np
from _data import load_mnist, small_mnist
from sklearn.datasets import load_diabetes, load_digits, make_friedman1, make_friedman2, make_friedman3
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder


class Data(NamedTuple):
    """Rows to train on and rows to test on, with their targets."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def for_run(self, run):
        """Return the last sixth of the training rows in place of the test rows if settings are chosen."""
        if not run.validation:
            return self
        n = len(self.x_train) * 5 // 6
        return Data(self.x_train[:n], self.y_train[:n], self.x_train[n:], self.y_train[n:])


def mnist(run):
    """Return MNIST's 60,000 and 10,000 images, grey levels in [0, 1], and their digits."""
    data = Data(*(small_mnist() if run.smoke else load_mnist(run.folder / "mnist.npz")))
    return data.for_run(run)


def rectangles(run):
    """Return 1,200 and 50,000 outlines of rectangles; 1 if taller than wide."""
    if run.smoke:
        data = mnist(run)
        return data._replace(y_train=data.y_train % 2, y_test=data.y_test % 2)
    with np.load(run.folder / "rectangles.npz", allow_pickle=False) as arrays:
        parts = [arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    data = Data(parts[0].astype(np.float32), parts[1], parts[2].astype(np.float32), parts[3])
    return data.for_run(run)


def few_of_each_class(y, n_rows, rng):
    """Return the positions of `n_rows` labels, as many of each class."""
    classes = np.unique(y)
    n_each = n_rows // len(classes)
    return np.concatenate([rng.choice(np.flatnonzero(y == k), n_each, replace=False) for k in classes])


# -- regression ------------------------------------------------------------------------------------


def regression_data(run):
    """Yield (name, Data) of the regression problems; their test rows are always the same quarter."""
    names = REGRESSION if not run.smoke else {"diabetes": None, "digits, 4 outputs": None}
    for name in names:
        X, y = REGRESSION[name](run)
        parts = train_test_split(X.astype(np.float32), y, test_size=0.25, random_state=0)
        yield name, Data(parts[0], parts[2], parts[1], parts[3]).for_run(run)


def _friedman(make, noise):
    """Return a function that draws 2,000 rows, whose noise is a share of what there is to know."""

    def draw(run):
        X, y = make(2000, noise=0.0, random_state=0)
        return X, y + noise * y.std() * np.random.default_rng(0).standard_normal(len(y))

    return draw


def _adult(run):
    """Age of 8,000 people from the other columns: numbers and categories, as in a census of California."""
    with np.load(run.folder / "adult.npz", allow_pickle=False) as arrays:
        numbers, categories = arrays["x_num_train"][:8000], arrays["x_cat_train"][:8000]
        column = list(arrays["num_names"]).index("age")
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(categories)
    return np.hstack([np.delete(numbers, column, axis=1), one_hot]), numbers[:, column].astype(float)


def _spambase(run):
    """Logarithm of the mean length of runs of capitals in 4,601 mails, from the shares of words."""
    with np.load(run.folder / "spambase.npz", allow_pickle=False) as arrays:
        X = arrays["x"]
    return np.log1p(X[:, :54]), np.log(X[:, 54])


def _digits(run):
    """Ink in each of four columns of the lower half of a digit, from its upper half."""
    images = load_digits().images / 16
    lower = images[:, 4:].reshape(len(images), 4, 4, 2)  # row, column, pixel
    return images[:, :4].reshape(len(images), -1), lower.mean(axis=(1, 3))


REGRESSION = {
    "diabetes": lambda run: load_diabetes(return_X_y=True),
    "friedman1": _friedman(make_friedman1, 0.2),
    "friedman2": _friedman(make_friedman2, 0.1),
    "friedman3": _friedman(make_friedman3, 0.1),
    "spambase": _spambase,
    "adult": _adult,
    "digits, 4 outputs": _digits,
}
