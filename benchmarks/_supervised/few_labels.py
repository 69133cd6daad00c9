"""Few labels: pre-training on all rows, fine-tuning on those with a label."""

import numpy as np
from _report import Result, seconds_of, settings_of

from _supervised.data import few_of_each_class, mnist
from _supervised.measures import timed_fit
from _supervised.settings import model
from _supervised.stacks import stack

# Labels, least accuracy in percent, least gain by pre-training in points, published (yell: with, without).
TARGETS = [
    (100, 84.0, 4.0, (81.70, 76.02)),
    (1_000, 95.0, 2.0, (93.65, 88.71)),
    (10_000, 97.5, 0.5, (97.27, 94.73)),
]


def few_labels(run):
    """Draw labels five times; the RBMs are trained once, on all training rows without labels."""
    data = mnist(run)
    seeds = run.seeds_or(5)
    machines, seconds = stack(run, "few-labels-stack", data, seeds[0])
    lines = []
    for n_labels, *target in TARGETS[:1] if run.smoke else TARGETS:
        lines += _with_labels(run, data, n_labels, target, machines, seeds)
    first = lines[0]
    return [first._replace(seconds=f"{first.seconds}, and once {seconds:.0f} for the RBMs"), *lines[1:]]


def _with_labels(run, data, n_labels, target, machines, seeds):
    """Return a line for the pre-trained network and one for the same without pre-training."""
    least, least_gain, published = target
    name = f"few-labels-{n_labels}"
    drawn = [few_of_each_class(data.y_train, n_labels, np.random.default_rng(seed)) for seed in seeds]

    def accuracies(make):
        scores, times = [], []
        for seed, rows in zip(seeds, drawn, strict=True):
            classifier, seconds = timed_fit(make(seed), data.x_train[rows], data.y_train[rows])
            scores.append(100 * classifier.score(data.x_test, data.y_test))
            times.append(seconds)
        return np.array(scores), seconds_of(times), settings_of(classifier)

    pretrained, seconds, settings = accuracies(
        lambda seed: model(name, seed, run.smoke).set_params(pretrain=machines)
    )
    plain, plain_seconds, plain_settings = accuracies(lambda seed: model(name, seed, run.smoke, plain=True))
    gain = pretrained.mean() - plain.mean()
    measure = f"MNIST, {n_labels:,} labels of {len(data.x_train):,} rows: test accuracy"
    return [
        Result(
            measure=measure,
            measured=f"{_spread(pretrained)}: {gain:+.2f} points by pre-training",
            must_be=f">= {least} %, by {least_gain} points or more",
            reached=bool(pretrained.mean() >= least and gain >= least_gain),
            published=f"{published[0]:.2f} % (yell/boltzmann-machines)",
            seconds=seconds,
            settings=settings,
        ),
        Result(
            measure=f"{measure}, no pre-training",
            measured=_spread(plain),
            published=f"{published[1]:.2f} %",
            seconds=plain_seconds,
            settings=plain_settings,
        ),
    ]


def _spread(scores):
    """Return the mean with the range, and the standard deviation of the draws."""
    mean = f"{scores.mean():.2f} %"
    if len(scores) == 1:
        return mean
    return (
        f"{mean} (sd {scores.std(ddof=1):.2f}, {scores.min():.2f} to {scores.max():.2f}, "
        f"{len(scores)} draws)"
    )
