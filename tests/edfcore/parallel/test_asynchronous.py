"""Policies of a parameter server: closed forms in time, the journal's own laws, and the values that it makes."""

import json
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from math import sqrt
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.errors import DataError, MissingExtra
from edfcore.models import residual_mlp
from edfcore.optimizers import SGD, Adam, Momentum
from edfcore.parallel.asynchronous import (
    POLICIES,
    Event,
    Log,
    largest_stable_rate,
    replay,
    sharded,
    simulate,
)
from edfcore.parallel.comm.local import run
from edfcore.parallel.data_parallel import DataParallel
from edfcore.parallel.stragglers import Exponential, Lognormal, parse

quick = settings(max_examples=40, deadline=None)
STRAGGLERS = ["steady", "exponential", "lognormal:0.3", "pareto:2.5", "slow:0:3"]


@st.composite
def cases(draw, policies=POLICIES):
    """Arguments of simulate."""
    policy = draw(st.sampled_from(policies))
    return {
        "policy": policy,
        "N": draw(st.integers(1, 6)),
        "seconds": draw(st.sampled_from([1e-3, 1.0, 7.5])),
        "nbytes": draw(st.sampled_from([0, 1e6, 3e8])),
        "bandwidth": 1e9,
        "latency": draw(st.sampled_from([0.0, 1e-5, 0.1])),
        "straggler": draw(st.sampled_from(STRAGGLERS)),
        "steps": draw(st.integers(1, 12)),
        "seed": draw(st.integers(0, 1000)),
        "backup": draw(st.integers(0, 3)) if policy == "backup" else 0,
        "bound": draw(st.integers(0, 4)) if policy == "stale" else 0,
    }


# Laws that every journal obeys


@quick
@given(cases())
def test_every_gradient_is_applied_or_dropped_exactly_once(case):
    log = simulate(**case)
    keys = {kind: [(e.worker, e.step) for e in log.events if e.kind == kind] for kind in ("pull", "push")}
    fates = [(e.worker, e.step) for e in log.events if e.kind in ("apply", "drop")]
    assert max(Counter(fates).values()) == max(Counter(keys["push"]).values()) == 1
    assert len(log.applied) == case["N"] * case["steps"]
    assert set(fates) == set(keys["push"]) <= set(keys["pull"])
    assert Counter(keys["pull"]).most_common(1)[0][1] == 1
    under_way = Counter(worker for worker, _ in set(keys["pull"]) - set(fates))
    assert all(n == 1 for n in under_way.values())  # at the end a worker has at most one gradient in hand
    if case["policy"] in ("synchronous", "stale") and case["bound"] == 0:
        assert not under_way
    assert case["policy"] == "backup" or not log.dropped


@quick
@given(cases())
def test_a_version_counts_the_gradients_applied_and_staleness_is_what_came_between(case):
    log, applied = simulate(**case), 0
    size = case["N"] if case["policy"] in ("synchronous", "backup") else 1
    for n, event in enumerate(log.events):
        if event.kind == "apply" and (applied == 0 or event.version > log.applied[applied - 1].version):
            before = log.applied[applied - 1].version if applied else 0
            assert event.version == before + size
        applied += event.kind == "apply"
        if event.kind == "pull":
            assert event.read == event.version == applied
        if event.kind == "apply":
            assert event.staleness == event.version - size - event.read >= 0
            assert event.staleness == 0 or case["policy"] in ("stale", "asynchronous")
        if event.kind == "drop":
            assert event.staleness == event.version - event.read == applied - event.read > 0
        assert n == 0 or log.events[n - 1].time <= event.time
    assert log.events[-1].version == applied == case["N"] * case["steps"]
    assert [len(group) for group in log.updates()] == [size] * (applied // size)


@quick
@given(cases())
def test_work_is_conserved(case):
    log = simulate(**case)
    end, workers = log.end, log.settings.workers
    for w in range(workers):
        spans = [s for s in log.spans if s.worker == w]
        assert all(a.end == b.start for a, b in pairwise(spans)) and all(s.start < s.end for s in spans)
        assert spans[0].start == 0 and spans[-1].end == end
    # Each gradient that arrived was computed for seconds times its factor, no longer and no shorter.
    first = parse(case["straggler"]).factors(np.random.default_rng([case["seed"], 0]), case["steps"], workers)
    arrived = [(e.worker, e.step) for e in log.events if e.kind == "push" and e.step < case["steps"]]
    spent = {(s.worker, s.step): s.end - s.start for s in log.spans if s.kind == "compute"}
    for w, k in arrived:
        assert spent[w, k] == pytest.approx(case["seconds"] * first[k, w], rel=1e-9, abs=1e-12 * end)
    # The wire holds one message at a time: those that arrived, and part of those that are on their way.
    message = case["nbytes"] / case["bandwidth"]
    pushes, pulls = (sum(e.kind == kind for e in log.events) for kind in ("push", "pull"))
    assert 0 <= log.wire <= end * (1 + 1e-12)
    sent = 2 * pushes * message
    assert sent - 1e-9 * end <= log.wire <= sent + 2 * (pulls - pushes) * message + 1e-9 * end
    total = sum(log.spent(kind) for kind in ("compute", "pull", "push", "wait"))
    assert total == pytest.approx(workers * end, rel=1e-12)
    assert log.idle == pytest.approx(log.spent("wait") / (workers * end))


@quick
@given(cases())
def test_two_transfers_never_hold_the_wire_at_once(case):
    log = simulate(**(case | {"latency": 0.0}))
    moves = sorted((s.start, s.end) for s in log.spans if s.kind in ("pull", "push"))
    assert all(a[1] <= b[0] for a, b in pairwise(moves))
    assert sum(end - start for start, end in moves) == pytest.approx(log.wire, abs=1e-9 * log.end)


@quick
@given(cases(["stale"]))
def test_nobody_begins_more_than_s_steps_ahead_of_the_slowest(case):
    log, done = simulate(**case), [0] * case["N"]
    for event in log.events:
        if event.kind == "pull":
            assert event.step == done[event.worker]
            assert event.step - min(done) <= case["bound"]
        done[event.worker] += event.kind == "apply"
    # Between reading and applying, each other worker goes from at least k - s to at most k + s + 1 steps.
    assert log.max_staleness <= (case["N"] - 1) * (2 * case["bound"] + 1)


@quick
@given(cases(["asynchronous"]))
def test_two_gradients_of_a_worker_are_never_under_way_together(case):
    log = simulate(**case)
    reads = {(e.worker, e.step): e.read for e in log.applied}
    versions = {(e.worker, e.step): e.version for e in log.applied}
    assert all(reads[w, k] >= versions[w, k - 1] for w, k in reads if k)


@quick
@given(cases())
def test_the_same_arguments_give_the_same_log_and_json_gives_it_back(case):
    log = simulate(**case)
    assert simulate(**case) == log
    assert Log.from_json(log.to_json()) == log


# How the policies hang together


@quick
@given(cases(["synchronous"]))
def test_no_backup_workers_are_synchronous(case):
    a, b = simulate(**case), simulate(**(case | {"policy": "backup"}))
    assert (a.events, a.spans, a.wire) == (b.events, b.spans, b.wire)
    assert {e.staleness for e in a.applied} == {0}


@quick
@given(cases(["synchronous"]))
def test_a_staleness_bound_of_0_reads_the_synchronous_versions_at_the_same_times(case):
    a, b = simulate(**case), simulate(**(case | {"policy": "stale", "bound": 0}))
    journal = [[(e.time, e.kind, e.worker, e.step, e.read) for e in log.events] for log in (a, b)]
    for kind in ("pull", "push"):
        assert [e for e in journal[0] if e[1] == kind] == [e for e in journal[1] if e[1] == kind]
    assert a.spans == b.spans


@quick
@given(cases(["asynchronous"]))
def test_a_large_staleness_bound_is_asynchronous(case):
    a, b = simulate(**case), simulate(**(case | {"policy": "stale", "bound": case["N"] * case["steps"]}))
    assert a.events == b.events


@quick
@given(cases())
def test_one_worker_is_never_stale_and_takes_the_sum_of_its_times(case):
    log = simulate(**(case | {"N": 1, "backup": 0}))
    steps = case["steps"]
    factors = parse(case["straggler"]).factors(np.random.default_rng([case["seed"], 0]), steps, 1)
    message = case["nbytes"] / case["bandwidth"] + case["latency"]
    assert log.end == pytest.approx(case["seconds"] * factors.sum() + 2 * steps * message, rel=1e-12)
    assert log.max_staleness == 0 and log.idle == 0


# Time in closed form


@pytest.mark.parametrize("N", [2, 4, 8, 16])
def test_synchronous_steps_with_exponential_stragglers_take_H_N(N):
    steps = 2000
    log = simulate("synchronous", N, 1.0, straggler="exponential", steps=steps, seed=9)
    deviation = sqrt(sum(1 / k**2 for k in range(1, N + 1)))  # of the largest of N
    expected = Exponential().expected_maximum(N)
    assert abs(log.end / steps - expected) <= 5 * deviation / sqrt(steps)
    # N gradients of mean 1 second in H_N seconds: the rest is waiting
    assert log.idle == pytest.approx(1 - 1 / expected, abs=5 / sqrt(steps))


def test_synchronous_time_is_the_sum_of_the_largest_factors():
    log = simulate("synchronous", 5, 0.25, straggler="lognormal:0.5", steps=50, seed=4)
    factors = Lognormal(0.5).factors(np.random.default_rng([4, 0]), 50, 5)
    assert log.end == pytest.approx(0.25 * factors.max(axis=1).sum(), rel=1e-12)


@pytest.mark.parametrize("N", [1, 2, 5])
@pytest.mark.parametrize("compute", [0.01, 10.0])
def test_a_synchronous_round_over_one_wire(N, compute):
    # Pull n arrives at n m + a, computes for c, and is pushed when the wire is free: after all the pulls, in turn.
    m, a = 0.125, 0.0625
    log = simulate("synchronous", N, compute, nbytes=m * 2**20, bandwidth=2**20, latency=a, steps=3)
    assert log.end == pytest.approx(3 * (max(m + a + compute, N * m) + N * m + a), rel=1e-12)
    assert log.wire == 3 * 2 * N * m


def test_asynchronous_workers_never_wait_where_messages_cost_nothing():
    log = simulate("asynchronous", 6, 1.0, straggler="exponential", steps=100, seed=1)
    assert log.idle == 0 and log.server_busy == 0
    assert log.throughput == pytest.approx(6, abs=5 * 6 / sqrt(600))  # N gradients per mean time, by renewal


def test_asynchronous_throughput_is_limited_by_the_wire():
    log = simulate("asynchronous", 40, 1.0, nbytes=1e8, bandwidth=1e9, steps=20)
    assert log.throughput <= 1 / 0.2
    assert log.server_busy > 0.98


def test_staleness_of_steady_asynchronous_workers_is_N_less_1():
    log = simulate("asynchronous", 5, 1.0, steps=10)
    assert [e.staleness for e in log.applied] == [0, 1, 2, 3] + [4] * 46


def test_backup_workers_save_time_where_one_device_is_slow_and_drop_what_it_computes():
    waiting = simulate("synchronous", 5, 1.0, straggler="slow:0:10.5", steps=20)
    backup = simulate("backup", 4, 1.0, straggler="slow:0:10.5", steps=20, backup=1)
    assert waiting.end == 210 and backup.end == 20
    assert {e.worker for e in backup.dropped} == {0} and {e.worker for e in backup.applied} == {1, 2, 3, 4}
    assert [(e.time, e.read, e.staleness) for e in backup.dropped] == [(10.5, 0, 40)]  # the second would come at 21


def test_a_slow_device_holds_back_the_synchronous_and_little_of_the_asynchronous():
    end = {p: simulate(p, 4, 1.0, straggler="slow:0:4", steps=32).end for p in ("synchronous", "stale", "asynchronous")}
    assert end["synchronous"] == end["stale"] == 128  # s = 0
    assert end["asynchronous"] == pytest.approx(32 * 4 / 3.25, abs=1.0)  # rates 1/4, 1, 1, 1


def test_ties_go_by_worker():
    log = simulate("asynchronous", 4, 1.0, nbytes=1e6, bandwidth=1e9, steps=3)
    assert [e.worker for e in log.applied] == [0, 1, 2, 3] * 3


# What is shown and kept


def test_the_timeline_in_letters_shows_each_share_of_the_time():
    log = simulate("synchronous", 2, 2.0, nbytes=1e9, bandwidth=1e9, straggler="slow:1:1.5", steps=1)
    # worker 0: pull 0-1, compute 1-3, push 3-4, wait; worker 1: wait, pull 1-2, compute 2-5, push 5-6
    assert log.text(width=6).splitlines()[1:] == ["   0 <##>..", "   1 .<###>"]
    assert log.rows()[0] == {"worker": 0, "start": 0.0, "end": 1.0, "kind": "pull"}
    assert "2 workers: 2 gradients applied and 0 dropped in 6 s" in log.summary()


def test_a_log_is_saved_and_loaded_exactly(tmp_path):
    log = simulate("backup", 3, 1 / 3, nbytes=1e7, latency=1e-4, straggler="pareto:2.5", steps=9, backup=2, seed=3)
    log.save(tmp_path / "log.json")
    assert Log.load(tmp_path / "log.json") == log
    json.loads((tmp_path / "log.json").read_text(), parse_constant=pytest.fail)  # no Infinity, no NaN


def test_numbers_of_numpy_are_taken_and_kept_as_plain_ones():
    log = simulate("synchronous", np.int64(2), np.float64(1.0), steps=np.int32(2))
    assert Log.from_json(log.to_json()) == log


def test_what_is_no_log_is_refused_in_a_sentence(tmp_path):
    good = json.loads(simulate("synchronous", 1, 1.0, steps=1).to_json())
    for text in ("", "[]", "{}", json.dumps(good | {"events": [[1]]}), json.dumps(good | {"settings": {"N": 1}})):
        with pytest.raises(DataError, match="this is no log"):
            Log.from_json(text)
    with pytest.raises(DataError, match="the format is 2; this version reads 1"):
        Log.from_json(json.dumps(good | {"format": 2}))
    with pytest.raises(DataError, match="cannot be read"):
        Log.load(tmp_path / "none.json")
    with pytest.raises(DataError, match="cannot be written"):
        Log.from_json(json.dumps(good)).save(tmp_path / "no" / "folder.json")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"policy": "eventually"}, "policy is 'eventually'; one of synchronous"),
        ({"N": 0}, "N is 0"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"seconds": 0}, "seconds is 0; a finite number above 0"),
        ({"bandwidth": float("inf")}, "bandwidth is inf; a finite number above 0"),
        ({"latency": -1}, "latency is -1; a finite number of at least 0"),
        ({"backup": 1}, "backup is 1, which only the policy 'backup' uses"),
        ({"bound": 2}, "bound is 2, which only the policy 'stale' uses"),
        ({"straggler": "slow:2:2"}, "device 2 is slow, but there are 2 devices"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_a_sentence(changes, sentence):
    with pytest.raises(DataError) as error:
        simulate(**({"policy": "synchronous", "N": 2, "seconds": 1.0, "steps": 2} | changes))
    assert sentence in str(error.value)


def test_without_simpy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "simpy", None)
    with pytest.raises(MissingExtra, match="parameter server needs SimPy"):
        simulate("synchronous", 2, 1.0)


# Values


def network():
    return residual_mlp(np.random.default_rng(0), depth=3, width=5, fan_in=4, classes=3, dtype="float64")


def instances(n=60, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)), rng.integers(0, 3, size=n)


def sgd(graph):
    return SGD(graph, lr=0.1, momentum=0.9)


def same(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def close(some, others):
    return all(np.abs(a - b).max() <= 1e-12 for a, b in zip(some, others, strict=True))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("optimizer", [sgd, Adam])
def test_the_same_log_gives_bitwise_the_same_parameters(policy, optimizer, tmp_path):
    extra = {"backup": {"backup": 2}, "stale": {"bound": 1}}.get(policy, {})
    log = simulate(policy, 3, 1.0, nbytes=1e6, straggler="exponential", steps=10, seed=5, **extra)
    log.save(tmp_path / "log.json")
    data = sharded(*instances(), B=12, workers=log.settings.workers)
    found = [replay(some, network, data, optimizer) for some in (log, Log.load(tmp_path / "log.json"))]
    assert same(found[0].params, found[1].params) and np.array_equal(found[0].losses, found[1].losses)
    assert not close(found[0].params, [p.value for p in network().graph.params])


@pytest.mark.parametrize("N, B", [(1, 12), (2, 12), (3, 10), (4, 7), (8, 5)])
def test_synchronous_is_data_parallel_training_even_with_unequal_and_empty_shards(N, B):
    x, y = instances()
    batches = [(x[k : k + B], y[k : k + B]) for k in range(0, len(x) - B + 1, B)]
    log = simulate("synchronous", N, 1.0, straggler="exponential", steps=20, seed=2)
    found = replay(log, network, sharded(x, y, B, N), sgd)

    def program(comm):
        net = network()
        trained = DataParallel(comm, net, sgd(net.graph))
        losses = [trained.step(*batches[k % len(batches)]) for k in range(20)]
        return [p.value for p in net.graph.params], losses

    params, losses = run(program, N)[0]
    assert close(found.params, params)
    assert np.abs(found.losses - losses).max() <= 1e-12


def test_one_asynchronous_worker_is_plain_descent_bitwise():
    x, y = instances()
    log = simulate("asynchronous", 1, 1.0, nbytes=1e6, straggler="lognormal:0.4", steps=20)
    found = replay(log, network, sharded(x, y, 7, 1), sgd)
    net = network()
    optimizer = sgd(net.graph)
    losses = [net.step(optimizer, x[k : k + 7], y[k : k + 7]) for k in [*range(0, 56, 7)] * 3][:20]
    again = network()
    optimizer = sgd(again.graph)
    for k in ([*range(0, 56, 7)] * 3)[:20]:
        again.step(optimizer, x[k : k + 7], y[k : k + 7])
    assert same(found.params, [p.value for p in again.graph.params])
    assert np.abs(found.losses - losses).max() <= 1e-12


def test_a_bound_of_0_with_a_rate_of_1_Nth_is_synchronous():
    # At the same version N single steps of lr/N make the step of the mean, up to rounding.
    data = sharded(*instances(), B=12, workers=3)
    case = {"N": 3, "seconds": 1.0, "straggler": "exponential", "steps": 15}
    a = replay(simulate("synchronous", **case), network, data, lambda graph: SGD(graph, lr=0.3))
    b = replay(simulate("stale", **case), network, data, lambda graph: SGD(graph, lr=0.1))
    assert close(a.params, b.params)


def test_backup_workers_gradients_that_were_dropped_leave_no_trace():
    log = simulate("backup", 2, 1.0, straggler="slow:0:10", steps=12, backup=1)
    assert log.dropped
    x, y = instances()
    plain = sharded(x, y, 12, 3)

    def poisoned(worker, step):
        return (plain(worker, step)[0] * 1e6 if worker == 0 else plain(worker, step)[0]), plain(worker, step)[1]

    assert same(replay(log, network, plain, sgd).params, replay(log, network, poisoned, sgd).params)


def test_each_gradient_is_taken_at_the_version_that_was_read():
    # On w^2/2 plain steps follow w(v+1) = w(v) - lr w(read), which is computed here from the journal alone.
    log = simulate("asynchronous", 4, 1.0, nbytes=1e8, straggler="pareto:2.5", steps=12, seed=8)
    w = [1.0]
    for event in log.applied:
        w.append(w[-1] - 0.2 * w[event.read])
    assert len({event.staleness for event in log.applied}) > 3
    assert np.allclose(path(log, 0.2), w, rtol=1e-12, atol=0)


def quadratic(curvature=1.0):
    """l = lambda/2 w^2, with w = 1 at first."""
    with edf.Graph() as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W = edf.Param([[1.0]], "W")
        loss = edf.SquaredLoss(sqrt(curvature) * (x @ W), y)
    return SimpleNamespace(graph=graph, x=x, y=y, loss=loss, W=W)


def path(log, lr, curvature=1.0, optimizer=SGD):
    """w after each update, with w(0) first."""
    values = [1.0]
    one = np.ones((1, 1))
    replay(
        log,
        lambda: quadratic(curvature),
        lambda worker, step: (one, 0 * one),
        lambda graph: optimizer(graph, lr=lr),
        on_update=lambda version, net: values.append(float(net.W.value[0, 0])),
    )
    return values


@pytest.mark.parametrize("delay", [0, 1, 2, 3, 7])
def test_the_stability_limit_is_where_a_root_leaves_the_unit_circle(delay):
    limit = largest_stable_rate(2.0, delay) * 2.0
    for a, inside in ((0.999 * limit, True), (1.001 * limit, False)):
        equation = np.zeros(delay + 2)
        equation[:2] = 1.0, -1.0
        equation[-1] += a  # z^(tau+1) - z^tau + a
        assert (np.abs(np.roots(equation)).max() < 1) == inside


@pytest.mark.parametrize("delay", [0, 1, 4])
def test_constant_staleness_is_stable_below_the_limit_and_not_above_it(delay):
    log = simulate("asynchronous", delay + 1, 1.0, steps=600 // (delay + 1))
    assert {e.staleness for e in log.applied[delay:]} == {delay}
    limit, curvature = largest_stable_rate(3.0, delay), 3.0
    below, above = (np.abs(path(log, lr, curvature)) for lr in (0.9 * limit, 1.1 * limit))
    assert below[-50:].max() < 1e-2 < 1 < above[-50:].max()


def test_staleness_destabilises_what_converges_without_it():
    steps, lr = 300, 0.5
    plain = simulate("asynchronous", 1, 1.0, steps=steps)
    stale = simulate("asynchronous", 6, 1.0, steps=steps // 6)
    assert lr < largest_stable_rate(1.0, 0) and lr > largest_stable_rate(1.0, 5)
    assert abs(path(plain, lr)[-1]) < 1e-12 and max(map(abs, path(stale, lr)[-20:])) > 1e3


def test_long_delays_leave_pi_over_twice_the_delay():
    assert largest_stable_rate(1.0, 10_000) * 20_000 == pytest.approx(np.pi, rel=1e-3)
    for bad in (-1, 0.5):
        with pytest.raises(DataError, match="delay is"):
            largest_stable_rate(1.0, bad)
    with pytest.raises(DataError, match="curvature is 0"):
        largest_stable_rate(0, 1)


# Planted faults


def planted(log, n, **changes):
    events = list(log.events)
    events[n] = replace(events[n], **changes)
    return replace(log, events=tuple(events))


@pytest.fixture(scope="module")
def journal():
    return simulate("asynchronous", 3, 1.0, nbytes=1e8, straggler="exponential", steps=4, seed=6)


def attempt(log):
    return replay(log, network, sharded(*instances(), B=12, workers=3), sgd)


def test_a_version_that_was_not_there_to_be_read_is_caught(journal):
    n = next(n for n, e in enumerate(journal.events) if e.kind == "pull" and e.read > 2)
    with pytest.raises(DataError, match=f"event {n}, pull of worker .*: it read version 1, but the server is at"):
        attempt(planted(journal, n, read=1))


def test_a_gradient_applied_twice_is_caught(journal):
    last = journal.events[-1]
    twice = replace(journal, events=(*journal.events, replace(last, version=last.version + 1)))
    with pytest.raises(DataError, match="was not pulled, or has been applied or dropped before"):
        attempt(twice)


def test_a_gradient_applied_before_it_arrived_is_caught(journal):
    events = [e for e in journal.events if (e.kind, e.worker, e.step) != ("push", 1, 2)]
    with pytest.raises(DataError, match="apply of worker 1's step 2: this gradient has not arrived"):
        attempt(replace(journal, events=tuple(events)))


def test_a_version_that_was_skipped_is_caught(journal):
    n = len(journal.events) - 1
    with pytest.raises(DataError, match="a version counts the gradients applied"):
        attempt(planted(journal, n, version=journal.events[n].version + 1))


def test_a_step_pulled_twice_and_an_unknown_kind_are_caught(journal):
    first = journal.events[0]
    with pytest.raises(DataError, match="this step was pulled before"):
        attempt(replace(journal, events=(first, *journal.events)))
    push = next(n for n, e in enumerate(journal.events) if e.kind == "apply")
    with pytest.raises(DataError, match="there is no such kind of event"):
        attempt(planted(journal, push, kind="applied"))


def test_bad_data_is_refused_in_a_sentence(journal):
    with pytest.raises(DataError, match="gave 2 instances, 1 targets"):
        replay(journal, network, lambda w, k: (np.zeros((2, 4)), np.zeros(1, int)), sgd)
    with pytest.raises(DataError, match="has no instances"):
        replay(journal, network, lambda w, k: (np.zeros((0, 4)), np.zeros(0, int)), sgd)
    with pytest.raises(DataError, match="equal numbers of at least B = 9"):
        sharded(np.zeros(8), np.zeros(8), 9, 2)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4))
@quick
def test_shards_hold_every_instance_of_an_epoch_once(B, workers, batches):
    x = np.arange(B * batches)
    data = sharded(x, x, B, workers)
    found = np.concatenate([data(w, k)[0] for k in range(batches) for w in range(workers)])
    assert np.array_equal(found, x)
    assert np.array_equal(data(0, batches)[0], data(0, 0)[0])


def test_an_optimizer_with_a_memory_lives_on_the_server():
    log = simulate("asynchronous", 2, 1.0, steps=3)
    assert isinstance(log.events[0], Event)
    v, w = 0.0, [1.0]
    for event in log.applied:
        v = 0.9 * v + w[event.read]
        w.append(w[-1] - 0.1 * v)

    def momentum(graph, lr):
        return Momentum(graph, lr=lr, momentum=0.9)

    assert np.allclose(path(log, 0.1, optimizer=momentum), w, rtol=1e-12)
