"""Estimators that take the callbacks of scikit-learn, which has them from 1.9 on.

`sklearn.callback` takes longer to import than this whole package: that is done when there are callbacks.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, TypeVar, cast

import sklearn

from skdbn._phases import NoContext
from skdbn._sklearn_compat import import_callback
from skdbn._typing import Method

Estimator = TypeVar("Estimator", bound="CallbackSupportMixin")


class CallbackSupportMixin:
    """What scikit-learn's mixin of this name gives an estimator."""

    def set_callbacks(self: Estimator, *callbacks: Any) -> Estimator:
        """Set the callbacks of `fit`, in place of those set before.

        Parameters
        ----------
        *callbacks : callback
            Objects that follow scikit-learn's protocol, such as ``sklearn.callback.ProgressBar()`` and
            those of :mod:`skdbn.callbacks`; none removes all. They need scikit-learn 1.9 or newer. `clone`
            hands them on, `partial_fit` does not call them.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        callback = import_callback()
        if callback is None:
            raise ImportError(
                f"Callbacks need scikit-learn 1.9 or newer, found {sklearn.__version__}: "
                "pip install -U scikit-learn"
            )
        return callback.CallbackSupportMixin.set_callbacks(self, *callbacks)

    def _init_callback_context(self, *arguments: Any, **options: Any) -> Any:
        if not _is_watched(self):
            return NoContext()
        callback = import_callback()
        assert callback is not None  # else there would be none to watch
        return callback.CallbackSupportMixin._init_callback_context(self, *arguments, **options)


def with_callbacks(fit: Method) -> Method:
    """Make a training method tear down the callbacks that it has set up, whatever happens."""

    @wraps(fit)
    def managed(estimator: object, *arguments: Any, **options: Any) -> Any:
        if not _is_watched(estimator):
            return fit(estimator, *arguments, **options)
        callback = import_callback()
        assert callback is not None
        return callback.with_callbacks(fit)(estimator, *arguments, **options)

    return cast(Method, managed)


def _is_watched(estimator: object) -> bool:
    """Tell whether an estimator has callbacks, or is fitted as a part of another one that may have them."""
    return hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")
