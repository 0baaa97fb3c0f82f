"""Gradients with the batch index kept, against batches of one and against Backward's average."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.per_example import gradients


def set_and_forward(loss, images, labels):
    x, y = (n for n in loss.graph.nodes if isinstance(n, edf.Input))
    x.set(images)
    y.set(labels)
    loss.graph.Forward()
    return loss


def plain(x, rng):
    return edf.Sigmoid(x @ edf.Param(rng.normal(size=(4, 3)))) @ edf.Param(rng.normal(size=(3, 5)))


def biased(x, rng):
    h = edf.Tanh(x @ edf.Param(rng.normal(size=(4, 3))) + edf.Param(rng.normal(size=3)))
    return edf.ReLU(h @ edf.Param(rng.normal(size=(3, 5))) - edf.Param(rng.normal(size=(1, 5))))


def transposed(x, rng):
    return x @ (2.0 * edf.Param(rng.normal(size=(5, 4)))).T


def tied(x, rng):
    V = edf.Param(rng.normal(size=(4, 4)))
    return edf.Tanh(x @ V) @ V @ V.T * edf.Param(rng.normal(size=4)) + edf.Param(0.5)


def low_rank(x, rng):
    return x @ (edf.Param(rng.normal(size=(4, 2))) @ edf.Param(rng.normal(size=(2, 5))))


def shared_with_an_activation(x, rng):
    W = edf.Param(rng.normal(size=(4, 4)))
    return x @ edf.Tanh(W) + x @ W


NETWORKS = [plain, biased, transposed, tied, low_rank, shared_with_an_activation]
network = pytest.mark.parametrize("network", NETWORKS, ids=lambda n: n.__name__)


def build(network, B=6, seed=0):
    rng = np.random.default_rng(seed)
    with edf.Graph():
        x, y = edf.Input("x"), edf.Input("y")
        loss = edf.LogLoss(edf.Aref(edf.Softmax(network(x, rng)), y))
    return set_and_forward(loss, rng.normal(size=(B, 4)), rng.integers(0, 4, B))


@network
@given(B=st.integers(1, 7), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_the_mean_over_the_batch_is_the_gradient_of_backward(network, B, seed):
    loss = build(network, B, seed)
    loss.graph.Backward(loss)
    for param, kept in gradients(loss).items():
        assert kept.shape == (B, *param.value.shape)
        np.testing.assert_allclose(kept.mean(axis=0), param.grad, rtol=1e-10, atol=1e-14)


@network
def test_each_equals_the_gradient_of_a_batch_of_one(network):
    loss = build(network)
    kept = gradients(loss)
    images, labels = (n.value for n in loss.graph.nodes if isinstance(n, edf.Input))
    for b in range(len(labels)):
        set_and_forward(loss, images[b : b + 1], labels[b : b + 1])
        loss.graph.Backward(loss)
        for param in loss.graph.params:
            np.testing.assert_allclose(kept[param][b], param.grad, rtol=1e-10, atol=1e-14)


def test_the_short_cut_of_vdot_equals_the_generic_path(monkeypatch):
    loss = build(biased)
    fast = gradients(loss)
    monkeypatch.delattr(edf.VDot, "per_example")
    for param, kept in gradients(loss).items():
        np.testing.assert_allclose(fast[param], kept, rtol=1e-13)


def test_values_and_gradients_of_the_graph_are_left_as_they_were():
    loss = build(biased)
    loss.graph.Backward(loss)
    held = {n: (n.value, n.grad) for n in loss.graph.nodes}
    copies = {n: tuple(None if a is None else a.copy() for a in arrays) for n, arrays in held.items()}
    gradients(loss)
    for node in loss.graph.nodes:
        assert node.value is held[node][0] and node.grad is held[node][1]
        assert all(np.array_equal(now, before) for now, before in zip(held[node], copies[node], strict=True))


def test_a_chosen_parameter_alone_and_one_that_the_loss_does_not_use():
    with edf.Graph("float32"):
        x, y = edf.Input("x"), edf.Input("y")
        W, unused = edf.Param(np.ones((4, 3)), "W"), edf.Param(np.ones((2, 2)), "unused")
        loss = edf.LogLoss(edf.Aref(edf.Softmax(x @ W), y))
    set_and_forward(loss, np.ones((3, 4)), [0, 1, 2])
    assert list(gradients(loss, [W])) == [W]
    kept = gradients(loss)
    assert kept[unused].shape == (3, 2, 2) and not kept[unused].any()
    assert {array.dtype.name for array in kept.values()} == {"float32"}


def test_the_spread_is_what_the_average_hides():
    with edf.Graph() as graph:
        x, w = edf.Input("x"), edf.Param([0.0], "w")
        loss = x * w
    x.set([-1.0, 1.0, 3.0])
    graph.Forward()
    assert gradients(loss)[w].tolist() == [[-1.0], [1.0], [3.0]]


def test_a_mean_as_loss_is_refused():
    mean = edf.Mean(build(plain))
    mean.graph.Forward()
    with pytest.raises(edf.GraphError, match="Mean has no batch index; pass the loss before its mean."):
        gradients(mean)


def test_a_mean_inside_the_network_is_refused():
    loss = build(lambda x, rng: plain(x - edf.Mean(x, name="centre"), rng))
    with pytest.raises(edf.GraphError, match="Mean 'centre' mixes instances, so no instance has a gradient alone."):
        gradients(loss)
