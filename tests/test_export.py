"""Networks that are trained on elsewhere give what they gave here, and learn there."""

import copy
import importlib
import io
import pickle
import sys

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMTransformer
from skdbn.units import Bernoulli, Mixed, ReLU, Softmax

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
N_ROWS, N_FEATURES = 60, 6
X = RNG.random((N_ROWS, N_FEATURES))
RAW = X * [1, 10, 100, 1, 0.1, 5] + [0, 300, -20, 5, 1, 0]  # for Gaussian inputs, as they come
CODES = np.hstack([np.eye(2)[RNG.integers(2, size=N_ROWS)] for _ in range(3)])
Y = (X[:, 0] > 0.5).astype(int) + (X[:, 1] > 0.5)
INDICATORS = (X[:, :3] > 0.5).astype(int)
VALUES = 1000 + 50 * (X[:, 0] - X[:, 1])
MIXED = [("gaussian", [0, 3]), ("bernoulli", [1, 2, 4, 5])]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}


def dbn(cls=DBNClassifier, hidden="bernoulli", visible="auto", **parameters):
    rbm = [RBMTransformer(hidden=hidden, visible=visible, n_iter=2), RBMTransformer(n_iter=2)]
    if hidden != "bernoulli":
        rbm[1].set_params(visible=Bernoulli(scale="data") if hidden == "relu" else hidden)
    return cls((5, 4), rbm=rbm, max_iter=3, random_state=0, **parameters)


# Name: (estimator, rows, targets)
NETWORKS = {
    "binary": (dbn(), X, Y > 0),
    "several classes": (dbn(), X, np.array(["low", "middle", "high"])[Y]),
    "several labels": (dbn(), X, INDICATORS),
    "one value": (dbn(DBNRegressor), X, VALUES),
    "several values": (dbn(DBNRegressor), X, np.c_[VALUES, -VALUES, X[:, 2]]),
    "raw inputs": (dbn(visible="gaussian"), RAW, Y),
    "raw inputs and values": (dbn(DBNRegressor, visible="gaussian"), RAW, VALUES),
    "bytes": (dbn(visible=Bernoulli(scale=255)), np.round(255 * X), Y),
    "mixed inputs": (dbn(visible=MIXED), np.c_[RAW[:, 0], X[:, 1:3], RAW[:, 3], X[:, 4:]], Y),
    "categories": (dbn(visible=Softmax(groups=2)), CODES, Y),
    "no pre-training": (dbn(pretrain=False, visible="gaussian"), RAW, Y),
    "dropout": (dbn(dropout=(0.3, 0.0), input_dropout=0.2), X, Y),
    "frozen features": (dbn(fine_tuning=None), X, Y),
}
OTHER_UNITS = {
    "relu": (dbn(hidden="relu"), X, Y),
    "softmax": (dbn(hidden="softmax"), X, Y),
    "groups": (dbn(hidden=Softmax(groups=[[0, 3], [4, 1, 2]])), X, Y),
    "equal groups": (DBNClassifier((6,), rbm=RBMTransformer(hidden=Softmax(groups=3), n_iter=2)), X, Y),
    "mixed": (dbn(hidden=Mixed([("bernoulli", [0, 2]), (Softmax(), [3, 1, 4])])), X, Y),
}
each_network = pytest.mark.parametrize("name", NETWORKS)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def fitted(name, dtype=np.float64):
    model, rows, targets = {**NETWORKS, **OTHER_UNITS}[name]
    rows = rows.astype(dtype)
    return copy.deepcopy(model).fit(rows, targets), rows, targets


def expected(model, rows):
    """Return probabilities or values, a column for each output, computed in float64.

    In float32 the network itself may be further from them: its weights act on X as it is, and of raw
    columns with a large location few digits remain.
    """
    model, rows = copy.copy(model), rows.astype(np.float64)
    model.coefs_, model.intercepts_ = (
        [array.astype(np.float64) for array in arrays] for arrays in (model.coefs_, model.intercepts_)
    )
    if hasattr(model, "predict_proba"):
        return model.predict_proba(rows)
    return model.predict(rows).reshape(len(rows), -1)


def assert_equal_up_to_rounding(found, wanted, dtype):
    scale = max(1, np.abs(wanted).max())
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=TOLERANCE[dtype])


# -- PyTorch --------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # the arrays are small, and threads that wait would make them slower
    return torch


def answers_of_torch(torch, module, model, rows):
    with torch.no_grad():
        outputs = module(torch.from_numpy(rows))
    if not hasattr(model, "predict_proba"):
        return outputs.numpy()
    is_indicator = model.predict(rows[:1]).ndim == 2
    return (outputs.sigmoid() if is_indicator else outputs.softmax(dim=1)).numpy()


@each_dtype
@pytest.mark.parametrize("name", [*NETWORKS, *OTHER_UNITS])
def test_a_torch_module_gives_what_the_network_gives(torch, name, dtype):
    model, rows, _ = fitted(name, dtype)
    found = answers_of_torch(torch, model.to_torch(), model, rows)
    assert found.dtype == dtype
    assert_equal_up_to_rounding(found, expected(model, rows), dtype)


@pytest.mark.parametrize("name", ["raw inputs", "raw inputs and values"])
def test_raw_inputs_lose_no_digits_in_float32(torch, name):
    model, rows, _ = fitted(name)
    found = answers_of_torch(torch, model.to_torch().float(), model, rows.astype(np.float32))
    assert_equal_up_to_rounding(found, expected(model, rows), np.float32)


def loss_of(torch, model, targets):
    """Return the loss that goes with the outputs, and the targets it takes."""
    if isinstance(model, DBNRegressor):
        return torch.nn.MSELoss(), torch.from_numpy(targets.reshape(len(targets), -1)) / 50
    if targets.ndim == 2:
        return torch.nn.BCEWithLogitsLoss(), torch.from_numpy(targets).double()
    return torch.nn.CrossEntropyLoss(), torch.from_numpy(np.searchsorted(model.classes_, targets))


@pytest.mark.parametrize(
    "name",
    [
        "binary",
        "several classes",
        "several labels",
        "one value",
        "raw inputs",
        "raw inputs and values",
        "relu",
    ],
)
def test_training_goes_on_in_torch(torch, name):
    model, rows, targets = fitted(name)
    module, x = model.to_torch(), torch.from_numpy(rows)
    criterion, t = loss_of(torch, model, targets)
    unit = 50 if isinstance(model, DBNRegressor) else 1
    optimizer = torch.optim.RMSprop(module.parameters(), lr=0.01)
    losses = []
    for _ in range(30):
        loss = criterion(module(x) / unit, t)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # It begins where the network ended, and falls.
    wanted = expected(model, rows)
    if isinstance(model, DBNRegressor):
        beginning = np.mean((wanted - targets.reshape(wanted.shape)) ** 2) / 50**2
    elif targets.ndim == 2:
        beginning = -np.mean(np.log(np.where(targets, wanted, 1 - wanted)))
    else:
        beginning = -np.mean(np.log(wanted[np.arange(N_ROWS), t.numpy()]))
    assert losses[0] == pytest.approx(beginning, rel=1e-9)
    assert losses[-1] < 0.95 * losses[0]
    assert all(np.diff(losses)[-5:] < 0)


def test_dropout_acts_in_training_only(torch):
    model, rows, _ = fitted("dropout")
    module, x = model.to_torch(), torch.from_numpy(rows)
    shares = {name: part.p for name, part in module.named_children() if name.startswith("dropout")}
    assert shares == {
        "dropout0": 0.2,
        "dropout1": 0.3,
    }  # of the inputs and of the first layer; 0 is left out
    assert torch.equal(module(x), module(x))
    module.train()
    assert not torch.equal(module(x), module(x))


def test_scales_are_not_trained(torch):
    model, _, _ = fitted("raw inputs and values")
    module = model.to_torch()
    trained = [name for name, _ in module.named_parameters()]
    layers = ["linear1", "linear2", "output"]
    assert trained == [f"{layer}.{what}" for layer in layers for what in ("weight", "bias")]
    np.testing.assert_allclose(module.input_scaling.location, RAW.mean(axis=0))
    np.testing.assert_allclose(module.output_scaling.scale, [VALUES.std()])


@pytest.mark.parametrize("name", ["raw inputs and values", "relu", "groups", "mixed"])
def test_torch_modules_can_be_pickled_and_saved(torch, name):
    model, rows, _ = fitted(name)
    module, x = model.to_torch(), torch.from_numpy(rows)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    for loaded in (pickle.loads(pickle.dumps(module)), torch.load(file, weights_only=False)):
        assert torch.equal(loaded(x), module(x))


def test_a_module_is_a_copy(torch):
    model, rows, _ = fitted("binary")
    before = model.predict_proba(rows)
    with torch.no_grad():
        for parameter in model.to_torch().parameters():
            parameter.zero_()
    np.testing.assert_array_equal(model.predict_proba(rows), before)


def test_export_leaves_the_random_state_of_torch_alone(torch):
    model, _, _ = fitted("binary")
    torch.manual_seed(0)
    first = torch.rand(3)
    torch.manual_seed(0)
    model.to_torch()
    assert torch.equal(torch.rand(3), first)


@each_dtype
@pytest.mark.parametrize("visible", ["bernoulli", "gaussian", MIXED], ids=str)
@pytest.mark.parametrize("hidden", ["bernoulli", "softmax"])
def test_encoders_of_machines_and_stacks_give_their_features(torch, visible, hidden, dtype):
    rows = (RAW if visible == "gaussian" else X).astype(dtype)
    machine = RBMTransformer(4, visible=visible, hidden=hidden, n_iter=2, random_state=0)
    stack = dbn(DBNTransformer, visible=visible, hidden=hidden)
    for model in (machine.fit(rows), stack.fit(rows)):
        with torch.no_grad():
            found = model.to_torch()(torch.from_numpy(rows)).numpy()
        assert_equal_up_to_rounding(found, model.transform(rows), dtype)


def test_relu_means_and_slopes_are_right_from_far_below_to_far_above_zero(torch):
    from skdbn._export_torch import means_of

    field = np.concatenate([np.linspace(-50, 50, 1001), [0.0, 1e-9, -1e-9]])
    x = torch.tensor(field, requires_grad=True)
    mean = means_of(ReLU(), 1)(x)
    mean.sum().backward()
    unit = ReLU()
    np.testing.assert_allclose(mean.detach().numpy(), unit.mean(field), rtol=1e-13, atol=1e-15)
    # The slope of the mean is the variance.
    np.testing.assert_allclose(x.grad.numpy(), unit.variance(unit.mean(field)), rtol=1e-9, atol=1e-13)


def test_torch_modules_have_no_other_names(torch):
    module = importlib.import_module("skdbn._export_torch")
    assert module.CountMean.__name__ == "CountMean"
    with pytest.raises(AttributeError, match="no attribute 'Other'"):
        _ = module.Other


def test_a_missing_torch_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    model, _, _ = fitted("binary")
    with pytest.raises(ImportError, match="^to_torch needs PyTorch: pip install torch.$"):
        model.to_torch()


# -- scikit-learn's perceptron --------------------------------------------------------------------


@each_dtype
@each_network
def test_a_perceptron_predicts_what_the_network_predicts(name, dtype):
    model, rows, _ = fitted(name, dtype)
    perceptron = model.to_mlp()
    check_is_fitted(perceptron)
    assert {array.dtype for array in [*perceptron.coefs_, *perceptron.intercepts_]} == {np.dtype(dtype)}
    wanted = model.predict(rows)
    if isinstance(model, DBNRegressor):
        assert isinstance(perceptron, MLPRegressor)
        assert_equal_up_to_rounding(perceptron.predict(rows), wanted, dtype)
    else:
        assert isinstance(perceptron, MLPClassifier)
        np.testing.assert_array_equal(perceptron.predict(rows), wanted)
        found = perceptron.predict_proba(rows)
        assert_equal_up_to_rounding(found, model.predict_proba(rows), dtype)


def test_gaussian_layers_are_an_identity():
    rbm = RBMTransformer(visible="bernoulli", hidden="gaussian", n_iter=2)
    model = DBNClassifier((5,), rbm=rbm, max_iter=3, random_state=0).fit(X, Y)
    perceptron = model.to_mlp()
    assert perceptron.activation == "identity"
    np.testing.assert_allclose(perceptron.predict_proba(X), model.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize(
    "name", ["binary", "several classes", "several labels", "one value", "several values"]
)
def test_a_perceptron_goes_on_from_the_weights(name):
    model, rows, targets = fitted(name)
    perceptron = pickle.loads(pickle.dumps(model.to_mlp()))
    # A rate of almost nothing: training has begun at the weights of the network.
    perceptron.set_params(learning_rate_init=1e-9, random_state=0).partial_fit(rows, targets)
    for mine, theirs in zip(model.to_mlp().coefs_, perceptron.coefs_, strict=True):
        np.testing.assert_allclose(theirs, mine, atol=1e-8)
    first_loss = perceptron.loss_
    perceptron = model.to_mlp().set_params(learning_rate_init=0.01, random_state=0)
    for _ in range(50):
        perceptron.partial_fit(rows, targets)
    assert len(perceptron.loss_curve_) == 50
    assert perceptron.loss_ < 0.97 * first_loss


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_fit_with_warm_start_goes_on_from_the_weights(solver):
    model, rows, targets = fitted("several classes")
    perceptron = model.to_mlp().set_params(solver=solver, warm_start=True, max_iter=1, random_state=0)
    perceptron.set_params(learning_rate_init=1e-9, tol=1e9).fit(rows, targets)
    distance = sum(np.abs(a - b).sum() for a, b in zip(perceptron.coefs_, model.coefs_, strict=True))
    fresh = MLPClassifier((5, 4), activation="logistic", max_iter=1, random_state=0).fit(rows, targets)
    assert distance < 0.2 * sum(
        np.abs(a - b).sum() for a, b in zip(fresh.coefs_, model.coefs_, strict=True)
    )


def test_a_perceptron_is_a_copy():
    model, rows, targets = fitted("several classes")
    before = model.predict_proba(rows)
    model.to_mlp().partial_fit(rows, targets)
    np.testing.assert_array_equal(model.predict_proba(rows), before)


def test_names_of_columns_are_handed_on():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdef"))
    perceptron = dbn().fit(frame, Y).to_mlp()
    assert perceptron.feature_names_in_.tolist() == list("abcdef")
    perceptron.predict(frame)  # would warn of unknown names


def test_a_digits_network_survives_the_change():
    X, y = load_digits(return_X_y=True)
    model = DBNClassifier((32,), rbm=RBMTransformer(n_iter=3), max_iter=5, random_state=0)
    model.fit(X[:1000] / 16, y[:1000])
    perceptron = model.to_mlp()
    np.testing.assert_allclose(perceptron.predict_proba(X / 16), model.predict_proba(X / 16), atol=1e-12)
    assert perceptron.score(X[1000:] / 16, y[1000:]) == model.score(X[1000:] / 16, y[1000:]) > 0.8


def test_raw_regression_data_survive_the_change():
    X, y = load_diabetes(return_X_y=True)
    model = DBNRegressor((8,), rbm=RBMTransformer(n_iter=3), max_iter=5, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.to_mlp().predict(X), model.predict(X), rtol=1e-12)


# -- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHER_UNITS)
def test_units_that_no_perceptron_has_are_refused(name):
    model, _, _ = fitted(name)
    kind = type(model._units[0]).__name__
    with pytest.raises(ValueError, match=f"all Bernoulli or all Gaussian.* these are {kind}.*to_torch"):
        model.to_mlp()


@pytest.mark.parametrize("method", ["to_mlp", "to_torch"])
def test_up_down_networks_are_refused(method):
    pytest.importorskip("torch")
    model = dbn(fine_tuning="up-down").fit(X, Y)
    with pytest.raises(ValueError, match=f'{method} is for .*"up-down".*to_onnx'):
        getattr(model, method)()


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="two or more classes"):
        dbn().fit(X, np.zeros(N_ROWS)).to_mlp()


@pytest.mark.parametrize("method", ["to_mlp", "to_torch"])
@pytest.mark.parametrize("model", [DBNClassifier(), DBNRegressor(), DBNTransformer(), RBMTransformer()])
def test_estimators_that_are_not_fitted_say_so(model, method):
    if hasattr(model, method):
        with pytest.raises(NotFittedError):
            getattr(model, method)()
