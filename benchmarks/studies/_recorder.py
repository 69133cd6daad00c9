"""An optimizer that passes all on to another, and notes what each layer gets and how far it moves."""

import numpy as np

from skdbn.optimizers import Optimizer


class Recorder(Optimizer):
    """Notes root mean squares of gradients, updates and parameters, step by step, of the first arrays.

    Root mean squares, not norms: layers of different sizes then compare. Gradients are those that the
    optimizer gets; parameters are read before the step, in the arrays that `init` got, since training
    changes these in place. With n layers, the first n arrays of a network are the weights of its layers.
    """

    def __init__(self, optimizer, n_arrays):
        self.optimizer = optimizer
        self.n_arrays = n_arrays

    def init(self, parameters):
        self.watched_ = parameters[: self.n_arrays]
        self.first_ = [array.copy() for array in self.watched_]
        self.gradients_, self.updates_, self.sizes_ = [], [], []
        return self.optimizer.init(parameters)

    def update(self, gradients, state, learning_rate, progress=0.0):
        self.gradients_.append(root_mean_squares(gradients[: self.n_arrays]))
        self.sizes_.append(root_mean_squares(self.watched_))
        updates, state = self.optimizer.update(gradients, state, learning_rate, progress)
        self.updates_.append(root_mean_squares(updates[: self.n_arrays]))
        return updates, state

    def distances(self):
        """Return how far each array has come, relative to what it was at first."""
        ways = [now - first for now, first in zip(self.watched_, self.first_, strict=True)]
        return root_mean_squares(ways) / root_mean_squares(self.first_)


def root_mean_squares(arrays):
    """Return the root of the mean square of the elements of each array."""
    return np.array([float(np.linalg.norm(array)) / array.size**0.5 for array in arrays])


def windows(n_steps, n_windows):
    """Return the bounds of windows of steps, each longer than the one before by a constant factor."""
    return np.unique(np.geomspace(1, n_steps, n_windows).astype(int))


def over_windows(records, bounds):
    """Return the means of the records of the first step, and of those from one bound to the next."""
    records = np.asarray(records)
    return [records[start:end].mean(axis=0) for start, end in zip((0, *bounds), bounds, strict=False)]
