"""What the study of fine-tuning shows. Rates are chosen by validation rows, test rows only reported."""

from functools import partial
from typing import NamedTuple

import numpy as np

from studies._lines import Rates, grouped, where
from studies._optimizers import LABELS
from studies._statistics import bootstrap, good_width, mean_ranks
from studies._tables import Report, Table, spread
from studies.fine_tuning_figure import draw_depth, draw_rates
from studies.fine_tuning_pretraining import depths, labels

MAIN = {"layers": 2, "start": "pretrained", "labels": "all"}
_OURS = list(LABELS).index("rmsprop")
_CHOSEN = (
    "The rate of an optimizer on a data set is the one of the best mean over the seeds on validation rows"
)


class Measure(NamedTuple):
    """What is looked at: `sign` makes higher better, `scale` and `digits` are for the tables."""

    name: str
    title: str
    sign: int
    scale: float
    digits: int
    tolerance: float  # that still counts as good
    within: str

    def of(self, line, part):
        """Return the value of a line, higher is better; -inf where the training failed."""
        return -np.inf if line.measures is None else self.sign * line.measures[f"{part}_{self.name}"]


ACCURACY = Measure("accuracy", "accuracy, percent", 1, 100.0, 2, 0.01, "1 percent")
LOG_LOSS = Measure("log_loss", "log loss, nats", -1, 1.0, 3, 0.05, "0.05 nats")


def report(lines):
    """Return tables and figures of the lines."""
    tables, figures = [], {}
    for measure in (ACCURACY, LOG_LOSS):
        curves = main_curves(lines, measure)
        tables += [_scores(curves, measure), _ranks(curves, measure), _widths(curves, measure)]
        if curves and measure is ACCURACY:
            figures["rates"] = partial(draw_rates, curves)
    tables += [_seconds(main_curves(lines, ACCURACY)), labels(lines, ACCURACY.of)]
    deep = depths(lines, ACCURACY.of)
    if deep.means:
        figures["depth"] = partial(draw_depth, deep.means)
    return Report([*tables, *deep.tables, _failures(lines)], figures)


def main_curves(lines, measure):
    """Return {(data, optimizer): Rates} of two pre-trained layers with all labels."""
    by_key = grouped(where(lines, **MAIN), "data", "optimizer")
    curves = {key: Rates(of_key, partial(measure.of, part="valid")) for key, of_key in by_key.items()}
    worked = {key[0] for key, rates in curves.items() if rates.seeds and np.isfinite(rates.means()).any()}
    return {key: rates for key, rates in curves.items() if rates.seeds and key[0] in worked}


def _data_of(curves, *, whole=False):
    """Return the data sets, or those that have all optimizers."""
    names = dict.fromkeys(data for data, _ in curves)
    return [data for data in names if not whole or all((data, name) in curves for name in LABELS)]


def _scores(curves, measure):
    rows = [
        (data, *(_score(curves[data, name], measure) if (data, name) in curves else "" for name in LABELS))
        for data in _data_of(curves)
    ]
    return Table(
        measure.name,
        f"Test {measure.title}, at the best rate",
        ("data", *LABELS.values()),
        rows,
        f"Mean ± standard deviation of the seeds, two layers, pre-trained, all labels. {_CHOSEN}; "
        "it stands in brackets, with ! where it is the first or the last of its grid.",
    )


def _score(rates, measure):
    values = [measure.of(line, "test") * measure.sign * measure.scale for line in rates.at_best()]
    mark = "!" if rates.best_is_at_an_end() else ""
    text = spread(values, measure.digits) if np.isfinite(values).all() else "failed"
    return f"{text} ({rates.best():g}{mark})"


def test_scores(curves, measure, data):
    """Return a row a data set and a column an optimizer, higher is better."""

    def mean(lines):
        return np.mean([measure.of(line, "test") for line in lines])

    return np.array([[mean(curves[each, name].at_best()) for name in LABELS] for each in data])


def _ranks(curves, measure):
    """Return mean ranks, and how much each optimizer is better than RMSProp."""
    data = _data_of(curves, whole=True)
    scores = test_scores(curves, measure, data)
    rows = []
    for i, (name, label) in enumerate(LABELS.items() if data else ()):
        rank = bootstrap(lambda chosen, i=i: mean_ranks(scores[chosen])[i], range(len(data)))
        gains = scores[:, i] - scores[:, _OURS]
        others = ("", "") if name == "rmsprop" else (_mean(gains, measure), f"{(gains > 0).sum()}")
        rows.append((label, rank, *others))
    return Table(
        f"{measure.name}-ranks",
        f"Mean rank by test {measure.title}, and the gain over RMSProp",
        ("optimizer", "mean rank", "better than RMSProp by", f"better on, of {len(data)}"),
        rows,
        "Over the data sets, each optimizer at the rate that validation rows chose; in brackets 95 % "
        "bootstrap intervals over data sets. Negative: worse than RMSProp. Sets of newsgroups overlap.",
    )


def _mean(values, measure):
    """Return the mean over data sets with its interval, in the units and digits of the measure."""
    if not np.isfinite(values).all():
        return "failed"
    interval = bootstrap(lambda chosen: measure.scale * values[chosen].mean(), range(len(values)))
    value, low, high = (f"{each:.{measure.digits}f}" for each in interval)
    return f"{value} [{low}, {high}]"


def _widths(curves, measure):
    """Return the decades of rates that are good enough."""
    data = _data_of(curves, whole=True)
    widths = [[_width(curves[each, name], measure) for name in LABELS] for each in data]
    decades = np.array([[width.decades for width in row] for row in widths])
    rows = [(each, *row, "") for each, row in zip(data, widths, strict=True)]
    if data:
        columns = [*decades.T, decades[:, _OURS] - decades[:, 0]]
        means = [
            bootstrap(lambda chosen, c=column: c[chosen].mean(), range(len(data))) for column in columns
        ]
        rows.append((f"mean ({len(data)} data sets)", *means))
    return Table(
        f"{measure.name}-widths",
        f"Width of the rates within {measure.within} of the best, in decades",
        ("data", *LABELS.values(), "RMSProp - SGD"),
        rows,
        f"By validation {measure.title.partition(',')[0]}, means of the seeds, relative to the best rate "
        "of the same optimizer; >= where the width reaches an end of the grid. In brackets 95 % bootstrap "
        "intervals over data sets.",
    )


def _width(rates, measure):
    return good_width(rates.rates, rates.means(), measure.tolerance)


def _seconds(curves):
    """Return what the updates of each optimizer cost."""
    rows = []
    for data in _data_of(curves, whole=True):
        of_optimizers = [curves[data, name].at_best() for name in LABELS]
        once = np.nanmedian([_median(lines, "seconds_of_stack") for lines in of_optimizers])
        n_layers = np.nanmedian([_median(lines, "layers_of_stack") for lines in of_optimizers])
        times = [f"{_median(lines, 'seconds'):.2f}" for lines in of_optimizers]
        rows.append((data, f"{once:.1f} ({n_layers:.0f} layers)", *times))
    return Table(
        "seconds",
        "Seconds of fine-tuning",
        ("data", "pre-training", *LABELS.values()),
        rows,
        "CPU seconds of one thread for about 2,000 updates of two layers, at the best rate, medians of the "
        "seeds; and once for pre-training, with as many layers as some of the networks use.",
    )


def _median(lines, name):
    return np.median([line.measures[name] if line.measures else np.nan for line in lines])


def _failures(lines):
    """Return how many trainings diverged, or ended no better than the most frequent class."""
    rows = []
    for name, of_name in grouped(lines, "optimizer").items():
        diverged = sum(line.failure is not None for line in of_name)
        useless = sum(
            bool(line.measures) and line.measures["valid_accuracy"] <= line.measures["largest_class"]
            for line in of_name
        )
        rows.append((LABELS[name], len(of_name), diverged, useless))
    head = ("optimizer", "trainings", "diverged", "no better than the most frequent class")
    return Table("failures", "Failures over all grids", head, rows)
