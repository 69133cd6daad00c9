"""Fitting a classification RBM on clean arrays: its rows, its first values, and what is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from skdbn._class_posterior import class_scores, join_labels, of_encoded_blocks
from skdbn._class_weights import weights_with_classes
from skdbn._contrastive import Sparsity
from skdbn._discriminative import ClassRBMLearner, Terms
from skdbn._energy import Machine
from skdbn._fine_tuning import FineTuning, FineTuningResult, HeldOut, OfResult, Watch
from skdbn._labels import NO_LABEL, LabelledRows, accuracy, weight_of_rows
from skdbn._phases import Phase
from skdbn._rbm_fit import Objective, RBMTraining, begin_with_moments, take_in_new_mean
from skdbn._rows import Batch, Rows, weighted_moments
from skdbn._team import current_team
from skdbn._training import Plan, train
from skdbn._typing import Array, Floats, FloatType, Rng
from skdbn.units import Unit


class PairedRows:
    """Rows with a label and rows without: a batch has some of each, weighted so that both count as means.

    An epoch is a pass over the larger part. The rows of the other one come around again in it: few
    labels would else be in few batches, and count too much there.
    """

    def __init__(self, labelled: Rows, unlabelled: Rows) -> None:
        self.labelled, self.unlabelled = labelled, unlabelled
        self.n_rows = max(labelled.n_rows, unlabelled.n_rows)

    def n_batches(self, batch_size: int) -> int:
        """Return the number of batches of an epoch."""
        return max(rows.n_batches(batch_size) for rows in (self.labelled, self.unlabelled))

    def batches(self, batch_size: int, rng: Rng) -> Iterator[Batch]:
        """Yield batches of up to `batch_size` rows of each kind, in a new random order."""
        parts = (_endless_batches(rows, batch_size, rng) for rows in (self.labelled, self.unlabelled))
        for labelled, unlabelled in islice(zip(*parts, strict=True), self.n_batches(batch_size)):
            assert labelled.targets is not None
            assert unlabelled.targets is not None
            yield Batch(
                np.concatenate([labelled.inputs, unlabelled.inputs]),
                np.concatenate([labelled.targets, unlabelled.targets]),
                np.concatenate([part.weights * part.share for part in (labelled, unlabelled)]),
                labelled.total_weight / labelled.share,
            )


def _endless_batches(rows: Rows, batch_size: int, rng: Rng) -> Iterator[Batch]:
    while True:
        yield from rows.batches(batch_size, rng)


def training_rows(data: LabelledRows, class_weight: Any, classes: Array) -> Rows | PairedRows:
    """Return the rows to train on, those with a label weighted by their class too."""
    has_label = data.has_target()
    labelled = data.labelled()
    unlabelled = data.take(np.flatnonzero(~has_label))
    labelled = labelled.weighted_by(weights_with_classes(labelled, class_weight, classes))
    parts = [Rows(*labelled), Rows(*unlabelled)]
    parts = [rows for rows in parts if rows.n_rows]
    return PairedRows(*parts) if len(parts) == 2 else parts[0]


def largest_batch(rows: Rows | PairedRows, batch_size: int) -> int:
    """Return the rows of the largest batch."""
    return 2 * batch_size if isinstance(rows, PairedRows) else batch_size


def begin_class_training(
    data: LabelledRows,
    rows: Rows | PairedRows,
    input_unit: Unit,
    hidden: Unit,
    n_hidden: int,
    n_classes: int,
    objective: Objective,
    batch_size: int,
    rng: Rng,
) -> RBMTraining:
    """Return an untrained machine whose scales, biases and offsets are those of the rows and labels."""
    visible = join_labels(input_unit, data.X.shape[1], n_classes)
    of_inputs = weighted_moments(data.X, data.sample_weight)
    of_labels = _label_moments(rows, n_classes, of_inputs[0].dtype)
    mean, standard_deviation = map(np.append, of_inputs, of_labels)
    moments = mean, standard_deviation
    return begin_with_moments(
        moments, _total_weight(data), visible, hidden, n_hidden, objective, batch_size, rng
    )


def take_in_new_data(
    training: RBMTraining,
    data: LabelledRows,
    rows: Rows | PairedRows,
    n_classes: int,
    objective: Objective,
) -> None:
    """Let the means of inputs and labels follow those of all rows seen so far."""
    of_inputs, _ = weighted_moments(data.X, data.sample_weight)
    of_labels = training.visible_mean[-n_classes:]
    if current_team().any(data.has_target().any()):
        of_labels, _ = _label_moments(rows, n_classes, of_inputs.dtype)
    take_in_new_mean(training, np.append(of_inputs, of_labels), _total_weight(data), objective)


def _label_moments(rows: Rows | PairedRows, n_classes: int, dtype: FloatType) -> tuple[Floats, Floats]:
    """Return the shares of the classes among the rows with a label, and their standard deviations."""
    labelled = rows.labelled if isinstance(rows, PairedRows) else rows
    assert labelled.targets is not None
    known = labelled.targets != NO_LABEL
    if not current_team().any(known.any()):  # a first chunk of a stream
        totals: Array = np.ones(n_classes)
    else:
        totals = np.bincount(labelled.targets[known], weights=labelled.sample_weight, minlength=n_classes)
        totals = totals.astype(np.float64)
        current_team().sum(totals)
    shares = totals / totals.sum()
    return shares.astype(dtype), np.sqrt(shares * (1 - shares)).astype(dtype)


def _total_weight(data: LabelledRows) -> float:
    return current_team().total(weight_of_rows(data))


def run_class_training(
    training: RBMTraining,
    rows: Rows | PairedRows,
    n_classes: int,
    terms: Terms,
    objective: Objective,
    plan: Plan,
    stopping: FineTuning,
    held_out: LabelledRows | None,
    verbose: int,
    phase: Phase | None = None,
    fitted: OfResult | None = None,
) -> FineTuningResult:
    """Train in place; return the losses and scores of the epochs, see `FineTuningResult`.

    `fitted(result)` returns the attributes of the estimator after an epoch, for the callbacks of a phase.
    """
    sparsity = None if objective.sparsity is None else Sparsity(objective.sparsity, training.activity)
    learner = ClassRBMLearner(
        training.machine,
        n_classes,
        terms,
        objective.sampler,
        training.chains,
        training.offsets,
        training.state.rng,
        largest_batch(rows, plan.batch_size),
        rules=objective.rules,
        sparsity=sparsity,
    )
    scored = None if held_out is None else HeldOut(*held_out, _accuracy_of(n_classes))
    watch = Watch(learner, plan, stopping, scored, verbose)
    train(learner, rows, plan, training.state, watch, phase, watch.for_callbacks(fitted))
    training.activity = None if sparsity is None else sparsity.activity
    return watch.end()


def _accuracy_of(n_classes: int) -> Callable[[Machine, LabelledRows], float]:
    """Return the function that gives the weighted share of held-out rows a machine classifies right."""

    def accuracy_of(machine: Machine, held_out: LabelledRows) -> float:
        scores = of_encoded_blocks(machine, n_classes, held_out.X, class_scores, (n_classes,))
        return accuracy(scores, held_out)

    return accuracy_of


def stopping_rule(on_validation: bool, tol: float, patience: float) -> FineTuning:
    """Return when a training stops, in the form that networks have it."""
    return FineTuning((), (), on_validation=on_validation, tol=tol, patience=patience)
