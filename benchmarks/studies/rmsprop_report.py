"""What the study of RMSProp's parameters shows."""

from functools import partial

import numpy as np

from studies._lines import Rates, last
from studies._statistics import bootstrap
from studies._tables import Report, Table

valid = partial(last, name="valid")
_NOT_SETTINGS = ("seed", "data", "rate")


def report(lines):
    """Return one table: each setting against the defaults, at the best rate of each."""
    settings = _by_settings(lines)
    if not settings:
        return Report([], {})
    base, data = next(iter(settings)), list(dict.fromkeys(line.case["data"] for line in lines))
    rows = [
        (_name(setting, base), *(_cell(settings, setting, base, name) for name in data))
        for setting in settings
    ]
    note = (
        "Test log-likelihood minus that of the first row, nats: mean of paired seeds, its 95 % bootstrap "
        "interval; in brackets the rate, chosen by validation rows for each setting, ! at an end of the "
        "grid, and the mean difference on validation rows if the rate of the first row is kept."
    )
    head = ("setting", *data)
    return Report([Table("settings", "Settings of RMSProp", head, rows, note)], {})


def _by_settings(lines):
    """Return {settings: {data: Rates}}, the first setting being the defaults."""
    groups = {}
    for line in lines:
        setting = tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(line.case.items())
            if name not in _NOT_SETTINGS
        )
        groups.setdefault(setting, {}).setdefault(line.case["data"], []).append(line)
    return {
        setting: {name: Rates(of_data, valid) for name, of_data in by_data.items()}
        for setting, by_data in groups.items()
    }


def _name(setting, base):
    changed = [f"{name}={_short(value)}" for name, value in setting if value != dict(base)[name]]
    if setting == base:
        return "defaults, " + ", ".join(f"{name}={_short(value)}" for name, value in base)
    return ", ".join(changed)


def _short(value):
    if isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return value if isinstance(value, str | bool) else f"{value:g}"


def _cell(settings, setting, base, data):
    """Return how much better a setting is than the base on a data set."""
    ours, theirs = (settings[each].get(data) for each in (setting, base))
    if ours is None or not ours.seeds or not set(ours.seeds) <= set(theirs.seeds):
        return ""
    mark = "!" if ours.best_is_at_an_end() else ""
    if setting == base:
        return f"{np.mean([last(line, 'test') for line in ours.at_best()]):.2f} ({ours.best():g}{mark})"
    gains = _gains(ours, theirs)
    if not np.isfinite(gains).all():
        return "failed"
    interval = bootstrap(lambda chosen: gains[chosen].mean(), range(len(gains)))
    return f"{interval} ({ours.best():g}{mark}{_if_rate_is_kept(ours, theirs)})"


def _if_rate_is_kept(ours, theirs):
    """Return what is gained on validation rows at the other setting's best rate, if it was tried."""
    rate = theirs.best()
    if rate not in ours.rates:
        return ""
    return f"; {ours.means()[ours.rates.index(rate)] - theirs.means().max():.2f} at {rate:g}"


def _gains(ours, theirs):
    """Return the difference of the test log-likelihoods of each seed, each setting at its best rate."""
    best, their_best = ours.best(), theirs.best()
    pairs = [(ours.lines[best, seed], theirs.lines[their_best, seed]) for seed in ours.seeds]
    return np.array([last(our, "test") - last(their, "test") for our, their in pairs])
