"""Fits on rows that are read in chunks, again and again: the model of `fit`, in less memory."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from kinds_of_training import MODELS, RBM, each_model
from numpy.testing import assert_array_equal
from parallel_fits import fitted_by, pretend_mpi4py
from same_state import assert_same_state
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

from skdbn import (
    DBNClassifier,
    DBNRegressor,
    DBNTransformer,
    RBMClassifier,
    RBMTransformer,
    _rows,
    _streams,
)
from skdbn._chunks import read_through
from skdbn._sklearn_compat import import_callback
from skdbn._streams import RowStream
from skdbn.callbacks import Checkpoint, EarlyStopping
from skdbn.samplers import MeanField

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of few epochs
with_callbacks = pytest.mark.skipif(
    import_callback() is None, reason="scikit-learn has callbacks from 1.9 on"
)

N_ROWS = 150
CUTS = [[], [50, 100], [1, 2, 2, 77, 149]]
each_cut = pytest.mark.parametrize("cuts", CUTS, ids=str)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    weight = np.random.default_rng(0).uniform(0.5, 2, N_ROWS)
    weight[[3, 44]] = 0.0
    return (X[:N_ROWS] / 16).astype(np.float32), y[:N_ROWS], weight


def chunks(cuts, *arrays):
    """Cut arrays, of which some may be None at the end."""
    bounds = [0, *cuts, arrays[0].shape[0]]
    spans = [slice(start, stop) for start, stop in zip(bounds[:-1], bounds[1:], strict=True)]
    return [tuple(array[span] for array in arrays) for span in spans]


def shuffled_in_windows(window):
    """Return the order of a stream, for matrices."""

    def shuffled(X, rng):
        starts = range(0, X.shape[0], window)
        return np.concatenate(
            [start + rng.permutation(min(window, X.shape[0] - start)) for start in starts]
        )

    return shuffled


# -- the same model --------------------------------------------------------------------------------


@each_cut
@each_model
def test_the_model_is_that_of_fit_however_rows_are_cut(model, cuts, digits):
    model = clone(model).set_params(random_state=0)
    X, y, weight = digits
    expected = clone(model).fit(X, y, sample_weight=weight)
    source = chunks(cuts, X, y, weight)
    assert_same_state(clone(model).fit_batches(source), expected)
    assert_same_state(clone(model).fit_batches(lambda: iter(source)), expected)


@each_model
def test_with_small_buffers_it_is_that_of_fit_with_rows_in_the_order_of_the_buffers(
    model, digits, monkeypatch
):
    monkeypatch.setattr(_streams, "_FEW_ROWS", 0)  # selections stay streams
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 64 * 32)
    model = clone(model).set_params(random_state=0)
    X, y, weight = digits
    found = [
        clone(model).fit_batches(chunks(cuts, X, y, weight), buffer_size=31).set_params(verbose=0)
        for cuts in CUTS
    ]
    monkeypatch.setattr(_rows, "shuffled", shuffled_in_windows(31))
    expected = clone(model).fit(X, y, sample_weight=weight)
    for other in found:
        assert_same_state(other, expected)


def test_with_one_batch_the_buffer_makes_no_difference(digits):
    whole = {"batch_size": None, "optimizer": "sgd", "learning_rate": 0.05, "random_state": 0}
    rbm = RBMTransformer(sampler=MeanField(), n_iter=3, **whole)
    model = DBNClassifier((7, 5), rbm=rbm, max_iter=3, dropout=0.0, input_dropout=0.0, **whole)
    X, y, weight = digits
    expected = clone(model).fit(X, y, sample_weight=weight)
    for buffer_size in (1, 40, 1000):
        found = clone(model).fit_batches(chunks([50, 60], X, y, weight), buffer_size=buffer_size)
        assert_same_state(found, expected)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array, np.asfortranarray])
def test_chunks_may_be_of_any_form_that_fit_takes(form, digits):
    X, y, _ = digits
    expected = clone(MODELS["classifier"]).set_params(random_state=0).fit(X, y)
    source = [(form(part), list(labels)) for part, labels in chunks([50, 100], X, y)]
    found = clone(MODELS["classifier"]).set_params(random_state=0).fit_batches(source)
    assert_same_state(found, expected)


def test_rows_alone_are_chunks_of_estimators_without_targets(digits):
    X, _, _ = digits
    for model in (MODELS["PCD"], MODELS["stack"], MODELS["autoencoder"]):
        model = clone(model).set_params(random_state=0)
        expected = clone(model).fit(X)
        assert_same_state(clone(model).fit_batches([X[:60], X[60:]]), expected)
        assert_same_state(clone(model).fit_batches([(X[:60],), (X[60:],)]), expected)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtypes", [(np.float32, np.float64), (np.float64, np.float32), (np.uint8, float)])
def test_the_dtype_is_that_of_the_first_chunk(dtypes, form, digits):
    X = digits[0].astype(np.float64) * 0.1  # float32 has not these numbers
    X[70:] *= 1.5  # so that the range ends there
    first = X[:70] > 0.05 if dtypes[0] == np.uint8 else X[:70]
    parts = [first.astype(dtypes[0]), X[70:].astype(dtypes[1])]
    dtype = np.float32 if dtypes[0] == np.float32 else np.float64
    expected = RBMTransformer(7, n_iter=2, random_state=0).fit(np.concatenate(parts, dtype=dtype))
    found = RBMTransformer(7, n_iter=2, random_state=0).fit_batches([*map(form, parts)])
    assert_same_state(found, expected)


def test_features_of_a_stream_are_computed_in_the_blocks_of_a_matrix(monkeypatch):
    # Of so many columns the last bits depend on the number of rows that are multiplied at a time.
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 100 * 784)
    X = np.random.default_rng(0).random((250, 784), dtype=np.float32)
    machine = RBMTransformer(300, n_iter=1, random_state=0).fit(X)
    stream, _, _ = read_through([X[:30], X[30:]], machine, 40)
    assert_array_equal(machine._hidden_means(stream)[np.arange(250)], machine._hidden_means(X))


def test_columns_keep_their_names_and_types(digits):
    X, y, _ = digits
    frame = pd.DataFrame(X[:, 20:26], columns=list("abcdef"))
    numbers = frame[["c"]].rename(columns={"c": "g"}) * 7
    frame = pd.concat([frame.round().astype(int), numbers], axis=1)

    def is_whole(frame):
        return [name for name in frame if frame[name].dtype.kind == "i"]

    visible = [("bernoulli", is_whole), ("gaussian", ["g"])]
    model = DBNClassifier((7, 5), rbm=[RBMTransformer(visible=visible, n_iter=2), RBM], random_state=0)
    expected = clone(model).fit(frame, y)
    found = clone(model).fit_batches([(frame[:60], y[:60]), (frame[60:], y[60:])])
    assert_same_state(found, expected)
    assert found.feature_names_in_.tolist() == list("abcdefg")


def test_labels_of_text_and_a_marker_of_another_type_come_together(digits):
    X, y, _ = digits
    names = np.array([f"digit {label}" for label in y], dtype=object)
    names[::3] = -1
    model = DBNClassifier((7,), rbm=RBM, max_iter=3, unlabeled=-1, random_state=0)
    expected = clone(model).fit(X, names)
    marked, others = names == -1, names != -1
    # A chunk of the marker alone is an array of numbers, one of labels alone an array of text.
    for parts in ([marked, others], [others, marked]):
        order = np.concatenate([np.flatnonzero(part) for part in parts])
        source = [(X[part], np.array(names[part].tolist())) for part in parts]
        expected = clone(model).fit(X[order], names[order])
        assert_same_state(clone(model).fit_batches(source), expected)
    assert expected.classes_.tolist() == [f"digit {k}" for k in range(10)]


def test_several_labels_and_several_numbers_a_row(digits):
    X, y, _ = digits
    matrix = np.column_stack([y % 2, y > 4, y % 3 == 0]).astype(int)
    for model in (DBNClassifier((7,), rbm=RBM, max_iter=3), DBNRegressor((7,), rbm=RBM, max_iter=3)):
        model.set_params(random_state=0)
        expected = clone(model).fit(X, matrix)
        assert_same_state(clone(model).fit_batches(chunks([20, 90], X, matrix)), expected)


def test_rows_held_out_by_hand_and_by_the_estimator(digits, monkeypatch):
    X, y, _ = digits
    model = DBNClassifier((7,), rbm=RBM, max_iter=4, early_stopping=True, random_state=0)
    held_out = {"X_val": X[100:], "y_val": y[100:]}
    expected = clone(model).fit(X[:100], y[:100], **held_out)
    found = clone(model).fit_batches(chunks([30], X[:100], y[:100]), **held_out)
    assert_same_state(found, expected)
    monkeypatch.setattr(_streams, "_FEW_ROWS", 0)
    monkeypatch.setattr(_rows, "shuffled", shuffled_in_windows(10))
    expected = clone(model).fit(X, y)
    monkeypatch.undo()
    monkeypatch.setattr(_streams, "_FEW_ROWS", 0)
    found = clone(model).fit_batches(chunks([30], X, y), buffer_size=10)
    assert_same_state(found, expected)


def test_frozen_layers_of_a_stack_that_was_trained_in_chunks(digits):
    X, y, _ = digits
    stack = DBNTransformer((7, 5), rbm=RBM, random_state=0)
    frozen = FrozenEstimator(clone(stack).fit_batches([X[:90], X[90:]]))
    model = DBNClassifier((7, 5), max_iter=3, random_state=0)
    expected = clone(model).set_params(pretrain=FrozenEstimator(clone(stack).fit(X))).fit(X, y)
    found = clone(model).set_params(pretrain=frozen).fit_batches(chunks([10], X, y))
    for array, other in zip(found.coefs_, expected.coefs_, strict=True):
        assert_array_equal(array, other)


def test_training_goes_on(digits):
    X, y, _ = digits
    for name in ("PCD", "classifier", "stack", "class RBM", "up-down"):
        model = clone(MODELS[name]).set_params(random_state=0, warm_start=True)
        expected, found = clone(model), clone(model)
        for _ in range(2):
            expected.fit(X, y)
            found.fit_batches(chunks([40, 41], X, y))
        assert_same_state(found, expected)
        # Rows of another dtype, as later passes may have: computed with as the model is.
        expected.fit(X.astype(np.float64), y)
        found.fit_batches(chunks([40, 41], X.astype(np.float64), y))
        assert_same_state(found, expected)


def test_processes_train_together_on_chunks_of_their_own(digits, monkeypatch):
    pretend_mpi4py(monkeypatch)
    X, y, weight = digits
    shards = [slice(0, 0), slice(0, 90), slice(90, N_ROWS)]
    for name in ("PCD", "classifier", "few labels"):
        model = clone(MODELS[name]).set_params(random_state=0)

        def fit(rank, model=model):
            return clone(model).fit(*(array[shards[rank]] for array in (X, y, weight)))

        def fit_batches(rank, model=model):
            parts = [array[shards[rank]] for array in (X, y, weight)]
            cuts = [20, 55] if rank else []
            return clone(model).fit_batches(chunks(cuts, *parts))

        for found, expected in zip(fitted_by(3, fit_batches), fitted_by(3, fit), strict=True):
            assert_same_state(found, expected)


# -- beside the training ---------------------------------------------------------------------------


@with_callbacks
def test_a_fit_that_was_cut_off_goes_on(digits, tmp_path):
    X, y, _ = digits
    source = chunks([30], X, y)
    model = clone(MODELS["classifier"]).set_params(random_state=0)
    expected = clone(model).fit(X, y)
    path = tmp_path / "fit.npz"

    class Stop(Exception):  # noqa: N818 - an interruption, no error
        pass

    class Cut(Checkpoint):
        def on_fit_task_end(self, *arguments, **options):
            super().on_fit_task_end(*arguments, **options)
            self.n_epochs = getattr(self, "n_epochs", 0) + 1
            if self.n_epochs == 7:
                raise Stop

    with pytest.raises(Stop):
        clone(model).set_callbacks(Cut(path)).fit_batches(source)
    assert_same_state(clone(model).fit_batches(source, resume_from=path), expected)
    with pytest.raises(ValueError, match="is of X with other values"):
        clone(model).fit_batches(chunks([30], X * np.float32(0.5), y), resume_from=path)


@with_callbacks
def test_callbacks_judge_rows_of_their_own_or_the_history(digits):
    X, y, _ = digits
    model = DBNClassifier((7,), rbm=RBM, max_iter=5, random_state=0)
    source = chunks([30], X, y)
    options = {"patience": 1, "tol": 10.0}
    for stop in (EarlyStopping("loss", **options), EarlyStopping(validation_data=(X, y), **options)):
        assert clone(model).set_callbacks(stop).fit_batches(source).n_iter_ == 2
    message = r"EarlyStopping\(monitor=None\) would score the training rows, which are not in memory"
    with pytest.raises(ValueError, match=message):
        clone(model).set_callbacks(EarlyStopping()).fit_batches(source)


def test_a_fit_needs_little_more_memory_for_more_rows(monkeypatch):
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 2**15)
    monkeypatch.setattr(_streams, "_FEW_ROWS", 500)
    n_columns, n_chunk = 40, 2_000

    def peak(n_chunks):
        def source():
            rng = np.random.default_rng(0)
            for _ in range(n_chunks):
                X = (rng.random((n_chunk, n_columns), dtype=np.float32) < 0.3).astype(np.float32)
                yield X, X[:, 0].astype(np.int8)

        model = DBNClassifier((16, 8), rbm=RBMTransformer(n_iter=1), max_iter=1, random_state=0)
        tracemalloc.start()
        try:
            model.fit_batches(source, buffer_size=n_chunk)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # what is imported
    few, many = peak(4), peak(24)
    of_a_row = (many - few) / (20 * n_chunk)
    # Label (1), its position (8) and one-hot code (8), order (8); the row itself has 160, its features 96.
    assert of_a_row < 30


def test_the_source_is_read_once_an_epoch_and_a_few_times_more(digits):
    X, y, _ = digits
    n_read = []

    def source():
        n_read.append(1)
        return chunks([50], X, y)

    counts = []
    for n_iter in (2, 7):
        n_read.clear()
        RBMTransformer(7, n_iter=n_iter, random_state=0).fit_batches(source)
        counts.append(len(n_read))
    assert counts[1] - counts[0] == 5
    assert counts[0] - 2 <= 5


# -- what is refused -------------------------------------------------------------------------------


def raises(message, source, model=None, **options):
    model = model or DBNClassifier((7,), rbm=RBM, max_iter=2)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit_batches(source, **options)
    assert vars(model) == before


def test_what_is_no_source_of_chunks_is_refused_with_the_way_out(digits):
    X, y, _ = digits
    raises("this has all rows: cut it by skdbn.batches.Batches. Got an object of type ndarray", X)
    raises("Got an object of type str", "rows.parquet")
    raises(r"source is an iterator \(generator\), which gives its chunks only once", (X for _ in range(2)))
    raises("source has to be an iterable of chunks, or a function that returns one; got .* int", 3)
    raises("The source gave no chunk. A process without rows gives one of shape", [])
    raises("The source gave no rows", [(X[:0], y[:0])])
    raises(r"Chunk 1 of the source is a tuple of 4; give X, \(X, y\)", [(X, y, None, None)])
    raises("buffer_size must be an integer >= 1; got 0", [(X, y)], buffer_size=0)


def test_errors_of_a_chunk_name_it(digits):
    X, y, weight = digits
    bad = X.copy()
    bad[3, 7] = np.nan
    for second, message in [
        ((bad, y), "Input X contains NaN"),
        ((X[:, 1:], y), "X has 63 features, but DBNClassifier is expecting 64"),
        ((X, y[1:]), "Found input variables with inconsistent numbers"),
        (X, "y is missing here, but one value a row in the chunks before"),
        ((X, np.c_[y, y]), "y is of 2 values a row here, but one value a row"),
        ((X, y, weight), "sample_weight is one value a row here, but missing"),
        ((np.full((N_ROWS, 64), 1e300), y), "X contains values too large for float32"),
    ]:
        raises(f"Chunk 2 of the source: {message}", [(X, y), second])
    frames = [(pd.DataFrame(X).add_prefix(name), y) for name in "ab"]
    raises("Chunk 2 of the source: The feature names should match", frames)


def test_errors_about_all_rows_are_those_of_fit(digits):
    X, y, _ = digits
    raises("requires y to be passed, but the target y is None", [X, X])
    weight = np.ones(N_ROWS)
    raises("Negative values in sample_weight", [(X, y, -weight)])
    raises("weights in the chunks and in sample_weight: give one", [(X, y, weight)], sample_weight=weight)
    message, model = (
        'visible="bernoulli" expects values in .0, 1.; got min=0, max=16 in X. ',
        RBMTransformer(7),
    )
    model.set_params(visible="bernoulli")
    raises(message + "X looks like counts", [X.round(), (16 * X).round()], model)
    raises(message + "Scale", [X, 16 * X], model)


@pytest.mark.parametrize(("n_rows", "found"), [(100, "100"), (151, "more than 150"), (0, "0")])
def test_a_source_that_changes_is_noticed(n_rows, found, digits):
    X, _, _ = digits
    n_read = []

    def source():
        n_read.append(1)
        return [np.resize(X, (N_ROWS if len(n_read) < 4 else n_rows, 64))]

    with pytest.raises(ValueError, match=f"150 rows when it was first read, but {found} later: it has to"):
        RBMTransformer(7, n_iter=3).fit_batches(source)


def test_a_function_that_returns_the_same_generator_again_is_noticed(digits):
    generator = iter([digits[0]])
    with pytest.raises(ValueError, match="but 0 later: .* give the function that makes it"):
        RBMTransformer(7, n_iter=3).fit_batches(lambda: generator)


def test_streams_are_not_kept_by_the_estimator(digits):
    X, y, _ = digits
    for model in (MODELS["PCD"], MODELS["classifier"], MODELS["class RBM"]):
        fitted = clone(model).fit_batches(chunks([50], X, y))
        assert not any(isinstance(value, RowStream) for value in vars(fitted).values())


def test_every_estimator_has_the_method():
    for estimator in (RBMTransformer, RBMClassifier, DBNTransformer, DBNClassifier, DBNRegressor):
        assert "buffer_size" in estimator.fit_batches.__doc__
