"""Minibatches: every instance once, the last batch short, and nothing copied that need not be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edfcore as edf
from edfcore.data import batches


@given(N=st.integers(1, 60), B=st.integers(1, 70), shuffled=st.booleans())
def test_batches_hold_every_instance_once_and_the_last_is_short(N, B, shuffled):
    images, labels = np.arange(2 * N).reshape(N, 2), np.arange(N)
    found = list(batches(images, labels, B=B, rng=np.random.default_rng(N) if shuffled else None))
    assert [len(y) for _, y in found] == [B] * (N // B) + [N % B] * (N % B > 0)
    assert sorted(np.concatenate([y for _, y in found])) == list(range(N))
    assert all(np.array_equal(x, images[y]) for x, y in found)


def test_without_rng_the_batches_are_views_in_the_order_stored():
    images = np.arange(10.0)
    found = [x for (x,) in batches(images, B=4)]
    assert [x.tolist() for x in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert all(np.shares_memory(x, images) for x in found)


def test_with_rng_each_call_has_a_new_order_and_leaves_the_data_alone():
    images, rng = np.arange(50), np.random.default_rng(0)
    first, second = (np.concatenate([x for (x,) in batches(images, B=8, rng=rng)]).tolist() for _ in range(2))
    assert first != second and sorted(first) == sorted(second) == images.tolist() == list(range(50))


def test_the_same_seed_gives_the_same_order():
    orders = [[x.tolist() for (x,) in batches(np.arange(9), B=2, rng=np.random.default_rng(5))] for _ in range(2)]
    assert orders[0] == orders[1]


@pytest.mark.parametrize("B", [0, -4, 2.0, "3", None, True, np.array([2])], ids=repr)
def test_a_bad_batch_size_is_a_sentence_at_once(B):
    with pytest.raises(edf.DataError, match="the batch size B is .*a whole number of at least 1 is needed"):
        batches(np.arange(4), B=B)


def test_a_numpy_integer_is_a_batch_size():
    assert len(list(batches(np.arange(4), B=np.int64(3)))) == 2


@pytest.mark.parametrize("arrays", [(), ([],), ([1, 2], [1, 2, 3])], ids=["none", "empty", "unequal"])
def test_arrays_that_do_not_go_together_are_a_sentence(arrays):
    with pytest.raises(edf.DataError, match="equal lengths of at least 1 are needed"):
        batches(*map(np.array, arrays), B=2)


def test_a_seed_in_place_of_a_generator_is_a_sentence():
    with pytest.raises(edf.DataError, match="rng"):
        batches(np.arange(4), B=2, rng=0)
