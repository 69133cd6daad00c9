"""Rows too large to compute with, and steps too large to learn from: one error that says so, and no NaN."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn._labels import LabelledRows, accuracy
from skdbn.exceptions import DivergenceError
from skdbn.units import Gaussian

MESSAGE = (
    r"^X spans \[.*, 3e\+38\] \(fitted on \[.*\]\), which is too large to compute with: what follows from"
)

rng = np.random.default_rng(0)
X = rng.standard_normal((20, 3)).astype(np.float32)
HUGE = X.copy()
HUGE[7] = [3e38, -3e38, 3e38]

pytestmark = [
    pytest.mark.filterwarnings("ignore:X at predict time spans:UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def fitted():
    rbm = RBMTransformer(2, n_iter=1, hidden="bernoulli")
    stack = {"hidden_layer_sizes": (2, 2), "rbm": rbm, "random_state": 0}
    y = np.arange(20) % 2
    return {
        "rbm": RBMTransformer(2, n_iter=1, random_state=0).fit(X),
        "class rbm": RBMClassifier(2, max_iter=1, random_state=0).fit(X, y),
        "stack": DBNTransformer(**stack).fit(X),
        "classifier": DBNClassifier(**stack, max_iter=1).fit(X, y),
        "up-down": DBNClassifier(**stack, max_iter=1, fine_tuning="up-down").fit(X, y),
        "regressor": DBNRegressor(**stack, max_iter=1).fit(X, rng.random(20)),
    }


@pytest.fixture(scope="module")
def models():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitted()


METHODS = [
    ("rbm", "free_energy", {}),
    ("rbm", "score_samples", {"log_partition": 0.0}),
    ("rbm", "score_samples", {}),
    ("rbm", "score", {}),
    ("rbm", "transform", {}),
    ("rbm", "reconstruct", {}),
    ("rbm", "gibbs", {"random_state": 0}),
    ("rbm", "impute", {"random_state": 0, "n_steps": 1}),
    ("class rbm", "free_energy", {}),
    ("class rbm", "predict", {}),
    ("class rbm", "predict_proba", {}),
    ("class rbm", "predict_log_proba", {}),
    ("class rbm", "transform", {}),
    ("stack", "transform", {}),
    ("stack", "reconstruct", {}),
    ("stack", "score_samples", {"log_partition": 0.0}),
    ("stack", "log_likelihood_bound", {"log_partition": 0.0, "random_state": 0}),
    ("classifier", "predict", {}),
    ("classifier", "predict_proba", {}),
    ("classifier", "predict_log_proba", {}),
    ("classifier", "transform", {}),
    ("up-down", "predict", {}),
    ("up-down", "predict_proba", {}),
    ("regressor", "predict", {}),
    ("regressor", "transform", {}),
]


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(("name", "method", "options"), METHODS)
def test_a_huge_row_is_answered_by_finite_numbers_or_refused_by_its_size(
    models, name, method, options, convert
):
    model = models[name]
    try:
        answer = getattr(model, method)(convert(HUGE), **options)
    except ValueError as error:
        text = str(error)
        assert text.startswith("X spans [-3e+38, 3e+38] (fitted on ["), text
        assert "what follows from 1 of 20 rows is not finite in float" in text
        assert text.endswith(" Scale X as in training.")
    else:
        assert method in ("transform", "predict", "predict_proba", "predict_log_proba", "reconstruct")
        if method != "predict":
            assert np.isfinite(answer).all()


def test_free_energies_that_overflow_in_float32_are_refused_although_numpy_does_not_tell():
    # einsum, which squares the rows, raises no flag.
    rbm = RBMTransformer(1, visible="gaussian", n_iter=1, random_state=0)
    rbm.fit(np.array([[1.0], [-1.0]], dtype=np.float32))
    assert np.isfinite(rbm.free_energy(np.array([[1e19]], dtype=np.float32))).all()
    with pytest.raises(
        ValueError, match=r"^X spans \[0, 2e\+19\] \(fitted on \[-1, 1\]\), which is too large"
    ):
        rbm.free_energy(np.array([[0.0], [2e19]], dtype=np.float32))
    assert np.isfinite(rbm.free_energy(np.array([[2e19]]) / 10)).all()


def test_a_row_of_weight_0_that_overflows_is_refused_at_predict_and_not_answered_by_infinity():
    X, y = np.array([[2e19], [0.0]], dtype=np.float32), ["a", "a"]
    model = RBMClassifier(1, batch_size=None, centered=False, max_iter=1, random_state=0)
    model.fit(X, y, sample_weight=[0.3, 0.0])
    with pytest.raises(ValueError, match=r"^X spans \[0, 2e\+19\] \(fitted on \[2e\+19, 2e\+19\]\)"):
        model.free_energy(X)


def tiny():
    """Rows that make a scale of 1e-10, so that huge ones are infinite in its units."""
    return X * np.float32(1e-10)


def test_a_class_is_not_predicted_from_scores_that_are_no_numbers():
    # The largest of several NaN is the first of them.
    rbm = RBMTransformer(hidden="relu")
    model = DBNClassifier(2, pretrain=False, rbm=rbm, max_iter=1, random_state=0)
    model.fit(tiny(), np.arange(20) % 2)
    model.coefs_[0][...] = 1e10  # both hidden units are infinite, and the difference is no number
    model.coefs_[1][...] = [[1, -1], [-1, 1]]
    with pytest.raises(ValueError, match=r"too large to compute with: what follows from 2 of 2 rows"):
        model.predict(np.full((2, 3), 3e38, dtype=np.float32))


def test_chains_do_not_start_from_rows_whose_hidden_means_are_no_numbers():
    # Draws of NaN would be states like any others.
    rbm = RBMTransformer(2, visible="gaussian", n_iter=1, random_state=0).fit(tiny())
    rbm.components_ = np.array([[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]], dtype=np.float32)
    huge = np.full((2, 3), 3e38, dtype=np.float32)
    one_missing = np.where(np.arange(3) == 0, np.nan, huge)
    for draw in (
        lambda: rbm.gibbs(huge, random_state=0),
        lambda: rbm.sample(start=huge, n_steps=2, random_state=0),
        lambda: rbm.sample(start=huge, n_steps=2, n_temperatures=2, random_state=0),
        lambda: rbm.impute(one_missing, n_steps=2, random_state=0),
        lambda: rbm.log_partition("ais", n_runs=2, n_temperatures=3, start=huge, random_state=0),
    ):
        with pytest.raises(ValueError, match=r"which is too large to compute with: what follows from"):
            draw()


def test_a_float64_row_beyond_float32_is_refused_by_a_model_in_float32():
    X64 = np.array([[0.0, 0.0, 1e200]])
    rbm = RBMTransformer(2, visible="gaussian", n_iter=1, random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"^X spans \[0, 1e\+200\] \(fitted on"):
        rbm.free_energy(X64)
    before = rbm.components_.copy()
    with pytest.raises(
        ValueError, match=r"^X contains values too large for float32, in which the model comp"
    ):
        rbm.partial_fit(X64)
    with pytest.raises(ValueError, match=r"^X_val contains values too large for float32"):
        rbm.fit(X, X_val=X64)
    np.testing.assert_array_equal(rbm.components_, before)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="longdouble is float64 here")
def test_extended_numbers_beyond_float64_are_refused():
    with pytest.raises(
        ValueError, match=r"^X contains values too large for float64, in which the model comp"
    ):
        RBMTransformer(2).fit(np.array([[np.longdouble("1e400")], [0]]))


def test_missing_entries_of_half_precision_are_filled():
    rbm = RBMTransformer(2, n_iter=1, random_state=0).fit(X)
    half = np.array([[np.nan, 0.5, -0.5]], dtype=np.float16)
    filled = rbm.impute(half, n_steps=2, random_state=0)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[0, 1:], [0.5, -0.5])


def test_hidden_states_too_large_to_lead_down_are_refused():
    rbm = RBMTransformer(2, visible=Gaussian(), n_iter=1, random_state=0).fit(X)
    rbm.components_ *= np.float32(1e6)
    huge = np.full((1, 2), 3e38, dtype=np.float32)
    with pytest.raises(
        ValueError, match=r"^H spans \[3e\+38, 3e\+38\], which is too large to compute with"
    ):
        rbm.inverse_transform(huge)


LABELS = np.arange(20) % 2
NETWORK = {"pretrain": False, "rbm": RBMTransformer(hidden="relu"), "max_iter": 1, "random_state": 0}
HELD_OUT = [
    (DBNClassifier(2, **NETWORK), LABELS),
    (DBNRegressor(2, **NETWORK), LABELS),
    (DBNTransformer(2, **NETWORK, fine_tuning="reconstruction"), None),
]


@pytest.mark.parametrize(("model", "y"), HELD_OUT)
def test_held_out_rows_whose_outputs_are_no_numbers_have_no_score_and_end_the_training(model, y):
    targets = {} if y is None else {"y_val": y}
    message = r"diverged at epoch 1 \(non-finite validation score\)\. Lower learning_rate \(now .* or scale"
    with pytest.raises(DivergenceError, match=message):
        clone(model).fit(tiny(), *(() if y is None else (y,)), X_val=HUGE, **targets)


def test_an_accuracy_of_scores_that_are_no_numbers_is_none():
    # The largest of NaN is the first class.
    rows = LabelledRows(X[:2], np.array([0, 0]), None)
    assert accuracy(np.array([[0.1, 0.9], [0.9, 0.1]]), rows) == 0.5
    assert np.isnan(accuracy(np.array([[np.nan, np.nan], [0.9, 0.1]]), rows))


# -- steps that are too large ----------------------------------------------------------------------


def slow():
    return RBMTransformer(n_iter=4)


def fast():
    return RBMTransformer(n_iter=4, optimizer="sgd", learning_rate=1e30)


STAGES = {
    "Training": [
        RBMTransformer(2, n_iter=4, optimizer="sgd", learning_rate=1e30),
        RBMClassifier(2, max_iter=4, optimizer="sgd", learning_rate=1e30),
    ],
    "Pretraining of layer 1": [
        DBNTransformer((2, 2), rbm=fast()),
        DBNClassifier((2, 2), rbm=fast()),
        DBNClassifier((2, 2), rbm=fast(), fine_tuning="up-down"),
        DBNRegressor((2, 2), rbm=fast()),
    ],
    "Pretraining of layer 2": [
        DBNTransformer((2, 2), rbm=[slow(), fast()]),
        DBNClassifier((2, 2), rbm=[slow(), fast()], fine_tuning="up-down"),
    ],
    "Fine-tuning": [
        DBNTransformer(
            (2, 2), rbm=slow(), fine_tuning="reconstruction", optimizer="sgd", learning_rate=1e30
        ),
        DBNClassifier((2, 2), rbm=slow(), optimizer="sgd", learning_rate=1e30),
        DBNClassifier((2, 2), rbm=slow(), fine_tuning="up-down", optimizer="sgd", learning_rate=1e30),
        DBNRegressor((2, 2), rbm=slow(), optimizer="sgd", learning_rate=1e30),
    ],
}


@pytest.mark.parametrize("train", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("stage", "model"), [(stage, model) for stage, models in STAGES.items() for model in models]
)
def test_a_rate_far_too_large_ends_the_first_epoch_with_its_stage_and_nothing_half_made(
    stage, model, train
):
    model = clone(model).set_params(random_state=0)
    before = set(vars(model))
    y = () if isinstance(model, (RBMTransformer, DBNTransformer)) else (np.arange(20) % 2,)
    message = (
        rf"^{stage} diverged at epoch 1 \(.*\)\. Lower learning_rate \(now 1e\+30\) or scale the inputs\.$"
    )
    with pytest.raises(DivergenceError, match=message):
        getattr(model, train)(X, *y)
    assert set(vars(model)) == before


@pytest.mark.parametrize("fine_tuning", ["backprop", "up-down"])
def test_columns_of_the_smallest_spread_leave_no_weights_that_are_not_finite(fine_tuning):
    tiny = (X * 1e-40).astype(np.float32)
    model = DBNClassifier(
        (3,),
        fine_tuning=fine_tuning,
        rbm=RBMTransformer(n_iter=2, visible="gaussian"),
        max_iter=2,
        random_state=0,
    )
    with pytest.raises(ValueError, match="The fitted input layer is not finite in the units of the data"):
        model.fit(tiny, np.arange(20) % 2)
    assert not hasattr(model, "coefs_")
