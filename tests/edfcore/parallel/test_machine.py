"""Simulated devices: their values are NumPy's, their arrays do not mix, and their books are right to the byte."""

import copy
import gc
import pickle
import threading
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edfcore as edf
from edfcore import checks, models, optimizers, saving
from edfcore.parallel import collectives, machine, pipeline, strategies
from edfcore.parallel.comm.local import run
from edfcore.parallel.data_parallel import DataParallel
from edfcore.parallel.devices import device as part
from edfcore.parallel.errors import OutOfMemory, WrongDevice
from edfcore.parallel.machine import DeviceArray, DeviceGraph, SimDevice, category, graph_on, on_device
from edfcore.registry import REGISTRY

RULES = ("GD", "SGD", "Momentum", "Nesterov", "Rprop", "Adagrad", "Adadelta", "RMSprop", "Adam", "AMSGrad", "AdamW")
SIZES = {"depth": 3, "width": 7, "fan_in": 6, "classes": 4}


def mlp(dtype="float64", **sizes):
    return models.residual_mlp(np.random.default_rng(1), **SIZES | sizes, dtype=dtype)


def batch(B=10, fan_in=6, classes=4, seed=2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, fan_in)), rng.integers(0, classes, size=B)


def host(array):
    return array.device.to_host(array) if isinstance(array, DeviceArray) else array


def same(a, b):
    """Bitwise, with dtype and shape."""
    a, b = host(a), host(b)
    if a is None or b is None:
        return a is b
    return (np.shape(a), a.dtype, a.tobytes()) == (np.shape(b), b.dtype, b.tobytes())


def total(device):
    return sum(device.used.values())


# Values


def computed(node, values, u, v):
    """Value, VJP and JVP of a component."""
    value = checks.evaluate(node, values)
    return [value, *checks.pull_back(node, u, values), checks.push_forward(node, v, values)]


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_component_gives_numpys_values_bit_for_bit_and_leaves_none_on_the_host(name):
    for seed in range(8):
        rng, device = np.random.default_rng(seed), SimDevice()
        node, values = checks.example(name, rng)
        u = rng.normal(size=np.shape(checks.evaluate(node, values)))
        v = [rng.normal(size=x.shape) if x.dtype.kind == "f" else None for x in values]
        graph = DeviceGraph("float64", device)
        args = [edf.Param(0.0, graph=graph) if type(a) is edf.Param else edf.Input(graph=graph) for a in node.args]
        other = type(node)(*args, **{key: getattr(node, key) for key in node.settings})
        there = [device.put(x) for x in values], device.put(u), [None if d is None else device.put(d) for d in v]
        expected, found = computed(node, values, u, v), computed(other, *there)
        assert [f for f in found if np.ndim(f) and not isinstance(f, DeviceArray)] == []
        assert all(same(a, b) for a, b in zip(found, expected, strict=True)), seed


class HostZeros(edf.Slice):
    def backward(self, grad, y, x):
        whole = np.zeros(x.shape)
        whole[self._window(x)] = grad
        return whole


class HostPlaces(edf.Aref):
    def forward(self, p, y):
        return p[np.arange(len(y)), y]


class HostMask(edf.Tanh):
    def forward(self, x):
        return x * np.ones(x.shape)


@pytest.mark.parametrize("fault", [HostZeros, HostPlaces, HostMask], ids=lambda fault: fault.__name__)
def test_a_component_that_makes_a_host_array_in_the_middle_is_caught(fault):
    node, values = checks.example(fault.__base__.__name__, np.random.default_rng(0))
    device = SimDevice()
    with DeviceGraph("float64", device):
        node = fault(*[edf.Input(grad=True) for _ in values], **{key: getattr(node, key) for key in node.settings})
    values = [device.put(x) for x in values]
    with pytest.raises(WrongDevice):
        checks.pull_back(node, device.xp.ones_like(checks.evaluate(node, values)), values)


def trained(net, optimizer, steps=4, clip=None):
    losses = []
    for k in range(steps):
        x, y = batch(seed=k)
        if clip:
            net.x.set(x)
            net.y.set(y)
            net.graph.Forward(net.loss)
            net.graph.Backward(net.loss)
            clip(net.graph, 0.01)
            optimizer.step()
        else:
            losses.append(net.step(optimizer, x, y))
    return losses, [p.value for p in net.graph.params]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", RULES)
def test_training_on_a_device_is_training_on_numpy(rule, dtype):
    results, states = [], []
    for backend in ("numpy", SimDevice()):
        net = on_device(mlp(dtype), backend)
        optimizer = getattr(optimizers, rule)(net.graph)
        results.append(trained(net, optimizer))
        states.append(optimizer.state_dict()["state"])
    (losses, params), (there_losses, there) = results
    assert losses == there_losses
    assert all(isinstance(b, DeviceArray) and same(a, b) for a, b in zip(params, there, strict=True))
    assert all(same(a[key], b[key]) for a, b in zip(*states, strict=True) for key in a)


@pytest.mark.parametrize("clip", ["clip_by_value", "clip_by_norm", "clip_by_global_norm"])
def test_clipping_on_a_device_is_clipping_on_numpy(clip):
    nets = [on_device(mlp(), backend) for backend in ("numpy", SimDevice())]
    found = [trained(net, optimizers.SGD(net.graph, lr=0.1), clip=getattr(optimizers, clip))[1] for net in nets]
    assert all(same(a, b) for a, b in zip(*found, strict=True))


def test_the_step_of_the_slides_works_on_a_device():
    net = on_device(mlp(), SimDevice())
    net.x.set(batch()[0])
    net.y.set(batch()[1])
    before = [host(p.value) for p in net.graph.params]
    net.graph.Forward()
    net.graph.Backward(net.loss)
    edf.SGD(0.5, net.graph)
    assert all(same(p.value, w - 0.5 * host(p.grad)) for p, w in zip(net.graph.params, before, strict=True))


def test_an_optimizer_goes_on_from_its_state_dict():
    whole = on_device(mlp(), SimDevice())
    trained(whole, optimizer := optimizers.Adam(whole.graph))
    again = on_device(whole, SimDevice())
    (other := optimizers.Adam(again.graph)).load_state_dict(optimizer.state_dict())
    assert trained(whole, optimizer)[0] == trained(again, other)[0]


def test_a_convolution_network_and_a_recurrent_one_run_on_a_device():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 1, 28, 28)), rng.integers(0, 10, 3)
    nets = [on_device(models.lenet(np.random.default_rng(1)), backend) for backend in ("numpy", SimDevice())]
    assert len({net.step(optimizers.Adam(net.graph), x, y) for net in nets}) == 1
    sequence = models.adding_problem(rng, 4, 3)
    adders = [on_device(models.adder(np.random.default_rng(1), 3), backend) for backend in ("numpy", SimDevice())]
    assert len({net.forward(*sequence) for net in adders}) == 1


def noisy():
    """A network that draws (Dropout) and remembers (BatchNorm)."""
    rng = np.random.default_rng(0)
    with edf.Graph():
        x, y = edf.Input("x"), edf.Input("y")
        h = x @ edf.Param(rng.normal(size=(6, 5)), "W")
        h = edf.Dropout(edf.BatchNorm(h, edf.Param(np.ones(5)), edf.Param(np.zeros(5)), axis=-1), p=0.3, seed=4)
        scores = edf.Tanh(h) @ edf.Param(rng.normal(size=(5, 4)), "V")
        return models.Classifier(x, y, scores, edf.CrossEntropy(scores, y))


def test_a_copy_on_a_device_draws_and_remembers_as_the_network_does():
    net = noisy()
    trained(net, optimizers.SGD(net.graph, lr=0.1))
    there = on_device(net, SimDevice())
    assert trained(net, optimizers.SGD(net.graph, lr=0.1))[0] == trained(there, optimizers.SGD(there.graph, lr=0.1))[0]
    with net.graph.evaluating(), there.graph.evaluating():
        net.graph.Forward(net.scores)
        there.graph.Forward(there.scores)
    assert same(net.scores.value, there.scores.value)


def test_a_model_on_a_device_can_be_saved_and_read_on_the_host(tmp_path):
    net = on_device(noisy(), SimDevice())
    trained(net, optimizers.SGD(net.graph, lr=0.1))
    saving.save(net.graph, tmp_path / "net.npz")
    values = [p.value for p in saving.load(tmp_path / "net.npz").params]
    assert all(same(a, p.value) for a, p in zip(values, net.graph.params, strict=True))


# Places


def assign(a, key, value):
    a[key] = value


def add_in_place(a, b):
    a += b


MEETINGS = {
    "a + b": lambda a, b: a + b,
    "b - a": lambda a, b: b - a,
    "a @ b": lambda a, b: a @ b,
    "b @ a": lambda a, b: b @ a,
    "a < b": lambda a, b: a < b,
    "a == b": lambda a, b: a == b,
    "a += b": add_in_place,
    "b += a": lambda a, b: add_in_place(b, a),
    "a[...] = b": lambda a, b: assign(a, ..., b),
    "b[...] = a": lambda a, b: assign(b, ..., a),
    "a[0] = b[0]": lambda a, b: assign(a, 0, b[0]),
    "a[b > 0]": lambda a, b: a[b > 0],
    "a[b > 0] = 0": lambda a, b: assign(a, b > 0, 0),
    "add with out=b": lambda a, b: np.add(a, a, out=b),
    "add with where": lambda a, b: np.add(a, a, where=b > 0, out=a),
    "add.at": lambda a, b: np.add.at(a, 0, b[0]),
    "add.outer": lambda a, b: np.add.outer(a, b),
    "sum with out": lambda a, b: a.sum(axis=0, out=b[0]),
    "concatenate": lambda a, b: np.concatenate([a, b]),
    "stack of a tuple": lambda a, b: np.stack((b, a)),
    "block of lists": lambda a, b: np.block([[a], [b]]),
    "where": lambda a, b: np.where(a > 0, a, b),
    "einsum": lambda a, b: np.einsum("ij,jk->ik", a, b),
    "dot": lambda a, b: a.dot(b),
    "clip": lambda a, b: a.clip(b, None),
    "copyto": lambda a, b: np.copyto(b, a),
    "linalg.solve": lambda a, b: np.linalg.solve(a, b),
    "array_equal": lambda a, b: np.array_equal(a, b),
    "searchsorted": lambda a, b: a[0].searchsorted(b[0]),
    "take": lambda a, b: a.take(b.astype(int)),
    "take_along_axis": lambda a, b: np.take_along_axis(a, (0 * b).astype(int), axis=1),
    "xp.exp": lambda a, b: a.device.xp.exp(b),
    "xp.where": lambda a, b: a.device.xp.where(b > 0, 0, 1),
    "xp.add.reduce": lambda a, b: a.device.xp.add.reduce(b),
    "xp.linalg.norm": lambda a, b: a.device.xp.linalg.norm(b),
    "xp.zeros_like": lambda a, b: a.device.xp.zeros_like(b),
}


@pytest.mark.parametrize("meeting", MEETINGS)
def test_arrays_of_a_device_and_of_the_host_do_not_mix(meeting):
    a, b = SimDevice(part("GTX Titan"), 2).put(np.eye(2)), np.ones((2, 2))
    with pytest.raises(WrongDevice, match=r"on GTX Titan \[2\]|of GTX Titan \[2\]"):
        MEETINGS[meeting](a, b)
    assert same(a, np.eye(2)) and same(b, np.ones((2, 2)))


@pytest.mark.parametrize("meeting", MEETINGS)
def test_arrays_of_two_devices_do_not_mix(meeting):
    a, b = SimDevice(part("GTX 670"), 0).put(np.eye(2)), SimDevice(part("GTX Titan"), 1).put(np.ones((2, 2)))
    with pytest.raises(WrongDevice, match=r"device\.receive\(array\)") as caught:
        MEETINGS[meeting](a, b)
    assert "GTX 670 [0]" in str(caught.value) and "GTX Titan [1]" in str(caught.value)
    assert same(a, np.eye(2)) and same(b, np.ones((2, 2)))


READINGS = {
    "numpy.asarray": np.asarray,
    "numpy.array": np.array,
    "numpy.array of a list": lambda a: np.array([a, a]),
    "numpy.ascontiguousarray": np.ascontiguousarray,
    "host[...] =": lambda a: assign(np.ones((2, 2)), ..., a),
    "float": lambda a: float(a[:1, 0]),
    "int": lambda a: int(a[:1, 0]),
    "bool": lambda a: bool(a[:1, 0]),
    "an index": lambda a: [1, 2][a[:1, 0].astype(int)],
    "tolist": lambda a: a.tolist(),
    "item": lambda a: a[:1, 0].item(),
    "tobytes": lambda a: a.tobytes(),
    "pickle": pickle.dumps,
    "numpy.save": lambda a: np.save("never", a),
    "numpy.savez": lambda a: np.savez("never", a=a),
    "another device's to_host": lambda a: SimDevice().to_host(a),
    "another device's put": lambda a: SimDevice().put(a),
    "a graph of the host": lambda a: edf.Input(graph=edf.Graph()).set(a),
    "a graph of another device": lambda a: edf.Param(a, graph=DeviceGraph("float64", SimDevice())),
}


@pytest.mark.parametrize("reading", READINGS)
def test_no_array_comes_to_the_host_unasked(reading, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongDevice, match="device"):
        READINGS[reading](SimDevice().put(np.ones((2, 2))))
    assert list(tmp_path.iterdir()) == []


def test_numbers_go_anywhere():
    one, two = SimDevice(), SimDevice()
    a, zero = one.put([1.0, 2.0]), two.put(3.0)
    assert same(a * zero + np.array(1.0) + np.float64(1.0) + 1, np.array([6.0, 9.0]))
    assert same(np.float64(2.0) * a, np.array([2.0, 4.0])) and (a * zero).device is one
    assert (float(zero), int(zero), bool(zero), zero.item(), float(a.sum()), a[1]) == (3.0, 3, True, 3.0, 3.0, 2.0)
    assert isinstance(a.sum(), np.float64) and float(np.asarray(zero)) == 3.0
    assert same(np.ones(2) * zero, np.array([3.0, 3.0])) and type(np.ones(2) * zero) is np.ndarray


def test_the_ways_across_copy_and_count_their_bytes():
    one, two, x = SimDevice(), SimDevice(), np.arange(6.0).reshape(2, 3)
    a = one.put(x)
    a *= 2
    b = kept = two.receive(a)
    b += 1
    back = two.to_host(b)
    back += 1
    assert b is kept and two.used["buffers"] == 48
    assert same(x, np.arange(6.0).reshape(2, 3)) and same(a, 2 * x) and same(b, 2 * x + 1) and same(back, 2 * x + 2)
    assert (one.loaded, one.received, two.loaded, two.received) == (48, 0, 0, 48)
    assert same(two.receive(x), x) and two.received == 96


@pytest.mark.parametrize("make", ["zeros", "ones", "arange", "eye", "empty"])
def test_creation_functions_give_arrays_of_the_device(make):
    device = SimDevice()
    made = getattr(device.xp, make)(3)
    assert made.device is device and total(device) == made.nbytes
    assert make == "empty" or same(made, getattr(np, make)(3))


# Books


VIEWS = {
    "a[1:]": lambda a: a[1:],
    "a.T": lambda a: a.T,
    "a.mT": lambda a: a.mT,
    "reshape": lambda a: a.reshape(-1),
    "ravel": lambda a: a.ravel(),
    "swapaxes": lambda a: a.swapaxes(0, 1),
    "moveaxis": lambda a: np.moveaxis(a, 0, 1),
    "expand_dims": lambda a: np.expand_dims(a, 0),
    "broadcast_to": lambda a: np.broadcast_to(a, (5, 4, 4)),
    "split": lambda a: np.split(a, 2),
    "real": lambda a: a.real,
    "asarray": lambda a: a.device.xp.asarray(a),
    "view": lambda a: a.view(np.uint8),
    "diagonal": lambda a: a.diagonal(),
    "rows": lambda a: list(a),
    "astype without copy": lambda a: a.astype("float64", copy=False),
    "sliding_window_view": lambda a: a.device.xp.lib.stride_tricks.sliding_window_view(a, (2, 2)),
    "in place": lambda a: a.__imul__(2.0),
    "out": lambda a: np.exp(a, out=a),
}
NEW = {
    "a + 1": (lambda a: a + 1, 16),
    "copy": (lambda a: a.copy(), 16),
    "copy.copy": (copy.copy, 16),
    "astype": (lambda a: a.astype("float32"), 8),
    "a > 0": (lambda a: a > 0, 2),
    "a[[0, 1]]": (lambda a: a[[0, 1]], 8),
    "sum": (lambda a: a.sum(axis=0), 4),
    "zeros_like": (lambda a: np.zeros_like(a), 16),
    "concatenate": (lambda a: np.concatenate([a, a]), 32),
    "a.T.ravel": (lambda a: a.T.ravel(), 16),
    "where": (lambda a: np.where(a > 2, a, 0.0), 16),
    "nonzero, two views of one": (lambda a: (a + 1).nonzero(), 32),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_takes_no_memory_and_keeps_that_of_what_it_views(name):
    device = SimDevice()
    a = device.put(np.arange(16.0).reshape(4, 4))
    view = VIEWS[name](a)
    assert total(device) == 128
    del a
    assert total(device) == 128
    del view
    assert total(device) == 0


@pytest.mark.parametrize("name", NEW)
def test_what_is_no_view_takes_its_own_memory_until_it_is_gone(name):
    device = SimDevice()
    a = device.put(np.arange(16.0).reshape(4, 4))
    function, entries = NEW[name]
    made = function(a)
    assert total(device) == 128 + 8 * entries
    del a
    assert total(device) == 8 * entries
    del made
    assert total(device) == 0


ACTIONS = st.lists(st.tuples(st.sampled_from(["new", "view", "copy", "drop"]), st.integers(0, 99)), max_size=40)


@given(ACTIONS)
def test_the_books_are_the_sum_of_the_blocks_that_are_alive(actions):
    device, alive, most = SimDevice(), [], 0  # alive : pairs of an array and the number of its block
    for number, (action, n) in enumerate(actions):
        array, owner = alive[n % len(alive)] if alive else (None, None)
        if action == "new" or array is None:
            alive.append((device.xp.zeros(n % 7 + 1), number))
        elif action == "view":
            alive.append((array[n % 2 :], owner))
        elif action == "copy":
            alive.append((array + 1.0, number))
        else:
            alive.pop(n % len(alive))
        del array
        sizes = {owner: a._block.root.nbytes for a, owner in alive}
        assert total(device) == sum(sizes.values())
        most = max(most, sum(sizes.values()))
    assert sum(device.peak.values()) == most


def test_the_innermost_category_counts_and_only_in_its_thread():
    device, seen = SimDevice(), {}

    def elsewhere():
        seen["kept"] = device.put(np.ones(1))

    with device.category("buffers"):
        a = device.put(np.ones(2))
        with device.category("optimizer"):
            b = device.put(np.ones(4))
        c = a + 1
        (thread := threading.Thread(target=elsewhere)).start()
        thread.join()
    assert device.used == {"parameters": 0, "gradients": 0, "optimizer": 32, "activations": 8, "buffers": 32}
    assert (len(b), len(c)) == (4, 2)
    with pytest.raises(edf.DataError, match="no 'activation'; there are parameters, gradients"):
        device.category("activation").__enter__()


def test_category_does_nothing_on_other_backends():
    with category("numpy", "buffers"):
        pass
    with category(device := SimDevice(), "buffers"):
        kept = device.put(np.ones(3))
    assert device.used["buffers"] == kept.nbytes


B, FAN_IN, H, C = 10, 6, 7, 4
P = FAN_IN * H + H + H * C + C


@pytest.mark.parametrize("rule, copies", [("SGD", 0), ("Momentum", 1), ("RMSprop", 1), ("Adam", 2), ("AMSGrad", 3)])
def test_the_books_of_a_step_of_an_mlp_are_its_closed_forms(rule, copies):
    """x W1 + b1, ReLU, h W2 + b2, cross entropy. The bias passes its gradient on: AddBias and VDot share one array."""
    device = SimDevice()
    net = on_device(mlp(depth=2), device)
    optimizer = getattr(optimizers, rule)(net.graph)
    assert device.used == {"parameters": 8 * P, "gradients": 0, "optimizer": 0, "activations": 0, "buffers": 0}
    values = B * (FAN_IN + 1 + 3 * H + 2 * C + 1)  # batch and labels; VDot, AddBias, ReLU; VDot, AddBias; loss
    upstream = B * (1 + C + 2 * H)  # loss, scores, ReLU, AddBias
    for k in range(2):
        net.step(optimizer, *batch(B, seed=k))
        expected = {"parameters": P, "gradients": P + upstream, "optimizer": copies * P, "activations": values}
        assert device.used == {name: 8 * n for name, n in expected.items()} | {"buffers": 0}
    peak = device.peak
    assert all(peak[name] >= device.used[name] for name in ("parameters", "gradients"))
    assert sum(peak.values()) >= total(device)


def test_param_set_and_constants_are_parameters_and_batches_activations():
    device = SimDevice()
    with DeviceGraph("float64", device) as graph:
        x, W = edf.Input("x"), edf.Param(np.ones((2, 3)), "W")
        y = edf.SumOver(x @ W * np.ones((1, 3)))
    assert device.used["parameters"] == 8 * (6 + 3) and total(device) == 8 * 9
    W.set(np.zeros((2, 3)))
    x.set(np.ones((4, 2)))
    assert device.used == {"parameters": 72, "gradients": 0, "optimizer": 0, "activations": 64, "buffers": 0}
    graph.Forward()
    graph.Backward(y)
    x.set(np.ones((5, 2), dtype="float32"))
    assert device.used["optimizer"] == 0 and device.used["activations"] == 8 * (5 * 2 + 4 * (3 + 3 + 1))


def test_memory_comes_back_after_each_step_and_after_the_network():
    device = SimDevice()
    net = on_device(mlp(), device)
    optimizer = optimizers.Adam(net.graph)
    net.step(optimizer, *batch())
    gc.disable()  # what is freed must not wait for the collector of cycles
    try:
        before = device.used
        for k in range(3):
            net.step(optimizer, *batch(seed=k))
            assert device.used == before
    finally:
        gc.enable()
    del net, optimizer
    gc.collect()
    assert total(device) == 0


def test_a_step_that_keeps_what_it_should_drop_is_seen_in_the_books():
    device, kept = SimDevice(), []
    net = on_device(mlp(), device)
    optimizer = optimizers.SGD(net.graph)
    net.step(optimizer, *batch())
    before = total(device)
    kept.append(net.scores.value)  # the leak: a history of scores
    net.step(optimizer, *batch())
    assert total(device) == before + kept[0].nbytes


def test_the_peak_is_what_it_was_then_and_can_start_again():
    device = SimDevice()
    with device.category("parameters"):
        a = device.put(np.ones(4))
    with device.category("gradients"):
        b = device.put(np.ones(2))
    del b
    with device.category("buffers"):
        c = device.put(np.ones(1))
    assert device.peak == dict.fromkeys(machine.CATEGORIES, 0) | {"parameters": 32, "gradients": 16}
    device.reset_peak()
    assert device.peak == device.used == dict.fromkeys(machine.CATEGORIES, 0) | {"parameters": 32, "buffers": 8}
    assert len(a) + len(c) == 5


def test_the_report_shows_every_category():
    device = SimDevice(part("GTX Titan"))
    kept = device.put(np.ones(1000))
    lines = device.report().splitlines()
    assert lines[0] == "GTX Titan [0], 6.44 GB"
    assert [line.split() for line in lines if line.startswith(("activations", "buffers", "sum"))] == [
        ["activations", "8", "kB", "8", "kB"], ["buffers", "0", "bytes", "0", "bytes"], ["sum", "8", "kB", "8", "kB"],
    ]  # fmt: skip
    assert len(kept) == 1000


# Capacity


def test_what_fits_to_the_last_byte_fits_and_a_byte_more_does_not():
    device = SimDevice(capacity=800)
    with device.category("parameters"):
        a = device.xp.zeros(50)
    b = device.put(np.zeros(50))
    with pytest.raises(OutOfMemory, match="no room for 1 byte of activations: 800 bytes of 800 bytes"):
        device.xp.zeros(1, dtype="uint8")
    del b
    with pytest.raises(OutOfMemory) as caught:
        with device.category("optimizer"):
            device.put(np.zeros(51))
    for words in ("408 bytes of optimizer", "400 bytes of 800 bytes", "parameters 400 bytes", "at most 400 bytes"):
        assert words in str(caught.value)
    assert same(a, np.zeros(50)) and device.used["parameters"] == total(device) == 400


MAKE = {
    "zeros": lambda xp, a: xp.zeros((10**6, 10**6)),
    "ones": lambda xp, a: xp.ones(10**12),
    "full": lambda xp, a: xp.full((10**6, 10**6), 2.0),
    "a[:, None] + a": lambda xp, a: a[:, None] + a,
    "concatenate": lambda xp, a: xp.concatenate([a, a]),
    "copy": lambda xp, a: a.copy(),
}


@pytest.mark.parametrize("make", MAKE)
def test_a_full_device_refuses_and_frees_nothing(make):
    device = SimDevice(capacity=1200)
    a = device.put(np.arange(100.0))
    with pytest.raises(OutOfMemory):
        MAKE[make](device.xp, a)
    assert same(a, np.arange(100.0)) and total(device) == 800
    assert len(device.xp.zeros(50)) == 50


def hold_in_training(device, params):
    """Parameters, gradients and Adam's two averages, in float32, before any activation."""
    kept = []
    for name in ("parameters", "gradients", "optimizer", "optimizer"):
        with device.category(name):
            kept.append(device.xp.empty(params, "float32"))
    return kept


def test_vgg16_with_adam_fits_a_titan_and_not_a_gtx_670():
    params = 138_357_544  # Simonyan & Zisserman 2015, configuration D
    titan, small = SimDevice(part("GTX Titan")), SimDevice(part("GTX 670"))
    assert len(hold_in_training(titan, params)) == 4
    with pytest.raises(OutOfMemory, match=r"GTX 670 \[0\]: no room for 553 MB of optimizer"):
        hold_in_training(small, params)


def test_a_batch_that_is_too_large_is_refused_in_forward_and_a_smaller_one_is_not():
    device = SimDevice(capacity=20_000)
    net = on_device(mlp(), device)
    optimizer = optimizers.SGD(net.graph)
    with pytest.raises(OutOfMemory, match="of activations"):
        net.step(optimizer, *batch(100))
    assert np.isfinite(net.step(optimizer, *batch(10)))


@pytest.mark.parametrize("spec, capacity", [(670, None), (None, -1), (None, "2 GB")])
def test_a_device_without_a_memory_that_makes_sense_is_a_sentence(spec, capacity):
    with pytest.raises(edf.DataError, match=r"SimDevice: .* a name such as 'GTX Titan' is needed, an object with"):
        SimDevice(spec, capacity=capacity)


def test_a_name_is_looked_up_among_the_parts():
    device, spec = SimDevice("gtx-670", 1), part("GTX 670")
    assert (device.spec, device.capacity, device.label) == (spec, spec.memory, "GTX 670 [1]")
    with pytest.raises(edf.DataError, match="There is no device 'GTX 607'.*GTX 670"):
        SimDevice("GTX 607")


# Many devices


def test_eight_threads_keep_separate_books():
    devices, start = [SimDevice(index=k) for k in range(8)], threading.Barrier(8)

    def work(k):
        start.wait()
        kept = []
        for n in range(200):
            with devices[k].category(machine.CATEGORIES[(k + n) % 5]):
                kept.append(devices[k].xp.ones(k + 1) * 2.0)
            if n % 3:
                kept.pop()
        results[k] = kept

    results = [None] * 8
    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert [total(d) for d in devices] == [8 * (k + 1) * len(results[k]) for k in range(8)]
    results.clear()
    assert [total(d) for d in devices] == [0] * 8


def test_one_device_used_by_eight_threads_loses_no_byte():
    device = SimDevice()

    def work():
        for n in range(300):
            a = device.xp.ones(n % 5 + 1)
            b = a * 2.0
            a = b[1:]
        del a, b

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert total(device) == 0 and sum(device.peak.values()) >= 2 * 5 * 8


def steps_of_a_rank(comm):
    net = on_device(mlp(), comm.backend)
    training = DataParallel(comm, net, optimizers.Adam(net.graph))
    losses = [training.step(*batch(21, seed=k)) for k in range(3)]
    return losses, [host(p.value) for p in net.graph.params]


@pytest.mark.parametrize("N", [1, 3, 8])
def test_data_parallel_training_on_devices_is_that_on_the_host_and_moves_what_its_schedules_say(N):
    devices = [SimDevice(part("GTX Titan"), k) for k in range(N)]
    there, here = run(steps_of_a_rank, N, devices=devices), run(steps_of_a_rank, N)
    assert [losses for losses, _ in there] == [losses for losses, _ in here]
    assert all(same(a, b) for (_, p), (_, q) in zip(there, here, strict=True) for a, b in zip(p, q, strict=True))
    sizes = [prod(p.shape) for p in here[0][1]]
    schedules = [collectives.broadcast(N, n) for n in sizes] + 3 * [collectives.all_reduce("ring", N, sum(sizes) + 1)]
    expected = np.sum([schedule.traffic()[1] for schedule in schedules], axis=0)
    assert [d.received for d in devices] == [8 * n for n in expected]
    gc.collect()
    assert [total(d) for d in devices] == [0] * N


def steps_of_a_column(comm):
    net = strategies.split_mlp(comm, np.random.default_rng(1), (6, 8, 8, 4), norm=True)
    training = strategies.ModelParallel(comm, net, optimizers.Adam(net.graph))
    return [training.step(*batch(9, seed=k)) for k in range(3)], training.parameters()


def steps_of_a_stage(comm):
    layers = strategies.mlp(np.random.default_rng(1), (6, 8, 8, 4))
    part = pipeline.stage(comm, pipeline.cut(layers, comm.size))
    training = pipeline.Pipeline(comm, part, optimizers.Adam(part.graph), micro_batches=4)
    return [training.step(*batch(9, seed=k)) for k in range(3)], training.parameters()


@pytest.mark.parametrize("program", [steps_of_a_column, steps_of_a_stage])
def test_a_network_shared_out_over_devices_takes_the_steps_it_takes_on_the_host_in_less_memory(program):
    alone, devices = SimDevice(), [SimDevice(index=k) for k in range(3)]
    there, here = run(program, 3, devices=devices), run(program, 3)
    run(program, 1, devices=[alone])
    assert [losses for losses, _ in there] == [losses for losses, _ in here]
    assert all(same(a, b) for (_, p), (_, q) in zip(there, here, strict=True) for a, b in zip(p, q, strict=True))
    assert all(d.peak["parameters"] < alone.peak["parameters"] for d in devices)
    assert min(d.received for d in devices) > 0 == alone.received


def test_graph_on_gives_each_backend_its_graph():
    assert type(graph_on("numpy", "float32")) is edf.Graph and graph_on("numpy", "float32").backend.dtype == "float32"
    device = SimDevice()
    assert type(graph_on(device)) is DeviceGraph and graph_on(device).backend.xp is device.xp
    assert hash(graph_on(device).backend) == hash(graph_on(device).backend)
    with pytest.raises(edf.DataError, match="a SimDevice is needed"):
        DeviceGraph("float64", "numpy")


def test_a_plain_graph_takes_a_device_as_its_backend():
    device = SimDevice()
    with edf.Graph("float32", backend=device) as graph:
        x = edf.Input("x")
        y = edf.Tanh(x @ edf.Param(np.ones((2, 2))))
    x.set(np.ones((3, 2)))
    graph.Forward()
    assert y.value.device is device and y.value.dtype == "float32"
    assert same(graph.backend.to_host(y.value), np.tanh(np.full((3, 2), 2, "float32")))
