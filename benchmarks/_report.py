"""A line of a table of results, the table, and the page that it stands on."""

import csv
import io
import json
import platform
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sklearn
from sklearn.base import clone

import skdbn

COLUMNS = ("measure", "measured", "must be", "reached", "published", "seconds")


class Run(NamedTuple):
    """What the command line asked for."""

    folder: Path | None  # of the data files
    seeds: list | None
    smoke: bool
    pictures: Path | None = None  # folder of the pictures that are wanted
    validation: bool = False  # whether training rows are tested, to choose settings

    def seeds_or(self, n_seeds):
        """Return the seeds asked for, or the first `n_seeds`."""
        return self.seeds or list(range(1 if self.smoke else n_seeds))


class Result(NamedTuple):
    """A line of the table. `reached` is None where nothing is asked for."""

    measure: str
    measured: str
    must_be: str = ""
    reached: bool | None = None
    published: str = ""
    seconds: str = ""  # of one run, all that the measure needs, if not said otherwise
    settings: str = ""

    def cells(self, smoke):
        """Return the line's cells; other data than the row's own reach no target."""
        reached = "" if self.reached is None or smoke else ("yes" if self.reached else "NO")
        return self.measure, self.measured, self.must_be, reached, self.published, self.seconds


def over_seeds(values, digits=2):
    """Return the mean of the values, with their standard deviation and number if there are several."""
    values = np.asarray(values)
    mean = f"{values.mean():.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} (sd {values.std(ddof=1):.{digits}f}, {len(values)} seeds)"


def seconds_of(times):
    """Return the median of the times of single runs."""
    return f"{np.median(times):.0f}" if np.median(times) >= 10 else f"{np.median(times):.1f}"


def settings_of(model, also=""):
    """Return the parameters of a model that are not defaults, on one line, without seeds."""
    seeds = [name for name in model.get_params() if name.endswith("random_state")]
    changeable = [name for name in seeds if not name.startswith("pretrain")]  # a frozen stack is as it is
    model = clone(model).set_params(**dict.fromkeys(changeable))
    text = " ".join(model.__repr__(N_CHAR_MAX=10_000).split())
    return f"{text}{'; ' + also if also else ''}"


def _rows(results, smoke):
    """Return the rows of the table, without columns that have nothing in any of them."""
    cells = [result.cells(smoke) for result in results]
    columns = [number for number in range(len(COLUMNS)) if any(row[number] for row in cells)]
    return [[row[number] for number in columns] for row in (COLUMNS, *cells)]


def table(results, smoke):
    """Return the lines of a markdown table."""
    head, *rows = _rows(results, smoke)
    rows = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in rows]


def notes(results):
    """Return the settings of each measure as lines of a markdown list."""
    return [f"- {result.measure}: `{result.settings}`" for result in results if result.settings]


def page(results, smoke, remark=""):
    """Return the table, on what it was made, and the settings of its rows, in markdown."""
    remark = "Tiny models on other data: these figures mean nothing." if smoke else remark
    lines = [remark, ""] if remark else []
    lines += [*table(results, smoke), "", _circumstances(), "", *notes(results)]
    return "\n".join(lines) + "\n"


def as_csv(results, smoke):
    """Return the table as comma-separated values, for the page of results in the documentation."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(_rows(results, smoke))
    return text.getvalue()


def _circumstances():
    versions = f"skdbn {skdbn.__version__}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    return f"Python {platform.python_version()}, {versions}, {platform.machine()}"


def renew(file, name, results):
    """Put the lines of one row in place of its earlier ones in a JSON file; return those of all rows."""
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    stored[name] = [result._asdict() for result in results]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    return {row: [Result(**line) for line in lines] for row, lines in stored.items()}
