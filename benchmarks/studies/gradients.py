"""Does RMSProp keep the lower layers moving where gradient descent does not?

Five hidden layers, logistic or rectified, from three kinds of first weights: pre-trained; Glorot's, scaled
for logistic units as the package does; and small ones of standard deviation 0.01, of which gradients are
known to vanish. Each step is watched: root mean squares of the gradient of each layer's weights, of its
update, and of the weights themselves. The gradient is the centred one that the package's training uses.
Two seeds, one for rectified units.
"""

from studies._labelled_sets import labelled
from studies._networks import machines, network, scores, train
from studies._optimizers import optimizer
from studies._recorder import Recorder, over_windows, windows
from studies._study import Study, grid
from studies.fine_tuning import COARSE
from studies.gradients_report import report

N_LAYERS = 5
N_WINDOWS = 16
DATA = ("mnist", "digits")
STARTS = ("pretrained", "glorot", "small")
SEEDS = {"bernoulli": (0, 1), "relu": (0,)}
# Rectified units, whose mean is smooth, take longer than logistic ones.
SECONDS = {
    "mnist": {"bernoulli": 2.2, "relu": 5.0},
    "digits": {"bernoulli": 1.0, "relu": 2.7},
}


def cases(smoke):
    """Return the grid, the cases that share what is pre-trained together."""
    if smoke:
        return _cases((0,), ("digits",), ("bernoulli",), ("small",), {"sgd": (1.0,), "rmsprop": (0.01,)})
    return [
        case for hidden, seeds in SEEDS.items() for case in _cases(seeds, DATA, (hidden,), STARTS, COARSE)
    ]


def _cases(seeds, data, hidden, starts, rates):
    return [
        {**case, "optimizer": name, "rate": rate}
        for case in grid(seed=seeds, data=data, hidden=hidden, start=starts)
        for name, of_name in rates.items()
        for rate in of_name
    ]


def measure(case, folder):
    """Return what was watched, as means over windows of steps, a row a window and a column a layer."""
    data, seed, hidden = case["data"], case["seed"], case["hidden"]
    split, rbms = labelled(data, folder, seed), None
    if case["start"] != "glorot":
        rbms, _ = machines(data, seed, N_LAYERS, case["start"], hidden, folder)
    recorder = Recorder(optimizer(case["optimizer"]), N_LAYERS + 1)
    classifier = network(N_LAYERS, seed, recorder, case["rate"], rbms=rbms, hidden=hidden)
    train(classifier, split.X_train, split.y_train)
    return {
        **scores(classifier, split),
        "loss": classifier.loss_curve_[-1],
        "distance": recorder.distances().tolist(),
        **watched(recorder),
    }


def watched(recorder):
    """Return windows of steps, and the means over them; updates relative to the weights."""
    bounds = windows(len(recorder.gradients_), N_WINDOWS)
    updates = [update / size for update, size in zip(recorder.updates_, recorder.sizes_, strict=True)]
    return {
        "steps": bounds.tolist(),
        "gradient": [row.tolist() for row in over_windows(recorder.gradients_, bounds)],
        "update": [row.tolist() for row in over_windows(updates, bounds)],
    }


def seconds(case):
    """Return what a case takes."""
    return SECONDS[case["data"]][case["hidden"]]


STUDY = Study(
    name="gradients",
    question="Does RMSProp keep the lower layers moving where gradient descent does not?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
