"""Trials: whether the tests notice a change, each in a process of its own that is forked and thrown away.

A change within a function is put into the function that is there already, so that nothing is imported or
collected again, and only the tests that run its lines are tried, quick ones first. What runs at import
(constants, defaults of arguments) is changed before the import, and all the tests are tried.
"""

import ast
import gc
import importlib.abc
import importlib.util
import inspect
import os
import pickle
import resource
import signal
import sys
import threading
import time
import traceback
import types
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, zip_longest
from typing import NamedTuple

import pytest

from _mutants.changes import Change

MEMORY = 8 << 30  # bytes a trial may take; more than any test needs
# Of all tests that run the changed lines, so many seconds are tried, the most promising first.
MOST_SECONDS = 10.0
ARGUMENTS = ["-q", "-x", "-s", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
ARGUMENTS += ["-k", "not as_in_torch"]  # its import takes longer than all the tests


@dataclass(frozen=True)
class Mutant:
    """A module with a change."""

    name: str  # of the module below the package, such as units/_relu
    module: str  # such as skdbn.units._relu
    path: str
    tree: ast.Module
    change: Change
    key: str  # what is changed, without line numbers

    @cached_property
    def code(self):
        """The changed module, compiled."""
        return self.change.code(self.tree, self.path)

    @cached_property
    def is_in_function(self):
        """Whether the function can be changed after the import: it must keep the names it is bound to."""
        if not self.change.function:
            return False
        codes = (self.code, compile(self.tree, self.path, "exec"))
        return len({code_of(code, self.change.scope).co_freevars for code in codes}) == 1


def in_a_fork(work):
    """Return what `work()` returns in a forked process; None if it ran out of time or memory."""
    reader, writer = os.pipe()
    if pid := os.fork():
        os.close(writer)
        with open(reader, "rb") as pipe:
            sent = pipe.read()
        os.waitpid(pid, 0)
        result, error = pickle.loads(sent) if sent else (None, None)
        if error:
            raise RuntimeError(error)
        return result
    try:
        os.close(reader)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            sent = work(), None
        except BaseException:
            sent = None, traceback.format_exc()
        with open(writer, "wb") as pipe:
            pipe.write(pickle.dumps(sent))
    finally:
        os._exit(0)


def limit_time(seconds):
    """End this process after several times the seconds that its work should take.

    Seconds of the processor, so that it does not matter what else the machine does, and many more by the
    clock, for what waits and never ends.
    """
    signal.setitimer(signal.ITIMER_PROF, 2 + 5 * seconds)
    signal.alarm(int(120 + 100 * seconds))


# -- what runs at import ---------------------------------------------------------------------------


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.ExecutionLoader):
    """Gives the import one changed module."""

    def __init__(self, mutant):
        self.mutant = mutant

    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == self.mutant.module else None

    def get_code(self, name):
        return self.mutant.code

    def get_source(self, name):
        with open(self.mutant.path, encoding="utf-8") as file:
            return file.read()

    def get_filename(self, name):
        return self.mutant.path

    def is_package(self, name):
        return os.path.basename(self.mutant.path) == "__init__.py"


def run_afresh(file, mutant=None, seconds=120.0):
    """Return whether the tests of a file pass after an import with a change, and the seconds they took."""
    limit_time(seconds)
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    started = time.process_time()
    return pytest.main([*ARGUMENTS, file]) == pytest.ExitCode.OK, time.process_time() - started


# -- what runs in functions ------------------------------------------------------------------------


class Test(NamedTuple):
    """A collected test: how long it takes, and the lines of the modules that it runs."""

    item: pytest.Item
    seconds: float
    lines: set


class Trials:
    """A plugin of pytest that tries the changes of functions in place of the usual run."""

    def __init__(self, mutants, report):
        self.mutants = mutants
        self.report = report
        self.failed = False
        self.noticed = Counter()  # how many changes of a function each test has noticed

    def pytest_runtest_logreport(self, report):
        self.failed = self.failed or report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        gc.freeze()  # or each fork would copy what the collector touches
        paths = {mutant.path for mutant in self.mutants}
        measured = in_a_fork(lambda: self._measure(session.items, paths))
        if isinstance(measured, str):
            raise pytest.UsageError(f"{measured} fails without any change")
        tests = [Test(item, *of) for item, of in zip(session.items, measured, strict=True)]
        for mutant in self.mutants:
            chosen = self._chosen(mutant, tests)
            number = in_a_fork(lambda mutant=mutant, chosen=chosen: self._try(mutant, chosen))
            if number is not None and number < len(chosen):
                self.noticed[mutant.path, mutant.change.scope, chosen[number].item] += 1
            self.report(mutant, None if number is None else number == len(chosen))
        return True

    def _chosen(self, mutant, tests):
        """Return the tests that run the changed lines: those that noticed others first, then quick ones."""
        path, change = mutant.path, mutant.change
        lines = {(path, line) for line in change.lines}
        in_order = sorted(
            (test for test in tests if test.lines & lines),
            key=lambda test: (-self.noticed[path, change.scope, test.item], test.seconds),
        )
        seconds = accumulate(test.seconds for test in in_order)
        return [test for test, until in zip(in_order, seconds, strict=True) if until <= MOST_SECONDS]

    def _measure(self, items, paths):
        """Return for each test its seconds and the lines that it runs; in a fork, which is thrown away."""
        lines, measured = set(), []

        def tracer(frame, event, argument):
            if frame.f_code.co_filename not in paths:
                return None
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            return tracer

        threading.settrace(tracer)
        sys.settrace(tracer)
        for item, following in zip_longest(items, items[1:]):
            forget_what_is_cached({mutant.module for mutant in self.mutants})
            started = time.process_time()
            self._run(item, following)
            measured.append((time.process_time() - started, set(lines)))
            lines.clear()
            if self.failed:
                return item.nodeid
        return measured

    def _try(self, mutant, tests):
        """Return the number of the first test that fails; how many there are if none does."""
        put_into_function(mutant)
        for number, (test, following) in enumerate(zip_longest(tests, tests[1:])):
            limit_time(test.seconds)
            self._run(test.item, following and following.item)
            if self.failed:
                return number
        return len(tests)

    def _run(self, item, following):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def forget_what_is_cached(modules):
    """Empty the caches of functions, so that they run again."""
    for module in modules:
        for value in vars(sys.modules[module]).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def put_into_function(mutant):
    """Give the function that the change is in its changed code."""
    forget_what_is_cached([mutant.module])
    found = sys.modules[mutant.module]
    for name in mutant.change.scope:
        found = _plain(vars(found)[name])
        if isinstance(found, types.FunctionType):
            found.__code__ = code_of(mutant.code, mutant.change.scope)
            return


def _plain(value):
    """Return the function inside a property or a cache, else the value itself."""
    return getattr(value, "fget", None) or getattr(value, "__wrapped__", None) or value


def code_of(code, scope):
    """Return the code of the outermost function of a scope in a compiled module."""
    for name in scope:
        inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
        code = next(constant for constant in inner if constant.co_name == name)
        if code.co_flags & inspect.CO_OPTIMIZED:  # a function, not a class
            return code
    raise ValueError(f"no function in {scope}")
