"""The state of a training as plain values and arrays, and back into the objects it was taken from.

A tree is a dict with string keys, a list, an array, a number, a string, a bool or None. Objects enter by
the attributes that they name in `resumable`; where a tree is put back, objects of the same kind are there
already, as the training has been set up again in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdbn._typing import Tree


def captured(value: Any) -> Tree:
    """Return the state of a value as a tree, with copies of all arrays."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, np.random.Generator):
        return captured(value.bit_generator.state)
    if isinstance(value, dict):
        return {name: captured(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [captured(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "resumable"):
        return {name: captured(getattr(value, name)) for name in value.resumable}
    return value


def restored(present: Any, tree: Tree) -> Any:
    """Return the value that a tree was captured from, made of what is present where its kind is needed.

    Arrays of the right shape, generators and objects are changed in place, since others share them.
    """
    if isinstance(present, np.ndarray) and isinstance(tree, np.ndarray) and present.shape == tree.shape:
        present[...] = tree
        return present
    if isinstance(present, np.random.Generator):
        present.bit_generator.state = tree
        return present
    if isinstance(tree, list):
        return _restored_sequence(present, tree)
    if isinstance(tree, dict) and hasattr(present, "resumable"):
        for name, item in tree.items():
            before = getattr(present, name)
            after = restored(before, item)
            if after is not before:
                setattr(present, name, after)
        return present
    return tree


def _restored_sequence(present: Any, tree: list[Tree]) -> Sequence[Any]:
    if not isinstance(present, (list, tuple)):
        return [restored(None, item) for item in tree]
    known = [*present, *[None] * (len(tree) - len(present))]
    items = [restored(before, item) for before, item in zip(known, tree, strict=False)]
    if len(items) == len(present) and all(map(_is, items, present)):
        return present
    return type(present)(*items) if hasattr(present, "_fields") else type(present)(items)


def _is(one: object, other: object) -> bool:
    return one is other
