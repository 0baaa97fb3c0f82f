"""The clock: closed forms exactly, time and bytes conserved, wires shared fairly."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfcore.errors import DataError
from edfcore.parallel import cluster as clusters
from edfcore.parallel import collectives
from edfcore.parallel.clock import Program, fair_rates, length, merged, without
from edfcore.parallel.devices import Link

ALPHA, BETA = 3e-5, 2e9


def of(shape, N, alpha=ALPHA, beta=BETA):
    return getattr(clusters, shape)(["GTX Titan"] * N, Link("wire", beta, alpha))


def seconds(cluster, schedule, itemsize=4):
    program = Program(cluster)
    program.collective(schedule, itemsize, [[]] * schedule.N, "sum")
    return program.run().end


@pytest.mark.parametrize("N", [2, 3, 4, 5, 8, 16])
def test_a_ring_takes_2_N_minus_1_times_alpha_and_S_over_N_beta(N):
    size = 1000 * N
    S = 4 * size
    expected = 2 * (N - 1) * (ALPHA + S / N / BETA)
    for shape in ("switch", "ring"):
        assert seconds(of(shape, N), collectives.ring(N, size)) == pytest.approx(expected, rel=1e-12)
    assert collectives.seconds("ring", N, S, ALPHA, BETA) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("N", [2, 4, 8, 16])
def test_a_tree_takes_2_log2_N_times_alpha_and_S_over_beta(N):
    S = 4000
    expected = 2 * np.log2(N) * (ALPHA + S / BETA)
    assert seconds(of("switch", N), collectives.tree(N, 1000)) == pytest.approx(expected, rel=1e-12)
    assert collectives.seconds("tree", N, S, ALPHA, BETA) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("N", [3, 5, 6, 7, 9])
def test_a_tree_of_other_sizes_takes_at_most_that(N):
    assert seconds(of("switch", N), collectives.tree(N, 1000)) <= collectives.seconds("tree", N, 4000, ALPHA, BETA)


@pytest.mark.parametrize("N", [2, 4, 8, 16])
def test_halving_and_doubling_take_2_log2_N_alpha_and_the_bytes_of_a_ring(N):
    S = 4 * 1000 * N
    expected = 2 * np.log2(N) * ALPHA + 2 * (N - 1) / N * S / BETA
    assert seconds(of("switch", N), collectives.halving_doubling(N, 1000 * N)) == pytest.approx(expected, rel=1e-12)
    assert collectives.seconds("halving-doubling", N, S, ALPHA, BETA) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("N", [2, 3, 4, 8])
def test_a_parameter_servers_link_carries_2_S_for_each_worker(N):
    S = 4000
    expected = N * ALPHA + 2 * (N - 1) * S / BETA
    assert seconds(of("switch", N), collectives.parameter_server(N, 1000)) == pytest.approx(expected, rel=1e-12)
    assert collectives.seconds("parameter server", N, S, ALPHA, BETA) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("N", [2, 3, 4, 8])
@pytest.mark.parametrize("algorithm", ["ring", "parameter server"])
def test_on_a_shared_bus_ring_and_server_move_the_same_bytes_one_after_another(N, algorithm):
    S = 4 * 1000 * N
    found = seconds(of("shared_bus", N, alpha=0.0), collectives.all_reduce(algorithm, N, 1000 * N))
    assert found == pytest.approx(2 * (N - 1) * S / BETA, rel=1e-12)


def test_adding_what_arrived_takes_its_time_in_every_round_of_a_reduce_scatter():
    N, size, rate = 4, 4000, 1e9
    program = Program(of("switch", N))
    program.collective(collectives.ring(N, size), 4, [[]] * N, "sum", reduce_rate=rate)
    expected = collectives.seconds("ring", N, 4 * size, ALPHA, BETA) + (N - 1) * 4 * size / N / rate
    assert program.run().end == pytest.approx(expected, rel=1e-12)


def test_a_late_rank_delays_a_ring_by_as_much_as_it_is_late():
    program = Program(of("switch", 4))
    late = program.compute(2, 0.5, "late")
    program.collective(collectives.ring(4, 4000), 4, [[], [], [late], []], "sum")
    expected = 0.5 + collectives.seconds("ring", 4, 16000, ALPHA, BETA)
    assert program.run().end == pytest.approx(expected, rel=1e-12)


def test_two_messages_share_a_wire_and_the_one_left_gets_all_of_it():
    program = Program(of("shared_bus", 3, alpha=0.0, beta=10.0))
    program.message(0, 1, 10, "short")
    program.message(2, 1, 30, "long")
    short, long = program.run().spans
    assert (short.end, long.end) == pytest.approx((2.0, 4.0))  # 5 bytes/s each for 2 s; then 20 bytes at 10 bytes/s


def test_a_message_that_starts_later_slows_the_one_under_way():
    program = Program(of("shared_bus", 3, alpha=0.0, beta=10.0))
    wait = program.compute(2, 1.0, "wait")
    program.message(0, 1, 20, "first")
    program.message(2, 1, 10, "second", after=[wait])
    _, first, second = program.run().spans
    assert (first.end, second.end) == pytest.approx((3.0, 3.0))  # 10 bytes alone, then 5 bytes/s each


def test_a_stream_takes_its_tasks_in_order_and_other_streams_go_on():
    program = Program(of("switch", 2))
    a = program.compute(0, 2.0, "a")
    b = program.compute(1, 1.0, "b")
    c = program.compute(0, 1.0, "c", after=[b])
    spans = program.run().spans
    assert (spans[a].end, spans[b].end, spans[c].start) == (2.0, 1.0, 2.0)


wires = st.lists(st.floats(0.5, 100.0), min_size=1, max_size=5)


@given(wires, st.data())
def test_fair_rates_fill_every_message_up_to_a_full_wire_and_no_wire_beyond_its_rate(bandwidth, data):
    way = st.lists(st.integers(0, len(bandwidth) - 1), min_size=1, max_size=3, unique=True)
    routes = data.draw(st.dictionaries(st.integers(0, 9), way, min_size=1, max_size=8))
    rates = fair_rates(routes, bandwidth)
    load = [sum(rates[m] for m, r in routes.items() if w in r) for w in range(len(bandwidth))]
    assert all(used <= full * (1 + 1e-9) for used, full in zip(load, bandwidth, strict=True))
    for message, route in routes.items():  # max-min: on some wire of its way, full, nobody is faster
        bottleneck = [
            w
            for w in route
            if load[w] >= bandwidth[w] * (1 - 1e-9)
            and all(rates[m] <= rates[message] * (1 + 1e-9) for m, r in routes.items() if w in r)
        ]
        assert bottleneck, (routes, rates)


@st.composite
def programs(draw):
    """Random tasks on a random small cluster."""
    N = draw(st.integers(2, 4))
    program = Program(of(draw(st.sampled_from(["shared_bus", "ring", "switch"])), N, alpha=0.01, beta=100.0))
    for k in range(draw(st.integers(1, 12))):
        after = draw(st.lists(st.integers(0, k - 1), max_size=2)) if k else []
        source = draw(st.integers(0, N - 1))
        if draw(st.booleans()):
            program.compute(source, draw(st.floats(0, 2)), f"task {k}", after=after)
        else:
            target = (source + draw(st.integers(1, N - 1))) % N
            program.message(source, target, draw(st.integers(0, 300)), f"task {k}", after=after)
    return program


@given(programs())
def test_time_and_bytes_are_conserved(program):
    timeline = program.run()
    devices = range(program.cluster.N)
    for task, span in zip(program.tasks, timeline.spans, strict=True):
        assert span is not None and span.end >= span.start
        assert all(timeline.spans[k].end <= span.start for k in task.after)
        if task.target is None:
            assert span.end - span.start == pytest.approx(task.seconds, abs=1e-12)
        else:  # never faster than alone
            alone = program.cluster.seconds(task.device, task.target, task.nbytes)
            assert span.end - span.start >= alone * (1 - 1e-9)
    assert sum(timeline.sent(d) for d in devices) == sum(timeline.received(d) for d in devices)
    for d in devices:
        shares = timeline.shares(d)
        assert sum(shares.values()) == pytest.approx(timeline.end, abs=1e-9)
        computed = sum(t.seconds for t in program.tasks if t.device == d and t.target is None)
        assert shares["compute"] == pytest.approx(computed, abs=1e-9)  # one stream: computations never overlap
    for d in devices:  # tasks of a stream follow each other in the order in which they were added
        for stream in ("compute", "copy"):
            mine = [s for s in timeline.spans if s.device == d and s.stream == stream]
            assert all(a.end <= b.start + 1e-12 for a, b in zip(mine, mine[1:], strict=False))


@given(programs())
def test_the_same_program_gives_the_same_timeline(program):
    assert program.run().spans == program.run().spans


def test_busy_time_is_at_most_devices_times_the_end():
    program = Program(of("switch", 3))
    for d in range(3):
        program.compute(d, 1.0 + d, "work")
    timeline = program.run()
    assert sum(timeline.shares(d)["compute"] for d in range(3)) <= 3 * timeline.end


def test_intervals_are_merged_and_subtracted():
    assert merged([(3, 4), (0, 1), (1, 2), (3.5, 5)]) == [(0, 2), (3, 5)]
    assert length([(0, 2), (3, 5)]) == 4
    assert without([(0, 4), (6, 8)], [(1, 2), (3, 7)]) == [(0, 1), (2, 3), (7, 8)]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda p: p.compute(0, -1.0, "x"), "-1.0 seconds"),
        (lambda p: p.compute(7, 1.0, "x"), "no device 7"),
        (lambda p: p.compute(0, 1.0, "x", after=[3]), "added before"),
        (lambda p: p.message(0, 0, 1.0, "x"), "two different devices"),
        (lambda p: p.message(0, 1, float("nan"), "x"), "nan bytes"),
    ],
)
def test_bad_tasks_get_a_sentence(call, said):
    with pytest.raises(DataError) as error:
        call(Program(of("switch", 2)))
    assert said in str(error.value)


def test_without_simpy_the_sentence_says_what_to_install(monkeypatch):
    import sys

    from edfcore.errors import MissingExtra

    monkeypatch.setitem(sys.modules, "simpy", None)
    with pytest.raises(MissingExtra, match="SimPy"):
        Program(SimpleNamespace(N=1, wires=(), devices=())).run()
