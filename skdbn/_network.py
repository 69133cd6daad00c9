"""The fine-tuned network on arrays: forward pass, loss, gradient by back-propagation, dropout.

Parameters are one flat tuple of arrays, all weights and then all biases, so that an optimizer can take
them as they are: (W_1, ..., W_n, b_1, ..., b_n) with W_l of shape (n_in, n_out).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax, softmax

from skdbn._blocks import add_scaled
from skdbn._centering import follow, map_to_plain_bias
from skdbn._rows import blocks_of_rows
from skdbn.units import Bernoulli, Unit


class Network(NamedTuple):
    """A network: the unit types of its inputs and hidden layers, and its parameters.

    The non-linearity of a hidden layer is the mean of its units. The parameters act on inputs encoded
    by `visible`.
    """

    visible: Unit
    units: list  # of Unit, one a hidden layer
    parameters: tuple

    def top(self):
        """Return the network of the output layer alone; it shares the arrays."""
        weights, biases = split(self.parameters)
        return Network(Bernoulli(), [], (weights[-1], biases[-1]))


def split(parameters):
    """Return (weights, biases) of a flat tuple of parameters."""
    n_layers = len(parameters) // 2
    return parameters[:n_layers], parameters[n_layers:]


def features(network, X, layer=-1):
    """Return the means of hidden layer number `layer` for all rows, block by block."""
    n_layers = range(len(network.units))[layer] + 1
    _, biases = split(network.parameters)
    return _for_encoded_blocks(network, X, len(biases[n_layers - 1]), n_layers)


def probabilities(network, X):
    """Return the class probabilities of all rows: softmax of the linear outputs."""
    return softmax(_linear_outputs(network, X), axis=1)


def log_probabilities(network, X):
    """Return the logarithms of the class probabilities of all rows."""
    return log_softmax(_linear_outputs(network, X), axis=1)


def _linear_outputs(network, X):
    _, biases = split(network.parameters)
    return _for_encoded_blocks(network, X, len(biases[-1]), len(biases))


def _for_encoded_blocks(network, X, n_columns, n_layers):
    weights, biases = split(network.parameters)
    dtype = weights[0].dtype
    result = np.empty((X.shape[0], n_columns), dtype=dtype)
    for rows, block in blocks_of_rows(X, max(map(len, biases))):
        x = network.visible.encode(block, out=np.empty(block.shape, dtype=dtype))
        result[rows] = _forward(network, x, n_layers)
    return result


def _forward(network, x, n_layers):
    """Return what layer number `n_layers` gives: means of units, or the linear outputs at the end."""
    weights, biases = split(network.parameters)
    for layer in range(n_layers):
        x = x @ weights[layer]
        x += biases[layer]
        if layer < len(network.units):
            network.units[layer].mean(x, out=x)
    return x


class NetworkLearner:
    """Gradient of the mean cross-entropy of a network, and its updates, in work arrays made once.

    The parameters of the network are changed in place. The derivative of a unit's mean, the
    non-linearity, is its variance. `dropout` is the share of hidden units switched off for a row; the
    others are scaled up by 1 / (1 - dropout), so nothing is to be scaled at predict time. The gradient is
    centred (see `_centering`); `offsets` are the means of each layer's inputs, None at first.
    """

    def __init__(self, network, dropout, rng, batch_size, offsets=None):
        self.parameters = network.parameters
        self.visible = network.visible
        self.units = network.units
        self.dropout = dropout
        self.rng = rng
        weights, _ = split(self.parameters)
        dtype = weights[0].dtype

        def work(n_columns):
            return np.empty((batch_size, n_columns), dtype=dtype)

        hidden_sizes = [W.shape[1] for W in weights[:-1]]
        self._inputs = [work(W.shape[0]) for W in weights]  # of each layer, after dropout
        self._means = [work(size) for size in hidden_sizes] if dropout else self._inputs[1:]
        self._masks = [work(size) for size in hidden_sizes] if dropout else []
        self._deltas = [work(W.shape[1]) for W in weights]
        self._slopes = [work(size) for size in hidden_sizes]
        self.offsets = offsets
        self._gradient = tuple(map(np.empty_like, self.parameters))
        self._loss = self._weight = 0.0

    def epoch_loss(self):
        """Return the weighted mean of the loss since the last call."""
        loss = self._loss / self._weight
        self._loss = self._weight = 0.0
        return loss

    def gradient(self, batch):
        """Return the gradient of the weighted mean cross-entropy of a batch."""
        n_rows = len(batch.weights)
        logits = self._forward(batch.inputs, n_rows)
        self._follow_means(batch.weights, n_rows)
        delta, loss = _softmax_cross_entropy(logits, batch.targets, batch.weights)
        self._loss += loss * batch.total_weight
        self._weight += batch.total_weight
        self._backward(delta, n_rows)
        return self._gradient

    def _forward(self, inputs, n_rows):
        """Fill the inputs of all layers and return the linear outputs."""
        weights, biases = split(self.parameters)
        x = self.visible.encode(inputs, out=self._inputs[0][:n_rows])
        for layer, unit in enumerate(self.units):
            mean = np.matmul(x, weights[layer], out=self._means[layer][:n_rows])
            mean += biases[layer]
            unit.mean(mean, out=mean)
            x = self._drop(layer, mean, n_rows) if self.dropout else mean
        logits = np.matmul(x, weights[-1], out=self._deltas[-1][:n_rows])
        logits += biases[-1]
        return logits

    def _drop(self, layer, mean, n_rows):
        """Write the means to the next layer's input, a random share of them switched off."""
        mask = self._masks[layer][:n_rows]
        self.rng.random(dtype=mask.dtype, out=mask)
        np.greater_equal(mask, self.dropout, out=mask)
        mask /= 1 - self.dropout
        return np.multiply(mean, mask, out=self._inputs[layer + 1][:n_rows])

    def _follow_means(self, row_weights, n_rows):
        """Move the offset of each layer's inputs towards their mean in this batch."""
        means = [row_weights @ x[:n_rows] for x in self._inputs]
        if self.offsets is None:
            self.offsets = means
        for offset, mean in zip(self.offsets, means, strict=True):
            follow(offset, mean)

    def _backward(self, delta, n_rows):
        """Fill the gradient, from the output's error back; the inputs' own gradient is not needed."""
        weight_gradients, bias_gradients = split(self._gradient)
        for layer in reversed(range(len(weight_gradients))):
            error = delta
            if layer > 0:  # before the layer's inputs, which the slope is made of, are centred
                delta = self._error_below(layer, error, n_rows)
            x = self._inputs[layer][:n_rows]
            x -= self.offsets[layer]
            np.matmul(x.T, error, out=weight_gradients[layer])
            np.sum(error, axis=0, out=bias_gradients[layer])

    def _error_below(self, layer, delta, n_rows):
        """Return the error of the fields of the hidden layer under `layer`."""
        hidden = layer - 1
        error = np.matmul(delta, self.parameters[layer].T, out=self._deltas[hidden][:n_rows])
        if self.dropout:
            error *= self._masks[hidden][:n_rows]
        mean, slope = self._means[hidden][:n_rows], self._slopes[hidden][:n_rows]
        return self.units[hidden].backpropagate(error, mean, work=slope)

    def apply(self, update, decay):
        """Add an update, and shrink the weights by the factor 1 - decay."""
        if decay:
            for change, W in zip(split(update)[0], split(self.parameters)[0], strict=True):
                add_scaled(change, W, -decay)
        weight_changes, bias_changes = split(update)
        for change, bias_change, offset in zip(weight_changes, bias_changes, self.offsets, strict=True):
            map_to_plain_bias(bias_change, change, offset)
        for parameter, change in zip(self.parameters, update, strict=True):
            parameter += change


def _softmax_cross_entropy(logits, targets, weights):
    """Return the weighted error of the outputs (written over them) and the weighted mean loss.

    With p = softmax(logits), the loss is -log p[target] = log sum exp(logits) - logits[target] and its
    derivative p - one-hot(target).
    """
    rows = np.arange(len(targets))
    logits -= logits.max(axis=1, keepdims=True)
    of_target = logits[rows, targets]
    np.exp(logits, out=logits)
    total = logits.sum(axis=1)
    loss = float(weights @ (np.log(total) - of_target))
    logits /= total[:, np.newaxis]
    logits[rows, targets] -= 1
    logits *= weights[:, np.newaxis]
    return logits, loss
