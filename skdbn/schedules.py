"""A number as a function of training progress.

Every rate of the package (`learning_rate`, `rho`, `momentum`, ...) is a number or a schedule.
A schedule is asked once an update, with the share of the planned training that is done and the
number of updates made so far; it keeps no state, so that training can stop and go on at any point.
"""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from numbers import Real
from typing import TypeAlias

from sklearn.base import BaseEstimator

from skdbn._html import DocumentedMixin

__all__ = ["Cosine", "Exponential", "InverseScaling", "Linear", "Schedule", "value_at"]


class Schedule(DocumentedMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the schedules.

    To implement one: derive from this class, store the arguments in `__init__` unchanged, compute
    the value in `__call__` (check the arguments there, not in `__init__`) and say in `ends` whether
    the plan of the training decides where the schedule comes to its end.
    """

    @abstractmethod
    def __call__(self, progress: float, step: int = 0) -> float:
        """Return the value at a point of the training.

        Parameters
        ----------
        progress : float
            Share of the planned training that is done, from 0 to 1; values outside are clipped.
        step : int, default=0
            Number of updates already made.

        Returns
        -------
        value : float
        """

    @property
    @abstractmethod
    def ends(self) -> bool:
        """Whether the schedule comes to its end when the planned training does."""


# A number, or one that changes during training.
Rate: TypeAlias = float | Schedule


class _Finite(Schedule):
    """A way from `start` to `end`; a final class gives the form of the way."""

    def __init__(self, start: float, end: float, *, n_steps: int | None = None) -> None:
        self.start = start
        self.end = end
        self.n_steps = n_steps

    def __call__(self, progress: float, step: int = 0) -> float:
        """Return the value at a share `progress` of the plan, or after `step` updates."""
        check_number(self, "start")
        check_number(self, "end")
        if self.n_steps is None:
            return float(self._between(min(max(progress, 0.0), 1.0)))
        check_number(self, "n_steps", at_least=1)
        return float(self._between(min(step / self.n_steps, 1.0)))

    @abstractmethod
    def _between(self, position: float) -> float:
        """Return the value at a position from 0 (exactly `start`) to 1 (exactly `end`)."""

    @property
    def ends(self) -> bool:
        """True unless `n_steps` sets the end: then the plan of the training does not matter."""
        return self.n_steps is None


class Linear(_Finite):
    r"""Change at a constant pace.

    .. math:: (1 - p) \, \text{start} + p \, \text{end}

    where p is the share of the planned training that is done. The usual choice for decay rates and
    momentum.

    Parameters
    ----------
    start : float
        First value.
    end : float
        Last value.
    n_steps : int, default=None
        If given, the way takes this number of updates, whatever the plan, and the value then stays
        at `end`: p is ``min(step / n_steps, 1)``. This is what `partial_fit` on a stream needs,
        where nobody knows how much training is still to come.

    See Also
    --------
    Exponential : A constant factor instead of a constant difference.

    Examples
    --------
    >>> from skdbn.schedules import Linear
    >>> momentum = Linear(0.5, 0.9)
    >>> [round(momentum(progress), 3) for progress in (0, 0.5, 1)]
    [0.5, 0.7, 0.9]
    >>> Linear(0.5, 0.9, n_steps=100)(0.0, step=25)
    0.6
    """

    def _between(self, position: float) -> float:
        return (1.0 - position) * self.start + position * self.end


class Exponential(_Finite):
    r"""Change by a constant factor: straight on a logarithmic axis.

    .. math:: \text{start}^{1 - p} \, \text{end}^{p}

    where p is the share of the planned training that is done. The usual choice for a learning rate
    that falls by orders of magnitude.

    Parameters
    ----------
    start : float
        First value, above 0.
    end : float
        Last value, above 0.
    n_steps : int, default=None
        If given, the way takes this number of updates, whatever the plan, and the value then stays
        at `end`: p is ``min(step / n_steps, 1)``. This is what `partial_fit` on a stream needs,
        where nobody knows how much training is still to come.

    See Also
    --------
    Linear : Reaches 0, which no constant factor does.

    Examples
    --------
    >>> from skdbn.schedules import Exponential
    >>> learning_rate = Exponential(1e-2, 1e-4)
    >>> [round(learning_rate(progress), 6) for progress in (0, 0.5, 1)]
    [0.01, 0.001, 0.0001]
    """

    def _between(self, position: float) -> float:
        check_number(self, "start", above=0)
        check_number(self, "end", above=0)
        return self.start ** (1.0 - position) * self.end**position


class Cosine(_Finite):
    r"""Change along half a cosine wave: slow at both ends, fast between.

    .. math:: \text{end} + \tfrac{1}{2} (\text{start} - \text{end}) (1 + \cos \pi p)

    where p is the share of the planned training that is done [1]_.

    Parameters
    ----------
    start : float
        First value.
    end : float
        Last value.
    n_steps : int, default=None
        If given, the way takes this number of updates, whatever the plan, and the value then stays
        at `end`: p is ``min(step / n_steps, 1)``. This is what `partial_fit` on a stream needs,
        where nobody knows how much training is still to come.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic gradient descent with warm restarts",
       ICLR 2017, arXiv:1608.03983 (one period, no restart).

    Examples
    --------
    >>> from skdbn.schedules import Cosine
    >>> learning_rate = Cosine(0.1, 0.0)
    >>> [round(learning_rate(progress), 4) for progress in (0, 0.25, 0.5, 1)]
    [0.1, 0.0854, 0.05, 0.0]
    """

    def _between(self, position: float) -> float:
        weight = 0.5 * (1.0 + math.cos(math.pi * position))
        return weight * self.start + (1.0 - weight) * self.end


class InverseScaling(Schedule):
    r"""Fall with a power of the number of updates, without an end.

    .. math:: \text{start} \, / \, (1 + \text{step} / \text{delay})^{\text{power}}

    With a power above 0.5 and up to 1 these are the step sizes of Robbins and Monro [1]_: they add
    up to infinity, their squares do not, and stochastic gradient descent on a convex problem
    converges. It needs no plan, and so suits `partial_fit` on a stream.

    Parameters
    ----------
    start : float
        Value before the first update.
    power : float, default=0.5
        How fast the value falls; at least 0.
    delay : float, default=1.0
        Number of updates after which the value is ``start / 2**power``; above 0.

    References
    ----------
    .. [1] H. Robbins and S. Monro, "A stochastic approximation method", The Annals of Mathematical
       Statistics 22 (1951), 400-407, doi:10.1214/aoms/1177729586.

    Examples
    --------
    >>> from skdbn.schedules import InverseScaling
    >>> learning_rate = InverseScaling(0.1, power=1.0, delay=100)
    >>> [round(learning_rate(0.0, step), 4) for step in (0, 100, 900)]
    [0.1, 0.05, 0.01]
    """

    def __init__(self, start: float, *, power: float = 0.5, delay: float = 1.0) -> None:
        self.start = start
        self.power = power
        self.delay = delay

    def __call__(self, progress: float, step: int = 0) -> float:
        """Return the value after `step` updates; `progress` is not used."""
        check_number(self, "start")
        check_number(self, "power", at_least=0)
        check_number(self, "delay", above=0)
        return float(self.start / (1.0 + step / self.delay) ** self.power)

    @property
    def ends(self) -> bool:
        """False: the value falls for ever."""
        return False


def value_at(rate: Rate, progress: float, step: int = 0) -> float:
    """Return the value of a rate, which is a number or a schedule, at a point of the training.

    Parameters
    ----------
    rate : float or Schedule
        A number is its own value. Any callable with the signature of a schedule will do.
    progress : float
        Share of the planned training that is done, from 0 to 1.
    step : int, default=0
        Number of updates already made.

    Returns
    -------
    value : float
        A Python float, which leaves float32 arrays float32.

    Examples
    --------
    >>> from skdbn.schedules import Linear, value_at
    >>> value_at(0.1, 0.5), value_at(Linear(0.0, 1.0), 0.5)
    (0.1, 0.5)
    """
    if isinstance(rate, Real):
        return float(rate)
    if not callable(rate):
        raise TypeError(f"A rate must be a number or a Schedule, got {rate!r}.")
    # A NumPy scalar would turn float32 work into float64 work; a Python float does not.
    return float(rate(progress, step))


def check_number(
    owner: object, name: str, *, above: float = -math.inf, at_least: float = -math.inf
) -> None:
    """Raise a ValueError unless an argument of an object is a finite number within its bounds."""
    value = getattr(owner, name)
    number = float(value) if isinstance(value, Real) else math.nan
    if math.isfinite(number) and number > above and number >= at_least:
        return
    bound = "".join(
        f" {word} {limit}"
        for word, limit in (("above", above), ("of at least", at_least))
        if limit > -math.inf
    )
    raise ValueError(f"{type(owner).__name__}: {name} must be a finite number{bound}, got {value!r}.")
