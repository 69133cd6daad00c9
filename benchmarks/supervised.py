"""Print what DBNs and RBMs reach with labels and as coders, beside published values.

    python benchmarks/supervised.py --data FOLDER                        # all rows: hours
    python benchmarks/supervised.py --data FOLDER --rows rectangles      # some rows
    python benchmarks/supervised.py --data FOLDER --rows up-down --output benchmarks/results --pictures doc
                                                                         # renews supervised.md, draws
    python benchmarks/supervised.py --smoke                              # tiny, without files: does it run?

FOLDER holds mnist.npz, rectangles.npz, adult.npz and spambase.npz; without the argument the variable
SKDBN_DATA names it. Nothing was tuned on the rows that are tested, see `_supervised/settings.py`; with
--validation rows split off the training rows are tested instead, which is how settings are chosen.
"""

from _command import run_table
from _supervised import coding, few_labels, mnist, rectangles, regression

ROWS = {
    "backprop": mnist.backprop,
    "dropout": mnist.dropout,
    "plain": mnist.plain,
    "plain-dropout": mnist.plain_dropout,
    "up-down": mnist.up_down,
    "class-rbm": mnist.class_rbm,
    "features": mnist.features,
    "few-labels": few_labels.few_labels,
    "autoencoder": coding.autoencoder,
    "rectangles": rectangles.rectangles,
    "regression": regression.regression,
}

if __name__ == "__main__":
    run_table("supervised", ROWS, description=__doc__.splitlines()[0], more_options=True)
