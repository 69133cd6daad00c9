"""Draws of many bits: exactly the probabilities asked for, and independent."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdbn import _blocks
from skdbn._draws import N_WORDS, draw_bernoulli, random_words


class EachWord:
    """A generator that gives every word once, and the float it is told to give."""

    def __init__(self, r):
        self.r = r

    def random(self):
        return self.r

    def integers(self, high, size, dtype, endpoint):
        assert (high, dtype, endpoint) == (2**64 - 1, np.uint64, True)
        return np.arange(N_WORDS, dtype=np.uint16).view(np.uint64)[:size]


PROBABILITIES = [0.0, 1e-9, 3e-6, 0.25 / N_WORDS, 1 / N_WORDS, 1.75 / N_WORDS, 0.1, 0.5, 0.9, 1 - 1e-6, 1.0]


@pytest.mark.parametrize("p", PROBABILITIES)
def test_each_probability_is_exact_in_the_mean_over_words_and_the_shared_float(p, monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK", N_WORDS)
    n = 10_000
    shares = []
    for r in (np.arange(n) + 0.5) / n:
        if len(shares) > 200 and 1e-3 < p < 1 - 1e-3:
            break  # off by 1 / N_WORDS at most: the small ones are the point
        draws = draw_bernoulli(np.full(N_WORDS, p), EachWord(r))
        assert ((draws == 0) | (draws == 1)).all()
        # One word more or less is a 1, as r is below or above what is left over.
        left_over = N_WORDS * p - np.floor(N_WORDS * p)
        assert draws.sum() == np.floor(N_WORDS * p) + (r < left_over)
        shares.append(draws.mean())
    if len(shares) == n:
        assert_allclose(np.mean(shares), p, rtol=0, atol=0.5 / n / N_WORDS + 1e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_rounding_takes_no_word_from_a_probability_that_words_can_say(p, dtype, monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK", N_WORDS)
    for r in (0.0, 0.5, np.nextafter(1.0, 0.0)):
        assert draw_bernoulli(np.full(N_WORDS, p, dtype), EachWord(r)).sum() == N_WORDS * p


@pytest.mark.parametrize("shape", [(1,), (7,), (3, 5), (2, 3, 4), (0, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_are_those_of_the_probabilities(shape, dtype, rng):
    draws = draw_bernoulli(np.full(shape, 0.5, dtype), rng)
    assert (draws.shape, draws.dtype) == (shape, dtype)
    assert random_words(rng, shape).shape == shape


def test_draws_go_to_the_array_given_and_leave_the_probabilities_alone(rng):
    p = rng.random((40, 30), dtype=np.float32)
    before, out = p.copy(), np.empty_like(p)
    assert draw_bernoulli(p, rng, out=out) is out
    assert_array_equal(p, before)


def test_words_are_uniform_and_independent_of_their_neighbours(rng):
    n = 400_000
    words = random_words(rng, (n,)).astype(np.float64) / N_WORDS
    # Five standard errors, of a mean and of correlations.
    assert words.mean() == pytest.approx(0.5 - 0.5 / N_WORDS, abs=5 / np.sqrt(12 * n))
    for lag in range(1, 9):  # within a draw of 64 bits, and beyond
        assert np.corrcoef(words[:-lag], words[lag:])[0, 1] == pytest.approx(0, abs=5 / np.sqrt(n))


def test_blocks_of_draws_are_independent(rng):
    n = 3 * _blocks.BLOCK
    draws = draw_bernoulli(np.full(n, 0.3), rng).reshape(3, -1)
    assert draws.mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / n))
    off_diagonal = np.corrcoef(draws)[np.triu_indices(3, 1)]
    assert_allclose(off_diagonal, 0, atol=5 / np.sqrt(_blocks.BLOCK))


def test_what_the_shared_float_makes_dependent_is_negligible(rng):
    """The variance of the number of ones is that of independent draws, also where one word decides."""
    p, n_units, n_calls = 0.4 / N_WORDS, 2_000, 40_000
    counts = np.array([draw_bernoulli(np.full(n_units, p), rng).sum() for _ in range(n_calls)])
    mean = n_units * p
    assert counts.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / n_calls))
    # Of a Poisson variable, plus the covariances; five standard errors.
    largest = mean + n_units**2 / (4 * N_WORDS**2)
    assert mean - 5 * np.sqrt(mean / n_calls) < counts.var() < largest + 5 * np.sqrt(mean / n_calls)
