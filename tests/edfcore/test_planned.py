"""The planned engine computes what the stepped engine computes, in memory of its own, and says what it does."""

import gc
import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_graph import random_graphs

import edfcore as edf
from edfcore import models
from edfcore.checks import example
from edfcore.graph import Input, Param
from edfcore.optimizers import SGD, Adam, AdamW, Momentum, Nesterov, RMSprop
from edfcore.plan import plan
from edfcore.planning.products import accumulate
from edfcore.planning.program import Program, most_alive
from edfcore.registry import REGISTRY
from edfcore.schedules import Cosine

LIMIT = {"float64": 1e-12, "float32": 1e-5}


def stepped(graph, loss, batch):
    """Gradients of parameters and inputs, and the loss, by Forward and Backward."""
    for node, array in batch.items():
        node.set(array)
    graph.Forward(loss)
    graph.Backward(loss)
    return {n: n.grad.copy() for n in graph.order(loss) if not n.args and n.grad is not None}, loss.value.copy()


def differences(graph, loss, batch, planned):
    """The largest difference of gradients and loss between the engines, relative to the largest entry."""
    expected, value = stepped(graph, loss, batch)
    planned.gradients(*batch.values())
    found = [np.abs(loss.value - value).max() / max(np.abs(value).max(), 1)]
    for node, grad in expected.items():
        assert node.grad is not None and node.grad.shape == grad.shape, node
        found.append(np.abs(node.grad - grad).max(initial=0) / max(np.abs(grad).max(initial=0), 1))
    return max(found)


def batch_of(loss, rng, B=None):
    """Each input's batch as it is set, or drawn anew for another B."""
    inputs = [n for n in loss.graph.order(loss) if isinstance(n, Input)]
    return {n: n.value.copy() if B is None else n.value[rng.integers(0, len(n.value), B)] for n in inputs}


@pytest.mark.parametrize("dtype", LIMIT)
@settings(max_examples=150)
@given(data=st.data())
def test_gradients_of_random_graphs_equal_the_stepped_engines(dtype, data):
    loss = data.draw(random_graphs(dtype=dtype))
    graph, keep = loss.graph, [n for n in loss.graph.order(loss) if isinstance(n, Input) and n.wants_grad]
    planned = plan(graph, loss, keep=keep)
    rng = np.random.default_rng(0)
    for B in (None, 3, 1, None):  # another shape is another program, and the first one is found again
        assert differences(graph, loss, batch_of(loss, rng, B), planned) <= LIMIT[dtype]


def loss_of(name, rng):
    """A loss behind one component of the registry, on example values."""
    node, values = example(name, rng)
    graph = node.graph
    if name == "Div":  # two batches of one shape, which a graph asks for
        values = [values[0], 1.0 + np.abs(rng.normal(size=values[0].shape))]
    for arg, value in zip(node.args, values, strict=True):
        arg.set(value)
    graph.Forward()
    shape = node.value.shape
    scaled = edf.Tanh(edf.Mul(node, Param(0.3 * rng.normal(size=shape[1:] if node.batched else shape), graph=graph)))
    axes = tuple(range(1, len(shape)) if node.batched else range(len(shape)))
    return edf.SumOver(scaled, axis=axes) if axes else scaled


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_component_of_the_registry_can_be_planned(name):
    tried = 0
    for seed in range(20):
        try:
            loss = loss_of(name, np.random.default_rng(seed))
        except edf.ShapeError:  # two batches of different lengths, which only a lone component takes
            continue
        graph = loss.graph
        graph.training = name != "Dropout"  # which draws a new mask for every pass
        graph.Forward()
        keep = [n for n in graph.order(loss) if isinstance(n, Input) and n.wants_grad]
        planned = plan(graph, loss, keep=keep)
        for _ in range(2):
            assert differences(graph, loss, batch_of(loss, None), planned) <= 1e-12
        tried += 1
    assert tried >= 5


def test_a_view_keeps_the_memory_that_it_views():
    """Slice and Transpose give views; what they view must not be given away while they are still to be read."""
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x = Input("x")
        h = edf.VDot(x, Param(rng.normal(size=(5, 6))))
        part, other = edf.Slice(h, start=0, stop=3, axis=1), edf.Tanh(edf.Slice(h, start=3, stop=6, axis=1))
        for _ in range(4):  # arrays that would like the place
            other = edf.Tanh(edf.VDot(other, Param(rng.normal(size=(3, 3)))))
        loss = edf.SumOver(edf.Mul(other, part), axis=1)
    x.set(rng.normal(size=(4, 5)))
    graph.Forward()
    assert differences(graph, loss, {x: x.value.copy()}, plan(graph, loss)) < 1e-12


NETWORKS = {
    "lenet": (lambda rng, dtype: models.lenet(rng, maps=(2, 3), dense=(7,), side=16, dtype=dtype), (1, 16, 16)),
    "residual": (lambda rng, dtype: models.residual_mlp(rng, depth=5, width=6, fan_in=9, dtype=dtype), (9,)),
}
OPTIMIZERS = {
    "sgd": lambda g: SGD(g, lr=0.1),
    "decay": lambda g: SGD(g, lr=0.1, weight_decay=0.05),
    "momentum": lambda g: SGD(g, lr=0.05, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda g: SGD(g, lr=0.05, momentum=0.9, nesterov=True),
    "dampening": lambda g: SGD(g, lr=0.05, momentum=0.9, dampening=0.5),  # has no lines of its own
    "heavy ball": lambda g: Momentum(g, lr=0.05),
    "nag": lambda g: Nesterov(g, lr=0.05, weight_decay=0.01),
    "adam": lambda g: Adam(g, lr=0.01, weight_decay=0.01),
    "adamw": lambda g: AdamW(g, lr=0.01),
    "amsgrad": lambda g: Adam(g, lr=0.01, amsgrad=True),
    "rmsprop": lambda g: RMSprop(g, lr=0.01),
    "schedule": lambda g: SGD(g, lr=Cosine(0.1, T_max=6), momentum=0.5),
    "groups": lambda g: SGD([{"params": g.params[:1], "lr": 0.1}, {"params": g.params[1:]}], lr=0.05),
    "some": lambda g: SGD(g.params[1:], lr=0.1),
}


def batches(shape, sizes=(6, 6, 2, 6, 1, 6)):
    rng = np.random.default_rng(3)
    return [(rng.normal(size=(B, *shape)), rng.integers(0, 10, size=B)) for B in sizes]


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_training_takes_the_same_steps(name, rule, dtype):
    build, shape = NETWORKS[name]
    one, other = (build(np.random.default_rng(0), dtype) for _ in range(2))
    optimizers = [OPTIMIZERS[rule](net.graph) for net in (one, other)]
    planned = plan(other.graph, other.loss, optimizers[1])
    for x, y in batches(shape):
        loss = one.step(optimizers[0], x, y)
        assert planned.step(x, y).loss == pytest.approx(loss, rel=LIMIT[dtype], abs=LIMIT[dtype])
    for a, b in zip(one.graph.params, other.graph.params, strict=True):
        assert np.abs(a.value - b.value).max() <= LIMIT[dtype]
    saved = [o.state_dict() for o in optimizers]
    assert saved[0]["counters"] == saved[1]["counters"]
    for mine, theirs in zip(*(s["state"] for s in saved), strict=True):
        assert mine.keys() == theirs.keys()
        assert all(np.allclose(mine[k], theirs[k], rtol=10 * LIMIT[dtype], atol=LIMIT[dtype]) for k in mine)


def small(dtype="float64", chain=True):
    rng = np.random.default_rng(0)
    with edf.Graph(dtype) as graph:
        x, y = Input("x"), Input("y")
        W, b = Param(rng.normal(size=(4, 3)), "W"), Param(rng.normal(size=3), "b")
        h = edf.Sigmoid(edf.AddBias(edf.VDot(x, W), b))
        s = edf.VDot(h, Param(rng.normal(size=(3, 5)), "V"))
        loss = edf.LogLoss(edf.Aref(edf.Softmax(s), y)) if chain else edf.CrossEntropy(s, y)
    return graph, h, loss


X, Y = np.random.default_rng(1).normal(size=(6, 4)), np.array([0, 4, 2, 2, 1, 3])


def test_the_two_engines_can_take_turns_and_parameters_can_be_set_in_between():
    graphs = [small() for _ in range(2)]
    optimizers = [SGD(g, lr=0.1, momentum=0.9) for g, _, _ in graphs]
    planned = plan(graphs[1][0], graphs[1][2], optimizers[1])
    for turn in range(6):
        for k, (graph, _, loss) in enumerate(graphs):
            if turn == 3:
                graph["W"].set(graph["W"].value * 0.5)
            if k == 1 and turn % 2:
                planned.step(x=X, y=Y)
                continue
            graph["x"].set(X)
            graph["y"].set(Y)
            graph.Forward(loss)
            graph.Backward(loss)
            optimizers[k].step()
    for a, b in zip(graphs[0][0].params, graphs[1][0].params, strict=True):
        assert np.abs(a.value - b.value).max() < 1e-12


def test_an_optimizer_whose_state_is_loaded_goes_on_from_it():
    graph, _, loss = small()
    optimizer = Adam(graph, lr=0.01)
    planned = plan(graph, loss, optimizer)
    planned.step(x=X, y=Y)
    saved, values = optimizer.state_dict(), [p.value.copy() for p in graph.params]
    planned.step(x=X, y=Y)
    after = [p.value.copy() for p in graph.params]
    optimizer.load_state_dict(saved)
    for p, value in zip(graph.params, values, strict=True):
        p.set(value)
    planned.step(x=X, y=Y)
    assert all(np.array_equal(p.value, a) for p, a in zip(graph.params, after, strict=True))


def test_what_is_kept_stays_readable_and_equals_the_stepped_engines():
    graph, h, loss = small()
    planned = plan(graph, loss, SGD(graph, lr=0.1), keep=[h, h.x, h.x.y])
    graph["x"].set(X)
    graph["y"].set(Y)
    graph.Forward(loss)
    graph.Backward(loss)
    expected = {n: (n.value.copy(), n.grad.copy()) for n in (h, h.x, h.x.y)}
    planned.step(x=X, y=Y)
    for n, (value, grad) in expected.items():
        assert np.abs(n.value - value).max() < 1e-12 and np.abs(n.grad - grad).max() < 1e-12


@pytest.mark.parametrize("chain", [True, False])
def test_softmax_label_and_logarithm_are_one_and_bias_and_activation_work_in_place(chain):
    graph, _, loss = small(chain=chain)
    planned = plan(graph, loss, SGD(graph, lr=0.1))
    planned.step(x=X, y=Y)
    source, report = planned.source(), planned.report()
    assert report.unplanned == ()
    assert "add(vdot, b, vdot)" in source and "tanh(vdot, vdot)" in source
    calls = [line.split("(")[0].strip() for line in source.split("\n")]
    assert calls.count("exp") == 1 and calls.count("matmul") == 5  # two forward, three backward: none for the data
    assert "matmul(xT, g_vdot, g_W)" in source
    assert any("memory of" in sentence for sentence in report.fused)


def test_the_printed_program_is_the_program():
    """The text alone, run with the arrays by their names, gives the step's gradients."""
    graph, _, loss = small()
    planned = plan(graph, loss)
    planned.gradients(x=X, y=Y)
    expected = [p.grad.copy() for p in graph.params]
    one = planned.compiled()
    space = {name: b.array for name, b in one.program.buffers.items()} | one.program.bound
    for p in graph.params:
        p.grad.fill(np.nan)
    exec(planned.source(), space)
    space["step"](X, Y)
    assert all(np.array_equal(p.grad, e) for p, e in zip(graph.params, expected, strict=True))


def test_gradients_of_the_data_are_not_computed_and_the_report_counts_so():
    graph, _, loss = small()
    planned = plan(graph, loss)
    planned.gradients(x=X, y=Y)
    report = planned.report()
    products = 2 * 6 * 4 * 3, 2 * 6 * 3 * 5  # FLOPs of the two
    assert report.backward >= products[0] + 2 * products[1]
    dense = [n for n in graph.order(loss) if isinstance(n, edf.VDot)]
    others = sum(n.cost(n.sizes).backward for n in graph.order(loss) if n.args and n not in dense)
    assert report.backward == products[0] + 2 * products[1] + others


@pytest.mark.parametrize("build", ["mlp", "lenet"])
def test_a_step_takes_little_more_memory_than_it_must_and_makes_no_arrays(build):
    rng = np.random.default_rng(0)
    if build == "lenet":
        net, x = models.lenet(rng), rng.random((32, 1, 28, 28), dtype=np.float32)
        graph, loss = net.graph, net.loss
    else:
        with edf.Graph("float32") as graph:
            a, y = Input("x"), Input("y")
            h = edf.Sigmoid(edf.AddBias(edf.VDot(a, Param(rng.normal(size=(784, 128)))), Param(np.zeros(128))))
            loss = edf.CrossEntropy(edf.VDot(h, Param(rng.normal(size=(128, 10)))), y)
        x = rng.random((256, 784), dtype=np.float32)
    labels = rng.integers(0, 10, len(x))
    planned = plan(graph, loss, Adam(graph))
    planned.step(x, labels)
    report = planned.report()
    assert report.total <= 1.2 * report.needed
    for node in graph.nodes:  # what the one stepped pass left behind
        if node.args and not any(node is n for n, _ in planned.compiled().values):
            node.value = None
    gc.collect()
    tracemalloc.start()
    planned.step(x, labels)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(3):
        planned.step(x, labels)
    during = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert during <= 0.2 * report.needed, (during, report.needed)


# The program


def test_arrays_share_memory_only_when_their_lives_do_not_overlap():
    rng = np.random.default_rng(0)
    for _ in range(50):
        program, names = Program(), []
        for k in range(int(rng.integers(1, 12))):
            names.append(program.buffer(f"a{k}", (int(rng.integers(1, 200)),), "float32"))
        for _ in range(20):
            program.emit(" ".join(rng.choice(names, size=2)))
        program.lay_out()
        used = [b for b in program.buffers.values() if b.first >= 0]
        for k, a in enumerate(used):
            for b in used[:k]:
                if a.first <= b.last and b.first <= a.last:
                    assert not np.shares_memory(a.array, b.array)
        assert program.live == most_alive(used) <= program.arena.nbytes


def test_a_planted_overlap_is_caught_by_the_comparison(monkeypatch):
    monkeypatch.setattr(
        "edfcore.planning.program.place", lambda buffers: [setattr(b, "offset", 0) for b in buffers] and 1 << 20
    )
    graph, _, loss = small()
    batch = {graph["x"]: X, graph["y"]: Y}
    with np.errstate(all="ignore"):
        try:
            assert differences(graph, loss, batch, plan(graph, loss)) > 1e-3
        except edf.DataError as error:
            assert "not finite" in str(error)


@given(m=st.integers(1, 5), k=st.integers(1, 5), n=st.integers(1, 5), turned=st.tuples(st.booleans(), st.booleans()))
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_a_product_is_added_in_place(dtype, m, k, n, turned):
    rng = np.random.default_rng(m + 10 * k + 100 * n)
    a, b, to = (rng.integers(-4, 5, size=s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    expected = to + a @ b
    a = np.asfortranarray(a) if turned[0] else a
    b = np.asfortranarray(b) if turned[1] else b
    there = to.ctypes.data
    accumulate(a, b, to)
    assert np.array_equal(to, expected) and to.ctypes.data == there


def test_without_scipy_products_are_added_all_the_same(monkeypatch):
    monkeypatch.setattr("edfcore.planning.products._gemm", lambda dtype: None)
    to = np.ones((2, 2))
    accumulate(np.eye(2), np.eye(2), to)
    assert np.array_equal(to, np.ones((2, 2)) + np.eye(2))


# Bad input


@pytest.mark.parametrize(
    ("error", "said", "call"),
    [
        (edf.GraphError, "computed value", lambda g, h, loss: plan(g, g["x"])),
        (edf.GraphError, "depends on no parameter", lambda g, h, loss: plan(*no_parameters())),
        (edf.GraphError, "not a node of this graph", lambda g, h, loss: plan(g, loss, keep=[small()[1]])),
        (edf.GraphError, "no optimizer", lambda g, h, loss: plan(g, loss).step(x=X, y=Y)),
        (edf.GraphError, "nothing is compiled", lambda g, h, loss: plan(g, loss).source()),
        (edf.GraphError, "no step was taken", lambda g, h, loss: plan(g, loss).loss),
        (edf.DataError, "there is no batch for 'y'", lambda g, h, loss: plan(g, loss).gradients(x=X)),
        (edf.DataError, "z is no input", lambda g, h, loss: plan(g, loss).gradients(x=X, y=Y, z=X)),
        (edf.DataError, "1 batches for the inputs", lambda g, h, loss: plan(g, loss).gradients(X)),
        (edf.DataError, "labels", lambda g, h, loss: plan(g, loss).gradients(x=X, y=Y + 0.5)),
        (edf.ShapeError, "VDot", lambda g, h, loss: plan(g, loss).gradients(x=X[:, :2], y=Y)),
    ],
)
def test_bad_input_gets_a_sentence(error, said, call):
    with pytest.raises(error) as caught:
        call(*small())
    assert said in str(caught.value)


def no_parameters():
    with edf.Graph() as graph:
        x = Input("x")
        return graph, edf.Tanh(x)


@pytest.mark.parametrize("label", [5, -1])
def test_a_label_out_of_range_is_refused_at_the_first_step_and_at_later_ones(label):
    graph, _, loss = small()
    planned = plan(graph, loss, SGD(graph, lr=0.1))
    wrong = np.array([0, 4, label, 2, 1, 3])
    for _ in range(2):
        with pytest.raises(edf.DataError, match="label"):
            planned.step(x=X, y=wrong)
        planned.step(x=X, y=Y)


def test_a_loss_that_is_not_finite_changes_no_parameter():
    graph, _, loss = small()
    planned = plan(graph, loss, SGD(graph, lr=0.1))
    planned.step(x=X, y=Y)
    before = [p.value.copy() for p in graph.params]
    with pytest.raises(edf.DataError, match="not finite; no parameter was changed"):
        planned.step(x=np.where(X > 1, np.nan, X), y=Y)
    assert all(np.array_equal(p.value, b) for p, b in zip(graph.params, before, strict=True))
    planned.step(x=X, y=Y)


def test_the_gradient_of_a_view_that_is_kept_is_not_written_over():
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x = Input("x")
        h = edf.Sigmoid(edf.VDot(x, Param(rng.normal(size=(4, 6)))))
        flat = edf.Reshape(h)
        loss = edf.SumOver(edf.Mul(edf.Tanh(flat), Param(rng.normal(size=6))), axis=1)
    planned = plan(graph, loss, keep=[flat])
    x.set(X)
    graph.Forward(loss)
    graph.Backward(loss)
    expected = flat.grad.copy()
    planned.gradients(x=X)
    assert np.abs(flat.grad - expected).max() < 1e-12


@pytest.mark.parametrize("change", [{"momentum": 0.9}, {"weight_decay": 0.1}, {"momentum": 0.5, "nesterov": True}])
def test_a_setting_that_is_changed_after_some_steps_takes_effect(change):
    def parameters(planned):
        rng = np.random.default_rng(0)
        with edf.Graph() as graph:
            x, y = edf.Input("x"), edf.Input("y")
            loss = edf.CrossEntropy(edf.VDot(x, edf.Param(rng.normal(size=(4, 3)), "W")), y)
        optimizer = SGD(graph, lr=0.1, momentum=0.2)
        plan = edf.plan(graph, loss, optimizer) if planned else None
        for k in range(6):
            if k == 3:
                optimizer.groups[0].update(change)
            xs, ys = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
            if planned:
                plan.step(x=xs, y=ys)
            else:
                x.set(xs), y.set(ys)
                graph.Forward()
                graph.Backward(loss)
                optimizer.step()
        return graph["W"].value

    np.testing.assert_allclose(parameters(True), parameters(False), rtol=1e-12)


def test_a_convolution_whose_weights_are_computed_runs_its_own_way():
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x, log_W = edf.Input("x"), edf.Param(rng.normal(size=(2, 1, 3, 3)), "log_W")
        loss = edf.MeanOver(edf.Reshape(edf.Conv2d(x, edf.Exp(log_W)), shape=(-1,)))
    image = rng.normal(size=(3, 1, 5, 5))
    edf.plan(graph, loss).gradients(x=image)
    planned = graph["log_W"].grad.copy()
    x.set(image)
    graph.Forward()
    graph.Backward(loss)
    np.testing.assert_allclose(planned, graph["log_W"].grad, rtol=1e-12)


def two_inputs(first, second):
    """Mean squared difference of two products, of inputs and parameters with these names; the graph and its loss."""
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x, y = edf.Input(first), edf.Input(second)
        V, W = edf.Param(rng.normal(size=(4, 3)), f"{first}W"), edf.Param(rng.normal(size=(5, 3)), f"{second}W")
        loss = edf.SumOver((edf.VDot(x, V) - edf.VDot(y, W)) * (edf.VDot(x, V) + edf.VDot(y, W)))
    return graph, loss


@pytest.mark.parametrize("names", [("α", "β"), ("é", "Δ1"), ("x²", "h₁"), ("lambda", "None"), ("ϕ", "φ"), ("a b", "1")])
def test_names_of_any_kind_are_names_of_arrays(names):
    batch = [np.random.default_rng(1).normal(size=(6, n)) for n in (4, 5)]
    gradients = []
    for pair in (names, ("a", "b")):
        graph, loss = two_inputs(*pair)
        plan(graph, loss).gradients(*batch)
        gradients.append([p.grad.copy() for p in graph.params])
    for mine, plain in zip(*gradients, strict=True):
        np.testing.assert_array_equal(mine, plain)


def classifier(optimizer=SGD, **settings):
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x, y = edf.Input("x"), edf.Input("y")
        loss = edf.CrossEntropy(edf.VDot(x, edf.Param(rng.normal(size=(4, 3)), "W")), y)
    return graph, loss, optimizer(graph, lr=0.1, **settings)


def test_two_plans_of_one_graph_train_the_same_parameters():
    rng = np.random.default_rng(2)
    batch = {"x": rng.normal(size=(8, 4)), "y": rng.integers(0, 3, 8)}
    graph, loss, optimizer = classifier()
    first = plan(graph, loss, optimizer)
    first.step(**batch)
    second = plan(graph, loss, optimizer)
    for k in range(6):
        (second if k % 3 else first).step(**batch)
    alone, its, own = classifier()
    other = plan(alone, its, own)
    for _ in range(7):
        other.step(**batch)
    np.testing.assert_allclose(graph["W"].value, alone["W"].value, rtol=1e-12)


def test_batch_norm_counts_the_first_batch_of_every_shape():
    def running(planned):
        rng = np.random.default_rng(3)
        with edf.Graph() as graph:
            x, y = edf.Input("x"), edf.Input("y")
            gamma, beta = edf.Param(np.ones(4), "gamma"), edf.Param(np.zeros(4), "beta")
            norm = edf.BatchNorm(x, gamma, beta)
            loss = edf.CrossEntropy(edf.VDot(norm, edf.Param(rng.normal(size=(4, 3)), "W")), y)
        optimizer = SGD(graph, lr=0.1)
        one = plan(graph, loss, optimizer) if planned else None
        for B in (8, 3, 8, 5):
            xs, ys = rng.normal(size=(B, 4)), rng.integers(0, 3, B)
            if planned:
                one.step(x=xs, y=ys)
            else:
                x.set(xs), y.set(ys)
                graph.Forward()
                graph.Backward(loss)
                optimizer.step()
        kept = norm.state
        if planned:
            with pytest.raises(edf.DataError), np.errstate(all="ignore"):
                one.step(x=np.full((8, 4), np.inf), y=ys[:1].repeat(8))
            for name in kept:
                np.testing.assert_array_equal(norm.state[name], kept[name])
        return kept

    stepped, planned = running(False), running(True)
    for name in stepped:
        np.testing.assert_allclose(planned[name], stepped[name], rtol=1e-12)


@pytest.mark.parametrize("kinds", [("int8", "int64"), ("uint8", "int64"), (">i4", "uint64"), ("int64", ">i2")])
def test_labels_of_any_integer_type_whatever_the_first_batch_had(kinds):
    rng = np.random.default_rng(4)
    xs, ys = rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    graph, loss, optimizer = classifier()
    one = plan(graph, loss, optimizer)
    losses = [one.step(x=xs, y=ys.astype(kind)).loss for kind in kinds]
    other, its, own = classifier()
    plain = plan(other, its, own)
    assert losses == [plain.step(x=xs, y=ys).loss for _ in kinds]
    with pytest.raises(edf.DataError, match="label"):
        one.step(x=xs, y=np.full(8, 256))


def test_finite_losses_whose_sum_is_not_are_finite():
    with edf.Graph("float32") as graph:
        x = edf.Input("x")
        loss = edf.SumOver(edf.VDot(x, edf.Param(np.ones((1, 1)), "W")))
    one = plan(graph, loss)
    one.gradients(x=np.full((8, 1), 1e38, "float32"))
    np.testing.assert_allclose(graph["W"].grad, 1e38, rtol=1e-6)


def test_programs_of_many_shapes_are_not_kept_for_ever():
    from edfcore.plan import PROGRAMS

    graph, loss, optimizer = classifier()
    one, rng = plan(graph, loss, optimizer), np.random.default_rng(5)
    for B in range(1, 2 * PROGRAMS):
        one.step(x=rng.normal(size=(B, 4)), y=rng.integers(0, 3, B))
    assert len(one._compiled) == PROGRAMS
    assert one.step(x=rng.normal(size=(1, 4)), y=[0]).report().batch[0] == (1, 4)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor")
def test_scipy_s_threads_are_left_asleep():
    """Its pool and NumPy's, both spinning, make steps a hundred times slower: what it is given takes one thread."""
    code = (
        "import os, time\n"
        "os.environ['OPENBLAS_NUM_THREADS'] = '2'\n"
        "import numpy as np\n"
        "from edfcore.planning import products\n"
        "n = int(products.ONE_THREAD ** (1 / 3))\n"
        "a, b, to = (np.ones((n, n), np.float32) for _ in range(3))\n"
        "if products._gemm(to.dtype) is None: raise SystemExit(0)\n"
        "for _ in range(100): products.accumulate(a, b, to)\n"
        "time.sleep(0.5)\n"  # threads that were just made spin a while before they sleep
        "c, t = time.process_time(), time.thread_time()\n"
        "for _ in range(20000): products.accumulate(a, b, to)\n"
        "own = time.thread_time() - t\n"
        "others = time.process_time() - c - own\n"
        "assert others < 0.3 * own, (others, own)\n"  # spinning threads would take as much as the own one
    )
    subprocess.run([sys.executable, "-c", code], check=True)
