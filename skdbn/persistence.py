"""What a file of skops must be trusted with to hold a fitted estimator.

``pickle`` and ``joblib`` need nothing of this module. They run whatever a file says, so load only files of
your own. A file of `skops <https://skops.readthedocs.io>`_ may come from anybody, as it makes objects of
types that the reader trusts, and of no others:

>>> import skops.io
>>> from skdbn import RBMTransformer
>>> from skdbn.persistence import SKOPS_TRUSTED
>>> rbm = RBMTransformer(2, n_iter=1, random_state=0).fit([[0, 1], [1, 0]])
>>> file = skops.io.dumps(rbm)  # dump(rbm, "rbm.skops") writes a file
>>> skops.io.loads(file, trusted=SKOPS_TRUSTED)
RBMTransformer(n_components=2, n_iter=1, random_state=0)

Trust names modules of this package, private ones too, so a file is for the version that wrote it.

Callbacks are no part of a model, and their types are not in the list: take them off with
``estimator.set_callbacks()`` before ``skops.io.dump``.
"""

from __future__ import annotations

__all__ = ["SKOPS_TRUSTED"]

#: Names of the types of this package that fitted estimators consist of, as ``get_untrusted_types`` of skops
#: gives them: estimators, their units, samplers, optimizers and schedules, and what training goes on from.
#: All else in a file is of types of numpy and scikit-learn, which skops trusts by itself.
SKOPS_TRUSTED: list[str] = [
    "skdbn._class_rbm.RBMClassifier",
    "skdbn._contrastive.Offsets",
    "skdbn._dbn_classifier.DBNClassifier",
    "skdbn._dbn_regressor.DBNRegressor",
    "skdbn._dbn_transformer.DBNTransformer",
    "skdbn._energy.RBMParameters",
    "skdbn._rbm.RBMTransformer",
    "skdbn._rbm_fit.RBMTraining",
    "skdbn._targets.Classes",
    "skdbn._targets.Inputs",
    "skdbn._targets.Labels",
    "skdbn._targets.Values",
    "skdbn._training.TrainingState",
    "skdbn.optimizers._adagrad.AdaGrad",
    "skdbn.optimizers._adagrad.AdaGradState",
    "skdbn.optimizers._adam.Adam",
    "skdbn.optimizers._adam.AdamState",
    "skdbn.optimizers._rmsprop.RMSProp",
    "skdbn.optimizers._rmsprop.RMSPropState",
    "skdbn.optimizers._sgd.SGD",
    "skdbn.optimizers._sgd.SGDState",
    "skdbn.samplers._cd.CD",
    "skdbn.samplers._cd.MeanField",
    "skdbn.samplers._pcd.FastChains",
    "skdbn.samplers._pcd.FastPCD",
    "skdbn.samplers._pcd.PCD",
    "skdbn.samplers._tempering.ParallelTempering",
    "skdbn.samplers._tempering.Replicas",
    "skdbn.schedules.Cosine",
    "skdbn.schedules.Exponential",
    "skdbn.schedules.InverseScaling",
    "skdbn.schedules.Linear",
    "skdbn.sparsity.SparsityTarget",
    "skdbn.units._bernoulli.Bernoulli",
    "skdbn.units._gaussian.Gaussian",
    "skdbn.units._mixed.Mixed",
    "skdbn.units._relu.ReLU",
    "skdbn.units._softmax.Softmax",
]
