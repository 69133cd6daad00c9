"""Which optimizer fine-tunes a DBN best, at what rates, and what is pre-training worth to each?

Four grids, which share cases. Rates: two layers, pre-trained, all labels, each optimizer over rates from
too low to too high. Labels: two layers, 100, 1,000 and all labels, with pre-training and without. Depth:
one, two, three and five layers, about 1,000 labels, on four of the data sets. Many rows: MNIST with 58,000
labels and three times the updates, one seed. The last three have every second rate. All rows, at most 6,000
but for the last grid, are there for pre-training, whatever the number of labels. Three seeds for the rates,
two for the labels, one for the others, each with a split of its own.
"""

import numpy as np

from studies._labelled_sets import LARGEST, labelled
from studies._networks import N_UPDATES, machines, network, scores, train
from studies._optimizers import optimizer
from studies._study import Study, grid, key_of
from studies.fine_tuning_report import report

# Seconds of a case with two layers and all labels, on one core of the machine that the grid was planned on.
SECONDS = {
    "mnist": 1.4,
    "rectangles": 0.9,
    "digits": 0.7,
    "newsgroups-w100": 0.7,
    "adult": 0.7,
    "spambase": 0.5,
    "breast_cancer": 0.5,
    "mushrooms-habitat": 0.7,
}
DATA = tuple(SECONDS)
HAS_1000 = tuple(name for name in DATA if name not in ("rectangles", "digits", "breast_cancer"))
DEEP = {"mnist": 1000, "adult": 1000, "newsgroups-w100": 1000, "rectangles": "all"}  # and their labels
LAYERS = (1, 2, 3, 5)
MANY = 58_000  # rows and labels
SEEDS_OF_RATES = (0, 1, 2)
SEEDS = (0, 1)
DEEP_SEEDS = (0,)
STARTS = ("pretrained", "glorot")
# Half decades. In trials with one seed the best rate lay inside on images, tables and text.
_HIGH = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_LOW = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
RATES = {
    "sgd": _HIGH,
    "momentum": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    "adagrad": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "rmsprop": _LOW,
    "adam": _LOW,
}
COARSE = {name: rates[::2] for name, rates in RATES.items()}


def cases(smoke):
    """Return the grid, the cases of a data set and a seed together: they share what is pre-trained."""
    if smoke:
        few = {name: rates[1:2] for name, rates in COARSE.items()}
        return _over(few, seed=(0,), data=("wine",), layers=(2,), start=STARTS, labels=("all",))
    every = [case for seed in SEEDS_OF_RATES for data in DATA for case in _of_data(seed, data)]
    every += _over(COARSE, seed=(0,), data=("mnist",), layers=(2,), start=STARTS, labels=(MANY,))
    return list({key_of(case): case for case in every}.values())


def _of_data(seed, data):
    """Return the cases of a data set and a seed."""
    own = {"seed": (seed,), "data": (data,)}
    of_rates = _over(RATES, **own, layers=(2,), start=("pretrained",), labels=("all",))
    if seed not in SEEDS:
        return of_rates
    labels = (100, 1000, "all") if data in HAS_1000 else (100, "all")
    of_labels = _over(COARSE, **own, layers=(2,), start=STARTS, labels=labels)
    if data not in DEEP or seed not in DEEP_SEEDS:
        return of_rates + of_labels
    return of_rates + of_labels + _over(COARSE, **own, layers=LAYERS, start=STARTS, labels=(DEEP[data],))


def _over(rates, **factors):
    """Return the cases of all optimizers."""
    return [
        case for name, of_name in rates.items() for case in grid(**factors, optimizer=(name,), rate=of_name)
    ]


def measure(case, folder):
    """Return how good a network is after its training, and the seconds of fine-tuning and pre-training."""
    data, seed, layers = case["data"], case["seed"], case["layers"]
    many = case["labels"] == MANY
    largest = (MANY, *LARGEST[1:]) if many else LARGEST
    split = labelled(data, folder, seed, largest)
    rbms, seconds_of_stack = None, 0.0
    if case["start"] == "pretrained":
        n_layers = max(LAYERS) if data in DEEP and not many else 2
        rbms, seconds_of_stack = machines(
            data, seed, n_layers, "pretrained", folder=folder, largest=largest
        )
    classifier = network(layers, seed, optimizer(case["optimizer"]), case["rate"], rbms=rbms)
    n_labels = len(split.y_train) if case["labels"] == "all" else case["labels"]
    n_updates = N_UPDATES * (3 if many else 1)
    seconds = train(classifier, split.X_train[:n_labels], split.y_train[:n_labels], n_updates)
    return {
        **scores(classifier, split),
        "loss": classifier.loss_curve_[-1],
        "largest_class": float(np.bincount(split.y_valid).max() / len(split.y_valid)),
        "seconds": seconds,
        "seconds_of_stack": seconds_of_stack,  # all layers that were pre-trained at once
        "layers_of_stack": len(rbms or ()),
    }


def seconds(case):
    """Return what a case takes."""
    share = {"all": 1.0, MANY: 4.0}.get(case["labels"], 0.7)
    return SECONDS.get(case["data"], 0.5) * share * (0.6 + 0.2 * case["layers"])


STUDY = Study(
    name="fine_tuning",
    question="Which optimizer fine-tunes a DBN best, and what is pre-training worth to each?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
