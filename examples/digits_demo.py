"""
Classify handwritten digits
===========================

The main job on one page: scale the pixels, train a deep belief network, compare it with two baselines
on rows that none of them has seen, and look at what the first layer learned.

``make demo`` runs this file. It writes ``digits_demo.png`` into the current directory.
"""

import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdbn import DBNClassifier
from skdbn.inspection import FilterDisplay

PICTURE = Path("digits_demo.png")
BLUE, ORANGE, GREY = "#1f5a99", "#c8641b", "#6b6b6b"


def draw_curves(pretraining, fine_tuning, dbn):
    for number, (rbm, color) in enumerate(zip(dbn.rbms_, (BLUE, ORANGE), strict=True), start=1):
        error = np.array(rbm.history_["reconstruction_error"])
        label = f"RBM {number} ({error[0]:.3g} to {error[-1]:.3g})"
        pretraining.plot(range(1, len(error) + 1), error / error[0], color=color, label=label)
    pretraining.set(title="Pre-training", ylabel="reconstruction error (epoch 1 = 1)")
    pretraining.legend(frameon=False)
    fine_tuning.plot(range(1, dbn.n_iter_ + 1), dbn.loss_curve_, color=GREY)
    fine_tuning.set(title="Fine-tuning", ylabel="cross-entropy (nats)", yscale="log")
    for axes in (pretraining, fine_tuning):
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)


def write_picture(dbn):
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        print('No picture: matplotlib is not installed. Install it with: pip install -e ".[plot]"')
        print("(in the checkout), or: pip install matplotlib")
        return
    figure = plt.figure(figsize=(12, 6.2), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.35, 1))
    name = "Layer 1: weights from 8 x 8 pixels, the 100 strongest of 256 hidden units"
    FilterDisplay.from_estimator(dbn.rbms_[0], n_units=100, name=name, ax=figure.add_subplot(grid[:, 0]))
    draw_curves(figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1]), dbn)
    figure.savefig(PICTURE, dpi=150)
    print(f"Filters and learning curves: {PICTURE.resolve()}")


def main():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    print(f"{len(X_train)} training and {len(X_test)} test images of 8 x 8 pixels\n")
    classifiers = [
        DBNClassifier(hidden_layer_sizes=(256, 256), verbose=1, random_state=0),
        MLPClassifier(max_iter=500, random_state=0),
        LogisticRegression(max_iter=1000),
    ]
    summary = []
    for classifier in classifiers:
        start = time.perf_counter()
        model = make_pipeline(MinMaxScaler(), classifier).fit(X_train, y_train)
        seconds = time.perf_counter() - start
        accuracy = model.score(X_test, y_test)
        name = type(classifier).__name__
        summary.append(f"  {name:<20} {accuracy:.4f}   {seconds:5.1f} s")
        print(f"\n{name}\n{classification_report(y_test, model.predict(X_test), digits=3)}")
    print("Test accuracy and time of training")
    print("\n".join(summary), end="\n\n")
    write_picture(classifiers[0])


if __name__ == "__main__":
    main()
