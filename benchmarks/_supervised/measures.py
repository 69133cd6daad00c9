"""Errors of classifiers over seeds, as lines of the table."""

import time
import warnings

import numpy as np
from _report import Result, seconds_of, settings_of
from sklearn.exceptions import ConvergenceWarning


def timed(train):
    """Return (what `train` returns, seconds), without warnings about the end of training."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = train()
    return result, time.perf_counter() - start


def timed_fit(model, X, y=None):
    """Return (fitted model, seconds)."""
    return timed(lambda: model.fit(X, y))


def percent_wrong(model, data):
    """Return the test error in percent."""
    return 100 * (1 - model.score(data.x_test, data.y_test))


def median_error(
    run, make, data, *, n_seeds, measure, stack=None, at_most=None, minutes=None, published=""
):
    """Return (line, last model): the median test error of the seeds beside each of them.

    `make` gives the unfitted model of a seed, and `stack` the RBMs that it starts from, with the seconds
    of their training; None if the model trains its own or needs none. The seconds of the line are those of
    a whole run: all training.
    """
    seeds, errors, times = run.seeds_or(n_seeds), [], []
    for seed in seeds:
        model, seconds_before = make(seed), 0.0
        if stack:
            machines, seconds_before = stack(seed)
            model.set_params(pretrain=machines)
        model, seconds = timed_fit(model, data.x_train, data.y_train)
        errors.append(percent_wrong(model, data))
        times.append(seconds_before + seconds)
    line = Result(
        measure=measure,
        measured=_over_seeds_in_percent(errors, seeds),
        must_be=_target(at_most, minutes),
        reached=None if at_most is None else _reached(errors, times, at_most, minutes),
        published=published,
        seconds=seconds_of(times),
        settings=settings_of(model),
    )
    return line, model


def _target(at_most, minutes):
    if at_most is None:
        return ""
    return f"<= {at_most:.2f} %" + (f" within {minutes} minutes" if minutes else "")


def _reached(errors, times, at_most, minutes):
    in_time = minutes is None or max(times) <= 60 * minutes
    return bool(round(float(np.median(errors)), 4) <= at_most and in_time)


def _over_seeds_in_percent(errors, seeds):
    """Return the median of the errors, and each of them if there are several."""
    if len(errors) == 1:
        return f"{errors[0]:.2f} % (seed {seeds[0]})"
    each = ", ".join(f"{error:.2f}" for error in errors)
    return f"{np.median(errors):.2f} % (median; {each} for seeds {', '.join(map(str, seeds))})"
