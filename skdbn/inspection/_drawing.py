"""Drawing with matplotlib: axes of a fitting size, mosaics of images, heat maps of rows."""

import numpy as np

_WIDEST, _HIGHEST = 6.4, 6.4  # of what is drawn, in inches
_NARROWEST = 3.6  # for a title
_LARGEST_IMAGE = 1.3
_SMALL = 8  # points, of numbers beside images
_MOST_NAMES = 40  # more labels than these along an axis cannot be read


def import_pyplot(display):
    """Return matplotlib.pyplot, or raise an error that says what to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(
            f"{type(display).__name__}.plot needs matplotlib: pip install matplotlib"
        ) from None
    return plt


def axes_to_draw_on(display, ax, size, n_panels=None):
    """Return `ax`, or new axes of a figure of the given (width, height) in inches.

    With `n_panels`, return an array of so many axes; `ax` then is as many, or one for one panel.
    """
    plt = import_pyplot(display)
    if ax is None:
        shape = (1, n_panels or 1)
        _, new = plt.subplots(*shape, figsize=size, layout="constrained", squeeze=False)
        return new[0, 0] if n_panels is None else new[0]
    given = np.ravel(np.array(ax, dtype=object))
    are_axes = all(isinstance(one, plt.Axes) for one in given)
    if not are_axes or len(given) != (n_panels or 1):
        found = f"{len(given)} Axes" if are_axes else repr(ax)
        wanted = f"{n_panels} matplotlib Axes, one for each panel" if n_panels else "one matplotlib Axes"
        raise ValueError(f"ax must be None or {wanted}; got {found}.")
    return given[0] if n_panels is None else given


# -- colours ---------------------------------------------------------------------------------------


def symmetric_limits(values):
    """Return limits of a colour scale with 0 in the middle; the largest thousandth lies outside."""
    limit = np.quantile(np.abs(values), 0.999, method="higher") if values.size else 0.0
    limit = limit if limit > 0 else 1.0
    return -limit, limit


def value_limits(*arrays):
    """Return common limits for values of rows: 0 and 1 if all are within."""
    low = min(array.min() for array in arrays)
    high = max(array.max() for array in arrays)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return float(low), float(high if high > low else low + 1)


# -- images ----------------------------------------------------------------------------------------


def size_for(height, width, image_side, margins=(0.0, 0.0)):
    """Return the (width, height) in inches of a figure for a mosaic of so many pixels."""
    scale = min(_WIDEST / width, _HIGHEST / height, _LARGEST_IMAGE / image_side)
    return max(scale * width + margins[0], _NARROWEST), scale * height + margins[1]


def draw_mosaic(ax, tiles, im_kwargs):
    """Draw a Mosaic without axes; return the artist. What is NaN in it stays transparent."""
    image = ax.imshow(tiles.array, **{"interpolation": "nearest", **(im_kwargs or {})})
    ax.set(xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set_visible(False)
    ax.patch.set_visible(False)
    return image


def label_rows(ax, positions, labels):
    """Write labels to the left of rows, without ticks."""
    ax.set_yticks(positions, labels, fontsize=_SMALL)
    ax.tick_params(axis="y", length=0)


def write_at(ax, x, y, texts, text_kwargs):
    """Write small texts, centred at points; return the artists."""
    style = {"fontsize": _SMALL, "ha": "center", "va": "center_baseline", **(text_kwargs or {})}
    return [ax.text(*point, text, **style) for *point, text in zip(x, y, texts, strict=True)]


# -- rows that are no images -----------------------------------------------------------------------


def size_of_heat_map(n_rows, n_columns):
    """Return the (width, height) in inches of a figure for a heat map with a colour bar."""
    return np.clip(0.22 * n_columns + 1.6, 4.8, 8.0), np.clip(0.16 * n_rows + 1.2, 2.4, 6.4)


def draw_heat_map(ax, rows, names, im_kwargs):
    """Draw rows as lines of a heat map over features; return the artist."""
    if np.nanmin(rows) < 0:
        low, high = symmetric_limits(rows[~np.isnan(rows)])
        style = {"cmap": "RdBu_r", "vmin": low, "vmax": high}
    else:
        low, high = value_limits(rows[~np.isnan(rows)])
        style = {"cmap": "gray_r", "vmin": low, "vmax": high}
    style = {"aspect": "auto", "interpolation": "nearest", **style, **(im_kwargs or {})}
    image = ax.imshow(rows, **style)
    for side in ax.spines.values():
        side.set_visible(False)
    if names is not None and len(names) <= _MOST_NAMES:
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=_SMALL)
    else:
        ax.set_xlabel("feature")
    return image


def number_rows(ax, positions, labels):
    """Write labels to the left of all lines of a heat map if they can be read."""
    if len(labels) <= _MOST_NAMES:
        label_rows(ax, positions, labels)


def add_colorbar(ax, image, label, extend="neither"):
    """Draw a slim colour bar beside the axes and return it."""
    shape = {"fraction": 0.05, "pad": 0.02, "aspect": 30, "shrink": 0.9}
    return ax.figure.colorbar(image, ax=ax, label=label, extend=extend, extendfrac=0.02, **shape)
