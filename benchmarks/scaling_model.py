"""Print what a step costs on paper, beside steps measured here, and what that means for many nodes.

    python benchmarks/scaling_model.py                               # 4 minutes on two idle cores
    python benchmarks/scaling_model.py --output benchmarks/results   # renews scaling_*.csv there
    python benchmarks/scaling_model.py --smoke                       # tiny: does it run?

The speeds that the model needs are measured here, with one process and with sums of two; those of nodes
are assumed (see `_scale_out/cluster.py`). Needs mpi4py and mpiexec. Leave the machine alone meanwhile.
"""

import argparse
import csv
from pathlib import Path

from _scale_out.check import checks, measure, speed_of
from _scale_out.cluster import GPU, NETWORKS, batch_sizes, epochs, node
from _scale_out.launch import needs_mpi
from speed._lines import number

_MILLISECONDS = 1000
_HOUR = 3600


def main():
    """Make the tables, print them, and write them where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="folder of the tables")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if options.output and options.smoke:
        parser.error("what --smoke measures is no result: leave out --output")
    for name, lines in scaling_model(options):
        print(f"\n{name}", *("; ".join(line) for line in lines), sep="\n", flush=True)
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            with open(options.output / f"scaling_{name}.csv", "w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(lines)


@needs_mpi
def scaling_model(options):
    """Yield the names and lines of the tables."""
    measured = measure(options.smoke)
    speed = speed_of(measured, options.smoke)
    yield "speeds", speed_lines(speed)
    yield "check", check_lines(checks(measured, speed, options.smoke))
    yield "batches", batch_lines(batch_sizes(speed))
    yield "epochs", epoch_lines(epochs(speed))


def speed_lines(speed):
    """Return what the model knows of each machine."""
    here, gpu = speed, speed._replace(**GPU)
    nodes = [node(speed, network) for network in NETWORKS]
    known = [here, *nodes, gpu]
    head = ["", "a process here", *(f"a node, {network}" for network in NETWORKS), "a GPU"]
    rows = {
        "products, in 10^9 operations a second": [each.flops / 1e9 for each in known],
        "states, ns each": [each.seconds_per_state * 1e9 for each in known],
        "update, ns a weight": [each.seconds_per_weight * 1e9 for each in known],
        "latency of a message, us": [each.latency * 1e6 for each in known[:-1]] + [None],
        "bandwidth, 10^9 bytes a second": [each.bandwidth / 1e9 for each in known[:-1]] + [None],
    }
    return [head, *([name, *map(number, values)] for name, values in rows.items())]


def check_lines(found):
    """Return measured times beside those of the model."""
    head = ["processes", "batch", "step, ms", "model", "model / measured", "sums in it, ms", "model"]
    lines = []
    for each in found:
        times = [each.step, each.step_of_model, each.sums, each.sums_of_model]
        step, step_of_model, sums, sums_of_model = (number(_MILLISECONDS * seconds) for seconds in times)
        ratio = f"{each.step_of_model / each.step:.2f}"
        lines.append(
            [str(each.n_processes), str(each.batch_size), step, step_of_model, ratio, sums, sums_of_model]
        )
    return [head, *lines]


def batch_lines(found):
    """Return batch sizes from which on the sums are no longer what matters."""
    head = [
        "units",
        "processes",
        "joined by",
        "batch at which sums are as long as the rows",
        "a tenth as long",
    ]
    return [
        head,
        *(
            [f"{each.layers.n_visible}-{each.layers.n_hidden}", str(each.n_processes), each.network]
            + [_batch_size(each.as_long), _batch_size(each.a_tenth)]
            for each in found
        ),
    ]


def _batch_size(value):
    """Return the number to three digits: the model is not more precise than that."""
    return "<= 100" if value <= 100 else f"{float(f'{value:.2e}'):,.0f}"


def epoch_lines(found):
    """Return the times of steps and of all rows."""
    head = ["", "batch", "rows, ms", "update, ms", "sums, ms", "step, ms", "hours for 10^9 rows"]
    lines = []
    for each in found:
        times = (each.rows, each.update, each.sums, each.step)
        milliseconds = [number(_MILLISECONDS * seconds) for seconds in times]
        lines.append([each.where, f"{each.batch_size:,}", *milliseconds, number(each.epoch / _HOUR)])
    return [head, *lines]


if __name__ == "__main__":
    main()
