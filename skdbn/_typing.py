"""Short names for the types of arrays and the like, for annotations."""

from __future__ import annotations

from typing import Any, TypeAlias

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
