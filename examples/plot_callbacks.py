"""
Can a training be watched, stopped early, and continued after a crash?
======================================================================

Callbacks are called after each epoch of ``fit``: a few lines of your own that note a score,
``EarlyStopping`` and ``Checkpoint`` from this package, or scikit-learn's ``ProgressBar``. Here fine-tuning
is watched, stopped when it no longer improves, and cut off in the middle to go on from a file. Callbacks
need scikit-learn 1.9.
"""

import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skdbn import DBNClassifier, RBMTransformer
from skdbn.callbacks import Checkpoint, EarlyStopping

if not hasattr(DBNClassifier, "set_callbacks"):
    print("Callbacks need scikit-learn 1.9 or newer: pip install --upgrade scikit-learn")
    raise SystemExit

warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X_train, y_train, stratify=y_train, random_state=0)


class Notes:
    """Notes the validation accuracy of each epoch of fine-tuning; fails after an epoch if asked to."""

    def __init__(self, fail_after=None):
        self.scores, self.fail_after = [], fail_after

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch" and fitted_estimator is not None:
            self.scores.append(fitted_estimator.score(X_val, y_val))
            if len(self.scores) == self.fail_after:
                raise RuntimeError("power failure")


def network():
    # A constant rate: a rate that falls to 0 has its best epochs at the end of the plan.
    rbm = RBMTransformer(n_iter=5)
    return DBNClassifier((64,), rbm=rbm, learning_rate=0.003, tol=0, max_iter=60, random_state=0)


# %%
# The same training three times: to its end, until ten epochs brought no better validation accuracy, and
# cut off after 25 epochs. The test rows are looked at once, after each.

to_the_end, stopped, before, after = Notes(), Notes(), Notes(fail_after=25), Notes()
whole = network().set_callbacks(to_the_end).fit(X_train, y_train)
stop = EarlyStopping(validation_data=(X_val, y_val), patience=10)
short = network().set_callbacks(stopped, stop).fit(X_train, y_train)
for name, dbn in (("to the end", whole), ("stopped early", short)):
    print(f"{name:<14} {dbn.n_iter_} epochs, test accuracy {dbn.score(X_test, y_test):.3f}")

path = Path(tempfile.mkdtemp()) / "digits.npz"
try:
    network().set_callbacks(before, Checkpoint(path)).fit(X_train, y_train)
except RuntimeError:
    print(f"cut off after {len(before.scores)} epochs, {path.stat().st_size / 1000:.0f} kB written")

# %%
# ``resume_from`` repeats no epoch that is in the file; the one whose end was cut off was not in it yet. The
# result is the same to the last bit.

resumed = network().set_callbacks(after).fit(X_train, y_train, resume_from=path)
same = all(np.array_equal(a, b) for a, b in zip(whole.coefs_, resumed.coefs_, strict=True))
print(f"resumed: {len(after.scores)} epochs more, weights equal those of the whole training: {same}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.4), sharey=True, layout="constrained")
epochs = np.arange(1, whole.n_iter_ + 1)
best = int(np.argmax(stopped.scores)) + 1
left.plot(epochs, to_the_end.scores, color="0.7", label="to the end")
left.plot(epochs[: short.n_iter_], stopped.scores, color="#1f5a99", label="stopped early")
left.plot(best, max(stopped.scores), "o", color="#1f5a99")
left.axvspan(best, short.n_iter_, color="#1f5a99", alpha=0.1, lw=0, label="without improvement")
left.set(xlabel="epoch of fine-tuning", ylabel="validation accuracy")
right.plot(epochs, to_the_end.scores, color="0.8", lw=6, label="in one piece")
right.plot(epochs[: len(before.scores)], before.scores, color="#c8641b", label="until it was cut off")
right.plot(epochs[-len(after.scores) :], after.scores, color="#1f5a99", label="continued from the file")
right.set(xlabel="epoch of fine-tuning")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower right")
plt.show()
