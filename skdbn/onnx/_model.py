"""to_onnx: a model of one fitted estimator, on onnx.helper alone."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdbn.onnx._estimators import add_estimator
from skdbn.onnx._graph import Graph

SMALLEST_OPSET = 13  # the first in which ReduceSum, Split and Squeeze take their axes as inputs


def to_onnx(estimator, *, dtype=np.float32, opset=17):
    """Return an ONNX model that predicts, or transforms, as a fitted estimator does.

    The model needs no Python: any ONNX runtime computes it. It has one input, ``X`` of shape (n_samples,
    n_features), and these outputs:

    - ``variable``, what `transform` gives, for `RBMTransformer` and `DBNTransformer`;
    - ``variable``, what `predict` gives, for `DBNRegressor`;
    - ``label`` and ``probabilities``, what `predict` and `predict_proba` give, for `DBNClassifier` (of
      either fine-tuning, several labels a row included) and `RBMClassifier`.

    For a whole Pipeline see `register_converters`.

    Parameters
    ----------
    estimator : RBMTransformer, RBMClassifier, DBNTransformer, DBNClassifier or DBNRegressor
        A fitted estimator.

    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Type of X, of the weights and of all that is computed. In float32 probabilities agree within about
        1e-6; runtimes on special hardware often know no float64.

    opset : int, default=17
        Version of the operators, >= 13; the default is known to all runtimes since 2022.

    Returns
    -------
    model : onnx.ModelProto
        The model, checked; ``model.SerializeToString()`` is the content of an ``.onnx`` file.

    Raises
    ------
    ImportError
        If the package onnx is missing.
    TypeError
        If there are no operators for the estimator, its units or the type of its labels.

    See Also
    --------
    register_converters : For Pipelines, through skl2onnx.

    Notes
    -----
    Class scores are float64 in every model: sums in float32 left errors of up to 2e-5 in probabilities of
    digits. Those of `RBMClassifier`, and of networks fitted by "up-down", take n_samples x n_classes x
    n_components numbers of memory, several times: give such a model some hundred rows at once.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import DBNClassifier
    >>> from skdbn.onnx import to_onnx
    >>> X, y = load_digits(n_class=5, return_X_y=True)
    >>> X = X[:200] / 16
    >>> dbn = DBNClassifier((32,), random_state=0).fit(X, y[:200])
    >>> model = to_onnx(dbn)
    >>> session = onnxruntime.InferenceSession(model.SerializeToString())
    >>> label, probabilities = session.run(None, {"X": X.astype(np.float32)})
    >>> bool((label == dbn.predict(X)).all())
    True
    >>> bool(np.abs(probabilities - dbn.predict_proba(X)).max() < 1e-6)
    True
    """
    onnx = _import_onnx()
    _check_options(onnx, dtype, opset)
    graph = Graph(dtype)
    names = ["label", "probabilities"] if hasattr(estimator, "predict_proba") else ["variable"]
    check_is_fitted(estimator)
    outputs = add_estimator(estimator, graph, "X", names)
    return _build(onnx, graph, type(estimator).__name__, estimator.n_features_in_, outputs, opset)


def _import_onnx():
    try:
        import onnx
    except ImportError as error:
        raise ImportError('to_onnx needs onnx: pip install onnx (or "skdbn[onnx]").') from error
    return onnx


def _check_options(onnx, dtype, opset):
    if dtype not in (np.float32, np.float64, "float32", "float64"):
        raise ValueError(f"dtype must be numpy.float32 or numpy.float64; got {dtype!r}.")
    largest = onnx.defs.onnx_opset_version()
    if not SMALLEST_OPSET <= opset <= largest:
        raise ValueError(
            f"opset must be from {SMALLEST_OPSET} to {largest}, the newest of onnx {onnx.__version__}; "
            f"got {opset!r}."
        )


def _build(onnx, graph, name, n_features, outputs, opset):
    """Return the checked model of a graph."""
    helper = onnx.helper
    nodes = [
        helper.make_node(node.operator, node.inputs, node.outputs, **node.attributes)
        for node in graph.nodes
    ]
    constants = [onnx.numpy_helper.from_array(array, key) for key, array in graph.constants.items()]

    def value_info(key, dtype, shape):
        return helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(dtype), ["N", *shape])

    X = value_info("X", graph.dtype, (n_features,))
    made = helper.make_graph(nodes, name, [X], [value_info(*output) for output in outputs], constants)
    opsets = [helper.make_opsetid("", opset)]
    # The oldest format that has these operators, so that older runtimes read it as well.
    ir_version = helper.find_min_ir_version_for(opsets)
    model = helper.make_model(made, opset_imports=opsets, ir_version=ir_version, producer_name="skdbn")
    onnx.checker.check_model(model, full_check=True)
    return model
