"""Clipping against PyTorch's numbers and against what it promises; erratum 4.29."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.optimizers import clip_by_global_norm, clip_by_norm, clip_by_value

with np.load(Path(__file__).parent / "golden" / "optimizers.npz") as file:
    GOLDEN = {key[5:]: value for key, value in file.items() if key.startswith("clip.")}


def gradients():
    return [GOLDEN["grad0"].copy(), GOLDEN["grad1"].copy()]


def random_gradients(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return [np.array(scale * rng.normal(size=shape)) for shape in ((3, 2), (4,), (), (2, 1, 2))]


def flat(arrays):
    return np.concatenate([a.ravel() for a in arrays])


@pytest.mark.pins("clip_by_global_norm")
@pytest.mark.parametrize("name, bound", [("norm_1", 1.0), ("norm_100", 100.0), ("norm_tiny", 1e-6)])
def test_clipping_by_global_norm_equals_torchs(name, bound):
    found = gradients()
    norm = clip_by_global_norm(found, bound)
    assert norm == pytest.approx(float(GOLDEN[name]), rel=1e-14, abs=0)
    for k, g in enumerate(found):
        assert np.abs(g - GOLDEN[f"{name}.{k}"]).max() <= 1e-14 * np.abs(GOLDEN[f"{name}.{k}"]).max()


@pytest.mark.pins("clip_by_value")
def test_clipping_by_value_equals_torchs():
    found = gradients()
    assert clip_by_value(found, 0.3) == max(np.abs(g).max() for g in gradients())
    assert all(np.array_equal(g, GOLDEN[f"value.{k}"]) for k, g in enumerate(found))


@pytest.mark.pins("clip_by_global_norm", "clip_by_norm")
@given(seed=st.integers(0, 9999), exponent=st.integers(-200, 150), bound=st.floats(1e-3, 1e3))
@settings(max_examples=100, deadline=None)
def test_the_norm_is_at_most_the_bound_and_the_direction_stays(seed, exponent, bound):
    """Where the norm is above the bound it becomes the bound, with eps = 0; below, nothing changes."""
    before, found, each = (random_gradients(seed, 10.0**exponent) for _ in range(3))
    norm = clip_by_global_norm(found, bound, eps=0.0)
    exact = 10.0**exponent * np.linalg.norm(flat(random_gradients(seed)))
    assert norm == pytest.approx(exact, rel=1e-13, abs=0)
    assert np.allclose(flat(found), flat(before) * min(1.0, bound / exact), rtol=1e-12, atol=0)
    if exact <= bound:
        assert np.array_equal(flat(found), flat(before))
    norms = clip_by_norm(each, bound, eps=0.0)
    for g, now, size in zip(before, each, norms, strict=True):
        assert size == pytest.approx(float(np.abs(g).max() * np.linalg.norm(g / np.abs(g).max())), rel=1e-13, abs=0)
        assert np.allclose(now, g * min(1.0, bound / size), rtol=1e-12, atol=0)


def test_torchs_eps_leaves_the_norm_a_little_below_the_bound():
    found = random_gradients(0)
    norm = clip_by_global_norm(found, 0.5)
    assert np.linalg.norm(flat(found)) == pytest.approx(0.5 * norm / (norm + 1e-6), rel=1e-14, abs=0)


def test_gradients_of_zero_stay_zero():
    found = [np.zeros(3), np.zeros((2, 2))]
    assert clip_by_global_norm(found, 1.0, eps=0.0) == 0.0
    assert clip_by_norm(found, 1.0, eps=0.0) == [0.0, 0.0] and clip_by_value(found, 1.0) == 0.0
    assert not flat(found).any()


def test_an_infinite_entry_can_be_clipped_by_value():
    found = [np.array([math.inf, -math.inf, 0.1])]
    assert clip_by_value(found, 2.0) == math.inf and found[0].tolist() == [2.0, -2.0, 0.1]


def test_float32_stays_float32_and_its_norm_is_summed_in_float64():
    g = np.random.default_rng(0).normal(size=10**5).astype(np.float32)
    exact = math.sqrt(math.fsum(float(entry) ** 2 for entry in g))
    assert clip_by_global_norm([g], 1.0, eps=0.0) == pytest.approx(exact, rel=1e-13, abs=0) and g.dtype == np.float32
    huge = np.full(4, 1e38, np.float32)
    assert clip_by_norm([huge], 1.0, eps=0.0)[0] == pytest.approx(2e38, rel=1e-6)
    assert np.linalg.norm(huge) == pytest.approx(1.0, rel=1e-6)


def network():
    with edf.Graph() as graph:
        x, W, b = edf.Input("x"), edf.Param([[3.0], [4.0]], "W"), edf.Param([0.0], "b")
        loss = x @ W + b
    x.set([[3.0, 4.0]])
    return graph, loss


@pytest.mark.parametrize("given_as", ["graph", "list", "one"])
def test_gradients_of_a_graph_are_clipped_where_they_are(given_as):
    graph, loss = network()
    graph.Forward()
    graph.Backward(loss, seed=1.0)
    W, b = graph.params
    params = {"graph": graph, "list": [W, b], "one": W}[given_as]
    norm = clip_by_global_norm(params, 1.0, eps=0.0)
    assert norm == pytest.approx(math.sqrt(25 + (given_as != "one")), rel=1e-15, abs=0)
    assert W.grad.ravel() == pytest.approx([3 / norm, 4 / norm], rel=1e-15, abs=0)


def each(gradients, bound):
    clip_by_norm(gradients, bound)


def all_together(gradients, bound):
    clip_by_global_norm(gradients, bound)


def keeps_the_direction_and_obeys_the_bound(clip):
    """S4: g eps / |g|, where |g| is the norm of the whole gradient."""
    before, found = random_gradients(5, 10.0), random_gradients(5, 10.0)
    clip(found, 2.0)
    a, b = flat(before), flat(found)
    return np.linalg.norm(b) <= 2.0 and a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 1 - 1e-14


@pytest.mark.parametrize("form", [each], ids=["4.29"])
def test_the_printed_form_fails(form):
    """Printed without "of what": read as the norm of each parameter, as Keras's clipnorm does."""
    assert not keeps_the_direction_and_obeys_the_bound(form)


@pytest.mark.parametrize("form", [all_together], ids=["4.29"])
def test_the_corrected_form_holds(form):
    assert keeps_the_direction_and_obeys_the_bound(form)


CLIPS = {"clip_by_value": clip_by_value, "clip_by_norm": clip_by_norm, "clip_by_global_norm": clip_by_global_norm}


@pytest.mark.parametrize("name", CLIPS)
def test_nan_is_told_and_nothing_changes(name):
    found = [np.array([5.0, 6.0]), np.array([math.nan])]
    with pytest.raises(edf.DataError, match=f"{name}: .*no clipping mends; nothing was changed"):
        CLIPS[name](found, 1.0)
    assert found[0].tolist() == [5.0, 6.0]


@pytest.mark.parametrize("name", ["clip_by_norm", "clip_by_global_norm"])
def test_an_infinite_norm_is_told_and_nothing_changes(name):
    found = [np.array([5.0, 6.0]), np.array([math.inf])]
    with pytest.raises(edf.DataError, match="the norm of the gradient is inf"):
        CLIPS[name](found, 1.0)
    assert found[0].tolist() == [5.0, 6.0]


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("bound", [0.0, -1.0, math.nan, math.inf, None, "1", True])
def test_a_bound_that_cannot_be_right_is_told(name, bound):
    with pytest.raises(edf.DataError, match=f"{name}: the bound is {bound!r}; a finite number above 0"):
        CLIPS[name]([np.ones(3)], bound)


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize(
    "params, words",
    [
        (None, "params is None"),
        ([], r"params is \[\]"),
        ([[1.0, 2.0]], "neither a Param nor a floating-point array"),
        ([np.arange(3)], "neither a Param nor a floating-point array"),
        (["W"], "neither a Param"),
        ([np.float64(3.0)], "neither a Param"),
    ],
)
def test_params_that_cannot_be_right_are_told(name, params, words):
    with pytest.raises(edf.DataError, match=words):
        CLIPS[name](params, 1.0)


@pytest.mark.parametrize("name", CLIPS)
def test_clipping_before_backward_is_told(name):
    with pytest.raises(edf.GraphError, match="no parameter has a gradient"):
        CLIPS[name](network()[0], 1.0)


def test_a_negative_eps_is_told():
    with pytest.raises(edf.DataError, match="eps is -1"):
        clip_by_norm([np.ones(2)], 1.0, eps=-1)
