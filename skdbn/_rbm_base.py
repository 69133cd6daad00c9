"""How an RBM is trained: from rows to a training, and what of it the estimator keeps."""

import copy
from dataclasses import replace

import numpy as np
from sklearn.base import clone

from skdbn import _validation
from skdbn._callback_support import with_callbacks
from skdbn._energy import RBMParameters
from skdbn._phases import attributes_set_by, begin_fit, end_fit
from skdbn._planning import FirstRate, plan_training
from skdbn._rbm_fit import (
    Objective,
    Watch,
    adjust_offsets,
    begin_training,
    run_training,
    take_in_new_rows,
)
from skdbn._rows import Rows
from skdbn._shards import agree_to_train, common_generator, may_be_empty, range_of_all
from skdbn._streams import as_given
from skdbn._team import current_team
from skdbn._transaction import all_or_nothing
from skdbn._visible_types import check_normalisable, resolve_visible
from skdbn._weight_rules import WeightRules
from skdbn.samplers import resolve_sampler
from skdbn.sparsity import resolve_sparsity
from skdbn.units import Bernoulli, resolve_unit

# Found on validation rows: with 784 inputs 0.005 gave the best likelihoods (0.003 and 0.009 were worse
# by 1 to 3 nats); with 64 inputs rates from 0.01 to 0.03 were equally good.
_FIRST_RATE = FirstRate(for_one_input=0.14, largest=0.03)


class RBMTrainingMixin:
    """The training of RBMTransformer, which has the parameters."""

    @all_or_nothing
    @with_callbacks
    def _fit(
        self,
        X,
        sample_weight=None,
        X_val=None,
        *,
        stage="Training",
        layer="the RBM",
        journal=None,
        resume_from=None,
    ):
        resume = self.warm_start and hasattr(self, "components_")
        frame = as_given(X)
        rows, X_val, values = self._check_training_data(X, sample_weight, X_val, reset=not resume)
        plan = self._plan(rows, online=False, stage=stage)
        data = {"X": rows.X, "sample_weight": rows.sample_weight, "X_val": X_val}
        phase = begin_fit(
            self, plan.n_epochs, data, frame, warm=resume, journal=journal, resume_from=resume_from
        )
        if resume:
            training, objective = self._resumed_training(plan.batch_size)
            training.state.start_anew()
        else:
            training, objective = self._new_training(rows, values, plan.batch_size, frame)

        def fitted(history):
            return attributes_set_by(self, "_keep", training, history, values, add=resume)

        history = run_training(training, rows, objective, plan, X_val, self.verbose, phase, fitted)
        self._keep(training, history, values, add=resume)
        end_fit(phase, self)
        hidden_mean = Watch(training.machine, rows).hidden_mean()
        _validation.warn_if_saturated(hidden_mean, layer, binary=isinstance(self.hidden_, Bernoulli))
        return self

    @all_or_nothing
    def _partial_fit(self, X, sample_weight=None, stage="Training"):
        resume = hasattr(self, "components_")
        frame = X
        rows, _, values = self._check_training_data(X, sample_weight, None, reset=not resume)
        plan = self._plan(rows, online=True, stage=stage)
        if resume:
            training, objective = self._resumed_training(plan.batch_size)
            take_in_new_rows(training, rows, objective)
        else:
            training, objective = self._new_training(rows, values, plan.batch_size, frame)
        history = run_training(training, rows, objective, plan, verbose=self.verbose)
        self._keep(training, history, values, add=resume)
        return self

    def _check_training_data(self, X, sample_weight, X_val, *, reset):
        """Return the rows of positive weight, the held-out rows, and the range of the values."""
        X = _validation.check_rows(self, X, reset=reset, **may_be_empty())
        sample_weight, X = _validation.drop_rows_without_weight(sample_weight, X)
        agree_to_train(self, X, X_val=X_val)
        if not reset:
            X = _validation.to_dtype(X, self.components_.dtype)
            _validation.warn_if_far_outside(X, self._fitted_range, when="training")
        if X_val is not None:
            X_val = _validation.check_rows(self, X_val, reset=False, **may_be_empty())
            X_val = _validation.to_dtype(X_val, X.dtype, "X_val")
        return Rows(X, sample_weight=sample_weight), X_val, range_of_all(X)

    def _plan(self, rows, *, online, stage="Training"):
        return plan_training(self, rows.n_rows, self.n_iter, _FIRST_RATE, online=online, stage=stage)

    def _objective(self, hidden, batch_size):
        """Return what the gradient is made of, or raise if that cannot be with these hidden units."""
        sparsity = resolve_sparsity(self.sparsity)
        if sparsity is not None:
            sparsity.check(hidden_in_unit_interval=hidden.bounded)
        return Objective(
            sampler=resolve_sampler(self.sampler).shared_out(batch_size, current_team().size),
            offsets_from="data" if self.centered is True else (self.centered or None),
            rules=WeightRules(self.l1_ratio, self.max_norm, self.max_weight),
            sparsity=sparsity,
        )

    def _new_training(self, rows, values, batch_size, frame):
        """Return an untrained RBM for the rows, and its objective."""
        visible = self._visible_for(rows.X, values, frame)
        hidden = clone(resolve_unit(self.hidden))
        _validation.check_hidden(hidden)
        check_normalisable(visible, hidden)
        objective = self._objective(hidden, batch_size)
        rng = common_generator(self.random_state)
        training = begin_training(rows, visible, hidden, self.n_components, objective, batch_size, rng)
        return training, objective

    def _visible_for(self, X, values, frame=None):
        """Return the type of the visible units for X, or raise if the one asked for cannot be."""
        names = getattr(self, "feature_names_in_", None)
        return resolve_visible(self.visible, X, values, feature_names=names, frame=frame)

    def _resumed_training(self, batch_size):
        """Return a copy of what was fitted, so a failure leaves this estimator as it was; its objective."""
        if self.n_components != len(self.components_):
            raise ValueError(
                f"n_components={self.n_components} but the fitted model has {len(self.components_)}; "
                "use clone() to start anew."
            )
        machine = self._machine()._replace(visible=copy.deepcopy(self.visible_))
        parameters = machine.parameters._replace(log_scales=machine.visible.log_scales())
        parameters = RBMParameters(*(np.array(array, order="C") for array in parameters))
        machine = machine._replace(parameters=parameters)
        training = replace(copy.deepcopy(self._training), machine=machine)
        objective = self._objective(machine.hidden, batch_size)
        adjust_offsets(training, objective)
        training.chains = objective.sampler.resume(
            training.chains, training.machine, batch_size, training.state.rng
        )
        return training, objective

    def _keep(self, training, history, values, *, add):
        """Set the fitted attributes, all at once and only after the training succeeded."""
        parameters = training.machine.parameters
        self.components_ = parameters.weights
        self.intercept_hidden_, self.intercept_visible_ = parameters.hidden_bias, parameters.visible_bias
        self.visible_, self.hidden_ = training.machine.visible, training.machine.hidden
        n_epochs = len(history.get("learning_rate", []))
        if add:
            values = _validation.widest(self._fitted_range, values)
            if history:  # none if it was interrupted in the first epoch
                history = {name: self.history_.get(name, []) + new for name, new in history.items()}
            else:
                history = self.history_
            n_epochs += self.n_iter_
        self.history_, self.n_iter_, self._fitted_range = history, n_epochs, values
        self._training = replace(training, machine=None)
        self._n_features_out = len(self.components_)
