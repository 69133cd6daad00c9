"""How a DBN classifier is trained by the up-down algorithm, and what it keeps of it."""

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy import sparse

from skdbn import _generative_network as generative
from skdbn import _validation
from skdbn._class_posterior import join_labels
from skdbn._dbn import layer_prototypes, pretrain_layer, pretrain_stack
from skdbn._directed import Conditional
from skdbn._energy import Machine, RBMParameters
from skdbn._fine_tuning import FineTuningResult, HeldOut, Watch
from skdbn._generative_network import GenerativeNetwork
from skdbn._labels import accuracy
from skdbn._phases import no_phase
from skdbn._rows import Rows
from skdbn._shards import range_of_all
from skdbn._streams import RowStream
from skdbn._supervised_dbn import SupervisedDBN
from skdbn._team import current_team
from skdbn._training import train
from skdbn._up_down import UpDownLearner

# Gibbs steps of the top machine in an update. On validation rows of MNIST, with 10,000 training rows and
# layers of 200, 200 and 500, 5 of them gave an error of 5.6 % after 20 epochs, 1 step one of 6.8 %.
_N_STEPS = 5


class UpDownMixin(SupervisedDBN):
    """Training by ``fine_tuning="up-down"``; every method leaves other fine-tunings to the base class."""

    @property
    def _is_generative(self):
        return self.fine_tuning == "up-down"

    def _check_up_down(self, y):
        if self._is_generative and self._pretrain is False:
            raise ValueError('fine_tuning="up-down" goes on from pre-trained layers: use pretrain=True.')
        if self._is_generative and y.ndim == 2:
            raise ValueError('fine_tuning="up-down" needs one label a row, but y is an indicator matrix.')

    def _new_network(self, data, task, rng, frame, phase):
        if not self._is_generative:
            return super()._new_network(data, task, rng, frame, phase)
        machines = self._new_machines(rng, frame)
        lower = machines[:-1]
        part = phase.part("pre-training", len(machines))
        if self._pretrain is True:
            pretrain_stack(lower, data.X, data.sample_weight, part)
            top = machines[-1]
        else:
            sizes = tuple(len(machine.components_) for machine in machines)
            top = layer_prototypes(self.rbm, sizes, rng, self.verbose)[-1]
        _check_states_between(lower)
        top = self._fit_top(top, lower, data.labelled(), task, part)
        part.end()
        visible = lower[0].visible_ if lower else top.visible_.parts_[0][0]
        directed = [machine._machine() for machine in lower]
        network = generative.untie(visible, directed, _own(top._machine()), task.n_outputs)
        return network, [*lower, top]

    def _fit_top(self, top, lower, data, task, phase):
        """Train the top machine on the features of the layers below joined to the labels."""
        H = data.X
        for machine in lower:
            H = machine._hidden_means(H)
        unit = lower[-1].hidden_ if lower else top._visible_for(H, range_of_all(H))
        top.set_params(visible=join_labels(unit, H.shape[1], task.n_outputs))
        if self.rbm is None:  # persistent chains rarely change their label: 0.5 to 0.9 on two blobs, CD 0.9
            top.set_params(sampler="cd")
        joined = _joined(H, task.encode(data.targets, H.dtype))
        pretrain_layer(len(lower) + 1, top, joined, data.sample_weight, phase)
        return top

    def _train(
        self, network, data, task, plan, state, held_out=None, *, with_head=True, phase=None, fitted=None
    ):
        if not self._is_generative:
            watched = {"phase": phase, "fitted": fitted}
            return super()._train(
                network, data, task, plan, state, held_out, with_head=with_head, **watched
            )
        data = data.labelled()
        if not current_team().any(data.X.shape[0]):
            return FineTuningResult(converged=True)
        settings = self._fine_tuning(len(network.recognition) + 1)
        if not settings.on_validation:
            # The loss leaves out the top machine, so that it does not tell when to stop.
            settings = settings._replace(patience=np.inf)
        data = data.weighted_by(self._row_weights(data, task))
        targets = task.encode(data.targets, network.top.parameters.weights.dtype)
        rows = Rows(data.X, targets, data.sample_weight)
        held_out = None if held_out is None else HeldOut(*held_out, _accuracy)
        learner = UpDownLearner(
            network,
            state,
            plan.batch_size,
            n_steps=_N_STEPS,
            offsets=state.offsets,
            discriminative_weight=self.discriminative_weight,
        )
        watch = Watch(learner, plan, settings, held_out, self.verbose)
        part = (phase or no_phase()).part("fine-tuning", plan.n_epochs)
        train(learner, rows, plan, state, watch, part, watch.for_callbacks(fitted))
        part.end(watch.for_callbacks(fitted))
        state.offsets = learner.offsets
        return replace(watch.end(), converged=True)

    def _fitted_network(self):
        if self._is_generative != self._fitted_generative:
            raise ValueError(
                f"fine_tuning={self.fine_tuning!r} cannot go on from another kind of fine-tuning; use "
                "clone() to start anew."
            )
        if self._is_generative:
            return copy.deepcopy(self._generative_network())
        return super()._fitted_network()

    def _keep_network(self, network, task):
        self._fitted_generative = self._is_generative
        if not self._is_generative:
            for name in ("generative_coefs_", "generative_intercepts_"):
                vars(self).pop(name, None)
            return super()._keep_network(network, task)
        weights, hidden_bias, visible_bias, _ = network.top.parameters
        n_joined = network.n_joined
        up = network.recognition
        self.coefs_ = [way.weights for way in up] + [weights[:, :n_joined].T, weights[:, n_joined:]]
        self.intercepts_ = [way.bias for way in up] + [hidden_bias, visible_bias[n_joined:]]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # checked below
            first = network.visible.to_data_units(self.coefs_[0], self.intercepts_[0])
        _validation.check_finite_in_data_units("input", *first)
        self.coefs_[0], self.intercepts_[0] = first
        down = network.generative
        self.generative_coefs_ = [way.weights for way in down] + [weights[:, :n_joined]]
        self.generative_intercepts_ = [way.bias for way in down] + [visible_bias[:n_joined]]
        self._units = [way.unit for way in up] + [network.top.hidden]

    def _generative_network(self):
        """Return the network made of the fitted attributes; it shares their arrays where it can."""
        weights, biases = list(self.coefs_), list(self.intercepts_)
        weights[0], biases[0] = self.visible_.from_data_units(weights[0], biases[0])
        *lower, _ = self._units
        recognition = tuple(map(Conditional, lower, weights[:-2], biases[:-2]))
        units_down = [self.visible_, *lower][: len(lower)]
        generative_ways = tuple(
            map(Conditional, units_down, self.generative_coefs_[:-1], self.generative_intercepts_[:-1])
        )
        parameters = RBMParameters(
            np.hstack([self.generative_coefs_[-1], weights[-1]]),
            biases[-2],
            np.concatenate([self.generative_intercepts_[-1], biases[-1]]),
        )
        top = Machine(self.rbms_[-1].visible_, self._units[-1], parameters)
        return GenerativeNetwork(self.visible_, recognition, generative_ways, top, len(self.classes_))


def _check_states_between(machines):
    """Raise unless the states of each layer mean the same to the machines below and above it."""
    for number, (below, above) in enumerate(pairwise(machines), start=1):
        unit = above.visible_
        if type(unit) is not type(below.hidden_) or hasattr(unit, "scale_"):
            raise ValueError(
                'fine_tuning="up-down" needs the same units on both sides of a layer, but layer '
                f"{number} is {below.hidden_!r} as hidden units and {unit!r} as visible units above."
            )


def _accuracy(network, held_out):
    """Return the weighted share of rows whose most probable class is theirs."""
    return accuracy(generative.log_probabilities(network, held_out.X), held_out)


def _own(machine):
    """Return a machine with parameter arrays of its own."""
    parameters = RBMParameters(*(np.array(array, order="C") for array in machine.parameters))
    return machine._replace(parameters=parameters)


def _joined(X, labels):
    """Return rows with the columns of the labels after theirs."""
    if isinstance(X, RowStream):
        width = X.shape[1] + labels.shape[1]
        return X.mapped_by_place(lambda place, block: np.hstack([block, labels[place]]), width)
    return np.hstack([X.toarray() if sparse.issparse(X) else X, labels])
