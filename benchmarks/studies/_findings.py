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


def _ranks(table, row, columns):
    return tuple(Cell(table, row, column) for column in columns)


_NAMES = ("RMSProp", "AdaGrad", "SGD", "Adam", "SGD, momentum 0.9")
_FALLING = ("mean rank (6 data sets)", "linear")
_OURS = "the defaults now (input_dropout=0.2)"
FINDINGS = (
    Finding(
        "Are the defaults any good? `DBNClassifier` and scikit-learn's classifiers at their defaults, nine "
        "held-out data sets",
        "Mean rank by accuracy {} of four; `SVC` {}, `LogisticRegression` {}, `MLPClassifier` {}. Minus "
        "`MLPClassifier`: {} points, on the worst set {}",
        (
            *(Cell("defaults-held-out", (model,), "rank of four") for model in (_OURS, "SVC")),
            *(
                Cell("defaults-held-out", (model,), "rank of four")
                for model in ("LogisticRegression", "MLP")
            ),
            Cell("defaults-held-out", (_OURS,), "minus MLP"),
            Cell("defaults-held-out", (_OURS,), "worst"),
        ),
    ),
    Finding(
        "With 5 to 50 labels a class, the other rows without? Five held-out data sets",
        "Not first: mean rank {}, with a logistic regression on the features {}; a self-trained logistic "
        "regression {}, a plain one {}",
        tuple(
            Cell("few_labels-ranks-held-out", (model,), "all")
            for model in (
                f"DBN: {_OURS}",
                "DBN: head=logistic",
                "self-trained logistic",
                "LogisticRegression",
            )
        ),
    ),
    Finding(
        "Which optimizer gives an RBM the best likelihood? Each at its best falling rate, six data sets",
        "Mean ranks: RMSProp {}, AdaGrad {}, SGD {}, Adam {}, momentum {}",
        _ranks("pretraining-likelihood", _FALLING, _NAMES),
    ),
    Finding(
        "Is its rate easier to choose than that of SGD?",
        "Within 1 nat of the best: {} decades of rates, SGD {}, difference {}. Within a tenth of what "
        "there is to learn: difference {}",
        (
            *_ranks("pretraining-width", ("mean (6 data sets)", "linear"), ("RMSProp", "SGD")),
            Cell("pretraining-width", ("mean (6 data sets)", "linear"), "RMSProp - SGD"),
            Cell("pretraining-width-relative", ("mean (6 data sets)", "linear"), "RMSProp - SGD"),
        ),
    ),
)


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
