"""Means, sums, rearrangements, and the choice of rows.

Axes are counted as NumPy counts them, from 0 at the front or from -1 at the back. In a batched value axis 0 is b, and
stays in front. A component that is told its axes spells its shape rule in letters when it is built:
MeanOver(x, axis=(2, 3)) has `axes` "b,i,j,k,... -> b,i,...", so that its errors and costs are told in them.
"""

from math import prod
from numbers import Integral

from ..axes import parse
from ..cost import Cost, count
from ..errors import DataError, ShapeError
from ..graph import Component
from ..registry import register
from .linear import check_labels

__all__ = [
    "Concatenate", "Embedding", "Gather", "Mean", "MeanOver", "Permute", "Reduction", "Reshape", "Slice", "SumOver",
    "Transpose",
]  # fmt: skip

LETTERS = "ijklmnopqrstuvwxyz"


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


class Reduction(Component):
    """y = the sum over chosen axes, divided by `divisor`; the shape rule follows from the setting `axis`."""

    axes = "b,... -> b"
    settings = {"axis": None}

    @classmethod
    def example(cls, sizes, rng):
        axis = [None, 1, -1, (1, -1), (2,), (-2, -1), 3][rng.integers(7)]
        return [rng.normal(size=(sizes["b"], *rng.integers(1, 4, size=3)))], {"axis": axis}

    def configure(self):
        if self.axis is None:
            spell(self, "b,... -> b" if self.x.batched else "... -> ")
            return
        self.axis = checked_axes(self, self.axis)
        names = named(self.axis, self.x.batched)
        chosen = {names[a] for a in self.axis}
        spell(self, f"{','.join(names)} -> {','.join(n for n in names if n not in chosen)}")

    def over(self, x):
        """The axes to reduce, as NumPy takes them."""
        return tuple(range(int(self.x.batched), x.ndim)) if self.axis is None else self.axis

    def divisor(self, x):
        """What the sum is divided by."""
        return 1

    def forward(self, x):
        return x.sum(axis=self.over(x)) / self.divisor(x)

    def backward(self, grad, y, x):
        return self.xp.broadcast_to(self.xp.expand_dims(grad / self.divisor(x), self.over(x)), x.shape)

    def jvp(self, tangents, y, x):
        return tangents[0].sum(axis=self.over(x)) / self.divisor(x)

    def cost(self, sizes):
        entries = count(sizes, *dict.fromkeys(self.signature.args[0]))
        return Cost(forward=entries, backward=entries)


@register
class SumOver(Reduction):
    """y[b,...] = sum of x[b,...] over chosen axes, never over b.

    Parameters
    ----------
    x : (B, ...), or a parameter of any shape
    axis : int, tuple of int, or None (default): all axes but b

    Raises
    ------
    DataError : axis names b, or an axis twice, or is no axis.
    ShapeError : x has too few axes.
    """

    source = "torch.sum with dim"


@register
class MeanOver(Reduction):
    """y[b,...] = mean of x[b,...] over chosen axes, never over b (for which there is Mean).

    Parameters
    ----------
    x : (B, ...), or a parameter of any shape
    axis : int, tuple of int, or None (default): all axes but b

    Raises
    ------
    DataError : axis names b, or an axis twice, or is no axis.
    ShapeError : x has too few axes, or one of them has no entries.
    """

    source = "torch.mean with dim"

    def derive(self, sizes):
        x = self.x.value
        if self.divisor(x) == 0:
            raise ShapeError(f"{self.label}: x has shape {x.shape}; over no entries there is no mean.")
        return {}

    def divisor(self, x):
        return prod(x.shape[a] for a in self.over(x))


@register
class Reshape(Component):
    """y[b,...] = the entries of x[b,...] in the same order (the last axis fastest) under another shape; b stays.

    Parameters
    ----------
    x : (B, ...), or a parameter
    shape : int or tuple of int, without b; one of them may be -1. Default (-1,): all axes but b become one.

    Raises
    ------
    DataError : shape is not such a tuple.
    ShapeError : the number of entries would change.
    """

    axes = "b,... -> b,i"
    source = "torch.reshape; default as torch.nn.Flatten"
    settings = {"shape": (-1,)}

    @classmethod
    def example(cls, sizes, rng):
        i, j, k = (int(n) for n in rng.integers(1, 4, size=3))
        shape = [(-1,), -1, (j, -1), (k * j, i), (i * j * k, 1), (1, -1, j)][rng.integers(6)]
        return [rng.normal(size=(sizes["b"], i, j, k))], {"shape": shape}

    def configure(self):
        shape = (self.shape,) if isinstance(self.shape, Integral) else self.shape
        whole = isinstance(shape, (tuple, list)) and all(is_whole(n) and n >= -1 for n in shape)
        if not whole or list(shape).count(-1) > 1 or len(shape) >= len(LETTERS):
            raise DataError(
                f"{self.label}: shape is {self.shape!r}; sizes of at least 0, at most one of them -1, are needed."
            )
        self.shape = tuple(int(n) for n in shape)
        names = LETTERS[: len(shape)]
        spell(self, f"b,... -> {','.join('b' + names)}" if self.x.batched else f"... -> {','.join(names)}")

    def derive(self, sizes):
        total, known = prod(sizes["..."]), prod(n for n in self.shape if n >= 0)
        rest = total // known if known else 0
        shape = tuple(rest if n == -1 else n for n in self.shape)
        if prod(shape) != total or (-1 in self.shape and not known):
            has = f"{total} entries{' for each instance' if self.x.batched else ''}"
            raise ShapeError(f"{self.label}: x has {has}, shape {sizes['...']}, which do not fill {self.shape}.")
        return dict(zip(LETTERS, shape, strict=False))

    def forward(self, x):
        return self._entries(x)

    def _entries(self, x):
        if not self.x.batched:
            return x.reshape(self.shape)
        known = [n for n in self.shape if n >= 0]
        each = prod(x.shape[1:])
        return x.reshape(len(x), *(each // max(prod(known), 1) if n == -1 else n for n in self.shape))

    def backward(self, grad, y, x):
        return grad.reshape(x.shape)

    def jvp(self, tangents, y, x):
        return self._entries(tangents[0])

    def cost(self, sizes):
        return Cost(forward=0, backward=0)


@register
class Permute(Component):
    """y = x with its axes in another order: axis k of y is axis order[k] of x; b stays in front.

    Parameters
    ----------
    x : (B, ...), or a parameter
    order : tuple of int, every axis once; 0 comes first where x is batched. Default (0, 2, 1): y[b,j,i] = x[b,i,j].

    Raises
    ------
    DataError : order is no such tuple.
    ShapeError : x has another number of axes.
    """

    axes = "b,i,j -> b,j,i"
    source = "torch.permute, numpy.transpose"
    settings = {"order": (0, 2, 1)}

    @classmethod
    def example(cls, sizes, rng):
        order = [(0,), (0, 2, 1), (0, 3, 1, 2), (0, 2, 3, 1)][rng.integers(4)]
        return [rng.normal(size=(sizes["b"], *rng.integers(1, 5, size=len(order) - 1)))], {"order": order}

    def configure(self):
        order, first = self.order, "0 first, " if self.x.batched else ""
        is_order = isinstance(order, (tuple, list)) and all(is_whole(n) for n in order)
        if not is_order or sorted(order) != list(range(len(order))) or (first and order[:1] not in ((0,), [0])):
            raise DataError(f"{self.label}: order is {order!r}; {first}every axis once, is needed, such as (0, 2, 1).")
        self.order = tuple(int(n) for n in order)
        names = ("b" if self.x.batched else "") + LETTERS
        spell(self, f"{','.join(names[: len(order)])} -> {','.join(names[n] for n in self.order)}")

    def forward(self, x):
        return x.transpose(self.order)

    def backward(self, grad, y, x):
        return grad.transpose(sorted(range(x.ndim), key=self.order.__getitem__))  # the inverse order

    def jvp(self, tangents, y, x):
        return tangents[0].transpose(self.order)

    def cost(self, sizes):
        return Cost(forward=0, backward=0)


@register
class Concatenate(Component):
    """z = x and behind it y, along one axis: z[...,k] = x[...,k] for k < i, y[...,k-i] for the rest.

    Parameters
    ----------
    x, y : alike but for the size of that axis; the other axes broadcast, so that a parameter joins every instance
    axis : int, default -1, the last. Beside a parameter it is counted from the back.

    Raises
    ------
    DataError : axis is b, or no axis.
    ShapeError : the other axes do not fit.
    """

    axes = "...,i ; ...,j -> ...,k"
    source = "torch.cat"
    settings = {"axis": -1}

    @classmethod
    def example(cls, sizes, rng):
        axis = [-1, -2, 1, 2][rng.integers(4)]
        b = int(rng.integers(1, 5))
        x, y = [b, 2, 3], [b, 2, 3]
        x[axis], y[axis] = rng.integers(0, 4), rng.integers(1, 4)
        if axis == -1 and rng.integers(2):
            y = [1, y[-1]]
        return [rng.normal(size=x), rng.normal(size=y)], {"axis": axis}

    def configure(self):
        (self.axis,) = checked_axes(self, self.axis, single=True)
        both = self.x.batched and self.y.batched
        if self.batched and not both and self.axis >= 0:
            alone = "x" if self.y.batched else "y"
            raise DataError(
                f"{self.label}: axis is {self.axis}, but {alone} has no batch index; "
                "count from the back, as in axis=-1."
            )
        names = named([self.axis], both)
        joined, rest = names[self.axis], LETTERS[len(names) :]
        told = [",".join(new if n == joined else n for n in names) for new in (joined, rest[0], rest[1])]
        self._new, self._parts = rest[1], (joined, rest[0])
        spell(self, f"{told[0]} ; {told[1]} -> {told[2]}")

    def derive(self, sizes):
        for name, arg in (("x", self.x), ("y", self.y)):
            if arg.batched and arg.value.ndim <= -self.axis:
                raise ShapeError(
                    f"{self.label}: axis {self.axis} of {name}, shape {arg.value.shape}, is b, which stays."
                )
        return {self._new: sum(sizes[part] for part in self._parts)}

    def _joined(self, x, y):
        return self.xp.concatenate([stretched(self.xp, a, b, self.axis) for a, b in ((x, y), (y, x))], self.axis)

    def forward(self, x, y):
        return self._joined(x, y)

    def backward(self, grad, z, x, y):
        return tuple(self.xp.split(grad, [x.shape[self.axis]], self.axis))

    def jvp(self, tangents, z, x, y):
        return self._joined(*(0 * a if d is None else d for d, a in zip(tangents, (x, y), strict=True)))

    def cost(self, sizes):
        return Cost(forward=0, backward=0)


@register
class Slice(Component):
    """y = x[..., start:stop, ...] along one axis; the rest of x gets no gradient.

    Parameters
    ----------
    x : (B, ...), or a parameter
    start, stop : int, as Python's slices count them (negative from the end); stop None (default): to the end
    axis : int, default 1

    Raises
    ------
    DataError : start, stop or axis is no integer, or axis is b.
    ShapeError : start or stop lies outside the axis, or x lacks it.
    """

    axes = "b,i,... -> b,k,..."
    source = "NumPy's basic slicing; torch.narrow"
    settings = {"start": 0, "stop": None, "axis": 1}

    @classmethod
    def example(cls, sizes, rng):
        start, stop = [(0, None), (1, 3), (-2, None), (0, -1), (2, 2)][rng.integers(5)]
        shape = (sizes["b"], *rng.integers(3, 6, size=2))
        return [rng.normal(size=shape)], {"start": start, "stop": stop, "axis": [1, -1, 2][rng.integers(3)]}

    def configure(self):
        if not is_whole(self.start) or not (self.stop is None or is_whole(self.stop)):
            raise DataError(f"{self.label}: start and stop are {self.start!r} and {self.stop!r}; integers are needed.")
        (self.axis,) = checked_axes(self, self.axis, single=True)
        names = named([self.axis], self.x.batched)
        self._old, self._new = names[self.axis], LETTERS[len(names)]
        kept = [self._new if n == self._old else n for n in names]
        spell(self, f"{','.join(names)} -> {','.join(kept)}")

    def derive(self, sizes):
        n = sizes[self._old]
        for name, at in (("start", self.start), ("stop", self.stop)):
            if at is not None and not -n <= at <= n:
                raise ShapeError(f"{self.label}: {name} is {at}, but axis {self.axis} of x has size {n}.")
        return {self._new: len(range(*slice(self.start, self.stop).indices(n)))}

    def _window(self, x):
        return (*[slice(None)] * (self.axis % x.ndim), slice(self.start, self.stop))

    def forward(self, x):
        return x[self._window(x)]

    def backward(self, grad, y, x):
        whole = self.xp.zeros(x.shape, grad.dtype)
        whole[self._window(x)] = grad  # x.grad[b,start+k,...] += y.grad[b,k,...]
        return whole

    def jvp(self, tangents, y, x):
        return tangents[0][self._window(x)]

    def cost(self, sizes):
        return Cost(forward=0, backward=0)


@register
class Embedding(Component):
    """z[b,...,d] = W[ids[b,...],d]: for each integer its row of W. A row named twice gets both gradients.

    Parameters
    ----------
    W : (v, d), a parameter; v rows, the vocabulary
    ids : (B, ...), integers with 0 <= ids < v

    Raises
    ------
    DataError : ids holds something else than integers, or one out of range.
    """

    axes = "v,d ; b,... -> b,...,d"
    source = "Bengio et al. 2003, section 2 (the matrix C); torch.nn.Embedding"
    labels = ("ids",)

    @classmethod
    def example(cls, sizes, rng):
        v = max(sizes["v"], 1)
        ids = rng.integers(0, v, size=(sizes["b"], *rng.integers(1, 5, size=rng.integers(3))))
        return [rng.normal(size=(v, sizes["d"])), ids], {}

    def forward(self, W, ids):
        check_labels(self, "index", "ids", ids, len(W), "rows")
        return W[ids]

    def backward(self, grad, z, W, ids):
        return lambda: self._added(grad, W, ids), None

    def _added(self, grad, W, ids):
        return added(self.xp, grad, ids, W.shape)  # W.grad[ids[b,...],d] += z.grad[b,...,d]

    def jvp(self, tangents, z, W, ids):
        return tangents[0][ids]

    def cost(self, sizes):
        return Cost(forward=0, backward=count(sizes, "b", "...", "d"))


@register
class Gather(Component):
    """z[b,k,...] = x[b,y[b,k],...]: for each instance the rows that its integers name, Aref for more than one.

    Parameters
    ----------
    x : (B, i, ...)
    y : (B, k), integers with 0 <= y < i; a row named twice gets both gradients

    Raises
    ------
    DataError : y holds something else than integers, or one out of range.
    ShapeError : x and y disagree on the batch.
    """

    axes = "b,i,... ; b,k -> b,k,..."
    source = "numpy.take_along_axis, torch.gather; S0, 'Minibatching in EDF' (Aref)"
    labels = ("y",)

    @classmethod
    def example(cls, sizes, rng):
        b, i, k = sizes["b"], max(sizes["i"], 1), sizes["k"]
        return [rng.normal(size=(b, i, *rng.integers(1, 4, size=rng.integers(3)))), rng.integers(0, i, (b, k))], {}

    def _place(self, y):
        return self.xp.arange(len(y))[:, None], y

    def forward(self, x, y):
        check_labels(self, "index", "y", y, x.shape[1], "rows")
        return x[self._place(y)]

    def backward(self, grad, z, x, y):
        return lambda: self._added(grad, x, y), None

    def _added(self, grad, x, y):
        return added(self.xp, grad, self._place(y), x.shape)  # x.grad[b,y[b,k],...] += z.grad[b,k,...]

    def jvp(self, tangents, z, x, y):
        return tangents[0][self._place(y)]

    def cost(self, sizes):
        return Cost(forward=0, backward=count(sizes, "b", "k", "..."))


def added(xp, grad, place, shape):
    """Zeros of a shape, with each part of grad added at its place: an index array, or one for each of two axes."""
    rows = xp.zeros(shape, grad.dtype)
    if xp.__name__ != "cupy":
        xp.add.at(rows, place, grad)
        return rows
    from ..gpu.ops import add_rows  # CuPy's add.at has no order, so that no two runs agree

    pair = isinstance(place, tuple)
    flat = (place[0] * shape[1] + place[1] if pair else place).ravel()
    axes = 2 if pair else 1
    each = xp.ascontiguousarray(grad.reshape(flat.size, *shape[axes:]))
    add_rows(each, xp.ascontiguousarray(flat, "int64"), rows.reshape(prod(shape[:axes]), *shape[axes:]))
    return rows


def is_whole(n):
    """Whether n is an integer (True and False are none)."""
    return isinstance(n, Integral) and not isinstance(n, bool)


def checked_axes(node, axis, single=False):
    """The setting `axis` as a tuple of int. Raises DataError: no integers, one twice, none, or b."""
    axes = (axis,) if single or not isinstance(axis, (tuple, list)) else tuple(axis)
    if not axes or not all(is_whole(a) and abs(a) < 9 for a in axes) or len(set(axes)) < len(axes):
        needed = "an integer" if single else "an integer or a tuple of different integers"
        raise DataError(f"{node.label}: axis is {axis!r}; {needed} is needed, such as 1 or -1.")
    if 0 in axes and node.batched:
        raise DataError(f"{node.label}: axis 0 is the batch index b, which stays; over b there is Mean.")
    return tuple(int(a) for a in axes)


def named(axes, batched):
    """Letters for a value whose axes of these numbers get names: [1, -1] -> ["b", "i", "...", "j"]."""
    front = max([int(batched), *(a + 1 for a in axes)])
    back = max(0, *(-a for a in (*axes, 0)))
    letters = iter(LETTERS)
    head = ["b" if batched and k == 0 else next(letters) for k in range(front)]
    return [*head, "...", *(next(letters) for _ in range(back))]


def spell(node, axes):
    """Give the node a shape rule of its own, which its settings decide."""
    node.axes, node.signature = axes, parse(axes)


def stretched(xp, a, other, axis):
    """`a` repeated along the axes, except `axis`, along which `other` is longer."""
    own, theirs = (list(xp.moveaxis(v, axis, -1).shape[:-1]) for v in (a, other))
    lead = xp.broadcast_shapes(tuple(own), tuple(theirs))
    moved = xp.moveaxis(a, axis, -1)
    return xp.moveaxis(xp.broadcast_to(moved, (*lead, moved.shape[-1])), -1, axis)
