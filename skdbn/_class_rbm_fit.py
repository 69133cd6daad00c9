"""Fitting a classification RBM on clean arrays: its rows, its first values, and what is watched."""

from itertools import islice

import numpy as np

from skdbn._class_posterior import join_labels, predicted_positions
from skdbn._contrastive import Sparsity
from skdbn._discriminative import ClassRBMLearner
from skdbn._fine_tuning import FineTuning, HeldOut, Watch
from skdbn._labels import NO_LABEL, accuracy, weights_with_classes
from skdbn._rbm_fit import begin_with_moments, take_in_new_mean
from skdbn._rows import Batch, Rows, weighted_moments
from skdbn._training import train


class PairedRows:
    """Rows with a label and rows without: a batch has some of each, weighted so that both count as means.

    An epoch is a pass over the larger part. The rows of the other one come around again in it: few
    labels would else be in few batches, and count too much there.
    """

    def __init__(self, labelled, unlabelled):
        self.labelled, self.unlabelled = labelled, unlabelled
        self.n_rows = max(labelled.n_rows, unlabelled.n_rows)

    def n_batches(self, batch_size):
        """Return the number of batches of an epoch."""
        return max(rows.n_batches(batch_size) for rows in (self.labelled, self.unlabelled))

    def batches(self, batch_size, rng):
        """Yield batches of up to `batch_size` rows of each kind, in a new random order."""
        parts = (_endless_batches(rows, batch_size, rng) for rows in (self.labelled, self.unlabelled))
        for labelled, unlabelled in islice(zip(*parts, strict=True), self.n_batches(batch_size)):
            yield Batch(
                np.concatenate([labelled.inputs, unlabelled.inputs]),
                np.concatenate([labelled.targets, unlabelled.targets]),
                np.concatenate([part.weights * part.share for part in (labelled, unlabelled)]),
                labelled.total_weight / labelled.share,
            )


def _endless_batches(rows, batch_size, rng):
    while True:
        yield from rows.batches(batch_size, rng)


def training_rows(data, class_weight, classes):
    """Return the rows to train on, those with a label weighted by their class too."""
    has_label = data.has_target()
    labelled = data.labelled()
    unlabelled = data.take(np.flatnonzero(~has_label))
    weights = weights_with_classes(labelled, class_weight, classes)
    if weights is not None and not weights.all():  # classes of weight 0
        labelled, weights = labelled.take(np.flatnonzero(weights)), weights[weights > 0]
    parts = [Rows(labelled.X, labelled.targets, weights), Rows(*unlabelled)]
    parts = [rows for rows in parts if rows.n_rows]
    return PairedRows(*parts) if len(parts) == 2 else parts[0]


def largest_batch(rows, batch_size):
    """Return the rows of the largest batch."""
    return 2 * batch_size if isinstance(rows, PairedRows) else batch_size


def begin_class_training(data, rows, input_unit, hidden, n_hidden, n_classes, objective, batch_size, rng):
    """Return an untrained machine whose scales, biases and offsets are those of the rows and labels."""
    visible = join_labels(input_unit, data.X.shape[1], n_classes)
    of_inputs = weighted_moments(data.X, data.sample_weight)
    of_labels = _label_moments(rows, n_classes, of_inputs[0].dtype)
    moments = tuple(map(np.append, of_inputs, of_labels))
    return begin_with_moments(
        moments, _total_weight(data), visible, hidden, n_hidden, objective, batch_size, rng
    )


def take_in_new_data(training, data, rows, n_classes, objective):
    """Let the means of inputs and labels follow those of all rows seen so far."""
    of_inputs, _ = weighted_moments(data.X, data.sample_weight)
    of_labels = training.visible_mean[-n_classes:]
    if data.has_target().any():
        of_labels, _ = _label_moments(rows, n_classes, of_inputs.dtype)
    take_in_new_mean(training, np.append(of_inputs, of_labels), _total_weight(data), objective)


def _label_moments(rows, n_classes, dtype):
    """Return the shares of the classes among the rows with a label, and their standard deviations."""
    labelled = rows.labelled if isinstance(rows, PairedRows) else rows
    if (labelled.targets == NO_LABEL).all():  # a first chunk of a stream
        totals = np.ones(n_classes)
    else:
        totals = np.bincount(labelled.targets, weights=labelled.sample_weight, minlength=n_classes)
    shares = totals / totals.sum()
    return shares.astype(dtype), np.sqrt(shares * (1 - shares)).astype(dtype)


def _total_weight(data):
    return float(data.X.shape[0] if data.sample_weight is None else data.sample_weight.sum())


def run_class_training(
    training, rows, n_classes, terms, objective, plan, stopping, held_out, verbose, phase=None, fitted=None
):
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
    if held_out is not None:
        held_out = HeldOut(*held_out, _accuracy_of(n_classes))
    watch = Watch(learner, plan, stopping, held_out, verbose)
    train(learner, rows, plan, training.state, watch, phase, watch.for_callbacks(fitted))
    training.activity = None if sparsity is None else sparsity.activity
    return watch.end()


def _accuracy_of(n_classes):
    """Return the function that gives the weighted share of held-out rows a machine classifies right."""

    def accuracy_of(machine, held_out):
        return accuracy(predicted_positions(machine, n_classes, held_out.X), held_out)

    return accuracy_of


def stopping_rule(on_validation, tol, patience):
    """Return when a training stops, in the form that networks have it."""
    return FineTuning((), (), on_validation=on_validation, tol=tol, patience=patience)
