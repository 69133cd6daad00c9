"""Generated data for the property tests: rows of many types in many containers, targets, weights."""

import tempfile

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from same_state import assert_same_state
from scipy import sparse

DTYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "longdouble", "object",
)  # fmt: skip
SPARSE = {
    f"{name}_{kind}": getattr(sparse, f"{name}_{kind}")
    for name in ("csr", "csc", "coo")
    for kind in ("matrix", "array")
}


# -- containers ------------------------------------------------------------------------------------


def strided(A):
    wide = np.zeros((2 * A.shape[0], 2 * A.shape[1]), dtype=A.dtype)
    wide[::2, ::2] = A
    return wide[::2, ::2]


def read_only(A):
    A = A.copy()
    A.flags.writeable = False
    return A


def memory_mapped(A):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, dtype=A.dtype, mode="w+", shape=A.shape)
    mapped[...] = A
    return mapped


def with_duplicates(A):
    """CSR with each entry in two parts, in no order: what some readers of files make."""
    rows, columns = np.divmod(np.arange(A.size), A.shape[1])
    halves = [np.where(part, A.ravel(), 0).astype(A.dtype) for part in (columns % 2, columns % 2 == 0)]
    order = np.lexsort((-np.tile(columns, 2), np.tile(rows, 2)))
    starts = 2 * A.shape[1] * np.arange(A.shape[0] + 1)
    X = sparse.csr_matrix(A.shape, dtype=A.dtype)
    X.data, X.indices = np.concatenate(halves)[order], np.tile(columns, 2)[order].astype(np.int32)
    X.indptr = starts.astype(np.int32)
    return X


def data_frame(A):
    return pd.DataFrame(A, columns=[f"column {i}" for i in range(A.shape[1])])


def polars_frame(A):
    return pl.DataFrame({f"column {i}": A[:, i].tolist() for i in range(A.shape[1])}, strict=False)


DENSE = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "backwards": lambda A: A[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "list": lambda A: A.tolist(),
    "pandas": data_frame,
}
CONTAINERS = {
    **DENSE,
    "memmap": memory_mapped,
    "polars": polars_frame,
    **SPARSE,
    "doubled": with_duplicates,
}
NO_OBJECTS = set(CONTAINERS) - set(DENSE)
ONLY_COMMON = {"polars", "doubled", *SPARSE}  # neither half nor extended precision


# -- rows ------------------------------------------------------------------------------------------

MIXED = [("bernoulli", [0]), ("gaussian", [1]), ("softmax", slice(2, None))]
# Kinds of rows, and the types of visible units that can model them.
VISIBLE = {
    "binary": ("auto", "bernoulli", "gaussian"),
    "grey": ("auto", "auto", "gaussian"),
    "counts": ("auto", "gaussian", "relu"),
    "normal": ("auto", "gaussian"),
    "constant": ("auto", "gaussian", "relu"),
    "categories": ("softmax", "softmax", "auto"),
    "mixed": (MIXED,),
}
BOUNDED = ("bernoulli", "softmax")


def rows_of_kind(kind, shape, rng):
    if kind == "binary":
        return (rng.random(shape) < 0.4).astype(float)
    if kind == "grey":
        return rng.random(shape)
    if kind == "counts":
        return rng.integers(5, size=shape).astype(float)
    if kind == "constant":
        return np.full(shape, 3.0)
    if kind == "duplicates":
        return np.repeat(rng.standard_normal((shape[0], 1)), shape[1], axis=1)
    if kind == "categories":
        return np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
    if kind == "mixed":
        kinds = [("binary", 1), ("normal", 1), ("categories", shape[1] - 2)]
        return np.hstack([rows_of_kind(part, (shape[0], n), rng) for part, n in kinds])
    return 2 * rng.standard_normal(shape) + 1


@st.composite
def shapes(draw, least_rows=1, most_rows=12):
    return draw(st.integers(least_rows, most_rows)), draw(st.integers(1, 5))


@st.composite
def matrices(draw, shape, rng):
    """Return a matrix of some type, the name of a container that can hold it, and its visible units."""
    kinds = [kind for kind in VISIBLE if kind != "mixed" or shape[1] > 2]
    kind = draw(st.sampled_from(kinds))
    A, container = draw(held(rows_of_kind(kind, shape, rng)))
    return A, container, draw(st.sampled_from(VISIBLE[kind]))


@st.composite
def held(draw, A):
    """Return numbers as some type, and the name of a container that can hold it."""
    container = draw(st.sampled_from(sorted(CONTAINERS)))
    dtype = draw(st.sampled_from(DTYPES))
    if container in NO_OBJECTS and dtype == "object":
        dtype = "float32"
    if container in ONLY_COMMON and dtype in ("float16", "longdouble"):
        dtype = "float64"
    if dtype.startswith("uint"):
        A = np.abs(A)
    return A.astype(dtype), container


def dtype_read(A, container):
    """Return the dtype that an estimator computes in."""
    is_single = A.dtype == np.float32 and container not in ("list", "polars")
    return np.dtype(np.float32 if is_single else np.float64)


# What numbers may be: tiny, denormal, huge, and beyond the square root of the largest one.
SCALES = (1e-320, 1e-300, 1e-40, 1e-12, 1.0, 1e4, 1e10, 1e19, 1e30, 1e38, 1e154, 1e200, 1e300)


@st.composite
def extreme_rows(draw, shape, rng):
    kind = draw(st.sampled_from(("binary", "grey", "counts", "normal", "constant", "duplicates")))
    A = rows_of_kind(kind, shape, rng)
    where = draw(st.sampled_from(("all", "one column", "one value", "nowhere")))
    scale = draw(st.sampled_from(SCALES))
    if where == "all":
        A = A * scale
    elif where == "one column":
        A[:, 0] *= scale
    elif where == "one value":
        A[0, -1] = scale
    return A if draw(st.booleans()) else clipped_to_float32(A)


def clipped_to_float32(A):
    largest = float(np.finfo(np.float32).max)
    return np.clip(A, -largest, largest).astype(np.float32)


# -- targets and weights ---------------------------------------------------------------------------


def classes_of(kind, codes):
    names = {"strings": ["beta", "alpha", "gamma"], "negative": [-5, 3, 7], "floats": [2.0, 0.0, 1.0]}
    if kind == "booleans":
        return codes > 0
    if kind == "objects":
        return np.array(["b", "a", "c"], dtype=object)[codes]
    if kind == "categorical":
        return pd.Series(pd.Categorical.from_codes(codes, ["b", "a", "c"]))
    if kind == "list":
        return np.array(names["strings"])[codes].tolist()
    return np.array(names[kind])[codes] if kind in names else codes.astype(kind)


CLASSES = ("strings", "negative", "floats", "booleans", "objects", "categorical", "list", "uint8", "int64")
# Kinds of labels beside which there may be some that are not known, and what stands for those.
MARKERS = {"strings": "?", "negative": -1, "floats": np.nan, "objects": None, "list": "?", "int64": -1}
NUMBERS = {
    "float64": lambda y: y,
    "float32": lambda y: y.astype(np.float32),
    "integers": lambda y: y.astype(np.int16),
    "list": lambda y: y.tolist(),
    "series": pd.Series,
    "two columns": lambda y: np.column_stack([y, -y]),
    "one column": lambda y: y[:, np.newaxis],
    "constant": np.zeros_like,
}


@st.composite
def numbers(draw, n_rows, rng):
    return NUMBERS[draw(st.sampled_from(sorted(NUMBERS)))](10 * rng.standard_normal(n_rows))


@st.composite
def labels(draw, n_rows, rng):
    n_classes = draw(st.integers(1, 3))
    return classes_of(draw(st.sampled_from(CLASSES)), rng.integers(n_classes, size=n_rows))


def indicators(n_rows, n_labels, rng):
    matrix = rng.integers(2, size=(n_rows, n_labels))
    matrix[0] = 1  # several labels a row, not one of several
    return matrix


@st.composite
def row_weights(draw, n_rows, rng):
    kind = draw(st.sampled_from(("none", "none", "ones", "mixed", "zeros", "integers", "float32")))
    if kind == "none":
        return None
    if kind == "ones":
        return np.ones(n_rows)
    weights = rng.random(n_rows) + 0.1
    if kind == "zeros":
        weights[1:] *= rng.random(n_rows - 1) < 0.6
    if kind == "integers":
        return rng.integers(1, 4, size=n_rows)
    return weights.astype(np.float32) if kind == "float32" else weights


# -- what has to stay as it is ---------------------------------------------------------------------


def assert_unchanged(X, before):
    """Compare containers down to the arrays that they are made of."""
    if sparse.issparse(X):
        # Whether its entries are sorted is found out at first use and noted in the matrix itself.
        assert_same_state(arrays_of(X), arrays_of(before))
    elif hasattr(X, "equals"):
        assert X.equals(before)
    elif isinstance(X, list):
        assert before == X
    elif X is not None:
        assert X.dtype == before.dtype
        np.testing.assert_array_equal(X, before)


def arrays_of(X):
    names = ("row", "col", "data") if X.format == "coo" else ("indptr", "indices", "data")
    return {name: getattr(X, name) for name in names}
