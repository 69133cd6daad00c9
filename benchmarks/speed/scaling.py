"""How the time of an epoch grows with the rows and with the hidden units."""

from functools import partial

import numpy as np

from speed._data import grey_rows
from speed._lines import Line
from speed.training import trained

_N_ROUNDS = 3
_BATCH_SIZE = 100
_SLOPES = {"least": 0.9, "most": 1.1}


def growth_lines(grid):
    """Return the log-log slopes and the largest deviations from a straight line."""
    return [*_lines("rows", *_of_rows(grid)), *_lines("hidden units", *_of_hidden_units(grid))]


def slope_of_rows(grid="default"):
    """Return the log-log slope of the time by the number of rows."""
    return _slope(*_of_rows(grid)[1:])


def slope_of_hidden_units(grid="default"):
    """Return the log-log slope of the time by the number of hidden units."""
    return _slope(*_of_hidden_units(grid)[1:])


def _of_rows(grid):
    """Return (what stays the same, numbers of rows, seconds of an epoch)."""
    largest, n_visible, n_hidden = (800, 64, 16) if grid == "smoke" else (640_000, 196, 64)
    counts = [largest // 2**halvings for halvings in reversed(range(3 if grid == "smoke" else 7))]
    X = grey_rows(largest, n_visible)
    epochs = [partial(_epoch, X[:n_rows], n_hidden) for n_rows in counts]
    return f"{n_visible}-{n_hidden}", counts, _interleaved(epochs)


def _of_hidden_units(grid):
    """Return (what stays the same, numbers of hidden units, seconds of an epoch)."""
    counts = [4, 8, 16] if grid == "smoke" else [64 * 2**doublings for doublings in range(7)]
    n_rows, n_visible = (200, 64) if grid == "smoke" else (2000, 784)
    X = grey_rows(n_rows, n_visible)
    epochs = [partial(_epoch, X, n_hidden) for n_hidden in counts]
    return f"{n_rows:,} x {n_visible}", counts, _interleaved(epochs)


def _epoch(X, n_hidden):
    return trained(X, n_hidden, _BATCH_SIZE, -(-len(X) // _BATCH_SIZE)).total_seconds()


def _interleaved(runs):
    rounds = [[run() for run in runs] for _ in range(_N_ROUNDS)]
    return np.median(rounds, axis=0)


def _lines(what, same, counts, seconds):
    measure = f"epoch from {counts[0]:,} to {counts[-1]:,} {what}, {same}, float32, batch {_BATCH_SIZE}"
    deviation = 100 * _deviation_from_line(np.array(counts), seconds)
    return [
        Line(f"{measure}: log-log slope", "", _slope(counts, seconds), **_SLOPES),
        Line(f"{measure}: largest deviation from a straight line", "%", deviation, most=10),
    ]


def _slope(counts, seconds):
    return float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])


def _deviation_from_line(counts, seconds):
    """Return the largest relative deviation from the line with the smallest squared relative ones."""
    # Divided by the times, the line t = a + b n becomes 1 = (a + b n) / t.
    columns = np.stack([np.ones(len(counts)), counts], axis=1) / seconds[:, np.newaxis]
    coefficients, *_ = np.linalg.lstsq(columns, np.ones(len(counts)), rcond=None)
    return float(np.abs(columns @ coefficients - 1).max())
