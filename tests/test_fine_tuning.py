from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from skdbn._fine_tuning import FineTuning, HeldOut, fine_tune
from skdbn._labels import LabelledRows
from skdbn._network import Network, NetworkLearner, features, mean_loss, outputs
from skdbn._rows import Rows
from skdbn._targets import Classes
from skdbn._training import Plan, TrainingState
from skdbn.optimizers import SGD, RMSProp
from skdbn.schedules import Exponential, InverseScaling, Linear
from skdbn.units import Bernoulli, Gaussian, Softmax

N_ROWS, N_INPUTS, N_HIDDEN, N_CLASSES = 101, 7, 5, 3
N_HIDDEN_ARRAYS = [0, 1, 3, 4]  # among two weights, output weights, two biases, output bias
TASK = Classes(np.arange(N_CLASSES))


def new_settings(dropout=0.0, **settings):
    """Nothing stops the training unless it is told to; dropout is that of both hidden layers."""
    settings = {"tol": 0.0, "patience": 10_000, **settings}
    return FineTuning((0.0, dropout, dropout), settings.pop("max_norm", (None, None)), **settings)


NEVER = new_settings()
TOP_ONLY = new_settings(n_frozen=2)


def tune(network, data, plan, state, settings, held_out=None, verbose=0):
    rows = Rows(data.X, TASK.encode(data.targets, np.float64), data.sample_weight)
    return fine_tune(network, rows, plan, state, settings, held_out, verbose)


@pytest.fixture
def network(rng):
    sizes = [N_INPUTS, N_HIDDEN, 2, N_CLASSES]
    # Large enough that the features of two rows differ.
    weights = [2 * rng.standard_normal(pair) for pair in zip(sizes[:-1], sizes[1:], strict=True)]
    biases = [rng.standard_normal(size) for size in sizes[1:]]
    return Network(Bernoulli(), [Bernoulli(), Bernoulli()], Softmax(), (*weights, *biases))


@pytest.fixture
def data(rng):
    """Classes drawn at random with probabilities that depend on X: no hyperplane separates them."""
    X = rng.random((N_ROWS, N_INPUTS))
    first, second = rng.random(N_ROWS) < expit(4 * X[:, 0] - 2), rng.random(N_ROWS) < 0.4
    return LabelledRows(X, np.where(second, 2, first.astype(int)), None)


@pytest.fixture
def held_out(rng):
    X, targets = rng.random((13, N_INPUTS)), rng.integers(N_CLASSES, size=13)
    return HeldOut(X, targets, rng.uniform(0.1, 3, 13), TASK.score)


def new_plan(n_epochs=3, learning_rate=0.1, **changes):
    plan = Plan(SGD(), learning_rate, 0.0, batch_size=17, n_epochs=n_epochs, stage="Fine-tuning")
    return replace(plan, **changes)


def new_state():
    return TrainingState(np.random.default_rng(0))


def copies(arrays):
    return [array.copy() for array in arrays]


def copy_of(network):
    return network._replace(parameters=tuple(copies(network.parameters)))


def assert_same_parameters(network, other):
    for array, expected in zip(network.parameters, other.parameters, strict=True):
        assert_array_equal(array, expected)


def script_scores(held_out, scores):
    """Return held-out rows whose scores come from a list, and the list of the parameters at each."""
    seen = []

    def scripted(network, data):
        seen.append(copies(network.parameters))
        return scores[len(seen) - 1]

    return held_out._replace(score=scripted), seen


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
    values, tol, patience, n_epochs, best, converged, network, data, held_out
):
    held_out, seen = script_scores(held_out, values)
    settings = new_settings(on_validation=True, tol=tol, patience=patience)
    result = tune(network, data, new_plan(len(values)), new_state(), settings, held_out)
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
    settings = new_settings(tol=tol, patience=patience)
    result = tune(network, data, new_plan(len(values)), new_state(), settings)
    assert result.loss_curve == losses[:n_epochs]
    assert result.validation_scores == []
    assert result.converged == converged


@pytest.mark.parametrize(
    ("rate", "n_epochs"), [(0.1, 3), (InverseScaling(0.1, delay=3), 3), (Linear(0.1, 0), 7)]
)
def test_a_rate_that_falls_to_its_end_runs_to_its_end(rate, n_epochs, network, data, script_losses):
    script_losses([1.0] * 7)
    plan = new_plan(7, learning_rate=rate)
    result = tune(network, data, plan, new_state(), new_settings(tol=0.0, patience=2))
    assert len(result.loss_curve) == n_epochs


def test_held_out_rows_stop_a_falling_rate_too(network, data, held_out):
    held_out, _ = script_scores(held_out, [0.5] * 7)
    settings = new_settings(on_validation=True, tol=0.0, patience=2)
    plan = new_plan(7, learning_rate=Linear(0.1, 0))
    assert len(tune(network, data, plan, new_state(), settings, held_out).loss_curve) == 3


def test_best_weights_are_written_into_the_arrays_of_the_network(network, data, held_out):
    held_out, _ = script_scores(held_out, [0.9, 0.1, 0.1])
    arrays = network.parameters
    settings = new_settings(on_validation=True, patience=5)
    tune(network, data, new_plan(), new_state(), settings, held_out)
    assert all(now is before for now, before in zip(network.parameters, arrays, strict=True))


def test_scores_that_only_measure_neither_stop_nor_choose_the_weights(
    network, data, held_out, script_losses
):
    held_out, seen = script_scores(held_out, [0.9, 0.1, 0.1])
    script_losses([1.0, 2.0, 3.0])  # a small loss does not choose them either
    result = tune(network, data, new_plan(), new_state(), NEVER, held_out)
    assert result.validation_scores == [0.9, 0.1, 0.1]
    for array, last in zip(network.parameters, seen[-1], strict=True):
        assert_array_equal(array, last)


def test_rows_held_out_do_not_change_the_training(network, data, held_out):
    other = copy_of(network)
    tune(network, data, new_plan(), new_state(), new_settings(0.3), held_out)
    tune(other, data, new_plan(), new_state(), new_settings(0.3))
    assert_same_parameters(network, other)


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
    settings = new_settings(tol=0.01, patience=10)
    result = tune(network, data, new_plan(len(losses), rate), new_state(), settings)
    assert result.converged == converged


# -- what it minimises -----------------------------------------------------------------------------


def test_loss_falls_and_its_curve_is_the_loss_of_each_epoch(network, data):
    # All rows in one batch: the loss of an epoch is that of the parameters before its one step.
    plan = new_plan(n_epochs=1, batch_size=N_ROWS, learning_rate=0.5, n_planned_epochs=20)
    state, losses, expected = new_state(), [], []
    for _ in range(20):
        p = outputs(network, data.X)
        expected.append(-np.log(p[np.arange(N_ROWS), data.targets]).mean())
        losses += tune(network, data, plan, state, NEVER).loss_curve
    assert_allclose(losses, expected, rtol=1e-12)  # rounding
    # The step is far below 2 / curvature, about 1 / 2: plain descent never goes up.
    assert (np.diff(losses) < 0).all()


def test_row_of_weight_2_counts_like_a_row_given_twice(network, data, rng):
    counts = rng.integers(1, 4, N_ROWS)
    repeated = data.take(np.repeat(np.arange(N_ROWS), counts))
    other = copy_of(network)
    weighted = data._replace(sample_weight=counts.astype(float))
    plan = new_plan(n_epochs=10, learning_rate=0.5)
    first = tune(network, weighted, replace(plan, batch_size=N_ROWS), new_state(), NEVER)
    n_rows = int(counts.sum())
    second = tune(other, repeated, replace(plan, batch_size=n_rows), new_state(), NEVER)
    # Rounding of ten steps.
    assert_allclose(first.loss_curve, second.loss_curve, rtol=1e-12)
    for array, expected in zip(network.parameters, other.parameters, strict=True):
        assert_allclose(array, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
@pytest.mark.parametrize("n_head_epochs", [0, 1, 3, 4, 9])
def test_epochs_in_single_calls_train_as_one_call_does(n_frozen, n_head_epochs, network, data):
    other = copy_of(network)
    plan = new_plan(4, learning_rate=Linear(0.5, 0), optimizer=RMSProp())
    settings = new_settings(0.3, n_frozen=n_frozen, n_head_epochs=n_head_epochs)
    whole = tune(network, data, plan, new_state(), settings)
    state, losses = new_state(), []
    for _ in range(4):
        losses += tune(other, data, replace(plan, n_epochs=1), state, settings).loss_curve
    assert losses == whole.loss_curve
    assert len(losses) == 4
    assert_same_parameters(network, other)


def test_fine_tuning_of_all_layers_changes_every_array(network, data):
    before = copies(network.parameters)
    tune(network, data, new_plan(1), new_state(), NEVER)
    for array, old in zip(network.parameters, before, strict=True):
        assert (array != old).any()


# -- the output layer alone ------------------------------------------------------------------------


def test_fine_tuning_the_top_leaves_the_hidden_layers_bit_for_bit(network, data, held_out):
    before = copies(network.parameters)
    settings = TOP_ONLY._replace(on_validation=True, patience=2)
    tune(network, data, new_plan(alpha=0.1), new_state(), settings, held_out)
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
    result = tune(network, data, plan, new_state(), TOP_ONLY)
    # At the optimum the gradient is 0: the means of the features given a class are the model's.
    p = outputs(network, data.X)
    weight = np.ones(N_ROWS) if data.sample_weight is None else data.sample_weight
    error = (p - np.eye(N_CLASSES)[data.targets]) * weight[:, np.newaxis] / weight.sum()
    assert_allclose(H.T @ error, 0, atol=1e-9)
    # L-BFGS stops where the loss changes by about 1e-14; with curvatures from 1e-3 on, its coefficients
    # are then off by up to 1e-5.
    assert_allclose(p, theirs.predict_proba(H), rtol=0, atol=3e-5)
    assert len(result.loss_curve) == 2000


def test_fine_tuning_the_top_measures_the_whole_network(network, data, held_out):
    result = tune(network, data, new_plan(1), new_state(), TOP_ONLY, held_out)
    assert result.validation_scores == [TASK.score(network, held_out)]


def test_dropout_of_what_is_below_frozen_layers_has_nothing_to_act_on(network, data):
    other = copy_of(network)
    tune(network, data, new_plan(), new_state(), TOP_ONLY._replace(dropout=(0.2, 0.5, 0.0)))
    tune(other, data, new_plan(), new_state(), TOP_ONLY)
    assert_same_parameters(network, other)


# -- frozen layers ---------------------------------------------------------------------------------

# Shares and bounds of their own, so that one that is taken from another layer shows.
SEVERAL = new_settings()._replace(dropout=(0.2, 0.3, 0.4), max_norm=(0.5, 2.0))


@pytest.mark.parametrize("n_frozen", [1, 2])
def test_layers_above_frozen_ones_train_as_a_network_on_their_features(n_frozen, network, data, held_out):
    weights, biases = network.parameters[:3], network.parameters[3:]
    upper = Network(
        Bernoulli(),
        network.units[n_frozen:],
        network.output,
        tuple(copies((*weights[n_frozen:], *biases[n_frozen:]))),
    )
    alone = SEVERAL._replace(dropout=SEVERAL.dropout[n_frozen:], max_norm=SEVERAL.max_norm[n_frozen:])
    below = n_frozen - 1
    X, X_held_out = features(network, data.X, below), features(network, held_out.X, below)
    lower = copies((*weights[:n_frozen], *biases[:n_frozen]))
    plan = new_plan(alpha=0.1, optimizer=RMSProp())
    frozen = SEVERAL._replace(n_frozen=n_frozen)
    ours = tune(network, data, plan, new_state(), frozen, held_out)
    theirs = tune(upper, data._replace(X=X), plan, new_state(), alone, held_out._replace(X=X_held_out))
    assert ours == theirs
    assert len(ours.loss_curve) == len(ours.validation_scores) == 3
    for array, expected in zip(weights[n_frozen:] + biases[n_frozen:], upper.parameters, strict=True):
        assert_array_equal(array, expected)
    for array, expected in zip(weights[:n_frozen] + biases[:n_frozen], lower, strict=True):
        assert_array_equal(array, expected)


@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_scores_of_training_above_frozen_layers_are_those_of_the_whole_network(
    n_frozen, network, data, held_out
):
    state, settings = new_state(), new_settings(n_frozen=n_frozen, on_validation=True)
    plan = new_plan(1, learning_rate=0.5, n_planned_epochs=7)
    for _ in range(7):  # the weights that are kept are those of the only epoch
        result = tune(network, data, plan, state, settings, held_out)
        assert result.validation_scores == [TASK.score(network, held_out)]


def test_norms_of_hidden_units_end_within_their_bounds_and_those_of_outputs_do_not(network, data):
    plan = new_plan(20, learning_rate=1.0)
    tune(network, data, plan, new_state(), new_settings(max_norm=(0.5, 2.0)))
    norms = [np.linalg.norm(W, axis=0).max() for W in network.parameters[:3]]
    assert_allclose(norms[:2], [0.5, 2.0], rtol=1e-14)  # they grow until they meet them
    assert norms[2] > 2


# -- first epochs, of the output layer -------------------------------------------------------------


class Rates(SGD):
    """Notes the learning rate and the shapes of what it updates in each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def update(self, gradient, state, learning_rate, progress):
        self.seen.append((learning_rate, [array.shape for array in gradient]))
        return super().update(gradient, state, learning_rate, progress)


def test_head_epochs_change_the_output_layer_only_and_those_after_them_all(network, data):
    before, other = copies(network.parameters), copy_of(network)
    head = new_settings(n_head_epochs=3)
    tune(network, data, new_plan(3), new_state(), head)
    changed = [bool((array != old).any()) for array, old in zip(network.parameters, before, strict=True)]
    assert changed == [False, False, True] * 2
    tune(other, data, new_plan(4), new_state(), head)
    changed = [bool((array != old).any()) for array, old in zip(other.parameters, before, strict=True)]
    assert changed == [True] * 6


def test_head_epochs_are_the_first_of_the_plan_in_the_schedule_and_in_the_loss_curve(network, data):
    optimizer = Rates()
    plan = new_plan(5, learning_rate=Linear(0.5, 0), optimizer=optimizer)
    state = new_state()
    result = tune(network, data, plan, state, new_settings(n_head_epochs=2))
    assert len(result.loss_curve) == 5
    n_steps = 5 * 6  # of 17 rows
    rates = [rate for rate, _ in optimizer.seen]
    assert_allclose(rates, 0.5 * (1 - np.arange(n_steps) / n_steps), rtol=1e-12)  # rounding of a sum
    assert [len(shapes) for _, shapes in optimizer.seen] == [2] * 12 + [6] * 18
    assert state.n_steps == n_steps
    assert state.progress == pytest.approx(1, rel=1e-12)


def test_head_epochs_are_those_of_a_training_of_the_top_before_that_of_all(network, data, held_out):
    other = copy_of(network)
    plan = new_plan(5, learning_rate=Linear(0.5, 0), optimizer=RMSProp())
    settings = SEVERAL._replace(n_frozen=1)
    ours = tune(network, data, plan, new_state(), settings._replace(n_head_epochs=2), held_out)
    state = new_state()
    head = tune(other, data, replace(plan, n_epochs=2), state, settings._replace(n_frozen=2), held_out)
    rest = tune(other, data, replace(plan, n_epochs=3), state, settings, held_out)
    assert ours.loss_curve == head.loss_curve + rest.loss_curve
    assert ours.validation_scores == head.validation_scores + rest.validation_scores
    assert ours.converged == rest.converged
    assert_same_parameters(network, other)


@pytest.mark.parametrize("on_validation", [False, True])
def test_patience_begins_after_the_head_epochs(on_validation, network, data, held_out, script_losses):
    values = [0.9, 0.5, 0.4, 0.4, 0.2, 0.3, 0.1, 0.1, 0.1]
    script_losses([8 - value for value in values])
    held_out, seen = script_scores(held_out, values)
    settings = new_settings(n_head_epochs=4, on_validation=on_validation, patience=2)
    result = tune(network, data, new_plan(len(values)), new_state(), settings, held_out)
    assert result.validation_scores == values[:8]
    assert len(result.loss_curve) == 8
    assert result.converged
    for array, kept in zip(network.parameters, seen[5 if on_validation else 7], strict=True):
        assert_array_equal(array, kept)


def test_training_of_all_layers_goes_on_from_the_last_of_the_head_epochs(network, data, held_out):
    other = copy_of(network)
    held_out, seen = script_scores(held_out, [0.9, 0.5, 0.4])
    settings = new_settings(n_head_epochs=3, on_validation=True)
    tune(network, data, new_plan(3), new_state(), settings, held_out)
    tune(other, data, new_plan(3), new_state(), TOP_ONLY)
    assert_same_parameters(network, other)
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("n_head_epochs", "losses", "converged"),
    [
        (2, [1.0, 0.999, 0.9, 0.5], False),  # the epochs of the output layer settled, the others did not
        (2, [1.0, 0.5, 0.4, 0.399], True),
        (4, [1.0, 0.5, 0.4, 0.399], True),  # there are no others
    ],
)
def test_epochs_after_those_of_the_output_layer_tell_whether_it_converged(
    n_head_epochs, losses, converged, network, data, script_losses
):
    script_losses(losses)
    settings = new_settings(n_head_epochs=n_head_epochs, tol=0.01)
    result = tune(network, data, new_plan(4, Linear(0.1, 0)), new_state(), settings)
    assert result.loss_curve == losses
    assert result.converged == converged


# -- autoencoders ----------------------------------------------------------------------------------


def test_network_without_targets_learns_its_inputs_and_its_loss_is_their_distance(data):
    visible = Gaussian().adapt(data.X.mean(axis=0), data.X.std(axis=0))
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((N_INPUTS, 5)), rng.standard_normal((5, N_INPUTS))]
    arrays += [np.zeros(5), np.zeros(N_INPUTS)]
    network = Network(visible, [Bernoulli()], visible, tuple(arrays))
    rows = Rows(data.X, None, rng.uniform(0.1, 3, N_ROWS))
    plan = new_plan(1, batch_size=N_ROWS, learning_rate=0.1, n_planned_epochs=20)
    state, losses, expected = new_state(), [], []
    held_out = HeldOut(data.X[:13], None, None, lambda network, rows: mean_loss(network, rows.X, None))
    for _ in range(20):
        expected.append(mean_loss(network, rows.X, None, rows.sample_weight))
        settings = FineTuning((0.0, 0.0), (None,), on_validation=True)
        result = fine_tune(network, rows, plan, state, settings, held_out)
        losses += result.loss_curve
        assert result.validation_scores == [mean_loss(network, data.X[:13], None)]
    assert_allclose(losses, expected, rtol=1e-12)  # rounding
    assert (np.diff(losses) < 0).all()


# -- reports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [NEVER, TOP_ONLY], ids=["all", "top"])
def test_verbose_prints_a_line_an_epoch_with_loss_and_score(settings, network, data, held_out, capsys):
    result = tune(network, data, new_plan(), new_state(), settings, held_out, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    for epoch, line in enumerate(lines, start=1):
        loss, score = result.loss_curve[epoch - 1], result.validation_scores[epoch - 1]
        start = f"Fine-tuning, epoch {epoch}/3, loss {loss:.4g}, validation score {score:.4g}, "
        assert line.startswith(start)
    assert len(lines) == 3
    tune(network, data, new_plan(), new_state(), settings, held_out)
    assert capsys.readouterr().out == ""


def test_verbose_tells_which_epochs_are_those_of_the_output_layer(network, data, capsys):
    tune(network, data, new_plan(5), new_state(), new_settings(n_head_epochs=2), verbose=1)
    starts = [line.split(", loss")[0] for line in capsys.readouterr().out.splitlines()]
    head = [f"Fine-tuning of the output layer, epoch {epoch}/2" for epoch in (1, 2)]
    assert starts == head + [f"Fine-tuning, epoch {epoch}/3" for epoch in (1, 2, 3)]
