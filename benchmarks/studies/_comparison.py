"""Models on data sets, over seeds: ranks and differences, with bootstrap intervals.

Of each model and data set the scores of the seeds are averaged, and then ranked within the data set. Data
sets and seeds are both drawn anew for an interval: it is about other data sets of the kind, too.
"""

from functools import partial

import numpy as np

from studies._statistics import bootstrap, mean_ranks

N_RESAMPLES = 1000  # fewer than where there are fewer models


class Comparison:
    """The values of a measure by model, data set and seed; higher is better.

    Models come in the order of the lines; seeds that are not complete are left out. Where a training failed
    the value is -inf: the last rank.
    """

    def __init__(self, lines, name_of, value_of):
        values = {(name_of(line), line.case["data"], line.case["seed"]): value_of(line) for line in lines}
        self.models, self.data, seeds = (list(dict.fromkeys(key[i] for key in values)) for i in range(3))
        pairs = [(model, name) for model in self.models for name in self.data]
        self.seeds = [seed for seed in seeds if all((*pair, seed) in values for pair in pairs)]
        self.values = np.array(
            [[[values[m, d, s] for s in self.seeds] for d in self.data] for m in self.models]
        ).reshape(len(self.models), len(self.data), len(self.seeds))

    def of(self, model):
        """Return the values of a model: a row a data set, a column a seed."""
        return self.values[self.models.index(model)]

    def ranks(self, models, seeds=None, data=None):
        """Return the mean rank of each of the models among them."""
        chosen = self.values[[self.models.index(model) for model in models]]
        return _ranks(chosen, *self._positions(seeds, data))

    def rank(self, model, rivals):
        """Return the mean rank of a model among itself and the rivals, with its interval."""
        chosen = self.values[[self.models.index(each) for each in (model, *rivals)]]
        return bootstrap(lambda *drawn: _ranks(chosen, *drawn)[0], *self._positions(), N_RESAMPLES)

    def ranks_of_all(self):
        """Return the interval of the mean rank of each model among all."""
        known = {}  # by draw: the draws are the same for all models

        def rank(i, *drawn):
            key = tuple(each.tobytes() for each in drawn)
            if key not in known:
                known[key] = _ranks(self.values, *drawn)
            return known[key][i]

        positions = self._positions()
        return [bootstrap(partial(rank, i), *positions, N_RESAMPLES) for i in range(len(self.models))]

    def gain(self, model, other):
        """Return the mean difference of two models over data sets, and its interval; None if one failed."""
        with np.errstate(invalid="ignore"):
            gains = self.of(model) - self.of(other)
        if not np.isfinite(gains).all():
            return None
        positions = self._positions()
        return bootstrap(lambda seeds, data: gains[np.ix_(data, seeds)].mean(), *positions, N_RESAMPLES)

    def gains_by_data(self, model, other):
        """Return the mean difference of two models on each data set; -inf where the first failed."""
        with np.errstate(invalid="ignore"):
            gains = self.of(model).mean(axis=1) - self.of(other).mean(axis=1)
        return dict(zip(self.data, np.nan_to_num(gains, nan=-np.inf, neginf=-np.inf), strict=True))

    def _positions(self, seeds=None, data=None):
        return (
            range(len(self.seeds)) if seeds is None else seeds,
            range(len(self.data)) if data is None else data,
        )


def _ranks(values, seeds, data):
    """Return the mean ranks over data sets (drawn, perhaps repeatedly) of the means over seeds."""
    means = values[:, :, seeds].mean(axis=2)
    return mean_ranks(means[:, data].T)
