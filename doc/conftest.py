"""What the code of the guide runs in: a folder of its own, and plots that open no window."""

import matplotlib
import pytest

# How the site is built, and what builds of it leave here.
collect_ignore = ["conf.py", "_build", "_ext", "auto_examples", "generated"]

# Examples train for a few epochs only, and this is what they are told.
_NOT_CONVERGED = "ignore:Fine-tuning. maximum iterations:sklearn.exceptions.ConvergenceWarning"


def pytest_collection_modifyitems(items):
    """Let the pages of this folder train too short; all other warnings stay errors."""
    for item in items:
        if item.path.suffix == ".rst":
            item.add_marker(pytest.mark.filterwarnings(_NOT_CONVERGED))


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path, monkeypatch):
    """Let a page write files without leaving any in the tree."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_window():
    """Draw without a display, and leave no figure open."""
    matplotlib.use("Agg")
    yield
    from matplotlib import pyplot

    pyplot.close("all")
