"""The operations of a training step on CuPy arrays, each into memory that exists already.

    matmul(x, W, z);  bias_act(z, bias, h, "sigmoid");  softmax_xent(scores, y, p, loss)
    softmax_xent_grad(p, y, 1 / B, g);  matmul(h.T, g, W_grad);  column_sum(g, bias_grad);  sgd(w, g, lr)

What each means is said in `reference`, operation by operation, with the same names and arguments in NumPy. No operation
waits for the GPU, none allocates, and none but `matmul` outside of a capture calls a library that a capture forbids.

Arrays are float32 or float64, all of one operation alike, and C-contiguous unless a docstring says otherwise; labels
and indices are int64. Numbers that change from step to step (lr, Adam's c1 and c2, a seed) may be arrays () on the
device: a recorded step reads them anew at every replay, while Python's numbers are recorded as they are.
"""

from functools import cache
from importlib import import_module
from math import prod

import numpy as np

from ..backend import cupy
from ..errors import DataError, ShapeError
from .formulas import ACTS, FORMULAS
from .graphs import recording
from .kernels import TILE, elementwise, kernel

__all__ = [
    "act_grad", "adam", "add", "add_rows", "avg_pool", "avg_pool_grad", "bias_act", "col2im", "column_sum", "copy",
    "gather", "im2col", "matmul", "max_pool", "max_pool_grad", "momentum", "normal_cdf", "sgd", "softmax_xent",
    "softmax_xent_grad",
]  # fmt: skip

THREADS = 256
MOST_BLOCKS = 65535
I = np.int64  # noqa: E741  the kernels' type of sizes


# Checks: a kernel knows neither shapes nor strides, and reads what it is given


def _dtype(who, arrays, whole=()):
    """The name of the arrays' precision. Raises DataError where a kernel would misread one of them."""
    first = arrays[0].dtype
    if first.name not in ("float32", "float64"):
        raise DataError(f"{who}: the GPU's kernels are for float32 and float64, not {first}; cast the array.")
    for array in arrays:
        if array.dtype != first:
            raise DataError(f"{who}: the arrays are {first} and {array.dtype}; give all of them one dtype.")
        if not array.flags.c_contiguous:
            raise DataError(f"{who}: an array of shape {array.shape} is not C-contiguous; copy it first.")
    for array in whole:
        if array.dtype != np.int64 or not array.flags.c_contiguous:
            raise DataError(f"{who}: labels and indices must be C-contiguous int64, not {array.dtype}.")
    return first.name


def _shape(who, what, array, shape):
    if array.shape != shape:
        raise ShapeError(f"{who}: {what} has shape {array.shape}; {shape} is needed.")


def _launch(name, dtype, entries, args):
    """A kernel with a thread for each entry, as far as the largest grid goes; its loop takes the rest."""
    if entries:
        blocks = min(-(-entries // THREADS), MOST_BLOCKS)
        kernel(cupy(), name, dtype)((blocks,), (THREADS,), args)


# Products


def matmul(a, b, out, accumulate=False):
    """out (+)= a b, by cuBLAS; in a step that is being recorded, by a kernel of our own.

    CuPy refuses cuBLAS while a stream is captured (cupy/cupy#6290).

    Parameters
    ----------
    a : (M, K), C-contiguous or the transpose of such an array
    b : (K, N), the same
    out : (M, N), C-contiguous, no memory of a or b
    accumulate : bool; add to what out holds

    Raises
    ------
    ShapeError, DataError : the arrays do not fit together, or a layout is another one.
    """
    M, K, N = *a.shape, b.shape[1]
    if b.shape[0] != K or out.shape != (M, N):
        raise ShapeError(f"matmul: a is {a.shape}, b is {b.shape} and out {out.shape}; (M, K), (K, N), (M, N) fit.")
    _dtype("matmul", [m if m.flags.c_contiguous else m.T for m in (a, b)] + [out])
    if not K and not accumulate:
        out.fill(0)
    elif M and N and K and recording():
        own_matmul(a, b, out, accumulate)
    elif M and N and K:
        # cuBLAS sees columns: out^T = b^T a^T. gemm takes transposes of contiguous arrays without a copy.
        _gemm(cupy())("N", "N", a, b, out=out, beta=1.0 if accumulate else 0.0)


@cache
def _gemm(xp):
    """cupy.cublas.gemm, which `import cupy` alone does not load."""
    return import_module(f"{xp.__name__}.cublas").gemm


def own_matmul(a, b, out, accumulate=False):
    """`matmul` by the kernel of kernels.MATMUL, for any strides of a and b."""
    M, K, N = *a.shape, b.shape[1]
    steps = [I(step // m.itemsize) for m in (a, b) for step in m.strides]
    grid = (-(-N // TILE), -(-M // TILE))
    args = (a, *steps[:2], b, *steps[2:], out, I(M), I(N), I(K), np.int32(accumulate))
    kernel(cupy(), "matmul", out.dtype.name)(grid, (THREADS,), args)


# Layers


def bias_act(x, bias, out, act="none"):
    """out = act(x + bias), one kernel; any layouts, and out may be x.

    Parameters
    ----------
    x, out : arrays of one shape
    bias : array that broadcasts against x, or None
    act : "none", "sigmoid", "tanh" or "relu"

    Raises
    ------
    DataError : there is no such act.
    """
    _known("bias_act", act)
    if bias is None:
        elementwise(cupy(), FORMULAS[f"act_{act}"])(x, out)
    else:
        elementwise(cupy(), FORMULAS[f"bias_act_{act}"])(x, bias, out)


def act_grad(y, g, out, act):
    """out = g act'(x), from y = act(x); any layouts, and out may be y or g. Raises DataError for an unknown act."""
    _known("act_grad", act)
    elementwise(cupy(), FORMULAS[f"act_grad_{act}"])(y, g, out)


def _known(who, act):
    if act not in ACTS:
        raise DataError(f"{who}: there is no act {act!r}; there are {', '.join(ACTS)}.")


def add(x, y, out):
    """out = x + y, any layouts; out may be x or y."""
    elementwise(cupy(), FORMULAS["add"])(x, y, out)


def normal_cdf(x):
    """Phi(x), the distribution function of the standard normal, computed in double precision; a new array like x."""
    wide = x.astype("float64")
    return elementwise(cupy(), FORMULAS["normal_cdf"])(wide, wide).astype(x.dtype, copy=False)


def column_sum(g, out, accumulate=False):
    """out[j] (+)= sum_b g[b,j]. g : (B, n); out : (n,)"""
    rows, n = g.shape
    _shape("column_sum", "out", out, (n,))
    dtype = _dtype("column_sum", [g, out])
    if n:
        args = (g, out, I(rows), I(n), np.int32(accumulate))
        kernel(cupy(), "column_sum", dtype)((-(-n // 32),), (32, 32), args)


def _rows(name, dtype, rows, args):
    if rows:
        kernel(cupy(), name, dtype)((-(-rows // 4),), (32, 4), args)


def softmax_xent(scores, labels, p, loss):
    """p = softmax of the rows of scores, loss[b] = -log p[b, labels[b]] in nats; NaN for a label out of range.

    Parameters
    ----------
    scores, p : (B, n), n at least 1
    labels : (B,), int64
    loss : (B,)
    """
    rows, n = scores.shape
    for what, array, shape in (("labels", labels, (rows,)), ("p", p, (rows, n)), ("loss", loss, (rows,))):
        _shape("softmax_xent", what, array, shape)
    dtype = _dtype("softmax_xent", [scores, p, loss], [labels])
    _rows("softmax_xent", dtype, rows if n else 0, (scores, labels, p, loss, I(rows), I(n)))


def softmax_xent_grad(p, labels, seed, out):
    """out[b,i] = seed (p[b,i] - [i = labels[b]]): the gradient of the scores. out may be p.

    Parameters
    ----------
    p, out : (B, n)
    labels : (B,), int64
    seed : number, or array () or (B,): loss.grad
    """
    rows, n = p.shape
    _shape("softmax_xent_grad", "labels", labels, (rows,))
    _shape("softmax_xent_grad", "out", out, (rows, n))
    by_array = isinstance(seed, cupy().ndarray)
    if by_array and seed.shape not in ((), (rows,)):
        raise ShapeError(f"softmax_xent_grad: seed has shape {seed.shape}; () or ({rows},) is needed.")
    dtype = _dtype("softmax_xent_grad", [p, out, *([seed] if by_array else [])], [labels])
    array, step, scale = (seed, len(seed.shape), 1.0) if by_array else (p, -1, float(seed))
    args = (p, labels, array, np.int32(step), p.dtype.type(scale), out, I(rows), I(n))
    _rows("softmax_xent_grad", dtype, rows if n else 0, args)


# Rows


def gather(x, index, out):
    """out[k,...] = x[index[k],...], of any dtype; an index out of range wraps around. out must not be memory of x."""
    cupy().take(x, index, axis=0, out=out)


def add_rows(g, index, out):
    """out[index[k],...] += g[k,...], rows named twice getting both, in order; what is out of range is left out.

    n^2 comparisons for each column of n rows: made for indices of a batch, not for millions.
    """
    n, rows = len(index), len(out)
    _shape("add_rows", "g", g, (n, *out.shape[1:]))
    dtype = _dtype("add_rows", [g, out], [index])
    width = prod(out.shape[1:])
    _launch("add_rows", dtype, n * width, (g, index, out, I(n), I(rows), I(width)))


def copy(x, out):
    """out = x, of the same dtype and shape; from the host where x is a NumPy array (C-contiguous out)."""
    if isinstance(x, np.ndarray):
        out.set(x)
    else:
        cupy().copyto(out, x)


# Updates of one flat vector


def sgd(w, g, lr, weight_decay=0.0):
    """w -= lr (g + weight_decay w), in place."""
    elementwise(cupy(), FORMULAS["sgd"])(w, g, lr, weight_decay, w)


def momentum(w, g, v, lr, mu, dampening=0.0, weight_decay=0.0, nesterov=False):
    """v = mu v + (1 - dampening) h, w -= lr v (or lr (h + mu v)), h = g + weight_decay w; in place.

    torch's first step, v = h, is the one with dampening 0 on a v of zeros.
    """
    args = (w, g, v, lr, mu, 1 - dampening, weight_decay, float(nesterov))
    elementwise(cupy(), FORMULAS["momentum"])(*args, w, v)


def adam(w, g, m, v, lr, betas, c1, c2, eps=1e-8, weight_decay=0.0, decoupled=False):
    """m = b1 m + (1 - b1) h, v = b2 v + (1 - b2) h^2, w -= lr (m / c1) / (sqrt(v / c2) + eps); in place.

    h = g + weight_decay w, or where `decoupled` h = g and w shrinks by lr weight_decay w beside (AdamW).

    Parameters
    ----------
    w, g, m, v : arrays of one shape
    lr, c1, c2 : numbers, or arrays (): the rate, 1 - b1^t and 1 - b2^t
    betas : (b1, b2)
    """
    (b1, b2), more = betas, (c1, c2, eps, weight_decay, float(decoupled))
    elementwise(cupy(), FORMULAS["adam"])(w, g, m, v, lr, b1, 1 - b1, b2, 1 - b2, *more, w, m, v)


# Windows of images, instances last


def _windows(who, image, windows, kernel_size, stride, padding):
    """The sizes that kernels.WINDOWS takes. image : (c, h, w, B); windows : (c, p, q, B) of the array of windows."""
    (c, h, w, b), (_, p, q, _) = image, windows
    (r, s), (u, v), (e, f) = kernel_size, stride, padding
    if windows != (c, p, q, b) or p != (h + 2 * e - r) // u + 1 or q != (w + 2 * f - s) // v + 1:
        raise ShapeError(
            f"{who}: windows of {kernel_size}, stride {stride}, padding {padding} over images (c, h, w, B) = {image} "
            f"are (c, p, q, B) = {(c, (h + 2 * e - r) // u + 1, (w + 2 * f - s) // v + 1, b)}, not {windows}."
        )
    return tuple(map(I, (c, h, w, b, r, s, p, q, u, v, e, f)))


def _of_columns(who, shape, kernel_size):
    """(c, p, q, B) of columns (c, r, s, p, q, B)."""
    if len(shape) != 6 or shape[1:3] != tuple(kernel_size):
        raise ShapeError(f"{who}: the columns have shape {shape}; (c, r, s, p, q, B) with r, s = {kernel_size} fit.")
    return (shape[0], *shape[3:])


def im2col(x, out, kernel_size, stride=(1, 1), padding=(0, 0)):
    """out[c,r,s,p,q,b] = x[c, p u + r - e, q v + s - f, b], and 0 in the margin: windows as columns.

    Reshaped to (c r s, p q B), W (o, c r s) times it is the convolution (o, p q B), with nothing rearranged.

    Parameters
    ----------
    x : (c, h, w, B)
    out : (c, r, s, p, q, B)
    kernel_size, stride, padding : pairs (r, s), (u, v), (e, f)
    """
    sizes = _windows("im2col", x.shape, _of_columns("im2col", out.shape, kernel_size), kernel_size, stride, padding)
    _launch("im2col", _dtype("im2col", [x, out]), out.size, (x, out, *sizes))


def col2im(g, out, kernel_size, stride=(1, 1), padding=(0, 0), accumulate=False):
    """out[c,i,j,b] (+)= the sum of g (c, r, s, p, q, B) over all windows that hold the pixel: im2col transposed."""
    sizes = _windows("col2im", out.shape, _of_columns("col2im", g.shape, kernel_size), kernel_size, stride, padding)
    _launch("col2im", _dtype("col2im", [g, out]), out.size, (g, out, *sizes, np.int32(accumulate)))


def max_pool(x, out, chosen, kernel_size, stride, padding=(0, 0)):
    """out[c,p,q,b] = the greatest entry of each window of x (c, h, w, B).

    chosen : (c, p, q, B), int32; the tap, row by row, of the first of equal ones, -1 for NaN. `max_pool_grad` asks.
    """
    sizes = _pooled("max_pool", x, out, chosen, kernel_size, stride, padding)
    _launch("max_pool", _dtype("max_pool", [x, out]), out.size, (x, out, chosen, *sizes))


def max_pool_grad(g, chosen, out, kernel_size, stride, padding=(0, 0), accumulate=False):
    """out (c, h, w, B) (+)= g (c, p, q, B), each entry to the pixel that its window chose."""
    sizes = _pooled("max_pool_grad", out, g, chosen, kernel_size, stride, padding)
    args = (g, chosen, out, *sizes, np.int32(accumulate))
    _launch("max_pool_grad", _dtype("max_pool_grad", [g, out]), out.size, args)


def _pooled(who, image, windows, chosen, *settings):
    _shape(who, "chosen", chosen, windows.shape)
    if chosen.dtype != np.int32 or not chosen.flags.c_contiguous:
        raise DataError(f"{who}: chosen must be C-contiguous int32, not {chosen.dtype}.")
    return _windows(who, image.shape, windows.shape, *settings)


def avg_pool(x, out, kernel_size, stride, padding=(0, 0)):
    """out[c,p,q,b] = the mean over each window of x (c, h, w, B); the margin counts as zeros."""
    sizes = _windows("avg_pool", x.shape, out.shape, kernel_size, stride, padding)
    _launch("avg_pool", _dtype("avg_pool", [x, out]), out.size, (x, out, *sizes))


def avg_pool_grad(g, out, kernel_size, stride, padding=(0, 0), accumulate=False):
    """out (c, h, w, B) (+)= g (c, p, q, B) / (r s) for each window that holds the pixel."""
    sizes = _windows("avg_pool_grad", out.shape, g.shape, kernel_size, stride, padding)
    _launch("avg_pool_grad", _dtype("avg_pool_grad", [g, out]), out.size, (g, out, *sizes, np.int32(accumulate)))
