"""Row "centring": the centred and the plain gradient lead to the same maximum of the exact likelihood."""

import numpy as np
from _density.data import all_states
from _report import Result, settings_of
from scipy.special import logsumexp

from _trust.exact import Enumeration, exact_likelihood
from skdbn import RBMTransformer
from skdbn.samplers import PCD
from skdbn.schedules import Exponential

N_VISIBLE, N_HIDDEN = 6, 3
SPREAD = 1.5  # of the teacher's parameters
LARGEST_GAP = 1e-3  # nats below the maximum


def centring(run):
    """The rows are all states, weighted by a teacher's p(v): the maximum is minus the entropy of p."""
    exact = {"sampler": Enumeration(N_HIDDEN), "n_iter": 50 if run.smoke else 5000}
    drawn = {"sampler": PCD(n_chains=500), "n_iter": 50 if run.smoke else 5000}
    return [
        line(run, exact, "exact gradient", LARGEST_GAP),
        line(run, drawn, "PCD, 500 chains, falling rate", 10 * LARGEST_GAP),
    ]


def line(run, parameters, how, largest_gap):
    """Return how far from the maximum both gradients end, over teachers."""
    gaps = np.array([both_gaps(seed, parameters) for seed in run.seeds_or(5)])
    centred, plain = gaps.T
    return Result(
        measure=f"{N_VISIBLE}x{N_HIDDEN}, rows of a teacher, {how}: nats below the largest likelihood",
        measured=f"centred {shown(centred)}; plain {shown(plain)}; of {len(gaps)} teachers",
        must_be=f"all <= {largest_gap:g}",
        reached=bool(gaps.max() <= largest_gap),
        settings=settings_of(student(parameters, True, 0)),
    )


def shown(gaps):
    """Return the mean and the largest of some numbers."""
    return f"{gaps.mean():.1e}, at most {gaps.max():.1e}"


def both_gaps(seed, parameters):
    """Return how far the likelihoods of both students end from that of their teacher."""
    X, p = teacher(seed)
    students = (student(parameters, centered, seed).fit(X, sample_weight=p) for centered in (True, False))
    return [p @ np.log(p) - exact_likelihood(rbm, X, p) for rbm in students]


def teacher(seed):
    """Return all visible states and their probabilities under an RBM with normal parameters."""
    rng = np.random.default_rng(seed)
    weights = SPREAD * rng.standard_normal((N_HIDDEN, N_VISIBLE))
    hidden_bias, visible_bias = SPREAD * rng.standard_normal(N_HIDDEN), rng.standard_normal(N_VISIBLE)
    X = all_states(N_VISIBLE).astype(np.float64)
    log_p = X @ visible_bias + np.logaddexp(0, hidden_bias + X @ weights.T).sum(axis=1)
    return X, np.exp(log_p - logsumexp(log_p))


def student(parameters, centered, seed):
    """Return an RBM of the teacher's size that takes one step an epoch."""
    rbm = RBMTransformer(N_HIDDEN, centered=centered, alpha=0, batch_size=None, random_state=seed)
    return rbm.set_params(learning_rate=Exponential(0.05, 1e-5), **parameters)
