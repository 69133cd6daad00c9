"""What a training is given beside rows and targets: rows for validation, and parameters."""

import numpy as np
from sklearn.frozen import FrozenEstimator

from edge_cases.cases import Case
from edge_cases.outcomes import Gives, Raises, Warns, attribute, is_finite
from edge_cases.subjects import (
    CLASSIFIERS,
    LABELS,
    N_ROWS,
    SUPERVISED,
    X,
    new,
    paths,
    rbm,
    targets,
)
from skdbn.exceptions import DivergenceError

FITS = paths("fit")
FIT_LABELS = paths("fit", SUPERVISED)
DBNS = ("DBNTransformer", "DBNClassifier", "DBNRegressor")
FIT_DBNS = paths("fit", DBNS)


def with_parameters(**parameters):
    """Return the call of a new estimator with these parameters."""
    return lambda method: method.with_rows(X, model=new(method.estimator, **parameters))


def with_options(**options):
    """Return the call of a new estimator with these arguments beside the usual ones."""
    return lambda method: method.with_rows(X, **options)


def validated_on(X_val, **options):
    """Return the call with rows for validation, and as many targets."""

    def call(method):
        y_val = [y[: len(X_val)] for y in targets(method.estimator)]
        return method.with_rows(X, X_val=X_val, **dict(zip(["y_val"], y_val, strict=False)), **options)

    return call


VALIDATION = [
    Case(
        "`X_val` without rows",
        FITS,
        validated_on(X[:0]),
        Raises(
            ValueError, "Found array with 0 sample(s) (shape=(...)) while a minimum of 1 is required..."
        ),
    ),
    Case(
        "`X_val` of one row",
        paths("fit", ("RBMTransformer", *CLASSIFIERS)),
        validated_on(X[:1]),
        Gives("Taken.", check=is_finite),
    ),
    Case(
        "`X_val` of one row",
        ("DBNRegressor.fit",),
        validated_on(X[:1]),
        Raises(ValueError, "R2 of the rows for validation needs two of them or more; got 1."),
    ),
    Case(
        "`X_val` with other columns",
        FITS,
        validated_on(X[:, :4]),
        Raises(ValueError, "X has 4 features, but ... is expecting 5 features as input."),
    ),
    Case("`X_val` with NaN", FITS, validated_on(X * np.nan), Raises(ValueError, "Input X contains NaN...")),
    Case(
        "`X_val` without `y_val`, or `y_val` without `X_val`",
        FIT_LABELS,
        with_options(X_val=X),
        Raises(ValueError, "X_val and y_val belong together: give both or neither."),
    ),
    Case(
        "`sample_weight_val` without `X_val`",
        paths("fit", (*SUPERVISED, "DBNTransformer")),
        with_options(sample_weight_val=np.ones(N_ROWS)),
        Raises(ValueError, "sample_weight_val has the weights of X_val, which is not given."),
    ),
    Case(
        "weights of 0 for all rows of `X_val`",
        FIT_LABELS,
        validated_on(X, sample_weight_val=np.zeros(N_ROWS)),
        Raises(
            ValueError,
            "sample_weight is zero for all rows; at least one weight must be positive.",
            "Sample weights must contain at least one non-zero number.",
        ),
    ),
    Case(
        "the marker in all of `y_val`",
        FIT_LABELS,
        lambda method: method.with_rows(
            X, model=new(method.estimator, unlabeled=-1), X_val=X, y_val=np.full(N_ROWS, -1)
        ),
        Raises(ValueError, "No row of X_val has a target: all of y_val equals -1."),
    ),
    Case(
        "a label in `y_val` that is no class",
        paths("fit", CLASSIFIERS),
        with_options(X_val=X, y_val=LABELS + 1),
        Raises(ValueError, "y contains labels [3] that are not among the classes [0, 1, 2]."),
    ),
    Case(
        "`early_stopping` with a class of fewer rows than can be held out",
        paths("fit", CLASSIFIERS),
        with_parameters(early_stopping=True),
        Raises(ValueError, "early_stopping cannot hold out validation_fraction=0.1 of 12 labelled rows..."),
    ),
    Case(
        "`early_stopping` with one row",
        paths("fit", (*SUPERVISED, "DBNTransformer")),
        lambda method: method.with_rows(X[:1], model=_stopping_early(method.estimator)),
        Raises(ValueError, "early_stopping cannot hold out validation_fraction=0.1 of 1 labelled rows..."),
    ),
    Case(
        "`early_stopping` in chunks",
        paths("partial_fit", (*SUPERVISED, "DBNTransformer")),
        lambda method: method.with_rows(X, model=_stopping_early(method.estimator)),
        Raises(ValueError, "partial_fit does not support early_stopping=True."),
    ),
]


def _stopping_early(estimator):
    more = {"fine_tuning": "reconstruction"} if estimator == "DBNTransformer" else {}
    return new(estimator, early_stopping=True, **more)


# -- parameters ------------------------------------------------------------------------------------


def _diverging(estimator):
    return {"rbm": rbm(learning_rate=1e300)} if estimator in DBNS else {}


RBMS = ("RBMTransformer", "RBMClassifier")
PARAMETERS = [
    Case(
        "no hidden units",
        paths("fit partial_fit", RBMS),
        lambda method: method.with_rows(X, model=new(method.estimator).set_params(n_components=0)),
        Raises(
            ValueError,
            "The 'n_components' parameter of ... must be an int in the range [1, inf). Got 0 instead.",
        ),
    ),
    Case(
        "no hidden layer",
        FIT_DBNS + paths("pretrain_on", ("DBNClassifier", "DBNRegressor")),
        with_parameters(hidden_layer_sizes=()),
        Raises(ValueError, "hidden_layer_sizes must be one or more integers >= 1; got no layer."),
    ),
    Case(
        "a layer of 0, or of 2.5 units",
        FIT_DBNS,
        with_parameters(hidden_layer_sizes=(3, 0)),
        Raises(ValueError, "hidden_layer_sizes must be one or more integers >= 1; got 0 in (3, 0)."),
    ),
    Case(
        "one layer as a number",
        FIT_DBNS,
        with_parameters(hidden_layer_sizes=3),
        Gives("As a tuple of one.", check=attribute("n_layers_", 3), expected=None),
    ),
    Case(
        "more machines in `rbm` than layers, or fewer",
        FIT_DBNS,
        with_parameters(rbm=[rbm()]),
        Raises(
            ValueError,
            "rbm is a list of 1 machines, but hidden_layer_sizes=(4, 3) has 2 layers; give one machine a "
            "layer.",
        ),
    ),
    Case(
        "something else than an RBM in `rbm`",
        FIT_DBNS,
        with_parameters(rbm=[rbm(), 1]),
        Raises(ValueError, "rbm must be a list of RBMTransformer; got 1 in it."),
    ),
    Case(
        "a batch larger than the rows",
        FITS,
        with_parameters(batch_size=99),
        Warns("batch_size=99 is larger than n_samples=12; using 12.", "Trained on.", check=is_finite),
    ),
    Case(
        "the same in chunks",
        paths("partial_fit"),
        with_parameters(batch_size=99),
        Gives("Taken.", check=is_finite),
    ),
    Case("batches of one row", FITS, with_parameters(batch_size=1), Gives("Taken.", check=is_finite)),
    Case(
        "a value outside its range",
        FITS,
        with_parameters(learning_rate=0),
        Raises(ValueError, "The 'learning_rate' parameter of ... must be ... Got 0 instead."),
    ),
    Case(
        "a learning rate so high that weights grow without limit",
        FITS,
        lambda method: with_parameters(learning_rate=1e300, **_diverging(method.estimator))(method),
        Raises(
            DivergenceError,
            "...diverged at epoch 1 (...). Lower learning_rate (now 1e+300) or scale the inputs.",
        ),
    ),
    Case(
        "`pretrain` of an estimator that is not fitted",
        paths("fit", ("DBNClassifier", "DBNRegressor")),
        with_parameters(pretrain=FrozenEstimator(rbm())),
        Raises(
            ValueError,
            "pretrain=... holds no pre-trained layers: give True, False, or FrozenEstimator(stack)...",
        ),
    ),
    Case(
        "`pretrain` of other sizes",
        paths("fit", ("DBNClassifier", "DBNRegressor")),
        lambda method: method.with_rows(
            X, model=new(method.estimator).pretrain_on(X).set_params(hidden_layer_sizes=(9,))
        ),
        Raises(ValueError, "hidden_layer_sizes=(9,), but the layers of pretrain have the sizes (4, 3)."),
    ),
    Case(
        "`pretrain` of other columns",
        paths("fit", ("DBNClassifier", "DBNRegressor")),
        lambda method: method.with_rows(X[:, :4], model=new(method.estimator).pretrain_on(X)),
        Raises(ValueError, "X has 4 features, but the layers of pretrain expect 5."),
    ),
    Case(
        "`pretrain=False` without fine-tuning",
        paths("fit partial_fit", ("DBNTransformer",)),
        with_parameters(pretrain=False),
        Raises(ValueError, 'pretrain=False leaves nothing to train: use fine_tuning="reconstruction".'),
    ),
    Case(
        "a parameter that is not there",
        paths("set_params"),
        lambda method: method.on_new(alfa=1),
        Raises(ValueError, "Invalid parameter 'alfa' for estimator..."),
    ),
    Case(
        "a parameter of a part that is given by name",
        paths("set_params", RBMS),
        lambda method: method.on_new(sampler__n_steps=2),
        Raises(
            ValueError,
            "sampler__n_steps is a parameter of an object, but ... has sampler=...: give one, such as "
            "sampler=...",
        ),
    ),
    Case(
        "an object that is no callback",
        paths("set_callbacks"),
        lambda method: method.on_new(3),
        Raises(
            TypeError,
            "callbacks must be instances following the FitCallback protocol.",
            "Callbacks need scikit-learn 1.9 or newer...",
            others=[ImportError],
        ),
    ),
    Case(
        "a container that is not known",
        paths("set_output"),
        lambda method: method.on_fitted(transform="list").transform(X),
        Raises(ValueError, "output config must be in ['default', 'pandas', 'polars'], got list"),
    ),
]
