"""Fitting an RBM on clean arrays: how training begins, goes on, and what is watched meanwhile."""

from dataclasses import dataclass

import numpy as np

from skdbn._contrastive import Offsets, RBMLearner
from skdbn._energy import Machine
from skdbn._initialization import initial_rbm_parameters
from skdbn._reporting import Reporter
from skdbn._rows import spread_rows, take_rows, weighted_moments
from skdbn._training import TrainingState, train

# Rows on which the reconstruction error and the free energy are followed: few, so that watching
# costs little, and always the same, so that epochs compare.
_N_WATCHED_ROWS = 256


@dataclass
class RBMTraining:
    """An RBM in training: the machine and all that is needed to go on."""

    machine: Machine
    state: TrainingState
    chains: np.ndarray | None
    offsets: Offsets | None
    total_weight: float  # of the rows behind the visible offsets


@np.errstate(invalid="ignore")  # some BLAS raise the flag for finite products
def begin_training(rows, visible, hidden, n_hidden, sampler, centered, batch_size, rng):
    """Return an untrained RBM whose scales, biases and offsets are those of the rows."""
    mean, standard_deviation = weighted_moments(rows.X, rows.sample_weight)
    visible = visible.adapt(mean, standard_deviation)
    parameters = initial_rbm_parameters(n_hidden, visible.bias_from_mean(mean), rng)
    machine = Machine(visible, hidden, parameters)
    offsets = None
    if centered:
        hidden_mean = hidden.mean(parameters.hidden_bias)
        offsets = Offsets(_encoded_mean(visible, mean), hidden_mean)
        parameters.visible_bias[:] -= hidden_mean @ parameters.weights
        parameters.hidden_bias[:] -= parameters.weights @ offsets.visible
    chains = sampler.start(machine, batch_size, rng)
    return RBMTraining(machine, TrainingState(rng), chains, offsets, rows.total_weight)


def take_in_new_rows(training, rows):
    """Let the visible offsets follow the mean of all rows seen so far."""
    if training.offsets is not None:
        mean, _ = weighted_moments(rows.X, rows.sample_weight)
        share = rows.total_weight / (training.total_weight + rows.total_weight)
        offset = training.offsets.visible
        offset += share * (_encoded_mean(training.machine.visible, mean) - offset)
    training.total_weight += rows.total_weight


def _encoded_mean(visible, mean):
    return visible.encode(mean[np.newaxis], out=np.empty_like(mean)[np.newaxis])[0]


def run_training(training, rows, sampler, plan, X_val=None, verbose=0):
    """Train in place; return the history of the epochs as lists of numbers."""
    learner = RBMLearner(
        training.machine,
        sampler,
        training.chains,
        training.offsets,
        training.state.rng,
        plan.batch_size,
    )
    watch = Watch(training.machine, rows, X_val)
    report = Reporter(plan.stage, plan.n_epochs, verbose)
    history = {}

    def after_epoch(epoch, learning_rate):
        values = {"learning_rate": learning_rate, **watch()}
        for name, value in values.items():
            history.setdefault(name, []).append(value)
        report(epoch, **values)

    train(learner, rows, plan, training.state, after_epoch)
    return history


class Watch:
    """Measures an RBM on fixed rows, and against rows held out if there are any."""

    def __init__(self, machine, rows, X_val=None):
        self._machine = machine
        self._v = self._encoded(rows.X)
        self._v_val = None if X_val is None else self._encoded(X_val)

    def _encoded(self, X):
        """Return rows spread evenly over X, in the coordinates of the visible units."""
        chosen = spread_rows(X.shape[0], _N_WATCHED_ROWS)
        v = take_rows(X, chosen, out=np.empty((len(chosen), X.shape[1]), dtype=X.dtype))
        return self._machine.visible.encode(v, out=v)

    def __call__(self):
        """Return the mean squared reconstruction error, and the free-energy gap if rows are held out."""
        reconstruction = self._machine.mean_v_from_h(self._machine.mean_h_from_v(self._v))
        values = {"reconstruction_error": float(np.mean((reconstruction - self._v) ** 2))}
        if self._v_val is not None:
            free_energy = self._machine.free_energy
            gap = free_energy(self._v_val).mean() - free_energy(self._v).mean()
            values["free_energy_gap"] = float(gap)
        return values

    def hidden_mean(self):
        """Return the hidden means given the watched rows."""
        return self._machine.mean_h_from_v(self._v)
