"""Stochastic gradient descent."""

from __future__ import annotations

from typing import NamedTuple

from skdbn._blocks import blocks
from skdbn._typing import Arrays
from skdbn.optimizers._arrays import add_momentum, clip, each, full
from skdbn.optimizers._base import Gradients, Optimizer, check_clip_norm, check_decay, decay_at, in_use
from skdbn.schedules import Rate


class SGDState(NamedTuple):
    """What `SGD` remembers: `velocity` is empty without momentum."""

    step: int
    velocity: Arrays = ()


class SGD(Optimizer):
    r"""Stochastic gradient descent, with momentum if wanted.

    .. math:: b \leftarrow \mu b + g, \qquad \Delta\theta = -\eta \, b
        \quad \text{or, Nesterov,} \quad \Delta\theta = -\eta \, (g + \mu b)

    Parameters
    ----------
    momentum : float or Schedule, default=0.0
        The factor :math:`\mu` in [0, 1).
    nesterov : bool, default=False
        Use Nesterov's form [1]_, as PyTorch writes it.
    clip_norm : float, default=None
        If given, gradients whose L2 norm over all arrays is larger are scaled down to this norm.

    References
    ----------
    .. [1] I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and
       momentum in deep learning", ICML 2013, PMLR 28(3), 1139-1147.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.optimizers import SGD
    >>> sgd = SGD(momentum=0.5)
    >>> state = sgd.init((np.zeros(2),))
    >>> for _ in range(2):
    ...     (update,), state = sgd.update((np.array([1.0, -2.0]),), state, 0.1)
    >>> update.round(3).tolist()
    [-0.15, 0.3]
    """

    def __init__(
        self, momentum: Rate = 0.0, *, nesterov: bool = False, clip_norm: float | None = None
    ) -> None:
        self.momentum = momentum
        self.nesterov = nesterov
        self.clip_norm = clip_norm

    def init(self, parameters: Arrays) -> SGDState:
        check_decay(self, "momentum")
        check_clip_norm(self)
        return self._with_velocity(SGDState(step=0), parameters)

    def update(
        self, gradients: Gradients, state: SGDState, learning_rate: float, progress: float = 0.0
    ) -> tuple[Gradients, SGDState]:
        momentum = decay_at(self, "momentum", progress, state.step)
        state = self._with_velocity(state, gradients)
        clip(gradients, self.clip_norm)
        for arrays in zip(gradients, each(state.velocity), strict=False):
            for gradient, velocity, scratch in blocks(*arrays, n_scratch=1):
                if velocity is not None:
                    add_momentum(gradient, velocity, momentum, self.nesterov, scratch)
                gradient *= -float(learning_rate)
        return gradients, state._replace(step=state.step + 1)

    def _with_velocity(self, state: SGDState, arrays: Arrays) -> SGDState:
        needed = in_use(self.momentum) and not state.velocity
        return state._replace(velocity=full(arrays, 0.0)) if needed else state
