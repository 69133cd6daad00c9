"""The brute-force oracle of a classification RBM: the last visible units are the label, one-hot.

Like `exact.ExactRBM`, and by its sums over all states; only the states and the base energy differ. A
state of the inputs comes with each of the labels, which change fastest.
"""

import numpy as np
from exact import BOUNDED, ExactRBM, base_energy, layer_states, log_sum_exp, volume_of_a_state

N_CLASSES = 7
INPUT_SIZES = {"bernoulli": 5, "gaussian": 2, "softmax": 5}
HIDDEN_SIZES = {"bernoulli": 3, "gaussian": 1, "softmax": 5}  # one Gaussian unit: its grid stays small


class ExactClassRBM(ExactRBM):
    """A classification RBM small enough to be enumerated."""

    def __init__(self, visible, weights, hidden_bias, visible_bias, hidden="bernoulli"):
        self.visible, self.hidden = visible, hidden
        self.weights, self.hidden_bias, self.visible_bias = weights, hidden_bias, visible_bias
        self.n_hidden, self.n_visible = weights.shape
        self.n_inputs = self.n_visible - N_CLASSES
        if hidden in BOUNDED:
            self.hidden_states = layer_states(hidden, self.n_hidden)
            fields = (visible_bias + self.hidden_states @ weights)[:, : self.n_inputs]
            inputs = layer_states(visible, self.n_inputs, fields)
            self.visible_states = self.with_every_label(inputs)
        else:
            self.visible_states = self.with_every_label(layer_states(visible, self.n_inputs))
            fields = hidden_bias + self.visible_states @ weights.T
            self.hidden_states = layer_states(hidden, self.n_hidden, fields)
        self.cell = volume_of_a_state(visible, self.n_inputs)
        self.hidden_cell = volume_of_a_state(hidden, self.n_hidden)

    def replace(self, weights, hidden_bias, visible_bias):
        return ExactClassRBM(self.visible, weights, hidden_bias, visible_bias, self.hidden)

    def _energies(self, v, h):
        """E of all pairs of rows, by its definition: (n_v, n_h)."""
        of_inputs = base_energy(self.visible, v[:, : self.n_inputs]).sum(axis=1) - v @ self.visible_bias
        of_hidden = base_energy(self.hidden, h).sum(axis=1) - h @ self.hidden_bias
        return of_inputs[:, np.newaxis] + of_hidden - v @ self.weights.T @ h.T

    @staticmethod
    def with_every_label(x):
        """Each row of x with each label, the labels changing fastest."""
        return np.hstack([np.repeat(x, N_CLASSES, axis=0), np.tile(np.eye(N_CLASSES), (len(x), 1))])

    def log_joint(self, x):
        """log p(x, y=k) + log Z: (n_rows, n_classes)."""
        return -self.free_energy(self.with_every_label(x)).reshape(len(x), N_CLASSES)

    def input_free_energy(self, x):
        return -log_sum_exp(self.log_joint(x), axis=1)

    def log_posterior(self, x):
        """log p(y=k | x)."""
        return self.log_joint(x) + self.input_free_energy(x)[:, np.newaxis]

    def mean_h_given_inputs(self, x):
        """Mean of the hidden units given x, from the joint of y and h."""
        means = self.mean_h(self.with_every_label(x)).reshape(len(x), N_CLASSES, self.n_hidden)
        return np.einsum("nk,nkj->nj", np.exp(self.log_posterior(x)), means)


def random_class_rbm(visible="bernoulli", seed=0, *, hidden="bernoulli", n_hidden=None, spread=0.8):
    """A classification RBM with normal parameters of the given standard deviation."""
    rng = np.random.default_rng(seed)
    n_hidden = n_hidden or HIDDEN_SIZES[hidden]
    n_visible = INPUT_SIZES[visible] + N_CLASSES
    weights = spread * rng.standard_normal((n_hidden, n_visible))
    return ExactClassRBM(
        visible,
        weights,
        spread * rng.standard_normal(n_hidden),
        spread * rng.standard_normal(n_visible),
        hidden,
    )
