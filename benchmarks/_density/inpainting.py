"""Row 9: MNIST digits whose lower half is missing."""

import time

import numpy as np
from _report import Result, settings_of

from _density.data import grey_mnist
from _density.settings import FILLING_STEPS, FILLINGS, model


def lower_half(run):
    """Compare the conditional means of the missing grey levels with the means of the training rows.

    The known pixels are drawn as black or white, as in training, for each filling anew.
    """
    train, test = grey_mnist(run)
    test = test[:2000]
    seed = run.seeds_or(1)[0]
    missing = np.arange(test.shape[1]) >= test.shape[1] // 2
    fillings, steps = (2, 20) if run.smoke else (FILLINGS, FILLING_STEPS)
    start = time.perf_counter()
    rbm = model("inpainting", seed, run.smoke).fit(train)
    fitted = time.perf_counter()
    rng = np.random.default_rng(seed)
    filled = np.mean([_fill(rbm, test, missing, steps, rng) for _ in range(fillings)], axis=0)
    seconds = time.perf_counter() - start
    by_rbm, by_mean = (((guess - test)[:, missing] ** 2).mean() for guess in (filled, train.mean(axis=0)))
    lower = 1 - by_rbm / by_mean
    chains = f"the mean of {fillings} chains of {steps} Gibbs steps, of which the second half counts"
    return [
        Result(
            measure="MNIST, lower half of 2,000 images missing: squared error, and that of the mean",
            measured=f"{by_rbm:.4f} and {by_mean:.4f}: lower by {lower:.0%}",
            must_be="lower by 40 %",
            reached=bool(lower >= 0.40),
            seconds=f"{seconds:.0f}, of which fit {fitted - start:.0f}",
            settings=settings_of(rbm, chains),
        )
    ]


def _fill(rbm, X, missing, n_steps, rng):
    """Return X with the missing columns as the mean over a chain given the others, drawn binary."""
    given = (rng.random(X.shape) < X).astype(X.dtype)
    given[:, missing] = np.nan
    seed = int(rng.integers(2**31))
    return rbm.impute(given, n_steps=n_steps, random_state=seed, average=True, n_chains=1)
