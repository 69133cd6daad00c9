"""Training of a network on clean arrays: what is trained, when it stops and which weights it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from skdbn._network import Network, NetworkLearner, features
from skdbn._phases import Phase
from skdbn._reporting import Reporter
from skdbn._rows import Rows
from skdbn._training import Plan, TrainingState, check_measured, train
from skdbn._typing import Array, Arrays, Attributes, Floats, Matrix
from skdbn.schedules import Schedule


class FineTuning(NamedTuple):
    """How a network is fine-tuned, beside the plan of the training."""

    dropout: tuple[float, ...]  # share of the units switched off: of the inputs, then of each hidden layer
    max_norm: tuple[float | None, ...]  # largest norm of the weights into a unit: one a hidden layer
    n_frozen: int = 0  # lowest hidden layers that keep their weights
    n_head_epochs: int = 0  # first epochs, which train the output layer only
    on_validation: bool = False  # whether held-out rows decide when to stop and which weights to keep
    tol: float = 1e-4
    patience: float = 10  # epochs that improve by less than `tol` before it stops, may be infinite


@dataclass
class FineTuningResult:
    """What a fine-tuning leaves beside the parameters."""

    loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    converged: bool = False

    resumable = ("loss_curve", "validation_scores", "converged")

    def then(self, later: FineTuningResult) -> FineTuningResult:
        """Return this result with that of the epochs that followed."""
        loss_curve = self.loss_curve + later.loss_curve
        return FineTuningResult(
            loss_curve, self.validation_scores + later.validation_scores, later.converged
        )


class HeldOut(NamedTuple):
    """Rows that only measure, and how: `score(network, held_out)`, higher is better."""

    X: Matrix
    targets: Array | None
    sample_weight: Floats | None
    score: Callable[[Any, Any], float]  # of any kind of network


class MeasuredLearner(Protocol):
    """A learner that tells how far it is."""

    @property
    def network(self) -> Any:
        """What held-out rows are scored by."""

    @property
    def parameters(self) -> Arrays:
        """The arrays that training changes."""

    def epoch_loss(self) -> float:
        """Return the mean loss since the last call."""


OfResult: TypeAlias = Callable[[FineTuningResult], Attributes]


def fine_tune(
    network: Network,
    rows: Rows,
    plan: Plan,
    state: TrainingState,
    settings: FineTuning,
    held_out: HeldOut | None = None,
    verbose: int = 0,
    phase: Phase | None = None,
    fitted: OfResult | None = None,
) -> FineTuningResult:
    """Train the network's parameters in place; with stopping on validation, leave the best in them.

    `fitted(result)` returns the attributes of the estimator after an epoch, for the callbacks of a phase.
    """
    watched = phase, fitted
    n_done = round(state.progress * plan.n_planned_epochs)
    n_head = min(max(settings.n_head_epochs - n_done, 0), plan.n_epochs)
    result = FineTuningResult()
    if n_head:
        head_plan = replace(plan, n_epochs=n_head, stage=f"{plan.stage} of the output layer")
        head = settings._replace(n_frozen=len(network.units), on_validation=False, patience=np.inf)
        result = _fine_tune_above(network, rows, head_plan, state, head, held_out, verbose, watched)
        watched = phase, partial(_after, result, fitted) if fitted else None
    if n_head < plan.n_epochs:
        plan = replace(plan, n_epochs=plan.n_epochs - n_head)
        later = _fine_tune_above(network, rows, plan, state, settings, held_out, verbose, watched)
        result = result.then(later)
    return result


def _after(before: FineTuningResult, fitted: OfResult, result: FineTuningResult) -> Attributes:
    return fitted(before.then(result))


def _fine_tune_above(
    network: Network,
    rows: Rows,
    plan: Plan,
    state: TrainingState,
    settings: FineTuning,
    held_out: HeldOut | None,
    verbose: int,
    watched: tuple[Phase | None, OfResult | None],
) -> FineTuningResult:
    """Train what is above the frozen layers, on the features that these give."""
    n_frozen = settings.n_frozen
    if n_frozen:
        with np.errstate(over="ignore", invalid="ignore"):  # as in the training that follows
            rows = Rows(features(network, rows.X, n_frozen - 1), rows.targets, rows.sample_weight)
            if held_out is not None:
                held_out = held_out._replace(X=features(network, held_out.X, n_frozen - 1))
        network = network.above(n_frozen)
    learner = NetworkLearner(
        network,
        state.rng,
        plan.batch_size,
        dropout=settings.dropout[n_frozen:],
        max_norm=settings.max_norm[n_frozen:],
        offsets=_fitting_offsets(state.offsets, network),
    )
    watch = Watch(learner, plan, settings, held_out, verbose)
    phase, fitted = watched
    train(learner, rows, plan, state, watch, phase, watch.for_callbacks(fitted))
    state.offsets = learner.offsets
    return watch.end()


def _fitting_offsets(offsets: list[Floats] | None, network: Network) -> list[Floats] | None:
    """Return the offsets of an earlier training if they are of the same layers."""
    return offsets if offsets and len(offsets) == len(network.units) + 1 else None


class Watch:
    """Measures a network after each epoch, tells when to stop, and keeps the best parameters."""

    resumable = ("_patience", "_best", "_result")

    def __init__(
        self,
        learner: MeasuredLearner,
        plan: Plan,
        settings: FineTuning,
        held_out: HeldOut | None,
        verbose: int,
    ) -> None:
        self._learner, self._plan, self._settings = learner, plan, settings
        self._held_out = held_out
        self._patience = _Patience(settings.tol, settings.patience)
        # While a rate falls to its end the loss is still to fall: it would tell too early that it is over.
        self._may_stop = settings.on_validation or not _rate_ends(plan)
        self._report = Reporter(plan.stage, plan.n_epochs, verbose)
        self._best: Arrays | None = None
        self._result = FineTuningResult()

    def after_restoring(self) -> None:
        """Refuse best parameters that are not the learner's."""
        shapes = [array.shape for array in self._learner.parameters]
        if self._best is not None and list(map(np.shape, self._best)) != shapes:
            raise ValueError("its best parameters are of other shapes")

    def __call__(self, epoch: int, learning_rate: float) -> bool:
        """Take in an epoch; return whether training is to stop."""
        result, on_validation = self._result, self._settings.on_validation
        measured = {"loss": self._learner.epoch_loss()}
        check_measured("loss", measured["loss"], self._plan.stage, epoch, learning_rate)
        result.loss_curve.append(measured["loss"])
        if self._held_out is not None:
            score = self._held_out.score(self._learner.network, self._held_out)
            check_measured("validation score", score, self._plan.stage, epoch, learning_rate)
            result.validation_scores.append(score)
            measured["validation_score"] = score
        self._report(epoch, **measured)
        value = measured["validation_score"] if on_validation else -measured["loss"]
        is_best, stands_still = self._patience.take(value)
        result.converged = result.converged or stands_still
        if on_validation and is_best:
            self._best = tuple(array.copy() for array in self._learner.parameters)
        return stands_still and self._may_stop

    def for_callbacks(self, fitted: OfResult | None) -> Callable[[], Attributes] | None:
        """Return the function that gives ``fitted(result)`` for the result so far, or None without one."""
        return None if fitted is None else lambda: fitted(self._result)

    def end(self) -> FineTuningResult:
        """Put the best parameters back if validation chooses, and return the result."""
        if self._best is not None:
            for parameter, kept in zip(self._learner.parameters, self._best, strict=True):
                parameter[...] = kept
        result = self._result
        settled = _has_settled(result.loss_curve, self._plan, self._settings.tol)
        result.converged = result.converged or settled
        return result


class _Patience:
    """Counts the epochs since the last that was better than the best so far by `tol`."""

    resumable = ("_best", "_n_no_change")

    def __init__(self, tol: float, patience: float) -> None:
        self._tol, self._patience = tol, patience
        self._best = -np.inf
        self._n_no_change = 0

    def take(self, value: float) -> tuple[bool, bool]:
        """Return whether `value` is the best so far, and whether patience has ended."""
        improves = value > self._best + self._tol
        self._n_no_change = 0 if improves else self._n_no_change + 1
        is_best = value > self._best
        self._best = max(self._best, value)
        return is_best, self._n_no_change >= self._patience


def _rate_ends(plan: Plan) -> bool:
    """Tell whether the learning rate falls to a value that it has only at the end of the plan."""
    return isinstance(plan.learning_rate, Schedule) and plan.learning_rate.ends


def _has_settled(loss_curve: list[float], plan: Plan, tol: float) -> bool:
    """Tell whether a learning rate that fell to its end has brought the loss to rest.

    The criterion by patience cannot be met by a rate that ends with the plan: its last epochs are few
    and all slow. What tells is that the last of them changed the loss by less than `tol`, or than 1 % of
    the first epoch's, which is what dropout and small batches still move it by.
    """
    if not _rate_ends(plan) or len(loss_curve) < 2:
        return False
    return abs(loss_curve[-2] - loss_curve[-1]) < max(tol, 0.01 * loss_curve[0])
