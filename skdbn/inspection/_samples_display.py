"""SamplesDisplay: rows drawn from a model."""

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
)
from skdbn.inspection._images import gap_of, mosaic, resolve_image_shape, resolve_n_columns
from skdbn.inspection._models import check_count, encoded, method_of, model_and_rows, passed_by_means
from skdbn.inspection._models import feature_names as names_of

_N_SAMPLES, _N_OF_A_CLASS = 64, 10
_LABEL_INCHES, _TITLE_INCHES = 0.3, 0.35
_CAN_SAMPLE = "RBMTransformer, RBMClassifier or DBNTransformer"


class SamplesDisplay:
    """Rows drawn from a model: a grid of images, with a line for each class, or a heat map of rows.

    It is best made with `from_estimator`; the parameters are stored as attributes.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, n_features)
        Rows to show.

    labels : array-like of shape (n_samples,), default=None
        Class of each row. Each class begins a new line, in the order in which classes first come.

    image_shape : "auto", (int, int) or None, default="auto"
        Height and width of the images that the rows are. "auto": square images if the number of features is
        that of a square of 4 x 4 or larger. Otherwise, and with None, a heat map with a line for each
        sample and a column for each feature.

    feature_names : list of str, default=None
        Names of the features, written below a heat map.

    name : str, default=None
        What the samples are of; the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on. Set by `plot`, as what follows.

    figure_ : matplotlib Figure
        The figure of it.

    im_ : matplotlib AxesImage
        All samples in one array, with NaN between images.

    colorbar_ : matplotlib Colorbar or None
        The colour bar; images have none.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMClassifier
    >>> from skdbn.inspection import SamplesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = RBMClassifier(64, objective="generative", random_state=0).fit(X / 16, y)
    >>> display = SamplesDisplay.from_estimator(model, n_samples=5, random_state=0)
    >>> display.samples.shape  # five of each of ten classes
    (50, 64)
    """

    def __init__(self, samples, *, labels=None, image_shape="auto", feature_names=None, name=None):
        self.samples = samples
        self.labels = labels
        self.image_shape = image_shape
        self.feature_names = feature_names
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        n_samples=None,
        y=None,
        n_steps=200,
        random_state=None,
        means=None,
        sample_kwargs=None,
        image_shape="auto",
        name=None,
        ax=None,
        n_columns=None,
        im_kwargs=None,
    ):
        """Draw rows by the `sample` of a fitted estimator, and show them.

        Of rows that are not images, the heat map has the values in the coordinates of the visible units:
        ``(X - location_) / scale_`` for Gaussian ones, so that columns of all units can be compared.

        Parameters
        ----------
        estimator : estimator
            Fitted estimator with `sample`; a pipeline stands for its last step (and the samples are what
            that step sees), a search for its best estimator.

        n_samples : int, default=None
            Number of samples, of each class where there are classes. None is 10 of each class, or 64.

        y : label or array-like of labels, default=None
            Classes to draw from, where the estimator has classes; None is all of them.

        n_steps : int, default=200
            Gibbs steps of each chain, >= 1. Models with well separated modes need more.

        random_state : int, RandomState instance or None, default=None
            Decides the draws; None gives other draws each time.

        means : bool or None, default=None
            Whether to show, instead of the drawn states, the means of the visible units after one more pass
            through the layer above: without the noise of the last draw, as grey levels for binary units.
            None does so for images only.

        sample_kwargs : dict, default=None
            Other keywords of the estimator's `sample`, such as ``{"start": "chains"}``.

        image_shape : "auto", (int, int) or None, default="auto"
            Height and width of the images, see the class.

        name : str, default=None
            Title; None is the class of the estimator.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        n_columns : int, default=None
            Images in a row; None chooses. With classes, a line has all samples of a class.

        im_kwargs : dict, default=None
            Keywords for `imshow`, such as ``{"cmap": "gray"}``.

        Returns
        -------
        display : SamplesDisplay
            What was drawn.
        """
        model, _ = model_and_rows(estimator)
        sample = method_of(model, "sample", cls.__name__, _CAN_SAMPLE)
        image_shape = resolve_image_shape(image_shape, model.n_features_in_)
        means = image_shape is not None if means is None else means
        options = {"n_steps": n_steps, "random_state": random_state, **(sample_kwargs or {})}
        if hasattr(model, "generative_coefs_"):
            options.setdefault("means", means)  # its own pass down can give them
            means = False
        labels = _labels(model, y, n_samples)
        n_or_y = {"n_samples": n_samples or _N_SAMPLES} if labels is None else {"y": labels}
        samples = sample(**n_or_y, **options)
        if means:
            samples = passed_by_means(model, samples, labels)
        if image_shape is None:
            samples = encoded(model, samples)
        name = type(model).__name__ if name is None else name
        display = cls(
            samples, labels=labels, image_shape=image_shape, feature_names=names_of(model), name=name
        )
        return display.plot(ax, n_columns=n_columns, im_kwargs=im_kwargs)

    def plot(self, ax=None, *, name=None, n_columns=None, im_kwargs=None):
        """Draw the samples.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        name : str, default=None
            Title; None is that of the display.

        n_columns : int, default=None
            Images in a row; None chooses. With labels, a line has all samples of a class.

        im_kwargs : dict, default=None
            Keywords for `imshow`, such as ``{"cmap": "gray"}``.

        Returns
        -------
        display : SamplesDisplay
            The display itself.
        """
        samples, names = _by_class(np.asarray(self.samples, dtype=np.float64), self.labels)
        image_shape = resolve_image_shape(self.image_shape, samples.shape[-1])
        if image_shape is None:
            self._draw_heat_map(ax, samples, names, im_kwargs)
        else:
            self._draw_images(ax, samples, names, image_shape, n_columns, im_kwargs)
        self.figure_ = self.ax_.figure
        name = self.name if name is None else name
        if name is not None:
            self.ax_.set_title(name, fontsize="medium")
        return self

    def _draw_images(self, ax, samples, names, image_shape, n_columns, im_kwargs):
        images = samples.reshape(-1, *image_shape)
        if names is not None:
            n_columns = samples.shape[1]
        n_columns = resolve_n_columns(n_columns, images.shape)
        tiles = mosaic(images, n_columns, gap_of(image_shape))
        margins = 0 if names is None else _LABEL_INCHES, _TITLE_INCHES
        self.ax_ = axes_to_draw_on(self, ax, size_for(*tiles.array.shape, max(image_shape), margins))
        low, high = value_limits(np.asarray(self.samples))
        style = {"cmap": "gray", "vmin": low, "vmax": high, **(im_kwargs or {})}
        self.im_, self.colorbar_ = draw_mosaic(self.ax_, tiles, style), None
        if names is not None:
            label_rows(self.ax_, tiles.rows, names)

    def _draw_heat_map(self, ax, samples, names, im_kwargs):
        per_class = samples.shape[1]
        rows = samples.reshape(-1, samples.shape[-1])
        self.ax_ = axes_to_draw_on(self, ax, size_of_heat_map(*rows.shape))
        self.im_ = draw_heat_map(self.ax_, rows, self.feature_names, im_kwargs)
        self.colorbar_ = add_colorbar(self.ax_, self.im_, "value")
        self.ax_.set_yticks([])
        if names is None:
            self.ax_.set_ylabel("sample")
        else:
            number_rows(self.ax_, np.arange(len(names)) * per_class + (per_class - 1) / 2, names)


def _labels(model, y, n_samples):
    """Return the label of each sample to draw, or None for a model without classes."""
    if n_samples is not None:
        check_count("n_samples", n_samples)
    if not hasattr(model, "classes_"):
        if y is not None:
            raise ValueError(f"y={y!r} asks for classes, but {type(model).__name__} has none.")
        return None
    classes = model.classes_ if y is None else np.atleast_1d(np.asarray(y))
    return np.repeat(classes, _N_OF_A_CLASS if n_samples is None else n_samples)


def _by_class(samples, labels):
    """Return (n_lines, n_in_a_line, n_features) and the name of each line, or (1, n_samples, ...), None.

    Lines of fewer samples than the longest are filled with NaN.
    """
    if labels is None:
        return samples[np.newaxis], None
    labels = np.asarray(labels)
    if labels.shape != samples.shape[:1]:
        raise ValueError(f"labels must be one for each of the {len(samples)} samples; got {labels.shape}.")
    classes = list(dict.fromkeys(labels.tolist()))
    members = [samples[[label == one for label in labels.tolist()]] for one in classes]
    lines = np.full((len(classes), max(map(len, members)), samples.shape[1]), np.nan)
    for line, rows in zip(lines, members, strict=True):
        line[: len(rows)] = rows
    return lines, list(map(str, classes))
