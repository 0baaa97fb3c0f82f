"""Linear maps of each instance: the vector-matrix product, the bias, products of stacks of matrices (S0, "Minibatched
...").

Below them what the families share: sums of tangents, and the checks of settings, arguments and labels.
"""

from math import isfinite
from numbers import Integral, Real

from ..cost import Cost, count
from ..diagnose import fails
from ..errors import DataError, ShapeError
from ..graph import Component
from ..registry import register

__all__ = ["AddBias", "BatchMatMul", "VDot"]


@register
class VDot(Component):
    """y[b,j] = sum_i x[b,i] W[i,j].

    Parameters
    ----------
    x : (B, i), batched
    W : (i, j), a parameter; torch.nn.Linear stores the transpose, (out, in)

    Raises
    ------
    ShapeError : x and W disagree on i.
    """

    axes = "b,i ; i,j -> b,j"
    source = "S0, 'The VDot Class'; erratum 0.1 (the printed W.grad[j,i] += x[b,j] y.grad[b,j])"

    def forward(self, x, W):
        return x @ W

    def backward(self, grad, y, x, W):
        return (
            lambda: grad @ W.T,  # x.grad[b,i] += y.grad[b,j] W[i,j]
            lambda: x.T @ grad,  # W.grad[i,j] += x[b,i] y.grad[b,j]
        )

    def per_example(self, grad, y, x, W):
        return None, x[:, :, None] * grad[:, None, :]  # W.grad[b,i,j] = x[b,i] y.grad[b,j]

    def jvp(self, tangents, y, x, W):
        dx, dW = tangents
        return sum_of(None if dx is None else dx @ W, None if dW is None else x @ dW)

    def cost(self, sizes):
        products = 2 * count(sizes, "b", "i", "j")
        return Cost(forward=products, backward=2 * products)


@register
class AddBias(Component):
    """z[b,i] = y[b,i] + beta[i].

    The contribution to beta still carries b; the engine sums it: beta.grad[i] += sum_b z.grad[b,i].

    Parameters
    ----------
    y : (B, i), batched
    beta : (i,), a parameter

    Raises
    ------
    ShapeError : y and beta disagree on i.
    """

    axes = "b,i ; i -> b,i"
    source = "S0, 'The AddBias Class'"

    def forward(self, y, beta):
        return y + beta

    def backward(self, grad, z, y, beta):
        return grad, grad

    def jvp(self, tangents, z, y, beta):
        dy, dbeta = tangents
        return sum_of(dy, None if dbeta is None else dbeta + 0 * y)

    def cost(self, sizes):
        entries = count(sizes, "b", "i")
        return Cost(forward=entries, backward=entries)


@register
class BatchMatMul(Component):
    """z[...,i,j] = sum_k x[...,i,k] y[...,k,j]: a matrix product for each instance, and for each further index.

    Parameters
    ----------
    x : (..., i, k)
    y : (..., k, j); the leading axes broadcast, so that a parameter (k, j) serves every instance

    Raises
    ------
    ShapeError : x and y disagree on k, the leading axes do not broadcast, or a batched argument has no axis left
        for b beside those of its matrix.
    """

    axes = "...,i,k ; ...,k,j -> ...,i,j"
    source = "torch.matmul, numpy.matmul; S2, 'Broadcasting'"

    @classmethod
    def example(cls, sizes, rng):
        i, k, j = (sizes[a] for a in "ikj")
        b, h = rng.integers(1, 4, size=2)
        left, right = [((b, h), (b, h)), ((b, h), (1, h)), ((b, 1), (h,)), ((b,), (b,))][rng.integers(4)]
        return [rng.normal(size=(*left, i, k)), rng.normal(size=(*right, k, j))], {}

    def derive(self, sizes):
        for name, arg in (("x", self.x), ("y", self.y)):
            if arg.batched and arg.value.ndim < 3:
                raise ShapeError(
                    f"{self.label}: {name} has a batch index and shape {arg.value.shape}; a matrix for each instance "
                    "needs three axes. For one matrix for all instances use VDot."
                )
        return {}

    def forward(self, x, y):
        return x @ y

    def backward(self, grad, z, x, y):
        return (
            lambda: grad @ y.swapaxes(-1, -2),  # x.grad[...,i,k] += sum_j z.grad[...,i,j] y[...,k,j]
            lambda: x.swapaxes(-1, -2) @ grad,  # y.grad[...,k,j] += sum_i x[...,i,k] z.grad[...,i,j]
        )

    def jvp(self, tangents, z, x, y):
        dx, dy = tangents
        return sum_of(None if dx is None else dx @ y, None if dy is None else x @ dy)

    def cost(self, sizes):
        products = 2 * count(sizes, "...", "i", "k", "j")
        return Cost(forward=products, backward=2 * products)


def sum_of(*terms):
    """The sum of the terms that are there."""
    present = [t for t in terms if t is not None]
    return sum(present[1:], present[0])


def number(node, name, holds, needed):
    """Check that a setting is a finite real number for which `holds`, and keep it as a Python float.

    A Python float leaves a float32 array float32. Raises DataError, which says what is `needed`.
    """
    value = getattr(node, name)
    if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value) or not holds(value):
        raise DataError(f"{node.label}: {name} is {value!r}; {needed} is needed.")
    setattr(node, name, float(value))


def whole(node, name, least, needed):
    """Check that a setting is an integer of at least `least`. Raises DataError, which says what is `needed`."""
    value = getattr(node, name)
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise DataError(f"{node.label}: {name} is {value!r}; {needed} is needed.")
    setattr(node, name, int(value))


def refuse(node, bad, name, value, why):
    """Raise DataError with the first entry where `bad` is true, if there is one."""
    if fails(node.graph.backend, bad.any(), node, f"an entry of {name} {why}"):
        at = tuple(int(k) for k in node.xp.argwhere(bad)[0])
        raise DataError(f"{node.label}: {name}{list(at)} = {value[at].real} {why}")


def check_labels(node, kind, name, y, n, things):
    """Raise DataError where y, the argument `name`, holds anything else than integers from 0 to n - 1."""
    if y.dtype.kind not in "iu":
        raise DataError(f"{node.label}: {kind}s must be integers but {getattr(node, name).label} holds {y.dtype}.")
    bad = (y < 0) | (y >= n)
    if fails(node.graph.backend, bad.any(), node, f"a {kind} of {name} is out of range: there are {n} {things}"):
        at = tuple(int(k) for k in node.xp.argwhere(bad)[0])
        span = f"there are {n} {things}, 0 to {n - 1}" if n else f"there are no {things}"
        where = ", ".join(str(k) for k in at)
        raise DataError(f"{node.label}: {kind} {name}[{where}] = {y[at]} is out of range: {span}.")
