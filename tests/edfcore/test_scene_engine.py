"""Break the engine: the loop with all ideas on is the engine; each idea has graphs that need it and graphs that do not.

Gradients are compared with derivatives by hand, of l = f(x) on numbers small enough for it.
"""

import json
import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edfcore as edf
from edfcore.figures.engine import engine_figure
from edfcore.scenes.engine import (
    GRAPHS,
    IDEAS,
    Engine,
    backward,
    breadth_first,
    built,
    plain,
    right_gradients,
    step_told,
    table,
)

scene = Engine()


def of(**given):
    state = scene.state(**given)
    return state, scene.compute(state)


def ideas(**off):
    """All ideas on but those that are given."""
    return dict.fromkeys(IDEAS, True) | off


states = st.builds(
    scene.state, graph=st.sampled_from(list(GRAPHS)), t=st.integers(0, 4), **{i: st.booleans() for i in IDEAS}
)


def random_graph(rng, nodes, B):
    """A graph of entrywise components on an input and parameters, with sharing and broadcasting; its loss."""
    with edf.Graph() as graph:
        x = edf.Input("x", grad=bool(rng.integers(2)))
        x.set(rng.normal(size=(B, 3)))
        there = [x, edf.Param(rng.normal(size=3)), edf.Param(rng.normal(size=(1, 3))), edf.Param(rng.normal())]
        for _ in range(nodes):
            one, two = (there[k] for k in rng.integers(len(there), size=2))
            made = [edf.Add, edf.Mul, edf.Sub, lambda a, b: edf.Tanh(a), edf.Maximum][rng.integers(5)](one, two)
            there.append(made)
        total = x * there[-1] + there[-2]
        loss = edf.SquaredLoss(total, edf.Sigmoid(x))
    graph.Forward()
    return graph, loss


@pytest.mark.parametrize("seed", range(40))
def test_with_all_ideas_on_the_loop_gives_the_engine_s_gradients_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    graph, loss = random_graph(rng, int(rng.integers(1, 12)), int(rng.integers(1, 5)))
    graph.Backward(loss)
    right = [None if n.grad is None else n.grad.copy() for n in graph.nodes]
    shares = list(backward(graph, loss))
    assert len(shares) >= 2
    for node, grad in zip(graph.nodes, right, strict=True):
        assert (node.grad is None) == (grad is None)
        assert grad is None or np.array_equal(node.grad, grad)


@pytest.mark.parametrize("seed", range(10))
def test_breadth_first_reaches_each_node_once_the_nearest_first(seed):
    rng = np.random.default_rng(seed)
    graph, loss = random_graph(rng, 10, 2)
    reached = breadth_first(loss)
    assert len(set(reached)) == len(reached) and set(reached) == set(graph.order(loss))
    away = {loss: 0}
    for node in reversed(graph.order(loss)):  # each after all of its users
        for arg in node.args:
            away[arg] = min(away.get(arg, 99), away[node] + 1)
    assert [away[n] for n in reached] == sorted(away[n] for n in reached)


HAND = {  # the gradient of the first node that has one, by calculus
    "chain": [-2 * 3.0], "twice": [2 * 3.0], "arms": [3 * (-2.0) ** 2 * -1], "swapped": [3 * (-2.0) ** 2 * -1],
    "mean": [2 * 2 / 2, 2 * 4 / 2], "bias": [(2 * 3 + 2 * 5) / 2], "all": [(3 * 2**2 + 3 * 4**2) / 2],
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_right_gradients_are_those_by_hand(name):
    assert next(g for g in right_gradients(name) if g) == pytest.approx(HAND[name])


@pytest.mark.parametrize(
    ("graph", "off", "node", "got"),
    [
        ("twice", "add", 0, [3.0]),  # the second share, 3, in place of 3 + 3
        ("arms", "order", 0, [-4.0]),  # h hands on q = 4 before q's share, 8, has come
        ("bias", "unbroadcast", 1, [3.0, 5.0]),  # 2 h / 2 of each instance, not its sum
        ("mean", "mean", 0, [4.0, 8.0]),  # 2 x, not 2 x / 2
    ],
)
def test_each_idea_has_a_graph_on_which_its_absence_gives_this_wrong_number(graph, off, node, got):
    _, found = of(graph=graph, **ideas(**{off: False}))
    assert found["final"][node] == got and found["wrong"][node]
    assert found["noticed"] == [off] and found["unnoticed"] == []


@pytest.mark.parametrize("idea", IDEAS)
def test_each_idea_has_graphs_on_which_nobody_notices_its_absence(idea):
    quiet = [g for g in GRAPHS if not any(of(graph=g, **ideas(**{idea: False}))[1]["wrong"])]
    assert "chain" in quiet and "all" not in quiet
    assert "arms" in quiet or idea in ("order", "add")


def test_the_order_of_the_factors_decides_whether_a_wrong_order_is_noticed():
    _, apart = of(graph="arms", **ideas(order=False))
    _, swapped = of(graph="swapped", **ideas(order=False))
    assert apart["first"] == 0 and swapped["first"] == -1
    assert not apart["wrong"][1]  # h itself is right in the end; it had handed on too little


def test_on_the_largest_graph_every_combination_is_wrong_and_every_idea_noticed():
    for flags in product((True, False), repeat=4):
        _, found = of(graph="all", **dict(zip(IDEAS, flags, strict=True)))
        assert any(found["wrong"]) == (not all(flags))
        assert found["noticed"] == [n for n, on in zip(IDEAS, flags, strict=True) if not on]


@given(states)
def test_what_is_wrong_is_explained_and_what_is_right_is_not_blamed(state):
    found = scene.compute(state)
    off = [n for n in IDEAS if not state[n]]
    assert sorted(found["noticed"] + found["unnoticed"]) == sorted(off)
    assert bool(found["noticed"]) == (found["first"] >= 0) == any(found["wrong"])
    text = scene.caption(state, found)
    assert ("is right:" in text) == any(found["wrong"])
    assert ("All four ideas" in text) == (not off)


@given(states)
def test_a_state_survives_as_text(state):
    assert scene.state_from(scene.text(state)) == state


def test_the_shares_of_a_node_add_up_to_its_gradient():
    _, found = of(graph="all", **ideas())
    for k, right in enumerate(found["right"][:-1]):
        shares = [share for _, arg, share, _ in found["steps"] if arg == k]
        assert not right and not shares or np.allclose(np.sum(shares, axis=0), right)


def test_time_fills_the_gradients_in():
    empty = [sum(not g for g in of(graph="all", t=t, **ideas())[1]["grads"]) for t in range(5)]
    assert empty == [4, 3, 2, 2, 1]  # h, q, h again, b; x never


def test_the_caption_tells_the_step_and_the_verdict():
    state, found = of(t=3)
    told = scene.caption(state, found)
    assert told.startswith("Share 3 of 4: h hands x -4, so x.grad is -4. Without the reverse topological order, x.grad")
    assert "-4 where -12 is right" in told
    assert step_told(*of(t=4)) == "" and step_told(*of(t=0)).endswith("l.grad is 1. ")


def test_rows_hold_right_and_wrong_gradients():
    rows = scene.rows(*of(graph="bias", **ideas(unbroadcast=False)))
    assert rows[2] == ["b", "1", "8", "[3, 5] (wrong)"]
    assert {len(r) for r in rows} == {4}


@pytest.mark.slow
@given(states)
@settings(max_examples=10, deadline=None)
def test_the_figure_has_alternative_text_and_the_same_bytes_twice(state):
    found = scene.compute(state)
    one, two = engine_figure(state, found), engine_figure(state, found)
    assert scene.caption(state, found) in one.alt and one.png() == two.png()


@pytest.mark.slow
@given(states)
def test_the_table_holds_what_the_engine_computes(state):
    made = table()
    graph = made["graphs"][state["graph"]]
    outcome, quiet = graph["points"][sum(state[i] << (3 - k) for k, i in enumerate(IDEAS))]
    found = scene.compute(state)
    assert all(made["outcomes"][outcome][k] == found[k] for k in ("final", "wrong", "first", "steps"))
    assert [i for k, i in enumerate(IDEAS) if quiet >> k & 1] == found["unnoticed"]


def test_the_table_is_small():
    assert len(json.dumps(table(), separators=(",", ":"))) < 20_000


# The widget

widgets = pytest.importorskip("edfcore.widgets")
pytest.importorskip("anywidget")


def test_the_module_is_within_its_size():
    from edfcore.widgets.base import module

    assert len(module("engine").encode()) <= 30_000


def test_the_page_shows_the_widget_and_its_caption():
    from edfcore.widgets.page import element

    shown = element(widgets.BreakTheEngine(graph="twice", order=True, add=False))
    assert 'data-module="engine"' in shown and "x.grad is 3 where 6 is right" in shown
    assert json.loads(re.search(r'json">(.*)</script>', shown)[1])["mode"] == "table"


def test_a_right_loop_of_the_reader_s_is_right_everywhere_and_a_wrong_one_is_marked():
    right = widgets.BreakTheEngine(mine=lambda graph, loss: graph.Backward(loss))
    assert right.live and right.overlay(dict(right.state))["mine"]["diverges"] == -1

    def twice(graph, loss):
        graph.Backward(loss, seed=2.0)

    wrong = widgets.BreakTheEngine(mine=twice).overlay(scene.state())["mine"]
    assert wrong["diverges"] == 3 and wrong["wrong"] == [True] * 4 and wrong["grads"][0] == [-24.0]


def test_a_loop_that_fills_nothing_is_wrong_where_a_gradient_is_due():
    found = widgets.BreakTheEngine(mine=lambda graph, loss: None, graph="bias").found()
    assert found["mine"]["wrong"] == [False, True, True, True]
    assert scene.rows(scene.state(graph="bias"), found)[0][-1] == "yours"


def test_the_graph_of_a_scene_is_made_anew_each_time():
    graph, nodes, loss = built("arms")
    again, _, _ = built("arms")
    assert graph is not again and plain(loss.value) == [8.0] and len(nodes) == 4
