"""A fitted network as a fitted multilayer perceptron of scikit-learn."""

import numpy as np

from skdbn._targets import Classes, Labels
from skdbn.units import Bernoulli, Gaussian

# Only where the mean of a unit is the activation to the letter: that of ReLU units is not max(0, x).
_ACTIVATIONS = {Bernoulli: "logistic", Gaussian: "identity"}


def to_perceptron(dbn):
    """Return a fitted MLPClassifier or MLPRegressor with the weights of a fitted network."""
    # Here and not above, since it takes longer to import than all of this package.
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    is_classifier = isinstance(dbn._task, (Classes, Labels))
    if is_classifier and len(dbn.classes_) < 2:
        raise ValueError("to_mlp needs a classifier of two or more classes; this one knows one.")
    model = (MLPClassifier if is_classifier else MLPRegressor)(
        hidden_layer_sizes=dbn._hidden_sizes(), activation=_activation(dbn._units), random_state=0
    )
    weights, biases = _output_of_perceptron(dbn)
    _initialize(model, dbn, weights[0].dtype)
    for mine, theirs in zip([*weights, *biases], [*model.coefs_, *model.intercepts_], strict=True):
        theirs[...] = mine
    return model.set_params(random_state=None)


def _activation(units):
    """Return the name of the activation of all hidden layers, or raise if a perceptron has none."""
    kinds = {type(unit) for unit in units}
    if len(kinds) == 1 and (activation := _ACTIVATIONS.get(kinds.pop())):
        return activation
    names = ", ".join(type(unit).__name__ for unit in units)
    raise ValueError(
        "to_mlp needs hidden layers that are all Bernoulli or all Gaussian, since a perceptron has one "
        f"activation and none for other units; these are {names}. Use to_torch() instead."
    )


def _output_of_perceptron(dbn):
    """Return weights and biases; two classes have one output there, the difference of ours."""
    weights, biases = list(dbn.coefs_), list(dbn.intercepts_)
    if isinstance(dbn._task, Classes) and len(dbn.classes_) == 2:
        weights[-1], biases[-1] = np.diff(weights[-1], axis=1), np.diff(biases[-1])
    return weights, biases


def _initialize(model, dbn, dtype):
    """Let a perceptron set all that it trains with, by one step on rows of zeros, and forget the step."""
    X = np.zeros((2, dbn.n_features_in_), dtype=dtype)
    if isinstance(dbn._task, Classes):
        model.partial_fit(X, dbn.classes_[:2], classes=dbn.classes_)
    elif isinstance(dbn._task, Labels):
        model.partial_fit(X, np.repeat([[0], [1]], len(dbn.classes_), axis=1), classes=dbn.classes_)
    else:
        model.partial_fit(X, np.zeros(2 if dbn._task.one_dimensional else (2, dbn.n_outputs_)))
    del model._optimizer  # the next training makes one
    model.loss_curve_, model.loss_, model.best_loss_ = [], np.nan, np.inf
    model.n_iter_ = model.t_ = model._no_improvement_count = 0
    if hasattr(dbn, "feature_names_in_"):
        model.feature_names_in_ = dbn.feature_names_in_
