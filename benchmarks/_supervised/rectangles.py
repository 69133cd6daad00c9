"""Tall and wide rectangles: 1,200 training rows."""

from _supervised.data import rectangles as read
from _supervised.measures import median_error
from _supervised.settings import model


def rectangles(run):
    """Three layers, with pre-training and without."""
    data = read(run)
    line, _ = median_error(
        run,
        lambda seed: model("rectangles", seed, run.smoke),
        data,
        n_seeds=3,
        measure="rectangles, 1,200 training rows: test error",
        at_most=3.00,
        published="2.60 % (DBN-3, Larochelle et al. 2007)",
    )
    plain, _ = median_error(
        run,
        lambda seed: model("rectangles", seed, run.smoke).set_params(pretrain=False),
        data,
        n_seeds=3,
        measure="rectangles, 1,200 training rows, no pre-training: test error",
    )
    return [line, plain]
