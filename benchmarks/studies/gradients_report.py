"""What the study of gradients shows: how far layers move, at the rate that validation rows chose."""

from functools import partial

import numpy as np

from studies._lines import Rates, grouped
from studies._optimizers import LABELS
from studies._tables import Report, Table
from studies.gradients_figure import draw

START_NAMES = {"pretrained": "pre-trained", "glorot": "Glorot", "small": "small"}
UNIT_NAMES = {"bernoulli": "logistic", "relu": "ReLU"}


def report(lines):
    """Return tables and figures of the lines."""
    chosen = chosen_lines(lines)
    figures = {
        f"{data}-{UNIT_NAMES[hidden].lower()}": partial(draw, of_panel)
        for (data, hidden), of_panel in _by_panel(chosen).items()
    }
    return Report([_first_gradients(chosen), _moving(chosen), _distances(chosen), _scores(chosen)], figures)


def chosen_lines(lines):
    """Return {(data, hidden, start, optimizer): lines of the seeds at the best rate}, failures left out."""
    groups = grouped(lines, "data", "hidden", "start", "optimizer")
    rates = {key: Rates(of_key, _valid) for key, of_key in groups.items()}
    chosen = {key: each.at_best() for key, each in rates.items()}
    return {key: some for key, some in chosen.items() if some and all(line.measures for line in some)}


def _valid(line):
    return -np.inf if line.measures is None else line.measures["valid_accuracy"]


def _by_panel(chosen):
    panels = {}
    for (data, hidden, start, optimizer), some in chosen.items():
        panels.setdefault((data, hidden), {})[start, optimizer] = some
    return panels


def mean_of(lines, name):
    """Return the geometric mean over the seeds of something that is watched."""
    with np.errstate(divide="ignore"):  # of what does not move at all
        return np.exp(np.mean([np.log(line.measures[name]) for line in lines], axis=0))


def lowest_over_outputs(lines, name):
    """Return the ratio of the lowest hidden layer to the outputs, as a geometric mean over the training.

    Windows are of equal length in the logarithm of the step: the beginning counts as much as the end.
    """
    watched = mean_of(lines, name)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.exp(np.mean(np.log(watched[:, 0]) - np.log(watched[:, -1]))))


def _key_cells(data, hidden, start):
    return data, UNIT_NAMES[hidden], START_NAMES[start]


def _over_optimizers(chosen, cell):
    """Return a row for each configuration, with a cell for each optimizer."""
    rows = []
    for key in dict.fromkeys(key[:3] for key in chosen):
        cells = [cell(chosen[(*key, name)]) if (*key, name) in chosen else "failed" for name in LABELS]
        rows.append((*_key_cells(*key), *cells))
    return rows


def _first_gradients(chosen):
    """Return the gradients of the first step, which are the same for all optimizers."""
    rows = []
    for key in dict.fromkeys(key[:3] for key in chosen):
        lines = next(some for other, some in chosen.items() if other[:3] == key)
        first = mean_of(lines, "gradient")[0]
        rows.append(
            (*_key_cells(*key), *(f"{value:.1e}" for value in first), f"{first[0] / first[-1]:.2g}")
        )
    n_layers = len(rows[0]) - 5 if rows else 0
    names = (*(f"layer {i + 1}" for i in range(n_layers)), "outputs")
    return Table(
        "first",
        "Gradient of the first step",
        ("data", "units", "first weights", *names, "layer 1 / outputs"),
        rows,
        "Root mean square of the gradient of a layer's weights, geometric mean of the seeds. The last "
        "column says how much less the lowest layer gets: far below 1, the gradient vanishes. From small "
        "weights it does so in all hidden layers alike: lower ones get less error, higher ones less varied "
        "inputs, and inputs are centred.",
    )


def _moving(chosen):
    rows = _over_optimizers(
        chosen,
        lambda lines: (
            f"{lowest_over_outputs(lines, 'gradient'):.2g}; {lowest_over_outputs(lines, 'update'):.2g}"
        ),
    )
    return Table(
        "moving",
        "Lowest layer against outputs, over the training",
        ("data", "units", "first weights", *LABELS.values()),
        rows,
        "Ratio of the gradients; ratio of the updates relative to the weights. Geometric means over seeds "
        "and steps, equally over the logarithm of the step. Each optimizer at the rate that is best by "
        "validation accuracy. Below 1 the lowest layer gets less, or moves less, than the outputs.",
    )


def _distances(chosen):
    rows = _over_optimizers(
        chosen, lambda lines: ", ".join(f"{value:.2g}" for value in mean_of(lines, "distance"))
    )
    return Table(
        "distance",
        "How far each layer's weights have come",
        ("data", "units", "first weights", *LABELS.values()),
        rows,
        "Length of the way from first to last weights, relative to the first weights, from the lowest "
        "layer to the outputs; geometric means of the seeds.",
    )


def _scores(chosen):
    rows = _over_optimizers(chosen, _score)
    return Table(
        "scores",
        "Test accuracy, percent; training loss, nats",
        ("data", "units", "first weights", *LABELS.values()),
        rows,
        "Means of the seeds; in brackets the rate.",
    )


def _score(lines):
    accuracy = 100 * np.mean([line.measures["test_accuracy"] for line in lines])
    loss = np.mean([line.measures["loss"] for line in lines])
    return f"{accuracy:.1f}; {loss:.3f} ({lines[0].case['rate']:g})"
