"""The study of fine-tuning, and of gradients in deep networks: data, measures and what reports compute."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from skdbn import DBNClassifier
from skdbn.optimizers import SGD

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("an installed package comes without its benchmarks", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

from studies import fine_tuning, fine_tuning_report, gradients, gradients_report  # noqa: E402
from studies._labelled_sets import NAMES, WITHOUT_FILES, labelled, source_of, stratified_order  # noqa: E402
from studies._networks import N_UPDATES, WIDTH, machines, n_epochs, network, scores, train  # noqa: E402
from studies._optimizers import LABELS  # noqa: E402
from studies._recorder import Recorder, over_windows, windows  # noqa: E402
from studies._results import Line, Results  # noqa: E402
from studies._runner import run  # noqa: E402
from studies._tables import markdown, write  # noqa: E402

# -- data sets with labels -------------------------------------------------------------------------


def test_any_stretch_of_the_order_is_stratified():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    order = stratified_order(y, np.random.default_rng(0))
    assert sorted(order) == list(range(100))
    assert set(y[order[:3]]) == {0, 1, 2}
    for start in (0, 10, 50):
        counts = np.bincount(y[order[start : start + 50]])
        assert np.abs(counts - [30, 15, 5]).max() <= 1


def test_orders_of_two_seeds_differ():
    y = np.repeat([0, 1], 50)
    orders = [stratified_order(y, np.random.default_rng(seed)) for seed in (0, 1)]
    assert set(orders[0][:20]) != set(orders[1][:20])


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_parts_are_disjoint_stratified_and_make_up_the_data(name):
    # columns of the split are those of the data after an increasing scaling, and rows of these sets differ
    split = labelled(name, seed=3)
    parts = [{row.tobytes() for row in X} for X in split[::2]]
    assert len(set.union(*parts)) == sum(map(len, parts)) == sum(map(len, split[::2]))
    n_classes = split.y_train.max() + 1
    shares = [np.bincount(y, minlength=n_classes) / len(y) for y in split[1::2]]
    for y, share in zip(split[1::2], shares, strict=True):
        # one row more or less at each end of a part
        np.testing.assert_allclose(share, shares[0], atol=3 / len(y))
    assert split.X_train.dtype == np.float32


def test_scaling_is_learned_of_the_training_rows_alone():
    split = labelled("wine", seed=0)
    np.testing.assert_allclose(split.X_train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(split.X_train.std(axis=0), 1, rtol=1e-5)
    assert np.abs(split.X_test.mean(axis=0)).max() > 0.05


def test_parts_are_no_larger_than_asked_for():
    split = labelled("digits", None, 0, (100, 30, 50))
    assert [len(y) for y in split[1::2]] == [100, 30, 50]


def test_labels_are_numbers_in_each_part():
    for name in WITHOUT_FILES:
        split = labelled(name)
        assert all(set(y) == set(range(split.y_train.max() + 1)) for y in split[1::2])


def test_there_are_sixteen_sets_and_tasks_on_the_same_rows_are_known():
    assert len(NAMES) >= 16
    assert len(set(map(source_of, NAMES))) >= 13
    assert source_of("newsgroups-w100") == source_of("newsgroups-w1000") == "newsgroups"


# -- networks and what is watched of them ------------------------------------------------------------


def test_trainings_have_about_as_many_updates_whatever_the_number_of_rows():
    batches = {100: 10, 314: 32, 989: 99, 1000: 100, 4469: 102, 6000: 100}  # of 10 rows, of 44 and of 60
    for n_rows, n_batches in batches.items():
        assert n_epochs(n_rows) * n_batches == pytest.approx(N_UPDATES, rel=0.03)


def test_an_epoch_has_the_batches_that_epochs_are_counted_by():
    recorder = Recorder(SGD(), 2)
    split = labelled("digits")
    classifier = network(1, 0, recorder, 0.1).set_params(max_iter=1)
    with pytest.warns(ConvergenceWarning):
        classifier.fit(split.X_train[:314], split.y_train[:314])
    assert len(recorder.gradients_) == 32


def test_lower_machines_of_a_stack_are_lent_to_shallow_networks():
    rbms, _ = machines("wine", 0, 2, "small")
    classifier = network(1, 0, SGD(), 1e-12, rbms=rbms).set_params(max_iter=1)
    split = labelled("wine")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier.fit(split.X_train, split.y_train)
    # small weights: of standard deviation 0.01 in units of the inputs, which are standardised
    assert classifier.coefs_[0].shape == (13, WIDTH)
    assert classifier.coefs_[0].std() == pytest.approx(0.01, rel=0.05)
    np.testing.assert_allclose(classifier.coefs_[0], rbms[0].components_.T, rtol=0.05, atol=1e-3)


def test_lower_machines_are_those_of_a_stack_of_fewer_layers():
    (alone,), _ = machines("wine", 0, 1, "pretrained")
    (lower, _), _ = machines("wine", 0, 2, "pretrained")
    np.testing.assert_array_equal(lower.components_, alone.components_)


def test_scores_are_accuracy_and_log_loss_of_scikit_learn():
    split = labelled("wine")
    classifier = network(1, 0, SGD(), 0.1)
    train(classifier, split.X_train, split.y_train)
    measures = scores(classifier, split)
    assert measures["test_accuracy"] == classifier.score(split.X_test, split.y_test)
    expected = log_loss(split.y_valid, classifier.predict_proba(split.X_valid))
    assert measures["valid_log_loss"] == pytest.approx(expected, rel=1e-3)


def test_the_recorder_notes_root_mean_squares_and_changes_nothing():
    parameters = np.array([[3.0, 4.0]]), np.array([1.0])
    recorder, plain = Recorder(SGD(momentum=0.5), 1), SGD(momentum=0.5)
    state, plain_state = recorder.init(parameters), plain.init(parameters)
    for gradient in (2.0, 1.0):
        update, state = recorder.update((np.full((1, 2), gradient), np.ones(1)), state, 0.1)
        expected, plain_state = plain.update((np.full((1, 2), gradient), np.ones(1)), plain_state, 0.1)
        np.testing.assert_array_equal(update[0], expected[0])
        parameters[0][...] += update[0]
    # velocities 2 and 0.5 * 2 + 1
    np.testing.assert_allclose(recorder.gradients_, [[2.0], [1.0]])
    np.testing.assert_allclose(recorder.updates_, [[0.2], [0.2]])
    np.testing.assert_allclose(recorder.sizes_, [[12.5**0.5], [((2.8**2 + 3.8**2) / 2) ** 0.5]])
    np.testing.assert_allclose(recorder.distances(), [(0.4 * 2**0.5) / 5])


def test_recorded_gradients_are_those_of_back_propagation_by_hand():
    rng = np.random.default_rng(0)
    X, y = rng.random((11, 5)).astype(np.float32), np.arange(11) % 3
    recorder = Recorder(SGD(), 4)
    classifier = DBNClassifier(
        (4,),
        pretrain=False,
        optimizer=recorder,
        learning_rate=0.5,
        alpha=0.0,
        dropout=0.0,
        input_dropout=0.0,
        batch_size=None,
        max_iter=1,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier.fit(X, y)
    W, V, b, c = recorder.first_
    h = expit(X @ W + b)
    error = (softmax(h @ V + c, axis=1) - np.eye(3)[y]) / len(X)
    below = error @ V.T * h * (1 - h)
    # inputs of a layer are centred at their means, in the first batch its own
    gradients = [(X - X.mean(axis=0)).T @ below, (h - h.mean(axis=0)).T @ error, below.sum(0), error.sum(0)]
    expected = np.sqrt([(gradient**2).mean() for gradient in gradients])
    np.testing.assert_allclose(recorder.gradients_[0], expected, rtol=1e-4)
    np.testing.assert_allclose(recorder.updates_[0], 0.5 * expected, rtol=1e-4)
    moved = np.sqrt(((classifier.coefs_[1] - V) ** 2).sum() / (V**2).sum())
    with np.errstate(divide="ignore"):  # biases of the hidden layer begin at 0
        assert recorder.distances()[1] == pytest.approx(moved, rel=1e-4)


def test_windows_cover_all_steps_and_the_first_alone():
    bounds = windows(1000, 4)
    np.testing.assert_array_equal(bounds, [1, 10, 100, 1000])
    means = over_windows(np.arange(1000.0)[:, np.newaxis], bounds)
    np.testing.assert_allclose(np.ravel(means), [0, 5, 54.5, 549.5])


# -- grids and reports -----------------------------------------------------------------------------


def test_rates_of_the_few_are_among_the_many():
    for name, rates in fine_tuning.RATES.items():
        assert set(fine_tuning.COARSE[name]) <= set(rates)


def test_each_number_of_layers_and_of_labels_has_both_starts_at_the_same_rates():
    cases = fine_tuning.cases(False)
    of_start = {
        start: {tuple({**case, "start": ""}.items()) for case in cases if case["start"] == start}
        for start in fine_tuning.STARTS
    }
    assert of_start["glorot"] < of_start["pretrained"]
    for data, labels in fine_tuning.DEEP.items():
        deep = [case for case in cases if case["data"] == data and case["labels"] == labels]
        assert {case["layers"] for case in deep} == set(fine_tuning.LAYERS)


def line_of(optimizer, rate, valid, test, **others):
    """A line of the study of fine-tuning, its log loss twice the share of errors."""
    case = {"seed": 0, "data": "digits", **fine_tuning_report.MAIN, "optimizer": optimizer, "rate": rate}
    measures = {
        "valid_accuracy": valid,
        "test_accuracy": test,
        "valid_log_loss": 2 * (1 - valid),
        "test_log_loss": 2 * (1 - test),
        "loss": 0.1,
        "largest_class": 0.5,
        "seconds": 1.0,
        "seconds_of_stack": 3.0,
        "layers_of_stack": 2,
    }
    return Line({**case, **others}, measures, None, 1.0, "here")


def rows_of(report, name):
    (table,) = (table for table in report.tables if table.name == name)
    return [list(map(str, row)) for row in table.rows]


def test_rates_are_chosen_by_validation_rows_and_all_else_is_of_test_rows():
    lines = [
        line_of(name, rate, valid - worse, test - worse)
        for name, worse in zip(fine_tuning.RATES, (0, 0.01, 0.02, 0.03, 0.04), strict=True)
        for rate, valid, test in ((0.1, 0.9, 0.85), (1.0, 0.88, 0.95), (10.0, 0.8, 0.8))
    ]
    report = fine_tuning_report.report(lines)
    assert rows_of(report, "accuracy")[0][:3] == ["digits", "85.00 (0.1!)", "84.00 (0.1!)"]
    assert rows_of(report, "log_loss")[0][1] == "0.300 (0.1!)"
    ranks = rows_of(report, "accuracy-ranks")
    assert ranks[0] == ["SGD", "1.00 [1.00, 1.00]", "3.00 [3.00, 3.00]", "1"]
    assert ranks[3] == ["RMSProp", "4.00 [4.00, 4.00]", "", ""]
    # half of the decade to 1.0, where 0.02 are lost
    assert rows_of(report, "accuracy-widths")[0][1] == ">= 0.50"
    assert rows_of(report, "seconds")[0] == ["digits", "3.0 (2 layers)", *["1.00"] * 5]


def test_figures_name_the_optimizers():
    pytest.importorskip("matplotlib")
    lines = [line_of(name, 0.1, 0.9, 0.9, data=data) for name in fine_tuning.RATES for data in ("a", "b")]
    lines += [
        line_of(name, 0.1, 0.9, 0.9, start=start, layers=n)
        for name in fine_tuning.RATES
        for start in fine_tuning.STARTS
        for n in (1, 3)
    ]
    figures = fine_tuning_report.report(lines).figures
    assert set(figures) == {"rates", "depth"}
    for draw in figures.values():
        (legend,) = filter(None, (axis.get_legend() for axis in draw().axes))
        assert [text.get_text() for text in legend.get_texts()] == list(LABELS.values())


def test_gains_by_pretraining_compare_the_rates_that_both_had():
    lines = [
        line_of(name, rate, value, value, data=data, start=start, labels=100)
        for name in fine_tuning.RATES
        for data, gain in (("digits", 0.1), ("wine", 0.3))
        for start, rate, value in (
            ("glorot", 1.0, 0.5),
            ("pretrained", 1.0, 0.5 + gain),
            ("pretrained", 0.3, 0.99),  # not tried without pre-training
        )
    ]
    rows = rows_of(fine_tuning_report.report(lines), "labels")
    assert [row[:4] for row in rows] == [
        ["100", "pre-trained", "2", "70.00"],
        ["100", "not", "2", "50.00"],
        ["100", "gain by pre-training", "2", "20.00 [10.00, 30.00]"],
    ]


def test_fine_tunings_that_learn_nothing_are_counted():
    lines = [line_of("sgd", 0.1, 0.5, 0.9), line_of("sgd", 1.0, 0.51, 0.9)]
    lines.append(line_of("sgd", 10.0, 0, 0)._replace(measures=None, failure="DivergenceError"))
    assert rows_of(fine_tuning_report.report(lines), "failures") == [["SGD", "3", "1", "1"]]


def watched_line(optimizer, seed, update, valid=0.9):
    """A line of the study of gradients, of two hidden layers."""
    case = {"seed": seed, "data": "digits", "hidden": "relu", "start": "small", "optimizer": optimizer}
    measures = {
        "valid_accuracy": valid,
        "test_accuracy": 0.8,
        "loss": 0.1,
        "distance": [0.1, 0.2, 0.4],
        "steps": [1, 2],
        "gradient": [[1e-4, 1e-2, 1.0]] * 2,
        "update": update,
    }
    return Line({**case, "rate": 0.1}, measures, None, 1.0, "here")


def test_lowest_layer_against_outputs_is_a_geometric_mean():
    lines = [
        watched_line("sgd", 0, [[1.0, 5.0, 10.0], [1.0, 5.0, 1.0]]),
        watched_line("sgd", 1, [[1.0, 5.0, 1.0], [1.0, 5.0, 1000.0]]),
    ]
    # ratios 0.1, 1, 1 and 0.001
    assert gradients_report.lowest_over_outputs(lines, "update") == pytest.approx(0.1)
    rows = rows_of(gradients_report.report(lines), "moving")
    assert rows == [["digits", "ReLU", "small", "0.0001; 0.1", *["failed"] * 4]]
    assert rows_of(gradients_report.report(lines), "distance")[0][3] == "0.1, 0.2, 0.4"


@pytest.mark.parametrize("study", [fine_tuning.STUDY, gradients.STUDY], ids=lambda study: study.name)
def test_a_smoke_run_measures_all_cases_and_draws(study, tmp_path):
    pytest.importorskip("matplotlib")
    cases = study.cases(True)[:6]
    results = Results(tmp_path / "results.jsonl", study.protocol)
    run(study, cases, results, announce=lambda line: None)
    lines = results.of(cases)
    assert len(lines) == len(cases)
    assert all(line.measures["test_accuracy"] > 0 for line in lines)
    write(study, study.report(lines), results, cases, tmp_path)
    assert (tmp_path / f"{study.name}.md").exists()


@pytest.mark.parametrize("study", [fine_tuning.STUDY, gradients.STUDY], ids=lambda study: study.name)
@pytest.mark.parametrize("fails", [lambda case: True, lambda case: case["data"] == "mnist"])
def test_reports_where_trainings_failed(study, fails):
    measures = {
        **line_of("sgd", 1.0, 0.9, 0.9).measures,
        **watched_line("sgd", 0, [[1.0] * 3] * 2).measures,
    }
    lines = [
        Line(case, None if fails(case) else measures, "DivergenceError" if fails(case) else None, 1.0, "")
        for case in study.cases(False)
        if case["seed"] == 0
    ]
    for table in study.report(lines).tables:
        markdown(table)
