"""What a study shows: tables as markdown and CSV, figures as PNG, all of it made from the results alone."""

import csv
import io
from collections.abc import Callable
from typing import Any, NamedTuple


class Table(NamedTuple):
    """A table; `note` says what its columns are."""

    name: str
    title: str
    head: tuple
    rows: list
    note: str = ""


class Report(NamedTuple):
    """Tables, and functions without arguments that draw a figure of matplotlib, by name."""

    tables: list[Table]
    figures: dict[str, Callable[[], Any]]


def markdown(table):
    """Return a table with its title."""
    rows = [table.head, ["---"] * len(table.head), *table.rows]
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *([table.note, ""] if table.note else []), *lines, ""])


def as_csv(table):
    """Return a table as comma-separated values."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.head, *table.rows])
    return text.getvalue()


def spread(values, digits=2):
    """Return mean and standard deviation."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    deviation = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def write(study, report, results, cases, folder):
    """Write the tables of a study as one page and one CSV each, and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    head = [f"# {study.name}", "", study.question, "", *_circumstances(results, cases), ""]
    page = "\n".join(head + [markdown(table) for table in report.tables])
    (folder / f"{study.name}.md").write_text(page, encoding="utf-8")
    for table in report.tables:
        file = folder / f"{study.name}-{table.name}.csv"
        file.write_text(as_csv(table), encoding="utf-8")
    for name, draw in report.figures.items():
        # No metadata: the same results give the same file, whatever the version of matplotlib.
        draw().savefig(folder / f"{study.name}-{name}.png", dpi=80, metadata={"Software": None})


def _circumstances(results, cases):
    """Return lines that say how many cases there are, and which versions measured them."""
    lines = results.of(cases)
    failed = sum(line.failure is not None for line in lines)
    minutes = sum(line.seconds for line in lines) / 60
    used = dict.fromkeys(line.environment for line in lines)
    return [
        f"{len(lines)} of {len(lines) + len(results.missing(cases))} cases measured, {failed} failed; "
        f"{minutes:.0f} minutes of one core.",
        "",
        *(f"- {', '.join(f'{k} {v}' for k, v in results.environments[name].items())}" for name in used),
    ]
