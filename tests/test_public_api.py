"""The names of the package are those of the reference, and the reference is complete."""

import ast
import importlib
import inspect
import pickle
import pkgutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import skdbn

REFERENCE = Path(__file__).parents[1] / "doc" / "api.rst"

# What users import, and may rely on.
PROMISED = {
    "skdbn": ["DBNClassifier", "DBNRegressor", "DBNTransformer", "RBMClassifier", "RBMTransformer"],
    "skdbn.batches": ["Batches"],
    "skdbn.callbacks": ["Checkpoint", "EarlyStopping"],
    "skdbn.exceptions": ["DivergenceError"],
    "skdbn.inspection": [
        "FilterDisplay",
        "HiddenActivityDisplay",
        "LearningCurveDisplay",
        "ReconstructionDisplay",
        "SamplesDisplay",
    ],
    "skdbn.model_selection": ["SemiSupervisedSplit"],
    "skdbn.optimizers": ["SGD", "AdaGrad", "Adam", "RMSProp"],
    "skdbn.samplers": ["CD", "PCD", "FastPCD", "MeanField", "ParallelTempering"],
    "skdbn.schedules": ["Cosine", "Exponential", "InverseScaling", "Linear"],
    "skdbn.sparsity": ["SparsityTarget"],
    "skdbn.units": ["Bernoulli", "Gaussian", "Mixed", "ReLU", "Softmax"],
}
# The same for what is no class.
PROMISED_FUNCTIONS = {
    "skdbn.distributed": ["data_parallel"],
    "skdbn.onnx": ["register_converters", "to_onnx"],
}
PROMISED_VALUES = {"skdbn.persistence": ["SKOPS_TRUSTED"]}
# Importable for the rest of the package and its tests, but not promised to anyone.
NOT_PUBLIC = {
    "skdbn.samplers": ["SAMPLERS", "model_states", "resolve_sampler"],
    "skdbn.sparsity": ["resolve_sparsity"],
    "skdbn.units": ["UNITS", "logistic", "resolve_unit"],
}


def public_modules():
    names = [name for _, name, _ in pkgutil.iter_modules(skdbn.__path__) if not name.startswith("_")]
    return ["skdbn", *(f"skdbn.{name}" for name in sorted(names))]


def public_names(module):
    """`__all__`, or in its absence the names without underscore that the module itself defines."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    names = []
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets]
    return sorted(name for name in names if not name.startswith("_"))


def names_in_reference():
    """The entries of all autosummary lists, by module."""
    names, module, in_list = {}, None, False
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        entry = line.strip()
        if entry.startswith((".. module::", ".. currentmodule::")):
            module = entry.split("::")[1].strip()
        elif entry.startswith(".. autosummary::"):
            in_list = True
        elif entry and not line.startswith(" "):
            in_list = False
        elif in_list and entry and not entry.startswith(":"):
            names.setdefault(module, []).append(entry)
    return names


def test_reference_has_every_public_module():
    assert sorted(names_in_reference()) == public_modules()


@pytest.mark.parametrize("module", public_modules())
def test_reference_has_the_public_names_of_each_module_once(module):
    assert sorted(names_in_reference()[module]) == public_names(importlib.import_module(module))


@pytest.mark.parametrize("module", public_modules())
def test_public_names_exist_and_are_sorted_out_of_nothing_else(module):
    module = importlib.import_module(module)
    names = public_names(module)
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(module, name)


@pytest.mark.parametrize("module", PROMISED)
def test_promised_names_are_public_classes(module):
    names = public_names(importlib.import_module(module))
    for name in PROMISED[module]:
        assert name in names
        assert inspect.isclass(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("module", [*PROMISED_FUNCTIONS, *PROMISED_VALUES])
def test_promised_functions_and_values_are_public(module):
    names = public_names(importlib.import_module(module))
    for name in PROMISED_FUNCTIONS.get(module, []):
        assert name in names
        assert inspect.isfunction(getattr(importlib.import_module(module), name))
    assert {*PROMISED_VALUES.get(module, [])} <= {*names}


@pytest.mark.parametrize("module", NOT_PUBLIC)
def test_helpers_of_the_package_are_importable_but_not_public(module):
    module_object = importlib.import_module(module)
    assert not {*NOT_PUBLIC[module]} & {*public_names(module_object)}
    assert all(hasattr(module_object, name) for name in NOT_PUBLIC[module])


@pytest.mark.parametrize("module", PROMISED)
def test_promised_classes_can_be_pickled_by_name(module):
    for name in PROMISED[module]:
        cls = getattr(importlib.import_module(module), name)
        assert pickle.loads(pickle.dumps(cls)) is cls


def test_version_is_that_of_the_installed_package():
    try:
        installed = version("skdbn")
    except PackageNotFoundError:
        pytest.skip("skdbn is not installed, only importable")
    assert skdbn.__version__ == installed
