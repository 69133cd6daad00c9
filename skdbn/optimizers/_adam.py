"""Adam."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skdbn._blocks import blocks
from skdbn._typing import Arrays
from skdbn.optimizers._arrays import clip, full, move_average, move_average_of_squares
from skdbn.optimizers._base import Gradients, Optimizer, check_clip_norm, check_decay, decay_at
from skdbn.schedules import Rate, check_number


class AdamState(NamedTuple):
    """What `Adam` remembers: both averages and the products of their decay rates."""

    step: int
    mean: Arrays
    mean_square: Arrays
    beta_1_product: float = 1.0
    beta_2_product: float = 1.0


class Adam(Optimizer):
    r"""Running mean of the gradients over the root of their running mean square.

    .. math:: m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad
        s \leftarrow \beta_2 s + (1 - \beta_2) g^2

    .. math:: \Delta\theta = -\eta \,
        \frac{m / (1 - \prod \beta_1)}{\sqrt{s / (1 - \prod \beta_2)} + \epsilon}

    The products run over the steps so far: :math:`\beta^t` when the rates are constant, as in [1]_.

    Parameters
    ----------
    beta_1 : float or Schedule, default=0.9
        Decay rate of the mean, in [0, 1).
    beta_2 : float or Schedule, default=0.999
        Decay rate of the mean square, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root; above 0.
    clip_norm : float, default=None
        If given, gradients whose L2 norm over all arrays is larger are scaled down to this norm.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015,
       arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.optimizers import Adam
    >>> adam = Adam()
    >>> state = adam.init((np.zeros(2),))
    >>> (update,), state = adam.update((np.array([1e-3, -5.0]),), state, 0.1)
    >>> update.round(3).tolist()
    [-0.1, 0.1]
    """

    def __init__(
        self,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: float = 1e-8,
        *,
        clip_norm: float | None = None,
    ) -> None:
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.clip_norm = clip_norm

    def init(self, parameters: Arrays) -> AdamState:
        check_decay(self, "beta_1")
        check_decay(self, "beta_2")
        check_number(self, "epsilon", above=0)
        check_clip_norm(self)
        return AdamState(0, full(parameters, 0.0), full(parameters, 0.0))

    def update(
        self, gradients: Gradients, state: AdamState, learning_rate: float, progress: float = 0.0
    ) -> tuple[Gradients, AdamState]:
        beta_1 = decay_at(self, "beta_1", progress, state.step)
        beta_2 = decay_at(self, "beta_2", progress, state.step)
        state = state._replace(
            step=state.step + 1,
            beta_1_product=state.beta_1_product * beta_1,
            beta_2_product=state.beta_2_product * beta_2,
        )
        step_size = float(learning_rate) / (1.0 - state.beta_1_product)
        correction = 1.0 / math.sqrt(1.0 - state.beta_2_product)
        clip(gradients, self.clip_norm)
        for arrays in zip(gradients, state.mean, state.mean_square, strict=True):
            for gradient, mean, mean_square, scratch in blocks(*arrays, n_scratch=1):
                move_average(mean, gradient, beta_1, scratch)
                move_average_of_squares(mean_square, gradient, beta_2, scratch)
                np.sqrt(mean_square, out=scratch)
                scratch *= correction
                scratch += float(self.epsilon)
                np.divide(mean, scratch, out=gradient)
                gradient *= -step_size
        return gradients, state
