import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, xlogy
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdbn import DBNTransformer, RBMTransformer
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD, RMSProp
from skdbn.samplers import MeanField
from skdbn.schedules import Linear
from skdbn.units import Gaussian

# Most tests train for a few epochs on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations")

N_ITER, MAX_ITER = 3, 5
BARELY = 1e-12  # a rate that moves no weight by more than 1e-9 in these trainings
DIVERGING = {"optimizer": SGD(), "learning_rate": 1e300}
FINE_TUNINGS = [None, "reconstruction"]


def small_rbm(**parameters):
    return RBMTransformer(**{"n_iter": N_ITER, "learning_rate": 0.05, **parameters})


def small_coder(**parameters):
    return DBNTransformer(
        **{
            "hidden_layer_sizes": (7, 3),
            "rbm": small_rbm(),
            "learning_rate": Linear(0.05, 0),
            "max_iter": MAX_ITER,
            "random_state": 0,
            **parameters,
        }
    )


def autoencoder(**parameters):
    return small_coder(**{"fine_tuning": "reconstruction", **parameters})


@pytest.fixture(name="X")
def rows_within_unit_interval():
    """53 rows of three groups, 5 features within [0, 1]."""
    return MinMaxScaler().fit_transform(make_blobs(53, 5, centers=3, cluster_std=2.0, random_state=0)[0])


@pytest.fixture(name="X_raw")
def raw_rows(X):
    """The same in columns far from standardised."""
    return X * [1, 10, 100, 0.1, 0.01] + [0, 5, -300, 2, 1]


@pytest.fixture(params=["within [0, 1]", "real"])
def rows(request, X, X_raw):
    return X if request.param == "within [0, 1]" else X_raw


def arrays_of_machines(machines):
    return [
        array
        for machine in machines
        for array in (machine.components_, machine.intercept_hidden_, machine.intercept_visible_)
    ]


def assert_same_arrays(first, second):
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other)


def assert_same_machines(first, second):
    assert_same_arrays(arrays_of_machines(first), arrays_of_machines(second))


def assert_same_network(first, second):
    assert_same_arrays(
        [*first.coefs_, *first.intercepts_],
        [*second.coefs_, *second.intercepts_],
    )


def up(machines, X):
    for machine in machines:
        X = machine.transform(X)
    return X


def down(machines, H):
    for machine in reversed(machines):
        H = machine.inverse_transform(H)
    return H


def curve_rows(n_rows, rng):
    """Bumps at all places of 20 pixels: one number decides a row, which no plane contains."""
    place, pixels = rng.uniform(size=(n_rows, 1)), np.linspace(0, 1, 20)
    return np.exp(-(((pixels - place) / 0.1) ** 2))


# -- the stack ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(7,), (7, 3), (7, 5, 3)], ids=str)
def test_greedy_training_is_that_of_machines_one_by_one(sizes, rows):
    stack = small_coder(hidden_layer_sizes=sizes).fit(rows)
    H = rows
    for machine, size in zip(stack.rbms_, sizes, strict=True):
        by_hand = clone(machine).fit(H)
        assert by_hand.components_.shape == (size, H.shape[1])
        assert_same_machines([by_hand], [machine])
        H = by_hand.transform(H)
    assert len({machine.random_state for machine in stack.rbms_}) == len(sizes)


@pytest.mark.parametrize("linear_code", [False, True])
def test_without_fine_tuning_codes_and_reconstructions_are_those_of_the_machines(linear_code, rows):
    stack = small_coder(hidden_layer_sizes=(7, 5, 3), linear_code=linear_code).fit(rows)
    # The first weights act on raw columns with means of up to 300: rounding of some 1e-13.
    close = {"rtol": 1e-9, "atol": 1e-11}
    for layer in range(3):
        H = up(stack.rbms_[: layer + 1], rows)
        assert_allclose(stack.transform(rows, layer=layer), H, **close)
        assert_array_equal(stack.transform(rows, layer=layer - 3), stack.transform(rows, layer=layer))
    assert_allclose(stack.inverse_transform(H), down(stack.rbms_, H), **close)
    assert_allclose(stack.reconstruct(rows), down(stack.rbms_, H), **close)
    assert_array_equal(stack.transform(rows), stack.transform(rows, layer=2))


@pytest.mark.filterwarnings("ignore:.* of hidden units of layer . are constant")
def test_upper_machines_may_scale_what_they_are_given(rows):
    stack = small_coder(
        hidden_layer_sizes=(7, 5, 3), rbm=[small_rbm(), *[small_rbm(visible="gaussian")] * 2]
    )
    stack.fit(rows)
    assert all(np.abs(rbm.visible_.scale_ - 1).min() > 0.1 for rbm in stack.rbms_[1:])
    H = up(stack.rbms_, rows)
    close = {"rtol": 1e-9, "atol": 1e-11}
    assert_allclose(stack.transform(rows), H, **close)
    assert_allclose(stack.inverse_transform(H), down(stack.rbms_, H), **close)
    assert_allclose(stack.reconstruct(rows), down(stack.rbms_, H), **close)


def test_binary_stack_gives_to_the_last_bit_what_its_machines_give(X):
    stack = small_coder().fit(X)
    assert_array_equal(stack.transform(X), up(stack.rbms_, X))


def test_score_of_one_layer_is_the_exact_likelihood_of_its_machine(X):
    X = (X > 0.5).astype(float)
    stack = small_coder(hidden_layer_sizes=7).fit(X)
    machine = stack.rbms_[0]
    expected = -machine.free_energy(X) - machine.log_partition(method="exact").value
    assert_allclose(stack.score_samples(X), expected, rtol=1e-10)
    assert stack.score(X) == pytest.approx(expected.mean(), rel=1e-10)


def test_without_fine_tuning_there_is_no_loss_and_epochs_are_those_of_the_longest_machine(X):
    stack = small_coder(rbm=[small_rbm(n_iter=2), small_rbm(n_iter=4)]).fit(X)
    assert (stack.loss_curve_, stack.validation_scores_, stack.best_validation_score_) == ([], [], None)
    assert stack.n_iter_ == 4
    assert stack.n_layers_ == 5


def test_random_state_decides_everything(X):
    noisy = {"input_dropout": 0.2}
    assert_same_network(autoencoder(**noisy).fit(X), autoencoder(**noisy).fit(X))
    other = autoencoder(random_state=1).fit(X)
    assert not np.array_equal(other.coefs_[0], autoencoder().fit(X).coefs_[0])


# -- the autoencoder ------------------------------------------------------------------------------


def test_fine_tuned_code_reconstructs_better_than_as_many_principal_components(rng):
    X, X_new = curve_rows(300, rng), curve_rows(300, rng)
    coder = DBNTransformer(
        (20, 2),
        rbm=RBMTransformer(n_iter=10, batch_size=20),
        linear_code=True,
        fine_tuning="reconstruction",
        learning_rate=Linear(0.02, 0),
        batch_size=15,
        max_iter=40,
        random_state=0,
    ).fit(X)
    pca = PCA(2).fit(X)

    def error(reconstruction):
        return np.mean((reconstruction - X_new) ** 2)

    of_pca = error(pca.inverse_transform(pca.transform(X_new)))
    assert error(coder.reconstruct(X_new)) < 0.05 * of_pca  # 0.002 to 0.005 of it for the seeds 0 to 4


@pytest.mark.parametrize("linear_code", [False, True])
def test_fine_tuning_begins_with_the_stack_and_leaves_its_machines_alone(linear_code, rows):
    stack = small_coder(linear_code=linear_code).fit(rows)
    begun = autoencoder(linear_code=linear_code, learning_rate=BARELY).fit(rows)
    assert_allclose(begun.reconstruct(rows), stack.reconstruct(rows), rtol=1e-7, atol=1e-8)
    tuned = autoencoder(linear_code=linear_code, learning_rate=0.01).fit(rows)
    assert_same_machines(tuned.rbms_, stack.rbms_)
    assert np.abs(tuned.transform(rows) - stack.transform(rows)).max() > 1e-3
    assert [W.shape for W in tuned.coefs_] == [(5, 7), (7, 3), (3, 7), (7, 5)]
    assert not np.allclose(tuned.coefs_[1], tuned.coefs_[2].T, atol=1e-4)  # trained apart


def test_loss_is_cross_entropy_for_bernoulli_inputs(X):
    coder = autoencoder(learning_rate=BARELY, alpha=0.0, batch_size=None, max_iter=1).fit(X)
    p = coder.reconstruct(X)
    expected = -(xlogy(X, p) + xlogy(1 - X, 1 - p)).sum(axis=1).mean()
    assert coder.loss_curve_ == pytest.approx([expected], rel=1e-8)


def test_loss_is_half_the_scaled_squared_error_for_gaussian_inputs(X_raw):
    weight = np.linspace(0.1, 1, len(X_raw))
    coder = autoencoder(learning_rate=BARELY, alpha=0.0, batch_size=None, max_iter=1)
    coder.fit(X_raw, sample_weight=weight)
    errors = (coder.reconstruct(X_raw) - X_raw) / coder.visible_.scale_
    expected = np.average(0.5 * (errors**2).sum(axis=1), weights=weight)
    assert coder.loss_curve_ == pytest.approx([expected], rel=1e-8)


def test_codes_and_reconstructions_are_forward_passes_by_hand(X):
    coder = autoencoder(linear_code=True).fit(X)
    (W1, W2, W3, W4), (b1, b2, b3, b4) = coder.coefs_, coder.intercepts_
    code = expit(X @ W1 + b1) @ W2 + b2
    reconstruction = expit(expit(code @ W3 + b3) @ W4 + b4)
    assert_allclose(coder.transform(X), code, rtol=1e-10, atol=1e-12)
    assert_allclose(coder.inverse_transform(code), reconstruction, rtol=1e-10)
    assert_allclose(coder.reconstruct(X), reconstruction, rtol=1e-10)


def test_linear_code_is_not_bounded(X):
    coder = autoencoder(linear_code=True, max_iter=30).fit(X)
    code = coder.transform(X)
    assert code.min() < -0.5  # -1.7 to -1.2 for the seeds 0 to 4
    assert code.max() > 1.1  # 1.4 to 1.9
    assert isinstance(coder.rbms_[-1].hidden_, Gaussian)
    bounded = autoencoder(max_iter=30).fit(X).transform(X)
    assert bounded.min() >= 0
    assert bounded.max() <= 1


@pytest.mark.parametrize("linear_code", [False, True])
def test_plain_autoencoder_learns_without_machines(linear_code, rows):
    coder = autoencoder(pretrain=False, linear_code=linear_code, max_iter=40, learning_rate=Linear(0.03, 0))
    coder.fit(rows)
    assert coder.rbms_ == []
    # Share of the variance, which is the error of giving each row the mean.
    constant = np.mean((rows - rows.mean(axis=0)) ** 2, axis=0)
    explained = 1 - np.mean((coder.reconstruct(rows) - rows) ** 2, axis=0) / constant
    assert explained.mean() > 0.7  # 0.82 to 0.87 for the seeds 0 to 4 of the four kinds


def test_plain_autoencoder_begins_at_the_mean_of_the_rows(X):
    X[:, 2] = X[:, 2] ** 8  # a mean near 0
    weight = np.linspace(0.1, 1, len(X))
    begun = autoencoder(pretrain=False, learning_rate=BARELY).fit(X, sample_weight=weight)
    # Above the first fields, which are random, stands the bias of the weighted mean.
    mean = np.average(X, axis=0, weights=weight)
    field = begun.intercepts_[-1] + 0.5 * begun.coefs_[-1].sum(axis=0)
    assert_allclose(expit(field), mean, rtol=1e-6)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_nothing_to_train_is_an_error(method, X):
    coder = small_coder(pretrain=False)
    with pytest.raises(ValueError, match="pretrain=False leaves nothing to train"):
        getattr(coder, method)(X)
    with pytest.raises(ValueError, match="pretrain=False leaves nothing to train"):
        getattr(coder.set_params(pretrain=np.bool_(False)), method)(X)


def test_plain_autoencoder_has_no_likelihood(X):
    plain = autoencoder(pretrain=False)
    for coder in (plain, clone(plain).fit(X)):
        assert not hasattr(coder, "score")
        assert not hasattr(coder, "score_samples")
    assert autoencoder().fit(X).score(X) < 0


def test_code_of_another_width_is_refused(X):
    coder = small_coder().fit(X)
    with pytest.raises(ValueError, match="H has 4 columns, but the code has 3"):
        coder.inverse_transform(np.zeros((2, 4)))


# -- kinds of rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
def test_raw_and_standardised_rows_give_the_same_reconstructions(fine_tuning, X_raw):
    scaler = StandardScaler().fit(X_raw)
    Z = scaler.transform(X_raw)
    raw = small_coder(fine_tuning=fine_tuning).fit(X_raw)
    standardised = small_coder(fine_tuning=fine_tuning).fit(Z)
    assert_allclose(raw.transform(X_raw), standardised.transform(Z), rtol=1e-8)
    expected = scaler.inverse_transform(standardised.reconstruct(Z))
    assert_allclose(raw.reconstruct(X_raw), expected, rtol=1e-8)
    assert raw.loss_curve_ == pytest.approx(standardised.loss_curve_, rel=1e-8)


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
@pytest.mark.parametrize("convert", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_rows_give_what_dense_rows_give(convert, fine_tuning, X):
    X = np.where(X > 0.5, X, 0)
    coder = small_coder(fine_tuning=fine_tuning, early_stopping=True)
    dense, same = clone(coder).fit(X), clone(coder).fit(convert(X))
    assert_same_network(dense, same)
    assert dense.validation_scores_ == same.validation_scores_
    assert_array_equal(dense.transform(X), same.transform(convert(X)))
    assert_array_equal(dense.reconstruct(X), same.reconstruct(convert(X)))


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
@pytest.mark.parametrize("pretrain", [True, False])
def test_float32_stays(pretrain, fine_tuning, rows):
    if fine_tuning is None and not pretrain:
        fine_tuning = "reconstruction"
    coder = small_coder(fine_tuning=fine_tuning, pretrain=pretrain, linear_code=True)
    X32 = rows.astype(np.float32)
    coder.fit(X32).partial_fit(X32)
    code = coder.transform(X32)
    given = [*coder.coefs_, *coder.intercepts_, *arrays_of_machines(coder.rbms_)]
    given += [code, coder.reconstruct(X32), coder.inverse_transform(code)]
    assert {array.dtype for array in given} == {np.dtype(np.float32)}


# -- partial_fit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(7,), (7, 3), (7, 5, 3)], ids=str)
def test_fit_is_n_iter_passes_over_one_layer_after_the_other(sizes, rows):
    stack = small_coder(hidden_layer_sizes=sizes)
    online = clone(stack)
    for layer in range(len(sizes)):
        for _ in range(N_ITER):
            assert online.partial_fit(rows, layer=layer) is online
    stack.fit(rows)
    assert_same_machines(online.rbms_, stack.rbms_)
    assert_same_network(online, stack)
    assert online.n_iter_ == stack.n_iter_ == N_ITER
    assert_array_equal(online.transform(rows), stack.transform(rows))


def test_chunks_train_a_layer_as_they_train_a_machine(X):
    chunks = X[:20], X[20:31], X[31:]
    stack = small_coder()
    for layer in (0, 1):
        for chunk in chunks:
            stack.partial_fit(chunk, layer=layer)
    first, second = map(clone, stack.rbms_)
    for chunk in chunks:
        first.partial_fit(chunk)
    for chunk in chunks:
        second.partial_fit(first.transform(chunk))
    assert_same_machines(stack.rbms_, [first, second])


def test_pass_over_all_layers_trains_each_on_what_the_one_below_has_become(X):
    stack = small_coder()
    weights = np.linspace(0.5, 1.5, 20)
    stack.partial_fit(X[:20], sample_weight=weights).partial_fit(X[20:])
    first, second = map(clone, stack.rbms_)
    first.partial_fit(X[:20], sample_weight=weights)
    second.partial_fit(first.transform(X[:20]), sample_weight=weights)
    first.partial_fit(X[20:])
    second.partial_fit(first.transform(X[20:]))
    assert_same_machines(stack.rbms_, [first, second])
    assert stack.n_iter_ == 2


def test_stack_grows_with_the_layers(X):
    stack = small_coder(hidden_layer_sizes=(7, 5, 3))
    for layer, size in enumerate((7, 5, 3)):
        stack.partial_fit(X, layer=layer)
        assert len(stack.rbms_) == layer + 1
        assert_array_equal(stack.transform(X), up(stack.rbms_, X))
        assert len(stack.get_feature_names_out()) == size
        assert_allclose(stack.reconstruct(X), down(stack.rbms_, up(stack.rbms_, X)), rtol=1e-10)


def test_pass_over_a_lower_layer_leaves_those_above_as_they_are(X):
    stack = small_coder().fit(X)
    lower, upper = map(pickle.dumps, stack.rbms_)
    stack.partial_fit(X, layer=0)
    assert pickle.dumps(stack.rbms_[0]) != lower
    assert pickle.dumps(stack.rbms_[1]) == upper
    assert_array_equal(stack.transform(X), up(stack.rbms_, X))


@pytest.mark.parametrize("layer", [2, -1, 0.0, "0"])
def test_layer_that_the_stack_does_not_have_is_refused(layer, X):
    with pytest.raises(ValueError, match=r"layer=.*, but the stack has the layers 0 to 1"):
        small_coder().partial_fit(X, layer=layer)


def test_layer_on_one_that_has_not_been_trained_is_refused(X):
    stack = small_coder(hidden_layer_sizes=(7, 5, 3))
    message = "layer={} stands on layer {}, which has not been trained yet"
    with pytest.raises(ValueError, match=message.format(1, 0)):
        stack.partial_fit(X, layer=1)
    assert not hasattr(stack, "n_features_in_")
    with pytest.raises(ValueError, match=message.format(2, 1)):
        stack.partial_fit(X, layer=0).partial_fit(X, layer=2)


def test_layers_have_no_passes_of_their_own_in_fine_tuning(X):
    with pytest.raises(ValueError, match="layer is for stacks without fine-tuning"):
        autoencoder().partial_fit(X, layer=0)


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_failed_training_leaves_the_stack_as_it_was(method, fine_tuning, X):
    # The second machine diverges after the first was trained; or the autoencoder does.
    bad = {"rbm": [small_rbm(), small_rbm(**DIVERGING)]} if fine_tuning is None else DIVERGING
    stack = small_coder(fine_tuning=fine_tuning, **bad)
    before = set(vars(stack))
    with pytest.raises(DivergenceError):
        getattr(stack, method)(X)
    assert set(vars(stack)) == before
    # The same from a stack that was fitted: the first layer succeeds once more, the second fails.
    stack = small_coder(fine_tuning=fine_tuning, warm_start=True).fit(X)
    if fine_tuning is None:
        stack.rbms_[1].set_params(**DIVERGING)
    else:
        stack.set_params(**DIVERGING)
    before = pickle.dumps(stack)
    with pytest.raises(DivergenceError):
        getattr(stack, method)(X)
    assert pickle.dumps(stack) == before


@pytest.mark.parametrize("pretrain", [True, False])
def test_fine_tuning_is_max_iter_calls_of_partial_fit(pretrain, rows):
    coder = autoencoder(pretrain=pretrain, tol=0, n_iter_no_change=99, input_dropout=0.2)
    online = clone(coder)
    for _ in range(MAX_ITER):
        online.partial_fit(rows)
    coder.fit(rows)
    # Between calls the first weights are kept for raw columns: rounding, where there is a scale.
    assert_allclose(online.reconstruct(rows), coder.reconstruct(rows), rtol=1e-9)
    assert online.loss_curve_ == pytest.approx(coder.loss_curve_, rel=1e-9)
    assert online.n_iter_ == coder.n_iter_ == MAX_ITER


def test_stack_that_grew_from_chunks_can_be_fine_tuned(X):
    stack = small_coder(learning_rate=BARELY).partial_fit(X, layer=0)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(7, 3\) but the fitted network has \(7,\)"):
        stack.set_params(fine_tuning="reconstruction").partial_fit(X)
    stack.set_params(fine_tuning=None).partial_fit(X, layer=1)
    reconstruction = stack.reconstruct(X)
    stack.set_params(fine_tuning="reconstruction").partial_fit(X)
    assert_allclose(stack.reconstruct(X), reconstruction, rtol=1e-8)
    assert len(stack.loss_curve_) == 1


# -- warm_start -----------------------------------------------------------------------------------


def test_warm_start_goes_on_with_the_fine_tuning(rows):
    coder = autoencoder(warm_start=True).fit(rows)
    before, machines = coder.reconstruct(rows), coder.rbms_
    coder.set_params(learning_rate=BARELY).fit(rows)
    assert_allclose(coder.reconstruct(rows), before, rtol=1e-7, atol=1e-8)
    assert coder.rbms_ is machines
    assert coder.n_iter_ == len(coder.loss_curve_) == 2 * MAX_ITER


def test_warm_start_goes_on_with_the_machines_where_there_is_no_fine_tuning(rows):
    stack = small_coder(warm_start=True).fit(rows)
    first, second = (pickle.loads(pickle.dumps(rbm)).set_params(warm_start=True) for rbm in stack.rbms_)
    kept = stack.rbms_
    before = pickle.dumps(kept)
    stack.fit(rows)
    second.fit(first.fit(rows).transform(rows))
    assert_same_machines(stack.rbms_, [first, second])
    assert_allclose(stack.transform(rows), up([first, second], rows), rtol=1e-9)
    assert stack.n_iter_ == 2 * N_ITER
    assert [rbm.warm_start for rbm in stack.rbms_] == [False, False]
    assert pickle.dumps(kept) == before


def test_warm_start_trains_layers_that_waited_for_their_turn(X):
    stack = small_coder(warm_start=True).partial_fit(X, layer=0).fit(X)
    assert [rbm.n_iter_ for rbm in stack.rbms_] == [1 + N_ITER, N_ITER]
    assert stack.transform(X).shape == (53, 3)
    assert_array_equal(stack.transform(X), up(stack.rbms_, X))


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_other_layers_than_those_begun_are_refused(method, fine_tuning, X):
    stack = small_coder(fine_tuning=fine_tuning, warm_start=True).fit(X)
    stack.set_params(hidden_layer_sizes=(7, 2))
    with pytest.raises(ValueError, match=r"\(7, 2\) but the fitted network has \(7, 3\); use clone"):
        getattr(stack, method)(X)


def test_without_warm_start_fit_forgets(X):
    for fine_tuning in FINE_TUNINGS:
        coder = small_coder(fine_tuning=fine_tuning)
        assert_same_network(clone(coder).fit(X[:20]).fit(X), clone(coder).fit(X))
    assert_same_network(small_coder().partial_fit(X, layer=0).fit(X), small_coder().fit(X))


# -- validation -----------------------------------------------------------------------------------


def test_early_stopping_keeps_the_best_weights(X_raw):
    X, X_val = X_raw[:30], X_raw[30:]
    weight = np.linspace(0.1, 1, len(X_val))
    coder = autoencoder(early_stopping=True, learning_rate=0.2, max_iter=40, n_iter_no_change=8)
    coder.fit(X, X_val=X_val, sample_weight_val=weight)
    scores = coder.validation_scores_
    assert coder.best_validation_score_ == max(scores) > scores[-1]
    assert len(scores) == coder.n_iter_ < 40
    errors = (coder.reconstruct(X_val) - X_val) / coder.visible_.scale_
    loss = np.average(0.5 * (errors**2).sum(axis=1), weights=weight)
    assert coder.best_validation_score_ == pytest.approx(-loss, rel=1e-9)


def test_early_stopping_holds_out_a_share_that_nothing_learns_from(X):
    coder = autoencoder(early_stopping=True, validation_fraction=0.25, n_iter_no_change=2)
    coder.set_params(learning_rate=BARELY, max_iter=20, pretrain=False, batch_size=None).fit(X)
    assert coder.n_iter_ == 3  # the first epoch, and two that did not improve on it
    # 14 of 53 rows are held out: with the loss of the others the mean is that of all.
    p = coder.reconstruct(X)
    losses = -(xlogy(X, p) + xlogy(1 - X, 1 - p)).sum(axis=1)
    total = 39 * coder.loss_curve_[-1] - 14 * coder.validation_scores_[-1]
    assert total == pytest.approx(losses.sum(), rel=1e-8)


def test_early_stopping_holds_out_nothing_where_there_is_no_fine_tuning(X):
    assert_same_network(small_coder(early_stopping=True).fit(X), small_coder().fit(X))
    online = small_coder(early_stopping=True).partial_fit(X)
    assert_same_network(online, small_coder().partial_fit(X))
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping"):
        autoencoder(early_stopping=True).partial_fit(X)


def test_validation_rows_without_early_stopping_only_measure(X):
    watched = autoencoder().fit(X, X_val=X[:11])
    assert_same_network(watched, autoencoder().fit(X))
    assert len(watched.validation_scores_) == MAX_ITER
    assert watched.best_validation_score_ == max(watched.validation_scores_)


# -- scikit-learn's tools -------------------------------------------------------------------------


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
def test_row_of_weight_two_is_a_row_given_twice(fine_tuning, X):
    # No draws. RMSProp makes steps of the rounding of gradients near 0; less so with this epsilon.
    exact = {"batch_size": None, "optimizer": RMSProp(epsilon=1e-5)}
    rbm = small_rbm(n_iter=20, sampler=MeanField(), **exact)
    coder = small_coder(fine_tuning=fine_tuning, rbm=rbm, **exact)
    weight = np.where(np.arange(len(X)) % 3 == 0, 2, 1)
    weighted = clone(coder).fit(X, sample_weight=weight)
    repeated = clone(coder).fit(np.repeat(X, weight, axis=0))
    assert np.abs(weighted.reconstruct(X) - repeated.reconstruct(X)).max() < 1e-6
    assert np.abs(weighted.reconstruct(X) - clone(coder).fit(X).reconstruct(X)).max() > 1e-2


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
def test_columns_of_frames_have_names_from_call_to_call(fine_tuning, X):
    frame = pd.DataFrame(X, columns=list("abcde"))
    coder = small_coder(fine_tuning=fine_tuning).set_output(transform="pandas")
    coder.partial_fit(frame).partial_fit(frame)
    assert coder.feature_names_in_.tolist() == list("abcde")
    code = coder.transform(frame)
    assert code.columns.tolist() == ["dbntransformer0", "dbntransformer1", "dbntransformer2"]
    plain = small_coder(fine_tuning=fine_tuning).partial_fit(X).partial_fit(X)
    assert_array_equal(code.to_numpy(), plain.transform(X))
    before = pickle.dumps(coder)
    with pytest.raises(ValueError, match="feature names should match"):
        coder.partial_fit(frame[list("edcba")])
    assert pickle.dumps(coder) == before


def test_validation_rows_and_weights_go_through_the_steps_of_a_pipeline(X_raw):
    X, X_val = X_raw[:30], X_raw[30:]
    weight = np.linspace(0.1, 1, len(X))
    scaler = MinMaxScaler(clip=True).fit(X)
    by_hand = autoencoder().fit(scaler.transform(X), sample_weight=weight, X_val=scaler.transform(X_val))
    with sklearn.config_context(enable_metadata_routing=True):
        coder = autoencoder().set_fit_request(X_val=True, sample_weight=True)
        pipe = Pipeline([("scale", MinMaxScaler(clip=True)), ("code", coder)], transform_input=["X_val"])
        pipe.fit(X, X_val=X_val, sample_weight=weight)
    assert pipe[-1].validation_scores_ == by_hand.validation_scores_
    assert_same_network(pipe[-1], by_hand)


def test_pipeline_leads_back_to_the_units_of_the_rows(X_raw):
    pipe = make_pipeline(StandardScaler(), small_coder()).fit(X_raw)
    expected = pipe[0].inverse_transform(pipe[1].reconstruct(pipe[0].transform(X_raw)))
    assert_allclose(pipe.inverse_transform(pipe.transform(X_raw)), expected, rtol=1e-10)


@pytest.mark.parametrize("fine_tuning", FINE_TUNINGS)
def test_saved_stack_goes_on_as_the_original(fine_tuning, rows):
    coder = small_coder(fine_tuning=fine_tuning).fit(rows)
    loaded = pickle.loads(pickle.dumps(coder))
    assert_array_equal(loaded.transform(rows), coder.transform(rows))
    assert_same_network(loaded.partial_fit(rows), coder.partial_fit(rows))


def test_nothing_one_asks_of_a_fitted_stack_changes_it(X):
    coder = autoencoder().fit(X)
    before = pickle.dumps(coder)
    coder.inverse_transform(coder.transform(X))
    coder.reconstruct(X)
    coder.transform(X, layer=0)
    assert pickle.dumps(coder) == before


def test_verbose_tells_the_stage(X, capsys):
    autoencoder().fit(X)
    assert capsys.readouterr().out == ""
    autoencoder(verbose=1).fit(X)
    stages = [line.split(",")[0] for line in capsys.readouterr().out.splitlines()]
    expected = ["Pretraining of layer 1"] * N_ITER + ["Pretraining of layer 2"] * N_ITER
    assert stages == [*expected, *["Fine-tuning"] * MAX_ITER]
