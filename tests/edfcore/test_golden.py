"""Gradients and 20 steps of SGD against PyTorch's, in float64; golden/make_golden.py made the vectors."""

from pathlib import Path

import numpy as np
import pytest

import edfcore as edf
from edfcore.data import batches

FOLDER = Path(__file__).parent / "golden"


def s0(x, W1, W2):
    return edf.VDot(edf.Sigmoid(edf.VDot(x, W1)), W2)


def bias_tanh_relu(x, W1, b1, W2, b2, W3, b3):
    return edf.ReLU(edf.Tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3


def s1(x, W0, b0, W1, b1):
    return edf.Sigmoid(edf.Sigmoid(x @ W0.T - b0) @ W1.T - b1)


NETWORKS = {network.__name__: network for network in (s0, bias_tanh_relu, s1)}


def load(name):
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def part(golden, kind):
    return {key.split(".")[1]: value for key, value in golden.items() if key.startswith(f"{kind}.")}


def build(name, golden):
    with edf.Graph() as graph:
        x, y = edf.Input("x", grad=True), edf.Input("y")
        params = {key: edf.Param(value, key) for key, value in part(golden, "start").items()}
        loss = edf.LogLoss(edf.Aref(edf.Softmax(NETWORKS[name](x, **params)), y))
    return graph, x, y, loss, params


def train(name, golden):
    """The losses of 20 steps, the first batch's gradients, and the parameters at the end."""
    graph, x, y, loss, params = build(name, golden)
    losses, first = [], {}
    while len(losses) < len(golden["losses"]):
        for images, labels in batches(golden["x"], golden["y"], B=int(golden["B"])):
            x.set(images)
            y.set(labels)
            graph.Forward()
            graph.Backward(loss)
            first = first or {key: node.grad.copy() for key, node in ({"x": x} | params).items()}
            edf.SGD(float(golden["eta"]), graph)
            losses.append(loss.value.mean())
    return losses, first, {key: p.value for key, p in params.items()}


def relative_error(got, expected):
    return np.abs(np.subtract(got, expected)).max() / np.abs(expected).max()


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_losses_and_trajectory_equal_those_of_torch(name):
    golden = load(name)
    losses, first, end = train(name, golden)
    assert relative_error(losses, golden["losses"]) < 1e-12
    for found, kind in ((first, "grad"), (end, "end")):
        expected = part(golden, kind)
        assert found.keys() == expected.keys()
        assert {key: relative_error(found[key], expected[key]) < 1e-12 for key in found} == dict.fromkeys(found, True)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_vectors_discriminate(name):
    """Sizes differ, the last batch is short, and 20 steps move every parameter far beyond the tolerance."""
    golden = load(name)
    start, end = part(golden, "start"), part(golden, "end")
    assert len(golden["x"]) % golden["B"] > 0 and len(golden["losses"]) == 20
    assert all(len(set(p.shape)) == p.ndim for p in start.values())
    assert min(relative_error(start[key], end[key]) for key in start) > 1e-3
    assert str(golden["torch_version"]).startswith("2.")
