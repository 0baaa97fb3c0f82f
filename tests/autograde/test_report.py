"""Item statistics against values worked out by hand; what counts as an equal answer."""

import numpy as np
import pytest

from autograde import report


def test_alpha_of_a_table_worked_out_by_hand():
    """Items (1, 2, 3) and (2, 2, 5): variances 1 and 3, of the sums (3, 4, 8) it is 7; 2 (1 - 4/7) = 6/7."""
    assert report.alpha([[1, 2], [2, 2], [3, 5]]) == pytest.approx(6 / 7)


def test_alpha_is_1_for_equal_items_and_about_0_for_independent_ones():
    values = np.arange(8.0)
    assert report.alpha(np.stack([values, values, values], axis=1)) == pytest.approx(1.0)
    assert abs(report.alpha(np.random.default_rng(0).normal(size=(4000, 5)))) < 0.1


@pytest.mark.parametrize("table", [[], [[1, 2]], [[1, 2], [1, 2], [1, 2]], [[1], [2], [3]]])
def test_alpha_is_none_where_it_means_nothing(table):
    assert report.alpha(table) is None


def test_correlation_by_hand_and_none_where_nothing_varies():
    assert report.correlation([0, 1, 2], [1, 3, 2]) == pytest.approx(0.5)
    assert report.correlation([1, 1, 1], [1, 2, 3]) is None
    assert report.correlation([1, 2], [1, 2]) is None


SAYS = {
    "layer: a": "The bias is missing.",
    "layer: b": "The bias is missing. It is subtracted.",
    "other: a": "The sum is missing.",
}


@pytest.mark.parametrize(
    "message, slip",
    [
        ("h: got 1, expected 2.\nLikely cause: The bias is missing.", "a"),
        ("h: got 1.\nLikely cause: The bias is missing. It is subtracted.", "b"),
        ("h: got 1.\nLikely cause: The sum is missing.", None),
        ("h: got 1. The bias is missing.", None),
        ("", None),
    ],
)
def test_a_misconception_is_known_by_its_sentence_and_its_exercise(message, slip):
    assert report.told_slip(message, "layer", SAYS) == slip


BASE = "def f(x, W):\n    '''What it does.'''\n    total = x @ W.T  # a product\n    return total - 1\n"


@pytest.mark.parametrize(
    "same",
    [
        "def f(x, W):\n    total = x @ W.T\n    return total - 1",
        "def f(a, weights):\n    y = (a @ weights.T)\n\n    return y - 1  # done\n",
    ],
)
def test_names_comments_docstrings_and_spacing_do_not_count(same):
    assert report.normal_form(same) == report.normal_form(BASE)


@pytest.mark.parametrize(
    "other",
    [
        BASE.replace("- 1", "+ 1"),
        BASE.replace("- 1", "- 2"),
        BASE.replace("W.T", "W"),
        BASE.replace("x @ W.T", "W.T @ x"),
        BASE.replace("def f", "def g"),
        "def f(x, W:\n",
    ],
)
def test_what_is_computed_counts(other):
    assert report.normal_form(other) != report.normal_form(BASE)


def test_text_that_is_no_program_is_compared_word_for_word():
    assert report.normal_form("def f(:\n  a") == report.normal_form("def f(:   a")
    assert report.normal_form("\ud800 (") != report.normal_form("(")


def test_rare_equal_answers_are_told_and_common_ones_are_not():
    """64 students; all give the same first answer, two share three answers that nobody else has: 3 log2(64 / 2)."""
    sources = {f"s{k:02}": {"one": "common", **{e: f"{e} of {k}" for e in ("two", "three", "four")}} for k in range(64)}
    assert report.equal_answers(sources) == []
    sources["s50"] = dict(sources["s03"])
    (pair,) = report.equal_answers(sources)
    assert pair.students == ("s03", "s50") and pair.exercises == ("two", "three", "four") and pair.bits == 15.0


def test_students_who_gave_no_answer_are_no_pair():
    assert report.equal_answers({"a": {}, "b": {}, "c": {"one": "x"}}, shown=0.0) == []


def test_histogram_holds_everybody_the_best_included():
    found = report.histogram([0, 1, 1.9, 2, 20, 19.99], 20)
    assert [n for _, n in found] == [3, 1, 0, 0, 0, 0, 0, 0, 0, 2] and found[-1][0] == "18 to 20"


def item(**changes):
    about = dict(
        name="layer", title="A layer", points=2.0, students=30, waiting=0, untouched=1, difficulty=0.6, full=0.5, none=0.3,
        discrimination=0.4, tests={"layer-test": 0.6}, misconceptions={}, categories={}, reasons={},
    )  # fmt: skip
    return report.Item(**about | changes)


@pytest.mark.parametrize(
    "changes, told",
    [
        ({}, ""),
        ({"difficulty": 0.97}, "Nearly everybody"),
        ({"difficulty": 0.1}, "Nearly nobody"),
        ({"discrimination": 0.02}, "look at its tests"),
        ({"difficulty": 0.1, "students": 2}, ""),
        ({"difficulty": None, "students": 0}, ""),
        ({"difficulty": 0.0, "students": 12, "waiting": 18}, "18 wait for a person"),
    ],
)
def test_what_is_remarkable_is_a_sentence(changes, told):
    assert report.advice(item(**changes)).startswith(told) or told in report.advice(item(**changes))
    assert bool(told) == bool(report.advice(item(**changes)))


def test_the_page_escapes_what_comes_from_students():
    hostile = "<img src=x onerror=alert(1)>"
    pair = report.Pair((hostile, "b"), ("layer",), 13.0)
    found = report.Report("A1", "T", 2, (), 2.0, (0.0, 2.0), None, (item(categories={hostile: 1}),), {}, (pair,))
    text = report.page(found)
    assert "<img" not in text and text.count("&lt;img") == 2
