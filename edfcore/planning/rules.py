"""Rules of the components that are planned into lines of their own; each as its component's forward and backward.

NumPy's functions take the array to write into as their last argument: `add(x, y, x)` is x += y.
"""

import numpy as np

from ..components import (
    AddBias,
    AddChannelBias,
    Conv2d,
    CrossEntropy,
    HuberLoss,
    LSTMCell,
    MaxPool2d,
    ReLU,
    Reshape,
    RNNCell,
    Sigmoid,
    Slice,
    SquaredLoss,
    Tanh,
    VDot,
)
from ..components.elementwise import Add, Mul, Sub
from ..components.linear import check_labels
from ..components.loss import LogLoss
from .compiler import Rule
from .losses import Huber, Squared
from .products import accumulate, columns, pieces
from .recurrent import LSTM, RNN, Window

SUM, LARGEST = np.add.reduce, np.maximum.reduce  # of an array, an axis, a dtype, into an array


class Product(Rule):
    """y = x W: `matmul` into place; a second contribution is added by the product itself.

    y^T = W^T x^T is computed instead where instances are last in x already, or where a softmax over the few entries of
    y follows: NumPy takes the maximum of a short last axis several times as long as that of a first one.
    """

    reads = (0, 1)

    def fits(self, c, node):
        return node.x.value.ndim == 2

    def layout(self, c, node):
        return "last" if c.layout(node.args[0]) == "last" or c.scored(node) else "plain"

    def forward(self, c, node):
        x, W = map(c.value, node.args)
        to = c.make_value(node)
        if c.layout(node) == "last":
            x, W = c.transposed(W), c.transposed(x)
        self.multiply(c, node, x, W, to)

    def backward(self, c, node):
        (x, W), g = node.args, c.grad(node)
        if c.layout(node) == "last":
            g = c.transposed(g)
        c.give(W, *self.into(c, node, c.value(x), g, first=True))
        if x in c.wanted:
            c.give(x, *self.into(c, node, g, c.value(W), first=False))

    def into(self, c, node, a, b, first):
        """(write, instead, add) of W.grad = x^T y.grad (first), or of x.grad = y.grad W^T."""
        a, b = (c.transposed(a), b) if first else (a, c.transposed(b))
        if not first and c.layout(node.args[0]) == "last":  # (y.grad W^T)^T
            a, b = c.transposed(b), c.transposed(a)
        more = c.program.bind("matmul_more", accumulate)
        return lambda to: self.multiply(c, node, a, b, to), None, lambda to: c.emit(f"{more}({a}, {b}, {to})", node)

    def multiply(self, c, node, a, b, to):
        """The line of to = a b: the call, and the pieces, that take least time; see products."""
        buffers = c.program.buffers
        if not all(name in buffers for name in (a, b, to)):
            c.emit(f"{c.function(np.matmul)}({a}, {b}, {to})", node)
            return
        (m, k), (_, n) = buffers[a].shape, buffers[b].shape
        parts = pieces(m, k, n, buffers[to].dtype)
        if parts > 1:
            halves = c.program.group("halves", (b, to), lambda b, to: columns(b, to, parts))
            c.fused.append(f"{node.label}: a product in {parts} pieces")
            c.emit(f"for piece, into in {halves}: {c.function(np.matmul)}({a}, piece, into)", node)
        elif k == 1:  # matmul takes ten times as long
            c.emit(f"{c.program.bind('dot', np.dot)}({a}, {b}, {to})", node)
        else:
            c.emit(f"{c.function(np.matmul)}({a}, {b}, {to})", node)


class Bias(Rule):
    """z = y + beta over y; the gradient of y is that of z, and beta's its sum over all instances."""

    over = 0

    def layout(self, c, node):
        return c.layout(node.args[0])

    def forward(self, c, node):
        y, beta = node.args
        to, added = c.make_value(node), self.shaped(c, node, beta)
        c.emit(f"{c.function(np.add)}({c.storage[y]}, {added}, {to})", node)

    def backward(self, c, node):
        g = c.grad(node)
        c.give(node.args[1], lambda to: self.total(c, node, g, to))
        c.give(node.args[0], None, instead=g)

    def shaped(self, c, node, beta):
        name, more = c.storage[beta], node.value.ndim - 1
        if c.layout(node) == "plain":
            return name
        if name not in c.program.buffers:
            return f"{name}[:{', None' * more}]"
        return c.program.view(name, f"{name}_column", lambda a: a.reshape(-1, *[1] * more))

    def total(self, c, node, g, to):
        axis = 0 if c.layout(node) == "plain" else tuple(range(1, node.value.ndim))
        c.emit(f"{c.program.bind('sum_of', SUM)}({g}, {axis}, None, {to})", node)


class ChannelBias(Bias):
    """z[o,p,q,B] = y[o,p,q,B] + beta[o]."""

    def forward(self, c, node):
        if c.layout(node) != "last":
            c.rules[node] = None  # plain images: the component's own way
            return c._forward(node)
        super().forward(c, node)


class Squash(Rule):
    """y = f(x) over x; a subclass gives the lines of f and of g f'(y)."""

    reads_own, over = True, 0

    def layout(self, c, node):
        return c.layout(node.args[0])

    def fits(self, c, node):
        return node.value.dtype.kind == "f"

    def forward(self, c, node):
        x, to = c.storage[node.args[0]], c.make_value(node)
        self.value(c, node, x, to)

    def backward(self, c, node):
        if node.args[0] not in c.wanted:
            return
        y, g = c.storage[node], c.grad(node)
        if c.is_free(g):
            self.slope(c, node, y, g, g)  # g is nobody else's
            c.give(node.args[0], None, instead=g)
        else:
            c.give(node.args[0], lambda to: self.slope(c, node, y, g, to))


class SigmoidRule(Squash):
    """1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2: no overflow, and one function less."""

    def value(self, c, node, x, to):
        half = c.number(0.5, c.dtype(node), "half")
        multiply, add, tanh = map(c.function, (np.multiply, np.add, np.tanh))
        c.emit(f"{multiply}({x}, {half}, {to})", node)
        c.emit(f"{tanh}({to}, {to})", node)
        c.emit(f"{multiply}({to}, {half}, {to})", node)
        c.emit(f"{add}({to}, {half}, {to})", node)

    def slope(self, c, node, y, g, to):
        t, one = c.scratch("t", c.stored(node), c.dtype(node)), c.number(1, c.dtype(node), "one")
        c.emit(f"{c.function(np.subtract)}({one}, {y}, {t})", node)
        c.emit(f"{c.function(np.multiply)}({t}, {y}, {t})", node)
        c.emit(f"{c.function(np.multiply)}({g}, {t}, {to})", node)


class TanhRule(Squash):
    """g (1 - y^2)."""

    def value(self, c, node, x, to):
        c.emit(f"{c.function(np.tanh)}({x}, {to})", node)

    def slope(self, c, node, y, g, to):
        t, one = c.scratch("t", c.stored(node), c.dtype(node)), c.number(1, c.dtype(node), "one")
        c.emit(f"{c.function(np.multiply)}({y}, {y}, {t})", node)
        c.emit(f"{c.function(np.subtract)}({one}, {t}, {t})", node)
        c.emit(f"{c.function(np.multiply)}({g}, {t}, {to})", node)


class ReLURule(Squash):
    """max(x, 0); g where y > 0."""

    def value(self, c, node, x, to):
        zero = c.number(0, c.dtype(node), "zero")
        c.emit(f"{c.function(np.maximum)}({x}, {zero}, out={to})", node)

    def slope(self, c, node, y, g, to):
        t = c.scratch("positive", c.stored(node), bool)
        zero = c.number(0, c.dtype(node), "zero")
        c.emit(f"{c.function(np.greater)}({y}, {zero}, {t})", node)
        c.emit(f"{c.function(np.multiply)}({g}, {t}, {to})", node)


class Sum(Rule):
    """z = x + y or x - y, of equal shapes."""

    def __init__(self, function, sign):
        self.f, self.sign = function, sign

    def fits(self, c, node):
        shapes = {a.value.shape for a in node.args} | {node.value.shape}
        return len(shapes) == 1 and len({a.value.dtype for a in node.args}) == 1

    def forward(self, c, node):
        x, y = map(c.value, node.args)
        c.emit(f"{c.function(self.f)}({x}, {y}, {c.make_value(node)})", node)

    def backward(self, c, node):
        g, (x, y) = c.grad(node), node.args
        turn = np.positive if self.sign > 0 else np.negative
        for arg, function in ((y, turn), (x, np.positive)):
            name = c.function(function)
            c.give(arg, lambda to, name=name, arg=arg: c.emit(f"{name}({g}, {c._whole(arg, to)})", node))


class Times(Rule):
    """z = x y, of equal shapes."""

    reads = (0, 1)
    fits = Sum.fits

    def forward(self, c, node):
        x, y = map(c.value, node.args)
        c.emit(f"{c.function(np.multiply)}({x}, {y}, {c.make_value(node)})", node)

    def backward(self, c, node):
        g, (x, y), multiply = c.grad(node), node.args, c.function(np.multiply)
        c.give(x, lambda to: c.emit(f"{multiply}({g}, {c.value(y)}, {c._whole(x, to)})", node))
        c.give(y, lambda to: c.emit(f"{multiply}({g}, {c.value(x)}, {c._whole(y, to)})", node))


class ScoresRule(Rule):
    """Softmax, the label's probability, its negative logarithm: (p - onehot) / B in one array.

    With d the scores less the greatest, l = log sum exp d - d[y]; d's array becomes that of p, then the gradient's.
    """

    def fits(self, c, node):
        if node not in c.scores:
            return False
        s, y = c.scores[node]
        return s.value.ndim == 2 and s.value.dtype.kind == "f" and y.value.dtype.kind in "iu" and not y.args

    def forward(self, c, node):
        (s, y), dtype = c.scores[node], c.dtype(node)
        B, classes = c.size(s)
        axis = 0 if c.layout(s) == "last" else 1  # of the classes
        d, most = c.scratch("p", c.stored(s), dtype), c.scratch("most", (1, B) if axis == 0 else (B, 1), dtype)
        labels, instances = c.storage[y], c.program.bind("instances", np.arange(B))
        at = f"{labels}, {instances}" if axis == 0 else f"{instances}, {labels}"
        maximum, total = (c.program.bind(n, f) for n, f in (("max_of", LARGEST), ("sum_of", SUM)))
        unsigned = c.program.view(labels, f"{labels}_unsigned", lambda a: a.view(f"u{a.dtype.itemsize}"))
        c.emit(f"{c.program.bind('check_labels', checker(node, classes))}({unsigned})", node)
        c.emit(f"{maximum}({c.storage[s]}, {axis}, None, {most}, True)", node)
        c.emit(f"{c.function(np.subtract)}({c.storage[s]}, {most}, {d})", node)
        loss = c.make_value(node)
        c.emit(f"{loss}[...] = {d}[{at}]", node)
        c.emit(f"{c.function(np.exp)}({d}, {d})", node)
        c.emit(f"{total}({d}, {axis}, None, {most}, True)", node)
        flat = c.program.view(most, "sums", np.ravel)
        t = c.scratch("logs", (B,), dtype)
        c.emit(f"{c.function(np.log)}({flat}, {t})", node)
        c.emit(f"{c.function(np.subtract)}({t}, {loss}, {loss})", node)
        c.softmax[node] = d, most, at, axis

    def backward(self, c, node):
        (s, _), dtype = c.scores[node], c.dtype(node)
        d, most, at, axis = c.softmax[node]
        one = c.number(1, dtype, "one")
        c.emit(f"{c.function(np.divide)}({d}, {most}, {d})", node)
        c.emit(f"{d}[{at}] -= {one}", node)
        g = c.grad(node)
        if g is None:
            c.emit(f"{c.function(np.multiply)}({d}, {c.number(c.seed, dtype, 'seed')}, {d})", node)
        else:
            factor = g if axis == 0 else c.program.view(g, f"{g}_column", lambda a: a[:, None])
            c.emit(f"{c.function(np.multiply)}({d}, {factor}, {d})", node)
        c.give(s, None, instead=d)


def checker(node, classes):
    """A function that refuses labels out of range, in one pass: a negative one is large as an unsigned number."""

    def check(labels):
        if LARGEST(labels, None) >= classes:
            check_labels(node, "label", "y", labels.view(f"i{labels.dtype.itemsize}"), classes, "classes")

    return check


# Images, with the instances last in memory


class Convolution(Rule):
    """Every window as a column, one product (im2col); the columns stay for the gradient of W."""

    reads = (1,)

    def fits(self, c, node):
        return node.groups == 1 and node.x.value.ndim == 4 and not node.W.args  # W lies in an array of its own

    def layout(self, c, node):
        return "last"

    def forward(self, c, node):
        x, W = node.args
        (o, k, r, s), (u, v) = W.value.shape, node.stride
        _, _, p, q = node.value.shape
        source, B = self.image(c, node), len(x.value)
        columns = c.scratch("columns", (k * r * s, p * q * B), c.dtype(node))
        here = c.program.view(columns, "windows", lambda a: a.reshape(k, r, s, p, q, B))
        there = c.program.view(source, "pixels", lambda a: windows(a, (r, s), (u, v)))
        c.emit(f"{c.function(np.copyto)}({here}, {there})", node)
        y = c.make_value(node)
        flat = c.program.view(y, f"{y}_flat", lambda a: a.reshape(o, p * q * B))
        matrix = c.program.view(c.storage[W], f"{c.storage[W]}_flat", lambda a: a.reshape(o, k * r * s))
        c.emit(f"{c.function(np.matmul)}({matrix}, {columns}, {flat})", node)
        c.columns[node] = columns, matrix

    def image(self, c, node):
        """The name of the image with its margin, instances last."""
        x, (a, d) = node.x, node.padding
        B, k, h, w = x.value.shape
        copy = c.function(np.copyto)
        if c.layout(x) == "last" and (a, d) == (0, 0):
            return c.storage[x]
        image = c.scratch("image", (k, h + 2 * a, w + 2 * d, B), c.dtype(node))
        if (a, d) != (0, 0):
            c.emit(f"{image}.fill(0)", node)
        inner = c.program.view(image, f"{image}_inner", lambda t: t[:, a : a + h, d : d + w])
        given = c.storage[x]
        if c.layout(x) == "plain" and given in c.program.buffers:
            given = c.program.view(given, f"{given}_last", lambda t: t.transpose(1, 2, 3, 0))
        elif c.layout(x) == "plain":
            given = f"{given}.transpose(1, 2, 3, 0)"
        c.emit(f"{copy}({inner}, {given})", node)
        return image

    def backward(self, c, node):
        x, W = node.args
        (o, k, r, s), (_, _, p, q), B = W.value.shape, node.value.shape, len(x.value)
        columns, matrix = c.columns[node]
        g, matmul = c.grad(node), c.function(np.matmul)
        flat = c.program.view(g, f"{g}_flat", lambda t: t.reshape(o, p * q * B))

        def write_W(to):  # transposed: BLAS takes half the time this way round
            turned = c.scratch("turned", (k * r * s, o), c.dtype(node))
            into = c.program.view(to, f"{to}_turned", lambda t: t.reshape(o, k * r * s).T)
            c.emit(f"{matmul}({columns}, {c.transposed(flat)}, {turned})", node)
            c.emit(f"{c.function(np.copyto)}({into}, {turned})", node)

        c.give(W, write_W)
        if x in c.wanted and x.wants_grad:
            spread = c.scratch("spread", (k * r * s, p * q * B), c.dtype(node))
            c.emit(f"{matmul}({c.transposed(matrix)}, {flat}, {spread})", node)
            c.give(x, lambda to: self.collect(c, node, spread, to))

    def collect(self, c, node, spread, to):
        """Add every entry of every window to the pixel that it was read from."""
        x, (a, d) = node.x, node.padding
        (_, k, r, s), (_, _, p, q), (B, _, h, w) = node.W.value.shape, node.value.shape, x.value.shape
        margin = (a, d) != (0, 0) or c.layout(x) == "plain"
        image = c.scratch("image", (k, h + 2 * a, w + 2 * d, B), c.dtype(node)) if margin else to
        c.emit(f"{image}.fill(0)", node)

        def pairs(image, spread):
            parts = spread.reshape(k, r * s, p, q, B).swapaxes(0, 1)
            return [(image[tap], part) for tap, part in zip(node._taps((r, s), (p, q)), parts, strict=True)]

        taps = c.program.group("taps", (image, spread), pairs)
        c.emit(f"for pixels_, part in {taps}: {c.function(np.add)}(pixels_, part, pixels_)", node)
        if margin:
            inner = c.program.view(image, f"{image}_inner", lambda t: t[:, a : a + h, d : d + w])
            turned = (
                to if c.layout(x) == "last" else c.program.view(to, f"{to}_last", lambda t: t.transpose(1, 2, 3, 0))
            )
            c.emit(f"{c.function(np.copyto)}({turned}, {inner})", node)


def windows(image, kernel, stride):
    """Every window of an image (c, h, w, B) as (c, r, s, p, q, B), a view."""
    u, v = stride
    found = np.lib.stride_tricks.sliding_window_view(image, kernel, axis=(1, 2))[:, ::u, ::v]
    return found.transpose(0, 4, 5, 1, 2, 3)


class Largest(Rule):
    """The maximum over windows that do not overlap; its gradient goes to the first of equal ones."""

    reads, reads_own = (0,), True

    def fits(self, c, node):
        apart = all(step >= k for step, k in zip(node.stride, node.kernel, strict=True))
        return apart and node.padding == (0, 0) and node.value.dtype.kind == "f"

    def layout(self, c, node):
        return c.layout(node.args[0])

    def forward(self, c, node):
        if c.layout(node) != "last":
            c.rules[node] = None  # plain images: the component's own way
            return c._forward(node)
        x, y = c.storage[node.x], c.make_value(node)
        first, *others = node._taps(node.kernel, node.value.shape[2:])
        start = c.program.view(x, f"{x}_first", lambda a: a[first])
        parts = c.program.group("parts", (x,), lambda a: [a[tap] for tap in others])
        c.emit(f"{c.function(np.copyto)}({y}, {start})", node)
        c.emit(f"for part in {parts}: {c.function(np.maximum)}({y}, part, out={y})", node)

    def backward(self, c, node):
        if node.x in c.wanted and node.x.wants_grad:
            c.give(node.x, lambda to: self.choose(c, node, to))

    def choose(self, c, node, to):
        x, y, g = c.storage[node.x], c.storage[node], c.grad(node)
        taps = list(node._taps(node.kernel, node.value.shape[2:]))
        (h, w), (p, q) = node.x.value.shape[2:], node.value.shape[2:]
        if (h, w) != (p * node.kernel[0], q * node.kernel[1]):
            c.emit(f"{to}.fill(0)", node)
        waiting, chosen = (c.scratch(n, c.stored(node), bool) for n in ("waiting", "chosen"))
        pairs = c.program.group("parts", (x, to), lambda a, b: [(a[tap], b[tap]) for tap in taps])
        equal, both, either, multiply = map(c.function, (np.equal, np.logical_and, np.logical_xor, np.multiply))
        c.emit(f"{waiting}.fill(True)", node)
        c.emit(
            f"for part, into in {pairs}: {equal}(part, {y}, {chosen}); {both}({chosen}, {waiting}, {chosen}); "
            f"{either}({waiting}, {chosen}, {waiting}); {multiply}({g}, {chosen}, into)",
            node,
        )


class View(Rule):
    """Reshape where the entries lie in order: no copy."""

    reads_own = True  # its memory is its argument's

    def fits(self, c, node):
        return node.value.ndim == 2 and node.x.value.ndim > 1 and len(node.value) == len(node.x.value)

    def layout(self, c, node):
        return c.layout(node.x)

    def forward(self, c, node):
        x, shape = c.storage[node.x], c.stored(node)
        if x not in c.program.buffers:
            c.rules[node] = None
            return c._forward(node)
        c.storage[node] = c.program.view(x, node.name or "reshape", lambda a: a.reshape(shape))
        c.fused.append(f"{node.label} as a view")

    def backward(self, c, node):
        shape = c.stored(node.x)
        g = c.program.view(c.grad(node), f"{c.grad(node)}_as", lambda a: a.reshape(shape))
        c.give(node.x, None, instead=g)


RULES = {
    VDot: Product(), AddBias: Bias(), Sigmoid: SigmoidRule(), Tanh: TanhRule(), ReLU: ReLURule(),
    Add: Sum(np.add, 1), Sub: Sum(np.subtract, -1), Mul: Times(), CrossEntropy: ScoresRule(), LogLoss: ScoresRule(),
    Conv2d: Convolution(), AddChannelBias: ChannelBias(), MaxPool2d: Largest(), Reshape: View(),
    LSTMCell: LSTM(), RNNCell: RNN(), Slice: Window(), SquaredLoss: Squared(), HuberLoss: Huber(),
}  # fmt: skip
