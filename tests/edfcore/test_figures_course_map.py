"""The map of the course agrees with the lectures, and with the table in lecture 00."""

import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from edfcore import widgets
from edfcore.errors import DataError
from edfcore.figures.course_map import LECTURES, arrows, as_markdown, course_map, depths

FOLDER = Path(__file__).resolve().parents[2] / "lectures"


def first_cell(lecture):
    return nbformat.read(FOLDER / f"{lecture.file}.ipynb", as_version=4).cells[0].source


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda x: x.number)
def test_a_lecture_is_what_its_first_cell_says(lecture):
    first = first_cell(lecture)
    assert first.startswith(f"# {lecture.number} {lecture.title}\n")
    before = re.search(r"\*\*Before:\*\*(.*?)\n\n", first, re.DOTALL)[1]
    assert tuple(sorted(set(re.findall(r"\]\((\d\d)_", before)))) == lecture.before


@pytest.mark.parametrize("lecture", LECTURES, ids=lambda x: x.number)
def test_its_widget_and_its_assignment_are_named_in_it(lecture):
    notebook = nbformat.read(FOLDER / f"{lecture.file}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    if lecture.widget:
        assert lecture.widget in widgets.__all__ and f"{lecture.widget}(" in text
    if lecture.assignment:
        assert f"assignment {lecture.assignment}" in text.replace("Assignment", "assignment")


def test_an_arrow_is_a_prerequisite_that_no_other_implies():
    drawn = arrows()
    assert ("02", "03") in drawn and ("01", "03") not in drawn
    assert len(set(drawn)) == len(drawn) and {b for _, b in drawn} == {x.number for x in LECTURES[1:]}
    row = depths()
    assert all(row[a] < row[b] for a, b in drawn)


def test_boxes_do_not_overlap():
    row = depths()
    places = sorted((row[x.number], x.column) for x in LECTURES)
    for (r, a), (s, b) in zip(places, places[1:], strict=False):
        assert r != s or b - a >= 1


def test_each_arrow_is_drawn_and_the_words_say_what_is_seen():
    found = course_map()
    assert len(found.axes[0].patches) == len(LECTURES)
    assert len([t for t in found.axes[0].texts if getattr(t, "arrow_patch", None) is not None]) == len(arrows())
    assert all(f"{a} to {b}" in found.alt for a, b in arrows()) and all(x.idea in found.alt for x in LECTURES)
    assert course_map().png() == course_map().png()


def test_lecture_00_holds_the_table_as_it_is():
    notebook = nbformat.read(FOLDER / "00_start_here.ipynb", as_version=4)
    assert as_markdown() in "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def test_a_lecture_that_needs_a_later_one_is_refused():
    with pytest.raises(DataError, match="needs 12"):
        arrows([replace(LECTURES[0], before=("12",)), *LECTURES[1:]])
