r"""A stack of RBMs as a density: a bound on its likelihood, draws, and passes by means.

With machines 1 ... L, bottom up, the deep belief network is

    p(x, h_1, ..., h_L) = p_1(x | h_1) p_2(h_1 | h_2) ... p_L(h_{L-1}, h_L):

machine L as it is, and below it the downward conditionals of the other machines. What is known of the
posterior are their upward conditionals, Q = prod_{l<L} p_l(h_l | h_{l-1}) with h_0 = x. By Jensen's
inequality (Salakhutdinov and Murray 2008, doi:10.1145/1390156.1390266),

    log p(x) >= E_Q[w],   w = log p(x, h_1, ..., h_{L-1}) - log Q(h_1, ..., h_{L-1} | x).

By Bayes' theorem in machine l, p_l(x | h) / p_l(h | x) = p_l(x) / p_l(h), in which its partition function
cancels. So with F_l(v) and G_l(h), the free energies of its visible and of its hidden units,

    w = -F_1(x) + sum_{l<L} [G_l(h_l) - F_{l+1}(h_l)] - log Z_L

needs no conditional at all, and is the same for all h where the next machine's F is this one's G: then Q is
the posterior. (No term of w is replaced by its mean over Q, since they vary together and nearly cancel.)

Rows and the states of all layers are here in the units of their data: machine l + 1 encodes what machine l
has as hidden states, and decodes what it gives back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import numpy as np

from skdbn._energy import Machine
from skdbn._likelihood import LogPartition
from skdbn._rows import blocks_of_rows
from skdbn._sampling import gibbs_steps
from skdbn._typing import Floats, Matrix, Rng


class LikelihoodBound(NamedTuple):
    """A lower bound of the mean log-likelihood of rows, in nats.

    The standard error is that of the draws and of log Z; it says nothing of other rows than these, whose
    spread is that of `per_row`. It is 0 where nothing was estimated and NaN for a single draw. The
    importance-weighted bound, the log of the mean of exp(w) instead of the mean of w, lies between the
    variational bound and the likelihood, and comes closer to the latter with every draw.
    """

    value: float  # mean over the rows
    standard_error: float
    per_row: Floats  # (n_rows,) in float64
    importance_weighted: float  # mean over the rows
    importance_weighted_per_row: Floats  # (n_rows,) in float64


# -- the likelihood --------------------------------------------------------------------------------


def log_likelihood_bound(
    machines: Sequence[Machine], X: Matrix, log_partition: LogPartition, n_draws: int, rng: Rng | None
) -> LikelihoodBound:
    """Return the LikelihoodBound of rows (dense or CSR); exact, but for log Z, for a single machine.

    `log_partition` is the LogPartition of the last machine, in the units of its data. Draws are made one
    after the other and rows come in blocks, so that memory grows with neither.
    """
    machines = [machine.drawn_exactly() for machine in machines]
    mean, variance, log_mean_exp = np.empty((3, X.shape[0]))
    for rows, x in blocks_of_rows(X, largest_width(machines)):
        draws = log_weights(machines, encoded(machines[0], x), n_draws, rng)
        mean[rows], variance[rows], log_mean_exp[rows] = _over_draws(draws)
    if len(machines) == 1:
        variance[:] = 0
    mean -= _constant(machines, log_partition)
    log_mean_exp -= _constant(machines, log_partition)
    error = np.hypot(np.sqrt(variance.sum()) / len(mean), log_partition.standard_error)
    return LikelihoodBound(float(mean.mean()), float(error), mean, float(log_mean_exp.mean()), log_mean_exp)


def bound_of_each_row(
    machines: Sequence[Machine], X: Matrix, log_partition: LogPartition, n_draws: int
) -> Floats:
    """Return the bounds of rows, (n_rows,), with draws that follow from the row itself.

    So the bound of a row is the same in any company, and those of different rows are independent: what a
    score of single rows needs. All draws of a row are made at once, but rows one by one: many rows take
    longer than in `log_likelihood_bound`.
    """
    if len(machines) == 1:
        return log_likelihood_bound(machines, X, log_partition, 1, rng=None).per_row
    machines = [machine.drawn_exactly() for machine in machines]
    bounds = np.empty(X.shape[0])
    for rows, x in blocks_of_rows(X):
        for number, row in enumerate(x, start=rows.start):
            v = encoded(machines[0], np.tile(row, (n_draws, 1)))
            (draws,) = log_weights(machines, v, 1, np.random.default_rng(crc32(row.tobytes())))
            bounds[number] = draws.mean()
    return bounds - _constant(machines, log_partition)


def _constant(machines: Sequence[Machine], log_partition: LogPartition) -> float:
    """Return what all log weights have in common: log Z, and the units of the layers."""
    return log_partition.value + sum(machine.visible.log_volume() for machine in machines[:-1])


def log_weights(machines: Sequence[Machine], v: Floats, n_draws: int, rng: Rng | None) -> Iterator[Floats]:
    """Yield w + log Z_L of each encoded row, in float64, once for each draw from Q.

    A single machine has nothing to draw and yields its -F once.
    """
    bottom, top = machines[0], machines[-1]
    of_rows = -bottom.free_energy(v).astype(np.float64)
    if bottom is top:
        yield of_rows
        return
    assert rng is not None, "rng for more than one machine"
    field = bottom.field_h_from_v(v)
    for _ in range(n_draws):
        log_weight = of_rows.copy()
        h = bottom.hidden.sample(field, rng)
        for below, above in pairwise(machines):
            log_weight += below.free_energy_of_hidden(h)
            v = encoded(above, h)
            log_weight -= above.free_energy(v)
            if above is not top:
                h = above.sample_h_from_v(v, rng)
        yield log_weight


def _over_draws(draws: Iterable[Floats]) -> tuple[Floats, Floats, Floats]:
    """Return the mean of draws, the variance of this mean, and the log of the mean of their exp.

    By Welford's update, which keeps no draw and does not cancel.
    """
    mean: Floats = np.zeros(())
    scatter: Floats = np.zeros(())
    log_total = np.array(-np.inf)
    for n_draws, log_weight in enumerate(draws, start=1):
        difference = log_weight - mean
        mean = mean + difference / n_draws
        scatter = scatter + difference * (log_weight - mean)
        log_total = np.logaddexp(log_total, log_weight)
    variance = scatter / (n_draws - 1) / n_draws if n_draws > 1 else np.full_like(mean, np.nan)
    return mean, variance, log_total - np.log(n_draws)


# -- draws -----------------------------------------------------------------------------------------


def sample_stack(machines: Sequence[Machine], v: Floats, n_steps: int, rng: Rng) -> Floats:
    """Run Gibbs steps of the top machine from encoded states `v` of it, then draw each layer below.

    Returns rows in the units of the data. A row is a draw of the network if the chain has forgotten `v`.
    """
    *lower, top = (machine.drawn_exactly() for machine in machines)
    x = top.visible.decode(gibbs_steps(top, v, n_steps, rng))
    for machine in reversed(lower):
        x = machine.visible.decode(machine.sample_v_from_h(x, rng))
    return x


def sample_up(machines: Sequence[Machine], x: Floats, rng: Rng) -> Floats:
    """Draw the layers above rows from Q and return the visible states of the top machine, encoded."""
    for machine in machines[:-1]:
        x = machine.drawn_exactly().sample_h_from_v(encoded(machine, x), rng)
    return encoded(machines[-1], x)


# -- passes by means -------------------------------------------------------------------------------


def mean_up(machines: Sequence[Machine], x: Floats) -> Floats:
    """Return the means of the last machine's hidden units, each given the means below."""
    for machine in machines:
        x = machine.mean_h_from_v(encoded(machine, x))
    return x


def mean_down(machines: Sequence[Machine], h: Floats) -> Floats:
    """Return the means of the rows, in the units of the data, each layer given the means above."""
    for machine in reversed(machines):
        h = machine.visible.decode(machine.mean_v_from_h(h))
    return h


def encoded(machine: Machine, x: Floats) -> Floats:
    """Return a copy of states in the coordinates of a machine's visible units, in its dtype."""
    return machine.visible.encode(x, out=np.empty(x.shape, dtype=machine.parameters.weights.dtype))


def largest_width(machines: Sequence[Machine]) -> int:
    """Return the number of units of the largest layer."""
    return max(max(machine.parameters.weights.shape) for machine in machines)
