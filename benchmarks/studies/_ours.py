"""Networks of this package by plain settings, all of them written out: a case then says what it measured.

`CLASSIFIER` and `REGRESSOR` are the defaults at the time of the studies, from which candidates differ;
`CLASSIFIER_NOW` and `REGRESSOR_NOW` are what the package has since then, as changes of them. Rates and
batches are rules, as the package's "auto" is one.
"""

from math import ceil

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skdbn import DBNClassifier, DBNRegressor, RBMTransformer
from skdbn.optimizers import RMSProp
from skdbn.schedules import Cosine, Exponential, Linear

RBM = {
    "rbm_rate": [0.14, 0.5, 0.03],  # for one input, power of the number of inputs, largest
    "rbm_n_iter": 20,
    "sampler": "pcd",
    "sparsity": None,
}
CLASSIFIER = {
    "hidden_layer_sizes": [256, 256],
    "pretrain": True,
    **RBM,
    "rate": [0.08, 0.5, 0.01],
    "schedule": "linear",
    "rho": 0.9,
    "epsilon": 1e-8,
    "alpha": 1e-4,
    "dropout": 0.1,
    "input_dropout": 0.0,
    "batch": [100, 10, 100],  # updates an epoch; smallest and largest batch
    "max_iter": 30,
    "least_updates": 0,  # epochs are added until there are as many
    "early_stopping": False,
    "fine_tuning": "backprop",
    "frozen_layers": 0,
    "head_epochs": 0,
}
REGRESSOR = {**CLASSIFIER, "max_iter": 100}
BEFORE, NOW = "the defaults before", "the defaults now"  # what tables call them
CLASSIFIER_NOW = {"input_dropout": 0.2}
REGRESSOR_NOW = {}
FEATURES = {"n_components": 256, **RBM}

_SAME_NAMES = (
    *("pretrain", "alpha", "dropout", "input_dropout", "early_stopping"),
    *("fine_tuning", "frozen_layers", "head_epochs"),
)
_SCHEDULES = {
    "constant": float,
    "linear": lambda rate: Linear(rate, 0),
    "cosine": lambda rate: Cosine(rate, 0),
    "exponential": lambda rate: Exponential(rate, rate / 100),
}


def first_rate(rule, n_inputs):
    """Return the rate that a rule gives for a number of inputs."""
    for_one_input, power, largest = rule
    return min(largest, for_one_input / n_inputs**power)


def batch_size(rule, n_rows):
    """Return the batch size that a rule gives for a number of rows."""
    n_updates, smallest, largest = rule
    return min(n_rows, max(smallest, min(largest, n_rows // n_updates)))


def n_epochs(settings, n_rows):
    """Return the epochs of fine-tuning."""
    updates_an_epoch = ceil(n_rows / batch_size(settings["batch"], n_rows))
    return max(settings["max_iter"], ceil(settings["least_updates"] / updates_an_epoch))


def rbm(settings, n_inputs):
    """Return the prototype of the machines; its rule counts the inputs of the first."""
    return RBMTransformer(
        settings.get("n_components", 256),
        sampler=settings["sampler"],
        sparsity=settings["sparsity"],
        learning_rate=Linear(first_rate(settings["rbm_rate"], n_inputs), 0),
        n_iter=settings["rbm_n_iter"],
    )


def machines(settings, n_inputs):
    """Return a prototype for each layer, since the rule of the rate counts the inputs of each."""
    inputs = [n_inputs, *settings["hidden_layer_sizes"][:-1]]
    return [rbm(settings, n) for n in inputs]


def _network(kind, settings, n_rows, n_inputs, seed):
    rate = _SCHEDULES[settings["schedule"]](first_rate(settings["rate"], n_inputs))
    return kind(
        settings["hidden_layer_sizes"],
        rbm=machines(settings, n_inputs),
        learning_rate=rate,
        optimizer=RMSProp(settings["rho"], settings["epsilon"]),
        batch_size=batch_size(settings["batch"], n_rows),
        max_iter=n_epochs(settings, n_rows),
        random_state=seed,
        **{name: settings[name] for name in _SAME_NAMES},
    )


def classifier(settings, n_rows, n_inputs, seed):
    """Return the DBNClassifier of these settings for training rows of this shape."""
    return _network(DBNClassifier, settings, n_rows, n_inputs, seed)


def regressor(settings, n_rows, n_inputs, seed):
    """Return the DBNRegressor of these settings."""
    return _network(DBNRegressor, settings, n_rows, n_inputs, seed)


def features(settings, n_inputs, seed):
    """Return an RBM whose features a logistic regression classifies by, as most users of RBMs have it."""
    machine = rbm(settings, n_inputs).set_params(random_state=seed)
    return make_pipeline(machine, LogisticRegression(max_iter=1000))
