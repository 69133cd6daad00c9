"""DBNRegressor beside scikit-learn's MLPRegressor, each with one setting for all problems.

The rival is run twice: as shipped, and with targets brought to variance 1, which DBNRegressor does by
itself and MLPRegressor does not; what is compared with is the better of the two.
"""

from typing import NamedTuple

import numpy as np
from _report import Result, seconds_of, settings_of
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import ShuffleSplit
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from _supervised.data import regression_data
from _supervised.measures import timed_fit
from _supervised.settings import model

LARGEST_LOSS = 0.02  # of R2


def regression(run):
    """Compare R2 on the test quarter, after training on four fifths of the other rows, drawn anew."""
    lines, gains = [], []
    for name, data in regression_data(run):
        line, gain = _on(run, name, data)
        lines.append(line)
        gains.append(gain)
        print(f"  {line.measure}: {line.measured}", flush=True)
    n_above = int(np.sum(np.array(gains) > 0))
    summary = Result(
        measure="regression: problems on which DBNRegressor is above MLPRegressor",
        measured=f"{n_above} of {len(gains)}",
        must_be="half of them",
        reached=2 * n_above >= len(gains),
    )
    return [*lines, summary]


def _on(run, name, data):
    """Return the line of a data set, and what our R2 is above the rival's."""
    seeds = run.seeds_or(5)
    ours = _scores(model("regression", 0, run.smoke), data, seeds)
    mlp = MLPRegressor(max_iter=20 if run.smoke else 500)
    as_shipped = _scores(mlp, data, seeds)
    scaled = _scores(TransformedTargetRegressor(mlp, transformer=StandardScaler()), data, seeds)
    rival = max(as_shipped.mean(), scaled.mean())
    gain = ours.mean() - rival
    line = Result(
        measure=f"regression, {name}: test R2",
        measured=f"{ours} against {rival:.3f} by MLPRegressor "
        f"({as_shipped.mean():.3f} as shipped, {scaled.mean():.3f} with scaled targets): {gain:+.3f}",
        must_be=f"not below by more than {LARGEST_LOSS}",
        reached=bool(gain >= -LARGEST_LOSS),
        seconds=seconds_of(ours.seconds),
        settings=settings_of(model("regression", 0, run.smoke)),
    )
    return line, gain


class _Scores(NamedTuple):
    """R2 on the test rows, and seconds of a fit, for each draw of training rows."""

    values: np.ndarray
    seconds: list

    def mean(self):
        return self.values.mean()

    def __str__(self):
        if len(self.values) == 1:
            return f"{self.mean():.3f}"
        return f"{self.mean():.3f} (sd {self.values.std(ddof=1):.3f}, {len(self.values)} draws)"


def _scores(regressor, data, seeds):
    values, times = [], []
    for seed in seeds:
        rows, _ = next(ShuffleSplit(1, train_size=0.8, random_state=seed).split(data.x_train))
        pipeline = make_pipeline(StandardScaler(), clone(regressor))
        names = [name for name in pipeline.get_params() if name.endswith("random_state")]
        pipeline.set_params(**dict.fromkeys(names, seed))
        fitted, seconds = timed_fit(pipeline, data.x_train[rows], data.y_train[rows])
        values.append(fitted.score(data.x_test, data.y_test))
        times.append(seconds)
    return _Scores(np.array(values), times)
