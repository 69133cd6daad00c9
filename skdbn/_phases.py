"""The phases of a fit as callbacks see them: the whole, pre-training, a layer, fine-tuning, an epoch.

Callbacks are those of scikit-learn (`sklearn.callback`); a phase is one of its tasks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any, TypeAlias

from skdbn._journal import Journal, description, read_journal
from skdbn._streams import RowStream
from skdbn._team import current_team
from skdbn._typing import Attributes, FilePath, Matrix, Tree

# scikit-learn's, or a NoContext.
Context: TypeAlias = Any
# At its end: what is fitted by then, or a function that returns it.
Fitted: TypeAlias = Attributes | Callable[[], Attributes]


class NoContext:
    """A context of callbacks where there are none."""

    def subcontext(self, *arguments: Any, **options: Any) -> NoContext:
        """Return the context of a part."""
        return self

    def call_on_fit_task_begin(self, **options: Any) -> NoContext:
        """Call nobody."""
        return self

    def call_on_fit_task_end(self, **options: Any) -> bool:
        """Call nobody; nobody wants to stop."""
        return False

    def propagate_callback_context(self, estimator: object) -> AbstractContextManager[None]:
        """Hand nothing on."""
        return nullcontext()


class Phase:
    """A phase of the fit of an estimator; `shown` are the data that callbacks are shown."""

    def __init__(self, estimator: Any, context: Context, journal: Journal, shown: dict[str, Any]) -> None:
        self._estimator = estimator
        self._context = context
        self.journal = journal
        self._shown = shown

    def begin(self) -> Phase:
        """Tell callbacks that the phase begins."""
        self._context.call_on_fit_task_begin(estimator=self._estimator, **self._shown)
        return self

    def part(self, name: str, n_parts: int = 0) -> Phase:
        """Return a part of this phase, which begins; it may have `n_parts` parts of its own."""
        context = self._context.subcontext(name, max_subtasks=n_parts)
        return Phase(self._estimator, context, self.journal, self._shown).begin()

    def end(self, fitted: Fitted | None = None) -> bool:
        """Tell callbacks that the phase is over, and return whether one wants to stop what it is part of.

        `fitted` has, or returns, the attributes that the estimator would have if its fit ended now; None if
        it could not be used yet.
        """
        return self._context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=fitted, **self._shown
        )

    @contextmanager
    def of_another(self, name: str, estimator: Any) -> Iterator[None]:
        """Make the fit of another estimator a part of this phase."""
        context = self._context.subcontext(name)
        whole = Phase(self._estimator, context, self.journal, self._shown)
        with _handed_on(self._estimator, estimator), context.propagate_callback_context(estimator):
            whole.begin()
            yield
            whole.end()


@contextmanager
def _handed_on(estimator: Any, layer: Any) -> Iterator[None]:
    """Lend the RBM of a layer those callbacks of an estimator that watch its layers too."""
    callbacks = getattr(estimator, "_skl_callbacks", [])
    lent = [callback for callback in callbacks if getattr(callback, "watches_layers", False)]
    if not lent:
        yield
        return
    own = getattr(layer, "_skl_callbacks", [])
    layer.set_callbacks(*own, *lent)
    try:
        yield
    finally:
        layer.set_callbacks(*own)


def no_phase() -> Phase:
    """Return a phase that nobody watches."""
    return Phase(None, NoContext(), Journal(), {})


def begin_fit(
    estimator: Any,
    n_parts: int,
    data: dict[str, Any],
    frame: Any = None,
    *,
    warm: bool = False,
    journal: Journal | None = None,
    resume_from: FilePath | None = None,
) -> Phase:
    """Return the phase that is the whole fit of an estimator, which begins.

    `data` are the arrays of the fit by name; callbacks see X, y and the weights of the rows, and X as
    the data frame that it came from, so that the estimator knows its columns. The fit may be one of a
    larger fit, whose journal it then has, or go on from a checkpoint; a warm start may not.
    """
    context = estimator._init_callback_context(max_subtasks=n_parts)
    if journal is None:
        journal = _new_journal(estimator, data, warm, resume_from)
    estimator._journal = journal  # where callbacks find it
    shown = {"X": _shown(data["X"], frame), "y": data.get("y")}
    if data.get("sample_weight") is not None:
        shown["metadata"] = {"sample_weight": data["sample_weight"]}
    return Phase(estimator, context, journal, shown).begin()


def _shown(X: Matrix, frame: Any) -> Any:
    """Return the rows that callbacks see: none of those that are not in memory."""
    if isinstance(X, RowStream):
        return None
    is_whole = hasattr(frame, "columns") and len(frame) == X.shape[0]  # no row was left out
    return frame if is_whole else X


def _new_journal(estimator: Any, data: dict[str, Any], warm: bool, resume_from: FilePath | None) -> Journal:
    callbacks = getattr(estimator, "_skl_callbacks", [])
    kept = any(getattr(callback, "keeps_journal", False) for callback in callbacks)
    if not kept and resume_from is None:
        return Journal(keeps_interrupted=current_team().size == 1)
    if current_team().size > 1:
        raise ValueError(
            "Checkpoint and resume_from are for a fit by one process: leave them out of data_parallel."
        )
    if warm:
        raise ValueError(
            "A warm start begins with what is fitted, which a checkpoint does not hold: set "
            "warm_start=False, or leave out resume_from and Checkpoint."
        )

    @cache  # of a stream all rows are read for it
    def describe() -> dict[str, Tree]:
        return description(estimator, data)

    earlier = None if resume_from is None else read_journal(resume_from, describe())
    return Journal(describe, kept=kept, earlier=earlier, source=resume_from or "", keeps_interrupted=True)


def end_fit(phase: Phase, estimator: Any) -> None:
    """Tell callbacks that the fit is over: the estimator is fitted."""
    phase.end(fitted={})
    del estimator._journal


def attributes_set_by(estimator: object, keep: str, *arguments: Any, **options: Any) -> Attributes:
    """Return the attributes that a method would set or change now, without setting them."""
    probe = object.__new__(type(estimator))
    vars(probe).update(vars(estimator))
    getattr(probe, keep)(*arguments, **options)
    before = vars(estimator)
    return {name: value for name, value in vars(probe).items() if before.get(name, probe) is not value}
