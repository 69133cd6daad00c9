import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from skdbn import _rows
from skdbn._centering import follow
from skdbn._network import (
    Network,
    NetworkLearner,
    features,
    log_probabilities,
    probabilities,
    split,
)
from skdbn._rows import Batch, Rows
from skdbn.units import Bernoulli, Gaussian

N_ROWS, N_INPUTS, N_CLASSES = 11, 7, 4
HIDDEN = {1: (5,), 2: (5, 3), 3: (5, 3, 2)}
DROPOUT = 0.4
STEP = 1e-5  # of central differences: errors of about STEP**2 and 1e-16 / STEP, so 1e-9 is safe
TOLERANCE = 1e-9

each_depth = pytest.mark.parametrize("n_hidden", HIDDEN)


@pytest.fixture
def make_network(rng):
    """Function that returns a network of logistic layers, with inputs of either type."""

    def make(n_hidden=2, *, gaussian=False, dtype=np.float64, units=None):
        sizes = [N_INPUTS, *HIDDEN[n_hidden], N_CLASSES]
        pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
        weights = [rng.standard_normal(pair).astype(dtype) for pair in pairs]
        biases = [rng.standard_normal(n_out).astype(dtype) for _, n_out in pairs]
        visible = Bernoulli()
        if gaussian:
            scale = np.linspace(0.5, 3, N_INPUTS)
            visible = Gaussian().adapt(np.linspace(-3, 9, N_INPUTS).astype(dtype), scale.astype(dtype))
        units = [Bernoulli() for _ in HIDDEN[n_hidden]] if units is None else units
        return Network(visible, units, (*weights, *biases))

    return make


@pytest.fixture
def make_batch(rng):
    """Function that returns rows with targets, unequal weights unless told, in any units."""

    def make(n_rows=N_ROWS, *, network=None, weighted=True, dtype=np.float64):
        inputs = rng.random((n_rows, N_INPUTS))
        if network is not None and isinstance(network.visible, Gaussian):
            inputs = network.visible.decode(rng.standard_normal((n_rows, N_INPUTS)))
        weight = rng.uniform(0.1, 3, n_rows) if weighted else np.ones(n_rows)
        targets = rng.integers(N_CLASSES, size=n_rows)
        total = float(weight.sum())
        return Batch(inputs.astype(dtype), targets, (weight / total).astype(dtype), total)

    return make


def new_learner(network, dropout=0.0, batch_size=N_ROWS, offsets=None):
    return NetworkLearner(network, dropout, np.random.default_rng(0), batch_size, offsets)


def copies(arrays):
    return [array.copy() for array in arrays]


def forward(network, X):
    """The oracle: activities of all hidden layers, then the linear outputs."""
    weights, biases = split(network.parameters)
    x = X
    if isinstance(network.visible, Gaussian):
        x = (X - network.visible.location_) / network.visible.scale_
    layers = []
    for W, b in zip(weights[:-1], biases[:-1], strict=True):
        x = expit(x @ W + b)
        layers.append(x)
    return layers, x @ weights[-1] + biases[-1]


def loss_at(learner, batch, seed=0):
    """The loss of a batch; the same seed draws the same dropout masks."""
    learner.rng = np.random.default_rng(seed)
    learner.gradient(batch)
    return learner.epoch_loss()


def numerical_gradient(learner, batch, offsets):
    """Central differences of the loss by every single parameter, in the centred parametrisation.

    There, the biases of a layer move against its weights: the field at the offset stays what it is.
    """
    weights, biases = split(learner.parameters)
    result = []
    for i, array in enumerate(learner.parameters):
        gradient = np.empty_like(array)
        for index in np.ndindex(array.shape):

            def loss_after(step, array=array, index=index, layer=i):
                array[index] += step
                if layer < len(weights):
                    biases[layer][index[1]] -= step * offsets[layer][index[0]]
                return loss_at(learner, batch)

            kept = copies(learner.parameters)
            above = loss_after(STEP)
            restore(learner.parameters, kept)
            below = loss_after(-STEP)
            restore(learner.parameters, kept)
            gradient[index] = (above - below) / (2 * STEP)
        result.append(gradient)
    return result


def restore(arrays, kept):
    for array, old in zip(arrays, kept, strict=True):
        array[...] = old


def plain_gradient(learner, batch):
    """The gradient by the parameters as they are, from the one in the centred parametrisation."""
    weight_gradients, bias_gradients = split(tuple(copies(learner.gradient(batch))))
    triples = zip(weight_gradients, bias_gradients, learner.offsets, strict=True)
    return *(W + np.outer(offset, b) for W, b, offset in triples), *bias_gradients


def assert_gradient_is_the_derivative_of_the_loss(learner, batch):
    learner.rng = np.random.default_rng(0)
    gradient = copies(learner.gradient(batch))
    learner.epoch_loss()
    expected = numerical_gradient(learner, batch, copies(learner.offsets))
    assert len(gradient) == len(expected)
    for ours, numerical in zip(gradient, expected, strict=True):
        assert np.abs(numerical).max() > 100 * TOLERANCE
        assert_allclose(ours, numerical, rtol=0, atol=TOLERANCE)


# -- the gradient ----------------------------------------------------------------------------------


@each_depth
@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize("dropout", [0.0, DROPOUT], ids=["whole", "dropout"])
def test_gradient_is_the_derivative_of_the_loss_by_every_parameter(
    n_hidden, gaussian, dropout, make_network, make_batch
):
    network = make_network(n_hidden, gaussian=gaussian)
    assert_gradient_is_the_derivative_of_the_loss(
        new_learner(network, dropout), make_batch(network=network)
    )


def test_gradient_is_the_derivative_of_the_loss_with_units_of_different_types(make_network, make_batch):
    network = make_network(2, units=[Gaussian(), Bernoulli()])
    assert_gradient_is_the_derivative_of_the_loss(new_learner(network), make_batch())


def test_gradient_of_the_output_layer_alone_is_the_derivative_of_its_loss(make_network, make_batch):
    network = make_network(2)
    batch = make_batch()
    batch = batch._replace(inputs=features(network, batch.inputs))
    assert_gradient_is_the_derivative_of_the_loss(new_learner(network.top()), batch)


@each_depth
def test_gradient_and_probabilities_are_those_of_mlp_classifier(n_hidden, rng):
    X, y = rng.random((N_ROWS, N_INPUTS)), np.arange(N_ROWS) % N_CLASSES
    theirs = MLPClassifier(
        HIDDEN[n_hidden],
        activation="logistic",
        solver="sgd",
        learning_rate_init=1.0,
        momentum=0.0,
        alpha=0.0,
        batch_size=N_ROWS,
        random_state=0,
    )
    theirs.partial_fit(X, y, classes=np.arange(N_CLASSES))  # makes the parameters
    before = (*copies(theirs.coefs_), *copies(theirs.intercepts_))
    network = Network(Bernoulli(), [Bernoulli() for _ in HIDDEN[n_hidden]], before)
    assert_allclose(probabilities(network, X), theirs.predict_proba(X), rtol=1e-12)  # rounding
    assert_allclose(log_probabilities(network, X), theirs.predict_log_proba(X), rtol=1e-12)
    batch = Batch(X, y, np.full(N_ROWS, 1 / N_ROWS), N_ROWS)
    gradient = plain_gradient(new_learner(network), batch)
    theirs.partial_fit(X, y)  # one step of size 1 against the gradient
    after = (*theirs.coefs_, *theirs.intercepts_)
    for ours, old, new in zip(gradient, before, after, strict=True):
        assert_allclose(ours, old - new, rtol=0, atol=1e-14)  # rounding of parameters of size 1


def test_row_of_weight_2_counts_like_a_row_given_twice(make_network, make_batch):
    learner = new_learner(make_network(), batch_size=N_ROWS + 1)
    batch = make_batch(weighted=False)
    weights = np.ones(N_ROWS)
    weights[3] = 2
    weighted = batch._replace(weights=weights / weights.sum())
    rows = np.r_[:N_ROWS, 3]
    n = len(rows)
    repeated = Batch(batch.inputs[rows], batch.targets[rows], np.full(n, 1 / n), n)
    once = copies(learner.gradient(weighted))
    for ours, theirs in zip(once, learner.gradient(repeated), strict=True):
        assert_allclose(ours, theirs, rtol=0, atol=1e-14)  # rounding of values below 1


# -- the loss --------------------------------------------------------------------------------------


@each_depth
@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
def test_loss_is_the_weighted_cross_entropy(n_hidden, gaussian, make_network, make_batch):
    network = make_network(n_hidden, gaussian=gaussian)
    batch = make_batch(network=network)
    _, logits = forward(network, batch.inputs)
    expected = log_loss(
        batch.targets, softmax(logits, axis=1), sample_weight=batch.weights, labels=range(N_CLASSES)
    )
    assert loss_at(new_learner(network), batch) == pytest.approx(expected, rel=1e-12)  # rounding


@pytest.mark.parametrize("weighted", [False, True])
def test_epoch_loss_over_ragged_batches_is_that_of_all_rows(weighted, make_network, rng):
    network = make_network()
    X, y = rng.random((N_ROWS, N_INPUTS)), rng.integers(N_CLASSES, size=N_ROWS)
    weight = rng.uniform(0.1, 3, N_ROWS) if weighted else None
    learner = new_learner(network, batch_size=4)
    for batch in Rows(X, y, weight).batches(4, rng):
        learner.gradient(batch)
    expected = log_loss(y, probabilities(network, X), sample_weight=weight, labels=range(N_CLASSES))
    assert learner.epoch_loss() == pytest.approx(expected, rel=1e-12)  # rounding


def test_epoch_loss_forgets_the_epoch_before(make_network, make_batch):
    learner = new_learner(make_network())
    first, second = make_batch(), make_batch()
    loss_at(learner, first)
    assert loss_at(learner, second) == loss_at(new_learner_like(learner), second)


def new_learner_like(learner):
    return new_learner(Network(learner.visible, learner.units, learner.parameters), learner.dropout)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_and_gradient_of_extreme_outputs_are_finite_and_right(dtype, make_network, make_batch):
    network = make_network(1, dtype=dtype)
    _, _, _, output_bias = network.parameters
    output_bias[:] = [0, -1e4, 0, 1e4]
    batch = make_batch(dtype=dtype)
    batch = batch._replace(targets=np.full(N_ROWS, 1))
    learner = new_learner(network)
    # The other terms of the outputs are sums of 5 numbers below 4 in absolute value.
    assert loss_at(learner, batch) == pytest.approx(2e4, abs=40)
    gradient = learner.gradient(batch)
    assert all(np.isfinite(array).all() for array in gradient)
    assert_allclose(gradient[-1], [0, -1, 0, 1], rtol=0, atol=8 * np.finfo(dtype).eps)


# -- work arrays -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [0.0, DROPOUT], ids=["whole", "dropout"])
def test_gradient_of_a_batch_does_not_depend_on_the_batches_before(dropout, make_network, make_batch):
    network = make_network(3)
    long, short = make_batch(), make_batch(4)
    used = new_learner(network, dropout)
    for array in used.gradient(long):
        array[...] = np.nan  # as an optimizer does, which writes its update over the gradient
    used.rng = np.random.default_rng(1)
    ours = plain_gradient(used, short)
    fresh = new_learner(network, dropout, batch_size=4)
    fresh.rng = np.random.default_rng(1)
    for array, expected in zip(ours, plain_gradient(fresh, short), strict=True):
        assert_allclose(array, expected, rtol=0, atol=1e-14)  # rounding of values below 1


def test_gradient_arrays_are_the_same_ones_every_step(make_network, make_batch):
    learner = new_learner(make_network())
    first = learner.gradient(make_batch())
    for before, now in zip(first, learner.gradient(make_batch(4)), strict=True):
        assert before is now


def test_gradient_changes_neither_parameters_nor_batch(make_network, make_batch):
    network = make_network(2, gaussian=True)
    batch = make_batch(network=network)
    kept = [*copies(network.parameters), batch.inputs.copy(), batch.targets.copy(), batch.weights.copy()]
    new_learner(network, DROPOUT).gradient(batch)
    for before, now in zip(kept, [*network.parameters, *batch[:3]], strict=True):
        assert_array_equal(before, now)


# -- updates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.0, 0.25])
def test_apply_adds_the_update_in_the_centred_parametrisation_and_decays_weights_only(
    decay, make_network, rng
):
    network = make_network()
    arrays = network.parameters
    old_weights, old_biases = split(tuple(copies(arrays)))
    update = tuple(rng.standard_normal(array.shape) for array in arrays)
    weight_changes, bias_changes = split(tuple(copies(update)))
    offsets = [rng.random(len(W)) for W in old_weights]
    new_learner(network, offsets=copies(offsets)).apply(update, decay)
    assert all(now is before for now, before in zip(network.parameters, arrays, strict=True))
    # All are sums of at most 10 numbers below 10.
    tolerance = {"rtol": 0, "atol": 1e-13}
    for layer, (W, b) in enumerate(zip(*split(network.parameters), strict=True)):
        assert_allclose(W, (1 - decay) * old_weights[layer] + weight_changes[layer], **tolerance)
        # The field at the offset moves by the change of the bias alone.
        old_field = offsets[layer] @ old_weights[layer] + old_biases[layer]
        assert_allclose(offsets[layer] @ W + b, old_field + bias_changes[layer], **tolerance)


@pytest.mark.parametrize("weighted", [False, True])
def test_offsets_start_at_the_means_of_each_layer_s_inputs(weighted, make_network, make_batch):
    network = make_network(2, gaussian=True)
    batch = make_batch(5, network=network, weighted=weighted)
    learner = new_learner(network)
    learner.gradient(batch)
    hidden, _ = forward(network, batch.inputs)
    inputs = [network.visible.encode(batch.inputs, out=np.empty_like(batch.inputs)), *hidden]
    for offset, x in zip(learner.offsets, inputs, strict=True):
        expected = np.average(x, axis=0, weights=batch.weights)
        assert_allclose(offset, expected, rtol=0, atol=1e-14)  # rounding of a mean of 5


def test_offsets_follow_the_means_by_a_share_of_the_way(make_network, make_batch):
    network = make_network(2)
    learner = new_learner(network)
    learner.gradient(make_batch())
    old = copies(learner.offsets)
    batch = make_batch(4)
    fresh = new_learner(network)
    fresh.gradient(batch)
    learner.gradient(batch)
    for offset, start, mean in zip(learner.offsets, old, fresh.offsets, strict=True):
        # Rounding, of the difference to a mean that may be near.
        assert_allclose(offset - start, follow_rate() * (mean - start), rtol=0, atol=1e-15)


def follow_rate():
    offset = np.zeros(1)
    follow(offset, np.ones(1))
    assert 0 < offset[0] < 1
    return offset[0]


def test_learner_goes_on_with_the_offsets_it_is_given(make_network, make_batch):
    network = make_network(2)
    first, second = make_batch(), make_batch(4)
    one = new_learner(network)
    one.gradient(first)
    other = new_learner(network, offsets=copies(one.offsets))
    for ours, expected in zip(other.gradient(second), one.gradient(second), strict=True):
        assert_array_equal(ours, expected)


def test_top_is_the_output_layer_and_shares_its_arrays(make_network, rng):
    network = make_network()
    X = rng.random((N_ROWS, N_INPUTS))
    top = network.top()
    assert_allclose(probabilities(top, features(network, X)), probabilities(network, X), rtol=1e-13)
    top.parameters[0][...] = 0
    assert not network.parameters[2].any()


# -- dropout ---------------------------------------------------------------------------------------


def wide_network(n_units, dtype=np.float64):
    """One hidden layer whose means are all 1/2, and outputs that hardly depend on it."""
    hidden = np.zeros((2, n_units), dtype=dtype), np.zeros(n_units, dtype=dtype)
    output = np.zeros((n_units, 2), dtype=dtype), np.zeros(2, dtype=dtype)
    return Network(Bernoulli(), [Bernoulli()], (hidden[0], output[0], hidden[1], output[1]))


def hidden_inputs_of_one_row(learner, dtype=np.float64):
    """What the output layer sees: the weight gradient of one row is (input - offset) x error."""
    batch = Batch(np.ones((1, 2), dtype=dtype), np.array([0]), np.ones(1, dtype=dtype), 1.0)
    _, weight_gradient, _, bias_gradient = learner.gradient(batch)
    return weight_gradient[:, 0] / bias_gradient[0] + learner.offsets[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dropout", [0.2, 0.7])
def test_dropout_switches_off_its_share_of_units_and_keeps_the_mean(dropout, dtype):
    n_units = 10_007
    learner = new_learner(wide_network(n_units, dtype), dropout, batch_size=1)
    x = hidden_inputs_of_one_row(learner, dtype)
    off = x == 0
    assert_allclose(x[~off], 0.5 / (1 - dropout), rtol=4 * np.finfo(dtype).eps)
    # Four standard deviations of a binomial share; the mean then is off by that times 0.5 / (1 - dropout).
    error = 4 * np.sqrt(dropout * (1 - dropout) / n_units)
    assert off.mean() == pytest.approx(dropout, abs=error)
    assert x.mean() == pytest.approx(0.5, abs=error * 0.5 / (1 - dropout))


def test_dropout_draws_anew_in_every_step():
    learner = new_learner(wide_network(101), 0.5, batch_size=1)
    first, second = hidden_inputs_of_one_row(learner), hidden_inputs_of_one_row(learner)
    assert (first != second).any()  # equal by chance once in 2**101


def test_dropout_draws_for_each_row_on_its_own():
    n_units = 10_007
    network = wide_network(n_units)
    masks = []
    for weights in np.eye(2):  # with the same draws, what the first row sees and what the second sees
        offsets = [np.zeros(2), np.zeros(n_units)]
        learner = new_learner(network, 0.5, 2, offsets)
        _, weight_gradient, _, _ = learner.gradient(Batch(np.ones((2, 2)), np.array([0, 0]), weights, 1.0))
        masks.append(weight_gradient[:, 0] != 0)
    # Two independent masks agree for half of the units, within four standard deviations.
    assert (masks[0] == masks[1]).mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / n_units))


def test_dropout_is_off_in_probabilities(make_network, make_batch):
    network = make_network(2)
    batch = make_batch()
    new_learner(network, 0.9).gradient(batch)
    _, logits = forward(network, batch.inputs)
    for _ in range(2):
        assert_allclose(probabilities(network, batch.inputs), softmax(logits, axis=1), rtol=1e-12)


def test_no_dropout_draws_no_random_numbers(make_network, make_batch):
    learner = new_learner(make_network())
    before = learner.rng.bit_generator.state
    learner.gradient(make_batch())
    assert learner.rng.bit_generator.state == before


# -- all rows --------------------------------------------------------------------------------------


@each_depth
@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
def test_features_are_the_activities_of_the_layer_asked_for(n_hidden, gaussian, make_network, make_batch):
    network = make_network(n_hidden, gaussian=gaussian)
    X = make_batch(network=network).inputs
    expected, logits = forward(network, X)
    for layer in range(n_hidden):
        assert_allclose(features(network, X, layer), expected[layer], rtol=1e-12)  # rounding
        assert_array_equal(features(network, X, layer - n_hidden), features(network, X, layer))
    assert_array_equal(features(network, X), features(network, X, n_hidden - 1))
    assert_allclose(probabilities(network, X), softmax(logits, axis=1), rtol=1e-12)


@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_blocks_of_rows_give_what_one_pass_gives(gaussian, container, make_network, monkeypatch, rng):
    network = make_network(2, gaussian=gaussian)
    X = rng.random((N_ROWS, N_INPUTS)) * (rng.random((N_ROWS, N_INPUTS)) < 0.5)
    whole = [f(network, X) for f in (features, probabilities, log_probabilities)]
    for elements in (1, 3 * N_INPUTS):  # blocks of one row, then of three and a rest of two
        monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", elements)
        assert len(list(_rows.blocks_of_rows(X))) > 3
        blocks = [f(network, container(X)) for f in (features, probabilities, log_probabilities)]
        for ours, expected in zip(blocks, whole, strict=True):
            assert_allclose(ours, expected, rtol=1e-12)  # rounding: the order of sums may differ


def test_rows_are_not_changed_by_looking_at_them(make_network, make_batch):
    network = make_network(2, gaussian=True)
    X = make_batch(network=network).inputs
    before = X.copy()
    features(network, X)
    probabilities(network, X)
    assert_array_equal(X, before)


@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize("dropout", [0.0, DROPOUT], ids=["whole", "dropout"])
def test_float32_stays_float32_and_near_float64(gaussian, dropout, make_network, make_batch):
    network = make_network(2, gaussian=gaussian)
    batch = make_batch(network=network)
    visible = network.visible
    if gaussian:
        visible = Gaussian().adapt(visible.location_.astype("f"), visible.scale_.astype("f"))
    narrow = Network(visible, network.units, tuple(a.astype("f") for a in network.parameters))
    narrow_batch = batch._replace(inputs=batch.inputs.astype("f"), weights=batch.weights.astype("f"))
    for function in (features, probabilities, log_probabilities):
        ours = function(narrow, narrow_batch.inputs)
        assert ours.dtype == np.float32
        # About a hundred roundings of numbers below 10.
        assert_allclose(ours, function(network, batch.inputs), rtol=0, atol=1e-4)
    learner = new_learner(narrow, dropout)
    gradient = learner.gradient(narrow_batch)
    assert [array.dtype for array in gradient] == [np.float32] * 6
    if not dropout:  # the masks of the two types are different draws
        for ours, expected in zip(gradient, new_learner(network).gradient(batch), strict=True):
            assert_allclose(ours, expected, rtol=0, atol=1e-4)
    learner.apply(gradient, decay=0.1)
    assert [array.dtype for array in narrow.parameters] == [np.float32] * 6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_of_extreme_outputs_are_finite(dtype, make_network, rng):
    network = make_network(1, dtype=dtype)
    network.parameters[-1][:] = [0, -1e4, 5, 1e4]
    X = rng.random((N_ROWS, N_INPUTS)).astype(dtype)
    assert_allclose(probabilities(network, X), np.tile([0, 0, 0, 1], (N_ROWS, 1)), rtol=0, atol=1e-30)
    log_p = log_probabilities(network, X)
    # The other terms of the outputs are sums of 5 numbers below 4 in absolute value.
    assert_allclose(log_p, np.tile([-1e4, -2e4, -1e4, 0], (N_ROWS, 1)), rtol=0, atol=45)


def test_saturated_hidden_units_give_finite_gradients(make_network, make_batch):
    network = make_network(2)
    network.parameters[0][...] *= 1e4
    learner = new_learner(network)
    gradient = learner.gradient(make_batch())
    assert all(np.isfinite(array).all() for array in gradient)
    assert np.isfinite(learner.epoch_loss())
