"""The weights of rows and of classes."""

import numpy as np

from edge_cases.cases import Case
from edge_cases.outcomes import Gives, Raises, is_finite
from edge_cases.subjects import CLASSIFIERS, ESTIMATORS, N_ROWS, SUPERVISED, TRAINING, X, new, paths

LABELLED = paths("fit partial_fit", CLASSIFIERS)
SCORES = paths("score", SUPERVISED)
ONES = np.ones(N_ROWS)


def with_entry(value):
    """Return weights of which one has this value."""
    return np.where(np.arange(N_ROWS) == 3, value, ONES)


WEIGHTED = {name: tuple(m for m in methods if m != "fit_transform") for name, methods in TRAINING.items()}
WEIGHTED = paths(WEIGHTED) + SCORES


def weights(sample_weight):
    """Return the call with these weights."""
    return lambda method: method.with_rows(X, sample_weight=sample_weight)


WEIGHTS = [
    Case(
        "a number",
        WEIGHTED,
        weights(2.0),
        Gives("All rows have this weight.", weights(np.full(N_ROWS, 2.0))),
    ),
    Case("integers, bool, a list", WEIGHTED, weights([1] * N_ROWS), Gives("As floats.", weights(ONES))),
    Case(
        "weights of 0",
        paths("fit", ESTIMATORS),
        weights((np.arange(N_ROWS) < 9).astype(float)),
        Gives(
            "As if these rows were not there.",
            lambda method: method.with_rows(X[:9], sample_weight=ONES[:9]),
        ),
    ),
    Case(
        "0 for all rows",
        WEIGHTED,
        weights(0 * ONES),
        Raises(
            ValueError,
            "sample_weight is zero for all rows; at least one weight must be positive.",
            "Sample weights must contain at least one non-zero number.",
        ),
    ),
    Case(
        "a negative weight",
        WEIGHTED,
        weights(with_entry(-1.0)),
        Raises(ValueError, "Negative values in sample_weight: the smallest is -1."),
    ),
    Case(
        "NaN",
        WEIGHTED,
        weights(with_entry(np.nan)),
        Raises(ValueError, "Input sample_weight contains NaN."),
    ),
    Case(
        "an infinity",
        WEIGHTED,
        weights(with_entry(np.inf)),
        Raises(
            ValueError, "Input sample_weight contains infinity or a value too large for dtype('float64')."
        ),
    ),
    Case(
        "weights whose sum overflows",
        WEIGHTED,
        weights(1.7e308 * ONES),
        Raises(ValueError, "The sum of sample_weight overflows; scale the weights."),
    ),
    Case(
        "fewer weights than rows",
        WEIGHTED,
        weights(ONES[:11]),
        Raises(ValueError, "sample_weight.shape == (11,), expected (12,)!"),
    ),
    Case(
        "a column, of shape (n, 1)",
        WEIGHTED,
        weights(ONES[:, np.newaxis]),
        Raises(ValueError, "Sample weights must be 1D array or scalar..."),
    ),
    Case(
        "text",
        WEIGHTED,
        weights(["a"] * N_ROWS),
        Raises(ValueError, "could not convert string to float: ..."),
    ),
    Case(
        "`class_weight` with 0 for a class",
        LABELLED,
        lambda method: method.with_rows(
            X, model=new(method.estimator, class_weight={0: 0, 1: 1, 2: 1}, batch_size=1)
        ),
        Gives("Its rows count for nothing; finite.", check=is_finite),
    ),
    Case(
        "`class_weight` with 0 for all classes",
        LABELLED,
        lambda method: method.with_rows(X, model=new(method.estimator, class_weight={0: 0, 1: 0, 2: 0})),
        Raises(ValueError, "class_weight={0: 0, 1: 0, 2: 0} leaves no row with a weight above 0."),
    ),
    Case(
        "`class_weight` with a negative number or NaN",
        LABELLED,
        lambda method: method.with_rows(X, model=new(method.estimator, class_weight={0: -1})),
        Raises(ValueError, "class_weight={0: -1}: weights have to be finite numbers >= 0."),
    ),
    Case(
        "`class_weight` for no class that there is",
        LABELLED,
        lambda method: method.with_rows(X, model=new(method.estimator, class_weight={7: 1})),
        Raises(ValueError, "The classes, ..., are not in class_weight"),
    ),
    Case(
        '`class_weight="balanced"` in chunks',
        paths("partial_fit", CLASSIFIERS),
        lambda method: method.with_rows(X, model=new(method.estimator, class_weight="balanced")),
        Raises(
            ValueError,
            'class_weight="balanced" is not supported for partial_fit, which does not see all rows: pass a '
            "dict, or sample_weight.",
        ),
    ),
]
