"""The compulsory traffic of components: closed forms, what is a view, and that every registered component has one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edfcore as edf
from edfcore.checks import example
from edfcore.cost import is_view, traffic
from edfcore.errors import GraphError
from edfcore.registry import REGISTRY

REARRANGE = {"Reshape", "Permute", "Transpose", "Slice"}
POINTWISE = {name for name, cls in REGISTRY.items() if issubclass(cls, edf.components.elementwise.Pointwise)}


def forwarded(make, *shapes, grad=True, dtype="float64"):
    """A component of inputs of the given shapes, forwarded on ones."""
    with edf.Graph(dtype) as graph:
        inputs = [edf.Input(grad=grad) for _ in shapes]
        node = make(*inputs)
    for x, shape in zip(inputs, shapes, strict=True):
        x.set(np.ones(shape))
    graph.Forward()
    return node


@given(B=st.integers(1, 9), i=st.integers(1, 9), j=st.integers(1, 9), grad=st.booleans())
def test_traffic_of_a_product_is_its_three_matrices_forward_and_backward_five_or_four(B, i, j, grad):
    y = forwarded(lambda x: edf.VDot(x, edf.Param(np.ones((i, j)))), (B, i), grad=grad)
    x, W, out = B * i, i * j, B * j
    assert traffic(y, itemsize=1) == (x + W + out, out + x + W + W + (x if grad else 0))


@pytest.mark.parametrize("dtype, size", [("float32", 4), ("float64", 8)])
def test_traffic_counts_the_bytes_that_arrays_take_or_those_asked_for(dtype, size):
    y = forwarded(edf.ReLU, (3, 5), dtype=dtype)
    assert traffic(y) == (2 * 15 * size, 3 * 15 * size) == traffic(y, itemsize=size)
    assert traffic(y, itemsize=2) == (2 * 15 * 2, 3 * 15 * 2)


def test_an_argument_given_twice_is_read_once():
    square, product = forwarded(lambda x: edf.Mul(x, x), (4, 3)), forwarded(edf.Mul, (4, 3), (4, 3))
    assert traffic(square, itemsize=1) == (24, 36)
    assert traffic(product, itemsize=1) == (36, 60)


def test_a_broadcast_argument_counts_as_it_is():
    z = forwarded(lambda x: x + edf.Param(np.ones(3)), (5, 3))
    assert traffic(z, itemsize=1) == (15 + 3 + 15, 15 + (15 + 3) + (15 + 3))


def test_intensity_of_a_large_product_is_that_of_the_roofline_paper():
    """n x n matrices: 2 n^3 FLOPs over 3 n^2 entries."""
    n = 48
    y = forwarded(lambda x: edf.VDot(x, edf.Param(np.ones((n, n)))), (n, n))
    assert y.cost(y.sizes).forward / traffic(y)[0] == pytest.approx(2 * n / (3 * 8))


def test_a_reshape_moves_nothing_where_numpy_makes_a_view_and_something_where_it_copies():
    view = forwarded(edf.Reshape, (2, 3, 4))
    assert traffic(view) == (0, 0)
    copy = forwarded(lambda x: edf.Reshape(edf.Permute(x)), (2, 3, 4))
    assert not is_view(copy) and traffic(copy, itemsize=1) == (48, 72)
    assert traffic(copy.args[0]) == (0, 0)


def test_a_slice_reads_nothing_forward_and_fills_the_whole_gradient_backward():
    part = forwarded(lambda x: edf.Slice(x, start=1, stop=3), (2, 5))
    assert traffic(part, itemsize=1) == (0, 4 + 10)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_component_has_a_traffic_and_only_rearrangements_are_views(name):
    for seed in range(8):
        node, values = example(name, np.random.default_rng(seed))
        for arg, value in zip(node.args, values, strict=True):
            arg.batched = arg.batched and not (name in POINTWISE and value.ndim < values[0].ndim)  # a parameter, then
            arg.set(value)
        node.graph.Forward(node)
        forward, backward = traffic(node, itemsize=1)
        entries = node.value.size + sum(a.value.size for a in dict.fromkeys(node.args))
        assert forward == (0 if is_view(node) else entries)
        assert 0 <= forward and 0 <= backward <= 2 * entries
        assert not is_view(node) or name in REARRANGE


def test_what_is_not_computed_has_no_traffic():
    with edf.Graph():
        x = edf.Input("x")
        y = edf.ReLU(x)
    for node in (x, y):
        with pytest.raises(GraphError, match="has no computed value; set the inputs and call Forward"):
            traffic(node)
