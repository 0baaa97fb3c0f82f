"""Rules of the losses of a prediction and a target: SquaredLoss and HuberLoss.

With d = x - y and s = rho'(d), which is d, or d clipped to +-delta, both are l = sum s (d - s/2), and the gradient of x
is s l.grad.
"""

import numpy as np

from .compiler import Rule

SUM = np.add.reduce  # of an array, an axis, a dtype, into an array


class Squared(Rule):
    """l[b] = 1/2 sum d^2; d is kept for the gradient."""

    def fits(self, c, node):
        x, y = node.args
        alike = x.value.shape == y.value.shape and x.value.dtype == y.value.dtype == node.value.dtype
        return alike and node.value.dtype.kind == "f"

    def forward(self, c, node):
        (x, y), dtype = node.args, c.dtype(node)
        d, t = (c.scratch(hint, x.value.shape, dtype) for hint in ("d", "t"))
        half, multiply = c.number(0.5, dtype, "half"), c.function(np.multiply)
        c.emit(f"{c.function(np.subtract)}({c.value(x)}, {c.value(y)}, {d})", node)
        self.rho(c, node, d, t)
        loss = c.make_value(node)
        if x.value.ndim == 1:
            c.emit(f"{multiply}({t}, {half}, {loss})", node)
        else:
            axes = tuple(range(1, x.value.ndim))
            c.emit(f"{c.program.bind('sum_of', SUM)}({t}, {axes}, None, {loss})", node)
            c.emit(f"{multiply}({loss}, {half}, {loss})", node)
        c.columns[node] = d

    def rho(self, c, node, d, t):
        """Emit t = 2 rho(d), and let d become rho'(d)."""
        c.emit(f"{c.function(np.multiply)}({d}, {d}, {t})", node)

    def backward(self, c, node):
        d, g, (x, y) = c.columns[node], c.grad(node), node.args
        shape = (-1, *[1] * (x.value.ndim - 1))
        factor = c.program.view(g, f"{g}_column", lambda a: a.reshape(shape))
        multiply, negative = c.function(np.multiply), c.function(np.negative)

        def toward(to):
            c.emit(f"{multiply}({d}, {factor}, {c._whole(x, to)})", node)

        def away(to):
            whole = c._whole(y, to)
            c.emit(f"{multiply}({d}, {factor}, {whole})", node)
            c.emit(f"{negative}({whole}, {whole})", node)

        c.give(x, toward)
        c.give(y, away)


class Huber(Squared):
    """2 rho = s (2 d - s), with s = d clipped to +-delta."""

    def rho(self, c, node, d, t):
        delta, dtype = node.delta, c.dtype(node)
        most, least = c.number(delta, dtype, "delta"), c.number(-delta, dtype, "minus_delta")
        c.emit(f"{c.function(np.add)}({d}, {d}, {t})", node)
        c.emit(f"{c.function(np.minimum)}({d}, {most}, out={d})", node)
        c.emit(f"{c.function(np.maximum)}({d}, {least}, out={d})", node)
        c.emit(f"{c.function(np.subtract)}({t}, {d}, {t})", node)
        c.emit(f"{c.function(np.multiply)}({t}, {d}, {t})", node)
