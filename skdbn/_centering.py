r"""Centring: gradients in a parametrisation whose origin is the mean of the states.

A field c + W x and the same field written c' + W (x - offset) are one function, but their gradients
differ. In the second form a change of W leaves the mean of the field where it is, so weights and biases
hardly disturb each other; with states in [0, 1], whose mean is far from 0, this is what makes a rate
per parameter work. The gradient is formed and normalised for (c', W); only the *update* is mapped back:

    c + W x  ->  (c' + dc') + (W + dW) (x - offset),  so  dc = dc' - dW offset.

Normalising the mapped gradient instead diverges, since the biases' gradient then contains the noise of
the weights'. See Montavon and Mueller (2012) for networks; Melchior, Fischer and Wiskott (2016) for RBMs.
"""

from __future__ import annotations

from skdbn._typing import Floats

# Share of the old offset that each update replaces.
_RATE = 0.01


def follow(offset: Floats, mean: Floats) -> None:
    """Move an offset towards the mean of the states of a batch, in place."""
    offset += _RATE * (mean - offset)


def map_to_plain_bias(bias_update: Floats, weight_update: Floats, offset: Floats) -> None:
    """Turn the update of a centred bias into that of the plain one, in place.

    `weight_update` has shape (n_states, n_biases).
    """
    bias_update -= offset @ weight_update
