"""The types of units that have a name."""

from __future__ import annotations

from skdbn.units._base import Unit
from skdbn.units._bernoulli import Bernoulli
from skdbn.units._gaussian import Gaussian
from skdbn.units._relu import ReLU
from skdbn.units._softmax import Softmax

UNITS: dict[str, type[Unit]] = {
    "bernoulli": Bernoulli,
    "gaussian": Gaussian,
    "relu": ReLU,
    "softmax": Softmax,
}


def resolve_unit(unit: str | Unit) -> Unit:
    """Return the type of units that a parameter `visible` or `hidden` stands for.

    Parameters
    ----------
    unit : {"bernoulli", "gaussian", "relu", "softmax"} or Unit
        A name stands for the class with its defaults; an object for itself.

    Returns
    -------
    unit : Unit
        The object itself, or a new one.
    """
    return UNITS[unit]() if isinstance(unit, str) else unit
