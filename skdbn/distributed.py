r"""Training by several processes, on one machine or many, each of which has a part of the rows.

In each step every process computes the gradient of its own rows and runs its own chains; the sums over all
processes, which MPI makes, are then the gradient of the whole batch, and each takes the same step.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from skdbn._team import MPITeam, training_in

__all__ = ["data_parallel"]


@contextmanager
def data_parallel(comm: Any = None) -> Iterator[None]:
    r"""Train what is fitted in this context on the rows of all processes together.

    Process r of p has the rows :math:`X_r`. The step of a batch with the weights w is that of one process
    with all rows,

    .. math:: g = \sum_{r=1}^{p} \sum_{i \in \text{batch}_r} \frac{w_i}{\sum_j w_j} \,
        \nabla_\theta \, \ell(x_i; \theta),

    where the sum over j goes over the batches of all processes; the model term of an RBM is the mean over
    the chains of all of them [1]_. `batch_size` and the number of chains are those of all processes
    together. Means and scales of the data, the classes, offsets, losses and validation scores are also
    those of all rows, so that all processes have the same fitted attributes, to the last bit, and each may
    predict for itself.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm or None, default=None
        The processes; None: ``MPI.COMM_WORLD``. With a single process nothing changes.

    Yields
    ------
    None
        What is fitted until the context ends is trained by all processes.

    Raises
    ------
    ImportError
        If mpi4py is not installed.

    Notes
    -----
    Start the script by ``mpiexec -n 4 python train.py``. All processes have to run the same fits in the
    same order with the same parameters; rows may differ in number, and some processes may have none. The
    first weights follow from the `random_state` of the first process; batches, chains and dropout are drawn
    by each process for itself. `X_val` are rows of each process; rows that
    ``early_stopping=True`` holds out are a share of those of each.

    For the same seed, p processes find another model than one does, of the same quality, since batches and
    draws differ. With one batch (``batch_size=None``) and nothing drawn (``sampler=MeanField()``, no
    dropout) they find the same up to rounding.

    A process that fails prints its error and ends all of them: the others would wait for it for ever.
    `Checkpoint` and `resume_from` are not available here.

    References
    ----------
    .. [1] Dean, J. et al. (2012). Large scale distributed deep networks. NIPS.
           https://proceedings.neurips.cc/paper/2012/hash/6aca97005c68f1206823815f66102863-Abstract.html

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.distributed import data_parallel
    >>> X = load_digits().data / 16
    >>> with data_parallel():  # doctest: +SKIP
    ...     rbm = RBMTransformer(64, random_state=0).fit(X[comm.rank :: comm.size])
    """
    comm = _world() if comm is None else comm
    if comm.Get_size() == 1:
        yield
        return
    try:
        with training_in(MPITeam(comm)):
            yield
    except BaseException:
        # The others wait for this process at their next sum.
        traceback.print_exc()
        sys.stderr.write(f"Process {comm.Get_rank()} of {comm.Get_size()} failed and ends all of them.\n")
        sys.stderr.flush()
        comm.Abort(1)
        raise


def _world() -> Any:
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ImportError("data_parallel needs MPI: pip install mpi4py mpich") from error
    return MPI.COMM_WORLD
