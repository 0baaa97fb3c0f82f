"""edfcore planned: the graph compiled once into a straight-line program over flat arrays (edfcore/plan.py)."""

from edfcore.bench import network, numpy_versions
from edfcore.optimizers import SGD
from edfcore.plan import plan


def make(case, params, x, y, lr):
    """See worker.py."""
    net = network(case, params, "float32")
    planned = plan(net.graph, net.loss, SGD(net.graph, lr=lr))
    batches = [{node.name: value for node, value in net.feed(*batch)} for batch in zip(x, y, strict=True)]  # views

    def step(k):
        planned.step(**batches[k])

    return step, lambda: planned.loss


def versions():
    """See worker.py."""
    return numpy_versions()
