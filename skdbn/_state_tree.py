"""The state of a training as plain values and arrays, and back into the objects it was taken from.

A tree is a dict with string keys, a list, an array, a number, a string, a bool or None. Objects enter by
the attributes that they name in `resumable`; where a tree is put back, objects of the same kind are there
already, as the training has been set up again in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skdbn._typing import Array, Tree


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

    Arrays, generators and objects are changed in place, since others share them. A tree that was not
    captured from the like of what is present raises a ValueError.
    """
    if present is None:  # it is made as training goes on
        return None if tree is None else _numbers(tree)
    if isinstance(present, np.ndarray):
        return _restored_array(present, tree)
    if isinstance(present, np.random.Generator):
        return _restored_generator(present, tree)
    if isinstance(present, (list, tuple)):
        return _restored_sequence(present, tree)
    if isinstance(present, dict):
        _require(isinstance(tree, dict), present, tree)
        return {
            name: restored(present[name], tree[name]) if name in present else _numbers(tree[name])
            for name in {**present, **tree}
        }
    if hasattr(present, "resumable"):
        return _restored_object(present, tree)
    kinds = (bool, np.bool_), (int, np.integer), (float, int, np.floating), (str,)
    kind = next((kind for kind in kinds if isinstance(present, kind)), ())
    _require(isinstance(tree, kind) and isinstance(tree, bool) == (kind == kinds[0]), present, tree)
    return tree


def _restored_array(present: Array, tree: Tree) -> Array:
    _require(isinstance(tree, np.ndarray), present, tree)
    _require((tree.shape, tree.dtype) == (present.shape, present.dtype), present, tree)
    present[...] = tree
    return present


def _restored_object(present: Any, tree: Tree) -> Any:
    _require(isinstance(tree, dict) and set(tree) == set(present.resumable), present, tree)
    for name, item in tree.items():
        before = getattr(present, name)
        after = restored(before, item)
        if after is not before:
            setattr(present, name, after)
    return present


def _restored_generator(present: np.random.Generator, tree: Tree) -> np.random.Generator:
    state = present.bit_generator.state
    _require(isinstance(tree, dict) and tree.get("bit_generator") == state["bit_generator"], present, tree)
    state = restored(captured(state), tree)
    # numpy reads its buffers there without a look whether it is inside of them.
    for position, buffer in (
        (state.get("buffer_pos", 0), state.get("buffer", ())),
        (state["state"].get("pos", 0), state["state"].get("key", ())),
    ):
        _require(0 <= position <= len(buffer), present, tree)
    present.bit_generator.state = state
    return present


def _restored_sequence(present: Sequence[Any], tree: Tree) -> Sequence[Any]:
    """Return a sequence; lists of what each epoch adds may have become longer."""
    grows = isinstance(present, list) and not any(isinstance(item, np.ndarray) for item in present)
    _require(isinstance(tree, list), present, tree)
    _require(len(tree) >= len(present) if grows else len(tree) == len(present), present, tree)
    items = [restored(before, item) for before, item in zip(present, tree, strict=False)]
    items += [restored(0.0, item) for item in tree[len(present) :]]
    if len(items) == len(present) and all(map(_is, items, present)):
        return present
    make: Callable[..., Sequence[Any]] = type(present)
    return make(*items) if hasattr(present, "_fields") else make(items)


def _numbers(tree: Tree) -> Tree:
    """Return a tree of which nothing is known but that it has numbers and no text."""
    if isinstance(tree, list):
        return [_numbers(item) for item in tree]
    _require(isinstance(tree, (int, float, np.ndarray)), 0.0, tree)
    return tree


def _require(condition: bool, present: Any, tree: Tree) -> None:
    if not condition:
        raise ValueError(f"it has {_kind(tree)} where {_kind(present)} belongs")


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and {value.dtype}"
    length = f" of {len(value)}" if isinstance(value, (list, tuple)) else ""
    return f"{type(value).__name__}{length}"


def _is(one: object, other: object) -> bool:
    return one is other
