"""What a fitted estimator computes, as nodes of a graph."""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from skdbn._class_posterior import split_weights
from skdbn._class_rbm import RBMClassifier
from skdbn._dbn_classifier import DBNClassifier
from skdbn._dbn_regressor import DBNRegressor
from skdbn._dbn_transformer import DBNTransformer
from skdbn._export_layers import column_scaling, layers_of_dbn, layers_of_rbm
from skdbn._rbm import RBMTransformer
from skdbn._targets import Classes
from skdbn.onnx._units import log_partition, mean

ESTIMATORS = (RBMTransformer, DBNTransformer, RBMClassifier, DBNClassifier, DBNRegressor)


class Output(NamedTuple):
    """One output of a graph."""

    name: str
    dtype: np.dtype  # object for text
    shape: tuple  # without the rows


@singledispatch
def add_estimator(estimator, graph, X, names):
    """Add the nodes of a fitted estimator to a graph and return its list of `Output`.

    `X` is the name of the input; `names` are those of the outputs, in the order of the list.
    """
    raise TypeError(
        f"to_onnx takes {', '.join(cls.__name__ for cls in ESTIMATORS)}; got {type(estimator).__name__}. "
        "Convert a Pipeline by register_converters() and skl2onnx.to_onnx."
    )


@add_estimator.register(RBMTransformer)
def _(estimator, graph, X, names):
    return _add_features(layers_of_rbm(estimator), graph, X, names)


@add_estimator.register(DBNTransformer)
def _(estimator, graph, X, names):
    return _add_features(layers_of_dbn(estimator, with_output=False), graph, X, names)


@add_estimator.register(DBNRegressor)
def _(estimator, graph, X, names):
    values = _add_means(layers_of_dbn(estimator, with_output=True), graph, X)
    if estimator._task.one_dimensional:
        graph.add("Squeeze", values, np.array([1]), output=names[0])
        return [Output(names[0], graph.dtype, ())]
    graph.add("Identity", values, output=names[0])
    return [Output(names[0], graph.dtype, (estimator.n_outputs_,))]


@add_estimator.register(DBNClassifier)
def _(estimator, graph, X, names):
    if estimator._fitted_generative:
        return _add_generative(estimator, graph, X, names)
    *hidden, output = (chain := layers_of_dbn(estimator, with_output=True)).layers
    x = _add_means(chain._replace(layers=hidden), graph, X)
    fields = _add_field(graph.in_float64(), graph.cast(x, np.float64), output.weights, output.bias)
    task = estimator._task
    return (_add_classes if isinstance(task, Classes) else _add_labels)(fields, task.classes, graph, names)


@add_estimator.register(RBMClassifier)
def _(estimator, graph, X, names):
    x = _add_scaling(*column_scaling(estimator.visible_, estimator.n_features_in_), graph, X)
    scores = _add_class_scores(estimator._machine(), len(estimator.classes_), graph, x)
    return _add_classes(scores, estimator.classes_, graph, names)


# -- layers ---------------------------------------------------------------------------------------


def _add_scaling(location, scale, graph, x):
    if location.any():
        x = graph.add("Sub", x, location)
    return graph.add("Div", x, scale) if (scale != 1).any() else x


def _add_field(graph, x, weights, bias):
    return graph.add("Gemm", x, weights, bias)


def _add_means(chain, graph, X):
    """Return the name of the means of the last layer."""
    x = _add_scaling(chain.location, chain.scale, graph, X)
    for layer in chain.layers:
        x = mean(layer.unit, graph, _add_field(graph, x, layer.weights, layer.bias), len(layer.bias))
    return x


def _add_features(chain, graph, X, names):
    graph.add("Identity", _add_means(chain, graph, X), output=names[0])
    return [Output(names[0], graph.dtype, chain.layers[-1].bias.shape)]


# -- classes --------------------------------------------------------------------------------------

# Scores of classes are float64 in every model: sums in float32 left errors of 2e-6 in the probabilities of
# digits by layers of 256 and 256, and of 2e-5 in those by an RBMClassifier of 500 units.


def _add_classes(scores, classes, graph, names):
    """Add label and probabilities of classes whose log-probabilities are `scores` up to a constant."""
    label, probabilities = names
    labels = _labels_in_onnx(classes)
    graph.cast(graph.add("Softmax", scores, axis=1), graph.dtype, output=probabilities)
    position = graph.add("ArgMax", scores, axis=1, keepdims=0)
    graph.add("Gather", graph.keep(labels), position, output=label, axis=0)
    return [Output(label, labels.dtype, ()), Output(probabilities, graph.dtype, labels.shape)]


def _add_labels(fields, classes, graph, names):
    """Add the probability of each label on its own, and which of them are more probable than not."""
    label, probabilities = names
    graph.cast(graph.add("Sigmoid", fields), graph.dtype, output=probabilities)
    graph.cast(graph.in_float64().add("Greater", fields, 0.0), np.int64, output=label)
    return [
        Output(label, np.dtype(np.int64), classes.shape),
        Output(probabilities, graph.dtype, classes.shape),
    ]


def _labels_in_onnx(classes):
    """Return the classes in a type that a graph can hold, or raise."""
    kinds = {type(label) for label in classes.tolist()}
    if kinds == {str}:
        return classes.astype(object)
    for kind, dtype in ((bool, np.bool_), (int, np.int64), (float, np.float64)):
        if kinds == {kind}:
            return classes.astype(dtype)
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(f"ONNX holds labels that are text, int, float or bool; classes_ has {names}.")


def _add_generative(estimator, graph, X, names):
    """Add the way up of a network fitted by up-down, and the class probabilities of its top machine."""
    network = estimator._generative_network()
    x = _add_scaling(*column_scaling(network.visible, estimator.n_features_in_), graph, X)
    for layer in network.recognition:
        x = mean(layer.unit, graph, _add_field(graph, x, layer.weights, layer.bias), len(layer.bias))
    scores = _add_class_scores(network.top, network.n_classes, graph, x)
    return _add_classes(scores, estimator.classes_, graph, names)


def _add_class_scores(machine, n_classes, graph, x):
    """Add log p(x, y=k) up to a constant, the hidden units summed out; see `_class_posterior`."""
    input_weights, label_weights = split_weights(machine, n_classes)
    bias, label_bias = machine.parameters.hidden_bias, machine.parameters.visible_bias[-n_classes:]
    field = graph.cast(_add_field(graph, x, input_weights.T, bias), np.float64)
    graph = graph.in_float64()
    # (n_rows, 1, n_hidden) and (n_classes, n_hidden): each class adds its own weights.
    fields = graph.add("Add", graph.add("Unsqueeze", field, np.array([1])), label_weights.T)
    return graph.add("Add", log_partition(machine.hidden, graph, fields, len(bias)), label_bias)
