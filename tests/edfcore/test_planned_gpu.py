"""Plans on a GPU: the values of the host's plans, recorded as CUDA graphs, without waiting. On a strict stand-in for
CuPy (strict_cupy), and on a GPU where there is one."""

import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strict_cupy import StrictCupy, install
from test_graph import random_graphs
from test_planned import OPTIMIZERS

import edfcore as edf
from edfcore import models
from edfcore.checks import example
from edfcore.gpu import ops
from edfcore.gpu.data import to_device
from edfcore.gpu.device import EVERY
from edfcore.gpu.errors import LateCheck
from edfcore.graph import Input, Param
from edfcore.optimizers import SGD, Adam, Momentum
from edfcore.parallel.machine import SimDevice
from edfcore.plan import plan
from edfcore.planning.on_gpu import GPU_RULES, pieces
from edfcore.registry import REGISTRY
from edfcore.schedules import Cosine

LIMIT = {"float64": 1e-12, "float32": 1e-5}
EXTRA = {
    "ema": lambda g: Momentum(g, lr=0.05, convention="ema", weight_decay=0.01),
    "polyak": lambda g: Momentum(g, lr=0.05, convention="polyak"),
    "decoupled adam": lambda g: Adam(g, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True),
    "decoupled sgd": lambda g: SGD(g, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True),
    "climbing": lambda g: SGD(g, lr=1e-4, maximize=True),
}
RULES = OPTIMIZERS | EXTRA
OWN_STEP = {"amsgrad", "rmsprop", "groups", "some", "polyak", "decoupled sgd", "climbing"}


@pytest.fixture
def cupy(monkeypatch):
    """The stand-in in CuPy's place; afterwards new graphs live on NumPy again."""
    yield install(monkeypatch)
    edf.use("cpu")


@pytest.fixture
def real():
    """The real CuPy; afterwards new graphs live on NumPy again."""
    import cupy as module

    yield module
    edf.use("cpu")


# Networks


def mlp(dtype="float64"):
    """784-128-10 in small."""
    rng = np.random.default_rng(0)
    with edf.Graph(dtype) as graph:
        x, y = Input("x"), Input("y")
        W, b = Param(rng.normal(size=(6, 5)), "W"), Param(rng.normal(size=5), "b")
        h = edf.Sigmoid(edf.AddBias(edf.VDot(x, W), b))
        s = edf.VDot(h, Param(rng.normal(size=(5, 4)), "V"))
        return graph, edf.LogLoss(edf.Aref(edf.Softmax(s), y))


def images(dtype="float64"):
    """Convolutions with margins, steps and windows that overlap; both kinds of pooling; an activation behind."""
    rng = np.random.default_rng(0)
    with edf.Graph(dtype) as graph:
        x, y = Input("x"), Input("y")
        h = edf.Conv2d(x, Param(rng.normal(size=(3, 2, 3, 3))), padding=(1, 2), stride=(2, 1))
        h = edf.MaxPool2d(edf.AddChannelBias(h, Param(rng.normal(size=3))), kernel=3, stride=2, padding=1)
        h = edf.Conv2d(edf.Tanh(h), Param(rng.normal(size=(4, 3, 2, 2))))
        h = edf.Reshape(edf.AvgPool2d(edf.ReLU(h), kernel=2, stride=1))
        flat = 4 * 1 * 3
        h = edf.ReLU(edf.AddBias(h, Param(rng.normal(size=flat))))  # a bias of instances that lie last
        return graph, edf.CrossEntropy(edf.VDot(h, Param(rng.normal(size=(flat, 4)))), y)


def skips(dtype="float64"):
    """A value read twice, sums, differences, products, constants."""
    rng = np.random.default_rng(0)
    with edf.Graph(dtype) as graph:
        x, y = Input("x"), Input("y")
        h = edf.AddBias(edf.VDot(x, Param(rng.normal(size=(6, 6)))), Param(rng.normal(size=6)))
        h = h - 0.5 * edf.Tanh(h) + x * h
        h = edf.Sigmoid(h + edf.VDot(h, Param(rng.normal(size=(6, 6)))))
        return graph, edf.CrossEntropy(edf.VDot(h - x, Param(rng.normal(size=(6, 4)))), y)


def regression(dtype="float64"):
    rng = np.random.default_rng(0)
    with edf.Graph(dtype) as graph:
        x, y = Input("x"), Input("y")
        h, target = (edf.Tanh(edf.VDot(x, Param(rng.normal(size=(6, 3))))) for _ in range(2))
        return graph, edf.SquaredLoss(0.3 * edf.SquaredLoss(h, target), y)


def lenet(dtype="float64"):
    net = models.lenet(np.random.default_rng(0), maps=(2, 3), dense=(7,), classes=4, side=16, dtype=dtype)
    return net.graph, net.loss


NETWORKS = {
    "mlp": (mlp, (6,)), "images": (images, (2, 9, 8)), "skips": (skips, (6,)), "lenet": (lenet, (1, 16, 16)),
    "regression": (regression, (6,)),
}  # fmt: skip


def batches(shape, count=20, seed=3):
    """Batches of six, the fourth and the ninth shorter."""
    rng = np.random.default_rng(seed)
    sizes = [{3: 2, 8: 1}.get(k, 6) for k in range(count)]
    return [(rng.normal(size=(B, *shape)), rng.integers(0, 4, size=B)) for B in sizes]


def pair(name="mlp", rule="sgd", dtype="float64", place="cuda", **more):
    """The plan of a network on the host and that of the same network on a GPU."""
    build, _ = NETWORKS[name]
    graph, loss = build(dtype)
    with edf.device(place, **more):
        other, other_loss = build(dtype)
    return plan(graph, loss, RULES[rule](graph)), plan(other, other_loss, RULES[rule](other))


def values(planned):
    """All parameters on the host, one after the other."""
    return np.concatenate([planned.graph.backend.to_host(p.value).ravel() for p in planned.graph.params])


def apart(host, gpu):
    """The largest difference of the two plans' parameters, in units of their largest."""
    return np.abs(values(host) - values(gpu)).max() / np.abs(values(host)).max()


# Values


CASES = [(name, rule) for name in NETWORKS for rule in RULES if name in ("mlp", "images") or rule in ("sgd", "adam")]


@pytest.mark.parametrize("name, rule", CASES)
def test_twenty_steps_on_the_gpu_are_the_hosts(cupy, name, rule):
    host, gpu = pair(name, rule)
    for x, y in batches(NETWORKS[name][1]):
        assert gpu.step(x, y).loss == pytest.approx(host.step(x, y).loss, rel=1e-12)
    assert apart(host, gpu) < 1e-12
    report = gpu.report()
    assert report.unplanned == () and report.place == "cuda:0" and report.recorded.startswith("recorded as one")
    assert ("without the update" in report.recorded) == (rule in OWN_STEP)
    apart_from = 3 + (rule == "dampening")  # the first step of three shapes, and of a velocity after the first one
    assert cupy.book.replays == 20 - apart_from
    saved = [p.optimizer.state_dict() for p in (host, gpu)]
    assert saved[0]["counters"] == saved[1]["counters"]
    for mine, theirs in zip(*(s["state"] for s in saved), strict=True):
        assert mine.keys() == theirs.keys()
        assert all(np.allclose(mine[k], theirs[k], rtol=1e-11, atol=1e-13) for k in mine)


@pytest.mark.parametrize("name", NETWORKS)
def test_single_precision_stays_single(cupy, name):
    host, gpu = pair(name, "adam", "float32")
    for x, y in batches(NETWORKS[name][1], 5):
        assert gpu.step(x, y).loss == pytest.approx(host.step(x, y).loss, rel=1e-4)
    assert all(p.value.dtype == np.float32 for p in gpu.graph.params) and apart(host, gpu) < 1e-4


def differences(loss, planned):
    """The largest difference of the gradients between the stepped and the planned engine, both on the GPU."""
    graph = loss.graph
    batch = [n.value.get() for n in graph.order(loss) if isinstance(n, Input)]
    graph.Forward(loss)
    graph.Backward(loss)
    nodes = [n for n in graph.order(loss) if not n.args and n.grad is not None]
    expected, value = [n.grad.get() for n in nodes], loss.value.get()
    planned.gradients(*batch)
    found = [np.abs(loss.value.get() - value).max() / max(np.abs(value).max(), 1)]
    for node, grad in zip(nodes, expected, strict=True):
        found.append(np.abs(node.grad.get() - grad).max(initial=0) / max(np.abs(grad).max(initial=0), 1))
    return max(found)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_gradients_of_random_graphs_equal_the_stepped_engines(cupy, data):
    with edf.device("cuda"):
        loss = data.draw(random_graphs())
        keep = [n for n in loss.graph.order(loss) if isinstance(n, Input) and n.wants_grad]
        planned = plan(loss.graph, loss, keep=keep)
        for _ in range(3):  # kernel by kernel, recorded, replayed
            assert differences(loss, planned) <= 1e-12


def loss_of(name, rng):
    """A loss behind one component of the registry on the GPU, forwarded on example values."""
    node, found = example(name, rng)
    if name == "Div":  # two batches of one shape, which a graph asks for
        found = [found[0], 1.0 + np.abs(rng.normal(size=found[0].shape))]
    graph = edf.Graph()
    args = [Param(0.0, graph=graph) if type(a) is Param else Input(graph=graph, grad=a.wants_grad) for a in node.args]
    other = type(node)(*args, **{key: getattr(node, key) for key in node.settings})
    for arg, value in zip(args, found, strict=True):
        arg.set(value)
    graph.Forward()
    shape = other.value.shape
    weights = Param(0.3 * rng.normal(size=shape[1:] if other.batched else shape), graph=graph)
    axes = tuple(range(1, len(shape)) if other.batched else range(len(shape)))
    scaled = edf.Tanh(edf.Mul(other, weights))
    loss = edf.SumOver(scaled, axis=axes) if axes else scaled
    graph.training = name != "Dropout"  # which draws a new mask for every pass
    graph.Forward()
    return loss


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_component_of_the_registry_can_be_planned(cupy, name):
    tried = 0
    for seed in range(6):
        try:
            with edf.device("cuda", checks="off"):
                loss = loss_of(name, np.random.default_rng(seed))
        except edf.ShapeError:  # two batches of different lengths, which only a lone component takes
            continue
        graph = loss.graph
        keep = [n for n in graph.order(loss) if isinstance(n, Input) and n.wants_grad]
        planned = plan(graph, loss, keep=keep)
        for _ in range(2):
            assert differences(loss, planned) <= 1e-12
        tried += 1
    assert tried >= 2


def test_a_planted_fault_in_a_rule_is_caught(cupy, monkeypatch):
    monkeypatch.setattr(GPU_RULES[edf.Sigmoid], "slope", lambda c, node, y, g, to: None)
    host, gpu = pair()
    for x, y in batches((6,), 3):
        host.step(x, y)
        gpu.step(x, y)
    assert apart(host, gpu) > 1e-3


def test_two_runs_agree_bit_for_bit(cupy):
    runs = []
    for _ in range(2):
        _, gpu = pair("images", "adam")
        for x, y in batches((2, 9, 8), 5):
            gpu.step(x, y)
        runs.append(values(gpu))
    assert np.array_equal(*runs)


# Launches, waits, memory


def test_a_hundred_steps_with_data_on_the_device_wait_for_nothing_and_make_nothing_after_the_third(cupy):
    for rule in ("sgd", "momentum", "adam", "schedule"):
        _, gpu = pair("images", rule)
        (x, y), cupy.book.waits = to_device(*batches((2, 9, 8))[0]), []
        for t in range(100):
            if t == 3:
                made = cupy.book.allocations
            gpu.step(x, y)
        assert cupy.book.waits == [] and cupy.book.allocations == made and cupy.book.uploads < 100


def test_a_step_of_the_mlp_is_fourteen_launches_or_two_copies_and_one_replay(cupy):
    """Five products, bias and activation, slope, softmax and its gradient, a sum, the update, the look at the loss."""
    _, gpu = pair()
    x, y = to_device(*batches((6,))[0])
    gpu.gradients(x, y)
    counts = []
    for _ in range(4):
        before = cupy.book.launches, cupy.book.replays
        gpu.step(x, y)
        counts.append((cupy.book.launches - before[0], cupy.book.replays - before[1]))
    assert counts[0] == (2 + 14, 0)  # the array of lr is made and filled
    assert counts[1:] == [(2, 1)] * 3
    assert len(gpu.compiled().runs["step"][1].graph.recorded) == 12


def test_a_schedule_costs_one_launch_a_step_and_adam_two(cupy):
    for rule, more in (("schedule", 1), ("adam", 2)):
        _, gpu = pair(rule=rule)
        x, y = to_device(*batches((6,))[0])
        for _ in range(3):
            gpu.step(x, y)
        before = cupy.book.launches
        gpu.step(x, y)
        assert cupy.book.launches == before + 2 + more


def test_the_loss_is_read_with_one_wait_and_nothing_new(cupy):
    host, gpu = pair()
    x, y = batches((6,))[0]
    host.step(x, y)
    gpu.step(*to_device(x, y))
    cupy.book.waits, made = [], cupy.book.allocations
    assert gpu.loss == pytest.approx(host.loss, rel=1e-14)
    assert cupy.book.waits == ["get"] and cupy.book.allocations == made


def test_what_was_recorded_reads_every_new_batch(cupy):
    host, gpu = pair("lenet")
    for x, y in batches((1, 16, 16), 8, seed=7):
        assert gpu.gradients(x, y).loss == pytest.approx(host.gradients(x, y).loss, rel=1e-12)
        for a, b in zip(host.graph.params, gpu.graph.params, strict=True):
            assert np.abs(a.grad - b.grad.get()).max() < 1e-12


def test_the_report_counts_the_memory_that_the_plan_holds(cupy):
    host, gpu = pair("lenet", "adam")
    for planned in (host, gpu):
        planned.step(*batches((1, 16, 16))[0])
    mine, theirs = gpu.report(), host.report()
    for part in ("parameters", "gradients", "optimizer", "inputs"):
        assert mine.memory[part] == theirs.memory[part]
    assert mine.memory["activations"] == gpu.compiled().program.arena.nbytes and mine.total <= 1.3 * mine.needed
    assert "cuda:0" in str(mine) and "cuda" not in str(theirs)


# Settings that change


CHANGES = {
    "lr": lambda o: o.groups[0].update(lr=0.01),
    "a schedule": lambda o: o.groups[0].update(lr=Cosine(0.2, T_max=5)),
    "momentum": lambda o: o.groups[0].update(momentum=0.5),
    "no momentum": lambda o: o.groups[0].update(momentum=0.0),
    "weight_decay": lambda o: o.groups[0].update(weight_decay=0.3),
    "nesterov": lambda o: o.groups[0].update(nesterov=True),
    "maximize": lambda o: o.groups[0].update(maximize=True),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_setting_assigned_between_steps_takes_effect(cupy, what):
    """Against the stepped engine, which reads the group in every step."""
    (graph, loss), (other, other_loss) = mlp(), on("cuda", mlp)
    one, two = (SGD(g, lr=0.1, momentum=0.9) for g in (graph, other))
    planned = plan(other, other_loss, two)
    for k, (x, y) in enumerate(batches((6,), 10)):
        if k == 5:
            CHANGES[what](one)
            CHANGES[what](two)
        stepped(graph, loss, one, x, y)
        planned.step(x, y)
    for a, b in zip(graph.params, other.params, strict=True):
        assert np.abs(a.value - b.value.get()).max() < 1e-12


def on(place, build, **more):
    with edf.device(place, **more):
        return build()


def stepped(graph, loss, optimizer, x, y):
    graph["x"].set(x)
    graph["y"].set(y)
    graph.Forward(loss)
    graph.Backward(loss)
    optimizer.step()


def test_momentum_that_comes_back_has_new_arrays_in_every_recording(cupy):
    (graph, loss), (other, other_loss) = mlp(), on("cuda", mlp)
    one, two = (SGD(g, lr=0.1, momentum=0.9) for g in (graph, other))
    planned, ((x, y), *_) = plan(other, other_loss, two), batches((6,))
    sizes = [6, 6, 6, 3, 3, 3, 6, 6, 3, 6]
    for k, B in enumerate(sizes):
        if k in (4, 5):  # a shape whose recording the other shape does not see go out of date
            for optimizer in (one, two):
                optimizer.groups[0]["momentum"] = 0.0 if k == 4 else 0.9
                if k == 4:
                    optimizer.state = [{"t": s["t"]} for s in optimizer.state]
        stepped(graph, loss, one, x[:B], y[:B])
        planned.step(x[:B], y[:B])
    for a, b in zip(graph.params, other.params, strict=True):
        assert np.abs(a.value - b.value.get()).max() < 1e-12


def test_adams_settings_and_a_loaded_state_take_effect(cupy):
    (graph, loss), (other, other_loss) = mlp(), on("cuda", mlp)
    one, two = Adam(graph, lr=0.01), Adam(other, lr=0.01)
    planned, data = plan(other, other_loss, two), batches((6,), 12)
    for k, (x, y) in enumerate(data):
        if k == 4:
            saved = one.state_dict(), two.state_dict()
        if k == 6:
            for optimizer in (one, two):
                optimizer.groups[0].update(betas=(0.5, 0.9), eps=1e-3, weight_decay=0.1)
        if k == 8:  # settings and state go back, the parameters stay
            one.load_state_dict(saved[0])
            two.load_state_dict(saved[1])
        stepped(graph, loss, one, x, y)
        planned.step(x, y)
    for a, b in zip(graph.params, other.params, strict=True):
        assert np.abs(a.value - b.value.get()).max() < 1e-12


def test_dampening_spares_the_first_velocity_also_after_steps_without_momentum(cupy):
    (graph, loss), (other, other_loss) = mlp(), on("cuda", mlp)
    one, two = (SGD(g, lr=0.1, dampening=0.7) for g in (graph, other))
    planned = plan(other, other_loss, two)
    for k, (x, y) in enumerate(batches((6,), 8)):
        if k == 3:
            one.groups[0]["momentum"] = two.groups[0]["momentum"] = 0.9
        stepped(graph, loss, one, x, y)
        planned.step(x, y)
    for a, b in zip(graph.params, other.params, strict=True):
        assert np.abs(a.value - b.value.get()).max() < 1e-12


def test_the_two_engines_take_turns_on_the_gpu(cupy):
    (graph, loss), (other, other_loss) = mlp(), on("cuda", mlp)
    one, two = (SGD(g, lr=0.1, momentum=0.9, dampening=0.2) for g in (graph, other))
    planned = plan(other, other_loss, two)
    for k, (x, y) in enumerate(batches((6,), 10)):
        if k == 5:
            graph["W"].set(graph["W"].value * 0.5)
            other["W"].set(other["W"].value * 0.5)
        stepped(graph, loss, one, x, y)
        if k % 3 == 1:
            stepped(other, other_loss, two, x, y)
        else:
            planned.step(x=x, y=y)
    for a, b in zip(graph.params, other.params, strict=True):
        assert np.abs(a.value - b.value.get()).max() < 1e-12


def test_a_schedule_that_gives_no_rate_changes_nothing(cupy):
    graph, loss = on("cuda", mlp)
    optimizer = SGD(graph, lr=lambda t: 0.1 if t < 2 else float("nan"), momentum=0.5)
    planned, (x, y) = plan(graph, loss, optimizer), batches((6,))[0]
    for _ in range(2):
        planned.step(x, y)
    before = values(planned)
    with pytest.raises(edf.DataError, match="schedule"):
        planned.step(x, y)
    assert np.array_equal(values(planned), before) and optimizer.counters["t"] == 2


# What goes in and what can be read


def test_batches_of_any_type_and_place_are_taken(cupy):
    host, gpu = pair(dtype="float32")
    x, y = batches((6,))[0]
    host.step(x, y)
    expected = host.gradients(x, y).loss
    gpu.step(x, y)
    single = cupy.asarray(x.astype("float32"))
    for a, b in [
        (x, y),
        (x.tolist(), y.tolist()),
        (np.asfortranarray(x), y.astype("uint8")),
        (single, cupy.asarray(y.astype("int32"))),
        (cupy.asarray(x), cupy.asarray(y)),
        (cupy.asarray(np.ascontiguousarray(x.T)).T, y.astype("int16")),
    ]:
        assert gpu.gradients(a, b).loss == pytest.approx(expected, rel=1e-5)


def test_what_is_kept_stays_readable_on_the_device(cupy):
    graph, loss = on("cuda", mlp)
    (h,) = (n for n in graph.nodes if isinstance(n, edf.Sigmoid))
    keep = [h, h.args[0], h.args[0].y]
    planned, (x, y) = plan(graph, loss, SGD(graph, lr=0.1), keep=keep), batches((6,))[0]
    for _ in range(3):
        graph["x"].set(x)
        graph["y"].set(y)
        graph.Forward(loss)
        graph.Backward(loss)
        expected = [(n.value.get(), n.grad.get()) for n in keep]
        planned.step(x, y)
        for n, (value, grad) in zip(keep, expected, strict=True):
            assert isinstance(n.value, cupy.ndarray) and np.abs(n.value.get() - value).max() < 1e-12
            assert np.abs(n.grad.get() - grad).max() < 1e-12


def test_the_printed_program_is_the_program(cupy):
    _, gpu = pair("images", "adam")
    x, y = batches((2, 9, 8))[0]
    gpu.gradients(x, y)
    expected = [p.grad.get() for p in gpu.graph.params]
    line = "    adam(w, g, m, v, lr, (0.9, 0.999), c1, c2, 1e-08, 0.01, False)"
    assert gpu.source().count("def ") == 3 and line in gpu.source()
    gpu.step(x, y)
    assert line in gpu.source()
    gpu.graph.params[0].value[...] = 0  # another program would now give other gradients
    gpu.gradients(x, y)
    after = [p.grad.get() for p in gpu.graph.params]
    one = gpu.compiled()
    space = {name: b.array for name, b in one.program.buffers.items()} | one.program.bound | {"copy": ops.copy}
    exec(gpu.source(), space)
    for p in gpu.graph.params:
        p.grad.fill(np.nan)
    space["load"](x, y)
    space["step"]()
    assert all(np.array_equal(p.grad.get(), e) for p, e in zip(gpu.graph.params, after, strict=True))
    assert not np.array_equal(after[2], expected[2])


def test_bias_and_activation_and_the_loss_are_single_kernels(cupy):
    _, gpu = pair("lenet")
    gpu.step(*batches((1, 16, 16))[0])
    calls = Counter(line.split("(")[0].strip() for line in gpu.compiled().program.source().split("\n"))
    assert calls["bias_act"] == 4 and calls["softmax_xent"] == calls["softmax_xent_grad"] == 1
    assert calls["im2col"] == calls["max_pool"] == calls["max_pool_grad"] == 2 and calls["col2im"] == 1
    assert calls["act_grad"] == 3 and calls["copyto"] == 1  # the images, once, with the instances last


def test_a_long_product_in_pieces_is_the_product(cupy):
    """36 x 36 windows of 6 instances: k = 7776, in pieces of at least 256."""
    rng = np.random.default_rng(0)

    def build():
        with edf.Graph() as graph:
            x, y = Input("x"), Input("y")
            h = edf.Tanh(edf.Conv2d(x, Param(np.random.default_rng(1).normal(size=(3, 2, 2, 2)))))
            h = edf.Reshape(edf.MaxPool2d(h, kernel=12))
            return graph, edf.CrossEntropy(edf.VDot(h, Param(np.random.default_rng(2).normal(size=(27, 4)))), y)

    host, gpu = (plan(g, n, SGD(g, lr=0.1)) for g, n in (build(), on("cuda", build)))
    for _ in range(4):
        x, y = rng.normal(size=(6, 2, 37, 37)), rng.integers(0, 4, size=6)
        assert gpu.step(x, y).loss == pytest.approx(host.step(x, y).loss, rel=1e-12)
    assert apart(host, gpu) < 1e-12
    parts = pieces(3, 8, 6 * 36 * 36)
    assert parts > 1 and f"in {parts} pieces" in str(gpu.report()) and gpu.report().memory["activations"] < 2e6


@given(m=st.integers(1, 300), n=st.integers(1, 300), k=st.integers(1, 50_000))
def test_pieces_are_equal_not_too_short_and_none_where_the_gpu_is_full(m, n, k):
    parts = pieces(m, n, k)
    assert k % parts == 0 and (parts == 1 or k // parts >= 256)
    assert parts == 1 or -(-m // 32) * -(-n // 32) < 128


def test_a_component_without_a_rule_runs_its_own_way_and_the_report_says_so(cupy):
    rng = np.random.default_rng(0)

    def build():
        with edf.Graph() as graph:
            x, y = Input("x"), Input("y")
            h = edf.Softplus(edf.VDot(x, Param(rng.normal(size=(6, 5)), "W")))
            return graph, edf.CrossEntropy(edf.VDot(edf.Slice(h, start=0, stop=4, axis=1), Param(np.eye(4))), y)

    state = rng.bit_generator.state
    graph, loss = build()
    rng.bit_generator.state = state
    other, other_loss = on("cuda", build)
    host, gpu = (plan(g, n, SGD(g, lr=0.1, momentum=0.9)) for g, n in ((graph, loss), (other, other_loss)))
    for x, y in batches((6,), 5):
        assert gpu.step(x, y).loss == pytest.approx(host.step(x, y).loss, rel=1e-12)
    assert apart(host, gpu) < 1e-12 and cupy.book.replays == 0
    assert gpu.report().unplanned == ("Softplus", "Slice") and "Softplus, Slice" in gpu.report().recorded


def test_a_step_that_cannot_be_recorded_is_taken_all_the_same(cupy, monkeypatch):
    end = cupy.cuda.Stream.end_capture

    def refuse(self):
        end(self)
        raise RuntimeError("no graphs today")

    monkeypatch.setattr(cupy.cuda.Stream, "end_capture", refuse)
    host, gpu = pair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for x, y in batches((6,), 6):
            host.step(x, y)
            gpu.step(x, y)
    assert apart(host, gpu) < 1e-12 and "no graphs today" in gpu.report().recorded


# Checks


FAULTS = {
    "a label": lambda x, y: (x, np.where(np.arange(6) == 2, 4, y)),
    "a negative label": lambda x, y: (x, np.where(np.arange(6) == 2, -1, y)),
    "NaN": lambda x, y: (np.where(np.arange(6)[:, None] == 2, np.nan, x), y),
    "infinity": lambda x, y: (np.where(np.arange(6)[:, None] == 2, np.inf, x), y),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_late_once_and_says_so(cupy, fault):
    with edf.device("cuda") as there:
        graph, loss = mlp()
        planned, (x, y) = plan(graph, loss, SGD(graph, lr=0.1)), batches((6,))[0]
        start = [p.value.get() for p in graph.params]

        def again():
            for p, value in zip(graph.params, start, strict=True):
                p.set(value)

        for read in (there.look, lambda: planned.loss):
            planned.step(x, y)
            there.look()
            cupy.book.waits.clear()
            planned.step(*FAULTS[fault](x, y))
            again()
            planned.step(x, y)  # a good one does not hide it
            assert "get" not in cupy.book.waits
            with pytest.raises(LateCheck, match="LogLoss: the loss was not finite, or a label out of range"):
                read()
            again()
            assert np.isfinite(planned.step(x, y).loss)  # what was told once is gone


def test_every_256_steps_somebody_looks(cupy):
    graph, loss = on("cuda", mlp)
    planned = plan(graph, loss, SGD(graph, lr=0.1))
    x, y = to_device(*batches((6,))[0])
    planned.step(x, y)
    graph.backend.name.look()
    cupy.book.waits.clear()
    for _ in range(EVERY - 1):
        planned.step(x, y)
    assert cupy.book.waits == []
    planned.step(x, y)
    assert cupy.book.waits == ["get"]
    planned.step(x, np.full(6, 9))
    with pytest.raises(LateCheck):
        for _ in range(EVERY - 1):
            planned.step(x, y)
    assert len(cupy.book.waits) == 2


def test_leaving_a_device_looks_at_its_plans(cupy):
    with pytest.raises(LateCheck, match="label out of range"), edf.device("cuda"):
        graph, loss = mlp()
        planned, (x, y) = plan(graph, loss, SGD(graph, lr=0.1)), batches((6,))[0]
        planned.step(x, y)
        graph.backend.name.look()
        planned.step(x, np.full(6, 4))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("rule", ["sgd", "adam", "amsgrad"])
def test_with_checks_now_a_fault_is_refused_and_no_parameter_changes(cupy, fault, rule):
    host, gpu = pair(rule=rule, checks="now")
    for k, (x, y) in enumerate(batches((6,), 8)):
        if len(y) == 6 and k % 2:
            before, counted = values(gpu), gpu.optimizer.state_dict()
            with pytest.raises(edf.DataError, match="out of range: there are 4" if "label" in fault else "not finite"):
                gpu.step(*FAULTS[fault](x, y))
            assert np.array_equal(values(gpu), before) and gpu.optimizer.counters == counted["counters"]
        assert gpu.step(x, y).loss == pytest.approx(host.step(x, y).loss, rel=1e-12)
    assert apart(host, gpu) < 1e-12 and "without the update" in gpu.report().recorded


def test_with_checks_off_nobody_looks(cupy):
    _, gpu = pair(checks="off")
    x, y = to_device(*batches((6,))[0])
    gpu.step(x, y)
    cupy.book.waits.clear()
    bad = to_device(np.full(6, 9))[0]
    for _ in range(2 * EVERY):
        gpu.step(x, bad)
    assert cupy.book.waits == [] and "flag" not in gpu.source()


def test_a_loss_without_a_rule_is_looked_at_too(cupy):
    rng = np.random.default_rng(0)
    with edf.device("cuda") as there:
        with edf.Graph() as graph:
            x = Input("x")
            h = edf.VDot(x, Param(rng.normal(size=(6, 2))))
            loss = edf.SumOver(h * h, axis=1)
        planned, data = plan(graph, loss, SGD(graph, lr=0.0)), rng.normal(size=(3, 6))
        planned.step(data)
        there.look()
        planned.step(np.where(data > 1, np.nan, data))
        with pytest.raises(LateCheck, match="SumOver: the loss is not finite"):
            there.look()


# Places


def test_two_plans_on_two_gpus_take_turns_each_on_its_own(monkeypatch):
    cupy = install(monkeypatch, devices=2)
    host, one = pair("images", "adam", place="cuda:0")
    _, two = pair("images", "adam", place="cuda:1")
    assert cupy.current == 0  # outside of every `with`
    for x, y in batches((2, 9, 8), 6):
        for planned in (host, one, two):
            planned.step(x, y)
        assert one.loss == pytest.approx(two.loss, rel=1e-14) and cupy.current == 0
    assert apart(host, one) < 1e-12 and apart(host, two) < 1e-12
    assert {p.value.device.id for p in two.graph.params} == {1} and two.report().place == "cuda:1"


def test_a_batch_on_another_gpu_is_a_sentence(monkeypatch):
    install(monkeypatch, devices=2)
    _, gpu = pair(place="cuda:1")
    x, y = batches((6,))[0]
    for _ in range(2):
        with pytest.raises(edf.DataError, match="the batch of Input 'x' lies on cuda:0, but the plan is of cuda:1"):
            gpu.step(*to_device(x, y))
        gpu.step(x, y)


def test_the_stand_in_refuses_arrays_of_another_gpu(monkeypatch):
    cupy = install(monkeypatch, devices=2)
    a = cupy.zeros((2, 2))
    with cupy.cuda.Device(1):
        assert a.T.device.id == 0 and a[0].device.id == 0
        for use in (lambda: a + 1, lambda: a.fill(0), lambda: ops.bias_act(a, None, a), lambda: a.sum()):
            with pytest.raises(ValueError, match="array device = 0 while current = 1"):
                use()
        assert a.get().shape == (2, 2)


@pytest.mark.parametrize(
    "said, call",
    [
        ("labels", lambda p, x, y: p.step(x, y + 0.5)),
        ("no batch for 'y'", lambda p, x, y: p.step(x=x)),
        ("VDot", lambda p, x, y: p.step(x[:, :3], y)),
        ("axis", lambda p, x, y: p.step(1.0, y)),
    ],
)
def test_bad_batches_are_sentences_at_the_first_step_and_later(cupy, said, call):
    _, gpu = pair(checks="now")
    x, y = batches((6,))[0]
    for _ in range(2):
        with pytest.raises(edf.EdfError, match=said):
            call(gpu, x, y)
        gpu.step(x, y)


def test_graphs_of_other_places_are_refused_still(cupy):
    for build in (lambda: edf.Graph("complex128"), lambda: edf.Graph("float64", SimDevice("GTX Titan"))):
        with build() as graph:
            x = Input("x")
            loss = edf.SumOver(edf.VDot(x, Param(np.eye(3))), axis=1)
        with pytest.raises(edf.DataError, match="NumPy or a GPU"):
            plan(graph, loss)


def test_a_graph_on_the_backend_cupy_is_planned_as_one_on_a_device(cupy):
    with edf.Graph(backend="cupy") as graph:
        x, y = Input("x"), Input("y")
        loss = edf.CrossEntropy(edf.VDot(x, Param(np.eye(6)[:, :4])), y)
    planned, (a, b) = plan(graph, loss, SGD(graph, lr=0.1)), batches((6,))[0]
    before = [p.value.get() for p in graph.params]
    with pytest.raises(edf.DataError, match="out of range|not finite"):  # this backend's checks are at once
        planned.step(a, b + 9)
    assert all(np.array_equal(p.value.get(), v) for p, v in zip(graph.params, before, strict=True))
    planned.step(a, b)


# On a GPU


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rule", ["sgd", "momentum", "dampening", "adam", "adamw", "amsgrad", "schedule"])
def test_twenty_steps_on_a_real_gpu_are_the_hosts(real, name, rule, dtype):
    host, gpu = pair(name, rule, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # a step that could not be recorded
        for x, y in batches(NETWORKS[name][1]):
            assert gpu.step(x, y).loss == pytest.approx(host.step(x, y).loss, rel=100 * LIMIT[dtype])
    assert apart(host, gpu) < 100 * LIMIT[dtype] and gpu.report().recorded.startswith("recorded as one")


@pytest.mark.gpu
def test_lenet_of_full_size_on_a_real_gpu_is_the_hosts(real):
    def build():
        net = models.lenet(np.random.default_rng(0), dtype="float32")
        return net.graph, net.loss

    rng = np.random.default_rng(0)
    host, gpu = (plan(g, n, SGD(g, lr=0.01)) for g, n in (build(), on("cuda", build)))
    for _ in range(4):
        x, y = rng.random((64, 1, 28, 28), dtype=np.float32), rng.integers(0, 10, size=64)
        assert gpu.step(x, y).loss == pytest.approx(host.step(x, y).loss, rel=1e-4)
    assert apart(host, gpu) < 1e-4 and "pieces" in str(gpu.report())


@pytest.mark.gpu
def test_two_runs_on_a_real_gpu_agree_bit_for_bit_and_a_fault_is_found(real):
    runs = []
    for _ in range(2):
        _, gpu = pair("images", "adam", "float32")
        for x, y in batches((2, 9, 8), 10):
            gpu.step(x, y)
        runs.append(values(gpu))
    assert np.array_equal(*runs)
    gpu.step(x, np.full(len(y), 7))
    gpu.step(x, y)
    with pytest.raises(LateCheck):
        gpu.graph.backend.name.look()


def test_the_stand_in_is_what_these_tests_ran_on(cupy):
    assert isinstance(cupy, StrictCupy) and edf.gpu.device.cupy() is cupy
