"""Generated fits of all estimators: sound, repeatable, and the data left alone; or refused with a reason.

``SKDBN_PROPERTY_CASES`` is how many fits are generated in all; more of them look further.
"""

import copy
import linecache
import os
import tempfile
import traceback

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from same_state import assert_same_state
from scipy import sparse
from sklearn.base import clone

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.exceptions import DivergenceError

# Advice to the user, which tiny fits call for. What numpy warns of stays an error: it has no cause in it.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

ESTIMATORS = (RBMTransformer, RBMClassifier, DBNTransformer, DBNClassifier, DBNRegressor)
N_TESTS = 3 * len(ESTIMATORS)
N_CASES = int(os.environ.get("SKDBN_PROPERTY_CASES", "2000"))
generated = settings(
    max_examples=-(-N_CASES // N_TESTS),
    deadline=None,
    derandomize="SKDBN_PROPERTY_SEED" not in os.environ,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)

DTYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64", "longdouble", "object",
)  # fmt: skip
SPARSE = {
    f"{name}_{kind}": getattr(sparse, f"{name}_{kind}")
    for name in ("csr", "csc", "coo")
    for kind in ("matrix", "array")
}


# -- data ------------------------------------------------------------------------------------------


def strided(A):
    wide = np.zeros((2 * A.shape[0], 2 * A.shape[1]), dtype=A.dtype)
    wide[::2, ::2] = A
    return wide[::2, ::2]


def read_only(A):
    A = A.copy()
    A.flags.writeable = False
    return A


def memory_mapped(A):
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, dtype=A.dtype, mode="w+", shape=A.shape)
    mapped[...] = A
    return mapped


def with_duplicates(A):
    """CSR with each entry in two parts, in no order: what some readers of files make."""
    rows, columns = np.divmod(np.arange(A.size), A.shape[1])
    halves = [np.where(part, A.ravel(), 0).astype(A.dtype) for part in (columns % 2, columns % 2 == 0)]
    order = np.lexsort((-np.tile(columns, 2), np.tile(rows, 2)))
    starts = 2 * A.shape[1] * np.arange(A.shape[0] + 1)
    X = sparse.csr_matrix(A.shape, dtype=A.dtype)
    X.data, X.indices = np.concatenate(halves)[order], np.tile(columns, 2)[order].astype(np.int32)
    X.indptr = starts.astype(np.int32)
    return X


def data_frame(A):
    return pd.DataFrame(A, columns=[f"column {i}" for i in range(A.shape[1])])


def polars_frame(A):
    return pl.DataFrame({f"column {i}": A[:, i].tolist() for i in range(A.shape[1])}, strict=False)


DENSE = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "backwards": lambda A: A[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "list": lambda A: A.tolist(),
    "pandas": data_frame,
}
CONTAINERS = {
    **DENSE,
    "memmap": memory_mapped,
    "polars": polars_frame,
    **SPARSE,
    "doubled": with_duplicates,
}
NO_OBJECTS = set(CONTAINERS) - set(DENSE)
ONLY_COMMON = {"polars", "doubled", *SPARSE}  # neither half nor extended precision


def rows_of_kind(kind, shape, rng):
    if kind == "binary":
        return (rng.random(shape) < 0.4).astype(float)
    if kind == "grey":
        return rng.random(shape)
    if kind == "counts":
        return rng.integers(5, size=shape).astype(float)
    if kind == "constant":
        return np.full(shape, 3.0)
    if kind == "duplicates":
        return np.repeat(rng.standard_normal((shape[0], 1)), shape[1], axis=1)
    return 2 * rng.standard_normal(shape) + 1


@st.composite
def matrices(draw, shape, rng):
    """A matrix of some type, and the name of a container that can hold it."""
    container = draw(st.sampled_from(sorted(CONTAINERS)))
    dtype = draw(st.sampled_from(DTYPES))
    if container in NO_OBJECTS and dtype == "object":
        dtype = "float32"
    if container in ONLY_COMMON and dtype in ("float16", "longdouble"):
        dtype = "float64"
    A = rows_of_kind(draw(st.sampled_from(("binary", "grey", "counts", "normal", "constant"))), shape, rng)
    if dtype.startswith("uint"):
        A = np.abs(A)
    return A.astype(dtype), container


def classes_of(kind, codes):
    names = {"strings": ["beta", "alpha", "gamma"], "negative": [-5, 3, 7], "floats": [2.0, 0.0, 1.0]}
    if kind == "booleans":
        return codes > 0
    if kind == "objects":
        return np.array(["b", "a", "c"], dtype=object)[codes]
    if kind == "categorical":
        return pd.Series(pd.Categorical.from_codes(codes, ["b", "a", "c"]))
    if kind == "list":
        return np.array(names["strings"])[codes].tolist()
    return np.array(names[kind])[codes] if kind in names else codes.astype(kind)


CLASSES = ("strings", "negative", "floats", "booleans", "objects", "categorical", "list", "uint8", "int64")
NUMBERS = {
    "float64": lambda y: y,
    "float32": lambda y: y.astype(np.float32),
    "integers": lambda y: y.astype(np.int16),
    "list": lambda y: y.tolist(),
    "series": pd.Series,
    "two columns": lambda y: np.column_stack([y, -y]),
    "one column": lambda y: y[:, np.newaxis],
    "constant": np.zeros_like,
}


@st.composite
def targets(draw, estimator, n_rows, rng):
    if estimator is DBNRegressor:
        return NUMBERS[draw(st.sampled_from(sorted(NUMBERS)))](10 * rng.standard_normal(n_rows))
    n_classes = draw(st.integers(1, 3))
    if estimator is DBNClassifier and draw(st.integers(0, 4)) == 4:
        indicators = rng.integers(2, size=(n_rows, 2 + n_classes))
        indicators[0] = 1  # several labels a row, not one of several
        return indicators
    return classes_of(draw(st.sampled_from(CLASSES)), rng.integers(n_classes, size=n_rows))


@st.composite
def row_weights(draw, n_rows, rng):
    kind = draw(st.sampled_from(("none", "none", "ones", "mixed", "zeros", "integers", "float32")))
    if kind == "none":
        return None
    if kind == "ones":
        return np.ones(n_rows)
    weights = rng.random(n_rows) + 0.1
    if kind == "zeros":
        weights[1:] *= rng.random(n_rows - 1) < 0.6
    if kind == "integers":
        return rng.integers(1, 4, size=n_rows)
    return weights.astype(np.float32) if kind == "float32" else weights


# -- estimators ------------------------------------------------------------------------------------


@st.composite
def models(draw, estimator, hidden=("bernoulli",), **parameters):
    """An estimator of some sizes that trains for an epoch or two."""
    machine = {
        "batch_size": draw(st.sampled_from((None, "auto", 1, 2, 3, 100))),
        "visible": draw(st.sampled_from(("auto", "auto", "gaussian"))),
        "random_state": draw(st.integers(0, 3)),
        "sampler": draw(st.sampled_from(("cd", "pcd"))),
        "centered": draw(st.booleans()),
        "hidden": draw(st.sampled_from(hidden)),
        **parameters,
    }
    size, n_epochs = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    if estimator is RBMTransformer:
        return RBMTransformer(size, n_iter=n_epochs, **machine)
    if estimator is RBMClassifier:
        objective = draw(st.sampled_from(("hybrid", "generative", "discriminative")))
        return RBMClassifier(
            size, objective=objective, max_iter=n_epochs, **{**machine, "hidden": "bernoulli"}
        )
    return estimator(
        (size,) * draw(st.integers(1, 2)),
        rbm=RBMTransformer(n_iter=n_epochs, **{**machine, "random_state": None}),
        max_iter=n_epochs,
        batch_size=draw(st.sampled_from((None, "auto", 1, 3, 100))),
        random_state=machine["random_state"],
        **parameters,
        **options_of_network(draw, estimator),
    )


def options_of_network(draw, estimator):
    if estimator is DBNTransformer:
        tuned = draw(st.booleans())
        return {
            "fine_tuning": "reconstruction" if tuned else None,
            "pretrain": not tuned or draw(st.booleans()),
        }
    return {
        "fine_tuning": draw(st.sampled_from((None, "backprop"))),
        "pretrain": draw(st.booleans()),
        "dropout": draw(st.sampled_from((0.0, 0.3))),
    }


def fit(model, X, y, sample_weight):
    if isinstance(model, (RBMTransformer, DBNTransformer)):
        return model.fit(X, sample_weight=sample_weight)
    return model.fit(X, y, sample_weight=sample_weight)


ANSWERS = ("transform", "predict_proba", "free_energy", "reconstruct")


def answers(model, X):
    """All that a model says of each row for itself, by the name of the method."""
    names = [*ANSWERS, "predict"] if isinstance(model, DBNRegressor) else ANSWERS
    return {name: np.asarray(getattr(model, name)(X)) for name in names if hasattr(model, name)}


def fitted_arrays(model):
    """Yield the numbers in the fitted attributes of a model and of its parts, with their names."""
    for name, value in vars(model).items():
        if name.endswith("_") and name != "classes_":
            yield from numbers_in(value, f"{type(model).__name__}.{name}")


def numbers_in(value, name):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from numbers_in(part, f"{name}[{number}]")
    elif isinstance(value, (np.ndarray, float)) and np.asarray(value).dtype.kind == "f":
        yield name, np.asarray(value)
    elif isinstance(value, RBMTransformer):
        yield from fitted_arrays(value)


def assert_finite(model, said):
    for name, array in (*fitted_arrays(model), *said.items()):
        assert np.isfinite(array).all(), name


def assert_unchanged(X, before):
    """Compare containers down to the arrays that they are made of."""
    if sparse.issparse(X):
        # Whether its entries are sorted is found out at first use and noted in the matrix itself.
        assert_same_state(arrays_of(X), arrays_of(before))
    elif hasattr(X, "equals"):
        assert X.equals(before)
    elif isinstance(X, list):
        assert before == X
    elif X is not None:
        assert X.dtype == before.dtype
        np.testing.assert_array_equal(X, before)


def arrays_of(X):
    names = ("row", "col", "data") if X.format == "coo" else ("indptr", "indices", "data")
    return {name: getattr(X, name) for name in names}


def assert_same_rows(said, others, dtype):
    """Two ways to the same rows differ by the rounding of products of other shapes."""
    tolerance = 200 * float(np.finfo(dtype).eps)
    for name, array in said.items():
        np.testing.assert_allclose(
            others[name], array, rtol=tolerance, atol=tolerance * (1 + np.abs(array).max()), err_msg=name
        )


def assert_explained(error):
    """It is one of ours or of scikit-learn's: raised on purpose, not by an operation that failed."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    assert "raise" in linecache.getline(last.filename, last.lineno), f"{type(error).__name__}: {error}"
    assert len(str(error)) > 20, str(error)
    if isinstance(error, DivergenceError):
        assert " diverged at epoch " in str(error), str(error)
        assert "learning_rate (now " in str(error), str(error)


# -- properties ------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_fit_is_finite_repeatable_and_the_same_for_every_container(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 5))
        A, container = data.draw(matrices(shape, rng))
        X, y = CONTAINERS[container](A), data.draw(targets(estimator, shape[0], rng))
        weights, model = data.draw(row_weights(shape[0], rng)), data.draw(models(estimator))
        before = copy.deepcopy((X, y, weights))

        fit(model, X, y, weights)
        said = answers(model, X)
        assert_finite(model, said)
        for value, kept in zip((X, y, weights), before, strict=True):
            assert_unchanged(value, kept)
        dtype = np.float32 if A.dtype == np.float32 and container not in ("list", "polars") else np.float64
        assert said["transform"].dtype == dtype

        plain = A.astype(dtype)
        again = fit(clone(model), plain, y, weights)
        for (name, array), (_, other) in zip(fitted_arrays(model), fitted_arrays(again), strict=True):
            np.testing.assert_array_equal(array, other, err_msg=name)
        assert_same_rows(said, answers(again, plain), dtype)

    check()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_rows_are_answered_for_themselves_in_any_order(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(st.integers(2, 8)), data.draw(st.integers(1, 5))
        A, container = data.draw(matrices(shape, rng))
        make = CONTAINERS[container]
        model, y = data.draw(models(estimator)), data.draw(targets(estimator, shape[0], rng))
        said = answers(fit(model, make(A), y, None), make(A))
        dtype = said["transform"].dtype
        order = rng.permutation(shape[0])
        shuffled = answers(model, make(A[order]))
        assert_same_rows({name: array[order] for name, array in said.items()}, shuffled, dtype)
        row = data.draw(st.integers(0, shape[0] - 1))
        alone = answers(model, make(A[[row]]))
        assert_same_rows({name: array[[row]] for name, array in said.items()}, alone, dtype)

    check()


# What numbers may be: tiny, denormal, huge, and beyond the square root of the largest one.
SCALES = (1e-320, 1e-300, 1e-40, 1e-12, 1.0, 1e4, 1e10, 1e19, 1e30, 1e38, 1e154, 1e200, 1e300)


@st.composite
def extreme_rows(draw, shape, rng):
    kind = draw(st.sampled_from(("binary", "grey", "counts", "normal", "constant", "duplicates")))
    A = rows_of_kind(kind, shape, rng)
    where = draw(st.sampled_from(("all", "one column", "one value", "nowhere")))
    scale = draw(st.sampled_from(SCALES))
    if where == "all":
        A = A * scale
    elif where == "one column":
        A[:, 0] *= scale
    elif where == "one value":
        A[0, -1] = scale
    return A if draw(st.booleans()) else clipped_to_float32(A)


def clipped_to_float32(A):
    largest = float(np.finfo(np.float32).max)
    return np.clip(A, -largest, largest).astype(np.float32)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_extreme_numbers_end_in_a_finite_model_or_in_an_error_that_says_why(estimator):
    @generated
    @given(st.data())
    def check(data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        shape = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 4))
        X, weights = data.draw(extreme_rows(shape, rng)), data.draw(row_weights(shape[0], rng))
        rate = data.draw(st.one_of(st.just("auto"), st.integers(-12, 30).map(lambda power: 10.0**power)))
        model, y = (
            data.draw(models(estimator, ("bernoulli", "relu"), learning_rate=rate)),
            data.draw(targets(estimator, shape[0], rng)),
        )
        if weights is not None and data.draw(st.booleans()):
            weights = weights * data.draw(st.sampled_from((1e-300, 1e-30, 1e30)))
        if estimator is DBNRegressor and data.draw(st.booleans()):
            y = np.asarray(y, dtype=float) * data.draw(st.sampled_from((1e-300, 1e30, 1e150)))
        before = set(vars(model))
        try:
            fit(model, X, y, weights)
        except (ValueError, TypeError) as error:
            assert_explained(error)
            assert set(vars(model)) == before, "half-made attributes"
            return
        try:
            said = answers(model, X)
        except RuntimeWarning:  # huge rows that training did not see (weight 0): numpy tells of them
            return
        except (ValueError, TypeError) as error:
            assert_explained(error)
            return
        assert_finite(model, said)

    check()


# -- what generated cases have found ---------------------------------------------------------------


def test_entries_of_a_sparse_matrix_stay_as_they_were_handed_over_twice_and_in_any_order():
    X = with_duplicates(np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.25]]))
    before = {name: array.copy() for name, array in arrays_of(X).items()}
    RBMTransformer(2, n_iter=1, random_state=0).fit(X).transform(X)
    assert_same_state(arrays_of(X), before)


def test_a_network_that_is_not_finite_in_the_units_of_its_data_is_refused():
    X = np.array([[0.0], [1e-40], [0.0]], dtype=np.float32)  # 1 / spread is beyond the largest float32
    model = DBNRegressor(1, rbm=RBMTransformer(visible="gaussian", n_iter=1), max_iter=1, random_state=0)
    with pytest.raises(ValueError, match=r"^The fitted input layer is not finite .* a column of X is too"):
        model.fit(X, [1.0, 2.0, 3.0])
    assert not hasattr(model, "coefs_")


def test_columns_near_the_largest_number_are_refused_before_they_are_trained_on():
    X = np.array([[0.0], [3e38]], dtype=np.float32)
    with pytest.raises(ValueError, match=r"^The variance of 1 of 1 columns of X overflows, or nearly so"):
        RBMTransformer(1, random_state=0).fit(X)
    reconstructed = RBMTransformer(1, random_state=0).fit(X * np.float32(1e-8)).reconstruct(X * 1e-8)
    assert np.isfinite(reconstructed).all()


def test_targets_that_overflow_are_called_targets_and_not_columns_of_the_data():
    with pytest.raises(ValueError, match=r"^The variance of y overflows; scale the targets\.$"):
        DBNRegressor(1).fit([[0.0], [1.0]], [0.0, 1e200])


def test_weights_whose_products_overflow_have_diverged_although_they_are_finite():
    X = np.zeros((3, 2), dtype=np.float32)
    X[0] = 1
    model = RBMTransformer(2, visible="gaussian", learning_rate=1e19, n_iter=1, random_state=0)
    with pytest.raises(DivergenceError, match=r"^Training diverged at epoch 1 \(too large weights\)"):
        model.fit(X)
