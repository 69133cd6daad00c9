"""The figure of the study of pre-training."""

import numpy as np

from studies._optimizers import LABELS

STYLES = {"linear": "-", "constant": ":"}


def draw(curves):
    """Return a figure of validation log-likelihood against rate, a panel a data set."""
    import matplotlib.pyplot as plt

    data = list(dict.fromkeys(key[0] for key in curves))
    n_columns = min(3, len(data))
    n_rows = -(-len(data) // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(4 * n_columns, 3.2 * n_rows), squeeze=False, layout="constrained"
    )
    for name, axis in zip(data, axes.flat, strict=False):
        _draw_panel(axis, name, {key[1:]: rates for key, rates in curves.items() if key[0] == name})
    axes.flat[0].legend(fontsize="small")
    figure.supxlabel("first learning rate (solid: falls to 0, dotted: constant)")
    figure.supylabel("validation log-likelihood, nats")
    plt.close(figure)
    return figure


def _draw_panel(axis, title, curves):
    """Draw the means of the seeds; what is worse than independent columns lies below the panel."""
    for (schedule, name), rates in curves.items():
        axis.plot(
            rates.rates,
            np.where(np.isfinite(rates.means()), rates.means(), np.nan),
            STYLES[schedule],
            color=f"C{list(LABELS).index(name)}",
            marker=".",
            label=LABELS[name] if schedule == "linear" else None,
        )
    best = max(rates.means().max() for rates in curves.values())
    measures = [
        line.measures for rates in curves.values() for line in rates.lines.values() if line.measures
    ]
    independent = measures[0]["independent"]
    axis.set(title=title, xscale="log", ylim=(independent, best + 0.05 * (best - independent)))
