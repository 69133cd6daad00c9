import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_sample_weight

from skdbn import DBNClassifier
from skdbn._class_weights import weights_with_classes
from skdbn._labels import (
    NO_LABEL,
    LabelledRows,
    check_labels,
    check_labels_or_indicators,
    find_classes,
    given_classes,
    has_any_target,
    labelled_part,
    positions,
    split_stratified,
)

NAN = float("nan")
# Labels, the marker of rows without one, the classes, and the positions.
MARKED = {
    "-1 among integers": ([2, -1, 0, 2], -1, [0, 2], [1, NO_LABEL, 0, 1]),
    "nothing is special": ([2, -1, 0, 2], None, [-1, 0, 2], [2, 0, 1, 2]),
    "a class as marker": ([2, -1, 0, 2], 0, [-1, 2], [1, 0, NO_LABEL, 1]),
    "a marker that does not occur": ([2, 0], -1, [0, 2], [1, 0]),
    "-1 among floats": ([2.0, -1.0, 0.0], -1, [0, 2], [1, NO_LABEL, 0]),
    "NaN among floats": ([2.0, NAN, 0.0], NAN, [0, 2], [1, NO_LABEL, 0]),
    "numpy's NaN": ([2.0, NAN, 0.0], np.float32("nan"), [0, 2], [1, NO_LABEL, 0]),
    "text": (["no", "", "yes"], "", ["no", "yes"], [0, NO_LABEL, 1]),
    "a number among text": (["no", "-1", "yes"], -1, ["-1", "no", "yes"], [1, 0, 2]),
    "truth values": ([True, False, True], False, [True], [0, NO_LABEL, 0]),
    "text and NaN": (np.array(["b", NAN, "a"], object), NAN, ["a", "b"], [1, NO_LABEL, 0]),
    "text and a number": (np.array(["b", -1, "a"], object), -1, ["a", "b"], [1, NO_LABEL, 0]),
    "text as objects": (np.array(["b", "?", "a"], object), "?", ["a", "b"], [1, NO_LABEL, 0]),
}

each_marker = pytest.mark.parametrize(
    ("y", "unlabeled", "classes", "expected"), MARKED.values(), ids=MARKED
)


class Estimator:
    """What `check_labels` names."""


@pytest.fixture
def data(rng):
    """60, 30 and 10 rows of three classes and 23 without a label, in random order."""
    targets = rng.permutation(np.repeat([0, 1, 2, NO_LABEL], [60, 30, 10, 23]))
    X = np.arange(2.0 * len(targets)).reshape(-1, 2)
    return LabelledRows(X, targets, rng.uniform(0.1, 3, len(targets)))


# -- y as it comes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [[1, 0, 2], ["b", "a", "c"], (True, False), np.array([1.0, 2.0])])
def test_labels_in_one_dimension_pass_as_they_are(y):
    assert_array_equal(check_labels(y, Estimator()), np.asarray(y))


def test_column_of_labels_is_flattened_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert_array_equal(check_labels([[1], [0]], Estimator()), [1, 0])


def test_missing_labels_raise_with_the_name_of_the_estimator():
    with pytest.raises(ValueError, match=r"Estimator estimator requires y to be passed.* None"):
        check_labels(None, Estimator())


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_one_hot_labels_raise_with_the_way_out(dtype):
    with pytest.raises(ValueError, match=r"2-D \(4, 3\) and one-hot; .*y\.argmax\(axis=1\)"):
        check_labels(np.eye(3, dtype=dtype)[[0, 2, 1, 1]], Estimator())


@pytest.mark.parametrize(
    "y",
    [
        [[1, 1, 0], [0, 1, 0]],  # two labels in a row
        [[0, 0, 0], [0, 1, 0]],  # a row without
        [[2, -1], [0, 1]],  # sums of 1 that are not one-hot
        [["a", "b"], ["b", "a"]],
    ],
)
def test_other_labels_in_two_dimensions_raise(y):
    with pytest.raises(ValueError, match=r"pass one class label for each row"):
        check_labels(y, Estimator())


# -- indicator matrices ----------------------------------------------------------------------------

INDICATORS = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1], [0, 1, 0]])
ONE_HOT = np.eye(3)[[0, 2, 1, 1]]
check_all = pytest.mark.parametrize("sure", [False, True])


@check_all
@pytest.mark.parametrize("dtype", [int, float, bool])
@pytest.mark.parametrize("container", [np.asarray, list, sparse.csr_matrix, sparse.csc_array])
def test_indicator_matrix_passes_as_it_is(sure, dtype, container):
    y = container(INDICATORS.astype(dtype))
    found = check_labels_or_indicators(y, Estimator(), None, sure=sure)
    assert_array_equal(found, INDICATORS)
    assert isinstance(found, np.ndarray)


@check_all
@pytest.mark.parametrize("y", [[1, 0, 2], ["b", "a", "c"]])
def test_single_labels_pass_where_a_matrix_might(sure, y):
    assert_array_equal(check_labels_or_indicators(y, Estimator(), None, sure=sure), y)


@check_all
@pytest.mark.parametrize(("unlabeled", "dtype"), [(-1, int), (-1, float), (NAN, float), (7, int)])
def test_rows_of_the_marker_are_no_reason_to_refuse_an_indicator_matrix(sure, unlabeled, dtype):
    y = np.vstack([INDICATORS, np.full((2, 3), unlabeled)]).astype(dtype)
    assert_array_equal(check_labels_or_indicators(y, Estimator(), unlabeled, sure=sure), y)


def test_one_hot_matrix_is_refused_unless_indicators_are_expected():
    for y in (ONE_HOT, np.vstack([ONE_HOT, np.full((2, 3), -1)])):
        with pytest.raises(ValueError, match=r"2-D \(4, 3\) and one-hot; .*y\.argmax\(axis=1\)"):
            check_labels_or_indicators(y, Estimator(), -1, sure=False)
        assert_array_equal(check_labels_or_indicators(y, Estimator(), -1, sure=True), y)


@check_all
@pytest.mark.parametrize(
    ("y", "unlabeled"),
    [
        ([[2, 0], [0, 1]], None),
        ([[-1, -1], [0, 1], [1, 1]], None),  # no marker
        ([[-1, 0], [0, 1], [1, 1]], -1),  # a marker in a part of a row
        ([[0.5, 0.5], [0, 1]], None),
        ([["a", "b"], ["b", "a"]], None),
    ],
)
def test_other_matrices_are_refused_whatever_is_expected(sure, y, unlabeled):
    with pytest.raises(ValueError, match="pass one class label for each row"):
        check_labels_or_indicators(y, Estimator(), unlabeled, sure=sure)


def test_matrix_without_any_label_tells_nothing_unless_indicators_are_expected():
    y = np.full((5, 3), -1)
    with pytest.raises(ValueError, match=r"No row has a label: all of y equals unlabeled=-1"):
        check_labels_or_indicators(y, Estimator(), -1, sure=False)
    assert check_labels_or_indicators(y, Estimator(), -1, sure=True) is y


@check_all
def test_missing_y_raises_where_a_matrix_might_come(sure):
    with pytest.raises(ValueError, match=r"Estimator estimator requires y to be passed.* None"):
        check_labels_or_indicators(None, Estimator(), None, sure=sure)


@pytest.mark.parametrize(
    ("unlabeled", "expected"),
    [
        (None, [True, True, True, True]),
        (NAN, [True, True, True, False]),
        (0, [True, False, True, True]),
        (5, [True, True, True, True]),
    ],
)
def test_row_has_a_target_unless_it_is_the_marker_throughout(unlabeled, expected):
    y = np.array([[0, 1.0], [0, 0], [NAN, 0], [NAN, NAN]])
    assert has_any_target(y, unlabeled).tolist() == expected


# -- the rows to score -----------------------------------------------------------------------------


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, list, pd.DataFrame])
@pytest.mark.parametrize("kind", ["labels", "matrix"])
def test_rows_to_score_are_those_with_a_target(container, kind, rng):
    X, weight = rng.random((4, 3)), np.arange(1.0, 5.0)
    y = np.array([2, -1, 0, -1])
    if kind == "matrix":
        y = np.stack([y, np.array([-1, -1, 3, -1])], axis=1)
    X_known, y_known, weight_known = labelled_part(container(X), y.tolist(), weight.tolist(), -1)
    assert type(X_known) is type(container(X))
    found = X_known.toarray() if sparse.issparse(X_known) else X_known
    assert_array_equal(found, X[[0, 2]])
    assert_array_equal(y_known, y[[0, 2]])
    assert_array_equal(weight_known, weight[[0, 2]])
    assert labelled_part(container(X), y, None, -1)[2] is None


@pytest.mark.parametrize("unlabeled", [None, 7])
def test_rows_to_score_are_all_and_no_copies_if_none_is_marked(unlabeled, rng):
    X, weight = rng.random((4, 3)), np.arange(1.0, 5.0)
    for y in (np.array([2, -1, 0, -1]), np.array([[1, 0], [0, 0], [1, 1], [0, 1]])):
        found = labelled_part(X, y, weight, unlabeled)
        assert all(one is other for one, other in zip(found, (X, y, weight), strict=True))


def test_rows_of_a_sparse_indicator_matrix_are_scored(rng):
    X = rng.random((4, 3))
    _, y, _ = labelled_part(X, sparse.csr_array(INDICATORS), None, 0)
    assert_array_equal(y, INDICATORS[[0, 2, 3]])


@pytest.mark.parametrize("y", [np.full(4, -1), np.full((4, 2), -1)])
def test_no_row_to_score_raises(y):
    with pytest.raises(ValueError, match=r"No row to score has a label: all of y equals unlabeled=-1"):
        labelled_part(np.zeros((4, 3)), y, None, -1)


# -- classes and positions -------------------------------------------------------------------------


@each_marker
def test_classes_are_the_sorted_labels_without_the_marker(y, unlabeled, classes, expected):
    found = find_classes(np.asarray(y), unlabeled)
    assert found.tolist() == classes


@each_marker
def test_positions_point_into_the_classes_and_leave_out_the_marker(y, unlabeled, classes, expected):
    y = np.asarray(y)
    targets = positions(y, find_classes(y, unlabeled), unlabeled)
    assert targets.tolist() == expected
    has_label = targets != NO_LABEL
    assert np.array(classes)[targets[has_label]].tolist() == y[has_label].tolist()


def test_positions_are_those_in_classes_seen_before():
    assert positions(np.array([7, 3]), np.array([1, 3, 5, 7]), None).tolist() == [3, 1]


def test_positions_of_rows_without_any_label_need_no_class():
    assert positions(np.array([-1, -1]), np.array([0, 1]), -1).tolist() == [NO_LABEL, NO_LABEL]


@pytest.mark.parametrize(
    ("y", "classes", "message"),
    [
        ([0, 5, 9, 5], [0, 1], r"labels \[5, 9\] .* classes \[0, 1\]"),
        (["a", "z"], ["a", "b"], r"labels \['z'\] .* classes \['a', 'b'\]"),
        ([-2], [0, 1], r"labels \[-2\]"),  # before all classes
        ([0.0, -1.0], [0, 1], r"labels \[-1.0\]"),  # no marker: -1 is a class like any
    ],
)
def test_unknown_labels_raise_and_are_named(y, classes, message):
    with pytest.raises(ValueError, match=message):
        positions(np.array(y), np.array(classes), None)


@pytest.mark.parametrize(
    ("classes", "unlabeled", "expected"),
    [
        ([2, 0, 2, -1], -1, [0, 2]),
        ([2, 0, -1], None, [-1, 0, 2]),
        (["b", "?", "a"], "?", ["a", "b"]),
        ((1.0, NAN, 0.0), NAN, [0, 1]),
    ],
)
def test_classes_given_by_hand_are_sorted_and_without_the_marker(classes, unlabeled, expected):
    assert given_classes(classes, unlabeled).tolist() == expected


def test_text_is_no_marker_of_numbers():
    assert has_any_target(np.array([[0.0, 1.0], [1.0, 1.0]]), "?").tolist() == [True, True]


def test_no_label_at_all_raises():
    with pytest.raises(ValueError, match=r"No row has a label: all of y equals unlabeled=-1"):
        find_classes(np.array([-1, -1]), -1)


def test_nan_that_is_not_the_marker_raises():
    with pytest.raises(ValueError, match="contains NaN"):
        find_classes(np.array([0.0, NAN]), -1)


def test_continuous_targets_raise():
    with pytest.raises(ValueError, match="continuous"):
        find_classes(np.array([0.1, 0.7]), None)


# -- rows ------------------------------------------------------------------------------------------


def test_labelled_keeps_the_rows_that_have_a_label_in_their_order(data):
    labelled = data.labelled()
    kept = data.targets >= 0
    assert_array_equal(labelled.X, data.X[kept])
    assert_array_equal(labelled.targets, data.targets[kept])
    assert_array_equal(labelled.sample_weight, data.sample_weight[kept])


def test_labelled_makes_no_copy_if_all_rows_have_a_label(data):
    data = data.labelled()
    assert data.labelled() is data


def test_row_of_several_targets_has_one_unless_some_is_missing():
    targets = np.array([[0.0, 1.0], [NAN, NAN], [2.0, 3.0], [NAN, 1.0]])
    data = LabelledRows(np.arange(8.0).reshape(4, 2), targets, np.arange(4.0))
    assert data.has_target().tolist() == [True, False, True, False]
    labelled = data.labelled()
    assert_array_equal(labelled.X, data.X[[0, 2]])
    assert_array_equal(labelled.targets, targets[[0, 2]])
    assert labelled.sample_weight.tolist() == [0, 2]
    assert labelled.labelled() is labelled


def test_rows_that_need_no_target_all_count_as_having_one():
    data = LabelledRows(sparse.csr_array(np.eye(3)), None, None)
    assert data.has_target().tolist() == [True, True, True]
    assert data.labelled() is data
    taken = data.take(np.array([2, 0]))
    assert_array_equal(taken.X.toarray(), np.eye(3)[[2, 0]])
    assert taken.targets is None


@pytest.mark.parametrize("weighted", [False, True])
def test_take_gives_the_rows_asked_for_of_sparse_data_too(weighted, data):
    weight = data.sample_weight if weighted else None
    rows = np.array([5, 2, 2])
    taken = LabelledRows(sparse.csr_array(data.X), data.targets, weight).take(rows)
    assert_array_equal(taken.X.toarray(), data.X[rows])
    assert_array_equal(taken.targets, data.targets[rows])
    if weighted:
        assert_array_equal(taken.sample_weight, weight[rows])
    else:
        assert taken.sample_weight is None


# -- the rows held out -----------------------------------------------------------------------------


@pytest.mark.parametrize(("fraction", "counts"), [(0.1, [6, 3, 1]), (0.2, [12, 6, 2]), (0.5, [30, 15, 5])])
def test_share_held_out_has_each_class_in_proportion_and_only_labelled_rows(fraction, counts, data, rng):
    _, held_out = split_stratified(data, fraction, rng)
    assert np.bincount(held_out.targets).tolist() == counts


def test_rest_and_share_held_out_are_all_rows_and_have_none_in_common(data, rng):
    rest, held_out = split_stratified(data, 0.3, rng)
    assert (rest.targets == NO_LABEL).sum() == 23
    together = LabelledRows(*(np.concatenate(pair) for pair in zip(rest, held_out, strict=True)))
    order = np.argsort(together.X[:, 0])
    for ours, expected in zip(together.take(order), data, strict=True):
        assert_array_equal(ours, expected)


@pytest.mark.parametrize("targets", ["matrix", "none"])
def test_share_of_rows_without_classes_is_held_out_by_chance_from_those_with_a_target(targets, rng):
    X = np.arange(22.0).reshape(11, 2)
    values = np.where(np.arange(11) < 3, NAN, 0.5)[:, np.newaxis] * np.ones(2)
    data = LabelledRows(X, values if targets == "matrix" else None, None)
    rest, held_out = split_stratified(data, 0.25, rng)
    n_held_out = 2 if targets == "matrix" else 3  # a quarter of 8 or of 11, rounded up
    assert len(held_out.X) == n_held_out
    assert held_out.has_target().all()
    assert (rest.targets is None) == (held_out.targets is None) == (targets == "none")
    assert_array_equal(np.sort(np.r_[rest.X[:, 0], held_out.X[:, 0]]), X[:, 0])


def test_split_is_decided_by_the_generator(data):
    first, same, other = (
        split_stratified(data, 0.2, np.random.default_rng(seed))[1].X[:, 0].tolist() for seed in (0, 0, 1)
    )
    assert first == same
    assert sorted(first) != sorted(other)


def test_too_few_rows_to_hold_out_raise_with_the_ways_out(rng):
    data = LabelledRows(np.zeros((5, 2)), np.array([0, 0, 0, 1, NO_LABEL]), None)
    message = r"validation_fraction=0.1 of 4 labelled rows .*Raise validation_fraction, pass X_val"
    with pytest.raises(ValueError, match=message):
        split_stratified(data, 0.1, rng)


# -- weights ---------------------------------------------------------------------------------------

CLASSES = np.array(["a", "b", "c"])


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 2.0, "b": 0.5, "c": 3.0}, {"b": 5}])
def test_class_weights_are_those_of_scikit_learn(class_weight, data):
    data = data.labelled()._replace(sample_weight=None)
    expected = compute_sample_weight(class_weight, CLASSES[data.targets])
    weights = weights_with_classes(data, class_weight, CLASSES)
    assert_allclose(weights, expected, rtol=1e-14)  # rounding


def test_class_weights_given_by_hand_multiply_the_weights_of_the_rows(data):
    data = data.labelled()
    weights = weights_with_classes(data, {"a": 2.0, "b": 0.5, "c": 3.0}, CLASSES)
    assert_allclose(weights, np.array([2.0, 0.5, 3.0])[data.targets] * data.sample_weight, rtol=1e-15)


def test_balanced_classes_have_equal_total_weights_and_keep_the_sum(data):
    data = data.labelled()
    weights = weights_with_classes(data, "balanced", CLASSES)
    totals = np.bincount(data.targets, weights=weights)
    assert_allclose(totals, data.sample_weight.sum() / 3, rtol=1e-13)  # rounding of sums of 60 rows


def test_balanced_class_weights_take_a_weight_of_k_for_k_rows(data, rng):
    data = data.labelled()
    counts = rng.integers(1, 4, len(data.targets))
    repeated = data.take(np.repeat(np.arange(len(counts)), counts))._replace(sample_weight=None)
    weights = weights_with_classes(data._replace(sample_weight=counts.astype(float)), "balanced", CLASSES)
    expected = weights_with_classes(repeated, "balanced", CLASSES)
    assert_allclose(np.repeat(weights / counts, counts), expected, rtol=1e-14)  # rounding


def test_balanced_weights_leave_out_classes_without_rows():
    data = LabelledRows(np.zeros((4, 1)), np.array([0, 0, 0, 2]), None)
    weights = weights_with_classes(data, "balanced", CLASSES)
    assert_allclose(weights, [2 / 3, 2 / 3, 2 / 3, 2], rtol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
def test_without_class_weights_the_weights_of_the_rows_stay(weighted, data):
    data = data if weighted else data._replace(sample_weight=None)
    assert weights_with_classes(data, None, CLASSES) is data.sample_weight


@pytest.mark.parametrize("as_object", [True, False])
def test_numbers_beside_a_marker_of_text_are_numbers(as_object):
    X = np.repeat(np.eye(3), 10, axis=0)
    y = [*np.repeat([3, 5, 8], 10).tolist()]
    y[::4] = ["?"] * len(y[::4])
    model = DBNClassifier(
        (4,), unlabeled="?", pretrain=False, max_iter=200, learning_rate=0.01, random_state=0
    )
    model.fit(X, np.array(y, dtype=object) if as_object else y)
    assert model.classes_.tolist() == [3, 5, 8]
    assert model.classes_.dtype.kind == "i"
    assert model.score(X, np.array(y, dtype=object) if as_object else y) == 1


@pytest.mark.parametrize("as_object", [True, False])
def test_labels_of_several_types_are_named(as_object):
    y = [1, "a", 1, "a"]
    with pytest.raises(ValueError, match=r"y mixes labels of types \['int', 'str'\]; use one type"):
        DBNClassifier().fit(np.eye(4), np.array(y, dtype=object) if as_object else y)
