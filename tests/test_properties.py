"""Generated fits of all estimators: sound, repeatable, and the data left alone; or refused with a reason.

``SKDBN_PROPERTY_CASES`` is how many cases are generated in all files of properties together; more of them
look further. ``SKDBN_PROPERTY_SEED`` is a number: other cases than those of every run.
"""

import copy

import numpy as np
import pytest
from generated_data import (
    CONTAINERS,
    arrays_of,
    assert_unchanged,
    dtype_read,
    matrices,
    row_weights,
    shapes,
    with_duplicates,
)
from generated_models import (
    answers,
    assert_finite,
    assert_probabilities,
    assert_same_answers,
    assert_same_model,
    assert_same_rows,
    each_estimator,
    fit,
    generated,
    models,
    nothing_else_touched,
    targets,
)
from hypothesis import given
from hypothesis import strategies as st
from same_state import assert_same_state
from sklearn.base import clone

from skdbn import DBNRegressor, RBMTransformer
from skdbn.exceptions import DivergenceError

# Advice to the user, which tiny fits call for. What numpy warns of stays an error: it has no cause in it.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@each_estimator
def test_a_fit_is_finite_repeatable_and_the_same_for_every_container(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes())
        A, container, visible = data.draw(matrices(shape, rng))
        model = data.draw(models(estimator, visible))
        X, y = CONTAINERS[container](A), data.draw(targets(model, shape[0], rng))
        weights = data.draw(row_weights(shape[0], rng))
        before = copy.deepcopy((X, y, weights))

        with nothing_else_touched():
            fit(model, X, y, weights)
        with nothing_else_touched(model):
            said = answers(model, X)
            assert_same_answers(model, X, said)
        assert_finite(model, said)
        assert_probabilities(model, X, said)
        for value, kept in zip((X, y, weights), before, strict=True):
            assert_unchanged(value, kept)
        dtype = dtype_read(A, container)
        assert said["transform"].dtype == dtype

        plain = A.astype(dtype)
        again = fit(clone(model), plain, y, weights)
        assert_same_model(model, again)
        assert_same_rows(said, answers(again, plain), dtype)

    check()


@each_estimator
def test_rows_are_answered_for_themselves_in_any_order(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(2, 8))
        A, container, visible = data.draw(matrices(shape, rng))
        make = CONTAINERS[container]
        model = data.draw(models(estimator, visible))
        y = data.draw(targets(model, shape[0], rng))
        said = answers(fit(model, make(A), y), make(A))
        dtype = said["transform"].dtype
        order = rng.permutation(shape[0])
        shuffled = answers(model, make(A[order]))
        assert_same_rows({name: array[order] for name, array in said.items()}, shuffled, dtype)
        row = data.draw(st.integers(0, shape[0] - 1))
        alone = answers(model, make(A[[row]]))
        assert_same_rows({name: array[[row]] for name, array in said.items()}, alone, dtype)

    check()


# -- what generated cases have found ---------------------------------------------------------------


def test_entries_of_a_sparse_matrix_stay_as_they_were_handed_over_twice_and_in_any_order():
    X = with_duplicates(np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.25]]))
    before = {name: array.copy() for name, array in arrays_of(X).items()}
    RBMTransformer(2, n_iter=1, random_state=0).fit(X).transform(X)
    assert_same_state(arrays_of(X), before)


def test_a_network_that_is_not_finite_in_the_units_of_its_data_is_refused():
    X = np.array([[0.0], [1e-40], [0.0]], dtype=np.float32)  # 1 / spread is beyond the largest float32
    model = DBNRegressor(1, rbm=RBMTransformer(visible="gaussian", n_iter=1), max_iter=1, random_state=0)
    with pytest.raises(ValueError, match=r"^The fitted input layer is not finite .* a column of X is too"):
        model.fit(X, [1.0, 2.0, 3.0])
    assert not hasattr(model, "coefs_")


def test_columns_near_the_largest_number_are_refused_before_they_are_trained_on():
    X = np.array([[0.0], [3e38]], dtype=np.float32)
    with pytest.raises(ValueError, match=r"^The variance of 1 of 1 columns of X overflows, or nearly so"):
        RBMTransformer(1, random_state=0).fit(X)
    reconstructed = RBMTransformer(1, random_state=0).fit(X * np.float32(1e-8)).reconstruct(X * 1e-8)
    assert np.isfinite(reconstructed).all()


def test_targets_that_overflow_are_called_targets_and_not_columns_of_the_data():
    with pytest.raises(ValueError, match=r"^The variance of y overflows; scale the targets\.$"):
        DBNRegressor(1).fit([[0.0], [1.0]], [0.0, 1e200])


def test_weights_whose_products_overflow_have_diverged_although_they_are_finite():
    X = np.zeros((3, 2), dtype=np.float32)
    X[0] = 1
    model = RBMTransformer(2, visible="gaussian", learning_rate=1e19, n_iter=1, random_state=0)
    with pytest.raises(DivergenceError, match=r"^Training diverged at epoch 1 \(too large weights\)"):
        model.fit(X)
