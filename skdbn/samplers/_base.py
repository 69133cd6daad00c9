"""What a sampler has to define."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skdbn._energy import Machine
from skdbn._html import DocumentedMixin
from skdbn._typing import Chains, Floats, FloatType, Rng


class States(NamedTuple):
    """Rows of visible states with the means of the hidden units given them.

    Averages over the rows are `weights @ array`: the weights are positive and sum to 1.
    """

    visible: Floats  #: States of the visible units, shape (n_rows, n_visible).
    hidden_mean: Floats  #: Means of the hidden units, shape (n_rows, n_hidden).
    weights: Floats  #: Weights of the rows, shape (n_rows,).


class Sampler(DocumentedMixin, BaseEstimator, metaclass=ABCMeta):
    """Base class of the samplers.

    To implement one: inherit, define `advance`, and add a line to `SAMPLERS`. One that keeps chains
    between updates also defines `start`, `resume` and `n_rows`. Its chains are an array of hidden
    states or an object with an attribute `hidden`; their length is the number of rows that `advance` needs.

    All states that enter the gradient are those of the model itself, at temperature 1, as the data are.
    """

    draws = True  # False: the data are presented by their means too

    def n_rows(self, batch_size: int) -> int:
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

    def start(self, machine: Machine, batch_size: int, rng: Rng) -> Chains:
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
        chains : ndarray, object with chains or None
            None where no chains are kept.
        """
        return None

    def resume(self, chains: Chains, machine: Machine, batch_size: int, rng: Rng) -> Chains:
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

    def shared_out(self, batch_size: int, n_processes: int) -> Sampler:
        """Return the sampler of one of several processes that train together.

        Parameters
        ----------
        batch_size : int
            Rows of the largest batch, of all processes.
        n_processes : int
            Number of processes, >= 1.

        Returns
        -------
        sampler : Sampler
            This one, where no chains are kept; else one that has its share of the chains.
        """
        return self

    @abstractmethod
    def advance(
        self, machine: Machine, data: States, chains: Chains, rng: Rng, out: tuple[Floats, Floats]
    ) -> States:
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

    def report(self, chains: Chains) -> dict[str, Any]:
        """Return what there is to tell about the chains since the last call.

        Parameters
        ----------
        chains : ndarray, object with chains or None
            The chains as the last update left them.

        Returns
        -------
        values : dict
            Entries of `history_` for an epoch.
        """
        return {}

    def _check_counts(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(
                    f"{type(self).__name__}({name}={value!r}): {name} must be an integer >= 1."
                )


def model_states(chains: Chains) -> Floats | None:
    """Return the hidden states of the chains that follow the model itself, or None without chains.

    Parameters
    ----------
    chains : ndarray, object with chains or None
        Chains of any sampler.

    Returns
    -------
    hidden : ndarray of shape (n_chains, n_hidden) or None
        The states themselves, no copy.
    """
    return getattr(chains, "hidden", chains)


def equal_weights(n_rows: int, dtype: FloatType) -> Floats:
    """Return the weights of a plain mean over rows."""
    return np.full(n_rows, 1 / n_rows, dtype=dtype)
