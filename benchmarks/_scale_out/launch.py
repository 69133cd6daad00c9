"""Processes of MPI: whether there can be any, how they are started, and what they answer."""

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1]  # where `_scale_out` is a package


def mpiexec():
    """Return the program that starts processes: the one beside Python, else one on the path; or None."""
    return shutil.which(
        "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )


def needs_mpi(row):
    """Let a row be skipped, with a line that says so, where processes cannot be started."""

    @functools.wraps(row)
    def row_or_nothing(run):
        if importlib.util.find_spec("mpi4py") is None or mpiexec() is None:
            name = row.__name__.replace("_", "-")
            print(f"{name}: skipped, needs mpi4py and mpiexec (pip install mpi4py mpich)", flush=True)
            return []
        return row(run)

    return row_or_nothing


def answer_of(n_processes, task, *, options=(), environment=None, before=(), **arguments):
    """Return what a task of `ranks` gives, done by so many processes with one BLAS thread each.

    `options` are of mpiexec, which is started by the command `before`.
    """
    command = command_of(n_processes, task, options=options, **arguments)
    return _parsed(subprocess.run([*before, *command], **_settings(n_processes, 1, environment)))


def answer_of_one(n_threads, task, **arguments):
    """Return the same of a process without MPI, with so many BLAS threads."""
    return _parsed(subprocess.run(_program(task, arguments), **_settings(1, n_threads)))


def command_of(n_processes, task, *, options=(), **arguments):
    """Return the command that starts processes with a task."""
    return [mpiexec(), *options, "-n", str(n_processes), *_program(task, arguments)]


def environment_of(n_processes, n_threads=1):
    """Return the variables that processes are started with."""
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": str(n_threads)}
    if n_processes > (os.cpu_count() or 1):
        variables["MPIR_CVAR_POLLS_BEFORE_YIELD"] = "1"  # who waits gives the core to one who works
    return variables


def _program(task, arguments):
    return [sys.executable, "-m", "_scale_out.ranks", json.dumps({"task": task, **arguments})]


def _settings(n_processes, n_threads, environment=None):
    variables = {**environment_of(n_processes, n_threads), **(environment or {})}
    return {"cwd": FOLDER, "env": variables, "capture_output": True, "text": True}


def _parsed(finished):
    if finished.returncode:
        raise RuntimeError(
            f"The processes ended with {finished.returncode}:\n{finished.stdout}{finished.stderr}"
        )
    return json.loads(finished.stdout.splitlines()[-1])
