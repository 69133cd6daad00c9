"""The brute-force oracle of a stack of RBMs: every sum over the states of its layers written out.

It knows only what an RBM is (`exact.ExactRBM`) and the definition

    p(x, h_1, ..., h_L) = p_1(x | h_1) p_2(h_1 | h_2) ... p_L(h_{L-1}, h_L),

with conditionals taken from the energies. Layer l has the states h_l, in the units that machine l gives its
hidden units; machine l + 1 takes a Gaussian layer as (h_l - location) / scale.
"""

from itertools import product

import numpy as np
from conftest import LOCATION, SCALE
from exact import ExactRBM, log_sum_exp, random_rbm

# Of Gaussian layers between two machines: not of size 1, and near enough that both know the states.
INNER_LOCATION, INNER_SCALE = np.array([0.5, -0.7]), np.array([1.3, 0.6])


class ExactDBN:
    """A stack of RBMs, bottom up, small enough to be enumerated."""

    def __init__(self, oracles):
        self.oracles = oracles
        self.maps = [affine_map(oracle, number) for number, oracle in enumerate(oracles)]
        self.states, self.cells = [self.decode(0, oracles[0].visible_states)], [oracles[0].cell]
        self.cells[0] *= self.maps[0][1].prod()
        for number in range(1, len(oracles)):
            states, cell = self._states_between(number)
            self.states.append(states)
            self.cells.append(cell)

    def encode(self, number, x):
        """States in the coordinates of the energy of machine `number`."""
        location, scale = self.maps[number]
        return (x - location) / scale

    def decode(self, number, v):
        location, scale = self.maps[number]
        return v * scale + location

    def _states_between(self, number):
        """States of the layer between machine number - 1 and machine `number`, and the volume of each."""
        below, above = self.oracles[number - 1], self.oracles[number]
        seen_above = self.decode(number, above.visible_states)
        if above.visible not in ("gaussian", "relu"):
            return seen_above, 1.0
        both = np.vstack([below.hidden_states, seen_above])
        spacing = 0.4 * self.maps[number][1] if above.visible == "gaussian" else np.ones(above.n_visible)
        ranges = zip(both.min(axis=0), both.max(axis=0), spacing, strict=True)
        axes = [np.arange(low, high + step / 2, step) for low, high, step in ranges]
        return np.array(list(product(*axes))), spacing.prod() if above.visible == "gaussian" else 1.0

    # -- conditionals, as tables of (states below, states above) ----------------------------------------

    def _log_conditionals(self, number):
        """log p(below | above) and log Q(above | below) of the layers that a lower machine joins."""
        oracle, h = self.oracles[number], self.states[number + 1]
        v = self.encode(number, self.states[number])
        energies = oracle._energies(v, h)
        log_volume = np.log(self.maps[number][1]).sum()
        down = -energies + oracle.free_energy_of_hidden(h) - log_volume
        up = -energies + oracle.free_energy(v)[:, np.newaxis]
        if oracle.hidden != "gaussian":
            rows = {tuple(row) for row in oracle.hidden_states}
            up[:, [tuple(row) not in rows for row in h]] = -np.inf
        return down, up

    def log_prior(self):
        """log p of the states of the layer below the top machine."""
        top = len(self.oracles) - 1
        log_volume = np.log(self.maps[top][1]).sum()
        return self.oracles[top].log_likelihood(self.encode(top, self.states[top])) - log_volume

    def paths(self):
        """log p(x, h_1, ..., h_{L-1}) and log Q(h_1, ... | x) of all states: one axis a layer."""
        n_layers = len(self.oracles)
        log_p = self.log_prior().reshape(*[1] * (n_layers - 1), -1)
        log_q = np.zeros([1] * n_layers)
        for number in range(n_layers - 1):
            shape = [1] * n_layers
            shape[number], shape[number + 1] = len(self.states[number]), len(self.states[number + 1])
            down, up = self._log_conditionals(number)
            log_p, log_q = log_p + down.reshape(shape), log_q + up.reshape(shape)
        n_rows = len(self.states[0])
        return log_p.reshape(n_rows, -1), np.broadcast_to(log_q, log_p.shape).reshape(n_rows, -1)

    # -- what the package estimates ----------------------------------------------------------------------

    def log_likelihood(self):
        """log p(x) of the states of the lowest layer: for Gaussian units a density in units of the data."""
        return log_sum_exp(self.paths()[0], axis=1) + np.log(np.prod(self.cells[1:]))

    def moments_of_weights(self):
        """Mean and variance of w, then of exp(w) / p(x), over Q, of the states of the lowest layer."""
        log_p, log_q = self.paths()
        q = np.exp(log_q) * np.prod(self.cells[1:])
        w = np.where(q > 0, log_p - np.where(q > 0, log_q, 0), 0)
        relative = np.exp(w - self.log_likelihood()[:, np.newaxis])
        moments = []
        for value in (w, relative):
            mean = (q * value).sum(axis=1)
            moments += [mean, (q * (value - mean[:, np.newaxis]) ** 2).sum(axis=1)]
        return moments

    def p_after(self, n_steps, v):
        """Probabilities of the lowest of two layers after Gibbs steps of the top machine from one state."""
        start = (self.states[1] == v).all(axis=1).astype(float)
        above = start @ np.linalg.matrix_power(self.oracles[1].transition(), n_steps)
        return np.exp(self._log_conditionals(0)[0]) @ above

    def p_states(self):
        """Probability of each state (each cell of the grid) of the lowest layer."""
        return np.exp(self.log_likelihood()) * self.cells[0]

    def p_top_given(self, row):
        """Q of the states of the layer below the top machine, given a state of the lowest layer."""
        _, log_q = self.paths()
        cells = np.prod(self.cells[1:])
        q = (np.exp(log_q[row]) * cells).reshape([len(states) for states in self.states[1:]])
        return q.sum(axis=tuple(range(q.ndim - 1)))


def affine_map(oracle, number):
    """Location and scale of the visible units of a machine, as in `conftest.make_unit`."""
    n = oracle.n_visible
    if oracle.visible != "gaussian":
        return np.zeros(n), np.ones(n)
    return (LOCATION, SCALE) if number == 0 else (INNER_LOCATION, INNER_SCALE)


def random_stack(kinds, sizes, seed=0, spread=0.8):
    """Oracles of a stack; `kinds` has a pair (visible, hidden) a machine, `sizes` one more number."""
    return [
        random_rbm(v, seed + k, hidden=h, n_visible=sizes[k], n_hidden=sizes[k + 1], spread=spread)
        for k, (v, h) in enumerate(kinds)
    ]


def transposed(oracle):
    """The same RBM upside down."""
    return ExactRBM(
        oracle.hidden, oracle.weights.T.copy(), oracle.visible_bias, oracle.hidden_bias, oracle.visible
    )
