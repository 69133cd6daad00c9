"""Class labels: which rows have one, and what the classes are."""

from __future__ import annotations

from numbers import Number
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skdbn._sklearn_compat import check_sample_weight, safe_indexing
from skdbn._team import current_team
from skdbn._typing import Array, Booleans, Floats, Integers, Rng

NO_LABEL = -1  # among the positions in classes_


class LabelledRows(NamedTuple):
    """Rows with their targets: positions of labels in the sorted classes, or numbers.

    Rows without a target have `NO_LABEL`, or NaN.
    """

    X: Any  # dense or CSR, (n_rows, n_features)
    targets: Array | None  # (n_rows,) of int, (n_rows, n_outputs) of float, or None for no targets
    sample_weight: Floats | None

    def take(self, rows: Integers) -> LabelledRows:
        """Return the given rows."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        targets = None if self.targets is None else self.targets[rows]
        return LabelledRows(self.X[rows], targets, weight)

    def has_target(self) -> Booleans:
        """Tell for each row whether it has a target."""
        if self.targets is None:
            return np.ones(self.X.shape[0], dtype=bool)
        if self.targets.ndim == 1:
            return self.targets != NO_LABEL
        return ~np.any(np.isnan(self.targets), axis=1)

    def labelled(self) -> LabelledRows:
        """Return the rows that have a target, without a copy if all have one."""
        has_target = self.has_target()
        return self if has_target.all() else self.take(np.flatnonzero(has_target))

    def weighted_by(self, sample_weight: Floats | None) -> LabelledRows:
        """Return the rows with other weights, without those of weight 0, as in classes of weight 0."""
        rows = self._replace(sample_weight=sample_weight)
        if sample_weight is None or sample_weight.all():
            return rows
        return rows.take(np.flatnonzero(sample_weight))


def check_labels(y: Any, estimator: object) -> Array:
    """Return y as a 1-D array, or raise with the way out for one-hot and other 2-D targets."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    y = as_array(y)
    if y.ndim == 2 and y.shape[1] > 1:
        numeric = np.issubdtype(y.dtype, np.number) or y.dtype == bool
        one_hot = numeric and y.size > 0 and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()
        raise ValueError(
            f"y is 2-D {y.shape} and one-hot; pass class labels, e.g. y.argmax(axis=1)."
            if one_hot
            else f"y is 2-D {y.shape}; pass one class label for each row."
        )
    return column_or_1d(y, warn=True)


def check_labels_or_indicators(y: Any, estimator: object, unlabeled: object, *, sure: bool) -> Array:
    """Return y as a 1-D array of labels, or as a matrix of 0 and 1 with a column for each label.

    A matrix with a single 1 in each row is refused, since it is far more often one-hot code than a
    choice of several labels by chance; unless the caller is `sure`.
    """
    matrix = None if y is None else as_array(y)
    if matrix is None or matrix.ndim != 2 or matrix.shape[1] < 2:
        return check_labels(y, estimator)
    numeric = np.issubdtype(matrix.dtype, np.number) or matrix.dtype == bool
    known = matrix[has_any_target(matrix, unlabeled)] if numeric else matrix
    if numeric and not sure and not known.size:
        raise ValueError(f"No row has a label: all of y equals unlabeled={unlabeled!r}.")
    are_indicators = numeric and np.isin(known, (0, 1)).all()
    if are_indicators and (sure or (known.sum(axis=1) != 1).any()):
        return matrix
    return check_labels(known, estimator)  # which raises


def has_any_target(y: Array, unlabeled: object) -> Booleans:
    """Tell for each row of a matrix whether it is not the marker throughout."""
    if unlabeled is None:
        return np.ones(len(y), dtype=bool)
    _check_marker(unlabeled)
    if _is_missing(unlabeled):
        return ~np.all(np.isnan(y), axis=1)
    # A text among numbers is found nowhere; some versions of numpy would compare the array as a whole.
    is_number = np.issubdtype(y.dtype, np.number) or y.dtype == bool
    if is_number and isinstance(unlabeled, str):
        return np.ones(len(y), dtype=bool)
    return ~(y == unlabeled).all(axis=1)


def has_label(y: Array, unlabeled: object) -> Booleans:
    """Tell for each row of labels, or of a matrix of them, whether it is not the marker."""
    return _has_label(y, unlabeled) if y.ndim == 1 else has_any_target(y, unlabeled)


def labelled_part(
    X: Any, y: Any, sample_weight: Any, unlabeled: object
) -> tuple[Any, Array, Floats | None]:
    """Return the rows of X, y and the weights whose y is not the marker, for a score of any container."""
    y = as_array(y)
    if not y.ndim:  # None too
        raise ValueError(f"y has to have a target for each row to score; got {y[()]!r}.")
    weight = check_sample_weight(sample_weight, y)
    known = has_label(y, unlabeled)
    if len(y) and not known.any():
        raise ValueError(f"No row to score has a label: all of y equals unlabeled={unlabeled!r}.")
    if not known.all():
        rows = np.flatnonzero(known)
        X, y = safe_indexing(X, rows), _numbers_as_such(y[rows])
        weight = None if weight is None else check_sample_weight(weight[rows], y)
    if y.ndim == 1 and y.dtype == object:
        _sorted_labels(y)  # raises where labels cannot be compared
    return X, y, weight


def find_classes(y: Array, unlabeled: object) -> Array:
    """Return the sorted labels of y without the marker `unlabeled`."""
    y = _numbers_as_such(y[_has_label(y, unlabeled)])
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    if not y.size:
        raise ValueError(f"No row has a label: all of y equals unlabeled={unlabeled!r}.")
    classes = _sorted_labels(y)
    with np.errstate(invalid="ignore"):  # it looks whether huge numbers are whole ones
        check_classification_targets(y)
    return classes


def _sorted_labels(y: Array) -> Array:
    """Return the different labels in order, or raise if some are missing or do not compare."""
    n_missing = sum(label is None or _is_missing(label) for label in y) if y.dtype == object else 0
    if n_missing:
        raise ValueError(
            f"y has no label (None or NaN) in {n_missing} of {len(y)} rows: drop them, or give them a "
            "marker and name it by the parameter unlabeled."
        )
    try:
        return np.unique(y)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in y})
        raise ValueError(f"y mixes labels of types {kinds}; use one type.") from error


def classes_of_all(y: Array, unlabeled: object) -> Array:
    """Return the sorted labels in the rows of all processes."""
    team = current_team()
    if team.size == 1:
        return find_classes(y, unlabeled)
    known = team.gathered(_numbers_as_such(y[_has_label(y, unlabeled)]))
    # No labels at all: the marker alone, for the error of `find_classes`.
    return find_classes(np.concatenate([part for part in known if part.size] or [y]), unlabeled)


def given_classes(classes: npt.ArrayLike, unlabeled: object) -> Array:
    """Return the sorted labels of a list of classes, without the marker `unlabeled`."""
    given = as_array(classes)
    if given.ndim != 1 or not _has_label(given, unlabeled).any():
        raise ValueError(f"classes has to list the labels that will come; got {classes!r}.")
    return find_classes(given, unlabeled)


def classes_online(
    y: Array, classes: npt.ArrayLike | None, unlabeled: object, fitted: Array | None
) -> Array:
    """Return the classes of a training in chunks: the fitted ones, those given, or those of the first y."""
    given = None if classes is None else given_classes(classes, unlabeled)
    if fitted is None:
        return find_classes(y, unlabeled) if given is None else given
    if given is not None and not np.array_equal(given, fitted):
        raise ValueError(
            f"classes={given.tolist()} is not the same as on the last call: {fitted.tolist()}."
        )
    return fitted


def check_weights_online(class_weight: Any) -> None:
    """Raise if the weights of the classes depend on rows that a training in chunks does not see."""
    if class_weight == "balanced":
        raise ValueError(
            'class_weight="balanced" is not supported for partial_fit, which does not see all '
            "rows: pass a dict, or sample_weight."
        )


def accuracy(scores: Floats, data: LabelledRows) -> float:
    """Return the weighted share of rows whose largest score is that of their label; NaN if one is NaN."""
    right = np.where(np.isnan(scores).any(axis=1), np.nan, scores.argmax(axis=1) == data.targets)
    return mean_of_rows(right, data)


def weight_of_rows(data: Any) -> float:
    """Return the weight of all rows, of whatever has X and sample_weight."""
    return float(data.X.shape[0] if data.sample_weight is None else data.sample_weight.sum())


def mean_of_rows(values: Array, data: LabelledRows) -> float:
    """Return the weighted mean of a value for each row, over the rows of all processes."""
    weight = weight_of_rows(data)
    mean = np.average(values, weights=data.sample_weight) if weight else 0.0
    return float(current_team().mean(mean, weight))


def positions(y: Array, classes: Array, unlabeled: object) -> Integers:
    """Return the position of each label in `classes`; `NO_LABEL` for the marker."""
    has_label = _has_label(y, unlabeled)
    targets = np.full(len(y), NO_LABEL)
    if not has_label.any():
        return targets
    labels = find_classes(y, unlabeled)
    unknown = np.setdiff1d(labels, classes)
    if unknown.size:
        raise ValueError(
            f"y contains labels {unknown.tolist()} that are not among the classes {classes.tolist()}."
        )
    targets[has_label] = np.searchsorted(classes, y[has_label])
    return targets


def as_array(y: Any) -> Array:
    """Return y as a dense array; a list of text and a marker that is none keeps its elements."""
    if np.ma.is_masked(y):
        raise ValueError("y is a masked array; masks are not heeded: give the rows of the mask a marker.")
    array = y.toarray() if sparse.issparse(y) else np.asarray(y)
    became_text = array.ndim == 1 and array.dtype.kind == "U"
    if became_text and not all(isinstance(label, str) for label in y):
        return np.asarray(y, dtype=object)
    return array


def joined_targets(parts: list[Array]) -> Array:
    """Return targets that came in parts as one array; text stays apart from labels that are none."""
    are_text = {part.dtype.kind == "U" for part in parts if part.size}
    return np.concatenate([part.astype(object) for part in parts] if len(are_text) > 1 else parts)


def _numbers_as_such(y: Array) -> Array:
    """Return an array of numbers for numbers among objects, as they are beside a marker of text."""
    are_numbers = y.dtype == object and all(isinstance(label, Number) for label in y.ravel())
    return np.asarray(y.tolist()) if are_numbers else y


def _has_label(y: Any, unlabeled: object) -> Booleans:
    if unlabeled is None:
        return np.ones(len(y), dtype=bool)
    _check_marker(unlabeled)
    if _is_missing(unlabeled):
        return np.array([not _is_missing(label) for label in y], dtype=bool)
    # One by one: an array of strings compared with a number says nothing about its elements.
    return np.array([_is_missing(label) or not label == unlabeled for label in y], dtype=bool)


def _check_marker(unlabeled: object) -> None:
    if np.ndim(unlabeled) or isinstance(unlabeled, (set, dict)):  # type: ignore[arg-type]  # any object
        raise ValueError(f"unlabeled is one label that stands for none; got {unlabeled!r}.")


def _is_missing(value: Any) -> bool:
    """Tell whether a value is NaN or pandas.NA, which do not compare equal to themselves."""
    try:
        return bool(value != value)
    except TypeError:  # the truth of pandas.NA
        return True


def split_stratified(
    data: LabelledRows, validation_fraction: float, rng: Rng
) -> tuple[LabelledRows, LabelledRows]:
    """Return (rest, held out): a share of the rows with a target, with each class in proportion."""
    # Here and not above, since it takes longer to import than all of this package.
    from sklearn.model_selection import train_test_split

    candidates = np.flatnonzero(data.has_target())
    if (team := current_team()).size > 1:  # each process a share of its own, which may lack a class
        shuffled = team.own_stream(rng).permutation(candidates)
        return _split(data, shuffled[: round(validation_fraction * len(candidates))])
    targets = data.targets
    classes = None if targets is None or targets.ndim > 1 else targets[candidates]
    try:
        _, chosen = train_test_split(
            candidates,
            test_size=validation_fraction,
            stratify=classes,
            random_state=int(rng.integers(2**31)),
        )
    except ValueError as error:
        raise ValueError(
            f"early_stopping cannot hold out validation_fraction={validation_fraction} of "
            f"{len(candidates)} labelled rows with each class among them ({error}) "
            "Raise validation_fraction, pass X_val and y_val, or use early_stopping=False."
        ) from error
    return _split(data, chosen)


def _split(data: LabelledRows, chosen: Integers) -> tuple[LabelledRows, LabelledRows]:
    rest = np.setdiff1d(np.arange(data.X.shape[0]), chosen)
    return data.take(rest), data.take(np.sort(chosen))
