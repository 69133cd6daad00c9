"""Print how many small changes of the numerical core the tests notice (mutation testing).

    python benchmarks/mutants.py                               # all changes
    python benchmarks/mutants.py --modules _energy units/_relu # those of some modules
    python benchmarks/mutants.py --sample 200 --seed 0         # so many, drawn at random
    python benchmarks/mutants.py --output benchmarks/results   # renews the modules run of mutants.md there
    python benchmarks/mutants.py --output benchmarks/results --again  # those that no test failed with

Each change of `_mutants/changes.py` is made by itself, in memory; then the tests named in TESTS have to
fail. The files of the package are not touched. What no test notices belongs into `_mutants/kept.json`, with
the reason why it may stay: mostly that the changed program computes the same. Works where processes can be
forked, not on Windows.
"""

import argparse
import ast
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from _mutants.changes import changes_of
from _mutants.table import page
from _mutants.trials import ARGUMENTS, Mutant, Trials, in_a_fork, run_afresh

ROOT = Path(__file__).resolve().parent.parent
KEPT = Path(__file__).parent / "_mutants" / "kept.json"

# The tests of each part: those that compare values with exact ones, and take seconds.
TESTS = {
    "units": "units relu softmax mixed energy",
    "_energy": "energy samplers",
    "samplers": "samplers fast_pcd parallel_tempering",
    "optimizers": "optimizers schedules",
    "_network": "network",
}


def main():
    """Try the changes, print those that no test notices, and the table."""
    options = _parse_arguments()
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # this checkout, before any that is installed
    _import_what_tests_need()
    mutants = {name: _mutants_of(name) for name in options.modules}
    results = {name: {"changes": len(of_module)} for name, of_module in mutants.items()}
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    file = options.output and options.output / "mutants.json"
    stored = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}
    if options.again:
        results = {name: stored[name] for name in options.modules if name in stored}
        mutants = {name: _open(mutants[name], results[name], kept.get(name, {})) for name in results}
    elif options.sample:
        mutants = _sampled(mutants, options.sample, options.seed)
    _count(_try_all([mutant for of_module in mutants.values() for mutant in of_module]), results)
    if file:
        results = stored | results
        results = {name: results[name] for name in _modules() if name in results}
        file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        file.with_suffix(".md").write_text(page(results, kept), encoding="utf-8")
    print("\n" + page(results, kept))


def _parse_arguments():
    """Return the settings of the run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    modules = _modules()
    parser.add_argument("--modules", nargs="+", choices=modules, default=modules, metavar="MODULE")
    parser.add_argument("--sample", type=int, help="number of changes drawn at random; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder of the table, in JSON and in markdown")
    parser.add_argument("--again", action="store_true", help="only those that no test has failed with")
    options = parser.parse_args()
    if options.again and not options.output:
        parser.error("--again needs the --output of the run before")
    options.output = options.output and options.output.resolve()
    return options


def _modules():
    """Return the names of the modules below skdbn, such as units/_relu."""
    package = ROOT / "skdbn"
    paths = [
        path for part in TESTS for path in sorted(package.glob(f"{part}/*.py")) or [package / f"{part}.py"]
    ]
    return [path.relative_to(package).with_suffix("").as_posix() for path in paths]


def _import_what_tests_need():
    """Import what the tests need besides skdbn, once for all trials."""
    for name in "pandas scipy.integrate scipy.stats sklearn.neural_network sklearn.pipeline".split():
        __import__(name)


def _mutants_of(name):
    """Return all changes of a module, with keys that do not depend on line numbers."""
    path = ROOT / "skdbn" / f"{name}.py"
    module = ".".join(("skdbn", *name.split("/"))).removesuffix(".__init__")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    times, mutants = Counter(), []
    for change in changes_of(tree):
        key = f"{'.'.join(change.scope) or 'module'}: {change}"
        times[key] += 1
        key += f" (no. {times[key]})" if times[key] > 1 else ""
        mutants.append(Mutant(name, module, str(path), tree, change, key))
    return mutants


def _sampled(mutants, size, seed):
    """Return a random sample with the same share of each module."""
    rng = random.Random(seed)
    share = size / sum(map(len, mutants.values()))
    return {name: rng.sample(of, round(share * len(of))) for name, of in mutants.items()}


def _open(mutants, result, reasons):
    """Return the mutants that no test has failed with, and that may not stay."""
    tried = {*result["out of time"], *result["not noticed"]} - reasons.keys()
    return [mutant for mutant in mutants if mutant.key in tried]


def _try_all(mutants):
    """Return pairs of each mutant and "noticed", "out of time" or "not noticed"."""
    outcomes = []
    started = time.time()

    def report(mutant, passed):
        outcome = {None: "out of time", True: "not noticed", False: "noticed"}[passed]
        outcomes.append((mutant, outcome))
        if passed is not False:
            print(f"{outcome}: {mutant.name}:{mutant.change.lines[0]}: {mutant.key}", flush=True)
        if len(outcomes) % 100 == 0:
            minutes = (time.time() - started) / 60
            print(f"{len(outcomes)} of {len(mutants)} after {minutes:.0f} minutes", flush=True)

    in_functions = [mutant for mutant in mutants if mutant.is_in_function]
    _try_afresh([mutant for mutant in mutants if not mutant.is_in_function], report)
    files = dict.fromkeys(file for mutant in in_functions for file in _files(mutant))
    if files:
        pytest.main([*ARGUMENTS, *files], plugins=[Trials(in_functions, report)])
    if len(outcomes) < len(mutants):
        raise SystemExit(f"only {len(outcomes)} of {len(mutants)} changes could be tried")
    return outcomes


def _try_afresh(mutants, report):
    """Try the changes of what runs at import."""
    seconds = {}
    for file in dict.fromkeys(file for mutant in mutants for file in _files(mutant)):
        passed, seconds[file] = in_a_fork(lambda file=file: run_afresh(file))
        if not passed:
            raise SystemExit(f"{file} fails without any change")
    for mutant in mutants:
        passed = True
        for file in _files(mutant):
            came = in_a_fork(lambda file=file, mutant=mutant: run_afresh(file, mutant, seconds[file]))
            passed = came and came[0]
            if not passed:
                break
        report(mutant, passed)


def _files(mutant):
    """Return the files of tests for a mutant, that of its own module first."""
    part, module = mutant.name.split("/")[0], mutant.name.split("/")[-1].strip("_")
    names = sorted(TESTS[part].split(), key=lambda name: name != module)
    return [f"tests/test_{name}.py" for name in names]


def _count(outcomes, results):
    """Add what came of the mutants to the results of their modules."""
    for result in results.values():
        result |= {"noticed": 0, "out of time": [], "not noticed": []} | result
    for mutant, outcome in outcomes:
        result = results[mutant.name]
        for what in ("out of time", "not noticed"):
            result[what] = [key for key in result[what] if key != mutant.key]  # of an earlier run
        if outcome == "noticed":
            result[outcome] += 1
        else:
            result[outcome].append(mutant.key)


if __name__ == "__main__":
    main()
