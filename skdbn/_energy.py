r"""What an RBM is: parameters, energy, free energy and conditionals.

With visible states v, hidden states h, weights W (n_hidden, n_visible), biases b and c,

    E(v, h) = base_energy(v) + base_energy(h) - b.v - c.h - h.W.v
    F(v)    = -log sum_h exp(-E(v, h)) = base_energy(v) - b.v - sum_j log_partition(c + W v)_j

Any two types of units fit together, as each is an exponential family in its field.

Everything here is in the coordinates of the unit types (see `Unit.encode`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdbn._typing import Floats, Rng
from skdbn.units import Unit


class RBMParameters(NamedTuple):
    """Parameters of an RBM; gradients and updates have the same type."""

    weights: Floats  # (n_hidden, n_visible)
    hidden_bias: Floats  # (n_hidden,)
    visible_bias: Floats  # (n_visible,)
    log_scales: Floats = np.empty(0)  # those that the visible units learn: (n_learned,)


class Machine(NamedTuple):
    """Two layers of units and the parameters between them."""

    visible: Unit
    hidden: Unit
    parameters: RBMParameters

    def drawn_exactly(self) -> Machine:
        """Return the machine with units whose draws follow their energy exactly."""
        return self._replace(visible=self.visible.drawn_exactly(), hidden=self.hidden.drawn_exactly())

    def field_h_from_v(self, v: Floats, out: Floats | None = None) -> Floats:
        """Return the fields of the hidden units, bias included: (n_rows, n_hidden)."""
        out = np.matmul(v, self.parameters.weights.T, out=out)
        out += self.parameters.hidden_bias
        return out

    def field_v_from_h(self, h: Floats, out: Floats | None = None) -> Floats:
        """Return the fields of the visible units, bias included: (n_rows, n_visible)."""
        out = np.matmul(h, self.parameters.weights, out=out)
        out += self.parameters.visible_bias
        return out

    def mean_h_from_v(self, v: Floats, out: Floats | None = None) -> Floats:
        """Return the mean of the hidden units given the visible ones."""
        field = self.field_h_from_v(v, out=out)
        return self.hidden.mean(field, out=field)

    def mean_v_from_h(self, h: Floats, out: Floats | None = None) -> Floats:
        """Return the mean of the visible units given the hidden ones."""
        field = self.field_v_from_h(h, out=out)
        return self.visible.mean(field, out=field)

    def sample_h_from_v(self, v: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw the hidden units given the visible ones."""
        return self.hidden.mean_and_sample(self.field_h_from_v(v), rng, out=out)

    def sample_v_from_h(self, h: Floats, rng: Rng, out: Floats | None = None) -> Floats:
        """Draw the visible units given the hidden ones."""
        return self.visible.mean_and_sample(self.field_v_from_h(h), rng, out=out)

    def energy(self, v: Floats, h: Floats) -> Floats:
        """Return E(v, h) of each pair of rows."""
        weights, hidden_bias, visible_bias, _ = self.parameters
        interaction = np.einsum("ij,ij->i", h @ weights, v)
        base = self.visible.base_energy(v) + self.hidden.base_energy(h)
        return base - v @ visible_bias - h @ hidden_bias - interaction

    def free_energy(self, v: Floats) -> Floats:
        """Return F(v) of each row."""
        log_partition = self.hidden.log_partition(self.field_h_from_v(v)).sum(axis=1)
        return self.visible.base_energy(v) - v @ self.parameters.visible_bias - log_partition

    def free_energy_of_hidden(self, h: Floats) -> Floats:
        """Return -log sum_v exp(-E(v, h)) of each row."""
        log_partition = self.visible.log_partition(self.field_v_from_h(h)).sum(axis=1)
        return self.hidden.base_energy(h) - h @ self.parameters.hidden_bias - log_partition
