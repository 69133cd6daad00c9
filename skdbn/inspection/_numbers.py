"""Numbers about a fitted RBM: how active its hidden units are, how large its weights, how chains mix."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

# A hidden unit whose mean changes by less than this over the rows tells nothing about them.
_SMALLEST_SPREAD = 1e-3


class HiddenActivity(NamedTuple):
    """What the hidden units of an RBM do on some rows, as :func:`hidden_activity` returns it.

    The last two entries are meant for binary hidden units; for others, `on_or_off` says nothing.
    """

    mean: np.ndarray  #: Mean over the rows of each hidden unit, shape (n_components,).
    standard_deviation: np.ndarray  #: Standard deviation over the rows, shape (n_components,).
    constant: np.ndarray  #: Whether a unit is nearly the same for all rows, shape (n_components,).
    on_or_off: np.ndarray  #: Share of the rows for which a unit is below 0.01 or above 0.99.

    def __str__(self):
        """Return a summary of a few lines."""
        low, middle, high = np.percentile(self.mean, [5, 50, 95])
        return (
            f"{self.mean.size} hidden units\n"
            f"mean activity: median {middle:.3f}, 5 to 95 % of the units {low:.3f} to {high:.3f}\n"
            f"constant over the rows: {self.constant.sum()}\n"
            f"below 0.01 or above 0.99: {self.on_or_off.mean():.1%} of all values"
        )


class WeightNorms(NamedTuple):
    """Euclidean norms of the weights of each unit, as :func:`weight_norms` returns them."""

    hidden: np.ndarray  #: Norm of the weights into each hidden unit, shape (n_components,).
    visible: np.ndarray  #: Norm of the weights into each visible unit, shape (n_features,).


def hidden_activity(rbm, X):
    """Summarise how active the hidden units are on given rows.

    Units that are constant carry no information: too high a learning rate, too strong a decay or a wrong
    scale of X are the usual causes. Units that are always on or off for most rows are saturated.

    Parameters
    ----------
    rbm : RBMTransformer
        A fitted RBM.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows in the units of the training data.

    Returns
    -------
    activity : HiddenActivity
        Named tuple (mean, standard_deviation, constant, on_or_off) of arrays of shape (n_components,).

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.inspection import hidden_activity
    >>> X = load_digits().data / 16
    >>> rbm = RBMTransformer(n_components=16, random_state=0).fit(X)
    >>> int(hidden_activity(rbm, X).constant.sum())
    0
    """
    return summary(np.asarray(rbm.transform(X), dtype=np.float64))


def summary(H):
    """Return the HiddenActivity of hidden means (n_samples, n_components)."""
    return HiddenActivity(
        mean=H.mean(axis=0),
        standard_deviation=H.std(axis=0),
        constant=np.ptp(H, axis=0) < _SMALLEST_SPREAD,
        on_or_off=((H < 0.01) | (H > 0.99)).mean(axis=0),
    )


def weight_norms(rbm):
    """Compute the Euclidean norms of the weights of each hidden and each visible unit.

    Parameters
    ----------
    rbm : RBMTransformer
        A fitted RBM.

    Returns
    -------
    norms : WeightNorms
        Named tuple (hidden, visible): arrays of shape (n_components,) and (n_features,). Hidden units
        with a norm near 0 are unused.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.inspection import weight_norms
    >>> rbm = RBMTransformer(16, max_norm=2.0, random_state=0).fit(load_digits().data / 16)
    >>> bool(weight_norms(rbm).hidden.max() <= 2.0 + 1e-6)
    True
    """
    check_is_fitted(rbm)
    weights = np.asarray(rbm.components_, dtype=np.float64)
    return WeightNorms(hidden=np.linalg.norm(weights, axis=1), visible=np.linalg.norm(weights, axis=0))


def swap_rates(rbm):
    """Return the shares of exchanges that parallel tempering made in training.

    Parameters
    ----------
    rbm : RBMTransformer
        An RBM fitted with the sampler :class:`skdbn.samplers.ParallelTempering`.

    Returns
    -------
    rates : ndarray of shape (n_epochs, n_temperatures - 1)
        For each epoch and each two neighbouring temperatures, the model's own first. Where a column is
        near 0, states do not pass: more temperatures are needed. NaN where a pair had no turn. Epochs
        with another number of temperatures than the last are left out.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.inspection import swap_rates
    >>> from skdbn.samplers import ParallelTempering
    >>> sampler = ParallelTempering(n_chains=10, n_temperatures=5)
    >>> rbm = RBMTransformer(16, sampler=sampler, n_iter=3, random_state=0).fit(load_digits().data / 16)
    >>> swap_rates(rbm).shape
    (3, 4)
    """
    check_is_fitted(rbm)
    if "swap_rate" not in rbm.history_:
        raise ValueError(
            f'swap_rates needs an RBM trained with sampler="paralleltempering"; got {rbm.sampler!r}.'
        )
    rates = rbm.history_["swap_rate"]
    return np.array([of_epoch for of_epoch in rates if len(of_epoch) == len(rates[-1])])
