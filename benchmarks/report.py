"""Print how fast skdbn is: ours, the floor of matrix products, and peers, measured in turns.

    python benchmarks/report.py                                  # about 10 minutes on two idle cores
    python benchmarks/report.py --rows step epoch                # some rows
    python benchmarks/report.py --grid full                      # more sizes, and a file of 4 GB: an hour
    python benchmarks/report.py --rows likelihood --data FOLDER  # needs mnist.npz, and is not run otherwise
    python benchmarks/report.py --output benchmarks/results      # renews the rows run of speed.md there
    python benchmarks/report.py --smoke                          # tiny: does it run?

Each line has a median of ours beside one of the floor or of a peer, and their ratio. Leave the machine
alone meanwhile. `asv run` follows the same cases from commit to commit, see `speed/suite.py`.
"""

import argparse
import os
import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning
from speed import importing, likelihood, memory, network, scaling, threads, training, using
from speed._lines import as_csv, lines_of, page, renew
from speed._peers import PACKAGES, missing_packages
from speed._timing import Budget

CASES = {
    "step": training.steps_of,
    "epoch": training.epochs_of,
    "fine-tuning": network.epochs_of,
    "transform": using.transforms_of,
    "predict": using.predictions_of,
    "sampling": using.samplings_of,
    "ais": using.annealings_of,
}
# What is not a time beside other times.
FIGURES = {
    "memory": memory.fit_lines,
    "mapped-file": memory.mapped_lines,
    "scaling": scaling.growth_lines,
    "threads": threads.thread_lines,
    "import": importing.import_lines,
    "likelihood": likelihood.likelihood_lines,
}
ON_REQUEST = {"likelihood"}  # these need data, and a quarter of an hour
BUDGETS = {"smoke": Budget(0, 1, 1), "default": Budget(5), "full": Budget(15)}


def main():
    """Measure the rows one after the other, and print the table."""
    options = _parse_arguments()
    warnings.simplefilter("ignore", ConvergenceWarning)  # nothing is trained to its end
    if missing := missing_packages():
        wanted = " ".join(PACKAGES[name] for name in missing)
        print(f"Without {', '.join(missing)}: to have these peers, pip install {wanted}", flush=True)
    lines = []
    for row in options.rows:
        new = list(_lines_of_row(row, options.grid))
        lines += new
        if options.output:  # after each row, so that an interrupted run leaves what it has
            _write(options.output, row, new)
    print("\n" + page(lines, smoke=options.grid == "smoke"))


def _lines_of_row(row, grid):
    """Yield the lines of a row as they are measured, and show how far it is."""
    if row in FIGURES:
        print(row, flush=True)
        yield from FIGURES[row](grid)
        return
    for label, make in CASES[row](grid).items():
        print(label, flush=True)
        yield from lines_of(make(), BUDGETS[grid])


def _write(folder, row, lines):
    stored = renew(folder / "speed.json", row, lines)
    in_order = [line for name in (*CASES, *FIGURES) for line in stored.get(name, [])]
    for suffix, text in (("md", page(in_order, smoke=False)), ("csv", as_csv(in_order, smoke=False))):
        (folder / f"speed.{suffix}").write_text(text, encoding="utf-8")


def _parse_arguments():
    """Return the rows, the grid and the folder of the table."""
    rows = [*CASES, *FIGURES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=rows, metavar="ROW")
    parser.add_argument("--data", help="folder of mnist.npz, in place of the variable SKDBN_DATA")
    parser.add_argument("--grid", choices=list(BUDGETS), default="default")
    parser.add_argument("--smoke", dest="grid", action="store_const", const="smoke")
    parser.add_argument("--output", type=Path, help="folder of the table, in JSON and in markdown")
    options = parser.parse_args()
    if options.output and options.grid == "smoke":
        parser.error("what --smoke measures is no result: leave out --output")
    if not options.rows:
        options.rows = [row for row in rows if row not in ON_REQUEST or options.grid == "smoke"]
    if options.data:  # rows know of nothing but their grid
        os.environ["SKDBN_DATA"] = options.data
    return options


if __name__ == "__main__":
    main()
