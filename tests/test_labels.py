import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_sample_weight

from skdbn._labels import (
    NO_LABEL,
    LabelledRows,
    check_labels,
    find_classes,
    positions,
    split_stratified,
    weights_with_classes,
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
