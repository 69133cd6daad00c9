"""Restricted Boltzmann machines and deep belief networks for scikit-learn."""

from skdbn._dbn_classifier import DBNClassifier
from skdbn._rbm import RBMTransformer

__all__ = ["DBNClassifier", "RBMTransformer"]
__version__ = "0.2.0"
