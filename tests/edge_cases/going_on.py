"""Trainings that go on: from a fitted model, in chunks, or from a file."""

import tempfile
from pathlib import Path

import numpy as np

from edge_cases.cases import Case
from edge_cases.outcomes import Gives, Raises, attribute
from edge_cases.subjects import CLASSIFIERS, LABELS, X, fitted, paths
from edge_cases.training import DBNS, FITS, RBMS, with_options


def again(rows=X, y=None, **parameters):
    """Return the call of a fitted estimator, after new parameters."""
    return lambda method: method.with_rows(rows, y, model=fitted(method.estimator).set_params(**parameters))


def resumed_from(content):
    """Return the call that goes on from a file with this content, or from one that is not there."""

    def call(method):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.npz"
            if content is not None:
                path.write_bytes(content)
            return method.with_rows(X, resume_from=path)

    return call


GOING_ON = [
    Case(
        "`warm_start` with other columns",
        FITS,
        again(X[:, :4], warm_start=True),
        Raises(ValueError, "X has 4 features, but ... is expecting 5 features as input."),
    ),
    Case(
        "another `n_components` than that of the fitted model, with `warm_start` or in a chunk",
        paths("fit partial_fit", RBMS),
        again(warm_start=True, n_components=4),
        Raises(ValueError, "n_components=4 but the fitted model has 3; use clone() to start anew."),
    ),
    Case(
        "other `hidden_layer_sizes`, with `warm_start` or in a chunk",
        paths("fit partial_fit", DBNS),
        again(warm_start=True, hidden_layer_sizes=(5,)),
        Raises(
            ValueError,
            "hidden_layer_sizes=(5,) but the fitted network has (4, 3); use clone() to start anew.",
        ),
    ),
    Case(
        "`warm_start` with other classes",
        paths("fit", CLASSIFIERS),
        again(X, LABELS + 1, warm_start=True),
        Raises(ValueError, "y contains labels [3] that are not among the classes [0, 1, 2]."),
    ),
    Case(
        "`warm_start` with another type of `visible` units",
        paths("fit", RBMS),
        lambda method: again(warm_start=True, visible="gaussian")(method).components_,
        Gives("The units stay as they were.", lambda method: again(warm_start=True)(method).components_),
    ),
    Case(
        "`warm_start` with another kind of fine-tuning",
        ("DBNClassifier.fit",),
        again(warm_start=True, fine_tuning="up-down"),
        Raises(
            ValueError,
            "fine_tuning='up-down' cannot go on from another kind of fine-tuning; use clone() to start "
            "anew.",
        ),
    ),
    Case(
        "a chunk of float32 after one of float64",
        paths("partial_fit"),
        again(X.astype(np.float32)),
        Gives("The model stays in float64.", again(X.astype(np.float32).astype(float))),
    ),
    Case(
        "`classes` without a label",
        paths("partial_fit", CLASSIFIERS),
        with_options(classes=[]),
        Raises(ValueError, "classes has to list the labels that will come; got []."),
    ),
    Case(
        "`classes` that is a number",
        paths("partial_fit", CLASSIFIERS),
        with_options(classes=3),
        Raises(ValueError, "classes has to list the labels that will come; got 3."),
    ),
    Case(
        "`classes` with NaN",
        paths("partial_fit", CLASSIFIERS),
        with_options(classes=[0, 1, np.nan]),
        Raises(ValueError, "Input y contains NaN..."),
    ),
    Case(
        "`classes` that leaves out a label of y",
        paths("partial_fit", CLASSIFIERS),
        with_options(classes=[0, 1]),
        Raises(ValueError, "y contains labels [2] that are not among the classes [0, 1]."),
    ),
    Case(
        "`classes` in another order, or with a label twice",
        paths("partial_fit", CLASSIFIERS),
        with_options(classes=[2, 1, 0, 1]),
        Gives("Sorted.", with_options(), attribute("classes_", [0, 1, 2])),
    ),
    Case(
        "`classes` that differ from those of the first call",
        paths("partial_fit", CLASSIFIERS),
        lambda method: method.on_fitted(X, LABELS, classes=[0, 1]),
        Raises(ValueError, "classes=[0, 1] is not the same as on the last call: [0, 1, 2]."),
    ),
    Case(
        "`layer` that is not there",
        ("DBNTransformer.partial_fit",),
        with_options(layer=2),
        Raises(ValueError, "layer=2, but the stack has the layers 0 to 1."),
    ),
    Case(
        "`layer` above one that has not been trained",
        ("DBNTransformer.partial_fit",),
        with_options(layer=1),
        Raises(ValueError, "layer=1 stands on layer 0, which has not been trained yet."),
    ),
    Case(
        "`resume_from` a file that is not there",
        FITS,
        resumed_from(None),
        Raises(FileNotFoundError, "[Errno 2] No such file or directory: ..."),
    ),
    Case(
        "`resume_from` a file that is no checkpoint",
        FITS,
        resumed_from(b"some text"),
        Raises(ValueError, "... is no checkpoint of skdbn, or not a whole one (File is not a zip file)."),
    ),
    Case(
        "`resume_from` a number, which open() would take for an open file",
        FITS,
        with_options(resume_from=2),
        Raises(TypeError, "The path of a checkpoint must be a string or path-like; got 2."),
    ),
]
