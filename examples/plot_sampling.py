"""
What does an RBM know about digits?
===================================

One machine, trained on scikit-learn's 8 x 8 digits without labels, is asked three things: to pass test
images through its hidden layer and back, to draw images of its own, and to tell unusual images from
usual ones by their free energy, which is -log p(x) up to a constant.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from skdbn import RBMTransformer

X = (load_digits().data / 16).astype(np.float32)
X_train, X_test = train_test_split(X, test_size=400, random_state=0)

# %%
# Grey levels count as probabilities, from which black and white images are drawn anew in each epoch: the
# machine models binary images, and its samples are such images.

rbm = RBMTransformer(128, n_iter=40, random_state=0).fit(X_train)

# One more pass by means turns the black and white samples into grey levels, which are easier to read.
samples = rbm.sample(12, n_steps=1000, random_state=0)
rows = {
    "test images": X_test[:12],
    "reconstructions": rbm.reconstruct(X_test[:12]),
    "samples": samples,
    "samples, as means": rbm.reconstruct(samples),
}
figure, axes = plt.subplots(len(rows), 12, figsize=(9, 3.1), layout="constrained")
for line, (name, images) in zip(axes, rows.items(), strict=True):
    for ax, image in zip(line, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
    line[0].set_ylabel(name, rotation=0, ha="right", va="center")

# %%
# Anomalies: the test images mirrored top to bottom (which hardly changes a 0, 1, 3 or 8), and with each
# pixel inverted with probability 0.05. No such image was seen in training. The baseline is an isolation
# forest on the same rows.

rng = np.random.default_rng(0)
mirrored = X_test.reshape(-1, 8, 8)[:, ::-1].reshape(-1, 64)
inverted = np.where(rng.random(X_test.shape) < 0.05, 1 - X_test, X_test)
forest = IsolationForest(random_state=0).fit(X_train)


def auc(score, anomalies):
    is_anomaly = np.repeat([0, 1], [len(X_test), len(anomalies)])
    return roc_auc_score(is_anomaly, score(np.concatenate([X_test, anomalies])))


figure, axes = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
bins = np.linspace(
    *np.percentile(rbm.free_energy(np.concatenate([X_test, mirrored, inverted])), [0, 99.5]), 50
)
axes.hist(rbm.free_energy(X_test), bins, color="#1f5a99", alpha=0.6, label="test images")
for name, anomalies, color in (("mirrored", mirrored, "#c8641b"), ("inverted pixels", inverted, "#6b6b6b")):
    area = auc(rbm.free_energy, anomalies)
    area_forest = auc(lambda rows: -forest.score_samples(rows), anomalies)
    print(
        f"{name:<16} area under the ROC curve: free energy {area:.3f}, isolation forest {area_forest:.3f}"
    )
    axes.hist(rbm.free_energy(anomalies), bins, color=color, alpha=0.6, label=f"{name} (AUC {area:.2f})")
axes.set(xlabel="free energy (nats)", ylabel="images", yticks=[])
axes.spines[["top", "right", "left"]].set_visible(False)
axes.legend(frameon=False)
plt.show()
