"""The brute-force oracle: a small RBM by its definition, with every sum written out over all states.

Slow and obvious on purpose, and independent of the formulas of the package, which it never imports:
it knows only

    E(v, h) = E_0(v) + E_0(h) - b.v - c.h - h.W.v

and the states of each type of units, with their E_0:

- "bernoulli": 0 and 1, E_0 = 0;
- "softmax": groups of units of which exactly one is 1, E_0 = 0;
- "gaussian": real numbers, E_0 = x^2 / 2;
- "relu": whole numbers n from 0, E_0 = n^2 / 2 + the sum of log(1 - exp(-k)) over k = 1 ... n.

Gaussian units are put on a grid that reaches 9 standard deviations beyond every conditional mean. For
smooth functions that vanish at both ends the rectangle rule on such a grid is exact to rounding: with a
spacing of 0.4 standard deviations its error is of the order of exp(-100). ReLU units fall off faster
than a normal density, and end 9 beyond their largest field: what is left is below exp(-40).
"""

from itertools import product

import numpy as np

# Primes, all different: an array that is transposed or broadcast the wrong way raises.
N_VISIBLE, N_HIDDEN, N_SAMPLES = 5, 3, 11
N_GAUSSIAN = 2  # Gaussian visible units: as many as the grid allows

# Units of a layer of each type.
VISIBLE_SIZES = {"bernoulli": N_VISIBLE, "gaussian": N_GAUSSIAN, "relu": 2, "softmax": 5}
HIDDEN_SIZES = {"bernoulli": N_HIDDEN, "gaussian": N_GAUSSIAN, "relu": 2, "softmax": 7}
# The groups of a softmax layer of so many units: of unequal sizes and not in the order of the units.
SOFTMAX_GROUPS = {5: [[3, 0], [1, 2, 4]], 7: [[0, 5], [6, 1, 2], [3, 4]]}
BOUNDED = ("bernoulli", "softmax")
# Visible and hidden type: one of them is bounded, or there is no joint distribution.
PAIRS = [(v, h) for h in HIDDEN_SIZES for v in VISIBLE_SIZES if v in BOUNDED or h in BOUNDED]

_GRID_SPACING = 0.4
_MARGIN = 9.0


class ExactRBM:
    """An RBM small enough to be enumerated; `weights` has shape (n_hidden, n_visible)."""

    def __init__(self, visible, weights, hidden_bias, visible_bias, hidden="bernoulli"):
        self.visible = visible
        self.hidden = hidden
        self.weights = np.array(weights, dtype=np.float64)
        self.hidden_bias = np.array(hidden_bias, dtype=np.float64)
        self.visible_bias = np.array(visible_bias, dtype=np.float64)
        self.n_hidden, self.n_visible = self.weights.shape
        # The states of an unbounded layer depend on its fields given those of the other one.
        if hidden in BOUNDED:
            self.hidden_states = layer_states(hidden, self.n_hidden)
            fields = self.visible_bias + self.hidden_states @ self.weights
            self.visible_states = layer_states(visible, self.n_visible, fields)
        else:
            self.visible_states = layer_states(visible, self.n_visible)
            fields = self.hidden_bias + self.visible_states @ self.weights.T
            self.hidden_states = layer_states(hidden, self.n_hidden, fields)
        self.cell = volume_of_a_state(visible, self.n_visible)
        self.hidden_cell = volume_of_a_state(hidden, self.n_hidden)

    @classmethod
    def from_centred(
        cls, visible, weights, hidden_bias, visible_bias, visible_offset, hidden_offset, hidden="bernoulli"
    ):
        """Build the RBM E = E_0 - b'.(v - mu) - c'.(h - lambda) - (h - lambda).W.(v - mu)."""
        plain_hidden_bias = np.array(hidden_bias, dtype=np.float64)
        plain_visible_bias = np.array(visible_bias, dtype=np.float64)
        for j, i in np.ndindex(*weights.shape):
            plain_hidden_bias[j] -= weights[j, i] * visible_offset[i]
            plain_visible_bias[i] -= weights[j, i] * hidden_offset[j]
        return cls(visible, weights, plain_hidden_bias, plain_visible_bias, hidden)

    @property
    def parameters(self):
        return self.weights, self.hidden_bias, self.visible_bias

    def replace(self, weights, hidden_bias, visible_bias):
        """An RBM of the same types of units with other parameters."""
        return ExactRBM(self.visible, weights, hidden_bias, visible_bias, self.hidden)

    def energy(self, v, h):
        """E(v, h) by its definition; leading axes of v and h broadcast."""
        energy = 0.0
        for i in range(self.n_visible):
            energy = energy + base_energy(self.visible, v[..., i]) - self.visible_bias[i] * v[..., i]
        for j in range(self.n_hidden):
            energy = energy + base_energy(self.hidden, h[..., j]) - self.hidden_bias[j] * h[..., j]
            for i in range(self.n_visible):
                energy = energy - h[..., j] * self.weights[j, i] * v[..., i]
        return energy

    def _energies(self, v, h):
        """E of all pairs of rows: (n_v, n_h)."""
        return self.energy(v[:, np.newaxis, :], h[np.newaxis, :, :])

    # -- sums over states -------------------------------------------------------------------------

    def log_partition(self):
        """log of the sum (integral) of exp(-E) over all v and h."""
        energies = self._energies(self.visible_states, self.hidden_states)
        return log_sum_exp(-energies.ravel()) + np.log(self.cell * self.hidden_cell)

    def free_energy(self, v):
        """-log sum_h exp(-E(v, h)) of each row."""
        return -log_sum_exp(-self._energies(v, self.hidden_states), axis=1) - np.log(self.hidden_cell)

    def free_energy_of_hidden(self, h):
        """-log sum_v exp(-E(v, h)) of each row."""
        return -log_sum_exp(-self._energies(self.visible_states, h), axis=0) - np.log(self.cell)

    def joint(self):
        """Probability of each pair of states (for Gaussian units, of each cell of the grid)."""
        energies = self._energies(self.visible_states, self.hidden_states)
        return np.exp(-energies - log_sum_exp(-energies.ravel()))

    def p_visible(self):
        return self.joint().sum(axis=1)

    def p_hidden(self):
        return self.joint().sum(axis=0)

    def log_likelihood(self, v):
        """log p(v) of each row; a density for Gaussian visibles."""
        return -self.free_energy(v) - self.log_partition()

    def log_conditional(self, v, i, value):
        """log p(v_i = value | the other visible units of each row), for binary units."""
        row = {}
        for state in (0.0, 1.0):
            changed = v.copy()
            changed[:, i] = state
            row[state] = -self.free_energy(changed)
        return row[value] - log_sum_exp(np.array([row[0.0], row[1.0]]), axis=0)

    # -- conditionals and Markov chains -----------------------------------------------------------

    def hidden_given_visible(self, v):
        """p(h | v) for each row of v and each hidden state, from the joint."""
        log_joint = -self._energies(v, self.hidden_states)
        return np.exp(log_joint - log_sum_exp(log_joint, axis=1)[:, np.newaxis])

    def visible_given_hidden(self, h):
        """p(v | h) for each row of h and each visible state, from the joint."""
        log_joint = -self._energies(self.visible_states, h).T
        return np.exp(log_joint - log_sum_exp(log_joint, axis=1)[:, np.newaxis])

    def mean_h(self, v):
        return self.hidden_given_visible(v) @ self.hidden_states

    def mean_v(self, h):
        return self.visible_given_hidden(h) @ self.visible_states

    def transition(self):
        """Matrix of the probabilities of one Gibbs step v -> h -> v'."""
        up = self.hidden_given_visible(self.visible_states)
        return up @ self.visible_given_hidden(self.hidden_states)

    # -- gradients --------------------------------------------------------------------------------

    def statistics(self, v, weights):
        """Weighted means of h v, h and v over the rows, in the order of the parameters."""
        h = self.mean_h(v)
        products = np.zeros_like(self.weights)
        for row, weight in enumerate(weights):
            products += weight * np.outer(h[row], v[row])
        return products, weights @ h, weights @ v

    def negative_log_likelihood(self, v, weights):
        """Weighted mean of -log p(v)."""
        return -weights @ self.log_likelihood(v)

    def gradient(self, v, weights):
        """Derivative of `negative_log_likelihood` by the parameters, from exact expectations."""
        return self._difference(self.statistics(self.visible_states, self.p_visible()), v, weights)

    def contrastive_statistics(self, v, weights, n_steps):
        """What the model term of CD-k is on average: all chains of k steps, by their probabilities."""
        down = self.visible_given_hidden(self.hidden_states)
        p = weights @ self.hidden_given_visible(v) @ down
        for _ in range(n_steps - 1):
            p = p @ self.hidden_given_visible(self.visible_states) @ down
        return self.statistics(self.visible_states, p)

    def contrastive_gradient(self, v, weights, n_steps):
        """The gradient of CD-k on average."""
        return self._difference(self.contrastive_statistics(v, weights, n_steps), v, weights)

    def _difference(self, model, v, weights):
        data = self.statistics(v, weights)
        return tuple(of_model - of_data for of_model, of_data in zip(model, data, strict=True))

    # -- draws ------------------------------------------------------------------------------------

    def draw_hidden(self, n, rng):
        """Draw hidden states from the exact p(h): on the grid where they are Gaussian."""
        return self.hidden_states[rng.choice(len(self.hidden_states), size=n, p=self.p_hidden())]

    def draw_visible(self, n, rng):
        """Draw visible states from the exact p(v): on the grid where they are Gaussian."""
        return self.visible_states[rng.choice(len(self.visible_states), size=n, p=self.p_visible())]


def random_rbm(visible, seed=0, *, hidden="bernoulli", n_visible=None, n_hidden=None, spread=0.8):
    """An RBM with normal parameters of the given standard deviation."""
    rng = np.random.default_rng(seed)
    n_visible = n_visible or VISIBLE_SIZES[visible]
    n_hidden = n_hidden or HIDDEN_SIZES[hidden]
    weights = spread * rng.standard_normal((n_hidden, n_visible))
    hidden_bias = spread * rng.standard_normal(n_hidden)
    visible_bias = spread * rng.standard_normal(n_visible)
    return ExactRBM(visible, weights, hidden_bias, visible_bias, hidden)


# -- types of units -------------------------------------------------------------------------------


def base_energy(kind, x):
    """E_0 of one unit in state x."""
    if kind == "gaussian":
        return x**2 / 2
    if kind == "relu":
        return x**2 / 2 + sum(np.log(1 - np.exp(-k)) * (x >= k) for k in range(1, int(x.max()) + 1))
    return np.zeros_like(x)


def layer_states(kind, n_units, fields=None):
    """All states of a layer, the first unit changing slowest.

    `fields` are those of its units in all states of the other layer; only units without bounds ask.
    """
    if kind == "bernoulli":
        return binary_states(n_units)
    if kind == "softmax":
        return one_hot_states(n_units)
    ranges = zip(fields.min(axis=0), fields.max(axis=0), strict=True)
    if kind == "gaussian":
        axes = [np.arange(low - _MARGIN, high + _MARGIN, _GRID_SPACING) for low, high in ranges]
    else:
        axes = [np.arange(np.ceil(max(high, 0) + _MARGIN)) for _, high in ranges]
    return np.array(list(product(*axes)))


def volume_of_a_state(kind, n_units):
    """What a sum over states is multiplied by to be the integral: the cell of the grid."""
    return _GRID_SPACING**n_units if kind == "gaussian" else 1.0


def binary_states(n):
    """All 2**n states of n binary units, the first unit changing slowest."""
    return np.array(list(product((0.0, 1.0), repeat=n)))


def one_hot_states(n_units):
    """All states of softmax units: one unit of each group is 1, the first group changing slowest."""
    chosen = list(product(*SOFTMAX_GROUPS[n_units]))
    states = np.zeros((len(chosen), n_units))
    for state, units in zip(states, chosen, strict=True):
        state[list(units)] = 1
    return states


def state_numbers(states):
    """The row of `binary_states` that equals each state."""
    return sum(states[:, -1 - k].astype(int) * 2**k for k in range(states.shape[1]))


def row_numbers(rows, table):
    """The row of `table` that equals each row, of whole numbers below 64."""
    place_values = 64.0 ** np.arange(table.shape[1])
    keys = table @ place_values
    order = np.argsort(keys)
    places = np.searchsorted(keys, rows @ place_values, sorter=order)
    numbers = order[np.minimum(places, len(table) - 1)]
    if not np.array_equal(table[numbers], rows):
        raise ValueError("Some rows are not in the table.")
    return numbers


# -- numerics -------------------------------------------------------------------------------------


def log_sum_exp(x, axis=0):
    top = x.max(axis=axis, keepdims=True)
    return np.log(np.exp(x - top).sum(axis=axis)) + np.squeeze(top, axis=axis)


def finite_differences(function, arrays, step=1e-5):
    """Central differences of function(*arrays) by every element of every array.

    The truncation error is of the order of step**2 = 1e-10, the rounding error 1e-16 / step = 1e-11
    of the function's value.
    """
    derivatives = []
    for k, array in enumerate(arrays):
        derivative = np.zeros_like(array)
        for index in np.ndindex(*array.shape):
            values = []
            for sign in (1, -1):
                moved = [a.copy() for a in arrays]
                moved[k][index] += sign * step
                values.append(function(*moved))
            derivative[index] = (values[0] - values[1]) / (2 * step)
        derivatives.append(derivative)
    return tuple(derivatives)


def total_variation_in_floors(numbers, p):
    """Distance between drawn state numbers and their probabilities, in Monte-Carlo floors.

    The floor is half the sum of sqrt(p (1 - p) / n), so exact independent draws give sqrt(2 / pi) = 0.8
    on average.
    """
    n = len(numbers)
    share = np.bincount(numbers, minlength=len(p)) / n
    return np.abs(share - p).sum() / np.sqrt(p * (1 - p) / n).sum()
