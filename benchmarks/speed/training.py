"""Cases: training steps and epochs of an RBM with the defaults (PCD-1, centred, RMSProp, decay)."""

from functools import partial
from itertools import product
from typing import NamedTuple

import numpy as np

from skdbn import RBMTransformer
from speed import _floors, _torch_peers
from speed._case import Case
from speed._clock import Clock, rate_for
from speed._data import grey_rows, words
from speed._peers import bernoulli_rbm_epoch
from speed._timing import steps, times

_RATE_FOR_ONE_INPUT = 0.14  # what learning_rate="auto" starts at, times the root of the number of inputs
_LEAST_CHAINS = 100  # PCD has as many chains as a batch has rows, but not fewer than these
_N_ROWS = 10_000  # more than fit into the processor's caches


class Size(NamedTuple):
    """What a training is of."""

    n_visible: int = 784
    n_hidden: int = 500
    batch_size: int = 100
    dtype: type = np.float32
    csr: bool = False
    n_rows: int = _N_ROWS

    @property
    def n_chains(self):
        """The number of chains of the default sampler."""
        return max(self.batch_size, _LEAST_CHAINS)

    @property
    def n_batches(self):
        """The number of batches of an epoch."""
        return self.n_rows // self.batch_size

    @property
    def n_steps(self):
        """The number of steps of which the median is taken: fewer of large ones."""
        multiplications = self.batch_size * self.n_visible * self.n_hidden
        return int(np.clip(2e9 / multiplications, 8, min(40, self.n_batches)))

    def __str__(self):
        return f"{words(self.n_visible, self.n_hidden, self.dtype, self.csr)}, batch {self.batch_size}"


_SMOKE = Size(64, 16, 50, n_rows=200)
_STEP_TARGETS = {
    Size(): {"floor": 1.25, "PyTorch": 1.0},
    Size(batch_size=256): {"floor": 1.2},
    Size(batch_size=20): {"floor": 1.6},
}
_EPOCH_TARGETS = {Size(): {"BernoulliRBM": 0.62}, Size(dtype=np.float64): {"BernoulliRBM": 0.75}}


def steps_of(grid):
    """Return the cases of single steps, by label."""
    batch_sizes, hidden_sizes = (10, 20, 100, 256, 1000), (64, 500, 4000)
    large = [Size(n, n) for n in (64, 4000)]
    sizes = {
        "smoke": [_SMOKE],
        "default": [
            *(Size(batch_size=batch_size) for batch_size in batch_sizes),
            Size(dtype=np.float64),
            Size(csr=True),
            *(Size(n_hidden=n_hidden) for n_hidden in (64, 4000)),
            Size(64, 64),
        ],
        "full": [
            *(
                Size(784, *size)
                for size in product(hidden_sizes, batch_sizes, (np.float32, np.float64), (False, True))
            ),
            *large,
            *(size._replace(dtype=np.float64) for size in large),
        ],
    }
    return {f"training step, {size}": partial(_step, size) for size in sizes[grid]}


def epochs_of(grid):
    """Return the cases of whole epochs, by label."""
    targets = list(_EPOCH_TARGETS)
    sizes = {
        "smoke": [_SMOKE],
        "default": targets,
        "full": [*targets, Size(csr=True), Size(n_hidden=64), Size(n_hidden=64, csr=True)],
    }
    return {f"training epoch, {size}": partial(_epoch, size) for size in sizes[grid]}


def _step(size):
    must_be = _STEP_TARGETS.get(size, {})
    measure = f"training step, {size}"
    if size.n_chains != size.batch_size:
        measure += f", {size.n_chains} chains"
    X = grey_rows(size.n_rows, size.n_visible, size.dtype, csr=size.csr)
    peers = {}
    if not size.csr:
        arguments = X, size.n_hidden, size.batch_size, size.n_chains, size.n_steps
        peers = {**_torch_peers.rbm_step(*arguments), **_torch_peers.rbms_step(*arguments)}
    return Case(
        measure=measure,
        unit="ms a step",
        ours=lambda: trained(X, size.n_hidden, size.batch_size, size.n_steps).step_seconds(),
        floor=_floor(size),
        peers=peers,
        must_be=must_be,
    )


def _epoch(size):
    X = grey_rows(size.n_rows, size.n_visible, size.dtype, csr=size.csr)
    peers = {"BernoulliRBM": bernoulli_rbm_epoch(X, size.n_hidden, size.batch_size)}
    if not size.csr and size.dtype == np.float32:  # learnergy makes everything float32
        peers |= _torch_peers.learnergy_epoch(X, size.n_hidden, size.batch_size)
    return Case(
        measure=f"training epoch, {size}, {size.n_rows:,} rows",
        unit="ms an epoch",
        ours=lambda: trained(X, size.n_hidden, size.batch_size, size.n_batches).total_seconds(),
        floor=times(size.n_batches, _floor(size)),
        peers=peers,
        must_be=_EPOCH_TARGETS.get(size, {}),
    )


def _floor(size):
    shapes = size.n_visible, size.n_hidden, size.batch_size, size.n_chains
    return steps(_floors.rbm_step(*shapes, size.dtype), size.n_steps)


def trained(X, n_hidden, batch_size, n_steps):
    """Return the clock of a training of so many steps, at most an epoch and those of the next."""
    clock = Clock(rate_for(X.shape[1], _RATE_FOR_ONE_INPUT), n_steps)
    rbm = RBMTransformer(n_hidden, learning_rate=clock, batch_size=batch_size, n_iter=2, random_state=0)
    return clock.watch(rbm.fit, X)
