"""The autoencoder beside principal components."""

import numpy as np
from _report import Result, seconds_of, settings_of
from sklearn.decomposition import PCA

from _supervised.data import mnist
from _supervised.measures import timed_fit
from _supervised.pictures import save_grid
from _supervised.settings import model

LEAST = 0.60  # share of PCA's error that the autoencoder has to do without


def autoencoder(run):
    """Compare squared errors summed over the pixels, mean of the test images; both have as many codes."""
    data = mnist(run)
    seeds = run.seeds_or(1)
    errors, times = [], []
    for seed in seeds:
        coder, seconds = timed_fit(model("autoencoder", seed, run.smoke), data.x_train)
        errors.append(_error_per_image(data.x_test, coder.reconstruct(data.x_test)))
        times.append(seconds)
    n_codes = coder.hidden_layer_sizes[-1]
    pca = PCA(n_codes, random_state=0).fit(data.x_train)
    by_pca = pca.inverse_transform(pca.transform(data.x_test))
    pca_error = _error_per_image(data.x_test, by_pca)
    if run.pictures:
        shown = [np.flatnonzero(data.y_test == digit)[0] for digit in range(10)]
        originals = data.x_test[shown]
        rows = np.stack([originals, coder.reconstruct(originals), np.clip(by_pca[shown], 0, 1)])
        save_grid(run.pictures / "autoencoder.png", rows)
    lower = 1 - np.mean(errors) / pca_error
    sizes = "-".join(map(str, (data.x_train.shape[1], *coder.hidden_layer_sizes)))
    return [
        Result(
            measure=f"MNIST, autoencoder {sizes}: squared error of a test image",
            measured=f"{np.mean(errors):.2f}: lower by {lower:.1%}" + _each(errors),
            must_be=f"lower by {LEAST:.0%}",
            reached=bool(lower >= LEAST),
            published="3.00 (Hinton and Salakhutdinov 2006)",
            seconds=seconds_of(times),
            settings=settings_of(coder),
        ),
        Result(
            measure=f"MNIST, {n_codes} principal components: squared error of a test image",
            measured=f"{pca_error:.2f}",
            published="13.87",
        ),
    ]


def _error_per_image(X, reconstructed):
    return float(((X - reconstructed) ** 2).sum(axis=1).mean())


def _each(errors):
    return f" ({', '.join(f'{error:.2f}' for error in errors)})" if len(errors) > 1 else ""
