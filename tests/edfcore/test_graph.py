"""The engine: what Backward means, how contributions add, and that graphs keep to themselves."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import edfcore as edf
from edfcore.checks import gradcheck
from edfcore.data import batches
from edfcore.graph import argument_names, topological_order, unbroadcast
from edfcore.registry import REGISTRY


def params_grads(net):
    return {p.name: p.grad for p in net.graph.params}


def backward(net, **options):
    net.graph.Forward()
    net.graph.Backward(net.loss, **options)
    return params_grads(net)


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-12, atol=1e-15, err_msg=name)


# 1/B, in one place


def test_backward_seeds_one_over_the_length_of_the_batch_at_hand(s0):
    net = s0()
    rng = np.random.default_rng(0)
    seen = []
    for images, labels in batches(rng.normal(size=(10, 4)), rng.integers(0, 6, 10), B=4):
        net.x.set(images)
        net.y.set(labels)
        backward(net)
        seen.append(net.loss.grad.tolist())
    assert seen == [[1 / 4] * 4, [1 / 4] * 4, [1 / 2] * 2]


@pytest.mark.parametrize("B", [1, 2, 7])
def test_gradient_of_mean_equals_mean_of_gradients(s0, B):
    net = s0(B)
    whole, images, labels = backward(net), net.x.value, net.y.value
    alone = []
    for b in range(B):
        net.x.set(images[b : b + 1])
        net.y.set(labels[b : b + 1])
        alone.append(backward(net))
    assert_same(whole, {name: np.mean([g[name] for g in alone], axis=0) for name in whole})


def test_a_mean_node_as_loss_gives_the_same_gradients(s0):
    net = s0()
    expected = backward(net)
    mean = edf.Mean(net.loss)
    net.graph.Forward()
    net.graph.Backward(mean)
    assert mean.grad == 1.0
    assert_same(params_grads(net), expected)


def test_duplicating_every_sample_leaves_the_gradient_unchanged(s0):
    net = s0()
    before = backward(net)
    net.x.set(np.repeat(net.x.value, 3, axis=0))
    net.y.set(np.repeat(net.y.value, 3))
    assert_same(backward(net), before)


def test_permuting_the_batch_permutes_gradients_of_activations_and_leaves_those_of_parameters(s0):
    net = s0()
    order = np.array([3, 0, 4, 1, 2])
    before, activations = backward(net), {n: n.grad for n in (net.L1, net.L2, net.loss)}
    net.x.set(net.x.value[order])
    net.y.set(net.y.value[order])
    assert_same(backward(net), before)
    for node, grad in activations.items():
        np.testing.assert_allclose(node.grad, grad[order], rtol=1e-12, atol=1e-15)


def test_shards_with_the_global_seed_add_up_to_the_whole_gradient(s0):
    net = s0(B=7)
    whole, images, labels = backward(net), net.x.value, net.y.value
    shards = []
    for cut in (slice(0, 4), slice(4, 6), slice(6, 7)):
        net.x.set(images[cut])
        net.y.set(labels[cut])
        shards.append(backward(net, seed=1 / 7))
    assert_same({name: sum(s[name] for s in shards) for name in whole}, whole)


def test_accumulate_adds_to_gradients_of_parameters_and_replaces_the_others(s0):
    net = s0()
    whole, images, labels = backward(net), net.x.value, net.y.value
    for k, cut in enumerate((slice(0, 2), slice(2, 5))):
        net.x.set(images[cut])
        net.y.set(labels[cut])
        backward(net, seed=1 / 5, accumulate=k > 0)
    assert_same(params_grads(net), whole)
    assert net.L1.grad.shape == (3, 3)


def test_without_accumulate_a_second_backward_replaces_the_first(s0):
    net = s0()
    first = backward(net)
    assert_same(backward(net), first)


def test_a_seed_for_each_instance_weighs_the_instances(s0):
    net = s0(B=3)
    weights = np.array([0.5, 0.0, -2.0])
    weighed, images, labels = backward(net, seed=weights), net.x.value, net.y.value
    total = {name: 0 for name in weighed}
    for b in range(3):
        net.x.set(images[b : b + 1])
        net.y.set(labels[b : b + 1])
        total = {name: total[name] + weights[b] * grad for name, grad in backward(net).items()}
    assert_same(weighed, total)


# Contributions


def scalar_graph(formula):
    """The derivative at p = [2, -3] of the sum of formula(p)."""
    with edf.Graph() as graph:
        p = edf.Param([2.0, -3.0])
        y = formula(p)
    graph.Forward()
    graph.Backward(y, seed=1.0)
    return p.grad.tolist()


@pytest.mark.parametrize(
    "formula, derivative",
    [
        (lambda p: p * p, [4.0, -6.0]),
        (lambda p: p + p, [2.0, 2.0]),
        (lambda p: p - p, [0.0, 0.0]),
        (lambda p: p * p * p, [12.0, 27.0]),
        (lambda p: p * p + 3.0 * p, [7.0, -3.0]),
        (lambda p: -p, [-1.0, -1.0]),
        (lambda p: 1.0 - p, [-1.0, -1.0]),
        (lambda p: edf.ReLU(p), [1.0, 0.0]),
    ],
    ids=["p p", "p + p", "p - p", "p p p", "p p + 3 p", "-p", "1 - p", "max(p, 0)"],
)
def test_gradients_add_where_a_value_is_used_twice(formula, derivative):
    assert scalar_graph(formula) == derivative


def test_a_parameter_of_two_layers_gets_the_sum_of_both():
    values = np.random.default_rng(0).normal(size=(2, 3, 3))

    def grads(tied):
        with edf.Graph() as graph:
            x, V = edf.Input(), edf.Param(values[0])
            U = V if tied else edf.Param(values[0])
            y = edf.Tanh(x @ V) @ U
        x.set(values[1])
        graph.Forward()
        graph.Backward(y, seed=1.0)
        return [p.grad for p in graph.params]

    np.testing.assert_allclose(grads(tied=True)[0], sum(grads(tied=False)), rtol=1e-14)


def summed_by_loop(grad, shape):
    total = np.zeros(shape)
    for index in np.ndindex(grad.shape):
        kept = index[len(index) - len(shape) :]
        total[tuple(0 if size == 1 else k for k, size in zip(kept, shape, strict=True))] += grad[index]
    return total


@given(hnp.mutually_broadcastable_shapes(num_shapes=1, base_shape=(2, 3, 2), max_dims=4, max_side=3), st.data())
@settings(max_examples=60, deadline=None)
def test_unbroadcast_equals_an_explicit_loop(shapes, data):
    (shape,) = shapes.input_shapes
    grad = data.draw(hnp.arrays(float, np.broadcast_shapes(shape, (2, 3, 2)), elements=st.integers(-9, 9)))
    result = unbroadcast(grad, shape)
    assert result.shape == shape
    assert np.array_equal(result, summed_by_loop(grad, shape))


@pytest.mark.parametrize("kind", [edf.Param, edf.Input])
def test_gradients_of_leaves_share_memory_with_no_other(kind):
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x, z = edf.Input("x", grad=True), edf.Input("z", grad=True)
        b, c, V = edf.Param(np.zeros(3), "b"), edf.Param(np.zeros((4, 3)), "c"), edf.Param(np.eye(3), "V")
        loss = edf.Mean(edf.Mean((x + z + c + b) @ edf.Transpose(V) + b))
    x.set(rng.normal(size=(4, 3)))
    z.set(rng.normal(size=(4, 3)))
    graph.Forward()
    graph.Backward(loss)
    held = [n for n in graph.nodes if n.grad is not None]
    assert {"x", "z", "b", "c", "V"} <= {n.name for n in held}
    shared = [pair for pair in combinations(held, 2) if np.shares_memory(*(n.grad for n in pair))]
    assert [pair for pair in shared if any(isinstance(n, kind) for n in pair)] == []
    assert all(n.grad.flags.writeable for n in held if isinstance(n, kind))


def test_gradients_of_inputs_are_skipped_by_default_and_right_when_wanted(s0):
    plain, wanted = s0(), s0(grad=True)
    assert_same(backward(plain), backward(wanted))
    assert plain.x.grad is None and plain.y.grad is None and wanted.y.grad is None
    assert max(c.error for c in gradcheck(wanted.loss) if "'x'" in c.what) < 1e-8


# Order


def test_a_diamond_runs_each_node_once_after_its_arguments():
    with edf.Graph() as graph:
        p = edf.Param([1.0])
        left, right = edf.Tanh(p), edf.Sigmoid(p)
        top = left * right + left
    order = graph.order(top)
    assert len(order) == len(set(order)) == 5
    assert all(order.index(a) < order.index(n) for n in order for a in n.args)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_topological_order_puts_arguments_first_whatever_the_order_of_the_nodes(links):
    graph = edf.Graph()
    nodes = [edf.Param(0.0, graph=graph)]
    for i, j in links:
        nodes.append(edf.Add(nodes[i % len(nodes)], nodes[j % len(nodes)]))
    order = topological_order(tuple(reversed(nodes)))
    position = {node: k for k, node in enumerate(order)}
    assert len(position) == len(order) == len(nodes)
    assert all(position[a] < position[n] for n in nodes for a in n.args)


def test_a_chain_of_100000_nodes_runs_forward_and_backward():
    with edf.Graph() as graph:
        p = node = edf.Param([0.0, 2.0])
        for _ in range(100_000):
            node = edf.ReLU(node)
    graph.Forward(node)
    graph.Backward(node, seed=3.0)
    assert node.value.tolist() == [0.0, 2.0]
    assert p.grad.tolist() == [0.0, 3.0]


def test_forward_to_a_target_computes_only_what_it_needs():
    with edf.Graph() as graph:
        x, y = edf.Input("x"), edf.Input("y, never set")
        p = edf.Softmax(x)
        loss = edf.LogLoss(edf.Aref(p, y))
    x.set([[0.0, 0.0]])
    graph.Forward(p)
    assert p.value.tolist() == [[0.5, 0.5]]
    assert loss.value is None


# Graphs


def train(net):
    for _ in range(3):
        backward(net)
        yield edf.SGD(0.5, net.graph)


def test_two_graphs_trained_in_turns_end_where_each_ends_alone(s0):
    alone, turns = [s0(seed=k) for k in (1, 2)], [s0(seed=k) for k in (1, 2)]
    for net in alone:
        list(train(net))
    list(zip(*map(train, turns), strict=True))
    for one, other in zip(alone, turns, strict=True):
        assert np.array_equal(one.W1.value, other.W1.value) and np.array_equal(one.W2.value, other.W2.value)


def test_nested_blocks_give_back_the_graph_around_them():
    default = edf.reset()
    with edf.Graph() as outer:
        with edf.Graph() as inner:
            assert edf.Param(0.0).graph is edf.current() is inner
        with pytest.raises(KeyError), outer:
            raise KeyError
        assert edf.Param(0.0).graph is edf.current() is outer
    assert edf.Input().graph is edf.current() is default


def test_the_default_graph_and_an_explicit_one_do_not_meet():
    default = edf.reset()
    p = edf.Param([1.0])
    y = p * 2.0
    with edf.Graph() as graph:
        q = edf.Param([3.0])
        z = q * q
        edf.Forward()
        assert y.value is None and z.value.tolist() == [9.0]
        edf.Backward(z, seed=1.0)
    edf.Forward(y)
    edf.Backward(y, seed=1.0)
    edf.SGD(0.25)
    assert (p.value.tolist(), q.value.tolist()) == ([0.5], [3.0])
    edf.SGD(0.5, graph)
    assert (p.value.tolist(), q.value.tolist()) == ([0.5], [0.0])
    assert default.params == [p] and graph.params == [q]


def test_a_component_of_nodes_joins_their_graph_and_not_the_current_one():
    p = edf.Param([1.0], graph=edf.Graph())
    with edf.Graph() as other:
        y = edf.Sigmoid(p * 2.0)
    assert y.graph is p.graph and other.nodes == []


def test_reset_starts_afresh_and_the_old_graph_lives_on():
    edf.reset()
    p = edf.Param([2.0])
    y = p * p
    assert edf.reset().nodes == []
    edf.Forward(y)
    edf.Backward(y, seed=1.0)
    assert p.grad.tolist() == [4.0]


# Formulas


def spelled(x, W, b, c):
    y = edf.Sub(edf.Add(edf.AddBias(edf.VDot(x, edf.Transpose(W)), b), c), 2.0)
    return edf.Neg(edf.Sub(1.0, edf.Mul(0.5, edf.Mul(edf.Add(3.0, y), y))))


def formula(x, W, b, c):
    y = x @ W.T + b + c - 2.0
    return -(1.0 - 0.5 * ((3.0 + y) * y))


def test_operators_build_the_spelled_components_and_numbers():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((3, 4), (4, 2), (2,), (1, 2))]
    runs = []
    for build in (spelled, formula):
        with edf.Graph() as graph:
            x, W, b, c = edf.Input(grad=True), *(edf.Param(a) for a in (arrays[1].T, *arrays[2:]))
            y = build(x, W, b, c)
        x.set(arrays[0])
        graph.Forward()
        graph.Backward(y, seed=1.0)
        runs.append(([type(n) for n in graph.order(y)], y.value, *(n.grad for n in (x, W, b, c))))
    assert runs[0][0] == runs[1][0]
    assert all(np.array_equal(one, other) for one, other in zip(runs[0][1:], runs[1][1:], strict=True))


def test_an_array_beside_a_node_is_one_constant():
    with edf.Graph() as graph:
        y = np.array([1.0, 2.0]) * edf.Param([3.0, 4.0]) + np.ones(2)
    graph.Forward()
    assert isinstance(y, edf.Add) and y.value.tolist() == [4.0, 9.0]


# Steps


def test_a_step_of_sgd_moves_each_parameter_by_minus_eta_times_its_gradient(s0):
    net = s0()
    before, grads = {p.name: p.value.copy() for p in net.graph.params}, backward(net)
    edf.SGD(0.3, net.graph)
    for p in net.graph.params:
        assert np.array_equal(p.value, before[p.name] - 0.3 * grads[p.name])


def test_the_callers_arrays_are_never_written_to():
    W, images = np.ones((2, 2)), np.ones((3, 2))
    with edf.Graph() as graph:
        x, V = edf.Input(grad=True), edf.Param(W)
        y = x @ V
    x.set(images)
    graph.Forward()
    graph.Backward(y, seed=1.0)
    edf.SGD(1.0, graph)
    assert (W == 1).all() and (images == 1).all() and not (V.value == 1).any()


# Any graph


def grow(kind, a, b, rng, n, graph):
    """One more value of shape (B, n) out of two such values; slopes stay moderate, for the differences' sake."""

    def param(*shape):
        return edf.Param(rng.normal(size=shape) / (2 * np.sqrt(n)), graph=graph)

    vector = param(*[(), (n,), (1, n), (1, 1)][rng.integers(4)])
    return {
        "Add": lambda: edf.Tanh(edf.Add(a, b)),
        "Sub": lambda: edf.Sigmoid(edf.Sub(vector, a)),
        "Mul": lambda: edf.Mul(edf.Tanh(b), edf.Add(a, vector)),
        "VDot": lambda: edf.VDot(a, param(n, n)),
        "Transpose": lambda: edf.VDot(a, edf.Transpose(param(n, n))),
        "AddBias": lambda: edf.AddBias(a, param(n)),
        "Mean": lambda: edf.Sub(a, edf.Mean(edf.Tanh(b))),
    }.get(kind, lambda: REGISTRY[kind](a))()


GROWN = "Add AddBias GELU LeakyReLU Mean Mul Neg ReLU Sigmoid Softmax Softplus Sub Tanh Transpose VDot".split()


@st.composite
def random_graphs(draw, dtype="float64"):
    """The loss of a random graph of registered components, forwarded."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    B, n = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    graph = edf.Graph(dtype)
    x, y = edf.Input("x", grad=True, graph=graph), edf.Input("y", graph=graph)
    values = [x]
    for kind in draw(st.lists(st.sampled_from(GROWN), min_size=1, max_size=8)):
        a, b = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        values.append(grow(kind, a, b, rng, n, graph))
    last = edf.AddBias(values[-1], edf.Param(rng.normal(size=n), graph=graph)) + x
    loss = edf.LogLoss(edf.Aref(edf.Softmax(last), y))
    x.set(rng.normal(size=(B, n)))
    y.set(rng.integers(0, n, size=B))
    graph.Forward()
    return loss


@given(random_graphs(), st.booleans())
@settings(max_examples=120, deadline=None)
def test_gradients_of_random_graphs_equal_differences(loss, averaged):
    loss = edf.Mean(loss) if averaged else loss
    corners = [n.x.value for n in loss.graph.nodes if isinstance(n, (edf.ReLU, edf.LeakyReLU))]
    assume(all(((np.abs(v) > 1e-3) | (v == 0)).all() for v in corners))
    for check in gradcheck(loss, directions=1):
        assert abs(check.got - check.expected) < 1e-7 * max(1.0, abs(check.got)), check


@given(random_graphs(dtype="float32"))
@settings(max_examples=40, deadline=None)
def test_a_float32_graph_stays_float32(loss):
    loss.graph.Backward(loss)
    edf.SGD(0.1, loss.graph)
    for node in loss.graph.nodes:
        for array in (node.value, node.grad):
            assert array is None or array.dtype == "float32" or node.name == "y", node


def test_a_float32_graph_stays_float32_on_whole_numbers():
    with edf.Graph("float32") as graph:
        x, W = edf.Input("x"), edf.Param(np.eye(2), "W")
        y = edf.Tanh(x @ W)
    x.set([[1, 2], [3, 4]])
    graph.Forward()
    graph.Backward(y, seed=1.0)
    assert {a.dtype.name for a in (y.value, W.grad)} == {"float32"}


@pytest.mark.parametrize("kind", ["uint8", "int64", "bool"])
@pytest.mark.parametrize("name", ["Sigmoid", "ReLU", "Softmax", "Sub", "Mul"])
def test_whole_numbers_as_data_give_what_equal_floats_give(name, kind):
    data = np.array([[0, 200, 100], [1, 0, 0]], kind)
    results = []
    for value in (data, data.astype(float)):
        with edf.Graph() as graph:
            x = edf.Input("x", grad=True)
            y = REGISTRY[name](*[x] * len(argument_names(REGISTRY[name])))
        x.set(value)
        graph.Forward()
        graph.Backward(y, seed=np.arange(6.0).reshape(2, 3))
        results.append((y.value, x.grad))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


@pytest.mark.parametrize("shapes", [((5, 1), (5,)), ((5, 3), (1, 3)), ((5,), (5, 5))])
def test_two_batches_are_never_stretched_along_each_other(shapes):
    """(B, 1) - (B,) is (B, B) for NumPy: every prediction minus every target."""
    with edf.Graph() as graph:
        x, y = edf.Input("x"), edf.Input("y")
        x - y
    x.set(np.ones(shapes[0]))
    y.set(np.ones(shapes[1]))
    with pytest.raises(edf.ShapeError, match="two batches of shapes"):
        graph.Forward()
