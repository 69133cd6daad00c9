"""What callbacks have in common, and where in a fit they are called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol


class Context(Protocol):
    """What callbacks read of scikit-learn's ``CallbackContext``."""

    estimator_name: str
    task_name: str
    task_id: int
    parent: Context | None
    source_task_name: str | None  # of the larger fit that this fit is a part of
    root_uuid: object


class Callback:
    """scikit-learn's protocol of callbacks, where nothing is to be done."""

    def setup(self, estimator: Any, context: Context) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            The estimator to be fitted.

        context : CallbackContext
            The task that is its fit.
        """

    def teardown(self, estimator: Any, context: Context) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            The estimator that was fitted.

        context : CallbackContext
            The task that is its fit.
        """

    def on_fit_task_begin(self, estimator: Any, context: Context) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : CallbackContext
            The task that begins.
        """


def path_of(context: Context | None) -> tuple[int, ...]:
    """Return the numbers of the tasks from the whole fit down to the one of a context."""
    return tuple(above.task_id for above in contexts_above(context))[::-1]


def contexts_above(context: Context | None) -> Iterator[Context]:
    """Yield a context and all that it is a part of."""
    while context is not None:
        yield context
        context = context.parent
