"""The fine-tuned network on arrays: forward pass, loss, gradient by back-propagation, dropout.

Parameters are one flat tuple of arrays, all weights and then all biases, so that an optimizer can take
them as they are: (W_1, ..., W_n, b_1, ..., b_n) with W_l of shape (n_in, n_out).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from skdbn._blocks import add_scaled
from skdbn._centering import follow, map_to_plain_bias
from skdbn._draws import N_WORDS, random_words
from skdbn._rows import Batch, encoded_blocks, rows_of_a_block
from skdbn._streams import RowStream
from skdbn._team import current_team
from skdbn._typing import Array, Arrays, Floats, Matrix, Rng
from skdbn._weight_rules import LEAST_DECAY
from skdbn.units import Bernoulli, Unit


class Network(NamedTuple):
    """A network: the unit types of its inputs, hidden layers and outputs, and its parameters.

    The non-linearity of a layer is the mean of its units, so that the network is the one that was
    pre-trained. The loss is that of the outputs' distribution, -log p(target | field): cross-entropy for
    softmax and Bernoulli units, half the squared error for Gaussian ones. The parameters act on inputs
    encoded by `visible`.
    """

    visible: Unit
    units: list[Unit]  # one a hidden layer
    output: Unit
    parameters: Arrays

    def above(self, n_layers: int) -> Network:
        """Return the network over the lowest `n_layers` hidden layers; it shares the arrays."""
        weights, biases = split(self.parameters)
        parameters = (*weights[n_layers:], *biases[n_layers:])
        return Network(Bernoulli(), self.units[n_layers:], self.output, parameters)


def split(parameters: Arrays) -> tuple[Arrays, Arrays]:
    """Return (weights, biases) of a flat tuple of parameters."""
    n_layers = len(parameters) // 2
    return parameters[:n_layers], parameters[n_layers:]


def features(network: Network, X: Matrix, layer: int = -1) -> Matrix:
    """Return the means of hidden layer number `layer` for all rows; for a stream they are one too."""
    n_layers = range(len(network.units))[layer] + 1
    _, biases = split(network.parameters)
    if isinstance(X, RowStream):
        n_rows = rows_of_a_block(X, max(map(len, biases)))
        n_columns, dtype = len(biases[n_layers - 1]), biases[0].dtype
        return X.mapped(partial(features, network, layer=layer), n_columns, dtype, n_rows)
    return _for_encoded_blocks(network, X, len(biases[n_layers - 1]), n_layers)


def outputs(network: Network, X: Matrix) -> Floats:
    """Return the means of the output units for all rows: class probabilities if these are softmax."""
    fields = output_fields(network, X)
    return network.output.mean(fields, out=fields)


def log_outputs(network: Network, X: Matrix) -> Floats:
    """Return the logarithms of the means of softmax outputs for all rows."""
    fields = output_fields(network, X)
    return fields - network.output.log_partition(fields)


def output_fields(network: Network, X: Matrix) -> Floats:
    """Return the fields of the output units for all rows."""
    _, biases = split(network.parameters)
    return _for_encoded_blocks(network, X, len(biases[-1]), len(biases))


def _for_encoded_blocks(network: Network, X: Matrix, n_columns: int, n_layers: int) -> Floats:
    weights, biases = split(network.parameters)
    dtype = weights[0].dtype
    result = np.empty((X.shape[0], n_columns), dtype=dtype)
    for rows, x in encoded_blocks(network.visible, X, dtype, max(map(len, biases))):
        result[rows] = _forward(network, x, n_layers)
    return result


def _forward(network: Network, x: Floats, n_layers: int) -> Floats:
    """Return what layer number `n_layers` gives: means of units, or the fields of the outputs."""
    weights, biases = split(network.parameters)
    for layer in range(n_layers):
        x = x @ weights[layer]
        x += biases[layer]
        if layer < len(network.units):
            network.units[layer].mean(x, out=x)
    return x


def mean_loss(
    network: Network, X: Matrix, targets: Array | None, sample_weight: Floats | None = None
) -> float:
    """Return the weighted mean loss of rows; without targets these are the encoded inputs."""
    total = 0.0
    _, biases = split(network.parameters)
    for rows, x in encoded_blocks(network.visible, X, biases[0].dtype, max(map(len, biases))):
        target = x if targets is None else targets[rows]
        field = _forward(network, x, len(biases))
        weights = np.ones(len(x)) if sample_weight is None else sample_weight[rows]
        total += float(weights @ _loss_of_rows(network.output, field, target))
    return total / float(X.shape[0] if sample_weight is None else sample_weight.sum())


class NetworkLearner:
    """Gradient of the mean loss of a network, and its updates, in work arrays made once.

    The parameters of the network are changed in place. Rows without targets are their own: the network is
    then an autoencoder. `dropout` is the share of the units switched off for a row, one value for the
    inputs and one for each hidden layer (None: none are); the others are scaled up by 1 / (1 - dropout),
    so nothing is to be scaled at predict time. `max_norm` bounds the norm of the weights into each hidden
    unit, one value or None for each layer. The gradient is centred (see `_centering`); `offsets` are the
    means of each layer's inputs, None at first.
    """

    least_decay = LEAST_DECAY
    resumable = ("parameters", "offsets")

    def __init__(
        self,
        network: Network,
        rng: Rng,
        batch_size: int,
        *,
        dropout: Sequence[float] | None = None,
        max_norm: Sequence[float | None] | None = None,
        offsets: list[Floats] | None = None,
    ) -> None:
        self.parameters = network.parameters
        self.network = network
        weights, _ = split(self.parameters)
        self.dropout = dropout or (0.0,) * len(weights)
        self.max_norm = max_norm or (None,) * len(network.units)
        self.rng = rng
        dtype = weights[0].dtype

        def work(n_columns: int) -> Floats:
            return np.empty((batch_size, n_columns), dtype=dtype)

        input_sizes = [W.shape[0] for W in weights]
        self._inputs = [work(size) for size in input_sizes]  # of each layer, after dropout
        # What the units gave before dropout: apart only where there is some.
        self._means = [
            work(size) if share else x
            for size, share, x in zip(input_sizes, self.dropout, self._inputs, strict=True)
        ]
        self._masks = [
            work(size) if share else None for size, share in zip(input_sizes, self.dropout, strict=True)
        ]
        self._deltas = [work(W.shape[1]) for W in weights]
        self._slopes = [work(size) for size in input_sizes[1:]]
        self.offsets = offsets
        self._gradient = tuple(map(np.empty_like, self.parameters))
        self._team = current_team()
        self._loss = self._weight = 0.0

    def epoch_loss(self) -> float:
        """Return the weighted mean of the loss since the last call."""
        loss = self._team.total(self._loss) / self._weight
        self._loss = self._weight = 0.0
        return loss

    def gradient(self, batch: Batch) -> Arrays:
        """Return the gradient of the weighted mean loss of a batch."""
        n_rows = len(batch.weights)
        field = self._forward(batch.inputs, n_rows)
        offsets = self._follow_means(batch.weights, n_rows)
        targets = self._means[0][:n_rows] if batch.targets is None else batch.targets
        loss = batch.weights @ _loss_of_rows(self.network.output, field, targets)
        self._loss += float(loss) * batch.total_weight
        self._weight += batch.total_weight
        # For exponential families in their field the derivative of the loss is mean - target.
        delta = self.network.output.mean(field, out=field)
        delta -= targets
        delta *= batch.weights[:, np.newaxis]
        self._backward(delta, offsets, n_rows)
        return self._gradient

    def _forward(self, inputs: Floats, n_rows: int) -> Floats:
        """Fill the inputs of all layers and return the fields of the outputs."""
        weights, biases = split(self.parameters)
        mean = self.network.visible.encode(inputs, out=self._means[0][:n_rows])
        for layer, unit in enumerate(self.network.units):
            x = self._drop(layer, mean, n_rows)
            mean = np.matmul(x, weights[layer], out=self._means[layer + 1][:n_rows])
            mean += biases[layer]
            unit.mean(mean, out=mean)
        field = np.matmul(self._drop(-1, mean, n_rows), weights[-1], out=self._deltas[-1][:n_rows])
        field += biases[-1]
        return field

    def _drop(self, layer: int, mean: Floats, n_rows: int) -> Floats:
        """Return the inputs of a layer: the means, a random share of them switched off."""
        if (mask := self._masks[layer]) is None:
            return mean
        mask, share = mask[:n_rows], self.dropout[layer]
        # Rounded up or down at random, so that the share is exact in the mean.
        n_words_off = int(share * N_WORDS + self.rng.random())
        np.greater_equal(random_words(self.rng, mask.shape), n_words_off, out=mask)
        mask *= 1 / (1 - share)
        return np.multiply(mean, mask, out=self._inputs[layer][:n_rows])

    def _follow_means(self, row_weights: Floats, n_rows: int) -> list[Floats]:
        """Move the offset of each layer's inputs towards their mean in this batch."""
        means: list[Floats] = [row_weights @ x[:n_rows] for x in self._inputs]
        self._team.sum(*means)
        if self.offsets is None:
            self.offsets = means
        for offset, mean in zip(self.offsets, means, strict=True):
            follow(offset, mean)
        return self.offsets

    def _backward(self, delta: Floats, offsets: list[Floats], n_rows: int) -> None:
        """Fill the gradient, from the outputs' error back; the inputs' own gradient is not needed."""
        weight_gradients, bias_gradients = split(self._gradient)
        for layer in reversed(range(len(weight_gradients))):
            error = delta
            if layer > 0:  # before the layer's inputs, which the slope is made of, are centred
                delta = self._error_below(layer, error, n_rows)
            x = self._inputs[layer][:n_rows]
            x -= offsets[layer]
            np.matmul(x.T, error, out=weight_gradients[layer])
            np.sum(error, axis=0, out=bias_gradients[layer])

    def _error_below(self, layer: int, delta: Floats, n_rows: int) -> Floats:
        """Return the error of the fields of the hidden layer under `layer`."""
        hidden = layer - 1
        error = np.matmul(delta, self.parameters[layer].T, out=self._deltas[hidden][:n_rows])
        if (mask := self._masks[layer]) is not None:
            error *= mask[:n_rows]
        mean, slope = self._means[layer][:n_rows], self._slopes[hidden][:n_rows]
        return self.network.units[hidden].backpropagate(error, mean, work=slope)

    def apply(self, update: Arrays, decay: float) -> None:
        """Add an update, after the weights shrank by 1 - decay, and keep their norms in bounds."""
        assert self.offsets is not None  # `gradient` came first
        if decay:
            for change, W in zip(split(update)[0], split(self.parameters)[0], strict=True):
                add_scaled(change, W, -decay)
        weight_changes, bias_changes = split(update)
        for change, bias_change, offset in zip(weight_changes, bias_changes, self.offsets, strict=True):
            map_to_plain_bias(bias_change, change, offset)
        for parameter, change in zip(self.parameters, update, strict=True):
            parameter += change
        weights, biases = split(self.parameters)
        for layer, largest in enumerate(self.max_norm):
            if largest is not None:
                _limit_norms(weights[layer], biases[layer], self.offsets[layer], largest)


def _limit_norms(weights: Floats, bias: Floats, offset: Floats, largest: float) -> None:
    """Shorten the weights of units that are too long, in place, and leave the units' mean field."""
    norms = np.sqrt(np.einsum("ij,ij->j", weights, weights))
    if norms.max() > largest:
        # All columns at once: to pick the long ones out of rows and put them back takes longer.
        factors = np.minimum(1, largest / np.maximum(norms, largest))
        bias += (1 - factors) * (offset @ weights)
        weights *= factors


def _loss_of_rows(unit: Unit, field: Floats, target: Floats) -> Floats:
    """Return -log p(target | field) of each row, less what it is at best: 0 for a sure hit."""
    log_partition = unit.total_log_partition(field)
    agreement = np.einsum("ij,ij->i", target, field)
    return unit.base_energy(target) + log_partition - agreement + unit.largest_log_density(field.shape[1])
