"""
What does a model think a seven looks like?
===========================================

A deep belief network trained by the up-down algorithm is a model of rows *and* labels: it classifies, and
it draws rows of a class it is asked for. Whether a draw looks like its class is judged by a support vector
machine that knows real digits only.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from skdbn import DBNClassifier, RBMTransformer

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
judge = SVC().fit(X_train, y_train)

# %%
# The top RBM of the network models the layer below it and the label together, of which the label is a small
# part. `discriminative_weight` adds a term that is about the label only.

models = {
    f"weight {weight}": DBNClassifier(
        (128, 256),
        rbm=RBMTransformer(sampler="cd", n_iter=20),
        fine_tuning="up-down",
        discriminative_weight=weight,
        max_iter=15,
        random_state=0,
    )
    for weight in (0, 10)
}
digits = np.repeat(np.arange(10), 20)
samples = {}
for name, model in models.items():
    model.fit(X_train, y_train)
    samples[name] = model.sample(y=digits, means=True, random_state=0)
    recognised = judge.score(samples[name], digits)
    print(f"{name:<9} test accuracy {model.score(X_test, y_test):.3f}, draws recognised {recognised:.2f}")
print(f"{'judge':<9} test accuracy {judge.score(X_test, y_test):.3f}")

# %%
# Real digits above, three draws of each class by each model below.

real = np.stack([X_test[y_test == digit][0] for digit in range(10)])
rows = {"real": [real]}
rows |= {name: [drawn[first::20] for first in range(3)] for name, drawn in samples.items()}
n_rows = sum(map(len, rows.values()))
figure, axes = plt.subplots(n_rows, 10, figsize=(7, 0.66 * n_rows), layout="constrained")
lines = iter(axes)
for name, parts in rows.items():
    for number, images in enumerate(parts):
        line = next(lines)
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_color("0.8")
        if not number:
            line[0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()
