"""What one fit needs, measured in a process of its own: prints it as JSON.

    python -m speed._probe '{"model": "skdbn", "n_rows": 1000, ...}'      # in benchmarks/

Only there does the peak belong to the fit alone. Reads /proc, so it needs Linux.
"""

import json
import sys
import time
import tracemalloc

import numpy as np

from speed._data import grey_rows

_MEGABYTE = 1e6


def probe(model, n_features, n_hidden, n_rows=None, file=None, traced=False):
    """Fit for one epoch; return seconds a row and the peak of memory beyond X, in MB.

    The peak is that of resident memory or, `traced`, that of the arrays that numpy allocated. Rows are
    those of an .npy file, mapped to memory, if there is one.
    """
    X = grey_rows(n_rows, n_features) if file is None else np.load(file, mmap_mode="r")
    estimator = _estimator(model, n_hidden)
    if traced:
        tracemalloc.start()
    before = _reset_peak()
    start = time.perf_counter()
    estimator.fit(X)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1] if traced else _kilobytes("VmHWM") * 1024 - before
    return {"seconds_per_row": seconds / len(X), "peak": peak / _MEGABYTE}


def _estimator(model, n_hidden):
    if model == "skdbn":
        from skdbn import RBMTransformer

        return RBMTransformer(n_hidden, batch_size=100, n_iter=1, random_state=0)
    from sklearn.neural_network import BernoulliRBM

    return BernoulliRBM(n_hidden, batch_size=100, n_iter=1, random_state=0)


def _reset_peak():
    """Make the peak of resident memory begin anew, and return the bytes that are resident."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    return _kilobytes("VmRSS") * 1024


def _kilobytes(name):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{name}:"))


if __name__ == "__main__":
    print(json.dumps(probe(**json.loads(sys.argv[1]))))
