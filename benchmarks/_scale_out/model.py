r"""What a step costs on paper: operations, bytes that are summed, and the seconds that both take.

The step is that of PCD-1 on an RBM of d visible and h hidden units, with batches of B rows and as many
chains, by p processes with B / p of each. Work on rows is shared out among the processes; the update of
the weights is not: each makes it for itself. Nothing else happens while sums are made, so times add up:

    T = (products + element-wise work on states) / p + update + sums

`doc/scale_out.rst` has the formula, and what it gives.
"""

from math import ceil, log2
from typing import NamedTuple

_LEAST_CHAINS = 100  # of PCD; there are as many as rows if these are more
_PASSES = 2  # of a sum: all parts to where they are added, and the results back


class Layers(NamedTuple):
    """How many units an RBM has."""

    n_visible: int
    n_hidden: int

    @property
    def n_weights(self):
        """The number of weights."""
        return self.n_visible * self.n_hidden

    @property
    def n_units(self):
        """The number of units of both layers."""
        return self.n_visible + self.n_hidden


class Speed(NamedTuple):
    """How fast a process is, and what joins it to the others."""

    flops: float  # operations a second in matrix products
    seconds_per_state: float  # means, draws and offsets, for one unit of one row or chain
    seconds_per_weight: float  # the update
    latency: float = 0.0  # seconds of a message without content
    bandwidth: float = float("inf")  # bytes a second, to and from each process at once

    def shared_by(self, factor):
        """Return the speed of a process that has a core for one part of the time only."""
        return Speed(
            self.flops / factor, *(factor * seconds for seconds in self[1:4]), self.bandwidth / factor
        )


def n_chains(batch_size):
    """Return the number of chains of all processes together."""
    return max(batch_size, _LEAST_CHAINS)


def n_operations(layers, batch_size):
    """Return the operations of the five products: up for rows; down and up for chains; two gradients."""
    rows, chains = batch_size, n_chains(batch_size)
    return 2 * layers.n_weights * (rows + 2 * chains + rows + chains)


def summed_sizes(layers):
    """Return the lengths of the arrays that are summed in a step, one after the other."""
    hidden_means = layers.n_hidden  # which the offsets follow
    return hidden_means, layers.n_weights, layers.n_hidden, layers.n_visible


def summed_bytes(layers, itemsize=4):
    """Return the bytes of these arrays."""
    return itemsize * sum(summed_sizes(layers))


def sent_bytes(layers, n_processes, itemsize=4):
    """Return what each process sends, and receives, in a step.

    It is the least possible [1]_: each adds up one part of p and gives the result to the others.

    .. [1] Thakur, R., Rabenseifner, R. and Gropp, W. (2005). Optimization of collective communication
           operations in MPICH. IJHPCA 19. https://doi.org/10.1177/1094342005051521
    """
    return _PASSES * (n_processes - 1) / n_processes * summed_bytes(layers, itemsize)


def n_messages(layers, n_processes):
    """Return the number of messages that wait for each other in a step: partners at twice the distance."""
    return _PASSES * ceil(log2(n_processes)) * len(summed_sizes(layers))


def rows_seconds(layers, batch_size, n_processes, speed):
    """Return the seconds of what a process does with its rows and chains."""
    states = (batch_size + n_chains(batch_size)) * layers.n_units
    products = n_operations(layers, batch_size) / speed.flops
    return (products + states * speed.seconds_per_state) / n_processes


def update_seconds(layers, speed):
    """Return the seconds of the update, which every process makes."""
    return layers.n_weights * speed.seconds_per_weight


def sums_seconds(layers, n_processes, speed):
    """Return the seconds of the sums."""
    latency = n_messages(layers, n_processes) * speed.latency
    return latency + sent_bytes(layers, n_processes) / speed.bandwidth


def step_seconds(layers, batch_size, n_processes, speed):
    """Return the seconds of a step."""
    return (
        rows_seconds(layers, batch_size, n_processes, speed)
        + update_seconds(layers, speed)
        + sums_seconds(layers, n_processes, speed)
    )


def epoch_seconds(layers, n_rows, batch_size, n_processes, speed):
    """Return the seconds of a pass over the rows."""
    return ceil(n_rows / batch_size) * step_seconds(layers, batch_size, n_processes, speed)


def batch_size_for(share, layers, n_processes, speed):
    """Return the batch size at which the sums take this share of the time of the rows.

    Rows are what the processes share out: with a share of 1, half of what they gain goes to the sums. It is
    not less than the number of chains that there are in any case.
    """
    of_rows = rows_seconds(layers, _LEAST_CHAINS, n_processes, speed) / _LEAST_CHAINS
    return max(_LEAST_CHAINS, ceil(sums_seconds(layers, n_processes, speed) / share / of_rows))
