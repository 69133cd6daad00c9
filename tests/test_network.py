import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdbn import _rows
from skdbn._centering import follow
from skdbn._draws import random_words
from skdbn._network import (
    Network,
    NetworkLearner,
    _limit_norms,
    features,
    log_outputs,
    mean_loss,
    output_fields,
    outputs,
    split,
)
from skdbn._rows import Batch, Rows
from skdbn._state_tree import captured, restored
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax

N_ROWS, N_INPUTS, N_CLASSES = 11, 7, 4
HIDDEN = {1: (5,), 2: (5, 3), 3: (5, 3, 2)}
# Types of outputs; the parts of the mixed one are not in the order of the columns.
PAIRS = [[3, 0], [1, 2]]
OUTPUTS = {
    "softmax": Softmax(),
    "two softmax groups": Softmax(groups=PAIRS),
    "bernoulli": Bernoulli(),
    "gaussian": Gaussian(),
    "mixed": Mixed([("softmax", [3, 0]), ("gaussian", [1]), ("bernoulli", [2])]),
}
DROPOUT = 0.4
STEP = 1e-5  # of central differences: errors of about STEP**2 and 1e-16 / STEP, so 1e-9 is safe
TOLERANCE = 1e-9

each_depth = pytest.mark.parametrize("n_hidden", HIDDEN)
each_output = pytest.mark.parametrize("output", OUTPUTS)


@pytest.fixture
def make_network(rng):
    """Function that returns a network of logistic layers, with inputs of either type."""

    def make(n_hidden=2, *, gaussian=False, dtype=np.float64, units=None, output="softmax"):
        sizes = [N_INPUTS, *HIDDEN[n_hidden], N_CLASSES]
        pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
        weights = [rng.standard_normal(pair).astype(dtype) for pair in pairs]
        biases = [rng.standard_normal(n_out).astype(dtype) for _, n_out in pairs]
        visible = Bernoulli()
        if gaussian:
            scale = np.linspace(0.5, 3, N_INPUTS)
            visible = Gaussian().adapt(np.linspace(-3, 9, N_INPUTS).astype(dtype), scale.astype(dtype))
        units = [Bernoulli() for _ in HIDDEN[n_hidden]] if units is None else units
        return Network(visible, units, OUTPUTS[output], (*weights, *biases))

    return make


@pytest.fixture
def make_batch(rng):
    """Function that returns rows with targets, unequal weights unless told, in any units."""

    def make(n_rows=N_ROWS, *, network=None, weighted=True, dtype=np.float64, output="softmax"):
        inputs = rng.random((n_rows, N_INPUTS))
        if network is not None and isinstance(network.visible, Gaussian):
            inputs = network.visible.decode(rng.standard_normal((n_rows, N_INPUTS)))
        weight = rng.uniform(0.1, 3, n_rows) if weighted else np.ones(n_rows)
        targets = draw_targets(output, n_rows, rng).astype(dtype)
        total = float(weight.sum())
        return Batch(inputs.astype(dtype), targets, (weight / total).astype(dtype), total)

    return make


def one_hot(labels, n_classes=N_CLASSES):
    return np.eye(n_classes)[labels]


def draw_targets(output, n_rows, rng):
    """States of outputs of this type."""
    labels = rng.random((n_rows, N_CLASSES)) < 0.4
    values = 2 * rng.standard_normal((n_rows, N_CLASSES))
    if output == "softmax":
        return one_hot(rng.integers(N_CLASSES, size=n_rows))
    if output in ("bernoulli", "gaussian"):
        return labels.astype(float) if output == "bernoulli" else values
    targets = np.where(np.arange(N_CLASSES) == 2, labels, values)  # the columns 1 and 2 of the mixed one
    for group in PAIRS if output == "two softmax groups" else PAIRS[:1]:
        targets[:, group] = one_hot(rng.integers(2, size=n_rows), 2)
    return targets


def losses_by_formula(output, field, targets):
    """The oracle: cross-entropy, logistic loss and half the squared error, and sums of them."""

    def cross_entropy(group):
        return -(targets[:, group] * log_softmax(field[:, group], axis=1)).sum(axis=1)

    logistic = -targets * log_expit(field) - (1 - targets) * log_expit(-field)
    squared = (field - targets) ** 2 / 2
    return {
        "softmax": lambda: cross_entropy(range(N_CLASSES)),
        "two softmax groups": lambda: sum(map(cross_entropy, PAIRS)),
        "bernoulli": lambda: logistic.sum(axis=1),
        "gaussian": lambda: squared.sum(axis=1),
        "mixed": lambda: cross_entropy([3, 0]) + squared[:, 1] + logistic[:, 2],
    }[output]()


def means_by_formula(output, field):
    """The oracle: what outputs of this type give."""
    means = {"softmax": softmax(field, axis=1), "bernoulli": expit(field), "gaussian": field}
    if output in means:
        return means[output]
    result = np.where(np.arange(N_CLASSES) == 2, expit(field), field)
    for group in PAIRS if output == "two softmax groups" else PAIRS[:1]:
        result[:, group] = softmax(field[:, group], axis=1)
    return result


def new_learner(network, dropout=0.0, batch_size=N_ROWS, offsets=None, max_norm=None):
    """A single share of dropout is that of all hidden layers, and not of the inputs."""
    if isinstance(dropout, float):
        dropout = (0.0, *(dropout for _ in network.units))
    rng = np.random.default_rng(0)
    return NetworkLearner(network, rng, batch_size, dropout=dropout, max_norm=max_norm, offsets=offsets)


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
    assert_gradient_is_the_derivative_of_the_loss(new_learner(network.above(2)), batch)


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
    network = Network(Bernoulli(), [Bernoulli() for _ in HIDDEN[n_hidden]], Softmax(), before)
    assert_allclose(outputs(network, X), theirs.predict_proba(X), rtol=1e-12)  # rounding
    assert_allclose(log_outputs(network, X), theirs.predict_log_proba(X), rtol=1e-12)
    batch = Batch(X, one_hot(y), np.full(N_ROWS, 1 / N_ROWS), N_ROWS)
    gradient = plain_gradient(new_learner(network), batch)
    theirs.partial_fit(X, y)  # one step of size 1 against the gradient
    after = (*theirs.coefs_, *theirs.intercepts_)
    for ours, old, new in zip(gradient, before, after, strict=True):
        assert_allclose(ours, old - new, rtol=0, atol=1e-14)  # rounding of parameters of size 1


@each_output
@pytest.mark.parametrize("dropout", [0.0, DROPOUT], ids=["whole", "dropout"])
def test_gradient_is_the_derivative_of_the_loss_for_every_type_of_outputs(
    output, dropout, make_network, make_batch
):
    network = make_network(2, output=output)
    assert_gradient_is_the_derivative_of_the_loss(new_learner(network, dropout), make_batch(output=output))


@pytest.mark.parametrize(
    "dropout", [(0.3, 0.0, 0.0), (0.0, 0.0, 0.5), (0.2, 0.6, 0.4)], ids=["inputs", "top", "each its own"]
)
@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
def test_gradient_is_the_derivative_of_the_loss_with_dropout_of_single_layers(
    dropout, gaussian, make_network, make_batch
):
    network = make_network(2, gaussian=gaussian)
    assert_gradient_is_the_derivative_of_the_loss(
        new_learner(network, dropout), make_batch(network=network)
    )


def test_gradient_is_the_derivative_of_the_loss_through_every_type_of_hidden_units(
    make_network, make_batch
):
    network = make_network(3, units=[ReLU(), Softmax(), Gaussian()], output="mixed")
    batch = make_batch(output="mixed")
    assert_gradient_is_the_derivative_of_the_loss(new_learner(network, (0.2, 0.3, 0.4, 0.5)), batch)


@each_depth
def test_gradient_and_loss_of_gaussian_outputs_are_those_of_mlp_regressor(n_hidden, rng):
    theirs = MLPRegressor(hidden_layer_sizes=HIDDEN[n_hidden], **ONE_STEP_OF_SIZE_1)
    y = 2 * rng.standard_normal((N_ROWS, N_CLASSES))
    # Its loss is the mean over the outputs, its gradient that of the sum.
    assert_network_trains_as_theirs(theirs, "gaussian", y, rng, loss_factor=1 / N_CLASSES)


@each_depth
def test_gradient_and_loss_of_binary_outputs_are_those_of_mlp_classifier(n_hidden, rng):
    theirs = MLPClassifier(HIDDEN[n_hidden], **ONE_STEP_OF_SIZE_1)
    y = np.arange(N_ROWS * N_CLASSES).reshape(N_ROWS, N_CLASSES) % 3 % 2
    assert_network_trains_as_theirs(theirs, "bernoulli", y, rng)


ONE_STEP_OF_SIZE_1 = {
    "activation": "logistic",
    "solver": "sgd",
    "learning_rate_init": 1.0,
    "momentum": 0.0,
    "alpha": 0.0,
    "batch_size": 2 * N_ROWS,
    "random_state": 0,
}


def assert_network_trains_as_theirs(theirs, output, y, rng, loss_factor=1):
    """Rows given once or several times are for us rows of such weights."""
    X = rng.random((N_ROWS, N_INPUTS))
    counts = np.r_[np.ones(4), np.full(6, 2), 6].astype(int)  # 2 * N_ROWS in sum
    rows = np.repeat(np.arange(N_ROWS), counts)
    classes = {"classes": np.arange(N_CLASSES)} if output == "bernoulli" else {}
    theirs.partial_fit(X[rows], y[rows], **classes)  # makes the parameters
    before = (*copies(theirs.coefs_), *copies(theirs.intercepts_))
    units = [Bernoulli() for _ in theirs.hidden_layer_sizes]
    learner = new_learner(Network(Bernoulli(), units, OUTPUTS[output], before))
    weighted = Batch(X, y.astype(float), counts / counts.sum(), float(counts.sum()))
    gradient = plain_gradient(learner, weighted)
    theirs.partial_fit(X[rows], y[rows])  # one step of size 1 against the gradient
    for ours, old, new in zip(gradient, before, (*theirs.coefs_, *theirs.intercepts_), strict=True):
        assert_allclose(ours, old - new, rtol=0, atol=1e-13)  # rounding of parameters of size 1
    assert learner.epoch_loss() * loss_factor == pytest.approx(theirs.loss_, rel=1e-12)


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


# -- autoencoders ----------------------------------------------------------------------------------

INPUT_UNITS = {
    "bernoulli": Bernoulli(),
    "bytes": Bernoulli(scale=255.0),
    "gaussian": Gaussian(),
    "mixed": Mixed([("softmax", [5, 0, 3]), ("bernoulli", [1, 4]), (Gaussian(scale=2.0), [6, 2])]),
}
HIDDEN_UNITS = [Bernoulli(), Gaussian(), Bernoulli()]
each_input = pytest.mark.parametrize("inputs", INPUT_UNITS)


@pytest.fixture
def make_autoencoder(rng):
    """Function that returns (network, rows): units of the outputs are those of the inputs."""

    def make(inputs, hidden=HIDDEN_UNITS):
        visible = INPUT_UNITS[inputs].adapt(np.linspace(-3, 9, N_INPUTS), np.linspace(0.5, 3, N_INPUTS))
        sizes = [N_INPUTS, *(5, 3, 2)[: len(hidden)], N_INPUTS]
        weights = [rng.standard_normal(pair) for pair in zip(sizes[:-1], sizes[1:], strict=True)]
        biases = [rng.standard_normal(size) for size in sizes[1:]]
        X = visible.decode(visible.sample(rng.standard_normal((N_ROWS, N_INPUTS)), rng))
        return Network(visible, list(hidden), visible, (*weights, *biases)), X

    return make


def unsupervised_batch(X, rng):
    weight = rng.uniform(0.1, 3, len(X))
    return Batch(X, None, weight / weight.sum(), float(weight.sum()))


def encoded(network, X):
    return network.visible.encode(X, out=np.empty_like(X))


@each_input
@pytest.mark.parametrize(
    "dropout", [0.0, (0.3, 0.0, 0.0, 0.0), (0.3, 0.2, 0.0, 0.4)], ids=["whole", "inputs", "all"]
)
def test_gradient_of_an_autoencoder_is_the_derivative_of_its_loss(inputs, dropout, make_autoencoder, rng):
    network, X = make_autoencoder(inputs)
    assert_gradient_is_the_derivative_of_the_loss(new_learner(network, dropout), unsupervised_batch(X, rng))


@each_input
@pytest.mark.parametrize("dropout", [0.0, (0.3, 0.2, 0.0, 0.4)], ids=["whole", "dropout"])
def test_rows_without_targets_are_their_own_encoded_and_without_dropout(
    inputs, dropout, make_autoencoder, rng
):
    network, X = make_autoencoder(inputs)
    batch = unsupervised_batch(X, rng)
    supervised = batch._replace(targets=encoded(network, X))
    ours, theirs = new_learner(network, dropout), new_learner(network, dropout)
    for one, other in zip(ours.gradient(batch), theirs.gradient(supervised), strict=True):
        assert_array_equal(one, other)
    assert ours.epoch_loss() == theirs.epoch_loss()


@each_input
def test_a_short_last_batch_of_an_autoencoder_leaves_nothing_of_longer_ones(inputs, make_autoencoder, rng):
    network, X = make_autoencoder(inputs)
    short = unsupervised_batch(X[:4], rng)
    learner = new_learner(network)
    learner.gradient(unsupervised_batch(X, rng))
    learner.epoch_loss()
    offsets = copies(learner.offsets)
    alone = new_learner(network, batch_size=4, offsets=offsets)
    for ours, expected in zip(learner.gradient(short), alone.gradient(short), strict=True):
        assert_allclose(ours, expected, rtol=1e-12, atol=1e-13)
    assert learner.epoch_loss() == pytest.approx(alone.epoch_loss(), rel=1e-13)


def test_without_dropout_and_bounds_given_there_are_none(make_network, make_batch):
    network, batch = make_network(2), make_batch()
    learner = NetworkLearner(network, np.random.default_rng(0), N_ROWS)
    expected = new_learner(network, dropout=(0.0, 0.0, 0.0), max_norm=(None, None))
    for ours, theirs in zip(learner.gradient(batch), expected.gradient(batch), strict=True):
        assert_array_equal(ours, theirs)
    before = copies(network.parameters)
    learner.apply(tuple(np.full_like(array, 1e3) for array in network.parameters), 0.0)
    for after, old in zip(network.parameters[:3], before, strict=False):
        assert_allclose(after, old + 1e3, rtol=1e-15)


def test_loss_with_dropout_is_that_of_masked_layers_and_of_the_clean_target(make_autoencoder, rng):
    network, X = make_autoencoder("gaussian", [Bernoulli()])
    batch = unsupervised_batch(X, rng)
    W, V, b, c = network.parameters
    draws = np.random.default_rng(0)
    masks = []
    for size, share in ((N_INPUTS, 0.3), (5, 0.4)):
        n_values_off = np.floor(2**16 * share + draws.random())
        kept = random_words(draws, (N_ROWS, size)) >= n_values_off
        masks.append(kept / (1 - share))
    u = (X - network.visible.location_) / network.visible.scale_
    reconstruction = (expit((u * masks[0]) @ W + b) * masks[1]) @ V + c
    expected = batch.weights @ ((reconstruction - u) ** 2).sum(axis=1) / 2
    assert loss_at(new_learner(network, (0.3, 0.4)), batch) == pytest.approx(expected, rel=1e-12)


def test_loss_of_an_autoencoder_that_copies_its_inputs_is_zero(rng):
    visible = Gaussian().adapt(np.linspace(-3, 9, N_INPUTS), np.linspace(0.5, 3, N_INPUTS))
    zero, identity = np.zeros(N_INPUTS), np.eye(N_INPUTS)
    network = Network(visible, [Gaussian()], visible, (identity, identity.copy(), zero, zero.copy()))
    X = visible.decode(rng.standard_normal((N_ROWS, N_INPUTS)))
    # Rounding of sums of terms of the size 10.
    assert mean_loss(network, X, None) == pytest.approx(0, abs=1e-14)
    assert loss_at(new_learner(network), unsupervised_batch(X, rng)) == pytest.approx(0, abs=1e-14)


# -- the loss --------------------------------------------------------------------------------------


@each_depth
@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
def test_loss_is_the_weighted_cross_entropy(n_hidden, gaussian, make_network, make_batch):
    network = make_network(n_hidden, gaussian=gaussian)
    batch = make_batch(network=network)
    _, logits = forward(network, batch.inputs)
    expected = log_loss(
        batch.targets.argmax(axis=1),
        softmax(logits, axis=1),
        sample_weight=batch.weights,
        labels=range(N_CLASSES),
    )
    assert loss_at(new_learner(network), batch) == pytest.approx(expected, rel=1e-12)  # rounding


@each_output
@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
def test_loss_is_that_of_the_formula_for_every_type_of_outputs(output, gaussian, make_network, make_batch):
    network = make_network(2, gaussian=gaussian, output=output)
    batch = make_batch(network=network, output=output)
    _, field = forward(network, batch.inputs)
    expected = batch.weights @ losses_by_formula(output, field, batch.targets)
    assert loss_at(new_learner(network), batch) == pytest.approx(expected, rel=1e-12)  # rounding
    total = mean_loss(network, batch.inputs, batch.targets, 7 * batch.weights)
    assert total == pytest.approx(expected, rel=1e-12)
    unweighted = losses_by_formula(output, field, batch.targets).mean()
    assert mean_loss(network, batch.inputs, batch.targets) == pytest.approx(unweighted, rel=1e-12)


@each_output
def test_loss_is_zero_at_a_sure_hit_and_nowhere_less(output, make_network, make_batch, rng):
    network = make_network(1, output=output)
    _, output_weights, _, output_bias = network.parameters
    output_weights[...] = 0
    target = draw_targets(output, 1, rng)
    # Means that are the target itself: fields of +-1000 of units that are 0 or 1, the value of real ones.
    is_real = {"gaussian": [True] * N_CLASSES, "mixed": [False, True, False, False]}
    output_bias[:] = np.where(is_real.get(output, False), target[0], 2000 * target[0] - 1000)
    batch = make_batch(output=output)
    hit = batch._replace(targets=np.repeat(target, N_ROWS, axis=0))
    learner = new_learner(network)
    assert loss_at(learner, hit) == pytest.approx(0, abs=1e-12)  # rounding of fields of 1000
    output_bias += 0.1 * rng.standard_normal(N_CLASSES)
    if any(np.atleast_1d(is_real.get(output, False))):
        assert loss_at(learner, hit) > 1e-4  # half the square of a shift of some 0.1
    miss = hit._replace(targets=np.repeat(1 - target, N_ROWS, axis=0))
    assert loss_at(learner, miss) > 1e-4


@each_input
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("targets", ["given", "none"])
def test_mean_loss_in_blocks_is_that_of_one_pass(
    inputs, container, targets, make_autoencoder, monkeypatch, rng
):
    network, X = make_autoencoder(inputs)
    target = encoded(network, X) + (0.1 if targets == "given" else 0)
    field = output_fields(network, X)
    unit = network.output
    each = unit.base_energy(target) + unit.total_log_partition(field) - (target * field).sum(axis=1)
    each += unit.largest_log_density(N_INPUTS)
    weight = rng.uniform(0.1, 3, N_ROWS)
    given = target if targets == "given" else None
    for elements in (2**21, 1, 3 * N_INPUTS):  # one block, one row each, three rows and a rest of two
        monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", elements)
        unweighted = mean_loss(network, container(X), given)
        assert unweighted == pytest.approx(each.mean(), rel=1e-12)  # rounding
        expected = np.average(each, weights=weight)
        assert mean_loss(network, container(X), given, weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dropout", [0.0, DROPOUT], ids=["whole", "dropout"])
def test_mean_loss_without_dropout_is_that_of_the_learner(dropout, make_autoencoder, rng):
    network, X = make_autoencoder("mixed")
    batch = unsupervised_batch(X, rng)
    of_learner = loss_at(new_learner(network, dropout), batch)
    alone = mean_loss(network, X, None, batch.weights)
    assert (alone == pytest.approx(of_learner, rel=1e-12)) == (not dropout)


@pytest.mark.parametrize("weighted", [False, True])
def test_epoch_loss_over_ragged_batches_is_that_of_all_rows(weighted, make_network, rng):
    network = make_network()
    X, y = rng.random((N_ROWS, N_INPUTS)), rng.integers(N_CLASSES, size=N_ROWS)
    weight = rng.uniform(0.1, 3, N_ROWS) if weighted else None
    learner = new_learner(network, batch_size=4)
    for batch in Rows(X, one_hot(y), weight).batches(4, rng):
        learner.gradient(batch)
    expected = log_loss(y, outputs(network, X), sample_weight=weight, labels=range(N_CLASSES))
    assert learner.epoch_loss() == pytest.approx(expected, rel=1e-12)  # rounding


def test_epoch_loss_forgets_the_epoch_before(make_network, make_batch):
    learner = new_learner(make_network())
    first, second = make_batch(), make_batch()
    loss_at(learner, first)
    assert loss_at(learner, second) == loss_at(new_learner_like(learner), second)


def new_learner_like(learner):
    return new_learner(learner.network, learner.dropout)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_and_gradient_of_extreme_outputs_are_finite_and_right(dtype, make_network, make_batch):
    network = make_network(1, dtype=dtype)
    _, _, _, output_bias = network.parameters
    output_bias[:] = [0, -1e4, 0, 1e4]
    batch = make_batch(dtype=dtype)
    batch = batch._replace(targets=one_hot(np.full(N_ROWS, 1)).astype(dtype))
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


def test_learner_goes_on_from_what_was_captured_of_another(make_network, make_batch):
    one, other = new_learner(make_network(2)), new_learner(make_network(2))
    for learner in (one, other):  # the second one has seen other rows
        learner.gradient(make_batch())
    restored(other, captured(one))
    batch = make_batch(4)
    for ours, expected in zip(other.gradient(batch), one.gradient(batch), strict=True):
        assert_array_equal(ours, expected)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_network_above_some_layers_goes_on_from_their_features_and_shares_its_arrays(
    n_layers, make_network, rng
):
    units = [ReLU(), Bernoulli(), Gaussian()]
    network = make_network(3, gaussian=True, units=units, output="mixed")
    X = rng.random((N_ROWS, N_INPUTS))
    above = network.above(n_layers)
    below = features(network, X, n_layers - 1)
    assert_allclose(outputs(above, below), outputs(network, X), rtol=1e-12)  # rounding
    assert above.units == units[n_layers:]
    arrays = [*network.parameters[n_layers:4], *network.parameters[4 + n_layers :]]
    assert all(one is other for one, other in zip(above.parameters, arrays, strict=True))


# -- bounds on norms -------------------------------------------------------------------------------

BOUNDS = {1: (1.5,), 2: (1.5, 2.0), 3: (1.5, None, 0.7)}


@each_depth
@pytest.mark.parametrize("decay", [0.0, 0.25])
def test_norms_of_the_weights_into_hidden_units_stay_within_the_bound_of_their_layer(
    n_hidden, decay, make_network, rng
):
    free, bounded = make_network(n_hidden), make_network(n_hidden)
    restore(bounded.parameters, free.parameters)
    update = tuple(rng.standard_normal(array.shape) for array in free.parameters)
    offsets = [rng.random(len(W)) for W in split(update)[0]]
    new_learner(free, offsets=offsets).apply(tuple(copies(update)), decay)
    new_learner(bounded, offsets=offsets, max_norm=BOUNDS[n_hidden]).apply(tuple(copies(update)), decay)
    n_shortened = 0
    layers = zip(*split(free.parameters), *split(bounded.parameters), offsets, strict=True)
    for bound, (W, b, shortened, bias, offset) in zip((*BOUNDS[n_hidden], None), layers, strict=True):
        norms = np.linalg.norm(W, axis=0)
        too_long = norms > (np.inf if bound is None else bound)
        assert_array_equal(shortened[:, ~too_long], W[:, ~too_long])
        assert_array_equal(bias[~too_long], b[~too_long])
        # Rounding: sums of 7 numbers below 10.
        close = {"rtol": 0, "atol": 1e-13}
        assert_allclose(shortened[:, too_long], (W * (bound or 0) / norms)[:, too_long], **close)
        assert_allclose(offset @ shortened + bias, offset @ W + b, **close)
        n_shortened += too_long.sum()
    assert 0 < n_shortened < sum(HIDDEN[n_hidden])


@pytest.mark.filterwarnings("error")
def test_a_unit_without_weights_has_a_norm_within_any_bound():
    weights = np.array([[0.0, 3.0, 0.3], [0.0, 4.0, 0.4]])
    bias, offset = np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.25])
    _limit_norms(weights, bias, offset, 1.0)
    assert_allclose(weights, [[0, 0.6, 0.3], [0, 0.8, 0.4]], rtol=1e-15)
    # The second unit's weights lost (2.4, 3.2), so its field at the offset 2.4 / 2 + 3.2 / 4 = 2.
    assert_allclose(bias, [1, 3, 1], rtol=1e-15)


def test_norms_never_exceed_the_bound_in_training_and_reach_it(make_network, make_batch):
    network = make_network(2)
    learner = new_learner(network, max_norm=(1.5, 2.0))
    batch = make_batch()
    for _ in range(20):
        learner.apply(tuple(-5.0 * array for array in learner.gradient(batch)), decay=0.0)
        largest = [np.linalg.norm(W, axis=0).max() for W in network.parameters[:2]]
        assert np.less_equal(largest, [1.5 * (1 + 1e-15), 2.0 * (1 + 1e-15)]).all()
    assert_allclose(largest, [1.5, 2.0], rtol=1e-2)


# -- dropout ---------------------------------------------------------------------------------------


def wide_network(n_units, dtype=np.float64):
    """One hidden layer whose means are all 1/2, and outputs that hardly depend on it."""
    hidden = np.zeros((2, n_units), dtype=dtype), np.zeros(n_units, dtype=dtype)
    output = np.zeros((n_units, 2), dtype=dtype), np.zeros(2, dtype=dtype)
    return Network(Bernoulli(), [Bernoulli()], Softmax(), (hidden[0], output[0], hidden[1], output[1]))


def hidden_inputs_of_one_row(learner, dtype=np.float64):
    """What the output layer sees: the weight gradient of one row is (input - offset) x error."""
    ones = np.ones((1, 2), dtype=dtype)
    batch = Batch(ones, np.eye(2, dtype=dtype)[[0]], np.ones(1, dtype=dtype), 1.0)
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


def test_share_of_dropout_is_exact_in_the_mean():
    """A share far finer than the draws of 16 bits: half of the steps switch off 1 unit of 2**16, half 2."""
    n_units, share, n_steps = 2**16, 1.5 / 2**16, 400
    learner = new_learner(wide_network(n_units), share, batch_size=1)
    n_off = sum(int((hidden_inputs_of_one_row(learner) == 0).sum()) for _ in range(n_steps))
    # Poisson but for the rounding, which adds a quarter to the variance of a step. Rounded always down or
    # always up, the number would be more than 7 standard deviations away.
    assert n_off == pytest.approx(1.5 * n_steps, abs=4 * np.sqrt((1.5 + 0.25) * n_steps))


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
        batch = Batch(np.ones((2, 2)), one_hot([0, 0], 2), weights, 1.0)
        _, weight_gradient, _, _ = learner.gradient(batch)
        masks.append(weight_gradient[:, 0] != 0)
    # Two independent masks agree for half of the units, within four standard deviations.
    assert (masks[0] == masks[1]).mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / n_units))


def test_dropout_is_off_in_outputs(make_network, make_batch):
    network = make_network(2)
    batch = make_batch()
    new_learner(network, 0.9).gradient(batch)
    _, logits = forward(network, batch.inputs)
    for _ in range(2):
        assert_allclose(outputs(network, batch.inputs), softmax(logits, axis=1), rtol=1e-12)


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
    assert_allclose(outputs(network, X), softmax(logits, axis=1), rtol=1e-12)


@each_output
def test_outputs_are_the_means_of_their_units_and_fields_what_they_come_from(
    output, make_network, make_batch
):
    network = make_network(2, gaussian=True, output=output)
    X = make_batch(network=network).inputs
    _, field = forward(network, X)
    assert_allclose(output_fields(network, X), field, rtol=1e-12)  # rounding
    assert_allclose(outputs(network, X), means_by_formula(output, field), rtol=1e-12)
    if output in ("softmax", "bernoulli"):
        log_means = log_softmax(field, axis=1) if output == "softmax" else log_expit(field)
        # Rounding: a difference of numbers of the size 10.
        assert_allclose(log_outputs(network, X), log_means, rtol=0, atol=1e-13)


@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_blocks_of_rows_give_what_one_pass_gives(gaussian, container, make_network, monkeypatch, rng):
    network = make_network(2, gaussian=gaussian)
    X = rng.random((N_ROWS, N_INPUTS)) * (rng.random((N_ROWS, N_INPUTS)) < 0.5)
    whole = [f(network, X) for f in (features, outputs, log_outputs)]
    for elements in (1, 3 * N_INPUTS):  # blocks of one row, then of three and a rest of two
        monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", elements)
        assert len(list(_rows.blocks_of_rows(X))) > 3
        blocks = [f(network, container(X)) for f in (features, outputs, log_outputs)]
        for ours, expected in zip(blocks, whole, strict=True):
            assert_allclose(ours, expected, rtol=1e-12)  # rounding: the order of sums may differ


def test_rows_are_not_changed_by_looking_at_them(make_network, make_batch):
    network = make_network(2, gaussian=True)
    X = make_batch(network=network).inputs
    before = X.copy()
    features(network, X)
    outputs(network, X)
    assert_array_equal(X, before)


@pytest.mark.parametrize("gaussian", [False, True], ids=["bernoulli", "gaussian"])
@pytest.mark.parametrize("dropout", [0.0, DROPOUT], ids=["whole", "dropout"])
def test_float32_stays_float32_and_near_float64(gaussian, dropout, make_network, make_batch):
    network = make_network(2, gaussian=gaussian)
    batch = make_batch(network=network)
    visible = network.visible
    if gaussian:
        visible = Gaussian().adapt(visible.location_.astype("f"), visible.scale_.astype("f"))
    narrow = network._replace(visible=visible, parameters=tuple(a.astype("f") for a in network.parameters))
    narrow_batch = Batch(*(array.astype("f") for array in batch[:3]), batch.total_weight)
    for function in (features, outputs, log_outputs):
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
def test_class_probabilities_of_extreme_fields_are_finite(dtype, make_network, rng):
    network = make_network(1, dtype=dtype)
    network.parameters[-1][:] = [0, -1e4, 5, 1e4]
    X = rng.random((N_ROWS, N_INPUTS)).astype(dtype)
    assert_allclose(outputs(network, X), np.tile([0, 0, 0, 1], (N_ROWS, 1)), rtol=0, atol=1e-30)
    log_p = log_outputs(network, X)
    # The other terms of the outputs are sums of 5 numbers below 4 in absolute value.
    assert_allclose(log_p, np.tile([-1e4, -2e4, -1e4, 0], (N_ROWS, 1)), rtol=0, atol=45)


def test_saturated_hidden_units_give_finite_gradients(make_network, make_batch):
    network = make_network(2)
    network.parameters[0][...] *= 1e4
    learner = new_learner(network)
    gradient = learner.gradient(make_batch())
    assert all(np.isfinite(array).all() for array in gradient)
    assert np.isfinite(learner.epoch_loss())
