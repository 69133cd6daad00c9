"""What the code of the guide runs in: a folder of its own, and plots that open no window."""

import matplotlib
import pytest


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
