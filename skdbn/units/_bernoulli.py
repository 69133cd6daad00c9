"""Binary units."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone

from skdbn._blocks import blocks
from skdbn._draws import draw_bernoulli
from skdbn._typing import Floats, Rng
from skdbn.units._indicator import Indicator

# A data mean of exactly 0 or 1 would give an infinite log-odds. Constant columns are common
# (border pixels, rare one-hot levels); a bias of about 7 makes them nearly certain and still learnable.
_SMALLEST_PROBABILITY = 1e-3

_SPREADS_ABOVE_MEAN = 3


def logistic(x: Floats, out: Floats | None = None) -> Floats:
    """Compute 1 / (1 + exp(-x)) element by element.

    In steps of whole arrays, several times faster than `scipy.special.expit`. Below about -88 in single
    precision exp(-x) overflows to infinity, which gives the right answer, 0.

    Parameters
    ----------
    x : ndarray
        Any real numbers.
    out : ndarray, default=None
        Where to write the result; may be `x` itself.

    Returns
    -------
    out : ndarray
        Values within [0, 1], in the dtype of `x`.
    """
    out = np.empty_like(x) if out is None else out
    with np.errstate(over="ignore"):
        for x_block, block in blocks(x, out):
            np.negative(x_block, out=block)
            np.exp(block, out=block)
            block += 1
            np.reciprocal(block, out=block)
    return out


class Bernoulli(Indicator):
    r"""Units that are 0 or 1, with :math:`p(x = 1) = 1 / (1 + e^{-\mathrm{field}})`.

    The base energy is 0 and the log-partition :math:`\log(1 + e^{\mathrm{field}})`. As visible units
    they take data within [0, 1]; values strictly inside are probabilities.

    Parameters
    ----------
    redraw : bool, default=True
        How a value inside (0, 1) is presented in training: drawn anew as 0 or 1 with that probability
        each time the row is seen (True), as binarised grey images are trained in the literature [1]_,
        or as it is (False). A grey value as it is varies less than any binary unit of that mean can:
        rows of little contrast then teach an RBM nothing, and its weights fade to 0. Values of 0
        and 1 are the same either way.

    scale : float or "data", default=1.0
        Value of the data that stands for state 1, > 0: 255 for bytes of grey. "data" takes the mean plus
        three standard deviations of each column of the training data, for values >= 0 without a natural
        largest one; values above count as 1.

    Attributes
    ----------
    scale_ : ndarray of shape (n_units,)
        Value of each column that stands for state 1. Only on `visible_` of a fitted estimator, and only
        if `scale` is not 1.

    References
    ----------
    .. [1] Salakhutdinov, R. and Murray, I. (2008). On the quantitative analysis of deep belief
           networks. ICML. :doi:`10.1145/1390156.1390266`

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.units import Bernoulli
    >>> Bernoulli().mean(np.array([[-1.0, 0.0, 1.0]])).round(3)
    array([[0.269, 0.5  , 0.731]])
    """

    scale_: Floats  # after `adapt`, if there is a scale

    def __init__(self, redraw: bool = True, scale: float | str = 1.0) -> None:
        self.redraw = redraw
        self.scale = scale

    def adapt(self, mean: Floats, standard_deviation: Floats) -> Bernoulli:
        """Return a copy, with `scale_` if the data are to be scaled."""
        unit = clone(self)
        if isinstance(self.scale, str) or self.scale != 1:
            unit.scale_ = self._scale_from(mean, standard_deviation)
        return unit

    def _scale_from(self, mean: Floats, standard_deviation: Floats) -> Floats:
        if isinstance(self.scale, str) and self.scale == "data":
            largest = mean + _SPREADS_ABOVE_MEAN * standard_deviation
            return np.where(largest > 0, largest, 1).astype(mean.dtype)
        if isinstance(self.scale, str) or not 0 < self.scale < np.inf:
            raise ValueError(f'Bernoulli(scale={self.scale!r}): scale must be "data" or a positive number.')
        return np.full_like(mean, self.scale)

    def encode(self, x: Floats, out: Floats, rng: Rng | None = None) -> Floats:
        """Write the shares of the scale to `out`; in training with `redraw`, as new draws."""
        if not hasattr(self, "scale_"):
            return super().encode(x, out, rng)
        if rng is None or not self.redraw:
            return np.divide(x, self.scale_, out=out)
        return self.sample_from_mean(x / self.scale_, rng, out=out)

    def decode(self, x: Floats) -> Floats:
        """Return states or means times the scale."""
        if hasattr(self, "scale_"):
            x *= self.scale_
        return x

    def to_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Divide the weights by the scale."""
        return (weights / self.scale_[:, np.newaxis] if hasattr(self, "scale_") else weights), bias

    def from_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Undo `to_data_units`."""
        return (weights * self.scale_[:, np.newaxis] if hasattr(self, "scale_") else weights), bias

    def log_partition(self, field: Floats) -> Floats:
        """Return log(1 + exp(field))."""
        # max(0, x) + log(1 + exp(-|x|)): several times faster than np.logaddexp.
        tail = np.abs(field)
        np.negative(tail, out=tail)
        np.exp(tail, out=tail)
        np.log1p(tail, out=tail)
        tail += np.maximum(field, 0)
        return tail

    def total_log_partition(self, field: Floats) -> Floats:
        """Return the sum of log(1 + exp(field)), with one logarithm for many units.

        The factors ``1 + exp(-|field|)`` are within [1, 2]: the product of 64 of them neither overflows nor
        costs digits that the sum would keep.
        """
        factors = np.abs(field)
        np.negative(factors, out=factors)
        np.exp(factors, out=factors)
        factors += 1
        n_factors, n_multiplied = factors.shape[-1], 1
        while n_multiplied < 64 and n_factors > 1:
            half = n_factors // 2
            factors[..., :half] *= factors[..., n_factors - half : n_factors]
            n_factors, n_multiplied = n_factors - half, 2 * n_multiplied
        total = np.log(factors[..., :n_factors]).sum(axis=-1)
        total += np.maximum(field, 0).sum(axis=-1)
        return total

    def mean(self, field: Floats, out: Floats | None = None) -> Floats:
        """Return the probability of state 1."""
        return logistic(field, out=out)

    def sample_from_mean(self, mean: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw 1 with probability `mean`, else 0."""
        return draw_bernoulli(mean, rng, out=out)

    def bias_from_mean(self, mean: Floats) -> Floats:
        """Return the log-odds of the means, clipped so that a constant column stays finite."""
        mean = mean / self.scale_ if hasattr(self, "scale_") else mean
        p = np.clip(mean, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
        return np.log(p / (1 - p))

    def n_states(self, n_units: int) -> int:
        """Return 2**n_units."""
        return 2**n_units

    def states(self, start: int, stop: int, n_units: int) -> Floats:
        """Return the binary digits of the numbers, the first unit changing fastest."""
        numbers = np.arange(start, stop)
        return (numbers[:, np.newaxis] >> np.arange(n_units) & 1).astype(np.float64)
