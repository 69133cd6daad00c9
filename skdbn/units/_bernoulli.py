"""Binary units."""

import numpy as np

from skdbn.units._base import Unit

# A data mean of exactly 0 or 1 would give an infinite log-odds. Constant columns are common
# (border pixels, rare one-hot levels); a bias of about 7 makes them nearly certain and still learnable.
_SMALLEST_PROBABILITY = 1e-3


def logistic(x, out=None):
    """Compute 1 / (1 + exp(-x)) element by element, without overflow.

    The form by tanh is exact, never overflows and is several times faster than `scipy.special.expit`.

    Parameters
    ----------
    x : ndarray
        Any real numbers.
    out : ndarray, default=None
        Where to write the result; may be `x` itself.

    Returns
    -------
    out : ndarray
        Values within [0, 1], in the dtype of `x`.
    """
    out = np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out


class Bernoulli(Unit):
    r"""Units that are 0 or 1, with :math:`p(x = 1) = 1 / (1 + e^{-\mathrm{field}})`.

    The base energy is 0 and the log-partition :math:`\log(1 + e^{\mathrm{field}})`. As visible units
    they take data within [0, 1]; values strictly inside are probabilities.

    Parameters
    ----------
    redraw : bool, default=True
        How a value inside (0, 1) is presented in training: drawn anew as 0 or 1 with that probability
        each time the row is seen (True), as binarised grey images are trained in the literature [1]_,
        or as it is (False). A grey value as it is varies less than any binary unit of that mean can:
        rows of little contrast then teach an RBM nothing, and its weights fade to 0. Values of 0
        and 1 are the same either way.

    References
    ----------
    .. [1] Salakhutdinov, R. and Murray, I. (2008). On the quantitative analysis of deep belief
           networks. ICML. :doi:`10.1145/1390156.1390266`

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.units import Bernoulli
    >>> Bernoulli().mean(np.array([[-1.0, 0.0, 1.0]])).round(3)
    array([[0.269, 0.5  , 0.731]])
    """

    bounded = True

    def __init__(self, redraw=True):
        self.redraw = redraw

    def encode(self, x, out, rng=None):
        """Write the rows to `out`; in training with `redraw`, as new draws with probabilities `x`."""
        if rng is None or not self.redraw:
            np.copyto(out, x)
            return out
        return self.sample_from_mean(x, rng, out=out)

    def base_energy(self, x):
        """Return zeros: two states of equal weight at field 0."""
        return np.zeros(x.shape[0], dtype=x.dtype)

    def log_partition(self, field):
        """Return log(1 + exp(field))."""
        # max(0, x) + log(1 + exp(-|x|)): several times faster than np.logaddexp.
        tail = np.abs(field)
        np.negative(tail, out=tail)
        np.exp(tail, out=tail)
        np.log1p(tail, out=tail)
        tail += np.maximum(field, 0)
        return tail

    def mean(self, field, out=None):
        """Return the probability of state 1."""
        return logistic(field, out=out)

    def variance(self, mean, out=None):
        """Return p * (1 - p)."""
        out = np.subtract(1, mean, out=out)
        out *= mean
        return out

    def sample_from_mean(self, mean, rng, out=None):
        """Draw 1 with probability `mean`, else 0."""
        out = np.empty_like(mean) if out is None else out
        rng.random(dtype=out.dtype, out=out)
        return np.less(out, mean, out=out)

    def bias_from_mean(self, mean):
        """Return the log-odds of the means, clipped so that a constant column stays finite."""
        p = np.clip(mean, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
        return np.log(p / (1 - p))

    def n_states(self, n_units):
        """Return 2**n_units."""
        return 2**n_units

    def states(self, start, stop, n_units):
        """Return the binary digits of the numbers, the first unit changing fastest."""
        numbers = np.arange(start, stop)
        return (numbers[:, np.newaxis] >> np.arange(n_units) & 1).astype(np.float64)
