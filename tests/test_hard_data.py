"""Data on which such models are known to fail in silence: they train, stay finite, and learn something."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNClassifier, RBMTransformer

# What is asked is what the model is after few epochs, so that it has not converged is no news.
pytestmark = pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations")


def rbm(**parameters):
    return RBMTransformer(**{"n_components": 32, "random_state": 0, **parameters})


def dbn(**parameters):
    return DBNClassifier(**{"hidden_layer_sizes": (32, 32), "random_state": 0, **parameters})


def assert_not_saturated(H):
    """Most hidden units are not stuck at 0 or 1."""
    assert np.isfinite(H).all()
    activity = H.mean(axis=0)
    assert ((activity > 0.01) & (activity < 0.99)).mean() > 0.9


def assert_not_constant(H):
    """Rows can be told apart by most hidden units."""
    assert np.median(np.ptp(H, axis=0)) > 0.01


def assert_finite(*arrays):
    for array in arrays:
        assert np.isfinite(array).all()


def assert_sound(model, X):
    """All that was learned is finite, and so is all that is said of X."""
    if isinstance(model, RBMTransformer):
        assert_finite(model.components_, model.intercept_hidden_, model.intercept_visible_)
        assert_finite(model.score_samples(X[:5]), model.free_energy(X), model.reconstruct(X[:5]))
        assert_finite(model.sample(2, n_steps=5, random_state=0), *model.history_.values())
    else:
        assert_finite(*model.coefs_, *model.intercepts_, model.loss_curve_, model.predict_proba(X))
    assert_not_saturated(model.transform(X))


@pytest.fixture(scope="module")
def blobs():
    X, y = make_blobs(201, 6, centers=3, cluster_std=2.0, random_state=0)
    return MinMaxScaler().fit_transform(X), y


@pytest.mark.parametrize("n_rows", [101, 201])
def test_last_batch_of_one_row(n_rows, blobs):
    X, y = blobs[0][:n_rows], blobs[1][:n_rows]
    assert n_rows % 10 == 1
    assert_sound(rbm(batch_size=10).fit(X), X)
    model = dbn(batch_size=10, rbm=RBMTransformer(batch_size=10)).fit(X, y)
    assert_sound(model, X)
    assert model.score(X, y) > 0.8  # 0.9 is what a linear model reaches; chance is 0.34


@pytest.mark.filterwarnings("ignore:batch_size=1000 is larger than n_samples")
def test_larger_batches_than_there_are_rows(blobs):
    X, y = blobs
    assert_sound(rbm(batch_size=1000).fit(X), X)
    model = dbn(batch_size=1000, rbm=RBMTransformer(batch_size=1000), learning_rate=0.01).fit(X, y)
    assert_sound(model, X)
    assert len(set(model.predict(X))) == 3


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_one_row(visible):
    X = np.array([[0.0, 1.0, 0.3, 1.0, 0.0]])
    assert_sound(rbm(visible=visible).fit(X), X)
    assert_sound(rbm(visible=visible).partial_fit(X).partial_fit(X), X)
    model = dbn(rbm=RBMTransformer(visible=visible)).fit(X, ["only"])
    assert_sound(model, X)
    np.testing.assert_array_equal(model.predict_proba(X), [[1.0]])


def test_features_of_grey_rows_of_little_contrast_are_not_constant(blobs):
    X, y = blobs  # correlated columns within [0, 1], whose variances are far below those of binary ones
    assert_not_constant(rbm().fit(X).transform(X))
    for machine in dbn(max_iter=1).fit(X, y).rbms_:
        assert np.abs(machine.components_).max() > 0.01  # no less than at random


def test_rows_sorted_by_class(blobs):
    X, y = blobs
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    model = dbn(max_iter=40).fit(X, y)
    assert_sound(model, X)
    shuffled = np.random.default_rng(0).permutation(len(y))
    other = dbn(max_iter=40).fit(X[shuffled], y[shuffled])
    # Sorted rows cost nothing: the two differ by less than two standard errors of 201 rows at 0.9.
    assert model.score(X, y) > other.score(X, y) - 0.042
    assert len(set(model.predict(X))) == 3


def test_wide_sparse_rows():
    """1000 rows of 20,000 columns, 20 nonzero in each; each class has columns of its own."""
    rng = np.random.default_rng(0)
    n_rows, n_columns = 1000, 20_000
    y = rng.integers(4, size=n_rows)
    columns = rng.integers(n_columns // 4, size=(n_rows, 20)) + y[:, np.newaxis] * (n_columns // 4)
    columns[:, :10] = columns[:, :10] % 50 + y[:, np.newaxis] * (n_columns // 4)  # half of them are common
    rows = np.repeat(np.arange(n_rows), 20)
    values = np.ones(rows.size, dtype=np.float32)
    X = sparse.csr_matrix((values, (rows, columns.ravel())), shape=(n_rows, n_columns))
    X.data[:] = 1  # some columns were drawn twice
    machine = rbm(n_components=8, n_iter=2, batch_size=100).fit(X)
    assert_finite(machine.components_, machine.free_energy(X))
    activity = machine.transform(X).mean(axis=0)
    assert ((activity > 0.01) & (activity < 0.99)).all()
    model = dbn(hidden_layer_sizes=8, rbm=machine, max_iter=20, batch_size=50).fit(X[:800], y[:800])
    assert_finite(*model.coefs_)
    assert len(set(model.predict(X[800:]))) == 4


def test_one_class_of_twenty_rows_to_nineteen():
    rng = np.random.default_rng(0)
    y = (np.arange(600) % 20 == 0).astype(int)
    X = rng.standard_normal((600, 6)) + 2 * y[:, np.newaxis]
    model = dbn().fit(X, y)
    assert_sound(model, X)
    assert sorted(set(model.predict(X))) == [0, 1]
    assert balanced_accuracy_score(y, model.predict(X)) > 0.9  # Phi(2 * sqrt(6) / 2) = 0.993 is the best


@pytest.mark.parametrize("pretrain", [True, False])
def test_four_layers(pretrain):
    X, y = load_digits(n_class=4, return_X_y=True)
    X = (X / 16).astype(np.float32)
    model = dbn(hidden_layer_sizes=(32,) * 4, pretrain=pretrain, rbm=RBMTransformer(n_iter=10)).fit(X, y)
    assert_finite(*model.coefs_, model.predict_proba(X))
    assert len(set(model.predict(X))) == 4
    for layer in range(4):
        assert_not_saturated(model.transform(X, layer=layer))
        assert_not_constant(model.transform(X, layer=layer))
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.5, 1e6, -3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_columns(constant, dtype, blobs):
    X, y = blobs
    X = np.hstack([X, np.full((len(X), 3), constant)]).astype(dtype)
    machine = rbm().fit(X)
    assert_sound(machine, X)
    # A constant column is reconstructed as what it is: up to a share of 0.05 of the unit's own scale.
    np.testing.assert_allclose(
        machine.reconstruct(X)[:, -3:] / max(1, abs(constant)), constant / max(1, abs(constant)), atol=0.05
    )
    model = dbn(hidden_layer_sizes=16).fit(X, y)
    assert_sound(model, X)
    assert model.score(X, y) > 0.8  # 0.9 is what a linear model reaches; chance is 0.34


def test_nothing_but_constant_columns():
    X, y = np.zeros((30, 4)), np.arange(30) % 2
    constant = r"100% of hidden units of .* are constant \(activation varies"  # as they must be
    with pytest.warns(ConvergenceWarning, match=constant):
        machine = rbm().fit(X)
    assert_finite(machine.components_, machine.transform(X))
    with (
        pytest.warns(ConvergenceWarning, match=constant),
        pytest.warns(ConvergenceWarning, match="predicts class"),
    ):
        model = dbn().fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), 0.5, atol=0.1)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_far_more_columns_than_rows(visible):
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.standard_normal((40, 2000)) + 0.5 * y[:, np.newaxis] * (np.arange(2000) < 200)
    if visible == "bernoulli":
        X = MinMaxScaler().fit_transform(X)
    assert_sound(rbm().fit(X), X)
    model = dbn(max_iter=90).fit(X, y)
    assert_sound(model, X)
    assert sorted(set(model.predict(X))) == [0, 1]
    assert model.score(X, y) > 0.9  # rows are few and learned by heart, chance is 0.5


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_columns_of_very_different_scales(factor, blobs):
    X, y = blobs
    X = X * factor ** np.linspace(0, 1, X.shape[1]) - 0.01
    assert_sound(rbm().fit(X), X)
    assert dbn().fit(X, y).score(X, y) > 0.8
