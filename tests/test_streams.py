"""Streams of rows: read in any pieces, they are the same blocks, windows and rows as a matrix is."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skdbn import _rows, _streams
from skdbn._rows import Rows, blocks_of_rows, shuffled, take_rows, taking, weighted_moments
from skdbn._streams import RowStream, WindowReader, as_given

N_ROWS, N_COLUMNS = 61, 5
CUTS = {"one piece": [], "many": [1, 2, 11, 11, 30, 60], "like a window": [13, 26, 39, 52], "late": [60]}
each_cut = pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)


class Pieces(RowStream):
    """The rows of a matrix in pieces; counts how often it is read."""

    def __init__(self, X, cuts, window=None):
        super().__init__(X.shape, X.dtype, window)
        self.bounds = [0, *cuts, X.shape[0]]
        self.X, self.n_read = X, 0

    def pieces(self):
        self.n_read += 1
        for start, stop in zip(self.bounds[:-1], self.bounds[1:], strict=True):
            yield self.X[start:stop]


@pytest.fixture(name="X", params=[np.float32, np.float64])
def rows(request, rng):
    return (rng.random((N_ROWS, N_COLUMNS)) - 0.3).astype(request.param)


@each_cut
@pytest.mark.parametrize("n_rows", [1, 7, 13, 61, 100])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_blocks_are_those_of_the_matrix(X, cuts, n_rows, form):
    found = [(rows, block.copy()) for rows, block in Pieces(form(X), cuts).blocks(n_rows)]
    assert [rows for rows, _ in found] == [
        slice(start, min(start + n_rows, N_ROWS)) for start in range(0, N_ROWS, n_rows)
    ]
    for rows, block in found:
        assert block.dtype == X.dtype
        assert_array_equal(block, X[rows])


@each_cut
def test_what_goes_over_blocks_finds_what_it_finds_for_the_matrix(X, cuts, monkeypatch):
    monkeypatch.setattr(_rows, "_BLOCK_ELEMENTS", 8 * N_COLUMNS)
    weight = np.random.default_rng(1).uniform(0.5, 2, N_ROWS)
    stream = Pieces(X, cuts)
    assert_array_equal(weighted_moments(stream, weight), weighted_moments(X, weight))
    assert stream.value_range == (X.min(), X.max())
    for (rows, block), (rows_of_X, block_of_X) in zip(
        blocks_of_rows(stream, width=10), blocks_of_rows(X, width=10), strict=True
    ):
        assert rows == slice(rows_of_X.start, min(rows_of_X.stop, N_ROWS))
        assert_array_equal(block, block_of_X)


def test_a_window_is_32_megabytes_of_float32_if_nothing_else_is_said():
    assert Pieces(np.zeros((1, 100)), []).window * 100 * 4 == pytest.approx(32 * 2**20, rel=1e-4)
    assert Pieces(np.zeros((1, 2**24), np.float32), []).window == 1


@each_cut
def test_the_order_is_random_within_each_window_and_has_every_row_once(X, cuts):
    stream = Pieces(X, cuts, window=13)
    order, other = shuffled(stream, np.random.default_rng(0)), shuffled(stream, np.random.default_rng(1))
    for start in range(0, N_ROWS, 13):
        window = np.arange(start, min(start + 13, N_ROWS))
        assert_array_equal(np.sort(order[window]), window)
        assert not np.array_equal(order[window], window)
        assert not np.array_equal(order[window], other[window])


def test_with_a_single_window_the_order_is_that_of_the_matrix(X):
    for window in (None, N_ROWS, 1000):
        order = shuffled(Pieces(X, [20], window), np.random.default_rng(0))
        assert_array_equal(order, shuffled(X, np.random.default_rng(0)))


@each_cut
@pytest.mark.parametrize("window", [1, 13, 61, 100])
@pytest.mark.parametrize("batch_size", [1, 10, 29, 61])
def test_batches_are_read_in_their_order_whatever_the_windows_are(X, cuts, window, batch_size):
    numbers = np.arange(N_ROWS)
    rows = Rows(Pieces(X, cuts, window), numbers)
    expected = Rows(X, numbers)
    seen = []
    for batch in rows.batches(batch_size, np.random.default_rng(0)):
        assert_array_equal(batch.inputs, X[batch.targets])
        seen += [len(batch.weights)]
    assert seen == [len(batch.weights) for batch in expected.batches(batch_size, np.random.default_rng(0))]
    assert rows.X.n_read == 1


@each_cut
def test_few_rows_are_read_into_memory_in_any_order(X, cuts):
    stream = Pieces(X, cuts, window=13)
    numbers = np.array([44, 2, 60, 2, 13, 12])
    assert_array_equal(stream[numbers], X[numbers])
    assert stream[np.arange(0)].shape == (0, N_COLUMNS)
    ascending = np.array([0, 12, 13, 59])
    assert_array_equal(take_rows(stream, ascending, np.empty((4, N_COLUMNS), X.dtype)), X[ascending])


def test_wide_rows_are_not_read_into_memory_by_the_thousand():
    X = np.arange(300.0)[:, np.newaxis]
    stream = Pieces(X, [20], window=1)
    assert_array_equal(stream[np.arange(256)], X[:256])
    assert isinstance(stream[np.arange(257)], RowStream)


@each_cut
@pytest.mark.parametrize("window", [1, 13])
def test_many_rows_are_a_stream_again(X, cuts, window, monkeypatch):
    monkeypatch.setattr(_streams, "_FEW_ROWS", 3)
    numbers = np.flatnonzero(np.random.default_rng(2).random(N_ROWS) < 0.6)
    chosen = Pieces(X, cuts, window)[numbers]
    assert isinstance(chosen, RowStream)
    assert (chosen.shape, chosen.dtype, chosen.window) == ((len(numbers), N_COLUMNS), X.dtype, window)
    assert_array_equal(np.concatenate([block.copy() for _, block in chosen.blocks(7)]), X[numbers])
    again = chosen[np.arange(0, len(numbers), 2)]
    assert_array_equal(np.concatenate([block.copy() for _, block in again.blocks(4)]), X[numbers][::2])


@each_cut
def test_what_is_computed_from_a_stream_is_computed_for_blocks_of_the_size_asked_for(X, cuts):
    sizes = []

    def compute(place, block):
        sizes.append(len(block))
        assert_array_equal(block, X[place])
        return np.hstack([2 * block, np.arange(N_ROWS)[place, np.newaxis]])

    mapped = Pieces(X, cuts, window=13).mapped_by_place(compute, N_COLUMNS + 1, n_rows=8)
    expected = np.column_stack([2 * X, np.arange(N_ROWS)])
    assert (mapped.shape, mapped.dtype, mapped.window) == ((N_ROWS, N_COLUMNS + 1), X.dtype, 13)
    order = shuffled(mapped, np.random.default_rng(0))
    sizes.clear()
    out = np.empty((N_ROWS, N_COLUMNS + 1), X.dtype)
    assert_array_equal(taking(mapped)(order, out), expected[order])
    assert sizes == [8] * 7 + [5]
    halves = mapped.mapped(lambda block: block.astype(np.float32) / 2, N_COLUMNS + 1, np.dtype(np.float32))
    found = halves[np.arange(N_ROWS)]
    assert found.dtype == np.float32
    assert_array_equal(found, expected.astype(np.float32) / 2)


def test_streams_can_be_read_side_by_side(X):
    stream = Pieces(X, [20, 40], window=13)
    order = shuffled(stream, np.random.default_rng(0))
    readers = [WindowReader(stream), WindowReader(stream)]
    for start in range(0, N_ROWS, 10):
        rows = order[start : start + 10]
        for reader in readers:
            assert_array_equal(reader(rows, np.empty((len(rows), N_COLUMNS), X.dtype)), X[rows])


def test_first_rows_are_what_checks_of_columns_see(X):
    stream = Pieces(X, [20])
    assert_array_equal(as_given(stream), X[:1])
    assert as_given(Pieces(X[:0], [])).shape == (0, N_COLUMNS)
    assert as_given(X) is X
    stream._given_rows = "with names"
    assert as_given(stream) == "with names"
    assert_array_equal(as_given(stream.nameless()), X[:1])
    assert as_given(stream) == "with names"


def test_a_stream_may_have_no_rows(X):
    stream = Pieces(X[:0], [])
    assert list(stream.blocks(7)) == []
    assert shuffled(stream, np.random.default_rng(0)).tolist() == []
