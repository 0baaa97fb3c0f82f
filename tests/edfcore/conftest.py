"""S0's network, which most tests of the engine train in small."""

from types import SimpleNamespace

import numpy as np
import pytest

import edfcore as edf


def build(B=5, seed=0, sizes=(4, 3, 6), dtype="float64", *, grad=False):
    """softmax(sigmoid(x W1) W2) and its loss, in a graph of its own, set to random data and forwarded."""
    rng = np.random.default_rng(seed)
    fan_in, hidden, classes = sizes
    with edf.Graph(dtype) as graph:
        x, y = edf.Input("x", grad=grad), edf.Input("y")
        W1 = edf.Param(rng.normal(size=(fan_in, hidden)), "W1")
        W2 = edf.Param(rng.normal(size=(hidden, classes)), "W2")
        L1 = edf.Sigmoid(edf.VDot(x, W1))
        L2 = edf.Softmax(edf.VDot(L1, W2))
        loss = edf.LogLoss(edf.Aref(L2, y))
    x.set(rng.normal(size=(B, fan_in)))
    y.set(rng.integers(0, classes, size=B))
    graph.Forward()
    return SimpleNamespace(graph=graph, x=x, y=y, W1=W1, W2=W2, L1=L1, L2=L2, loss=loss)


@pytest.fixture(scope="session")
def s0():
    """The factory `build`: s0(B=5, seed=0, ...) gives the nodes of a network of its own by name."""
    return build
