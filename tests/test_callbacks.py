"""Callbacks see every phase of a fit, may stop it, and are torn down whatever happens."""

import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn._sklearn_compat import import_callback
from skdbn.callbacks import Checkpoint, EarlyStopping
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD

CLASSES = [DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer]
has_callbacks = pytest.mark.skipif(
    import_callback() is None, reason="scikit-learn has callbacks from 1.9 on"
)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of few epochs


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return (X[:200] / 16).astype(np.float32), y[:200]


def small(cls, n_epochs=3, **parameters):
    """An estimator of two RBMs, or one, of two epochs each, and as many of fine-tuning as asked for."""
    if cls is RBMTransformer:
        return cls(5, n_iter=n_epochs, random_state=0, **parameters)
    if cls is RBMClassifier:
        return cls(5, max_iter=n_epochs, random_state=0, **parameters)
    parameters.setdefault("rbm", RBMTransformer(n_iter=2))
    if cls is DBNTransformer:
        parameters.setdefault("fine_tuning", "reconstruction")
    return cls((5, 4), max_iter=n_epochs, random_state=0, **parameters)


class Recorder:
    """Notes the hooks that are called, and the names of the tasks from the whole fit down."""

    def __init__(self, stop_at=None, fail_at=None):
        self.calls, self.shown = [], []
        self.stop_at, self.fail_at = stop_at, fail_at

    def setup(self, estimator, context):
        self.calls.append(("setup", names(context)))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", names(context)))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", names(context)))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        self.calls.append(("end", names(context)))
        self.shown.append((names(context), X, y, metadata, fitted_estimator))
        if self.fail_at == len(self.ended()):
            raise RuntimeError("stopped on purpose")
        return self.stop_at is not None and len(self.ended()) >= self.stop_at

    def ended(self, name="epoch"):
        return [path for hook, path in self.calls if hook == "end" and path.endswith(name)]


class PropagatedRecorder(Recorder):
    max_propagation_depth = None


def names(context):
    path = []
    while context is not None:
        path.append(context.source_task_name or context.task_name)
        context = context.parent
    return "/".join(reversed(path))


# -- what callbacks see ----------------------------------------------------------------------------


@has_callbacks
def test_the_tree_of_an_rbm_has_an_epoch_for_each_pass(digits):
    recorder = Recorder()
    small(RBMTransformer).set_callbacks(recorder).fit(digits[0])
    epochs = [("begin", "fit/epoch"), ("end", "fit/epoch")] * 3
    whole = [("setup", "fit"), ("begin", "fit"), *epochs, ("end", "fit"), ("teardown", "fit")]
    assert recorder.calls == whole


@has_callbacks
@pytest.mark.parametrize("cls", [DBNClassifier, DBNRegressor, DBNTransformer])
def test_the_tree_of_a_dbn_has_its_phases_layers_and_epochs(cls, digits):
    recorder = PropagatedRecorder()
    small(cls).set_callbacks(recorder).fit(*digits)
    layers = [f"fit/pre-training/layer {number}" for number in (1, 2)]
    ends = [path for layer in layers for path in (f"{layer}/epoch", f"{layer}/epoch", layer)]
    ends += ["fit/pre-training", *["fit/fine-tuning/epoch"] * 3, "fit/fine-tuning", "fit"]
    assert [path for hook, path in recorder.calls if hook == "end"] == ends
    begins = [path for hook, path in recorder.calls if hook == "begin"]
    assert sorted(begins) == sorted(ends)


@has_callbacks
def test_up_down_shows_the_top_machine_among_the_layers(digits):
    recorder = PropagatedRecorder()
    small(DBNClassifier, fine_tuning="up-down").set_callbacks(recorder).fit(*digits)
    assert recorder.ended("layer 2") == ["fit/pre-training/layer 2"]
    assert recorder.ended() == [
        *["fit/pre-training/layer 1/epoch"] * 2,
        *["fit/pre-training/layer 2/epoch"] * 2,
        *["fit/fine-tuning/epoch"] * 3,
    ]


@has_callbacks
def test_a_stack_without_fine_tuning_has_one_phase(digits):
    recorder = PropagatedRecorder()
    stack = small(DBNTransformer, fine_tuning=None).set_callbacks(recorder).fit(digits[0])
    assert recorder.ended("fine-tuning") == []
    recorder.calls.clear()
    stack.set_params(warm_start=True).fit(digits[0])
    assert len(recorder.ended()) == 4
    assert recorder.calls[-1] == ("teardown", "fit")


@has_callbacks
def test_without_pretraining_there_is_no_such_phase(digits):
    recorder = PropagatedRecorder()
    small(DBNClassifier, pretrain=False).set_callbacks(recorder).fit(*digits)
    assert recorder.ended("pre-training") == []
    assert len(recorder.ended()) == 3


@has_callbacks
def test_epochs_of_the_output_layer_alone_are_counted_too(digits):
    recorder = Recorder()
    small(DBNClassifier, head_epochs=1).set_callbacks(recorder).fit(*digits)
    assert recorder.ended() == ["fit/fine-tuning/epoch"] * 3


@has_callbacks
@pytest.mark.parametrize("cls", CLASSES)
def test_partial_fit_calls_no_callback(cls, digits):
    recorder = PropagatedRecorder()
    model = small(cls).set_callbacks(recorder)
    model.partial_fit(*digits)
    assert recorder.calls == []


@has_callbacks
@pytest.mark.parametrize("cls", CLASSES)
def test_a_callback_can_use_the_estimator_as_it_stands(cls, digits):
    X, y = digits
    recorder = Recorder()
    model = small(cls).set_callbacks(recorder).fit(X, y)
    method = "predict" if hasattr(cls, "predict") else "transform"
    _, seen_X, seen_y, _, last = [shown for shown in recorder.shown if shown[0].endswith("epoch")][-1]
    assert_array_equal(seen_X, X)
    assert seen_y is None if cls in (DBNTransformer, RBMTransformer) else np.array_equal(seen_y, y)
    assert_array_equal(getattr(last, method)(X), getattr(model, method)(X))
    assert not hasattr(clone(last), "n_iter_")


@has_callbacks
def test_the_estimator_as_it_stands_is_that_of_a_shorter_fit(digits):
    class Weights(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                self.shown.append((fitted_estimator.components_.copy(), fitted_estimator.n_iter_))

    recorder = Weights()
    small(RBMTransformer, learning_rate=0.01).set_callbacks(recorder).fit(digits[0])
    for n_epochs in (1, 2, 3):
        shorter = small(RBMTransformer, n_epochs, learning_rate=0.01).fit(digits[0])
        weights, n_seen = recorder.shown[n_epochs - 1]
        assert_array_equal(weights, shorter.components_)
        assert n_seen == n_epochs


@has_callbacks
def test_weights_of_rows_and_names_of_columns_are_shown(digits):
    X, y = digits
    frame = pd.DataFrame(X, columns=[f"pixel{number}" for number in range(64)])
    recorder = Recorder()
    weights = np.ones(len(X))
    small(DBNClassifier).set_callbacks(recorder).fit(frame, y, sample_weight=weights)
    path, shown, _, metadata, fitted = recorder.shown[-1]
    assert path == "fit"
    assert shown is frame
    assert_array_equal(metadata["sample_weight"], weights)
    assert fitted.score(shown, y) > 0  # without a warning about names


@has_callbacks
def test_a_fit_without_callbacks_is_the_same_as_with_them(digits):
    X, y = digits
    one = small(DBNClassifier).fit(X, y)
    other = small(DBNClassifier).set_callbacks(PropagatedRecorder()).fit(X, y)
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))


# -- beginning and end -----------------------------------------------------------------------------


@has_callbacks
@pytest.mark.parametrize("cls", CLASSES)
def test_callbacks_are_torn_down_once_when_one_fails(cls, digits):
    recorder = PropagatedRecorder(fail_at=2)
    model = small(cls).set_callbacks(recorder)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(*digits)
    assert [hook for hook, _ in recorder.calls].count("setup") == 1
    assert [hook for hook, _ in recorder.calls].count("teardown") == 1
    assert vars(model) == before


@has_callbacks
def test_callbacks_are_torn_down_when_training_diverges(digits):
    recorder = PropagatedRecorder()
    rbm = RBMTransformer(optimizer=SGD(), learning_rate=1e300)
    with pytest.raises(DivergenceError):
        small(DBNClassifier, rbm=rbm).set_callbacks(recorder).fit(*digits)
    assert recorder.calls[-1] == ("teardown", "fit")


@has_callbacks
@pytest.mark.parametrize("cls", CLASSES)
def test_a_fit_leaves_nothing_but_the_callbacks_on_the_estimator(cls, digits):
    watched = small(cls).set_callbacks(Recorder()).fit(*digits)
    plain = small(cls).fit(*digits)
    assert set(vars(watched)) - set(vars(plain)) == {"_skl_callbacks"}
    for machine in getattr(watched, "rbms_", []):
        assert not any("callback" in name or name == "_journal" for name in vars(machine))


@has_callbacks
def test_callbacks_are_handed_on_by_clone_and_removed_by_an_empty_call(digits):
    stopping = EarlyStopping("loss")
    model = clone(small(DBNClassifier).set_callbacks(stopping))
    assert model._skl_callbacks == [stopping]
    assert "_skl_callbacks" not in vars(model.set_callbacks())


@has_callbacks
def test_what_is_not_a_callback_is_refused():
    with pytest.raises(TypeError, match="FitCallback"):
        RBMTransformer().set_callbacks(print)


def test_an_older_scikit_learn_is_named_with_the_cure(monkeypatch):
    monkeypatch.setattr("skdbn._callback_support.import_callback", lambda: None)
    with pytest.raises(ImportError, match=r"need scikit-learn 1.9 or newer, found .*: pip install -U"):
        RBMTransformer().set_callbacks(EarlyStopping())


@has_callbacks
def test_callbacks_of_the_prototype_see_each_layer(digits):
    recorder = Recorder()
    rbm = RBMTransformer(n_iter=2).set_callbacks(recorder)
    small(DBNClassifier, rbm=rbm).fit(*digits)
    assert recorder.ended() == ["fit/epoch"] * 4  # the DBN has no callbacks: two trees


# -- other people's callbacks and estimators -------------------------------------------------------


@has_callbacks
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rich
def test_progress_bars_name_the_layers(digits, capsys):
    pytest.importorskip("rich", reason="scikit-learn's ProgressBar draws with rich")
    from sklearn.callback import ProgressBar

    small(DBNClassifier).set_callbacks(ProgressBar()).fit(*digits)
    printed = capsys.readouterr().out
    for name in ("pre-training", "layer 1 | RBMTransformer", "layer 2 | RBMTransformer", "fine-tuning"):
        assert name in printed


@has_callbacks
@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bars_and_early_stopping_work_in_a_search(n_jobs, digits, capsys):
    pytest.importorskip("rich", reason="scikit-learn's ProgressBar draws with rich")
    from sklearn.callback import ProgressBar

    stopping = EarlyStopping("loss", patience=2, tol=0.1)
    dbn = small(DBNClassifier, n_epochs=60, learning_rate=0.003).set_callbacks(stopping)
    model = make_pipeline(StandardScaler(), dbn)
    search = GridSearchCV(model, {"dbnclassifier__learning_rate": [0.01, 0.02]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*digits)
    assert search.best_estimator_[-1].n_iter_ < 60
    printed = capsys.readouterr().out
    assert printed.count("fine-tuning") >= 5  # two candidates, two folds, and the refit
    assert stopping._standings == {}


@has_callbacks
def test_scores_are_monitored_inside_a_pipeline(digits):
    from sklearn.callback import ScoringMonitor

    X, y = digits
    monitor = ScoringMonitor(scoring="accuracy")
    model = make_pipeline(MinMaxScaler(), small(DBNClassifier).set_callbacks(monitor)).fit(X, y)
    scores = [entry["accuracy"] for entry in monitor.get_logs().data if "accuracy" in entry]
    assert_allclose(scores[-1], model.score(X, y))


# -- early stopping --------------------------------------------------------------------------------


def epochs_until_stop(values, patience, tol):
    """The rule of the docstring, for values that are the better the higher."""
    for t in range(1, len(values) + 1):
        last = range(t - patience, t)
        if t > patience and all(values[s] <= max(values[:s]) + tol for s in last):
            return t
    return len(values)


@has_callbacks
@pytest.mark.parametrize(("patience", "tol"), [(1, 0.0), (2, 1e-3), (3, 1e-2), (2, 0.05)])
def test_training_ends_where_the_rule_says(patience, tol, digits):
    X, _ = digits
    rbm = small(RBMTransformer, n_epochs=60, learning_rate=0.02)
    errors = clone(rbm).fit(X).history_["reconstruction_error"]
    stopping = EarlyStopping("reconstruction_error", patience=patience, tol=tol)
    stopped = rbm.set_callbacks(stopping).fit(X)
    expected = epochs_until_stop([-error for error in errors], patience, tol)
    assert 1 < expected < 60
    assert stopped.n_iter_ == expected
    assert stopped.history_["reconstruction_error"] == errors[:expected]


@has_callbacks
@pytest.mark.parametrize(
    ("cls", "monitor", "curve"),
    [
        (DBNClassifier, "loss", "loss_curve_"),
        (DBNRegressor, "loss", "loss_curve_"),
        (DBNTransformer, "loss", "loss_curve_"),
        (RBMClassifier, "loss", "loss_curve_"),
        (DBNClassifier, "validation_score", "validation_scores_"),
        (RBMClassifier, "validation_score", "validation_scores_"),
    ],
)
def test_networks_stop_by_the_curves_they_have(cls, monitor, curve, digits):
    X, y = digits
    held_out = {} if cls is DBNTransformer else {"X_val": X[:50], "y_val": y[:50]}
    model = small(cls, n_epochs=40, learning_rate=0.03)
    whole = clone(model).fit(X, y, **held_out)
    stopped = model.set_callbacks(EarlyStopping(monitor, patience=2, tol=0.02)).fit(X, y, **held_out)
    values = np.array(getattr(whole, curve))
    expected = epochs_until_stop(values if monitor == "validation_score" else -values, 2, 0.02)
    assert expected < 40
    assert stopped.n_iter_ == expected


@has_callbacks
def test_scorers_and_functions_judge_the_rows_they_are_given(digits):
    X, y = digits
    seen = []

    def monitor(estimator, X, y):
        seen.append((X.shape, y.shape, estimator.score(X, y)))
        return seen[-1][-1]

    rows = X[150:], y[150:]
    by_function = EarlyStopping(monitor, validation_data=rows, patience=2)
    by_name = EarlyStopping("accuracy", validation_data=rows, patience=2)
    by_score = EarlyStopping(validation_data=rows, patience=2)
    epochs = [
        small(DBNClassifier, n_epochs=40).set_callbacks(stopping).fit(X[:150], y[:150]).n_iter_
        for stopping in (by_function, by_name, by_score)
    ]
    assert set(epochs) == {len(seen)}
    assert epochs[0] == epochs_until_stop([score for *_, score in seen], 2, 1e-4)
    assert seen[0][:2] == ((50, 64), (50,))


@has_callbacks
def test_layers_are_judged_one_by_one_if_asked_for(digits):
    rbm = RBMTransformer(n_iter=60, learning_rate=0.02)
    stopping = EarlyStopping("reconstruction_error", patience=2, tol=1e-3, pretraining=True)
    model = small(DBNClassifier, n_epochs=5, rbm=rbm).set_callbacks(stopping).fit(*digits)
    whole = small(DBNClassifier, n_epochs=5, rbm=rbm).fit(*digits)
    errors = whole.rbms_[0].history_["reconstruction_error"]
    assert model.rbms_[0].n_iter_ == epochs_until_stop([-error for error in errors], 2, 1e-3) < 60
    assert len(model.rbms_[1].history_["reconstruction_error"]) < 60
    assert model.n_iter_ == 5


@has_callbacks
def test_one_object_judges_each_thread_for_itself(digits):
    X, _ = digits
    stopping = EarlyStopping("reconstruction_error", patience=2, tol=1e-3)
    models = [small(RBMTransformer, 60, learning_rate=rate) for rate in (0.005, 0.02, 0.05)]
    alone = [clone(model).set_callbacks(stopping).fit(X).n_iter_ for model in models]
    threads = [threading.Thread(target=m.set_callbacks(stopping).fit, args=(X,)) for m in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(alone)) > 1
    assert [model.n_iter_ for model in models] == alone
    assert stopping._standings == {}


def test_what_is_remembered_is_not_pickled():
    stopping = EarlyStopping("loss")
    stopping._standings["a"] = (1.0, 0)
    assert pickle.loads(pickle.dumps(stopping))._standings == {}
    assert stopping._standings


@has_callbacks
def test_an_unknown_monitor_is_named_with_those_there_are(digits):
    model = small(RBMTransformer).set_callbacks(EarlyStopping("reconstruction"))
    with pytest.raises(ValueError, match=r"'reconstruction'.*'learning_rate', 'reconstruction_error'"):
        model.fit(digits[0])


@has_callbacks
def test_a_score_of_rows_held_out_needs_such_rows(digits):
    model = small(DBNClassifier).set_callbacks(EarlyStopping("validation_score"))
    with pytest.raises(ValueError, match="give fit X_val and y_val"):
        model.fit(*digits)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"patience": 0}, "patience must be an integer >= 1"),
        ({"patience": True}, "patience must be an integer >= 1"),
        ({"tol": -1e-9}, "tol must be a number >= 0"),
        ({"tol": np.nan}, "tol must be a number >= 0"),
        ({"monitor": 3}, "give a name, a callable or None"),
    ],
)
def test_parameters_of_early_stopping_are_checked(parameters, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**parameters)


@pytest.mark.parametrize("every", [0, -1, 1.5, True])
def test_the_distance_of_checkpoints_is_checked(every):
    with pytest.raises(ValueError, match="every must be an integer >= 1"):
        Checkpoint("file.npz", every=every)
