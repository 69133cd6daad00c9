"""Where the benchmarks get their data: scikit-learn, a folder of .npz files, or OpenML."""

import os
from pathlib import Path

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.datasets import fetch_openml, load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler


def data_folder(path=None):
    """Return the folder of the .npz files: the argument, or the variable SKDBN_DATA, or None."""
    path = path or os.environ.get("SKDBN_DATA")
    return Path(path) if path else None


def load_mnist(file=None):
    """Return (x_train, y_train, x_test, y_test), grey levels in [0, 1] as float32 rows.

    `file` is an .npz with x_train, y_train, x_test, y_test of uint8; without it OpenML is asked.
    """
    if file is not None:
        with np.load(file, allow_pickle=False) as arrays:
            parts = [arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    else:
        X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
        y = y.astype(np.uint8)
        parts = [X[:60000], y[:60000], X[60000:], y[60000:]]
    x_train, y_train, x_test, y_test = parts
    return _grey(x_train), y_train, _grey(x_test), y_test


def small_mnist():
    """Return 8x8 digits in the same form, for a run in seconds."""
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    return X[:1500], y[:1500], X[1500:], y[1500:]


def _grey(images):
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def classification_data(folder=None):
    """Yield (name, X, y, scaler, own_split) of the data sets of the accuracy table.

    `own_split` is (X_test, y_test) for data that come with one, else None.
    """
    yield "digits", *load_digits(return_X_y=True), MinMaxScaler(), None
    yield "breast_cancer", *load_breast_cancer(return_X_y=True), StandardScaler(), None
    yield "wine", *load_wine(return_X_y=True), StandardScaler(), None
    yield "iris", *load_iris(return_X_y=True), StandardScaler(), None
    if folder is None:
        return
    with np.load(folder / "spambase.npz", allow_pickle=False) as arrays:
        yield "spambase", arrays["x"], arrays["y"], StandardScaler(), None
    yield "adult", *_adult(folder / "adult.npz")


def _adult(file):
    """Return the training rows, their labels, the scaler, and the published test rows."""
    with np.load(file, allow_pickle=False) as arrays:
        train, test = (
            np.hstack([arrays[f"x_num_{part}"], arrays[f"x_cat_{part}"]]) for part in ("train", "test")
        )
        y_train, y_test = arrays["y_train"], arrays["y_test"]
        n_numeric, n_columns = arrays["x_num_train"].shape[1], train.shape[1]
    scaler = ColumnTransformer(
        [
            ("numeric", StandardScaler(), slice(0, n_numeric)),
            ("categories", OneHotEncoder(handle_unknown="ignore"), slice(n_numeric, n_columns)),
        ],
        sparse_threshold=0,
    )
    return train, y_train, scaler, (test, y_test)
