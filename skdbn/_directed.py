r"""Directed layers: the units of one layer given those of another, and how this is learned from states.

With states x of the one layer, the units y of the other are independent, each with the field b + x W:

    -log p(y | x) = base_energy(y) - y.(b + x W) + sum_j log_partition(b + x W)_j

so the derivative by the field is mean(field) - y, whatever the type of the units.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdbn._blocks import add_scaled
from skdbn._centering import follow, map_to_plain_bias
from skdbn._team import current_team
from skdbn._typing import Arrays, Floats, Rng
from skdbn.units import Unit


class Conditional(NamedTuple):
    """The distribution p(y | x) of a layer of units given the states of another layer."""

    unit: Unit  # type of the units y
    weights: Floats  # (n_x, n_y)
    bias: Floats  # (n_y,)

    def field(self, x: Floats, out: Floats | None = None) -> Floats:
        """Return the fields of the units, bias included: (n_rows, n_y)."""
        out = np.matmul(x, self.weights, out=out)
        out += self.bias
        return out

    def mean(self, x: Floats) -> Floats:
        """Return the mean of the units given `x`."""
        field = self.field(x)
        return self.unit.mean(field, out=field)

    def sample(self, x: Floats, rng: Rng) -> Floats:
        """Draw the units given `x`."""
        return self.unit.mean_and_sample(self.field(x), rng)

    def losses(self, field: Floats, y: Floats) -> Floats:
        """Return -log p(y | field) of each row."""
        log_partition = self.unit.log_partition(field).sum(axis=1)
        return self.unit.base_energy(y) + log_partition - np.einsum("ij,ij->i", y, field)


class ConditionalLearner:
    """Gradient of the mean of -log p(y | x) over given states, and its updates, in work arrays made once.

    The parameters of the conditional are changed in place. The gradient is centred (see `_centering`);
    `offset` is the running mean of the states x, None at first.
    """

    def __init__(self, conditional: Conditional, n_rows: int, offset: Floats | None = None) -> None:
        self.conditional = conditional
        self.offset = offset
        dtype = conditional.weights.dtype
        self._field = np.empty((n_rows, len(conditional.bias)), dtype=dtype)
        self._gradient = np.empty_like(conditional.weights), np.empty_like(conditional.bias)

    @property
    def parameters(self) -> tuple[Floats, Floats]:
        """The arrays that training changes."""
        return self.conditional.weights, self.conditional.bias

    def draw(self, x: Floats, rng: Rng, out: Floats) -> Floats:
        """Write units drawn given `x` to `out`."""
        field = self.conditional.field(x, out=self._field[: len(x)])
        return self.conditional.unit.mean_and_sample(field, rng, out=out)

    def gradient(
        self, x: Floats, y: Floats, row_weights: Floats, losses: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Return the gradient for pairs of states; `x` is centred in place.

        -log p(y | x) of each row is added to `losses`, if these are given.
        """
        field = self.conditional.field(x, out=self._field[: len(x)])
        if losses is not None:
            losses += self.conditional.losses(field, y)
        error = self.conditional.unit.mean(field, out=field)
        error -= y
        error *= row_weights[:, np.newaxis]
        mean = row_weights @ x
        current_team().sum(mean)
        x -= self._follow_mean(mean)
        of_weights, of_bias = self._gradient
        np.matmul(x.T, error, out=of_weights)
        np.sum(error, axis=0, out=of_bias)
        return self._gradient

    def _follow_mean(self, mean: Floats) -> Floats:
        if self.offset is None:
            self.offset = mean
        follow(self.offset, mean)
        return self.offset

    def apply(self, update: Arrays, decay: float) -> None:
        """Add an update, after the weights shrank by the factor 1 - decay."""
        assert self.offset is not None  # `gradient` came first
        weight_change, bias_change = update
        if decay:
            add_scaled(weight_change, self.conditional.weights, -decay)
        map_to_plain_bias(bias_change, weight_change, self.offset)
        for parameter, change in zip(self.parameters, update, strict=True):
            parameter += change
