"""The command line of a benchmark that is a table: which rows, on what, and where the table goes."""

import argparse
from pathlib import Path

from _data import data_folder
from _report import Run, as_csv, page, renew


def run_table(name, rows, *, description, without_files=(), more_options=False):
    """Run the rows that the command line names one after the other, and print the table.

    `rows` has functions of a `Run` that return lines. With ``--output`` the folder there gets NAME.json and
    the table as NAME.md and NAME.csv, in which the rows that were run are renewed. `more_options` are
    those that only a benchmark knows whose rows can use them.
    """
    options = _parse_arguments(rows, description, without_files, more_options)
    run = Run(options.folder, options.seeds, options.smoke, options.pictures, options.validation)
    results = []
    for row in options.rows:
        new = rows[row](run)
        for result in new:
            print(f"{result.measure}: {result.measured}", flush=True)
        results += new
        if options.output:  # after each row, so that an interrupted run leaves what it has
            stored = renew(options.output / f"{name}.json", row, new)
            in_order = [result for row in rows for result in stored.get(row, [])]
            for suffix, text in (("md", page(in_order, run.smoke)), ("csv", as_csv(in_order, run.smoke))):
                (options.output / f"{name}.{suffix}").write_text(text, encoding="utf-8")
    remark = "Validation rows: what settings are chosen by, not results." if run.validation else ""
    print("\n" + page(results, run.smoke, remark))


def _parse_arguments(rows, description, without_files, more_options):
    """Return the settings of the run."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", help="folder of the .npz files")
    parser.add_argument("--rows", nargs="+", choices=rows, default=list(rows), metavar="ROW")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: as many as each row needs")
    parser.add_argument("--output", type=Path, help="folder of the table, in JSON and in markdown")
    parser.add_argument("--smoke", action="store_true")
    if more_options:
        parser.add_argument("--pictures", type=Path, help="folder that gets pictures of some rows")
        parser.add_argument(
            "--validation", action="store_true", help="test on rows split off the training rows"
        )
    parser.set_defaults(pictures=None, validation=False)
    options = parser.parse_args()
    if options.validation and options.output:
        parser.error("what --validation measures is no result: leave out --output")
    options.folder = data_folder(options.data)
    needs_files = [row for row in options.rows if row not in without_files]
    if needs_files and options.folder is None and not options.smoke:
        parser.error(f"these rows need --data or SKDBN_DATA: {', '.join(needs_files)}")
    return options
