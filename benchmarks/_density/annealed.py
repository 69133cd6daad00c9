"""The test log-likelihood of a model whose log Z cannot be enumerated, as lines of the table."""

import time

from _report import Result, settings_of

from _density.measures import annealed_likelihood
from _density.settings import annealing, model

LARGEST_GAP = 1.5  # nats between both directions of AIS


def annealed(run, name, data, *, n_seeds=1, least=None, minutes=None, measure, published):
    """Return a line for each seed; the times are those of fit and both directions of AIS."""
    arguments = annealing(run.smoke)
    must_be = "" if least is None else f">= {least} in {minutes} minutes, both within {LARGEST_GAP}"
    results = []
    for seed in run.seeds_or(n_seeds):
        start = time.perf_counter()
        rbm = model(name, seed, run.smoke).fit(data.train)
        fitted = time.perf_counter()
        likelihood = annealed_likelihood(rbm, data.test, seed, **arguments)
        seconds = time.perf_counter() - start
        results.append(
            Result(
                measure=f"{measure}, seed {seed}",
                measured=str(likelihood),
                must_be=must_be,
                reached=None if least is None else _reached(likelihood, seconds, least, minutes),
                published=published,
                seconds=f"{seconds:.0f}, of which fit {fitted - start:.0f}",
                settings=settings_of(rbm, f"AIS {arguments}"),
            )
        )
    return results


def _reached(likelihood, seconds, least, minutes):
    low, high = sorted([likelihood.forward, likelihood.reverse])
    return bool(low >= least and high - low <= LARGEST_GAP and seconds < 60 * minutes)
