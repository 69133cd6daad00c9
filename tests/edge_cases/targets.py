"""The targets y, and the marker of rows without one."""

import numpy as np
import pandas as pd
from scipy import sparse

from edge_cases.cases import Case
from edge_cases.outcomes import Gives, Raises, Warns, attribute, is_finite
from edge_cases.subjects import (
    CLASSIFIERS,
    LABELS,
    N_ROWS,
    NUMBERS,
    SUPERVISED,
    X,
    fitted,
    new,
    paths,
)

CLASSES = paths("fit partial_fit", CLASSIFIERS)
DBN_CLASSES = paths("fit partial_fit", ("DBNClassifier",))
VALUES = paths("fit partial_fit", ("DBNRegressor",))
SCORES = paths("score", SUPERVISED)
ONE_HOT = np.eye(3, dtype=int)[LABELS]
SEVERAL = ONE_HOT | ONE_HOT[::-1]


def y(targets):
    """Return the call with these targets."""
    return lambda method: method.with_rows(X, targets)


def text(values):
    return np.array(["a", "b", "c"], dtype=object)[values]


def without(targets, missing):
    """Return targets of which one is missing."""
    targets = np.array(targets, dtype=float if isinstance(missing, float) else object)
    targets[3] = missing
    return targets


TARGETS = [
    Case(
        "no y",
        CLASSES + VALUES,
        lambda method: method.of(new(method.estimator), X, None),
        Raises(ValueError, "This ... estimator requires y to be passed, but the target y is None."),
    ),
    Case(
        "no y, or a single value",
        SCORES,
        lambda method: method.of(fitted(method.estimator), X, None),
        Raises(ValueError, "y has to have a target for each row to score; got None."),
    ),
    Case(
        "fewer targets than rows",
        CLASSES + VALUES + SCORES,
        y(LABELS[:11]),
        Raises(ValueError, "Found input variables with inconsistent numbers of samples: [...]"),
    ),
    Case(
        "y of one class", CLASSES, y(np.zeros(N_ROWS)), Gives("Taken.", check=attribute("classes_", [0.0]))
    ),
    Case("y constant", VALUES, y(np.full(N_ROWS, 7.0)), Gives("Taken; finite.", check=is_finite)),
    Case(
        "labels of text",
        CLASSES,
        y(text(LABELS)),
        Gives("Taken.", check=attribute("classes_", ["a", "b", "c"])),
    ),
    Case("bool", CLASSES, y(LABELS > 0), Gives("Taken.", check=attribute("classes_", [False, True]))),
    Case(
        "a categorical column",
        CLASSES,
        y(pd.Series(pd.Categorical(text(LABELS)))),
        Gives("As its labels.", y(text(LABELS))),
    ),
    Case(
        "whole numbers as floats",
        CLASSES,
        y(LABELS.astype(float)),
        Gives("Taken.", check=attribute("classes_", [0.0, 1.0, 2.0])),
    ),
    Case(
        "numbers with fractions",
        CLASSES,
        y(NUMBERS),
        Raises(ValueError, "Unknown label type: continuous..."),
    ),
    Case(
        "text",
        VALUES,
        y(text(LABELS)),
        Raises(ValueError, "could not convert string to float: 'a'"),
    ),
    Case(
        "labels of several types",
        CLASSES + paths("score", CLASSIFIERS),
        y(without(LABELS, "a")),
        Raises(ValueError, "y mixes labels of types ['int', 'str']; use one type."),
    ),
    Case(
        "a missing label: `None`, or NaN among text",
        CLASSES + paths("score", CLASSIFIERS),
        y(without(text(LABELS), None)),
        Raises(
            ValueError,
            "y has no label (None or NaN) in 1 of 12 rows: drop them, or give them a marker and name it by "
            "the parameter unlabeled.",
        ),
    ),
    Case(
        "NaN", CLASSES + VALUES, y(without(LABELS, np.nan)), Raises(ValueError, "Input y contains NaN...")
    ),
    Case(
        "an infinity",
        CLASSES + VALUES,
        y(without(LABELS, np.inf)),
        Raises(ValueError, "Input y contains infinity or a value too large for dtype('float64')."),
    ),
    Case(
        "a masked array with masked entries",
        CLASSES + paths("score", CLASSIFIERS),
        y(np.ma.masked_array(LABELS, LABELS == 1)),
        Raises(
            ValueError, "y is a masked array; masks are not heeded: give the rows of the mask a marker."
        ),
    ),
    Case(
        "values whose variance overflows",
        VALUES,
        y(np.where(NUMBERS > 3, 1.7e308, -1.7e308)),
        Raises(ValueError, "The variance of y overflows; scale the targets."),
    ),
    Case(
        "in a later call, values far from those of the first",
        ("DBNRegressor.partial_fit",),
        lambda method: method.on_fitted(X, 1e300 * NUMBERS),
        Raises(
            ValueError,
            "y spans [...], too far from the targets that the training began with to compute with in "
            "float64; scale the targets.",
        ),
    ),
    Case(
        "a column, of shape (n, 1)",
        CLASSES,
        y(LABELS[:, np.newaxis]),
        Warns("A column-vector y was passed when a 1d array was expected....", "As 1-D.", y(LABELS)),
    ),
    Case(
        "several columns of numbers",
        VALUES,
        y(np.column_stack([NUMBERS, -NUMBERS])),
        Gives("One output each.", check=attribute("n_outputs_", 2)),
    ),
    Case(
        "one-hot",
        CLASSES,
        y(ONE_HOT),
        Raises(ValueError, "y is 2-D (12, 3) and one-hot; pass class labels, e.g. y.argmax(axis=1)."),
    ),
    Case(
        "an indicator matrix: 0 and 1, and a row without one 1",
        paths("fit partial_fit", ("RBMClassifier",)),
        y(SEVERAL),
        Raises(ValueError, "y is 2-D (12, 3); pass one class label for each row."),
    ),
    Case(
        "the same, dense or sparse",
        DBN_CLASSES,
        y(sparse.csr_matrix(SEVERAL)),
        Gives(
            "Several labels a row, independent of each other.", y(SEVERAL), attribute("classes_", [0, 1, 2])
        ),
    ),
    Case(
        "a sparse matrix",
        VALUES,
        y(sparse.csr_matrix(SEVERAL)),
        Raises(TypeError, "Sparse data was passed..."),
    ),
    Case(
        "an indicator matrix where training had labels",
        ("DBNClassifier.partial_fit",),
        lambda method: method.on_fitted(X, SEVERAL),
        Raises(ValueError, "y is an indicator matrix, but the network was fitted to one label a row."),
    ),
    Case(
        "another number of columns than in training",
        ("DBNRegressor.partial_fit",),
        lambda method: method.on_fitted(X, SEVERAL),
        Raises(ValueError, "y has 3 columns, but the network was fitted to 1."),
    ),
    Case(
        "a label that is not among the classes",
        paths("partial_fit", CLASSIFIERS),
        lambda method: method.on_fitted(X, LABELS + 1),
        Raises(ValueError, "y contains labels [3] that are not among the classes [0, 1, 2]."),
    ),
    Case(
        "`fit_transform` without y",
        paths("fit_transform", SUPERVISED),
        lambda method: method.on_new(X),
        Raises(TypeError, "...fit() missing 1 required positional argument: 'y'"),
    ),
]

# -- rows without a target -------------------------------------------------------------------------

NOTHING = np.full(N_ROWS, -1)


def marked(**parameters):
    """Return the call of a new estimator whose marker is -1, with that marker everywhere."""
    return lambda method: method.with_rows(
        X, NOTHING, model=new(method.estimator, unlabeled=-1, **parameters)
    )


def of_fitted(targets, **parameters):
    """Return the call of a fitted estimator with these targets, after new parameters."""
    return lambda method: method.with_rows(
        X, targets, model=fitted(method.estimator).set_params(unlabeled=-1, **parameters)
    )


MARKERS = [
    Case(
        "the marker in some rows",
        CLASSES,
        lambda method: method.with_rows(
            X, np.where(LABELS == 2, -1, LABELS), model=new(method.estimator, unlabeled=-1)
        ),
        Gives("It is no class.", check=attribute("classes_", [0, 1])),
    ),
    Case(
        "NaN as the marker",
        VALUES,
        lambda method: method.with_rows(
            X, without(NUMBERS, np.nan), model=new(method.estimator, unlabeled=np.nan)
        ),
        Gives("Rows with NaN are only pre-trained on.", check=is_finite),
    ),
    Case(
        "the marker in all rows",
        paths("fit", CLASSIFIERS),
        marked(),
        Raises(ValueError, "No row has a label: all of y equals unlabeled=-1."),
    ),
    Case(
        "the marker in all rows",
        paths("fit partial_fit", ("DBNRegressor",)),
        marked(),
        Raises(ValueError, "No row has a target: all of y equals unlabeled=-1."),
    ),
    Case(
        "the marker in all rows of a `fit` that goes on (`warm_start`)",
        paths("fit", ("DBNClassifier", "DBNRegressor")),
        of_fitted(NOTHING, warm_start=True),
        Raises(ValueError, "No row has a target: all of y equals unlabeled=-1."),
    ),
    Case(
        "the marker in all rows of a chunk",
        paths("partial_fit", SUPERVISED),
        of_fitted(NOTHING),
        Gives("Taken; an RBM learns from the rows, a network does not.", check=is_finite),
    ),
    Case(
        "the marker in all rows of the first chunk, with `classes`",
        paths("partial_fit", CLASSIFIERS),
        lambda method: method.with_rows(
            X, NOTHING, model=new(method.estimator, unlabeled=-1), classes=[5, 7]
        ),
        Gives("Pre-trained.", check=attribute("classes_", [5, 7])),
    ),
    Case(
        "the marker in all rows to score",
        SCORES,
        of_fitted(NOTHING),
        Raises(ValueError, "No row to score has a label: all of y equals unlabeled=-1."),
    ),
    Case(
        "a list as the marker",
        CLASSES,
        lambda method: method.with_rows(X, model=new(method.estimator, unlabeled=[1, 2])),
        Raises(ValueError, "unlabeled is one label that stands for none; got [1, 2]."),
    ),
]
