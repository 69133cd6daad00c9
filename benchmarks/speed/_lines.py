"""A line of the table, the table, and the page that it stands on."""

import csv
import io
import json
import os
import platform
from typing import NamedTuple

import numpy as np
import sklearn
from threadpoolctl import threadpool_info

import skdbn
from speed._timing import measure

COLUMNS = ("measure", "unit", "ours", "beside", "theirs", "ours / theirs", "must be", "reached")
_MILLISECONDS = 1000


class Line(NamedTuple):
    """One of ours beside one of theirs. Limits are for the ratio, or for ours where nothing is beside."""

    measure: str
    unit: str
    ours: float
    beside: str = ""
    theirs: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def ratio(self):
        """Ours over theirs, or None."""
        return None if self.theirs is None else self.ours / self.theirs

    @property
    def reached(self):
        """Whether the limits hold; None where there are none."""
        if self.least is None and self.most is None:
            return None
        value = self.ours if self.ratio is None else self.ratio
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def cells(self, smoke):
        """Return the line's cells; tiny sizes reach no target."""
        reached = "" if self.reached is None or smoke else ("yes" if self.reached else "NO")
        numbers = [number(value) for value in (self.ours, self.theirs, self.ratio)]
        return (self.measure, self.unit, numbers[0], self.beside, *numbers[1:], self._must_be(), reached)

    def _must_be(self):
        if self.least is not None:
            return f"{self.least} to {self.most}"
        return "" if self.most is None else f"<= {self.most}"


def number(value):
    """Return three digits of a number, nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lines_of(case, budget):
    """Measure a case; return a line for the floor and one for each peer."""
    medians = measure(case, budget)
    beside = {} if medians.floor is None else {"floor": medians.floor}
    return [
        Line(
            case.measure,
            case.unit,
            medians.ours * _MILLISECONDS,
            name,
            seconds * _MILLISECONDS,
            most=case.must_be.get(name),
        )
        for name, seconds in {**beside, **medians.peers}.items()
    ]


def page(lines, smoke):
    """Return the table and what it was measured on, in markdown."""
    remark = ["Tiny sizes: these figures mean nothing.", ""] if smoke else []
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(line.cells(smoke) for line in lines)]
    table = ["| " + " | ".join(cells) + " |" for cells in rows]
    return "\n".join([*remark, *table, "", circumstances()]) + "\n"


def as_csv(lines, smoke):
    """Return the table as comma-separated values."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *(line.cells(smoke) for line in lines)])
    return text.getvalue()


def renew(file, name, lines):
    """Put the lines of one row in place of its earlier ones in a JSON file; return those of all rows."""
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    stored[name] = [line._asdict() for line in lines]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return {row: [Line(**line) for line in lines] for row, lines in stored.items()}


def circumstances():
    """Return on what was measured."""
    blas = ", ".join(
        f"{library['internal_api']} {library['version']} ({library['num_threads']} threads)"
        for library in threadpool_info()
        if library["user_api"] == "blas"
    )
    versions = f"skdbn {skdbn.__version__}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    return f"Python {platform.python_version()}, {versions}; {blas}; {os.cpu_count()} cores, {_processor()}"


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
