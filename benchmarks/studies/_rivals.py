"""Scikit-learn's estimators at their defaults, which the networks of this package are compared with."""

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

LABELS = {
    "mlp": "MLP",
    "logistic": "LogisticRegression",
    "svc": "SVC",
    "boosting": "HistGradientBoosting",
    "ridge": "Ridge",
    "svr": "SVR",
}


def _of_scaled_targets(regressor):
    """Return a regressor of targets of variance 1, as DBNRegressor has them inside."""
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


# "mlp" first: it is the one that no set may show far above ours.
CLASSIFIERS = {
    "mlp": lambda seed: MLPClassifier(random_state=seed),
    "logistic": lambda seed: LogisticRegression(),
    "svc": lambda seed: SVC(),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
}
REGRESSORS = {
    "mlp": lambda seed: _of_scaled_targets(MLPRegressor(random_state=seed)),
    "ridge": lambda seed: Ridge(),
    "svr": lambda seed: _of_scaled_targets(SVR()),
    "boosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
}
MAIN = {"classify": ("mlp", "logistic", "svc"), "regress": ("mlp", "ridge", "svr")}  # of the ranks
