"""FilterDisplay: the weights of hidden units as images."""

import numpy as np

from skdbn.inspection._drawing import (
    add_colorbar,
    axes_to_draw_on,
    draw_heat_map,
    draw_mosaic,
    number_rows,
    size_for,
    size_of_heat_map,
    symmetric_limits,
)
from skdbn.inspection._images import gap_of, mosaic, resolve_image_shape, resolve_n_columns
from skdbn.inspection._models import check_count, filters_of, layer_number, layer_weights, model_and_rows
from skdbn.inspection._models import feature_names as names_of

_COLORBAR_INCHES, _TITLE_INCHES = 0.9, 0.35


class FilterDisplay:
    """Weights between hidden units and inputs: a grid of images, or a heat map of rows.

    All filters share one colour scale, symmetric about 0. It is best made with `from_estimator`; the
    parameters are stored as attributes.

    Parameters
    ----------
    filters : ndarray of shape (n_units, n_features)
        Weights of each hidden unit, in the order they are drawn in.

    units : array-like of int of shape (n_units,), default=None
        Numbers of the hidden units; None counts from 0.

    image_shape : "auto", (int, int) or None, default="auto"
        Height and width of the images that the rows of the data are. "auto": square images if the number
        of features is that of a square of 4 x 4 or larger. Otherwise, and with None, a heat map with a
        line for each unit and a column for each feature: for tables and spectra.

    feature_names : list of str, default=None
        Names of the features, written below a heat map.

    name : str, default=None
        What the filters are of; the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on. Set by `plot`, as what follows.

    figure_ : matplotlib Figure
        The figure of it.

    im_ : matplotlib AxesImage
        All filters in one array, with NaN between images.

    colorbar_ : matplotlib Colorbar or None
        The colour bar.

    See Also
    --------
    weight_norms : Norms of the weights of each unit.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.inspection import FilterDisplay
    >>> rbm = RBMTransformer(25, random_state=0).fit(load_digits().data / 16)
    >>> display = FilterDisplay.from_estimator(rbm, n_units=16)
    >>> display.filters.shape
    (16, 64)
    """

    def __init__(self, filters, *, units=None, image_shape="auto", feature_names=None, name=None):
        self.filters = filters
        self.units = units
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        layer=0,
        fine_tuned=True,
        n_units=64,
        units=None,
        image_shape="auto",
        name=None,
        ax=None,
        n_columns=None,
        colorbar=True,
        im_kwargs=None,
    ):
        """Draw the filters of a fitted RBM or DBN.

        Filters of the first layer are its weights in the coordinates of the visible units: for Gaussian
        ones they act on ``(X - location_) / scale_``. Filters of an upper layer are linear combinations of
        those below: the weight matrices multiplied down to the inputs, as if units were linear.

        Parameters
        ----------
        estimator : estimator
            Fitted RBM, DBN, or anything with `components_` or `coefs_` of scikit-learn's shapes; a pipeline
            stands for its last step, a search for its best estimator.

        layer : int, default=0
            Position in `hidden_layer_sizes`; negative from the top.

        fine_tuned : bool, default=True
            Of a DBN, the fitted network (after "up-down" its way up); False is the stack of RBMs before
            fine-tuning.

        n_units : int, default=64
            Number of units to show, >= 1: those with the largest norm of the filter, largest first.

        units : array-like of int, default=None
            Numbers of the units to show, in this order, instead of `n_units`.

        image_shape : "auto", (int, int) or None, default="auto"
            Height and width of the images, see the class.

        name : str, default=None
            Title. None says the class of the estimator, the layer if there are several, and how many units.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        n_columns : int, default=None
            Images in a row; None chooses.

        colorbar : bool, default=True
            Whether to draw a colour bar.

        im_kwargs : dict, default=None
            Keywords for `imshow`, such as ``{"cmap": "gray"}``.

        Returns
        -------
        display : FilterDisplay
            What was drawn.
        """
        model, _ = model_and_rows(estimator)
        weights = layer_weights(model, fine_tuned)
        layer = layer_number(layer, len(weights), model)
        filters = filters_of(weights, layer)
        units = _largest(filters, n_units) if units is None else _check_units(units, len(filters))
        if name is None:
            name = _title(model, layer, len(weights), _share(len(units), len(filters)))
        display = cls(
            filters[units], units=units, image_shape=image_shape, feature_names=names_of(model), name=name
        )
        return display.plot(ax, n_columns=n_columns, colorbar=colorbar, im_kwargs=im_kwargs)

    def plot(self, ax=None, *, name=None, n_columns=None, colorbar=True, im_kwargs=None):
        """Draw the filters.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        name : str, default=None
            Title; None is that of the display.

        n_columns : int, default=None
            Images in a row; None chooses.

        colorbar : bool, default=True
            Whether to draw a colour bar.

        im_kwargs : dict, default=None
            Keywords for `imshow`, such as ``{"cmap": "gray"}``.

        Returns
        -------
        display : FilterDisplay
            The display itself.
        """
        filters = np.asarray(self.filters)
        image_shape = resolve_image_shape(self.image_shape, filters.shape[1])
        low, high = symmetric_limits(filters)
        style = {"cmap": "RdBu_r", "vmin": low, "vmax": high, **(im_kwargs or {})}
        if image_shape is None:
            self._draw_heat_map(ax, filters, style)
        else:
            self._draw_images(ax, filters.reshape(-1, *image_shape), n_columns, colorbar, style)
        self.figure_, self.colorbar_ = self.ax_.figure, None
        if colorbar:
            extend = "both" if np.abs(filters).max() > high else "neither"
            self.colorbar_ = add_colorbar(self.ax_, self.im_, "weight", extend)
        name = self.name if name is None else name
        if name is not None:
            self.ax_.set_title(name, fontsize="medium")
        return self

    def _draw_images(self, ax, images, n_columns, colorbar, style):
        n_columns = resolve_n_columns(n_columns, images.shape)
        tiles = mosaic(images, n_columns, gap_of(images.shape[1:]))
        margins = _COLORBAR_INCHES * colorbar, _TITLE_INCHES
        size = size_for(*tiles.array.shape, max(images.shape[1:]), margins)
        self.ax_ = axes_to_draw_on(self, ax, size)
        self.im_ = draw_mosaic(self.ax_, tiles, style)

    def _draw_heat_map(self, ax, filters, style):
        self.ax_ = axes_to_draw_on(self, ax, size_of_heat_map(*filters.shape))
        self.im_ = draw_heat_map(self.ax_, filters, self.feature_names, style)
        units = range(len(filters)) if self.units is None else self.units
        self.ax_.set_ylabel("hidden unit")
        number_rows(self.ax_, range(len(filters)), [str(unit) for unit in units])
        if len(filters) > len(self.ax_.get_yticks()):
            self.ax_.set_yticks([])


def _largest(filters, n_units):
    """Return the numbers of the filters with the largest norms, largest first."""
    check_count("n_units", n_units)
    return np.argsort(-np.linalg.norm(filters, axis=1), kind="stable")[:n_units]


def _check_units(units, n_hidden):
    """Return the numbers of hidden units as an array, or raise if there are none of these numbers."""
    numbers = np.atleast_1d(np.asarray(units))
    is_known = numbers.dtype.kind in "iu" and numbers.ndim == 1 and numbers.size
    if not is_known or numbers.min() < 0 or numbers.max() >= n_hidden:
        raise ValueError(f"units must be numbers of hidden units, from 0 to {n_hidden - 1}; got {units!r}.")
    return numbers


def _share(n_shown, n_units):
    return f"{n_units} units" if n_shown == n_units else f"{n_shown} of {n_units} units"


def _title(model, layer, n_layers, units):
    of_several = f", layer {layer + 1} of {n_layers}" if n_layers > 1 else ""
    title = f"{type(model).__name__}{of_several}: {units}"
    return title if not layer else f"{title}\n(weights multiplied down to the inputs)"
