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

from _command import run_table
from _density import inpainting, mnist, small, tables

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


if __name__ == "__main__":
    run_table("density", ROWS, description=__doc__.splitlines()[0], without_files=WITHOUT_FILES)
