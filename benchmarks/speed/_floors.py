"""The matrix products that the work cannot do without, alone, into arrays that are made once."""

import numpy as np


def _array(*shape, dtype):
    """Return numbers in [0, 1), the same each time."""
    return np.random.default_rng(0).random(shape, dtype=np.float32).astype(dtype, copy=False)


def rbm_step(n_visible, n_hidden, n_rows, n_chains, dtype):
    """Return the five products of a step: hidden given data; both ways of the chains; two gradients."""
    W = _array(n_hidden, n_visible, dtype=dtype)
    v, h = _array(n_rows, n_visible, dtype=dtype), _array(n_rows, n_hidden, dtype=dtype)
    v_model, h_model = _array(n_chains, n_visible, dtype=dtype), _array(n_chains, n_hidden, dtype=dtype)
    h_new, gradient, gradient_of_model = np.empty_like(h_model), np.empty_like(W), np.empty_like(W)

    def step():
        np.matmul(v, W.T, out=h)
        np.matmul(h_model, W, out=v_model)
        np.matmul(v_model, W.T, out=h_new)  # not to where they came from: they would grow and overflow
        np.matmul(h.T, v, out=gradient)
        np.matmul(h_new.T, v_model, out=gradient_of_model)

    return step


def gibbs_step(n_visible, n_hidden, n_rows, dtype):
    """Return the two products of a Gibbs step."""
    W = _array(n_hidden, n_visible, dtype=dtype)
    v, h = _array(n_rows, n_visible, dtype=dtype), _array(n_rows, n_hidden, dtype=dtype)
    v_new, h_new = np.empty_like(v), np.empty_like(h)

    def step():
        np.matmul(v, W.T, out=h_new)
        np.matmul(h, W, out=v_new)

    return step


def network_forward(sizes, n_rows, dtype):
    """Return the forward products of a network; `sizes` are those of inputs, hidden layers and outputs."""
    x, weights, outputs, _, _ = _network(sizes, n_rows, dtype)

    def forward():
        for inputs, W, out in zip([x, *outputs], weights, outputs, strict=False):
            np.matmul(inputs, W, out=out)

    return forward


def network_step(sizes, n_rows, dtype):
    """Return the products of a step: forward, gradients, errors of all layers but the inputs'."""
    x, weights, outputs, errors, gradients = _network(sizes, n_rows, dtype)
    inputs = [x, *outputs[:-1]]

    def step():
        for layer, W in enumerate(weights):
            np.matmul(inputs[layer], W, out=outputs[layer])
        for layer in reversed(range(len(weights))):
            np.matmul(inputs[layer].T, errors[layer], out=gradients[layer])
            if layer > 0:
                np.matmul(errors[layer], weights[layer].T, out=errors[layer - 1])

    return step


def _network(sizes, n_rows, dtype):
    weights = [_array(n, m, dtype=dtype) / n for n, m in zip(sizes[:-1], sizes[1:], strict=True)]
    x, *outputs = (_array(n_rows, size, dtype=dtype) for size in sizes)
    errors = [_array(n_rows, size, dtype=dtype) for size in sizes[1:]]
    return x, weights, outputs, errors, [np.empty_like(W) for W in weights]
