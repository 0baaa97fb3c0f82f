"""From scores to a loss for each instance: softmax, the label's probability, its negative logarithm (S0); the same in
one piece; losses of a prediction and a target; a penalty of parameters.

The three of S0 are separate so that each can be looked at. Taken together they stay exact at scores of +-1000:
Softmax never gives less than 1e8 times the smallest normal number, so that w/p in the backward pass is finite for
weights w up to 1e8 and its product with p is exactly w; and LogLoss takes log p from `log_value`, which Softmax knows
from the scores.
"""

from ..cost import Cost, count
from ..diagnose import fails
from ..errors import DataError, ShapeError
from ..graph import Component
from ..registry import register
from .elementwise import log1p
from .linear import check_labels, number, sum_of

__all__ = ["Aref", "CrossEntropy", "HuberLoss", "L2Penalty", "LogLoss", "Residual", "Softmax", "SquaredLoss"]


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
        e = self.xp.exp(shifted(s))
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
        d = shifted(self.s.value)
        return d - self.xp.log(self.xp.exp(d).sum(axis=-1, keepdims=True))


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
        check_labels(self, "label", "y", y, p.shape[1], "classes")
        return p[self.xp.arange(len(y)), y]

    def backward(self, grad, a, p, y):
        scattered = self.xp.zeros(p.shape, grad.dtype)
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
        why = "a probability of 0 or less has no logarithm; is a Softmax missing?"
        if fails(self.graph.backend, (a.real <= 0).any(), self, why):
            raise DataError(f"{self.label}: {why}")
        return -self.a.log_value()

    def backward(self, grad, ell, a):
        return -grad / a  # a.grad[b] += -l.grad[b] / a[b]

    def jvp(self, tangents, ell, a):
        return -tangents[0] / a

    def cost(self, sizes):
        return Cost(forward=2 * count(sizes, "b"), backward=2 * count(sizes, "b"))


@register
class CrossEntropy(Component):
    """l[b] = -sum_i t[b,i] log p[b,i], p = softmax of the scores, t[b,i] = (1 - eps) [i = y[b]] + eps / I, in nats.

    The same as LogLoss(Aref(Softmax(s), y)) in one piece. With d the scores less the greatest and e = exp d, it takes
    log p = d - log1p(sum of e but the greatest) and, for the label, p - 1 = -(sum of e but the label's) / sum of e:
    right to the last digits where p is nearly 0 or nearly 1.

    Parameters
    ----------
    s : (B, i), the scores (logits)
    y : (B,), integer labels with 0 <= y[b] < i
    label_smoothing : float, the eps above, 0 <= eps <= 1, default 0

    Raises
    ------
    DataError : a label is not an integer, or out of range; label_smoothing is out of range.
    ShapeError : s and y disagree on the batch.
    """

    axes = "b,i ; b -> b"
    source = "torch.nn.functional.cross_entropy; smoothing, Szegedy et al. 2016 (1512.00567), section 7"
    settings = {"label_smoothing": 0.0}
    labels = ("y",)

    @classmethod
    def example(cls, sizes, rng):
        b, i = sizes["b"], max(sizes["i"], 2)  # with one class the loss is 0 whatever the score
        s, smoothing = 2 * rng.normal(size=(b, i)), [0.0, 0.1, 1][rng.integers(3)]
        return [s, rng.integers(0, i, size=b)], {"label_smoothing": smoothing}

    def configure(self):
        number(self, "label_smoothing", lambda eps: 0 <= eps <= 1, "a number from 0 to 1")

    def forward(self, s, y):
        check_labels(self, "label", "y", y, s.shape[1], "classes")
        eps, log_p = self.label_smoothing, log_softmax(self.xp, s)
        label = -log_p[self.xp.arange(len(y)), y]
        return (1.0 - eps) * label - eps * log_p.mean(axis=-1) if eps else label

    def slope(self, s, y):
        """dl[b]/ds[b,i] = p[b,i] - t[b,i]."""
        eps, n, at = self.label_smoothing, s.shape[1], (self.xp.arange(len(y)), y)
        e = self.xp.exp(shifted(s))
        label, e[at] = e[at], 0
        others = e.sum(axis=-1)
        slope = e / (others + label)[:, None] - eps / n
        slope[at] = eps * (1 - 1 / n) - others / (others + label)
        return slope

    def backward(self, grad, ell, s, y):
        return lambda: grad[:, None] * self.slope(s, y), None  # s.grad[b,i] += l.grad[b] (p[b,i] - t[b,i])

    def jvp(self, tangents, ell, s, y):
        return (self.slope(s, y) * tangents[0]).sum(axis=-1)

    def cost(self, sizes):
        entries = count(sizes, "b", "i")
        return Cost(forward=6 * entries, backward=7 * entries)


class Residual(Component):
    """l[b] = sum over all axes but b of rho(x[b,...] - y[b,...]); a subclass gives rho and its slope."""

    axes = "b,... ; b,... -> b"
    flops = 3

    @classmethod
    def example(cls, sizes, rng):
        shape = (sizes["b"], *rng.integers(1, 4, size=rng.integers(3)))
        d = rng.uniform(0.1, 0.9, size=shape) + rng.integers(0, 3, size=shape)  # off 0 and off Huber's corner
        y = rng.normal(size=shape)
        return [y + d * rng.choice([-1.0, 1.0], size=shape), y], {}

    def derive(self, sizes):
        x, y = self.x.value.shape, self.y.value.shape
        if x != y:
            raise ShapeError(f"{self.label}: x has shape {x} and y has {y}; prediction and target must have one shape.")
        return {}

    def forward(self, x, y):
        return self.rho(x - y).sum(axis=tuple(range(1, x.ndim)))

    def backward(self, grad, ell, x, y):
        upstream = grad.reshape(len(grad), *[1] * (x.ndim - 1))
        toward = upstream * self.slope(x - y)  # x.grad[b,...] += l.grad[b] rho'(x[b,...] - y[b,...])
        return toward, lambda: -toward

    def jvp(self, tangents, ell, x, y):
        dx, dy = tangents
        moved = sum_of(dx, None if dy is None else -dy)
        return (self.slope(x - y) * moved).sum(axis=tuple(range(1, x.ndim)))

    def cost(self, sizes):
        entries = count(sizes, "b", "...")
        return Cost(forward=self.flops * entries, backward=self.flops * entries)


@register
class SquaredLoss(Residual):
    """l[b] = 1/2 sum (x[b,...] - y[b,...])^2 over all axes but b.

    With the 1/2 the gradient is the residual x - y itself, the Hessian the identity, and the loss the negative
    logarithm of a Gaussian of unit variance (less a constant). torch.nn.MSELoss has no 1/2 and averages over the n
    entries of an instance too: it is 2/n of this.

    Parameters
    ----------
    x : (B, ...), the prediction
    y : (B, ...), the target, of the same shape

    Raises
    ------
    ShapeError : the shapes differ (they are not broadcast: that hides mistakes).
    """

    source = "Bishop 2006, eq. 5.11"

    def rho(self, d):
        return 0.5 * d * d

    def slope(self, d):
        return d


@register
class HuberLoss(Residual):
    """l[b] = sum over all axes but b of rho(x - y): rho(d) = d^2/2 for |d| <= delta, delta (|d| - delta/2) beyond.

    Summed over the entries of an instance as SquaredLoss is, which it becomes for a large delta; torch.nn.HuberLoss
    averages over them.

    Parameters
    ----------
    x : (B, ...), the prediction
    y : (B, ...), the target, of the same shape
    delta : float, positive, default 1

    Raises
    ------
    DataError : delta is not a positive number.
    ShapeError : the shapes differ.
    """

    source = "Huber 1964, section 6; default of torch.nn.HuberLoss"
    settings = {"delta": 1.0}
    flops = 5

    @classmethod
    def example(cls, sizes, rng):
        return Residual.example.__func__(cls, sizes, rng)[0], {"delta": [1.0, 2, 0.05][rng.integers(3)]}

    def configure(self):
        number(self, "delta", lambda delta: delta > 0, "a positive number")

    def rho(self, d):
        size = d * self.xp.sign(d.real)
        return self.xp.where(size.real <= self.delta, 0.5 * d * d, self.delta * (size - 0.5 * self.delta))

    def slope(self, d):
        return self.xp.where(self.xp.abs(d.real) <= self.delta, d, self.delta * self.xp.sign(d.real))


@register
class L2Penalty(Component):
    """l = lambda/2 sum W^2, of the squared norm (erratum 4.9), so that its gradient is lambda W.

    Added to the loss of each instance it counts once: the average over the batch of l[b] + l has the gradient of the
    average plus lambda W. In plain SGD this equals torch.optim.SGD's weight_decay = lambda.

    Parameters
    ----------
    W : a parameter, with at least one axis
    weight_decay : float, lambda, at least 0, default 1e-4 (He et al. 2016; torch has it off by default)

    Raises
    ------
    DataError : weight_decay is negative, or no finite number.
    GraphError : W has a batch index.
    ShapeError : W has no axis.
    """

    axes = "i,... -> "
    source = "Krogh & Hertz 1991, eq. 3; S4, slide on L2 regularisation (errata 4.8, 4.9)"
    settings = {"weight_decay": 1e-4}

    @classmethod
    def example(cls, sizes, rng):
        shape = (sizes["i"], *rng.integers(1, 4, size=rng.integers(3)))
        return [rng.normal(size=shape)], {"weight_decay": [1e-4, 0.5, 2][rng.integers(3)]}

    def configure(self):
        number(self, "weight_decay", lambda decay: decay >= 0, "a number of at least 0")

    def forward(self, W):
        return 0.5 * self.weight_decay * (W * W).sum()

    def backward(self, grad, ell, W):
        return grad * self.weight_decay * W  # W.grad[i,...] += l.grad lambda W[i,...]

    def jvp(self, tangents, ell, W):
        return self.weight_decay * (W * tangents[0]).sum()

    def cost(self, sizes):
        entries = count(sizes, "i", "...")
        return Cost(forward=2 * entries, backward=2 * entries)


def shifted(s):
    """s less its greatest entry along the last axis."""
    return s - s.real.max(axis=-1, keepdims=True) if s.size else s


def log_softmax(xp, s):
    """log p[...,i] = d[i] - log1p(sum of exp d[k] over all k but the greatest), d = s less the greatest."""
    top = s.real.argmax(axis=-1)[..., None]
    d = s - xp.take_along_axis(s, top, axis=-1)
    e = xp.exp(d)
    xp.put_along_axis(e, top, 0, axis=-1)
    return d - log1p(xp, e.sum(axis=-1, keepdims=True))
