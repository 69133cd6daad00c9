"""The data sets of the studies: binary rows as float32, to train on, to choose by and to test on."""

from functools import cache
from typing import NamedTuple

import numpy as np
from _data import load_mnist
from sklearn.datasets import load_digits


class Split(NamedTuple):
    """Rows to train on, rows that settings are chosen by, and rows that only results come from."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


@cache
def load(name, folder=None):
    """Return the split of a data set; digits need no file."""
    return Split(*(np.ascontiguousarray(rows, dtype=np.float32) for rows in SETS[name](folder)))


def _images(file, n_train=5000, n_valid=5000):
    """Return pixels above one half, from the first and the last training images and all test images."""
    train, _, test, _ = load_mnist(file)
    return train[:n_train] > 0.5, train[-n_valid:] > 0.5, test > 0.5


def _newsgroups(folder):
    """Return the words of 10,000, 3,000 and the other 3,242 documents, which are sorted by group."""
    with np.load(folder / "newsgroups_w100.npz", allow_pickle=False) as arrays:
        x = arrays["x"]
    return np.split(x[np.random.default_rng(0).permutation(len(x))], [10_000, 13_000])


def _genotypes(folder):
    """Return haplotypes of 60, 20 and 20 % of the people: both of one person are in the same part."""
    with np.load(folder / "snp_1000g_805.npz", allow_pickle=False) as arrays:
        x, individual = arrays["x"], arrays["individual"]
    share = np.random.default_rng(0).permutation(individual.max() + 1)[individual] / (individual.max() + 1)
    return x[share < 0.6], x[(share >= 0.6) & (share < 0.8)], x[share >= 0.8]


def _debd(name):
    """Return a function that reads a set of the density estimation benchmark, as it is split there."""

    def read(folder):
        with np.load(folder / "debd_binary.npz", allow_pickle=False) as arrays:
            return [arrays[f"{name}_{part}"] for part in ("train", "valid", "test")]

    return read


def _digits(folder):
    x = load_digits().data >= 8
    return np.split(x[np.random.default_rng(0).permutation(len(x))], [1100, 1450])


SETS = {
    "mnist": lambda folder: _images(folder / "mnist.npz"),
    "fashion": lambda folder: _images(folder / "fashion_mnist.npz"),
    "newsgroups": _newsgroups,
    "genotypes": _genotypes,
    "nltcs": _debd("nltcs"),
    "mushrooms": _debd("mushrooms"),
    "digits": _digits,
}
