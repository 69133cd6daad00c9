import numpy as np
import pytest
from exact_class import INPUT_SIZES, N_CLASSES, random_class_rbm
from numpy.testing import assert_allclose

from skdbn import _class_posterior, _rows
from skdbn._class_posterior import (
    class_scores,
    input_field,
    input_free_energy,
    join_labels,
    log_class_probabilities,
    mean_of_hidden,
)
from skdbn._energy import Machine, RBMParameters
from skdbn.units import Bernoulli, Gaussian, Softmax

ROUNDING = {"rtol": 1e-10, "atol": 1e-11}
PAIRS = [(visible, "bernoulli") for visible in INPUT_SIZES]
PAIRS += [("bernoulli", "gaussian"), ("softmax", "gaussian"), ("gaussian", "softmax")]
GROUPS = [[3, 0], [1, 2, 4]]


@pytest.fixture(params=PAIRS, ids="-".join)
def oracle(request):
    visible, hidden = request.param
    return random_class_rbm(visible, hidden=hidden)


def unit_of(kind):
    return {"bernoulli": Bernoulli(redraw=False), "gaussian": Gaussian(), "softmax": Softmax(GROUPS)}[kind]


def to_machine(oracle, dtype=np.float64):
    n_inputs, n_visible, n_hidden = oracle.n_inputs, oracle.n_visible, oracle.n_hidden
    visible = join_labels(unit_of(oracle.visible), n_inputs, N_CLASSES)
    visible = visible.adapt(np.zeros(n_visible, dtype), np.ones(n_visible, dtype))
    hidden = unit_of(oracle.hidden).adapt(np.zeros(n_hidden, dtype), np.ones(n_hidden, dtype))
    return Machine(visible, hidden, RBMParameters(*(array.astype(dtype) for array in oracle.parameters)))


def some_inputs(oracle, rng, n=11):
    states = oracle.visible_states[::N_CLASSES, : oracle.n_inputs]
    return states[rng.integers(len(states), size=n)]


def test_class_probabilities_are_those_of_the_joint_distribution(oracle, rng):
    machine, x = to_machine(oracle), some_inputs(oracle, rng)
    log_p = log_class_probabilities(machine, N_CLASSES, x)
    assert_allclose(log_p, oracle.log_posterior(x), **ROUNDING)
    assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-12)


def test_scores_are_the_log_joint_up_to_a_constant_of_the_row(oracle, rng):
    x = some_inputs(oracle, rng)
    difference = class_scores(to_machine(oracle), N_CLASSES, x) - oracle.log_joint(x)
    assert_allclose(difference, np.repeat(difference[:, :1], N_CLASSES, axis=1), **ROUNDING)


def test_free_energy_sums_over_labels_and_hidden_units(oracle, rng):
    x = some_inputs(oracle, rng)
    free_energy = input_free_energy(to_machine(oracle), N_CLASSES, x)
    assert_allclose(free_energy, oracle.input_free_energy(x), **ROUNDING)


def test_mean_of_hidden_units_sums_over_labels(oracle, rng):
    machine, x = to_machine(oracle), some_inputs(oracle, rng)
    log_p = log_class_probabilities(machine, N_CLASSES, x)
    field = input_field(machine, N_CLASSES, x)
    mean = mean_of_hidden(machine, log_p, field, out=np.empty_like(field))
    # Gaussian hidden units of the oracle are on a grid that ends 9 standard deviations out.
    assert_allclose(mean, oracle.mean_h_given_inputs(x), **ROUNDING)


def test_grey_inputs_are_taken_as_they_are(rng):
    oracle = random_class_rbm()
    x = rng.random((11, oracle.n_inputs))
    log_p = log_class_probabilities(to_machine(oracle), N_CLASSES, x)
    assert_allclose(log_p, oracle.log_posterior(x), **ROUNDING)


def test_blocks_give_what_all_rows_at_once_give(oracle, rng, monkeypatch):
    machine, x = to_machine(oracle), some_inputs(oracle, rng)
    expected = class_scores(machine, N_CLASSES, x)
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 3 * max(oracle.n_inputs, oracle.n_hidden))
    sizes = []
    in_fields = _class_posterior.scores_of_fields
    monkeypatch.setattr(
        _class_posterior,
        "scores_of_fields",
        lambda machine, n, field: sizes.append(len(field)) or in_fields(machine, n, field),
    )
    assert_allclose(class_scores(machine, N_CLASSES, x), expected, rtol=1e-12)
    assert sizes == [3, 3, 3, 2]


def test_probabilities_of_large_weights_are_finite_and_certain(rng):
    oracle = random_class_rbm(spread=200.0)
    for dtype in (np.float32, np.float64):
        x = some_inputs(oracle, rng).astype(dtype)
        log_p = log_class_probabilities(to_machine(oracle, dtype), N_CLASSES, x)
        assert log_p.dtype == dtype
        assert np.isfinite(log_p).all()
        assert_allclose(
            log_p, oracle.log_posterior(x), rtol=1e-4 if dtype == np.float32 else 1e-10, atol=1e-9
        )
        assert log_p.max() == 0


def test_many_hidden_units_keep_their_digits_in_float32(rng):
    """One logarithm for 64 hidden units: its error is that of a sum in float32."""
    field = rng.normal(scale=4, size=(7, 1009))
    exact = np.logaddexp(0, field).sum(axis=1)
    single = Bernoulli().total_log_partition(field.astype(np.float32))
    assert single.dtype == np.float32
    assert_allclose(single, exact, rtol=1e-6)
    assert_allclose(Bernoulli().total_log_partition(field), exact, rtol=1e-13)
    assert_allclose(Bernoulli().total_log_partition(np.array([[800.0, -800.0]])), [800.0])
