"""Which of RMSProp's own parameters matter, and what is the advice about changing them worth?

One parameter at a time is moved away from the defaults, at each rate of a grid, since most of them act
like another rate. The advice: start with a high rate and a low rho, then lower the rate and raise rho. It
is taken apart into what the rate does and what rho does. Three seeds.
"""

from skdbn import RBMTransformer
from skdbn.optimizers import RMSProp
from skdbn.schedules import Linear
from studies._curve import curve
from studies._optimizers import learning_rate
from studies._study import Study, grid
from studies.pretraining import N_HIDDEN, SECONDS
from studies.rmsprop_report import report

DATA = ("digits", "newsgroups", "mushrooms")
RATES = (0.003, 0.01, 0.03, 0.1)
_LARGE_EPSILON = 0.1  # outside the root; rates are then ten times as high
DEFAULTS = {
    "rho": 0.9,  # a pair runs linearly from one value to the other
    "epsilon": 1e-8,
    "epsilon_inside_sqrt": False,
    "initial_mean_square": 0.0,
    "momentum": 0.0,
    "nesterov": False,
    "centered": False,
    "bias_correction": False,
}
RISING, FALLING = [0.8, 0.999], [0.999, 0.8]
_EPSILONS = (1e-10, 1e-6, 1e-4, 1e-2, 1e-1)
# Each differs from the defaults under a falling rate in what it names.
CHANGES = (
    {},
    *({"rho": rho} for rho in (0.8, 0.95, 0.99, 0.999)),
    *({"epsilon": epsilon} for epsilon in _EPSILONS),
    *({"epsilon": epsilon, "epsilon_inside_sqrt": True} for epsilon in (1e-8, *_EPSILONS)),
    *({"initial_mean_square": value} for value in (0.001, 1.0)),
    *({"momentum": momentum} for momentum in (0.5, 0.9)),
    {"momentum": 0.9, "nesterov": True},
    {"centered": True},
    {"bias_correction": True},
    {"rho": 0.999, "bias_correction": True},
    {"rho": RISING},
    {"rho": FALLING},
    *({"schedule": "constant", "rho": rho} for rho in (0.9, 0.99, RISING)),
    *({"schedule": "exponential", "rho": rho} for rho in (0.9, 0.99, RISING)),
)


def cases(smoke):
    """Return the grid."""
    if smoke:
        few = CHANGES[:2] + CHANGES[-1:]
        return [case for change in few for case in _changed(change, ("digits",), range(2), RATES[1::2])]
    return [
        case for seed in range(3) for change in CHANGES for case in _changed(change, DATA, (seed,), RATES)
    ]


def _changed(change, data, seeds, rates):
    """Return the cases of a change of the defaults."""
    settings = {"schedule": "linear", **DEFAULTS, **change}
    epsilon = settings["epsilon"] ** (0.5 if settings["epsilon_inside_sqrt"] else 1)
    factor = 10 if epsilon >= _LARGE_EPSILON else 1
    rates = [round(factor * rate, 6) for rate in rates]
    return [{**settings, **case} for case in grid(seed=seeds, data=data, rate=rates)]


def measure(case, folder):
    """Return the learning curve of a case."""
    settings = {name: case[name] for name in DEFAULTS}
    if isinstance(settings["rho"], list):
        settings["rho"] = Linear(*settings["rho"])
    rbm = RBMTransformer(
        N_HIDDEN,
        visible="bernoulli",
        optimizer=RMSProp(**settings),
        learning_rate=learning_rate(case["schedule"], case["rate"]),
        alpha=0.0,
        random_state=case["seed"],
    )
    return curve(rbm, case["data"], folder, watched=(10, 20))


def seconds(case):
    """Return what a case takes."""
    return SECONDS.get(case["data"], 0.6)


STUDY = Study(
    name="rmsprop",
    question="Which of RMSProp's own parameters matter, and what is the advice about changing them worth?",
    protocol=1,
    cases=cases,
    measure=measure,
    seconds=seconds,
    report=report,
)
