"""What notebooks show of a stack: its layers, bottom up."""

import numpy as np

from skdbn import _validation
from skdbn._html import DocumentedMixin
from skdbn._sklearn_compat import serial_block


class StackMixin(DocumentedMixin):
    """The RBM of each layer: those that were trained, or those that `fit` would train.

    Where parameters are such that there is no stack, scikit-learn shows the estimator as one block.
    """

    def _sk_visual_block_(self):
        names, layers = [], []
        for number, (machine, size) in enumerate(self._layers_to_show(), start=1):
            # What stands before the colon is what scikit-learn puts before the names of parameters to copy.
            names.append(f"rbm: layer {number}, {size} hidden units")
            layers.append(serial_block([machine], dash_wrapped=False))
        return serial_block(layers, names=names)

    def _layers_to_show(self):
        """Return (machine, hidden units) of each layer; words for a machine in a plain network."""
        machines = getattr(self, "rbms_", None) or getattr(self.pretrain, "rbms_", None)
        if machines:
            return [(machine, len(machine.components_)) for machine in machines]
        fitted = hasattr(self, "coefs_")
        if fitted:
            sizes = self._hidden_sizes()
        else:
            sizes = _validation.check_hidden_layer_sizes(self.hidden_layer_sizes)
        if fitted or self._pretrain is False:
            return [("not pre-trained", size) for size in sizes]
        # As `fit` would make them, but for the seed that it draws.
        machines = self._prototypes(sizes, np.random.default_rng(0))
        return [(machine.set_params(random_state=None), machine.n_components) for machine in machines]
