"""Ctrl-C ends a fit, not what it has learned."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer, _training
from skdbn._sklearn_compat import import_callback
from skdbn.callbacks import Checkpoint
from skdbn.exceptions import DivergenceError
from skdbn.optimizers import SGD

RBM = RBMTransformer(n_iter=3)
MODELS = {
    "RBM": RBMTransformer(5, n_iter=4, random_state=0),
    "class RBM": RBMClassifier(5, max_iter=4, random_state=0),
    "classifier": DBNClassifier((5, 4), rbm=RBM, max_iter=4, random_state=0),
    "up-down": DBNClassifier((5, 4), rbm=RBM, max_iter=4, fine_tuning="up-down", random_state=0),
    "regressor": DBNRegressor((5, 4), rbm=RBM, max_iter=4, random_state=0),
    "stack": DBNTransformer((5, 4), rbm=RBM, random_state=0),
    "autoencoder": DBNTransformer(
        (5, 4), rbm=RBM, max_iter=4, fine_tuning="reconstruction", random_state=0
    ),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),  # of few epochs
    pytest.mark.filterwarnings("ignore:.*was interrupted in epoch:UserWarning"),
]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:100] / 16, y[:100]


@pytest.fixture
def interrupt_at(monkeypatch):
    """Function that makes the given step of a fit, counted over all its trainings, end by Ctrl-C."""

    def set_step(step):
        n_left = [step]
        decay_due = _training._decay_due

        def interrupted(*arguments):  # after the gradient, before the update
            n_left[0] -= 1
            if n_left[0] == 0:
                raise KeyboardInterrupt
            return decay_due(*arguments)

        monkeypatch.setattr(_training, "_decay_due", interrupted)

    return set_step


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("step", [1, 5, 25, 35, 45, 62])  # 10 steps an epoch
@pytest.mark.filterwarnings("ignore:X at training time spans")  # what a layer gives changes as it goes on
def test_an_interrupted_fit_leaves_an_estimator_that_can_be_used(name, step, digits, interrupt_at):
    X, y = digits
    interrupt_at(step)
    n_epochs = {"RBM": 4, "class RBM": 4, "stack": 6}.get(name, 10)
    if step > 10 * n_epochs:
        pytest.skip("the fit is over by then")
    fitted = clone(MODELS[name])
    with pytest.warns(
        UserWarning, match=r"was interrupted in epoch \d\. The estimator keeps what it has learned"
    ):
        fitted.fit(X, y)
    answer = fitted.predict(X) if hasattr(fitted, "predict") else fitted.transform(X)
    assert len(answer) == 100
    assert all(np.isfinite(array).all() for array in arrays_of(fitted))
    assert not hasattr(fitted, "_journal")
    fitted.partial_fit(X, y)  # goes on
    assert fitted.n_iter_ >= 1


def arrays_of(fitted):
    if hasattr(fitted, "components_"):
        return [fitted.components_, fitted.intercept_hidden_, fitted.intercept_visible_]
    return [*fitted.coefs_, *fitted.intercepts_]


def test_what_was_learned_until_then_is_kept(digits, interrupt_at):
    X, _ = digits
    rbm = RBMTransformer(5, n_iter=4, learning_rate=0.01, random_state=0)
    two_epochs = clone(rbm).set_params(n_iter=2).fit(X)
    interrupt_at(21)  # the first step of the third epoch
    with pytest.warns(UserWarning, match="Training was interrupted in epoch 3"):
        rbm.fit(X)
    assert_array_equal(rbm.components_, two_epochs.components_)
    assert rbm.n_iter_ == 2
    assert rbm.history_ == two_epochs.history_


def test_steps_of_the_epoch_that_was_interrupted_count(digits, interrupt_at):
    X, _ = digits
    rbm = RBMTransformer(5, n_iter=4, learning_rate=0.01, random_state=0)
    two_epochs = clone(rbm).set_params(n_iter=2).fit(X)
    interrupt_at(26)
    with pytest.warns(UserWarning, match="Training was interrupted in epoch 3"):
        rbm.fit(X)
    assert np.abs(rbm.components_ - two_epochs.components_).max() > 1e-3
    assert rbm.n_iter_ == 2


def test_a_warm_start_interrupted_at_once_keeps_the_history(digits, interrupt_at):
    X, _ = digits
    rbm = RBMTransformer(5, n_iter=2, warm_start=True, random_state=0).fit(X)
    before = {name: list(values) for name, values in rbm.history_.items()}
    interrupt_at(1)
    with pytest.warns(UserWarning, match="Training was interrupted in epoch 1"):
        rbm.fit(X)
    assert rbm.history_ == before
    assert rbm.n_iter_ == 2


def test_a_dbn_says_which_stage_and_trains_nothing_after_it(digits, interrupt_at):
    X, y = digits
    interrupt_at(15)
    with pytest.warns(
        UserWarning, match=r"Pretraining of layer 1 was interrupted in epoch 2\. .* not trained"
    ):
        dbn = clone(MODELS["classifier"]).fit(X, y)
    assert [machine.n_iter_ for machine in dbn.rbms_] == [1, 0]
    assert dbn.loss_curve_ == []
    assert dbn.n_iter_ == 0


@each_model
def test_an_interrupted_pass_leaves_the_estimator_as_it_was(model, digits, interrupt_at):
    X, y = digits
    fitted = clone(model).fit(X, y)
    before = [array.copy() for array in arrays_of(fitted)]
    interrupt_at(5)
    with pytest.raises(KeyboardInterrupt):
        fitted.partial_fit(X, y)
    for array, kept in zip(arrays_of(fitted), before, strict=True):
        assert_array_equal(array, kept)


def test_an_interruption_does_not_hide_that_training_diverged(digits, interrupt_at):
    X, _ = digits
    rbm = RBMTransformer(5, optimizer=SGD(), learning_rate=1e300, random_state=0)
    interrupt_at(5)
    with pytest.raises(DivergenceError, match="Training diverged at epoch 1"):
        rbm.fit(X)
    assert not hasattr(rbm, "components_")


@pytest.mark.skipif(import_callback() is None, reason="scikit-learn has callbacks from 1.9 on")
def test_a_checkpoint_is_that_of_the_last_whole_epoch(digits, interrupt_at, tmp_path):
    X, y = digits
    model, path = MODELS["classifier"], tmp_path / "fit.npz"
    whole = clone(model).fit(X, y)
    interrupt_at(45)
    interrupted = clone(model).set_callbacks(Checkpoint(path))
    with pytest.warns(UserWarning, match="Pretraining of layer 2 was interrupted in epoch 2"):
        interrupted.fit(X, y)
    interrupt_at(10**9)
    went_on = clone(model).fit(X, y, resume_from=path)
    for one, other in zip(arrays_of(went_on), arrays_of(whole), strict=True):
        assert_array_equal(one, other)


PROGRAM = """
    import io, os, signal, sys, threading
    import numpy as np
    from skdbn import DBNClassifier

    class Watched(io.StringIO):
        # The line of the first epoch says that the training has begun.
        def write(self, text):
            if not self.tell():
                threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            return super().write(text)

    X = np.random.default_rng(0).random((300, 20))
    y = np.arange(300) % 3
    dbn = DBNClassifier(
        (30,), max_iter=10**6, pretrain=False, learning_rate=1e-4, n_iter_no_change=10**6, verbose=1
    )
    stdout, sys.stdout = sys.stdout, Watched()
    dbn.fit(X, y)
    sys.stdout = stdout
    assert 0 < dbn.n_iter_ < 10**6
    print("score", dbn.score(X, y))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole group of processes")
def test_a_real_signal_ends_the_fit():
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "Fine-tuning was interrupted in epoch" in ended.stderr
    assert "score 0." in ended.stdout
