r"""Class probabilities of an RBM whose last visible units are the label, summed over the hidden units.

With the inputs x, the label y as a one-hot row, weights W and U, biases b, d and c, the joint machine has

    E(x, y, h) = base_energy(x) + base_energy(h) - b.x - d.y - c.h - h.W.x - h.U.y
    log p(x, y=k) = s_k(x) - base_energy(x) + b.x - log Z
    s_k(x) = d_k + sum_j log_partition(c + U_k + W x)_j

so p(y=k | x) is the softmax of the scores s, exact and without Z [1].

Arrays only; x are rows in the coordinates of the input units, without the columns of the label.

[1] Larochelle, H. and Bengio, Y. (2008). Classification using discriminative restricted Boltzmann
    machines. ICML. https://doi.org/10.1145/1390156.1390224
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skdbn._energy import Machine
from skdbn._rows import blocks_of_rows, encoded_blocks
from skdbn._typing import Floats, Integers, Matrix
from skdbn.units import Mixed, Softmax, Unit


def join_labels(input_unit: Unit, n_inputs: int, n_classes: int) -> Mixed:
    """Return the visible units of the joint machine: those of the inputs, and then one softmax group."""
    inputs, labels = np.arange(n_inputs), np.arange(n_inputs, n_inputs + n_classes)
    return Mixed([(input_unit, inputs), (Softmax(redraw=False), labels)])


def input_and_label_units(machine: Machine) -> tuple[Unit, Unit]:
    """Return the units that `join_labels` put together."""
    assert isinstance(machine.visible, Mixed)
    (inputs, _), (labels, _) = machine.visible.parts_
    return inputs, labels


def split_weights(machine: Machine, n_classes: int) -> tuple[Floats, Floats]:
    """Return views (W, U) of the weights: (n_hidden, n_inputs) and (n_hidden, n_classes)."""
    weights = machine.parameters.weights
    return weights[:, :-n_classes], weights[:, -n_classes:]


def input_field(machine: Machine, n_classes: int, x: Floats, out: Floats | None = None) -> Floats:
    """Return the fields of the hidden units without the label's share, c + W x: (n_rows, n_hidden)."""
    input_weights, _ = split_weights(machine, n_classes)
    field = np.matmul(x, input_weights.T, out=out)
    field += machine.parameters.hidden_bias
    return field


def scores_of_fields(machine: Machine, n_classes: int, field: Floats, work: Floats | None = None) -> Floats:
    """Return the scores s_k of rows given their `input_field`: (n_rows, n_classes).

    One class at a time: what is held is `work`, (n_rows, n_hidden), and what is made of it.
    """
    _, label_weights = split_weights(machine, n_classes)
    scores = np.empty((len(field), n_classes), dtype=field.dtype)
    for k, weights in enumerate(label_weights.T):
        work = np.add(field, weights, out=work)
        scores[:, k] = machine.hidden.total_log_partition(work)
    scores += machine.parameters.visible_bias[-n_classes:]
    return scores


def of_encoded_blocks(
    machine: Machine,
    n_classes: int,
    X: Matrix,
    compute: Callable[[Machine, int, Floats], Floats],
    shape: tuple[int, ...] = (),
) -> Floats:
    """Return compute(machine, n_classes, x) of rows in the user's units, dense or CSR, block by block."""
    dtype = machine.parameters.weights.dtype
    input_unit, _ = input_and_label_units(machine)
    result = np.empty((X.shape[0], *shape), dtype=dtype)
    for rows, x in encoded_blocks(input_unit, X, dtype, len(machine.parameters.weights)):
        result[rows] = compute(machine, n_classes, x)
    return result


def predicted_positions(machine: Machine, n_classes: int, X: Matrix) -> Integers:
    """Return the position of the most probable class of rows in the user's units."""
    return of_encoded_blocks(machine, n_classes, X, class_scores, (n_classes,)).argmax(axis=1)


def class_scores(machine: Machine, n_classes: int, x: Floats) -> Floats:
    """Return log p(x, y=k) of each row up to a constant that is the same for all k: (n_rows, n_classes)."""
    scores = np.empty((len(x), n_classes), dtype=x.dtype)
    for rows, block in blocks_of_rows(x, width=len(machine.parameters.weights)):
        scores[rows] = scores_of_fields(machine, n_classes, input_field(machine, n_classes, block))
    return scores


def log_softmax(scores: Floats) -> Floats:
    """Return the logarithms of the softmax of each row."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_class_probabilities(machine: Machine, n_classes: int, x: Floats) -> Floats:
    """Return log p(y=k | x) of each row: (n_rows, n_classes)."""
    return log_softmax(class_scores(machine, n_classes, x))


def input_free_energy(machine: Machine, n_classes: int, x: Floats) -> Floats:
    """Return -log of the sum of exp(-E(x, y, h)) over y and h, of each row."""
    scores = class_scores(machine, n_classes, x)
    highest = scores.max(axis=1)
    total = highest + np.log(np.exp(scores - highest[:, np.newaxis]).sum(axis=1))
    return input_energy(machine, n_classes, x) - total


def input_energy(machine: Machine, n_classes: int, x: Floats) -> Floats:
    """Return what the inputs add to the energy by themselves, base_energy(x) - b.x, of each row."""
    # Units know their base energy as a whole layer. That of a label is 0 in every state.
    label = np.zeros((len(x), n_classes), dtype=x.dtype)
    base_energy = machine.visible.base_energy(np.hstack([x, label]))
    return base_energy - x @ machine.parameters.visible_bias[:-n_classes]


def mean_hidden(machine: Machine, n_classes: int, x: Floats) -> Floats:
    """Return the mean of the hidden units given x, with the label summed out: (n_rows, n_hidden)."""
    field = input_field(machine, n_classes, x)
    log_probabilities = log_softmax(scores_of_fields(machine, n_classes, field))
    return mean_of_hidden(machine, log_probabilities, field, out=np.empty_like(field))


def mean_of_hidden(
    machine: Machine, log_probabilities: Floats, field: Floats, out: Floats, work: Floats | None = None
) -> Floats:
    """Write the mean of the hidden units with the label summed out, sum_k p_k mean_k, to `out`."""
    n_classes = log_probabilities.shape[1]
    _, label_weights = split_weights(machine, n_classes)
    out[...] = 0
    for weights, share in zip(label_weights.T, np.exp(log_probabilities).T, strict=True):
        work = np.add(field, weights, out=work)
        machine.hidden.mean(work, out=work)
        work *= share[:, np.newaxis]
        out += work
    return out
