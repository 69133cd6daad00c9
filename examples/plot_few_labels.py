"""
What are unlabelled rows worth?
===============================

1,347 images of digits, of which 5, 10 or 20 of each class have a label. A deep belief network is
pre-trained on all rows: those without a label carry the marker ``unlabeled=-1``. The labelled rows then
train either its output layer only (``fine_tuning=None``) or all of it. A network without pre-training
and a logistic regression can use the labelled rows only. Five draws of split and labels; differences are
taken within each draw, because the draws differ more than the methods do.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skdbn import DBNClassifier, RBMTransformer

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
labels_per_class, seeds = [5, 10, 20], range(10, 15)


def keep_labels(y, n_per_class, seed):
    """Return y with all labels but `n_per_class` of each class replaced by -1."""
    rng = np.random.default_rng(seed)
    kept = [rng.choice(np.flatnonzero(y == label), n_per_class, replace=False) for label in np.unique(y)]
    return np.where(np.isin(np.arange(len(y)), kept), y, -1)


# %%
# Few labels make few updates an epoch, so the networks get more epochs than by default. This, the size and
# the sampler were chosen on other draws; all else is as by default. The plain network is wider.

rbm = RBMTransformer(sampler="cd", n_iter=40)
common = {"unlabeled": -1, "max_iter": 100}
models = {
    "DBN, output layer": DBNClassifier((64,), rbm=rbm, fine_tuning=None, **common),
    "DBN, all layers": DBNClassifier((64,), rbm=rbm, **common),
    "no pre-training": DBNClassifier((256,), pretrain=False, **common),
    "logistic regression": LogisticRegression(max_iter=1000),
}
accuracy = {name: np.empty((len(labels_per_class), len(seeds))) for name in models}
for column, seed in enumerate(seeds):
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    for row, n_labels in enumerate(labels_per_class):
        y_few = keep_labels(y_train, n_labels, seed)
        for name, model in models.items():
            rows = y_few != -1 if name == "logistic regression" else slice(None)
            model.set_params(random_state=seed).fit(X_train[rows], y_few[rows])
            accuracy[name][row, column] = model.score(X_test, y_test)

# %%
# The gains of both over the logistic regression, with the standard errors of their means. They are small.

for row, n_labels in enumerate(labels_per_class):
    print(f"{n_labels} labels a class")
    for name, values in accuracy.items():
        gain = values[row] - accuracy["logistic regression"][row]
        error = gain.std(ddof=1) / np.sqrt(len(seeds))
        print(f"  {name:<20} {values[row].mean():.3f}, gain {gain.mean():+.3f} +- {error:.3f}")

figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
for (name, values), color in zip(
    accuracy.items(), ("#1f5a99", "#7fa8d6", "#c8641b", "#6b6b6b"), strict=True
):
    axes.plot(labels_per_class, values.mean(axis=1), "o-", color=color, label=name)
    axes.plot(labels_per_class, values, ".", color=color, alpha=0.3)
axes.set_xscale("log")
axes.set_xticks(labels_per_class, labels_per_class)
axes.minorticks_off()
axes.set(xlabel="labels per class", ylabel="test accuracy (dots: single draws)")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right")
plt.show()
