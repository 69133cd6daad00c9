"""Rows 4 to 6: log-likelihoods of machines so small that all is exact."""

import time

import numpy as np
from _report import Result, over_seeds, seconds_of, settings_of
from sklearn.neural_network import BernoulliRBM

from _density.data import Split, bars_and_stripes, binary_digits, spin_chain
from _density.measures import (
    divergence_from_known,
    exact_likelihood,
    exact_likelihood_of_bernoulli_rbm,
)
from _density.settings import model
from skdbn.samplers import PCD


def digits_12(run):
    """64x12 on binary 8x8 digits, 60 epochs: beside scikit-learn's RBM, run here too."""
    data = binary_digits()
    measure = "8x8 digits >= 8, 64x12, 60 epochs: exact test log-likelihood"

    def peer(seed):
        return BernoulliRBM(12, learning_rate=0.05, batch_size=50, n_iter=60, random_state=seed)

    ours, seconds, rbm = _over_seeds(run, lambda seed: model("digits-12", seed), data, exact_likelihood)
    in_float64 = Split(
        *(part.astype(np.float64) for part in data)
    )  # as published; rounding tells seeds apart
    theirs, their_seconds, their_rbm = _over_seeds(run, peer, in_float64, exact_likelihood_of_bernoulli_rbm)
    return [
        Result(
            measure=measure,
            measured=over_seeds(ours),
            must_be=">= -19.6",
            reached=bool(np.mean(ours) >= -19.6),
            published="-19.79 (PyDeep, centred)",
            seconds=seconds,
            settings=settings_of(rbm),
        ),
        Result(
            measure=f"{measure}, BernoulliRBM run here",
            measured=over_seeds(theirs),
            published="-21.25",
            seconds=their_seconds,
            settings=settings_of(their_rbm),
        ),
    ]


def _over_seeds(run, make, data, likelihood):
    """Return the test log-likelihood of each of five seeds, the seconds of a fit, and the last model."""
    likelihoods, times = [], []
    for seed in run.seeds_or(5):
        start = time.perf_counter()
        rbm = make(seed).fit(data.train)
        times.append(time.perf_counter() - start)
        likelihoods.append(likelihood(rbm, data.test))
    return likelihoods, seconds_of(times), rbm


def bars(run):
    """Bars and stripes 4x4, 30 patterns of the same probability: no model can pass -ln 30 = -3.401."""
    X = bars_and_stripes()
    tempered, stuck = [], []
    times = []
    for seed in run.seeds_or(5):
        rbm = model("bars", seed, run.smoke)
        start = time.perf_counter()
        tempered.append(exact_likelihood(rbm.fit(X), X))
        times.append(time.perf_counter() - start)
        persistent = model("bars", seed, run.smoke).set_params(sampler=PCD(n_chains=50))
        stuck.append(exact_likelihood(persistent.fit(X), X))
    bound = -np.log(len(X))
    measure = "bars and stripes 4x4, 16 hidden units: exact mean log-likelihood"
    return [
        Result(
            measure=f"{measure}, ParallelTempering",
            measured=_worst(tempered),
            must_be=">= -3.55, never above -3.401",
            reached=bool(min(tempered) >= -3.55 and max(tempered) <= bound + 1e-9),
            published="bound -ln 30 = -3.401",
            seconds=seconds_of(times),
            settings=settings_of(rbm),
        ),
        Result(measure=f"{measure}, PCD with as many chains", measured=_worst(stuck)),
    ]


def _worst(values):
    return f"{over_seeds(values, 3)}, from {min(values):.3f} to {max(values):.3f}"


def tfim(run):
    """tfim1d_10: the divergence of the known distribution from the RBM's, over all 1,024 states."""
    X, known = spin_chain(run)
    divergences, times = [], []
    for seed in run.seeds_or(5):
        start = time.perf_counter()
        rbm = model("tfim", seed, run.smoke).fit(X)
        times.append(time.perf_counter() - start)
        divergences.append(divergence_from_known(known, rbm))
    counts = np.bincount((X @ 2 ** np.arange(X.shape[1])[::-1]).astype(int), minlength=len(known))
    drawn = counts > 0
    of_sample = counts[drawn] / len(X) @ np.log(counts[drawn] / len(X) / known[drawn])
    return [
        Result(
            measure="tfim1d_10: divergence of the RBM from the known distribution, exact KL",
            measured=over_seeds(divergences, 4),
            must_be="<= 0.10",
            reached=bool(np.mean(divergences) <= 0.10),
            published=f"the 10,000 rows themselves: {of_sample:.4f}",
            seconds=seconds_of(times),
            settings=settings_of(rbm),
        )
    ]
