"""The figure of the studies of defaults: where ours and scikit-learn's stand beside the first rival."""

import numpy as np

LOWEST = -8.0  # points: what is further below is drawn there, with its figure beside it


def draw(gains, measure, rival):
    """Return a figure of differences to the rival in points, a row a data set.

    `gains` is {name of the model: {data set: difference}}.
    """
    import matplotlib.pyplot as plt

    data = list(next(iter(gains.values())))
    figure, axis = plt.subplots(figsize=(8, 0.36 * len(data) + 1.7), layout="constrained")
    markers = "oDsP^vX<>"
    for i, (name, of_name) in enumerate(gains.items()):
        values = np.array([of_name[each] for each in data])
        axis.plot(
            np.maximum(values, LOWEST), range(len(data)), markers[i % len(markers)], label=name, alpha=0.8
        )
        for row, value in enumerate(values):
            if value < LOWEST:
                axis.annotate(
                    f"{value:.0f}", (LOWEST, row), (6, 3), textcoords="offset points", fontsize="x-small"
                )
    axis.axvline(0, color="0.5", linewidth=1)
    axis.axvline(-2, color="0.5", linewidth=1, linestyle=":")
    axis.set(yticks=range(len(data)), yticklabels=data, xlabel=f"{measure} minus that of {rival}, points")
    axis.invert_yaxis()
    axis.grid(axis="y", color="0.9")
    figure.legend(loc="outside upper left", ncols=2, fontsize="small")
    plt.close(figure)
    return figure
