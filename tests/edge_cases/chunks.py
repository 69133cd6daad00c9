"""What `fit_batches` makes of sources of chunks that are unusual or wrong."""

import numpy as np

from edge_cases.cases import Case
from edge_cases.outcomes import Gives, Raises
from edge_cases.subjects import N_ROWS, SUPERVISED, X, new, paths, targets
from skdbn.batches import Batches

FITS = paths("fit_batches")
HALF = N_ROWS // 2


def chunks(method, X=X, cuts=(HALF,)):
    """Return rows and targets in chunks."""
    arrays = X, *targets(method.estimator)
    return list(zip(*(np.split(array, cuts) for array in arrays), strict=True))


def source(make, **options):
    """Return the call of a new estimator with the source that `make(method)` returns."""
    return lambda method: new(method.estimator).fit_batches(make(method), **options)


def changed(make):
    """Return the call with chunks of which the second is what `make(X, *y)` returns."""
    return source(lambda method: [chunks(method)[0], make(*chunks(method)[1])])


def shrinking(method):
    """Return a source that has half of its rows when it is read again."""
    parts = iter([chunks(method)])
    return lambda: next(parts, chunks(method)[:1])


def of_fit(method):
    return new(method.estimator).fit(X, *targets(method.estimator))


CHUNKS = [
    Case(
        "a list of chunks, a function that returns an iterator of them, or :class:`~skdbn.batches.Batches`",
        FITS,
        lambda method: [
            source(lambda method: chunks(method, cuts=(1, 2, 9)))(method),
            source(lambda method: lambda: iter(chunks(method)))(method),
            source(lambda method: Batches(X, *targets(method.estimator), batch_size=5))(method),
        ],
        Gives("Three times the model of `fit`.", lambda method: [of_fit(method)] * 3),
    ),
    Case(
        "a chunk without rows among others",
        FITS,
        source(lambda method: chunks(method, cuts=(0, HALF))),
        Gives("The model of `fit`.", of_fit),
    ),
    Case(
        "all rows instead of a source, or a path",
        FITS,
        source(lambda method: X),
        Raises(
            ValueError,
            "source has to give chunks when it is iterated over, and this has all rows: cut it by "
            "skdbn.batches.Batches. Got an object of type ndarray.",
        ),
    ),
    Case(
        "a generator, or another iterator",
        FITS,
        source(lambda method: iter(chunks(method))),
        Raises(
            ValueError,
            "source is an iterator (list_iterator), which gives its chunks only once: give the function "
            "that makes it, or a list.",
        ),
    ),
    Case(
        "no chunk",
        FITS,
        source(lambda method: []),
        Raises(
            ValueError,
            "The source gave no chunk. A process without rows gives one of shape (0, n_features).",
        ),
    ),
    Case(
        "chunks without rows",
        FITS,
        source(lambda method: [tuple(array[:0] for array in chunks(method)[0])]),
        Raises(ValueError, "The source gave no rows."),
    ),
    Case(
        "NaN in the second chunk",
        FITS,
        changed(lambda X, *y: (X * np.nan, *y)),
        Raises(ValueError, "Chunk 2 of the source: Input X contains NaN..."),
    ),
    Case(
        "other columns in the second chunk",
        FITS,
        changed(lambda X, *y: (X[:, :4], *y)),
        Raises(
            ValueError,
            "Chunk 2 of the source: X has 4 features, but ... is expecting 5 features as input.",
        ),
    ),
    Case(
        "no targets in the second chunk",
        paths("fit_batches", SUPERVISED),
        changed(lambda X, y: X),
        Raises(
            ValueError,
            "Chunk 2 of the source: y is missing here, but one value a row in the chunks before.",
        ),
    ),
    Case(
        "no targets at all",
        paths("fit_batches", SUPERVISED),
        source(lambda method: [X]),
        Raises(ValueError, "This ... estimator requires y to be passed, but the target y is None."),
    ),
    Case(
        "a chunk of more than X, y and weights",
        FITS,
        source(lambda method: [(X, None, None, None)]),
        Raises(
            ValueError,
            "Chunk 1 of the source is a tuple of 4; give X, (X, y) or (X, y, sample_weight).",
        ),
    ),
    Case(
        "other rows when the source is read again",
        FITS,
        source(shrinking),
        Raises(
            ValueError,
            "The source gave 12 rows when it was first read, but 6 later: it has to give the same rows "
            "each time. A generator ends after one pass: give the function that makes it.",
        ),
    ),
    Case(
        "`buffer_size=0`",
        FITS,
        source(chunks, buffer_size=0),
        Raises(ValueError, "buffer_size must be an integer >= 1; got 0."),
    ),
]
