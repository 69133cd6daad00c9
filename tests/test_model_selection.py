"""Cross-validation with few labels: what is in which fold."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)

from skdbn.model_selection import SemiSupervisedSplit

N_ROWS, N_LABELLED = 43, 23
CLASSES = np.array([0, 1, 1, 0, 1] * 5)[:N_LABELLED]


def few_labels(classes=CLASSES, marker=-1, seed=0):
    """Labels at random places, the marker at the others."""
    labelled = np.sort(np.random.default_rng(seed).permutation(N_ROWS)[:N_LABELLED])
    y = [marker] * N_ROWS
    for place, label in zip(labelled, classes.tolist(), strict=True):
        y[place] = label
    return y, labelled


def folds_of(split, y, groups=None):
    return list(split.split(np.zeros((N_ROWS, 1)), y, groups))


X = np.random.default_rng(1).standard_normal((N_ROWS, 3))


class OfLabelled(ClassifierMixin, BaseEstimator):
    """Notes what it is given; learns from the labelled rows only, and does not predict -1."""

    seen = []

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y):
        OfLabelled.seen.append(("fit", len(y), int((y == -1).sum())))
        self.model_ = LogisticRegression(C=self.C).fit(X[y != -1], y[y != -1])
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        OfLabelled.seen.append(("predict", len(X)))
        return self.model_.predict(X)


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(OfLabelled, "seen", [])
    return OfLabelled.seen


# -- what is in the folds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cv", [None, 3, KFold(3), StratifiedKFold(7, shuffle=True, random_state=0)], ids=str
)
def test_all_labelled_rows_are_tested_once_and_no_others(cv):
    y, labelled = few_labels()
    folds = folds_of(SemiSupervisedSplit(cv), y)
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), labelled)
    for train, test in folds:
        assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(N_ROWS))


@pytest.mark.parametrize(
    ("classes", "marker"),
    [
        (CLASSES, -1),
        (CLASSES, None),
        (CLASSES, "none"),
        (np.where(CLASSES, "yes", "no"), "?"),
        (np.where(CLASSES, "yes", "no"), float("nan")),
        (CLASSES.astype(float), float("nan")),
        (CLASSES + 0.25 * np.arange(N_LABELLED), float("nan")),  # numbers, not classes
    ],
    ids=["int", "None", "int and str", "str", "str and nan", "float", "numbers"],
)
def test_marker_can_be_of_any_type(classes, marker):
    y, labelled = few_labels(classes, marker)
    unlabeled = "?" if marker is None else marker
    y = ["?" if label is None else label for label in y]
    y = np.array(y, dtype=object if len({type(label) for label in y}) > 1 else None)
    folds = folds_of(SemiSupervisedSplit(3, unlabeled=unlabeled), y)
    expected = list(inner_for(classes).split(np.zeros((N_LABELLED, 1)), classes))
    for (train, test), (inner_train, inner_test) in zip(folds, expected, strict=True):
        assert_array_equal(test, labelled[inner_test])
        assert_array_equal(train[: len(inner_train)], labelled[inner_train])


def inner_for(classes):
    return KFold(3) if classes.dtype == float and (classes % 1).any() else StratifiedKFold(3)


def test_pandas_missing_values_are_markers():
    pandas = pytest.importorskip("pandas")
    y, labelled = few_labels(marker=None)
    folds = folds_of(SemiSupervisedSplit(3, unlabeled=pandas.NA), pandas.Series(y, dtype="Int64"))
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), labelled)
    for _, test in folds:
        assert {y[row] for row in test} == {0, 1}


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_matrix_of_targets_has_rows_of_markers(container):
    y, labelled = few_labels()
    matrix = np.column_stack([y, y])
    matrix[labelled[0]] = [1, -1]  # partly known
    folds = folds_of(SemiSupervisedSplit(3), container(matrix))
    assert_array_equal(np.concatenate([test for _, test in folds]), labelled)  # consecutive


def test_folds_are_stratified():
    classes = np.sort(CLASSES)  # 9 and 14 rows, one class after the other
    y, _ = few_labels(classes)
    for _, test in folds_of(SemiSupervisedSplit(3), y):
        assert sorted(y[row] for row in test)[:4] == [0, 0, 0, 1]


@pytest.mark.parametrize("unlabeled", [-1, None])
def test_without_unlabelled_rows_it_is_the_splitter_itself(unlabeled):
    y = np.resize([0, 1, 1], N_ROWS)
    for cv in (ShuffleSplit(3, random_state=0), StratifiedKFold(3, shuffle=True, random_state=0)):
        expected = cv.split(X, y)
        for fold, inner in zip(
            SemiSupervisedSplit(cv, unlabeled=unlabeled).split(X, y), expected, strict=True
        ):
            assert_array_equal(fold[0], inner[0])
            assert_array_equal(fold[1], inner[1])


def test_marker_none_stands_for_no_marker():
    y, _ = few_labels()
    folds = folds_of(SemiSupervisedSplit(3, unlabeled=None), y)
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(N_ROWS))


# -- groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [GroupKFold(3), LeaveOneGroupOut()], ids=str)
def test_unlabelled_rows_of_a_tested_group_are_in_neither_fold(cv):
    y, labelled = few_labels()
    groups = np.resize(list("abcdefg"), N_ROWS)
    split = SemiSupervisedSplit(cv)
    folds = folds_of(split, y, groups)
    assert len(folds) == split.get_n_splits(X, y, groups) == (3 if isinstance(cv, GroupKFold) else 7)
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
        left_out = np.setdiff1d(np.arange(N_ROWS), np.concatenate([train, test]))
        assert left_out.size
        assert not np.isin(left_out, labelled).any()
        assert set(groups[left_out]) <= set(groups[test])
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), labelled)


def test_unlabelled_rows_of_groups_without_a_label_are_in_all_training_folds():
    y, labelled = few_labels()
    groups = np.resize([1, 2, 3, 4, 5], N_ROWS)
    unlabelled = np.setdiff1d(np.arange(N_ROWS), labelled)
    groups[unlabelled[:4]] = 99
    for train, _ in folds_of(SemiSupervisedSplit(GroupKFold(5)), y, groups):
        assert np.isin(unlabelled[:4], train).all()


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored by KFold")
def test_groups_that_the_splitter_ignores_take_no_rows_away():
    y, _ = few_labels()
    groups = np.resize(["a", "b"], N_ROWS)
    for train, test in folds_of(SemiSupervisedSplit(KFold(3)), y, groups):
        assert len(train) + len(test) == N_ROWS


def test_groups_are_passed_with_and_without_metadata_routing(seen):
    y, _ = few_labels()
    groups = np.resize([1, 2, 3, 4, 5, 6, 7], N_ROWS)
    options = {"cv": SemiSupervisedSplit(GroupKFold(3)), "scoring": "accuracy"}
    plain = cross_val_score(OfLabelled(), X, np.array(y), groups=groups, **options)
    with config_context(enable_metadata_routing=True):
        routed = cross_val_score(OfLabelled(), X, np.array(y), params={"groups": groups}, **options)
    assert_array_equal(plain, routed)
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]


# -- splits that count all rows --------------------------------------------------------------------


def predefined():
    test_fold = np.resize([0, 1, 2, -1], N_ROWS)
    return PredefinedSplit(test_fold), list(PredefinedSplit(test_fold).split())


@pytest.mark.parametrize("form", [0, 1], ids=["PredefinedSplit", "list"])
def test_given_folds_lose_the_unlabelled_rows_of_the_test_folds(form):
    y, labelled = few_labels()
    split, given = SemiSupervisedSplit(predefined()[form]), predefined()[1]
    assert split.get_n_splits(X, y) == split.get_n_splits() == 3
    for _ in range(2):
        for (train, test), (given_train, given_test) in zip(folds_of(split, y), given, strict=True):
            assert_array_equal(train, given_train)
            assert_array_equal(test, np.intersect1d(given_test, labelled))


def test_given_test_fold_without_label_is_an_error():
    y, labelled = few_labels()
    fold = (labelled, np.setdiff1d(np.arange(N_ROWS), labelled))
    with pytest.raises(ValueError, match="A test fold of cv has no labelled row"):
        folds_of(SemiSupervisedSplit([fold]), y)


def test_folds_that_can_be_read_only_once_are_an_error():
    y, _ = few_labels()
    with pytest.raises(ValueError, match="can be read only once"):
        folds_of(SemiSupervisedSplit(iter(predefined()[1])), y)


# -- in scikit-learn ------------------------------------------------------------------------------


def test_cross_validation_scores_all_labelled_rows_once_and_trains_on_all_others(seen):
    y, _ = few_labels()
    y = np.array(y)
    scores = cross_val_score(OfLabelled(), X, y, cv=SemiSupervisedSplit(4), scoring="accuracy")
    assert len(scores) == 4
    n_tested = [entry[1] for entry in seen if entry[0] == "predict"]
    assert sum(n_tested) == N_LABELLED
    n_unlabelled = N_ROWS - N_LABELLED
    fits = [entry[1:] for entry in seen if entry[0] == "fit"]
    assert fits == [(N_ROWS - n, n_unlabelled) for n in n_tested]
    # The same scores as without the unlabelled rows, from which this estimator learns nothing.
    expected = cross_val_score(LogisticRegression(), X[y != -1], y[y != -1], cv=4)
    assert_array_equal(scores, expected)


def test_grid_search_takes_it(seen):
    y = np.array(few_labels()[0])
    search = GridSearchCV(OfLabelled(), {"C": [1e-3, 1.0]}, cv=SemiSupervisedSplit(3), scoring="accuracy")
    search.fit(X, y)
    alone = GridSearchCV(LogisticRegression(), {"C": [1e-3, 1.0]}, cv=3).fit(X[y != -1], y[y != -1])
    assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.n_splits_ == 3


def test_scores_of_training_folds_take_unlabelled_rows_in(seen):
    """As its documentation says: only test folds are free of them."""
    y = np.array(few_labels()[0])
    options = {"cv": SemiSupervisedSplit(3), "scoring": "accuracy", "return_train_score": True}
    scores = cross_validate(OfLabelled(), X, y, **options)
    assert (scores["train_score"] < N_LABELLED / N_ROWS).all()


# -- numbers of folds, and errors ------------------------------------------------------------------


def test_number_of_folds_is_that_of_the_labelled_rows():
    y, _ = few_labels()
    assert SemiSupervisedSplit(4).get_n_splits() == 4
    assert SemiSupervisedSplit(4).get_n_splits(X, y) == 4
    assert SemiSupervisedSplit(None).get_n_splits() == 5
    assert SemiSupervisedSplit().get_n_splits() == 5
    assert SemiSupervisedSplit(LeaveOneOut()).get_n_splits(X, y) == N_LABELLED


def test_representation_names_the_parameters():
    assert repr(SemiSupervisedSplit(3, unlabeled="?")) == "SemiSupervisedSplit(cv=3, unlabeled='?')"


def test_targets_without_any_label_are_an_error():
    for y, unlabeled in (([-1] * N_ROWS, -1), ([np.nan] * N_ROWS, np.nan)):
        split = SemiSupervisedSplit(3, unlabeled=unlabeled)
        with pytest.raises(ValueError, match="No row has a label: all of y equals unlabeled="):
            folds_of(split, y)
        with pytest.raises(ValueError, match="No row has a label"):
            split.get_n_splits(X, y)


def test_missing_targets_and_wrong_lengths_are_errors():
    with pytest.raises(ValueError, match="SemiSupervisedSplit requires y"):
        folds_of(SemiSupervisedSplit(3), None)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        folds_of(SemiSupervisedSplit(3), [0, 1, -1])
    with pytest.raises(ValueError, match="Expected `?cv`? as an integer"):  # the text of scikit-learn
        folds_of(SemiSupervisedSplit(2.5), few_labels()[0])
