"""What is known without sampling: all states of a few binary hidden units, the gradient, the likelihood."""

import numpy as np
from scipy.special import logsumexp

from skdbn.samplers import Sampler, States


def hidden_probabilities(machine, h):
    """Return p(h) of rows that are all states of the hidden units."""
    log_p = -machine.free_energy_of_hidden(h)
    return np.exp(log_p - logsumexp(log_p)).astype(h.dtype)


class Enumeration(Sampler):
    """The model term of the gradient without draws: every state of the hidden units by its probability.

    With v the mean of the visible units given h, the sums over p(h) of h v, h and v are those over p(v, h).
    """

    draws = False

    def __init__(self, n_hidden):
        self.n_hidden = n_hidden

    def n_rows(self, batch_size):
        """Return the number of states."""
        return 2**self.n_hidden

    def advance(self, machine, data, chains, rng, out):
        """Return the states, with v for the visible and h for the hidden means."""
        v, h = (array[: 2**self.n_hidden] for array in out)
        h[:] = machine.hidden.states(0, len(h), self.n_hidden)
        machine.mean_v_from_h(h, out=v)
        return States(v, h, hidden_probabilities(machine, h))


def exact_likelihood(rbm, X, weights=None):
    """Return the (weighted) mean log-likelihood of the rows, log Z by enumeration."""
    return float(np.average(rbm.score_samples(X, rbm.log_partition("exact")), weights=weights))
