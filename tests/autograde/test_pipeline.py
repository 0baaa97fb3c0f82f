"""A class is graded once, wholly and reproducibly, whatever dies on the way."""

import os
import shutil
import signal
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import nbformat
import pytest
import tinycourse
from tinycourse import RIGHT

from autograde import pipeline, pool, receipts
from autograde.classroom import Classroom
from autograde.errors import AutogradeError
from autograde.pipeline import Options, grade, replay
from autograde.record import Recorder
from autograde.spool import Spool

pytestmark = pytest.mark.sandbox

HALF = RIGHT | {"mean": "def mean(values):\n    raise ValueError('not yet')"}  # 2 of 5
CLASS = [("ada", RIGHT), ("bob", HALF), ("cyd", {})]
TOTALS = {"ada": 5.0, "bob": 2.0, "cyd": 0.0}


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    return tmp_path_factory.mktemp("builds")


@pytest.fixture
def make(tmp_path, builds):
    """A function that makes a course directory: its Classroom."""

    def course(students=CLASS, name="course", config=""):
        return tinycourse.make(tmp_path / name, students, builds, config)

    return course


@pytest.fixture(scope="module")
def once(tmp_path_factory, builds):
    """A course that was graded once, undisturbed; nobody changes it."""
    room = tinycourse.make(tmp_path_factory.mktemp("once") / "course", CLASS, builds)
    run(room)
    return room


@pytest.fixture(scope="module")
def undisturbed(once):
    return tinycourse.rows(once)


@pytest.fixture
def graded(once, tmp_path):
    """A copy of that course."""
    shutil.copytree(once.root, tmp_path / "graded", symlinks=True)
    return Classroom.at(tmp_path / "graded")


def totals(room):
    return {
        s: None if None in p.values() else sum(p.values()) for s, p in tinycourse.points(room).items()
    }  # fmt: skip


def run(room, **options):
    """Grade with two workers: (Report, the Outcomes by student)."""
    found = {}
    options = {"workers": 2} | options
    report = grade(room, "T1", Options(**options), on_outcome=lambda o: found.__setitem__(o.student, o))
    return report, found


def graded_notebook(room, student):
    return nbformat.read(room.root / "autograded" / student / "T1" / "T1.ipynb", as_version=4)


# --- an ordinary run


def test_class_gets_the_points_worked_out_by_hand(make):
    members = list(tinycourse.many(len(tinycourse.ANSWERS)))
    room = make([m[:2] for m in members])
    report, _ = run(room)
    assert tinycourse.points(room) == {s: p for s, _, p in members}
    assert not report.needs_person and not report.held and not report.faults


def test_files_of_the_instructor_are_found_by_both_sides_and_a_students_own_version_of_them_by_neither(make):
    room = make([])
    released = room.root / "release" / "T1"
    for folder in (room.root / "solutions" / "T1", room.root / "assignments" / "T1"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "factor.py").write_text("FACTOR = 2\n")
        (folder / "table.csv").write_text("1,2\n")
        (folder / "T1.checks.json").write_text('{"checks": {}, "says": {}}')
    answer = (
        "import factor, os\ndef double(x):\n    return factor.FACTOR * x if open('table.csv').read() == '1,2\\n' else 0"
    )
    look = "print(sorted(os.listdir()))"
    tinycourse.submit(room, "ada", tinycourse.notebook(tinycourse.RIGHT | {"double": answer}, extra=[look]))
    (room.root / "submitted" / "ada" / "T1" / "factor.py").write_text("FACTOR = 7\n")
    _, found = run(room)
    assert found["ada"].result.points == 5 and not released.exists()
    printed = [o["text"] for c in found["ada"].result.cells for o in c.outputs if o["type"] == "stream"]
    assert printed == ["['factor.py', 'table.csv']\n"]


def test_second_run_examines_nobody_and_changes_nothing(graded):
    room = graded
    before = tinycourse.rows(room)
    report, found = run(room)
    assert sorted(report.unchanged) == sorted(TOTALS) and not report.recorded
    assert all(o.unchanged for o in found.values())
    assert tinycourse.rows(room) == before


def test_only_what_was_handed_in_anew_is_examined(graded):
    room = graded
    tinycourse.submit(room, "cyd", tinycourse.notebook(RIGHT))
    report, found = run(room)
    assert [s for s, o in found.items() if not o.unchanged] == ["cyd"]
    assert totals(room) == TOTALS | {"cyd": 5.0}
    assert [(c.before, c.after) for c in report.recorded] == [(0.0, 5.0)]


def test_force_examines_everybody_and_gives_equal_results(graded):
    room, before = graded, tinycourse.rows(graded)
    _, first = run(room, force=True)
    _, second = run(room, force=True)
    assert not any(o.unchanged for o in second.values())
    for student in TOTALS:
        a, b = (replace(f[student].result, seconds=None) for f in (first, second))
        assert a == b
    assert tinycourse.rows(room) == before


def test_chosen_student_alone_is_graded(make):
    room = make()
    run(room, students=("bob",))
    assert totals(room) == {"bob": 2.0}


def test_unknown_student_is_an_error_that_names_them(make):
    with pytest.raises(AutogradeError, match="zoe handed in no T1"):
        run(make(), students=("ada", "zoe"))


def test_class_without_submissions_is_an_error_that_says_what_to_do(make):
    with pytest.raises(AutogradeError, match="Nobody has handed in T1"):
        run(make([]))


@pytest.mark.parametrize("data", [b"", b"{", b"\x00" * 100, b"[[[[", b'{"cells": 3}', b"PK\x03\x04"])
def test_unreadable_submission_needs_a_person_and_stops_nobody(make, data):
    room = make()
    tinycourse.submit(room, "bad", data)
    report, _ = run(room)
    assert [s for s, _ in report.needs_person] == ["bad"]
    assert totals(room) == TOTALS | {"bad": None}


def test_resubmission_that_cannot_be_read_leaves_no_old_grade(graded):
    room = graded
    tinycourse.submit(room, "ada", b"{")
    report, _ = run(room)
    assert [s for s, _ in report.needs_person] == ["ada"]
    assert totals(room) == TOTALS | {"ada": None}


def test_link_in_a_submission_is_not_read(make, tmp_path):
    room = make()
    (tmp_path / "elsewhere.ipynb").write_text(nbformat.writes(tinycourse.notebook(RIGHT)))
    place = room.root / "submitted" / "eve" / "T1"
    place.mkdir(parents=True)
    (place / "T1.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    report, _ = run(room)
    assert "eve" in [s for s, _ in report.needs_person] and totals(room)["eve"] is None


# --- regrades that wait for somebody's agreement


def test_regrade_is_held_until_agreed_to_and_not_examined_again(graded):
    room, asked = graded, []
    tinycourse.submit(room, "ada", tinycourse.notebook(HALF))

    def agree(answer):
        return lambda changes: asked.append([(c.student, c.before, c.after) for c in changes]) or answer

    report, _ = run(room, agree=agree(False))
    assert totals(room) == TOTALS and [c.student for c in report.held] == ["ada"]
    report, found = run(room, agree=agree(True))
    assert found["ada"].unchanged, "held results need no second examination"
    assert totals(room) == TOTALS | {"ada": 2.0} and [c.after for c in report.recorded] == [2.0]
    assert asked == [[("ada", 5.0, 2.0)]] * 2


def test_first_grades_are_never_held(make):
    room = make()
    report, _ = run(room, agree=lambda changes: False)
    assert not report.held and totals(room) == TOTALS


# --- what dies on the way


def _once(path):
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def test_worker_that_is_killed_is_replaced_and_its_submission_graded(make, tmp_path, monkeypatch):
    outcome = pool.outcome

    def dying(room, exam, warm, job):
        if job.student == "bob" and _once(tmp_path / "killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome(room, exam, warm, job)

    monkeypatch.setattr(pool, "outcome", dying)
    room = make()
    report, _ = run(room)
    assert (tmp_path / "killed").exists() and not report.needs_person
    assert totals(room) == TOTALS


def test_submission_that_kills_its_worker_twice_needs_a_person_and_stops_nobody(make, monkeypatch):
    outcome = pool.outcome

    def dying(room, exam, warm, job):
        if job.student == "bob":
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome(room, exam, warm, job)

    monkeypatch.setattr(pool, "outcome", dying)
    room = make()
    report, _ = run(room)
    assert [s for s, _ in report.needs_person] == ["bob"]
    assert totals(room) == TOTALS | {"bob": None}
    monkeypatch.undo()
    run(room)
    assert totals(room) == TOTALS, "the next run tries it again"


def test_zygote_that_died_is_replaced(make, tmp_path, monkeypatch):
    outcome = pool.outcome

    def dying(room, exam, warm, job):
        if _once(tmp_path / "killed"):
            for zygote in warm.parent._own.values():
                os.kill(zygote.process.pid, signal.SIGKILL)
        return outcome(room, exam, warm, job)

    monkeypatch.setattr(pool, "outcome", dying)
    room = make()
    report, _ = run(room, workers=1)
    assert (tmp_path / "killed").exists() and not report.needs_person
    assert totals(room) == TOTALS


STEPS = {
    "before it is spooled": (Spool, "put", "before"),
    "after it is spooled": (Spool, "put", "after"),
    "before the receipt": (receipts, "append", "before"),
    "after the receipt": (receipts, "append", "after"),
    "before autograded/": (pipeline, "write_autograded", "before"),
    "after autograded/": (pipeline, "write_autograded", "after"),
    "before it is recorded": (Recorder, "record", "before"),
    "after it is recorded": (Recorder, "record", "after"),
    "before it leaves the spool": (Spool, "done", "before"),
    "after it left the spool": (Spool, "done", "after"),
}


class Cut(BaseException):
    """Stands for the end of the process."""


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_run_cut_off_at_any_step_is_completed_by_the_same_command(make, monkeypatch, undisturbed, step):
    where, name, when = STEPS[step]
    original, calls = getattr(where, name), []

    def cutting(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2 and when == "before":
            raise Cut
        value = original(*args, **kwargs)
        if len(calls) == 2:
            raise Cut
        return value

    room = make()
    monkeypatch.setattr(where, name, cutting)
    with pytest.raises(Cut):
        run(room)
    monkeypatch.undo()
    run(room)
    assert tinycourse.rows(room) == undisturbed
    chain = receipts.verify(room.root, "T1")
    keys = [r.entry["key"] for r in receipts.find(room.root, "T1")]
    assert chain.intact and len(keys) == len(set(keys)) == len(CLASS)
    assert not list((room.private / "spool" / "T1").glob("*.json")), "nothing waits"
    assert all(graded_notebook(room, s) for s in TOTALS)


# --- modes


def test_fresh_processes_give_equal_grades(make, undisturbed):
    room = make()
    run(room, fresh=True)
    assert tinycourse.rows(room) == undisturbed


def test_unsafe_run_marks_every_grade(make, undisturbed):
    room = make()
    run(room, unsafe=True)
    with sqlite3.connect(room.root / "gradebook.db") as database:
        assert {a for (a,) in database.execute("SELECT assurance FROM autograde_ledger")} == {"unsafe"}
    assert {r.entry["assurance"] for r in receipts.find(room.root, "T1")} == {"unsafe"}
    assert tinycourse.rows(room)["grades"] == undisturbed["grades"]


def test_unsafe_grade_is_given_anew_in_a_sandbox(make):
    room = make()
    run(room, unsafe=True)
    _, found = run(room)
    assert not any(o.unchanged for o in found.values())
    assert {o.result.assurance for o in found.values()} == {"isolated"}


# --- what is written


def test_autograded_folder_that_is_a_link_is_replaced_not_followed(make, tmp_path):
    room, outside = make(), tmp_path / "outside"
    outside.mkdir()
    (outside / "T1.ipynb").write_text("mine")
    place = room.root / "autograded" / "ada"
    place.mkdir(parents=True)
    (place / "T1").symlink_to(outside)
    run(room)
    assert (outside / "T1.ipynb").read_text() == "mine" and [p.name for p in outside.iterdir()] == ["T1.ipynb"]
    assert not (place / "T1").is_symlink() and graded_notebook(room, "ada").cells


def test_link_in_autograded_folder_is_replaced_not_followed(graded, tmp_path):
    room = graded
    target = tmp_path / "target"
    target.write_text("mine")
    place = room.root / "autograded" / "ada" / "T1" / "T1.ipynb"
    place.unlink()
    place.symlink_to(target)
    run(room, force=True)
    tinycourse.submit(room, "ada", tinycourse.notebook(HALF))
    run(room)
    assert target.read_text() == "mine" and not place.is_symlink()


def test_autograded_student_that_is_a_link_is_refused_with_a_sentence(make, tmp_path):
    room, outside = make(), tmp_path / "outside"
    outside.mkdir()
    (room.root / "autograded").mkdir()
    (room.root / "autograded" / "ada").symlink_to(outside)
    with pytest.raises(AutogradeError, match="is a link"):
        run(room)
    assert not list(outside.iterdir())


def test_autograded_notebook_holds_the_master_and_the_answers_and_no_hidden_test(graded):
    room = graded
    text = (room.root / "autograded" / "bob" / "T1" / "T1.ipynb").read_text()
    assert "not yet" in text and "arrays too" not in text


def test_late_work_loses_what_the_configured_rule_takes(graded):
    room = graded
    with open(room.root / "nbgrader_config.py", "a") as file:
        file.write('c.LateSubmissionPlugin.penalty_method = "zero"\n')
    due = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with sqlite3.connect(room.root / "gradebook.db") as database:
        database.execute("UPDATE assignment SET duedate = ?", (due.strftime("%Y-%m-%d %H:%M:%S.%f"),))
    for student, hours in (("ada", 2), ("bob", -2)):
        time = (due + timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S UTC")
        (room.root / "submitted" / student / "T1" / "timestamp.txt").write_text(time)
        tinycourse.submit(room, student, tinycourse.notebook(RIGHT, extra=["1 + 1"]))
    run(room)
    with sqlite3.connect(room.root / "gradebook.db") as database:
        rows = database.execute(
            "SELECT a.student_id, n.late_submission_penalty FROM submitted_notebook n "
            "JOIN submitted_assignment a ON a.id = n.assignment_id"
        )
        assert dict(rows) == {"ada": 5.0, "bob": None, "cyd": None}


# --- receipts


def test_receipts_verify_and_a_replay_reproduces_each_grade(graded):
    room = graded
    assert receipts.verify(room.root, "T1").intact
    for receipt in receipts.find(room.root, "T1"):
        result, told = replay(room, "T1", receipt.entry)
        assert told == [] and result.points == TOTALS[receipt.entry["student"]]


def test_replay_after_the_tests_changed_reproduces_the_grade_and_says_that_they_changed(graded):
    room = graded
    source = room.root / "solutions" / "T1" / "T1.ipynb"
    source.write_text(source.read_text().replace("double(2) == 4", "double(2) == 5"))
    (receipt,) = receipts.find(room.root, "T1", student="ada")
    result, told = replay(room, "T1", receipt.entry)
    assert result.points == 5.0, "the bundle holds the tests of then"
    assert any(line.startswith("master was") for line in told) and not any("double-test" in line for line in told)


def test_changed_tests_regrade_everybody(graded):
    room = graded
    source = room.root / "solutions" / "T1" / "T1.ipynb"
    source.write_text(source.read_text().replace("double(2) == 4", "double(2) == 5"))
    report, _ = run(room)
    assert totals(room) == {"ada": 3.0, "bob": 0.0, "cyd": 0.0}
    gains, losses = pipeline.regrades(report.recorded)
    assert not gains and {c.student for c in losses} >= {"ada", "bob"}
