"""Several labels a row: y is a matrix of 0 and 1 with a column for each label."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_expit, xlogy
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNClassifier, RBMTransformer
from skdbn.schedules import Linear

# Most tests train for a few epochs on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations"),
    pytest.mark.filterwarnings("ignore:The fitted network predicts class"),
]

MAX_ITER = 5
BARELY = 1e-12
ONE_HOT = np.eye(3, dtype=int)


def small_dbn(**parameters):
    return DBNClassifier(
        **{
            "hidden_layer_sizes": (7, 5),
            "rbm": RBMTransformer(n_iter=3, learning_rate=0.05),
            "learning_rate": Linear(0.05, 0),
            "dropout": 0.0,
            "input_dropout": 0.0,
            "max_iter": MAX_ITER,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.fixture
def data():
    """53 rows of four groups; each of three labels belongs to two of the groups, one row has none."""
    X, group = make_blobs(53, 5, centers=4, cluster_std=1.5, random_state=0)
    Y = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [0, 0, 0]])[group]
    return MinMaxScaler().fit_transform(X), Y


def assert_same_network(first, second):
    for one, other in zip(
        [*first.coefs_, *first.intercepts_], [*second.coefs_, *second.intercepts_], strict=True
    ):
        assert_array_equal(one, other)


# -- predictions ----------------------------------------------------------------------------------


def test_probabilities_are_those_of_each_label_by_hand(data):
    X, Y = data
    dbn = small_dbn().fit(X, Y)
    (W1, W2, W3), (b1, b2, b3) = dbn.coefs_, dbn.intercepts_
    field = expit(expit(X @ W1 + b1) @ W2 + b2) @ W3 + b3
    assert_allclose(dbn.predict_proba(X), expit(field), rtol=1e-10)
    assert_allclose(dbn.predict_log_proba(X), log_expit(field), rtol=1e-10)
    assert_array_equal(dbn.predict(X), (field > 0).astype(int))
    assert dbn.classes_.tolist() == [0, 1, 2]
    assert np.ptp(dbn.predict_proba(X).sum(axis=1)) > 0.1  # not shares of one class


def test_loss_is_the_cross_entropy_summed_over_the_labels(data):
    X, Y = data
    weight = np.linspace(0.1, 1, 53)
    dbn = small_dbn(learning_rate=BARELY, alpha=0.0, batch_size=None, max_iter=1)
    dbn.fit(X, Y, sample_weight=weight)
    p = dbn.predict_proba(X)
    losses = -(xlogy(Y, p) + xlogy(1 - Y, 1 - p)).sum(axis=1)
    assert dbn.loss_curve_ == pytest.approx([np.average(losses, weights=weight)], rel=1e-9)


def test_labels_are_learned(data):
    X, Y = data
    # One of the labels is an exclusive or of two features.
    rng = np.random.default_rng(0)
    X = (rng.random((400, 5)) < 0.5).astype(float)
    Y = np.column_stack([X[:, 0] != X[:, 1], X[:, 2], X[:, 3]]).astype(int)
    X, X_test, Y, Y_test = X[:200], X[200:], Y[:200], Y[200:]
    dbn = DBNClassifier(
        20, pretrain=False, dropout=0.0, input_dropout=0.0, learning_rate=Linear(0.05, 0), random_state=0
    )
    dbn.set_params(max_iter=60, batch_size=10).fit(X, Y)
    linear = MultiOutputClassifier(LogisticRegression()).fit(X, Y)
    assert linear.score(X_test, Y_test) < 0.7
    assert dbn.score(X_test, Y_test) > 0.95  # 1 for the seeds 0 to 4


def test_score_is_the_share_of_rows_with_all_labels_right(data):
    X, Y = data
    weight = np.linspace(0.1, 1, 53)
    dbn = small_dbn(max_iter=20).fit(X, Y)
    right = (dbn.predict(X) == Y).all(axis=1)
    assert 0 < right.mean() < 1
    assert dbn.score(X, Y) == accuracy_score(Y, dbn.predict(X)) == pytest.approx(right.mean())
    assert dbn.score(X, Y, weight) == pytest.approx(np.average(right, weights=weight), rel=1e-12)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_validation_scores_are_subset_accuracies(early_stopping, data):
    X, Y = data
    weight = np.linspace(0.1, 1, 23)
    dbn = small_dbn(early_stopping=early_stopping, max_iter=20, learning_rate=0.1, n_iter_no_change=5)
    dbn.fit(X[:30], Y[:30], X_val=X[30:], y_val=Y[30:], sample_weight_val=weight)
    score = dbn.score(X[30:], Y[30:], weight)
    best_or_last = max(dbn.validation_scores_) if early_stopping else dbn.validation_scores_[-1]
    assert best_or_last == pytest.approx(score, rel=1e-12)


def test_early_stopping_holds_out_rows_with_labels(data):
    X, Y = data
    Y[40:] = -1
    dbn = small_dbn(early_stopping=True, validation_fraction=0.25, unlabeled=-1, n_iter_no_change=2)
    dbn.set_params(learning_rate=BARELY, max_iter=20, batch_size=None, pretrain=False).fit(X, Y)
    assert dbn.n_iter_ == 3  # the first epoch, and two that did not improve on it
    n_right = np.array(dbn.validation_scores_) * 10  # of the rows held out
    assert_allclose(n_right, np.round(n_right), rtol=0, atol=1e-9)


def test_float32_stays(data):
    X, Y = data
    X = X.astype(np.float32)
    dbn = small_dbn().fit(X, Y).partial_fit(X, Y)
    assert {array.dtype for array in [*dbn.coefs_, *dbn.intercepts_]} == {np.dtype(np.float32)}
    assert dbn.predict_proba(X).dtype == dbn.predict_log_proba(X).dtype == np.float32


# -- what y may be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert",
    [
        sparse.csr_matrix,
        sparse.csc_array,
        sparse.lil_matrix,
        pd.DataFrame,
        np.ndarray.tolist,
        lambda Y: Y.astype(bool),
        lambda Y: Y.astype(np.float32),
    ],
    ids=["csr", "csc array", "lil", "frame", "list", "truth values", "float32"],
)
def test_indicators_in_any_container_give_the_same_network(convert, data):
    X, Y = data
    plain, other = small_dbn().fit(X, Y), small_dbn().fit(X, convert(Y), X_val=X, y_val=convert(Y))
    assert_same_network(plain, other)
    assert other.score(X, convert(Y)) == plain.score(X, Y) == other.validation_scores_[-1]
    assert_same_network(plain.partial_fit(X, Y), other.partial_fit(X, convert(Y)))


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix, np.ndarray.tolist])
def test_one_hot_labels_are_refused_with_the_way_out(convert):
    X = np.random.default_rng(0).random((6, 5))
    Y = convert(ONE_HOT[[0, 1, 2, 0, 1, 2]])
    message = r"y is 2-D \(6, 3\) and one-hot; pass class labels, e.g. y.argmax\(axis=1\)"
    for method in ("fit", "partial_fit"):
        dbn = small_dbn()
        with pytest.raises(ValueError, match=message):
            getattr(dbn, method)(X, Y)
        assert not hasattr(dbn, "n_features_in_")


def test_one_hot_labels_of_the_rows_that_have_some_are_refused(data):
    X, _ = data
    Y = ONE_HOT[np.arange(53) % 3]
    Y[20:] = -1
    with pytest.raises(ValueError, match=r"y is 2-D \(20, 3\) and one-hot"):
        small_dbn(unlabeled=-1).fit(X, Y)


def test_other_matrices_are_refused(data):
    X, Y = data
    for wrong in (2 * Y, np.where(Y == 1, "yes", "no"), Y - 0.5, np.where(Y == 0, np.nan, 1.0)):
        with pytest.raises(ValueError, match=r"y is 2-D \(53, 3\); pass one class label for each row"):
            small_dbn().fit(X, wrong)


def test_one_column_is_one_label_a_row(data):
    X, Y = data
    with pytest.warns(match="A column-vector y was passed"):
        dbn = small_dbn().fit(X, Y[:, :1])
    assert_same_network(dbn, small_dbn().fit(X, Y[:, 0]))
    assert dbn.predict(X).shape == (53,)


def test_chunks_and_validation_rows_may_happen_to_have_one_label_each(data):
    X, Y = data
    few, their = X[:3], ONE_HOT
    dbn = small_dbn(warm_start=True).fit(X, Y, X_val=few, y_val=their)
    assert dbn.validation_scores_[-1] == dbn.score(few, their)
    dbn.partial_fit(few, their)
    assert dbn.n_iter_ == MAX_ITER + 1
    dbn.fit(few, their)
    assert dbn.n_iter_ == 2 * MAX_ITER + 1
    assert dbn.predict(few).shape == (3, 3)


def test_fit_from_the_start_refuses_one_hot_labels_whatever_it_was_fitted_to(data):
    X, Y = data
    dbn = small_dbn().fit(X, Y)
    before = pickle.dumps(dbn)
    with pytest.raises(ValueError, match="one-hot; pass class labels"):
        dbn.fit(X[:3], ONE_HOT)
    assert pickle.dumps(dbn) == before
    dbn.fit(X, Y[:, 0])
    assert dbn.predict(X).ndim == 1
    assert_same_network(dbn, small_dbn().fit(X, Y[:, 0]))


def test_network_goes_on_with_the_kind_of_labels_it_began_with(data):
    X, Y = data
    several, one = small_dbn().fit(X, Y), small_dbn().fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="y has one label a row, but the network was fitted to an"):
        several.partial_fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="y has 2 columns, but the network was fitted to 3"):
        several.partial_fit(X, Y[:, :2])
    with pytest.raises(ValueError, match="y is an indicator matrix, but the network was fitted to one"):
        one.partial_fit(X, Y)
    with pytest.raises(ValueError, match="y is an indicator matrix, but the network was fitted to one"):
        small_dbn().fit(X, Y[:, 0], X_val=X, y_val=Y)


# -- rows without labels --------------------------------------------------------------------------


@pytest.mark.parametrize("marker", [-1, np.nan])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix])
def test_marked_rows_are_for_pre_training_only(convert, marker, data):
    X, Y = data
    marked = Y.astype(float)
    marked[20:] = marker
    dbn = small_dbn(unlabeled=marker)
    stack = clone(dbn).pretrain_on(X).pretrain
    for machine, same in zip(clone(dbn).fit(X, convert(marked)).rbms_, stack.rbms_, strict=True):
        assert_array_equal(machine.components_, same.components_)
    frozen = dbn.set_params(pretrain=stack)
    assert_same_network(clone(frozen).fit(X, convert(marked)), clone(frozen).fit(X[:20], Y[:20]))


def test_marker_in_some_columns_is_refused(data):
    X, Y = data
    Y[3, 0] = -1
    with pytest.raises(ValueError, match="pass one class label for each row"):
        small_dbn(unlabeled=-1).fit(X, Y)


def test_minus_one_is_no_indicator_unless_it_is_the_marker(data):
    X, Y = data
    Y[20:] = -1
    with pytest.raises(ValueError, match="pass one class label for each row"):
        small_dbn().fit(X, Y)


@pytest.mark.parametrize("marker", [-1, np.nan])
def test_rows_of_the_marker_alone_are_refused_at_first_and_pass_later(marker, data):
    X, Y = data
    none = np.full(Y.shape, marker)
    dbn = small_dbn(unlabeled=marker)
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match="No row has a label: all of y equals unlabeled"):
            getattr(dbn, method)(X, none)
    dbn.partial_fit(X, Y).partial_fit(X, none)
    assert dbn.n_iter_ == 1


# -- weights, partial_fit, scikit-learn's tools ---------------------------------------------------


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 2.0}])
def test_class_weight_is_refused_at_any_time(class_weight, data):
    X, Y = data
    message = "class_weight is for one label a row, but y is an indicator matrix"
    with pytest.raises(ValueError, match=message):
        small_dbn(class_weight=class_weight).fit(X, Y)
    dbn = small_dbn(warm_start=True).fit(X, Y).set_params(class_weight=class_weight)
    with pytest.raises(ValueError, match=message):
        dbn.fit(X, Y)


def test_sample_weight_decides_between_contradicting_labels(data):
    X, Y = data
    weight = np.concatenate([np.full(53, 9.0), np.full(53, 1.0)])
    X2, Y2 = np.vstack([X, X]), np.vstack([Y, 1 - Y])
    dbn = small_dbn(max_iter=40)
    assert np.mean(clone(dbn).fit(X2, Y2, sample_weight=weight).predict(X) == Y) > 0.9
    assert np.mean(clone(dbn).fit(X2, Y2, sample_weight=weight[::-1]).predict(X) == Y) < 0.1


@pytest.mark.parametrize("pretrain", [True, False])
def test_fit_is_max_iter_calls_of_partial_fit(pretrain, data):
    X, Y = data
    dbn = small_dbn(pretrain=pretrain, dropout=0.2, tol=0, n_iter_no_change=99)
    online = clone(dbn)
    for _ in range(MAX_ITER):
        online.partial_fit(X, Y)
    assert_same_network(online, dbn.fit(X, Y))
    assert online.loss_curve_ == dbn.loss_curve_


def test_warm_start_goes_on(data):
    X, Y = data
    dbn = small_dbn(warm_start=True).fit(X, Y)
    before = dbn.predict_proba(X)
    dbn.set_params(learning_rate=BARELY).fit(X, Y)
    assert_allclose(dbn.predict_proba(X), before, rtol=1e-8)
    assert dbn.n_iter_ == 2 * MAX_ITER


def test_cross_validation_scores_subset_accuracy(data):
    X, Y = data
    dbn = small_dbn(max_iter=150)
    scores = cross_val_score(dbn, X, Y, cv=2)
    first, second = np.arange(27), np.arange(27, 53)
    by_hand = clone(dbn).fit(X[second], Y[second])
    assert scores[0] == accuracy_score(Y[first], by_hand.predict(X[first]))
    assert scores.min() > 0.9  # of eight combinations of labels
