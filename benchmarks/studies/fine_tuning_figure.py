"""The figures of the study of fine-tuning."""

import numpy as np

from studies._optimizers import LABELS

STYLES = {"pretrained": "-", "glorot": ":"}


def _panels(data, width=3.4, height=2.8, n_columns=4):
    import matplotlib.pyplot as plt

    n_columns = min(n_columns, len(data))
    n_rows = -(-len(data) // n_columns)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(width * n_columns, height * n_rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(data) :]:
        axis.set_axis_off()
    plt.close(figure)
    return figure, list(axes.flat)


def _legend(axes):
    """Put the legend into the first panel that has lines."""
    for axis in axes:
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize="x-small")
            return


def draw_rates(curves):
    """Return a figure of validation accuracy against rate, a panel a data set."""
    data = list(dict.fromkeys(key[0] for key in curves))
    figure, axes = _panels(data)
    for each, axis in zip(data, axes, strict=False):
        for color, (name, label) in enumerate(LABELS.items()):
            if (each, name) in curves:
                rates = curves[each, name]
                means = np.where(np.isfinite(rates.means()), 100 * rates.means(), np.nan)
                axis.plot(rates.rates, means, color=f"C{color}", marker=".", label=label)
        axis.set(title=each, xscale="log")
    _legend(axes)
    figure.supxlabel("first learning rate, which falls to 0")
    figure.supylabel("validation accuracy, percent")
    return figure


def draw_depth(scores):
    """Return a figure of test accuracy against the number of layers, a panel a data set."""
    data = list(dict.fromkeys(key[2] for key in scores))
    figure, axes = _panels(data)
    for each, axis in zip(data, axes, strict=False):
        for start, style in STYLES.items():
            for color, (name, label) in enumerate(LABELS.items()):
                points = sorted(
                    (key[0], 100 * score)
                    for key, score in scores.items()
                    if key[1:] == (start, each, name) and np.isfinite(score)
                )
                if points:
                    label = label if start == "pretrained" else None
                    axis.plot(*zip(*points, strict=True), style, color=f"C{color}", marker=".", label=label)
        axis.set(title=each)
    _legend(axes)
    figure.supxlabel("hidden layers (solid: pre-trained, dotted: not)")
    figure.supylabel("test accuracy, percent")
    return figure
