"""The planned engine: a graph compiled, for one size of batch, into a straight-line program over arrays made once.

    plan = edf.plan(graph, loss, SGD(graph, lr=0.1))
    for xs, ys in batches(X, Y, B=100, rng=rng):
        plan.step(x=xs, y=ys)
    print(plan.source())

What a step computes is what `Forward(); Backward(loss); optimizer.step()` compute, to rounding. What differs is how:
shapes are known, so the order, the memory and the calls are fixed once; arrays share memory when their lives do not
overlap; gradients that lead to no parameter are not computed; the first contribution to a gradient is written, later
ones are added; softmax, label and logarithm are one; bias and activation work in place; the optimizer updates one flat
vector. The program is Python: `plan.source()` prints it. `plan.report()` says what it takes and what was fused.

A graph on a GPU is planned in the same way (planning/gpu_step.py): the same calls, and where all of it has rules a step
is recorded as a CUDA graph and replayed.

Lists of such ideas: Chen et al. 2016 (1604.06174) and Pisarchyk & Lee 2020 (2001.03288) on memory; the rest is what
compilers do (Aho et al. 2006, chapters 8 and 9).
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from .display import ShownPlan, ShownReport
from .errors import DataError, GraphError
from .gpu.device import CudaDevice
from .graph import Component, Graph, Node
from .planning.compiler import Compiler, Dialect, leaves
from .planning.program import aligned
from .planning.rules import RULES
from .planning.updates import FlatStep

PROGRAMS = 16  # shapes of batch whose programs, with their arrays, are kept


def plan(graph, loss, optimizer=None, keep=()):
    """Compile a graph's training step.

    Parameters
    ----------
    graph : Graph, on NumPy or on a GPU
    loss : Component of the graph, (B,) or ()
    optimizer : an optimizer of the graph's parameters; None to compute gradients only
    keep : nodes whose `.value` and `.grad` are to stay readable after a step, besides the parameters' and the loss;
        `.grad` is None where the node does not lead to the loss

    Returns
    -------
    Plan

    Raises
    ------
    GraphError : the loss is no computed value of the graph, or depends on no parameter.
    DataError : a graph of another backend, or of complex numbers.
    """
    backend = graph.backend if isinstance(graph, Graph) else None
    if backend and (backend.name == "cupy" or isinstance(backend.name, CudaDevice)):
        from .planning.gpu_step import GpuPlan

        return GpuPlan(graph, loss, optimizer, keep)
    return Plan(graph, loss, optimizer, keep)


@dataclass
class Compiled:
    """The plan of one shape of batch."""

    program: object
    compiler: object
    function: object
    inputs: dict
    values: list  # (node, array): what reads through the node finds
    loss: object = None  # the losses of all instances in a row; None where the loss is unplanned
    ones: object = None  # as many

    def is_finite(self, node):
        """Whether the loss is; nothing finite comes of NaN or infinity. A product takes a third of a sum's time."""
        quick = self.loss is not None and isfinite(self.loss.dot(self.ones))
        return quick or bool(np.isfinite(node.value).all())  # finite losses may have a sum that is not


class Plan(ShownPlan):
    """A compiled training step; see `plan`. What a place does in its own way is below "Where the arrays are"."""

    dialect = Dialect(RULES)
    arrays = (np.ndarray,)  # types of batches that are taken as they are

    def __init__(self, graph, loss, optimizer=None, keep=()):
        if not isinstance(graph, Graph) or not isinstance(loss, Component) or loss.graph is not graph:
            raise GraphError("plan: pass the graph and its loss, a computed value of that graph: plan(graph, loss).")
        if not self._can_live_on(graph.backend.name) or graph.backend.dtype not in ("float32", "float64"):
            raise DataError(f"plan: a graph of real numbers on NumPy or a GPU is needed; this one is {graph.backend}.")
        wrong = [k for k in keep if not isinstance(k, Node) or k.graph is not graph]
        if wrong:
            raise GraphError(f"plan: keep holds {wrong[0]!r}, which is not a node of this graph.")
        self.graph, self.loss_node, self.optimizer, self.keep = graph, loss, optimizer, tuple(keep)
        self.inputs, self.params = leaves(graph, loss, self.keep)
        if not self.params:
            raise GraphError(f"plan: the loss {loss.label} depends on no parameter; there is nothing to train.")
        size = sum(p.value.size for p in self.params)
        self.w, self.g = self._flat(size, graph.backend.dtype), self._flat(size, graph.backend.dtype)
        self._flatten()
        self._kinds = ["i" if n._holds_labels else "f" for n in self.inputs]
        self._compiled, self._latest, self._clock = {}, None, -1
        self._flat_step = None if optimizer is None else self._step_of(optimizer)
        self._stateful = [n for n in graph.nodes if isinstance(getattr(n, "state", None), dict)]
        graph.touch("a plan was made")  # another plan's arrays are no longer those of the parameters

    def _flatten(self):
        """All parameters in one flat array, all gradients in another; `.value` and `.grad` are views."""
        self._views, start = {}, 0
        self.g.fill(0)
        for p in self.params:
            value, grad = (a[start : start + p.value.size].reshape(p.value.shape) for a in (self.w, self.g))
            value[...] = p.value
            p.value, p.grad = value, grad
            self._views[p] = value, grad
            start += value.size

    # A step

    def step(self, *arrays, **named):
        """One step on a batch.

        Parameters
        ----------
        arrays, named : the batch of each input, in the order of the graph or by the inputs' names: step(x=..., y=...)

        Returns
        -------
        Plan, whose `loss` is the batch's mean loss before the step

        Raises
        ------
        DataError : a batch is missing or cannot be right, a label is out of range, or the loss is not finite: then no
            parameter was changed. (On a GPU a label or a loss is looked at later: see gpu.device.)
        ShapeError : shapes that do not fit, told in index letters.
        """
        if self._flat_step is None:
            raise GraphError("plan.step: the plan has no optimizer; pass one to plan(...), or call gradients(...).")
        self._take(arrays, named, update=True)
        self.graph.touch("a planned step was taken")
        self._clock = self.graph.clock
        return self

    def gradients(self, *arrays, **named):
        """Forward and backward on a batch: the parameters' `.grad`, and what `keep` names. Arguments as for `step`."""
        self._take(arrays, named, update=False)
        self.graph.touch("a planned pass was made")
        self._clock = self.graph.clock
        return self

    def _prepared(self, arrays, named):
        """The program for a batch, its arrays shown by the nodes, and the batch's arrays in order."""
        batch = self._batch(arrays, named)
        key = tuple([a.shape for a in batch])
        one = self._compiled.get(key)
        if one is None:
            one = self._compiled[key] = self._compile(batch)
            while len(self._compiled) > PROGRAMS:
                del self._compiled[next(iter(self._compiled))]
        if one is not self._latest or self.graph.clock != self._clock:
            self._bind(one)
            self._latest = one
        return one, batch

    def _take(self, arrays, named, update):
        """A pass, and the update where it is asked for."""
        one, batch = self._prepared(arrays, named)
        before = self._states()
        one.function(*batch)
        if not one.is_finite(self.loss_node):
            for node, state in before:
                node.state = state
            raise self._not_finite()
        if update:
            self._flat_step.step()

    def _states(self):
        """What components carry from batch to batch: running statistics, which they replace and do not write into."""
        return [(n, n.state) for n in self._stateful]

    def _not_finite(self):
        return DataError(
            f"plan.step: the loss {self.loss_node.label} is not finite; no parameter was changed. Look at the "
            "batch and the parameters, take a smaller step, or run Forward() and Backward(loss) to see where."
        )

    @property
    def loss(self):
        """The mean loss of the last batch, before its step."""
        if self._latest is None:
            raise GraphError("plan.loss: no step was taken yet.")
        return float(np.mean(self.loss_node.value))

    def _batch(self, arrays, named):
        if arrays:
            if named or len(arrays) != len(self.inputs):
                names = ", ".join(i.label for i in self.inputs)
                raise DataError(
                    f"plan.step: {len(arrays)} batches for the inputs {names}; pass one for each, or names."
                )
        else:
            try:
                arrays = [named[i.name] for i in self.inputs]
            except KeyError as missing:
                raise DataError(
                    f"plan.step: there is no batch for {missing}; the inputs are "
                    f"{', '.join(repr(i.name) for i in self.inputs)}. Inputs without a name are passed in order."
                ) from None
            if len(named) > len(arrays):
                more = ", ".join(sorted(named.keys() - {i.name for i in self.inputs}))
                raise DataError(f"plan.step: {more} is no input that the loss depends on.")
        for k, array in enumerate(arrays):  # what has its usual type passes at once, the rest through Input.set
            if type(array) not in self.arrays or array.dtype.kind != self._kinds[k] or not array.size:
                arrays = list(arrays)
                arrays[k] = self._through_input(self.inputs[k], array)
        return arrays

    def _through_input(self, node, array):
        """A batch as its input takes it."""
        node.set(array)
        if node._holds_labels and node.value.dtype.kind not in "iu":
            raise DataError(f"plan.step: {node.label} holds labels: integers are needed, not {node.value.dtype}.")
        return node.value

    # Where the arrays are

    def _can_live_on(self, place):
        return place == "numpy"

    def _flat(self, size, dtype):
        """A flat array, not filled."""
        return aligned(size, dtype)

    def _room(self, node):
        """An array for the batches of an input; labels of any integer type, whatever the first batch had."""
        return np.empty(node.value.shape, np.int64 if node._holds_labels else node.value.dtype)

    def _step_of(self, optimizer):
        return FlatStep(optimizer, self.params, self.w, self.g)

    def _take_in(self, program, compiler):
        """Lines that copy the batch, the program's arguments, into the arrays of the inputs."""
        program.arguments = tuple(program.fresh(f"{compiler.storage[n]}_batch") for n in self.inputs)
        copy = program.bind("copyto", np.copyto)
        for node, name in zip(self.inputs, program.arguments, strict=True):
            program.emit(f"{copy}({compiler.storage[node]}, {name})", f"the batch of {node.label}")

    def _watch(self, compiler):
        """Lines at the end that look at the loss; none on the host, where `is_finite` does."""

    def _made(self, program, compiler, inputs, values):
        """What is kept of a program."""
        compiled = Compiled(program, compiler, program.compile(), inputs, values)
        if compiler.storage[self.loss_node] in program.buffers:
            compiled.loss = program.buffers[compiler.storage[self.loss_node]].array.reshape(-1)
            compiled.ones = np.ones_like(compiled.loss)
        return compiled

    def _told(self, one):
        """What the report says of the place: its name, and whether a step is recorded."""
        return "", ""

    # Compiling

    def _compile(self, batch):
        graph = self.graph
        for node, array in zip(self.inputs, batch, strict=True):
            node.set(array)
        self._restore()
        states = [(n, n.state) for n in graph.nodes if isinstance(getattr(n, "state", None), dict)]
        graph.Forward(self.loss_node, *self.keep)
        for node, state in states:
            node.state = state
        graph.touch("a plan was compiled")  # what counts batches counts the one to come
        inputs = {n: self._room(n) for n in self.inputs}
        keep = {self.loss_node, *self.keep} - set(self.inputs) - set(self.params)
        kept = set(self.keep) - set(self.inputs)
        compiler = Compiler(graph, self.loss_node, kept, self._views, inputs, self.dialect)
        program = compiler.program
        self._take_in(program, compiler)
        compiler.compile()
        self._watch(compiler)
        names = [compiler.storage[n] for n in keep if compiler.storage[n] in program.buffers]
        names += [compiler.grads[n] for n in self.keep if compiler.grads.get(n) in program.buffers]
        program.lay_out(names)
        values = []
        for node in compiler.order:
            if node not in compiler.inner and compiler.storage[node] in program.buffers:
                values.append((node, program.buffers[compiler.value(node)].array))
        return self._made(program, compiler, inputs, values)

    def _restore(self):
        """Parameters that were set since the last step, into the flat array."""
        for p, (value, grad) in self._views.items():
            if p.value is not value:
                value[...] = p.value
                p.value = value
            p.grad = grad

    def _bind(self, one):
        """Let the graph's nodes show this program's arrays."""
        self._restore()
        for node, array in one.values:
            node.value = array
        for node in self.keep:
            name = one.compiler.grads.get(node)
            if name in one.program.buffers and node not in self._views:
                shown = one.program.buffers[name].array
                node.grad = np.moveaxis(shown, -1, 0) if one.compiler.layout(node) == "last" else shown

    # Shown

    def compiled(self):
        """The last program. Raises GraphError before the first step."""
        if self._latest is None:
            raise GraphError("plan: nothing is compiled yet: shapes are known once a batch was given to step(...).")
        return self._latest

    def source(self):
        """The generated program as text: forward and backward, then the update."""
        one = self.compiled()
        update = "" if self._flat_step is None else "\n\n\n" + self._flat_step.source()
        return one.program.source() + update

    def report(self):
        """What a step takes and what was fused; see Report."""
        return Report.of(self)


@dataclass(frozen=True)
class Report(ShownReport):
    """A plan in numbers.

    Attributes
    ----------
    batch : shapes of the inputs
    lines : int, of the program
    unplanned : tuple of labels, components that run their own forward and backward
    memory : dict category -> bytes: "parameters", "gradients", "optimizer", "inputs", "activations" (the shared block)
    live : bytes of activations alive at once, at most: what the shared block cannot go below
    forward, backward : FLOPs of a step
    fused : tuple of sentences
    place : the GPU's name, "" for the host
    recorded : on a GPU, how a step gets there: as one recorded graph, or why not
    """

    batch: tuple
    lines: int
    unplanned: tuple
    memory: dict
    live: int
    forward: int
    backward: int
    fused: tuple
    place: str = ""
    recorded: str = ""

    @classmethod
    def of(cls, plan):
        """The report of a plan's last program."""
        one = plan.compiled()
        c, step = one.compiler, plan._flat_step
        state = 0 if step is None or step.update is None else sum(a.nbytes for a in step.flat.values())
        memory = {
            "parameters": plan.w.nbytes, "gradients": plan.g.nbytes, "optimizer": state,
            "inputs": sum(a.nbytes for a in one.inputs.values()), "activations": one.program.arena.nbytes,
        }  # fmt: skip
        costs = [(n, n.cost(n.sizes)) for n in c.order if n.args]
        backward = sum(_needed(c, n, cost) for n, cost in costs)
        return cls(
            tuple(a.shape for a in one.inputs.values()), len(one.program.lines),
            tuple(n.label for n, rule in c.rules.items() if rule is None), memory, one.program.live,
            sum(cost.forward for _, cost in costs), backward, tuple(c.fused), *plan._told(one),
        )  # fmt: skip

    @property
    def needed(self):
        """Bytes that no plan could do without: parameters, gradients, state, inputs, live activations."""
        return sum(self.memory.values()) - self.memory["activations"] + self.live

    @property
    def total(self):
        """Bytes that this plan takes."""
        return sum(self.memory.values())

    def __str__(self):
        memory = "\n".join(f"  {name:<12} {n:>14,}" for name, n in self.memory.items())
        lines = [
            f"batch {', '.join(map(str, self.batch))}: {self.lines} lines, {len(self.unplanned)} components unplanned",
            f"{self.forward:,} FLOPs forward, {self.backward:,} backward",
            f"bytes\n{memory}\n  {'together':<12} {self.total:>14,}, {self.total / self.needed:.2f} of what is needed",
            *(["what unplanned components make anew in each step is not counted"] if self.unplanned else []),
            *([f"on {self.place}; {self.recorded}"] if self.place else []),
            "fused",
            *(f"  {sentence}" for sentence in self.fused),
        ]
        return "\n".join(lines)

    __repr__ = __str__


def _needed(c, node, cost):
    """FLOPs of a node's backward that are done: a product has one for each factor."""
    if node not in c.wanted:
        return 0
    if len(node.args) == 2 and type(node).__name__ in ("VDot", "Conv2d", "BatchMatMul"):
        return cost.backward * sum(a in c.wanted for a in node.args) // 2
    return cost.backward


__all__ = ["Plan", "Report", "plan"]
