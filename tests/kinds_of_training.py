"""Estimators of every kind of state that a training can have."""

import pytest

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.optimizers import RMSProp
from skdbn.samplers import FastPCD, ParallelTempering
from skdbn.schedules import Linear
from skdbn.units import Gaussian

RBM = RBMTransformer(n_iter=3)
RHO = RMSProp(rho=Linear(0.9, 0.99), centered=True, momentum=0.5)
MODELS = {
    "PCD": RBMTransformer(7, n_iter=5),
    "fast weights, sparse": RBMTransformer(7, n_iter=5, sampler=FastPCD(), sparsity=0.1),
    "tempering": RBMTransformer(7, n_iter=5, sampler=ParallelTempering(n_temperatures=3)),
    "CD, not centred": RBMTransformer(7, n_iter=5, sampler="cd", centered=False, optimizer="adam"),
    "means of the model": RBMTransformer(7, n_iter=5, centered="average", optimizer=RHO),
    "learned scales": RBMTransformer(7, n_iter=5, visible=Gaussian(scale="learned"), optimizer="adagrad"),
    "classifier": DBNClassifier((7, 5), rbm=RBM, max_iter=6, head_epochs=2, early_stopping=True),
    # No loss is better by 10 nats than the first, so that it stops after five epochs.
    "constant rate": DBNClassifier(
        (7, 5), rbm=RBM, max_iter=9, learning_rate=0.01, n_iter_no_change=4, tol=10.0
    ),
    "frozen layers": DBNClassifier((7, 5), rbm=RBM, max_iter=6, frozen_layers=1, input_dropout=0.1),
    "plain network": DBNClassifier((7, 5), rbm=RBM, max_iter=6, pretrain=False),
    "up-down": DBNClassifier((7, 5), rbm=RBM, max_iter=6, fine_tuning="up-down", discriminative_weight=1.0),
    "up-down, one layer": DBNClassifier(
        (7,),
        rbm=RBMTransformer(n_iter=3, visible=Gaussian(scale="learned")),
        max_iter=6,
        fine_tuning="up-down",
    ),
    "regressor": DBNRegressor((7, 5), rbm=RBM, max_iter=6),
    "autoencoder": DBNTransformer((7, 5), rbm=RBM, max_iter=6, fine_tuning="reconstruction"),
    "stack": DBNTransformer((7, 5), rbm=RBM),
    "class RBM": RBMClassifier(7, max_iter=6, early_stopping=True),
    "few labels": RBMClassifier(7, max_iter=6, unlabeled=0),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
