"""ReconstructionDisplay: rows above what a model makes of them."""

import numpy as np

from skdbn.inspection._drawing import (
    add_colorbar,
    axes_to_draw_on,
    draw_heat_map,
    draw_mosaic,
    label_rows,
    number_rows,
    size_for,
    size_of_heat_map,
    value_limits,
    write_at,
)
from skdbn.inspection._images import gap_of, mosaic, resolve_image_shape, resolve_n_columns
from skdbn.inspection._models import (
    as_array,
    check_count,
    chosen_rows,
    encoded,
    model_and_rows,
    reconstructed,
)
from skdbn.inspection._models import feature_names as names_of

_LINE_LABELS = ("data", "reconstruction", "squared error")
_MARGINS = (0.9, 0.35)  # for these labels and the title, in inches


class ReconstructionDisplay:
    """Rows above their reconstructions, with the error of each.

    It is best made with `from_estimator` or `from_predictions`; the parameters are stored as attributes.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows of data.

    reconstructions : ndarray of shape (n_samples, n_features)
        What a model makes of them.

    errors : ndarray of shape (n_samples,)
        Error of each row, written below it.

    image_shape : "auto", (int, int) or None, default="auto"
        Height and width of the images that the rows are. "auto": square images if the number of features is
        that of a square of 4 x 4 or larger. Otherwise, and with None, a heat map with two lines for each
        sample, the upper one the data, and a column for each feature.

    feature_names : list of str, default=None
        Names of the features, written below a heat map.

    name : str, default=None
        What reconstructs; the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on. Set by `plot`, as what follows.

    figure_ : matplotlib Figure
        The figure of it.

    im_ : matplotlib AxesImage
        All rows in one array, with NaN between images.

    texts_ : list of matplotlib Text
        The errors below images; of a heat map they are labels of its lines.

    colorbar_ : matplotlib Colorbar or None
        The colour bar; images have none.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.inspection import ReconstructionDisplay
    >>> X = load_digits().data / 16
    >>> rbm = RBMTransformer(64, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(rbm, X, n_samples=8)
    >>> bool(display.errors.max() < 0.1)
    True
    """

    def __init__(self, X, reconstructions, errors, *, image_shape="auto", feature_names=None, name=None):
        self.X = X
        self.reconstructions = reconstructions
        self.errors = errors
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        n_samples=10,
        image_shape="auto",
        name=None,
        ax=None,
        n_columns=None,
        im_kwargs=None,
        text_kwargs=None,
    ):
        """Reconstruct rows by a fitted estimator, and show both.

        The error of a row is the mean squared error of its features in the coordinates of the visible
        units, ``(X - location_) / scale_`` for Gaussian ones, as in `history_`. Images are shown in the
        units of the data, a heat map in these coordinates.

        Parameters
        ----------
        estimator : estimator
            Fitted estimator with `reconstruct`, or DBN, whose pre-trained machines then pass rows up and
            down by means. A pipeline stands for its last step, a search for its best estimator.

        X : {array-like, sparse matrix} of shape (n_rows, n_features)
            Rows to choose from.

        n_samples : int, default=10
            Number of rows to show, spread evenly over X, >= 1.

        image_shape : "auto", (int, int) or None, default="auto"
            Height and width of the images, see the class.

        name : str, default=None
            Title; None is the class of the estimator.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        n_columns : int, default=None
            Images in a row; None is 10 at most.

        im_kwargs : dict, default=None
            Keywords for `imshow`, such as ``{"cmap": "gray_r"}``.

        text_kwargs : dict, default=None
            Keywords for the texts below images.

        Returns
        -------
        display : ReconstructionDisplay
            What was drawn.
        """
        check_count("n_samples", n_samples)
        model, X = model_and_rows(estimator, chosen_rows(X, n_samples))
        reconstructions, title = reconstructed(model, X, cls.__name__)
        X = as_array(X)
        image_shape = resolve_image_shape(image_shape, X.shape[1])
        scaled = encoded(model, X), encoded(model, reconstructions)
        shown = scaled if image_shape is None else (X, as_array(reconstructions))
        display = cls(
            *shown,
            _errors(*scaled),
            image_shape=image_shape,
            feature_names=names_of(model),
            name=title if name is None else name,
        )
        return display.plot(ax, n_columns=n_columns, im_kwargs=im_kwargs, text_kwargs=text_kwargs)

    @classmethod
    def from_predictions(
        cls,
        X,
        reconstructions,
        *,
        image_shape="auto",
        feature_names=None,
        name=None,
        ax=None,
        n_columns=None,
        im_kwargs=None,
        text_kwargs=None,
    ):
        """Show rows and given reconstructions of them, with the mean squared errors of their features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of data.

        reconstructions : array-like of shape (n_samples, n_features)
            What a model makes of them.

        image_shape : "auto", (int, int) or None, default="auto"
            Height and width of the images, see the class.

        feature_names : list of str, default=None
            Names of the features, written below a heat map.

        name : str, default=None
            Title.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        n_columns : int, default=None
            Images in a row; None is 10 at most.

        im_kwargs : dict, default=None
            Keywords for `imshow`, such as ``{"cmap": "gray_r"}``.

        text_kwargs : dict, default=None
            Keywords for the texts below images.

        Returns
        -------
        display : ReconstructionDisplay
            What was drawn.
        """
        X, reconstructions = as_array(X), as_array(reconstructions)
        if X.shape != reconstructions.shape or X.ndim != 2:
            raise ValueError(
                f"X and reconstructions must be rows of the same shape; got {X.shape} and "
                f"{reconstructions.shape}."
            )
        display = cls(
            X,
            reconstructions,
            _errors(X, reconstructions),
            image_shape=image_shape,
            feature_names=feature_names,
            name=name,
        )
        return display.plot(ax, n_columns=n_columns, im_kwargs=im_kwargs, text_kwargs=text_kwargs)

    def plot(self, ax=None, *, name=None, n_columns=None, im_kwargs=None, text_kwargs=None):
        """Draw the rows and their reconstructions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        name : str, default=None
            Title; None is that of the display.

        n_columns : int, default=None
            Images in a row; None is 10 at most.

        im_kwargs : dict, default=None
            Keywords for `imshow`, such as ``{"cmap": "gray_r"}``.

        text_kwargs : dict, default=None
            Keywords for the texts below images.

        Returns
        -------
        display : ReconstructionDisplay
            The display itself.
        """
        pairs = np.stack([self.X, self.reconstructions], axis=1)  # (n_samples, 2, n_features)
        image_shape = resolve_image_shape(self.image_shape, pairs.shape[-1])
        if image_shape is None:
            self._draw_heat_map(ax, pairs, im_kwargs)
        else:
            pairs = pairs.reshape(*pairs.shape[:2], *image_shape)
            self._draw_images(ax, pairs, 10 if n_columns is None else n_columns, im_kwargs, text_kwargs)
        self.figure_ = self.ax_.figure
        name = self.name if name is None else name
        if name is not None:
            self.ax_.set_title(name, fontsize="medium")
        return self

    def _draw_images(self, ax, pairs, n_columns, im_kwargs, text_kwargs):
        n_samples, _, height, width = pairs.shape
        gap = gap_of((height, width))
        between = np.full((n_samples, gap, width), np.nan)
        images = np.concatenate([pairs[:, 0], between, pairs[:, 1]], axis=1)
        room = max(2, round(0.35 * height))  # for the errors
        n_columns = resolve_n_columns(n_columns, images.shape)
        tiles = mosaic(images, n_columns, gap, row_gap=room)
        size = size_for(tiles.array.shape[0] + room, tiles.array.shape[1], max(height, width), _MARGINS)
        self.ax_ = axes_to_draw_on(self, ax, size)
        low, high = value_limits(np.asarray(self.X), np.asarray(self.reconstructions))
        style = {"cmap": "gray", "vmin": low, "vmax": high, **(im_kwargs or {})}
        self.im_, self.colorbar_ = draw_mosaic(self.ax_, tiles, style), None
        offset, bottom = (height + gap) / 2, height + gap / 2 + 0.45 * room
        middles = (tiles.rows[:, np.newaxis] + [-offset, offset, bottom]).ravel()
        label_rows(self.ax_, middles, _LINE_LABELS * len(tiles.rows))
        columns = np.resize(tiles.columns, n_samples)
        below = np.repeat(tiles.rows, len(tiles.columns))[:n_samples] + bottom
        errors = [f"{error:.2g}" for error in self.errors]
        self.texts_ = write_at(self.ax_, columns, below, errors, text_kwargs)
        self.ax_.set_ylim(tiles.array.shape[0] + room - 0.5, -0.5)

    def _draw_heat_map(self, ax, pairs, im_kwargs):
        n_samples, _, n_features = pairs.shape
        rows = np.full((3 * n_samples - 1, n_features), np.nan)
        rows[::3], rows[1::3] = pairs[:, 0], pairs[:, 1]
        self.ax_ = axes_to_draw_on(self, ax, size_of_heat_map(*rows.shape))
        self.im_ = draw_heat_map(self.ax_, rows, self.feature_names, im_kwargs)
        self.colorbar_ = add_colorbar(self.ax_, self.im_, "value")
        self.ax_.set_yticks([])
        middles = np.arange(n_samples) * 3 + 0.5
        number_rows(self.ax_, middles, [f"{error:.2g}" for error in self.errors])
        self.ax_.set_ylabel("squared error")
        self.texts_ = list(self.ax_.get_yticklabels())
        self.ax_.set_xlabel(
            f"{self.ax_.get_xlabel()}\nupper line: data, lower line: reconstruction".strip()
        )


def _errors(X, reconstructions):
    return np.mean((X - reconstructions) ** 2, axis=1)
