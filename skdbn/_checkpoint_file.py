"""Files of plain arrays and JSON that are written whole or not at all.

The format: a `.npz` archive, without pickled objects, of the arrays of a tree (see `_state_tree`) and of
the tree itself as JSON in the bytes of the entry `tree`, where ``{"array": "3"}`` stands for the entry `3`.
`FORMAT` is its number: raise it when a tree that was written before can no longer be put back.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from skdbn._typing import Array, FilePath, Tree

FORMAT = 1
_TREE = "tree"


def write(path: FilePath, tree: Tree) -> None:
    """Write a tree to a file; whatever happens on the way, the file is the former or the new one."""
    path = Path(path)
    arrays: dict[str, Any] = {}
    text = json.dumps({"format": FORMAT, "content": _without_arrays(tree, arrays)})
    arrays[_TREE] = np.frombuffer(text.encode(), dtype=np.uint8)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_folder(path.parent)


def read(path: FilePath) -> Tree:
    """Return the tree in a file, or raise a ValueError that names the file."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        whole = json.loads(arrays.pop(_TREE).tobytes())
        written_format = whole["format"]
    except FileNotFoundError:
        raise
    except (
        OSError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(
            f"{str(path)!r} is no checkpoint of skdbn, or not a whole one ({error})."
        ) from error
    if written_format != FORMAT:
        raise ValueError(
            f"{str(path)!r} has the checkpoint format {written_format}, this version reads {FORMAT}: "
            "go on with the version of skdbn that wrote it."
        )
    return _with_arrays(whole["content"], arrays)


def _without_arrays(tree: Tree, arrays: dict[str, Array]) -> Tree:
    """Return a tree for JSON, whose arrays went to `arrays`."""
    if isinstance(tree, np.ndarray):
        name = str(len(arrays))
        arrays[name] = tree
        return {"array": name}
    if isinstance(tree, dict):
        return {"dict": {name: _without_arrays(item, arrays) for name, item in tree.items()}}
    if isinstance(tree, list):
        return [_without_arrays(item, arrays) for item in tree]
    return tree


def _with_arrays(tree: Tree, arrays: dict[str, Array]) -> Tree:
    if isinstance(tree, list):
        return [_with_arrays(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    return {name: _with_arrays(item, arrays) for name, item in tree["dict"].items()}


def _sync_folder(folder: Path) -> None:
    """Make the new name of a file last, where folders can be synchronised (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
