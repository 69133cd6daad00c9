"""Row "two-hosts": one fit by two processes that only a network joins, in two network namespaces.

Each namespace stands for a host: its own name and its own device, the two ends of one virtual cable. Shared
memory is forbidden, so that all goes over TCP. Takes root and `ip` and `tc` of iproute2.
"""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from _report import Result

from _scale_out.launch import answer_of, needs_mpi
from _scale_out.model import Layers, Speed, sent_bytes, sums_seconds
from _scale_out.steps import size_of

_ADDRESSES = ("192.168.231.1", "192.168.231.2")
_OVER_TCP = {"UCX_TLS": "tcp,self"}  # on one machine it would find the memory that both share
_BATCH_SIZE = 1000
_GIGABIT = 1e9 / 8  # bytes a second
_LARGEST_DIFFERENCE = 1e-10  # of float64 sums in another order, of the largest weight
_MILLISECONDS = 1000
# What mpiexec calls in place of ssh: options, an address, and a command in the words of a shell.
_ON_HOST = """#!/bin/sh
while [ "${{1#-}}" != "$1" ]; do shift; done
case "$1" in {address}) name={first};; *) name={second};; esac
shift
exec ip netns exec "$name" unshare --uts sh -c "hostname ${{name%-*}}; exec $*"
"""


class Refused(Exception):  # noqa: N818 - it is no error of the program
    """This machine does not let us make what stands for two hosts."""


@needs_mpi
def two_hosts(run):
    """The model of two hosts beside that of one process, and what their sums cost on two cables."""
    try:
        with _two_hosts() as hosts:
            return [_same_model(hosts), *_costs(hosts, run.smoke)]
    except Refused as error:
        print(f"two-hosts: skipped, {error}", flush=True)
        return []


def _same_model(hosts):
    answer = hosts.answer_of("same_model")
    names = sorted(set(answer["hosts"]))
    same = "the same to the last bit" if answer["same"] else "DIFFERENT"
    good = answer["same"] and len(names) == 2 and answer["difference"] <= _LARGEST_DIFFERENCE
    return Result(
        measure="digits, full batch, mean-field, on 2 hosts over TCP: weights",
        measured=f"{same} on {' and '.join(names)}; "
        f"off those of 1 process by {answer['difference']:.0e} of the largest",
        must_be=f"the same; off by <= {_LARGEST_DIFFERENCE:.0e}",
        reached=bool(good),
    )


def _costs(hosts, smoke):
    """Yield what a step sends, and how long it takes on a cable without and with a limit."""
    size = size_of(_BATCH_SIZE, smoke)
    layers = Layers(size["n_visible"], size["n_hidden"])
    what = (
        f"{layers.n_visible}-{layers.n_hidden} float32, global batch {size['batch_size']}, 2 hosts over TCP"
    )
    free = hosts.answer_of("steps", **size)
    expected = sent_bytes(layers, 2)
    yield Result(
        measure=f"bytes that a host sends in a step: {what}",
        measured=f"{free['sent']:,.0f}; the model says {expected:,.0f}, without headers of packets",
    )
    yield Result(f"step: {what}, no limit", _times(free))
    try:
        hosts.limit("1gbit")
    except Refused as error:
        print(f"two-hosts: no cable of 1 Gbit/s, {error}", flush=True)
        return
    limited = hosts.answer_of("steps", **size)
    sums = sums_seconds(layers, 2, Speed(1.0, 0.0, 0.0, bandwidth=_GIGABIT))
    expected = {"step": free["step"] - free["sums"] + sums, "sums": sums}
    yield Result(f"step: {what}, 1 Gbit/s", f"{_times(limited)}; the model says {_times(expected)}")


def _times(answer):
    step, sums = (_MILLISECONDS * answer[name] for name in ("step", "sums"))
    return f"{step:.1f} ms, of which {sums:.1f} in sums"


class _Hosts:
    """Two namespaces with a cable between them."""

    def __init__(self, names, launcher):
        self.names, self.launcher = names, launcher

    def answer_of(self, task, **arguments):
        """Return what a task of `ranks` gives, done by one process on each host."""
        options = ["-launcher", "ssh", "-launcher-exec", str(self.launcher), "-localhost", _ADDRESSES[0]]
        options += ["-hosts", ",".join(_ADDRESSES), "-ppn", "1"]
        # mpiexec is on the first host, and starts its process there without the launcher.
        host = self.names[0].partition("-")[0]
        before = ["ip", "netns", "exec", self.names[0], "unshare", "--uts", "sh", "-c"]
        before += [f'hostname {host}; exec "$@"', "sh"]
        return answer_of(2, task, options=options, environment=_OVER_TCP, before=before, **arguments)

    def limit(self, rate):
        """Let the cable carry no more than this in each direction."""
        for name in self.names:
            bucket = ["tbf", "rate", rate, "burst", "256kb", "latency", "200ms"]
            _run("ip", "netns", "exec", name, "tc", "qdisc", "replace", "dev", "cable", "root", *bucket)


@contextmanager
def _two_hosts():
    """Make the namespaces, and take them away at the end; the cable goes with them."""
    for program in ("ip", "tc", "unshare"):
        if shutil.which(program) is None:
            raise Refused(f"needs {program}")
    if os.geteuid():
        raise Refused("only root may make network namespaces")
    names = [f"host{number}-{os.getpid()}" for number in range(2)]
    try:
        for name in names:
            _run("ip", "netns", "add", name)
        first, second = names
        ends = ["cable", "netns", first, "type", "veth", "peer", "name", "cable", "netns", second]
        _run("ip", "link", "add", *ends)
        for name, address in zip(names, _ADDRESSES, strict=True):
            _run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "cable")
            for device in ("cable", "lo"):
                _run("ip", "-n", name, "link", "set", device, "up")
        with tempfile.TemporaryDirectory() as folder:
            yield _Hosts(names, _launcher(Path(folder), names))
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _launcher(folder, names):
    """Write the program that starts a command on a host, and return its file."""
    program = folder / "on_host"
    text = _ON_HOST.format(address=_ADDRESSES[0], first=names[0], second=names[1])
    program.write_text(text, encoding="utf-8")
    program.chmod(0o700)
    return program


def _run(*command):
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        raise Refused(f"{' '.join(command)}: {finished.stderr.strip()}")
