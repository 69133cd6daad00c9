"""
How much do the two rates of RMSProp matter?
============================================

Every part of a DBN is a scikit-learn estimator, so one grid search reaches the learning rate of
pre-training (``rbm__learning_rate``) and the decay rate of RMSProp in fine-tuning (``optimizer__rho``).
For such names to exist, give the objects instead of the defaults. Rates go on a logarithmic scale, and fall
to 0 by the end of training.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNClassifier, RBMTransformer
from skdbn.optimizers import RMSProp
from skdbn.schedules import Linear

warnings.simplefilter("ignore", ConvergenceWarning)  # of short trainings: part of what is searched
X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X.astype(np.float32), y, train_size=500, stratify=y, random_state=0
)

# %%
# A small network and few epochs keep the search short; ``n_jobs`` would share it out among cores.

rates = [0.003, 0.01, 0.03, 0.1, 0.3]
decay_rates = [0.5, 0.9, 0.99, 0.999]
rbm = RBMTransformer(n_iter=10, batch_size=20)
dbn = DBNClassifier((64,), rbm=rbm, optimizer=RMSProp(), batch_size=20, max_iter=15, random_state=0)
search = GridSearchCV(
    make_pipeline(MinMaxScaler(), dbn),
    {
        "dbnclassifier__rbm__learning_rate": [Linear(rate, 0) for rate in rates],
        "dbnclassifier__optimizer__rho": decay_rates,
    },
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
).fit(X_train, y_train)

rate = search.best_params_["dbnclassifier__rbm__learning_rate"].start
rho = search.best_params_["dbnclassifier__optimizer__rho"]
at_end = " (an end of the grid)"
print(f"chosen: a rate from {rate:g} to 0{at_end if rate in (rates[0], rates[-1]) else ''}", end=" ")
print(f"and rho {rho:g}{at_end if rho in (decay_rates[0], decay_rates[-1]) else ''}")

# %%
# The searched model beside the same network at the defaults of both rates, without pre-training, and a
# logistic regression, all on test rows. Networks with five seeds each, as their draws matter, too.

models = {
    "best of the grid": search.best_estimator_.named_steps["dbnclassifier"],
    "default rates": dbn,
    "default, pretrain=False": DBNClassifier((64,), pretrain=False, batch_size=20, max_iter=15),
    "logistic regression": LogisticRegression(max_iter=1000),
}
for name, model in models.items():
    seeds = range(5) if isinstance(model, DBNClassifier) else [0]  # the regression draws nothing
    pipelines = [make_pipeline(MinMaxScaler(), clone(model).set_params(random_state=s)) for s in seeds]
    scores = [pipeline.fit(X_train, y_train).score(X_test, y_test) for pipeline in pipelines]
    print(f"{name:<24} test accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f} (seeds: {len(seeds)})")

# %%
# Before reading much into the map, compare its range with the spread of the folds.

results = search.cv_results_
grid = np.empty((len(decay_rates), len(rates)))
for parameters, score in zip(results["params"], results["mean_test_score"], strict=True):
    row = decay_rates.index(parameters["dbnclassifier__optimizer__rho"])
    grid[row, rates.index(parameters["dbnclassifier__rbm__learning_rate"].start)] = score
print(f"spread of the three folds, mean over the grid: {results['std_test_score'].mean():.3f}")

figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
image = axes.imshow(grid, cmap="viridis", aspect="auto")
dark = grid < (grid.min() + grid.max()) / 2
for (row, column), score in np.ndenumerate(grid):
    axes.text(
        column, row, f"{score:.3f}", ha="center", va="center", color="w" if dark[row, column] else "k"
    )
row, column = np.unravel_index(grid.argmax(), grid.shape)
axes.add_patch(plt.Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, fill=False, ec="#c8641b", lw=3))
axes.set_xticks(range(len(rates)), rates)
axes.set_yticks(range(len(decay_rates)), decay_rates)
axes.set(xlabel="rbm__learning_rate, at the start", ylabel="optimizer__rho")
axes.spines[:].set_visible(False)
figure.colorbar(image, ax=axes, label="accuracy, mean of 3 folds")
plt.show()
