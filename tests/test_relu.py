import numpy as np
import pytest
from exact import N_VISIBLE
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import norm

from skdbn.units import ReLU

# Between and at the whole numbers, at both sides of 0, and far out.
FIELDS = np.concatenate([np.linspace(-20, 20, 1009), np.arange(-5.0, 6.0), [-300.5, 300.5, 1000.25]])
# Those of the copies: beyond the field by 50, a copy is active with a probability of exp(-50).
OFFSETS = np.arange(1, 1060) - 0.5


def each_copy(field):
    return np.asarray(field)[..., np.newaxis] - OFFSETS


def exact_mean(field):
    return expit(each_copy(field)).sum(axis=-1)


def exact_variance(field):
    p = expit(each_copy(field))
    return (p * (1 - p)).sum(axis=-1)


def exact_base_energy(n_counts):
    """Of the counts from 0: n^2 / 2 + sum_{k<=n} log(1 - exp(-k))."""
    n = np.arange(n_counts)
    with np.errstate(divide="ignore"):
        terms = np.where(n > 0, np.log1p(-np.exp(-n)), 0)
    return n**2 / 2 + np.cumsum(terms)


# -- the family ------------------------------------------------------------------------------------


def test_log_partition_is_the_sum_over_the_copies():
    expected = np.logaddexp(0, each_copy(FIELDS)).sum(axis=-1)
    assert_allclose(ReLU().log_partition(FIELDS), expected, rtol=1e-13)


def test_mean_is_the_sum_over_the_copies():
    assert_allclose(ReLU().mean(FIELDS), exact_mean(FIELDS), rtol=1e-13)


def test_variance_is_the_sum_over_the_copies():
    unit = ReLU()
    # It is computed from the mean: Newton's method leaves 7e-14 of the mean.
    assert_allclose(unit.variance(unit.mean(FIELDS)), exact_variance(FIELDS), rtol=3e-13)


def test_variance_equals_the_mean_of_units_that_are_almost_never_active():
    mean = np.array([0.0, 1e-300, 1e-32, 1e-20, 1e-17])
    assert_allclose(ReLU().variance(mean), mean, rtol=1e-14)


def test_base_energy_of_counts_is_the_sum_of_its_definition():
    n = np.arange(100.0)[:, np.newaxis]
    assert_allclose(ReLU().base_energy(n), exact_base_energy(100), rtol=1e-14, atol=1e-15)


def test_base_energy_between_counts_follows_the_same_recursion():
    n = np.linspace(0, 20, 1009)[:, np.newaxis]
    unit = ReLU()
    expected = n[:, 0] + 0.5 + np.log1p(-np.exp(-n[:, 0] - 1))
    assert_allclose(unit.base_energy(n + 1) - unit.base_energy(n), expected, rtol=1e-13)


def test_mean_is_that_of_a_rectified_linear_unit_and_an_even_correction():
    unit, x = ReLU(), np.linspace(0, 30, 1009)
    correction = unit.mean(x) - x
    # The documented ripple of 3e-8 belongs to positive fields alone.
    assert_allclose(correction, unit.mean(-x), rtol=0, atol=3.5e-8)
    assert (correction <= np.exp(-x) + 3.5e-8).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bias_is_the_field_of_the_mean_clipped_at_one_in_a_thousand(dtype):
    unit = ReLU()
    field = np.concatenate([np.linspace(-6.5, 10, 101), [100, 1000]]).astype(dtype)
    # Rounding in float32; in float64 what Newton's method leaves, 7e-14.
    tolerance = max(10 * np.finfo(dtype).eps, 1e-13)
    assert_allclose(unit.bias_from_mean(unit.mean(field)), field, rtol=tolerance, atol=tolerance)
    clipped = unit.bias_from_mean(np.array([0, 1e-5, 1e-3], dtype))
    assert_array_equal(clipped, clipped[2])
    assert_allclose(exact_mean(clipped[0]), 1e-3, rtol=tolerance)


# -- draws of whole numbers ------------------------------------------------------------------------


class GivenDraws:
    """A generator that returns the given uniform numbers."""

    def __init__(self, draws):
        self.draws = draws

    def random(self, shape):
        return np.broadcast_to(self.draws, shape).copy()


@pytest.mark.parametrize("field", [-1000.0, -30.0, -3.0, 0.0, 0.3, 2.7, 8.99, 9.0, 9.5, 10.01, 57.4])
def test_exact_draws_invert_the_distribution_function(field):
    n = np.arange(100)
    log_p = n * field - exact_base_energy(100) - np.logaddexp(0, each_copy(field)).sum()
    boundaries = np.cumsum(np.exp(log_p))
    # Beside each boundary: the sums of both sides agree to 1e-12.
    boundaries = boundaries[(boundaries > 1e-10) & (boundaries < 1 - 1e-10)]
    draws = np.concatenate([[0.2, 0.5, 0.8], boundaries * (1 - 3e-12), boundaries * (1 + 3e-12)])
    expected = np.searchsorted(np.cumsum(np.exp(log_p)), draws, side="right")
    result = ReLU(exact=True).sample(np.full(len(draws), field), GivenDraws(draws))
    assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("draw", [0.0, 1 - 2.0**-53])
def test_the_lowest_and_the_highest_draw_stay_near_the_field(draw, dtype):
    field = np.concatenate([np.linspace(-100, 100, 1009), [-1e3, 1e3, 1e5]]).astype(dtype)
    result = ReLU(exact=True).sample(field, GivenDraws(draw))
    assert (result >= 0).all()
    # Beyond 10 standard deviations, which are 1 at most, the probability is below 1e-22.
    assert (np.abs(result - np.maximum(field, 0)) <= 10).all()


def test_exact_draws_of_large_fields_are_those_of_small_ones_moved():
    # Beyond a field of about 40 the family is a discrete normal distribution, to the last digit.
    draws = np.linspace(0.001, 0.999, 1009)
    near = ReLU(exact=True).sample(np.full(1009, 50.25), GivenDraws(draws))
    far = ReLU(exact=True).sample(np.full(1009, 1000.25), GivenDraws(draws))
    assert_array_equal(far, near + 950)


def test_counts_are_drawn_with_their_probabilities(rng):
    fields = np.array([-2.0, 0.4, 3.3])
    draws = ReLU(exact=True).sample(np.tile(fields, (40_000, 1)), rng)
    n = np.arange(10)
    log_p = n[:, np.newaxis] * fields - exact_base_energy(10)[:, np.newaxis]
    p = np.exp(log_p - np.logaddexp(0, each_copy(fields)).sum(axis=-1))
    share = (draws == n[:, np.newaxis, np.newaxis]).mean(axis=1)
    error = np.sqrt(p * (1 - p) / len(draws))
    # 4.5 standard errors, and one draw where less than one is expected.
    assert (np.abs(share - p) < 4.5 * error + 1 / len(draws)).all()


def test_exact_copies_keep_what_was_fitted():
    unit = ReLU()
    unit.fitted_ = object()
    exact = unit.drawn_exactly()
    assert exact.exact
    assert not unit.exact
    assert exact.fitted_ is unit.fitted_


# -- noisy rectified linear units ------------------------------------------------------------------


def rectified_moments(field):
    """Mean and variance of max(0, field + noise), with noise of variance logistic(field)."""
    scale = np.sqrt(expit(field))
    ratio = field / scale
    mean = field * norm.cdf(ratio) + scale * norm.pdf(ratio)
    square = (field**2 + scale**2) * norm.cdf(ratio) + field * scale * norm.pdf(ratio)
    return mean, square - mean**2


@pytest.mark.parametrize("draw", ["sample", "sample_from_mean", "mean_and_sample"])
def test_approximate_draws_are_rectified_normal(draw, rng):
    unit = ReLU()
    fields = np.tile([-1.0, -0.2, 0.0, 1.0, 4.0], (40_000, 1))
    mean, variance = rectified_moments(fields[0])
    argument = unit.mean(fields) if draw == "sample_from_mean" else fields.copy()
    draws = getattr(unit, draw)(argument, rng)
    assert draws.shape == (40_000, N_VISIBLE)
    assert (draws >= 0).all()
    for deviations in (draws - mean, (draws - mean) ** 2 - variance):
        error = deviations.std(axis=0) / np.sqrt(len(draws))
        assert (np.abs(deviations.mean(axis=0)) < 4.5 * error).all()  # 4.5 standard errors


def test_the_approximation_is_as_far_off_as_documented():
    x = np.linspace(-10, 10, 20_001)
    mean, variance = rectified_moments(x)
    too_small = exact_mean(x) - mean, exact_variance(x) - variance
    largest = [(round(error.max(), 2), round(x[error.argmax()], 1)) for error in too_small]
    assert largest == [(0.41, -0.2), (0.35, -0.3)]
    assert [round(error[x.searchsorted(3)], 3) for error in too_small] == [0.046, 0.004]
    assert min(error.min() for error in too_small) > -1e-7  # too small everywhere, but for the ripple
