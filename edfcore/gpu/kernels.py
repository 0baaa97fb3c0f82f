"""CUDA sources of what is more than elementwise, and how they become kernels: made once, when first used.

    matmul          C (+)= A B, tiles in shared memory (Kirk & Hwu 2016, chapter 4); strides say what is transposed
    softmax_xent    loss[b] = log sum_k exp s[b,k] - s[b,y[b]], and p = softmax s; a warp for each row
    column_sum      out[j] (+)= sum_b g[b,j]
    add_rows        out[at[k]] += g[k], the gradient of an embedding
    im2col, col2im, max_pool, avg_pool     windows of images (c, h, w, B), laid out as in components/convolution.py

No sum is made by atomics: every entry of a result is added up by one thread in one order, so that two runs agree bit
for bit. What scatters in the formula gathers in the kernel: each pixel asks which windows cover it.

I is the type of sizes and indices, T float or double. Arrays are C-contiguous; a kernel knows no strides but those that
it is given. Labels out of range give a loss of NaN and read no foreign memory.
"""

from functools import cache

TILE = 32  # rows and columns of a block's part of a product

HEAD = """
typedef {ctype} T;
typedef long long I;
#define TILE {tile}
#define KERNEL extern "C" __global__ void
#define FOR(k, n) for (I k = (I)blockIdx.x * blockDim.x + threadIdx.x; k < (n); k += (I)gridDim.x * blockDim.x)
#define NOT_A_NUMBER T(__int_as_float(0x7fc00000))
"""

# A block makes a tile of 32 x 32 entries of C. Its 256 threads are 4 groups of 64; each group sums a quarter of K, so
# that a product with few tiles and a long K, such as x W of a small batch, keeps more of the device busy. A thread
# holds 4 x 4 entries. The quarters are added in order.
MATMUL = """
#define DEPTH 16
#define GROUPS 4
KERNEL matmul(const T* a, I a_row, I a_col, const T* b, I b_row, I b_col, T* c, I M, I N, I K, int accumulate) {
    __shared__ T A[GROUPS][DEPTH][TILE + 1];
    __shared__ T B[GROUPS][DEPTH][TILE + 1];
    __shared__ T C[TILE][TILE + 1];
    const int group = threadIdx.x / 64, lane = threadIdx.x % 64, ty = lane / 8, tx = lane % 8;
    const I top = (I)blockIdx.y * TILE, left = (I)blockIdx.x * TILE;
    const I share = (K + GROUPS * DEPTH - 1) / (GROUPS * DEPTH) * DEPTH;
    const I first = group * share, last = first + share < K ? first + share : K;
    T sum[4][4] = {};
    for (I k0 = first; k0 < first + share; k0 += DEPTH) {
        for (int n = lane; n < TILE * DEPTH; n += 64) {  // neighbours in a warp read neighbours in memory
            const int ka = a_col == 1 ? n % DEPTH : n / TILE, ra = a_col == 1 ? n / DEPTH : n % TILE;
            const int kb = b_col == 1 ? n / TILE : n % DEPTH, cb = b_col == 1 ? n % TILE : n / DEPTH;
            A[group][ka][ra] =
                (k0 + ka < last && top + ra < M) ? a[(top + ra) * a_row + (k0 + ka) * a_col] : T(0);
            B[group][kb][cb] =
                (k0 + kb < last && left + cb < N) ? b[(k0 + kb) * b_row + (left + cb) * b_col] : T(0);
        }
        __syncthreads();
        for (int k = 0; k < DEPTH; ++k)
            for (int i = 0; i < 4; ++i)
                for (int j = 0; j < 4; ++j) sum[i][j] += A[group][k][ty + 8 * i] * B[group][k][tx + 8 * j];
        __syncthreads();
    }
    for (int turn = 0; turn < GROUPS; ++turn) {
        if (group == turn)
            for (int i = 0; i < 4; ++i)
                for (int j = 0; j < 4; ++j) {
                    T* entry = &C[ty + 8 * i][tx + 8 * j];
                    *entry = turn ? *entry + sum[i][j] : sum[i][j];
                }
        __syncthreads();
    }
    for (int n = threadIdx.x; n < TILE * TILE; n += 256) {
        const I i = top + n / TILE, j = left + n % TILE;
        if (i < M && j < N) c[i * N + j] = (accumulate ? c[i * N + j] : T(0)) + C[n / TILE][n % TILE];
    }
}
"""

# blockDim is (32, rows in a block). All 32 lanes of a warp hold the same sums after a butterfly of exchanges.
ROWS = """
#define LANES 0xffffffffu
__device__ T warp_sum(T x) {
    for (int step = 16; step; step /= 2) x += __shfl_xor_sync(LANES, x, step);
    return x;
}
KERNEL softmax_xent(const T* s, const I* y, T* p, T* loss, I rows, I n) {
    const I b = (I)blockIdx.x * blockDim.y + threadIdx.y;
    if (b >= rows) return;
    const T* row = s + b * n;
    T top = row[0];
    I at = 0;  // the first of the greatest entries
    for (I i = threadIdx.x; i < n; i += 32)
        if (row[i] > top) { top = row[i]; at = i; }
    for (int step = 16; step; step /= 2) {
        const T other = __shfl_xor_sync(LANES, top, step);
        const I where = __shfl_xor_sync(LANES, at, step);
        if (other > top || (other == top && where < at)) { top = other; at = where; }
    }
    T rest = T(0);  // the sum but for the greatest term, which is 1: log1p(rest) is right where rest is small
    for (I i = threadIdx.x; i < n; i += 32)
        if (i != at) rest += exp(row[i] - top);
    rest = warp_sum(rest);
    const I label = y[b];
    if (threadIdx.x == 0)
        loss[b] = (label >= 0 && label < n) ? log1p(rest) - (row[label] - top) : NOT_A_NUMBER;
    for (I i = threadIdx.x; i < n; i += 32) p[b * n + i] = exp(row[i] - top) / (T(1) + rest);
}
// out[b,i] = seed[b] (p[b,i] - [i = y[b]]), where p[b,y] - 1 is minus the sum of the others: no cancellation.
KERNEL softmax_xent_grad(const T* p, const I* y, const T* seed, int seed_step, T scale, T* out, I rows, I n) {
    const I b = (I)blockIdx.x * blockDim.y + threadIdx.y;
    if (b >= rows) return;
    const I label = y[b];
    const T factor = seed_step < 0 ? scale : scale * seed[b * seed_step];
    T others = T(0);
    for (I i = threadIdx.x; i < n; i += 32)
        if (i != label) others += p[b * n + i];
    others = warp_sum(others);
    for (I i = threadIdx.x; i < n; i += 32) out[b * n + i] = factor * (i == label ? -others : p[b * n + i]);
}
KERNEL column_sum(const T* g, T* out, I rows, I n, int accumulate) {  // blockDim is (32, 32)
    __shared__ T part[32][33];
    const I j = (I)blockIdx.x * 32 + threadIdx.x;
    T sum = T(0);
    if (j < n)
        for (I b = threadIdx.y; b < rows; b += 32) sum += g[b * n + j];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && j < n) {
        sum = accumulate ? out[j] : T(0);
        for (int k = 0; k < 32; ++k) sum += part[k][threadIdx.x];
        out[j] = sum;
    }
}
// The thread of the first k that names a row adds all that name it, in order: n^2 comparisons, and no atomics.
KERNEL add_rows(const T* g, const I* at, T* out, I n, I rows, I width) {
    FOR(entry, n * width) {
        const I k = entry / width, d = entry % width, row = at[k];
        bool mine = row >= 0 && row < rows;
        for (I before = 0; mine && before < k; ++before) mine = at[before] != row;
        if (mine) {
            T sum = out[row * width + d];
            for (I later = k; later < n; ++later)
                if (at[later] == row) sum += g[later * width + d];
            out[row * width + d] = sum;
        }
    }
}
"""

# x (c, h, w, B); windows r x s, steps u, v, margins e, f; p x q windows. Neighbouring threads have neighbouring b.
WINDOWS = """
#define SIZES I C, I H, I W, I B, I R, I S, I P, I Q, I U, I V, I E, I F
KERNEL im2col(const T* x, T* out, SIZES) {  // out[c,r,s,p,q,b] = x[c, p u + r - e, q v + s - f, b], 0 outside
    FOR(n, C * R * S * P * Q * B) {
        I k = n / B;
        const I b = n % B, q = k % Q, p = (k /= Q) % P, s = (k /= P) % S, r = (k /= S) % R, c = k / R;
        const I i = p * U + r - E, j = q * V + s - F;
        out[n] = (i >= 0 && i < H && j >= 0 && j < W) ? x[((c * H + i) * W + j) * B + b] : T(0);
    }
}
#define FOR_WINDOWS_OVER_PIXEL                                                              \\
    I k = n / B;                                                                            \\
    const I b = n % B, j = k % W, i = (k /= W) % H, c = k / H;                              \\
    T sum = accumulate ? out[n] : T(0);                                                     \\
    for (I r = 0; r < R; ++r)                                                               \\
        for (I s = 0; s < S; ++s) {                                                         \\
            const I up = i + E - r, across = j + F - s, p = up / U, q = across / V;         \\
            if (up < 0 || across < 0 || up % U || across % V || p >= P || q >= Q) continue;
KERNEL col2im(const T* g, T* out, SIZES, int accumulate) {
    FOR(n, C * H * W * B) {
        FOR_WINDOWS_OVER_PIXEL
            sum += g[((((c * R + r) * S + s) * P + p) * Q + q) * B + b];
        }
        out[n] = sum;
    }
}
// at: the first tap, counted row by row, that holds the greatest entry; -1 where an entry is NaN
KERNEL max_pool(const T* x, T* y, int* at, SIZES) {
    FOR(n, C * P * Q * B) {
        I k = n / B;
        const I b = n % B, q = k % Q, p = (k /= Q) % P, c = k / P;
        T top = T(0);
        int tap = -1;
        for (I t = 0; t < R * S; ++t) {
            const I i = p * U + t / S - E, j = q * V + t % S - F;
            if (i < 0 || i >= H || j < 0 || j >= W) continue;
            const T entry = x[((c * H + i) * W + j) * B + b];
            if (entry != entry) { top = entry; tap = -1; break; }
            if (tap < 0 || entry > top) { top = entry; tap = (int)t; }
        }
        y[n] = top;
        at[n] = tap;
    }
}
KERNEL max_pool_grad(const T* g, const int* at, T* out, SIZES, int accumulate) {
    FOR(n, C * H * W * B) {
        FOR_WINDOWS_OVER_PIXEL
            const I window = ((c * P + p) * Q + q) * B + b;
            if (at[window] == r * S + s) sum += g[window];
        }
        out[n] = sum;
    }
}
KERNEL avg_pool(const T* x, T* y, SIZES) {
    FOR(n, C * P * Q * B) {
        I k = n / B;
        const I b = n % B, q = k % Q, p = (k /= Q) % P, c = k / P;
        T sum = T(0);
        for (I r = 0; r < R; ++r)
            for (I s = 0; s < S; ++s) {
                const I i = p * U + r - E, j = q * V + s - F;
                if (i >= 0 && i < H && j >= 0 && j < W) sum += x[((c * H + i) * W + j) * B + b];
            }
        y[n] = sum / T(R * S);
    }
}
KERNEL avg_pool_grad(const T* g, T* out, SIZES, int accumulate) {
    FOR(n, C * H * W * B) {
        FOR_WINDOWS_OVER_PIXEL
            sum += g[((c * P + p) * Q + q) * B + b] / T(R * S);
        }
        out[n] = sum;
    }
}
"""

CTYPES = {"float32": "float", "float64": "double"}
OPTIONS = ("--std=c++17",)


@cache
def source(dtype):
    """The CUDA source of all kernels for one precision.

    Parameters
    ----------
    dtype : "float32" or "float64"
    """
    return HEAD.format(ctype=CTYPES[dtype], tile=TILE) + MATMUL + ROWS + WINDOWS


def elementwise_source(formula, dtype):
    """A formula as a kernel of its own, as CuPy's ElementwiseKernel makes it but for strides: to be compiled in tests.

    Parameters
    ----------
    formula : formulas.Formula
    dtype : "float32" or "float64"
    """
    ins = [f"const T* in_{name}" for name in formula.in_names]
    outs = [f"T* out_{name}" for name in formula.out_names]
    names = [f"const T& {name} = in_{name}[n];" for name in formula.in_names]
    names += [f"T& {name} = out_{name}[n];" for name in formula.out_names]
    loop = f"FOR(n, N) {{ {' '.join(names)} {formula.operation} }}"
    return f"KERNEL {formula.name}({', '.join([*ins, *outs, 'I N'])}) {{ {loop} }}\n"


@cache
def kernel(xp, name, dtype):
    """The kernel `name` for a precision. xp : the module cupy. Compiled at its first launch on a device."""
    return _module(xp, dtype).get_function(name)


@cache
def _module(xp, dtype):
    return xp.RawModule(code=source(dtype), options=OPTIONS)


@cache
def elementwise(xp, formula):
    """A formula as an ElementwiseKernel, which takes every layout and broadcasts. xp : the module cupy."""
    ins = ", ".join(f"T {name}" for name in formula.in_names)
    outs = ", ".join(f"T {name}" for name in formula.out_names)
    return xp.ElementwiseKernel(ins, outs, formula.operation, f"edf_{formula.name}")
