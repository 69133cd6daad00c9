"""A fitted network as plain layers over scaled columns, for whoever rebuilds it in another library."""

from typing import NamedTuple

import numpy as np

from skdbn.units import Mixed, Unit


class Layer(NamedTuple):
    """One layer: the units and the fields they get, ``x @ weights + bias``."""

    weights: np.ndarray  # (n_in, n_out)
    bias: np.ndarray  # (n_out,)
    unit: Unit


class Layers(NamedTuple):
    """Layers, bottom up, over inputs ``(X - location) / scale``.

    `coefs_` act on X itself, which in float32 loses the digits that a large location takes. Scaled columns
    lose none, and whoever goes on training has inputs of about the same size.
    """

    location: np.ndarray  # (n_features,)
    scale: np.ndarray  # (n_features,)
    layers: list  # of Layer

    @property
    def scales_inputs(self):
        """Whether the inputs differ from X."""
        return bool(self.location.any() or (self.scale != 1).any())


def column_scaling(unit, n_features):
    """Return (location, scale) of the columns of visible units, in float64."""
    location, scale = np.zeros(n_features), np.ones(n_features)
    parts = unit.parts_ if isinstance(unit, Mixed) else [(unit, slice(None))]
    for part, columns in parts:
        location[columns] = getattr(part, "location_", 0)
        scale[columns] = getattr(part, "scale_", 1)
    return location, scale


def layers_of_rbm(rbm):
    """Return the hidden layer of a fitted RBMTransformer."""
    weights, bias = rbm.components_.T.astype(np.float64), rbm.intercept_hidden_.astype(np.float64)
    weights, bias = rbm.visible_.to_data_units(weights, bias)
    return _over_scaled_columns(rbm.visible_, [Layer(weights, bias, rbm.hidden_)])


def layers_of_dbn(dbn, *, with_output):
    """Return the hidden layers of a fitted network, and the output layer if asked for."""
    n_layers = len(dbn._hidden_sizes()) + with_output
    units = [*dbn._units, dbn._task.unit][:n_layers]
    layers = [
        Layer(weights.astype(np.float64), bias.astype(np.float64), unit)
        for weights, bias, unit in zip(dbn.coefs_, dbn.intercepts_, units, strict=False)
    ]
    return _over_scaled_columns(dbn.visible_, layers)


def _over_scaled_columns(visible, layers):
    """Return layers over scaled columns that are equal to layers over X."""
    weights, bias, unit = layers[0]
    location, scale = column_scaling(visible, len(weights))
    first = Layer(weights * scale[:, np.newaxis], bias + location @ weights, unit)
    return Layers(location, scale, [first, *layers[1:]])
