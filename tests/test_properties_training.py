"""Generated trainings in chunks, in several fits, with rows held out and with rows that have no target.

How many cases there are, and of which seed, is told in ``test_properties.py``.
"""

import copy

import numpy as np
import pandas as pd
import pytest
from generated_data import CONTAINERS, MARKERS, assert_unchanged, held, matrices, row_weights, shapes
from generated_models import (
    LABELLED,
    WITH_TARGETS,
    answers,
    assert_explained,
    assert_finite,
    assert_same_model,
    each_estimator,
    fit,
    generated,
    learns_alone,
    models,
    nothing_else_touched,
    partial_fit,
    targets,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skdbn import DBNClassifier, DBNRegressor, RBMClassifier, RBMTransformer

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@each_estimator
def test_chunks_of_any_type_train_as_their_numbers_do(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(3, 10))
        A, _, visible = data.draw(matrices(shape, rng))
        A = A.astype(data.draw(st.sampled_from((np.float32, np.float64))))
        model = data.draw(models(estimator, visible))
        y, weights = data.draw(targets(model, shape[0], rng)), data.draw(row_weights(shape[0], rng))
        data.draw(st.sampled_from((fit, partial_fit)))(model, A, y, weights)
        other = copy.deepcopy(model)
        candidates = np.arange(shape[0]) if weights is None else np.flatnonzero(weights)  # others: no class
        for _ in range(data.draw(st.integers(1, 2))):
            rows = np.sort(
                rng.choice(candidates, size=data.draw(st.integers(1, len(candidates))), replace=False)
            )
            chunk, container = data.draw(held(A[rows]))
            if visible == "softmax" or isinstance(visible, list):
                chunk = A[rows]  # one-hot rows of another type are the same; their neighbours are not
            make = CONTAINERS[container if chunk.dtype != object else "C"]
            X, y_chunk = make(chunk), some_rows(y, rows)
            w_chunk = None if weights is None else weights[rows]
            before = copy.deepcopy((X, y_chunk, w_chunk))
            with nothing_else_touched():
                partial_fit(model, X, y_chunk, w_chunk)
            for value, kept in zip((X, y_chunk, w_chunk), before, strict=True):
                assert_unchanged(value, kept)
            partial_fit(other, chunk.astype(float).astype(A.dtype), y_chunk, w_chunk)
        assert_same_model(model, other)
        assert_finite(model, answers(model, A))

    check()


def some_rows(y, rows):
    """The rows of targets of any container."""
    if isinstance(y, list):
        return [y[row] for row in rows]
    return y.iloc[rows] if isinstance(y, pd.Series) else y[rows]


@each_estimator
def test_a_fit_from_where_the_last_one_ended_is_repeatable_and_adds_to_its_history(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(2, 10))
        A, container, visible = data.draw(matrices(shape, rng))
        X = CONTAINERS[container](A)
        model = data.draw(models(estimator, visible, options={"warm_start": True}))
        y, weights = data.draw(targets(model, shape[0], rng)), data.draw(row_weights(shape[0], rng))
        fit(model, X, y, weights)
        n_epochs, twin = n_epochs_of(model), copy.deepcopy(model)
        assert_same_model(model, twin)
        with nothing_else_touched(twin):
            fit(model, X, y, weights)
        assert n_epochs_of(model) > n_epochs
        assert_finite(model, answers(model, X))
        assert_same_model(fit(twin, X, y, weights), model)

    check()


def n_epochs_of(model):
    return len(model.history_["learning_rate"]) if isinstance(model, RBMTransformer) else model.n_iter_


@each_estimator
def test_rows_held_out_leave_a_finite_model_or_it_is_said_why_there_are_too_few(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(1, 12))
        A, container, visible = data.draw(matrices(shape, rng))
        options = {}
        if estimator is not RBMTransformer:
            options = {
                "early_stopping": data.draw(st.booleans()),
                "validation_fraction": data.draw(st.sampled_from((0.1, 0.5, 0.9))),
                "n_iter_no_change": 1,
            }
        model = data.draw(models(estimator, visible, options=options))
        X, y = CONTAINERS[container](A), data.draw(targets(model, shape[0], rng))
        weights = data.draw(row_weights(shape[0], rng))
        if data.draw(st.booleans()):
            chosen = rng.integers(shape[0], size=data.draw(st.integers(1, 5)))
            options = {"X_val": CONTAINERS[container](A[chosen])}
            if not learns_alone(model):
                options["y_val"] = some_rows(y, chosen)
        else:
            options = {}
        before, attributes = copy.deepcopy((X, y, weights, options)), set(vars(model))
        with nothing_else_touched():
            try:
                fit(model, X, y, weights, **options)
            except ValueError as error:
                assert_explained(error)
                assert set(vars(model)) == attributes, "half-made attributes"
            else:
                assert_finite(model, answers(model, X))
        after = X, y, weights, *options.values()
        for value, kept in zip(after, (*before[:3], *before[3].values()), strict=True):
            assert_unchanged(value, kept)

    check()


@pytest.mark.parametrize("estimator", WITH_TARGETS)
def test_rows_without_a_target_are_left_out_of_the_scores_and_leave_a_finite_model(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(2, 12))
        A, container, visible = data.draw(matrices(shape, rng))
        known = rng.random(shape[0]) < 0.6
        known[0] = True
        y, marker = data.draw(partly_known(estimator, known, rng))
        model = data.draw(models(estimator, visible, options={"unlabeled": marker}))
        X, weights = CONTAINERS[container](A), data.draw(row_weights(shape[0], rng))
        before = copy.deepcopy((X, y, weights))
        with nothing_else_touched():
            fit(model, X, y, weights)
        assert_finite(model, answers(model, X))
        for value, kept in zip((X, y, weights), before, strict=True):
            assert_unchanged(value, kept)
        if estimator in LABELLED:
            assert marker not in list(model.classes_)
            rows = np.flatnonzero(known)
            right = np.asarray(model.predict(X))[rows] == np.asarray(y, dtype=object)[rows]
            assert model.score(X, y) == pytest.approx(right.mean())

    check()


@st.composite
def partly_known(draw, estimator, known, rng):
    """Return targets of some type, and the marker that they have where they are not known."""
    if estimator is DBNRegressor:
        y = rng.standard_normal((len(known), draw(st.integers(1, 2))))
        y[~known] = np.nan
        return (y[:, 0] if y.shape[1] == 1 and draw(st.booleans()) else y), np.nan
    kind = draw(st.sampled_from(sorted(MARKERS)))
    names = {"strings": ["b", "a"], "list": ["b", "a"], "objects": ["b", "a"], "floats": [2.0, 0.0]}
    codes = rng.integers(draw(st.integers(1, 2)), size=len(known))
    marker = "?" if kind == "objects" else MARKERS[kind]
    values = [names.get(kind, [7, 3])[code] for code in codes]
    values = [value if row else marker for value, row in zip(values, known, strict=True)]
    if kind == "list":
        return values, marker
    return np.array(values, dtype=object if kind == "objects" else None), marker


# -- what generated cases have found ---------------------------------------------------------------


@pytest.mark.parametrize("make", [sparse.coo_matrix, sparse.coo_array])
def test_rows_in_coordinate_format_are_scored_where_some_labels_are_not_known(make):
    X, y = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), [0, 1, -1]
    for model in (RBMClassifier(1, max_iter=1), DBNClassifier(1, max_iter=1, pretrain=False)):
        model.set_params(unlabeled=-1, random_state=0).fit(make(X), y)
        assert model.score(make(X), y) == model.score(X, y)
