"""Rows 7 and 8: genotypes, and two sets of the density estimation benchmark."""

import time

import numpy as np
from _report import Result, over_seeds, seconds_of, settings_of

from _density.annealed import annealed
from _density.data import debd, genotypes
from _density.measures import agreement, chow_liu_likelihood, exact_likelihood
from _density.settings import N_FROM_AFAR, SAMPLE_STEPS, TEMPERING, model


def snp(run):
    """snp_1000g_805: the moments of as many samples as there are rows, beside those of the rows.

    Samples start from the training's persistent chains. Whether the model's own distribution is the same,
    samples begun far from the data tell: at independent columns, by Gibbs steps, which hardly leave the
    mode they fall into, and by parallel tempering. Two halves of the individuals, and as many rows as
    there are such samples, show how well equal moments can be told at all.
    """
    X, individual = genotypes(run)
    seed = run.seeds_or(1)[0]
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    rbm = model("genotypes", seed, run.smoke).fit(X)
    fitted = time.perf_counter()
    steps = 20 if run.smoke else SAMPLE_STEPS
    samples = rbm.sample(len(X), n_steps=steps, start="chains", random_state=seed)
    seconds = time.perf_counter() - start
    few = rng.choice(len(X), N_FROM_AFAR, replace=False)
    independent = (rng.random(X[few].shape) < X.mean(axis=0)).astype(X.dtype)
    from_afar = rbm.sample(n_steps=steps, start=independent, random_state=seed)
    tempering = {"n_steps": 20, "n_temperatures": 5} if run.smoke else TEMPERING
    tempered = rbm.sample(start=independent, random_state=seed, **tempering)
    half = rng.permutation(individual.max() + 1)[individual] % 2 == 0
    reached = agreement(X, samples)
    measure = "snp_1000g_805: r of allele frequencies; of correlations of two columns (of covariances)"
    return [
        Result(
            measure=f"{measure}, samples against the rows",
            measured=str(reached),
            must_be=">= 0.99; >= 0.90",
            reached=bool(reached.frequencies >= 0.99 and reached.correlations >= 0.90),
            seconds=f"{seconds:.0f}, of which fit {fitted - start:.0f}",
            settings=settings_of(rbm, f"samples after {steps} steps from the persistent chains"),
        ),
        Result(
            measure=f"the same, {N_FROM_AFAR} samples begun at independent columns, Gibbs steps",
            measured=str(agreement(X, from_afar)),
        ),
        Result(
            measure=f"the same, {N_FROM_AFAR} samples begun there, parallel tempering",
            measured=str(agreement(X, tempered)),
            settings=str(tempering),
        ),
        Result(measure=f"the same, {N_FROM_AFAR} of the rows", measured=str(agreement(X, X[few]))),
        Result(
            measure="the same, one half of the people against the other",
            measured=str(agreement(X[half], X[~half])),
        ),
    ]


def nltcs(run):
    """nltcs: exact test log-likelihood."""
    train, test = debd(run, "nltcs")
    likelihoods, times = [], []
    for seed in run.seeds_or(5):
        start = time.perf_counter()
        rbm = model("nltcs", seed, run.smoke).fit(train)
        times.append(time.perf_counter() - start)
        likelihoods.append(exact_likelihood(rbm, test))
    measure = "nltcs: exact test log-likelihood"
    tree = chow_liu_likelihood(train, test)
    return [
        Result(
            measure=measure,
            measured=over_seeds(likelihoods, 3),
            seconds=seconds_of(times),
            settings=settings_of(rbm),
        ),
        Result(measure=f"{measure}, Chow-Liu tree run here", measured=f"{tree:.3f}", published="-6.759"),
    ]


def mushrooms(run):
    """mushrooms: test log-likelihood by AIS in both directions."""
    data = debd(run, "mushrooms")
    measure = "mushrooms: test log-likelihood"
    published = "-9.68 (EoNADE, as listed for Uria, Murray and Larochelle 2014)"
    tree = chow_liu_likelihood(*data)
    return [
        *annealed(run, "mushrooms", data, n_seeds=3, measure=measure, published=published),
        Result(measure=f"{measure}, Chow-Liu tree run here", measured=f"{tree:.2f}"),
    ]
