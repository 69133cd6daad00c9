"""What pre-training is worth, by labels and by layers: test accuracy at the best of few rates."""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from studies._lines import Rates, grouped
from studies._optimizers import LABELS
from studies._statistics import bootstrap
from studies._tables import Table

NAMES = {"pretrained": "pre-trained", "glorot": "not"}
_CHOSEN = "each optimizer, data set and row of the table at the rate that validation rows chose."
_COARSE = "Rates are whole decades: compare starts by these columns, optimizers by the accuracy above."


class Depths(NamedTuple):
    """Tables, and {(data, layers, start, optimizer): accuracy} for the figure."""

    tables: list[Table]
    means: dict[Any, float]


def best_scores(lines, value, *factors):
    """Return {(*factors, optimizer): mean test score at the best rate}, of rates and seeds all have.

    Of the lines only those count whose rates were tried without pre-training, too: a finer grid for one of
    the two would favour it.
    """
    of_both = {
        (line.case["optimizer"], line.case["rate"]) for line in lines if line.case["start"] == "glorot"
    }
    alike = [line for line in lines if (line.case["optimizer"], line.case["rate"]) in of_both]
    scores = {}
    for key, of_key in grouped(alike, *factors, "optimizer").items():
        rates = Rates(of_key, partial(value, part="valid"))
        if rates.seeds:
            scores[key] = np.mean([value(line, "test") for line in rates.at_best()])
    return scores


def labels(lines, value):
    """Return the table by number of labels, two layers."""
    two = [line for line in lines if line.case["layers"] == 2]
    scores = best_scores(two, value, "labels", "start", "data")
    rows = []
    for n_labels in sorted({key[0] for key in scores}, key=lambda n: (n == "all", n)):
        of_labels = {key[1:]: score for key, score in scores.items() if key[0] == n_labels}
        rows += [(str(n_labels), *row) for row in _rows(of_labels)]
    return Table(
        "labels",
        "Pre-training by number of labels: test accuracy, percent",
        ("labels", "layers start", "data sets", *LABELS.values()),
        rows,
        f"Two layers. Means over the data sets that have as many rows, {_CHOSEN} In brackets 95 % "
        "bootstrap intervals over data sets. Validation rows outnumber few labels: who has few labels has "
        f"no such rows to choose a rate by. {_COARSE}",
    )


def depths(lines, value):
    """Return tables by number of layers, over all data sets and for each."""
    by_data = grouped(lines, "data")
    deep = {}
    for data, of_data in by_data.items():
        tried = {(line.case["labels"], line.case["seed"]) for line in of_data if line.case["layers"] > 2}
        deep[data] = [line for line in of_data if (line.case["labels"], line.case["seed"]) in tried]
    scores = best_scores(
        [line for some in deep.values() for line in some], value, "layers", "start", "data"
    )
    rows, of_data = [], []
    for layers in sorted({key[0] for key in scores}):
        of_layers = {key[1:]: score for key, score in scores.items() if key[0] == layers}
        rows += [(layers, *row) for row in _rows(of_layers)]
    for data, start in sorted({(data, start) for _, start, data, _ in scores}):
        for layers in sorted({key[0] for key in scores}):
            keys = [(layers, start, data, name) for name in LABELS]
            if all(key in scores for key in keys):
                of_data.append((data, NAMES[start], layers, *(f"{100 * scores[key]:.1f}" for key in keys)))
    note = f"Means over data sets, {_CHOSEN} In brackets 95 % bootstrap intervals over data sets. {_COARSE}"
    title = "Pre-training by number of layers: test accuracy, percent"
    return Depths(
        [
            Table("depth", title, ("layers", "layers start", "data sets", *LABELS.values()), rows, note),
            Table(
                "depth-data",
                f"{title}, by data set",
                ("data", "layers start", "layers", *LABELS.values()),
                of_data,
            ),
        ],
        scores,
    )


def _rows(scores):
    """Return a row for each start, and one for the gain by pre-training.

    `scores` is {(start, data, optimizer): score}.
    """
    data = [
        each
        for each in dict.fromkeys(key[1] for key in scores)
        if all((start, each, name) in scores for start in NAMES for name in LABELS)
    ]
    if not data:
        return []
    table = np.array([[[scores[start, each, name] for name in LABELS] for each in data] for start in NAMES])
    with np.errstate(invalid="ignore"):  # where both starts failed
        means, gains = 100 * table.mean(axis=1), 100 * (table[0] - table[1])
    rows = [
        (label, len(data), *(f"{mean:.2f}" if np.isfinite(mean) else "failed" for mean in row))
        for label, row in zip(NAMES.values(), means, strict=True)
    ]
    cells = [_mean(gains[:, i]) for i in range(len(LABELS))]
    return [*rows, ("gain by pre-training", len(data), *cells)]


def _mean(values):
    """Return the mean, with its interval if there are several."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    if not np.isfinite(values).all():
        return "failed"
    return bootstrap(lambda chosen: values[chosen].mean(), range(len(values)))
