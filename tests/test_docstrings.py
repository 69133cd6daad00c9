"""Docstrings follow numpydoc, and say what the code says."""

import ast
import importlib
import inspect

import numpy as np
import pytest
from test_public_api import public_modules, public_names

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.optimizers import Optimizer
from skdbn.samplers import Sampler
from skdbn.schedules import Schedule
from skdbn.units import Unit

pytest.importorskip("numpydoc")

from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

IGNORED = {
    "ES01",  # no extended summary: one line is enough for most methods
    "SA01",  # no See Also: in classes only, and only where there is something to see
    "SA03",  # a See Also entry without description: scikit-learn's own names explain themselves
    "EX01",  # no example: required below for classes, which is where one looks
    "RT02",  # a return value with a name: scikit-learn names them
    "GL08",  # no docstring: a method that overrides a documented one inherits its docstring
}
# What scikit-learn's base classes bring, documented by scikit-learn.
INHERITED = {
    "fit_transform",
    "get_feature_names_out",
    "get_metadata_routing",
    "get_params",
    "score",  # where it is that of scikit-learn's mixins
    "set_output",
    "set_params",
}
BASE_CLASSES = [Optimizer, Sampler, Schedule, Unit]
ESTIMATORS = [DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer]

WITHOUT_REFERENCES = {
    "Linear": "a straight line needs none",
    "Exponential": "a constant factor needs none",
    "Mixed": "independence given the other layer needs none",
    "DivergenceError": "an error, not a method",
    "Batches": "reads rows, a means and not a method",
    **dict.fromkeys(
        ["FilterDisplay", "HiddenActivityDisplay", "LearningCurveDisplay"]
        + ["ReconstructionDisplay", "SamplesDisplay"],
        "a picture of what the estimators compute",
    ),
    **{base.__name__: "an interface, not a method" for base in BASE_CLASSES},
}
WITHOUT_EXAMPLES = {base.__name__: "abstract: says how to implement one" for base in BASE_CLASSES}
RECORDS = dict.fromkeys(
    ["HiddenActivity", "States", "WeightNorms"], "a record: its fields are explained where they are defined"
)


def public_objects():
    """Yield (dotted name, object) of every public class and function."""
    for name in public_modules():
        module = importlib.import_module(name)
        for public in public_names(module):
            if callable(getattr(module, public)):
                yield f"{name}.{public}", getattr(module, public)


def methods():
    """Yield the dotted names of the public methods that have to be documented in full.

    Those of the estimators, and those that a base class declares: what derives from it adds at most a
    line to the docstring of its base.
    """
    for name, cls in CLASSES.items():
        for method, function in inspect.getmembers(cls, callable):
            if method.startswith("_") or is_inherited(method, function):
                continue
            if cls in ESTIMATORS or (cls in BASE_CLASSES and method in vars(cls)):
                yield f"{name}.{method}"


def is_inherited(method, function):
    """Whether scikit-learn provides the method; `set_..._request` it makes for each method."""
    known = method in INHERITED or (method.startswith("set_") and method.endswith("_request"))
    return known and not getattr(function, "__module__", "").startswith("skdbn")


OBJECTS = dict(public_objects())
CLASSES = {
    name: cls for name, cls in OBJECTS.items() if inspect.isclass(cls) and cls.__name__ not in RECORDS
}
METHODS = list(methods())
each_class = pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)


@pytest.mark.parametrize("name", [name for name in OBJECTS if name.split(".")[-1] not in RECORDS])
def test_docstrings_of_classes_and_functions_follow_numpydoc(name):
    assert violations(name) == []


@pytest.mark.parametrize("name", METHODS)
def test_docstrings_of_methods_follow_numpydoc(name):
    assert violations(name) == []


def violations(name):
    return [error for error in validate(name)["errors"] if error[0] not in IGNORED]


# -- defaults --------------------------------------------------------------------------------------


def documented_defaults(parameters):
    """Return {name: default or "required"} as the Parameters section has them."""
    defaults = {}
    for parameter in parameters:
        if parameter.name.startswith("*"):
            continue  # any number of them
        names = parameter.name.split(", ")
        _, says_default, value = parameter.type.partition("default=")
        if parameter.type == "Ignored":
            value = "None"
        elif not says_default:
            value = "'required'"
        values = value.split(" and ")  # one for each name, or one for all
        values = values if len(values) == len(names) else values * len(names)
        defaults.update(zip(names, map(ast.literal_eval, values), strict=True))
    return defaults


def defaults_in_code(function):
    parameters = [p for name, p in inspect.signature(function).parameters.items() if name != "self"]
    parameters = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {p.name: "required" if p.default is p.empty else p.default for p in parameters}


@each_class
def test_defaults_of_classes_are_those_in_the_code(cls):
    if cls not in BASE_CLASSES and not issubclass(cls, Exception):
        assert documented_defaults(ClassDoc(cls)["Parameters"]) == defaults_in_code(cls.__init__)


@pytest.mark.parametrize("name", METHODS)
def test_defaults_of_methods_are_those_in_the_code(name):
    path, _, method = name.rpartition(".")
    function = getattr(CLASSES[path], method)
    documented = documented_defaults(FunctionDoc(function)["Parameters"])
    if documented:
        assert documented == defaults_in_code(function)


# -- attributes ------------------------------------------------------------------------------------


def fitted_models(cls):
    """Return models that together have all attributes that `fit` can set."""
    X = np.array([[0, 1, 0], [1, 0, 1], [1, 1, 0], [0, 0, 1]] * 3, dtype=np.float64)
    y = np.array([0, 0, 0, 0] * 2 + [0, 1, 1, 1])
    if cls is RBMTransformer:
        return [cls(n_components=2, n_iter=1, random_state=0).fit(X, X_val=X)]
    if cls is RBMClassifier:
        return [cls(n_components=2, max_iter=1, random_state=0).fit(X, y)]
    # So small a rate and so large a tolerance that neither phase has anything to warn about.
    rbm = RBMTransformer(n_iter=1)
    model = cls((2,), rbm=rbm, learning_rate=1e-6, max_iter=2, tol=1e3, n_iter_no_change=1)
    model.set_params(random_state=0)
    if cls is not DBNClassifier:
        return [model.fit(X, y)]
    return [model.set_params(fine_tuning=how).fit(X, y) for how in ("backprop", "up-down")]


@each_estimator
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of two epochs
def test_attributes_in_the_docstring_are_those_that_fit_sets(cls):
    documented = {attribute.name for attribute in ClassDoc(cls)["Attributes"]}
    public = {name for model in fitted_models(cls) for name in vars(model) if is_fitted_attribute(name)}
    assert documented == public | {"feature_names_in_"}  # set for data frames only


def is_fitted_attribute(name):
    return name.endswith("_") and not name.startswith("_")


# -- sections --------------------------------------------------------------------------------------


@each_class
def test_every_class_has_an_example(cls):
    assert bool(ClassDoc(cls)["Examples"]) != (cls.__name__ in WITHOUT_EXAMPLES)


@each_class
def test_every_class_has_references_or_a_reason_not_to(cls):
    assert bool(ClassDoc(cls)["References"]) != (cls.__name__ in WITHOUT_REFERENCES)


@each_class
def test_every_reference_is_cited(cls):
    document = inspect.getdoc(cls)
    numbers = {line.split("[")[1].split("]")[0] for line in ClassDoc(cls)["References"] if "[" in line}
    before = document.partition("References\n---")[0]
    assert all(f"[{number}]_" in before for number in numbers)


def test_exemptions_are_of_classes_that_exist():
    names = {name.split(".")[-1] for name in OBJECTS}
    assert {*WITHOUT_REFERENCES, *WITHOUT_EXAMPLES, *RECORDS} <= names
