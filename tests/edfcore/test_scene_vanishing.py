"""Vanishing gradients: the networks are the library's, and what they do is what mean-field theory says of wide ones."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.errors import DataError, ShapeError
from edfcore.figures.vanishing import vanishing_figure
from edfcore.scenes.base import short
from edfcore.scenes.vanishing import (
    BINS,
    DEPTHS,
    INITIALIZERS,
    LEVELS,
    PHI_NAMES,
    VARIANCE,
    B,
    Vanishing,
    grid,
    initial,
    moments,
    passed,
    shown,
    table,
    theory,
)

scene = Vanishing()


def of(**given):
    state = scene.state(**given)
    return state, scene.compute(state)


states = st.builds(
    scene.state,
    depth=st.integers(2, 50), width=st.integers(16, 40), phi=st.sampled_from([n for n, _ in PHI_NAMES]),
    init=st.sampled_from([n for n, _ in INITIALIZERS]), gain=st.floats(0.25, 4), seed=st.integers(0, 20),
    layer=st.integers(1, 50), norm=st.booleans(), skip=st.booleans(),
)  # fmt: skip


# The network


def by_hand(state, weights, x, r):
    """RMS of activations and of gradients by the chain rule in NumPy, without batch norm."""
    phi = {"tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "relu": lambda z: np.maximum(z, 0)}
    slope = {"tanh": lambda a: 1 - a * a, "sigmoid": lambda a: a * (1 - a), "relu": lambda a: 1.0 * (a > 0)}
    phi, slope = phi[state["phi"]], slope[state["phi"]]
    c, kept = (len(weights) ** -0.5, 1.0) if state["skip"] else (1.0, 0.0)
    h, activations, slopes = x, [], []
    for W in weights:
        a = phi(h @ W)
        h = kept * h + c * a
        slopes.append(c * slope(a))
        activations.append(h)
    g, gradients = r, [r]
    for W, s in zip(weights[:0:-1], slopes[:0:-1], strict=True):
        g = kept * g + (g * s) @ W.T
        gradients.insert(0, g)
    return activations, gradients


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu"])
def test_the_pass_is_the_chain_rule(phi, skip):
    state = scene.state(phi=phi, skip=skip, depth=6, width=32, init="kaiming", gain=1.3)
    weights = []

    def kept(rng, i, j):
        weights.append(initial("kaiming")(rng, i, j))
        return weights[-1]

    h, g = passed(state, kept)
    rng = np.random.default_rng(state["seed"])
    x, r = rng.standard_normal((B, 32)), rng.standard_normal((B, 32))
    right_h, right_g = by_hand(state, [1.3 * W for W in weights], x, r)
    for mine, right in [(h, right_h), (g, right_g)]:
        for a, b in zip(mine, right, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_batch_norm_gives_every_layer_the_same_size_whatever_the_weights():
    for init in ("uniform", "kaiming", "large"):
        _, found = of(norm=True, init=init, phi="relu", depth=8)
        np.testing.assert_allclose(found["act"], np.sqrt(0.5), rtol=0.03)  # E relu(z)^2 = 1/2


@pytest.mark.parametrize("kind", [n for n, _ in INITIALIZERS])
def test_the_variance_of_the_weights_is_the_one_that_the_theory_takes(kind):
    W = initial(kind)(np.random.default_rng(0), 400, 400)
    assert 400 * W.var() == pytest.approx(VARIANCE[kind](400), rel=0.02)


# The theory


@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("q", [1e-6, 0.04, 0.9, 1.1, 30.0, 3000.0])
def test_moments_are_those_of_a_million_quantiles(phi, q):
    """An independent integral: the mean over quantiles of N(0, q), by the inverse of the error function."""
    from statistics import NormalDist

    z = np.sqrt(q) * np.array([NormalDist().inv_cdf((k + 0.5) / 40_000) for k in range(40_000)])
    value, slope = {
        "tanh": (np.tanh(z), np.cosh(np.clip(z, -300, 300)) ** -2.0), "relu": (np.maximum(z, 0), (z > 0) * 1.0),
        "sigmoid": ((1 + np.tanh(z / 2)) / 2, np.cosh(np.clip(z / 2, -300, 300)) ** -2.0 / 4),
    }[phi]  # fmt: skip
    right = value.mean(), (value**2).mean(), (slope**2).mean()
    np.testing.assert_allclose(moments(phi, q), right, rtol=3e-3, atol=1e-9)


def test_small_tanh_layers_are_linear():
    square = moments("tanh", 1e-12)
    assert square[1] == pytest.approx(1e-12, rel=1e-6) and square[2] == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("init", ["uniform", "xavier", "kaiming"])
def test_wide_networks_follow_the_recurrence(phi, skip, init):
    """The mean of the squares over 20 seeds at width 128, within four standard errors and 3 % for the finite width."""
    chosen = {"phi": phi, "skip": skip, "init": init, "depth": 6, "width": 128}
    found = [scene.compute(scene.state(seed=k, **chosen)) for k in range(20)]
    for name, right in zip(("act", "grad"), theory(scene.state(**chosen)), strict=True):
        if np.isnan(right).all():
            continue
        squares = np.array([f[name] ** 2 for f in found])
        error = squares.std(0, ddof=1) / np.sqrt(len(squares))
        assert (np.abs(squares.mean(0) - right**2) < 4 * error + 0.03 * right**2).all()
        assert (error < 0.15 * right**2).all()  # or the line above would say nothing


@pytest.mark.parametrize("depth", [10, 50])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "relu"])
def test_what_the_caption_says_of_the_theory_holds_in_the_range_of_the_widget(phi, skip, depth):
    """Gradients over four seeds at the default width: for each layer within 8 %, and with skips within 10 % in all."""
    for init, _ in INITIALIZERS:
        chosen = {"phi": phi, "skip": skip, "init": init, "depth": depth}
        right = theory(scene.state(**chosen))[1]
        if phi == "relu" and skip:
            assert np.isnan(right).all()
            continue
        found = [scene.compute(scene.state(seed=k, **chosen))["grad"] for k in range(4)]
        apart = np.log([g[0] / g[-1] / right[0] for g in found])
        assert (np.abs(apart) < (np.log(1.1) if skip else 0.08 * (depth - 1))).all(), init


def test_no_theory_is_told_of_relu_with_skips_which_it_misses_by_far():
    """The recurrence would say (1 + v / (2 L))^((L - 1) / 2) = 1.62."""
    state, found = of(phi="relu", init="kaiming", skip=True, depth=50)
    assert found["grad"][0] / found["grad"][-1] > 2 * (1 + 1 / 50) ** 24.5
    assert "theory" not in scene.caption(state, found) and scene.rows(state, found)[1][4] == "none"
    np.testing.assert_allclose(found["act"], found["theory_act"], rtol=0.15)


def test_kaiming_keeps_relu_and_xavier_halves_its_squares_in_each_layer():
    forward, backward = theory(scene.state(phi="relu", init="kaiming", depth=50))
    np.testing.assert_allclose(forward, 1)
    np.testing.assert_allclose(backward, 1)
    forward, backward = theory(scene.state(phi="relu", init="xavier", depth=5))
    np.testing.assert_allclose(forward**2, 0.5 ** np.arange(1, 6))
    np.testing.assert_allclose(backward**2, 0.5 ** np.arange(4, -1, -1))


def test_a_sigmoid_takes_at_least_three_quarters_of_the_gradient_in_each_layer():
    _, backward = theory(scene.state(phi="sigmoid", init="xavier", depth=20))
    assert (backward[:-1] / backward[1:]).max() < 0.25  # sigma' <= 1/4, v = 1


# The texts


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({}, "vanishes"), ({"init": "small"}, "vanishes"), ({"init": "large"}, "explodes"),
        ({"init": "xavier"}, "is kept"), ({"init": "kaiming", "phi": "relu", "depth": 50}, "is kept"),
        ({"phi": "sigmoid", "init": "xavier"}, "vanishes"), ({"skip": True, "depth": 50}, "is kept"),
        ({"norm": True, "phi": "relu", "depth": 50}, "explodes"),
        ({"norm": True, "skip": True, "depth": 50}, "is kept"),
    ],
)  # fmt: skip
def test_captions_say_what_becomes_of_the_gradient(given, word):
    state, found = of(**given)
    told = scene.caption(state, found)
    assert f"the gradient {word}" in told
    ratio = edf.scenes.base.short(found["grad"][0] / found["grad"][-1])
    assert f"is {ratio} times that at layer {state['depth']}" in told
    assert ("theory" in told) != state["norm"]


@pytest.mark.slow
@given(states)
@settings(max_examples=40, deadline=None)
def test_every_state_has_its_numbers_and_survives_its_text(state):
    found, L = scene.compute(state), state["depth"]
    assert all(len(found[n]) == L for n in ("act", "grad", "theory_act", "theory_grad"))
    assert np.isfinite(found["act"]).all() and np.isfinite(found["grad"]).all()
    rows = scene.rows(state, found)
    assert len(rows) == L + 1 and all(len(row) == 5 for row in rows)
    chosen = found["layers"]
    assert chosen[0] == 1 and chosen[-1] == L and (np.diff(chosen) > 0).all() and len(chosen) <= 5
    assert min(state["layer"], L) in chosen or L <= 2
    for kind in ("act", "grad"):
        assert found[f"{kind}_bars"].shape == (len(chosen), BINS)
        assert found[f"{kind}_bars"].min() >= 0 and found[f"{kind}_bars"].max() <= 1
        low, high = found[f"{kind}_axis"]
        assert low < high
    kept = scene.state_from(scene.text(state))
    assert scene.text(kept) == scene.text(state)


def test_shown_layers_hold_the_chosen_one():
    assert shown(10) == [1, 3, 5, 7, 10] and shown(10, 6) == [1, 3, 6, 7, 10] and shown(10, 2) == [1, 2, 5, 7, 10]
    assert shown(2) == [1, 2] and shown(3, 2) == [1, 2, 3] and shown(10, 10) == shown(10)


@pytest.mark.slow
def test_the_figure_says_what_it_shows_and_is_the_same_twice():
    for chosen in ({}, {"depth": 2, "norm": True}, {"phi": "relu", "init": "large", "depth": 30, "skip": True}):
        state, found = of(**chosen)
        figure = vanishing_figure(state, found)
        assert scene.caption(state, found) in figure.alt
        assert figure.png() == vanishing_figure(state, found).png()


# What a page without Python looks up


@pytest.fixture
def widget():
    pytest.importorskip("anywidget")
    from edfcore.widgets import VanishingGradients

    return VanishingGradients


def test_the_stored_table_is_what_the_library_computes(widget):
    """Every network of it. A bar may differ by three levels of 51, as rounding puts an entry into the next bin."""
    from edfcore.widgets.vanishing import stored

    right, found = table(), stored()
    np.testing.assert_allclose(found["rms"], right["rms"], rtol=1e-4, atol=1e-4)
    assert found["depths"] == list(DEPTHS) and len(found["bars"]) == len(right["bars"])
    a, b = (np.array([ord(c) for c in text]) for text in (found["bars"], right["bars"]))
    assert (np.abs(a - b) <= 3).all() and (a == b).mean() > 0.99
    assert set(found["bars"]) <= set(LEVELS)


def test_the_default_is_a_state_of_the_table():
    default = scene.state()
    assert default in list(grid())


def test_the_table_and_the_module_are_small(widget):
    from edfcore.widgets.base import module
    from edfcore.widgets.page import _plain, element

    assert len(module("vanishing").encode()) <= 30_000
    one = widget(depth=12)
    assert one.mode == "live" and len(json.dumps(_plain(one.data))) <= 100_000
    assert 'data-module="vanishing"' in element(one)
    assert widget.from_state(one.text).state == one.state


def test_a_page_without_python_says_what_it_shows_instead(widget):
    from test_scene_timeline import looked_up

    states = [scene.state(depth=50, width=128), scene.state(phi="relu", skip=True, norm=False), scene.state(gain=2.0)]
    (deep, state), (exact, _), (gained, _) = looked_up("vanishing", widget().data, states)
    assert deep.startswith(
        "Shown: 30 layers, width 64; you asked for 50 layers, width 128, which needs Python. Back through 30 layers"
    )
    assert state == states[0]  # sliders stay, for arrow keys to go on from
    assert exact.startswith("Back through 10 layers of ReLU") and "theory" not in exact
    assert gained.startswith("Shown: weights times 1; you asked for weights times 2, which needs Python. Back")


def test_ones_own_initializer_is_drawn_over_the_other(widget):
    mine = widget(init="xavier", mine=initial("xavier")).overlay(scene.state(init="xavier"))["mine"]
    assert mine["parts_act"] == mine["parts_grad"] == -1
    np.testing.assert_allclose(mine["act"], scene.compute(scene.state(init="xavier"))["act"])
    half = widget(mine=lambda rng, i, j: 0.5 * initial("xavier")(rng, i, j)).overlay(scene.state(init="xavier"))["mine"]
    assert half["parts_act"] == 0 and half["parts_grad"] == 8  # the first weights; the first on the way back of 0 ... 9
    assert half["grad"][0] < 0.01
    orthogonal = widget(mine=lambda rng, i, j: edf.initializers.orthogonal((i, j), rng)).first["mine"]
    assert orthogonal["act"]["shape"] == [10]


def test_ones_own_initializer_is_in_caption_numbers_and_figure_without_a_browser(widget):
    plain, mine = (
        widget(init="xavier"),
        widget(init="xavier", mine=lambda rng, i, j: 0.5 * initial("xavier")(rng, i, j)),
    )
    half = mine.found()["mine"]
    told = f"With your weights the RMS of the gradient at layer 1 is {short(half['grad'][0] / half['grad'][-1])} times"
    assert mine.caption.startswith(plain.caption) and told in mine.caption and told in mine.figure().alt
    assert mine.first["caption"] == mine.caption and "With your" not in plain.caption
    rows = mine.scene.rows(dict(mine.state), mine.found())
    assert rows[0][5:] == ["RMS of h, yours", "of its gradient, yours"] and rows[1][6] == short(half["grad"][0])
    assert mine.figure().png() != plain.figure().png()
    json.dumps(mine.first["rows"])


def test_an_initializer_of_another_kind_is_told(widget):
    with pytest.raises(ShapeError, match="gave a weight of shape \\(64,\\)"):
        widget(mine=lambda rng, i, j: np.ones(i))
    with pytest.raises(DataError, match="a function"):
        widget(mine="xavier")
