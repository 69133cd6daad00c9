"""A process that trains on a Parquet file, and prints the seconds and megabytes that it takes."""

import json
import sys
import time
import warnings

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from _scale_out.parquet import models
from skdbn.batches import Batches


def main():
    """Time fits of one epoch and of three, whose difference are two epochs, and the fit of a network."""
    file, how, smoke = sys.argv[1], sys.argv[2], sys.argv[3] == "1"
    source = Batches(file, "label")
    fit = _from_memory(source) if how == "memory" else lambda model: model.fit_batches(source)
    rbm, dbn = models(smoke).values()
    one, three = (_seconds(fit, clone(rbm).set_params(n_iter=n_iter)) for n_iter in (1, 3))
    measured = {
        "epoch": (three - one) / 2,
        "fit": _seconds(fit, dbn),
        "megabytes": _peak_megabytes(),
    }
    print(json.dumps(measured))


def _peak_megabytes():
    """Return the largest resident memory of this program; `resource` counts that of its parent too."""
    with open("/proc/self/status", encoding="ascii") as file:
        (kilobytes,) = (line.split()[1] for line in file if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


def _from_memory(source):
    X, y = zip(*((np.asarray(X), y) for X, y in source), strict=True)
    X, y = np.concatenate(X), np.concatenate(y)
    return lambda model: model.fit(X, y)


def _seconds(fit, model):
    start = time.perf_counter()
    fit(model)
    return time.perf_counter() - start


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        main()
