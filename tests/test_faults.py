"""Files that are broken or made to harm, and disks that fail.

The variable SKDBN_N_FILES of the environment makes the long runs: it is the number of files of each kind of
change. pytest -rP shows the figures.
"""

import builtins
import copy
import errno
import io
import json
import os
import random
import sys
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from same_state import assert_same_state
from sklearn.base import clone

from skdbn import DBNClassifier, RBMTransformer, _checkpoint_file
from skdbn._sklearn_compat import import_callback
from skdbn._state_tree import restored
from skdbn.callbacks import Checkpoint
from skdbn.exceptions import DivergenceError

pytestmark = [
    pytest.mark.skipif(import_callback() is None, reason="scikit-learn has callbacks from 1.9 on"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # of few epochs
]
N_FILES = int(os.environ.get("SKDBN_N_FILES", "150"))
MODEL = DBNClassifier((4,), rbm=RBMTransformer(n_iter=2), max_iter=3, early_stopping=True, random_state=0)


@pytest.fixture(scope="module")
def data():
    X = np.random.default_rng(0).random((40, 6)).astype(np.float32)
    return X, np.arange(40) % 2


class CutOffError(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def content(data, tmp_path_factory):
    """Bytes of the checkpoint of a fit that was cut off in its fine-tuning."""
    path = tmp_path_factory.mktemp("whole") / "fit.npz"
    write, contents = _checkpoint_file.write, []

    def kept(path, tree):
        write(path, tree)
        contents.append(path_bytes(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_checkpoint_file, "write", kept)
        clone(MODEL).set_callbacks(Checkpoint(path)).fit(*data)
    return contents[-2]


def path_bytes(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.fixture(scope="module")
def whole(data):
    return clone(MODEL).fit(*data)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fit.npz"


def entries_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(entries, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # entries of one name
        for name, entry in entries:
            archive.writestr(name, entry)
    return stream.getvalue()


def npy_of(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def tree_of(content):
    return json.loads(np.load(io.BytesIO(content))["tree"].tobytes())


def with_tree(content, tree):
    text = tree if isinstance(tree, str) else json.dumps(tree)
    entries = {**entries_of(content), "tree.npy": npy_of(np.frombuffer(text.encode(), np.uint8))}
    return archive_of(entries.items())


def resumed(content, path, data):
    """Return the estimator that goes on from the bytes, or None where they are refused as they should."""
    path.write_bytes(content)
    model = clone(MODEL)
    before = dict(vars(model))
    try:
        return model.fit(*data, resume_from=path)
    except DivergenceError:  # of weights that are no numbers
        message = "fit.npz"
    except ValueError as error:
        message = str(error)
    assert "fit.npz" in message, message
    assert vars(model) == before
    return None


# -- damage: what is not refused did not matter ----------------------------------------------------


def damaged(content, rng):
    """Return the bytes with one accident."""
    place, length = rng.randrange(len(content)), rng.choice([1, 2, 8, 100])
    accidents = [
        lambda: content[:place],
        lambda: content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :],
        lambda: content[:place] + rng.randbytes(length) + content[place + length :],
        lambda: content[:place] + rng.randbytes(length) + content[place:],
        lambda: content[:place] + content[place + length :],
        lambda: content[:place] + bytes(length) + content[place + length :],
        lambda: content[place:] + content[:place],
    ]
    return rng.choice(accidents)()


def test_a_damaged_file_is_refused_or_ends_as_the_whole_one(content, whole, path, data):
    rng = random.Random(0)
    n_refused = 0
    for _ in range(N_FILES):
        fitted = resumed(damaged(content, rng), path, data)
        n_refused += fitted is None
        if fitted is not None:
            assert_same_state(fitted, whole)
    sys.stdout.write(f"{n_refused} of {N_FILES} refused\n")
    assert N_FILES // 2 < n_refused < N_FILES


# -- forgery: whole archives with something else in them -------------------------------------------

STRANGE = [None, True, -1, 10**6, 2**70, 0.5, float("nan"), "text", [], {}, {"dict": {}}, {"array": "0"}]


def places_in(tree, place=()):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    yield place
    for name, item in items:
        yield from places_in(item, (*place, name))


def forged_tree(content, rng):
    tree = tree_of(content)
    place = rng.choice([place for place in places_in(tree) if place])
    owner = tree
    for name in place[:-1]:
        owner = owner[name]
    if rng.random() < 0.3:
        del owner[place[-1]]
    else:
        owner[place[-1]] = copy.deepcopy(rng.choice(STRANGE))
    return with_tree(content, tree)


def forged_array(content, rng):
    entries = entries_of(content)
    name, other = rng.sample(sorted(entries), 2)
    array = np.load(io.BytesIO(entries[name]))
    entries[name] = rng.choice(
        [
            lambda: entries[other],
            lambda: npy_of(array[..., :-1]),
            lambda: npy_of(array.astype(np.float64)),
            lambda: npy_of(array[None]),
            lambda: npy_of(array.astype(object)),
            lambda: npy_of(array.astype(array.dtype.newbyteorder())),
            lambda: npy_of(array.astype(str)),
            lambda: entries[name][: rng.randrange(len(entries[name]))],
            lambda: rng.randbytes(len(entries[name])),
        ]
    )()
    return archive_of(entries.items())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of other numbers
@pytest.mark.parametrize("forged", [forged_tree, forged_array])
def test_a_forged_file_is_refused_or_of_the_same_kind(forged, content, whole, path, data):
    rng = random.Random(1)
    n_refused = 0
    for _ in range(N_FILES):
        fitted = resumed(forged(content, rng), path, data)
        n_refused += fitted is None
        if fitted is not None:
            assert [array.shape for array in fitted.coefs_] == [array.shape for array in whole.coefs_]
            assert all(np.isfinite(array).all() for array in (*fitted.coefs_, *fitted.intercepts_))
    sys.stdout.write(f"{n_refused} of {N_FILES} refused\n")
    assert N_FILES // 2 < n_refused


def header_of(shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return stream.getvalue()


ZEROS = npy_of(np.zeros(10**7))
HARMFUL = {
    "compressed": (archive_of([("tree.npy", ZEROS)], zipfile.ZIP_DEFLATED), "compressed entries"),
    "claims": (archive_of([("tree.npy", header_of((10**12,)))]), "another size than it claims"),
    "negative": (archive_of([("tree.npy", header_of((-1, -1)) + bytes(8))]), "another size than it claims"),
    "path": (archive_of([("../tree.npy", b"")]), "entries of other names"),
    "twice": (archive_of([("tree.npy", b""), ("tree.npy", b"")]), "two entries of one name"),
    "objects": (archive_of([("tree.npy", npy_of(np.array([{}, print])))]), "an array of object"),
    "nested": (
        archive_of([("tree.npy", npy_of(np.frombuffer(b"[" * 100_000, np.uint8)))]),
        "is no checkpoint of skdbn",
    ),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_file_made_to_harm_is_refused_within_the_memory_of_its_size(name, path):
    content, message = HARMFUL[name]
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"fit.npz' is no checkpoint of skdbn.*{message}|{message}"):
            _checkpoint_file.read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20 + 5 * len(content)


def changed(content, change):
    tree = tree_of(content)
    change(tree["content"]["dict"])
    return with_tree(content, tree)


def tuning(tree):
    return tree["trainings"]["dict"]["Fine-tuning"]["dict"]


def part(tree, name):
    return tuning(tree)["parts"]["dict"][name]["dict"]


def result(tree):
    return part(tree, "watch")["_result"]["dict"]


def history(tree):
    layer = tree["trainings"]["dict"]["Pretraining of layer 1"]["dict"]
    return layer["parts"]["dict"]["watch"]["dict"]["values"]["dict"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tuning(tree).update(n_epochs=-1), "it has -1 for a number of epochs"),
        (lambda tree: tuning(tree).update(n_epochs="2"), "it has '2' for a number of epochs"),
        (lambda tree: tuning(tree).update(n_epochs=4), "it has 4 epochs of a training of 3"),
        (lambda tree: tuning(tree).update(finished=1), "it has int where bool belongs"),
        (lambda tree: tree.update(n_epochs=0.5), "it has 0.5 for a number of epochs"),
        (lambda tree: tree.pop("trainings"), "arrays without a place"),
        (lambda tree: tree.update(notes=[]), "it has list of 0 where dict belongs"),
        (lambda tree: tree.pop("notes"), "notes"),
        (lambda tree: part(tree, "state").pop("n_steps"), "where TrainingState belongs"),
        (lambda tree: part(tree, "state").update(n_steps="5"), "it has str where int belongs"),
        (lambda tree: part(tree, "state")["rng"]["dict"].update(bit_generator="XX"), "Generator belongs"),
        (lambda tree: part(tree, "learner")["parameters"].append(1), "list of 5 where .* of 4 belongs"),
        (lambda tree: part(tree, "learner")["parameters"].reverse(), "it has an array of shape"),
        (
            lambda tree: result(tree).update(loss_curve=[0.5, {"dict": {}}]),
            "it has dict where float belongs",
        ),
        (
            lambda tree: history(tree).update(learning_rate=7),
            "its history does not have one value an epoch",
        ),
        (lambda tree: history(tree)["learning_rate"].pop(), "its history does not have one value an epoch"),
    ],
)
def test_a_right_archive_with_wrong_values_in_it_is_refused(change, message, content, path, data):
    path.write_bytes(changed(content, change))
    with pytest.raises(ValueError, match=f"fit.npz.*(?:{message})"):
        clone(MODEL).fit(*data, resume_from=path)


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64])
def test_generators_go_back_and_positions_outside_of_their_buffers_are_refused(kind):
    source, target = np.random.Generator(kind(1)), np.random.Generator(kind(2))
    source.integers(5, size=3)
    tree = copy.deepcopy(source.bit_generator.state)
    restored(target, tree)
    np.testing.assert_array_equal(target.random(700), source.random(700))
    for owner, name in ((tree, "buffer_pos"), (tree["state"], "pos")):
        if name in owner:
            for position in (-1, 10**6):
                with pytest.raises(ValueError, match="where Generator belongs"):
                    restored(
                        target,
                        {
                            **tree,
                            **({name: position} if owner is tree else {"state": {**owner, name: position}}),
                        },
                    )


# -- disks that fail -------------------------------------------------------------------------------


class FullFile(io.FileIO):
    """A file on a disk that has room for so many bytes more."""

    room = 0

    def write(self, content):
        if len(memoryview(content).cast("B")) > FullFile.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        FullFile.room -= len(memoryview(content).cast("B"))
        return super().write(content)


TREE = {"a": np.arange(300.0), "b": [np.ones((3, 4)), 5]}


@pytest.mark.parametrize("room", [0, 30, 100, 1000, 2600, 2900, 3200])
def test_a_full_disk_is_told_and_the_former_file_stays(room, path, monkeypatch):
    _checkpoint_file.write(path, TREE)
    assert path.stat().st_size > 3200
    former = path.read_bytes()
    FullFile.room = room
    monkeypatch.setattr(builtins, "open", lambda name, mode: FullFile(os.fspath(name), mode))
    with pytest.raises(
        OSError, match=r"checkpoint could not be written \(No space left .*fit.npz"
    ) as caught:
        _checkpoint_file.write(path, {"a": np.zeros(300), "b": [np.ones((3, 4)), 6]})
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == former
    assert os.listdir(path.parent) == ["fit.npz"]  # nothing that fills the disk


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_an_error_of_each_call_is_told_and_a_whole_file_stays(call, path, monkeypatch):
    _checkpoint_file.write(path, TREE)
    former = path.read_bytes()

    def failing(*arguments):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, call, failing)
    with pytest.raises(OSError, match=r"checkpoint could not be written \(Input/output error"):
        _checkpoint_file.write(path, {"a": np.zeros(300)})
    assert path.read_bytes() == former


def test_a_fit_whose_checkpoint_cannot_be_written_goes_on_with_a_warning(path, data, whole, monkeypatch):
    replace, n_left = os.replace, [3]

    def failing(*arguments):
        n_left[0] -= 1
        if n_left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(*arguments)

    monkeypatch.setattr(os, "replace", failing)
    model = clone(MODEL).set_callbacks(Checkpoint(path))
    with pytest.warns(
        UserWarning, match=r"could not be written \(No space left.*The fit goes on"
    ) as caught:
        model.fit(*data)
    told = [warning for warning in caught if "could not be written" in str(warning.message)]
    assert len(told) == -n_left[0] > 1  # each time that it was tried
    assert_same_state(model, whole)
    monkeypatch.undo()
    assert_same_state(clone(MODEL).fit(*data, resume_from=path), whole)
