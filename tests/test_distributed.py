"""Several processes that train one model: as one process would, and the same in each."""

import sys

import numpy as np
import pytest
from parallel_fits import fitted_by, pretend_mpi4py
from sklearn.base import clone
from sklearn.datasets import load_digits

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn._rows import Rows, weighted_moments
from skdbn._sklearn_compat import import_callback
from skdbn._team import Team, current_team, training_in
from skdbn.callbacks import Checkpoint
from skdbn.distributed import data_parallel
from skdbn.samplers import PCD, FastPCD, MeanField, ParallelTempering, States
from skdbn.samplers._base import equal_weights
from skdbn.units import Gaussian

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of few epochs

N_ROWS = 61


class ChainsOfMeans(PCD):
    """Chains that are all the same, and follow the means: however many there are, the model term is one."""

    draws = False

    def start(self, machine, batch_size, rng):
        v = machine.visible.mean(np.tile(machine.parameters.visible_bias, (self.n_rows(batch_size), 1)))
        return machine.mean_h_from_v(v)

    def advance(self, machine, data, chains, rng, out):
        visible, hidden_mean = (array[: len(chains)] for array in out)
        machine.mean_v_from_h(chains, out=visible)
        chains[:] = machine.mean_h_from_v(visible, out=hidden_mean)
        return States(visible, hidden_mean, equal_weights(len(chains), visible.dtype))


# Nothing is drawn but first weights, and there is one batch: several processes find what one finds.
WHOLE = {"batch_size": None, "optimizer": "sgd", "learning_rate": 0.05, "random_state": 0}
RBM = RBMTransformer(sampler=MeanField(), n_iter=4, **WHOLE)
NETWORK = {"rbm": RBM, "max_iter": 4, "input_dropout": 0.0, **WHOLE}
EXACT = {
    "RBM": clone(RBM).set_params(n_components=7),
    "RBM, offsets of the model": clone(RBM).set_params(n_components=7, centered="model"),
    "RBM, offsets of both": clone(RBM).set_params(n_components=7, centered="average", sparsity=0.1),
    "RBM, not centred": clone(RBM).set_params(n_components=7, centered=False),
    "RBM, chains": clone(RBM).set_params(n_components=7, sampler=ChainsOfMeans()),
    "RBM, learned scales": clone(RBM).set_params(n_components=7, visible=Gaussian(scale="learned")),
    "RBM, by RMSProp": clone(RBM).set_params(n_components=7, optimizer="rmsprop"),
    "classifier": DBNClassifier((7, 5), dropout=0.0, **NETWORK),
    "classifier, balanced": DBNClassifier((7, 5), dropout=0.0, class_weight="balanced", **NETWORK),
    "classifier, few labels": DBNClassifier((7, 5), dropout=0.0, unlabeled=3, **NETWORK),
    "plain classifier": DBNClassifier((7, 5), dropout=0.0, pretrain=False, **NETWORK),
    "regressor": DBNRegressor((7, 5), dropout=0.0, **NETWORK),
    "stack": DBNTransformer((7, 5), rbm=RBM, random_state=0),
    "autoencoder": DBNTransformer((7, 5), fine_tuning="reconstruction", **NETWORK),
    "plain autoencoder": DBNTransformer(
        (7, 5), fine_tuning="reconstruction", pretrain=False, early_stopping=False, **NETWORK
    ),
    "class RBM": RBMClassifier(7, sampler=MeanField(), max_iter=4, class_weight="balanced", **WHOLE),
    "class RBM, hybrid": RBMClassifier(
        7, sampler=MeanField(), max_iter=4, objective="hybrid", visible="gaussian", sparsity=0.1, **WHOLE
    ),
    "class RBM, chains": RBMClassifier(7, sampler=ChainsOfMeans(), max_iter=4, unlabeled=3, **WHOLE),
    "class RBM, few labels": RBMClassifier(7, sampler=MeanField(), max_iter=4, unlabeled=3, **WHOLE),
}
RBM_OF_DRAWS = RBMTransformer(n_iter=3)
OF_DRAWS = {
    "PCD": RBMTransformer(7, n_iter=4),
    "CD": RBMTransformer(7, n_iter=4, sampler="cd"),
    "fast weights": RBMTransformer(7, n_iter=4, sampler=FastPCD()),
    "tempering": RBMTransformer(7, n_iter=4, sampler=ParallelTempering(n_temperatures=3)),
    "dropout": DBNClassifier((7, 5), rbm=RBM_OF_DRAWS, max_iter=4, dropout=0.5, early_stopping=True),
    "regressor": DBNRegressor((7, 5), rbm=RBM_OF_DRAWS, max_iter=4, early_stopping=True),
    "up-down": DBNClassifier(
        (7, 5), rbm=RBM_OF_DRAWS, max_iter=4, fine_tuning="up-down", discriminative_weight=1.0
    ),
    "autoencoder": DBNTransformer((7, 5), rbm=RBM_OF_DRAWS, max_iter=4, fine_tuning="reconstruction"),
    "class RBM": RBMClassifier(7, max_iter=4, unlabeled=3),
}
SHARDS = {
    "halves": [slice(0, 30), slice(30, N_ROWS)],
    "uneven": [slice(0, 5), slice(5, 40), slice(40, N_ROWS)],
    "an empty one": [slice(0, 0), slice(0, 37), slice(37, N_ROWS), slice(0, 0)],
}
each_exact = pytest.mark.parametrize("model", EXACT.values(), ids=EXACT)
each_of_draws = pytest.mark.parametrize("model", OF_DRAWS.values(), ids=OF_DRAWS)
each_shard = pytest.mark.parametrize("shards", SHARDS.values(), ids=SHARDS)


@pytest.fixture(autouse=True)
def _mpi4py(monkeypatch):
    pretend_mpi4py(monkeypatch)


@pytest.fixture(scope="module")
def data():
    X, y = load_digits(return_X_y=True)
    weight = np.random.default_rng(0).uniform(0.5, 2, N_ROWS)
    weight[[3, 44]] = 0.0
    return X[:N_ROWS] / 16, y[:N_ROWS], weight


def fit(model, X, y, weight, **options):
    model = clone(model)
    if isinstance(model, (RBMTransformer, DBNTransformer)):
        return model.fit(X, sample_weight=weight, **options)
    y = y.astype(float) if isinstance(model, DBNRegressor) else y
    return model.fit(X, y, sample_weight=weight, **options)


def parameters(model):
    if isinstance(model, (RBMTransformer, RBMClassifier)):
        names = "components_", "intercept_hidden_", "intercept_visible_"
        labels = ("label_components_", "intercept_label_") if isinstance(model, RBMClassifier) else ()
        return [getattr(model, name) for name in (*names, *labels)]
    return [*model.coefs_, *model.intercepts_]


def measured(model):
    """Return what a fit leaves beside its parameters, for comparison."""
    names = "loss_curve_", "validation_scores_", "n_iter_", "_fitted_range", "history_", "classes_"
    return {name: getattr(model, name) for name in names if hasattr(model, name)}


# -- one model -------------------------------------------------------------------------------------


@each_shard
@each_exact
def test_processes_with_one_batch_and_without_draws_find_what_one_process_finds(model, shards, data):
    alone = fit(model, *data)
    together = fitted_by(len(shards), lambda rank: fit(model, *(array[shards[rank]] for array in data)))
    # RMSProp turns rounding of gradients near 0 into steps.
    tolerance = 1e-5 if model.optimizer == "rmsprop" else 1e-9
    for array, expected in zip(parameters(together[0]), parameters(alone), strict=True):
        np.testing.assert_allclose(array, expected, rtol=tolerance, atol=tolerance)
    if not isinstance(model, RBMTransformer):  # its error is of some rows only
        np.testing.assert_allclose(together[0].loss_curve_, alone.loss_curve_, rtol=1e-9)


@each_shard
@each_of_draws
def test_every_process_holds_the_same_model_to_the_last_bit(model, shards, data):
    model = clone(model).set_params(random_state=0)
    together = fitted_by(len(shards), lambda rank: fit(model, *(array[shards[rank]] for array in data)))
    for other in together[1:]:
        for array, expected in zip(parameters(other), parameters(together[0]), strict=True):
            np.testing.assert_array_equal(array, expected)
        np.testing.assert_equal(measured(other), measured(together[0]))


def test_validation_scores_are_those_of_all_rows(data):
    X, y, weight = data
    shards = SHARDS["an empty one"]

    def fit_part(rank):
        rows = shards[rank]
        held_out = {"X_val": X[rows], "y_val": y[rows], "sample_weight_val": weight[rows]}
        return fit(EXACT["classifier"], X[rows], y[rows], weight[rows], **held_out)

    alone = fit(EXACT["classifier"], *data, X_val=X, y_val=y, sample_weight_val=weight)
    for together in fitted_by(len(shards), fit_part):
        np.testing.assert_allclose(together.validation_scores_, alone.validation_scores_, rtol=1e-12)
    held_out = {"X_val": X, "y_val": y.astype(float), "sample_weight_val": weight}
    alone = fit(EXACT["regressor"], *data, **held_out)

    def fit_regressor(rank):
        part = {name: array[shards[rank]] for name, array in held_out.items()}
        return fit(EXACT["regressor"], *(array[shards[rank]] for array in data), **part)

    for together in fitted_by(len(shards), fit_regressor):
        np.testing.assert_allclose(together.validation_scores_, alone.validation_scores_, rtol=1e-9)


def test_the_free_energy_gap_is_that_of_the_held_out_rows_of_all(data):
    X, _, _ = data
    alone = clone(EXACT["RBM"]).fit(X[:40], X_val=X[40:])
    parts = [(slice(0, 30), slice(40, 45)), (slice(30, 40), slice(45, N_ROWS))]
    together = fitted_by(
        2, lambda rank: clone(EXACT["RBM"]).fit(X[parts[rank][0]], X_val=X[parts[rank][1]])
    )
    for name, values in alone.history_.items():
        np.testing.assert_allclose(together[0].history_[name], values, rtol=1e-9, err_msg=name)


def test_chunks_train_as_they_do_in_one_process(data):
    X, y, _ = data
    model = EXACT["classifier"]
    alone, chunks = clone(model), [slice(0, 30), slice(30, N_ROWS)]
    for chunk in chunks:
        alone.partial_fit(X[chunk], y[chunk], classes=np.arange(10))

    def train(rank):
        estimator = clone(model)
        for chunk in chunks:
            estimator.partial_fit(X[chunk][rank::2], y[chunk][rank::2], classes=np.arange(10))
        return estimator

    for together in fitted_by(2, train):
        for array, expected in zip(parameters(together), parameters(alone), strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-9)


def test_processes_reach_the_likelihood_that_one_process_reaches():
    rng = np.random.default_rng(0)
    X = (rng.random((400, 8)) < np.where(rng.random((400, 1)) < 0.5, 0.85, 0.15)).astype(float)
    model = RBMTransformer(6, n_iter=60, batch_size=20, sampler=PCD(n_chains=100))

    def likelihood(rbm):
        return float(-rbm.free_energy(X).mean() - rbm.log_partition(method="exact").value)

    seeds = range(3)
    alone = [likelihood(clone(model).set_params(random_state=seed).fit(X)) for seed in seeds]
    together = [
        likelihood(
            fitted_by(
                4, lambda rank, seed=seed: clone(model).set_params(random_state=seed).fit(X[rank::4])
            )[0]
        )
        for seed in seeds
    ]
    spread = np.std(alone + together)
    assert spread < 0.05
    assert abs(np.mean(together) - np.mean(alone)) < 0.05


# -- its parts -------------------------------------------------------------------------------------


def test_means_and_spreads_are_those_of_all_rows(data):
    X, _, weight = data
    expected = weighted_moments(X, weight)
    for shards in SHARDS.values():
        for moments in fitted_by(
            len(shards), lambda rank, shards=shards: weighted_moments(X[shards[rank]], weight[shards[rank]])
        ):
            np.testing.assert_allclose(moments, expected, rtol=1e-12, atol=1e-15)


@each_shard
def test_batches_have_every_row_once_and_weights_that_sum_to_one_over_all(shards, data):
    X, _, weight = data
    numbers = np.arange(N_ROWS)

    def batches(rank):
        rows = Rows(X[shards[rank]], numbers[shards[rank]], weight[shards[rank]] + 0.1)
        return rows.n_batches(10), [
            (batch.targets.copy(), batch.weights, batch.total_weight, batch.share)
            for batch in rows.batches(10, np.random.default_rng(rank))
        ]

    results = fitted_by(len(shards), batches)
    assert [n for n, _ in results] == [7] * len(shards)
    assert sorted(np.concatenate([t for _, parts in results for t, *_ in parts])) == numbers.tolist()
    mean_weight = (weight + 0.1).mean()
    for parts in zip(*(parts for _, parts in results), strict=True):
        rows = np.concatenate([targets for targets, *_ in parts])
        assert len(rows) in (8, 9)  # 61 rows in 7 batches
        total = (weight[rows] + 0.1).sum()
        np.testing.assert_allclose(sum(w.sum() for _, w, *_ in parts), 1, rtol=1e-12)
        for targets, weights, total_weight, share in parts:
            np.testing.assert_allclose(weights, (weight[targets] + 0.1) / total, rtol=1e-12)
            np.testing.assert_allclose(total_weight, total, rtol=1e-12)
            np.testing.assert_allclose(share, total / len(rows) / mean_weight, rtol=1e-12)


def test_no_batch_is_empty_where_each_process_has_fewer_rows_than_there_are_batches(data):
    X, _, _ = data

    def sizes(rank):
        rows = Rows(X[rank : rank + 2])
        return [len(batch.weights) for batch in rows.batches(1, np.random.default_rng(rank))]

    assert np.sum(fitted_by(3, sizes), axis=0).tolist() == [1] * 6
    model = clone(EXACT["RBM"]).set_params(batch_size=1)
    assert np.isfinite(fitted_by(3, lambda rank: clone(model).fit(X[rank : rank + 2]))[0].components_).all()


def test_chains_are_shared_out_and_drawn_by_each_process_for_itself(data):
    X, _, _ = data
    model = RBMTransformer(7, n_iter=2, sampler=PCD(n_chains=50), random_state=0)
    together = fitted_by(3, lambda rank: clone(model).fit(X[rank::3]))
    chains = [rbm._training.chains for rbm in together]
    assert [len(each) for each in chains] == [17, 17, 17]
    assert not np.array_equal(chains[0], chains[1])


def test_a_process_alone_trains_as_it_would_without_the_context(data):
    class One:
        def Get_size(self):  # noqa: N802 - MPI's name
            return 1

    expected = fit(OF_DRAWS["PCD"].set_params(random_state=0), *data)
    with data_parallel(One()):
        assert type(current_team()) is Team
        together = fit(OF_DRAWS["PCD"].set_params(random_state=0), *data)
    np.testing.assert_array_equal(together.components_, expected.components_)


def test_a_fitted_model_answers_without_the_others(data):
    X, y, weight = data

    def answer(rank):
        model = fit(EXACT["classifier"], X[rank::2], y[rank::2], weight[rank::2])
        # Only one of them asks: nobody waits for the other.
        return model.predict_proba(X) if rank == 0 else None

    of_first, of_second = fitted_by(2, answer)
    assert of_first.shape == (N_ROWS, 10)
    assert of_second is None


def test_only_the_first_process_prints(data, capsys):
    X, _, _ = data
    model = RBMTransformer(7, n_iter=2, verbose=1, random_state=0)
    fitted_by(2, lambda rank: clone(model).fit(X[rank::2]))
    assert capsys.readouterr().out.count("epoch 1/2") == 1


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_second", "message"),
    [
        ({"n_components": 8}, "n_components is 7 in rank 0, but 8 in rank 1"),
        ({"X": np.zeros((9, 63))}, "number of columns is 64 in rank 0, but 63 in rank 1"),
        (
            {"X": np.zeros((9, 64), np.float32)},
            "dtype of X is 'float64' in rank 0, but 'float32' in rank 1",
        ),
        ({"X_val": np.zeros((9, 64))}, "X_val is 'not given' in rank 0, but 'given' in rank 1"),
    ],
    ids=["parameters", "columns", "dtypes", "held-out rows"],
)
def test_processes_that_do_not_train_the_same_are_told_so(of_second, message, data, capfd):
    def train(rank):
        options = dict(of_second) if rank else {}
        X = options.pop("X", data[0][rank::2])
        held_out = {"X_val": options.pop("X_val")} if "X_val" in options else {}
        return clone(EXACT["RBM"]).set_params(**options).fit(X, **held_out)

    with pytest.raises(ValueError, match=f"The processes do not train the same: {message}"):
        fitted_by(2, train)
    assert "of 2 failed and ends all of them" in capfd.readouterr().err


def test_no_rows_at_all_are_told(data):
    with pytest.raises(ValueError, match="Found no row of positive weight in any of the 2 processes"):
        fitted_by(2, lambda rank: clone(EXACT["RBM"]).fit(data[0][:0]))


def test_no_labels_at_all_are_told(data):
    X, y, _ = data
    model = EXACT["classifier, few labels"]
    with pytest.raises(ValueError, match="No row has a label: all of y equals unlabeled=3"):
        fitted_by(2, lambda rank: clone(model).fit(X[rank::2], np.full_like(y[rank::2], 3)))


def test_an_error_of_one_process_ends_all_of_them(data, capfd):
    def train(rank):
        X = data[0][rank::3].copy()
        X[0, 0] = np.nan if rank == 2 else X[0, 0]
        return clone(EXACT["RBM"]).fit(X)

    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted_by(3, train)
    error = capfd.readouterr().err
    assert "Input X contains NaN" in error
    assert "Process 2 of 3 failed and ends all of them." in error


def test_parameters_that_differ_are_found_at_the_end(data, monkeypatch):
    def sums_of_one(self, *arrays):
        if self.rank == 0:
            for array in arrays:
                array += 1e-9

    from skdbn._team import MPITeam

    monkeypatch.setattr(MPITeam, "sum", sums_of_one)
    with pytest.raises(RuntimeError, match="The processes have come to different parameters"):
        fitted_by(2, lambda rank: clone(EXACT["RBM"]).fit(data[0]))


def test_checkpoints_are_refused(data, tmp_path):
    model, path = EXACT["RBM"], tmp_path / "fit.npz"
    message = "Checkpoint and resume_from are for a fit by one process"
    with pytest.raises(ValueError, match=message):
        fitted_by(2, lambda rank: clone(model).fit(data[0], resume_from=path))
    if import_callback() is not None:  # scikit-learn has callbacks from 1.9 on
        with pytest.raises(ValueError, match=message):
            fitted_by(2, lambda rank: clone(model).set_callbacks(Checkpoint(path)).fit(data[0]))
    assert not list(tmp_path.iterdir())


def test_without_mpi4py_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with (
        pytest.raises(ImportError, match="data_parallel needs MPI: pip install mpi4py mpich"),
        data_parallel(),
    ):
        pass


def test_the_team_of_a_context_is_that_of_its_thread():
    team = Team()
    with training_in(team):
        assert current_team() is team
    assert current_team() is not team
