"""What notebooks show: links, tooltips and layers, whatever the parameters are."""

import html
import pickle
import re
import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from test_public_api import names_in_reference

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn._html import DOCUMENTATION
from skdbn.optimizers import SGD, AdaGrad, Adam, RMSProp
from skdbn.samplers import CD, PCD, FastPCD, MeanField, ParallelTempering
from skdbn.schedules import Cosine, Exponential, InverseScaling, Linear
from skdbn.sparsity import SparsityTarget
from skdbn.units import Bernoulli, Gaussian, ReLU, Softmax

VERSION = tuple(int(number) for number in re.findall(r"\d+", sklearn.__version__)[:2])
STACKS = [DBNClassifier, DBNRegressor, DBNTransformer]
ESTIMATORS = [*STACKS, RBMClassifier, RBMTransformer]
PARTS = [
    *(SGD(), RMSProp(), Adam(), AdaGrad()),
    *(CD(), PCD(), FastPCD(), ParallelTempering(), MeanField()),
    *(Linear(1, 0), Exponential(1, 0.1), Cosine(1, 0), InverseScaling(1)),
    *(Bernoulli(), Gaussian(), ReLU(), Softmax()),
    SparsityTarget(),
]

each_part = pytest.mark.parametrize(
    "part", [*(cls() for cls in ESTIMATORS), *PARTS], ids=lambda part: type(part).__name__
)
each_stack = pytest.mark.parametrize("cls", STACKS)
with_tooltips = pytest.mark.skipif(VERSION < (1, 9), reason="no tooltips before scikit-learn 1.9")


def shown(estimator):
    """Return what is shown of an estimator, without style sheet, script and the text for old viewers."""
    document = estimator._repr_html_()
    return document[document.index('<div class="sk-container"') :].split("<script>")[0]


def links(estimator):
    """Return the page behind each question mark, from the outside in."""
    return re.findall(r'<a class="sk-estimator-doc-link ?\w*"[^>]* href="([^"]*)"', shown(estimator))


def labels(estimator):
    """Return the names of boxes, from top to bottom."""
    names = re.findall(r"<label>([^<]*)</label>|<div>([^<]+)</div>|arrow\">([^<]+)<", shown(estimator))
    return [html.unescape("".join(groups)) for groups in names]


def layers(estimator):
    return [label for label in labels(estimator) if "layer" in label]


def small(cls, **parameters):
    rbm = RBMTransformer(n_iter=1)
    given = {"hidden_layer_sizes": (7, 3), "rbm": rbm, "max_iter": 1, "random_state": 0}
    return cls(**{**given, **parameters})


def fitted(model):
    X = np.random.default_rng(0).random((20, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of one epoch
        return model.fit(X, np.arange(20) % 2)


# -- links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part", [*[cls() for cls in ESTIMATORS], *PARTS], ids=lambda part: type(part).__name__
)
def test_link_leads_to_a_page_of_the_reference(part):
    link = links(part)[0]
    assert link.startswith(f"{DOCUMENTATION}/generated/skdbn.")
    module, _, name = link.removeprefix(f"{DOCUMENTATION}/generated/").removesuffix(".html").rpartition(".")
    assert name == type(part).__name__
    assert name in names_in_reference()[module]


def test_class_of_a_user_has_no_link_to_our_pages():
    class Mine(RBMTransformer):
        pass

    assert links(Mine()) == []


# -- tooltips --------------------------------------------------------------------------------------


@with_tooltips
@pytest.mark.parametrize(
    "part", [*[cls() for cls in ESTIMATORS], *PARTS], ids=lambda part: type(part).__name__
)
def test_every_parameter_has_a_tooltip(part):
    document = shown(part)
    for name in part.get_params(deep=False):
        assert f'style="position-anchor: --doc-link-{name};"' in document


@with_tooltips
def test_tooltip_says_what_the_docstring_says():
    assert "n_components: int, default=256<br><br>Number of hidden units" in shown(RBMTransformer())


@with_tooltips
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_fitted_attribute_has_a_tooltip(cls):
    model = fitted(small(cls) if cls in STACKS else cls(3, random_state=0))
    document = shown(model)
    attributes = [name for name in vars(model) if name.endswith("_") and not name.startswith("_")]
    assert "n_features_in_" in attributes
    for name in attributes:
        assert f'style="position-anchor: --doc-link-{name};"' in document


# -- layers ----------------------------------------------------------------------------------------


@each_stack
def test_layers_to_be_trained_are_shown_bottom_up(cls):
    names = labels(small(cls))
    assert names[0] == cls.__name__
    assert names[1:] == [
        "rbm: layer 1, 7 hidden units",
        "RBMTransformer",
        "rbm: layer 2, 3 hidden units",
        "RBMTransformer",
    ]


@each_stack
def test_layers_have_their_size_and_the_parameters_of_the_prototype(cls):
    document = shown(small(cls, rbm=RBMTransformer(sampler="cd", n_iter=11)))
    if VERSION < (1, 9):
        assert "RBMTransformer(n_components=7, n_iter=11, sampler=&#x27;cd&#x27;)" in document
        return
    rows = dict(
        re.findall(r"Copy (\w+) to clipboard.*?<td class=\"value\">([^<]*)</td>", document, re.DOTALL)
    )
    assert (rows["n_components"], rows["n_iter"]) == ("3", "11")  # the last ones: of the top layer
    assert html.unescape(rows["sampler"]) == "'cd'"
    assert rows["random_state"] == "None"  # the seed that `fit` will draw is not made up


@with_tooltips
def test_parameters_of_layers_are_copied_with_the_prefix_that_a_grid_search_needs():
    model = make_pipeline(MinMaxScaler(), small(DBNClassifier))
    prefixes = set(re.findall(r'data-param-prefix="([^"]*)"', shown(model)))
    assert {"dbnclassifier__", "dbnclassifier__rbm__"} <= prefixes
    model.set_params(dbnclassifier__rbm__n_iter=2)


@each_stack
def test_machines_that_were_trained_are_shown(cls):
    model = fitted(small(cls))
    model.set_params(hidden_layer_sizes=(99,))  # not trained yet
    assert layers(model) == ["rbm: layer 1, 7 hidden units", "rbm: layer 2, 3 hidden units"]
    block = model._sk_visual_block_()
    assert [layer.estimators[0] for layer in block.estimators] == model.rbms_


@each_stack
def test_network_without_pretraining_has_no_machines(cls):
    model = small(cls, pretrain=False)
    expected = ["rbm: layer 1, 7 hidden units", "not pre-trained"]
    assert labels(model)[1:3] == expected
    if cls is not DBNTransformer:  # which needs one of the two trainings
        model = fitted(model).set_params(hidden_layer_sizes=(99,))  # not trained yet
        assert labels(model)[1:3] == expected
    assert "RBMTransformer" not in labels(model)


def test_machines_that_were_trained_apart_are_shown():
    stack = fitted(small(DBNTransformer))
    model = DBNClassifier((2,), pretrain=FrozenEstimator(stack))
    block = model._sk_visual_block_()
    assert [layer.estimators[0] for layer in block.estimators] == stack.rbms_


def test_list_of_machines_is_shown_in_its_order():
    rbm = [RBMTransformer(visible="gaussian"), RBMTransformer(hidden="relu")]
    block = small(DBNRegressor, rbm=rbm)._sk_visual_block_()
    machines = [layer.estimators[0] for layer in block.estimators]
    assert [(machine.visible, machine.hidden) for machine in machines] == [
        ("gaussian", "bernoulli"),
        ("auto", "relu"),
    ]
    assert [machine.n_components for machine in rbm] == [256, 256]  # the user's are left alone


# -- nothing breaks --------------------------------------------------------------------------------

ODD = [
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": (0, -1)},
    {"hidden_layer_sizes": "large"},
    {"hidden_layer_sizes": None},
    {"hidden_layer_sizes": np.array([3.5])},
    {"rbm": "pcd"},
    {"rbm": [RBMTransformer()]},
    {"rbm": RBMTransformer},
    {"pretrain": "yes"},
    {"pretrain": FrozenEstimator(DBNTransformer())},
    {"verbose": "loud"},
    {"optimizer": object},
]


@each_stack
@pytest.mark.parametrize("odd", ODD, ids=str)
def test_odd_parameters_are_shown_like_any_others(cls, odd):
    model = small(cls, **odd)
    assert labels(model)[0] == cls.__name__
    assert links(model)[0].endswith(f"skdbn.{cls.__name__}.html")
    assert cls.__name__ in labels(make_pipeline(MinMaxScaler(), model))[2]


@each_stack
def test_values_of_parameters_are_escaped(cls):
    document = small(cls, hidden_layer_sizes="<b>", rbm="</div><script>alert(1)</script>")._repr_html_()
    assert "<b>&#x27;" not in document.partition("<b>In a Jupyter environment")[0]
    assert "<script>alert" not in document
    assert "&lt;script&gt;alert" in document


@each_stack
def test_showing_computes_nothing_and_changes_nothing(cls, monkeypatch):
    model = fitted(small(cls))
    called = []
    for name in ("_fit", "_hidden_means", "transform", "free_energy", "score_samples", "log_partition"):
        monkeypatch.setattr(RBMTransformer, name, lambda *_, name=name, **__: called.append(name))
    before = pickle.dumps(model)
    for shown_model in (model, clone(model)):
        shown_model._repr_html_()
    assert called == []
    assert pickle.dumps(model) == before


@pytest.mark.thread_unsafe(reason="it seeds the generator of the process")
@each_stack
def test_global_random_numbers_are_left_alone(cls):
    np.random.seed(3)
    small(cls)._repr_html_()
    after = np.random.random()
    np.random.seed(3)
    assert after == np.random.random()


@each_stack
def test_scikit_learn_without_blocks_shows_the_estimator_as_one(cls, monkeypatch):
    def gone(*arguments, **options):
        raise ImportError

    monkeypatch.setattr("skdbn._html_stack.serial_block", gone)
    assert labels(small(cls))[0] == cls.__name__
    assert layers(small(cls)) == []
