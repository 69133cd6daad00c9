"""Several threads and processes at once give what one gives, and leave the process as it was."""

import random
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from threading import Barrier, Event, Thread

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from same_state import assert_same_state
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info, threadpool_limits

import skdbn
from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn._threads import threads_for
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD

N_THREADS = 8
RBM = RBMTransformer(n_iter=2, random_state=0)
MODELS = {
    "RBM": RBMTransformer(6, n_iter=2, random_state=0),
    "Gaussian RBM": RBMTransformer(6, visible="gaussian", n_iter=2, random_state=0),
    "class RBM": RBMClassifier(6, max_iter=2, random_state=0),
    "classifier": DBNClassifier((6, 5), rbm=RBM, max_iter=2, dropout=0.2, random_state=0),
    "up-down": DBNClassifier((6, 5), rbm=RBM, max_iter=2, fine_tuning="up-down", random_state=0),
    "regressor": DBNRegressor((6, 5), rbm=RBM, max_iter=2, random_state=0),
    "stack": DBNTransformer((6, 5), rbm=RBM, random_state=0),
    "autoencoder": DBNTransformer(
        (6, 5), rbm=RBM, fine_tuning="reconstruction", max_iter=2, random_state=0
    ),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # of few epochs
    pytest.mark.thread_unsafe(reason="the tests start threads, and look at what belongs to the process"),
]

# What each method is called with, beside the rows.
METHODS = {
    "predict": lambda method, X, y: method(X),
    "predict_proba": lambda method, X, y: method(X),
    "transform": lambda method, X, y: method(X),
    "reconstruct": lambda method, X, y: method(X),
    "free_energy": lambda method, X, y: method(X),
    "score_samples": lambda method, X, y: method(X),
    "score": lambda method, X, y: method(X, y),
    "sample": lambda method, X, y: method(5, n_steps=3, random_state=0),
    "impute": lambda method, X, y: method(np.where(X < 0.1, np.nan, X), n_steps=2, random_state=0),
    "log_partition": lambda method, X, y: method(
        "ais", n_runs=5, n_temperatures=20, n_steps=5, random_state=0
    ),
    "log_likelihood_bound": lambda method, X, y: method(X, n_draws=3, random_state=0),
}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.random((60, 9))
    return X, (X[:, 0] > 0.5).astype(int)


def answers(model, X, y):
    names = [name for name in METHODS if hasattr(model, name)]
    if isinstance(model, DBNClassifier) and model.fine_tuning == "backprop":
        names.remove("sample")  # which says that only other networks can draw rows
    return {name: METHODS[name](getattr(model, name), X, y) for name in names}


def in_threads(function, n_threads=N_THREADS):
    """Return what the function returns in each of the threads, which begin together."""
    start = Barrier(n_threads)

    def run(_):
        start.wait()
        return function()

    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(run, range(n_threads)))


@each_model
def test_eight_threads_are_answered_what_one_is_and_leave_the_estimator_as_it_was(model, rows):
    fitted = clone(model).fit(*rows)
    before = deepcopy(fitted)
    expected = answers(fitted, *rows)
    assert len(expected) >= 3
    for given in in_threads(lambda: answers(fitted, *rows)):
        assert_same_state(given, expected)
    assert_same_state(fitted, before)


def assert_fits_agree(rows):
    """Compare fits under the backend of the surrounding context with fits one after another."""
    side_by_side = Parallel()(delayed(clone(model).fit)(*rows) for model in MODELS.values())
    for model, other in zip(MODELS.values(), side_by_side, strict=True):
        assert_same_state(clone(model).fit(*rows), other)
    searched = search(rows)
    with parallel_config("sequential"):
        assert_same_state(search(rows), searched)


def search(rows):
    """Return the best of a grid of networks, and all that was found but for the times."""
    grid = {"hidden_layer_sizes": [(4,), (6, 5)], "rbm__learning_rate": [0.01, 0.1]}
    found = GridSearchCV(MODELS["classifier"], grid, cv=2).fit(*rows)
    scores = {name: values for name, values in found.cv_results_.items() if "time" not in name}
    return found.best_estimator_, scores


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_fits_side_by_side_give_the_models_of_fits_one_after_another(backend, rows):
    with parallel_config(backend, n_jobs=2):
        assert_fits_agree(rows)


def test_fits_under_dask_give_the_models_of_fits_one_after_another(rows):
    distributed = pytest.importorskip("distributed")
    cluster = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.Client(**cluster), parallel_config("dask", n_jobs=2):
        assert_fits_agree(rows)


# -- what belongs to the process ------------------------------------------------------------------


def fit_and_fail(model, rows):
    X, y = rows
    clone(model).fit(X, y)
    with pytest.raises(DivergenceError):
        RBMTransformer(3, visible="gaussian", optimizer=SGD(), learning_rate=1e300, n_iter=50).fit(X)


@each_model
def test_the_global_random_states_are_neither_read_nor_written(model, rows):
    fitted = []
    for seed in (1, 2):
        np.random.seed(seed)
        random.seed(seed)
        before = np.random.get_state(legacy=False), random.getstate()
        fitted.append(clone(model).fit(*rows))
        answers(fitted[-1], *rows)
        assert_same_state((np.random.get_state(legacy=False), random.getstate()), before)
    assert_same_state(*fitted)


@each_model
def test_numpy_keeps_its_error_state_also_when_fits_fail_and_in_threads(model, rows):
    def states():
        with np.errstate(all="print"):  # unlike any state that the package or numpy would set
            before = np.geterr()
            answers(clone(model).fit(*rows), *rows)
            fit_and_fail(model, rows)
            return before == np.geterr()

    before = np.geterr()
    assert all([states(), *in_threads(states, 4)])
    assert np.geterr() == before


def test_no_function_is_decorated_with_an_error_state():
    """Up to NumPy 1.26 such a decorator keeps the state that it puts back in one place for all threads."""
    modules = Path(skdbn.__file__).parent.rglob("*.py")
    assert not [path.name for path in modules if "@np.errstate" in path.read_text(encoding="utf-8")]


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def in_a_thread(function, *arguments):
    thread = Thread(target=function, args=arguments)
    thread.start()
    thread.join()


@pytest.fixture
def two_threads():
    """Two threads of each BLAS, set by a thread that ends: threadpoolctl 3.8 lets no other do so before."""
    before = blas_threads()
    in_a_thread(threadpool_limits, 2, "blas")
    if set(blas_threads()) != {2}:
        pytest.skip("threadpoolctl does not set the threads of this BLAS for all threads")
    yield
    in_a_thread(threadpool_limits, max(before), "blas")


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("first_out", ["first in", "last in"])
def test_trainings_that_overlap_run_on_one_thread_and_the_last_gives_all_back(first_out):
    small = (np.empty((6, 4)),)
    entered, may_leave = [Event(), Event()], [Event(), Event()]

    def train(number):
        with threads_for(small, 10):
            entered[number].set()
            may_leave[number].wait()

    threads = [Thread(target=train, args=[number]) for number in range(2)]
    for thread, inside in zip(threads, entered, strict=True):
        thread.start()
        inside.wait()
        assert set(blas_threads()) == {1}
    order = (0, 1) if first_out == "first in" else (1, 0)
    for number, expected in zip(order, ({1}, {2}), strict=True):
        may_leave[number].set()
        threads[number].join()
        assert set(blas_threads()) == expected


@pytest.mark.usefixtures("two_threads")
def test_a_training_gives_back_what_it_found_while_the_thread_of_another_lives_on():
    inside, left, may_end = Event(), Event(), Event()

    def train():
        with threads_for((np.empty((6, 4)),), 10):
            inside.set()
            left.wait()

    def first():
        with threads_for((np.empty((6, 4)),), 10):
            other.start()
            inside.wait()
        left.set()
        may_end.wait()

    other, thread = Thread(target=train), Thread(target=first)
    thread.start()
    inside.wait()
    left.wait()
    other.join()
    try:
        assert set(blas_threads()) == {2}
    finally:
        may_end.set()
        thread.join()


@pytest.mark.usefixtures("two_threads")
def test_fits_in_threads_give_the_threads_of_blas_back_also_when_some_fail(rows):
    before = blas_threads()
    in_threads(lambda: [fit_and_fail(model, rows) for model in MODELS.values()], 4)
    assert blas_threads() == before
