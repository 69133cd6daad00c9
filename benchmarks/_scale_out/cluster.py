"""What the model says of machines that are not here: batch sizes and times for many nodes."""

from typing import NamedTuple

from _scale_out.model import (
    Layers,
    batch_size_for,
    epoch_seconds,
    rows_seconds,
    step_seconds,
    sums_seconds,
    update_seconds,
)

N_ROWS = 10**9
_LARGE, _SMALL = Layers(4096, 4096), Layers(784, 500)
_N_NODES = 64
# Assumed, as the text says: what 32 cores reach in products of float32; latency and bytes of a network.
_NODE_FLOPS = 1.5e12
NETWORKS = {"10 Gbit/s": (50e-6, 10e9 / 8), "100 Gbit/s": (5e-6, 100e9 / 8)}
# One of a data centre: products of float32; passes over states and weights at the speed of its memory.
GPU = {"flops": 3e13, "seconds_per_state": 3e-11, "seconds_per_weight": 2e-11}


def node(speed, network):
    """Return the speed of a node: one process, whose work beside products is done by one core as here."""
    latency, bandwidth = NETWORKS[network]
    return speed._replace(flops=_NODE_FLOPS, latency=latency, bandwidth=bandwidth)


class Batches(NamedTuple):
    """The batch sizes at which sums take as long as the rows, and a tenth of that."""

    layers: Layers
    n_processes: int
    network: str
    as_long: int
    a_tenth: int


def batch_sizes(speed):
    """Return them for this machine, and for nodes on each network."""
    cases = [(_SMALL, 2, "memory of this machine", speed)]
    for layers, n_nodes in ((_SMALL, 8), (_SMALL, _N_NODES), (_LARGE, 8), (_LARGE, _N_NODES)):
        cases += [(layers, n_nodes, network, node(speed, network)) for network in NETWORKS]
    return [
        Batches(layers, n, network, *(batch_size_for(share, layers, n, each) for share in (1, 0.1)))
        for layers, n, network, each in cases
    ]


class Epoch(NamedTuple):
    """Seconds of a step and its parts, and of a pass over all rows."""

    where: str
    batch_size: int
    rows: float
    update: float
    sums: float
    step: float
    epoch: float


def epochs(speed):
    """Return the times of 10^9 rows on one node, on 64 of them and on a GPU."""
    lines = [_epoch("1 node", 1, 8192, node(speed, "100 Gbit/s"))]
    for network in NETWORKS:
        of_node = node(speed, network)
        lines += [
            _epoch(f"{_N_NODES} nodes, {network}", _N_NODES, batch_size, of_node)
            for batch_size in (8192, 65_536, 524_288)
        ]
    return [*lines, _epoch("1 GPU", 1, 8192, speed._replace(**GPU))]


def _epoch(where, n_processes, batch_size, speed):
    return Epoch(
        where,
        batch_size,
        rows_seconds(_LARGE, batch_size, n_processes, speed),
        update_seconds(_LARGE, speed),
        sums_seconds(_LARGE, n_processes, speed),
        step_seconds(_LARGE, batch_size, n_processes, speed),
        epoch_seconds(_LARGE, N_ROWS, batch_size, n_processes, speed),
    )
