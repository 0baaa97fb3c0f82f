"""Every component's VJP and JVP against three oracles, and faults planted to see that the comparison finds them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import edfcore as edf
from edfcore import graph as engine
from edfcore.checks import check_component, check_node, gradcheck
from edfcore.registry import REGISTRY

NAMES = sorted(REGISTRY)
SIZES = ({}, {"b": 1}, dict.fromkeys("bij", 1))


def limit(check):
    return 1e-7 if "central_difference" in check.what else 1e-12


def errors_found(name, seeds=range(6), size=None):
    """The comparisons that do not hold; NaN does not hold."""
    found = [c for seed in seeds for c in check_component(name, np.random.default_rng(seed), size)]
    assert found
    return [str(check) for check in found if not check.error < limit(check)]


@pytest.mark.parametrize("name", NAMES)
def test_vjp_and_jvp_agree_with_differences_complex_step_and_each_other(name):
    for k, size in enumerate(SIZES):
        assert errors_found(name, range(k, 2000, 3), size) == []


@pytest.mark.parametrize("name", ["Add", "Mul", "Sub"])
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), seed=st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_broadcast_arguments_get_their_gradient_summed(name, shapes, seed):
    rng = np.random.default_rng(seed)
    graph = edf.Graph()
    node = REGISTRY[name](edf.Input(graph=graph), edf.Input(graph=graph))
    values = [np.array(rng.normal(size=shape)) for shape in shapes.input_shapes]
    for check in check_node(node, values, rng):
        assert check.error < limit(check), check


def slightly_off(cls, part):
    """The component with 0.05 % too much in its `backward` or its `jvp`."""

    def off(self, *args):
        right = getattr(cls, part)(self, *args)
        parts = right if isinstance(right, tuple) else (right,)
        wrong = tuple(None if p is None else 1.0005 * (p() if callable(p) else p) for p in parts)
        return wrong if isinstance(right, tuple) else wrong[0]

    return type(cls.__name__, (cls,), {part: off})


@pytest.mark.parametrize("part", ["backward", "jvp"])
@pytest.mark.parametrize("name", NAMES)
def test_a_twentieth_of_a_percent_is_caught(name, part, monkeypatch):
    monkeypatch.setitem(REGISTRY, name, slightly_off(REGISTRY[name], part))
    assert errors_found(name)


class UpstreamIgnored(edf.Tanh):
    def backward(self, grad, y, x):
        return self.derivative(y, x)


class SummedForMean(edf.Mean):
    def backward(self, grad, m, x):
        return np.broadcast_to(grad, x.shape)


class TransposedW(edf.VDot):
    def backward(self, grad, y, x, W):
        return grad @ W.T, grad.T @ x


class DiagonalOfSoftmax(edf.Softmax):
    def backward(self, grad, p, s):
        return p * (1 - p) * grad


class PlusForMinus(edf.Sub):
    def backward(self, grad, z, x, y):
        return grad, grad


class FirstEntryForLabel(edf.Aref):
    def backward(self, grad, a, p, y):
        scattered = np.zeros_like(p)
        scattered[:, 0] = grad
        return scattered, None


class BackwardMissing(edf.Mul):
    def backward(self, grad, z, x, y):
        return grad * y, None


FAULTS = [UpstreamIgnored, SummedForMean, DiagonalOfSoftmax, PlusForMinus, FirstEntryForLabel]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_wrong_backward_is_caught(fault, monkeypatch):
    name = fault.__base__.__name__
    monkeypatch.setitem(REGISTRY, name, fault)
    assert errors_found(name)


def test_a_transposed_gradient_of_a_square_W_is_caught(monkeypatch):
    monkeypatch.setitem(REGISTRY, "VDot", TransposedW)
    assert errors_found("VDot", size={"i": 3, "j": 3})


def test_a_transposed_gradient_of_an_oblong_W_is_a_sentence(monkeypatch):
    monkeypatch.setitem(REGISTRY, "VDot", TransposedW)
    with pytest.raises(edf.EdfError, match=r"\(2, 3\)"):
        check_component("VDot", np.random.default_rng(0), {"b": 4, "i": 2, "j": 3})


def test_a_missing_derivative_is_a_sentence(monkeypatch):
    monkeypatch.setitem(REGISTRY, "Mul", BackwardMissing)
    with pytest.raises(edf.GraphError, match="no contribution for y"):
        check_component("Mul", np.random.default_rng(0))


def affine_loss():
    """A loss in which V is used twice, a bias is broadcast, and every gradient differs from zero."""
    rng = np.random.default_rng(1)
    with edf.Graph():
        x, y = edf.Input("x", grad=True), edf.Input("y")
        V = edf.Param(rng.normal(size=(3, 3)), "V")
        h = edf.Tanh(x @ V) @ V + edf.Param(rng.normal(size=3), "b")
        loss = edf.LogLoss(edf.Aref(edf.Softmax(h), y))
    x.set(rng.normal(size=(5, 3)))
    y.set([0, 2, 1, 1, 0])
    return loss


def test_gradcheck_passes_a_right_engine():
    assert max(check.error for check in gradcheck(affine_loss())) < 1e-8


def overwrite(node, contribution):
    node.grad = engine.unbroadcast(contribution, node.value.shape)


ENGINE_FAULTS = {
    "seed 1 instead of 1/B": (engine.Graph, "_seed", lambda graph, loss, seed: np.ones(loss.value.shape)),
    "overwritten instead of added": (engine, "_add_to_grad", overwrite),
}


@pytest.mark.parametrize("fault", ENGINE_FAULTS)
def test_gradcheck_catches_a_fault_of_the_engine(fault, monkeypatch):
    monkeypatch.setattr(*ENGINE_FAULTS[fault])
    assert max(check.error for check in gradcheck(affine_loss())) > 1e-2


def test_an_engine_that_does_not_undo_broadcasting_is_caught(monkeypatch):
    monkeypatch.setattr(engine, "unbroadcast", lambda grad, shape: grad)
    with pytest.raises(edf.GraphError, match=r"shape \(5, 3\) reached Param 'b' of shape \(3,\)"):
        gradcheck(affine_loss())


def test_gradcheck_accepts_a_gradient_that_is_zero():
    """Softmax does not see a constant added to all scores, so that dL/dc = 0 and differences give rounding alone."""
    rng = np.random.default_rng(0)
    with edf.Graph():
        x, y, c = edf.Input("x"), edf.Input("y"), edf.Param(0.3, "c")
        loss = edf.LogLoss(edf.Aref(edf.Softmax(x + c), y))
    x.set(rng.normal(size=(5, 3)))
    y.set([1, 0, 2, 1, 1])
    assert max(check.error for check in gradcheck(loss)) < 1e-6


def test_gradcheck_leaves_values_and_gradients_as_a_step_leaves_them():
    loss = affine_loss()
    before = [n.value.copy() for n in loss.graph.params]
    gradcheck(loss)
    assert all(np.array_equal(n.value, value) for n, value in zip(loss.graph.params, before, strict=True))
    grads = [n.grad for n in loss.graph.params]
    loss.graph.Forward()
    loss.graph.Backward(loss)
    assert all(np.array_equal(n.grad, grad) for n, grad in zip(loss.graph.params, grads, strict=True))
