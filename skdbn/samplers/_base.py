"""Where the model term of the gradient comes from: samples of the RBM's own distribution.

A sampler holds hyper-parameters only. Its Markov chains are an array that the training keeps and
passes in, so one sampler object can serve any number of fits.
"""

from abc import ABCMeta, abstractmethod
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

__all__ = ["CD", "PCD", "MeanField", "Sampler", "States"]


class States(NamedTuple):
    """Rows of visible states with the means of the hidden units given them.

    Averages over the rows are `weights @ array`: the weights are positive and sum to 1.
    """

    visible: np.ndarray  # (n_rows, n_visible)
    hidden_mean: np.ndarray  # (n_rows, n_hidden)
    weights: np.ndarray  # (n_rows,)


class Sampler(BaseEstimator, metaclass=ABCMeta):
    """Base class of the samplers.

    To implement one: inherit, define `advance`, and add a line to `SAMPLERS`. One that keeps chains
    between updates also defines `start`, `resume` and `n_rows`.
    """

    draws = True  # False: the data are presented by their means too

    def n_rows(self, batch_size):
        """Return how many rows the model term has when a batch has `batch_size`.

        Parameters
        ----------
        batch_size : int
            Rows of the largest batch.

        Returns
        -------
        n_rows : int
            Rows of the work arrays that `advance` is given.
        """
        return batch_size

    def start(self, machine, batch_size, rng):
        """Check the parameters and return the chains to begin with.

        Parameters
        ----------
        machine : Machine
            The untrained RBM.
        batch_size : int
            Rows of the largest batch.
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        chains : ndarray or None
            None where no chains are kept.
        """
        return None

    def resume(self, chains, machine, batch_size, rng):
        """Return the chains to go on with after an earlier training, maybe by another sampler.

        Parameters
        ----------
        chains : ndarray or None
            Those of the earlier training.
        machine : Machine
            The RBM as it stands.
        batch_size : int
            Rows of the largest batch.
        rng : numpy.random.Generator
            Source of all draws.

        Returns
        -------
        chains : ndarray or None
            The same chains, or new ones, or None where no chains are kept.
        """
        return self.start(machine, batch_size, rng)

    @abstractmethod
    def advance(self, machine, data, chains, rng, out):
        """Return the model term; chains are advanced in place.

        Parameters
        ----------
        machine : Machine
            The RBM as it stands.
        data : States
            The data term.
        chains : ndarray or None
            What `start` returned, as the last call left it.
        rng : numpy.random.Generator
            Source of all draws.
        out : tuple of ndarray
            Work arrays for the visible states and the hidden means, of `n_rows` rows or more.

        Returns
        -------
        model : States
            The model term; its arrays are the first rows of those in `out`.
        """

    def _check_counts(self, *names):
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(
                    f"{type(self).__name__}({name}={value!r}): {name} must be an integer >= 1."
                )


class CD(Sampler):
    r"""Contrastive divergence: `n_steps` Gibbs steps from each row of the batch [1]_.

    The visible and hidden units of the chain are drawn; the hidden units of its end enter by their
    means. Cheap and stable, and biased: far from the data the model is not looked at. Good features,
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

    def __init__(self, n_steps=1):
        self.n_steps = n_steps

    def start(self, machine, batch_size, rng):
        """Keep no chains: each update starts from its data."""
        self._check_counts("n_steps")

    def advance(self, machine, data, chains, rng, out):
        """Run `n_steps` Gibbs steps from the rows of the data, with the rows' weights."""
        visible, hidden_mean = (array[: len(data.weights)] for array in out)
        mean = data.hidden_mean
        h = np.empty_like(mean)
        for _ in range(self.n_steps):
            machine.hidden.sample_from_mean(mean, rng, out=h)
            machine.sample_v_from_h(h, rng, out=visible)
            mean = machine.mean_h_from_v(visible, out=hidden_mean)
        return States(visible, hidden_mean, data.weights)


class PCD(Sampler):
    r"""Persistent contrastive divergence: chains that go on from update to update [1]_.

    Also called stochastic maximum likelihood [2]_. While the parameters change slowly, the chains
    stay near the model's distribution, so the gradient is nearly that of the likelihood. They
    cannot follow large or accelerating steps: lower the learning rate over time, avoid momentum.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps of an update, >= 1.

    n_chains : int or None, default=None
        Number of chains, >= 1; None takes as many as a batch has rows, and at least 100. The
        gradient is a mean over the chains, so its scale does not depend on their number.

    References
    ----------
    .. [1] Tieleman, T. (2008). Training restricted Boltzmann machines using approximations to the
           likelihood gradient. ICML. :doi:`10.1145/1390156.1390290`
    .. [2] Younes, L. (1989). Parametric inference for imperfectly observed Gibbsian fields.
           Probability Theory and Related Fields 82. :doi:`10.1007/BF00341287`

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.samplers import PCD
    >>> rbm = RBMTransformer(n_components=16, sampler=PCD(n_steps=2, n_chains=500))
    """

    def __init__(self, n_steps=1, n_chains=None):
        self.n_steps = n_steps
        self.n_chains = n_chains

    def n_rows(self, batch_size):
        """Return the number of chains."""
        return max(batch_size, 100) if self.n_chains is None else self.n_chains

    def start(self, machine, batch_size, rng):
        """Draw hidden states given visible ones drawn from the visible biases alone."""
        self._check_counts("n_steps", *([] if self.n_chains is None else ["n_chains"]))
        visible_bias = machine.parameters.visible_bias
        field = np.tile(visible_bias, (self.n_rows(batch_size), 1))
        return machine.sample_h_from_v(machine.visible.sample(field, rng), rng)

    def resume(self, chains, machine, batch_size, rng):
        """Keep the chains, unless another number of them is asked for."""
        if chains is None or self.n_chains not in (None, len(chains)):
            return self.start(machine, batch_size, rng)
        self._check_counts("n_steps")
        return chains

    def advance(self, machine, data, chains, rng, out):
        """Run `n_steps` Gibbs steps from the hidden states of the chains."""
        visible, hidden_mean = (array[: len(chains)] for array in out)
        for _ in range(self.n_steps):
            machine.sample_v_from_h(chains, rng, out=visible)
            machine.mean_h_from_v(visible, out=hidden_mean)
            machine.hidden.sample_from_mean(hidden_mean, rng, out=chains)
        weights = np.full(len(chains), 1 / len(chains), dtype=visible.dtype)
        return States(visible, hidden_mean, weights)


class MeanField(Sampler):
    r"""Contrastive divergence with means in place of draws: deterministic [1]_.

    With one batch that holds all rows, training has no randomness but the first weights, and a row
    of weight 2 is exactly a row given twice. The price is a poorer model than `CD` learns.

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

    def __init__(self, n_steps=1):
        self.n_steps = n_steps

    def start(self, machine, batch_size, rng):
        """Keep no chains: each update starts from its data."""
        self._check_counts("n_steps")

    def advance(self, machine, data, chains, rng, out):
        """Pass the means down and up `n_steps` times, with the rows' weights."""
        visible, hidden_mean = (array[: len(data.weights)] for array in out)
        mean = data.hidden_mean
        for _ in range(self.n_steps):
            machine.mean_v_from_h(mean, out=visible)
            mean = machine.mean_h_from_v(visible, out=hidden_mean)
        return States(visible, hidden_mean, data.weights)


SAMPLERS = {"cd": CD, "pcd": PCD, "meanfield": MeanField}


def resolve_sampler(sampler):
    """Return the sampler that a parameter `sampler` stands for.

    Parameters
    ----------
    sampler : {"cd", "pcd", "meanfield"} or Sampler
        A name stands for the class with its defaults; an object for itself.

    Returns
    -------
    sampler : Sampler
        The object itself, or a new one.
    """
    return SAMPLERS[sampler]() if isinstance(sampler, str) else sampler
