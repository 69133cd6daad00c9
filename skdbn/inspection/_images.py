"""Rows as images: their shape, and many of them in one array."""

from math import ceil, isqrt, log
from numbers import Integral
from typing import NamedTuple

import numpy as np

from skdbn.inspection._models import check_count

# A table with 4 or 9 columns is rarely one of images.
_SMALLEST_SIDE = 4
# How much wider than high a picture of many images is to be, and what an empty place costs beside it.
_WIDE = 1.2
_COST_OF_EMPTY = 6.0


class Mosaic(NamedTuple):
    """Images side by side, with NaN between them."""

    array: np.ndarray  # (height, width)
    columns: np.ndarray  # where the middle of each column of images is
    rows: np.ndarray  # and that of each row of images
    image_height: int


def resolve_image_shape(image_shape, n_features):
    """Return (height, width), or None for rows that are not images; raise if it does not fit."""
    if image_shape is None:
        return None
    if isinstance(image_shape, str) and image_shape == "auto":
        side = isqrt(n_features)
        return (side, side) if side >= _SMALLEST_SIDE and side * side == n_features else None
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list, np.ndarray)) else ()
    is_pair = len(shape) == 2 and all(isinstance(side, Integral) and side >= 1 for side in shape)
    if not is_pair or shape[0] * shape[1] != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} does not fit rows of {n_features} features: give (height, width) "
            f"with height * width = {n_features}, or None if the rows are not images."
        )
    return int(shape[0]), int(shape[1])


def resolve_n_columns(n_columns, shape):
    """Return the number of images in a row for images (n_images, height, width); None chooses it.

    The choice makes a picture a little wider than high, with few empty places.
    """
    n_images, height, width = shape
    if n_columns is not None:
        check_count("n_columns", n_columns)
        return min(n_columns, n_images)

    def cost(n_columns):
        n_rows = ceil(n_images / n_columns)
        n_empty = n_rows * n_columns - n_images
        shape = n_columns * width / (n_rows * height)
        return abs(log(shape / _WIDE)) + _COST_OF_EMPTY * n_empty / n_images

    return min(range(1, n_images + 1), key=cost)


def gap_of(image_shape):
    """Return the width of the gap between images in pixels: a fifteenth of a side, at least one."""
    return max(1, round(max(image_shape) / 15))


def mosaic(images, n_columns, gap, row_gap=None):
    """Return images (n_images, height, width) row by row as a Mosaic; places left over are NaN."""
    n_images, height, width = images.shape
    row_gap = gap if row_gap is None else row_gap
    n_rows = ceil(n_images / n_columns)
    tops = np.arange(n_rows) * (height + row_gap)
    lefts = np.arange(n_columns) * (width + gap)
    array = np.full((tops[-1] + height, lefts[-1] + width), np.nan)
    for number, image in enumerate(images):
        top, left = tops[number // n_columns], lefts[number % n_columns]
        array[top : top + height, left : left + width] = image
    return Mosaic(array, lefts + (width - 1) / 2, tops + (height - 1) / 2, height)
