"""What is measured on a fitted RBM, and on the simple models that stand beside it."""

from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.special import logsumexp

from _density.data import all_states


class Likelihood(NamedTuple):
    """Mean log-likelihood in nats by both directions of AIS; equal if log Z is exact."""

    forward: float
    reverse: float
    standard_errors: tuple

    def __str__(self):
        errors = " and ".join(f"{error:.2f}" for error in self.standard_errors)
        return f"AIS {self.forward:.2f}, reverse {self.reverse:.2f} (standard errors {errors})"


def exact_likelihood(rbm, X):
    """Return the mean log-likelihood of the rows, log Z by enumeration."""
    return rbm.score_samples(X, rbm.log_partition(method="exact")).mean()


def annealed_likelihood(rbm, X, seed, **arguments):
    """Return the mean log-likelihood of the rows by both directions of AIS."""
    log_z = rbm.log_partition(method="ais", random_state=seed, **arguments)
    forward, reverse = (rbm.score_samples(X, value).mean() for value in (log_z.value, log_z.reverse_value))
    return Likelihood(forward, reverse, (log_z.standard_error, log_z.reverse_standard_error))


def exact_likelihood_of_bernoulli_rbm(rbm, X):
    """Return the mean log-likelihood under scikit-learn's RBM, summed over all hidden states."""
    W, b, c = rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_
    h = all_states(len(c)).astype(np.float64)
    log_partition = logsumexp(h @ c + np.logaddexp(0, b + h @ W).sum(axis=1))
    return (X @ b + np.logaddexp(0, c + X @ W.T).sum(axis=1)).mean() - log_partition


def divergence_from_known(known, rbm):
    """Return KL(known || RBM) in nats; known holds the probabilities of all visible states."""
    states = all_states(rbm.n_features_in_)
    log_model = rbm.score_samples(states, rbm.log_partition(method="exact"))
    possible = known > 0
    return float(known[possible] @ (np.log(known[possible]) - log_model[possible]))


class Agreement(NamedTuple):
    """Pearson's r, between two sets of rows, of their first and second moments."""

    frequencies: float  # means of the columns
    correlations: float  # of all pairs of two columns that vary in both sets
    covariances: float

    def __str__(self):
        return f"{self.frequencies:.4f}; {self.correlations:.3f} ({self.covariances:.3f})"


def agreement(first, second):
    """Compare the moments of two sets of rows."""
    varies = (first.std(axis=0) > 0) & (second.std(axis=0) > 0)
    pairs = np.triu_indices(varies.sum(), k=1)

    def r_of(statistic):
        return np.corrcoef(*(statistic(rows[:, varies].T)[pairs] for rows in (first, second)))[0, 1]

    means = np.corrcoef(first.mean(axis=0), second.mean(axis=0))[0, 1]
    return Agreement(means, r_of(np.corrcoef), r_of(np.cov))


def chow_liu_likelihood(train, test):
    """Return the mean test log-likelihood of the best tree of binary columns, counts smoothed by 1."""
    states = np.stack([1 - train, train]).astype(np.float64)  # (2, n_rows, n_columns)
    counts = np.einsum("ani,bnj->abij", states, states, optimize=True) + 1
    joint = np.log(counts / (len(train) + 4))
    single = np.logaddexp(joint[:, 0], joint[:, 1])[:, :, 0]  # (2, n_columns)
    information = (np.exp(joint) * (joint - single[:, None, :, None] - single[None, :, None, :])).sum(
        (0, 1)
    )
    # a constant leaves the best tree as it is, and no edge at 0, which would count as missing
    first, second = minimum_spanning_tree(-1 - information).nonzero()
    test = test.astype(int)
    columns = np.arange(test.shape[1])
    degree = np.bincount(np.concatenate([first, second]), minlength=len(columns))
    edges = joint[test[:, first], test[:, second], first, second].sum(axis=1)
    return (edges - (single[test, columns] * (degree - 1)).sum(axis=1)).mean()
