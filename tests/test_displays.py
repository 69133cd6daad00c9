"""What all displays have in common: scikit-learn's conventions, and one line for wrong input."""

import sys

import joblib
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

from skdbn import DBNClassifier, DBNRegressor, RBMClassifier, RBMTransformer
from skdbn.inspection import (
    FilterDisplay,
    HiddenActivityDisplay,
    LearningCurveDisplay,
    ReconstructionDisplay,
    SamplesDisplay,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")  # before pyplot is imported, which therefore comes late (E402)
import matplotlib.pyplot as plt  # noqa: E402

pytestmark = pytest.mark.thread_unsafe(reason="the figures of pyplot belong to the process")

N_FEATURES, N_HIDDEN = 16, 5
# Fine-tuning that changes nothing and stops at once, without a warning.
AT_ONCE = {"learning_rate": 1e-9, "max_iter": 2, "tol": 1e3, "n_iter_no_change": 1}
DISPLAYS = {
    FilterDisplay: lambda model, X, **options: FilterDisplay.from_estimator(model, **options),
    HiddenActivityDisplay: HiddenActivityDisplay.from_estimator,
    LearningCurveDisplay: lambda model, X, **options: LearningCurveDisplay.from_estimator(
        model, quantities="reconstruction_error", **options
    ),
    ReconstructionDisplay: ReconstructionDisplay.from_estimator,
    SamplesDisplay: lambda model, X, **options: SamplesDisplay.from_estimator(
        model, n_samples=3, n_steps=1, random_state=0, **options
    ),
}
each_display = pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: display.__name__)


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(name="X")
def rows(rng):
    return rng.random((23, N_FEATURES))


@pytest.fixture
def rbm(X):
    return RBMTransformer(N_HIDDEN, n_iter=2, random_state=0).fit(X)


def draw(display, model, X, **options):
    return DISPLAYS[display](model, X, **options)


@each_display
def test_without_axes_one_figure_is_made(display, rbm, X):
    drawn = draw(display, rbm, X)
    assert isinstance(drawn, display)
    assert plt.get_fignums() == [drawn.figure_.number]
    assert drawn.ax_.figure is drawn.figure_
    drawn.figure_.canvas.draw()  # warnings are errors


@each_display
def test_axes_that_are_given_are_drawn_on_and_no_figure_is_made(display, rbm, X):
    _, axes = plt.subplots(1, 2)
    drawn = draw(display, rbm, X, ax=axes[1])
    assert drawn.ax_ is axes[1]
    assert drawn.figure_ is axes[1].figure
    assert not axes[0].has_data()
    assert len(plt.get_fignums()) == 1


@each_display
def test_plot_returns_the_display_and_can_be_repeated(display, rbm, X):
    drawn = draw(display, rbm, X)
    first = drawn.ax_
    assert drawn.plot(name="again") is drawn
    assert drawn.ax_ is not first


@each_display
def test_only_data_are_stored_before_plot(display, rbm, X):
    drawn = draw(display, rbm, X)
    stored = {name: value for name, value in vars(drawn).items() if not name.endswith("_")}
    again = display(**stored)
    assert vars(again) == stored
    assert not any(name.endswith("_") for name in vars(again))


@each_display
def test_the_estimator_is_left_as_it_was(display, rbm, X):
    before = joblib.hash(rbm)
    draw(display, rbm, X)
    assert joblib.hash(rbm) == before


@each_display
def test_a_missing_matplotlib_is_said_in_one_line(display, rbm, X, monkeypatch):
    drawn = draw(display, rbm, X)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ImportError, match=rf"^{display.__name__}\.plot needs matplotlib: pip install matplotlib$"
    ):
        drawn.plot()


@each_display
def test_an_estimator_that_is_not_fitted_is_refused(display, X):
    for model in (RBMTransformer(), make_pipeline(MinMaxScaler(), RBMTransformer())):
        with pytest.raises(NotFittedError, match="This RBMTransformer instance is not fitted yet"):
            draw(display, model, X)
    assert not plt.get_fignums()


@each_display
def test_an_estimator_of_another_kind_is_refused_by_name(display, X):
    y = np.arange(len(X)) % 2
    with pytest.raises(
        TypeError, match=rf"^{display.__name__} needs an estimator with .*; LogisticRegression"
    ):
        draw(display, LogisticRegression().fit(X, y), X)
    assert not plt.get_fignums()


@each_display
def test_axes_of_a_wrong_kind_or_number_are_refused(display, rbm, X):
    with pytest.raises(ValueError, match="^ax must be None or .* got 'left'"):
        draw(display, rbm, X, ax="left")
    _, axes = plt.subplots(2, 2)
    with pytest.raises(ValueError, match="^ax must be None or .* got 4 Axes"):
        draw(display, rbm, X, ax=axes)


@each_display
def test_a_pipeline_stands_for_its_last_step_and_a_search_for_its_best_estimator(display, rbm, X):
    double = FunctionTransformer(lambda X: 2 * X)
    pipeline = make_pipeline(double, MinMaxScaler(), RBMTransformer(N_HIDDEN, n_iter=2, random_state=0))
    search = GridSearchCV(pipeline, {"rbmtransformer__n_iter": [2]}, cv=2).fit(X)
    step = search.best_estimator_[-1]
    expected = draw(display, step, search.best_estimator_[:-1].transform(X))
    for model in (search.best_estimator_, search):
        drawn = draw(display, model, X)
        for name, value in vars(expected).items():
            if not name.endswith("_"):
                np.testing.assert_equal(getattr(drawn, name), value)


@pytest.mark.parametrize("display", [FilterDisplay, ReconstructionDisplay, SamplesDisplay])
def test_the_name_is_the_title_and_by_default_that_of_the_class(display, rbm, X):
    assert draw(display, rbm, X).ax_.get_title().startswith("RBMTransformer")
    assert draw(display, rbm, X, name="digits").ax_.get_title() == "digits"


@pytest.mark.parametrize("display", [FilterDisplay, ReconstructionDisplay, SamplesDisplay])
@pytest.mark.parametrize("image_shape", [(4, 5), (16,), "4x4", (4.0, 4.0), (-4, -4), 16, (2, 2, 4)])
def test_an_image_shape_that_does_not_fit_is_refused(display, rbm, X, image_shape):
    with pytest.raises(
        ValueError, match=r"^image_shape=.* does not fit rows of 16 features: give \(height"
    ):
        draw(display, rbm, X, image_shape=image_shape)
    assert not plt.get_fignums()


@pytest.mark.parametrize("display", [FilterDisplay, ReconstructionDisplay, SamplesDisplay])
@pytest.mark.parametrize("n_columns", [0, -1, 2.5])
def test_a_number_of_columns_that_is_none_is_refused(display, rbm, X, n_columns):
    with pytest.raises(ValueError, match="^n_columns must be an integer >= 1; got"):
        draw(display, rbm, X, n_columns=n_columns)
    assert not plt.get_fignums()


@pytest.mark.parametrize("display", [FilterDisplay, ReconstructionDisplay, SamplesDisplay])
def test_keywords_for_imshow_take_the_place_of_the_defaults(display, rbm, X):
    drawn = draw(display, rbm, X, im_kwargs={"cmap": "magma", "vmin": -3.0, "interpolation": "bilinear"})
    assert drawn.im_.get_cmap().name == "magma"
    assert drawn.im_.get_clim()[0] == -3
    assert drawn.im_.get_interpolation() == "bilinear"


def test_estimators_without_what_a_display_needs_are_told_which_have_it(X):
    y = np.arange(len(X)) % 2
    classifier = RBMClassifier(N_HIDDEN, max_iter=2, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match="estimator with `reconstruct`.*; RBMClassifier has none"):
        ReconstructionDisplay.from_estimator(classifier, X)
    network = DBNClassifier((3,), rbm=RBMTransformer(n_iter=1), random_state=0, **AT_ONCE).fit(X, y)
    with pytest.raises(ValueError, match='fine_tuning="up-down" can draw rows'):
        SamplesDisplay.from_estimator(network)
    with pytest.raises(TypeError, match="estimator with `sample`.*; PCA has none"):
        SamplesDisplay.from_estimator(PCA(2).fit(X))


def test_a_network_without_machines_has_no_reconstructions(X):
    y = X.sum(axis=1)
    network = DBNRegressor((3,), pretrain=False, random_state=0, **AT_ONCE)
    with pytest.raises(TypeError, match="or a pre-trained DBNClassifier; DBNRegressor has none"):
        ReconstructionDisplay.from_estimator(network.fit(X, y), X)
