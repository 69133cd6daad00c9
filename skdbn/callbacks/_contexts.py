"""Where in a fit a callback is called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Context(Protocol):
    """What callbacks read of scikit-learn's ``CallbackContext``."""

    estimator_name: str
    task_name: str
    task_id: int
    parent: Context | None
    source_task_name: str | None  # of the larger fit that this fit is a part of
    root_uuid: object


def path_of(context: Context | None) -> tuple[int, ...]:
    """Return the numbers of the tasks from the whole fit down to the one of a context."""
    path: list[int] = []
    while context is not None:
        path.append(context.task_id)
        context = context.parent
    return tuple(reversed(path))


def contexts_above(context: Context | None) -> Iterator[Context]:
    """Yield a context and all that it is a part of."""
    while context is not None:
        yield context
        context = context.parent
