"""However a network is shared out, the ranks together take the steps of one device; and faults are seen.

The networks of one device are written out below from the components themselves, or are those of `models`.
"""

import queue
from functools import cache
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore import models
from edfcore.data import load_mnist
from edfcore.initializers import kaiming_normal
from edfcore.optimizers import SGD, Adam
from edfcore.parallel import strategies
from edfcore.parallel.comm.base import Alone, Comm
from edfcore.parallel.comm.local import run
from edfcore.parallel.comm.recorded import Recorded
from edfcore.parallel.data_parallel import DataParallel, same_on_all
from edfcore.parallel.errors import OutOfMemory
from edfcore.parallel.hybrid import Hybrid
from edfcore.parallel.layers import Gather, Part
from edfcore.parallel.machine import SimDevice
from edfcore.parallel.pipeline import Pipeline, cut, flops, stage
from edfcore.parallel.stages import actions
from edfcore.parallel.strategies import (
    ModelParallel,
    column_conv,
    columns,
    mlp,
    network,
    split_conv,
    split_dense_column,
    split_dense_row,
    split_lenet,
    split_mlp,
    two_columns,
)

RANKS = (1, 2, 3, 4, 8)
MESH = {1: (1, 1), 2: (1, 2), 3: (3, 1), 4: (2, 2), 8: (4, 2)}
OPTIMIZERS = {
    "momentum": lambda graph: SGD(graph, lr=0.05, momentum=0.9),
    "adam": lambda graph: Adam(graph, lr=0.01),
}
SIZES = [9, 9, 2, 9, 5, 9, 7, 3, 9, 9] * 2  # lengths of 20 batches; with 4 and 8 ranks some shards are empty
WIDTHS, DEEP = (6, 9, 7, 10), (6, 9, 7, 8, 5, 8, 6, 9, 10)  # 3 and 8 dense layers
LENET = dict(maps=(3, 4), dense=(6,), classes=10, side=16)
COLUMNS = dict(maps=(2, 4, 4, 2), dense=(5,), classes=10, side=8)


def rng(seed=0):
    return np.random.default_rng(seed)


# One device


def dense_network(widths, norm=False):
    with edf.Graph():
        h, random = edf.Input("x"), rng()
        x, y = h, edf.Input("y")
        for layer, (i, j) in enumerate(pairwise(widths)):
            h = h @ edf.Param(kaiming_normal((i, j), random))
            last = layer == len(widths) - 2
            if norm and not last:
                h = edf.BatchNorm(h, edf.Param(np.ones(j)), edf.Param(np.zeros(j)))
            else:
                h = h + edf.Param(np.zeros(j))
            h = h if last else edf.ReLU(h)
        return models.Classifier(x, y, h, edf.CrossEntropy(h, y))


def column_network(maps, dense, classes, side):
    """Grouped convolutions on one device: the second and the fourth in two groups."""
    with edf.Graph():
        h, random, below = edf.Input("x"), rng(), 1
        x, y = h, edf.Input("y")
        for k, o in enumerate(maps):
            groups = 2 if k in (1, 3) else 1
            h = edf.Conv2d(h, edf.Param(kaiming_normal((o, below // groups, 3, 3), random)), padding=1, groups=groups)
            h = edf.MaxPool2d(h) if k < 2 else h
            h, below = edf.ReLU(edf.AddChannelBias(h, edf.Param(np.zeros(o)))), o
        h, widths = edf.Reshape(h), (below * (side // 4) ** 2, *dense, classes)
        for layer, (i, j) in enumerate(pairwise(widths)):
            h = (edf.ReLU(h) if layer else h) @ edf.Param(kaiming_normal((i, j), random)) + edf.Param(np.zeros(j))
        return models.Classifier(x, y, h, edf.CrossEntropy(h, y))


ONE_DEVICE = {
    "mlp": lambda: dense_network(WIDTHS, norm=True),
    "deep": lambda: dense_network(DEEP),
    "lenet": lambda: models.lenet(rng(), dtype="float64", **LENET),
    "columns": lambda: column_network(**COLUMNS),
}
INSTANCE = {"mlp": (6,), "deep": (6,), "lenet": (1, 16, 16), "columns": (1, 8, 8)}


def batches(name, sizes=tuple(SIZES)):
    random = rng(1)
    return [(random.normal(size=(B, *INSTANCE[name])), random.integers(0, 10, B)) for B in sizes]


@cache
def one_device(name, optimizer, sizes=tuple(SIZES)):
    """Losses of all steps, parameters after them, gradients of the last one."""
    net = ONE_DEVICE[name]()
    rule = OPTIMIZERS[optimizer](net.graph)
    losses = [net.step(rule, x, y) for x, y in batches(name, sizes)]
    return losses, [p.value for p in net.graph.params], [p.grad for p in net.graph.params]


# Many devices


def data_parallel(comm, rule, **options):
    net = network(mlp(rng(), WIDTHS, norm=True), data=comm)
    return DataParallel(comm, net, rule(net.graph), **options)


def model_parallel(make):
    def strategy(comm, rule):
        net = make(comm)
        return ModelParallel(comm, net, rule(net.graph))

    return strategy


def pipeline(schedule):
    def strategy(comm, rule):
        part = stage(comm, cut(mlp(rng(), DEEP), comm.size))
        return Pipeline(comm, part, rule(part.graph), micro_batches=4, schedule=schedule)

    return strategy


def hybrid(build, **options):
    return lambda comm, rule: Hybrid(comm, MESH[comm.size], build, rule, **options)


STRATEGIES = {
    "data": ("mlp", data_parallel),
    "dense layers split": ("mlp", model_parallel(lambda comm: split_mlp(comm, rng(), WIDTHS, norm=True))),
    "filters split": ("lenet", model_parallel(lambda comm: split_lenet(comm, rng(), **LENET))),
    "two columns": ("columns", model_parallel(lambda comm: two_columns(comm, rng(), **COLUMNS))),
    "pipeline, gpipe": ("deep", pipeline("gpipe")),
    "pipeline, 1f1b": ("deep", pipeline("1f1b")),
    "data x model": ("mlp", hybrid(lambda model, data: split_mlp(model, rng(), WIDTHS, norm=True, data=data))),
    "data x columns": ("columns", hybrid(lambda model, data: two_columns(model, rng(), **COLUMNS))),
    "data x pipeline": (
        "deep",
        hybrid(lambda model, data: stage(model, cut(mlp(rng(), DEEP), model.size)), micro_batches=3),
    ),
}


def train(comm, make, data, rule):
    strategy = make(comm, rule)
    losses = [strategy.step(x, y) for x, y in data]
    return losses, strategy.parameters(), strategy.gradients()


def train_everywhere(make, N, name, optimizer, sizes=tuple(SIZES)):
    return run(train, N, make, batches(name, sizes), OPTIMIZERS[optimizer])


def difference(found, expected):
    """The largest difference of losses, parameters and gradients."""
    pairs = [(found[0], expected[0]), *zip(found[1] + found[2], expected[1] + expected[2], strict=True)]
    return max(np.abs(np.subtract(a, b)).max() for a, b in pairs)


def bitwise_equal(results):
    first = results[0]
    return all(
        r[0] == first[0] and all(np.array_equal(a, b) for k in (1, 2) for a, b in zip(r[k], first[k], strict=True))
        for r in results
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("N", RANKS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_twenty_steps_of_any_strategy_are_those_of_one_device(strategy, N, optimizer):
    name, make = STRATEGIES[strategy]
    results = train_everywhere(make, N, name, optimizer)
    assert difference(results[0], one_device(name, optimizer)) < 1e-12
    assert bitwise_equal(results)


def groups_of(comm, mesh):
    hybrid = Hybrid(comm, mesh, lambda model, data: split_mlp(model, rng(), WIDTHS), OPTIMIZERS["adam"])
    return hybrid.model.ranks, hybrid.data.ranks


@pytest.mark.parametrize("N, mesh", [(6, (2, 3)), (6, (3, 2)), (6, (1, 6)), (8, (2, 4))])
def test_other_meshes_too(N, mesh, monkeypatch):
    """A replica's ranks are neighbours."""
    monkeypatch.setitem(MESH, N, mesh)
    for k, (model, data) in enumerate(run(groups_of, N, mesh)):
        replica, place = divmod(k, mesh[1])
        assert model == tuple(range(replica * mesh[1], (replica + 1) * mesh[1]))
        assert data == tuple(range(place, N, mesh[1]))
    for strategy in ("data x model", "data x pipeline"):
        name, make = STRATEGIES[strategy]
        assert difference(train_everywhere(make, N, name, "adam")[0], one_device(name, "adam")) < 1e-12


@pytest.mark.parametrize("strategy", [s for s, (name, _) in STRATEGIES.items() if name != "mlp"])
def test_a_batch_of_one_instance_in_the_middle(strategy):
    """All shards but one, and all micro-batches but one, are empty. (Batch norm has no variance there.)"""
    name, make = STRATEGIES[strategy]
    results = train_everywhere(make, 4, name, "adam", (9, 1, 9))
    assert difference(results[0], one_device(name, "adam", (9, 1, 9))) < 1e-12 and bitwise_equal(results)


@pytest.mark.parametrize("algorithm", ["tree", "halving-doubling", "parameter server"])
def test_any_all_reduce_serves_data_parallelism(algorithm):
    results = train_everywhere(lambda comm, rule: data_parallel(comm, rule, algorithm=algorithm), 3, "mlp", "momentum")
    assert difference(results[0], one_device("mlp", "momentum")) < 1e-12 and bitwise_equal(results)


def test_running_statistics_are_one_devices_too():
    """Batch norm synchronized over replicas, its features split within each: 2 x 2 ranks."""
    net = dense_network(WIDTHS, norm=True)
    rule = OPTIMIZERS["momentum"](net.graph)
    for x, y in batches("mlp"):
        net.step(rule, x, y)
    expected = [n.state for n in net.graph.nodes if isinstance(n, edf.BatchNorm)]

    def program(comm):
        made = []

        def build(model, data):
            made.append(split_mlp(model, rng(), WIDTHS, norm=True, data=data))
            return made[0]

        train(comm, lambda comm, rule: Hybrid(comm, (2, 2), build, rule), batches("mlp"), OPTIMIZERS["momentum"])
        return [n.state for n in made[0].graph.nodes if isinstance(n, edf.BatchNorm)]

    results = run(program, 4)
    for name in ("running_mean", "running_var"):
        split = np.concatenate([results[0][0][name], results[1][0][name]])  # after the first layer: by columns
        np.testing.assert_allclose(split, expected[0][name], rtol=0, atol=1e-12)
        np.testing.assert_allclose(results[3][1][name], expected[1][name], rtol=0, atol=1e-12)  # the second: whole


def test_scores_are_whole_on_every_rank():
    net = models.lenet(rng(), dtype="float64", **LENET)
    x, y = batches("lenet", (9,))[0]

    def program(comm):
        split = split_lenet(comm, rng(), **LENET)
        split.x.set(x)
        split.graph.Forward(split.scores)
        return split.scores.value, split.error(x, y)

    net.x.set(x)
    net.graph.Forward(net.scores)
    for scores, error in run(program, 3):
        np.testing.assert_allclose(scores, net.scores.value, rtol=0, atol=1e-12)
        assert error == net.error(x, y)


@pytest.mark.parametrize("strategy", ["mlp", "lenet", "columns"])
def test_float32_stays_float32(strategy):
    layers = {
        "mlp": lambda: mlp(rng(), WIDTHS, norm=True),
        "lenet": lambda: strategies.lenet(rng(), **LENET, norm=True),
        "columns": lambda: columns(rng(), **COLUMNS),
    }[strategy]

    def program(comm):
        nets = []

        def build(model, data):
            nets.append(network(layers(), model, data, dtype="float32"))
            return nets[0]

        Hybrid(comm, (2, 2), build, OPTIMIZERS["adam"]).step(*batches(strategy, (7,))[0])
        nodes = [n for n in nets[0].graph.nodes if n is not nets[0].y]
        return {a.dtype.name for n in nodes for a in (n.value, n.grad) if a is not None}

    assert run(program, 4) == [{"float32"}] * 4


# Planted faults


def seen(make, N, name, sizes):
    """Whether the comparison with one device tells a fault from rounding."""
    return difference(train_everywhere(make, N, name, "momentum", sizes)[0], one_device(name, "momentum", sizes)) > 1e-6


class LocalSeed(DataParallel):
    """1/B of the shard instead of the whole batch's, and then the sum."""

    def differentiate(self, x, y, seed):
        return super().differentiate(x, y, 1.0 / len(x))


class Averaged(LocalSeed):
    """Averages of the shards' averages, as slide 54 has it (erratum 4.48)."""

    def _gather(self, total, absent):
        super()._gather(total, absent)
        self.flat[:-1] /= self.comm.size


def replicas(kind):
    def make(comm, rule):
        net = network(mlp(rng(), DEEP))
        return kind(comm, net, rule(net.graph))

    return make


def test_seeds_of_one_over_the_shards_length_are_seen():
    assert not seen(replicas(DataParallel), 3, "deep", (9, 9))
    assert seen(replicas(LocalSeed), 3, "deep", (9, 9))


def test_averages_of_averages_are_right_for_equal_shards_only():
    assert not seen(replicas(Averaged), 3, "deep", (9, 9))
    assert seen(replicas(Averaged), 3, "deep", (10, 10))


def test_batch_norm_of_each_device_alone_is_seen():
    def make(comm, rule):
        net = network(mlp(rng(), WIDTHS, norm=True))
        return DataParallel(comm, net, rule(net.graph))

    assert not seen(data_parallel, 3, "mlp", (9, 9)) and seen(make, 3, "mlp", (9, 9))


@pytest.mark.parametrize("strategy", ["dense layers split", "filters split", "two columns"])
def test_a_missing_copy_is_seen(strategy, monkeypatch):
    """Without f the gradient below a split layer holds this rank's share only."""
    name, make = STRATEGIES[strategy]
    monkeypatch.setattr(strategies, "_copied", lambda comm, h: h)
    assert seen(make, 2, name, (9,))


class NoCrossing(Gather):
    """The other columns' maps are taken to be zero."""

    def _gathered(self, x):
        start, whole = sum(self.lengths[: self.comm.rank]), np.zeros((len(x), sum(self.lengths), *x.shape[2:]))
        whole[:, start : start + x.shape[1]] = x
        return whole


def test_a_crossing_left_out_is_seen(monkeypatch):
    name, make = STRATEGIES["two columns"]
    assert not seen(make, 2, name, (9,))
    monkeypatch.setattr(strategies, "Gather", NoCrossing)
    assert seen(make, 2, name, (9,))


def test_a_bias_on_every_term_of_a_row_layer_is_seen(monkeypatch):
    """Added before the sum, the bias counts N times."""

    def row(comm, h, W, beta=None, lengths=None):
        term = edf.VDot(h, Part(W, 0, lengths, comm))
        return strategies.Reduce(edf.AddBias(term, edf.Param(beta)), comm=comm)

    name, make = STRATEGIES["filters split"]
    monkeypatch.setattr(strategies, "split_dense_row", row)
    assert seen(make, 2, name, (9, 9))


def test_micro_batches_seeded_by_their_own_length_are_seen():
    class Wrong(Pipeline):
        def differentiate(self, x, y, seed):
            return super().differentiate(x, y, seed * self.micro_batches)

    def make(comm, rule):
        part = stage(comm, cut(mlp(rng(), DEEP), comm.size))
        return Wrong(comm, part, rule(part.graph), micro_batches=3)

    assert seen(make, 2, "deep", (9,))


# Split layers by themselves


def convolved(comm, x, W, lengths):
    with edf.Graph():
        h = edf.Input("x", grad=True)
        y = split_conv(comm, h, W, lengths=lengths, stride=2, padding=1)
    h.set(x)
    y.graph.Forward(y)
    y.graph.Backward(y, seed=np.cos(y.value))
    return y.value, h.grad


@given(lengths=st.lists(st.integers(0, 3), min_size=1, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_filters_shared_out_in_any_way_give_the_same_maps(lengths, seed):
    x, W = rng(seed).normal(size=(2, 3, 5, 5)), rng(seed).normal(size=(sum(lengths), 3, 3, 3))
    results = run(convolved, len(lengths), x, W, lengths)
    maps, grad = convolved(Alone(), x, W, [len(W)])
    np.testing.assert_allclose(np.concatenate([r[0] for r in results], axis=1), maps, rtol=0, atol=1e-13)
    for r in results:
        np.testing.assert_allclose(r[1], grad, rtol=0, atol=1e-12)


def pair(comm, x, W1, W2, lengths):
    with edf.Graph():
        h = edf.Input("x", grad=True)
        y = split_dense_row(comm, split_dense_column(comm, h, W1, lengths=lengths), W2, np.ones(2), lengths)
    h.set(x)
    y.graph.Forward(y)
    y.graph.Backward(y, seed=np.ones(y.value.shape))
    return y.value, h.grad


@given(lengths=st.lists(st.integers(0, 3), min_size=1, max_size=4), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_a_column_and_a_row_make_a_product_of_matrices(lengths, seed):
    x, W1 = rng(seed).normal(size=(3, 4)), rng(seed).normal(size=(4, sum(lengths)))
    W2 = rng(seed).normal(size=(sum(lengths), 2))
    for y, grad in run(pair, len(lengths), x, W1, W2, lengths):
        np.testing.assert_allclose(y, x @ W1 @ W2 + 1, rtol=0, atol=1e-13)
        np.testing.assert_allclose(grad, np.ones((3, 2)) @ (W1 @ W2).T, rtol=0, atol=1e-13)


def test_columns_are_a_block_diagonal_convolution():
    """Groups of filters against a whole W that is 0 between the columns: four columns on three ranks."""
    x, W = rng().normal(size=(2, 8, 4, 4)), rng(1).normal(size=(12, 2, 3, 3))
    whole = np.zeros((12, 8, 3, 3))
    for g in range(4):
        whole[3 * g : 3 * g + 3, 2 * g : 2 * g + 2] = W[3 * g : 3 * g + 3]

    def program(comm):
        start, stop = [(0, 2), (2, 4), (4, 8)][comm.rank]
        with edf.Graph():
            h = edf.Input("x")
            y = column_conv(comm, h, W, np.zeros(12), columns=4)
        h.set(x[:, start:stop])
        y.graph.Forward(y)
        return y.value

    with edf.Graph():
        y = edf.Conv2d(edf.Input("x"), edf.Param(whole))
    y.x.set(x)
    y.graph.Forward()
    np.testing.assert_allclose(np.concatenate(run(program, 3), axis=1), y.value, rtol=0, atol=1e-13)


# What is sent


def calls_of_a_step(comm, make, x, y):
    comm = Recorded(comm)
    strategy = make(comm, OPTIMIZERS["momentum"])
    comm.calls.clear()
    comm.sent.clear()
    strategy.step(x, y)
    return list(comm.calls), list(comm.sent)


def numbers(*calls):
    """Calls with their numbers of entries, told in bytes of float64."""
    return [(name, 8 * n) for name, n in calls]


def test_megatrons_pairs_need_an_all_reduce_forward_and_one_backward():
    """Two pairs, widths i-j-k-l-m: B k and B m forward, B k backward; the first pair's would be the data's gradient."""
    B, N, (i, j, k, m) = 6, 4, (5, 8, 4, 12)
    make = model_parallel(lambda comm: split_mlp(comm, rng(), (i, j, k, j, m)))
    expected = numbers(("all_reduce", B * k), ("all_reduce", B * m), ("all_reduce", B * k))
    for calls, sent in run(calls_of_a_step, N, make, rng().normal(size=(B, i)), np.zeros(B, int)):
        assert calls == expected
        assert sum(size for _, size in sent) == sum(2 * (N - 1) * size // N for _, size in expected)


def test_data_parallelism_sends_the_gradients_once_and_batch_norm_two_small_vectors():
    """P + 1 numbers (the last is the loss); each norm of c features: n, mean and M2 forward, two sums backward."""
    N, (i, c, d, o) = 3, WIDTHS
    P = i * c + 2 * c + c * d + 2 * d + d * o + o
    norms = [
        ("all_gather", N * (2 * c + 1)),
        ("all_gather", N * (2 * d + 1)),
        ("all_reduce", 2 * d),
        ("all_reduce", 2 * c),
    ]
    x, y = batches("mlp", (9,))[0]
    for calls, _ in run(calls_of_a_step, N, data_parallel, x, y):
        assert calls == numbers(*norms, ("all_reduce", P + 1))


def test_shared_out_filters_cross_at_every_convolution_and_columns_once():
    """S4 slides 57 and 58: all maps gathered below each layer, or below the third one only."""

    def gathered(make, x):
        calls = run(calls_of_a_step, 2, make, x, np.zeros(len(x), int))[0][0]
        return [size for name, size in calls if name == "all_gather"]

    x, maps = np.zeros((4, 1, 8, 8)), COLUMNS["maps"]
    pixels = (4 * 4, 2 * 2, 2 * 2)  # below the second, third and fourth convolution
    everywhere = model_parallel(lambda comm: network(columns(rng(), **COLUMNS, groups=1), comm))
    once = model_parallel(lambda comm: two_columns(comm, rng(), **COLUMNS))
    assert gathered(everywhere, x)[:3] == [8 * 4 * o * p for o, p in zip(maps, pixels, strict=False)]
    loss = [8 * 2 * 4]  # the greatest scores, where they are split by classes
    assert [n for n in gathered(once, x) if n not in loss] == [8 * 4 * maps[1] * pixels[1]]


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize("M", [1, 2, 5])
def test_a_pipeline_sends_what_crosses_its_cuts_whatever_the_number_of_micro_batches(schedule, M):
    """B values of width w forward and as many gradients backward at each cut; M messages each way."""
    B, widths = 10, (6, 9, 7, 10)

    def make(comm, rule):
        part = stage(comm, cut(mlp(rng(), widths), 3))
        return Pipeline(comm, part, rule(part.graph), micro_batches=M, schedule=schedule)

    def program(comm):
        comm = Recorded(comm)
        strategy, x, y = make(comm, OPTIMIZERS["momentum"]), rng().normal(size=(B, 6)), np.zeros(B, int)
        strategy.step(x, y)  # asks for shapes once
        comm.sent.clear()
        strategy.step(x, y)
        return comm.sent

    sent = run(program, 3)
    for k, (w, target) in enumerate([(9, 1), (7, 2)]):
        there = [n for to, n in sent[k] if to == target and n > 8]  # 8 bytes are the loss, which the last rank tells
        back = [n for to, n in sent[target] if to == k and n > 8]
        assert sum(there) == sum(back) == 8 * B * w and len(there) == len(back) == M


# Pipelines


@given(N=st.integers(1, 8), M=st.integers(1, 12), data=st.data())
@settings(max_examples=60, deadline=None)
def test_schedules_do_all_work_once_and_1f1b_keeps_few_micro_batches_alive(N, M, data):
    k = data.draw(st.integers(0, N - 1))
    for schedule in ("gpipe", "1f1b"):
        todo, alive, most = actions(schedule, N, k, M), set(), 0
        for kind, m in todo:
            (alive.add if kind == "forward" else alive.remove)(m)
            most = max(most, len(alive))
        assert not alive and len(set(todo)) == len(todo) == 2 * M
        assert most == (M if schedule == "gpipe" else min(M, N - k))


class Rendezvous(Comm):
    """Messages without any buffer: an exchange ends when all that it sends has been received."""

    def __init__(self, comm, received, patience):
        self.comm, self.received, self.patience = comm, received, patience
        self.rank, self.size = comm.rank, comm.size

    def exchange(self, sends, receives):
        self.comm.exchange(sends, [])
        for source, array in receives:
            self.comm.exchange([], [(source, array)])
            self.received[source, self.rank].put(True)
        for target, _ in sends:
            self.received[self.rank, target].get(timeout=self.patience)


def pipeline_without_buffers(N, M, schedule, patience, kind=Pipeline):
    received = {(a, b): queue.SimpleQueue() for a in range(N) for b in range(N)}

    def program(comm):
        comm = Rendezvous(comm, received, patience)
        part = stage(comm, cut(mlp(rng(), DEEP), N))
        strategy = kind(comm, part, OPTIMIZERS["momentum"](part.graph), M, schedule)
        for x, y in batches("deep", (9, 4)):
            strategy.step(x, y)
        return strategy.parameters()

    return run(program, N)[0]


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize("N, M", [(2, 1), (2, 3), (3, 2), (4, 4), (4, 7)])
def test_no_stage_waits_for_ever_even_without_buffers(N, M, schedule):
    """MPI may hold a message until it is received: what a stage sends and what it needs next go in one exchange."""
    found = pipeline_without_buffers(N, M, schedule, patience=60)
    expected = one_device("deep", "momentum", (9, 4))[1]
    assert max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True)) < 1e-12


def test_sending_before_receiving_would_wait_for_ever():
    class OneAfterTheOther(Pipeline):
        def _pass(self, done, made, following):
            super()._pass(done, made, None)
            return super()._pass(None, None, following)

    with pytest.raises(queue.Empty):
        pipeline_without_buffers(3, 4, "1f1b", patience=0.5, kind=OneAfterTheOther)


@pytest.mark.parametrize("N", [1, 3])
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_batch_norm_in_a_pipeline_is_that_of_the_micro_batches_accumulated(N, schedule):
    """Not that of the batch; and a micro-batch computed again does not count twice in the running statistics."""
    x, y = batches("mlp", (10,))[0]
    net = dense_network(WIDTHS, norm=True)
    for k, part in enumerate((slice(0, 3), slice(3, 6), slice(6, 10))):
        net.x.set(x[part])
        net.y.set(y[part])
        net.graph.Forward()
        net.graph.Backward(net.loss, seed=0.1, accumulate=k > 0)
    states = [n.state["running_var"] for n in net.graph.nodes if isinstance(n, edf.BatchNorm)]

    def program(comm):
        part = stage(comm, cut(mlp(rng(), WIDTHS, norm=True), comm.size))
        strategy = Pipeline(comm, part, OPTIMIZERS["momentum"](part.graph), 3, schedule)
        strategy.step(x, y)
        return strategy.gradients(), [n.state["running_var"] for n in part.graph.nodes if isinstance(n, edf.BatchNorm)]

    results = run(program, N)
    for found, p in zip(results[0][0], net.graph.params, strict=True):
        np.testing.assert_allclose(found, p.grad, rtol=0, atol=1e-12)
    for found, state in zip([s for r in results for s in r[1]], states, strict=True):
        np.testing.assert_allclose(found, state, rtol=1e-12)


@pytest.mark.parametrize("at", [3, 6])
@pytest.mark.parametrize("N", [4, 8])
def test_batch_norm_synchronized_over_replicas_of_a_pipeline(N, at):
    """With one micro-batch, and shards that are empty: 2 stages x 2 or 4 replicas; at 6, only the first has norms."""

    def build(model, data):
        layers = mlp(rng(), WIDTHS, norm=True)
        return stage(model, [layers[:at], layers[at:]], data)

    assert difference(train_everywhere(hybrid(build), N, "mlp", "momentum")[0], one_device("mlp", "momentum")) < 1e-12


def brute_force(weights, N):
    """The least possible greatest sum, over all ways to cut."""
    n = len(weights)
    return min(max(sum(weights[a:b]) for a, b in pairwise((0, *ends, n))) for ends in combinations(range(1, n), N - 1))


@given(widths=st.lists(st.integers(1, 9), min_size=3, max_size=8), data=st.data())
@settings(max_examples=40, deadline=None)
def test_cut_balances_as_well_as_can_be(widths, data):
    layers = mlp(rng(), widths)
    N = data.draw(st.integers(1, len(widths) - 1))
    stages = cut(layers, N)
    assert [layer for some in stages for layer in some] == layers and all(
        any(s.arrays for s in some) for some in stages
    )
    costs = [sum(a.size for layer in some for a in layer.arrays) for some in stages]
    assert max(costs) == brute_force([i * j + j for i, j in pairwise(widths)], N)


def test_by_flops_lenets_convolutions_weigh_more_than_by_parameters():
    """24 x 24 places of 5 x 5 windows in 8 maps: a multiply-add is two, and backward is twice forward."""
    layers = strategies.lenet(rng())
    costs = flops(layers, (1, 28, 28))
    assert costs[0] - 3 * 2 * 8 * 576 * 25 < 0.1 * costs[0]  # the rest is the maximum and the bias
    assert len(cut(layers, 2)[0]) > len(cut(layers, 2, costs)[0])


# On simulated devices


def on_devices(make, N, name, sizes=(9, 2, 7), **device):
    devices = [SimDevice(index=k, **device) for k in range(N)]
    return run(train, N, make, batches(name, sizes), OPTIMIZERS["adam"], devices=devices), devices


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_simulated_devices_compute_what_the_host_computes(strategy):
    """Bitwise; and no array meets one of another device or of the host on the way."""
    name, make = STRATEGIES[strategy]
    results, devices = on_devices(make, 3, name)
    assert bitwise_equal(results + train_everywhere(make, 3, name, "adam", (9, 2, 7)))
    assert all(device.received for device in devices)


def test_a_split_network_fits_where_the_whole_one_does_not():
    """S4 slide 58. A pair of widths i-j-i on N ranks has (2 i j + j)/N + i parameters on each, and Adam twice that."""
    i, j, N = 6, 512, 4

    def program(comm):
        net = network(mlp(rng(), (i, j, i)), comm)
        strategy = ModelParallel(comm, net, OPTIMIZERS["adam"](net.graph))
        strategy.step(rng().normal(size=(2, i)), np.array([0, 1]))
        return comm.backend.used

    params = (2 * i * j + j) // N + i
    for used in run(program, N, devices=[SimDevice(index=k, capacity=100_000) for k in range(N)]):
        assert used["parameters"] == 8 * params and used["optimizer"] == 2 * 8 * params
    with pytest.raises(OutOfMemory):
        run(program, 1, devices=[SimDevice(capacity=100_000)])


def test_1f1b_keeps_fewer_inputs_than_gpipe():
    """Of 8 micro-batches of one instance, a stage in the middle of 3 keeps the inputs of all 8, or of N - k = 2."""

    class Watched(Pipeline):
        most = 0

        def _backward(self, m, y, seed, come):
            self.most = max(self.most, self.comm.backend.used["activations"])
            return super()._backward(m, y, seed, come)

    def program(comm, schedule):
        part = stage(comm, cut(mlp(rng(), (6, 50, 50, 10)), 3))
        strategy = Watched(comm, part, OPTIMIZERS["adam"](part.graph), 8, schedule)
        strategy.step(*batches("deep", (8,))[0])
        return strategy.most

    gpipe, few = (run(program, 3, s, devices=[SimDevice(index=k) for k in range(3)]) for s in ("gpipe", "1f1b"))
    assert gpipe[1] - few[1] == (8 - 2) * 50 * 8


# Learning


@pytest.mark.slow
def test_the_loss_curve_of_four_ranks_is_that_of_one_on_mnist():
    mnist = load_mnist()
    x, y = mnist.train_images[:3000].reshape(-1, 1, 28, 28), mnist.train_labels[:3000]
    net = models.lenet(rng(), dtype="float64")
    rule = OPTIMIZERS["adam"](net.graph)
    data = [(x[k : k + 50], y[k : k + 50]) for k in range(0, 3000, 50)]
    expected = [net.step(rule, *some) for some in data]

    def program(comm):
        net = models.lenet(rng(), dtype="float64")
        strategy = DataParallel(comm, net, OPTIMIZERS["adam"](net.graph))
        losses = [strategy.step(*some) for some in data]
        assert same_on_all(comm, [p.value for p in net.graph.params])
        return losses

    for losses in run(program, 4):
        np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-9)
    assert expected[-1] < 0.5 * expected[0]


# Messages


@pytest.mark.parametrize(
    "error, words, call",
    [
        (edf.DataError, "cut: 3 layers with parameters cannot make 4 stages", lambda: cut(mlp(rng(), WIDTHS), 4)),
        (edf.DataError, "cut: there are 2 costs for 5 layers", lambda: cut(mlp(rng(), WIDTHS), 2, [1, 2])),
        (edf.DataError, "stage: there are 2 stages for 1 ranks",
         lambda: stage(Alone(), cut(mlp(rng(), WIDTHS), 2))),
        (edf.DataError, "there is no schedule 'zigzag'", lambda: pipeline("zigzag")(Alone(), OPTIMIZERS["adam"])),
        (edf.DataError, "micro_batches is 0", lambda: Pipeline(Alone(), None, None, 0)),
        (edf.DataError, "mesh is (2, 2)", lambda: Hybrid(Alone(), (2, 2), None, None)),
        (edf.DataError, "mlp: widths are (5,)", lambda: mlp(rng(), (5,))),
        (edf.ShapeError, "9 maps cannot be shared out among 2 columns",
         lambda: network(columns(rng(), maps=(2, 4, 9, 4)))),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_in_sentences(error, words, call):
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)
