"""The greedy stack of RBMs, and the hidden layers of a network that it gives."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from skdbn._columns import visible_from_columns
from skdbn._initialization import initial_hidden_layers, initial_output_layer
from skdbn._network import Network
from skdbn._phases import no_phase
from skdbn._rbm import RBMTransformer
from skdbn._rows import weighted_moments
from skdbn._shards import range_of_all
from skdbn.exceptions import DivergenceError
from skdbn.units import Bernoulli, ReLU, resolve_unit


class Layers(NamedTuple):
    """Hidden layers of a network, bottom up."""

    units: list  # of Unit
    weights: list  # of (n_in, n_out)
    biases: list  # of (n_out,)


def layer_prototypes(rbm, sizes, rng, verbose):
    """Return one unfitted RBM a layer, from a prototype, a list of them, or None for the default.

    Each gets its layer's size and a seed of its own. Above the first layer of a single prototype, the
    visible units are of the type of the hidden units below.
    """
    if isinstance(rbm, (list, tuple)):
        if len(rbm) != len(sizes):
            raise ValueError(
                f"rbm is a list of {len(rbm)} machines, but hidden_layer_sizes={sizes} has "
                f"{len(sizes)} layers; give one machine a layer."
            )
        others = [machine for machine in rbm if not isinstance(machine, RBMTransformer)]
        if others:
            raise ValueError(f"rbm must be a list of RBMTransformer; got {others[0]!r} in it.")
        prototypes = [clone(machine) for machine in rbm]
    else:
        prototypes = [clone(rbm or RBMTransformer()) for _ in sizes]
        for machine in prototypes[1:]:
            machine.set_params(visible=_visible_above(machine))
    for machine, size in zip(prototypes, sizes, strict=True):
        machine.set_params(
            n_components=size,
            warm_start=False,
            verbose=max(verbose, machine.verbose),
            random_state=int(rng.integers(2**31)),
        )
    return prototypes


def _visible_above(machine):
    """Return the type of visible units whose data are the hidden means of such a machine."""
    if isinstance(machine.visible, Bernoulli) and isinstance(resolve_unit(machine.hidden), Bernoulli):
        return machine.visible.__class__(redraw=machine.visible.redraw)
    # Two layers of ReLU have no joint distribution: the upper machine takes the means as shares of a scale,
    # as Glorot, Bordes and Bengio (2011) do in their rectifier networks.
    return Bernoulli(scale="data") if isinstance(resolve_unit(machine.hidden), ReLU) else machine.hidden


def name_columns(machine, n_features, feature_names, frame):
    """Resolve a list of types for columns in the lowest machine, which itself sees no column names."""
    if isinstance(machine.visible, (list, tuple)):
        visible = visible_from_columns(machine.visible, n_features, feature_names, frame)
        machine.set_params(visible=visible)


def pretrain_stack(machines, X, sample_weight, phase=None):
    """Train RBMs bottom up, each to its end before the next one sees what its `transform` gives."""
    for number, machine in enumerate(machines, start=1):
        pretrain_layer(number, machine, X, sample_weight, phase)
        if machine is not machines[-1]:
            X = machine._hidden_means(X)
    return machines


def pretrain_layer(number, machine, X, sample_weight, phase=None):
    """Train the RBM of a layer, numbered from 1, as a part of a phase."""
    phase = phase or no_phase()
    layer = f"layer {number}"
    with errors_of_layer(number) as stage, phase.of_another(layer, machine):
        machine._fit(X, sample_weight, stage=stage, layer=layer, journal=phase.journal)


def pass_over_stack(machines, X, sample_weight, trained):
    """Train the RBMs numbered in `trained` for one pass over X, bottom up."""
    for number, machine in enumerate(machines, start=1):
        if number in trained:
            with errors_of_layer(number) as stage:
                machine._partial_fit(X, sample_weight, stage=stage)
        if number < max(trained):
            X = machine._hidden_means(X)


@contextmanager
def errors_of_layer(number):
    """Give the name of a stage of pre-training, and put it before errors about upper layers."""
    stage = f"Pretraining of layer {number}"
    try:
        yield stage
    except DivergenceError:
        raise  # it names its stage
    except ValueError as error:
        if number == 1:
            raise  # about X itself
        raise ValueError(f"{stage}: {error}") from error


def frozen_machines(stack, sizes, n_features, feature_names=None):
    """Return the machines of a stack that was pre-trained before, or raise if they do not fit."""
    machines = getattr(stack, "rbms_", None)
    if not machines:
        raise ValueError(
            f"pretrain={stack!r} holds no pre-trained layers: give True, False, or "
            "FrozenEstimator(stack) with a fitted stack, so that clone keeps what it has learned."
        )
    found = tuple(len(machine.components_) for machine in machines)
    if found != sizes:
        raise ValueError(f"hidden_layer_sizes={sizes}, but the layers of pretrain have the sizes {found}.")
    if machines[0].n_features_in_ != n_features:
        raise ValueError(
            f"X has {n_features} features, but the layers of pretrain expect {machines[0].n_features_in_}."
        )
    expected = getattr(stack, "feature_names_in_", None)
    if expected is not None and feature_names is not None and list(expected) != list(feature_names):
        raise ValueError(
            "The layers of pretrain were trained on other columns of X, or in another order: "
            f"{list(expected)}; got {list(feature_names)}."
        )
    return list(machines)


def pretrained_layers(machines, dtype):
    """Return (visible, layers) of copies of what fitted machines have learned."""
    weights, biases = [], []
    for machine in machines:
        W, bias = machine.components_.T, machine.intercept_hidden_
        if weights:  # the network gives the hidden means below, not what this machine makes of them
            W, bias = machine.visible_.to_data_units(W, bias)
        weights.append(np.array(W, dtype=dtype, order="C"))
        biases.append(np.array(bias, dtype=dtype))
    return machines[0].visible_, Layers([machine.hidden_ for machine in machines], weights, biases)


def plain_layers(prototypes, X, sample_weight, rng):
    """Return (visible, layers) for a network without pre-training."""
    visible = prototypes[0]._visible_for(X, range_of_all(X))
    visible = visible.adapt(*weighted_moments(X, sample_weight))
    units = [resolve_unit(machine.hidden) for machine in prototypes]
    sizes = [X.shape[1], *(machine.n_components for machine in prototypes)]
    return visible, Layers(units, *initial_hidden_layers(sizes, units, X.dtype, rng))


def tied_decoder(machines, dtype):
    """Return the layers that pass the top machine's hidden states down by means; the last are the inputs.

    The states between two machines are those of the upper one's visible units.
    """
    units, weights, biases = [], [], []
    for machine, above in zip(reversed(machines), [None, *reversed(machines)], strict=False):
        W, bias = machine.components_, machine.intercept_visible_
        if above is not None:  # its visible units give encoded states, this machine takes plain ones
            W, bias = above.visible_.from_data_units(W, bias)
        units.append(machine.visible_)
        weights.append(np.array(W, dtype=dtype, order="C"))
        biases.append(np.array(bias, dtype=dtype))
    return Layers(units, weights, biases)


def plain_decoder(encoder, visible, rng):
    """Return first layers from the top of an encoder down to its inputs, without pre-training."""
    sizes = [*(W.shape[1] for W in reversed(encoder.weights)), encoder.weights[0].shape[0]]
    units, dtype = list(reversed(encoder.units[:-1])), encoder.weights[0].dtype
    weights, biases = initial_hidden_layers(sizes[:-1], units, dtype, rng, below=encoder.units[-1])
    below = units[-1] if units else encoder.units[-1]
    W, bias = initial_output_layer(*sizes[-2:], below, dtype, rng)
    return Layers([*units, visible], [*weights, W], [*biases, bias])


def unrolled(visible, encoder, decoder, task):
    """Return the autoencoder: the layers of the encoder and then those of the decoder."""
    task.unit = visible
    return Network(
        visible,
        [*encoder.units, *decoder.units[:-1]],
        visible,
        (*encoder.weights, *decoder.weights, *encoder.biases, *decoder.biases),
    )
