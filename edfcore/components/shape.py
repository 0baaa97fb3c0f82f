"""Means and rearrangements."""

from ..cost import Cost, count
from ..graph import Component
from ..registry import register

__all__ = ["Mean", "Transpose"]


@register
class Mean(Component):
    """m[...] = 1/B sum_b x[b,...]: the mean over the batch.

    Parameters
    ----------
    x : (B, ...)

    Raises
    ------
    ShapeError : x has no batch axis.
    """

    axes = "b,... -> ..."
    source = "S0, 'Minibatching' (the average over the instances of the batch)"
    mixes_examples = True

    def forward(self, x):
        return x.mean(axis=0)

    def backward(self, grad, m, x):
        return self.xp.broadcast_to(grad / len(x), x.shape)  # x.grad[b,...] += m.grad[...] / B

    def jvp(self, tangents, m, x):
        return tangents[0].mean(axis=0)

    def cost(self, sizes):
        entries = count(sizes, "b", "...")
        return Cost(forward=entries, backward=entries)


@register
class Transpose(Component):
    """y[j,i] = x[i,j]: turns S1's W[j,i] into the W[i,j] that VDot takes.

    Parameters
    ----------
    x : (i, j), without batch index

    Raises
    ------
    ShapeError : x has another number of axes than two.
    """

    axes = "i,j -> j,i"
    source = "S1, 'MLP with a Batch Index' (W[j,i]; erratum 1.4)"

    def forward(self, x):
        return x.T

    def backward(self, grad, y, x):
        return grad.T  # x.grad[i,j] += y.grad[j,i]

    def jvp(self, tangents, y, x):
        return tangents[0].T

    def cost(self, sizes):
        return Cost(forward=0, backward=0)
