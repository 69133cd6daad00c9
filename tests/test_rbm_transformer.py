import io
import pickle
from itertools import product
from unittest import mock

import joblib
import numpy as np
import pytest
from exact import ExactRBM
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdbn import RBMTransformer, _rows
from skdbn.optimizers import RMSProp
from skdbn.samplers import CD, PCD
from skdbn.schedules import Linear
from skdbn.units import Bernoulli, Gaussian

PARAMETERS = ["components_", "intercept_hidden_", "intercept_visible_"]


def small_rbm(**parameters):
    return RBMTransformer(
        **{
            "n_components": 3,
            "n_iter": 3,
            "learning_rate": Linear(0.05, 0),
            "batch_size": 7,
            "random_state": 0,
            **parameters,
        }
    )


def assert_same_model(first, second):
    for name in PARAMETERS:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def differ(first, second):
    return not np.array_equal(first.components_, second.components_)


def log_likelihood(rbm, X):
    return float(rbm.score_samples(X, rbm.log_partition()).mean())


@pytest.fixture(name="X")
def binary_rows(rng):
    """Binary rows, not a multiple of the batch size, with columns of different means."""
    return (rng.random((50, 5)) < [0.1, 0.3, 0.5, 0.7, 0.9]).astype(np.float64)


@pytest.fixture(name="X_real")
def real_rows(rng):
    """Real-valued correlated rows, far from standardised."""
    mixing = np.array([[1.0, 0.8, 0, 0, 0], [0, 1.0, 0.8, 0, 0]])
    latent = rng.standard_normal((50, 2)) @ mixing + 0.3 * rng.standard_normal((50, 5))
    return latent * [1, 10, 100, 0.1, 0.01] + [0, 5, -300, 2, 1]


@pytest.fixture(scope="module")
def binary_digits():
    X = (load_digits().data > 8).astype(np.float32)
    return train_test_split(X, test_size=0.25, random_state=0)


# -- learning -------------------------------------------------------------------------------------


def binary_teacher():
    """A machine of strong couplings whose units are all on half of the time."""
    weights = 3 * np.random.default_rng(0).standard_normal((3, 7))
    return ExactRBM("bernoulli", weights, -weights.sum(axis=1) / 2, -weights.sum(axis=0) / 2)


def exact_machine_of(rbm, visible):
    return ExactRBM(visible, rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_)


@pytest.mark.parametrize("sampler", ["pcd", "cd"])
def test_student_explains_the_rows_of_a_teacher_as_well_as_the_teacher(sampler, rng):
    teacher = binary_teacher()
    X = teacher.draw_visible(1000, rng)
    student = RBMTransformer(3, sampler=sampler, alpha=0, n_iter=40, learning_rate=Linear(0.03, 0))
    student.set_params(random_state=0).fit(X)
    of_teacher = teacher.log_likelihood(X).mean()
    p = X.mean(axis=0)
    of_independent_units = (X * np.log(p) + (1 - X) * np.log(1 - p)).sum(axis=1).mean()
    # The teacher's lead over independent units is 0.68 nats; CD-1 and PCD stay within 0.03 of it
    # or pass it for the seeds 0 to 3.
    assert of_teacher - of_independent_units > 0.6
    assert log_likelihood(student, X) > of_teacher - 0.1


def test_at_the_optimum_the_moments_of_data_and_model_agree(rng):
    X = binary_teacher().draw_visible(1000, rng)
    student = RBMTransformer(3, alpha=0, n_iter=60, learning_rate=Linear(0.03, 0), random_state=0).fit(X)
    weights = np.full(len(X), 1 / len(X))
    for difference in exact_machine_of(student, "bernoulli").gradient(X, weights):
        # Twice the standard error of the mean of 1000 binary rows, which is at most 0.5 / sqrt(1000).
        assert np.abs(difference).max() < 1 / np.sqrt(1000)


def test_gaussian_student_explains_the_rows_of_a_teacher_as_well_as_the_teacher(rng):
    teacher = ExactRBM("gaussian", [[2.0, 1.5], [-1.5, 2.0]], [-2.0, -1.0], [0.0, -1.0])
    v = teacher.draw_hidden(1000, rng) @ teacher.weights + teacher.visible_bias
    v += rng.standard_normal(v.shape)
    location, scale = np.array([10.0, -3.0]), np.array([2.0, 0.5])
    X = location + scale * v
    student = RBMTransformer(2, visible=Gaussian(scale=scale), alpha=0, n_iter=40, random_state=0)
    student.set_params(learning_rate=Linear(0.03, 0)).fit(X)
    of_teacher = teacher.log_likelihood(v).mean() - np.log(scale).sum()
    covariance = np.cov(X.T, bias=True)
    of_normal = -0.5 * np.linalg.slogdet(2 * np.pi * np.e * covariance)[1]
    # The lead of the teacher over one normal distribution is 0.056 nats; students are 0.005 ahead of it.
    assert of_teacher - of_normal > 0.04
    assert log_likelihood(student, X) > of_teacher - 0.01


def test_twelve_hidden_units_reach_the_published_likelihood_of_digits(binary_digits):
    X, X_test = binary_digits
    rbm = RBMTransformer(12, n_iter=60, learning_rate=Linear(0.01, 0), random_state=0).fit(X)
    # Exact log-likelihood of held-out rows. BernoulliRBM reaches -21.25 and PyDeep -19.79 in 60 epochs; the
    # seeds 0 to 2 give -19.03 to -19.14 here.
    assert log_likelihood(rbm, X_test) > -19.5


def test_centred_training_learns_flipped_data_equally_well(binary_digits):
    X, _ = binary_digits
    rbm = RBMTransformer(12, n_iter=10, learning_rate=Linear(0.01, 0), random_state=0)
    flipped = log_likelihood(clone(rbm).fit(1 - X), 1 - X)
    # Other draws of the same training: the seeds 0 to 2 differ by up to 0.16 nats.
    assert log_likelihood(clone(rbm).fit(X), X) == pytest.approx(flipped, abs=0.4)
    uncentred = log_likelihood(rbm.set_params(centered=False).fit(1 - X), 1 - X)
    assert uncentred < flipped - 0.5  # 1.2 to 1.6 for the seeds 0 to 2


def test_more_steps_bring_cd_nearer_to_the_likelihood_gradient(rng):
    X = binary_teacher().draw_visible(1000, rng)
    weights = np.full(len(X), 1 / len(X))
    largest = {1: [], 10: []}
    for n_steps, seed in product(largest, range(8)):
        rbm = RBMTransformer(3, sampler=CD(n_steps), alpha=0, batch_size=50, n_iter=80, random_state=seed)
        rbm.set_params(learning_rate=Linear(0.03, 0)).fit(X)
        gradient = exact_machine_of(rbm, "bernoulli").gradient(X, weights)
        largest[n_steps].append(max(np.abs(part).max() for part in gradient))
    assert np.mean(largest[10]) < np.mean(largest[1])


# -- fit and partial_fit --------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", ["pcd", PCD(n_chains=3), "cd", "meanfield"], ids=str)
@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse", "real", "float32", "weighted"])
def test_fit_is_n_iter_calls_of_partial_fit(sampler, centered, kind, X, X_real, rng):
    weight = rng.random(len(X)) if kind == "weighted" else None
    convert = {"sparse": sparse.csr_matrix, "float32": np.float32}.get(kind, np.asarray)
    X = convert(X_real if kind == "real" else X)
    rbm = small_rbm(
        sampler=sampler, centered=centered, optimizer=RMSProp(rho=Linear(0.8, 0.9), momentum=0.5)
    )
    online = clone(rbm)
    for _ in range(rbm.n_iter):
        online.partial_fit(X, sample_weight=weight)
    rbm.fit(X, sample_weight=weight)
    assert_same_model(rbm, online)
    assert rbm.history_ == online.history_
    assert rbm.n_iter_ == online.n_iter_ == 3


def test_fit_and_partial_fit_return_the_estimator(X):
    rbm = small_rbm()
    assert rbm.fit(X) is rbm
    assert rbm.partial_fit(X) is rbm
    assert clone(rbm).partial_fit(X).n_iter_ == 1


@pytest.mark.parametrize("chunk_size", [10, 40, 1000])
def test_partial_fit_learns_the_mean_from_chunks_of_any_size(chunk_size, rng):
    X = (rng.random((1000, 20)) < 0.3).astype(np.float64)
    rbm = RBMTransformer(5, batch_size=10, learning_rate=0.01, random_state=0)
    for start in [*range(0, 1000, chunk_size)] * 2:
        rbm.partial_fit(X[start : start + chunk_size])
    # BernoulliRBM's model mean is 1.000 after chunks of 1000 rows. Noise of the rate, 0.01 in each bias,
    # and a standard error of 0.002 of the 40,000 draws leave less than 0.03.
    assert rbm.sample(2000, n_steps=50, random_state=0).mean() == pytest.approx(X.mean(), abs=0.03)


def test_partial_fit_splits_a_chunk_into_batches(X):
    rbm = small_rbm(batch_size=10).partial_fit(X)
    assert differ(rbm, small_rbm(batch_size=50).partial_fit(X))


def test_partial_fit_takes_a_chunk_of_another_dtype(X):
    first, second = X[:30], X[30:]
    rbm = small_rbm().partial_fit(first.astype(np.float32)).partial_fit(second.astype(np.float64))
    same = small_rbm().partial_fit(first.astype(np.float32)).partial_fit(second.astype(np.float32))
    assert rbm.components_.dtype == np.float32
    assert_same_model(rbm, same)
    sparse_rows = sparse.csr_matrix(second)
    mixed = small_rbm().partial_fit(first.astype(np.float32)).partial_fit(sparse_rows)
    assert_same_model(rbm, mixed)


def test_partial_fit_after_fit_goes_on_from_it(X):
    rbm = small_rbm(learning_rate=1e-12).fit(X)
    before = rbm.components_.copy()
    rbm.partial_fit(X)
    # 8 steps of at most 1e-12 / sqrt(1 - 0.9) each.
    np.testing.assert_allclose(rbm.components_, before, rtol=0, atol=1e-10)
    assert rbm.n_iter_ == 4
    assert len(rbm.history_["reconstruction_error"]) == 4


def test_type_of_the_visible_units_is_that_of_the_first_chunk(X):
    rbm = small_rbm(visible="auto").partial_fit(X).partial_fit(X * 1.5)
    assert isinstance(rbm.visible_, Bernoulli)


def test_a_batch_of_more_rows_than_the_first_chunk_is_no_error(X):
    rbm = small_rbm(batch_size="auto", sampler="pcd")
    rbm.partial_fit(X[:3]).partial_fit(X).partial_fit(X[:1])
    assert np.isfinite(rbm.components_).all()


def test_warm_start_goes_on_with_a_new_schedule(X):
    rbm = small_rbm(warm_start=True).fit(X)
    first = rbm.components_.copy()
    rates = rbm.history_["learning_rate"]
    rbm.fit(X)
    assert rbm.n_iter_ == 6
    assert rbm.history_["learning_rate"] == rates + rates
    rbm.set_params(learning_rate=1e-12)
    second = rbm.components_.copy()
    rbm.fit(X)
    np.testing.assert_allclose(rbm.components_, second, rtol=0, atol=1e-10)  # 24 steps below 4e-12
    assert not np.array_equal(first, second)


def test_without_warm_start_fit_forgets(X):
    rbm = small_rbm().fit(X)
    again = clone(rbm).fit(X[:20]).fit(X)
    assert_same_model(rbm, again)
    assert again.n_iter_ == 3
    assert again.history_ == rbm.history_


# -- data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convert", [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.coo_matrix]
)
@pytest.mark.parametrize("kind", ["binary", "real"])
def test_sparse_rows_give_what_dense_rows_give(convert, kind, X, X_real):
    dense = X if kind == "binary" else X_real
    rows = convert(dense)
    rbm, same = small_rbm().fit(dense), small_rbm().fit(rows)
    assert_same_model(rbm, same)
    for method in ("transform", "reconstruct", "free_energy", "score_samples"):
        np.testing.assert_array_equal(
            getattr(rbm, method)(dense), getattr(same, method)(rows), err_msg=method
        )
    np.testing.assert_array_equal(rbm.gibbs(dense, random_state=1), same.gibbs(rows, random_state=1))
    assert rbm.score(dense) == same.score(rows)


def float_arrays(value, path="rbm"):
    """Yield every array of floats inside an estimator, whatever holds it, with the way to it."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield path, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from float_arrays(part, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from float_arrays(part, f"{path}[{number}]")
    elif hasattr(value, "__dict__"):
        yield from float_arrays(vars(value), path)


@pytest.mark.parametrize("kind", ["binary", "real"])
@pytest.mark.parametrize("optimizer", ["rmsprop", "sgd", "adam", "adagrad"])
def test_float32_stays_float32_everywhere(kind, optimizer, X, X_real, rng):
    X = (X if kind == "binary" else X_real).astype(np.float32)
    rbm = small_rbm(optimizer=optimizer).fit(X, sample_weight=rng.random(len(X)))
    rbm.partial_fit(X)
    arrays = dict(float_arrays(rbm))
    assert len(arrays) >= 6  # parameters, chains, offsets and what the optimizer keeps
    assert {name: array.dtype for name, array in arrays.items() if array.dtype != np.float32} == {}
    H = rbm.transform(X)
    outputs = [H, rbm.inverse_transform(H), rbm.reconstruct(X), rbm.gibbs(X), rbm.sample(3)]
    outputs += [rbm.free_energy(X), rbm.score_samples(X), rbm.score_samples(X, rbm.log_partition())]
    assert [output.dtype for output in outputs] == [np.dtype(np.float32)] * len(outputs)


def test_raw_and_standardised_rows_give_the_same_gaussian_model(X_real):
    standardised = StandardScaler().fit_transform(X_real)
    of_raw = small_rbm(visible="gaussian").fit(X_real)
    of_standardised = small_rbm(visible="gaussian").fit(standardised)
    # Rounding of the standardisation, 1e-16 relative to means of up to 300 spreads, over 24 updates.
    close = {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_allclose(of_raw.components_, of_standardised.components_, **close)
    np.testing.assert_allclose(of_raw.transform(X_real), of_standardised.transform(standardised), **close)
    np.testing.assert_allclose(
        of_raw.free_energy(X_real), of_standardised.free_energy(standardised), **close
    )
    # Densities differ by the volume: sum of log spreads.
    shift = np.log(X_real.std(axis=0)).sum()
    assert log_likelihood(of_raw, X_real) == pytest.approx(
        log_likelihood(of_standardised, standardised) - shift, abs=1e-6
    )
    back = of_raw.reconstruct(X_real)
    expected = of_standardised.reconstruct(standardised) * X_real.std(axis=0) + X_real.mean(axis=0)
    np.testing.assert_allclose(back, expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize(
    ("low", "high", "unit"),
    [
        (0, 1, Bernoulli),
        (0.2, 0.4, Bernoulli),
        (0, 1.001, Gaussian),
        (-0.001, 1, Gaussian),
        (0, 255, Gaussian),
    ],
)
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_auto_takes_bernoulli_units_for_values_within_0_and_1(low, high, unit, convert, rng):
    X = rng.uniform(low, high, size=(20, 5))
    X[0, 0], X[1, 1] = low, high
    rbm = small_rbm().fit(convert(X))
    assert isinstance(rbm.visible_, unit)
    assert rbm.visible == "auto"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(("low", "high"), [(0, 1), (1, 0), (1, 1)], ids=["above", "below", "both"])
def test_values_outside_0_and_1_by_rounding_are_taken_as_inside(low, high, convert, dtype, rng):
    eps = np.finfo(dtype).eps
    X = rng.random((20, 5)).astype(dtype)
    X[0, 0], X[1, 1] = -4 * eps * low, 1 + 4 * eps * high
    for visible in ("auto", "bernoulli"):
        rbm = small_rbm(visible=visible).fit(convert(X))
        assert isinstance(rbm.visible_, Bernoulli)
        assert np.isfinite(rbm.score_samples(convert(X))).all()
        assert np.isfinite(rbm.components_).all()
    X[0, 0], X[1, 1] = -16 * eps * low, 1 + 16 * eps * high
    assert isinstance(small_rbm().fit(convert(X)).visible_, Gaussian)
    with pytest.raises(ValueError, match=r"expects values in \[0, 1\]"):
        small_rbm(visible="bernoulli").fit(convert(X))


def test_rows_of_a_min_max_scaler_are_within_0_and_1(rng):
    dtypes = [np.float32, np.float64]
    raw = [rng.uniform(-1, 1, size=(30, 300)).astype(dtype) * 1e3 for dtype in dtypes]
    scaled = [MinMaxScaler().fit_transform(X) for X in raw]
    assert max(X.max() for X in scaled) > 1 or min(X.min() for X in scaled) < 0  # it does round
    for X in scaled:
        assert isinstance(small_rbm().fit(X).visible_, Bernoulli)


def test_redraw_takes_part_in_the_training(rng):
    grey = rng.random((50, 5))
    binary = (grey > 0.5).astype(float)
    plain, redrawn = small_rbm(visible=Bernoulli(redraw=False)), small_rbm(visible=Bernoulli(redraw=True))
    assert differ(plain.fit(grey), redrawn.fit(grey))
    for default in ("auto", "bernoulli", Bernoulli()):
        assert_same_model(small_rbm(visible=default).fit(grey), redrawn)
    # Only training draws: what a fitted machine says of grey rows is deterministic.
    np.testing.assert_array_equal(redrawn.transform(grey), redrawn.transform(grey))
    assert not np.array_equal(redrawn.transform(grey), redrawn.transform(binary))


def test_mean_field_training_draws_nothing(rng):
    grey = rng.random((50, 5))
    by_means = small_rbm(sampler="meanfield").fit(grey)
    assert_same_model(by_means, small_rbm(sampler="meanfield", visible=Bernoulli(redraw=False)).fit(grey))
    # In one batch nothing is left to chance but the first weights, whatever came before.
    first, second = (small_rbm(sampler="meanfield", batch_size=None) for _ in range(2))
    np.testing.assert_array_equal(
        first.fit(grey).partial_fit(grey).components_, second.fit(grey).partial_fit(grey).components_
    )
    state = first._training.state.rng.bit_generator.state
    assert first.partial_fit(grey)._training.state.rng.bit_generator.state == state


def test_first_visible_bias_is_the_log_odds_of_the_weighted_mean(X, rng):
    weight = rng.random(len(X))
    rbm = small_rbm(learning_rate=1e-12, centered=False, n_iter=1).fit(X, sample_weight=weight)
    p = np.average(X, axis=0, weights=weight)
    np.testing.assert_allclose(rbm.intercept_visible_, np.log(p / (1 - p)), rtol=0, atol=1e-10)  # 8 steps


def test_location_and_scale_of_gaussian_units_are_weighted(X_real, rng):
    weight = rng.random(len(X_real))
    rbm = small_rbm(n_iter=1).fit(X_real, sample_weight=weight)
    mean = np.average(X_real, axis=0, weights=weight)
    variance = np.average((X_real - mean) ** 2, axis=0, weights=weight)
    np.testing.assert_allclose(rbm.visible_.location_, mean, rtol=1e-12)
    np.testing.assert_allclose(rbm.visible_.scale_, np.sqrt(variance), rtol=1e-12)


def model_mean(rbm):
    """The exact mean of the visible units under the model."""
    exact = exact_machine_of(rbm, "bernoulli")
    return exact.p_visible() @ exact.visible_states


def test_weights_move_the_model_towards_heavy_rows(X):
    weight = np.where(X[:, 2] == 1, 9.0, 1.0)
    expected = np.average(X[:, 2], weights=weight)
    assert expected - X[:, 2].mean() > 0.4  # 0.82 and 0.34
    for batch_size in (7, None):  # 7: batches without a heavy row, and a last one of a single row
        rbm = small_rbm(n_iter=100, batch_size=batch_size, learning_rate=Linear(0.05, 0))
        # Up to the noise of the chains; means taken inside small batches end at 0.67 to 0.76.
        assert model_mean(rbm.fit(X, sample_weight=weight))[2] == pytest.approx(expected, abs=0.04)


def test_fit_and_use_leave_the_data_alone(X, X_real, rng):
    for rows in (X, X_real, sparse.csr_matrix(X)):
        before = rows.copy()
        weight = np.ones(50)
        rbm = small_rbm(visible="auto").fit(rows, sample_weight=weight, X_val=rows)
        rbm.partial_fit(rows)
        H = rbm.transform(rows)
        kept = H.copy()
        rbm.inverse_transform(H)
        for method in ("reconstruct", "free_energy", "score_samples", "gibbs"):
            getattr(rbm, method)(rows)
        assert abs(rows - before).max() == 0
        np.testing.assert_array_equal(H, kept)
        assert (weight == 1).all()


# -- the fitted machine ---------------------------------------------------------------------------


def test_transform_and_inverse_transform_are_the_formulas_for_binary_rows(X, rng):
    rbm = small_rbm(n_iter=10).fit(X)
    H = expit(X @ rbm.components_.T + rbm.intercept_hidden_)
    np.testing.assert_allclose(rbm.transform(X), H, rtol=1e-12)
    states = (rng.random((9, 3)) < 0.5).astype(float)
    expected = expit(states @ rbm.components_ + rbm.intercept_visible_)
    np.testing.assert_allclose(rbm.inverse_transform(states), expected, rtol=1e-12)
    np.testing.assert_allclose(
        rbm.reconstruct(X), expit(H @ rbm.components_ + rbm.intercept_visible_), rtol=1e-12
    )


def test_transform_and_inverse_transform_are_the_formulas_for_real_rows(X_real, rng):
    rbm = small_rbm(n_iter=10).fit(X_real)
    location, scale = rbm.visible_.location_, rbm.visible_.scale_
    H = expit((X_real - location) / scale @ rbm.components_.T + rbm.intercept_hidden_)
    np.testing.assert_allclose(rbm.transform(X_real), H, rtol=1e-12)
    expected = (H @ rbm.components_ + rbm.intercept_visible_) * scale + location
    # 1e-12 of the spreads, which differ by 1e4.
    np.testing.assert_allclose((rbm.inverse_transform(H) - expected) / scale, 0, atol=1e-10)
    np.testing.assert_array_equal(rbm.reconstruct(X_real), rbm.inverse_transform(rbm.transform(X_real)))


@pytest.mark.parametrize("n_elements", [1, 33])
def test_answers_do_not_depend_on_the_blocks_they_are_computed_in(n_elements, X, monkeypatch):
    rbm = small_rbm().fit(X)
    methods = ["transform", "reconstruct", "free_energy", "score_samples"]
    at_once = [getattr(rbm, method)(X) for method in methods]
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", n_elements)
    for method, expected in zip(methods, at_once, strict=True):
        # One row at a time, a matrix product sums in another order.
        np.testing.assert_allclose(getattr(rbm, method)(X), expected, rtol=1e-12, err_msg=method)


def test_score_samples_is_the_mean_of_what_bernoulli_rbm_draws(X):
    ours = small_rbm(n_iter=10).fit(X)
    theirs = BernoulliRBM(3, n_iter=1, random_state=0).fit(X)
    for name in PARAMETERS:
        setattr(theirs, name, getattr(ours, name))
    n_features = X.shape[1]
    drawn = []
    for column in range(
        n_features
    ):  # BernoulliRBM flips one column a row, drawn at random: take each in turn
        with mock.patch("sklearn.neural_network._rbm.check_random_state") as check_random_state:
            check_random_state.return_value.randint.return_value = np.full(len(X), column)
            drawn.append(theirs.score_samples(X))
    np.testing.assert_allclose(ours.score_samples(X), np.mean(drawn, axis=0), rtol=1e-10)
    assert ours.score(X) == pytest.approx(ours.score_samples(X).mean(), rel=1e-12)


def test_score_samples_is_deterministic(X, X_real):
    for rows in (X, X_real):
        rbm = small_rbm(random_state=None).fit(rows)
        np.testing.assert_array_equal(rbm.score_samples(rows), rbm.score_samples(rows))
        assert rbm.score(rows) == rbm.score_samples(rows).mean()


@pytest.mark.parametrize("kind", ["binary", "real"])
def test_nothing_one_asks_of_a_fitted_machine_changes_it(kind, X, X_real):
    X = X if kind == "binary" else X_real
    rbm = small_rbm(random_state=np.random.RandomState(0)).fit(X)
    before = pickle.dumps(rbm)
    H = rbm.transform(X)
    rbm.inverse_transform(H)
    rbm.reconstruct(X)
    rbm.gibbs(X, n_steps=2)
    rbm.gibbs(X, random_state=1)
    rbm.sample(3, n_steps=2)
    rbm.sample(start=X[:2], n_steps=2, random_state=1)
    rbm.free_energy(X)
    rbm.log_partition()
    rbm.score_samples(X)
    rbm.score(X)
    rbm.get_feature_names_out()
    assert pickle.dumps(rbm) == before


def test_free_energy_and_log_partition_give_the_exact_likelihood(X):
    rbm = small_rbm(n_iter=10).fit(X)
    exact = exact_machine_of(rbm, "bernoulli")
    assert rbm.log_partition().value == pytest.approx(exact.log_partition(), rel=1e-12)
    np.testing.assert_allclose(
        rbm.score_samples(X, rbm.log_partition()), exact.log_likelihood(X), rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(
        rbm.score_samples(X, rbm.log_partition().value), exact.log_likelihood(X), rtol=0, atol=1e-11
    )


def test_feature_names_are_those_of_the_class(X):
    names = small_rbm().fit(X).get_feature_names_out()
    assert names.tolist() == ["rbmtransformer0", "rbmtransformer1", "rbmtransformer2"]


@pytest.mark.parametrize("kind", ["binary", "real"])
def test_transform_gives_the_frames_that_are_asked_for(kind, X, X_real):
    X = X if kind == "binary" else X_real
    plain = small_rbm().fit(X)
    rbm = small_rbm().set_output(transform="pandas")
    for frame in (rbm.fit(X).transform(X), clone(rbm).set_output(transform="pandas").fit_transform(X)):
        assert frame.columns.tolist() == ["rbmtransformer0", "rbmtransformer1", "rbmtransformer2"]
        np.testing.assert_array_equal(frame.to_numpy(), plain.transform(X))
    # Everything else is asked for rows, and stays arrays.
    np.testing.assert_array_equal(rbm.reconstruct(X), plain.reconstruct(X))
    np.testing.assert_array_equal(rbm.score_samples(X), plain.score_samples(X))


# -- history --------------------------------------------------------------------------------------


def test_automatic_rates_suit_the_number_of_columns_and_fall_to_0(rng):
    rates = []
    for n_columns in (3, 900, 22_500):
        X = (rng.random((20, n_columns)) < 0.5).astype(float)
        rbm = RBMTransformer(2, n_iter=4, batch_size=None, random_state=0).fit(X)
        rates.append(rbm.history_["learning_rate"])
    # One update an epoch, on a straight line to 0.
    np.testing.assert_allclose(rates, np.outer(np.array(rates)[:, 0], [1, 0.75, 0.5, 0.25]), rtol=1e-12)
    few, many, very_many = np.array(rates)[:, 0]
    assert few >= many > very_many > 0
    assert many / very_many == pytest.approx(5)  # one over the square root of the number


def test_history_follows_the_schedule_and_the_reconstruction(X):
    rbm = small_rbm(n_iter=4, batch_size=50).fit(X)
    assert set(rbm.history_) == {"learning_rate", "reconstruction_error"}
    # One update an epoch: the rates at progress 0, 1/4, 1/2 and 3/4.
    np.testing.assert_allclose(rbm.history_["learning_rate"], [0.05, 0.0375, 0.025, 0.0125], rtol=1e-12)
    # All 50 rows are watched, since they are fewer than 256.
    error = np.mean((rbm.reconstruct(X) - X) ** 2)
    assert rbm.history_["reconstruction_error"][-1] == pytest.approx(error, rel=1e-12)


def test_free_energy_gap_is_that_of_held_out_and_training_rows(X):
    unusual = 1 - X
    rbm = small_rbm(n_iter=10).fit(X, X_val=unusual)
    gap = rbm.free_energy(unusual).mean() - rbm.free_energy(X).mean()
    assert rbm.history_["free_energy_gap"][-1] == pytest.approx(gap, rel=1e-9)
    assert min(rbm.history_["free_energy_gap"]) > 1
    assert len(rbm.history_["free_energy_gap"]) == 10
    assert small_rbm().fit(X, X_val=X).history_["free_energy_gap"] == [0.0] * 3


def test_held_out_rows_are_not_learned_from(X):
    assert_same_model(small_rbm().fit(X), small_rbm().fit(X, X_val=1 - X))


def test_verbose_prints_one_line_an_epoch(X, capsys):
    small_rbm().fit(X)
    assert capsys.readouterr().out == ""
    small_rbm(verbose=1).fit(X, X_val=X)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[1].strip() for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert all("free energy gap 0" in line for line in lines)


# -- random numbers -------------------------------------------------------------------------------


def test_random_state_decides_everything(X):
    assert_same_model(small_rbm().fit(X), small_rbm().fit(X))
    states = [np.random.RandomState(3) for _ in range(2)]
    first, second = (small_rbm(random_state=state).fit(X) for state in states)
    assert_same_model(first, second)
    assert differ(first, small_rbm(random_state=1).fit(X))
    assert differ(first, small_rbm(random_state=states[0]).fit(X))  # the state has moved on
    assert differ(small_rbm(random_state=None).fit(X), small_rbm(random_state=None).fit(X))


def test_global_random_state_is_left_alone(X):
    before = pickle.dumps(np.random.get_state())
    rbm = small_rbm(random_state=None).fit(X)
    rbm.partial_fit(X)
    rbm.sample(3)
    rbm.gibbs(X)
    assert pickle.dumps(np.random.get_state()) == before


# -- parameters and persistence -------------------------------------------------------------------


def test_parameters_are_stored_as_they_are_given(X):
    parameters = {"sampler": PCD(2), "optimizer": RMSProp(0.8), "learning_rate": Linear(0.1, 0)}
    rbm = RBMTransformer(**parameters)
    assert {name: getattr(rbm, name) for name in parameters} == parameters
    before = repr(rbm.get_params())
    rbm.set_params(n_iter=2, n_components=3, random_state=0).fit(X).partial_fit(X)
    rbm.set_params(n_iter=20, n_components=256, random_state=None)
    assert repr(rbm.get_params()) == before


def test_names_stand_for_objects_with_their_defaults(X):
    by_name = small_rbm(sampler="cd", optimizer="rmsprop", visible="bernoulli", hidden="bernoulli")
    by_object = small_rbm(sampler=CD(), optimizer=RMSProp(), visible=Bernoulli(), hidden=Bernoulli())
    assert_same_model(by_name.fit(X), by_object.fit(X))


def test_grid_search_reaches_the_parameters_of_the_parts(X):
    rbm = small_rbm(sampler=PCD(), optimizer=RMSProp())
    grid = {"optimizer__rho": [0.5, 0.99], "sampler__n_steps": [1, 2], "learning_rate__start": [0.01, 0.2]}
    search = GridSearchCV(rbm, grid, cv=2).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == 8  # each parameter matters
    assert search.best_score_ == scores.max()
    for name, value in search.best_params_.items():
        assert search.best_estimator_.get_params()[name] == value
    assert rbm.optimizer.rho == 0.9  # the search trained clones


def test_grid_search_through_a_pipeline_into_a_classifier(X):
    pipe = Pipeline([("rbm", small_rbm()), ("logistic", LogisticRegression())])
    y = X[:, 2].astype(int)
    search = GridSearchCV(pipe, {"rbm__n_components": [2, 10], "rbm__learning_rate__start": [0.1]}, cv=2)
    search.fit(X, y)
    fitted = search.best_estimator_.named_steps["rbm"]
    assert len(fitted.components_) == search.best_params_["rbm__n_components"]
    assert fitted.learning_rate.start == 0.1


def through_pickle(rbm):
    return pickle.loads(pickle.dumps(rbm))


def through_joblib(rbm):
    buffer = io.BytesIO()
    joblib.dump(rbm, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.mark.parametrize("save_and_load", [through_pickle, through_joblib])
def test_saved_machine_goes_on_training_as_the_original(save_and_load, X):
    rbm = small_rbm().fit(X)
    loaded = save_and_load(rbm)
    np.testing.assert_array_equal(rbm.transform(X), loaded.transform(X))
    assert_same_model(rbm.partial_fit(X), loaded.partial_fit(X))


def test_copies_do_not_share_what_training_changes(X):
    rbm = small_rbm().fit(X)
    kept = through_pickle(rbm)
    other = through_pickle(rbm)
    rbm.partial_fit(X)
    assert_same_model(kept, other)
    assert differ(rbm, kept)
