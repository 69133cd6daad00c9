"""Files of plain arrays and JSON that are written whole or not at all.

The format: a `.npz` archive, without pickled objects, of the arrays of a tree (see `_state_tree`) and of
the tree itself as JSON in the bytes of the entry `tree`, where ``{"array": "3"}`` stands for the entry `3`.
`FORMAT` is its number: raise it when a tree that was written before can no longer be put back.

A file may come from anywhere. Reading runs nothing that is in it, and takes no more memory than its size
allows: entries are not compressed, and an array is made only where all of its bytes are there.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from skdbn._typing import Array, FilePath, Tree

FORMAT = 1
_TREE = "tree"
_ENTRY = re.compile(r"(tree|[0-9]{1,9})\.npy")
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# What zipfile, numpy and json raise for bytes that are not theirs; RuntimeError is of entries with a
# password and of JSON that is nested too deep.
_UNREADABLE = (
    *(OSError, EOFError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError),
    *(RuntimeError, SyntaxError, struct.error, zipfile.BadZipFile),
)


def write(path: FilePath, tree: Tree) -> None:
    """Write a tree to a file; whatever happens on the way, the file is the former or the new one."""
    path = Path(path)
    arrays: dict[str, Any] = {}
    text = json.dumps({"format": FORMAT, "content": _without_arrays(tree, arrays)})
    arrays[_TREE] = np.frombuffer(text.encode(), dtype=np.uint8)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        _remove(temporary)
        raise OSError(
            error.errno,
            f"The checkpoint could not be written ({error.strerror or error}); a former one stays as it is",
            str(path),
        ) from error


def read(path: FilePath) -> Tree:
    """Return the tree in a file, or raise a ValueError that names the file."""
    if not isinstance(path, (str, bytes, os.PathLike)):  # open() would take a number for an open file
        raise TypeError(f"The path of a checkpoint must be a string or path-like; got {path!r}.")
    try:
        with open(path, "rb") as file:
            arrays = _arrays_in(file)
        whole = json.loads(arrays.pop(_TREE).tobytes())
        written_format = whole["format"]
        if written_format == FORMAT:
            content = _with_arrays(whole["content"], arrays)
            _require(not arrays, "it has arrays without a place")
            return content
    except FileNotFoundError:
        raise
    except _UNREADABLE as error:
        raise ValueError(
            f"{str(path)!r} is no checkpoint of skdbn, or not a whole one ({error})."
        ) from error
    raise ValueError(
        f"{str(path)!r} has the checkpoint format {written_format!r:.20}, this version reads {FORMAT}: "
        "go on with the version of skdbn that wrote it."
    )


def _arrays_in(file: BinaryIO) -> dict[str, Array]:
    """Return the arrays of an archive by name, once its list of entries is found to be one of ours."""
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        _require(all(map(_ENTRY.fullmatch, names)), "it has entries of other names")
        _require(len(set(names)) == len(names), "it has two entries of one name")
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        _require(stored, "it has compressed entries")
        _require(sum(entry.file_size for entry in entries) <= size, "it claims more bytes than it has")
        return {name[: -len(".npy")]: _array(archive.read(name)) for name in names}


def _array(content: bytes) -> Array:
    """Return the numbers of a `.npy` file."""
    stream = io.BytesIO(content)
    shape, is_fortran, dtype = _HEADERS[npy.read_magic(stream)](stream)
    _require(dtype.kind in "biuf" and dtype.isnative, f"it has an array of {dtype}")
    n_bytes = math.prod(shape) * dtype.itemsize
    whole = min(shape, default=0) >= 0 and n_bytes == len(content) - stream.tell()
    _require(whole, "it has an array of another size than it claims")
    array = np.frombuffer(content, dtype, offset=stream.tell())
    return array.reshape(shape, order="F" if is_fortran else "C").copy()


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _remove(path: Path) -> None:
    """Remove what could not be written, if that is still possible."""
    with suppress(OSError):
        path.unlink()


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
        return arrays.pop(tree["array"])  # each has one place
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
