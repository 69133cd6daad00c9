"""The rows on all labels of MNIST: networks with and without pre-training, up-down, RBMs."""

import numpy as np

from _supervised.data import mnist
from _supervised.measures import median_error
from _supervised.pictures import save_grid
from _supervised.settings import model
from _supervised.stacks import stack

NETWORK = "MNIST, 784-500-500-2000-10"
N_OF_EACH_CLASS = 10  # pictures


def backprop(run):
    """The network of 2006: pre-training and back-propagation."""
    return _error(
        run,
        "backprop",
        pretrained=True,
        n_seeds=3,
        measure=f"{NETWORK}, pre-training and back-propagation: test error",
        at_most=1.20,
        minutes=30,
        published="1.2 % (Hinton and Salakhutdinov 2006), 1.34 % (deeplearning.net, 12 hours)",
    )


def dropout(run):
    """The same with dropout and max-norm."""
    return _error(
        run,
        "dropout",
        pretrained=True,
        n_seeds=3,
        measure=f"{NETWORK}, pre-training, dropout and max-norm: test error",
        at_most=1.00,
        minutes=60,
        published="0.92 % (Srivastava et al. 2014)",
    )


def plain(run):
    """The network without pre-training; the seconds are what the rows above took."""
    return _error(
        run,
        "plain",
        n_seeds=3,
        measure=f"{NETWORK}, no pre-training, as many seconds: test error",
        published="1.60 % (Srivastava et al. 2014)",
    )


def plain_dropout(run):
    """The network with dropout and max-norm, but without pre-training."""
    return _error(
        run,
        "plain-dropout",
        n_seeds=3,
        measure=f"{NETWORK}, no pre-training, dropout and max-norm, as many seconds: test error",
        published="1.35 % (dropout of a logistic network, Srivastava et al. 2014)",
    )


def up_down(run):
    """The generative network; with pictures, samples of each class."""
    line, fitted = median_error(
        run,
        lambda seed: model("up-down", seed, run.smoke),
        mnist(run),
        n_seeds=1,
        measure="MNIST, 784-500-500-2000 with labels at the top, up-down: test error",
        at_most=1.60,
        minutes=60,
        published="1.25 % (Hinton, Osindero and Teh 2006, a week)",
    )
    if run.pictures:
        classes = np.tile(fitted.classes_, N_OF_EACH_CLASS)
        n_steps = 20 if run.smoke else 1000
        samples = fitted.sample(y=classes, n_steps=n_steps, means=True, random_state=0)
        grid = samples.reshape(N_OF_EACH_CLASS, len(fitted.classes_), -1)
        save_grid(run.pictures / "up_down_samples.png", grid)
    return [line]


def class_rbm(run):
    """An RBM with labels among its visible units, by two objectives."""
    discriminative = _error(
        run,
        "class-rbm-discriminative",
        n_seeds=1,
        measure="MNIST, RBMClassifier, discriminative: test error",
        at_most=1.90,
        published="1.81 % (Larochelle and Bengio 2008)",
    )
    hybrid = _error(
        run,
        "class-rbm-hybrid",
        n_seeds=1,
        measure="MNIST, RBMClassifier, hybrid: test error",
        at_most=1.50,
        published="1.28 % (Larochelle and Bengio 2008)",
    )
    return discriminative + hybrid


def features(run):
    """A linear classifier on the features of one RBM."""
    return _error(
        run,
        "features",
        n_seeds=1,
        measure="MNIST, RBMTransformer and LogisticRegression: test error",
        at_most=1.90,
        published="1.83 % (RBM of 1,024 units, yell/boltzmann-machines)",
    )


def _error(run, name, *, pretrained=False, **texts):
    data = mnist(run)
    line, _ = median_error(
        run,
        lambda seed: model(name, seed, run.smoke),
        data,
        stack=(lambda seed: stack(run, "stack", data, seed)) if pretrained else None,
        **texts,
    )
    return [line]
