"""Supervised training of a network on clean arrays: when it stops and which weights it keeps."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from skdbn._network import NetworkLearner, features, probabilities
from skdbn._reporting import Reporter
from skdbn._rows import Rows
from skdbn._training import train
from skdbn.schedules import Schedule


class Stopping(NamedTuple):
    """When to stop: after `patience` epochs that improve by less than `tol`."""

    on_validation: bool
    tol: float
    patience: int


@dataclass
class FineTuningResult:
    """What a fine-tuning leaves beside the parameters."""

    loss_curve: list = field(default_factory=list)
    validation_scores: list = field(default_factory=list)
    converged: bool = False


def fine_tune(network, data, plan, state, stopping, held_out=None, dropout=0.0, verbose=0):
    """Train the network's parameters in place; with stopping on validation, leave the best in them.

    All rows of `data` have a label; `held_out`, if given, are rows that only measure.
    """
    rows = Rows(data.X, data.targets, data.sample_weight)
    n_layers = len(network.units) + 1
    offsets = state.offsets if state.offsets and len(state.offsets) == n_layers else None
    learner = NetworkLearner(network, dropout, state.rng, plan.batch_size, offsets)
    result = FineTuningResult()
    patience = _Patience(stopping)
    report = Reporter(plan.stage, plan.n_epochs, verbose)
    best = None

    def after_epoch(epoch, learning_rate):
        nonlocal best
        measured = {"loss": learner.epoch_loss()}
        result.loss_curve.append(measured["loss"])
        if held_out is not None:
            measured["validation_score"] = accuracy(network, held_out)
            result.validation_scores.append(measured["validation_score"])
        report(epoch, **measured)
        is_best, result.converged = patience.take(
            measured["validation_score"] if stopping.on_validation else -measured["loss"]
        )
        if stopping.on_validation and is_best:
            best = tuple(array.copy() for array in network.parameters)
        return result.converged

    train(learner, rows, plan, state, after_epoch)
    state.offsets = learner.offsets
    if best is not None:
        for parameter, kept in zip(network.parameters, best, strict=True):
            parameter[...] = kept
    result.converged = result.converged or _has_settled(result.loss_curve, plan, stopping.tol)
    return result


def fine_tune_top(network, data, plan, state, stopping, held_out=None, dropout=0.0, verbose=0):
    """Train only the output layer in place, on the features of the frozen layers below."""
    data = data._replace(X=features(network, data.X))
    if held_out is not None:
        held_out = held_out._replace(X=features(network, held_out.X))
    return fine_tune(network.top(), data, plan, state, stopping, held_out, 0.0, verbose)


def accuracy(network, data):
    """Return the weighted share of rows whose most probable class is theirs."""
    predicted = probabilities(network, data.X).argmax(axis=1)
    return float(np.average(predicted == data.targets, weights=data.sample_weight))


class _Patience:
    """Counts the epochs since the last that was better than the best so far by `tol`."""

    def __init__(self, stopping):
        self._stopping = stopping
        self._best = -np.inf
        self._n_no_change = 0

    def take(self, value):
        """Return whether `value` is the best so far, and whether patience has ended."""
        improves = value > self._best + self._stopping.tol
        self._n_no_change = 0 if improves else self._n_no_change + 1
        is_best = value > self._best
        self._best = max(self._best, value)
        return is_best, self._n_no_change >= self._stopping.patience


def _has_settled(loss_curve, plan, tol):
    """Tell whether a learning rate that fell to its end has brought the loss to rest.

    The criterion by patience cannot be met by a rate that ends with the plan: its last epochs are few
    and all slow. What tells is that the last of them changed the loss by less than `tol`, or than 1 % of
    the first epoch's, which is what dropout and small batches still move it by.
    """
    ends = isinstance(plan.learning_rate, Schedule) and plan.learning_rate.ends
    if not ends or len(loss_curve) < 2:
        return False
    return abs(loss_curve[-2] - loss_curve[-1]) < max(tol, 0.01 * loss_curve[0])
