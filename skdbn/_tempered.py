"""The machines between unconnected units and an RBM: the path of annealing and of parallel tempering.

It is linear in the parameters, from beta = 0 to beta = 1:

    E_beta(v, h) = base_energy(v) + base_energy(h)
                   - (beta b + (1 - beta) b_base).v - beta (c.h + h.W.v)

As each type of units is an exponential family in its field, a machine on the path has the units of
the machine at its end, with the fields beta (c + W v) and beta (b + W^T h) + (1 - beta) b_base.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdbn._energy import Machine
from skdbn._typing import Floats, Rng


class TemperedMachine(NamedTuple):
    """The path of machines from unconnected visible units with biases `base_bias` to `machine`.

    beta is a number, or one number a row in an array of shape (n_rows, 1), in the dtype of the machine.
    """

    machine: Machine
    base_bias: Floats  # (n_visible,)

    def drawn_exactly(self) -> TemperedMachine:
        """Return the same path with units whose draws follow their energy exactly."""
        return self._replace(machine=self.machine.drawn_exactly())

    def visible_bias(self, beta: float | Floats) -> Floats:
        """Return the biases of the visible units at beta: (n_visible,), or one row a beta."""
        return beta * self.machine.parameters.visible_bias + (1 - beta) * self.base_bias

    def log_partition_of_base(self) -> float:
        """Return log Z at beta = 0, in float64."""
        hidden_field = np.zeros(len(self.machine.parameters.hidden_bias))
        visible = self.machine.visible.log_partition(self.base_bias.astype(np.float64))
        return float(visible.sum() + self.machine.hidden.log_partition(hidden_field).sum())

    def sample_base(self, n_rows: int, rng: Rng) -> Floats:
        """Draw visible states at beta = 0."""
        return self.machine.visible.sample(np.tile(self.base_bias, (n_rows, 1)), rng)

    def free_energy(self, v: Floats, beta: float | Floats) -> Floats:
        """Return F_beta(v) of each row."""
        field = self.machine.field_h_from_v(v)
        field *= beta
        bias_term = np.einsum("ij,ij->i", v, np.broadcast_to(self.visible_bias(beta), v.shape))
        log_partition = self.machine.hidden.log_partition(field).sum(axis=1)
        return self.machine.visible.base_energy(v) - bias_term - log_partition

    def sample_h_from_v(
        self,
        v: Floats,
        beta: float | Floats,
        rng: Rng,
        out: Floats | None = None,
        work: Floats | None = None,
    ) -> Floats:
        """Draw the hidden units given the visible ones at beta; `work` is overwritten."""
        field = self.machine.field_h_from_v(v, out=work)
        field *= beta
        return self.machine.hidden.mean_and_sample(field, rng, out=out)

    def sample_v_from_h(
        self,
        h: Floats,
        beta: float | Floats,
        rng: Rng,
        out: Floats | None = None,
        work: Floats | None = None,
    ) -> Floats:
        """Draw the visible units given the hidden ones at beta; `work` is overwritten."""
        field = np.matmul(h, self.machine.parameters.weights, out=work)
        field *= beta
        field += self.visible_bias(beta)
        return self.machine.visible.mean_and_sample(field, rng, out=out)
