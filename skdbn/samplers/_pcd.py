"""Samplers whose chains go on from update to update."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import clone

from skdbn._energy import Machine, RBMParameters
from skdbn._typing import Chains, Floats, Rng
from skdbn.samplers._base import Sampler, States, equal_weights, model_states


def _advance(
    machine: Machine, hidden: Floats, n_steps: int, rng: Rng, visible: Floats, hidden_mean: Floats
) -> None:
    """Run Gibbs steps from hidden states, in place; leave the last visible states and hidden means."""
    for _ in range(n_steps):
        machine.sample_v_from_h(hidden, rng, out=visible)
        field = machine.field_h_from_v(visible, out=hidden_mean)
        machine.hidden.mean_and_sample(field, rng, out=hidden)


class PCD(Sampler):
    r"""Persistent contrastive divergence: chains that go on from update to update.

    Introduced in [1]_, and as stochastic maximum likelihood in [2]_. While the parameters change
    slowly, the chains stay near the model's distribution, so the gradient is nearly that of the
    likelihood. They cannot follow large or accelerating steps: lower the learning rate over time,
    avoid momentum.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps of an update, >= 1.

    n_chains : int or None, default=None
        Number of chains, >= 1; None takes as many as a batch has rows, and at least 100. The
        gradient is a mean over the chains, so its scale does not depend on their number.

    References
    ----------
    .. [1] Tieleman, T. (2008). Training restricted Boltzmann machines using approximations to the
           likelihood gradient. ICML. :doi:`10.1145/1390156.1390290`
    .. [2] Younes, L. (1989). Parametric inference for imperfectly observed Gibbsian fields.
           Probability Theory and Related Fields 82. :doi:`10.1007/BF00341287`

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.samplers import PCD
    >>> rbm = RBMTransformer(n_components=16, sampler=PCD(n_steps=2, n_chains=500))
    """

    def __init__(self, n_steps: int = 1, n_chains: int | None = None) -> None:
        self.n_steps = n_steps
        self.n_chains = n_chains

    def n_rows(self, batch_size: int) -> int:
        """Return the number of chains."""
        return max(batch_size, 100) if self.n_chains is None else self.n_chains

    def shared_out(self, batch_size: int, n_processes: int) -> PCD:
        """Return this sampler with a share of the chains, rounded up."""
        if n_processes == 1:
            return self
        return clone(self).set_params(n_chains=-(-PCD.n_rows(self, batch_size) // n_processes))

    def start(self, machine: Machine, batch_size: int, rng: Rng) -> Chains:
        """Draw hidden states given visible ones drawn from the visible biases alone."""
        self._check_counts("n_steps", *([] if self.n_chains is None else ["n_chains"]))
        visible_bias = machine.parameters.visible_bias
        field = np.tile(visible_bias, (self.n_rows(batch_size), 1))
        return machine.sample_h_from_v(machine.visible.sample(field, rng), rng)

    def resume(self, chains: Chains, machine: Machine, batch_size: int, rng: Rng) -> Chains:
        """Keep the chains, unless another number of them is asked for."""
        hidden = model_states(chains)
        if hidden is None or self.n_chains not in (None, len(hidden)):
            return self.start(machine, batch_size, rng)
        self._check_counts("n_steps")
        return hidden

    def advance(
        self, machine: Machine, data: States, chains: Chains, rng: Rng, out: tuple[Floats, Floats]
    ) -> States:
        """Run `n_steps` Gibbs steps from the hidden states of the chains."""
        visible, hidden_mean = (array[: len(chains)] for array in out)
        _advance(machine, chains, self.n_steps, rng, visible, hidden_mean)
        return States(visible, hidden_mean, equal_weights(len(chains), visible.dtype))


class FastPCD(PCD):
    r"""Persistent contrastive divergence whose chains are driven on by fast weights.

    The chains follow a machine with parameters :math:`\theta + \theta_f` [1]_. After each update

    .. math:: \theta_f \leftarrow \text{decay} \cdot \theta_f + \text{fast\_learning\_rate}
        \, (\text{data term} - \text{model term}),

    so the fast parameters raise the energy where the chains are and push them away, faster than the
    model itself changes. The chains follow the model only roughly; with a large `fast_learning_rate`
    they cross between modes that those of `PCD` do not leave. The hidden units of the gradient's model
    term are those of the model itself given the chains' visible states.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps of an update, >= 1.

    n_chains : int or None, default=None
        Number of chains, >= 1; None takes as many as a batch has rows, and at least 100.

    fast_learning_rate : float, default=0.01
        Step size of the fast parameters, > 0; plain gradient steps, whatever the optimizer.

    decay : float, default=0.95
        Share of the fast parameters that is left after an update, within [0, 1).

    References
    ----------
    .. [1] Tieleman, T. and Hinton, G. E. (2009). Using fast weights to improve persistent contrastive
           divergence. ICML. :doi:`10.1145/1553374.1553506`

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.samplers import FastPCD
    >>> rbm = RBMTransformer(n_components=16, sampler=FastPCD(fast_learning_rate=0.02))
    """

    def __init__(
        self,
        n_steps: int = 1,
        n_chains: int | None = None,
        *,
        fast_learning_rate: float = 0.01,
        decay: float = 0.95,
    ) -> None:
        super().__init__(n_steps=n_steps, n_chains=n_chains)
        self.fast_learning_rate = fast_learning_rate
        self.decay = decay

    def start(self, machine: Machine, batch_size: int, rng: Rng) -> FastChains:
        """Draw the chains as `PCD` does, with fast parameters of 0."""
        self._check_rates()
        return FastChains(super().start(machine, batch_size, rng), machine.parameters)

    def resume(self, chains: Chains, machine: Machine, batch_size: int, rng: Rng) -> FastChains:
        """Keep the chains, and the fast parameters if there are any."""
        self._check_rates()
        hidden = super().resume(chains, machine, batch_size, rng)
        if isinstance(chains, FastChains) and hidden is chains.hidden:
            return chains
        return hidden if isinstance(hidden, FastChains) else FastChains(hidden, machine.parameters)

    def _check_rates(self) -> None:
        for name, allowed in (
            ("fast_learning_rate", lambda x: 0 < x < np.inf),
            ("decay", lambda x: 0 <= x < 1),
        ):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool) or not allowed(value):
                bounds = "a number > 0" if name == "fast_learning_rate" else "within [0, 1)"
                raise ValueError(f"FastPCD({name}={value!r}): {name} must be {bounds}.")

    def advance(
        self, machine: Machine, data: States, chains: FastChains, rng: Rng, out: tuple[Floats, Floats]
    ) -> States:
        """Run `n_steps` Gibbs steps of the machine with the fast parameters added, and update these."""
        hidden = chains.hidden
        visible, hidden_mean = (array[: len(hidden)] for array in out)
        driven = machine._replace(parameters=chains.added_to(machine.parameters))
        _advance(driven, hidden, self.n_steps, rng, visible, hidden_mean)
        machine.mean_h_from_v(visible, out=hidden_mean)
        model = States(visible, hidden_mean, equal_weights(len(hidden), visible.dtype))
        chains.learn(data, model, self.fast_learning_rate, self.decay)
        return model


class FastChains:
    """Chains and the fast parameters that drive them."""

    resumable = ("hidden", "fast")

    def __init__(self, hidden: Floats, parameters: RBMParameters) -> None:
        self.hidden = hidden
        self.fast = RBMParameters(*map(np.zeros_like, parameters))

    def __len__(self) -> int:
        return len(self.hidden)

    def added_to(self, parameters: RBMParameters) -> RBMParameters:
        """Return the parameters with the fast ones added."""
        return RBMParameters(*map(np.add, parameters, self.fast))

    def learn(self, data: States, model: States, rate: float, decay: float) -> None:
        """Move the fast parameters by a plain gradient step, and decay them."""
        weights, hidden_bias, visible_bias, _ = self.fast
        for array in (weights, hidden_bias, visible_bias):
            array *= decay
        for states, step in ((data, rate), (model, -rate)):
            coefficients = step * states.weights
            weights += (states.hidden_mean * coefficients[:, np.newaxis]).T @ states.visible
            hidden_bias += coefficients @ states.hidden_mean
            visible_bias += coefficients @ states.visible
