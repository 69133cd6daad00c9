"""Print what RBMs reach as densities, beside published values.

    python benchmarks/density.py --data FOLDER                       # all rows: more than an hour
    python benchmarks/density.py --data FOLDER --rows bars tfim      # some rows
    python benchmarks/density.py --data FOLDER --rows bars --output benchmarks/results
                                                                     # renews these rows of density.md there
    python benchmarks/density.py --smoke                             # tiny, without files: does it run?

FOLDER holds mnist.npz, binarized_mnist.npz, debd_binary.npz, snp_1000g_805.npz and tfim1d_10.npz; without
the argument the variable SKDBN_DATA names it. Nothing was tuned on the rows that are tested, see
`_density/settings.py`. Log-likelihoods are means over the test rows, in nats.
"""

import argparse
import platform
from pathlib import Path

import numpy as np
import sklearn
from _data import data_folder
from _density import inpainting, mnist, small, tables
from _density.report import Run, notes, renew, table

import skdbn

ROWS = {
    "mnist-16": mnist.thresholded_16,
    "mnist-500": mnist.thresholded_500,
    "redrawn-500": mnist.redrawn_500,
    "digits-12": small.digits_12,
    "bars": small.bars,
    "tfim": small.tfim,
    "genotypes": tables.snp,
    "nltcs": tables.nltcs,
    "mushrooms": tables.mushrooms,
    "inpainting": inpainting.lower_half,
}
WITHOUT_FILES = {"digits-12", "bars"}


def parse_arguments():
    """Return the settings of the run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of the .npz files")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument(
        "--seeds", type=int, nargs="+", help="default: five, or one where a fit takes minutes"
    )
    parser.add_argument("--output", type=Path, help="folder with density.json and the table density.md")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    options.folder = data_folder(options.data)
    needs_files = [row for row in options.rows if row not in WITHOUT_FILES]
    if needs_files and options.folder is None and not options.smoke:
        parser.error(f"these rows need --data or SKDBN_DATA: {', '.join(needs_files)}")
    return options


def circumstances():
    """Return on what the table was made."""
    versions = f"skdbn {skdbn.__version__}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    return f"Python {platform.python_version()}, {versions}, {platform.machine()}"


def page(results, smoke):
    """Return the table, on what it was made, and the settings of its rows, in markdown."""
    lines = ["Tiny models on other data: these figures mean nothing.", ""] if smoke else []
    lines += [*table(results, smoke), "", circumstances(), "", *notes(results)]
    return "\n".join(lines) + "\n"


def main():
    """Run the rows one after the other and print the table."""
    options = parse_arguments()
    run = Run(options.folder, options.seeds, options.smoke)
    results = []
    for name in options.rows:
        new = ROWS[name](run)
        for result in new:
            print(f"{result.measure}: {result.measured}", flush=True)
        results += new
        if options.output:  # after each row, so that an interrupted run leaves what it has
            stored = renew(options.output / "density.json", name, new)
            in_order = [result for row in ROWS for result in stored.get(row, [])]
            (options.output / "density.md").write_text(page(in_order, run.smoke), encoding="utf-8")
    print("\n" + page(results, run.smoke))


if __name__ == "__main__":
    main()
