"""The training rows: shuffled anew each epoch and handed out in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy import sparse

from skdbn._streams import RowStream, WindowReader
from skdbn._team import current_team
from skdbn._typing import Array, Floats, FloatType, Integers, Matrix, Rng
from skdbn.units import Unit

_BLOCK_ELEMENTS = 2**21  # 8 MB of float32

Taking: TypeAlias = Callable[[Integers, Floats], Floats]  # writes rows, by their numbers, to an array


class Batch(NamedTuple):
    """Some rows of the data. The weights sum to 1, so `weights @ a` is the weighted mean.

    In a team the batch is that of all processes, and each has its own part of the rows and weights.

    `share` is the batch's mean weight over that of all rows. The gradient of the weighted mean times the
    share is on average the gradient of all rows; without it, rows of large weight would count for less
    the smaller the batches are.
    """

    inputs: Floats  # (n_rows, n_features), overwritten by the next batch
    targets: Array | None  # (n_rows, ...)
    weights: Floats  # (n_rows,)
    total_weight: float
    share: float = 1.0


class Rows:
    """Data of a fit: inputs (dense, CSR or a stream), targets and the weight of each row.

    Weights are positive: rows of weight 0 are removed before they come here, so no batch can be
    without weight.
    """

    def __init__(
        self, X: Matrix, targets: Array | None = None, sample_weight: Floats | None = None
    ) -> None:
        self.X = X
        self.targets = targets
        self.sample_weight = sample_weight
        self.n_features = X.shape[1]
        self._team = current_team()
        self.n_rows = sum(self._team.gathered(X.shape[0]))  # of the whole team, as all that is public
        self.total_weight = self._team.total(
            float(X.shape[0] if sample_weight is None else sample_weight.sum())
        )

    def batches(self, batch_size: int, rng: Rng) -> Iterator[Batch]:
        """Yield every row once, in a new random order; the last batch may be short."""
        if self._team.size > 1:
            yield from self._batches_of_team(self.n_batches(batch_size), rng)
            return
        size = min(batch_size, self.n_rows)
        work = np.empty((size, self.n_features), dtype=self.X.dtype)
        # The order within one full batch changes nothing but the rounding.
        order = shuffled(self.X, rng) if size < self.n_rows else np.arange(self.n_rows)
        take = taking(self.X)
        for start in range(0, self.n_rows, size):
            yield self._batch(order[start : start + size], work, take)

    def n_batches(self, batch_size: int) -> int:
        """Return the number of batches of an epoch."""
        return -(-self.n_rows // min(batch_size, self.n_rows))

    def _batches_of_team(self, n_batches: int, rng: Rng) -> Iterator[Batch]:
        """Yield the parts that this process has in the batches."""
        parts = np.split(shuffled(self.X, rng), np.cumsum(self._sizes_of_parts(n_batches))[:-1])
        weights = [self._weights_of(part) for part in parts]
        sizes = np.array([len(part) for part in parts], dtype=np.float64)
        totals = np.array([weight.sum() for weight in weights])
        self._team.sum(sizes, totals)
        shares = totals / sizes * (self.n_rows / self.total_weight)
        work = np.empty((max(map(len, parts)), self.n_features), dtype=self.X.dtype)
        take = taking(self.X)
        for rows, weight, total, share in zip(parts, weights, totals, shares, strict=True):
            inputs = take(rows, work[: len(rows)])
            targets = None if self.targets is None else self.targets[rows]
            weight = (weight / total).astype(work.dtype)
            yield Batch(inputs, targets, weight, float(total), float(share))

    def _sizes_of_parts(self, n_batches: int) -> Integers:
        """Return as many rows for each batch; a row more where processes before have none left over.

        So batches of the team differ by one row at most, and none is empty.
        """
        left_over = [n_rows % n_batches for n_rows in self._team.gathered(self.X.shape[0])]
        begin, n_more = sum(left_over[: self._team.rank]), left_over[self._team.rank]
        sizes = np.full(n_batches, self.X.shape[0] // n_batches)
        sizes[(begin + np.arange(n_more)) % n_batches] += 1
        return sizes

    def _weights_of(self, rows: Integers) -> Floats:
        return np.ones(len(rows)) if self.sample_weight is None else self.sample_weight[rows]

    def _batch(self, rows: Integers, work: Floats, take: Taking) -> Batch:
        inputs = take(rows, work[: len(rows)])
        targets = None if self.targets is None else self.targets[rows]
        if self.sample_weight is None:
            weights: Floats = np.full(len(rows), 1 / len(rows), dtype=work.dtype)
            return Batch(inputs, targets, weights, float(len(rows)))
        weights = self.sample_weight[rows]
        total = weights.sum(dtype=np.float64)
        share = total / len(rows) * self.n_rows / self.total_weight
        return Batch(inputs, targets, (weights / total).astype(work.dtype), float(total), float(share))


def shuffled(X: Matrix, rng: Rng) -> Integers:
    """Return the numbers of the rows in a random order; in a stream it is one only within each window."""
    return X.order(rng) if isinstance(X, RowStream) else rng.permutation(X.shape[0])


def taking(X: Matrix) -> Taking:
    """Return the function that writes rows to an array; from a stream, in the order of `shuffled` only."""
    return WindowReader(X) if isinstance(X, RowStream) else partial(take_rows, X)


def take_rows(X: Matrix, rows: Integers, out: Floats) -> Floats:
    """Write the given rows to `out`; those of a stream in ascending order."""
    if isinstance(X, RowStream):
        return WindowReader(X)(rows, out)
    if sparse.issparse(X):
        return X[rows].toarray(out=out)
    return np.take(X, rows, axis=0, out=out, mode="clip")  # "clip" writes without a second buffer


def blocks_of_rows(X: Matrix, width: int = 0) -> Iterator[tuple[slice, Floats]]:
    """Yield (slice, dense block) in order, so that memory does not grow with the number of rows.

    `width` is the number of columns of what the caller makes of a block, if larger than that of X.
    """
    block_size = rows_of_a_block(X, width)
    if isinstance(X, RowStream):
        yield from X.blocks(block_size)
        return
    for start in range(0, X.shape[0], block_size):
        rows = slice(start, start + block_size)
        yield rows, (X[rows].toarray() if sparse.issparse(X) else X[rows])


def encoded_blocks(
    unit: Unit, X: Matrix, dtype: FloatType, width: int = 0
) -> Iterator[tuple[slice, Floats]]:
    """Yield (slice, block in the coordinates of the unit); a block is overwritten by the next one."""
    work = np.empty((min(X.shape[0], rows_of_a_block(X, width)), X.shape[1]), dtype=dtype)
    for rows, block in blocks_of_rows(X, width):
        yield rows, unit.encode(block, out=work[: block.shape[0]])


def rows_of_a_block(X: Matrix, width: int) -> int:
    """Return the rows that are computed with at a time, where `width` columns follow from them."""
    return max(1, _BLOCK_ELEMENTS // max(X.shape[1], width))


def spread_rows(n_rows: int, n_chosen: int) -> Integers:
    """Return the numbers of at most `n_chosen` rows, spread evenly."""
    return np.linspace(0, n_rows - 1, min(n_rows, n_chosen)).astype(int)


def weighted_moments(X: Matrix, sample_weight: Floats | None = None) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the columns, accumulated in float64 and block by block."""
    with np.errstate(over="ignore", invalid="ignore"):  # infinite spreads are refused where they are used
        own = _merged(_moments_of_blocks(X, sample_weight), X.shape[1])
        total, mean, scatter = _merged(current_team().gathered(own), X.shape[1])
        return mean.astype(X.dtype), np.sqrt(scatter / total).astype(X.dtype)


class _Moments(NamedTuple):
    """Weight, weighted mean and weighted sum of squared deviations of some rows."""

    weight: float
    mean: Floats
    scatter: Floats


def _moments_of_blocks(X: Matrix, sample_weight: Floats | None) -> Iterator[_Moments]:
    for rows, block in blocks_of_rows(X):
        block = block.astype(np.float64)
        weights = np.ones(len(block)) if sample_weight is None else sample_weight[rows]
        weight = weights.sum(dtype=np.float64)
        mean = weights @ block / weight
        block -= mean
        yield _Moments(weight, mean, weights @ block**2)


def _merged(parts: Iterable[_Moments], n_columns: int) -> _Moments:
    """Merge by the update of Chan, Golub and LeVeque, which does not cancel where the mean is large."""
    total, mean, scatter = 0.0, np.zeros(n_columns), np.zeros(n_columns)
    for part in parts:
        if not part.weight:
            continue
        difference = part.mean - mean
        scatter += part.scatter + difference**2 * (total * part.weight / (total + part.weight))
        total += part.weight
        mean += difference * (part.weight / total)
    return _Moments(total, mean, scatter)
