"""What the studies found, in a line each, with figures that are read from their tables.

`write(folder)` makes findings.csv for the documentation and findings.md for the README of the CSV tables in
a folder, so that no figure of a text is typed by hand. Which sentence stands there, people decided.
"""

import csv
from typing import NamedTuple

from studies._tables import Table, as_csv

HEAD = ("question", "what was found")


class Cell(NamedTuple):
    """A cell of a table: the row whose first cells are `row`, the column of this name."""

    table: str  # STUDY-TABLE
    row: tuple
    column: str


class Finding(NamedTuple):
    """A question, and an answer with a place for each cell."""

    question: str
    answer: str
    cells: tuple


FINDINGS = ()


def write(folder):
    """Write the findings if all tables that they need are there."""
    tables = {cell.table for finding in FINDINGS for cell in finding.cells}
    if not all((folder / f"{name}.csv").exists() for name in tables):
        return
    rows = [
        (finding.question, finding.answer.format(*(look_up(folder, cell) for cell in finding.cells)))
        for finding in FINDINGS
    ]
    table = Table("findings", "", HEAD, rows)
    (folder / "findings.csv").write_text(as_csv(table), encoding="utf-8")
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    (folder / "findings.md").write_text(text, encoding="utf-8")


def look_up(folder, cell):
    """Return the text of a cell."""
    with (folder / f"{cell.table}.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    found = [row for row in rows if tuple(row[: len(cell.row)]) == cell.row]
    if len(found) != 1:
        raise LookupError(f"{cell.table} has {len(found)} rows that begin with {cell.row}")
    return found[0][head.index(cell.column)]
