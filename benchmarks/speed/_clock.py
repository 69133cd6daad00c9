"""The times of the steps of a training, taken through the public interface.

A schedule is asked for its value once a step, so one that notes when it is asked is a clock inside the
real loop: no private name of the package is needed, and what happens before the first step (validation,
first weights, moments of the columns) stays out.
"""

import time
from contextlib import suppress

import numpy as np

from skdbn.schedules import Schedule


class _Enough(Exception):  # noqa: N818 - no error
    """Raised by a clock to end a training."""


class Clock(Schedule):
    """The default learning rate, which falls to 0; notes the times at which it is asked.

    A step is from one question to the next: gradient, update, shuffled rows of the next batch. After
    `n_steps` of them the clock ends the training.
    """

    def __init__(self, start, n_steps):
        self.start = start
        self.n_steps = n_steps
        self.times = []

    def __call__(self, progress, step=0):
        """Return the rate."""
        self.times.append(time.perf_counter())
        if len(self.times) > self.n_steps:
            raise _Enough
        return self.start * (1 - min(progress, 1.0))

    @property
    def ends(self):
        """The rate falls to its end with the plan, as the default does."""
        return True

    def watch(self, fit, *arguments):
        """Call a `fit` that asks this clock, and return the clock."""
        with suppress(_Enough):
            fit(*arguments)
        if len(self.times) <= self.n_steps:
            raise ValueError(f"The fit made less than {self.n_steps} steps and the beginning of the next.")
        return self

    def step_seconds(self):
        """Return the median of the steps; the first one meets memory that was never touched."""
        return float(np.median(np.diff(self.times)[1:]))

    def total_seconds(self):
        """Return the time of all steps.

        If these are an epoch, it has all that one needs: as it ends where the next one asks, also the
        check of the weights, the watched rows and a new order.
        """
        return self.times[-1] - self.times[0]


def rate_for(n_features, for_one_input):
    """Return where the default rate starts with so many columns."""
    return for_one_input / n_features**0.5
