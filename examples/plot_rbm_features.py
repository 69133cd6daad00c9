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
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import RBMTransformer

# %%
# Three folds, two of which train. float32 halves the time of the RBM.

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)


def accuracies(*steps):
    regression = GridSearchCV(LogisticRegression(max_iter=300), {"C": [0.1, 1, 10]}, cv=3)
    return cross_val_score(make_pipeline(MinMaxScaler(clip=True), *steps, regression), X, y, cv=folds)


pixels = accuracies()
sizes = [16, 64, 256]
features = [accuracies(RBMTransformer(size, random_state=0)) for size in sizes]

print(f"{'64 pixels':<18} {pixels.mean():.3f} +- {pixels.std():.3f}")
for size, scores in zip(sizes, features, strict=True):
    print(f"{size:>3} hidden units   {scores.mean():.3f} +- {scores.std():.3f}")

figure, axes = plt.subplots(figsize=(6.5, 4), layout="constrained")
axes.axhspan(pixels.mean() - pixels.std(), pixels.mean() + pixels.std(), color="#6b6b6b", alpha=0.15, lw=0)
axes.axhline(pixels.mean(), color="#6b6b6b", label="64 pixels")
axes.errorbar(
    sizes,
    [scores.mean() for scores in features],
    [scores.std() for scores in features],
    fmt="o-",
    color="#1f5a99",
    capsize=3,
    label="hidden units of an RBM",
)
axes.set_xscale("log", base=2)
axes.set_xticks(sizes, sizes)
axes.set(xlabel="number of hidden units", ylabel="test accuracy, mean and spread of 3 folds")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="lower right")
plt.show()
