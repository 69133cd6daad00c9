"""What the displays read from estimators: the model inside a pipeline, its layers, its filters, rows."""

from functools import reduce
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skdbn._rows import spread_rows
from skdbn._sklearn_compat import safe_indexing


def model_and_rows(estimator, X=None):
    """Return the fitted model that an estimator holds, and the rows X as that model sees them.

    It is the best estimator of a search and the last step of a pipeline, whose other steps transform X.
    """
    if hasattr(estimator, "best_estimator_"):
        return model_and_rows(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        if X is not None and len(estimator) > 1:
            check_is_fitted(estimator[-1])
            X = estimator[:-1].transform(X)
        return model_and_rows(estimator[-1], X)
    check_is_fitted(estimator)
    return estimator, X


def method_of(model, method, display, others):
    """Return a method of the model, or raise if it has none."""
    if not hasattr(model, method):
        raise TypeError(
            f"{display} needs an estimator with `{method}`, such as {others}; "
            f"{type(model).__name__} has none."
        )
    return getattr(model, method)


def check_count(name, value):
    """Raise unless the value is an integer of at least 1."""
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be an integer >= 1; got {value!r}.")


def feature_names(model):
    """Return the names of the columns the model was fitted on, or None."""
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else list(map(str, names))


# -- rows ------------------------------------------------------------------------------------------


def chosen_rows(X, n_rows):
    """Return at most `n_rows` rows, spread evenly over X, of the same type as X."""
    n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
    if not n_samples:
        raise ValueError("X has no rows.")
    return safe_indexing(X, spread_rows(n_samples, n_rows))


def as_array(X):
    """Return rows as a dense array of floats."""
    return np.asarray(X.toarray() if sparse.issparse(X) else X, dtype=np.float64)


def encoded(model, X):
    """Return rows in the coordinates of the model's visible units: scaled, for Gaussian ones."""
    X = as_array(X)
    unit = getattr(model, "visible_", None)
    return X if unit is None else unit.encode(X, out=np.empty_like(X))


def passed_by_means(model, X, labels=None):
    """Return rows passed up to the first hidden layer of RBMs and down again by means.

    Of an RBM with labels among its visible units they have to be given.
    """
    rbm = model.rbms_[0] if hasattr(model, "rbms_") else model
    v = encoded(rbm, X).astype(rbm.components_.dtype)
    n_features = v.shape[1]
    if labels is not None:
        v = np.hstack([v, (labels[:, np.newaxis] == model.classes_).astype(v.dtype)])
    machine = rbm._machine()
    mean = machine.mean_v_from_h(machine.mean_h_from_v(v))
    return rbm.visible_.decode(mean[:, :n_features].copy())


def reconstructed(model, X, display):
    """Return the reconstructions of rows, and what to call the model that made them.

    A DBN without `reconstruct` passes rows up and down its pre-trained machines by means.
    """
    name, machines = type(model).__name__, getattr(model, "rbms_", [])
    if hasattr(model, "reconstruct") or not machines:
        others = "RBMTransformer, DBNTransformer or a pre-trained DBNClassifier"
        return method_of(model, "reconstruct", display, others)(X), name
    if hasattr(model, "generative_coefs_"):
        raise ValueError(
            'A network trained by fine_tuning="up-down" reconstructs nothing: its top machine needs the '
            "label. SamplesDisplay shows what it draws."
        )
    H = as_array(X)
    for machine in machines:
        H = machine.transform(H)
    for machine in reversed(machines):
        H = machine.inverse_transform(H)
    return H, f"{name}, pre-trained machines"


# -- layers and filters ----------------------------------------------------------------------------


def layer_number(layer, n_layers, model):
    """Return the position of a hidden layer, counted from 0, or raise if there is none."""
    if not isinstance(layer, Integral) or not -n_layers <= layer < n_layers:
        layers = "1 hidden layer" if n_layers == 1 else f"{n_layers} hidden layers"
        raise ValueError(
            f"layer={layer!r}, but {type(model).__name__} has {layers}: "
            f"give an integer from {-n_layers} to {n_layers - 1}."
        )
    return range(n_layers)[layer]


def layer_weights(model, fine_tuned=True):
    """Return the weights (n_in, n_out) into each hidden layer, the first on encoded inputs."""
    if hasattr(model, "components_"):
        return [np.asarray(model.components_, dtype=np.float64).T]
    if not hasattr(model, "coefs_"):
        raise TypeError(
            "FilterDisplay needs an estimator with `components_` or `coefs_`, such as RBMTransformer or "
            f"DBNClassifier; {type(model).__name__} has neither."
        )
    return _network_weights(model) if fine_tuned else _machine_weights(model)


def _network_weights(model):
    n_hidden = len(model._hidden_sizes()) if hasattr(model, "_hidden_sizes") else len(model.coefs_) - 1
    first, *upper = (np.asarray(W, dtype=np.float64) for W in model.coefs_[:n_hidden])
    if hasattr(model, "visible_"):
        first, _ = model.visible_.from_data_units(first, np.asarray(model.intercepts_[0], np.float64))
    return [first, *upper]


def _machine_weights(model):
    machines = getattr(model, "rbms_", [])
    if not machines:
        raise ValueError(
            f"fine_tuned=False shows the pre-trained machines, but this {type(model).__name__} has none."
        )
    weights, n_in = [], model.n_features_in_
    for machine in machines:
        W = np.asarray(machine.components_, dtype=np.float64).T
        if weights:
            W, _ = machine.visible_.to_data_units(W, np.asarray(machine.intercept_hidden_, np.float64))
        weights.append(W[:n_in])  # the top machine of an up-down network has the labels beside
        n_in = W.shape[1]
    return weights


def filters_of(weights, layer):
    """Return what the units of a layer weigh the inputs with, (n_units, n_features).

    Above the first layer: the weights multiplied down to the inputs, as if all units were linear.
    """
    return reduce(np.matmul, weights[: layer + 1]).T
