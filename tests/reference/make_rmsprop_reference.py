"""Make rmsprop_reference.npz: what public libraries do with 200 given gradients.

Run in an environment of its own, with the libraries that are compared with:

    pip install torch==2.13.0 keras==3.15.1 jax==0.10.2 optax==0.2.8
    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python tests/reference/make_rmsprop_reference.py

Everything is float64. JAX needs JAX_ENABLE_X64 for that, and Keras `set_floatx("float64")` before
the optimizer is made: its learning rate is a variable of that type, and float32 has no exact 0.01.
The gradients are standard normals, rounded to float32 to keep the file small.

The file holds `start`, `gradients`, `steps`, and for each case the parameters after those steps.
`CASES` in tests/test_optimizers.py has the settings of skdbn that belong to each case.
"""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_ENABLE_X64", "1")

import jax.numpy as jnp
import keras
import numpy as np
import optax
import torch

LEARNING_RATE = 0.01
STEPS = (1, 2, 50, 200)
N_PARAMETERS = 11
# Large enough for its place, inside or outside the root, to show.
EPSILON = 1e-3


def follow_torch(start, gradients, make, **settings):
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = make([parameter], lr=LEARNING_RATE, **settings)
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        yield parameter.detach().numpy().copy()


def follow_keras(start, gradients, make, **settings):
    keras.config.set_floatx("float64")
    parameter = keras.Variable(start, dtype="float64")
    optimizer = make(learning_rate=LEARNING_RATE, **settings)
    optimizer.build([parameter])
    for gradient in gradients:
        optimizer.apply([jnp.asarray(gradient)])
        yield np.array(parameter.value)


def follow_optax(start, gradients, make, **settings):
    parameter = jnp.asarray(start)
    optimizer = make(LEARNING_RATE, **settings)
    state = optimizer.init(parameter)
    for gradient in gradients:
        update, state = optimizer.update(jnp.asarray(gradient), state)
        parameter = optax.apply_updates(parameter, update)
        yield np.array(parameter)


def cases():
    rmsprop = torch.optim.RMSprop
    common = {"alpha": 0.9, "eps": EPSILON}
    yield "torch rmsprop defaults", follow_torch, rmsprop, {}
    yield "torch rmsprop", follow_torch, rmsprop, common
    yield "torch rmsprop centered", follow_torch, rmsprop, common | {"centered": True}
    yield "torch rmsprop momentum", follow_torch, rmsprop, common | {"momentum": 0.8}
    yield (
        "torch rmsprop centered momentum",
        follow_torch,
        rmsprop,
        common | {"centered": True, "momentum": 0.8},
    )
    yield "torch sgd", follow_torch, torch.optim.SGD, {}
    yield "torch sgd momentum", follow_torch, torch.optim.SGD, {"momentum": 0.8}
    nesterov = {"momentum": 0.8, "nesterov": True}
    yield "torch sgd nesterov", follow_torch, torch.optim.SGD, nesterov
    yield "torch adam", follow_torch, torch.optim.Adam, {"eps": EPSILON}
    yield "torch adagrad", follow_torch, torch.optim.Adagrad, {"eps": EPSILON}
    yield (
        "torch adagrad initial",
        follow_torch,
        torch.optim.Adagrad,
        {"eps": EPSILON, "initial_accumulator_value": 0.1},
    )

    rmsprop = keras.optimizers.RMSprop
    common = {"epsilon": EPSILON}
    yield "keras rmsprop defaults", follow_keras, rmsprop, {}
    yield "keras rmsprop", follow_keras, rmsprop, common
    yield "keras rmsprop centered", follow_keras, rmsprop, common | {"centered": True}
    yield "keras rmsprop momentum", follow_keras, rmsprop, common | {"momentum": 0.8}

    for place, inside in (("inside", True), ("outside", False)):
        common = {"eps": EPSILON, "eps_in_sqrt": inside}
        for name, settings in {
            "": {},
            " initial": {"initial_scale": 1.0},
            " corrected": {"bias_correction": True},
            " centered": {"centered": True},
            " momentum": {"momentum": 0.8},
            " nesterov": {"momentum": 0.8, "nesterov": True},
            " centered nesterov": {"centered": True, "momentum": 0.8, "nesterov": True},
        }.items():
            yield f"optax rmsprop {place}{name}", follow_optax, optax.rmsprop, common | settings


def main():
    rng = np.random.default_rng(20121)
    start = rng.standard_normal(N_PARAMETERS)
    gradients = rng.standard_normal((max(STEPS), N_PARAMETERS)).astype(np.float32)
    stored = {"start": start, "gradients": gradients, "steps": np.array(STEPS)}
    for name, follow, make, settings in cases():
        path = np.array(list(follow(start, gradients.astype(np.float64), make, **settings)))
        assert path.dtype == np.float64
        stored[name] = path[np.array(STEPS) - 1]
    np.savez_compressed(Path(__file__).with_name("rmsprop_reference.npz"), **stored)


if __name__ == "__main__":
    main()
