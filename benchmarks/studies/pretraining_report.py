"""What the study of pre-training shows. Rates are chosen by validation rows, test rows only reported."""

from functools import cache, partial

import numpy as np

from studies._lines import Rates, grouped, last, where
from studies._optimizers import LABELS
from studies._statistics import bootstrap, first_at, good_width, mean_ranks
from studies._tables import Report, Table, spread
from studies.pretraining_figure import draw

MAIN = {"sampler": "pcd", "centered": True}
NEARLY = 0.95  # share of the way from independent columns to the best that counts as having arrived
valid = partial(last, name="valid")


def report(lines):
    """Return tables and a figure of the lines."""
    curves = {key: Rates(of_key, valid) for key, of_key in _by_optimizer(where(lines, **MAIN)).items()}
    measured = {line.case["data"] for line in lines if line.measures}
    curves = {key: rates for key, rates in curves.items() if rates.seeds and key[0] in measured}
    tables = [
        _likelihoods(curves),
        _widths(curves, "width", "within 1 nat of the best", lambda data: 1.0),
        _widths(curves, "width-relative", *_relative(curves)),
        _ways(curves),
        _failures(lines),
        _samplers(lines),
    ]
    return Report(tables, {"rates": lambda: draw(curves)} if curves else {})


def _by_optimizer(lines):
    return grouped(lines, "data", "schedule", "optimizer")


def _rows_of(curves):
    """Return the pairs of data set and schedule, data sets together."""
    pairs = dict.fromkeys(key[:2] for key in curves)
    return sorted(pairs, key=lambda pair: list(dict.fromkeys(data for data, _ in pairs)).index(pair[0]))


def _over_optimizers(curves, row, cell):
    """Return a cell for each optimizer of a row, empty where there are no results."""
    return [cell(curves[(*row, name)]) if (*row, name) in curves else "" for name in LABELS]


def _likelihoods(curves):
    rows = [(*row, *_over_optimizers(curves, row, likelihood_cell)) for row in _rows_of(curves)]
    return Table(
        "likelihood",
        "Test log-likelihood at the best rate",
        ("data", "schedule", *LABELS.values()),
        rows + _ranks(curves),
        "Nats, mean ± standard deviation of the seeds; in brackets the rate, chosen by validation rows, "
        "with ! where it is the first or the last of its grid. Ranks are means over the data sets.",
    )


def likelihood_cell(rates):
    """Return the test log-likelihood at the rate that is best on validation rows."""
    mark = "!" if rates.best_is_at_an_end() else ""
    test = [last(line, "test") for line in rates.at_best()]
    return f"{spread(test)} ({rates.best():g}{mark})" if np.isfinite(test).all() else "failed"


def _ranks(curves):
    """Return a row of mean ranks for each schedule all of whose optimizers are there."""
    rows = []
    for schedule in dict.fromkeys(key[1] for key in curves):
        whole = [row for row in _rows_of(curves) if row[1] == schedule and _is_whole(curves, row)]
        scores = [_over_optimizers(curves, row, _mean_test) for row in whole]
        if scores:
            ranks = [f"{rank:.2f}" for rank in mean_ranks(scores)]
            rows.append((f"mean rank ({len(whole)} data sets)", schedule, *ranks))
    return rows


def _is_whole(curves, row):
    return all((*row, name) in curves for name in LABELS)


def _mean_test(rates):
    return np.mean([last(line, "test") for line in rates.at_best()])


# -- sensitivity to the rate -----------------------------------------------------------------------


def _best_of(curves, data):
    """Return the highest mean validation log-likelihood of a data set, and that of independent columns."""
    of_data = [rates for key, rates in curves.items() if key[0] == data]
    measured = [line.measures for rates in of_data for line in rates.lines.values() if line.measures]
    return max(rates.means().max() for rates in of_data), measured[0]["independent"]


def _relative(curves):
    def tolerance(data):
        best, independent = _best_of(curves, data)
        return (best - independent) / 10

    return "within a tenth of what there is to learn", tolerance


def _widths(curves, name, title, tolerance):
    """Return the decades of rates that are good enough, and the difference of RMSProp and SGD."""
    tolerances = {data: tolerance(data) for data in dict.fromkeys(key[0] for key in curves)}
    rows = []
    for row in _rows_of(curves):
        cells = _over_optimizers(curves, row, partial(_width_cell, tolerance=tolerances[row[0]]))
        rows.append((*row, *cells, _difference(curves, [row], tolerances)))
    for schedule in dict.fromkeys(key[1] for key in curves):
        rows.append(_mean_widths(curves, schedule, tolerances))
    return Table(
        name,
        f"Width of the rates {title}, in decades",
        ("data", "schedule", *LABELS.values(), "RMSProp - SGD"),
        rows,
        "By validation log-likelihood, relative to the best rate of the same optimizer and schedule. "
        "In brackets 95 % bootstrap intervals, over seeds and in the last rows over data sets too; >= "
        "where the width reaches an end of the grid. What there is to learn: from independent columns to "
        "the best of all.",
    )


def _width(rates, seeds, tolerance):
    return _width_of(rates, None if seeds is None else tuple(sorted(seeds)), tolerance)


@cache  # five seeds can be drawn in 126 ways only, which resamples repeat
def _width_of(rates, seeds, tolerance):
    return good_width(rates.rates, rates.means(seeds), tolerance)


def _width_cell(rates, tolerance):
    interval = bootstrap(lambda seeds: _width(rates, seeds, tolerance).decades, rates.seeds)
    mark = ">= " if _width(rates, None, tolerance).open else ""
    return f"{mark}{interval}"


def _difference(curves, rows, tolerances):
    """Return the interval of the width of RMSProp minus that of SGD, a mean over the rows."""
    pairs = {row: [curves.get((*row, name)) for name in ("rmsprop", "sgd")] for row in rows}
    pairs = {row: pair for row, pair in pairs.items() if all(pair)}
    if not pairs:
        return ""

    def statistic(seeds, chosen):
        widths = [
            [_width(rates, seeds, tolerances[rows[i][0]]).decades for rates in pairs[rows[i]]]
            for i in chosen
        ]
        return float(np.mean(np.diff(widths, axis=1))) * -1

    rows = list(pairs)
    return bootstrap(statistic, _common_seeds(sum(pairs.values(), [])), range(len(rows)))


def _common_seeds(curves):
    return [seed for seed in curves[0].seeds if all(seed in rates.seeds for rates in curves)]


def _mean_widths(curves, schedule, tolerances):
    """Return the row of means over the data sets that have all optimizers."""
    rows = [row for row in _rows_of(curves) if row[1] == schedule and _is_whole(curves, row)]
    cells = []
    for name in LABELS if rows else ():
        of_name = [curves[(*row, name)] for row in rows]

        def statistic(seeds, chosen, of_name=of_name):
            return np.mean([_width(of_name[i], seeds, tolerances[rows[i][0]]).decades for i in chosen])

        cells.append(bootstrap(statistic, _common_seeds(of_name), range(len(rows))))
    cells = cells or [""] * len(LABELS)
    return (f"mean ({len(rows)} data sets)", schedule, *cells, _difference(curves, rows, tolerances))


# -- how long it takes, what fails, and other samplers -----------------------------------------------


def _ways(curves):
    rows = []
    for row in _rows_of(curves):
        best, independent = _best_of(curves, row[0])
        target = independent + NEARLY * (best - independent)
        rows.append((*row, f"{target:.2f}", *_over_optimizers(curves, row, partial(_way, target=target))))
    return Table(
        "way",
        "Epochs and seconds to a given likelihood",
        ("data", "schedule", "target", *LABELS.values()),
        rows,
        f"Target: {NEARLY:.0%} of the way from independent columns to the best of all, on validation rows. "
        'At the best final rate: epochs, seconds of one thread; medians of the seeds. "no" where '
        "not all seeds arrive.",
    )


def _way(rates, target):
    """Return the medians over the seeds of epochs and seconds until the target is reached."""
    measures = [line.measures for line in rates.at_best() if line.measures]
    times = [
        [first_at(each[axis], each["valid"], target) for axis in ("epochs", "seconds")] for each in measures
    ]
    if not times or None in np.ravel(times):
        return "no"
    epochs, seconds = np.median(times, axis=0)
    return f"{epochs:.1f}, {seconds:.2f} s"


def _failures(lines):
    """Return how many trainings diverged, or ended worse than columns without any weights."""
    rows = []
    for name, of_name in grouped(lines, "optimizer").items():
        diverged = sum(line.failure is not None for line in of_name)
        worse = sum(bool(line.measures) and valid(line) < line.measures["independent"] for line in of_name)
        rows.append((LABELS[name], len(of_name), diverged, worse))
    head = ("optimizer", "trainings", "diverged", "worse than independent columns")
    return Table("failures", "Failures over the whole grid", head, rows)


def _samplers(lines):
    """Return the likelihood of other samplers and without centring, all at the same rates and seeds."""
    others = [line for line in lines if any(line.case[name] != value for name, value in MAIN.items())]
    rates = {(line.case["optimizer"], line.case["rate"]) for line in others}
    measured = {(line.case["data"], line.case["seed"]) for line in others}
    alike = [
        line
        for line in where(lines, schedule="linear")
        if (line.case["optimizer"], line.case["rate"]) in rates
        and (line.case["data"], line.case["seed"]) in measured
    ]
    rows = []
    for key, of_key in grouped(alike, "data", "sampler", "centered").items():
        by_name = {name: Rates(each, valid) for name, each in grouped(of_key, "optimizer").items()}
        cells = [likelihood_cell(by_name[name]) if name in by_name else "" for name in LABELS]
        rows.append((key[0], key[1].upper(), "yes" if key[2] else "no", *cells))
    return Table(
        "samplers",
        "Samplers and centring: test log-likelihood at the best of few rates",
        ("data", "sampler", "centred", *LABELS.values()),
        sorted(rows, key=lambda row: list(dict.fromkeys(row[0] for row in rows)).index(row[0])),
        "Falling rate, whole decades of the grid, and one or two seeds, for all alike. ! as above.",
    )
