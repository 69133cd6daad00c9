"""What a network is trained to give: one class of several, several labels at once, or numbers.

Each kind of target says how `y` is read, which units the outputs are, how targets become their states,
how good predictions are, and what is predicted. Targets of rows without one are `NO_LABEL` or NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skdbn._labels import LabelledRows, accuracy, has_any_target, mean_of_rows, positions, weight_of_rows
from skdbn._network import Network, mean_loss, outputs
from skdbn._team import current_team
from skdbn._typing import Array, Floats, FloatType, Integers
from skdbn.units import Bernoulli, Gaussian, Softmax, Unit


class Classes:
    """One label a row; targets are positions in the sorted classes."""

    unit = Softmax()

    def __init__(self, classes: Array) -> None:
        self.classes = classes
        self.n_outputs = len(classes)

    def read(self, y: Array, unlabeled: object) -> Integers:
        """Return the position of each label, `NO_LABEL` for the marker."""
        if y.ndim == 2:
            raise ValueError("y is an indicator matrix, but the network was fitted to one label a row.")
        return positions(y, self.classes, unlabeled)

    def encode(self, targets: Integers, dtype: FloatType) -> Floats:
        """Return one-hot rows."""
        return np.eye(self.n_outputs, dtype=dtype)[targets]

    def predict(self, means: Floats) -> Array:
        """Return the most probable labels."""
        return self.classes[means.argmax(axis=1)]

    def score(self, network: Network, held_out: LabelledRows) -> float:
        """Return the weighted share of rows whose most probable class is theirs."""
        return accuracy(outputs(network, held_out.X), held_out)

    def to_target_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return the output layer as it is."""
        return weights, bias

    from_target_units = to_target_units


class Labels:
    """Any number of labels a row, independent of each other; targets are rows of an indicator matrix."""

    unit = Bernoulli()

    def __init__(self, n_labels: int) -> None:
        self.classes = np.arange(n_labels)
        self.n_outputs = n_labels

    def read(self, y: Array, unlabeled: object) -> Floats:
        """Return the indicator matrix in floats, NaN in rows of the marker."""
        if y.ndim == 1:
            raise ValueError("y has one label a row, but the network was fitted to an indicator matrix.")
        _check_n_outputs(y, self.n_outputs)
        return _with_missing_rows(y, unlabeled)

    def encode(self, targets: Floats, dtype: FloatType) -> Floats:
        """Return the indicator matrix."""
        return targets.astype(dtype)

    def predict(self, means: Floats) -> Integers:
        """Return the indicator matrix of the labels that are more probable than not."""
        return (means > 0.5).astype(int)

    def score(self, network: Network, held_out: LabelledRows) -> float:
        """Return the weighted share of rows whose labels are all right."""
        means = outputs(network, held_out.X)
        right = (self.predict(means) == held_out.targets).all(axis=1)
        return mean_of_rows(np.where(np.isnan(means).any(axis=1), np.nan, right), held_out)

    to_target_units = from_target_units = Classes.to_target_units


class Values:
    """One or several numbers a row, brought to mean 0 and standard deviation 1 inside."""

    def __init__(self, mean: Floats, standard_deviation: Floats, one_dimensional: bool) -> None:
        if not np.isfinite(standard_deviation).all():
            raise ValueError("The variance of y overflows; scale the targets.")
        self.unit = Gaussian().adapt(mean, standard_deviation)
        self.n_outputs = mean.size
        self.one_dimensional = one_dimensional

    def read(self, y: Array, unlabeled: object) -> Floats:
        """Return the values as a matrix, NaN in rows of the marker."""
        y = y.reshape(len(y), *(y.shape[1:] or (1,)))
        _check_n_outputs(y, self.n_outputs)
        return _with_missing_rows(y, unlabeled)

    def encode(self, targets: Floats, dtype: FloatType) -> Floats:
        """Return the scaled values, or raise if they are too large for the square of a difference."""
        scaled = self.unit.encode(targets, out=np.empty_like(targets))
        if not np.abs(scaled).max(initial=0) <= float(np.finfo(dtype).max) ** 0.25:
            raise ValueError(
                f"y spans [{targets.min():.6g}, {targets.max():.6g}], too far from the targets that the "
                f"training began with to compute with in {np.dtype(dtype)}; scale the targets."
            )
        return scaled.astype(dtype)

    def predict(self, means: Floats) -> Floats:
        """Return values in the units of y, in the shape that y had."""
        return means.ravel() if self.one_dimensional else means

    def score(self, network: Network, held_out: LabelledRows) -> float:
        """Return the coefficient of determination R2, the mean over the outputs."""
        scaled = outputs(network, held_out.X).astype(np.float64)
        predicted, targets, weight = _pooled(
            self.unit.decode(scaled), held_out.targets, held_out.sample_weight
        )
        if len(targets) < 2:
            raise ValueError("R2 of the rows for validation needs two of them or more; got 1.")
        # Here and not above, since scikit-learn's metrics take longer to import than all of this package.
        from sklearn.metrics import r2_score

        if not np.isfinite(predicted).all():
            return np.nan
        return float(r2_score(targets, predicted, sample_weight=weight))

    def to_target_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return the output layer that gives values in the units of y."""
        return weights * self.unit.scale_, bias * self.unit.scale_ + self.unit.location_

    def from_target_units(self, weights: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Undo `to_target_units`."""
        return weights / self.unit.scale_, (bias - self.unit.location_) / self.unit.scale_


class Inputs:
    """The inputs themselves: the network is an autoencoder."""

    def __init__(self, unit: Unit | None = None) -> None:
        self.unit = unit  # the type of the inputs, known once they have been seen

    def read(self, y: object, unlabeled: object) -> None:
        """Return no targets: a learner then takes the inputs."""
        return None

    def encode(self, targets: None, dtype: FloatType) -> None:
        """Return no targets."""
        return None

    def score(self, network: Network, held_out: LabelledRows) -> float:
        """Return minus the mean loss of the reconstructions."""
        weight = weight_of_rows(held_out)
        loss = mean_loss(network, held_out.X, None, held_out.sample_weight) if weight else 0.0
        return -float(current_team().mean(loss, weight))

    to_target_units = from_target_units = Classes.to_target_units


def _pooled(predicted: Floats, targets: Any, weight: Floats | None) -> tuple[Floats, Floats, Floats | None]:
    """Return predictions, targets and weights of the rows of all processes."""
    team = current_team()
    if team.size == 1:
        return predicted, targets, weight
    weight = np.ones(len(targets)) if weight is None else weight
    parts = zip(*team.gathered((predicted, targets, weight)), strict=True)
    predicted, targets, weight = map(np.concatenate, parts)
    return predicted, targets, weight


def _with_missing_rows(y: Array, unlabeled: object) -> Floats:
    y = y.astype(np.float64)
    y[~has_any_target(y, unlabeled)] = np.nan
    return y


def _check_n_outputs(y: Array, n_outputs: int) -> None:
    if y.shape[1] != n_outputs:
        raise ValueError(f"y has {y.shape[1]} columns, but the network was fitted to {n_outputs}.")
