"""The brute-force oracle of a deep belief network with labels and ways up of its own: all sums over states.

Binary layers x_0, x_1, x_2, one-hot labels y joined to x_2, and the binary hidden units of the top machine:

    p(x_0, x_1, x_2, y) = p(x_0 | x_1) p(x_1 | x_2) p(x_2, y),   q(x_1 | x_0) q(x_2 | x_1)

Independent of the package's formulas, but for the containers that `to_network` fills.
"""

import numpy as np
from exact import ExactRBM, binary_states

from skdbn._directed import Conditional
from skdbn._energy import Machine, RBMParameters
from skdbn._generative_network import GenerativeNetwork
from skdbn.units import Bernoulli, Mixed, Softmax

# Primes, all different.
SIZES = 5, 7, 3  # of x_0, x_1, x_2
N_CLASSES, N_TOP = 2, 11


def transition(weights, bias, given, drawn):
    """p(drawn | given) of binary units for each pair of states: (n_given, n_drawn)."""
    p = np.ones((len(given), len(drawn)))
    for unit in range(len(bias)):
        field = bias[unit] + sum(given[:, i] * weights[i, unit] for i in range(given.shape[1]))
        on = 1 / (1 + np.exp(-field))
        p *= np.where(drawn[:, unit] == 1, on[:, np.newaxis], 1 - on[:, np.newaxis])
    return p


class ExactGenerativeNetwork:
    """`recognition` and `generative` are lists of (weights, bias), from the data up; `top` of an RBM."""

    def __init__(self, recognition, generative, top):
        self.recognition, self.generative = recognition, generative
        self.states = [binary_states(size) for size in SIZES]
        self.top = ExactRBM("bernoulli", *top)
        labels = np.eye(N_CLASSES)
        self.joined = np.hstack(
            [np.repeat(self.states[2], N_CLASSES, axis=0), np.tile(labels, (len(self.states[2]), 1))]
        )
        self.top.visible_states = self.joined

    # -- distributions ----------------------------------------------------------------------------

    def q(self, level):
        """q(x_{level+1} | x_level) for each pair of states."""
        return transition(*self.recognition[level], self.states[level], self.states[level + 1])

    def p(self, level):
        """p(x_level | x_{level+1}) for each pair of states, that above first."""
        return transition(*self.generative[level], self.states[level + 1], self.states[level])

    def p_joined(self):
        """p(x_2, y): (n_states, n_classes)."""
        return self.top.p_visible().reshape(-1, N_CLASSES)

    def p_data(self):
        """p(x_0, y): (n_states, n_classes)."""
        return (self.p(1) @ self.p(0)).T @ self.p_joined()

    def bound(self, p_data):
        """The mean over p_data(x_0, y) of E_q[log p(x_0, x_1, x_2, y) - log q(x_1, x_2 | x_0)]."""
        weights = p_data[:, :, np.newaxis, np.newaxis]  # x_0, y, x_1, x_2
        q = (self.q(0)[:, :, np.newaxis] * self.q(1)[np.newaxis])[:, np.newaxis]
        log_p = np.log(self.p(0)).T[:, :, np.newaxis] + np.log(self.p(1)).T[np.newaxis]
        log_joint = log_p[:, np.newaxis] + np.log(self.p_joined()).T[np.newaxis, :, np.newaxis]
        return float((weights * q * (log_joint - np.log(q))).sum())

    # -- objectives -------------------------------------------------------------------------------

    def awake(self, level, p_x):
        """Joint distribution of (x_level, x_{level+1}) on the way up from p_x over x_0."""
        for below in range(level):
            p_x = p_x @ self.q(below)
        return p_x[:, np.newaxis] * self.q(level)

    def asleep(self, level, p_highest):
        """Joint distribution of (x_level, x_{level+1}) on the way down from p_highest over x_2."""
        p_above = p_highest if level == 1 else p_highest @ self.p(1)
        return (p_above[:, np.newaxis] * self.p(level)).T

    def generative_loss(self, level, p_x):
        """Mean of -log p(x_level | x_{level+1}) on the way up."""
        return -(self.awake(level, p_x) * np.log(self.p(level)).T).sum()

    def recognition_loss(self, level, p_highest):
        """Mean of -log q(x_{level+1} | x_level) on the way down."""
        return -(self.asleep(level, p_highest) * np.log(self.q(level))).sum()

    def replace(self, way, level, pair):
        """The network with another pair (weights, bias) in `way`."""
        ways = {"recognition": list(self.recognition), "generative": list(self.generative)}
        ways[way][level] = pair
        return ExactGenerativeNetwork(ways["recognition"], ways["generative"], self.top.parameters)

    def draw_data(self, n, rng):
        """Independent draws of p(x_0, y): rows and one-hot labels."""
        p = self.p_data()
        chosen = rng.choice(p.size, size=n, p=p.ravel())
        return self.states[0][chosen // N_CLASSES], np.eye(N_CLASSES)[chosen % N_CLASSES]


def random_network(seed=5, spread=1.2):
    rng = np.random.default_rng(seed)
    recognition = [
        (spread * rng.standard_normal((below, above)), spread * rng.standard_normal(above))
        for below, above in zip(SIZES[:-1], SIZES[1:], strict=True)
    ]
    generative = [
        (spread * rng.standard_normal((above, below)), spread * rng.standard_normal(below))
        for below, above in zip(SIZES[:-1], SIZES[1:], strict=True)
    ]
    n_joined = SIZES[-1] + N_CLASSES
    shapes = (N_TOP, n_joined), N_TOP, n_joined
    return ExactGenerativeNetwork(
        recognition, generative, [spread * rng.standard_normal(s) for s in shapes]
    )


def to_network(oracle, dtype=np.float64):
    """The package's network with copies of the oracle's parameters."""

    def conditional(pair):
        return Conditional(Bernoulli(), *(array.astype(dtype) for array in pair))

    columns = np.arange(SIZES[-1] + N_CLASSES)
    joined = Mixed([(Bernoulli(), columns[: SIZES[-1]]), (Softmax(), columns[SIZES[-1] :])])
    joined = joined.adapt(np.full(len(columns), 0.5), np.ones(len(columns)))
    top = [array.astype(dtype) for array in oracle.top.parameters]
    return GenerativeNetwork(
        Bernoulli(),
        tuple(map(conditional, oracle.recognition)),
        tuple(map(conditional, oracle.generative)),
        Machine(joined, Bernoulli(), RBMParameters(*top, np.empty(0, dtype))),
        N_CLASSES,
    )


def from_network(network):
    """The oracle of a network's parameters as they are."""
    recognition, generative = (
        [(way.weights.astype(np.float64), way.bias.astype(np.float64)) for way in ways]
        for ways in (network.recognition, network.generative)
    )
    top = [array.astype(np.float64) for array in network.top.parameters[:3]]
    return ExactGenerativeNetwork(recognition, generative, top)
