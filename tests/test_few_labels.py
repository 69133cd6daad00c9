"""Rows without a label when a network is scored; training on them is tested with each estimator."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit, cross_val_score
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNClassifier, DBNRegressor, RBMTransformer
from skdbn.schedules import Linear

# Most tests train for a few epochs on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations"),
    pytest.mark.filterwarnings("ignore:The fitted network predicts class"),
]

N_KNOWN = 29  # of 53 rows


def small(estimator=DBNClassifier, **parameters):
    return estimator(
        **{
            "hidden_layer_sizes": 7,
            "rbm": RBMTransformer(n_iter=2, learning_rate=0.05),
            "learning_rate": Linear(0.05, 0),
            "max_iter": 5,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.fixture
def data():
    """Three classes, 5 features within [0, 1], 53 rows in random order."""
    X, y = make_blobs(53, 5, centers=3, cluster_std=2.0, random_state=0)
    return MinMaxScaler().fit_transform(X), y


MARKED = {
    "integers": ([0, 1, 2], -1, np.int64),
    "floats": ([0.0, 1.0, 2.0], -1.0, np.float64),
    "NaN": ([0.0, 1.0, 2.0], np.nan, np.float64),
    "strings": (["a", "b", "c"], "?", "U1"),
    "objects": (["a", "b", "c"], "?", object),
    "None": (["a", "b", "c"], "none", object),
    "NaN among strings": (["a", "b", "c"], np.nan, object),
    "missing among strings": (["a", "b", "c"], pd.NA, object),
    "a number among strings": (["a", "b", "c"], -1, object),
}


@pytest.mark.parametrize(("labels", "marker", "dtype"), MARKED.values(), ids=MARKED)
@pytest.mark.parametrize("weighted", [False, True])
def test_score_counts_the_rows_with_labels(weighted, labels, marker, dtype, data):
    X, y = data
    y = np.array(labels, dtype=dtype)[y]
    weight = np.linspace(0.1, 1, 53) if weighted else None
    marked = y.copy()
    marked[N_KNOWN:] = marker
    dbn = small(unlabeled=marker).fit(X, marked)
    assert_array_equal(small(unlabeled=marker).fit(X, marked.tolist()).classes_, dbn.classes_)
    of_known = None if weight is None else weight[:N_KNOWN]
    expected = accuracy_score(y[:N_KNOWN], dbn.predict(X[:N_KNOWN]), sample_weight=of_known)
    assert 0 < expected < 1
    for target in (marked, pd.Series(marked), marked.tolist()):
        assert dbn.score(X, target, sample_weight=weight) == expected
    # Whatever is predicted for the others.
    X_other = X.copy()
    X_other[N_KNOWN:] = X_other[:24]
    assert dbn.score(X_other, marked, sample_weight=weight) == expected


@pytest.mark.parametrize("marker", [-1, np.nan])
def test_score_leaves_out_rows_of_indicators_that_are_the_marker(marker, data):
    X, y = data
    Y = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 0]])[y]
    marked = Y.astype(float)
    marked[N_KNOWN:] = marker
    dbn = small(unlabeled=marker, max_iter=10).fit(X, marked)
    expected = accuracy_score(Y[:N_KNOWN], dbn.predict(X[:N_KNOWN]))
    assert 0 < expected < 1
    assert dbn.score(X, marked) == dbn.score(X, sparse.csr_matrix(marked)) == expected


def test_rows_of_any_container_are_picked(data):
    X, y = data
    y[N_KNOWN:] = -1
    X = np.where(X > 0.5, X, 0)
    dbn = small(unlabeled=-1).fit(X, y)
    expected = dbn.score(X[:N_KNOWN], y[:N_KNOWN])
    assert dbn.score(sparse.csr_matrix(X), y) == dbn.score(X.tolist(), y) == expected
    frame = pd.DataFrame(X, columns=list("abcde"))
    assert small(unlabeled=-1).fit(frame, y).score(frame, y) == expected


def test_without_a_marker_all_rows_count(data):
    X, y = data
    y = y - 1
    dbn = small().fit(X, y)
    assert dbn.score(X, y) == accuracy_score(y, dbn.predict(X))


@pytest.mark.parametrize("marker", [-1, np.nan])
def test_cross_validation_counts_rows_with_labels_only(marker, data):
    X, y = data
    marked = y.astype(float)
    marked[::2] = marker
    folds = KFold(3)
    scores = cross_val_score(small(unlabeled=marker), X, marked, cv=folds)
    for score, (train, test) in zip(scores, folds.split(X), strict=True):
        known = test[test % 2 == 1]
        dbn = small(unlabeled=marker).fit(X[train], marked[train])
        assert score == accuracy_score(y[known], dbn.predict(X[known]))


def test_cross_validation_of_a_regressor_counts_rows_with_targets_only(data):
    X, _ = data
    y = 100 * X[:, 0] * X[:, 1]
    marked = y.copy()
    marked[::2] = np.nan
    folds = KFold(3)
    scores = cross_val_score(small(DBNRegressor, unlabeled=np.nan), X, marked, cv=folds)
    for score, (train, test) in zip(scores, folds.split(X), strict=True):
        known = test[test % 2 == 1]
        dbn = small(DBNRegressor, unlabeled=np.nan).fit(X[train], marked[train])
        assert score == r2_score(y[known], dbn.predict(X[known]))


@pytest.mark.parametrize("estimator", [DBNClassifier, DBNRegressor])
def test_fold_without_labels_cannot_be_scored(estimator, data):
    X, y = data
    y[:20] = -1
    folds = PredefinedSplit(np.where(np.arange(53) < 20, 0, 1))
    dbn = small(estimator, unlabeled=-1)
    message = "No row to score has a label: all of y equals unlabeled=-1"
    with pytest.raises(ValueError, match=message):
        cross_val_score(dbn, X, y, cv=folds, error_score="raise")
    with pytest.raises(ValueError, match=message):
        dbn.fit(X, y).score(X[:20], y[:20])


def test_fold_without_labels_cannot_be_trained_on(data):
    X, y = data
    y[:20] = -1
    folds = PredefinedSplit(np.where(np.arange(53) < 20, 0, -1))
    assert cross_val_score(small(unlabeled=-1), X[20:], y[20:], cv=2).min() > 0
    # The only fold scores the first rows; the other way round there is nothing to learn.
    swapped = [(test, train) for train, test in folds.split()]
    with pytest.raises(ValueError, match="No row has a label: all of y equals unlabeled=-1"):
        cross_val_score(small(unlabeled=-1), X, y, cv=swapped, error_score="raise")
    with pytest.raises(ValueError, match="All the 2 fits failed"):
        GridSearchCV(small(unlabeled=-1), {"alpha": [0, 1]}, cv=swapped).fit(X, y)


@pytest.mark.parametrize("estimator", [DBNClassifier, DBNRegressor])
def test_batches_of_fine_tuning_are_of_rows_with_labels(estimator, data):
    X, y = data
    y[N_KNOWN:] = -1
    with pytest.warns(
        UserWarning, match=f"batch_size=40 is larger than n_samples={N_KNOWN}; using {N_KNOWN}"
    ):
        small(estimator, unlabeled=-1, batch_size=40).fit(X, y)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 1.0, 2: 0.5}])
def test_class_weights_are_those_of_the_rows_with_labels(class_weight, data):
    X, y = data
    marked = np.where(np.arange(53) < N_KNOWN, y, -1)
    weight = np.linspace(0.1, 1, 53)
    stack = small().pretrain_on(X).pretrain
    dbn = small(unlabeled=-1, class_weight=class_weight, pretrain=stack)
    dbn.fit(X, marked, sample_weight=weight)
    known = small(class_weight=class_weight, pretrain=stack)
    known.fit(X[:N_KNOWN], y[:N_KNOWN], sample_weight=weight[:N_KNOWN])
    for W, same in zip(dbn.coefs_, known.coefs_, strict=True):
        assert_array_equal(W, same)
    unweighted = small(pretrain=stack).fit(X[:N_KNOWN], y[:N_KNOWN], sample_weight=weight[:N_KNOWN])
    assert np.abs(unweighted.coefs_[-1] - dbn.coefs_[-1]).max() > 1e-3
