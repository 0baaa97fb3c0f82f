"""Components that communicate: each is the transpose of itself, and together the ranks do what one device does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.parallel import layers
from edfcore.parallel.collectives import parts_of
from edfcore.parallel.comm.base import Alone
from edfcore.parallel.comm.local import run
from edfcore.parallel.comm.recorded import Recorded
from edfcore.parallel.layers import Copy, Gather, Part, Reduce, Split, SplitCrossEntropy, SyncBatchNorm

LENGTHS = st.lists(st.integers(0, 4), min_size=1, max_size=4)


def rng(seed=0):
    return np.random.default_rng(seed)


def cut(array, lengths, axis=0):
    return [array.take(range(a, b), axis=axis) for a, b in parts_of(lengths)]


def component(kind, comm, x, **settings):
    """A component of x, in a graph of its own, forwarded."""
    with edf.Graph():
        node = kind(edf.Input("x", grad=True), comm=comm, **settings)
    node.x.set(x)
    node.graph.Forward()
    return node


def value_jvp_vjp(comm, kind, xs, vs, us, settings):
    k = comm.rank
    node = component(kind, comm, xs[k], **settings)
    jvp = np.array(node.jvp((vs[k],), node.value, node.x.value))
    node.graph.Backward(node, seed=us[k])
    return node.value, jvp, node.x.grad


def everywhere(kind, xs, vs, us, **settings):
    """Values, tangents and gradients, each a list with an array for each rank."""
    return [list(some) for some in zip(*run(value_jvp_vjp, len(xs), kind, xs, vs, us, settings), strict=True)]


def inner(us, vs):
    return sum((u * v).sum() for u, v in zip(us, vs, strict=True))


def same(arrays):
    return all(np.array_equal(arrays[0], a) for a in arrays)


# Megatron's four


@given(N=st.integers(1, 4), shape=st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(1, 2)))
@settings(max_examples=20, deadline=None)
def test_copy_and_reduce_are_each_others_transpose(N, shape):
    """<u, J v> = <J' u, v>, where a whole value counts once: Copy leads from one x to N, Reduce from N terms to one."""
    x, v, u = rng().normal(size=(3, N, *shape))
    values, jvps, grads = everywhere(Copy, [x[0]] * N, [v[0]] * N, list(u))
    assert all(np.array_equal(y, x[0]) for y in values) and same(grads)
    np.testing.assert_allclose((grads[0] * v[0]).sum(), inner(u, jvps), atol=1e-13)
    values, jvps, grads = everywhere(Reduce, list(x), list(v), [u[0]] * N)
    assert same(values) and same(jvps)
    np.testing.assert_allclose(values[0], x.sum(axis=0), atol=1e-14)
    np.testing.assert_allclose(inner(grads, v), (u[0] * jvps[0]).sum(), atol=1e-13)


@given(lengths=LENGTHS, B=st.integers(1, 3), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_gather_and_split_are_each_others_transpose_for_parts_of_any_length(lengths, B, seed):
    """Gather joins what Split takes apart; all that moves is copied, so that equality is exact."""
    N, (x, v, u) = len(lengths), rng(seed).normal(size=(3, B, sum(lengths), 2))
    values, jvps, grads = everywhere(Gather, cut(x, lengths, 1), cut(v, lengths, 1), [u] * N, lengths=lengths)
    assert all(np.array_equal(y, x) for y in values) and all(np.array_equal(t, v) for t in jvps)
    assert all(map(np.array_equal, grads, cut(u, lengths, 1)))
    values, jvps, grads = everywhere(Split, [x] * N, [v] * N, cut(u, lengths, 1), lengths=lengths)
    assert all(map(np.array_equal, values, cut(x, lengths, 1))) and all(map(np.array_equal, jvps, cut(v, lengths, 1)))
    assert all(np.array_equal(g, u) for g in grads)


def test_who_communicates_when():
    """Copy backward, Reduce and Gather forward, Split backward; an input that wants no gradient saves Copy's."""

    def calls(comm, kind, settings, grad=True):
        comm = Recorded(comm)
        with edf.Graph():
            node = kind(edf.Input("x", grad=grad), comm=comm, **settings)
        node.x.set(np.ones((2, 2 if kind is Gather else 4)))
        node.graph.Forward()
        forward = len(comm.calls)
        node.graph.Backward(node, seed=np.ones(node.value.shape))
        return [name for name, _ in comm.calls[:forward]], comm.calls[forward:]

    halves = {"lengths": (2, 2)}
    assert run(calls, 2, Copy, {})[0] == ([], [("all_reduce", 64)])
    assert run(calls, 2, Copy, {}, False)[0] == ([], [])
    assert run(calls, 2, Reduce, {})[0] == (["all_reduce"], [])
    assert run(calls, 2, Gather, halves)[0] == (["all_gather"], [])
    assert run(calls, 2, Split, halves)[0] == ([], [("all_gather", 64)])


def test_costs_count_the_additions_of_an_all_reduce():
    def costs(comm):
        nodes = [component(kind, comm, np.ones((2, 6))) for kind in (Copy, Reduce)]
        return [node.cost(node.sizes) for node in nodes]

    assert run(costs, 3)[0] == [edf.Cost(forward=0, backward=8), edf.Cost(forward=8, backward=0)]


# Batch norm over all ranks


def normalized(comm, x, upstream, lengths, axis=1, kind=SyncBatchNorm, evaluate=False):
    """Batch norm of this rank's shard, forward and backward; a rank without instances computes one that is absent."""
    a, b = parts_of(lengths)[comm.rank]
    c = x.shape[axis]
    with edf.Graph() as graph:
        extra = {"comm": comm} if kind is SyncBatchNorm else {}
        gamma, beta = rng(5).normal(size=(2, c))
        node = kind(edf.Input("x", grad=True), edf.Param(gamma), edf.Param(beta), axis=axis, **extra)
    node.absent = a == b
    some, u = (x[:1], upstream[:1]) if a == b else (x[a:b], upstream[a:b])
    node.x.set(some)
    graph.Forward()
    graph.Backward(node, seed=u)
    zero = 0 if a == b else 1
    tangent = np.array(node.jvp((u, None, None), node.value, *(arg.value for arg in node.args)))[: b - a]
    params = [zero * node.gamma.grad, zero * node.beta.grad]
    found = [node.value[: b - a], node.x.grad[: b - a], *params, tangent]
    if node.absent:
        assert not node.x.grad.any()
    if evaluate:
        before = len(comm.calls)
        with graph.evaluating():
            node.x.set(some)
            graph.Forward()
        assert len(comm.calls) == before
        found.append(node.value[: b - a])
    return found, node.state


def joined(results):
    """Shards one after another, gradients of parameters summed, and each rank's running statistics."""
    found = [list(some) for some in zip(*(r[0] for r in results), strict=True)]
    arrays = [
        np.concatenate(found[0]),
        np.concatenate(found[1]),
        sum(found[2]),
        sum(found[3]),
        np.concatenate(found[4]),
    ]
    return arrays, [r[1] for r in results]


@given(
    lengths=LENGTHS.filter(lambda lengths: sum(lengths) >= 2),
    rest=st.sampled_from([(), (2, 3)]),
    axis=st.sampled_from([1, -1]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_synchronized_batch_norm_on_shards_is_batch_norm_on_the_batch(lengths, rest, axis, seed):
    """Shards of one instance and of none included: values, gradients, tangents and running statistics."""
    shape = (sum(lengths), 3, *rest) if axis == 1 else (sum(lengths), *rest, 3)
    x, u = rng(seed).normal(2, 3, size=(2, *shape))
    expected, state = joined(run(normalized, 1, x, u, [len(x)], axis, edf.BatchNorm))
    found, states = joined(run(normalized, len(lengths), x, u, lengths, axis))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1, np.abs(b).max()))
    for name, value in state[0].items():
        np.testing.assert_allclose(states[0][name], value, rtol=1e-13)
        assert same([s[name] for s in states])


def test_batch_norm_of_each_device_alone_is_another_function():
    """Ghost batch norm (Hoffer, Hubara & Soudry 2017): the same network with smaller batches (S4 slide 55)."""
    x, u = rng().normal(2, 3, size=(2, 12, 3))
    shards = [normalized(Alone(), x[k : k + 3], u[k : k + 3], [3], kind=edf.BatchNorm) for k in range(0, 12, 3)]
    alone, _ = joined(shards)
    together, _ = joined(run(normalized, 4, x, u, [3] * 4))
    for a, b in zip(alone[:3], together[:3], strict=True):  # value, x.grad, gamma.grad; beta.grad is the same sum
        assert np.abs(a - b).max() > 1e-2


def test_a_mean_far_from_zero_costs_no_digits():
    """Chan's formula against sums of squares: with mean 1e8 and deviation 1, E[x^2] - E[x]^2 has no digit left."""
    x = 1e8 + rng().normal(size=(40, 2))
    results = run(normalized, 4, x, np.ones_like(x), [10, 1, 20, 9])
    np.testing.assert_allclose(
        results[0][1]["running_var"], 0.9 + 0.1 * (x - x.mean(axis=0)).var(axis=0, ddof=1), rtol=1e-7
    )
    naive = (x**2).mean(axis=0) - x.mean(axis=0) ** 2
    assert np.abs(naive - x.var(axis=0)).max() > 0.1


def test_in_use_nothing_is_sent():
    x, u = rng().normal(size=(2, 6, 2))
    results = run(lambda comm: normalized(Recorded(comm), x, u, [2, 4], evaluate=True), 2)
    whole = normalized(Recorded(Alone()), x, u, [6], evaluate=True)
    np.testing.assert_allclose(np.concatenate([r[0][-1] for r in results]), whole[0][-1], rtol=1e-12)


def test_a_batch_of_one_over_all_ranks_has_no_variance():
    x = np.ones((1, 3))
    with pytest.raises(edf.DataError, match="the ranks together hold 1 value for each feature"):
        run(normalized, 3, x, x, [0, 1, 0])


# Cross entropy of split scores


def split_loss(comm, s, y, lengths, upstream, smoothing):
    with edf.Graph():
        node = SplitCrossEntropy(
            edf.Input("s", grad=True), edf.Input("y"), comm=comm, lengths=lengths, label_smoothing=smoothing
        )
    node.s.set(cut(s, lengths, 1)[comm.rank])
    node.y.set(y)
    node.graph.Forward()
    node.graph.Backward(node, seed=upstream)
    tangent = node.jvp((np.sin(node.s.value),), node.value, node.s.value, node.y.value)
    return node.value, node.s.grad, tangent


def whole_loss(s, y, upstream, smoothing):
    with edf.Graph():
        node = edf.CrossEntropy(edf.Input("s", grad=True), edf.Input("y"), label_smoothing=smoothing)
    node.s.set(s)
    node.y.set(y)
    node.graph.Forward()
    node.graph.Backward(node, seed=upstream)
    return node.value, node.s.grad, node.jvp((np.sin(s),), node.value, s, node.y.value)


@given(
    lengths=LENGTHS.filter(sum),
    scale=st.sampled_from([0.0, 1.0, 30.0, 1000.0]),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_cross_entropy_of_split_scores_is_that_of_all(lengths, scale, smoothing, seed):
    """Ties (scale 0), scores of +-1000, ranks without classes: relative to each entry, so that no digits are lost."""
    B, classes = 4, sum(lengths)
    s, y, upstream = (
        scale * rng(seed).normal(size=(B, classes)),
        rng(seed).integers(0, classes, B),
        rng(seed + 1).normal(size=B),
    )
    loss, grad, tangent = whole_loss(s, y, upstream, smoothing)
    results = run(split_loss, len(lengths), s, y, lengths, upstream, smoothing)
    assert same([r[0] for r in results])
    np.testing.assert_allclose(results[0][0], loss, rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(np.concatenate([r[1] for r in results], axis=1), grad, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(results[0][2], tangent, rtol=1e-11, atol=1e-12)


def test_split_cross_entropy_sends_three_numbers_and_a_maximum_for_each_instance():
    def calls(comm):
        comm = Recorded(comm)
        split_loss(comm, np.zeros((5, 6)), np.zeros(5, int), (4, 2), np.ones(5), 0.0)
        return comm.calls

    assert run(calls, 2)[0][:2] == [("all_gather", 8 * 2 * 5), ("all_reduce", 8 * 3 * 5)]


# Parts of a parameter


@given(lengths=LENGTHS, axis=st.integers(0, 2), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_parts_of_a_parameter_make_it_up_again(lengths, axis, seed):
    shape = [2, 3, 2]
    shape[axis] = sum(lengths)
    whole = rng(seed).normal(size=shape)

    def program(comm):
        part = Part(whole, axis, lengths, comm, graph=edf.Graph())
        assert np.array_equal(part.value, cut(whole, lengths, axis)[comm.rank])
        return part.gathered(2 * part.value)

    assert all(np.array_equal(found, 2 * whole) for found in run(program, len(lengths)))


# Messages


@pytest.mark.parametrize(
    "error, words, make",
    [
        (edf.DataError, "Copy: comm is None; pass the communicator", lambda: component(Copy, None, np.ones((2, 3)))),
        (edf.DataError, "Gather: lengths is None; a number of features for each of 1 ranks",
         lambda: component(Gather, Alone(), np.ones((2, 3)))),
        (edf.DataError, "Split: lengths is (1, 2)", lambda: component(Split, Alone(), np.ones((2, 3)), lengths=(1, 2))),
        (edf.ShapeError, "Gather: x has 3 features on rank 0, but this rank's number of lengths (4,) is 4",
         lambda: component(Gather, Alone(), np.ones((2, 3)), lengths=(4,))),
        (edf.ShapeError, "Split: x has 3 features on rank 0, but the sum of lengths (4,) is 4",
         lambda: component(Split, Alone(), np.ones((2, 3)), lengths=(4,))),
        (edf.ShapeError, "Part: lengths (1, 2) must be 1 numbers", lambda: Part(np.ones(3), 0, (1, 2), Alone())),
        (edf.DataError, "label y[1] = 3 is out of range: there are 3 classes",
         lambda: split_loss(Alone(), np.ones((2, 3)), np.array([0, 3]), (3,), np.ones(2), 0.0)),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_in_sentences(error, words, make):
    with pytest.raises(error) as caught:
        make()
    assert words in str(caught.value)


def test_the_components_that_need_a_communicator_stay_out_of_the_registry():
    mine = (layers.Copy, layers.Reduce, layers.Gather, layers.Split, layers.SyncBatchNorm, layers.SplitCrossEntropy)
    assert not set(mine) & set(edf.REGISTRY.values())
