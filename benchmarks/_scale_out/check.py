"""The model beside the steps of one, two and four processes on this machine."""

import os
from typing import NamedTuple

import numpy as np

from _scale_out.launch import answer_of, answer_of_one
from _scale_out.model import (
    Layers,
    Speed,
    n_messages,
    n_operations,
    sent_bytes,
    step_seconds,
    summed_sizes,
    sums_seconds,
)
from _scale_out.steps import size_of

_OF_SPEED = (100, 200, 500, 1000)  # batch sizes of one process, whose steps tell its speed
_OF_CHECK = (1000, 100)
_N_PROCESSES = (1, 2, 4)
_N_TURNS = 5


class Check(NamedTuple):
    """Seconds of a step and of its sums, measured and by the model."""

    n_processes: int
    batch_size: int
    step: float
    step_of_model: float
    sums: float
    sums_of_model: float


class Measured(NamedTuple):
    """Seconds of what tells the speed of processes, and of what the model is to say."""

    alone: list  # steps of one process, by batch size
    products: float  # alone, of the largest batch size
    sums: list  # by two processes, of a small and of a large array
    steps: dict  # step and sums in it, by batch size and number of processes


def measure(smoke):
    """Return medians of turns in which everything is measured once, so that what drifts meets all alike."""
    turns = [_turn(smoke) for _ in range(1 if smoke else _N_TURNS)]
    alone, products, sums, steps = zip(*turns, strict=True)
    medians = {key: np.median([each[key] for each in steps], axis=0) for key in steps[0]}
    return Measured(np.median(alone, axis=0), np.median(products), np.median(sums, axis=0), medians)


def _turn(smoke):
    sizes = [size_of(batch_size, smoke) for batch_size in _few(_OF_SPEED, smoke)]
    layers = _layers(smoke)
    largest = {**layers._asdict(), "batch_size": sizes[-1]["batch_size"], "n_steps": 20}
    lengths = [layers.n_hidden, layers.n_weights]
    return Measured(
        [answer_of_one(1, "alone", **size)["step"] for size in sizes],
        answer_of_one(1, "products", **largest),
        answer_of(2, "sums", n_numbers=lengths, n_repetitions=2 if smoke else 50),
        {
            (batch_size, n_processes): _step(n_processes, size_of(batch_size, smoke))
            for batch_size in _OF_CHECK
            for n_processes in _few(_N_PROCESSES, smoke)
        },
    )


def _step(n_processes, size):
    answer = answer_of(n_processes, "steps", **size)
    return answer["step"], answer["sums"]


def speed_of(measured, smoke):
    """Return the speed of a process here."""
    layers = _layers(smoke)
    sizes = [size_of(batch_size, smoke)["batch_size"] for batch_size in _few(_OF_SPEED, smoke)]
    # Relative errors count: small batches as much as large ones.
    per_row, fixed = np.polyfit(sizes, measured.alone, 1, w=1 / measured.alone)
    products = min(measured.products / sizes[-1], per_row)  # they are a part, if nothing disturbs
    return Speed(
        n_operations(layers, sizes[-1]) / sizes[-1] / products,
        (per_row - products) / (2 * layers.n_units),
        fixed / layers.n_weights,
        *_latency_and_bandwidth(layers, *measured.sums),
    )


def _latency_and_bandwidth(layers, of_small, of_large):
    """Return what sums of the hidden biases and of the weights by two processes say of messages."""
    latency = of_small * len(summed_sizes(layers)) / n_messages(layers, 2)
    sent = sent_bytes(layers, 2) * layers.n_weights / sum(summed_sizes(layers))
    return latency, sent / (of_large - of_small)


def checks(measured, speed, smoke):
    """Return the steps of all numbers of processes, each with what the model says."""
    return [
        _check(size_of(batch_size, smoke)["batch_size"], n_processes, *seconds, speed, _layers(smoke))
        for (batch_size, n_processes), seconds in measured.steps.items()
    ]


def _check(batch_size, n_processes, step, sums, speed, layers):
    speed = speed.shared_by(max(1.0, n_processes / (os.cpu_count() or 1)))
    expected = step_seconds(layers, batch_size, n_processes, speed)
    return Check(n_processes, batch_size, step, expected, sums, sums_seconds(layers, n_processes, speed))


def _layers(smoke):
    size = size_of(_OF_CHECK[0], smoke)
    return Layers(size["n_visible"], size["n_hidden"])


def _few(values, smoke):
    return values[:2] if smoke else values
