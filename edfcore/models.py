"""Networks that the course trains from end to end, each in a graph of its own.

    lenet          convolutions on MNIST                                  (LeCun, Bottou, Bengio & Haffner 1998)
    residual_mlp   depth, with and without the identity beside each layer (He, Zhang, Ren & Sun 2016)
    adder          a recurrent network for the adding problem             (Hochreiter & Schmidhuber 1997)

Each comes with its training loop, which returns the figure that it is judged by.
"""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np

from .components import (
    AddChannelBias,
    Conv2d,
    CrossEntropy,
    LSTMCell,
    MaxPool2d,
    ReLU,
    Reshape,
    RNNCell,
    Slice,
    SquaredLoss,
    lstm_parameters,
    rnn_parameters,
    unroll,
)
from .data import batches, load_mnist
from .errors import DataError
from .graph import Graph, Input, Node, Param
from .initializers import kaiming_normal
from .optimizers import Adam, clip_by_global_norm
from .schedules import Cosine


@dataclass(frozen=True)
class Classifier:
    """A network that gives each instance a score for each label."""

    x: Input  # a batch of instances
    y: Input  # (B,), their labels
    scores: Node  # (B, classes)
    loss: Node  # (B,), cross entropy in nats

    graph = property(lambda self: self.loss.graph)

    def error(self, x, y, B=1000):
        """The fraction of the instances x (N, ...) whose largest score is not at their label y (N,)."""
        wrong, to_host = 0, self.graph.backend.to_host
        with self.graph.evaluating():
            for some, labels in batches(x, y, B=B):
                self.x.set(some)
                self.graph.Forward(self.scores)
                wrong += int((to_host(self.scores.value).argmax(axis=1) != labels).sum())
        return wrong / len(y)

    def step(self, optimizer, x, y):
        """One step of an optimizer on the batch x, y; returns the batch's mean loss before it."""
        self.x.set(x)
        self.y.set(y)
        self.graph.Forward(self.loss)
        self.graph.Backward(self.loss)
        optimizer.step()
        return float(self.loss.value.mean())


def _classifier(x, scores):
    y = Input("y")
    return Classifier(x, y, scores, CrossEntropy(scores, y))


def _generator(owner, rng):
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"{owner}: rng is {rng!r}; pass a generator such as numpy.random.default_rng(0).")


def _whole(owner, least, **numbers):
    for name, n in numbers.items():
        if isinstance(n, bool) or not isinstance(n, Integral) or n < least:
            raise DataError(f"{owner}: {name} is {n!r}; a whole number of at least {least} is needed.")


def _dense(h, rng, i, j):
    """h W + beta, with Kaiming's W (i, j)."""
    return h @ Param(kaiming_normal((i, j), rng)) + Param(np.zeros(j))


# Convolutions


def lenet(rng, maps=(8, 16), dense=(120, 84), classes=10, side=28, dtype="float32"):
    """A network in the style of LeNet-5: two convolutions, three dense layers.

    5 x 5 convolution, 2 x 2 maximum, 5 x 5 convolution, 2 x 2 maximum, dense layers of 120, 84 and 10. Unlike in 1998:
    ReLU, maxima instead of trained averages, every map sees every map below, cross entropy, Kaiming's initial weights.
    Bias and ReLU come after the maximum, where they have a quarter of the pixels: max(x + beta) = max(x) + beta.

    Parameters
    ----------
    rng : numpy.random.Generator, of the initial parameters
    maps : pair of int, the maps of the two convolutions
    dense : sequence of int, the widths of the dense layers before the last one
    classes : int
    side : int of at least 16, the images' height and width in pixels
    dtype : "float32" or "float64"

    Returns
    -------
    Classifier, its x of shape (B, 1, side, side)

    Raises
    ------
    DataError : rng is no generator, or a size is no whole number, or too small.

    References
    ----------
    LeCun, Bottou, Bengio & Haffner 1998, section II.B; He et al. 2015, eq. 10.

    Examples
    --------
    >>> net = lenet(np.random.default_rng(0))
    >>> sum(p.value.size for p in net.graph.params)
    45278
    """
    _generator("lenet", rng)
    _whole("lenet", 16, side=side)
    if not isinstance(maps, (tuple, list)) or len(maps) != 2:
        raise DataError(f"lenet: maps is {maps!r}; a pair such as (8, 16) is needed.")
    if not isinstance(dense, (tuple, list)):
        raise DataError(f"lenet: dense is {dense!r}; a sequence of widths such as (120, 84) is needed.")
    sizes = {f"maps[{k}]": n for k, n in enumerate(maps)} | {f"dense[{k}]": n for k, n in enumerate(dense)}
    _whole("lenet", 1, **sizes, classes=classes)
    with Graph(dtype):
        h = x = Input("x")
        for c, o in pairwise((1, *maps)):
            h = MaxPool2d(Conv2d(h, Param(kaiming_normal((o, c, 5, 5), rng))))
            h = ReLU(AddChannelBias(h, Param(np.zeros(o))))
            side = (side - 4) // 2
        h, widths = Reshape(h), (maps[-1] * side * side, *dense, classes)
        for layer, (i, j) in enumerate(pairwise(widths)):
            h = _dense(ReLU(h) if layer else h, rng, i, j)
        return _classifier(x, h)


def train_lenet(epochs=12, B=64, lr=2e-3, seed=0, shift=1, on_batch=None):
    """Train `lenet` on the 60,000 images of MNIST; return its error rate on the 10,000 test images.

    Adam with a rate that falls to 0 along a half cosine. Each batch is moved by up to `shift` pixels down and across,
    which leaves a digit what it is. Pixels are centred and scaled by the training set's mean and deviation.

    Parameters
    ----------
    epochs, B : int
    lr : float, the first learning rate
    seed : int, of the initial parameters, the order and the shifts
    shift : int, pixels; 0 for none
    on_batch : function of the number of a batch's instances, called after each batch, for progress

    Returns
    -------
    float, the fraction of test images whose largest score is at a wrong label

    Raises
    ------
    DataError : epochs or B is not a whole number of at least 1, shift not one of at least 0, or lr is negative.
    """
    _whole("train_lenet", 1, epochs=epochs, B=B)
    _whole("train_lenet", 0, shift=shift, seed=seed)
    mnist, rng = load_mnist(), np.random.default_rng(seed)
    mean, deviation = mnist.train_images.mean(), mnist.train_images.std()
    train, test = (((x - mean) / deviation).reshape(-1, 1, 28, 28) for x in (mnist.train_images, mnist.test_images))
    net = lenet(rng)
    optimizer = Adam(net.graph, lr=Cosine(lr, epochs * -(-len(train) // B)))
    for _ in range(epochs):
        for images, labels in batches(train, mnist.train_labels, B=B, rng=rng):
            net.step(optimizer, np.roll(images, rng.integers(-shift, shift + 1, size=2), axis=(2, 3)), labels)
            if on_batch:
                on_batch(len(labels))
    return net.error(test, mnist.test_labels)


# Depth


def residual_mlp(rng, depth=50, width=32, fan_in=784, classes=10, skip=True, dtype="float32"):
    """An MLP of `depth` layers of weights; with `skip`, the identity stands beside each of the inner ones.

    The first layer leads to `width`, the last to the classes, and each of the depth - 2 between them is

        h' = h + (ReLU(h) W + beta) / sqrt(depth)      with skip      (identity mappings, He et al. 2016b)
        h' = ReLU(h) W + beta                          without

    with the same W, from Kaiming's distribution, which keeps E[h^2] where there is no skip. With it, E[h^2] grows by
    1 + 1/depth in each layer, to less than e times its start (the scale of Zhang et al. 2019 for one-layer branches).

    Parameters
    ----------
    rng : numpy.random.Generator, of the initial parameters
    depth : int of at least 2
    width, fan_in, classes : int, the sizes of the inner layers, of an instance, and of the scores
    skip : bool
    dtype : "float32" or "float64"

    Returns
    -------
    Classifier, its x of shape (B, fan_in)

    Raises
    ------
    DataError : rng is no generator, or a size is no whole number, or too small.

    References
    ----------
    He, Zhang, Ren & Sun 2016a (1512.03385), eq. 1, and 2016b (1603.05027); Zhang, Dauphin & Ma 2019 (1901.09321).
    """
    _generator("residual_mlp", rng)
    _whole("residual_mlp", 2, depth=depth)
    _whole("residual_mlp", 1, width=width, fan_in=fan_in, classes=classes)
    with Graph(dtype):
        x = Input("x")
        h = _dense(x, rng, fan_in, width)
        for _ in range(depth - 2):
            layer = _dense(ReLU(h), rng, width, width)
            h = h + depth**-0.5 * layer if skip else layer
        return _classifier(x, _dense(ReLU(h), rng, width, classes))


def train_residual_mlp(rng, N=1000, epochs=10, B=50, lr=1e-3, **network):
    """Train `residual_mlp` on the first N images of MNIST with Adam; return its error rate on these same images.

    The question is whether it can be trained at all, so no other images are asked.

    Parameters
    ----------
    rng : numpy.random.Generator, of the initial parameters and the order
    N, epochs, B : int
    lr : float
    network : depth, width, skip, dtype of `residual_mlp`

    Returns
    -------
    float, the fraction of the N images whose largest score is at a wrong label

    Raises
    ------
    DataError : a number is not of its kind.
    """
    _whole("train_residual_mlp", 1, N=N, epochs=epochs, B=B)
    mnist, net = load_mnist(), residual_mlp(rng, **network)
    x, y = mnist.train_images[:N], mnist.train_labels[:N]
    if N > len(y):
        raise DataError(f"train_residual_mlp: N is {N}, but MNIST has {len(y)} training images.")
    optimizer = Adam(net.graph, lr=lr)
    for _ in range(epochs):
        for batch in batches(x, y, B=B, rng=rng):
            net.step(optimizer, *batch)
    return net.error(x, y)


# Time


def adding_problem(rng, B, T):
    """Sequences of T pairs (number, mark): the target is the sum of the two numbers that are marked with 1.

    The numbers are uniform from 0 to 1. One mark is in the first half, one in the second, all others are 0. Whoever
    always answers 1 has the mean squared error 1/6, the variance of a sum of two uniform numbers. (This is the form of
    Le, Jaitly & Hinton 2015; Hochreiter & Schmidhuber's numbers run from -1 to 1, and their target is scaled.)

    Parameters
    ----------
    rng : numpy.random.Generator
    B : int, how many sequences
    T : int of at least 2, their length in steps

    Returns
    -------
    x : array (B, T, 2), target : array (B, 1)

    Raises
    ------
    DataError : rng is no generator, B or T no whole number, or too small.

    References
    ----------
    Hochreiter & Schmidhuber 1997, experiment 4; Le, Jaitly & Hinton 2015 (1504.00941).

    Examples
    --------
    >>> x, target = adding_problem(np.random.default_rng(0), B=4, T=10)
    >>> x.shape, target.shape, x[:, :, 1].sum(axis=1).tolist()
    ((4, 10, 2), (4, 1), [2.0, 2.0, 2.0, 2.0])
    >>> bool(np.allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=1), target[:, 0]))
    True
    """
    _generator("adding_problem", rng)
    _whole("adding_problem", 1, B=B)
    _whole("adding_problem", 2, T=T)
    x, rows = np.zeros((B, T, 2)), np.arange(B)
    x[:, :, 0] = rng.uniform(size=(B, T))
    first, second = rng.integers(0, T // 2, size=B), rng.integers(T // 2, T, size=B)
    x[rows, first, 1] = x[rows, second, 1] = 1.0
    return x, (x[rows, first, 0] + x[rows, second, 0])[:, None]


@dataclass(frozen=True)
class Adder:
    """A recurrent network that reads T pairs and answers with one number."""

    xs: list  # T inputs (B, 2)
    state: Input  # (B, n), set to zeros
    target: Input  # (B, 1)
    answer: Node  # (B, 1)
    loss: Node  # (B,), half the squared error

    graph = property(lambda self: self.loss.graph)

    def forward(self, x, target):
        """Set sequences x (B, T, 2) and targets (B, 1), go forward, and return the mean squared error.

        Raises
        ------
        DataError : x has another shape.
        """
        if np.shape(x)[1:] != (len(self.xs), 2):
            raise DataError(f"Adder.forward: x has shape {np.shape(x)}; (B, {len(self.xs)}, 2) is needed.")
        for t, node in enumerate(self.xs):
            node.set(x[:, t])
        self.target.set(target)
        self.state.set(np.zeros((len(x), self.state_size)))
        self.graph.Forward(self.loss)
        return 2 * float(self.loss.value.mean())

    @property
    def state_size(self):
        """n : j for the tanh cell, 2 j for the LSTM."""
        U = self.graph.params[1].value
        return 2 * len(U) if U.shape[1] == 4 * len(U) else len(U)


def adder(rng, T, hidden=16, cell="lstm", dtype="float32"):
    """A network for the adding problem: a cell over T steps, its last h read out by one dense layer.

    Parameters
    ----------
    rng : numpy.random.Generator, of the initial parameters
    T : int, steps
    hidden : int, j, the size of h
    cell : "lstm" (forget bias 1) or "rnn" (tanh)
    dtype : "float32" or "float64"

    Returns
    -------
    Adder

    Raises
    ------
    DataError : rng is no generator, a size no whole number of at least 1, or the cell unknown.
    """
    if cell not in ("lstm", "rnn"):
        raise DataError(f"adder: cell is {cell!r}; 'lstm' or 'rnn' is needed.")
    _generator("adder", rng)
    _whole("adder", 1, T=T, hidden=hidden)
    make, component = (lstm_parameters, LSTMCell) if cell == "lstm" else (rnn_parameters, RNNCell)
    with Graph(dtype):
        params = make(rng, 2, hidden)
        xs, state, target = [Input(f"x[{t}]") for t in range(T)], Input("state"), Input("target")
        last = unroll(lambda x, h: component(x, h, *params), xs, state)[-1]
        bound = 1 / np.sqrt(hidden)
        V, bias = Param(rng.uniform(-bound, bound, size=(hidden, 1)), "V"), Param([0.0], "bias")
        answer = Slice(last, stop=hidden) @ V + bias
        return Adder(xs, state, target, answer, SquaredLoss(answer, target))


def train_adder(rng, T=50, steps=2400, B=20, hidden=16, lr=1e-2, cell="lstm"):
    """Train `adder` on new sequences in each step, and return its mean squared error on 1,000 others.

    Adam at a constant rate; the gradient's norm is clipped at 1 (Pascanu, Mikolov & Bengio 2013).

    Parameters
    ----------
    rng : numpy.random.Generator, of the initial parameters and the sequences
    T, steps, B, hidden : int
    lr : float
    cell : "lstm" or "rnn"

    Returns
    -------
    float, to compare with 1/6, the error of the constant answer 1

    Raises
    ------
    DataError : a number is not of its kind.
    """
    _whole("train_adder", 1, steps=steps, B=B)
    net = adder(rng, T, hidden, cell)
    optimizer = Adam(net.graph, lr=lr)
    for _ in range(steps):
        net.forward(*adding_problem(rng, B, T))
        net.graph.Backward(net.loss)
        clip_by_global_norm(net.graph, 1.0)
        optimizer.step()
    return net.forward(*adding_problem(rng, 1000, T))
