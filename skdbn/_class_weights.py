"""What each row weighs by its class."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from skdbn._labels import LabelledRows
from skdbn._team import current_team
from skdbn._typing import Array, Floats, Integers


def weights_with_classes(data: LabelledRows, class_weight: Any, classes: Array) -> Floats | None:
    """Return the weight of each row times that of its class, or None if all are equal.

    "balanced" gives every class the same total weight, counting the rows' weights.
    """
    if class_weight is None:
        return data.sample_weight
    assert data.targets is not None
    if isinstance(class_weight, str):
        totals = np.bincount(data.targets, weights=data.sample_weight, minlength=len(classes)).astype(float)
        current_team().sum(totals)
        of_class = totals.sum() / (np.count_nonzero(totals) * np.maximum(totals, np.finfo(float).tiny))
    else:
        of_class = compute_class_weight(class_weight, classes=classes, y=classes[data.targets])
        _check_class_weights(of_class, class_weight, data.targets)
    weights = of_class[data.targets]
    return weights if data.sample_weight is None else weights * data.sample_weight


def _check_class_weights(of_class: Floats, class_weight: Any, targets: Integers) -> None:
    """Raise unless weights are finite and >= 0, and those of the classes of the rows not all 0."""
    if not (np.isfinite(of_class) & (of_class >= 0)).all():
        raise ValueError(f"class_weight={class_weight!r}: weights have to be finite numbers >= 0.")
    if targets.size and not of_class[targets].any():
        raise ValueError(f"class_weight={class_weight!r} leaves no row with a weight above 0.")
