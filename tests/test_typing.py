"""What annotations tell to type checkers, and that they hold at run time too."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import typing

import pytest

import skdbn

MODULES = [
    importlib.import_module(found.name) for found in pkgutil.walk_packages(skdbn.__path__, prefix="skdbn.")
]


def functions_of(module):
    """Return the functions, methods and properties that are defined in a module."""
    own = [item for item in vars(module).values() if getattr(item, "__module__", None) == module.__name__]
    members = [item for owner in own if inspect.isclass(owner) for item in vars(owner).values()]
    members = [member.fget if isinstance(member, property) else member for member in members]
    return [item for item in [*own, *members] if inspect.isfunction(item)]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_annotations_can_be_evaluated(module):
    """Names that are there for type checkers only break `functools.singledispatch`, and other readers."""
    for function in functions_of(module):
        typing.get_type_hints(function)


# As it would be written by a user, who has no stubs of scikit-learn.
PROGRAM = """
import numpy as np
from skdbn.optimizers import RMSProp
from skdbn.samplers import PCD
from skdbn.schedules import Linear, value_at
from skdbn.units import Gaussian, Mixed

x = np.zeros((2, 3))
reveal_type(value_at(Linear(0.5, 0.9), 0.1))  # float
reveal_type(Mixed([("gaussian", [0])]).n_states(1))  # int | None
reveal_type(RMSProp(rho=Linear(0.5, 0.9)).update((x,), RMSProp().init((x,)), 0.1)[0])  # tuple
Gaussian(scale="data").mean(x, out=x)
Linear("0.5", 0.9)  # error
RMSProp(roh=0.9)  # error
PCD(n_chains="100")  # error
Gaussian().mean(3.0)  # error

from skdbn import DBNClassifier, RBMTransformer
from skdbn.callbacks import EarlyStopping

reveal_type(RBMTransformer(n_iter=5).fit(x).transform(x))  # array
reveal_type(RBMTransformer().fit(x).sample)  # its arguments
reveal_type(DBNClassifier([9]).set_callbacks().pretrain_on(x))  # DBNClassifier
RBMTransformer(n_component=2)  # error
DBNClassifier(batch_size=0.5)  # error
EarlyStopping(patience="3")  # error
RBMTransformer().fit(x, epochs=3)  # error
"""
FOUND = {
    9: 'Revealed type is "float"',
    10: 'Revealed type is "int | None"',
    11: 'Revealed type is "tuple[',
    13: 'Argument 1 to "Linear" has incompatible type "str"; expected "float"',
    14: 'Unexpected keyword argument "roh" for "RMSProp"',
    15: 'Argument "n_chains" to "PCD" has incompatible type "str"; expected "int | None"',
    16: 'Argument 1 to "mean" of "Gaussian" has incompatible type "float"',
    21: 'Revealed type is "numpy.ndarray[',
    22: 'Revealed type is "def (n_samples: int =, n_steps: int =, ',
    23: 'Revealed type is "skdbn._dbn_classifier.DBNClassifier"',
    24: 'Unexpected keyword argument "n_component" for "RBMTransformer"',
    25: 'Argument "batch_size" to "DBNClassifier" has incompatible type "float"',
    26: 'Argument "patience" to "EarlyStopping" has incompatible type "str"; expected "int"',
    27: 'Unexpected keyword argument "epochs" for "fit" of "RBMTransformer"',
}


@pytest.mark.slow
def test_type_checker_sees_the_types_of_the_installed_package(tmp_path):
    """It reads them only from a package with a file `py.typed`."""
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "mypy", "--config-file=", "program.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    lines = [line for line in result.stdout.splitlines() if "error:" in line or "Revealed" in line]
    found = {int(line.split(":")[1]): line for line in lines}
    assert found.keys() == FOUND.keys(), result.stdout
    for number, text in FOUND.items():
        assert text in found[number].replace("builtins.", "")
