"""Row "killed": how long the others live when one process of several is killed, and how it is told."""

import json
import os
import signal
import subprocess
import time

from _report import Result

from _scale_out.launch import FOLDER, command_of, environment_of, needs_mpi

_MOST_SECONDS = 10
_N_TIMES = 3


@needs_mpi
def killed(run):
    """Fits of which the last process is killed in the middle of a step, by two and by four processes."""
    n_visible, n_hidden = (64, 16) if run.smoke else (784, 500)
    return [
        _line(n_processes, n_visible, n_hidden, 1 if run.smoke else _N_TIMES)
        for n_processes in ((2,) if run.smoke else (2, 4))
    ]


def _line(n_processes, n_visible, n_hidden, n_times):
    size = {"n_rows": 400, "n_visible": n_visible, "n_hidden": n_hidden}
    seconds, statuses, told = zip(*(_end(n_processes, size) for _ in range(n_times)), strict=True)
    return Result(
        measure=f"1 of {n_processes} processes is killed: seconds until all have ended",
        measured=f"{max(seconds):.2f} (the longest of {n_times}); status "
        f"{', '.join(map(str, sorted(set(statuses))))}; "
        f"{'told: Killed (signal 9)' if all(told) else 'NOT TOLD'}",
        must_be=f"<= {_MOST_SECONDS}, status not 0, told",
        reached=max(seconds) <= _MOST_SECONDS and all(statuses) and all(told),
    )


def _end(n_processes, size):
    """Return the seconds from the kill to the end of all, the status, and whether it is told."""
    process = subprocess.Popen(
        command_of(n_processes, "killed", **size),
        cwd=FOLDER,
        env=environment_of(n_processes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = process.communicate(timeout=300)
    answers = dict(
        pair for line in output.splitlines() if line.startswith("{") for pair in json.loads(line).items()
    )
    _wait_for_the_end_of(answers["ids"])
    seconds = time.monotonic() - answers["killed"]
    # Of several processes mpiexec may name one that it has ended itself, so their numbers are not compared.
    told = "BAD TERMINATION" in output and "Killed (signal 9)" in output
    return seconds, process.returncode, told


def _wait_for_the_end_of(ids, most_seconds=60):
    """Return when none of these processes runs any more; end those that still do after a minute."""
    deadline = time.monotonic() + most_seconds
    while left := [each for each in ids if _lives(each)]:
        if time.monotonic() > deadline:
            for each in left:
                os.kill(each, signal.SIGKILL)
        time.sleep(0.01)


def _lives(process_id):
    """Tell whether a process runs; one that has ended and is not buried yet does not."""
    try:
        with open(f"/proc/{process_id}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
