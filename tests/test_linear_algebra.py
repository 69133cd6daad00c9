import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdbn._linear_algebra import add_scaled

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@each_dtype
@pytest.mark.parametrize("shape", [(7,), (5, 3), (2, 5, 3)])
def test_add_scaled_adds_in_place_for_any_number_of_axes(shape, dtype, rng):
    target, source = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    expected = target.astype(np.float64) - 0.3 * source.astype(np.float64)
    same = target
    add_scaled(target, source, -0.3)
    assert target is same
    assert target.dtype == dtype
    # One rounding of the factor, one of the product and one of the sum, of numbers below 4.
    assert_allclose(target, expected, rtol=0, atol=12 * np.finfo(dtype).eps)


@each_dtype
def test_add_scaled_leaves_the_source_alone(dtype, rng):
    target, source = (rng.standard_normal((5, 3)).astype(dtype) for _ in range(2))
    before = source.copy()
    add_scaled(target, source, 2.0)
    assert_array_equal(source, before)


def test_add_scaled_with_factor_0_changes_nothing(rng):
    target = rng.standard_normal((5, 3))
    before = target.copy()
    add_scaled(target, np.ones_like(target), 0.0)
    assert_array_equal(target, before)


def test_add_scaled_reaches_a_part_of_a_larger_array_and_no_further(rng):
    whole = np.zeros((5, 3))
    add_scaled(whole[1:3], np.ones((2, 3)), 2.5)
    assert_array_equal(whole[:, 0], [0, 2.5, 2.5, 0, 0])
