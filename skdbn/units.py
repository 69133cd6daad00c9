"""What one layer of units is: an exponential family with one natural parameter per unit.

Given the *field* of a unit (its bias plus the input from the other layer), its state x has the
density ``exp(field * x - base_energy(x) - log_partition(field))``. Mean, samples and free energies
of an RBM follow from these pieces, so nothing else in the package asks which type a layer has.
"""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, clone

# A data mean of exactly 0 or 1 would give an infinite log-odds. Constant columns are common
# (border pixels, rare one-hot levels); a bias of about 7 makes them nearly certain and still learnable.
_SMALLEST_PROBABILITY = 1e-3


def logistic(x, out=None):
    """Compute 1 / (1 + exp(-x)) element by element, without overflow.

    The form by tanh is exact, never overflows and is several times faster than `scipy.special.expit`.

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
    out = np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out


class Unit(BaseEstimator, metaclass=ABCMeta):
    """Base class of the types of units.

    To implement one: inherit, define the five abstract methods below, and add a line to `UNITS`;
    the conformance tests then cover it. A type whose data do not arrive in the family's own
    coordinates also overrides `adapt`, `encode` and `decode`. Arrays have shape (n_rows, n_units);
    `out` names an array to write to and may be the input itself.
    """

    def adapt(self, mean, standard_deviation):
        """Return a copy that carries what this type takes from the columns of the training data."""
        return clone(self)

    def encode(self, x, out, rng=None):
        """Write the rows `x`, in the user's units, to `out` in the family's coordinates.

        With a generator `rng` this is a presentation during training, which may be random.
        """
        np.copyto(out, x)
        return out

    def decode(self, x):
        """Return states or means in the user's units; may overwrite `x`."""
        return x

    def to_data_units(self, weights, bias):
        """Return the affine map of the user's rows equal to that of the encoded ones.

        `weights` has shape (n_units, n_outputs) and `bias` (n_outputs,).
        """
        return weights, bias

    def from_data_units(self, weights, bias):
        """Return the affine map of encoded rows equal to that of the user's: undo `to_data_units`."""
        return weights, bias

    def log_volume(self):
        """Return the log of the volume, in the user's units, of a unit volume of the family."""
        return 0.0

    @abstractmethod
    def base_energy(self, x):
        """Return the sum over units of the energy at field 0, of shape (n_rows,)."""

    @abstractmethod
    def log_partition(self, field):
        """Return log of the integral of exp(field * x - base_energy(x)) over x, for each unit."""

    @abstractmethod
    def mean(self, field, out=None):
        """Return the mean of each unit, which is the derivative of `log_partition`."""

    @abstractmethod
    def variance(self, mean, out=None):
        """Return the variance of each unit, which is the derivative of the mean by the field.

        `out` must not be `mean`.
        """

    @abstractmethod
    def sample_from_mean(self, mean, rng, out=None):
        """Draw each unit given its mean; `out` must not be `mean`."""

    @abstractmethod
    def bias_from_mean(self, mean):
        """Return the biases of unconnected units whose means are `mean` (in the user's units)."""

    def sample(self, field, rng):
        """Draw each unit given its field."""
        return self.sample_from_mean(self.mean(field), rng)


class Bernoulli(Unit):
    r"""Units that are 0 or 1, with :math:`p(x = 1) = 1 / (1 + e^{-\mathrm{field}})`.

    The base energy is 0 and the log-partition :math:`\log(1 + e^{\mathrm{field}})`. As visible units
    they take data within [0, 1]; values strictly inside are probabilities.

    Parameters
    ----------
    redraw : bool, default=False
        How a value inside (0, 1) is presented in training: as it is (False), or drawn anew as 0 or 1
        with that probability each time the row is seen (True), which is how the likelihoods of
        binarised grey images are trained in the literature [1]_.

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

    def __init__(self, redraw=False):
        self.redraw = redraw

    def encode(self, x, out, rng=None):
        """Write the rows to `out`; in training with `redraw`, as new draws with probabilities `x`."""
        if rng is None or not self.redraw:
            np.copyto(out, x)
            return out
        return self.sample_from_mean(x, rng, out=out)

    def base_energy(self, x):
        """Return zeros: two states of equal weight at field 0."""
        return np.zeros(x.shape[0], dtype=x.dtype)

    def log_partition(self, field):
        """Return log(1 + exp(field))."""
        return np.logaddexp(0, field)

    def mean(self, field, out=None):
        """Return the probability of state 1."""
        return logistic(field, out=out)

    def variance(self, mean, out=None):
        """Return p * (1 - p)."""
        out = np.subtract(1, mean, out=out)
        out *= mean
        return out

    def sample_from_mean(self, mean, rng, out=None):
        """Draw 1 with probability `mean`, else 0."""
        out = np.empty_like(mean) if out is None else out
        rng.random(dtype=out.dtype, out=out)
        return np.less(out, mean, out=out)

    def bias_from_mean(self, mean):
        """Return the log-odds of the means, clipped so that a constant column stays finite."""
        p = np.clip(mean, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
        return np.log(p / (1 - p))


class Gaussian(Unit):
    r"""Real-valued units: normal with mean equal to the field and unit variance, after scaling.

    Data are brought to the family's coordinates by :math:`u = (x - m) / \sigma` with one location m
    and scale :math:`\sigma` per column, so the base energy is :math:`u^2 / 2`. Location and scale
    are taken from the training data, so raw and standardised data give the same model.

    Parameters
    ----------
    scale : {"data"}, float or array-like of shape (n_units,), default="data"
        Standard deviation of the noise in each column, in the units of the data and > 0;
        "data" is the column's standard deviation in the training data (1 for a constant column).

    Attributes
    ----------
    location_ : ndarray of shape (n_units,)
        Mean of each column of the training data. Only on `visible_` of a fitted estimator.

    scale_ : ndarray of shape (n_units,)
        Scale of each column. Only on `visible_` of a fitted estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.units import Gaussian
    >>> unit = Gaussian().adapt(np.array([10.0]), np.array([2.0]))
    >>> unit.encode(np.array([[14.0]]), out=np.empty((1, 1)))
    array([[2.]])
    """

    def __init__(self, scale="data"):
        self.scale = scale

    def adapt(self, mean, standard_deviation):
        """Return a copy with `location_` and `scale_`, floored for constant columns."""
        unit = clone(self)
        unit.location_ = mean.copy()
        unit.scale_ = self._scale_from(mean, standard_deviation)
        return unit

    def _scale_from(self, mean, standard_deviation):
        if isinstance(self.scale, str) and self.scale == "data":
            # The spread of a constant column is the rounding noise of a mean in float64.
            noise = 1e-12 * np.abs(mean)
            return np.where(standard_deviation > noise, standard_deviation, 1).astype(mean.dtype)
        try:
            scale = np.broadcast_to(np.asarray(self.scale, dtype=mean.dtype), mean.shape).copy()
        except (TypeError, ValueError):
            scale = None
        if scale is None or not (np.isfinite(scale) & (scale > 0)).all():
            raise ValueError(
                f'Gaussian(scale={self.scale!r}): scale must be "data", a positive number or one '
                f"positive number for each of the {mean.size} columns."
            )
        return scale

    @property
    def has_fixed_scale(self):
        """Whether the scale was given by the user instead of taken from the data."""
        return not (isinstance(self.scale, str) and self.scale == "data")

    def encode(self, x, out, rng=None):
        """Write (x - location) / scale to `out`."""
        np.subtract(x, self.location_, out=out)
        out /= self.scale_
        return out

    def decode(self, x):
        """Return x * scale + location."""
        x *= self.scale_
        x += self.location_
        return x

    def to_data_units(self, weights, bias):
        """Divide the weights by the scales and move the locations into the bias."""
        weights = weights / self.scale_[:, np.newaxis]
        return weights, bias - self.location_ @ weights

    def from_data_units(self, weights, bias):
        """Undo `to_data_units`."""
        return weights * self.scale_[:, np.newaxis], bias + self.location_ @ weights

    def log_volume(self):
        """Return the sum of the logarithms of the scales."""
        return float(np.log(self.scale_, dtype=np.float64).sum())

    def base_energy(self, x):
        """Return half the squared norm of each row."""
        return 0.5 * np.einsum("ij,ij->i", x, x)

    def log_partition(self, field):
        """Return field**2 / 2 + log(2 * pi) / 2."""
        return 0.5 * (field * field + np.log(2 * np.pi).astype(field.dtype))

    def mean(self, field, out=None):
        """Return the field itself."""
        return np.add(field, 0, out=out)

    def variance(self, mean, out=None):
        """Return ones."""
        out = np.empty_like(mean) if out is None else out
        out[...] = 1
        return out

    def sample_from_mean(self, mean, rng, out=None):
        """Draw mean + standard normal noise."""
        out = np.empty_like(mean) if out is None else out
        rng.standard_normal(dtype=out.dtype, out=out)
        out += mean
        return out

    def bias_from_mean(self, mean):
        """Return the encoded means: 0 where the location is the mean itself."""
        return (mean - self.location_) / self.scale_


UNITS = {"bernoulli": Bernoulli, "gaussian": Gaussian}


def resolve_unit(unit):
    """Return the type of units that a parameter `visible` or `hidden` stands for.

    Parameters
    ----------
    unit : {"bernoulli", "gaussian"} or Unit
        A name stands for the class with its defaults; an object for itself.

    Returns
    -------
    unit : Unit
        The object itself, or a new one.
    """
    return UNITS[unit]() if isinstance(unit, str) else unit
