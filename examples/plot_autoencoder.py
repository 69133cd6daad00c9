"""
How much of a digit fits into eight numbers?
============================================

Principal components are the best linear code. A stack of RBMs, unrolled into an autoencoder and fine-tuned,
is a code that may bend: it starts from what the RBMs have learned and trains encoder and decoder apart.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skdbn import DBNTransformer, RBMTransformer

X, y = load_digits(return_X_y=True)
X_train, X_test = train_test_split((X / 16).astype(np.float32), stratify=y, random_state=0)
code_sizes = [2, 4, 8, 16]

# %%
# `linear_code=True` lets the code take any real value, as principal components do.


def autoencoder(n_codes):
    return DBNTransformer(
        (128, n_codes),
        rbm=RBMTransformer(sampler="cd", n_iter=20),
        fine_tuning="reconstruction",
        linear_code=True,
        max_iter=45,
        random_state=0,
    )


def error(model):
    return ((model.inverse_transform(model.transform(X_test)) - X_test) ** 2).sum(axis=1).mean()


coders = {size: autoencoder(size).fit(X_train) for size in code_sizes}
components = {size: PCA(size).fit(X_train) for size in code_sizes}
for size in code_sizes:
    ours, linear = error(coders[size]), error(components[size])
    lower = 1 - ours / linear
    print(f"{size:>2} numbers: squared error {ours:.2f}, of PCA {linear:.2f}, lower by {lower:.0%}")

# %%
# Left: the error on test images. Right: test images, and what is left of them in eight numbers.

figure = plt.figure(figsize=(10, 3), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.55])
axes = left.subplots()
for name, models, style in (("autoencoder", coders, "o-"), ("PCA", components, "s--")):
    axes.plot(code_sizes, [error(model) for model in models.values()], style, label=name)
axes.set_xscale("log", base=2)
axes.set_xticks(code_sizes, code_sizes)
axes.set(xlabel="numbers in the code", ylabel="squared error of an image", ylim=(0, None))
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)

shown = X_test[:6]
rows = {"image": shown}
rows |= {
    name: model.inverse_transform(model.transform(shown))
    for name, model in (("autoencoder", coders[8]), ("PCA", components[8]))
}
for line, (name, images) in zip(right.subplots(len(rows), len(shown)), rows.items(), strict=True):
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()
