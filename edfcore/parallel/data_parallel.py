"""Data parallelism: every rank holds the whole network, the batch is split, gradients are summed (S4 slides 54, 55).

Each rank's loss is seeded with 1/B, B being the length of the *whole* batch, so that the sum of the ranks' gradients is
the gradient of the whole batch's mean loss, however unequal the shards are. (Averages of averages, as slide 54 has it,
are right for equal shards only: erratum 4.48.)
"""

import numpy as np

from ..backend import Backend
from ..errors import DataError
from .collectives import equal_parts
from .layers import Part, whole_of
from .machine import category


class DataParallel:
    """One rank's part of data-parallel training.

    Parameters
    ----------
    comm : Comm
    net : a network with x, y, loss and graph (such as `models.Classifier`), built alike on every rank; its parameters
        become those of rank 0
    optimizer : an optimizer of the network's parameters, alike on every rank
    algorithm : how gradients are summed, see `collectives.ALL_REDUCE`

    Attributes
    ----------
    flat : array (P + 1,), the gradients of the parameters, one after another (their `.grad` are views of it), and
        the sum of the losses
    flat_parts : array, the gradients of parameters of which a rank holds a part, likewise. They are apart, so that
        where ranks hold parts of unequal lengths the others are still summed in one order, to the same bits
    """

    def __init__(self, comm, net, optimizer, algorithm="ring"):
        self.comm, self.net, self.optimizer, self.algorithm = comm, net, optimizer, algorithm
        self.params = net.graph.params
        self._parts = [p for p in self.params if isinstance(p, Part) and p.group.size > 1]
        self._whole = [p for p in self.params if p not in self._parts]
        with category(comm.backend, "gradients"):
            dtype = net.graph.backend.dtype
            self.flat = comm.empty(sum(p.value.size for p in self._whole) + 1, dtype)
            self.flat_parts = comm.empty(sum(p.value.size for p in self._parts), dtype)
        self.talking = [n for n in net.graph.nodes if getattr(n, "comm", None) is not None]
        self.joins = bool(self.talking)  # whether a rank without instances must compute, for others to hear from it
        for p in self.params:
            p.set(comm.broadcast(p.value.copy()))

    def step(self, x, y):
        """One step on the batch x (B, ...), y (B, ...), given whole to every rank, each of which takes its shard.

        Returns
        -------
        float, the whole batch's mean loss before the step, the same on every rank
        """
        if len(x) != len(y) or not len(x):
            raise DataError(f"step: x has {len(x)} instances and y {len(y)}; equal numbers, at least 1, are needed.")
        start, stop = equal_parts(len(x), self.comm.size)[self.comm.rank]
        if start == stop and self.joins:
            return self.step_on(x[:1], y[:1], len(x), empty=True)
        return self.step_on(x[start:stop], y[start:stop], len(x))

    def step_on(self, x, y, B, empty=False):
        """One step on this rank's shard x, y of a batch of B instances in all.

        A shard of no instances joins the sum with zeros. Where the network itself communicates (synchronized batch
        norm), such a rank computes an instance that counts for nothing: pass one, and empty=True.
        """
        for node in self.talking:
            node.absent = empty
        total = self.differentiate(x, y, seed=0.0 if empty else 1.0 / B) if len(x) else 0.0
        self._gather(total, absent=empty or not len(x))
        with category(self.comm.backend, "buffers"):
            self.comm.all_reduce(self.flat, self.algorithm)
            if self._parts:
                self.comm.all_reduce(self.flat_parts, self.algorithm)
        self.optimizer.step()
        return float(self.flat[-1]) / B

    def differentiate(self, x, y, seed):
        """Leave in `.grad` the gradients of seed times the summed loss of x, y; return that sum."""
        self.net.x.set(x)
        self.net.y.set(y)
        self.net.graph.Forward(self.net.loss)
        self.net.graph.Backward(self.net.loss, seed=seed)
        return self.net.loss.value.sum()

    def parameters(self):
        """The values of all parameters, a list of host arrays as one device would have them."""
        return whole_of(self.params, "value")

    def gradients(self):
        """The gradients of the last step, a list of host arrays as one device would have them."""
        return whole_of(self.params, "grad")

    def _gather(self, total, absent):
        """Gradients and summed loss into the flat arrays; afterwards `.grad` are views of them."""
        for flat, params in ((self.flat, self._whole), (self.flat_parts, self._parts)):
            start = 0
            for p in params:
                part = flat[start : start + p.value.size].reshape(p.value.shape)
                part[...] = 0.0 if absent or p.grad is None else p.grad
                p.grad, start = part, start + p.value.size
        self.flat[-1] = 0.0 if absent else total


def same_on_all(comm, arrays):
    """Whether every rank holds bitwise the same arrays."""
    to_host = Backend(comm.backend).to_host
    for array in arrays:
        first = np.array(to_host(comm.broadcast(array.copy())))
        if not np.array_equal(first.view(np.uint8), np.array(to_host(array)).view(np.uint8)):
            return False
    return True
