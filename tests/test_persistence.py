"""A stored estimator is the same estimator: equal outputs, and training that goes on bit for bit."""

import io
import pickle
from functools import cache
from itertools import chain

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.optimizers import SGD, AdaGrad, Adam, RMSProp
from skdbn.persistence import SKOPS_TRUSTED
from skdbn.samplers import CD, PCD, FastPCD, MeanField, ParallelTempering
from skdbn.schedules import Cosine, Exponential, InverseScaling, Linear
from skdbn.sparsity import SparsityTarget
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"  # of trainings of two epochs
)

N_ROWS, N_FEATURES = 40, 6
RNG = np.random.default_rng(0)
# One-hot in pairs, so that rows are data for every type of visible units.
X = np.hstack([np.eye(2)[RNG.integers(2, size=N_ROWS)] for _ in range(3)])
Y = np.tile([0, 1, 2, 1], 10)
INDICATORS = (RNG.random((N_ROWS, 3)) < 0.5).astype(int)
VALUES = RNG.normal(size=(N_ROWS, 2))
MIXED = [("gaussian", [0, 2]), ("bernoulli", [1, 3]), ("softmax", [[4, 5]])]


def rbm(**parameters):
    return RBMTransformer(4, n_iter=2, random_state=0, **parameters)


def dbn(cls, **parameters):
    return cls((4, 3), rbm=RBMTransformer(n_iter=1), max_iter=2, random_state=0, **parameters)


MODELS = {
    **{
        f"sampler {type(sampler).__name__}": (rbm(sampler=sampler), None)
        for sampler in (PCD(), CD(), FastPCD(), ParallelTempering(), MeanField())
    },
    **{
        f"optimizer {type(optimizer).__name__}": (rbm(optimizer=optimizer), None)
        for optimizer in (SGD(momentum=0.5), RMSProp(centered=True, momentum=0.5), Adam(), AdaGrad())
    },
    **{
        f"schedule {type(rate).__name__}": (rbm(learning_rate=rate, optimizer=RMSProp(rho=rate)), None)
        for rate in (Linear(0.1, 0.01), Exponential(0.1, 0.01), Cosine(0.1, 0.01), InverseScaling(0.1))
    },
    **{
        f"visible {unit!r}": (rbm(visible=unit), None)
        for unit in (
            *("bernoulli", "gaussian", "relu", MIXED),
            *(Bernoulli(scale="data"), Gaussian(scale="learned"), ReLU(exact=True)),
            *(Softmax(groups=2), Softmax(groups=[[0, 1], [2, 3], [5, 4]])),
        )
    },
    **{
        f"hidden {unit!r}": (rbm(hidden=unit), None)
        for unit in ("gaussian", "relu", "softmax", Mixed([("bernoulli", [0, 2]), ("gaussian", [3, 1])]))
    },
    "sparsity": (rbm(sparsity=SparsityTarget(0.2)), None),
    "not centred": (rbm(centered=False, batch_size=None), None),
    "random state": (rbm().set_params(random_state=np.random.RandomState(0)), None),
    "classifier": (dbn(DBNClassifier), Y),
    "text labels": (dbn(DBNClassifier), np.array(["a", "b", "c"])[Y]),
    "object labels": (dbn(DBNClassifier), np.array(["a", "b", "c"], dtype=object)[Y]),
    "several labels": (dbn(DBNClassifier), INDICATORS),
    "relu layers": (dbn(DBNClassifier).set_params(rbm__hidden="relu"), Y),
    "up-down": (dbn(DBNClassifier, fine_tuning="up-down"), Y),
    "no fine-tuning": (dbn(DBNClassifier, fine_tuning=None), Y),
    "pre-trained apart": (dbn(DBNClassifier).pretrain_on(X), Y),
    "regressor": (dbn(DBNRegressor), VALUES),
    "one value": (dbn(DBNRegressor), VALUES[:, 0]),
    "transformer": (dbn(DBNTransformer), None),
    "autoencoder": (dbn(DBNTransformer, fine_tuning="reconstruction", linear_code=True), None),
    "class RBM": (RBMClassifier(4, max_iter=2, random_state=0), Y),
    "class RBM, mixed": (RBMClassifier(4, visible=MIXED, max_iter=2, random_state=0), Y),
}
each_model = pytest.mark.parametrize("name", MODELS)


def through_skops(model):
    skops = pytest.importorskip("skops.io")
    return skops.loads(skops.dumps(model), trusted=SKOPS_TRUSTED)


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


each_format = pytest.mark.parametrize(
    "stored",
    [lambda model: pickle.loads(pickle.dumps(model)), through_joblib, through_skops],
    ids=["pickle", "joblib", "skops"],
)


def fitted(name):
    model, y = MODELS[name]
    return clone(model).fit(X, y), y


@cache
def shared(name):
    """The same, for tests that change nothing."""
    return fitted(name)[0]


def answers(model):
    """All that the model says about the rows, bit for bit."""
    methods = ("transform", "predict", "predict_proba", "predict_log_proba", "reconstruct", "free_energy")
    return [getattr(model, name)(X) for name in methods if hasattr(model, name)]


def assert_identical(first, second):
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@each_format
@each_model
def test_a_stored_model_gives_equal_answers(name, stored):
    model = shared(name)
    assert_identical(answers(stored(model)), answers(model))


@each_format
@each_model
def test_training_goes_on_bit_for_bit_after_loading(name, stored):
    model, y = fitted(name)
    loaded = stored(model)
    before = answers(model)
    for each in (model, loaded):
        each.partial_fit(X, y) if y is not None else each.partial_fit(X)
    assert_identical(answers(loaded), answers(model))
    # Not both unchanged: another pass moves the weights.
    assert any((one != other).any() for one, other in zip(before, answers(model), strict=True))


@each_format
def test_draws_of_a_stored_model_are_equal(stored):
    model = shared("class RBM")
    draws = [each.sample(5, y=1, random_state=3) for each in (model, stored(model))]
    np.testing.assert_array_equal(*draws)


@each_format
def test_float32_sparse_rows_and_frames_survive(stored):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X.astype(np.float32), columns=[f"column {i}" for i in range(N_FEATURES)])
    model = rbm().fit(frame)
    loaded = stored(model)
    assert loaded.feature_names_in_.tolist() == frame.columns.tolist()
    assert loaded.components_.dtype == np.float32
    np.testing.assert_array_equal(loaded.transform(frame), model.transform(frame))


@each_format
def test_a_stored_pipeline_gives_equal_answers(stored):
    model = make_pipeline(StandardScaler(), dbn(DBNClassifier)).fit(X, Y)
    np.testing.assert_array_equal(stored(model).predict_proba(X), model.predict_proba(X))


@each_format
def test_unfitted_estimators_can_be_stored(stored):
    model = DBNClassifier(rbm=[rbm(), rbm(hidden="relu")], learning_rate=Linear(0.1, 0))
    assert str(stored(model).get_params()) == str(model.get_params())


# -- what skops has to trust ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def untrusted():
    """What skops reports for each model, without a list of trusted types."""
    skops = pytest.importorskip("skops.io")
    dumps = {name: skops.dumps(shared(name)) for name in MODELS}
    return {name: set(skops.get_untrusted_types(data=data)) for name, data in dumps.items()}


def test_the_list_of_trusted_types_has_all_that_models_hold_and_nothing_else(untrusted):
    assert set(chain(*untrusted.values())) == set(SKOPS_TRUSTED)
    assert sorted(set(SKOPS_TRUSTED)) == SKOPS_TRUSTED


def test_only_types_of_this_package_need_trust():
    assert all(name.startswith("skdbn.") for name in SKOPS_TRUSTED)


def test_skops_refuses_a_model_without_trust():
    skops = pytest.importorskip("skops.io")
    from skops.io.exceptions import UntrustedTypesFoundException

    data = skops.dumps(shared("classifier"))
    with pytest.raises(UntrustedTypesFoundException, match="DBNClassifier"):
        skops.loads(data, trusted=[])


def test_callbacks_are_taken_off_before_skops():
    callback = pytest.importorskip("sklearn.callback")
    skops = pytest.importorskip("skops.io")
    model = rbm().set_callbacks(callback.ScoringMonitor(scoring="r2"))
    untrusted = skops.get_untrusted_types(data=skops.dumps(model))
    assert not set(untrusted) <= set(SKOPS_TRUSTED)
    model.set_callbacks()
    assert set(skops.get_untrusted_types(data=skops.dumps(model))) <= set(SKOPS_TRUSTED)
