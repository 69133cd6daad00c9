"""Peers: scikit-learn's models, and which of the other packages are installed.

PyTorch and packages on top of it are in `_torch_peers`. None of them is needed: a peer whose package is
missing is left out, and the report says so once.
"""

from importlib.util import find_spec

import numpy as np
from sklearn.neural_network import BernoulliRBM, MLPClassifier

from speed._timing import once

PACKAGES = {"torch": "torch==2.13.0", "rbms": "rbms==0.5.0", "learnergy": "learnergy==2.0.2"}


def missing_packages():
    """Return the packages that are not installed."""
    return [name for name in PACKAGES if not is_installed(name)]


def is_installed(*names):
    """Tell whether all these packages can be imported, without the time that it takes."""
    return all(find_spec(name) for name in names)


def bernoulli_rbm_epoch(X, n_hidden, batch_size):
    """Return an epoch of BernoulliRBM: a `fit` of two, halved, so that its beginning hardly counts."""
    rbm = BernoulliRBM(n_hidden, batch_size=batch_size, n_iter=2, random_state=0)
    return once(rbm.fit, X, shares=2)


def fitted_bernoulli_rbm(X, n_hidden):
    """Return a BernoulliRBM whose weights are not worth anything, but of the right shape."""
    return BernoulliRBM(n_hidden, n_iter=1, random_state=0).fit(X[:100])


def bernoulli_rbm_gibbs(X, n_hidden, n_steps):
    """Return Gibbs steps of BernoulliRBM on all rows of X."""
    rbm = fitted_bernoulli_rbm(X, n_hidden)

    def chain():
        v = X
        for _ in range(n_steps):
            v = rbm.gibbs(v)

    return once(chain, shares=n_steps)


def mlp(sizes, X, y, batch_size, solver="adam"):
    """Return an MLPClassifier after a pass over some rows; `sizes` are those of the hidden layers."""
    model = MLPClassifier(
        sizes, activation="logistic", solver=solver, batch_size=batch_size, random_state=0
    )
    return model.partial_fit(X[:batch_size], y[:batch_size], classes=np.unique(y))


def mlp_epoch(sizes, X, y, batch_size, solver):
    """Return an epoch of MLPClassifier: `partial_fit` makes one pass in shuffled batches."""
    return once(mlp(sizes, X, y, batch_size, solver).partial_fit, X, y)
