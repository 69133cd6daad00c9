"""Lists of what other packages document, made from the installed packages, for a build without network.

Sphinx reads the list on a package's site first. Without network, links lead where the names found here are
documented at the time of writing.
"""

import builtins
import importlib
import inspect
import zlib

# Module of the public names, and the address of a name's page below the package's documentation.
SOURCES = {
    "python": {"builtins": "library/functions.html#{name}"},
    "numpy": {"numpy": "reference/generated/{module}.{name}.html"},
    "scipy": {"scipy.sparse": "reference/generated/{module}.{name}.html"},
    "matplotlib": {
        "matplotlib.axes": "api/_as_gen/{module}.{name}.html",
        "matplotlib.figure": "api/_as_gen/{module}.{name}.html",
        "matplotlib.pyplot": "api/_as_gen/{module}.{name}.html",
    },
    "pandas": {"pandas": "reference/api/{module}.{name}.html"},
    "sklearn": {
        "sklearn": "modules/generated/{module}.{name}.html",
    }
    | {
        f"sklearn.{module}": "modules/generated/{module}.{name}.html"
        for module in (
            "base",
            "calibration",
            "callback",
            "compose",
            "datasets",
            "decomposition",
            "dummy",
            "ensemble",
            "exceptions",
            "frozen",
            "impute",
            "inspection",
            "kernel_approximation",
            "linear_model",
            "metrics",
            "mixture",
            "model_selection",
            "multiclass",
            "multioutput",
            "naive_bayes",
            "neighbors",
            "neural_network",
            "pipeline",
            "preprocessing",
            "semi_supervised",
            "svm",
            "tree",
            "utils",
            "utils.metadata_routing",
        )
    },
}
# Headings and words that docstrings of scikit-learn refer to.
LABELS = {
    "sklearn": {
        "df_output_transform std:label": "modules/df_output_transform.html",
        "meta-estimator std:term": "glossary.html#term-meta-estimator",
        "metadata_routing std:label": "metadata_routing.html",
        "sphx_glr_auto_examples_miscellaneous_plot_set_output.py std:label": (
            "auto_examples/miscellaneous/plot_set_output.html"
        ),
    }
}


def write_inventories(folder):
    """Write one inventory for each package into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for package, modules in SOURCES.items():
        lines = [line for module, page in modules.items() for line in entries(module, page)]
        lines += [f"{name} -1 {page} -\n" for name, page in LABELS.get(package, {}).items()]
        header = f"# Sphinx inventory version 2\n# Project: {package}\n# Version: \n"
        header += "# The remainder of this file is compressed using zlib.\n"
        content = header.encode() + zlib.compress("".join(lines).encode())
        (folder / f"{package}.inv").write_bytes(content)


def entries(name, page):
    """Yield a line for each public class, function and method of a module; none if it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return
    for public in getattr(module, "__all__", dir(module)):
        found = find(module, public)
        full_name = public if module is builtins else f"{name}.{public}"
        address = page.format(module=name, name=public)
        if inspect.isclass(found):
            role = "exception" if issubclass(found, BaseException) else "class"
            yield f"{full_name} py:{role} 1 {address} -\n"
            for method in dir(found):
                if not method.startswith("_"):
                    yield f"{full_name}.{method} py:method 1 {address} -\n"
        elif callable(found):
            yield f"{full_name} py:function 1 {address} -\n"


def find(module, name):
    """Return what a module calls by this name; None for an experimental one that has to be asked for."""
    try:
        return getattr(module, name, None)
    except ImportError:
        return None
