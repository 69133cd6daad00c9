"""What all DBN estimators are: parameters, how training begins, goes on, and what it leaves."""

import copy
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_consistent_length

from skdbn import _validation
from skdbn._callback_support import CallbackSupportMixin, with_callbacks
from skdbn._chunks import FitBatchesMixin
from skdbn._dbn import (
    frozen_machines,
    layer_prototypes,
    name_columns,
    plain_layers,
    pretrain_stack,
    pretrained_layers,
)
from skdbn._fine_tuning import FineTuningResult, HeldOut, fine_tune
from skdbn._html_stack import StackMixin
from skdbn._labels import LabelledRows, split_stratified
from skdbn._network import Network, split
from skdbn._parts import PartsMixin
from skdbn._phases import attributes_set_by, begin_fit, end_fit, no_phase
from skdbn._planning import FirstRate, plan_training
from skdbn._rbm import RBMTransformer
from skdbn._rows import Rows
from skdbn._shards import agree_to_train, common_generator, may_be_empty, range_of_all
from skdbn._sklearn_compat import Interval, StrOptions
from skdbn._streams import as_given
from skdbn._team import current_team
from skdbn._training import TrainingState
from skdbn._transaction import all_or_nothing
from skdbn.optimizers import OPTIMIZERS, Optimizer
from skdbn.schedules import Schedule

# Found on validation rows: with 784 inputs 0.003 was best (0.001 and 0.01 were worse), with 64 0.01.
_FIRST_RATE = FirstRate(for_one_input=0.08, largest=0.01)


class BaseDBN(
    CallbackSupportMixin,
    FitBatchesMixin,
    PartsMixin,
    StackMixin,
    ClassNamePrefixFeaturesOutMixin,
    BaseEstimator,
):
    """A stack of RBMs and the network it becomes. Subclasses say what the network is trained for."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like", Integral],
        "rbm": [RBMTransformer, list, tuple, None],
        "pretrain": ["boolean", BaseEstimator],
        "optimizer": [StrOptions(set(OPTIMIZERS)), Optimizer],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
            Schedule,
        ],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "max_norm": [Interval(Real, 0, None, closed="neither"), list, tuple, None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    # -- what a subclass says --------------------------------------------------------------------

    @abstractmethod
    def _check_targets(self, y, task=None):
        """Return y as an array, or raise; None where there are no targets.

        `task` is what the network has begun to learn, None at first.
        """

    @abstractmethod
    def _new_task(self, y, sample_weight):
        """Return what the network is to give for these targets, see `_targets`."""

    @abstractmethod
    def _fine_tuning(self, n_hidden_layers):
        """Return how the network is fine-tuned, or None for not at all."""

    @abstractmethod
    def _network_from(self, visible, layers, machines, task, data, rng):
        """Return the network that begins with these layers, which the machines gave, if there are any."""

    # -- training --------------------------------------------------------------------------------

    @all_or_nothing
    @with_callbacks
    def _fit(
        self,
        X,
        y=None,
        sample_weight=None,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        resume_from=None,
    ):
        resume = self.warm_start and hasattr(self, "coefs_")
        frame = as_given(X)
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, X_val, reset=not resume)
        task = self._task if resume else self._new_task(y, sample_weight)
        data = LabelledRows(X, task.read(y, self._marker), sample_weight)
        if not current_team().any(data.has_target().any()):
            raise ValueError(f"No row has a target: all of y equals unlabeled={self._marker!r}.")
        held_out = self._check_held_out(X_val, y_val, sample_weight_val, task, X.dtype)
        phase = self._begin_fit(X, y, sample_weight, held_out, frame, warm=resume, resume_from=resume_from)
        if resume:
            network, machines, state = self._resumed()
            state.start_anew()
        else:
            state = TrainingState(common_generator(self.random_state))
            phase.journal.take_generator(state.rng)
        if self._holds_out and held_out is None:
            data, held_out = split_stratified(data, self.validation_fraction, state.rng)
        if not resume:
            network, machines = self._new_network(data, task, state.rng, frame, phase)
        state.rng = current_team().own_stream(state.rng)
        plan, values = self._plan(data, online=False), range_of_all(X)

        def fitted(result):
            return attributes_set_by(
                self, "_keep", network, machines, task, state, result, values, add=resume
            )

        result = self._train(
            network, data, task, plan, state, held_out, with_head=not resume, phase=phase, fitted=fitted
        )
        self._keep(network, machines, task, state, result, values, add=resume)
        end_fit(phase, self)
        self._warn(result, data)
        return self

    def _begin_fit(self, X, y, sample_weight, held_out=None, frame=None, **how):
        """Return the phase that is the whole fit, which begins."""
        data = {"X": X, "y": y, "sample_weight": sample_weight}
        if held_out is not None:
            data.update(X_val=held_out.X, y_val=held_out.targets, sample_weight_val=held_out.sample_weight)
        pretrained = self._pretrain is True and not how["warm"]
        n_parts = max(1, int(pretrained) + int(self._is_fine_tuned))
        return begin_fit(self, n_parts, data, frame, **how)

    @all_or_nothing
    def _partial_fit(self, X, y=None, sample_weight=None, **options):
        self._check_usable_online()
        resume = hasattr(self, "coefs_")
        frame = X
        X, y, sample_weight = self._check_training_data(X, y, sample_weight, reset=not resume)
        task = self._task_online(y, sample_weight, resume, **options)
        data = LabelledRows(X, task.read(y, self._marker), sample_weight)
        if resume:
            network, machines, state = self._resumed()
        else:
            state = TrainingState(common_generator(self.random_state))
            network, machines = self._new_network(data, task, state.rng, frame, no_phase())
            state.rng = current_team().own_stream(state.rng)
        plan = self._plan(data, online=True)
        result = self._train(network, data, task, plan, state)
        self._keep(network, machines, task, state, result, range_of_all(X), add=resume)
        return self

    @property
    def _marker(self):
        """What stands in y for a row without a target."""
        return getattr(self, "unlabeled", None)

    @property
    def _is_fine_tuned(self):
        """Whether training the RBMs is not all."""
        return True

    @property
    def _holds_out(self):
        """Whether rows are held out of the training if none are given for validation."""
        return self.early_stopping

    def _check_usable_online(self):
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")

    def _task_online(self, y, sample_weight, resume):
        return self._task if resume else self._new_task(y, sample_weight)

    def _check_training_data(self, X, y, sample_weight, X_val=None, *, reset):
        """Return X, the targets and the weights of the rows of positive weight."""
        y = self._check_targets(y, None if reset else self._task)
        X = _validation.check_rows(self, X, reset=reset, **may_be_empty())
        check_consistent_length(X, y)
        sample_weight, X, y = _validation.drop_rows_without_weight(sample_weight, X, y)
        agree_to_train(self, X, y, X_val)
        if not reset:
            X = _validation.to_dtype(X, self.coefs_[0].dtype)
            _validation.warn_if_far_outside(X, self._fitted_range, when="training")
        return X, y, sample_weight

    def _check_held_out(self, X_val, y_val, sample_weight_val, task, dtype):
        """Return the rows given for validation, or None."""
        _validation.check_weights_have_rows(X_val, sample_weight_val)
        if X_val is None:
            return None
        y_val = self._check_targets(y_val, task)
        X_val = _validation.check_rows(self, X_val, reset=False, **may_be_empty())
        X_val = _validation.to_dtype(X_val, dtype, "X_val")
        check_consistent_length(X_val, y_val)
        weight, X_val, y_val = _validation.drop_rows_without_weight(sample_weight_val, X_val, y_val)
        return LabelledRows(X_val, task.read(y_val, self._marker), weight).labelled()

    def _new_network(self, data, task, rng, frame, phase):
        """Return (network, machines): hidden layers from pre-trained RBMs, or Glorot's first weights.

        Both take inputs scaled as the first RBM scales them, so pre-training is the only difference.
        """
        machines = self._new_machines(rng, frame)
        if self._pretrain is True:
            part = phase.part("pre-training", len(machines))
            pretrain_stack(machines, data.X, data.sample_weight, part)
            part.end()
        if self._pretrain is False:
            visible, layers = plain_layers(machines, data.X, data.sample_weight, rng)
            machines = []
        else:
            visible, layers = pretrained_layers(machines, data.X.dtype)
        return self._network_from(visible, layers, machines, task, data, rng), machines

    def _new_machines(self, rng, frame):
        """Return the RBM of each layer: not fitted, or those of a frozen stack."""
        sizes = _validation.check_hidden_layer_sizes(self.hidden_layer_sizes)
        if not isinstance(self._pretrain, bool):
            names = getattr(self, "feature_names_in_", None)
            return frozen_machines(self.pretrain, sizes, self.n_features_in_, names)
        machines = self._prototypes(sizes, rng)
        name_columns(machines[0], self.n_features_in_, getattr(self, "feature_names_in_", None), frame)
        return machines

    @property
    def _pretrain(self):
        """The parameter `pretrain`; one of numpy's booleans as a plain one."""
        return bool(self.pretrain) if isinstance(self.pretrain, np.bool_) else self.pretrain

    def _prototypes(self, sizes, rng):
        """Return the unfitted RBM of each layer."""
        return layer_prototypes(self.rbm, sizes, rng, self.verbose)

    def _resumed(self):
        """Return copies of what was fitted, so that a failure leaves this estimator as it was."""
        self._check_same_sizes(self._hidden_sizes())
        return self._fitted_network(), self.rbms_, copy.deepcopy(self._state)

    def _check_same_sizes(self, fitted):
        """Raise if `hidden_layer_sizes` is not what it was when the training began."""
        sizes = _validation.check_hidden_layer_sizes(self.hidden_layer_sizes)
        if sizes != fitted:
            raise ValueError(
                f"hidden_layer_sizes={sizes} but the fitted network has {fitted}; "
                "use clone() to start anew."
            )

    def _fitted_network(self):
        """Return a copy of the network as it was when training ended."""
        weights, biases = list(self.coefs_), list(self.intercepts_)
        weights[0], biases[0] = self.visible_.from_data_units(weights[0], biases[0])
        weights[-1], biases[-1] = self._task.from_target_units(weights[-1], biases[-1])
        dtype = self.coefs_[0].dtype
        parameters = tuple(np.array(array, dtype=dtype, order="C") for array in (*weights, *biases))
        return Network(self.visible_, self._units, self._task.unit, parameters)

    def _hidden_sizes(self):
        """Return the sizes of the layers that `hidden_layer_sizes` lists."""
        return tuple(len(bias) for bias in self.intercepts_[:-1])

    def _plan(self, data, *, online):
        n_rows = max(1, int(current_team().total(data.has_target().sum())))
        return plan_training(self, n_rows, self.max_iter, _FIRST_RATE, online=online, stage="Fine-tuning")

    def _train(
        self, network, data, task, plan, state, held_out=None, *, with_head=True, phase=None, fitted=None
    ):
        """Train the network in place on the rows with a target.

        `fitted(result)` returns the attributes of the estimator after an epoch, for callbacks.
        """
        settings = self._fine_tuning(len(network.units))
        data = data.labelled()
        if settings is None or not current_team().any(data.X.shape[0]):
            return FineTuningResult(converged=True)
        if not with_head:
            settings = settings._replace(n_head_epochs=0)
        data = data.weighted_by(self._row_weights(data, task))
        targets = task.encode(data.targets, network.parameters[0].dtype)
        rows = Rows(data.X, targets, data.sample_weight)
        if held_out is not None:
            held_out = HeldOut(*held_out, task.score)
        part = (phase or no_phase()).part("fine-tuning", plan.n_epochs)
        result = fine_tune(network, rows, plan, state, settings, held_out, self.verbose, part, fitted)
        part.end(lambda: fitted(result))
        return result

    def _row_weights(self, data, task):
        """Return the weights of the rows in fine-tuning."""
        return data.sample_weight

    def _keep_network(self, network, task):
        """Set the attributes that hold the network."""
        weights, biases = map(list, split(network.parameters))
        # The scales of targets, and of machines that were trained before, may be of another dtype.
        dtype = network.parameters[0].dtype
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # checked below
            weights[0], biases[0] = network.visible.to_data_units(weights[0], biases[0])
            weights[-1], biases[-1] = task.to_target_units(weights[-1], biases[-1])
            weights = [W.astype(dtype, copy=False) for W in weights]
            biases = [bias.astype(dtype, copy=False) for bias in biases]
        _validation.check_finite_in_data_units("input", weights[0], biases[0])
        _validation.check_finite_in_data_units("output", weights[-1], biases[-1])
        self.coefs_, self.intercepts_ = weights, biases
        self._units = network.units

    def _keep(self, network, machines, task, state, result, values, *, add):
        """Set the fitted attributes, all at once and only after the training succeeded."""
        self._keep_network(network, task)
        self.rbms_, self.visible_ = machines, network.visible
        self._task, self._state = task, state
        loss_curve, scores = result.loss_curve, result.validation_scores
        if add:
            loss_curve, scores = self.loss_curve_ + loss_curve, self.validation_scores_ + scores
            values = _validation.widest(self._fitted_range, values)
        self.loss_curve_, self.validation_scores_ = loss_curve, scores
        self.best_validation_score_ = max(scores, default=None)
        self.n_iter_, self._fitted_range = len(loss_curve), values
        self.n_layers_ = len(self.coefs_) + 1
        self._n_features_out = self._hidden_sizes()[-1]

    def _warn(self, result, data):
        """Warn if fine-tuning did not converge."""
        if not result.converged:
            _validation.warn_not_converged(self.max_iter)
