"""Is RMSProp better where the data change? Streams that drift, and the same kind of rows without drift.

Each chunk of 100 rows is tested first, and then `partial_fit` takes it in batches of 10: an RBM of 10
hidden units by its exact log-likelihood, a network of 32 hidden units without pre-training by its accuracy.
"""

import numpy as np

from skdbn import DBNClassifier, RBMTransformer
from studies._likelihood import log_likelihoods
from studies._optimizers import RATES, learning_rate, optimizer
from studies._streams import LABELLED, stream
from studies._study import Study, grid
from studies.streams_report import report

STREAMS = ("mixture", "newsgroups", "mnist", "rotating", "renamed")
# Besides a constant rate: the one that `partial_fit` has by default, which falls for ever.
SCHEDULES = {"sgd": ("constant", "inverse"), "rmsprop": ("constant", "inverse")}
SECONDS = {"mixture": 0.5, "newsgroups": 0.5, "mnist": 1.5, "rotating": 0.5, "renamed": 0.6}
N_POINTS = 30  # of a stored curve


def cases(smoke):
    """Return the grid."""
    names, n_seeds, every = (STREAMS, 3, 1) if not smoke else (("digits", "renamed-digits"), 2, 4)
    return [
        case
        for name, rates in RATES.items()
        for case in grid(
            seed=range(n_seeds),
            stream=names,
            drifts=(True, False),
            optimizer=(name,),
            schedule=SCHEDULES.get(name, ("constant",)),
            rate=rates[1::every],
        )
    ]


def measure(case, folder):
    """Return the mean score of the chunks when they came, and their curve."""
    chunks = stream(case["stream"], case["seed"], case["drifts"], folder)
    follow = _accuracies if case["stream"] in LABELLED else _likelihoods
    scores = np.array(follow(case, chunks))
    curve = [float(part.mean()) for part in np.array_split(scores, min(N_POINTS, len(scores)))]
    return {
        "mean": float(scores.mean()),
        "second_half": float(scores[len(scores) // 2 :].mean()),
        "curve": curve,
    }


def _settings(case):
    return {
        "optimizer": optimizer(case["optimizer"]),
        "learning_rate": learning_rate(case["schedule"], case["rate"]),
        "alpha": 0.0,
        "batch_size": 10,
        "random_state": case["seed"],
    }


def _likelihoods(case, chunks):
    """Return the log-likelihood of each chunk but the first, minus what the true distribution gives it."""
    rbm = RBMTransformer(10, visible="bernoulli", **_settings(case))
    scores = []
    for chunk, following in zip(chunks, chunks[1:], strict=False):
        rbm.partial_fit(chunk.X)
        scores += [
            likelihood - (following.truth or 0.0) for likelihood in log_likelihoods(rbm, following.X)
        ]
    return scores


def _accuracies(case, chunks):
    """Return the accuracy on each chunk but the first."""
    dbn = DBNClassifier((32,), pretrain=False, dropout=0.1, input_dropout=0.0, **_settings(case))
    classes = np.unique(np.concatenate([chunk.y for chunk in chunks]))
    scores = []
    for chunk, following in zip(chunks, chunks[1:], strict=False):
        dbn.partial_fit(chunk.X, chunk.y, classes=classes)
        scores.append(dbn.score(following.X, following.y))
    return scores


def seconds(case):
    """Return what a case takes."""
    return SECONDS.get(case["stream"], 0.1)


STUDY = Study(
    name="streams",
    question="Is RMSProp better where the data change?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
