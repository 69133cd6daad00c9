"""What learning curves and histograms of hidden activity show."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_displays import AT_ONCE, _no_figure_is_left, plt  # noqa: F401 - a fixture

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.inspection import HiddenActivityDisplay, LearningCurveDisplay, hidden_activity, swap_rates
from skdbn.samplers import ParallelTempering

pytestmark = pytest.mark.thread_unsafe(reason="the figures of pyplot belong to the process")

N_ROWS, N_FEATURES = 29, 6


@pytest.fixture(name="X")
def rows(rng):
    return (rng.random((N_ROWS, N_FEATURES)) < 0.5).astype(float)


@pytest.fixture
def y(X):
    return np.where(X[:, 0] > 0, "on", "off")


@pytest.fixture
def network(X, y):
    """A function that trains a DBN for a few epochs, with rows held out."""
    rbms = [RBMTransformer(n_iter=4), RBMTransformer(n_iter=6, sampler="cd")]

    def fit(cls, targets=None, **options):
        settings = {"max_iter": 3, "early_stopping": True, "n_iter_no_change": 1, "tol": 1e3}
        dbn = cls((5, 4), rbm=rbms, random_state=0, **settings, **options)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The fitted network predicts class")  # it hardly trains
            return dbn.fit(X) if targets is None else dbn.fit(X, targets)

    return fit


def lines_of(display, quantity):
    """What the lines of a panel hold: {name: (epochs, values)}."""
    return {line.get_label(): line.get_data() for line in display.lines_[quantity]}


# -- learning curves -------------------------------------------------------------------------------


def test_curves_of_an_rbm_are_those_of_its_history(X):
    rbm = RBMTransformer(4, n_iter=5, random_state=0).fit(X, X_val=X[:7])
    display = LearningCurveDisplay.from_estimator(rbm)
    assert list(display.curves) == ["reconstruction_error", "free_energy_gap"]
    assert len(display.axes_) == 2
    assert display.ax_ is display.axes_[0]
    for quantity in display.curves:
        ((epochs, values),) = lines_of(display, quantity).values()
        assert_array_equal(epochs, [1, 2, 3, 4, 5])
        assert_array_equal(values, rbm.history_[quantity])


def test_panels_say_what_they_show_and_in_which_units(X):
    rbm = RBMTransformer(4, n_iter=5, random_state=0).fit(X, X_val=X[:7])
    display = LearningCurveDisplay.from_estimator(rbm)
    assert [panel.get_title() for panel in display.axes_] == ["reconstruction error", "free-energy gap"]
    units = ["squared error per feature", "held-out minus training (nats)"]
    assert [panel.get_ylabel() for panel in display.axes_] == units
    assert {panel.get_xlabel() for panel in display.axes_} == {"epoch"}
    assert not any(panel.get_legend() for panel in display.axes_)  # one line each


def test_the_learning_rate_is_drawn_when_asked_for(X):
    rbm = RBMTransformer(4, n_iter=5, random_state=0).fit(X)
    assert list(LearningCurveDisplay.from_estimator(rbm).curves) == ["reconstruction_error"]
    display = LearningCurveDisplay.from_estimator(rbm, quantities="learning_rate")
    assert_array_equal(display.lines_["learning_rate"][0].get_ydata(), rbm.history_["learning_rate"])
    display = LearningCurveDisplay.from_estimator(rbm, quantities=["learning_rate", "reconstruction_error"])
    assert list(display.lines_) == ["learning_rate", "reconstruction_error"]


@pytest.mark.parametrize("quantities", ["loss", ["reconstruction_error", "los"], []])
def test_quantities_that_were_not_measured_are_refused(X, quantities):
    rbm = RBMTransformer(4, n_iter=2, random_state=0).fit(X)
    message = "but this RBMTransformer has 'learning_rate', 'reconstruction_error'.$"
    with pytest.raises(ValueError, match=message):
        LearningCurveDisplay.from_estimator(rbm, quantities=quantities)
    assert not plt.get_fignums()


def test_a_quantity_measured_later_begins_later(X):
    rbm = RBMTransformer(4, n_iter=3, warm_start=True, random_state=0).fit(X)
    rbm.set_params(n_iter=2).fit(X, X_val=X[:7])
    display = LearningCurveDisplay.from_estimator(rbm)
    ((epochs, values),) = lines_of(display, "free_energy_gap").values()
    assert_array_equal(epochs, [1, 2, 3, 4, 5])
    assert_array_equal(values, [np.nan] * 3 + rbm.history_["free_energy_gap"])
    assert len(rbm.history_["free_energy_gap"]) == 2


def test_exchanges_are_drawn_as_their_mean_and_their_minimum(X):
    sampler = ParallelTempering(n_chains=7, n_temperatures=4)
    rbm = RBMTransformer(4, n_iter=3, sampler=sampler, random_state=0).fit(X)
    display = LearningCurveDisplay.from_estimator(rbm, quantities="swap_rate")
    lines = lines_of(display, "swap_rate")
    rates = swap_rates(rbm)
    assert_allclose(lines["mean of all pairs"][1], np.nanmean(rates, axis=1))
    assert_allclose(lines["lowest pair"][1], np.nanmin(rates, axis=1))
    assert display.ax_.get_legend() is not None


def test_pairs_without_a_turn_do_not_count(X):
    rbm = RBMTransformer(4, n_iter=2, random_state=0).fit(X)
    rbm.history_["swap_rate"] = [np.array([0.5, np.nan, 0.1]), np.array([np.nan, np.nan])]
    lines = lines_of(LearningCurveDisplay.from_estimator(rbm, quantities="swap_rate"), "swap_rate")
    assert_allclose(lines["mean of all pairs"][1], [0.3, np.nan])
    assert_allclose(lines["lowest pair"][1], [0.1, np.nan])


def test_a_network_has_a_line_for_each_layer_and_panels_for_the_fine_tuning(network, y):
    dbn = network(DBNClassifier, y)
    display = LearningCurveDisplay.from_estimator(dbn)
    assert list(display.curves) == ["reconstruction_error", "loss", "validation_score"]
    lines = lines_of(display, "reconstruction_error")
    assert list(lines) == ["layer 1", "layer 2"]
    for rbm, (epochs, values) in zip(dbn.rbms_, lines.values(), strict=True):
        assert_array_equal(values, rbm.history_["reconstruction_error"])
        assert_array_equal(epochs, np.arange(rbm.n_iter_) + 1)
    ((_, loss),) = lines_of(display, "loss").values()
    ((_, scores),) = lines_of(display, "validation_score").values()
    assert_array_equal(loss, dbn.loss_curve_)
    assert_array_equal(scores, dbn.validation_scores_)
    titles = [
        "pre-training: reconstruction error",
        "fine-tuning: training loss",
        "fine-tuning: validation score",
    ]
    assert [panel.get_title() for panel in display.axes_] == titles


@pytest.mark.parametrize(
    ("cls", "options", "loss", "score"),
    [
        (DBNClassifier, {}, "nats", "accuracy"),
        (DBNRegressor, {}, "half the squared error, scaled", "R²"),
        (DBNTransformer, {"fine_tuning": "reconstruction"}, "nats", "minus loss (nats)"),
    ],
)
def test_loss_and_score_are_named_after_the_task(network, X, y, cls, options, loss, score):
    targets = {DBNClassifier: y, DBNRegressor: X.sum(axis=1)}.get(cls)
    display = LearningCurveDisplay.from_estimator(network(cls, targets, **options))
    assert [panel.get_ylabel() for panel in display.axes_[1:]] == [loss, score]


def test_what_was_not_measured_has_no_panel(X, y):
    stack = DBNTransformer((4,), rbm=RBMTransformer(n_iter=2), random_state=0).fit(X)
    assert list(LearningCurveDisplay.from_estimator(stack).curves) == ["reconstruction_error"]
    plain = DBNRegressor((4,), pretrain=False, random_state=0, **AT_ONCE).fit(X, X[:, 0])
    display = LearningCurveDisplay.from_estimator(plain)
    assert list(display.curves) == ["loss"]
    assert display.ax_.get_title() == "training loss"  # the only stage


def test_curves_of_a_classification_rbm_are_loss_and_accuracy(X, y):
    model = RBMClassifier(4, early_stopping=True, max_iter=5, n_iter_no_change=2, random_state=0).fit(X, y)
    display = LearningCurveDisplay.from_estimator(model)
    assert_array_equal(display.lines_["loss"][0].get_ydata(), model.loss_curve_)
    assert_array_equal(display.lines_["validation_score"][0].get_ydata(), model.validation_scores_)
    assert [panel.get_title() for panel in display.axes_] == ["training loss", "validation score"]


def test_models_are_compared_on_the_same_panels(X):
    rbms = {seed: RBMTransformer(4, n_iter=2, random_state=seed).fit(X, X_val=X[:7]) for seed in (0, 1)}
    axes = None
    for seed, rbm in rbms.items():
        display = LearningCurveDisplay.from_estimator(rbm, name=f"seed {seed}", ax=axes)
        axes = display.axes_
    for panel, quantity in zip(axes, display.curves, strict=True):
        assert [text.get_text() for text in panel.get_legend().get_texts()] == ["seed 0", "seed 1"]
        for line, rbm in zip(panel.lines, rbms.values(), strict=True):
            assert_array_equal(line.get_ydata(), rbm.history_[quantity])
    assert len(plt.get_fignums()) == 1
    with pytest.raises(
        ValueError, match="^ax must be None or 2 matplotlib Axes, one for each panel; got 1 Axes"
    ):
        display.plot(axes[0])


def test_keywords_reach_the_lines_and_a_single_epoch_is_a_point(X):
    rbm = RBMTransformer(4, n_iter=1, random_state=0).fit(X)
    (line,) = LearningCurveDisplay.from_estimator(rbm, line_kwargs={"color": "red"}).lines_[
        "reconstruction_error"
    ]
    assert line.get_color() == "red"
    assert line.get_marker() == "o"


def test_other_curves_can_be_drawn_with_labels_of_their_own():
    curves = {"error": {"a": [3.0, 2.0], "b": [2.0, 1.0, 0.5]}}
    display = LearningCurveDisplay(curves, labels={"error": ("wrong rows", "percent")}).plot()
    assert (display.ax_.get_title(), display.ax_.get_ylabel()) == ("wrong rows", "percent")
    assert_array_equal(lines_of(display, "error")["b"], [[1, 2, 3], [2, 1, 0.5]])
    assert LearningCurveDisplay({"other": {"": [1.0, 2.0]}}).plot().ax_.get_title() == "other"


# -- hidden activity -------------------------------------------------------------------------------


@pytest.fixture
def rbm(X):
    return RBMTransformer(8, n_iter=5, learning_rate=0.1, random_state=0).fit(X)


def test_bars_count_the_units_by_their_mean_activity(rbm, X):
    display = HiddenActivityDisplay.from_estimator(rbm, X, bins=5)
    expected, edges = np.histogram(hidden_activity(rbm, X).mean, bins=5, range=(0, 1))
    assert_array_equal([bar.get_height() for bar in display.bars_], expected)
    assert_allclose([bar.get_x() for bar in display.bars_], edges[:-1], atol=1e-12)
    assert sum(bar.get_height() for bar in display.bars_) == 8
    assert display.ax_.get_ylabel() == "hidden units"
    assert_array_equal(display.activity_.mean, hidden_activity(rbm, X).mean)


def test_bars_are_shares_of_all_values(rbm, X):
    display = HiddenActivityDisplay.from_estimator(rbm, X, kind="values", bins=[0, 0.3, 1])
    share = (rbm.transform(X) < 0.3).mean()
    assert_allclose([bar.get_height() for bar in display.bars_], [share, 1 - share])
    assert 0 < share < 1
    assert display.ax_.get_ylabel() == "share of all rows and units"


def test_the_legend_counts_the_units_that_are_constant(rbm, X):
    rbm.components_[:3] = 0
    display = HiddenActivityDisplay.from_estimator(rbm, X)
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text() == "RBMTransformer: 8 units, 3 constant"
    (text,) = HiddenActivityDisplay(rbm.transform(X)).plot().ax_.get_legend().get_texts()
    assert text.get_text() == "8 units, 3 constant"


def test_activity_is_that_of_the_layer_asked_for(network, X, y):
    dbn = network(DBNClassifier, y)
    for layer, title in ((0, "layer 1 of 2"), (-1, "layer 2 of 2")):
        display = HiddenActivityDisplay.from_estimator(dbn, X, layer=layer)
        assert_array_equal(display.hidden_means, dbn.transform(X, layer=layer))
        assert display.name == f"DBNClassifier, {title}"
    assert_array_equal(HiddenActivityDisplay.from_estimator(dbn, X).hidden_means, dbn.transform(X))


def test_wrong_layers_and_kinds_are_refused(network, rbm, X, y):
    with pytest.raises(ValueError, match="layer=2, but DBNClassifier has 2 hidden layers"):
        HiddenActivityDisplay.from_estimator(network(DBNClassifier, y), X, layer=2)
    with pytest.raises(ValueError, match="layer=1, but RBMTransformer has 1 hidden layer: give"):
        HiddenActivityDisplay.from_estimator(rbm, X, layer=1)
    with pytest.raises(ValueError, match="kind must be one of .*; got 'rows'"):
        HiddenActivityDisplay.from_estimator(rbm, X, kind="rows")
    assert not plt.get_fignums()


def test_units_that_are_no_probabilities_have_bars_over_their_own_range(X):
    rbm = RBMTransformer(8, hidden="relu", n_iter=2, random_state=0).fit(X)
    rbm.intercept_hidden_ += 3
    display = HiddenActivityDisplay.from_estimator(rbm, X, bins=4)
    mean = hidden_activity(rbm, X).mean
    assert_array_equal([bar.get_height() for bar in display.bars_], np.histogram(mean, bins=4)[0])
    assert_allclose(display.bars_[0].get_x(), mean.min())


def test_keywords_reach_the_bars(rbm, X):
    display = HiddenActivityDisplay.from_estimator(rbm, X, name="mine", bar_kwargs={"alpha": 0.25})
    assert {bar.get_alpha() for bar in display.bars_} == {0.25}
    (text,) = display.ax_.get_legend().get_texts()
    assert text.get_text() == "mine: 8 units, 0 constant"
