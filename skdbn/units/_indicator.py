"""What units of the states 0 and 1 have in common."""

from __future__ import annotations

import numpy as np

from skdbn._typing import Floats, Rng
from skdbn.units._base import Unit


class Indicator(Unit):
    """Base class of units that are 0 or 1 and whose mean is the probability of 1.

    All states have the same weight at field 0. Subclasses have a parameter `redraw`: whether
    probabilities in the data are drawn anew each time a row is seen in training.
    """

    bounded = True
    redraw: bool

    def encode(self, x: Floats, out: Floats, rng: Rng | None = None) -> Floats:
        """Write the rows to `out`; in training with `redraw`, as new draws with probabilities `x`."""
        if rng is None or not self.redraw:
            return super().encode(x, out)
        return self.sample_from_mean(x, rng, out=out)

    def base_energy(self, x: Floats) -> Floats:
        """Return zeros: states of equal weight at field 0."""
        return np.zeros(x.shape[0], dtype=x.dtype)

    def variance(self, mean: Floats, out: Floats | None = None) -> Floats:
        """Return p * (1 - p)."""
        out = np.subtract(1, mean, out=out)
        out *= mean
        return out
