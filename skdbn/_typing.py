"""Short names for the types of arrays and the like, for annotations."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

# The dtype says what the numbers are; their shape is in the docstrings.
Array: TypeAlias = npt.NDArray[Any]  # of any dtype, such as labels
Booleans: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.floating[Any]]  # float32 or float64
Integers: TypeAlias = npt.NDArray[np.integer[Any]]

Arrays: TypeAlias = tuple[Floats, ...]  # such as the parameters of a network
FloatType: TypeAlias = np.dtype[np.floating[Any]]
Rng: TypeAlias = np.random.Generator

# Rows of floats, as an array or in CSR format: scipy has no types.
Matrix: TypeAlias = Any
# The chains of a sampler, in a form of its own.
Chains: TypeAlias = Any
# Rows as users give them: array-like, a data frame or a sparse matrix, of packages that have no types.
MatrixLike: TypeAlias = Any
# Targets as users give them: labels are of any type, and so is what stands for none.
TargetsLike: TypeAlias = Any
# Dicts and lists, and in them plain values and arrays: see `_state_tree`.
Tree: TypeAlias = Any

ArrayLike: TypeAlias = npt.ArrayLike
Seed: TypeAlias = int | np.random.RandomState | None  # what `random_state` may be
FilePath: TypeAlias = str | os.PathLike[str]
Attributes: TypeAlias = dict[str, Any]  # of an estimator, by name
Method = TypeVar("Method", bound=Callable[..., Any])  # what a decorator of methods takes and gives
