"""What a network is trained to give, against definitions and scikit-learn's metrics."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score, r2_score

from skdbn._fine_tuning import HeldOut
from skdbn._labels import NO_LABEL
from skdbn._network import Network, mean_loss, outputs
from skdbn._targets import Classes, Inputs, Labels, Values
from skdbn.units import Bernoulli, Gaussian, Softmax

N_ROWS, N_INPUTS, N_HIDDEN, N_OUTPUTS = 11, 7, 5, 3
NAN = float("nan")
MEAN, SPREAD = np.array([100.0, -3.0, 0.5]), np.array([20.0, 0.25, 1.0])

each_weighting = pytest.mark.parametrize("weighted", [False, True])
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture
def make_network(rng):
    """Function that returns a network whose outputs are of the type that a task asks for."""

    def make(task, n_outputs=N_OUTPUTS, visible=None):
        sizes = [N_INPUTS, N_HIDDEN, n_outputs]
        weights = [rng.standard_normal(pair) for pair in zip(sizes[:-1], sizes[1:], strict=True)]
        biases = [rng.standard_normal(size) for size in sizes[1:]]
        return Network(visible or Bernoulli(), [Bernoulli()], task.unit, (*weights, *biases))

    return make


@pytest.fixture
def make_held_out(rng):
    """Function that returns rows with the targets given, and weights of the rows if asked for."""

    def make(task, targets, weighted):
        weight = rng.uniform(0.1, 3, N_ROWS) if weighted else None
        return HeldOut(rng.random((N_ROWS, N_INPUTS)), targets, weight, task.score)

    return make


# -- classes ---------------------------------------------------------------------------------------


def test_classes_are_read_as_their_positions_and_encoded_one_hot():
    task = Classes(np.array(["a", "b", "d"]))
    targets = task.read(np.array(["b", "?", "d", "b"]), "?")
    assert targets.tolist() == [1, NO_LABEL, 2, 1]
    assert_array_equal(task.encode(targets[[0, 2, 3]], np.float64), [[0, 1, 0], [0, 0, 1], [0, 1, 0]])
    assert task.n_outputs == 3
    assert isinstance(task.unit, Softmax)


@each_dtype
def test_encoded_targets_have_the_dtype_asked_for(dtype):
    values = Values(MEAN, SPREAD, one_dimensional=False)
    pairs = [(Classes(np.arange(3)), [0, 2]), (Labels(2), [[0.0, 1.0]]), (values, [[1.0, 2.0, 3.0]])]
    for task, targets in pairs:
        assert task.encode(np.array(targets), dtype).dtype == dtype


def test_predicted_class_is_the_most_probable_one():
    means = np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3], [0.1, 0.8, 0.1]])
    assert Classes(np.array(["a", "b", "d"])).predict(means).tolist() == ["d", "a", "b"]


@each_weighting
def test_score_of_classes_is_the_weighted_share_of_right_predictions(weighted, make_network, make_held_out):
    task = Classes(np.array([3, 5, 9]))
    network, held_out = make_network(task), make_held_out(task, np.arange(N_ROWS) % 3, weighted)
    predicted = task.predict(outputs(network, held_out.X))
    truth = task.classes[held_out.targets]
    score = task.score(network, held_out)
    expected = accuracy_score(truth, predicted, sample_weight=held_out.sample_weight)
    assert score == pytest.approx(expected, rel=1e-14)
    assert 0 < score < 1


def test_one_label_a_row_and_several_are_told_apart():
    with pytest.raises(ValueError, match=r"is an indicator matrix, .* fitted to one label a row"):
        Classes(np.arange(3)).read(np.eye(3), None)
    with pytest.raises(ValueError, match=r"has one label a row, .* fitted to an indicator matrix"):
        Labels(3).read(np.arange(3), None)


# -- several labels --------------------------------------------------------------------------------


def test_labels_are_read_as_floats_with_nan_in_rows_of_the_marker_throughout():
    y = np.array([[1, 0, 1], [-1, -1, -1], [0, 0, 0]])
    expected = np.array([[1, 0, 1], [NAN, NAN, NAN], [0, 0, 0]])
    assert_array_equal(Labels(3).read(y, -1), expected)
    assert_array_equal(Labels(3).read(expected, NAN), expected)
    assert_array_equal(Labels(3).read(y[[0, 2]], None), expected[[0, 2]])
    assert Labels(3).read(y, None).dtype == np.float64


def test_reading_does_not_change_y():
    y = np.array([[1.0, 0.0], [9.0, 9.0]])
    for task in (Labels(2), Values(MEAN[:2], SPREAD[:2], one_dimensional=False)):
        assert_array_equal(task.read(y, 9.0), [[1, 0], [NAN, NAN]])
        assert_array_equal(y, [[1, 0], [9, 9]])


@pytest.mark.parametrize("task", [Labels(3), Values(MEAN, SPREAD, one_dimensional=False)])
@pytest.mark.parametrize("n_columns", [2, 4])
def test_other_numbers_of_columns_are_refused(task, n_columns):
    with pytest.raises(ValueError, match=rf"y has {n_columns} columns, .* fitted to 3"):
        task.read(np.zeros((5, n_columns)), None)


def test_predicted_labels_are_those_more_probable_than_not():
    means = np.array([[0.5, 0.50001, 0.1], [0.9, 0.49999, 1.0]])
    predicted = Labels(3).predict(means)
    assert_array_equal(predicted, [[0, 1, 0], [1, 0, 1]])
    assert predicted.dtype == int
    assert Labels(3).classes.tolist() == [0, 1, 2]


@each_weighting
def test_score_of_labels_is_the_weighted_share_of_rows_that_are_all_right(
    weighted, make_network, make_held_out, rng
):
    task = Labels(N_OUTPUTS)
    network = make_network(task)
    held_out = make_held_out(task, np.zeros((N_ROWS, N_OUTPUTS)), weighted)
    truth = task.predict(outputs(network, held_out.X)).astype(float)
    truth[1:5, 2] = 1 - truth[1:5, 2]  # one label of three wrong
    truth[6] = 1 - truth[6]
    weight = held_out.sample_weight
    score = task.score(network, held_out._replace(targets=truth))
    predicted = task.predict(outputs(network, held_out.X))
    assert score == pytest.approx(accuracy_score(truth, predicted, sample_weight=weight), rel=1e-14)
    right = np.ones(N_ROWS, dtype=bool)
    right[[1, 2, 3, 4, 6]] = False
    assert score == pytest.approx(np.average(right, weights=weight), rel=1e-14)


@pytest.mark.parametrize("task", [Classes(np.arange(3)), Labels(3), Inputs()])
def test_output_layers_of_labels_and_inputs_stay_as_they_are(task, rng):
    W, bias = rng.standard_normal((N_HIDDEN, 3)), rng.standard_normal(3)
    for convert in (task.to_target_units, task.from_target_units):
        ours = convert(W, bias)
        assert ours[0] is W
        assert ours[1] is bias


# -- values ----------------------------------------------------------------------------------------


def new_values(one_dimensional=False):
    n = 1 if one_dimensional else 3
    return Values(MEAN[:n], SPREAD[:n], one_dimensional)


def test_values_are_read_as_a_matrix_with_nan_in_rows_of_the_marker():
    assert_array_equal(new_values(True).read(np.array([5, -1, 7]), -1), [[5], [NAN], [7]])
    assert_array_equal(new_values(True).read(np.array([5.0, NAN]), NAN), [[5], [NAN]])
    # A row in which a single value equals the marker has values.
    y = np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    assert_array_equal(new_values().read(y, 0), [[0, 1, 2], [NAN, NAN, NAN]])
    assert_array_equal(new_values().read(y, None), y)


@each_dtype
def test_values_are_encoded_with_mean_0_and_standard_deviation_1(dtype):
    y = MEAN + SPREAD * np.array([[-2.0, 0.0, 1.5], [0.25, -1.0, 0.0]])
    before = y.copy()
    encoded = new_values().encode(y, dtype)
    # Exact: powers of 2 and small numbers, but for the quotient by 20.
    assert_allclose(encoded, [[-2, 0, 1.5], [0.25, -1, 0]], rtol=4 * np.finfo(dtype).eps, atol=0)
    assert_array_equal(y, before)


def test_values_of_one_number_are_only_moved():
    task = Values(np.array([4.0]), np.array([0.0]), one_dimensional=True)
    assert_array_equal(task.encode(np.array([[4.0], [7.0]]), np.float64), [[0.0], [3.0]])


def test_predicted_values_have_the_shape_of_y():
    means = np.arange(5.0).reshape(5, 1)
    assert_array_equal(new_values(one_dimensional=True).predict(means), np.arange(5.0))
    assert Values(MEAN[:1], SPREAD[:1], one_dimensional=False).predict(means).shape == (5, 1)
    assert new_values().predict(np.zeros((5, 3))).shape == (5, 3)


def test_output_layer_in_target_units_gives_decoded_outputs_and_can_be_undone(make_network, rng):
    task = new_values()
    network, X = make_network(task), rng.random((N_ROWS, N_INPUTS))
    V, W, b, bias = network.parameters
    in_target_units = task.to_target_units(W, bias)
    converted = network._replace(parameters=(V, in_target_units[0], b, in_target_units[1]))
    expected = MEAN + SPREAD * outputs(network, X)
    assert_allclose(outputs(converted, X), expected, rtol=1e-13)  # rounding
    back = task.from_target_units(*in_target_units)
    assert_allclose(back[0], W, rtol=1e-14)
    assert_allclose(back[1], bias, rtol=0, atol=1e-13)  # the difference of a bias and a mean of 100


@each_weighting
@pytest.mark.parametrize("one_dimensional", [False, True])
def test_score_of_values_is_r2_in_their_units(weighted, one_dimensional, make_network, make_held_out, rng):
    task = new_values(one_dimensional)
    n = task.n_outputs
    network = make_network(task, n)
    held_out = make_held_out(task, None, weighted)
    predicted = MEAN[:n] + SPREAD[:n] * outputs(network, held_out.X)
    truth = predicted + SPREAD[:n] * rng.standard_normal((N_ROWS, n))
    weight = np.ones(N_ROWS) if held_out.sample_weight is None else held_out.sample_weight
    centred = truth - np.average(truth, axis=0, weights=weight)
    expected = (1 - weight @ (truth - predicted) ** 2 / (weight @ centred**2)).mean()
    score = task.score(network, held_out._replace(targets=truth))
    assert score == pytest.approx(expected, rel=1e-12)  # rounding: digits lost to the means
    theirs = r2_score(task.predict(truth), task.predict(predicted), sample_weight=held_out.sample_weight)
    assert score == pytest.approx(theirs, rel=1e-12)


def test_score_of_values_keeps_its_digits_where_the_network_is_narrow(make_network, make_held_out):
    # Values of 1e6 with a spread of 1: in float32 their spread would have a single digit.
    mean, spread = np.full(3, 1e6), np.ones(3)
    task = Values(mean, spread, one_dimensional=False)
    network, held_out = make_network(task), make_held_out(task, None, False)
    narrow = network._replace(parameters=tuple(array.astype("f") for array in network.parameters))
    shifts = np.linspace(-1, 1, N_ROWS * 3).reshape(N_ROWS, 3)
    truth = mean + outputs(network, held_out.X) + shifts
    expected = task.score(network, held_out._replace(targets=truth))
    score = task.score(narrow, held_out._replace(targets=truth, X=held_out.X.astype("f")))
    assert score == pytest.approx(expected, abs=1e-5)  # some roundings of float32 of numbers below 10


# -- the inputs themselves -------------------------------------------------------------------------


def test_inputs_need_no_targets():
    task = Inputs()
    assert task.read(None, None) is None
    assert task.encode(None, np.float32) is None


@each_weighting
def test_score_of_inputs_is_minus_the_loss_of_their_reconstruction(weighted, make_network, make_held_out):
    visible = Gaussian().adapt(np.linspace(0, 1, N_INPUTS), np.linspace(0.5, 2, N_INPUTS))
    task = Inputs(visible)
    network = make_network(task, N_INPUTS, visible)
    held_out = make_held_out(task, None, weighted)
    encoded = (held_out.X - visible.location_) / visible.scale_
    loss = ((outputs(network, held_out.X) - encoded) ** 2).sum(axis=1) / 2
    expected = -np.average(loss, weights=held_out.sample_weight)
    score = task.score(network, held_out)
    assert score == pytest.approx(expected, rel=1e-12)  # rounding
    assert score == -mean_loss(network, held_out.X, None, held_out.sample_weight)
