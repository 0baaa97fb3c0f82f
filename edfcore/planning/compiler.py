"""From a graph to the lines of a program: which values are needed, which may be written over, where gradients go.

A rule says for one class of component how its value and its contributions are written into arrays that exist. What has
no rule runs through its own `forward` and `backward`, as the stepped engine would run it, in one line each.

    first contribution    written into the gradient
    later ones            added to it, by the product itself where it is one
    gradients that lead to no parameter are not computed
    a value that nobody reads again is overwritten: z = y + beta takes the memory of y, h = sigmoid(z) that of z
"""

from dataclasses import dataclass

import numpy as np

from ..components import AddBias, CrossEntropy
from ..components.loss import Aref, LogLoss, Softmax
from ..errors import GraphError
from ..graph import Input, Param, fitted
from .program import Program

FEW = 64  # classes, up to which a softmax is computed with the instances as the last axis


class Rule:
    """How one class of component is planned; all methods get the compiler and the node.

    reads : places of the arguments whose values backward reads
    reads_own : whether backward reads the component's own value
    over : the place of an argument whose memory the value may take, or None
    """

    reads, reads_own, over = (), False, None

    def fits(self, c, node):
        """Whether this node's shapes and settings are those that the rule is written for."""
        return True

    def layout(self, c, node):
        """ "plain", or "last" where instances are the last axis in memory (images)."""
        return "plain"

    def forward(self, c, node):
        """Emit the lines of the value, into c.make_value(node)."""
        raise NotImplementedError

    def backward(self, c, node):
        """Emit the contributions to the arguments' gradients, by c.give."""
        raise NotImplementedError


@dataclass(frozen=True)
class Dialect:
    """What differs between places: the rules, how memory is made, and what adds, copies and fills there.

    rules : dict class -> Rule
    block : function (n, dtype), an array that is not filled; None for the host's, aligned
    add : function (x, y, to)
    copy : function (to, x)
    full : function (shape, value, dtype)
    """

    rules: dict
    block: object = None
    add: object = np.add
    copy: object = np.copyto
    full: object = np.full


class Compiler:
    """Plans one graph for one shape of batch.

    Parameters
    ----------
    graph : Graph, forwarded once on a batch of the shapes to plan for
    loss : Component
    keep : nodes whose value and gradient stay readable
    params : dict Param -> (value, gradient), arrays that outlive the program
    inputs : dict Input -> array, likewise
    dialect : Dialect, of the place where the arrays are
    """

    def __init__(self, graph, loss, keep, params, inputs, dialect):
        self.graph, self.loss, self.keep, self.dialect = graph, loss, set(keep), dialect
        self.order = graph.order(loss, *[k for k in keep if k is not loss]) if keep else graph.order(loss)
        self.program = Program(block=dialect.block)
        self.fused, self.rules, self.storage, self.views, self.grads = [], {}, {}, {}, {}
        self.layouts, self.notes, self.softmax, self.numbers, self.columns = {}, {}, {}, {}, {}
        self.layers = {}  # cell, or what cells share -> recurrent.Layer
        self.deferred = {}  # biases that the activation behind them adds: node -> (name of y, name of beta)
        self._name_leaves(params, inputs)
        self._chain()
        self.consumers = self._consumers()
        self.wanted = self._wanted()
        for node in self.order:
            if node.args and node not in self.inner:
                rule = dialect.rules.get(type(node))
                self.rules[node] = rule if rule is not None and rule.fits(self, node) else None

    def _name_leaves(self, params, inputs):
        for node in self.order:
            if node.args:
                continue
            kind = type(node).__name__
            array = params[node][0] if node in params else inputs[node] if node in inputs else node.value
            self.storage[node] = self.program.fixed(node.name or kind.lower(), array)
            if node in params:
                self.grads[node] = self.program.fixed(f"g_{self.storage[node]}", params[node][1])
        self.params = params
        self.written = set()  # gradients that hold something already

    def _chain(self):
        """LogLoss(Aref(Softmax(s), y)) is one cross entropy: its links need no value of their own."""
        uses = {}
        for node in self.order:
            for arg in node.args:
                uses[arg] = uses.get(arg, 0) + 1
        self.scores, self.inner = {}, set()
        for node in self.order:
            if type(node) is CrossEntropy and not node.label_smoothing:
                self.scores[node] = (node.s, node.y)
            if type(node) is LogLoss and type(node.a) is Aref and type(node.a.p) is Softmax:
                links = {node.a, node.a.p}
                if all(uses[n] == 1 and n not in self.keep and n.value.ndim <= 2 for n in links):
                    self.scores[node] = (node.a.p.s, node.a.y)
                    self.inner |= links
                    self.fused.append(f"Softmax, Aref and {node.label}: gradient (p - onehot)/B in one array")

    def arguments(self, node):
        """The arguments that a node reads in this program."""
        return self.scores.get(node, node.args)

    def _consumers(self):
        found = {node: [] for node in self.order}
        for node in self.order:
            if node not in self.inner:
                for arg in self.arguments(node):
                    found[arg].append(node)
        return found

    def _wanted(self):
        """The nodes whose gradient leads somewhere: to a parameter, to an input that asks, or to the reader."""
        found = set()
        for node in self.order:
            if node.args:
                leads = any(a in found for a in self.arguments(node))
            else:
                leads = node in self.params or (isinstance(node, Input) and node.wants_grad)
            if leads or node in self.keep:
                found.add(node)
        return found

    def scored(self, node):
        """Whether nothing but a softmax over few classes reads a node, a bias between them apart."""
        readers = self.consumers[node]
        while len(readers) == 1 and type(readers[0]) is AddBias and readers[0].args[0] is node:
            node = readers[0]
            readers = self.consumers[node]
        softmax = bool(readers) and all(r in self.scores and self.rules[r] is not None for r in readers)
        return softmax and self.size(node)[1] <= FEW

    # Values

    def size(self, node):
        return node.value.shape

    def dtype(self, node):
        return node.value.dtype

    def layout(self, node):
        return self.layouts.get(node, "plain")

    def stored(self, node):
        """The shape of a node's array in memory."""
        shape = self.size(node)
        return (*shape[1:], shape[0]) if self.layout(node) == "last" else shape

    def value(self, node):
        """The name of a node's value with its axes in the order of the graph."""
        if self.layout(node) == "plain":
            return self.storage[node]
        if node not in self.views:
            self.views[node] = self.program.view(self.storage[node], f"{self.storage[node]}_b", instances_first)
        return self.views[node]

    def make_value(self, node):
        """The name of the array that a node's value is to be written into: a new one, or an argument's."""
        over = self.overwritten(node)
        if over is not None:
            self.storage[node] = self.storage[over]
            if over in self.views:
                self.views[node] = self.views[over]
            self.fused.append(f"{node.label} in the memory of {over.label}")
        else:
            hint = node.name or type(node).__name__.lower()
            self.storage[node] = self.program.buffer(hint, self.stored(node), self.dtype(node))
        return self.storage[node]

    def overwritten(self, node):
        """The argument whose memory a node's value may take, or None."""
        rule = self.rules[node]
        if rule is None or rule.over is None or rule.over in rule.reads:
            return None
        arg = node.args[rule.over]
        theirs = self.rules.get(arg)
        free = theirs is not None and not theirs.reads_own and arg not in self.keep
        alike = self.size(arg) == self.size(node) and self.dtype(arg) == self.dtype(node)
        same = self.layout(arg) == self.layout(node)
        return arg if free and alike and same and self.consumers[arg] == [node] else None

    def scratch(self, hint, shape, dtype):
        """An array for the lines that follow at once."""
        return self.program.buffer(hint, shape, dtype)

    def emit(self, text, node):
        """A line, noted with the node's formula the first time."""
        note = "" if node in self.notes else _formula(node)
        self.notes[node] = True
        self.program.emit(text, note)

    # Gradients

    def grad(self, node):
        """The name of a node's gradient, in the layout of its value."""
        return self.grads[node]

    def give(self, arg, write, instead=None, add=None):
        """A contribution to an argument's gradient.

        write : function of a name, emits the lines that write the contribution into that array (layout of the value)
        instead : the name of an array that is the contribution already, in place of `write`; taken over if it is free
        add : function of a name, emits the lines that add the contribution; default: written apart, then added
        """
        if arg not in self.wanted or not arg.wants_grad:
            return
        if arg in self.written:
            if add is not None:
                add(self.grads[arg])
                return
            apart = instead
            if apart is None:
                apart = self.scratch("t", self.stored(arg), self.dtype(arg))
                write(apart)
            self.program.emit(f"{self.function(self.dialect.add)}({self.grads[arg]}, {apart}, {self.grads[arg]})")
            return
        self.written.add(arg)
        if instead is not None and arg not in self.grads and self.is_free(instead):
            self.grads[arg] = instead
            return
        if arg not in self.grads:
            self.grads[arg] = self.program.buffer(f"g_{self.storage[arg]}", self.stored(arg), self.dtype(arg))
        if instead is None:
            write(self.grads[arg])
        else:
            self.program.emit(f"{self.function(self.dialect.copy)}({self.grads[arg]}, {instead})")

    def is_free(self, name):
        """Whether an array may be written over: it is the program's own, and no gradient that somebody reads."""
        buffers = self.program.buffers
        if name not in buffers or buffers[buffers[name].root].array is not None:
            return False
        return buffers[name].root not in {buffers[g].root for k in self.keep if (g := self.grads.get(k)) in buffers}

    def transposed(self, name):
        """The name of an array's transpose."""
        if name in self.program.buffers:
            return self.program.view(name, f"{name}T", np.transpose)
        made = self.program.local(f"{name}T", [name])
        self.program.emit(f"{made} = {name}.T")
        return made

    def function(self, f):
        """A function by name, in the lines."""
        return self.program.bind(f.__name__, f)

    def number(self, value, dtype, hint="c"):
        """A number of a dtype by name: Python floats would do, but take longer to convert."""
        key = hint, float(value), np.dtype(dtype)
        if key not in self.numbers:
            self.numbers[key] = self.program.bind(hint, np.dtype(dtype).type(value))
        return self.numbers[key]

    # The whole

    def compile(self):
        """Emit forward and backward lines; returns the program, not laid out yet."""
        for node in self.order:
            if node.args and node not in self.inner:
                rule = self.rules[node]
                self.layouts[node] = rule.layout(self, node) if rule else "plain"
                rule.forward(self, node) if rule else self._forward(node)
        self._seed()
        for node in reversed(self.order):
            if node.args and node not in self.inner and node in self.wanted and node in self.grads:
                rule = self.rules[node]
                rule.backward(self, node) if rule else self._backward(node)
        for node in self.params:
            if node in self.grads and node not in self.written:
                self.program.emit(f"{self.grads[node]}.fill(0)", f"{node.label} does not reach the loss")
        return self.program

    def _seed(self):
        """loss.grad = 1/B, erratum 0.2; the fused cross entropy has it in its own lines."""
        if self.loss not in self.wanted:
            raise GraphError(f"plan: the loss {self.loss.label} depends on no parameter; there is nothing to train.")
        self.written.add(self.loss)
        self.seed = 1.0 / self.size(self.loss)[0] if self.loss.batched else 1.0
        if self.loss in self.scores and self.rules[self.loss] is not None and self.loss not in self.keep:
            self.grads[self.loss] = None
        else:
            seed = self.dialect.full(self.size(self.loss), self.seed, self.dtype(self.loss))
            self.grads[self.loss] = self.program.fixed("seed", seed)

    # What has no rule

    def _forward(self, node):
        read = [*node.args, *(_behind(node) if isinstance(node, LogLoss) else ())]
        values = [self.value(a) for a in read if a in self.storage]
        name = self.storage[node] = self.program.local(node.name or type(node).__name__.lower(), values)
        run = self.program.bind(f"run_{name}", _runner(node))
        self.emit(f"{name} = {run}({', '.join(values)})", node)

    def _backward(self, node):
        grad, name = self.grad(node), self.storage[node]
        values = [self.value(a) for a in node.args]
        giver = self.program.bind(f"back_{name}", _giver(node))
        found = self.program.local(f"d_{name}", [grad, name, *values])
        self.emit(f"{found} = {giver}({', '.join([grad, name, *values])})", node)
        for k, arg in enumerate(node.args):
            put = self.program.bind("put", _put)
            more = self.program.bind("put_more", _put_more)
            self.give(
                arg,
                lambda to, k=k, put=put, arg=arg: self.program.emit(f"{put}({found}, {k}, {self._whole(arg, to)})"),
                add=lambda to, k=k, more=more, arg=arg: self.program.emit(
                    f"{more}({found}, {k}, {self._whole(arg, to)})"
                ),
            )

    def _whole(self, arg, name):
        """A view of a gradient with the axes of the graph."""
        if self.layout(arg) == "plain":
            return name
        return self.program.view(name, f"{name}_b", instances_first)


def instances_first(array):
    """(..., B) in memory, seen as (B, ...)."""
    return np.moveaxis(array, -1, 0)


def _formula(node):
    """The first line of a component's documentation, up to the formula's end."""
    text = (type(node).__doc__ or "").strip().split("\n")[0]
    return f"{node.label}: {text[:70].rstrip('.')}"


def _behind(node):
    """The nodes behind a logarithm's argument, which it asks for an exact `log_value`."""
    found, waiting = [], list(node.args)
    while waiting:
        waiting = [a for n in waiting for a in n.args]
        found += waiting
    return list(dict.fromkeys(found))


def _runner(node):
    """A function of the arguments' values that computes a node's own, as the stepped engine does."""

    count = len(node.args)

    def run(*values):
        node.value = node.xp.asarray(node.forward(*values[:count]))
        return node.value

    return run


def _giver(node):
    """A function of gradient, value and the arguments' values: the contributions, fitted to the arguments."""
    wanted = [a.wants_grad for a in node.args]

    def back(grad, value, *values):
        found = node.contributions(grad, value, values)
        made = (c() if callable(c) and w else c for c, w in zip(found, wanted, strict=True))
        return [None if c is None or not w else fitted(c, a) for c, w, a in zip(made, wanted, node.args, strict=True)]

    return back


def _put(found, k, to):
    """Write contribution k; zeros where there is none."""
    to[...] = 0.0 if found[k] is None else found[k]


def _put_more(found, k, to):
    """Add contribution k."""
    if found[k] is not None:
        to += found[k]


def leaves(graph, loss, keep=()):
    """The inputs and the parameters that a loss depends on, in topological order."""
    order = graph.order(loss, *[k for k in keep if k is not loss]) if keep else graph.order(loss)
    return [n for n in order if isinstance(n, Input)], [n for n in order if isinstance(n, Param)]
