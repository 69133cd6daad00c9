"""Progress lines for `verbose`."""

from __future__ import annotations

import time

from skdbn._team import current_team


class Reporter:
    """Prints one line an epoch, or nothing; of several processes only the first does."""

    def __init__(self, stage: str, n_epochs: int, verbose: int) -> None:
        self._stage = stage
        self._n_epochs = n_epochs
        self._verbose = verbose and current_team().rank == 0
        self._start = time.perf_counter()

    def __call__(self, epoch: int, **values: float) -> None:
        """Print the values of an epoch and the seconds since the start of the stage."""
        if not self._verbose:
            return
        seconds = time.perf_counter() - self._start
        shown = "".join(f", {name.replace('_', ' ')} {value:.4g}" for name, value in values.items())
        print(f"{self._stage}, epoch {epoch}/{self._n_epochs}{shown}, {seconds:.1f} s", flush=True)


class Tenths:
    """Prints a line for each tenth of a long computation, or nothing."""

    def __init__(self, stage: str, verbose: int) -> None:
        self._stage = stage
        self._verbose = verbose
        self._start = time.perf_counter()

    def __call__(self, step: int, n_steps: int) -> None:
        """Report that `step` of `n_steps` is done."""
        if self._verbose and (10 * step // n_steps) > (10 * (step - 1) // n_steps):
            seconds = time.perf_counter() - self._start
            print(f"{self._stage}, step {step}/{n_steps}, {seconds:.1f} s", flush=True)
