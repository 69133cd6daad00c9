"""How likely rows are under a fitted RBM."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdbn import _validation
from skdbn._annealing import annealed_log_partition, default_betas, reverse_annealed_log_partition
from skdbn._likelihood import LogPartition, as_log_partition, can_be_enumerated, exact_log_partition
from skdbn._pseudo_likelihood import has_pseudo_likelihood, pseudo_log_likelihood
from skdbn._reporting import Tenths
from skdbn._tempered import TemperedMachine
from skdbn._threads import threads_for
from skdbn._typing import Floats, MatrixLike, Seed


class LikelihoodMixin:
    """Likelihoods of a fitted RBM. Nothing here changes the estimator."""

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
        r"""Compute log Z, the logarithm of the normalising constant of p(x) = exp(-F(x)) / Z.

        Annealed importance sampling (AIS) [1]_ leads from unconnected units with the means of the
        training data, whose Z is known, to this model. Its estimate tends to be too low, so that
        likelihoods come out too good; the reverse path from the model's own states back to
        unconnected units tends to be too high [2]_. When both agree within their standard errors, the
        value can be trusted. Where the reverse value is the larger, raise `n_temperatures`; where it is the
        smaller, the model has a mode in which no reverse run started: believe the larger log Z.

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
            Where the chains start that draw the states from which the reverse path begins, see `sample`;
            best rows that the model holds for likely, such as held-out data. None takes the persistent
            chains of the training if there are any, else noise.

        n_steps : int, default=1000
            Gibbs steps of these chains, >= 1. The reverse estimate is only as good as they are.

        verbose : int, default=0
            With 1, ten lines of progress are printed for each direction of AIS.

        random_state : int, RandomState instance or None, default=None
            Decides the draws of AIS; None gives another estimate each time.

        Returns
        -------
        log_partition : LogPartition
            Named tuple (value, standard_error, reverse_value, reverse_standard_error), in nats, and
            (effective_sample_size, reverse_effective_sample_size): the number of runs that the unequal
            weights of AIS amount to; near 1, a single run decides and the standard error is not to be
            trusted. Exact values have standard error 0, and None for the rest. For Gaussian visibles
            p(x) is a density in the units of the data.

        References
        ----------
        .. [1] Salakhutdinov, R. and Murray, I. (2008). On the quantitative analysis of deep belief
               networks. ICML. :doi:`10.1145/1390156.1390266`
        .. [2] Burda, Y., Grosse, R. and Salakhutdinov, R. (2015). Accurate and conservative estimates of
               MRF log-likelihood using reverse annealing. AISTATS.
        """
        check_is_fitted(self)
        if method not in ("auto", "exact", "ais"):
            raise ValueError(f'method must be "auto", "exact" or "ais"; got {method!r}.')
        for name, count in (("n_runs", n_runs), ("n_temperatures", n_temperatures), ("n_steps", n_steps)):
            _validation.check_count(name, count)
        if n_temperatures < 2:
            raise ValueError("n_temperatures must be 2 or more: the path has two ends.")
        log_volume = self.visible_.log_volume()
        if method == "exact" or (method == "auto" and can_be_enumerated(self._machine())):
            return LogPartition(exact_log_partition(self._machine(np.float64)) + log_volume, 0.0)
        rng = _validation.make_generator(random_state)
        path = TemperedMachine(self._machine(), self._base_bias())
        betas = default_betas(n_temperatures)
        with threads_for(path.machine.parameters, n_runs):
            # First, since a `start` that cannot be used should not show after the long annealing.
            v = self._sample_encoded(n_runs, n_steps, self._start_of_reverse(start), rng, exactly=True)
            forward = annealed_log_partition(path, betas, n_runs, rng, Tenths("AIS", verbose))
            reverse = reverse_annealed_log_partition(path, betas, v, rng, Tenths("Reverse AIS", verbose))
        return LogPartition(
            forward.value + log_volume,
            forward.standard_error,
            reverse.value + log_volume,
            reverse.standard_error,
            forward.effective_sample_size,
            reverse.effective_sample_size,
        )

    def _start_of_reverse(self, start: Any) -> Any:
        return "chains" if start is None and self._training.chains is not None else start

    def score_samples(self, X: MatrixLike, log_partition: float | LogPartition | None = None) -> Floats:
        r"""Compute how likely each row is: deterministic, higher is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        log_partition : float or LogPartition, default=None
            The log Z of this model, as `log_partition` returns it.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            With `log_partition` the log-likelihood :math:`-F(x) - \log Z` in nats. Without it, for
            Bernoulli and softmax visibles the pseudo-log-likelihood :math:`\sum_i \log p(x_i |
            x_{\setminus i})` over all visible units (all groups of categories), exact, in matrix products;
            for other visibles, whose pseudo-likelihood has no cheap form, a proxy that is no likelihood:
            minus the mean squared reconstruction error per feature in the units of `visible_`.
        """
        if log_partition is not None:
            # A Python float: one of numpy would turn float32 into float64.
            return -self.free_energy(X) - as_log_partition(log_partition).value
        X = self._check_rows(X)
        machine = self._machine()

        def minus_reconstruction_error(v: Floats) -> Floats:
            return -((machine.mean_v_from_h(machine.mean_h_from_v(v)) - v) ** 2).mean(axis=1)

        def pseudo(v: Floats) -> Floats:
            return pseudo_log_likelihood(machine, v)

        compute = pseudo if has_pseudo_likelihood(self.visible_) else minus_reconstruction_error
        return self._for_encoded_blocks(X, compute, (), len(self.components_))

    def score(self, X: MatrixLike, y: object = None) -> float:
        """Compute the mean of `score_samples`, for model selection: higher is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        y : Ignored
            Present for API consistency.

        Returns
        -------
        score : float
            Mean pseudo-log-likelihood in nats for Bernoulli and softmax visibles; otherwise minus the
            mean squared reconstruction error per feature, a proxy.
        """
        return float(self.score_samples(X).mean(dtype=np.float64))
