"""Broadcasting against NumPy itself: shapes, strides, words; the sums of backward against finite differences."""

import re

import numpy as np
import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

from edfcore.errors import DataError
from edfcore.figures.broadcasting import broadcasting_figure
from edfcore.scenes.broadcasting import (
    EXAMPLES,
    Broadcasting,
    clashing,
    drawn,
    mended,
    numbers,
    shape_of,
    source,
    summed_over,
)

SCENE = Broadcasting()
SHAPES = st.lists(st.sampled_from([1, 1, 2, 3, 7]), max_size=4).map(tuple)
TEXTS = st.one_of(SHAPES.map(lambda shape: ",".join(map(str, shape))), st.text("0123456789,() x", max_size=12))
PLACES = st.integers(0, 999)
STATES = st.builds(
    SCENE.state, a=TEXTS, b=TEXTS, bytes=st.sampled_from([8, 4, 2]), sheet=PLACES, row=PLACES, column=PLACES
)


def shown(a, b, **more):
    state = SCENE.state(a=",".join(map(str, a)), b=",".join(map(str, b)), **more)
    return state, SCENE.compute(state)


@given(SHAPES, SHAPES)
@settings(max_examples=150, deadline=None)
def test_the_result_or_the_clash_is_that_of_numpy(a, b):
    state, found = shown(a, b)
    try:
        total = numbers("a", a) + numbers("b", b)
    except ValueError as error:
        assert not found["fits"] and str(error).strip() in SCENE.caption(state, found)
        axes = [int(k) for k in re.findall(r"\d+", found["why"].partition(" clash")[0])]
        width = max(len(a), len(b))
        assert axes == found["clashes"].tolist()
        for axis in axes:
            assert a[axis - width] != b[axis - width]
            assert f"{a[axis - width]} in a and {b[axis - width]} in b" in found["why"]
    else:
        assert tuple(found["shape"]) == total.shape and found["copied"] == total.nbytes
        assert found["entry"] == total[tuple(found["index"].astype(int))]
        left, right = found["point"].rsplit(" = ", 1)
        assert float(right) == found["entry"] == eval(left.rsplit(" = ", 1)[1])


@given(SHAPES, SHAPES)
@settings(max_examples=100, deadline=None)
def test_the_gradient_of_each_argument_is_a_sum_over_the_named_axes(a, b):
    _, found = shown(a, b)
    if not found["fits"]:
        return
    result = tuple(found["shape"].astype(int))
    upstream = np.arange(1.0, 1 + np.prod(result, dtype=int)).reshape(result)
    for name, shape in (("a", a), ("b", b)):
        one, other = numbers(name, shape), numbers("ab".replace(name, ""), b if name == "a" else a)
        value = lambda array, other=other: ((array + other) * upstream).sum()  # noqa: E731
        change = np.zeros(shape)
        for at in np.ndindex(shape):
            step = np.zeros(shape)
            step[at] = 1.0
            change[at] = value(one + step) - value(one)
        summed = upstream.sum(axis=tuple(found[f"sums_{name}"].astype(int))).reshape(shape)
        np.testing.assert_allclose(summed, change)
        assert tuple(found[f"grad_{name}"]) == shape
        assert found[f"repeats_{name}"] * np.prod(shape) == np.prod(result)


@given(SHAPES, SHAPES, st.sampled_from([8, 4, 2]))
@settings(max_examples=100, deadline=None)
def test_a_stride_is_zero_where_an_axis_is_read_again_and_again(a, b, size_of_entry):
    _, found = shown(a, b, bytes=size_of_entry)
    for name, shape in (("a", a), ("b", b)) if found["fits"] else ():
        array = np.zeros(shape, {8: np.float64, 4: np.float32, 2: np.float16}[size_of_entry])
        view = np.broadcast_to(array, found["shape"].astype(int))
        assert np.shares_memory(view, array)
        for k, size in enumerate(found["shape"].astype(int)):
            if size > 1:
                assert found[f"strides_{name}"][k] == view.strides[k]
                assert (view.strides[k] == 0) == (k in found[f"sums_{name}"])
        assert found[f"held_{name}"] == array.nbytes


@pytest.mark.parametrize("letter, a, b", EXAMPLES)
def test_the_quiz_of_s2_has_its_printed_answers(letter, a, b):
    state = SCENE.state(a=a, b=b)
    found = SCENE.compute(state)
    assert bool(found["fits"]) == ((a, b) not in (("4,3", "4"), ("5,3,2", "5,2"), ("5,3,2", "5,3")))
    if letter and found["fits"]:
        assert tuple(found["shape"]) == (5, 3, 2)


def test_the_first_picture_is_the_sum_printed_in_s2():
    found = SCENE.compute(SCENE.state())
    total = numbers("a", (4, 3)) + numbers("b", (3,))
    assert total[3].tolist() == [110, 211, 312]
    assert found["point"] == "c[2,1] = a[2,1] + b[1] = 8 + 200 = 208"
    assert SCENE.caption(SCENE.state(), found) == (
        "(4, 3) and (3,) give (4, 3), compared from the right. b is stretched along axis 0: 24 bytes are held where "
        "copies would take 96, each entry is read 4 times, and backward sums b.grad over axis 0."
    )


def test_captions_say_what_is_stretched_and_what_would_mend_a_clash():
    caption = lambda a, b: SCENE.caption(*shown(a, b))  # noqa: E731
    assert "a is stretched along axis 1" in caption((3, 1), (4,)) and "b.grad over axis 0" in caption((3, 1), (4,))
    assert caption((2, 3), (2, 3)).endswith("No axis is stretched, and backward sums nothing.")
    assert "sums b.grad over axes 0, 1 and 2." in caption((5, 3, 2), ())
    assert "stretched along" not in caption((1, 1), (1,))
    assert caption((1, 3), (3,)).endswith(
        "b gets axis 0 in front, of size 1, and nothing of it is stretched; backward takes it away again."
    )
    assert "backward takes them away again." in caption((1, 1), ())
    assert caption((2, 3), (3, 2)).startswith("Axes 0 and 1 clash: 2 in a and 3 in b, 3 in a and 2 in b, and none is 1")
    assert caption((4, 3), (4,)).endswith("b[:, None], of shape (4, 1), would fit.")
    assert caption((5, 2), (5, 3, 2)).endswith("a[:, None], of shape (5, 1, 2), would fit.")
    assert "would fit" not in caption((2, 3), (3, 2))


@given(SHAPES, SHAPES)
def test_what_would_mend_a_clash_does(a, b):
    if clashing(a, b) and (found := mended(b, a)):
        place, more = found
        array = np.zeros(b)[(*[slice(None)] * place, None)]
        assert array.shape == more
        np.broadcast_shapes(a, more)


@pytest.mark.parametrize("text, shape", [
    ("3,1", (3, 1)), ("(3, 1)", (3, 1)), ("3,", (3,)), ("", ()), ("()", ()), (" 07 ", (7,)), ("1000", (1000,)),
    ("3 1", None), ("x", None), ("3,,1", None), ("0,3", None), ("1001", None), ("-1", None), ("2.5", None),
    ("1,1,1,1,1,1", None),
])  # fmt: skip
def test_a_text_is_a_shape_or_none(text, shape):
    assert shape_of(text) == shape


def test_a_text_that_is_no_shape_and_a_result_too_large_are_told():
    assert SCENE.compute(SCENE.state(a="4;3"))["why"].startswith(
        'a is "4;3"; this widget shows at most 5 axes, of 1 to 1000'
    )
    why = SCENE.compute(SCENE.state(a="1000,1000", b="2,1,1"))["why"]
    assert why == "The result would hold 2e+6 entries; at most 1000000 are shown."
    with pytest.raises(DataError, match="at most 24 characters"):
        SCENE.state(a="1," * 20)


@given(STATES)
@settings(max_examples=100, deadline=None)
def test_every_state_has_a_caption_a_table_and_a_text_that_brings_it_back(state):
    found = SCENE.compute(state)
    assert SCENE.caption(state, found).endswith(".")
    rows = SCENE.rows(state, found)
    assert len({len(row) for row in rows}) == 1
    assert SCENE.state_from(SCENE.text(state)) == state
    if found["fits"]:
        assert all(k in drawn(n) for k, n in zip(found["index"], found["shape"].astype(int), strict=True))


def test_long_axes_are_cut_and_a_source_has_index_zero_where_the_size_is_one():
    assert drawn(6) == [0, 1, 2, 3, 4, 5] and drawn(7) == [0, 1, 2, 3, 6]
    assert source((3, 1), [5, 2, 4]) == [2, 0]
    assert summed_over((1, 3), (1, 3)) == [] and summed_over((3,), (1, 3)) == [0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "a, b", [((4, 3), (3,)), ((5, 3, 2), (5, 1, 2)), ((4, 3), (4,)), ((), ()), ((2, 1, 1, 3), (4, 1)), ((200, 9), (9,))]
)
def test_the_figure_says_what_it_shows_and_is_the_same_twice(a, b):
    state, found = shown(a, b)
    first = broadcasting_figure(state, found)
    assert SCENE.caption(state, found) in first.alt
    assert first.png() == broadcasting_figure(state, found).png()


def test_the_figure_draws_each_entry_as_the_result_reads_it():
    made = broadcasting_figure(*shown((4, 3), (3,)))
    b = next(ax for ax in made.axes if ax.get_title() == "b (3,)")
    assert [text.get_text() for text in b.texts] == ["100", "200", "300"] * 4
    assert sum(patch.get_hatch() is not None for patch in b.patches) == 9  # all but the row that is held


def widget(**given):
    pytest.importorskip("anywidget")
    from edfcore.widgets.broadcasting import Broadcasting as Front

    return Front(**given)


@given(SHAPES, SHAPES)
@settings(max_examples=40, deadline=None)
def test_numpys_own_rule_is_found_right(a, b):
    state, _ = shown(a, b)
    mine = widget(mine=np.broadcast_shapes).overlay(state)["mine"]
    assert mine["axis"] == 0 and mine["told"].endswith("as NumPy.")


def test_a_wrong_rule_is_named_at_the_first_axis_from_the_right():
    from_the_left = lambda a, b: tuple(max(m, n) for m, n in zip(a + (1,) * 9, b + (1,) * 9, strict=False))[:2]  # noqa: E731
    mine = widget(mine=from_the_left).overlay(SCENE.state(a="3,1", b="4"))["mine"]
    assert (
        mine["told"] == "Your rule gives (4, 1), NumPy (3, 4); from the right they part at axis -1."
        and mine["axis"] == -1
    )
    never = widget(mine=lambda a, b: None).overlay(SCENE.state())["mine"]
    assert never["told"] == "Your rule finds a clash; NumPy gives (4, 3)."
    longer = widget(mine=lambda a, b: a).overlay(SCENE.state(b="4"))["mine"]
    assert longer["told"] == "Your rule gives (4, 3); NumPy finds a clash."
    short = widget(mine=lambda a, b: (3,)).overlay(SCENE.state())["mine"]
    assert short["axis"] == -2
    assert widget(mine=lambda a, b: a).overlay(SCENE.state(a="x"))["mine"]["told"] == ""


def test_a_mistake_in_the_rule_is_not_taken_for_a_clash():
    with pytest.raises(NameError):
        widget(mine=lambda a, b: undefined)  # noqa: F821


def test_the_widget_is_made_of_one_small_module_and_a_picture_with_its_caption():
    from edfcore.widgets.page import element

    seen = widget(a="4,3", b="4")
    assert len(seen._esm.encode()) <= 30_000
    assert 'data-module="broadcasting"' in element(seen) and "neither is 1" in element(seen)


@pytest.mark.parametrize("mine, told", [
    (4, "mine is 4"), (lambda a, b: "4,3", "gave '4,3'; a tuple"), (lambda a, b: (1.5, 2), "gave 1.5; a tuple"),
    (lambda a, b: np.zeros(2), "gave an array of shape"),
])  # fmt: skip
def test_what_is_no_rule_is_refused_in_a_sentence(mine, told):
    with pytest.raises(DataError, match=told):
        widget(mine=mine)


def test_ones_own_rule_is_told_without_a_browser():
    made = widget(mine=lambda a, b: a)
    assert "Your rule gives (4, 3), as NumPy." in made.caption and "Your rule" in made.figure().alt


def test_long_axes_show_numbers_that_fit():
    made = broadcasting_figure(*shown((1000,), (1000, 1)))
    words = [text.get_text() for ax in made.axes[1:] for text in ax.texts]
    assert all(words) and max(map(len, words)) <= 6
