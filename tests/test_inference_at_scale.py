"""Engines that hand out rows block by block get what the model gives, in memory that does not grow."""

import os
import re
import textwrap
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from test_memory import peak_of

from skdbn import DBNClassifier, DBNRegressor, RBMTransformer

PAGE = Path(__file__).parents[1] / "doc" / "scale_out.rst"
N_ROWS, N_FEATURES, BLOCK = 1009, 9, 100  # the last block has 9 rows
X = np.random.default_rng(0).random((N_ROWS, N_FEATURES), dtype=np.float32)
LABELS = np.array(["low", "middle", "high"])[(3 * X[:, 0]).astype(int)]
VALUES = 1000 + 50 * (X[:, 0] - X[:, 1])

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # of few epochs
    pytest.mark.thread_unsafe(reason="memory is measured, and engines start threads and processes"),
]


@cache
def fitted(name):
    part = RBMTransformer(5, n_iter=2, random_state=0)
    network = {"rbm": RBMTransformer(n_iter=2), "max_iter": 60, "random_state": 0}
    if name == "machine":
        return part.fit(X[:200])
    if name == "classifier":
        return DBNClassifier((6, 5), **network).fit(X[:200], LABELS[:200])
    return DBNRegressor((6, 5), **network).fit(X[:200], VALUES[:200])


# Model and method: the largest difference between blocks and all rows at once, relative to the values. The
# BLAS adds up in another order where the number of rows is another, so the last bits differ.
ROUNDING = {
    ("machine", "transform"): 1e-5,
    ("machine", "free_energy"): 1e-5,
    ("machine", "score_samples"): 1e-5,
    ("machine", "reconstruct"): 1e-5,
    ("classifier", "predict"): 0,
    ("classifier", "predict_proba"): 1e-5,
    ("classifier", "transform"): 1e-5,
    ("regressor", "predict"): 1e-5,
    ("regressor", "transform"): 1e-5,
}
each_method = pytest.mark.parametrize("key", ROUNDING, ids=".".join)
starts = range(0, N_ROWS, BLOCK)


def of_single_blocks(method):
    return np.concatenate([method(X[start : start + BLOCK]) for start in starts])


def assert_those_of_the_rows(found, key):
    """Compare to the last bit with blocks given one by one, and up to rounding with all rows at once."""
    method, rounding = getattr(fitted(key[0]), key[1]), ROUNDING[key]
    expected = of_single_blocks(method)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    if rounding:
        np.testing.assert_allclose(found, method(X), rtol=rounding, atol=0)
    else:
        np.testing.assert_array_equal(found, method(X))


@pytest.fixture
def da():
    return pytest.importorskip("dask.array", reason="arrays in chunks")


@pytest.fixture
def dd():
    return pytest.importorskip("dask.dataframe", reason="tables in parts")


@pytest.fixture
def xr():
    pytest.importorskip("dask.array", reason="grids in chunks")
    return pytest.importorskip("xarray", reason="grids with named axes")


def mapped(method, rows):
    """Return the lazy array of what a method makes of the rows, with the type and shape that it has."""
    example = method(X[:1])
    if example.ndim == 1:
        return rows.map_blocks(method, drop_axis=1, meta=example[:0])
    return rows.map_blocks(method, chunks=(rows.chunks[0], example.shape[1:]), meta=example[:0])


# -- arrays ---------------------------------------------------------------------------------------


def test_the_model_tells_the_classes_apart():
    # Else rows in a wrong order would have the same labels.
    assert fitted("classifier").score(X, LABELS) > 0.8


@each_method
def test_blocks_of_an_array_give_what_the_model_gives(key, da):
    lazy = mapped(getattr(fitted(key[0]), key[1]), da.from_array(X, chunks=(BLOCK, -1)))
    found = lazy.compute(scheduler="threads", num_workers=2)
    assert lazy.dtype == found.dtype
    assert lazy.shape == found.shape
    assert_those_of_the_rows(found, key)


def test_a_selection_of_a_result_computes_its_blocks_only(da):
    seen = []

    def method(block):
        seen.append(len(block))
        return fitted("classifier").predict_proba(block)

    rows = da.from_array(X, chunks=(BLOCK, -1))
    lazy = rows.map_blocks(method, chunks=(rows.chunks[0], (3,)), meta=np.empty((0, 0), X.dtype))
    assert seen == []  # the type and shape that are given are believed
    found = lazy[250:260].compute(scheduler="synchronous")
    assert seen == [BLOCK]
    np.testing.assert_array_equal(found, fitted("classifier").predict_proba(X[200:300])[50:60])


def test_a_type_that_is_not_given_is_asked_for(da):
    rows = da.from_array(X, chunks=(BLOCK, -1))
    with pytest.raises(ValueError, match="specify the dtype(?s:.)*X has 1 features, but DBNClassifier"):
        rows.map_blocks(fitted("classifier").predict_proba)


def test_columns_in_several_chunks_are_refused_or_put_together(da):
    rows = da.from_array(X, chunks=(BLOCK, 5))
    with pytest.raises(ValueError, match="Dimension 1 has 2 blocks"):
        mapped(fitted("machine").transform, rows)
    found = mapped(fitted("machine").free_energy, rows).compute(scheduler="synchronous")
    np.testing.assert_array_equal(found, of_single_blocks(fitted("machine").free_energy))


# -- tables ---------------------------------------------------------------------------------------

NAMES = [f"column {number}" for number in range(N_FEATURES)]


@pytest.mark.parametrize(
    "key", [key for key in ROUNDING if key[1] in ("transform", "predict")], ids=".".join
)
def test_parts_of_a_table_give_what_the_model_gives(key, dd):
    pd = pytest.importorskip("pandas")
    model = fitted(key[0])
    table = pd.DataFrame(X, index=np.arange(N_ROWS) + 5)

    def frame(part):
        return pd.DataFrame(getattr(model, key[1])(part.to_numpy()), index=part.index)

    parts = dd.from_pandas(table, npartitions=-(-N_ROWS // BLOCK))
    found = parts.map_partitions(frame, meta=frame(table[:1])[:0]).compute(scheduler="threads")
    assert found.index.equals(table.index)
    expected = np.concatenate([frame(part.compute()) for part in parts.partitions])
    np.testing.assert_array_equal(found.to_numpy(), expected)
    whole = frame(table).to_numpy()
    if ROUNDING[key]:
        np.testing.assert_allclose(found.to_numpy(), whole, rtol=ROUNDING[key])
    else:
        np.testing.assert_array_equal(found.to_numpy(), whole)


def test_features_of_parts_are_tables_with_their_names(dd):
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=NAMES)
    machine = RBMTransformer(5, n_iter=2, random_state=0).fit(table[:200]).set_output(transform="pandas")
    parts = dd.from_pandas(table, npartitions=4)
    lazy = parts.map_partitions(machine.transform, meta=machine.transform(table[:1])[:0])
    found = lazy.compute(scheduler="threads")
    assert [*lazy.columns] == [*found.columns] == [f"rbmtransformer{number}" for number in range(5)]
    assert found.index.equals(table.index)
    np.testing.assert_allclose(found, machine.transform(table), rtol=1e-5)


# -- grids ----------------------------------------------------------------------------------------

SHAPE = 16, 63  # of the first 1,008 rows


@pytest.mark.parametrize("key", [key for key in ROUNDING if key[1] != "predict"], ids=".".join)
def test_pixels_of_a_grid_give_what_the_model_gives(key, xr):
    method = getattr(fitted(key[0]), key[1])
    image = xr.DataArray(X[:1008].reshape(*SHAPE, -1), dims=("y", "x", "band"), coords={"y": range(16)})
    example = method(X[:1])
    names = [["unit"]] if example.ndim > 1 else [[]]
    sizes = {"unit": example.shape[1]} if example.ndim > 1 else {}

    def of_pixels(block):
        pixels = method(block.reshape(-1, N_FEATURES))
        return pixels.reshape(*block.shape[:-1], *pixels.shape[1:])

    options = {"input_core_dims": [["band"]], "output_core_dims": names}
    lazy = xr.apply_ufunc(
        of_pixels,
        image.chunk(y=3),
        dask="parallelized",
        output_dtypes=[example.dtype],
        dask_gufunc_kwargs={"output_sizes": sizes},
        **options,
    )
    found = lazy.compute(scheduler="threads")
    assert lazy.dims == found.dims == ("y", "x", *names[0])
    assert lazy.shape == found.shape
    assert lazy.dtype == found.dtype == example.dtype
    np.testing.assert_array_equal(found.y, image.y)
    blocks = [of_pixels(image.to_numpy()[y : y + 3]) for y in range(0, 16, 3)]
    np.testing.assert_array_equal(found, np.concatenate(blocks))
    np.testing.assert_allclose(found, of_pixels(image.to_numpy()), rtol=ROUNDING[key])


# -- ONNX -----------------------------------------------------------------------------------------

OUTPUTS = [
    ("machine", "transform", "variable"),
    ("classifier", "predict", "label"),
    ("classifier", "predict_proba", "probabilities"),
    ("regressor", "predict", "variable"),
]


@pytest.mark.parametrize(("name", "method", "output"), OUTPUTS)
def test_blocks_given_to_onnx_give_what_the_model_gives(name, method, output, da):
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime", reason="a runtime of ONNX")
    from skdbn.onnx import to_onnx

    content = to_onnx(fitted(name)).SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def by_onnx(block):
        return session.run([output], {"X": block})[0]

    found = mapped(by_onnx, da.from_array(X, chunks=(BLOCK, -1))).compute(scheduler="threads")
    whole = getattr(fitted(name), method)(X)
    if output == "label":
        assert found.tolist() == whole.tolist()
    else:
        # The float32 of another program: see the tests of ONNX.
        np.testing.assert_allclose(found, whole, rtol=0, atol=1e-6 * np.abs(whole).max())


# -- processes ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="a cluster of dask")
    pytest.importorskip("dask.array", reason="arrays in chunks")
    workers = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.Client(**workers, set_as_default=False) as client:
        yield client


@each_method
def test_models_go_along_with_the_blocks_to_other_processes(key, client, da):
    lazy = mapped(getattr(fitted(key[0]), key[1]), da.from_array(X, chunks=(BLOCK, -1)))
    assert_those_of_the_rows(client.compute(lazy).result(), key)


def test_a_model_is_sent_to_the_workers_before_the_blocks(client, da):
    model, rows = fitted("classifier"), da.from_array(X, chunks=(BLOCK, -1))
    lazy = rows.map_blocks(
        lambda block, model: model.predict_proba(block),
        client.scatter(model, broadcast=True),
        chunks=(rows.chunks[0], (3,)),
        meta=np.empty((0, 0), X.dtype),
    )
    assert_those_of_the_rows(client.compute(lazy).result(), ("classifier", "predict_proba"))


def test_blocks_are_worked_on_by_other_processes(client, da):
    # Without this, the tests above could run in this one.
    rows = da.from_array(X, chunks=(BLOCK, -1))
    processes = rows.map_blocks(lambda block: np.full(len(block), os.getpid()), drop_axis=1, dtype=int)
    assert os.getpid() not in client.compute(processes).result()


# -- memory ---------------------------------------------------------------------------------------

MANY, WIDE, CHUNK = 2_000_000, 50, 20_000  # 400 MB, in blocks of 4 MB


@cache
def wide_classifier():
    rows = np.random.default_rng(0).random((200, WIDE), dtype=np.float32)
    prototype = RBMTransformer(n_iter=1)
    return DBNClassifier((32,), rbm=prototype, max_iter=2, random_state=0).fit(rows, np.arange(200) % 3)


def drawn(da, n_rows):
    """Rows that exist only while their block is worked on."""
    return da.random.default_rng(0).random((n_rows, WIDE), dtype=np.float32, chunks=(CHUNK, -1))


def probabilities(rows):
    method = wide_classifier().predict_proba
    return rows.map_blocks(method, chunks=(rows.chunks[0], (3,)), meta=np.empty((0, 0), np.float32))


def test_a_mean_of_predictions_takes_the_memory_of_a_block_however_many_rows_there_are(da):
    def mean(n_rows):
        found = probabilities(drawn(da, n_rows)).mean(axis=0).compute(scheduler="synchronous")
        assert found.sum() == pytest.approx(1, rel=1e-5)

    mean(CHUNK)  # imports, caches
    few, many = peak_of(mean, MANY // 10), peak_of(mean, MANY)
    block = CHUNK * WIDE * 4
    assert few < 4 * block  # the block, its units, scratch and the result: 12 MB
    assert many < few + block / 4  # the plan: some kilobytes for each block


def test_predictions_written_to_a_file_take_the_memory_of_a_block(da, tmp_path):
    def store(n_rows):
        shape = n_rows, 3
        file = np.lib.format.open_memmap(tmp_path / f"{n_rows}.npy", "w+", np.float32, shape)
        da.store(probabilities(drawn(da, n_rows)), file, scheduler="synchronous")

    store(CHUNK)
    assert peak_of(store, MANY // 4) < 4 * CHUNK * WIDE * 4
    last = drawn(da, MANY // 4)[-CHUNK:].compute()
    stored = np.load(tmp_path / f"{MANY // 4}.npy", mmap_mode="r")
    np.testing.assert_array_equal(stored[-CHUNK:], wide_classifier().predict_proba(last))


# -- the page -------------------------------------------------------------------------------------


def code_of_the_page():
    """Return the code blocks of the section on predictions, in order."""
    section = PAGE.read_text(encoding="utf-8").partition("\nPredictions of many rows\n---")[2]
    section = section.partition("\nNot here\n---")[0]
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:(?:    .*)?\n)+)", section, re.MULTILINE)
    return [textwrap.dedent(block) for block in blocks]


# By dask 2026.8, which writes parquet in a way that pandas 3.1 calls deprecated.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.set_index is deprecated")
def test_the_code_of_the_page_gives_the_predictions(client, xr, tmp_path, monkeypatch):
    pd, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    pytest.importorskip("dask.dataframe")
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", X)
    table = pd.DataFrame(X, columns=NAMES)
    pyarrow.parquet.write_table(pyarrow.Table.from_pandas(table), "rows.parquet", row_group_size=300)
    model = fitted("classifier")
    wanted = model.predict_proba(X)
    names = {"np": np, "model": model}
    names["image"] = xr.DataArray(X[:1008].reshape(*SHAPE, -1), dims=("y", "x", "band"))
    arrays, tables, grids, cluster, by_onnx = code_of_the_page()

    exec(arrays, names)
    np.testing.assert_allclose(np.load("probabilities.npy"), wanted, rtol=1e-5)
    assert names["labels"].compute().tolist() == model.predict(X).tolist()

    names["model"] = DBNClassifier(**model.get_params(deep=False)).fit(table[:200], LABELS[:200])
    exec(tables, names)
    found = pd.read_parquet("probabilities.parquet")
    assert [*found.columns] == ["p_high", "p_low", "p_middle"]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    rare = names["table"][names["table"]["column 0"] > 2].map_partitions(names["predicted"])
    assert len(rare.compute()) == 0

    names["model"] = model
    exec(grids, names)
    assert names["maps"].dims == ("y", "x", "class")
    np.testing.assert_allclose(
        names["maps"].sel({"class": "low"}), wanted[:1008, 1].reshape(SHAPE), rtol=1e-5
    )

    exec(cluster.replace("scheduler:8786", client.scheduler.address), names)
    with names["client"]:
        np.testing.assert_allclose(names["probabilities"].compute(), wanted, rtol=1e-5)

    exec(by_onnx, names)
    np.testing.assert_allclose(names["by_onnx"](X), wanted, rtol=0, atol=1e-6)
