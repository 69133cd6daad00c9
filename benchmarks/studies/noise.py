"""How noisy, and how wrong, are gradients of contrastive divergence beside the exact gradient?

A small RBM is trained with persistent chains for some epochs and then held. Each sampler gives gradients of
this same machine, which an optimizer takes down that changes nothing; the exact gradient is a sum over all
hidden states. All gradients are without centring, by the same parameters, and of rows drawn with
replacement: batches are independent.
"""

import numpy as np
from scipy.special import expit, softmax

from skdbn import RBMTransformer
from skdbn.optimizers import Optimizer
from skdbn.samplers import CD, PCD
from skdbn.schedules import Linear
from studies._sets import load
from studies._study import Study, grid
from studies.noise_report import report

N_HIDDEN = 10
N_GRADIENTS = 200  # of each batch size
BATCH_SIZES = (10, 20, 50, 100, 200, 500, 1000)
# 100 chains are those of the training, 1,000 begin anew.
SAMPLERS = {"cd": CD(), "pcd-100": PCD(n_chains=100), "pcd-1000": PCD(n_chains=1000)}
N_EPOCHS = 20


class Recorder(Optimizer):
    """Takes gradients down, each as one vector, and leaves the parameters as they are."""

    def __init__(self):
        self.gradients_ = []

    def init(self, parameters):
        return ()

    def update(self, gradients, state, learning_rate, progress=0.0):
        self.gradients_.append(_as_vector(gradients.weights, gradients.visible_bias, gradients.hidden_bias))
        for array in gradients:
            array[...] = 0
        return gradients, state


def _as_vector(*arrays):
    return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)


def exact_gradient(rbm, X):
    """Return the gradient of the mean negative log-likelihood of the rows, as one vector."""
    W, b, c = (
        array.astype(np.float64)
        for array in (rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_)
    )
    h = (np.arange(2 ** len(c))[:, np.newaxis] >> np.arange(len(c)) & 1).astype(np.float64)
    field = b + h @ W
    probability = softmax(h @ c + np.logaddexp(0, field).sum(axis=1))
    v_given_h, weighted = expit(field), h * probability[:, np.newaxis]
    model = _as_vector(weighted.T @ v_given_h, probability @ v_given_h, weighted.sum(axis=0))
    h_given_x = expit(c + X @ W.T)
    data = _as_vector(h_given_x.T @ X / len(X), X.mean(axis=0), h_given_x.mean(axis=0))
    return model - data


def drawn_gradients(rbm, X, batch_size, n, rng):
    """Return n gradients of the sampler for batches of the rows, the parameters held."""
    recorder = Recorder()
    rbm.set_params(optimizer=recorder, centered=False, batch_size=batch_size)
    rbm.partial_fit(X[rng.integers(len(X), size=n * batch_size)])
    return np.array(recorder.gradients_)


def cases(smoke):
    """Return the grid."""
    if smoke:
        return grid(seed=(0,), data=("digits",), sampler=("cd", "pcd-100"), epochs=(1,))
    return grid(seed=range(2), data=("nltcs", "mushrooms"), sampler=tuple(SAMPLERS), epochs=(1, N_EPOCHS))


def measure(case, folder):
    """Return noise and bias of the gradient for each size of a batch."""
    X, rng = load(case["data"], folder).train, np.random.default_rng(case["seed"])
    rbm = RBMTransformer(
        N_HIDDEN,
        visible="bernoulli",
        learning_rate=Linear(0.03, 0),
        alpha=0.0,
        n_iter=N_EPOCHS,
        random_state=case["seed"],
    )
    for _ in range(case["epochs"]):
        rbm.partial_fit(X)
    exact = exact_gradient(rbm, X)
    rbm.set_params(sampler=SAMPLERS[case["sampler"]])
    drawn_gradients(rbm, X, 10, N_GRADIENTS, rng)  # chains come to the held parameters
    figures = [
        _figures(drawn_gradients(rbm, X, batch_size, N_GRADIENTS, rng), exact) for batch_size in BATCH_SIZES
    ]
    measures = {
        name: list(values) for name, *values in zip(("noise", "bias", "cosine"), *figures, strict=True)
    }
    return {"batch_size": list(BATCH_SIZES), "exact": float(np.linalg.norm(exact)), **measures}


def _figures(gradients, exact):
    """Return the root of the total variance, the length of the bias, and the mean cosine."""
    variance = gradients.var(axis=0, ddof=1).sum()
    # the mean of n gradients is itself off by variance / n
    squared = ((gradients.mean(axis=0) - exact) ** 2).sum() - variance / len(gradients)
    cosine = gradients @ exact / np.linalg.norm(gradients, axis=1) / np.linalg.norm(exact)
    return float(np.sqrt(variance)), float(np.sqrt(max(squared, 0.0))), float(cosine.mean())


def seconds(case):
    """Return what a case takes."""
    return {"digits": 1.0, "nltcs": 1.0, "mushrooms": 1.5}[case["data"]]


STUDY = Study(
    name="noise",
    question="How noisy, and how wrong, are gradients of contrastive divergence beside the exact gradient?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
