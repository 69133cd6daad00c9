"""Row "parquet": epochs on rows that are read from a Parquet file, and on the same rows in memory."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _report import Result, settings_of

from _scale_out.launch import FOLDER
from skdbn import DBNClassifier, RBMTransformer

_MOST_TIME, _MOST_MEGABYTES = 1.5, 500
_N_TURNS = 3
_ROWS_OF_A_GROUP = 50_000


def models(smoke):
    """Return the models by name, with the epochs of the shorter fit and of the longer one."""
    rbm = RBMTransformer(256, n_iter=1, random_state=0)
    dbn = DBNClassifier((128, 64), rbm=RBMTransformer(n_iter=1), max_iter=1, random_state=0)
    if smoke:
        rbm.set_params(n_components=8)
        dbn.set_params(hidden_layer_sizes=(8, 4))
    return {"rbm": rbm, "dbn": dbn}


def parquet(run):
    """Two epochs of an RBM, and all of a network, each way in processes of its own, in turns."""
    if importlib.util.find_spec("pyarrow") is None:
        print("parquet: skipped, needs pyarrow (pip install pyarrow)", flush=True)
        return []
    n_rows, n_columns = (2_000, 20) if run.smoke else (1_000_000, 200)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        write_rows(file, n_rows, n_columns)
        turns = [
            [_measured(file, how, run.smoke) for how in ("batches", "memory")]
            for _ in range(1 if run.smoke else _N_TURNS)
        ]
    epochs = _medians(turns, "epoch")
    fits = _medians(turns, "fit")
    megabytes = np.max([[each["megabytes"] for each in turn] for turn in turns], axis=0)
    size = f"{n_rows:,} x {n_columns} in a Parquet file"
    rbm, dbn = models(run.smoke).values()
    return [
        Result(
            measure=f"{size}: an epoch of `fit_batches` over one of `fit` in memory",
            measured=f"{epochs[0] / epochs[1]:.2f} ({epochs[0]:.1f} and {epochs[1]:.1f} s)",
            must_be=f"<= {_MOST_TIME}",
            reached=bool(epochs[0] / epochs[1] <= _MOST_TIME),
            settings=settings_of(rbm, "one BLAS thread"),
        ),
        Result(
            measure=f"{size}: a network, one epoch a layer and one of fine-tuning, all of the fit",
            measured=f"{fits[0] / fits[1]:.2f} ({fits[0]:.1f} and {fits[1]:.1f} s)",
            settings=settings_of(dbn, "one BLAS thread"),
        ),
        Result(
            measure=f"{size}: resident memory of the process that trains both by `fit_batches`",
            measured=f"{megabytes[0]:.0f} MB (in memory {megabytes[1]:.0f} MB)",
            must_be=f"<= {_MOST_MEGABYTES} MB",
            reached=bool(megabytes[0] <= _MOST_MEGABYTES),
        ),
    ]


def write_rows(file, n_rows, n_columns):
    """Write grey rows of two kinds and their label, group by group."""
    import pyarrow
    from pyarrow import parquet

    rng, writer = np.random.default_rng(0), None
    for start in range(0, n_rows, _ROWS_OF_A_GROUP):
        label = rng.integers(2, size=min(_ROWS_OF_A_GROUP, n_rows - start))
        X = rng.random((len(label), n_columns), dtype=np.float32)
        X[label == 1] **= 2
        columns = {f"x{number}": column for number, column in enumerate(X.T)}
        table = pyarrow.table({**columns, "label": label})
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)
    writer.close()


def _measured(file, how, smoke):
    """Return what a process measures that trains in one of both ways."""
    command = [sys.executable, "-m", "_scale_out.parquet_child", str(file), how, str(int(smoke))]
    output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=FOLDER).stdout
    return json.loads(output.splitlines()[-1])


def _medians(turns, name):
    return np.median([[each[name] for each in turn] for turn in turns], axis=0)
