import pickle
from unittest import mock

import numpy as np
import pytest
import sklearn
from exact import total_variation_in_floors
from exact_class import N_CLASSES, random_class_rbm
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, make_circles
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from test_class_posterior import to_machine

from skdbn import RBMTransformer
from skdbn._class_rbm import RBMClassifier
from skdbn._class_rbm_fit import PairedRows, training_rows
from skdbn._labels import NO_LABEL, LabelledRows
from skdbn._rows import Rows
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD
from skdbn.samplers import CD, PCD, MeanField
from skdbn.schedules import Linear
from skdbn.sparsity import SparsityTarget
from skdbn.units import Bernoulli, Gaussian, Mixed

# Most tests train for a few epochs on purpose.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*maximum iterations"),
    pytest.mark.filterwarnings("ignore:The fitted network predicts class"),
]
EXACT = {"sampler": MeanField(), "batch_size": None}
OBJECTIVES = ["generative", "discriminative", "hybrid"]


def small(**parameters):
    defaults = {"n_components": 7, "learning_rate": Linear(0.05, 0), "max_iter": 5, "random_state": 0}
    return RBMClassifier(**{**defaults, **parameters})


def arrays_of(model):
    return [
        model.components_,
        model.label_components_,
        model.intercept_hidden_,
        model.intercept_visible_,
        model.intercept_label_,
    ]


def assert_same_model(first, second):
    for one, other in zip(arrays_of(first), arrays_of(second), strict=True):
        assert_array_equal(one, other)


@pytest.fixture
def data(rng):
    """Three classes that overlap a little, 5 features within [0, 1], 53 rows."""
    y = rng.integers(3, size=53)
    X = 0.25 * rng.standard_normal((53, 5)) + np.eye(5)[y]
    return MinMaxScaler().fit_transform(X), y


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    return train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)


def fitted_to(oracle, **parameters):
    """A fitted classifier with the parameters of an oracle, whose classes are letters."""
    machine = to_machine(oracle)
    (unit, _), _ = machine.visible.parts_
    x = oracle.visible_states[::N_CLASSES, : oracle.n_inputs]
    classes = np.array(list("abcdefg"))
    X, y = np.tile(x, (N_CLASSES, 1)), np.repeat(classes, len(x))
    model = RBMClassifier(oracle.n_hidden, visible=unit, max_iter=1, random_state=0, **parameters).fit(X, y)
    weights, hidden_bias, visible_bias = oracle.parameters
    n_inputs = oracle.n_inputs
    model.components_, model.label_components_ = weights[:, :n_inputs], weights[:, n_inputs:]
    model.intercept_hidden_ = hidden_bias
    model.intercept_visible_, model.intercept_label_ = visible_bias[:n_inputs], visible_bias[n_inputs:]
    return model, x


# -- what the fitted model says -------------------------------------------------------------------


@pytest.mark.parametrize("visible", ["bernoulli", "softmax"])
def test_probabilities_features_and_free_energies_are_those_of_the_joint_distribution(visible):
    oracle = random_class_rbm(visible)
    model, x = fitted_to(oracle)
    log_p = oracle.log_posterior(x)
    assert_allclose(model.predict_log_proba(x), log_p, rtol=1e-10)
    assert_allclose(model.predict_proba(x), np.exp(log_p), rtol=1e-10)
    assert_array_equal(model.predict(x), np.array(list("abcdefg"))[log_p.argmax(axis=1)])
    assert_allclose(model.transform(x), oracle.mean_h_given_inputs(x), rtol=1e-10)
    assert_allclose(model.free_energy(x), oracle.input_free_energy(x), rtol=1e-10)


def test_scale_and_location_of_real_inputs_are_taken_into_account(rng):
    X = rng.normal(size=(97, 3)) * [1, 100, 0.01] + [5, -300, 0]
    y = (X[:, 0] > 5) + 2 * (X[:, 1] > -300)
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    raw, scaled = small(max_iter=20).fit(X, y), small(max_iter=20).fit(standard, y)
    assert type(raw.visible_) is Gaussian
    assert_allclose(raw.predict_proba(X), scaled.predict_proba(standard), atol=1e-6)


def test_predictions_do_not_change_from_call_to_call(data):
    X, y = data
    model = small().fit(X, y)
    assert_array_equal(model.predict_proba(X), model.predict_proba(X))


# -- draws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["a", "f"])
def test_draws_of_a_class_have_its_conditional_distribution(label):
    oracle = random_class_rbm(seed=3)
    model, x = fitted_to(oracle)
    k = "abcdefg".index(label)
    n = 20_000
    drawn = model.sample(n, y=label, n_steps=30, random_state=0)
    p = np.exp(oracle.log_joint(x)[:, k])
    numbers = (drawn @ 2.0 ** np.arange(4, -1, -1)).astype(int)  # the first unit changes slowest
    assert total_variation_in_floors(numbers, p / p.sum()) < 2
    others = np.delete(np.exp(oracle.log_joint(x)), k, axis=1).T
    assert max(total_variation_in_floors(numbers, q / q.sum()) for q in others) > 8


def test_draws_without_a_label_have_the_distribution_of_the_inputs():
    oracle = random_class_rbm()
    model, x = fitted_to(oracle)
    drawn = model.sample(20_000, n_steps=60, random_state=0)
    p = np.exp(-oracle.input_free_energy(x))
    numbers = (drawn @ 2.0 ** np.arange(4, -1, -1)).astype(int)
    assert total_variation_in_floors(numbers, p / p.sum()) < 2


def test_each_draw_has_its_own_label_and_start(digits):
    X, _, y, _ = digits
    model = small(n_components=31, objective="generative", max_iter=10, learning_rate=Linear(0.02, 0))
    model.fit(X[:600], y[:600])
    labels = np.arange(10).repeat(11)
    drawn = model.sample(y=labels, n_steps=50, random_state=0)
    assert drawn.shape == (110, 64)
    assert drawn.dtype == np.float32
    judge = LogisticRegression(max_iter=1000).fit(X, y)
    assert judge.score(drawn, labels) > 0.5  # 0.1 by chance
    one_step = model.sample(y=labels, n_steps=1, start=X[:110], random_state=0)
    many_steps = model.sample(y=labels, n_steps=200, start=X[:110], random_state=0)
    assert np.abs(one_step - X[:110]).mean() < np.abs(many_steps - X[:110]).mean()


def test_wrong_labels_and_starts_of_draws_are_refused(data):
    X, y = data
    model = small().fit(X, y)
    with pytest.raises(ValueError, match=r"labels \[9\] that are not among the classes"):
        model.sample(3, y=9)
    with pytest.raises(ValueError, match="y has 2 labels, but start has 5 rows"):
        model.sample(y=[0, 1], start=X[:5])
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1"):
        model.sample(0, y=1)


# -- learning -------------------------------------------------------------------------------------


# The seeds 0 to 2 give 0.909 to 0.918, 0.956 to 0.960 and 0.953 to 0.960.
@pytest.mark.parametrize(
    ("objective", "accuracy"), [("generative", 0.89), ("discriminative", 0.94), ("hybrid", 0.94)]
)
def test_digits_are_recognised(objective, accuracy, digits):
    X, X_test, y, y_test = digits
    model = RBMClassifier(
        64, objective=objective, learning_rate=Linear(0.01, 0), max_iter=15, batch_size=50, random_state=0
    ).fit(X, y)
    assert model.score(X_test, y_test) > accuracy


@pytest.mark.slow
def test_a_task_without_a_linear_solution_is_learned():
    X, y = make_circles(600, noise=0.1, factor=0.4, random_state=0)
    X, X_test, y, y_test = X[:300], X[300:], y[:300], y[300:]
    model = RBMClassifier(
        32, objective="discriminative", learning_rate=Linear(0.05, 0), max_iter=100, random_state=0
    ).fit(X, y)
    assert LogisticRegression().fit(X, y).score(X_test, y_test) < 0.7
    assert model.score(X_test, y_test) > 0.95


def test_generative_training_matches_the_moments_of_inputs_and_labels(rng):
    """At a maximum of the likelihood the model has the means of the data, for inputs and labels."""
    teacher = random_class_rbm(seed=3)
    rows = teacher.draw_visible(4000, rng)
    x, y = rows[:, : teacher.n_inputs], rows[:, teacher.n_inputs :].argmax(axis=1)
    model = RBMClassifier(
        5, objective="generative", sampler=PCD(n_chains=500), learning_rate=Linear(0.02, 0), alpha=0.0,
        max_iter=30, batch_size=200, random_state=0,
    ).fit(x, y)  # fmt: skip
    n_hidden, n_visible = 5, teacher.n_visible
    learned = random_class_rbm(n_hidden=n_hidden).replace(
        np.hstack([model.components_, model.label_components_]),
        model.intercept_hidden_,
        np.append(model.intercept_visible_, model.intercept_label_),
    )
    moments = learned.p_visible() @ learned.visible_states
    assert moments.shape == (n_visible,)
    # The standard error of the chains' means is 0.5 / sqrt(500) = 0.02.
    assert_allclose(moments, np.append(x, np.eye(N_CLASSES)[y], axis=1).mean(axis=0), atol=0.06)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_rows_without_a_label_change_the_model(objective, digits):
    X, _, y, _ = digits
    y = np.where(np.arange(len(y)) < 50, y, -1)
    few = small(objective=objective, max_iter=2, unlabeled=-1)
    with_rest = clone(few).fit(X, y)
    assert with_rest.classes_.tolist() == list(range(10))
    without = clone(few).fit(X[:50], y[:50])
    assert np.abs(with_rest.components_ - without.components_).max() > 1e-3


@pytest.mark.slow
def test_rows_without_a_label_teach_the_density(digits):
    X, X_test, y, _ = digits
    y = np.where(np.arange(len(y)) < 50, y, -1)
    settings = {
        "n_components": 31,
        "objective": "generative",
        "max_iter": 10,
        "learning_rate": Linear(0.02, 0),
    }
    semi = small(**settings, unlabeled=-1, unlabeled_weight=1.0).fit(X, y)
    few = small(**settings, batch_size=5, unlabeled=-1).fit(X[:50], y[:50])

    def log_odds_of_real_rows(model):
        noise = np.random.default_rng(0).permuted(X_test, axis=1)
        return np.mean(model.free_energy(noise) - model.free_energy(X_test))

    assert log_odds_of_real_rows(semi) > log_odds_of_real_rows(few) + 4  # 6.1 to 6.5 nats for seeds 0 to 2


@pytest.mark.parametrize("marker", [-1, "none", np.nan, None])
def test_any_marker_is_no_class(marker, data):
    X, y = data
    labels = y.astype(object)
    if marker is None:
        assert small().fit(X, y).classes_.tolist() == [0, 1, 2]
        return
    labels = np.array([str(label) for label in y], dtype=object) if marker == "none" else y.astype(float)
    labels[::3] = marker
    model = small(unlabeled=marker).fit(X, labels)
    assert len(model.classes_) == 3
    assert model.label_components_.shape == (7, 3)


def test_score_counts_rows_with_a_label_only(data):
    X, y = data
    marked = np.where(np.arange(len(y)) % 3 == 0, -1, y)
    model = small(unlabeled=-1).fit(X, marked)
    known = marked != -1
    assert model.score(X, marked) == np.mean(model.predict(X)[known] == y[known])
    weight = np.arange(1.0, len(y) + 1)
    expected = np.average(model.predict(X)[known] == y[known], weights=weight[known])
    assert_allclose(model.score(X, marked, sample_weight=weight), expected)
    with pytest.raises(ValueError, match="No row to score has a label"):
        model.score(X, np.full(len(y), -1))


# -- batches of rows with and without labels ------------------------------------------------------


def test_batches_of_few_labels_and_many_rows_hold_both(rng):
    labelled = Rows(np.arange(5.0)[:, np.newaxis], np.arange(5), None)
    unlabelled = Rows(np.arange(100.0, 113)[:, np.newaxis], np.full(13, NO_LABEL), None)
    rows = PairedRows(labelled, unlabelled)
    assert rows.n_rows == 13
    assert rows.n_batches(3) == 5
    seen = [(batch.inputs.ravel(), batch.targets, batch.weights) for batch in rows.batches(3, rng)]
    assert len(seen) == 5
    drawn = np.concatenate([inputs for inputs, _, _ in seen])
    assert sorted(drawn[drawn >= 100]) == list(range(100, 113))  # each once an epoch
    assert set(drawn[drawn < 100]) == set(range(5))
    for inputs, targets, weights in seen:
        assert_array_equal(targets, np.where(inputs < 100, inputs, NO_LABEL))
        assert_allclose(weights[targets != NO_LABEL].sum(), 1)
        assert_allclose(weights[targets == NO_LABEL].sum(), 1)


def test_both_kinds_of_rows_count_as_weighted_means(rng):
    """On average over batches, a row counts by its share of the weight of its kind."""
    weight = np.array([1.0, 2, 3, 4, 5])
    labelled = Rows(np.arange(5.0)[:, np.newaxis], np.arange(5), weight)
    unlabelled = Rows(np.arange(100.0, 107)[:, np.newaxis], np.full(7, NO_LABEL), np.arange(1.0, 8))
    counted, n_batches = np.zeros(107), 0
    for _ in range(2000):
        for batch in PairedRows(labelled, unlabelled).batches(2, rng):
            inputs = batch.inputs.ravel().astype(int)
            np.add.at(counted, inputs, batch.weights)
            # The loss of an epoch weighs rows with a label by their own weights.
            of_labelled = batch.weights[inputs < 100] * batch.total_weight
            assert_allclose(of_labelled, weight[inputs[inputs < 100]])
            n_batches += 1
    # Weights within short last batches count for more: a few per cent.
    assert_allclose(counted[:5] / n_batches, weight / 15, rtol=0.12)
    assert_allclose(counted[100:] / n_batches, np.arange(1, 8) / 28, rtol=0.12)


def test_rows_of_a_class_of_weight_zero_are_left_out(data):
    X, y = data
    rows = training_rows(LabelledRows(X, y, None), {0: 0.0}, np.arange(3))
    assert set(rows.targets) == {1, 2}
    assert_array_equal(rows.X, X[y > 0])


# -- stopping -------------------------------------------------------------------------------------


def test_early_stopping_keeps_the_best_weights(digits):
    X, X_val, y, y_val = digits
    model = small(n_components=13, early_stopping=True, max_iter=6, learning_rate=0.1)
    model.fit(X[:300], y[:300], X_val=X_val, y_val=y_val)
    assert len(model.validation_scores_) == model.n_iter_ == len(model.loss_curve_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert_allclose(model.score(X_val, y_val), model.best_validation_score_)


def test_patience_ends_the_training(data):
    X, y = data
    model = small(early_stopping=True, n_iter_no_change=2, tol=1.0, max_iter=20).fit(X, y)
    assert model.n_iter_ == 3  # the first epoch is better than none, two are not better by 1
    assert small(n_iter_no_change=2, tol=10.0, max_iter=20, learning_rate=0.05).fit(X, y).n_iter_ == 3
    # A rate that falls runs to its end: the loss is still to fall with it.
    assert small(n_iter_no_change=2, tol=10.0, max_iter=20).fit(X, y).n_iter_ == 20
    # No loss that can be computed says when a generative training has come to its end.
    assert small(objective="generative", n_iter_no_change=2, tol=10.0, max_iter=20).fit(X, y).n_iter_ == 20


def test_held_out_rows_are_measured_and_not_learned_from(data):
    X, y = data
    measured = small().fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert_same_model(measured, small().fit(X[:40], y[:40]))
    assert measured.validation_scores_[-1] == measured.score(X[40:], y[40:])
    weight = np.arange(1.0, 14)
    weighted = small().fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:], sample_weight_val=weight)
    assert_allclose(weighted.validation_scores_[-1], measured.score(X[40:], y[40:], sample_weight=weight))
    with pytest.raises(ValueError, match="X_val and y_val belong together"):
        small().fit(X, y, X_val=X)


# -- going on -------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_passes_over_all_rows_train_as_fit_does(objective, data):
    X, y = data
    once = small(objective=objective, max_iter=3).fit(X, y)
    online = small(objective=objective, max_iter=3)
    for _ in range(3):
        online.partial_fit(X, y)
    assert_same_model(online, once)
    assert online.n_iter_ == 3
    assert_allclose(online.loss_curve_, once.loss_curve_)


def test_warm_start_goes_on_from_the_fitted_model(data):
    X, y = data
    model = small(warm_start=True, learning_rate=1e-9).fit(X, y)
    before = [array.copy() for array in arrays_of(model)]
    model.fit(X, y)
    for array, other in zip(arrays_of(model), before, strict=True):
        assert_allclose(array, other, atol=1e-5)
    assert model.n_iter_ == 10
    with pytest.raises(ValueError, match="n_components=3 but the fitted model has 7"):
        model.set_params(n_components=3).fit(X, y)


def test_classes_of_a_stream_are_given_at_first(data):
    X, y = data
    model = small(unlabeled=-1).partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert model.classes_.tolist() == [0, 1, 2]
    model.partial_fit(X, np.full(len(X), -1)).partial_fit(X, y)
    assert model.n_iter_ == 3
    assert small(unlabeled=-1).partial_fit(X, np.full(len(X), -1), classes=[0, 1]).predict(X).max() <= 1
    with pytest.raises(ValueError, match="is not the same as on the last call"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"labels \[5\] that are not among the classes"):
        model.partial_fit(X, np.full(len(X), 5))


def test_means_of_a_stream_are_those_of_all_its_rows(data):
    X, y = data
    joined = np.hstack([X, np.eye(3)[y]])
    model = small().partial_fit(X[:31], y[:31], classes=[0, 1, 2]).partial_fit(X[31:], y[31:])
    assert_allclose(model._training.visible_mean, joined.mean(axis=0))
    assert_allclose(model._training.offsets.visible, joined.mean(axis=0))
    without_labels = small(unlabeled=-1).partial_fit(X[:31], y[:31]).partial_fit(X[31:], np.full(22, -1))
    expected = np.append(X.mean(axis=0), joined[:31, 5:].mean(axis=0))
    assert_allclose(without_labels._training.visible_mean, expected)


def test_what_a_stream_cannot_do_is_said(data):
    X, y = data
    with pytest.raises(ValueError, match="does not support early_stopping"):
        small(early_stopping=True).partial_fit(X, y)
    with pytest.raises(ValueError, match="not supported for partial_fit"):
        small(class_weight="balanced").partial_fit(X, y)


def test_failed_training_leaves_the_model_as_it_was(data):
    X, y = data
    model = small().fit(X, y)
    before = pickle.dumps(model)
    with pytest.raises(DivergenceError), np.errstate(all="ignore"):
        model.set_params(optimizer=SGD(), learning_rate=1e300).partial_fit(X, y)
    model.set_params(optimizer="rmsprop", learning_rate=Linear(0.05, 0))
    assert pickle.dumps(model) == before


# -- weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_row_of_weight_two_is_a_row_given_twice(objective, data):
    X, y = data
    weight = np.where(np.arange(len(y)) % 3 == 0, 2, 1)
    twice = np.repeat(np.arange(len(y)), weight)
    model = small(objective=objective, **EXACT)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(X[twice], y[twice])
    for array, other in zip(arrays_of(weighted), arrays_of(repeated), strict=True):
        assert_allclose(array, other, atol=1e-6)


def test_weights_of_classes_multiply_those_of_rows(data):
    X, y = data
    model = small(**EXACT)
    by_class = clone(model).set_params(class_weight={0: 1, 1: 4, 2: 2}).fit(X, y)
    by_row = clone(model).fit(X, y, sample_weight=np.array([1, 4, 2])[y])
    # Binary inputs take no scale from the rows, and the same steps follow; only the first biases of the
    # inputs know the weights of rows.
    assert_allclose(by_class.intercept_label_, by_row.intercept_label_, atol=0.05)
    plain = clone(model).fit(X, y)
    assert by_class.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.02


# -- scikit-learn ---------------------------------------------------------------------------------


def test_sparse_rows_train_as_dense_ones(data):
    X, y = data
    X = np.where(X > 0.4, X, 0.0)
    dense, as_sparse = small().fit(X, y), small().fit(sparse.csr_matrix(X), y)
    assert_same_model(dense, as_sparse)
    assert_array_equal(dense.predict_proba(X), as_sparse.predict_proba(sparse.csr_matrix(X)))


def test_float32_rows_give_a_float32_model(data):
    X, y = data
    model = small().fit(X.astype(np.float32), y)
    assert {array.dtype for array in arrays_of(model)} == {np.dtype(np.float32)}
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert model.transform(X.astype(np.float32)).dtype == np.float32


def test_columns_of_several_types_are_modelled_together(rng):
    pandas = pytest.importorskip("pandas")
    y = rng.integers(3, size=211)
    level = (y + rng.integers(2, size=211)) % 3
    frame = pandas.DataFrame(
        {
            "flag": (rng.random(211) < 0.2 + 0.3 * y).astype(float),
            "length": 40 + 5 * rng.standard_normal(211) + 6 * y,
            **{f"level{k}": level == k for k in range(3)},
        }
    ).astype(float)
    visible = [
        ("bernoulli", ["flag"]),
        ("gaussian", ["length"]),
        ("softmax", [["level0", "level1", "level2"]]),
    ]
    model = small(visible=visible, max_iter=40).fit(frame, y)
    assert isinstance(model.visible_, Mixed)
    assert model.score(frame, y) > 0.75  # the majority class has a third
    drawn = model.sample(17, y=2, random_state=0)
    assert_array_equal(drawn[:, 2:].sum(axis=1), 1)
    assert set(drawn[:, 0]) <= {0.0, 1.0}


@pytest.mark.slow
def test_sparsity_target_is_reached(digits):
    X, _, y, _ = digits
    settings = {"n_components": 23, "max_iter": 10, "learning_rate": Linear(0.02, 0)}
    sparse_units = small(**settings, sparsity=SparsityTarget(0.05, cost=1.0)).fit(X, y).transform(X).mean()
    assert sparse_units < 0.15 < small(**settings).fit(X, y).transform(X).mean()


def test_norms_of_weights_stay_within_their_bound(data):
    X, y = data
    model = small(max_norm=0.5, max_iter=20).fit(X, y)
    norms = np.linalg.norm(np.hstack([model.components_, model.label_components_]), axis=1)
    assert_allclose(norms.max(), 0.5, rtol=1e-6)


def test_objective_decides_the_weights_of_the_terms():
    assert RBMClassifier(objective="generative")._terms() == (0, 1, 0.1)
    assert RBMClassifier(objective="discriminative", unlabeled_weight=0.3)._terms() == (1, 0, 0.3)
    assert RBMClassifier(objective="hybrid", generative_weight=0.2)._terms() == (1, 0.2, 0.1)


def test_hybrid_without_generative_weight_is_discriminative(data):
    X, y = data
    hybrid = small(objective="hybrid", generative_weight=0.0).fit(X, y)
    assert_same_model(hybrid, small(objective="discriminative").fit(X, y))


@pytest.mark.parametrize("sampler", ["pcd", "fastpcd", "paralleltempering"])
def test_chains_of_every_sampler_go_on_from_call_to_call(sampler, data):
    X, y = data
    once = small(objective="generative", sampler=sampler, max_iter=2, learning_rate=0.02)
    online = clone(once).partial_fit(X, y).partial_fit(X, y)
    assert_same_model(online, once.fit(X, y))


def test_model_survives_pickling_and_cloning(data):
    X, y = data
    model = small(visible=Bernoulli(redraw=False), sampler=CD(2)).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert_same_model(again.partial_fit(X, y), model.partial_fit(X, y))
    assert_same_model(
        clone(model).fit(X, y), small(visible=Bernoulli(redraw=False), sampler=CD(2)).fit(X, y)
    )


def test_pipelines_and_grid_searches_reach_the_parts(data):
    X, y = data
    labels = np.array(["low", "middle", "high"])[y]
    grid = {"model__objective": ["generative", "hybrid"], "model__sampler__n_steps": [1, 2]}
    pipeline = Pipeline([("scale", MinMaxScaler()), ("model", small(sampler=CD()))])
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, labels)
    assert set(search.predict(X)) <= {"low", "middle", "high"}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_unlabelled_rows_do_not_count_in_cross_validation(data):
    X, y = data
    marked = np.where(np.arange(len(y)) % 2 == 0, -1, y)
    scores = cross_val_score(small(unlabeled=-1, max_iter=30), X, marked, cv=3)
    assert scores.min() > 0.5  # counted as wrong, half of the rows would keep it below


def test_metadata_reaches_the_fit(data):
    X, y = data
    with sklearn.config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(MinMaxScaler(), model)
        with mock.patch.object(RBMClassifier, "fit", autospec=True, side_effect=RBMClassifier.fit) as spy:
            pipeline.fit(X, y, sample_weight=np.ones(len(y)))
    assert spy.call_args.kwargs["sample_weight"] is not None


def test_output_format_and_names_are_those_of_scikit_learn(data):
    pytest.importorskip("pandas")
    X, y = data
    frame = small().set_output(transform="pandas").fit(X, y).transform(X)
    assert frame.columns.tolist() == [f"rbmclassifier{j}" for j in range(7)]


def test_units_without_a_joint_distribution_are_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="no normalisable joint distribution"):
        small(visible="gaussian", hidden="gaussian").fit(X, y)
    with pytest.raises(ValueError, match="one-hot; pass class labels"):
        small().fit(X, np.eye(3)[y])


def test_generative_term_alone_is_an_rbm_of_rows_joined_with_labels(data):
    """The same steps as a plain RBM on [X, one-hot y], by the sampler without draws."""
    X, y = data
    settings = {"learning_rate": 0.01, "optimizer": SGD(), **EXACT, "alpha": 0.0}
    model = small(objective="generative", max_iter=7, **settings).fit(X, y)
    joined = np.hstack([X, np.eye(3)[y]])
    visible = [("bernoulli", slice(0, 5)), ("softmax", slice(5, 8))]
    rbm = RBMTransformer(7, visible=visible, n_iter=7, random_state=0, **settings).fit(joined)
    assert_allclose(np.hstack([model.components_, model.label_components_]), rbm.components_, atol=1e-12)
    biases = np.append(model.intercept_visible_, model.intercept_label_)
    assert_allclose(biases, rbm.intercept_visible_, atol=1e-12)
