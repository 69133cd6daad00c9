"""Converters with which skl2onnx takes Pipelines that hold our estimators."""

import numpy as np

from skdbn._dbn_regressor import DBNRegressor
from skdbn.onnx._estimators import ESTIMATORS, Output, add_estimator
from skdbn.onnx._graph import Graph
from skdbn.onnx._model import SMALLEST_OPSET

# Those of skl2onnx's own classifiers; labels as they are ("nocl", without class labels, would number them).
_CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [False],
}


def register_converters():
    """Teach skl2onnx the estimators of this package, so that it converts Pipelines that hold them.

    Call it once; ``skl2onnx.to_onnx(pipeline, X[:1])`` then gives a model in the type of X (float32 or
    float64). Scalers and encoders before, and classifiers of scikit-learn behind, are converted by skl2onnx
    itself. The option `zipmap` says whether probabilities come as dictionaries (its default) or as an
    array: ``skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})``.

    Raises
    ------
    ImportError
        If the package skl2onnx is missing.

    See Also
    --------
    to_onnx : The model of a single estimator, without skl2onnx.

    Notes
    -----
    ONNX has dictionaries of float32 only: with rows in float64 use ``zipmap=False``. Labels that are bool
    or floats come as int64, as from the converters of skl2onnx.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> import skl2onnx
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skdbn import RBMTransformer
    >>> from skdbn.onnx import register_converters
    >>> X, y = load_digits(n_class=5, return_X_y=True)
    >>> X, y = X[:200], y[:200]
    >>> rbm = RBMTransformer(32, n_iter=5, random_state=0)
    >>> pipeline = make_pipeline(MinMaxScaler(), rbm, LogisticRegression(max_iter=500)).fit(X, y)
    >>> register_converters()
    >>> X = X.astype(np.float32)
    >>> model = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
    >>> session = onnxruntime.InferenceSession(model.SerializeToString())
    >>> label, probabilities = session.run(None, {"X": X})
    >>> bool((label == pipeline.predict(X)).all())
    True
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise ImportError("register_converters needs skl2onnx: pip install skl2onnx.") from error
    for cls in ESTIMATORS:
        options = _CLASSIFIER_OPTIONS if hasattr(cls, "predict_proba") else None
        update_registered_converter(cls, f"Skdbn{cls.__name__}", _set_types, _convert, options=options)


def _set_types(operator):
    """Tell skl2onnx the types and shapes of the outputs: its nodes are made, and only looked at."""
    from skl2onnx.common import data_types

    types = {
        "float32": "Float",
        "float64": "Double",
        "int64": "Int64",
        "bool": "Boolean",
        "object": "String",
    }
    n_rows = operator.inputs[0].get_first_dimension()
    _, outputs = _graph_of(operator)
    for variable, output in zip(operator.outputs, outputs, strict=True):
        tensor_type = getattr(data_types, f"{types[output.dtype.name]}TensorType")
        variable.set_type(tensor_type([n_rows, *output.shape]))


def _convert(scope, operator, container):
    """Hand the nodes and constants of one estimator over to the model that skl2onnx is making."""
    from onnx import helper

    if container.target_opset < SMALLEST_OPSET:
        raise ValueError(
            f"target_opset={container.target_opset}: {type(operator.raw_operator).__name__} needs "
            f"{SMALLEST_OPSET} or more."
        )
    graph, _ = _graph_of(operator, scope.get_unique_variable_name)
    for name, array in graph.constants.items():
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        values = [value.encode() if isinstance(value, str) else value for value in array.ravel().tolist()]
        container.add_initializer(name, kind, array.shape, values)  # bytes: onnx 1.16 takes ASCII only
    for node in graph.nodes:
        name = scope.get_unique_operator_name(node.operator)
        container.add_node(node.operator, node.inputs, node.outputs, name=name, **node.attributes)


def _graph_of(operator, unique_name=None):
    """Return (graph, outputs) of an operator of skl2onnx."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    estimator, X = operator.raw_operator, operator.inputs[0]
    graph = Graph(np.float64 if isinstance(X.type, DoubleTensorType) else np.float32, unique_name)
    x = X.full_name
    if not isinstance(X.type, (DoubleTensorType, FloatTensorType)):
        x = graph.cast(x, graph.dtype)
    given = add_estimator(estimator, graph, x, [graph.unique_name("given") for _ in operator.outputs])
    outputs = [
        _as_in_skl2onnx(graph, output, estimator, variable.full_name)
        for output, variable in zip(given, operator.outputs, strict=True)
    ]
    return graph, outputs


def _as_in_skl2onnx(graph, output, estimator, name):
    """Return an output as skl2onnx has it: regressors give columns, labels are text or whole numbers."""
    if isinstance(estimator, DBNRegressor):
        shape = (estimator.n_outputs_,)
        graph.add("Reshape", output.name, np.array([-1, *shape]), output=name)
        return Output(name, output.dtype, shape)
    if output.shape == () and output.dtype.kind in "bf":  # numbers that are labels are whole
        graph.cast(output.name, np.int64, output=name)
        return Output(name, np.dtype(np.int64), output.shape)
    graph.add("Identity", output.name, output=name)
    return output._replace(name=name)
