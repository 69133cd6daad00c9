"""
Does a DBN need standardised columns?
=====================================

The columns of the wine data differ in size by a factor of a thousand. Gaussian visible units take a
location and a scale for each column from the training rows, so a DBN gives the same result on
raw and on standardised columns. Plain networks and penalised linear models need the scaler. Accuracies
of 5-fold cross-validation; a forest and a logistic regression are the baselines.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdbn import DBNClassifier

wine = load_wine()
X, y = wine.data, wine.target
spread = X.std(axis=0)
for column in (spread.argmin(), spread.argmax()):
    print(f"{wine.feature_names[column]:<22} standard deviation {spread[column]:.2f}")

folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)
models = {
    "DBN": DBNClassifier((64, 64), max_iter=60, random_state=0),
    "DBN, no pre-training": DBNClassifier((64, 64), max_iter=60, pretrain=False, random_state=0),
    "MLPClassifier": MLPClassifier(max_iter=500, random_state=0),
    "LogisticRegression": LogisticRegression(max_iter=200),
    "RandomForest": RandomForestClassifier(random_state=0),
}

# %%
# Solvers that do not converge on raw columns are part of what is shown.

warnings.simplefilter("ignore", ConvergenceWarning)
accuracy = {
    name: (
        cross_val_score(model, X, y, cv=folds),
        cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=folds),
    )
    for name, model in models.items()
}
for name, (raw, scaled) in accuracy.items():
    print(f"{name:<22} raw {raw.mean():.3f} +- {raw.std():.3f}", end="   ")
    print(f"standardised {scaled.mean():.3f} +- {scaled.std():.3f}")

figure, axes = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
for position, (raw, scaled) in enumerate(accuracy.values()):
    axes.plot([raw.mean(), scaled.mean()], [position] * 2, color="0.8", lw=3, zorder=0)
    axes.plot(raw.mean(), position, "o", color="#c8641b", ms=13, mfc="none", mew=2)
    axes.plot(scaled.mean(), position, "o", color="#1f5a99", ms=8)
axes.plot([], [], "o", color="#c8641b", ms=13, mfc="none", mew=2, label="raw columns")
axes.plot([], [], "o", color="#1f5a99", ms=8, label="standardised columns")
axes.set_yticks(range(len(accuracy)), list(accuracy))
axes.margins(y=0.12)
axes.invert_yaxis()
axes.set_xlabel("accuracy, mean of 5 test folds")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="upper left")
plt.show()
