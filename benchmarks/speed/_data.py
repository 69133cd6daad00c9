"""Rows to train on, which need no file."""

import numpy as np
from scipy import sparse

_SHARE_OF_INK = 0.19  # entries of MNIST that are not 0
N_CLASSES = 10
_N_DIFFERENT = 10_000  # rows; more of them repeat these, since drawing takes longer than copying


def grey_rows(n_rows, n_features, dtype=np.float32, *, csr=False):
    """Return rows of grey levels with as much ink as MNIST: values in [0, 1], 81 % of them 0."""
    rng = np.random.default_rng(0)
    X = np.zeros((n_rows, n_features), dtype=dtype)
    first = X[:_N_DIFFERENT]
    for rows in np.array_split(first, max(1, len(first) // 1000)):  # no large array beside X
        grey = rng.random(rows.shape, dtype=np.float32)
        np.multiply(grey, rng.random(rows.shape, dtype=np.float32) < _SHARE_OF_INK, out=rows)
    for start in range(_N_DIFFERENT, n_rows, _N_DIFFERENT):
        X[start : start + _N_DIFFERENT] = first[: n_rows - start]
    return sparse.csr_matrix(X) if csr else X


def labels(n_rows):
    """Return class labels; there is nothing to learn, which costs as much as something."""
    return np.arange(n_rows) % N_CLASSES


def words(n_visible, n_hidden, dtype, csr=False):
    """Return what all labels of cases say in the same way."""
    layers = "-".join(map(str, (n_visible, *np.atleast_1d(n_hidden))))
    return f"{layers} {np.dtype(dtype).name}{' CSR' if csr else ''}"
