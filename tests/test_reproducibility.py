"""The same answer every time: of one seed, on any number of threads, in any version."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from same_state import assert_same_state
from sklearn.base import clone
from threadpoolctl import threadpool_info, threadpool_limits

from skdbn import DBNClassifier, DBNRegressor, DBNTransformer, RBMClassifier, RBMTransformer
from skdbn.samplers import CD, MeanField, ParallelTempering

RBM = RBMTransformer(n_iter=2)
MODELS = {
    "RBM": RBMTransformer(6, n_iter=2),
    "RBM, CD": RBMTransformer(6, sampler=CD(), n_iter=2),
    "RBM, mean field": RBMTransformer(6, sampler=MeanField(), n_iter=2),
    "RBM, tempering": RBMTransformer(6, sampler=ParallelTempering(), n_iter=2),
    "RBM, Gaussian": RBMTransformer(6, visible="gaussian", n_iter=2),
    "RBM, ReLU": RBMTransformer(6, hidden="relu", n_iter=2),
    "class RBM": RBMClassifier(6, max_iter=2),
    "classifier": DBNClassifier((6, 5), rbm=RBM, max_iter=2, dropout=0.2),
    "classifier, up-down": DBNClassifier((6, 5), rbm=RBM, max_iter=2, fine_tuning="up-down"),
    "regressor": DBNRegressor((6, 5), rbm=RBM, max_iter=2),
    "stack": DBNTransformer((6, 5), rbm=RBM),
    "autoencoder": DBNTransformer((6, 5), rbm=RBM, fine_tuning="reconstruction", max_iter=2),
}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of few epochs


def table_rows():
    """Rows without a generator of numpy, whose draws could change from version to version."""
    X = (np.arange(60)[:, np.newaxis] * np.sqrt([2, 3, 5, 7, 11, 13, 17, 19, 23])) % 1
    return X, (X[:, 0] > 0.5).astype(int)


def fit(model, random_state, rows=None):
    return clone(model).set_params(random_state=random_state).fit(*(rows or table_rows()))


def learned(model):
    """Return the arrays of numbers that training has set, by name."""
    found = {}

    def collect(value, name):
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            found[name] = value
        elif isinstance(value, (list, tuple)):
            for number, item in enumerate(value):
                collect(item, f"{name}[{number}]")
        elif isinstance(value, RBMTransformer):
            collect_attributes(value, name)

    def collect_attributes(estimator, prefix=""):
        for name, value in sorted(vars(estimator).items()):
            if name.endswith("_") and not name.startswith("_") and name != "history_":
                collect(value, f"{prefix}.{name}")

    collect_attributes(model)
    return found


@each_model
def test_one_seed_decides_everything(model):
    assert_same_state(fit(model, 3), fit(model, 3))


@each_model
def test_other_seeds_and_none_give_other_models(model):
    one, other, first, second = (learned(fit(model, seed)) for seed in (3, 4, None, None))
    for left, right in [(one, other), (first, second), (one, first)]:
        assert any(not np.array_equal(left[name], right[name]) for name in left)


@each_model
def test_a_random_state_object_is_used_up_by_a_fit_and_gives_the_same_from_the_same_state(model):
    generator, twin = np.random.RandomState(5), np.random.RandomState(5)
    first, second = fit(model, generator), fit(model, generator)
    assert_same_state(learned(first), learned(fit(model, twin)))
    assert_same_state(learned(second), learned(fit(model, twin)))
    assert any(not np.array_equal(a, learned(second)[name]) for name, a in learned(first).items())
    assert_same_state(generator.get_state(legacy=False), twin.get_state(legacy=False))


# -- threads of BLAS ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fit_on_threads():
    """Function that fits models whose matrix products are large enough for several threads."""
    rng = np.random.default_rng(0)
    X = rng.random((200, 400))
    rbm = RBMTransformer(300, batch_size=100, n_iter=1)
    stack = DBNClassifier((300, 300), rbm=rbm, batch_size=100, max_iter=1, random_state=0)

    def fit_both(n_threads):
        with threadpool_limits(n_threads, user_api="blas"):
            limits = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
            if limits != {n_threads}:
                pytest.skip("threadpoolctl does not set the threads of this BLAS")
            return [fit(model, 0, (X, (X[:, 0] > 0.5).astype(int))) for model in (rbm, stack)]

    return fit_both


@pytest.mark.parametrize("n_threads", [1, 2])
def test_the_same_number_of_threads_gives_the_same_bits(fit_on_threads, n_threads):
    assert_same_state(fit_on_threads(n_threads), fit_on_threads(n_threads))


def test_one_and_two_threads_agree_up_to_rounding(fit_on_threads):
    for one, two in zip(fit_on_threads(1), fit_on_threads(2), strict=True):
        one, two = learned(one), learned(two)
        for name in one:
            # RMSProp divides by the size of the gradient: where an element of it is a millionth of the
            # others, so are its correct digits. A draw that turned out otherwise would show in the third.
            assert_allclose(two[name], one[name], rtol=0, atol=1e-8, err_msg=name)


# -- versions -------------------------------------------------------------------------------------

DIGESTS = json.loads(Path(__file__).with_name("digests.json").read_text())


def digest(array):
    """Return two numbers that hardly any change of an array leaves alone, and rounding does."""
    values = array.ravel()
    return [float(np.abs(values).mean()), float(values @ np.cos(np.arange(values.size)))]


def digests(model, seed):
    return {name: digest(array) for name, array in learned(fit(model, seed)).items()}


def all_digests():
    return {name: {str(seed): digests(model, seed) for seed in (0, 1)} for name, model in MODELS.items()}


def test_the_table_of_digests_has_each_model():
    assert DIGESTS.keys() == MODELS.keys()


@pytest.mark.parametrize("seed", ["0", "1"])
@pytest.mark.parametrize("name", MODELS)
def test_models_are_those_of_the_version_before(name, seed):
    """If a change is meant, name it under "Changed models" in CHANGELOG.md; see the end of this file."""
    expected, found = DIGESTS[name][seed], digests(MODELS[name], int(seed))
    assert found.keys() == expected.keys()
    for array in found:
        # Written to six digits; other BLAS and processors differed by 1e-10 at most.
        assert_allclose(
            found[array], expected[array], rtol=0, atol=2e-6, err_msg=f"{name}, seed {seed}, {array}"
        )


if __name__ == "__main__":
    # Writes the table anew: PYTHONPATH=. python tests/test_reproducibility.py
    def rounded(value):
        if isinstance(value, dict):
            return {name: rounded(item) for name, item in value.items()}
        return [round(item, 6) for item in value]

    def line(key, value, indent, write=json.dumps):
        return f"{indent}{json.dumps(key)}: {write(value)}"

    def one_line_a_seed(seeds):
        return "{\n" + ",\n".join(line(*item, "  ") for item in seeds.items()) + "\n }"

    lines = [line(*item, " ", one_line_a_seed) for item in rounded(all_digests()).items()]
    Path(__file__).with_name("digests.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
