"""Row "precision": training in float32 ends at the likelihood of training in float64."""

from copy import deepcopy

import numpy as np
from _density.data import binary_digits
from _report import Result, settings_of
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler

from _trust.exact import Enumeration, exact_likelihood
from skdbn import RBMTransformer
from skdbn.units import Bernoulli, Gaussian, ReLU, Softmax

LARGEST_DIFFERENCE = 1e-3  # of the likelihood itself
N_HIDDEN = 8
FITTED = ("components_", "intercept_hidden_", "intercept_visible_")


def tables():
    """Yield the name of each type of visible units, the units and rows for them."""
    grey = load_digits().data.reshape(-1, 8, 8)[:, 1::2, 1::2].reshape(-1, 16)  # every fourth pixel
    levels = np.minimum(grey // 5, 3).astype(int)
    yield "Bernoulli", Bernoulli(), binary_digits().train
    yield "Gaussian", Gaussian(), StandardScaler().fit_transform(load_breast_cancer().data)
    yield "Softmax", Softmax(groups=4), np.eye(4)[levels].reshape(len(levels), -1)
    yield "ReLU", ReLU(), grey


def precision(run):
    """Each type of visible units, by the exact gradient and by the default sampler.

    By PCD, ReLU units end up to 10 nats apart from seed to seed: no number of seeds at hand would tell
    a difference of 0.1 %.
    """
    n_iter = 2 if run.smoke else 30
    results = []
    for name, visible, X in tables():
        for how, sampler, n_seeds in (("exact gradient", Enumeration(N_HIDDEN), 3), ("PCD", "pcd", 10)):
            if (name, how) == ("ReLU", "PCD"):
                continue
            rbm = RBMTransformer(N_HIDDEN, visible=visible, sampler=sampler, n_iter=n_iter, batch_size=50)
            pairs = np.array([in_both(rbm, X, seed) for seed in run.seeds_or(n_seeds)])
            results.append(line(f"{name} visible units, {how}", pairs, settings_of(rbm)))
    return results


def in_both(rbm, X, seed):
    """Return the exact likelihoods of models that begin alike, in float64 and in float32.

    What is drawn as random bits is the same in both, the normal noise of Gaussian and ReLU units is not.
    """
    rbm.set_params(random_state=seed)
    one, other = (begin(rbm, X, dtype) for dtype in (np.float64, np.float32))
    for name in FITTED:
        setattr(other, name, getattr(one, name).astype(np.float32))
    other._training.state.rng = deepcopy(one._training.state.rng)
    if one._training.chains is not None:
        other._training.chains[:] = one._training.chains
    return [
        exact_likelihood(go_on(each, rbm, X), X.astype(each.components_.dtype)) for each in (one, other)
    ]


def begin(rbm, X, dtype):
    """Return a copy with what it begins with: an epoch at a rate that changes nothing."""
    return clone(rbm).set_params(n_iter=1, learning_rate=1e-12, warm_start=True).fit(X.astype(dtype))


def go_on(begun, rbm, X):
    """Return it after the training that was planned."""
    begun.set_params(n_iter=rbm.n_iter, learning_rate=rbm.learning_rate)
    return begun.fit(X.astype(begun.components_.dtype))


def line(what, pairs, settings):
    """Return the result for pairs of likelihoods."""
    relative = (pairs[:, 1] - pairs[:, 0]) / np.abs(pairs[:, 0])
    mean = relative.mean()
    return Result(
        measure=f"{what}: likelihood of float32 less that of float64, of its size",
        measured=f"mean {mean:+.1e}, from {relative.min():+.1e} to {relative.max():+.1e} ({len(pairs)} "
        f"seeds); likelihood {pairs[:, 0].mean():.2f}, sd over seeds {pairs[:, 0].std():.1e}",
        must_be=f"mean within {LARGEST_DIFFERENCE:g}",
        reached=bool(abs(mean) <= LARGEST_DIFFERENCE),
        settings=settings,
    )
