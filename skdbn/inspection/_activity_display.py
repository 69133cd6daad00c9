"""HiddenActivityDisplay: how active hidden units are, as a histogram."""

import numpy as np

from skdbn.inspection._drawing import axes_to_draw_on
from skdbn.inspection._models import layer_number, method_of, model_and_rows
from skdbn.inspection._numbers import summary

_SIZE = (4.8, 3.4)
_KINDS = ("units", "values")
_CAN_TRANSFORM = "RBMTransformer or DBNTransformer"


class HiddenActivityDisplay:
    """Histogram of the activity of hidden units on given rows.

    It is best made with `from_estimator`; the parameters are stored as attributes.

    Parameters
    ----------
    hidden_means : ndarray of shape (n_samples, n_components)
        Means of the hidden units given each row.

    name : str, default=None
        What the units are of; part of the label in the legend.

    Attributes
    ----------
    activity_ : HiddenActivity
        Numbers about each unit, see :func:`hidden_activity`. Set by `plot`, as what follows.

    ax_ : matplotlib Axes
        What was drawn on.

    figure_ : matplotlib Figure
        The figure of it.

    bars_ : matplotlib BarContainer
        The bars of the histogram.

    See Also
    --------
    hidden_activity : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.inspection import HiddenActivityDisplay
    >>> X = load_digits().data / 16
    >>> rbm = RBMTransformer(32, random_state=0).fit(X)
    >>> display = HiddenActivityDisplay.from_estimator(rbm, X)
    >>> int(display.activity_.constant.sum())  # no unit is idle
    0
    """

    def __init__(self, hidden_means, *, name=None):
        self.hidden_means = hidden_means
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, *, layer=-1, kind="units", bins=20, name=None, ax=None, bar_kwargs=None
    ):
        """Draw the histogram of a layer of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted estimator with `transform`; a pipeline stands for its last step, a search for its best
            estimator.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows in the units of the training data.

        layer : int, default=-1
            Of a DBN, the position in `hidden_layer_sizes`; negative from the top.

        kind : {"units", "values"}, default="units"
            What is counted: units by their mean over the rows, or all values, one a row and unit.

        bins : int or array-like, default=20
            Number of bars, or their edges. Of units between 0 and 1 the bars divide that range.

        name : str, default=None
            Name in the legend; None is the class of the estimator.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        bar_kwargs : dict, default=None
            Keywords for the bars, such as ``{"alpha": 0.5}``.

        Returns
        -------
        display : HiddenActivityDisplay
            What was drawn.
        """
        model, X = model_and_rows(estimator, X)
        transform = method_of(model, "transform", cls.__name__, _CAN_TRANSFORM)
        title = type(model).__name__
        if hasattr(model, "_hidden_sizes"):
            n_layers = len(model._hidden_sizes())
            layer = layer_number(layer, n_layers, model)
            H, title = transform(X, layer=layer), f"{title}, layer {layer + 1} of {n_layers}"
        else:
            layer_number(layer, 1, model)
            H = transform(X)
        display = cls(np.asarray(H), name=title if name is None else name)
        return display.plot(ax, kind=kind, bins=bins, bar_kwargs=bar_kwargs)

    def plot(self, ax=None, *, kind="units", bins=20, name=None, bar_kwargs=None):
        """Draw the histogram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        kind : {"units", "values"}, default="units"
            What is counted: units by their mean over the rows, or all values, one a row and unit.

        bins : int or array-like, default=20
            Number of bars, or their edges. Of units between 0 and 1 the bars divide that range.

        name : str, default=None
            Name in the legend; None is that of the display.

        bar_kwargs : dict, default=None
            Keywords for the bars, such as ``{"alpha": 0.5}``.

        Returns
        -------
        display : HiddenActivityDisplay
            The display itself.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind must be one of {_KINDS}; got {kind!r}.")
        H = np.asarray(self.hidden_means, dtype=np.float64)
        self.activity_ = summary(H)
        counted = self.activity_.mean if kind == "units" else H.ravel()
        within = (0, 1) if H.min() >= 0 and H.max() <= 1 else None
        self.ax_ = axes_to_draw_on(self, ax, _SIZE)
        self.figure_ = self.ax_.figure
        weights = None if kind == "units" else np.full(counted.size, 1 / counted.size)
        style = {"label": self._label(name), "edgecolor": "white", "linewidth": 0.5, **(bar_kwargs or {})}
        _, _, self.bars_ = self.ax_.hist(counted, bins=bins, range=within, weights=weights, **style)
        labels = {
            "units": ("mean activity over the rows", "hidden units"),
            "values": ("activity given a row", "share of all rows and units"),
        }
        self.ax_.set(xlabel=labels[kind][0], ylabel=labels[kind][1])
        if kind == "units":
            self.ax_.yaxis.get_major_locator().set_params(integer=True)
        for side in ("top", "right"):
            self.ax_.spines[side].set_visible(False)
        # Above the bars, so that no bar is hidden.
        self.ax_.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))
        return self

    def _label(self, name):
        name = self.name if name is None else name
        numbers = f"{self.activity_.mean.size} units, {self.activity_.constant.sum()} constant"
        return numbers if name is None else f"{name}: {numbers}"
