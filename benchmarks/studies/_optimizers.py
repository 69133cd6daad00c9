"""The optimizers that are compared, their grids of rates, and the schedules of a rate."""

from sklearn.base import clone

from skdbn.optimizers import SGD, AdaGrad, Adam, RMSProp
from skdbn.schedules import Exponential, InverseScaling, Linear

OPTIMIZERS = {
    "sgd": SGD(),
    "momentum": SGD(momentum=0.9),
    "adagrad": AdaGrad(),
    "rmsprop": RMSProp(),
    "adam": Adam(),
}
LABELS = {
    "sgd": "SGD",
    "momentum": "SGD, momentum 0.9",
    "adagrad": "AdaGrad",
    "rmsprop": "RMSProp",
    "adam": "Adam",
}
# Half decades, from far too low to far too high wherever we looked. With momentum 0.9 a step is up to ten
# times the rate, with normalised gradients about the rate.
_HIGH = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
_LOW = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
RATES = {"sgd": _HIGH, "momentum": _LOW, "adagrad": _HIGH, "rmsprop": _LOW, "adam": _LOW}
HIGHER_RATES = {name: (3 * rates[-1], 10 * rates[-1]) for name, rates in RATES.items()}
SCHEDULES = {
    "constant": float,
    "linear": lambda rate: Linear(rate, 0),
    "exponential": lambda rate: Exponential(rate, rate / 100),
    "inverse": lambda rate: InverseScaling(rate, delay=1000),
}


def optimizer(name):
    """Return a new optimizer of this name."""
    return clone(OPTIMIZERS[name])


def learning_rate(schedule, rate):
    """Return the rate, or the schedule of this name that starts at it."""
    return SCHEDULES[schedule](rate)
