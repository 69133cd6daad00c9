"""What units do, in ONNX operators: their means, and the log-partitions that class probabilities need.

Units are along the last axis. One definition a type, chosen by the type's class, and none for classes that
are not known here.
"""

from functools import singledispatch
from numbers import Integral

import numpy as np

from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax, resolve_unit

# Numbers of active copies of a ReLU unit of which the sums are made; see `skdbn.units.ReLU`.
_COUNTS = np.arange(1.0, 10.0)
_RIPPLE = 2 * np.exp(-2 * np.pi**2)  # as a share of Jacobi's triple product


@singledispatch
def mean(unit, graph, field, width):
    """Add the mean of units given their field and return its name; `width` is their number."""
    raise _unknown(unit)


@singledispatch
def log_partition(unit, graph, field, width):
    """Add the log-partition of the whole layer, up to a constant, and return its name."""
    raise _unknown(unit)


def _unknown(unit):
    return TypeError(f"to_onnx knows no operators for units of the type {type(unit).__name__}.")


def _sum_over_units(graph, values):
    return graph.add("ReduceSum", values, np.array([-1]), keepdims=0)


# -- binary and real-valued units -----------------------------------------------------------------


@mean.register
def _(unit: Bernoulli, graph, field, width):
    return graph.add("Sigmoid", field)


@log_partition.register
def _(unit: Bernoulli, graph, field, width):
    # Not Softplus, of which onnxruntime has none in float64.
    magnitude = graph.add("Abs", field)
    tail = graph.add("Log", graph.add("Add", graph.add("Exp", graph.add("Neg", magnitude)), 1.0))
    return _sum_over_units(graph, graph.add("Add", graph.add("Relu", field), tail))


@mean.register
def _(unit: Gaussian, graph, field, width):
    return field


@log_partition.register
def _(unit: Gaussian, graph, field, width):
    squares = graph.add("Mul", graph.add("Mul", field, field), 0.5)
    return _sum_over_units(graph, squares)


# -- rectified units ------------------------------------------------------------------------------


@mean.register
def _(unit: ReLU, graph, field, width):
    """max(0, x) plus an even correction, and in float64 the ripple that float32 cannot hold."""
    z = _power_below_one(graph, field)
    partition = graph.add("Add", _moment(graph, z, 0), 1.0)
    correction = graph.add("Div", _moment(graph, z, 1), partition)
    positive = graph.add("Relu", field)
    result = graph.add("Add", positive, correction)
    if graph.dtype == np.float32:
        return result
    wave = graph.add("Sin", graph.add("Mul", positive, 2 * np.pi))
    return graph.add("Sub", result, graph.add("Mul", wave, 2 * np.pi * _RIPPLE))


@log_partition.register
def _(unit: ReLU, graph, field, width):
    """log S below 0; above 0, by Jacobi's triple product, x**2 / 2 plus a constant minus log S(-x)."""
    positive = graph.add("Relu", field)
    partition = graph.add("Add", _moment(graph, _power_below_one(graph, field), 0), 1.0)
    below = graph.add("Log", partition)
    constant = 2 * float(ReLU().log_partition(np.zeros(1))[0]) - _RIPPLE
    above = graph.add("Sub", constant, below)
    if graph.dtype != np.float32:
        # The cosine: of "Cos" onnxruntime 1.18 to 1.23 has no double.
        wave = graph.add("Sin", graph.add("Add", graph.add("Mul", positive, 2 * np.pi), np.pi / 2))
        above = graph.add("Add", above, graph.add("Mul", wave, _RIPPLE))
    rest = graph.add("Where", graph.add("Greater", field, 0.0), above, below)
    squares = graph.add("Mul", graph.add("Mul", positive, positive), 0.5)
    return _sum_over_units(graph, graph.add("Add", squares, rest))


def _power_below_one(graph, field):
    """Return exp(-|x|)."""
    return graph.add("Exp", graph.add("Neg", graph.add("Abs", field)))


def _moment(graph, z, power):
    """Return sum_{n>=1} n**power z**n exp(-base_energy(n)) by Horner's rule."""
    terms = _COUNTS**power * np.exp(-ReLU().base_energy(_COUNTS[:, np.newaxis]))
    terms = [float(term) for term in terms[: 6 if graph.dtype == np.float32 else None]]
    total = graph.add("Mul", z, terms[-1])
    for term in terms[-2::-1]:
        total = graph.add("Mul", graph.add("Add", total, term), z)
    return total


# -- categorical units ----------------------------------------------------------------------------


@mean.register
def _(unit: Softmax, graph, field, width):
    return _of_groups(unit, graph, field, width, lambda group: graph.add("Softmax", group, axis=-1))


@log_partition.register
def _(unit: Softmax, graph, field, width):
    """log sum exp of each group; the largest field by TopK, which is the same in all versions."""

    def of_group(group):
        largest, _ = graph.add_split("TopK", group, np.array([1]), outputs=[None, None], axis=-1)
        powers = graph.add("Exp", graph.add("Sub", group, largest))
        total = graph.add("ReduceSum", powers, np.array([-1]), keepdims=1)
        return graph.add("Add", largest, graph.add("Log", total))

    return _sum_over_units(graph, _of_groups(unit, graph, field, width, of_group, ordered=False))


def _of_groups(unit, graph, field, width, compute, ordered=True):
    """Return compute(group) of each group along the last axis, with the units in their own order again."""
    groups = _groups(unit, width)
    order = np.concatenate(groups)
    is_in_order = (order == np.arange(len(order))).all()
    if len(groups) == 1:
        return compute(field)
    values = field if is_in_order else graph.add("Gather", field, order, axis=-1)
    sizes = np.array([len(group) for group in groups])
    parts = graph.add_split("Split", values, sizes, outputs=[None] * len(sizes), axis=-1)
    values = graph.add("Concat", *map(compute, parts), axis=-1)
    if is_in_order or not ordered:
        return values
    return graph.add("Gather", values, np.argsort(order), axis=-1)


def _groups(unit, n_units):
    """Return the numbers of the units of each group."""
    groups = unit.groups
    if groups is None:
        return [np.arange(n_units)]
    if isinstance(groups, Integral):
        return list(np.arange(n_units).reshape(-1, groups))
    return [np.asarray(group) for group in groups]


# -- layers of several types ----------------------------------------------------------------------


@mean.register
def _(unit: Mixed, graph, field, width):
    means, order = [], []
    for part, columns, values in _parts(unit, graph, field, width):
        means.append(mean(part, graph, values, len(columns)))
        order.append(columns)
    order = np.concatenate(order)
    return graph.add("Gather", graph.add("Concat", *means, axis=-1), np.argsort(order), axis=-1)


@log_partition.register
def _(unit: Mixed, graph, field, width):
    total = None
    for part, columns, values in _parts(unit, graph, field, width):
        of_part = log_partition(part, graph, values, len(columns))
        total = of_part if total is None else graph.add("Add", total, of_part)
    return total


def _parts(unit, graph, field, width):
    """Yield (unit, numbers of its columns, name of their fields) of each part."""
    for part, columns in getattr(unit, "parts_", unit.parts):
        columns = np.arange(width)[columns]
        yield resolve_unit(part), columns, graph.add("Gather", field, columns, axis=-1)
