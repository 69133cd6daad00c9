"""The partition function of a fitted RBM against its enumeration, and the likelihoods made with it."""

import pickle
import re

import numpy as np
import pytest
from drawn import rows_of
from exact import N_HIDDEN, N_VISIBLE, PAIRS, log_sum_exp, random_rbm
from exact_mixed import REAL, SCALE, mixed_unit, random_mixed_rbm, to_user
from numpy.testing import assert_allclose, assert_array_equal

from skdbn import RBMTransformer, _fitted_likelihood, _likelihood

# Few: the machines here are small. Standard errors are then about 0.01 nats.
FEW = {"n_runs": 200, "n_temperatures": 200, "n_steps": 100}


def log_volume(oracle, rbm):
    """What a unit volume of the scaled data is in the units of the data, as a logarithm."""
    return np.log(rbm.visible_.scale_).sum() if oracle.visible == "gaussian" else 0.0


def assert_sandwich(estimate, exact):
    """Assert that both directions agree with the exact value within 4 standard errors of their own."""
    value, error, reverse, reverse_error, effective, reverse_effective = estimate
    assert 0 < error < 0.2
    assert 0 < reverse_error < 0.2
    assert min(effective, reverse_effective) > 20  # enough runs count for the errors to mean something
    assert abs(value - exact) < 4 * error
    assert abs(reverse - exact) < 4 * reverse_error


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["auto", "exact"])
def test_exact_value_is_that_of_the_enumeration(method, oracle, to_estimator):
    rbm = to_estimator(oracle)
    estimate = rbm.log_partition(method)
    # The grid of the enumeration is exact to rounding.
    assert_allclose(estimate.value, oracle.log_partition() + log_volume(oracle, rbm), rtol=1e-12)
    assert estimate[1:] == (0.0, None, None, None, None)


def test_annealed_values_agree_with_the_enumeration_in_both_directions(oracle, to_estimator):
    rbm = to_estimator(oracle)
    estimate = rbm.log_partition("ais", **FEW, random_state=0)
    assert_sandwich(estimate, oracle.log_partition() + log_volume(oracle, rbm))


def test_each_figure_is_that_of_its_direction(oracle, to_estimator, monkeypatch):
    rbm, found = to_estimator(oracle), []

    def noting(compute):
        def compute_and_note(*args):
            found.append(compute(*args))
            return found[-1]

        return compute_and_note

    for name in ("annealed_log_partition", "reverse_annealed_log_partition"):
        monkeypatch.setattr(_fitted_likelihood, name, noting(getattr(_fitted_likelihood, name)))
    estimate = rbm.log_partition("ais", n_runs=7, n_temperatures=3, n_steps=5, random_state=0)
    forward, reverse = found
    assert len({*forward, *reverse}) == 6
    volume = rbm.visible_.log_volume()
    assert estimate._asdict() == {
        "value": forward.value + volume,
        "standard_error": forward.standard_error,
        "reverse_value": reverse.value + volume,
        "reverse_standard_error": reverse.standard_error,
        "effective_sample_size": forward.effective_sample_size,
        "reverse_effective_sample_size": reverse.effective_sample_size,
    }


@pytest.mark.parametrize("start", ["none", "noise", "chains", "rows"])
def test_every_start_of_the_reverse_chains_gives_the_value(start, binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    start = {"none": None, "rows": rows_of(binary_oracle, rbm, 17)}.get(start, start)
    estimate = rbm.log_partition("ais", **FEW, start=start, random_state=1)
    assert_sandwich(estimate, binary_oracle.log_partition())


def test_reverse_chains_start_where_they_are_told(binary_oracle, to_estimator, monkeypatch):
    """With a single step from one row, against the exact mean of the estimate from there."""
    rbm = to_estimator(binary_oracle)
    asked = []
    sample = RBMTransformer._sample_encoded

    def note(self, n_samples, n_steps, start, rng, **options):
        asked.append((n_samples, n_steps, start, options))
        return sample(self, n_samples, n_steps, start, rng, **options)

    monkeypatch.setattr(RBMTransformer, "_sample_encoded", note)
    rbm.log_partition("ais", n_runs=7, n_temperatures=3, n_steps=5)
    rbm.log_partition("ais", n_runs=7, n_temperatures=3, n_steps=5, start="noise")
    rbm.set_params(sampler="cd").fit(np.eye(N_VISIBLE))
    rbm.log_partition("ais", n_runs=7, n_temperatures=3, n_steps=5)
    # The chains of the training if there are any; draws that follow the energy of the units.
    assert asked == [(7, 5, start, {"exactly": True}) for start in ("chains", "noise", None)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_mixed_columns_have_the_value_of_the_enumeration(dtype):
    oracle = random_mixed_rbm()
    X = to_user(oracle.draw_visible(100, np.random.default_rng(0)))
    rbm = RBMTransformer(oracle.n_hidden, visible=mixed_unit(), n_iter=1, random_state=0).fit(X)
    rbm.visible_ = mixed_unit()
    parameters = [array.astype(dtype) for array in oracle.parameters]
    rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_ = parameters
    rounded = oracle.__class__(*(array.astype(np.float64) for array in parameters))
    exact = rounded.log_partition() + len(REAL) * np.log(SCALE)
    assert_allclose(rbm.log_partition().value, exact, rtol=1e-12)
    if dtype == np.float64:
        assert_sandwich(rbm.log_partition("ais", **FEW, random_state=0), exact)
        log_likelihood = rounded.log_likelihood(oracle.draw_visible(20, np.random.default_rng(1)))
        rows = to_user(oracle.draw_visible(20, np.random.default_rng(1)))
        scores = rbm.score_samples(rows, rbm.log_partition())
        assert_allclose(scores, log_likelihood - len(REAL) * np.log(SCALE), rtol=1e-10)


def test_approximate_draws_of_rectified_units_do_not_enter_the_estimate(to_estimator):
    """The noisy rectified units are off by up to 0.4: with them the value would be off as well."""
    oracle = random_rbm("bernoulli", 0, hidden="relu")
    rbm = to_estimator(oracle)
    rbm.hidden_ = rbm.hidden_.__class__(exact=False)
    assert_sandwich(rbm.log_partition("ais", **FEW, random_state=0), oracle.log_partition())
    assert not rbm.hidden_.exact


# -- sizes -----------------------------------------------------------------------------------------


def pairs_of_units(n):
    """A fitted RBM of n visible units, each tied to one hidden unit, and its log Z in closed form."""
    rng = np.random.default_rng(0)
    X = (rng.random((40, n)) < 0.5).astype(np.float64)
    rbm = RBMTransformer(n, n_iter=1, random_state=0).fit(X)
    b, c, w = rng.normal(0, 1, size=(3, n))
    rbm.components_, rbm.intercept_hidden_, rbm.intercept_visible_ = np.diag(w), c, b
    return rbm, log_sum_exp(np.stack([0 * b, b, c, b + c + w])).sum()


def test_auto_is_annealing_where_the_states_are_too_many(monkeypatch):
    rbm, exact = pairs_of_units(26)
    estimate = rbm.log_partition(n_runs=100, n_temperatures=300, n_steps=100, random_state=0)
    assert_sandwich(estimate, exact)
    with pytest.raises(ValueError, match=re.escape("2**26 states") + ".*method=.ais."):
        rbm.log_partition("exact")


def test_auto_is_exact_up_to_the_limit(binary_oracle, to_estimator, monkeypatch):
    rbm = to_estimator(binary_oracle)
    monkeypatch.setattr(_likelihood, "_MOST_STATES", 2**N_HIDDEN)
    assert rbm.log_partition().standard_error == 0
    monkeypatch.setattr(_likelihood, "_MOST_STATES", 2**N_HIDDEN - 1)
    assert rbm.log_partition(n_runs=5, n_temperatures=5, n_steps=5).standard_error > 0


def test_side_of_fewer_states_is_enumerated(to_estimator):
    """60 visible units and 3 hidden ones, and the other way round."""
    for n_visible, n_hidden in ((60, 3), (3, 60)):
        rbm, _ = pairs_of_units(3)
        X = (np.random.default_rng(0).random((40, n_visible)) < 0.5).astype(np.float64)
        rbm = RBMTransformer(n_hidden, n_iter=1, random_state=0).fit(X)
        W = np.random.default_rng(1).normal(size=(n_hidden, n_visible))
        rbm.components_ = W
        b, c = rbm.intercept_visible_, rbm.intercept_hidden_
        if n_hidden == 3:
            W, b, c = W.T, c, b  # b and c now belong to 3 and to 60 units
        states = np.array(np.meshgrid(*[[0.0, 1.0]] * 3)).reshape(3, -1).T
        terms = states @ b + np.logaddexp(0, states @ W.T + c).sum(axis=1)
        assert_allclose(rbm.log_partition().value, log_sum_exp(terms), rtol=1e-12)


def test_values_of_float32_machines_are_summed_in_float64(to_estimator):
    """60 visible units of the same bias: 60 log(1 + e^b) + 3 log 2, to the digits of float64."""
    X = (np.random.default_rng(0).random((40, 60)) < 0.5).astype(np.float32)
    rbm = RBMTransformer(3, n_iter=1, random_state=0).fit(X)
    bias = np.float32(0.1)
    rbm.components_ = np.zeros((3, 60), np.float32)
    rbm.intercept_hidden_, rbm.intercept_visible_ = np.zeros(3, np.float32), np.full(60, bias)
    exact = 60 * np.log1p(np.exp(np.float64(bias))) + 3 * np.log(2)
    estimate = rbm.log_partition()
    assert_allclose(estimate.value, exact, rtol=1e-14)
    assert type(estimate.value) is float


# -- checks and progress ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["enumerate", None, "AIS"])
def test_unknown_methods_are_refused(method, binary_oracle, to_estimator):
    with pytest.raises(ValueError, match='method must be "auto", "exact" or "ais"'):
        to_estimator(binary_oracle).log_partition(method)


@pytest.mark.parametrize("name", ["n_runs", "n_temperatures", "n_steps"])
@pytest.mark.parametrize("value", [0, 2.5, "10", True])
def test_wrong_numbers_are_refused_by_name(name, value, binary_oracle, to_estimator):
    with pytest.raises(ValueError, match=f"{name} must be an integer >= 1"):
        to_estimator(binary_oracle).log_partition("ais", **{name: value})


def test_path_of_one_temperature_is_refused(binary_oracle, to_estimator):
    with pytest.raises(ValueError, match="n_temperatures must be 2 or more"):
        to_estimator(binary_oracle).log_partition("ais", n_temperatures=1)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("chains", "keeps none"),
        ("data", "start must be None"),
        (np.ones((3, 4)), "4 features"),
        (3.0, "scalar"),
    ],
    ids=str,
)
def test_wrong_starts_are_refused_before_the_annealing(start, message, X_binary, capsys):
    rbm = RBMTransformer(3, sampler="cd", n_iter=1, random_state=0).fit(X_binary)
    with pytest.raises(ValueError, match=message):
        rbm.log_partition("ais", **FEW, start=start, verbose=1)
    assert capsys.readouterr().out == ""


def test_progress_is_ten_lines_for_each_direction(binary_oracle, to_estimator, capsys):
    rbm = to_estimator(binary_oracle)
    rbm.log_partition("ais", n_runs=3, n_temperatures=200, n_steps=2, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    forward = [line for line in lines if line.startswith("AIS")]
    reverse = [line for line in lines if line.startswith("Reverse AIS")]
    assert len(forward) == len(reverse) == 10
    assert lines == forward + reverse
    assert "step 199/199" in forward[-1]
    assert "step 199/199" in reverse[-1]
    rbm.log_partition("ais", n_runs=3, n_temperatures=200, n_steps=2)
    rbm.log_partition(verbose=1)
    assert capsys.readouterr().out == ""


def test_unfitted_estimators_have_none():
    with pytest.raises(ValueError, match="not fitted"):
        RBMTransformer().log_partition()


# -- seeds and state -------------------------------------------------------------------------------

SHORT = {"n_runs": 7, "n_temperatures": 11, "n_steps": 5}


def test_estimates_are_decided_by_their_seed(binary_oracle, to_estimator):
    rbm = to_estimator(binary_oracle)
    first = rbm.log_partition("ais", **SHORT, random_state=3)
    assert first == rbm.log_partition("ais", **SHORT, random_state=3)
    assert first == rbm.log_partition("ais", **SHORT, random_state=np.random.default_rng(3))
    other = rbm.log_partition("ais", **SHORT, random_state=4)
    assert not {*first} & {*other}
    assert rbm.log_partition("ais", **SHORT) != rbm.log_partition("ais", **SHORT)


def test_loaded_estimators_give_the_same(oracle, to_estimator):
    rbm = to_estimator(oracle)
    loaded = pickle.loads(pickle.dumps(rbm))
    assert loaded.log_partition() == rbm.log_partition()
    first, second = (model.log_partition("ais", **SHORT, random_state=0) for model in (rbm, loaded))
    assert first == second
    X = rows_of(oracle, rbm, 9)
    assert_array_equal(loaded.score_samples(X, second), rbm.score_samples(X, first))


@pytest.mark.parametrize("start", [None, "noise", "rows"])
def test_estimating_changes_nothing(start, oracle, to_estimator):
    rbm = to_estimator(oracle)
    X = rows_of(oracle, rbm, 9)
    before, X_before = pickle.dumps(rbm), X.copy()
    rbm.log_partition()
    estimate = rbm.log_partition("ais", **SHORT, start=X if start == "rows" else start)
    rbm.score_samples(X, estimate)
    rbm.score(X)
    assert pickle.dumps(rbm) == before  # all attributes, however deep
    assert_array_equal(X, X_before)


# -- scores ----------------------------------------------------------------------------------------


def test_scores_with_the_partition_function_are_log_likelihoods(oracle, to_estimator):
    rbm = to_estimator(oracle)
    X = rows_of(oracle, rbm, 40)
    exact = oracle.log_likelihood(oracle.draw_visible(40, np.random.default_rng(0)))
    scores = rbm.score_samples(X, rbm.log_partition())
    assert_allclose(scores, exact - log_volume(oracle, rbm), rtol=1e-9)


def test_partition_functions_are_taken_as_tuples_and_as_numbers(binary_oracle, to_estimator, X_binary):
    rbm = to_estimator(binary_oracle)
    log_partition = rbm.log_partition("ais", **SHORT, random_state=0)
    of_tuple = rbm.score_samples(X_binary, log_partition)
    assert_array_equal(of_tuple, rbm.score_samples(X_binary, log_partition.value))
    assert_array_equal(of_tuple, rbm.score_samples(X_binary, np.float64(log_partition.value)))
    assert_allclose(of_tuple, -rbm.free_energy(X_binary) - log_partition.value, rtol=1e-12)


@pytest.mark.parametrize("kind", ["tuple", "float", "numpy"])
def test_scores_of_float32_stay_float32(kind, binary_oracle, to_estimator, X_binary):
    rbm = to_estimator(binary_oracle, np.float32)
    value = rbm.log_partition()
    value = {"tuple": value, "float": value.value, "numpy": np.float64(value.value)}[kind]
    assert rbm.score_samples(X_binary.astype(np.float32), value).dtype == np.float32


@pytest.mark.parametrize("visible", ["bernoulli", "softmax"])
def test_score_is_the_mean_pseudo_likelihood_where_there_is_one(visible, to_estimator):
    """By the definition: each unit, or group, given all others, from the enumerated joint."""
    oracle = random_rbm(visible)
    rbm = to_estimator(oracle)
    X = rows_of(oracle, rbm, 20)
    groups = {"bernoulli": [[i] for i in range(N_VISIBLE)], "softmax": [[3, 0], [1, 2, 4]]}[visible]
    states, p = oracle.visible_states, oracle.p_visible()
    expected = []
    for row in X:
        is_row = (states == row).all(axis=1)
        known = [np.setdiff1d(np.arange(N_VISIBLE), group) for group in groups]
        totals = [p[(states[:, others] == row[others]).all(axis=1)].sum() for others in known]
        expected.append(np.log(p[is_row].sum() / np.array(totals)).sum())
    assert_allclose(rbm.score_samples(X), expected, rtol=1e-9)
    assert_allclose(rbm.score(X), np.mean(expected), rtol=1e-9)


@pytest.mark.parametrize(("visible", "hidden"), [pair for pair in PAIRS if pair[0] in ("gaussian", "relu")])
def test_score_is_minus_the_reconstruction_error_elsewhere(visible, hidden, to_estimator):
    oracle = random_rbm(visible, hidden=hidden, spread=0.6)
    rbm = to_estimator(oracle)
    v = oracle.draw_visible(20, np.random.default_rng(0))
    X = rows_of(oracle, rbm, 20)
    # One pass by means; those of counts from a conditional that is enumerated for whole numbers only.
    h = oracle.mean_h(v)
    fields = h @ oracle.weights + oracle.visible_bias
    means = fields
    if visible == "relu":
        n = np.arange(40.0)
        log_weight = -(n**2) / 2 - np.cumsum(np.log(-np.expm1(-np.maximum(n, 1)))) + np.log(-np.expm1(-1.0))
        p = np.exp(fields[..., np.newaxis] * n + log_weight)
        means = (p * n).sum(axis=-1) / p.sum(axis=-1)
    assert_allclose(rbm.score_samples(X), -((means - v) ** 2).mean(axis=1), rtol=1e-7)


def test_score_does_not_look_at_labels(binary_oracle, to_estimator, X_binary):
    rbm = to_estimator(binary_oracle)
    assert rbm.score(X_binary, y=np.arange(len(X_binary))) == rbm.score(X_binary)
