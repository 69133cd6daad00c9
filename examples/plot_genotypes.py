"""
Do samples of an RBM look like genotypes?
=========================================

5,008 haplotypes of the 1000 Genomes project at 805 sites, 0 or 1 each. A model of such data can stand in
for them where the rows themselves must not be passed on. Its samples should have the same allele
frequencies, the same correlations between sites, and the same populations: the clusters that the first
two principal components show. The data are read from ``snp_1000g_805.npz`` in the folder that the variable
SKDBN_DATA names; without it, black and white 8 x 8 digits take their place.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skdbn import RBMTransformer
from skdbn.samplers import ParallelTempering

file = Path(os.environ.get("SKDBN_DATA", "")) / "snp_1000g_805.npz"
if file.is_file():
    with np.load(file, allow_pickle=False) as arrays:
        X = arrays["x"].astype(np.float32)
    column, n_iter, n_tempered = "allele", 50, 1000
else:
    print("SKDBN_DATA names no folder with snp_1000g_805.npz: 8 x 8 digits instead.")
    X = (load_digits().data > 7).astype(np.float32)
    column, n_iter, n_tempered = "pixel", 20, 200

# %%
# Populations are modes that plain Gibbs steps hardly ever cross: chains begun far from the data end in
# wrong proportions. Those of the training were carried along while the modes formed, so samples start
# from them. Parallel tempering, in training and to draw, crosses between modes.

sampler = ParallelTempering(n_chains=50, n_temperatures=20)
rbm = RBMTransformer(100, sampler=sampler, n_iter=n_iter, random_state=0).fit(X)
rng = np.random.default_rng(0)
independent = (rng.random((300, X.shape[1])) < X.mean(axis=0)).astype(X.dtype)
samples = {
    "samples": rbm.sample(len(X), n_steps=200, start="chains", random_state=0),
    "from afar, Gibbs steps": rbm.sample(n_steps=200, start=independent, random_state=0),
    "from afar, tempering": rbm.sample(
        n_steps=n_tempered, start=independent, random_state=0, n_temperatures=20
    ),
}


def moments(X):
    """Return the means of the columns, and the correlations of all pairs."""
    with np.errstate(invalid="ignore"):
        return X.mean(axis=0), np.corrcoef(X.T)[np.triu_indices(X.shape[1], k=1)]


def r(first, second):
    both = np.isfinite(first) & np.isfinite(second)  # a column that never varies has no correlation
    return np.corrcoef(first[both], second[both])[0, 1]


# %%
# How well moments of a sample this size can agree at all, two halves of the data show.

half = rng.permutation(len(X)) % 2 == 0
pairs = {name: (X, drawn) for name, drawn in samples.items()}
pairs["300 rows of the data"] = X, X[rng.choice(len(X), 300, replace=False)]
pairs["one half of the data, the other"] = X[half], X[~half]
for name, (first, second) in pairs.items():
    frequencies, correlations = (r(*both) for both in zip(moments(first), moments(second), strict=True))
    print(f"{name:<32} r of frequencies {frequencies:.4f}, of correlations {correlations:.4f}")

# %%
# The same in pictures; the last panel compares the populations.

drawn = samples["samples"]
figure, axes = plt.subplots(1, 4, figsize=(13, 3.5), layout="constrained")
for ax, of_data, of_samples in zip(axes[:2], moments(X), moments(drawn), strict=True):
    low, high = np.nanmin(of_data), np.nanmax(of_data)
    ax.plot([low, high], [low, high], color="0.7", lw=1, zorder=0)
    opacity = float(np.clip(10_000 / len(of_data), 0.05, 1))
    ax.plot(of_data, of_samples, ".", color="#1f5a99", ms=3, alpha=opacity, mew=0, rasterized=True)
axes[0].set(xlabel=f"{column} frequency, data", ylabel=f"{column} frequency, samples")
axes[1].set(xlabel="correlation of two columns, data", ylabel="correlation, samples")
components = PCA(2, random_state=0).fit(X)
for ax, rows, name in zip(axes[2:], (X, drawn), ("data", "samples"), strict=True):
    ax.plot(*components.transform(rows).T, ".", color="#c8641b", ms=4, alpha=0.3, mew=0)
    ax.set(title=name, xlabel="first principal component", ylabel="second", xticks=[], yticks=[])
axes[3].set(xlim=axes[2].get_xlim(), ylim=axes[2].get_ylim())
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
