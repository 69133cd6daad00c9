import numpy as np
import pytest
from exact import N_HIDDEN, N_SAMPLES, N_VISIBLE
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone

from skdbn._rows import weighted_moments
from skdbn.units import UNITS, Bernoulli, Gaussian, Unit, logistic, resolve_unit

# Where each type lives: states and the volume of each. A grid of spacing 0.1 over 14 standard
# deviations integrates a normal density to rounding.
GRID = np.arange(-14.0, 14.0, 0.1)
SUPPORT = {"bernoulli": (np.array([0.0, 1.0]), 1.0), "gaussian": (GRID, 0.1)}
FIELDS = np.linspace(-4, 4, N_SAMPLES)
STEP = 1e-5  # of central differences: errors of about STEP**2 and 1e-16 / STEP, so 1e-8 is safe

each_unit = pytest.mark.parametrize("name", UNITS)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def column(values, dtype=np.float64):
    return np.asarray(values, dtype=dtype)[:, np.newaxis]


def derivative(function, x):
    return (function(x + STEP) - function(x - STEP)) / (2 * STEP)


def adapted(name, n_units=N_VISIBLE, dtype=np.float64):
    mean = np.linspace(0.2, 0.8, n_units).astype(dtype)
    return UNITS[name]().adapt(mean, np.linspace(0.5, 2, n_units).astype(dtype))


# -- conformance: every registered type ------------------------------------------------------------


def test_every_registered_unit_is_tested():
    assert set(SUPPORT) == set(UNITS)


@each_unit
def test_log_partition_is_the_log_of_the_sum_over_states(name):
    unit = UNITS[name]()
    states, volume = SUPPORT[name]
    base_energy = unit.base_energy(column(states))
    exponent = FIELDS[:, np.newaxis] * states - base_energy
    expected = np.log((np.exp(exponent) * volume).sum(axis=1))
    assert_allclose(unit.log_partition(column(FIELDS))[:, 0], expected, rtol=1e-12)


@each_unit
def test_base_energy_is_the_sum_over_the_units_of_a_row(name, rng):
    unit = UNITS[name]()
    states, _ = SUPPORT[name]
    x = rng.choice(states, size=(N_SAMPLES, N_VISIBLE))
    each = [unit.base_energy(x[:, [i]]) for i in range(N_VISIBLE)]
    assert_allclose(unit.base_energy(x), np.sum(each, axis=0), rtol=1e-13)


@each_unit
def test_mean_is_the_derivative_of_log_partition(name):
    unit = UNITS[name]()
    expected = derivative(unit.log_partition, column(FIELDS))
    assert_allclose(unit.mean(column(FIELDS)), expected, atol=1e-8)


@each_unit
def test_variance_is_the_derivative_of_the_mean(name):
    unit = UNITS[name]()
    expected = derivative(unit.mean, column(FIELDS))
    assert_allclose(unit.variance(unit.mean(column(FIELDS))), expected, atol=1e-8)


@each_unit
def test_draws_have_the_mean_and_the_variance_of_the_unit(name, rng):
    unit = UNITS[name]()
    n = 40_000
    fields = np.tile([-2.0, 0.5, 1.0], (n, 1))
    mean = unit.mean(fields[:1])[0]
    variance = unit.variance(mean)
    draws = unit.sample(fields, rng)
    # 4.5 standard errors; that of the squared deviation is estimated from the draws.
    assert_array_less_than_errors(draws - mean, 4.5)
    assert_array_less_than_errors((draws - mean) ** 2 - variance, 4.5)
    covariance = (draws - mean).T @ (draws - mean) / n
    error = np.sqrt(np.outer(variance, variance) / n)
    off_diagonal = ~np.eye(N_HIDDEN, dtype=bool)
    assert (np.abs(covariance) < 4.5 * error)[off_diagonal].all()


def assert_array_less_than_errors(deviations, n_errors):
    error = deviations.std(axis=0) / np.sqrt(len(deviations))
    assert (np.abs(deviations.mean(axis=0)) < n_errors * error).all()


@each_unit
def test_rows_of_a_sample_are_independent(name, rng):
    draws = UNITS[name]().sample(np.zeros((20_000, 1)), rng)[:, 0]
    correlation = np.corrcoef(draws[:-1], draws[1:])[0, 1]
    assert abs(correlation) < 4.5 / np.sqrt(20_000)  # 4.5 standard errors


@each_unit
def test_draws_are_states_of_the_unit(name, rng):
    draws = UNITS[name]().sample(rng.normal(size=(N_SAMPLES, N_VISIBLE)), rng)
    if SUPPORT[name][1] == 1.0:
        assert set(np.unique(draws)) <= set(SUPPORT[name][0])
    else:
        assert len(np.unique(draws)) == draws.size


@each_unit
@each_dtype
def test_every_result_keeps_the_dtype(name, dtype, rng):
    unit = adapted(name, dtype=dtype)
    field = rng.normal(size=(N_SAMPLES, N_VISIBLE)).astype(dtype)
    mean = unit.mean(field)
    results = {
        "mean": mean,
        "variance": unit.variance(mean),
        "sample": unit.sample(field, rng),
        "sample_from_mean": unit.sample_from_mean(mean, rng),
        "log_partition": unit.log_partition(field),
        "base_energy": unit.base_energy(mean),
        "bias_from_mean": unit.bias_from_mean(mean[0]),
        "encode": unit.encode(mean, out=np.empty_like(mean)),
        "decode": unit.decode(mean.copy()),
        "weights in data units": unit.to_data_units(field.T.copy(), field[:, 0])[0],
        "bias in data units": unit.to_data_units(field.T.copy(), field[:, 0])[1],
        "weights back": unit.from_data_units(field.T.copy(), field[:, 0])[0],
        "bias back": unit.from_data_units(field.T.copy(), field[:, 0])[1],
    }
    wrong = {what: array.dtype for what, array in results.items() if array.dtype != dtype}
    assert wrong == {}


@each_unit
@each_dtype
@pytest.mark.parametrize("extreme", [1e3, -1e3])
def test_extreme_fields_stay_finite(name, dtype, extreme, rng):
    unit = UNITS[name]()
    field = np.full((1, 1), extreme, dtype=dtype)
    mean = unit.mean(field)
    for value in (mean, unit.variance(mean), unit.log_partition(field), unit.sample(field, rng)):
        assert np.isfinite(value).all()


@each_unit
def test_out_is_written_and_gives_the_same_as_without(name, rng):
    unit = adapted(name)
    field = rng.normal(size=(N_SAMPLES, N_VISIBLE))
    mean = unit.mean(field)
    for function, x in [
        (unit.mean, field),
        (unit.variance, mean),
        (lambda x, out: unit.sample_from_mean(x, np.random.default_rng(1), out=out), mean),
    ]:
        out = np.full_like(x, np.nan)
        assert function(x, out=out) is out
        assert_array_equal(out, function(x, out=None))


@each_unit
def test_mean_and_encode_may_overwrite_their_input(name, rng):
    unit = adapted(name)
    x = rng.random((N_SAMPLES, N_VISIBLE))
    functions = (unit.mean, lambda x, out: unit.encode(x, out))
    for function in functions:
        expected = function(x, out=np.empty_like(x))
        in_place = x.copy()
        assert_array_equal(function(in_place, out=in_place), expected)


@each_unit
def test_sampling_leaves_the_mean_as_it_was(name, rng):
    mean = rng.random((N_SAMPLES, N_VISIBLE))
    before = mean.copy()
    UNITS[name]().sample_from_mean(mean, rng)
    assert_array_equal(mean, before)


@each_unit
def test_decode_undoes_encode(name, rng):
    unit = adapted(name)
    x = rng.random((N_SAMPLES, N_VISIBLE))
    encoded = unit.encode(x, out=np.empty_like(x))
    assert_allclose(unit.decode(encoded.copy()), x, rtol=1e-13)


@each_unit
def test_bias_from_mean_gives_unconnected_units_that_mean(name):
    unit = adapted(name)
    mean = np.linspace(0.1, 0.9, N_VISIBLE)
    field = unit.bias_from_mean(mean)[np.newaxis]
    assert_allclose(unit.decode(unit.mean(field))[0], mean, rtol=1e-12)


@each_unit
@each_dtype
@pytest.mark.parametrize("constant", [0.0, 1.0, 0.1])
def test_constant_columns_give_finite_biases_and_scales(name, dtype, constant):
    X = np.full((1009, N_VISIBLE), constant, dtype=dtype)
    mean, standard_deviation = weighted_moments(X)
    unit = UNITS[name]().adapt(mean, standard_deviation)
    encoded = unit.encode(X, out=np.empty_like(X))
    bias = unit.bias_from_mean(mean)
    assert np.isfinite(bias).all()
    assert np.isfinite(encoded).all()
    assert np.abs(bias).max() < 10
    assert np.abs(encoded).max() <= 1


@each_unit
def test_affine_map_in_data_units_equals_that_of_encoded_rows(name, rng):
    unit = adapted(name)
    x = rng.random((N_SAMPLES, N_VISIBLE))
    weights, bias = rng.normal(size=(N_VISIBLE, N_HIDDEN)), rng.normal(size=N_HIDDEN)
    expected = unit.encode(x, out=np.empty_like(x)) @ weights + bias
    data_weights, data_bias = unit.to_data_units(weights, bias)
    assert_allclose(x @ data_weights + data_bias, expected, rtol=1e-12, atol=1e-12)
    back = unit.from_data_units(data_weights, data_bias)
    assert_allclose(back[0], weights, rtol=1e-12)
    assert_allclose(back[1], bias, rtol=1e-12)


@each_unit
def test_log_volume_is_the_log_determinant_of_decode(name):
    unit = adapted(name)
    zero, identity = np.zeros((1, N_VISIBLE)), np.eye(N_VISIBLE)
    jacobian = unit.decode(identity) - unit.decode(zero)
    assert_allclose(unit.log_volume(), np.linalg.slogdet(jacobian)[1], rtol=1e-13, atol=1e-13)


@each_unit
def test_adapt_leaves_the_unit_of_the_user_alone(name):
    unit = UNITS[name]()
    before = vars(unit).copy()
    copy = unit.adapt(np.array([0.5]), np.array([2.0]))
    assert copy is not unit
    assert vars(unit) == before


@each_unit
def test_names_and_objects_are_resolved(name):
    unit = UNITS[name]()
    assert type(resolve_unit(name)) is type(unit)
    assert resolve_unit(unit) is unit
    assert isinstance(clone(unit), Unit)


# -- the logistic function ------------------------------------------------------------------------


def test_logistic_equals_expit():
    x = np.linspace(-40, 40, 1009)
    # tanh near -1 cancels: the error is that of the last digit of 1/2.
    assert_allclose(logistic(x), expit(x), rtol=0, atol=1.2e-16)


@each_dtype
def test_logistic_saturates_without_overflow(dtype):
    x = np.array([-1e3, 0, 1e3, -np.inf, np.inf], dtype=dtype)
    assert_array_equal(logistic(x), [0, 0.5, 1, 0, 1])


# -- Bernoulli ------------------------------------------------------------------------------------


def test_certain_bernoulli_units_never_err(rng):
    mean = np.tile([0.0, 1.0], (100_000, 1))
    assert_array_equal(Bernoulli().sample_from_mean(mean, rng), mean)


class LowestDraws:
    """A generator whose every draw is 0: the lowest value that `random` can return."""

    def random(self, dtype, out):
        out[...] = 0


def test_an_impossible_bernoulli_unit_is_off_even_at_the_lowest_draw():
    draws = Bernoulli().sample_from_mean(np.array([[0.0, 1e-300, 1.0]]), LowestDraws())
    assert_array_equal(draws, [[0, 1, 1]])


def test_bernoulli_bias_is_the_log_odds_clipped_at_one_in_a_thousand():
    bias = Bernoulli().bias_from_mean(np.array([0.0, 0.2, 0.5, 1.0]))
    assert_allclose(bias, [-np.log(999), np.log(0.25), 0, np.log(999)], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("redraw", [False, True])
def test_grey_values_are_taken_as_they_are_outside_training(redraw, rng):
    x = rng.random((N_SAMPLES, N_VISIBLE))
    encoded = Bernoulli(redraw=redraw).encode(x, out=np.empty_like(x))
    assert_array_equal(encoded, x)


def test_grey_values_are_taken_as_they_are_in_training_without_redraw(rng):
    x = rng.random((N_SAMPLES, N_VISIBLE))
    encoded = Bernoulli(redraw=False).encode(x, out=np.empty_like(x), rng=rng)
    assert_array_equal(encoded, x)


@pytest.mark.parametrize("unit", [Bernoulli(), Bernoulli(redraw=True), resolve_unit("bernoulli")], ids=str)
def test_grey_values_are_drawn_anew_in_training_with_their_probability(unit, rng):
    p = np.array([0.0, 0.1, 0.5, 0.93, 1.0])
    x = np.tile(p, (40_000, 1))
    first = unit.encode(x, out=np.empty_like(x), rng=rng)
    second = unit.encode(x, out=np.empty_like(x), rng=rng)
    assert set(np.unique(first)) == {0.0, 1.0}
    error = np.sqrt(p * (1 - p) / len(x))
    assert (np.abs(first.mean(axis=0) - p) <= 4.5 * error).all()  # 4.5 standard errors
    differ = (first != second).mean(axis=0)
    expected = 2 * p * (1 - p)
    assert (np.abs(differ - expected) <= 4.5 * np.sqrt(expected * (1 - expected) / len(x))).all()


# -- Gaussian -------------------------------------------------------------------------------------


def test_gaussian_takes_location_and_scale_from_the_data():
    unit = Gaussian().adapt(np.array([10.0, -3.0]), np.array([2.0, 0.25]))
    encoded = unit.encode(np.array([[14.0, -3.25]]), out=np.empty((1, 2)))
    assert_array_equal(encoded, [[2.0, -1.0]])
    assert_array_equal(unit.decode(encoded), [[14.0, -3.25]])
    assert_allclose(unit.log_volume(), np.log(2.0 * 0.25), rtol=1e-15)


@pytest.mark.parametrize("scale", [3.0, [3.0, 4.0], (3, 4), np.array([3.0, 4.0])], ids=str)
def test_a_given_scale_is_used_in_place_of_the_spread(scale):
    unit = Gaussian(scale).adapt(np.array([10.0, -3.0]), np.array([2.0, 0.5]))
    assert_array_equal(unit.scale_, np.broadcast_to(scale, 2))
    assert_array_equal(unit.location_, [10.0, -3.0])
    assert unit.has_fixed_scale
    assert not Gaussian().has_fixed_scale


@pytest.mark.parametrize(
    "scale", [0, -1.0, np.nan, np.inf, "dat", None, [1.0, 0.0], [1.0, 2.0, 3.0], [[1.0], [2.0]]]
)
def test_an_invalid_scale_is_refused_with_its_value(scale):
    with pytest.raises(ValueError, match=r"Gaussian\(scale=.*one positive number for each of the 2"):
        Gaussian(scale).adapt(np.zeros(2), np.ones(2))


def test_raw_and_standardised_data_are_encoded_alike(rng):
    x = rng.normal(size=(N_SAMPLES, N_VISIBLE))
    raw = x * np.geomspace(1e-3, 1e3, N_VISIBLE) + np.linspace(-50, 50, N_VISIBLE)
    encoded = [
        Gaussian().adapt(*weighted_moments(data)).encode(data, out=np.empty_like(data)) for data in (x, raw)
    ]
    # Subtracting a location of 50 from a column of spread 1e-3 costs 5 of the 16 digits.
    assert_allclose(encoded[1], encoded[0], atol=1e-10)


@each_dtype
def test_rounding_noise_of_a_constant_column_is_no_scale(dtype):
    mean = np.array([1e6, 0.0], dtype=dtype)
    noise = mean * np.finfo(np.float64).eps  # moments are accumulated in float64
    assert_array_equal(Gaussian().adapt(mean, noise).scale_, [1, 1])
