"""What the study of gradient noise shows."""

import numpy as np

from studies._lines import grouped
from studies._tables import Report, Table


def report(lines):
    """Return a table of noise and bias against the size of the batch, and its figure."""
    measured = [line for line in lines if line.measures]
    if not measured:
        return Report([], {})
    sizes = measured[0].measures["batch_size"]
    rows = []
    for key, of_key in grouped(measured, "data", "epochs", "sampler").items():
        exact = np.mean([line.measures["exact"] for line in of_key])
        cells = [_cell(of_key, i) for i in range(len(sizes))]
        rows.append((*key, f"{exact:.3f}", *cells))
    note = (
        "In units of the length of the exact gradient: standard deviation of a gradient (root of the "
        "total variance); length of its bias; mean cosine with the exact gradient. Means of the seeds. CD "
        "has a chain for each row of the batch, PCD as many as named: 100 are those of the training, 1,000 "
        "begin anew. The bias of PCD includes the error of slow chains within the updates averaged."
    )
    head = ("data", "epochs", "sampler", "exact gradient", *(f"batch {size}" for size in sizes))
    table = Table("noise", "Noise, bias and cosine of the gradient", head, rows, note)
    return Report([table], {"noise": lambda: _draw(measured)})


def _cell(lines, i):
    noise, bias = (
        np.mean([line.measures[name][i] / line.measures["exact"] for line in lines])
        for name in ("noise", "bias")
    )
    cosine = np.mean([line.measures["cosine"][i] for line in lines])
    return f"{noise:.2f}; {bias:.2f}; {cosine:.2f}"


def _draw(lines):
    """Return a figure of the standard deviation against the size of the batch."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    panels = grouped(lines, "data", "epochs")
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.2 * len(panels), 3), squeeze=False, layout="constrained"
    )
    for axis, ((data, epochs), of_panel) in zip(axes.flat, panels.items(), strict=True):
        for sampler, of_sampler in grouped(of_panel, "sampler").items():
            noise = np.mean([line.measures["noise"] for line in of_sampler], axis=0)
            axis.loglog(of_sampler[0].measures["batch_size"], noise, marker=".", label=sampler)
        exact = np.mean([line.measures["exact"] for line in of_panel])
        axis.axhline(exact, color="0.5", linestyle=":", label="length of the exact gradient")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_title(f"{data}, {epochs} epoch{'s' * (epochs > 1)}")
    axes.flat[0].legend(fontsize="x-small")
    figure.supxlabel("rows of a batch")
    figure.supylabel("standard deviation")
    plt.close(figure)
    return figure
