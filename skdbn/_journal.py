"""What a fit leaves on its way, so that another one can go on from there with the same result.

A fit that goes on repeats everything but the epochs that are done: data are read, split and encoded as
before, with a generator that begins as it did before; where a training begins, it takes up what the journal
has of it. So nothing has to be kept of what follows from the data.
"""

from __future__ import annotations

import reprlib
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from skdbn import _checkpoint_file
from skdbn._rows import spread_rows
from skdbn._state_tree import captured, restored
from skdbn._typing import FilePath, Matrix, Rng, Tree
from skdbn.exceptions import DivergenceError

_N_COMPARED_ROWS = 256
# Neither changes what is learned: the generator is in the journal.
_FREE_PARAMETERS = ("verbose", "random_state")
# Raised by trees of other kinds than expected; RecursionError by those that are nested too deep.
_UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def _nothing() -> None:
    pass


class Training:
    """One training of a fit, of which a fit may have several: its parts, and how far it is.

    The parts are objects and arrays by name, changed in place as the training goes on.
    """

    def __init__(self, parts: Mapping[str, Any], tree: Tree | None = None) -> None:
        self._parts = parts
        self.n_epochs, self.finished = 0, False
        if tree is not None:
            self.n_epochs, self.finished = _count(tree["n_epochs"]), restored(False, tree["finished"])
            for name, part in parts.items():
                restored(part, tree["parts"][name])
                getattr(part, "after_restoring", _nothing)()

    def epochs_left(self, n_epochs: int) -> range:
        """Return the numbers, from 1, of the epochs that are still to be run."""
        if self.n_epochs > n_epochs:
            raise ValueError(f"it has {self.n_epochs} epochs of a training of {n_epochs}")
        return range(self.n_epochs + 1, 1 + (self.n_epochs if self.finished else n_epochs))

    def captured(self) -> Tree:
        """Return the training as a tree."""
        parts = {name: captured(part) for name, part in self._parts.items()}
        return {"n_epochs": self.n_epochs, "finished": self.finished, "parts": parts}


class Journal:
    """The trainings of a fit.

    Parameters: what the fit is of, a function that returns it as `description` does; whether trainings
    that are over are kept (somebody will write the journal); the journal to go on from, as a tree, and its
    file; whether a fit that the user interrupts keeps what it has learned.
    """

    def __init__(
        self,
        describe: Callable[[], dict[str, Tree]] = dict,
        *,
        kept: bool = False,
        earlier: Tree | None = None,
        source: FilePath = "",
        keeps_interrupted: bool = False,
    ) -> None:
        self._describe = describe
        self._kept = kept
        self._source = str(source)
        self._going_on = False  # in the first epoch after an earlier fit
        earlier = earlier or {"generator": None, "trainings": {}, "notes": {}, "n_epochs": 0}
        self._generator = earlier["generator"]  # as the fit began
        self._trainings: dict[str, Tree] = dict(earlier["trainings"])
        self._running: tuple[str, Training] | None = None
        self.notes: dict[str, Tree] = earlier["notes"]  # what callbacks have to remember, trees by name
        self.n_epochs: int = earlier["n_epochs"]  # of the whole fit
        self.n_epochs_before = self.n_epochs  # of the earlier one
        self.written: dict[str, int] = {}  # the number of epochs that the file at each path has
        self._keeps_interrupted = keeps_interrupted
        self.interrupted = False

    def take_generator(self, rng: Rng) -> Rng:
        """Note how the generator of the fit begins, or let it begin as that of the earlier one."""
        if self._generator is not None:
            with _naming(self._source):
                restored(rng, self._generator)
        elif self._kept:
            self._generator = captured(rng)
        return rng

    def begin(self, name: str, **parts: Any) -> Training:
        """Return a training that begins, or that goes on where the earlier fit left it."""
        tree = self._trainings.get(name)
        with _naming(self._source):
            training = Training(parts, tree)
        self._going_on = tree is not None
        training.finished = training.finished or self.interrupted
        self._running = name, training
        return training

    @contextmanager
    def interruptible(self, stage: str) -> Iterator[None]:
        """Let a KeyboardInterrupt end the training that runs and all that would follow, with a warning."""
        try:
            yield
        except _UNFIT as error:  # what has no like before training begins is known by its use alone
            if not self._going_on or isinstance(error, DivergenceError):
                raise
            raise ValueError(f"{self._source!r}: the fit cannot go on from it ({error}).") from error
        except KeyboardInterrupt:
            if not self._keeps_interrupted:
                raise
            self.interrupted = True
            assert self._running is not None
            warnings.warn(
                f"{stage} was interrupted in epoch {self._running[1].n_epochs + 1}. The estimator keeps "
                "what it has learned until then; what would have followed was not trained.",
                UserWarning,
                stacklevel=2,
            )

    def end_epoch(self, epoch: int) -> None:
        """Count an epoch of the training that runs."""
        assert self._running is not None  # `begin` came first
        self._running[1].n_epochs = epoch
        self.n_epochs += 1
        self._going_on = False

    def finish(self) -> None:
        """End the training that runs."""
        assert self._running is not None
        name, training = self._running
        training.finished = True
        if self._kept:
            self._trainings[name] = training.captured()
        self._running = None

    def write(self, path: str) -> None:
        """Write the journal as it stands, unless the file has that already, or an epoch is not whole."""
        if self.written.get(path) == self.n_epochs or self.interrupted:
            return
        trainings = dict(self._trainings)
        if self._running is not None:
            name, training = self._running
            trainings[name] = training.captured()
        tree = {
            "description": self._describe(),
            "generator": self._generator,
            "trainings": trainings,
            "notes": captured(self.notes),
            "n_epochs": self.n_epochs,
        }
        _checkpoint_file.write(path, tree)
        self.written[path] = self.n_epochs


def read_journal(path: FilePath, present: Mapping[str, Tree]) -> Tree:
    """Return the journal in a file as a tree, or raise unless it is of a fit like the present one."""
    tree = _checkpoint_file.read(path)
    with _naming(path):
        _compare(path, tree["description"], present)
        _count(tree["n_epochs"])
        tree["generator"], tree["trainings"].keys()
        restored({}, tree["notes"])
    return tree


@contextmanager
def _naming(path: FilePath) -> Iterator[None]:
    """Name the file in errors that come of what is in it."""
    try:
        yield
    except _UNFIT as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"{str(path)!r}: the fit cannot go on from it ({error}).") from error


def _count(number: Tree) -> int:
    if type(number) is not int or number < 0:
        raise ValueError(f"it has {number!r:.20} for a number of epochs")
    return number


def _compare(path: FilePath, written: Mapping[str, Tree], present: Mapping[str, Tree]) -> None:
    for what, value in present.items():
        if what in ("parameters", "data"):
            continue
        if written[what] != value:
            raise ValueError(f"{str(path)!r} is of {what} {written[what]}, but this is {value}.")
    _compare_parameters(path, written["parameters"], present["parameters"])
    _compare_data(path, written["data"], present["data"])


def _compare_parameters(path: FilePath, written: Mapping[str, Tree], present: Mapping[str, Tree]) -> None:
    for name in sorted({*written, *present}):
        before, now = written.get(name), present.get(name)
        if before != now:
            raise ValueError(
                f"{str(path)!r} is of a fit with {name}={_shown(before)}, but it is {_shown(now)} now: "
                "to go on, everything has to be as it was."
            )


def _shown(value: Tree) -> str:
    return repr(value) if isinstance(value, str) else reprlib.repr(value)


def _compare_data(path: FilePath, written: Mapping[str, Tree], present: Mapping[str, Tree]) -> None:
    for name in sorted({*written, *present}):
        before, now = written.get(name), present.get(name)
        if before == now:
            continue
        if before is None or now is None:
            given = "without" if before is None else "with"
            raise ValueError(f"{str(path)!r} is of a fit {given} {name}.")
        if before["shape"] != now["shape"] or before["dtype"] != now["dtype"]:
            raise ValueError(
                f"{str(path)!r} is of {name} with the shape {tuple(before['shape'])} and dtype "
                f"{before['dtype']}; got {tuple(now['shape'])} and {now['dtype']}."
            )
        raise ValueError(f"{str(path)!r} is of {name} with other values.")


# -- what a fit is of ------------------------------------------------------------------------------


def description(estimator: BaseEstimator, data: Mapping[str, Matrix | None]) -> dict[str, Tree]:
    """Return what has to be the same for a fit to go on: version, estimator, parameters and data."""
    return {
        "skdbn": _version(),
        "estimator": type(estimator).__name__,
        "parameters": parameters_of(estimator),
        "data": {name: _fingerprint(array) for name, array in data.items() if array is not None},
    }


def _version() -> str:
    try:
        return version("skdbn")
    except PackageNotFoundError:  # used from a folder, without installation
        return "unknown"


def parameters_of(estimator: BaseEstimator) -> dict[str, Tree]:
    """Return the parameters by name, those of parts as ``part__name``."""
    flat: dict[str, Tree] = {}
    for name, value in estimator.get_params(deep=False).items():
        if name in _FREE_PARAMETERS:
            continue
        if isinstance(value, BaseEstimator):
            flat[name] = type(value).__name__
            flat.update({f"{name}__{inner}": item for inner, item in parameters_of(value).items()})
            if hasattr(value, "rbms_"):  # lent layers, which are not learned from the data at hand
                flat[f"{name}__rbms_"] = _learned(value.rbms_)
        else:
            flat[name] = _plain(value)
    return flat


def _learned(machines: Sequence[BaseEstimator]) -> str:
    """Return a name that other weights would not have."""
    values = [value for machine in machines for _, value in sorted(vars(machine).items())]
    prints = [_fingerprint(value) for value in values if isinstance(value, np.ndarray) and value.ndim]
    return f"layers {zlib.crc32(repr(prints).encode()):08x}"


def _plain(value: Any) -> Tree:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return [[_plain(name), _plain(item)] for name, item in value.items()]
    if isinstance(value, BaseEstimator):
        return [type(value).__name__, *([name, item] for name, item in parameters_of(value).items())]
    if isinstance(value, np.ndarray):
        return _fingerprint(value)
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(type(value))


def _fingerprint(array: Matrix) -> Tree:
    """Return shape, dtype, and a checksum of some rows."""
    rows = array[spread_rows(array.shape[0], _N_COMPARED_ROWS)]
    rows = rows.toarray() if sparse.issparse(rows) else np.ascontiguousarray(rows)
    content = repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.tobytes()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "checksum": zlib.crc32(content)}
