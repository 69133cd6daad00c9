"""The file of results of a study: one line of JSON a case, only ever appended to.

A line has the key of the case and the case itself, its measures or how it failed, the protocol of the study
and which versions measured it. Versions stand in lines of their own, once for each environment. A run that
is killed leaves whole lines, and at most a last one that is cut off, which is left out and measured again.
"""

import hashlib
import json
import platform
from typing import Any, NamedTuple

import numpy as np
import scipy
import sklearn

import skdbn
from studies._study import key_of


class OtherProtocolError(ValueError):
    """A file of results that were measured in another way than the study now does."""


class Line(NamedTuple):
    """The result of a case: `measures` is None where it failed, and `failure` then says how."""

    case: dict[str, Any]
    measures: dict[str, Any] | None
    failure: str | None
    seconds: float  # of CPU, all that the case needed
    environment: str


def versions():
    """Return what the results may depend on beside the cases."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{module.__name__: module.__version__ for module in (skdbn, np, scipy, sklearn)},
    }


class Results:
    """The lines of a file, by key; the last line of a key counts."""

    def __init__(self, file, protocol):
        self.file, self.protocol = file, protocol
        self.lines, self.environments = {}, {}
        if file.exists():
            self._read()

    def _read(self):
        text = self.file.read_text(encoding="utf-8")
        whole, _, cut_off = text.rpartition("\n")
        if cut_off:
            self.file.write_text(f"{whole}\n" if whole else "", encoding="utf-8")
        for record in map(json.loads, whole.splitlines()):
            self._take_in(record)

    def _take_in(self, record):
        if "versions" in record:
            self.environments[record["environment"]] = record["versions"]
            return
        if record["protocol"] != self.protocol:
            raise OtherProtocolError(
                f"{self.file} has results of protocol {record['protocol']}, but the study is at protocol "
                f"{self.protocol}: it now measures in another way. Move the file away to begin anew."
            )
        fields = {name: record[name] for name in Line._fields}
        self.lines[record["key"]] = Line(**fields)

    def missing(self, cases):
        """Return the cases that have no line yet, each once."""
        by_key = {key_of(case): case for case in cases}
        return [case for key, case in by_key.items() if key not in self.lines]

    def of(self, cases):
        """Return the lines of those cases that have one, in the order of the cases."""
        keys = dict.fromkeys(map(key_of, cases))
        return [self.lines[key] for key in keys if key in self.lines]

    def append(self, case, measures, failure, seconds):
        """Write the result of a case, at once to the file."""
        environment = self._environment()
        line = Line(case, measures, failure, round(seconds, 3), environment)
        key = key_of(case)
        self._write({"key": key, "protocol": self.protocol, **line._asdict()})
        self.lines[key] = line

    def _environment(self):
        """Return the name of this environment, which is written before its first line."""
        here = versions()
        name = hashlib.sha256(json.dumps(here).encode()).hexdigest()[:8]
        if name not in self.environments:
            self._write({"environment": name, "versions": here})
            self.environments[name] = here
        return name

    def _write(self, record):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
