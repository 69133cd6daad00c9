"""LearningCurveDisplay: what was measured in each epoch of a training."""

import numpy as np
from sklearn.base import is_classifier, is_regressor

from skdbn.inspection._drawing import axes_to_draw_on
from skdbn.inspection._models import model_and_rows

_PANEL_INCHES = (3.6, 3.0)
# For each quantity the title of its panel and the label of the vertical axis.
_LABELS = {
    "reconstruction_error": ("reconstruction error", "squared error per feature"),
    "free_energy_gap": ("free-energy gap", "held-out minus training (nats)"),
    "swap_rate": ("exchanges between temperatures", "share made"),
    "learning_rate": ("learning rate", "step size"),
    "loss": ("training loss", "nats"),
    "validation_score": ("validation score", "score"),
}
_OF_CLASSIFIERS = {"validation_score": ("validation score", "accuracy")}
_OF_REGRESSORS = {
    "loss": ("training loss", "half the squared error, scaled"),
    "validation_score": ("validation score", "R²"),
}
_OF_TRANSFORMERS = {"validation_score": ("validation score", "minus loss (nats)")}
_LEAST_INTERESTING = "learning_rate"  # known before the training


class LearningCurveDisplay:
    """What was measured in each epoch: a panel for each quantity, a line for each layer or model.

    It is best made with `from_estimator`; the parameters are stored as attributes.

    Parameters
    ----------
    curves : dict of dict of lists
        For each quantity the lines, with their names, and for each line the value of each epoch; NaN where
        nothing was measured: ``{"loss": {"": [0.7, 0.4, 0.3]}}``.

    labels : dict of (str, str), default=None
        Title of the panel and label of the vertical axis of a quantity; those that `from_estimator` knows
        have such labels.

    name : str, default=None
        What was trained: part of the name of each line, where several displays are drawn on the same axes.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_quantities,)
        The panels, in the order of `curves`. Set by `plot`, as what follows.

    ax_ : matplotlib Axes
        The first of them.

    figure_ : matplotlib Figure
        The figure of it.

    lines_ : dict of lists of matplotlib Line2D
        For each quantity its lines.

    See Also
    --------
    swap_rates : Exchanges between all pairs of temperatures.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.inspection import LearningCurveDisplay
    >>> X = load_digits().data / 16
    >>> rbm = RBMTransformer(32, n_iter=10, random_state=0).fit(X[:1500], X_val=X[1500:])
    >>> display = LearningCurveDisplay.from_estimator(rbm)
    >>> list(display.curves)
    ['reconstruction_error', 'free_energy_gap']
    """

    def __init__(self, curves, *, labels=None, name=None):
        self.curves = curves
        self.labels = labels
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, quantities=None, name=None, ax=None, line_kwargs=None):
        """Draw the curves of a fitted RBM or DBN.

        They are those of `history_` for an RBM; `loss_curve_` and `validation_scores_` for an RBMClassifier
        (or one of scikit-learn's networks); and for a DBN these, beside the history of each of its `rbms_`,
        a line a layer. Of parallel tempering there are two lines: the mean over the pairs of neighbouring
        temperatures, and the pair with the fewest exchanges.

        Parameters
        ----------
        estimator : estimator
            Fitted estimator; a pipeline stands for its last step, a search for its best estimator.

        quantities : str or list of str, default=None
            What to draw, of "reconstruction_error", "free_energy_gap", "swap_rate", "learning_rate",
            "loss" and "validation_score". None is all there is, without the learning rate.

        name : str, default=None
            Name of the lines, to tell models apart that are drawn on the same axes.

        ax : matplotlib Axes or array-like of them, default=None
            Where to draw, as many as there are quantities; None makes a figure.

        line_kwargs : dict, default=None
            Keywords for the lines, such as ``{"color": "black"}``.

        Returns
        -------
        display : LearningCurveDisplay
            What was drawn.
        """
        model, _ = model_and_rows(estimator)
        curves, labels = _curves_of(model)
        display = cls(_select(curves, quantities, model), labels=labels, name=name)
        return display.plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, name=None, line_kwargs=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            Where to draw, as many as there are quantities; None makes a figure.

        name : str, default=None
            Name of the lines; None is that of the display.

        line_kwargs : dict, default=None
            Keywords for the lines, such as ``{"color": "black"}``.

        Returns
        -------
        display : LearningCurveDisplay
            The display itself.
        """
        name = self.name if name is None else name
        n_panels = len(self.curves)
        size = (_PANEL_INCHES[0] * n_panels + 0.4, _PANEL_INCHES[1])
        self.axes_ = axes_to_draw_on(self, ax, size, n_panels)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        self.lines_ = {
            quantity: self._draw_panel(panel, quantity, name, line_kwargs)
            for panel, quantity in zip(self.axes_, self.curves, strict=True)
        }
        return self

    def _draw_panel(self, panel, quantity, name, line_kwargs):
        lines = []
        for line_name, values in self.curves[quantity].items():
            label = ", ".join(part for part in (name, line_name) if part)
            style = {"label": label or None, **(line_kwargs or {})}
            # A single epoch is a point.
            style = {"marker": "o"} | style if len(values) == 1 else style
            lines += panel.plot(np.arange(1, len(values) + 1), values, **style)
        title, label = (_LABELS | (self.labels or {})).get(quantity, (quantity, ""))
        panel.set(xlabel="epoch", ylabel=label)
        panel.set_title(title, fontsize="medium")
        panel.xaxis.get_major_locator().set_params(integer=True)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
        if any(line.get_label() and not line.get_label().startswith("_") for line in lines):
            panel.legend(frameon=False)
        return lines


# -- what there is to draw -------------------------------------------------------------------------


def _curves_of(model):
    """Return the curves of a fitted model, and their labels."""
    curves = _curves_of_machines(model)
    is_stack = bool(curves) and not hasattr(model, "history_")
    stages = dict.fromkeys(curves, "pre-training") if is_stack else {}
    for quantity, attribute in (("loss", "loss_curve_"), ("validation_score", "validation_scores_")):
        values = getattr(model, attribute, None)
        if values is not None and len(values):
            if is_stack:
                stages[quantity] = "fine-tuning"
            curves[quantity] = {"": list(map(float, values))}
    labels = {quantity: _label(quantity, model, stages.get(quantity)) for quantity in curves}
    return curves, labels


def _curves_of_machines(model):
    """Return what the histories of an RBM, or of the RBMs of a stack, have."""
    machines = [model] if hasattr(model, "history_") else getattr(model, "rbms_", [])
    curves = {}
    for number, machine in enumerate(machines, start=1):
        layer = f"layer {number}" if len(machines) > 1 else ""
        for quantity, lines in _curves_of_history(machine.history_).items():
            for line, values in lines.items():
                label = ", ".join(part for part in (layer, line) if part)
                curves.setdefault(quantity, {})[label] = values
    return curves


def _label(quantity, model, stage):
    """Return the title of a panel, with the stage of the training, and the label of its axis."""
    own = _OF_CLASSIFIERS if is_classifier(model) else _OF_TRANSFORMERS
    own = _OF_REGRESSORS if is_regressor(model) else own
    title, label = own.get(quantity, _LABELS[quantity])
    return title if stage is None else f"{stage}: {title}", label


def _curves_of_history(history):
    """Return the lines of each quantity of a history.

    One that was not measured from the beginning is filled with NaN, as a warm start may bring new ones.
    """
    n_epochs = len(history[_LEAST_INTERESTING])
    curves = {}
    for quantity, values in history.items():
        lines = {"": values} if quantity != "swap_rate" else _summaries(values)
        curves[quantity] = {
            line: [np.nan] * (n_epochs - len(values)) + list(map(float, values))
            for line, values in lines.items()
        }
    return curves


def _summaries(rates):
    """Return mean and minimum over the pairs of temperatures that had a turn, NaN where none had."""
    known = [of_epoch[~np.isnan(of_epoch)] for of_epoch in map(np.asarray, rates)]
    return {
        "mean of all pairs": [pairs.mean() if pairs.size else np.nan for pairs in known],
        "lowest pair": [pairs.min() if pairs.size else np.nan for pairs in known],
    }


def _select(curves, quantities, model):
    """Return the curves to draw, or raise if there are none."""
    if not curves:
        raise TypeError(
            "LearningCurveDisplay needs an estimator with `history_` or `loss_curve_`, such as "
            f"RBMTransformer or DBNClassifier; {type(model).__name__} has none."
        )
    if quantities is None:
        quantities = [quantity for quantity in curves if quantity != _LEAST_INTERESTING]
    quantities = [quantities] if isinstance(quantities, str) else list(quantities)
    unknown = [quantity for quantity in quantities if quantity not in curves]
    if unknown or not quantities:
        known = ", ".join(map(repr, curves))
        raise ValueError(f"quantities={quantities!r}, but this {type(model).__name__} has {known}.")
    return {quantity: curves[quantity] for quantity in quantities}
