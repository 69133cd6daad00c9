"""Generated numbers that are too small, too large, or trained on too fast: finite, or an error says why.

How many cases there are, and of which seed, is told in ``test_properties.py``.
"""

import copy

import numpy as np
import pytest
from generated_data import clipped_to_float32, extreme_rows, matrices, row_weights, shapes
from generated_models import (
    LABELLED,
    answers,
    assert_explained,
    assert_finite,
    each_estimator,
    fit,
    generated,
    models,
    nothing_else_touched,
    partial_fit,
    targets,
)
from hypothesis import given
from hypothesis import strategies as st
from same_state import assert_same_state

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.exceptions import DivergenceError

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

# Of machines and networks; with the plain optimizer, steps are as large as the rate says.
rates = st.one_of(st.just("auto"), st.integers(-12, 30).map(lambda power: 10.0**power))
visible_types = st.sampled_from(("auto", "auto", "gaussian"))


def ask(model, X):
    """Ask a model all that it says of rows and draws from them: numbers, or an error that says why."""
    draws = {
        "gibbs": lambda: model.gibbs(X, 2, random_state=0),
        "impute": lambda: model.impute(np.where(np.eye(*X.shape), np.nan, X), n_steps=2, random_state=0),
        "sample": lambda: model.sample(2, n_steps=2, start=X, random_state=0),
        "log_likelihood_bound": lambda: (
            model.log_likelihood_bound(X, 0.0, n_draws=2, random_state=0).per_row
        ),
        "predict": lambda: model.predict(X),
    }
    starts = isinstance(model, (RBMTransformer, RBMClassifier, DBNTransformer))
    asked = [lambda: answers(model, X)]
    for name, draw in draws.items():
        if hasattr(model, name) and (name != "sample" or starts):
            asked.append(lambda name=name, draw=draw: {name: draw()})
    for question in asked:
        try:
            said = question()
        except (ValueError, TypeError) as error:
            assert_explained(error)
        else:
            assert_finite(model, {k: v for k, v in said.items() if v.dtype.kind == "f"})


@each_estimator
def test_extreme_numbers_end_in_a_finite_model_or_in_an_error_that_says_why(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 4))
        X, weights = data.draw(extreme_rows(shape, rng)), data.draw(row_weights(shape[0], rng))
        model = data.draw(
            models(
                estimator,
                data.draw(visible_types),
                ("bernoulli", "bernoulli", "relu", "softmax"),
                learning_rate=data.draw(rates),
            )
        )
        y = data.draw(targets(model, shape[0], rng))
        if weights is not None and data.draw(st.booleans()):
            weights = weights * data.draw(st.sampled_from((1e-300, 1e-30, 1e30)))
        if estimator is DBNRegressor and data.draw(st.booleans()):
            y = np.asarray(y, dtype=float) * data.draw(st.sampled_from((1e-300, 1e30, 1e150)))
        before = set(vars(model))
        with nothing_else_touched():
            try:
                fit(model, X, y, weights)
            except (ValueError, TypeError) as error:
                assert_explained(error)
                assert set(vars(model)) == before, "half-made attributes"
                return
        seen = X if weights is None else X[np.asarray(weights) > 0]
        with nothing_else_touched(model):
            assert_finite(model, answers(model, seen))
            ask(model, X)

    check()


@each_estimator
def test_rows_that_training_did_not_see_are_answered_by_numbers_or_refused(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(2, 8))
        A, _, visible = data.draw(matrices(shape, rng))
        A = A.astype(data.draw(st.sampled_from((np.float32, np.float64))))
        model = data.draw(models(estimator, visible))
        fit(model, A, data.draw(targets(model, shape[0], rng)))
        X = data.draw(extreme_rows((data.draw(st.integers(1, 4)), shape[1]), rng))
        with nothing_else_touched(model):
            ask(model, X)

    check()


@each_estimator
def test_a_fitted_model_is_as_it_was_when_training_on_fails(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(3, 8))
        A, _, visible = data.draw(matrices(shape, rng))
        A = A.astype(data.draw(st.sampled_from((np.float32, np.float64))))
        model = data.draw(models(estimator, visible))
        y = data.draw(targets(model, shape[0], rng))
        fit(model, A, y)
        X = A.astype(float) * data.draw(st.sampled_from((1, 1, 1e-30, 1e30, 1e200)))
        X = clipped_to_float32(X) if data.draw(st.booleans()) else X
        model.set_params(learning_rate=data.draw(rates), warm_start=True)
        if not isinstance(model, (RBMTransformer, RBMClassifier)):
            model.set_params(rbm__learning_rate=model.learning_rate)
        if estimator in LABELLED and data.draw(st.booleans()):
            y = data.draw(targets(model, shape[0], rng))  # of other types, which may be unknown classes
        before = copy.deepcopy(vars(model))
        go_on = data.draw(st.sampled_from((fit, partial_fit)))
        with nothing_else_touched():
            try:
                go_on(model, X, y)
            except (ValueError, TypeError) as error:
                assert_explained(error)
                assert_same_state(vars(model), before)
                return
        assert_finite(model, {})

    check()


# -- what generated cases have found ---------------------------------------------------------------


def test_a_reconstruction_error_that_overflows_ends_the_training_although_the_weights_are_finite():
    X = np.array([[0.0], [1.0], [1.0]], dtype=np.float32)
    model = RBMTransformer(1, n_iter=1, warm_start=True, random_state=0).fit(X)
    before = copy.deepcopy(vars(model))
    message = (
        r"^Training diverged at epoch 1 \(non-finite reconstruction_error\)\. Lower learning_rate \(now"
    )
    with pytest.raises(DivergenceError, match=message):
        model.fit(1e30 * X)
    assert_same_state(vars(model), before)


def test_features_that_overflow_below_a_frozen_layer_end_the_training_with_its_error():
    X, y = np.array([[0.0], [1.0], [1.0]], dtype=np.float32), [0, 1, 1]
    rbm = RBMTransformer(visible="gaussian", hidden="relu")
    model = DBNClassifier(2, fine_tuning=None, pretrain=False, rbm=rbm, max_iter=1, random_state=0)
    model.set_params(warm_start=True).fit(X, y)
    model.coefs_[0][...] = 1
    with pytest.raises(DivergenceError, match=r"^Fine-tuning diverged at epoch 1 \("):
        model.fit(clipped_to_float32(1e200 * X.astype(float)), y)
    assert np.isfinite(model.coefs_[0]).all()


def test_chains_of_a_class_rbm_do_not_start_from_rows_beyond_its_dtype():
    X = np.array([[0.0], [1.0]], dtype=np.float32)
    model = RBMClassifier(1, max_iter=1, random_state=0).fit(X, ["a", "b"])
    with pytest.raises(
        ValueError, match=r"^X spans \[1e\+154, 1e\+154\] \(fitted on \[0, 1\]\), which is too"
    ):
        model.sample(start=[[1e154]], n_steps=1, random_state=0)


def test_a_chunk_whose_mean_overflows_in_the_scale_of_the_first_one_ends_the_training_with_its_error():
    X = np.array([[0.0], [1.0]], dtype=np.float32)
    model = RBMTransformer(1, visible="gaussian", random_state=0).partial_fit(X)
    with pytest.raises(DivergenceError, match=r"^Training diverged at epoch 1 \("):
        model.partial_fit(np.full((2, 1), 3e38, dtype=np.float32))
    assert model.n_iter_ == 1
