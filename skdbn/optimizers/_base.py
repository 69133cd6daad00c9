"""What an optimizer is, and the checks of hyper-parameters."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any, TypeAlias, TypeVar

from sklearn.base import BaseEstimator

from skdbn._html import DocumentedMixin
from skdbn._typing import Arrays, Floats
from skdbn.schedules import Rate, Schedule, check_number, value_at

# Updates take the place of the gradients, whose type is that of the parameters.
Gradients = TypeVar("Gradients", bound=tuple[Floats, ...])
# A NamedTuple, another for each class of optimizers.
State: TypeAlias = Any


class Optimizer(DocumentedMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the optimizers.

    To implement one: derive from this class; store the arguments in `__init__` unchanged; check
    them and make the state in `init`; turn gradients into updates in `update`. The state is a
    NamedTuple defined at module level, so that it can be pickled, with the number of updates made
    as `step`.
    Add the class to `OPTIMIZERS`, and the tests that hold for all optimizers cover it.
    """

    clip_norm: float | None  # of those that clip gradients

    @abstractmethod
    def init(self, parameters: Arrays) -> State:
        """Check the hyper-parameters and return the state before the first update.

        Parameters
        ----------
        parameters : tuple of ndarray
            The arrays to be trained; only their shapes and dtypes are used. May be a NamedTuple.

        Returns
        -------
        state : NamedTuple
            What the optimizer remembers, with `step` 0.
        """

    @abstractmethod
    def update(
        self, gradients: Gradients, state: State, learning_rate: float, progress: float = 0.0
    ) -> tuple[Gradients, State]:
        """Overwrite gradients with the updates to be added to the parameters.

        Parameters
        ----------
        gradients : tuple of ndarray
            Gradients of what is to be minimised, of the shapes given to `init`; overwritten.
        state : NamedTuple
            What `init` or the last `update` returned; its arrays are updated in place.
        learning_rate : float
            Size of this step. It is applied after the momentum, so that a change acts at once.
        progress : float, default=0.0
            Share of the planned training that is done, for hyper-parameters that are schedules.

        Returns
        -------
        updates : tuple of ndarray
            The object `gradients`, which now holds the updates, minus sign and learning rate
            included.
        state : NamedTuple
            To be given to the next update.
        """


def in_use(rate: Rate) -> bool:
    """Return whether a decay rate can be above 0 at some point of the training."""
    return callable(rate) or rate > 0


def decay_at(optimizer: Optimizer, name: str, progress: float, step: int) -> float:
    """Return the value of a decay rate, which a schedule may have led out of its range."""
    rate = getattr(optimizer, name)
    value = value_at(rate, progress, step)
    if 0.0 <= value < 1.0:
        return value
    raise ValueError(f"{type(optimizer).__name__}: {name} must be in [0, 1), got {value!r} from {rate!r}.")


def check_decay(optimizer: Optimizer, name: str) -> None:
    """Check a decay rate before the training; a schedule is checked when it is asked."""
    rate = getattr(optimizer, name)
    if not isinstance(rate, Schedule):
        decay_at(optimizer, name, 0.0, 0)


def check_clip_norm(optimizer: Optimizer) -> None:
    """Check that a clipping norm, if there is one, is above 0."""
    if optimizer.clip_norm is not None:
        check_number(optimizer, "clip_norm", above=0)
