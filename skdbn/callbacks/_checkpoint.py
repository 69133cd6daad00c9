"""Writing what is needed to go on with a fit that was cut off."""

from __future__ import annotations

import warnings
from numbers import Integral
from pathlib import Path
from typing import Any

from skdbn._typing import FilePath
from skdbn.callbacks._base import Callback, Context, contexts_above


class Checkpoint(Callback):
    r"""Write to a file, as `fit` goes on, what is needed to go on after an interruption.

    ``fit(X, y, resume_from=path)``, with the same parameters and data, repeats none of the epochs that
    are in the file and ends as the fit would have that was cut off: the fitted model is the same to the
    last bit on the same machine and with the same versions of the libraries. Within a DBN this holds for
    each stage, pre-training and fine-tuning.

    The file is written whole or not at all, to a temporary one that is synchronised with the disk before it
    takes the place of the former [1]_: a process that is killed while it writes leaves the former file, and
    one with the ending ``.tmp`` beside it. A disk that is full, or fails, costs a warning and not the fit,
    which tries again after its next epoch. The file holds plain arrays and JSON, no pickled objects:
    weights, the optimizer's averages, chains, the random generator, the position of the schedules, the
    history, and the stages that are over. Its size is about that of the weights times 2 to 3 (RMSProp
    keeps one average a weight), and the chains.

    Parameters
    ----------
    path : str or path-like
        File to write; its folder has to exist. It stays after the fit.

    every : int, default=1
        Number of epochs between two writings, >= 1. The end of each stage is written too.

    See Also
    --------
    EarlyStopping : A callback that ends a training.

    Notes
    -----
    One file is for one fit: set it on the estimator, alone or in a pipeline, but not within a search or a
    cross-validation with several fits. A warm start cannot be written. `EarlyStopping` is kept with the
    fit, what other callbacks remember is not. It needs scikit-learn 1.9 or newer.

    References
    ----------
    .. [1] Pillai, T. S. et al. (2014). All file systems are not created equal: on the complexity of
           crafting crash-consistent applications. OSDI.
           https://www.usenix.org/conference/osdi14/technical-sessions/presentation/pillai

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from skdbn import RBMTransformer
    >>> from skdbn.callbacks import Checkpoint
    >>> X = load_digits().data / 16
    >>> path = tempfile.mkdtemp() + "/rbm.npz"
    >>> rbm = RBMTransformer(16, n_iter=5, random_state=0).set_callbacks(Checkpoint(path))
    >>> one = rbm.fit(X)
    >>> other = RBMTransformer(16, n_iter=5, random_state=0).fit(X, resume_from=path)
    >>> bool((one.components_ == other.components_).all())
    True
    """

    watches_layers = True  # of a DBN
    keeps_journal = True

    def __init__(self, path: FilePath, *, every: int = 1) -> None:
        if not isinstance(every, (int, Integral)) or isinstance(every, bool) or every < 1:
            raise ValueError(f"Checkpoint(every={every!r}): every must be an integer >= 1.")
        self.path = path
        self.every = every

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, every={self.every})"

    def setup(self, estimator: Any, context: Context) -> None:
        """Check, before the fit begins, that the file can be written.

        Parameters
        ----------
        estimator : estimator
            The estimator to be fitted.

        context : CallbackContext
            The task that is its fit.
        """
        folder = Path(self.path).parent
        if not folder.is_dir():
            raise FileNotFoundError(f"{self!r}: there is no folder {str(folder)!r}; make it first.")
        for above in contexts_above(context):
            if above.estimator_name.endswith("SearchCV"):
                raise ValueError(
                    f"{self!r} is one file for one fit, but {above.estimator_name} makes many: set it on "
                    "the estimator that you fit with the best parameters."
                )

    # When an epoch ends, other callbacks may still be asked whether to stop. When the next one begins, or
    # what the epochs are a part of is over, it is decided.
    def on_fit_task_begin(self, estimator: Any, context: Context) -> None:
        """Write, if an epoch begins and enough of them have passed since the last writing.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : CallbackContext
            The task that begins.
        """
        journal = getattr(estimator, "_journal", None)
        if journal is not None and context.task_name == "epoch":
            path = str(self.path)
            if journal.n_epochs - journal.written.get(path, journal.n_epochs_before) >= self.every:
                self._write(journal)

    def on_fit_task_end(self, estimator: Any, context: Context) -> bool:
        """Write, if a stage ends.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : CallbackContext
            The task that ends.

        Returns
        -------
        stop : bool
            False.
        """
        journal = getattr(estimator, "_journal", None)
        if journal is not None and context.task_name != "epoch":
            self._write(journal)
        return False

    def _write(self, journal: Any) -> None:
        try:
            journal.write(str(self.path))
        except OSError as error:
            warnings.warn(
                f"{error}. The fit goes on, and tries again after its next epoch.",
                UserWarning,
                stacklevel=2,
            )
