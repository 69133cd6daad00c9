"""Errors of classifiers over seeds, as lines of the table."""

import time
import warnings

import numpy as np
from _report import Result, seconds_of, settings_of
from sklearn.exceptions import ConvergenceWarning


def timed_fit(model, X, y=None):
    """Return (fitted model, seconds). Warnings about the end of training are not what is measured."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return model, time.perf_counter() - start


def percent_wrong(model, data):
    """Return the test error in percent."""
    return 100 * (1 - model.score(data.x_test, data.y_test))


def median_error(run, make, data, *, n_seeds, measure, at_most=None, minutes=None, published=""):
    """Return (line, last model): the median test error of the seeds beside each of them.

    `make` gives the unfitted model of a seed. The seconds are those of a whole run: all training.
    """
    seeds, errors, times = run.seeds_or(n_seeds), [], []
    for seed in seeds:
        model, seconds = timed_fit(make(seed), data.x_train, data.y_train)
        errors.append(percent_wrong(model, data))
        times.append(seconds)
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
