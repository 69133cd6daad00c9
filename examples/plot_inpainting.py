"""
What does the lower half of a digit look like, given the upper one?
===================================================================

An RBM is a model of all pixels at once, so any of them can be asked for given any others, without
training anew. Here the lower half of test images is missing. ``impute`` draws it by Gibbs sampling, or
averages over draws, which is the guess of least squared error. With the variable SKDBN_DATA naming a
folder that has ``mnist.npz`` the digits are MNIST's (some minutes), else scikit-learn's 8 x 8 ones.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split

from skdbn import RBMTransformer

file = Path(os.environ.get("SKDBN_DATA", "")) / "mnist.npz"
if file.is_file():
    with np.load(file, allow_pickle=False) as arrays:
        X_train, X_test = arrays["x_train"], arrays["x_test"][:500]
    X_train, X_test = (X.reshape(len(X), -1).astype(np.float32) / 255 for X in (X_train, X_test))
    n_components, n_iter, n_fillings = 500, 20, 10
else:
    print("SKDBN_DATA names no folder with mnist.npz: 8 x 8 digits instead.")
    X = (load_digits().data / 16).astype(np.float32)
    X_train, X_test = train_test_split(X, test_size=200, random_state=0)
    n_components, n_iter, n_fillings = 100, 40, 10
n_pixels = X_train.shape[1]
missing = np.arange(n_pixels) >= n_pixels // 2

# %%
# Grey levels count as probabilities of white: in training each row is drawn anew as black and white
# whenever it is seen, and the known pixels here are drawn, too, once for each filling. A chain that starts
# in the shape of another digit rarely leaves it, so several short chains average better than a long one.

rbm = RBMTransformer(n_components, n_iter=n_iter, random_state=0).fit(X_train)
rng = np.random.default_rng(0)


def fill(average, seed):
    X_given = (rng.random(X_test.shape) < X_test).astype(np.float32)
    X_given[:, missing] = np.nan
    X_filled = rbm.impute(X_given, n_steps=200, random_state=seed, average=average, n_chains=1)
    return np.where(missing, X_filled, X_test)


draws = [fill(average=False, seed=seed) for seed in range(3)]
fillings = [fill(average=True, seed=seed) for seed in range(n_fillings)]
X_average = np.mean(fillings, axis=0)

# %%
# Two baselines: the mean of the training images, and a linear regression that was told beforehand which
# pixels would be missing.

X_mean = np.where(missing, X_train.mean(axis=0), X_test)
X_linear = X_test.copy()
X_linear[:, missing] = (
    RidgeCV([1, 10, 100]).fit(X_train[:, ~missing], X_train[:, missing]).predict(X_test[:, ~missing])
)


def error(X_filled):
    return ((X_filled - X_test)[:, missing] ** 2).mean()


guesses = {
    "training mean": X_mean,
    "linear regression": X_linear,
    "RBM, one chain": fillings[0],
    f"RBM, {n_fillings} chains": X_average,
}
for name, X_filled in guesses.items():
    lower = 1 - error(X_filled) / error(X_mean)
    print(f"{name:<18} mean squared error {error(X_filled):.4f}, lower by {lower:.0%}")

side = int(np.sqrt(n_pixels))
rows = {
    "test image": X_test,
    "known": np.where(missing, np.nan, X_test),
    **{f"draw {number}": draw for number, draw in enumerate(draws, start=1)},
    "RBM, average": X_average,
    "linear regression": X_linear,
}
figure, axes = plt.subplots(len(rows), 12, figsize=(9, 0.72 * len(rows)), layout="constrained")
for line, (name, images) in zip(axes, rows.items(), strict=True):
    for ax, image in zip(line, images, strict=False):
        ax.imshow(np.ma.masked_invalid(image).reshape(side, side), cmap="gray_r", vmin=0, vmax=1)
        ax.axhline(side / 2 - 0.5, color="#c8641b", lw=0.8)
        ax.set(xticks=[], yticks=[], facecolor="#f3e3d6")
        ax.spines[:].set_color("0.8")
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()
