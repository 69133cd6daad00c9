"""Dependencies point one way, and optional packages stay optional."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skdbn

PACKAGE = Path(skdbn.__file__).parent

# A module imports from levels below its own only. A new module needs its place here.
LEVELS = [
    # Leaves: they know nothing of the rest.
    {"_typing"},
    {"_blocks", "_html", "_parts", "_state_tree", "_checkpoint_file", "_team", "callbacks"}
    | {"_streams", "batches"},
    {"_draws", "distributed"},
    {"schedules", "units", "exceptions", "_centering", "_threads", "_reporting"}
    | {"_sklearn_compat", "_transaction", "sparsity"},
    {"_rows"},
    {"optimizers", "_energy", "_validation", "_weight_rules", "_columns"}
    | {"_directed", "_labels", "_journal", "inspection"},
    {"_phases", "_shards", "_chunks"},
    {
        "_callback_support",
        "_class_posterior",
        "_pseudo_likelihood",
        "_tempered",
        "_initialization",
        "_likelihood",
        "_network",
        "_training",
        "_visible_types",
        "model_selection",
    },
    {"samplers", "_annealing", "_fine_tuning", "_fitted", "_planning", "_targets", "_html_stack"}
    | {"_export_layers", "_export_torch", "persistence", "_class_weights"},
    {"_export_mlp"},
    {"_export"},
    {"_contrastive", "_fitted_dbn", "_fitted_rbm", "_sampling", "_fitted_likelihood"},
    {"_rbm_fit", "_discriminative", "_generative_network", "_dbn_density"}
    | {"_fitted_sampling", "_fitted_class_rbm"},
    {"_class_rbm_fit", "_up_down", "_fitted_stack", "_fitted_up_down"},
    # The estimators.
    {"_rbm_base", "_class_rbm_base"},
    {"_rbm"},
    {"_dbn", "_class_rbm"},
    {"_dbn_base", "_layerwise"},
    {"_dbn_transformer"},
    {"_supervised_dbn"},
    {"_up_down_dbn", "_dbn_regressor"},
    {"_dbn_classifier"},
    {"onnx"},
    {"skdbn"},
]
LEVEL = {module: number for number, level in enumerate(LEVELS) for module in level}
# The same inside each folder; what the folder itself exports comes last.
FOLDERS = {
    "inspection": [
        {"_numbers", "_models", "_drawing"},
        {"_images"},
        {"_activity_display", "_filter_display", "_learning_curve_display"}
        | {"_reconstruction_display", "_samples_display"},
        {"inspection"},
    ],
    "callbacks": [{"_base"}, {"_checkpoint", "_early_stopping"}, {"callbacks"}],
    "onnx": [{"_graph", "_units"}, {"_estimators"}, {"_model"}, {"_skl2onnx"}, {"onnx"}],
    "optimizers": [{"_arrays", "_base"}, {"_adagrad", "_adam", "_rmsprop", "_sgd"}, {"optimizers"}],
    "samplers": [{"_base"}, {"_cd", "_pcd"}, {"_tempering"}, {"samplers"}],
    "units": [
        {"_base"},
        {"_indicator"},
        {"_bernoulli", "_gaussian", "_softmax"},
        {"_relu"},
        {"_registry"},
        {"_mixed"},
        {"units"},
    ],
}
FOLDER_LEVEL = {
    folder: {module: number for number, level in enumerate(levels) for module in level}
    for folder, levels in FOLDERS.items()
}

# threadpoolctl is a requirement of scikit-learn.
REQUIRED = {"numpy", "scipy", "sklearn", "threadpoolctl", "skdbn"}
# Of scikit-learn these need nothing but BaseEstimator, for their parameters.
SEPARATE = {"schedules", "units", "samplers", "optimizers", "_blocks", "_threads", "_rows", "_reporting"}
SEPARATE |= {"_typing", "_team", "_streams", "_centering", "_transaction", "exceptions"}
SEPARATE |= {"sparsity", "_sampling", "_annealing", "_likelihood", "_pseudo_likelihood", "_weight_rules"}
SEPARATE |= {"_energy", "_network", "_training", "_contrastive", "_fine_tuning", "_initialization"}
SEPARATE |= {"_class_posterior", "_discriminative", "_class_rbm_fit"}
SEPARATE |= {"_directed", "_generative_network", "_up_down", "_dbn_density"}
# User input is checked at the border: in the estimators and what they consist of.
MAY_VALIDATE = {
    "_rbm",
    "_rbm_base",
    "_chunks",
    "_shards",
    "_class_rbm",
    "_class_rbm_base",
    "_fitted",
    "_fitted_rbm",
    "_fitted_class_rbm",
    "_fitted_dbn",
    "_fitted_stack",
    "_fitted_up_down",
    "_fitted_sampling",
    "_fitted_likelihood",
    "_visible_types",
    "_planning",
    "_html_stack",
    "_dbn",
    "_dbn_base",
    "_layerwise",
    "_export",
    "_dbn_transformer",
    "_supervised_dbn",
    "_up_down_dbn",
    "_dbn_regressor",
    "_dbn_classifier",
    "skdbn",
}

SOURCES = sorted(PACKAGE.rglob("*.py"))
each_source = pytest.mark.parametrize(
    "path", SOURCES, ids=[str(path.relative_to(PACKAGE)) for path in SOURCES]
)


def module_of(path):
    """The top-level module of the package that a file belongs to; "skdbn" for the package itself."""
    first = path.relative_to(PACKAGE).parts[0]
    return "skdbn" if first == "__init__.py" else first.removesuffix(".py")


def imports(tree):
    """Yield (dotted module, name or None) of every import statement in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def imports_of(path):
    return list(imports(ast.parse(path.read_text(encoding="utf-8"))))


def imported_modules(path):
    """The modules of this package that a file imports, as dotted names without the package's."""
    found = set()
    for module, name in imports_of(path):
        if module == "skdbn":
            is_module = (PACKAGE / f"{name}.py").exists() or (PACKAGE / str(name)).is_dir()
            found.add(name if is_module else "skdbn")
        elif module.startswith("skdbn."):
            found.add(module.removeprefix("skdbn."))
    return found


def test_every_module_has_its_level():
    assert {module_of(path) for path in SOURCES} == set(LEVEL)
    assert {path.parent.name for path in SOURCES if path.parent != PACKAGE} == set(FOLDERS)
    for folder, level in FOLDER_LEVEL.items():
        stems = {path.stem for path in (PACKAGE / folder).glob("*.py")}
        assert stems - {"__init__"} == set(level) - {folder}


@each_source
def test_modules_import_from_lower_levels_only(path):
    module = module_of(path)
    below = {name for name in LEVEL if LEVEL[name] < LEVEL[module]}
    imported = {name.split(".")[0] for name in imported_modules(path)}
    assert imported - {module} <= below


@each_source
def test_modules_import_from_lower_levels_of_their_folder_only(path):
    folder = module_of(path)
    if folder in FOLDERS:
        level = FOLDER_LEVEL[folder]
        below = {
            name for name in level if level[name] < level[folder if path.stem == "__init__" else path.stem]
        }
        siblings = {
            name.removeprefix(f"{folder}.")
            for name in imported_modules(path)
            if name.split(".")[0] == folder
        }
        assert siblings <= below


@each_source
def test_private_modules_of_a_folder_are_imported_inside_it_only(path):
    for folder in set(FOLDERS) - {module_of(path)}:
        assert not {name for name in imported_modules(path) if name.startswith(f"{folder}._")}


@each_source
def test_input_is_validated_in_the_estimators_only(path):
    if module_of(path) not in MAY_VALIDATE | {"_validation"}:
        assert "_validation" not in imported_modules(path)


@each_source
def test_numerical_modules_take_nothing_but_base_estimator_from_scikit_learn(path):
    if module_of(path) in SEPARATE:
        taken = {(module, name) for module, name in imports_of(path) if module.startswith("sklearn")}
        assert taken <= {("sklearn.base", "BaseEstimator"), ("sklearn.base", "clone")}


@each_source
def test_private_names_of_scikit_learn_are_imported_in_one_file_only(path):
    private = [
        (module, name)
        for module, name in imports_of(path)
        if module.split(".")[0] == "sklearn"
        and any(part.startswith("_") for part in [*module.split("."), name or ""])
    ]
    assert not private or path.name == "_sklearn_compat.py"


@each_source
def test_only_required_packages_are_imported_outside_functions(path):
    """Inside a function, an optional package costs nothing to those who do not have it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    in_functions = {
        statement
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        for inner in ast.walk(node)
        for statement in imports(ast.Module([inner], []))
    }
    roots = {module.split(".")[0] for module, name in set(imports(tree)) - in_functions}
    assert roots <= REQUIRED | sys.stdlib_module_names


# Makes optional packages unimportable, notes who asks for them, and then imports everything.
WITHOUT_OPTIONAL_PACKAGES = """
import sys

class Absent:
    asked_for = set()

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"matplotlib", "mpi4py", "onnx", "pandas", "polars", "rich", "torch"}:
            self.asked_for.add(name)
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import skdbn, skdbn.distributed, skdbn.exceptions, skdbn.optimizers, skdbn.samplers, skdbn.schedules
import skdbn.units
import skdbn.inspection, skdbn.model_selection, skdbn.onnx, skdbn.persistence, skdbn.sparsity
# scikit-learn itself asks for the others.
print(sorted(Absent.asked_for & {"matplotlib", "mpi4py", "onnx", "torch"}))
rbm = skdbn.RBMTransformer(n_components=2, n_iter=1, batch_size=None)
print(rbm.fit_transform([[0, 1], [1, 0]]).shape)
"""


def test_package_asks_for_no_optional_package_and_works_without_any():
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", WITHOUT_OPTIONAL_PACKAGES]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n") == ["[]", "(2, 2)", ""]


# What `import skdbn` needs at once of scikit-learn and scipy must be there already after the first line.
MODULES_BEYOND_SCIKIT_LEARN = """
import sys, sklearn
before = set(sys.modules)
import skdbn
print(*set(sys.modules) - before)
"""
# Each would make the import several times longer, or opens the way to one that does.
SLOW_TO_IMPORT = {
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.preprocessing",
    "sklearn.neural_network",
    "sklearn.linear_model",
    "scipy.stats",
    "scipy.optimize",
    "scipy.special",
    "pandas",
    "matplotlib",
    "torch",
}


def test_package_imports_nothing_slow_that_scikit_learn_has_not_imported():
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-c", MODULES_BEYOND_SCIKIT_LEARN]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert not SLOW_TO_IMPORT & set(result.stdout.split())


@each_source
def test_no_blas_is_called_through_scipy(path):
    # scipy has a BLAS of its own, whose waiting threads slow numpy's down.
    modules = {f"{module}.{name}" for module, name in imports_of(path)}
    assert not [module for module in modules if module.startswith("scipy.linalg")]
