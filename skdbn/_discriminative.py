r"""One training step of a classification RBM: every term of its loss in one pass over the classes.

With labels as visible units (see `_class_posterior`), a row of weight w adds to the loss

    w (discriminative * -log p(y | x) + generative * -log p(x, y))     if it has a label,
    w unlabeled * -log p(x)                                            if not.

The derivative of each of them by the parameters is a sum of the states (x, k, mean_h(x, k)) over the
classes k, plus the model term. The factors of these states are

    w (discriminative p_k - (discriminative + generative) [k = y])     and     -w unlabeled p_k,

with p_k = p(k | x): a share of the posterior, less that of the row's own label. The model term has the
factors w generative and w unlabeled; without them, the gradient is exact.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skdbn._centering import follow
from skdbn._class_posterior import (
    input_and_label_units,
    input_field,
    log_softmax,
    mean_of_hidden,
    scores_of_fields,
    split_weights,
)
from skdbn._contrastive import Offsets, RBMLearner
from skdbn._energy import Machine, RBMParameters
from skdbn._labels import NO_LABEL
from skdbn._rows import Batch
from skdbn._typing import Chains, Floats, Integers, Rng
from skdbn.samplers import Sampler, States


class Terms(NamedTuple):
    """Weights of the terms of the loss."""

    discriminative: float  # of -log p(y | x)
    generative: float  # of -log p(x, y)
    unlabeled: float  # of -log p(x), for rows without a label


class _Factors(NamedTuple):
    """What the states of each row count for in the gradient: arrays (n_rows,)."""

    posterior: Floats  # of the states with label k: times p_k
    label: Floats  # of the state with the row's own label, with a minus
    model: Floats  # of the model term


class ClassRBMLearner(RBMLearner):
    """Gradient of the loss of a classification RBM, and its updates, in work arrays made once.

    The machine's visible units are those of `join_labels`. Batches hold the inputs, and the positions of
    the labels as targets, `NO_LABEL` where there is none. The weights of a batch need not sum to 1.
    """

    def __init__(
        self,
        machine: Machine,
        n_classes: int,
        terms: Terms,
        sampler: Sampler,
        chains: Chains,
        offsets: Offsets | None,
        rng: Rng,
        batch_size: int,
        **keywords: Any,
    ) -> None:
        super().__init__(machine, sampler, chains, offsets, rng, batch_size, **keywords)
        self.n_classes = n_classes
        self.terms = terms
        self._input_unit, self._label_unit = input_and_label_units(machine)
        n_hidden, n_visible = machine.parameters.weights.shape
        dtype = machine.parameters.weights.dtype
        # Units draw into contiguous arrays only, so not into columns of the visible states.
        self._inputs = np.empty((batch_size, n_visible - n_classes), dtype=dtype)
        self._field = np.empty((batch_size, n_hidden), dtype=dtype)
        self._work = np.empty((batch_size, n_hidden), dtype=dtype)
        self._loss = self._weight = 0.0

    @property
    def network(self) -> Machine:
        """What held-out rows are scored by: the machine."""
        return self.machine

    def epoch_loss(self) -> float:
        """Return the weighted mean of -log p(y | x) since the last call, over the rows with a label."""
        weight = self._team.total(self._weight)
        loss = self._team.total(self._loss) / weight if weight else 0.0
        self._loss = self._weight = 0.0
        return loss

    def gradient(self, batch: Batch) -> RBMParameters:
        """Return the gradient of the loss of one batch."""
        field = self._present_inputs(batch)
        log_p = log_softmax(
            scores_of_fields(self.machine, self.n_classes, field, self._rows(self._work, batch))
        )
        self._take_loss(batch, log_p)
        data = self._present_labels(batch, field, log_p)
        factors = self._factors(batch)
        model, mass = self._weighted_model_term(data, factors)
        if self.offsets is not None:
            mean = data.weights @ data.hidden_mean
            self._team.sum(mean)
            follow(self.offsets.hidden, mean)
        return self._sum_states(data, factors, field, np.exp(log_p), model, mass)

    # -- the rows ----------------------------------------------------------------------------------

    def _rows(self, work: Floats, batch: Batch) -> Floats:
        return work[: len(batch.weights)]

    def _data_slice(self, n_rows: int) -> slice:
        return slice(self._batch_size - n_rows, self._batch_size)

    def _present_inputs(self, batch: Batch) -> Floats:
        """Put the inputs among the visible states; return the fields that they give the hidden units."""
        rng = self.rng if self.sampler.draws else None
        x = self._input_unit.encode(batch.inputs, out=self._rows(self._inputs, batch), rng=rng)
        self._visible[self._data_slice(len(x)), : -self.n_classes] = x
        return input_field(self.machine, self.n_classes, x, out=self._rows(self._field, batch))

    def _take_loss(self, batch: Batch, log_p: Floats) -> None:
        """Add the loss of the rows with a label to that of the epoch."""
        targets = _targets_of(batch)
        labelled = np.flatnonzero(targets != NO_LABEL)
        weights = batch.weights[labelled]
        loss = -(weights @ log_p[labelled, targets[labelled]])
        self._loss += float(loss) * batch.total_weight
        self._weight += float(weights.sum(dtype=np.float64)) * batch.total_weight

    def _present_labels(self, batch: Batch, field: Floats, log_p: Floats) -> States:
        """Put the labels among the visible states; return these with the hidden means given them.

        Where there is no label, one is drawn from p(y | x): the chain of the model term then starts from
        a draw of p(y, h | x). Without draws the hidden means are those with the label summed out.
        """
        rows = self._data_slice(len(field))
        labels = self._visible[rows, -self.n_classes :]
        targets = _targets_of(batch)
        np.equal(targets[:, np.newaxis], np.arange(self.n_classes), out=labels, casting="unsafe")
        missing = np.flatnonzero(targets == NO_LABEL)
        if missing.size:
            p = np.exp(log_p[missing])
            labels[missing] = self._label_unit.sample_from_mean(p, self.rng) if self.sampler.draws else p
        _, label_weights = split_weights(self.machine, self.n_classes)
        h = np.matmul(labels, label_weights.T, out=self._hidden[rows])
        h += field
        self.machine.hidden.mean(h, out=h)
        if missing.size and not self.sampler.draws:
            h[missing] = mean_of_hidden(self.machine, log_p[missing], field[missing], out=h[missing])
        total = np.atleast_1d(batch.weights.sum())
        self._team.sum(total)
        return States(self._visible[rows], h, batch.weights / total)

    def _factors(self, batch: Batch) -> _Factors:
        """Return what the states of each row count for."""
        discriminative, generative, unlabeled = (batch.weights.dtype.type(term) for term in self.terms)
        has_label = _targets_of(batch) != NO_LABEL
        return _Factors(
            posterior=np.where(has_label, discriminative, -unlabeled) * batch.weights,
            label=np.where(has_label, discriminative + generative, 0) * batch.weights,
            model=np.where(has_label, generative, unlabeled) * batch.weights,
        )

    def _weighted_model_term(self, data: States, factors: _Factors) -> tuple[States | None, float]:
        """Return the states of the model term, or None where no term asks for it, and its whole weight."""
        mass = factors.model.sum()
        if not mass and len(factors.model):
            return None, mass
        # In a team, chains count for as much as the rows of their process: `mass` is its own.
        return self._advance(data._replace(weights=factors.model / mass)), mass

    # -- the gradient ------------------------------------------------------------------------------

    def _sum_states(
        self, data: States, factors: _Factors, field: Floats, p: Floats, model: States | None, mass: float
    ) -> RBMParameters:
        """Return the gradient: the sum over all states, of data and model, times their factors."""
        v, labels = data.visible, data.visible[:, -self.n_classes :].copy()
        v[:, -self.n_classes :] = 0  # the label's columns of the data term are summed class by class
        gradient = self._gradient
        penalty = None if self.sparsity is None else self.sparsity.error(self.machine.hidden, data)
        h, label_gradient = self._sum_classes(data, labels, penalty, factors, field, p)
        self._scale_gradient_of(v, h, factors, mass)
        label_bias = p.T @ factors.posterior - labels.T @ factors.label
        np.sum(h, axis=0, out=gradient.hidden_bias)
        np.matmul(-factors.model, v, out=gradient.visible_bias)
        gradient.visible_bias[-self.n_classes :] = label_bias
        if self.offsets is not None:
            label_gradient -= np.outer(self.offsets.hidden, label_bias)
        self._centre(v, h, factors.model)
        n_model = 0 if model is None else self._weigh_model(model, mass)
        rows = slice(self._batch_size - len(h), self._batch_size + n_model)
        np.matmul(self._hidden[rows].T, self._visible[rows], out=gradient.weights)
        gradient.weights[:, -self.n_classes :] += label_gradient
        return gradient

    def _sum_classes(
        self,
        data: States,
        labels: Floats,
        penalty: Floats | None,
        factors: _Factors,
        field: Floats,
        p: Floats,
    ) -> tuple[Floats, Floats]:
        """Return the hidden means times their factors, summed over the classes, and the sum of h y.

        The first takes the place of the hidden means of the data: (n_rows, n_hidden); the second has the
        shape (n_hidden, n_classes).
        """
        h = data.hidden_mean
        h *= -factors.label[:, np.newaxis]
        if penalty is not None:
            h += penalty * data.weights[:, np.newaxis]
        label_gradient = h.T @ labels
        if factors.posterior.any():
            _, label_weights = split_weights(self.machine, self.n_classes)
            shares: Floats = (p * factors.posterior[:, np.newaxis]).T.copy()
            work = self._work[: len(h)]
            for k, share in enumerate(shares):
                np.add(field, label_weights[:, k], out=work)
                self.machine.hidden.mean(work, out=work)
                label_gradient[:, k] += share @ work
                work *= share[:, np.newaxis]
                h += work
        return h, label_gradient

    def _scale_gradient_of(self, v: Floats, h: Floats, factors: _Factors, mass: float) -> None:
        """Fill the gradient of the learned scales; what the model says of them is known exactly."""
        gradient = self._gradient.log_scales
        if gradient.size:
            # Summed over the terms, the derivative of the loss by v is h.W + model * (v - b): it takes the
            # place of v - field in the gradient of an RBM, whose factor of the 1 is the whole weight.
            slope = h @ self.parameters.weights + factors.model[:, np.newaxis] * (
                v - self.parameters.visible_bias
            )
            gradient[:] = self.machine.visible.log_scale_gradient(v, v - slope, np.ones_like(factors.model))
            gradient += mass - 1

    def _centre(self, v: Floats, h: Floats, weights: Floats) -> None:
        """Move the states of the data to the origin of the centred parametrisation, in place."""
        if self.offsets is not None:
            v -= self.offsets.visible
            h += weights[:, np.newaxis] * self.offsets.hidden

    def _weigh_model(self, model: States, mass: float) -> int:
        """Add the model term to the biases' gradient and centre its states; return their number."""
        weights = model.weights * mass
        self._gradient.hidden_bias[:] += weights @ model.hidden_mean
        self._gradient.visible_bias[:] += weights @ model.visible
        if self.offsets is not None:
            model.visible[:] -= self.offsets.visible
            model.hidden_mean[:] -= self.offsets.hidden
        model.hidden_mean[:] *= weights[:, np.newaxis]
        return len(weights)


def _targets_of(batch: Batch) -> Integers:
    """Return the positions of the labels, which batches of this learner have."""
    assert batch.targets is not None
    return batch.targets
