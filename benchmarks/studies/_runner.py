"""How cases become results: in one process or several, each result kept at once, with progress."""

import math
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from skdbn.exceptions import DivergenceError

_SECONDS_BETWEEN_REPORTS = 20
_DIGITS = 7  # of stored measures: float32 has no more


class Outcome(NamedTuple):
    """What came of a case."""

    measures: dict[str, Any] | None
    failure: str | None
    seconds: float


def measure_case(name, case, folder):
    """Measure a case of the study of this name; a training that diverges is a result, too."""
    from studies._registry import STUDIES  # a process of its own begins here

    start, measures, failure = time.process_time(), None, None
    try:
        measures = _rounded(STUDIES[name].measure(case, folder))
    except DivergenceError as error:
        failure = f"DivergenceError: {error}"
    except _NotFiniteError as error:
        failure = str(error)
    return Outcome(measures, failure, time.process_time() - start)


class _NotFiniteError(ValueError):
    """A measure that is no number: the parameters are finite, but too large to compute with."""


def _rounded(value, name="measures"):
    """Return plain values with as many digits as are stored."""
    if isinstance(value, dict):
        return {key: _rounded(each, key) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each, name) for each in value]
    if isinstance(value, str | int | None):
        return value
    if not math.isfinite(value):
        raise _NotFiniteError(f"{name} is {value}")
    return float(f"{value:.{_DIGITS}g}")


def run(study, cases, results, *, folder=None, jobs=1, announce=print):
    """Measure the cases that have no result yet."""
    left = results.missing(cases)
    progress = Progress(study, len(cases), left, jobs, announce)
    for case, outcome in _outcomes(study, left, folder, jobs):
        results.append(case, *outcome)
        progress.count(case, outcome)


def _outcomes(study, cases, folder, jobs):
    """Yield (case, outcome) as they come."""
    if jobs == 1:
        with threadpool_limits(1):
            for case in cases:
                yield case, measure_case(study.name, case, folder)
        return
    # Spawned, not forked: a fork copies the locks of BLAS threads, and is not to be had everywhere.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_use_one_thread) as pool:
        try:
            futures = {pool.submit(measure_case, study.name, case, folder): case for case in cases}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _use_one_thread():
    for name in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    threadpool_limits(1)


class Progress:
    """Says now and then how far a study is, and how long the rest will take at the pace so far."""

    def __init__(self, study, n_cases, left, jobs, announce):
        self._study, self._announce = study, announce
        self._n_done, self._n_cases = n_cases - len(left), n_cases
        self._n_failed, self._expected_done = 0, 0.0
        self._expected_left = sum(map(study.seconds, left))
        self._start = self._last_report = time.monotonic()
        minutes = self._expected_left / 60 / jobs
        announce(f"{study.name}: {self._n_done} of {n_cases} cases done, about {minutes:.1f} minutes to go")

    def count(self, case, outcome):
        """Take in a case that is done."""
        self._n_done += 1
        self._n_failed += outcome.failure is not None
        self._expected_done += self._study.seconds(case)
        self._expected_left -= self._study.seconds(case)
        now = time.monotonic()
        if now - self._last_report >= _SECONDS_BETWEEN_REPORTS or self._n_done == self._n_cases:
            self._last_report = now
            self._announce(self._line(now - self._start))

    def _line(self, elapsed):
        minutes = elapsed / self._expected_done * max(self._expected_left, 0) / 60
        return (
            f"{self._study.name}: {self._n_done} of {self._n_cases} cases done, "
            f"{self._n_failed} failed now, {elapsed / 60:.1f} minutes, about {minutes:.1f} to go"
        )
