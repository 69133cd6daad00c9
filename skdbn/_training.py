"""The one training loop, for RBMs and networks: epochs, batches, steps, rates, divergence.

A learner has `parameters` (a tuple of arrays), `gradient(batch)` and `apply(update, decay)`; if it has a
`least_decay`, the decay of several steps is given at a time, once there is as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np

from skdbn._phases import Phase, no_phase
from skdbn._rows import Batch
from skdbn._team import current_team
from skdbn._threads import threads_for
from skdbn._typing import Arrays, Attributes, Floats, Rng
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import Optimizer
from skdbn.schedules import Rate, value_at

Parameters = TypeVar("Parameters", bound=tuple[Floats, ...])


class Learner(Protocol[Parameters]):
    """What is trained."""

    @property
    def parameters(self) -> Parameters:
        """The arrays that training changes."""

    def gradient(self, batch: Batch) -> Parameters:
        """Return the gradient of what is to be minimised, for one batch."""

    def apply(self, update: Parameters, decay: float) -> None:
        """Add an update to the parameters, after weights shrank by `decay`."""


class BatchSource(Protocol):
    """What it is trained on: `Rows`, or several of them."""

    def n_batches(self, batch_size: int) -> int:
        """Return the number of batches of an epoch."""

    def batches(self, batch_size: int, rng: Rng) -> Iterator[Batch]:
        """Yield the batches of an epoch, in a new random order."""


@dataclass
class TrainingState:
    """Where a training stands; what has to be kept to go on with it."""

    rng: Rng
    optimizer_state: Any = None
    n_steps: int = 0
    progress: float = 0.0  # share of the planned training that is done
    decay_due: float = 0.0  # by which the weights are still to shrink
    offsets: list[Floats] | None = None  # of a network's layers, see `_centering`
    trained: tuple[Any, ...] = ()  # by which optimizer, and arrays of which shapes: what its state fits

    resumable = ("rng", "optimizer_state", "n_steps", "progress", "decay_due", "offsets")

    def start_anew(self) -> None:
        """Begin another training of the weights as they are, with the same random generator."""
        self.optimizer_state, self.n_steps, self.progress, self.offsets = None, 0, 0.0, None


@dataclass
class Plan:
    """How to train: everything about it that does not change on the way."""

    optimizer: Optimizer
    learning_rate: Rate
    alpha: float
    batch_size: int
    n_epochs: int
    n_planned_epochs: int = field(default=0)  # 0: as many as n_epochs
    stage: str = "Training"

    def __post_init__(self) -> None:
        self.n_planned_epochs = self.n_planned_epochs or self.n_epochs


def train(
    learner: Learner[Parameters],
    rows: BatchSource,
    plan: Plan,
    state: TrainingState,
    watch: Callable[[int, float], bool | None],
    phase: Phase | None = None,
    fitted: Callable[[], Attributes] | None = None,
) -> int:
    """Run epochs until the plan ends, `watch(epoch, learning_rate)` returns True or a callback does.

    The epochs are parts of the phase; `fitted()` returns the attributes that the estimator would have
    after each of them. A training that the journal of the phase has begun goes on from there; one that the
    user interrupts ends with what it has learned. Returns the number of epochs run, earlier ones included.
    """
    phase, team = phase or no_phase(), current_team()
    trained = type(plan.optimizer).__name__, *(array.shape for array in learner.parameters)
    if state.optimizer_state is None or state.trained != trained:
        state.optimizer_state, state.trained = plan.optimizer.init(learner.parameters), trained
    training = phase.journal.begin(plan.stage, learner=learner, state=state, watch=watch)
    # Values that overflow are reported once, and with their cause, when they reach the parameters.
    with (
        phase.journal.interruptible(plan.stage),
        np.errstate(over="ignore", invalid="ignore"),
        threads_for(learner.parameters, plan.batch_size // team.size),
    ):
        for epoch in training.epochs_left(plan.n_epochs):
            part = phase.part("epoch")
            learning_rate = _run_epoch(learner, rows, plan, state)
            _check_finite(learner.parameters, plan.stage, epoch, learning_rate)
            stops = watch(epoch, learning_rate)
            phase.journal.end_epoch(epoch)
            if team.any(part.end(fitted) or stops):
                break
    if phase.journal.interrupted:
        learning_rate = value_at(plan.learning_rate, state.progress, state.n_steps)
        _check_finite(learner.parameters, plan.stage, training.n_epochs + 1, learning_rate)
    phase.journal.finish()
    team.check_same(learner.parameters)
    return training.n_epochs


def _run_epoch(learner: Learner[Parameters], rows: BatchSource, plan: Plan, state: TrainingState) -> float:
    """Take one step for each batch and return the last learning rate."""
    progress_per_step = 1 / (plan.n_planned_epochs * rows.n_batches(plan.batch_size))
    least_decay = getattr(learner, "least_decay", 0.0)
    team = current_team()
    for batch in rows.batches(plan.batch_size, state.rng):
        learning_rate = value_at(plan.learning_rate, state.progress, state.n_steps)
        gradient = learner.gradient(batch)
        team.sum(*gradient)
        if batch.share != 1:
            for array in gradient:
                array *= batch.share
        update, state.optimizer_state = plan.optimizer.update(
            gradient, state.optimizer_state, learning_rate, state.progress
        )
        learner.apply(update, decay=_decay_due(state, learning_rate * plan.alpha, least_decay))
        state.n_steps += 1
        state.progress += progress_per_step
    return learning_rate


def _decay_due(state: TrainingState, decay: float, least: float) -> float:
    """Add to the decay that is due; return all of it once there is enough of it, else 0."""
    state.decay_due += decay
    if state.decay_due < least:
        return 0.0
    due, state.decay_due = state.decay_due, 0.0
    return due


def _check_finite(parameters: Arrays, stage: str, epoch: int, learning_rate: float) -> None:
    finite = all(np.isfinite(array).all() for array in parameters)
    if finite and all(_can_be_computed_with(array) for array in parameters):
        return
    _raise_diverged(f"{'too large' if finite else 'non-finite'} weights", stage, epoch, learning_rate)


def check_measured(name: str, value: float, stage: str, epoch: int, learning_rate: float) -> None:
    """Raise if what was measured after an epoch is no number: rows can be too large for finite weights."""
    if not np.isfinite(value):
        _raise_diverged(f"non-finite {name}", stage, epoch, learning_rate)


def _raise_diverged(what: str, stage: str, epoch: int, learning_rate: float) -> NoReturn:
    raise DivergenceError(
        f"{stage} diverged at epoch {epoch} ({what}). Lower learning_rate (now {learning_rate:.3g}) or "
        "scale the inputs."
    )


def _can_be_computed_with(array: Floats) -> bool:
    """Tell whether weights are small enough for the square of a product of two of them.

    Larger ones, beyond 4e9 in float32, are finite themselves, but errors and predictions are not.
    """
    if array.ndim < 2:  # biases of counts are as large as the counts
        return True
    largest = float(np.finfo(array.dtype).max) ** 0.25
    return bool(-largest <= array.min(initial=0) and array.max(initial=0) <= largest)
