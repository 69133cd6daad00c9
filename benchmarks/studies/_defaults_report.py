"""What a study of default settings shows: candidates on the tuning half, and ours beside the rivals."""

from functools import partial
from typing import NamedTuple

import numpy as np

from studies._comparison import Comparison
from studies._halves import HALVES, KINDS
from studies._lines import grouped, where
from studies._ours import BEFORE, CLASSIFIER, CLASSIFIER_NOW, FEATURES, NOW
from studies._rivals import LABELS, MAIN
from studies._tables import Report, Table, spread
from studies.defaults_figure import draw

_LARGEST_LOSS = 2.0  # points below MLP, on any data set


class Layout(NamedTuple):
    """What the tables of a study are made by."""

    base: dict  # the settings that were the defaults
    now: dict  # what the defaults are since then, as changes of them; empty if they are the same
    halves: dict  # {half: names of data sets}
    main: tuple  # the rivals of the ranks, the first being the one not to be far below of
    measure: str  # what `score` is, in the words of the notes


CLASSIFICATION = Layout(CLASSIFIER, CLASSIFIER_NOW, HALVES, MAIN["classify"], "accuracy")


def report(lines):
    """Return the tables of the classifiers and of the features, and the figure of the held-out half."""
    of_features = where(lines, model="rbm-logistic")
    networks = [line for line in lines if line.case["model"] != "rbm-logistic"]
    tables = tables_of(networks, CLASSIFICATION)
    if of_features:
        layout = CLASSIFICATION._replace(base=FEATURES, now={})
        tables.append(_candidates(_half(lines, layout, "tuning"), layout, "rbm-logistic", "features"))
    return Report([table for table in tables if table.rows], figures_of(networks, CLASSIFICATION))


def figures_of(lines, layout):
    """Return the figure of the held-out half, if it has been measured."""
    score, rival = _compare(_half(lines, layout, "held-out"), layout, _score), LABELS[layout.main[0]]
    if not score.seeds or rival not in score.models:
        return {}
    gains = {model: score.gains_by_data(model, rival) for model in score.models if model != rival}
    return {"differences": partial(draw, gains, layout.measure, rival)}


def tables_of(lines, layout):
    """Return the tables of candidates, of ours and the rivals on each half, and of each data set."""
    halves = {half: _half(lines, layout, half) for half in ("tuning", "held-out")}
    shown = grouped_by_name(halves["held-out"], layout)
    in_both = [line for line in halves["tuning"] if not shown or name_of(line.case, layout) in shown]
    return [
        _candidates(halves["tuning"], layout, "dbn", "candidates"),
        _beside_rivals(halves["held-out"], layout, "held-out"),
        _beside_rivals(in_both, layout, "tuning"),
        _by_data(lines, layout),
    ]


def _half(lines, layout, half):
    """Return the lines of a half; sets that are in none, of the smoke test, count as tuning."""
    held_out = layout.halves["held-out"]
    return [line for line in lines if (line.case["data"] in held_out) == (half == "held-out")]


# -- names and values --------------------------------------------------------------------------------


def name_of(case, layout):
    """Return what a model is called: a rival, our defaults before or now, or what is changed of them."""
    if not case["settings"]:
        return LABELS[case["model"]]
    changed = {name: value for name, value in case["settings"].items() if value != layout.base[name]}
    text = ", ".join(f"{name}={_short(value)}" for name, value in changed.items())
    if changed and changed == layout.now:
        return f"{NOW} ({text})"
    return text or BEFORE


def _ours_of(models):
    """Return the name of our defaults, now if they were measured."""
    return next((model for model in models if model.startswith(NOW)), BEFORE)


def _short(value):
    if isinstance(value, list):
        return "(" + ", ".join(map(_short, value)) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _score(line):
    return -np.inf if line.measures is None else 100 * line.measures["score"]


def _log_likelihood(line):
    """Return minus the log loss; -inf where training failed, or there are no probabilities."""
    loss = None if line.measures is None else line.measures["log_loss"]
    return -np.inf if loss is None else -loss


def _log_speed(line):
    return -np.inf if line.measures is None else -np.log(max(line.measures["seconds"], 1e-3))


def _compare(lines, layout, value_of):
    return Comparison(lines, lambda line: name_of(line.case, layout), value_of)


def _n_warning(lines):
    """Return how many fits warned, and of what."""
    kinds = {kind for line in lines for kind in (line.measures or {}).get("warnings", ())}
    kinds = sorted(kind.removesuffix("Warning") for kind in kinds)
    count = sum(bool(line.measures and line.measures["warnings"]) for line in lines)
    failed = sum(line.measures is None for line in lines)
    return f"{count} ({', '.join(kinds)})" * bool(count) + f" {failed} failed" * bool(failed)


# -- tables ------------------------------------------------------------------------------------------


def _candidates(lines, layout, model, name):
    """Return the table of all settings of our model, the best by both ranks first."""
    rival = LABELS[layout.main[0]]
    note = (
        f"The tuning half. Mean rank among all settings by {layout.measure}, with its 95 % bootstrap "
        "interval over data sets and seeds; by log loss; their mean, by which rows are sorted. The mean "
        f"difference to the defaults before, in points (hundredths), and the worst to {rival}, with its "
        "set. Time to fit by that of these (geometric mean), and how many fits warned or failed."
    )
    ranks = (f"rank by {layout.measure}", "by log loss", "both")
    head = ("settings", *ranks, "difference", f"worst to {rival}", "time", "warned")
    ours = where(lines, model=model)
    score = _compare(ours, layout, _score)
    rows = []
    if score.seeds and BEFORE in score.models:
        beside = _compare([*ours, *where(lines, model=layout.main[0])], layout, _score)
        rows = _candidate_rows(ours, layout, score, beside) if beside.seeds else []
    return Table(name, f"Candidates: {name}", head, rows, note)


def _candidate_rows(ours, layout, score, beside):
    likelihood, speed = (_compare(ours, layout, value_of) for value_of in (_log_likelihood, _log_speed))
    by_name = grouped_by_name(ours, layout)
    by_likelihood = likelihood.ranks(score.models)
    has_losses = np.isfinite(likelihood.values).any()
    rows = []
    for setting, rank, other in zip(score.models, score.ranks_of_all(), by_likelihood, strict=True):
        both = (rank.value + other) / 2 if has_losses else rank.value
        worst, data = _worst(beside, setting, LABELS[layout.main[0]])
        cells = (
            f"{other:.1f}" if has_losses else "",
            f"{both:.1f}",
            score.gain(setting, BEFORE) or "failed",
        )
        rest = (f"{worst:+.2f} ({data})", _times(speed, setting), _n_warning(by_name[setting]))
        rows.append((both, (setting, str(rank), *map(str, cells), *rest)))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def grouped_by_name(lines, layout):
    """Return {name of the model: lines}."""
    groups = {}
    for line in lines:
        groups.setdefault(name_of(line.case, layout), []).append(line)
    return groups


def _worst(score, model, other):
    """Return the least difference to another model on a data set, and which set it is."""
    gains = score.gains_by_data(model, other)
    data = min(gains, key=gains.get)
    return gains[data], data


def _times(speed, model):
    gains = [*speed.gains_by_data(model, BEFORE).values()]
    return f"{np.exp(-np.mean(gains)):.2f}" if np.isfinite(gains).all() else ""


def _beside_rivals(lines, layout, half):
    """Return the table of the defaults and the finalists, or all candidates, beside the rivals."""
    rivals = [LABELS[name] for name in layout.main]
    note = (
        f"The {half} half. Mean rank by {layout.measure}, over data sets, among a row and "
        f"{', '.join(rivals)} at their defaults (rows of these: among them and our defaults now), with its "
        "95 % bootstrap interval over data sets and seeds, and its place among the four; the same with "
        f"HistGradientBoosting. Differences to {rivals[0]} in points: the mean, and the worst with its "
        f"set; it should not be below {-_LARGEST_LOSS:g}. Log loss and seconds to fit are means."
    )
    ranks = ("rank of four", "place", "rank of five")
    head = ("model", *ranks, f"minus {rivals[0]}", "worst", "log loss", "seconds", "warned")
    score = _compare(lines, layout, _score)
    rows = []
    if score.seeds and {BEFORE, *rivals} <= set(score.models):
        by_name = grouped_by_name(lines, layout)
        rows = [_rival_row(score, model, rivals, by_name[model]) for model in score.models]
    return Table(half, f"Ours and scikit-learn's defaults: the {half} half", head, rows, note)


def _rival_row(score, model, rivals, lines):
    """Return the row of a model; of a rival, among the other rivals and our defaults."""
    ours = _ours_of(score.models)
    four = [name for name in (*rivals, ours) if name != model] if model in rivals else rivals
    five = [*four, LABELS["boosting"]]
    if model == LABELS["boosting"]:
        rank, place, of_five = "", "", score.rank(model, [ours, *rivals])
    else:
        rank, place, of_five = score.rank(model, four), _place(score, model, four), score.rank(model, five)
    worst, data = _worst(score, model, rivals[0])
    differences = (str(score.gain(model, rivals[0]) or "failed"), f"{worst:+.2f} ({data})")
    others = (_mean(lines, "log_loss"), _mean(lines, "seconds"), _n_warning(lines))
    return (model, str(rank), place, str(of_five), *differences, *others)


def _mean(lines, measure):
    """Return the mean of a measure over the fits that have it."""
    values = [line.measures[measure] for line in lines if line.measures]
    values = [value for value in values if value is not None]
    return f"{np.mean(values):.3f}" if values else ""


def _place(score, model, others):
    """Return the place of a model by mean rank: 1 if none of the others has a lower one."""
    ranks = score.ranks([model, *others])
    return 1 + int((ranks[1:] < ranks[0]).sum())


def _by_data(lines, layout):
    """Return the table of each data set, without the candidates that are no finalists."""
    halves = {half: _half(lines, layout, half) for half in ("tuning", "held-out")}
    everywhere = grouped_by_name(halves["held-out"] or lines, layout)
    names = list(everywhere)
    rows = []
    for half, of_half in halves.items():
        for data, of_data in grouped(of_half, "data").items():
            groups = grouped_by_name(of_data, layout)
            cells = [_cell(groups.get(name, ())) for name in names]
            rows.append((data, half, KINDS.get(data, ""), *_shape(of_data), *cells))
    note = (
        f"100 times the {layout.measure}, ± standard deviation of the seeds, which draw the rows as well; "
        "median seconds to fit; rows trained on."
    )
    return Table("data", "Each data set", ("data", "half", "kind", "rows", "columns", *names), rows, note)


def _cell(lines):
    """Return the scores of a model on a data set, and the median time of a fit."""
    measures = [line.measures for line in lines if line.measures]
    if not measures:
        return "failed" if lines else ""
    scores = spread([100 * each["score"] for each in measures], 1)
    return f"{scores}; {np.median([each['seconds'] for each in measures]):.1f} s"


def _shape(lines):
    measures = next((line.measures for line in lines if line.measures), None)
    return (measures["rows"], measures["columns"]) if measures else ("", "")
