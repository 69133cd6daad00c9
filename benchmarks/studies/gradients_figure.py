"""The figures of the study of gradients: how much each layer moves, over the training."""

import numpy as np

from studies._optimizers import LABELS

START_LABELS = {"pretrained": "pre-trained", "glorot": "Glorot", "small": "small weights"}


def draw(chosen):
    """Return a figure of updates relative to weights, a row for each start and a column an optimizer.

    `chosen` is {(start, optimizer): lines of the seeds}.
    """
    import matplotlib.pyplot as plt

    starts = [start for start in START_LABELS if any(key[0] == start for key in chosen)]
    figure, axes = plt.subplots(
        len(starts),
        len(LABELS),
        figsize=(2.6 * len(LABELS), 2.4 * len(starts)),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    for row, start in zip(axes, starts, strict=True):
        row[0].set_ylabel(START_LABELS[start])
        for axis, (name, label) in zip(row, LABELS.items(), strict=True):
            axis.set_title(label, fontsize="small")
            if (start, name) in chosen:
                _draw_layers(axis, chosen[start, name])
    for axis in axes.flat:
        axis.set(xscale="log", yscale="log")
    drawn = [axis for axis in axes.flat if axis.lines]
    drawn[0].legend(fontsize="x-small")
    figure.supxlabel("step")
    figure.supylabel("update relative to weights")
    plt.close(figure)
    return figure


def _draw_layers(axis, lines):
    import matplotlib.pyplot as plt

    updates = np.mean([line.measures["update"] for line in lines], axis=0)
    n_layers = updates.shape[1]
    for layer in range(n_layers):
        name = f"layer {layer + 1}" if layer < n_layers - 1 else "outputs"
        color = plt.get_cmap("viridis")(layer / n_layers)
        # what did not move at all has no place on a logarithmic axis
        moved = np.where(updates[:, layer] > 0, updates[:, layer], np.nan)
        axis.plot(lines[0].measures["steps"], moved, color=color, label=name)
