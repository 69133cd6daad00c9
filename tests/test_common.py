"""scikit-learn's own checks, on every estimator in its stochastic and in its exact configuration."""

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.samplers import MeanField
from skdbn.schedules import Linear

# Training without draws: then a row of weight 2 is exactly a row given twice.
EXACT = {"sampler": MeanField(), "batch_size": None}

STOCHASTIC_REASON = (
    "rows are drawn batch by batch and states at random: a repeated row makes more updates, a weighted one "
    "larger ones. What holds of weights is tested in this file and in test_rbm_transformer.py."
)


def rbm(**parameters):
    return RBMTransformer(**{"n_components": 8, "n_iter": 2, **parameters})


def classifier(**parameters):
    # The rate and the epochs are those with which the 30 rows of the checks can be learned in full batches.
    defaults = {
        "hidden_layer_sizes": (8, 8),
        "rbm": rbm(),
        "learning_rate": 0.03,
        "dropout": 0.0,
        "input_dropout": 0.0,
        "max_iter": 40,
    }
    return DBNClassifier(**{**defaults, **parameters})


def regressor(**parameters):
    defaults = {
        "hidden_layer_sizes": 8,
        "rbm": rbm(),
        "learning_rate": 0.03,
        "dropout": 0.0,
        "input_dropout": 0.0,
        "max_iter": 20,
    }
    return DBNRegressor(**{**defaults, **parameters})


def transformer(**parameters):
    return DBNTransformer(**{"hidden_layer_sizes": 8, "rbm": rbm(), "max_iter": 3, **parameters})


def class_rbm(**parameters):
    return RBMClassifier(**{"n_components": 8, "learning_rate": 0.03, "max_iter": 40, **parameters})


EXACT_ESTIMATORS = [
    rbm(**EXACT),
    rbm(**EXACT, visible="gaussian", centered=False),
    classifier(rbm=rbm(**EXACT), batch_size=None),
    classifier(rbm=rbm(**EXACT), batch_size=None, pretrain=False),
    # Frozen features must be worth something.
    classifier(
        rbm=rbm(**EXACT, n_iter=20, learning_rate=0.03),
        hidden_layer_sizes=8,
        batch_size=None,
        fine_tuning=None,
    ),
    regressor(rbm=rbm(**EXACT), batch_size=None),
    regressor(hidden_layer_sizes=(8, 8), batch_size=None, pretrain=False),
    transformer(hidden_layer_sizes=(8, 5), rbm=rbm(**EXACT)),
    transformer(rbm=rbm(**EXACT), fine_tuning="reconstruction", batch_size=None),
    transformer(hidden_layer_sizes=(8, 5), fine_tuning="reconstruction", batch_size=None, pretrain=False),
    class_rbm(**EXACT),
    class_rbm(**EXACT, objective="generative", visible="gaussian", centered=False),
    class_rbm(**EXACT, objective="discriminative"),
]
# No instance with early_stopping: its `partial_fit` is an error, and the checks would call it.
STOCHASTIC_ESTIMATORS = [
    rbm(),
    rbm(sampler="cd", optimizer="adam"),
    classifier(),
    classifier(pretrain=False, batch_size=5, dropout=0.2, max_iter=25),
    regressor(max_iter=12),
    transformer(),
    transformer(hidden_layer_sizes=(8, 5), fine_tuning="reconstruction", input_dropout=0.2),
    class_rbm(),
    classifier(
        fine_tuning="up-down",
        hidden_layer_sizes=16,
        rbm=rbm(n_iter=30, sampler="cd"),
        learning_rate=0.003,
        max_iter=5,
    ),
]


def expected_failed_checks(estimator):
    if estimator in EXACT_ESTIMATORS:
        return {}
    return {
        f"check_sample_weight_equivalence_on_{kind}_data": STOCHASTIC_REASON for kind in ("dense", "sparse")
    }


# Strict by `xfail_strict` of the pytest configuration: the argument is new in scikit-learn 1.8.
@parametrize_with_checks(
    [*EXACT_ESTIMATORS, *STOCHASTIC_ESTIMATORS], expected_failed_checks=expected_failed_checks
)
# The checks train on a dozen rows, on labels without a pattern, or for one epoch.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimator_passes_every_check_of_scikit_learn(estimator, check):
    check(estimator)


# Checks that scikit-learn runs on its own classes only, and does not yield to others.
UNYIELDED_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_get_feature_names_out_error",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_inplace_ensure_writeable",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


@pytest.mark.parametrize(
    "estimator",
    [rbm(), classifier(), regressor(max_iter=2), transformer(fine_tuning="reconstruction", max_iter=2)],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("name", UNYIELDED_CHECKS)
# Random labels and few epochs; frames and arrays are mixed on purpose.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_estimator_passes_the_checks_that_scikit_learn_keeps_to_itself(name, estimator):
    check = getattr(estimator_checks, name, None)
    if check is None:
        pytest.skip(f"this version of scikit-learn has no {name}")
    check(type(estimator).__name__, clone(estimator))


# -- what holds of sample weights in place of the expected failures --------------------------------

N_SEEDS = 40
# A Kolmogorov-Smirnov test of equal distributions goes below this p-value once in a million trials;
# weights that are ignored give 1e-23 (measured, and held by the second assertion).
SMALLEST_P = 1e-6


@pytest.fixture(scope="module")
def weighted_rows():
    """Rows with integer weights that matter, and some rows to look at."""
    rng = np.random.default_rng(0)
    X, y = make_blobs(60, 4, centers=3, cluster_std=3.0, random_state=0)
    X = (X - X.min(axis=0)) / np.ptp(X, axis=0)
    weight = np.where(y == 0, 5, rng.integers(0, 2, size=len(y)))
    return X, y, weight, X[rng.choice(len(X), 3, replace=False)]


def outputs(estimator, method, shown, seeds, X, y, sample_weight=None):
    """What a method gives for the rows shown, for each seed: (n_seeds, n_values)."""
    models = (clone(estimator).set_params(random_state=seed) for seed in seeds)
    return np.array(
        [getattr(model.fit(X, y, sample_weight=sample_weight), method)(shown).ravel() for model in models]
    )


def smallest_p(first, second):
    return min(stats.ks_2samp(*values).pvalue for values in zip(first.T, second.T, strict=True))


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (rbm(sampler="cd", batch_size=None, n_iter=30, learning_rate=Linear(0.05, 0)), "reconstruct"),
        (
            classifier(
                hidden_layer_sizes=5,
                rbm=rbm(batch_size=None, learning_rate=0.05, n_iter=10),
                batch_size=None,
                learning_rate=Linear(0.1, 0),
                max_iter=20,
            ),
            "predict_proba",
        ),
    ],
    ids=["RBMTransformer", "DBNClassifier"],
)
# Twenty epochs, a rate that falls to 0: where it stands at the end is what is compared.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weighted_and_repeated_rows_give_the_same_distribution_in_full_batches(
    estimator, method, weighted_rows
):
    X, y, weight, shown = weighted_rows
    repeated = np.repeat(np.arange(len(X)), weight)
    seeds, other_seeds = range(N_SEEDS), range(N_SEEDS, 2 * N_SEEDS)
    of_weighted = outputs(estimator, method, shown, seeds, X, y, weight)
    of_repeated = outputs(estimator, method, shown, other_seeds, X[repeated], y[repeated])
    of_unweighted = outputs(estimator, method, shown, other_seeds, X, y)
    assert smallest_p(of_weighted, of_repeated) > SMALLEST_P
    assert smallest_p(of_weighted, of_unweighted) < SMALLEST_P**2


def arrays_of(estimator):
    if hasattr(estimator, "components_"):
        return [estimator.components_, estimator.intercept_hidden_, estimator.intercept_visible_]
    return [*estimator.coefs_, *estimator.intercepts_]


def assert_same_model(first, second):
    for one, other in zip(arrays_of(first), arrays_of(second), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("estimator", STOCHASTIC_ESTIMATORS, ids=str)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few epochs
def test_row_of_weight_zero_is_a_row_that_is_not_there(estimator, convert, weighted_rows):
    X, y, weight, _ = weighted_rows
    kept = weight > 0
    estimator = clone(estimator).set_params(random_state=0)
    with_zeros = clone(estimator).fit(convert(X), y, sample_weight=weight)
    assert_same_model(with_zeros, estimator.fit(convert(X[kept]), y[kept], sample_weight=weight[kept]))


@pytest.mark.parametrize("estimator", STOCHASTIC_ESTIMATORS, ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few epochs
def test_common_factor_of_all_weights_changes_nothing(estimator, weighted_rows):
    X, y, weight, _ = weighted_rows
    estimator = clone(estimator).set_params(random_state=0)
    # A power of two: no rounding.
    scaled = clone(estimator).fit(X, y, sample_weight=0.25 * weight)
    assert_same_model(scaled, clone(estimator).fit(X, y, sample_weight=weight))


@pytest.mark.parametrize("estimator", STOCHASTIC_ESTIMATORS, ids=str)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # few epochs
def test_equal_weights_are_no_weights(estimator, weighted_rows):
    X, y, _, _ = weighted_rows
    estimator = clone(estimator).set_params(random_state=0)
    weighted = clone(estimator).fit(X, y, sample_weight=np.full(len(X), 2.0))
    assert_same_model(weighted, clone(estimator).fit(X, y))
