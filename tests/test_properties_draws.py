"""Generated draws: states of the units, the same for a seed, from an estimator that stays as it is.

How many cases there are, and of which seed, is told in ``test_properties.py``.
"""

import copy

import numpy as np
import pytest
from generated_data import CONTAINERS, assert_unchanged, held, matrices, shapes
from generated_models import DRAWING, fit, generated, models, nothing_else_touched, targets
from hypothesis import given
from hypothesis import strategies as st

from skdbn import DBNClassifier, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.units import Bernoulli, Softmax

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def assert_states(unit, X):
    """Fail if rows are none that units of a type can have."""
    assert np.isfinite(X).all()
    parts = getattr(unit, "parts_", [(unit, slice(None))])
    for part, columns in parts:
        if isinstance(part, (Bernoulli, Softmax)):
            assert np.isin(X[:, columns], (0, 1)).all()
        if isinstance(part, Softmax):
            assert (X[:, columns].sum(axis=1) == 1).all()
    if unit.__class__.__name__ == "ReLU":
        assert (X >= 0).all()


def draw_rows(data, model, X):
    """Call a method that draws, twice with a seed; return the rows."""
    n_steps, seed = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 3))
    options = {"n_steps": n_steps, "random_state": seed}
    start = data.draw(st.sampled_from((None, "rows")))
    if isinstance(model, DBNClassifier):
        options["y"] = data.draw(st.sampled_from((None, *model.classes_)))
    elif isinstance(model, RBMClassifier):
        options.update(y=data.draw(st.sampled_from((None, *model.classes_))), start=start and X)
    else:
        options["start"] = start and X
        if isinstance(model, RBMTransformer):
            options["n_temperatures"] = data.draw(st.sampled_from((1, 1, 3)))
    n_rows = 3 if options.get("start") is None else None
    drawn = model.sample(3, **options)
    np.testing.assert_array_equal(model.sample(3, **options), drawn)
    assert n_rows is None or len(drawn) == n_rows
    return drawn


@pytest.mark.parametrize("estimator", DRAWING)
def test_draws_are_states_of_the_units_and_change_nothing(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(shapes(2, 8))
        A, _, visible = data.draw(matrices(shape, rng))
        A = A.astype(data.draw(st.sampled_from((np.float32, np.float64))))
        chosen = {"fine_tuning": "up-down", "pretrain": True} if estimator is DBNClassifier else {}
        chosen = {"pretrain": True} if estimator is DBNTransformer else chosen
        hidden = ("bernoulli", "softmax") if estimator is DBNClassifier else None
        model = data.draw(models(estimator, visible, hidden, options=chosen))
        fit(model, A, data.draw(targets(model, shape[0], rng)))
        B, container = data.draw(held(A))
        X = CONTAINERS[container](B)
        before = copy.deepcopy(X)
        with nothing_else_touched(model):
            drawn = draw_rows(data, model, X)
            assert_states(model.visible_, drawn)
            if estimator is RBMTransformer:
                check_gibbs(data, model, X, B)
                check_impute(data, model, B, rng)
        assert_unchanged(X, before)

    check()


def check_gibbs(data, model, X, A):
    clamp = np.zeros(A.shape[1], dtype=bool)
    clamp[: data.draw(st.integers(0, A.shape[1]))] = True
    options = {"n_steps": data.draw(st.integers(1, 3)), "random_state": 0, "clamp": clamp}
    drawn = model.gibbs(X, **options)
    np.testing.assert_array_equal(model.gibbs(X, **options), drawn)
    free = model.visible_.expand_missing(~np.tile(clamp, (len(A), 1)))
    np.testing.assert_array_equal(drawn[~free], A.astype(drawn.dtype)[~free])
    if free.all():
        assert_states(model.visible_, drawn)
    np.testing.assert_array_equal(model.sample(start=X, n_steps=2, random_state=1), model.gibbs(X, 2, 1))


def check_impute(data, model, A, rng):
    """Known entries stay to the last bit, and what is filled in does not depend on what was there."""
    A = A.astype(np.float32 if A.dtype == np.float32 else np.float64)
    missing = rng.random(A.shape) < 0.4
    missing[0] = data.draw(st.booleans())  # a row that is all there, or not at all
    holes = np.where(missing, np.nan, A)
    options = {"n_steps": 2, "random_state": 0, "average": data.draw(st.booleans()), "n_chains": 2}
    kept = holes.copy()
    filled = model.impute(holes, **options)
    np.testing.assert_array_equal(holes, kept)
    np.testing.assert_array_equal(model.impute(holes, **options), filled)
    drawn = model.visible_.expand_missing(missing)
    np.testing.assert_array_equal(filled[~drawn], A[~drawn])
    assert np.isfinite(filled).all()
