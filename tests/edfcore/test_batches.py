"""Minibatches: every instance once, the last batch short, and nothing copied that need not be; samplers that draw with
the frequencies they state, and go on after a stop as if there had been none.

Frequencies are compared by chi-square, means by their normal limit; a right sampler fails with probability FALSE_ALARM.
"""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import edfcore as edf
from edfcore.data import ClassBalancedSampler, ErrorWeightedSampler, SequentialSampler, ShuffledSampler, batches

FALSE_ALARM = 1e-6


@pytest.mark.pins("batches")
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


@pytest.mark.parametrize("arrays", [(3,), (None,), (np.float64(2.0),)], ids=["number", "none", "no axis"])
def test_what_has_no_first_axis_is_a_sentence(arrays):
    with pytest.raises(edf.DataError, match="arrays with a first axis are needed"):
        batches(*arrays, B=2)


# Samplers


LABELS = np.array([3] * 50 + [7] * 9 + [-1] * 4)
LOSSES = np.random.default_rng(8).exponential(size=63) ** 2
SAMPLERS = {
    "SequentialSampler": lambda B, rng: SequentialSampler(63, B),
    "ShuffledSampler": lambda B, rng: ShuffledSampler(63, B, rng),
    "ClassBalancedSampler": lambda B, rng: ClassBalancedSampler(LABELS, B, rng),
    "ErrorWeightedSampler": lambda B, rng: ErrorWeightedSampler(LOSSES, B, rng),
}
GENERATORS = (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64)


def chi_square_is_plausible(counts, expected):
    """Whether counts of independent draws fit their expectation: wrong for a right sampler in FALSE_ALARM of cases."""
    counts, expected = np.asarray(counts, float), np.asarray(expected, float)
    assert expected.min() > 5 and counts.sum() == pytest.approx(expected.sum())
    return np.sum((counts - expected) ** 2 / expected) < stats.chi2.isf(FALSE_ALARM, counts.size - 1)


def drawn(sampler, epochs):
    return np.concatenate([indices for _ in range(epochs) for indices in sampler.epoch()])


@pytest.mark.pins("SequentialSampler", "ShuffledSampler")
@given(N=st.integers(1, 40), B=st.integers(1, 50), seed=st.integers(0, 9))
def test_sequential_and_shuffled_epochs_hold_every_instance_once(N, B, seed):
    for sampler in (SequentialSampler(N, B), ShuffledSampler(N, B, np.random.default_rng(seed))):
        for epoch in range(2):
            found = list(sampler.epoch())
            assert [len(i) for i in found] == [B] * (N // B) + [N % B] * (N % B > 0)
            assert len(found) == len(sampler) and sampler.epochs == epoch + 1
            order = np.concatenate(found).tolist()
            assert order == list(range(N)) if isinstance(sampler, SequentialSampler) else sorted(order) == [*range(N)]


@pytest.mark.pins("ShuffledSampler")
def test_shuffling_puts_each_instance_at_each_place_equally_often():
    sampler, N, epochs = ShuffledSampler(6, 4, np.random.default_rng(0)), 6, 6000
    orders = drawn(sampler, epochs).reshape(epochs, N)
    for place in range(N):
        assert chi_square_is_plausible(np.bincount(orders[:, place], minlength=N), np.full(N, epochs / N))


def test_a_chi_square_sees_a_shuffle_that_is_slightly_off():
    """Planted: in one epoch of ten the order is left as stored."""
    sampler, epochs = ShuffledSampler(6, 6, np.random.default_rng(0)), 6000
    orders = drawn(sampler, epochs).reshape(epochs, 6)
    orders[::10] = np.arange(6)
    assert not chi_square_is_plausible(np.bincount(orders[:, 0]), np.full(6, 1000))


@pytest.mark.pins("ClassBalancedSampler")
@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5), B=st.integers(1, 30), seed=st.integers(0, 9))
def test_each_batch_holds_the_classes_equally_often_to_within_one(sizes, B, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    sampler = ClassBalancedSampler(labels, B, np.random.default_rng(seed))
    found = list(sampler.epoch())
    assert sum(map(len, found)) == len(labels)
    for indices in found:
        counts = np.bincount(labels[indices], minlength=len(sizes))
        assert counts.max() - counts.min() <= (len(indices) % len(sizes) > 0)
    times = np.bincount(np.concatenate(found), minlength=len(labels))
    assert all(np.ptp(times[labels == k]) <= 1 for k in range(len(sizes)))


@pytest.mark.pins("ClassBalancedSampler")
def test_what_does_not_divide_goes_to_each_class_equally_often():
    """320 instances of 3 classes, in 64 batches of 5: 2, 2 and 1, the short one drawn anew each time."""
    labels, short = np.repeat([0, 1, 2], [300, 15, 5]), np.zeros(3)
    sampler = ClassBalancedSampler(labels, 5, np.random.default_rng(1))
    for _ in range(50):
        for indices in sampler.epoch():
            short[np.bincount(labels[indices], minlength=3) == 1] += 1
    assert chi_square_is_plausible(short, np.full(3, 50 * 64 / 3))


def test_within_a_class_each_instance_comes_equally_often():
    sampler = ClassBalancedSampler(np.repeat([0, 1], [3, 21]), 8, np.random.default_rng(2))
    times = np.bincount(drawn(sampler, 1000))  # an epoch takes 12 of each class: the 3 come 4 times each, exactly
    assert times[:3].tolist() == [4000] * 3
    assert chi_square_is_plausible(times[3:], np.full(21, 12000 / 21))


@pytest.mark.pins("ErrorWeightedSampler")
@pytest.mark.parametrize("alpha, floor", [(0.0, 0.1), (0.6, 0.01), (1.0, 0.1), (2.0, 0.5)])
def test_errors_are_drawn_in_proportion_to_their_power(alpha, floor):
    losses = np.random.default_rng(3).exponential(size=12)
    sampler = ErrorWeightedSampler(losses, 5, np.random.default_rng(4), alpha, floor)
    expected = np.array([(loss + floor) ** alpha for loss in losses])
    counts = np.bincount(drawn(sampler, 3000), minlength=12)
    assert chi_square_is_plausible(counts, expected / expected.sum() * 36000)


def test_a_chi_square_sees_a_forgotten_floor():
    losses = np.random.default_rng(3).exponential(size=12)
    counts = np.bincount(drawn(ErrorWeightedSampler(losses, 5, np.random.default_rng(4), 1.0, 0.1), 3000), minlength=12)
    assert not chi_square_is_plausible(counts, losses / losses.sum() * 36000)


@pytest.mark.pins("ErrorWeightedSampler")
@given(N=st.integers(1, 30), alpha=st.floats(0, 3), floor=st.floats(1e-3, 10), seed=st.integers(0, 99))
def test_the_expected_weighted_gradient_is_the_plain_mean(N, alpha, floor, seed):
    rng = np.random.default_rng(seed)
    losses, gradients = rng.exponential(size=N), rng.normal(size=(N, 3))
    sampler = ErrorWeightedSampler(losses, 4, rng, alpha, floor)
    p = (losses + floor) ** alpha / np.sum((losses + floor) ** alpha)
    for indices in sampler.epoch():
        np.testing.assert_allclose(sampler.weights, 1 / (N * p[indices]), rtol=1e-12)
    expectation = np.einsum("i,i,ij->j", p, 1 / (N * sampler.p), gradients)  # sum over all draws, by probability
    np.testing.assert_allclose(expectation, gradients.mean(axis=0), rtol=0, atol=1e-12)


@pytest.mark.pins("ErrorWeightedSampler")
def test_the_weighted_gradient_of_a_graph_is_unbiased_and_the_unweighted_one_is_not():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(40, 2)), rng.integers(0, 3, 40)
    with edf.Graph() as graph:
        images, labels, W = edf.Input("x"), edf.Input("y"), edf.Param(rng.normal(size=(2, 3)), "W")
        loss = edf.LogLoss(edf.Aref(edf.Softmax(images @ W), labels))

    def gradient(indices, seed=None):
        images.set(x[indices])
        labels.set(y[indices])
        graph.Forward()
        graph.Backward(loss, seed=seed)
        return W.grad.copy()

    exact = gradient(np.arange(40))
    sampler = ErrorWeightedSampler(loss.value.copy(), 8, rng, alpha=1.0)
    found = {True: [], False: []}
    for _ in range(300):
        for indices in sampler.epoch():
            found[True].append(gradient(indices, sampler.weights / len(indices)))
            found[False].append(gradient(indices))
    limit = stats.norm.isf(FALSE_ALARM / 2 / exact.size)
    z = {w: np.abs((np.mean(g, 0) - exact) / (np.std(g, 0) / len(g) ** 0.5)).max() for w, g in found.items()}
    assert z[True] < limit < z[False]


def test_an_update_counts_from_the_next_batch_on():
    sampler = ErrorWeightedSampler(np.ones(4), 2, np.random.default_rng(6), alpha=1.0, floor=1e-9)
    epoch = sampler.epoch()
    assert sampler.weights is None and next(epoch).shape == (2,)
    sampler.update([0, 1, 2, 3], [0.0, 0.0, 5.0, 0.0])
    assert next(epoch).tolist() == [2, 2]
    np.testing.assert_allclose(sampler.weights, 1 / 4, rtol=1e-6)


@pytest.mark.pins("SequentialSampler", "ShuffledSampler", "ClassBalancedSampler", "ErrorWeightedSampler")
@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
@given(B=st.integers(1, 70), stop=st.integers(0, 130), kind=st.sampled_from(GENERATORS), shared=st.booleans())
def test_a_resumed_run_yields_exactly_the_batches_of_the_uninterrupted_one(make, B, stop, kind, shared):
    """Three epochs, stopped after any batch; the state goes through JSON; the generator may serve others meanwhile."""

    def run(sampler, rng, batches_left=10**9):
        found = []
        while sampler.epochs < 3:
            for indices in sampler.epoch():
                noise = rng.random() if shared and sampler.rng is not None else None
                if isinstance(sampler, ErrorWeightedSampler):
                    found.append((sampler.weights.tolist(), noise))
                    sampler.update(indices, np.linspace(0, 3, len(indices)))
                found.append((indices.tolist(), noise))
                batches_left -= 1
                if batches_left <= 0:
                    return found
        return found

    first, second, other = (np.random.Generator(kind(seed)) for seed in (1, 1, 77))
    whole = run(make(B, first), first)
    stopped = make(B, second)
    before = run(stopped, second, stop) if stop else []
    state = json.loads(json.dumps(stopped.state_dict()))
    resumed = make(B, other)
    list(resumed.epoch())
    resumed.load_state_dict(state)
    assert before + run(resumed, other) == whole


def test_a_planted_state_without_the_epochs_start_is_seen():
    """Planted: a state that keeps only the generator's state of now gives another permutation after the stop."""
    sampler = ShuffledSampler(63, 8, np.random.default_rng(0))
    epoch = sampler.epoch()
    next(epoch)
    state = sampler.state_dict()
    rest = [i.tolist() for i in epoch]
    other = ShuffledSampler(63, 8, np.random.default_rng(0))
    other.load_state_dict(state | {"epoch_rng": state["rng"]})
    assert [i.tolist() for i in other.epoch()] != rest


def test_a_loop_that_was_left_goes_on_where_it_was():
    sampler = SequentialSampler(5, 2)
    for _ in sampler.epoch():
        break
    assert [i.tolist() for i in sampler.epoch()] == [[2, 3], [4]]
    assert sampler.epochs == 1 and [i.tolist() for i in sampler.epoch()] == [[0, 1], [2, 3], [4]]


def test_an_update_that_cannot_be_changes_nothing():
    sampler = ErrorWeightedSampler(np.ones(3), 2, np.random.default_rng(6), alpha=200.0, floor=1e-3)
    before = sampler.state_dict()
    for wrong in ([0.0, 1e6, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0]):
        with pytest.raises((edf.DataError, edf.ShapeError)):
            sampler.update([0, 1, 2], wrong)
    assert sampler.state_dict() == before and np.ptp(sampler.p) == 0


def damaged(state):
    """Copies of a state with one thing wrong each."""
    for key in state:
        yield {k: v for k, v in state.items() if k != key}
        for value in (None, -1, 1.5, "other", [], {}, 10**30, float("nan"), np.arange(3)):
            if not (key in ("epoch_rng", "rng") and value is None and state[key] is None):
                yield state | {key: value}
        if isinstance(state[key], dict):
            for inner in damaged(state[key]):
                yield state | {key: inner}
    yield state | {"more": 1}


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
@pytest.mark.parametrize("kind", GENERATORS)
def test_a_damaged_state_is_a_sentence_and_changes_nothing(make, kind):
    sampler, other = make(8, np.random.Generator(kind(1))), make(8, np.random.Generator(kind(2)))
    next(sampler.epoch())
    next(other.epoch())
    state, before = sampler.state_dict(), copy.deepcopy(other.state_dict())
    for wrong in [None, [], 3, *damaged(state)]:
        try:
            other.load_state_dict(wrong)
        except (edf.DataError, edf.ShapeError) as error:
            assert str(error)[-1] == "."
            assert other.state_dict() == before
        else:  # a number that another run may have had
            changed = [k for k in state if k not in wrong or wrong[k] is not state[k]]
            assert changed in (["epochs"], ["rng"], ["epoch_rng"]), wrong
            other.load_state_dict(before)
    other.load_state_dict(state)
    assert next(other.epoch()).tolist() == next(sampler.epoch()).tolist()


RNG = np.random.default_rng(0)
SAMPLER_MISTAKES = {
    "no rng": (lambda: ShuffledSampler(5, 2, None), edf.DataError, "ShuffledSampler: rng is None"),
    "seed": (lambda: ClassBalancedSampler([0, 1], 2, 0), edf.DataError, "ClassBalancedSampler: rng is 0"),
    "N": (lambda: SequentialSampler(0, 2), edf.DataError, "SequentialSampler: N is 0"),
    "B": (lambda: ShuffledSampler(5, 0, RNG), edf.DataError, "ShuffledSampler: the batch size B is 0"),
    "float labels": (lambda: ClassBalancedSampler([0.0, 1.0], 2, RNG), edf.DataError, "integers, not float64"),
    "no labels": (lambda: ClassBalancedSampler(np.zeros(0, int), 2, RNG), edf.DataError, "N is 0"),
    "ragged": (lambda: ClassBalancedSampler([[0], [0, 1]], 2, RNG), edf.DataError, "not an array of numbers"),
    "one-hot": (lambda: ClassBalancedSampler(np.eye(3, dtype=int), 2, RNG), edf.ShapeError, "axis b alone"),
    "negative": (lambda: ErrorWeightedSampler([1.0, -0.5], 2, RNG), edf.DataError, r"losses\[1\] is -0.5"),
    "nan": (lambda: ErrorWeightedSampler([1.0, np.nan], 2, RNG), edf.DataError, r"nan at index \[1\]"),
    "empty": (lambda: ErrorWeightedSampler([], 2, RNG), edf.DataError, "are empty"),
    "text": (lambda: ErrorWeightedSampler(["a"], 2, RNG), edf.DataError, "real numbers"),
    "alpha": (lambda: ErrorWeightedSampler([1.0], 2, RNG, alpha=-1), edf.DataError, "alpha is -1"),
    "floor": (lambda: ErrorWeightedSampler([1.0], 2, RNG, floor=0), edf.DataError, "floor is 0"),
    "underflow": (lambda: ErrorWeightedSampler([0, 9.0], 2, RNG, alpha=999), edf.DataError, "smaller alpha"),
    "index": (lambda: ErrorWeightedSampler([1.0], 2, RNG).update([1], [1.0]), edf.DataError, "from 0 to 0"),
    "float index": (lambda: ErrorWeightedSampler([1.0], 2, RNG).update([0.0], [1.0]), edf.DataError, "whole"),
    "unequal": (lambda: ErrorWeightedSampler([1.0], 2, RNG).update([0], [1.0, 2.0]), edf.ShapeError, "one loss for"),
}


@pytest.mark.parametrize("mistake, error, words", SAMPLER_MISTAKES.values(), ids=SAMPLER_MISTAKES)
def test_a_mistake_with_a_sampler_is_a_sentence(mistake, error, words):
    with pytest.raises(error, match=words) as caught:
        mistake()
    assert str(caught.value)[-1] == "."
