"""What goes back and what stands: feedback pages from what was recorded, and the state of an assignment."""

from . import receipts
from .feedback import feedback_site, marks
from .plan import Plan
from .record import Recorder
from .spool import Spool


def write_feedback(room, assignment):
    """Write the feedback pages of all recorded results.

    Returns
    -------
    feedback.Site
    """
    master, _ = room.master(assignment)
    spool = Spool(room.private / "spool" / assignment)
    with Recorder(room.db_url, room.course_id) as recorder:
        keys = recorder.keys(assignment, complete=False)
    found = marks(room.db_url, assignment)
    return feedback_site(room.folder("feedback"), master, _recorded(spool, keys.values()), found)


def _recorded(spool, keys):
    """(Plan or None, Result) for each key that the spool still has."""
    for key in keys:
        result, extra = spool.entry(key)
        plan = Plan.from_json(extra["plan"]) if extra and extra.get("plan") else None
        yield plan, result


def status_of(room, assignment):
    """The state of an assignment as plain data: who handed in, is graded, has changed since, needs a person."""
    from .examine import result_key, seed_for
    from .export import gradebook_rows
    from .pipeline import Options, exam_of
    from .pool import Job, planned, unreadable

    exam = exam_of(room, assignment, Options())
    spool = Spool(room.private / "spool" / assignment)
    with Recorder(room.db_url, room.course_id) as recorder:
        recorder.ensure_assignment(exam.master)
        keys = {s: key for (s, _), key in recorder.keys(assignment, complete=False).items()}
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
    waiting = [r.student for r in gradebook_rows(room.db_url, assignment) if r.needs_person]
    chain = receipts.verify(room.root, assignment)
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
