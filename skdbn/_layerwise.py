"""Stacks that are trained layer by layer: in chunks of rows, and on from what was fitted."""

import copy
from numbers import Integral

from sklearn.base import clone

from skdbn._callback_support import with_callbacks
from skdbn._dbn import pass_over_stack, pretrain_stack, pretrained_layers, tied_decoder, unrolled
from skdbn._fine_tuning import FineTuningResult
from skdbn._phases import end_fit
from skdbn._shards import common_generator, range_of_all
from skdbn._training import TrainingState
from skdbn._transaction import all_or_nothing


class LayerwiseMixin:
    """The training of DBNTransformer without fine-tuning; RBMs above those that were trained wait."""

    @all_or_nothing
    def _pass_over_layers(self, X, sample_weight, layer):
        resume = hasattr(self, "coefs_")
        frame = X
        X, _, sample_weight = self._check_training_data(X, None, sample_weight, reset=not resume)
        if resume:
            state = copy.deepcopy(self._state)
            machines, n_begun = self._copied_machines(), len(self.rbms_)
        else:
            state = TrainingState(common_generator(self.random_state))
            # Copies: machines of a frozen stack stay as they are.
            machines = [*map(copy.copy, self._new_machines(state.rng, frame))]
            n_begun = 0 if self._pretrain is True else len(machines)
        trained = _layers_to_train(layer, n_begun, len(machines))
        pass_over_stack(machines, X, sample_weight, trained)
        n_begun = max(n_begun, *trained)
        self._keep_stack(machines, n_begun, state, X, add=resume)
        return self

    @all_or_nothing
    @with_callbacks
    def _continue_stack(self, X, sample_weight, resume_from):
        """Go on with the training of fitted RBMs, from new rates, for `n_iter` epochs each."""
        X, _, sample_weight = self._check_training_data(X, None, sample_weight, reset=False)
        phase = self._begin_fit(X, None, sample_weight, warm=True, resume_from=resume_from)
        machines = self._copied_machines()
        for machine in machines[: len(self.rbms_)]:
            machine.set_params(warm_start=True)
        part = phase.part("pre-training", len(machines))
        pretrain_stack(machines, X, sample_weight, part)
        part.end()
        for machine in machines:
            machine.set_params(warm_start=False)
        self._keep_stack(machines, len(machines), self._state, X, add=True)
        end_fit(phase, self)
        return self

    def _copied_machines(self):
        """Return copies of the machines of all layers; those that wait for their turn are not fitted."""
        self._check_same_sizes(
            (*self._hidden_sizes(), *(machine.n_components for machine in self._waiting))
        )
        return [*map(copy.copy, self.rbms_), *map(clone, self._waiting)]

    def _keep_stack(self, machines, n_begun, state, X, *, add):
        """Set the fitted attributes for the lowest `n_begun` machines; the others wait."""
        task = self._new_task(None, None)
        visible, layers = pretrained_layers(machines[:n_begun], X.dtype)
        network = unrolled(visible, layers, tied_decoder(machines[:n_begun], X.dtype), task)
        values = range_of_all(X)
        self._keep(network, machines[:n_begun], task, state, FineTuningResult(), values, add=add)
        self._waiting = machines[n_begun:]

    def _keep(self, *arguments, **options):
        super()._keep(*arguments, **options)
        self._waiting = []
        if self.fine_tuning is None:
            self.n_iter_ = max(machine.n_iter_ for machine in self.rbms_)


def _layers_to_train(layer, n_begun, n_layers):
    """Return the numbers, from 1, of the RBMs that a call of `partial_fit` trains."""
    if layer is None:
        return range(1, n_layers + 1)
    if not isinstance(layer, Integral) or not 0 <= layer < n_layers:
        raise ValueError(f"layer={layer!r}, but the stack has the layers 0 to {n_layers - 1}.")
    if layer > n_begun:
        raise ValueError(f"layer={layer} stands on layer {layer - 1}, which has not been trained yet.")
    return (layer + 1,)
