"""Estimators that take the callbacks of scikit-learn, which has them from 1.9 on.

`sklearn.callback` takes longer to import than this whole package: that is done when there are callbacks.
"""

from functools import wraps

import sklearn

from skdbn._phases import NoContext
from skdbn._sklearn_compat import import_callback


class CallbackSupportMixin:
    """What scikit-learn's mixin of this name gives an estimator."""

    def set_callbacks(self, *callbacks):
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

    def _init_callback_context(self, *arguments, **options):
        if not _is_watched(self):
            return NoContext()
        mixin = import_callback().CallbackSupportMixin
        return mixin._init_callback_context(self, *arguments, **options)


def with_callbacks(fit):
    """Make a training method tear down the callbacks that it has set up, whatever happens."""

    @wraps(fit)
    def managed(estimator, *arguments, **options):
        if not _is_watched(estimator):
            return fit(estimator, *arguments, **options)
        return import_callback().with_callbacks(fit)(estimator, *arguments, **options)

    return managed


def _is_watched(estimator):
    """Tell whether an estimator has callbacks, or is fitted as a part of another one that may have them."""
    return hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")
