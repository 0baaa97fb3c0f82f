"""Planned recurrent cells, slices and losses compute what the stepped engine computes, in the memory that they tell."""

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_planned import LIMIT, differences

import edfcore as edf
from edfcore import models
from edfcore.graph import Input, Param
from edfcore.optimizers import SGD, Adam
from edfcore.plan import plan
from edfcore.planning import recurrent

CELLS = {"LSTMCell": (edf.LSTMCell, 4, 2), "RNNCell": (edf.RNNCell, 1, 1)}  # cell, gates, state's blocks


def parameters(rng, name, i, j):
    gates = CELLS[name][1]
    shapes = (i, gates * j), (j, gates * j), (gates * j,)
    return [Param(rng.normal(size=shape) / np.sqrt(j + 1), key) for shape, key in zip(shapes, "WUb", strict=True)]


def reading(rng, node):
    """(B,), a smooth function of a node (B, n) to which every entry adds its own."""
    return edf.SumOver(edf.Tanh(edf.Mul(node, Param(rng.normal(size=node.value.shape[1:])))), axis=1)


def sequence(rng, T, B, i, n):
    """Inputs of T steps and of the first state, of which some ask for their gradient, and their batches."""
    xs = [Input(f"x{t}", grad=bool(rng.integers(2))) for t in range(T)]
    state = Input("state", grad=bool(rng.integers(2)))
    return xs, state, {node: rng.normal(size=(B, i)) for node in xs} | {state: rng.normal(size=(B, n))}


def set_all(batch):
    for node, value in batch.items():
        node.set(value)


class Random:
    """A network of a cell: T steps, then readers that hypothesis chooses.

    readout : "last" state, "all" states, "branch" (a second cell reads a state in the middle), "deep" (the h of each
        state goes into a second layer), "twice" (a second sequence with the same parameters), "tied" (a VDot with U)
    """

    def __init__(self, name, readout, T, B, i, j, seed, dtype="float64"):
        rng = np.random.default_rng(seed)
        cell, gates, width = CELLS[name]
        with edf.Graph(dtype) as self.graph:
            params = parameters(rng, name, i, j)
            xs, state, self.batch = sequence(rng, T, B, i, width * j)
            set_all(self.batch)

            def step(x, h):
                return cell(x, h, *params)

            states = edf.unroll(step, xs, state)
            ends = states[-1:]
            if readout == "all":
                ends = states
            elif readout == "branch":
                ends = [states[-1], step(xs[0], states[len(states) // 2]), step(xs[-1], states[-1])]
            elif readout == "deep":
                second = parameters(rng, name, j, j)
                hs = [edf.Slice(s, stop=j) for s in states]
                ends = edf.unroll(lambda x, h: cell(x, h, *second), hs, state)[-1:]
            elif readout == "twice":
                other = Input("other")
                self.batch[other] = rng.normal(size=(B, width * j))
                other.set(self.batch[other])
                ends = [states[-1], edf.unroll(step, xs[::-1], other)[-1]]
            elif readout == "tied":
                ends = [states[-1], edf.VDot(edf.Slice(states[-1], stop=j), params[1])]
            self.graph.Forward(*ends)
            total = reading(rng, ends[0])
            for end in ends[1:]:
                total = total + reading(rng, end)
            self.loss, self.states, self.params = total, states, params
        order = [n for n in self.graph.order(self.loss) if isinstance(n, Input)]
        self.batch = {n: self.batch[n] for n in order}

    def difference(self, keep=()):
        """The largest difference between the engines, in two steps."""
        return worst(self.graph, self.loss, self.batch, keep)


def worst(graph, loss, batch, keep=()):
    """The largest difference of loss and gradients, inputs' too, in two steps: nothing may be left of the first."""
    planned = plan(graph, loss, keep=[*(n for n in batch if n.wants_grad), *keep])
    return max(differences(graph, loss, batch, planned) for _ in range(2))


READOUTS = ("last", "all", "branch", "deep", "twice", "tied")
sizes = st.tuples(*(st.integers(1, n) for n in (5, 4, 3, 5)))


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("name", CELLS)
@settings(max_examples=60, deadline=None)
@given(readout=st.sampled_from(READOUTS), sizes=sizes, seed=st.integers(0, 1000))
def test_gradients_of_random_sequences_equal_the_stepped_engines(name, dtype, readout, sizes, seed):
    net = Random(name, readout, *sizes, seed, dtype)
    assert net.difference() <= LIMIT[dtype]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("readout", READOUTS)
def test_without_scipy_the_gradients_are_the_same(monkeypatch, name, readout):
    monkeypatch.setattr("edfcore.planning.products._gemm", lambda dtype: None)
    net = Random(name, readout, 4, 3, 2, 5, seed=0)
    assert net.difference() <= 1e-12


@pytest.mark.parametrize("name", CELLS)
def test_states_that_are_kept_can_be_read_with_their_gradients(name):
    net = Random(name, "last", 5, 3, 2, 4, seed=1)
    net.graph.Forward(net.loss)
    net.graph.Backward(net.loss)
    expected = {n: (n.value.copy(), n.grad.copy()) for n in (net.states[0], net.states[3], net.states[4])}
    planned = plan(net.graph, net.loss, keep=list(expected))
    planned.gradients(*net.batch.values())
    for node, (value, grad) in expected.items():
        assert np.abs(node.value - value).max() < 1e-12 and np.abs(node.grad - grad).max() < 1e-12


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_does_not_reach_the_loss_is_computed_where_it_is_kept(name):
    net = Random(name, "last", 3, 2, 2, 3, seed=2)
    with net.graph:
        beyond = CELLS[name][0](next(n for n in net.batch if n.name == "x0"), net.states[-1], *net.params)
    net.graph.Forward()
    expected = beyond.value.copy()
    assert net.difference(keep=[beyond]) <= 1e-12
    assert np.abs(beyond.value - expected).max() < 1e-12


@pytest.mark.parametrize("name", CELLS)
def test_parameters_that_are_computed_or_fixed_are_taken_as_they_are(name):
    """U = tanh(V), and beta a constant array: the first has no rule, the second no gradient."""
    rng = np.random.default_rng(3)
    cell, gates, width = CELLS[name]
    with edf.Graph() as graph:
        W, V, _ = parameters(rng, name, 2, 3)
        xs, state, batch = sequence(rng, 3, 4, 2, width * 3)
        beta, U = np.ones(gates * 3)[::-1] / 7, edf.Tanh(V)
        set_all(batch)
        fixed, computed = (
            edf.unroll(lambda x, h, u=u: cell(x, h, W, u, beta), xs, state)[-1] for u in (Param(V.value), U)
        )
        graph.Forward()
        loss = reading(rng, fixed) + reading(rng, computed)
    batch = {n: batch[n] for n in graph.order(loss) if isinstance(n, Input)}
    assert worst(graph, loss, batch) <= 1e-12


def test_one_parameter_in_two_places_of_a_cell_gets_both_contributions():
    rng = np.random.default_rng(4)
    with edf.Graph() as graph:
        W, h = Param(rng.normal(size=(3, 3)), "W"), Input("h")
        h.set(rng.normal(size=(2, 3)))
        state = edf.RNNCell(h, h, W, W, Param(np.zeros(3)))
        state = edf.RNNCell(state, state, W, W, Param(np.zeros(3)))  # read twice by the next cell
        graph.Forward()
        loss = reading(rng, state)
    assert worst(graph, loss, {h: h.value}) <= 1e-12


def test_extreme_gates_stay_finite_and_equal():
    net = Random("LSTMCell", "all", 3, 2, 2, 3, seed=5)
    net.params[2].set(np.repeat([800.0, -800.0, 800.0, -800.0], 3))
    with np.errstate(all="raise", under="ignore"):
        assert net.difference() <= 1e-12


# Faults


def planted(monkeypatch, owner, method, change):
    """A rule whose lines are changed."""
    inner = getattr(owner, method)

    def changed(self, c, node, *more):
        emit, c.emit = c.emit, lambda text, node: emit(change(text), node)
        try:
            return inner(self, c, node, *more)
        finally:
            c.emit = emit

    monkeypatch.setattr(owner, method, changed)


FAULTS = {
    "the state's h is not taken over": (recurrent.Cell, "state_to", lambda s: s.replace("_1_h,", "_2_h,")),
    "the bias's row is not set": (recurrent.LSTM, "begin", lambda s: s.replace("fill(1)", "fill(0)")),
    "sigmoids without their half": (recurrent.LSTM, "begin", lambda s: s.replace("half,", "1.0,")),
    "the forget gate's gradient is lost": (recurrent.LSTM, "through", lambda s: s.replace("(m_f_1, dc", "(m_f_1, 0")),
    "dc without the output's part": (recurrent.LSTM, "through", lambda s: s.replace("add(dc, du, dc)", "pass")),
    "the slope of g": (recurrent.LSTM, "keep", lambda s: s.replace("multiply(p, g, u)", "multiply(p, p, u)")),
    "parts of dh are not all added": (recurrent.LSTM, "back", lambda s: s.replace("parts_fg", "parts_oi")),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_by_the_comparison(monkeypatch, fault):
    net = Random("LSTMCell", "last", 3, 2, 2, 3, seed=6)
    planted(monkeypatch, *FAULTS[fault])
    assert net.difference() > 1e-4


def test_gates_in_the_wrong_order_are_caught(monkeypatch):
    monkeypatch.setattr(recurrent, "rolled", lambda ours, theirs: [(ours, theirs)])
    net = Random("LSTMCell", "last", 3, 2, 2, 3, seed=6)
    assert net.difference() > 1e-4


# What the plan says


def calls(source, name):
    return sum(line.split("(")[0].strip() == name for line in source.split("\n"))


@pytest.mark.parametrize(("cell", "name"), [("lstm", "LSTMCell"), ("rnn", "RNNCell")])
def test_a_step_has_one_product_forward_one_backward_and_one_for_all_gradients(cell, name):
    T, rng = 7, np.random.default_rng(0)
    net = models.adder(rng, T, hidden=5, cell=cell)
    planned = plan(net.graph, net.loss, SGD(net.graph, lr=0.1))
    for _ in range(2):
        planned.step(*batch_of(net, *models.adding_problem(rng, 3, T)))
    source, report = planned.source(), planned.report()
    assert report.unplanned == ()
    assert any(f"{T} {name}" in sentence for sentence in report.fused)
    assert any("as a view" in sentence for sentence in report.fused)
    assert calls(source, "matmul") + calls(source, "dot") == T + (T - 1) + 1 + 3  # the last: the dense layer's
    assert calls(source, "tanh") == (2 * T if cell == "lstm" else T)  # all gates in one, and c'
    assert source.count("(x_6_, ") == 1  # every input is copied once into its place


@pytest.mark.parametrize("name", CELLS)
def test_the_printed_program_is_the_program(name):
    """The text alone, run with the arrays by their names, gives the gradients of two layers and two branches."""
    for readout in ("deep", "branch"):
        net = Random(name, readout, 3, 2, 2, 3, seed=7)
        planned = plan(net.graph, net.loss)
        planned.gradients(*net.batch.values())
        expected = [p.grad.copy() for p in net.graph.params]
        one = planned.compiled()
        space = {key: b.array for key, b in one.program.buffers.items()} | one.program.bound
        one.program.arena[:] = 255  # NaN wherever a line reads what none has written
        for p in net.graph.params:
            p.grad.fill(np.nan)
        exec(planned.source(), space)
        space["step"](*net.batch.values())
        assert all(np.array_equal(p.grad, e) for p, e in zip(net.graph.params, expected, strict=True))


def batch_of(net, x, target):
    """The batch of an adder in the order of its plan; the first state is zero."""
    found = {node: x[:, t] for t, node in enumerate(net.xs)}
    found |= {net.target: target, net.state: np.zeros((len(x), net.state_size))}
    return [found[n] for n in net.graph.order(net.loss) if isinstance(n, Input)]


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_a_step_takes_the_memory_that_it_tells_and_makes_no_arrays(cell):
    T, B, hidden, rng = 20, 16, 32, np.random.default_rng(0)
    net = models.adder(rng, T, hidden, cell)
    planned = plan(net.graph, net.loss, Adam(net.graph))
    batch = batch_of(net, *models.adding_problem(rng, B, T))
    planned.step(*batch)
    report = planned.report()
    assert report.total <= 1.2 * report.needed
    blocks = {"lstm": 6, "rnn": 1}[cell]
    kept = 4 * T * B * (blocks * hidden + 2 + 1 + hidden)  # bytes of what backward needs and of [x 1 h]
    assert kept <= report.live <= 1.3 * kept
    gc.collect()
    tracemalloc.start()
    planned.step(*batch)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(3):
        planned.step(*batch)
    during = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert during <= 0.2 * report.needed, (during, report.needed)


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_training_takes_the_same_steps(cell):
    T, rng = 6, np.random.default_rng(1)
    nets = [models.adder(np.random.default_rng(0), T, 4, cell, dtype="float64") for _ in range(2)]
    optimizers = [Adam(net.graph, lr=0.01) for net in nets]
    planned = plan(nets[1].graph, nets[1].loss, optimizers[1])
    for B in (5, 5, 2, 1, 5):
        x, target = models.adding_problem(rng, B, T)
        nets[0].forward(x, target)
        nets[0].graph.Backward(nets[0].loss)
        optimizers[0].step()
        planned.step(*batch_of(nets[1], x, target))
        assert planned.loss == pytest.approx(float(nets[0].loss.value.mean()), rel=1e-12)
    for a, b in zip(nets[0].graph.params, nets[1].graph.params, strict=True):
        assert np.abs(a.value - b.value).max() <= 1e-12


# Slices


def sliced(rng, build, shape=(3, 4)):
    """The loss of build(x), for x the product of an input and a parameter, and its batch."""
    with edf.Graph() as graph:
        a = Input("a")
        a.set(rng.normal(size=(3, shape[1])))
        x = edf.VDot(a, Param(rng.normal(size=(shape[1], 6)), "W"))
        graph.Forward()
        end = build(x, rng)
        graph.Forward()
        loss = reading(rng, end)
    return graph, loss, {a: a.value.copy()}


SLICES = {
    "one": lambda x, rng: edf.Slice(x, start=1, stop=4),
    "overlapping": lambda x, rng: edf.Slice(x, start=1, stop=4) + edf.Slice(x, start=2, stop=5),
    "with the whole": lambda x, rng: edf.Tanh(x) * edf.VDot(edf.Slice(x, stop=2), Param(rng.normal(size=(2, 6)))),
    "of a slice": lambda x, rng: edf.Slice(edf.Slice(x, start=1), stop=-2),
    "reshaped": lambda x, rng: edf.Reshape(edf.Slice(x, start=1, stop=5), shape=(4,)),
    "in place": lambda x, rng: edf.Sigmoid(edf.Slice(x, start=3) + Param(rng.normal(size=3))) + edf.Slice(x, stop=3),
    "of a parameter": lambda x, rng: edf.VDot(x, edf.Slice(Param(rng.normal(size=(6, 5))), start=1, stop=3)),
    "into no rule": lambda x, rng: edf.Softmax(edf.Slice(x, start=2)),
    "from no rule": lambda x, rng: edf.Slice(edf.Softmax(x), start=2),
}  # fmt: skip


@pytest.mark.parametrize("case", SLICES)
def test_slices_share_memory_and_give_the_stepped_gradients(case):
    graph, loss, batch = sliced(np.random.default_rng(0), SLICES[case])
    planned = plan(graph, loss)
    for scale in (1.0, 2.0):  # a view that became a copy would show the first batch
        assert differences(graph, loss, {a: scale * v for a, v in batch.items()}, planned) <= 1e-12


def test_a_slice_that_is_kept_can_be_read():
    graph, loss, batch = sliced(np.random.default_rng(0), SLICES["overlapping"])
    part = next(n for n in graph.order(loss) if isinstance(n, edf.Slice))
    graph.Forward(loss)
    graph.Backward(loss)
    value, grad = part.value.copy(), part.grad.copy()
    plan(graph, loss, keep=[part]).gradients(*batch.values())
    assert np.abs(part.value - value).max() < 1e-12 and np.abs(part.grad - grad).max() < 1e-12


def test_a_sliced_kernel_is_no_stale_copy():
    """Conv2d reshapes its kernel: a view with gaps would be copied once, when the program is made."""
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x, K = Input("x"), Param(rng.normal(size=(2, 3, 2, 2)), "K")
        x.set(rng.normal(size=(2, 2, 4, 4)))
        y = edf.Conv2d(x, edf.Slice(K, stop=2, axis=1))
        graph.Forward()
        loss = edf.SumOver(edf.Tanh(y), axis=(1, 2, 3))
    planned = plan(graph, loss)
    for scale in (1.0, 0.5):
        K.set(scale * K.value)
        assert differences(graph, loss, {x: x.value}, planned) <= 1e-12


# Losses


@pytest.mark.parametrize("dtype", LIMIT)
@pytest.mark.parametrize("make", [edf.SquaredLoss, edf.HuberLoss, lambda x, y: edf.HuberLoss(x, y, delta=0.05)])
@settings(max_examples=30, deadline=None)
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=3), seed=st.integers(0, 1000))
def test_losses_of_a_prediction_and_a_target_equal_the_stepped_engines(make, dtype, shape, seed):
    rng = np.random.default_rng(seed)
    with edf.Graph(dtype) as graph:
        x, y = Input("x"), Input("y", grad=True)
        batch = {x: rng.normal(size=shape), y: rng.normal(size=shape)}
        set_all(batch)
        scale = Param(rng.normal(size=shape[1:]) if len(shape) > 1 else rng.normal())
        loss = make(x * scale, edf.Tanh(y))
        if rng.integers(2):
            loss = edf.Tanh(loss)
    planned = plan(graph, loss, keep=[y])
    for _ in range(2):
        assert differences(graph, loss, batch, planned) <= LIMIT[dtype]
    planned.gradients(*batch.values())
    assert not [label for label in planned.report().unplanned if "Loss" in label]


def test_hubers_corners_belong_to_the_parabola_and_a_nan_goes_through():
    with edf.Graph() as graph:
        x, W = Input("x"), Param([1.0], "W")
        loss = edf.HuberLoss(x * W, edf.Mul(x, np.array([0.0])), delta=2.0)
    planned = plan(graph, loss)
    values = np.array([[-5.0], [-2.0], [-1.0], [0.0], [0.5], [1.0], [2.0], [5.0]])
    planned.gradients(values)
    assert np.array_equal(loss.value, [8.0, 2.0, 0.5, 0.0, 0.125, 0.5, 2.0, 8.0])  # delta (|d| - delta/2), or d^2/2
    assert W.grad[0] == (10 + 4 + 1 + 0 + 0.25 + 1 + 4 + 10) / 8  # the mean of slope(d) x
    with pytest.raises(edf.DataError, match="not finite"):
        planned.gradients(np.array([[np.nan]]))
