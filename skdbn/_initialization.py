"""First values of weights and biases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdbn._energy import RBMParameters
from skdbn._typing import Floats, FloatType, Rng
from skdbn.units import Bernoulli, ReLU, Unit

# Small enough that the first hidden means are near 1/2 for any data, large enough to tell the
# hidden units apart (Hinton's practical guide).
_RBM_WEIGHT_SCALE = 0.01


def initial_rbm_parameters(
    n_hidden: int, visible_bias: Floats, log_scales: Floats, rng: Rng
) -> RBMParameters:
    """Return small random weights, hidden biases of 0 and the given visible biases and log-scales."""
    dtype = visible_bias.dtype
    weights = rng.standard_normal((n_hidden, visible_bias.size), dtype=dtype)
    weights *= dtype.type(_RBM_WEIGHT_SCALE)
    hidden_bias = np.zeros(n_hidden, dtype=dtype)
    return RBMParameters(weights, hidden_bias, visible_bias, log_scales.astype(dtype))


def glorot_uniform(n_in: int, n_out: int, dtype: FloatType, rng: Rng) -> Floats:
    """Return weights (n_in, n_out) of variance 2 / (n_in + n_out) [Glorot and Bengio 2010, eq. 16]."""
    bound = np.sqrt(6 / (n_in + n_out))
    return rng.uniform(-bound, bound, size=(n_in, n_out)).astype(dtype)


def initial_hidden_layers(
    sizes: Sequence[int], units: Sequence[Unit], dtype: FloatType, rng: Rng, below: Unit | None = None
) -> tuple[list[Floats], list[Floats]]:
    """Return weights and biases of the hidden layers of a network that is not pre-trained.

    `below` is the type of hidden units that these layers stand on, None for the inputs.

    Glorot and Bengio's analysis holds for tanh. As tanh(a) = 2 * logistic(2 a) - 1, the tanh network
    with weights W is the logistic one with weights 2 W from the inputs and 4 W between hidden
    layers, whose biases make up for the hidden means of 1/2. A logistic network drawn without these
    factors starts with deep layers that hardly vary, and does not learn. Inputs from rectified units,
    half of which are 0, get the factor sqrt(2) of He et al. (2015).
    """
    weights, biases = [], []
    for layer, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        below = units[layer - 1] if layer else below
        W, bias = _glorot_layer(n_in, n_out, below, dtype, rng)
        if isinstance(units[layer], Bernoulli):
            W, bias = 2 * W, 2 * bias
        weights.append(W)
        biases.append(bias)
    return weights, biases


def initial_output_layer(
    n_in: int, n_out: int, below: Unit | None, dtype: FloatType, rng: Rng
) -> tuple[Floats, Floats]:
    """Return weights and biases of linear outputs on the means of the units `below`."""
    return _glorot_layer(n_in, n_out, below, dtype, rng)


def _glorot_layer(
    n_in: int, n_out: int, below: Unit | None, dtype: FloatType, rng: Rng
) -> tuple[Floats, Floats]:
    """Return weights and biases for fields of mean about 0 and of the variance of a tanh network's."""
    W = glorot_uniform(n_in, n_out, dtype, rng)
    bias = np.zeros(n_out, dtype=dtype)
    if isinstance(below, Bernoulli):
        W = 2 * W
        bias -= W.sum(axis=0) / 2
    elif isinstance(below, ReLU):
        W = W * W.dtype.type(np.sqrt(2))
    return W, bias
