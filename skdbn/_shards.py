"""What the processes of a team agree on before they train: the data as a whole, and what is done."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdbn import _validation
from skdbn._journal import parameters_of
from skdbn._team import current_team
from skdbn._typing import Array, Matrix, Rng, Seed
from skdbn._validation import Range


def may_be_empty() -> dict[str, int]:
    """Return what lets one of several processes be without rows, for scikit-learn's checks."""
    return {} if current_team().size == 1 else {"ensure_min_samples": 0}


def agree_to_train(estimator: Any, X: Matrix, y: Array | None = None, X_val: Any = None) -> None:
    """Raise in all processes unless they train the same on rows of the same kind, and have any."""
    team = current_team()
    if team.size == 1:
        return
    own = {
        "estimator": type(estimator).__name__,
        **parameters_of(estimator),
        "number of columns": X.shape[1],
        "dtype of X": str(X.dtype),
        "shape of a row of y": None if y is None else y.shape[1:],
        "X_val": "given" if X_val is not None else "not given",
    }
    first, *others = team.gathered(own)
    for rank, other in enumerate(others, start=1):
        for name in sorted({*first, *other}):
            if first.get(name) != other.get(name):
                raise ValueError(
                    f"The processes do not train the same: {name} is {first.get(name)!r} in rank 0, but "
                    f"{other.get(name)!r} in rank {rank}."
                )
    if not team.total(X.shape[0]):
        raise ValueError(f"Found no row of positive weight in any of the {team.size} processes.")


def common_generator(random_state: Seed) -> Rng:
    """Return a generator that is the same in all processes, that of rank 0."""
    return current_team().gathered(_validation.make_generator(random_state))[0]


def range_of_all(X: Matrix) -> Range:
    """Return the smallest and largest value in the rows of all processes."""
    own = _validation.data_range(X) if X.shape[0] else (np.inf, -np.inf)
    lows, highs = zip(*current_team().gathered(own), strict=True)
    return min(lows), max(highs)
