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
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import RBMTransformer

# %%
# Half the rows train and half test, in both directions. float32 halves the time of the RBM.

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
folds = StratifiedKFold(n_splits=3, shuffle=True, random_state=0)


def accuracies(*steps):
    regression = LogisticRegressionCV(
        Cs=[0.1, 1, 10], cv=3, l1_ratios=(0,), scoring="accuracy", use_legacy_attributes=False
    )
    return cross_val_score(make_pipeline(MinMaxScaler(clip=True), *steps, regression), X, y, cv=folds)


pixels = accuracies()
sizes = [16, 64, 256]
features = [accuracies(RBMTransformer(size, random_state=0)) for size in sizes]

print(f"{'64 pixels':<18} {pixels.mean():.3f} +- {pixels.std():.3f}")
for size, scores in zip(sizes, features, strict=True):
    print(f"{size:>3} hidden units   {scores.mean():.3f} +- {scores.std():.3f}")
