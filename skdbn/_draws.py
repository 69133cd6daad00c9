"""Many binary draws at a time, each from 16 random bits.

A draw of 64 bits is cut into four words, which takes a third of the time of four floats. That a word has
65,536 values only is made up for by one float a call, the same for all its draws: each has the probability
it was given, up to the rounding of its dtype.
"""

from __future__ import annotations

from math import prod

import numpy as np

from skdbn._blocks import blocks
from skdbn._typing import Floats, Integers, Rng

N_WORDS = 65_536


def random_words(rng: Rng, shape: tuple[int, ...]) -> Integers:
    """Return independent integers, uniform on 0 ... N_WORDS - 1, as uint16."""
    n_words = prod(shape)
    drawn = rng.integers(2**64 - 1, size=-(-n_words // 4), dtype=np.uint64, endpoint=True)
    return drawn.view(np.uint16)[:n_words].reshape(shape)


def draw_bernoulli(p: Floats, rng: Rng, out: Floats | None = None) -> Floats:
    """Draw 1 with probability `p` and 0 otherwise, for each element.

    With t = N_WORDS p, a word w and r uniform on [0, 1), w + r < t has probability t / N_WORDS. As r is
    shared, two draws of one call have a covariance of at most 1 / (4 N_WORDS**2).
    """
    out = np.empty_like(p) if out is None else out
    # A larger r would be rounded to 1 in N_WORDS p - r, and a certain unit would then miss a word.
    r = min(rng.random(), 1 - float(np.finfo(out.dtype).eps) * N_WORDS / 2)
    for p_block, block in blocks(p, out):
        np.multiply(p_block, N_WORDS, out=block)
        block -= r
        np.less(random_words(rng, block.shape), block, out=block)
    return out
