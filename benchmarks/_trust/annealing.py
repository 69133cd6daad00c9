"""Row "annealing": log Z by AIS, and how far it says to be off, against its enumeration."""

import numpy as np
from _report import Result

from _trust.machines import groups

ARGUMENTS = {"n_runs": 100, "n_temperatures": 1000, "n_steps": 1000}
N_ESTIMATES = 20
LARGEST_ERROR = 0.1  # nats, of the mean of the estimates
# Of 100 intervals of 2 standard errors 95.4 hold the value, with a standard deviation of 2.1.
LEAST_COVERAGE = 0.89


def annealing(run):
    """Five machines of each of four groups, 20 estimates of each, in both directions."""
    arguments = {**ARGUMENTS, "n_temperatures": 50, "n_steps": 20} if run.smoke else ARGUMENTS
    n_estimates = 2 if run.smoke else N_ESTIMATES
    results = []
    for name, machines in groups(run.smoke):
        found = np.array([estimates(rbm, arguments, n_estimates) for rbm in machines])
        for direction, columns in (("AIS", found[..., :2]), ("reverse AIS", found[..., 2:])):
            results.append(
                line(f"log Z by {direction}, {len(machines)} machines: {name}", columns, arguments)
            )
    return results


def estimates(rbm, arguments, n_estimates):
    """Return the error, the standard error, and both of the reverse direction, of each estimate."""
    exact = rbm.log_partition("exact").value
    drawn = [rbm.log_partition("ais", **arguments, random_state=seed) for seed in range(n_estimates)]
    return [
        (each.value - exact, each.standard_error, each.reverse_value - exact, each.reverse_standard_error)
        for each in drawn
    ]


def line(measure, found, arguments):
    """Return the result for errors and their standard errors: (n_machines, n_estimates, 2)."""
    error, standard_error = found[..., 0], found[..., 1]
    of_machines = error.mean(axis=1)
    worst = of_machines[np.abs(of_machines).argmax()]
    in_errors = error / standard_error
    coverage = (np.abs(in_errors) < 2).mean()
    root_mean_square = np.sqrt((in_errors**2).mean())
    return Result(
        measure=measure,
        measured=f"mean of the worst machine off by {worst:+.4f}, standard errors up to "
        f"{standard_error.mean(axis=1).max():.4f}; within 2 of them {coverage:.0%}, root mean square "
        f"{root_mean_square:.2f}",
        must_be=f"means off by <= {LARGEST_ERROR}; >= {LEAST_COVERAGE:.0%} within 2",
        reached=bool(abs(worst) <= LARGEST_ERROR and coverage >= LEAST_COVERAGE),
        settings=f"{arguments}, {error.shape[1]} estimates of each",
    )
