"""Twenty RBMs whose log Z can be enumerated: random and trained ones, of binary and of real rows."""

import numpy as np
from _density.data import bars_and_stripes, binary_digits
from _density.settings import model
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from _trust.exact import hidden_probabilities
from skdbn import RBMTransformer
from skdbn._energy import Machine, RBMParameters
from skdbn.units import Bernoulli, Gaussian

N_VISIBLE, N_HIDDEN = 30, 10
N_ROWS = 1000


def groups(smoke):
    """Yield the name of each group and its machines, as fitted estimators."""
    yield "random, binary rows", [random_machine(Bernoulli(), spread) for spread in (0.2, 0.4, 0.6, 0.8, 1)]
    spreads = (0.2, 0.3, 0.4, 0.5, 0.6)
    yield "random, real rows", [random_machine(Gaussian(scale=1.0), spread) for spread in spreads]
    yield "trained, binary rows", list(trained_on_binary_rows(smoke))
    yield "trained, real rows", list(trained_on_real_rows(smoke))


def random_machine(visible, spread, seed=0):
    """Return an RBM with normal weights, trained, as AIS is told, on rows that are its own draws.

    Without the noise in the biases, h and 1 - h have the same probability: of two states that are
    opposites none is likely from the start.
    """
    rng = np.random.default_rng(seed)
    weights = spread * rng.standard_normal((N_HIDDEN, N_VISIBLE))
    hidden_bias, visible_bias = 0.3 * rng.standard_normal(N_HIDDEN), -weights.sum(axis=0) / 2
    if isinstance(visible, Bernoulli):
        hidden_bias -= weights.sum(axis=1) / 2
        visible_bias += rng.standard_normal(N_VISIBLE)
    unit = visible.adapt(np.zeros(N_VISIBLE), np.ones(N_VISIBLE))
    machine = Machine(unit, Bernoulli(), RBMParameters(weights, hidden_bias, visible_bias))
    h = machine.hidden.states(0, 2**N_HIDDEN, N_HIDDEN)
    drawn = h[rng.choice(len(h), N_ROWS, p=hidden_probabilities(machine, h))]
    X = machine.sample_v_from_h(drawn, rng)
    rbm = RBMTransformer(N_HIDDEN, visible=visible, n_iter=1, random_state=seed).fit(X)
    rbm.components_, rbm.intercept_hidden_ = weights, hidden_bias
    rbm.intercept_visible_ = visible_bias
    return rbm


def trained_on_binary_rows(smoke):
    """Yield RBMs of digits, from early ones to ones without decay, and one of bars and stripes."""
    X = binary_digits().train
    for n_components, n_iter, alpha in ((12, 3, 1e-3), (12, 20, 1e-3), (16, 60, 1e-3), (12, 100, 0.0)):
        rbm = RBMTransformer(n_components, n_iter=2 if smoke else n_iter, alpha=alpha, batch_size=50)
        yield rbm.set_params(random_state=0).fit(X)
    yield model("bars", 0, smoke).fit(bars_and_stripes())


def trained_on_real_rows(smoke):
    """Yield RBMs with Gaussian visible units of five tables."""
    for load in (load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine):
        rbm = RBMTransformer(N_HIDDEN, visible="gaussian", n_iter=2 if smoke else 100, random_state=0)
        yield rbm.fit(load().data)
