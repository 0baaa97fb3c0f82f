"""What goes back and what stands: feedback pages from what was recorded, and the state of an assignment."""

import sqlalchemy as sa

from . import receipts
from .export import gradebook_rows, reading
from .feedback import feedback_site, marks
from .gradebook import LEDGER, try_gradebook
from .plan import Plan
from .record import keys_of
from .spool import Spool


def write_feedback(room, assignment):
    """Write the feedback pages of all recorded results.

    Returns
    -------
    feedback.Site

    Raises
    ------
    AutogradeError : there is no gradebook; none is made.
    """
    master, _ = room.master(assignment)
    found = marks(room.db_url, assignment)
    return feedback_site(room.folder("feedback"), master, recorded(room, assignment), found)


def recorded(room, assignment):
    """(Plan or None, Result) of each result that stands in the gradebook and that the spool still has."""
    spool = Spool(room.private / "spool" / assignment)
    for key in _recorded_keys(room, assignment).values():
        result, extra = spool.entry(key)
        plan = Plan.from_json(extra["plan"]) if extra and extra.get("plan") else None
        yield plan, result


def _recorded_keys(room, assignment):
    """Keys of the results that stand, by (student, notebook), read without a lock."""
    with reading(room.db_url) as (session, _):
        return keys_of(session, assignment, complete=False) if _has_ledger(session) else {}


def _has_ledger(session):
    return sa.inspect(session.connection()).has_table(LEDGER.name)


def ledger_receipts(room, assignment):
    """The hashes of the receipts that the gradebook names for an assignment, without a lock.

    Raises
    ------
    AutogradeError : there is no gradebook.
    """
    with reading(room.db_url) as (session, _):
        if not _has_ledger(session):
            return []
        return list(session.scalars(sa.select(LEDGER.c.receipt).where(LEDGER.c.assignment == assignment)))


def verify_receipts(room, assignment, known=None):
    """`receipts.verify` with what the gradebook names; without a gradebook, the chain alone.

    Raises
    ------
    AutogradeError : there is neither a chain nor an assignment of this name.
    """
    if not receipts.chain_path(room.root, assignment).is_file():
        room.master(assignment)
    recorded = ledger_receipts(room, assignment) if try_gradebook(room.db_url) else []
    return receipts.verify(room.root, assignment, known, recorded)


def _rows(room, assignment):
    """The gradebook's rows; none for an assignment that nobody has graded yet."""
    with reading(room.db_url) as (session, api):
        there = session.scalar(sa.select(api.Assignment.id).where(api.Assignment.name == assignment))
    return gradebook_rows(room.db_url, assignment) if there else []


def status_of(room, assignment):
    """The state of an assignment as plain data: who handed in, is graded, has changed since, needs a person.

    Raises
    ------
    AutogradeError : there is no gradebook; none is made, and a grader that runs is not disturbed.
    """
    from .examine import result_key, seed_for
    from .pipeline import Options, exam_of
    from .pool import Job, planned, unreadable

    exam = exam_of(room, assignment, Options())
    spool = Spool(room.private / "spool" / assignment)
    keys = {s: key for (s, _), key in _recorded_keys(room, assignment).items()}
    handed_in = room.students(assignment)
    changed, secret = [], room.secret()
    for student in handed_in:
        seed = seed_for(secret, student, assignment)
        plan, _ = planned(room, exam, student)
        if isinstance(plan, str):
            key = unreadable(exam, Job(student, seed), plan).key
        else:
            key = result_key(exam.master, plan, seed, exam.limits, exam.environment)
        if keys.get(student) != key:
            changed.append(student)
    waiting = [r.student for r in _rows(room, assignment) if r.needs_person]
    chain = receipts.verify(room.root, assignment, recorded=ledger_receipts(room, assignment))
    pages = sorted(p.parent.parent.name for p in room.folder("feedback").glob(f"*/{assignment}/*.html"))
    return {
        "assignment": assignment,
        "handed_in": handed_in,
        "graded": sorted(keys),
        "changed_since": changed,
        "needs_person": sorted(set(waiting)),
        "spooled": sorted(spool.entry(key)[0].student for key in spool.pending()),
        "feedback_pages": pages,
        "receipts": {"lines": chain.lines, "intact": chain.intact, "head": chain.head},
    }
