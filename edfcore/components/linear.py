"""Linear maps of each instance: the vector-matrix product and the bias (S0, "Minibatched ...")."""

from ..cost import Cost, count
from ..graph import Component
from ..registry import register

__all__ = ["AddBias", "VDot"]


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


def sum_of(*terms):
    """The sum of the terms that are there."""
    present = [t for t in terms if t is not None]
    return sum(present[1:], present[0])
