"""Functions applied to each entry. They do not see the batch index, so they need no change for it (S0, "The
Sigmoid Class Already Handles Minibatching")."""

from ..cost import Cost, count
from ..graph import Component
from ..registry import register
from .linear import sum_of

__all__ = ["Add", "Elementwise", "Mul", "Pointwise", "ReLU", "Sigmoid", "Sub", "Tanh"]


class Elementwise(Component):
    """y[...] = f(x[...]): a subclass gives `forward` and `derivative`, both products follow.

    derivative(y, x) : f'(x), from x or from y = f(x), whichever is shorter
    flops : operations for each entry, forward
    """

    axes = "... -> ..."
    flops = 1

    def backward(self, grad, y, x):
        return grad * self.derivative(y, x)  # x.grad[...] += y.grad[...] f'(x[...])

    def jvp(self, tangents, y, x):
        return tangents[0] * self.derivative(y, x)

    def cost(self, sizes):
        entries = count(sizes, "...")
        return Cost(forward=self.flops * entries, backward=3 * entries)


@register
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), without overflow: exp only ever sees -|x|.

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers; +-1000 gives 1 and 0 exactly.
    """

    source = "S0, 'The Sigmoid Class'; erratum 0.5 (the printed form overflows for x < -709.8)"
    flops = 4

    def forward(self, x):
        e = self.xp.exp(self.xp.where(x.real > 0, -x, x))
        return self.xp.where(x.real > 0, 1.0, e) / (1.0 + e)

    def derivative(self, y, x):
        return y * (1.0 - y)


@register
class Tanh(Elementwise):
    """y = tanh(x).

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers.
    """

    source = "S4, slide 23 (tanh' = 1 - tanh^2, at most 1)"
    flops = 4

    def forward(self, x):
        return self.xp.tanh(x)

    def derivative(self, y, x):
        return 1.0 - y * y


@register
class ReLU(Elementwise):
    """y = max(x, 0); at x = 0 the derivative is taken as 0, as torch.nn.ReLU does.

    Parameters
    ----------
    x : any shape

    Raises
    ------
    Nothing for numbers.
    """

    source = "S4, slide 26; derivative at 0 as torch.nn.ReLU"

    def forward(self, x):
        return self.xp.where(x.real > 0, x, 0 * x)

    def derivative(self, y, x):
        return (x.real > 0).astype(x.dtype)


class Pointwise(Component):
    """z[...] = f(x[...], y[...]) with NumPy's broadcasting; the engine undoes it."""

    axes = "... ; ... -> ..."

    def cost(self, sizes):
        entries = count(sizes, "...")
        return Cost(forward=entries, backward=2 * entries)


@register
class Add(Pointwise):
    """z = x + y.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "S2, 'Broadcasting'"

    def forward(self, x, y):
        return x + y

    def backward(self, grad, z, x, y):
        return grad, grad

    def jvp(self, tangents, z, x, y):
        return 0 * z + sum_of(*tangents)


@register
class Sub(Pointwise):
    """z = x - y.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "S1, 'MLP with a Batch Index' (the bias as a threshold; erratum 1.1)"

    def forward(self, x, y):
        return x - y

    def backward(self, grad, z, x, y):
        return grad, lambda: -grad

    def jvp(self, tangents, z, x, y):
        dx, dy = tangents
        return 0 * z + sum_of(dx, None if dy is None else -dy)


@register
class Mul(Pointwise):
    """z = x y, entry by entry.

    Parameters
    ----------
    x, y : shapes that broadcast

    Raises
    ------
    ShapeError : the shapes do not broadcast.
    """

    source = "S2, 'Broadcasting'"

    def forward(self, x, y):
        return x * y

    def backward(self, grad, z, x, y):
        return lambda: grad * y, lambda: grad * x

    def jvp(self, tangents, z, x, y):
        dx, dy = tangents
        return 0 * z + sum_of(None if dx is None else dx * y, None if dy is None else x * dy)
