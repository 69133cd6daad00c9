r"""The up-down algorithm: wake-sleep for a deep belief network whose top is an RBM with labels.

Wake: draw the layers from the data up, by the recognition weights; with these states in place of the
unknown ones, the generative weights descend -log p(x_l | x_{l+1}). The top machine takes a step of
contrastive divergence that starts at the highest of these layers and the labels. Sleep: where its chain
ends, draw the layers down to the data, by the generative weights; the recognition weights descend
-log q(x_{l+1} | x_l) on these states, of which they know what they should have said.

Hinton, Osindero and Teh (2006), Neural Computation 18, appendix B, doi:10.1162/neco.2006.18.7.1527. Other
than there, states that stand for the top machine's hidden units enter by their means, the lowest layer of
the dream is drawn as the others are, and gradients are centred. If wanted, the top machine also descends
-log p(y | x_n) for the states x_n of the highest layer, whose gradient is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skdbn._centering import follow
from skdbn._contrastive import Offsets, RBMLearner
from skdbn._directed import ConditionalLearner
from skdbn._discriminative import ClassRBMLearner, Terms
from skdbn._energy import Machine, RBMParameters
from skdbn._generative_network import GenerativeNetwork
from skdbn._rows import Batch
from skdbn._team import current_team
from skdbn._training import TrainingState
from skdbn._typing import Arrays, Chains, Floats, Rng
from skdbn._weight_rules import LEAST_DECAY
from skdbn.samplers import CD, MeanField, Sampler, States
from skdbn.schedules import Rate, value_at

_N_OF_TOP = len(RBMParameters._fields)


class UpDownLearner:
    """The gradients of one wake and one sleep phase, and their updates, in work arrays made once.

    Parameters: the generative network (its arrays are changed in place), the training state (of which it
    takes the generator, and the progress for schedules), the largest batch, the Gibbs steps of the top
    machine in each update (a number or a schedule, rounded down), the offsets of an earlier training or
    None, a sampler without chains that takes these steps (None: contrastive divergence), and the weight
    of -log p(label | states) in the loss of the top machine, beside -log p(label, states). The targets of
    a batch are one-hot labels.
    """

    least_decay = LEAST_DECAY
    resumable = ("parameters", "offsets")

    def __init__(
        self,
        network: GenerativeNetwork,
        state: TrainingState,
        batch_size: int,
        *,
        n_steps: Rate = 1,
        offsets: list[Any] | None = None,
        sampler: CD | MeanField | None = None,
        discriminative_weight: float = 0,
    ) -> None:
        self.network = network
        self.parameters = network.parameters
        self.n_steps = n_steps
        self._state = state
        self._dreams = _Dreams(sampler or CD(), network, batch_size)
        n_layers = len(network.recognition)
        ways = *network.recognition, *network.generative
        *of_ways, of_top = offsets or [None] * (2 * n_layers + 1)
        learners = [
            ConditionalLearner(way, batch_size, offset) for way, offset in zip(ways, of_ways, strict=True)
        ]
        self._upward, self._downward = learners[:n_layers], learners[n_layers:]
        of_machine = self._dreams, None, of_top, state.rng, batch_size
        if discriminative_weight:
            terms = Terms(discriminative_weight, 1.0, 0.0)
            self._top: RBMLearner = ClassRBMLearner(network.top, network.n_classes, terms, *of_machine)
            self._batch_of_top = _with_labels_apart
        else:
            self._top = RBMLearner(network.top, *of_machine)
            self._batch_of_top = _with_labels_joined
        dtype = network.top.parameters.weights.dtype
        sizes = [len(way.weights) for way in network.recognition] + [network.n_joined]
        self._states = [np.empty((batch_size, size), dtype=dtype) for size in sizes]
        self._joined = np.empty((batch_size, network.n_joined + network.n_classes), dtype=dtype)
        self._loss = self._weight = 0.0

    @property
    def offsets(self) -> list[Any]:
        """The offsets of all ways and of the top machine, to go on with."""
        return [learner.offset for learner in (*self._upward, *self._downward)] + [self._top.offsets]

    @offsets.setter
    def offsets(self, offsets: list[Any]) -> None:
        *of_ways, of_top = offsets
        for learner, offset in zip((*self._upward, *self._downward), of_ways, strict=True):
            learner.offset = offset
        self._top.offsets = None if of_top is None else Offsets(*of_top)

    def epoch_loss(self) -> float:
        """Return the weighted mean, since the last call, of -log p of each layer given the one above.

        The states are those of the wake phase; the top machine, whose partition function is not known, is
        left out.
        """
        loss = current_team().total(self._loss) / self._weight
        self._loss = self._weight = 0.0
        return loss

    def gradient(self, batch: Batch) -> Arrays:
        """Return the gradients for one batch, in the order of the parameters."""
        awake = self._draw_up(batch.inputs)
        of_top = self._learn_top(awake[-1], batch)
        of_generative = self._learn_generative(awake, batch)
        dream = self._draw_down(self._dreams.joined)
        of_recognition = self._learn_recognition(dream, self._dreams.weights)
        return *of_recognition, *of_generative, *of_top

    def _draw_up(self, inputs: Floats) -> list[Floats]:
        """Return states of the layers up to the one joined to the labels, drawn given the data."""
        states = [array[: len(inputs)] for array in self._states]
        if not self._upward:  # the top machine encodes its rows itself
            np.copyto(states[0], inputs)
            return states
        self.network.visible.encode(inputs, out=states[0], rng=self._state.rng)
        for learner, below, above in zip(self._upward, states[:-1], states[1:], strict=True):
            learner.draw(below, self._state.rng, out=above)
        return states

    def _draw_down(self, highest: Floats) -> list[Floats]:
        """Return states of the layers down to the data, drawn given the highest."""
        states = [*(array[: len(highest)] for array in self._states[:-1]), highest]
        ways = list(zip(self._downward, states[:-1], states[1:], strict=True))
        for learner, below, above in reversed(ways):
            learner.draw(above, self._state.rng, out=below)
        return states

    def _learn_top(self, highest: Floats, batch: Batch) -> RBMParameters:
        """Return the gradient of the top machine; its chain's end is where the dream begins."""
        n_steps = value_at(self.n_steps, self._state.progress, self._state.n_steps)
        self._dreams.sampler.n_steps = int(n_steps)
        joined = self._joined[: len(highest)]
        joined[:, : self.network.n_joined] = highest
        joined[:, self.network.n_joined :] = batch.targets
        self._follow_joined(joined, batch.weights)
        return self._top.gradient(self._batch_of_top(batch, highest, joined))

    def _follow_joined(self, joined: Floats, row_weights: Floats) -> None:
        """Move the visible offset of the top machine, whose data change as the layers below learn."""
        top = self.network.top
        mean = (row_weights @ joined)[np.newaxis]
        current_team().sum(mean)
        # States are encoded already. Without ways up these are rows of the data, which are not.
        mean = top.visible.encode(mean, out=mean)[0]
        if self._top.offsets is None:
            hidden = top.mean_h_from_v(mean[np.newaxis])[0]
            self._top.offsets = Offsets(mean, hidden)
        follow(self._top.offsets.visible, mean)

    def _learn_generative(self, states: list[Floats], batch: Batch) -> list[Floats]:
        """Return the gradients of the ways down, given states of the wake phase."""
        gradients: list[Floats] = []
        losses = np.zeros_like(batch.weights)
        ways = list(zip(self._downward, states[:-1], states[1:], strict=True))
        # From the top: states that are centred in place are no longer needed as they are.
        for learner, below, above in reversed(ways):
            gradients[:0] = learner.gradient(above, below, batch.weights, losses)
        self._loss += float(batch.weights @ losses) * batch.total_weight
        self._weight += batch.total_weight
        return gradients

    def _learn_recognition(self, states: list[Floats], row_weights: Floats) -> list[Floats]:
        """Return the gradients of the ways up, given states of a dream."""
        gradients: list[Floats] = []
        for learner, below, above in zip(self._upward, states[:-1], states[1:], strict=True):
            gradients += learner.gradient(below, above, row_weights)  # centres `below` in place
        return gradients

    def apply(self, update: Arrays, decay: float) -> None:
        """Add an update, after all weights shrank by the factor 1 - decay."""
        of_ways, of_top = update[:-_N_OF_TOP], update[-_N_OF_TOP:]
        for number, learner in enumerate((*self._upward, *self._downward)):
            learner.apply(of_ways[2 * number : 2 * number + 2], decay)
        self._top.apply(RBMParameters(*of_top), decay)


def _with_labels_apart(batch: Batch, highest: Floats, joined: Floats) -> Batch:
    assert batch.targets is not None
    return batch._replace(inputs=highest, targets=batch.targets.argmax(axis=1))


def _with_labels_joined(batch: Batch, highest: Floats, joined: Floats) -> Batch:
    return batch._replace(inputs=joined, targets=None)


class _Dreams(Sampler):
    """A sampler of the top machine that keeps the states at which another one ends its chains."""

    draws = True

    def __init__(self, sampler: CD | MeanField, network: GenerativeNetwork, batch_size: int) -> None:
        self.sampler = sampler
        dtype = network.top.parameters.weights.dtype
        self._joined = np.empty((batch_size, network.n_joined), dtype=dtype)

    def n_rows(self, batch_size: int) -> int:
        return self.sampler.n_rows(batch_size)

    def advance(
        self, machine: Machine, data: States, chains: Chains, rng: Rng, out: tuple[Floats, Floats]
    ) -> States:
        """Advance the chains and keep a copy: the gradient is formed in the rows themselves."""
        model = self.sampler.advance(machine, data, chains, rng, out)
        self.weights = model.weights
        self.joined = self._joined[: len(model.weights)]
        np.copyto(self.joined, model.visible[:, : self.joined.shape[1]])
        return model
