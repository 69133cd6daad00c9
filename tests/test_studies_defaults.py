"""The studies of default settings in `benchmarks/studies`: halves, finalists, ranks and their tables."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdbn import DBNClassifier, DBNRegressor, RBMTransformer

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("an installed package comes without its benchmarks", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

from studies import (  # noqa: E402
    _few_labels_models,
    _numeric_sets,
    _ours,
    _runner,
    _stacks,
    defaults,
    few_labels,
    regressor,
)
from studies._comparison import Comparison  # noqa: E402
from studies._fits import fit_and_score  # noqa: E402
from studies._halves import HALVES, HELD_OUT, TUNING  # noqa: E402
from studies._labelled_sets import NAMES  # noqa: E402
from studies._results import Line, Results  # noqa: E402
from studies._tables import markdown  # noqa: E402

STUDIES = (defaults.STUDY, regressor.STUDY, few_labels.STUDY)

# -- grids -----------------------------------------------------------------------------------------


def test_halves_are_disjoint_and_of_the_same_kinds():
    assert not set(TUNING) & set(HELD_OUT)
    assert set(TUNING) | set(HELD_OUT) == set(NAMES)
    assert len(NAMES) >= 16
    kinds = [sorted(half.values()) for half in (TUNING, HELD_OUT)]
    assert kinds[0] == kinds[1]
    assert not set(_numeric_sets.TUNING) & set(_numeric_sets.HELD_OUT)


def settings_by_half(study, halves):
    """Return the settings of our networks that run on each half, as text."""
    return {
        half: {
            (case["model"], str(case["settings"]))
            for case in study.cases(False)
            if case["data"] in names and case["settings"]
        }
        for half, names in halves.items()
    }


@pytest.mark.parametrize(
    ("module", "halves", "base"),
    [
        (defaults, HALVES, {("dbn", str(_ours.CLASSIFIER))}),
        (regressor, _numeric_sets.HALVES, {("dbn", str(_ours.REGRESSOR))}),
    ],
)
def test_only_defaults_and_finalists_run_on_the_held_out_half(module, halves, base, monkeypatch):
    monkeypatch.setattr(module, "FINALISTS", ())
    settings = settings_by_half(module.STUDY, halves)
    assert settings["held-out"] == base
    assert settings["tuning"] > base
    finalist = module.CHANGES[-1]
    monkeypatch.setattr(module, "FINALISTS", (finalist,))
    added = settings_by_half(module.STUDY, halves)["held-out"] - base
    assert len(added) == 1
    assert added < settings["tuning"]


def test_finalists_of_few_labels_only_run_on_the_held_out_half(monkeypatch):
    monkeypatch.setattr(few_labels, "FINALISTS", (("dbn", few_labels.CHANGES[-1]),))
    settings = settings_by_half(few_labels.STUDY, HALVES)
    assert len(settings["held-out"]) == 3  # and the defaults before and now
    assert settings["held-out"] < settings["tuning"]


@pytest.mark.parametrize("module", [defaults, regressor])
def test_finalists_were_candidates(module):
    assert all(finalist in module.CHANGES for finalist in module.FINALISTS)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_seeds_change_slowest_so_that_a_part_of_the_grid_compares_all(study):
    seeds = [case["seed"] for case in study.cases(False)]
    assert seeds == sorted(seeds)
    models = [
        {(case["model"], str(case["settings"])) for case in study.cases(False) if case["seed"] == seed}
        for seed in (0, 1)
    ]
    assert models[0] == models[1]


# -- what is fitted ----------------------------------------------------------------------------------


def test_rules_of_rates_batches_and_epochs():
    assert _ours.first_rate([0.08, 0.5, 0.01], 784) == pytest.approx(0.08 / 28)
    assert _ours.first_rate([0.08, 0.5, 0.01], 4) == 0.01
    assert _ours.first_rate([0.003, 0, 1], 784) == 0.003
    assert [_ours.batch_size([100, 10, 100], n) for n in (7, 300, 2550, 99_999)] == [7, 10, 25, 100]
    settings = {"batch": [100, 10, 100], "max_iter": 30, "least_updates": 1000}
    assert [_ours.n_epochs(settings, n) for n in (95, 5000)] == [100, 30]


@pytest.mark.filterwarnings("ignore:Fine-tuning. maximum iterations")  # three are enough to compare
@pytest.mark.parametrize(
    ("kind", "make", "before", "now", "finalists"),
    [
        (DBNClassifier, _ours.classifier, _ours.CLASSIFIER, _ours.CLASSIFIER_NOW, defaults.FINALISTS),
        (DBNRegressor, _ours.regressor, _ours.REGRESSOR, _ours.REGRESSOR_NOW, regressor.FINALISTS),
    ],
)
def test_defaults_of_the_package_are_what_the_studies_say_they_are(kind, make, before, now, finalists):
    assert now in ({}, *finalists)
    X, y = load_digits(return_X_y=True)
    X, y, settings = X[:300].astype(np.float32) / 16, y[:300], {**before, **now}
    plain = {name: settings[name] for name in ("max_iter", *_ours._SAME_NAMES)}
    sizes = tuple(settings["hidden_layer_sizes"])
    assert not {"hidden_layer_sizes": sizes, **plain}.items() - kind().get_params().items()
    assert RBMTransformer().n_iter == settings["rbm_n_iter"]
    few = {"hidden_layer_sizes": [7, 5], "rbm_n_iter": 2, "max_iter": 3}
    shipped = kind((7, 5), rbm=RBMTransformer(n_iter=2), max_iter=3, random_state=0).fit(X, y)
    ours = make({**settings, **few}, *X.shape, seed=0).fit(X, y)
    for array, same in zip(shipped.coefs_, ours.coefs_, strict=True):
        np.testing.assert_array_equal(array, same)


def test_networks_share_the_stack_that_both_begin_with():
    X = load_digits().data[:100].astype(np.float32) / 16
    settings = {**_ours.CLASSIFIER, "hidden_layer_sizes": [4], "rbm_n_iter": 1}
    first = _stacks.stack_of(settings, X, seed=0)
    assert _stacks.stack_of({**settings, "dropout": 0.3}, X, seed=0) is first
    others = [({**settings, "sampler": "cd"}, X, 0), (settings, X, 1), (settings, X[1:], 0)]
    assert all(_stacks.stack_of(*other) is not first for other in others)


class Certain:
    """A classifier that is sure of class 1, or knows nothing of a row."""

    classes_ = np.array([0, 1])

    def fit(self, X, y):
        warnings.warn("no learning", UserWarning, stacklevel=1)
        return self

    def score(self, X, y):
        return 0.5

    def predict_proba(self, X):
        return np.array([[0.0, 1.0], [0.75, 0.25], [np.nan, np.nan]])[: len(X)]


def test_log_loss_is_finite_and_warnings_are_counted():
    X = np.zeros((3, 2))
    measures = fit_and_score(Certain(), X, [0, 1, 1], X[:2], np.array([1, 0]))
    assert measures["log_loss"] == pytest.approx(-np.log(0.75) / 2)
    assert measures["warnings"] == ["UserWarning"]
    measures = fit_and_score(Certain(), X, [0, 1, 1], X, np.array([0, 0, 0]))
    assert measures["log_loss"] == pytest.approx((2 * np.log(1e7) - np.log(0.75)) / 3)


def test_known_rows_are_the_first_of_each_class_and_at_most_half_of_it():
    y = np.array([0, 0, 1, 0, 1, 0, 0, 0, 2])
    np.testing.assert_array_equal(few_labels.known_rows(y, 2), [0, 1, 2, 8])
    np.testing.assert_array_equal(few_labels.known_rows(y, 50), [0, 1, 2, 3, 8])


# -- tables ------------------------------------------------------------------------------------------


def line(model, data, seed, score):
    measures = {"score": score} if score is not None else None
    return Line({"model": model, "data": data, "seed": seed}, measures, None, 1.0, "here")


def compare(scores):
    """Return the comparison of {model: {data: scores of the seeds}}."""
    lines = [
        line(model, data, seed, score)
        for model, of_model in scores.items()
        for data, of_data in of_model.items()
        for seed, score in enumerate(of_data)
    ]

    def score_of(each):
        return -np.inf if each.measures is None else each.measures["score"]

    return Comparison(lines, lambda each: each.case["model"], score_of)


SCORES = {
    "ours": {"a": [0.9, 0.7], "b": [0.5, 0.5]},  # second (0.8) and shared first
    "mlp": {"a": [0.8, 0.9], "b": [0.4, 0.6]},
    "svc": {"a": [0.6, 0.6], "b": [0.1, 0.1]},
}


def test_ranks_are_those_of_the_means_of_seeds_within_each_data_set():
    comparison = compare(SCORES)
    np.testing.assert_allclose(comparison.ranks(["ours", "mlp", "svc"]), [1.75, 1.25, 3])
    np.testing.assert_allclose(comparison.ranks(["svc", "ours"]), [2, 1])
    rank = comparison.rank("ours", ["mlp", "svc"])
    assert rank.value == 1.75
    assert (rank.low, rank.high) == (1, 2)  # of seed 0 alone ours is first on both, of seed 1 second
    assert [each.value for each in comparison.ranks_of_all()] == [1.75, 1.25, 3]


def test_differences_to_another_model():
    comparison = compare(SCORES)
    assert comparison.gain("ours", "mlp").value == pytest.approx(-0.025)
    assert comparison.gains_by_data("ours", "mlp") == pytest.approx({"a": -0.05, "b": 0})


def test_failures_are_last_and_incomplete_seeds_left_out():
    comparison = compare({**SCORES, "failed": {"a": [1.0, None, 0.5], "b": [1.0, 1.0]}})
    assert comparison.seeds == [0, 1]
    assert comparison.ranks(comparison.models)[3] == pytest.approx((4 + 1) / 2)
    assert comparison.gain("failed", "mlp") is None
    assert comparison.gains_by_data("failed", "mlp")["a"] == -np.inf


def fit_line(case, score, log_loss=0.5):
    measures = {"score": score, "log_loss": log_loss, "seconds": 2.0, "warnings": []}
    return Line(case, {**measures, "rows": 10, "columns": 3}, None, 1.0, "here")


@pytest.fixture
def report_of_defaults(monkeypatch):
    """The report of made-up accuracies: the first candidate is better than MLP, the defaults are worse."""
    monkeypatch.setattr(defaults, "FINALISTS", defaults.CHANGES[:1])
    better = str({**_ours.CLASSIFIER, **defaults.CHANGES[0]})

    def score(case):
        if case["model"] == "dbn":
            return 0.9 if str(case["settings"]) == better else 0.8
        return {"mlp": 0.85, "logistic": 0.7, "svc": 0.6}.get(case["model"], 0.5)

    cases = [case for case in defaults.cases(False) if case["seed"] < 2]
    return defaults.STUDY.report([fit_line(case, score(case)) for case in cases])


def test_report_finds_the_better_candidate_and_the_distance_to_mlp(report_of_defaults):
    tables = {table.name: table for table in report_of_defaults.tables}
    first = tables["candidates"].rows[0]
    assert first[0].startswith("rate=")
    assert first[4].startswith("10.00 ")
    held_out = {row[0]: row for row in tables["held-out"].rows}
    assert list(held_out) == [
        "the defaults before",
        first[0],
        "MLP",
        "LogisticRegression",
        "SVC",
        "HistGradientBoosting",
    ]
    assert [held_out["the defaults before"][i][:5] for i in (1, 3, 4, 5)] == [
        "2.00 ",
        "2.00 ",
        "-5.00",
        "-5.00",
    ]
    assert (held_out["the defaults before"][2], held_out[first[0]][2], held_out["MLP"][2]) == (2, 1, 1)
    assert len(tables["data"].rows) == len(NAMES)


def test_differences_to_mlp_are_drawn_down_to_a_lowest_one(report_of_defaults):
    pytest.importorskip("matplotlib")
    (axis,) = report_of_defaults.figures["differences"]().axes
    drawn = {points.get_label(): points.get_xdata() for points in axis.get_lines()}
    np.testing.assert_allclose(drawn["the defaults before"], -5)
    np.testing.assert_allclose(drawn["SVC"], -8)  # -25, beyond the lowest that is drawn


@pytest.fixture
def report_of_few_labels():
    """The report of made-up accuracies on the held-out half."""
    given = {"logistic": 0.8, "svc": 0.7, "self-training": 0.5}

    def measures(case):
        score = given.get(case["model"], 0.1)
        if case["model"] == "dbn":
            score = 0.75 if case["settings"]["input_dropout"] == 0.2 else 0.6
        return {"score": 4 * [score], "seconds": 4 * [1.0], "labels": [10, 20, 40, 100]}

    cases = [
        case
        for case in few_labels.cases(False)
        if case["data"] in HELD_OUT and case["model"] != "class-rbm" and case["seed"] < 2
    ]
    return few_labels.STUDY.report([Line(case, measures(case), None, 1.0, "here") for case in cases])


def test_few_labels_rank_ours_and_the_rivals_beside_each_other(report_of_few_labels):
    (table,) = (table for table in report_of_few_labels.tables if table.name == "ranks-held-out")
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    ours = rows["DBN: the defaults now (input_dropout=0.2)"]
    assert (ours["all"][:4], ours["place"], ours["of supervised"][:4]) == ("2.00", "2", "2.00")
    before = rows["DBN: the defaults before"]
    assert (before["5 labels"], before["place"]) == ("3.00", "3")
    # of 0.8, 0.75 (ours), 0.7 and 0.5
    assert [rows[name]["all"][:4] for name in ("LogisticRegression", "SVC")] == ["1.00", "3.00"]


def test_few_labels_are_drawn_ours_as_solid_lines(report_of_few_labels):
    pytest.importorskip("matplotlib")
    axes = report_of_few_labels.figures["accuracy"]().axes
    assert [axis.get_title() for axis in axes] == list(few_labels.DATA["held-out"])
    styles = {line.get_label(): line.get_linestyle() for line in axes[0].get_lines()}
    assert (styles["DBN: the defaults before"], styles["SVC"]) == ("-", ":")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_features_beside_inputs_teach_a_classifier_of_all_rows():
    X, y = load_digits(return_X_y=True)
    X, y = X[:100].astype(np.float32) / 16, np.where(np.arange(100) < 30, y[:100], -1)
    settings = {**_few_labels_models.DBN, "hidden_layer_sizes": [4], "rbm_n_iter": 1}
    case = {"model": "dbn", "settings": {**settings, "head": _few_labels_models.BESIDE_INPUTS}, "seed": 0}
    model, rows = _few_labels_models.make(case, X)(y)
    assert rows == slice(None)
    features = model.fit(X, y)[0].transform(X)
    stack = _stacks.stack_of(settings, X, 0).frozen
    np.testing.assert_array_equal(features, np.hstack([X, stack.transform(X)]))
    assert model[1].n_features_in_ == 64 + 4


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_smoke_grids_run_and_their_reports_have_tables(study, tmp_path):
    results = Results(tmp_path / "results.jsonl", study.protocol)
    cases = study.cases(True)
    _runner.run(study, cases, results, announce=lambda line: None)
    lines = results.of(cases)
    assert len(lines) == len(cases)
    assert not any(each.failure for each in lines)
    assert all(markdown(table) for table in study.report(lines).tables)
    assert study.report(lines).tables
    failed = [each._replace(measures=None, failure="DivergenceError") for each in lines]
    some = [*lines[:-1], failed[-1]]
    for each in (failed, some):
        study.report(each)
