"""Rows of files, tables and arrays in batches, for the estimators' `fit_batches` and `partial_fit`.

The packages that read them are imported when they are needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from skdbn._typing import MatrixLike, TargetsLike

__all__ = ["Batches"]


class Batches:
    """The rows of a file, table or array in batches, read anew each time they are iterated over.

    Parameters
    ----------
    X : path, list of paths, table or array
        The rows: Parquet files or a folder of them; a dataset or table of pyarrow; a dask array or
        dataframe; a data frame of polars or pandas; a NumPy array, memory-mapped or not; a sparse matrix.

    y : str, array-like of shape (n_samples,) or None, default=None
        The targets: the name of a column of the table, which X then goes without, or an array, also one of
        dask. None: there are none.

    sample_weight : str, array-like of shape (n_samples,) or None, default=None
        The weights of the rows, given as `y` is.

    batch_size : int, default=8192
        Largest number of rows of a batch, >= 1. Batches of dask are its blocks and partitions.

    Yields
    ------
    batch : X, (X, y) or (X, y, sample_weight)
        Tables keep their type, so that estimators learn the names of the columns.

    Raises
    ------
    ImportError
        If pyarrow is needed and not installed.

    See Also
    --------
    skdbn.RBMTransformer.fit_batches : Training on them; all estimators have it.

    Notes
    -----
    One batch is read at a time, in order. For sources of other kinds write a function that yields batches:
    that is all `fit_batches` needs.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import DBNClassifier, RBMTransformer
    >>> from skdbn.batches import Batches
    >>> X, y = load_digits(return_X_y=True)
    >>> rows = Batches(X / 16, y, batch_size=500)
    >>> [len(labels) for _, labels in rows]
    [500, 500, 500, 297]
    >>> dbn = DBNClassifier((64,), random_state=0).fit_batches(rows)
    >>> bool(dbn.score(X / 16, y) > 0.9)
    True
    """

    def __init__(
        self,
        X: MatrixLike,
        y: str | TargetsLike = None,
        sample_weight: str | TargetsLike = None,
        *,
        batch_size: int = 8192,
    ) -> None:
        if not isinstance(batch_size, Integral) or isinstance(batch_size, bool) or batch_size < 1:
            raise ValueError(f"batch_size must be an integer >= 1; got {batch_size!r}.")
        self.batch_size: int = int(batch_size)
        self._source: _Source = _opened(X)
        self._columns: list[Any] = [
            _checked_column(column, self._source, X) for column in (y, sample_weight)
        ]

    def __iter__(self) -> Iterator[Any]:
        """Read the rows and yield them in batches."""
        start = 0
        named = [column for column in self._columns if isinstance(column, str)]
        for piece in self._source.pieces(self.batch_size):
            rows = slice(start, start + piece.shape[0])
            start = rows.stop
            y, sample_weight = (_of_piece(column, piece, rows) for column in self._columns)
            X = _without(piece, named) if named else piece
            if sample_weight is not None:
                yield X, y, sample_weight
            else:
                yield X if y is None else (X, y)
        self._check_lengths(start)

    def _check_lengths(self, n_rows: int) -> None:
        for name, column in zip(("y", "sample_weight"), self._columns, strict=True):
            if column is not None and not isinstance(column, str) and column.shape[0] != n_rows:
                raise ValueError(f"{name} has {column.shape[0]} rows, but X has {n_rows}.")


class _Source(NamedTuple):
    """Where rows come from: what yields them in pieces of a size, and whether these are tables."""

    pieces: Callable[[int], Iterator[Any]]
    is_table: bool


def _opened(X: Any) -> _Source:
    """Return the source that X is, or raise with the way out."""
    paths = X if isinstance(X, (list, tuple)) else [X]
    if all(isinstance(path, (str, os.PathLike)) for path in paths):
        return _Source(partial(_of_files, _files(paths)), True)
    if hasattr(X, "to_batches") or hasattr(X, "num_columns"):  # of pyarrow
        return _Source(
            partial(_of_dataset, X if hasattr(X, "scanner") else _pyarrow().dataset.dataset(X)), True
        )
    if hasattr(X, "collect"):
        raise ValueError(
            f"X is a query ({type(X).__name__}): collect it, write it to a file (sink_parquet), or give "
            "`fit_batches` a function that returns its batches."
        )
    if not hasattr(X, "shape"):
        raise ValueError(
            f"X has to be a path, a table or an array; got an object of type {type(X).__name__}."
        )
    is_table = hasattr(X, "columns")
    if hasattr(X, "dask"):
        parts, n_parts = (X.partitions, X.npartitions) if is_table else (X.blocks, X.numblocks[0])
        return _Source(partial(_of_dask, parts, n_parts), is_table)
    return _Source(partial(_slices, X.tocsr() if hasattr(X, "tocsr") else X), is_table)


def _checked_column(column: Any, source: _Source, X: Any) -> Any:
    """Return targets or weights that rows can be taken from: a name, an array or a series."""
    if isinstance(column, str) and not source.is_table:
        raise ValueError(f"The column {column!r} was asked for, but X ({type(X).__name__}) has no columns.")
    if hasattr(column, "partitions") and not hasattr(column, "blocks"):
        raise ValueError(
            "y and sample_weight cannot be series of dask: give the name of the column in X, or "
            "series.to_dask_array(lengths=True)."
        )
    return np.asarray(column) if isinstance(column, (list, tuple)) else column


# -- the kinds of sources --------------------------------------------------------------------------


def _pyarrow() -> Any:
    try:
        import pyarrow.dataset
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("Reading Parquet files needs pyarrow: pip install pyarrow") from error
    return pyarrow


def _files(paths: Sequence[Any]) -> list[str]:
    """Return the Parquet files of these paths, of which one may be a folder."""
    names = [*map(os.fspath, paths)]
    return _pyarrow().dataset.dataset(names if len(names) > 1 else names[0], format="parquet").files


def _of_files(files: list[str], batch_size: int) -> Iterator[Any]:
    pyarrow = _pyarrow()
    for name in files:
        # Read a little at a time: a whole row group in advance takes more memory than all else.
        with pyarrow.parquet.ParquetFile(name, pre_buffer=False, buffer_size=2**16) as file:
            for batch in file.iter_batches(batch_size=batch_size):
                yield pyarrow.Table.from_batches([batch])


def _of_dataset(dataset: Any, batch_size: int) -> Iterator[Any]:
    for batch in dataset.to_batches(batch_size=batch_size, batch_readahead=1, fragment_readahead=1):
        yield _pyarrow().Table.from_batches([batch])


def _of_dask(parts: Any, n_parts: int, batch_size: int) -> Iterator[Any]:
    for number in range(n_parts):
        yield parts[number].compute()


def _slices(X: Any, batch_size: int) -> Iterator[Any]:
    for start in range(0, X.shape[0], batch_size):
        yield _at(X, slice(start, start + batch_size))


# -- the pieces ------------------------------------------------------------------------------------


def _of_piece(column: Any, piece: Any, rows: slice) -> Any:
    """Return the targets or the weights of a piece, which has these rows of the whole."""
    if column is None:
        return None
    if isinstance(column, str):
        return piece[column].to_numpy()
    part = _at(column, rows)
    return part.compute() if hasattr(part, "compute") else part


def _at(X: Any, rows: slice) -> Any:
    """Return the rows at these places, whatever an index calls them."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def _without(table: Any, names: list[str]) -> Any:
    """Return a table of pyarrow, pandas or polars without columns."""
    if hasattr(table, "drop_columns"):
        return table.drop_columns(names)
    return table.drop(columns=names) if hasattr(table, "iloc") else table.drop(names)
