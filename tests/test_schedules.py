import math

import pytest
from sklearn.base import clone

from skdbn.schedules import Cosine, Exponential, InverseScaling, Linear, value_at

FINITE = [Linear, Exponential, Cosine]


@pytest.mark.parametrize("schedule", FINITE)
@pytest.mark.parametrize(("progress", "expected"), [(0, 0.3), (-1, 0.3), (1, 0.007), (5, 0.007)])
def test_finite_schedules_reach_both_ends_exactly_and_stay_there(schedule, progress, expected):
    assert schedule(0.3, 0.007)(progress) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Linear, 0.25 * 0.01 + 0.75 * 1.0),
        (Exponential, 10**-0.5),
        (Cosine, 0.01 + 0.99 * (1 + math.sqrt(0.5)) / 2),
    ],
)
def test_values_after_a_quarter_of_the_plan(schedule, expected):
    assert schedule(1.0, 0.01)(0.25) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("schedule", "expected"), [(Linear, 0.505), (Exponential, 0.1), (Cosine, 0.505)])
def test_values_half_way(schedule, expected):
    assert schedule(1.0, 0.01)(0.5) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("schedule", FINITE)
def test_finite_schedules_fall_and_rise_without_turning(schedule):
    points = [i / 97 for i in range(98)]
    rising = [schedule(0.9, 0.99)(point) for point in points]
    assert rising == sorted(rising)
    falling = [schedule(0.99, 0.9)(point) for point in points]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize("schedule", FINITE)
def test_n_steps_takes_the_place_of_the_plan(schedule):
    planned, counted = schedule(1.0, 0.01), schedule(1.0, 0.01, n_steps=200)
    for step in (0, 50, 100, 200):
        assert counted(0.77, step) == planned(step / 200)
    assert counted(0.0, 10_000) == 0.01
    assert planned(0.5, 123) == planned(0.5, 0)


def test_inverse_scaling_depends_on_the_number_of_updates_only():
    schedule = InverseScaling(0.8, power=2.0, delay=10)
    assert schedule(0.9, 0) == 0.8
    assert schedule(0.1, 10) == pytest.approx(0.8 / 4)
    assert schedule(0.1, 30) == pytest.approx(0.8 / 16)
    assert InverseScaling(0.8)(1.0, 3) == pytest.approx(0.4)


@pytest.mark.parametrize("schedule", FINITE)
def test_only_a_schedule_that_follows_the_plan_ends_with_it(schedule):
    assert schedule(1.0, 0.1).ends is True
    assert schedule(1.0, 0.1, n_steps=5).ends is False
    assert InverseScaling(1.0).ends is False


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Linear(math.nan, 1.0), "Linear: start must be a finite number, got nan"),
        (Linear(0.1, math.inf), "Linear: end must be a finite number, got inf"),
        (Cosine("a", 1.0), "Cosine: start .* got 'a'"),
        (Exponential(0.1, 0.0), "Exponential: end .* above 0, got 0.0"),
        (Exponential(-0.1, 0.1), "Exponential: start .* above 0, got -0.1"),
        (Cosine(0.1, 0.2, n_steps=0), "Cosine: n_steps .* of at least 1, got 0"),
        (InverseScaling(None), "InverseScaling: start .* got None"),
        (InverseScaling(0.1, power=-1), "InverseScaling: power .* of at least 0, got -1"),
        (InverseScaling(0.1, delay=0), "InverseScaling: delay .* above 0, got 0"),
    ],
)
def test_bad_arguments_are_named_when_the_schedule_is_called(schedule, message):
    with pytest.raises(ValueError, match=message):
        schedule(0.5, 7)


@pytest.mark.parametrize("schedule", [*(cls(0.1, 0.2) for cls in FINITE), InverseScaling(0.1)])
def test_schedules_are_cloned_with_their_parameters(schedule):
    copy = clone(schedule.set_params(start=0.125))
    assert copy is not schedule
    assert copy.get_params() == schedule.get_params()
    assert copy(0.3, 3) == schedule(0.3, 3)


def test_value_at_takes_numbers_and_schedules_and_gives_python_floats():
    assert value_at(2, 0.5) == 2.0
    assert type(value_at(2, 0.5)) is float
    assert value_at(Linear(0.0, 1.0), 0.25) == 0.25
    assert value_at(InverseScaling(1.0, power=1.0), 0.25, step=3) == 0.25
    assert type(value_at(InverseScaling(1), 0.25)) is float


def test_value_at_refuses_the_name_of_a_schedule():
    with pytest.raises(TypeError, match="a number or a Schedule, got 'constant'"):
        value_at("constant", 0.5)
