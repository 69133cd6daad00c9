"""The brute-force oracle of a layer of several types: binary, real and categorical visible units.

Like `exact.ExactRBM`, and by its sums over all states; only these states and the base energy differ.
"""

from itertools import product

import numpy as np
from exact import ExactRBM, binary_states

from skdbn.units import Bernoulli, Gaussian, Mixed, Softmax

# Two binary units, a real one in the midst of them, and a category of three levels.
BINARY, REAL, GROUP = [0, 3], [2], [5, 1, 4]
N_MIXED = 6
LOCATION, SCALE = 40.0, 5.0  # of the data behind the real unit
_SPACING, _MARGIN = 0.4, 9.0  # in standard deviations of its noise, see exact.py


class ExactMixedRBM(ExactRBM):
    """An RBM with such a visible layer and binary hidden units."""

    def __init__(self, weights, hidden_bias, visible_bias):
        self.visible, self.hidden = "mixed", "bernoulli"
        self.weights, self.hidden_bias, self.visible_bias = weights, hidden_bias, visible_bias
        self.n_hidden, self.n_visible = weights.shape
        self.hidden_states, self.hidden_cell = binary_states(self.n_hidden), 1.0
        fields = (visible_bias + self.hidden_states @ weights)[:, REAL]
        grid = np.arange(fields.min() - _MARGIN, fields.max() + _MARGIN, _SPACING)
        self.visible_states, self.cell = mixed_states(grid), _SPACING

    def energy(self, v, h):
        """E(v, h) by its definition; leading axes of v and h broadcast."""
        linear = v @ self.visible_bias + h @ self.hidden_bias
        interaction = sum(
            h[..., j] * self.weights[j, i] * v[..., i] for j, i in np.ndindex(*self.weights.shape)
        )
        return v[..., REAL[0]] ** 2 / 2 - linear - interaction


def mixed_states(grid):
    """All states, with the real unit on a grid."""
    binary, category = binary_states(len(BINARY)), np.eye(len(GROUP))
    states = np.empty((len(binary) * len(grid) * len(category), N_MIXED))
    for state, (b, x, c) in zip(states, product(binary, grid, category), strict=True):
        state[BINARY], state[REAL], state[GROUP] = b, x, c
    return states


def random_mixed_rbm(seed=0, n_hidden=3, spread=0.8):
    rng = np.random.default_rng(seed)
    weights = spread * rng.standard_normal((n_hidden, N_MIXED))
    return ExactMixedRBM(
        weights, spread * rng.standard_normal(n_hidden), spread * rng.standard_normal(N_MIXED)
    )


def mixed_unit():
    """The same layer as the package has it."""
    mean, standard_deviation = np.zeros(N_MIXED), np.ones(N_MIXED)
    mean[REAL], standard_deviation[REAL] = LOCATION, SCALE
    parts = [(Softmax(), GROUP), (Bernoulli(redraw=False), BINARY), (Gaussian(), REAL)]
    return Mixed(parts).adapt(mean, standard_deviation)


def to_user(v):
    """Rows in the user's units."""
    X = v.copy()
    X[:, REAL] = X[:, REAL] * SCALE + LOCATION
    return X


def from_user(X):
    """Rows in the coordinates of the energy."""
    v = X.copy()
    v[:, REAL] = (v[:, REAL] - LOCATION) / SCALE
    return v
