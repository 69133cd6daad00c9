import numpy as np
import pytest
from exact import N_HIDDEN, N_SAMPLES, N_VISIBLE
from numpy.testing import assert_allclose, assert_array_equal

from skdbn._initialization import (
    glorot_uniform,
    initial_hidden_layers,
    initial_output_layer,
    initial_rbm_parameters,
)
from skdbn.units import Bernoulli, Gaussian, ReLU, Softmax

SIZES = (7, N_VISIBLE, 13, N_HIDDEN)
N_OUTPUTS = 2
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def initial_logistic_layers(sizes, dtype, rng):
    return initial_hidden_layers(sizes, [Bernoulli() for _ in sizes[1:]], dtype, rng)


def run_logistic_network(X, weights, biases):
    for W, bias in zip(weights, biases, strict=True):
        X = 1 / (1 + np.exp(-(X @ W + bias)))
    return X


def run_tanh_network(X, weights):
    for W in weights:
        X = np.tanh(X @ W)
    return X


def tanh_weights(weights):
    """Recover the tanh network: factor 2 on the inputs, 4 between hidden layers."""
    return [weights[0] / 2, *(W / 4 for W in weights[1:])]


def test_logistic_layers_compute_what_the_tanh_network_does(rng):
    weights, biases = initial_logistic_layers(SIZES, np.float64, rng)
    X = rng.normal(size=(N_SAMPLES, SIZES[0]))
    logistic = run_logistic_network(X, weights, biases)
    tanh = run_tanh_network(X, tanh_weights(weights))
    # tanh(a) = 2 logistic(2 a) - 1
    assert_allclose(2 * logistic - 1, tanh, atol=1e-14)


def test_outputs_on_logistic_layers_are_those_of_the_tanh_network(rng):
    weights, biases = initial_logistic_layers(SIZES, np.float64, rng)
    W, bias = initial_output_layer(SIZES[-1], N_OUTPUTS, Bernoulli(), np.float64, rng)
    X = rng.normal(size=(N_SAMPLES, SIZES[0]))
    outputs = run_logistic_network(X, weights, biases) @ W + bias
    assert_allclose(outputs, run_tanh_network(X, tanh_weights(weights)) @ (W / 2), atol=1e-14)


def test_deep_logistic_layers_vary_as_much_as_those_of_the_tanh_network(rng):
    sizes = [101] * 6
    weights, biases = initial_logistic_layers(sizes, np.float64, rng)
    X = rng.normal(size=(N_SAMPLES, sizes[0]))
    spread = run_logistic_network(X, weights, biases).std(axis=0).mean()
    # Half the spread of tanh units, which falls from 1 to about 0.4 over 5 such layers; drawn without the
    # factors, these units would have a spread of 0.001.
    assert spread > 0.1


@each_dtype
def test_glorot_weights_have_the_bound_and_the_variance_of_the_paper(dtype, rng):
    n_in, n_out = 211, 307
    W = glorot_uniform(n_in, n_out, dtype, rng)
    bound = np.sqrt(6 / (n_in + n_out))
    assert W.shape == (n_in, n_out)
    assert W.dtype == dtype
    assert np.abs(W).max() <= bound
    assert np.abs(W).max() > 0.99 * bound
    # 4 standard errors of a mean and of a variance of uniform values (kurtosis 9 / 5)
    assert abs(W.mean()) < 4 * np.sqrt(bound**2 / 3 / W.size)
    variance = 2 / (n_in + n_out)
    assert abs(W.var() - variance) < 4 * variance * np.sqrt(0.8 / W.size)


def test_weights_of_every_layer_are_within_the_scaled_bound_of_glorot(rng):
    weights, _ = initial_logistic_layers(SIZES, np.float64, rng)
    for W, n_in, n_out in zip(tanh_weights(weights), SIZES[:-1], SIZES[1:], strict=True):
        bound = np.sqrt(6 / (n_in + n_out))
        assert W.shape == (n_in, n_out)
        assert np.abs(W).max() <= bound
        assert np.abs(W).max() > 0.7 * bound  # of at least 35 draws: fails once in 0.7**-35 = 3e5


def test_biases_centre_the_hidden_units_of_the_layer_below(rng):
    weights, biases = initial_logistic_layers(SIZES, np.float64, rng)
    assert_array_equal(biases[0], np.zeros(SIZES[1]))
    for W, bias, n_in in zip(weights[1:], biases[1:], SIZES[1:-1], strict=True):
        assert_allclose(np.full(n_in, 0.5) @ W + bias, 0, atol=1e-14)
    W, bias = initial_output_layer(SIZES[-1], N_OUTPUTS, Bernoulli(), np.float64, rng)
    assert_allclose(np.full(SIZES[-1], 0.5) @ W + bias, 0, atol=1e-14)


# -- layers of any types ---------------------------------------------------------------------------

# The factor of Glorot's weights by what is below and what is above, None for inputs and for outputs: 2
# for a logistic layer in place of tanh, on either side, and sqrt(2) on rectified units.
FACTORS = {
    (None, Bernoulli): 2,
    (None, Gaussian): 1,
    (None, ReLU): 1,
    (Bernoulli, Bernoulli): 4,
    (Bernoulli, Gaussian): 2,
    (Bernoulli, ReLU): 2,
    (Gaussian, Bernoulli): 2,
    (Gaussian, Gaussian): 1,
    (Softmax, Softmax): 1,
    (ReLU, Bernoulli): 2 * np.sqrt(2),
    (ReLU, ReLU): np.sqrt(2),
    (Bernoulli, None): 2,
    (Gaussian, None): 1,
    (ReLU, None): np.sqrt(2),
}
each_pair = pytest.mark.parametrize(
    ("below", "above", "factor"), [(*pair, factor) for pair, factor in FACTORS.items()]
)


@each_dtype
@each_pair
def test_each_type_of_units_has_its_factor_and_centres_the_binary_units_below(below, above, factor, dtype):
    seed, below = 3, below and below()
    glorot = glorot_uniform(7, 13, np.float64, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    if above is None:
        W, bias = initial_output_layer(7, 13, below, dtype, rng)
    else:
        (W,), (bias,) = initial_hidden_layers((7, 13), [above()], dtype, rng, below=below)
    assert W.dtype == bias.dtype == dtype
    rounding = {"rtol": 0, "atol": 16 * np.finfo(dtype).eps}  # of numbers below 4
    assert_allclose(W, factor * glorot, **rounding)
    expected = -W.sum(axis=0) / 2 if isinstance(below, Bernoulli) else np.zeros(13)
    assert_allclose(bias, expected, **rounding)


def test_each_layer_stands_on_the_units_of_the_one_below(rng):
    units = [ReLU(), Bernoulli(), Gaussian(), Bernoulli()]
    sizes = (7, 5, 13, 3, 11)
    weights, biases = initial_hidden_layers(sizes, units, np.float64, np.random.default_rng(3), Bernoulli())
    same = np.random.default_rng(3)
    for layer, factor in enumerate([2, 2 * np.sqrt(2), 2, 2]):
        glorot = glorot_uniform(*sizes[layer : layer + 2], np.float64, same)
        assert_allclose(weights[layer], factor * glorot, rtol=1e-14)
    for layer, centred in enumerate([True, False, True, False]):
        expected = -weights[layer].sum(axis=0) / 2 if centred else np.zeros(sizes[layer + 1])
        assert_allclose(biases[layer], expected, rtol=0, atol=1e-14)


def test_fields_above_rectified_units_vary_as_much_as_those_above_linear_ones(rng):
    # Of fields symmetric about 0, rectified units pass on half of the mean square. The fields are large
    # enough that the smooth corner of these units does not count.
    n, spread = 2003, 50.0
    fields = spread * rng.standard_normal((211, n))
    W, bias = initial_output_layer(n, n, ReLU(), np.float64, rng)
    mean_square = ((ReLU().mean(fields) @ W + bias) ** 2).mean()
    # n_in * 2 / (n_in + n_out) * spread**2; the 211 rows share the weights: 4 standard errors of a mean
    # over 2003 units, whose squares have twice their square as variance, and of one over all fields.
    assert mean_square == pytest.approx(spread**2, rel=4 * np.sqrt(2 / n + 5 / fields.size))


@each_dtype
def test_first_values_have_the_dtype_asked_for(dtype, rng):
    weights, biases = initial_logistic_layers(SIZES, dtype, rng)
    output = initial_output_layer(SIZES[-1], N_OUTPUTS, Bernoulli(), dtype, rng)
    visible_bias = np.zeros(N_VISIBLE, dtype=dtype)
    rbm = initial_rbm_parameters(N_HIDDEN, visible_bias, np.zeros(2), rng)
    assert {array.dtype for array in (*weights, *biases, *output, *rbm)} == {np.dtype(dtype)}


@each_dtype
def test_rbm_starts_with_small_weights_and_the_biases_of_its_data(dtype, rng):
    n_hidden, visible_bias = 211, np.linspace(-7, 7, 307, dtype=dtype)
    log_scales = np.array([-1.5, 0.25])  # exact in float32
    weights, hidden_bias, bias, scales = initial_rbm_parameters(n_hidden, visible_bias, log_scales, rng)
    assert weights.shape == (n_hidden, 307)
    # 4 standard errors of the standard deviation and of the mean of normal values
    assert abs(weights.std() - 0.01) < 4 * 0.01 / np.sqrt(2 * weights.size)
    assert abs(weights.mean()) < 4 * 0.01 / np.sqrt(weights.size)
    assert_array_equal(hidden_bias, np.zeros(n_hidden))
    assert_array_equal(bias, visible_bias)
    assert_array_equal(scales, log_scales)


def test_same_seed_gives_the_same_weights():
    first, second = (
        initial_logistic_layers(SIZES, np.float64, np.random.default_rng(5))[0] for _ in range(2)
    )
    for W, same in zip(first, second, strict=True):
        assert_array_equal(W, same)
