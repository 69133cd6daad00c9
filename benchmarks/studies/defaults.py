"""Which defaults should DBNClassifier have, and where do they stand beside scikit-learn's?

Candidates are the defaults, changed in one thing or in a few that go together. All are run on the tuning
half of the data sets, and scored on all rows that were not trained on. On the held-out half, scored on test
rows, run the defaults, scikit-learn's classifiers at theirs, and `FINALISTS`. So nothing that the held-out
half shows has chosen anything. Seeds draw the rows as well: two on the tuning half, which has many
candidates, and three on the other one.

Networks that begin with the same RBMs share them; the time of these is counted for each.

Beside it: an RBM whose features a logistic regression classifies by, on the tuning half.
"""

import numpy as np

from studies._defaults_report import report
from studies._fits import fit_and_score
from studies._halves import HALVES, half_of
from studies._labelled_sets import labelled
from studies._ours import CLASSIFIER, FEATURES, RBM, classifier, features
from studies._rivals import CLASSIFIERS
from studies._stacks import on_stack
from studies._study import Study

SEEDS = {"tuning": range(2), "held-out": range(3)}
# Rows to train on: a case should take seconds.
ROWS, ROWS_OF_MANY_COLUMNS = 4000, 2000
OTHER_ROWS = (1000, 3000)  # to choose by and to test on, at most
MANY_COLUMNS = ("mnist", "fashion", "rectangles", "kunitz-residue", "newsgroups-w1000")

SECONDS = {  # of a fit of DBNClassifier at the defaults
    **{"mnist": 11, "digits": 4, "newsgroups-w100": 5.5, "newsgroups-religion": 11, "spambase": 6},
    **{"breast_cancer": 1.7, "wine": 0.5, "mushrooms-habitat": 6.5, "genotypes-allele": 11},
    **{"fashion": 12, "rectangles": 10, "newsgroups-w1000": 13, "newsgroups-hardware": 11, "adult": 6},
    **{"adult-occupation": 5.5, "diabetes": 1, "nltcs-item": 5, "kunitz-residue": 13},
}

CHANGES = (
    # the rule of the first rate: for one input, power of the number of inputs, largest
    *({"rate": [rate, 0.5, 0.01]} for rate in (0.025, 0.25)),
    *({"rate": [0.08, 0.5, largest]} for largest in (0.003, 0.03)),
    *({"rate": [rate, 0, 1.0]} for rate in (0.001, 0.003)),
    {"rate": [0.6, 1, 0.01]},
    *({"schedule": schedule} for schedule in ("constant", "cosine")),
    {"rho": 0.99},
    {"epsilon": 1e-4},
    *({"alpha": alpha} for alpha in (0.01, 0.1)),
    *({"dropout": dropout} for dropout in (0.0, 0.2, 0.4)),
    {"input_dropout": 0.1},
    *({"batch": batch} for batch in ([50, 10, 200], [200, 10, 50])),
    *({"max_iter": n} for n in (15, 60)),
    *({"least_updates": n} for n in (2000, 6000)),
    {"early_stopping": True, "max_iter": 100},
    {"pretrain": False},
    *({"hidden_layer_sizes": sizes} for sizes in ([256], [512], [100], [256] * 3)),
    *({"rbm_n_iter": n} for n in (5, 50)),
    *({"rbm_rate": [rate, 0.5, 0.03]} for rate in (0.045, 0.45)),
    {"rbm_rate": [0.14, 0.5, 0.1]},
    {"sampler": "cd"},
    {"sparsity": 0.1},
    # what goes together
    {"dropout": 0.3, "max_iter": 60},
    {"dropout": 0.3, "least_updates": 3000},
    {"pretrain": False, "dropout": 0.3, "max_iter": 60},
    {"pretrain": False, "hidden_layer_sizes": [256]},
    {"hidden_layer_sizes": [256], "max_iter": 60},
    {"sampler": "cd", "sparsity": 0.1},
    {"sampler": "cd", "sparsity": 0.1, "dropout": 0.3, "max_iter": 60},
    {"epsilon": 1e-4, "rate": [0.25, 0.5, 0.03]},
    {"alpha": 0.1, "dropout": 0.2, "least_updates": 2000},
    # added when the first seed of the tuning half was measured: around what did best there
    {"input_dropout": 0.2},
    {"input_dropout": 0.1, "alpha": 0.1},
    {"input_dropout": 0.1, "dropout": 0.2},
    {"input_dropout": 0.1, "epsilon": 1e-4},
    {"input_dropout": 0.1, "rbm_rate": [0.45, 0.5, 0.03]},
    {"input_dropout": 0.1, "rbm_rate": [0.45, 0.5, 0.03], "alpha": 0.1, "dropout": 0.2},
)
FEATURE_CHANGES = (
    {},
    {"rbm_n_iter": 10},
    *({"rbm_rate": [rate, 0.5, 0.03]} for rate in (0.045, 0.45)),
    {"sampler": "cd"},
    {"sparsity": 0.1},
    {"sampler": "cd", "sparsity": 0.1},
    {"n_components": 512},
)
# What runs on the held-out half, beside the defaults and the rivals. Filled once from the tuning half, when
# all of it was measured: of the settings that take no more than twice the time of the defaults and are
# nowhere 2 points below MLPClassifier (if there are such), the two with the best mean of the ranks by
# accuracy and by log loss (table `candidates`, column "both"), and the best of those that add no time.
# Nothing is added after the held-out half has run; the defaults and the rivals had been run on it before.
FINALISTS = (
    {"input_dropout": 0.2},
    {"input_dropout": 0.1, "rbm_rate": [0.45, 0.5, 0.03]},
    {"input_dropout": 0.1, "epsilon": 1e-4},
)


def cases(smoke):
    """Return the grid: the whole comparison of a seed, then that of the next one."""
    if smoke:
        ours = ({}, {"pretrain": False}, {"least_updates": 60, "schedule": "cosine"})
        return [
            each
            for seed in range(2)
            for name in ("wine", "breast_cancer")
            for each in _on(name, seed, [_small(change) for change in ours], FEATURE_CHANGES[:1])
        ]
    return [each for seed in SEEDS["held-out"] for each in _of_seed(seed)]


def _of_seed(seed):
    return [each for half in SEEDS if seed in SEEDS[half] for each in _half(half, seed)]


def _half(half, seed):
    ours = [{}, *(CHANGES if half == "tuning" else FINALISTS)]
    of_features = FEATURE_CHANGES if half == "tuning" else ()
    return [each for name in HALVES[half] for each in _on(name, seed, ours, of_features)]


def _small(change):
    """Return a change that is done in a moment."""
    return {"hidden_layer_sizes": [8], "rbm_n_iter": 1, "max_iter": 2, **change}


def _on(name, seed, changes, of_features):
    """Return the cases of a data set."""
    rows = ROWS_OF_MANY_COLUMNS if name in MANY_COLUMNS else ROWS
    models = [
        *(("dbn", {**CLASSIFIER, **change}) for change in changes),
        *(("rbm-logistic", {**FEATURES, **change}) for change in of_features),
        *((name, {}) for name in CLASSIFIERS),
    ]
    return [
        {"seed": seed, "data": name, "rows": rows, "model": model, "settings": settings}
        for model, settings in models
    ]


def measure(case, folder):
    """Return what a classifier does on rows that it was not trained on."""
    split = labelled(case["data"], folder, case["seed"], (case["rows"], *OTHER_ROWS))
    X, y = split.X_train, split.y_train
    others = [(split.X_test, split.y_test)]
    if half_of(case["data"]) == "tuning":
        others.append((split.X_valid, split.y_valid))
    model, seconds_before = _model(case, X)
    measures = fit_and_score(model, X, y, *map(np.concatenate, zip(*others, strict=True)))
    return {**measures, "seconds": measures["seconds"] + seconds_before}


def _model(case, X):
    """Return the unfitted model of a case, and how long what it begins with was trained."""
    settings, seed = case["settings"], case["seed"]
    if case["model"] in CLASSIFIERS:
        return CLASSIFIERS[case["model"]](seed), 0.0
    if case["model"] == "rbm-logistic":
        return features(settings, X.shape[1], seed), 0.0
    return on_stack(classifier(settings, *X.shape, seed), settings, X, seed)


def seconds(case):
    """Return what a case takes: the stack of the defaults is there already, for most networks."""
    settings, of_defaults = case["settings"], SECONDS.get(case["data"], 0.5)
    if not settings:
        return 0.3 * of_defaults
    n_epochs = settings["rbm_n_iter"] / 20
    if case["model"] == "rbm-logistic":
        return 0.5 * of_defaults * n_epochs
    same_stack = all(settings[name] == CLASSIFIER[name] for name in (*RBM, "hidden_layer_sizes"))
    return of_defaults * (0.4 * settings["max_iter"] / 30 + (0.0 if same_stack else 0.6 * n_epochs))


STUDY = Study(
    name="defaults",
    question="Which defaults should DBNClassifier have, and where do they stand beside scikit-learn's?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
