"""What units of the states 0 and 1 have in common."""

import numpy as np

from skdbn.units._base import Unit


class Indicator(Unit):
    """Base class of units that are 0 or 1 and whose mean is the probability of 1.

    All states have the same weight at field 0. Subclasses have a parameter `redraw`: whether
    probabilities in the data are drawn anew each time a row is seen in training.
    """

    bounded = True

    def encode(self, x, out, rng=None):
        """Write the rows to `out`; in training with `redraw`, as new draws with probabilities `x`."""
        if rng is None or not self.redraw:
            return super().encode(x, out)
        return self.sample_from_mean(x, rng, out=out)

    def base_energy(self, x):
        """Return zeros: states of equal weight at field 0."""
        return np.zeros(x.shape[0], dtype=x.dtype)

    def variance(self, mean, out=None):
        """Return p * (1 - p)."""
        out = np.subtract(1, mean, out=out)
        out *= mean
        return out
