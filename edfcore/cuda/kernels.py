"""Kernels for numba.cuda, in the order in which the GPU lecture needs them.

Elementwise : y = a x + y, and two ways to spoil it (strides, branches) Reduction   : M. Harris, "Optimizing Parallel
Reduction in CUDA" (NVIDIA, 2007), kernels 1 to 3 Product     : C = A B, one thread an entry, from global memory and
from tiles in shared memory (CUDA C++ Programming Guide, "Shared Memory") Softmax     : one block a row, y[r, j] =
exp(x[r, j] - max_j x[r, j]) / sum_j exp(x[r, j] - max_j x[r, j])

Shared memory holds float32, so all but the elementwise kernels compute in float32.
"""

import math
from functools import lru_cache

import numpy as np

from .kernel import cuda, kernel

MOST_THREADS = 1024  # of a block: shared arrays of this length suit any block
ZERO = np.float32(0)
LOWEST = np.float32(-np.inf)


@kernel
def saxpy(n, a, x, y):
    """y[i] = a x[i] + y[i] for i < n."""
    i = cuda.grid(1)
    if i < n:
        y[i] = a * x[i] + y[i]


@kernel
def strided_copy(n, stride, x, y):
    """y[i] = x[i stride] for i < n: neighbouring threads read entries that are `stride` apart."""
    i = cuda.grid(1)
    if i < n:
        y[i] = x[i * stride]


@kernel
def branch_by_lane(x, y):
    """Even threads double, odd ones halve: every warp takes both ways. The length is a multiple of the block."""
    i = cuda.grid(1)
    if i % 2 == 0:
        y[i] = x[i] * 2
    else:
        y[i] = x[i] / 2


@kernel
def branch_by_warp(x, y):
    """Even warps double, odd ones halve: no warp takes both ways. The length is a multiple of the block."""
    i = cuda.grid(1)
    if i // 32 % 2 == 0:
        y[i] = x[i] * 2
    else:
        y[i] = x[i] / 2


@kernel
def sum_divergent(n, x, out):
    """out[block] = sum of the block's x[i]; interleaved, every 2 step-th thread works: warps diverge."""
    s = cuda.shared.array(MOST_THREADS, np.float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < n else ZERO
    cuda.syncthreads()
    step = 1
    while step < cuda.blockDim.x:
        if t % (2 * step) == 0:
            s[t] += s[t + step]
        cuda.syncthreads()
        step *= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@kernel
def sum_interleaved(n, x, out):
    """out[block] = sum of the block's x[i]; interleaved, the first threads work: their entries share banks."""
    s = cuda.shared.array(MOST_THREADS, np.float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < n else ZERO
    cuda.syncthreads()
    step = 1
    while step < cuda.blockDim.x:
        k = 2 * step * t
        if k < cuda.blockDim.x:
            s[k] += s[k + step]
        cuda.syncthreads()
        step *= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@kernel
def sum_sequential(n, x, out):
    """out[block] = sum of the block's x[i]; the first half adds the second: neighbours in neighbouring banks."""
    s = cuda.shared.array(MOST_THREADS, np.float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = x[i] if i < n else ZERO
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            s[t] += s[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        out[cuda.blockIdx.x] = s[0]


@kernel
def matmul_naive(A, B, C):
    """C[row, col] = sum_k A[row, k] B[k, col]; every factor comes from global memory."""
    col, row = cuda.grid(2)
    if row < C.shape[0] and col < C.shape[1]:
        total = ZERO
        for k in range(A.shape[1]):
            total += A[row, k] * B[k, col]
        C[row, col] = total


@lru_cache
def matmul_tiled(tile=16):
    """The kernel of C = A B whose blocks of tile x tile threads share tiles of A and B; any sizes.

    An entry of A is fetched once for each block of its row of blocks, not once for each thread: `tile` times fewer
    loads.
    """

    @kernel
    def matmul_tiled(A, B, C):
        a = cuda.shared.array((tile, tile), np.float32)
        b = cuda.shared.array((tile, tile), np.float32)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        col, row = cuda.grid(2)
        total = ZERO
        for first in range(0, A.shape[1], tile):
            a[y, x] = A[row, first + x] if row < A.shape[0] and first + x < A.shape[1] else ZERO
            b[y, x] = B[first + y, col] if first + y < B.shape[0] and col < B.shape[1] else ZERO
            cuda.syncthreads()  # both tiles are complete
            for k in range(tile):
                total += a[y, k] * b[k, x]
            cuda.syncthreads()  # all have read them; the next round overwrites them
        if row < C.shape[0] and col < C.shape[1]:
            C[row, col] = total

    return matmul_tiled


@kernel
def softmax_rows(X, Y):
    """Y[r, :] = softmax(X[r, :]), block r working on row r; the block's size is a power of two."""
    s = cuda.shared.array(MOST_THREADS, np.float32)
    r, t, width = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    top = LOWEST
    for j in range(t, X.shape[1], width):
        top = max(top, X[r, j])
    s[t] = top
    cuda.syncthreads()
    step = width // 2
    while step > 0:
        if t < step:
            s[t] = max(s[t], s[t + step])
        cuda.syncthreads()
        step //= 2
    top = s[0]
    cuda.syncthreads()  # all have read the maximum; sums overwrite it
    total = ZERO
    for j in range(t, X.shape[1], width):
        e = math.exp(X[r, j] - top)
        Y[r, j] = e
        total += e
    s[t] = total
    cuda.syncthreads()
    step = width // 2
    while step > 0:
        if t < step:
            s[t] += s[t + step]
        cuda.syncthreads()
        step //= 2
    for j in range(t, X.shape[1], width):
        Y[r, j] /= s[0]
