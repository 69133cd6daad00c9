"""Layers as modules of PyTorch.

The module classes that PyTorch does not have are made at the first use, since torch is imported only then,
and are attributes of this module afterwards: so models that hold them can be pickled, and loaded elsewhere.
"""

from collections import OrderedDict
from functools import cache
from numbers import Integral
from types import SimpleNamespace

import numpy as np

from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax, resolve_unit

_MODULES = ("ColumnScaling", "CountMean", "GroupedSoftmax", "ColumnParts")

# (n, exp(-base_energy(n))) of the numbers of active copies of a ReLU unit, and the ripple of its mean; see
# `skdbn.units.ReLU`.
_TERMS = [(n, float(np.exp(-ReLU().base_energy(np.array([[n]]))[0]))) for n in map(float, range(1, 10))]
_RIPPLE = 4 * np.pi * np.exp(-2 * np.pi**2)


def import_torch():
    """Return the package torch, or raise with what to install."""
    try:
        import torch
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch: pip install torch.") from error
    return torch


def to_sequential(chain, dtype, *, dropout=None, with_last_means=True, output_scaling=None):
    """Return a Sequential, in evaluation mode, of layers over scaled columns.

    `dropout` has the share of each layer's inputs; `output_scaling` is (location, scale) of the outputs.
    """
    torch = import_torch()
    modules = OrderedDict()
    if chain.scales_inputs:
        modules["input_scaling"] = _modules().ColumnScaling(chain.location, chain.scale)
    for number, layer in enumerate(chain.layers):
        is_output = layer is chain.layers[-1] and not with_last_means
        if dropout is not None and dropout[number]:
            modules[f"dropout{number}"] = torch.nn.Dropout(dropout[number])
        modules["output" if is_output else f"linear{number + 1}"] = _linear(torch, layer)
        if not is_output:
            modules[f"units{number + 1}"] = means_of(layer.unit, len(layer.bias))
    if output_scaling is not None:
        modules["output_scaling"] = _modules().ColumnScaling(*output_scaling, inverse=True)
    model = torch.nn.Sequential(modules).to(torch.float32 if dtype == np.float32 else torch.float64)
    return model.eval()


def _linear(torch, layer):
    """Return a Linear in float64 with the weights of a layer."""
    # Made empty: drawing first weights would move the global random generator of torch.
    linear = torch.nn.utils.skip_init(torch.nn.Linear, *layer.weights.shape, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(layer.weights.T)))
        linear.bias.copy_(torch.from_numpy(np.array(layer.bias)))
    return linear


def means_of(unit, n_units):
    """Return the module that turns the fields of units into their means."""
    nn = import_torch().nn
    if isinstance(unit, Mixed):
        parts = [
            (resolve_unit(part), np.arange(n_units)[columns].tolist())
            for part, columns in getattr(unit, "parts_", unit.parts)
        ]
        return _modules().ColumnParts(
            [means_of(part, len(columns)) for part, columns in parts], [columns for _, columns in parts]
        )
    if isinstance(unit, Softmax):
        return nn.Softmax(dim=-1) if unit.groups is None else _modules().GroupedSoftmax(unit.groups)
    kinds = {Bernoulli: nn.Sigmoid, Gaussian: nn.Identity, ReLU: _modules().CountMean}
    for kind, module in kinds.items():
        if isinstance(unit, kind):
            return module()
    raise TypeError(f"to_torch knows no module for units of the type {type(unit).__name__}.")


def __getattr__(name):
    if name in _MODULES:
        return getattr(_modules(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _modules():
    """Return the classes of modules, made once."""
    torch = import_torch()

    class ColumnScaling(torch.nn.Module):
        """(x - location) / scale of each column, or its inverse; not trained."""

        def __init__(self, location, scale, inverse=False):
            super().__init__()
            self.inverse = inverse
            self.register_buffer("location", torch.tensor(location, dtype=torch.float64))
            self.register_buffer("scale", torch.tensor(scale, dtype=torch.float64))

        def forward(self, x):
            if self.inverse:
                return x * self.scale + self.location
            return (x - self.location) / self.scale

    class CountMean(torch.nn.Module):
        """Mean of `skdbn.units.ReLU`: max(0, x) plus an even correction."""

        def forward(self, x):
            magnitude = x.abs()
            z = torch.exp(-magnitude)
            partition, first_moment = 0.0, 0.0
            for n, term in reversed(_TERMS):  # Horner's rule
                partition = (partition + term) * z
                first_moment = (first_moment + n * term) * z
            # Half of x + |x| has the right derivative at 0, where that of max(0, x) is 0.
            positive = 0.5 * (x + magnitude)
            mean = positive + first_moment / (1 + partition)
            if x.dtype == torch.float64:  # a ripple that float32 cannot hold
                mean = mean - _RIPPLE * torch.sin(2 * np.pi * positive)
            return mean

    class GroupedSoftmax(torch.nn.Module):
        """Softmax in each group of columns: of that many neighbours, or of the columns listed."""

        def __init__(self, groups):
            super().__init__()
            self.groups = groups

        def forward(self, x):
            if isinstance(self.groups, Integral):
                return x.unflatten(-1, (-1, int(self.groups))).softmax(-1).flatten(-2)
            return _apply_to_columns(x, [_softmax] * len(self.groups), self.groups)

    class ColumnParts(torch.nn.Module):
        """A module for each part of the columns."""

        def __init__(self, parts, columns):
            super().__init__()
            self.parts, self.columns = torch.nn.ModuleList(parts), columns

        def forward(self, x):
            return _apply_to_columns(x, self.parts, self.columns)

    classes = {cls.__name__: cls for cls in (ColumnScaling, CountMean, GroupedSoftmax, ColumnParts)}
    for name, cls in classes.items():
        cls.__module__, cls.__qualname__ = __name__, name
    return SimpleNamespace(**classes)


def _softmax(x):
    return x.softmax(-1)


def _apply_to_columns(x, modules, columns):
    """Apply a module to each list of columns; the columns of the result are in their own order."""
    results = [module(x[..., list(part)]) for module, part in zip(modules, columns, strict=True)]
    order = np.argsort(np.concatenate([list(part) for part in columns]))
    return import_torch().cat(results, dim=-1)[..., order.tolist()]
