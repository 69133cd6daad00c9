import pickle
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNRegressor, RBMTransformer
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD, RMSProp
from skdbn.samplers import MeanField
from skdbn.schedules import Linear

# Most tests train for a few epochs on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations")

MAX_ITER = 5
BARELY = 1e-12


def small_rbm(**parameters):
    return RBMTransformer(**{"n_iter": 3, "learning_rate": 0.05, **parameters})


def small_dbn(**parameters):
    return DBNRegressor(
        **{
            "hidden_layer_sizes": (7, 3),
            "rbm": small_rbm(),
            "learning_rate": Linear(0.05, 0),
            "dropout": 0.0,
            "input_dropout": 0.0,
            "max_iter": MAX_ITER,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.fixture
def data():
    """53 rows of 5 features within [0, 1]; y is a smooth function of them, of spread 5."""
    return make_friedman1(53, 5, random_state=0)


@pytest.fixture
def raw_data(data):
    """The same with columns far from standardised."""
    X, y = data
    return X * [1, 10, 100, 0.1, 0.01] + [0, 5, -300, 2, 1], y


@pytest.fixture(params=["within [0, 1]", "real"])
def any_data(request, data, raw_data):
    return data if request.param == "within [0, 1]" else raw_data


@pytest.fixture
def data_of_two(data):
    X, y = data
    return X, np.column_stack([y, 1000 * X[:, 1] * X[:, 2] - 300])


def assert_same_network(first, second):
    for one, other in zip(
        [*first.coefs_, *first.intercepts_], [*second.coefs_, *second.intercepts_], strict=True
    ):
        assert_array_equal(one, other)


# -- learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pretrain", [True, False])
def test_a_function_without_a_linear_fit_is_learned(pretrain):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(600, 3))
    y = np.column_stack([X[:, 0] * X[:, 1], np.abs(X[:, 2])])
    X, X_test, y, y_test = X[:300], X[300:], y[:300], y[300:]
    dbn = DBNRegressor(24, pretrain=pretrain, learning_rate=Linear(0.03, 0), batch_size=15, random_state=0)
    # Pre-trained units, which are near their linear range, need most of the epochs to leave it.
    dbn.set_params(max_iter=120, n_iter_no_change=120).fit(X, y)
    assert LinearRegression().fit(X, y).score(X_test, y_test) < 0.1
    assert dbn.score(X_test, y_test) > 0.95  # 0.991 to 0.998 for the seeds 0 to 2


# -- units of y -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pretrain", [True, False])
def test_predictions_follow_the_units_of_y(pretrain, any_data):
    X, y = any_data
    dbn = small_dbn(pretrain=pretrain, max_iter=20)
    plain = clone(dbn).fit(X, y)
    # Not for negative factors: the weights of the output layer are drawn alike.
    for factor, shift in [(4.0, 0.0), (1e4, 7.0), (1e-3, -0.2), (3.7, 1e5)]:
        other = clone(dbn).fit(X, factor * y + shift)
        # The rounding of y, 1e-16 of its largest value, relative to its spread: 1e-12 in the last case.
        assert_allclose((other.predict(X) - shift) / factor, plain.predict(X), rtol=0, atol=1e-10 * y.std())
        assert other.loss_curve_ == pytest.approx(plain.loss_curve_, rel=1e-10)
    assert plain.predict(X).std() > 0.1 * y.std()  # not the mean for all rows


def test_several_outputs_have_units_of_their_own(data_of_two):
    X, Y = data_of_two
    plain = small_dbn().fit(X, Y)
    factor, shift = np.array([1e3, 1e-2]), np.array([-5.0, 40.0])
    other = small_dbn().fit(X, Y * factor + shift)
    assert_allclose((other.predict(X) - shift) / factor, plain.predict(X), rtol=1e-8)
    assert plain.n_outputs_ == 2


def test_loss_is_half_the_squared_error_in_spreads_of_the_weighted_targets(data_of_two):
    X, Y = data_of_two
    weight = np.linspace(0.1, 1, len(X))
    dbn = small_dbn(learning_rate=BARELY, alpha=0.0, batch_size=None, max_iter=1)
    dbn.fit(X, Y, sample_weight=weight)
    mean = np.average(Y, axis=0, weights=weight)
    spread = np.sqrt(np.average((Y - mean) ** 2, axis=0, weights=weight))
    errors = (dbn.predict(X) - Y) / spread
    expected = np.average(0.5 * (errors**2).sum(axis=1), weights=weight)
    assert dbn.loss_curve_ == pytest.approx([expected], rel=1e-9)


@pytest.mark.parametrize("pretrain", [True, False])
def test_predictions_are_a_forward_pass_by_hand(pretrain, any_data):
    X, y = any_data
    dbn = small_dbn(pretrain=pretrain).fit(X, y)
    (W1, W2, W3), (b1, b2, b3) = dbn.coefs_, dbn.intercepts_
    hidden = expit(expit(X @ W1 + b1) @ W2 + b2)
    # The first weights act on raw columns with means of up to 300: rounding of some 1e-13.
    assert_allclose(dbn.predict(X), (hidden @ W3 + b3).ravel(), rtol=1e-9)
    assert_allclose(dbn.transform(X), hidden, rtol=1e-9, atol=1e-12)
    assert (dbn.n_layers_, dbn.n_outputs_) == (4, 1)


def test_predictions_have_the_shape_of_y(data, data_of_two):
    X, y = data
    flat, column = small_dbn().fit(X, y), small_dbn().fit(X, y[:, np.newaxis])
    assert flat.predict(X).shape == (53,)
    assert column.predict(X).shape == (53, 1)
    assert_array_equal(column.predict(X).ravel(), flat.predict(X))
    assert small_dbn().fit(*data_of_two).predict(X).shape == (53, 2)
    assert_same_network(small_dbn().fit(X, pd.Series(y)), flat)
    assert_same_network(small_dbn().fit(X, y.tolist()), flat)


def test_constant_output_is_predicted_and_leaves_the_others_alone(data):
    X, y = data
    Y = np.column_stack([y, np.full(len(y), 7.5)])
    dbn = small_dbn(max_iter=100, learning_rate=Linear(0.05, 0)).fit(X, Y)
    assert np.isfinite(dbn.predict(X)).all()
    assert_allclose(dbn.predict(X)[:, 1], 7.5, atol=0.1)  # it is learned like any other: 0.01 away
    assert r2_score(y, dbn.predict(X)[:, 0]) > 0.5
    alone = small_dbn().fit(X, np.full(len(y), 7.5))
    assert np.abs(alone.predict(X) - 7.5).max() < 2  # of weights that were drawn, in units of y


@pytest.mark.parametrize("kind", ["binary", "real"])
def test_float32_stays(kind, data, raw_data):
    X, y = data if kind == "binary" else raw_data
    X = X.astype(np.float32)
    dbn = small_dbn().fit(X, y).partial_fit(X, y)
    assert {array.dtype for array in [*dbn.coefs_, *dbn.intercepts_]} == {np.dtype(np.float32)}
    assert dbn.predict(X).dtype == np.float32
    wide = small_dbn().fit(X.astype(float), y)
    assert wide.predict(X.astype(float)).dtype == np.float64


# -- what y may be --------------------------------------------------------------------------------


def test_targets_that_are_missing_or_wrong_are_refused(data, data_of_two):
    X, y = data
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        small_dbn().fit(X, None)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        small_dbn().fit(X, np.where(np.arange(53) == 5, np.nan, y))
    with pytest.raises(ValueError, match="Input y contains infinity"):
        small_dbn(unlabeled=np.nan).fit(X, np.where(np.arange(53) == 5, np.inf, y))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        small_dbn().fit(X, y[:-1])
    with pytest.raises(ValueError, match="y has 2 columns, but the network was fitted to 1"):
        small_dbn().fit(X, y).partial_fit(*data_of_two)


@pytest.mark.parametrize("marker", [np.nan, -999.0])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_marked_rows_are_for_pre_training_only(n_outputs, marker, data, data_of_two):
    X, Y = data_of_two if n_outputs == 2 else data
    marked = Y.copy()
    marked[20:] = marker
    seen = []
    fit = RBMTransformer._fit

    def spy(self, X, *args, **kwargs):
        seen.append(len(X))
        return fit(self, X, *args, **kwargs)

    with mock.patch.object(RBMTransformer, "_fit", spy):
        dbn = small_dbn(unlabeled=marker, batch_size=None).fit(X, marked)
    assert seen == [53, 53]
    # The pre-trained layers are those of all rows, the rest is a fine-tuning on the first 20.
    stack = small_dbn().pretrain_on(X).pretrain
    for machine, same in zip(dbn.rbms_, stack.rbms_, strict=True):
        assert_array_equal(machine.components_, same.components_)
    frozen = small_dbn(pretrain=stack, batch_size=None, unlabeled=marker)
    assert_same_network(clone(frozen).fit(X, marked), clone(frozen).fit(X[:20], Y[:20]))


def test_marker_in_some_columns_is_a_value_unless_it_is_nan(data_of_two):
    X, Y = data_of_two
    Y[3, 0] = np.nan
    with pytest.raises(ValueError, match="a row without targets has NaN in all"):
        small_dbn(unlabeled=np.nan).fit(X, Y)
    Y[3, 0] = -999.0
    in_part = small_dbn(unlabeled=-999.0).fit(X, Y)
    assert_same_network(in_part, small_dbn().fit(X, Y))


def test_rows_of_the_marker_alone_are_refused_at_first_and_pass_later(data):
    X, y = data
    dbn = small_dbn(unlabeled=np.nan)
    with pytest.raises(ValueError, match="No row has a target: all of y equals unlabeled=nan"):
        dbn.fit(X, np.full(53, np.nan))
    assert not hasattr(dbn, "n_features_in_")
    dbn.partial_fit(X, y).partial_fit(X, np.full(53, np.nan))
    assert dbn.n_iter_ == 1


@pytest.mark.parametrize("fraction", [0.25, 0.5])
def test_score_leaves_out_rows_of_the_marker(fraction, data, data_of_two):
    for X, Y in (data, data_of_two):
        dbn = small_dbn(unlabeled=np.nan, max_iter=20).fit(X, Y)
        marked = Y.copy()
        n_known = int(fraction * len(Y))
        marked[n_known:] = np.nan
        weight = np.linspace(0.1, 1, len(Y))
        assert dbn.score(X, marked) == r2_score(Y[:n_known], dbn.predict(X[:n_known]))
        expected = r2_score(Y[:n_known], dbn.predict(X[:n_known]), sample_weight=weight[:n_known])
        assert dbn.score(X, marked, sample_weight=weight) == expected


# -- weights --------------------------------------------------------------------------------------


def test_row_of_weight_two_is_a_row_given_twice(data_of_two):
    X, Y = data_of_two
    # No draws. RMSProp makes steps of the rounding of gradients near 0; less so with this epsilon.
    exact = {"batch_size": None, "optimizer": RMSProp(epsilon=1e-5)}
    dbn = small_dbn(rbm=small_rbm(n_iter=20, sampler=MeanField(), **exact), **exact)
    weight = np.where(np.arange(53) % 3 == 0, 2, 1)
    weighted = clone(dbn).fit(X, Y, sample_weight=weight).predict(X)
    repeated = clone(dbn).fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight, axis=0)).predict(X)
    assert (np.abs(weighted - repeated) / Y.std(axis=0)).max() < 1e-6
    assert (np.abs(weighted - clone(dbn).fit(X, Y).predict(X)) / Y.std(axis=0)).max() > 1e-2


def test_weights_decide_between_contradicting_targets(data):
    X, y = data
    weight = np.concatenate([np.full(53, 9.0), np.full(53, 1.0)])
    X2, y2 = np.vstack([X, X]), np.concatenate([y, -y])
    dbn = small_dbn(max_iter=60)
    for_first = clone(dbn).fit(X2, y2, sample_weight=weight).predict(X)
    for_second = clone(dbn).fit(X2, y2, sample_weight=weight[::-1]).predict(X)
    # The best values are 0.8 y and -0.8 y.
    assert np.abs(for_first - 0.8 * y).mean() < 0.25 * np.abs(y).mean()
    assert np.abs(for_second + 0.8 * y).mean() < 0.25 * np.abs(y).mean()


# -- partial_fit and warm_start -------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_fit_is_max_iter_calls_of_partial_fit(n_outputs, data, data_of_two):
    X, Y = data_of_two if n_outputs == 2 else data
    dbn = small_dbn(pretrain=False, learning_rate=0.01, tol=0, n_iter_no_change=99, dropout=0.2)
    online = clone(dbn)
    for _ in range(MAX_ITER):
        assert online.partial_fit(X, Y) is online
    dbn.fit(X, Y)
    # Between calls the output layer is kept in units of y: rounding.
    assert_allclose(online.predict(X), dbn.predict(X), rtol=1e-9)
    assert online.loss_curve_ == pytest.approx(dbn.loss_curve_, rel=1e-9)
    assert online.n_iter_ == dbn.n_iter_ == MAX_ITER


def test_partial_fit_keeps_the_units_of_its_first_chunk(data):
    X, y = data
    dbn = small_dbn(learning_rate=BARELY, alpha=0.0, batch_size=None).partial_fit(X[:20], y[:20])
    dbn.partial_fit(X[20:], 100 * y[20:] - 7)
    errors = (dbn.predict(X[20:]) - 100 * y[20:] + 7) / y[:20].std()
    assert dbn.loss_curve_[1] == pytest.approx(0.5 * np.mean(errors**2), rel=1e-8)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_warm_start_goes_on_without_pre_training(n_outputs, raw_data, data_of_two):
    X, Y = raw_data[0], (data_of_two[1] if n_outputs == 2 else raw_data[1])
    dbn = small_dbn(warm_start=True).fit(X, Y)
    before, machines = dbn.predict(X), dbn.rbms_
    dbn.set_params(learning_rate=BARELY).fit(X, 50 * Y)
    assert_allclose(dbn.predict(X), before, rtol=1e-7)
    assert dbn.rbms_ is machines
    assert dbn.n_iter_ == len(dbn.loss_curve_) == 2 * MAX_ITER
    with pytest.raises(ValueError, match=r"\(5, 3\) but the fitted network has \(7, 3\)"):
        dbn.set_params(hidden_layer_sizes=(5, 3)).fit(X, Y)


def test_without_warm_start_fit_forgets(data, data_of_two):
    X, y = data
    assert_same_network(small_dbn().fit(*data_of_two).fit(X, y), small_dbn().fit(X, y))


def test_failed_training_leaves_the_regressor_as_it_was(data):
    dbn = small_dbn(warm_start=True).fit(*data)
    dbn.set_params(optimizer=SGD(), learning_rate=1e300)
    before = pickle.dumps(dbn)
    for method in (dbn.fit, dbn.partial_fit):
        with pytest.raises(DivergenceError, match="Fine-tuning diverged at epoch 1"):
            method(*data)
        assert pickle.dumps(dbn) == before


# -- early stopping -------------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_early_stopping_keeps_the_weights_of_the_best_r2(n_outputs, data, data_of_two):
    X, Y = data_of_two if n_outputs == 2 else data
    X, X_val, Y, Y_val = X[:30], X[30:], Y[:30], Y[30:]
    weight = np.linspace(0.1, 1, 23)
    dbn = small_dbn(early_stopping=True, learning_rate=0.1, max_iter=60, n_iter_no_change=8)
    dbn.fit(X, Y, X_val=X_val, y_val=Y_val, sample_weight_val=weight)
    scores = dbn.validation_scores_
    assert dbn.best_validation_score_ == max(scores) > scores[-1]
    assert len(scores) == dbn.n_iter_ < 60
    assert dbn.best_validation_score_ == pytest.approx(dbn.score(X_val, Y_val, weight), rel=1e-9)


def test_early_stopping_holds_out_rows_with_targets(data):
    X, y = data
    marked = np.where(np.arange(53) < 40, y, np.nan)
    dbn = small_dbn(early_stopping=True, validation_fraction=0.25, unlabeled=np.nan, n_iter_no_change=2)
    dbn.set_params(learning_rate=BARELY, max_iter=20, pretrain=False, batch_size=None).fit(X, marked)
    assert dbn.n_iter_ == 3  # the first epoch, and two that did not improve on it
    assert np.isfinite(dbn.validation_scores_).all()
    # 30 of the 40 rows with targets are left. Their mean squares tell which ones were held out.
    errors = (dbn.predict(X[:40]) - y[:40]) / dbn._task.unit.scale_
    squares = 0.5 * errors**2
    held_out = 10 * squares.mean() * 4 - 30 * dbn.loss_curve_[-1]
    assert 0 < held_out < squares.sum()


def test_validation_rows_only_measure_without_early_stopping(data):
    X, y = data
    watched = small_dbn().fit(X, y, X_val=X, y_val=y)
    assert_same_network(watched, small_dbn().fit(X, y))
    assert watched.validation_scores_[-1] == pytest.approx(watched.score(X, y), rel=1e-12)
    assert len(watched.validation_scores_) == MAX_ITER


@pytest.mark.parametrize("name", ["X_val", "y_val"])
def test_validation_rows_and_their_targets_belong_together(name, data):
    X, y = data
    with pytest.raises(ValueError, match="X_val and y_val belong together"):
        small_dbn().fit(X, y, **{name: X if name == "X_val" else y})


def test_validation_rows_without_any_target_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="No row of X_val has a target"):
        small_dbn(unlabeled=np.nan).fit(X, y, X_val=X[:3], y_val=[np.nan] * 3)


# -- scikit-learn's tools -------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_give_what_dense_rows_give(convert, data):
    X, y = data
    X = np.where(X > 0.5, X, 0)
    dense, same = small_dbn().fit(X, y), small_dbn().fit(convert(X), y)
    assert_same_network(dense, same)
    assert_array_equal(dense.predict(X), same.predict(convert(X)))


def test_validation_rows_and_weights_go_through_the_steps_of_a_pipeline(raw_data):
    X, y = raw_data
    X, X_val, y, y_val = X[:30], X[30:], y[:30], y[30:]
    weight = np.linspace(0.1, 1, 30)
    scaler = MinMaxScaler(clip=True).fit(X)
    by_hand = small_dbn().fit(
        scaler.transform(X), y, sample_weight=weight, X_val=scaler.transform(X_val), y_val=y_val
    )
    with sklearn.config_context(enable_metadata_routing=True):
        dbn = small_dbn().set_fit_request(X_val=True, y_val=True, sample_weight=True)
        pipe = Pipeline([("scale", MinMaxScaler(clip=True)), ("dbn", dbn)], transform_input=["X_val"])
        pipe.fit(X, y, sample_weight=weight, X_val=X_val, y_val=y_val)
    assert pipe[-1].validation_scores_ == by_hand.validation_scores_
    assert_same_network(pipe[-1], by_hand)


def test_weights_of_rows_enter_the_scores_of_a_cross_validation(data):
    X, y = data
    weight = np.linspace(0.1, 1, 53)
    with sklearn.config_context(enable_metadata_routing=True):
        dbn = small_dbn().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scores = cross_val_score(dbn, X, y, cv=2, params={"sample_weight": weight})
    first, second = np.arange(27), np.arange(27, 53)
    by_hand = small_dbn().fit(X[second], y[second], sample_weight=weight[second])
    assert scores[0] == pytest.approx(by_hand.score(X[first], y[first], weight[first]), rel=1e-12)


# Half of the rows teach a machine little.
@pytest.mark.filterwarnings("ignore:.* of hidden units of layer . are constant")
def test_grid_search_reaches_the_parameters_of_the_machines(data):
    search = GridSearchCV(small_dbn(), {"rbm__learning_rate": [0.01, 0.1], "alpha": [0, 1.0]}, cv=2)
    search.fit(*data)
    assert len(set(search.cv_results_["mean_test_score"])) == 4  # each parameter matters
    machine = search.best_estimator_.rbms_[0]
    assert machine.learning_rate == search.best_params_["rbm__learning_rate"]


def test_random_state_decides_everything_and_names_are_those_of_the_features(data):
    noisy = {"dropout": 0.2}
    dbn = small_dbn(**noisy).fit(*data)
    assert_same_network(dbn, small_dbn(**noisy).fit(*data))
    other = small_dbn(**noisy, random_state=1).fit(*data)
    assert not np.array_equal(other.coefs_[0], dbn.coefs_[0])
    assert dbn.get_feature_names_out().tolist() == ["dbnregressor0", "dbnregressor1", "dbnregressor2"]


def test_saved_regressor_goes_on_as_the_original(raw_data):
    dbn = small_dbn(dropout=0.2).fit(*raw_data)
    loaded = pickle.loads(pickle.dumps(dbn))
    assert_array_equal(loaded.predict(raw_data[0]), dbn.predict(raw_data[0]))
    before = pickle.dumps(dbn)
    dbn.score(*raw_data)
    assert pickle.dumps(dbn) == before
    assert_same_network(loaded.partial_fit(*raw_data), dbn.partial_fit(*raw_data))
