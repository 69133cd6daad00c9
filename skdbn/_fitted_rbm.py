"""What one can ask of a fitted RBM: features, reconstructions, samples, energies, likelihoods."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from skdbn import _validation
from skdbn._energy import Machine, RBMParameters
from skdbn._fitted import FittedMixin
from skdbn._likelihood import LogPartition, exact_log_partition, pseudo_log_likelihood
from skdbn._rows import blocks_of_rows
from skdbn.units import Bernoulli


class FittedRBMMixin(FittedMixin):
    """Methods of a fitted RBM. None of them changes the estimator."""

    def _machine(self, dtype=None):
        parameters = RBMParameters(self.components_, self.intercept_hidden_, self.intercept_visible_)
        if dtype is not None:
            parameters = RBMParameters(*(array.astype(dtype) for array in parameters))
        return Machine(self.visible_, self.hidden_, parameters)

    def _check_hidden(self, H):
        check_is_fitted(self)
        H = check_array(H, dtype=[np.float64, np.float32], estimator=self, input_name="H")
        if H.shape[1] != len(self.components_):
            raise ValueError(
                f"H has {H.shape[1]} columns, but {type(self).__name__} has "
                f"{len(self.components_)} hidden units."
            )
        return H

    def _for_encoded_blocks(self, X, compute, shape, width=0):
        """Return compute(v) of all rows, block by block, in X's dtype."""
        result = np.empty((X.shape[0], *shape), dtype=X.dtype)
        for rows, block in blocks_of_rows(X, width):
            v = np.empty(block.shape, dtype=self.components_.dtype)
            result[rows] = compute(self.visible_.encode(block, out=v))
        return result

    def transform(self, X):
        """Compute the means of the hidden units given X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        H : ndarray of shape (n_samples, n_components)
            For binary hidden units p(h = 1 | X), in the dtype of X.
        """
        return self._hidden_means(self._check_rows(X))

    def _hidden_means(self, X):
        n_hidden = len(self.components_)
        return self._for_encoded_blocks(X, self._machine().mean_h_from_v, (n_hidden,), n_hidden)

    def inverse_transform(self, H):
        """Compute the means of the visible units given the hidden ones.

        Parameters
        ----------
        H : array-like of shape (n_samples, n_components)
            States or means of the hidden units.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Means in the units of the training data, in the dtype of H.
        """
        H = self._check_hidden(H)
        mean = self._machine().mean_v_from_h(H.astype(self.components_.dtype, copy=False))
        return self.visible_.decode(mean).astype(H.dtype, copy=False)

    def reconstruct(self, X):
        """Pass X up and down once by means: ``inverse_transform(transform(X))``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        X_reconstructed : ndarray of shape (n_samples, n_features)
            Means of the visible units.
        """
        X = self._check_rows(X)
        machine = self._machine()

        def up_and_down(v):
            return self.visible_.decode(machine.mean_v_from_h(machine.mean_h_from_v(v)))

        return self._for_encoded_blocks(X, up_and_down, (X.shape[1],), len(self.components_))

    def gibbs(self, X, n_steps=1, random_state=None):
        """Run the Markov chain v -> h -> v from each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Where the chains start.

        n_steps : int, default=1
            Number of Gibbs steps, >= 1.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_features)
            Drawn states of the visible units.
        """
        X = self._check_rows(X)
        _validation.check_count("n_steps", n_steps)
        rng = _validation.make_generator(random_state)

        def steps(v):
            return self.visible_.decode(self._gibbs(v, n_steps, rng))

        return self._for_encoded_blocks(X, steps, (X.shape[1],), len(self.components_))

    def _gibbs(self, v, n_steps, rng):
        """Run the chains from encoded visible states."""
        machine = self._machine()
        for _ in range(n_steps):
            v = machine.sample_v_from_h(machine.sample_h_from_v(v, rng), rng)
        return v

    def sample(self, n_samples=1, n_steps=200, start=None, random_state=None):
        """Draw rows from the model by Gibbs sampling, one chain a row.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, >= 1; ignored when `start` is given.

        n_steps : int, default=200
            Gibbs steps of each chain, >= 1. Models with well separated modes need more.

        start : array-like of shape (n_samples, n_features), default=None
            Where the chains start; None draws the first visible states from their biases alone.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Drawn states of the visible units, in the units of the training data.
        """
        check_is_fitted(self)
        if start is not None:
            return self.gibbs(start, n_steps, random_state)
        _validation.check_count("n_samples", n_samples)
        _validation.check_count("n_steps", n_steps)
        rng = _validation.make_generator(random_state)
        field = np.tile(self.intercept_visible_, (n_samples, 1))
        return self.visible_.decode(self._gibbs(self.visible_.sample(field, rng), n_steps, rng))

    def free_energy(self, X):
        """Compute F(x) = -log sum_h exp(-E(x, h)) of each row, in nats.

        It is -log p(x) up to a constant of the model, so it orders rows by how unusual they are and
        does not compare models.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        Returns
        -------
        free_energy : ndarray of shape (n_samples,)
            Low for rows the model holds for likely.
        """
        X = self._check_rows(X)
        return self._for_encoded_blocks(X, self._machine().free_energy, (), len(self.components_))

    def log_partition(self, method="auto"):
        """Compute log Z, the logarithm of the normalising constant of p(x) = exp(-F(x)) / Z.

        Parameters
        ----------
        method : {"auto", "exact"}, default="auto"
            "exact" sums over all states of the smaller binary layer, up to 2**25; "auto" is "exact".

        Returns
        -------
        log_partition : LogPartition
            Named tuple (value, standard_error), in nats; for Gaussian visibles p(x) is a density in the
            units of the data.
        """
        check_is_fitted(self)
        if method not in ("auto", "exact"):
            raise ValueError(f'method must be "auto" or "exact"; got {method!r}.')
        value = exact_log_partition(self._machine(np.float64)) + self.visible_.log_volume()
        return LogPartition(value, 0.0)

    def score_samples(self, X, log_partition=None):
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
            Bernoulli visibles the pseudo-log-likelihood :math:`\sum_i \log p(x_i | x_{\setminus i})`
            over all visible units, at a cost of n_samples * n_features * n_components; for other
            visibles, whose pseudo-likelihood has no cheap form, a proxy that is no likelihood: minus the
            mean squared reconstruction error per feature in the units of `visible_`.
        """
        if log_partition is not None:
            value = getattr(log_partition, "value", log_partition)
            return -self.free_energy(X) - value
        X = self._check_rows(X)
        machine = self._machine()

        def minus_reconstruction_error(v):
            return -((machine.mean_v_from_h(machine.mean_h_from_v(v)) - v) ** 2).mean(axis=1)

        def pseudo(v):
            return pseudo_log_likelihood(machine, v)

        compute = pseudo if isinstance(self.visible_, Bernoulli) else minus_reconstruction_error
        return self._for_encoded_blocks(X, compute, (), len(self.components_))

    def score(self, X, y=None):
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
            Mean pseudo-log-likelihood in nats for Bernoulli visibles; otherwise minus the mean squared
            reconstruction error per feature, a proxy.
        """
        return float(self.score_samples(X).mean())
