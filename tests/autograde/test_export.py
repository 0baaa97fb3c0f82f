"""Exported grades say what the gradebook says, name what needs a person, and start no formula."""

import csv
import datetime
import io
import logging
import os
import sysconfig

import postgres
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin
from sqlalchemy import event
from sqlalchemy.engine import Engine

from autograde.errors import AutogradeError
from autograde.export import FORMATS, Row, SafeCsvExport, awarded, export_csv, gradebook_rows, safe_text
from autograde.feedback import marks

FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", '=HYPERLINK("http://evil.test","x")',
    "-2+3+cmd|' /C calc'!A0", " =1+1", "\u00a0=1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff201", '=1";=2', "\x00=1",
    "\ufeff=1", "\u202e=1", "+\u200b1", "\x1b[1m=1", "=\n1", "\r\n=1", '"=1"\n=1'[5:], "%0A=1"[3:],
]  # fmt: skip
NAMES = [
    "M\u00fcller, J\u00f6rg",
    'O"Neill',
    "two\nlines",
    "\u674e\u96f7",
    "\u0645\u062d\u0645\u062f",
    "a;b",
    "x\ty",
    "'quoted'",
    "",
    "007",
]


def row(student="ada", assignment="A1", score=3.0, **more):
    fields = {
        "duedate": None, "timestamp": datetime.datetime(2024, 5, 1), "last_name": "Lovelace", "first_name": "Ada",
        "email": "ada@a.test", "lms_id": "17", "raw_score": score, "max_score": 5.0, "auto": 3.0, "manual": 0.0,
        "extra_credit": 0.0, "late_penalty": 0.0, "needs_person": score is None, "submitted": True,
        "cells": {"A1/layer-test": (score, 5.0)},
    }  # fmt: skip
    return Row(assignment=assignment, student=student, score=score, **(fields | more))


def read(path, encoding="utf-8"):
    return list(csv.reader(io.StringIO(path.read_bytes().decode(encoding), newline="")))


def test_plain_csv_begins_with_nbgraders_columns(tmp_path):
    export_csv([row()], tmp_path / "g.csv")
    found = list(csv.DictReader(io.StringIO((tmp_path / "g.csv").read_text())))
    stock = "assignment duedate timestamp student_id last_name first_name email raw_score late_submission_penalty"
    assert list(found[0])[:11] == [*stock.split(), "score", "max_score"]
    assert (
        found[0]["score"] == "3"
        and found[0]["A1/layer-test"] == "3"
        and found[0]["timestamp"] == "2024-05-01 00:00:00+00:00"
    )


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(tmp_path, format, text):
    fields = {"last_name": text, "first_name": text, "email": text, "lms_id": text}
    done = export_csv([row(text, text, **fields)], tmp_path / "g.csv", format, headings={text: text})
    for entries in read(tmp_path / "g.csv"):
        for cell in entries:
            assert not cell.lstrip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20")) and not cell.startswith(
                ("\t", "\r", "\n")
            )
    assert done.changed


@given(st.text(max_size=30))
def test_text_is_changed_only_where_it_must_be(text):
    safe = safe_text(text)
    assert not safe.lstrip().startswith(tuple("=+-@")) and not safe.startswith(("\t", "\n", "\r"))
    assert safe_text(safe) == safe
    if text.isalnum():
        assert safe == text


@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES + FORMULAS) | st.text(max_size=9), st.floats(0, 100)), min_size=1, max_size=5
    )
)
def test_each_format_is_read_back_as_it_was_written(tmp_path_factory, entries):
    path = tmp_path_factory.getbasetemp() / "round.csv"
    rows = [row(f"s{n}", score=score, last_name=name, first_name="x") for n, (name, score) in enumerate(entries)]
    scores = [round(score, 9) for _, score in entries]
    export_csv(rows, path)
    found = [dict(zip(read(path)[0], line, strict=True)) for line in read(path)[1:]]
    assert [f["last_name"] for f in found] == [safe_text(name) for name, _ in entries]
    assert [float(f["score"]) for f in found] == scores
    export_csv(rows, path, "canvas")
    assert [float(line[5]) for line in read(path)[2:]] == scores
    export_csv(rows, path, "moodle")
    assert [float(line[4]) for line in read(path)[1:]] == scores


@pytest.mark.parametrize("name", NAMES)
def test_names_come_back_as_they_were(tmp_path, name):
    export_csv([row(last_name=name)], tmp_path / "g.csv")
    assert read(tmp_path / "g.csv")[1][4] == name


@pytest.mark.parametrize("name", ["x;=1+1", 'x;"=1+1', "x; =1", "x\n=1", 'x"\n"=1', "x\t=1", "x;;@y", ";-1"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_no_formula_begins_where_lists_are_separated_otherwise(tmp_path, name, delimiter):
    export_csv([row(last_name=name)], tmp_path / "g.csv")
    text = (tmp_path / "g.csv").read_text()
    cells = [cell for line in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in line]
    assert not [cell for cell in cells if cell.strip(' "').startswith(("=", "-", "@", "+"))]


def test_numbers_are_numbers_and_identifiers_are_text(tmp_path):
    export_csv([row(score=0.1 + 0.2, lms_id="007")], tmp_path / "g.csv")
    line = (tmp_path / "g.csv").read_text().splitlines()[1]
    assert ",0.3," in line and '"007"' in line


def test_byte_order_mark_for_excel(tmp_path):
    export_csv([row(last_name="\u674e")], tmp_path / "g.csv", bom=True)
    assert (tmp_path / "g.csv").read_bytes().startswith(b'\xef\xbb\xbf"assignment"')
    assert read(tmp_path / "g.csv", "utf-8-sig")[1][4] == "\u674e"


def test_canvas_columns_and_points_possible(tmp_path):
    rows = [row(), row(assignment="A2", score=None), row("bob", lms_id="sis-9"), row("bob", "A2", 1.5)]
    done = export_csv(rows, tmp_path / "g.csv", "canvas", headings={"A1": "A1 (4711)"})
    head, points, ada, bob = read(tmp_path / "g.csv")
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "A1 (4711)", "A2"]
    assert points == ["    Points Possible", "", "", "", "", "5", "5"]
    assert ada == ["Lovelace, Ada", "17", "", "ada", "", "3", ""] and bob[1:] == ["", "sis-9", "bob", "", "3", "1.5"]
    assert done.needs_person == (("A2", "ada"),) and done.students == 2


def test_moodle_columns(tmp_path):
    late = row("bob", late_penalty=2.0, lms_id="")
    none = row("cy", score=0.0, submitted=False)
    done = export_csv([row(score=None), late, none], tmp_path / "g.csv", "moodle")
    head, ada, bob, cy = read(tmp_path / "g.csv")
    assert head == ["Email address", "ID number", "Last name", "First name", "A1", "A1 (feedback)"]
    assert ada[4:] == ["", "A person has yet to grade a part of this."]
    assert bob[1] == "bob" and bob[4:] == ["3", "3 of 5 points, 2 taken off for lateness."]
    assert cy[4:] == ["0", "Nothing was handed in."] and done.missing == (("A1", "cy"),)


def test_a_number_that_is_none_is_left_empty(tmp_path):
    export_csv([row(score=float("nan")), row(score=float("inf"))], tmp_path / "g.csv")
    assert [line[9] for line in read(tmp_path / "g.csv")[1:]] == ["", ""]


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(AutogradeError, match="There is no format 'xls'. There are: csv, canvas, moodle."):
        export_csv([row()], tmp_path / "g.csv", "xls")
    with pytest.raises(AutogradeError, match="cannot be written"):
        export_csv([row()], tmp_path / "none" / "g.csv")
    (tmp_path / "g.csv").mkdir()
    with pytest.raises(AutogradeError, match="cannot be written"):
        export_csv([row()], tmp_path / "g.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["g.csv"]


@pytest.mark.parametrize(
    "headings, told",
    [
        ({"A9": "A9 (1)"}, "The column A9=A9 \\(1\\) is for no assignment that is exported. There are: A1, A2."),
        ({"A1": ""}, "The column of A1 has no heading: write it as ASSIGNMENT=HEADING."),
        ({"A1": "A1 (1)", "A2": " "}, "The column of A2 has no heading"),
    ],
)
def test_a_heading_that_names_no_column_is_a_sentence_and_nothing_is_written(tmp_path, headings, told):
    with pytest.raises(AutogradeError, match=told):
        export_csv([row(), row(assignment="A2")], tmp_path / "g.csv", "canvas", headings=headings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_no_file_of_marks_is_replaced_by_one_without_students(tmp_path, format):
    export_csv([row()], tmp_path / "g.csv", format)
    before = (tmp_path / "g.csv").read_bytes()
    with pytest.raises(AutogradeError, match="There are no students to export, so .*g.csv stays as it was."):
        export_csv([], tmp_path / "g.csv", format)
    assert (tmp_path / "g.csv").read_bytes() == before
    assert export_csv([], tmp_path / "new.csv", format).students == 0


@pytest.mark.parametrize(
    "time, told",
    [
        (datetime.datetime(2024, 5, 1, 9, 30, 1, 999_999), "2024-05-01 09:30:01+00:00"),
        (
            datetime.datetime(2024, 5, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
            "2024-04-30 23:00:00+00:00",
        ),
        (None, ""),
    ],
)
def test_times_are_utc_to_the_second_and_say_so(tmp_path, time, told):
    done = export_csv([row(timestamp=time, duedate=time)], tmp_path / "g.csv")
    assert read(tmp_path / "g.csv")[1][1:3] == [told, told] and done.changed == ()
    if time:
        read_back = datetime.datetime.fromisoformat(told)
        assert read_back == (time.replace(tzinfo=time.tzinfo or datetime.UTC)).replace(microsecond=0)


# From a gradebook.


def filled(url):
    """A gradebook of two assignments and three students: graded and late, half graded, nothing handed in."""
    with pytest.MonkeyPatch.context() as patch:  # nbgrader looks for alembic on PATH
        patch.setenv("PATH", sysconfig.get_path("scripts"), prepend=os.pathsep)
        Gradebook(url).close()
    with Gradebook(url) as book:
        for name in ("A1", "A2"):
            book.add_assignment(name, duedate=datetime.datetime(2024, 5, 1))
            book.add_notebook("nb", name)
            book.add_grade_cell("code", "nb", name, max_score=5, cell_type="code")
            book.add_grade_cell("words", "nb", name, max_score=4, cell_type="markdown")
            book.add_solution_cell("words", "nb", name)
            book.add_task_cell("task", "nb", name, max_score=1, cell_type="markdown")
        book.add_student("ada", first_name="Ada", last_name="=1+1", email="a@a.test", lms_user_id="17")
        book.add_student("bob")
        book.add_student("cy")
        # bob's answer changed after a person had given 2 points for it, so a person must look again.
        for student, words, again in (("ada", 3.0, False), ("bob", 2.0, True)):
            book.add_submission("A1", student, timestamp=datetime.datetime(2024, 5, 2))
            scores = {"code": (4.0, None, 0.5), "words": (None, words, None), "task": (None, 1.0, None)}
            for name, (auto, manual, extra) in scores.items():
                grade = book.find_grade(name, "nb", "A1", student)
                grade.auto_score, grade.manual_score, grade.extra_credit = auto, manual, extra
                grade.needs_manual_grade = again and name == "words"
            book.find_comment("words", "nb", "A1", student).manual_comment = "Well *put*."
        book.find_submission("A1", "ada").notebooks[0].late_submission_penalty = 2.0
        book.db.commit()
    return url


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    return filled(f"sqlite:///{tmp_path_factory.mktemp('book') / 'gradebook.db'}")


@pytest.mark.postgres
@pytest.mark.slow
def test_postgresql_says_the_same(url):
    if not postgres.available():
        pytest.skip("needs PostgreSQL's server programs and psycopg (Debian: apt-get install postgresql)")
    with postgres.server() as new:
        other = filled(new())
        assert gradebook_rows(other) == gradebook_rows(url)
        assert marks(other, "A1") == marks(url, "A1")


def test_rows_say_what_the_gradebook_says(url):
    rows = {(r.assignment, r.student): r for r in gradebook_rows(url)}
    assert len(rows) == 6
    ada, bob, cy = (rows["A1", name] for name in ("ada", "bob", "cy"))
    assert (ada.raw_score, ada.score, ada.max_score, ada.late_penalty) == (8.5, 6.5, 10.0, 2.0)
    assert (ada.auto, ada.manual, ada.extra_credit, ada.needs_person) == (4.0, 4.0, 0.5, False)
    assert ada.cells == {"nb/code": (4.5, 5.0), "nb/task": (1.0, 1.0), "nb/words": (3.0, 4.0)}
    assert bob.needs_person and bob.score is None and bob.cells["nb/words"] == (None, 4.0)
    assert not cy.submitted and cy.score == 0 and cy.timestamp is None and cy.max_score == 10
    assert (ada.timestamp, ada.duedate) == (datetime.datetime(2024, 5, 2), datetime.datetime(2024, 5, 1))


def test_scores_equal_those_of_nbgraders_own_export(url, tmp_path):
    """Where no person is needed."""
    with Gradebook(url) as book:
        CsvExportPlugin(to=str(tmp_path / "stock.csv")).export(book)
    stock = {(r["assignment"], r["student_id"]): r for r in csv.DictReader(open(tmp_path / "stock.csv"))}
    export_csv(gradebook_rows(url), tmp_path / "ours.csv")
    ours = {(r["assignment"], r["student_id"]): r for r in csv.DictReader(open(tmp_path / "ours.csv"))}
    assert set(stock) == set(ours)
    for key, entry in stock.items():
        for column in ("raw_score", "late_submission_penalty", "score", "max_score"):
            waits = key == ("A1", "bob") and column in ("raw_score", "score")
            assert ours[key][column] == "" if waits else float(ours[key][column]) == float(entry[column]), (key, column)


@pytest.mark.parametrize("call", [lambda url: gradebook_rows(url), lambda url: marks(url, "A1")])
def test_two_queries_however_large_the_class_is(url, call, tmp_path):
    asked = []

    def count(connection, cursor, statement, *_):
        if "FROM" in statement and "sqlite_master" not in statement:
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        call(url)
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert len(asked) == 2


def test_one_assignment_can_be_asked_for(url):
    assert {r.assignment for r in gradebook_rows(url, "A2")} == {"A2"}
    with pytest.raises(AutogradeError, match="no assignment A9. There are: A1, A2."):
        gradebook_rows(url, "A9")


def test_a_missing_gradebook_is_a_sentence_and_is_not_made(tmp_path):
    with pytest.raises(AutogradeError, match="There is no gradebook at"):
        gradebook_rows(f"sqlite:///{tmp_path / 'none.db'}")
    assert list(tmp_path.iterdir()) == []
    for url in ("nonsense", "sqlite:///" + str(tmp_path), "sqlite://"):
        with pytest.raises(AutogradeError):
            gradebook_rows(url)
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(AutogradeError, match="cannot be read"):
        gradebook_rows(f"sqlite:///{tmp_path / 'text.db'}")


def test_a_password_is_not_told():
    with pytest.raises(AutogradeError) as told:
        gradebook_rows("postgresql+nodriver://u:geheim@nowhere.test/db")
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize(
    "grade, points",
    [
        ((1.0, None, None, False), 1.0),
        ((1.0, 2.0, 0.5, False), 2.5),
        ((0.0, 0.0, None, False), 0.0),
        ((1.0, None, None, True), None),
        ((None, None, 0.5, False), None),
        ((float("inf"), None, None, False), None),
        ((1.0, float("nan"), None, False), None),
        ((1.0, None, float("inf"), False), None),
    ],
)
def test_a_mark_that_is_open_or_no_number_needs_a_person(grade, points):
    assert awarded(*grade) == points


def test_marks_are_what_feedback_shows(url):
    grades, comments = marks(url, "A1")["ada", "nb"]
    assert comments == {"words": "Well *put*."} and grades.late_penalty == 2.0
    assert grades.cells["code"].points == 4.5 and not grades.cells["code"].by_person
    assert grades.cells["words"].points == 3.0 and grades.cells["words"].by_person
    assert marks(url, "A1")["bob", "nb"][0].cells["words"].points is None
    assert marks(url, "A2") == {}
    every = marks(url, "A1")
    assert marks(url, "A1", "ada") == {key: found for key, found in every.items() if key[0] == "ada"} != every


def test_nbgraders_export_uses_it(url, tmp_path, caplog):
    plugin = SafeCsvExport(
        to=str(tmp_path / "g.csv"), assignment=["A1"], student=["ada", "bob"], log=logging.getLogger("x")
    )
    with Gradebook(url) as book, caplog.at_level(logging.WARNING, "x"):
        plugin.export(book)
    found = read(tmp_path / "g.csv")
    assert [line[3] for line in found[1:]] == ["ada", "bob"] and found[1][4] == "'=1+1"
    assert "A1 of bob needs a person" in caplog.text and "ada" not in caplog.text
    plugin.format = "canvas"
    with Gradebook(url) as book:
        plugin.export(book)
    assert read(tmp_path / "g.csv")[0][0] == "Student"
