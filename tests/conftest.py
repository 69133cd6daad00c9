import numpy as np
import pytest
from exact import N_SAMPLES, N_VISIBLE, binary_states, random_rbm

from skdbn import RBMTransformer
from skdbn._energy import Machine, RBMParameters
from skdbn.units import Bernoulli, Gaussian

# Of the data behind Gaussian visible units: far from 0 and 1, and of a volume that is not 1, so that no
# conversion can be left out.
LOCATION, SCALE = np.array([10.0, -3.0]), np.array([2.0, 0.3])

# Spreads of the parameters that make a Gibbs step remember, so that wrong ones are told apart.
COUPLINGS = {"bernoulli": 0.8, "gaussian": 1.2}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["bernoulli", "gaussian"])
def oracle(request):
    """A small RBM of each type that can be enumerated."""
    return random_rbm(request.param, spread=COUPLINGS[request.param])


@pytest.fixture
def binary_oracle():
    """The one with binary visible units: 32 visible states, couplings of spread 0.8."""
    return random_rbm("bernoulli")


@pytest.fixture
def to_machine():
    """Function that returns the package's machine with the parameters of an oracle."""

    def convert(oracle, dtype=np.float64):
        if oracle.visible == "bernoulli":
            # Grey rows as they are: their gradient is one number, which the oracle knows.
            visible = Bernoulli(redraw=False)
        else:
            n = oracle.n_visible
            visible = Gaussian().adapt(LOCATION[:n].astype(dtype), SCALE[:n].astype(dtype))
        # Copies: training changes them in place.
        parameters = RBMParameters(*(array.astype(dtype) for array in oracle.parameters))
        return Machine(visible, Bernoulli(), parameters)

    return convert


@pytest.fixture
def to_estimator(to_machine):
    """Function that returns a fitted RBMTransformer with the parameters of an oracle."""

    def convert(oracle, dtype=np.float64):
        machine = to_machine(oracle, dtype)
        X = machine.visible.decode(binary_states(oracle.n_visible).astype(dtype))
        rbm = RBMTransformer(oracle.n_hidden, visible=oracle.visible, n_iter=1, random_state=0)
        rbm.fit(X)
        rbm.visible_ = machine.visible
        rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_ = machine.parameters
        return rbm

    return convert


@pytest.fixture
def to_rows(rng):
    """Function that returns rows for an oracle, in the coordinates of its energy."""

    def draw(oracle, n=N_SAMPLES):
        if oracle.visible == "gaussian":
            return 1.5 * rng.standard_normal((n, oracle.n_visible))
        rows = (rng.random((n, oracle.n_visible)) < 0.4).astype(np.float64)
        rows[0] = rng.random(oracle.n_visible)  # one grey row: probabilities are data as well
        return rows

    return draw


@pytest.fixture(name="X_binary")
def binary_rows(rng):
    return (rng.random((N_SAMPLES, N_VISIBLE)) < 0.4).astype(np.float64)
