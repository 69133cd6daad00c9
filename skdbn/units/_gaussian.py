"""Real-valued units."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from skdbn._typing import Floats, Rng
from skdbn.units._base import Unit

# A column that the hidden units predict without error has no most likely scale: the density grows without
# bound as its noise goes to 0. A learned scale therefore keeps within this factor of where it started.
_LARGEST_SCALE_CHANGE = 100.0


class Gaussian(Unit):
    r"""Real-valued units: normal with mean equal to the field and unit variance, after scaling.

    Data are brought to the family's coordinates by :math:`u = (x - m) / \sigma` with one location m
    and scale :math:`\sigma` per column, so the base energy is :math:`u^2 / 2`. Location and scale
    are taken from the training data, so raw and standardised data give the same model.

    A learned scale is one more parameter of each column, in the parametrisation of [1]_: weights and
    biases act on the scaled u, and training follows the likelihood by :math:`\log \sigma`. The location
    stays the column's mean, since the bias can move the column just as well.

    Parameters
    ----------
    scale : {"data", "learned"}, float or array-like of shape (n_units,), default="data"
        Standard deviation of the noise in each column, in the units of the data and > 0;
        "data" is the column's standard deviation in the training data (1 for a constant column);
        "learned" starts there and is changed by training, by a factor of 100 at most.

    Attributes
    ----------
    location_ : ndarray of shape (n_units,)
        Mean of each column of the training data. Only on `visible_` of a fitted estimator.

    scale_ : ndarray of shape (n_units,)
        Scale of each column. Only on `visible_` of a fitted estimator.

    initial_scale_ : ndarray of shape (n_units,)
        What `scale_` was before training. Only on `visible_` of a fitted estimator.

    References
    ----------
    .. [1] Krizhevsky, A. (2009). Learning multiple layers of features from tiny images. Technical
           report, University of Toronto.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.units import Gaussian
    >>> unit = Gaussian().adapt(np.array([10.0]), np.array([2.0]))
    >>> unit.encode(np.array([[14.0]]), out=np.empty((1, 1)))
    array([[2.]])
    """

    # After `adapt`.
    location_: Floats
    scale_: Floats
    initial_scale_: Floats

    def __init__(self, scale: str | npt.ArrayLike = "data") -> None:
        self.scale = scale

    def adapt(self, mean: Floats, standard_deviation: Floats) -> Gaussian:
        """Return a copy with `location_` and `scale_`, floored for constant columns."""
        unit = clone(self)
        # A millionth of the largest number, so that a reconstruction far out is one as well.
        largest = float(np.finfo(mean.dtype).max) / 1e6
        too_large = ~(np.maximum(np.abs(mean), standard_deviation) <= largest)
        if too_large.any():
            raise ValueError(
                f"The variance of {too_large.sum()} of {mean.size} columns of X overflows, or nearly so; "
                "scale the inputs."
            )
        unit.location_ = mean.copy()
        unit.scale_ = self._scale_from(mean, standard_deviation)
        unit.initial_scale_ = unit.scale_.copy()
        return unit

    def _scale_from(self, mean: Floats, standard_deviation: Floats) -> Floats:
        if isinstance(self.scale, str) and self.scale in ("data", "learned"):
            # The spread of a constant column is the rounding noise of a mean in float64.
            noise = 1e-12 * np.abs(mean)
            return np.where(standard_deviation > noise, standard_deviation, 1).astype(mean.dtype)
        try:
            scale = np.broadcast_to(np.asarray(self.scale, dtype=mean.dtype), mean.shape).copy()
        except (TypeError, ValueError):
            scale = None
        if scale is None or not (np.isfinite(scale) & (scale > 0)).all():
            raise ValueError(
                f'Gaussian(scale={self.scale!r}): scale must be "data", "learned", a positive '
                f"number or one positive number for each of the {mean.size} columns."
            )
        return scale

    @property
    def has_fixed_scale(self) -> bool:
        """Whether the scale was given by the user instead of taken from the data."""
        return not isinstance(self.scale, str)

    @property
    def _learns_scale(self) -> bool:
        return isinstance(self.scale, str) and self.scale == "learned"

    def encode(self, x: Floats, out: Floats, rng: Rng | None = None) -> Floats:
        """Write (x - location) / scale to `out`."""
        np.subtract(x, self.location_, out=out)
        out /= self.scale_
        return out

    def decode(self, x: Floats) -> Floats:
        """Return x * scale + location."""
        x *= self.scale_
        x += self.location_
        return x

    def to_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Divide the weights by the scales and move the locations into the bias."""
        weights = weights / self.scale_[:, np.newaxis]
        return weights, bias - self.location_ @ weights

    def from_data_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Undo `to_data_units`."""
        return weights * self.scale_[:, np.newaxis], bias + self.location_ @ weights

    def log_volume(self) -> float:
        """Return the sum of the logarithms of the scales."""
        return float(np.log(self.scale_, dtype=np.float64).sum())

    def largest_log_density(self, n_units: int) -> float:
        """Return -log(2 * pi) / 2 for each unit."""
        return -0.5 * n_units * float(np.log(2 * np.pi))

    def base_energy(self, x: Floats) -> Floats:
        """Return half the squared norm of each row."""
        return 0.5 * np.einsum("ij,ij->i", x, x)

    def log_partition(self, field: Floats) -> Floats:
        """Return field**2 / 2 + log(2 * pi) / 2."""
        return 0.5 * (field * field + np.log(2 * np.pi).astype(field.dtype))

    def mean(self, field: Floats, out: Floats | None = None) -> Floats:
        """Return the field itself."""
        return np.add(field, 0, out=out)

    def variance(self, mean: Floats, out: Floats | None = None) -> Floats:
        """Return ones."""
        out = np.empty_like(mean) if out is None else out
        out[...] = 1
        return out

    def sample_from_mean(self, mean: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw mean + standard normal noise."""
        out = np.empty_like(mean) if out is None else out
        rng.standard_normal(dtype=out.dtype, out=out)
        out += mean
        return out

    def bias_from_mean(self, mean: Floats) -> Floats:
        """Return the encoded means: 0 where the location is the mean itself."""
        return (mean - self.location_) / self.scale_

    def log_scales(self) -> Floats:
        """Return the logarithms of the scales if they are learned, else nothing."""
        return np.log(self.scale_) if self._learns_scale else np.empty(0)

    def set_log_scales(self, log_scales: Floats) -> None:
        """Take new scales, kept within a factor of 100 of where they started."""
        if not self._learns_scale:
            return
        start, width = np.log(self.initial_scale_), np.log(_LARGEST_SCALE_CHANGE)
        np.clip(log_scales, start - width, start + width, out=log_scales)
        self.scale_ = np.exp(log_scales).astype(self.initial_scale_.dtype, copy=False)

    def log_scale_gradient(self, x: Floats, field: Floats, weights: Floats) -> Floats:
        """Return the weighted mean of 1 - x * (x - field) if the scales are learned, else nothing.

        With u = (data - location) / scale, -log p(data) = F(u) + log Z + sum_i log scale_i, of which Z
        does not depend on the scales: the model's mean of u * (u - field) is 1 by partial integration.
        """
        if not self._learns_scale:
            return np.empty(0, dtype=x.dtype)
        products = np.subtract(x, field)
        products *= x
        return 1 - weights @ products
