"""
Do columns of several types need units of several types?
========================================================

A table of numbers and categories, first for a classifier, then for samples that should be rows of such a
table. It is made up: three groups of customers, and whether they leave. With the variable SKDBN_DATA naming
a folder that has ``adult.npz`` it is UCI's census data, and whether someone earns above 50,000 dollars.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdbn import DBNClassifier, RBMTransformer
from skdbn.units import Gaussian


def customers(n, rng):
    """Return numbers, categories and labels, all of which depend on a hidden group."""
    group = rng.integers(3, size=n)
    numbers = rng.normal(np.array([[25, 2.0], [45, 3.5], [68, 2.6]])[group], [6, 0.5])
    home = (rng.random((n, 1)) > np.array([[0.6, 0.9], [0.2, 0.4], [0.1, 0.8]])[group]).sum(axis=1)
    online = rng.random(n) < np.array([0.9, 0.6, 0.2])[group]
    logit = np.where(group == 1, 2 * (home - 1), 1 - home) + (numbers[:, 1] - 2.7) * np.where(online, 1, -1)
    return numbers, np.column_stack([home, online]), (rng.logistic(size=n) < logit).astype(int)


file = Path(os.environ.get("SKDBN_DATA", "")) / "adult.npz"
if file.is_file():
    with np.load(file, allow_pickle=False) as arrays:
        numbers, categories, y = (arrays[f"{name}_train"] for name in ("x_num", "x_cat", "y"))
    shown, numbers = ("age", "hours a week"), numbers[:, [0, 5, 1, 2, 3, 4]]
else:
    print("SKDBN_DATA names no folder with adult.npz: a made-up table instead.")
    shown, (numbers, categories, y) = ("age", "income"), customers(4000, np.random.default_rng(0))

# %%
# Numbers are standardised for the models that need it. One-hot coded, each category is a group of columns.

table, n = np.hstack([numbers, categories]), numbers.shape[1]
train, test, y_train, y_test = train_test_split(table, y, train_size=3000, stratify=y, random_state=0)
encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
coder = make_column_transformer((StandardScaler(), slice(0, n)), (encoder, slice(n, None))).fit(train)
X_train, X_test = (coder.transform(part).astype(np.float32) for part in (train, test))
n_levels = [len(levels) for levels in coder.named_transformers_["onehotencoder"].categories_]
groups = np.split(np.arange(n, X_train.shape[1]), np.cumsum(n_levels)[:-1])
types = [("gaussian", slice(0, n)), ("softmax", groups)]

# %%
# Networks of one size with default rates, three seeds each; boosting and a logistic regression as shipped.


def networks(visible, pretrain=True):
    options = {"rbm": RBMTransformer(visible=visible), "pretrain": pretrain, "batch_size": 100}
    return [DBNClassifier((64,), max_iter=40, **options, random_state=seed) for seed in range(3)]


areas = {
    "DBN, each its type": networks(types),
    "DBN, all Gaussian": networks("gaussian"),
    "no pre-training": networks("gaussian", pretrain=False),
    "gradient boosting": [GradientBoostingClassifier(random_state=0)],
    "logistic regression": [LogisticRegression(max_iter=1000)],
}
for name, models in areas.items():
    models[:] = (roc_auc_score(y_test, m.fit(X_train, y_train).predict_proba(X_test)[:, 1]) for m in models)
    print(f"{name:<20} test area under the ROC curve {np.mean(models):.3f} +- {np.std(models):.3f}")

# %%
# Samples of an RBM of either kind, with learned scales: numbers are drawn with the noise that is left.

numeric = Gaussian(scale="learned")
samples = {"data": X_test[:1000]}
for name, visible in (("each its type", [(numeric, types[0][1]), types[1]]), ("all Gaussian", numeric)):
    rbm = RBMTransformer(64, visible=visible, batch_size=50, random_state=0).fit(X_train)
    samples[f"samples, {name}"] = rbm.sample(1000, n_steps=500, start="chains", random_state=0)
for name, drawn in samples.items():
    has_one = [(drawn[:, group] == 1).sum(axis=1) == 1 for group in groups]
    print(f"{name:<22} one level of each category: {np.all(has_one, axis=0).mean():4.0%} of the rows")

figure, (left, *panels) = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
for position, values in enumerate(areas.values()):
    left.plot(values, [position] * len(values), "o", color="#1f5a99", alpha=0.7, ms=8, mew=0)
left.set_yticks(range(len(areas)), list(areas))
left.set(xlabel="area under the ROC curve", title="classifiers, each seed", ylim=(4.4, -0.4))
for ax, (name, drawn) in zip(panels, samples.items(), strict=True):
    ax.plot(drawn[:, 0], drawn[:, 1], ".", color="#c8641b", ms=4, alpha=0.35, mew=0)
    ax.set(
        title=name, xticks=[], yticks=[], xlim=(-2.5, 3), ylim=(-3, 3.5), xlabel=shown[0], ylabel=shown[1]
    )
plt.show()
