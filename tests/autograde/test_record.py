"""The recorder: nbgrader's own rows, one transaction each, nothing lost, doubled or stale; on SQLite and PostgreSQL."""

import contextlib
import copy
import hashlib
import math
import multiprocessing
import os
import random
import signal
import sqlite3
import sysconfig
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
import postgres
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from nbgrader import api, preprocessors, utils
from nbgrader.plugins import LateSubmissionPlugin

from autograde import assignment as assignments
from autograde.course import Course, sample_class
from autograde.gradebook import LEDGER, LONGEST, RecordError, fault_of, is_local, plain, try_gradebook
from autograde.plan import Plan, make_plan, master_from_assignment, master_from_notebook, rebuild
from autograde.read import Cell, Submitted
from autograde.record import Recorder
from autograde.result import Result, TestResult
from autograde.spool import Spool

ROOT = Path(__file__).resolve().parents[2]
DUE = datetime(2026, 1, 10, 12)


# -------------------------------------------------------------------------------------------- masters, plans, results


def sha(*what):
    return hashlib.sha256(repr(what).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def source_notebook():
    """A1 as nbgrader has it when it saves its cells: without answers, with hidden tests and checksums."""
    notebook = copy.deepcopy(assignments.load(ROOT / "solutions" / "A1").notebook)
    chain = (preprocessors.LockCells, preprocessors.ClearSolutions, preprocessors.ClearOutput)
    for step in (*chain, preprocessors.CheckCellMetadata, preprocessors.ComputeChecksums):
        notebook, _ = step().preprocess(notebook, {})
    return notebook


@cache
def a1():
    return master_from_assignment(assignments.load(ROOT / "solutions" / "A1"))


def altered(master):
    """The same cells under another digest, as when a hidden test was mended."""
    first, *others = master.cells
    return replace(master, cells=(replace(first, source=first.source + "."), *others))


def graded_tests(master):
    return [c for c in master.cells if c.kind == "test"]


def plan_of(student="ada", answers=None, master=None, own=()):
    """The plan of a student who hands in the release with `answers` filled in, None deletes one, and cells of their own."""
    filled = {c.name: c.released for c in (master or a1()).cells if c.name} | (answers or {})
    named = [(c, filled[c.name] if c.name else c.released) for c in (master or a1()).cells]
    cells = tuple(Cell(c.cell_type, source, c.name) for c, source in named if source is not None)
    return make_plan(master or a1(), Submitted((*cells, *own), ()), student)


def result_of(plan, points=None, master=None, salt="", **fields):
    """The examination of a plan: full points but for the tests in `points`, where None says that a person must look."""
    master, points = master or a1(), points or {}
    tests = tuple(verdict_on(c, points.get(c.name, c.points)) for c in graded_tests(master))
    named = {"assignment": master.assignment, "notebook": master.notebook, "student": plan.student}
    named |= {"plan": plan.digest, "master": master.digest, "key": sha(plan.student, plan.digest, master.digest, salt)}
    return Result(**(named | {"assurance": "isolated", "tests": tests} | fields))


def verdict_on(cell, points):
    exercise = cell.name.removesuffix("-test")
    if points is None:
        return TestResult(cell.name, exercise, None, cell.points, "unexamined", "error", message="It would not start.")
    verdict = "passed" if points == cell.points else "partial" if points else "failed"
    return TestResult(cell.name, exercise, points, cell.points, verdict, "" if points == cell.points else "wrong")


ANSWERS = {"layer": "def layer(x, W, b):\n    return x @ W.T + b", "written": "Because the batch is averaged."}


# ----------------------------------------------------------------------------------------------------------- databases


@pytest.fixture(scope="session")
def new_database():
    """A function that empties the PostgreSQL database and returns its URL."""
    if not postgres.available():
        pytest.skip("needs PostgreSQL's server programs and psycopg (Debian: apt-get install postgresql)")
    with postgres.server() as new:
        yield new


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/gradebook.db"
    return request.getfixturevalue("new_database")()


@pytest.fixture
def recorder(url):
    with opened(url) as recorder:
        yield recorder


@contextlib.contextmanager
def opened(url, **options):
    with Recorder(url, "edf", **options) as recorder:
        recorder.ensure_assignment(a1())
        yield recorder


ROWS = {
    "student": "SELECT id, first_name, last_name, email, lms_user_id FROM student",
    "submission": "SELECT s.student_id, a.name, s.extension FROM submitted_assignment s "
    "JOIN assignment a ON a.id = s.assignment_id",
    "notebook": "SELECT s.student_id, n.name, sn.flagged, sn.late_submission_penalty FROM submitted_notebook sn "
    "JOIN submitted_assignment s ON s.id = sn.assignment_id JOIN notebook n ON n.id = sn.notebook_id",
    "grade": "SELECT s.student_id, n.name, c.name, c.type, g.auto_score, g.manual_score, g.extra_credit, "
    "g.needs_manual_grade FROM grade g JOIN base_cell c ON c.id = g.cell_id "
    "JOIN submitted_notebook sn ON sn.id = g.notebook_id JOIN notebook n ON n.id = sn.notebook_id "
    "JOIN submitted_assignment s ON s.id = sn.assignment_id",
    "comment": "SELECT s.student_id, n.name, c.name, c.type, m.auto_comment, m.manual_comment FROM comment m "
    "JOIN base_cell c ON c.id = m.cell_id JOIN submitted_notebook sn ON sn.id = m.notebook_id "
    "JOIN notebook n ON n.id = sn.notebook_id JOIN submitted_assignment s ON s.id = sn.assignment_id",
}
TIMES = {"times": "SELECT student_id, timestamp FROM submitted_assignment"}
MASTERS = {
    "assignment": "SELECT name, course_id, duedate FROM assignment",
    "notebook": "SELECT a.name, n.name, n.kernelspec FROM notebook n JOIN assignment a ON a.id = n.assignment_id",
    "grade_cell": "SELECT b.name, b.type, c.max_score, c.cell_type FROM grade_cells c JOIN base_cell b ON b.id = c.id",
    "solution_cell": "SELECT b.name, b.type FROM solution_cells c JOIN base_cell b ON b.id = c.id",
    "task_cell": "SELECT b.name, b.type, c.max_score, c.cell_type FROM task_cells c JOIN base_cell b ON b.id = c.id",
    "source_cell": "SELECT name, cell_type, locked, source, checksum FROM source_cell",
}


def dump(url, queries=ROWS):
    """All rows, without ids, as sorted lists of text: equal on both databases where they mean the same."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = {n: [tuple(r) for r in connection.execute(sa.text(q))] for n, q in queries.items()}
    engine.dispose()
    return {n: sorted(tuple(map(_shown, row)) for row in rows) for n, rows in found.items()}


def _shown(value):
    return str(float(value)) if isinstance(value, bool | int | float) else str(value).removesuffix(".000000")


def grades(recorder, student="ada"):
    """The nbgrader Grade rows of A1, by cell."""
    found = recorder.gradebook.find_submission_notebook("A1", "A1", student).grades
    return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in found}


def comments(recorder, student="ada"):
    found = recorder.gradebook.find_submission_notebook("A1", "A1", student).comments
    return {c.name: c.auto_comment for c in found}


def by_hand(recorder, cell, points, student="ada"):
    """What formgrader does when a person gives points."""
    grade = recorder.gradebook.find_grade(cell, "A1", "A1", student)
    grade.manual_score, grade.needs_manual_grade = points, False
    recorder.gradebook.db.commit()
    recorder.gradebook.db.remove()


# ------------------------------------------------------------------------------------- the same rows as nbgrader's own


def stock_database(folder):
    """A gradebook to which nbgrader's own SaveCells wrote A1."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/stock.db"
    with Recorder(url, "edf"):
        pass  # only the tables
    with api.Gradebook(url, "edf") as gradebook:
        gradebook.add_assignment("A1", duedate=DUE)
    preprocessors.SaveCells().preprocess(copy.deepcopy(source_notebook()), stock_resources(url, None))
    return url


def stock_resources(url, student):
    return {"nbgrader": {"notebook": "A1", "assignment": "A1", "student": student, "db_url": url}}


def stock_grade(url, plan, points, received, late):
    """nbgrader's SaveAutoGrades and AssignLatePenalties on a notebook whose outputs say those points."""
    with api.Gradebook(url, "edf") as gradebook:
        gradebook.update_or_create_student(plan.student)
        gradebook.update_or_create_submission("A1", plan.student, timestamp=received)
    notebook = copy.deepcopy(source_notebook())
    sources = {c.name: c.source for c in plan.cells if c.name}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = sources.get(name, cell.source)
        if name in points:
            shown = nbformat.v4.new_output("execute_result", {"text/plain": str(points[name])}, execution_count=1)
            cell.outputs = [shown]
    penalties = preprocessors.AssignLatePenalties()
    penalties.plugin_class = late
    for step in (preprocessors.SaveAutoGrades(), penalties):
        step.preprocess(notebook, stock_resources(url, plan.student))


class Half(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {"ada": score / 2, "bo": -3.0, "cy": score + 100, "di": None}[student_id]


def class_of(seed):
    """Four students whose answers, points and times are drawn: (plan, points, received)."""
    draw, drawn = random.Random(seed), []
    for student in ("ada", "bo", "cy", "di"):
        answers = {name: text for name, text in ANSWERS.items() if draw.random() < 0.5}
        points = {c.name: draw.choice([0.0, c.points, c.points / 4]) for c in graded_tests(a1())}
        drawn.append((plan_of(student, answers), points, DUE + timedelta(minutes=draw.randint(-90, 90))))
    return drawn


@pytest.mark.parametrize("seed", range(2))
def test_rows_are_those_of_nbgraders_own_preprocessors(tmp_path, url, seed):
    """Twice over, the second time with other verdicts, so that rows are made and then changed."""
    stock = stock_database(tmp_path / "stock")
    with opened(url) as recorder:
        recorder.gradebook.update_or_create_assignment("A1", duedate=DUE)
        recorder.gradebook.db.remove()
        for plan, points, received in class_of(seed) + class_of(seed + 1000):
            stock_grade(stock, plan, points, received, Half)
            late = Half().late_submission_penalty
            result = result_of(plan, points, salt=repr(points))
            recorder.record(a1(), plan, result, received.replace(tzinfo=UTC), late)
    wanted = dump(stock, ROWS | TIMES)
    assert dump(url, ROWS | TIMES) == wanted
    assert len(wanted["grade"]) == 4 * 8 and len(wanted["comment"]) == 4 * 8


def test_an_assignment_is_made_as_generate_assignment_makes_it(tmp_path, url):
    stock = stock_database(tmp_path / "stock")
    with Recorder(url, "edf") as recorder:
        assert recorder.ensure_assignment(a1()) is True
        assert recorder.ensure_assignment(a1()) is False
        recorder.gradebook.update_or_create_assignment("A1", duedate=DUE)
    assert dump(url, MASTERS) == dump(stock, MASTERS)


def test_tasks_and_several_notebooks_are_made_as_nbgrader_makes_them(tmp_path, url):
    notebook = nbformat.v4.new_notebook()
    flags = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "points": 3, "task": True}
    cell = nbformat.v4.new_markdown_cell("Do.\n=== BEGIN MARK SCHEME ===\nsecret\n=== END MARK SCHEME ===")
    cell.metadata["nbgrader"] = flags | {"grade_id": "deed"}
    notebook.cells = [cell]
    stock = stock_database(tmp_path / "stock")
    resources = stock_resources(stock, None)
    resources["nbgrader"]["notebook"] = "tasks"
    preprocessors.SaveCells().preprocess(copy.deepcopy(notebook), resources)
    with opened(url) as recorder:
        assert recorder.ensure_assignment(master_from_notebook(notebook, "A1", "tasks"))
        recorder.gradebook.update_or_create_assignment("A1", duedate=DUE)
        recorder.gradebook.db.remove()
        recorder.record(a1(), plan_of(), result_of(plan_of()))
    assert dump(url, MASTERS) == dump(stock, MASTERS)
    with api.Gradebook(stock, "edf") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("A1", "ada")
    fresh = [row for row in dump(stock)["grade"] if row[1] == "tasks"]
    assert [row for row in dump(url)["grade"] if row[1] == "tasks"] == fresh and len(fresh) == 1


@pytest.mark.slow
def test_a_class_gets_the_rows_of_nbgrader_autograde(tmp_path, url):
    """The whole of stock grading, kernels and all, for a small class; then the Recorder with the verdicts it gave."""
    course = Course(tmp_path / "course")
    master = master_from_assignment(course.assignment, nbformat.read(course.release() / "A1.ipynb", as_version=4))
    handed_in = {name: a for name, a in sample_class(course.assignment).items() if name in ("ada", "chiara", "fen")}
    for student, answers in handed_in.items():
        course.submit(student, answers)
    course.nbgrader("autograde", "A1")
    stock = f"sqlite:///{course.root}/gradebook.db"
    given = {(row[0], row[2]): row[4] for row in dump(stock)["grade"]}
    with Recorder(url, "edf") as recorder:
        recorder.ensure_assignment(master)
        for student, answers in handed_in.items():
            plan = plan_of(student, answers, master)
            points = {c.name: float(given[student, c.name]) for c in graded_tests(master)}
            recorder.record(master, plan, result_of(plan, points, master))
    assert dump(url) == dump(stock)
    assert dump(url, MASTERS) == dump(stock, MASTERS)
    for command in (["db", "student", "list"], ["export", "--to", "grades.csv"], ["db", "upgrade"]):
        assert "Traceback" not in course.nbgrader(*command, "--db", url)
    assert (course.root / "grades.csv").read_text(encoding="utf-8").count('\n"A1",') == 3
    assert dump(url) == dump(stock)


# ------------------------------------------------------------------------------------------ replay, regrades, previews


def test_the_same_key_twice_changes_nothing_and_says_so(recorder, url):
    plan = plan_of(answers=ANSWERS)
    first = recorder.record(a1(), plan, result_of(plan, {"layer-test": 0}), DUE)
    rows = dump(url, ROWS | TIMES | {"ledger": "SELECT * FROM autograde_ledger"})
    again = recorder.record(a1(), plan, result_of(plan, {"layer-test": 0}), DUE)
    assert first.recorded and first.before is None and first.after == 18
    assert not again.recorded and (again.before, again.after, again.gained) == (18, 18, ())
    assert "recorded already" in again.reasons[0]
    assert dump(url, ROWS | TIMES | {"ledger": "SELECT * FROM autograde_ledger"}) == rows


def test_a_second_verdict_on_the_same_key_does_not_replace_the_first(recorder):
    """Results arrive at least once; one that differs tells of chance in an answer or a test."""
    plan = plan_of()
    recorder.record(a1(), plan, result_of(plan, {"layer-test": 0}))
    again = recorder.record(a1(), plan, result_of(plan, {"layer-test": 2}))
    assert grades(recorder)["layer-test"][0] == 0 and not again.recorded and "other points" in again.reasons[1]


def test_a_regrade_tells_who_gains_who_loses_and_why(recorder):
    plan = plan_of(answers=ANSWERS)
    recorder.record(a1(), plan, result_of(plan, {"layer-test": 0, "train-test": 3}))
    other = altered(a1())
    points = {"layer-test": 2, "train-test": 1}
    result = result_of(plan, points, master=other)
    told = recorder.record(other, plan, result)
    assert (told.before, told.after) == (18, 18)
    assert sorted(told.gained) == [("layer-test", 0, 2), ("train-test", 3, 1)]
    assert told.reasons[0] == "The assignment or its tests changed." and any(
        "train-test: 1 of 3" in r for r in told.reasons
    )
    handed_in_anew = plan_of(answers=ANSWERS | {"train": "pass"})
    told = recorder.record(other, handed_in_anew, result_of(handed_in_anew, points, master=other))
    assert told.reasons[0] == "The student handed in something else." and told.gained == ()


def test_a_preview_is_what_recording_then_does_and_writes_nothing(recorder, url):
    plan = plan_of(answers=ANSWERS)
    for points in ({"layer-test": 0}, {"layer-test": None}, {}):
        result, rows = result_of(plan, points, salt=repr(points)), dump(url)
        before = recorder.preview(a1(), plan, result)
        assert dump(url) == rows and not before.recorded
        assert replace(before, recorded=True) == recorder.record(a1(), plan, result)


def test_results_that_arrive_several_times_in_any_order_give_the_rows_of_each_once(recorder, url, tmp_path):
    drawn = [(plan, result_of(plan, points), at) for plan, points, at in class_of(7)]
    undisturbed = f"sqlite:///{tmp_path}/undisturbed.db"
    with opened(undisturbed) as once:
        for plan, result, received in drawn:
            once.record(a1(), plan, result, received)
    for plan, result, received in random.Random(7).sample(drawn * 3, 12):
        recorder.record(a1(), plan, result, received)
    assert dump(url, ROWS | TIMES) == dump(undisturbed, ROWS | TIMES)


def test_keys_that_stand_are_listed_at_once(recorder):
    wanted = {}
    for student in ("ada", "bo", "cy"):
        plan = plan_of(student)
        result = result_of(plan, {"layer-test": None} if student == "cy" else {})
        recorder.record(a1(), plan, result)
        wanted[student, "A1"] = result.key
    assert recorder.recorded_key("cy", "A1", "A1") == wanted.pop(("cy", "A1"))
    assert recorder.keys("A1") == wanted
    assert recorder.recorded_key("nobody", "A1", "A1") is None and recorder.keys("A2") == {}


def test_what_somebody_else_deleted_or_graded_is_recorded_again(recorder):
    plans = {student: plan_of(student) for student in ("ada", "bo")}
    for plan in plans.values():
        recorder.record(a1(), plan, result_of(plan))
    recorder.gradebook.remove_student("ada")
    recorder.gradebook.find_grade("layer-test", "A1", "A1", "bo").auto_score = 0.5
    recorder.gradebook.db.commit()
    assert recorder.keys("A1") == {}
    for student, plan in plans.items():
        assert recorder.record(a1(), plan, result_of(plan)).recorded
        assert grades(recorder, student)["layer-test"][0] == 2
    assert set(recorder.keys("A1")) == {("ada", "A1"), ("bo", "A1")}


# ------------------------------------------------------------------------------------------------- persons' scores


def test_a_person_s_score_stays_while_the_written_answer_does(recorder):
    plan = plan_of(answers=ANSWERS)
    recorder.record(a1(), plan, result_of(plan))
    assert grades(recorder)["written"] == (None, None, True)
    by_hand(recorder, "written", 3)
    other_code = plan_of(answers=ANSWERS | {"layer": "pass"})
    told = recorder.record(a1(), other_code, result_of(other_code, {"layer-test": 0}))
    assert grades(recorder)["written"] == (None, 3, False) and (told.before, told.after) == (23, 21)
    other_words = plan_of(answers=ANSWERS | {"written": "Something else."})
    recorder.record(a1(), other_words, result_of(other_words))
    assert grades(recorder)["written"] == (None, 3, True)


def test_a_person_s_score_of_a_test_stays_until_answer_or_verdict_change(recorder):
    plan = plan_of(answers=ANSWERS)
    recorder.record(a1(), plan, result_of(plan, {"layer-test": 0, "sigmoid-test": 0}))
    by_hand(recorder, "layer-test", 1.5)
    by_hand(recorder, "sigmoid-test", 1)
    recorder.record(a1(), plan, result_of(plan, {"layer-test": 0, "sigmoid-test": 2}, salt="another environment"))
    assert grades(recorder)["layer-test"] == (0, 1.5, False)
    assert grades(recorder)["sigmoid-test"] == (2, 1, True)


def test_a_person_s_score_from_before_the_ledger_is_looked_at_again(recorder):
    recorder.gradebook.add_student("ada")
    recorder.gradebook.add_submission("A1", "ada")
    by_hand(recorder, "written", 3)
    plan = plan_of(answers=ANSWERS)
    told = recorder.record(a1(), plan, result_of(plan))
    assert grades(recorder)["written"] == (None, 3, True) and told.before == 3
    assert told.reasons[0] == "The grade that stood was not recorded here."


def test_extra_credit_and_comments_by_hand_are_never_touched(recorder):
    plan = plan_of()
    recorder.record(a1(), plan, result_of(plan))
    recorder.gradebook.find_grade("layer-test", "A1", "A1", "ada").extra_credit = 0.5
    recorder.gradebook.find_comment("layer", "A1", "A1", "ada").manual_comment = "Neat."
    recorder.gradebook.db.commit()
    told = recorder.record(a1(), plan, result_of(plan, {"layer-test": 1}, salt="2"))
    assert ("layer-test", 2.5, 1.5) in told.gained
    assert recorder.gradebook.find_submission("A1", "ada").score == told.after == 19.5
    assert recorder.gradebook.find_comment("layer", "A1", "A1", "ada").comment == "Neat."


# --------------------------------------------------------------------------------------------------------- failures


def test_a_failure_leaves_no_old_grade_standing(recorder):
    good = plan_of(answers=ANSWERS)
    recorder.record(a1(), good, result_of(good))
    reason = "The notebook could not be read: <script>alert(1)</script> ![x](y)"
    bad = Plan("A1", "A1", "ada", (), {}, (), "It holds nothing.")
    told = recorder.record(a1(), bad, result_of(bad, needs_person=reason, tests=()))
    assert set(grades(recorder).values()) == {(None, None, True)}
    assert told.before == 20 and told.after is None and len(told.gained) == 7
    said = set(comments(recorder).values())
    assert len(said) == 1 and "could not be read" in min(said) and not set(min(said)) & set("<>[]")
    assert recorder.gradebook.find_submission("A1", "ada").needs_manual_grade
    recorder.record(a1(), good, result_of(good))
    assert grades(recorder)["layer-test"] == (2, None, False) and comments(recorder)["layer"] is None


def test_a_failure_without_a_plan_is_recorded(recorder):
    result = result_of(plan_of(), needs_person="It is empty.", tests=())
    assert recorder.record(a1(), None, result).after is None
    assert comments(recorder)["written"] == "It is empty."


def test_a_failure_keeps_what_a_person_gave_but_flags_it(recorder):
    plan = plan_of(answers=ANSWERS)
    recorder.record(a1(), plan, result_of(plan))
    by_hand(recorder, "written", 3)
    recorder.record(a1(), plan, result_of(plan, needs_person="The machine died.", salt="2"))
    assert grades(recorder)["written"] == (None, 3, True)


def test_a_failed_examination_of_the_same_key_is_replaced_by_a_good_one(recorder):
    plan = plan_of(answers=ANSWERS)
    recorder.record(a1(), plan, result_of(plan, needs_person="The machine died."))
    assert recorder.keys("A1") == {}
    told = recorder.record(a1(), plan, result_of(plan))
    assert told.recorded and told.after == 20 and "Not all could be examined last time." in told.reasons
    again = recorder.record(a1(), plan, result_of(plan, needs_person="The machine died."))
    assert not again.recorded and again.after == 20


def test_a_failure_whose_rows_were_made_anew_is_recorded_again(recorder):
    result = result_of(plan_of(), needs_person="It is empty.", tests=())
    recorder.record(a1(), None, result)
    recorder.gradebook.remove_student("ada")
    recorder.gradebook.add_student("ada")
    recorder.gradebook.add_submission("A1", "ada")
    recorder.gradebook.db.remove()
    assert recorder.record(a1(), None, result).recorded and comments(recorder)["layer"] == "It is empty."


def test_an_unexamined_test_waits_with_its_reason_at_its_answer(recorder):
    plan = plan_of(answers=ANSWERS)
    told = recorder.record(a1(), plan, result_of(plan, {"layer-test": None}))
    assert grades(recorder)["layer-test"] == (None, None, True) and told.after == 18
    assert comments(recorder)["layer"] == "layer-test needs a person: It would not start."
    result = result_of(plan, {"sigmoid-test": None}, salt="2")
    nameless = replace(result, tests=tuple(replace(t, exercise=None) for t in result.tests))
    recorder.record(a1(), plan, nameless)
    assert comments(recorder)["layer"] is None and "sigmoid-test" in comments(recorder)["sigmoid"]


def test_a_test_without_a_verdict_waits_for_a_person(recorder):
    plan = plan_of(answers=ANSWERS)
    result = result_of(plan)
    recorder.record(a1(), plan, replace(result, tests=result.tests[1:]))
    assert grades(recorder)["layer-test"] == (None, None, True) and recorder.keys("A1") == {}


@pytest.mark.parametrize("left", [None, "", " \n"])
def test_an_answer_that_was_deleted_or_emptied_is_left_blank(recorder, left):
    plan = plan_of(answers={"written": left, "layer": left})
    recorder.record(a1(), plan, result_of(plan))
    assert grades(recorder)["written"] == (0, None, False)
    assert comments(recorder)["written"] == comments(recorder)["layer"] == "No response."


@pytest.mark.parametrize("left", ["as released", None, ""])
@pytest.mark.parametrize("kind, text, wanted", [
    ("markdown", "Because the batch is averaged.", (None, None, True)),
    ("raw", "Because the batch is averaged.", (None, None, True)),
    ("markdown", " \n", (0, None, False)),
    ("code", "# a trial\nlayer", (0, None, False)),
])  # fmt: skip
def test_a_written_answer_may_stand_in_a_cell_of_the_student_s_own(recorder, left, kind, text, wanted):
    plan = plan_of(answers={} if left == "as released" else {"written": left}, own=[Cell(kind, text, None)])
    recorder.record(a1(), plan, result_of(plan))
    assert grades(recorder)["written"] == wanted
    assert ("A person looks" in comments(recorder)["written"]) is wanted[2]
    assert comments(recorder)["layer"] == "No response."  # code is not looked for in text


def test_text_of_one_s_own_beside_a_written_answer_changes_nothing(recorder):
    plan = plan_of(answers=ANSWERS, own=[Cell("markdown", "A note.", None)])
    recorder.record(a1(), plan, result_of(plan))
    assert grades(recorder)["written"] == (None, None, True) and comments(recorder)["written"] is None


def test_a_score_for_an_answer_elsewhere_is_looked_at_again_when_that_text_changes(recorder):
    for text, waits in (("Because.", True), ("Because.", False), ("Because of it.", True)):
        plan = plan_of(answers={"layer": f"x = {text!r}, {waits}"}, own=[Cell("markdown", text, None)])
        recorder.record(a1(), plan, result_of(plan))
        assert grades(recorder)["written"][2] is waits
        by_hand(recorder, "written", 3)


def test_nbgrader_itself_gives_no_zero_for_an_answer_that_may_stand_elsewhere():
    for own, wanted in (((), 0), ([Cell("markdown", "Because.", None)], None)):
        rebuilt = rebuild(a1(), plan_of(own=own))
        (cell,) = [c for c in rebuilt.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "written"]
        released = next(
            c for c in source_notebook().cells if c.metadata.get("nbgrader", {}).get("grade_id") == "written"
        )
        cell.metadata.nbgrader.checksum = released.metadata.nbgrader.checksum
        assert utils.determine_grade(cell)[0] == wanted


@given(st.text())
def test_comments_hold_nothing_that_becomes_html(text):
    said = plain(text)
    assert len(said) <= LONGEST and said.isprintable() and not set(said) & set("<>[]")


# -------------------------------------------------------------------------------------------------- refused results


IMPOSSIBLE = [math.nan, math.inf, -0.5, 2.5, True, "2", [2], 10**400]


def test_impossible_points_are_refused(recorder, url):
    plan, rows = plan_of(), dump(url)
    result = result_of(plan)
    for points in IMPOSSIBLE:
        tests = (replace(result.tests[0], points=points), *result.tests[1:])
        with pytest.raises(RecordError, match="layer-test has"):
            recorder.record(a1(), plan, replace(result, tests=tests))
        assert dump(url) == rows, points


REFUSED = {
    "of another hand-in": ({"plan": sha("other")}, "another hand-in"),
    "of another master": ({"master": sha("other")}, "another version of the assignment"),
    "of another assignment": ({"assignment": "A2"}, "is not one of A1/A1"),
    "of another student": ({"student": "eve"}, "another hand-in"),
    "with a name of control characters": ({"student": "a\x00da"}, "printable"),
    "with an endless name": ({"student": "a" * 129}, "at most 128"),
}


def test_results_that_fit_nothing_here_are_refused(recorder, url):
    rows = dump(url)
    for case, (fields, told) in REFUSED.items():
        with pytest.raises(RecordError, match=told):
            recorder.record(a1(), plan_of(), replace(result_of(plan_of()), **fields))
        assert dump(url) == rows, case


def test_two_verdicts_unknown_tests_and_too_many_points_are_refused(recorder):
    plan = plan_of()
    result = result_of(plan)
    first = result.tests[0]
    for tests, told in (
        ((first, first), "two verdicts"),
        ((replace(first, name="nope"),), "no test cell 'nope'"),
        ((replace(first, points=9, max_points=9),), "is worth 2 points, not 9"),
    ):
        with pytest.raises(RecordError, match=told):
            recorder.record(a1(), plan, replace(result, tests=tests))


def test_a_master_that_disagrees_with_the_gradebook_is_told_in_a_sentence(recorder):
    cells = [replace(c, points=7) if c.name == "layer-test" else c for c in a1().cells if c.name != "train-test"]
    other = replace(a1(), cells=tuple(cells))
    for act in (recorder.ensure_assignment, lambda m: recorder.record(m, plan_of(), result_of(plan_of(), master=m))):
        with pytest.raises(RecordError) as told:
            act(other)
        assert "layer-test is a code cell of 7 points in the notebook and a code cell of 2" in str(told.value)
        assert "train-test is only in the gradebook" in str(told.value)
        assert "nbgrader generate_assignment A1 --force" in str(told.value)


def test_without_its_assignment_nothing_is_recorded(url):
    with Recorder(url) as recorder, pytest.raises(RecordError, match="nbgrader generate_assignment A1"):
        recorder.record(a1(), plan_of(), result_of(plan_of()))


def test_a_notebook_is_not_added_to_an_assignment_that_has_submissions(recorder):
    recorder.record(a1(), plan_of(), result_of(plan_of()))
    with pytest.raises(RecordError, match="has submissions already"):
        recorder.ensure_assignment(replace(a1(), notebook="A1b"))


def test_a_penalty_that_is_no_number_is_refused(recorder, url):
    recorder.gradebook.update_or_create_assignment("A1", duedate=DUE)
    recorder.gradebook.db.remove()
    rows = dump(url)
    for late_penalty, told in ((lambda *_: math.nan, "must give points"), (lambda *_: 1 / 0, "plug-in failed")):
        with pytest.raises(RecordError, match=told):
            recorder.record(a1(), plan_of(), result_of(plan_of()), DUE + timedelta(1), late_penalty)
    assert dump(url) == rows


def test_the_time_of_receipt_counts_in_utc_and_with_the_extension(recorder):
    recorder.gradebook.update_or_create_assignment("A1", duedate=DUE)
    plan = plan_of()
    recorder.record(a1(), plan, result_of(plan))
    recorder.gradebook.grant_extension("A1", "ada", hours=2)
    recorder.gradebook.db.remove()
    late = []
    received = (DUE + timedelta(hours=5)).replace(tzinfo=timezone(timedelta(hours=2)))
    recorder.record(a1(), plan, result_of(plan, salt="2"), received, lambda *asked: late.append(asked))
    assert late == [("ada", 20, 3600)]
    assert recorder.gradebook.find_submission("A1", "ada").timestamp == DUE + timedelta(hours=3)


def hourly(student, score, seconds):
    """A point for each hour that was begun."""
    return math.ceil(seconds / 3600)


def due(recorder, moment):
    recorder.gradebook.update_or_create_assignment("A1", duedate=moment)
    recorder.gradebook.db.remove()


HANDED_IN = {"ada": DUE + timedelta(minutes=30), "bo": DUE + timedelta(minutes=67), "cy": DUE - timedelta(minutes=1)}


def record_late(recorder, received=HANDED_IN):
    """Record the full points of three students; the Changes, by student."""
    plans = {student: plan_of(student) for student in received}
    return {s: recorder.record(a1(), p, result_of(p), received[s], hourly) for s, p in plans.items()}


def extend(recorder):
    due(recorder, DUE + timedelta(hours=1))


def grant(recorder):
    for student in HANDED_IN:
        recorder.gradebook.grant_extension("A1", student, hours=1)
    recorder.gradebook.db.remove()


@pytest.mark.parametrize("how", ["record", "settle_lateness"])
@pytest.mark.parametrize("put_right", [extend, grant])
def test_a_moved_due_date_reaches_the_penalties_of_grades_that_stand(recorder, put_right, how):
    due(recorder, DUE)
    first = record_late(recorder)
    assert "was 0 points and is 2" in first["bo"].reasons[-1]
    put_right(recorder)
    if how == "record":
        told = record_late(recorder)
        assert not told.pop("cy").recorded
    else:
        told = {c.student: c for c in recorder.settle_lateness(a1(), HANDED_IN, hourly)}
    # By hand: 30 minutes late was 1 point of 20 and is none; 67 minutes were 2 and are, 7 minutes late, 1.
    assert {s: (c.before, c.after, c.gained, c.recorded) for s, c in told.items()} == {
        "ada": (19, 20, (), True), "bo": (18, 19, (), True)}  # fmt: skip
    assert "was 2 points and is 1" in told["bo"].reasons[-1] and len(told["bo"].reasons) == (
        2 if how == "record" else 1
    )
    stored = {s: recorder.gradebook.find_submission_notebook("A1", "A1", s).late_submission_penalty for s in HANDED_IN}
    assert stored == {"ada": None, "bo": 1, "cy": None}
    recorder.gradebook.db.remove()
    assert recorder.settle_lateness(a1(), HANDED_IN, hourly) == []
    assert set(recorder.keys("A1")) == {(s, "A1") for s in HANDED_IN}


def test_a_time_of_receipt_that_is_put_right_leaves_the_rows_of_one_that_was_right_at_once(tmp_path, url):
    right = {student: DUE - timedelta(minutes=5) for student in HANDED_IN}
    with opened(url) as recorder:
        due(recorder, DUE)
        record_late(recorder)
        told = recorder.settle_lateness(a1(), right, hourly)
    assert [(c.student, c.before, c.after) for c in told] == [("ada", 19, 20), ("bo", 18, 20), ("cy", 20, 20)]
    assert all("received at 2026-01-10 11:55:00" in c.reasons[-1] for c in told)
    with opened(f"sqlite:///{tmp_path}/other.db") as recorder:
        due(recorder, DUE)
        record_late(recorder, right)
    assert dump(url, ROWS | TIMES) == dump(f"sqlite:///{tmp_path}/other.db", ROWS | TIMES)


def test_lateness_is_settled_for_those_named_alone_and_on_a_person_s_score_too(recorder):
    due(recorder, DUE)
    record_late(recorder)
    by_hand(recorder, "written", 3)
    told = recorder.settle_lateness(a1(), {"ada": None, "nobody": DUE}, lambda student, score, seconds: score / 2)
    assert [(c.student, c.before, c.after) for c in told] == [("ada", 22, 11.5)]


def test_a_plug_in_that_fails_settles_nothing_for_anybody(recorder, url):
    due(recorder, DUE)
    record_late(recorder)
    rows = dump(url, ROWS | TIMES)

    def broken(student, score, seconds):
        return 9 if student == "ada" else 1 / 0

    with pytest.raises(RecordError, match="plug-in failed for bo"):
        recorder.settle_lateness(a1(), HANDED_IN | {"cy": DUE - timedelta(days=1)}, broken)
    assert dump(url, ROWS | TIMES) == rows


# -------------------------------------------------------------------------------- one writer, and a database that fails


def test_trying_a_gradebook_makes_none_and_asks_for_no_lock(url, tmp_path):
    assert try_gradebook(url) is False and not (tmp_path / "gradebook.db").exists()
    with opened(url):
        assert try_gradebook(url) is True


def test_a_gradebook_that_is_none_is_told_when_it_is_tried(tmp_path):
    (tmp_path / "gradebook.db").write_bytes(b"no database at all" * 99)
    with pytest.raises(RecordError, match="not a database"):
        try_gradebook(f"sqlite:///{tmp_path}/gradebook.db")


def test_a_server_that_refuses_is_told_without_the_password_when_it_is_tried():
    pytest.importorskip("psycopg")
    with pytest.raises(RecordError, match="cannot be reached") as told:
        try_gradebook("postgresql+psycopg://user:geheim@127.0.0.1:1/x")
    assert "geheim" not in str(told.value)


def test_a_second_recorder_is_refused_until_the_first_has_ended(url):
    with Recorder(url):
        with pytest.raises(RecordError, match="Another recorder writes"):
            Recorder(url)
        with pytest.raises(RecordError, match="Another recorder writes"):
            Recorder(url)
    with Recorder(url):
        pass


def test_a_closed_recorder_says_so(url):
    with opened(url) as recorder:
        pass
    with pytest.raises(RecordError, match="is closed"):
        recorder.keys("A1")


def forked(work, *args):
    """The exit code of work(*args) in a forked process; -9 where it was killed."""
    process = multiprocessing.get_context("fork").Process(target=work, args=args)
    process.start()
    process.join()
    return process.exitcode


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks")


@needs_fork
def test_a_forked_worker_neither_writes_nor_holds_the_lock(url):
    def child(recorder, ready, end):
        with contextlib.suppress(RecordError):
            recorder.record(a1(), plan_of(), result_of(plan_of()))
            os._exit(1)
        recorder.close()
        ready.set()
        end.wait()
        os._exit(0)

    context = multiprocessing.get_context("fork")
    ready, end = context.Event(), context.Event()
    with opened(url) as recorder:
        worker = context.Process(target=child, args=(recorder, ready, end))
        worker.start()
        assert ready.wait(20)
        assert recorder.record(a1(), plan_of(), result_of(plan_of())).recorded
    with Recorder(url):
        end.set()
    worker.join()
    assert worker.exitcode == 0


@needs_fork
def test_a_killed_recorder_leaves_no_lock(url):
    def child():
        with opened(url):
            os.kill(os.getpid(), signal.SIGKILL)

    assert forked(child) == -signal.SIGKILL
    with opened(url) as recorder:
        assert recorder.record(a1(), plan_of(), result_of(plan_of())).recorded


class Blocker:
    """Another program that holds a lock on the gradebook's rows."""

    def __init__(self, url):
        self.engine = sa.create_engine(url)
        self.connection = self.engine.connect()
        if self.engine.name == "sqlite":
            self.connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            self.connection.exec_driver_sql("LOCK TABLE autograde_ledger IN EXCLUSIVE MODE")

    def release(self, _=None):
        self.connection.rollback()
        self.connection.close()
        self.engine.dispose()


def test_a_locked_database_is_tried_again_until_it_is_free(url):
    waits = []
    with opened(url, sleep=lambda seconds: (waits.append(seconds), blocker.release())) as recorder:
        blocker = Blocker(url)
        assert recorder.record(a1(), plan_of(), result_of(plan_of())).recorded
    assert len(waits) == 1


def test_a_database_that_stays_locked_is_told_in_a_sentence(url):
    with opened(url, patience=0) as recorder:
        blocker, rows = Blocker(url), dump(url)
        with pytest.raises(RecordError, match="was locked by another program .* close formgrader"):
            recorder.record(a1(), plan_of(), result_of(plan_of()))
        assert recorder.preview(a1(), plan_of(), result_of(plan_of())).after == 20 and recorder.keys("A1") == {}
        blocker.release()
        assert dump(url) == rows
        assert recorder.record(a1(), plan_of(), result_of(plan_of())).recorded


def terminate_others(url):
    engine = sa.create_engine(url)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    with engine.connect() as connection:
        connection.execute(sa.text(others + "pg_backend_pid()"))
    engine.dispose()


@pytest.mark.postgres
def test_a_lost_connection_is_made_anew_with_its_lock(new_database):
    url = new_database()
    with opened(url) as recorder:
        for count in range(2):
            terminate_others(url)
            plan = plan_of(f"student {count}")
            assert recorder.record(a1(), plan, result_of(plan)).recorded
            with pytest.raises(RecordError, match="Another recorder writes"):
                Recorder(url)
    assert len(dump(url)["submission"]) == 2


@pytest.mark.postgres
def test_who_lost_the_connection_and_with_it_the_lock_to_another_writes_nothing(new_database):
    url = new_database()
    with opened(url) as first:
        rows = dump(url)
        terminate_others(url)
        with Recorder(url, "edf"):
            for _ in range(2):
                with pytest.raises(RecordError, match="Another recorder writes"):
                    first.record(a1(), plan_of(), result_of(plan_of()))
            assert dump(url) == rows
        assert first.record(a1(), plan_of(), result_of(plan_of())).recorded


@pytest.mark.postgres
def test_a_server_that_cannot_be_reached_is_told_without_the_password(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(RecordError, match="could not be reached, twice") as told:
        Recorder(f"postgresql+psycopg://me:secret@/grades?host={tmp_path}")
    assert "secret" not in str(told.value)


def test_a_full_disk_leaves_the_gradebook_as_it_was(tmp_path):
    url = f"sqlite:///{tmp_path}/gradebook.db"
    plans = [plan_of(f"student {i}", ANSWERS) for i in range(100)]
    with opened(url) as recorder:
        count = recorder.gradebook.db.execute(sa.text("PRAGMA page_count")).scalar()
        recorder.gradebook.db.execute(sa.text(f"PRAGMA max_page_count = {count + 8}"))
        recorder.gradebook.db.remove()
        recorded = 0
        with pytest.raises(RecordError, match="is full; free some space .* what is spooled stays"):
            for plan in plans:
                rows = dump(url)
                recorder.record(a1(), plan, result_of(plan))
                recorded += 1
        assert recorded > 0 and dump(url) == rows and len(recorder.keys("A1")) == recorded
        recorder.gradebook.db.execute(sa.text("PRAGMA max_page_count = 100000"))
        recorder.gradebook.db.remove()
        assert all(recorder.record(a1(), p, result_of(p)).recorded for p in plans[recorded:])


def error(lost=False, **fields):
    return SimpleNamespace(connection_invalidated=lost, orig=SimpleNamespace(**fields))


def test_faults_are_told_apart():
    """SQLite's extended codes keep their kind in the low byte; PostgreSQL's states are those of its appendix A."""
    assert fault_of(error(sqlite_errorcode=sqlite3.SQLITE_BUSY_SNAPSHOT)) == "locked"
    assert fault_of(error(sqlite_errorcode=sqlite3.SQLITE_FULL)) == "full"
    assert fault_of(error(sqlite_errorcode=sqlite3.SQLITE_READONLY)) == "other"
    assert [fault_of(error(sqlstate=s)) for s in ("40P01", "53100", "57P01", "23505")] == [
        "locked", "full", "lost", "other",
    ]  # fmt: skip
    assert fault_of(error(lost=True, sqlstate="40P01")) == "lost"


# ------------------------------------------------------------------------------------------- making the gradebook


def schema(url):
    engine = sa.create_engine(url)
    inspector = sa.inspect(engine)
    tables = {
        table: sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table))
        for table in inspector.get_table_names()
        if table != LEDGER.name
    }
    with engine.connect() as connection:
        version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    engine.dispose()
    return tables, version


@pytest.fixture(scope="session")
def stock_schema(tmp_path_factory):
    """The tables and the version of a gradebook that nbgrader made, which needs its command alembic on PATH."""
    url = f"sqlite:///{tmp_path_factory.mktemp('stock')}/gradebook.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
        with api.Gradebook(url, "edf"):
            pass
    return schema(url)


def test_a_gradebook_is_made_without_alembic_on_path_and_as_nbgrader_makes_it(tmp_path, url, monkeypatch, stock_schema):
    monkeypatch.setenv("PATH", str(tmp_path))
    with Recorder(url):
        pass
    tables, version = schema(url)
    assert version == stock_schema[1] and tables.keys() == stock_schema[0].keys()
    if url.startswith("sqlite"):
        assert tables == stock_schema[0]


def test_a_half_made_gradebook_is_refused(tmp_path, url, monkeypatch):
    """As nbgrader leaves it where the command alembic is not on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        api.Gradebook(url)
    with pytest.raises(RecordError, match="half-made"):
        Recorder(url)


def test_a_gradebook_of_another_version_is_refused(url):
    with Recorder(url):
        pass
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '167914646830'"))
    engine.dispose()
    with pytest.raises(RecordError, match="nbgrader db upgrade"):
        Recorder(url)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///no/such/folder/g.db", "mysql://x/y", "grades", "sqlite:///file:g?uri=true"]
)
def test_a_url_that_cannot_be_a_gradebook_is_told(url):
    with pytest.raises(RecordError, match="gradebook"):
        Recorder(url)


def test_nbgrader_reads_what_was_recorded_and_can_delete_it(recorder, url):
    for student in ("ada", "bo"):
        plan = plan_of(student, ANSWERS)
        recorder.record(a1(), plan, result_of(plan, {"layer-test": 0}))
    with api.Gradebook(url, "edf") as gradebook:
        rows = gradebook.submission_dicts("A1")
        assert [(r["score"], r["max_score"], r["needs_manual_grade"]) for r in rows] == [(18, 24, True)] * 2
        assert gradebook.notebook_submission_dicts("A1", "A1")[0]["failed_tests"]
        gradebook.remove_student("ada")
        gradebook.remove_assignment("A1")
    assert dump(url)["grade"] == []
    assert recorder.ensure_assignment(a1()) and recorder.keys("A1") == {}
    assert recorder.record(a1(), plan, result_of(plan)).recorded


def test_the_gradebook_is_one_file_again_after_the_recorder(tmp_path):
    with opened(f"sqlite:///{tmp_path}/gradebook.db") as recorder:
        recorder.record(a1(), plan_of(), result_of(plan_of()))
    assert {p.name for p in tmp_path.iterdir()} == {"gradebook.db", "gradebook.db.lock"}


def test_file_systems_that_are_not_known_to_be_local_are_not_trusted():
    assert not is_local("/proc/self/status")
    assert not is_local("/no/../proc/none")


@pytest.mark.parametrize("kind, local", [("ext4", True), ("nfs4", False), ("fuse.sshfs", False), ("overlay", False)])
def test_the_innermost_mount_says_what_a_file_system_is(kind, local, monkeypatch, tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 0:20 / / rw - ext4 /dev/a rw\n23 22 0:21 / /srv rw shared:1 - tmpfs none rw\n"
        f"24 23 0:22 / /srv/my\\040course rw shared:2 - {kind} host:/x rw\n"
    )
    monkeypatch.setattr("autograde.gradebook.MOUNTS", mounts)
    assert is_local("/srv/my course/gradebook.db") is local
    assert is_local("/srv/my courses/gradebook.db") is True


def test_nothing_is_kept_in_memory_between_recordings(recorder):
    for i in range(5):
        plan = plan_of(f"student {i}")
        recorder.record(a1(), plan, result_of(plan))
        assert len(recorder.gradebook.db().identity_map) == 0


# ------------------------------------------------------------------------------------------------------------ chaos


class Killed:
    """Kills its process at the n-th operation: a statement of SQL, an fsync or a rename, before it or after it."""

    def __init__(self, count):
        self.left = count
        sa.event.listen(sa.engine.Engine, "before_cursor_execute", self.operation)
        sa.event.listen(sa.engine.Engine, "commit", self.operation)
        for name in ("fsync", "replace"):
            setattr(os, name, self.wrapped(getattr(os, name)))

    def operation(self, *_):
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(self, function):
        def call(*args):
            self.operation()
            value = function(*args)
            self.operation()
            return value

        return call


def chaotic_class():
    plans = [plan_of(f"student {i:02}", ANSWERS if i % 3 else {}) for i in range(40)]
    return [(plan, result_of(plan, {"layer-test": i % 3})) for i, plan in enumerate(plans)]


def grade_all(url, folder, kill_at):
    """What the grader does: examine what is neither recorded nor spooled, spool it, record what is spooled."""
    if kill_at:
        Killed(kill_at)
    spool, plans = Spool(folder), {result.key: (plan, result) for plan, result in chaotic_class()}
    with opened(url) as recorder:
        known = set(recorder.keys("A1").values()) | set(spool.pending())
        for _, result in chaotic_class():
            if result.key not in known:
                spool.put(result)
                if random.Random(result.key).random() < 0.5:
                    continue  # this one is recorded at the end, with others
                recorder.record(a1(), plans[result.key][0], spool.get(result.key))
                spool.done(result.key)
        for key in spool.pending():
            recorder.record(a1(), plans[key][0], spool.get(key))
            spool.done(key)


@needs_fork
def test_a_recorder_killed_at_any_moment_loses_and_doubles_nothing(url, tmp_path):
    moments = random.Random(20).sample(range(15, 300), 10)
    ledger = {"ledger": 'SELECT student, assignment, notebook, "key", points, complete FROM autograde_ledger'}
    kills = 0
    for moment in moments:
        code = forked(grade_all, url, tmp_path / "spool", moment)
        assert code in (0, -signal.SIGKILL)
        kills += code != 0
        with Recorder(url, "edf"):
            pass  # whatever moment it was, the gradebook opens, and each submission in it is whole
        rows = dump(url, ROWS | ledger)
        assert [row[0] for row in rows["ledger"]] == [row[0] for row in rows["submission"]]
        assert len(rows["grade"]) == len(rows["comment"]) == 8 * len(rows["ledger"])
        assert all("None" not in row[4] for row in rows["grade"] if row[2] != "written")
    assert kills >= 5
    assert forked(grade_all, url, tmp_path / "spool", 0) == 0
    undisturbed = f"sqlite:///{tmp_path}/undisturbed.db"
    grade_all(undisturbed, tmp_path / "another spool", 0)
    assert dump(url, ROWS | ledger) == dump(undisturbed, ROWS | ledger)
    assert len(dump(url)["submission"]) == 40 and Spool(tmp_path / "spool").pending() == []
