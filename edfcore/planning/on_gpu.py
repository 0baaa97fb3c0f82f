"""Rules of the planned engine on a GPU: the lines call the operations of edfcore.gpu.ops, with arrays made once.

    AddBias, then Sigmoid, Tanh or ReLU      bias_act(y, beta, y, act): one kernel
    Softmax, Aref, LogLoss; CrossEntropy     softmax_xent, and softmax_xent_grad into the same array
    SquaredLoss                              a difference, its square, and a product with a column of 1/2
    Conv2d                                   im2col, a product, col2im, with instances last in memory

What decides the order, the memory and where gradients go is the compiler's, as on the host; a rule here says only how
its component is written. Every line keeps to what a CUDA graph can record: it allocates nothing and waits for nothing.
"""

from math import prod

from ..backend import cupy
from ..components import (
    AddBias,
    AddChannelBias,
    AvgPool2d,
    Conv2d,
    CrossEntropy,
    MaxPool2d,
    ReLU,
    Reshape,
    Sigmoid,
    Tanh,
    VDot,
)
from ..components.elementwise import Add, Mul, Sub
from ..components.loss import LogLoss, SquaredLoss
from ..gpu import ops
from ..gpu.kernels import TILE
from ..graph import Param
from . import rules
from .compiler import Dialect, Rule


def copyto(to, x):
    """to = x, any layouts."""
    cupy().copyto(to, x)


def product(a, b, to, accumulate=False):
    """`ops.matmul` of factors that may lie in any way: what a component's own forward gave may be a view."""
    a, b = (m if m.flags.c_contiguous or m.flags.f_contiguous else cupy().ascontiguousarray(m) for m in (a, b))
    ops.matmul(a, b, to, accumulate)


def emit_product(c, node, a, b, to, accumulate=False):
    """The line of to (+)= a b; names of arrays."""
    known = all(name in c.program.buffers for name in (a, b))
    name = c.function(ops.matmul if known else product)
    c.emit(f"{name}({a}, {b}, {to}{', True' if accumulate else ''})", node)


def emit_copy(c, node, to, x):
    """The line of to = x."""
    c.emit(f"{c.function(copyto)}({to}, {x})", node)


def column_of(c, number, n, dtype):
    """The name of a column (n, 1) of one number: products with it are sums of rows, times that number."""
    key = "column", number, n, dtype
    if key not in c.numbers:
        c.numbers[key] = c.program.fixed("column", c.dialect.full((n, 1), number, dtype))
    return c.numbers[key]


class Product(rules.Product):
    """y = x W; a second contribution is added by the product itself. y is plain: the kernels behind it want rows."""

    def layout(self, c, node):
        return "plain"

    def multiply(self, c, node, a, b, to):
        emit_product(c, node, a, b, to)

    def into(self, c, node, a, b, first):
        a, b = (c.transposed(a), b) if first else (a, c.transposed(b))
        if not first and c.layout(node.args[0]) == "last":  # (y.grad W^T)^T
            a, b = c.transposed(b), c.transposed(a)
        return lambda to: emit_product(c, node, a, b, to), None, lambda to: emit_product(c, node, a, b, to, True)


class Bias(rules.Bias):
    """z = y + beta over y, left to the activation where one follows and nothing else reads z."""

    def forward(self, c, node):
        y, beta = node.args
        to, added = c.make_value(node), self.shaped(c, node, beta)
        readers = c.consumers[node]
        if len(readers) == 1 and node not in c.keep and isinstance(c.rules.get(readers[0]), Squash):
            c.deferred[node] = c.storage[y], added
            c.fused.append(f"{node.label} and {readers[0].label} in one kernel")
        else:
            none = c.program.bind("none", "none")
            c.emit(f"{c.function(ops.bias_act)}({c.storage[y]}, {added}, {to}, {none})", node)

    def backward(self, c, node):
        g = c.grad(node)
        c.give(
            node.args[1],
            lambda to: self.total(c, node, g, to),
            add=lambda to: self.total(c, node, g, to, True),
        )
        c.give(node.args[0], None, instead=g)

    def total(self, c, node, g, to, accumulate=False):
        """beta.grad[i] (+)= the sum of z.grad over all else."""
        if c.layout(node) == "plain":
            c.emit(f"{c.function(ops.column_sum)}({g}, {to}{', True' if accumulate else ''})", node)
            return
        (n, *places, B), dtype = c.stored(node), c.dtype(node)
        pixels, column = prod(places), c.program.view(to, f"{to}_column", lambda a: a.reshape(n, 1))
        if pixels == 1:
            rows = c.program.view(g, f"{g}_rows", lambda a: a.reshape(n, B))
            emit_product(c, node, rows, column_of(c, 1, B, dtype), column, accumulate)
            return
        # In two products, over the instances of each pixel and then over the pixels: more of the GPU has work.
        rows = c.program.view(g, f"{g}_rows", lambda a: a.reshape(n * pixels, B))
        sums = c.scratch("sums", (n * pixels, 1), dtype)
        emit_product(c, node, rows, column_of(c, 1, B, dtype), sums)
        maps = c.program.view(sums, f"{sums}_maps", lambda a: a.reshape(n, pixels))
        emit_product(c, node, maps, column_of(c, 1, pixels, dtype), column, accumulate)


class ChannelBias(Bias):
    """z[o,p,q,B] = y[o,p,q,B] + beta[o]."""

    def forward(self, c, node):
        if c.layout(node) != "last":
            c.rules[node] = None  # plain images: the component's own way
            return c._forward(node)
        super().forward(c, node)


class Squash(rules.Squash):
    """y = act(x) over x, with the bias that waits in front of it; the gradient from y alone."""

    def __init__(self, act):
        self.act = act

    def forward(self, c, node):
        (arg,), act = node.args, c.program.bind(self.act, self.act)
        x, bias = c.deferred.get(arg) or (c.storage[arg], None)
        c.emit(f"{c.function(ops.bias_act)}({x}, {bias}, {c.make_value(node)}, {act})", node)

    def slope(self, c, node, y, g, to):
        act = c.program.bind(self.act, self.act)
        c.emit(f"{c.function(ops.act_grad)}({y}, {g}, {to}, {act})", node)


def beside_constants(c, node):
    """Whether every argument has the shape of the value, but for constants and data, which may be broadcast."""
    shape, dtype = node.value.shape, node.value.dtype
    fit = all(a.value.shape == shape or not (a in c.wanted and a.wants_grad) for a in node.args)
    return fit and all(a.value.dtype == dtype for a in node.args) and dtype.kind == "f"


class Sum(Rule):
    """z = x + y or x - y, by CuPy's own functions."""

    fits = staticmethod(beside_constants)

    def __init__(self, name):
        self.name = name

    def forward(self, c, node):
        x, y = map(c.value, node.args)
        c.emit(f"{by_name(c, self.name)}({x}, {y}, out={c.make_value(node)})", node)

    def backward(self, c, node):
        (x, y), wanted = node.args, [a in c.wanted and a.wants_grad for a in node.args]
        if wanted[1]:
            self.give(c, node, y, self.name, last=not wanted[0])
        if wanted[0]:
            self.give(c, node, x, "add", last=True)

    def give(self, c, node, arg, name, last):
        """g, or -g where the name is "subtract", to an argument; the last one may take the array of g over."""
        g = c.grad(node)

        def write(to):
            if name == "add":
                emit_copy(c, node, c._whole(arg, to), g)
            else:
                c.emit(f"{by_name(c, 'negative')}({g}, out={c._whole(arg, to)})", node)

        def add(to):
            whole = c._whole(arg, to)
            c.emit(f"{by_name(c, name)}({whole}, {g}, out={whole})", node)

        over = last and name == "add" and c.layout(arg) == "plain"
        c.give(arg, write, instead=g if over else None, add=add)


class Times(Rule):
    """z = x y."""

    reads, fits = (0, 1), staticmethod(beside_constants)

    def forward(self, c, node):
        x, y = map(c.value, node.args)
        c.emit(f"{by_name(c, 'multiply')}({x}, {y}, out={c.make_value(node)})", node)

    def backward(self, c, node):
        g, (x, y), multiply = c.grad(node), node.args, by_name(c, "multiply")
        c.give(x, lambda to: c.emit(f"{multiply}({g}, {c.value(y)}, out={c._whole(x, to)})", node))
        c.give(y, lambda to: c.emit(f"{multiply}({g}, {c.value(x)}, out={c._whole(y, to)})", node))


def by_name(c, name):
    """A function of CuPy by name, in the lines."""
    return c.program.bind(name, getattr(c.graph.backend.xp, name))


class Scores(rules.ScoresRule):
    """Softmax, the label's probability, its negative logarithm; p's array becomes the gradient of the scores."""

    def forward(self, c, node):
        s, y = c.scores[node]
        scores, p = c.value(s), c.scratch("p", c.size(s), c.dtype(node))
        if c.layout(s) == "last" or scores not in c.program.buffers:  # the kernel reads rows that lie together
            plain = c.scratch("rows", c.size(s), c.dtype(node))
            emit_copy(c, node, plain, scores)
            scores = plain
        c.emit(f"{c.function(ops.softmax_xent)}({scores}, {c.storage[y]}, {p}, {c.make_value(node)})", node)
        c.softmax[node] = p, c.storage[y]

    def backward(self, c, node):
        (s, _), (p, labels) = c.scores[node], c.softmax[node]
        seed = c.grad(node) or repr(c.seed)
        c.emit(f"{c.function(ops.softmax_xent_grad)}({p}, {labels}, {seed}, {p})", node)
        if c.layout(s) == "last":
            c.give(s, lambda to: emit_copy(c, node, c._whole(s, to), p))
        else:
            c.give(s, None, instead=p)


class Squared(Rule):
    """l[b] = 1/2 sum d^2, d = x - y; d stays for the gradient."""

    def fits(self, c, node):
        x, y = (a.value for a in node.args)
        return node.value.ndim == 1 and x.shape == y.shape and x.dtype == y.dtype == node.value.dtype

    def forward(self, c, node):
        (x, y), dtype = map(c.value, node.args), c.dtype(node)
        B, n = len(node.value), node.args[0].value.size // len(node.value)
        d, t = (c.scratch(hint, node.args[0].value.shape, dtype) for hint in ("d", "t"))
        c.emit(f"{by_name(c, 'subtract')}({x}, {y}, out={d})", node)
        c.emit(f"{by_name(c, 'multiply')}({d}, {d}, out={t})", node)
        rows = c.program.view(t, f"{t}_rows", lambda a: a.reshape(B, n))
        loss = c.program.view(c.make_value(node), "losses", lambda a: a.reshape(B, 1))
        emit_product(c, node, rows, column_of(c, 0.5, n, dtype), loss)
        c.columns[node] = d

    def backward(self, c, node):
        d, g, (x, y) = c.columns[node], c.grad(node), node.args
        shape = (-1, *[1] * (x.value.ndim - 1))
        factor = c.program.view(g, f"{g}_column", lambda a: a.reshape(shape))

        def toward(arg, to):
            c.emit(f"{by_name(c, 'multiply')}({d}, {factor}, out={c._whole(arg, to)})", node)

        def away(to):
            toward(y, to)
            c.emit(f"{by_name(c, 'negative')}({to}, out={to})", node)

        c.give(x, lambda to: toward(x, to))
        c.give(y, away)


# Images, with the instances last in memory


class Convolution(rules.Convolution):
    """Every window as a column, one product; the columns stay for the gradient of W."""

    def fits(self, c, node):
        return super().fits(c, node) and isinstance(node.W, Param) and node.value.dtype.kind == "f"

    def forward(self, c, node):
        x, W = node.args
        (o, k, r, s), (_, _, p, q), B = W.value.shape, node.value.shape, len(x.value)
        columns = c.scratch("columns", (k, r, s, p, q, B), c.dtype(node))
        c.emit(f"{c.function(ops.im2col)}({self.image(c, node)}, {columns}, {settings(node, (r, s))})", node)
        y = c.make_value(node)
        flat = c.program.view(y, f"{y}_flat", lambda a: a.reshape(o, p * q * B))
        matrix = self.matrix(c, c.storage[W], W)
        windows = c.program.view(columns, f"{columns}_flat", lambda a: a.reshape(k * r * s, p * q * B))
        emit_product(c, node, matrix, windows, flat)
        c.columns[node] = windows, matrix

    def image(self, c, node):
        """The name of the image, instances last; the kernel makes the margin."""
        x = node.x
        if c.layout(x) == "last":
            return c.storage[x]
        B, k, h, w = x.value.shape
        image = c.scratch("image", (k, h, w, B), c.dtype(node))
        emit_copy(c, node, c.program.view(image, f"{image}_b", instances_first), c.storage[x])
        return image

    def matrix(self, c, name, W):
        """A view of W, or of its gradient, as (o, k r s)."""
        o, *rest = W.value.shape
        return c.program.view(name, f"{name}_flat", lambda a: a.reshape(o, prod(rest)))

    def backward(self, c, node):
        (x, W), (columns, matrix), g = node.args, c.columns[node], c.grad(node)
        o, B, (_, _, p, q) = len(W.value), len(x.value), node.value.shape
        flat, turned = c.program.view(g, f"{g}_flat", lambda a: a.reshape(o, p * q * B)), c.transposed(columns)
        parts = pieces(o, prod(W.value.shape[1:]), p * q * B) if all(c.rules.values()) else 1
        if parts > 1:
            c.give(W, lambda to: self.in_pieces(c, node, flat, columns, to, parts))
        else:
            c.give(
                W,
                lambda to: emit_product(c, node, flat, turned, self.matrix(c, to, W)),
                add=lambda to: emit_product(c, node, flat, turned, self.matrix(c, to, W), True),
            )
        if x in c.wanted and x.wants_grad:
            self.spread(c, node, matrix, flat)

    def in_pieces(self, c, node, g, columns, to, parts):
        """W.grad = sum over pieces s of g[:,s] columns[:,s]^T.

        All g[:,s] columns[:,s']^T are made by one product, more than are needed, and those with s = s' are added.
        """
        (o, K), (n, _) = (c.program.buffers[name].shape for name in (g, columns))
        short, dtype = K // parts, c.dtype(node)
        rows, others = (
            c.program.view(name, f"{name}_pieces", lambda a, m=m: a.reshape(m * parts, short))
            for name, m in ((g, o), (columns, n))
        )
        every = c.scratch("every", (o * parts, n * parts), dtype)
        emit_product(c, node, rows, c.transposed(others), every)
        equal = c.program.view(every, "equal", lambda a: a.reshape(o, parts, n, parts).diagonal(0, 1, 3))  # (o, n, s)
        found = c.scratch("pieces", (o, n, parts), dtype)
        emit_copy(c, node, found, equal)
        found = c.program.view(found, "pieces_rows", lambda a: a.reshape(o * n, parts))
        column = c.program.view(to, f"{to}_column", lambda a: a.reshape(o * n, 1))
        emit_product(c, node, found, column_of(c, 1, parts, dtype), column)
        c.fused.append(f"{node.label}: the product of its weights' gradient in {parts} pieces")

    def spread(self, c, node, matrix, flat):
        """x.grad: the columns' gradient, every entry back to the pixel that it was read from."""
        x, (_, k, r, s), (_, _, p, q), B = node.x, node.W.value.shape, node.value.shape, len(node.x.value)
        given = c.scratch("spread", (k, r, s, p, q, B), c.dtype(node))
        windows = c.program.view(given, f"{given}_flat", lambda a: a.reshape(k * r * s, p * q * B))
        emit_product(c, node, c.transposed(matrix), flat, windows)

        def collect(to, more=""):
            c.emit(f"{c.function(ops.col2im)}({given}, {to}, {settings(node, (r, s))}{more})", node)

        def collect_plain(to):
            _, _, h, w = x.value.shape
            image = c.scratch("image", (k, h, w, B), c.dtype(node))
            collect(image)
            emit_copy(c, node, to, c.program.view(image, f"{image}_b", instances_first))

        if c.layout(x) == "last":
            c.give(x, collect, add=lambda to: collect(to, ", True"))
        else:
            c.give(x, collect_plain)


BLOCKS = 128  # that run at once, about: an H200 has 132 multiprocessors, of which each takes several
LEAST = 256  # entries of a piece
MORE = 1024  # entries along k that take about as long as putting the pieces together


def pieces(m, n, k):
    """In how many pieces the recorded product (m, k) (k, n) is to be made.

    Our own kernel gives each 32 x 32 entries of the result to one block, which goes along all of k: with few entries
    and a long k most of the GPU would have nothing to do. Measured on an H200, LeNet in float32, B = 64: 1500 us a step
    with both products in one piece, 306 us with these.
    """

    def time(parts):
        blocks = -(-m * parts // TILE) * -(-n * parts // TILE)
        return -(-blocks // BLOCKS) * (k // parts) + (MORE if parts > 1 else 0), parts

    return min((p for p in range(1, k // LEAST + 1) if k % p == 0), key=time, default=1)


def instances_first(image):
    """(c, h, w, B) in memory, seen as (B, c, h, w)."""
    return image.transpose(3, 0, 1, 2)


def settings(node, kernel):
    """Kernel size, stride and padding as the operations on windows take them."""
    return f"{kernel}, {node.stride}, {node.padding}"


class MaxPool(Rule):
    """The maximum over windows; which entry it was stays for the gradient."""

    def fits(self, c, node):
        return node.value.dtype.kind == "f"

    def layout(self, c, node):
        return c.layout(node.args[0])

    def forward(self, c, node):
        if c.layout(node) != "last":
            c.rules[node] = None  # plain images: the component's own way
            return c._forward(node)
        self.pool(c, node, c.storage[node.x], c.make_value(node))

    def pool(self, c, node, x, y):
        c.columns[node] = chosen = c.scratch("chosen", c.stored(node), "int32")
        c.emit(f"{c.function(ops.max_pool)}({x}, {y}, {chosen}, {settings(node, node.kernel)})", node)

    def backward(self, c, node):
        c.give(node.x, lambda to: self.spread(c, node, to), add=lambda to: self.spread(c, node, to, ", True"))

    def spread(self, c, node, to, more=""):
        name, settled = c.function(ops.max_pool_grad), settings(node, node.kernel)
        c.emit(f"{name}({c.grad(node)}, {c.columns[node]}, {to}, {settled}{more})", node)


class AvgPool(MaxPool):
    """The mean over windows."""

    def pool(self, c, node, x, y):
        c.emit(f"{c.function(ops.avg_pool)}({x}, {y}, {settings(node, node.kernel)})", node)

    def spread(self, c, node, to, more=""):
        c.emit(f"{c.function(ops.avg_pool_grad)}({c.grad(node)}, {to}, {settings(node, node.kernel)}{more})", node)


GPU_RULES = {
    VDot: Product(), AddBias: Bias(), Sigmoid: Squash("sigmoid"), Tanh: Squash("tanh"), ReLU: Squash("relu"),
    Add: Sum("add"), Sub: Sum("subtract"), Mul: Times(), CrossEntropy: Scores(), LogLoss: Scores(),
    Conv2d: Convolution(), AddChannelBias: ChannelBias(), MaxPool2d: MaxPool(), AvgPool2d: AvgPool(),
    Reshape: rules.View(), SquaredLoss: Squared(),
}  # fmt: skip


def dialect(xp):
    """The Dialect of the current GPU. xp : the module cupy."""
    return Dialect(GPU_RULES, xp.empty, ops.add, copyto, xp.full)
