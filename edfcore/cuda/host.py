"""Functions of NumPy arrays that run on the GPU, or on numba's simulator where there is none.

Each moves its arrays to the device, launches a kernel of `kernels.py`, and brings the result back. They are written
to be read; for speed, keep the data on the device between launches.
"""

import numpy as np

from ..errors import DataError, ShapeError
from . import kernels
from .geometry import Geometry, grid
from .kernel import load


def checked(name, ndim, **arrays):
    """The arrays as float32, row by row. Raises ShapeError and DataError."""
    found = []
    for key, value in arrays.items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            raise DataError(f"{name}: {key} has dtype {array.dtype}; numbers are needed.")
        if array.ndim != ndim:
            raise ShapeError(f"{name}: {key} has shape {array.shape}; it must have {ndim} ax{'ie'[ndim > 1]}s.")
        if not array.size:
            raise ShapeError(f"{name}: {key} is empty, shape {array.shape}; a grid needs at least one element.")
        found.append(np.ascontiguousarray(array, np.float32))
    return found


def power_of_two(name, block):
    """Raises DataError where the threads of a block cannot be halved down to 1."""
    if block < 1 or block & (block - 1):
        raise DataError(
            f"{name}: a block of {block} threads; a tree halves it again and again, so give a power of two."
        )


def saxpy(a, x, y, block=256):
    """a x + y.

    Parameters
    ----------
    a : number
    x, y : array (n)
    block : int; threads of a block

    Returns
    -------
    array (n), float32

    Raises
    ------
    ShapeError : x and y differ in length, are empty, or have more axes.
    """
    x, y = checked("saxpy", 1, x=x, y=y)
    if x.shape != y.shape:
        raise ShapeError(f"saxpy: x has {len(x):,} entries and y has {len(y):,}; they must be as many.")
    cuda, g = load(), grid(len(x), block)
    out = cuda.to_device(y)
    kernels.saxpy[g](len(x), np.float32(a), cuda.to_device(x), out)
    return out.copy_to_host()


def total(x, block=256, kernel=kernels.sum_sequential):
    """The sum of x: one launch adds up within blocks, the next adds their sums, until one is left.

    Parameters
    ----------
    x : array (n)
    block : int, a power of two of at least 2; threads of a block
    kernel : one of the three sums of `kernels.py`

    Returns
    -------
    float32

    Raises
    ------
    ShapeError : x is empty or has more axes.
    DataError : the block is no power of two.
    """
    (x,) = checked("total", 1, x=x)
    power_of_two("total", block)
    if block < 2:
        raise DataError("total: a block of 1 thread adds nothing up; give at least 2.")
    cuda = load()
    x = cuda.to_device(x)
    while True:
        n = len(x)
        g = grid(n, block)
        out = cuda.device_array(g.n_blocks, np.float32)
        kernel[g](n, x, out)
        if g.n_blocks == 1:
            return out.copy_to_host()[0]
        x = out


def matmul(A, B, tile=16):
    """A B from tiles in shared memory.

    Parameters
    ----------
    A : array (i, k)
    B : array (k, j)
    tile : int up to 32; the block is tile x tile threads

    Returns
    -------
    array (i, j), float32

    Raises
    ------
    ShapeError : k is not the same in A and B, or an axis is missing or empty.
    DataError : the tile is larger than a block.
    """
    A, B = checked("matmul", 2, A=A, B=B)
    if A.shape[1] != B.shape[0]:
        raise ShapeError(
            f"matmul: A has axes i,k = {A.shape} and B has k,j = {B.shape}: k is {A.shape[1]} in A "
            f"and {B.shape[0]} in B."
        )
    cuda, g = load(), grid((B.shape[1], A.shape[0]), (tile, tile))
    C = cuda.device_array((A.shape[0], B.shape[1]), np.float32)
    kernels.matmul_tiled(tile)[g](cuda.to_device(A), cuda.to_device(B), C)
    return C.copy_to_host()


def softmax(X, block=128):
    """Softmax of each row, one block a row.

    Parameters
    ----------
    X : array (b, i)
    block : int, a power of two; threads that share a row

    Returns
    -------
    array (b, i), float32

    Raises
    ------
    ShapeError : X is empty or has not two axes.
    DataError : the block is no power of two.
    """
    (X,) = checked("softmax", 2, X=X)
    power_of_two("softmax", block)
    cuda = load()
    Y = cuda.device_array(X.shape, np.float32)
    kernels.softmax_rows[Geometry(len(X), block)](cuda.to_device(X), Y)
    return Y.copy_to_host()
