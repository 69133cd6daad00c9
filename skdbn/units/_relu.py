"""Rectified units."""

from __future__ import annotations

from copy import copy

import numpy as np

from skdbn._typing import Floats, Rng
from skdbn.units._base import Unit
from skdbn.units._bernoulli import logistic

# With q = 1/e and z = e^field, Euler's identity
#
#     prod_{i>=1} (1 + z q^(i-1/2)) = sum_{n>=0} z^n q^(n^2/2) / ((1-q) (1-q^2) ... (1-q^n)) =: S(z)
#
# says that the number n of active copies has the base energy n^2/2 + sum_{k<=n} log(1 - q^k) and the
# log-partition log S(e^field). For z <= 1 the terms fall like e^(-n^2/2): 9 of them reach the last digit
# of float64, 6 that of float32. They are positive, so nothing cancels.
_Q = np.exp(-1.0)
_NUMBERS = np.arange(1, 10)
_TERMS = np.exp(-0.5 * _NUMBERS**2) / np.cumprod(1 - _Q**_NUMBERS)
_MOMENT_TERMS = {power: [float(term) for term in _NUMBERS**power * _TERMS] for power in (0, 1, 2)}

# For z > 1 Jacobi's triple product leads back to 1/z, with (q)_oo = prod_{k>=1} (1 - q^k):
#
#     (q)_oo S(e^x) S(e^-x) = sum_n e^(n x - n^2/2) = sqrt(2 pi) e^(x^2/2) (1 + r cos 2 pi x)
#
# (the sum over all integers by Poisson's formula). As r = 2 e^(-2 pi^2) = 5e-9, the next term is of the
# order of 1e-34, log(1 + r cos) is r cos to the last digit, and float32 does not see this ripple at all.
_LOG_Q_PRODUCT = float(np.log1p(-(_Q ** np.arange(1, 50))).sum())
_LOG_JACOBI = float(0.5 * np.log(2 * np.pi) - _LOG_Q_PRODUCT)
_RIPPLE = float(2 * np.exp(-2 * np.pi**2))
_TWO_PI = 2 * float(np.pi)

# Means of 0 have the field -infinity. A bias of about -7 keeps a constant column nearly certain and
# still learnable, as for binary units.
_SMALLEST_BIAS_MEAN = 1e-3
_SMALLEST_MEAN = 1e-30

# Counts of lower probability than 1e-18 are never drawn: those more than 9 below the field.
_COUNTS_BELOW_FIELD = 9
_N_COUNTS = 20


class ReLU(Unit):
    r"""Rectified units: how many of infinitely many binary copies are active.

    The copies of a unit have the same input and biases lower by 1/2, 3/2, 5/2, ...: the stepped sigmoid
    units of Nair and Hinton [1]_. Their number n = 0, 1, 2, ... is an exponential family,

    .. math::
        p(n) \propto e^{n x - n^2 / 2} \Big/ \prod_{k=1}^n (1 - e^{-k}), \qquad
        \log Z(x) = \sum_{i \ge 1} \log(1 + e^{x - i + 1/2}),

    with x the field. Its mean :math:`\sum_i 1 / (1 + e^{-x + i - 1/2})` is max(x, 0) plus a correction
    that depends on abs(x) alone and fades like exp(-abs(x)) (up to a ripple of 3e-8), so a layer of these
    units is a smooth layer of rectified linear units. Its variance rises from 0 to 1.

    As visible units they model counts 0, 1, 2, ..., which are taken as they are. States have no upper
    bound, so the other layer must have one (Bernoulli or Softmax).

    Parameters
    ----------
    exact : bool, default=False
        Whether draws are the whole numbers n (True) or the noisy rectified linear units of [1]_ (False),
        :math:`\max(0, x + \epsilon)` with normal :math:`\epsilon` of variance
        :math:`1 / (1 + e^{-x})`: several times faster, but only an approximation.

    Notes
    -----
    Means, energies and likelihoods are those of the family above whatever `exact` is, so they belong to
    the exact draws. The approximate ones are too small on average, by up to 0.41 (at x = -0.2), and vary
    less, with a variance too small by up to 0.35 (at x = -0.3). At x = 3 the errors are 0.05 and 0.004; for
    x < -2 the approximation is practically always 0, while a unit of the family is active with a
    probability of about exp(x).

    References
    ----------
    .. [1] Nair, V. and Hinton, G. E. (2010). Rectified linear units improve restricted Boltzmann
           machines. ICML, 807-814.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.units import ReLU
    >>> ReLU().mean(np.array([[-5.0, 0.0, 5.0]])).round(3)
    array([[0.006, 0.683, 5.006]])
    """

    def __init__(self, exact: bool = False) -> None:
        self.exact = exact

    def base_energy(self, x: Floats) -> Floats:
        """Return the sum of n**2 / 2 + sum_{k<=n} log(1 - exp(-k)), continued to real n >= 0."""
        energy = _log_q_factorial(x)
        energy += 0.5 * x * x
        return energy.sum(axis=1)

    def log_partition(self, field: Floats) -> Floats:
        """Return sum_i log(1 + exp(field - i + 1/2))."""
        result = np.maximum(field, 0)
        result *= 0.5 * result
        result += _log_partition_without_square(field)
        return result

    def mean(self, field: Floats, out: Floats | None = None) -> Floats:
        """Return sum_i logistic(field - i + 1/2), which is max(0, field) plus an even correction."""
        z = np.exp(-np.abs(field))
        correction = _mean(z, _partition(z))
        out = np.maximum(field, 0, out=out)
        correction += _ripple_of_mean(out)
        out += correction
        return out

    def variance(self, mean: Floats, out: Floats | None = None) -> Floats:
        """Return sum_i p_i * (1 - p_i), with p_i the means of the copies."""
        variance = _variance_from_field(_field_from_mean(mean))
        return np.minimum(variance, mean, out=out)  # equal to the last digit where the mean is tiny

    def sample_from_mean(self, mean: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw each unit given the field that has this mean."""
        return self.sample(_field_from_mean(mean), rng, out=out)

    def bias_from_mean(self, mean: Floats) -> Floats:
        """Return the fields of these means, clipped so that a column of zeros stays finite."""
        return _field_from_mean(np.maximum(mean, _SMALLEST_BIAS_MEAN))

    def sample(self, field: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw whole numbers (`exact`), or max(0, field + noise) with variance logistic(field)."""
        out = np.empty_like(field) if out is None else out
        if self.exact:
            np.copyto(out, _draw_counts(field, rng), casting="same_kind")
            return out
        rng.standard_normal(dtype=out.dtype, out=out)
        scale = logistic(field)
        out *= np.sqrt(scale, out=scale)
        out += field
        return np.maximum(out, 0, out=out)

    def mean_and_sample(self, field: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw each unit, then turn the fields into means in place."""
        out = self.sample(field, rng, out=out)
        self.mean(field, out=field)
        return out

    def drawn_exactly(self) -> ReLU:
        """Return a copy that draws whole numbers."""
        if self.exact:
            return self
        unit = copy(self)
        unit.exact = True
        return unit


def _moment(z: Floats, power: int) -> Floats:
    """Return sum_{n>=1} n**power z**n exp(-base_energy(n)) by Horner's rule, for |z| <= 1."""
    terms = _MOMENT_TERMS[power][: 6 if z.dtype == np.float32 else 9]
    total = np.full_like(z, terms[-1])
    for term in terms[-2::-1]:
        total *= z
        total += term
    total *= z
    return total


def _log_q_factorial(n: Floats) -> Floats:
    """Return sum_{k<=n} log(1 - q^k), continued as log (q)_oo - log prod_{k>=1} (1 - q^(n+k))."""
    # The product is S(-q^(n + 1/2)).
    result = np.log1p(_moment(-np.exp(-0.5 - n), 0))
    return np.subtract(_LOG_Q_PRODUCT, result, out=result)


def _log_partition_without_square(field: Floats) -> Floats:
    """Return the log-partition minus max(0, field)**2 / 2, which stays within (0, 2)."""
    result = np.log1p(_moment(np.exp(-np.abs(field)), 0))
    ripple = _ripple(np.cos, field, _RIPPLE)
    return np.where(field > 0, _LOG_JACOBI + ripple - result, result)


def _ripple(wave: np.ufunc, field: Floats, amplitude: float) -> Floats | float:
    """Return amplitude * wave(2 pi field), or 0 where the dtype cannot hold it."""
    return amplitude * wave(_TWO_PI * field) if field.dtype != np.float32 else 0.0


def _ripple_of_mean(positive_field: Floats) -> Floats | float:
    """Return d/dx r cos(2 pi x), for x = max(0, field): where the field is negative there is none."""
    return _ripple(np.sin, positive_field, -_TWO_PI * _RIPPLE)


def _partition(z: Floats) -> Floats:
    """Return the partition function of units of the fields log(z) <= 0."""
    partition = _moment(z, 0)
    partition += 1
    return partition


def _mean(z: Floats, partition: Floats) -> Floats:
    """Return the mean of units of the fields log(z) <= 0."""
    mean = _moment(z, 1)
    mean /= partition
    return mean


def _moments_below_zero(field: Floats) -> tuple[Floats, Floats]:
    """Return mean and variance of units of the fields -|field|."""
    z = np.exp(-np.abs(field))
    partition = _partition(z)
    mean = _mean(z, partition)
    variance = _moment(z, 2)
    variance /= partition
    variance -= mean * mean
    return mean, variance


def _variance_from_field(field: Floats) -> Floats:
    """Return the variance of each unit given its field."""
    _, variance = _moments_below_zero(field)
    ripple = _ripple(np.cos, field, -(_TWO_PI**2) * _RIPPLE)
    return np.where(field > 0, 1 + ripple - variance, variance)


def _field_from_mean(mean: Floats) -> Floats:
    """Return the fields of units of given means, by Newton's method."""
    mean = np.maximum(mean, _SMALLEST_MEAN)
    # The inverse of log(1 + e^x), in a form that neither overflows nor cancels.
    field = mean + np.log(-np.expm1(-mean))
    # From an error of 0.04 it leaves 9e-4, 4e-7 and 7e-14 (relative to the mean, over all of 1e-12 to 1e3).
    for _ in range(2 if mean.dtype == np.float32 else 3):
        correction, variance = _moments_below_zero(field)
        positive = np.maximum(field, 0)
        excess = correction + _ripple_of_mean(positive) + (positive - mean)
        field -= excess / np.where(field > 0, 1 - variance, variance)
    return field


def _draw_counts(field: Floats, rng: Rng) -> Floats:
    """Draw whole numbers by inverting the distribution function, in float64."""
    x = field.astype(np.float64)
    n = np.maximum(np.floor(x) - _COUNTS_BELOW_FIELD, 0)
    # log p(n) = n x - base_energy(n) - log_partition(x), without the squares: x = 1000 loses no digits.
    log_p = -0.5 * (n - np.maximum(x, 0)) ** 2 - _log_q_factorial(n) - _log_partition_without_square(x)
    p = np.exp(log_p)
    # p(n + 1) / p(n) = e^(x - n - 1/2) / (1 - q^(n + 1))
    ratio, power = np.exp(x - n - 0.5), np.exp(-n - 1)
    cumulative = p.copy()
    # The probabilities sum to 1 within 1e-13: no draw may lie beyond the last.
    draws = rng.random(x.shape) * (1 - 1e-12)
    for _ in range(_N_COUNTS):
        beyond = draws >= cumulative
        if not beyond.any():
            break
        n += beyond
        p *= ratio / (1 - power)
        cumulative += p
        ratio *= _Q
        power *= _Q
    return n
