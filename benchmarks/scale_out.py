"""Print what several processes and files of rows gain and cost: steps, searches, epochs, memory.

    python benchmarks/scale_out.py                                 # all rows: 20 minutes on two idle cores
    python benchmarks/scale_out.py --rows mpi-step one-rank        # some rows
    python benchmarks/scale_out.py --output benchmarks/results     # renews scale_out.md there
    python benchmarks/scale_out.py --smoke                         # tiny: does it run?

Rows that need mpi4py and mpiexec (pip install mpi4py mpich), or pyarrow, are skipped without them.
"parquet" writes a file of 1.2 GB into the folder for temporary files, "two-hosts" makes network namespaces,
which takes an administrator. Leave the machine alone meanwhile.
"""

import warnings

from _command import run_table
from _scale_out.alone import one_rank
from _scale_out.hosts import two_hosts
from _scale_out.killed import killed
from _scale_out.parquet import parquet
from _scale_out.search import search
from _scale_out.steps import mpi_step
from sklearn.exceptions import ConvergenceWarning

ROWS = {
    "mpi-step": mpi_step,
    "one-rank": one_rank,
    "killed": killed,
    "search": search,
    "parquet": parquet,
    "two-hosts": two_hosts,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)  # nothing is trained to its end
    run_table("scale_out", ROWS, description=__doc__.splitlines()[0], without_files=ROWS)
