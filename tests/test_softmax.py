import numpy as np
import pytest
from exact import N_SAMPLES
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, logsumexp

from skdbn.units import Softmax

# The same 40 units in groups of 20, which take the three ways to sum within groups.
IN_ORDER = [list(range(20)), list(range(20, 40))]
LAYOUTS = {
    "small groups": 4,
    "large groups": 20,
    "equal groups in order, listed": IN_ORDER,
    "unequal groups in order": [list(range(1)), list(range(1, 20)), list(range(20, 40))],
    "groups out of order": [list(range(39, 0, -2)), [4, 0, 2], list(range(6, 40, 2))],
}
each_layout = pytest.mark.parametrize("groups", LAYOUTS.values(), ids=LAYOUTS)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def listed(groups, n_units=40):
    return groups if isinstance(groups, list) else np.arange(n_units).reshape(-1, groups).tolist()


class GivenDraws:
    """A generator that returns the given uniform numbers, one a group."""

    def __init__(self, draws):
        self.draws = draws

    def random(self, shape):
        return np.broadcast_to(self.draws, shape).copy()


# -- groups ----------------------------------------------------------------------------------------


@each_layout
def test_every_layout_sums_within_its_groups(groups, rng):
    unit, field = Softmax(groups), 3 * rng.normal(size=(N_SAMPLES, 40))
    log_partition, mean = unit.log_partition(field), unit.mean(field)
    for number, group in enumerate(listed(groups)):
        expected = logsumexp(field[:, group], axis=1)
        assert_allclose(log_partition[:, number], expected, rtol=1e-13)
        assert_allclose(mean[:, group], np.exp(field[:, group] - expected[:, np.newaxis]), rtol=1e-13)


def test_a_group_of_two_is_a_binary_unit(rng):
    field = rng.normal(size=(N_SAMPLES, 2))
    mean = Softmax().mean(field)
    assert_allclose(mean[:, 0], expit(field[:, 0] - field[:, 1]), rtol=1e-14)


def test_groups_may_be_numpy_numbers_and_arrays(rng):
    field = rng.normal(size=(N_SAMPLES, 6))
    expected = Softmax([[0, 1, 2], [3, 4, 5]]).mean(field)
    for groups in (3, np.int64(3), np.arange(6).reshape(2, 3), (range(3), range(3, 6))):
        assert_array_equal(Softmax(groups).mean(field), expected)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (4, "the 6 units are no multiple of 4"),
        (0, "no multiple of 0"),
        (-2, "no multiple of -2"),
        ([[0, 1], [3, 4]], "in no group: 2, 5"),
        ([[0, 1, 2], [2, 3, 4, 5]], "named more than once: 2"),
        ([[0, 1, 2], [3, 4, 5, 6]], "not from 0 to 5: 6"),
        ([[0, 1, 2], [3, 4, -1]], "not from 0 to 5: -1"),
        ([[0]], r"in no group: 1, 2, 3, 4, 5\.$"),
        ([[9, 8, 7, 6, 10, 11]], r"not from 0 to 5: 6, 7, 8, 9, 10, \.\.\.\.$"),  # five of them are named
        ([[], [0, 1, 2, 3, 4, 5]], "one or more numbers"),
        ([["a", "b"]], "one or more numbers"),
        ([[0.0, 1, 2, 3, 4, 5]], "one or more numbers"),
        ([0, 1, 2, 3, 4, 5], "None, a number or a list of lists"),
    ],
)
def test_groups_that_do_not_cover_every_unit_once_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        Softmax(groups).mean(np.zeros((1, 6)))


def test_the_bias_of_a_category_never_seen_is_finite():
    bias = Softmax([[0, 1, 2], [3, 4]]).bias_from_mean(np.array([0, 0.25, 0.75, 1, 0]))
    assert_allclose(bias, np.log([1e-3 / 3, 0.25, 0.75, 1, 1e-3 / 2]), rtol=1e-14)


# -- draws -----------------------------------------------------------------------------------------


@each_layout
@each_dtype
def test_evenly_spread_draws_give_every_category_its_share(groups, dtype, rng):
    unit, n = Softmax(groups), 1009
    mean = unit.mean(rng.normal(size=(1, 40)).astype(dtype))
    uniform = (np.arange(n) + 0.5)[:, np.newaxis] / n
    draws = unit.sample_from_mean(np.repeat(mean, n, axis=0), GivenDraws(uniform))
    # The stretch of a category holds its share of evenly spread points, but for one.
    assert (np.abs(draws.sum(axis=0) - n * mean[0]) < 1 + 1e-3).all()
    for group in listed(groups):
        assert_array_equal(draws[:, group].sum(axis=1), 1)
        # Categories follow each other in the order of the group.
        assert (np.diff(draws[:, group].argmax(axis=1)) >= 0).all()


@pytest.mark.parametrize("total", [0.25, 3.0])
def test_probabilities_that_do_not_sum_to_one_are_proportions(total):
    p, n = np.array([0.1, 0.6, 0.3, 0.4, 0.6]), 1000
    uniform = (np.arange(n) + 0.5)[:, np.newaxis] / n
    mean = np.tile(total * p, (n, 1))
    draws = Softmax([[0, 1, 2], [3, 4]]).sample_from_mean(mean, GivenDraws(uniform))
    assert (np.abs(draws.sum(axis=0) - n * p) < 1 + 1e-9).all()  # as above


@each_dtype
@pytest.mark.parametrize("draw", [0.0, 0.5, 1 - 2.0**-53])
@pytest.mark.parametrize("total", [1 - 1e-6, 1, 1 + 1e-6])
def test_one_unit_of_every_group_is_on_and_none_that_is_impossible(draw, total, dtype, rng):
    mean = rng.dirichlet(np.ones(4), size=(N_SAMPLES, 1009))
    impossible = rng.random(mean.shape) < 0.5
    impossible[..., 0] &= ~impossible.all(axis=-1)
    mean[impossible] = 0
    mean *= total / mean.sum(axis=-1, keepdims=True)
    mean = mean.astype(dtype).reshape(N_SAMPLES, -1)
    draws = Softmax(4).sample_from_mean(mean, GivenDraws(draw))
    assert_array_equal(draws.reshape(N_SAMPLES, -1, 4).sum(axis=-1), 1)
    assert (mean[draws == 1] > 0).all()


def test_categories_of_late_groups_have_their_probability_in_float32():
    # Draws just below and above the boundary: float32 holds it to 6e-8, a running sum of 1009 to 6e-5.
    mean = np.tile(np.array([0.3, 0.7], dtype=np.float32), 1009)
    for draw, expected in [(0.3 - 1e-6, [1, 0]), (0.3 + 1e-6, [0, 1])]:
        draws = Softmax(2).sample_from_mean(mean, GivenDraws(draw))
        assert_array_equal(draws, np.tile(expected, 1009))


def test_groups_are_drawn_independently(rng):
    draws = Softmax(2).sample(np.zeros((40_000, 6)), rng)[:, ::2]
    covariance = np.cov(draws.T)
    # Of two binary units of variance 1/4, in 4.5 standard errors.
    assert (np.abs(covariance[np.triu_indices(3, 1)]) < 4.5 * 0.25 / np.sqrt(40_000)).all()


# -- data ------------------------------------------------------------------------------------------


def encoded(unit, x, rng=None):
    return unit.encode(x, out=np.full_like(x, np.nan), rng=rng)


def test_one_hot_rows_are_the_same_in_training(rng):
    x = np.concatenate([np.eye(3)[rng.integers(3, size=1009)] for _ in range(50)], axis=1)
    assert_array_equal(encoded(Softmax(3), x, rng), x)


def test_an_unknown_category_stays_unknown(rng):
    x = np.array([[0.0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    for groups in ([[0, 1, 2], [3, 4]], [[1, 4, 2], [3, 0]]):
        assert_array_equal(encoded(Softmax(groups), x, rng), x)


def test_probabilities_are_drawn_anew_in_training_only(rng):
    p = np.array([0.1, 0.6, 0.3, 0.0])
    x = np.tile(p, (40_000, 1))
    assert_array_equal(encoded(Softmax(), x), x)
    assert_array_equal(encoded(Softmax(redraw=False), x, rng), x)
    first, second = encoded(Softmax(), x, rng), encoded(Softmax(), x, rng)
    assert_array_equal(first.sum(axis=1), 1)
    error = np.sqrt(p * (1 - p) / len(x))
    assert (np.abs(first.mean(axis=0) - p) <= 4.5 * error).all()  # 4.5 standard errors
    same = (first == second).all(axis=1).mean()
    expected = (p**2).sum()
    assert abs(same - expected) < 4.5 * np.sqrt(expected * (1 - expected) / len(x))
