"""
Is a deep belief network any good at regression?
================================================

Two small problems: the progression of diabetes in 442 patients, where the answer is nearly linear and
noisy, and Friedman's first function of ten columns, of which five matter and two interact.
A small ``DBNRegressor``, with and without pre-training, beside what one would try first. R2 on the
test folds of cross-validation; targets need no scaling, columns are standardised for those
that want it.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import RepeatedKFold, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdbn import DBNRegressor, RBMTransformer

warnings.simplefilter("ignore", ConvergenceWarning)  # of networks that would train on
problems = {
    "diabetes": load_diabetes(return_X_y=True),
    "Friedman 1": make_friedman1(400, noise=1.0, random_state=0),
}
rbm = RBMTransformer(batch_size=32)
dbn = DBNRegressor((32, 32), rbm=rbm, batch_size=32, max_iter=60, random_state=0)
mlp = MLPRegressor(hidden_layer_sizes=(32, 32), random_state=0)
models = {
    "DBNRegressor": dbn,
    "the same, pretrain=False": clone(dbn).set_params(pretrain=False),
    "MLPRegressor, y scaled": TransformedTargetRegressor(mlp, transformer=StandardScaler()),
    "gradient boosting": GradientBoostingRegressor(random_state=0),
    "ridge regression": RidgeCV(np.logspace(-2, 3, 11)),
}

# %%
# Two times three folds, which differ among themselves: the last column is the mean gain within a fold.

folds = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
scores = {
    problem: {
        name: cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=folds)
        for name, model in models.items()
    }
    for problem, (X, y) in problems.items()
}
for problem, of_problem in scores.items():
    print(problem)
    for name, values in of_problem.items():
        gain = values - of_problem["ridge regression"]
        print(
            f"  {name:<25} R2 {values.mean():.3f} +- {values.std():.3f}, gain over ridge {gain.mean():+.3f}"
        )

# %%
# Small points are folds, large ones their means.

figure, panels = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for axes, (problem, of_problem) in zip(panels, scores.items(), strict=True):
    for position, (name, values) in enumerate(of_problem.items()):
        color = "#1f5a99" if name == "DBNRegressor" else "#6b6b6b"
        axes.plot(values, [position] * len(values), "o", color=color, alpha=0.3, ms=5, mew=0)
        axes.plot(values.mean(), position, "o", color=color, ms=10)
    axes.axvline(of_problem["DBNRegressor"].mean(), color="#1f5a99", lw=1, alpha=0.4, zorder=0)
    axes.set(title=problem, xlabel="R2 of a test fold")
    axes.set_yticks(range(len(models)), list(models))
    axes.spines[["top", "right"]].set_visible(False)
panels[0].invert_yaxis()
plt.show()
