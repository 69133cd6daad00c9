"""What trains RBMClassifier: how its data are read, how training begins, goes on, and what it leaves."""

import copy
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_consistent_length

from skdbn import _validation
from skdbn._callback_support import CallbackSupportMixin
from skdbn._chunks import FitBatchesMixin
from skdbn._class_posterior import predicted_positions
from skdbn._class_rbm_fit import (
    begin_class_training,
    largest_batch,
    run_class_training,
    stopping_rule,
    take_in_new_data,
    training_rows,
)
from skdbn._discriminative import Terms
from skdbn._energy import RBMParameters
from skdbn._html import DocumentedMixin
from skdbn._labels import LabelledRows, check_labels, check_weights_online, positions
from skdbn._parts import PartsMixin
from skdbn._phases import attributes_set_by, begin_fit, end_fit
from skdbn._planning import FirstRate, plan_training
from skdbn._rbm_fit import Objective, adjust_offsets
from skdbn._rows import spread_rows
from skdbn._shards import agree_to_train, may_be_empty, range_of_all
from skdbn._team import current_team
from skdbn._visible_types import check_normalisable, resolve_visible
from skdbn._weight_rules import WeightRules
from skdbn.samplers import resolve_sampler
from skdbn.sparsity import resolve_sparsity
from skdbn.units import resolve_unit

# Found on validation rows: with 784 inputs 0.006 was better than 0.003 (1.69 % and 1.83 % after 15 epochs).
_FIRST_RATE = FirstRate(for_one_input=0.17, largest=0.02)
_N_SHOWN = 5000  # training rows on which the warning about a single class looks


class ClassRBMTraining(CallbackSupportMixin, FitBatchesMixin, PartsMixin, DocumentedMixin, BaseEstimator):
    """The training of a classification RBM, by the parameters that the estimator has."""

    # -- what is trained on ------------------------------------------------------------------------

    def _check_usable_online(self):
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True.")
        check_weights_online(self.class_weight)

    def _check_training_data(self, X, y, sample_weight, X_val=None, *, reset):
        """Return X, the labels and the weights of the rows of positive weight."""
        y = check_labels(y, self)
        X = _validation.check_rows(self, X, reset=reset, **may_be_empty())
        check_consistent_length(X, y)
        sample_weight, X, y = _validation.drop_rows_without_weight(sample_weight, X, y)
        agree_to_train(self, X, y, X_val)
        if not reset:
            X = _validation.to_dtype(X, self.components_.dtype)
            _validation.warn_if_far_outside(X, self._fitted_range, when="training")
        return X, y, sample_weight

    def _check_held_out(self, X_val, y_val, sample_weight_val, classes, dtype):
        """Return the rows given for validation, or None."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: give both or neither.")
        _validation.check_weights_have_rows(X_val, sample_weight_val)
        if X_val is None:
            return None
        y_val = check_labels(y_val, self)
        X_val = _validation.check_rows(self, X_val, reset=False, **may_be_empty())
        X_val = _validation.to_dtype(X_val, dtype, "X_val")
        check_consistent_length(X_val, y_val)
        weight, X_val, y_val = _validation.drop_rows_without_weight(sample_weight_val, X_val, y_val)
        held_out = LabelledRows(X_val, positions(y_val, classes, self.unlabeled), weight).labelled()
        if not current_team().any(held_out.X.shape[0]):
            raise ValueError(f"No row of X_val has a target: all of y_val equals {self.unlabeled!r}.")
        return held_out

    # -- training ----------------------------------------------------------------------------------

    def _begin_fit(self, X, y, sample_weight, held_out, frame, **how):
        """Return the phase that is the whole fit, which begins."""
        data = {"X": X, "y": y, "sample_weight": sample_weight}
        if held_out is not None:
            data.update(X_val=held_out.X, y_val=held_out.targets, sample_weight_val=held_out.sample_weight)
        return begin_fit(self, self.max_iter, data, frame, **how)

    def _train(self, training, data, classes, rng, frame, held_out=None, phase=None):
        """Train a machine, a new one if `training` is None, and keep it; return the estimator.

        Without a phase of `fit` it is one pass of `partial_fit`.
        """
        add, online = training is not None, phase is None
        rows = training_rows(data, self.class_weight, classes)
        plan = plan_training(self, rows.n_rows, self.max_iter, _FIRST_RATE, online=online, stage="Training")
        if add:
            objective = self._objective(training.machine.hidden, largest_batch(rows, plan.batch_size))
            self._go_on(training, data, rows, objective, plan, online)
        else:
            training, objective = self._new_training(data, rows, len(classes), plan, rng, frame)
        stopping = stopping_rule(self.early_stopping, self.tol, self._patience())
        values = range_of_all(data.X)

        def fitted(result):
            return attributes_set_by(self, "_keep", training, classes, result, values, add=add)

        result = run_class_training(
            training,
            rows,
            len(classes),
            self._terms(),
            objective,
            plan,
            stopping,
            held_out,
            self.verbose,
            phase,
            fitted,
        )
        self._keep(training, classes, result, values, add=add)
        if not online:
            end_fit(phase, self)
            self._warn(result, data)
        return self

    def _patience(self):
        """Return `n_iter_no_change`, or infinity where no loss is known that would tell when to stop."""
        return (
            np.inf if self.objective == "generative" and not self.early_stopping else self.n_iter_no_change
        )

    def _terms(self):
        """Return the weights of the terms of the loss."""
        generative = {"generative": 1.0, "discriminative": 0.0, "hybrid": self.generative_weight}
        discriminative = 0.0 if self.objective == "generative" else 1.0
        return Terms(discriminative, generative[self.objective], self.unlabeled_weight)

    def _objective(self, hidden, batch_size):
        """Return what the gradient is made of, or raise if that cannot be with these hidden units."""
        sparsity = resolve_sparsity(self.sparsity)
        if sparsity is not None:
            sparsity.check(hidden_in_unit_interval=hidden.bounded)
        return Objective(
            sampler=resolve_sampler(self.sampler).shared_out(batch_size, current_team().size),
            offsets_from="data" if self.centered else None,
            rules=WeightRules(max_norm=self.max_norm),
            sparsity=sparsity,
        )

    def _new_training(self, data, rows, n_classes, plan, rng, frame):
        """Return an untrained machine for the rows, and its objective."""
        names = getattr(self, "feature_names_in_", None)
        values = range_of_all(data.X)
        visible = resolve_visible(self.visible, data.X, values, feature_names=names, frame=frame)
        hidden = clone(resolve_unit(self.hidden))
        _validation.check_hidden(hidden)
        check_normalisable(visible, hidden)
        batch_size = largest_batch(rows, plan.batch_size)
        objective = self._objective(hidden, batch_size)
        training = begin_class_training(
            data, rows, visible, hidden, self.n_components, n_classes, objective, batch_size, rng
        )
        return training, objective

    def _resumed_training(self):
        """Return a copy of what was fitted, so that a failure leaves this estimator as it was."""
        if self.n_components != len(self.components_):
            raise ValueError(
                f"n_components={self.n_components} but the fitted model has {len(self.components_)}; "
                "use clone() to start anew."
            )
        machine = self._machine()._replace(visible=copy.deepcopy(self._joint_visible))
        parameters = machine.parameters._replace(log_scales=machine.visible.log_scales())
        parameters = RBMParameters(*(np.array(array, order="C") for array in parameters))
        machine = machine._replace(parameters=parameters)
        return replace(copy.deepcopy(self._training), machine=machine)

    def _go_on(self, training, data, rows, objective, plan, online):
        """Make an earlier training ready for new rows."""
        adjust_offsets(training, objective)
        batch_size = largest_batch(rows, plan.batch_size)
        training.chains = objective.sampler.resume(
            training.chains, training.machine, batch_size, training.state.rng
        )
        if online:
            take_in_new_data(training, data, rows, len(self.classes_), objective)

    def _keep(self, training, classes, result, values, *, add):
        """Set the fitted attributes, all at once and only after the training succeeded."""
        parameters, n_classes = training.machine.parameters, len(classes)
        weights, bias = parameters.weights, parameters.visible_bias
        self.components_, self.label_components_ = (
            weights[:, :-n_classes].copy(),
            weights[:, -n_classes:].copy(),
        )
        self.intercept_hidden_ = parameters.hidden_bias
        self.intercept_visible_, self.intercept_label_ = bias[:-n_classes].copy(), bias[-n_classes:].copy()
        self._joint_visible, self.hidden_ = training.machine.visible, training.machine.hidden
        self.visible_, self.classes_ = self._joint_visible.parts_[0][0], classes
        loss_curve, scores = result.loss_curve, result.validation_scores
        if add:
            loss_curve, scores = self.loss_curve_ + loss_curve, self.validation_scores_ + scores
            values = _validation.widest(self._fitted_range, values)
        self.loss_curve_, self.validation_scores_ = loss_curve, scores
        self.best_validation_score_ = max(scores, default=None)
        self.n_iter_, self._fitted_range = len(loss_curve), values
        self._training = replace(training, machine=None)
        self._n_features_out = len(self.components_)

    def _warn(self, result, data):
        """Warn if the training did not converge, or gives one class for all it was trained on."""
        if not result.converged and self.objective != "generative":
            _validation.warn_not_converged(self.max_iter, "Training")
        data = data.labelled()
        shown = spread_rows(len(data.targets), _N_SHOWN)
        with np.errstate(over="ignore", invalid="ignore"):  # as in the training before
            predicted = predicted_positions(self._machine(), len(self.classes_), data.X[shown])
        _validation.warn_if_one_class(predicted, data.targets[shown], self.classes_)
