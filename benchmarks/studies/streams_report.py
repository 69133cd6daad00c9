"""What the study of streams shows. The rate of each seed is chosen by the other seeds."""

import numpy as np

from studies._lines import Rates, grouped
from studies._optimizers import LABELS
from studies._tables import Report, Table, spread

COLUMNS = [(name, "constant") for name in LABELS] + [("sgd", "inverse"), ("rmsprop", "inverse")]


def report(lines):
    """Return the table of mean scores, and the figure of the streams that drift."""
    curves = {
        key: Rates(of_key, _mean)
        for key, of_key in grouped(lines, "stream", "drifts", "optimizer", "schedule").items()
    }
    curves = {key: rates for key, rates in curves.items() if len(rates.seeds) > 1}
    rows = [
        (*row, *(_cell(curves[(*row, *column)]) if (*row, *column) in curves else "" for column in COLUMNS))
        for row in dict.fromkeys(key[:2] for key in curves)
    ]
    rows = [(name, "drifts" if drifts else "does not", *cells) for name, drifts, *cells in rows]
    head = tuple(
        LABELS[name] + (", falling" if schedule == "inverse" else "") for name, schedule in COLUMNS
    )
    note = (
        "Mean over the stream of each chunk's score before it was trained on, ± standard deviation of "
        "the seeds: log-likelihood in nats (for mixture minus that of the true distribution), or accuracy "
        "(rotating, renamed). In brackets the best rate of all seeds, ! at an end of the grid; the figure "
        "of a seed is at the rate that is best for the others. Rates are constant, or fall as in "
        "`partial_fit` by default."
    )
    table = Table("scores", "Scores on streams", ("stream", "drift", *head), rows, note)
    return Report([table], {"curves": lambda: _draw(curves)} if rows else {})


def _mean(line):
    return -np.inf if line.measures is None else line.measures["mean"]


def _chosen(rates):
    """Return the line of each seed at the rate that is best for the other seeds."""
    return [
        rates.lines[rates.best([other for other in rates.seeds if other != seed]), seed]
        for seed in rates.seeds
    ]


def _cell(rates):
    scores = [_mean(line) for line in _chosen(rates)]
    mark = "!" if rates.best_is_at_an_end() else ""
    return f"{spread(scores, 3)} ({rates.best():g}{mark})" if np.isfinite(scores).all() else "failed"


def _draw(curves):
    """Return a figure of the score along each stream that drifts, a line an optimizer."""
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(key[0] for key in curves))
    figure, axes = plt.subplots(
        1, len(names), figsize=(3.2 * len(names), 3), squeeze=False, layout="constrained"
    )
    for name, axis in zip(names, axes.flat, strict=True):
        for optimizer, label in LABELS.items():
            rates = curves.get((name, True, optimizer, "constant"))
            measures = [line.measures for line in _chosen(rates)] if rates else [None]
            if all(measures):
                axis.plot(np.mean([each["curve"] for each in measures], axis=0), label=label)
        axis.set_title(name)
    axes.flat[0].legend(fontsize="x-small")
    figure.supxlabel("part of the stream")
    figure.supylabel("score")
    plt.close(figure)
    return figure
