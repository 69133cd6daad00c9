"""A failed training leaves no trace, not even in the attributes that validation sets."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skdbn import DBNClassifier, RBMTransformer
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD

DIVERGING = {"optimizer": SGD(), "learning_rate": 1e300}


@pytest.fixture
def frame():
    values = np.random.default_rng(0).normal(size=(40, 3))
    return pd.DataFrame(values, columns=["a", "b", "c"])


def test_failed_refit_on_other_columns_keeps_an_rbm_usable(frame):
    rbm = RBMTransformer(2, n_iter=1, random_state=0).fit(frame)
    before = rbm.transform(frame)
    rbm.set_params(**DIVERGING)
    with pytest.raises(DivergenceError):
        rbm.fit(frame[["a", "b"]].rename(columns={"a": "x"}))
    assert_array_equal(rbm.feature_names_in_, ["a", "b", "c"])
    assert rbm.n_features_in_ == 3
    assert_array_equal(rbm.transform(frame), before)


def test_failed_refit_on_other_columns_keeps_a_classifier_usable(frame):
    y = np.arange(40) % 2
    dbn = DBNClassifier((4,), pretrain=False, max_iter=10, tol=1, n_iter_no_change=1, random_state=0)
    before = dbn.fit(frame, y).predict_proba(frame)
    dbn.set_params(unlabeled=0)
    with pytest.raises(ValueError, match="No row has a label"):
        dbn.fit(frame[["a", "b"]], np.zeros(40))
    assert dbn.n_features_in_ == 3
    assert_array_equal(dbn.predict_proba(frame), before)


def test_values_whose_squares_overflow_are_refused(frame):
    with pytest.raises(ValueError, match="1 of 3 columns .* scale the inputs"):
        RBMTransformer(2).fit(frame * [1, 1e200, 1])


def test_failed_first_fit_leaves_an_unfitted_estimator(frame):
    rbm = RBMTransformer(2, n_iter=1, **DIVERGING)
    with pytest.raises(DivergenceError):
        rbm.fit(frame)
    assert not hasattr(rbm, "n_features_in_")
