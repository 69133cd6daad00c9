from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from skdbn import _fine_tuning
from skdbn._fine_tuning import Stopping, accuracy, fine_tune, fine_tune_top
from skdbn._labels import LabelledRows
from skdbn._network import Network, NetworkLearner, features, probabilities
from skdbn._training import Plan, TrainingState
from skdbn.optimizers import SGD, RMSProp
from skdbn.schedules import Exponential, InverseScaling, Linear
from skdbn.units import Bernoulli

N_ROWS, N_INPUTS, N_HIDDEN, N_CLASSES = 101, 7, 5, 3
N_HIDDEN_ARRAYS = [0, 1, 3, 4]  # among two weights, output weights, two biases, output bias
NEVER = Stopping(on_validation=False, tol=0.0, patience=10_000)


@pytest.fixture
def network(rng):
    sizes = [N_INPUTS, N_HIDDEN, 2, N_CLASSES]
    # Large enough that the features of two rows differ.
    weights = [2 * rng.standard_normal(pair) for pair in zip(sizes[:-1], sizes[1:], strict=True)]
    biases = [rng.standard_normal(size) for size in sizes[1:]]
    return Network(Bernoulli(), [Bernoulli(), Bernoulli()], (*weights, *biases))


@pytest.fixture
def data(rng):
    """Classes drawn at random with probabilities that depend on X: no hyperplane separates them."""
    X = rng.random((N_ROWS, N_INPUTS))
    first, second = rng.random(N_ROWS) < expit(4 * X[:, 0] - 2), rng.random(N_ROWS) < 0.4
    return LabelledRows(X, np.where(second, 2, first.astype(int)), None)


@pytest.fixture
def held_out(rng):
    X, targets = rng.random((13, N_INPUTS)), rng.integers(N_CLASSES, size=13)
    return LabelledRows(X, targets, rng.uniform(0.1, 3, 13))


def new_plan(n_epochs=3, learning_rate=0.1, **changes):
    plan = Plan(SGD(), learning_rate, 0.0, batch_size=17, n_epochs=n_epochs, stage="Fine-tuning")
    return replace(plan, **changes)


def new_state():
    return TrainingState(np.random.default_rng(0))


def copies(arrays):
    return [array.copy() for array in arrays]


@pytest.fixture
def script_scores(monkeypatch):
    """Function that makes the validation scores come from a list; returns the parameters at each."""

    def script(scores):
        seen = []

        def scripted(network, data):
            seen.append(copies(network.parameters))
            return scores[len(seen) - 1]

        monkeypatch.setattr(_fine_tuning, "accuracy", scripted)
        return seen

    return script


@pytest.fixture
def script_losses(monkeypatch):
    """Function that makes the training losses come from a list."""

    def script(losses):
        remaining = iter(losses)
        monkeypatch.setattr(NetworkLearner, "epoch_loss", lambda self: next(remaining))

    return script


# Scores, tol and patience; then the epochs run, the best epoch, and whether patience ended.
SCRIPTS = {
    "rises all the way": ([0.1, 0.2, 0.3, 0.4, 0.5], 0.0, 2, 5, 5, False),
    "falls from the start": ([0.5, 0.4, 0.3, 0.2, 0.1], 0.0, 2, 3, 1, True),
    "equal is no improvement": ([0.5, 0.5, 0.5, 0.5, 0.5], 0.0, 3, 4, 1, True),
    "an improvement starts the count anew": ([0.1, 0.1, 0.2, 0.2, 0.2], 0.0, 2, 5, 3, True),
    "no more than tol is no improvement": ([0.5, 0.75, 1.0, 1.25, 1.5], 0.25, 2, 3, 3, True),
    "more than tol is one": ([0.5, 1.0, 1.5, 2.0, 2.5], 0.25, 2, 5, 5, False),
    "small steps still count as the best": ([0.5, 0.51, 0.4, 0.4, 0.4], 0.1, 4, 5, 2, True),
    "patience of one": ([0.1, 0.2, 0.2, 0.3, 0.4], 0.0, 1, 3, 2, True),
    "ends in the last epoch": ([0.1, 0.2, 0.3, 0.2, 0.2], 0.0, 2, 5, 3, True),
}
each_script = pytest.mark.parametrize(
    ("values", "tol", "patience", "n_epochs", "best", "converged"), SCRIPTS.values(), ids=SCRIPTS
)


# -- when it stops, and with which weights ---------------------------------------------------------


@each_script
def test_patience_with_validation_scores_stops_and_keeps_the_best_weights(
    values, tol, patience, n_epochs, best, converged, network, data, held_out, script_scores
):
    seen = script_scores(values)
    stopping = Stopping(True, tol, patience)
    result = fine_tune(network, data, new_plan(len(values)), new_state(), stopping, held_out)
    assert result.validation_scores == values[:n_epochs]
    assert len(result.loss_curve) == n_epochs
    assert result.converged == converged
    for array, kept in zip(network.parameters, seen[best - 1], strict=True):
        assert_array_equal(array, kept)


@each_script
def test_patience_with_the_training_loss_stops_where_the_loss_stops_falling(
    values, tol, patience, n_epochs, best, converged, network, data, script_losses
):
    losses = [8 - value for value in values]
    script_losses(losses)
    result = fine_tune(network, data, new_plan(len(values)), new_state(), Stopping(False, tol, patience))
    assert result.loss_curve == losses[:n_epochs]
    assert result.validation_scores == []
    assert result.converged == converged


def test_best_weights_are_written_into_the_arrays_of_the_network(network, data, held_out, script_scores):
    script_scores([0.9, 0.1, 0.1])
    arrays = network.parameters
    fine_tune(network, data, new_plan(), new_state(), Stopping(True, 0.0, 5), held_out)
    assert all(now is before for now, before in zip(network.parameters, arrays, strict=True))


def test_scores_that_only_measure_neither_stop_nor_choose_the_weights(
    network, data, held_out, script_scores, script_losses
):
    seen = script_scores([0.9, 0.1, 0.1])
    script_losses([1.0, 2.0, 3.0])  # a small loss does not choose them either
    result = fine_tune(network, data, new_plan(), new_state(), NEVER, held_out)
    assert result.validation_scores == [0.9, 0.1, 0.1]
    for array, last in zip(network.parameters, seen[-1], strict=True):
        assert_array_equal(array, last)


def test_rows_held_out_do_not_change_the_training(network, data, held_out):
    other = network._replace(parameters=tuple(copies(network.parameters)))
    fine_tune(network, data, new_plan(), new_state(), NEVER, held_out, dropout=0.3)
    fine_tune(other, data, new_plan(), new_state(), NEVER, dropout=0.3)
    for array, expected in zip(network.parameters, other.parameters, strict=True):
        assert_array_equal(array, expected)


# -- whether it converged --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "losses", "converged"),
    [
        (0.1, [1.0, 0.5, 0.499], False),  # a constant rate converges by patience only
        (InverseScaling(0.1), [1.0, 0.5, 0.499], False),
        (Linear(0.1, 0, n_steps=1), [1.0, 0.5, 0.499], False),  # does not end with the plan
        (Linear(0.1, 0), [1.0, 0.5, 0.499], True),
        (Exponential(0.1, 1e-3), [1.0, 0.5, 0.499], True),
        (Linear(0.1, 0), [1.0, 0.5, 0.4], False),  # ended before it settled
        (Linear(0.1, 0), [1.0], False),  # one epoch tells nothing
    ],
)
def test_rate_that_ends_has_converged_if_its_last_epoch_changed_little(
    rate, losses, converged, network, data, script_losses
):
    script_losses(losses)
    stopping = Stopping(False, tol=0.01, patience=10)
    result = fine_tune(network, data, new_plan(len(losses), rate), new_state(), stopping)
    assert result.converged == converged


# -- what it minimises -----------------------------------------------------------------------------


def test_loss_falls_and_its_curve_is_the_loss_of_each_epoch(network, data):
    # All rows in one batch: the loss of an epoch is that of the parameters before its one step.
    plan = new_plan(n_epochs=1, batch_size=N_ROWS, learning_rate=0.5, n_planned_epochs=20)
    state, losses, expected = new_state(), [], []
    for _ in range(20):
        p = probabilities(network, data.X)
        expected.append(-np.log(p[np.arange(N_ROWS), data.targets]).mean())
        losses += fine_tune(network, data, plan, state, NEVER).loss_curve
    assert_allclose(losses, expected, rtol=1e-12)  # rounding
    # The step is far below 2 / curvature, about 1 / 2: plain descent never goes up.
    assert (np.diff(losses) < 0).all()


def test_row_of_weight_2_counts_like_a_row_given_twice(network, data, rng):
    counts = rng.integers(1, 4, N_ROWS)
    repeated = data.take(np.repeat(np.arange(N_ROWS), counts))
    other = network._replace(parameters=tuple(copies(network.parameters)))
    weighted = data._replace(sample_weight=counts.astype(float))
    plan = new_plan(n_epochs=10, learning_rate=0.5)
    first = fine_tune(network, weighted, replace(plan, batch_size=N_ROWS), new_state(), NEVER)
    n_rows = int(counts.sum())
    second = fine_tune(other, repeated, replace(plan, batch_size=n_rows), new_state(), NEVER)
    # Rounding of ten steps.
    assert_allclose(first.loss_curve, second.loss_curve, rtol=1e-12)
    for array, expected in zip(network.parameters, other.parameters, strict=True):
        assert_allclose(array, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tune", [fine_tune, fine_tune_top])
def test_epochs_in_single_calls_train_as_one_call_does(tune, network, data):
    other = network._replace(parameters=tuple(copies(network.parameters)))
    plan = new_plan(4, learning_rate=Linear(0.5, 0), optimizer=RMSProp())
    whole = tune(network, data, plan, new_state(), NEVER, dropout=0.3)
    state, losses = new_state(), []
    for _ in range(4):
        one_epoch = replace(plan, n_epochs=1)
        losses += tune(other, data, one_epoch, state, NEVER, dropout=0.3).loss_curve
    assert losses == whole.loss_curve
    for array, expected in zip(network.parameters, other.parameters, strict=True):
        assert_array_equal(array, expected)


def test_fine_tuning_of_all_layers_changes_every_array(network, data):
    before = copies(network.parameters)
    fine_tune(network, data, new_plan(1), new_state(), NEVER)
    for array, old in zip(network.parameters, before, strict=True):
        assert (array != old).any()


def test_accuracy_is_the_weighted_share_of_right_predictions(network, held_out):
    predicted = probabilities(network, held_out.X).argmax(axis=1)
    expected = accuracy_score(held_out.targets, predicted, sample_weight=held_out.sample_weight)
    assert accuracy(network, held_out) == pytest.approx(expected, rel=1e-14)
    unweighted = held_out._replace(sample_weight=None)
    assert accuracy(network, unweighted) == accuracy_score(held_out.targets, predicted)


# -- the output layer alone ------------------------------------------------------------------------


def test_fine_tuning_the_top_leaves_the_hidden_layers_bit_for_bit(network, data, held_out):
    before = copies(network.parameters)
    fine_tune_top(network, data, new_plan(alpha=0.1), new_state(), Stopping(True, 0.0, 2), held_out)
    for i, (array, old) in enumerate(zip(network.parameters, before, strict=True)):
        if i in N_HIDDEN_ARRAYS:
            assert_array_equal(array, old)
        else:
            assert (array != old).any()


@pytest.mark.parametrize("weighted", [False, True])
def test_fine_tuning_the_top_finds_the_logistic_regression_on_the_features(weighted, network, data, rng):
    if weighted:
        data = data._replace(sample_weight=rng.uniform(0.1, 3, N_ROWS))
    H = features(network, data.X)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    theirs.fit(H, data.targets, sample_weight=data.sample_weight)
    plan = new_plan(2000, 0.5, optimizer=SGD(momentum=0.96, nesterov=True), batch_size=N_ROWS)
    result = fine_tune_top(network, data, plan, new_state(), NEVER)
    # At the optimum the gradient is 0: the means of the features given a class are the model's.
    p = probabilities(network, data.X)
    weight = np.ones(N_ROWS) if data.sample_weight is None else data.sample_weight
    error = (p - np.eye(N_CLASSES)[data.targets]) * weight[:, np.newaxis] / weight.sum()
    assert_allclose(H.T @ error, 0, atol=1e-9)
    # L-BFGS stops where the loss changes by about 1e-14; with curvatures from 1e-3 on, its coefficients
    # are then off by up to 1e-5.
    assert_allclose(p, theirs.predict_proba(H), rtol=0, atol=3e-5)
    assert len(result.loss_curve) == 2000


def test_fine_tuning_the_top_measures_the_whole_network(network, data, held_out):
    result = fine_tune_top(network, data, new_plan(1), new_state(), NEVER, held_out)
    assert result.validation_scores == [accuracy(network, held_out)]


def test_dropout_has_nothing_to_act_on_when_hidden_layers_are_frozen(network, data):
    other = network._replace(parameters=tuple(copies(network.parameters)))
    fine_tune_top(network, data, new_plan(), new_state(), NEVER, dropout=0.5)
    fine_tune_top(other, data, new_plan(), new_state(), NEVER)
    for array, expected in zip(network.parameters, other.parameters, strict=True):
        assert_array_equal(array, expected)


# -- reports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tune", [fine_tune, fine_tune_top])
def test_verbose_prints_a_line_an_epoch_with_loss_and_score(tune, network, data, held_out, capsys):
    result = tune(network, data, new_plan(), new_state(), NEVER, held_out, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    for epoch, line in enumerate(lines, start=1):
        loss, score = result.loss_curve[epoch - 1], result.validation_scores[epoch - 1]
        start = f"Fine-tuning, epoch {epoch}/3, loss {loss:.4g}, validation score {score:.4g}, "
        assert line.startswith(start)
    assert len(lines) == 3
    tune(network, data, new_plan(), new_state(), NEVER, held_out)
    assert capsys.readouterr().out == ""
