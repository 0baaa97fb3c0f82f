"""Collectives: right sums, the same bits everywhere, and no more bytes or rounds than the closed forms say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfcore.errors import DataError
from edfcore.parallel import collectives
from edfcore.parallel.collectives import ALL_REDUCE, all_reduce, equal_parts, execute

algorithms = pytest.mark.parametrize("algorithm", ALL_REDUCE)


def groupings(N):
    """Ways to put N ranks on machines: one machine, one rank each, equal halves, unequal parts, not in order."""
    yield None
    yield [[k] for k in range(N)]
    if N % 2 == 0:
        yield [list(range(N // 2)), list(range(N // 2, N))]
    if N > 2:
        yield [list(range(0, N, 2)), list(range(1, N, 2))]
        yield [[N - 1], list(range(N - 1))]


def schedules(N, size):
    for algorithm in ALL_REDUCE:
        for groups in groupings(N) if algorithm == "hierarchical" else (None,):
            yield algorithm, all_reduce(algorithm, N, size, groups)


@pytest.mark.parametrize("N", range(1, 14))
@pytest.mark.parametrize("size", [0, 1, 3, 16, 61])
def test_every_all_reduce_gives_all_ranks_the_same_bits_of_the_sum(N, size):
    rng = np.random.default_rng(N * 100 + size)
    for algorithm, schedule in schedules(N, size):
        given_ = [rng.normal(size=size) * 10.0 ** rng.integers(-8, 8) for _ in range(N)]
        found = execute(schedule, [a.copy() for a in given_])
        scale = np.abs(given_).sum(axis=0)
        assert (np.abs(found[0] - np.sum(given_, axis=0)) <= 1e-15 * N * scale).all(), algorithm
        assert all(np.array_equal(found[0].view(np.uint64), a.view(np.uint64)) for a in found), algorithm


@given(st.integers(1, 9), st.integers(0, 40), st.integers(0, 8), st.sampled_from(["broadcast", "reduce"]))
def test_broadcast_copies_the_roots_array_and_reduce_sums_at_the_root(N, size, root, kind):
    root %= N
    arrays = [np.arange(size) * 10.0 + k for k in range(N)]
    found = execute(getattr(collectives, kind)(N, size, root), [a.copy() for a in arrays])
    if kind == "broadcast":
        assert all(np.array_equal(a, arrays[root]) for a in found)
    else:
        assert np.array_equal(found[root], np.sum(arrays, axis=0))


@given(st.lists(st.integers(0, 7), min_size=1, max_size=8))
def test_reduce_scatter_and_all_gather_take_parts_of_any_lengths(lengths):
    N, size, parts = len(lengths), sum(lengths), collectives.parts_of(lengths)
    arrays = [np.arange(size) + 100.0 * k for k in range(N)]
    summed = execute(collectives.reduce_scatter(N, size, parts), [a.copy() for a in arrays])
    total = np.sum(arrays, axis=0)
    for k, (start, stop) in enumerate(parts):
        assert np.array_equal(summed[k][start:stop], total[start:stop])
    for a in execute(collectives.all_gather(N, size, parts), summed):
        assert np.array_equal(a, total)


@pytest.mark.parametrize("N", [2, 3, 4, 8, 16])
def test_a_ring_sends_2_N_minus_1_over_N_of_the_array_and_receives_as_much(N):
    size = 5 * N
    sent, received = collectives.ring(N, size).traffic()
    assert sent == received == [2 * (N - 1) * size // N] * N


@pytest.mark.parametrize("N", [2, 4, 8, 16])
def test_halving_and_doubling_send_as_little_as_a_ring_in_fewer_rounds(N):
    size = 5 * N
    schedule = collectives.halving_doubling(N, size)
    assert schedule.traffic()[0] == [2 * (N - 1) * size // N] * N
    assert len(schedule.rounds) == 2 * np.log2(N)


@pytest.mark.parametrize("N", range(2, 10))
def test_a_worker_of_a_parameter_server_moves_2_S_and_the_server_moves_2_S_for_each_worker(N):
    sent, received = collectives.parameter_server(N, 7).traffic()
    moved = np.add(sent, received)
    assert moved[1:].tolist() == [14] * (N - 1) and moved[0] == 14 * (N - 1)


@pytest.mark.parametrize("N", range(1, 10))
def test_a_tree_takes_the_logarithm_of_N_rounds_each_way(N):
    assert len(collectives.tree(N, 3).rounds) == 2 * np.ceil(np.log2(N))


def test_hierarchical_carries_each_entry_once_for_a_machine_over_the_slow_links():
    groups, size = [[0, 1, 2, 3], [4, 5, 6, 7]], 64
    machine = {k: m for m, group in enumerate(groups) for k in group}

    def crossing(schedule):
        return sum(m.size for m in schedule if machine[m.source] != machine[m.target])

    assert crossing(all_reduce("hierarchical", 8, size, groups)) == 2 * size  # a ring of two machines: S each way
    assert crossing(all_reduce("ring", 8, size)) == 2 * 2 * 7 * size // 8


@algorithms
def test_bytes_sent_are_bytes_received(algorithm):
    sent, received = all_reduce(algorithm, 7, 50).traffic()
    assert sum(sent) == sum(received)


@algorithms
def test_no_message_is_empty_and_none_goes_to_its_sender(algorithm):
    for N in range(1, 10):
        assert all(m.size > 0 and m.source != m.target for m in all_reduce(algorithm, N, 3))


def test_a_planted_fault_in_a_schedule_is_caught():
    ring = collectives.ring(4, 8)
    first, *rest = ring.rounds[0]
    short = replace(first, stop=first.stop - 1)
    wrong = replace(ring, rounds=((short, *rest), *ring.rounds[1:]))
    found = execute(wrong, [np.ones(8) for _ in range(4)])
    assert not all(np.array_equal(a, np.full(8, 4.0)) for a in found)


@given(st.integers(0, 100), st.integers(1, 12))
def test_equal_parts_cover_everything_once_and_differ_by_at_most_one(size, N):
    parts = equal_parts(size, N)
    assert [k for start, stop in parts for k in range(start, stop)] == list(range(size))
    lengths = [stop - start for start, stop in parts]
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: all_reduce("rign", 4, 8), "there is no algorithm 'rign'"),
        (lambda: all_reduce("ring", 0, 8), "N is 0"),
        (lambda: all_reduce("ring", True, 8), "N is True"),
        (lambda: all_reduce("ring", 2, 1.5), "size is 1.5"),
        (lambda: all_reduce("hierarchical", 4, 8, [[0, 1], [1, 2, 3]]), "exactly once"),
        (lambda: execute(collectives.ring(2, 4), [np.zeros(4)]), "needs 2 arrays"),
        (lambda: execute(collectives.ring(2, 4), [np.zeros(4), np.zeros(5)]), "(4,)"),
        (lambda: collectives.seconds("hierarchical", 4, 8, 0, 1), "no closed form"),
    ],
)
def test_bad_input_gets_a_sentence(call, said):
    with pytest.raises(DataError) as error:
        call()
    assert said in str(error.value)
