"""Estimators with units of every type, from the data to likelihoods, features and labels."""

import numpy as np
import pytest
from drawn import encoded, rows_of
from exact import (
    BOUNDED,
    HIDDEN_SIZES,
    PAIRS,
    VISIBLE_SIZES,
    ExactRBM,
    base_energy,
    log_sum_exp,
    random_rbm,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.optimize import brentq
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdbn import DBNClassifier, RBMTransformer
from skdbn.samplers import PCD
from skdbn.units import Bernoulli, Gaussian, Mixed, ReLU, Softmax

ALL_PAIRS = [(visible, hidden) for visible in VISIBLE_SIZES for hidden in HIDDEN_SIZES]
each_pair = pytest.mark.parametrize(("visible", "hidden"), PAIRS)

# -- teacher and student ---------------------------------------------------------------------------

N_ROWS = 5000

# Seed and spread of the parameters of each pair of types: machines whose columns depend on each other
# enough to be told from independent ones, and whose chains mix.
TEACHERS = {
    ("bernoulli", "bernoulli"): (2, 1.5),
    ("gaussian", "bernoulli"): (0, 1.5),
    ("relu", "bernoulli"): (1, 1.2),
    ("softmax", "bernoulli"): (2, 2.0),
    ("bernoulli", "gaussian"): (0, 1.0),
    ("softmax", "gaussian"): (0, 1.0),
    ("bernoulli", "relu"): (0, 1.0),
    ("softmax", "relu"): (0, 1.0),
    ("bernoulli", "softmax"): (0, 1.5),
    ("gaussian", "softmax"): (1, 0.8),
    ("relu", "softmax"): (3, 1.0),
    ("softmax", "softmax"): (0, 1.5),
}


@pytest.fixture(name="lesson", params=TEACHERS, ids="-".join)
def make_lesson(request, to_estimator):
    """An enumerated RBM, the estimator with its parameters, and rows drawn from it exactly."""
    visible, hidden = request.param
    seed, spread = TEACHERS[request.param]
    oracle = random_rbm(visible, seed, hidden=hidden, spread=spread)
    teacher = to_estimator(oracle)
    return oracle, teacher, rows_of(oracle, teacher, N_ROWS, 1)


def student_of(teacher, n_iter=40, **parameters):
    """An untrained RBM of the teacher's types of units and sizes."""
    visible = teacher.visible_
    if isinstance(visible, Gaussian):
        # The noise of the teacher: the spread of the columns is larger, and its model another one.
        visible = Gaussian(scale=visible.scale_)
    return RBMTransformer(
        len(teacher.components_),
        visible=visible,
        hidden=teacher.hidden,
        alpha=0,
        n_iter=n_iter,
        random_state=0,
        **{"sampler": PCD(n_chains=300), "batch_size": 100, **parameters},
    )


def log_likelihood(rbm, X):
    return rbm.score_samples(X, rbm.log_partition()).mean()


def n_parameters(rbm):
    return rbm.components_.size + sum(rbm.components_.shape)


def test_student_is_as_likely_as_the_teacher(lesson):
    """Maximum likelihood loses k / (2 n) nats on fresh rows, for k parameters and n rows of training.

    Twice that is allowed: 0.003 to 0.009 nats of the 0.7 to 3 of a row.
    """
    oracle, teacher, X = lesson
    fresh = rows_of(oracle, teacher, N_ROWS, 2)
    student = student_of(teacher).fit(X)
    allowed = n_parameters(student) / N_ROWS
    assert log_likelihood(teacher, fresh) - log_likelihood(student, fresh) < allowed
    # That had to be learned: the untrained machine has the right means and nothing else.
    untrained = student_of(teacher, n_iter=1, learning_rate=1e-9).fit(X)
    assert log_likelihood(teacher, fresh) - log_likelihood(untrained, fresh) > 3 * allowed


def exact_machine(rbm, oracle):
    parameters = rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_
    return ExactRBM(oracle.visible, *parameters, oracle.hidden)


def test_student_has_the_moments_of_its_data(lesson):
    """Where the likelihood is largest, <v>, <h> and <h v> of the data and of the model agree.

    Within two standard errors of the data's own: the updates are noisy, and end with the rate at 0.
    """
    oracle, teacher, X = lesson
    student = student_of(teacher).fit(X)
    machine, v = exact_machine(student, oracle), encoded(student, X)
    p, states = machine.p_visible(), machine.visible_states
    h = machine.mean_h(states)
    statistics = [np.einsum("ij,ik->ijk", h, states).reshape(len(h), -1), h, states]
    of_data = machine.statistics(v, np.full(N_ROWS, 1 / N_ROWS))
    for statistic, mean in zip(statistics, of_data, strict=True):
        of_model = p @ statistic
        error = np.sqrt((p @ statistic**2 - of_model**2) / N_ROWS)
        assert (np.abs(mean.ravel() - of_model) < 2 * error).all()


def test_learned_scales_are_those_of_the_teacher(to_estimator):
    """The noise of real columns, whose spread is larger: learned from data that start with the spread."""
    oracle = ExactRBM("gaussian", [[2.0, 0.0], [0.0, -1.5], [1.0, 1.0]], [0.0, 0.3, -0.5], [0.1, -0.2])
    teacher = to_estimator(oracle)
    X = teacher.sample(20_000, 100, random_state=0)
    # Weights act on scaled columns, so the scale needs more steps than they alone, of less noise.
    student = student_of(teacher, n_iter=200, sampler=PCD(n_chains=2000), batch_size=400)
    student.set_params(visible=Gaussian(scale="learned"))
    student.fit(X)
    assert (student.visible_.initial_scale_ > 1.15 * teacher.visible_.scale_).all()
    assert_allclose(student.visible_.scale_, teacher.visible_.scale_, rtol=0.05)
    # The spread as the noise is a poorer model: far more is lost.
    fresh = teacher.sample(20_000, 100, random_state=1)
    with_spread = student_of(teacher).set_params(visible="gaussian").fit(X)
    lost, lost_by_spread = (
        log_likelihood(teacher, fresh) - log_likelihood(model, fresh) for model in (student, with_spread)
    )
    assert lost < lost_by_spread / 10


# -- better than independent units -----------------------------------------------------------------

N_COLUMNS, N_LEVELS = 12, 3


def rows_of_type(kind, n, rng):
    """Rows of three kinds, each with its own tendencies: columns depend on each other."""
    tendencies = np.random.default_rng(7).choice([0.1, 0.9], size=(3, N_COLUMNS))
    kinds = rng.integers(3, size=n)
    high = rng.random((n, N_COLUMNS)) < tendencies[kinds]
    if kind == "bernoulli":
        return high.astype(np.float64)
    if kind == "gaussian":
        return np.where(high, 30.0, 10.0) + rng.normal(0, 5, size=high.shape)
    if kind == "relu":
        # Counts that vary less than their mean: no unit of the family has a variance above 1.
        return rng.binomial(4, np.where(high, 0.75, 0.1)).astype(np.float64)
    # Categories of three levels, of which each kind of rows prefers one.
    preferred = (kinds[:, np.newaxis] + np.arange(N_COLUMNS // N_LEVELS)) % N_LEVELS
    levels = np.where(
        rng.random(preferred.shape) < 0.8, preferred, rng.integers(N_LEVELS, size=preferred.shape)
    )
    return np.eye(N_LEVELS)[levels].reshape(n, N_COLUMNS)


def independent_log_likelihood(kind, X, X_new):
    """Mean log-likelihood of columns (categories) that are fitted to X one by one."""
    mean = X.mean(axis=0)
    if kind == "bernoulli":
        return stats.bernoulli.logpmf(X_new, mean).sum(axis=1).mean()
    if kind == "gaussian":
        return stats.norm.logpdf(X_new, mean, X.std(axis=0)).sum(axis=1).mean()
    if kind == "softmax":
        return (X_new @ np.log(np.maximum(mean, 1e-3))).mean()
    return sum(log_p_of_counts(m)[x.astype(int)] for m, x in zip(mean, X_new.T, strict=True)).mean()


def log_p_of_counts(mean):
    """log p(n) of a unit of counts of the given mean: the likeliest of its family for these data."""
    n = np.arange(40.0)
    weight = base_energy("relu", n)

    def log_p(field):
        return field * n - weight - log_sum_exp(field * n - weight)

    return log_p(brentq(lambda field: np.exp(log_p(field)) @ n - mean, -20, 20))


def unit_of_type(kind, n_groups=None):
    return Softmax(n_groups) if kind == "softmax" else {"relu": ReLU(exact=True)}.get(kind, kind)


# Nats by which a mixture of three kinds of rows is more likely than columns on their own: what the test
# asks for is about half of what was found.
GAIN = {"bernoulli": 1.0, "gaussian": 1.0, "relu": 0.3, "softmax": 0.4}


@each_pair
def test_held_out_rows_are_likelier_than_under_independent_columns(visible, hidden, rng):
    X, X_new = rows_of_type(visible, 2000, rng), rows_of_type(visible, 2000, rng)
    rbm = RBMTransformer(
        8,
        visible=unit_of_type(visible, N_LEVELS),
        hidden=unit_of_type(hidden, 4),
        n_iter=20,
        random_state=0,
    ).fit(X)
    gain = log_likelihood(rbm, X_new) - independent_log_likelihood(visible, X, X_new)
    assert gain > GAIN[visible]


def test_annealed_likelihood_of_digits_is_above_that_of_independent_pixels():
    """64 hidden units: too many to enumerate."""
    X = (load_digits().data > 7).astype(np.float64)
    X, X_new = X[:1400], X[1400:]
    rbm = RBMTransformer(64, random_state=0).fit(X)
    estimate = rbm.log_partition(n_runs=100, n_temperatures=500, n_steps=300, start=X, random_state=0)
    # The reverse direction tends to be high: the likelihood it gives is not too good.
    pessimistic = -rbm.free_energy(X_new).mean() - estimate.reverse_value
    p = (X.sum(axis=0) + 0.5) / (len(X) + 1)
    assert pessimistic > stats.bernoulli.logpmf(X_new, p).sum(axis=1).mean() + 5


# -- which pairs there are -------------------------------------------------------------------------


@pytest.mark.parametrize(("visible", "hidden"), ALL_PAIRS)
def test_pairs_without_a_normalisable_joint_are_refused_by_name(visible, hidden, rng):
    X = rows_of_type(visible, 30, rng)
    rbm = RBMTransformer(4, visible=unit_of_type(visible, N_LEVELS), hidden=hidden, n_iter=1)
    for fit in (rbm.fit, rbm.partial_fit):
        if visible in BOUNDED or hidden in BOUNDED:
            fit(X)
            continue
        with pytest.raises(
            ValueError, match=f'visible="{visible}" and hidden="{hidden}" have no normalisable'
        ):
            fit(X)
        assert not hasattr(rbm, "components_")


def test_part_that_cannot_be_normalised_is_named(rng):
    X = np.hstack([rows_of_type("bernoulli", 30, rng), rows_of_type("relu", 30, rng)])
    visible = [("bernoulli", slice(0, 12)), ("relu", slice(12, 24))]
    with pytest.raises(ValueError, match='the "relu" part of visible and hidden="gaussian"'):
        RBMTransformer(4, visible=visible, hidden="gaussian").fit(X)


def test_auto_is_never_a_type_that_hidden_units_cannot_meet(rng):
    """Real data with real features: the message names the types, not "auto"."""
    with pytest.raises(ValueError, match='visible="gaussian" and hidden="relu"'):
        RBMTransformer(4, hidden="relu").fit(rows_of_type("gaussian", 30, rng))


@pytest.mark.parametrize(
    "scale",
    [2.0, 1, "learned", np.full(4, 2.0), [1.0, 2.0, 3.0, 4.0]],
    ids=["2", "1", "learned", "array", "list"],
)
def test_scales_of_hidden_units_are_refused(scale, rng):
    """The unit of a hidden field is that of the weights: a scale would do nothing."""
    rbm = RBMTransformer(4, hidden=Gaussian(scale), n_iter=1)
    for fit in (rbm.fit, rbm.partial_fit):
        with pytest.raises(ValueError, match="the scale of hidden units is that of the weights"):
            fit(rows_of_type("bernoulli", 30, rng))
        assert not hasattr(rbm, "components_")


# -- going on --------------------------------------------------------------------------------------


def new_rbm(visible, hidden, **parameters):
    units = {"visible": unit_of_type(visible, N_LEVELS), "hidden": unit_of_type(hidden, 4)}
    return RBMTransformer(
        8, **units, n_iter=3, batch_size=50, learning_rate=0.01, random_state=0, **parameters
    )


def assert_same_parameters(first, second):
    for name in ("components_", "intercept_hidden_", "intercept_visible_"):
        assert_array_equal(getattr(first, name), getattr(second, name))


@each_pair
def test_epochs_of_partial_fit_are_those_of_fit(visible, hidden, rng):
    X = rows_of_type(visible, 300, rng)
    at_once, bit_by_bit = new_rbm(visible, hidden).fit(X), new_rbm(visible, hidden)
    for _ in range(3):
        assert bit_by_bit.partial_fit(X) is bit_by_bit
    assert_same_parameters(at_once, bit_by_bit)
    assert at_once.history_ == bit_by_bit.history_


@each_pair
def test_warm_start_goes_on_where_fit_ended(visible, hidden, rng):
    """With plain gradient steps of a constant rate, twice three epochs are six."""
    X = rows_of_type(visible, 300, rng)
    twice = new_rbm(visible, hidden, optimizer="sgd", warm_start=True).fit(X).fit(X)
    six = new_rbm(visible, hidden, optimizer="sgd").set_params(n_iter=6).fit(X)
    assert_same_parameters(twice, six)
    assert twice.n_iter_ == six.n_iter_ == 6


def test_learned_scales_go_on_with_warm_start(rng):
    X = rows_of_type("gaussian", 300, rng)
    parameters = {"visible": Gaussian("learned"), "optimizer": "sgd"}
    twice = new_rbm("gaussian", "bernoulli").set_params(**parameters, warm_start=True).fit(X).fit(X)
    six = new_rbm("gaussian", "bernoulli").set_params(**parameters, n_iter=6).fit(X)
    bit_by_bit = new_rbm("gaussian", "bernoulli").set_params(**parameters)
    for _ in range(6):
        bit_by_bit.partial_fit(X)
    for other in (six, bit_by_bit):
        # Going on takes the logarithm of the scales, which rounds.
        assert_allclose(twice.visible_.scale_, other.visible_.scale_, rtol=1e-12)
    assert (twice.visible_.scale_ != twice.visible_.initial_scale_).all()


@each_pair
def test_float32_stays_float32_in_every_type(visible, hidden, rng):
    X = rows_of_type(visible, 100, rng).astype(np.float32)
    rbm = new_rbm(visible, hidden).fit(X)
    H = rbm.transform(X)
    results = [rbm.components_, H, rbm.inverse_transform(H), rbm.reconstruct(X), rbm.free_energy(X)]
    results += [rbm.gibbs(X), rbm.sample(3, 2), rbm.score_samples(X)]
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


# -- lists of columns ------------------------------------------------------------------------------


@pytest.fixture(name="frame")
def make_frame():
    """Columns of three types that all depend on a hidden class, which is the label."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=400)
    frame = pandas.DataFrame(
        {
            "pressure": rng.normal(np.where(y, 140.0, 120.0), 10),
            "smoker": (rng.random(400) < np.where(y, 0.8, 0.2)).astype(float),
            "visits": rng.poisson(np.where(y, 4, 1)).astype(float),
        }
    )
    colour = (rng.random(400)[:, np.newaxis] > np.where(y[:, np.newaxis], [0.7, 0.9], [0.1, 0.3])).sum(
        axis=1
    )
    for level in range(3):
        frame[f"colour_{level}"] = (colour == level).astype(float)
    return frame, y


BY_NAME = [
    ("softmax", [["colour_0", "colour_1", "colour_2"]]),
    ("gaussian", ["pressure"]),
    ("bernoulli", ["smoker"]),
    ("relu", ["visits"]),
]
BY_NUMBER = [("softmax", [[3, 4, 5]]), ("gaussian", [0]), ("bernoulli", [1]), ("relu", [2])]


def test_columns_by_name_are_those_by_number(frame):
    X, _ = frame
    by_name = RBMTransformer(6, visible=BY_NAME, n_iter=3, random_state=0).fit(X)
    by_number = RBMTransformer(6, visible=BY_NUMBER, n_iter=3, random_state=0).fit(X.to_numpy())
    assert_same_parameters(by_name, by_number)
    assert isinstance(by_name.visible_, Mixed)
    assert by_name.visible == BY_NAME  # as given
    assert_array_equal(by_name.transform(X), by_number.transform(X.to_numpy()))


def test_order_of_the_parts_changes_the_draws_alone(frame):
    """Without draws, columns mean the same in whatever order the parts are given."""
    X, _ = frame
    models = [
        RBMTransformer(
            6, visible=parts, sampler="meanfield", batch_size=None, n_iter=3, random_state=0
        ).fit(X)
        for parts in (BY_NAME, BY_NAME[::-1])
    ]
    assert_allclose(*(model.components_ for model in models), rtol=1e-9)
    assert_allclose(*(model.free_energy(X) for model in models), rtol=1e-9)


def test_lists_of_columns_go_through_pipelines_and_searches(frame):
    X, y = frame
    pipeline = make_pipeline(
        FunctionTransformer().set_output(transform="pandas"),
        RBMTransformer(visible=BY_NAME, n_iter=5, random_state=0),
        DBNClassifier(
            8,
            pretrain=False,
            dropout=0,
            input_dropout=0,
            max_iter=30,
            tol=0,
            n_iter_no_change=100,
            random_state=0,
        ),
    )
    grid = {"rbmtransformer__n_components": [2, 8], "dbnclassifier__alpha": [0.0, 1e-4]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    # The best that can be done with these columns is about 0.94; the larger class has half of the rows.
    assert search.best_score_ > 0.85
    assert clone(pipeline).get_params()["rbmtransformer__visible"] == BY_NAME
    # The score of the machine itself is one to search by.
    rbm = GridSearchCV(RBMTransformer(visible=BY_NAME, random_state=0), {"n_iter": [1, 5]}, cv=2).fit(X)
    assert np.isfinite(rbm.cv_results_["mean_test_score"]).all()


def test_encoded_categories_are_found_by_their_names(frame):
    pandas = pytest.importorskip("pandas")
    X, _ = frame
    colours = pandas.DataFrame(
        {"colour": np.array(["red", "green", "blue"])[X.iloc[:, 3:].to_numpy().argmax(1)]}
    )
    encoder = OneHotEncoder(sparse_output=False).set_output(transform="pandas")

    def columns_of_colour(frame):
        return [[name for name in frame.columns if name.startswith("colour_")]]

    rbm = RBMTransformer(3, visible=[("softmax", columns_of_colour)], n_iter=2, random_state=0)
    model = make_pipeline(encoder, rbm).fit(colours)
    drawn = rbm.sample(50, 20, random_state=0)
    assert_array_equal(np.sort(drawn, axis=1), np.tile([0.0, 0.0, 1.0], (50, 1)))
    assert model.transform(colours).shape == (400, 3)


@pytest.mark.parametrize("hidden", ["bernoulli", "softmax"])
def test_features_of_lists_of_columns_have_names_and_frames(hidden, frame):
    X, _ = frame
    rbm = RBMTransformer(4, visible=BY_NAME, hidden=hidden, n_iter=1, random_state=0)
    features = rbm.set_output(transform="pandas").fit_transform(X)
    names = [f"rbmtransformer{i}" for i in range(4)]
    assert list(features.columns) == list(rbm.get_feature_names_out()) == names
    assert_array_equal(features.index, X.index)
    assert list(rbm.feature_names_in_) == list(X.columns)
    with pytest.raises(ValueError, match="feature names"):
        rbm.transform(X[X.columns[::-1]])


def test_column_that_is_not_there_is_named(frame):
    X, _ = frame
    with pytest.raises(ValueError, match="column 'height' was asked for"):
        RBMTransformer(visible=[*BY_NAME, ("gaussian", ["height"])]).fit(X)
    with pytest.raises(ValueError, match="leaves out 1 of 6 columns of X: 'visits'"):
        RBMTransformer(visible=BY_NAME[:-1]).fit(X)


# -- deep belief networks --------------------------------------------------------------------------


@pytest.fixture(scope="module", name="digits")
def make_digits():
    X, y = load_digits(return_X_y=True)
    return X[:1200] / 16, y[:1200], X[1200:] / 16, y[1200:]


def network(rbm, **parameters):
    return DBNClassifier(
        **{"hidden_layer_sizes": (32, 24), "rbm": rbm, "max_iter": 10, "random_state": 0} | parameters
    )


def rbm(**parameters):
    return RBMTransformer(n_iter=3, **parameters)


STACKS = {
    "relu below": ([rbm(hidden="relu"), rbm(visible="relu")], ["ReLU", "ReLU", "Bernoulli"]),
    "relu below, auto": ([rbm(hidden="relu"), rbm()], ["ReLU", "Gaussian", "Bernoulli"]),
    "relu on top": ([rbm(), rbm(hidden="relu")], ["Bernoulli", "Bernoulli", "ReLU"]),
    "gaussian below": ([rbm(hidden="gaussian"), rbm()], ["Gaussian", "Gaussian", "Bernoulli"]),
    "softmax below": (
        [rbm(hidden=Softmax(8)), rbm(visible=Softmax(8))],
        ["Softmax", "Softmax", "Bernoulli"],
    ),
    "softmax below, auto": ([rbm(hidden=Softmax(8)), rbm()], ["Softmax", "Bernoulli", "Bernoulli"]),
    "softmax throughout": (rbm(hidden=Softmax(8)), ["Softmax", "Softmax", "Softmax"]),
    "relu throughout": (rbm(hidden="relu"), ["ReLU", "Bernoulli", "ReLU"]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # ten epochs
@pytest.mark.parametrize(("stack", "types"), STACKS.values(), ids=STACKS)
def test_stacks_of_other_hidden_units_learn_digits(stack, types, digits):
    X, y, X_new, y_new = digits
    model = network(stack).fit(X, y)
    first, second = model.rbms_
    assert [type(unit).__name__ for unit in (first.hidden_, second.visible_, second.hidden_)] == types
    # A linear model has 0.90 on these rows, the majority class 0.1.
    assert model.score(X_new, y_new) > 0.85
    assert model.transform(X_new, layer=0).shape == (len(X_new), 32)


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        (rbm(hidden="gaussian"), 'layer 2: visible="gaussian" and hidden="gaussian" have no normalisable'),
        ([rbm(hidden="relu"), rbm(hidden="relu")], 'visible="gaussian" and hidden="relu" have no'),
        ([rbm(hidden="gaussian"), rbm(visible="bernoulli")], 'visible="bernoulli" expects values in'),
        (
            [rbm(hidden="gaussian"), rbm(visible="relu")],
            'visible="relu" expects counts or other values >= 0',
        ),
        ([rbm(hidden="bernoulli"), rbm(visible=Softmax(8))], "Softmax units expect one-hot rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_layers_that_do_not_fit_on_each_other_are_refused(stack, message, digits):
    X, y, _, _ = digits
    with pytest.raises(ValueError, match=message):
        network(stack).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # ten epochs
@pytest.mark.parametrize("pretrain", [True, False])
@pytest.mark.parametrize("as_list", [True, False])
def test_networks_take_lists_of_columns(as_list, pretrain, digits):
    X, y, X_new, y_new = digits
    visible = [("bernoulli", slice(0, 40)), (Gaussian(), slice(40, 64))]
    prototype = rbm(visible=visible)
    model = network([prototype, rbm()] if as_list else prototype, pretrain=pretrain).fit(X, y)
    assert isinstance(model.visible_, Mixed)
    assert model.score(X_new, y_new) > 0.85
    assert prototype.visible == visible
    if pretrain:
        assert isinstance(model.rbms_[1].visible_, Bernoulli)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # ten epochs
def test_networks_take_lists_of_column_names(frame):
    X, y = frame
    by_name = network(rbm(visible=BY_NAME)).fit(X, y)
    by_number = network(rbm(visible=BY_NUMBER)).fit(X.to_numpy(), y)
    assert_array_equal(by_name.predict_proba(X), by_number.predict_proba(X.to_numpy()))
    assert by_name.score(X, y) > 0.85


# -- scikit-learn's checks -------------------------------------------------------------------------

EXACT = {"n_components": 4, "n_iter": 2, "sampler": "meanfield", "batch_size": None}
CHECKED = [
    RBMTransformer(**EXACT, visible=Gaussian("learned")),
    RBMTransformer(**EXACT, visible="gaussian", hidden="softmax"),
    RBMTransformer(**EXACT, hidden="softmax", centered="average"),
    # Selections that hold for any number of columns; the second may find none.
    RBMTransformer(**EXACT, visible=[("gaussian", slice(0, 1)), (Gaussian("learned"), slice(1, None))]),
]


@parametrize_with_checks(CHECKED)
# The checks train on a dozen rows, and for two epochs.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_types_pass_every_check_of_scikit_learn(estimator, check):
    check(estimator)


# -- the scale of Bernoulli units ------------------------------------------------------------------


def test_bytes_with_their_scale_are_the_same_data_as_shares(digits):
    X = digits[0]  # a power of 2 as the scale, so that the shares are equal to the last bit
    shares, whole = (
        rbm(random_state=0).fit(X),
        rbm(visible=Bernoulli(scale=256.0), random_state=0).fit(X * 256),
    )
    assert_allclose(whole.components_, shares.components_, rtol=1e-9)
    assert_allclose(whole.transform(X * 256), shares.transform(X), rtol=1e-9)
    assert_allclose(whole.reconstruct(X * 256), shares.reconstruct(X) * 256, rtol=1e-9)
    assert_allclose(whole.score_samples(X * 256), shares.score_samples(X), rtol=1e-9)
    assert_allclose(whole.sample(5, random_state=0), shares.sample(5, random_state=0) * 256)
    assert set(np.unique(whole.sample(5, random_state=0))) == {0, 256}


def test_scale_from_the_data_is_three_deviations_above_the_mean(rng):
    X = rng.exponential(size=(101, 3)) * [1.0, 10.0, 0.0]
    unit = rbm(visible=Bernoulli(scale="data")).fit(X).visible_
    expected = X.mean(axis=0) + 3 * X.std(axis=0)
    assert_allclose(unit.scale_, np.where(expected > 0, expected, 1))


def test_a_part_of_the_columns_may_have_a_scale(digits):
    X = digits[0]
    parts = [(Bernoulli(scale=16.0), slice(0, 40)), ("bernoulli", slice(40, 64))]
    plain = [("bernoulli", slice(0, 40)), ("bernoulli", slice(40, 64))]
    scaled = X * np.where(np.arange(64) < 40, 16, 1)
    expected = rbm(visible=plain, random_state=0).fit(X).transform(X)
    found = rbm(visible=parts, random_state=0).fit(scaled).transform(scaled)
    assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("scale", "factor", "message"),
    [
        (16.0, 17, r"Bernoulli\(scale=16.0\) expects values in \[0, 16.0\]; got min=0, max=17"),
        ("data", -1, r'Bernoulli\(scale="data"\) expects values >= 0; got min=-1'),
        (0.0, 1, 'scale must be "data" or a positive number'),
        ("learned", 1, 'scale must be "data" or a positive number'),
    ],
)
def test_values_that_are_no_shares_of_the_scale_are_refused(scale, factor, message, digits):
    with pytest.raises(ValueError, match=message):
        rbm(visible=Bernoulli(scale=scale)).fit(digits[0] * factor)
