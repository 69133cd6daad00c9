"""Generated estimators for the property tests, what they are asked, and what has to hold of the answers."""

import copy
import linecache
import os
import re
import traceback
from contextlib import contextmanager

import numpy as np
import pytest
from generated_data import BOUNDED, indicators, labels, numbers
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from same_state import assert_same_state

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.exceptions import DivergenceError

ESTIMATORS = (RBMTransformer, RBMClassifier, DBNTransformer, DBNClassifier, DBNRegressor)
LABELLED = (RBMClassifier, DBNClassifier)
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)

WITH_TARGETS = (*LABELLED, DBNRegressor)
DRAWING = (RBMTransformer, RBMClassifier, DBNTransformer, DBNClassifier)

# In all files: eight for every estimator, one for those with targets, one for those that draw.
N_TESTS = 8 * len(ESTIMATORS) + len(WITH_TARGETS) + len(DRAWING)
N_CASES = int(os.environ.get("SKDBN_PROPERTY_CASES", "2000"))
SEED = os.environ.get("SKDBN_PROPERTY_SEED")


def generated(check):
    """Run a property on its share of the cases: the same ones each time, or those of the seed asked for."""
    run = settings(
        max_examples=-(-N_CASES // N_TESTS),
        deadline=None,
        derandomize=SEED is None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    return run(check) if SEED is None else run(seed(int(SEED))(check))


# -- estimators ------------------------------------------------------------------------------------


@st.composite
def models(draw, estimator, visible, hidden=None, options=None, **parameters):
    """Return an estimator of some sizes, for rows of a type, that trains for an epoch or two.

    `hidden` are the types to choose from; `parameters` are for machines and networks alike, `options` for
    the estimator alone.
    """
    if hidden is None:
        hidden = (
            "bernoulli",
            "bernoulli",
            "softmax",
            *(("gaussian", "relu") if visible in BOUNDED else ()),
        )
    machine = {
        "batch_size": draw(st.sampled_from((None, "auto", 1, 2, 3, 100))),
        "visible": visible,
        "random_state": draw(st.integers(0, 3)),
        "sampler": draw(st.sampled_from(("cd", "pcd", "fastpcd", "paralleltempering", "meanfield"))),
        "centered": draw(st.booleans()),
        "hidden": draw(st.sampled_from(hidden)),
        "optimizer": draw(st.sampled_from(("rmsprop", "rmsprop", "sgd", "adam", "adagrad"))),
        **parameters,
    }
    size, n_epochs = draw(st.integers(1, 4)), draw(st.sampled_from((1, 1, 2)))
    if estimator is RBMTransformer:
        return RBMTransformer(size, n_iter=n_epochs, **{**machine, **(options or {})})
    if estimator is RBMClassifier:
        objective = draw(st.sampled_from(("hybrid", "generative", "discriminative")))
        return RBMClassifier(size, objective=objective, max_iter=n_epochs, **{**machine, **(options or {})})
    if machine["hidden"] == "gaussian":
        machine["hidden"] = "relu"  # a stack of machines that are Gaussian on both sides has no density
    return estimator(
        (size,) * draw(st.integers(1, 2)),
        rbm=RBMTransformer(n_iter=n_epochs, **{**machine, "random_state": None}),
        max_iter=n_epochs,
        batch_size=draw(st.sampled_from((None, "auto", 1, 3, 100))),
        random_state=machine["random_state"],
        optimizer=machine["optimizer"],
        **{**parameters, **options_of_network(draw, estimator, machine["hidden"]), **(options or {})},
    )


def options_of_network(draw, estimator, hidden):
    if estimator is DBNTransformer:
        tuned = draw(st.booleans())
        return {
            "fine_tuning": "reconstruction" if tuned else None,
            "pretrain": not tuned or draw(st.booleans()),
        }
    options = {
        "fine_tuning": draw(st.sampled_from((None, "backprop"))),
        "pretrain": draw(st.booleans()),
        "dropout": draw(st.sampled_from((0.0, 0.3))),
    }
    if estimator is DBNClassifier and hidden != "relu" and draw(st.integers(0, 3)) == 3:
        options.update(fine_tuning="up-down", pretrain=True)
    return options


@st.composite
def targets(draw, model, n_rows, rng):
    """Return targets of some type that the estimator takes."""
    if isinstance(model, DBNRegressor):
        return draw(numbers(n_rows, rng))
    several = isinstance(model, DBNClassifier) and model.fine_tuning != "up-down"
    if several and draw(st.integers(0, 4)) == 4:
        return indicators(n_rows, draw(st.integers(3, 5)), rng)
    return draw(labels(n_rows, rng))


def learns_alone(model):
    return isinstance(model, (RBMTransformer, DBNTransformer))


def fit(model, X, y, sample_weight=None, **options):
    if learns_alone(model):
        return model.fit(X, sample_weight=sample_weight, **options)
    return model.fit(X, y, sample_weight=sample_weight, **options)


def partial_fit(model, X, y, sample_weight=None):
    if learns_alone(model):
        return model.partial_fit(X, sample_weight=sample_weight)
    return model.partial_fit(X, y, sample_weight=sample_weight)


# -- what they are asked ---------------------------------------------------------------------------

ANSWERS = ("transform", "predict_proba", "predict_log_proba", "free_energy", "reconstruct")


def answers(model, X):
    """All that a model says of each row for itself, by the name of the method."""
    names = [*ANSWERS, "predict"] if isinstance(model, DBNRegressor) else ANSWERS
    if is_multilabel(model):
        names = ("transform", "predict_proba")
    said = {name: np.asarray(getattr(model, name)(X)) for name in names if hasattr(model, name)}
    if isinstance(model, RBMTransformer):
        said["score_samples"] = model.score_samples(X)
    elif isinstance(model, DBNTransformer) and model.rbms_ and has_density(model):
        said["score_samples"] = model.score_samples(X, log_partition=0.0)
    return said


def is_multilabel(model):
    return isinstance(model, DBNClassifier) and model._task.unit.__class__.__name__ == "Bernoulli"


def has_density(model):
    """Whether the units of a layer are those of both machines beside it, as `score_samples` needs."""
    return len(model.rbms_) == 1 or type(model.rbms_[0].hidden_) is type(model.rbms_[1].visible_)


def fitted_arrays(model):
    """Yield the numbers in the fitted attributes of a model and of its parts, with their names."""
    for name, value in vars(model).items():
        if name.endswith("_") and name != "classes_":
            yield from numbers_in(value, f"{type(model).__name__}.{name}")


def numbers_in(value, name):
    if isinstance(value, dict):
        # Of neighbouring temperatures without a turn no rate of exchange is known: NaN, as is written.
        value = [part for key, part in value.items() if key != "swap_rate"]
    if isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from numbers_in(part, f"{name}[{number}]")
    elif isinstance(value, (np.ndarray, float)) and np.asarray(value).dtype.kind == "f":
        yield name, np.asarray(value)
    elif isinstance(value, RBMTransformer):
        yield from fitted_arrays(value)


# -- what has to hold ------------------------------------------------------------------------------


def assert_finite(model, said):
    for name, array in (*fitted_arrays(model), *said.items()):
        assert np.isfinite(array).all(), name


def assert_same_model(model, other):
    for (name, array), (_, another) in zip(fitted_arrays(model), fitted_arrays(other), strict=True):
        np.testing.assert_array_equal(array, another, err_msg=name)


def assert_same_answers(model, X, said):
    """The same question has the same answer, down to the last bit."""
    for name, array in answers(model, X).items():
        np.testing.assert_array_equal(array, said[name], err_msg=name)


def assert_probabilities(model, X, said):
    """Probabilities are some, and the class predicted is one of the most probable."""
    if "predict_proba" not in said:
        return
    p, predicted = said["predict_proba"], model.predict(X)
    assert ((p >= 0) & (p <= 1)).all()
    if is_multilabel(model):
        np.testing.assert_array_equal(predicted, p > 0.5)
        return
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    positions = np.searchsorted(model.classes_, predicted)
    np.testing.assert_allclose(p[np.arange(len(p)), positions], p.max(axis=1), rtol=1e-5)


def assert_same_rows(said, others, dtype):
    """Two ways to the same rows differ by the rounding of products of other shapes."""
    tolerance = 200 * float(np.finfo(dtype).eps)
    for name, array in said.items():
        np.testing.assert_allclose(
            others[name], array, rtol=tolerance, atol=tolerance * (1 + np.abs(array).max()), err_msg=name
        )


STAGES = r"^(Training|Pretraining of layer \d+|Fine-tuning( of the output layer)?) diverged at epoch \d+ \("


def assert_explained(error):
    """It is one of ours or of scikit-learn's: raised on purpose, not by an operation that failed."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    assert "raise" in linecache.getline(last.filename, last.lineno), f"{type(error).__name__}: {error}"
    assert len(str(error)) > 20, str(error)
    if isinstance(error, DivergenceError):
        assert re.match(STAGES, str(error)), str(error)
        assert "learning_rate (now " in str(error), str(error)


@contextmanager
def nothing_else_touched(*models):
    """Fail if what is asked of models changes them, the global random state or how numpy reports errors."""
    before = [copy.deepcopy(vars(model)) for model in models]
    random_state, errors = np.random.get_state(), np.geterr()
    yield
    assert_same_state(np.random.get_state(), random_state)
    assert np.geterr() == errors
    for model, attributes in zip(models, before, strict=True):
        assert_same_state(vars(model), attributes)
