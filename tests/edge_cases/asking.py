"""What is asked of a fitted estimator: likelihoods, codes, exports; and of one that is not fitted."""

import numpy as np
from scipy import sparse
from sklearn.exceptions import NotFittedError

from edge_cases.cases import Case
from edge_cases.drawing import DENSITIES, SAMPLES
from edge_cases.outcomes import Gives, Raises, has_shape, is_finite
from edge_cases.subjects import ASKING, ESTIMATORS, LABELS, N_COLUMNS, N_ROWS, X, fitted, new, paths

LOG_Z = paths("log_partition", DENSITIES)
WITH_LOG_Z = (*paths("score_samples", DENSITIES), "DBNTransformer.log_likelihood_bound")


def partition(*arguments, **options):
    """Return the call of `log_partition`, short."""
    short = {"n_runs": 2, "n_temperatures": 5, "n_steps": 2, "random_state": 0, **options}
    return lambda method: method.on_fitted(*arguments, **short)


def with_log_z(log_partition):
    """Return the call with a value of log Z."""
    return lambda method: method.with_rows(X, log_partition=log_partition)


def autoencoder(method):
    """Return a stack that was never pre-trained."""
    return fitted("DBNTransformer", pretrain=False, fine_tuning="reconstruction")


LIKELIHOODS = [
    Case(
        "a `method` that is not known",
        LOG_Z,
        partition("annealed"),
        Raises(ValueError, 'method must be "auto", "exact" or "ais"; got \'annealed\'.'),
    ),
    Case(
        "`n_runs` of 0",
        LOG_Z,
        partition(n_runs=0),
        Raises(ValueError, "n_runs must be an integer >= 1; got 0."),
    ),
    Case(
        "`n_temperatures` of 1",
        LOG_Z,
        partition(n_temperatures=1),
        Raises(ValueError, "n_temperatures must be 2 or more: the path has two ends."),
    ),
    Case(
        "`n_steps` of 0",
        LOG_Z,
        partition(n_steps=0),
        Raises(ValueError, "n_steps must be an integer >= 1; got 0."),
    ),
    Case(
        "a single run",
        LOG_Z,
        lambda method: np.isnan(partition("ais", n_runs=1)(method).standard_error),
        Gives("The standard error is NaN.", lambda method: np.isnan(np.nan)),
    ),
    Case(
        "`start` that is no such word",
        LOG_Z,
        partition("ais", start="data"),
        Raises(ValueError, 'start must be None, "noise", "chains" or rows; got \'data\'.'),
    ),
    Case(
        "a log Z of NaN, of infinity, or a list",
        WITH_LOG_Z,
        with_log_z(np.nan),
        Raises(
            ValueError,
            "log_partition must be what the method log_partition returns, or a finite number; got nan.",
        ),
    ),
    Case(
        "a log Z that is text",
        WITH_LOG_Z,
        with_log_z("auto"),
        Raises(
            ValueError,
            "log_partition must be what the method log_partition returns, or a finite number; got 'auto'.",
        ),
    ),
    Case("a whole number as log Z", WITH_LOG_Z, with_log_z(3), Gives("As a float.", with_log_z(3.0))),
    Case(
        "`n_draws` of 0",
        ("DBNTransformer.log_likelihood_bound",),
        lambda method: method.with_rows(X, n_draws=0),
        Raises(ValueError, "n_draws must be an integer >= 1; got 0."),
    ),
    Case(
        "a stack that was not pre-trained",
        paths("log_partition sample log_likelihood_bound", ("DBNTransformer",)),
        lambda method: method.of(autoencoder(method), *([X] if "bound" in method.name else [])),
        Raises(
            ValueError,
            "This DBNTransformer has no pre-trained machines, so it is no density: fit it with "
            "pretrain=True.",
        ),
    ),
    Case(
        "a stack that was not pre-trained",
        paths("score score_samples", ("DBNTransformer",)),
        lambda method: method.of(autoencoder(method), X),
        Raises(AttributeError, "This 'DBNTransformer' has no attribute '...'"),
    ),
]

# -- codes and exports -----------------------------------------------------------------------------

DECODES = paths("inverse_transform", DENSITIES)
EXPORTS = (*paths("to_torch", (*DENSITIES, "DBNClassifier", "DBNRegressor")),)
EXPORTS += paths("to_mlp", ("DBNClassifier", "DBNRegressor"))


def decoded(H):
    """Return the call of `inverse_transform`."""
    return lambda method: method.on_fitted(H)


CODES = [
    Case(
        "codes with another number of columns",
        DECODES,
        decoded(X),
        Raises(ValueError, "H has 5 columns, but ... 3..."),
    ),
    Case(
        "no codes",
        DECODES,
        decoded(X[:0, :3]),
        Raises(
            ValueError, "Found array with 0 sample(s) (shape=(0, 3)) while a minimum of 1 is required..."
        ),
    ),
    Case(
        "codes with NaN", DECODES, decoded(X[:, :3] * np.nan), Raises(ValueError, "Input H contains NaN...")
    ),
    Case(
        "sparse codes",
        DECODES,
        decoded(sparse.csr_matrix(X[:, :3])),
        Raises(TypeError, "Sparse data was passed..."),
    ),
    Case(
        "codes that no row has",
        DECODES,
        decoded(X[:, :3] - 50),
        Gives("Decoded; finite.", check=has_shape(N_ROWS, N_COLUMNS)),
    ),
    Case(
        "`layer` that is not there, or no number",
        paths("transform", ("DBNTransformer", "DBNClassifier", "DBNRegressor")),
        lambda method: method.with_rows(X, layer=2),
        Raises(ValueError, "layer=2, but the network has 2 hidden layers: give an integer from -2 to 1."),
    ),
    Case(
        "`layer` that is True",
        paths("transform", ("DBNTransformer", "DBNClassifier", "DBNRegressor")),
        lambda method: method.with_rows(X, layer=True),
        Raises(
            ValueError, "layer=True, but the network has 2 hidden layers: give an integer from -2 to 1."
        ),
    ),
    Case(
        "a network that was fitted by the up-down algorithm",
        paths("to_torch to_mlp", ("DBNClassifier",)),
        lambda method: method.of(fitted("DBNClassifier", fine_tuning="up-down")),
        Raises(
            ValueError, '... is for networks trained by back-propagation; fine_tuning="up-down" gives...'
        ),
    ),
]

# -- before a fit ----------------------------------------------------------------------------------

TAKES_ROWS = (*paths(ASKING), "RBMTransformer.impute")
NEEDS_FIT = (*TAKES_ROWS, *DECODES, *SAMPLES, *LOG_Z, *EXPORTS, *paths("get_feature_names_out"))


def before_fit(method):
    arguments = [X] if method.path in TAKES_ROWS + DECODES else []
    arguments += [LABELS] if method.name == "score" and method.estimator not in DENSITIES else []
    return method.on_new(*arguments)


UNFITTED = [
    Case(
        "an estimator that is not fitted",
        NEEDS_FIT,
        before_fit,
        Raises(
            NotFittedError,
            "This ... instance is not fitted yet. Call 'fit' with appropriate arguments before using this "
            "estimator.",
        ),
    ),
    Case(
        "an estimator that was pre-trained only, by `pretrain_on`",
        paths("predict", ("DBNClassifier", "DBNRegressor")),
        lambda method: method.of(new(method.estimator).pretrain_on(X), X),
        Raises(NotFittedError, "This ... instance is not fitted yet..."),
    ),
    Case(
        "an estimator whose second `fit` failed",
        paths("transform", ESTIMATORS),
        lambda method: method.of(_after_failure(method.estimator), X),
        Gives("Answers as before it.", lambda method: method.on_fitted(X), is_finite),
    ),
]


def _after_failure(name):
    model = fitted(name)
    try:
        model.fit(X * np.nan, LABELS)
    except ValueError:
        return model
    raise AssertionError("NaN was taken")
