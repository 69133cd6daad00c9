"""The cases as asv wants them: classes whose methods it calls in processes of their own.

    asv run --environment existing:PYTHON --bench TrainingStep

Times are tracked, not timed by asv, since of a training they are taken inside `fit` (see `_clock`), and
since a ratio is worth more than a time: it is measured in turns in one process.
"""

import numpy as np

from skdbn import RBMTransformer
from speed import importing, memory, network, scaling, training, using
from speed._data import grey_rows
from speed._timing import Budget, measure

_BUDGET = Budget(seconds=5)


class _Cases:
    """What the classes of cases have in common."""

    param_names = ("case",)
    timeout = 600

    def setup(self, label):
        self.case = self.cases[label]()

    def track_ours(self, label):
        return measure(self.case._replace(floor=None, peers={}), _BUDGET).ours

    def track_over_floor(self, label):
        medians = measure(self.case._replace(peers={}), _BUDGET)
        return medians.ours / medians.floor

    def track_over_fastest_peer(self, label):
        medians = measure(self.case, _BUDGET)
        return medians.ours / min(medians.peers.values(), default=np.nan)

    track_ours.unit = "seconds"
    track_over_floor.unit = track_over_fastest_peer.unit = "ratio"


def _of(cases):
    """Return what a class needs to be of these cases."""
    return cases, (list(cases),)


class TrainingStep(_Cases):
    cases, params = _of(training.steps_of("default"))


class TrainingEpoch(_Cases):
    cases, params = _of(training.epochs_of("default"))


class FineTuningEpoch(_Cases):
    cases, params = _of(network.epochs_of("default"))


class Transform(_Cases):
    cases, params = _of(using.transforms_of("default"))


class Predict(_Cases):
    cases, params = _of(using.predictions_of("default"))


class GibbsStep(_Cases):
    cases, params = _of(using.samplings_of("default"))


class AnnealingSweep(_Cases):
    cases, params = _of(using.annealings_of("default"))


class Memory:
    def setup(self):
        self.X = grey_rows(10_000, 784)

    def peakmem_fit(self):
        RBMTransformer(500, n_iter=1, random_state=0).fit(self.X)

    def track_fit_beyond_rows(self):
        return memory.fitted("skdbn", n_rows=10_000, n_features=784, n_hidden=500)["peak"]

    track_fit_beyond_rows.unit = "MB"


class Scaling:
    timeout = 600

    def track_slope_of_rows(self):
        return scaling.slope_of_rows()

    def track_slope_of_hidden_units(self):
        return scaling.slope_of_hidden_units()

    track_slope_of_rows.unit = track_slope_of_hidden_units.unit = "slope"


class Import:
    def track_import(self):
        return float(importing.median_seconds(5)[0])

    track_import.unit = "seconds"
