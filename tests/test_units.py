import pickle
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from exact import N_HIDDEN, N_SAMPLES, N_VISIBLE, finite_differences, log_sum_exp, random_rbm
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone

from skdbn._rows import weighted_moments
from skdbn.units import UNITS, Bernoulli, Gaussian, ReLU, Softmax, Unit, logistic, resolve_unit

# -- conformance: every registered type ------------------------------------------------------------


class Case(NamedTuple):
    """A type of units and what it is by definition, for a layer of N_VISIBLE units."""

    unit: Unit
    groups: list  # units of which each group is independent of the others
    states: Callable  # all states of a group, by its size: (n_states, size)
    volume: float = 1.0  # of one state


SINGLE = [[i] for i in range(N_VISIBLE)]
GROUPS = [[3, 0, 1], [2], [4]]  # of several sizes and not in order


def binary(size):
    return np.array([[0.0], [1.0]])


def grid(size):
    """A grid of spacing 0.1 over 16 standard deviations integrates a normal density to rounding."""
    return np.arange(-20.0, 20.0, 0.1)[:, np.newaxis]


def counts(size):
    """The probability of more than 60 at the fields below is under exp(-1000)."""
    return np.arange(61.0)[:, np.newaxis]


CASES = {
    "bernoulli": Case(Bernoulli(), SINGLE, binary),
    "gaussian": Case(Gaussian(), SINGLE, grid, 0.1),
    "gaussian, learned scale": Case(Gaussian("learned"), SINGLE, grid, 0.1),
    "relu": Case(ReLU(), SINGLE, counts),
    "relu, exact": Case(ReLU(exact=True), SINGLE, counts),
    "softmax": Case(Softmax(), [list(range(N_VISIBLE))], np.eye),
    "softmax, groups": Case(Softmax(GROUPS), GROUPS, np.eye),
    "softmax, groups of one": Case(Softmax(1), SINGLE, np.eye),
}
FIELDS = np.random.default_rng(1).uniform(-4, 4, size=(N_SAMPLES, N_VISIBLE))

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
each_unit = pytest.mark.parametrize("name", UNITS)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def exact_moments(case, fields):
    """Log-partitions of the groups, means and covariances of the units, by sums over all states."""
    log_partitions = []
    mean = np.zeros_like(fields)
    covariance = np.zeros((*fields.shape, fields.shape[1]))
    for group in case.groups:
        states = case.states(len(group))
        exponents = fields[:, group] @ states.T - case.unit.base_energy(states)
        log_partitions.append(log_sum_exp(exponents, axis=1) + np.log(case.volume))
        p = np.exp(exponents - log_sum_exp(exponents, axis=1)[:, np.newaxis])
        mean[:, group] = p @ states
        centred = states - mean[:, np.newaxis, group]
        block = np.einsum("rs,rsi,rsj->rij", p, centred, centred)
        covariance[:, np.array(group)[:, np.newaxis], group] = block
    return np.stack(log_partitions, axis=1), mean, covariance


def adapted(unit, dtype=np.float64):
    mean = np.linspace(0.2, 0.8, N_VISIBLE).astype(dtype)
    return unit.adapt(mean, np.linspace(0.5, 2, N_VISIBLE).astype(dtype))


def test_every_registered_unit_is_tested():
    assert set(UNITS.values()) == {type(case.unit) for case in CASES.values()}


@each_case
def test_log_partition_is_the_log_of_the_sum_over_states(case):
    expected, _, _ = exact_moments(case, FIELDS)
    assert_allclose(case.unit.log_partition(FIELDS), expected, rtol=1e-12, atol=1e-14)


@each_case
def test_base_energy_is_the_sum_over_the_units_of_a_row(case, rng):
    x = rng.choice(case.states(1).ravel(), size=(N_SAMPLES, N_VISIBLE))
    each = [case.unit.base_energy(x[:, [i]]) for i in range(N_VISIBLE)]
    assert_allclose(case.unit.base_energy(x), np.sum(each, axis=0), rtol=1e-13)


@each_case
def test_mean_and_variance_are_those_of_the_states(case):
    _, mean, covariance = exact_moments(case, FIELDS)
    # The sums over the grid cancel: 1e-16 times the largest state, and its square.
    assert_allclose(case.unit.mean(FIELDS), mean, rtol=1e-12, atol=2e-14)
    variance = np.einsum("rii->ri", covariance)
    assert_allclose(case.unit.variance(mean), variance, rtol=1e-12, atol=2e-14)


@each_case
def test_backpropagate_turns_the_derivative_by_means_into_that_by_fields(case, rng):
    unit = case.unit
    error, mean = rng.normal(size=FIELDS.shape), unit.mean(FIELDS)
    (expected,) = finite_differences(lambda fields: (error * unit.mean(fields)).sum(), [FIELDS])
    before = mean.copy()
    result = error.copy()
    assert unit.backpropagate(result, mean, work=np.full_like(error, np.nan)) is result
    assert_allclose(result, expected, atol=1e-8)  # see finite_differences; the sum is about 10
    assert_array_equal(mean, before)


# Ways to draw, given the fields.
DRAWS = {
    "sample": lambda unit, fields, rng: unit.sample(fields, rng),
    "sample_from_mean": lambda unit, fields, rng: unit.sample_from_mean(unit.mean(fields), rng),
    "mean_and_sample": lambda unit, fields, rng: unit.mean_and_sample(fields.copy(), rng),
}


@each_case
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_draws_have_the_mean_and_the_covariance_of_the_units(case, draw, rng):
    field = np.array([[-2.0, 0.5, 1.0, 0.0, 3.0]])
    _, mean, covariance = exact_moments(case, field)
    draws = draw(case.unit.drawn_exactly(), np.tile(field, (40_000, 1)), rng)
    deviations = draws - mean
    products = np.einsum("ri,rj->rij", deviations, deviations)
    assert_zero_within_errors(deviations, 4.5)
    assert_zero_within_errors(products - covariance, 4.5)


def assert_zero_within_errors(deviations, n_errors):
    error = deviations.std(axis=0) / np.sqrt(len(deviations))  # estimated from the draws
    assert (np.abs(deviations.mean(axis=0)) <= n_errors * error + 1e-12).all()


@each_case
def test_rows_of_a_sample_are_independent(case, rng):
    draws = case.unit.drawn_exactly().sample(np.zeros((20_000, N_VISIBLE)), rng)[:, 0]
    deviations = draws - draws.mean()
    # The product of two neighbours, in 4.5 standard errors.
    limit = 4.5 * deviations.var() / np.sqrt(20_000)
    assert abs((deviations[:-1] * deviations[1:]).mean()) <= limit


@each_case
def test_draws_are_states_of_the_units(case, rng):
    draws = case.unit.drawn_exactly().sample(FIELDS, rng)
    if case.volume < 1:
        assert len(np.unique(draws)) == draws.size
        return
    for group in case.groups:
        states = set(map(tuple, case.states(len(group))))
        assert set(map(tuple, draws[:, group])) <= states


@each_case
def test_mean_and_sample_leaves_the_means_where_the_fields_were(case, rng):
    fields = FIELDS.copy()
    case.unit.mean_and_sample(fields, rng)
    assert_array_equal(fields, case.unit.mean(FIELDS))


@each_case
@each_dtype
def test_every_result_keeps_the_dtype(case, dtype, rng):
    unit = adapted(case.unit, dtype)
    field = FIELDS.astype(dtype)
    mean = unit.mean(field)
    results = {
        "mean": mean,
        "variance": unit.variance(mean),
        "sample": unit.sample(field, rng),
        "sample_from_mean": unit.sample_from_mean(mean, rng),
        "mean_and_sample": unit.mean_and_sample(field.copy(), rng),
        "exact draws": unit.drawn_exactly().sample(field, rng),
        "backpropagate": unit.backpropagate(field.copy(), mean, work=np.empty_like(mean)),
        "log_partition": unit.log_partition(field),
        "base_energy": unit.base_energy(np.abs(mean)),
        "bias_from_mean": unit.bias_from_mean(np.abs(mean[0])),
        "encode": unit.encode(mean, out=np.empty_like(mean)),
        "decode": unit.decode(mean.copy()),
        "weights in data units": unit.to_data_units(field.T.copy(), field[:, 0])[0],
        "bias in data units": unit.to_data_units(field.T.copy(), field[:, 0])[1],
        "weights back": unit.from_data_units(field.T.copy(), field[:, 0])[0],
        "bias back": unit.from_data_units(field.T.copy(), field[:, 0])[1],
        "gradient of the scales": unit.log_scale_gradient(mean, field, field[:, 0]),
    }
    wrong = {what: array.dtype for what, array in results.items() if array.dtype != dtype}
    assert wrong == {}


@each_case
def test_results_in_float32_are_those_in_float64(case):
    unit, fields = case.unit, FIELDS.astype(np.float32)
    mean = unit.mean(fields)
    # A few roundings of 6e-8, of numbers up to about 10.
    assert_allclose(mean, unit.mean(fields.astype(np.float64)), rtol=1e-6, atol=1e-6)
    assert_allclose(unit.variance(mean), unit.variance(mean.astype(np.float64)), rtol=1e-5)
    expected = unit.log_partition(fields.astype(np.float64))
    assert_allclose(unit.log_partition(fields), expected, rtol=1e-6, atol=1e-6)


@each_case
@each_dtype
@pytest.mark.parametrize("others", ["extreme", "zero"])
@pytest.mark.parametrize("extreme", [1e3, -1e3])
def test_extreme_fields_stay_finite(case, dtype, extreme, others, rng):
    unit = case.unit
    field = np.full((1, N_VISIBLE), extreme if others == "extreme" else 0, dtype=dtype)
    field[0, 0] = extreme
    mean = unit.mean(field)
    draws = (
        unit.sample(field, rng),
        unit.drawn_exactly().sample(field, rng),
        unit.sample_from_mean(mean, rng),
    )
    for value in (mean, unit.variance(mean), unit.log_partition(field), *draws):
        assert np.isfinite(value).all()
    for drawn in draws:  # 10 standard deviations, which are 1 at most
        assert (np.abs(drawn - mean) < 10).all()


@each_case
def test_out_is_written_and_gives_the_same_as_without(case):
    unit = adapted(case.unit)
    mean = unit.mean(FIELDS)
    for function, x in [
        (unit.mean, FIELDS),
        (unit.variance, mean),
        (lambda x, out: unit.sample_from_mean(x, np.random.default_rng(1), out=out), mean),
        (lambda x, out: unit.sample(x, np.random.default_rng(1), out=out), FIELDS),
        (lambda x, out: unit.mean_and_sample(x.copy(), np.random.default_rng(1), out=out), FIELDS),
    ]:
        out = np.full_like(x, np.nan)
        before = x.copy()
        assert function(x, out=out) is out
        assert_array_equal(out, function(x, out=None))
        assert_array_equal(x, before)


@each_case
def test_mean_and_encode_may_overwrite_their_input(case, rng):
    unit = adapted(case.unit)
    x = rng.random((N_SAMPLES, N_VISIBLE))
    functions = (unit.mean, lambda x, out: unit.encode(x, out))
    for function in functions:
        expected = function(x, out=np.empty_like(x))
        in_place = x.copy()
        assert_array_equal(function(in_place, out=in_place), expected)


@each_case
def test_leading_axes_are_kept(case):
    stacked = np.stack([FIELDS, FIELDS[::-1]])
    for function in (case.unit.mean, case.unit.log_partition):
        assert_array_equal(function(stacked)[1], function(FIELDS[::-1].copy()))


@each_case
def test_no_result_shares_memory_with_its_input(case):
    fields = FIELDS.copy()
    for function in (case.unit.mean, case.unit.log_partition, case.unit.variance):
        assert not np.shares_memory(function(fields.clip(0.1, 0.9)), fields)
        function(fields)[...] = np.nan
    assert_array_equal(fields, FIELDS)


@each_case
def test_what_is_given_is_not_changed_where_nothing_says_so(case, rng):
    unit = adapted(case.unit)
    mean, weights = unit.mean(FIELDS), rng.normal(size=(N_VISIBLE, N_HIDDEN))
    bias, row_weights = rng.normal(size=N_HIDDEN), np.full(N_SAMPLES, 1 / N_SAMPLES)
    for function, *given in [
        (unit.mean, FIELDS),
        (unit.log_partition, FIELDS),
        (unit.total_log_partition, FIELDS),
        (unit.variance, mean),
        (unit.base_energy, mean),
        (unit.bias_from_mean, mean[0]),
        (unit.to_data_units, weights, bias),
        (unit.from_data_units, weights, bias),
        (unit.expand_missing, FIELDS > 0),
        (unit.log_scale_gradient, mean, FIELDS, row_weights),
    ]:
        before = [array.copy() for array in given]
        function(*given)
        for array, expected in zip(given, before, strict=True):
            assert_array_equal(array, expected)


@each_case
@each_dtype
def test_log_volume_is_summed_in_double_precision(case, dtype):
    unit = adapted(case.unit, dtype)
    scales = unit.scale_.astype(np.float64) if isinstance(unit, Gaussian) else np.ones(1)
    assert unit.log_volume() == pytest.approx(np.log(scales).sum(), rel=1e-14)


@each_case
def test_decode_undoes_encode(case, rng):
    unit = adapted(case.unit)
    x = rng.random((N_SAMPLES, N_VISIBLE))
    encoded = unit.encode(x, out=np.empty_like(x))
    assert_allclose(unit.decode(encoded.copy()), x, rtol=1e-13)


@each_case
def test_bias_from_mean_gives_unconnected_units_that_mean(case):
    unit = adapted(case.unit)
    mean = unit.decode(unit.mean(FIELDS / 2))
    for row in mean:
        field = unit.bias_from_mean(row)[np.newaxis]
        assert_allclose(unit.decode(unit.mean(field))[0], row, rtol=1e-12)


@each_case
@each_dtype
@pytest.mark.parametrize("constant", [0.0, 1.0, 0.1])
def test_constant_columns_give_finite_biases_and_scales(case, dtype, constant):
    X = np.full((1009, N_VISIBLE), constant, dtype=dtype)
    mean, standard_deviation = weighted_moments(X)
    unit = case.unit.adapt(mean, standard_deviation)
    encoded = unit.encode(X, out=np.empty_like(X))
    bias = unit.bias_from_mean(mean)
    assert np.isfinite(bias).all()
    assert np.isfinite(encoded).all()
    assert np.abs(bias).max() < 10
    assert np.abs(encoded).max() <= 1


@each_case
def test_affine_map_in_data_units_equals_that_of_encoded_rows(case, rng):
    unit = adapted(case.unit)
    x = rng.random((N_SAMPLES, N_VISIBLE))
    weights, bias = rng.normal(size=(N_VISIBLE, N_HIDDEN)), rng.normal(size=N_HIDDEN)
    expected = unit.encode(x, out=np.empty_like(x)) @ weights + bias
    data_weights, data_bias = unit.to_data_units(weights, bias)
    assert_allclose(x @ data_weights + data_bias, expected, rtol=1e-12, atol=1e-12)
    back = unit.from_data_units(data_weights, data_bias)
    assert_allclose(back[0], weights, rtol=1e-12)
    assert_allclose(back[1], bias, rtol=1e-12)


@each_case
def test_log_volume_is_the_log_determinant_of_decode(case):
    unit = adapted(case.unit)
    zero, identity = np.zeros((1, N_VISIBLE)), np.eye(N_VISIBLE)
    jacobian = unit.decode(identity) - unit.decode(zero)
    assert_allclose(unit.log_volume(), np.linalg.slogdet(jacobian)[1], rtol=1e-13, atol=1e-13)


@each_case
def test_largest_log_density_is_reached_and_never_exceeded(case):
    unit, largest = adapted(case.unit), 0.0
    for group in case.groups:
        states = case.states(len(group))
        # Certainty of 0 or 1 at fields of +-1000, and the mode of a normal density at the field itself.
        fields = np.concatenate([1000 * (2 * states - 1), states, np.full((1, len(group)), -1000.0)])
        part = Softmax() if isinstance(unit, Softmax) else unit  # the group on its own
        log_density = fields @ states.T - part.base_energy(states)
        log_density -= part.total_log_partition(fields)[:, np.newaxis]
        largest += log_density.max()
    # Rounding of differences of terms of up to 200, or of 1000 that are equal.
    assert unit.largest_log_density(N_VISIBLE) == pytest.approx(largest, rel=1e-13, abs=1e-12)


@each_case
def test_states_are_all_states_of_a_layer_block_by_block(case):
    unit = case.unit
    n_states = unit.n_states(N_VISIBLE)
    assert unit.bounded == (n_states is not None)
    if not unit.bounded:
        with pytest.raises(NotImplementedError, match="infinitely many"):
            unit.states(0, 1, N_VISIBLE)
        return
    assert n_states == np.prod([len(case.states(len(group))) for group in case.groups])
    states = unit.states(0, n_states, N_VISIBLE)
    assert len(set(map(tuple, states))) == n_states
    for group in case.groups:
        assert set(map(tuple, states[:, group])) == set(map(tuple, case.states(len(group))))
    blocks = [unit.states(k, min(k + 3, n_states), N_VISIBLE) for k in range(0, n_states, 3)]
    assert_array_equal(np.concatenate(blocks), states)


@each_case
def test_units_that_depend_on_a_missing_one_are_missing_too(case):
    missing = np.eye(N_VISIBLE, dtype=bool)
    expected = np.zeros_like(missing)
    for group in case.groups:
        expected[np.array(group)[:, np.newaxis], group] = True
    assert_array_equal(case.unit.expand_missing(missing), expected)


@each_case
def test_only_learned_scales_are_parameters(case):
    unit = adapted(case.unit)
    learned = N_VISIBLE if isinstance(unit, Gaussian) and unit.scale == "learned" else 0
    assert unit.log_scales().shape == (learned,)
    gradient = unit.log_scale_gradient(FIELDS, FIELDS, np.full(N_SAMPLES, 1 / N_SAMPLES))
    assert gradient.shape == (learned,)
    before = unit.mean(FIELDS), unit.log_volume()
    unit.set_log_scales(unit.log_scales())
    assert_array_equal(unit.mean(FIELDS), before[0])
    assert_allclose(unit.log_volume(), before[1], rtol=1e-14)


@each_case
def test_adapt_leaves_the_unit_of_the_user_alone(case):
    before = vars(case.unit).copy()
    copy = case.unit.adapt(np.array([0.5]), np.array([2.0]))
    assert copy is not case.unit
    assert vars(case.unit) == before


@each_case
def test_copies_draw_the_same(case):
    unit = adapted(case.unit)
    expected = unit.sample(FIELDS, np.random.default_rng(1))
    for copy in (clone(unit), pickle.loads(pickle.dumps(unit))):
        assert_array_equal(copy.sample(FIELDS, np.random.default_rng(1)), expected)


@each_case
def test_a_unit_drawn_exactly_keeps_what_it_took_from_the_data(case):
    unit = adapted(case.unit)
    before = vars(unit).copy()
    exact = unit.drawn_exactly()
    assert vars(unit) == before
    assert vars(exact).keys() == before.keys()
    assert exact.drawn_exactly() is exact


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
    """A generator whose every draw is 0, the lowest value there is."""

    def random(self):
        return 0.0

    def integers(self, high, size, dtype, endpoint):
        return np.zeros(size, dtype)


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


def test_scaled_bernoulli_units_act_on_shares_of_the_scale():
    unit = Bernoulli(scale=255).adapt(np.array([51.0, 204.0]), np.ones(2))
    assert_array_equal(unit.scale_, [255, 255])
    x = np.array([[51.0, 204.0]])
    out = np.empty_like(x)
    assert unit.encode(x, out) is out
    assert_allclose(out, [[0.2, 0.8]], rtol=1e-15)
    assert_array_equal(x, [[51, 204]])
    assert_allclose(unit.decode(out), x, rtol=1e-15)
    assert_allclose(unit.bias_from_mean(x[0]), np.log([0.25, 4]), rtol=1e-14)


def test_affine_maps_of_scaled_bernoulli_units_are_divided_by_the_scale_of_each_column(rng):
    unit = Bernoulli(scale="data").adapt(np.array([1.0, 4.0]), np.array([0.5, 2.0]))  # scales 2.5 and 10
    weights, bias = rng.normal(size=(2, N_HIDDEN)), rng.normal(size=N_HIDDEN)
    in_data_units = unit.to_data_units(weights, bias)
    assert_allclose(in_data_units[0], weights / [[2.5], [10]], rtol=1e-15)
    assert_array_equal(in_data_units[1], bias)
    back = unit.from_data_units(*in_data_units)
    assert_allclose(back[0], weights, rtol=1e-15)
    assert_array_equal(back[1], bias)


@each_dtype
def test_scale_of_the_data_is_the_mean_and_three_standard_deviations_and_1_for_zeros(dtype):
    mean, spread = np.array([0.25, 3.0, 0.0], dtype), np.array([0.125, 1.5, 0.0], dtype)
    unit = Bernoulli(scale="data").adapt(mean, spread)
    assert_array_equal(unit.scale_, [0.625, 7.5, 1])
    assert unit.scale_.dtype == Bernoulli(scale=3).adapt(mean, spread).scale_.dtype == dtype


@pytest.mark.parametrize("scale", [1, 1.0])
def test_a_bernoulli_scale_of_1_leaves_the_data_as_they_are(scale):
    assert not hasattr(Bernoulli(scale=scale).adapt(np.zeros(2), np.ones(2)), "scale_")


@pytest.mark.parametrize("scale", [0.5, 1.5, 1e-300, 1e300])
def test_any_positive_bernoulli_scale_is_taken(scale):
    assert_array_equal(Bernoulli(scale=scale).adapt(np.zeros(2), np.ones(2)).scale_, [scale, scale])


@pytest.mark.parametrize("scale", [0, -1.0, np.nan, np.inf, "dat", "learned"])
def test_an_invalid_bernoulli_scale_is_refused_with_its_value(scale):
    message = rf'Bernoulli\(scale={scale!r}\): scale must be "data" or a positive number'
    with pytest.raises(ValueError, match=message):
        Bernoulli(scale=scale).adapt(np.zeros(2), np.ones(2))


def test_scaled_grey_values_are_drawn_in_training_with_their_share_of_the_scale(rng):
    p = np.array([0.0, 0.1, 0.5, 0.93, 1.0])
    x = np.tile(200 * p, (40_000, 1))
    unit = Bernoulli(scale=200).adapt(x[0], x[0])
    out = np.empty_like(x)
    assert unit.encode(x, out, rng) is out
    assert set(np.unique(out)) == {0.0, 1.0}
    assert (np.abs(out.mean(axis=0) - p) <= 4.5 * np.sqrt(p * (1 - p) / len(x))).all()  # standard errors
    kept = Bernoulli(redraw=False, scale=200).adapt(x[0], x[0])
    assert_allclose(kept.encode(x, out, rng)[0], p, rtol=1e-15)


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


def test_rounding_noise_of_columns_below_zero_is_no_scale_and_a_little_more_than_noise_is_one():
    mean, spread = np.array([-1e6, -1.0, 1.0]), np.array([1e-7, 2e-12, 2e-12])
    assert_array_equal(Gaussian().adapt(mean, spread).scale_, [1, 2e-12, 2e-12])


@each_dtype
@pytest.mark.parametrize("what", ["mean", "negative mean", "standard deviation"])
def test_columns_up_to_a_millionth_of_the_largest_number_are_taken_and_none_beyond(what, dtype):
    largest = dtype(float(np.finfo(dtype).max) / 1e6)

    def adapt(value):
        mean, spread = np.zeros(3, dtype), np.ones(3, dtype)
        (spread if what == "standard deviation" else mean)[1] = -value if "negative" in what else value
        return Gaussian().adapt(mean, spread)

    unit = adapt(np.nextafter(largest, dtype(0)))
    assert np.isfinite(unit.scale_).all()
    for value in (np.nextafter(largest, dtype(np.inf)), dtype(np.inf), dtype(np.nan)):
        with pytest.raises(ValueError, match="The variance of 1 of 3 columns of X overflows"):
            adapt(value)


def test_learned_scales_start_at_the_spread_of_the_data():
    unit = Gaussian("learned").adapt(np.array([10.0, -3.0]), np.array([2.0, 0.5]))
    assert_array_equal(unit.scale_, [2.0, 0.5])
    assert_allclose(unit.log_scales(), np.log([2.0, 0.5]), rtol=1e-15)
    assert not unit.has_fixed_scale


@each_dtype
def test_learned_scales_are_set_within_a_factor_of_100_of_the_spread(dtype):
    unit = Gaussian("learned").adapt(np.zeros(3, dtype), np.array([2, 0.5, 1e-3], dtype))
    values = np.log(np.array([3, 1e3, 1e-9], dtype))
    unit.set_log_scales(values)
    expected = np.array([3, 50, 1e-5])
    rounding = 20 * np.finfo(dtype).eps  # logarithms up to about 10
    assert_allclose(unit.scale_, expected, rtol=rounding)
    assert_allclose(values, np.log(expected), rtol=rounding)
    assert unit.scale_.dtype == values.dtype == dtype
    x = np.ones((1, 3), dtype)
    assert_allclose(unit.encode(x, out=np.empty_like(x))[0], 1 / expected, rtol=rounding)
    assert_allclose(unit.log_scales(), values, rtol=rounding)
    unit.set_log_scales(np.full(3, np.log(1e9), dtype))  # the bounds have not moved with the scales
    assert_allclose(unit.scale_, [200, 50, 0.1], rtol=rounding)


def test_setting_scales_changes_no_other_copy():
    unit = Gaussian("learned").adapt(np.zeros(2), np.ones(2))
    scale, values = unit.scale_, np.array([0.5, -0.5])
    unit.set_log_scales(values)
    values += 1
    assert_array_equal(scale, [1, 1])
    assert_allclose(unit.scale_, np.exp([0.5, -0.5]), rtol=1e-15)


def test_gradient_of_learned_scales_is_that_of_the_likelihood(rng):
    oracle = random_rbm("gaussian", seed=3)  # in the scaled coordinates: its log Z has no scale in it
    location, scale = np.array([10.0, -3.0]), np.array([2.0, 0.3])
    X = location + scale * rng.normal(size=(N_SAMPLES, 2)) * [1.5, 0.7]
    weights = rng.dirichlet(np.ones(N_SAMPLES))

    def negative_log_likelihood(log_scale):
        u = (X - location) / np.exp(log_scale)
        return log_scale.sum() - weights @ oracle.log_likelihood(u)

    (expected,) = finite_differences(negative_log_likelihood, [np.log(scale)])
    unit = Gaussian("learned").adapt(location, scale)
    u = unit.encode(X, out=np.empty_like(X))
    field = oracle.visible_bias + oracle.mean_h(u) @ oracle.weights
    inputs = u.copy(), field.copy()
    assert_allclose(unit.log_scale_gradient(u, field, weights), expected, atol=1e-8)
    assert_array_equal(inputs, (u, field))


def test_at_the_most_likely_scale_the_gradient_is_zero(rng):
    X = rng.normal(size=(1009, 2)) * [0.2, 5.0]
    _, spread = weighted_moments(X)
    unit = Gaussian("learned").adapt(X.mean(axis=0), spread)
    u = unit.encode(X, out=np.empty_like(X))
    # Without hidden units a normal distribution is left, whose most likely scale is the spread.
    gradient = unit.log_scale_gradient(u, np.zeros_like(u), np.full(1009, 1 / 1009))
    assert_allclose(gradient, 0, atol=1e-12)
