"""Sparse hidden units: a target for how active each of them is on average."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator

from skdbn._html import DocumentedMixin
from skdbn._typing import Floats

__all__ = ["SparsityTarget"]

# Where a mean activity counts as 0 or 1: the slope of the cross-entropy stays finite.
_SMALLEST_ACTIVITY = 1e-6


class SparsityTarget(DocumentedMixin, BaseEstimator):
    r"""A penalty on hidden units whose mean activity q differs from a target p.

    Added to the mean negative log-likelihood, with the sum over the hidden units, is

    .. math:: \text{cost} \sum_j \big[-p \log q_j - (1 - p) \log(1 - q_j)\big]
        \quad \text{or} \quad \text{cost} \sum_j (p - q_j)^2,

    the cross-entropy of Hinton's guide [1]_ or the square of Lee, Ekanadham and Ng [2]_. Its gradient
    reaches the weights and biases of the hidden units through their means given the data. Hinton's guide
    leaves out the factor of the units' slope over q (1 - q); here the derivative is exact.

    Parameters
    ----------
    target : float, default=0.05
        Wanted mean activity p; within (0, 1) for "hinton", any number for "lee".

    cost : float, default=0.1
        Weight of the penalty in nats, > 0.

    form : {"hinton", "lee"}, default="hinton"
        Cross-entropy or square. Cross-entropy needs hidden units with means within [0, 1].

    decay : float, default=0.9
        Share of the running mean q that is kept at each update, within [0, 1); the rest comes from the
        batch. 0 takes the mean of the batch alone.

    References
    ----------
    .. [1] Hinton, G. E. (2012). A practical guide to training restricted Boltzmann machines,
           section 11. :doi:`10.1007/978-3-642-35289-8_32`
    .. [2] Lee, H., Ekanadham, C. and Ng, A. Y. (2008). Sparse deep belief net model for visual area
           V2. NIPS 20.

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.sparsity import SparsityTarget
    >>> rbm = RBMTransformer(n_components=64, sparsity=SparsityTarget(0.1, cost=0.5))
    """

    def __init__(
        self, target: float = 0.05, cost: float = 0.1, *, form: str = "hinton", decay: float = 0.9
    ) -> None:
        self.target = target
        self.cost = cost
        self.form = form
        self.decay = decay

    def penalty(self, activity: Floats) -> float:
        """Compute the penalty of given mean activities.

        Parameters
        ----------
        activity : ndarray of shape (n_hidden,)
            Mean activity q of each hidden unit.

        Returns
        -------
        penalty : float
            The sum over the units, in nats.
        """
        p = self.target
        if self.form == "lee":
            return float(self.cost * ((p - activity) ** 2).sum())
        q = np.clip(activity, _SMALLEST_ACTIVITY, 1 - _SMALLEST_ACTIVITY)
        return float(-self.cost * (p * np.log(q) + (1 - p) * np.log1p(-q)).sum())

    def slope(self, activity: Floats) -> Floats:
        """Compute the derivative of the penalty by the mean activities.

        Parameters
        ----------
        activity : ndarray of shape (n_hidden,)
            Mean activity q of each hidden unit.

        Returns
        -------
        slope : ndarray of shape (n_hidden,)
            Negative where a unit is too quiet.
        """
        if self.form == "lee":
            return 2 * self.cost * (activity - self.target)
        q = np.clip(activity, _SMALLEST_ACTIVITY, 1 - _SMALLEST_ACTIVITY)
        return self.cost * (q - self.target) / (q * (1 - q))

    def check(self, hidden_in_unit_interval: bool) -> None:
        """Raise where the parameters cannot be used with the hidden units.

        Parameters
        ----------
        hidden_in_unit_interval : bool
            Whether the means of the hidden units are within [0, 1].
        """
        if self.form not in ("hinton", "lee"):
            raise ValueError(f'SparsityTarget(form={self.form!r}): form must be "hinton" or "lee".')
        for name in ("target", "cost", "decay"):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(float(value)):
                raise ValueError(f"SparsityTarget({name}={value!r}): {name} must be a number.")
        if self.cost <= 0:
            raise ValueError(f"SparsityTarget(cost={self.cost!r}): cost must be > 0.")
        if not 0 <= self.decay < 1:
            raise ValueError(f"SparsityTarget(decay={self.decay!r}): decay must be within [0, 1).")
        if self.form == "hinton" and not (0 < self.target < 1 and hidden_in_unit_interval):
            raise ValueError(
                f'SparsityTarget(target={self.target!r}, form="hinton") needs a target within (0, 1) and '
                'hidden units with means within [0, 1]; use form="lee".'
            )


def resolve_sparsity(sparsity: float | SparsityTarget | None) -> SparsityTarget | None:
    """Return the target that a parameter `sparsity` stands for.

    Parameters
    ----------
    sparsity : float, SparsityTarget or None
        A number is the target of Hinton's form with its defaults.

    Returns
    -------
    sparsity : SparsityTarget or None
        The object itself, or a new one.
    """
    if sparsity is None or isinstance(sparsity, SparsityTarget):
        return sparsity
    return SparsityTarget(sparsity)
