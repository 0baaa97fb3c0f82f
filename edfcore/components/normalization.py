"""Normalization: subtract a mean, divide by a standard deviation, then scale and shift by gamma and beta.

    xhat = (x - mean x) r,  r = 1 / sqrt(mean (x - mean x)^2 + eps),        y = gamma xhat + beta

The three differ in the entries over which the mean goes: BatchNorm, for each feature, the batch (and the image);
LayerNorm, for each instance, the features; GroupNorm, for each instance, a group of channels and the image. The
Jacobian of xhat is symmetric, so that one function serves VJP and JVP:

    J d = r (d - mean d - xhat mean (xhat d))
"""

from math import prod

from ..cost import Cost, count
from ..errors import DataError, ShapeError
from ..graph import Component
from ..registry import register
from .linear import number, sum_of, whole
from .shape import is_whole, spell

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "Normalization"]


class Normalization(Component):
    """y = gamma xhat + beta. A subclass says by `statistics` what xhat is, and which axis of x holds the features."""

    feature_axis = 1

    def statistics(self, x):
        """xhat, and the function d -> J d: the derivative of xhat in the direction d, and its transpose."""
        raise NotImplementedError

    def over_x(self, parameter, x):
        """gamma or beta, shaped so that it broadcasts against x."""
        return parameter.reshape(-1, *[1] * (x.ndim - 1 - self.feature_axis % x.ndim))

    def per_feature(self, a):
        """`a` summed over the axes between b and the features: (B, features)."""
        if a.ndim == 1:
            return a
        rest = tuple(k for k in range(1, a.ndim) if k != self.feature_axis % a.ndim)
        return a.sum(axis=rest)

    def forward(self, x, gamma, beta):
        xhat, _ = self.statistics(x)
        return self.over_x(gamma, x) * xhat + self.over_x(beta, x)

    def backward(self, grad, y, x, gamma, beta):
        xhat, J = self.statistics(x)
        return (
            lambda: J(grad * self.over_x(gamma, x)),  # x.grad += J (gamma y.grad)
            lambda: self.per_feature(grad * xhat),  # gamma.grad[c] += sum y.grad[b,c,...] xhat[b,c,...]
            lambda: self.per_feature(grad),  # beta.grad[c] += sum y.grad[b,c,...]
        )

    def jvp(self, tangents, y, x, gamma, beta):
        dx, dgamma, dbeta = tangents
        xhat, J = self.statistics(x)
        return 0 * y + sum_of(
            None if dx is None else self.over_x(gamma, x) * J(dx),
            None if dgamma is None else self.over_x(dgamma, x) * xhat,
            None if dbeta is None else self.over_x(dbeta, x),
        )

    def cost(self, sizes):
        entries = count(sizes, *dict.fromkeys(self.signature.out))
        return Cost(forward=8 * entries, backward=16 * entries)


def standardized(node, x, axes):
    """xhat over the given axes, and its Jacobian d -> J d. Raises ShapeError where the axes hold no entries."""
    if prod(x.shape[k] for k in axes) == 0:
        raise ShapeError(f"{node.label}: x has shape {node.x.value.shape}; over no entries there is no mean.")

    def mean(a):
        return a.mean(axis=axes, keepdims=True)

    centred = x - mean(x)
    r = 1.0 / node.xp.sqrt(mean(centred * centred) + node.eps)
    xhat = centred * r
    return xhat, lambda d: r * (d - mean(d) - xhat * mean(xhat * d))


def check_eps(node):
    """eps is a positive number."""
    number(node, "eps", lambda eps: eps > 0, "a positive number")


@register
class BatchNorm(Normalization):
    """y = gamma xhat + beta, xhat normalized for each feature c over all else: over b, and over b, h, w of images.

    In training mean and variance are those of the batch; the variance divides by n to normalize and by n - 1 in the
    running one, as torch has it. `state` holds running_mean and running_var, which follow by

        running = (1 - momentum) running + momentum (that of the batch)

    once for each training Forward after a change; a Forward repeated without one leaves them. Inside
    `graph.evaluating()` they are what normalizes, and instances no longer depend on each other.

    Parameters
    ----------
    x : (B, c, ...), features in axis 1 as torch has them; (B, ..., c) with axis=-1
    gamma, beta : (c,), parameters; torch starts them at 1 and 0
    eps : float, positive, default 1e-5
    momentum : float, the weight of the new batch, 0 <= momentum <= 1, default 0.1 (Keras's 0.99 is the old one's)
    axis : 1 (default) or -1, where the features are

    Raises
    ------
    DataError : in training, a feature has one value only (a batch of one); a setting is out of range.
    ShapeError : x, gamma and beta disagree on c, or an axis has no entries.
    """

    axes = "b,c,... ; c ; c -> b,c,..."
    source = "Ioffe & Szegedy 2015 (1502.03167), Algorithm 1; defaults of torch.nn.BatchNorm2d; S4 (erratum 4.6)"
    settings = {"eps": 1e-5, "momentum": 0.1, "axis": 1}
    mixes_examples = property(lambda self: self.graph.training)

    @classmethod
    def example(cls, sizes, rng):
        c, images, axis = sizes["c"], rng.integers(2), [1, -1][rng.integers(2)]
        rest = tuple(rng.integers(2, 4, size=2)) if images else ()
        b = sizes["b"] if images else max(sizes["b"], 4)
        shape = (b, c, *rest) if axis == 1 else (b, *rest, c)
        settings = {"axis": axis, "eps": [0.1, 0.5][rng.integers(2)]}
        return [rng.normal(size=shape), rng.normal(size=c), rng.normal(size=c)], settings

    def configure(self):
        check_eps(self)
        number(self, "momentum", lambda momentum: 0 <= momentum <= 1, "a number from 0 to 1")
        if not is_whole(self.axis) or self.axis not in (1, -1):
            raise DataError(f"{self.label}: axis is {self.axis!r}; 1 or -1, where the features are, is needed.")
        self.feature_axis = self.axis
        x = "b,c,..." if self.axis == 1 else "b,...,c"
        spell(self, f"{x} ; c ; c -> {x}")
        start = () if self.gamma.value is None else self.gamma.value.shape
        zeros, ones = self.xp.zeros, self.xp.ones
        dtype = self.graph.backend.dtype
        self.state = {"running_mean": zeros(start, dtype), "running_var": ones(start, dtype)}
        self._counted = None

    def statistics(self, x):
        if not self.graph.training:
            mean, var = (self.over_x(self.state[name], x) for name in ("running_mean", "running_var"))
            r = 1.0 / self.xp.sqrt(var + self.eps)
            return (x - mean) * r, lambda d: d * r
        axes = tuple(k for k in range(x.ndim) if k != self.axis % x.ndim)
        if prod(x.shape[k] for k in axes) == 1:
            raise DataError(
                f"{self.label}: x has shape {x.shape}, one value for each feature, which has no variance: train on "
                "batches of at least 2, use inside graph.evaluating(), or take LayerNorm or GroupNorm."
            )
        return standardized(self, x, axes)

    def forward(self, x, gamma, beta):
        y = super().forward(x, gamma, beta)
        if self.graph.training and self._counted != self.graph.clock and x.dtype.kind == "f":
            self._follow(x)
            self._counted = self.graph.clock
        return y

    def _follow(self, x):
        axes = tuple(k for k in range(x.ndim) if k != self.axis % x.ndim)
        found = {"running_mean": x.mean(axis=axes), "running_var": x.var(axis=axes, ddof=1)}
        m = self.momentum
        self.state = {name: (1 - m) * self.state[name] + m * found[name] for name in self.state}


@register
class LayerNorm(Normalization):
    """y[...,i] = gamma[i] xhat[...,i] + beta[i], normalized for each instance (and position) over its features.

    Parameters
    ----------
    x : (..., i)
    gamma, beta : (i,), parameters; torch starts them at 1 and 0
    eps : float, positive, default 1e-5

    Raises
    ------
    DataError : eps is not a positive number.
    ShapeError : x, gamma and beta disagree on i, or i is 0.
    """

    axes = "...,i ; i ; i -> ...,i"
    source = "Ba, Kiros & Hinton 2016 (1607.06450), eq. 3; defaults of torch.nn.LayerNorm over the last axis"
    settings = {"eps": 1e-5}
    feature_axis = -1

    @classmethod
    def example(cls, sizes, rng):
        i = sizes["i"]
        shape = (*rng.integers(1, 4, size=rng.integers(1, 3)), i)
        return [rng.normal(size=shape), rng.normal(size=i), rng.normal(size=i)], {"eps": [0.1, 0.5][rng.integers(2)]}

    def configure(self):
        check_eps(self)

    def statistics(self, x):
        return standardized(self, x, (x.ndim - 1,))


@register
class GroupNorm(Normalization):
    """y[b,c,...] = gamma[c] xhat[b,c,...] + beta[c], normalized for each instance over groups of channels.

    A group is c / num_groups channels with all of the image. Nothing depends on the batch, which may be as small as 1
    (erratum 4.6).

    Parameters
    ----------
    x : (B, c, ...)
    gamma, beta : (c,), parameters; torch starts them at 1 and 0
    num_groups : int, at least 1, a divisor of c; default 32, the paper's (torch has none). 1 normalizes over all of an
        instance, c is instance normalization.
    eps : float, positive, default 1e-5

    Raises
    ------
    DataError : a setting is out of range.
    ShapeError : x, gamma and beta disagree on c, num_groups does not divide c, or a group has no entries.
    """

    axes = "b,c,... ; c ; c -> b,c,..."
    source = "Wu & He 2018 (1803.08494), eqs. 1-7; eps of torch.nn.GroupNorm"
    settings = {"num_groups": 32, "eps": 1e-5}

    @classmethod
    def example(cls, sizes, rng):
        groups, each = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        c, rest = groups * each, tuple(rng.integers(2, 4, size=rng.integers(3)))
        settings = {"num_groups": groups, "eps": [0.1, 0.5][rng.integers(2)]}
        return [rng.normal(size=(sizes["b"], c, *rest)), rng.normal(size=c), rng.normal(size=c)], settings

    def configure(self):
        check_eps(self)
        whole(self, "num_groups", 1, "an integer of at least 1")

    def derive(self, sizes):
        if sizes["c"] % self.num_groups:
            raise ShapeError(f"{self.label}: num_groups is {self.num_groups}, which does not divide c = {sizes['c']}.")
        return {}

    def statistics(self, x):
        shape = (len(x), self.num_groups, x.shape[1] // self.num_groups, *x.shape[2:])
        xhat, J = standardized(self, x.reshape(shape), tuple(range(2, len(shape))))
        return xhat.reshape(x.shape), lambda d: J(d.reshape(shape)).reshape(x.shape)
