"""What the studies found, in a line each, with figures that are read from their tables.

`write(folder)` makes findings.csv for the documentation and findings.md for the README of the CSV tables in
a folder, so that no figure of a text is typed by hand. Which sentence stands there, people decided.
"""

import csv
from typing import NamedTuple

from studies._ours import NOW
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
_OURS = f"{NOW} (input_dropout=0.2)"
_BESIDE_INPUTS = "DBN: sampler=cd, sparsity=0.1, head=self-training beside inputs"


def _ranks_of(models):
    return tuple(Cell("few_labels-ranks-held-out", (model,), "all") for model in models)


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
        "Mean rank {} of seven, place {}; a logistic regression on the features {}, place {}; one that "
        "labels rows for itself, on features beside inputs, {}, place {} (tried last). scikit-learn's "
        "best two: a self-trained logistic regression {}, a plain one {}",
        (
            *(
                Cell("few_labels-ranks-held-out", (model,), column)
                for model in (f"DBN: {_OURS}", "DBN: head=logistic", _BESIDE_INPUTS)
                for column in ("all", "place")
            ),
            *_ranks_of(("self-trained logistic", "LogisticRegression")),
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
    Finding(
        "Which optimizer fine-tunes a DBN best? Eight data sets",
        "Mean ranks by accuracy: RMSProp {}, AdaGrad {}, SGD {}, momentum {}, Adam {}; by log loss {}, "
        "{}, {}, {}, {}",
        tuple(
            Cell(f"fine_tuning-{measure}-ranks", (name,), "mean rank")
            for measure in ("accuracy", "log_loss")
            for name in ("RMSProp", "AdaGrad", "SGD", "SGD, momentum 0.9", "Adam")
        ),
    ),
    Finding(
        "Is its rate easier to choose there?",
        "By accuracy, within a point: {} decades more than SGD; by log loss, within 0.05 nats: {}",
        tuple(
            Cell(f"fine_tuning-{measure}-widths", ("mean (8 data sets)",), "RMSProp - SGD")
            for measure in ("accuracy", "log_loss")
        ),
    ),
    Finding(
        "What is pre-training worth, fine-tuned by RMSProp?",
        "With 100 labels {} points of accuracy, with all (up to 6,000) {}",
        tuple(
            Cell("fine_tuning-labels", (labels, "gain by pre-training"), "RMSProp")
            for labels in ("100", "all")
        ),
    ),
    Finding(
        "Does it keep the lower layers moving? Five layers on MNIST, from weights of 0.01",
        "Accuracy, training loss (rate): SGD {}, momentum {}, AdaGrad {}, RMSProp {}, Adam {}",
        _ranks(
            "gradients-scores",
            ("mnist", "logistic", "small"),
            ("SGD", "SGD, momentum 0.9", "AdaGrad", "RMSProp", "Adam"),
        ),
    ),
    Finding(
        "Is it the best where data drift?",
        "On a drifting mixture {} nats (AdaGrad {}, SGD {}), on digits group by group {} ({}, {})",
        tuple(
            Cell("streams-scores", (stream, "drifts"), name)
            for stream in ("mixture", "mnist")
            for name in ("RMSProp", "AdaGrad", "SGD")
        ),
    ),
)


def write(folder):
    """Write the findings, if the tables have all cells that they need: parts of studies have not."""
    try:
        rows = [(finding.question, answer_of(folder, finding)) for finding in FINDINGS]
    except LookupError:
        return
    (folder / "findings.csv").write_text(as_csv(Table("findings", "", HEAD, rows)), encoding="utf-8")
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    (folder / "findings.md").write_text(text, encoding="utf-8")


def answer_of(folder, finding):
    """Return the answer with its figures."""
    return finding.answer.format(*(look_up(folder, cell) for cell in finding.cells))


def look_up(folder, cell):
    """Return the text of a cell."""
    file = folder / f"{cell.table}.csv"
    if not file.exists():
        raise LookupError(f"{folder} has no {cell.table}")
    with file.open(encoding="utf-8", newline="") as lines:
        head, *rows = csv.reader(lines)
    found = [row for row in rows if tuple(row[: len(cell.row)]) == cell.row]
    if len(found) != 1:
        raise LookupError(f"{cell.table} has {len(found)} rows that begin with {cell.row}")
    return found[0][head.index(cell.column)]
