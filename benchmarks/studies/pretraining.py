"""Which optimizer trains an RBM best, and how well has its rate to be chosen? By exact likelihood.

16 hidden units, 20 epochs, no weight decay. The rate of each optimizer runs over a grid of half decades
that reaches from far too low to far too high. Five seeds of all rates with persistent chains and centring,
the defaults of the package, under a constant rate and under one that falls linearly to 0. What other
samplers and no centring change is asked with the falling rate, at whole decades and with two seeds, one on
the data sets that take longest.
"""

from skdbn import RBMTransformer
from studies._curve import curve
from studies._optimizers import HIGHER_RATES, RATES, learning_rate, optimizer
from studies._study import Study, grid
from studies.pretraining_report import report

DATA = ("mnist", "fashion", "newsgroups", "genotypes", "nltcs", "mushrooms")
BEARS_HIGHER_RATES = ("newsgroups", "nltcs")
SEEDS_OF_OTHERS = {"mnist": 1, "fashion": 1, "newsgroups": 2, "genotypes": 1, "nltcs": 2, "mushrooms": 2}
N_HIDDEN = 16
WHOLE_DECADES = {name: rates[1::2] for name, rates in RATES.items()}
# Seconds of a case, on one core of the machine that the grid was planned on.
SECONDS = {
    "mnist": 2.5,
    "fashion": 2.5,
    "newsgroups": 0.8,
    "genotypes": 2.4,
    "nltcs": 0.8,
    "mushrooms": 0.8,
}


def cases(smoke):
    """Return the grid."""
    if smoke:
        few = {name: rates[2::4] for name, rates in RATES.items()}
        return [case for seed in range(2) for case in _defaults(seed, few, ("digits",), ("linear",))]
    return [case for seed in range(5) for case in _of_seed(seed)]


def _of_seed(seed):
    """Return the cases of a seed: a run that is stopped leaves whole grids of some seeds."""
    main = _defaults(seed, RATES, DATA) + _defaults(seed, HIGHER_RATES, BEARS_HIGHER_RATES)
    return main + _others(seed)


def _defaults(seed, rates, data, schedules=("linear", "constant")):
    """Return the cases of a seed with persistent chains and centring."""
    settings = {
        "seed": (seed,),
        "data": data,
        "schedule": schedules,
        "sampler": ("pcd",),
        "centered": (True,),
    }
    return _of_all_optimizers(rates, **settings)


def _others(seed):
    """Return the cases of a seed with another sampler, without centring, or both."""
    data = [name for name, n_seeds in SEEDS_OF_OTHERS.items() if seed < n_seeds]
    settings = {"seed": (seed,), "data": data, "schedule": ("linear",)}
    both = _of_all_optimizers(WHOLE_DECADES, **settings, sampler=("pcd", "cd"), centered=(True, False))
    return [case for case in both if case["sampler"] != "pcd" or not case["centered"]]


def _of_all_optimizers(rates, **settings):
    return [
        case
        for name, of_name in rates.items()
        for case in grid(**settings, optimizer=(name,), rate=of_name)
    ]


def measure(case, folder):
    """Return the learning curve of a case."""
    rbm = RBMTransformer(
        N_HIDDEN,
        visible="bernoulli",
        sampler=case["sampler"],
        centered=case["centered"],
        optimizer=optimizer(case["optimizer"]),
        learning_rate=learning_rate(case["schedule"], case["rate"]),
        alpha=0.0,
        random_state=case["seed"],
    )
    return curve(rbm, case["data"], folder)


def seconds(case):
    """Return what a case takes."""
    return SECONDS.get(case["data"], 0.6)


STUDY = Study(
    name="pretraining",
    question="Which optimizer trains an RBM best, and how well has its rate to be chosen?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
