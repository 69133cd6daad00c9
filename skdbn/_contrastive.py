"""One training step of an RBM: data term, model term, their difference, and the update."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdbn._centering import follow, map_to_plain_bias
from skdbn._energy import Machine, RBMParameters
from skdbn._rows import Batch
from skdbn._team import Team, current_team
from skdbn._typing import Chains, Floats, Rng
from skdbn._weight_rules import WeightRules
from skdbn.samplers import Sampler, States
from skdbn.sparsity import SparsityTarget
from skdbn.units import Unit

_NO_RULES = WeightRules()
OFFSETS_FROM = ("data", "model", "average")


class Offsets(NamedTuple):
    """What is subtracted from the states in the gradient: the origin of the parametrisation."""

    visible: Floats  # mu, (n_visible,)
    hidden: Floats  # lambda, (n_hidden,)


def follow_means(offsets: Offsets, source: str, data: States, model: States, team: Team) -> None:
    """Move the offsets towards the means of a batch; `source` is one of OFFSETS_FROM.

    The means of the visible data are known from the start, so with "data" theirs are not moved.
    """
    if source == "data":
        hidden = data.weights @ data.hidden_mean
        team.sum(hidden)
        follow(offsets.hidden, hidden)
        return
    visible, hidden = model.weights @ model.visible, model.weights @ model.hidden_mean
    if source == "average":
        visible = (visible + data.weights @ data.visible) / 2
        hidden = (hidden + data.weights @ data.hidden_mean) / 2
    team.sum(visible, hidden)
    follow(offsets.visible, visible)
    follow(offsets.hidden, hidden)


class Sparsity:
    """The error that a sparsity target adds to the fields of the hidden units."""

    resumable = ("activity",)

    def __init__(self, target: SparsityTarget, activity: Floats | None = None) -> None:
        self.target = target
        self.activity = activity  # running mean of each hidden unit; None at first

    def error(self, hidden: Unit, data: States) -> Floats:
        """Return the derivative of the penalty by the hidden fields of each row, for rows of weight 1."""
        mean = data.weights @ data.hidden_mean
        current_team().sum(mean)
        if self.activity is None:
            self.activity = mean
        self.activity += (1 - self.target.decay) * (mean - self.activity)
        slope = self.target.slope(self.activity).astype(mean.dtype, copy=False)
        error = np.tile(slope, (len(data.weights), 1))
        return hidden.backpropagate(error, data.hidden_mean, work=np.empty_like(error))


class RBMLearner:
    """Gradient of the negative log-likelihood of an RBM, and its updates, in work arrays made once.

    With offsets, the gradient is that of the centred parametrisation (see `_centering`),
    E(v, h) = ... - (h - lambda).W.(v - mu).

    Parameters: the machine (its parameter arrays are changed in place), a sampler with its chains,
    offsets or None, the generator, the largest batch, whose means the offsets follow, the rules for
    weights, and a Sparsity or None.
    """

    resumable = ("parameters", "chains", "offsets", "sparsity")

    def __init__(
        self,
        machine: Machine,
        sampler: Sampler,
        chains: Chains,
        offsets: Offsets | None,
        rng: Rng,
        batch_size: int,
        *,
        offsets_from: str = "data",
        rules: WeightRules = _NO_RULES,
        sparsity: Sparsity | None = None,
    ) -> None:
        self.machine = machine
        self.sampler = sampler
        self.chains = chains
        self.offsets = offsets
        self.rng = rng
        self.offsets_from = offsets_from
        self.rules = rules
        self.sparsity = sparsity
        self._team = current_team()
        self._batch_size = batch_size
        n_hidden, n_visible = machine.parameters.weights.shape
        n_rows = batch_size + (sampler.n_rows(batch_size) if chains is None else len(chains))
        dtype = machine.parameters.weights.dtype
        # Rows of the data end where rows of the model begin, so that one matrix product takes both.
        self._visible = np.empty((n_rows, n_visible), dtype=dtype)
        self._hidden = np.empty((n_rows, n_hidden), dtype=dtype)
        self._gradient = RBMParameters(*map(np.empty_like, machine.parameters))

    @property
    def parameters(self) -> RBMParameters:
        """The arrays that training changes."""
        return self.machine.parameters

    @property
    def least_decay(self) -> float:
        """The smallest decay that `apply` is to be given."""
        return self.rules.least_decay

    def gradient(self, batch: Batch) -> RBMParameters:
        """Return the gradient, model term - data term, for one batch."""
        data = self._data_term(batch)
        model = self._model_term(data)
        if self.offsets is not None:
            follow_means(self.offsets, self.offsets_from, data, model, self._team)
        penalty = None if self.sparsity is None else self.sparsity.error(self.machine.hidden, data)
        self._scale_gradient(data, penalty)
        return self._difference(data, model, penalty)

    def _data_term(self, batch: Batch) -> States:
        """Positive phase: the data and the hidden means given them."""
        rows = slice(self._batch_size - len(batch.weights), self._batch_size)
        rng = self.rng if self.sampler.draws else None
        v = self.machine.visible.encode(batch.inputs, out=self._visible[rows], rng=rng)
        h = self.machine.mean_h_from_v(v, out=self._hidden[rows])
        return States(v, h, batch.weights)

    def _model_term(self, data: States) -> States:
        """Negative phase: states of the model's own distribution."""
        if self._team.size == 1 or self.chains is None:
            return self._advance(data)
        # A sampler knows nothing of the team: its data are a whole batch, its chains all there are.
        share = max(data.weights.sum(), np.finfo(data.weights.dtype).tiny)
        data = data._replace(weights=data.weights / share)
        model = self._advance(data)
        return model._replace(weights=model.weights / self._team.size)

    def _advance(self, data: States) -> States:
        out = self._visible[self._batch_size :], self._hidden[self._batch_size :]
        return self.sampler.advance(self.machine, data, self.chains, self.rng, out)

    def _scale_gradient(self, data: States, penalty: Floats | None) -> None:
        """Fill the gradient of the learned scales; what the model says of them is known exactly."""
        gradient = self._gradient.log_scales
        if gradient.size:
            # By v, the derivative of F is v - b - h.W with h the hidden means, of the penalty penalty.W.
            h = data.hidden_mean if penalty is None else data.hidden_mean - penalty
            field = self.machine.field_v_from_h(h)
            gradient[:] = self.machine.visible.log_scale_gradient(data.visible, field, data.weights)
            if self._team.size > 1:  # the part that does not depend on the data, once for all processes
                gradient -= 1 - data.weights.sum()

    def _difference(self, data: States, model: States, penalty: Floats | None) -> RBMParameters:
        """Return <(h - lambda)(v - mu)>, <h> and <v> of the model minus those of the data."""
        rows = slice(self._batch_size - len(data.weights), self._batch_size + len(model.weights))
        v, h = self._visible[rows], self._hidden[rows]
        coefficients = np.concatenate([-data.weights, model.weights])
        gradient = self._gradient
        np.matmul(coefficients, h, out=gradient.hidden_bias)
        np.matmul(coefficients, v, out=gradient.visible_bias)
        if self.offsets is not None:
            h -= self.offsets.hidden
            v -= self.offsets.visible
        h *= coefficients[:, np.newaxis]
        if penalty is not None:
            penalty *= data.weights[:, np.newaxis]
            gradient.hidden_bias[:] += penalty.sum(axis=0)
            h[: len(penalty)] += penalty
        np.matmul(h.T, v, out=gradient.weights)
        return gradient

    def apply(self, update: RBMParameters, decay: float) -> None:
        """Add an update, after the rules for weights had their say on it.

        The rules belong to the update of the weights before it is mapped: decay then pulls the centred
        machine towards independent units with the right means.
        """
        parameters = self.parameters
        self.rules.change(update.weights, parameters.weights, decay)
        if self.offsets is not None:
            map_to_plain_bias(update.hidden_bias, update.weights.T, self.offsets.visible)
            map_to_plain_bias(update.visible_bias, update.weights, self.offsets.hidden)
        for parameter, change in zip(parameters, update, strict=True):
            parameter += change
        self.after_restoring()

    def after_restoring(self) -> None:
        """Let the visible units know the scales that are among the parameters."""
        if self.parameters.log_scales.size:
            self.machine.visible.set_log_scales(self.parameters.log_scales)
