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

Lists of such ideas: Chen et al. 2016 (1604.06174) and Pisarchyk & Lee 2020 (2001.03288) on memory; the rest is what
compilers do (Aho et al. 2006, chapters 8 and 9).
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from .errors import DataError, GraphError
from .graph import Component, Graph, Node
from .planning.compiler import Compiler, leaves
from .planning.program import aligned
from .planning.rules import RULES
from .planning.updates import FlatStep


def plan(graph, loss, optimizer=None, keep=()):
    """Compile a graph's training step.

    Parameters
    ----------
    graph : Graph, on NumPy
    loss : Component of the graph, (B,) or ()
    optimizer : an optimizer of the graph's parameters; None to compute gradients only
    keep : nodes whose `.value` and `.grad` are to stay readable after a step, besides the parameters' and the loss

    Returns
    -------
    Plan

    Raises
    ------
    GraphError : the loss is no computed value of the graph, or depends on no parameter.
    DataError : a graph of another backend, or of complex numbers.
    """
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
        return isfinite(np.sum(node.value) if self.loss is None else self.loss.dot(self.ones))


class Plan:
    """A compiled training step; see `plan`."""

    def __init__(self, graph, loss, optimizer=None, keep=()):
        if not isinstance(graph, Graph) or not isinstance(loss, Component) or loss.graph is not graph:
            raise GraphError("plan: pass the graph and its loss, a computed value of that graph: plan(graph, loss).")
        if graph.backend.name != "numpy" or graph.backend.dtype not in ("float32", "float64"):
            raise DataError(f"plan: a graph of real numbers on NumPy is needed; this one is {graph.backend}.")
        wrong = [k for k in keep if not isinstance(k, Node) or k.graph is not graph]
        if wrong:
            raise GraphError(f"plan: keep holds {wrong[0]!r}, which is not a node of this graph.")
        self.graph, self.loss_node, self.optimizer, self.keep = graph, loss, optimizer, tuple(keep)
        self.inputs, self.params = leaves(graph, loss, self.keep)
        if not self.params:
            raise GraphError(f"plan: the loss {loss.label} depends on no parameter; there is nothing to train.")
        self._flatten()
        self._kinds = ["i" if n._holds_labels else "f" for n in self.inputs]
        self._compiled, self._latest, self._clock = {}, None, -1
        self._flat_step = None if optimizer is None else FlatStep(optimizer, self.params, self.w, self.g)

    def _flatten(self):
        """All parameters in one flat array, all gradients in another; `.value` and `.grad` are views."""
        size, dtype = sum(p.value.size for p in self.params), self.graph.backend.dtype
        self.w, self.g, self._views, start = aligned(size, dtype), aligned(size, dtype), {}, 0
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
            parameter was changed.
        ShapeError : shapes that do not fit, told in index letters.
        """
        if self._flat_step is None:
            raise GraphError("plan.step: the plan has no optimizer; pass one to plan(...), or call gradients(...).")
        self._pass(arrays, named)
        self._flat_step.step()
        self.graph.touch("a planned step was taken")
        self._clock = self.graph.clock
        return self

    def gradients(self, *arrays, **named):
        """Forward and backward on a batch: the parameters' `.grad`, and what `keep` names. Arguments as for `step`."""
        self._pass(arrays, named)
        self.graph.touch("a planned pass was made")
        self._clock = self.graph.clock
        return self

    def _pass(self, arrays, named):
        batch = self._batch(arrays, named)
        key = tuple([a.shape for a in batch])
        one = self._compiled.get(key)
        if one is None:
            one = self._compiled[key] = self._compile(batch)
        if one is not self._latest or self.graph.clock != self._clock:
            self._bind(one)
            self._latest = one
        one.function(*batch)
        if not one.is_finite(self.loss_node):
            raise DataError(
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
            if type(array) is not np.ndarray or array.dtype.kind != self._kinds[k] or not array.size:
                arrays = list(arrays)
                self.inputs[k].set(array)
                arrays[k] = self.inputs[k].value
        return arrays

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
        inputs = {n: np.empty(n.value.shape, n.value.dtype) for n in self.inputs}
        keep = {self.loss_node, *self.keep} - set(self.inputs) - set(self.params)
        compiler = Compiler(graph, self.loss_node, set(self.keep) - set(self.inputs), self._views, inputs, RULES)
        program = compiler.program
        program.arguments = tuple(program.fresh(f"{compiler.storage[n]}_batch") for n in self.inputs)
        copy = program.bind("copyto", np.copyto)
        for node, name in zip(self.inputs, program.arguments, strict=True):
            program.emit(f"{copy}({compiler.storage[node]}, {name})", f"the batch of {node.label}")
        compiler.compile()
        names = [compiler.storage[n] for n in keep if compiler.storage[n] in program.buffers]
        names += [compiler.grads[n] for n in self.keep if compiler.grads.get(n) in program.buffers]
        program.lay_out(names)
        values = []
        for node in compiler.order:
            if node not in compiler.inner and compiler.storage[node] in program.buffers:
                values.append((node, program.buffers[compiler.value(node)].array))
        compiled = Compiled(program, compiler, program.compile(), inputs, values)
        if compiler.storage[self.loss_node] in program.buffers:
            compiled.loss = program.buffers[compiler.storage[self.loss_node]].array.reshape(-1)
            compiled.ones = np.ones_like(compiled.loss)
        return compiled

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
class Report:
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
    """

    batch: tuple
    lines: int
    unplanned: tuple
    memory: dict
    live: int
    forward: int
    backward: int
    fused: tuple

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
            sum(cost.forward for _, cost in costs), backward, tuple(c.fused),
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
