"""
How well does a DBN read MNIST after some seconds of training?
==============================================================

4,000 training images, one core, less than half a minute for everything on this page: a deep belief network,
the same network without pre-training, a logistic regression and a support vector machine. MNIST is
read from ``mnist.npz`` in the folder that the variable SKDBN_DATA names; without it,
scikit-learn's 8 x 8 digits take its place.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from skdbn import DBNClassifier, RBMTransformer
from skdbn.inspection import FilterDisplay
from skdbn.optimizers import RMSProp

file = Path(os.environ.get("SKDBN_DATA", "")) / "mnist.npz"
if file.is_file():
    with np.load(file, allow_pickle=False) as arrays:
        X_train, y_train = arrays["x_train"][:4000], arrays["y_train"][:4000]
        X_test, y_test = arrays["x_test"][:5000], arrays["y_test"][:5000]
    X_train, X_test = (X.reshape(len(X), -1).astype(np.float32) / 255 for X in (X_train, X_test))
else:
    print("SKDBN_DATA names no folder with mnist.npz: 8 x 8 digits instead.")
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        (X / 16).astype(np.float32), y, stratify=y, random_state=0
    )
print(f"{len(X_train)} training and {len(X_test)} test images of {X_train.shape[1]} pixels")

# %%
# One sparse layer, trained by contrastive divergence, as the guide advises for MNIST; more epochs, layers
# and rows would do better. RMSProp makes tiny gradients large, such as those of pixels at the border that
# hardly ever have ink; its ``epsilon`` leaves them small. The baselines are as scikit-learn ships them.

rbm = RBMTransformer(sampler="cd", sparsity=0.1, optimizer=RMSProp(epsilon=1e-2), n_iter=10, batch_size=50)
dbn = DBNClassifier((256,), rbm=rbm, batch_size=50, random_state=0)
models = {
    "DBN": dbn,
    "no pre-training": clone(dbn).set_params(pretrain=False),
    "logistic regression": LogisticRegression(max_iter=1000),
    "support vector machine": SVC(),
}
wrong = {}
for name, model in models.items():
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    wrong[name] = np.mean(model.predict(X_test) != y_test)
    print(f"{name:<23} {wrong[name]:.2%} of the test images wrong, trained for {seconds:.1f} s")

# %%
# Bars are one standard error of a share counted on so many test images; each model was trained once. Right:
# the errors of the DBN of which it was most certain.

figure = plt.figure(figsize=(11, 3.7), layout="constrained")
left, middle, right = figure.subfigures(1, 3, width_ratios=(1.2, 1, 1))
axes = left.subplots()
errors = [100 * np.sqrt(share * (1 - share) / len(y_test)) for share in wrong.values()]
colors = ["#1f5a99", "#6fa3d8", "#9a9a9a", "#9a9a9a"]
axes.barh(list(wrong), [100 * share for share in wrong.values()], xerr=errors, color=colors, height=0.6)
axes.invert_yaxis()
axes.set_xlabel("test images wrong (%)")
axes.spines[["top", "right"]].set_visible(False)
filters = FilterDisplay.from_estimator(
    dbn, n_units=36, fine_tuned=False, colorbar=False, name="36 of its 256 filters", ax=middle.subplots()
)

predicted = dbn.predict_proba(X_test)
certainty = np.where(dbn.predict(X_test) != y_test, predicted.max(axis=1), 0)
side = int(np.sqrt(X_test.shape[1]))
for ax, row in zip(right.subplots(3, 3).flat, np.argsort(-certainty), strict=False):
    ax.imshow(X_test[row].reshape(side, side), cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(f"{y_test[row]} read as {predicted[row].argmax()}", fontsize="small")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")
plt.show()
