"""What happens at the edges of what methods take; the page of edge cases is made of the same structure."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from edge_cases import SECTIONS
from edge_cases.subjects import ESTIMATORS, LABELS, NUMBERS, Method, X, fitted, new

import skdbn

PAGE = Path(__file__).parents[1] / "doc" / "edge_cases.rst"
CASES = [case for cases in SECTIONS.values() for case in cases]

# They take no data: `get_params(deep)` is scikit-learn's own, the others are made by it.
WITHOUT_EDGES = re.compile(r"get_params|get_metadata_routing|set_\w+_request")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.given)
def test_what_happens_is_what_the_page_says(case):
    for method in map(Method, case.methods):
        case.outcome.check(lambda method=method: case.call(method), method)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_public_method_has_edge_cases(estimator):
    members = inspect.getmembers(getattr(skdbn, estimator), inspect.isroutine)
    public = {name for name, _ in members if not name.startswith("_") and not WITHOUT_EDGES.fullmatch(name)}
    covered = {path for case in CASES for path in case.methods}
    assert {name for name in public if f"{estimator}.{name}" not in covered} == set()


def test_the_page_has_a_table_of_each_section():
    tables = re.findall(r"^\.\. edge-cases:: (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert tables == ["groups", *SECTIONS]


# -- defects that these tables brought to light ----------------------------------------------------

SHORT = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_entries_under_a_mask_are_not_taken_for_data():
    with pytest.raises(ValueError, match=r"masks are not heeded"):
        fitted("RBMTransformer").impute(np.ma.masked_array(X, X > 0.5))


@pytest.mark.parametrize("estimator", ["RBMClassifier", "DBNClassifier", "DBNRegressor"])
def test_score_without_targets_says_what_is_missing(estimator):
    with pytest.raises(ValueError, match=r"y has to have a target for each row to score; got None"):
        fitted(estimator).score(X, None)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
@pytest.mark.parametrize("estimator", ["RBMClassifier", "DBNClassifier", "DBNRegressor"])
def test_score_refuses_the_weights_that_fit_refuses(estimator, weight):
    weights = np.where(np.arange(len(X)) == 3, weight, 1.0)
    y = NUMBERS if estimator == "DBNRegressor" else LABELS
    with pytest.raises(ValueError, match="sample_weight") as of_score:
        fitted(estimator).score(X, y, weights)
    with pytest.raises(ValueError, match="sample_weight") as of_fit:
        new(estimator).fit(X, y, weights)
    assert str(of_score.value) == str(of_fit.value)


@pytest.mark.parametrize("log_z", [np.nan, np.inf, [1.0], "3"])
def test_log_z_that_is_no_number_does_not_leave_as_nan(log_z):
    for name in ("RBMTransformer", "DBNTransformer"):
        with pytest.raises(ValueError, match=r"log_partition must be .* or a finite number"):
            fitted(name).score_samples(X, log_z)


@SHORT
def test_rows_of_a_class_of_weight_0_count_for_nothing_in_batches_of_their_own():
    weights = {0: 0.0, 1: 1.0, 2: 3.0}
    for name in ("RBMClassifier", "DBNClassifier"):
        model = new(name, class_weight=weights, batch_size=1, max_iter=2).fit(X, LABELS)
        assert np.isfinite(model.loss_curve_).all()
        assert model.predict_proba(X[LABELS > 0])[:, 0].max() < 0.5


@SHORT
def test_targets_far_from_those_of_the_first_chunk_leave_no_infinite_loss():
    model = fitted("DBNRegressor")
    before = model.loss_curve_
    with pytest.raises(ValueError, match=r"too far from the targets that the training began with"):
        model.partial_fit(X, 1e300 * NUMBERS)
    assert model.loss_curve_ == before
    assert np.isfinite(model.partial_fit(X, 1e6 * NUMBERS).loss_curve_).all()


def test_no_file_that_is_open_is_read_as_a_checkpoint(tmp_path):
    with open(tmp_path / "open.txt", "w+") as file:
        with pytest.raises(TypeError, match="must be a string or path-like"):
            new("RBMTransformer").fit(X, resume_from=file.fileno())
        assert file.write("still open") == 10


@SHORT
def test_weights_of_validation_rows_that_are_not_there_are_refused():
    for name, y in (("DBNTransformer", ()), ("DBNClassifier", (LABELS,)), ("RBMClassifier", (LABELS,))):
        with pytest.raises(ValueError, match="sample_weight_val has the weights of X_val"):
            new(name).fit(X, *y, sample_weight_val=np.ones(len(X)))


def test_a_missing_label_is_called_missing_and_not_another_type():
    y = np.array(["a", "b", np.nan] * 4, dtype=object)
    with pytest.raises(ValueError, match=r"y has no label \(None or NaN\) in 4 of 12 rows"):
        new("DBNClassifier").fit(X, y)
    with pytest.raises(ValueError, match=r"y has no label \(None or NaN\) in 4 of 12 rows"):
        fitted("RBMClassifier").score(X, y)
