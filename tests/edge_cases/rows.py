"""The rows of X: their number, their type, their values and the names of their columns."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
from scipy import sparse

from edge_cases.cases import Case
from edge_cases.outcomes import Gives, Raises, Warns, is_finite
from edge_cases.subjects import ASKING, ESTIMATORS, TRAINING, Method, X, new, paths, targets

TRAINS, ASKS = paths(TRAINING), paths(ASKING)
ALL = TRAINS + ASKS + ("RBMTransformer.impute",)
REFUSES_GAPS = TRAINS + ASKS
SCORES_R2 = "DBNRegressor.score"


def given(rows, **options):
    """Return the call with these rows."""
    return lambda method: method.with_rows(rows, **options)


def as_usual(method):
    return _as_usual(method.path)


@cache
def _as_usual(path):
    return Method(path).with_rows(X)


def as_floats(rows):
    return lambda method: method.with_rows(np.asarray(rows, dtype=float))


def with_entry(value, dtype=float):
    rows = X.astype(dtype)
    rows[3, 2] = value
    return rows


def but(methods, *others):
    return tuple(method for method in methods if method not in others)


MASKED = np.ma.masked_array(X, X > 0.9)
TEXT = np.full(X.shape, "a", dtype=object)
FAR = X + 3
BITS = (X > 0.5).astype(float)

ROWS = [
    Case(
        "no rows",
        ALL,
        given(X[:0]),
        Raises(
            ValueError, "Found array with 0 sample(s) (shape=(0,...)) while a minimum of 1 is required..."
        ),
    ),
    Case(
        "one row",
        but(ALL, SCORES_R2),
        given(X[:1]),
        Gives("Taken; of a training all that is learned is finite.", check=is_finite),
    ),
    Case(
        "one row to score",
        (SCORES_R2,),
        lambda method: np.isnan(method.with_rows(X[:1])),
        Warns(
            "R^2 score is not well-defined with less than two samples.",
            "NaN.",
            lambda method: np.bool_(True),
        ),
    ),
    Case("one column", TRAINS, given(X[:, :1]), Gives("Taken.", check=is_finite)),
    Case(
        "no columns",
        ALL,
        given(X[:, :0]),
        Raises(
            ValueError, "Found array with 0 feature(s) (shape=(12, 0)) while a minimum of 1 is required..."
        ),
    ),
    Case(
        "fewer columns than in training",
        ASKS + ("RBMTransformer.impute",),
        given(X[:, :4]),
        Raises(ValueError, "X has 4 features, but ... is expecting 5 features as input."),
    ),
    Case(
        "1-D",
        ALL,
        given(X[0]),
        Raises(ValueError, "Expected 2D array, got 1D array instead:...Reshape your data..."),
    ),
    Case("3-D", ALL, given(X[np.newaxis]), Raises(ValueError, "Found array with dim 3...")),
    Case(
        "a number, or `None`",
        ALL,
        given(None),
        Raises(ValueError, "Expected 2D array, got scalar array..."),
    ),
    Case("a list of lists", ALL, given(X.tolist()), Gives("As the array.", as_usual)),
    Case("a data frame", ALL, given(pd.DataFrame(X)), Gives("As the array.", as_usual)),
    Case(
        "sparse: CSR, CSC, COO, DIA, matrix or array",
        ASKS,
        lambda method: [method.with_rows(as_sparse(BITS)) for as_sparse in SPARSE],
        Gives("As the array.", lambda method: [method.with_rows(BITS)] * len(SPARSE)),
    ),
    Case("sparse, in a training", TRAINS, given(sparse.csr_matrix(X)), Gives("Taken.", check=is_finite)),
    Case("bool", ALL, given(X > 0.5), Gives("As 0.0 and 1.0.", as_floats(X > 0.5))),
    Case("integers", TRAINS, given((9 * X).astype(np.uint8)), Gives("As floats.", as_floats((9 * X) // 1))),
    Case("numbers of type object", ALL, given(X.astype(object)), Gives("As floats.", as_usual)),
    Case(
        "text, of type object or in categories",
        ALL,
        given(TEXT),
        Raises(ValueError, "could not convert string to float: 'a'"),
    ),
    Case(
        "an array of strings, also of numbers",
        ALL,
        given(X.astype(str)),
        Raises(ValueError, "dtype='numeric' is not compatible with arrays of bytes/strings..."),
    ),
    Case(
        "complex numbers",
        ALL,
        given(X.astype(complex)),
        Raises(ValueError, "Complex data not supported..."),
    ),
    Case(
        "a masked array with masked entries",
        ALL,
        given(MASKED),
        Raises(
            ValueError,
            "X is a masked array; masks are not heeded. Fill it first: X.filled(value), or "
            "X.filled(np.nan) for `impute`.",
        ),
    ),
    Case("NaN", REFUSES_GAPS, given(with_entry(np.nan)), Raises(ValueError, "Input X contains NaN...")),
    Case(
        "`None` or `pandas.NA` among numbers",
        REFUSES_GAPS,
        given(with_entry(None, object)),
        Raises(ValueError, "Input X contains NaN..."),
    ),
    Case(
        "an infinity",
        ALL,
        given(with_entry(np.inf)),
        Raises(ValueError, "Input X contains infinity or a value too large for dtype('float64')."),
    ),
    Case("one entry of 1e30", ALL, given(with_entry(1e30)), Gives("Taken; finite.", check=is_finite)),
    Case(
        "rows of 1e30 in a training with units that take their scale from the data",
        TRAINS,
        given(np.full(X.shape, 1e30)),
        Gives("Taken; finite.", check=is_finite),
    ),
    Case(
        "entries so large that their variance overflows",
        TRAINS,
        given(with_entry(1e38, np.float32)),
        Raises(
            ValueError, "The variance of 1 of 5 columns of X overflows, or nearly so; scale the inputs."
        ),
    ),
    Case(
        "entries below the normal numbers", ALL, given(X * 1e-310), Gives("Taken; finite.", check=is_finite)
    ),
    Case(
        "values outside [0, 1] where training had none, by less than their range",
        ASKS,
        given(X - 0.9),
        Gives("Taken.", check=is_finite),
    ),
    Case(
        "values further outside, in a tenth of the rows or more",
        ASKS + ("RBMTransformer.impute",),
        given(FAR),
        Warns(
            "X at predict time spans [3.00274, 3.99721] but the model was fitted on [0.0027385, 0.99721]; "
            "was the scaler applied?",
            "The answer is finite.",
            check=is_finite,
        ),
    ),
    Case(
        "the same in a later chunk",
        ("RBMTransformer.partial_fit", "RBMClassifier.partial_fit"),
        lambda method: method.with_rows(FAR, model=method.with_rows(X)),
        Warns("X at training time spans ... was the scaler applied?", "It is learned.", check=is_finite),
    ),
    Case(
        'values outside [0, 1] in a training with `visible="bernoulli"`',
        paths("fit partial_fit", ("RBMTransformer", "RBMClassifier")),
        lambda method: method.with_rows(FAR, model=new(method.estimator, visible="bernoulli")),
        Raises(
            ValueError, 'visible="bernoulli" expects values in [0, 1]; got min=3.00274, max=3.99721 in X...'
        ),
    ),
    Case(
        'negative values in a training with `visible="relu"`',
        paths("fit partial_fit", ("RBMTransformer", "RBMClassifier")),
        lambda method: method.with_rows(X - 2, model=new(method.estimator, visible="relu")),
        Raises(ValueError, 'visible="relu" expects counts or other values >= 0; got min=-1.99726 in X.'),
    ),
    Case(
        "all rows equal",
        TRAINS,
        given(np.full(X.shape, 0.5)),
        Gives("Taken; a warning says that the features are constant.", check=is_finite),
    ),
]
SPARSE = [
    *(sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.dia_matrix),
    *(sparse.csr_array, sparse.csc_array, sparse.coo_array),
]

# -- names of columns ------------------------------------------------------------------------------

FRAME = pd.DataFrame(X, columns=list("abcde"))


@cache
def _fitted_to_frame(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return new(name).fit(FRAME, *targets(name))


def of_frame(frame):
    """Return the call with a frame, of an estimator that was fitted to FRAME."""
    return lambda method: method.with_rows(frame, model=_fitted_to_frame(method.estimator))


NAMES = [
    Case(
        "a frame with the columns in another order",
        ASKS + ("RBMTransformer.impute",),
        of_frame(FRAME[list("edcba")]),
        Raises(
            ValueError,
            "The feature names should match those that were passed during fit...in the same order...",
        ),
    ),
    Case(
        "a frame with a column of another name, more columns, or fewer",
        ASKS + ("RBMTransformer.impute",),
        of_frame(FRAME.rename(columns={"a": "z"})),
        Raises(ValueError, "The feature names should match those that were passed during fit..."),
    ),
    Case(
        "an array where training had names",
        ASKS,
        of_frame(X),
        Warns(
            "X does not have valid feature names, but ... was fitted with feature names",
            "As the frame.",
            lambda method: method.with_rows(X),
        ),
    ),
    Case(
        "names where training had none",
        ASKS,
        given(FRAME),
        Warns("X has feature names, but ... was fitted without feature names", "As the array.", as_usual),
    ),
    Case(
        "names of which some are numbers",
        paths("fit"),
        given(FRAME.rename(columns={"a": 1})),
        Raises(TypeError, "Feature names are only supported if all input features have string names..."),
    ),
    Case(
        "`fit` on other columns than `pretrain_on`, or in another order",
        paths("fit", ("DBNClassifier", "DBNRegressor")),
        lambda method: method.with_rows(
            FRAME[list("edcba")], model=new(method.estimator).pretrain_on(FRAME)
        ),
        Raises(
            ValueError,
            "The layers of pretrain were trained on other columns of X, or in another order: "
            "['a', 'b', 'c', 'd', 'e']; got ['e', 'd', 'c', 'b', 'a'].",
        ),
    ),
    Case(
        "`get_feature_names_out` with other names than those of training",
        paths("get_feature_names_out", ESTIMATORS),
        lambda method: method.of(_fitted_to_frame(method.estimator), list("edcba")),
        Raises(ValueError, "input_features is not equal to feature_names_in_"),
    ),
    Case(
        "`get_feature_names_out` without names",
        paths("get_feature_names_out", ESTIMATORS),
        lambda method: method.on_fitted().tolist(),
        Gives(
            "The name of the class in small letters, and a number.",
            lambda method: [f"{method.estimator.lower()}{number}" for number in range(3)],
        ),
    ),
]
