"""Samplers that start anew from the data at each update."""

from __future__ import annotations

import numpy as np

from skdbn._energy import Machine
from skdbn._typing import Chains, Floats, Rng
from skdbn.samplers._base import Sampler, States


class CD(Sampler):
    r"""Contrastive divergence: `n_steps` Gibbs steps from each row of the batch.

    The visible and hidden units of the chain are drawn; the hidden units of its end enter by their
    means [1]_. Cheap and stable, and biased: far from the data the model is not looked at. Good features,
    poor likelihoods; prefer `PCD` when the RBM is used as a density.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps of an update (the k of CD-k), >= 1.

    References
    ----------
    .. [1] Hinton, G. E. (2002). Training products of experts by minimizing contrastive divergence.
           Neural Computation 14(8). :doi:`10.1162/089976602760128018`

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.samplers import CD
    >>> rbm = RBMTransformer(n_components=16, sampler=CD(n_steps=5))
    """

    def __init__(self, n_steps: int = 1) -> None:
        self.n_steps = n_steps

    def start(self, machine: Machine, batch_size: int, rng: Rng) -> None:
        """Keep no chains: each update starts from its data."""
        self._check_counts("n_steps")

    def advance(
        self, machine: Machine, data: States, chains: Chains, rng: Rng, out: tuple[Floats, Floats]
    ) -> States:
        """Run `n_steps` Gibbs steps from the rows of the data, with the rows' weights."""
        visible, hidden_mean = (array[: len(data.weights)] for array in out)
        mean = data.hidden_mean
        h = np.empty_like(mean)
        for _ in range(self.n_steps):
            machine.hidden.sample_from_mean(mean, rng, out=h)
            machine.sample_v_from_h(h, rng, out=visible)
            mean = machine.mean_h_from_v(visible, out=hidden_mean)
        return States(visible, hidden_mean, data.weights)


class MeanField(Sampler):
    r"""Contrastive divergence with means in place of draws: deterministic.

    The way of [1]_. With one batch that holds all rows, training has no randomness but the first weights,
    and a row of weight 2 is exactly a row given twice. The price is a poorer model than `CD` learns.

    Parameters
    ----------
    n_steps : int, default=1
        Mean-field passes of an update, >= 1.

    References
    ----------
    .. [1] Welling, M. and Hinton, G. E. (2002). A new learning algorithm for mean field Boltzmann
           machines. ICANN. :doi:`10.1007/3-540-46084-5_57`

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.samplers import MeanField
    >>> rbm = RBMTransformer(n_components=16, sampler=MeanField(), batch_size=None)
    """

    draws = False

    def __init__(self, n_steps: int = 1) -> None:
        self.n_steps = n_steps

    def start(self, machine: Machine, batch_size: int, rng: Rng) -> None:
        """Keep no chains: each update starts from its data."""
        self._check_counts("n_steps")

    def advance(
        self, machine: Machine, data: States, chains: Chains, rng: Rng, out: tuple[Floats, Floats]
    ) -> States:
        """Pass the means down and up `n_steps` times, with the rows' weights."""
        visible, hidden_mean = (array[: len(data.weights)] for array in out)
        mean = data.hidden_mean
        for _ in range(self.n_steps):
            machine.mean_v_from_h(mean, out=visible)
            mean = machine.mean_h_from_v(visible, out=hidden_mean)
        return States(visible, hidden_mean, data.weights)
