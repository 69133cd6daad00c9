"""What the study of few labels shows: ranks for each number of labels, and over all of them."""

from functools import partial

import numpy as np

from studies._comparison import N_RESAMPLES, Comparison
from studies._few_labels_models import CLASS_RBM, DBN, SEMI_SUPERVISED, SUPERVISED
from studies._halves import HALVES
from studies._ours import BEFORE, CLASSIFIER_NOW, NOW
from studies._rivals import LABELS as _LABELS
from studies._statistics import bootstrap
from studies._tables import Report, Table, spread
from studies.few_labels_figure import draw

BASES = {"dbn": ("DBN", DBN), "class-rbm": ("RBMClassifier", CLASS_RBM)}
LABELS = {**_LABELS, "spreading": "LabelSpreading", "self-training": "self-trained logistic"}
RIVALS = {"supervised": SUPERVISED, "all": (*SUPERVISED, *SEMI_SUPERVISED)}


def report(lines):
    """Return the tables of both halves, and the figure of the held-out one."""
    tables, figures = [], {}
    for half in HALVES:
        held_out = half == "held-out"
        of_half = [line for line in lines if (line.case["data"] in HALVES["held-out"]) == held_out]
        if of_half:
            tables += [_ranks(of_half, half), _scores(of_half, half)]
        if held_out and any(line.measures for line in of_half):
            figures["accuracy"] = partial(draw, *_curves(of_half))
    return Report([table for table in tables if table.rows], figures)


def _curves(lines):
    """Return the mean accuracies by data set and model, the numbers of labels, and the names of ours."""
    curves, ours = {}, {name_of(line) for line in lines if line.case["model"] in BASES}
    for (data, name), some in _by_data_and_name(lines).items():
        scores = [line.measures["score"] for line in some if line.measures]
        if scores:
            curves.setdefault(data, {})[name] = 100 * np.mean(scores, axis=0)
    return curves, lines[0].case["labels"], ours


def _by_data_and_name(lines):
    groups = {}
    for line in lines:
        groups.setdefault((line.case["data"], name_of(line)), []).append(line)
    return groups


def name_of(line):
    """Return what a model is called: a rival, or ours with what is changed of its defaults."""
    case = line.case
    if case["model"] not in BASES:
        return LABELS[case["model"]]
    name, base = BASES[case["model"]]
    changed = {key: value for key, value in case["settings"].items() if value != base[key]}
    text = ", ".join(f"{key}={value}" for key, value in changed.items())
    if case["model"] == "dbn" and changed == CLASSIFIER_NOW:
        return f"{name}: {NOW} ({text})"
    return f"{name}: {text or BEFORE}"


class Ranks:
    """Mean ranks over data sets, for each number of labels a class and over all numbers."""

    def __init__(self, lines):
        self.numbers = lines[0].case["labels"]
        self._each = [Comparison(lines, name_of, self._value(i)) for i in range(len(self.numbers))]
        self.models, self.complete = self._each[0].models, bool(self._each[0].seeds)

    @staticmethod
    def _value(i):
        return lambda line: -np.inf if line.measures is None else line.measures["score"][i]

    def of(self, model, rivals):
        """Return the mean rank among itself and the rivals, for each number of labels."""
        return [float(each.ranks([model, *rivals])[0]) for each in self._each]

    def place(self, model, rivals):
        """Return the place of a model by the mean over all numbers: 1 if no rival has a lower one."""
        ranks = np.mean([each.ranks([model, *rivals]) for each in self._each], axis=0)
        return 1 + int((ranks[1:] < ranks[0]).sum())

    def overall(self, model, rivals):
        """Return the mean over all numbers of labels, with its interval over data sets and seeds."""
        first = self._each[0]

        def mean(seeds, data):
            ranks = [each.ranks([model, *rivals], seeds, data)[0] for each in self._each]
            return np.mean(ranks)

        return bootstrap(mean, range(len(first.seeds)), range(len(first.data)), N_RESAMPLES // 2)


def _ranks(lines, half):
    """Return the table of mean ranks, ours first by the overall rank."""
    ranks = Ranks(lines)
    groups = {name: [LABELS[rival] for rival in rivals] for name, rivals in RIVALS.items()}
    note = (
        f"The {half} half: mean rank by accuracy on test rows among a row and scikit-learn's classifiers "
        f"({', '.join(groups['all'])}; rows of these: among them and our defaults now), for each number of "
        "labels a class, and their mean with its 95 % bootstrap interval over data sets and seeds; the "
        "place by this mean. The last column: the mean among those that use labelled rows only, "
        f"{', '.join(groups['supervised'])}. DBN are pre-trained on all rows."
    )
    head = ("model", *(f"{n} labels" for n in ranks.numbers), "all", "place", "of supervised")
    rows = [_row(ranks, model, groups) for model in ranks.models] if ranks.complete else []
    rows.sort(key=lambda row: row[-3].value)
    return Table(f"ranks-{half}", f"Ranks with few labels: {half} half", head, [*map(_as_text, rows)], note)


def _row(ranks, model, groups):
    ours = [each for each in ranks.models if NOW in each and model in groups["all"]]
    rivals = {name: [each for each in (*group, *ours) if each != model] for name, group in groups.items()}
    among_all = (ranks.overall(model, rivals["all"]), ranks.place(model, rivals["all"]))
    return (model, *ranks.of(model, rivals["all"]), *among_all, ranks.overall(model, rivals["supervised"]))


def _as_text(row):
    return tuple(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row)


def _scores(lines, half):
    """Return the table of accuracies: a row a data set and number of labels."""
    models = list(dict.fromkeys(map(name_of, lines)))
    groups = _by_data_and_name(lines)
    rows = [
        (data, f"{n} ({_n_labels(lines, data, i)})", *(_cell(groups.get((data, m), ()), i) for m in models))
        for data in dict.fromkeys(line.case["data"] for line in lines)
        for i, n in enumerate(lines[0].case["labels"])
    ]
    note = (
        "Accuracy on test rows in percent, ± standard deviation of the seeds, which draw rows and labels; "
        "seconds to fit, without the stack that a DBN begins with. In brackets the labels of all classes."
    )
    head = ("data", "labels a class", *models)
    return Table(f"scores-{half}", f"Accuracy with few labels: {half} half", head, rows, note)


def _n_labels(lines, data, i):
    return next((x.measures["labels"][i] for x in lines if x.case["data"] == data and x.measures), "")


def _cell(lines, i):
    measures = [line.measures for line in lines if line.measures]
    if not measures:
        return "failed" if lines else ""
    seconds = np.median([each["seconds"][i] for each in measures])
    return f"{spread([100 * each['score'][i] for each in measures], 1)}; {seconds:.1f} s"
