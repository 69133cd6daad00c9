"""Comparison of all that two objects hold, down to the last bit."""

import numpy as np


def assert_same_state(one, other, where="it"):
    """Fail unless both hold the same, through arrays, generators, containers and attributes of objects."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        np.testing.assert_array_equal(one, other, err_msg=where)
    elif isinstance(one, np.random.Generator):
        assert one.bit_generator.state == other.bit_generator.state, where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for name in one:
            assert_same_state(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same_state(*pair, f"{where}[{number}]")
    elif hasattr(one, "__dict__"):
        assert_same_state(_attributes(one), _attributes(other), where)
    else:
        assert one == other or (one != one and other != other), where


def _attributes(value):
    return {name: item for name, item in vars(value).items() if name != "_skl_callbacks"}
