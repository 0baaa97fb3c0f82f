"""edfcore planned: the graph compiled once into a straight-line program over flat arrays (edfcore/plan.py)."""

import edfcore
from edfcore.bench import cupy_versions, network, numpy_versions
from edfcore.optimizers import SGD
from edfcore.plan import plan


def make(case, params, x, y, lr, device="cpu"):
    """See worker.py."""
    if device != "cpu":
        there = edfcore.use(device)
        x, y = there.xp.asarray(x), there.xp.asarray(y)
    net = network(case, params, "float32")
    planned = plan(net.graph, net.loss, SGD(net.graph, lr=lr))
    batches = [{node.name: value for node, value in net.feed(*batch)} for batch in zip(x, y, strict=True)]  # views

    def step(k):
        planned.step(**batches[k])

    return step, lambda: planned.loss


def versions(device="cpu"):
    """See worker.py."""
    return numpy_versions() if device == "cpu" else cupy_versions(device)
