"""Components that communicate: what stands between the parts of a layer that is split over several devices.

A value is either whole (every rank holds all of it, bitwise the same, and the gradient that reaches it is whole too) or
split along its feature axis (axis 1; every rank holds a part, and that part's gradient). Four components lead from one
to the other; each one's backward is the transpose of its forward, seen over all ranks together:

                       forward                                   backward
    Copy     x_k = x                whole -> used by each        x.grad = sum_k x_k.grad          all-reduce
    Reduce   y = sum_k y_k          all-reduce                   y_k.grad = y.grad                nothing
    Gather   y = (y_1, ..., y_N)    all-gather                   y_k.grad = part k of y.grad      nothing
    Split    y_k = part k of y      nothing                      y.grad = (y_1.grad, ...)         all-gather

Copy and Reduce are f and g of Shoeybi et al. 2019 (1909.08053), section 3. Parts may have different lengths, 0
included. Beside them: batch norm over the batches of all ranks, cross entropy of scores that are split by classes, and
a parameter of which each rank holds a part. None of these is in the registry, as none runs without a communicator.
"""

from math import prod
from numbers import Integral

from ..components.linear import check_labels
from ..components.loss import CrossEntropy
from ..components.normalization import BatchNorm
from ..cost import Cost, count
from ..errors import DataError, ShapeError
from ..graph import Component, Param
from .collectives import parts_of
from .machine import category

MEGATRON = "Shoeybi et al. 2019 (1909.08053), section 3"


def gathered(comm, xp, part, axis, shape, lengths):
    """The whole array of `shape`, of which rank k holds lengths[k] entries along `axis`: an all-gather.

    Parameters
    ----------
    xp : the array module of `part`
    part : array, this rank's part; one without entries may have any shape
    """
    shapes = [(*shape[:axis], n, *shape[axis + 1 :]) for n in lengths]
    sizes = [prod(s) for s in shapes]
    with category(comm.backend, "buffers"):
        flat, places = comm.empty(sum(sizes), part.dtype), parts_of(sizes)
        flat[slice(*places[comm.rank])] = part.reshape(-1)
        comm.all_gather(flat, sizes)
    pieces = [flat[a:b].reshape(s) for (a, b), s in zip(places, shapes, strict=True)]
    return xp.concatenate(pieces, axis=axis)


def own(comm, array, axis, lengths):
    """This rank's part of `array` along `axis`, a view."""
    start, stop = parts_of(lengths)[comm.rank]
    return array[(*[slice(None)] * axis, slice(start, stop))]


def summed(comm, array):
    """The sum of `array` over the ranks, a new array: an all-reduce."""
    found = array.copy()
    with category(comm.backend, "buffers"):
        return comm.all_reduce(found)


class Communicating(Component):
    """y[b,...] from x[b,...] and what the other ranks hold.

    Parameters
    ----------
    x : (B, ...), batched
    comm : Comm, among the ranks that share the layer

    Raises
    ------
    DataError : no comm.
    """

    axes = "b,... -> b,..."
    source = MEGATRON
    settings = {"comm": None}

    def configure(self):
        check_comm(self)

    def additions(self, sizes):
        """How many numbers this rank adds, on average, in an all-reduce of x: (N-1)/N of its entries."""
        entries = count(sizes, *self.signature.args[0])
        return entries * (self.comm.size - 1) // self.comm.size


def check_comm(node):
    """A communicator was given. Raises DataError."""
    if not hasattr(node.comm, "all_reduce"):
        raise DataError(f"{node.label}: comm is {node.comm!r}; pass the communicator of the ranks that take part.")


class Copy(Communicating):
    """x_k = x: f of Megatron. Each rank computes a part of a layer from the same x.

    Forward nothing moves; backward, what each rank's part contributes is summed: x.grad[b,...] = sum_k x_k.grad[b,...].
    """

    def forward(self, x):
        return x

    def backward(self, grad, y, x):
        return lambda: summed(self.comm, grad)

    def jvp(self, tangents, y, x):
        return tangents[0]

    def cost(self, sizes):
        return Cost(forward=0, backward=self.additions(sizes))


class Reduce(Communicating):
    """y[b,...] = sum_k y_k[b,...]: g of Megatron. Each rank holds a term of a sum; all get the sum."""

    def forward(self, x):
        return summed(self.comm, x)

    def backward(self, grad, y, x):
        return grad  # y_k.grad[b,...] = y.grad[b,...], which every rank has

    def jvp(self, tangents, y, x):
        return summed(self.comm, tangents[0])

    def cost(self, sizes):
        return Cost(forward=self.additions(sizes), backward=0)


class Partwise(Communicating):
    """What Gather and Split share: a value whose features, axis 1, are shared out.

    Parameters
    ----------
    x : (B, i, ...), batched
    comm : Comm
    lengths : sequence of int of at least 0, how many features each rank has

    Raises
    ------
    DataError : no comm, or lengths are not one whole number for each rank.
    ShapeError : x does not have the features that lengths tell.
    """

    axes = "b,i,... -> b,k,..."
    settings = {"comm": None, "lengths": None}

    def configure(self):
        super().configure()
        check_lengths(self)

    def cost(self, sizes):
        return Cost(forward=0, backward=0)

    def _must_have(self, sizes, features, which):
        if sizes["i"] != features:
            raise ShapeError(
                f"{self.label}: x has {sizes['i']} features on rank {self.comm.rank}, but {which} of lengths "
                f"{self.lengths} is {features}."
            )


def check_lengths(node):
    """lengths is one whole number for each rank. Raises DataError."""
    given, N = node.lengths, node.comm.size
    if given is None or len(given) != N or not all(isinstance(n, Integral) and n >= 0 for n in given):
        raise DataError(f"{node.label}: lengths is {given!r}; a number of features for each of {N} ranks is needed.")
    node.lengths = tuple(int(n) for n in given)


class Gather(Partwise):
    """y = (y_1, ..., y_N) along axis 1: every rank gets all features. See `Partwise` for the parameters."""

    def derive(self, sizes):
        self._must_have(sizes, self.lengths[self.comm.rank], "this rank's number")
        return {"k": sum(self.lengths)}

    def forward(self, x):
        return self._gathered(x)

    def backward(self, grad, y, x):
        return own(self.comm, grad, 1, self.lengths)  # y_k.grad[b,i,...] = y.grad[b,start_k + i,...]

    def jvp(self, tangents, y, x):
        return self._gathered(tangents[0])

    def _gathered(self, x):
        shape = (len(x), sum(self.lengths), *x.shape[2:])
        return gathered(self.comm, self.xp, x, 1, shape, self.lengths)


class Split(Partwise):
    """y_k = part k of x along axis 1: every rank keeps its own features. See `Partwise` for the parameters."""

    def derive(self, sizes):
        self._must_have(sizes, sum(self.lengths), "the sum")
        return {"k": self.lengths[self.comm.rank]}

    def forward(self, x):
        return own(self.comm, x, 1, self.lengths)

    def backward(self, grad, y, x):
        return lambda: gathered(self.comm, self.xp, grad, 1, x.shape, self.lengths)

    def jvp(self, tangents, y, x):
        return own(self.comm, tangents[0], 1, self.lengths)


class SyncBatchNorm(BatchNorm):
    """Batch norm over the instances of all ranks: on shards of a batch, exactly what BatchNorm does on the whole batch.

    Forward, each rank sends n, its mean and M2 = sum (x - mean)^2 of each feature, and all combine them in the order of
    ranks by the pairwise formula of Chan, Golub & LeVeque 1983 (not by averaging variances; erratum 4.50):

        delta = mean_b - mean_a,  mean = mean_a + delta n_b/n,  M2 = M2_a + M2_b + delta^2 n_a n_b/n,  n = n_a + n_b

    Backward, the two sums of J d = r (d - sum d / n - xhat sum(xhat d) / n) run over all ranks: one all-reduce.
    gamma.grad and beta.grad stay this rank's sums, as data parallelism adds them. Inside `graph.evaluating()` nothing
    is sent. In S4's words (slide 55) this is synchronized batch norm; BatchNorm on each shard is its cheaper relative.

    Parameters
    ----------
    x, gamma, beta, eps, momentum, axis : see BatchNorm
    comm : Comm, among the ranks that share the batch

    Attributes
    ----------
    absent : bool; True where this rank has no instance of the batch: the one that it computes counts for nothing, and
        gets no gradient

    Raises
    ------
    DataError, ShapeError : as BatchNorm, a batch of one being one of all ranks together; no comm.
    """

    source = "Chan, Golub & LeVeque 1983; torch.nn.SyncBatchNorm; S4, slide 55 (erratum 4.50)"
    settings = BatchNorm.settings | {"comm": None}
    absent = False

    def configure(self):
        super().configure()
        check_comm(self)
        self._found = None  # n, mean (c,) and M2 (c,) of the whole batch, from the last training Forward

    def forward(self, x, gamma, beta):
        if self.graph.training:
            self._found = self._combined(x)
        return super().forward(x, gamma, beta)

    def statistics(self, x):
        if not self.graph.training:
            return super().statistics(x)
        n, mean, M2 = self._found
        r = 1.0 / self.xp.sqrt(self.over_x(M2, x) / n + self.eps)
        xhat = (x - self.over_x(mean, x)) * r
        return xhat, lambda d: self._jacobian(d, xhat, r, n)

    def _axes(self, x):
        return tuple(k for k in range(x.ndim) if k != self.axis % x.ndim)

    def _combined(self, x):
        axes, c = self._axes(x), x.shape[self.axis]
        mean = x.mean(axis=axes)
        with category(self.comm.backend, "buffers"):
            told = self.comm.empty(self.comm.size * (2 * c + 1), x.dtype).reshape(self.comm.size, 2 * c + 1)
            mine = told[self.comm.rank]
            mine[:1] = 0 if self.absent else prod(x.shape[k] for k in axes)
            mine[1 : c + 1] = 0 if self.absent else mean
            mine[c + 1 :] = 0 if self.absent else ((x - self.over_x(mean, x)) ** 2).sum(axis=axes)
            self.comm.all_gather(told)
        n = float(told[:, 0].sum())
        if n < 2:
            raise DataError(
                f"{self.label}: the ranks together hold {int(n)} value for each feature, which has no variance: train "
                "on batches of at least 2, or use the network inside graph.evaluating()."
            )
        return n, *self._chan(told[:, :1], told[:, 1 : c + 1], told[:, c + 1 :])

    def _chan(self, counts, means, M2s):
        """Mean and M2 of all ranks' instances together, added in the order of ranks."""
        n, mean, M2 = counts[0], means[0], M2s[0]
        for n_b, mean_b, M2_b in zip(counts[1:], means[1:], M2s[1:], strict=True):
            delta, total = mean_b - mean, n + n_b
            share = n_b / self.xp.maximum(total, 1)  # 0 where both are absent
            mean, M2, n = mean + delta * share, M2 + M2_b + delta * delta * n * share, total
        return mean, M2

    def _jacobian(self, d, xhat, r, n):
        axes, c = self._axes(d), d.shape[self.axis]
        with category(self.comm.backend, "buffers"):
            sums = self.comm.empty(2 * c, d.dtype)
            sums[:c] = 0 if self.absent else d.sum(axis=axes)
            sums[c:] = 0 if self.absent else (xhat * d).sum(axis=axes)
            self.comm.all_reduce(sums)
        if self.absent:
            return 0 * d
        return r * (d - self.over_x(sums[:c], d) / n - xhat * self.over_x(sums[c:], d) / n)

    def _follow(self, x):
        n, mean, M2 = self._found
        m, found = self.momentum, {"running_mean": mean, "running_var": M2 / (n - 1)}
        self.state = {name: (1 - m) * self.state[name] + m * found[name] for name in self.state}


class SplitCrossEntropy(CrossEntropy):
    """CrossEntropy of scores that are split by classes: the loss without gathering the scores.

    log p[b,y] = d[b,y] - log sum_i exp d[b,i],  d the scores less the greatest of all ranks. The ranks' maxima are
    gathered, B numbers from each; then sums of exponentials and the label's d, 3 B numbers (4 B with smoothing), are
    added. Backward nothing moves. (Shoeybi et al. 2019, section 3, fuse loss and last layer for this saving.) As in
    CrossEntropy, the sums leave out the greatest entry and the label's, so that no digits cancel.

    Parameters
    ----------
    s : (B, i_k), this rank's scores
    y : (B,), integer labels among all classes, the same on every rank
    label_smoothing : see CrossEntropy
    comm : Comm
    lengths : sequence of int, how many classes each rank has

    Raises
    ------
    DataError : as CrossEntropy; no comm, or lengths that do not fit its ranks.
    ShapeError : s and y disagree on the batch, or s does not have this rank's classes.
    """

    source = f"{MEGATRON}; torch.nn.functional.cross_entropy"
    settings = CrossEntropy.settings | {"comm": None, "lengths": None}

    def configure(self):
        super().configure()
        check_comm(self)
        check_lengths(self)
        self._found = None  # the greatest score, the sum of exp d but the label's, the label's d: each (B,)

    def derive(self, sizes):
        if sizes["i"] != self.lengths[self.comm.rank]:
            raise ShapeError(
                f"{self.label}: s has {sizes['i']} classes on rank {self.comm.rank}; lengths are {self.lengths}."
            )
        return {}

    def forward(self, s, y):
        eps, n, xp = self.label_smoothing, sum(self.lengths), self.xp
        check_labels(self, "label", "y", y, n, "classes")
        greatest, is_greatest = self._greatest(s)
        d, is_label = s - greatest[:, None], self._is_label(y)
        e = xp.exp(d)
        parts = [xp.where(is_greatest, 0, e), xp.where(is_label, 0, e), xp.where(is_label, d, 0), *([d] if eps else [])]
        sums = self.comm.empty(len(parts) * len(y), s.dtype).reshape(len(parts), len(y))
        for row, part in zip(sums, parts, strict=True):
            row[...] = part.sum(axis=1)
        self.comm.all_reduce(sums)
        self._found = greatest, sums[1], sums[2]
        log_sum = xp.log1p(sums[0])
        label = log_sum - sums[2]
        return (1.0 - eps) * label + eps * (log_sum - sums[3] / n) if eps else label

    def slope(self, s, y):
        eps, n, xp = self.label_smoothing, sum(self.lengths), self.xp
        greatest, others, label = self._found
        total = (others + xp.exp(label))[:, None]
        elsewhere = xp.exp(s - greatest[:, None]) / total - eps / n
        return xp.where(self._is_label(y), eps * (1 - 1 / n) - others[:, None] / total, elsewhere)

    def jvp(self, tangents, ell, s, y):
        return summed(self.comm, super().jvp(tangents, ell, s, y))

    def _is_label(self, y):
        start, stop = parts_of(self.lengths)[self.comm.rank]
        return self.xp.arange(start, stop)[None, :] == y[:, None]

    def _greatest(self, s):
        """The greatest score of each instance over all ranks, and where it is: in one place, the first."""
        N, (B, i), xp = self.comm.size, s.shape, self.xp
        maxima = self.comm.empty(N * B, s.dtype).reshape(N, B)
        maxima[self.comm.rank] = s.max(axis=1) if i else -xp.inf
        self.comm.all_gather(maxima)
        holder = maxima.argmax(axis=0) == self.comm.rank
        top = s.argmax(axis=1) if i else xp.zeros(B, int)
        return maxima.max(axis=0), holder[:, None] & (xp.arange(i)[None, :] == top[:, None])


class Part(Param):
    """This rank's part of a parameter that is split over the ranks of a model group.

    Parameters
    ----------
    whole : array, all of it; every rank passes the same and keeps its own
    axis : int, along which it is split
    lengths : sequence of int, how many entries of that axis each rank has
    group : Comm, among the ranks that share it
    """

    def __init__(self, whole, axis, lengths, group, name=None, *, graph=None):
        self.axis, self.lengths, self.group, self.whole_shape = axis, tuple(lengths), group, whole.shape
        if len(self.lengths) != group.size or sum(self.lengths) != whole.shape[axis]:
            raise ShapeError(
                f"Part: lengths {self.lengths} must be {group.size} numbers, one for each rank, that sum to "
                f"{whole.shape[axis]}, axis {axis} of a parameter of shape {whole.shape}."
            )
        super().__init__(own(group, whole, axis, self.lengths), name, graph=graph)

    def gathered(self, array):
        """The whole of what each rank has a part of: its value, or its gradient. All ranks of the group call it."""
        if self.group.size == 1:
            return array
        return gathered(self.group, self.xp, array, self.axis, self.whole_shape, self.lengths)


def whole_of(params, what):
    """What the parameters' attribute `what` ("value" or "grad") is on one device: a list of host arrays, copied.

    All ranks of the model group call it. A parameter without a gradient has a gradient of zeros.
    """
    found = []
    for p in params:
        array = p.xp.zeros_like(p.value) if getattr(p, what) is None else getattr(p, what)
        array = p.gathered(array) if isinstance(p, Part) else array
        found.append(p.graph.backend.to_host(array).copy())
    return found
