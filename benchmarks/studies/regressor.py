"""Which defaults should DBNRegressor have? As the study `defaults`, smaller: R2 on five sets in each half.

MLPRegressor and SVR get targets of variance 1, as DBNRegressor has them inside: at the scale of the targets
as they come, both may learn nothing. Seeds draw the rows as well, two on the tuning half and three on the
other one.
"""

from studies._defaults_report import Layout, tables_of
from studies._fits import fit_and_score
from studies._numeric_sets import HALVES, numeric
from studies._ours import REGRESSOR, REGRESSOR_NOW, regressor
from studies._rivals import MAIN, REGRESSORS
from studies._stacks import on_stack
from studies._study import Study
from studies._tables import Report

SEEDS = {"tuning": range(2), "held-out": range(3)}
ROWS = 1000
SECONDS = {
    "diabetes": 2.0,
    "wine-proline": 0.8,
    "cancer-dimension": 2.6,
    "fashion": 15.0,
}  # at the defaults
CHANGES = (
    *({"rate": [rate, 0.5, 0.01]} for rate in (0.025, 0.25)),
    *({"dropout": dropout} for dropout in (0.0, 0.2)),
    *({"max_iter": n} for n in (30, 200)),
    {"early_stopping": True},
    *({"hidden_layer_sizes": sizes} for sizes in ([100], [256])),
    {"pretrain": False},
    {"pretrain": False, "dropout": 0.2},
    {"sampler": "cd", "sparsity": 0.1},
    # what the study `defaults` likes, added when it was done
    *({"input_dropout": share} for share in (0.1, 0.2)),
    {"rbm_rate": [0.45, 0.5, 0.03]},
    {"input_dropout": 0.1, "rbm_rate": [0.45, 0.5, 0.03]},
    # and, when these were measured on the tuning half, around what did best there; the scores of the
    # defaults and the rivals on the held-out half, where targets are noisier, had been seen by then
    {"alpha": 0.1},
    {"epsilon": 1e-4},
    {"rate": [0.025, 0.5, 0.01], "dropout": 0.2},
    {"rate": [0.025, 0.5, 0.01], "input_dropout": 0.1},
    {"rate": [0.025, 0.5, 0.01], "pretrain": False, "dropout": 0.2},
)
# Filled as those of the study `defaults`, by mean rank by R2 on the tuning half: the best of the settings
# that add no time is the second of the two.
FINALISTS = (
    {"epsilon": 1e-4},
    {"rate": [0.025, 0.5, 0.01], "pretrain": False, "dropout": 0.2},
)


def cases(smoke):
    """Return the grid: the whole comparison of a seed, then that of the next one."""
    if smoke:
        small = {"hidden_layer_sizes": [8], "rbm_n_iter": 1, "max_iter": 2}
        changes = (small, {**small, "rho": 0.99})
        return [each for seed in range(2) for each in _on("diabetes", seed, changes)]
    ours = {"tuning": ({}, *CHANGES), "held-out": ({}, *FINALISTS)}
    return [
        each
        for seed in SEEDS["held-out"]
        for half, names in HALVES.items()
        if seed in SEEDS[half]
        for name in names
        for each in _on(name, seed, ours[half])
    ]


def _on(name, seed, changes):
    models = [("dbn", {**REGRESSOR, **change}) for change in changes]
    return [
        {"seed": seed, "data": name, "rows": ROWS, "model": model, "settings": settings}
        for model, settings in [*models, *((rival, {}) for rival in REGRESSORS)]
    ]


def measure(case, folder):
    """Return what a regressor does on the test rows."""
    X, y, X_test, y_test = numeric(case["data"], folder, case["seed"], case["rows"])
    if case["model"] in REGRESSORS:
        return fit_and_score(REGRESSORS[case["model"]](case["seed"]), X, y, X_test, y_test)
    settings, seed = case["settings"], case["seed"]
    model, seconds_before = on_stack(regressor(settings, *X.shape, seed), settings, X, seed)
    measures = fit_and_score(model, X, y, X_test, y_test)
    return {**measures, "seconds": measures["seconds"] + seconds_before}


def report(lines):
    """Return the tables."""
    tables = tables_of(lines, Layout(REGRESSOR, REGRESSOR_NOW, HALVES, MAIN["regress"], "R2"))
    return Report([table for table in tables if table.rows], {})


def seconds(case):
    """Return what a case takes."""
    if not case["settings"]:
        return 0.2
    return SECONDS.get(case["data"], 6.0) * case["settings"]["max_iter"] / 100


STUDY = Study(
    name="regressor",
    question="Which defaults should DBNRegressor have, and where do they stand beside scikit-learn's?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
