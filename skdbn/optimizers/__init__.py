"""How a gradient becomes an update.

An optimizer holds hyper-parameters only. What it remembers from step to step is a separate value,
its state; the learning rate belongs to whoever trains. An optimizer sees a tuple of arrays and does
not know whose parameters they are: weight decay, stopping and reporting are not its business.
"""

from __future__ import annotations

from skdbn.optimizers._adagrad import AdaGrad
from skdbn.optimizers._adam import Adam
from skdbn.optimizers._base import Optimizer
from skdbn.optimizers._rmsprop import RMSProp
from skdbn.optimizers._sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "AdaGrad", "Adam", "Optimizer", "RMSProp", "resolve_optimizer"]

#: The classes that a string stands for.
OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSProp, "adam": Adam, "adagrad": AdaGrad}


def resolve_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """Return the optimizer that a parameter `optimizer` stands for.

    Parameters
    ----------
    optimizer : {"sgd", "rmsprop", "adam", "adagrad"} or Optimizer
        A name stands for the class with its defaults; an object for itself.

    Returns
    -------
    optimizer : Optimizer
        The object itself, or a new one.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str) and optimizer in OPTIMIZERS:
        return OPTIMIZERS[optimizer]()
    names = ", ".join(repr(name) for name in OPTIMIZERS)
    raise ValueError(f"optimizer must be one of {names} or an Optimizer object, got {optimizer!r}.")
