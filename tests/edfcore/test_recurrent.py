"""Recurrent cells against PyTorch and against formulas written apart; whole sequences against chunks of them.

golden/make_recurrent.py made the vectors.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special

import edfcore as edf
from edfcore.checks import complex_step, evaluate, example, gradcheck, pull_back

with np.load(Path(__file__).parent / "golden" / "recurrent.npz") as file:
    GOLDEN = dict(file)
CELLS = ("RNNCell", "LSTMCell")


def case(name):
    return {key[len(name) + 1 :]: value for key, value in GOLDEN.items() if key.startswith(f"{name}.")}


def relative_error(got, expected):
    return np.abs(np.subtract(got, expected)).max() / np.abs(expected).max()


def network(name, golden, T):
    """The cell unrolled over T steps, and the total sum_t u[t] state[t], of shape (B, n); u are inputs, set like x."""
    with edf.Graph() as graph:
        xs = [edf.Input(f"x[{t}]", grad=True) for t in range(T)]
        us, state = [edf.Input(f"u[{t}]") for t in range(T)], edf.Input("state", grad=True)
        params = {key: edf.Param(golden[key], key) for key in ("W", "U", "beta")}
        states = edf.unroll(lambda x, h: getattr(edf, name)(x, h, *params.values()), xs, state)
        total = states[0] * us[0]
        for s, u in zip(states[1:], us[1:], strict=True):
            total = total + s * u
    return SimpleNamespace(graph=graph, xs=xs, us=us, state=state, params=params, states=states, total=total)


def set_chunk(net, x, u):
    for node, value in zip([*net.xs, *net.us], [*x, *u], strict=True):
        node.set(value)


def grads(net):
    return {key: p.grad.copy() for key, p in net.params.items()}


# PyTorch


@pytest.mark.pins("RNNCell", "LSTMCell")
@pytest.mark.parametrize("name", CELLS)
def test_five_steps_and_all_their_gradients_equal_those_of_torch(name):
    golden = case(name)
    net = network(name, golden, T=5)
    set_chunk(net, golden["x"], golden["u"])
    net.state.set(golden["state"])
    net.graph.Forward()
    net.graph.Backward(net.total, seed=1.0)
    found = grads(net) | {"x": np.stack([x.grad for x in net.xs]), "state": net.state.grad}
    assert relative_error(np.stack([s.value for s in net.states]), golden["states"]) < 1e-12
    assert {key: relative_error(g, golden[f"grad.{key}"]) < 1e-12 for key, g in found.items()} == dict.fromkeys(
        found, True
    )


def chunks(golden):
    """The first and the last step of each chunk."""
    cuts = [0, *GOLDEN["cuts"], len(golden["x"])]
    return list(zip(cuts, cuts[1:], strict=False))


@pytest.mark.parametrize("name", CELLS)
def test_truncated_backpropagation_equals_torch_with_the_state_detached(name):
    """Values go on from chunk to chunk as if there were none; the sum of gradients is that of torch's detach."""
    golden = case(name)
    total, state = dict.fromkeys(("W", "U", "beta"), 0.0), golden["state"]
    for start, end in chunks(golden):
        net = network(name, golden, T=end - start)
        set_chunk(net, golden["x"][start:end], golden["u"][start:end])
        net.state.set(state)
        net.graph.Forward()
        net.graph.Backward(net.total, seed=1.0)
        total = {key: total[key] + g for key, g in grads(net).items()}
        assert relative_error(np.stack([s.value for s in net.states]), golden["states"][start:end]) < 1e-12
        state = net.states[-1].value
    assert {key: relative_error(g, golden[f"chunked.{key}"]) < 1e-12 for key, g in total.items()} == dict.fromkeys(
        total, True
    )


def test_the_vectors_discriminate():
    """Truncation changes every gradient, sizes differ, and torch is named."""
    assert str(GOLDEN["torch_version"]).startswith("2.")
    for name in CELLS:
        golden = case(name)
        assert len({*golden["x"].shape, golden["U"].shape[0]}) == 4
        assert min(relative_error(golden[f"chunked.{key}"], golden[f"grad.{key}"]) for key in ("W", "U", "beta")) > 1e-3


@pytest.mark.parametrize("name", CELLS)
def test_chunks_with_the_gradient_handed_back_are_full_backpropagation(name):
    """Two chunks on one graph: `carry` takes the value on; seeding the first chunk's last state with the second's
    state.grad takes the gradient back, and the sum is the gradient of the whole sequence of four."""
    golden = case(name)
    whole = network(name, golden, T=4)
    set_chunk(whole, golden["x"][:4], golden["u"][:4])
    whole.state.set(golden["state"])
    whole.graph.Forward()
    whole.graph.Backward(whole.total, seed=1.0)

    net = network(name, golden, T=2)
    net.state.set(golden["state"])
    set_chunk(net, golden["x"][:2], golden["u"][:2])
    net.graph.Forward()
    edf.carry(net.state, net.states[-1])
    set_chunk(net, golden["x"][2:4], golden["u"][2:4])
    net.graph.Forward()
    net.graph.Backward(net.total, seed=1.0)
    truncated, back = grads(net), net.state.grad
    assert relative_error(net.states[-1].value, whole.states[-1].value) < 1e-14

    net.state.set(golden["state"])
    set_chunk(net, golden["x"][:2], golden["u"][:2])
    net.graph.Forward()
    net.graph.Backward(net.total, seed=1.0, accumulate=True)
    truncated = grads(net)
    net.graph.Backward(net.states[-1], seed=back, accumulate=True)
    for key, full in grads(whole).items():
        assert relative_error(grads(net)[key], full) < 1e-12
        assert relative_error(truncated[key], full) > 1e-3


# Formulas written apart


def test_an_lstm_step_equals_the_equations_of_the_gates():
    rng = np.random.default_rng(0)
    j, node = 3, example("LSTMCell", rng)[0]
    x, h, c = (rng.normal(size=(4, n)) for n in (2, j, j))
    W, U, beta = (rng.normal(size=shape) for shape in ((2, 4 * j), (j, 4 * j), 4 * j))
    i, f, g, o = (x @ W[:, k : k + j] + h @ U[:, k : k + j] + beta[k : k + j] for k in range(0, 4 * j, j))
    new_c = scipy.special.expit(f) * c + scipy.special.expit(i) * np.tanh(g)
    new_h = scipy.special.expit(o) * np.tanh(new_c)
    value = evaluate(node, [x, np.hstack([h, c]), W, U, beta])
    np.testing.assert_allclose(value, np.hstack([new_h, new_c]), atol=1e-15)


def test_an_open_forget_gate_and_closed_input_gate_keep_the_cell():
    """The constant error carousel: with f = 1 and i = 0 the cell, and its gradient, pass 100 steps unchanged."""
    j, beta = 2, np.repeat([-1e3, 1e3, 0.0, 0.0], 2)
    with edf.Graph() as graph:
        xs, state = [edf.Input() for _ in range(100)], edf.Input(grad=True)
        W, U, beta = edf.Param(np.ones((1, 4 * j))), edf.Param(np.zeros((j, 4 * j))), edf.Param(beta)
        last = edf.unroll(lambda x, s: edf.LSTMCell(x, s, W, U, beta), xs, state)[-1]
    for x in xs:
        x.set([[0.3]])
    state.set([[0.0, 0.0, 0.7, -1.2]])
    graph.Forward()
    graph.Backward(last, seed=np.array([[0.0, 0.0, 5.0, 6.0]]))
    assert last.value[0, j:].tolist() == [0.7, -1.2]
    assert state.grad[0].tolist() == [0.0, 0.0, 5.0, 6.0]


@pytest.mark.parametrize("name", CELLS)
def test_gates_at_a_thousand_neither_overflow_nor_lose_their_limits(name):
    rng = np.random.default_rng(0)
    node, values = example(name, rng)
    values = [value * 1e4 for value in values[:4]] + [values[4]]
    with np.errstate(all="raise", under="ignore"):
        y = evaluate(node, values)
        found = node.contributions(np.ones_like(y), y, values)
    assert np.isfinite(y).all() and all(np.isfinite(g() if callable(g) else g).all() for g in found)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_complex_arguments_give_second_derivatives(name):
    """Im grad(x + i h v) / h, which Hessian-vector products take, against differences of the gradient."""
    rng = np.random.default_rng(0)
    node, values = example(name, rng, {"b": 3, "i": 2, "j": 4})
    v, u = [rng.normal(size=x.shape) for x in values], rng.normal(size=values[1].shape)

    def gradients(step):
        return pull_back(node, u, [x + step * d for x, d in zip(values, v, strict=True)])

    for exact, more, less in zip(gradients(1e-30j), gradients(1e-5), gradients(-1e-5), strict=True):
        np.testing.assert_allclose(exact.imag / 1e-30, (more - less) / 2e-5, atol=1e-8)


class CellGradientLost(edf.LSTMCell):
    """A planted fault: the cell's state takes part in h' only, its own gradient is dropped."""

    def backward(self, grad, value, *values):
        grad = grad.copy()
        grad[:, grad.shape[1] // 2 :] = 0
        return super().backward(grad, value, *values)


def test_a_lost_gradient_of_the_cell_is_caught():
    golden = case("LSTMCell")
    rng = np.random.default_rng(0)
    values = [golden["x"][0], golden["state"], golden["W"], golden["U"], golden["beta"]]
    graph = edf.Graph()
    node = CellGradientLost(*(edf.Input(graph=graph) for _ in range(2)), *values[2:])
    v = [rng.normal(size=x.shape) for x in values]
    u = rng.normal(size=golden["state"].shape)
    found = node.contributions(u, evaluate(node, values), values)
    pulled = sum(((g() if callable(g) else g) * d).sum() for g, d in zip(found, v, strict=True))
    assert abs(pulled - (u * complex_step(node, v, values)).sum()) > 1e-2 * abs(pulled)


# Through time


def test_an_unrolled_lstm_passes_gradcheck():
    rng = np.random.default_rng(2)
    with edf.Graph():
        xs, state, target = [edf.Input() for _ in range(4)], edf.Input(grad=True), edf.Input()
        params, V = edf.lstm_parameters(rng, 2, 3), edf.Param(rng.normal(size=(3, 1)))
        last = edf.unroll(lambda x, s: edf.LSTMCell(x, s, *params), xs, state)[-1]
        loss = edf.SquaredLoss(edf.Slice(last, stop=3) @ V, target)
    for node, n in [*((x, 2) for x in xs), (state, 6), (target, 1)]:
        node.set(rng.normal(size=(5, n)))
    assert max(check.error for check in gradcheck(loss)) < 1e-7


def test_a_state_carried_on_is_a_copy_without_gradient():
    with edf.Graph() as graph:
        x, h = edf.Input(), edf.Input()
        last = edf.unroll(edf.Add, [x], h)[-1]
    x.set([1.0])
    h.set([2.0])
    graph.Forward()
    edf.carry(h, last)
    assert h.value.tolist() == [3.0] and not np.shares_memory(h.value, last.value)
    with pytest.raises(edf.GraphError, match="call Forward"):
        graph.Backward(last)
    graph.Forward()
    graph.Backward(last)
    assert last.value.tolist() == [4.0] and h.grad is None


# Parameters, costs, messages


def test_parameters_start_as_torch_draws_them_and_the_forget_bias_is_one():
    rng = np.random.default_rng(0)
    with edf.Graph():
        W, U, beta = edf.lstm_parameters(rng, 30, 25)
        W2, U2, beta2 = edf.rnn_parameters(rng, 30, 25)
    assert [p.value.shape for p in (W, U, beta)] == [(30, 100), (25, 100), (100,)]
    assert [p.value.shape for p in (W2, U2, beta2)] == [(30, 25), (25, 25), (25,)]
    assert beta.value.reshape(4, 25).mean(axis=1).tolist() == [0, 1, 0, 0] and not beta2.value.any()
    for p in (W, U, W2, U2):
        n, variance = p.value.size, 0.2**2 / 3
        assert np.abs(p.value).max() <= 0.2
        assert abs(p.value.var() - variance) < 5 * variance * np.sqrt(0.8 / n)


def test_costs_equal_counts_by_hand():
    """B = 2, i = 3, j = 5. Tanh cell: 2*2*(15 + 25) FLOPs in products, and 6 for each of 10 entries."""
    rnn = example("RNNCell", np.random.default_rng(0))[0].cost({"b": 2, "i": 3, "j": 5})
    assert (rnn.forward, rnn.backward) == (160 + 60, 320 + 40)
    lstm = example("LSTMCell", np.random.default_rng(0))[0].cost({"b": 2, "i": 3, "j": 5, "m": 20, "n": 10})
    assert (lstm.forward, lstm.backward) == (640 + 240 + 80, 640 + 240 + 1280 + 260)


def lstm_of(state=(2, 6), W=(4, 12), U=(3, 12), beta=(12,), x=(2, 4)):
    graph = edf.Graph()
    nodes = [edf.Input(graph=graph), edf.Input(graph=graph)]
    edf.LSTMCell(*nodes, *(edf.Param(np.ones(shape), graph=graph) for shape in (W, U, beta)))
    for node, shape in zip(nodes, (x, state), strict=True):
        node.set(np.ones(shape))
    graph.Forward()


@pytest.mark.parametrize(
    "words, call",
    [
        ("U has j,m = (3, 12) and state has n = 3; ", lambda: lstm_of(state=(2, 3))),
        ("the four gates need m = 4 j = 12", lambda: lstm_of(W=(4, 9), U=(3, 9), beta=(9,))),
        ("m is 12 in W and 3 in beta", lambda: lstm_of(beta=(3,))),
        ("b is 2 in x and 3 in state", lambda: lstm_of(state=(3, 6))),
        ("i is 5 in x and 4 in W", lambda: lstm_of(x=(2, 5))),
    ],
)
def test_shapes_that_do_not_fit_are_told_in_letters(words, call):
    with pytest.raises(edf.ShapeError) as caught:
        call()
    assert words in str(caught.value)


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "words, call",
    [
        ("unroll: inputs must be a list of at least one node", lambda: edf.unroll(edf.Add, [], edf.Input())),
        ("unroll: inputs must be a list", lambda: edf.unroll(edf.Add, None, edf.Input())),
        ("unroll: inputs must be a list", lambda: edf.unroll(edf.Add, [np.ones(3)], edf.Input())),
        ("state a node", lambda: edf.unroll(edf.Add, [edf.Input()], None)),
        ("carry: the state before the chunk must be an Input", lambda: edf.carry(edf.Param(1.0), edf.Param(1.0))),
        ("lstm_parameters: fan_in is 0", lambda: edf.lstm_parameters(RNG, 0, 3)),
        ("lstm_parameters: hidden is 2.5", lambda: edf.lstm_parameters(RNG, 1, 2.5)),
        ("lstm_parameters: hidden is None", lambda: edf.lstm_parameters(RNG, 1, None)),
        ("lstm_parameters: forget_bias is 'one'", lambda: edf.lstm_parameters(RNG, 1, 3, forget_bias="one")),
        ("NaN or infinity", lambda: edf.lstm_parameters(RNG, 1, 3, forget_bias=np.nan)),
        ("rnn_parameters: rng is 0; pass a generator", lambda: edf.rnn_parameters(0, 1, 3)),
    ],
)
def test_wrong_arguments_are_told_in_sentences(words, call):
    with pytest.raises(edf.DataError) as caught:
        call()
    assert words in str(caught.value)


def test_a_state_that_was_not_forwarded_cannot_be_carried_on():
    with edf.Graph():
        h = edf.Input()
        with pytest.raises(edf.GraphError, match="forward the chunk first"):
            edf.carry(h, edf.Tanh(h))
