"""Streams of chunks of rows whose distribution drifts, or stays as it is."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from _data import load_mnist
from scipy.special import expit, logsumexp
from sklearn.datasets import load_digits

N_ROWS = 100  # of a chunk


class Chunk(NamedTuple):
    """Rows that come together, their labels, and their mean log-likelihood where it is known."""

    X: np.ndarray
    y: np.ndarray | None = None
    truth: float | None = None


def stream(name, seed, drifts, folder=None):
    """Return the chunks of a stream; without drift the same kind of rows come in random order."""
    return STREAMS[name](np.random.default_rng(seed), drifts, folder)


def _in_chunks(X, *others):
    """Return rows and what goes with them in chunks, without a rest."""
    return [
        Chunk(*(array[start : start + N_ROWS] for array in (X, *others)))
        for start in range(0, len(X) - N_ROWS + 1, N_ROWS)
    ]


# -- rows without labels -----------------------------------------------------------------------------


def _mixture(rng, drifts, folder, n_chunks=100, n_columns=24, n_parts=4):
    """Return draws of a mixture of independent columns whose log-odds go once around a circle each."""
    cosine, sine = rng.normal(0, 2, (2, n_parts, n_columns))
    chunks = []
    for angle in np.linspace(0, 2 * np.pi, n_chunks) * drifts:
        log_odds = cosine * np.cos(angle) + sine * np.sin(angle)
        part = rng.integers(n_parts, size=N_ROWS)
        X = (rng.random((N_ROWS, n_columns)) < expit(log_odds[part])).astype(np.float32)
        of_parts = X @ log_odds.T - np.logaddexp(0, log_odds).sum(axis=1)
        truth = float((logsumexp(of_parts, axis=1) - np.log(n_parts)).mean())
        chunks.append(Chunk(X, None, truth))
    return chunks


def _by_group(read, n_rows_a_group):
    """Return a stream of the groups of a data set, one after the other in random order."""

    def draw(rng, drifts, folder):
        X, group = read(folder)
        parts = [
            rng.choice(np.flatnonzero(group == number), n_rows_a_group, replace=False)
            for number in rng.permutation(group.max() + 1)
        ]
        rows = np.concatenate(parts)
        return _in_chunks(X[rows if drifts else rng.permutation(rows)])

    return draw


@lru_cache(maxsize=1)
def _newsgroups(folder):
    with np.load(folder / "newsgroups_w100.npz", allow_pickle=False) as arrays:
        return arrays["x"].astype(np.float32), arrays["y"].astype(int)


@lru_cache(maxsize=1)
def _mnist(folder):
    grey, digit, _, _ = load_mnist(folder / "mnist.npz")
    return (grey > 0.5).astype(np.float32), digit.astype(int)


@lru_cache(maxsize=1)
def _digits(folder):
    X, digit = load_digits(return_X_y=True)
    return (X >= 8).astype(np.float32), digit


# -- rows with labels --------------------------------------------------------------------------------


def _rotating(rng, drifts, folder, n_chunks=100, n_columns=10, n_classes=4):
    """Return draws of normal classes whose means go once around a circle each."""
    cosine, sine = rng.normal(0, 1, (2, n_classes, n_columns))
    chunks = []
    for angle in np.linspace(0, 2 * np.pi, n_chunks) * drifts:
        y = rng.integers(n_classes, size=N_ROWS)
        means = cosine * np.cos(angle) + sine * np.sin(angle)
        chunks.append(Chunk((means[y] + rng.normal(size=(N_ROWS, n_columns))).astype(np.float32), y))
    return chunks


def _renamed(read, n_phases, n_chunks):
    """Return a stream of a data set whose classes change their names from phase to phase."""

    def draw(rng, drifts, folder):
        X, y = read(folder)
        chunks = []
        for _ in range(n_phases):
            names = rng.permutation(y.max() + 1)
            rows = rng.choice(len(X), n_chunks * N_ROWS, replace=False)
            chunks += _in_chunks(X[rows], names[y[rows]] if drifts else y[rows])
        return chunks

    return draw


STREAMS = {
    "mixture": _mixture,
    "newsgroups": _by_group(_newsgroups, 2500),
    "mnist": _by_group(_mnist, 800),
    "digits": _by_group(_digits, 170),
    "rotating": _rotating,
    "renamed": _renamed(_mnist, 5, 20),
    "renamed-digits": _renamed(_digits, 3, 5),
}
LABELLED = {"rotating", "renamed", "renamed-digits"}
