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
from skdbn.units._registry import UNITS as UNITS  # not public
from skdbn.units._registry import resolve_unit as resolve_unit  # not public
from skdbn.units._relu import ReLU
from skdbn.units._softmax import Softmax

__all__ = ["Bernoulli", "Gaussian", "Mixed", "ReLU", "Softmax", "Unit"]
