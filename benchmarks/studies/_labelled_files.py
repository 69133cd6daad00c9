"""Reads the data sets with labels, and says how a user would scale each.

A name begins with that of the data its rows are from. Where these have no labels, or a second task is made
of them, what follows names the column that is to be told from the others.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

PARTS = ("train", "test")


class Rows(NamedTuple):
    """All rows of a data set, its published test rows if there are any, and how rows are scaled."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray | None = None
    y_test: np.ndarray | None = None
    scaler: Any = None


def _as_they_are(*arrays):
    return Rows(*arrays)._replace(scaler=FunctionTransformer())


def _standardised(X, y):
    return Rows(X, y, scaler=StandardScaler())


def _read(file):
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def _numbered(y):
    """Return labels as numbers from 0 on."""
    return np.unique(y, return_inverse=True)[1]


# -- images ----------------------------------------------------------------------------------------


def _images(file, largest):
    """Return a function that reads images with levels from 0 to `largest`."""

    def read(folder):
        arrays = _read(folder / file)
        parts = [arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")]
        x_train, x_test = (_levels(parts[i], largest) for i in (0, 2))
        return _as_they_are(x_train, parts[1].astype(int), x_test, parts[3].astype(int))

    return read


def _levels(images, largest):
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(largest)


def _digits(folder):
    X, y = load_digits(return_X_y=True)
    return _as_they_are(X.astype(np.float32) / 16, y)


# -- text: which words occur -----------------------------------------------------------------------


def _newsgroups_w100(folder):
    arrays = _read(folder / "newsgroups_w100.npz")
    return _as_they_are(arrays["x"].astype(np.float32), arrays["y"].astype(int))


def _newsgroups_w1000(*groups):
    """Return a function that reads the documents of some groups, or of all; test documents are later."""

    def read(folder):
        arrays = _read(folder / "newsgroups_w1000.npz")
        names = list(arrays["class_names"])
        numbers = [names.index(group) for group in groups] or range(len(names))
        parts = []
        for part in PARTS:
            y = arrays[f"y_{part}"]
            chosen = np.isin(y, numbers)
            parts += [_presence(arrays, part)[chosen], _numbered(y[chosen])]
        return _as_they_are(*parts)

    return read


def _presence(arrays, part):
    data, indices, indptr, shape = (
        arrays[f"{part}_{name}"] for name in ("data", "indices", "indptr", "shape")
    )
    return (csr_matrix((data, indices, indptr), shape).toarray() > 0).astype(np.float32)


# -- tables ----------------------------------------------------------------------------------------


def _adult(folder):
    """Return census rows, whose label is an income above 50,000."""
    arrays = _read(folder / "adult.npz")
    X, X_test = (
        np.hstack([arrays[f"x_num_{part}"], arrays[f"x_cat_{part}"]]) for part in ("train", "test")
    )
    y, y_test = (arrays[f"y_{part}"].astype(int) for part in ("train", "test"))
    return Rows(X, y, X_test, y_test, _numbers_and_categories(arrays["x_num_train"].shape[1], X.shape[1]))


def _adult_occupation(folder):
    """Return census rows, whose label is one of the twelve frequent occupations; income is a column."""
    arrays = _read(folder / "adult.npz")
    column = list(arrays["cat_names"]).index("occupation")
    occupation = arrays["x_cat_train"][:, column]
    shares = np.bincount(occupation[occupation >= 0]) / len(occupation)
    chosen = np.isin(occupation, np.flatnonzero(shares > 0.01))
    others = np.delete(arrays["x_cat_train"], column, axis=1)
    X = np.column_stack([arrays["x_num_train"], others, arrays["y_train"]])
    scaler = _numbers_and_categories(arrays["x_num_train"].shape[1], X.shape[1])
    return Rows(X[chosen], _numbered(occupation[chosen]), scaler=scaler)


def _numbers_and_categories(n_numbers, n_columns):
    """Return a scaler of tables whose first columns are numbers."""
    steps = [
        ("numbers", StandardScaler(), slice(0, n_numbers)),
        ("categories", OneHotEncoder(handle_unknown="ignore"), slice(n_numbers, n_columns)),
    ]
    return ColumnTransformer(steps, sparse_threshold=0)


def _spambase(folder):
    arrays = _read(folder / "spambase.npz")
    return _standardised(arrays["x"], arrays["y"].astype(int))


def _diabetes(folder):
    """Return ten measures of patients, whose label is a progression above the median."""
    X, y = load_diabetes(return_X_y=True)
    return _standardised(X, (y > np.median(y)).astype(int))


# -- binary rows without labels: one column is told from the others -----------------------------------


def _debd(arrays, name):
    return np.concatenate([arrays[f"{name}_{part}"] for part in ("train", "valid", "test")])


def _mushrooms_habitat(folder):
    """Return mushrooms, whose label is the last of the attributes that their columns encode."""
    x = _debd(_read(folder / "debd_binary.npz"), "mushrooms").astype(np.float32)
    return _as_they_are(x[:, :-7], x[:, -7:].argmax(axis=1))


def _nltcs_item(folder):
    """Return answers about daily living; the label is the item that is nearest to even."""
    x = _debd(_read(folder / "debd_binary.npz"), "nltcs")
    item = int(np.argmin(np.abs(x.mean(axis=0) - 0.5)))
    return _as_they_are(np.delete(x, item, axis=1).astype(np.float32), x[:, item].astype(int))


def _genotypes_allele(folder, n_linked=20):
    """Return one haplotype a person; the label is an allele near the middle, its neighbours left out."""
    x = _read(folder / "snp_1000g_805.npz")["x"][::2]
    site = 390 + int(np.argmin(np.abs(x[:, 390:420].mean(axis=0) - 0.5)))
    others = np.delete(x, np.arange(site - n_linked, site + n_linked + 1), axis=1)
    return _as_they_are(others.astype(np.float32), x[:, site].astype(int))


def _kunitz_residue(folder, site=17):
    """Return aligned proteins, one-hot; the label is W, Y or F, the usual residues of a site."""
    arrays = _read(folder / "kunitz_pf00014.npz")
    letters = [str(arrays["alphabet"]).index(letter) for letter in "WYF"]
    x = arrays["x"][np.isin(arrays["x"][:, site], letters)]
    one_hot = np.eye(len(str(arrays["alphabet"])), dtype=np.float32)[np.delete(x, site, axis=1)]
    return _as_they_are(one_hot.reshape(len(x), -1), _numbered(x[:, site]))


WITHOUT_FILES = ("digits", "breast_cancer", "wine", "diabetes")
READERS = {
    "mnist": _images("mnist.npz", 255),
    "fashion": _images("fashion_mnist.npz", 255),
    "rectangles": _images("rectangles.npz", 1),
    "digits": _digits,
    "newsgroups-w100": _newsgroups_w100,
    "newsgroups-w1000": _newsgroups_w1000(),
    "newsgroups-religion": _newsgroups_w1000("alt.atheism", "soc.religion.christian"),
    "newsgroups-hardware": _newsgroups_w1000("comp.sys.ibm.pc.hardware", "comp.sys.mac.hardware"),
    "adult": _adult,
    "adult-occupation": _adult_occupation,
    "spambase": _spambase,
    "breast_cancer": lambda folder: _standardised(*load_breast_cancer(return_X_y=True)),
    "wine": lambda folder: _standardised(*load_wine(return_X_y=True)),
    "diabetes": _diabetes,
    "mushrooms-habitat": _mushrooms_habitat,
    "nltcs-item": _nltcs_item,
    "genotypes-allele": _genotypes_allele,
    "kunitz-residue": _kunitz_residue,
}
