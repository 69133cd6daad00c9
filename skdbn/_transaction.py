"""Training that fails leaves the estimator as it was."""

from __future__ import annotations

from functools import wraps
from typing import Any, cast

from skdbn._typing import Method


def all_or_nothing(fit: Method) -> Method:
    """Make a training method put all attributes back if it raises.

    Trainings work on copies of fitted arrays and set new ones at their end, so the attributes are all
    there is to put back: the number and names of the columns, which validation sets at the start.
    """

    @wraps(fit)
    def fit_or_restore(estimator: object, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(estimator))
        try:
            return fit(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return cast(Method, fit_or_restore)
