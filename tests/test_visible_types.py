"""Types of visible units for columns: how they are given, and whether the data fit them."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from skdbn import _rows
from skdbn._columns import visible_from_columns
from skdbn._visible_types import check_normalisable, resolve_visible
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax

NAMES = list("abcdefg")
N_COLUMNS = len(NAMES)
FRAME = pd.DataFrame([range(N_COLUMNS)] * 2, columns=NAMES)  # a value is the number of its column

KEYS = [
    2,
    -1,
    np.int64(3),
    "c",
    [0, 2],
    [-2, 1],
    (4, 3),
    np.array([3, 1]),
    np.array([3, 1], dtype=np.uint8),
    ["a", "c"],
    ("f", "b"),
    np.array(["b", "a"]),
    np.array(["b", "a"], dtype=object),
    pd.Index(["e", "a"]),
    slice(1, 3),
    slice(4, 99),
    slice(-3, None),
    slice(None, -5),
    slice(0, 5, 2),
    slice("b", "d"),
    slice(None, "c"),
    slice("c", None),
    slice("c", "c"),
    slice(None),
    [True, False, True, False, True, False, False],
    np.array([False, True, True, False, True, False, False]),
    pd.Series([False, True, True, False, True, False, False]),
    make_column_selector(pattern="[ace]"),
    lambda X: ["f", "b"],
    lambda X: slice(2, 4),
    lambda X: [0, 5],
]


def name_of(key):
    """The form of a key, the same in each process: without addresses of functions."""
    return type(key).__name__ if callable(key) else repr(key)


def columns_in_scikit_learn(key):
    """The numbers of the columns that ColumnTransformer selects."""
    columns = FunctionTransformer(lambda x: np.asarray(x).reshape(len(x), -1))  # a scalar gives one axis
    transformer = ColumnTransformer([("columns", columns, key)])
    return transformer.fit_transform(FRAME)[0].astype(int).tolist()


def with_the_rest(unit, key, columns):
    """A specification in which the first part has `key` and the second what is left."""
    return [(unit, key), ("gaussian", [i for i in range(N_COLUMNS) if i not in columns])]


def columns_of(mixed, n_columns):
    """The columns of each part, as numbers."""
    parts = mixed.adapt(np.zeros(n_columns), np.ones(n_columns)).parts_
    return [np.arange(n_columns)[columns].tolist() for _, columns in parts]


# -- forms of columns ------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS, ids=name_of)
def test_columns_are_those_that_column_transformer_selects(key):
    expected = columns_in_scikit_learn(key)
    specification = with_the_rest("bernoulli", key, expected)
    mixed = visible_from_columns(specification, N_COLUMNS, np.array(NAMES, dtype=object), FRAME)
    assert columns_of(mixed, N_COLUMNS)[0] == expected


@pytest.mark.parametrize("key", KEYS, ids=name_of)
def test_columns_of_a_category_are_those_that_column_transformer_selects(key):
    expected = columns_in_scikit_learn(key)
    specification = with_the_rest("softmax", key, expected)
    mixed = visible_from_columns(specification, N_COLUMNS, NAMES, FRAME)
    assert columns_of(mixed, N_COLUMNS)[0] == expected
    assert mixed.parts[0][0].groups == [list(range(len(expected)))]


def test_groups_of_a_softmax_part_count_within_it():
    groups = [["a", "d"], ["c", "f", "e"]]
    mixed = visible_from_columns([("softmax", groups), ("gaussian", ["g", "b"])], N_COLUMNS, NAMES)
    assert columns_of(mixed, N_COLUMNS) == [[0, 3, 2, 5, 4], [6, 1]]
    assert mixed.parts[0][0].groups == [[0, 1], [2, 3, 4]]


def test_groups_of_a_softmax_part_have_all_forms_of_columns():
    groups = [
        slice("a", "b"),
        make_column_selector(pattern="[ce]"),
        [False, False, False, True, False, False, False],
        np.array([6, -2]),
    ]
    mixed = visible_from_columns([("softmax", groups)], N_COLUMNS, NAMES, FRAME)
    assert columns_of(mixed, N_COLUMNS) == [[0, 1, 2, 4, 3, 6, 5]]
    assert mixed.parts[0][0].groups == [[0, 1], [2, 3], [4], [5, 6]]


def test_function_may_return_groups():
    mixed = visible_from_columns([("softmax", lambda X: [[0, 1], [2, 3, 4]])], 5, None, np.zeros((1, 5)))
    assert mixed.parts[0][0].groups == [[0, 1], [2, 3, 4]]


def test_softmax_object_takes_groups_unless_it_has_its_own():
    takes = visible_from_columns([(Softmax(redraw=False), [[3, 1], [0, 2]])], 4)
    assert takes.parts[0][0].groups == [[0, 1], [2, 3]]
    assert takes.parts[0][0].redraw is False
    own = visible_from_columns([(Softmax(groups=2), [3, 1, 0, 2])], 4)
    assert own.parts[0][0].groups == 2
    assert columns_of(own, 4) == [[3, 1, 0, 2]]
    field = np.array([[1.0, 2.0, 3.0, 4.0]])
    assert_array_equal(
        *(mixed.adapt(np.zeros(4), np.ones(4)).log_partition(field).round(12) for mixed in (takes, own))
    )


def test_objects_keep_their_parameters():
    bernoulli, gaussian = Bernoulli(redraw=False), Gaussian(scale=2.0)
    mixed = visible_from_columns([(bernoulli, ["b"]), (gaussian, ["a"])], 2, ["a", "b"])
    assert [unit for unit, _ in mixed.parts] == [bernoulli, gaussian]
    assert columns_of(mixed, 2) == [[1], [0]]


def test_parts_without_columns_are_left_out():
    parts = [("bernoulli", make_column_selector(pattern="z")), ("softmax", []), ("relu", slice(None))]
    mixed = visible_from_columns(parts, N_COLUMNS, NAMES, FRAME)
    assert columns_of(mixed, N_COLUMNS) == [list(range(N_COLUMNS))]


def test_scikit_learn_can_clone_the_result():
    mixed = visible_from_columns([("softmax", [[0, 1], [2]]), ("relu", [3])], 4)
    assert clone(mixed).parts[0][0].groups == [[0, 1], [2]]


# -- forms that are refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ([("bernoulli", [0], 1)], "visible must be a list of pairs (type, columns), such as [("),
        ([("bernoulli", [0], 1)], "; got ('bernoulli', [0], 1)."),
        (["bernoulli"], "; got 'bernoulli'."),
        ("bernoulli", "; got 'bernoulli'."),
        ([("binary", [0])], "'bernoulli', 'gaussian', 'relu', 'softmax'; got the type 'binary'."),
        ([(Bernoulli, [0])], "; got the type <class"),
        ([("bernoulli", [0, "b"])], "These columns are of several kinds: [0, 'b']."),
        ([("bernoulli", [True, 1])], "These columns are of several kinds: [True, 1]."),
        ([("bernoulli", [0.0])], "These are no columns: [0.0]."),
        ([("bernoulli", None)], "These are no columns: None."),
        ([("softmax", None)], "These are no columns: None."),
        ([("bernoulli", [[0, 1]])], "These are no columns: [[0, 1]]."),
        ([("softmax", [[[0, 1]], [2]])], "These are no columns: [[0, 1]]."),
        ([("bernoulli", slice("a", 2))], "must be two numbers or two names: slice('a', 2, None)."),
        ([("bernoulli", slice(0.5, 2))], "must be two numbers or two names: slice(0.5, 2, None)."),
        ([("bernoulli", slice("a", "c", 2))], "The step of slice('a', 'c', 2) must be 1"),
        ([("bernoulli", [True, False])], "visible: a mask of 2 columns was given, but X has 7."),
        ([("bernoulli", [7])], "visible: column 7 was asked for, but X has 7 columns."),
        ([("bernoulli", -8)], "visible: column -8 was asked for, but X has 7 columns."),
        ([("bernoulli", ["z"])], "visible: column 'z' was asked for, but X has no column of that name."),
        ([("bernoulli", slice("a", "z"))], "visible: column 'z' was asked for, but X has no column of"),
    ],
)
def test_malformed_columns_are_refused(specification, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        visible_from_columns(specification, N_COLUMNS, NAMES, FRAME)


@pytest.mark.parametrize("key", ["a", ["a", "b"], slice("a", "b"), lambda X: ["a"]])
def test_names_need_columns_with_names(key):
    message = (
        "visible: column 'a' was asked for, but X has no column names; use numbers, or give X as a data"
    )
    with pytest.raises(ValueError, match=message):
        visible_from_columns([("bernoulli", key)], 2)


def test_names_of_several_columns_are_refused():
    with pytest.raises(ValueError, match="column 'a' was asked for, but X has 2 columns of that name"):
        visible_from_columns([("bernoulli", ["a", "b"])], 3, ["a", "a", "b"])


@pytest.mark.parametrize(
    ("names", "shown"),
    [(None, "1, 2, 3, 4, 5 and 1 more"), (NAMES, "'b', 'c', 'd', 'e', 'f' and 1 more")],
)
def test_columns_left_out_are_named(names, shown):
    message = f"visible leaves out 6 of 7 columns of X: {shown}. Give them a type, or drop them from X."
    with pytest.raises(ValueError, match=message):
        visible_from_columns([("bernoulli", [0])], N_COLUMNS, names)


@pytest.mark.parametrize(
    "specification", [[("relu", [0, 1]), ("softmax", [[2, 1]])], [("relu", [0, 1, 1, 2])]]
)
def test_columns_given_twice_are_named(specification):
    message = "visible has 1 of 3 columns of X more than once: 'b'. Leave each in one place."
    with pytest.raises(ValueError, match=message):
        visible_from_columns(specification, 3, NAMES[:3])


# -- whether the data fit --------------------------------------------------------------------------


def resolve(visible, X, **options):
    return resolve_visible(visible, X, (float(X.min()), float(X.max())), **options)


@pytest.fixture(params=["dense", "sparse"])
def convert(request):
    return np.asarray if request.param == "dense" else sparse.csr_array


@pytest.fixture(name="X_mixed")
def mixed_rows(rng):
    """Binary a, counts b, real c, and the categories (d, e) and (f, g)."""
    X = np.zeros((11, N_COLUMNS))
    X[:, 0] = rng.random(11) < 0.5
    X[:, 1] = rng.poisson(3, 11)
    X[:, 2] = rng.normal(0, 1, 11)
    X[np.arange(11), 3 + rng.integers(0, 2, 11)] = 1
    X[:, 5], X[:, 6] = 0.25, 0.75
    return X


MIXED = [
    ("bernoulli", ["a"]),
    ("relu", ["b"]),
    (Gaussian(scale=1.0), ["c"]),
    ("softmax", [["d", "e"], ["f", "g"]]),
]


def test_data_that_fit_pass(X_mixed, convert):
    visible = resolve(MIXED, convert(X_mixed), feature_names=NAMES)
    assert isinstance(visible, Mixed)
    assert columns_of(visible, N_COLUMNS) == [[0], [1], [2], [3, 4, 5, 6]]


def test_functions_are_called_with_the_frame_of_the_user(X_mixed):
    frame = pd.DataFrame(X_mixed, columns=NAMES).astype({"a": int})
    specification = [
        ("bernoulli", make_column_selector(dtype_include=int)),
        ("gaussian", make_column_selector(dtype_include=float)),
    ]
    visible = resolve(specification, X_mixed, feature_names=NAMES, frame=frame)
    assert columns_of(visible, N_COLUMNS) == [[0], [1, 2, 3, 4, 5, 6]]


def test_functions_are_called_with_x_where_there_is_no_frame(X_mixed):
    specification = [("gaussian", lambda X: list(range(X.shape[1])))]
    assert columns_of(resolve(specification, X_mixed), N_COLUMNS) == [list(range(N_COLUMNS))]


def test_auto_takes_bernoulli_within_the_unit_interval_only(X_mixed, convert):
    assert isinstance(resolve("auto", convert(X_mixed[:, [0, 3]])), Bernoulli)
    assert isinstance(resolve("auto", convert(X_mixed)), Gaussian)


def test_objects_and_names_stand_for_themselves(X_mixed):
    unit = Gaussian()
    assert resolve(unit, X_mixed) is unit
    assert isinstance(resolve("gaussian", X_mixed), Gaussian)
    assert isinstance(resolve("relu", np.abs(X_mixed)), ReLU)
    mixed = Mixed([("gaussian", range(7))])
    assert resolve(mixed, X_mixed) is mixed


def test_layers_of_one_type_refuse_what_they_cannot_model(X_mixed, convert):
    X = convert(X_mixed)
    with pytest.raises(ValueError, match=r'visible="bernoulli" expects values in \[0, 1\]; got min=-'):
        resolve("bernoulli", X)
    low = f"{X_mixed.min():.6g}"
    with pytest.raises(
        ValueError, match=f'visible="relu" expects counts or other values >= 0; got min={low}'
    ):
        resolve("relu", X)
    with pytest.raises(ValueError, match="Softmax units expect one-hot rows"):
        resolve("softmax", X)
    with pytest.warns(UserWarning, match='visible="gaussian" assumes standardized features; 7 of 7 col'):
        resolve(Gaussian(scale=1e3), convert(X_mixed + np.linspace(0, 1, 11)[:, np.newaxis]))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (
            0,
            1.5,
            'The "bernoulli" part of visible expects values in [0, 1]; 1 of its 1 columns have others: '
            "'a'. The first has min=0, max=1.5. Scale with MinMaxScaler(), binarize with Binarizer(), or "
            "move such columns to a gaussian part.",
        ),
        (0, -0.5, "1 of its 1 columns have others: 'a'. The first has min=-0.5, max=1."),
        (
            1,
            -2,
            'The "relu" part of visible expects counts or other values >= 0; 1 of its 1 columns have '
            "others: 'b'. The first has min=-2.",
        ),
        (
            5,
            0.5,
            "Softmax units expect one-hot rows or probabilities: each group of columns within [0, 1] and "
            "with the sum 1. 1 of 11 rows are not so in the group of 'f', 'g'. Encode the category with "
            "OneHotEncoder(), without drop and with no unknown category in training, or add a column for "
            "the level that is missing.",
        ),
    ],
)
def test_parts_refuse_what_they_cannot_model(column, value, message, X_mixed, convert):
    X_mixed[3:5, 0] = 0, 1  # whatever was drawn
    X_mixed[7, column] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        resolve(MIXED, convert(X_mixed), feature_names=NAMES)


def test_bad_columns_of_a_part_are_its_own_and_the_first_gives_the_range(rng):
    X = rng.random((11, 6))
    X[0, [5, 2]], X[1, 1] = (7, 9), 20
    message = "2 of its 3 columns have others: 5, 2. The first has min="
    with pytest.raises(ValueError, match=f"{message}.*max=7. Scale"):
        resolve([("bernoulli", [5, 0, 2]), ("gaussian", [1, 3, 4])], X)


def test_gaussian_part_of_fixed_scale_warns_about_its_own_columns(X_mixed, convert):
    X_mixed[:, 2] *= 100
    message = (
        'The "gaussian" part of visible assumes standardized features; 1 of its 1 columns have std outside '
        "[0.1, 10] times the given scale: 'c'. Use StandardScaler(), or Gaussian(scale=\"data\")."
    )
    with pytest.warns(UserWarning, match=re.escape(message)):
        resolve(MIXED, convert(X_mixed), feature_names=NAMES)
    X_mixed[:, 2] = 5  # a column that does not vary is no cause to warn (warnings are errors here)
    resolve(MIXED, convert(X_mixed), feature_names=NAMES)


def test_scales_from_the_data_are_no_cause_to_warn(rng):
    X = rng.standard_normal((50, 3)) * [100.0, 1e-3, 1e-7] + [
        0,
        0,
        1e8,
    ]  # the last is constant but for rounding
    resolve([("gaussian", [0, 1]), (Gaussian(scale="learned"), [2])], X)


def test_scales_of_a_part_belong_to_its_columns(rng):
    X = rng.standard_normal((50, 3)) * [1.0, 100.0, 1e4]
    scales = Gaussian(scale=[1e4, 1.0])
    resolve([(scales, [2, 0]), ("gaussian", [1])], X)
    with pytest.warns(UserWarning, match="2 of its 2 columns .* given scale: 0, 2"):
        resolve([(scales, [0, 2]), ("gaussian", [1])], X)


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        ([0, 1, 0], True),
        ([0.2, 0.3, 0.5], True),
        ([0.2, 0.3, 0.5009], True),
        ([0.2, 0.3, 0.5011], False),
        ([0, 0, 0], False),
        ([1, 1, 0], False),
        ([-0.5, 1, 0.5], False),
        ([1.5, 0, -0.5], False),
    ],
)
def test_rows_of_a_group_are_probabilities_of_a_category(row, fits, convert):
    X = convert(np.vstack([np.eye(3), row]))
    if fits:
        resolve("softmax", X)
        return
    with pytest.raises(ValueError, match="1 of 4 rows are not so in the group of 0, 1, 2. Encode"):
        resolve(Softmax(), X)


def test_encoded_categories_fit_unless_a_level_is_dropped():
    colours = np.array([["red"], ["green"], ["blue"], ["red"]])
    resolve("softmax", OneHotEncoder().fit_transform(colours))
    with pytest.raises(ValueError, match="1 of 4 rows are not so in the group of 0, 1. Encode"):
        resolve("softmax", OneHotEncoder(drop="first").fit_transform(colours))


@pytest.mark.parametrize(
    ("groups", "shown"),
    [(2, "2, 3"), ([[0, 1], [3, 2], [5, 4]], "2, 3"), (None, "0, 1, 2, 3, 4 and 1 more")],
)
def test_groups_of_a_softmax_layer_are_checked_one_by_one(groups, shown, convert):
    X = np.tile([1.0, 0.0], (4, 3))
    X[2, 2] = 0
    n_bad = 4 if groups is None else 1
    with pytest.raises(ValueError, match=f"{n_bad} of 4 rows are not so in the group of {shown}. Encode"):
        resolve(Softmax(groups), convert(X))


def test_groups_of_a_part_are_columns_of_x(rng):
    X = np.zeros((4, 5))
    X[:, 4] = X[:, 1] = X[:, 0] = 1  # groups (4, 2) and (1, 3, 0), the second wrong
    with pytest.raises(ValueError, match="4 of 4 rows are not so in the group of 1, 3, 0. Encode"):
        resolve([("softmax", [[4, 2], [1, 3, 0]])], X)


def test_rows_are_checked_in_blocks(monkeypatch, X_mixed, convert):
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 3 * N_COLUMNS)
    resolve(MIXED, convert(X_mixed), feature_names=NAMES)
    X_mixed[[1, 9], 5] = 0
    with pytest.raises(ValueError, match="2 of 11 rows are not so in the group of 'f', 'g'"):
        resolve(MIXED, convert(X_mixed), feature_names=NAMES)
    X_mixed[[1, 9], 0] = -3, 2
    with pytest.raises(ValueError, match="'a'. The first has min=-3, max=2"):
        resolve(MIXED, convert(X_mixed), feature_names=NAMES)


def test_rounding_of_a_scaler_is_no_error():
    X = np.array([[0.0, 1 + 2e-7], [-2e-7, 1.0]], dtype=np.float32)
    resolve([("bernoulli", [0, 1])], X)
    resolve([("softmax", [1, 0])], X)


def test_mixed_objects_are_checked_too(X_mixed):
    with pytest.raises(ValueError, match="2 of its 7 columns have others: 1, 2"):
        resolve(Mixed([("bernoulli", range(7))]), X_mixed)
    with pytest.raises(ValueError, match="column 3 is in no part"):
        resolve(Mixed([("gaussian", range(3))]), X_mixed)


# -- pairs of layers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("visible", "hidden", "start"),
    [
        (Gaussian(), ReLU(), 'visible="gaussian" and hidden="relu" have'),
        (ReLU(), ReLU(), 'visible="relu" and hidden="relu" have'),
        (Gaussian(scale=2.0), Gaussian(), 'visible="gaussian" and hidden="gaussian" have'),
        (
            Mixed([("bernoulli", [0]), (ReLU(), [1]), ("gaussian", [2])]),
            Gaussian(),
            'the "relu" part of visible and hidden="gaussian" have',
        ),
    ],
)
def test_two_unbounded_layers_are_refused_by_name(visible, hidden, start):
    message = (
        f"{start} no normalisable joint distribution: both are unbounded, so large weights make the energy "
        "fall without limit. Use bernoulli or softmax units in one of the layers."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_normalisable(visible, hidden)


@pytest.mark.parametrize("unbounded", [Gaussian(), ReLU(), Mixed([("bernoulli", [0]), ("relu", [1])])])
@pytest.mark.parametrize("bounded", [Bernoulli(), Softmax(), Mixed([("bernoulli", [0]), ("softmax", [1])])])
def test_one_bounded_layer_is_enough(unbounded, bounded):
    check_normalisable(unbounded, bounded)
    check_normalisable(bounded, unbounded)
    check_normalisable(bounded, bounded)
