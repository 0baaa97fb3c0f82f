"""One training step as tasks of a Program: what each device computes, what it sends, and what waits for what.

A mesh of dp x mp devices covers three strategies. Device r mp + c belongs to replica r and holds share c of it:

    data parallel    mp = 1   each replica has the whole network and a shard of the batch         (S4 slides 54, 55)
    model parallel   dp = 1   each device has 1/mp of every layer's outputs and the whole batch   (S4 slides 56-58)
    hybrid           both                                                                         (S4 slide 59)

Within a replica, a layer that needs all features of its input gathers the others' shares of it, and its backward pass
sums and scatters the gradient of that input: slide 57. A convolution whose groups fall apart into shares needs nothing:
two columns with a crossing are what grouped convolutions give (slide 58). Among replicas, gradients are summed bucket
by bucket in the order in which the backward pass finishes them, beside the rest of it where `overlap` is on.

A pipeline gives each device some consecutive layers and splits the batch into micro-batches (Huang et al. 2019).
"""

from dataclasses import dataclass
from math import inf

from . import collectives
from .collectives import equal_parts
from .stages import actions, balanced

UPDATE_PASSES = {"sgd": 3, "momentum": 5, "adam": 7}  # arrays of the parameters' size that an update reads or writes


@dataclass(frozen=True)
class Setup:
    """What to simulate; `simulate` explains and checks the fields."""

    cluster: object
    workload: object
    batch: int
    dp: int = 1
    mp: int = 1
    stages: int = 1
    algorithm: str = "ring"
    bucket: float = 25e6
    overlap: bool = True
    optimizer: str = "momentum"
    micro_batches: int = 4
    schedule: str = "1f1b"
    sync_norm: bool = False
    reduce_rate: float = inf

    N = property(lambda self: self.stages if self.stages > 1 else self.dp * self.mp)

    def shards(self):
        """Instances of each replica."""
        return [stop - start for start, stop in equal_parts(self.batch, self.dp)]

    def device(self, k):
        return self.cluster.devices[k]


def needs_all_features(layers, k, mp):
    """Whether layer k, shared out over mp devices, has to gather its input. The first layer's input is everywhere."""
    layer = layers[k]
    crosses = layer.kind in ("conv", "dense", "recurrent", "loss")
    return mp > 1 and k > 0 and crosses and layer.groups % mp != 0


def input_entries(layers, k):
    """Entries of what layer k reads of one example: a product reads its input and writes its output."""
    layer = layers[k]
    return layer.moved - layer.output if layer.kind in ("conv", "dense") else layers[k - 1].output


def layer_seconds(device, layer, B, mp, itemsize, backward=False):
    """Roofline seconds of one layer on B instances, 1/mp of its outputs; nothing for no instances."""
    if B == 0:
        return 0.0
    flops = B * (layer.backward if backward else layer.forward) / mp
    nbytes = itemsize * (B * layer.moved + layer.params) / mp
    return device.seconds(flops * 1.0, nbytes * (2 if backward else 1), layer.kind, launches=2 if backward else 1)


def update_seconds(device, params, itemsize, optimizer):
    """Seconds to update parameters: limited by memory."""
    return device.seconds(0.0, UPDATE_PASSES[optimizer] * params * itemsize, "elementwise", launches=1)


def buckets_of(layers, mp, itemsize, bucket):
    """Layers whose gradients travel together: lists of layer numbers, in the order of the backward pass."""
    found, current, held = [], [], 0.0
    for k in reversed(range(len(layers))):
        if layers[k].params:
            current.append(k)
            held += layers[k].params * itemsize / mp
            if held >= bucket:
                found.append(current)
                current, held = [], 0.0
    return found + [current] if current else found


class MeshStep:
    """Adds steps of data, model or hybrid parallelism to a program, one after another."""

    def __init__(self, setup, program):
        self.setup, self.program = setup, program
        self.layers, self.itemsize = setup.workload.layers, setup.workload.itemsize
        self.ready = [[] for _ in range(setup.N)]  # of each device: after which tasks it may go on
        self.buckets = buckets_of(self.layers, setup.mp, self.itemsize, setup.bucket)

    def add(self, factors):
        """One step; computations of device d take factors[d] times their normal seconds."""
        self.factors = factors
        for k in range(len(self.layers)):
            self._forward(k)
        sums = [[] for _ in range(self.setup.N)]
        waiting = list(self.buckets)
        for k in reversed(range(len(self.layers))):
            self._backward(k)
            if self.setup.overlap and waiting and waiting[0][-1] == k:
                self._all_reduce(waiting.pop(0), sums)
        for bucket in waiting:
            self._all_reduce(bucket, sums)
        self._update(sums)

    def _compute(self, d, seconds, name, category):
        task = self.program.compute(d, seconds * self.factors[d], name, category, self.ready[d])
        self.ready[d] = [task]

    def _groups(self):
        """The devices of each replica."""
        mp = self.setup.mp
        return [range(r * mp, (r + 1) * mp) for r in range(self.setup.dp)]

    def _forward(self, k):
        layer, mp = self.layers[k], self.setup.mp
        if needs_all_features(self.layers, k, mp):
            self._within(collectives.all_gather, input_entries(self.layers, k), f"gather {layer.name}")
        for B, group in zip(self.setup.shards(), self._groups(), strict=True):
            for d in group:
                seconds = layer_seconds(self.setup.device(d), layer, B, mp, self.itemsize)
                self._compute(d, seconds, layer.name, "forward")
        self._synchronize(layer)

    def _backward(self, k):
        layer, mp = self.layers[k], self.setup.mp
        self._synchronize(layer)
        for B, group in zip(self.setup.shards(), self._groups(), strict=True):
            for d in group:
                seconds = layer_seconds(self.setup.device(d), layer, B, mp, self.itemsize, backward=True)
                self._compute(d, seconds, layer.name, "backward")
        if needs_all_features(self.layers, k, mp):
            self._within(collectives.reduce_scatter, input_entries(self.layers, k), f"scatter {layer.name}")

    def _synchronize(self, layer):
        """Two numbers for each feature among all replicas: synchronized batch norm, forward and backward."""
        setup = self.setup
        if setup.sync_norm and setup.dp > 1 and layer.kind == "norm":
            for c in range(setup.mp):
                devices = [r * setup.mp + c for r in range(setup.dp)]
                schedule = collectives.all_reduce("tree", setup.dp, max(layer.params // setup.mp, 1))
                ended = self.program.collective(
                    schedule, self.itemsize, [self.ready[d] for d in devices], f"statistics {layer.name}", devices
                )
                for d, tasks in zip(devices, ended, strict=True):
                    self.ready[d] = tasks

    def _within(self, collective, entries, name):
        """A collective among the devices of each replica, on the features of B instances."""
        for B, group in zip(self.setup.shards(), self._groups(), strict=True):
            schedule = collective(self.setup.mp, B * entries)
            ended = self.program.collective(schedule, self.itemsize, [self.ready[d] for d in group], name, group)
            for d, tasks in zip(group, ended, strict=True):
                self.ready[d] = tasks or self.ready[d]

    def _all_reduce(self, bucket, sums):
        setup = self.setup
        if setup.dp == 1:
            return
        entries = -(-sum(self.layers[k].params for k in bucket) // setup.mp)
        names = self.layers[bucket[0]].name, self.layers[bucket[-1]].name
        name = "sum " + (names[0] if len(bucket) == 1 else f"{names[0]} to {names[1]}")
        for c in range(setup.mp):
            devices = [r * setup.mp + c for r in range(setup.dp)]
            schedule = collectives.all_reduce(setup.algorithm, setup.dp, entries, machines_of(setup, devices))
            ready = [self.ready[d] for d in devices]
            ended = self.program.collective(schedule, self.itemsize, ready, name, devices, setup.reduce_rate)
            for d, tasks in zip(devices, ended, strict=True):
                sums[d] = sums[d] + tasks

    def _update(self, sums):
        setup = self.setup
        params = setup.workload.params / setup.mp
        for d in range(setup.N):
            seconds = update_seconds(setup.device(d), params, self.itemsize, setup.optimizer)
            self.ready[d] = [*self.ready[d], *sums[d]]
            self._compute(d, seconds, "update", "update")


def machines_of(setup, devices):
    """The ranks (places in `devices`) that share a machine, for hierarchical collectives."""
    place = {d: k for k, d in enumerate(devices)}
    groups = [[place[d] for d in group if d in place] for group in setup.cluster.groups]
    return [g for g in groups if g]


class PipelineStep:
    """Adds pipelined steps to a program: stage k on device k, micro-batches one behind another.

    "gpipe" runs all forward passes before the first backward pass; "1f1b" (Narayanan et al. 2019) alternates as soon as
    it can, which takes as long and keeps at most as many micro-batches alive as there are stages behind.
    """

    def __init__(self, setup, program):
        self.setup, self.program = setup, program
        layers, first = setup.workload.layers, setup.device(0)
        self.itemsize, self.layers = setup.workload.itemsize, layers
        B = setup.batch / setup.micro_batches
        costs = [
            sum(layer_seconds(first, layer, B, 1, self.itemsize, backward) for backward in (False, True))
            for layer in layers
        ]
        self.stages = balanced(costs, setup.stages)
        self.micro = [b - a for a, b in equal_parts(setup.batch, setup.micro_batches)]
        self.ready = [[] for _ in range(setup.stages)]

    def add(self, factors):
        """One step; computations of device d take factors[d] times their normal seconds."""
        setup, P = self.setup, self.setup.stages
        orders, at = [actions(setup.schedule, P, k, len(self.micro)) for k in range(P)], [0] * P
        arrived = {}  # (kind, stage, micro-batch) -> the message that brings its input
        while any(at[k] < len(orders[k]) for k in range(P)):
            for k in range(P):
                while at[k] < len(orders[k]) and self._possible(orders[k][at[k]], k, arrived):
                    self._one(*orders[k][at[k]], k, factors, arrived)
                    at[k] += 1
        for k, (start, stop) in enumerate(self.stages):
            params = sum(layer.params for layer in self.layers[start:stop])
            seconds = update_seconds(setup.device(k), params, self.itemsize, setup.optimizer) * factors[k]
            self.ready[k] = [self.program.compute(k, seconds, "update", "update", self.ready[k])]

    def _possible(self, what, k, arrived):
        kind, m = what
        first = k == 0 if kind == "forward" else k == self.setup.stages - 1
        return first or (kind, k, m) in arrived

    def _one(self, kind, m, k, factors, arrived):
        start, stop = self.stages[k]
        device, B = self.setup.device(k), self.micro[m]
        seconds = sum(
            layer_seconds(device, layer, B, 1, self.itemsize, kind == "backward") for layer in self.layers[start:stop]
        )
        after = [*self.ready[k], *arrived.pop((kind, k, m), ())]
        task = self.program.compute(k, seconds * factors[k], f"{kind} {m}", kind, after)
        self.ready[k] = [task]
        other = k + 1 if kind == "forward" else k - 1
        if 0 <= other < self.setup.stages:
            entries = self.layers[stop - 1 if kind == "forward" else start - 1].output
            sent = self.program.message(k, other, B * entries * self.itemsize, f"{kind} {m}", [task])
            arrived[kind, other, m] = [sent]
