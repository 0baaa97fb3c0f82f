"""Optimizer paths: what a reader's own optimizer does, and what captions say at the edges."""

import warnings

import numpy as np
import pytest

from edfcore.errors import DataError
from edfcore.figures.paths import paths_figure
from edfcore.optimizers import SGD
from edfcore.scenes.paths import Paths, factor
from edfcore.widgets import OptimizerPaths

SCENE = Paths()


def told(**given):
    state = SCENE.state(**given)
    return SCENE.caption(state, SCENE.compute(state))


@pytest.mark.parametrize("lr", [1e7, 1e300])
def test_an_optimizer_that_diverges_is_shown_until_it_does_without_a_warning(lr):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = OptimizerPaths(mine=lambda graph: SGD(graph, lr=lr), against="gd")
        mine = made.overlay(dict(made.state))["mine"]
        figure = made.figure()
        figure.png()
    step = int(np.isinf(mine["loss"]).argmax())
    assert 0 < step == int(np.isinf(mine["path"][:, 0]).argmax()) and np.isinf(mine["loss"][step:]).all()
    assert mine["diverges"] == 1
    assert mine["told"] == f"Yours diverges at step {step}. It parts from gradient descent at step 1."
    assert mine["told"] in made.caption and mine["told"] in figure.alt


class Steps:
    """An optimizer that puts `value` in the place of w."""

    def __init__(self, graph, value):
        self.param, self.value = graph.params[0], value

    def step(self):
        self.param.value = self.value


@pytest.mark.parametrize("mine, words", [
    (3, "mine is 3"), ("sgd", "mine is 'sgd'"), (lambda g: None, "gave None; an object with step"),
    (lambda g: "sgd", "gave 'sgd'; an object"),
    (lambda g: Steps(g, np.zeros(3)), "a step of mine gave an array of shape"),
    (lambda g: Steps(g, np.array([1j, 0])), "complex numbers"), (lambda g: Steps(g, None), "a step of mine gave None"),
])  # fmt: skip
def test_what_is_no_optimizer_is_refused_in_a_sentence(mine, words):
    with pytest.raises(DataError, match=words):
        OptimizerPaths(mine=mine)


def test_what_mine_raises_itself_keeps_its_kind_and_gets_a_note():
    with pytest.raises(KeyError) as error:
        OptimizerPaths(mine=lambda graph: {}["lr"])
    assert "mine raised this KeyError" in error.value.__notes__[0]


def test_a_start_on_the_flat_axis_would_diverge_elsewhere():
    words = told(angle=0, lr=2.1, x0=2, y0=0, hb=False)
    assert "1.1 predicted, 0.58 measured, would diverge from nearly every start" in words and "it diverges" not in words


def test_a_start_in_the_minimum_does_not_move_and_has_no_rate():
    state = SCENE.state(x0=0, y0=0, adam=True)
    found = SCENE.compute(state)
    assert SCENE.caption(state, found) == "The start is the minimum: the gradient is 0 there, and nothing moves."
    assert {row[-1] for row in SCENE.rows(state, found)[1:]} == {"none"}
    paths_figure(state, found).png()


def test_rates_near_1_are_told_with_more_digits_and_none_is_none():
    assert [factor(v) for v in (0.9998, 0.999999, 1.000001, 1.0, 0.58)] == [
        "0.9998",
        "just below 1",
        "just above 1",
        "1",
        "0.58",
    ]
    assert "0.9998 predicted" in told(kappa=100, lr=0.02)
    state = SCENE.state(adam=True)
    assert SCENE.rows(state, SCENE.compute(state))[-1][3] == "none"


def test_captions_say_over_which_steps_a_rate_is_measured_and_count_in_english():
    assert "measured over the last 20 of 60 steps" in told() and told(t=1).startswith("After 1 step at")
