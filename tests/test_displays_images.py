"""What filters, samples and reconstructions show, against values worked out otherwise."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, logit
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neural_network import MLPClassifier
from test_displays import AT_ONCE, _no_figure_is_left  # noqa: F401 - a fixture

from skdbn import DBNClassifier, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.inspection import FilterDisplay, ReconstructionDisplay, SamplesDisplay
from skdbn.inspection._images import gap_of, mosaic, resolve_image_shape, resolve_n_columns
from skdbn.units import Bernoulli

pytestmark = pytest.mark.thread_unsafe(reason="the figures of pyplot belong to the process")

N_ROWS, N_FEATURES = 23, 16


@pytest.fixture(name="X")
def rows(rng):
    return rng.random((N_ROWS, N_FEATURES))


@pytest.fixture
def y(X):
    return np.array(["c", "a", "b"])[np.arange(len(X)) % 3]


@pytest.fixture
def rbm(X):
    return RBMTransformer(7, n_iter=3, random_state=0).fit(X)


def with_labels(dbn, X, y):
    """Train a DBN classifier hardly at all, without a word about the classes that it gives."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The fitted network predicts class")
        return dbn.fit(X, y)


@pytest.fixture
def up_down(X, y):
    """A function that trains an up-down network with layers of the given sizes."""
    rbm = RBMTransformer(n_iter=2, sampler="cd")
    settings = {"rbm": rbm, "fine_tuning": "up-down", "max_iter": 2, "random_state": 0}
    return lambda *sizes: with_labels(DBNClassifier(sizes, **settings), X, y)


@pytest.fixture
def tabular(rng):
    """Columns of different units, and an RBM of them."""
    X = pd.DataFrame(
        rng.normal([5.0, -30.0, 0.1], [1.0, 10.0, 0.02], size=(N_ROWS, 3)), columns=list("pqr")
    )
    return X, RBMTransformer(4, n_iter=3, random_state=0).fit(X)


def tiles_of(array, image_shape, n_tiles, n_columns, gap):
    """Cut a mosaic into images again."""
    height, width = image_shape
    corners = [(k // n_columns * (height + gap), k % n_columns * (width + gap)) for k in range(n_tiles)]
    return np.array([array[top : top + height, left : left + width] for top, left in corners])


def shown(display, image_shape=(4, 4), n_tiles=None, n_columns=None):
    """The images that a display shows, as rows."""
    array = np.ma.filled(display.im_.get_array().astype(float), np.nan)
    tiles = tiles_of(array, image_shape, n_tiles, n_columns, gap_of(image_shape))
    return tiles.reshape(n_tiles, -1)


# -- mosaics ---------------------------------------------------------------------------------------


def test_a_mosaic_has_the_images_in_reading_order_and_nan_between():
    images = np.arange(30.0).reshape(5, 2, 3)
    tiles = mosaic(images, 3, gap=1)
    nan = np.nan
    assert_array_equal(
        tiles.array,
        [
            [0, 1, 2, nan, 6, 7, 8, nan, 12, 13, 14],
            [3, 4, 5, nan, 9, 10, 11, nan, 15, 16, 17],
            [nan] * 11,
            [18, 19, 20, nan, 24, 25, 26, nan, nan, nan, nan],
            [21, 22, 23, nan, 27, 28, 29, nan, nan, nan, nan],
        ],
    )
    assert_array_equal(tiles.columns, [1, 5, 9])
    assert_array_equal(tiles.rows, [0.5, 3.5])


@pytest.mark.parametrize(("n_images", "n_columns"), [(1, 1), (7, 4), (10, 5), (16, 4), (64, 8), (256, 16)])
def test_square_images_are_laid_out_nearly_square_and_nearly_full(n_images, n_columns):
    assert resolve_n_columns(None, (n_images, 28, 28)) == n_columns


def test_high_images_get_more_columns_than_wide_ones():
    assert resolve_n_columns(None, (12, 40, 10)) == 6
    assert resolve_n_columns(None, (12, 10, 40)) == 2


def test_a_number_of_columns_is_taken_but_not_more_than_images():
    assert resolve_n_columns(3, (12, 4, 4)) == 3
    assert resolve_n_columns(20, (12, 4, 4)) == 12


def test_images_are_square_where_the_number_of_features_is_that_of_a_square():
    assert resolve_image_shape("auto", 784) == (28, 28)
    assert resolve_image_shape("auto", 16) == (4, 4)
    assert resolve_image_shape("auto", 9) is None  # a small table
    assert resolve_image_shape("auto", 783) is None
    assert resolve_image_shape(None, 784) is None
    assert resolve_image_shape((14, 56), 784) == (14, 56)
    assert resolve_image_shape(np.array([56, 14]), 784) == (56, 14)


def test_gaps_are_a_fifteenth_of_a_side_and_never_nothing():
    assert [gap_of((side, side)) for side in (4, 8, 28, 60)] == [1, 1, 2, 4]


# -- filters ---------------------------------------------------------------------------------------


def test_filters_are_the_weights_of_the_units_with_the_largest_norms(rbm):
    display = FilterDisplay.from_estimator(rbm, n_units=6, n_columns=3)
    order = np.argsort(-np.linalg.norm(rbm.components_, axis=1))[:6]
    assert_array_equal(display.units, order)
    assert_array_equal(shown(display, n_tiles=6, n_columns=3), rbm.components_[order])
    assert display.ax_.get_title() == "RBMTransformer: 6 of 7 units"


def test_units_are_shown_in_the_order_asked_for(rbm):
    display = FilterDisplay.from_estimator(rbm, units=[4, 0], n_columns=2)
    assert_array_equal(shown(display, n_tiles=2, n_columns=2), rbm.components_[[4, 0]])
    assert_array_equal(FilterDisplay.from_estimator(rbm, units=3).filters, rbm.components_[[3]])


@pytest.mark.parametrize("units", [[7], [-1], [0.5], [], "all"])
def test_units_that_do_not_exist_are_refused(rbm, units):
    with pytest.raises(ValueError, match="^units must be numbers of hidden units, from 0 to 6; got"):
        FilterDisplay.from_estimator(rbm, units=units)


def test_all_filters_share_a_scale_with_zero_in_the_middle_and_no_axes(rbm):
    display = FilterDisplay.from_estimator(rbm)
    low, high = display.im_.get_clim()
    assert low == -high
    assert high == np.abs(rbm.components_).max()
    assert not len(display.ax_.get_xticks())
    assert not len(display.ax_.get_yticks())
    assert not any(spine.get_visible() for spine in display.ax_.spines.values())
    assert list(display.ax_.images) == [display.im_]
    assert display.colorbar_.ax.get_ylabel() == "weight"


def test_a_single_extreme_weight_does_not_set_the_scale():
    filters = np.ones((100, N_FEATURES))
    filters[0, 0] = -50
    display = FilterDisplay(filters).plot()
    assert display.im_.get_clim() == (-1, 1)
    assert display.colorbar_.extend == "both"
    assert FilterDisplay(np.zeros((2, 16))).plot().im_.get_clim() == (-1, 1)


def test_the_colour_bar_can_be_left_out(rbm):
    display = FilterDisplay.from_estimator(rbm, colorbar=False)
    assert display.colorbar_ is None
    assert display.figure_.axes == [display.ax_]


def test_filters_of_a_table_are_lines_of_a_heat_map(tabular):
    _, rbm = tabular
    display = FilterDisplay.from_estimator(rbm, units=[2, 0, 3])
    assert_array_equal(display.im_.get_array(), rbm.components_[[2, 0, 3]])
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == list("pqr")
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["2", "0", "3"]
    assert display.im_.get_clim()[0] == -display.im_.get_clim()[1]


def test_more_names_than_can_be_read_are_left_out(rng):
    filters, names = rng.normal(size=(50, 41)), [f"x{k}" for k in range(41)]
    display = FilterDisplay(filters, feature_names=names).plot()
    assert display.ax_.get_xlabel() == "feature"
    assert not len(display.ax_.get_yticks())


@pytest.mark.parametrize("scaled", [False, True], ids=["bernoulli", "gaussian"])
def test_filters_of_a_layer_are_the_slopes_of_its_field_where_the_layers_below_are_linear(rng, scaled):
    visible = Bernoulli() if not scaled else "gaussian"
    hidden = "bernoulli" if scaled else "gaussian"
    # The first layer is linear where it can be; otherwise the layer is the first.
    X = rng.random((N_ROWS, N_FEATURES)) * (7 if scaled else 1)
    machines = [
        RBMTransformer(visible=visible, hidden=hidden, n_iter=3),
        RBMTransformer(visible="bernoulli" if scaled else "gaussian", n_iter=3),
    ]
    dbn = DBNTransformer((5, 3), rbm=machines, random_state=0).fit(X)
    layer = 0 if scaled else 1
    step = np.eye(N_FEATURES) * 0.01
    field = [logit(dbn.transform(rows, layer=layer)) for rows in (X[:1], X[:1] + step)]
    slopes = (field[1] - field[0]).T / 0.01
    scale = dbn.visible_.scale_ if scaled else 1.0
    for fine_tuned in (True, False):  # it was not, so the machines give the same
        display = FilterDisplay.from_estimator(
            dbn, layer=layer, units=range(5 if scaled else 3), fine_tuned=fine_tuned
        )
        assert_allclose(display.filters, slopes * scale, rtol=1e-7, atol=1e-9)


def test_filters_of_a_stack_that_was_not_fine_tuned_are_those_of_its_machines(X):
    dbn = DBNTransformer((6, 5, 4), rbm=RBMTransformer(n_iter=2), random_state=0).fit(20 * X - 3)
    expected = np.eye(N_FEATURES)
    for layer, rbm in enumerate(dbn.rbms_):
        expected = rbm.components_ @ expected  # Bernoulli units above, which take means as they are
        for fine_tuned in (True, False):
            display = FilterDisplay.from_estimator(
                dbn, layer=layer, fine_tuned=fine_tuned, units=range(len(expected))
            )
            assert_allclose(display.filters, expected, rtol=1e-10)
    assert display.name == "DBNTransformer, layer 3 of 3: 4 units\n(weights multiplied down to the inputs)"
    last = FilterDisplay.from_estimator(dbn, layer=-1, units=range(4))
    assert_array_equal(last.filters, FilterDisplay.from_estimator(dbn, layer=2, units=range(4)).filters)


def test_filters_before_and_after_fine_tuning_differ_as_the_weights_do(X, y):
    dbn = DBNClassifier((6, 5), rbm=RBMTransformer(n_iter=2), learning_rate=0.1, random_state=0)
    dbn.set_params(max_iter=2, tol=1e3, n_iter_no_change=1).fit(X, y)
    before = FilterDisplay.from_estimator(dbn, layer=1, fine_tuned=False, units=range(5)).filters
    after = FilterDisplay.from_estimator(dbn, layer=1, units=range(5)).filters
    assert_allclose(before, dbn.rbms_[1].components_ @ dbn.rbms_[0].components_)
    assert_allclose(after, (dbn.coefs_[0] @ dbn.coefs_[1]).T)
    assert np.abs(before - after).max() > 0.01


@pytest.mark.parametrize("sizes", [(6, 5), (6,)])
def test_filters_of_an_up_down_network_leave_the_labels_out(up_down, sizes):
    dbn = up_down(*sizes)
    n_below = (N_FEATURES, *sizes)[-2]
    before = dbn.rbms_[-1].components_[:, :n_below]
    after = dbn.coefs_[-2].T
    if len(sizes) == 2:
        before, after = before @ dbn.rbms_[0].components_, after @ dbn.coefs_[0].T
    for fine_tuned, expected in ((False, before), (True, after)):
        display = FilterDisplay.from_estimator(dbn, layer=-1, fine_tuned=fine_tuned, units=range(sizes[-1]))
        assert_allclose(display.filters, expected)


def test_machines_that_were_never_trained_cannot_be_shown(X, y):
    dbn = with_labels(DBNClassifier((6,), pretrain=False, random_state=0, **AT_ONCE), X, y)
    assert_allclose(FilterDisplay.from_estimator(dbn, units=range(6)).filters, dbn.coefs_[0].T)
    with pytest.raises(ValueError, match="fine_tuned=False shows the pre-trained machines, but this DBNC"):
        FilterDisplay.from_estimator(dbn, fine_tuned=False)


@pytest.mark.parametrize("layer", [2, -3, 0.0, "top", None])
def test_a_layer_that_does_not_exist_is_refused(X, layer):
    dbn = DBNTransformer((6, 5), rbm=RBMTransformer(n_iter=1), random_state=0).fit(X)
    with pytest.raises(
        ValueError, match="but DBNTransformer has 2 hidden layers: give an integer from -2 to 1"
    ):
        FilterDisplay.from_estimator(dbn, layer=layer)


def test_filters_of_other_estimators_can_be_compared_with(X, y):
    pca = PCA(3).fit(X)
    assert_array_equal(FilterDisplay.from_estimator(pca, units=[0, 1, 2]).filters, pca.components_)
    network = MLPClassifier((5, 4), max_iter=9, tol=1e3, n_iter_no_change=1).fit(X, y)
    expected = (network.coefs_[0] @ network.coefs_[1]).T
    assert_allclose(FilterDisplay.from_estimator(network, layer=1, units=range(4)).filters, expected)
    with pytest.raises(ValueError, match="2 hidden layers"):
        FilterDisplay.from_estimator(network, layer=2)


# -- samples ---------------------------------------------------------------------------------------

OPTIONS = {"n_steps": 3, "random_state": 5}


def test_samples_are_those_of_the_estimator_and_their_means_by_default(rbm):
    drawn = rbm.sample(6, **OPTIONS)
    display = SamplesDisplay.from_estimator(rbm, n_samples=6, means=False, n_columns=3, **OPTIONS)
    assert_array_equal(display.samples, drawn)
    assert_array_equal(shown(display, n_tiles=6, n_columns=3), drawn)
    display = SamplesDisplay.from_estimator(rbm, n_samples=6, **OPTIONS)
    assert_allclose(display.samples, rbm.reconstruct(drawn), rtol=1e-12)
    assert display.im_.get_clim() == (0, 1)


def test_samples_of_a_stack_come_down_through_its_lowest_machine(X):
    dbn = DBNTransformer((6, 5), rbm=RBMTransformer(n_iter=2), random_state=0).fit(X)
    display = SamplesDisplay.from_estimator(dbn, n_samples=4, **OPTIONS)
    assert_allclose(display.samples, dbn.rbms_[0].reconstruct(dbn.sample(4, **OPTIONS)), rtol=1e-12)


def test_other_keywords_reach_the_sampling(rbm, X):
    display = SamplesDisplay.from_estimator(rbm, means=False, sample_kwargs={"start": X[:4]}, **OPTIONS)
    assert_array_equal(display.samples, rbm.sample(start=X[:4], **OPTIONS))


def test_a_classifier_has_a_line_for_each_class(X, y):
    model = RBMClassifier(7, objective="generative", max_iter=3, random_state=0).fit(X, y)
    display = SamplesDisplay.from_estimator(model, n_samples=4, means=False, **OPTIONS)
    labels = np.repeat(["a", "b", "c"], 4)
    drawn = model.sample(y=labels, **OPTIONS)
    assert_array_equal(display.labels, labels)
    assert_array_equal(shown(display, n_tiles=12, n_columns=4), drawn)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["a", "b", "c"]
    assert_array_equal(display.ax_.get_yticks(), [1.5, 6.5, 11.5])


def test_means_of_a_classifier_are_those_given_its_label(X, y):
    model = RBMClassifier(7, objective="generative", max_iter=3, random_state=0).fit(X, y)
    display = SamplesDisplay.from_estimator(model, n_samples=2, y=["c", "b"], **OPTIONS)
    labels = np.array(["c", "c", "b", "b"])
    drawn = model.sample(y=labels, **OPTIONS)
    label_field = model.label_components_[:, [2, 2, 1, 1]].T
    hidden = expit(model.intercept_hidden_ + drawn @ model.components_.T + label_field)
    expected = expit(model.intercept_visible_ + hidden @ model.components_)
    assert_allclose(display.samples, expected, rtol=1e-10)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["c", "b"]


def test_an_up_down_network_gives_means_of_its_own(up_down):
    dbn = up_down(6, 5)
    labels = np.repeat(["b"], 3)
    for means in (True, False):
        display = SamplesDisplay.from_estimator(dbn, y="b", n_samples=3, means=means, **OPTIONS)
        assert_array_equal(display.samples, dbn.sample(y=labels, means=means, **OPTIONS))


def test_numbers_of_samples_have_a_default(rbm, X, y):
    assert len(SamplesDisplay.from_estimator(rbm, n_steps=1).samples) == 64
    model = RBMClassifier(7, max_iter=3, random_state=0).fit(X, y)
    assert len(SamplesDisplay.from_estimator(model, n_steps=1).samples) == 3 * 10


def test_classes_are_asked_only_of_a_model_that_has_them(rbm):
    with pytest.raises(ValueError, match="y=3 asks for classes, but RBMTransformer has none"):
        SamplesDisplay.from_estimator(rbm, y=3)
    with pytest.raises(ValueError, match="n_samples must be an integer >= 1; got 0"):
        SamplesDisplay.from_estimator(rbm, n_samples=0)


def test_lines_of_classes_with_fewer_samples_are_filled_with_nothing(X):
    display = SamplesDisplay(X[:4], labels=[1, 0, 1, 1]).plot()
    tiles = shown(display, n_tiles=6, n_columns=3)
    assert_array_equal(tiles[:4], X[[0, 2, 3, 1]])
    assert np.isnan(tiles[4:]).all()
    with pytest.raises(ValueError, match=r"labels must be one for each of the 4 samples; got \(2,\)"):
        SamplesDisplay(X[:4], labels=[0, 1]).plot()


def test_samples_of_a_table_are_shown_scaled_as_drawn(tabular):
    _, rbm = tabular
    display = SamplesDisplay.from_estimator(rbm, n_samples=9, **OPTIONS)
    unit = rbm.visible_
    expected = (rbm.sample(9, **OPTIONS) - unit.location_) / unit.scale_
    assert_allclose(display.im_.get_array(), expected, rtol=1e-10)
    low, high = display.im_.get_clim()
    assert low == -high
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == list("pqr")
    assert display.colorbar_ is not None


# -- reconstructions -------------------------------------------------------------------------------


def test_reconstructions_stand_below_the_rows_with_their_errors(rbm, X):
    display = ReconstructionDisplay.from_estimator(rbm, X[:3])
    expected = rbm.reconstruct(X[:3])
    array = np.ma.filled(display.im_.get_array(), np.nan)
    upper, lower = array[:4], array[5:9]
    assert_array_equal(tiles_of(upper, (4, 4), 3, 3, 1).reshape(3, -1), X[:3])
    assert_allclose(tiles_of(lower, (4, 4), 3, 3, 1).reshape(3, -1), expected, rtol=1e-12)
    assert np.isnan(array[4]).all()
    errors = ((X[:3] - expected) ** 2).sum(axis=1) / N_FEATURES
    assert_allclose(display.errors, errors)
    assert [text.get_text() for text in display.texts_] == [f"{error:.2g}" for error in errors]
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["data", "reconstruction", "squared error"]


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_the_mean_error_is_that_of_the_history(X, visible):
    X = X if visible == "bernoulli" else 50 * X + 8
    rbm = RBMTransformer(7, visible=visible, n_iter=3, random_state=0).fit(X)
    display = ReconstructionDisplay.from_estimator(rbm, X, n_samples=len(X))
    assert_allclose(display.errors.mean(), rbm.history_["reconstruction_error"][-1], rtol=1e-10)
    assert_allclose(display.X, X)


def test_rows_are_spread_evenly_over_the_data(rbm, X):
    display = ReconstructionDisplay.from_estimator(rbm, X, n_samples=3)
    assert_array_equal(display.X, X[[0, 11, 22]])
    assert len(ReconstructionDisplay.from_estimator(rbm, X).X) == 10


def test_a_network_reconstructs_by_its_pretrained_machines(X, y):
    stack = DBNTransformer((6, 5), rbm=RBMTransformer(n_iter=2), random_state=0).fit(X)
    dbn = with_labels(
        DBNClassifier((6, 5), pretrain=FrozenEstimator(stack), random_state=0, **AT_ONCE), X, y
    )
    of_stack = ReconstructionDisplay.from_estimator(stack, X)
    of_network = ReconstructionDisplay.from_estimator(dbn, X)
    assert_allclose(of_network.reconstructions, of_stack.reconstructions, rtol=1e-10)
    assert_allclose(of_stack.reconstructions, stack.reconstruct(of_stack.X), rtol=1e-12)
    assert of_network.ax_.get_title() == "DBNClassifier, pre-trained machines"


def test_an_up_down_network_has_no_reconstruction(up_down, X):
    with pytest.raises(ValueError, match="its top machine needs the label"):
        ReconstructionDisplay.from_estimator(up_down(6, 5), X)


def test_frames_and_sparse_rows_are_taken(tabular, rbm, X):
    frame, machine = tabular
    display = ReconstructionDisplay.from_estimator(machine, frame, n_samples=4)
    rows = frame.iloc[[0, 7, 14, 22]]
    scaled = (rows - machine.visible_.location_) / machine.visible_.scale_
    array = np.ma.filled(display.im_.get_array(), np.nan)
    assert_allclose(array[::3], scaled)
    assert_allclose(
        array[1::3] * machine.visible_.scale_ + machine.visible_.location_, machine.reconstruct(rows)
    )
    assert np.isnan(array[2::3]).all()
    assert [text.get_text() for text in display.texts_] == [f"{error:.2g}" for error in display.errors]
    dense = ReconstructionDisplay.from_estimator(rbm, X)
    assert_allclose(ReconstructionDisplay.from_estimator(rbm, sparse.csr_matrix(X)).errors, dense.errors)
    assert_allclose(ReconstructionDisplay.from_estimator(rbm, X.tolist()).errors, dense.errors)


def test_given_reconstructions_are_compared_as_they_are():
    X = np.arange(32.0).reshape(2, 16)
    display = ReconstructionDisplay.from_predictions(X, X + [[1.0], [3.0]], name="a model")
    assert_array_equal(display.errors, [1, 9])
    assert display.im_.get_clim() == (0, 34)
    assert display.ax_.get_title() == "a model"
    with pytest.raises(ValueError, match=r"rows of the same shape; got \(2, 16\) and \(1, 16\)"):
        ReconstructionDisplay.from_predictions(X, X[:1])


def test_no_rows_and_no_number_of_rows_are_refused(rbm, X):
    with pytest.raises(ValueError, match="^X has no rows"):
        ReconstructionDisplay.from_estimator(rbm, X[:0])
    with pytest.raises(ValueError, match="^n_samples must be an integer >= 1; got 0"):
        ReconstructionDisplay.from_estimator(rbm, X, n_samples=0)
