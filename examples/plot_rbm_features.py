"""
Are RBM features better than raw pixels?
========================================

A logistic regression reads handwritten digits once from the pixels and once from the hidden units of
an RBM of growing size. The folds are made before anything is fitted, the scaler and the RBM see
training rows only, and the penalty of each regression is chosen on its training rows.

(A well-known version of this experiment enlarges the data with shifted copies *before* it splits
them. Copies of test images are then in the training set, and the gap it shows is largely due to that.)
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import RBMTransformer
from skdbn.units import Bernoulli

# %%
# Three folds, two of which train. float32 halves the time of the RBM.

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)


def accuracies(*steps):
    regression = LogisticRegression(max_iter=1000, solver="newton-cg")
    regression = GridSearchCV(regression, {"C": [1, 10, 100]}, cv=2)
    return cross_val_score(make_pipeline(MinMaxScaler(), *steps, regression), X, y, cv=folds)


# %%
# A grey level is a probability: each time the RBM sees a row, it is drawn anew as black or white. This is
# the default. ``redraw=False`` takes grey levels as they are, which vary less than any binary unit can.

sizes = [16, 64, 128]
presentations = {
    "RBM, grey levels as they are": Bernoulli(redraw=False),
    "RBM, redrawn (default)": Bernoulli(),
}
pixels = accuracies()
print(f"{'64 pixels':<30} {pixels.mean():.3f} +- {pixels.std():.3f}")
features = {}
for name, visible in presentations.items():
    rbm = RBMTransformer(visible=visible, sampler="cd", n_iter=20, random_state=0)
    features[name] = [accuracies(clone(rbm).set_params(n_components=size)) for size in sizes]
    for size, scores in zip(sizes, features[name], strict=True):
        print(f"{name}, {size:>3} units: {scores.mean():.3f} +- {scores.std():.3f}")

figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
axes.axhspan(pixels.mean() - pixels.std(), pixels.mean() + pixels.std(), color="#6b6b6b", alpha=0.15, lw=0)
axes.axhline(pixels.mean(), color="#6b6b6b", label="64 pixels")
for (name, scores), color in zip(features.items(), ("#c8641b", "#1f5a99"), strict=True):
    middle, spread = np.mean(scores, axis=1), np.std(scores, axis=1)
    axes.errorbar(sizes, middle, spread, fmt="o-", color=color, capsize=3, label=name)
axes.set_xscale("log", base=2)
axes.set_xticks(sizes, sizes)
axes.set(xlabel="number of hidden units", ylabel="test accuracy, mean and spread of 3 folds")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncol=3)
plt.show()
