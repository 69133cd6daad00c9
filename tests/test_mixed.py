"""Layers of several types, against a machine with its states written out."""

import pickle
from itertools import product

import numpy as np
import pytest
from exact import (
    N_HIDDEN,
    N_SAMPLES,
    binary_states,
    finite_differences,
    log_sum_exp,
    state_numbers,
    total_variation_in_floors,
)
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skdbn._energy import Machine, RBMParameters
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax

# Columns in an order that no part could guess: only one part has neighbours.
CATEGORY, BINARY, REAL = [5, 0, 3], [1, 4], [2]
N_UNITS = 6
LOCATION, SCALE = np.array([0.0, 0.0, 10.0, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 2.0, 1.0, 1.0, 1.0])

# The rectangle rule is exact to rounding for a normal density on this grid, see `exact`. It reaches 9
# standard deviations beyond the conditional means, which stay within +-6 for the parameters used here.
SPACING = 0.4
GRID = np.arange(-15.0, 15.0, SPACING)

ALL_TYPES = [
    (Bernoulli(), [6, 1]),
    (Gaussian(scale="learned"), [2, 3]),
    (Softmax(groups=[[2, 0], [1, 3, 4]]), [9, 0, 5, 4, 8]),
    (ReLU(), [10, 7]),
]
N_ALL = 11


def mixed():
    parts = [("softmax", CATEGORY), ("bernoulli", BINARY), (Gaussian(scale=2.0), REAL)]
    return Mixed(parts).adapt(LOCATION, SCALE)


def mixed_of_all_types(dtype=np.float64):
    mean = np.linspace(0.1, 0.9, N_ALL).astype(dtype)
    return Mixed(ALL_TYPES).adapt(mean, np.linspace(0.5, 2, N_ALL).astype(dtype))


def adapted_parts(unit):
    """The parts of `mixed_of_all_types` by themselves, each with its columns."""
    mean, deviation = np.linspace(0.1, 0.9, N_ALL), np.linspace(0.5, 2, N_ALL)
    return [(part.adapt(mean[columns], deviation[columns]), columns) for part, columns in ALL_TYPES]


def visible_states():
    """All states of the visible units of `mixed`, the real one on a grid."""
    states = []
    for level, first, second, real in product(CATEGORY, (0, 1), (0, 1), GRID):
        v = np.zeros(N_UNITS)
        v[level] = 1
        v[BINARY[0]], v[BINARY[1]], v[REAL[0]] = first, second, real
        states.append(v)
    return np.array(states)


VISIBLE = visible_states()
HIDDEN = binary_states(N_HIDDEN)


def parameters(seed=0):
    rng = np.random.default_rng(seed)
    shapes = (N_HIDDEN, N_UNITS), N_HIDDEN, N_UNITS
    return tuple(0.9 * rng.standard_normal(shape) for shape in shapes)


def energies(v, h, weights, hidden_bias, visible_bias):
    """E of all pairs of rows by its definition: only the real unit has a base energy."""
    energy = np.zeros((len(v), len(h)))
    for row, column in np.ndindex(*energy.shape):
        x, y = v[row], h[column]
        energy[row, column] = x[REAL[0]] ** 2 / 2 - visible_bias @ x - hidden_bias @ y - y @ weights @ x
    return energy


@pytest.fixture(scope="module")
def weights_of_pairs():
    """-E of all pairs of states of the machine with `parameters()`."""
    return -energies(VISIBLE, HIDDEN, *parameters())


@pytest.fixture
def machine():
    return Machine(mixed(), Bernoulli(), RBMParameters(*parameters()))


@pytest.fixture
def fields(rng):
    return 2 * rng.standard_normal((N_SAMPLES, N_ALL))


# -- a machine, against sums over its states -------------------------------------------------------


def test_free_energy_is_that_of_the_definition(machine, weights_of_pairs):
    assert_allclose(machine.free_energy(VISIBLE), -log_sum_exp(weights_of_pairs, axis=1), rtol=1e-12)


def test_free_energy_of_hidden_states_is_that_of_the_definition(machine, weights_of_pairs):
    expected = -log_sum_exp(weights_of_pairs, axis=0) - np.log(SPACING)
    assert_allclose(machine.free_energy_of_hidden(HIDDEN), expected, rtol=1e-12)


def test_conditional_means_are_those_of_the_joint(machine, weights_of_pairs):
    given_hidden = np.exp(weights_of_pairs - log_sum_exp(weights_of_pairs, axis=0))
    given_visible = np.exp(weights_of_pairs - log_sum_exp(weights_of_pairs, axis=1)[:, np.newaxis])
    # Rounding only: the grid is exact.
    assert_allclose(machine.mean_v_from_h(HIDDEN), given_hidden.T @ VISIBLE, atol=1e-12)
    assert_allclose(machine.mean_h_from_v(VISIBLE), given_visible @ HIDDEN, atol=1e-12)


def test_energy_is_that_of_the_definition(machine):
    v = VISIBLE[:: len(VISIBLE) // len(HIDDEN)][: len(HIDDEN)]
    expected = np.diag(energies(v, HIDDEN, *parameters()))
    assert_allclose(machine.energy(v, HIDDEN), expected, rtol=1e-12, atol=1e-12)


def test_derivatives_of_the_log_likelihood_are_differences_of_moments(machine):
    v = VISIBLE[[3, 200, 600]]

    def mean_log_likelihood(weights, hidden_bias, visible_bias):
        moved = machine._replace(parameters=RBMParameters(weights, hidden_bias, visible_bias))
        log_partition = log_sum_exp(-moved.free_energy_of_hidden(HIDDEN))
        return (-moved.free_energy(v) - log_partition).mean()

    def moments(p, v, h):
        return np.einsum("n,nj,ni->ji", p, h, v), p @ h, p @ v

    p_hidden = np.exp(-machine.free_energy_of_hidden(HIDDEN))
    model = moments(p_hidden / p_hidden.sum(), machine.mean_v_from_h(HIDDEN), HIDDEN)
    data = moments(np.full(3, 1 / 3), v, machine.mean_h_from_v(v))
    derivatives = finite_differences(mean_log_likelihood, parameters())
    for derivative, of_data, of_model in zip(derivatives, data, model, strict=True):
        assert_allclose(derivative, of_data - of_model, atol=1e-8)  # see `finite_differences`


def test_draws_have_the_moments_of_the_conditional(machine, weights_of_pairs, rng):
    n = 40_000
    h = HIDDEN[5]
    p = np.exp(weights_of_pairs[:, 5] - log_sum_exp(weights_of_pairs[:, 5]))
    mean = p @ VISIBLE
    covariance = (VISIBLE - mean).T @ ((VISIBLE - mean) * p[:, np.newaxis])
    draws = machine.sample_v_from_h(np.tile(h, (n, 1)), rng) - mean
    products = draws[:, :, np.newaxis] * draws[:, np.newaxis, :] - covariance
    for deviations in (draws, products.reshape(n, -1)):
        error = deviations.std(axis=0) / np.sqrt(n)
        assert (np.abs(deviations.mean(axis=0)) <= 4.5 * error + 1e-12).all()  # 4.5 standard errors


def test_gibbs_steps_leave_the_distribution_of_the_hidden_units(machine, weights_of_pairs, rng):
    p = np.exp(log_sum_exp(weights_of_pairs, axis=0))
    p /= p.sum()
    h = HIDDEN[rng.choice(len(HIDDEN), size=20_000, p=p)]
    for _ in range(2):
        h = machine.sample_h_from_v(machine.sample_v_from_h(h, rng), rng)
    # 8 states spread more around the mean of 0.8 floors than 32 do; a wrong kernel is beyond 3.
    assert total_variation_in_floors(state_numbers(h), p) < 2


# -- every method, against the parts by themselves -------------------------------------------------


@pytest.mark.parametrize("method", ["mean", "bias_from_mean", "variance", "decode"])
def test_methods_of_single_units_act_on_the_columns_of_each_part(method, fields):
    unit = mixed_of_all_types()
    x = {"bias_from_mean": unit.mean(fields)[0], "variance": unit.mean(fields)}.get(method, fields)
    result = getattr(unit, method)(x.copy())
    for part, columns in adapted_parts(unit):
        assert_array_equal(result[..., columns], getattr(part, method)(x[..., columns].copy()))


@pytest.mark.parametrize("method", ["sample", "sample_from_mean", "mean_and_sample"])
def test_parts_are_drawn_in_their_order_from_one_generator(method, fields):
    unit = mixed_of_all_types()
    x = unit.mean(fields) if method == "sample_from_mean" else fields
    changed = x.copy()
    out = np.empty_like(x)
    result = getattr(unit, method)(changed, np.random.default_rng(1), out=out)
    assert result is out
    rng = np.random.default_rng(1)
    for part, columns in adapted_parts(unit):
        # `mean_and_sample` of the rectified units draws from the field, not from the mean.
        own = np.ascontiguousarray(x[:, columns])
        assert_array_equal(result[:, columns], getattr(part, method)(own, rng))
        assert_array_equal(changed[:, columns], own)
    assert (changed == unit.mean(fields)).all() == (method != "sample")


def test_what_is_given_is_not_changed_where_nothing_says_so(fields, rng):
    unit = mixed_of_all_types()
    mean, weights, bias = unit.mean(fields), rng.standard_normal((N_ALL, 3)), rng.standard_normal(3)
    for function, *given in [
        (unit.mean, fields),
        (unit.log_partition, fields),
        (unit.variance, mean),
        (unit.base_energy, mean),
        (unit.bias_from_mean, mean[0]),
        (unit.to_data_units, weights, bias),
        (unit.from_data_units, weights, bias),
        (unit.expand_missing, fields > 0),
        (unit.log_scale_gradient, mean, fields, np.full(N_SAMPLES, 1 / N_SAMPLES)),
    ]:
        before = [array.copy() for array in given]
        function(*given)
        for array, expected in zip(given, before, strict=True):
            assert_array_equal(array, expected)


def test_base_energy_and_log_volume_are_sums_over_the_parts(fields):
    unit = mixed_of_all_types()
    x = unit.mean(fields)
    parts = adapted_parts(unit)
    expected = sum(part.base_energy(x[:, columns]) for part, columns in parts)
    assert_allclose(unit.base_energy(x), expected, rtol=1e-13)
    assert_allclose(unit.log_volume(), np.log(np.linspace(0.5, 2, N_ALL)[[2, 3]]).sum(), rtol=1e-13)


def test_largest_log_density_is_that_of_the_real_units_alone():
    # The density of a normal distribution at its mean; all others can be certain.
    expected = -np.log(2 * np.pi) / 2
    assert mixed().largest_log_density(N_UNITS) == pytest.approx(expected, rel=1e-14)
    for unit in (mixed_of_all_types(), Mixed(ALL_TYPES)):
        assert unit.largest_log_density(N_ALL) == pytest.approx(2 * expected, rel=1e-14)


def test_log_partition_has_the_columns_of_the_parts_in_their_order(fields):
    unit = mixed_of_all_types()
    expected = [part.log_partition(fields[:, columns]) for part, columns in adapted_parts(unit)]
    assert_array_equal(unit.log_partition(fields), np.hstack(expected))
    assert unit.log_partition(fields).shape[1] == N_ALL - 3  # 5 levels of 2 categories


def test_mean_is_the_derivative_of_the_log_partition(fields):
    unit = mixed_of_all_types()
    (derivative,) = finite_differences(lambda field: unit.log_partition(field).sum(), [fields])
    assert_allclose(
        unit.mean(fields), derivative, atol=1e-7
    )  # rounding of a sum of about 100: 1e-14 / 1e-5


def test_backpropagated_error_is_the_derivative_by_the_fields(fields, rng):
    unit = mixed_of_all_types()
    loss = rng.standard_normal(fields.shape)
    (derivative,) = finite_differences(lambda field: (loss * unit.mean(field)).sum(), [fields])
    error = loss.copy()
    result = unit.backpropagate(error, unit.mean(fields), np.empty_like(error))
    assert result is error
    # The variance of rectified units follows from a mean that is inverted: 1e-9 of the field or so.
    assert_allclose(error, derivative, atol=1e-7)


def test_encoded_rows_are_those_of_the_parts_and_decode_to_the_rows(fields):
    unit = mixed_of_all_types()
    encoded = unit.encode(fields, out=np.empty_like(fields))
    mean, deviation = np.linspace(0.1, 0.9, N_ALL), np.linspace(0.5, 2, N_ALL)
    expected = fields.copy()
    expected[:, [2, 3]] = ((fields - mean) / deviation)[:, [2, 3]]
    assert_allclose(encoded, expected, rtol=1e-13)
    assert_allclose(unit.decode(encoded), fields, rtol=1e-13)


def test_rows_are_encoded_in_place(fields):
    unit = mixed_of_all_types()
    expected = unit.encode(fields, out=np.empty_like(fields))
    assert_array_equal(unit.encode(fields, out=fields), expected)


def test_probabilities_are_drawn_anew_when_presented_in_training(rng):
    unit = mixed()
    rows = np.tile([0.5, 0.3, 14.0, 0.2, 0.9, 0.3], (40_000, 1))
    encoded = unit.encode(rows, out=np.empty_like(rows), rng=rng)
    assert (encoded[:, 2] == 2).all()  # (14 - 10) / 2
    assert (encoded[:, CATEGORY].sum(axis=1) == 1).all()
    assert set(np.unique(encoded[:, CATEGORY + BINARY])) == {0, 1}
    p = rows[0, CATEGORY + BINARY]
    errors = 4.5 * np.sqrt(p * (1 - p) / len(rows))  # 4.5 standard errors
    assert (np.abs(encoded[:, CATEGORY + BINARY].mean(axis=0) - p) < errors).all()


def test_affine_maps_are_the_same_in_both_coordinates(fields, rng):
    unit = mixed_of_all_types()
    weights, bias = rng.standard_normal((N_ALL, 3)), rng.standard_normal(3)
    expected = unit.encode(fields, out=np.empty_like(fields)) @ weights + bias
    converted, converted_bias = unit.to_data_units(weights, bias)
    assert_allclose(fields @ converted + converted_bias, expected, rtol=1e-11, atol=1e-12)
    back, bias_back = unit.from_data_units(converted, converted_bias)
    assert_allclose(back, weights, rtol=1e-13)
    assert_allclose(bias_back, bias, rtol=1e-12)


def test_bias_from_mean_gives_unconnected_units_the_means():
    unit = mixed()
    mean = np.array([0.5, 0.3, 12.0, 0.2, 0.9, 0.3])
    encoded = np.array([0.5, 0.3, 1.0, 0.2, 0.9, 0.3])
    assert_allclose(unit.mean(unit.bias_from_mean(mean)[np.newaxis])[0], encoded, rtol=1e-12)


def test_whole_categories_are_missing_where_one_level_is():
    missing = np.zeros((3, N_UNITS), dtype=bool)
    missing[0, 3] = missing[1, 2] = True
    expected = missing.copy()
    expected[0, CATEGORY] = True
    assert_array_equal(mixed().expand_missing(missing), expected)
    assert missing.sum() == 2


# -- states ----------------------------------------------------------------------------------------


def finite():
    return Mixed([("bernoulli", [4, 0]), ("softmax", [1, 3, 5]), ("bernoulli", [2])])


def test_states_are_all_states_once():
    unit = finite()
    assert unit.n_states(N_UNITS) == 4 * 3 * 2
    states = unit.states(0, 24, N_UNITS)
    assert len(np.unique(states, axis=0)) == 24
    assert set(np.unique(states)) == {0, 1}
    assert (states[:, [1, 3, 5]].sum(axis=1) == 1).all()


@pytest.mark.parametrize("n_rows", [1, 5, 7, 24])
def test_blocks_of_states_are_stretches_of_all_states(n_rows):
    unit = finite()
    starts = range(0, 24, n_rows)
    blocks = [unit.states(start, min(start + n_rows, 24), N_UNITS) for start in starts]
    assert_array_equal(np.vstack(blocks), unit.states(0, 24, N_UNITS))


def test_blocks_are_made_without_all_states_of_a_part():
    # 2**40 states of the first part would not fit anywhere.
    unit = Mixed([("bernoulli", range(40)), ("softmax", [40, 41, 42])])
    states = unit.states(2**40 - 2, 2**40 + 2, 43)
    expected = np.zeros((4, 43))
    expected[:2, :40], expected[0, 0], expected[3, 0] = 1, 0, 1
    expected[:2, 40] = expected[2:, 41] = 1
    assert_array_equal(states, expected)


def test_infinitely_many_states_cannot_be_listed():
    assert mixed().n_states(N_UNITS) is None
    with pytest.raises(NotImplementedError, match="Mixed units have infinitely many states"):
        mixed().states(0, 2, N_UNITS)


def test_layer_is_bounded_if_all_parts_are():
    assert finite().bounded
    assert not mixed().bounded
    assert not Mixed([("bernoulli", [0]), ("relu", [1])]).bounded


# -- learned scales --------------------------------------------------------------------------------


def learned(dtype=np.float64):
    parts = [(Gaussian(scale="learned"), [3, 0]), ("bernoulli", [1]), (Gaussian(scale="learned"), [2])]
    return Mixed(parts).adapt(np.zeros(4, dtype=dtype), np.array([1.0, 1.0, 3.0, 2.0], dtype=dtype))


def test_log_scales_are_those_of_the_parts_in_their_order():
    assert_allclose(learned().log_scales(), np.log([2.0, 1.0, 3.0]), rtol=1e-13)
    assert learned(np.float32).log_scales().dtype == np.float32
    assert finite().log_scales().size == 0


def test_new_log_scales_reach_the_parts_and_corrections_the_caller():
    unit = learned()
    new = np.log([4.0, 1e9, 6.0])
    unit.set_log_scales(new)
    # A scale changes by a factor of 100 at most.
    assert_allclose(new, np.log([4.0, 100.0, 6.0]), rtol=1e-12)
    assert_allclose(unit.parts_[0][0].scale_, [4.0, 100.0], rtol=1e-12)
    assert_allclose(unit.parts_[2][0].scale_, [6.0], rtol=1e-12)


def test_gradients_by_the_log_scales_are_those_of_the_parts(rng):
    unit = learned()
    x, field = rng.standard_normal((2, N_SAMPLES, 4))
    weights = np.full(N_SAMPLES, 1 / N_SAMPLES)
    gaussian = Gaussian(scale="learned").adapt(np.zeros(3), np.ones(3))
    columns = [3, 0, 2]
    expected = gaussian.log_scale_gradient(x[:, columns], field[:, columns], weights)
    assert_allclose(unit.log_scale_gradient(x, field, weights), expected, rtol=1e-12)


# -- how it behaves --------------------------------------------------------------------------------


@pytest.mark.parametrize("adapt", [False, True])
def test_order_of_the_columns_does_not_matter(adapt, rng):
    order = rng.permutation(N_ALL)
    place = np.argsort(order)  # column i is now at place[i]
    unit = Mixed(ALL_TYPES)
    permuted = Mixed([(part, place[columns]) for part, columns in ALL_TYPES])
    if adapt:
        mean, deviation = np.linspace(0.1, 0.9, N_ALL), np.linspace(0.5, 2, N_ALL)
        unit, permuted = unit.adapt(mean, deviation), permuted.adapt(mean[order], deviation[order])
    x = rng.standard_normal((N_SAMPLES, N_ALL))
    assert_array_equal(permuted.mean(x[:, order]), unit.mean(x)[:, order])
    assert_array_equal(permuted.log_partition(x[:, order]), unit.log_partition(x))
    assert_allclose(permuted.base_energy(np.abs(x[:, order])), unit.base_energy(np.abs(x)), rtol=1e-13)
    draws = [
        unit.sample(x, np.random.default_rng(2))[:, order],
        permuted.sample(x[:, order], np.random.default_rng(2)),
    ]
    assert_array_equal(*draws)


def test_units_not_adapted_yet_have_the_same_means(fields):
    assert_array_equal(Mixed(ALL_TYPES).mean(fields), mixed_of_all_types().mean(fields))


def test_out_may_be_the_field_itself(fields):
    unit = mixed_of_all_types()
    expected = unit.mean(fields)
    assert unit.mean(fields, out=fields) is fields
    assert_array_equal(fields, expected)


def test_out_is_written_and_returned(fields, rng):
    unit = mixed_of_all_types()
    out = np.full_like(fields, np.nan)
    assert unit.mean(fields, out=out) is out
    assert_array_equal(out, unit.mean(fields))
    mean = out.copy()
    assert unit.variance(mean, out=out) is out
    assert_array_equal(out, unit.variance(mean))


def test_leading_axes_are_kept(rng):
    unit = mixed_of_all_types()
    field = rng.standard_normal((2, 3, N_ALL))
    flat = field.reshape(6, N_ALL)
    assert_array_equal(unit.mean(field).reshape(6, -1), unit.mean(flat))
    assert_array_equal(unit.log_partition(field).reshape(6, -1), unit.log_partition(flat))
    draws = [unit.sample(x, np.random.default_rng(0)).reshape(6, -1) for x in (field, flat)]
    assert_array_equal(*draws)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_result_keeps_the_dtype(dtype, fields, rng):
    unit = mixed_of_all_types(dtype)
    field = fields.astype(dtype)
    mean = unit.mean(field)
    weights = np.full(N_SAMPLES, 1 / N_SAMPLES, dtype=dtype)
    results = [
        mean,
        unit.variance(mean),
        unit.sample(field, rng),
        unit.sample_from_mean(mean, rng),
        unit.mean_and_sample(field.copy(), rng),
        unit.log_partition(field),
        unit.base_energy(mean),
        unit.bias_from_mean(mean[0]),
        unit.encode(mean, out=np.empty_like(mean)),
        unit.decode(mean.copy()),
        *unit.to_data_units(field.T.copy(), field[:, 0]),
        *unit.from_data_units(field.T.copy(), field[:, 0]),
        unit.backpropagate(field.copy(), mean, np.empty_like(mean)),
        unit.log_scales(),
        unit.log_scale_gradient(mean, field, weights),
    ]
    assert [result.dtype for result in results] == [dtype] * len(results)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("extreme", [1e3, -1e3])
def test_extreme_fields_stay_finite(dtype, extreme, rng):
    unit = mixed_of_all_types(dtype)
    field = np.full((1, N_ALL), extreme, dtype=dtype)
    mean = unit.mean(field)
    for value in (mean, unit.variance(mean), unit.log_partition(field), unit.sample(field, rng)):
        assert np.isfinite(value).all()


def test_drawn_exactly_changes_the_parts_that_approximate(fields):
    unit = mixed_of_all_types()
    exact = unit.drawn_exactly()
    counts = exact.sample(fields, np.random.default_rng(0))[:, [10, 7]]
    assert_array_equal(counts, np.round(counts))
    rough = unit.sample(fields, np.random.default_rng(0))[:, [10, 7]]
    assert (rough != np.round(rough)).any()
    assert_array_equal(exact.parts_[1][0].scale_, unit.parts_[1][0].scale_)
    unfitted = Mixed(ALL_TYPES).drawn_exactly().sample(fields, np.random.default_rng(0))
    assert_array_equal(unfitted[:, [10, 7]], counts)


def test_adapting_leaves_the_object_and_its_parts_as_they_are():
    gaussian = Gaussian()
    unit = Mixed([(gaussian, [1]), ("bernoulli", [0])])
    adapted = unit.adapt(np.zeros(2), np.array([1.0, 3.0]))
    assert adapted is not unit
    assert_array_equal(adapted.parts_[0][0].scale_, [3.0])
    assert not hasattr(unit, "parts_")
    assert not hasattr(gaussian, "scale_")


def test_columns_that_are_neighbours_become_a_slice():
    columns = [columns for _, columns in mixed_of_all_types().parts_]
    assert columns[1] == slice(2, 4)
    assert_array_equal(columns[0], [6, 1])  # a descending pair is none
    assert_array_equal(columns[2], [9, 0, 5, 4, 8])


def test_scikit_learn_can_clone_and_print_it():
    unit = Mixed([("bernoulli", np.array([0, 2])), (Gaussian(scale=2.0), [1])])
    copy = clone(unit)
    assert copy is not unit
    assert copy.parts is not unit.parts
    assert_array_equal(copy.parts[0][1], [0, 2])
    assert copy.parts[1][0].scale == 2.0
    assert unit.get_params(deep=False)["parts"] is unit.parts
    printed = "Mixed(parts=[('bernoulli', [0, 2]), (Gaussian(scale=2.0), [1])])"
    assert " ".join(repr(Mixed([("bernoulli", [0, 2]), (Gaussian(scale=2.0), [1])])).split()) == printed


def test_it_survives_pickling(fields):
    unit = mixed_of_all_types()
    copy = pickle.loads(pickle.dumps(unit))
    assert_array_equal(copy.decode(fields.copy()), unit.decode(fields.copy()))


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([("bernoulli", [0, 1])], r"column 2 is in no part \(2 such columns of 4\)"),
        ([("bernoulli", [0, 1, 2]), ("relu", [3, 1])], r"column 1 is in more than one place \(1 such"),
        ([("bernoulli", [0, 1, 2, 3, 3])], "column 3 is in more than one place"),
        ([("bernoulli", [0, 1, 2, 4])], "column 4 of 'bernoulli' is outside the range from 0 to 3"),
        ([("bernoulli", [0, 1, 2, -1])], "column -1 of 'bernoulli' is outside the range from 0 to 3"),
        ([("binary", [2, 3])], r"'binary', given for columns \[2, 3\], is neither a Unit nor one of 'ber"),
        ([(Bernoulli, [0])], r"given for columns \[0\], is neither a Unit"),
        ([("relu", [])], r"the columns of 'relu' must be column numbers, one or more; got \[\]"),
        ([("relu", np.array([], dtype=int))], "must be column numbers, one or more"),
        ([("relu", [0.0, 1.0])], r"must be column numbers, one or more; got \[0.0, 1.0\]"),
        ([("relu", [True, False, True, True])], "must be column numbers, one or more; got"),
        ([("relu", [[0, 1]])], "must be column numbers, one or more; got"),
        ([], r"parts must be a list of pairs \(unit, columns\); got \[\]"),
        (["relu"], r"parts must be a list of pairs \(unit, columns\); got \['relu'\]"),
        ("relu", r"parts must be a list of pairs \(unit, columns\); got 'relu'"),
    ],
)
def test_parts_that_do_not_cover_the_columns_once_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        Mixed(parts).adapt(np.zeros(4), np.ones(4))
