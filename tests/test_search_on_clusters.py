"""Searches on several processes or machines find what a search one fit after another finds."""

import os
import secrets
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from same_state import assert_same_state
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline

from skdbn import DBNClassifier, RBMTransformer
from skdbn.schedules import Linear

N_ROWS, N_FEATURES = 120, 9
N_WORKERS = 2
SIZES = [(3,), (5,), (7,), (9,)]
X = np.random.default_rng(0).random((N_ROWS, N_FEATURES))
Y = (X[:, 0] + X[:, 1] > 1).astype(int)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # of few epochs
    # What OptunaSearchCV says of itself, and of what it calls in Optuna 4.9 to 5.
    pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental"),
    pytest.mark.filterwarnings(
        "ignore:The OptunaSearchCV or classes .* use `_get_tags`"
    ),  # scikit-learn 1.6
    pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated:FutureWarning"),
    pytest.mark.thread_unsafe(reason="the tests start processes, and set the backend of the process"),
]


def rbm():
    return RBMTransformer(5, learning_rate=Linear(0.1, 0), n_iter=2, random_state=0)


def dbn():
    prototype = RBMTransformer(learning_rate=Linear(0.1, 0), n_iter=2)
    return DBNClassifier((6,), rbm=prototype, learning_rate=Linear(0.01, 0), max_iter=5, random_state=0)


def features_and_classifier():
    # Not a logistic regression, whose last bits under lbfgs differ between processes with some versions.
    return Pipeline([("rbm", rbm()), ("classifier", GaussianNB())])


def halving(estimator, draws, resource, **options):
    """Two rounds: four candidates, then the better two."""
    few_to_many = {"n_candidates": 4, "factor": 2, "min_resources": 2, "max_resources": 4, "cv": 2}
    return HalvingRandomSearchCV(
        estimator, draws, resource=resource, random_state=0, **few_to_many | options
    )


SEARCHES = {
    "grid": GridSearchCV(
        dbn(), {"hidden_layer_sizes": [(4, 3), (6, 5)], "rbm__learning_rate__start": [0.01, 0.1]}, cv=2
    ),
    "random": RandomizedSearchCV(
        dbn(),
        {"learning_rate__start": loguniform(1e-3, 1e-1), "optimizer": ["rmsprop", "adam"]},
        n_iter=4,
        cv=2,
        random_state=0,
    ),
    "epochs of a machine": halving(rbm(), {"n_components": [3, 5, 7, 9]}, "n_iter"),
    "epochs of a step": halving(
        features_and_classifier(), {"rbm__n_components": [3, 5, 7, 9]}, "rbm__n_iter"
    ),
    "epochs of pre-training": halving(dbn(), {"hidden_layer_sizes": SIZES}, "rbm__n_iter"),
    "epochs of fine-tuning": halving(dbn(), {"hidden_layer_sizes": SIZES}, "max_iter"),
    "rows": halving(
        dbn(), {"hidden_layer_sizes": SIZES}, "n_samples", min_resources=60, max_resources=N_ROWS
    ),
}
RESOURCES = {name: search.resource for name, search in SEARCHES.items() if hasattr(search, "resource")}
each_search = pytest.mark.parametrize("name", SEARCHES)


@contextmanager
def loky():
    yield


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed", reason="searches on a cluster of dask")
    cluster = {"n_workers": N_WORKERS, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.Client(**cluster):
        yield


@contextmanager
def ray():
    ray = pytest.importorskip("ray", reason="searches on a cluster of ray")
    from ray.util.joblib import register_ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else ray writes one to the home folder
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=N_WORKERS, include_dashboard=False, logging_level="error", log_to_driver=False)
        try:
            register_ray()
            yield
        finally:
            ray.shutdown()


@pytest.fixture(scope="module", params=[loky, dask, pytest.param(ray, marks=pytest.mark.slow)])
def cluster(request):
    """Workers of a kind, and the name that joblib has for them."""
    with request.param():
        yield request.param.__name__


def fitted_on(cluster, search):
    with parallel_config(cluster, n_jobs=N_WORKERS):
        return clone(search).fit(X, Y)


@cache
def serial(name):
    """Return the search after one fit after another in this process."""
    with parallel_config("sequential"):
        return clone(SEARCHES[name]).fit(X, Y)


def findings(search):
    """Return all that a search found, but for the times that it took."""
    results = {name: values for name, values in search.cv_results_.items() if "time" not in name}
    best = search.best_index_, search.best_params_, search.best_score_, search.best_estimator_
    return results, best, [getattr(search, name, None) for name in ("n_candidates_", "n_resources_")]


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_finds_on_a_cluster_what_it_finds_one_fit_after_another(name, cluster):
    assert len(set(serial(name).cv_results_["mean_test_score"])) > 1  # else a wrong order would not be seen
    assert_same_state(findings(fitted_on(cluster, SEARCHES[name])), findings(serial(name)))


def test_fits_run_in_the_processes_of_the_cluster(cluster):
    # Without this, a backend that does nothing would pass the test above.
    process_of_a_fit = GridSearchCV(
        rbm(), {"n_components": [2, 3]}, cv=4, scoring=lambda model, X, y: os.getpid(), refit=False
    )
    results = fitted_on(cluster, process_of_a_fit).cv_results_
    assert os.getpid() not in {results[f"split{fold}_test_score"][0] for fold in range(4)}


@pytest.mark.parametrize("name", RESOURCES)
def test_halving_trains_the_better_half_for_as_long_as_asked(name):
    search, resource = serial(name), RESOURCES[name]
    least, most = search.min_resources, search.max_resources
    assert search.n_candidates_ == [4, 2]
    assert search.n_resources_ == [least, most]
    assert search.cv_results_["n_resources"].tolist() == [least] * 4 + [most] * 2
    if resource != "n_samples":
        assert search.best_params_[resource] == search.best_estimator_.get_params()[resource] == most


def test_halving_over_epochs_runs_that_many_epochs():
    machine, step, stack, network = (
        serial(f"epochs of {what}").best_estimator_
        for what in ("a machine", "a step", "pre-training", "fine-tuning")
    )
    assert machine.n_iter_ == step["rbm"].n_iter_ == stack.rbms_[0].n_iter_ == network.n_iter_ == 4


def test_the_last_round_of_halving_is_a_search_over_those_that_are_left():
    halved = serial("epochs of fine-tuning").cv_results_
    left = halved["iter"] == 1
    sizes = [params["hidden_layer_sizes"] for params in np.array(halved["params"])[left]]
    # A fit knows nothing of earlier rounds: it is the one that such a network gets anywhere.
    grid = GridSearchCV(dbn().set_params(max_iter=4), {"hidden_layer_sizes": sizes}, cv=2).fit(X, Y)
    assert_same_state(halved["mean_test_score"][left], grid.cv_results_["mean_test_score"])


def test_the_epochs_of_a_machine_that_is_not_there_are_no_resource():
    search = halving(DBNClassifier(), {"hidden_layer_sizes": SIZES}, "rbm__n_iter")
    with pytest.raises(ValueError, match="resource=rbm__n_iter which is not supported by .* DBNClassifier"):
        search.fit(X, Y)


# -- Optuna ---------------------------------------------------------------------------------------


@pytest.fixture
def optuna():
    optuna = pytest.importorskip("optuna", reason="searches by Optuna")
    pytest.importorskip("optuna_integration", reason="OptunaSearchCV")
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield optuna
    optuna.logging.set_verbosity(before)


def space():
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    return {
        "learning_rate__start": FloatDistribution(1e-3, 1e-1, log=True),
        "rbm__n_iter": IntDistribution(1, 3),
        "optimizer": CategoricalDistribution(["rmsprop", "adam"]),
    }


def searched_by_optuna(optuna, storage=None, seed=0):
    from optuna_integration import OptunaSearchCV

    study = optuna.create_study(
        study_name="search",
        storage=storage,
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(n_startup_trials=3, seed=seed),
    )
    return OptunaSearchCV(dbn(), space(), cv=2, n_trials=6, study=study, random_state=0).fit(X, Y)


def test_optuna_finds_parameters_of_the_space_and_the_same_twice(optuna):
    first, second = (searched_by_optuna(optuna) for _ in range(2))
    assert [trial.params for trial in first.trials_] == [trial.params for trial in second.trials_]
    assert [trial.value for trial in first.trials_] == [trial.value for trial in second.trials_]
    for trial in first.trials_:
        assert 1e-3 <= trial.params["learning_rate__start"] <= 1e-1
        assert trial.params["rbm__n_iter"] in (1, 2, 3)
        assert trial.params["optimizer"] in ("rmsprop", "adam")
    assert first.best_score_ == max(trial.value for trial in first.trials_) > 0.5
    assert len({trial.value for trial in first.trials_}) > 1


def test_scores_of_optuna_are_those_of_cross_validation(optuna):
    search = searched_by_optuna(optuna)
    chosen = GridSearchCV(dbn(), {name: [value] for name, value in search.best_params_.items()}, cv=2)
    chosen.fit(X, Y)
    assert search.best_score_ == pytest.approx(chosen.best_score_, rel=1e-12)  # means of the same scores
    np.testing.assert_array_equal(search.predict_proba(X), chosen.predict_proba(X))


def search_with_others(path, seed):
    import optuna
    from optuna.storages import JournalStorage, journal

    storage = JournalStorage(journal.JournalFileBackend(path))
    return len(searched_by_optuna(optuna, storage, seed).trials_)


def test_processes_that_share_a_storage_of_optuna_share_a_search(optuna, tmp_path):
    path = str(tmp_path / "search.log")
    with parallel_config("loky", n_jobs=N_WORKERS):
        Parallel()(delayed(search_with_others)(path, seed) for seed in range(N_WORKERS))
    assert search_with_others(path, seed=N_WORKERS) == 6 * (N_WORKERS + 1)
