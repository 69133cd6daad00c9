"""Rows drawn from a fitted estimator, and gaps filled."""

import numpy as np
from scipy import sparse

from edge_cases.cases import Case
from edge_cases.outcomes import Gives, Raises, has_shape
from edge_cases.subjects import N_COLUMNS, N_ROWS, X, fitted, paths

DENSITIES = ("RBMTransformer", "DBNTransformer")
SAMPLES = (*paths("sample", (*DENSITIES, "RBMClassifier")), "DBNClassifier.sample")
OF_CLASSES = paths("sample", ("RBMClassifier", "DBNClassifier"))
GIBBS = ("RBMTransformer.gibbs",)
IMPUTE = ("RBMTransformer.impute",)
DRAWS = SAMPLES + GIBBS + IMPUTE


def drawn(*arguments, **options):
    """Return the call of a method that draws, with one seed."""
    return lambda method: method.of(generative(method), *arguments, **{"random_state": 0, **options})


def of_rows(*arguments, **options):
    """Return the call of a method that takes rows."""
    return lambda method: method.of(generative(method), X, *arguments, **options)


def generative(method):
    """Return a fitted estimator that can draw rows."""
    if method.estimator == "DBNClassifier" and method.name == "sample":
        return fitted("DBNClassifier", fine_tuning="up-down")
    return fitted(method.estimator)


def drawn_or_of_rows(**options):
    """Return the call of any method that draws."""
    return lambda method: (drawn if method.name == "sample" else of_rows)(**options)(method)


GAPS = np.where(np.arange(N_COLUMNS) == 2, np.nan, X)

DRAWING = [
    Case(
        "`n_samples` of 0, of 1.5, or None",
        SAMPLES,
        drawn(0),
        Raises(ValueError, "n_samples must be an integer >= 1; got 0."),
    ),
    Case(
        "`n_steps` of 0",
        DRAWS,
        drawn_or_of_rows(n_steps=0),
        Raises(ValueError, "n_steps must be an integer >= 1; got 0."),
    ),
    Case(
        "a `random_state` that is none",
        DRAWS,
        drawn_or_of_rows(random_state="a"),
        Raises(
            ValueError, "random_state must be None, an integer >= 0, a RandomState or a Generator; got 'a'."
        ),
    ),
    Case(
        "a numpy Generator as `random_state`",
        SAMPLES,
        lambda method: drawn(2, random_state=np.random.default_rng(0))(method),
        Gives("Taken, and moved on.", drawn(2)),
    ),
    Case(
        "`start` that is no such word",
        paths("sample", DENSITIES),
        drawn(start="data"),
        Raises(ValueError, 'start must be None, "noise", "chains" or rows; got \'data\'.'),
    ),
    Case(
        "`start` that is a word",
        ("RBMClassifier.sample",),
        drawn(start="noise"),
        Raises(ValueError, "start must be None or rows; got 'noise'."),
    ),
    Case(
        '`start="chains"` after a training without persistent chains',
        ("RBMTransformer.sample", "RBMTransformer.log_partition"),
        lambda method: method.of(
            fitted("RBMTransformer", sampler="cd"),
            **({"start": "chains"} if method.name == "sample" else {"method": "ais", "start": "chains"}),
        ),
        Raises(ValueError, 'start="chains" needs a sampler with persistent chains, such as "pcd"; ...'),
    ),
    Case(
        "`start` with other columns",
        paths("sample", (*DENSITIES, "RBMClassifier")),
        drawn(start=X[:, :4]),
        Raises(ValueError, "X has 4 features, but ... is expecting 5 features as input."),
    ),
    Case(
        "`start` with NaN",
        paths("sample", (*DENSITIES, "RBMClassifier")),
        drawn(start=X * np.nan),
        Raises(ValueError, "Input X contains NaN..."),
    ),
    Case(
        "rows as `start`",
        paths("sample", (*DENSITIES, "RBMClassifier")),
        drawn(3, start=X),
        Gives("One chain for each; `n_samples` does not count.", check=has_shape(N_ROWS, N_COLUMNS)),
    ),
    Case(
        "`n_temperatures` of 0",
        ("RBMTransformer.sample",),
        drawn(n_temperatures=0),
        Raises(ValueError, "n_temperatures must be an integer >= 1; got 0."),
    ),
    Case(
        "`y` that is no class",
        OF_CLASSES,
        drawn(y=7),
        Raises(ValueError, "y contains labels [7] that are not among the classes [0, 1, 2]."),
    ),
    Case("`y` of NaN", OF_CLASSES, drawn(y=np.nan), Raises(ValueError, "Input y contains NaN...")),
    Case(
        "`y` without labels",
        OF_CLASSES,
        drawn(y=[]),
        Raises(ValueError, "n_samples must be an integer >= 1; got 0."),
    ),
    Case(
        "`y` of two dimensions",
        OF_CLASSES,
        drawn(y=[[0, 1], [1, 1]]),
        Raises(ValueError, "y is 2-D (2, 2); pass one class label for each row."),
    ),
    Case(
        "labels in `y`, and another `n_samples`",
        OF_CLASSES,
        drawn(7, y=[2, 0]),
        Gives("One row for each label.", drawn(2, y=[2, 0]), has_shape(2, N_COLUMNS)),
    ),
    Case(
        "more labels in `y` than rows in `start`, or fewer",
        ("RBMClassifier.sample",),
        drawn(y=[0, 1], start=X),
        Raises(ValueError, "y has 2 labels, but start has 12 rows."),
    ),
    Case(
        "a network that was not fitted by the up-down algorithm",
        ("DBNClassifier.sample",),
        lambda method: method.on_fitted(),
        Raises(
            ValueError,
            'Only a network fitted with fine_tuning="up-down" can draw rows; DBNTransformer and '
            "RBMClassifier can too.",
        ),
    ),
    Case(
        "`clamp` of numbers, or of another shape",
        GIBBS,
        of_rows(clamp=[1, 0, 1, 0, 1]),
        Raises(
            ValueError,
            "clamp must be a boolean mask of shape (5,) or (12, 5); got an array of shape (5,) and "
            "dtype int64.",
        ),
    ),
    Case("all entries clamped", GIBBS, of_rows(clamp=[True] * 5), Gives("The rows.", lambda method: X)),
    Case("rows without gaps", IMPUTE, of_rows(), Gives("The rows, to the last bit.", lambda method: X)),
    Case(
        "rows that are nothing but gaps",
        IMPUTE,
        lambda method: method.with_rows(X * np.nan),
        Gives("Drawn as a whole.", check=has_shape(N_ROWS, N_COLUMNS)),
    ),
    Case(
        "a column that is nothing but gaps",
        IMPUTE,
        lambda method: np.delete(method.with_rows(GAPS), 2, axis=1),
        Gives("Drawn; the other columns stay, to the last bit.", lambda method: np.delete(X, 2, axis=1)),
    ),
    Case(
        "sparse rows with gaps",
        IMPUTE,
        lambda method: method.with_rows(sparse.csr_matrix(GAPS)),
        Gives("A dense array, as of dense rows.", lambda method: method.with_rows(GAPS)),
    ),
    Case(
        "`average` with a single step, or `n_chains` of 0",
        IMPUTE,
        of_rows(n_chains=0),
        Raises(ValueError, "n_chains must be an integer >= 1; got 0."),
    ),
]
