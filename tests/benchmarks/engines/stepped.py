"""edfcore step by step, as in the lectures: set, Forward, Backward, SGD."""

from edfcore import SGD
from edfcore.bench import network, numpy_versions


def make(case, params, x, y, lr):
    """See worker.py."""
    net = network(case, params, "float32")

    def step(k):
        for node, value in net.feed(x[k].copy(), y[k].copy()):  # `set` keeps a view: this is the copy
            node.set(value)
        net.graph.Forward(net.loss)
        net.graph.Backward(net.loss)
        SGD(lr, net.graph)

    return step, lambda: net.mean_loss()


def versions():
    """See worker.py."""
    return numpy_versions()
