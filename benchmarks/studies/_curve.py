"""One training of a small RBM, its exact likelihood followed from epoch to epoch."""

import time

from studies._likelihood import independent_columns, log_likelihoods
from studies._sets import load

N_EPOCHS = 20  # the default of RBMTransformer, whose batches make about 100 updates of each
WATCHED = (1, 2, 5, 10, 20)


def curve(rbm, data, folder, watched=WATCHED):
    """Train as `fit` does, and return the likelihood after some epochs and the seconds until then.

    Seconds are CPU time of one thread, and of the training alone: what else runs beside hardly changes it.
    """
    split = load(data, folder)
    rbm.set_params(n_iter=watched[-1])
    seconds, values = [], []
    for n_epochs in _differences(watched):
        start = time.process_time()
        for _ in range(n_epochs):
            rbm.partial_fit(split.train)
        seconds.append(time.process_time() - start)
        values.append(log_likelihoods(rbm, *split))
    measures = dict(zip(split._fields, map(list, zip(*values, strict=True)), strict=True))
    return {
        "epochs": list(watched),
        **measures,
        "seconds": [sum(seconds[: i + 1]) for i in range(len(seconds))],
        "independent": independent_columns(split.train, split.valid),
    }


def _differences(numbers):
    return [number - before for before, number in zip((0, *numbers), numbers, strict=False)]
