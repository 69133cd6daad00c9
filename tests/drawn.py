"""Whether rows are independent draws of an enumerated RBM: shared by the tests of all that draws."""

import numpy as np
from exact import row_numbers, total_variation_in_floors

# Correct draws of this many rows stay near 0.8 floors; see `total_variation_in_floors`. With 8 states
# or more, 2 is 4 or more standard deviations away.
N_CHAINS = 20_000
LARGEST_DISTANCE = 2.0


def distance_from_the_model(oracle, v):
    """Distance of all states together, in Monte-Carlo floors; rows in the coordinates of the energy."""
    return total_variation_in_floors(row_numbers(v, oracle.visible_states), oracle.p_visible())


def moments_in_standard_errors(oracle, v):
    """Deviations of <v_i> and <v_i v_k> from the model's, in their exact standard errors."""
    p = oracle.p_visible()
    drawn, exact = with_products(v), with_products(oracle.visible_states)
    mean = p @ exact
    variance = p @ exact**2 - mean**2
    # Products such as those of two columns of one category are 0 in every state, and must be here.
    fixed = variance < 1e-20
    assert (drawn[:, fixed] == exact[0, fixed]).all()
    return (drawn.mean(axis=0) - mean)[~fixed] / np.sqrt(variance[~fixed] / len(v))


def with_products(x):
    first, second = np.triu_indices(x.shape[1])
    return np.hstack([x, x[:, first] * x[:, second]])


def assert_follow_the_model(oracle, v):
    """Assert that rows in the coordinates of the energy are independent draws of the model."""
    if oracle.visible not in ("gaussian", "mixed"):
        assert distance_from_the_model(oracle, v) < LARGEST_DISTANCE
    # Of 20 normal values one is beyond 4 standard errors once in 800 trials, and the seeds are fixed.
    assert np.abs(moments_in_standard_errors(oracle, v)).max() < 4


def encoded(rbm, X):
    """Rows in the coordinates of the energy."""
    return rbm.visible_.encode(X, out=np.empty_like(X))


def rows_of(oracle, rbm, n, seed=0):
    """Independent draws of the model, in the user's units."""
    return rbm.visible_.decode(oracle.draw_visible(n, np.random.default_rng(seed)))
