"""Convolution and pooling against direct loops over every index, against PyTorch, and against counts by hand.

The loops below are the definitions read aloud: six or seven nested indices and one multiplication. golden/
make_convolution.py made the vectors.
"""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore import per_example
from edfcore.checks import check_node, evaluate, pull_back

with np.load(Path(__file__).parent / "golden" / "convolution.npz") as file:
    GOLDEN = dict(file)
CASES = sorted({key.split(".")[0] for key in GOLDEN if "." in key})


def case(name):
    return {key[len(name) + 1 :]: value for key, value in GOLDEN.items() if key.startswith(f"{name}.")}


def build(component, *shapes, **options):
    """The component in a graph of its own: first argument an Input, the others parameters."""
    graph = edf.Graph()
    x = edf.Input("x", grad=True, graph=graph)
    return component(x, *(edf.Param(np.ones(shape), graph=graph) for shape in shapes), **options)


def relative_error(got, expected):
    return np.abs(np.subtract(got, expected)).max() / np.abs(expected).max()


# Definitions, index by index


def pixel(image, h, w, outside):
    """The pixel, or what stands outside of the image."""
    inside = 0 <= h < image.shape[0] and 0 <= w < image.shape[1]
    return image[h, w] if inside else outside


def places(x, kernel, stride, padding):
    return [(n + 2 * a - k) // u + 1 for n, k, u, a in zip(x.shape[2:], kernel, stride, padding, strict=True)]


def convolution_by_loops(x, W, stride, padding, groups):
    (u, v), (a, d), k = stride, padding, W.shape[1]
    y = np.zeros((len(x), len(W), *places(x, W.shape[2:], stride, padding)))
    for b, o, p, q in np.ndindex(y.shape):
        first = o // (len(W) // groups) * k
        for m, r, s in np.ndindex(W.shape[1:]):
            y[b, o, p, q] += pixel(x[b, first + m], p * u + r - a, q * v + s - d, 0.0) * W[o, m, r, s]
    return y


def pool_by_loops(x, kernel, stride, padding, outside, choose):
    (u, v), (a, d) = stride, padding
    y = np.zeros((*x.shape[:2], *places(x, kernel, stride, padding)))
    for b, c, p, q in np.ndindex(y.shape):
        window = product(range(kernel[0]), range(kernel[1]))
        y[b, c, p, q] = choose([pixel(x[b, c], p * u + r - a, q * v + s - d, outside) for r, s in window])
    return y


def mean(values):
    return sum(values) / len(values)


small = st.integers(1, 3)
pairs = st.tuples(small, small)
margins = st.tuples(st.integers(0, 2), st.integers(0, 2))


@pytest.mark.pins("Conv2d")
@given(
    sizes=st.tuples(small, small, small, small),
    kernel=pairs,
    extra=margins,
    stride=pairs,
    padding=margins,
    seed=st.integers(0, 9999),
)
@settings(max_examples=100, deadline=None)
def test_convolution_equals_the_sum_over_every_index(sizes, kernel, extra, stride, padding, seed):
    b, k, groups, per_group = sizes
    image = [max(n + more - 2 * a, 1) for n, more, a in zip(kernel, extra, padding, strict=True)]
    rng = np.random.default_rng(seed)
    x, W = rng.normal(size=(b, groups * k, *image)), rng.normal(size=(groups * per_group, k, *kernel))
    node = build(edf.Conv2d, W.shape, stride=stride, padding=padding, groups=groups)
    expected = convolution_by_loops(x, W, stride, padding, groups)
    np.testing.assert_allclose(evaluate(node, [x, W]), expected, rtol=0, atol=1e-13)
    for check in check_node(node, [x, W], rng):
        assert check.error < (1e-7 if "central" in check.what else 1e-12), check


@pytest.mark.pins("MaxPool2d", "AvgPool2d")
@given(b=small, c=small, extra=pairs, kernel=pairs, stride=pairs, seed=st.integers(0, 9999))
@settings(max_examples=60, deadline=None)
def test_pools_equal_the_largest_and_the_mean_of_every_window(b, c, extra, kernel, stride, seed):
    rng = np.random.default_rng(seed)
    padding = tuple(int(rng.integers(0, n // 2 + 1)) for n in kernel)
    x = rng.normal(size=(b, c, *np.add(kernel, extra) - 1))
    for component, outside, choose in ((edf.MaxPool2d, -np.inf, max), (edf.AvgPool2d, 0.0, mean)):
        node = build(component, kernel=kernel, stride=stride, padding=padding)
        expected = pool_by_loops(x, kernel, stride, padding, outside, choose)
        np.testing.assert_allclose(evaluate(node, [x]), expected, rtol=0, atol=1e-14)


# PyTorch


def golden_node(name):
    """The component of a golden case, its values, and the gradients that torch found."""
    golden, component = case(name), getattr(edf, name.split("_")[0])
    options = {key: tuple(map(int, golden[key])) for key in ("stride", "padding", "kernel") if key in golden}
    if "groups" in golden:
        options["groups"] = int(golden["groups"])
    names = [key for key in ("x", "W") if key in golden]
    node = build(component, *(golden[key].shape for key in names[1:]), **options)
    return golden, node, names


@pytest.mark.pins("Conv2d", "MaxPool2d", "AvgPool2d", "AddChannelBias")
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_equal_those_of_torch(name):
    golden, node, names = golden_node(name)
    values, u = [golden[key] for key in names], golden["u"]
    y = evaluate(node, values)
    found = dict(zip(names, pull_back(node, u, values), strict=True))
    if "beta" in golden:
        bias = build(edf.AddChannelBias, golden["beta"].shape)
        found["beta"] = pull_back(bias, u, [y, golden["beta"]])[1]
        y = evaluate(bias, [y, golden["beta"]])
    assert relative_error(y, golden["y"]) < 1e-12
    assert {key: relative_error(g, golden[f"grad.{key}"]) < 1e-12 for key, g in found.items()} == dict.fromkeys(
        found, True
    )


def test_the_vectors_discriminate():
    assert str(GOLDEN["torch_version"]).startswith("2.") and len(CASES) == 13
    assert all(relative_error(case(name)["grad.x"], 1.0) > 0.1 for name in CASES)
    ties = case("MaxPool2d_ties")
    windows = np.lib.stride_tricks.sliding_window_view(ties["x"], (3, 3), axis=(2, 3))
    assert ((windows == windows.max(axis=(-1, -2), keepdims=True)).sum(axis=(-1, -2)) > 1).mean() > 0.5


class LastOfEquals(edf.MaxPool2d):
    """A planted fault: the gradient goes to the last of equal maxima."""

    def _chosen(self, y, x):
        equal = [part == y.transpose(1, 2, 3, 0) for part in self._parts(x, -np.inf)]
        for k, tap in enumerate(self._taps(self.kernel, y.shape[2:])):
            yield tap, equal[k] & ~np.any(equal[k + 1 :], axis=0)


def test_the_gradient_at_the_last_of_equal_maxima_would_be_seen():
    x, u = np.array([[[[1.0, 2.0], [2.0, 0.0]]]]), np.array([[[[5.0]]]])
    first, last = (pull_back(build(component), u, [x])[0].tolist() for component in (edf.MaxPool2d, LastOfEquals))
    assert first == [[[[0, 5], [0, 0]]]] and last == [[[[0, 0], [5, 0]]]]


class Flipped(edf.Conv2d):
    """A planted fault: convolution in the sense of mathematics, the kernel flipped."""

    def forward(self, x, W):
        return super().forward(x, W[:, :, ::-1, ::-1])


def test_a_flipped_kernel_is_not_what_torch_computes():
    golden, _, _ = golden_node("Conv2d_plain")
    y = evaluate(build(Flipped, golden["W"].shape), [golden["x"], golden["W"]])
    assert relative_error(y + golden["beta"][:, None, None], golden["y"]) > 0.1


# Reductions to what is known


def test_a_1_by_1_convolution_is_a_matrix_product_at_each_pixel():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(3, 4, 2, 5)), rng.normal(size=(6, 4, 1, 1))
    expected = np.einsum("bchw,oc->bohw", x, W[:, :, 0, 0])
    np.testing.assert_allclose(evaluate(build(edf.Conv2d, W.shape), [x, W]), expected, atol=1e-14)


def test_a_kernel_as_large_as_the_image_is_a_dense_layer():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(3, 2, 4, 5)), rng.normal(size=(6, 2, 4, 5))
    y = evaluate(build(edf.Conv2d, W.shape), [x, W])
    np.testing.assert_allclose(y[:, :, 0, 0], x.reshape(3, 40) @ W.reshape(6, 40).T, atol=1e-13)


@given(seed=st.integers(0, 9999), shift=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_a_shifted_image_has_a_shifted_value(seed, shift):
    rng = np.random.default_rng(seed)
    x, W = rng.normal(size=(2, 2, 6, 9)), rng.normal(size=(3, 2, 3, 2))
    node = build(edf.Conv2d, W.shape)
    whole, part = evaluate(node, [x, W]).copy(), evaluate(node, [x[..., shift:], W])
    np.testing.assert_allclose(part, whole[..., shift:], atol=1e-14)


def test_the_gradient_of_the_image_is_the_transpose_of_the_convolution():
    """u . conv(v, W) = conv^T(u, W) . v for every u and v, as a matrix built column by column shows."""
    rng = np.random.default_rng(0)
    W, shape = rng.normal(size=(2, 2, 2, 3)), (1, 2, 4, 5)
    node = build(edf.Conv2d, W.shape, stride=(2, 1), padding=(1, 0))
    matrix = np.array([evaluate(node, [e.reshape(shape), W]).ravel() for e in np.eye(40)])
    u = rng.normal(size=node.forward(np.zeros(shape), W).shape)
    found = pull_back(node, u, [rng.normal(size=shape), W])[0]
    np.testing.assert_allclose(found.ravel(), matrix @ u.ravel(), atol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_complex_arguments_are_those_of_their_real_parts(name):
    """Im grad(x + i h v) / h, which Hessian-vector products take: W.grad moves with x, x.grad with W, a pool's not."""
    golden, node, names = golden_node(name)
    values, rng = [golden[key] for key in names], np.random.default_rng(0)
    v = [rng.normal(size=x.shape) for x in values]
    found = pull_back(node, golden["u"], [x + 1e-30j * d for x, d in zip(values, v, strict=True)])
    expected = [0.0]
    if "W" in golden:
        swapped = [pull_back(node, golden["u"], pair) for pair in ((values[0], v[1]), (v[0], values[1]))]
        expected = [swapped[0][0], swapped[1][1]]
    for got, value in zip(found, expected, strict=True):
        np.testing.assert_allclose(got.imag / 1e-30, value + 0 * got.real, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shapes", [((2, 0, 4, 4), (3, 0, 2, 2)), ((0, 2, 4, 4), (3, 2, 2, 2))], ids=["c=0", "b=0"])
def test_no_maps_and_no_instances_give_zeros_of_the_right_shape(shapes):
    x, W = (np.zeros(shape) for shape in shapes)
    node = build(edf.Conv2d, W.shape)
    y = evaluate(node, [x, W])
    assert y.shape == (len(x), 3, 3, 3) and not y.any()
    assert [g.shape for g in pull_back(node, y, [x, W])] == list(shapes)


def test_a_window_that_holds_nan_gives_nan():
    x = np.array([[[[1.0, np.nan, 3.0, 0.0], [0.0, 2.0, 1.0, 4.0]]]])
    np.testing.assert_array_equal(evaluate(build(edf.MaxPool2d), [x]), [[[[np.nan, 4.0]]]])


def test_float32_gives_float32():
    rng = np.random.default_rng(0)
    with edf.Graph("float32") as graph:
        x, W, beta = edf.Input(grad=True), edf.Param(rng.normal(size=(2, 1, 2, 2))), edf.Param([0.1, 0.2])
        maps = edf.AddChannelBias(edf.Conv2d(x, W, padding=1), beta)
        y = edf.AvgPool2d(edf.MaxPool2d(maps, stride=1, padding=1))
    x.set(rng.normal(size=(3, 1, 4, 5)))
    graph.Forward()
    graph.Backward(y, seed=1.0)
    assert {n.value.dtype.name for n in graph.nodes} | {n.grad.dtype.name for n in graph.nodes} == {"float32"}


def test_gradients_with_the_batch_index_kept_average_to_the_gradient():
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x, W, beta = edf.Input(), edf.Param(rng.normal(size=(2, 1, 2, 2))), edf.Param(rng.normal(size=2))
        y = edf.AddChannelBias(edf.Conv2d(x, W), beta)
        loss = edf.MaxPool2d(edf.AvgPool2d(y * y, stride=1), kernel=(2, 3))
    x.set(rng.normal(size=(4, 1, 4, 5)))
    graph.Forward()
    kept = per_example.gradients(loss)
    graph.Backward(loss, seed=1 / 4)
    for p in (W, beta):
        np.testing.assert_allclose(kept[p].mean(axis=0), p.grad, rtol=1e-12)


# Costs


def test_costs_equal_counts_by_hand():
    """Conv: 2 FLOPs for each of 3*4*2*2 outputs and 2*3*2 products; pools: 2 x 2 windows, 5*7 outputs for each map."""
    sizes = {"b": 3, "c": 4, "o": 4, "k": 2, "r": 3, "s": 2, "p": 2, "q": 2}
    conv = build(edf.Conv2d, (4, 2, 3, 2), groups=2).cost(sizes)
    assert (conv.forward, conv.backward) == (1152, 2304)
    bias = build(edf.AddChannelBias, (4,)).cost(sizes)
    assert (bias.forward, bias.backward) == (48, 48)
    pooled = {"b": 2, "c": 3, "p": 5, "q": 7}
    largest, average = (build(component).cost(pooled) for component in (edf.MaxPool2d, edf.AvgPool2d))
    assert (largest.forward, largest.backward) == (630, 1050)  # 210 outputs: 3 comparisons; 4 and an addition
    assert (average.forward, average.backward) == (840, 1050)  # 3 additions and a division; a division and 4 additions


def test_the_cost_of_a_forwarded_convolution_counts_its_own_sizes():
    """LeNet-5's C1 (LeCun et al. 1998): 6 maps of 28 x 28, 5 x 5 windows: 117,600 connections less 4,704 biases."""
    node = build(edf.Conv2d, (6, 1, 5, 5))
    node.x.set(np.zeros((1, 1, 32, 32)))
    node.graph.Forward()
    assert node.cost(node.sizes).forward == 2 * 117_600 == 2 * (122_304 - 4_704)


# Messages

SENTENCES = {
    "stride of zero": (dict(stride=0), edf.DataError, "Conv2d: stride is 0; a whole number of at least 1"),
    "stride of three": (dict(stride=(1, 2, 1)), edf.DataError, "stride is (1, 2, 1)"),
    "stride as text": (dict(stride="2"), edf.DataError, "stride is '2'"),
    "stride as truth": (dict(stride=True), edf.DataError, "stride is True"),
    "no stride": (dict(stride=None), edf.DataError, "stride is None"),
    "fractional padding": (dict(padding=0.5), edf.DataError, "padding is 0.5; a whole number of at least 0"),
    "negative padding": (dict(padding=(0, -1)), edf.DataError, "padding is (0, -1)"),
    "no groups": (dict(groups=0), edf.DataError, "groups is 0"),
    "stride as a float": (dict(stride=2.0), edf.DataError, "stride is 2.0"),
    "groups as nan": (dict(groups=np.nan), edf.DataError, "groups is nan"),
    "groups that do not fit c": (dict(groups=2), edf.ShapeError, "c = 4 maps but W has k = 4 for each of 2 group(s)"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_setting_of_a_convolution_is_told_in_a_sentence(name):
    options, error, words = SENTENCES[name]
    with pytest.raises(error) as caught:
        node = build(edf.Conv2d, (3, 4, 2, 2), **options)
        node.x.set(np.zeros((1, 4, 5, 5)))
        node.graph.Forward()
    assert words in str(caught.value)


@pytest.mark.parametrize("component", [edf.MaxPool2d, edf.AvgPool2d])
def test_wrong_settings_of_a_pool_are_told_in_sentences(component):
    for options, words in (
        (dict(kernel=0), "kernel is 0; a whole number of at least 1"),
        (dict(kernel=(2, None)), "kernel is (2, None)"),
        (dict(kernel=3, padding=2), "padding (2, 2) is more than half of the kernel (3, 3)"),
    ):
        with pytest.raises(edf.DataError) as caught:
            build(component, **options)
        assert words in str(caught.value)


def forwarded(component, x_shape, *shapes, **options):
    node = build(component, *shapes, **options)
    node.args[0].set(np.zeros(x_shape))
    node.graph.Forward()


def test_shapes_that_do_not_fit_are_told_in_letters():
    for words, call in (
        (r"c = 4 maps but W has k = 2", lambda: forwarded(edf.Conv2d, (1, 4, 5, 5), (3, 2, 2, 2))),
        (r"o = 3 maps, which 2 groups", lambda: forwarded(edf.Conv2d, (1, 4, 5, 5), (3, 2, 2, 2), groups=2)),
        (r"h,w = \(2, 5\) with padding", lambda: forwarded(edf.Conv2d, (1, 1, 2, 5), (1, 1, 3, 3))),
        (r"x needs the axes b,c,h,w \(4\)", lambda: forwarded(edf.Conv2d, (2, 784), (1, 1, 3, 3))),
        (r"window of \(2, 2\) pixels does not fit", lambda: forwarded(edf.MaxPool2d, (1, 1, 1, 5))),
        (r"o is 4 in y and 3 in beta", lambda: forwarded(edf.AddChannelBias, (1, 4, 2, 2), (3,))),
    ):
        with pytest.raises(edf.ShapeError, match=words):
            call()
