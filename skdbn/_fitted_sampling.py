"""Rows drawn from a fitted RBM: freely, with some entries given, or to fill what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skdbn import _validation
from skdbn._energy import Machine
from skdbn._rows import blocks_of_rows
from skdbn._sampling import gibbs_steps, mean_of_free_units, sample_base_rates, tempered_steps
from skdbn._typing import ArrayLike, Booleans, Floats, MatrixLike, Rng, Seed
from skdbn.samplers import model_states


class SamplingMixin:
    """Draws of a fitted RBM. Nothing here changes the estimator."""

    def gibbs(
        self, X: MatrixLike, n_steps: int = 1, random_state: Seed = None, *, clamp: ArrayLike | None = None
    ) -> Floats:
        """Run the Markov chain v -> h -> v from each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Where the chains start.

        n_steps : int, default=1
            Number of Gibbs steps, >= 1.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        clamp : array-like of bool of shape (n_features,) or (n_samples, n_features), default=None
            Entries that keep their values; the others are drawn from their distribution given these,
            as for in-painting. A category is clamped if all its columns are.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Drawn states of the visible units.
        """
        X = self._check_rows(X)
        _validation.check_count("n_steps", n_steps)
        rng = _validation.make_generator(random_state)
        clamp = None if clamp is None else _validation.check_mask("clamp", clamp, X.shape)

        def of_blocks():
            result = np.empty(X.shape, dtype=X.dtype)
            for rows, block in blocks_of_rows(X, len(self.components_)):
                free = None if clamp is None else self.visible_.expand_missing(~clamp[rows])
                v = self._encoded_start(self._machine(), block)
                result[rows] = self.visible_.decode(gibbs_steps(self._machine(), v, n_steps, rng, free))
                if free is not None:
                    np.copyto(result[rows], block, where=~free)
            return result

        return self._answer(X, of_blocks)

    def sample(
        self,
        n_samples: int = 1,
        n_steps: int = 200,
        start: Any = None,
        random_state: Seed = None,
        *,
        n_temperatures: int = 1,
    ) -> Floats:
        """Draw rows from the model by Gibbs sampling, one chain a row.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, >= 1; ignored when `start` is an array.

        n_steps : int, default=200
            Gibbs steps of each chain, >= 1. Models with well separated modes need more.

        start : {None, "noise", "chains"} or array-like of shape (n_samples, n_features), default=None
            Where the chains start: visible states drawn from their biases alone (None or "noise"), the
            persistent chains of the training ("chains", each used once before any is used again), or
            rows, such as data.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        n_temperatures : int, default=1
            With 2 or more, each row has a replica at each of so many temperatures and exchanges states
            with them, as in :class:`skdbn.samplers.ParallelTempering`: for models with modes that Gibbs
            steps cannot leave, at so many times the cost.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Drawn states of the visible units, in the units of the training data.
        """
        check_is_fitted(self)
        _validation.check_count("n_temperatures", n_temperatures)
        if start is not None and not isinstance(start, str):
            if n_temperatures == 1:
                return self.gibbs(start, n_steps, random_state)
            n_samples = None  # all rows
        else:
            _validation.check_count("n_samples", n_samples)
        _validation.check_count("n_steps", n_steps)
        rng = _validation.make_generator(random_state)
        with np.errstate(over="ignore", invalid="ignore"):
            if n_temperatures == 1:
                v = self._sample_encoded(n_samples, n_steps, start, rng)
            else:
                v = self._start_encoded(self._machine(), n_samples, start, rng)
                v = tempered_steps(self._machine(), self._base_bias(), v, n_steps, n_temperatures, rng)
            return self._decode_drawn(v)

    def _sample_encoded(
        self, n_samples: int, n_steps: int, start: Any, rng: Rng, exactly: bool = False
    ) -> Floats:
        """Return samples in the coordinates of the visible units."""
        machine = self._machine().drawn_exactly() if exactly else self._machine()
        return gibbs_steps(machine, self._start_encoded(machine, n_samples, start, rng), n_steps, rng)

    def _start_encoded(self, machine: Machine, n_samples: int, start: Any, rng: Rng) -> Floats:
        """Return visible states to start chains from; with n_samples None all rows of `start`."""
        if start is None or (isinstance(start, str) and start == "noise"):
            return sample_base_rates(machine.visible, machine.parameters.visible_bias, n_samples, rng)
        if isinstance(start, str) and start == "chains":
            return machine.sample_v_from_h(self._states_of_chains(n_samples, rng), rng)
        if isinstance(start, str):
            raise ValueError(f'start must be None, "noise", "chains" or rows; got {start!r}.')
        X = self._check_rows(start)
        if n_samples is not None:
            X = X[np.resize(rng.permutation(X.shape[0]), n_samples)]
        return self._encoded_start(machine, X.toarray() if sparse.issparse(X) else X)

    def _encoded_start(self, machine: Machine, X: Floats) -> Floats:
        """Return dense rows in the coordinates of the visible units; raise if they cannot start chains."""
        with np.errstate(over="ignore", invalid="ignore"):
            v = machine.visible.encode(X, out=np.empty(X.shape, dtype=self.components_.dtype))
        self._check_start(X, machine, v)
        return v

    def _states_of_chains(self, n_samples: int, rng: Rng) -> Floats:
        """Return hidden states of the persistent chains, in random order and repeated as needed."""
        hidden = model_states(self._training.chains)
        if hidden is None:
            raise ValueError(
                f'start="chains" needs a sampler with persistent chains, such as "pcd"; '
                f"sampler={self.sampler!r} keeps none."
            )
        return hidden[np.resize(rng.permutation(len(hidden)), n_samples)]

    def impute(
        self,
        X: MatrixLike,
        n_steps: int = 200,
        random_state: Seed = None,
        *,
        average: bool = False,
        n_chains: int = 10,
    ) -> Floats:
        """Fill the missing entries of X by Gibbs sampling given the known ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data, with NaN where an entry is missing. A category with
            a missing column is missing as a whole.

        n_steps : int, default=200
            Gibbs steps of each row's chain, >= 1.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        average : bool, default=False
            Whether missing entries become their conditional mean, estimated from the second halves of
            several chains (the best guess in squared error), instead of a draw (which keeps the spread
            of the data; draw several times for multiple imputation).

        n_chains : int, default=10
            With `average`, the number of chains of each row, >= 1. Each begins anew at the base rates: a
            chain that has fallen into one of several modes rarely leaves it, so more chains help more
            than more steps.

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features)
            X with the known entries as they are.
        """
        check_is_fitted(self)
        _validation.check_count("n_steps", n_steps)
        _validation.check_count("n_chains", n_chains)
        X = _validation.check_rows(self, X, reset=False, ensure_all_finite="allow-nan")
        rng = _validation.make_generator(random_state)
        self._warn_if_known_entries_are_far_outside(X)
        result = np.empty(X.shape, dtype=X.dtype)
        for rows, block, missing, filled in self._blocks_filled_with_means(X):
            v = self._encoded_start(self._machine(), filled)
            with np.errstate(over="ignore", invalid="ignore"):
                if average:
                    chains = (self._mean_of_chain(v, missing, n_steps, rng) for _ in range(n_chains))
                    drawn = sum(chains) / n_chains
                else:
                    begun = self._begun(v, missing, rng)
                    drawn = gibbs_steps(self._machine(), begun, n_steps, rng, missing)
                result[rows] = np.where(missing, self._decode_drawn(drawn), block)
        return result

    def _blocks_filled_with_means(self, X: MatrixLike) -> Iterator[tuple[slice, Floats, Booleans, Floats]]:
        """Yield (slice, block, which entries are missing, block with the columns' means in their place)."""
        for rows, block in blocks_of_rows(X, len(self.components_)):
            missing = self.visible_.expand_missing(np.isnan(block))
            yield rows, block, missing, np.where(missing, self._training.visible_mean, block)

    def _warn_if_known_entries_are_far_outside(self, X: MatrixLike) -> None:
        # The smallest and largest entries of the rows stand for them: all rows count, one block is dense.
        extremes = [
            (filled.min(axis=1), filled.max(axis=1)) for *_, filled in self._blocks_filled_with_means(X)
        ]
        _validation.warn_if_far_outside(np.concatenate(extremes, axis=1).T, self._fitted_range)

    def _begun(self, v: Floats, missing: Booleans, rng: Rng) -> Floats:
        """Return the rows with base rates drawn where entries are missing."""
        return np.where(missing, sample_base_rates(self.visible_, self._base_bias(), len(v), rng), v)

    def _mean_of_chain(self, v: Floats, missing: Booleans, n_steps: int, rng: Rng) -> Floats:
        """Return the rows with the means of the second half of a chain where entries are missing."""
        n_averaged = n_steps - n_steps // 2
        v = gibbs_steps(self._machine(), self._begun(v, missing, rng), n_steps // 2, rng, missing)
        return mean_of_free_units(self._machine(), v, n_averaged, rng, missing)
