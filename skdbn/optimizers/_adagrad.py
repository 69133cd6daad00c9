"""AdaGrad."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdbn._blocks import blocks
from skdbn._typing import Arrays
from skdbn.optimizers._arrays import clip, full
from skdbn.optimizers._base import Gradients, Optimizer, check_clip_norm
from skdbn.schedules import check_number


class AdaGradState(NamedTuple):
    """What `AdaGrad` remembers."""

    step: int
    sum_of_squares: Arrays


class AdaGrad(Optimizer):
    r"""Gradients divided by the root of the sum of their squares so far.

    .. math:: s \leftarrow s + g^2, \qquad \Delta\theta = -\eta \, \frac{g}{\sqrt{s} + \epsilon}

    The sum never shrinks, so that steps fall like the inverse root of their number by themselves [1]_.

    Parameters
    ----------
    epsilon : float, default=1e-8
        Added to the root; above 0.
    initial_sum_of_squares : float, default=0.0
        First value of s; a value above 0 makes the first steps smaller.
    clip_norm : float, default=None
        If given, gradients whose L2 norm over all arrays is larger are scaled down to this norm.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
       stochastic optimization", Journal of Machine Learning Research 12 (2011), 2121-2159,
       https://jmlr.org/papers/v12/duchi11a.html.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.optimizers import AdaGrad
    >>> adagrad = AdaGrad()
    >>> state = adagrad.init((np.zeros(2),))
    >>> for _ in range(4):
    ...     (update,), state = adagrad.update((np.array([1e-3, -5.0]),), state, 0.1)
    >>> update.round(3).tolist()
    [-0.05, 0.05]
    """

    def __init__(
        self, epsilon: float = 1e-8, *, initial_sum_of_squares: float = 0.0, clip_norm: float | None = None
    ) -> None:
        self.epsilon = epsilon
        self.initial_sum_of_squares = initial_sum_of_squares
        self.clip_norm = clip_norm

    def init(self, parameters: Arrays) -> AdaGradState:
        check_number(self, "epsilon", above=0)
        check_number(self, "initial_sum_of_squares", at_least=0)
        check_clip_norm(self)
        return AdaGradState(0, full(parameters, self.initial_sum_of_squares))

    def update(
        self, gradients: Gradients, state: AdaGradState, learning_rate: float, progress: float = 0.0
    ) -> tuple[Gradients, AdaGradState]:
        clip(gradients, self.clip_norm)
        for arrays in zip(gradients, state.sum_of_squares, strict=True):
            for gradient, sum_of_squares, scratch in blocks(*arrays, n_scratch=1):
                np.multiply(gradient, gradient, out=scratch)
                sum_of_squares += scratch
                np.sqrt(sum_of_squares, out=scratch)
                scratch += float(self.epsilon)
                gradient /= scratch
                gradient *= -float(learning_rate)
        return gradients, state._replace(step=state.step + 1)
