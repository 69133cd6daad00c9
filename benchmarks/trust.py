"""Print whether likelihoods, gradients and float32 can be trusted, against what can be computed exactly.

    python benchmarks/trust.py                                     # all rows: some minutes, no files
    python benchmarks/trust.py --rows centring                     # some rows
    python benchmarks/trust.py --output benchmarks/results         # renews trust.md there
    python benchmarks/trust.py --smoke                             # tiny: does it run?

Every RBM here is small enough for its log Z to be summed over all states of its hidden units.
"""

from _command import run_table
from _trust.annealing import annealing
from _trust.centring import centring
from _trust.precision import precision

ROWS = {"annealing": annealing, "centring": centring, "precision": precision}

if __name__ == "__main__":
    run_table("trust", ROWS, description=__doc__.splitlines()[0], without_files=ROWS)
