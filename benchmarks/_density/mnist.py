"""Rows 1 to 3: log-likelihoods on MNIST."""

import time

from _report import Result, over_seeds, seconds_of, settings_of

from _density.annealed import annealed
from _density.data import Split, fixed_mnist_test, grey_mnist, thresholded_mnist
from _density.measures import exact_likelihood
from _density.settings import model


def thresholded_16(run):
    """784x16 on MNIST > 0.5 and on its negative: exact test log-likelihood."""
    train, test = thresholded_mnist(run)
    published = "-142.56 and, flipped, -142.09 (PyDeep, centred SGD, one seed)"
    first = _exact(run, Split(train, test))
    flipped = _exact(run, Split(1 - train, 1 - test))
    measure = "784x16, MNIST > 0.5, 50 epochs: exact test log-likelihood"
    return [
        first._replace(measure=measure, must_be=">= -138.0 in under 60 s", published=published),
        flipped._replace(measure=f"{measure}, on 1 - X", reached=None, settings=""),
    ]


def _exact(run, data):
    likelihoods, times = [], []
    for seed in run.seeds_or(5):
        start = time.perf_counter()
        rbm = model("mnist-16", seed, run.smoke).fit(data.train)
        likelihoods.append(exact_likelihood(rbm, data.test))
        times.append(time.perf_counter() - start)
    mean = sum(likelihoods) / len(likelihoods)
    return Result(
        measure="",
        measured=over_seeds(likelihoods),
        reached=bool(mean >= -138.0 and max(times) < 60),
        seconds=seconds_of(times),
        settings=settings_of(rbm),
    )


def thresholded_500(run):
    """784x500 on MNIST > 0.5: test log-likelihood by AIS in both directions."""
    return annealed(
        run,
        "mnist-500",
        thresholded_mnist(run),
        least=-74.0,
        minutes=4,
        measure="784x500, MNIST > 0.5, 30 epochs: test log-likelihood",
        published="-84.86, reverse AIS -96.61 (PyDeep, 200 epochs, 78 minutes)",
    )


def redrawn_500(run):
    """784x500 on grey MNIST drawn anew as black and white each epoch, tested on the fixed sample."""
    return annealed(
        run,
        "redrawn-500",
        Split(grey_mnist(run).train, fixed_mnist_test(run)),
        least=-85.5,
        minutes=20,
        measure="784x500, redrawn MNIST: log-likelihood of the fixed test sample",
        published="-86.34 (Salakhutdinov and Murray 2008, CD-25, AIS)",
    )
