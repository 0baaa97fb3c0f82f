"""The grid's geometry, the kernels, and an analyser whose counts equal closed forms worked out here by hand."""

import importlib.util
import inspect
import math
import os
import subprocess
import sys
from collections import Counter
from math import ceil, gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edfcore import cuda as gpu
from edfcore.cuda import Geometry, KernelError, analyse, grid, kernel, kernels
from edfcore.cuda.kernel import cuda
from edfcore.errors import DataError, ShapeError

F32, F64 = np.float32, np.float64
SUMS = [kernels.sum_divergent, kernels.sum_interleaved, kernels.sum_sequential]


@pytest.fixture
def numba():
    """numba.cuda, on the device or simulated; tests that launch kernels need it."""
    pytest.importorskip("numba", reason="the extra cuda-sim is not installed")
    return gpu.load()


def ramp(n, dtype=F32):
    """1, 2, ..., n."""
    return np.arange(1, n + 1, dtype=dtype)


def line_of(fn, text):
    """The number of the one line of a function that holds a text."""
    lines, first = inspect.getsourcelines(fn.py_func)
    (found,) = [first + k for k, line in enumerate(lines) if text in line]
    return found


def of_line(report, fn, text):
    """What a report says of that line."""
    number = line_of(fn, text)
    return next(line for line in report.lines if line.number == number)


def branch(report, fn, text):
    """The one test on that line."""
    (found,) = [b for b in report.branches if b.line == line_of(fn, text)]
    return found


# Geometry


@given(n=st.integers(1, 10**9), block=st.integers(1, 1024))
def test_a_grid_has_a_thread_for_each_element_and_less_than_a_block_idle(n, block):
    g = grid(n, block)
    assert g.n_blocks == ceil(n / block) and g.threads == g.n_blocks * block
    assert 0 <= g.idle < block and g.threads - g.idle == n
    assert g.warps == g.n_blocks * ceil(block / 32) and 0 <= g.empty_lanes < 32 * g.n_blocks


def test_a_block_that_is_no_multiple_of_a_warp_leaves_lanes_empty():
    g = grid(1000, 100)
    assert (g.blocks, g.threads, g.idle, g.warps_per_block, g.empty_lanes) == ((10,), 1000, 0, 4, 10 * 28)


def test_a_matrix_gets_blocks_along_columns_and_rows():
    g = grid((100, 33), (16, 8))
    assert (g.blocks, g.block) == ((7, 5), (16, 8))
    assert g.idle == 7 * 16 * 5 * 8 - 100 * 33


@pytest.mark.parametrize(
    "n, block, says",
    [
        (10, 1025, "1,025 threads along x of the block; the device takes at most 1,024"),
        ((64, 64), (32, 33), "32 x 33 = 1,056 threads; the device takes at most 1,024"),
        ((8, 8, 650), (1, 1, 65), "65 threads along z of the block; the device takes at most 64"),
        ((1, 65536), (1, 1), "65,536 blocks along y of the grid; the device takes at most 65,535"),
        (2**31, 1, "2,147,483,648 blocks along x of the grid"),
        (0, 32, "n is 0"),
        (10, 0, "block is 0"),
        (2.5, 32, "n is 2.5; give one whole number"),
        (10, (8, 8), "n has 1 axes"),
    ],
)
def test_a_launch_that_a_device_would_refuse_is_refused_in_a_sentence(n, block, says):
    with pytest.raises(DataError, match="grid: ") as error:
        grid(n, block)
    assert says in str(error.value)


def test_a_grid_too_small_for_its_elements_is_refused():
    with pytest.raises(DataError, match="3 blocks of 32 do not cover"):
        Geometry(3, 32, 97)


# The kernels, on the simulator or on a device


@pytest.mark.parametrize("n, block", [(1, 32), (31, 32), (32, 32), (100, 64)])
def test_saxpy_equals_numpy_for_any_n(numba, n, block):
    x, y = ramp(n), 10 * ramp(n)
    assert np.array_equal(gpu.saxpy(3, x, y, block), 3 * x + y)
    assert y[0] == 10  # the caller's array stays


@pytest.mark.parametrize("sum_of_blocks", SUMS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("n", [1, 15, 16, 35])
def test_each_reduction_adds_whole_numbers_exactly(numba, sum_of_blocks, n):
    assert gpu.total(ramp(n), 8, sum_of_blocks) == n * (n + 1) / 2


@pytest.mark.parametrize("i, k, j, tile", [(1, 1, 1, 2), (4, 4, 4, 4), (5, 7, 3, 4), (3, 9, 10, 4)])
def test_the_tiled_product_equals_numpy_for_any_sizes(numba, i, k, j, tile):
    A, B = ramp(i * k).reshape(i, k), ramp(k * j)[::-1].reshape(k, j)
    assert np.array_equal(gpu.matmul(A, B, tile), A @ B)  # whole numbers below 2^24: exact in any order


@pytest.mark.parametrize("columns", [1, 5, 8, 20])
def test_softmax_rows_add_up_to_1_and_keep_ratios_even_at_the_extremes(numba, columns):
    X = np.linspace(-3, 3, 2 * columns).reshape(2, columns) + [[0], [1000]]
    E = np.exp(X - X.max(axis=1, keepdims=True))
    Y = gpu.softmax(X, block=8)
    assert Y.dtype == F32
    # x rounds by up to 2^-15 near 1000; sum_k |dy_j/dx_k| = 2 y_j (1 - y_j) <= 1/2; twice that leaves room for the sums
    assert np.abs(Y - E / E.sum(axis=1, keepdims=True)).max() < 2.0**-15
    assert np.abs(Y.sum(axis=1) - 1).max() < columns * np.finfo(F32).eps


def test_what_numba_runs_is_the_code_object_that_is_analysed(numba):
    for each in [kernels.saxpy, *SUMS, kernels.matmul_tiled(4), kernels.softmax_rows]:
        assert each.compiled.py_func.__code__ is each.py_func.__code__


def test_a_kernel_launches_with_a_geometry_or_as_numba_spells_it(numba):
    x = ramp(40)
    for launch in (grid(40, 32), (2, 32), ((2,), (32,))):
        y = np.zeros(40, F32)
        kernels.saxpy[launch](40, 2.0, x, y)
        assert np.array_equal(y, 2 * x)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: gpu.saxpy(1, ramp(3), ramp(4)), "saxpy: x has 3 entries and y has 4"),
        (lambda: gpu.saxpy(1, ramp(4).reshape(2, 2), ramp(4)), "x has shape (2, 2); it must have 1 axis"),
        (lambda: gpu.saxpy(1, [], []), "x is empty"),
        (lambda: gpu.matmul(np.ones((2, 3)), np.ones((4, 5))), "k is 3 in A and 4 in B"),
        (lambda: gpu.matmul(np.ones((2, 3)), np.ones(3)), "B has shape (3,); it must have 2 axes"),
        (lambda: gpu.softmax(np.ones(3)), "X has shape (3,)"),
    ],
)
def test_host_functions_refuse_shapes_that_do_not_fit(call, says):
    with pytest.raises(ShapeError) as error:
        call()
    assert says in str(error.value)


@pytest.mark.parametrize("call", [lambda: gpu.total(ramp(9), 24), lambda: gpu.softmax(np.ones((2, 3)), 12)])
def test_a_tree_needs_a_power_of_two(call):
    with pytest.raises(DataError, match="power of two"):
        call()


def test_a_kernel_called_like_a_function_says_how_to_launch_it():
    with pytest.raises(KernelError, match=r"saxpy is a kernel.*saxpy\[blocks, threads\]"):
        kernels.saxpy(1, 1.0, ramp(1), ramp(1))
    with pytest.raises(KernelError, match="cuda.grid has a meaning only inside a kernel"):
        kernels.saxpy.py_func(1, 1.0, ramp(1), ramp(1))


def python(code, **environment):
    kept = {k: v for k, v in os.environ.items() if k != "NUMBA_ENABLE_CUDASIM"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept | environment)


def test_without_numba_the_analyser_works_and_a_launch_says_what_to_install():
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\nfrom edfcore.cuda import analyse, kernels\n"
        "x = np.ones(32, np.float32)\nprint(analyse(kernels.saxpy, (1, 32), 32, 1.0, x, x.copy()).sectors)\n"
        "kernels.saxpy[1, 32](32, 1.0, x, x)"
    )
    done = python(code)
    assert done.stdout.strip() == "12"
    assert 'needs numba-cuda, which is not installed. Run: python -m pip install -e ".[cuda-sim]"' in done.stderr


@pytest.mark.skipif(gpu.is_available(), reason="a device is found")
def test_where_numba_came_first_the_simulator_is_chosen_or_the_message_says_why_not(numba):
    launch = "from edfcore.cuda import saxpy, simulated; print(*saxpy(2, [1], [1]), simulated())"
    assert python(f"import numba; {launch}").stdout.split() == ["3.0", "True"]
    late = python(f"from numba import cuda; {launch}").stderr
    assert "KernelError: numba.cuda was imported for a GPU, and none is found. Restart Python" in late


PTX = """
import types
import numba.cuda as nc
from numba import float32, float64, int64
from edfcore.cuda import kernels as K
from edfcore.cuda.kernel import with_cuda

def vectors(t): return t[::1], t[::1]
f2 = float32[:, ::1]
SIGNATURES = [
    (K.saxpy, (int64, float32, *vectors(float32))), (K.saxpy, (int64, float64, *vectors(float64))),
    (K.strided_copy, (int64, int64, *vectors(float32))), (K.branch_by_lane, vectors(float32)),
    (K.branch_by_warp, vectors(float32)), (K.matmul_naive, (f2, f2, f2)), (K.matmul_tiled(16), (f2, f2, f2)),
    (K.softmax_rows, (f2, f2)), (K.sum_divergent, (int64, *vectors(float32))),
    (K.sum_interleaved, (int64, *vectors(float32))), (K.sum_sequential, (int64, *vectors(float32))),
]
for kernel, signature in SIGNATURES:
    fn = kernel.py_func
    bound = types.FunctionType(fn.__code__, with_cuda(fn, nc), fn.__name__, fn.__defaults__, fn.__closure__)
    ptx, _ = nc.compile_ptx(bound, signature, cc=(9, 0))
    wide = "float64" in str(signature)
    assert ".f64" not in ptx or wide, f"{kernel}: float32 became float64"
    print(kernel.__name__)
"""  # fmt: skip


@pytest.mark.slow
def test_every_kernel_compiles_for_a_device_and_stays_in_float32(numba):
    done = python(PTX, NUMBA_ENABLE_CUDASIM="0")
    if "DynamicLibNotFoundError" in done.stderr:
        pytest.skip("the compiler NVVM is not installed: python -m pip install 'numba-cuda[cu13]'")
    if "no attribute 'row_stack'" in done.stderr:
        pytest.skip("this numba-cuda compiles with NumPy up to 2.4 only (its simulator takes any)")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 11


# The analyser: global memory. Closed forms count byte ranges, warp by warp.


def spans(n, block, start, itemsize, width):
    """Aligned segments of `width` bytes under contiguous entries, summed over warps."""
    found = 0
    for first in range(0, n, block):
        for lane0 in range(first, min(n, first + block), 32):
            last = min(lane0 + 32, first + block, n)
            low, high = start + itemsize * lane0, start + itemsize * last
            found += -(-high // width) - low // width
    return found


@pytest.mark.parametrize("dtype", [np.int8, np.float16, F32, F64, np.complex128])
@pytest.mark.parametrize("n, block", [(1, 32), (31, 64), (32, 32), (100, 64), (256, 128), (300, 48)])
@pytest.mark.parametrize("offset", [0, 1, 3, 8, 32])
def test_saxpy_touches_the_sectors_under_its_bytes_aligned_or_not(n, block, offset, dtype):
    x, y = np.ones(n + offset, dtype)[offset:], np.ones(n, dtype)
    report = analyse(kernels.saxpy, grid(n, block), n, 2, x, y).check()
    size, warps = x.itemsize, sum(ceil(min(block, n - b) / 32) for b in range(0, n, block))
    for access, start in [
        (report.find("x"), offset * size),
        (report.find("y", "load"), 0),
        (report.find("y", "store"), 0),
    ]:
        assert (access.requests, access.lanes, access.asked) == (warps, n, n * size)
        assert access.sectors == spans(n, block, start, size, 32)
        assert access.lines == spans(n, block, start, size, 128)
        assert access.efficiency == n * size / (32 * access.sectors)
    assert np.array_equal(y, np.full(n, 3, dtype))


def test_a_warp_of_floats_takes_4_sectors_and_1_line_aligned_and_5_and_2_off_by_one():
    x = np.ones(64, F32)
    for offset, sectors, lines, coalesced in [(0, 4, 1, 1), (1, 5, 2, 0), (8, 4, 2, 1)]:
        access = analyse(kernels.saxpy, (1, 32), 32, 1.0, x[offset:], np.ones(32, F32)).find("x")
        assert (access.sectors, access.lines, access.coalesced) == (sectors, lines, coalesced)


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("stride", [1, 2, 4, 8, 16, 32])
def test_a_strided_copy_moves_min_32_and_stride_times_size_sectors_a_warp(stride, dtype):
    n, size = 128, np.dtype(dtype).itemsize
    x, y = ramp(n * stride, dtype), np.zeros(n, dtype)
    report = analyse(kernels.strided_copy, grid(n, 64), n, stride, x, y).check()
    assert report.find("x").sectors == n // 32 * min(32, stride * size)
    assert report.find("x").efficiency == size / min(32, stride * size)
    assert report.find("y").sectors == n // 32 * size and report.find("y").efficiency == 1
    assert report.find("x").coalesced == (n // 32 if stride == 1 else 0)
    assert np.array_equal(y, x[::stride])


def test_one_entry_for_all_lanes_is_one_sector():
    @kernel
    def broadcast(x, y):
        i = cuda.grid(1)
        y[i] = x[0]

    access = analyse(broadcast, (2, 64), ramp(5), np.zeros(128, F32)).find("x")
    assert (access.requests, access.sectors, access.efficiency) == (4, 4, 4.0)


def test_an_entry_across_the_end_of_a_sector_takes_both():
    x = np.ones(65, F64)[1:].view(np.complex128)  # 16 bytes each, from byte 8 on: every other one straddles
    access = analyse(kernels.saxpy, (1, 2), 2, 1.0, x, np.ones(2, np.complex128)).find("x")
    assert (access.lanes, access.sectors, access.coalesced) == (2, 2, 0)  # bytes 8 to 24 and 24 to 40
    access = analyse(kernels.strided_copy, (1, 2), 1, 0, x[1:], np.ones(1, np.complex128)).find("x")
    assert (access.lanes, access.sectors, access.coalesced) == (1, 2, 0)


def test_columns_of_a_matrix_cost_a_sector_each_and_its_transposed_view_none_extra():
    @kernel
    def down_columns(A, out):
        i = cuda.grid(1)
        out[i] = A[i, 0]

    A = ramp(32 * 16).reshape(32, 16)
    assert analyse(down_columns, (1, 32), A, np.zeros(32, F32)).find("A").sectors == 32
    B = ramp(16 * 32).reshape(16, 32).T
    assert analyse(down_columns, (1, 32), B, np.zeros(32, F32)).find("A").sectors == 4


# Branches and lanes


@pytest.mark.parametrize("blocks, block", [(1, 32), (3, 64), (2, 256)])
def test_even_and_odd_lanes_part_in_every_warp_and_even_and_odd_warps_in_none(blocks, block):
    n, warps = blocks * block, blocks * block // 32
    x = ramp(n)
    for each, divergent, lanes in [(kernels.branch_by_lane, warps, 16), (kernels.branch_by_warp, 0, 32)]:
        y = np.zeros(n, F32)
        report = analyse(each, (blocks, block), x, y).check()
        test = branch(report, each, "if ")
        assert (test.executions, test.divergent) == (warps, divergent)
        assert report.divergent == divergent
        even, odd = (of_line(report, each, way) for way in ("x[i] * 2", "x[i] / 2"))
        assert even.active == lanes and even.lanes + odd.lanes == n


@pytest.mark.parametrize("n", [1, 31, 32, 33, 96, 100, 127, 128])
def test_a_bounds_check_parts_the_last_warp_alone_and_only_if_that_is_partial(n):
    report = analyse(kernels.saxpy, (1, 128), n, 1.0, ramp(n), ramp(n)).check()
    test = branch(report, kernels.saxpy, "if ")
    assert (test.executions, test.divergent) == (4, int(n % 32 > 0))
    body = of_line(report, kernels.saxpy, "a * x[i]")
    assert (body.issues, body.lanes) == (ceil(n / 32), n)
    # of three statements each warp executes two with all lanes; the third leaves 32 ceil(n/32) - n idle
    assert report.idle_lanes == 32 * ceil(n / 32) - n


def test_a_block_of_half_a_warp_leaves_half_the_lanes_idle():
    report = analyse(kernels.saxpy, grid(64, 16), 64, 1.0, ramp(64), ramp(64))
    assert (report.warps, report.geometry.empty_lanes, report.active) == (4, 64, 16.0)


def test_lanes_that_parted_meet_again_after_the_if():
    @kernel
    def parts_and_meets(y):
        i = cuda.grid(1)
        if i % 2:
            y[i] = 1
        else:
            y[i] = 2
        y[i + 32] = 3

    report = analyse(parts_and_meets, (1, 32), np.zeros(64, F32))
    assert [a.requests for a in report.accesses] == [1, 1, 1]
    assert [a.lanes for a in report.accesses] == [16, 16, 32]


def test_a_loop_of_as_many_turns_as_the_lane_parts_at_each_turn_but_the_last():
    @kernel
    def triangle(x, out):
        t = cuda.threadIdx.x
        total = 0.0
        for k in range(t):
            total += x[k]
        out[t] = total

    out = np.zeros(32, F64)
    report = analyse(triangle, (1, 32), ramp(31, F64), out).check()
    test = branch(report, triangle, "for ")
    # at turn k lane k leaves and the 31 - k lanes above it stay; at turn 31 lane 31 is alone
    assert (test.executions, test.divergent) == (32, 31)
    assert (report.find("x").requests, report.find("x").lanes) == (31, 31 * 32 // 2)
    assert report.flops == 31 * 32 // 2
    assert np.array_equal(out, [k * (k + 1) / 2 for k in range(32)])


def test_break_continue_and_return_take_lanes_out_for_the_turn_the_loop_or_good():
    @kernel
    def leaves(y):
        t = cuda.threadIdx.x
        k = 0
        while k < 4:
            k += 1
            if t == 0:
                continue
            if t == 1 and k == 2:
                break
            if t == 2 and k == 3:
                return
            y[k, t] = 1
        y[0, t] = 1

    y = np.zeros((5, 32), F32)
    report = analyse(leaves, (1, 32), y).check()
    inside, after = report.find("y[k, t]"), report.find("y[0, t]")
    assert (inside.requests, inside.lanes) == (4, 4 * 32 - 4 - 3 - 2)  # lane 0 never, lane 1 once, lane 2 twice
    assert (after.requests, after.lanes) == (1, 31)  # all but the lane that returned, together again
    assert y.sum() == inside.lanes + after.lanes


@given(turns=st.lists(st.integers(0, 5), min_size=32, max_size=32).filter(any), offset=st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_lanes_in_the_same_turn_of_two_loops_ask_together(turns, offset):
    @kernel
    def nested(turns, x, out):
        t = cuda.threadIdx.x
        for j in range(2):
            for k in range(turns[t]):
                out[t] += x[t + 32 * k + offset * j]

    x, out = ramp(32 * 6 + 40, F64), np.zeros(32)
    report = analyse(nested, (1, 32), np.array(turns), x, out).check()
    lanes = Counter(k for n in turns for k in range(n))
    access = report.find("x")
    assert (access.requests, access.lanes) == (2 * len(lanes), 2 * sum(turns))
    entries = [(j, k, t + 32 * k + offset * j) for j in (0, 1) for t, n in enumerate(turns) for k in range(n)]
    assert access.sectors == len({(j, k, 8 * at // 32) for j, k, at in entries})


# Shared memory


@pytest.mark.parametrize("stride", [1, 2, 3, 4, 8, 16, 31, 32, 33])
def test_a_stride_of_s_words_makes_gcd_of_s_and_32_lanes_share_a_bank(stride):
    @kernel
    def strided(out):
        s = cuda.shared.array(32 * 33, np.float32)
        t = cuda.threadIdx.x
        s[t * stride] = 1
        out[t] = s[t * stride]

    report = analyse(strided, (2, 32), np.zeros(64, F32))
    for access in [report.find("s", "store"), report.find("s", "load")]:
        assert (access.requests, access.conflicts) == (2, 2 * (gcd(stride, 32) - 1))


def test_lanes_that_ask_for_one_word_share_it():
    @kernel
    def broadcast(out):
        s = cuda.shared.array(64, np.float32)
        t = cuda.threadIdx.x
        s[t] = t
        cuda.syncthreads()
        out[t] = s[5] + s[t // 2]

    assert analyse(broadcast, (1, 64), np.zeros(64, F32)).check().conflicts == 0


@pytest.mark.parametrize("width, conflicts", [(32, 31), (33, 0)])
def test_a_column_of_a_tile_lies_in_one_bank_unless_its_rows_are_padded(width, conflicts):
    @kernel
    def columns(out):
        s = cuda.shared.array((32, width), np.float32)
        t = cuda.threadIdx.x
        s[t, 0] = t
        out[t] = s[t, 0]

    report = analyse(columns, (1, 32), np.zeros(32, F32))
    assert report.find("s", "load").conflicts == conflicts


def test_doubles_side_by_side_take_two_passes_and_no_conflict():
    @kernel
    def doubles(stride, out):
        s = cuda.shared.array(64, np.float64)
        t = cuda.threadIdx.x
        s[stride * t] = t
        out[t] = s[stride * t]

    one, two = (analyse(doubles, (1, 32), stride, np.zeros(32)).find("s", "load") for stride in (1, 2))
    assert (one.wavefronts, one.conflicts) == (2, 0)
    assert (two.wavefronts, two.conflicts) == (4, 2)  # lanes t and t + 8 of each half warp: words 4t and 4t + 32


def tree_steps(block):
    return int(math.log2(block))


def interleaved_conflicts(block):
    """Each step, lanes t < block / 2s touch words 2st and 2st + s, three times (load, load, store).

    Lane t's word lies in bank 2st mod 32 (+ s): of a warp's m lanes ceil(m g / 32) share each bank, g = gcd(2s, 32).
    """
    found, s = 0, 1
    while s < block:
        for first in range(0, block // (2 * s), 32):
            m = min(32, block // (2 * s) - first)
            found += 3 * (ceil(m * gcd(2 * s, 32) / 32) - 1)
        s *= 2
    return found


@pytest.mark.parametrize("block", [32, 64, 256, 1024])
def test_interleaved_reduction_has_the_conflicts_of_its_strides_and_the_others_none(block):
    for each, conflicts in zip(SUMS, (0, interleaved_conflicts(block), 0), strict=True):
        out = np.zeros(1, F32)
        report = analyse(each, grid(block, block), block, ramp(block), out).check()
        assert report.conflicts == conflicts
        assert out[0] == block * (block + 1) / 2 and report.flops == block - 1


@pytest.mark.parametrize("block", [32, 64, 256, 1024])
def test_reductions_diverge_as_their_strides_say(block):
    warps = block // 32
    # t % 2s == 0: every warp parts while 2s <= 32; then one lane of each (2s / 32)th warp works alone
    every = 5 * warps + sum(block // w for w in [2**p for p in range(6, tree_steps(block) + 1)])
    first = 5  # the first block / 2s threads work: the last warp parts once fewer than 32 do
    for each, test, parted in zip(SUMS, ("if t %", "if k <", "if t <"), (every, first, first), strict=True):
        report = analyse(each, (1, block), block, ramp(block), np.zeros(1, F32))
        found = branch(report, each, test)
        assert (found.executions, found.divergent) == (warps * tree_steps(block), parted)


# Matrix products


@pytest.mark.parametrize("tile", [8, 16, 32])
def test_tiles_divide_the_loads_of_a_product_by_their_width(tile):
    N = 32
    A, B = ramp(N * N).reshape(N, N) % 7, ramp(N * N).reshape(N, N) % 5
    C, D = np.zeros((N, N), F32), np.zeros((N, N), F32)
    g, warps, rows = grid((N, N), (tile, tile)), N * N // 32, 32 // tile
    naive = analyse(kernels.matmul_naive, g, A, B, C).check()
    tiled = analyse(kernels.matmul_tiled(tile), g, A, B, D).check()
    assert np.array_equal(C, A @ B) and np.array_equal(D, A @ B)

    asked = [sum(r.find(x).asked for x in (a, b)) for r, a, b in [(naive, "A", "B"), (tiled, "A", "B")]]
    assert asked == [4 * 2 * N**3, 4 * 2 * N**3 // tile]
    # naive, each k: a warp's lanes share one entry of A in each of its rows, and read `tile` neighbours of B
    assert naive.find("A").sectors == warps * N * rows
    assert naive.find("B").sectors == warps * N * tile // 8
    # tiled, each tile: a warp fetches 32 entries of each matrix, in rows of `tile`
    assert tiled.find("A").sectors == tiled.find("B").sectors == warps * N // tile * 4
    assert naive.find("C").sectors == tiled.find("C").sectors == warps * 4
    assert naive.flops == tiled.flops == 2 * N**3
    assert tiled.conflicts == 0 and tiled.shared_bytes == 2 * 4 * tile**2


@pytest.mark.parametrize("i, k, j", [(1, 1, 1), (5, 9, 3), (10, 4, 17)])
def test_both_products_are_right_and_in_range_for_sizes_that_do_not_fit(i, k, j):
    A, B = ramp(i * k).reshape(i, k), ramp(k * j).reshape(k, j)
    for each in (kernels.matmul_naive, kernels.matmul_tiled(4)):
        C = np.full((i, j), -1, F32)
        analyse(each, grid((j, i), (4, 4)), A, B, C).check()
        assert np.array_equal(C, A @ B)


def test_softmax_reads_each_entry_three_times_and_writes_it_twice():
    rows, columns, block = 3, 50, 32
    X = np.random.default_rng(0).normal(size=(rows, columns)).astype(F32)
    Y = np.zeros_like(X)
    report = analyse(kernels.softmax_rows, (rows, block), X, Y).check()
    assert report.asked == 5 * X.nbytes
    E = np.exp(X.astype(F64) - X.max(axis=1, keepdims=True))
    assert np.abs(Y - E / E.sum(axis=1, keepdims=True)).max() < 8 * np.finfo(F32).eps


# Faults, planted


@kernel
def unguarded(a, x, y):
    i = cuda.grid(1)
    y[i] = a * x[i] + y[i]


def test_a_kernel_without_its_bounds_check_is_told_thread_block_line_and_index():
    n = 100
    x, y = ramp(n), np.zeros(n, F32)
    report = analyse(unguarded, grid(n, 64), 2.0, x, y)
    line = line_of(unguarded, "y[i] =")
    fault = next(f for f in report.faults if "x[" in f.text)
    assert fault.kind == "out of range"
    assert (fault.line, fault.block, fault.thread) == (line, (1, 0, 0), (36, 0, 0))
    says = f"unguarded, line {line}: thread 36 of block 1 reads x[100], and x has 100 entries, 0 to 99."
    assert fault.text.startswith(says)
    assert report.times == (28, 28, 28)  # x read, y read, y written by each idle thread
    assert np.array_equal(y, 2 * x)  # the rest runs on
    with pytest.raises(KernelError, match=r"(?s)reads x\[100\].*\(28 times\).*writes y\[100\]"):
        report.check()
    assert f"fault: {says}" in str(report)


def test_with_its_bounds_check_it_has_no_fault():
    assert analyse(kernels.saxpy, grid(100, 64), 100, 2.0, ramp(100), ramp(100)).faults == ()


def test_a_matrix_index_out_of_range_is_told_with_the_shape():
    @kernel
    def transposed(A, out):
        x, y = cuda.grid(2)
        out[x, y] = A[x, y]

    (fault, _) = analyse(transposed, (1, (4, 2)), np.ones((2, 4), F32), np.ones((2, 4), F32)).faults
    assert "thread (2, 0) of block 0 reads A[2, 0], and A has shape (2, 4)" in fault.text


def test_a_negative_index_is_told_though_numba_would_wrap_it():
    @kernel
    def left_neighbour(x, y):
        i = cuda.grid(1)
        y[i] = x[i - 1]

    y = np.zeros(32, F32)
    report = analyse(left_neighbour, (1, 32), ramp(32), y)
    assert [f.kind for f in report.faults] == ["negative index"] and report.times == (1,)
    assert "thread 0 of block 0 uses x[-1]" in report.faults[0].text
    assert y[0] == 32  # as numba does


def test_a_reduction_without_its_barrier_is_a_race():
    @kernel
    def hasty(x, out):
        s = cuda.shared.array(64, np.float32)
        t = cuda.threadIdx.x
        s[t] = x[t]
        step = 32
        while step > 0:
            if t < step:
                s[t] += s[t + step]
            step //= 2
        if t == 0:
            out[0] = s[0]

    faults = analyse(hasty, (1, 64), ramp(64), np.zeros(1, F32)).faults
    races = [f for f in faults if f.kind == "race"]
    assert races and all("of the same block" in f.text and "no syncthreads()" in f.text for f in races)
    assert races[0].line in (line_of(hasty, "s[t] += "), line_of(hasty, "s[t] = x"))
    assert "not written" in {f.kind for f in faults}


def test_two_blocks_that_write_one_entry_race_unless_they_use_an_atomic():
    @kernel
    def plain(out):
        if cuda.threadIdx.x == 0:
            out[0] += 1

    @kernel
    def atomic(out):
        if cuda.threadIdx.x == 0:
            cuda.atomic.add(out, 0, 1)

    report = analyse(plain, (2, 32), np.zeros(1, F32))
    (fault,) = report.faults
    assert "race: thread 0 of block 1 reads out[0], and block 0 writes it" in fault.text
    assert "blocks run in any order" in fault.text and report.times == (2,)  # block 1 reads, and it writes
    out = np.zeros(1, F32)
    report = analyse(atomic, (3, 32), out).check()
    assert out[0] == 3 and report.find("out").kind == "atomic"


def test_shared_memory_read_before_it_is_written_is_told():
    @kernel
    def reads_nothing(out):
        s = cuda.shared.array(32, np.float32)
        t = cuda.threadIdx.x
        out[t] = s[t]

    out = np.zeros(32, F32)
    (fault,) = analyse(reads_nothing, (1, 32), out).faults
    assert "thread 0 of block 0 reads s[0], which no thread of its block has written" in fault.text
    assert np.isnan(out).all()


def test_a_barrier_that_some_threads_skip_is_told():
    @kernel
    def conditional(out):
        t = cuda.threadIdx.x
        if t < 16:
            cuda.syncthreads()
        out[t] = t

    (fault,) = analyse(conditional, (1, 32), np.zeros(32, F32)).faults
    assert fault.kind == "barrier" and fault.line == line_of(conditional, "cuda.syncthreads")
    assert "reached by 16 of the 32 threads of a block, and thread 16 of block 0 has ended" in fault.text


def test_more_shared_memory_than_a_block_has_is_refused():
    @kernel
    def greedy(out):
        s = cuda.shared.array(12 * 1024 + 1, np.float32)
        s[0] = 1
        out[0] = s[0]

    with pytest.raises(KernelError, match="take 49,156 bytes; the device gives 49,152"):
        analyse(greedy, (1, 1), np.zeros(1, F32))


def with_slice(x):
    x[:] = 1


def with_float_index(x):
    x[0.5] = 1


def with_too_many_indices(x):
    x[0, 0] = 1


def with_a_shuffle(x):
    x[0] = cuda.shfl_sync(-1, 1.0, 0)


def with_try(x):
    try:
        x[0] = 1
    finally:
        pass


def with_division(x):
    x[0] = 1 // cuda.threadIdx.x


@pytest.mark.parametrize(
    "fn, says",
    [
        (with_slice, "a whole slice is assigned"),
        (with_float_index, "no whole number"),
        (with_too_many_indices, "2 indices for an array of 1 axes"),
        (with_a_shuffle, "cuda.shfl_sync is not modelled"),
        (with_try, "Try is nothing that the analyser follows"),
        (with_division, "thread 0 of block 0: ZeroDivisionError"),
    ],
)
def test_what_the_analyser_does_not_follow_it_says(fn, says):
    with pytest.raises(KernelError) as error:
        analyse(fn, (1, 1), ramp(3))
    assert says in str(error.value) and fn.__name__ in str(error.value)


def test_a_list_is_no_array():
    with pytest.raises(KernelError, match="saxpy was given a list; give NumPy arrays and numbers"):
        analyse(kernels.saxpy, (1, 32), 1, 1.0, [1.0], [1.0])


# Kernels that students write


STUDENT = """
from numba import cuda, float32

@cuda.jit(device=True)
def clipped(x, i):
    if x[i] > 2:
        return 2.0
    return x[i]

@cuda.jit
def clip(x, y):
    s = cuda.shared.array(32, float32)
    t, i = cuda.threadIdx.x, cuda.grid(1)
    s[t] = clipped(x, i) + clipped(x, i)
    cuda.syncthreads()
    y[i] = s[31 - t]
"""


def test_kernels_and_device_functions_of_numba_are_analysed_as_they_are(numba, tmp_path):
    (tmp_path / "student.py").write_text(STUDENT)
    spec = importlib.util.spec_from_file_location("student", tmp_path / "student.py")
    student = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(student)
    y, z = np.zeros(32, F32), np.zeros(32, F32)
    report = analyse(student.clip, (1, 32), ramp(32), y).check()
    student.clip[1, 32](ramp(32), z)
    assert np.array_equal(y, 2 * np.minimum(ramp(32), 2)[::-1]) and np.array_equal(y, z)
    loads = [a for a in report.accesses if a.array == "x"]
    assert [(a.function, a.requests, a.lanes) for a in loads] == [("clipped", 2, 64), ("clipped", 2, 4)]
    assert report.divergent == 2  # once for each call


def test_the_report_tells_each_line_with_its_counts():
    text = str(analyse(kernels.strided_copy, grid(64, 32), 64, 8, ramp(512), np.zeros(64, F32)))
    assert "64 elements on 2 blocks of 32 threads: 64 threads (0 idle), 2 warps (0 empty lanes)" in text
    (row,) = [line for line in text.splitlines() if line.endswith("y[i] = x[i * stride]")]
    # warps, lanes, sectors (2 x 32 read, 2 x 4 written), bytes asked / moved = 512 / 2304
    assert row.split()[:5] == [str(line_of(kernels.strided_copy, "x[i * stride]")), "2", "32.0", "72", "22%"]


def test_find_names_what_there_is_where_the_name_is_wrong():
    report = analyse(kernels.saxpy, (1, 32), 32, 1.0, ramp(32), ramp(32))
    with pytest.raises(KernelError, match=r"saxpy has 2 accesses 'y'; it has .*y\[i\] \(load\)"):
        report.find("y")
