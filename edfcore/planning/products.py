"""What BLAS does faster than NumPy's own way of calling it.

    to += a b    in place: gemm with beta = 1 where SciPy is installed, else a product and a sum
    y -= c x     in one pass: axpy, likewise
    to = a b     in pieces of columns, where OpenBLAS multiplies each piece as it lies

NumPy and SciPy each bring an OpenBLAS of their own, with threads of its own that wait by spinning. On two processors
three such threads kept each other waiting: 8 ms a step instead of 0.06 ms. So SciPy's gets only what it does on one
thread.
"""

from functools import cache

import numpy as np

from .. import blas
from ..errors import EdfError

SMALL = 1_000_000  # m k n, up to which OpenBLAS multiplies matrices as they lie; larger ones it first copies into tiles
FEW_ROWS = 16  # up to which that copy takes longer than the product
AT_MOST = 4  # pieces
ONE_THREAD = 1 << 18  # m k n, up to which OpenBLAS's gemm takes one thread, half of what was measured (2^19)
AS_THEY_LIE = ("SkylakeX", "Cooperlake", "Sapphirerapids")  # the kernels of x86 that do so (kernel/x86_64/KERNEL.*)


@cache
def kernel():
    """The kernel of the OpenBLAS in use, "" where it is another library."""
    try:
        return blas.in_use().kernel
    except EdfError:
        return ""


def pieces(m, k, n, dtype):
    """In how many pieces of columns the product (m, k) (k, n) takes least time.

    By a rule and not by timing, so that two runs round alike. Measured for (10, 784) (784, 128) in float32, kernel
    SkylakeX: 29 us in one piece and 13 us in two; for 32 rows, 28 us and 31 us on two threads.
    """
    if kernel() not in AS_THEY_LIE or not 2 <= m <= FEW_ROWS or m * k * n <= SMALL:
        return 1
    return next((p for p in (2, AT_MOST) if n % p == 0 and m * k * n <= p * SMALL), 1)


def columns(b, to, parts):
    """Pieces of columns of a right factor and of its product: [(piece of b, piece of to), ...]."""
    width = to.shape[1] // parts
    return [(b[:, j : j + width], to[:, j : j + width]) for j in range(0, to.shape[1], width)]


@cache
def axpy(dtype):
    """BLAS's y += a x, called (x, y, a=...), for a dtype; None where SciPy is missing."""
    try:
        from scipy.linalg import blas as scipys
    except ImportError:
        return None
    return {"f": scipys.saxpy, "d": scipys.daxpy}.get(dtype.char)


@cache
def _gemm(dtype):
    """BLAS's matrix product for a dtype, or None: SciPy is optional, and other dtypes have none."""
    try:
        from scipy.linalg import blas
    except ImportError:
        return None
    return {"f": blas.sgemm, "d": blas.dgemm}.get(dtype.char)


def accumulate(a, b, to):
    """to += a b.

    BLAS counts columns first, so it is asked for to^T += b^T a^T; arrays whose rows lie together are their own
    transposes there, and others are passed as transposed.

    Parameters
    ----------
    a : array (m, k); b : array (k, n)
    to : array (m, n), its rows together
    """
    gemm = _gemm(to.dtype)
    fits = to.flags.c_contiguous and a.dtype == b.dtype == to.dtype and to.size and a.size
    if gemm is None or not fits or to.size * a.shape[1] > ONE_THREAD:
        to += a @ b
        return
    left, trans_a = (b.T, 0) if b.flags.c_contiguous else (b, 1)
    right, trans_b = (a.T, 0) if a.flags.c_contiguous else (a, 1)
    found = gemm(1.0, left, right, 1.0, to.T, trans_a, trans_b, 1)
    if not np.shares_memory(found, to):
        to[...] = found.T
