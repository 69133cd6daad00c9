"""Small data, and the estimators whose methods are called with what is unusual."""

import copy
import warnings
from functools import cache

import numpy as np

import skdbn

N_ROWS, N_COLUMNS = 12, 5
X = np.random.default_rng(0).random((N_ROWS, N_COLUMNS))
LABELS = np.arange(N_ROWS) % 3
NUMBERS = np.linspace(-2.0, 3.0, N_ROWS) ** 2

ESTIMATORS = ("RBMTransformer", "RBMClassifier", "DBNTransformer", "DBNClassifier", "DBNRegressor")
SUPERVISED = ("RBMClassifier", "DBNClassifier", "DBNRegressor")
CLASSIFIERS = ("RBMClassifier", "DBNClassifier")
_TARGETS = {"RBMClassifier": LABELS, "DBNClassifier": LABELS, "DBNRegressor": NUMBERS}

# What trains, and what is asked of rows after a training.
TRAINING = {
    "RBMTransformer": ("fit", "fit_transform", "partial_fit"),
    "RBMClassifier": ("fit", "fit_transform", "partial_fit"),
    "DBNTransformer": ("fit", "fit_transform", "partial_fit"),
    "DBNClassifier": ("fit", "fit_transform", "partial_fit", "pretrain_on"),
    "DBNRegressor": ("fit", "fit_transform", "partial_fit", "pretrain_on"),
}
ASKING = {
    "RBMTransformer": ("transform", "reconstruct", "gibbs", "free_energy", "score_samples", "score"),
    "RBMClassifier": ("predict", "predict_proba", "predict_log_proba", "transform", "free_energy", "score"),
    "DBNTransformer": ("transform", "reconstruct", "log_likelihood_bound", "score_samples", "score"),
    "DBNClassifier": ("predict", "predict_proba", "predict_log_proba", "transform", "score"),
    "DBNRegressor": ("predict", "transform", "score"),
}


def rbm(**parameters):
    return skdbn.RBMTransformer(3, **{"n_iter": 1, "random_state": 0, **parameters})


def new(name, **parameters):
    """Return an estimator that trains in no time."""
    if name == "RBMTransformer":
        return rbm(**parameters)
    kind = getattr(skdbn, name)
    if name == "RBMClassifier":
        return kind(3, **{"max_iter": 1, "random_state": 0, **parameters})
    if name != "DBNTransformer":
        parameters = {"max_iter": 1, **parameters}
    return kind(**{"hidden_layer_sizes": (4, 3), "rbm": rbm(), "random_state": 0, **parameters})


def targets(name):
    """Return the targets of the rows, as a tuple of one or none."""
    return (_TARGETS[name],) if name in _TARGETS else ()


@cache
def _fitted(name, parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return new(name, **dict(parameters)).fit(X, *targets(name))


def fitted(name, **parameters):
    """Return an estimator that was fitted to the rows; changing it changes no other one."""
    return copy.deepcopy(_fitted(name, tuple(parameters.items())))


class Method:
    """A method of an estimator, to be called on a new or on a fitted one."""

    def __init__(self, path):
        self.path = path
        self.estimator, self.name = path.split(".")
        self.trains = self.name in TRAINING[self.estimator]
        self.wants_targets = self.name in ("fit", "fit_transform", "partial_fit", "score")

    def __repr__(self):
        return self.path

    def exists(self):
        return hasattr(getattr(skdbn, self.estimator), self.name)

    def of(self, model, *arguments, **options):
        """Call the method of a model."""
        return getattr(model, self.name)(*arguments, **options)

    def on_new(self, *arguments, **options):
        return self.of(new(self.estimator), *arguments, **options)

    def on_fitted(self, *arguments, **options):
        return self.of(fitted(self.estimator), *arguments, **options)

    def with_rows(self, rows, y=None, model=None, **options):
        """Call the method with rows, and as many targets where it takes them."""
        if model is None:
            model = new(self.estimator) if self.trains else fitted(self.estimator)
        given = () if y is None else (y,)
        if y is None and self.wants_targets and self.estimator in _TARGETS:
            given = (_TARGETS[self.estimator][: _n_rows(rows)],)
        if self.name in ("gibbs", "impute", "log_likelihood_bound"):
            options = {"random_state": 0, **options}
        return self.of(model, rows, *given, **options)


def _n_rows(rows):
    return rows.shape[0] if hasattr(rows, "shape") and rows.shape else N_ROWS


def paths(methods, estimators=ESTIMATORS):
    """Return "Estimator.method" for a dictionary of methods, or one name of all these estimators."""
    if isinstance(methods, str):
        methods = {name: tuple(methods.split()) for name in estimators}
    return tuple(f"{name}.{method}" for name in estimators for method in methods[name])
