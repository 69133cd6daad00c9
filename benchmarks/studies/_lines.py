"""Lines of results in the arrangement that reports need: by factors, then by rate and seed."""

import numpy as np


def grouped(lines, *names):
    """Return {(values of the named factors): lines}; a single name gives bare values."""
    groups = {}
    for line in lines:
        values = tuple(line.case[name] for name in names)
        groups.setdefault(values if len(names) > 1 else values[0], []).append(line)
    return groups


def where(lines, **factors):
    """Return the lines whose cases have these values."""
    return [line for line in lines if all(line.case[name] == value for name, value in factors.items())]


def last(line, name):
    """Return the last value of a measure that is a list, -inf where the training failed."""
    return -np.inf if line.measures is None else line.measures[name][-1]


class Rates:
    """Trainings that differ in rate and seed only; seeds that lack a rate are left out.

    What is looked at is `value(line)`, higher is better. `values` has a row a rate and a column a seed.
    """

    def __init__(self, lines, value):
        self.lines = {(line.case["rate"], line.case["seed"]): line for line in lines}
        self.rates = sorted({rate for rate, _ in self.lines})
        seeds = dict.fromkeys(seed for _, seed in self.lines)
        self.seeds = [s for s in seeds if all((rate, s) in self.lines for rate in self.rates)]
        self.values = np.array([[value(self.lines[r, s]) for s in self.seeds] for r in self.rates])

    def means(self, seeds=None):
        """Return the mean of each rate, over the seeds given if any are: -inf where one of them failed."""
        columns = slice(None) if seeds is None else [self.seeds.index(seed) for seed in seeds]
        return self.values[:, columns].mean(axis=1)

    def best(self, seeds=None):
        """Return the rate of the highest mean."""
        return self.rates[int(np.argmax(self.means(seeds)))]

    def at(self, rate):
        """Return the lines of a rate, one a seed."""
        return [self.lines[rate, seed] for seed in self.seeds]

    def at_best(self):
        """Return the lines of the best rate, none if there is no complete seed."""
        return self.at(self.best()) if self.seeds else []

    def best_is_at_an_end(self):
        """Tell whether the grid may be too narrow."""
        return self.best() in (self.rates[0], self.rates[-1])
