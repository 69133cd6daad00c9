"""Batches of files, tables and arrays: every row once, in order, with its own target."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from same_state import assert_same_state
from scipy import sparse
from sklearn.base import clone

from skdbn import DBNClassifier, DBNTransformer, RBMTransformer
from skdbn.batches import Batches

N_ROWS, BATCH = 97, 20
NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.random((N_ROWS, 3)).astype(np.float32)
    return (
        X,
        np.array(["low", "high"], dtype=object)[(X[:, 0] > 0.5).astype(int)],
        rng.uniform(1, 2, N_ROWS),
    )


def joined(batches):
    """Return what batches of (X, y, sample_weight) have, as arrays."""
    parts = [(np.asarray(X), y, weight) for X, y, weight in batches]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def assert_batches_are(batches, data, sizes=(20, 20, 20, 20, 17)):
    """Fail unless batches are read anew each time, and have all rows with what belongs to them."""
    for _ in range(2):
        assert [X.shape[0] for X, _, _ in batches] == list(sizes)
        for found, expected in zip(joined(batches), data, strict=True):
            assert_array_equal(found, expected)


@pytest.fixture
def table(data):
    X, y, weight = data
    return pd.DataFrame({"label": y, **dict(zip(NAMES, X.T, strict=True)), "weight": weight})


# -- arrays ----------------------------------------------------------------------------------------


def test_arrays_are_cut_and_not_copied(data):
    X, y, weight = data
    assert_batches_are(Batches(X, y, weight, batch_size=BATCH), data)
    assert all(np.shares_memory(part, X) for part in Batches(X, batch_size=BATCH))
    for index in (np.arange(9, 9 + N_ROWS), np.linspace(0, 1, N_ROWS)):  # taken by places, not by these
        labels = pd.Series(y, index=index)
        assert_batches_are(Batches(X, labels, list(weight), batch_size=BATCH), data)
    (batch,) = Batches(X, y)  # all of so few rows
    assert_array_equal(batch[1], y)


def test_arrays_in_files_are_read_as_they_are_needed(data, tmp_path):
    X, y, weight = data
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    batches = Batches(mapped, y, weight, batch_size=BATCH)
    assert_batches_are(batches, data)
    assert all(isinstance(part, np.memmap) for part, _, _ in batches)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.coo_array, sparse.csc_matrix])
def test_sparse_rows_stay_sparse(form, data):
    X, _, _ = data
    parts = list(Batches(form(X), batch_size=BATCH))
    assert all(sparse.issparse(part) for part in parts)
    assert_array_equal(sparse.vstack(parts).toarray(), X)


# -- tables ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_data_frames_give_frames_without_the_columns_of_targets_and_weights(package, table, data):
    by_shares = table.set_index(np.linspace(0, 1, N_ROWS))  # rows are taken by their places all the same
    frame = by_shares if package == "pandas" else pl.from_pandas(table)
    batches = Batches(frame, "label", "weight", batch_size=BATCH)
    assert_batches_are(batches, data)
    for X, _, _ in batches:
        assert list(X.columns) == NAMES
        assert type(X) is type(frame)


def test_parquet_files_and_tables_of_pyarrow(table, data, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import dataset, parquet

    whole = pyarrow.Table.from_pandas(table, preserve_index=False)
    path = tmp_path / "rows.parquet"
    parquet.write_table(whole, path, row_group_size=40)
    for source in (path, str(path), whole, whole.combine_chunks().to_batches()[0], dataset.dataset(path)):
        batches = Batches(source, "label", "weight", batch_size=BATCH)
        for _ in range(2):
            for found, expected in zip(joined(batches), data, strict=True):
                assert_array_equal(found, expected)
            assert max(len(y) for _, y, _ in batches) <= BATCH
        assert all(X.column_names == NAMES for X, _, _ in batches)


@pytest.mark.parametrize("as_folder", [True, False])
def test_several_parquet_files_are_read_in_order(as_folder, table, data, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    paths = [tmp_path / f"part-{number}.parquet" for number in range(3)]
    for number, path in enumerate(paths):
        table[30 * number : 30 * (number + 1) if number < 2 else None].to_parquet(path)
    batches = Batches(tmp_path if as_folder else paths, "label", "weight", batch_size=BATCH)
    for found, expected in zip(joined(batches), data, strict=True):
        assert_array_equal(found, expected)


def test_without_pyarrow_a_file_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="Reading Parquet files needs pyarrow: pip install pyarrow"):
        Batches(tmp_path / "rows.parquet")


# -- dask ------------------------------------------------------------------------------------------


def test_blocks_of_dask_arrays(data):
    array = pytest.importorskip("dask.array", reason="dask is not installed")
    X, y, weight = data
    blocks = array.from_array(X, chunks=(30, 2))  # cut along the columns too
    for targets in (y, array.from_array(y, chunks=30), array.from_array(y, chunks=13)):
        assert_batches_are(Batches(blocks, targets, weight), data, sizes=(30, 30, 30, 7))


def test_partitions_of_dask_data_frames(table, data):
    dataframe = pytest.importorskip("dask.dataframe", reason="dask is not installed")
    batches = Batches(dataframe.from_pandas(table, npartitions=4), "label", "weight")
    n_rows = [len(y) for _, y, _ in batches]
    assert len(n_rows) == 4
    assert_batches_are(batches, data, sizes=n_rows)
    assert all(list(X.columns) == NAMES for X, _, _ in batches)


def test_a_dask_series_beside_the_rows_is_refused_with_the_way_out(table):
    dataframe = pytest.importorskip("dask.dataframe", reason="dask is not installed")
    frame = dataframe.from_pandas(table, npartitions=4)
    with pytest.raises(
        ValueError, match=r"give the name of the column in X, or .*to_dask_array\(lengths=True\)"
    ):
        Batches(frame[NAMES], frame["label"])


# -- with estimators -------------------------------------------------------------------------------


def test_estimators_learn_the_same_from_every_kind_of_source(table, data, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    path = tmp_path / "rows.parquet"
    table.to_parquet(path)
    model = DBNClassifier((5,), rbm=RBMTransformer(n_iter=2), max_iter=30, random_state=0)
    X, y, weight = data
    expected = clone(model).fit(table[NAMES], y, sample_weight=weight)
    for source in (path, table, pl.from_pandas(table)):
        found = clone(model).fit_batches(Batches(source, "label", "weight", batch_size=BATCH))
        assert_same_state(found, expected)
    assert expected.feature_names_in_.tolist() == NAMES


def mapped(X, table, folder):
    np.save(folder / "rows.npy", X)
    return np.load(folder / "rows.npy", mmap_mode="r")


def parquet(X, table, folder):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table[NAMES].to_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


def dask_array(X, table, folder):
    return pytest.importorskip("dask.array", reason="dask is not installed").from_array(X, chunks=(40, 2))


def dask_frame(X, table, folder):
    dataframe = pytest.importorskip("dask.dataframe", reason="dask is not installed")
    frame = table[NAMES].set_index(np.arange(N_ROWS))
    return dataframe.from_pandas(frame, sort=False, npartitions=1).repartition(divisions=[0, 40, 80, 96])


SOURCES = {
    "mapped file": mapped,
    "parquet": parquet,
    "polars": lambda X, table, folder: pl.from_pandas(table[NAMES]),
    "dask array": dask_array,
    "dask data frame": dask_frame,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of few rows
def test_partial_fit_learns_from_batches_what_it_learns_from_arrays(source, table, data, tmp_path):
    X, y, _ = data
    batches = Batches(source(X, table, tmp_path), y, batch_size=40)
    machine = RBMTransformer(5, learning_rate=0.01, n_iter=2)
    models = {
        "RBM": clone(machine).set_params(random_state=0),
        "stack": DBNTransformer((5, 4), rbm=machine, random_state=0),
        "network": DBNClassifier((5,), rbm=machine, random_state=0),
    }
    options = {"RBM": {}, "stack": {"layer": 0}, "network": {"classes": ["high", "low"]}}
    for name, model in models.items():
        found, expected = clone(model), clone(model)
        for chunk, labels in batches:
            found.partial_fit(chunk, labels, **options[name])
        for start in (0, 40, 80):
            expected.partial_fit(X[start : start + 40], y[start : start + 40], **options[name])
        weights, others = (
            [each.coefs_[0] if name != "RBM" else each.components_] for each in (found, expected)
        )
        assert_array_equal(weights, others)


# -- what is refused -------------------------------------------------------------------------------


def test_wrong_sources_are_refused_with_the_way_out(data, table):
    X, _, _ = data
    for batch_size in (0, True, 1.5):
        with pytest.raises(ValueError, match=f"batch_size must be an integer >= 1; got {batch_size}"):
            Batches(X, batch_size=batch_size)
    with pytest.raises(
        ValueError, match="The column 'label' was asked for, but X .ndarray. has no columns"
    ):
        Batches(X, "label")
    with pytest.raises(ValueError, match="X is a query .LazyFrame.: collect it, write it to a file"):
        Batches(pl.from_pandas(table).lazy())
    with pytest.raises(
        ValueError, match="X has to be a path, a table or an array; got an object of type list"
    ):
        Batches(X.tolist())


@pytest.mark.parametrize("n_labels", [N_ROWS - 1, N_ROWS + 1, N_ROWS + BATCH])
def test_as_many_targets_as_rows_are_needed(n_labels, data):
    X, y, weight = data
    with pytest.raises(ValueError, match=f"y has {n_labels} rows, but X has {N_ROWS}"):
        list(Batches(X, np.resize(y, n_labels), batch_size=BATCH))
    with pytest.raises(ValueError, match=f"sample_weight has {n_labels} rows, but X has {N_ROWS}"):
        list(Batches(X, y, np.resize(weight, n_labels), batch_size=BATCH))


def test_paths_are_told_from_lists_of_other_things():
    with pytest.raises(ValueError, match="of type list"):
        Batches([Path("rows.parquet"), 3])
