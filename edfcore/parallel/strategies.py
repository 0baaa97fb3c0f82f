"""Sharing a network out over devices: its layers split (model parallel), its depth cut (pipeline), the batch as well.

A network is written down once, as a list of layers with all their parameters (`mlp`, `lenet`, `columns`). From the same
list come the network of one device, that of a rank of a model group, and the stage of a pipeline:

    column     y_k = x W_k           W = (W_1 ... W_N) split by outputs: x whole, y split         Copy before
    row        y = sum_k x_k W_k     W split by inputs: x split, y whole                          Reduce after
    filters    y_k = x * W_k         convolution filters shared out: x whole, y split by maps     Gather, Copy before
    columns    y_k = x_k * W_k       each group of filters sees its own maps only: nothing is sent
    pipeline   stage k of the layers is on rank k; a batch passes as micro-batches             (`pipeline`)

A dense layer is split by columns where its input is whole, by rows where it is split: a pair of them needs one
all-reduce forward and one backward (Shoeybi et al. 2019, 1909.08053, section 3). S4 slide 56 shares filters out; as
erratum 4.52 says, each device then needs all maps below, which `columns` avoids at most layers (slide 58; Krizhevsky,
Sutskever & Hinton 2012, section 3.5). Shares may be unequal, and empty where there are more ranks than features.

Every strategy gives step(x, y) -> the whole batch's mean loss, equal on all ranks, and parameters() and gradients() as
one device would have them. Optimizers must act entry by entry (SGD, momentum, Adam): a rule that asks for the norm of
all parameters would see a part of them.
"""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np

from ..components import (
    AddBias,
    AddChannelBias,
    BatchNorm,
    Conv2d,
    CrossEntropy,
    MaxPool2d,
    ReLU,
    Reshape,
    VDot,
)
from ..errors import DataError, ShapeError
from ..graph import Input, Node, Param
from ..initializers import kaiming_normal
from ..models import Classifier
from .collectives import equal_parts
from .comm.base import Alone, Comm
from .layers import Copy, Gather, Part, Reduce, Split, SplitCrossEntropy, SyncBatchNorm, whole_of
from .machine import graph_on


def shares(size, N):
    """The lengths of N parts of `size` features, as equal as they can be.

    >>> shares(10, 3)
    (3, 3, 4)
    """
    return tuple(stop - start for start, stop in equal_parts(size, N))


# Layers that are split: functions of nodes and of whole parameters


def _copied(comm, h):
    """Copy, where there is somebody to share with and a gradient to sum."""
    return Copy(h, comm=comm) if comm.size > 1 and h.wants_grad else h


def split_dense_column(comm, h, W, beta=None, lengths=None):
    """y_k = h W_k + beta_k: the layer split by outputs.

    Parameters
    ----------
    comm : Comm, among the ranks that share the layer
    h : node (B, i), whole
    W, beta : arrays (i, j) and (j,), all of them; beta None for no bias
    lengths : sequence of int, how many outputs each rank has. Default: as equal as they can be

    Returns
    -------
    node (B, j_k), this rank's outputs

    Raises
    ------
    ShapeError : lengths do not sum to j.
    """
    lengths = shares(W.shape[1], comm.size) if lengths is None else lengths
    y = VDot(_copied(comm, h), Part(W, 1, lengths, comm))
    return y if beta is None else AddBias(y, Part(beta, 0, lengths, comm))


def split_dense_row(comm, h, W, beta=None, lengths=None):
    """y = sum_k h_k W_k + beta: the layer split by inputs. The bias is whole, and added once, after the sum.

    Parameters
    ----------
    comm, W, beta : see `split_dense_column`
    h : node (B, i_k), this rank's inputs
    lengths : sequence of int, how many inputs each rank has. Default: as equal as they can be

    Returns
    -------
    node (B, j), whole

    Raises
    ------
    ShapeError : lengths do not sum to i.
    """
    lengths = shares(W.shape[0], comm.size) if lengths is None else lengths
    y = VDot(h, Part(W, 0, lengths, comm))
    y = Reduce(y, comm=comm) if comm.size > 1 else y
    return y if beta is None else AddBias(y, Param(beta))


def split_conv(comm, h, W, beta=None, lengths=None, **conv):
    """y_k = h * W_k (+ beta_k): the filters shared out; each rank convolves all of h with its own (S4 slide 56).

    Parameters
    ----------
    h : node (B, c, height, width), whole
    W, beta : arrays (o, c, r, s) and (o,), all of them
    lengths : sequence of int, how many filters each rank has. Default: as equal as they can be
    conv : stride, padding of Conv2d

    Returns
    -------
    node (B, o_k, p, q), this rank's maps

    Raises
    ------
    ShapeError : lengths do not sum to o.
    """
    lengths = shares(len(W), comm.size) if lengths is None else lengths
    y = Conv2d(_copied(comm, h), Part(W, 0, lengths, comm), **conv)
    return y if beta is None else AddChannelBias(y, Part(beta, 0, lengths, comm))


def column_conv(comm, h, W, beta=None, columns=2, **conv):
    """Convolutions in columns: group g of the filters sees group g of the maps only; each rank has whole groups.

    Nothing is sent. On one device this is Conv2d(groups=columns).

    Parameters
    ----------
    h : node (B, c_k, height, width), the maps of this rank's columns
    W, beta : arrays (o, c / columns, r, s) and (o,), all of them
    columns : int, groups of the whole layer
    conv : stride, padding of Conv2d

    Returns
    -------
    node (B, o_k, p, q), the maps of this rank's columns

    Raises
    ------
    ShapeError : columns does not divide o.
    """
    mine, lengths = shares(columns, comm.size)[comm.rank], column_shares(len(W), comm.size, columns)
    part = Part(W, 0, lengths, comm)
    if not mine:
        part.set(part.value[:, :0])  # no filters and no maps: one group of nothing
    y = Conv2d(h, part, groups=max(mine, 1), **conv)
    return y if beta is None else AddChannelBias(y, Part(beta, 0, lengths, comm))


def column_shares(maps, N, columns):
    """How many of the maps each of N ranks has, where a rank has whole columns. Raises ShapeError.

    >>> column_shares(16, 3, columns=2)
    (0, 8, 8)
    """
    if maps % columns:
        raise ShapeError(f"{maps} maps cannot be shared out among {columns} columns; take a multiple of {columns}.")
    return tuple(n * (maps // columns) for n in shares(columns, N))


# A network as a list of layers


@dataclass(frozen=True)
class Value:
    """A node, and how many features each rank has of it: None where every rank has all."""

    node: Node
    lengths: tuple | None = None


@dataclass(frozen=True)
class Place:
    """Where a network is built: the ranks that share its layers, those that share its batches, and its columns."""

    model: Comm = Alone()
    data: Comm | None = None  # for synchronized batch norm
    columns: int = 1

    def whole(self, h):
        """The value with all its features."""
        return h.node if h.lengths is None else Gather(h.node, comm=self.model, lengths=h.lengths)

    def part(self, h, lengths):
        """This rank's features of the value."""
        if self.model.size == 1 or h.lengths is not None:
            return h.node
        return Split(h.node, comm=self.model, lengths=lengths)

    def split(self, node, lengths):
        """A value of which this rank has its features."""
        return Value(node, tuple(lengths) if self.model.size > 1 else None)


@dataclass(frozen=True, eq=False)
class Dense:
    """h W + beta, with W (i, j) and beta (j,) or None."""

    W: np.ndarray
    beta: np.ndarray | None = None
    arrays = property(lambda self: [self.W] if self.beta is None else [self.W, self.beta])

    def build(self, h, place):
        if h.lengths is None:
            lengths = shares(self.W.shape[1], place.model.size)
            return place.split(split_dense_column(place.model, h.node, self.W, self.beta, lengths), lengths)
        each = len(self.W) // sum(h.lengths)  # pixels of a map, where maps were flattened
        lengths = [n * each for n in h.lengths]
        return Value(split_dense_row(place.model, h.node, self.W, self.beta, lengths))


@dataclass(frozen=True, eq=False)
class Conv:
    """max over 2 x 2 of h * W (without pool: h * W), + beta; W (o, c / columns, r, s), beta (o,) or None.

    columns : int, groups of filters and maps that see each other; 1 for all
    """

    W: np.ndarray
    beta: np.ndarray | None = None
    columns: int = 1
    padding: int = 0
    pool: bool = False
    arrays = property(lambda self: [self.W] if self.beta is None else [self.W, self.beta])

    def build(self, h, place):
        model, o = place.model, len(self.W)
        lengths = shares(o, model.size) if place.columns == 1 else column_shares(o, model.size, place.columns)
        if self.columns == 1:
            y = split_conv(model, place.whole(h), self.W, None, lengths, padding=self.padding)
        else:
            maps = column_shares(self.W.shape[1] * self.columns, model.size, self.columns)
            y = column_conv(model, place.part(h, maps), self.W, None, self.columns, padding=self.padding)
        y = MaxPool2d(y) if self.pool else y
        y = y if self.beta is None else AddChannelBias(y, Part(self.beta, 0, lengths, model))
        return place.split(y, lengths)


@dataclass(frozen=True, eq=False)
class Norm:
    """Batch norm: of split features each rank normalizes its own, exactly; over the batches of place.data, if any."""

    gamma: np.ndarray
    beta: np.ndarray
    arrays = property(lambda self: [self.gamma, self.beta])

    def build(self, h, place):
        if h.lengths is None:
            params = [Param(a) for a in self.arrays]
        else:
            params = [Part(a, 0, h.lengths, place.model) for a in self.arrays]
        together = place.data is not None and place.data.size > 1
        y = SyncBatchNorm(h.node, *params, comm=place.data) if together else BatchNorm(h.node, *params)
        return Value(y, h.lengths)


@dataclass(frozen=True)
class Apply:
    """A component without parameters that acts on each feature, such as ReLU; Reshape flattens maps into features."""

    component: type
    arrays = ()

    def build(self, h, place):
        return Value(self.component(h.node), h.lengths)


def mlp(rng, widths, norm=False):
    """The layers of an MLP: dense layers of the widths, ReLU between them, batch norm before ReLU where asked for.

    A dense layer before batch norm has no bias, as the mean takes it away.

    Parameters
    ----------
    rng : numpy.random.Generator, of the initial weights (Kaiming's), drawn layer by layer
    widths : sequence of at least two int, such as (784, 128, 10)
    norm : bool

    Returns
    -------
    list of layers

    Raises
    ------
    DataError : fewer than two widths, or one that is not a whole number of at least 1.
    """
    _widths("mlp", widths)
    layers, last = [], len(widths) - 2
    for k, (i, j) in enumerate(pairwise(widths)):
        normed = norm and k < last
        layers.append(Dense(kaiming_normal((i, j), rng), None if normed else np.zeros(j)))
        layers += [Norm(np.ones(j), np.zeros(j))] if normed else []
        layers += [Apply(ReLU)] if k < last else []
    return layers


def is_count(n):
    return isinstance(n, Integral) and not isinstance(n, bool) and n >= 1


def _widths(who, widths):
    if len(widths) < 2 or not all(is_count(n) for n in widths):
        raise DataError(f"{who}: widths are {widths!r}; at least two whole numbers of at least 1 are needed.")


def lenet(rng, maps=(8, 16), dense=(120, 84), classes=10, side=28, norm=False):
    """The layers of `models.lenet`, with the same parameters from the same rng.

    Parameters
    ----------
    rng, maps, dense, classes, side : see `models.lenet`
    norm : bool; batch norm after each convolution, in place of its bias

    Returns
    -------
    list of layers
    """
    layers = []
    for c, o in pairwise((1, *maps)):
        W = kaiming_normal((o, c, 5, 5), rng)
        layers.append(Conv(W, None if norm else np.zeros(o), pool=True))
        layers += [Norm(np.ones(o), np.zeros(o))] if norm else []
        layers.append(Apply(ReLU))
        side = (side - 4) // 2
    return [*layers, Apply(Reshape), *mlp(rng, (maps[-1] * side * side, *dense, classes))]


def columns(rng, maps=(8, 16, 16, 16), dense=(64,), classes=10, side=16, channels=1, groups=2):
    """AlexNet's arrangement in small: convolutions in `groups` columns that cross at the third and in the dense layers.

    3 x 3 filters with a margin of 1, a 2 x 2 maximum after the first two convolutions. The first sees the image, the
    third all maps, the others those of their own column (Krizhevsky, Sutskever & Hinton 2012, section 3.5: "the kernels
    of layer 3 take input from all kernel maps in layer 2"; S4 slide 58).

    Parameters
    ----------
    rng : numpy.random.Generator, of the initial weights
    maps : sequence of int, multiples of groups
    dense : sequence of int, the widths of the dense layers before the last one
    classes, side, channels : int; side, the images' height and width in pixels, a multiple of 4
    groups : int, how many columns

    Returns
    -------
    list of layers
    """
    layers, below = [], channels
    for k, o in enumerate(maps):
        own_maps = groups if k not in (0, 2) else 1
        W = kaiming_normal((o, below // own_maps, 3, 3), rng)
        layers += [Conv(W, np.zeros(o), columns=own_maps, padding=1, pool=k < 2), Apply(ReLU)]
        below, side = o, side // 2 if k < 2 else side
    return [*layers, Apply(Reshape), *mlp(rng, (below * side * side, *dense, classes))]


# Networks


@dataclass(frozen=True)
class Network(Classifier):
    """A rank's part of a network, or all of it on one rank. `scores` are whole on every rank."""

    def parameters(self):
        """The values of all parameters, a list of host arrays as one device has them. All ranks call it."""
        return whole_of(self.graph.params, "value")

    def gradients(self):
        """Their gradients, likewise."""
        return whole_of(self.graph.params, "grad")


def network(layers, model=None, data=None, dtype="float64", backend=None):
    """Build a network from its layers: whole on one rank, or this rank's part of it.

    Parameters
    ----------
    layers : list of layers, the same on every rank
    model : Comm among the ranks that share the layers. Default: this rank alone
    data : Comm among the ranks that share the batches, for synchronized batch norm. Default: BatchNorm of its own
    dtype : "float32" or "float64"
    backend : where arrays are. Default: model's, or else data's

    Returns
    -------
    Network
    """
    backend = backend or (model or data or Alone()).backend
    place = Place(model or Alone(), data, max(getattr(layer, "columns", 1) for layer in layers))
    with graph_on(backend, dtype):
        x, y = Input("x"), Input("y")
        h = Value(x)
        for layer in layers:
            h = layer.build(h, place)
        if h.lengths is None:
            return Network(x, y, h.node, CrossEntropy(h.node, y))
        loss = SplitCrossEntropy(h.node, y, comm=place.model, lengths=h.lengths)
        return Network(x, y, place.whole(h), loss)


def split_mlp(comm, rng, widths, norm=False, **options):
    """This rank's part of `mlp`: dense layers split by columns and by rows in turn, as Megatron's."""
    return network(mlp(rng, widths, norm), comm, **options)


def split_lenet(comm, rng, dtype="float64", data=None, **sizes):
    """This rank's part of `lenet`: filters shared out, dense layers split by rows and by columns in turn."""
    return network(lenet(rng, **sizes), comm, data, dtype)


def two_columns(comm, rng, dtype="float64", data=None, **sizes):
    """This rank's part of `columns`: convolutions in two columns with a crossing. Ranks beyond two hold no column."""
    return network(columns(rng, **sizes), comm, data, dtype)


class ModelParallel:
    """Training a network whose layers are split: every rank gets the whole batch, and keeps its part of the parameters.

    Parameters
    ----------
    comm : Comm, among which the network is split
    net : Network, this rank's part
    optimizer : an optimizer of the part's parameters, alike on every rank
    """

    def __init__(self, comm, net, optimizer):
        self.comm, self.net, self.optimizer = comm, net, optimizer

    def step(self, x, y):
        """One step on the batch x (B, ...), y (B,), whole on every rank; returns its mean loss before the step."""
        return self.net.step(self.optimizer, x, y)

    def parameters(self):
        """The values of all parameters, a list of host arrays as one device has them. All ranks call it."""
        return self.net.parameters()

    def gradients(self):
        """The gradients of the last step, likewise."""
        return self.net.gradients()
