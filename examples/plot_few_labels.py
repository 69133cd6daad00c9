"""
What are unlabelled rows worth?
===============================

1,347 images of digits, of which 5 or 20 of each class have a label. A deep belief network is
pre-trained on all rows, once for everything that follows (``pretrain_on``). The labelled rows then train
either its output layer only (``fine_tuning=None``) or all of it. A network without pre-training,
``MLPClassifier`` and a logistic regression can use the labelled rows only; label spreading is one of
scikit-learn's own ways to use the others. Five draws of split and labels.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.semi_supervised import LabelSpreading

from skdbn import DBNClassifier, RBMTransformer

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
labels_per_class, seeds = [5, 20], range(10, 15)


def keep_labels(y, n_per_class, seed):
    """Return y with all labels but `n_per_class` of each class replaced by -1."""
    rng = np.random.default_rng(seed)
    kept = [rng.choice(np.flatnonzero(y == label), n_per_class, replace=False) for label in np.unique(y)]
    return np.where(np.isin(np.arange(len(y)), kept), y, -1)


# %%
# Few labels make few updates an epoch, so the networks get more epochs than by default. This, the size and
# the sampler were chosen on other draws; all else is as by default, but for the width of the kernel of
# label spreading, whose default is for columns of another scale.

dbn = DBNClassifier((64,), rbm=RBMTransformer(sampler="cd", n_iter=20), unlabeled=-1, max_iter=100)
models = {
    "DBN, output layer": clone(dbn).set_params(fine_tuning=None),
    "DBN, all layers": clone(dbn),
    "no pre-training": clone(dbn).set_params(pretrain=False),
    "MLPClassifier": MLPClassifier((256,), max_iter=1000),
    "logistic regression": LogisticRegression(max_iter=1000),
    "label spreading": LabelSpreading(gamma=1),
}
labelled_rows_only = {"MLPClassifier", "logistic regression"}
accuracy = {name: np.empty((len(labels_per_class), len(seeds))) for name in models}
for column, seed in enumerate(seeds):
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    stack = clone(dbn).set_params(random_state=seed).pretrain_on(X_train).pretrain
    for name, model in models.items():
        if "random_state" in model.get_params():
            model.set_params(random_state=seed)
        if name.startswith("DBN"):
            model.set_params(pretrain=stack)
        for row, n_labels in enumerate(labels_per_class):
            y_few = keep_labels(y_train, n_labels, seed)
            rows = y_few != -1 if name in labelled_rows_only else slice(None)
            accuracy[name][row, column] = model.fit(X_train[rows], y_few[rows]).score(X_test, y_test)

# %%
# The gains over the logistic regression, with the standard errors of their means; differences are taken
# within each draw, because the draws differ more than the methods do. Digits lie in clusters, so spreading
# labels along neighbours is hard to beat here.

for row, n_labels in enumerate(labels_per_class):
    print(f"{n_labels} labels a class")
    for name, values in accuracy.items():
        gain = values[row] - accuracy["logistic regression"][row]
        error = gain.std(ddof=1) / np.sqrt(len(seeds))
        print(f"  {name:<20} {values[row].mean():.3f}, gain {gain.mean():+.3f} +- {error:.3f}")

figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
styles = ["o-", "o--", "s:", "s-.", "kD-", "^-"]
for shift, ((name, values), style) in enumerate(zip(accuracy.items(), styles, strict=True)):
    x = np.arange(len(labels_per_class)) + 0.05 * (shift - 2.5)  # so that the bars can be told apart
    axes.errorbar(x, values.mean(axis=1), values.std(axis=1), fmt=style, label=name, capsize=2, ms=4, lw=1)
axes.set_xticks(range(len(labels_per_class)), labels_per_class)
axes.set(xlabel="labels per class", ylabel="test accuracy (bars: spread of the draws)")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right", fontsize="small")
plt.show()
