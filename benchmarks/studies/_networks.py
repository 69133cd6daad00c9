"""The networks of the studies of fine-tuning: first weights, one training, and how good it is.

All hidden layers have 100 units. Every training has about 2,000 updates, whatever the number of its rows,
under a rate that falls linearly to 0. Dropout and weight decay are off, so that only the optimizer differs:
decoupled decay grows with the rate, and rates of optimizers differ by orders of magnitude.
"""

import time
import warnings
from functools import lru_cache

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

from skdbn import DBNClassifier, DBNTransformer, RBMTransformer
from skdbn.schedules import Linear
from studies._labelled_sets import LARGEST, labelled

WIDTH = 100
N_UPDATES = 2000
BARELY = 1e-12  # a learning rate: weights stay where they begin


class Lender(BaseEstimator):
    """Holds pre-trained machines; frozen, it lends them to a network."""

    def __init__(self, rbms_=()):
        self.rbms_ = rbms_


@lru_cache(maxsize=3)
def machines(data, seed, n_layers, start, hidden="bernoulli", folder=None, largest=LARGEST):
    """Return the RBMs of a stack, and the seconds that they took.

    They are trained on all training rows, or, for the start "small", not at all: normal weights of standard
    deviation 0.01 and biases of 0. The lower machines of a stack are those of a stack of fewer layers.
    """
    rbm = RBMTransformer(hidden=hidden)
    if start == "small":
        rbm.set_params(learning_rate=BARELY, n_iter=1)
    stack = DBNTransformer((WIDTH,) * n_layers, rbm=rbm, random_state=seed)
    X = labelled(data, folder, seed, largest).X_train
    seconds = _seconds_of(lambda: stack.fit(X))
    return stack.rbms_, seconds


def network(layers, seed, optimizer, rate, *, rbms=None, hidden="bernoulli"):
    """Return a classifier that starts from the lowest of some machines, or else from Glorot's weights."""
    return DBNClassifier(
        (WIDTH,) * layers,
        rbm=RBMTransformer(hidden=hidden),
        pretrain=False if rbms is None else FrozenEstimator(Lender(rbms[:layers])),
        optimizer=optimizer,
        learning_rate=Linear(rate, 0),
        alpha=0.0,
        dropout=0.0,
        input_dropout=0.0,
        random_state=seed,
    )


def n_epochs(n_rows, n_updates=N_UPDATES):
    """Return the number of epochs that make about so many updates, in batches as the package makes them."""
    batch_size = min(n_rows, max(10, min(n_rows // 100, 100)))
    return round(n_updates / -(-n_rows // batch_size))


def train(classifier, X, y, n_updates=N_UPDATES):
    """Fit, and return the seconds."""
    classifier.set_params(max_iter=n_epochs(len(X), n_updates))
    return _seconds_of(lambda: classifier.fit(X, y))


def _seconds_of(fit):
    """Return the CPU seconds of a fit; that it did not converge or learn is in its results."""
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="The fitted network predicts")
        fit()
    return time.process_time() - begin


def scores(classifier, split):
    """Return accuracy and log loss, in nats, on the rows to choose by and to test on."""
    measures = {}
    for part in ("valid", "test"):
        X, y = getattr(split, f"X_{part}"), getattr(split, f"y_{part}")
        log_probability = classifier.predict_log_proba(X).astype(np.float64)
        measures[f"{part}_accuracy"] = float((log_probability.argmax(axis=1) == y).mean())
        measures[f"{part}_log_loss"] = float(-log_probability[np.arange(len(y)), y].mean())
    return measures
