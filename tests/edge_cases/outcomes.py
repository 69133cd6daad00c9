"""What can come of a call: an error, a warning, or a result; each is asserted, and put in words."""

import re
import warnings

import numpy as np
from same_state import assert_same_state
from sklearn.exceptions import ConvergenceWarning


def call(function):
    """Return (result, warnings) of a call, without the warnings that so short a training makes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function()
    return result, [warning for warning in caught if not issubclass(warning.category, ConvergenceWarning)]


def matches(text, message):
    """Tell whether a message is the text, in which dots stand for anything."""
    pattern = ".*".join(map(re.escape, text.split("...")))
    return re.fullmatch(pattern, str(message).strip(), re.DOTALL) is not None


class Raises:
    """An error with a text; where versions of scikit-learn differ, with one of several `others`."""

    def __init__(self, kind, *texts, others=()):
        self.kind, self.texts = kind, texts
        self.kinds = (kind, *others)

    def check(self, function, method):
        try:
            result, _ = call(function)
        except self.kinds as error:
            result = error
        names = [kind.__name__ for kind in self.kinds]
        assert type(result).__name__ in ("InvalidParameterError", *names), f"{method} gives {result!r}"
        assert any(matches(text, result) for text in self.texts), f"{method}: {result}"

    def in_words(self):
        return f"{self.kind.__name__}: {literal(self.texts[0])}"


class Gives:
    """A result, without a warning; `expected(method)` is what it equals, `check(result)` what it is."""

    def __init__(self, words, expected=None, check=None):
        self.words, self.expected, self.also = words, expected, check

    def check(self, function, method):
        result, caught = call(function)
        self._check_warnings([str(warning.message) for warning in caught], method)
        if self.expected is not None:
            assert_same(result, call(lambda: self.expected(method))[0])
        if self.also is not None:
            self.also(result)

    def _check_warnings(self, messages, method):
        assert messages == [], f"{method} warns: {messages}"

    def in_words(self):
        return self.words


class Warns(Gives):
    """A warning, and a result as of `Gives`."""

    def __init__(self, text, words, expected=None, check=None):
        super().__init__(words, expected, check)
        self.text = text

    def _check_warnings(self, messages, method):
        assert len(messages) == 1, f"{method} warns {len(messages)} times: {messages}"
        assert matches(self.text, messages[0]), f"{method}: {messages[0]}"

    def in_words(self):
        return f"Warning: {literal(self.text)} {self.words}"


def literal(text):
    """Return a text as reStructuredText shows it to the letter, on one line."""
    return f"``{' '.join(text.split())}``"


def assert_same(result, expected):
    """Assert that two results are equal to the last bit: estimators, arrays, or tuples of numbers."""
    assert type(result) is type(expected)
    if hasattr(result, "get_params"):
        assert_same_state(result, expected)
    elif isinstance(result, list):
        for one, other in zip(result, expected, strict=True):
            assert_same(one, other)
    elif isinstance(result, tuple):
        for one, other in zip(result, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    else:
        np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))


def is_finite(result):
    """Assert that numbers, or all that an estimator has learned, are finite."""
    if not hasattr(result, "get_params"):
        parts = result[:1] if isinstance(result, tuple) else (result,)
        assert all(np.isfinite(np.asarray(part, dtype=float)).all() for part in parts)
        return
    learned = [value for name, value in vars(result).items() if name.endswith("_") and name[0] != "_"]
    for value in learned:
        for array in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(array, np.ndarray) and array.dtype.kind == "f":
                assert np.isfinite(array).all()


def has_shape(*shape):
    """Return a check that an array has this shape and finite values."""

    def check(result):
        assert np.shape(result) == shape
        is_finite(result)

    return check


def attribute(name, expected):
    """Return a check that an attribute has a value."""

    def check(result):
        np.testing.assert_array_equal(getattr(result, name), expected)
        is_finite(result)

    return check
