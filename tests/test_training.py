from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdbn._rows import Rows
from skdbn._training import DivergenceError, Plan, TrainingState, train
from skdbn.optimizers import OPTIMIZERS, SGD, Adam
from skdbn.schedules import Exponential, InverseScaling, Linear

N_ROWS, N_FEATURES, BATCH_SIZE, N_EPOCHS = 11, 3, 4, 5
N_BATCHES = 3  # of 4, 4 and 3 rows


class MeanLearner:
    """Minimises half the mean squared distance of the rows to `parameters[0]`; notes what it sees."""

    def __init__(self, dtype=np.float64):
        self.parameters = (np.zeros(N_FEATURES, dtype=dtype),)
        self.batches = []
        self.updates = []
        self.decays = []

    def gradient(self, batch):
        self.batches.append(batch.inputs.copy())
        return (self.parameters[0] - batch.weights @ batch.inputs,)

    def apply(self, update, decay):
        self.updates.append(update[0].copy())
        self.decays.append(decay)
        self.parameters[0][...] += update[0]


class Recorder:
    """A rate: returns its values in turn and notes the positions it is asked for."""

    def __init__(self):
        self.progress, self.steps, self.values = [], [], []

    def __call__(self, progress, step=0):
        self.progress.append(progress)
        self.steps.append(step)
        self.values.append(0.5 / (1 + len(self.values)))
        return self.values[-1]


class RecordingSGD(SGD):
    """SGD that notes the learning rate and progress it is given."""

    def update(self, gradients, state, learning_rate, progress=0.0):
        self.__dict__.setdefault("seen", []).append((learning_rate, progress))
        return super().update(gradients, state, learning_rate, progress)


@pytest.fixture(name="X")
def draw_rows(rng):
    return rng.standard_normal((N_ROWS, N_FEATURES))


def new_plan(**changes):
    plan = Plan(SGD(), 0.1, alpha=0.0, batch_size=BATCH_SIZE, n_epochs=N_EPOCHS)
    return replace(plan, **{"n_planned_epochs": 0, **changes})


def new_state(seed=0):
    return TrainingState(np.random.default_rng(seed))


def go_on(epoch, learning_rate):
    return None


# -- rows and steps --------------------------------------------------------------------------------


def test_learner_sees_every_row_once_an_epoch_in_a_new_order():
    rows = np.arange(N_ROWS, dtype=float)[:, np.newaxis] * np.ones(N_FEATURES)
    learner = MeanLearner()
    train(learner, Rows(rows), new_plan(), new_state(), go_on)
    assert [len(batch) for batch in learner.batches] == [4, 4, 3] * N_EPOCHS
    orders = [
        np.concatenate(learner.batches[start : start + N_BATCHES])[:, 0].astype(int).tolist()
        for start in range(0, len(learner.batches), N_BATCHES)
    ]
    for order in orders:
        assert sorted(order) == list(range(N_ROWS))
    # Two of 5 random orders of 11 rows are equal with probability 2.5e-7.
    assert len(set(map(tuple, orders))) == N_EPOCHS


def test_same_generator_gives_the_same_training_and_another_does_not(X):
    results = []
    for seed in (0, 0, 1):
        learner = MeanLearner()
        train(learner, Rows(X), new_plan(), new_state(seed), go_on)
        results.append(learner.parameters[0])
    assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).all()


def test_schedules_are_asked_at_the_share_of_all_steps_that_is_done(X):
    rate, state = Recorder(), new_state()
    train(MeanLearner(), Rows(X), new_plan(learning_rate=rate), state, go_on)
    total = N_EPOCHS * N_BATCHES
    assert rate.steps == list(range(total))
    assert_allclose(rate.progress, np.arange(total) / total, rtol=0, atol=1e-14)  # 15 roundings
    assert state.n_steps == total
    assert state.progress == pytest.approx(1.0, abs=1e-14)


def test_every_step_uses_the_value_of_the_schedule(X):
    rate, learner = Recorder(), MeanLearner()
    optimizer = RecordingSGD()
    plan = new_plan(optimizer=optimizer, learning_rate=rate, alpha=0.25)
    train(learner, Rows(X), plan, new_state(), go_on)
    assert [learning_rate for learning_rate, _ in optimizer.seen] == rate.values
    assert [progress for _, progress in optimizer.seen] == rate.progress
    # Decay is decoupled: learning rate times alpha, whatever the optimizer makes of the gradient.
    assert learner.decays == [value * 0.25 for value in rate.values]


def test_schedule_reaches_the_learner_through_the_update(X):
    learner = MeanLearner()
    schedule = Exponential(0.5, 0.005)
    train(learner, Rows(X), new_plan(learning_rate=schedule, n_epochs=2), new_state(), go_on)
    position = np.zeros(N_FEATURES)
    for t, (batch, update) in enumerate(zip(learner.batches, learner.updates, strict=True)):
        gradient = position - batch.mean(axis=0)
        assert_allclose(update, -schedule(t / 6) * gradient, rtol=1e-12)  # rounding
        position += update


@pytest.mark.parametrize("rate", [Linear(0.3, 0), InverseScaling(0.3, delay=4), 0.3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values())
def test_epochs_in_single_calls_train_as_one_call_does(rate, optimizer, X):
    whole, parts = MeanLearner(), MeanLearner()
    whole_state, parts_state = new_state(), new_state()
    plan = new_plan(optimizer=optimizer(), learning_rate=rate)
    train(whole, Rows(X), plan, whole_state, go_on)
    one_epoch = replace(plan, n_epochs=1, n_planned_epochs=N_EPOCHS)
    for _ in range(N_EPOCHS):
        assert train(parts, Rows(X), one_epoch, parts_state, go_on) == 1
    assert_array_equal(parts.parameters[0], whole.parameters[0])
    assert parts_state.n_steps == whole_state.n_steps
    assert parts_state.progress == whole_state.progress


def test_progress_counts_epochs_of_any_number_of_rows(X):
    rate, state = Recorder(), new_state()
    plan = new_plan(learning_rate=rate, n_epochs=1, n_planned_epochs=4)
    train(MeanLearner(), Rows(X), plan, state, go_on)
    train(MeanLearner(), Rows(X[:2]), plan, state, go_on)  # one batch of two rows is an epoch as well
    assert_allclose(rate.progress, [0, 1 / 12, 2 / 12, 1 / 4], rtol=0, atol=1e-15)
    assert state.progress == pytest.approx(1 / 2, abs=1e-15)


def test_start_anew_forgets_all_but_the_generator(X):
    state = new_state()
    train(MeanLearner(), Rows(X), new_plan(optimizer=Adam()), state, go_on)
    generator, position = state.rng, state.rng.bit_generator.state
    assert state.optimizer_state.step == N_EPOCHS * N_BATCHES
    state.offsets, state.decay_due = [np.zeros(1)], 0.25
    state.start_anew()
    assert (state.optimizer_state, state.n_steps, state.progress) == (None, 0, 0.0)
    assert state.offsets is None
    assert state.decay_due == 0.25  # the weights go on, and so does what they are still to lose
    assert state.rng is generator
    assert state.rng.bit_generator.state == position


def test_plan_is_as_long_as_its_epochs_unless_told():
    assert new_plan(n_epochs=7).n_planned_epochs == 7
    assert new_plan(n_epochs=1, n_planned_epochs=7).n_planned_epochs == 7


# -- epochs ----------------------------------------------------------------------------------------


def test_after_epoch_is_told_the_epoch_and_its_last_learning_rate(X):
    told, rate = [], Recorder()
    plan = new_plan(learning_rate=rate)
    n_epochs = train(MeanLearner(), Rows(X), plan, new_state(), lambda *values: told.append(values))
    assert n_epochs == N_EPOCHS
    assert told == list(enumerate(rate.values[N_BATCHES - 1 :: N_BATCHES], start=1))


def test_after_epoch_stops_the_training_by_returning_true(X):
    learner, state = MeanLearner(), new_state()
    assert train(learner, Rows(X), new_plan(), state, lambda epoch, _: epoch == 3) == 3
    assert len(learner.batches) == 3 * N_BATCHES
    assert state.progress == pytest.approx(3 / 5, abs=1e-14)  # rounding


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_raise_with_stage_epoch_and_rate(bad, X):
    learner = MeanLearner()
    learner.parameters += (np.zeros(2),)  # the error may be in any array
    told = []

    def spoil(epoch, learning_rate):
        told.append(epoch)
        if epoch == 2:
            learner.parameters[1][1] = bad

    plan = new_plan(learning_rate=Linear(0.5, 0), stage="Pretraining of layer 2")
    message = r"Pretraining of layer 2 diverged at epoch 3 .*Lower learning_rate \(now 0.233\) or scale"
    with pytest.raises(DivergenceError, match=message):  # 0.5 * (1 - 8 / 15) at the last step
        train(learner, Rows(X), plan, new_state(), spoil)
    assert told == [1, 2]


def test_divergence_is_a_value_error_and_comes_without_overflow_warnings(X):
    assert issubclass(DivergenceError, ValueError)
    plan = new_plan(learning_rate=1e300)
    with pytest.raises(DivergenceError, match=r"Training diverged at epoch 1 .*1e\+300"):
        train(MeanLearner(), Rows(X), plan, new_state(), go_on)


def test_large_finite_parameters_of_both_signs_do_not_raise(X):
    learner = MeanLearner(np.float32)
    # In float32 the sum of the first two would overflow.
    learner.parameters[0][:] = [3e38, 3e38, -3e38]
    plan = new_plan(learning_rate=1e-30, n_epochs=1)
    assert train(learner, Rows(X.astype(np.float32)), plan, new_state(), go_on) == 1


# -- results ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_full_batches_of_gradient_descent_reach_the_optimum(weighted, X, rng):
    weight = rng.uniform(0.1, 3, N_ROWS) if weighted else None
    learner = MeanLearner()
    plan = new_plan(learning_rate=0.5, batch_size=N_ROWS, n_epochs=60)
    train(learner, Rows(X, sample_weight=weight), plan, new_state(), go_on)
    # Each step halves the distance: 2**-60 is below the rounding of a mean of 11 rows.
    assert_allclose(learner.parameters[0], np.average(X, axis=0, weights=weight), rtol=0, atol=1e-14)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values())
@pytest.mark.parametrize("rate", [0.1, np.float64(0.1), Linear(np.float64(0.1), 0)])
def test_float32_stays_float32(optimizer, rate, X):
    learner = MeanLearner(np.float32)
    plan = new_plan(optimizer=optimizer(), learning_rate=rate, alpha=1e-4)
    train(learner, Rows(X.astype(np.float32)), plan, new_state(), go_on)
    assert learner.parameters[0].dtype == np.float32
    assert {update.dtype for update in learner.updates} == {np.dtype(np.float32)}
    assert {batch.dtype for batch in learner.batches} == {np.dtype(np.float32)}


class LazyLearner(MeanLearner):
    """Wants decay of 0.05 or more at a time."""

    least_decay = 0.05


def test_small_decays_are_given_together_and_none_is_lost(X):
    learner, state = LazyLearner(), new_state()
    plan = new_plan(alpha=0.2)  # 0.02 a step: due at every third
    train(learner, Rows(X), plan, state, go_on)
    expected = [0.0, 0.0, 0.06] * N_EPOCHS
    assert_allclose(learner.decays, expected, rtol=1e-12)
    assert state.decay_due == 0


def test_decay_that_is_due_is_kept_for_the_next_training(X):
    state, decays = new_state(), []
    for _ in range(4):
        learner = LazyLearner()
        plan = new_plan(alpha=0.2, batch_size=N_ROWS, n_epochs=1, n_planned_epochs=4)
        train(learner, Rows(X), plan, state, go_on)
        decays += learner.decays
    assert_allclose(decays, [0, 0, 0.06, 0], rtol=1e-12)
    assert state.decay_due == pytest.approx(0.02)


def test_large_decays_are_given_at_once(X):
    learner = LazyLearner()
    train(learner, Rows(X), new_plan(alpha=0.5), new_state(), go_on)
    assert_allclose(learner.decays, [0.05] * N_EPOCHS * N_BATCHES, rtol=1e-12)
