"""CUDA kernels carried out by the processor: the very source, compiled as C++, a block's threads in turn.

Each thread of a block is a fiber (ucontext) that runs until it meets __syncthreads or a shuffle and then waits until
all others of its block got there; that is what both promise. Shared memory is static, since one block runs at a time.
What this cannot show is speed, and races that need two warps to run at once.

    library = build(folder, source("float32"), {"column_sum": [...]})      # a C++ compiler is needed
"""

import ctypes
import shutil
import subprocess

import numpy as np
from strict_cupy import Array, signature

PRELUDE = r"""
#include <cmath>
#include <cstring>
#include <ucontext.h>
#include <vector>
#define __global__
#define __device__ static
#define __shared__ static
using std::exp; using std::tanh; using std::sqrt; using std::log; using std::log1p; using std::fabs;
struct Dim { unsigned x, y, z; };
static Dim threadIdx, blockIdx, blockDim, gridDim;
static double normcdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
static float __int_as_float(int bits) { float f; std::memcpy(&f, &bits, 4); return f; }
static ucontext_t scheduler;
struct Fiber { ucontext_t context; std::vector<char> stack; bool done; int turn; };
static std::vector<Fiber> fibers;
static int running;
static double slots[2][1024];  // of two shuffles in turn: a fast thread must not overwrite what a slow one still reads
static long long whole[2][1024];
static void pause() { swapcontext(&fibers[running].context, &scheduler); }
static void __syncthreads() { pause(); }
template <class V> V exchange(V (&table)[2][1024], V value, int lane) {
    const int me = running, turn = fibers[me].turn++ % 2;
    table[turn][me] = value;
    pause();
    return table[turn][me ^ lane];
}
static float __shfl_xor_sync(unsigned, float v, int lane) { return (float)exchange(slots, (double)v, lane); }
static double __shfl_xor_sync(unsigned, double v, int lane) { return exchange(slots, v, lane); }
static long long __shfl_xor_sync(unsigned, long long v, int lane) { return exchange(whole, v, lane); }
static void (*body)();
static void enter() { body(); fibers[running].done = true; }
static void run_block(unsigned x, unsigned y) {
    const int n = blockDim.x * blockDim.y;
    fibers.resize(n);
    blockIdx = {x, y, 0};
    for (int k = 0; k < n; ++k) {
        Fiber& f = fibers[k];
        if (f.stack.empty()) f.stack.resize(65536);
        getcontext(&f.context);
        f.context.uc_stack.ss_sp = f.stack.data();
        f.context.uc_stack.ss_size = f.stack.size();
        f.context.uc_link = &scheduler;
        f.done = false;
        f.turn = 0;
        makecontext(&f.context, enter, 0);
    }
    for (bool alive = true; alive;) {
        alive = false;
        for (running = 0; running < n; ++running) {
            if (fibers[running].done) continue;
            alive = true;
            threadIdx = {running % blockDim.x, running / blockDim.x, 0};
            swapcontext(&scheduler, &fibers[running].context);
        }
    }
}
"""


def compiler():
    """A C++ compiler's path, or None."""
    return shutil.which("g++") or shutil.which("clang++")


def entry(source, name):
    """A C function that launches a kernel over its grid."""
    params = signature(source, name)
    kept = " ".join(f"static {kind} {name}_{word};" for kind, word in params)
    given = ", ".join(f"{kind} {word}" for kind, word in params)
    taken = " ".join(f"{name}_{word} = {word};" for _, word in params)
    call = f"static void {name}_body() {{ {name}({', '.join(f'{name}_{word}' for _, word in params)}); }}"
    loops = "for (unsigned y = 0; y < gridDim.y; ++y) for (unsigned x = 0; x < gridDim.x; ++x) run_block(x, y);"
    head = f'extern "C" void launch_{name}(unsigned gx, unsigned gy, unsigned bx, unsigned by, {given})'
    sizes = "gridDim = {gx, gy, 1}; blockDim = {bx, by, 1};"
    return f"{kept}\n{call}\n{head} {{ {sizes} {taken} body = {name}_body; {loops} }}\n"


def build(folder, source, names):
    """The kernels `names` of a source as a loaded library."""
    folder.mkdir(parents=True, exist_ok=True)
    text = PRELUDE + source + "".join(entry(source, name) for name in names)
    (folder / "kernels.cpp").write_text(text)
    words = ["-O1", "-std=c++17", "-fPIC", "-shared", "-Wno-deprecated-declarations", "-o", "kernels.so", "kernels.cpp"]
    done = subprocess.run([compiler(), *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]
    return ctypes.CDLL(str(folder / "kernels.so"))


class HostKernel:
    """A kernel of a built library, called as a RawKernel is: grid, block, arguments (NumPy's, or the stand-in's)."""

    def __init__(self, library, source, name):
        self.function = getattr(library, f"launch_{name}")
        self.params = signature(source, name)

    def __call__(self, grid, block, args):
        sizes = [*grid, *[1] * (2 - len(grid)), *block, *[1] * (2 - len(block))]
        self.function(*map(ctypes.c_uint, sizes), *map(_as_c, args))


def _as_c(arg):
    arg = arg._data if isinstance(arg, Array) else arg
    if isinstance(arg, np.ndarray):
        return ctypes.c_void_p(arg.ctypes.data)
    kinds = {"f": ctypes.c_float, "d": ctypes.c_double, "i": ctypes.c_int32, "l": ctypes.c_int64, "q": ctypes.c_int64}
    return kinds[arg.dtype.char](arg.item())
