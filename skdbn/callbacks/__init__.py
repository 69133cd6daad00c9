"""Callbacks of `fit`: stopping early, and writing what is needed to go on after an interruption.

They follow scikit-learn's protocol (`sklearn.callback`, from scikit-learn 1.9 on) and are given to an
estimator with `set_callbacks`, like scikit-learn's own ``sklearn.callback.ProgressBar()``.
"""

from skdbn.callbacks._checkpoint import Checkpoint
from skdbn.callbacks._early_stopping import EarlyStopping

__all__ = ["Checkpoint", "EarlyStopping"]
