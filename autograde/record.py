"""Records results in nbgrader's gradebook: one writer, one transaction for each submission, replay without effect.

The rows are those that `nbgrader autograde` (0.9) writes for the same verdicts, through nbgrader's own models, with a
ledger beside them in the same transaction. What differs from nbgrader, on purpose:

- a test that could not be examined, and every cell of a notebook that needs a person, has no automatic score and
  waits for a person, with the reason as the automatic comment of its answer cell; nbgrader leaves the old grade;
- an answer that was deleted or emptied counts as left blank; nbgrader waits for a person, for ever if it was deleted;
- a written answer that was left blank waits for a person if the student wrote text cells: it may stand there;
- the late penalty follows a due date, extension or time of receipt that was put right, without a new verdict;
- a score that a person gave is flagged again when what it was given for has changed; nbgrader flags it at each run;
- notebook and answers must fit the gradebook's cells and points, or nothing is recorded.
"""

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from nbgrader import api, utils
from sqlalchemy.orm import load_only

from .gradebook import LEDGER, RecordError, Writer, course_of, plain

BLANK = "No response."  # nbgrader's comment on an answer cell that was left as released
ELSEWHERE = "Nothing was written in this cell. A person looks for the answer in the text cells that were added."


@dataclass(frozen=True)
class Change:
    """What recording a result does, or would do, to a student's grade of one notebook.

    before, after : float or None, sum of the scores that stand, automatic or a person's; None where none stands.
        Less the late penalty where nothing but the lateness is settled
    gained : tuple of (cell, before, after) for each cell whose score differs, whether it rose or fell
    reasons : tuple of str, sentences on why
    recorded : bool, whether anything was written
    """

    student: str
    before: float | None
    after: float | None
    gained: tuple[tuple[str, float | None, float | None], ...]
    reasons: tuple[str, ...]
    recorded: bool = True


@dataclass(frozen=True)
class Standing:
    """A cell's grade as the gradebook holds it: automatic, a person's, extra credit, and whether it waits."""

    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    waits: bool = True

    @property
    def score(self):
        given = self.auto if self.manual is None else self.manual
        return None if given is None else given + (self.extra or 0.0)


@dataclass(frozen=True)
class _Submission:
    """A student's rows of one notebook, as objects of the session, by cell; and the ledger's row."""

    assignment: api.SubmittedAssignment | None
    notebook: api.SubmittedNotebook | None = None
    grades: dict = field(default_factory=dict)
    comments: dict = field(default_factory=dict)
    ledger: dict | None = None

    @property
    def standings(self):
        rows = self.grades.items()
        return {n: Standing(g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade) for n, g in rows}


# ----------------------------------------------------------------------------------------- verdicts to rows, purely


def settle(cells, plan, result, before, same):
    """The standings that a result leads to, by cell.

    Parameters
    ----------
    cells : Cells
    plan : Plan or None
    result : Result
    before : dict of Standing by cell; a cell without one never had a grade
    same : set of cells whose answer is the one that the grade in `before` was given for
    """
    reason = failure(plan, result)
    after = {}
    for name in cells.graded:
        old = before.get(name, Standing())
        auto = None if reason else _automatic(name, cells, plan, result)
        seen = not reason and old.manual is not None and name in same and auto == old.auto
        after[name] = replace(old, auto=auto, waits=old.waits if seen else auto is None or old.manual is not None)
    for name in cells.tasks:
        old = before.get(name, Standing())
        after[name] = replace(old, waits=True) if reason else old
    return after


def failure(plan, result):
    """Why no automatic grade of the notebook may stand: a sentence, or None."""
    return result.needs_person or (plan.needs_person if plan is not None else None)


def _automatic(name, cells, plan, result):
    for test in result.tests:
        if test.name == name:
            return None if test.points is None else float(test.points)
    blank = name in cells.solutions and name in _blank(plan, "written")
    return 0.0 if blank and not plan.own_text else None


def _blank(plan, *kinds):
    """Names of the answers of these kinds that hold nothing of the student's."""
    return {c.name for c in plan.cells if c.kind in kinds and _is_blank(c)}


def _is_blank(cell):
    return cell.unchanged or not cell.source.strip()


def remarks(cells, master, plan, result):
    """The automatic comment of each solution and task cell, by name; None for no comment."""
    commented = [*cells.solutions, *cells.tasks]  # names alone: nbgrader's own commands give no ids
    reason = failure(plan, result)
    if reason:
        return dict.fromkeys(commented, plain(reason))
    blank = _blank(plan, "answer", "written")
    said = {name: BLANK if name in blank and name in cells.solutions else None for name in commented}
    if plan.own_text:
        said |= {name: ELSEWHERE for name in _blank(plan, "written") & cells.solutions.keys()}
    for test in result.tests:
        answer = _answer_of(test, master, cells)
        if test.points is None and answer:
            said[answer] = plain(f"{test.name} needs a person: {test.message or 'it could not be examined.'}")
    return said


def _answer_of(test, master, cells):
    """The answer cell that a test belongs to: of its exercise's name, or else the nearest one above it."""
    if test.exercise in cells.solutions:
        return test.exercise
    above = None
    for cell in master.cells:
        if cell.name in cells.solutions:
            above = cell.name
        if cell.name == test.name:
            return above
    return None


def total(standings):
    """The sum of the scores that stand, or None where none does."""
    return _sum(s.score for s in standings.values())


def points_of(standings):
    """The sum of the automatic scores, or None where there is none, as SQL's SUM gives it."""
    return _sum(s.auto for s in standings.values())


def _sum(scores):
    given = [s for s in scores if s is not None]
    return math.fsum(given) if given else None


def written_digests(plan):
    """The digest of each written answer, by cell; where it is blank, of the texts that may hold the answer as well."""
    if plan is None:
        return {}
    own = "".join(f"\0{text}" for text in plan.own_text)
    written = [c for c in plan.cells if c.kind == "written" and c.name]
    return {c.name: _sha256(c.source + (own if _is_blank(c) else "")) for c in written}


def _sha256(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _same_answers(ledger, cells, plan, result):
    """The cells whose answers are those of the last recording; a test's answer is all that was handed in."""
    if ledger is None or plan is None:
        return set()
    stored = json.loads(ledger["written"])
    same = {name for name, digest in written_digests(plan).items() if stored.get(name) == digest}
    written = {c.name for c in plan.cells if c.kind == "written"}
    return same | (set(cells.graded) - written if ledger["plan"] == result.plan else set())


def is_complete(cells, plan, result):
    """Whether every test was examined, so that there is nothing to gain from examining it again."""
    examined = {t.name for t in result.tests if t.points is not None}
    tests = {name for name, (_, _, kind) in cells.graded.items() if kind == "code" and name not in cells.solutions}
    return failure(plan, result) is None and tests <= examined


def change(student, before, after, reasons, recorded=True):
    """The Change between two sets of standings."""
    scores = {name: (before[name].score if name in before else None, new.score) for name, new in after.items()}
    gained = tuple((name, old, new) for name, (old, new) in scores.items() if old != new)
    return Change(student, total(before), total(after), gained, tuple(reasons), recorded)


def why(before, ledger, plan, result):
    """Sentences on why a grade is given or differs, the cells that changed last."""
    reason = failure(plan, result)
    if ledger is None:
        graded = any(s.score is not None for s in before.values())
        told = ["The grade that stood was not recorded here." if graded else "This is the first grade."]
    else:
        told = ["The student handed in something else."] if ledger["plan"] != result.plan else []
        told += ["The assignment or its tests changed."] if ledger["master"] != result.master else []
        told += [] if told or ledger["key"] == result.key else ["The libraries, limits or seeds of the grader changed."]
        told += [] if ledger["complete"] else ["Not all could be examined last time."]
    if reason:
        return [*told, f"A person is needed: {plain(reason)}"]
    waiting = [t for t in result.tests if t.points is None]
    lost = [t for t in result.tests if t.points is not None and t.points < t.max_points]
    told += [f"{t.name} needs a person: {plain(t.message or 'it could not be examined.')}" for t in waiting]
    return told + [f"{t.name}: {t.points:g} of {t.max_points:g}, {plain(t.message or t.reason)}" for t in lost]


def check_fit(master, plan, result):
    """Raise a RecordError for a result that is of another submission or master, or has impossible points."""
    who = f"The result of {plain(result.student)!r} for {plain(result.assignment)}/{plain(result.notebook)}"
    for what, wanted in (("student", result.student), ("assignment", result.assignment), ("notebook", result.notebook)):
        if not isinstance(wanted, str) or not 0 < len(wanted) <= 128 or not wanted.isprintable():
            raise RecordError(f"{who} names a {what} that is no printable text of at most 128 characters.")
    if (result.assignment, result.notebook) != (master.assignment, master.notebook):
        raise RecordError(f"{who} is not one of {master.assignment}/{master.notebook}.")
    if plan is None and not result.needs_person:
        raise RecordError(f"{who} comes without a plan; give the plan that it was examined by.")
    if plan is not None and (plan.student, plan.digest) != (result.student, result.plan):
        raise RecordError(f"{who} belongs to another hand-in than the plan given; examine the submission again.")
    if result.master != master.digest:
        raise RecordError(f"{who} was examined against another version of the assignment; examine it again.")
    names = [t.name for t in result.tests]
    if len(set(names)) != len(names):
        raise RecordError(f"{who} has two verdicts on one test.")
    for test in result.tests:
        if not _possible(test.points, test.max_points):
            told = f"{test.name} has {test.points!r} points of {test.max_points!r}"
            raise RecordError(f"{who} is impossible: {plain(told)}. Examine it again.")


def _possible(points, most):
    if points is None:
        return True
    numbers = all(isinstance(p, int | float) and not isinstance(p, bool) for p in (points, most))
    return numbers and 0 <= points <= most < math.inf  # false for what is not a number


def check_tests(master, cells, result):
    """Raise a RecordError for a verdict on a cell that is none of the gradebook's, or of more points than it has."""
    for test in result.tests:
        if test.name not in cells.graded:
            raise RecordError(f"{master.assignment}/{master.notebook} has no test cell {plain(test.name)!r}.")
        if test.points is not None and test.max_points > cells.graded[test.name][1]:
            raise RecordError(f"{test.name} is worth {cells.graded[test.name][1]:g} points, not {test.max_points:g}.")


# ------------------------------------------------------------------------------------------------------- the writer


class Recorder(Writer):
    """Records results in a gradebook; see `Writer` for how it is opened, and use it in a `with` statement."""

    def record(self, master, plan, result, received=None, late_penalty=None, receipt=None):
        """Record one result in one transaction; of a key that is recorded already, only the lateness is settled anew.

        Parameters
        ----------
        master : Master
        plan : Plan, or None where the submission could not be read; then the result needs a person
        result : Result
        received : datetime, when the collector received it (UTC if it has no zone); None keeps the time that is there
        late_penalty : callable (student, score, seconds late) -> points or None, nbgrader's
            LateSubmissionPlugin.late_submission_penalty; None for no penalty
        receipt : str, the receipt's hash

        Returns
        -------
        Change

        Raises
        ------
        RecordError : nothing was written.
        """
        check_fit(master, plan, result)

        def work(session):
            return _record(session, master, plan, result, received, late_penalty, receipt)

        return self.transaction(work)

    def settle_lateness(self, master, received, late_penalty=None):
        """Settle times of receipt and late penalties of grades that stand, from what is known now, in one transaction.

        Parameters
        ----------
        master : Master
        received : dict from student to datetime or None, as for `record`; only these students are looked at, and
            what they handed in last must be what is graded
        late_penalty : callable or None, as for `record`

        Returns
        -------
        list of Change, for each student whose time or penalty changed

        Raises
        ------
        RecordError : nothing was written.
        """

        def work(session):
            course = course_of(session, master)
            found = []
            for submission, row, score in session.execute(_graded(course, master.notebook)).all():
                student = submission.student_id
                if student in received:
                    mine = _Submission(submission, row)
                    settled = _settle_lateness(course, mine, score, student, received[student], late_penalty)
                    found += [_lateness_change(student, score, settled)] if settled else []
            return found

        return self.transaction(work)

    def preview(self, master, plan, result):
        """The Change that `record` would make, without writing anything; of lateness it knows nothing."""
        check_fit(master, plan, result)

        def work(session):
            course, row = _find(session, master, result)
            return replace(_decide(course, row, master, plan, result)[0], recorded=False)

        return self.transaction(work, writes=False)

    def recorded_key(self, student, assignment, notebook):
        """The key of the result that stands for that notebook, or None."""
        return self.keys(assignment, student, complete=False).get((student, notebook))

    def keys(self, assignment, student=None, complete=True):
        """Keys of the results that stand, by (student, notebook): what need not be examined again.

        Left out is what somebody else has graded or deleted since, and, with `complete`, what needs a person.
        """
        return self.transaction(lambda session: keys_of(session, assignment, student, complete), writes=False)


def keys_of(session, assignment, student=None, complete=True):
    """`Recorder.keys` on a session of any kind, for who only reads; the ledger has to be there."""
    table = LEDGER.c
    query = (
        sa.select(table.student, table.notebook, table.key, table.points, sa.func.sum(api.Grade.auto_score))
        .join(api.SubmittedNotebook, api.SubmittedNotebook.id == table.submission)
        .join(api.Grade, api.Grade.notebook_id == api.SubmittedNotebook.id, isouter=True)
        .where(table.assignment == assignment)
        .group_by(table.student, table.notebook, table.key, table.points)
    )
    query = query.where(table.complete) if complete else query
    query = query if student is None else query.where(table.student == student)
    rows = session.execute(query).all()
    return {(who, notebook): key for who, notebook, key, ours, theirs in rows if _equal(ours, theirs)}


# ------------------------------------------------------------------------------------------------- rows


def _find(session, master, result):
    """The assignment, which the result must fit, and the student's rows of the notebook, as far as there are any."""
    course = course_of(session, master)
    cells = course.notebooks[master.notebook]
    check_tests(master, cells, result)
    submission, row, grade, comment = api.SubmittedAssignment, api.SubmittedNotebook, api.Grade, api.Comment
    found = session.execute(
        sa.select(submission, row)
        .join(row, sa.and_(row.assignment_id == submission.id, row.notebook_id == cells.notebook), isouter=True)
        .where(submission.assignment_id == course.id, submission.student_id == result.student)
        # nbgrader's models carry sums over whole tables as columns; they are not loaded here.
        .options(load_only(submission.timestamp, submission.extension), load_only(row.late_submission_penalty))
    ).first()
    if found is None or found[1] is None:
        return course, _Submission(found and found[0])
    scores = grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade
    grades = _by_cell(session, grade, found[1], cells.scored, *scores)
    comments = _by_cell(session, comment, found[1], cells.commented, comment.auto_comment)
    ledger = session.execute(sa.select(LEDGER).where(*_entry(result))).mappings().first()
    return course, _Submission(*found, grades, comments, ledger)


def _by_cell(session, table, notebook, cells, *columns):
    """The rows of a table that belong to a submitted notebook, by cell; `cells` has the cells' ids."""
    query = sa.select(table).where(table.notebook_id == notebook.id).options(load_only(table.cell_id, *columns))
    names = {ident: name for name, ident in cells.items()}
    return {names[row.cell_id]: row for row in session.scalars(query) if row.cell_id in names}


def _entry(result):
    """The conditions on the ledger's row of the student and notebook."""
    return [LEDGER.c[name] == getattr(result, name) for name in ("student", "assignment", "notebook")]


def _decide(course, row, master, plan, result):
    """The Change, and the new standings and comments by cell, which are None where nothing is to be written."""
    before = row.standings
    if _stands(row, before, result):
        told = ["This result is recorded already."]
        if row.ledger["complete"] and not _agrees(before, result):
            told.append("This run gave other points for the same work: the first result stands; look for chance in it.")
        return change(result.student, before, before, told, recorded=False), None, None
    cells = course.notebooks[master.notebook]
    after = settle(cells, plan, result, before, _same_answers(row.ledger, cells, plan, result))
    told = why(before, row.ledger, plan, result)
    return change(result.student, before, after, told), after, remarks(cells, master, plan, result)


def _stands(row, before, result):
    """Whether this key is recorded, and its rows are as they were left; what needed a person is tried again."""
    ledger = row.ledger
    if ledger is None or ledger["key"] != result.key or ledger["submission"] != row.notebook.id:
        return False
    if not _equal(ledger["points"], points_of(before)):
        return False
    return ledger["complete"] or result.points is None


def _agrees(before, result):
    return result.points is not None and all(_equal(before[t.name].auto, t.points) for t in result.tests)


def _equal(a, b):
    """Equality of sums of points, which databases add up in an order of their own; None equals None alone."""
    return a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def _record(session, master, plan, result, received, late_penalty, receipt):
    course, row = _find(session, master, result)
    changed, after, said = _decide(course, row, master, plan, result)
    if not changed.recorded:
        score = total(row.standings)
        settled = _settle_lateness(course, row, score, result.student, received, late_penalty)
        return _lateness_change(result.student, score, settled, changed.reasons) if settled else changed
    row = _completed(session, course, master.notebook, row, result.student)
    for name, standing in after.items():
        row.grades[name].auto_score, row.grades[name].needs_manual_grade = standing.auto, standing.waits
    for name, text in said.items():
        row.comments[name].auto_comment = text
    settled = _settle_lateness(course, row, total(after), result.student, received, late_penalty)
    session.flush()
    values = {
        "student": result.student, "assignment": result.assignment, "notebook": result.notebook,
        "key": result.key, "plan": result.plan, "master": result.master, "assurance": result.assurance,
        "recorded_at": datetime.now(UTC).replace(tzinfo=None), "points": points_of(after), "receipt": receipt,
        "complete": is_complete(course.notebooks[master.notebook], plan, result), "submission": row.notebook.id,
        "written": json.dumps(written_digests(plan)),
    }  # fmt: skip
    if not session.execute(LEDGER.update().where(*_entry(result)).values(values)).rowcount:
        session.execute(LEDGER.insert().values(values))
    told = settled[2][:1] if settled and settled[0] != settled[1] else ()  # a time alone is no news beside a grade
    return replace(changed, reasons=(*changed.reasons, *told))


def _completed(session, course, notebook, row, student):
    """The student's rows of the notebook, all of them; a new submission gets rows for every notebook, as nbgrader's."""
    assignment, mine = row.assignment, row
    if assignment is None:
        if session.scalar(sa.select(api.Student.id).where(api.Student.id == student)) is None:
            session.add(api.Student(id=student))
        assignment = api.SubmittedAssignment(id=api.new_uuid(), assignment_id=course.id, student_id=student)
        session.add(assignment)
        for other in course.notebooks.keys() - {notebook}:
            _fill(session, course.notebooks[other], _Submission(assignment))
        mine = _Submission(assignment)
    return _fill(session, course.notebooks[notebook], mine)


def _fill(session, cells, row):
    """Add what is missing: a Grade for each graded and task cell, a Comment for each solution and task cell."""
    notebook = row.notebook
    if notebook is None:
        notebook = api.SubmittedNotebook(id=api.new_uuid(), notebook_id=cells.notebook, assignment_id=row.assignment.id)
    grades = _missing(api.Grade, notebook, cells.scored, row.grades)
    comments = _missing(api.Comment, notebook, cells.commented, row.comments)
    session.add_all([notebook, *grades.values(), *comments.values()])
    return replace(row, notebook=notebook, grades=row.grades | grades, comments=row.comments | comments)


def _missing(table, notebook, cells, rows):
    return {name: table(cell_id=ident, notebook_id=notebook.id) for name, ident in cells.items() if name not in rows}


def _graded(course, notebook):
    """The query for each student's rows of a notebook, and the score that stands."""
    submission, row, grade = api.SubmittedAssignment, api.SubmittedNotebook, api.Grade
    given = sa.func.coalesce(grade.manual_score, grade.auto_score) + sa.func.coalesce(grade.extra_credit, 0.0)
    score = sa.select(sa.func.sum(given)).where(grade.notebook_id == row.id).scalar_subquery()
    return (
        sa.select(submission, row, score)
        .join(row, row.assignment_id == submission.id)
        .where(row.notebook_id == course.notebooks[notebook].notebook)
        .options(load_only(submission.student_id, submission.timestamp, submission.extension))
        .options(load_only(row.late_submission_penalty))
        .order_by(submission.student_id)
    )


def _settle_lateness(course, row, score, student, received, late_penalty):
    """Write time of receipt and late penalty; (penalty before, penalty after, sentences), or None where both stood."""
    submission, notebook = row.assignment, row.notebook
    time, penalty = submission.timestamp, notebook.late_submission_penalty
    if received is not None and utils.parse_utc(received) != time:
        submission.timestamp = utils.parse_utc(received)
    fresh = _penalty(course, row, score, student, late_penalty)
    if not _equal(fresh, penalty):
        notebook.late_submission_penalty = fresh
    old, new = penalty or 0.0, notebook.late_submission_penalty or 0.0
    told = [f"The penalty for lateness was {old:g} points and is {new:g}."] if old != new else []
    if submission.timestamp != time:
        was = f" and not {time:%Y-%m-%d %H:%M:%S}" if time else ""
        told.append(f"It was received at {submission.timestamp:%Y-%m-%d %H:%M:%S}{was} (UTC).")
    return (old, new, told) if told else None


def _lateness_change(student, score, settled, reasons=()):
    """The Change of a grade whose lateness alone was settled."""
    before, after, told = settled
    old, new = (None if score is None else score - penalty for penalty in (before, after))
    return Change(student, old, new, (), (*reasons, *told))


def _penalty(course, row, score, student, late_penalty):
    """The late penalty in points, from 0 to the notebook's score; None where there is none, as nbgrader stores it."""
    given, due = row.assignment.timestamp, course.duedate
    if late_penalty is None or given is None or due is None:
        return None
    seconds = (given - due - (row.assignment.extension or timedelta())).total_seconds()
    if seconds <= 0:
        return None
    score = score or 0.0
    try:
        points = late_penalty(student, score, seconds)
    except Exception as error:  # whatever the instructor's plug-in raises
        raise RecordError(f"The late-submission plug-in failed for {student}: {plain(repr(error))}.") from error
    if points is None:
        return None
    if not isinstance(points, int | float) or math.isnan(points):
        raise RecordError(f"The late-submission plug-in gave {plain(points)!r} for {student}; it must give points.")
    return max(0.0, min(float(points), score))
