"""Run the studies of optimizers and defaults, and draw their tables and figures.

    python benchmarks/studies/run.py --data FOLDER                    # all that has no result: see --plan
    python benchmarks/studies/run.py --data FOLDER --studies streams  # some studies
    python benchmarks/studies/run.py --plan                           # cases, and minutes of one core
    python benchmarks/studies/run.py --draw                           # draws anew from what there is
    python benchmarks/studies/run.py --smoke                          # tiny, without files: does it run?

Each result is kept in benchmarks/results/studies/STUDY.jsonl as soon as it is there, by the content of its
case: a run that was stopped, or whose grid has grown, goes on with what is missing. To measure all anew,
move these files away. FOLDER holds the .npz files that `_sets` and `_labelled_files` name; without the
argument the variable SKDBN_DATA names it.

All of it took 291 minutes of one core (the pages of the results add up to that), 146 minutes on two. When
all studies have results, `findings.md` has their answers in a line each, which the README has too.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: cases are the parallel part
BENCHMARKS = Path(__file__).resolve().parents[1]
KEPT = BENCHMARKS / "results" / "studies"
sys.path.insert(0, str(BENCHMARKS))

from _data import data_folder  # noqa: E402

from studies import _findings  # noqa: E402
from studies._registry import STUDIES  # noqa: E402
from studies._results import Results  # noqa: E402
from studies._runner import run  # noqa: E402
from studies._tables import write  # noqa: E402


def main():
    """Do what the command line asks for; what --smoke measures is no result, and is not kept."""
    options = _parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        options.output = options.output or (Path(folder) if options.smoke else KEPT)
        _run(options)


def _run(options):
    for study in (STUDIES[name] for name in options.studies):
        cases = study.cases(options.smoke)
        results = Results(options.output / f"{study.name}.jsonl", study.protocol)
        if options.plan:
            _print_plan(study, cases, results)
            continue
        if not options.draw:
            run(study, cases, results, folder=options.folder, jobs=options.jobs, announce=_announce)
        write(study, study.report(results.of(cases)), results, cases, options.output)
    if not options.plan:
        _findings.write(options.output)


def _print_plan(study, cases, results):
    left = results.missing(cases)
    minutes = [sum(map(study.seconds, some)) / 60 for some in (cases, left)]
    _announce(
        f"{study.name}: {len(cases)} cases, {minutes[0]:.0f} minutes of one core; "
        f"missing {len(left)}, {minutes[1]:.0f} minutes"
    )


def _announce(line):
    print(line, flush=True)


def _parse_arguments():
    """Return the studies to run, on what and where to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of the .npz files")
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES), metavar="STUDY")
    parser.add_argument("--jobs", type=int, help="processes; default: one a core, a single one for --smoke")
    parser.add_argument("--output", type=Path, help="folder of results, tables and figures")
    parser.add_argument("--smoke", action="store_true")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true")
    what.add_argument("--draw", action="store_true")
    options = parser.parse_args()
    options.folder = data_folder(options.data)
    options.jobs = options.jobs or (1 if options.smoke else os.cpu_count())
    if options.folder is None and not (options.smoke or options.plan or options.draw):
        parser.error("the studies need --data or SKDBN_DATA")
    return options


if __name__ == "__main__":
    main()
