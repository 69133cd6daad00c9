"""
Does free energy find a digit that was not in the training data?
================================================================

The free energy of a row is -log p(x) up to a constant, so rows unlike the training data should have a high
one. Ten times, one digit is left out of the training rows, and the test rows are ranked by how unusual
they look: by the free energy of an RBM, by the squared error of its reconstructions, and by three
baselines. An area under the ROC curve of 1 puts all images of the new digit first, 0.5 is guessing.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor

from skdbn import RBMTransformer

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Nothing is tuned: the RBM is as by default but for its size, the baselines are as scikit-learn ships them,
# and the principal components keep 90 % of the variance.


def scores_of(rows, seed):
    """Fit all models on the rows; return the scores of the test rows, high where a row looks unusual."""
    rbm = RBMTransformer(128, random_state=seed).fit(rows)
    pca = PCA(0.9, svd_solver="full").fit(rows)
    return {
        "RBM, free energy": rbm.free_energy(X_test),
        "RBM, reconstruction": squared_error(rbm.reconstruct(X_test)),
        "PCA, reconstruction": squared_error(pca.inverse_transform(pca.transform(X_test))),
        "isolation forest": -IsolationForest(random_state=seed).fit(rows).score_samples(X_test),
        "local outlier factor": -LocalOutlierFactor(novelty=True).fit(rows).score_samples(X_test),
    }


def squared_error(X_back):
    return ((X_test - X_back) ** 2).sum(axis=1)


areas, free_energy = {}, {}
for digit in range(10):
    scores = scores_of(X_train[y_train != digit], seed=digit)
    free_energy[digit] = scores["RBM, free energy"]
    for name, score in scores.items():
        areas.setdefault(name, []).append(roc_auc_score(y_test == digit, score))

# %%
# The mean over the ten digits, and how often each way is the best and the worst of the five.

table = np.array(list(areas.values()))
for row, name in enumerate(areas):
    best, worst = (table.argmax(axis=0) == row).sum(), (table.argmin(axis=0) == row).sum()
    print(f"{name:<21} mean area {table[row].mean():.3f}, best of {best} digits, worst of {worst}")

# %%
# Left: every digit. Right: the free energies for the digit that the RBM finds most and least easily.

figure = plt.figure(figsize=(10, 4.2), layout="constrained")
grid = figure.add_gridspec(2, 2, width_ratios=(1.35, 1))
axes = figure.add_subplot(grid[:, 0])
styles = ("o-", "o:", "s--", "^--", "D--")
colors = ("#1f5a99", "#6fa3d8", "#6b6b6b", "#c8641b", "#4d8b31")
for (name, values), style, color in zip(areas.items(), styles, colors, strict=True):
    axes.plot(range(10), values, style, color=color, label=name, ms=5, lw=1)
axes.axhline(0.5, color="0.8", lw=1, zorder=0)
axes.set(xlabel="digit left out of the training rows", ylabel="area under the ROC curve", xticks=range(10))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncol=3, fontsize="small")

of_energy = np.array(areas["RBM, free energy"])
for row, digit in enumerate((of_energy.argmax(), of_energy.argmin())):
    ax = figure.add_subplot(grid[row, 1])
    bins = np.histogram_bin_edges(free_energy[digit], 40)
    ax.hist(free_energy[digit][y_test != digit], bins, color="#1f5a99", alpha=0.6, label="the other nine")
    ax.hist(free_energy[digit][y_test == digit], bins, color="#c8641b", alpha=0.8, label=f"digit {digit}")
    ax.set(yticks=[], ylabel="test images")
    ax.locator_params(axis="x", nbins=6)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.legend(frameon=False, title=f"area {of_energy[digit]:.2f}", fontsize="small")
ax.set_xlabel("free energy (nats)")
plt.show()
