"""A fit that was cut off goes on from its checkpoint and ends, to the last bit, as it would have."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from kinds_of_training import MODELS, RBM, each_model
from same_state import assert_same_state
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdbn import (
    DBNClassifier,
    DBNTransformer,
    RBMClassifier,
    RBMTransformer,
    _checkpoint_file,
)
from skdbn._sklearn_compat import import_callback
from skdbn._state_tree import captured, restored
from skdbn.callbacks import Checkpoint, EarlyStopping
from skdbn.optimizers import RMSProp

pytestmark = [
    pytest.mark.skipif(import_callback() is None, reason="scikit-learn has callbacks from 1.9 on"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # of few epochs
]


class CutOffError(Exception):
    """Stands for the end of the process."""


class Cut:
    """Ends a fit after so many epochs."""

    watches_layers = True

    def __init__(self, after):
        self.n_left = after

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self.n_left -= 1
            if self.n_left < 0:
                raise CutOffError

    def on_fit_task_end(self, estimator, context):
        pass


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X[:150] / 16).astype(np.float32), y[:150]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.npz"


def cut_off(model, after, path, *data):
    """Fit a clone of the model and end it after so many epochs; return whether it was cut off by that."""
    callbacks = Checkpoint(path), Cut(after)
    try:
        clone(model).set_callbacks(*callbacks).fit(*data)
    except CutOffError:
        return True
    return False


# -- going on --------------------------------------------------------------------------------------


@each_model
def test_every_kind_of_training_goes_on_to_the_same_end(model, path, digits):
    model = clone(model).set_params(random_state=0)
    whole = clone(model).fit(*digits)
    n_cut = 0
    for after in (1, 2, 3, 4, 6, 7, 8, 9, 11):
        was_cut = cut_off(model, after, path, *digits)
        n_cut += was_cut
        assert_same_state(clone(model).fit(*digits, resume_from=path), whole)
        path.unlink()
    assert n_cut >= 3


def test_a_random_state_of_none_goes_on_with_the_generator_of_the_cut_fit(path, digits):
    model = MODELS["classifier"]
    seeded = clone(model).set_params(random_state=np.random.RandomState(5))
    whole = clone(model).set_params(random_state=np.random.RandomState(5)).fit(*digits)
    assert cut_off(seeded, 8, path, *digits)
    went_on = clone(model).fit(*digits, resume_from=path)
    assert went_on.random_state is None
    assert_same_state(went_on.set_params(random_state=whole.random_state), whole)


def test_what_went_on_can_be_cut_off_again(path, digits):
    model = clone(MODELS["classifier"]).set_params(random_state=0)
    whole = clone(model).fit(*digits)
    assert cut_off(model, 4, path, *digits)
    for after in (3, 3):
        with pytest.raises(CutOffError):
            clone(model).set_callbacks(Checkpoint(path), Cut(after)).fit(*digits, resume_from=path)
    went_on = clone(model).set_callbacks(Checkpoint(path)).fit(*digits, resume_from=path)
    assert_same_state(went_on, whole)


def test_going_on_from_the_end_trains_nothing(path, digits):
    model = clone(MODELS["classifier"]).set_params(random_state=0)
    whole = clone(model).set_callbacks(Checkpoint(path)).fit(*digits)
    went_on = clone(model).set_callbacks(Cut(0)).fit(*digits, resume_from=path)
    assert_same_state(went_on, whole)


@pytest.mark.parametrize("checkpoint_first", [True, False])
def test_early_stopping_goes_on_too(checkpoint_first, path, digits):
    model = RBMTransformer(7, n_iter=60, learning_rate=0.02, random_state=0)

    def stopping():
        return EarlyStopping("reconstruction_error", patience=3, tol=1e-3)

    whole = clone(model).set_callbacks(stopping()).fit(*digits)
    assert 5 < whole.n_iter_ < 60
    for after in (whole.n_iter_ - 1, whole.n_iter_ - 3, whole.n_iter_):
        callbacks = [Checkpoint(path), stopping()]
        callbacks = callbacks if checkpoint_first else callbacks[::-1]
        cut = clone(model).set_callbacks(*callbacks, Cut(after))
        if after < whole.n_iter_:
            with pytest.raises(CutOffError):
                cut.fit(*digits)
        else:
            cut.fit(*digits)
        went_on = clone(model).set_callbacks(stopping()).fit(*digits, resume_from=path)
        assert_same_state(went_on, whole)


def test_rows_held_out_and_weights_of_rows_are_taken_up_again(path, digits):
    X, y = digits
    model = clone(MODELS["classifier"]).set_params(random_state=0)
    weights = np.linspace(0, 2, 100)
    data = {"sample_weight": weights, "X_val": X[100:], "y_val": y[100:]}
    whole = clone(model).fit(X[:100], y[:100], **data)
    with pytest.raises(CutOffError):
        clone(model).set_callbacks(Checkpoint(path), Cut(7)).fit(X[:100], y[:100], **data)
    assert_same_state(clone(model).fit(X[:100], y[:100], **data, resume_from=path), whole)


def test_a_step_of_a_pipeline_goes_on(path, digits):
    X, y = digits
    model = make_pipeline(StandardScaler(), DBNClassifier((5,), rbm=RBM, max_iter=4, random_state=0))
    whole = clone(model).fit(X, y)
    cut = clone(model)
    cut[-1].set_callbacks(Checkpoint(path), Cut(5))
    with pytest.raises(CutOffError):
        cut.fit(X, y)
    went_on = clone(model).fit(X, y, dbnclassifier__resume_from=path)
    assert_same_state(went_on[-1], whole[-1])


def test_epochs_between_writings_and_the_ends_of_stages(path, digits, monkeypatch):
    written = []
    monkeypatch.setattr(
        _checkpoint_file,
        "write",
        lambda path, tree: written.append((tree["n_epochs"], list(tree["trainings"]))),
    )
    model = DBNClassifier((5, 4), rbm=RBMTransformer(n_iter=5), max_iter=4, random_state=0)
    model.set_callbacks(Checkpoint(path, every=2)).fit(*digits)
    first, second, last = "Pretraining of layer 1", "Pretraining of layer 2", "Fine-tuning"
    assert written == [
        *[(n, [first]) for n in (2, 4, 5)],
        *[(n, [first, second]) for n in (7, 9, 10)],
        *[(n, [first, second, last]) for n in (12, 14)],
    ]


# -- the file --------------------------------------------------------------------------------------


def test_the_file_holds_plain_arrays_and_json(path, digits):
    RBMTransformer(7, n_iter=2, random_state=0).set_callbacks(Checkpoint(path)).fit(*digits)
    with np.load(path, allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "biuf" for name in archive.files)
        whole = json.loads(archive["tree"].tobytes())
    assert whole["format"] == 1
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


# A process that fits, and dies at the given system call of the given writing of the file.
DYING = """
    import os, signal, sys, warnings
    import numpy as np
    from sklearn.datasets import load_digits
    from skdbn import DBNClassifier, RBMTransformer
    from skdbn.callbacks import Checkpoint

    path, dies_in, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    calls = 0

    def dying(function):
        def call(*arguments, **options):
            global calls
            calls += 1
            if calls == number:
                if dies_in == "savez":  # a part of the file is there
                    arguments[0].write(b"PK\\x03\\x04 half a file")
                    arguments[0].flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)
        return call

    owner = np if dies_in == "savez" else os
    setattr(owner, dies_in, dying(getattr(owner, dies_in)))
    warnings.simplefilter("ignore")
    X, y = load_digits(return_X_y=True)
    X = (X[:150] / 16).astype(np.float32)
    model = DBNClassifier((7, 5), rbm=RBMTransformer(n_iter=3), max_iter=4, random_state=0)
    model.set_callbacks(Checkpoint(path)).fit(X, y[:150])
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize(("dies_in", "number"), [("savez", 2), ("savez", 9), ("fsync", 9), ("replace", 5)])
def test_a_process_killed_while_it_writes_leaves_a_whole_file(dies_in, number, path, digits):
    command = [sys.executable, "-c", textwrap.dedent(DYING), str(path), dies_in, str(number)]
    died = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert died.returncode == -signal.SIGKILL
    assert path.with_name(path.name + ".tmp").exists() or dies_in == "fsync"
    model = DBNClassifier((7, 5), rbm=RBMTransformer(n_iter=3), max_iter=4, random_state=0)
    whole = clone(model).fit(*digits)
    went_on = clone(model).set_callbacks(Checkpoint(path)).fit(*digits, resume_from=path)
    assert_same_state(went_on, whole)
    assert not path.with_name(path.name + ".tmp").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_what_is_no_checkpoint_is_refused(content, path, digits):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"fit.npz' is no checkpoint of skdbn, or not a whole one"):
        RBMTransformer().fit(*digits, resume_from=path)


def test_other_archives_and_other_formats_are_refused(path, digits, monkeypatch):
    np.savez(path, weights=np.ones(3))
    with pytest.raises(ValueError, match="is no checkpoint of skdbn"):
        RBMTransformer().fit(*digits, resume_from=path)
    monkeypatch.setattr(_checkpoint_file, "FORMAT", 2)
    assert cut_off(RBM, 1, path, *digits)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="has the checkpoint format 2, this version reads 1"):
        clone(RBM).fit(*digits, resume_from=path)


def test_a_file_that_is_missing_is_named(path, digits):
    with pytest.raises(FileNotFoundError, match="fit.npz"):
        RBMTransformer().fit(*digits, resume_from=path)


# -- other fits ------------------------------------------------------------------------------------


@pytest.fixture
def cut_path(path, digits):
    assert cut_off(RBMTransformer(7, n_iter=5, random_state=0), 2, path, *digits)
    return path


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 8}, "is of a fit with n_components=7, but it is 8 now"),
        ({"n_iter": 6}, "with n_iter=5, but it is 6 now"),
        ({"optimizer": "sgd"}, "with optimizer='rmsprop', but it is 'sgd' now"),
        ({"optimizer": RMSProp()}, "with optimizer='rmsprop', but it is 'RMSProp' now"),
    ],
)
def test_other_parameters_are_refused_by_name(parameters, message, cut_path, digits):
    model = RBMTransformer(7, n_iter=5, random_state=0).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(*digits, resume_from=cut_path)
    assert not hasattr(model, "components_")


def test_parameters_of_parts_are_compared_too(path, digits):
    model = clone(MODELS["classifier"]).set_params(random_state=0, optimizer=RMSProp(rho=0.8))
    assert cut_off(model, 2, path, *digits)
    for name, value in {"rbm__alpha": 0.5, "optimizer__rho": 0.9}.items():
        with pytest.raises(ValueError, match=f"with {name}=.* but it is {value} now"):
            clone(model).set_params(**{name: value}).fit(*digits, resume_from=path)


def test_another_stack_of_lent_layers_is_refused(path, digits):
    X, y = digits
    stack, other = (DBNTransformer((7, 5), rbm=RBM, random_state=seed).fit(X) for seed in (0, 1))
    model = DBNClassifier(
        (7, 5), max_iter=6, pretrain=FrozenEstimator(stack), frozen_layers=1, random_state=0
    )
    whole = clone(model).fit(X, y)
    assert cut_off(model, 3, path, X, y)

    with pytest.raises(ValueError, match="pretrain__estimator__rbms_='layers .*', but it is 'layers "):
        clone(model).set_params(pretrain=FrozenEstimator(other)).fit(X, y, resume_from=path)
    assert_same_state(clone(model).fit(X, y, resume_from=path), whole)


def test_verbosity_and_seed_may_differ(cut_path, digits, capsys):
    whole = RBMTransformer(7, n_iter=5, random_state=0).fit(*digits)
    went_on = RBMTransformer(7, n_iter=5, random_state=3, verbose=1).fit(*digits, resume_from=cut_path)
    np.testing.assert_array_equal(went_on.components_, whole.components_)
    assert "epoch 3/5" in capsys.readouterr().out


def test_other_data_are_refused(cut_path, digits):
    X, _ = digits
    model = RBMTransformer(7, n_iter=5, random_state=0)
    with pytest.raises(
        ValueError, match=r"of X with the shape \(150, 64\) and dtype float32; got \(149, 64\)"
    ):
        model.fit(X[1:], resume_from=cut_path)
    with pytest.raises(ValueError, match=r"dtype float32; got \(150, 64\) and float64"):
        model.fit(X.astype(np.float64), resume_from=cut_path)
    with pytest.raises(ValueError, match="is of X with other values"):
        model.fit(X[::-1], resume_from=cut_path)
    with pytest.raises(ValueError, match="is of a fit without sample_weight"):
        model.fit(X, sample_weight=np.ones(150), resume_from=cut_path)


def test_another_estimator_or_version_is_refused(cut_path, digits, monkeypatch):
    with pytest.raises(ValueError, match="is of estimator RBMTransformer, but this is RBMClassifier"):
        RBMClassifier(7).fit(*digits, resume_from=cut_path)
    monkeypatch.setattr("skdbn._journal.version", lambda package: "99.0")
    with pytest.raises(ValueError, match=r"is of skdbn .*, but this is 99.0"):
        RBMTransformer(7, n_iter=5, random_state=0).fit(*digits, resume_from=cut_path)


@pytest.mark.parametrize("name", ["PCD", "classifier", "stack", "class RBM"])
def test_a_warm_start_is_refused(name, path, digits):
    model = clone(MODELS[name]).set_params(random_state=0, warm_start=True)
    assert cut_off(model, 2, path, *digits)  # its first fit begins anew
    model.fit(*digits)
    with pytest.raises(ValueError, match="set warm_start=False, or leave out resume_from and Checkpoint"):
        model.fit(*digits, resume_from=path)
    with pytest.raises(ValueError, match="set warm_start=False, or leave out resume_from and Checkpoint"):
        model.set_callbacks(Checkpoint(path)).fit(*digits)


def test_one_file_for_the_many_fits_of_a_search_is_refused(path, digits):
    model = RBMTransformer(7, n_iter=2).set_callbacks(Checkpoint(path))
    search = GridSearchCV(model, {"alpha": [0.0, 0.1]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match="is one file for one fit, but GridSearchCV makes many"):
        search.fit(*digits)


def test_a_folder_that_is_missing_is_told_before_the_fit(tmp_path, digits):
    model = RBMTransformer().set_callbacks(Checkpoint(tmp_path / "none" / "fit.npz"))
    with pytest.raises(FileNotFoundError, match="there is no folder .*none'; make it first"):
        model.fit(*digits)


# -- the parts -------------------------------------------------------------------------------------


class Thing:
    resumable = ("number", "array")

    def __init__(self, number, array):
        self.number, self.array, self.rest = number, array, "as it was"


def test_a_tree_survives_the_file_and_goes_back_into_what_is_there(tmp_path):
    def make(seed):
        rng = np.random.default_rng(seed)
        rng.random(seed)
        return {
            "rng": rng,
            "thing": Thing(float(seed), np.full((2, 3), float(seed))),
            "list": [seed, None, "text"],
        }

    source, target = make(3), make(8)
    array = target["thing"].array
    source["thing"].number = np.float32(0.1)
    source["list"] += [np.nan, np.inf, 2**127]
    _checkpoint_file.write(tmp_path / "tree.npz", captured(source))
    back = _checkpoint_file.read(tmp_path / "tree.npz")
    for name in target:
        target[name] = restored(target[name], back[name])
    assert target["thing"].array is array  # others may share it
    np.testing.assert_array_equal(array, np.full((2, 3), 3.0))
    assert target["thing"].number == np.float32(0.1)
    assert target["thing"].rest == "as it was"
    assert target["rng"].random() == source["rng"].random()
    np.testing.assert_equal(target["list"], source["list"])


def test_what_is_captured_is_a_copy():
    array = np.ones(3)
    tree = captured({"a": [array]})
    array[0] = 5
    np.testing.assert_array_equal(tree["a"][0], np.ones(3))


def test_a_failed_writing_leaves_the_former_file(tmp_path, monkeypatch):
    path = Path(tmp_path) / "tree.npz"
    _checkpoint_file.write(path, {"a": np.ones(3)})

    def full(*arguments, **options):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        _checkpoint_file.write(path, {"a": np.zeros(3)})
    np.testing.assert_array_equal(_checkpoint_file.read(path)["a"], np.ones(3))
