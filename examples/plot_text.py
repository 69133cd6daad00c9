"""
Do RBM features help to sort short texts?
=========================================

Which sub-package of SciPy does a function belong to? The texts are 60 words from the docstring of each,
a sparse matrix of words that are there or not. An RBM takes it as it is (CSR), and is trained on all
training rows, of which some have labels. A logistic regression on its features stands beside the same
regression on the words and on latent semantic analysis, and beside naive Bayes.
"""

import importlib
import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import BernoulliNB

from skdbn import RBMTransformer

packages = ["linalg", "ndimage", "optimize", "signal", "special", "stats"]


def documents(package):
    """Yield 60 words, from the eleventh on, of each docstring of a package, without its examples."""
    module = importlib.import_module(f"scipy.{package}")
    for name in sorted(module.__all__):
        text = inspect.getdoc(getattr(module, name)) if callable(getattr(module, name)) else None
        words = re.findall(r"[a-z]{3,}", (text or "").split("Examples\n")[0].lower())
        if len(words) > 30:
            yield " ".join(words[10:70])


texts, y = np.array([(text, package) for package in packages for text in documents(package)]).T

# %%
# Left out: the names of the packages, and words of fewer than 3 texts or of more than a third. The
# vocabulary is of all texts, which tells nothing of labels.

names = [*packages, "scipy", "numpy"]
vectorizer = CountVectorizer(binary=True, min_df=3, max_df=1 / 3, stop_words=names, dtype=np.float32)
X = vectorizer.fit_transform(texts)
print(f"{X.shape[0]} texts, {X.shape[1]} words, {X.nnz / X.shape[0]:.0f} in a text; as {type(X).__name__}")


def features(X_train, seed):
    """Return functions that give what the regression reads; none of them has seen test rows."""
    rbm = RBMTransformer(100, sampler="cd", random_state=seed).fit(X_train)
    return {
        "words": lambda X: X,
        "RBM, 100 features": rbm.transform,
        "LSA, 100 features": TruncatedSVD(100, random_state=seed).fit(X_train).transform,
    }


n_labels, seeds = [5, 20, None], range(4)
accuracy = {}
for seed in seeds:
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    order = np.random.default_rng(seed).permutation(len(y_train))
    views = features(X_train, seed)
    for n in n_labels:
        rows = np.concatenate([order[y_train[order] == package][:n] for package in packages])
        for name, view in views.items():
            model = LogisticRegression(max_iter=1000).fit(view(X_train[rows]), y_train[rows])
            accuracy.setdefault(name, {}).setdefault(n, []).append(model.score(view(X_test), y_test))
        score = BernoulliNB().fit(X_train[rows], y_train[rows]).score(X_test, y_test)
        accuracy.setdefault("naive Bayes", {}).setdefault(n, []).append(score)

for name, values in accuracy.items():
    cells = (f"{n or 'all'} labels {np.mean(v):.3f} +- {np.std(v):.3f}" for n, v in values.items())
    print(f"{name:<18} {', '.join(cells)}")

# %%
# Right: the ten units whose mean activity differs most between packages, with the words they weigh most.

figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4), layout="constrained")
for shift, (name, values) in enumerate(accuracy.items()):
    means, spread = np.mean(list(values.values()), axis=1), np.std(list(values.values()), axis=1)
    left.errorbar(np.arange(3) + 0.06 * (shift - 1.5), means, spread, fmt="o-", capsize=2, label=name)
left.set_xticks(range(3), ["5 labels\na package", "20 labels\na package", "all labels"])
left.set_ylabel("test accuracy, mean and spread")
left.spines[["top", "right"]].set_visible(False)
left.legend(frameon=False, loc="lower right")

rbm = views["RBM, 100 features"].__self__
active = np.array([rbm.transform(X_test[y_test == package]).mean(axis=0) for package in packages])
units = np.argsort(-np.ptp(active, axis=0))[:10]
vocabulary = vectorizer.get_feature_names_out()
words = [" ".join(vocabulary[np.argsort(-rbm.components_[unit])[:4]]) for unit in units]
image = right.imshow(active[:, units].T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
right.set_yticks(range(10), words, fontsize="small")
right.set_xticks(range(6), packages, fontsize="small", rotation=20)
figure.colorbar(image, ax=right, label="mean activity")
plt.show()
