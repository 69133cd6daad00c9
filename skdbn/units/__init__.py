"""What one layer of units is: an exponential family with one natural parameter per unit.

Given the *field* of a unit (its bias plus the input from the other layer), its state x has the
density ``exp(field * x - base_energy(x) - log_partition(field))``; where units form groups, as the
levels of a category do, this holds for each group. Mean, samples and free energies of an RBM follow
from these pieces, so nothing else in the package asks which type a layer has.
"""

from skdbn.units._base import Unit
from skdbn.units._bernoulli import Bernoulli
from skdbn.units._bernoulli import logistic as logistic  # not public
from skdbn.units._gaussian import Gaussian
from skdbn.units._mixed import Mixed
from skdbn.units._relu import ReLU
from skdbn.units._softmax import Softmax

__all__ = ["Bernoulli", "Gaussian", "Mixed", "ReLU", "Softmax", "Unit"]

UNITS = {"bernoulli": Bernoulli, "gaussian": Gaussian, "relu": ReLU, "softmax": Softmax}


def resolve_unit(unit):
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
