"""Row "search": a grid search by two processes of joblib against the same search by one."""

import time

import numpy as np
from _report import Result, settings_of
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from threadpoolctl import threadpool_limits

from skdbn import DBNClassifier, RBMTransformer

_MOST = 0.6
_N_TURNS = 2
_N_FOLDS = 3
_GRID = {
    "dbnclassifier__rbm__learning_rate": [0.005, 0.01],
    "dbnclassifier__learning_rate": [1e-3, 3e-3],
    "dbnclassifier__dropout": [0.0, 0.2],
}


def search(run):
    """Eight settings of a network on three folds of the digits, the start of the processes included."""
    n_iter, max_iter = (1, 1) if run.smoke else (20, 60)
    rbm = RBMTransformer(n_iter=n_iter)
    dbn = DBNClassifier((200, 100), rbm=rbm, max_iter=max_iter, random_state=0)
    model = make_pipeline(MinMaxScaler(), dbn)
    seconds = [_turn(model, run.smoke) for _ in range(1 if run.smoke else _N_TURNS)]
    two, one = np.median(seconds, axis=0)
    result = Result(
        measure=f"grid search of {8 * _N_FOLDS} fits, 64-200-100 on digits, 1 BLAS thread a process: time "
        "with 2 processes of loky over that with 1",
        measured=f"{two / one:.2f} ({two:.0f} and {one:.0f} s)",
        must_be=f"<= {_MOST}",
        reached=bool(two / one <= _MOST),
        settings=settings_of(dbn),
    )
    return [result]


def _turn(model, smoke):
    """Return the seconds of a search by two processes and by one; both have to find the same."""
    X, y = load_digits(return_X_y=True)
    X, y = (X[:300], y[:300]) if smoke else (X, y)
    seconds, scores = [], []
    for n_jobs in (2, 1):
        get_reusable_executor().shutdown()  # so that processes have to be started, as in a new script
        search = GridSearchCV(model, _GRID, cv=_N_FOLDS, n_jobs=n_jobs, refit=False)
        start = time.perf_counter()
        with threadpool_limits(1):  # joblib does the same for the processes that it starts
            search.fit(X.astype(np.float32), y)
        seconds.append(time.perf_counter() - start)
        scores.append(search.cv_results_["mean_test_score"])
    if not np.array_equal(*scores):
        raise AssertionError("The scores depend on the number of processes.")
    return seconds
