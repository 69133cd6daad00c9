"""What one can ask of a fitted stack of RBMs as a density: likelihood bounds and draws."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdbn import _dbn_density, _validation
from skdbn._export import EncoderExportMixin
from skdbn._likelihood import LogPartition, as_log_partition
from skdbn._rows import blocks_of_rows
from skdbn._threads import threads_for
from skdbn._typing import Floats, MatrixLike, Seed
from skdbn.units import Bernoulli, Gaussian, ReLU, Softmax

_N_DRAWS = 20
# How log Z is estimated on the way: for a stack 64-100-50 of digits with a standard error of 0.03 nats,
# where that of 20 draws for each of 397 rows is 0.02. 10,000 temperatures agree.
_QUICK = {"n_runs": 100, "n_temperatures": 1000, "n_steps": 100}

# Visible units, and the hidden units of which each state is one of theirs. Of real numbers there are
# densities, which do not compare with the probabilities of whole numbers.
_COVERED = {
    Bernoulli: (Bernoulli, Softmax),
    Gaussian: (Gaussian,),
    ReLU: (ReLU, Bernoulli, Softmax),
    Softmax: (Softmax,),
}


def _is_density(stack):
    """Tell whether there are machines, so that tools ask no plain autoencoder for its likelihood."""
    return getattr(stack, "pretrain", True) is not False


class FittedStackMixin(EncoderExportMixin):
    """The density of the pre-trained stack `rbms_`, fine-tuned or not. Nothing changes the estimator."""

    def _machines(self):
        check_is_fitted(self)
        if not self.rbms_:
            raise ValueError(
                f"This {type(self).__name__} has no pre-trained machines, so it is no density: "
                "fit it with pretrain=True."
            )
        return [rbm._machine() for rbm in self.rbms_]

    def log_partition(
        self,
        method: str = "auto",
        *,
        n_runs: int = 100,
        n_temperatures: int = 10_000,
        start: Any = None,
        n_steps: int = 1000,
        verbose: int = 0,
        random_state: Seed = None,
    ) -> LogPartition:
        """Compute log Z of the top RBM, the only normalising constant that is not known.

        See :meth:`RBMTransformer.log_partition`, which does it.

        Parameters
        ----------
        method : {"auto", "exact", "ais"}, default="auto"
            "exact" sums over all states of one layer, up to 2**25 of them (25 binary units); "ais"
            estimates; "auto" is "exact" where that is possible.

        n_runs : int, default=100
            Chains of AIS in each direction, >= 1; of a single one no standard error is known, it is NaN.

        n_temperatures : int, default=10000
            Steps of AIS between unconnected units and the model, >= 2.

        start : {None, "noise", "chains"} or array-like of shape (n_samples, n_features), default=None
            Where the chains start that draw the states from which the reverse path begins: see `sample`.
            Rows, in the units of the training data, are led up to the top RBM by means. None takes the
            persistent chains of the training if there are any, else noise.

        n_steps : int, default=1000
            Gibbs steps of these chains, >= 1. The reverse estimate is only as good as they are.

        verbose : int, default=0
            With 1, ten lines of progress are printed for each direction of AIS.

        random_state : int, RandomState instance or None, default=None
            Decides the draws of AIS; None gives another estimate each time.

        Returns
        -------
        log_partition : LogPartition
            Named tuple (value, standard_error, ...) in nats, for `log_likelihood_bound`.
        """
        machines = self._machines()
        if start is not None and not isinstance(start, str):
            X = self._check_rows(start)
            blocks = blocks_of_rows(X, _dbn_density.largest_width(machines))
            start = self._answer(
                X, lambda: np.concatenate([_dbn_density.mean_up(machines[:-1], x) for _, x in blocks])
            )
        return self.rbms_[-1].log_partition(
            method=method,
            n_runs=n_runs,
            n_temperatures=n_temperatures,
            start=start,
            n_steps=n_steps,
            verbose=verbose,
            random_state=random_state,
        )

    def sample(
        self, n_samples: int = 1, n_steps: int = 200, start: Any = None, random_state: Seed = None
    ) -> Floats:
        """Draw rows from the stack: Gibbs sampling in the top RBM, one chain a row, then one pass down.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, >= 1; ignored when `start` is an array.

        n_steps : int, default=200
            Gibbs steps of each chain of the top RBM, >= 1. With well separated modes it needs more.

        start : {None, "noise", "chains"} or array-like of shape (n_samples, n_features), default=None
            Where the chains of the top RBM start: visible states of it drawn from their biases alone (None
            or "noise"), the persistent chains of its training ("chains", each used once before any is used
            again), or rows in the units of the training data, whose upper layers are drawn bottom up.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Drawn states of the visible units, in the units of the training data. ReLU units of all layers
            are drawn exactly.
        """
        machines = self._machines()
        _validation.check_count("n_steps", n_steps)
        rng = _validation.make_generator(random_state)
        if start is None or isinstance(start, str):
            _validation.check_count("n_samples", n_samples)
            v = self.rbms_[-1]._start_encoded(machines[-1].drawn_exactly(), n_samples, start, rng)
            return _dbn_density.sample_stack(machines, v, n_steps, rng)
        X = self._check_rows(start)

        def of_blocks():
            result = np.empty(X.shape, dtype=X.dtype)
            for rows, x in blocks_of_rows(X, _dbn_density.largest_width(machines)):
                self._check_start(x, machines[0], _dbn_density.encoded(machines[0], x))
                v = _dbn_density.sample_up(machines, x, rng)
                result[rows] = _dbn_density.sample_stack(machines, v, n_steps, rng)
            return result

        return self._answer(X, of_blocks)

    def log_likelihood_bound(
        self,
        X: MatrixLike,
        log_partition: float | LogPartition | None = None,
        *,
        n_draws: int = _N_DRAWS,
        random_state: Seed = None,
    ) -> _dbn_density.LikelihoodBound:
        r"""Estimate a lower bound of the log-likelihood of each row, and of its mean.

        The stack is the generative model :math:`p(x, h_1, ..., h_L) = p(x | h_1) p(h_1 | h_2) \cdots
        p(h_{L-1}, h_L)`, with the top RBM as it is and the downward conditionals of those below. With the
        upward conditionals :math:`Q(h_1, ..., h_{L-1} | x)` as an approximate posterior [1]_

        .. math::
            \log p(x) \ge \mathrm{E}_Q[w], \qquad
            w = \log p(x, h_1, ..., h_{L-1}) - \log Q(h_1, ..., h_{L-1} | x),

        where the top layer is summed out. The mean of w over draws from Q estimates the bound, and
        :math:`\log \mathrm{mean} \exp w` a tighter one [2]_. The bound of a single RBM is its likelihood.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        log_partition : float or LogPartition, default=None
            The log Z of the top RBM, as `log_partition` returns it. None computes it: exactly where that is
            possible, otherwise by a short run of AIS (1000 temperatures). That tends to be too low, and the
            bound as much too high: give a value of a longer run where it matters.

        n_draws : int, default=20
            Draws from Q for each row, >= 1.

        random_state : int, RandomState instance or None, default=None
            Decides the draws, and those of AIS; None gives others each time.

        Returns
        -------
        bound : LikelihoodBound
            Named tuple (value, standard_error, per_row, importance_weighted, importance_weighted_per_row)
            in nats: means over the rows, and arrays of shape (n_samples,). The standard error is that of
            `value` for these very rows: of the draws (NaN for a single draw) and of log Z. How rows differ
            is not in it: ``per_row.std() / sqrt(n_samples)`` is the standard error of a mean over any such
            rows. For Gaussian visibles p(x) is a density in the units of the data.

        References
        ----------
        .. [1] Salakhutdinov, R. and Murray, I. (2008). On the quantitative analysis of deep belief
               networks. ICML. :doi:`10.1145/1390156.1390266`
        .. [2] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted autoencoders. ICLR.
               https://arxiv.org/abs/1509.00519
        """
        X = self._check_rows(X)
        _validation.check_count("n_draws", n_draws)
        machines = self._machines_with_density()
        rng = _validation.make_generator(random_state)
        log_partition = self._log_partition_from(log_partition, rng)
        with threads_for(machines[0].parameters, X.shape[0]), np.errstate(over="ignore", invalid="ignore"):
            bound = _dbn_density.log_likelihood_bound(machines, X, log_partition, n_draws, rng)
            _validation.check_answer(bound.per_row, X, self._fitted_range)
            return bound

    def _machines_with_density(self):
        machines = self._machines()
        _check_states_agree(machines)
        return machines

    def _log_partition_from(self, log_partition, rng):
        """Return a LogPartition: the one given, a number as one without error, or an estimate for None."""
        if log_partition is None:
            return self.log_partition(**_QUICK, random_state=int(rng.integers(2**31)))
        return as_log_partition(log_partition)

    @available_if(_is_density)
    def score_samples(self, X: MatrixLike, log_partition: float | LogPartition | None = None) -> Floats:
        """Compute the likelihood bound of each row: deterministic, higher is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        log_partition : float or LogPartition, default=None
            The log Z of the top RBM, see `log_likelihood_bound`.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            With one layer the log-likelihood. With more the mean of 20 draws that follow from the row
            itself, so that equal rows have equal scores. As each row is drawn for alone,
            `log_likelihood_bound` is about 3 times as fast.
        """
        X = self._check_rows(X)
        machines = self._machines_with_density()
        log_partition = self._log_partition_from(log_partition, _validation.make_generator(0))

        def bounds():
            of_rows = _dbn_density.bound_of_each_row(machines, X, log_partition, _N_DRAWS)
            return of_rows.astype(X.dtype)

        with threads_for(machines[0].parameters, _N_DRAWS):
            return self._answer(X, bounds)

    @available_if(_is_density)
    def score(self, X: MatrixLike, y: object = None) -> float:
        """Compute the mean of `score_samples`, for model selection: higher is better.

        Unlike the score of an RBM it is (a bound of) a likelihood, so it compares stacks of any layers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        y : Ignored
            Present for API consistency.

        Returns
        -------
        score : float
            Mean bound of the log-likelihood in nats, the same in each call.
        """
        return float(self.score_samples(X).mean(dtype=np.float64))


def _check_states_agree(machines):
    """Raise if a layer's states, as the machine below draws them, are not states of the machine above."""
    for number, (below, above) in enumerate(pairwise(machines), start=1):
        if not _covers(above.visible, below.hidden, len(below.parameters.hidden_bias)):
            raise ValueError(
                f"The likelihood bound compares how probable the states of layer {number} are in the RBM "
                f"below and in the RBM above it, but its units are {below.hidden!r} below and "
                f"{above.visible!r} above, which have other states. Pre-train RBM {number + 1} with "
                "visible units of the type of the hidden units below."
            )


def _covers(visible, hidden, n_units):
    """Tell whether visible units give a probability to all that the hidden units below can be."""
    covered = next((below for above, below in _COVERED.items() if isinstance(visible, above)), ())
    if not isinstance(hidden, covered):
        return False
    if not isinstance(visible, Softmax):
        return True
    units = np.eye(n_units, dtype=bool)
    return np.array_equal(visible.expand_missing(units), hidden.expand_missing(units))
