"""Row "one-rank": the same fit by a process inside of `data_parallel`, alone there, and outside of it."""

import numpy as np
from _report import Result

from _scale_out.launch import answer_of, needs_mpi

_MOST = 3.0  # per cent
_N_ROUNDS = 40


@needs_mpi
def one_rank(run):
    """Fits in one process that `mpiexec` has started, in turns: one outside, one inside."""
    n_visible, n_hidden, n_rows = (64, 16, 400) if run.smoke else (784, 500, 5000)
    n_rounds = 2 if run.smoke else _N_ROUNDS
    size = {"n_rows": n_rows, "n_visible": n_visible, "n_hidden": n_hidden, "batch_size": 100}
    pairs = np.array(answer_of(1, "in_turns", n_rounds=n_rounds, **size))
    more = 100 * (pairs[:, 1] / pairs[:, 0] - 1)
    low, high = np.percentile(more, [25, 75])
    result = Result(
        measure=f"time of a fit by 1 process in data_parallel over that outside: {n_visible}-{n_hidden} "
        f"float32, {n_rows:,} rows, batch 100",
        measured=f"{np.median(more):+.2f} % (median of {n_rounds} pairs, half of them from {low:+.1f} to "
        f"{high:+.1f}; {1000 * np.median(pairs[:, 0]):.0f} ms a fit)",
        must_be=f"<= {_MOST:+.0f} %",
        reached=bool(np.median(more) <= _MOST),
    )
    return [result]
