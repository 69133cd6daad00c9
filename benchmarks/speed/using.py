"""Cases: what is done with a fitted model: transform, predict, sampling, annealed importance sampling.

The models were fitted to next to nothing, which costs as much to use as a good one.
"""

from functools import partial

import numpy as np

from skdbn import DBNClassifier, RBMTransformer
from speed import _floors, _torch_peers
from speed._case import Case
from speed._data import N_CLASSES, grey_rows, labels, words
from speed._peers import bernoulli_rbm_gibbs, fitted_bernoulli_rbm, mlp
from speed._timing import once, steps, times

_N_ROWS = 10_000
_N_CHAINS = 100
_BLOCK = 2000  # rows of the products of the floor


def transforms_of(grid):
    """Return the cases of `transform`, by label."""
    if grid == "smoke":
        return {"transform": partial(_transform, 64, 16, np.float32, False, n_rows=200)}
    sizes = [(784, 500, np.float32, False), (784, 500, np.float64, False), (784, 500, np.float32, True)]
    if grid == "full":
        sizes += [(784, 64, np.float32, False), (784, 4000, np.float32, False)]
    return {f"transform, {words(*size)}": partial(_transform, *size) for size in sizes}


def predictions_of(grid):
    """Return the cases of `predict_proba`, by label."""
    if grid == "smoke":
        return {"predict": partial(_predict, 64, (16, 16), np.float32, n_rows=200)}
    sizes = [(784, (500, 500), np.float32)]
    if grid == "full":
        sizes += [(784, (500, 500), np.float64)]
        sizes += [(784, (n, n), np.float32) for n in (64, 4000)]
    return {f"predict, {words(*size)}": partial(_predict, *size) for size in sizes}


def samplings_of(grid):
    """Return the cases of Gibbs steps, by label."""
    return _of_chains(grid, "Gibbs step", _gibbs)


def annealings_of(grid):
    """Return the cases of sweeps of annealed importance sampling, by label."""
    return _of_chains(grid, "AIS sweep", _annealing)


def _of_chains(grid, what, make):
    if grid == "smoke":
        return {what: partial(make, 64, 16, np.float32, n_steps=5)}
    sizes = [(784, 500, np.float32)]
    if grid == "full":
        sizes += [(784, 500, np.float64), (784, 64, np.float32), (784, 4000, np.float32)]
    return {f"{what}, {words(*size)}, {_N_CHAINS} chains": partial(make, *size) for size in sizes}


def _transform(n_visible, n_hidden, dtype, csr, n_rows=_N_ROWS):
    X = grey_rows(n_rows, n_visible, dtype, csr=csr)
    product = _floors.network_forward((n_visible, n_hidden), min(_BLOCK, n_rows), dtype)
    peers = {"BernoulliRBM": once(fitted_bernoulli_rbm(X, n_hidden).transform, X)}
    if not csr:
        peers |= _torch_peers.hidden_means(X, n_hidden)
    return Case(
        measure=f"transform, {words(n_visible, n_hidden, dtype, csr)}, {n_rows:,} rows",
        unit="ms",
        ours=once(_fitted_rbm(X, n_hidden).transform, X),
        floor=_for_all(product, n_rows),
        peers=peers,
    )


def _predict(n_features, hidden, dtype, n_rows=_N_ROWS):
    X, y = grey_rows(n_rows, n_features, dtype), labels(n_rows)
    sizes = (n_features, *hidden, N_CLASSES)
    model = DBNClassifier(hidden, pretrain=False, max_iter=1, random_state=0).fit(X[:100], y[:100])
    return Case(
        measure=f"predict_proba, {words(n_features, sizes[1:], dtype)}, {n_rows:,} rows",
        unit="ms",
        ours=once(model.predict_proba, X),
        floor=_for_all(_floors.network_forward(sizes, min(_BLOCK, n_rows), dtype), n_rows),
        peers={
            "MLPClassifier": once(mlp(hidden, X, y, 50).predict_proba, X),
            **_torch_peers.network_outputs(sizes, X),
        },
    )


def _gibbs(n_visible, n_hidden, dtype, n_steps=50):
    X = grey_rows(_N_CHAINS, n_visible, dtype)
    rbm = _fitted_rbm(X, n_hidden)
    return Case(
        measure=f"Gibbs step, {words(n_visible, n_hidden, dtype)}, {_N_CHAINS} chains",
        unit="ms a step",
        ours=once(rbm.gibbs, X, n_steps, 0, shares=n_steps),
        floor=steps(_floors.gibbs_step(n_visible, n_hidden, _N_CHAINS, dtype), n_steps),
        peers={
            "BernoulliRBM": bernoulli_rbm_gibbs(X, n_hidden, n_steps),
            **_torch_peers.gibbs(X, n_hidden, n_steps),
        },
    )


def _annealing(n_visible, n_hidden, dtype, n_steps=100):
    """Return the case of a step from one temperature to the next; ours goes in both directions."""
    X = grey_rows(_N_CHAINS, n_visible, dtype)
    rbm = _fitted_rbm(X, n_hidden)

    def both_directions():
        rbm.log_partition(
            "ais", n_runs=_N_CHAINS, n_temperatures=n_steps + 1, n_steps=1, start="noise", random_state=0
        )

    return Case(
        measure=f"AIS sweep, {words(n_visible, n_hidden, dtype)}, {_N_CHAINS} chains",
        unit="ms a temperature",
        ours=once(both_directions, shares=2 * n_steps),
        floor=steps(_floors.gibbs_step(n_visible, n_hidden, _N_CHAINS, dtype), n_steps),
        peers=_torch_peers.annealing(X, n_hidden, _N_CHAINS, n_steps + 1),
    )


def _fitted_rbm(X, n_hidden):
    return RBMTransformer(n_hidden, n_iter=1, random_state=0).fit(X[:100])


def _for_all(product, n_rows):
    """Return the seconds of the products of all rows, taken in blocks."""
    n_blocks = max(1, n_rows // _BLOCK)
    return times(n_blocks, steps(product, n_blocks))
