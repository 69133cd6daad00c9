"""The study of fine-tuning, and of gradients in deep networks: data, measures and what reports compute."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
if not BENCHMARKS.is_dir():
    pytest.skip("an installed package comes without its benchmarks", allow_module_level=True)
sys.path.insert(0, str(BENCHMARKS))

from studies._labelled_sets import NAMES, WITHOUT_FILES, labelled, source_of, stratified_order  # noqa: E402

# -- data sets with labels -------------------------------------------------------------------------


def test_any_stretch_of_the_order_is_stratified():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    order = stratified_order(y, np.random.default_rng(0))
    assert sorted(order) == list(range(100))
    assert set(y[order[:3]]) == {0, 1, 2}
    for start in (0, 10, 50):
        counts = np.bincount(y[order[start : start + 50]])
        assert np.abs(counts - [30, 15, 5]).max() <= 1


def test_orders_of_two_seeds_differ():
    y = np.repeat([0, 1], 50)
    orders = [stratified_order(y, np.random.default_rng(seed)) for seed in (0, 1)]
    assert set(orders[0][:20]) != set(orders[1][:20])


@pytest.mark.parametrize("name", WITHOUT_FILES)
def test_parts_are_disjoint_stratified_and_make_up_the_data(name):
    # columns of the split are those of the data after an increasing scaling, and rows of these sets differ
    split = labelled(name, seed=3)
    parts = [{row.tobytes() for row in X} for X in split[::2]]
    assert len(set.union(*parts)) == sum(map(len, parts)) == sum(map(len, split[::2]))
    n_classes = split.y_train.max() + 1
    shares = [np.bincount(y, minlength=n_classes) / len(y) for y in split[1::2]]
    for y, share in zip(split[1::2], shares, strict=True):
        # one row more or less at each end of a part
        np.testing.assert_allclose(share, shares[0], atol=3 / len(y))
    assert split.X_train.dtype == np.float32


def test_scaling_is_learned_of_the_training_rows_alone():
    split = labelled("wine", seed=0)
    np.testing.assert_allclose(split.X_train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(split.X_train.std(axis=0), 1, rtol=1e-5)
    assert np.abs(split.X_test.mean(axis=0)).max() > 0.05


def test_parts_are_no_larger_than_asked_for():
    split = labelled("digits", None, 0, (100, 30, 50))
    assert [len(y) for y in split[1::2]] == [100, 30, 50]


def test_labels_are_numbers_in_each_part():
    for name in WITHOUT_FILES:
        split = labelled(name)
        assert all(set(y) == set(range(split.y_train.max() + 1)) for y in split[1::2])


def test_there_are_sixteen_sets_and_tasks_on_the_same_rows_are_known():
    assert len(NAMES) >= 16
    assert len(set(map(source_of, NAMES))) >= 13
    assert source_of("newsgroups-w100") == source_of("newsgroups-w1000") == "newsgroups"
