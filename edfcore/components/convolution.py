"""Images: 2-D convolution, its bias, and pooling.

What the field calls convolution is a cross-correlation, with stride (u, v) and padding (a, d):

    y[b,o,p,q] = sum_{k,r,s} x[b, c_o + k, p u + r - a, q v + s - d] W[o,k,r,s],

where x is 0 outside of its h x w pixels, and c_o is the first input map of the group that o belongs to (0 without
groups). The windows of all pixels and all instances are laid out as the columns of one matrix (im2col; Chellapilla,
Puri & Simard 2006), so that a convolution is one matrix product for each group. Memory is laid out with the instances
last, (c, h, w, B), and shown as (B, c, h, w): what is copied lies together in long runs, and no product needs its
operands rearranged.
"""

from itertools import product
from math import prod
from numbers import Integral

from ..cost import Cost, count
from ..errors import DataError, ShapeError
from ..graph import Component
from ..registry import register
from .linear import sum_of

__all__ = ["AddChannelBias", "AvgPool2d", "Conv2d", "MaxPool2d"]


def _is_whole(n, least):
    return isinstance(n, Integral) and not isinstance(n, bool) and n >= least


class Windowed(Component):
    """What slides over the pixels of an image: checks of stride and padding, windows, and the way back."""

    def configure(self):
        self.stride = self._pair("stride", 1)
        self.padding = self._pair("padding", 0)

    def _pair(self, setting, least):
        """A setting as a pair (down, across). Raises DataError."""
        given = getattr(self, setting)
        pair = tuple(given) if isinstance(given, (tuple, list)) else (given, given)
        if len(pair) != 2 or not all(_is_whole(n, least) for n in pair):
            raise DataError(
                f"{self.label}: {setting} is {given!r}; a whole number of at least {least} is needed, or a pair of "
                "them (down, across)."
            )
        return tuple(map(int, pair))

    def _places(self, image, kernel):
        """How many windows of size `kernel` fit into an image, (p, q). Raises ShapeError where there is none."""
        sizes = zip(image, kernel, self.stride, self.padding, strict=True)
        places = tuple((n + 2 * pad - k) // stride + 1 for n, k, stride, pad in sizes)
        if min(places) < 1 or min(kernel) < 1:
            raise ShapeError(
                f"{self.label}: a window of {kernel} pixels does not fit into an image h,w = {image} with padding "
                f"{self.padding}; use a larger image or padding, or a smaller window of at least 1 by 1."
            )
        return places

    def _padded(self, x, outside=0):
        """x (B, c, h, w) with its margin, instances last: (c, h + 2 a, w + 2 d, B)."""
        (a, d), (b, c, h, w) = self.padding, x.shape
        if (a, d) == (0, 0):
            return self.xp.ascontiguousarray(instances_last(x))
        larger = self.xp.full((c, h + 2 * a, w + 2 * d, b), outside, x.dtype)
        larger[:, a : a + h, d : d + w] = instances_last(x)
        return larger

    def _taps(self, kernel, places):
        """For each entry (r, s) of the window, row by row: the pixels of the padded image that it meets, (p, q)."""
        (u, v), (p, q) = self.stride, places
        for r, s in product(*map(range, kernel)):
            yield slice(None), slice(r, r + u * (p - 1) + 1, u), slice(s, s + v * (q - 1) + 1, v)

    def _scatter(self, contributions, x):
        """Add each (tap, array (c, p, q, B)) into zeros of the size of x with margin, and cut the margin off."""
        (a, d), (b, c, h, w), image = self.padding, x.shape, None
        for tap, contribution in contributions:
            if image is None:
                image = self.xp.zeros((c, h + 2 * a, w + 2 * d, b), contribution.dtype)
            image[tap] += contribution
        return instances_first(image[:, a : a + h, d : d + w])


def instances_last(x):
    """(B, c, h, w) as (c, h, w, B), without a copy."""
    return x.transpose(1, 2, 3, 0)


def instances_first(x):
    """(c, h, w, B) as (B, c, h, w), without a copy."""
    return x.transpose(3, 0, 1, 2)


@register
class Conv2d(Windowed):
    """y[b,o,p,q] = sum_{k,r,s} x[b, c_o + k, p u + r - a, q v + s - d] W[o,k,r,s]: cross-correlation, as torch's.

    p = floor((h + 2 a - r) / u) + 1, and q likewise. Maps of group g see only the k = c / groups input maps of that
    group, c_o being the first. The bias is a component of its own, AddChannelBias.

    Parameters
    ----------
    x : (B, c, h, w), batched
    W : (o, k, r, s), a parameter; fan_in = k r s
    stride : int or pair (u, v), default 1
    padding : int or pair (a, d) of rows and columns of zeros on each side, default 0
    groups : int, default 1

    Raises
    ------
    DataError : a setting is no such number.
    ShapeError : c is not groups k, groups does not divide o, or no window fits into the image.

    Examples
    --------
    >>> import numpy as np, edfcore as edf
    >>> x = edf.Input(graph=edf.Graph())
    >>> y = edf.Conv2d(x, edf.Param(np.ones((1, 1, 2, 2)), graph=x.graph), stride=(1, 2))
    >>> x.set([[[[1, 2, 3, 4], [5, 6, 7, 8]]]])
    >>> x.graph.Forward()
    >>> y.value.tolist()
    [[[[14.0, 22.0]]]]
    """

    axes = "b,c,h,w ; o,k,r,s -> b,o,p,q"
    source = "LeCun, Bottou, Bengio & Haffner 1998, section II.A; Chellapilla, Puri & Simard 2006; torch.nn.Conv2d"
    settings = {"stride": 1, "padding": 0, "groups": 1}

    @classmethod
    def example(cls, sizes, rng):
        b, k, groups, per_group = sizes["b"], min(sizes["k"], 2), *rng.integers(1, 3, size=2)
        (r, s), stride, padding = (tuple(map(int, rng.integers(low, 3, size=2))) for low in (1, 1, 0))
        h, w = rng.integers(2, 5, size=2)
        x, W = rng.normal(size=(b, groups * k, h, w)), rng.normal(size=(groups * per_group, k, r, s))
        return [x, W], {"stride": stride, "padding": padding, "groups": int(groups)}

    def configure(self):
        super().configure()
        if not _is_whole(self.groups, 1):
            raise DataError(f"{self.label}: groups is {self.groups!r}; a whole number of at least 1 is needed.")

    def derive(self, sizes):
        c, o, k, groups = sizes["c"], sizes["o"], sizes["k"], self.groups
        if c != groups * k:
            raise ShapeError(
                f"{self.label}: x has c = {c} maps but W has k = {k} for each of {groups} group(s): c = groups k "
                f"must hold."
            )
        if o % groups:
            raise ShapeError(f"{self.label}: W has o = {o} maps, which {groups} groups do not divide evenly.")
        p, q = self._places((sizes["h"], sizes["w"]), (sizes["r"], sizes["s"]))
        return {"p": p, "q": q}

    def forward(self, x, W):
        p, q = self._places(x.shape[2:], W.shape[2:])
        y = self._matrix(W) @ self._columns(x, W.shape)
        return instances_first(y.reshape(len(W), p, q, len(x)))

    def backward(self, grad, y, x, W):
        b, o, p, q = grad.shape
        by_map = instances_last(grad).reshape(self.groups, o // self.groups, p * q * b)

        def x_grad():
            columns = self._matrix(W).swapaxes(1, 2) @ by_map
            windows = columns.reshape(x.shape[1], W.shape[2] * W.shape[3], p, q, b).swapaxes(0, 1)
            return self._scatter(zip(self._taps(W.shape[2:], (p, q)), windows, strict=True), x)

        # W.grad[o,k,r,s] += sum_{b,p,q} y.grad[b,o,p,q] x[b, c_o + k, p u + r - a, q v + s - d]
        return x_grad, lambda: (by_map @ self._columns(x, W.shape).swapaxes(1, 2)).reshape(W.shape)

    def jvp(self, tangents, y, x, W):
        dx, dW = tangents
        return sum_of(None if dx is None else self.forward(dx, W), None if dW is None else self.forward(x, dW))

    def cost(self, sizes):
        products = 2 * count(sizes, "b", "o", "p", "q", "k", "r", "s")
        return Cost(forward=products, backward=2 * products)

    def _matrix(self, W):
        """W as (groups, o / groups, k r s)."""
        o, k, r, s = W.shape
        return W.reshape(self.groups, o // self.groups, k * r * s)

    def _columns(self, x, W_shape):
        """Every window as a column: (groups, k r s, p q B)."""
        (_, k, r, s), (u, v), (p, q) = W_shape, self.stride, self._places(x.shape[2:], W_shape[2:])
        padded = self._padded(x)
        c, b = len(padded), padded.shape[3]
        of_c, down, across, of_b = padded.strides  # CuPy's sliding_window_view would wait for the GPU
        strides = (of_c, down, across, u * down, v * across, of_b)
        windows = self.xp.lib.stride_tricks.as_strided(padded, (c, r, s, p, q, b), strides)
        return windows.reshape(self.groups, k * r * s, p * q * b)


@register
class AddChannelBias(Component):
    """z[b,o,p,q] = y[b,o,p,q] + beta[o]: one bias for each map.

    Parameters
    ----------
    y : (B, o, p, q), batched
    beta : (o,), a parameter

    Raises
    ------
    ShapeError : y and beta disagree on o.
    """

    axes = "b,o,p,q ; o -> b,o,p,q"
    source = "LeCun, Bottou, Bengio & Haffner 1998, section II.A; the bias of torch.nn.Conv2d"

    def forward(self, y, beta):
        return y + beta[:, None, None]

    def backward(self, grad, z, y, beta):
        return grad, lambda: grad.sum(axis=(0, 2, 3))  # beta.grad[o] += sum_{b,p,q} z.grad[b,o,p,q]

    def per_example(self, grad, z, y, beta):
        return None, grad.sum(axis=(2, 3))

    def jvp(self, tangents, z, y, beta):
        dy, dbeta = tangents
        return sum_of(dy, None if dbeta is None else dbeta[:, None, None] + 0 * y)

    def cost(self, sizes):
        entries = count(sizes, "b", "o", "p", "q")
        return Cost(forward=entries, backward=entries)


class Pool(Windowed):
    """What both kinds of pooling share: a window of `kernel` pixels, by default side by side (stride = kernel)."""

    axes = "b,c,h,w -> b,c,p,q"
    settings = {"kernel": 2, "stride": None, "padding": 0}

    @classmethod
    def example(cls, sizes, rng):
        kernel, stride = (tuple(map(int, rng.integers(1, 4, size=2))) for _ in range(2))
        padding = tuple(int(rng.integers(0, n // 2 + 1)) for n in kernel)
        shape = (sizes["b"], min(sizes["c"], 3), *map(int, rng.integers(3, 6, size=2)))
        x = 0.1 * rng.permutation(prod(shape)).reshape(shape)  # far from ties, where a maximum has no derivative
        return [x - x.mean()], {"kernel": kernel, "stride": stride, "padding": padding}

    def configure(self):
        self.kernel = self._pair("kernel", 1)
        self.stride = self.kernel if self.stride is None else self.stride
        super().configure()
        if any(2 * pad > k for pad, k in zip(self.padding, self.kernel, strict=True)):
            raise DataError(
                f"{self.label}: padding {self.padding} is more than half of the kernel {self.kernel}, so that some "
                "windows would hold no pixel; use less."
            )

    def derive(self, sizes):
        p, q = self._places((sizes["h"], sizes["w"]), self.kernel)
        return {"p": p, "q": q}

    def _parts(self, x, outside=0):
        """For each entry of the window, row by row: the pixels under it in all windows, (c, p, q, B)."""
        padded = self._padded(x, outside)
        return (padded[tap] for tap in self._taps(self.kernel, self._places(x.shape[2:], self.kernel)))


@register
class MaxPool2d(Pool):
    """y[b,c,p,q] = max_{r,s} x[b, c, p u + r - a, q v + s - d] over the pixels of the window, as torch.nn.MaxPool2d.

    The gradient goes to the first of equal maxima, row by row, as in torch; margins count as minus infinity.

    Parameters
    ----------
    x : (B, c, h, w), batched
    kernel : int or pair, the window's size, default 2
    stride : int or pair (u, v), default the kernel
    padding : int or pair (a, d), at most half of the kernel, default 0

    Raises
    ------
    DataError : a setting is no such number.
    ShapeError : no window fits into the image.
    """

    source = "Ranzato, Huang, Boureau & LeCun 2007, section 2.1; torch.nn.MaxPool2d"

    def forward(self, x):
        largest, *others = self._parts(x, -self.xp.inf)
        for part in others:
            largest = self._larger(largest, part)
        return instances_first(largest)

    def backward(self, grad, y, x):
        grad = instances_last(grad)  # x.grad[the first maximum] += y.grad[b,c,p,q]
        return self._scatter(((tap, self.xp.where(chosen, grad, 0)) for tap, chosen in self._chosen(y, x)), x)

    def jvp(self, tangents, y, x):
        moved = self._parts(tangents[0])
        chosen = zip(self._chosen(y, x), moved, strict=True)
        return instances_first(sum(self.xp.where(here, dx, 0) for (_, here), dx in chosen))

    def cost(self, sizes):
        outputs, window = count(sizes, "b", "c", "p", "q"), self.kernel[0] * self.kernel[1]
        return Cost(forward=(window - 1) * outputs, backward=(window + 1) * outputs)

    def _larger(self, x, y):
        """The larger entry by its real part, the first of two equals; NaN is larger than every number."""
        if x.dtype.kind == "f":
            return self.xp.maximum(x, y)
        return self.xp.where((y.real > x.real) | (y != y), y, x)

    def _chosen(self, y, x):
        """For each entry of the window: its tap, and in which windows it is the first that equals the maximum."""
        largest = instances_last(y).real
        waiting = self.xp.ones_like(largest, dtype=bool)
        taps = self._taps(self.kernel, y.shape[2:])
        for tap, part in zip(taps, self._parts(x, -self.xp.inf), strict=True):
            chosen = waiting & (part.real == largest)
            waiting &= ~chosen
            yield tap, chosen


@register
class AvgPool2d(Pool):
    """y[b,c,p,q] = 1/(r s) sum_{r,s} x[b, c, p u + r - a, q v + s - d], as torch.nn.AvgPool2d.

    A margin of zeros counts in the mean (torch's count_include_pad=True, its default).

    Parameters
    ----------
    x : (B, c, h, w), batched
    kernel : int or pair (r, s), the window's size, default 2
    stride : int or pair (u, v), default the kernel
    padding : int or pair (a, d), at most half of the kernel, default 0

    Raises
    ------
    DataError : a setting is no such number.
    ShapeError : no window fits into the image.
    """

    source = "LeCun, Bottou, Bengio & Haffner 1998, section II.B (sub-sampling); torch.nn.AvgPool2d"

    def forward(self, x):
        return instances_first(sum(self._parts(x)) / self._window)

    def backward(self, grad, y, x):
        share = instances_last(grad) / self._window
        return self._scatter(((tap, share) for tap in self._taps(self.kernel, y.shape[2:])), x)

    def jvp(self, tangents, y, x):
        return self.forward(tangents[0])

    def cost(self, sizes):
        outputs = count(sizes, "b", "c", "p", "q")
        return Cost(forward=self._window * outputs, backward=(self._window + 1) * outputs)

    _window = property(lambda self: self.kernel[0] * self.kernel[1])
