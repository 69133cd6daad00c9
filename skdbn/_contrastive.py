"""One training step of an RBM: data term, model term, their difference, and the update."""

from typing import NamedTuple

import numpy as np

from skdbn._blocks import add_scaled
from skdbn._centering import follow, map_to_plain_bias
from skdbn._energy import RBMParameters
from skdbn.samplers import States


class Offsets(NamedTuple):
    """What is subtracted from the states in the gradient: the origin of the parametrisation."""

    visible: np.ndarray  # mu, (n_visible,)
    hidden: np.ndarray  # lambda, (n_hidden,)


class RBMLearner:
    """Gradient of the negative log-likelihood of an RBM, and its updates, in work arrays made once.

    With offsets, the gradient is that of the centred parametrisation (see `_centering`),
    E(v, h) = ... - (h - lambda).W.(v - mu).

    Parameters: the machine (its parameter arrays are changed in place), a sampler with its chains,
    offsets or None, the generator, and the largest batch.
    """

    def __init__(self, machine, sampler, chains, offsets, rng, batch_size):
        self.machine = machine
        self.sampler = sampler
        self.chains = chains
        self.offsets = offsets
        self.rng = rng
        self._batch_size = batch_size
        n_hidden, n_visible = machine.parameters.weights.shape
        n_rows = batch_size + (sampler.n_rows(batch_size) if chains is None else len(chains))
        dtype = machine.parameters.weights.dtype
        # Rows of the data end where rows of the model begin, so that one matrix product takes both.
        self._visible = np.empty((n_rows, n_visible), dtype=dtype)
        self._hidden = np.empty((n_rows, n_hidden), dtype=dtype)
        self._gradient = RBMParameters(*map(np.empty_like, machine.parameters))

    @property
    def parameters(self):
        """The arrays that training changes."""
        return self.machine.parameters

    def gradient(self, batch):
        """Return the gradient, model term - data term, for one batch."""
        data = self._data_term(batch)
        if self.offsets is not None:
            follow(self.offsets.hidden, data.weights @ data.hidden_mean)
        model = self._model_term(data)
        return self._difference(data, model)

    def _data_term(self, batch):
        """Positive phase: the data and the hidden means given them."""
        rows = slice(self._batch_size - len(batch.weights), self._batch_size)
        rng = self.rng if self.sampler.draws else None
        v = self.machine.visible.encode(batch.inputs, out=self._visible[rows], rng=rng)
        h = self.machine.mean_h_from_v(v, out=self._hidden[rows])
        return States(v, h, batch.weights)

    def _model_term(self, data):
        """Negative phase: states of the model's own distribution."""
        out = self._visible[self._batch_size :], self._hidden[self._batch_size :]
        return self.sampler.advance(self.machine, data, self.chains, self.rng, out)

    def _difference(self, data, model):
        """Return <(h - lambda)(v - mu)>, <h> and <v> of the model minus those of the data."""
        rows = slice(self._batch_size - len(data.weights), self._batch_size + len(model.weights))
        v, h = self._visible[rows], self._hidden[rows]
        coefficients = np.concatenate([-data.weights, model.weights])
        gradient = self._gradient
        np.matmul(coefficients, h, out=gradient.hidden_bias)
        np.matmul(coefficients, v, out=gradient.visible_bias)
        if self.offsets is not None:
            h -= self.offsets.hidden
            v -= self.offsets.visible
        h *= coefficients[:, np.newaxis]
        np.matmul(h.T, v, out=gradient.weights)
        return gradient

    def apply(self, update, decay):
        """Add an update, and shrink the weights by the factor 1 - decay.

        Decay belongs to the update of the weights before it is mapped: it then pulls the centred
        machine towards independent units with the right means.
        """
        if decay:
            add_scaled(update.weights, self.parameters.weights, -decay)
        if self.offsets is not None:
            map_to_plain_bias(update.hidden_bias, update.weights.T, self.offsets.visible)
            map_to_plain_bias(update.visible_bias, update.weights, self.offsets.hidden)
        for parameter, change in zip(self.parameters, update, strict=True):
            parameter += change
