import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_info, threadpool_limits

from skdbn import DBNClassifier, RBMTransformer
from skdbn._blocks import add_scaled
from skdbn._threads import threads_for
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD
from skdbn.samplers import CD

pytestmark = pytest.mark.thread_unsafe(reason="the threads of BLAS belong to the process")

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


# -- threads --------------------------------------------------------------------------------------


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture
def two_threads():
    """Two threads of each BLAS, however many the machine and the environment give."""
    with threadpool_limits(2, user_api="blas"):
        if set(blas_threads()) != {2}:
            pytest.skip("threadpoolctl does not set the threads of this BLAS")
        yield


@pytest.mark.usefixtures("two_threads")
def test_small_products_run_on_one_thread():
    before = blas_threads()
    with threads_for((np.empty((64, 32)), np.empty(32)), n_rows=10):
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


@pytest.mark.usefixtures("two_threads")
def test_large_products_run_on_all_threads():
    before = blas_threads()
    with threads_for((np.empty((1000, 2000)), np.empty(2000)), n_rows=100):
        assert blas_threads() == before
    assert blas_threads() == before


@pytest.mark.usefixtures("two_threads")
def test_the_largest_array_and_the_rows_decide_about_threads():
    before = blas_threads()
    large, small = np.empty((1000, 2000)), np.empty((3, 5))
    for arrays in [(large, small), (small, large)]:
        with threads_for(arrays, n_rows=100):
            assert blas_threads() == before
        with threads_for(arrays, n_rows=1):
            assert set(blas_threads()) == {1}


class Watching(CD):
    """Notes the number of threads in each update."""

    seen = None

    def advance(self, *args):
        Watching.seen.append(blas_threads())
        return super().advance(*args)


@pytest.mark.usefixtures("two_threads")
def test_training_gives_its_threads_back(rng):
    X, before = (rng.random((30, 5)) < 0.5).astype(float), blas_threads()
    Watching.seen = []
    rbm = RBMTransformer(3, sampler=Watching(), n_iter=2, batch_size=10, random_state=0)
    rbm.fit(X)
    assert Watching.seen == [[1] * len(before)] * 6
    assert blas_threads() == before
    with pytest.raises(DivergenceError):
        rbm.set_params(optimizer=SGD(), learning_rate=1e300, n_iter=50).fit(X)
    assert blas_threads() == before
    DBNClassifier(3, tol=1.0, pretrain=False, random_state=0).fit(X, X[:, 0])
    assert blas_threads() == before
