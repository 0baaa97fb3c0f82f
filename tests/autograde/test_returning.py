"""Commands that only read: no gradebook is made, no lock is asked for, and what is gone is told."""

import sqlite3
from datetime import UTC, datetime

import pytest
import tinycourse
from nbgrader import api

from autograde import receipts, returning
from autograde.doctor import _gradebook
from autograde.errors import AutogradeError
from autograde.gradebook import LEDGER
from autograde.plan import make_plan
from autograde.read import read_notebook
from autograde.record import Recorder
from autograde.result import Result, TestResult
from autograde.returning import status_of, verify_receipts, write_feedback
from autograde.spool import Spool

CLASS = [("ada", tinycourse.RIGHT), ("bob", {})]


@pytest.fixture
def room(tmp_path):
    """A course directory with two submissions and no gradebook."""
    return tinycourse.make(tmp_path / "course", CLASS)


def record(room, student):
    """Spool, receipt and record full points for what a student handed in, as a run does; the receipt's hash."""
    master, _ = room.master("T1")
    plan = make_plan(master, read_notebook((room.root / f"submitted/{student}/T1/T1.ipynb").read_bytes()), student)
    worth = tinycourse.POINTS.items()
    tests = tuple(TestResult(name, None, float(points), float(points), "passed") for name, points in worth)
    key = receipts.hashlib.sha256(student.encode()).hexdigest()
    result = Result("T1", "T1", student, plan.digest, master.digest, key, "isolated", tests=tests)
    spool = Spool(room.private / "spool" / "T1")
    spool.put(result, {"plan": plan.to_json()})
    receipt = receipts.append(room.root, "T1", receipts.entry_of(result, b"")).hash
    with Recorder(room.db_url, room.course_id) as recorder:
        recorder.ensure_assignment(master)
        recorder.record(master, plan, result, datetime(2026, 1, 1, tzinfo=UTC), receipt=receipt)
    spool.done(key)
    return receipt


@pytest.fixture
def recorded(room):
    """The same, with both recorded."""
    for student, _ in CLASS:
        record(room, student)
    return room


@pytest.mark.parametrize("command", [status_of, write_feedback])
def test_without_a_gradebook_a_sentence_says_so_and_none_is_made(room, command):
    with pytest.raises(AutogradeError, match="no gradebook at .*gradebook.db"):
        command(room, "T1")
    assert not list(room.root.glob("gradebook.db*"))


def test_a_gradebook_that_was_moved_away_is_no_empty_class(recorded):
    (recorded.root / "gradebook.db").rename(recorded.root / "elsewhere.db")
    for command in (status_of, write_feedback):
        with pytest.raises(AutogradeError, match="no gradebook"):
            command(recorded, "T1")
    assert not (recorded.root / "gradebook.db").exists()


def test_what_reads_goes_on_while_a_grader_writes_and_changes_nothing(recorded):
    before = status_of(recorded, "T1")
    rows = tinycourse.rows(recorded)
    with Recorder(recorded.db_url, recorded.course_id) as recorder:

        def read(session):
            session.execute(LEDGER.update().values(points=0))  # the writer holds its lock, and has not yet committed
            return status_of(recorded, "T1"), write_feedback(recorded, "T1"), verify_receipts(recorded, "T1")

        found, site, chain = recorder.transaction(read)
        recorder.transaction(lambda session: session.execute(LEDGER.update().values(points=5.0)))
    assert found | {"feedback_pages": []} == before and before["graded"] == ["ada", "bob"] and chain.intact
    assert len(site.written) == 2 and not site.refused
    assert tinycourse.rows(recorded) == rows


def test_reading_leaves_the_file_of_the_gradebook_as_it_was(recorded):
    path = recorded.root / "gradebook.db"
    data = path.read_bytes()
    status_of(recorded, "T1")
    write_feedback(recorded, "T1")
    verify_receipts(recorded, "T1")
    assert path.read_bytes() == data
    assert [p.name for p in recorded.root.glob("gradebook.db-*")] == []


def test_an_assignment_that_nobody_has_graded_yet_has_a_status(room):
    with Recorder(room.db_url, room.course_id):
        pass
    found = status_of(room, "T1")
    assert (found["handed_in"], found["graded"], found["needs_person"]) == (["ada", "bob"], [], [])
    assert found["changed_since"] == ["ada", "bob"]


def test_a_gradebook_that_nbgrader_alone_wrote_has_a_status(recorded):
    with sqlite3.connect(recorded.root / "gradebook.db") as database:
        database.execute(f"DROP TABLE {LEDGER.name}")
    found = status_of(recorded, "T1")
    assert found["graded"] == [] and found["receipts"]["intact"]
    with api.Gradebook(recorded.db_url) as gradebook:
        waiting = sorted(s.student.id for s in gradebook.assignment_submissions("T1") if s.needs_manual_grade)
    assert found["needs_person"] == waiting


def test_deleted_receipts_are_told_by_what_the_gradebook_names(recorded):
    assert verify_receipts(recorded, "T1").intact and status_of(recorded, "T1")["receipts"]["intact"]
    for path in (recorded.private / "receipts").glob("T1.*"):
        path.unlink()
    found = verify_receipts(recorded, "T1")
    assert not found.intact and found.problem.startswith("The gradebook names 2 receipts not in the chain")
    assert not status_of(recorded, "T1")["receipts"]["intact"]


def test_a_chain_is_verified_alone_where_there_is_no_gradebook_and_refused_for_an_unknown_assignment(recorded):
    assert len(returning.ledger_receipts(recorded, "T1")) == 2
    (recorded.root / "gradebook.db").unlink()
    found = verify_receipts(recorded, "T1")
    assert found.intact and found.lines == 2 and not (recorded.root / "gradebook.db").exists()
    with pytest.raises(AutogradeError, match="T7 has no notebook.*T1"):
        verify_receipts(recorded, "T7")


def test_the_doctor_tries_the_gradebook(room, monkeypatch):
    assert "yet to be made" in _gradebook(room.root).found and not (room.root / "gradebook.db").exists()
    with Recorder(room.db_url, room.course_id):
        assert _gradebook(room.root).status == "ok"
    pytest.importorskip("psycopg")
    monkeypatch.setenv("AUTOGRADE_DB", "postgresql+psycopg://user:geheim@127.0.0.1:1/x")
    found = _gradebook(room.root)
    assert (found.status, found.optional) == ("missing", False)
    assert "cannot be reached" in found.found and "geheim" not in str(found)
