"""Fitting an RBM on clean arrays: how training begins, goes on, and what is watched meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from skdbn._contrastive import Offsets, RBMLearner, Sparsity
from skdbn._energy import Machine
from skdbn._initialization import initial_rbm_parameters
from skdbn._phases import Phase
from skdbn._reporting import Reporter
from skdbn._rows import Rows, spread_rows, take_rows, weighted_moments
from skdbn._team import current_team
from skdbn._training import Plan, TrainingState, check_measured, train
from skdbn._typing import Attributes, Chains, Floats, Matrix, Rng
from skdbn._weight_rules import WeightRules
from skdbn.samplers import Sampler
from skdbn.sparsity import SparsityTarget
from skdbn.units import Unit

# Rows on which the reconstruction error and the free energy are followed: few, so that watching
# costs little, and always the same, so that epochs compare.
_N_WATCHED_ROWS = 256

Values: TypeAlias = dict[str, list[Any]]  # with a value an epoch: a number, or an array


class Objective(NamedTuple):
    """What the gradient of an RBM is made of, beside the data."""

    sampler: Sampler
    offsets_from: str | None  # whose means the states are centred by; None: not at all
    rules: WeightRules
    sparsity: SparsityTarget | None


@dataclass
class RBMTraining:
    """An RBM in training: the machine and all that is needed to go on."""

    machine: Machine
    state: TrainingState
    chains: Chains  # what the sampler keeps: an array, an object with chains, or None
    offsets: Offsets | None
    visible_mean: Floats  # of the rows seen, in the user's units
    total_weight: float  # of these rows
    activity: Floats | None = None  # running means of the hidden units, kept for a sparsity target


def begin_training(
    rows: Rows,
    visible: Unit,
    hidden: Unit,
    n_hidden: int,
    objective: Objective,
    batch_size: int,
    rng: Rng,
) -> RBMTraining:
    """Return an untrained RBM whose scales, biases and offsets are those of the rows."""
    moments = weighted_moments(rows.X, rows.sample_weight)
    return begin_with_moments(
        moments, rows.total_weight, visible, hidden, n_hidden, objective, batch_size, rng
    )


def begin_with_moments(
    moments: tuple[Floats, Floats],
    total_weight: float,
    visible: Unit,
    hidden: Unit,
    n_hidden: int,
    objective: Objective,
    batch_size: int,
    rng: Rng,
) -> RBMTraining:
    """Return an untrained RBM for rows of the given means and standard deviations."""
    with np.errstate(invalid="ignore"):  # some BLAS raise the flag for finite products
        mean, standard_deviation = moments
        visible = visible.adapt(mean, standard_deviation)
        hidden = hidden.adapt(np.zeros(n_hidden, mean.dtype), np.ones(n_hidden, mean.dtype))
        parameters = initial_rbm_parameters(
            n_hidden, visible.bias_from_mean(mean), visible.log_scales(), rng
        )
        machine = Machine(visible, hidden, parameters)
        offsets = None
        if objective.offsets_from is not None:
            hidden_mean = hidden.mean(parameters.hidden_bias)
            offsets = Offsets(_encoded_mean(visible, mean), hidden_mean)
            parameters.visible_bias[:] -= hidden_mean @ parameters.weights
            parameters.hidden_bias[:] -= parameters.weights @ offsets.visible
        rng = current_team().own_stream(rng)  # what was drawn so far is the same in all processes
        chains = objective.sampler.start(machine, batch_size, rng)
        return RBMTraining(machine, TrainingState(rng), chains, offsets, mean, total_weight)


def adjust_offsets(training: RBMTraining, objective: Objective) -> None:
    """Drop or make the offsets of an earlier training where `centered` has changed since."""
    if objective.offsets_from is None:
        training.offsets = None
    elif training.offsets is None:
        visible = _encoded_mean(training.machine.visible, training.visible_mean)
        training.offsets = Offsets(visible, training.machine.mean_h_from_v(visible[np.newaxis])[0])


def take_in_new_rows(training: RBMTraining, rows: Rows, objective: Objective) -> None:
    """Let the mean of the rows, and visible offsets from data, follow that of all rows seen so far."""
    mean, _ = weighted_moments(rows.X, rows.sample_weight)
    take_in_new_mean(training, mean, rows.total_weight, objective)


def take_in_new_mean(
    training: RBMTraining, mean: Floats, total_weight: float, objective: Objective
) -> None:
    """Do the same given the mean of the new rows."""
    share = total_weight / (training.total_weight + total_weight)
    with np.errstate(over="ignore", invalid="ignore"):  # as in the training that follows
        training.visible_mean += share * (mean - training.visible_mean)
        if objective.offsets_from == "data":
            assert training.offsets is not None  # see `adjust_offsets`
            offset = training.offsets.visible
            offset += share * (_encoded_mean(training.machine.visible, mean) - offset)
    training.total_weight += total_weight


def _encoded_mean(visible: Unit, mean: Floats) -> Floats:
    return visible.encode(mean[np.newaxis], out=np.empty_like(mean)[np.newaxis])[0]


def run_training(
    training: RBMTraining,
    rows: Rows,
    objective: Objective,
    plan: Plan,
    X_val: Matrix | None = None,
    verbose: int = 0,
    phase: Phase | None = None,
    fitted: Callable[[Values], Attributes] | None = None,
) -> Values:
    """Train in place; return the history of the epochs as lists of values.

    `fitted(history)` returns the attributes of the estimator after an epoch, for the callbacks of a phase.
    """
    sparsity = None if objective.sparsity is None else Sparsity(objective.sparsity, training.activity)
    learner = RBMLearner(
        training.machine,
        objective.sampler,
        training.chains,
        training.offsets,
        training.state.rng,
        plan.batch_size,
        offsets_from=objective.offsets_from or "data",  # of no account where there are no offsets
        rules=objective.rules,
        sparsity=sparsity,
    )
    watch = Watch(training.machine, rows, X_val)
    history = History(watch, objective.sampler, training, plan, verbose)
    so_far = None if fitted is None else lambda: fitted(history.values)
    train(learner, rows, plan, training.state, history, phase, so_far)
    training.activity = None if sparsity is None else sparsity.activity
    return history.values


class History:
    """Keeps what is measured after each epoch, and reports it."""

    resumable = ("values",)

    def __init__(
        self, watch: Watch, sampler: Sampler, training: RBMTraining, plan: Plan, verbose: int
    ) -> None:
        self._watch, self._sampler, self._training = watch, sampler, training
        self._stage, self._report = plan.stage, Reporter(plan.stage, plan.n_epochs, verbose)
        self.values: Values = {}

    def after_restoring(self) -> None:
        """Refuse what is no list of as many values as there are rates, for each quantity."""
        lists = self.values.values()
        if not all(isinstance(values, list) for values in lists) or len(set(map(len, lists))) > 1:
            raise ValueError("its history does not have one value an epoch")

    def __call__(self, epoch: int, learning_rate: float) -> None:
        """Take in an epoch."""
        team = current_team()
        measured, of_chains = self._watch(), self._sampler.report(self._training.chains)
        for name, value in measured.items():
            check_measured(name, value, self._stage, epoch, learning_rate)
        of_chains = {name: team.mean(value, 1.0) for name, value in of_chains.items()}
        values: dict[str, Any] = {"learning_rate": learning_rate, **measured, **of_chains}
        for name, value in values.items():
            self.values.setdefault(name, []).append(value)
        self._report(epoch, **{name: _mean_of_known(value) for name, value in values.items()})


def _mean_of_known(values: npt.ArrayLike) -> float:
    """Return the mean of a number or of an array without its NaN."""
    values = np.atleast_1d(values)
    known = values[~np.isnan(values)]
    return known.mean() if known.size else np.nan


def _mean(of_rows: Floats) -> Any:
    """Return the mean over the rows of all processes."""
    return current_team().mean(of_rows.mean() if len(of_rows) else 0.0, len(of_rows))


class Watch:
    """Measures an RBM on fixed rows, and against rows held out if there are any."""

    def __init__(self, machine: Machine, rows: Rows, X_val: Matrix | None = None) -> None:
        self._machine = machine
        self._rows = self._spread(rows.X)
        self._held_out = None if X_val is None else self._spread(X_val)

    def _spread(self, X: Matrix) -> Floats:
        """Return rows spread evenly over X, in the units of the data."""
        chosen = spread_rows(X.shape[0], _N_WATCHED_ROWS)
        return take_rows(X, chosen, out=np.empty((len(chosen), X.shape[1]), dtype=X.dtype))

    def _encoded(self, rows: Floats) -> Floats:
        """Return the rows in the coordinates of the visible units, which may learn their scales."""
        return self._machine.visible.encode(rows, out=np.empty_like(rows))

    def __call__(self) -> dict[str, float]:
        """Return the mean squared reconstruction error, and the free-energy gap if rows are held out."""
        v = self._encoded(self._rows)
        reconstruction = self._machine.mean_v_from_h(self._machine.mean_h_from_v(v))
        values = {"reconstruction_error": float(_mean((reconstruction - v) ** 2))}
        if self._held_out is not None:
            free_energy = self._machine.free_energy
            gap = _mean(free_energy(self._encoded(self._held_out))) - _mean(free_energy(v))
            values["free_energy_gap"] = float(gap)
        return values

    def hidden_mean(self) -> Floats:
        """Return the hidden means given the watched rows."""
        with np.errstate(over="ignore", invalid="ignore"):  # as in the training before
            return self._machine.mean_h_from_v(self._encoded(self._rows))
