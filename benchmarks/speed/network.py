"""Cases: epochs of fine-tuning a network, without pre-training, on the default parameters."""

from functools import partial
from typing import NamedTuple

import numpy as np

from skdbn import DBNClassifier
from speed import _floors, _torch_peers
from speed._case import Case
from speed._clock import Clock, rate_for
from speed._data import N_CLASSES, grey_rows, labels, words
from speed._peers import mlp_epoch
from speed._timing import steps, times

_RATE_FOR_ONE_INPUT = 0.08  # what learning_rate="auto" starts at, times the root of the number of inputs
_N_STEPS = 20  # of the floor, whose median is multiplied to an epoch


class Size(NamedTuple):
    """What a fine-tuning is of."""

    n_features: int = 784
    hidden: tuple = (500, 500)
    batch_size: int = 100
    dtype: type = np.float32
    csr: bool = False
    dropout: float = 0.1  # our default; PyTorch's network has it too, MLPClassifier cannot
    n_rows: int = 10_000

    @property
    def layers(self):
        """The sizes of all layers."""
        return self.n_features, *self.hidden, N_CLASSES

    def __str__(self):
        layers = words(self.n_features, self.layers[1:], self.dtype, self.csr)
        return f"{layers}, batch {self.batch_size}, dropout {self.dropout}"


_TARGET = {"MLPClassifier adam": 0.5, "floor": 1.5, "PyTorch": 1.0}
_TARGETS = {Size(): _TARGET, Size(dropout=0.0): _TARGET}


def epochs_of(grid):
    """Return the cases, by label."""
    default = [*_TARGETS, Size(dtype=np.float64)]
    sizes = {
        "smoke": [Size(64, (16, 16), 50, n_rows=200)],
        "default": default,
        "full": [
            *default,
            *(Size(batch_size=batch_size) for batch_size in (10, 1000)),
            *(Size(hidden=(n, n)) for n in (64, 4000)),
            Size(csr=True),
        ],
    }
    return {f"fine-tuning epoch, {size}": partial(_epoch, size) for size in sizes[grid]}


def _epoch(size):
    X, y = grey_rows(size.n_rows, size.n_features, size.dtype, csr=size.csr), labels(size.n_rows)
    n_batches = size.n_rows // size.batch_size
    peers = {
        f"MLPClassifier {solver}": mlp_epoch(size.hidden, X, y, size.batch_size, solver)
        for solver in ("adam", "sgd")
    }
    if not size.csr:
        peers |= _torch_peers.network_epoch(size.layers, X, y, size.batch_size, size.dropout)
    products = _floors.network_step(size.layers, size.batch_size, size.dtype)
    return Case(
        measure=f"fine-tuning epoch, {size}, {size.n_rows:,} rows",
        unit="ms an epoch",
        ours=lambda: _fine_tuned(X, y, size, n_batches).total_seconds(),
        floor=times(n_batches, steps(products, min(n_batches, _N_STEPS))),
        peers=peers,
        must_be=_TARGETS.get(size, {}),
    )


def _fine_tuned(X, y, size, n_steps):
    """Return the clock of a fine-tuning of so many steps."""
    clock = Clock(rate_for(size.n_features, _RATE_FOR_ONE_INPUT), n_steps)
    model = DBNClassifier(
        size.hidden,
        pretrain=False,
        learning_rate=clock,
        batch_size=size.batch_size,
        dropout=size.dropout,
        input_dropout=0.0,
        max_iter=2,
        random_state=0,
    )
    return clock.watch(model.fit, X, y)
