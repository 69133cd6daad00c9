"""ONNX models predict what the estimators predict, in whatever runtime there is."""

import copy
import sys
from functools import cache

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.onnx import register_converters, to_onnx
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax, Unit

onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
N_ROWS, N_FEATURES = 60, 6
X = RNG.random((N_ROWS, N_FEATURES))
RAW = X * [1, 10, 100, 1, 0.1, 5] + [0, 300, -20, 5, 1, 0]  # for Gaussian inputs, as they come
CODES = np.hstack([np.eye(2)[RNG.integers(2, size=N_ROWS)] for _ in range(3)])
COUNTS = np.round(5 * X)
Y = (X[:, 0] > 0.5).astype(int) + (X[:, 1] > 0.5)
TEXT = np.array(["low", "middle", "hoch ä"])[Y]
INDICATORS = (X[:, :3] > 0.5).astype(int)
VALUES = 1000 + 50 * (X[:, 0] - X[:, 1])
MIXED = [("gaussian", [0, 3]), ("bernoulli", [1, 2]), ("softmax", [[4, 5]])]
MIXED_ROWS = np.c_[RAW[:, 0], X[:, 1:3], RAW[:, 3], CODES[:, :2]]
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}


def rbm(**parameters):
    return RBMTransformer(5, n_iter=2, random_state=0, **parameters)


def dbn(cls=DBNClassifier, sizes=(5, 4), **parameters):
    return cls(sizes, rbm=RBMTransformer(n_iter=2), max_iter=3, random_state=0, **parameters)


def class_rbm(**parameters):
    return RBMClassifier(5, max_iter=3, random_state=0, **parameters)


MIXED_HIDDEN = Mixed([("bernoulli", [0, 2]), (Softmax(), [3, 1, 4])])
# Name: (estimator, rows, targets)
MODELS = {
    "machine": (rbm(), X, None),
    "machine, raw": (rbm(visible="gaussian"), RAW, None),
    "machine, learned scales": (rbm(visible=Gaussian(scale="learned")), RAW, None),
    "machine, bytes": (rbm(visible=Bernoulli(scale=255)), np.round(255 * X), None),
    "machine, counts": (rbm(visible="relu"), COUNTS, None),
    "machine, categories": (rbm(visible=Softmax(groups=2)), CODES, None),
    "machine, mixed": (rbm(visible=MIXED), MIXED_ROWS, None),
    "gaussian hidden": (rbm(visible="bernoulli", hidden="gaussian"), X, None),
    "relu hidden": (rbm(hidden="relu"), X, None),
    "softmax hidden": (rbm(hidden="softmax"), X, None),
    "groups hidden": (rbm(hidden=Softmax(groups=[[0, 3], [4, 1, 2]])), X, None),
    "equal groups hidden": (rbm(hidden=Softmax(groups=2)).set_params(n_components=6), X, None),
    "mixed hidden": (rbm(hidden=MIXED_HIDDEN), X, None),
    "stack": (dbn(DBNTransformer), X, None),
    "stack, mixed": (dbn(DBNTransformer).set_params(rbm=[rbm(visible=MIXED), rbm()]), MIXED_ROWS, None),
    "autoencoder": (dbn(DBNTransformer, fine_tuning="reconstruction", linear_code=True), X, None),
    "int classes": (dbn(), X, 10 * Y - 7),
    "text classes": (dbn(), X, TEXT),
    "object classes": (dbn(), X, TEXT.astype(object)),
    "bool classes": (dbn(), X, Y > 0),
    "float classes": (dbn(), X, 10.0 * Y),
    "several labels": (dbn(), X, INDICATORS),
    "raw classes": (dbn(), RAW, Y),
    "relu layers": (dbn().set_params(rbm__hidden="relu"), X, Y),
    "no pre-training": (dbn(pretrain=False), RAW, TEXT),
    "up-down": (dbn(fine_tuning="up-down"), X, TEXT),
    "up-down, one layer": (dbn(sizes=(5,), fine_tuning="up-down"), RAW, Y),
    "one value": (dbn(DBNRegressor), X, VALUES),
    "several values": (dbn(DBNRegressor), RAW, np.c_[VALUES, -VALUES, X[:, 2]]),
    "class machine": (class_rbm(), X, TEXT),
    "class machine, raw": (class_rbm(), RAW, Y),
    "class machine, mixed": (class_rbm(visible=MIXED), MIXED_ROWS, Y),
    "class machine, gaussian hidden": (class_rbm(hidden="gaussian"), X, Y),
    "class machine, relu hidden": (class_rbm(hidden="relu"), X, Y),
    "class machine, groups hidden": (class_rbm(hidden=Softmax(groups=[[0, 3], [4, 1, 2]])), X, Y),
    "class machine, mixed hidden": (class_rbm(hidden=MIXED_HIDDEN), X, Y),
}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


@cache
def fitted(name):
    """Return the estimator, with weights so large that no unit type is nearly linear, and the rows."""
    model, rows, targets = MODELS[name]
    return enlarged(clone(model).fit(rows, targets)), rows


def enlarged(model, factor=5):
    if hasattr(model, "_fitted_range") and hasattr(model, "coefs_"):
        model.coefs_ = [model.coefs_[0], *(factor * weights for weights in model.coefs_[1:])]
    if hasattr(model, "label_components_"):
        model.label_components_ = factor * model.label_components_
    return model


def run_reference(model, rows):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(model).run(None, {"X": rows})


def run_onnxruntime(model, rows):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": rows})


each_runtime = pytest.mark.parametrize(
    "run", [run_reference, run_onnxruntime], ids=["reference", "onnxruntime"]
)


def assert_equal_up_to_rounding(found, wanted, dtype):
    assert found.shape == wanted.shape
    scale = max(1, np.abs(wanted).max())
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=0, atol=TOLERANCE[dtype])


def assert_outputs_agree(outputs, model, rows, dtype):
    if hasattr(model, "predict_proba"):
        label, probabilities = outputs
        wanted = model.predict(rows)
        assert label.tolist() == wanted.tolist()
        assert label.shape == wanted.shape
        assert_equal_up_to_rounding(probabilities, model.predict_proba(rows), dtype)
        assert probabilities.dtype == dtype
    else:
        (variable,) = outputs
        assert variable.dtype == dtype
        answer = model.predict if hasattr(model, "predict") else model.transform
        assert_equal_up_to_rounding(variable, answer(rows), dtype)


@each_dtype
@each_runtime
@pytest.mark.parametrize("name", MODELS)
def test_a_model_gives_what_the_estimator_gives(name, run, dtype):
    model, rows = fitted(name)
    # The rows as the model gets them: what is lost in rounding them is not its error.
    rows = rows.astype(dtype)
    made = to_onnx(model, dtype=dtype)
    assert_outputs_agree(run(made, rows), model, rows.astype(np.float64), dtype)


@each_dtype
def test_label_types_are_those_of_the_classes(dtype):
    types = {
        "int classes": 7,
        "text classes": 8,
        "object classes": 8,
        "bool classes": 9,
        "float classes": 11,
    }
    for name, number in types.items():
        model = to_onnx(fitted(name)[0], dtype=dtype)
        assert model.graph.output[0].type.tensor_type.elem_type == number


def test_a_model_says_what_it_takes_and_gives():
    model = to_onnx(fitted("several values")[0])
    assert [each.name for each in model.graph.input] == ["X"]
    assert [each.name for each in model.graph.output] == ["variable"]
    shapes = [
        [dimension.dim_param or dimension.dim_value for dimension in each.type.tensor_type.shape.dim]
        for each in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [["N", N_FEATURES], ["N", 3]]
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    assert model.producer_name == "skdbn"


@each_runtime
@pytest.mark.parametrize("n_rows", [1, 7])
def test_any_number_of_rows_will_do(run, n_rows):
    for name in ("text classes", "class machine", "groups hidden", "one value"):
        model, rows = fitted(name)
        rows = rows[:n_rows].astype(np.float32)
        assert_outputs_agree(run(to_onnx(model), rows), model, rows.astype(np.float64), np.float32)


@pytest.mark.parametrize("opset", [13, 15, 18, 21])
@pytest.mark.parametrize("name", ["text classes", "several labels", "one value", "mixed hidden"])
@each_runtime
def test_older_and_newer_operators_agree(run, name, opset):
    model, rows = fitted(name)
    made = to_onnx(model, opset=opset)
    assert made.opset_import[0].version == opset
    rows = rows.astype(np.float32)
    assert_outputs_agree(run(made, rows), model, rows.astype(np.float64), np.float32)


@cache
def fitted_to_digits(cls, *arguments):
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32).astype(np.float64)
    model = cls(*arguments, max_iter=4, random_state=0)
    if cls is DBNClassifier:
        model.set_params(rbm=RBMTransformer(n_iter=2))
    model.fit(X[:1000], y[:1000])
    assert model.score(X[1000:], y[1000:]) > 0.8
    return model, X[1000:1400]


@each_runtime
@pytest.mark.parametrize("arguments", [(DBNClassifier, (256, 256)), (RBMClassifier, 500)])
def test_float32_is_within_a_millionth_of_probabilities_of_digits(run, arguments):
    model, rows = fitted_to_digits(*arguments)
    assert_outputs_agree(run(to_onnx(model), rows.astype(np.float32)), model, rows, np.float32)


# -- units ----------------------------------------------------------------------------------------

FIELDS = np.concatenate([np.linspace(-60, 60, 481), [0.0, 1e-7, -1e-7]])


def of_units(unit, what, fields, dtype):
    """Return what nodes make of fields, which have units along their last axis."""
    from skdbn.onnx import _graph, _model, _units

    graph = _graph.Graph(dtype)
    result = getattr(_units, what)(unit, graph, "X", fields.shape[-1])
    graph.add("Identity", result, output="result")
    info = onnx.helper.make_tensor_value_info
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [onnx.helper.make_node(n.operator, n.inputs, n.outputs, **n.attributes) for n in graph.nodes]
    constants = [onnx.numpy_helper.from_array(a, name) for name, a in graph.constants.items()]
    made = onnx.helper.make_graph(
        nodes, "units", [info("X", kind, None)], [info("result", kind, None)], constants
    )
    opsets = [onnx.helper.make_opsetid("", _model.SMALLEST_OPSET)]
    return run_reference(onnx.helper.make_model(made, opset_imports=opsets), fields.astype(dtype))[0]


UNITS = [
    *(
        Bernoulli(),
        Gaussian(),
        ReLU(),
        Softmax(groups=97),
        Softmax(groups=[[5, *range(7, 485)], [*range(5), 6]]),
    ),
    Mixed(
        [
            ("relu", [*range(1, 485, 2)]),
            ("bernoulli", [*range(0, 242, 2)]),
            ("gaussian", [*range(242, 485, 2)]),
        ]
    ),
]


@each_dtype
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: type(unit).__name__)
def test_means_agree_over_all_fields(unit, dtype):
    fields = np.append(FIELDS, 3.0)[np.newaxis].astype(dtype).astype(np.float64)
    wanted = unit.mean(fields)
    found = of_units(unit, "mean", fields, dtype)
    assert found.dtype == dtype
    tolerance = {np.float32: 2e-7, np.float64: 1e-14}[dtype]
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@each_dtype
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: type(unit).__name__)
def test_log_partitions_agree_up_to_a_constant(unit, dtype):
    fields = np.append(FIELDS, 3.0) + np.linspace(-1, 1, 11)[:, np.newaxis]
    fields = fields.astype(dtype).astype(np.float64)
    wanted = unit.total_log_partition(fields)
    found = of_units(unit, "log_partition", fields[np.newaxis], dtype)[0]
    scale = np.abs(wanted).max()
    tolerance = {np.float32: 2e-6, np.float64: 1e-14}[dtype]
    np.testing.assert_allclose((found - found[0]) / scale, (wanted - wanted[0]) / scale, atol=tolerance)
    assert np.ptp(wanted) > 1


def test_no_bit_of_the_ripple_of_relu_means_is_lost_in_float64():
    # 3e-8 at a quarter: far above the rounding of float64.
    fields = np.arange(0.25, 10, 0.5)[np.newaxis]
    ripple = of_units(ReLU(), "mean", fields, np.float64) - ReLU().mean(fields)
    assert np.abs(ripple).max() < 5e-15


def test_no_operator_is_used_of_which_onnxruntime_has_no_double():
    # "Cos" in double is in none of onnxruntime 1.18 to 1.23.
    model = to_onnx(fitted("class machine, relu hidden")[0], dtype=np.float64)
    operators = {node.op_type for node in model.graph.node}
    assert "Sin" in operators
    assert "Cos" not in operators


# -- what cannot be -------------------------------------------------------------------------------


class Custom(Bernoulli):
    """A type of units that is known by what it derives from."""


class Unknown(Unit):
    base_energy = log_partition = variance = sample_from_mean = bias_from_mean = None

    def mean(self, field, out=None):
        return field


def test_units_derived_from_known_ones_are_known():
    model, rows = copy.copy(fitted("int classes")[0]), X
    model._units = [Custom(), Custom()]
    assert_outputs_agree(run_reference(to_onnx(model), rows.astype(np.float32)), model, rows, np.float32)


def test_unknown_units_are_refused():
    model = copy.copy(fitted("int classes")[0])
    model._units = [Unknown(), Bernoulli()]
    with pytest.raises(TypeError, match="no operators for units of the type Unknown"):
        to_onnx(model)


def test_other_estimators_are_refused():
    message = "to_onnx takes RBMTransformer, .*; got Pipeline. Convert a Pipeline by register_converters"
    with pytest.raises(TypeError, match=message):
        to_onnx(make_pipeline(StandardScaler(), rbm()).fit(X))


def test_estimators_that_are_not_fitted_are_refused():
    with pytest.raises(NotFittedError):
        to_onnx(DBNClassifier())


@pytest.mark.parametrize("labels", [np.array([1, "a"], dtype=object)[Y % 2], Y.astype("datetime64[D]")])
def test_labels_that_onnx_cannot_hold_are_refused(labels):
    model = copy.deepcopy(fitted("bool classes")[0])
    model.classes_ = model._task.classes = np.array(sorted(set(labels.tolist()), key=str), dtype=object)[:2]
    with pytest.raises(
        TypeError, match="ONNX holds labels that are text, int, float or bool; classes_ has"
    ):
        to_onnx(model)


@pytest.mark.parametrize("dtype", [np.float16, int, "float"])
def test_other_types_are_refused(dtype):
    with pytest.raises(ValueError, match="dtype must be numpy.float32 or numpy.float64; got"):
        to_onnx(fitted("machine")[0], dtype=dtype)


@pytest.mark.parametrize("opset", [12, 1000])
def test_operators_too_old_or_too_new_are_refused(opset):
    with pytest.raises(ValueError, match=f"opset must be from 13 to .*; got {opset}"):
        to_onnx(fitted("machine")[0], opset=opset)


def test_missing_packages_are_told_in_one_line(monkeypatch):
    model = fitted("machine")[0]
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match="^to_onnx needs onnx: pip install onnx"):
        to_onnx(model)
    with pytest.raises(ImportError, match="^register_converters needs skl2onnx: pip install skl2onnx"):
        register_converters()


# -- Pipelines through skl2onnx -------------------------------------------------------------------


@pytest.fixture
def skl2onnx():
    skl2onnx = pytest.importorskip("skl2onnx")
    register_converters()
    return skl2onnx


def pipeline(*steps):
    return make_pipeline(StandardScaler(), *steps)


CLASSIFIERS = {
    "DBN on RBM": pipeline(rbm(), dbn()),
    "DBN": pipeline(dbn()),
    "logistic regression on RBM": pipeline(rbm(), LogisticRegression()),
    "logistic regression on stack": pipeline(dbn(DBNTransformer), LogisticRegression()),
    "up-down": pipeline(dbn(fine_tuning="up-down")),
    "class machine": pipeline(class_rbm()),
}


def run_pipeline(skl2onnx, model, rows, options=None):
    made = skl2onnx.to_onnx(model, rows[:1], options=options)
    onnx.checker.check_model(made, full_check=True)
    return run_onnxruntime(made, rows)


@pytest.mark.parametrize(
    "labels", [10 * Y - 7, TEXT, (Y > 0) * 3, TEXT == "low", 1.0 * Y], ids=lambda y: y.dtype
)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_pipelines_give_their_labels_and_probabilities(skl2onnx, name, labels):
    model = clone(CLASSIFIERS[name]).fit(RAW, labels)
    wanted = model.predict_proba(RAW)
    for dtype, tolerance in TOLERANCE.items():
        label, found = run_pipeline(skl2onnx, model, RAW.astype(dtype), {"zipmap": False})
        assert label.tolist() == model.predict(RAW).tolist()
        rounding = 40 * tolerance if dtype == np.float32 else tolerance  # of raw rows, at 300 +- 3
        np.testing.assert_allclose(found, wanted, rtol=0, atol=rounding)


@pytest.mark.parametrize("labels", [10 * Y - 7, TEXT], ids=lambda y: y.dtype)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_probabilities_come_as_dictionaries_or_columns(skl2onnx, name, labels):
    model = clone(CLASSIFIERS[name]).fit(X, labels)
    rows, wanted = X.astype(np.float32), model.predict_proba(X)
    label, dictionaries = run_pipeline(skl2onnx, model, rows)
    assert label.tolist() == model.predict(X).tolist()
    assert [*dictionaries[0]] == model.classes_.tolist()
    found = [[row[each] for each in model.classes_.tolist()] for row in dictionaries]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)
    _, *columns = run_pipeline(skl2onnx, model, rows, {"zipmap": "columns"})
    np.testing.assert_allclose(np.column_stack(columns), wanted, rtol=0, atol=1e-6)


@each_dtype
def test_pipelines_of_transformers_and_regressors_give_columns(skl2onnx, dtype):
    rows = X.astype(dtype)
    for last, targets in (
        (rbm(), None),
        (dbn(DBNTransformer), None),
        (dbn(DBNRegressor), np.c_[VALUES, -VALUES]),
    ):
        model = pipeline(last).fit(X, targets)
        wanted = model.transform(X) if targets is None else model.predict(X)
        assert_equal_up_to_rounding(run_pipeline(skl2onnx, model, rows)[0], wanted, dtype)
    model = pipeline(dbn(DBNRegressor)).fit(X, VALUES)
    assert_equal_up_to_rounding(
        run_pipeline(skl2onnx, model, rows)[0], model.predict(X)[:, np.newaxis], dtype
    )


def test_several_labels_come_as_matrices(skl2onnx):
    model = pipeline(dbn()).fit(X, INDICATORS)
    label, found = run_pipeline(skl2onnx, model, X.astype(np.float32), {"zipmap": False})
    np.testing.assert_array_equal(label, model.predict(X))
    np.testing.assert_allclose(found, model.predict_proba(X), rtol=0, atol=1e-6)


def test_whole_numbers_are_taken_as_inputs(skl2onnx):
    rows = np.round(5 * X).astype(np.int64)
    model = rbm(visible="gaussian").fit(rows)
    (found,) = run_pipeline(skl2onnx, model, rows)
    np.testing.assert_allclose(found, model.transform(rows), rtol=0, atol=1e-6)


def test_operators_too_old_for_a_pipeline_are_refused(skl2onnx):
    model = pipeline(dbn()).fit(X, Y)
    with pytest.raises(ValueError, match="target_opset=12: DBNClassifier needs 13 or more"):
        skl2onnx.to_onnx(model, X[:1], target_opset=12)


def test_two_machines_in_one_pipeline_keep_their_weights_apart(skl2onnx):
    model = pipeline(rbm(), rbm().set_params(random_state=1), dbn()).fit(X, Y)
    _, found = run_pipeline(skl2onnx, model, X, {"zipmap": False})
    np.testing.assert_allclose(found, model.predict_proba(X), rtol=0, atol=1e-12)
