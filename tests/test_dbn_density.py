"""The stack of RBMs as a density against its enumeration."""

from functools import cache

import numpy as np
import pytest
from conftest import LOCATION, SCALE
from drawn import LARGEST_DISTANCE, N_CHAINS
from exact import base_energy, random_rbm, row_numbers, total_variation_in_floors
from exact_dbn import INNER_LOCATION, INNER_SCALE, ExactDBN, random_stack, transposed
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdbn import _rows
from skdbn._dbn_density import (
    encoded,
    log_likelihood_bound,
    log_weights,
    mean_down,
    mean_up,
    sample_stack,
    sample_up,
)
from skdbn._likelihood import LogPartition
from skdbn.units import Gaussian, ReLU

BINARY = ("bernoulli", "bernoulli")
# Pairs of types of the machines and numbers of units, bottom up. The spread of the parameters is 0.8.
STACKS = {
    "one layer": ([BINARY], (5, 3)),
    "two layers": ([BINARY] * 2, (5, 3, 2)),
    "three layers": ([BINARY] * 3, (5, 3, 2, 7)),
    "gaussian below": ([("gaussian", "bernoulli"), BINARY], (2, 5, 3)),
    "gaussian between": ([("bernoulli", "gaussian"), ("gaussian", "bernoulli")], (5, 2, 3)),
    "categories between": ([("bernoulli", "softmax"), ("softmax", "bernoulli")], (3, 5, 2)),
    "categories under binary units": ([("bernoulli", "softmax"), BINARY], (3, 5, 2)),
    "counts between": ([("bernoulli", "relu"), ("relu", "bernoulli")], (5, 2, 3)),
    "counts over binary units": ([BINARY, ("relu", "bernoulli")], (5, 2, 3)),
}
DEEP = [name for name in STACKS if name != "one layer"]
each_stack = pytest.mark.parametrize("name", STACKS)
each_deep_stack = pytest.mark.parametrize("name", DEEP)


@cache
def exact_stack(name):
    kinds, sizes = STACKS[name]
    return ExactDBN(random_stack(kinds, sizes, seed=3))


@pytest.fixture
def to_machines(to_machine):
    """Function that returns the machines of an ExactDBN, bottom up."""

    def convert(dbn, dtype=np.float64):
        machines = [to_machine(oracle, dtype) for oracle in dbn.oracles]
        for number in range(1, len(machines)):
            if dbn.oracles[number].visible == "gaussian":
                visible = Gaussian().adapt(INNER_LOCATION.astype(dtype), INNER_SCALE.astype(dtype))
                machines[number] = machines[number]._replace(visible=visible)
        return machines

    return convert


def log_partition_of(dbn, standard_error=0.0):
    """log Z of the top machine in the units of the layer below it."""
    top = dbn.oracles[-1].log_partition() + np.log(dbn.maps[-1][1]).sum()
    return LogPartition(top, standard_error)


def some_states(dbn, n=31):
    """Numbers of up to n states of the lowest layer, spread over all."""
    return _rows.spread_rows(len(dbn.states[0]), n)


def bound_of(dbn, machines, rows=slice(None), n_draws=5, seed=0, standard_error=0.0):
    log_partition = log_partition_of(dbn, standard_error)
    X, rng = dbn.states[0][rows], np.random.default_rng(seed)
    return log_likelihood_bound(machines, X, log_partition, n_draws, rng)


def bounds_of_copies(dbn, machines, rows, n_copies=400, n_draws=5):
    """Bound and importance-weighted bound of many copies of each row: (n_rows, n_copies)."""
    bound = bound_of(dbn, machines, np.repeat(rows, n_copies), n_draws)
    assert_allclose(bound.value, bound.per_row.mean(), rtol=1e-14)
    assert_allclose(bound.importance_weighted, bound.importance_weighted_per_row.mean(), rtol=1e-14)
    return (a.reshape(-1, n_copies) for a in (bound.per_row, bound.importance_weighted_per_row))


def assert_within_errors(values, mean, variance_of_a_draw, n_draws=5, rounding=0.0):
    """Assert that means over copies are within 4 standard errors."""
    errors = np.sqrt(variance_of_a_draw / n_draws / values.shape[1])
    assert (np.abs(values.mean(axis=1) - mean) < 4 * errors + rounding).all()


# -- the oracle -----------------------------------------------------------------------------------


@each_stack
def test_probabilities_of_the_enumerated_network_sum_to_one(name):
    assert_allclose(exact_stack(name).p_states().sum(), 1, rtol=1e-11)


@each_deep_stack
def test_bound_of_the_enumerated_network_is_below_its_likelihood(name):
    dbn = exact_stack(name)
    bound, variance, *_ = dbn.moments_of_weights()
    gap = dbn.log_likelihood() - bound
    assert gap.min() > 0
    assert variance.max() > 0.01  # or the tests below would be too easy


# -- the bound ------------------------------------------------------------------------------------


@each_deep_stack
def test_bound_is_the_mean_over_the_upward_conditionals(name, to_machines):
    dbn = exact_stack(name)
    rows = some_states(dbn)
    bounds, _ = bounds_of_copies(dbn, to_machines(dbn), rows)
    mean, variance, *_ = dbn.moments_of_weights()
    assert_within_errors(bounds, mean[rows], variance[rows])


@each_deep_stack
def test_importance_weighted_bound_has_the_likelihood_as_the_mean_of_its_exponential(name, to_machines):
    """Exactly, for any number of draws, if Q reaches all states; else the share of those it reaches."""
    dbn = exact_stack(name)
    *_, mean, variance = dbn.moments_of_weights()
    rows = some_states(dbn)
    rows = rows[variance[rows] < 3]  # of other weights, the mean of 2000 draws is far from normal
    assert len(rows) >= 7
    if "under" not in name and "over" not in name:
        assert_allclose(mean[rows], 1, rtol=1e-9)
    _, bounds = bounds_of_copies(dbn, to_machines(dbn), rows)
    relative = np.exp(bounds - dbn.log_likelihood()[rows, np.newaxis])
    assert_within_errors(relative, mean[rows], variance[rows])


@each_deep_stack
def test_importance_weighted_bound_lies_between_the_bound_and_the_likelihood(name, to_machines):
    dbn = exact_stack(name)
    rows = some_states(dbn)
    bounds, tighter = bounds_of_copies(dbn, to_machines(dbn), rows)
    assert (tighter > bounds - 1e-12).all()
    assert bounds.mean() < tighter.mean() < dbn.log_likelihood()[rows].mean()


def test_single_machine_has_its_likelihood(to_machines):
    dbn = exact_stack("one layer")
    bound = bound_of(dbn, to_machines(dbn), n_draws=1, standard_error=0.25)
    for per_row in (bound.per_row, bound.importance_weighted_per_row):
        assert_allclose(per_row, dbn.oracles[0].log_likelihood(dbn.states[0]), rtol=1e-12)
    assert bound.standard_error == 0.25


@pytest.mark.parametrize(
    ("visible", "hidden"),
    [BINARY, ("gaussian", "bernoulli"), ("bernoulli", "gaussian"), ("softmax", "relu")],
)
def test_bound_is_the_likelihood_where_the_conditionals_are_the_posterior(visible, hidden, to_machine):
    """The second machine is the first upside down: every single weight is log p(x)."""
    oracle = random_rbm(visible, 5, hidden=hidden)
    machines = [to_machine(oracle), to_machine(transposed(oracle))]
    if hidden == "gaussian":
        machines[1] = machines[1]._replace(visible=machines[0].hidden)
    if visible == "gaussian":
        machines[1] = machines[1]._replace(hidden=Gaussian().adapt(np.zeros(2), np.ones(2)))
    v = oracle.visible_states[_rows.spread_rows(len(oracle.visible_states), 31)]
    X = machines[0].visible.decode(v.copy())
    log_partition = LogPartition(oracle.log_partition(), 0.0)
    bound = log_likelihood_bound(machines, X, log_partition, 3, np.random.default_rng(0))
    expected = oracle.log_likelihood(v) - machines[0].visible.log_volume()
    assert_allclose(bound.per_row, expected, rtol=1e-11, atol=1e-11)
    assert_allclose(bound.importance_weighted_per_row, expected, rtol=1e-11, atol=1e-11)
    assert bound.standard_error < 1e-11


@pytest.mark.parametrize("name", ["two layers", "three layers", "gaussian between"])
def test_standard_error_is_the_spread_over_seeds(name, to_machines):
    dbn = exact_stack(name)
    machines, rows, n_draws, n_seeds = to_machines(dbn), some_states(dbn, 11), 5, 200
    bounds = [bound_of(dbn, machines, rows, n_draws, seed) for seed in range(n_seeds)]
    mean, variance, *_ = (moment[rows] for moment in dbn.moments_of_weights())
    exact = np.sqrt(variance.sum() / n_draws) / len(rows)
    values = np.array([bound.value for bound in bounds])
    squares = np.array([bound.standard_error for bound in bounds]) ** 2
    # A sample variance of n values has a relative error of sqrt(2 / n), more or less.
    assert abs(values.var(ddof=1) / exact**2 - 1) < 4 * np.sqrt(2 / n_seeds)
    assert abs(squares.mean() - exact**2) < 4 * squares.std() / np.sqrt(n_seeds)
    assert abs(values.mean() - mean.mean()) < 4 * exact / np.sqrt(n_seeds)


def test_standard_error_of_log_partition_is_added_in_squares(to_machines):
    dbn = exact_stack("two layers")
    machines = to_machines(dbn)
    without, with_error = (bound_of(dbn, machines, n_draws=7, standard_error=error) for error in (0.0, 0.3))
    assert without.standard_error > 0.01
    assert_allclose(with_error.standard_error, np.hypot(without.standard_error, 0.3), rtol=1e-12)
    assert_array_equal(with_error.per_row, without.per_row)


def test_single_draw_has_no_standard_error(to_machines):
    dbn = exact_stack("two layers")
    bound = bound_of(dbn, to_machines(dbn), n_draws=1)
    assert np.isnan(bound.standard_error)
    assert_array_equal(bound.importance_weighted_per_row, bound.per_row)


def test_draws_are_made_anew_for_each_row_and_each_time(to_machines):
    machines = to_machines(exact_stack("two layers"))
    v = np.ones((400, 5))
    first, second = log_weights(machines, v, 2, np.random.default_rng(0))
    assert len(np.unique(first)) > 1
    # Of equal rows, the draws of one have nothing to do with those of the others, nor with the next ones.
    for one, other in ((first, second), (first[::2], first[1::2])):
        assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(len(one))


def test_rows_come_in_blocks_and_stay_in_their_places(to_machines, monkeypatch):
    dbn = exact_stack("two layers")
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 3 * 5)
    rows = some_states(dbn)
    bounds, _ = bounds_of_copies(dbn, to_machines(dbn), rows, n_copies=20)
    mean, variance, *_ = dbn.moments_of_weights()
    assert_within_errors(bounds, mean[rows], variance[rows])


def test_same_generator_gives_the_same_bound_dense_or_sparse(to_machines):
    dbn = exact_stack("three layers")
    machines, X = to_machines(dbn), dbn.states[0]
    log_partition = log_partition_of(dbn)
    bounds = [
        log_likelihood_bound(machines, rows, log_partition, 3, np.random.default_rng(seed))
        for rows, seed in ((X, 0), (sparse.csr_matrix(X), 0), (X, 1))
    ]
    assert_array_equal(bounds[0].per_row, bounds[1].per_row)
    assert bounds[0].standard_error == bounds[1].standard_error
    assert (bounds[0].per_row != bounds[2].per_row).any()


def test_bound_leaves_rows_and_parameters_as_they_are(to_machines):
    dbn = exact_stack("gaussian below")
    machines = to_machines(dbn)
    before = [[array.copy() for array in machine.parameters] for machine in machines]
    X = dbn.states[0][:7].copy()
    log_likelihood_bound(machines, X, log_partition_of(dbn), 2, np.random.default_rng(0))
    sample_stack(machines, sample_up(machines, X, np.random.default_rng(0)), 2, np.random.default_rng(0))
    mean_down(machines, mean_up(machines, X))
    assert_array_equal(X, dbn.states[0][:7])
    for machine, arrays in zip(machines, before, strict=True):
        for array, old in zip(machine.parameters, arrays, strict=True):
            assert_array_equal(array, old)


@pytest.mark.parametrize("name", ["three layers", "gaussian below"])
def test_single_precision_is_summed_in_double(name, to_machines):
    dbn = exact_stack(name)
    machines, rows, n_copies = to_machines(dbn, np.float32), some_states(dbn), 400
    X, rng = dbn.states[0][np.repeat(rows, n_copies)].astype(np.float32), np.random.default_rng(0)
    bound = log_likelihood_bound(machines, X, log_partition_of(dbn), 5, rng)
    assert bound.per_row.dtype == bound.importance_weighted_per_row.dtype == np.float64
    draws = log_weights(machines, encoded(machines[0], X), 2, rng)
    assert [draw.dtype for draw in draws] == [np.float64] * 2
    mean, variance, *_ = dbn.moments_of_weights()
    # Rounding: a dozen operations on values below 100, each with an error of 6e-8 of its value.
    values = bound.per_row.reshape(-1, n_copies)
    assert_within_errors(values, mean[rows], variance[rows], rounding=1e-4)


def test_noisy_rectified_units_are_drawn_exactly(to_machines):
    """Their fast draws are no whole numbers and have another mean than the energy."""
    dbn = exact_stack("counts between")
    below, above = to_machines(dbn)
    machines = [below._replace(hidden=ReLU()), above._replace(visible=ReLU())]
    bound = bound_of(dbn, machines, n_draws=50)
    assert_array_equal(bound.per_row, bound_of(dbn, [below, above], n_draws=50).per_row)
    v = sample_up(machines, dbn.states[0], np.random.default_rng(0))
    assert_array_equal(v, np.round(v))
    samples = [sample_stack(stack, v, 7, np.random.default_rng(0)) for stack in (machines, [below, above])]
    assert_array_equal(*samples)


# -- draws ----------------------------------------------------------------------------------------


def exact_top_states(dbn, n, seed=0):
    """Draws of the layer below the top machine, in the coordinates of its energy."""
    top = len(dbn.oracles) - 1
    p = np.exp(dbn.log_prior()) * dbn.cells[-1]
    numbers = np.random.default_rng(seed).choice(len(p), size=n, p=p / p.sum())
    return dbn.encode(top, dbn.states[-1][numbers])


@pytest.mark.parametrize("name", [name for name in STACKS if name != "gaussian below"])
def test_draws_from_exact_states_of_the_top_follow_the_network(name, to_machines):
    """Whatever the number of steps: nothing depends on how fast the chain of the top machine mixes."""
    dbn = exact_stack(name)
    v = exact_top_states(dbn, N_CHAINS)
    X = sample_stack(to_machines(dbn), v, 2, np.random.default_rng(1))
    distance = total_variation_in_floors(row_numbers(X, dbn.states[0]), dbn.p_states())
    assert distance < LARGEST_DISTANCE


def test_draws_of_gaussian_rows_have_the_moments_of_the_network(to_machines):
    dbn = exact_stack("gaussian below")
    X = sample_stack(to_machines(dbn), exact_top_states(dbn, N_CHAINS), 2, np.random.default_rng(1))
    x, p = dbn.states[0], dbn.p_states()
    for function in (
        lambda x: x,
        lambda x: (x - LOCATION) ** 2,
        lambda x: ((x - LOCATION) / SCALE).prod(axis=1, keepdims=True),
    ):
        mean = p @ function(x)
        error = np.sqrt((p @ function(x) ** 2 - mean**2) / N_CHAINS)
        assert (np.abs(function(X).mean(axis=0) - mean) < 4 * error).all()


def test_top_machine_makes_as_many_gibbs_steps_as_asked(to_machines):
    dbn = ExactDBN(random_stack([BINARY] * 2, (5, 3, 2), seed=3, spread=1.6))
    v = np.ones((N_CHAINS, 3))
    for n_steps, other in ((1, 2), (2, 1)):
        X = sample_stack(to_machines(dbn), v, n_steps, np.random.default_rng(n_steps))
        numbers = row_numbers(X, dbn.states[0])
        assert total_variation_in_floors(numbers, dbn.p_after(n_steps, v[0])) < LARGEST_DISTANCE
        assert total_variation_in_floors(numbers, dbn.p_after(other, v[0])) > LARGEST_DISTANCE
    assert_array_equal(v, 1)


@pytest.mark.parametrize("name", ["two layers", "three layers", "counts between"])
def test_layers_above_a_row_follow_the_upward_conditionals(name, to_machines):
    dbn = exact_stack(name)
    row = 11
    drawn = sample_up(
        to_machines(dbn), np.tile(dbn.states[0][row], (N_CHAINS, 1)), np.random.default_rng(0)
    )
    p = dbn.p_top_given(row)
    assert_allclose(p.sum(), 1, rtol=1e-12)
    shares = np.bincount(row_numbers(drawn, dbn.states[-1]), minlength=len(p)) / N_CHAINS
    errors = np.sqrt(p * (1 - p) / N_CHAINS)
    assert (np.abs(shares - p) < 4 * errors + 1 / N_CHAINS).all()


# -- means ----------------------------------------------------------------------------------------


@each_stack
def test_means_go_up_and_down_in_the_units_of_the_data(name, to_machines):
    dbn = exact_stack(name)
    machines, X = to_machines(dbn), dbn.states[0][some_states(dbn, 7)]
    expected = X
    for number, oracle in enumerate(dbn.oracles):
        expected = conditional_mean_up(oracle, dbn.encode(number, expected))
    assert_allclose(mean_up(machines, X), expected, rtol=1e-9)
    for number in reversed(range(len(machines))):
        expected = dbn.decode(number, conditional_mean_down(dbn.oracles[number], expected))
    assert_allclose(mean_down(machines, mean_up(machines, X)), expected, rtol=1e-9, atol=1e-12)


def conditional_mean_up(oracle, v):
    # Of rows that are no states too, so that grids, which are made for states, do not reach all of them.
    return fields_to_means(oracle.hidden, oracle.hidden_bias + v @ oracle.weights.T, oracle.hidden_states)


def conditional_mean_down(oracle, h):
    return fields_to_means(oracle.visible, oracle.visible_bias + h @ oracle.weights, oracle.visible_states)


def fields_to_means(kind, field, states):
    if kind == "gaussian":
        return field
    log_p = field @ states.T - sum(base_energy(kind, column) for column in states.T)
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    return p @ states / p.sum(axis=1, keepdims=True)


def test_states_are_encoded_in_a_copy(to_machines):
    machine = to_machines(exact_stack("gaussian below"), np.float32)[0]
    X = np.array([[12.0, -3.3]])
    v = encoded(machine, X)
    assert v.dtype == np.float32
    assert_allclose(v, [[1.0, -1.0]], rtol=1e-5)
    assert_array_equal(X, [[12.0, -3.3]])
