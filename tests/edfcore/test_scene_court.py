"""Optimizer court: the table is what the optimizers do, rates are the best of the grid, verdicts follow from both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfcore.errors import DataError
from edfcore.figures.court import court_figure
from edfcore.optimizers import SGD, Adam
from edfcore.scenes.court import (
    BEATS,
    BEST,
    FLOOR,
    LAST,
    LR,
    OPTIMIZERS,
    PROBLEMS,
    Court,
    T,
    best_rates,
    case,
    rings,
    run,
    score,
    table,
    tried,
)  # fmt: skip
from edfcore.widgets import OptimizerCourt
from edfcore.widgets.base import module, packed
from edfcore.widgets.court import own, shipped
from edfcore.widgets.page import element

scene, KINDS = Court(), list(OPTIMIZERS)
states = st.builds(scene.state, first=st.sampled_from(KINDS), second=st.sampled_from(KINDS), t=st.integers(0, T))
BY_NAME = {p.name: p for p in PROBLEMS}


def of(**given):
    state = scene.state(**given)
    return state, scene.compute(state)


# Problems


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.name not in ("seldom seen", "rare large gradient")])
def test_without_noise_a_gradient_is_that_of_the_loss(problem):
    w, h = np.array(problem.start) + 0.01, 1e-6
    slopes = [(problem.loss(w + h * e) - problem.loss(w - h * e)) / (2 * h) for e in np.eye(len(w))]
    shown = problem.gradient(w, 0, 0)
    if problem.samples > 1:  # the noise of every step and sample is the same at every place
        shown = shown - problem.gradient(np.zeros_like(w), 0, 0)
    assert np.allclose(shown, slopes, rtol=1e-5)


def test_gradients_that_come_seldom_and_the_rare_large_one_have_the_right_mean():
    seldom, rare = BY_NAME["seldom seen"], BY_NAME["rare large gradient"]
    shown = np.array([seldom.gradient(np.array([1.0, 2.0]), t, 0) for t in range(20)])
    assert (shown[:, 0] == 10).all() and np.flatnonzero(shown[:, 1]).tolist() == [0, 10]
    slope = rare.loss(np.array([0.5])) - rare.loss(np.array([-0.5]))
    assert np.mean([rare.gradient(np.zeros(1), t, 0) for t in range(T)]) == pytest.approx(slope)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_least_loss_is_0_and_the_start_is_above_it(problem):
    rng = np.random.default_rng(0)
    box = min(problem.box, 6)
    near = [problem.loss(rng.uniform(-box, box, len(problem.start))) for _ in range(500)]
    least = {"rare large gradient": [-1.0], "saddle": [1.0, 0.0]}.get(problem.name, np.zeros(len(problem.start)))
    assert problem.loss(np.array(least)) == 0 <= min(near)
    assert problem.loss(np.array(problem.start)) > 0.1


# Runs


def test_gradient_descent_on_the_bowl_is_a_power():
    path, loss = run(lambda graph: SGD(graph, lr=0.1), BY_NAME["bowl"])
    assert np.allclose(path[:, 0], 1.3 * 0.9 ** np.arange(T + 1), rtol=1e-12)
    assert np.allclose(loss, path[:, 0] ** 2 / 2)


def test_a_run_is_that_of_the_optimizers_own_minimize():
    problem = BY_NAME["turned canyon"]
    path, loss = run(lambda graph: Adam(graph, lr=0.05), problem)
    found = Adam(lr=0.05).minimize(lambda w: (problem.loss(w), problem.gradient(w, 0, 0)), problem.start, steps=T)
    assert np.allclose(path, found.trajectory) and np.allclose(loss, found.values)


def test_what_diverges_counts_as_infinite_and_a_box_is_never_left():
    _, loss = run(lambda graph: SGD(graph, lr=10.0), BY_NAME["canyon"])
    assert np.isinf(loss[-1]) and score(loss) == np.inf
    path, _ = run(lambda graph: SGD(graph, lr=10.0), BY_NAME["rare large gradient"])
    assert np.abs(path).max() == 1


@pytest.mark.slow
def test_the_stored_rates_are_the_best_of_the_grid():
    assert [[int(digit, 16) for digit in row] for row in BEST] == best_rates().tolist()


def test_the_table_is_what_the_optimizers_do():
    all_, rng = table(), np.random.default_rng(1)
    single = len(all_["line"])
    assert [len(p.start) for p in PROBLEMS] == [1] * single + [2] * (len(PROBLEMS) - single)
    for p, k in rng.integers(0, (len(PROBLEMS), len(KINDS)), (20, 2)):
        path, loss = run(lambda g, p=p, k=k: OPTIMIZERS[KINDS[k]][1](g, lr=all_["rates"][p, k]), PROBLEMS[p])
        stored = all_["line"][p, k][:, None] if p < single else all_["plane"][p - single, k]
        assert np.allclose(stored, path, rtol=1e-6) and np.allclose(all_["losses"][p, k], loss, rtol=1e-6)
        assert all_["scores"][p, k] == max(loss[-LAST:].mean(), FLOOR)


def test_no_other_rate_of_the_grid_scores_better():
    p, k = 5, 0
    assert table()["scores"][p, k] == tried(SGD, PROBLEMS[p]).min()
    assert table()["rates"][p, k] == LR[tried(SGD, PROBLEMS[p]).argmin()]


def test_a_ring_of_a_quadratic_is_an_ellipse():
    found = rings(BY_NAME["canyon"])
    values = [[BY_NAME["canyon"].loss(w) for w in ring] for ring in found]
    start = BY_NAME["canyon"].loss(np.array(BY_NAME["canyon"].start))
    assert np.allclose(values, start * 4.0 ** np.arange(-3, 1)[:, None], rtol=1e-6)


# Verdicts


def test_a_case_is_the_smallest_problem_won_then_the_clearest_else_the_closest():
    one = np.ones(len(PROBLEMS))

    def wins(**at):
        ratio = one.copy()
        for name, value in at.items():
            ratio[[p.name for p in PROBLEMS].index(name)] = value
        return PROBLEMS[case(ratio, one)].name

    assert wins(canyon=1e-9, kink=0.4) == "kink"  # one coordinate before two
    assert wins(bowl=0.4, kink=0.3) == "kink"  # then the clearer
    assert wins(canyon=0.6, kink=0.9) == "canyon"  # nothing won: the closest


@given(states)
def test_wins_are_counted_as_a_reader_would_from_the_rows(state):
    found = scene.compute(state)
    a, b = found["pair"].astype(int)
    head, *rows = scene.rows(state, found)
    assert len(rows) == len(PROBLEMS)
    wins = [int((found["scores"][:, i] <= BEATS * found["scores"][:, j]).sum()) for i, j in [(0, 1), (1, 0)]]
    assert [found["wins"][a, b], found["wins"][b, a]] == wins
    if a != b:
        name = OPTIMIZERS[state["first"]][0]
        assert sum(row[-1] == name for row in rows) == wins[0]


def test_no_optimizer_is_unbeaten_as_the_caption_says_from_the_scores():
    scores = table()["scores"]
    beaten = (scores.min(1, keepdims=True) <= BEATS * scores).sum(0)  # beaten by the best of a problem, if by any
    assert beaten.min() > 0
    name = OPTIMIZERS[KINDS[beaten.argmin()]][0]
    told = scene.caption(*of())
    assert f"No optimizer is unbeaten: {name}, beaten least often, is beaten on {beaten.min()} of 10." in told
    found = of()[1] | {"beaten": np.array([1.0, 0, 2, 2, 2, 2, 2, 2])}
    assert scene.caption(scene.state(), found).endswith("Heavy ball is beaten by none on all 10.")


def test_the_caption_is_honest_where_neither_beats_the_other_or_both_are_one():
    told = scene.caption(*of(first="adam", second="adamw"))
    assert "Adam beats AdamW on 0 of 10; the closest:" in told and "AdamW beats Adam on 0 of 10" in told
    assert "chosen twice" in scene.caption(*of(first="adam", second="adam"))


@given(states)
def test_a_state_is_text_and_back(state):
    assert scene.state_from(scene.text(state)) == state


# Figure and widget


@pytest.mark.slow
def test_the_figure_says_what_it_shows_and_is_the_same_twice():
    for given_ in [{}, {"first": "adam", "second": "adamw", "t": 7}]:
        state, found = of(**given_)
        one = court_figure(state, found)
        assert scene.caption(state, found) in one.alt
        assert one.png() == court_figure(state, found).png()


def size_of(value):
    if isinstance(value, dict):
        return sum(map(size_of, value.values()))
    if isinstance(value, list):
        return sum(map(size_of, value))
    return len(value) if isinstance(value, bytes | str) else 8


def test_the_widget_becomes_an_element_its_module_and_its_table_are_small():
    assert 'data-module="court"' in element(OptimizerCourt(first="rprop"))
    assert len(module("court").encode()) <= 30_000
    assert size_of(packed(shipped())) <= 80_000


def test_an_optimizer_of_ones_own_tries_the_same_rates():
    mine, k = own(lambda graph, lr: Adam(graph, lr=lr)), KINDS.index("adam")
    assert np.array_equal(mine["scores"], table()["scores"][:, k])
    assert np.array_equal(mine["rates"], table()["rates"][:, k])
    assert np.allclose(mine["losses"], table()["losses"][:, k])
    assert OptimizerCourt(mine=lambda graph, lr: SGD(graph, lr=lr)).live


@pytest.mark.parametrize("mine, told", [
    (3, "mine is 3"), (lambda g, lr: None, "gave None; an object with step"), (lambda g, lr: "sgd", "gave 'sgd'"),
])  # fmt: skip
def test_what_is_no_optimizer_is_refused_in_a_sentence(mine, told):
    with pytest.raises(DataError, match=told):
        OptimizerCourt(mine=mine)


def test_a_solved_problem_is_told_as_such_and_the_rules_are_shown():
    told = scene.caption(*of())
    assert "bowl, solved (below 1e-12) against 0.00175" in told and " 1e-12 to" not in told
    assert "last 20 of 60 steps" in shipped()["rules"] and "13 rates, 0.00001 to 10" in shipped()["rules"]
    assert scene.caption(*of(first="hb", second="adam")).startswith("Heavy ball beats")


def test_ones_own_is_told_without_a_browser():
    made = OptimizerCourt(mine=lambda graph, lr: SGD(graph, lr=lr))
    assert "Yours beats SGD on 0 and Adam on 3 of 10 problems." in made.caption and "Yours" in made.figure().alt
