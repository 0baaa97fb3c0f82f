"""Training a network whose depth is cut: stage k of the layers on rank k, the batch as micro-batches behind each other.

Sources: Huang et al. 2019, 1811.06965 (GPipe); Narayanan et al. 2021, 2104.04473, section 2.2 (one forward, one
backward).
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from ..components import BatchNorm, CrossEntropy
from ..errors import DataError
from ..graph import Graph, Input, Node
from .collectives import equal_parts
from .layers import SyncBatchNorm
from .machine import category, graph_on
from .stages import actions, balanced
from .strategies import Place, Value, is_count


def cut(layers, N, costs=None):
    """Cut layers into N stages of consecutive ones so that the costliest stage is as cheap as it can be.

    Parameters
    ----------
    layers : list of layers
    N : int, how many stages
    costs : sequence of numbers, the cost of each layer, such as `flops` gives. Default: the number of its parameters

    Returns
    -------
    list of N lists of layers, each with parameters

    Raises
    ------
    DataError : there are fewer layers with parameters than stages, or costs are not one for each layer.
    """
    costs = [sum(a.size for a in layer.arrays) for layer in layers] if costs is None else list(costs)
    if len(costs) != len(layers):
        raise DataError(f"cut: there are {len(costs)} costs for {len(layers)} layers; give one for each.")
    starts = [0, *[k for k, layer in enumerate(layers) if layer.arrays][1:], len(layers)]
    blocks = list(pairwise(starts))  # from one layer with parameters to the next
    if not 1 <= N <= len(blocks):
        raise DataError(
            f"cut: {len(blocks)} layers with parameters cannot make {N} stages with parameters each; use from 1 to "
            f"{len(blocks)} ranks for the pipeline, or a hybrid of it with data parallelism."
        )
    weights = [sum(costs[a:b]) for a, b in blocks]
    return [layers[blocks[a][0] : blocks[b - 1][1]] for a, b in balanced(weights, N)]


def flops(layers, shape):
    """The FLOPs of each layer for one instance of the shape, forward and backward: costs for `cut`."""
    with Graph() as graph:
        x = Input("x", grad=True)
        h, bounds = Value(x), [1]
        for layer in layers:
            h = layer.build(h, Place())
            bounds.append(len(graph.nodes))
    x.set(np.zeros((1, *shape)))
    with graph.evaluating():
        graph.Forward()
    each = [n.cost(n.sizes) if n.args else None for n in graph.nodes]
    return [sum(c.forward + c.backward for c in each[a:b] if c) for a, b in pairwise(bounds)]


@dataclass(frozen=True)
class Stage:
    """A rank's part of a pipeline."""

    x: Input  # a batch of instances on the first rank, of the values of the stage before on the others
    y: Input | None  # the labels, on the last rank
    out: Node  # the values for the next stage; on the last rank the loss (B,)
    shapes: tuple  # for each stage the shapes of its parameters

    graph = property(lambda self: self.out.graph)


def stage(comm, stages, data=None, dtype="float64"):
    """This rank's stage of a network.

    Parameters
    ----------
    comm : Comm, a rank for each stage
    stages : list of lists of layers, such as `cut` gives
    data : Comm, see `network`
    dtype : "float32" or "float64"

    Raises
    ------
    DataError : there are not as many stages as ranks.
    """
    if len(stages) != comm.size:
        raise DataError(
            f"stage: there are {len(stages)} stages for {comm.size} ranks; cut(layers, {comm.size}) gives one for each."
        )
    first, last = comm.rank == 0, comm.rank == comm.size - 1
    with graph_on(comm.backend, dtype):
        x = Input("x", grad=not first)
        h, y = Value(x), Input("y") if last else None
        for layer in stages[comm.rank]:
            h = layer.build(h, Place(data=data))
        shapes = tuple(tuple(a.shape for layer in some for a in layer.arrays) for some in stages)
        return Stage(x, y, CrossEntropy(h.node, y) if last else h.node, shapes)


class Pipeline:
    """Training a network whose depth is cut into stages, stage k on rank k.

    The batch passes as micro-batches; their gradients are summed, each with the seed 1/B of the whole batch, so that
    the step is that of the whole batch (Huang et al. 2019, section 2). A stage keeps the micro-batch's input only and
    computes its values again when the gradient comes (rematerialization, section 2.3), unless it has just done so.
    Batch norm sees a micro-batch at a time: its gradients are those of the micro-batches accumulated on one device.

    Parameters
    ----------
    comm : Comm
    net : Stage, this rank's
    optimizer : an optimizer of the stage's parameters, alike on every rank
    micro_batches : int, into how many parts a batch is cut; parts differ by one instance at most, and are fewer where
        the batch has fewer instances
    schedule : "1f1b" or "gpipe", see `actions`

    Raises
    ------
    DataError : micro_batches is no whole number of at least 1, the schedule is unknown, or batch norm is to be
        synchronized over replicas of several micro-batches, whose numbers may differ.
    """

    def __init__(self, comm, net, optimizer, micro_batches=1, schedule="1f1b"):
        if not is_count(micro_batches):
            raise DataError(f"Pipeline: micro_batches is {micro_batches!r}; a whole number of at least 1 is needed.")
        if micro_batches > 1 and any(isinstance(n, SyncBatchNorm) for n in net.graph.nodes):
            raise DataError(
                "Pipeline: batch norm over replicas needs micro_batches = 1; with more, leave out `data`, so that "
                "each micro-batch is normalized by itself."
            )
        actions(schedule, comm.size, comm.rank, 1)
        self.comm, self.net, self.optimizer = comm, net, optimizer
        self.micro_batches, self.schedule = micro_batches, schedule
        self._seen, self._shapes = None, None  # the instances' shape, and those of what comes in and goes out

    def step(self, x, y):
        """One step on the batch x (B, ...), y (B,), whole on every rank; returns its mean loss before the step."""
        if len(x) != len(y) or not len(x):
            raise DataError(f"step: x has {len(x)} instances and y {len(y)}; equal numbers, at least 1, are needed.")
        total = self.differentiate(x, y, 1.0 / len(x))
        self.optimizer.step()
        return total / len(x)

    def differentiate(self, x, y, seed):
        """Leave in `.grad` the gradients of seed times the summed loss of x, y; return that sum, equal on all ranks."""
        if self._seen != np.shape(x)[1:]:
            self._seen = np.shape(x)[1:]
            self._shapes = self._ask_shapes(self._seen)
        self._parts = [slice(a, b) for a, b in equal_parts(len(x), min(self.micro_batches, len(x)))]
        self._kept, self._at, self._accumulate, self._total = {}, None, False, self.comm.empty(1, "float64")
        self._total[...] = 0.0
        todo = actions(self.schedule, self.comm.size, self.comm.rank, len(self._parts))
        come = self._pass(None, None, todo[0])
        for action, following in zip(todo, [*todo[1:], None], strict=True):
            kind, m = action
            made = self._forward(m, x, y, come) if kind == "forward" else self._backward(m, y, seed, come)
            come = self._pass(action, made, following)
        return float(self.comm.broadcast(self._total, root=self.comm.size - 1)[0])

    def parameters(self):
        """The values of all stages' parameters, a list of host arrays as one device has them. All ranks call it."""
        return self._everywhere("value")

    def gradients(self):
        """Their gradients, likewise."""
        return self._everywhere("grad")

    # Values and gradients of one micro-batch

    def _forward(self, m, x, y, come):
        self._kept[m] = x[self._parts[m]] if self.comm.rank == 0 else come
        self._compute(m, y)
        if self.net.y is not None:
            self._total += self.net.out.value.sum()
        return self.net.out.value

    def _compute(self, m, y):
        self.net.x.set(self._kept[m])
        if self.net.y is not None:
            self.net.y.set(y[self._parts[m]])
        self.net.graph.Forward(self.net.out)
        self._at = m

    def _backward(self, m, y, seed, come):
        if self._at != m:
            norms = [(n, n.state) for n in self.net.graph.nodes if isinstance(n, BatchNorm)]
            self._compute(m, y)
            for node, state in norms:  # the running statistics have followed this micro-batch already
                node.state = state
        self.net.graph.Backward(self.net.out, seed if self.net.y is not None else come, self._accumulate)
        self._accumulate = True
        del self._kept[m]
        return self.net.x.grad

    # Who sends what to whom

    def _pass(self, done, made, following):
        """Send what an action made, and receive what the next one needs, at once: neither waits for the other."""
        sends, receives, rank = [], [], self.comm.rank
        if done is not None and (to := self._neighbour(done[0], +1)) is not None:
            sends.append((to, self.net.x.xp.ascontiguousarray(made)))
        if following is not None and (source := self._neighbour(following[0], -1)) is not None:
            entering = self._shapes[0] if source < rank else self._shapes[1]
            part = self._parts[following[1]]
            shape = (part.stop - part.start, *entering)
            with category(self.comm.backend, "activations" if following[0] == "forward" else "gradients"):
                receives.append((source, self.comm.empty(prod(shape), self.net.graph.backend.dtype).reshape(shape)))
        if sends or receives:
            with category(self.comm.backend, "buffers"):
                self.comm.exchange(sends, receives)
        return receives[0][1] if receives else None

    def _neighbour(self, kind, way):
        """The rank that values (forward) or gradients (backward) go to (way = 1) or come from (-1), or None."""
        rank = self.comm.rank + (way if kind == "forward" else -way)
        return rank if 0 <= rank < self.comm.size else None

    def _ask_shapes(self, shape):
        """The shapes of one instance's values as they enter and leave this stage; each stage tells the next."""
        comm, net, told = self.comm, self.net, self.comm.empty(8, "float64")
        if comm.rank:
            comm.receive(told, comm.rank - 1)
            shape = tuple(int(n) for n in told[1 : 1 + int(told[0])])
        if net.y is not None:
            return shape, ()
        net.x.set(np.zeros((1, *shape)))
        with net.graph.evaluating():
            net.graph.Forward(net.out)
        leaving = net.out.value.shape[1:]
        for k in range(8):
            told[k] = (len(leaving), *leaving, *[0] * 7)[k]
        comm.send(told, comm.rank + 1)
        return shape, leaving

    def _everywhere(self, what):
        """An attribute of all stages' parameters, each told by its rank, on the host."""
        found, graph = [], self.net.graph
        for root, shapes in enumerate(self.net.shapes):
            for k, shape in enumerate(shapes):
                if root == self.comm.rank:
                    array = getattr(graph.params[k], what).copy()
                else:
                    array = self.comm.empty(prod(shape), graph.backend.dtype).reshape(shape)
                found.append(graph.backend.to_host(self.comm.broadcast(array, root)))
        return found
