"""What the DBN estimators share: the greedy stack of RBMs and the network it becomes."""

import numpy as np
from sklearn.base import clone

from skdbn._initialization import initial_logistic_layers, initial_output_layer
from skdbn._network import Network
from skdbn._rbm import RBMTransformer
from skdbn._rows import weighted_moments
from skdbn._validation import data_range
from skdbn.exceptions import DivergenceError
from skdbn.units import Bernoulli, resolve_unit


def layer_prototypes(rbm, sizes, rng, verbose):
    """Return one unfitted RBM a layer, from a prototype, a list of them, or None for the default.

    Each gets its layer's size and a seed of its own. Above the first layer of a single prototype, the
    visible units are of the type of the hidden units below: Bernoulli.
    """
    if isinstance(rbm, (list, tuple)):
        if len(rbm) != len(sizes):
            raise ValueError(
                f"rbm is a list of {len(rbm)} machines, but hidden_layer_sizes={sizes} has "
                f"{len(sizes)} layers; give one machine a layer."
            )
        prototypes = [clone(machine) for machine in rbm]
    else:
        prototypes = [clone(rbm or RBMTransformer()) for _ in sizes]
        for machine in prototypes[1:]:
            as_below = machine.visible if isinstance(machine.visible, Bernoulli) else machine.hidden
            machine.set_params(visible=as_below)
    for machine, size in zip(prototypes, sizes, strict=True):
        machine.set_params(
            n_components=size,
            warm_start=False,
            verbose=max(verbose, machine.verbose),
            random_state=int(rng.integers(2**31)),
        )
    return prototypes


def pretrain_stack(prototypes, X, sample_weight):
    """Train RBMs bottom up, each to its end before the next one sees what its `transform` gives."""
    for number, machine in enumerate(prototypes, start=1):
        stage = f"Pretraining of layer {number}"
        try:
            machine._fit(X, sample_weight, stage=stage, layer=f"layer {number}")
        except DivergenceError:
            raise  # it names its stage
        except ValueError as error:
            if number == 1:
                raise  # about X itself
            raise ValueError(f"{stage}: {error}") from error
        if machine is not prototypes[-1]:
            X = machine._hidden_means(X)
    return prototypes


def new_network(prototypes, pretrain, X, sample_weight, n_outputs, rng):
    """Return (network, machines): hidden layers from pre-trained RBMs, or Glorot's first weights.

    Both take inputs scaled as the first RBM scales them, so pre-training is the only difference.
    """
    if pretrain:
        pretrain_stack(prototypes, X, sample_weight)
        visible, units = prototypes[0].visible_, [machine.hidden_ for machine in prototypes]
        weights = [np.ascontiguousarray(machine.components_.T) for machine in prototypes]
        biases = [machine.intercept_hidden_.copy() for machine in prototypes]
    else:
        visible = prototypes[0]._visible_for(X, data_range(X))
        visible = visible.adapt(*weighted_moments(X, sample_weight))
        units = [resolve_unit(machine.hidden) for machine in prototypes]
        sizes = [X.shape[1], *(machine.n_components for machine in prototypes)]
        weights, biases = initial_logistic_layers(sizes, X.dtype, rng)
    top, top_bias = initial_output_layer(weights[-1].shape[1], n_outputs, X.dtype, rng)
    network = Network(visible, units, (*weights, top, *biases, top_bias))
    return network, prototypes if pretrain else []
