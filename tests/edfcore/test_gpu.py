"""The GPU backend: on a strict stand-in for CuPy, by the kernels' source run as C++, on a GPU where there is one."""

import importlib.machinery
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from cuda_on_host import HostKernel, build, compiler
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from strict_cupy import StrictCupy, install

import edfcore as edf
from edfcore import checks, models, optimizers
from edfcore.backend import Backend
from edfcore.data import batches as host_batches
from edfcore.gpu import data, graphs, health, kernels, nvrtc, ops, reference
from edfcore.gpu.device import EVERY, CudaDevice, LateChecks, place
from edfcore.gpu.errors import LateCheck, NoGpu
from edfcore.gpu.formulas import ACTS, FORMULAS, Formula
from edfcore.registry import REGISTRY

DTYPES = ("float32", "float64")
# Functions of NumPy that are about the host's own matters
IRRELEVANT = set(
    "busday_count busday_offset datetime_as_string datetime_data fromregex get_include getbufsize geterr geterrcall "
    "info is_busday isnat setbufsize seterr seterrcall show_runtime test".split()
)
EPS = {"float32": 1e-5, "float64": 1e-12}
RULES = ("SGD", "Momentum", "Nesterov", "Rprop", "Adagrad", "Adadelta", "RMSprop", "Adam", "AMSGrad", "AdamW")


@pytest.fixture
def cupy(monkeypatch):
    """The stand-in in CuPy's place; afterwards new graphs live on NumPy again."""
    yield install(monkeypatch)
    edf.use("cpu")


def error(found, expected):
    """The largest difference relative to the largest value, NaN in the same places counting as equal."""
    found, expected = (np.asarray(a, np.float64) for a in (found, expected))
    assert found.shape == expected.shape
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    scale = max(np.abs(expected[np.isfinite(expected)]).max(initial=0), 1e-30)
    return (np.abs(np.where(np.isfinite(expected), found - expected, 0)).max(initial=0)) / scale


# Formulas


NUMBERS = st.floats(-1e3, 1e3, allow_nan=False).map(lambda x: 0.0 if abs(x) < 1e-30 else x)
ORACLES = {
    "sigmoid": lambda z: special.expit(z),
    "tanh": lambda z: math.tanh(z),
    "relu": lambda z: max(z, 0.0),
    "none": lambda z: z,
}
SLOPES = {
    "sigmoid": lambda z: special.expit(z) * special.expit(-z),
    "tanh": lambda z: 1 / math.cosh(z) ** 2 if abs(z) < 300 else 0.0,
    "relu": lambda z: float(z > 0),
    "none": lambda z: 1.0,
}


@pytest.mark.parametrize("act", ACTS)
@given(x=NUMBERS, bias=NUMBERS)
def test_an_activations_formula_is_its_closed_form(act, x, bias):
    (found,) = FORMULAS[f"bias_act_{act}"](np.array([x]), np.array([bias]))
    assert found[0] == pytest.approx(ORACLES[act](x + bias), rel=1e-14, abs=1e-300)
    assert np.array_equal(FORMULAS[f"act_{act}"](np.array([x]))[0], FORMULAS[f"bias_act_{act}"](np.array([x]), 0.0)[0])


@pytest.mark.parametrize("act", ACTS)
@given(x=st.floats(-8, 8), g=NUMBERS)
def test_a_slopes_formula_from_the_value_is_the_slope(act, x, g):
    y = FORMULAS[f"act_{act}"](np.array([x]))[0]
    (found,) = FORMULAS[f"act_grad_{act}"](y, np.array([g]))
    assert found[0] == pytest.approx(g * SLOPES[act](x), rel=1e-8, abs=1e-300)  # 1 - y cancels where y is nearly 1


def test_relu_keeps_nan_as_the_component_does():
    assert np.isnan(FORMULAS["act_relu"](np.array([np.nan]))[0][0])


@given(x=st.floats(-30, 8))
def test_the_normal_distribution_function_is_scipys(x):
    assert FORMULAS["normal_cdf"](np.array([x]))[0][0] == pytest.approx(special.ndtr(x), rel=1e-13)


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_a_formula_stays_in_the_dtype_of_its_arrays(formula):
    values = [np.full(3, 0.5, np.float32) if k < 2 else 0.5 for k in range(len(formula.in_names))]
    assert all(out.dtype == np.float32 for out in formula(*values))
    bare = re.sub(r"T\([^)]*\)", "", formula.operation)
    assert not re.search(r"(?<![\w.])\d", bare), "a bare number is double in CUDA"


@pytest.mark.parametrize(
    "text, said",
    [
        ("y = x ** 2", "x ** 2"),
        ("y = sin(x)", "sin"),
        ("y = z", "'z'"),
        ("z = x", "assigned to y"),
        ("y += x", "no assignment"),
        ("y = 1 < x < 2", "1 < x < 2"),
        ("y = 'one'", "'one'"),
    ],
)
def test_what_a_formula_cannot_say_is_refused_in_a_sentence(text, said):
    with pytest.raises(edf.DataError, match="Formula bad") as found:
        Formula("bad", "x", "y", text)
    assert said in str(found.value)


# The source of the kernels, carried out by the processor

no_compiler = compiler() is None or sys.platform != "linux"  # ucontext is Linux's here
needs_compiler = pytest.mark.skipif(no_compiler, reason="needs Linux and a C++ compiler (Debian: apt-get install g++)")


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """All kernels and formulas, compiled as C++: function of a dtype and a name."""
    found = {}

    def kernel(dtype, name):
        if dtype not in found:
            source = kernels.source(dtype) + "".join(kernels.elementwise_source(f, dtype) for f in FORMULAS.values())
            names = [*reference.KERNELS, *FORMULAS]
            found[dtype] = source, build(tmp_path_factory.mktemp(dtype), source, names)
        source, library = found[dtype]
        return HostKernel(library, source, name)

    return kernel


@pytest.fixture
def sources(cupy, built):
    """The stand-in, whose raw kernels are the CUDA sources."""
    cupy.carry_out = built
    return cupy


def both(cupy, operation, arrays, *settings, outs=1, **named):
    """An operation on the device and its reference on the host, on copies of the arrays: the last `outs` of each."""
    there, here = [cupy.asarray(a) for a in arrays], [a.copy() for a in arrays]
    getattr(ops, operation)(*there, *settings, **named)
    getattr(reference, operation)(*here, *settings, **named)
    return [(a.get(), b) for a, b in zip(there[-outs:], here[-outs:], strict=True)]


def agree(pairs, dtype):
    assert all(error(found, expected) < EPS[dtype] for found, expected in pairs), [error(*pair) for pair in pairs]


def draw(rng, dtype, *shape):
    return rng.normal(size=shape).astype(dtype)


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("M, K, N", [(1, 1, 1), (5, 3, 2), (32, 64, 32), (33, 65, 31), (100, 17, 10), (7, 200, 70)])
def test_our_own_product_is_the_product_for_every_size_and_transpose(sources, dtype, M, K, N):
    rng = np.random.default_rng(M * K)
    for turned_a, turned_b, accumulate in ((0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 0)):
        a, b, out = (
            draw(rng, dtype, *shape)
            for shape in ((K, M) if turned_a else (M, K), (N, K) if turned_b else (K, N), (M, N))
        )
        a_there, b_there, there = (sources.asarray(m) for m in (a, b, out))
        a, b = (a.T if turned_a else a), (b.T if turned_b else b)
        a_there, b_there = (a_there.T if turned_a else a_there), (b_there.T if turned_b else b_there)
        ops.own_matmul(a_there, b_there, there, accumulate)
        expected = a.astype("float64") @ b.astype("float64") + (out if accumulate else 0)
        agree([(there.get(), expected)], dtype)


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("B, n", [(1, 1), (3, 10), (9, 32), (6, 33), (5, 100)])
def test_rows_of_softmax_and_their_gradient_are_those_of_the_reference(sources, dtype, B, n):
    rng = np.random.default_rng(n)
    scores, labels = 5 * draw(rng, dtype, B, n), rng.integers(0, n, B)
    zeros = np.zeros((B, n), dtype), np.zeros(B, dtype)
    agree(both(sources, "softmax_xent", [scores, labels, *zeros], outs=2), dtype)
    p = np.exp(special.log_softmax(scores, axis=1))
    for seed in (0.25, draw(rng, dtype, B), np.array(0.5, dtype)):
        arrays = [p, labels, sources.asarray(seed) if isinstance(seed, np.ndarray) else seed, zeros[0]]
        there = [sources.asarray(a) if isinstance(a, np.ndarray) else a for a in arrays]
        ops.softmax_xent_grad(*there)
        each = np.broadcast_to(seed, B)[:, None]
        agree([(there[-1].get(), each * (p - (labels[:, None] == np.arange(n))))], dtype)


@needs_compiler
def test_softmax_is_right_at_scores_of_a_thousand_and_says_nan_for_a_label_out_of_range(sources):
    scores = np.array([[1000.0, -1000.0], [0.0, 40.0], [2.0, 3.0], [2.0, 3.0]])
    found = both(sources, "softmax_xent", [scores, np.array([1, 1, 2, -1]), np.zeros((4, 2)), np.zeros(4)], outs=2)
    loss = found[1][0]
    assert loss[0] == 2000 and loss[1] == pytest.approx(math.exp(-40), rel=1e-12) and np.isnan(loss[2:]).all()
    agree(found, "float64")


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_of_columns_and_rows_that_are_named_twice(sources, dtype):
    rng = np.random.default_rng(0)
    for rows, n, accumulate in ((1, 1, False), (70, 33, True), (31, 64, False), (0, 3, False)):
        agree(both(sources, "column_sum", [draw(rng, dtype, rows, n), draw(rng, dtype, n)], accumulate), dtype)
    for n, rows, width in ((1, 1, (1,)), (40, 5, (3,)), (300, 7, (2, 2)), (4, 9, ())):
        index = rng.integers(-1, rows + 1, n)  # out of range too
        agree(both(sources, "add_rows", [draw(rng, dtype, n, *width), index, draw(rng, dtype, rows, *width)]), dtype)


WINDOWS = [((5, 6), (2, 3), (1, 1), (0, 0)), ((7, 7), (3, 3), (2, 2), (1, 1)), ((4, 9), (1, 2), (3, 2), (0, 1)),
           ((3, 3), (3, 3), (1, 2), (1, 1)), ((6, 5), (2, 2), (3, 3), (0, 0))]  # fmt: skip


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("image, size, stride, padding", WINDOWS)
def test_windows_of_images_are_those_of_the_reference(sources, dtype, image, size, stride, padding):
    rng, c, b = np.random.default_rng(0), 2, 3
    p, q = ((n + 2 * e - k) // u + 1 for n, k, u, e in zip(image, size, stride, padding, strict=True))
    x, columns, windows = (draw(rng, dtype, *s) for s in ((c, *image, b), (c, *size, p, q, b), (c, p, q, b)))
    x = np.round(2 * x) / 2  # with ties
    chosen, settings = np.zeros((c, p, q, b), np.int32), (size, stride, padding)
    agree(both(sources, "im2col", [x, columns], *settings), dtype)
    agree(both(sources, "max_pool", [x, windows, chosen], *settings, outs=2), dtype)
    agree(both(sources, "avg_pool", [x, windows], *settings), dtype)
    reference.max_pool(x, windows.copy(), chosen, *settings)
    for accumulate in (False, True):
        agree(both(sources, "col2im", [columns, x], *settings, accumulate), dtype)
        agree(both(sources, "max_pool_grad", [windows, chosen, x], *settings, accumulate), dtype)
        agree(both(sources, "avg_pool_grad", [windows, x], *settings, accumulate), dtype)


@needs_compiler
def test_a_maximum_of_nan_is_nan_and_has_no_place(sources):
    x = np.zeros((1, 2, 2, 1))
    x[0, 1, 0, 0] = np.nan
    (found, _), (chosen, _) = both(
        sources, "max_pool", [x, np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1), np.int32)], (2, 2), (2, 2), outs=2
    )
    assert np.isnan(found).all() and chosen.item() == -1


@needs_compiler
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_a_formulas_cuda_source_computes_what_numpy_computes(built, formula, dtype):
    rng, n = np.random.default_rng(3), 500
    ins = [rng.uniform(-3, 3, n).astype(dtype) for _ in formula.in_names]
    for k, name in enumerate(formula.in_names):
        if name in ("v0", "c1", "c2", "eps"):
            ins[k] = np.abs(ins[k]) + ins[k].dtype.type(0.1)
    outs = [np.empty(n, dtype) for _ in formula.out_names]
    built(dtype, formula.name)((2,), (64,), (*ins, *outs, np.int64(n)))
    if formula.name == "normal_cdf":
        expected = [special.ndtr(ins[0].astype("float64"))]
    else:
        expected = formula(*(a.astype("float64") for a in ins))
    agree(zip(outs, expected, strict=True), dtype)


@needs_compiler
def test_an_output_may_be_the_memory_of_an_input(built):
    """Adam's w, m and v in place: nothing is read after it was written."""
    rng, n = np.random.default_rng(0), 9
    formula = FORMULAS["adam"]
    ins = [np.abs(rng.normal(size=n)) + 0.1 for _ in formula.in_names]
    expected = formula(*ins)
    w, _, m, v = ins[:4]
    built("float64", "adam")((1,), (32,), (*ins, w, m, v, np.int64(n)))
    agree(zip((w, m, v), expected, strict=True), "float64")


@needs_compiler
def test_a_planted_fault_in_a_kernel_is_caught(tmp_path):
    """A product that reads one column too many, in both operands."""
    source = kernels.source("float64").replace("ka < last &&", "ka <= last &&").replace("kb < last &&", "kb <= last &&")
    kernel = HostKernel(build(tmp_path, source, ["matmul"]), source, "matmul")
    a, b, out = np.ones((4, 66)), np.ones((66, 4)), np.zeros((4, 4))
    sizes = [np.int64(n) for n in (4, 4, 65)]  # K of 65 in a memory of 66, so that there is something to read
    kernel((1, 1), (256,), (a, np.int64(66), np.int64(1), b, np.int64(4), np.int64(1), out, *sizes, np.int32(0)))
    assert error(out, a[:, :65] @ b[:65]) > 0.01


# What the reference says is what the components say


@pytest.mark.parametrize("image, size, stride, padding", WINDOWS)
def test_the_references_windows_are_those_of_convolution_and_pooling(image, size, stride, padding):
    rng, (c, b, o) = np.random.default_rng(1), (2, 3, 4)
    x, W = rng.normal(size=(b, c, *image)), rng.normal(size=(o, c, *size))
    with edf.Graph():
        node = edf.Conv2d(edf.Input(grad=True), edf.Param(W), stride=stride, padding=padding)
    y = checks.evaluate(node, [x, W])
    g = rng.normal(size=y.shape)
    x_grad, W_grad = checks.pull_back(node, g, [x, W])
    last, settings = np.ascontiguousarray(x.transpose(1, 2, 3, 0)), (size, stride, padding)
    columns = np.empty((c, *size, *y.shape[2:], b))
    reference.im2col(last, columns, *settings)
    flat, rows = W.reshape(o, -1), columns.reshape(-1, y[0, 0].size * b)
    assert error((flat @ rows).reshape(o, *y.shape[2:], b).transpose(3, 0, 1, 2), y) < 1e-14
    by_map = g.transpose(1, 2, 3, 0).reshape(o, -1)
    assert error((by_map @ rows.T).reshape(W.shape), W_grad) < 1e-13
    back = np.empty_like(last)
    reference.col2im((flat.T @ by_map).reshape(columns.shape), back, *settings)
    assert error(back.transpose(3, 0, 1, 2), x_grad) < 1e-13


@pytest.mark.parametrize("kind", ["MaxPool2d", "AvgPool2d"])
def test_the_references_pooling_is_the_components(kind):
    rng = np.random.default_rng(2)
    x, settings = rng.normal(size=(3, 2, 7, 6)), ((3, 2), (2, 2), (1, 1))
    with edf.Graph():
        node = REGISTRY[kind](edf.Input(grad=True), kernel=(3, 2), stride=(2, 2), padding=(1, 1))
    y = checks.evaluate(node, [x])
    g = rng.normal(size=y.shape)
    last, out = np.ascontiguousarray(x.transpose(1, 2, 3, 0)), np.empty((*y.shape[1:], 3))
    back, up, chosen = np.empty_like(last), g.transpose(1, 2, 3, 0), np.empty(out.shape, np.int32)
    if kind == "MaxPool2d":
        reference.max_pool(last, out, chosen, *settings)
        reference.max_pool_grad(up, chosen, back, *settings)
    else:
        reference.avg_pool(last, out, *settings)
        reference.avg_pool_grad(up, back, *settings)
    assert error(out.transpose(3, 0, 1, 2), y) < 1e-15
    assert error(back.transpose(3, 0, 1, 2), checks.pull_back(node, g, [x])[0]) < 1e-14


def test_the_references_softmax_is_cross_entropy():
    rng = np.random.default_rng(0)
    scores, labels, seed = 4 * rng.normal(size=(6, 5)), rng.integers(0, 5, 6), rng.normal(size=6)
    with edf.Graph():
        node = edf.CrossEntropy(edf.Input(grad=True), edf.Input())
    loss, expected = checks.evaluate(node, [scores, labels]), checks.pull_back(node, seed, [scores, labels])[0]
    p, found, out = np.empty((6, 5)), np.empty(6), np.empty((6, 5))
    reference.softmax_xent(scores, labels, p, found)
    reference.softmax_xent_grad(p, labels, seed, out)
    assert error(found, loss) < 1e-15 and error(out, expected) < 1e-14


@pytest.mark.parametrize("rule", ["SGD", "momentum", "nesterov", "dampening", "Adam", "AdamW"])
def test_updates_of_one_flat_vector_are_the_optimizers_steps(cupy, rule):
    rng, lr = np.random.default_rng(0), 0.05
    settings = {
        "SGD": {"weight_decay": 0.1}, "momentum": {"momentum": 0.9, "weight_decay": 0.1},
        "nesterov": {"momentum": 0.9, "nesterov": True}, "dampening": {"momentum": 0.9, "dampening": 0.3},
        "Adam": {"weight_decay": 0.1}, "AdamW": {"weight_decay": 0.1},
    }[rule]  # fmt: skip
    with edf.Graph() as graph:
        p = edf.Param(rng.normal(size=12))
    optimizer = getattr(optimizers, rule if rule.startswith("Adam") else "SGD")(graph, lr=lr, **settings)
    w, m, v = cupy.asarray(p.value), cupy.zeros(12), cupy.zeros(12)
    for t in range(1, 6):
        p.grad = rng.normal(size=12)
        g, decay = cupy.asarray(p.grad), settings.get("weight_decay", 0.0)
        optimizer.step()
        if rule == "SGD":
            ops.sgd(w, g, lr, decay)
        elif rule.startswith("Adam"):
            ops.adam(
                w, g, m, v, lr, (0.9, 0.999), 1 - 0.9**t, 1 - 0.999**t, weight_decay=decay, decoupled=rule == "AdamW"
            )
        else:
            dampening = settings.get("dampening", 0.0) if t > 1 else 0.0
            ops.momentum(w, g, v, lr, 0.9, dampening, decay, settings.get("nesterov", False))
        assert error(w.get(), p.value) < 1e-14, t


# The stand-in refuses what CuPy refuses


def use_where(a, h):
    return a.cupy.where(h > 0, a, 0)


REFUSED = {
    "np.asarray": (TypeError, lambda a, h: np.asarray(a)),
    "np.array of a list": (TypeError, lambda a, h: np.array([a, a])),
    "a + host": (TypeError, lambda a, h: a + h),
    "host + a": (TypeError, lambda a, h: h + a),
    "host @ a": (TypeError, lambda a, h: h @ a),
    "a += host": (TypeError, lambda a, h: a.__iadd__(h)),
    "host += a": (TypeError, lambda a, h: h.__iadd__(a)),
    "a[...] = host": (TypeError, lambda a, h: a.__setitem__(0, h[0])),
    "host[...] = a": (TypeError, lambda a, h: h.__setitem__(..., a)),
    "a[host]": (TypeError, lambda a, h: a[np.array([0, 1])]),
    "np.exp of a list": (TypeError, lambda a, h: np.exp([a])),
    "np.where of the host": (TypeError, lambda a, h: np.where(a > 0, a, h)),
    "where of a host condition": (AttributeError, use_where),
    "np.add.reduce": (TypeError, lambda a, h: np.add.reduce(a)),
    "what CuPy lacks": (AttributeError, lambda a, h: a.cupy.vecdot(a, a)),
    "np's name of it": (TypeError, lambda a, h: np.vecdot(a, a)),
    "max with initial": (TypeError, lambda a, h: a.max(initial=0)),
    "an index": (TypeError, lambda a, h: [1, 2][a[0, 0].astype(int)]),
    "matmul into a strided array": (ValueError, lambda a, h: a.cupy.matmul(a, a, out=a.cupy.zeros((3, 3)).T)),
    "matmul into an operand": (AssertionError, lambda a, h: a.cupy.matmul(a, a, out=a)),
    "matmul into another dtype": (ValueError, lambda a, h: a.cupy.matmul(a, a, out=a.cupy.zeros((3, 3), "float32"))),
    "float atomics": (AssertionError, lambda a, h: a.cupy.add.at(a, a.cupy.zeros(2, int), 1.0)),
    "set of another dtype": (TypeError, lambda a, h: a.set(h.astype("float32"))),
    "an unknown kernel": (Exception, lambda a, h: a.cupy.RawModule(kernels.source("float64")).get_function("none")),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_stand_in_refuses(cupy, what):
    kind, attempt = REFUSED[what]
    host = np.arange(1.0, 10).reshape(3, 3)
    with pytest.raises(kind):
        attempt(cupy.asarray(host), host)


WAITS = {
    "float": lambda a: float(a[0, 0]), "bool": lambda a: bool((a > 0).all()), "if": lambda a: 1 if a.any() else 0,
    "item": lambda a: a[0, 0].item(), "get": lambda a: a.get(), "tolist": lambda a: a.tolist(), "repr": repr,
    "asnumpy": lambda a: a.cupy.asnumpy(a), "mask": lambda a: a[a > 0], "nonzero": lambda a: a.nonzero(),
    "where": lambda a: a.cupy.where(a), "f-string": lambda a: f"{a[0, 0]:.1f}", "in": lambda a: a[0, 0] in a[0],
    "sliding windows": lambda a: a.cupy.lib.stride_tricks.sliding_window_view(a, 2, axis=0),
}  # fmt: skip


@pytest.mark.parametrize("what", WAITS)
def test_the_stand_in_counts_what_waits(cupy, what):
    a = cupy.asarray(np.arange(9.0).reshape(3, 3))
    assert cupy.book.waits == []
    WAITS[what](a)
    assert cupy.book.waits != []


def test_a_kernel_without_reference_or_with_wrong_arguments_is_an_error(cupy, monkeypatch):
    g, out = cupy.ones((4, 3)), cupy.zeros(3)
    args = [g, out, np.int64(4), np.int64(3), np.int32(0)]
    kernel = cupy.RawModule(kernels.source("float64")).get_function("column_sum")
    kernel((1,), (32, 32), args)
    assert out.tolist() == [4, 4, 4]
    for k, wrong in ((0, g.T), (0, g.astype("float32")), (2, 4), (4, np.int64(0)), (1, np.zeros(3))):
        with pytest.raises(AssertionError, match="column_sum"):
            kernel((1,), (32, 32), [*args[:k], wrong, *args[k + 1 :]])
    with pytest.raises(TypeError, match="arguments given"):
        kernel((1,), (32, 32), args[:-1])
    with pytest.raises(RuntimeError, match="Configuration"):
        kernel((1,), (32, 64), args)
    monkeypatch.delitem(reference.KERNELS, "column_sum")
    with pytest.raises(KeyError, match="no reference"):
        cupy.RawModule(kernels.source("float64")).get_function("column_sum")


def test_the_stand_in_has_the_names_that_cupy_has(cupy):
    """Where CuPy is installed; it need not find a GPU."""
    if importlib.machinery.PathFinder.find_spec("cupy") is None:
        pytest.skip("needs CuPy, with or without a GPU")
    ask = "import cupy; print(*dir(cupy)); print(*dir(cupy.ndarray)); print(*dir(cupy.linalg))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    names, methods, linalg = (set(line.split()) for line in done.stdout.strip().splitlines()[-3:])
    functions = {name for name in dir(np) if name[0] != "_" and callable(getattr(np, name))}
    functions -= {name for name in functions if isinstance(getattr(np, name), type)}
    ours = {name for name in functions if hasattr(cupy, name)}
    assert ours - names - IRRELEVANT == set()
    assert {name for name in dir(np.linalg) if hasattr(cupy.linalg, name)} - linalg - IRRELEVANT == set()
    own = {name for name in dir(cupy.ndarray) if name[0] != "_"} - {"cupy"}
    assert own - methods == set()
    assert {"__contains__", "__index__"} & methods == set()


# Components, optimizers and networks on the stand-in


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_component_runs_on_the_gpu_as_on_numpy_and_waits_for_nothing(cupy, name):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        node, values = checks.example(name, rng)
        u = rng.normal(size=np.shape(checks.evaluate(node, values)))
        graph = edf.Graph("float64", place("cuda"))
        args = [edf.Param(0.0, graph=graph) if type(a) is edf.Param else edf.Input(graph=graph) for a in node.args]
        other = type(node)(*args, **{key: getattr(node, key) for key in node.settings})
        there, u_there = [cupy.asarray(x) for x in values], cupy.asarray(u)
        cupy.book.waits.clear()
        found = [checks.evaluate(other, there), *checks.pull_back(other, u_there, there)]
        assert cupy.book.waits == [], seed
        for f, e in zip(found, [checks.evaluate(node, values), *checks.pull_back(node, u, values)], strict=True):
            assert (f is None) == (e is None)
            assert f is None or (isinstance(f, cupy.ndarray) and f.dtype == e.dtype and error(f.get(), e) < 1e-13)


class WaitsInForward(edf.Tanh):
    def forward(self, x):
        return self.xp.tanh(x) if float(abs(x).max()) > 0 else x


class HostInBackward(edf.Tanh):
    def backward(self, grad, y, x):
        return grad * np.ones(x.shape)


def test_a_component_that_waits_or_makes_host_arrays_is_caught(cupy):
    graph = edf.Graph("float64", place("cuda"))
    x = edf.Input(graph=graph)
    x.set(np.ones((2, 3)))
    WaitsInForward(x).run()
    assert cupy.book.waits == ["float"]
    with pytest.raises(TypeError, match="host"):
        checks.pull_back(HostInBackward(x), cupy.ones((2, 3)), [x.value])


def mlp(where, checks="late", dtype="float64"):
    with edf.device(where, checks=checks):
        return models.residual_mlp(np.random.default_rng(1), depth=3, width=7, fan_in=6, classes=4, dtype=dtype)


def batch(seed=0, B=10):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, 6)), rng.integers(0, 4, B)


def step(net, optimizer, x, y):
    net.x.set(x)
    net.y.set(y)
    net.graph.Forward(net.loss)
    net.graph.Backward(net.loss)
    optimizer.step()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", RULES)
def test_training_on_the_gpu_is_training_on_numpy_and_waits_for_nothing(cupy, rule, dtype):
    nets = [mlp(where, dtype=dtype) for where in ("cpu", "cuda")]
    both = [getattr(optimizers, rule)(net.graph) for net in nets]
    cupy.book.waits.clear()
    for k in range(4):
        for net, optimizer in zip(nets, both, strict=True):
            step(net, optimizer, *batch(k))
    assert cupy.book.waits == []
    for p, q in zip(nets[0].graph.params, nets[1].graph.params, strict=True):
        assert q.value.dtype == p.value.dtype and error(q.value.get(), p.value) < EPS[dtype] / 10


def test_the_slides_spelling_lenet_an_lstm_and_clipping_run_on_the_gpu(cupy):
    edf.use("cuda")
    rng = np.random.default_rng(0)
    net = models.lenet(np.random.default_rng(1))
    x, y = rng.normal(size=(2, 1, 28, 28)), rng.integers(0, 10, 2)
    step(net, optimizers.Adam(net.graph), x, y)
    adder = models.adder(np.random.default_rng(1), 3)
    assert isinstance(adder.graph.params[0].value, cupy.ndarray)
    adder.forward(*models.adding_problem(rng, 4, 3))
    adder.graph.Backward(adder.loss)
    norm = optimizers.clip_by_global_norm(adder.graph, 1e-3)
    assert norm > 1e-3 and optimizers.clip_by_global_norm(adder.graph, 1e3) == pytest.approx(1e-3, rel=1e-2)
    graph = edf.reset("float32")
    x, y, W = edf.Input("x"), edf.Input("y"), edf.Param(np.eye(3), "W")
    loss = edf.LogLoss(edf.Aref(edf.Softmax(edf.VDot(x, W)), y))
    x.set(np.ones((2, 3)))
    y.set([0, 2])
    edf.Forward()
    edf.Backward(loss)
    edf.SGD(0.5)
    assert isinstance(W.value, cupy.ndarray) and W.value.dtype == np.float32 and graph is edf.current()
    assert graph.backend.to_host(loss.value).tolist() == pytest.approx([math.log(3)] * 2)


# Where graphs live


def test_use_and_device_say_where_new_graphs_live_and_old_ones_stay(cupy):
    old = edf.reset("float32")
    assert edf.use("cuda").label == "cuda:0" and edf.current().backend.dtype == "float32"
    assert isinstance(edf.Param(1.0).value, cupy.ndarray) and isinstance(edf.Param(1.0, graph=old).value, np.ndarray)
    with edf.device("cpu"):
        assert edf.Graph().backend.xp is np
    assert edf.Graph().backend.xp is cupy
    assert edf.use("cpu") == "numpy" and edf.Graph().backend.xp is np
    with edf.device("cuda:0"):
        assert edf.Graph("float32").backend.xp is cupy
    assert edf.Graph(backend="cupy").backend.xp is cupy


def test_a_numbered_gpu_is_where_cupy_computes(monkeypatch):
    cupy = install(monkeypatch, devices=3)
    with edf.device("cuda:2") as there:
        assert (cupy.current, there.index) == (2, 2)
    assert cupy.current == 0
    with pytest.raises(NoGpu, match="no GPU 3: CUDA counts 3"):
        edf.use("cuda:3")


def test_without_cupy_or_a_driver_a_sentence_says_what_to_do_and_nothing_changes(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(edf.MissingExtra, match=r"needs CuPy, which is not installed. Run: .*\[gpu13\]"):
        edf.use("cuda")
    cupy = install(monkeypatch, devices=0)
    with pytest.raises(NoGpu, match="shows no GPU"):
        edf.use("cuda")

    def no_driver():
        raise RuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")

    cupy.cuda.runtime.getDeviceCount = no_driver
    with pytest.raises(NoGpu, match=r"finds no GPU that it can use: cudaErrorInsufficientDriver.*Run edf doctor"):
        edf.use("cuda:0")
    assert edf.Graph().backend.xp is np


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "CUDA", 0, None, "cuda:x"])
def test_an_unknown_device_is_a_sentence(cupy, name):
    with pytest.raises(edf.DataError, match="use 'cpu', 'cuda' or a numbered one"):
        edf.use(name)
    with pytest.raises(edf.DataError, match="'late', 'now' or 'off'"):
        edf.use("cuda", checks="soon")


# Late checks


def test_a_label_out_of_range_is_found_late_by_default_at_once_if_asked_and_never_if_not(cupy):
    x, y = batch()
    y[3] = 4
    with edf.device("cuda") as there:
        net = mlp(there)
        step(net, optimizers.SGD(net.graph), x, y)
        with pytest.raises(
            LateCheck, match=r"CrossEntropy: a label of y is out of range: there are 4 classes \(found late"
        ):
            there.look()
        there.look()  # what was told once is gone
    net = mlp("cuda", checks="now")
    with pytest.raises(edf.DataError, match=r"y\[3\] = 4 is out of range"):
        step(net, optimizers.SGD(net.graph), x, y)
    with edf.device("cuda", checks="off") as there:
        net = mlp(there)
        step(net, optimizers.SGD(net.graph), x, y)
        there.look()


def test_leaving_a_device_looks_and_so_does_every_256th_check(cupy):
    x, y = batch()
    x[2, 1] = np.nan
    with pytest.raises(LateCheck, match="not finite"), edf.device("cuda") as there:
        net = mlp(there)
        step(net, optimizers.SGD(net.graph), x, y)
    late = LateChecks()
    node = edf.Input("x", graph=edf.Graph())
    for _ in range(EVERY - 2):
        assert not late.add(cupy.asarray(False), node, "never")
    late.add(cupy.asarray(True), node, "is wrong")
    cupy.book.waits.clear()
    with pytest.raises(LateCheck, match=r"Input 'x': is wrong \(found late: 1 checks have come since\)"):
        late.add(cupy.asarray(False), node, "never")
    assert cupy.book.waits == ["get"]


def test_a_late_check_says_what_the_check_on_numpy_says(cupy):
    for name, bad in (("Log", -1.0), ("Sqrt", -1.0), ("Exp", 1e3)):
        with pytest.raises(LateCheck, match=name), edf.device("cuda"):
            x = edf.Input(graph=edf.Graph())
            node = REGISTRY[name](x)
            x.set(np.array([bad]))
            node.graph.Forward()


# Operations


def test_products_are_made_by_cublas_without_a_copy_and_with_accumulation(cupy):
    rng = np.random.default_rng(0)
    x, g, out = (rng.normal(size=shape) for shape in ((6, 4), (6, 3), (4, 3)))
    there = cupy.asarray(out)
    before = cupy.book.allocations
    ops.matmul(cupy.asarray(x).T, cupy.asarray(g), there)
    ops.matmul(cupy.asarray(x).T, cupy.asarray(g), there, accumulate=True)
    assert error(there.get(), 2 * x.T @ g) < 1e-14 and cupy.book.allocations == before + 4  # the four uploads
    empty = cupy.ones((2, 3))
    ops.matmul(cupy.zeros((2, 0)), cupy.zeros((0, 3)), empty, accumulate=True)
    assert empty.get().sum() == 6
    ops.matmul(cupy.zeros((2, 0)), cupy.zeros((0, 3)), empty)
    assert empty.get().sum() == 0


def zeros(c, *shape, dtype="float64"):
    return c.zeros(shape, dtype)


WRONG = {
    "matmul of other sizes": lambda c: ops.matmul(c.zeros((2, 3)), c.zeros((2, 3)), c.zeros((2, 3))),
    "matmul of two dtypes": lambda c: ops.matmul(c.zeros((2, 2)), c.zeros((2, 2), "float32"), c.zeros((2, 2))),
    "matmul into a transpose": lambda c: ops.matmul(c.zeros((2, 2)), c.zeros((2, 2)), c.zeros((2, 2)).T),
    "matmul of a slice": lambda c: ops.matmul(c.zeros((2, 4))[:, ::2], c.zeros((2, 2)), c.zeros((2, 2))),
    "column_sum of integers": lambda c: ops.column_sum(c.zeros((2, 2), "int64"), c.zeros(2, "int64")),
    "column_sum into too much": lambda c: ops.column_sum(c.zeros((2, 2)), c.zeros(3)),
    "labels of int32": lambda c: ops.softmax_xent(c.zeros((2, 2)), c.zeros(2, "int32"), c.zeros((2, 2)), c.zeros(2)),
    "a seed of another size": lambda c: ops.softmax_xent_grad(
        zeros(c, 2, 2), c.zeros(2, "int64"), c.zeros(3), zeros(c, 2, 2)
    ),
    "an unknown act": lambda c: ops.bias_act(c.zeros(2), None, c.zeros(2), "gelu"),
    "windows that do not fit": lambda c: ops.avg_pool(c.zeros((1, 4, 4, 1)), c.zeros((1, 2, 3, 1)), (2, 2), (2, 2)),
    "chosen of int64": lambda c: ops.max_pool(
        zeros(c, 1, 2, 2, 1), zeros(c, 1, 1, 1, 1), zeros(c, 1, 1, 1, 1, dtype="int64"), (2, 2), (2, 2)
    ),
    "columns of another window": lambda c: ops.im2col(c.zeros((1, 3, 3, 1)), c.zeros((1, 1, 2, 2, 2, 1)), (2, 2)),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_a_kernel_would_misread_is_a_sentence(cupy, what):
    with pytest.raises((edf.DataError, edf.ShapeError), match=r"(?s)^\w+: .*\S\.$"):
        WRONG[what](cupy)


def test_gather_copy_and_add_write_into_what_exists(cupy):
    rng = np.random.default_rng(0)
    x, index, out = rng.normal(size=(5, 2, 3)), np.array([4, 0, 4]), cupy.zeros((3, 2, 3))
    ops.gather(cupy.asarray(x), cupy.asarray(index), out)
    assert np.array_equal(out.get(), x[index])
    ops.copy(x[:3].copy(), out)
    assert np.array_equal(out.get(), x[:3])
    ops.copy(cupy.ones((3, 2, 3)), out)
    ops.add(out, out, out)
    assert np.array_equal(out.get(), np.full((3, 2, 3), 2.0))


# A step of the MLP from operations, launched and recorded


class Mlp:
    """S0's network as a planned engine would run it: one flat vector of parameters, arrays made once."""

    def __init__(self, xp, sizes=(6, 5, 3), B=8, dtype="float64", lr=0.1):
        (i, j, k), rng = sizes, np.random.default_rng(0)
        self.flat = xp.asarray(rng.normal(size=i * j + j + j * k).astype(dtype))
        self.grads = xp.zeros(self.flat.size, dtype)
        self.x, self.y = xp.zeros((B, i), dtype), xp.zeros(B, "int64")
        self.h, self.dh = xp.zeros((B, j), dtype), xp.zeros((B, j), dtype)
        self.p, self.s, self.loss = xp.zeros((B, k), dtype), xp.zeros((B, k), dtype), xp.zeros(B, dtype)
        cut = i * j, i * j + j

        def parts(flat):
            return flat[: cut[0]].reshape(i, j), flat[cut[0] : cut[1]], flat[cut[1] :].reshape(j, k)

        (self.W, self.bias, self.V), (self.dW, self.dbias, self.dV) = parts(self.flat), parts(self.grads)
        self.lr, self.B = xp.asarray(np.array(lr, dtype)), B

    def step(self):
        ops.matmul(self.x, self.W, self.h)
        ops.bias_act(self.h, self.bias, self.h, "sigmoid")
        ops.matmul(self.h, self.V, self.s)
        ops.softmax_xent(self.s, self.y, self.p, self.loss)
        ops.softmax_xent_grad(self.p, self.y, 1 / self.B, self.s)
        ops.matmul(self.h.T, self.s, self.dV)
        ops.matmul(self.s, self.V.T, self.dh)
        ops.act_grad(self.h, self.dh, self.dh, "sigmoid")
        ops.matmul(self.x.T, self.dh, self.dW)
        ops.column_sum(self.dh, self.dbias)
        ops.sgd(self.flat, self.grads, self.lr)


def stepped(net, to_host=lambda a: a.get()):
    """The same network in a graph on NumPy; its parameters, one after the other, after each batch of `data`."""
    with edf.Graph() as graph:
        x, y = edf.Input("x"), edf.Input("y")
        W, bias, V = (edf.Param(to_host(a).copy()) for a in (net.W, net.bias, net.V))
        loss = edf.CrossEntropy(edf.Sigmoid(x @ W + bias) @ V, y)

    def step(images, labels, lr):
        x.set(images)
        y.set(labels)
        graph.Forward()
        graph.Backward(loss)
        edf.SGD(lr, graph)
        return np.concatenate([p.value.ravel() for p in (W, bias, V)]), loss.value

    return step


def test_a_step_of_eleven_launches_is_the_graphs_step(cupy):
    net = Mlp(cupy)
    reference_step, rng = stepped(net), np.random.default_rng(5)
    for _ in range(3):
        x, y = rng.normal(size=(8, 6)), rng.integers(0, 3, 8)
        ops.copy(x, net.x)
        ops.copy(y, net.y)
        before = cupy.book.launches, cupy.book.allocations
        cupy.book.waits.clear()
        net.step()
        assert (cupy.book.launches, cupy.book.allocations) == (before[0] + 11, before[1]) and cupy.book.waits == []
        flat, loss = reference_step(x, y, 0.1)
        assert error(net.flat.get(), flat) < 1e-13 and error(net.loss.get(), loss) < 1e-13


def test_a_recorded_step_is_the_step_reads_new_batches_and_a_new_rate(cupy):
    net = Mlp(cupy)
    reference_step, recorded, rng = stepped(net), graphs.capture(net.step), np.random.default_rng(5)
    for t in range(6):
        x, y, lr = rng.normal(size=(8, 6)), rng.integers(0, 3, 8), 0.1 / (t + 1)
        ops.copy(x, net.x)
        ops.copy(y, net.y)
        net.lr.set(np.array(lr))
        launches = cupy.book.launches
        recorded()
        assert cupy.book.launches == launches + (11 if t == 0 else 0)
        flat, loss = reference_step(x, y, lr)
        assert error(net.flat.get(), flat) < 1e-13 and error(net.loss.get(), loss) < 1e-13
    assert cupy.book.replays == 5 and recorded.reason == ""


@needs_compiler
def test_a_recorded_step_runs_the_cuda_sources(sources):
    net = Mlp(sources)
    reference_step, recorded, rng = stepped(net), graphs.capture(net.step), np.random.default_rng(6)
    for _ in range(3):
        x, y = rng.normal(size=(8, 6)), rng.integers(0, 3, 8)
        ops.copy(x, net.x)
        ops.copy(y, net.y)
        recorded()
        assert error(net.flat.get(), reference_step(x, y, 0.1)[0]) < 1e-12


FAULTS = {
    "it waits": (lambda net: float(net.loss.sum()), "CaptureUnsupported|memory"),
    "it allocates": (lambda net: net.x + 1, "bytes of new memory"),
    "it calls cuBLAS": (lambda net: net.cupy.matmul(net.x, net.W, out=net.h), "cuBLAS"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_step_that_cannot_be_recorded_runs_plainly_and_says_why(cupy, fault):
    net, (extra, said) = Mlp(cupy), FAULTS[fault]
    net.cupy = cupy
    calls = []

    def whole():
        calls.append(1)
        net.step()
        extra(net)

    start = net.flat.get()
    recorded = graphs.capture(whole)
    recorded()
    with pytest.warns(RuntimeWarning, match="runs kernel by kernel instead"):
        recorded()
    recorded()
    assert re.search(said, recorded.reason) and recorded.graph is None and len(calls) == 4
    assert cupy.recorded is None and cupy.allocator is None
    plain = Mlp(cupy)
    assert np.array_equal(plain.flat.get(), start)
    for _ in range(3):
        plain.step()
    assert error(net.flat.get(), plain.flat.get()) < 1e-14  # three steps, the failed recording none


# Data


def test_batches_on_the_device_are_those_of_the_host_and_nothing_waits(cupy):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(23, 4)), rng.integers(0, 3, 23)
    there = data.to_device(x, y)
    cupy.book.waits.clear()
    for seed in (None, 7):
        rngs = [None if seed is None else np.random.default_rng(seed) for _ in range(2)]
        found = list(data.batches(*there, B=5, rng=rngs[0]))
        assert cupy.book.waits == []
        expected = list(host_batches(x, y, B=5, rng=rngs[1]))
        assert len(found) == len(expected) == 5
        for ours, theirs in zip(found, expected, strict=True):
            assert all(np.array_equal(a._data, b) for a, b in zip(ours, theirs, strict=True))
    with pytest.raises(edf.DataError, match="batch size B"):
        data.batches(*there, B=0, rng=np.random.default_rng(0))


def test_mnist_is_loaded_to_the_device_once(cupy, monkeypatch):
    small = data.Mnist(*(np.arange(n, dtype="float32") for n in (4, 3, 2, 1)))
    monkeypatch.setattr(data, "load_on_host", lambda dtype: small)
    mnist = data.load_mnist()
    assert mnist.train_images.tolist() == [0, 1, 2, 3] and isinstance(mnist.test_labels, cupy.ndarray)
    uploads = cupy.book.uploads
    assert data.load_mnist() is mnist and cupy.book.uploads == uploads
    data._load.cache_clear()


# The compiler


def nvrtc_missing():
    try:
        nvrtc.library()
        return False
    except edf.MissingExtra:
        return True


needs_nvrtc = pytest.mark.skipif(nvrtc_missing(), reason="needs NVRTC (pip install nvidia-cuda-nvrtc-cu12)")


def all_sources(dtype):
    return kernels.source(dtype) + "".join(kernels.elementwise_source(f, dtype) for f in FORMULAS.values())


@needs_nvrtc
@pytest.mark.parametrize(
    "arch", ["sm_70", pytest.param("sm_80", marks=pytest.mark.slow), pytest.param("sm_90", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_sources_compile_without_float_atomics_and_without_double_in_float32(arch, dtype):
    if arch not in nvrtc.architectures():
        pytest.skip(f"this NVRTC does not know {arch}")
    ptx = nvrtc.compile(all_sources(dtype), arch).decode()
    assert ptx.count(".entry") == len(reference.KERNELS) + len(FORMULAS)
    assert not re.search(r"\b(atom|red)\.", ptx)
    assert dtype == "float64" or ".f64" not in ptx


@needs_nvrtc
def test_what_does_not_compile_is_told_in_the_compilers_words():
    with pytest.raises(nvrtc.NvrtcError, match='(?s)does not compile for sm_80.*identifier "nonsense" is undefined'):
        nvrtc.compile("void f() { nonsense; }")


def test_without_the_compiler_a_sentence_says_where_it_comes_from(monkeypatch):
    monkeypatch.setattr(nvrtc, "_candidates", lambda: iter(["no-such-library.so"]))
    nvrtc.library.cache_clear()
    with pytest.raises(edf.MissingExtra, match="needs NVRTC"):
        nvrtc.version()
    nvrtc.library.cache_clear()


def test_every_kernel_of_the_source_has_a_reference_and_no_other():
    assert set(re.findall(r"KERNEL (\w+)\(", kernels.source("float32"))) == set(reference.KERNELS)


# The doctor


WELL = {"driver": (13, 0), "smi": True, "wheels": {"cupy-cuda13x": "14.2.0"}, "devices": (("H200", 2**37),),
        "compiler": "13.0", "nccl": "22803"}  # fmt: skip
NONE = {"GPU": "mend the lines above"}
CASES = {
    "all is well": ({}, {}),
    "no driver": (
        {"driver": None, "smi": False, "wheels": {}},
        NONE | {"GPU driver": "install its driver", "CuPy": r"\[gpu13\]"},
    ),
    "a container without the card": (
        {"driver": None, "wheels": {}},
        NONE | {"GPU driver": "--gpus all", "CuPy": "gpu12 for a CUDA 12"},
    ),
    "an old driver": (
        {"driver": (11, 8), "wheels": {}},
        NONE | {"GPU driver": "Update the NVIDIA driver", "CuPy": "gpu12"},
    ),
    "no CuPy": ({"driver": (12, 4), "wheels": {}}, NONE | {"CuPy": r"\[gpu12\]"}),
    "a CuPy too new": ({"driver": (12, 4)}, {"CuPy": r"uninstall -y cupy-cuda13x.*\[gpu12\]"}),
    "two CuPys": ({"wheels": {"cupy": "13.4", "cupy-cuda13x": "14.2"}}, {"CuPy": "uninstall -y cupy cupy-cuda13x"}),
    "a CuPy that does not import": ({"import_error": "libcudart"}, NONE | {"CuPy": "Install it anew"}),
    "no device": ({"devices": (), "device_error": "cudaErrorNoDevice"}, {"GPU": "CUDA_VISIBLE_DEVICES"}),
    "no NVRTC": ({"compiler_error": "libnvrtc.so.13"}, {"NVRTC": r"cupy-cuda13x\[ctk\]"}),
    "no headers": ({"kernel_error": "vector_types.h"}, {"CUDA headers": r"cupy-cuda13x\[ctk\]"}),
    "no NCCL": ({"nccl": "none: libnccl"}, {"NCCL": "several GPUs"}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_doctor_finds_each_fault_and_only_that_and_says_the_fix(case):
    change, expected = CASES[case]
    findings = health.judge(health.Facts(**WELL | change))
    assert {name for name, well, _, _ in findings if not well} == set(expected)
    for name, well, found, fix in findings:
        assert found and bool(fix) == (not well)
        assert well or re.search(expected[name], fix)


def test_the_doctor_asks_a_machine_without_raising(monkeypatch):
    facts = health.gather()
    assert isinstance(facts, health.Facts) and len(health.examine()) >= 2
    broken = StrictCupy(0)
    broken.cuda.runtime.getDeviceCount = lambda: 1 / 0
    monkeypatch.setitem(sys.modules, "cupy", broken)
    monkeypatch.setattr(health, "installed", lambda: {"cupy-cuda12x": "14.2.0"})
    assert "division" in health.gather().device_error


# On a GPU


@pytest.fixture
def real():
    """The real CuPy; afterwards new graphs live on NumPy again."""
    import cupy as module

    yield module
    edf.use("cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("M, K, N", [(1, 1, 1), (33, 65, 31), (100, 784, 128), (784, 100, 128), (257, 1000, 10)])
def test_products_on_a_gpu(real, dtype, M, K, N):
    rng = np.random.default_rng(0)
    a, b, out = (rng.normal(size=s).astype(dtype) for s in ((M, K), (N, K), (M, N)))
    for product in (ops.matmul, ops.own_matmul):
        for accumulate in (False, True):
            there = real.asarray(out)
            product(real.asarray(a), real.asarray(b).T, there, accumulate)
            expected = a.astype("float64") @ b.T.astype("float64") + (out if accumulate else 0)
            assert error(there.get(), expected) < EPS[dtype]


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
def test_operations_on_a_gpu_are_those_of_the_reference(real, dtype):
    rng = np.random.default_rng(0)
    scores, labels = 5 * draw(rng, dtype, 300, 10), rng.integers(0, 10, 300)
    agree(both(real, "softmax_xent", [scores, labels, 0 * scores, 0 * scores[:, 0]], outs=2), dtype)
    agree(both(real, "column_sum", [draw(rng, dtype, 1000, 130), draw(rng, dtype, 130)], True), dtype)
    index = rng.integers(0, 20, 500)
    agree(both(real, "add_rows", [draw(rng, dtype, 500, 7), index, draw(rng, dtype, 20, 7)]), dtype)
    for act in ACTS:
        agree(both(real, "bias_act", [scores, scores[0], 0 * scores], act), dtype)
        agree(both(real, "act_grad", [scores, scores, 0 * scores], act), dtype)
    for image, size, stride, padding in WINDOWS:
        p, q = ((n + 2 * e - k) // u + 1 for n, k, u, e in zip(image, size, stride, padding, strict=True))
        x, columns, windows = (draw(rng, dtype, *s) for s in ((2, *image, 3), (2, *size, p, q, 3), (2, p, q, 3)))
        agree(both(real, "im2col", [x, columns], size, stride, padding), dtype)
        agree(both(real, "col2im", [columns, x], size, stride, padding, True), dtype)
        agree(
            both(real, "max_pool", [x, windows, np.zeros(windows.shape, "int32")], size, stride, padding, outs=2), dtype
        )
        agree(both(real, "avg_pool", [x, windows], size, stride, padding), dtype)
        agree(both(real, "avg_pool_grad", [windows, x], size, stride, padding, True), dtype)


@pytest.mark.gpu
@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_components_on_a_gpu_are_those_of_numpy(real, name):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        node, values = checks.example(name, rng)
        u = rng.normal(size=np.shape(checks.evaluate(node, values)))
        graph = edf.Graph("float64", place("cuda"))
        args = [edf.Param(0.0, graph=graph) if type(a) is edf.Param else edf.Input(graph=graph) for a in node.args]
        other = type(node)(*args, **{key: getattr(node, key) for key in node.settings})
        there, u_there = [real.asarray(x) for x in values], real.asarray(u)
        found = [checks.evaluate(other, there), *checks.pull_back(other, u_there, there)]
        for f, e in zip(found, [checks.evaluate(node, values), *checks.pull_back(node, u, values)], strict=True):
            assert f is None or error(f.get(), e) < 1e-12


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_recorded_step_on_a_gpu_is_the_step_bit_for_bit_in_every_run(real, dtype):
    runs = []
    for _ in range(2):
        net = Mlp(real, (784, 128, 10), 100, dtype)
        reference_step, recorded, rng = stepped(net), graphs.capture(net.step), np.random.default_rng(5)
        for _ in range(5):
            x, y = rng.normal(size=(100, 784)), rng.integers(0, 10, 100)
            ops.copy(x.astype(dtype), net.x)
            ops.copy(y, net.y)
            recorded()
            flat, _ = reference_step(x, y, 0.1)
        assert recorded.reason == "" and recorded.graph is not None
        runs.append(net.flat.get())
        assert error(runs[-1], flat) < EPS[dtype]
    assert np.array_equal(*runs)


def test_the_backend_takes_a_place_and_knows_the_way_back(cupy):
    backend = Backend(CudaDevice(0), "float32")
    array = backend.array([[1, 2.5]])
    assert isinstance(array, cupy.ndarray) and array.dtype == np.float32
    assert backend.to_host(array).tolist() == [[1, 2.5]] and isinstance(backend.to_host(array), np.ndarray)
