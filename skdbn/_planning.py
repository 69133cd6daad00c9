"""From the parameters of an estimator to the plan of a training."""

from __future__ import annotations

from typing import Any, NamedTuple

from skdbn._training import Plan
from skdbn._validation import check_batch_size
from skdbn.optimizers import resolve_optimizer
from skdbn.schedules import InverseScaling, Linear

_ONLINE_DELAY = 1000  # updates until the rate of `partial_fit` has fallen by a factor sqrt(2)


class FirstRate(NamedTuple):
    """Where learning_rate="auto" starts: min(largest, for_one_input / sqrt(number of inputs)).

    A step of RMSProp has about the size of the rate in every weight, so it moves the field of a unit by
    more the more inputs there are.
    """

    for_one_input: float
    largest: float

    def __call__(self, n_inputs: int) -> float:
        """Return the rate for this number of inputs."""
        return min(self.largest, self.for_one_input / n_inputs**0.5)


def plan_training(
    estimator: Any, n_rows: int, n_epochs: int, first_rate: FirstRate, *, online: bool, stage: str
) -> Plan:
    """Return the plan of `n_epochs` epochs, or `online` of the next one in a series of calls."""
    learning_rate = estimator.learning_rate
    if isinstance(learning_rate, str):
        start = first_rate(estimator.n_features_in_)
        learning_rate = InverseScaling(start, delay=_ONLINE_DELAY) if online else Linear(start, 0)
    return Plan(
        optimizer=resolve_optimizer(estimator.optimizer),
        learning_rate=learning_rate,
        alpha=estimator.alpha,
        batch_size=check_batch_size(estimator.batch_size, n_rows, warn=not online),
        n_epochs=1 if online else n_epochs,
        n_planned_epochs=n_epochs,
        stage=stage,
    )
