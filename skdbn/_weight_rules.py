"""What happens to weights beside the gradient: decay towards 0, and bounds.

Rules act on the update of the weights before it is mapped to the plain parametrisation (see
`_centering`): a weight that is pulled or cut then leaves the mean field of its unit where it is. They
never touch biases or scales.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdbn._blocks import add_scaled
from skdbn._typing import Floats

# Share by which L2 decay shrinks weights at a time. That of one step is often about as small as their
# rounding, and costs two passes over all of them.
LEAST_DECAY = 1e-5


class WeightRules(NamedTuple):
    """Rules for weights of shape (n_units, n_inputs); None means no bound."""

    l1_ratio: float = 0.0  # share of the decay that is of the L1 kind
    max_norm: float | None = None  # of a unit's incoming weights
    max_weight: float | None = None  # of the absolute value of a weight

    @property
    def least_decay(self) -> float:
        """The smallest decay to be given; weights that L1 decay set to 0 are to be set so at each step."""
        return 0.0 if self.l1_ratio else LEAST_DECAY

    def change(self, update: Floats, weights: Floats, decay: float) -> None:
        """Change the update, in place, so that weights + update keep the rules.

        `decay` is learning rate * alpha: the weights shrink by the factor 1 - decay (L2) and by at most
        decay (L1), to 0 where they are smaller than that.
        """
        if decay and self.l1_ratio < 1:
            add_scaled(update, weights, -decay * (1 - self.l1_ratio))
        if not (decay and self.l1_ratio) and self.max_norm is None and self.max_weight is None:
            return
        update += weights
        if decay and self.l1_ratio:
            _shrink(update, decay * self.l1_ratio)
        if self.max_weight is not None:
            np.clip(update, -self.max_weight, self.max_weight, out=update)
        if self.max_norm is not None:
            _limit_norms(update, self.max_norm)
        update -= weights


def _shrink(weights: Floats, amount: float) -> None:
    """Move weights towards 0 by `amount`, and no further than 0: the proximal step of the L1 norm."""
    # x - clip(x, -a, a) is 0 inside [-a, a] and x -+ a outside.
    weights -= np.clip(weights, -amount, amount)


def _limit_norms(weights: Floats, max_norm: float) -> None:
    """Scale down the rows whose Euclidean norm is larger than `max_norm`."""
    norms = np.sqrt(np.einsum("ij,ij->i", weights, weights))
    too_long = norms > max_norm
    if too_long.any():
        weights[too_long] *= (max_norm / norms[too_long])[:, np.newaxis]
