"""NumPy by hand: what a planned engine could at best become without other libraries.

Every array is made once, and every call writes into one (`out=`). Parameters lie in one flat array, their gradients in
another, so that SGD is one subtraction: -lr/B is part of the gradient from the start. W and b that follow each other in
the flat array are one matrix, [W; b], that multiplies [x 1]: the bias and its gradient cost no call of their own.

LeNet keeps the instances in the last axis, as edfcore's convolution does: then each copy of pixels into columns moves
whole rows (q, b), and the dense layers go on from there without a transposition.
"""

import numpy as np

from edfcore.bench import numpy_versions


def flat(params):
    """(all parameters in one array, an array like it for gradients, views of each in both)."""
    w = np.concatenate([p.ravel() for p in params.values()])
    g, at, views = np.zeros_like(w), 0, []
    for p in params.values():
        views.append([a[at : at + p.size].reshape(p.shape) for a in (w, g)])
        at += p.size
    return w, g, views


def joined(array, W, at):
    """The view [W; b] of a flat array: W (i, j) begins at `at`, and b (j,) follows it."""
    i, j = W.shape
    return array[at : at + (i + 1) * j].reshape(i + 1, j)


def with_ones(B, width):
    """(B, width + 1) whose last column is 1, and its first `width` columns."""
    whole = np.ones((B, width + 1), np.float32)
    return whole, whole[:, :-1]


def product(a, b, out):
    """A function that writes a @ b into out, in two halves of columns where that is faster.

    OpenBLAS multiplies small matrices, m n k <= 10^6, as they lie, and copies larger ones into tiles first. At B = 10
    the first layer is just above: 29 us in one piece and 13 us in two (1 thread, kernel SkylakeX).
    """
    m, k, n = *a.shape, b.shape[1]
    if not 1e6 < m * k * n <= 2e6 or n % 2:
        return lambda: np.matmul(a, b, out=out)
    left, right = np.s_[:, : n // 2], np.s_[:, n // 2 :]
    halves = (b[left], out[left]), (b[right], out[right])

    def both():
        for b_half, out_half in halves:
            np.matmul(a, b_half, out=out_half)

    return both


def softmax_slope(s, p, most, scale, at):
    """p = softmax of the scores s (classes, B), and s becomes scale (p - one-hot); `at` names the labels' entries.

    Classes come first: a maximum over a short last axis takes NumPy many times as long.
    """
    np.maximum.reduce(s, axis=0, keepdims=True, out=most)
    np.subtract(s, most, out=s)
    np.exp(s, out=s)
    np.add.reduce(s, axis=0, keepdims=True, out=most)
    np.divide(s, most, out=p)
    np.multiply(p, scale, out=s)
    s[at] -= scale


def mlp(params, x, y, lr):
    """Sigmoid layers and softmax cross entropy: (step, loss)."""
    B, f32 = x.shape[1], np.float32
    w, g, _ = flat(params)
    W = list(params.values())[::2]
    starts = np.cumsum([0, *((i + 1) * j for i, j in (V.shape for V in W))])
    V, V_grad = ([joined(a, M, at) for M, at in zip(W, starts[:-1], strict=True)] for a in (w, g))
    W = [M[:-1] for M in V]
    h1, h = zip(*(with_ones(B, len(M)) for M in W), strict=True)  # h1[n] = [h[n] 1], the n-th layer's input
    s = np.empty((W[-1].shape[1], B), f32)
    d = [*(np.empty((B, M.shape[1]), f32) for M in W[:-1]), s.T]  # derivatives with respect to each layer's sums
    slopes = [np.empty_like(a) for a in d[:-1]]
    p, most, columns, labels = np.empty_like(s), np.empty((1, B), f32), np.arange(B), np.empty(B, y.dtype)
    scale, half, last = f32(lr / B), f32(0.5), len(W) - 1
    multiply = [product(h1[n], V[n], d[n]) for n in range(last)]

    def step(k):
        np.copyto(h[0], x[k])
        np.copyto(labels, y[k])
        for n in range(last):  # sigmoid(z) = 1/2 + 1/2 tanh(z/2): half the time of 1 / (1 + exp(-z))
            z = d[n]
            multiply[n]()
            np.multiply(z, half, out=z)
            np.tanh(z, out=z)
            np.multiply(z, half, out=z)
            np.add(z, half, out=h[n + 1])
        np.matmul(V[last].T, h1[last].T, out=s)
        softmax_slope(s, p, most, scale, (labels, columns))
        for n in range(last, 0, -1):
            np.dot(h1[n].T, d[n], out=V_grad[n])  # for B = 1, matmul takes ten times as long
            np.matmul(d[n], W[n].T, out=d[n - 1])
            np.subtract(1, h[n], out=slopes[n - 1])
            np.multiply(slopes[n - 1], h[n], out=slopes[n - 1])
            np.multiply(d[n - 1], slopes[n - 1], out=d[n - 1])
        np.dot(h1[0].T, d[0], out=V_grad[0])
        np.subtract(w, g, out=w)

    return step, lambda: -np.log(p[labels, columns]).mean()


class Convolution:
    """5 x 5 convolution, 2 x 2 maximum, bias, ReLU on (c, h, w, B), with the gradients of what follows the maximum."""

    def __init__(self, K, K_grad, c, c_grad, shape):
        (o, k, r, s), (_, h, w, B) = K.shape, shape
        p, q = h - r + 1, w - s + 1
        new = lambda *shape: np.empty(shape, np.float32)  # noqa: E731
        self.K, self.K_grad = K.reshape(o, k * r * s), K_grad.reshape(o, k * r * s)
        self.turned = new(k * r * s, o)  # K's gradient, transposed: OpenBLAS is twice as fast this way round
        self.c, self.c_grad = c[:, None, None, None], c_grad
        self.columns, self.sums = new(k, r, s, p, q, B), new(o, p, q, B)
        self.windows = k, r, s, p, q, B
        self.most, self.out, self.half = (new(o, p // 2, q // 2, B) for _ in range(3))
        self.is_most = np.empty(self.most.shape, bool)
        self.taps = [self.sums[:, a::2, b::2] for a in (0, 1) for b in (0, 1)]

    def forward(self, x):
        k, r, s, p, q, B = self.windows
        a = x.strides
        seen = np.lib.stride_tricks.as_strided(x, self.windows, (a[0], a[1], a[2], a[1], a[2], a[3]))
        np.copyto(self.columns, seen)
        np.matmul(self.K, self.columns.reshape(k * r * s, -1), out=self.sums.reshape(len(self.K), -1))
        t = self.taps
        np.maximum(t[0], t[1], out=self.most)
        np.maximum(t[2], t[3], out=self.half)
        np.maximum(self.most, self.half, out=self.most)
        np.add(self.most, self.c, out=self.out)
        np.maximum(self.out, 0, out=self.out)
        return self.out

    def backward(self, d, x_grad=None):
        """d, the derivative with respect to `out`, is overwritten."""
        np.greater(self.out, 0, out=self.is_most)
        np.multiply(d, self.is_most, out=d)
        np.add.reduce(d.reshape(len(self.K), -1), axis=1, out=self.c_grad)
        for tap in self.taps:
            np.equal(tap, self.most, out=self.is_most)
            np.multiply(d, self.is_most, out=tap)
        k, r, s, p, q, B = self.windows
        by_map = self.sums.reshape(len(self.K), -1)
        np.matmul(self.columns.reshape(k * r * s, -1), by_map.T, out=self.turned)
        np.copyto(self.K_grad, self.turned.T)
        if x_grad is not None:
            np.matmul(self.K.T, by_map, out=self.columns.reshape(k * r * s, -1))
            x_grad.fill(0)
            for i in range(r):
                for j in range(s):
                    seen = x_grad[:, i : i + p, j : j + q]
                    np.add(seen, self.columns[:, i, j], out=seen)


def lenet(params, x, y, lr):
    """edfcore.models.lenet: (step, loss)."""
    B, f32 = x.shape[1], np.float32
    w, g, views = flat(params)
    (K1, K1g), (c1, c1g), (K2, K2g), (c2, c2g), *dense = views
    first = Convolution(K1, K1g, c1, c1g, (1, 28, 28, B))
    second = Convolution(K2, K2g, c2, c2g, first.out.shape)
    first_grad, second_grad = np.empty_like(first.out), np.empty_like(second.out)
    W, b = dense[::2], dense[1::2]
    h = [second.out.reshape(-1, B), *(np.empty((V.shape[1], B), f32) for V, _ in W)]
    d = [second_grad.reshape(-1, B), *(np.empty_like(a) for a in h[1:])]
    is_on = [np.empty(a.shape, bool) for a in h]
    image, p, most = np.empty((1, 28, 28, B), f32), np.empty_like(h[-1]), np.empty((1, B), f32)
    columns, labels, scale, last = np.arange(B), np.empty(B, y.dtype), f32(lr / B), len(W)

    def step(k):
        np.copyto(image, x[k].transpose(1, 2, 3, 0))
        np.copyto(labels, y[k])
        second.forward(first.forward(image))
        for n in range(last):
            np.matmul(W[n][0].T, h[n], out=h[n + 1])
            np.add(h[n + 1], b[n][0][:, None], out=h[n + 1])
            if n + 1 < last:
                np.maximum(h[n + 1], 0, out=h[n + 1])
        np.copyto(d[last], h[last])
        softmax_slope(d[last], p, most, scale, (labels, columns))
        for n in range(last - 1, -1, -1):
            np.matmul(h[n], d[n + 1].T, out=W[n][1])
            np.add.reduce(d[n + 1], axis=1, out=b[n][1])
            np.matmul(W[n][0], d[n + 1], out=d[n])
            if n:
                np.greater(h[n], 0, out=is_on[n])
                np.multiply(d[n], is_on[n], out=d[n])
        second.backward(second_grad, first_grad)
        first.backward(first_grad)
        np.subtract(w, g, out=w)

    return step, lambda: -np.log(p[labels, columns]).mean()


def make(case, params, x, y, lr):
    """See worker.py."""
    if case == "lstm":
        raise NotImplementedError("the floor is written for the MLP and for LeNet")
    return (lenet if case == "lenet" else mlp)(params, x, y, lr)


def versions():
    """See worker.py."""
    return numpy_versions()
