"""Memory that a fit needs beside its rows, and a fit on a file that is larger than it may use."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from speed._lines import Line

_FOLDER = Path(__file__).parents[1]  # where `speed` is a package
_MICROSECONDS = 1e6


def fit_lines(grid):
    """Return the peak beyond X of a fit of one epoch, each in a fresh process."""
    n_rows, n_features, n_hidden = (500, 64, 16) if grid == "smoke" else (60_000, 784, 500)
    size = {"n_features": n_features, "n_hidden": n_hidden, "n_rows": n_rows}
    measure = f"peak memory of fit beyond X, {n_rows:,} x {n_features} float32, {n_hidden} hidden"
    ours, theirs = (fitted(model, **size)["peak"] for model in ("skdbn", "BernoulliRBM"))
    arrays = fitted("skdbn", **size, traced=True)["peak"]
    return [
        Line(f"{measure}: resident", "MB", ours, most=60),
        Line(f"{measure}: resident, beside a peer", "MB", ours, "BernoulliRBM", theirs),
        Line(f"{measure}: arrays of numpy", "MB", arrays, most=60),
    ]


def mapped_lines(grid):
    """Return what a fit on a mapped file needs, and its time beside that of rows in memory.

    The file is sparse: its rows are zeros, which cost as much to train on as others, and pages of the
    disk cache that the first pass makes.
    """
    n_rows, n_rows_in_memory = {"smoke": (2000, 1000), "default": (100_000, 50_000)}.get(
        grid, (1_400_000, 100_000)
    )
    size = {"n_features": 784, "n_hidden": 16 if grid == "smoke" else 64, "traced": True}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.npy"
        np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(n_rows, 784))
        gigabytes = file.stat().st_size / 1e9
        mapped = fitted("skdbn", file=str(file), **size)
    in_memory = fitted("skdbn", n_rows=n_rows_in_memory, **size)
    measure = f"fit on a mapped file of {gigabytes:.2g} GB, {size['n_hidden']} hidden"
    return [
        Line(f"{measure}: arrays of numpy", "MB", mapped["peak"], most=200),
        Line(
            f"{measure}: all of a fit of one epoch",
            "us a row",
            mapped["seconds_per_row"] * _MICROSECONDS,
            f"{n_rows_in_memory:,} rows in memory",
            in_memory["seconds_per_row"] * _MICROSECONDS,
        ),
    ]


def fitted(model, **arguments):
    """Return what `_probe` measures in a fresh process."""
    command = [sys.executable, "-m", "speed._probe", json.dumps({"model": model, **arguments})]
    printed = subprocess.run(command, cwd=_FOLDER, check=True, capture_output=True, text=True).stdout
    return json.loads(printed)
