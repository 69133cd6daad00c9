"""Fits on rows that come in chunks: what the chunks are, and how they become rows, targets and weights."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any, NamedTuple

from scipy import sparse
from sklearn.utils.validation import check_consistent_length

from skdbn import _validation
from skdbn._labels import as_array, joined_targets
from skdbn._sklearn_compat import fit_context
from skdbn._streams import RowStream
from skdbn._team import current_team
from skdbn._transaction import all_or_nothing
from skdbn._typing import Array, Floats, FloatType, Matrix


class Chunk(NamedTuple):
    """Some rows, their targets and their weights, as the user gives them."""

    X: Any
    y: Any = None
    sample_weight: Any = None


class FitBatchesMixin:
    """The method `fit_batches` of all estimators."""

    @fit_context(prefer_skip_nested_validation=True)
    @all_or_nothing
    def fit_batches(
        self,
        source: Iterable[Any] | Callable[[], Iterable[Any]],
        *,
        buffer_size: int | None = None,
        **options: Any,
    ) -> Any:
        """Train as `fit` does, on rows that need not fit into memory.

        The rows are read from the source again in each epoch. A stack is trained layer by layer: the rows
        of an upper layer are what the layers below give, computed again as they are read. Targets and
        weights of the rows are kept in memory.

        Parameters
        ----------
        source : iterable, or callable without arguments that returns an iterable
            Gives the rows in chunks, the same each time it is iterated over: X, a tuple (X, y), or
            (X, y, sample_weight), of any kinds that `fit` takes. Such as a list of memory-mapped arrays, or
            :class:`skdbn.batches.Batches` for Parquet files, dask and polars. A generator ends after one
            pass: give the function that makes it. X is of float32 if the first chunk is.

        buffer_size : int or None, default=None
            Number of rows that are in memory at a time, >= 1, and are shuffled with each other; None:
            about 32 MB of them in float32.

        **options
            The other arguments of `fit`, by name, such as `X_val`, whose rows are given whole.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Notes
        -----
        How the source cuts its rows makes no difference. Are there no more than `buffer_size`, the model
        is that of `fit`, to the last bit; else rows are shuffled within one buffer after the other, so
        rows that are sorted by class should be shuffled before. Besides the epochs, the source is read
        about five times for each layer, to find ranges, means and what is watched.
        """
        if buffer_size is not None:
            _validation.check_count("buffer_size", buffer_size)
        X, y, sample_weight = read_through(source, self, buffer_size)
        if sample_weight is not None:
            if options.get("sample_weight") is not None:
                raise ValueError("There are weights in the chunks and in sample_weight: give one of both.")
            options["sample_weight"] = sample_weight
        return self.fit(X, y, **options)  # type: ignore[attr-defined]  # of the estimator


class ChunkedRows(RowStream):
    """The rows of the chunks of a source, checked whenever they are read."""

    def __init__(
        self,
        source: Any,
        check: Callable[[Any], Matrix],
        first_rows: Any,
        shape: tuple[int, int],
        dtype: FloatType,
        window: int | None,
    ) -> None:
        super().__init__(shape, dtype, window)
        self._source, self._check, self._given_rows = source, check, first_rows

    def pieces(self) -> Iterator[Matrix]:
        """Yield the chunks as matrices; raise unless they have as many rows as they had at first."""
        n_read, n_rows = 0, self.shape[0]
        for number, chunk in _chunks_of(self._source):
            with _naming_chunk(number):
                X = _validation.to_dtype(self._check(chunk.X), self.dtype)
            n_read += X.shape[0]
            if n_read > n_rows:
                break
            yield X
        if n_read != n_rows:
            found = f"more than {n_rows}" if n_read > n_rows else n_read
            raise ValueError(
                f"The source gave {n_rows} rows when it was first read, but {found} later: it has to give "
                "the same rows each time. A generator ends after one pass: give the function that makes it."
            )


def read_through(
    source: Any, estimator: Any, window: int | None
) -> tuple[ChunkedRows, Array | None, Floats | None]:
    """Read a source once; return its rows as a stream, and all targets and weights that it has."""
    _check_source(source)
    probe = copy.copy(estimator)  # knows columns and their names from the first chunk on
    first: Matrix = None
    n_rows, ranges = 0, []
    targets, weights = _Column("y"), _Column("sample_weight")
    for number, chunk in _chunks_of(source):
        with _naming_chunk(number):
            X = _validation.check_rows(probe, chunk.X, reset=first is None, ensure_min_samples=0)
            if first is None:
                first, first_rows = X[:0], _first_of(chunk.X, X)
            X = _validation.to_dtype(X, first.dtype)
            targets.add(chunk.y, X)
            weights.add(chunk.sample_weight, X)
        n_rows += X.shape[0]
        if X.shape[0]:
            ranges.append(_validation.data_range(X))
    _check_found(first, n_rows)

    def check(X: Any) -> Matrix:
        return _validation.check_rows(probe, X, reset=False, ensure_min_samples=0)

    rows = ChunkedRows(source, check, first_rows, (n_rows, first.shape[1]), first.dtype, window)
    if ranges:
        rows.value_range = reduce(_validation.widest, ranges)
    return rows, targets.joined(), weights.joined()


def _first_of(given: Any, X: Matrix) -> Any:
    """Return the first row as the user gave it; sparse formats that cannot be cut have no names to keep."""
    if sparse.issparse(given):
        return X[:1]
    return given.iloc[:1] if hasattr(given, "iloc") else given[:1]


class _Column:
    """The targets or the weights of all rows: gathered chunk by chunk, which all have them or none."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: list[Array | None] = []

    def add(self, part: Any, X: Matrix) -> None:
        """Take in those of a chunk with the rows X."""
        values = None if part is None else as_array(part)
        check_consistent_length(X, values)
        if self._parts and _form(values) != _form(self._parts[0]):
            raise ValueError(
                f"{self._name} is {_form(values)} here, but {_form(self._parts[0])} in the chunks before."
            )
        self._parts.append(values)

    def joined(self) -> Array | None:
        """Return those of all rows, or None."""
        parts = [part for part in self._parts if part is not None]
        return joined_targets(parts) if parts else None


def _form(values: Array | None) -> str:
    if values is None:
        return "missing"
    return (
        "one value a row"
        if values.ndim == 1
        else f"of {' x '.join(map(str, values.shape[1:]))} values a row"
    )


def _chunks_of(source: Any) -> Iterator[tuple[int, Chunk]]:
    """Yield the chunks with their numbers, from 1."""
    for number, chunk in enumerate(source() if callable(source) else source, start=1):
        parts = chunk if isinstance(chunk, tuple) else (chunk,)
        if not 1 <= len(parts) <= 3:
            raise ValueError(
                f"Chunk {number} of the source is a tuple of {len(parts)}; give X, (X, y) or "
                "(X, y, sample_weight)."
            )
        yield number, Chunk(*parts)


@contextmanager
def _naming_chunk(number: int) -> Iterator[None]:
    """Tell in errors which chunk they are about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Chunk {number} of the source: {error}") from error


def _check_source(source: Any) -> None:
    """Raise with the way out for what cannot be read in chunks again and again."""
    if isinstance(source, (str, os.PathLike)) or hasattr(source, "shape") or hasattr(source, "to_batches"):
        raise ValueError(
            "source has to give chunks when it is iterated over, and this has all rows: cut it by "
            f"skdbn.batches.Batches. Got an object of type {type(source).__name__}."
        )
    if callable(source):
        return
    if not isinstance(source, Iterable):
        raise ValueError(
            "source has to be an iterable of chunks, or a function that returns one; got an object of type "
            f"{type(source).__name__}."
        )
    if isinstance(source, Iterator):
        raise ValueError(
            f"source is an iterator ({type(source).__name__}), which gives its chunks only once: give the "
            "function that makes it, or a list."
        )


def _check_found(first: Matrix, n_rows: int) -> None:
    """Raise unless there were rows, or this is one of several processes, which may have none."""
    if first is None:
        raise ValueError(
            "The source gave no chunk. A process without rows gives one of shape (0, n_features)."
        )
    if not n_rows and current_team().size == 1:
        raise ValueError("The source gave no rows.")
