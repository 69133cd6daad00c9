r"""A deep belief network that models rows and labels together, with ways up and down of their own.

With the data x_0, layers of hidden units x_1, ..., x_n and one-hot labels y,

    p(x_0, ..., x_n, y) = p(x_0 | x_1) ... p(x_{n-1} | x_n) p(x_n, y)

where p(x_n, y) is that of the visible units of an RBM, the top machine, whose hidden units are one more
layer. The way up draws from q(x_1 | x_0) ... q(x_n | x_{n-1}), an approximation of the posterior.

Reference: Hinton, Osindero and Teh (2006), A fast learning algorithm for deep belief nets, Neural
Computation 18, doi:10.1162/neco.2006.18.7.1527.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from skdbn._class_posterior import (
    input_field,
    log_class_probabilities,
    log_softmax,
    mean_of_hidden,
    scores_of_fields,
)
from skdbn._directed import Conditional
from skdbn._energy import Machine
from skdbn._rows import blocks_of_rows, encoded_blocks
from skdbn._sampling import gibbs_steps
from skdbn._typing import Arrays, Floats, Matrix, Rng
from skdbn.units import Unit


class GenerativeNetwork(NamedTuple):
    """Directed layers, listed from the data up, and the machine on top of them.

    Everything acts on rows encoded by `visible`. Without directed layers the top machine is an RBM of
    the data and the labels.
    """

    visible: Unit  # type of the data's units
    recognition: tuple[Conditional, ...]  # q(x_1 | x_0), ..., q(x_n | x_{n-1})
    generative: tuple[Conditional, ...]  # p(x_0 | x_1), ..., p(x_{n-1} | x_n)
    top: Machine  # its visible units are x_n and then the labels
    n_classes: int

    @property
    def n_joined(self) -> int:
        """Number of units that are joined to the labels."""
        return len(self.top.parameters.visible_bias) - self.n_classes

    @property
    def width(self) -> int:
        """Number of units of the widest layer."""
        biases = [conditional.bias for conditional in (*self.recognition, *self.generative)]
        return max(map(len, (*biases, self.top.parameters.hidden_bias, self.top.parameters.visible_bias)))

    @property
    def parameters(self) -> Arrays:
        """All arrays: weights and bias of each way up, then of each way down, then those of the top."""
        directed = [(layer.weights, layer.bias) for layer in (*self.recognition, *self.generative)]
        return *(array for pair in directed for array in pair), *self.top.parameters


def untie(visible: Unit, machines: Sequence[Machine], top: Machine, n_classes: int) -> GenerativeNetwork:
    """Return the network of a stack of RBMs in which both ways begin with the weights of the RBMs."""
    recognition, generative = [], []
    for machine in machines:
        weights, hidden_bias, visible_bias, _ = machine.parameters
        recognition.append(Conditional(machine.hidden, weights.T.copy(), hidden_bias.copy()))
        generative.append(Conditional(machine.visible, weights.copy(), visible_bias.copy()))
    return GenerativeNetwork(visible, tuple(recognition), tuple(generative), top, n_classes)


# -- the way up, by means -------------------------------------------------------------------------


def features(network: GenerativeNetwork, X: Matrix, layer: int = -1) -> Floats:
    """Return the means of hidden layer number `layer` for all rows, block by block.

    Those of the highest layer are averaged over the labels, by their probabilities.
    """
    n_layers = len(network.recognition) + 1
    number = range(n_layers)[layer]
    if number == n_layers - 1:
        return _for_blocks(network, X, _means_of_highest_layer, len(network.top.parameters.hidden_bias))
    return _for_blocks(
        network,
        X,
        lambda network, x: _means_up(network, x, number + 1),
        len(network.recognition[number].bias),
    )


def log_probabilities(network: GenerativeNetwork, X: Matrix) -> Floats:
    """Return the logarithms of the class probabilities of all rows, exact given the means of x_n."""
    return _for_blocks(network, X, _log_probabilities_of_block, network.n_classes)


def _for_blocks(
    network: GenerativeNetwork,
    X: Matrix,
    compute: Callable[[GenerativeNetwork, Floats], Floats],
    n_columns: int,
) -> Floats:
    dtype = network.top.parameters.weights.dtype
    result = np.empty((X.shape[0], n_columns), dtype=dtype)
    for rows, x in encoded_blocks(network.visible, X, dtype, network.width):
        result[rows] = compute(network, x)
    return result


def _means_up(network: GenerativeNetwork, x: Floats, n_layers: int) -> Floats:
    for conditional in network.recognition[:n_layers]:
        x = conditional.mean(x)
    return x


def _log_probabilities_of_block(network: GenerativeNetwork, x: Floats) -> Floats:
    x = _means_up(network, x, len(network.recognition))
    return log_class_probabilities(network.top, network.n_classes, x)


def _means_of_highest_layer(network: GenerativeNetwork, x: Floats) -> Floats:
    x = _means_up(network, x, len(network.recognition))
    field = input_field(network.top, network.n_classes, x)
    log_shares = log_softmax(scores_of_fields(network.top, network.n_classes, field))
    return mean_of_hidden(network.top, log_shares, field, out=np.empty_like(field))


# -- the way down ---------------------------------------------------------------------------------


def sample(
    network: GenerativeNetwork,
    labels: Floats | None,
    n_steps: int,
    rng: Rng,
    *,
    n_rows: int | None = None,
    means: bool = False,
) -> Floats:
    """Draw a row for each row of one-hot labels, in the units of the data, block by block.

    The chain of the top machine begins at units drawn from their biases alone and takes `n_steps` Gibbs
    steps with the labels held; one pass down follows. With labels None they are free, and `n_rows` rows
    are drawn. With `means`, the last layer, that of the data, is given by its means.
    """
    if labels is not None:
        n_rows = len(labels)
    assert n_rows is not None, "n_rows without labels"
    n_visible = len(network.generative[0].bias) if network.generative else network.n_joined
    rows_of_data = np.empty((n_rows, n_visible), dtype=network.top.parameters.weights.dtype)
    for rows, block in blocks_of_rows(rows_of_data, network.width):
        held = None if labels is None else labels[rows]
        x = _draw_joined(network, held, len(block), n_steps, rng, means and not network.generative)
        rows_of_data[rows] = draw_down(network, x, rng, means=means)
    return network.visible.decode(rows_of_data)


def _draw_joined(
    network: GenerativeNetwork, labels: Floats | None, n_rows: int, n_steps: int, rng: Rng, means: bool
) -> Floats:
    """Draw the units that are joined to the labels, or their means, after Gibbs steps given the labels."""
    top, n_joined = network.top.drawn_exactly(), network.n_joined
    start = np.tile(top.parameters.visible_bias, (n_rows, 1))
    v = top.visible.mean_and_sample(start, rng)
    free = np.ones(v.shape, dtype=bool)
    if labels is not None:
        v[:, n_joined:] = labels
        free[:, n_joined:] = False
    v = gibbs_steps(top, v, n_steps, rng, free)
    if means:
        v = top.mean_v_from_h(top.sample_h_from_v(v, rng))
    return v[:, :n_joined]


def draw_down(network: GenerativeNetwork, x: Floats, rng: Rng, *, means: bool = False) -> Floats:
    """Draw the layers from x_n down and return the last, x_0, or its means given the one above it."""
    for number, conditional in reversed(list(enumerate(network.generative))):
        x = conditional.mean(x) if means and number == 0 else conditional.sample(x, rng)
    return x
