"""Restricted Boltzmann machines and deep belief networks for scikit-learn."""

from skdbn._class_rbm import RBMClassifier
from skdbn._dbn_classifier import DBNClassifier
from skdbn._dbn_regressor import DBNRegressor
from skdbn._dbn_transformer import DBNTransformer
from skdbn._rbm import RBMTransformer

__all__ = ["DBNClassifier", "DBNRegressor", "DBNTransformer", "RBMClassifier", "RBMTransformer"]
__version__ = "0.3.0"
