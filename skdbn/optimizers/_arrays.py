"""The array work that the optimizers share, all of it in place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import repeat

import numpy as np

from skdbn._typing import Arrays, Floats


def move_average(average: Floats, value: Floats, decay: float, scratch: Floats) -> None:
    """Move a running average towards a value, in place; `value` may be `scratch`."""
    np.multiply(value, 1.0 - decay, out=scratch)
    average *= decay
    average += scratch


def move_average_of_squares(average: Floats, value: Floats, decay: float, scratch: Floats) -> None:
    """Move a running average towards the square of a value, in place."""
    np.multiply(value, value, out=scratch)
    move_average(average, scratch, decay, scratch)


def add_momentum(
    direction: Floats, velocity: Floats, momentum: float, nesterov: bool, scratch: Floats
) -> None:
    """Replace a direction by its heavy-ball or Nesterov form, in place."""
    velocity *= momentum
    velocity += direction
    if nesterov:
        np.multiply(velocity, momentum, out=scratch)
        direction += scratch
    else:
        direction[...] = velocity


def clip(gradients: Arrays, clip_norm: float | None) -> None:
    """Scale gradients down, in place, to a norm over all arrays together."""
    if clip_norm is None:
        return
    norm = math.hypot(*(np.linalg.norm(gradient) for gradient in gradients))
    if norm > clip_norm:
        for gradient in gradients:
            np.multiply(gradient, float(clip_norm) / norm, out=gradient)


def full(arrays: Arrays, value: float) -> Arrays:
    """Return new arrays like the given ones, filled with a value."""
    return tuple(np.full_like(array, value, subok=False) for array in arrays)


def each(buffers: Arrays) -> Iterable[Floats | None]:
    """Return the buffers, or None for each array if there are none."""
    return buffers or repeat(None)
