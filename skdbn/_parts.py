"""Parameters of parts: ``rbm__learning_rate`` needs an object as ``rbm``."""

from __future__ import annotations

from typing import Any, TypeVar

EstimatorType = TypeVar("EstimatorType", bound="PartsMixin")

# What to give where the parameters of a part are asked for and there is only its name, or None.
_OBJECTS = {
    "rbm": "RBMTransformer()",
    "optimizer": "skdbn.optimizers.RMSProp()",
    "sampler": "skdbn.samplers.PCD()",
    "visible": "skdbn.units.Bernoulli()",
    "hidden": "skdbn.units.Bernoulli()",
    "sparsity": "skdbn.sparsity.SparsityTarget(0.1)",
    "learning_rate": "skdbn.schedules.Linear(0.01, 0)",
}


class PartsMixin:
    """A clear line where a parameter of a part is set and there is no object that has it."""

    def set_params(self: EstimatorType, **params: Any) -> EstimatorType:
        """Set parameters of this estimator, or of its parts by ``part__parameter``.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        for name in params:
            part, nested, _ = name.partition("__")
            if nested and part in _OBJECTS and hasattr(self, part):
                self._check_part(name, part, params.get(part, getattr(self, part)))
        return super().set_params(**params)  # type: ignore[misc]  # of BaseEstimator

    def _check_part(self, name: str, part: str, value: Any) -> None:
        if not hasattr(value, "set_params"):
            raise ValueError(
                f"{name} is a parameter of an object, but {type(self).__name__} has {part}={value!r}: "
                f"give one, such as {part}={_OBJECTS[part]}."
            )
