"""What users are told when something is wrong, and that nothing is lost by it.

The numbers after "m" are those of the table of failure modes that the texts come from.
"""

import pickle
import re
import warnings
from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdbn import DBNClassifier, RBMClassifier, RBMTransformer
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD, RMSProp
from skdbn.samplers import CD, PCD
from skdbn.schedules import Linear
from skdbn.units import Gaussian


def small_rbm(**parameters):
    return RBMTransformer(**{"n_components": 3, "n_iter": 2, "random_state": 0, **parameters})


def small_dbn(**parameters):
    return DBNClassifier(
        **{
            "hidden_layer_sizes": (7, 3),
            "rbm": RBMTransformer(n_iter=2),
            "learning_rate": Linear(0.05, 0),
            "dropout": 0.0,
            "input_dropout": 0.0,
            "max_iter": 10,
            "tol": 1.0,  # whatever the loss does is convergence: no warning about that
            "random_state": 0,
            **parameters,
        }
    )


@pytest.fixture(name="X")
def rows(rng):
    return rng.random((40, 5))


@pytest.fixture
def y():
    return np.arange(40) % 3


@pytest.fixture
def data():
    """Two classes that are easy to tell apart."""
    X, y = make_blobs(60, 5, centers=2, cluster_std=1.0, random_state=0)
    return StandardScaler().fit_transform(X), y


# -- M1 to M18 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_m1_values_outside_0_and_1_for_binary_units(convert, X):
    X[3, 2], X[5, 1] = -3.1, 12.0
    message = (
        r'visible="bernoulli" expects values in \[0, 1\]; got min=-3\.1, max=12 in X\. '
        r"Scale with MinMaxScaler\(\), binarize with Binarizer\(\), or use "
        r'visible="gaussian" with StandardScaler\(\)\.'
    )
    with pytest.raises(ValueError, match=message):
        small_rbm(visible="bernoulli").fit(convert(X))
    with pytest.raises(ValueError, match=message):
        small_dbn(rbm=RBMTransformer(visible="bernoulli")).fit(convert(X), np.arange(40) % 2)
    with pytest.raises(ValueError, match=message):
        small_dbn(rbm=RBMTransformer(visible="bernoulli"), pretrain=False).fit(
            convert(X), np.arange(40) % 2
        )


def test_m1_counts_are_recognised(rng):
    counts = rng.integers(0, 9, size=(40, 5))
    with pytest.raises(ValueError, match=r"max=8 in X\. X looks like counts\. Scale with"):
        small_rbm(visible="bernoulli").fit(counts)
    with pytest.raises(ValueError, match=r"in X\. Scale with"):
        small_rbm(visible="bernoulli").fit(counts - 0.5)


@pytest.mark.parametrize("method", ["transform", "reconstruct", "free_energy", "score_samples", "gibbs"])
def test_m2_forgotten_scaler_in_front_of_an_rbm(method, X):
    rbm = small_rbm().fit(X)
    message = (
        r"X at predict time spans \[.*, 99\] but the model was fitted on \[0\..*\]; was the scaler appl"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        getattr(rbm, method)(99 * X / X.max())
    assert len(caught) == 1  # once a call


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "transform"])
def test_m2_forgotten_scaler_in_front_of_a_classifier(method, X, y):
    dbn = small_dbn().fit(X, y)
    with pytest.warns(
        UserWarning, match=r"X at predict time spans \[.*; was the scaler applied\?"
    ) as caught:
        getattr(dbn, method)(99 * X)
    assert len(caught) == 1


@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix])
def test_m2_forgotten_scaler_of_sparse_rows(convert, X, y):
    X[X < 0.3] = 0
    rbm, dbn = small_rbm().fit(convert(X)), small_dbn().fit(convert(X), y)
    message = r"X at predict time spans \[0, 99\] but the model was fitted on \[0, 0\..*\]; was the scaler"
    for method in (rbm.transform, dbn.predict):
        with pytest.warns(UserWarning, match=message) as caught:
            method(convert(99 * X / X.max()))
        assert len(caught) == 1


@pytest.mark.parametrize("side", ["above", "below"])
@pytest.mark.parametrize(
    "convert", [np.asarray, sparse.csr_matrix, sparse.csr_array], ids=["dense", "matrix", "array"]
)
def test_m2_asks_for_a_tenth_of_the_rows(side, convert, X, y, rng):
    rbm, dbn = small_rbm().fit(X), small_dbn().fit(X, y)
    rows = rng.random((100, 5))
    rows[:9, 2] = 99 if side == "above" else -99
    assert np.isfinite(rbm.transform(convert(rows))).all()  # in silence
    assert np.isfinite(dbn.predict_proba(convert(rows))).all()
    rows[9, 0] = 99 if side == "above" else -99
    for method in (rbm.transform, dbn.predict_proba):
        with pytest.warns(UserWarning, match=r"was the scaler applied\?"):
            method(convert(rows))


def test_m2_rare_columns_after_min_max_scaler_are_taken_in_silence(rng):
    # Border pixels: rarely on, hardly so in the training rows, and fully so in some of the others.
    X, X_new = rng.uniform(0, 255, size=(200, 9)), rng.uniform(0, 255, size=(100, 9))
    X[:, 8] = 2.0 * (np.arange(200) == 7)
    X_new[:, 8] = 255.0 * (np.arange(100) < 5)
    y = np.arange(200) % 2
    scaler = MinMaxScaler().fit(X)
    assert scaler.transform(X_new).max() > 100
    rbm = small_rbm().fit(scaler.transform(X))
    dbn = small_dbn().fit(scaler.transform(X), y)
    assert np.isfinite(rbm.transform(scaler.transform(X_new))).all()
    assert np.isfinite(dbn.predict_proba(scaler.transform(X_new))).all()
    with pytest.warns(UserWarning, match=r"was the scaler applied\?"):
        dbn.predict(X_new)


def test_m2_values_a_little_outside_are_taken_in_silence(X, y):
    rbm, dbn = small_rbm(visible="bernoulli").fit(X), small_dbn().fit(X, y)
    for rows in (1.9 * X, X - 0.9):  # within one width of the range
        assert np.isfinite(rbm.transform(rows)).all()
        assert np.isfinite(dbn.predict_proba(rows)).all()


def test_m3_divergence_names_the_stage_the_epoch_and_the_rate(rng):
    X = rng.standard_normal((40, 5))
    message = (
        r"^Training diverged at epoch \d+ \(too large weights\)\. "
        r"Lower learning_rate \(now 1e\+30\) or scale the inputs\.$"
    )
    with pytest.raises(ValueError, match=message):
        small_rbm(visible="gaussian", optimizer=SGD(), learning_rate=1e30, n_iter=50).fit(X)


@pytest.mark.parametrize("sampler", ["pcd", "cd", "meanfield"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_m3_comes_alone(visible, dtype, sampler, X):
    rbm = small_rbm(visible=visible, sampler=sampler, optimizer=SGD(), learning_rate=1e300, n_iter=50)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(DivergenceError, match=r"^Training diverged at epoch"):
            rbm.fit(X.astype(dtype))
    assert caught == []


def test_m3_divergence_of_a_layer_names_the_layer(rng):
    X, y = rng.standard_normal((40, 5)), np.arange(40) % 2
    diverging = RBMTransformer(visible="gaussian", optimizer=SGD(), learning_rate=1e30, n_iter=50)
    with pytest.raises(
        ValueError, match=r"^Pretraining of layer 1 diverged at epoch \d+ \(too large weights"
    ):
        small_dbn(rbm=diverging).fit(X, y)
    fine = RBMTransformer(n_iter=2)
    with pytest.raises(ValueError, match=r"^Pretraining of layer 2 diverged at epoch \d+ .*now 1e\+30"):
        small_dbn(rbm=[fine, diverging]).fit(X, y)


def test_m3_divergence_of_fine_tuning_is_told(rng):
    X, y = rng.standard_normal((40, 5)), np.arange(40) % 2
    with pytest.raises(
        ValueError, match=r"^Fine-tuning diverged at epoch \d+ \(non-finite weights\).*1e\+300"
    ):
        small_dbn(optimizer=SGD(), learning_rate=1e300, max_iter=50, pretrain=False).fit(X, y)


@pytest.mark.parametrize("scale", [1.0, np.ones(5)], ids=["number", "one a column"])
def test_m4_columns_far_from_a_scale_given_by_the_user(scale, rng):
    X = rng.standard_normal((40, 5)) * [1, 2, 100, 0.01, 0.5]
    message = (
        r'visible="gaussian" assumes standardized features; 2 of 5 columns have std outside \[0\.1, 10\]'
    )
    with pytest.warns(UserWarning, match=message + r".*Use StandardScaler\(\)"):
        small_rbm(visible=Gaussian(scale=scale), learning_rate=1e-6).fit(X)


def test_m4_scales_taken_from_the_data_need_no_warning(rng):
    X = rng.standard_normal((40, 5)) * [1, 2, 100, 0.01, 0.5]
    assert np.isfinite(small_rbm(visible="gaussian").fit(X).transform(X)).all()


def test_m5_saturated_hidden_layer(rng):
    X = rng.standard_normal((40, 5))
    rbm = small_rbm(optimizer=SGD(), learning_rate=1e-12, warm_start=True).fit(X)
    rbm.intercept_hidden_[:] = 30.0
    message = (
        r"100% of hidden units of the RBM are saturated \(mean activation <0\.01 or >0\.99\); features "
        r"carry almost no information\. Lower learning_rate, add weight decay, raise n_iter, or check "
        r"scaling\."
    )
    with pytest.warns(ConvergenceWarning, match=message):
        rbm.fit(X)


def test_m5_constant_hidden_layer(rng):
    X = rng.standard_normal((40, 5))
    rbm = small_rbm(optimizer=SGD(), learning_rate=1e-12, warm_start=True).fit(X)
    rbm.components_[:] = 0
    message = (
        r"100% of hidden units of the RBM are constant \(activation varies by <0\.001\); features "
        r"carry almost no information\. Lower learning_rate, add weight decay, raise n_iter, or check "
        r"scaling\."
    )
    with pytest.warns(ConvergenceWarning, match=message):
        rbm.fit(X)


@pytest.mark.parametrize("low_and_high", [(0.0, 0.009), (0.991, 1.0), (0.5, 0.5009)], ids=str)
def test_m5_asks_for_nine_units_in_ten(low_and_high, X):
    hidden_mean = np.tile([[0.0], [1.0]], (20, 10))
    hidden_mean[:, :8] = np.tile(np.array(low_and_high)[:, np.newaxis], (20, 8))
    with mock.patch("skdbn._rbm_fit.Watch.hidden_mean", return_value=hidden_mean):
        small_rbm().fit(X)  # in silence
        hidden_mean[:, 8] = hidden_mean[:, 0]
        with pytest.warns(ConvergenceWarning, match=r"^90% of hidden units of the RBM are (sat|const)"):
            small_rbm().fit(X)


def test_m5_of_a_single_row_there_is_nothing_to_say(X):
    assert np.isfinite(small_rbm().fit(X[:1]).transform(X)).all()


def test_m5_layer_of_a_stack_is_named(X, y):
    with (
        mock.patch("skdbn._rbm_fit.Watch.hidden_mean", return_value=np.zeros((4, 3))),
        pytest.warns(ConvergenceWarning, match="of hidden units of layer") as caught,
    ):
        small_dbn().fit(X, y)
    layers = [re.search(r"units of (layer \d)", str(warning.message))[1] for warning in caught]
    assert layers == ["layer 1", "layer 2"]


@pytest.mark.parametrize("dtype", [str, object])
def test_m6_a_single_class_for_all_rows(dtype):
    X = np.full((40, 5), 0.5)  # nothing to tell the rows apart by
    y = np.where(np.arange(40) < 30, "often", "rare").astype(dtype)
    message = (
        r"The fitted network predicts class 'often' for every training sample \(majority share 75%\)\. "
        r'Check scaling, lower learning_rate, more max_iter, or class_weight="balanced"\.'
    )
    with pytest.warns(ConvergenceWarning, match=message):
        small_dbn(pretrain=False).fit(X, y)


@pytest.mark.parametrize(
    ("often", "rare", "written"), [(5, 6, "5"), (2.0, 3.0, r"2\.0"), (True, False, "True")], ids=str
)
def test_m6_class_is_written_as_the_user_writes_it(often, rare, written):
    X = np.full((40, 5), 0.5)
    with pytest.warns(ConvergenceWarning, match=f"predicts class {written} for every training sample"):
        small_dbn(pretrain=False).fit(X, np.where(np.arange(40) < 30, often, rare))


def test_m6_is_silent_when_there_is_one_class_only(X):
    small_dbn().fit(X, np.ones(40))


def test_m7_maximum_of_iterations_reached(data):
    message = r"^Fine-tuning: maximum iterations \(2\) reached and the optimization hasn't converged yet\."
    with pytest.warns(ConvergenceWarning, match=message):
        small_dbn(max_iter=2, tol=0, learning_rate=0.01, batch_size=None).fit(*data)


def test_m8_one_hot_targets(X):
    with pytest.raises(
        ValueError, match=r"y is 2-D \(40, 5\) and one-hot; pass class labels, e\.g\. y\.argmax\(axis=1\)\."
    ):
        small_dbn().fit(X, np.eye(5)[np.arange(40) % 5])
    with pytest.raises(ValueError, match=r"y is 2-D \(40, 2\); pass one class label for each row\."):
        small_dbn().fit(X, np.full((40, 2), 7))


@pytest.mark.parametrize("n_epochs", [1, 2])
@pytest.mark.filterwarnings("ignore:The fitted network predicts class")  # two updates
@pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations")
def test_m9_more_rows_in_a_batch_than_there_are(n_epochs, X, y):
    message = r"^batch_size=256 is larger than n_samples=40; using 40\.$"
    with pytest.warns(UserWarning, match=message):
        small_rbm(batch_size=256, n_iter=n_epochs).fit(X)
    with pytest.warns(UserWarning, match=message):
        small_dbn(batch_size=256, max_iter=n_epochs).fit(X, y)


def test_m9_chunks_smaller_than_a_batch_are_taken_in_silence(X, y):
    rbm, dbn = small_rbm(batch_size=256), small_dbn(batch_size=256)
    for _ in range(2):
        rbm.partial_fit(X)
        dbn.partial_fit(X, y)
    assert (rbm.n_iter_, dbn.n_iter_) == (2, 2)


@pytest.mark.parametrize("batch_size", ["auto", None, 40])
def test_m9_is_silent_unless_asked_for_too_much(batch_size, X):
    small_rbm(batch_size=batch_size).fit(X)
    small_rbm().fit(X[:1])


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("optimizer", "RMSProp"),
        ("sampler", "PCD"),
        ("visible", "binary"),
        ("learning_rate", 0),
        ("learning_rate", "fast"),
        ("n_components", 0),
        ("n_iter", 1.5),
        ("alpha", -1),
        ("batch_size", 0),
    ],
)
def test_m10_invalid_parameter_is_named_with_its_value(parameter, value, X):
    message = (
        rf"The '{parameter}' parameter of RBMTransformer must be .* Got {re.escape(repr(value))} instead"
    )
    with pytest.raises(ValueError, match=message):
        small_rbm(**{parameter: value}).fit(X)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("optimizer", "RMSProp"),
        ("fine_tuning", "wake-sleep"),
        ("dropout", 1.0),
        ("input_dropout", -0.1),
        ("max_norm", 0.0),
        ("frozen_layers", -1),
        ("head_epochs", 1.5),
        ("pretrain", "yes"),
        ("max_iter", 0),
        ("validation_fraction", 1.0),
        ("class_weight", "auto"),
        ("rbm", "pcd"),
    ],
)
def test_m10_invalid_parameter_of_the_classifier_is_named_with_its_value(parameter, value, X, y):
    message = (
        rf"The '{parameter}' parameter of DBNClassifier must be .* Got {re.escape(repr(value))} instead"
    )
    with pytest.raises(ValueError, match=message):
        small_dbn(**{parameter: value}).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dropout": [0.1]}, r"dropout has 1 values, but there are 2 hidden layers"),
        ({"dropout": (0.1, 1.0)}, r"dropout=\(0\.1, 1\.0\): 1\.0 is not allowed for a layer"),
        ({"dropout": [0.1, None]}, r"dropout=\[0\.1, None\]: None is not allowed for a layer"),
        ({"max_norm": [1.0, 2.0, None]}, r"max_norm has 3 values, but there are 2 hidden layers"),
        ({"max_norm": [None, 0]}, r"max_norm=\[None, 0\]: 0 is not allowed for a layer"),
        ({"frozen_layers": 3}, r"frozen_layers=3, but the network has 2 hidden layers"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_parameters_that_do_not_fit_the_layers(parameters, message, method, X, y):
    with pytest.raises(ValueError, match=message):
        getattr(small_dbn(**parameters), method)(X, y)


def test_validation_rows_of_which_none_has_a_label(X, y):
    message = r"No row of X_val has a target: all of y_val equals -1"
    with pytest.raises(ValueError, match=message):
        small_dbn(unlabeled=-1).fit(X, y, X_val=X, y_val=np.full(40, -1))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"sampler": CD(0)}, r"CD\(n_steps=0\): n_steps must be an integer >= 1"),
        ({"sampler": PCD(n_chains=2.5)}, r"PCD\(n_chains=2\.5\): n_chains must be an integer >= 1"),
        ({"optimizer": RMSProp(rho=1.0)}, r"RMSProp: rho must be in \[0, 1\), got 1\.0"),
        ({"learning_rate": Linear("a", 0)}, r"Linear: start must be a finite number, got 'a'"),
        (
            {"visible": Gaussian(scale=-1)},
            r'Gaussian\(scale=-1\): scale must be "data", "learned", a positive number or one positive '
            r"number for each of the 5 columns",
        ),
    ],
)
def test_m10_invalid_parameter_of_a_part_is_named_with_its_value(part, message, X):
    with pytest.raises(ValueError, match=message):
        small_rbm(**part).fit(X)


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        (0, "got 0 in 0"),
        ((10, -1), r"got -1 in \(10, -1\)"),
        ((10, 2.5), r"got 2\.5 in \(10, 2\.5\)"),
        ((), "got no layer"),
    ],
)
def test_m11_layer_sizes(sizes, found, X, y):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must be one or more integers >= 1; " + found):
        small_dbn(hidden_layer_sizes=sizes).fit(X, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_m12_missing_and_infinite_values(value, X, y):
    X[3, 2] = value
    message = r"Input X contains (NaN|infinity)"
    with pytest.raises(ValueError, match=message):
        small_rbm().fit(X)
    with pytest.raises(ValueError, match=message):
        small_dbn().fit(X, y)


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.3, -7.0, 1e6])
def test_m13_constant_columns_are_taken_in_silence(constant, X):
    X[:, 2] = constant
    rbm = small_rbm().fit(X)
    assert np.isfinite(rbm.transform(X)).all()
    assert np.isfinite(rbm.sample(3)).all()
    assert np.isfinite(rbm.score(X))


def test_m14_score_of_real_valued_rows_is_minus_the_reconstruction_error(data):
    X, _ = data
    rbm = small_rbm().fit(X)
    scaled = (rbm.reconstruct(X) - X) / rbm.visible_.scale_
    np.testing.assert_allclose(rbm.score_samples(X), -(scaled**2).mean(axis=1), rtol=1e-9)


def test_m15_new_classes_and_other_columns(X, y):
    dbn = small_dbn().fit(X, y)
    unknown = r"y contains labels \[7\] that are not among the classes \[0, 1, 2\]"
    with pytest.raises(ValueError, match=unknown):
        dbn.partial_fit(X, np.where(y == 1, 7, y))
    with pytest.raises(ValueError, match=unknown):
        dbn.set_params(warm_start=True).fit(X, np.where(y == 1, 7, y))
    with pytest.raises(
        ValueError, match=r"classes=\[0, 1\] is not the same as on the last call: \[0, 1, 2\]"
    ):
        dbn.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(
        ValueError, match=r"y contains labels \[2\] that are not among the classes \[0, 1\]"
    ):
        small_dbn().partial_fit(X, y, classes=[0, 1])
    message = r"X has 4 features, but (DBNClassifier|RBMTransformer) is expecting 5 features as input"
    with pytest.raises(ValueError, match=message):
        dbn.partial_fit(X[:, :4], y)
    with pytest.raises(ValueError, match=message):
        small_rbm().fit(X).partial_fit(X[:, :4])
    with pytest.raises(ValueError, match=message):
        small_rbm(warm_start=True).fit(X).fit(X[:, :4])


def test_m15_other_number_of_hidden_units(X):
    message = r"n_components=4 but the fitted model has 3; use clone\(\) to start anew"
    for method in ("fit", "partial_fit"):
        rbm = small_rbm(warm_start=True).fit(X).set_params(n_components=4)
        with pytest.raises(ValueError, match=message):
            getattr(rbm, method)(X)


def test_m16_continuous_targets(X, rng):
    with pytest.raises(ValueError, match=r"Unknown label type: .*continuous"):
        small_dbn().fit(X, rng.random(40))


def test_m17_held_out_share_too_small_for_all_classes(X):
    y = np.repeat(np.arange(20), 2)
    message = (
        r"early_stopping cannot hold out validation_fraction=0\.1 of 40 labelled rows with each class "
        r"among them .*Raise validation_fraction, pass X_val and y_val, or use early_stopping=False\."
    )
    with pytest.raises(ValueError, match=message):
        small_dbn(early_stopping=True).fit(X, y)


# -- other errors ---------------------------------------------------------------------------------


def test_validation_rows_and_labels_belong_together(X, y):
    with pytest.raises(ValueError, match=r"X_val and y_val belong together: give both or neither"):
        small_dbn().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match=r"X_val and y_val belong together"):
        small_dbn().fit(X, y, y_val=y)
    with pytest.raises(ValueError, match=r"y contains labels \[9\] that are not among the classes"):
        small_dbn().fit(X, y, X_val=X, y_val=np.full(40, 9))


def test_all_rows_without_a_label(X):
    with pytest.raises(ValueError, match=r"No row has a label: all of y equals unlabeled=-1"):
        small_dbn(unlabeled=-1).fit(X, np.full(40, -1))


def test_as_many_machines_as_layers(X, y):
    message = r"rbm is a list of 1 machines, but hidden_layer_sizes=\(7, 3\) has 2 layers; give one"
    with pytest.raises(ValueError, match=message):
        small_dbn(rbm=[RBMTransformer()]).fit(X, y)


@pytest.mark.parametrize("layer", [2, -3, 0.5, None])
def test_layers_that_are_not_there(layer, X, y):
    dbn = small_dbn().fit(X, y)
    with pytest.raises(
        ValueError, match=r"but the network has 2 hidden layers: give an integer from -2 to 1\."
    ):
        dbn.transform(X, layer=layer)


def test_what_partial_fit_cannot_do(X, y):
    with pytest.raises(ValueError, match=r"partial_fit does not support early_stopping=True"):
        small_dbn(early_stopping=True).partial_fit(X, y)
    with pytest.raises(ValueError, match=r'class_weight="balanced" is not supported for partial_fit'):
        small_dbn(class_weight="balanced").partial_fit(X, y)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.full(40, -1.0), "[Nn]egative values in .*sample_weight"),
        (np.zeros(40), "[Ss]ample.weights? .*zero"),
        (np.ones(39), r"sample_weight.shape == \(39,\), expected \(40,\)"),
        (np.full(40, np.nan), "sample_weight contains NaN"),
    ],
    ids=["negative", "zero", "too few", "nan"],
)
def test_weights_that_make_no_sense(weight, message, X, y):
    with pytest.raises(ValueError, match=message):
        small_rbm().fit(X, sample_weight=weight)
    with pytest.raises(ValueError, match=message):
        small_dbn().fit(X, y, sample_weight=weight)


@pytest.mark.parametrize("method", ["gibbs", "sample"])
@pytest.mark.parametrize("n_steps", [0, -1, 1.5, True])
def test_numbers_of_gibbs_steps_that_make_no_sense(method, n_steps, X):
    rbm = small_rbm().fit(X)
    arguments = (X,) if method == "gibbs" else ()
    with pytest.raises(ValueError, match=rf"n_steps must be an integer >= 1; got {n_steps!r}"):
        getattr(rbm, method)(*arguments, n_steps=n_steps)


def test_hidden_rows_of_the_wrong_width(X):
    with pytest.raises(ValueError, match=r"H has 5 columns, but RBMTransformer has 3 hidden units"):
        small_rbm().fit(X).inverse_transform(X)


@pytest.mark.parametrize(
    "method",
    ["transform", "reconstruct", "gibbs", "sample", "free_energy", "score_samples", "log_partition"],
)
def test_machine_that_is_not_fitted(method, X):
    arguments = () if method in ("sample", "log_partition") else (X,)
    with pytest.raises(NotFittedError, match="This RBMTransformer instance is not fitted yet"):
        getattr(RBMTransformer(), method)(*arguments)


# -- nothing is lost ------------------------------------------------------------------------------

DIVERGING = {"optimizer": SGD(), "learning_rate": 1e300, "n_iter": 50}


def nan_in(X):
    X = X.copy()
    X[0, 0] = np.nan
    return X


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("failure", ["divergence", "nan", "parameter", "columns", "weights"])
def test_failed_training_leaves_a_fitted_machine_and_the_data_as_they_were(
    method, warm_start, failure, data
):
    X, _ = data
    rbm = small_rbm(warm_start=warm_start).fit(X).partial_fit(X)
    bad, weight = X.copy(), None
    if failure == "divergence":
        rbm.set_params(**DIVERGING)
    elif failure == "nan":
        bad = nan_in(X)
    elif failure == "parameter":
        rbm.set_params(optimizer=RMSProp(rho=2.0))
    elif failure == "columns":
        bad = X[:, :4] if warm_start or method == "partial_fit" else X[:, :0]
    else:
        weight = -np.ones(len(X))
    if failure == "parameter" and method == "partial_fit":
        pytest.skip("scikit-learn checks parameters in the first call of partial_fit only")
    before, bad_before, transformed = pickle.dumps(rbm), bad.copy(), rbm.transform(X)
    with pytest.raises(ValueError, match=".+"):
        getattr(rbm, method)(bad, sample_weight=weight)
    np.testing.assert_array_equal(bad, bad_before)
    np.testing.assert_array_equal(rbm.transform(X), transformed)
    assert pickle.dumps(rbm) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("failure", ["divergence", "pre-training", "nan", "parameter", "labels"])
def test_failed_training_leaves_a_fitted_network_and_the_data_as_they_were(
    method, warm_start, failure, data
):
    X, y = data
    if failure == "pre-training" and (warm_start or method == "partial_fit"):
        pytest.skip("there is no second pre-training")
    if failure == "parameter" and method == "partial_fit":
        pytest.skip("scikit-learn checks parameters in the first call of partial_fit only")
    dbn = small_dbn(warm_start=warm_start).fit(X, y).partial_fit(X, y)
    bad, labels = X.copy(), y.copy()
    if failure == "divergence":
        dbn.set_params(optimizer=SGD(), learning_rate=1e300)
    elif failure == "pre-training":
        dbn.set_params(rbm=RBMTransformer(**DIVERGING))
    elif failure == "nan":
        bad = nan_in(X)
    elif failure == "parameter":
        dbn.set_params(dropout=2.0)
    else:
        labels = np.where(y == 0, np.nan, y)
    before, bad_before, proba = pickle.dumps(dbn), bad.copy(), dbn.predict_proba(X)
    for _ in range(50):  # one pass may not be enough to diverge; calls that succeed are not what is tested
        before, proba = pickle.dumps(dbn), dbn.predict_proba(X)
        try:
            getattr(dbn, method)(bad, labels)
        except ValueError:
            break
    else:
        pytest.fail("no call raised")
    np.testing.assert_array_equal(bad, bad_before)
    np.testing.assert_array_equal(dbn.predict_proba(X), proba)
    assert pickle.dumps(dbn) == before


def test_m2_forgotten_scaler_in_a_later_chunk():
    X = np.random.default_rng(0).random((50, 5))
    rbm = RBMTransformer(3, random_state=0).partial_fit(X)
    with pytest.warns(UserWarning, match=r"X at training time spans \[.*was the scaler applied"):
        rbm.partial_fit(255 * X)


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        (DBNClassifier(), "rbm__learning_rate", "has rbm=None: give one, such as rbm=RBMTransformer()"),
        (DBNClassifier(), "optimizer__rho", "has optimizer='rmsprop': give one, such as optimizer=skdbn"),
        (
            RBMTransformer(),
            "sampler__n_steps",
            "has sampler='pcd': give one, such as sampler=skdbn.samplers",
        ),
        (RBMClassifier(), "visible__scale", "has visible='auto': give one"),
    ],
)
def test_parameters_of_a_part_without_object_name_the_object_to_give(model, name, message):
    with pytest.raises(ValueError, match=f"{name} is a parameter of an object, but .*{re.escape(message)}"):
        model.set_params(**{name: 1})


def test_parts_and_their_parameters_can_be_set_in_one_call():
    model = DBNClassifier().set_params(
        rbm=RBMTransformer(), rbm__n_iter=7, optimizer=RMSProp(), optimizer__rho=0.5
    )
    assert model.rbm.n_iter == 7
    assert model.optimizer.rho == 0.5
    assert (
        model.set_params(rbm__optimizer=RMSProp()).set_params(rbm__optimizer__rho=0.7).rbm.optimizer.rho
        == 0.7
    )


def test_a_parameter_that_does_not_exist_is_left_to_scikit_learn():
    with pytest.raises(ValueError, match="Invalid parameter 'alfa'"):
        DBNClassifier().set_params(alfa=1)
