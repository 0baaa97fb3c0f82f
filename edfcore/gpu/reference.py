"""What each operation of `ops` means, in NumPy: the same names and arguments, on NumPy arrays.

Written for reading and for tests, from the formulas and not from the kernels. Its kernels' signatures (KERNELS) let a
stand-in for a GPU carry out a launch.
"""

import numpy as np

from .formulas import FORMULAS

__all__ = ["KERNELS"]


def _store(out, value, accumulate=False):
    out[...] = out + value if accumulate else value


def matmul(a, b, out, accumulate=False):
    """out (+)= a b."""
    _store(out, a @ b, accumulate)


def bias_act(x, bias, out, act="none"):
    """out = act(x + bias)."""
    found = FORMULAS[f"act_{act}"](x) if bias is None else FORMULAS[f"bias_act_{act}"](x, bias)
    _store(out, found[0])


def act_grad(y, g, out, act):
    """out = g act'(x), from y = act(x)."""
    _store(out, FORMULAS[f"act_grad_{act}"](y, g)[0])


def column_sum(g, out, accumulate=False):
    """out[j] (+)= sum_b g[b,j]."""
    _store(out, g.sum(axis=0), accumulate)


def softmax_xent(scores, labels, p, loss):
    """p = softmax(scores), loss[b] = -log p[b, labels[b]]; NaN where there is no such label."""
    rows, n = np.arange(len(scores)), scores.shape[1]
    top = scores.argmax(axis=1)
    d = scores - scores[rows, top][:, None]
    e = np.exp(d)
    e[rows, top] = 0
    rest = e.sum(axis=1)
    e[rows, top] = 1
    inside = (0 <= labels) & (labels < n)
    loss[...] = np.where(inside, np.log1p(rest) - d[rows, np.where(inside, labels, 0)], np.nan)
    p[...] = e / (1 + rest)[:, None]


def softmax_xent_grad(p, labels, seed, out):
    """out[b,i] = seed (p[b,i] - [i = labels[b]]), with the sum of the others for 1 - p."""
    hit = labels[:, None] == np.arange(p.shape[1])
    others = np.where(hit, 0, p).sum(axis=1, keepdims=True)
    factor = p.dtype.type(seed) if np.ndim(seed) == 0 else seed[:, None]
    out[...] = factor * np.where(hit, -others, p)


def add_rows(g, index, out):
    """out[index[k]] += g[k]."""
    inside = (0 <= index) & (index < len(out))
    np.add.at(out, index[inside], g[inside])


def _taps(image, kernel_size, stride, padding, places):
    """For each tap its number, and the pixels under it in all windows: rows (p,), columns (q,), and which exist."""
    (h, w), (r, s), (u, v), (e, f), (p, q) = image, kernel_size, stride, padding, places
    for tap in range(r * s):
        i, j = np.arange(p) * u + tap // s - e, np.arange(q) * v + tap % s - f
        yield tap, i[:, None], j[None], ((0 <= i) & (i < h))[:, None] & ((0 <= j) & (j < w))[None]


def im2col(x, out, kernel_size, stride=(1, 1), padding=(0, 0)):
    """Windows as columns, the margin 0."""
    s = kernel_size[1]
    for tap, i, j, inside in _taps(x.shape[1:3], kernel_size, stride, padding, out.shape[3:5]):
        out[:, tap // s, tap % s] = np.where(inside[..., None], x[:, np.where(inside, i, 0), np.where(inside, j, 0)], 0)


def col2im(g, out, kernel_size, stride=(1, 1), padding=(0, 0), accumulate=False):
    """Every entry of a window back to its pixel."""
    s, found = kernel_size[1], np.zeros_like(out)
    for tap, i, j, inside in _taps(out.shape[1:3], kernel_size, stride, padding, g.shape[3:5]):
        part = np.where(inside[..., None], g[:, tap // s, tap % s], 0)
        np.add.at(found, (slice(None), np.where(inside, i, 0), np.where(inside, j, 0)), part)
    _store(out, found, accumulate)


def max_pool(x, out, chosen, kernel_size, stride, padding=(0, 0)):
    """The greatest of each window, and the first tap that holds it; NaN is greater than every number and has no tap."""
    out[...], chosen[...] = -np.inf, -1
    for tap, i, j, inside in _taps(x.shape[1:3], kernel_size, stride, padding, out.shape[1:3]):
        part = x[:, np.where(inside, i, 0), np.where(inside, j, 0)]
        part = np.where(inside[..., None], part, -np.inf)
        better = inside[..., None] & ((chosen < 0) | (part > out)) & ~np.isnan(out)
        chosen[...] = np.where(np.isnan(part), -1, np.where(better, tap, chosen))
        out[...] = np.where(better | np.isnan(part), part, out)


def max_pool_grad(g, chosen, out, kernel_size, stride, padding=(0, 0), accumulate=False):
    """g to the pixels that were chosen."""
    columns = np.stack([np.where(chosen == tap, g, 0) for tap in range(kernel_size[0] * kernel_size[1])], axis=1)
    col2im(columns.reshape(len(g), *kernel_size, *g.shape[1:]), out, kernel_size, stride, padding, accumulate)


def avg_pool(x, out, kernel_size, stride, padding=(0, 0)):
    """The mean of each window, the margin 0."""
    columns = np.zeros((len(x), *kernel_size, *out.shape[1:]), x.dtype)
    im2col(x, columns, kernel_size, stride, padding)
    out[...] = columns.mean(axis=(1, 2))


def avg_pool_grad(g, out, kernel_size, stride, padding=(0, 0), accumulate=False):
    """g / (r s) to every pixel of the window."""
    share = g / g.dtype.type(kernel_size[0] * kernel_size[1])
    columns = np.broadcast_to(share[:, None, None], (len(g), *kernel_size, *g.shape[1:]))
    col2im(columns, out, kernel_size, stride, padding, accumulate)


# Launches: what a kernel does, from the arguments that it is launched with


def _matmul(a, a_row, a_col, b, b_row, b_col, c, M, N, K, accumulate):
    def matrix(memory, shape, steps):
        steps = [int(step) * memory.itemsize for step in steps]
        return np.lib.stride_tricks.as_strided(memory, tuple(map(int, shape)), steps)

    matmul(matrix(a, (M, K), (a_row, a_col)), matrix(b, (K, N), (b_row, b_col)), c.reshape(M, N), bool(accumulate))


def _softmax_xent_grad(p, y, seed, seed_step, scale, out, rows, n):
    softmax_xent_grad(p, y, scale if seed_step < 0 else scale * (seed if seed_step else seed[()]), out)


def _settings(r, s, u, v, e, f):
    return tuple(tuple(map(int, pair)) for pair in ((r, s), (u, v), (e, f)))


def _windowed(function):
    """A launch of a kernel of windows: arrays, twelve sizes, and `accumulate` where it has one."""

    def launch(*args):
        cut = next(k for k, arg in enumerate(args) if np.ndim(arg) == 0)
        _, _, _, _, r, s, _, _, u, v, e, f = args[cut : cut + 12]
        more = [bool(flag) for flag in args[cut + 12 :]]
        function(*args[:cut], *_settings(r, s, u, v, e, f), *more)

    return launch


KERNELS = {
    "matmul": _matmul,
    "softmax_xent": lambda s, y, p, loss, rows, n: softmax_xent(s, y, p, loss),
    "softmax_xent_grad": _softmax_xent_grad,
    "column_sum": lambda g, out, rows, n, accumulate: column_sum(g, out, bool(accumulate)),
    "add_rows": lambda g, at, out, n, rows, width: add_rows(g, at, out),
} | {f.__name__: _windowed(f) for f in (im2col, col2im, max_pool, max_pool_grad, avg_pool, avg_pool_grad)}
