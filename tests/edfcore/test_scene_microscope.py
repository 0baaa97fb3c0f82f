"""The microscope's entries against loops, finite differences and the code that it shows."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

from edfcore.errors import DataError, ShapeError
from edfcore.figures.microscope import entry_figure
from edfcore.scenes.microscope import LINES, VALUES, Microscope, pointed, whole_numbers

SCENE = Microscope()
NAMES = list(VALUES)
STATES = st.builds(
    SCENE.state, B=st.integers(1, 5), I=st.integers(1, 5), J=st.integers(1, 5), seed=st.integers(0, 99),
    at=st.sampled_from(NAMES), row=st.integers(0, 4), column=st.integers(0, 4),
)  # fmt: skip


def names(found):
    """What the shown code may use: the arrays by name, gradients as attributes of their values."""

    class Array(np.ndarray):
        pass

    scope = {"np": np, "range": range}
    for name in ("x", "W", "beta", "y", "z"):
        scope[name] = found[name].view(Array)
        scope[name].grad = found["z_grad" if name == "y" else f"{name}_grad"].copy()
    return scope


@given(STATES)
@settings(max_examples=60, deadline=None)
def test_gradients_are_the_derivatives_of_the_weighted_sum_of_z(state):
    found = SCENE.compute(state)
    value = lambda x, W, beta: ((x @ W + beta) * found["z_grad"]).sum()  # noqa: E731
    given_ = {name: found[name] for name in ("x", "W", "beta")}
    for name, array in given_.items():
        for at in np.ndindex(array.shape):
            step = np.zeros(array.shape)
            step[at] = 1.0  # linear in each: differences are exact
            change = value(**(given_ | {name: array + step})) - value(**given_)
            assert found[f"{name}_grad"][at] == pytest.approx(change, abs=1e-9)


@given(STATES)
@settings(max_examples=60, deadline=None)
def test_the_shown_loop_and_einsum_give_the_entry(state):
    found, scope = SCENE.compute(state), {}
    scope = names(found)
    assert eval(found["einsum"], scope) == pytest.approx(found["value"])
    value, at = VALUES[state["at"]], pointed(state, found)
    target, _, attribute = value.name.partition(".")
    if attribute:
        scope[target].grad = np.zeros_like(scope[target].grad)
    else:
        scope[target] = np.zeros_like(scope[target])
    exec(found["loop"], scope)
    made = scope[target].grad if attribute else scope[target]
    index = tuple(at[letter] for letter in value.carries)
    assert made[index] == pytest.approx(found["value"])
    made[index] = 0
    assert not made.any()


@given(STATES)
@settings(max_examples=60, deadline=None)
def test_the_numbers_of_the_equation_give_the_entry(state):
    found = SCENE.compute(state)
    _, sum_, total = found["equation"].split(" = ")
    assert eval(sum_) == float(total) == found["value"]
    assert sum(found["terms"]) == found["value"]
    assert SCENE.rows(state, found)[-1][-1] == total
    assert all(len(row) == len(SCENE.rows(state, found)[0]) for row in SCENE.rows(state, found))


@pytest.mark.parametrize("name", LINES)
def test_the_line_of_backward_gives_the_whole_gradient(name):
    found = SCENE.compute(SCENE.state(at=name))
    scope = names(found)
    target = scope[name.partition(".")[0]]
    target.grad = np.zeros_like(target.grad)
    exec(found["backward"], scope)
    np.testing.assert_allclose(target.grad, found[name.replace(".", "_")])


def test_what_the_entries_of_z_and_y_send_back_adds_up_to_the_gradients():
    sizes = {"B": 3, "I": 4, "J": 2}
    scope = names(SCENE.compute(SCENE.state(**sizes)))
    right = {name: scope[name].grad.copy() for name in ("x", "W", "beta")}
    for name in right:
        scope[name].grad = np.zeros_like(right[name])
    for b, j in np.ndindex(3, 2):
        shown = SCENE.compute(SCENE.state(at="z", row=b, column=j, **sizes))["backward"]
        exec(shown.split("\n")[1], scope)  # the first line is that of y.grad, which is z.grad here
        exec(SCENE.compute(SCENE.state(at="y", row=b, column=j, **sizes))["backward"], scope)
    for name, gradient in right.items():
        np.testing.assert_allclose(scope[name].grad, gradient)


@pytest.mark.parametrize("name", NAMES)
def test_only_gradients_of_parameters_change_with_another_instance(name):
    """Change one instance and its upstream gradient: an entry of another instance stays, a sum over b does not."""
    state = SCENE.state(at=name, row=0, column=0)
    found = SCENE.compute(state)
    x, g = found["x"].copy(), found["z_grad"].copy()
    x[3], g[3] = x[3] + 1, g[3] + 1
    y = x @ found["W"]
    made = {"y": y, "z": y + found["beta"], "x.grad": g @ found["W"].T, "W.grad": x.T @ g, "beta.grad": g.sum(0)}
    changed = np.ravel(made[name])[0] != found["value"]
    assert changed == (VALUES[name].sums == "b")
    assert ("one from each instance of the batch" in SCENE.caption(state, found)) == changed


def test_captions_name_the_entry_its_index_and_the_count_of_terms():
    told = lambda **given: SCENE.caption(SCENE.state(**given), SCENE.compute(SCENE.state(**given)))  # noqa: E731
    assert "is the sum over b, the index that it lacks: 4 terms, one from each instance" in told()
    assert "sum over i, the index that it lacks: 3 terms, all from instance 2." in told(at="y", row=2)
    assert "sum over j, the index that it lacks: 1 term, all" in told(at="x.grad", J=1)
    assert "nothing is summed. beta[1] lacks b" in told(at="z", column=1)
    assert told(at="beta.grad", column=1, row=4).startswith("beta.grad[1] =")


def test_a_place_outside_a_smaller_matrix_moves_to_its_edge():
    found = SCENE.compute(SCENE.state(at="W.grad", I=2, J=1, row=4, column=4))
    assert (found["row"], found["column"]) == (1, 0)


def test_a_matrix_that_grows_keeps_its_entries():
    np.testing.assert_array_equal(whole_numbers(7, (5, 4), 3)[:2, :3], whole_numbers(7, (2, 3), 3))


def test_entries_are_small_whole_numbers_of_all_kinds_and_seeds_differ():
    blocks = np.array([whole_numbers(seed, (5, 5), 3) for seed in range(400)])
    counts = [np.mean(blocks == k) for k in range(-3, 4)]
    assert sum(counts) == pytest.approx(1) and min(counts) > 0.12 and max(counts) < 0.17
    assert len({block.tobytes() for block in blocks}) == 400
    flat = blocks.reshape(400, -1)
    assert abs(np.mean(flat[1:] * flat[:-1])) < 0.2  # uncorrelated: 4 where seeds gave the same block


@given(STATES)
@settings(max_examples=60, deadline=None)
def test_the_state_as_text_comes_back(state):
    assert SCENE.state_from(SCENE.text(state)) == state


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_figure_says_what_it_shows_and_is_the_same_twice(name):
    state = SCENE.state(at=name)
    found = SCENE.compute(state)
    first, second = entry_figure(state, found), entry_figure(state, found)
    assert SCENE.caption(state, found) in first.alt and found["equation"] in first.alt
    assert first.png() == second.png()


def test_the_figure_frames_the_entry_and_its_factors_and_nothing_else():
    state = SCENE.state(at="W.grad")
    made = entry_figure(state, SCENE.compute(state))
    bold = {ax.get_title(): sum(text.get_weight() == "bold" for text in ax.texts) for ax in made.axes}
    assert {title: n for title, n in bold.items() if n} == {"x, given": 4, "W.grad": 1, "y.grad = z.grad, given": 4}


def widget(**given):
    pytest.importorskip("anywidget")
    from edfcore.widgets.microscope import BatchMicroscope

    return BatchMicroscope(**given)


def test_the_right_backward_of_a_reader_is_found_right_in_every_state():
    seen = widget(mine=lambda grad, x, W: (grad @ W.T, x.T @ grad))
    for state in ({}, {"B": 1, "I": 5, "J": 4, "seed": 8}):
        assert seen.overlay(SCENE.state(**state))["mine"]["told"] == "Your backward gives the gradients of edfcore."


def test_a_wrong_backward_is_named_at_its_first_wrong_entry():
    def averaged(grad, x, W):
        return grad @ W.T, x.T @ grad / len(x)

    mine = widget(mine=averaged).overlay(SCENE.state())["mine"]
    found = SCENE.compute(SCENE.state())
    first = tuple(int(k) for k in np.argwhere(found["W_grad"] != 0)[0])
    assert f"parts from edfcore's at W.grad[{first[0]},{first[1]}]" in mine["told"]
    nan = widget(mine=lambda grad, x, W: (np.nan * x, x.T @ grad)).overlay(SCENE.state())["mine"]
    assert "at x.grad[0,0]: yours is undefined" in nan["told"]


def test_a_backward_of_the_wrong_shape_is_told():
    with pytest.raises(ShapeError, match=r"your W.grad has shape \(2, 3\); \(3, 2\), the shape of W, is needed"):
        widget(mine=lambda grad, x, W: (grad @ W.T, grad.T @ x))


def test_a_reader_cannot_change_what_is_shown():
    def spoiling(grad, x, W):
        made = grad @ W.T, x.T @ grad
        grad[:], x[:], W[:] = 0, 0, 0
        return made

    seen = widget(mine=spoiling)
    assert seen.overlay(SCENE.state())["mine"]["told"] == "Your backward gives the gradients of edfcore."


def test_the_widget_is_made_of_one_small_module_and_a_picture_with_its_caption():
    from edfcore.widgets.page import element

    seen = widget(at="y", row=2)
    assert len(seen._esm.encode()) <= 30_000 and "sum_" in seen._esm
    shown = element(seen)
    assert 'data-module="microscope"' in shown and "y[2,0] =" in shown
    with pytest.raises(DataError, match="it lies between 1 and 5"):
        widget(B=6)
    assert SimpleNamespace(**seen.state).at == "y"


@pytest.mark.parametrize("mine, told", [
    (4, "mine is 4"), (lambda g, x, W: None, "gave None; two arrays"), (lambda g, x, W: (x,), "two arrays"),
    (lambda g, x, W: (x, W, g), "two arrays"), (lambda g, x, W: (1j * x, W), "complex numbers"),
    (lambda g, x, W: ("x", W), "mine, as x.grad, gave 'x'"),
])  # fmt: skip
def test_what_is_no_backward_is_refused_in_a_sentence(mine, told):
    with pytest.raises(DataError, match=told):
        widget(mine=mine)


def test_one_instance_is_the_only_one_and_ones_own_is_told_without_a_browser():
    state = SCENE.state(B=1)
    assert "1 term, from the only instance of the batch." in SCENE.caption(state, SCENE.compute(state))
    made = widget(mine=lambda grad, x, W: (grad @ W.T, 2 * (x.T @ grad)))
    assert "Your backward parts" in made.caption and "Your backward parts" in made.figure().alt
