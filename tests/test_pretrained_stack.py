"""Layers that are pre-trained once, on rows without labels, and lent to many fine-tunings."""

import pickle
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMTransformer
from skdbn.schedules import Linear

# Most tests train for a few epochs on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations"),
    pytest.mark.filterwarnings("ignore:The fitted network predicts class"),
]

BARELY = 1e-12
BOTH = pytest.mark.parametrize("estimator", [DBNClassifier, DBNRegressor])


def small(estimator=DBNClassifier, **parameters):
    return estimator(
        **{
            "hidden_layer_sizes": (7, 3),
            "rbm": RBMTransformer(n_iter=3, learning_rate=0.05),
            "learning_rate": Linear(0.05, 0),
            "max_iter": 5,
            "random_state": 0,
            **parameters,
        }
    )


def small_stack(**parameters):
    rbm = RBMTransformer(n_iter=3, learning_rate=0.05)
    return DBNTransformer(**{"hidden_layer_sizes": (7, 3), "rbm": rbm, "random_state": 0, **parameters})


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


@contextmanager
def counted_trainings():
    """Give a list that receives the number of rows of each training of an RBM."""
    counts = []
    fit, partial_fit = RBMTransformer._fit, RBMTransformer._partial_fit

    def spy(train):
        def counting(self, X, *args, **kwargs):
            counts.append(X.shape[0])
            return train(self, X, *args, **kwargs)

        return counting

    with (
        mock.patch.object(RBMTransformer, "_fit", spy(fit)),
        mock.patch.object(RBMTransformer, "_partial_fit", spy(partial_fit)),
    ):
        yield counts


def assert_same_arrays(first, second):
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)


def assert_same_machines(first, second):
    for machine, same in zip(first, second, strict=True):
        assert_array_equal(machine.components_, same.components_)
        assert_array_equal(machine.intercept_hidden_, same.intercept_hidden_)
        assert_array_equal(machine.intercept_visible_, same.intercept_visible_)


def assert_same_network(first, second):
    assert_same_arrays([*first.coefs_, *first.intercepts_], [*second.coefs_, *second.intercepts_])


# -- pretrain_on ----------------------------------------------------------------------------------


@BOTH
def test_layers_are_those_that_fit_trains_on_the_same_rows(estimator, any_data):
    X, y = any_data
    weight = np.linspace(0.1, 1, 53)
    dbn = small(estimator)
    assert dbn.pretrain_on(X, sample_weight=weight) is dbn
    assert not hasattr(dbn, "coefs_")
    assert isinstance(dbn.pretrain, FrozenEstimator)
    with counted_trainings() as counts:
        dbn.fit(X, y)
    assert counts == []
    assert_same_machines(dbn.rbms_, small(estimator).fit(X, y, sample_weight=weight).rbms_)
    barely = clone(dbn).set_params(learning_rate=BARELY).fit(X, y)
    H = X
    for machine in dbn.rbms_:
        H = machine.transform(H)
    # 5 epochs of 6 steps of some 1e-12, on inputs of up to some hundreds.
    assert_allclose(barely.transform(X), H, rtol=0, atol=1e-8)


def test_fine_tuning_leaves_the_stack_alone(data):
    X, y = data
    dbn = small().pretrain_on(X)
    before = pickle.dumps(dbn.pretrain.estimator.rbms_)
    dbn.fit(X, y).partial_fit(X, y)
    assert np.abs(dbn.coefs_[0] - dbn.rbms_[0].components_.T).max() > 1e-3
    assert pickle.dumps(dbn.pretrain.estimator.rbms_) == before


def test_sparse_rows_pre_train_what_dense_rows_do(data):
    X = np.where(data[0] > 0.5, data[0], 0)
    dense, same = small().pretrain_on(X), small().pretrain_on(sparse.csr_matrix(X))
    assert_same_machines(dense.pretrain.rbms_, same.pretrain.rbms_)


def test_all_clones_have_the_stack(data):
    X, y = data
    dbn = small().pretrain_on(X)
    copied = clone(dbn)
    assert copied.pretrain is dbn.pretrain
    assert_same_network(copied.fit(X, y), dbn.fit(X, y))
    assert clone(dbn).pretrain is dbn.pretrain  # of a fitted one too


@BOTH
def test_cross_validation_trains_no_machine(estimator, data):
    X, y = data
    dbn = small(estimator).pretrain_on(X)
    with counted_trainings() as counts:
        scores = cross_val_score(dbn, X[20:], y[20:], cv=2)
        assert counts == []
        cross_val_score(small(estimator), X[20:], y[20:], cv=2)
        assert len(counts) == 4
    assert np.isfinite(scores).all()


def test_grid_search_over_fine_tuning_shares_the_stack(data):
    X, y = data
    dbn = small().pretrain_on(X)
    stack = dbn.pretrain.estimator
    with counted_trainings() as counts:
        search = GridSearchCV(dbn, {"alpha": [0.0, 0.1], "max_iter": [3, 5]}, cv=2).fit(X, y)
    assert counts == []
    assert search.best_estimator_.pretrain.estimator is stack
    assert_same_machines(search.best_estimator_.rbms_, stack.rbms_)


def test_grid_search_compares_with_and_without_the_stack(data):
    X, y = data
    dbn = small().pretrain_on(X)
    grid = {"pretrain": [dbn.pretrain, True, False]}
    with counted_trainings() as counts:
        search = GridSearchCV(dbn, grid, cv=2, refit=False, scoring="neg_log_loss").fit(X, y)
    assert counts == [26, 26, 27, 27]  # for True only
    assert len(set(search.cv_results_["mean_test_score"])) == 3


def test_pre_training_anew_takes_the_place_of_the_stack(data):
    X, _ = data
    dbn = small().pretrain_on(X[:20])
    first = dbn.pretrain
    dbn.pretrain_on(X)
    assert dbn.pretrain is not first
    assert_same_machines(dbn.pretrain.rbms_, small_stack().fit(X).rbms_)


def test_rows_of_many_more_than_have_labels_pre_train_in_a_pipeline(raw_data):
    X, y = raw_data
    scaler = MinMaxScaler().fit(X)
    dbn = small().pretrain_on(scaler.transform(X))
    pipe = make_pipeline(FrozenEstimator(scaler), dbn)
    with counted_trainings() as counts:
        scores = cross_val_score(pipe, X[:20], y[:20], cv=2, error_score="raise")
        pipe.fit(X[:20], y[:20])
    assert counts == []
    assert np.isfinite(scores).all()
    by_hand = clone(dbn).fit(scaler.transform(X[:20]), y[:20])
    assert_same_network(pipe[-1], by_hand)
    assert_array_equal(pipe.predict(X), by_hand.predict(scaler.transform(X)))


def test_first_chunk_of_partial_fit_starts_from_the_stack(data):
    X, y = data
    dbn = small(learning_rate=BARELY).pretrain_on(X)
    with counted_trainings() as counts:
        dbn.partial_fit(X[:5], y[:5], classes=[0, 1, 2])
    assert counts == []
    assert_allclose(dbn.coefs_[0], dbn.rbms_[0].components_.T, rtol=0, atol=1e-9)


# -- what may be lent -----------------------------------------------------------------------------


@BOTH
def test_fitted_networks_lend_their_machines(estimator, data):
    X, y = data
    donor = small().fit(X, y)
    dbn = small(estimator, pretrain=FrozenEstimator(donor), learning_rate=BARELY).fit(X, y)
    assert_same_machines(dbn.rbms_, donor.rbms_)
    # Of the machines, not of the fine-tuned network.
    assert_allclose(dbn.coefs_[1], donor.rbms_[1].components_.T, rtol=0, atol=1e-9)
    assert np.abs(dbn.coefs_[1] - donor.coefs_[1]).max() > 1e-3


def test_transformer_goes_on_from_a_stack_and_leaves_it_alone(any_data):
    X, _ = any_data
    stack = small_stack().fit(X)
    before = pickle.dumps(stack)
    frozen = FrozenEstimator(stack)
    with counted_trainings() as counts:
        lent = small_stack(pretrain=frozen).fit(X)
        coder = small_stack(pretrain=frozen, fine_tuning="reconstruction", max_iter=2).fit(X)
    assert counts == []
    assert_array_equal(lent.transform(X), stack.transform(X))
    assert_same_machines(coder.rbms_, stack.rbms_)
    online = small_stack(pretrain=frozen).partial_fit(X)
    upper = small_stack(pretrain=frozen).partial_fit(X, layer=1)
    warm = small_stack(pretrain=frozen, warm_start=True).fit(X).fit(X)
    for other in (online, warm):
        assert np.abs(other.rbms_[0].components_ - stack.rbms_[0].components_).max() > 1e-3
    assert [rbm.n_iter_ for rbm in online.rbms_] == [4, 4]
    assert [rbm.n_iter_ for rbm in upper.rbms_] == [3, 4]
    assert pickle.dumps(stack) == before


@pytest.mark.parametrize(("of_stack", "of_rows"), [(np.float64, np.float32), (np.float32, np.float64)])
@BOTH
def test_network_has_the_dtype_of_its_own_rows(estimator, of_stack, of_rows, any_data):
    X, y = any_data
    dbn = small(estimator).pretrain_on(X.astype(of_stack))
    rows = X.astype(of_rows)
    dbn.fit(rows, y).partial_fit(rows, y)
    assert {array.dtype for array in [*dbn.coefs_, *dbn.intercepts_]} == {np.dtype(of_rows)}
    assert dbn.transform(rows).dtype == of_rows
    output = dbn.predict_proba(rows) if estimator is DBNClassifier else dbn.predict(rows)
    assert output.dtype == of_rows
    barely = clone(dbn).set_params(learning_rate=BARELY).fit(rows, y)
    H = X
    for machine in dbn.pretrain.rbms_:
        H = machine.transform(H)
    assert_allclose(barely.transform(rows), H, rtol=1e-4)


@BOTH
def test_layers_of_other_sizes_are_refused(estimator, data):
    X, y = data
    dbn = small(estimator, hidden_layer_sizes=(7, 5)).pretrain_on(X).set_params(hidden_layer_sizes=(7, 3))
    message = r"hidden_layer_sizes=\(7, 3\), but the layers of pretrain have the sizes \(7, 5\)"
    with pytest.raises(ValueError, match=message):
        dbn.fit(X, y)
    with pytest.raises(ValueError, match=r"=\(7, 5, 3\), but the layers of pretrain .* sizes \(7, 5\)"):
        dbn.set_params(hidden_layer_sizes=(7, 5, 3)).fit(X, y)
    dbn.set_params(hidden_layer_sizes=[7, 5]).fit(X, y)


@BOTH
def test_rows_of_another_width_are_refused(estimator, data):
    X, y = data
    dbn = small(estimator).pretrain_on(X)
    with pytest.raises(ValueError, match="X has 4 features, but the layers of pretrain expect 5"):
        dbn.fit(X[:, :4], y)
    assert not hasattr(dbn, "n_features_in_")


def test_what_holds_no_layers_is_refused_with_the_way_out(data):
    X, y = data
    stack = small_stack().fit(X)
    assert_same_machines(small(pretrain=stack).fit(X, y).rbms_, stack.rbms_)
    for pretrain in (
        clone(stack),
        FrozenEstimator(small_stack()),
        FrozenEstimator(small(pretrain=False).fit(X, y)),
        clone(small(pretrain=stack)).pretrain,  # clone forgets what is not frozen
        MinMaxScaler().fit(X),
    ):
        dbn = small(pretrain=pretrain)
        with pytest.raises(ValueError, match="holds no pre-trained layers: .* FrozenEstimator"):
            dbn.fit(X, y)
        assert not hasattr(dbn, "n_features_in_")


def test_other_values_of_pretrain_are_refused(data):
    for pretrain in ("yes", None, 1):
        with pytest.raises(ValueError, match="The 'pretrain' parameter"):
            small(pretrain=pretrain).fit(*data)


def test_truth_values_of_numpy_are_truth_values(data):
    assert small(pretrain=np.bool_(False)).fit(*data).rbms_ == []
    assert len(small(pretrain=np.bool_(True)).fit(*data).rbms_) == 2


def test_saved_network_carries_its_stack(data):
    X, y = data
    dbn = small().pretrain_on(X).fit(X, y)
    loaded = pickle.loads(pickle.dumps(dbn))
    assert_same_network(clone(loaded).fit(X, y), dbn)
