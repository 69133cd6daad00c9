"""The studies in `benchmarks/studies`: their runner and what is computed of results, not what they find."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from skdbn import RBMTransformer
from skdbn.exceptions import DivergenceError

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("an installed package comes without its benchmarks", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

from studies import (  # noqa: E402
    _findings,
    _registry,
    _runner,
    noise,
    pretraining,
    pretraining_report,
    rmsprop,
)
from studies._likelihood import independent_columns, log_likelihoods, log_partition  # noqa: E402
from studies._lines import Rates, where  # noqa: E402
from studies._results import Line, OtherProtocolError, Results  # noqa: E402
from studies._sets import load  # noqa: E402
from studies._statistics import bootstrap, first_at, good_width, mean_ranks  # noqa: E402
from studies._study import Study, grid, key_of  # noqa: E402
from studies._tables import Table, as_csv, markdown, spread  # noqa: E402

# -- runner ----------------------------------------------------------------------------------------


class Counting:
    """A study whose cases are numbers; it notes which of them it measured."""

    def __init__(self, monkeypatch, protocol=1):
        self.measured = []
        self.study = Study(
            "counting", "", protocol, lambda smoke: [], self._measure, lambda case: 1.0, lambda lines: None
        )
        monkeypatch.setitem(_registry.STUDIES, "counting", self.study)

    def _measure(self, case, folder):
        self.measured.append(case["x"])
        if case["x"] < 0:
            raise DivergenceError("weights too large")
        return {"root": case["x"] ** 0.5 if case["x"] < 100 else np.inf}

    def run(self, cases, file):
        results = Results(file, self.study.protocol)
        _runner.run(self.study, cases, results, announce=lambda line: None)
        return results


@pytest.fixture
def counting(monkeypatch):
    return Counting(monkeypatch)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "results" / "counting.jsonl"


def test_cases_that_have_a_result_are_not_measured_again(counting, file):
    counting.run(grid(x=(1, 4)), file)
    results = counting.run(grid(x=(9, 4, 1, 16)), file)  # a grid that has grown, in another order
    assert counting.measured == [1, 4, 9, 16]
    assert [line.measures["root"] for line in results.of(grid(x=(16, 1)))] == [4.0, 1.0]


def test_a_case_is_known_by_its_content():
    assert key_of({"a": 1, "b": 0.1}) == key_of({"b": 0.1, "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})


def test_a_line_that_was_cut_off_is_measured_again(counting, file):
    counting.run(grid(x=(1, 4, 9)), file)
    file.write_text(file.read_text()[:-20])
    results = counting.run(grid(x=(1, 4, 9)), file)
    assert counting.measured == [1, 4, 9, 9]
    assert len(results.of(grid(x=(1, 4, 9)))) == 3
    assert all(json.loads(line) for line in file.read_text().splitlines())


def test_what_was_measured_before_a_crash_is_kept(counting, file):
    with pytest.raises(TypeError):
        counting.run(grid(x=(1, "no number", 4)), file)
    assert not Results(file, 1).missing(grid(x=(1,)))
    assert Results(file, 1).missing(grid(x=(1, 4))) == [{"x": 4}]


def test_failures_of_the_training_are_results(counting, file):
    counting.run(grid(x=(-1, 100, 4)), file)
    diverged, not_finite, good = Results(file, 1).of(grid(x=(-1, 100, 4)))
    assert (diverged.failure, diverged.measures) == ("DivergenceError: weights too large", None)
    assert (not_finite.failure, not_finite.measures) == ("root is inf", None)
    assert (good.failure, good.measures) == (None, {"root": 2.0})
    counting.run(grid(x=(-1, 100, 4)), file)
    assert len(counting.measured) == 3


def test_results_of_another_protocol_are_refused(counting, file, monkeypatch):
    counting.run(grid(x=(1,)), file)
    with pytest.raises(OtherProtocolError, match="protocol 1, but the study is at protocol 2"):
        Counting(monkeypatch, protocol=2).run(grid(x=(1,)), file)


def test_results_name_the_versions_that_made_them(counting, file):
    counting.run(grid(x=(1,)), file)
    results = counting.run(grid(x=(4,)), file)
    assert [list(results.environments)] * 2 == [[line.environment] for line in results.lines.values()]
    assert {"skdbn", "numpy", "python"} <= set(*map(set, results.environments.values()))


@pytest.mark.slow
def test_two_processes_measure_what_one_does(tmp_path):
    cases = [case for case in pretraining.cases(smoke=True) if case["optimizer"] == "rmsprop"][:4]
    measured = []
    for jobs in (1, 2):
        results = Results(tmp_path / f"{jobs}.jsonl", 1)
        _runner.run(pretraining.STUDY, cases, results, jobs=jobs, announce=lambda line: None)
        measured.append([line.measures["test"] for line in results.of(cases)])
    assert len(measured[0]) == 4
    np.testing.assert_array_equal(*measured)


@pytest.mark.slow
@pytest.mark.parametrize("study", [rmsprop.STUDY, pretraining.STUDY], ids=lambda study: study.name)
def test_reports_of_whole_grids_and_of_failures_only(study):
    cases = [case for case in study.cases(False) if case["seed"] < 2]
    curve = {"epochs": [10, 20], "seconds": [1.0, 2.0], "independent": -20.0}
    measures = {name: [-18.0, -17.0] for name in ("train", "valid", "test")} | curve
    lines = [Line(case, measures, None, 1.0, "here") for case in cases]
    assert all(table.rows for table in study.report(lines).tables)
    failed = [line._replace(measures=None, failure="DivergenceError") for line in lines]
    some = [
        bad if line.case["data"] == "mushrooms" else line for line, bad in zip(lines, failed, strict=True)
    ]
    for each in (some, failed):
        for table in study.report(each).tables:
            markdown(table)


@pytest.mark.parametrize("study", _registry.STUDIES.values(), ids=lambda study: study.name)
def test_grids_have_each_case_once_and_say_what_it_takes(study):
    for smoke in (False, True):
        cases = study.cases(smoke)
        assert len({key_of(case) for case in cases}) == len(cases) > 0
        assert all(study.seconds(case) > 0 for case in cases)
    study.report([])  # nothing measured yet


# -- what is computed ------------------------------------------------------------------------------


def test_width_of_the_good_rates_by_straight_lines():
    # 1 below the best at half of the way from 0.01 to 0.1 and a quarter of that from 1 to 10.
    width = good_width([0.01, 0.1, 1, 10], [-12, -10, -10, -14], tolerance=1)
    assert width.decades == pytest.approx(0.5 + 1 + 0.25)
    assert not width.open


def test_width_is_open_where_it_reaches_an_end_of_the_grid():
    width = good_width([0.1, 1, 10], [-10.5, -10, -12], tolerance=1)
    assert width.decades == pytest.approx(1.5)
    assert width.open


def test_nothing_next_to_a_failure_is_good():
    width = good_width([0.1, 1, 10, 100], [-11, -10, -np.inf, -10], tolerance=1)
    assert width.decades == pytest.approx(1)
    assert good_width([0.1, 1], [-np.inf, -np.inf], tolerance=1) == (0, False)


def test_position_where_a_target_is_reached():
    assert first_at([1, 2, 5], [-30, -20, -14], -17) == pytest.approx(3.5)
    assert first_at([1, 2, 5], [-30, -20, -14], -40) == 1
    assert first_at([1, 2, 5], [-30, -20, -14], -13) is None


def test_bootstrap_interval_of_a_mean():
    values = np.random.default_rng(1).normal(3, 2, 100)
    interval = bootstrap(lambda seeds: values[seeds].mean(), range(100))
    assert interval.value == values.mean()
    half = 1.96 * values.std() / 10
    np.testing.assert_allclose(
        (interval.low, interval.high), values.mean() + [-half, half], atol=0.1 * half
    )


def test_bootstrap_over_data_sets_too_is_wider():
    values = np.random.default_rng(1).normal([[0], [2], [4]], 1, (3, 20))

    def mean(seeds, data=(0, 1, 2)):
        return values[np.ix_(data, seeds)].mean()

    narrow, wide = bootstrap(mean, range(20)), bootstrap(mean, range(20), range(3))
    assert narrow.value == wide.value
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_mean_ranks_share_ties():
    np.testing.assert_allclose(mean_ranks([[3, 1, 2], [5, 5, 1]]), [1.25, 2.25, 2.5])


def line(rate, seed, valid):
    return Line({"rate": rate, "seed": seed}, {"valid": [valid]}, None, 1.0, "here")


def test_the_best_rate_is_that_of_the_highest_mean_over_complete_seeds():
    lines = [line(0.1, 0, -5), line(1.0, 0, -3), line(0.1, 1, -5), line(1.0, 1, -9), line(1.0, 2, 0)]
    rates = Rates(lines, lambda each: each.measures["valid"][-1])
    assert rates.seeds == [0, 1]  # seed 2 lacks a rate
    np.testing.assert_array_equal(rates.means(), [-5, -6])
    assert (rates.best(), rates.best([0])) == (0.1, 1.0)
    assert rates.at_best() == where(lines, rate=0.1)


def training(rate, seed, valid, test, *, optimizer="sgd", failure=None):
    """A line of the study of pre-training."""
    case = {"seed": seed, "data": "digits", "schedule": "linear", **pretraining_report.MAIN}
    measures = {
        "epochs": [10, 20],
        "valid": [-20.0, valid],
        "test": [-20.0, test],
        "seconds": [1.0, 2.0],
        "independent": -25.0,
    }
    case = {**case, "optimizer": optimizer, "rate": rate}
    return Line(case, None if failure else measures, failure, 1.0, "here")


def tables_of(lines):
    return {table.name: dict(enumerate(table.rows)) for table in pretraining_report.report(lines).tables}


def test_rates_are_chosen_by_validation_rows_and_reported_on_test_rows():
    lines = [
        training(rate, seed, valid, test)
        for rate, valid, test in ((0.1, -12, -14), (1.0, -10, -16), (10.0, -13, -9))
        for seed in (0, 1)
    ]
    tables = tables_of(lines)
    assert tables["likelihood"][0][2] == "-16.00 ± 0.00 (1)"
    # the target is 95 % of the way from -25 to -10, -10.75, which 20 epochs and 2 seconds nearly reach
    assert tables["way"][0][2:4] == ("-10.75", "19.2, 1.93 s")
    assert tables["width"][0][2] == "0.83 [0.83, 0.83]"  # 1/2 and 1/3 of a decade


def test_failures_are_counted_by_kind():
    lines = [
        training(0.1, 0, -12, -12),
        training(1.0, 0, -30, -30),  # worse than -25
        training(10.0, 0, 0, 0, failure="DivergenceError: too large"),
    ]
    assert tables_of(lines)["failures"][0] == ("SGD", 3, 1, 1)


def test_tables_are_written_as_markdown_and_as_csv():
    table = Table("name", "Title", ("a", "b"), [("x", 1), ("y, z", 2)], "A note.")
    assert markdown(table).splitlines()[2:5] == ["A note.", "", "| a | b |"]
    assert as_csv(table) == 'a,b\nx,1\n"y, z",2\n'
    assert spread([1.0, 2.0, 3.0]) == "2.00 ± 1.00"


CELL = _findings.Cell("study-table", ("nltcs", "linear"), "RMSProp")


@pytest.fixture
def one_finding(tmp_path, monkeypatch):
    finding = _findings.Finding("Which rate?", "It is {}.", (CELL,))
    monkeypatch.setattr(_findings, "FINDINGS", (finding,))
    return tmp_path


def test_findings_are_read_from_the_tables(one_finding):
    rows = [("mnist", "linear", 1, 2), ("nltcs", "constant", 3, 4), ("nltcs", "linear", 5, "6, or 7")]
    table = Table("table", "", ("data", "schedule", "SGD", "RMSProp"), rows)
    (one_finding / "study-table.csv").write_text(as_csv(table))
    _findings.write(one_finding)
    found = 'question,what was found\nWhich rate?,"It is 6, or 7."\n'
    assert (one_finding / "findings.csv").read_text() == found
    assert (one_finding / "findings.md").read_text().splitlines()[2] == "| Which rate? | It is 6, or 7. |"


def test_findings_need_their_tables_and_one_row_each(one_finding):
    with pytest.raises(LookupError, match="has no study-table"):
        _findings.look_up(one_finding, CELL)
    table = Table("table", "", ("data", "schedule", "RMSProp"), 2 * [("nltcs", "linear", 5)])
    (one_finding / "study-table.csv").write_text(as_csv(table))
    with pytest.raises(LookupError, match="has 2 rows that begin with"):
        _findings.look_up(one_finding, CELL)
    _findings.write(one_finding)
    assert not (one_finding / "findings.md").exists()


def test_the_readme_has_the_findings_as_the_results_give_them():
    readme = BENCHMARKS.parent / "README.md"
    folder = BENCHMARKS / "results" / "studies"
    assert (folder / "findings.md").read_text(encoding="utf-8") in readme.read_text(encoding="utf-8")
    for finding in _findings.FINDINGS:
        assert _findings.answer_of(folder, finding) in readme.read_text(encoding="utf-8")


# -- likelihoods and gradients -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits_rbm():
    return RBMTransformer(7, n_iter=3, learning_rate=0.3, random_state=0).fit(load("digits").train)


def test_fast_log_partition_is_that_of_the_package(digits_rbm):
    assert log_partition(digits_rbm) == pytest.approx(digits_rbm.log_partition("exact").value, abs=1e-4)
    digits_rbm_likelihood = digits_rbm.score_samples(load("digits").test, digits_rbm.log_partition("exact"))
    assert log_likelihoods(digits_rbm, load("digits").test) == [
        pytest.approx(digits_rbm_likelihood.mean(), abs=1e-4)
    ]


def test_likelihood_of_independent_columns():
    train, rows = np.array([[1, 0], [1, 1]], np.float32), np.array([[1, 1], [0, 0]], np.float32)
    # frequencies (count + 1) / (rows + 2): 3/4 and 1/2
    expected = np.mean([np.log(3 / 4 * 1 / 2), np.log(1 / 4 * 1 / 2)])
    assert independent_columns(train, rows) == pytest.approx(expected)


def test_exact_gradient_is_the_slope_of_the_likelihood(digits_rbm):
    X, step = load("digits").train[:100], 1e-2
    gradient = noise.exact_gradient(digits_rbm, X)
    for array, position, index in (
        (digits_rbm.components_, (2, 20), 2 * 64 + 20),
        (digits_rbm.intercept_visible_, 20, 7 * 64 + 20),
        (digits_rbm.intercept_hidden_, 3, 8 * 64 + 3),
    ):
        kept, values = array[position], []
        for sign in (-1, 1):
            array[position] = kept + sign * step
            values.append(-log_likelihoods(digits_rbm, X)[0])
        array[position] = kept
        assert gradient[index] == pytest.approx(np.diff(values)[0] / (2 * step), abs=2e-3)


def test_recorded_gradients_of_persistent_chains_are_the_exact_one_on_average():
    X, rng = load("digits").train, np.random.default_rng(0)
    rbm = RBMTransformer(5, visible="bernoulli", n_iter=1, random_state=0, alpha=0.0).fit(X)
    weights, exact = rbm.components_.copy(), noise.exact_gradient(rbm, X)
    noise.drawn_gradients(rbm, X, 10, 300, rng)  # chains come to the parameters
    gradients = noise.drawn_gradients(rbm, X, 50, 1000, rng)
    np.testing.assert_array_equal(rbm.components_, weights)
    assert gradients.shape == (1000, len(exact))
    # consecutive states of the chains are alike: an allowance of 3 for the variance of the mean
    allowed = 4 * np.sqrt(3 * gradients.var(axis=0) / len(gradients)) + 1e-3
    assert (np.abs(gradients.mean(axis=0) - exact) < allowed).mean() > 0.99
