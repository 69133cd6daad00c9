"""Medians of interleaved repetitions."""

import time
from functools import cache
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

# Threads of one library spin for a while after its last product, and would slow down the next one.
_PAUSE = 0.02


class Budget(NamedTuple):
    """How long one case may take, and how often it is repeated at least and at most."""

    seconds: float
    least_rounds: int = 5
    most_rounds: int = 25


class Medians(NamedTuple):
    """Seconds of ours, of the floor (None without one) and of each peer."""

    ours: float
    floor: float | None
    peers: dict


def measure(case, budget):
    """Run ours, floor and peers in turn, round after round, and return the medians.

    The floor is run with all BLAS threads and with one; the faster counts. The first round warms up, and
    tells how many follow.
    """
    floors = {}
    if case.floor is not None:
        floors = {"floor": case.floor, "floor, one thread": _on_one_thread(case.floor)}
    runs = {"ours": case.ours, **floors, **case.peers}
    start = time.perf_counter()
    _round(runs)
    affordable = int(budget.seconds / (time.perf_counter() - start))
    rounds = [_round(runs) for _ in range(min(max(affordable, budget.least_rounds), budget.most_rounds))]
    medians = {name: float(np.median([seconds[name] for seconds in rounds])) for name in runs}
    floor = min((medians[name] for name in floors), default=None)
    return Medians(medians["ours"], floor, {name: medians[name] for name in case.peers})


def _round(runs):
    seconds = {}
    for name, run in runs.items():
        time.sleep(_PAUSE)
        seconds[name] = run()
    return seconds


def once(function, *arguments, shares=1):
    """Return a function that calls `function` and returns the seconds of one of its equal shares."""

    def run():
        start = time.perf_counter()
        function(*arguments)
        return (time.perf_counter() - start) / shares

    return run


def steps(step, n_steps):
    """Return a function that makes steps and returns their median, as `Clock.step_seconds` does."""

    def run():
        times = [time.perf_counter()]
        for _ in range(n_steps):
            step()
            times.append(time.perf_counter())
        return float(np.median(np.diff(times)[1:] if n_steps > 1 else np.diff(times)))

    return run


def times(factor, run):
    """Return a function that returns `factor` times the seconds of another."""
    return lambda: factor * run()


def _on_one_thread(run):
    def limited():
        with _controller().limit(limits=1, user_api="blas"):
            return run()

    return limited


@cache
def _controller():
    return ThreadpoolController()
