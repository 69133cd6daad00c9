"""RMSProp in all its published forms."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skdbn._blocks import blocks
from skdbn._typing import Arrays, Floats
from skdbn.optimizers._arrays import (
    add_momentum,
    clip,
    each,
    full,
    move_average,
)
from skdbn.optimizers._base import Gradients, Optimizer, check_clip_norm, check_decay, decay_at, in_use
from skdbn.schedules import Rate, check_number

# Under a constant gradient the variance s - m**2 of centred RMSProp is rounding noise and turns
# negative: without a floor PyTorch, optax and Keras give NaN near step 130 in float32, after steps
# of up to 1e8 learning rates. A floor of 0 removes the NaN but not the explosion. A floor c * s
# bounds a step by lr / sqrt(c) under a constant gradient, and by lr / sqrt(c * (1 - rho)) under
# any, because s >= (1 - rho) * g**2.
CENTERED_FLOOR = 1e-4


class RMSPropState(NamedTuple):
    """What `RMSProp` remembers; `mean` and `velocity` are empty where they are not used.

    The mean square s is `share` times `sum_of_squares`, with a share of 1 - rho after the first step.
    """

    step: int
    sum_of_squares: Arrays
    mean: Arrays = ()
    velocity: Arrays = ()
    rho_product: float = 1.0
    share: float = 1.0


class RMSProp(Optimizer):
    r"""Gradients divided by a running root mean square of themselves.

    .. math:: s \leftarrow \rho s + (1 - \rho) g^2, \qquad
        \Delta\theta = -\eta \, \frac{g}{\sqrt{s} + \epsilon}
        \quad \text{or} \quad \Delta\theta = -\eta \, \frac{g}{\sqrt{s + \epsilon}}

    Both forms are published under this name [1]_: epsilon outside the root (the default) and inside
    (``epsilon_inside_sqrt=True``). Parameters get steps of similar size whatever the scale of their
    gradients. The steps do not shrink with the gradient: let the learning rate fall.

    Parameters
    ----------
    rho : float or Schedule, default=0.9
        Decay rate :math:`\rho` of the averages, in [0, 1); they span ``1 / (1 - rho)`` updates.
    epsilon : float, default=1e-8
        Added to the denominator; above 0. Inside the root it acts like its own root outside.
    epsilon_inside_sqrt : bool, default=False
        Whether epsilon is added before the root is taken.
    initial_mean_square : float, default=0.0
        First value of s. A value above 0, as the 1 of TensorFlow 1, keeps the first steps small.
    momentum : float or Schedule, default=0.0
        The factor :math:`\mu` in [0, 1) of a momentum on the normalised gradients, with a buffer
        :math:`b \leftarrow \mu b + g / \text{denominator}` and :math:`\Delta\theta = -\eta \, b`.
    nesterov : bool, default=False
        Use Nesterov's form, :math:`\Delta\theta = -\eta (g / \text{denominator} + \mu b)`.
    centered : bool, default=False
        Divide by the standard deviation [2]_: a running mean m of the gradients is kept, and
        :math:`\max(s - m^2, c s)` with c = 1e-4 takes the place of s.
    bias_correction : bool, default=False
        Divide s by one minus the product of the decay rates so far: it then is an average from
        the first step on, not one that starts at 0. Needs ``initial_mean_square=0``.
    clip_norm : float, default=None
        If given, gradients whose L2 norm over all arrays is larger are scaled down to this norm,
        before the averages.

    See Also
    --------
    Adam : Averages the gradient too, and corrects both averages.

    Notes
    -----
    The defaults of others, and their first step for a gradient that is large beside epsilon:

    ===================  =====  =======  =======  =======  ===================
    library              rho    epsilon  place    first s  first step
    ===================  =====  =======  =======  =======  ===================
    skdbn                0.9    1e-8     outside  0        3.2 learning rates
    PyTorch              0.99   1e-8     outside  0        10 learning rates
    Keras                0.9    1e-7     inside   0        3.2 learning rates
    TensorFlow 1         0.9    1e-10    inside   1        1 (for \|g\| = 1)
    optax                0.9    1e-8     inside   0        3.2 learning rates
    MXNet                0.9    1e-8     inside   0        3.2 learning rates
    ===================  =====  =======  =======  =======  ===================

    The first step is ``1 / sqrt(1 - rho)`` learning rates, with `bias_correction` exactly one.

    The learning rate stands outside the momentum buffer, as in PyTorch: a schedule acts at once. In
    Keras, TensorFlow 1 and optax it stands inside, and old steps ring on. With a constant rate both
    are equal.

    The floor c of the centred form is ours. Without it a gradient that hardly changes gives a
    negative variance and NaN (PyTorch, Keras and optax, near step 130 in float32). With it a step
    is at most 100 learning rates under a constant gradient, and ``1 / sqrt(c * (1 - rho))`` under
    any. Bias correction leaves m alone: with both corrected the variance after one step is 0.

    PyTorch and MXNet couple the weight decay: they add it to the gradient, where it is divided by
    the root too and hardly depends on its own size. Here whoever trains subtracts it from the
    weights, decoupled from the root, as in Keras.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, "Lecture 6.5 - RMSProp: divide the gradient by a running
       average of its recent magnitude", Coursera: Neural Networks for Machine Learning, 2012.
    .. [2] A. Graves, "Generating sequences with recurrent neural networks", 2013, arXiv:1308.0850.

    Examples
    --------
    >>> import numpy as np
    >>> from skdbn.optimizers import RMSProp
    >>> rmsprop = RMSProp(rho=0.75)
    >>> state = rmsprop.init((np.zeros(2),))
    >>> (update,), state = rmsprop.update((np.array([1e-3, -5.0]),), state, 0.1)
    >>> update.round(3).tolist()
    [-0.2, 0.2]
    """

    def __init__(
        self,
        rho: Rate = 0.9,
        epsilon: float = 1e-8,
        *,
        epsilon_inside_sqrt: bool = False,
        initial_mean_square: float = 0.0,
        momentum: Rate = 0.0,
        nesterov: bool = False,
        centered: bool = False,
        bias_correction: bool = False,
        clip_norm: float | None = None,
    ) -> None:
        self.rho = rho
        self.epsilon = epsilon
        self.epsilon_inside_sqrt = epsilon_inside_sqrt
        self.initial_mean_square = initial_mean_square
        self.momentum = momentum
        self.nesterov = nesterov
        self.centered = centered
        self.bias_correction = bias_correction
        self.clip_norm = clip_norm

    def init(self, parameters: Arrays) -> RMSPropState:
        check_decay(self, "rho")
        check_decay(self, "momentum")
        check_number(self, "epsilon", above=0)
        check_number(self, "initial_mean_square", at_least=0)
        check_clip_norm(self)
        if self.bias_correction and self.initial_mean_square:
            raise ValueError(
                "RMSProp: bias_correction is for averages that start at 0, got "
                f"initial_mean_square={self.initial_mean_square!r}. Use one of the two."
            )
        state = RMSPropState(0, full(parameters, self.initial_mean_square))
        return self._with_buffers(state, parameters)

    def update(
        self, gradients: Gradients, state: RMSPropState, learning_rate: float, progress: float = 0.0
    ) -> tuple[Gradients, RMSPropState]:
        rho = decay_at(self, "rho", progress, state.step)
        momentum = decay_at(self, "momentum", progress, state.step)
        # s = share * sum: s <- rho s + (1 - rho) g**2 is sum <- kept sum + g**2, one pass less.
        kept, share = rho * state.share / (1.0 - rho), 1.0 - rho
        # The product, not rho**step: it stays right when rho is a schedule.
        state = self._with_buffers(state, gradients)._replace(
            step=state.step + 1, share=share, rho_product=state.rho_product * rho
        )
        if self.bias_correction:
            share /= 1.0 - state.rho_product
        clip(gradients, self.clip_norm)
        means = each(state.mean if self.centered else ())
        buffers = state.sum_of_squares, means, each(state.velocity)
        n_scratch = 2 if self.centered else 1
        for arrays in zip(gradients, *buffers, strict=False):
            for gradient, squares, mean, velocity, scratch, *spare in blocks(*arrays, n_scratch=n_scratch):
                np.multiply(gradient, gradient, out=scratch)
                squares *= kept
                squares += scratch
                if mean is not None:
                    move_average(mean, gradient, rho, scratch)
                    squares = _variance(squares, mean, share, scratch, *spare)
                self._divide_by_root(gradient, squares, share, scratch)
                if velocity is not None:
                    gradient *= 1.0 / math.sqrt(share)
                    add_momentum(gradient, velocity, momentum, self.nesterov, scratch)
                    gradient *= -float(learning_rate)
                else:
                    gradient *= -float(learning_rate) / math.sqrt(share)
        return gradients, state

    def _divide_by_root(self, gradient: Floats, squares: Floats, share: float, scratch: Floats) -> None:
        """Divide by the root of share * squares, with epsilon, times the root of the share."""
        if self.epsilon_inside_sqrt:
            np.add(squares, float(self.epsilon) / share, out=scratch)
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(squares, out=scratch)
            scratch += float(self.epsilon) / math.sqrt(share)
        gradient /= scratch

    def _with_buffers(self, state: RMSPropState, arrays: Arrays) -> RMSPropState:
        """Add the buffers in use that are missing: `set_params` may have called for them since."""
        if self.centered and not state.mean:
            state = state._replace(mean=full(arrays, 0.0))
        if in_use(self.momentum) and not state.velocity:
            state = state._replace(velocity=full(arrays, 0.0))
        return state


def _variance(squares: Floats, mean: Floats, share: float, scratch: Floats, spare: Floats) -> Floats:
    """Return (s - m**2) / share in `spare`, not less than the floor, where s = share * squares."""
    np.multiply(mean, mean, out=spare)
    spare *= 1.0 / share
    np.subtract(squares, spare, out=spare)
    np.multiply(squares, CENTERED_FLOOR, out=scratch)
    return np.maximum(scratch, spare, out=spare)
