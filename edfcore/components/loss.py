"""From scores to a loss for each instance: softmax, the label's probability, its negative logarithm (S0).

The three are separate so that each can be looked at. Taken together they stay exact at scores of +-1000:
Softmax never gives less than 1e8 times the smallest normal number, so that w/p in the backward pass is finite for
weights w up to 1e8 and its product with p is exactly w; and LogLoss takes log p from `log_value`, which Softmax knows
from the scores.
"""

from ..cost import Cost, count
from ..errors import DataError
from ..graph import Component
from ..registry import register

__all__ = ["Aref", "LogLoss", "Softmax"]


@register
class Softmax(Component):
    """p[..,i] = exp(s[..,i]) / sum_k exp(s[..,k]), over the last axis.

    Parameters
    ----------
    s : (..., i), the scores (logits)

    Raises
    ------
    ShapeError : s has no axis.
    """

    axes = "...,i -> ...,i"
    source = "S0, 'Minibatching in EDF'; shifted by the maximum, Goodfellow et al. 2016, section 4.1"

    def forward(self, s):
        e = self.xp.exp(s - s.real.max(axis=-1, keepdims=True))
        p = e / e.sum(axis=-1, keepdims=True)
        least = 1e8 * self.xp.finfo(p.dtype).tiny
        return self.xp.where(p.real < least, p.dtype.type(least), p)

    def backward(self, grad, p, s):
        inner = (grad * p).sum(axis=-1, keepdims=True)
        return p * (grad - inner)  # s.grad[b,i] += p[b,i] (p.grad[b,i] - sum_k p.grad[b,k] p[b,k])

    def jvp(self, tangents, p, s):
        (ds,) = tangents
        return p * (ds - (p * ds).sum(axis=-1, keepdims=True))

    def cost(self, sizes):
        entries = count(sizes, "...", "i")
        return Cost(forward=5 * entries, backward=4 * entries)

    def log_value(self):
        shifted = self.s.value - self.s.value.real.max(axis=-1, keepdims=True)
        return shifted - self.xp.log(self.xp.exp(shifted).sum(axis=-1, keepdims=True))


@register
class Aref(Component):
    """a[b] = p[b, y[b]]: array reference, for each instance the entry that its label names.

    Parameters
    ----------
    p : (B, i)
    y : (B,), integer labels with 0 <= y[b] < i

    Raises
    ------
    DataError : a label is not an integer, or out of range.
    ShapeError : p and y disagree on the batch.
    """

    axes = "b,i ; b -> b"
    source = "S0, 'Minibatching in EDF'"
    labels = ("y",)

    @classmethod
    def example(cls, sizes, rng):
        b, i = sizes["b"], sizes["i"]
        return [rng.normal(size=(b, i)), rng.integers(0, i, size=b)], {}

    def forward(self, p, y):
        n = p.shape[1]
        if y.dtype.kind not in "iu":
            raise DataError(f"{self.label}: labels must be integers but {self.y.label} holds {y.dtype}.")
        if y.min() < 0 or y.max() >= n:
            b = int(self.xp.argmax((y < 0) | (y >= n)))
            raise DataError(
                f"{self.label}: label y[{b}] = {y[b]} is out of range: there are {n} classes, 0 to {n - 1}."
            )
        return p[self.xp.arange(len(y)), y]

    def backward(self, grad, a, p, y):
        scattered = self.xp.zeros_like(p)
        scattered[self.xp.arange(len(y)), y] = grad  # p.grad[b,y[b]] += a.grad[b]
        return scattered, None

    def jvp(self, tangents, a, p, y):
        return tangents[0][self.xp.arange(len(y)), y]

    def cost(self, sizes):
        return Cost(forward=0, backward=count(sizes, "b"))

    def log_value(self):
        y = self.y.value
        return self.p.log_value()[self.xp.arange(len(y)), y]


@register
class LogLoss(Component):
    """l[b] = -log a[b], in nats.

    Parameters
    ----------
    a : (B,), the probability given to the right label

    Raises
    ------
    DataError : an entry of a is not positive.
    """

    axes = "b -> b"
    source = "S0, 'Minibatching in EDF'"

    @classmethod
    def example(cls, sizes, rng):
        return [rng.uniform(0.05, 1.0, size=sizes["b"])], {}

    def forward(self, a):
        if (a.real <= 0).any():
            raise DataError(f"{self.label}: a probability of 0 or less has no logarithm; is a Softmax missing?")
        return -self.a.log_value()

    def backward(self, grad, ell, a):
        return -grad / a  # a.grad[b] += -l.grad[b] / a[b]

    def jvp(self, tangents, ell, a):
        return -tangents[0] / a

    def cost(self, sizes):
        return Cost(forward=2 * count(sizes, "b"), backward=2 * count(sizes, "b"))
