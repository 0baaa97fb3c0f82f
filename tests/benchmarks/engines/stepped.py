"""edfcore step by step, as in the lectures: set, Forward, Backward, SGD."""

import edfcore
from edfcore import SGD
from edfcore.bench import cupy_versions, network, numpy_versions


def make(case, params, x, y, lr, device="cpu"):
    """See worker.py."""
    if device != "cpu":
        there = edfcore.use(device)
        x, y = there.xp.asarray(x), there.xp.asarray(y)
    net = network(case, params, "float32")

    def step(k):
        for node, value in net.feed(x[k].copy(), y[k].copy()):  # `set` keeps a view: this is the copy
            node.set(value)
        net.graph.Forward(net.loss)
        net.graph.Backward(net.loss)
        SGD(lr, net.graph)

    return step, lambda: net.mean_loss()


def versions(device="cpu"):
    """See worker.py."""
    return numpy_versions() if device == "cpu" else cupy_versions(device)
