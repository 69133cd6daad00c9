"""Frozen layers, epochs of the output layer alone, dropout and norms a layer, for all DBN estimators."""

from unittest import mock

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMTransformer, _dbn_base
from skdbn.optimizers import SGD
from skdbn.schedules import Linear

# Most tests train for a few epochs on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Fine-tuning.* maximum iterations"),
    pytest.mark.filterwarnings("ignore:The fitted network predicts class"),
]

MAX_ITER = 5
BARELY = 1e-12
BOTH = pytest.mark.parametrize("estimator", [DBNClassifier, DBNRegressor])
ALL = pytest.mark.parametrize("estimator", [DBNClassifier, DBNRegressor, DBNTransformer])


def small(estimator=DBNClassifier, **parameters):
    defaults = {
        "hidden_layer_sizes": (7, 3),
        "rbm": RBMTransformer(n_iter=3, learning_rate=0.05),
        "learning_rate": Linear(0.05, 0),
        "max_iter": MAX_ITER,
        "random_state": 0,
    }
    defaults |= (
        {"fine_tuning": "reconstruction"}
        if estimator is DBNTransformer
        else {"dropout": 0.0, "input_dropout": 0.0}
    )
    return estimator(**{**defaults, **parameters})


@pytest.fixture
def data():
    """Three classes, 5 features within [0, 1], 53 rows."""
    X, y = make_blobs(53, 5, centers=3, cluster_std=2.0, random_state=0)
    return MinMaxScaler().fit_transform(X), y


@pytest.fixture
def raw_data(data):
    """The same in columns far from standardised."""
    X, y = data
    return X * [1, 10, 100, 0.1, 0.01] + [0, 5, -300, 2, 1], y


@pytest.fixture(params=["within [0, 1]", "real"])
def any_data(request, data, raw_data):
    return data if request.param == "within [0, 1]" else raw_data


def arrays_of(dbn):
    return [*dbn.coefs_, *dbn.intercepts_]


def assert_same_network(first, second):
    for one, other in zip(arrays_of(first), arrays_of(second), strict=True):
        assert_array_equal(one, other)


def differ(first, second):
    return not all(map(np.array_equal, arrays_of(first), arrays_of(second)))


# -- frozen_layers --------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("pretrain", [True, False])
@pytest.mark.parametrize("n_frozen", [0, 1, 2])
def test_frozen_layers_keep_their_first_weights(n_frozen, pretrain, estimator, any_data):
    X, y = any_data
    dbn = small(estimator, pretrain=pretrain, frozen_layers=n_frozen).fit(X, y)
    start = small(estimator, pretrain=pretrain, learning_rate=BARELY, alpha=0.0).fit(X, y)
    for layer in range(3):
        moved = np.abs(dbn.coefs_[layer] - start.coefs_[layer]).max() / np.abs(start.coefs_[layer]).max()
        assert (moved < 1e-9) == (layer < n_frozen)
        shift = np.abs(dbn.intercepts_[layer] - start.intercepts_[layer]).max()
        assert (shift < 1e-6) == (layer < n_frozen)  # of up to 300 times a weight, on raw columns
    dbn.partial_fit(X, y)
    for layer in range(n_frozen):
        assert_allclose(dbn.coefs_[layer], start.coefs_[layer], rtol=1e-8, atol=1e-9)


@BOTH
def test_freezing_all_layers_is_no_fine_tuning(estimator, data):
    X, y = data
    frozen = small(estimator, frozen_layers=2).fit(X, y)
    assert_same_network(frozen, small(estimator, fine_tuning=None).fit(X, y))
    assert frozen.loss_curve_[-1] < frozen.loss_curve_[0]


@BOTH
def test_network_above_frozen_layers_is_fitted_to_their_features(estimator, data):
    X, y = data
    dbn = small(estimator, pretrain=True, frozen_layers=1, batch_size=None, optimizer=SGD(), alpha=0.0)
    dbn.set_params(learning_rate=0.05).fit(X, y, X_val=X, y_val=y)
    assert dbn.validation_scores_[-1] == pytest.approx(dbn.score(X, y), rel=1e-12)
    # A later epoch begins where the one before ended: one more of them lowers the loss.
    assert dbn.loss_curve_[-1] < dbn.loss_curve_[0]


@BOTH
def test_more_frozen_layers_than_there_are_is_refused(estimator, data):
    with pytest.raises(ValueError, match="frozen_layers=3, but the network has 2 hidden layers"):
        small(estimator, frozen_layers=3).fit(*data)


# -- head_epochs ----------------------------------------------------------------------------------


@BOTH
def test_first_epochs_train_the_output_layer_only(estimator, data):
    X, y = data
    head = {"learning_rate": 0.05, "head_epochs": 2}
    dbn = small(estimator, **head, max_iter=2).fit(X, y)
    assert_same_network(dbn, small(estimator, learning_rate=0.05, fine_tuning=None, max_iter=2).fit(X, y))
    longer = small(estimator, **head, max_iter=3).fit(X, y)
    assert longer.loss_curve_[:2] == dbn.loss_curve_
    assert differ(longer, small(estimator, learning_rate=0.05, fine_tuning=None, max_iter=3).fit(X, y))
    for layer in range(2):
        start = longer.rbms_[layer].components_.T
        assert_array_equal(dbn.coefs_[layer], start)
        assert not np.array_equal(longer.coefs_[layer], start)
    assert (longer.n_iter_, dbn.n_iter_) == (3, 2)


@BOTH
def test_head_epochs_are_among_max_iter(estimator, data):
    X, y = data
    dbn = small(estimator, head_epochs=2).fit(X, y, X_val=X, y_val=y)
    assert dbn.n_iter_ == len(dbn.loss_curve_) == len(dbn.validation_scores_) == MAX_ITER
    all_of_them = small(estimator, head_epochs=99).fit(X, y)
    assert_same_network(all_of_them, small(estimator, fine_tuning=None).fit(X, y))


@BOTH
def test_head_epochs_are_the_first_calls_of_partial_fit(estimator, data):
    X, y = data
    dbn = small(estimator, head_epochs=2, pretrain=False, learning_rate=0.05)
    dbn.partial_fit(X, y)
    start = [W.copy() for W in dbn.coefs_]
    dbn.partial_fit(X, y)
    assert_array_equal(dbn.coefs_[0], start[0])
    assert not np.array_equal(dbn.coefs_[-1], start[-1])
    dbn.partial_fit(X, y)
    assert not np.array_equal(dbn.coefs_[0], start[0])


@BOTH
def test_warm_start_has_no_head_epochs_again(estimator, data):
    X, y = data
    dbn = small(estimator, head_epochs=2, max_iter=2, warm_start=True).fit(X, y)
    before = dbn.coefs_[0].copy()
    dbn.fit(X, y)
    assert not np.array_equal(dbn.coefs_[0], before)
    assert dbn.n_iter_ == 4


def test_verbose_tells_the_epochs_of_the_output_layer(data, capsys):
    small(head_epochs=2, pretrain=False, verbose=1).fit(*data)
    stages = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
    assert stages == ["Fine-tuning of the output layer"] * 2 + ["Fine-tuning"] * 3


# -- dropout and norms ----------------------------------------------------------------------------


def settings_of(dbn, X, y):
    """Return what the fine-tuning was told."""
    seen = []
    original = _dbn_base.fine_tune

    def spy(network, rows, plan, state, settings, *args):
        seen.append(settings)
        return original(network, rows, plan, state, settings, *args)

    with mock.patch.object(_dbn_base, "fine_tune", spy):
        dbn.fit(X, y)
    return seen[0]


@BOTH
def test_dropout_of_each_layer_is_its_own(estimator, data):
    X, y = data
    of_all = small(estimator, dropout=0.3, input_dropout=0.1)
    assert settings_of(of_all, X, y).dropout == (0.1, 0.3, 0.3)
    listed = small(estimator, dropout=[0.3, 0.3], input_dropout=0.1).fit(X, y)
    assert_same_network(listed, of_all)
    assert settings_of(small(estimator, dropout=(0.0, 0.5)), X, y).dropout == (0.0, 0.0, 0.5)
    networks = [
        small(estimator, **dropout).fit(X, y)
        for dropout in (
            {},
            {"dropout": [0.3, 0.0]},
            {"dropout": [0.0, 0.3]},
            {"input_dropout": 0.3},
        )
    ]
    for number, first in enumerate(networks):
        for second in networks[:number]:
            assert differ(first, second)
    assert differ(networks[1], networks[0])


@ALL
def test_dropout_is_off_when_predicting(estimator, data):
    X, y = data
    noisy = {"input_dropout": 0.5} | ({} if estimator is DBNTransformer else {"dropout": 0.5})
    dbn = small(estimator, learning_rate=BARELY, **noisy).fit(X, y)
    plain = small(estimator, learning_rate=BARELY).fit(X, y)
    method = "reconstruct" if estimator is DBNTransformer else "predict"
    assert_array_equal(getattr(dbn, method)(X), getattr(dbn, method)(X))
    assert_allclose(getattr(dbn, method)(X), getattr(plain, method)(X), rtol=1e-7)


@BOTH
def test_without_fine_tuning_features_are_taken_without_dropout(estimator, data):
    X, y = data
    plain = small(estimator, fine_tuning=None).fit(X, y)
    noisy = small(estimator, fine_tuning=None, dropout=0.5, input_dropout=0.5).fit(X, y)
    assert_same_network(noisy, plain)


def test_denoising_autoencoder_is_measured_on_inputs_without_the_noise(data):
    X, _ = data
    exact = {"learning_rate": BARELY, "alpha": 0.0, "batch_size": None, "max_iter": 1}
    plain, noisy = small(DBNTransformer, **exact).fit(X), small(DBNTransformer, **exact, input_dropout=0.5)
    noisy.fit(X, X_val=X)
    assert noisy.loss_curve_ != plain.loss_curve_  # of the inputs without noise, from those with
    assert noisy.validation_scores_ == pytest.approx([-plain.loss_curve_[0]], rel=1e-8)
    # The means of the stack hardly depend on single inputs after so short a training.
    assert noisy.loss_curve_ == pytest.approx(plain.loss_curve_, rel=0.05)


def norms(W):
    return np.sqrt((W**2).sum(axis=0))


@BOTH
@pytest.mark.parametrize("pretrain", [True, False])
def test_norms_of_each_hidden_layer_have_their_bound(pretrain, estimator, data):
    X, y = data
    free = small(estimator, pretrain=pretrain, max_iter=20).fit(X, y)
    assert norms(free.coefs_[0]).max() > 0.7
    assert norms(free.coefs_[1]).max() > 0.5
    bounded = small(estimator, pretrain=pretrain, max_iter=20, max_norm=[0.7, 0.5]).fit(X, y)
    rounding = 1 + 1e-12
    assert norms(bounded.coefs_[0]).max() <= 0.7 * rounding
    assert norms(bounded.coefs_[1]).max() <= 0.5 * rounding
    assert norms(bounded.coefs_[2]).max() > 0.7  # the outputs are free
    upper = small(estimator, pretrain=pretrain, max_iter=20, max_norm=[None, 0.5]).fit(X, y)
    assert norms(upper.coefs_[0]).max() > 0.7
    assert norms(upper.coefs_[1]).max() <= 0.5 * rounding
    of_all = small(estimator, pretrain=pretrain, max_norm=0.6)
    assert settings_of(of_all, X, y).max_norm == (0.6, 0.6)


def test_norms_of_an_autoencoder_are_bounded_on_the_way_down_too(data):
    X, _ = data
    coder = small(DBNTransformer, hidden_layer_sizes=(7, 5, 3), max_norm=[0.9, 0.7, 0.5], max_iter=20)
    assert settings_of(coder, X, None).max_norm == (0.9, 0.7, 0.5, 0.7, 0.9)
    assert settings_of(coder, X, None).dropout == (0.0,) * 6
    free = clone(coder).set_params(max_norm=None).fit(X)
    for W, of_free, bound in zip(coder.coefs_, free.coefs_, (0.9, 0.7, 0.5, 0.7, 0.9), strict=False):
        assert norms(W).max() <= bound * (1 + 1e-12)
        assert norms(of_free).max() > bound
    of_one_layer = small(DBNTransformer, hidden_layer_sizes=7, max_norm=0.4)
    assert settings_of(of_one_layer, X, None).max_norm == (0.4,)


@BOTH
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dropout": [0.1]}, "dropout has 1 values, but there are 2 hidden layers"),
        ({"dropout": [0.1, 0.2, 0.3]}, "dropout has 3 values, but there are 2 hidden layers"),
        ({"dropout": [0.1, 1.0]}, r"dropout=\[0.1, 1.0\]: 1.0 is not allowed"),
        ({"dropout": [0.1, -0.1]}, "-0.1 is not allowed"),
        ({"dropout": 1.0}, "The 'dropout' parameter"),
        ({"dropout": [0.1, None]}, "None is not allowed"),
        ({"input_dropout": 1.0}, "The 'input_dropout' parameter"),
        ({"max_norm": (1.0, 2.0, 3.0)}, "max_norm has 3 values, but there are 2 hidden layers"),
        ({"max_norm": [1.0, 0.0]}, "0.0 is not allowed"),
        ({"max_norm": 0}, "The 'max_norm' parameter"),
        ({"max_norm": [1.0, "2"]}, "'2' is not allowed"),
        ({"frozen_layers": -1}, "The 'frozen_layers' parameter"),
        ({"head_epochs": 0.5}, "The 'head_epochs' parameter"),
    ],
    ids=str,
)
def test_values_out_of_range_are_refused(parameters, message, estimator, data):
    with pytest.raises(ValueError, match=message):
        small(estimator, pretrain=False, **parameters).fit(*data)


# -- range of the rows ----------------------------------------------------------------------------


@ALL
@pytest.mark.parametrize("fine_tuned", [True, False])
def test_range_of_the_rows_is_that_of_all_chunks(fine_tuned, estimator, data):
    X, y = data
    dbn = small(estimator) if fine_tuned else small(estimator, fine_tuning=None)
    dbn.partial_fit(X, y).partial_fit(0.5 + 0.01 * X, y)
    dbn.transform(X)  # a warning, which is an error here, would say that the scaler was not applied
    with pytest.warns(UserWarning, match=r"X at predict time spans .* fitted on \[0, 1\]"):
        dbn.transform(100 * X)


# -- weights of rows and classes ------------------------------------------------------------------


@ALL
def test_weights_are_routed_through_a_pipeline(estimator, raw_data):
    X, y = raw_data
    weight = np.linspace(0.1, 1, 53)
    with sklearn.config_context(enable_metadata_routing=True):
        dbn = small(estimator).set_fit_request(sample_weight=True)
        pipe = make_pipeline(MinMaxScaler(), dbn).fit(X, y, sample_weight=weight)
    scaled = MinMaxScaler().fit_transform(X)
    expected = small(estimator).fit(scaled, y, sample_weight=weight)
    assert_same_network(pipe[-1], expected)
    assert differ(expected, small(estimator).fit(scaled, y))


@ALL
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_row_of_weight_zero_is_a_row_that_is_not_there(method, estimator, any_data):
    X, y = any_data
    weight = np.where(np.arange(53) % 3 == 1, 0.0, np.linspace(0.1, 1, 53))
    kept = weight > 0
    with_zeros = getattr(small(estimator), method)(X, y, sample_weight=weight)
    without = getattr(small(estimator), method)(X[kept], y[kept], sample_weight=weight[kept])
    assert_same_network(with_zeros, without)


@ALL
def test_weights_of_the_wrong_length_or_sign_are_refused(estimator, data):
    X, y = data
    with pytest.raises(ValueError, match="sample_weight.shape == "):
        small(estimator).fit(X, y, sample_weight=np.ones(52))
    with pytest.raises(ValueError, match="Negative values in sample_weight"):
        small(estimator).fit(X, y, sample_weight=np.arange(53) - 5.0)


def test_class_weight_counts_in_fine_tuning_and_not_in_pre_training(data):
    X, y = data
    weight = np.linspace(0.1, 1, 53)
    factors = np.array([3.0, 1.0, 0.5])
    by_class = small(class_weight=dict(enumerate(factors)))
    by_class.pretrain_on(X, sample_weight=weight).fit(X, y, sample_weight=weight)
    by_row = clone(by_class).set_params(class_weight=None).fit(X, y, sample_weight=weight * factors[y])
    assert_same_network(by_class, by_row)
    whole = small(class_weight=dict(enumerate(factors))).fit(X, y, sample_weight=weight)
    for machine, same in zip(whole.rbms_, by_class.rbms_, strict=True):
        assert_array_equal(machine.components_, same.components_)
