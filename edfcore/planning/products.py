"""to += a b, in place: BLAS's gemm with beta = 1 where SciPy is installed, else a product and a sum."""

from functools import cache

import numpy as np


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
    if gemm is None or not to.flags.c_contiguous or not (a.dtype == b.dtype == to.dtype) or not to.size or not a.size:
        to += a @ b
        return
    left, trans_a = (b.T, 0) if b.flags.c_contiguous else (b, 1)
    right, trans_b = (a.T, 0) if a.flags.c_contiguous else (a, 1)
    found = gemm(1.0, left, right, 1.0, to.T, trans_a, trans_b, 1)
    if not np.shares_memory(found, to):
        to[...] = found.T
