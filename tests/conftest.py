import numpy as np
import pytest
from exact import N_SAMPLES, N_VISIBLE, PAIRS, SOFTMAX_GROUPS, binary_states, one_hot_states, random_rbm

from skdbn import RBMTransformer
from skdbn._energy import Machine, RBMParameters
from skdbn.units import Bernoulli, Gaussian, ReLU, Softmax

# Of the data behind Gaussian visible units: far from 0 and 1, and of a volume that is not 1, so that no
# conversion can be left out.
LOCATION, SCALE = np.array([10.0, -3.0]), np.array([2.0, 0.3])

# Seed and spread of the parameters of each pair of types. A Gibbs step of these machines remembers where
# it began, so that wrong steps are told apart, and no state is so rare that 20,000 draws may miss it.
MACHINES = {
    ("bernoulli", "bernoulli"): (3, 0.8),
    ("gaussian", "bernoulli"): (0, 1.2),
    ("relu", "bernoulli"): (1, 1.0),
    ("relu", "softmax"): (0, 0.6),
    ("softmax", "relu"): (0, 0.6),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=PAIRS, ids="-".join)
def oracle(request):
    """A small RBM that can be enumerated, of each pair of types of visible and hidden units."""
    visible, hidden = request.param
    seed, spread = MACHINES.get(request.param, (0, 0.8))
    return random_rbm(visible, seed, hidden=hidden, spread=spread)


@pytest.fixture
def binary_oracle():
    """The one with binary units in both layers: 32 visible states, couplings of spread 0.8."""
    return random_rbm("bernoulli")


def make_unit(kind, n_units, location, scale):
    if kind == "gaussian":
        return Gaussian().adapt(location[:n_units], scale[:n_units])
    if kind == "softmax":
        return Softmax(groups=SOFTMAX_GROUPS[n_units])
    # Draws of ReLU units that follow their energy. Grey rows of Bernoulli units as they are: their
    # gradient is one number, which the oracle knows.
    return ReLU(exact=True) if kind == "relu" else Bernoulli(redraw=False)


@pytest.fixture
def to_machine():
    """Function that returns the package's machine with the parameters of an oracle."""

    def convert(oracle, dtype=np.float64):
        visible = make_unit(oracle.visible, oracle.n_visible, LOCATION.astype(dtype), SCALE.astype(dtype))
        standard = np.zeros(oracle.n_hidden, dtype), np.ones(oracle.n_hidden, dtype)
        hidden = make_unit(oracle.hidden, oracle.n_hidden, *standard)
        # Copies: training changes them in place.
        parameters = RBMParameters(*(array.astype(dtype) for array in oracle.parameters))
        return Machine(visible, hidden, parameters)

    return convert


@pytest.fixture
def to_estimator(to_machine):
    """Function that returns a fitted RBMTransformer with the parameters of an oracle."""

    def convert(oracle, dtype=np.float64):
        machine = to_machine(oracle, dtype)
        v = binary_states(oracle.n_visible) if oracle.visible == "gaussian" else oracle.visible_states
        X = machine.visible.decode(v.astype(dtype))
        rbm = RBMTransformer(
            oracle.n_hidden, visible=machine.visible, hidden=machine.hidden, n_iter=1, random_state=0
        )
        rbm.fit(X)
        rbm.visible_ = machine.visible
        rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_ = machine.parameters[:3]
        return rbm

    return convert


def draw_rows(kind, n_units, n, rng):
    """Rows of states, not of any model."""
    if kind == "gaussian":
        return 1.5 * rng.standard_normal((n, n_units))
    if kind == "relu":
        return rng.integers(5, size=(n, n_units)).astype(np.float64)
    if kind == "softmax":
        states = one_hot_states(n_units)
        return states[rng.integers(len(states), size=n)]
    return (rng.random((n, n_units)) < 0.4).astype(np.float64)


@pytest.fixture
def to_rows(rng):
    """Function that returns rows for an oracle, in the coordinates of its energy."""

    def draw(oracle, n=N_SAMPLES):
        rows = draw_rows(oracle.visible, oracle.n_visible, n, rng)
        if oracle.visible == "bernoulli":
            rows[0] = rng.random(oracle.n_visible)  # a grey row: probabilities are data as well
        return rows

    return draw


@pytest.fixture
def to_hidden_rows(rng):
    """Function that returns rows of hidden states for an oracle."""

    def draw(oracle, n=N_SAMPLES):
        return draw_rows(oracle.hidden, oracle.n_hidden, n, rng)

    return draw


@pytest.fixture(name="X_binary")
def binary_rows(rng):
    return (rng.random((N_SAMPLES, N_VISIBLE)) < 0.4).astype(np.float64)
