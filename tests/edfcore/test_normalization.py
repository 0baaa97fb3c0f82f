"""Normalization: torch's values, gradients and running statistics; what makes a normalization one; small batches.

golden/make_components.py made the golden vectors.
"""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore import per_example
from edfcore.checks import check_component, check_node
from edfcore.registry import REGISTRY

FILE = Path(__file__).parent / "golden" / "components.npz"


def golden_cases():
    found = defaultdict(dict)
    with np.load(FILE) as file:
        for key, value in file.items():
            case, _, part = key.partition("/")
            if "Norm" in case:
                found[case][part] = json.loads(str(value)) if part == "settings" else value
    return dict(found)


GOLDEN = golden_cases()


def build(name, x, gamma=None, beta=None, dtype="float64", **options):
    """A normalization of x in a graph of its own, forwarded not yet."""
    c = x.shape[-1 if name == "LayerNorm" or np.array_equal(options.get("axis"), -1) else 1]
    gamma, beta = (np.ones(c) if gamma is None else gamma), (np.zeros(c) if beta is None else beta)
    with edf.Graph(dtype):
        node = REGISTRY[name](edf.Input("x", grad=True), edf.Param(gamma), edf.Param(beta), **options)
    node.x.set(x)
    return node


def values_of(case):
    return [GOLDEN[case][str(k)] for k in range(3)]


def relative_error(got, expected):
    return np.abs(np.subtract(got, expected)).max() / np.abs(expected).max()


def agrees(node, arrays):
    """Value and all gradients equal the golden ones."""
    node.graph.Forward()
    node.graph.Backward(node, seed=arrays["upstream"])
    found = [node.value, *(a.grad for a in node.args)]
    expected = [arrays["value"], *(arrays[f"grad/{k}"] for k in range(3))]
    return [relative_error(a, b) < 1e-12 for a, b in zip(found, expected, strict=True)] == [True] * 4


@pytest.mark.pins("LayerNorm", "GroupNorm")
@pytest.mark.parametrize("case", [case for case in GOLDEN if not case.startswith("BatchNorm")])
def test_values_and_gradients_equal_those_of_torch(case):
    node = build(case.split(".")[0], *values_of(case), **GOLDEN[case]["settings"])
    assert agrees(node, GOLDEN[case])


@pytest.mark.pins("BatchNorm")
@pytest.mark.parametrize("case", ["BatchNorm", "BatchNorm.images"])
def test_batch_norm_in_training_and_in_use_equals_that_of_torch(case):
    node, used = build("BatchNorm", *values_of(case), **GOLDEN[case]["settings"]), GOLDEN[f"{case}.in_use"]
    assert agrees(node, GOLDEN[case])
    for name in ("running_mean", "running_var"):
        assert relative_error(node.state[name], GOLDEN[case][name]) < 1e-12
    with node.graph.evaluating():
        node.x.set(used["0"])
        assert agrees(node, used)
    assert all(np.array_equal(node.state[name], used[name]) or relative_error(node.state[name], used[name]) < 1e-12
               for name in node.state)  # fmt: skip


def test_features_in_the_last_axis_give_the_same_as_features_in_axis_1():
    arrays, options = GOLDEN["BatchNorm.images"], GOLDEN["BatchNorm.images"]["settings"]
    node = build("BatchNorm", np.moveaxis(arrays["0"], 1, -1), arrays["1"], arrays["2"], axis=-1, **options)
    node.graph.Forward()
    node.graph.Backward(node, seed=np.moveaxis(arrays["upstream"], 1, -1))
    assert relative_error(np.moveaxis(node.value, -1, 1), arrays["value"]) < 1e-12
    assert relative_error(np.moveaxis(node.x.grad, -1, 1), arrays["grad/0"]) < 1e-12
    assert relative_error(node.gamma.grad, arrays["grad/1"]) < 1e-12
    assert relative_error(node.state["running_var"], arrays["running_var"]) < 1e-12


@given(B=st.integers(2, 5), c=st.integers(1, 4), h=st.integers(1, 3), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_each_feature_of_a_batch_has_mean_0_and_variance_v_over_v_plus_eps(B, c, h, seed):
    x = np.random.default_rng(seed).normal(3, 2, size=(B, c, h))
    y = build("BatchNorm", x)
    y.graph.Forward()
    v = x.var(axis=(0, 2))
    np.testing.assert_allclose(y.value.mean(axis=(0, 2)), 0, atol=1e-13)
    np.testing.assert_allclose(y.value.var(axis=(0, 2)), v / (v + 1e-5), rtol=1e-9)


@given(seed=st.integers(0, 99), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
@settings(max_examples=30, deadline=None)
def test_layer_and_batch_norm_do_not_see_the_scale_and_shift_of_their_argument(seed, scale, shift):
    x = np.random.default_rng(seed).normal(size=(5, 6))
    for name in ("BatchNorm", "LayerNorm"):
        values = []
        for data in (x, scale * x + shift):
            y = build(name, data, eps=1e-14)
            y.graph.Forward()
            values.append(y.value)
        np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-9)


def test_group_norm_holds_layer_norm_and_instance_norm():
    x = np.random.default_rng(0).normal(size=(3, 4, 5))
    one, every = (build("GroupNorm", x, num_groups=n) for n in (1, 4))
    layer = build("LayerNorm", x.reshape(3, 20))
    instance = build("LayerNorm", x)
    for node in (one, every, layer, instance):
        node.graph.Forward()
    np.testing.assert_allclose(one.value, layer.value.reshape(x.shape), rtol=1e-13)
    np.testing.assert_allclose(every.value, instance.value, rtol=1e-13)


# Running statistics


def test_the_running_statistics_follow_once_for_each_change():
    x = np.random.default_rng(0).normal(3, 2, size=(8, 2))
    y = build("BatchNorm", x)
    for _ in range(3):
        y.graph.Forward()
    np.testing.assert_allclose(y.state["running_mean"], 0.1 * x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(y.state["running_var"], 0.9 + 0.1 * x.var(axis=0, ddof=1), rtol=1e-14)
    y.x.set(x)
    y.graph.Forward()
    np.testing.assert_allclose(y.state["running_mean"], (1 - 0.9**2) * x.mean(axis=0), rtol=1e-14)


def test_in_use_the_statistics_stay_and_an_instance_does_not_see_the_others():
    x = np.random.default_rng(0).normal(size=(8, 2))
    y = build("BatchNorm", x)
    y.graph.Forward()
    held = {name: value.copy() for name, value in y.state.items()}
    with y.graph.evaluating():
        y.graph.Forward()
        together = y.value
        y.x.set(x[:1])
        y.graph.Forward()
        np.testing.assert_allclose(y.value, together[:1], rtol=1e-15)
    assert all(np.array_equal(y.state[name], held[name]) for name in held)


def test_the_state_has_the_features_shape_and_dtype_from_the_start():
    y = build("BatchNorm", np.ones((4, 3), "float32"), dtype="float32")
    for _ in range(2):
        assert {v.shape for v in y.state.values()} == {(3,)}
        assert {v.dtype.name for v in y.state.values()} == {"float32"}
        y.graph.Forward()


def test_the_gradients_in_use_are_right():
    rng = np.random.default_rng(1)
    for shape, axis in (((4, 3), 1), ((2, 3, 2, 2), 1), ((2, 2, 3), -1)):
        x = rng.normal(size=shape)
        y = build("BatchNorm", x, axis=axis)
        y.graph.Forward()
        y.graph.training = False
        for check in check_node(y, [x, rng.normal(size=3), rng.normal(size=3)], rng):
            assert check.error < (1e-7 if "central" in check.what else 1e-12), check


def test_gradients_of_instances_are_refused_in_training_and_given_in_use():
    rng = np.random.default_rng(0)
    with edf.Graph() as graph:
        x = edf.Input("x")
        W, gamma, beta = edf.Param(rng.normal(size=(3, 2))), edf.Param([1.0, 2.0]), edf.Param([0.0, 1.0])
        loss = edf.SumOver(edf.BatchNorm(x @ W, gamma, beta) ** 2)
    x.set(rng.normal(size=(5, 3)))
    graph.Forward()
    with pytest.raises(edf.GraphError, match="BatchNorm mixes instances"):
        per_example.gradients(loss)
    with graph.evaluating():
        graph.Forward()
        graph.Backward(loss)
        for param, kept in per_example.gradients(loss).items():
            np.testing.assert_allclose(kept.mean(axis=0), param.grad, rtol=1e-12)


@pytest.mark.parametrize("name, options", [("LayerNorm", {}), ("GroupNorm", {"num_groups": 2}), ("BatchNorm", {})])
def test_digits_far_from_zero(name, options):
    """Two passes: about 1e8 a mean is off by eps 1e8 = 2e-8 of the spread; E[x^2] - E[x]^2 would have no digit."""
    rng = np.random.default_rng(0)
    spread = rng.integers(-5, 6, size=(4, 6)).astype(float)
    values = []
    for x in (spread, spread + 1e8):
        y = build(name, x, **options)
        y.graph.Forward()
        values.append(y.value)
    np.testing.assert_allclose(*values, rtol=0, atol=4 * np.finfo(float).eps * 1e8)


# Small batches


def least_batch(name):
    """The smallest batch on which a training step of the normalization goes through."""
    for B in range(1, 20):
        try:
            y = build(name, np.random.default_rng(B).normal(size=(B, 4)), **({"num_groups": 2} if "G" in name else {}))
            y.graph.Forward()
            y.graph.Backward(y, seed=1.0)
            return B
        except edf.DataError:
            continue


@pytest.mark.parametrize("least, holds", [(8, False), (2, True)], ids=["[4.6]-printed", "[4.6]-corrected"])
def test_batch_norm_needs_two_values_for_each_feature_not_eight(least, holds):
    """'Needs a batch of at least 8 or 16' is a rule of thumb; GroupNorm and LayerNorm need no batch at all."""
    assert (least_batch("BatchNorm") == least) is holds
    assert least_batch("GroupNorm") == least_batch("LayerNorm") == 1


def test_the_noise_that_a_small_batch_brings_to_batch_norm_falls_with_B_and_group_norm_has_none():
    """What the rule of thumb means: the mean of B values is off by 1/sqrt(B) (GroupNorm paper, figure 1)."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=(1, 1))
    spread = {}
    for B in (2, 8, 32):
        seen = []
        for _ in range(400):
            y = build("BatchNorm", np.concatenate([first, rng.normal(size=(B - 1, 1))]))
            y.graph.Forward()
            seen.append(y.value[0, 0])
        spread[B] = np.std(seen)
    assert spread[2] > 2 * spread[8] > 3 * spread[32]
    alone, among = (build("GroupNorm", np.ones((B, 1)) * [[1.0, 2.0, 4.0]], num_groups=1) for B in (1, 8))
    for y in (alone, among):
        y.graph.Forward()
    assert np.array_equal(alone.value, among.value[:1])


def test_a_batch_of_one_is_a_sentence_but_an_image_is_enough():
    with pytest.raises(edf.DataError, match=r"BatchNorm: x has shape \(1, 3\), one value for each feature.*LayerNorm"):
        build("BatchNorm", np.ones((1, 3))).graph.Forward()
    build("BatchNorm", np.ones((1, 3, 2, 2))).graph.Forward()
    y = build("BatchNorm", np.ones((1, 3)))
    with y.graph.evaluating():
        y.graph.Forward()


SETTINGS = [
    *[
        (name, "eps", value)
        for name in ("BatchNorm", "LayerNorm", "GroupNorm")
        for value in (0, -1e-5, None, "1", np.nan)
    ],
    *[("BatchNorm", "momentum", value) for value in (-0.1, 1.1, None, np.nan)],
    *[("BatchNorm", "axis", value) for value in (0, 2, None, True, np.ones(2))],
    *[("GroupNorm", "num_groups", value) for value in (0, 1.0, None, True)],
]


@pytest.mark.parametrize("name, key, value", SETTINGS)
def test_a_setting_that_cannot_be_right_is_a_sentence(name, key, value):
    with pytest.raises(edf.DataError, match=rf"^{name}: {key} is .*\.$"):
        build(name, np.ones((4, 3)), **{key: value})


SHAPES = {
    "gamma of another length": ("BatchNorm", np.ones((4, 3)), {"gamma": np.ones(2)}, "c is 3 in x and 2 in gamma"),
    "images of no pixels": ("BatchNorm", np.ones((4, 3, 0)), {}, "over no entries there is no mean"),
    "no features": ("LayerNorm", np.ones((4, 0)), {}, "over no entries there is no mean"),
    "groups that do not divide": ("GroupNorm", np.ones((4, 6)), {"num_groups": 4}, "does not divide c = 6"),
    "group of no pixels": ("GroupNorm", np.ones((4, 6, 0)), {"num_groups": 2}, "over no entries"),
    "vector": ("LayerNorm", np.ones((4, 3)), {"beta": np.ones((1, 3))}, "beta needs the axes i"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_that_cannot_be_right_is_a_sentence(name):
    kind, x, options, words = SHAPES[name]
    with pytest.raises(edf.ShapeError) as caught:
        build(kind, x, **options).graph.Forward()
    assert words in str(caught.value)


# Planted faults


class MeanHeldFixed(edf.BatchNorm):
    """The gradient as if mean and variance were constants."""

    def statistics(self, x):
        xhat, _ = super().statistics(x)
        axes = tuple(k for k in range(x.ndim) if k != self.axis % x.ndim)
        r = 1 / np.sqrt(((x - x.mean(axis=axes, keepdims=True)) ** 2).mean(axis=axes, keepdims=True) + self.eps)
        return xhat, lambda d: d * r


class VarianceHeldFixed(edf.LayerNorm):
    """The term of the variance forgotten."""

    def statistics(self, x):
        xhat, _ = super().statistics(x)
        r = 1 / np.sqrt(((x - x.mean(axis=-1, keepdims=True)) ** 2).mean(axis=-1, keepdims=True) + self.eps)
        return xhat, lambda d: r * (d - d.mean(axis=-1, keepdims=True))


class GammaForgotten(edf.GroupNorm):
    """x.grad without gamma."""

    def backward(self, grad, y, x, gamma, beta):
        xhat, J = self.statistics(x)
        return J(grad), self.per_feature(grad * xhat), self.per_feature(grad)


@pytest.mark.parametrize("fault", [MeanHeldFixed, VarianceHeldFixed, GammaForgotten], ids=lambda fault: fault.__name__)
def test_a_wrong_backward_is_caught(fault, monkeypatch):
    name = fault.__base__.__name__
    monkeypatch.setitem(REGISTRY, name, fault)
    found = [c.error for seed in range(20) for c in check_component(name, np.random.default_rng(seed))]
    assert max(found) > 1e-3


@pytest.mark.parametrize("ddof", [0, 1])
def test_the_golden_vectors_tell_the_running_variances_apart(ddof):
    arrays = GOLDEN["BatchNorm"]
    running = 0.9 + 0.1 * arrays["0"].var(axis=0, ddof=ddof)
    assert bool(relative_error(running, arrays["running_var"]) < 1e-12) is bool(ddof)
