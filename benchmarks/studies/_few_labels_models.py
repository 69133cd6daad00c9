"""The models of the study of few labels: ours by plain settings, and scikit-learn's.

`make(case, X)` does what needs no labels, and returns a function of the labels, -1 where there is none: it
returns an unfitted model, and which rows to fit it on.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from skdbn import RBMClassifier
from studies._ours import CLASSIFIER, classifier
from studies._rivals import CLASSIFIERS as SUPERVISED
from studies._stacks import stack_of

DBN = {**CLASSIFIER, "head": None}  # None: the output layer of the network
CLASS_RBM = {"n_components": 500, "generative_weight": 0.01, "unlabeled_weight": 0.1, "max_iter": 30}


def _spreading():
    return LabelSpreading(kernel="knn")


def _self_training():
    return SelfTrainingClassifier(LogisticRegression(max_iter=1000))


SEMI_SUPERVISED = {
    "spreading": lambda seed: _spreading(),
    "self-training": lambda seed: _self_training(),
}
BESIDE_INPUTS = "self-training beside inputs"
HEADS = {  # on the features of a stack, the last one on the inputs and the features side by side
    "logistic": lambda: LogisticRegression(max_iter=1000),
    "svc": SVC,
    "spreading": _spreading,
    "self-training": _self_training,
    BESIDE_INPUTS: _self_training,
}
_LEARN_FROM_ALL_ROWS = {"spreading", "self-training", BESIDE_INPUTS}


def make(case, X):
    """Return a function of the labels that returns (unfitted model, rows to fit it on)."""
    name, settings, seed = case["model"], case["settings"], case["seed"]
    if name == "dbn":
        return _network(case, X)
    if name == "class-rbm":
        return lambda y: (RBMClassifier(**settings, unlabeled=-1, random_state=seed), slice(None))
    if name in SEMI_SUPERVISED:
        return lambda y: (SEMI_SUPERVISED[name](seed), slice(None))
    return lambda y: (SUPERVISED[name](seed), y >= 0)


def _network(case, X):
    """Return the function of a network, or of another head, on a stack that is trained on all rows once.

    That is what `fit` with ``unlabeled=-1`` does, but for the draws. The time to fit leaves the stack out.
    """
    settings, seed = case["settings"], case["seed"]
    head = settings["head"]
    stack = stack_of(settings, X, seed).frozen if settings["pretrain"] else False

    def unfitted(y):
        rows = slice(None) if head in _LEARN_FROM_ALL_ROWS else y >= 0
        if head in HEADS:
            features = make_union("passthrough", stack) if head == BESIDE_INPUTS else stack
            return make_pipeline(features, HEADS[head]()), rows
        network = classifier(settings, int(np.sum(y >= 0)), X.shape[1], seed)
        return network.set_params(pretrain=stack), rows

    return unfitted
