"""The engine: a graph of batched values, run forward and differentiated backward.

Inputs and computed values carry a batch index b as their first axis; parameters do not (S0, "Minibatching
in EDF"). For a loss l[b] the engine differentiates the average

    L = 1/B sum_b l[b],        v.grad = dL/dv  for every value v,

and 1/B lives in one place: `Backward(loss)` seeds `loss.grad` with 1/len(batch) (erratum 0.2). The spelling is
that of EDF (D. McAllester, TTIC 31230): `x.set(batch)`, `Forward()`, `Backward(loss)`, `SGD(eta)`.
"""

from contextlib import contextmanager
from contextvars import ContextVar

from . import axes as letters
from .backend import Backend
from .diagnose import check_forwarded
from .errors import DataError, GraphError
from .gpu.device import chosen
from .operators import Operators
from .registry import argument_names
from .show import Shown, ShownNode


class Node(ShownNode, Operators):
    """A value in a graph.

    Attributes
    ----------
    value : array, once it is set or forwarded
    grad : array of the shape of `value` after Backward: the derivative of the averaged loss
    batched : whether the first axis is the batch index b
    wants_grad : whether Backward computes `grad`
    """

    args = ()
    batched = wants_grad = False
    name = value = grad = None

    def __init__(self, graph, name=None):
        self.graph, self.name, self.xp = graph, name, graph.backend.xp

    @property
    def label(self):
        """What messages call this node: its kind, and its name where it has one."""
        kind = type(self).__name__
        return f"{kind} {self.name!r}" if self.name else kind

    def log_value(self):
        """The logarithm of `value`; a component that knows it more exactly overrides this."""
        return self.xp.log(self.value)

    def __repr__(self):
        shape = "no value yet" if self.value is None else f"shape {self.value.shape}"
        return f"<{self.label}, {shape}>"


class Input(Node):
    """A batch of data, set anew for every step.

    Parameters
    ----------
    name : str, optional; messages use it
    grad : bool; whether Backward computes the gradient of this input (off, as in EDF: nobody trains the
        data, and skipping it saves a third of a network's arithmetic)
    """

    batched = True

    def __init__(self, name=None, *, grad=False, graph=None):
        super().__init__(graph or current(), name)
        self.wants_grad, self._given, self._holds_labels = grad, None, False
        self.graph.adopt(self)

    def set(self, value):
        """Set the batch: array (B, ...), cast to the graph's dtype; integers stay integers where they are labels.

        Raises
        ------
        DataError : not numbers, no batch axis, or an empty batch.
        """
        array = self.graph.backend.array(value, f"{self.label}.set: the value")
        if array.ndim == 0:
            raise DataError(
                f"{self.label}.set: the first axis must be the batch index, but the value is a single number. "
                "For one instance, set a batch of one: x.set([value])."
            )
        if len(array) == 0:
            raise DataError(f"{self.label}.set: the batch is empty, shape {array.shape}; B must be at least 1.")
        self._given, self.grad = array, None
        self.value = array if self._holds_labels else array.astype(self.graph.backend.dtype, copy=False)
        self.graph.touch(f"{self.label} was set")

    def hold_labels(self):
        """Keep integers as they are from now on: a component uses this input as labels."""
        self._holds_labels = True
        self.value = self.value if self._given is None else self._given


class Param(Node):
    """A parameter: one value for all instances of the batch, without batch index.

    Parameters
    ----------
    value : array-like; copied, so the caller's array is never written to
    name : str, optional
    """

    wants_grad = True
    is_vector_param = property(lambda self: self.value.ndim == 1)

    def __init__(self, value, name=None, *, graph=None):
        super().__init__(graph or current(), name)
        self.set(value)
        self.graph.adopt(self)

    def set(self, value):
        """Replace the value by a copy. Raises DataError where it holds something else than finite numbers."""
        array = self.graph.backend.floats(value, f"{self.label}: the value")
        if not self.xp.isfinite(array).all():
            raise DataError(f"{self.label}: the value holds NaN or infinity; a parameter must be finite.")
        self.value, self.grad = array, None
        self.graph.touch(f"{self.label} was set")


class Const(Node):
    """A number or array that takes part in a formula and is not trained."""

    def __init__(self, value, graph):
        super().__init__(graph)
        self.value = graph.backend.floats(value, "A constant in a formula")
        graph.adopt(self)


class Component(Node):
    """A computed value. A subclass is a few short things, all functions of arrays:

    axes : str, the shape rule in index letters, e.g. "b,i ; i,j -> b,j"
    forward(*values) : the value
    backward(grad, value, *values) : for each argument its contribution to that argument's gradient (the VJP): an
        array, None where there is no derivative, or a function of no arguments where it is costly. A
        contribution may keep axes along which the argument was broadcast; the engine sums them.
    jvp(tangents, value, *values) : the derivative of the value in the direction of the tangents; a tangent is
        None where the argument does not move
    cost(sizes) : Cost, from the sizes of the index letters
    source : str, the seed page or paper that it implements
    settings : dict, keyword arguments of the constructor and their defaults; they become attributes
    """

    axes = source = None
    settings = {}
    wants_grad = True
    mixes_examples = False  # whether value[b] depends on other instances than b
    labels = ()  # the names of arguments that are integer labels

    def __init__(self, *args, name=None, **settings):
        names = argument_names(type(self))
        if len(args) != len(names) or not settings.keys() <= self.settings.keys():
            expected = ", ".join([*names, *(f"{k}={v!r}" for k, v in self.settings.items())])
            raise TypeError(f"{type(self).__name__} takes {expected}; {', '.join([f'{len(args)} given', *settings])}.")
        self.__dict__.update(self.settings | settings)
        graph = self._common_graph(args)
        self.args = tuple(a if isinstance(a, Node) else Const(a, graph) for a in args)
        self.__dict__.update(zip(names, self.args, strict=True))
        super().__init__(graph, name)
        self.signature, self.sizes = letters.parse(self.axes), None
        self._shapes, self.clock = None, -1
        carries_b = "b" in self.signature.out or "b" not in self.signature.letters
        self.batched = carries_b and any(a.batched for a in self.args)
        for arg_name, axes, arg in zip(names, self.signature.args, self.args, strict=True):
            if arg.batched and axes[0] not in ("b", "..."):
                raise GraphError(
                    f"{self.label}: {arg_name} has axes {','.join(axes)}, no batch index, but {arg.label} has one."
                )
            if arg_name in self.labels and isinstance(arg, Input):
                arg.hold_labels()
        self.configure()
        graph.adopt(self)  # last: a component that refused its arguments or settings never joins

    def configure(self):
        """Check the settings, and prepare what follows from them. Raises DataError."""

    def derive(self, sizes):
        """The sizes of letters that appear only in the value. Raises ShapeError."""
        return {}

    def _common_graph(self, args):
        graphs = {id(a.graph): a.graph for a in args if isinstance(a, Node)}
        if len(graphs) > 1:
            raise GraphError(
                f"{type(self).__name__}: its arguments belong to different graphs; build all of them in one "
                "'with edf.Graph():' block, or call edf.reset() before building anew."
            )
        return next(iter(graphs.values()), None) or current()

    def run(self):
        """Compute `value` from the arguments' values; check shapes when they have changed."""
        values = [a.value for a in self.args]
        shapes = [v.shape for v in values]
        if shapes == self._shapes:
            self.value = self.xp.asarray(self.forward(*values))
            return
        sizes = self.signature.bind(self.label, argument_names(type(self)), shapes)
        self.sizes = sizes | self.derive(sizes)
        self.value = self.xp.asarray(self.forward(*values))
        if self.value.shape != (declared := self.signature.shape(self.sizes)):
            raise GraphError(
                f"{self.label}.forward gave shape {self.value.shape}; its axes {self.axes!r} declare {declared}."
            )
        self._shapes = shapes

    def contributions(self, grad, value, values):
        """`backward` as a list: for each argument an array, a function that computes it, or None."""
        found = self.backward(grad, value, *values)
        found = found if isinstance(found, tuple) else (found,)
        if len(found) != len(self.args):
            raise GraphError(
                f"{self.label}.backward gave {len(found)} contribution(s) for {len(self.args)} arguments "
                f"({', '.join(argument_names(type(self)))}); give one for each, None where there is none."
            )
        return found


def unbroadcast(grad, shape):
    """Undo broadcasting: sum `grad` over every axis along which an array of `shape` was repeated."""
    if grad.shape == shape:
        return grad
    grad = grad.sum(axis=tuple(range(max(grad.ndim - len(shape), 0))))
    repeated = tuple(k for k, size in enumerate(shape[: grad.ndim]) if size == 1 and grad.shape[k] != 1)
    return grad.sum(axis=repeated, keepdims=True) if repeated else grad


def fitted(contribution, node):
    """A contribution to `node.grad` with broadcasting undone. Raises GraphError where its shape cannot be right."""
    found = unbroadcast(node.xp.asarray(contribution), node.value.shape)
    if found.shape != node.value.shape:
        shape = node.xp.shape(contribution)
        raise GraphError(
            f"A contribution of shape {shape} reached {node.label} of shape {node.value.shape}: check the backward."
        )
    return found


def topological_order(targets):
    """Every node that the targets depend on, each after its arguments (depth first, without recursion).

    Raises
    ------
    GraphError : the arguments form a cycle.
    """
    order, done, path = [], set(), set()
    stack = list(reversed(targets))
    while stack:
        node = stack[-1]
        waiting = [a for a in node.args if a not in done]
        if node in done or not waiting:
            stack.pop()
            path.discard(node)
            if node not in done:
                done.add(node)
                order.append(node)
        elif not path.isdisjoint(waiting):
            raise GraphError(f"{node.label} depends on itself: its arguments form a cycle.")
        else:
            path.add(node)
            stack.extend(reversed(waiting))
    return order


class Graph(Shown):
    """A network and its loss, apart from every other graph.

    Parameters
    ----------
    dtype : the floating-point type of values and gradients, "float64" (default) or "float32"
    backend : "numpy", "cupy" or a device (see Backend); default, what `edf.use` and `edf.device` say: "numpy"
    """

    def __init__(self, dtype="float64", backend=None):
        self.backend = Backend(backend or chosen(), dtype)
        self.nodes, self._orders, self._tokens = [], {}, []
        self.clock, self.last_change = 0, "nothing was set"  # counts changes of inputs and parameters
        self.training = True  # dropout and batch norm ask; see `evaluating`

    params = property(lambda self: [n for n in self.nodes if isinstance(n, Param)])

    def __enter__(self):
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *exc):
        _current.reset(self._tokens.pop())

    def adopt(self, node):
        """Take a new node in."""
        self.nodes.append(node)
        self._orders.clear()

    def touch(self, what):
        """Note a change, in words, that makes forwarded values stale."""
        self.clock, self.last_change = self.clock + 1, what

    @contextmanager
    def evaluating(self):
        """Inside, components that differ between training and use (dropout, batch norm) do what they do in use."""
        self.training, before = False, self.training
        self.touch("evaluating() was entered")
        try:
            yield self
        finally:
            self.training = before
            self.touch("evaluating() was left")

    def order(self, *targets):
        """The nodes that `targets` depend on (all nodes without targets), arguments first."""
        for node in targets:
            if not isinstance(node, Node) or node.graph is not self:
                raise GraphError(f"A {type(node).__name__} is not a node of this graph; pass nodes, one by one.")
        if targets not in self._orders:
            self._orders[targets] = topological_order(targets or self.nodes)
        return self._orders[targets]

    def Forward(self, *targets):
        """Compute every value, or only what the targets need.

        Raises
        ------
        GraphError : an Input was never set.
        ShapeError : shapes do not fit, told in index letters.
        DataError : a label is out of range.
        """
        for node in self.order(*targets):
            if node.args:
                node.run()
                node.clock = self.clock
            elif node.value is None:
                raise GraphError(
                    f"{node.label} was never set: call its set(batch) before Forward(). If it is left over from "
                    "an earlier run of a cell, call edf.reset() before building the network."
                )

    def Backward(self, loss, seed=None, accumulate=False):
        """Compute the gradient of the averaged loss with respect to every value that it depends on.

        Parameters
        ----------
        loss : node whose value is (B,), one loss for each instance, or () for a loss that is already a mean
        seed : number or array of the loss's shape, what loss.grad starts as. Default: 1/len(batch), with the
            length of the batch at hand; 1 for a scalar loss. Shards and accumulation pass 1/(total length).
        accumulate : bool; add to the parameters' gradients instead of replacing them

        Raises
        ------
        GraphError : the loss was not forwarded, or something was set after the last Forward.
        DataError : the loss is not finite, or its shape is neither (B,) nor ().
        """
        order = self.order(loss)
        if not isinstance(loss, Component):
            raise GraphError(f"Backward: {loss!r} is not a computed value; pass the loss.")
        check_forwarded(self, loss, order)
        seed = self._seed(loss, seed)
        for node in self.nodes:
            if not (accumulate and isinstance(node, Param)):
                node.grad = None
        loss.grad = seed
        for node in reversed(order):
            if node.args and node.grad is not None:
                found = node.contributions(node.grad, node.value, [a.value for a in node.args])
                for arg, contribution in zip(node.args, found, strict=True):
                    if arg.wants_grad and contribution is not None:
                        _add_to_grad(arg, contribution() if callable(contribution) else contribution)

    def _seed(self, loss, seed):
        shape = loss.value.shape
        if seed is None:
            if shape != (shape[:1] if loss.batched else ()):
                raise DataError(
                    f"Backward: the loss {loss.label} has shape {shape}; one number for each instance, (B,), or a "
                    "single number, (), is needed. Average over the other axes, or pass seed=..."
                )
            seed = 1.0 / shape[0] if loss.batched else 1.0
        seed = self.backend.floats(seed, "Backward: the seed")
        if seed.shape not in ((), shape):
            raise DataError(f"Backward: the seed has shape {seed.shape} but the loss has {shape}.")
        return self.backend.xp.full(shape, seed)


def _add_to_grad(node, contribution):
    """node.grad += contribution. The sum is a new array and a leaf's gradient its own: none shares memory."""
    contribution = fitted(contribution, node)
    if node.grad is not None:
        node.grad = node.xp.asarray(node.grad + contribution)
    else:
        node.grad = contribution if node.args else contribution.copy()


_default = Graph()
_current = ContextVar("edfcore_graph", default=None)


def current():
    """The graph that new inputs and parameters join: the innermost `with Graph():`, else the default one."""
    return _current.get() or _default


def reset(dtype="float64", backend=None):
    """Start a fresh default graph (EDF's clear_compgraph); the old one lives on in its nodes."""
    global _default
    _default = Graph(dtype, backend)
    return _default


def Forward(*targets):
    """`Graph.Forward` of the targets' graph, or of the current graph."""
    graph = targets[0].graph if targets and isinstance(targets[0], Node) else current()
    graph.Forward(*targets)


def Backward(loss, seed=None, accumulate=False):
    """`Graph.Backward` of the graph that the loss belongs to."""
    if not isinstance(loss, Node):
        raise GraphError(f"Backward: {loss!r} is not a node; pass the loss of the graph.")
    loss.graph.Backward(loss, seed, accumulate)
