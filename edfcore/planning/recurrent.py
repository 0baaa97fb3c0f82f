"""Rules of the recurrent cells and of Slice: a layer's cells share their arrays, and their parameters' gradients.

The cells that share W, U and beta are one layer, T cells in the order in which they run. With the rows A[t] = [x 1 h]
and V = [W; beta; U], cut into its gates,

    z[t] = A[t] V                             one product for all gates, inputs and the bias, in every step
    dV   = sum_t A[t]^T dz[t] = A^T dz        one product for all steps, where A and dz are (T B, ...)

the second where h[t] and dz[t] of all steps are there. (What a library can do for a cell, a layer and a network:
Appleyard, Kocisky & Blunsom 2016, 1604.01946, on cuDNN.) Every gate is a block (B, j) whose entries lie together: for
the columns of a wider array, NumPy takes two to four times as long. The sigmoid is (1 + tanh(z/2)) / 2; the 1/2 of z is
in V, and so one tanh serves all gates.

LSTM, forward, gates o, i, f, g; what backward needs of them is written at once, and the gates are forgotten:

    p = i g,  q = f c,  c' = p + q,  h' = o tanh c'
    m = [h' (1 - o), p (1 - i), q (1 - f), i - p g],   n = o - h' tanh c',   f
    which are dh'/dz[o], dc'/dz[i], dc'/dz[f], dc'/dz[g], dh'/dc' and dc'/dc

backward, in the memory of m:

    dc += dh n,   dz = m [dh, dc, dc, dc],   dh = sum over gates of dz U^T,   dc = dc f

A state that only the layer's next cell reads is handed on without an array (B, n) of its own.
"""

from dataclasses import dataclass, field

import numpy as np

from ..components import (
    AddBias,
    CrossEntropy,
    HuberLoss,
    LSTMCell,
    ReLU,
    RNNCell,
    Sigmoid,
    Slice,
    SquaredLoss,
    Tanh,
    VDot,
)
from ..components.elementwise import Add, Mul, Sub
from ..components.loss import LogLoss
from .compiler import Rule
from .losses import SUM


@dataclass
class Layer:
    """The cells of one class that share W, U and beta, and the names of what they share.

    Attributes
    ----------
    gates : int
    tag : what the names of a graph's second and further layers begin with
    cells : list of nodes, in the order in which they run
    place : dict node -> t
    rows : (T, B, i + 1 + j), x, 1 and h of every step
    kept : (gates or more, T, B, j), what backward needs; the first `gates` become dz
    names : dict of further names: V, arrays of one step that the next one uses again, and parts of them
    """

    gates: int
    tag: str = ""
    cells: list = field(default_factory=list)
    place: dict = field(default_factory=dict)
    rows: str = ""
    kept: str = ""
    names: dict = field(default_factory=dict)

    def add(self, node):
        self.place[node] = len(self.cells)
        self.cells.append(node)

    def sizes(self, node):
        """B, i, j."""
        return *node.args[0].value.shape, len(node.args[3].value)

    def hands_on(self, c, node):
        """Whether nothing but the next cell reads a cell's value."""
        t = self.place[node] + 1
        if t == len(self.cells) or node in c.keep or node is c.loss:
            return False
        return c.consumers[node] == [self.cells[t]] and self.cells[t].args[1] is node

    def takes(self, c, node):
        """Whether a cell gets its state from the cell before it, without an array."""
        t = self.place[node]
        return t > 0 and self.hands_on(c, self.cells[t - 1])


def blocks(array, gates):
    """A parameter or its gradient, (r, gates j) or (gates j,), as the blocks (gates, r, j) of its gates."""
    return array.reshape(array.size // array.shape[-1], gates, -1).swapaxes(0, 1)


def rolled(ours, theirs):
    """Pairs of blocks: the last gate of the parameters (o of i, f, g, o) comes first here, so that sigmoids adjoin."""
    pairs = (ours[1:], theirs[:-1]), (ours[:1], theirs[-1:])
    return [pair for pair in pairs if pair[0].size]


def columns(c, name, start, stop):
    """A name or an expression for columns of an array, which a component without a rule may have made."""
    if name in c.program.buffers:
        return c.program.view(name, f"{name}_{start}", lambda a: a[:, start:stop])
    return f"{name}[:, {start}:{stop}]"


def asks(c, node):
    """Whether a node's gradient is to be computed."""
    return node in c.wanted and node.wants_grad


class Cell(Rule):
    """What the cells have in common. A subclass gives the lines of one step:

    load(c, node, layer, h) : h, and what else the step starts from, from the array of the state before
    step(c, node, layer, row) : h' from the row [x 1 h], to where it is read; and what backward needs
    through(c, node, layer, further) : dz, from the state's gradient; where `further`, what else backward hands on
    back(c, node, layer, dz) : dh = dz U^T, into the array below
    running(c, node, layer) : the name of the array in which the state's gradient runs from step to step
    give_state(c, node, D) : the same, to a state with an array of its own
    """

    gates = kept = 1  # blocks of V, and arrays (T, B, j) that are kept

    def fits(self, c, node):
        dtypes = {a.value.dtype for a in node.args} | {node.value.dtype}
        computed = any(a.args for a in node.args[2:])
        if len(dtypes) > 1 or node.value.dtype.kind != "f" or computed or not node.value.size:
            return False
        if node not in c.graph.order(c.loss):  # kept only: its dz would never be written
            return False
        key = type(node), *node.args[2:], node.args[0].value.shape
        if key not in c.layers:
            number = 1 + sum(isinstance(k, tuple) for k in c.layers)
            c.layers[key] = Layer(self.gates, "" if number == 1 else f"layer{number}_")
        c.layers[node] = c.layers[key]
        c.layers[node].add(node)
        return True

    def forward(self, c, node):
        layer = c.layers[node]
        t, (_, i, _) = layer.place[node], layer.sizes(node)
        if t == 0:
            self.begin(c, node, layer)
        row = c.program.view(layer.rows, f"{layer.rows}_{t}", lambda a: a[t])
        copy = c.function(np.copyto)
        c.emit(f"{copy}({c.program.view(row, f'{row}_x', lambda a: a[:, :i])}, {c.value(node.args[0])})", node)
        if not layer.takes(c, node):
            self.load(c, node, layer, c.program.view(row, f"{row}_h", lambda a: a[:, i + 1 :]))
        self.step(c, node, layer, row)

    def begin(self, c, node, layer):
        """The arrays of a layer, and V from its parameters."""
        (B, i, j), T, gates, dtype = layer.sizes(node), len(layer.cells), layer.gates, c.dtype(node)
        name = layer.tag + type(node).__name__.lower()
        layer.rows = c.program.buffer(f"{name}_rows", (T, B, i + 1 + j), dtype)
        layer.kept = c.program.buffer(f"{name}_kept", (self.kept, T, B, j), dtype)
        V = layer.names["V"] = c.program.buffer(f"{name}_V", (gates, i + 1 + j, j), dtype)
        c.emit(f"{c.program.view(layer.rows, f'{layer.rows}_ones', lambda a: a[:, :, i])}.fill(1)", node)

        def pairs(V, *params):
            return [p for a, k in zip(params, self.of_V(i), strict=True) for p in rolled(V[:, k], blocks(a, gates))]

        parts = c.program.group(f"{V}_parts", (V, *(c.storage[a] for a in node.args[2:])), pairs)
        c.program.emit(f"for to_, of_ in {parts}: {c.function(np.copyto)}(to_, of_)", "V = [W; beta; U]")
        c.fused.append(
            f"{T} {type(node).__name__} of {', '.join(a.label for a in node.args[2:])}: one product in a step for "
            f"x, h, bias and {'all gates' if gates > 1 else 'all entries'}, one for the gradients over all steps"
        )

    def of_V(self, i):
        """The rows of V that hold W, U and beta."""
        return slice(None, i), slice(i + 1, None), slice(i, i + 1)

    def state_to(self, c, layer, node, h):
        """Copy h into the next cell's row."""
        t, (_, i, _) = layer.place[node] + 1, layer.sizes(node)
        to = c.program.view(layer.rows, f"{layer.rows}_{t}_h", lambda a: a[t, :, i + 1 :])
        c.emit(f"{c.function(np.copyto)}({to}, {h})", node)
        if "marker" not in layer.names:
            layer.names["marker"] = c.program.bind(f"{layer.rows}_state", f"handed on in {layer.rows}")
        c.storage[node] = layer.names["marker"]

    # Backward

    def backward(self, c, node):
        layer = c.layers[node]
        t, (x, state) = layer.place[node], node.args[:2]
        dz = c.program.view(layer.kept, f"{layer.tag}dz_{t}", lambda a: a[: layer.gates, t])
        self.through(c, node, layer, asks(c, state))
        if asks(c, state):
            D = self.running(c, node, layer)
            self.back(c, node, layer, dz)
            if layer.takes(c, node):
                c.grads[state] = D
                c.written.add(state)
            else:
                self.give_state(c, node, D)
        if asks(c, x):
            self.give_x(c, node, layer, dz)
        if t == 0:
            self.sums(c, node, layer)

    def turned(self, c, node, layer, place):
        """The name of W^T or U^T (gates, j, r), made once a step: BLAS takes a third of the time for it."""
        if ("turned", place) not in layer.names:
            param, (_, _, j) = node.args[place], layer.sizes(node)
            name, gates = c.storage[param], layer.gates
            T = c.program.buffer(f"{name}_turned", (gates, j, len(param.value)), c.dtype(node))
            pairs = c.program.group(f"{T}_parts", (T, name), lambda T, a: rolled(T, blocks(a, gates).swapaxes(1, 2)))
            c.program.emit(f"for to_, of_ in {pairs}: {c.function(np.copyto)}(to_, of_)", f"{param.label}, transposed")
            layer.names["turned", place] = T
        return layer.names["turned", place]

    def give_x(self, c, node, layer, dz):
        """x.grad = sum over gates of dz W^T."""
        (B, i, _), x = layer.sizes(node), node.args[0]
        found = c.scratch("parts_x", (layer.gates, B, i), c.dtype(node))
        c.emit(f"{c.function(np.matmul)}({dz}, {self.turned(c, node, layer, 2)}, {found})", node)
        add_up = c.program.bind("sum_of", SUM)
        c.give(x, lambda to: c.emit(f"{add_up}({found}, 0, None, {c._whole(x, to)})", node))

    def sums(self, c, node, layer):
        """dV = A^T dz over all steps, and its rows to W, U and beta."""
        if not any(asks(c, a) for a in node.args[2:]):
            return
        (B, i, j), T, gates = layer.sizes(node), len(layer.cells), layer.gates
        dV = c.scratch(f"g_{layer.names['V']}", (gates, i + 1 + j, j), c.dtype(node))
        AT = c.program.view(layer.rows, f"{layer.rows}T", lambda a: a.reshape(T * B, -1).T)
        dz = c.program.view(layer.kept, f"{layer.kept}_dz", lambda a: a[:gates].reshape(gates, T * B, j))
        copy, add = c.function(np.copyto), c.function(np.add)
        c.program.emit(f"{c.function(np.matmul)}({AT}, {dz}, {dV})", "dV = A^T dz, of all steps")
        for param, rows in zip(node.args[2:], self.of_V(i), strict=True):

            def parts(to, rows=rows):
                return c.program.group(
                    f"{to}_parts", (dV, to), lambda d, a: [(t, f) for f, t in rolled(d[:, rows], blocks(a, gates))]
                )

            c.give(
                param,
                lambda to, parts=parts: c.emit(f"for to_, of_ in {parts(to)}: {copy}(to_, of_)", node),
                add=lambda to, parts=parts: c.emit(f"for to_, of_ in {parts(to)}: {add}(to_, of_, to_)", node),
            )


class RNN(Cell):
    """h' = tanh(z); its slope 1 - h'^2 is kept, and becomes dz = dh (1 - h'^2)."""

    def load(self, c, node, layer, h):
        c.emit(f"{c.function(np.copyto)}({h}, {c.value(node.args[1])})", node)

    def step(self, c, node, layer, row):
        z, V = self.slope(c, node, layer), layer.names["V"]
        if "V0" not in layer.names:
            layer.names["V0"] = c.program.view(V, f"{V}_0", lambda a: a[0])
        c.emit(f"{c.function(np.matmul)}({row}, {layer.names['V0']}, {z})", node)
        c.emit(f"{c.function(np.tanh)}({z}, {z})", node)
        if layer.hands_on(c, node):
            self.state_to(c, layer, node, z)
        else:
            c.emit(f"{c.function(np.copyto)}({c.make_value(node)}, {z})", node)
        if node in c.wanted:
            c.emit(f"{c.function(np.multiply)}({z}, {z}, {z})", node)
            c.emit(f"{c.function(np.subtract)}({c.number(1, c.dtype(node), 'one')}, {z}, {z})", node)

    def slope(self, c, node, layer):
        t = layer.place[node]
        if ("z", t) not in layer.names:
            layer.names["z", t] = c.program.view(layer.kept, f"{layer.kept}_{t}", lambda a: a[0, t])
        return layer.names["z", t]

    def through(self, c, node, layer, further):
        z = self.slope(c, node, layer)
        c.emit(f"{c.function(np.multiply)}({z}, {c.grad(node)}, {z})", node)

    def back(self, c, node, layer, dz):
        UT = self.turned(c, node, layer, 3)
        if "UT0" not in layer.names:
            layer.names["UT0"] = c.program.view(UT, f"{UT}_0", lambda a: a[0])
        z, D = self.slope(c, node, layer), self.running(c, node, layer)
        c.emit(f"{c.function(np.matmul)}({z}, {layer.names['UT0']}, {D})", node)

    def running(self, c, node, layer):
        if "D" not in layer.names:
            (B, _, j) = layer.sizes(node)
            layer.names["D"] = c.scratch("dh", (B, j), c.dtype(node))
        return layer.names["D"]

    def give_state(self, c, node, D):
        state, copy, add = node.args[1], c.function(np.copyto), c.function(np.add)
        c.give(
            state,
            lambda to: c.emit(f"{copy}({c._whole(state, to)}, {D})", node),
            add=lambda to: c.emit(f"{add}({c._whole(state, to)}, {D}, {c._whole(state, to)})", node),
        )


class LSTM(Cell):
    """The lines at the head of this file."""

    gates, kept = 4, 6  # kept: m of o, i, f, g, then n, then f

    def begin(self, c, node, layer):
        super().begin(c, node, layer)
        (B, _, j), dtype, V = layer.sizes(node), c.dtype(node), layer.names["V"]
        sigmoids = c.program.view(V, f"{V}_sigmoids", lambda a: a[:3])
        c.emit(f"{c.function(np.multiply)}({sigmoids}, {c.number(0.5, dtype, 'half')}, {sigmoids})", node)
        ofig, hpq, s, tanh_c = (
            c.scratch(hint, shape, dtype)
            for hint, shape in (("gates", (5, B, j)), ("hpq", (3, B, j)), ("s", (3, B, j)), ("tanh_c", (B, j)))
        )
        cuts = {
            "oifg": (ofig, slice(4)), "oif": (ofig, slice(3)), "i_f": (ofig, slice(1, 3)), "g_c": (ofig, slice(3, 5)),
            "o": (ofig, 0), "i": (ofig, 1), "f": (ofig, 2), "g": (ofig, 3), "c": (ofig, 4),
            "pq": (hpq, slice(1, 3)), "h": (hpq, 0), "p": (hpq, 1), "q": (hpq, 2), "u": (s, 0),
        }  # fmt: skip
        layer.names |= {k: c.program.view(of, k, lambda a, at=at: a[at]) for k, (of, at) in cuts.items()}
        layer.names |= {"hpq": hpq, "s": s, "tanh_c": tanh_c}

    def load(self, c, node, layer, h):
        (_, _, j), copy, state = layer.sizes(node), c.function(np.copyto), c.value(node.args[1])
        c.emit(f"{copy}({h}, {columns(c, state, 0, j)})", node)
        c.emit(f"{copy}({layer.names['c']}, {columns(c, state, j, 2 * j)})", node)

    def step(self, c, node, layer, row):
        n, half = layer.names, c.number(0.5, c.dtype(node), "half")
        matmul, tanh, multiply, add, copy = map(c.function, (np.matmul, np.tanh, np.multiply, np.add, np.copyto))
        for line in (
            f"{matmul}({row}, {n['V']}, {n['oifg']})",
            f"{tanh}({n['oifg']}, {n['oifg']})",
            f"{multiply}({n['oif']}, {half}, {n['oif']})",
            f"{add}({n['oif']}, {half}, {n['oif']})",
            f"{multiply}({n['i_f']}, {n['g_c']}, {n['pq']})",
            f"{add}({n['p']}, {n['q']}, {n['c']})",
            f"{tanh}({n['c']}, {n['tanh_c']})",
            f"{multiply}({n['o']}, {n['tanh_c']}, {n['h']})",
        ):
            c.emit(line, node)
        if layer.hands_on(c, node):
            self.state_to(c, layer, node, n["h"])
        else:
            value, j = c.make_value(node), layer.sizes(node)[2]
            c.emit(f"{copy}({columns(c, value, 0, j)}, {n['h']})", node)
            c.emit(f"{copy}({columns(c, value, j, 2 * j)}, {n['c']})", node)
        if node in c.wanted:
            self.keep(c, node, layer)

    def keep(self, c, node, layer):
        """What backward multiplies by: m, n and f."""
        t, n, one = layer.place[node], layer.names, c.number(1, c.dtype(node), "one")
        multiply, subtract = c.function(np.multiply), c.function(np.subtract)
        sigmoids = c.program.view(layer.kept, f"{layer.tag}m_oif_{t}", lambda a: a[:3, t])
        _, _, _, g, slope, f = self.kept_of(c, node, layer)
        for line in (
            f"{subtract}({one}, {n['oif']}, {n['s']})",
            f"{multiply}({n['s']}, {n['hpq']}, {sigmoids})",
            f"{multiply}({n['p']}, {n['g']}, {n['u']})",
            f"{subtract}({n['i']}, {n['u']}, {g})",
            f"{multiply}({n['h']}, {n['tanh_c']}, {n['u']})",
            f"{subtract}({n['o']}, {n['u']}, {slope})",
            f"{c.function(np.copyto)}({f}, {n['f']})",
        ):
            c.emit(line, node)

    def kept_of(self, c, node, layer):
        """The names of a step's m (of o, i, f and g), n and f."""
        t = layer.place[node]
        if ("kept", t) not in layer.names:
            layer.names["kept", t] = [
                c.program.view(layer.kept, f"{layer.tag}{name}_{t}", lambda a, k=k: a[k, t])
                for k, name in enumerate(("m_o", "m_i", "m_f", "m_g", "n", "f"))
            ]
        return layer.names["kept", t]

    def through(self, c, node, layer, further):
        self.running(c, node, layer)
        dh, dc, u = (layer.names[k] for k in ("dh", "dc", "du"))
        multiply, add, copy = map(c.function, (np.multiply, np.add, np.copyto))
        if not layer.hands_on(c, node):
            g, j = c.grad(node), layer.sizes(node)[2]
            c.emit(f"{copy}({dh}, {columns(c, g, 0, j)})", node)
            c.emit(f"{copy}({dc}, {columns(c, g, j, 2 * j)})", node)
        o, *others, slope, f = self.kept_of(c, node, layer)
        c.emit(f"{multiply}({dh}, {slope}, {u})", node)
        c.emit(f"{add}({dc}, {u}, {dc})", node)
        c.emit(f"{multiply}({o}, {dh}, {o})", node)
        for gate in others:
            c.emit(f"{multiply}({gate}, {dc}, {gate})", node)
        if further:
            c.emit(f"{multiply}({dc}, {f}, {dc})", node)

    def back(self, c, node, layer, dz):
        """One product for each gate, and their sum in two additions."""
        if "parts" not in layer.names:
            (B, _, j) = layer.sizes(node)
            parts = layer.names["parts"] = c.scratch("parts", (4, B, j), c.dtype(node))
            for k, at in {"oi": slice(2), "fg": slice(2, 4), "first": 0, "second": 1}.items():
                layer.names[k] = c.program.view(parts, f"{parts}_{k}", lambda a, at=at: a[at])
        n, UT, add = layer.names, self.turned(c, node, layer, 3), c.function(np.add)
        c.emit(f"{c.function(np.matmul)}({dz}, {UT}, {n['parts']})", node)
        c.emit(f"{add}({n['oi']}, {n['fg']}, {n['oi']})", node)
        c.emit(f"{add}({n['first']}, {n['second']}, {n['dh']})", node)

    def running(self, c, node, layer):
        if "D" not in layer.names:
            (B, _, j) = layer.sizes(node)
            D = layer.names["D"] = c.scratch("dhc", (2, B, j), c.dtype(node))
            layer.names["dh"], layer.names["dc"] = (
                c.program.view(D, hint, lambda a, k=k: a[k]) for k, hint in enumerate(("dh", "dc"))
            )
            layer.names["du"] = c.scratch("du", (B, j), c.dtype(node))
        return layer.names["D"]

    def give_state(self, c, node, D):
        layer, state = c.layers[node], node.args[1]
        j, copy, add = layer.sizes(node)[2], c.function(np.copyto), c.function(np.add)

        def halves(to):
            whole = c._whole(state, to)
            return (columns(c, whole, 0, j), layer.names["dh"]), (columns(c, whole, j, 2 * j), layer.names["dc"])

        c.give(
            state,
            lambda to: [c.emit(f"{copy}({half}, {d})", node) for half, d in halves(to)],
            add=lambda to: [c.emit(f"{add}({half}, {d}, {half})", node) for half, d in halves(to)],
        )


# Their rules take arrays with gaps; another's may reshape its argument, which would make a copy where there are gaps.
GAPS = (
    Add, AddBias, CrossEntropy, HuberLoss, LogLoss, LSTMCell, Mul, ReLU, RNNCell, Sigmoid, Slice, SquaredLoss, Sub,
    Tanh, VDot,
)  # fmt: skip


class Window(Rule):
    """y = x[:, start:stop] as a view; its gradient goes into the same places of x.grad, which is 0 elsewhere."""

    reads_own = True  # its memory is its argument's

    def forward(self, c, node):
        x = c.storage[node.x]
        if x not in c.program.buffers or c.layout(node.x) != "plain":
            c.rules[node] = None
            return c._forward(node)
        seen = self.window(c, node, x, node.name or "slice")
        if all(c.rules.get(r) is None or type(r) in GAPS for r in c.consumers[node]):
            c.storage[node] = seen
            c.fused.append(f"{node.label} as a view")
        else:
            c.emit(f"{c.function(np.copyto)}({c.make_value(node)}, {seen})", node)

    def window(self, c, node, name, hint):
        return c.program.view(name, hint, lambda a: a[node._window(a)])

    def backward(self, c, node):
        g, copy, add = c.grad(node), c.function(np.copyto), c.function(np.add)

        def write(to):
            c.emit(f"{to}.fill(0)", node)
            c.emit(f"{copy}({self.window(c, node, to, f'{to}_part')}, {g})", node)

        def more(to):
            there = self.window(c, node, to, f"{to}_part")
            c.emit(f"{add}({there}, {g}, {there})", node)

        c.give(node.x, write, add=more)
