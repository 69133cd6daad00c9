"""What is computed of results: sensitivity to the rate, the way to a likelihood, and how sure a mean is."""

from typing import NamedTuple

import numpy as np

N_RESAMPLES = 2000


class Width(NamedTuple):
    """How many decades of rates are good enough; `open` if an end of the grid still is."""

    decades: float
    open: bool

    def __str__(self):
        return f"{'>= ' if self.open else ''}{self.decades:.2f}"


def good_width(rates, values, tolerance):
    """Return the width of the rates whose value lies within `tolerance` of the best one.

    Between two rates of the grid the value is taken to run straight over the logarithm of the rate; where
    training failed, the value is -inf, and nothing between it and the next rate counts.
    """
    if np.max(values) == -np.inf:
        return Width(0.0, False)
    position, margin = np.log10(rates), np.asarray(values) - (np.max(values) - tolerance)
    decades = sum(
        (position[i + 1] - position[i]) * _share_above_zero(margin[i], margin[i + 1])
        for i in range(len(margin) - 1)
    )
    return Width(float(decades), bool(margin[0] >= 0 or margin[-1] >= 0))


def _share_above_zero(first, last):
    """Return the share of the way from one value to another that is above zero."""
    low, high = sorted((first, last))
    if low >= 0:
        return 1.0
    return 0.0 if high <= 0 or low == -np.inf else float(high / (high - low))


def first_at(positions, values, target):
    """Return the position at which values, joined by straight lines, first reach a target; or None."""
    for i, value in enumerate(values):
        if value >= target:
            if i == 0:
                return float(positions[0])
            share = (target - values[i - 1]) / (value - values[i - 1])
            return float(positions[i - 1] + share * (positions[i] - positions[i - 1]))
    return None


class Interval(NamedTuple):
    """A value, and the bootstrap interval that it lies in with a probability of 95 %."""

    value: float
    low: float
    high: float

    def __str__(self):
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


def bootstrap(statistic, seeds, data=None, n_resamples=N_RESAMPLES):
    """Return the interval of a statistic of seeds, and of data sets if they too are drawn anew.

    ``statistic(seeds)``, or ``statistic(seeds, data)``, is computed of what was drawn with replacement, and
    of the originals: percentiles 2.5 and 97.5 of the first stand beside the last. The same seeds are drawn
    for all that the statistic compares, since they begin at the same weights.
    """
    rng = np.random.default_rng(0)
    pools = [np.asarray(seeds)] if data is None else [np.asarray(seeds), np.asarray(data)]
    draws = [pool[rng.integers(len(pool), size=(n_resamples, len(pool)))] for pool in pools]
    drawn = [statistic(*resample) for resample in zip(*draws, strict=True)]
    return Interval(float(statistic(*pools)), *(float(q) for q in np.percentile(drawn, [2.5, 97.5])))


def mean_ranks(scores):
    """Return the mean rank of each column over the rows: 1 is the highest score, ties share ranks."""
    scores = np.asarray(scores, dtype=float)
    higher = (scores[:, np.newaxis, :] > scores[:, :, np.newaxis]).sum(axis=2)
    equal = (scores[:, np.newaxis, :] == scores[:, :, np.newaxis]).sum(axis=2)
    return (higher + (equal + 1) / 2).mean(axis=0)
