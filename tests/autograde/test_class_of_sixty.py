"""Sixty students and every assignment: from the release to feedback, marks and report; each mark as it must be.

The submissions are mixtures of right, wrong and half-done answers, damaged by accident (autograde/variations.py), and
come with the points that they deserve. A person grades the written questions with marks made up here.
"""

import csv
import json
from dataclasses import dataclass

import pytest
from nbgrader.api import Gradebook

from autograde import export, report
from autograde.classroom import Classroom
from autograde.cli import _names as names
from autograde.course import Course
from autograde.variations import variations

STUDENTS = 60
ALL = names(None)
pytestmark = pytest.mark.slow


@dataclass
class Term:
    """What was handed in and what it deserves: `points` by assignment, student and cell."""

    room: Classroom
    points: dict
    rows: dict


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    root = tmp_path_factory.mktemp("term")
    points = {}
    for number, name in enumerate(ALL):
        course = Course(root, name)
        course.release()
        points[name] = {}
        for student, notebook, deserved in variations(course.assignment, STUDENTS, seed=number):
            course.submit(student, notebook=notebook)
            points[name][student] = dict(deserved)
        course.grade()
        _person(course, points[name])
    room = Classroom.at(root)
    export.export_csv(export.gradebook_rows(room.db_url), root / "grades.csv")
    with open(root / "grades.csv", encoding="utf-8") as file:
        rows = {(row["assignment"], row["student_id"]): row for row in csv.DictReader(file)}
    return Term(room, points, rows)


def _person(course, deserved):
    """Grades what waits for a person: 0 to the most points, in turn. What nobody answered has 0 already."""
    (question,) = course.assignment.written
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        for number, student in enumerate(sorted(deserved)):
            grade = gradebook.find_grade(question["id"], course.name, course.name, student)
            deserved[student][question["id"]] = 0
            if grade.needs_manual_grade:
                deserved[student][question["id"]] = number % (question["points"] + 1)
                grade.manual_score, grade.needs_manual_grade = deserved[student][question["id"]], False
        gradebook.db.commit()


@pytest.mark.parametrize("name", ALL)
def test_every_cell_of_every_student_has_the_points_that_it_deserves(term, name):
    found = {row.student: row for row in export.gradebook_rows(term.room.db_url, name)}
    assert len(found) == STUDENTS
    got = {s: {cell.partition("/")[2]: p for cell, (p, _) in row.cells.items()} for s, row in found.items()}
    wrong = {
        (student, cell): (got[student][cell], most)
        for student, cells in term.points[name].items()
        for cell, most in cells.items()
        if got[student][cell] != most
    }
    assert wrong == {}


@pytest.mark.parametrize("name", ALL)
def test_the_exported_total_is_the_sum(term, name):
    for student, cells in term.points[name].items():
        row = term.rows[name, student]
        assert float(row["score"]) == sum(cells.values()) and row["needs_person"] == "0", student


@pytest.mark.parametrize("name", ALL)
def test_everybody_gets_a_page_and_misconceptions_are_told(term, name):
    pages = {p.parent.parent.name: p for p in term.room.folder("feedback").glob(f"*/{name}/{name}.html")}
    assert set(pages) == set(term.points[name])
    says = json.loads((term.room.folder("source") / name / f"{name}.checks.json").read_text(encoding="utf-8"))["says"]
    told = "".join(p.read_text(encoding="utf-8") for p in pages.values())
    assert sum("Likely cause" in p.read_text(encoding="utf-8") for p in pages.values()) > STUDENTS / 2
    assert len(says) >= 30 and "BEGIN HIDDEN TESTS" not in told


@pytest.mark.parametrize("name", ALL)
def test_the_report_counts_what_was_handed_in(term, name):
    found = report.report(term.room, name)
    deserved = term.points[name]
    assert found.students == STUDENTS and not found.not_examined
    for item in found.items:
        mean = sum(deserved[s][test] for s in deserved for test in item.tests) / STUDENTS
        assert item.difficulty == pytest.approx(mean / item.points)
    programmed = found.items[:-1]
    assert sum(sum(i.misconceptions.values()) for i in programmed) > STUDENTS
    assert sum(i.untouched for i in programmed) > STUDENTS / 4
    assert "<script" not in report.page(found)
