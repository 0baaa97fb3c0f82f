"""What one training step of a network costs: parameters, FLOPs, activations and traffic, layer by layer.

Tables of known networks are computed from their architectures, by the arithmetic of shapes:

    conv     p = floor((side + 2 pad - kernel) / stride) + 1,   weights o k r s,   FLOPs 2 o p^2 k r s
    dense    weights i o,                                       FLOPs 2 i o

A multiply-add is two FLOPs. With n products in an output there are n - 1 additions between them and one of the bias, so
that 2 n is exact with a bias. Backward, the gradients of the input and of the weights cost as much as forward each; the
first layer has no gradient of its input. The other kinds are counted as edfcore's components count themselves. Every
layer's value is kept for backward, as edfcore keeps it; a framework whose ReLU overwrites its argument keeps less.

`of_graph` gives the same of any forwarded edfcore graph, one layer for each component.

Sources: Krizhevsky, Sutskever & Hinton 2012 (alexnet); Krizhevsky 2014, 1404.5997, with the sizes of cuda-convnet2's
layers-imagenet-1gpu.cfg, which are those of torchvision's alexnet (alexnet-owt); Simonyan & Zisserman 2015, 1409.1556,
table 1, D (vgg16); He et al. 2016, 1512.03385, table 1 (resnet50-v1, resnet101-v1); the same with the stride in the
3 x 3 convolution, as in torchvision ("v1.5") and Goyal et al. 2017, 1706.02677, section 5.1 (resnet50, resnet101).
"""

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache

import numpy as np

from ..cost import is_view
from ..errors import DataError, GraphError
from ..graph import Component, Input, Param
from ..registry import argument_names
from ..show import names_of

IMAGENET = 1_281_167  # training images of ILSVRC 2012 (Russakovsky et al. 2015, table 2)


@dataclass(frozen=True)
class Layer:
    """One layer. Numbers are for one example, except `params`."""

    name: str
    kind: str  # "conv", "dense", "norm", "pool", "elementwise", "recurrent" or "loss": chooses a device's efficiency
    params: int  # entries
    forward: float  # FLOPs; a multiply-add is two
    backward: float  # FLOPs, of the gradients of inputs and parameters
    output: int  # entries of its value, which is kept for backward
    moved: int  # entries read and written forward, without the parameters; backward: twice that
    groups: int = 1  # of a convolution: each sees its own share of the input maps only


@dataclass(frozen=True)
class Workload:
    """A network as a list of layers, in the order of the forward pass.

    Attributes
    ----------
    input : int, entries of one example
    itemsize : int, bytes of an entry
    source : str, where the architecture is from
    """

    name: str
    layers: tuple[Layer, ...]
    input: int
    itemsize: int = 4
    source: str = ""

    def _sum(self, field):
        return sum(getattr(layer, field) for layer in self.layers)

    params = property(lambda self: self._sum("params"), doc="Entries of all parameters.")
    param_bytes = property(lambda self: self.params * self.itemsize, doc="Bytes of all parameters, and of a gradient.")
    forward = property(lambda self: self._sum("forward"), doc="FLOPs of one example, forward.")
    backward = property(lambda self: self._sum("backward"), doc="FLOPs of one example, backward.")
    activations = property(lambda self: self.input + self._sum("output"), doc="Entries kept for one example.")

    @property
    def multiply_adds(self):
        """Multiply-adds of one example, forward, in convolutions and dense layers: what papers and torchvision tell."""
        return sum(layer.forward for layer in self.layers if layer.kind in ("conv", "dense")) / 2

    def __getitem__(self, name):
        """The layer of that name. Raises DataError with names that are near."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise DataError(f"{self.name} has no layer {name!r}{_near(name, [layer.name for layer in self.layers])}.")

    def __repr__(self):
        return f"<{self.name}: {len(self.layers)} layers, {self.params:,} parameters; summary() lists them>"

    def summary(self):
        """The layers and their sums as a text table, for one example."""
        head = ("layer", "kind", "parameters", "FLOPs forward", "backward", "output", "moved")
        fields = ("params", "forward", "backward", "output", "moved")
        rows = [(x.name, x.kind, *(f"{getattr(x, f):,.0f}" for f in fields)) for x in self.layers]
        rows.append((f"{self.name}, together", "", *(f"{self._sum(f):,.0f}" for f in fields)))
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        sides = (str.ljust, str.ljust, *[str.rjust] * len(fields))
        lines = ("  ".join(f(c, w) for f, c, w in zip(sides, row, widths, strict=True)) for row in (head, *rows))
        return "\n".join(line.rstrip() for line in lines)


# One layer


def places(side, kernel, stride=1, pad=0):
    """At how many places along one side of an image a window fits.

    Raises
    ------
    DataError : at none.

    Examples
    --------
    >>> places(227, kernel=11, stride=4), places(224, kernel=11, stride=4, pad=2)
    (55, 55)
    """
    n = (side + 2 * pad - kernel) // stride + 1
    if n < 1:
        raise DataError(f"A window of {kernel} pixels does not fit into {side} with {pad} of padding on each side.")
    return n


def conv(name, inputs, outputs, side, kernel, stride=1, pad=0, groups=1, bias=True):
    """A convolution of `inputs` square maps of `side` pixels into `outputs` maps.

    Raises
    ------
    DataError : groups divides the maps unevenly, or the window does not fit.
    """
    if inputs % groups or outputs % groups:
        raise DataError(f"{name}: {groups} groups do not divide {inputs} and {outputs} maps evenly.")
    weights, positions = outputs * inputs // groups * kernel**2, places(side, kernel, stride, pad) ** 2
    entries = outputs * positions
    flops = 2 * weights * positions
    return Layer(name, "conv", weights + outputs * bias, flops, 2 * flops, entries, inputs * side**2 + entries, groups)


def dense(name, inputs, outputs, bias=True):
    """A dense layer."""
    flops = 2 * inputs * outputs
    return Layer(name, "dense", inputs * outputs + outputs * bias, flops, 2 * flops, outputs, inputs + outputs)


def pool(name, maps, side, kernel, stride=None, pad=0, mean=False):
    """The maximum or the mean over windows; the stride is the kernel by default."""
    entries, window = maps * places(side, kernel, stride or kernel, pad) ** 2, kernel**2
    forward = entries * (window if mean else window - 1)
    return Layer(name, "pool", 0, forward, entries * (window + 1), entries, maps * side**2 + entries)


def norm(name, features, entries):
    """Batch norm (or another with gamma and beta for each feature) of `entries` values."""
    return Layer(name, "norm", 2 * features, 8 * entries, 16 * entries, entries, 2 * entries)


def response_norm(name, entries, n=5):
    """Local response normalization: x / (k + alpha sum over n maps of x^2)^beta (Krizhevsky et al. 2012, 3.3)."""
    flops = (2 * n + 4) * entries  # n squares, their sum, alpha, k, a power (two), the quotient
    return Layer(name, "norm", 0, flops, 2 * flops, entries, 2 * entries)


def elementwise(name, entries, flops=1, params=0):
    """A function of each entry; its derivative, and the product with it, cost three FLOPs an entry."""
    return Layer(name, "elementwise", params, flops * entries, 3 * entries, entries, 2 * entries)


def relu(name, entries):
    """max(x, 0)."""
    return elementwise(name, entries)


def add(name, entries):
    """x + y."""
    return Layer(name, "elementwise", 0, entries, 2 * entries, entries, 3 * entries)


def lone_bias(name, features, entries):
    """A bias apart from its convolution."""
    return Layer(name, "elementwise", features, entries, entries, entries, 2 * entries)


def cross_entropy(name, classes):
    """Softmax and log loss in one piece; it reads the scores and a label."""
    return Layer(name, "loss", 0, 6 * classes, 7 * classes, 1, classes + 2)


# Several


class _Stack:
    """Layers one on another: it remembers how many maps of how many pixels have come out so far."""

    def __init__(self, maps, side):
        self.layers, self.maps, self.side = [], maps, side
        self.input = self.entries

    entries = property(lambda self: self.maps * self.side**2)

    def put(self, layer):
        self.layers.append(layer)
        return self

    def conv(self, name, outputs, kernel, stride=1, pad=0, groups=1, bias=True):
        self.put(conv(name, self.maps, outputs, self.side, kernel, stride, pad, groups, bias))
        self.maps, self.side = outputs, places(self.side, kernel, stride, pad)
        return self

    def pool(self, name, kernel, stride=None, pad=0, mean=False):
        self.put(pool(name, self.maps, self.side, kernel, stride, pad, mean))
        self.side = places(self.side, kernel, stride or kernel, pad)
        return self

    def norm(self, name):
        return self.put(norm(name, self.maps, self.entries))

    def relu(self, name):
        return self.put(relu(name, self.entries))

    def dense(self, name, outputs):
        self.put(dense(name, self.entries, outputs))
        self.maps, self.side = outputs, 1
        return self

    def workload(self, name, source):
        """The table. The first layer computes no gradient of its input: its backward costs as much as its forward."""
        first, *rest = self.layers
        return Workload(name, (replace(first, backward=first.forward), *rest), self.input, source=source)


def _dense_layers(stack, classes=1000):
    """The three dense layers that AlexNet and VGG end with, and the loss."""
    for k in (6, 7):
        stack.dense(f"fc{k}", 4096).relu(f"relu{k}")
        stack.put(elementwise(f"dropout{k}", stack.entries, flops=2))
    return stack.dense("fc8", classes).put(cross_entropy("loss", classes))


def _alexnet():
    stack = _Stack(3, 227)  # the paper says 224, from which no 55 x 55 follow
    for k, (maps, kernel, stride, pad, groups) in enumerate(
        [(96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)], start=1
    ):
        stack.conv(f"conv{k}", maps, kernel, stride, pad, groups).relu(f"relu{k}")
        if k in (1, 2):
            stack.put(response_norm(f"norm{k}", stack.entries))
        if k in (1, 2, 5):
            stack.pool(f"pool{k}", 3, 2)
    return _dense_layers(stack).workload("alexnet", "Krizhevsky, Sutskever & Hinton 2012, sections 3.5 and 5")


def _alexnet_owt():
    stack = _Stack(3, 224)
    for k, (maps, kernel, stride, pad) in enumerate(
        [(64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1)], start=1
    ):
        stack.conv(f"conv{k}", maps, kernel, stride, pad).relu(f"relu{k}")
        if k in (1, 2, 5):
            stack.pool(f"pool{k}", 3, 2)
    source = "Krizhevsky 2014 (1404.5997); sizes of cuda-convnet2 and torchvision's alexnet, without its response norms"
    return _dense_layers(stack).workload("alexnet-owt", source)


def _vgg16():
    stack = _Stack(3, 224)
    for block, (maps, convs) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], start=1):
        for k in range(1, convs + 1):
            stack.conv(f"conv{block}_{k}", maps, 3, pad=1).relu(f"relu{block}_{k}")
        stack.pool(f"pool{block}", 2)
    return _dense_layers(stack).workload("vgg16", "Simonyan & Zisserman 2015 (1409.1556), table 1, configuration D")


def _bottleneck(stack, name, width, strides):
    """1 x 1 to `width` maps, 3 x 3, 1 x 1 to four times as many; beside them the identity or a convolution."""
    maps, side = stack.maps, stack.side
    for k, (outputs, kernel, stride) in enumerate(
        [(width, 1, strides[0]), (width, 3, strides[1]), (4 * width, 1, 1)], start=1
    ):
        stack.conv(f"{name}.conv{k}", outputs, kernel, stride, pad=kernel // 2, bias=False).norm(f"{name}.norm{k}")
        if k < 3:
            stack.relu(f"{name}.relu{k}")
    if (maps, side) != (stack.maps, stack.side):
        stack.put(conv(f"{name}.shortcut", maps, stack.maps, side, 1, strides[0] * strides[1], bias=False))
        stack.norm(f"{name}.shortcut norm")
    stack.put(add(f"{name}.add", stack.entries)).relu(f"{name}.relu3")


def _resnet(name, blocks, first):
    """A stage's first block has its stride in its 1 x 1 convolution (`first`, the paper) or its 3 x 3 (torchvision)."""
    stack = _Stack(3, 224).conv("conv1", 64, 7, 2, 3, bias=False).norm("norm1").relu("relu1").pool("pool1", 3, 2, 1)
    for stage, (width, count) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=2):
        for k in range(1, count + 1):
            stride = 2 if k == 1 and stage > 2 else 1
            _bottleneck(stack, f"conv{stage}_{k}", width, (stride, 1) if first else (1, stride))
    stack.pool("pool5", 7, mean=True).dense("fc", 1000).put(cross_entropy("loss", 1000))
    where = "as in the paper" if first else "in the 3 x 3 convolution, as torchvision"
    source = f"He et al. 2016 (1512.03385), table 1; stride {where}"
    return stack.workload(name, source)


def _lenet():
    stack = _Stack(1, 28)
    for k, maps in enumerate((8, 16), start=1):
        stack.conv(f"conv{k}", maps, 5, bias=False).pool(f"pool{k}", 2)
        stack.put(lone_bias(f"bias{k}", maps, stack.entries)).relu(f"relu{k}")
    stack.dense("fc3", 120).relu("relu3").dense("fc4", 84).relu("relu4").dense("fc5", 10)
    stack.put(cross_entropy("loss", 10))
    return stack.workload("lenet", "edfcore.models.lenet; LeCun et al. 1998, section II.B")


def _mlp():
    stack = _Stack(784, 1).dense("fc1", 128)
    stack.put(elementwise("sigmoid1", stack.entries, flops=4)).dense("fc2", 10).put(cross_entropy("loss", 10))
    return stack.workload("mlp", "S0, 'Minibatching in EDF' (784-128-10, sigmoid), with biases")


WORKLOADS = {
    "alexnet": _alexnet,
    "alexnet-owt": _alexnet_owt,
    "vgg16": _vgg16,
    "resnet50": lambda: _resnet("resnet50", (3, 4, 6, 3), first=False),
    "resnet101": lambda: _resnet("resnet101", (3, 4, 23, 3), first=False),
    "resnet50-v1": lambda: _resnet("resnet50-v1", (3, 4, 6, 3), first=True),
    "resnet101-v1": lambda: _resnet("resnet101-v1", (3, 4, 23, 3), first=True),
    "lenet": _lenet,
    "mlp": _mlp,
}


def workload(name):
    """The table of a known network, by its name without regard to case, spaces, hyphens and underscores.

    Raises
    ------
    DataError : there is none of that name; the message lists names that are near.

    Examples
    --------
    >>> workload("AlexNet").params, workload("ResNet-50").params
    (60965224, 25557032)
    """
    for known in WORKLOADS:
        if _plain(known) == _plain(name):
            return _table(known)
    raise DataError(f"workload: there is no network {name!r}{_near(name, WORKLOADS)}.")


@cache
def _table(known):
    return WORKLOADS[known]()


def _plain(name):
    return "".join(c for c in str(name).lower() if c.isalnum())


def _near(name, known):
    """The end of a sentence: what the unknown name may have meant."""
    plain = {_plain(k): k for k in known}
    near = [plain[p] for p in get_close_matches(_plain(name), plain, n=4, cutoff=0.5)]
    listed = near or list(known)[:12]
    return f"; {'near it' if near else 'there'} {'is' if len(listed) == 1 else 'are'} {', '.join(listed)}"


# A graph

KINDS = {
    "Conv2d": "conv", "VDot": "dense", "BatchMatMul": "dense", "Normalization": "norm", "Pool": "pool",
    "RNNCell": "recurrent", "LSTMCell": "recurrent",
    "CrossEntropy": "loss", "LogLoss": "loss", "Residual": "loss", "L2Penalty": "loss",
}  # fmt: skip


def of_graph(graph, loss, name="graph"):
    """The layers of a forwarded edfcore graph: one for each component that the loss depends on.

    FLOPs are those of the components' own `cost`, less the gradients of inputs that have none. A component is not fused
    with its bias or its activation, as it may be on a device: beside a table, each bias counts FLOPs, output and
    traffic of its own. A view (such as Reshape's, where NumPy makes one) computes, keeps and moves nothing, and is left
    out, unless it is the first to use a parameter: a parameter counts where it is first used.

    Parameters
    ----------
    graph : Graph
    loss : Component of the graph, forwarded on a batch of any length
    name : str

    Returns
    -------
    Workload; `input` counts the entries of all inputs but labels. Costs that do not grow with the batch (a penalty of
    the parameters) are divided by its length all the same.

    Raises
    ------
    GraphError : the loss is no component of the graph, or was not forwarded, or depends on no input.
    """
    order = graph.order(loss)
    if not isinstance(loss, Component) or any(node.value is None for node in order):
        raise GraphError("of_graph: set the inputs and call Forward() once, and pass the loss; sizes are known then.")
    inputs = [node for node in order if isinstance(node, Input)]
    if not inputs:
        raise GraphError(f"of_graph: {loss.label} depends on no input, so there is no example to count for.")
    B, names, counted = len(inputs[0].value), names_of(order), set()
    layers = [_layer(node, names[node], B, counted) for node in order if node.args]
    layers = tuple(layer for layer in layers if layer.output or layer.params)
    labels = _labels(order)
    entries = sum(_each(node.value.size, B) for node in inputs if node not in labels)
    return Workload(name, layers, entries, np.dtype(graph.backend.dtype).itemsize, "an edfcore graph")


def _layer(node, name, B, counted):
    """One component; `counted` holds the parameters that other layers have counted."""
    params = {a for a in node.args if isinstance(a, Param)} - counted
    counted |= params
    data = [a for a in dict.fromkeys(node.args) if a.args or isinstance(a, Input)]
    kept, cost = 0 if is_view(node) else node.value.size, node.cost(node.sizes)
    moved = kept + sum(a.value.size for a in data) if kept else 0
    kind = next((KINDS[c.__name__] for c in type(node).__mro__ if c.__name__ in KINDS), "elementwise")
    backward = (cost.backward - _unneeded(node, cost)) / B
    own = sum(p.value.size for p in params)
    return Layer(
        name, kind, own, cost.forward / B, backward, _each(kept, B), _each(moved, B), getattr(node, "groups", 1)
    )


def _unneeded(node, cost):
    """FLOPs of a component's backward for arguments that want no gradient, where it computes them apart."""
    bases = {c.__name__ for c in type(node).__mro__}
    if bases & {"Conv2d", "VDot", "BatchMatMul"}:  # a product of the same size for each of two factors
        return cost.backward * sum(not a.wants_grad for a in node.args) / len(node.args)
    if bases & {"RNNCell", "LSTMCell"} and not node.x.wants_grad:
        return 2 * len(node.x.value) * node.W.value.size  # x.grad = z.grad W^T
    return 0


def _each(entries, B):
    """Entries for one example, rounded up."""
    return -(-int(entries) // B)


def _labels(order):
    """The nodes that serve as integer labels or indices."""
    found = set()
    for node in order:
        if node.args:
            named = zip(argument_names(type(node)), node.args, strict=True)
            found |= {arg for name, arg in named if name in node.labels}
    return found
