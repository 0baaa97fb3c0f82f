"""Schedules: the rates are those of edfcore.schedules, the losses follow, and the texts state what happened."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore import schedules
from edfcore.errors import DataError
from edfcore.figures.schedule import schedule_figure
from edfcore.scenes.schedule import (
    DECAY,
    LAMBDA,
    LONGEST,
    NOISE,
    SEEDS,
    SIGMA,
    START,
    WARM,
    Schedules,
    composed,
    expected,
    expression,
    floor,
    restarts,
    run,
    unread,
)

scene = Schedules()


def of(**given):
    state = scene.state(**given)
    return state, scene.compute(state)


states = st.builds(
    scene.state,
    decay=st.sampled_from([name for name, _ in DECAY]), warm=st.sampled_from([name for name, _ in WARM]),
    lr=st.floats(0.02, 1.6), T=st.integers(60, LONGEST), W=st.integers(0, 100), T_0=st.integers(20, 300),
    T_mult=st.integers(1, 3), step_size=st.integers(5, 150), gamma=st.floats(0.05, 1), k=st.floats(0.1, 10),
    power=st.floats(0.5, 4), eta_min=st.floats(0, 0.5), again=st.booleans(), t=st.integers(0, 100),
)  # fmt: skip


@given(states)
@settings(max_examples=60, deadline=None)
def test_the_expression_gives_the_same_rates(state):
    t, right = np.arange(state["T"]), composed(state)
    again = eval(expression(right), {name: getattr(schedules, name) for name in schedules.__all__})
    np.testing.assert_allclose(again(t), right(t), rtol=1e-8, atol=1e-12)


@given(states)
@settings(max_examples=60, deadline=None)
def test_a_state_survives_its_text(state):
    kept = scene.state_from(scene.text(state))
    assert {n: v for n, v in kept.items() if not isinstance(v, float)} == {
        n: v for n, v in state.items() if not isinstance(v, float)
    }
    assert all(kept[n] == pytest.approx(v, rel=1e-5) for n, v in state.items() if isinstance(v, float))
    assert scene.text(kept) == scene.text(state)


@given(states)
@settings(max_examples=40, deadline=None)
def test_rates_stay_between_zero_and_the_base_rate_and_restarts_are_where_the_rate_jumps_up(state):
    lr = composed(state)(np.arange(state["T"]))
    assert lr.min() >= 0 and lr.max() <= state["lr"] * (1 + 1e-12)
    warmed = state["again"] and state["warm"] != "none" and state["W"] > 0
    for at in restarts(state):
        assert lr[at] == pytest.approx(0.0 if warmed else state["lr"])


def test_warmup_comes_again_before_each_cosine_and_cycles_grow_by_T_mult():
    state = scene.state(again=True, W=10, T_0=30, T_mult=2, T=200)
    lr = composed(state)(np.arange(200))
    assert restarts(state) == [40, 110]  # 10 + 30, and 10 + 60 later
    for start, length in [(0, 30), (40, 60), (110, 120)]:
        np.testing.assert_allclose(lr[start : start + 10], 0.5 * np.arange(10) / 10)
        rest = np.arange(min(length, 200 - start - 10))
        np.testing.assert_allclose(lr[start + 10 : start + 10 + len(rest)], 0.25 * (1 + np.cos(np.pi * rest / length)))


def test_without_warmup_again_is_the_plain_schedule_of_restarts():
    for chosen in ({"warm": "none"}, {"W": 0}):
        state = scene.state(again=True, T_0=50, **chosen)
        assert composed(state) == schedules.CosineWarmRestarts(0.5, T_0=50, T_mult=2)
        assert restarts(state) == schedules.CosineWarmRestarts(0.5, T_0=50, T_mult=2).restarts(200) == [50, 150]


def test_a_setting_that_is_said_to_be_unread_changes_no_rate():
    changed = {
        "step_size": 33, "k": 3.0, "gamma": 0.7, "power": 1.0, "eta_min": 0.2, "T_0": 45, "T_mult": 3, "again": True,
    }  # fmt: skip
    for decay, names in unread().items():
        for name, value in changed.items():
            same = composed(scene.state(decay=decay)) == composed(scene.state(decay=decay, **{name: value}))
            assert same == (name in names), (decay, name)


def test_expected_losses_are_the_mean_over_many_runs():
    rng, lr = np.random.default_rng(0), np.r_[np.full(40, 0.6), np.linspace(0.6, 0.05, 40)]
    N = 4000
    w = np.full((N, len(LAMBDA)), START)
    for rate in lr:
        w -= rate * (LAMBDA * w + SIGMA * rng.standard_normal(w.shape))
    losses = (LAMBDA * w**2 / 2).sum(1)
    error = losses.std() / np.sqrt(N)
    assert abs(losses.mean() - expected(lr)[-1]) < 4 * error < 0.05 * losses.mean()


def test_a_run_is_gradient_descent_with_its_noise():
    noise = NOISE[2, :50]
    lr, w = np.linspace(0.5, 0.1, 50), np.full(len(LAMBDA), START)
    found = [LAMBDA @ w**2 / 2]
    for rate, xi in zip(lr, noise, strict=True):
        w = w - rate * (LAMBDA * w + SIGMA * xi)
        found.append(LAMBDA @ w**2 / 2)
    np.testing.assert_allclose(run(lr, noise), found, rtol=1e-12)


def test_a_constant_rate_ends_on_its_noise_floor():
    for rate in (0.05, 0.5, 1.5):
        assert expected(np.full(3000, rate))[-1] == pytest.approx(floor(rate), rel=1e-9)
    assert floor(0.02) / floor(0.01) == pytest.approx(2, rel=0.01)  # in proportion to a small rate


def test_the_area_of_a_half_cosine_is_half_of_the_constant_rates():
    state, found = of(decay="cosine", warm="none", T=200, lr=0.4)
    assert found["area"] == pytest.approx((200 + 1) * 0.4 / 2)  # the last, 0, is left out of T + 1 points
    assert found["flat_area"] == 80


def test_captions_say_whether_the_loss_falls_stays_or_rises():
    for word, chosen in {
        "lower the expected loss from": {"decay": "cosine"},
        "leave the expected loss at": {"decay": "constant"},
        "raise the expected loss from": {"T_0": 150, "T_mult": 1, "T": 200},
    }.items():
        state, found = of(**chosen)
        assert word in scene.caption(state, found), chosen


def test_the_caption_of_the_default_names_its_numbers():
    state, found = of()
    loss = found["expected"]
    assert loss[200] < loss[150] / 2 and found["flat_end"] > 4 * loss[200]  # the claim is there before it is touched
    told = f"from {loss[150]:.3g} to {loss[200]:.3g}; the constant rate 0.5 ends at {found['flat_end']:.3g}"
    assert told in scene.caption(state, found)


def test_rows_follow_time():
    state, found = of(t=25)
    rows = dict(scene.rows(state, found)[1:])
    assert rows["expected loss after 50 steps"] == edf.scenes.base.short(found["expected"][50])
    assert rows["restarts at"] == "80"
    assert rows["in Python"] == "Warmup(W=20, after=CosineWarmRestarts(lr=0.5, T_0=60, T_mult=2))"
    assert dict(scene.rows(*of(decay="step", t=0))[1:])["restarts at"] == "none"


@pytest.mark.slow
def test_the_figure_says_what_it_shows_and_is_the_same_twice():
    for chosen in ({}, {"decay": "constant", "warm": "none", "t": 0}, {"decay": "onecycle"}):
        state, found = of(**chosen)
        figure = schedule_figure(state, found)
        assert scene.caption(state, found) in figure.alt
        assert figure.png() == schedule_figure(state, found).png()


# In a reader's hands


@pytest.fixture
def composer():
    pytest.importorskip("anywidget")
    from edfcore.widgets import ScheduleComposer

    return ScheduleComposer


def test_ones_own_schedule_is_compared_with_the_composed_one(composer):
    mine = composer(mine=lambda t: 0.5 * t / 20 if t < 20 else 0.5).overlay(scene.state())["mine"]
    assert mine["diverges"] == 21  # the first step at which the cosine has left its top
    same = composer(mine=schedules.Warmup(20, schedules.CosineWarmRestarts(0.5, 60, 2))).overlay(scene.state())["mine"]
    assert same["diverges"] == -1
    np.testing.assert_allclose(same["seen"], scene.compute(scene.state())["seen"])
    assert composer().overlay(scene.state()) is None


def test_a_schedule_that_gives_no_rate_is_told(composer):
    with pytest.raises(DataError, match="mine\\(3\\) gave -1; a finite number"):
        composer(mine=lambda t: -1 if t == 3 else 0.1)
    with pytest.raises(DataError, match="gave None; a finite number"):
        composer(mine=lambda t: None)


def test_a_rate_that_diverges_is_no_error(composer):
    mine = composer(mine=lambda t: 1e5).overlay(scene.state(T=300))["mine"]
    assert np.isinf(mine["expected"][-1]) and np.isinf(mine["seen"][-1]) and np.isfinite(mine["seen"][10])


def test_the_module_and_its_noise_are_small(composer):
    from edfcore.widgets.base import module
    from edfcore.widgets.page import _plain, element

    widget = composer(t=40)
    assert len(module("schedule").encode()) <= 30_000
    assert NOISE.nbytes == 4 * SEEDS * LONGEST * len(LAMBDA) <= 30_000
    assert len(json.dumps(_plain(widget.data))) <= 50_000
    assert widget.expression in str(scene.rows(dict(widget.state), widget.found()))
    assert 'data-module="schedule"' in element(widget) and "Learning-rate schedule" in element(widget)
    assert composer.from_state(widget.text).state == widget.state


def test_what_is_no_schedule_is_told_and_what_mine_raises_keeps_its_kind(composer):
    for wrong in (5, "cosine", lambda t: "x", lambda t: 1j, lambda t: [1, 2]):
        with pytest.raises(DataError, match="mine"):
            composer(mine=wrong)
    with pytest.raises(ZeroDivisionError) as error:
        composer(mine=lambda t: 1 / t)
    assert "mine raised this ZeroDivisionError" in error.value.__notes__[0]


def test_ones_own_is_told_without_a_browser_and_sums_are_compared_plainly(composer):
    made = composer(mine=lambda t: 0.1)
    assert "Your rates part from these at step 0" in made.caption and "Your rates" in made.figure().alt
    assert made.caption.count("of what the constant rate adds up to.") == 1
    assert scene.rows(*of(T=100, t=1))[3][0] == "expected loss after 1 step"
