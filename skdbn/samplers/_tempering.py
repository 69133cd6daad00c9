"""Chains at several temperatures that exchange their states."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdbn._energy import Machine
from skdbn._tempered import TemperedMachine
from skdbn._typing import Chains, Floats, Integers, Rng
from skdbn.samplers._base import States, equal_weights
from skdbn.samplers._pcd import PCD


class ParallelTempering(PCD):
    r"""Persistent chains at several temperatures, of which neighbours exchange states.

    Replicas at :math:`1 = \beta_1 > \dots > \beta_T = 0` follow machines whose parameters lie between
    the model's and those of unconnected units with the visible biases that training began with, the
    base rates of the data [1]_: :math:`\theta_\beta = \beta \theta + (1 - \beta) \theta_\text{base}`. After
    each Gibbs step, visible states of neighbours are exchanged with probability :math:`\min(1,
    e^{F_k(v_k) + F_{k+1}(v_{k+1}) - F_k(v_{k+1}) - F_{k+1}(v_k)})`, in turn for pairs that begin with an
    odd and with an even k: deterministic even-odd exchanges carry states along the temperatures
    fastest [2]_. Only the replicas at :math:`\beta = 1` enter the gradient. It mixes between modes that
    `PCD` cannot leave, at `n_temperatures` times the cost.

    `history_["swap_rate"]` of the estimator has for each epoch the share of exchanges made between each
    pair of neighbours (NaN for a pair that had no turn). Where some are near 0, raise `n_temperatures`.

    Parameters
    ----------
    n_steps : int, default=1
        Gibbs steps, each with its exchanges, of an update, >= 1.

    n_chains : int or None, default=None
        Number of replicas at each temperature, >= 1; None takes as many as a batch has rows, and at
        least 100.

    n_temperatures : int, default=10
        Number of temperatures T, >= 2; the inverse temperatures are evenly spaced from 1 to 0.

    References
    ----------
    .. [1] Desjardins, G., Courville, A., Bengio, Y., Vincent, P. and Delalleau, O. (2010). Parallel
           tempering for training of restricted Boltzmann machines. AISTATS.
    .. [2] Okabe, T., Kawata, M., Okamoto, Y. and Mikami, M. (2001). Replica-exchange Monte Carlo method
           for the isobaric-isothermal ensemble. Chemical Physics Letters 335.
           :doi:`10.1016/S0009-2614(01)00055-0`

    Examples
    --------
    >>> from skdbn import RBMTransformer
    >>> from skdbn.samplers import ParallelTempering
    >>> rbm = RBMTransformer(n_components=16, sampler=ParallelTempering(n_chains=20))
    """

    def __init__(self, n_steps: int = 1, n_chains: int | None = None, *, n_temperatures: int = 10) -> None:
        super().__init__(n_steps=n_steps, n_chains=n_chains)
        self.n_temperatures = n_temperatures

    def n_rows(self, batch_size: int) -> int:
        """Return the number of replicas of all temperatures."""
        return super().n_rows(batch_size) * self.n_temperatures

    def start(self, machine: Machine, batch_size: int, rng: Rng) -> Replicas:
        """Draw replicas near the base: hidden states given visible ones drawn from their biases."""
        self._check_temperatures()
        hidden = super().start(machine, batch_size, rng)
        return Replicas(hidden, machine.parameters.visible_bias.copy(), self.n_temperatures)

    def resume(self, chains: Chains, machine: Machine, batch_size: int, rng: Rng) -> Replicas:
        """Keep the replicas, unless another number of them or of temperatures is asked for."""
        self._check_temperatures()
        as_asked_for = (
            isinstance(chains, Replicas)
            and len(chains.betas) == self.n_temperatures
            and self.n_chains in (None, len(chains.hidden))
        )
        if not as_asked_for:
            replicas = self.start(machine, batch_size, rng)
            if isinstance(chains, Replicas):
                replicas.base_bias = chains.base_bias  # base rates, which trained biases are not
            return replicas
        self._check_counts("n_steps")
        return chains

    def _check_temperatures(self) -> None:
        self._check_counts("n_temperatures")
        if self.n_temperatures < 2:
            raise ValueError("ParallelTempering(n_temperatures=1): one temperature is PCD; give 2 or more.")

    def advance(
        self, machine: Machine, data: States | None, chains: Replicas, rng: Rng, out: tuple[Floats, Floats]
    ) -> States:
        """Run `n_steps` Gibbs steps at all temperatures, each followed by exchanges."""
        path = TemperedMachine(machine, chains.base_bias)
        visible, field = (array[: len(chains)] for array in out)
        for _ in range(self.n_steps):
            path.sample_v_from_h(chains.all_hidden, chains.beta_of_rows, rng, out=visible)
            machine.field_h_from_v(visible, out=field)
            chains.exchange(path, visible, field, rng)
            field *= chains.beta_of_rows
            machine.hidden.mean_and_sample(field, rng, out=chains.all_hidden)
        n = len(chains.hidden)
        return States(visible[:n], field[:n], equal_weights(n, visible.dtype))

    def report(self, chains: Replicas) -> dict[str, Any]:
        """Return the share of exchanges that were made, for each pair of neighbours."""
        return {"swap_rate": chains.take_swap_rates()}


class Replicas:
    """Chains at all temperatures: rows of one temperature follow each other, those of beta = 1 first."""

    resumable = ("all_hidden", "base_bias", "n_sweeps", "_accepted", "_tried")

    def __init__(self, hidden: Floats, base_bias: Floats, n_temperatures: int) -> None:
        self.all_hidden = hidden
        self.base_bias = base_bias
        self.betas = np.linspace(1, 0, n_temperatures).astype(hidden.dtype)
        self.n_sweeps = 0
        self._forget_swaps()

    def __len__(self) -> int:
        return len(self.all_hidden)

    @property
    def hidden(self) -> Floats:
        """The hidden states of the chains at beta = 1."""
        return self.all_hidden[: len(self) // len(self.betas)]

    @property
    def beta_of_rows(self) -> Floats:
        """The inverse temperature of each row, as a column."""
        return np.repeat(self.betas, len(self.hidden))[:, np.newaxis]

    def exchange(self, path: TemperedMachine, visible: Floats, field: Floats, rng: Rng) -> None:
        """Exchange visible states, and their fields at beta = 1, of every other pair of neighbours."""
        first = np.arange(self.n_sweeps % 2, len(self.betas) - 1, 2)  # the colder one of each pair
        self.n_sweeps += 1
        # rows[k] are the rows of temperature k
        rows = np.arange(len(self)).reshape(len(self.betas), -1)
        cold, warm = rows[first].ravel(), rows[first + 1].ravel()
        log_ratio = self._log_ratio(path, visible, field, cold, warm)
        accepted = -rng.standard_exponential(len(cold)) < log_ratio
        for array in (visible, field):
            moved = np.concatenate([cold[accepted], warm[accepted]])
            array[moved] = array[np.concatenate([warm[accepted], cold[accepted]])]
        self._accepted[first] += accepted.reshape(len(first), len(self.hidden)).mean(axis=1)
        self._tried[first] += 1

    def _log_ratio(
        self, path: TemperedMachine, visible: Floats, field: Floats, cold: Integers, warm: Integers
    ) -> Floats:
        """Return F_cold(v_cold) + F_warm(v_warm) - F_cold(v_warm) - F_warm(v_cold) of each pair of rows."""
        beta = self.beta_of_rows
        parameters = path.machine.parameters

        def gain(rows: Integers) -> Floats:
            """Return F_warm(v) - F_cold(v) of the visible states of these rows."""
            along_bias = visible[rows] @ (parameters.visible_bias - path.base_bias)
            at_cold, at_warm = (
                path.machine.hidden.log_partition(field[rows] * beta[of]).sum(axis=1) for of in (cold, warm)
            )
            return (beta[cold] - beta[warm])[:, 0] * along_bias + at_cold - at_warm

        return gain(warm) - gain(cold)

    def take_swap_rates(self) -> Floats:
        """Return the swap rates since the last call; NaN for pairs that had no turn."""
        with np.errstate(invalid="ignore"):
            rates = self._accepted / self._tried
        self._forget_swaps()
        return rates

    def _forget_swaps(self) -> None:
        self._accepted = np.zeros(len(self.betas) - 1)
        self._tried = np.zeros(len(self.betas) - 1)
