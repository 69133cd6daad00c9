"""DBNClassifier trained by the up-down algorithm: what it keeps, predicts and draws."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_softmax
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skdbn import DBNClassifier, DBNTransformer, RBMTransformer

N_PATTERNS = 4


@pytest.fixture(scope="module")
def patterns():
    """Noisy copies of four patterns of 13 bits, a class each."""
    rng = np.random.default_rng(3)
    y = rng.integers(N_PATTERNS, size=211)
    clean = rng.integers(2, size=(N_PATTERNS, 13))
    X = np.where(rng.random((len(y), 13)) < 0.05, 1 - clean[y], clean[y])
    return X.astype(float), np.array(["a", "b", "c", "d"])[y]


def up_down(sizes=(7, 5), **parameters):
    rbm = parameters.pop("rbm", RBMTransformer(n_iter=10))
    defaults = {"max_iter": 3, "random_state": 0}
    return DBNClassifier(sizes, rbm=rbm, fine_tuning="up-down", **{**defaults, **parameters})


def class_scores(dbn, X):
    """log p(y | x) from the attributes alone: means up, then the free energy of each label."""
    *up, top, labels = dbn.coefs_
    *up_bias, top_bias, label_bias = dbn.intercepts_
    for W, bias in zip(up, up_bias, strict=True):
        X = expit(X @ W + bias)
    field = X @ top + top_bias
    scores = [d + np.logaddexp(0, field + u).sum(axis=1) for u, d in zip(labels.T, label_bias, strict=True)]
    return log_softmax(np.column_stack(scores), axis=1)


@pytest.mark.parametrize("sizes", [(5,), (7, 5), (7, 3, 5)])
def test_probabilities_follow_from_the_attributes(sizes, patterns):
    X, y = patterns
    dbn = up_down(sizes).fit(X, y)
    assert_allclose(dbn.predict_log_proba(X), class_scores(dbn, X), rtol=1e-9)
    assert_allclose(dbn.predict_proba(X), np.exp(class_scores(dbn, X)), rtol=1e-9)
    assert_array_equal(dbn.predict(X), dbn.classes_[class_scores(dbn, X).argmax(axis=1)])


def test_features_below_the_top_are_the_means_on_the_way_up(patterns):
    X, y = patterns
    dbn = up_down((7, 5)).fit(X, y)
    assert_allclose(dbn.transform(X, layer=0), expit(X @ dbn.coefs_[0] + dbn.intercepts_[0]), rtol=1e-9)


def test_features_of_the_top_are_averaged_over_the_labels(patterns):
    X, y = patterns
    dbn = up_down((7, 5)).fit(X, y)
    field = dbn.transform(X, layer=0) @ dbn.coefs_[1] + dbn.intercepts_[1]
    p = dbn.predict_proba(X)
    expected = sum(p[:, [k]] * expit(field + u) for k, u in enumerate(dbn.coefs_[2].T))
    assert_allclose(dbn.transform(X), expected, rtol=1e-9)


def test_both_ways_begin_with_the_machines(patterns):
    X, y = patterns
    dbn = up_down((7, 5), learning_rate=1e-12).fit(X, y)
    lower, top = dbn.rbms_
    assert_allclose(dbn.coefs_[0], lower.components_.T, atol=1e-8)
    assert_allclose(dbn.generative_coefs_[0], lower.components_, atol=1e-8)
    assert_allclose(dbn.generative_intercepts_[0], lower.intercept_visible_, atol=1e-8)
    assert_allclose(np.vstack([dbn.coefs_[1], dbn.coefs_[2].T]), top.components_.T, atol=1e-8)
    assert_allclose(dbn.generative_coefs_[1], dbn.coefs_[1].T, atol=0)
    joined = np.append(dbn.generative_intercepts_[1], dbn.intercepts_[2])
    assert_allclose(joined, top.intercept_visible_, atol=1e-8)


def test_machines_stay_as_they_were_and_both_ways_part(patterns):
    X, y = patterns
    few, many = up_down(max_iter=1).fit(X, y), up_down(max_iter=9).fit(X, y)
    for first, second in zip(few.rbms_, many.rbms_, strict=True):
        assert_array_equal(first.components_, second.components_)
    assert np.abs(many.coefs_[0] - many.rbms_[0].components_.T).max() > 0.01
    assert np.abs(many.coefs_[0] - many.generative_coefs_[0].T).max() > 0.01


def test_classes_are_learned_and_rows_of_a_class_are_drawn(patterns):
    X, y = patterns
    dbn = up_down((11, 9), max_iter=30, rbm=RBMTransformer(n_iter=30)).fit(X, y)
    assert dbn.score(X, y) > 0.97
    for label in dbn.classes_:
        drawn = dbn.sample(200, y=label, random_state=0)
        assert_allclose(drawn.mean(axis=0), X[y == label].mean(axis=0), atol=0.2)
    each = dbn.sample(y=["c", "a"] * 50, random_state=0)
    assert (dbn.predict(each) == ["c", "a"] * 50).mean() > 0.9
    assert set(np.unique(each)) == {0, 1}
    # Chains that begin at independent units rarely change their class in 200 steps, but all are found.
    free = dbn.predict(dbn.sample(200, random_state=0))
    assert len(np.unique(free)) == N_PATTERNS


def test_means_of_a_sample_are_no_draws(patterns):
    dbn = up_down().fit(*patterns)
    means = dbn.sample(11, y="a", means=True, random_state=0)
    assert ((means > 0) & (means < 1)).all()


def test_draws_follow_random_state_and_change_nothing(patterns):
    dbn = up_down().fit(*patterns)
    before = pickle.dumps(dbn)
    first, second = (dbn.sample(7, y="a", random_state=1) for _ in range(2))
    assert_array_equal(first, second)
    assert (dbn.sample(7, y="a", random_state=2) != first).any()
    assert pickle.dumps(dbn) == before


def test_raw_and_standardised_columns_give_the_same_model(patterns):
    X, y = patterns
    scaled = X * np.linspace(1, 40, 13) - 7
    plain = (scaled - scaled.mean(axis=0)) / scaled.std(axis=0)
    raw, standardised = (up_down(rbm=RBMTransformer(visible="gaussian")).fit(Z, y) for Z in (scaled, plain))
    assert_allclose(raw.predict_proba(scaled), standardised.predict_proba(plain), rtol=1e-6)
    drawn = raw.sample(5, y="a", random_state=0)
    expected = standardised.sample(5, y="a", random_state=0) * scaled.std(axis=0) + scaled.mean(axis=0)
    assert_allclose(drawn, expected, rtol=1e-6)


@pytest.mark.parametrize("sizes", [(5,), (7, 5)])
def test_sparse_rows_train_as_dense_ones(sizes, patterns):
    X, y = patterns
    dense, from_sparse = up_down(sizes).fit(X, y), up_down(sizes).fit(sparse.csr_matrix(X), y)
    assert_array_equal(dense.predict_proba(X), from_sparse.predict_proba(sparse.csr_matrix(X)))


def test_float32_stays(patterns):
    X, y = patterns
    dbn = up_down().fit(X.astype(np.float32), y)
    arrays = [*dbn.coefs_, *dbn.intercepts_, *dbn.generative_coefs_, *dbn.generative_intercepts_]
    arrays += [dbn.predict_proba(X.astype(np.float32)), dbn.sample(3, y="a")]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_rows_without_a_label_train_the_lower_machines_only(patterns):
    X, y = patterns
    dbn = up_down(unlabeled="none").fit(X, np.where(np.arange(len(y)) % 2, y, "none"))
    assert dbn.classes_.tolist() == ["a", "b", "c", "d"]
    all_rows = up_down().fit(X, y)
    assert_array_equal(dbn.rbms_[0].components_, all_rows.rbms_[0].components_)
    assert (dbn.rbms_[1].components_ != all_rows.rbms_[1].components_).any()


def test_frozen_stack_lends_its_lower_machines(patterns):
    X, y = patterns
    stack = DBNTransformer((7, 5), random_state=1).fit(X)
    dbn = up_down(pretrain=FrozenEstimator(stack)).fit(X, y)
    assert dbn.rbms_[0] is stack.rbms_[0]
    assert dbn.rbms_[1].n_features_in_ == 7 + N_PATTERNS
    assert dbn.score(X, y) > 0.5


def test_early_stopping_puts_the_best_weights_back(patterns):
    X, y = patterns
    dbn = up_down(early_stopping=True, max_iter=12, n_iter_no_change=12, learning_rate=0.05)
    dbn.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    assert len(dbn.validation_scores_) == 12
    assert dbn.score(X[150:], y[150:]) == dbn.best_validation_score_ == max(dbn.validation_scores_)


def test_warm_start_goes_on_without_new_machines(patterns):
    X, y = patterns
    dbn = up_down(warm_start=True).fit(X, y)
    machines, weights = dbn.rbms_, dbn.coefs_[0].copy()
    dbn.fit(X, y)
    assert dbn.rbms_ is machines
    assert dbn.n_iter_ == len(dbn.loss_curve_) == 6
    assert (dbn.coefs_[0] != weights).any()


def test_calls_of_partial_fit_train_as_fit_does(patterns):
    X, y = patterns
    at_once = up_down(learning_rate=0.003, batch_size=17, max_iter=4).fit(X, y)
    online = up_down(learning_rate=0.003, batch_size=17, max_iter=4)
    for _ in range(4):
        online.partial_fit(X, y)
    for first, second in zip(at_once.coefs_, online.coefs_, strict=True):
        assert_array_equal(first, second)


def test_failure_leaves_the_fitted_estimator_as_it_was(patterns):
    X, y = patterns
    dbn = up_down(warm_start=True).fit(X, y)
    before = dbn.predict_proba(X)
    dbn.set_params(learning_rate=1e30)
    with pytest.raises(ValueError, match="diverged"):
        dbn.fit(X, y)
    assert_array_equal(dbn.predict_proba(X), before)


def test_another_fine_tuning_starts_anew_or_not_at_all(patterns):
    X, y = patterns
    dbn = up_down().fit(X, y)
    pickled = pickle.loads(pickle.dumps(dbn))
    assert_array_equal(pickled.predict_proba(X), dbn.predict_proba(X))
    with pytest.raises(ValueError, match="cannot go on from another kind of fine-tuning"):
        clone(dbn).fit(X, y).set_params(fine_tuning="backprop", warm_start=True).fit(X, y)
    dbn.set_params(fine_tuning="backprop", max_iter=200).fit(X, y)
    assert not hasattr(dbn, "generative_coefs_")
    assert dbn.score(X, y) > 0.9
    with pytest.raises(ValueError, match='Only a network fitted with fine_tuning="up-down"'):
        dbn.sample(3)


@pytest.mark.parametrize(
    ("parameters", "several", "message"),
    [
        ({"pretrain": False}, False, "goes on from pre-trained layers"),
        ({}, True, "needs one label a row"),
    ],
)
def test_what_cannot_be_is_refused(parameters, several, message, patterns):
    X, y = patterns
    y = np.column_stack([y == "a", y > "b"]).astype(int) if several else y
    with pytest.raises(ValueError, match=message):
        up_down(**parameters).fit(X, y)
    with pytest.raises(ValueError, match=message):
        up_down(**parameters).partial_fit(X, y, classes=None if several else np.unique(y))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples must be an integer >= 1"),
        ({"n_steps": 0}, "n_steps must be an integer >= 1"),
        ({"y": "z"}, r"labels \['z'\] that are not among the classes"),
    ],
)
def test_samples_that_cannot_be_drawn_are_refused(arguments, message, patterns):
    dbn = up_down().fit(*patterns)
    with pytest.raises(ValueError, match=message):
        dbn.sample(**arguments)


@pytest.mark.slow
def test_digits_are_told_apart():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
    # 0.922 to 0.944 for three seeds
    assert up_down((128, 256), rbm=None, max_iter=30).fit(X, y).score(X_test, y_test) > 0.9


def test_discriminative_weight_serves_the_labels(patterns):
    """Patterns with much noise and few units: what the labels cost, in nats a row, over three seeds."""
    X, y = patterns
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.25, 1 - X, X)

    def cross_entropy(weight, seed):
        dbn = up_down(
            (7, 4), discriminative_weight=weight, max_iter=60, random_state=seed, learning_rate=0.02
        )
        p = dbn.fit(X, y).predict_proba(X)[np.arange(len(y)), np.searchsorted(dbn.classes_, y)]
        return -np.log(p).mean()

    saved = [cross_entropy(0.0, seed) - cross_entropy(30.0, seed) for seed in range(3)]
    assert np.mean(saved) > 0.03  # 0.064, 0.063 and 0.033


def test_layers_whose_states_differ_on_both_sides_are_refused(patterns):
    rbms = [RBMTransformer(hidden="relu"), RBMTransformer(visible="gaussian"), RBMTransformer()]
    with pytest.raises(
        ValueError, match=r"layer 1 is ReLU\(\) as hidden units and Gaussian\(\) as visible"
    ):
        up_down((7, 5, 3), rbm=rbms).fit(*patterns)


def test_top_machine_is_trained_without_persistent_chains_unless_a_prototype_says_so(patterns):
    X, y = patterns
    assert up_down(rbm=None, max_iter=1).fit(X, y).rbms_[-1].sampler == "cd"
    assert up_down(rbm=RBMTransformer(n_iter=2), max_iter=1).fit(X, y).rbms_[-1].sampler == "pcd"


def test_top_machine_is_trained_on_the_means_below_and_one_hot_labels(patterns):
    X, y = patterns
    lower, top = up_down().fit(X, y).rbms_
    joined = np.hstack([lower.transform(X), np.eye(N_PATTERNS)[np.searchsorted(np.unique(y), y)]])
    assert_array_equal(clone(top).fit(joined).components_, top.components_)


def test_rows_without_a_label_are_nothing_to_the_top_machine(patterns):
    X, y = patterns
    stack = FrozenEstimator(DBNTransformer((7, 5), random_state=1).fit(X))
    has_label = np.arange(len(y)) % 2 == 1
    marked = up_down(pretrain=stack, unlabeled="none").fit(X, np.where(has_label, y, "none"))
    alone = up_down(pretrain=stack).fit(X[has_label], y[has_label])
    assert_array_equal(marked.predict_proba(X), alone.predict_proba(X))


def test_the_loss_which_leaves_out_the_top_stops_nothing(patterns):
    dbn = up_down(learning_rate=0.003, max_iter=5, n_iter_no_change=1, tol=1e6).fit(*patterns)
    assert dbn.n_iter_ == 5
