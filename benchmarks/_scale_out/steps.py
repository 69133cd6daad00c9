"""Row "mpi-step": two processes of one thread each against one process of two threads."""

import numpy as np
from _report import Result

from _scale_out.launch import answer_of, answer_of_one, needs_mpi

_MOST = {1000: 1.0, 100: 1.15}  # by batch size, of all processes together
_N_TURNS = 7
_MILLISECONDS = 1000


def size_of(batch_size, smoke):
    """Return what is trained, and for how many steps."""
    n_visible, n_hidden, n_rows = (64, 16, 400) if smoke else (784, 500, 20_000)
    n_steps = 3 if smoke else max(30, 20_000 // batch_size)
    sizes = {"n_rows": n_rows, "n_visible": n_visible, "n_hidden": n_hidden}
    return {**sizes, "batch_size": batch_size if not smoke else batch_size // 10, "n_steps": n_steps}


@needs_mpi
def mpi_step(run):
    """Steps of the default RBM (PCD-1, RMSProp) in float32, in processes that are started in turns."""
    return [_line(size_of(batch_size, run.smoke), most, run.smoke) for batch_size, most in _MOST.items()]


def _line(size, most, smoke):
    seconds = np.array([_turn(size, turn) for turn in range(1 if smoke else _N_TURNS)])
    two, one = _MILLISECONDS * np.median(seconds, axis=0)
    ratio, ratios = two / one, seconds[:, 0] / seconds[:, 1]
    return Result(
        measure=f"step of 2 processes, each with 1 BLAS thread, over that of 1 process with 2: "
        f"{size['n_visible']}-{size['n_hidden']} float32, global batch {size['batch_size']}",
        measured=f"{ratio:.2f} ({two:.2f} and {one:.2f} ms, medians of {len(seconds)} turns; ratios from "
        f"{ratios.min():.2f} to {ratios.max():.2f})",
        must_be=f"<= {most}",
        reached=bool(ratio <= most),
    )


def _turn(size, turn):
    """Return the seconds of a step by two processes and by one."""
    sides = [
        lambda: answer_of(2, "steps", **size)["step"],
        lambda: answer_of_one(2, "alone", **size)["step"],
    ]
    order = (0, 1) if turn % 2 else (1, 0)  # what drifts meets both alike
    seconds = {side: sides[side]() for side in order}
    return seconds[0], seconds[1]
