"""The figure of the study of few labels: accuracy against the number of labels, a panel a data set."""

import numpy as np


def draw(curves, numbers, ours):
    """Return a figure; ours are drawn as solid lines, scikit-learn's as dotted ones.

    `curves` is {data set: {name of the model: accuracies in percent, one for each number of labels}}.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(curves), figsize=(3.1 * len(curves), 3.6), squeeze=False, layout="constrained"
    )
    for axis, (data, of_data) in zip(axes.flat, curves.items(), strict=True):
        for i, (name, accuracies) in enumerate(of_data.items()):
            style = "-" if name in ours else ":"
            axis.plot(
                range(len(numbers)), np.array(accuracies), style, color=f"C{i}", marker=".", label=name
            )
        axis.set(title=data, xticks=range(len(numbers)), xticklabels=numbers)
    figure.legend(
        *axes.flat[0].get_legend_handles_labels(), loc="outside upper left", ncols=3, fontsize="small"
    )
    figure.supxlabel("rows of each class with a label")
    figure.supylabel("test accuracy, percent")
    plt.close(figure)
    return figure
