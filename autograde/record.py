"""Records results in nbgrader's gradebook: one writer, one transaction for each submission, replay without effect.

The rows are those that `nbgrader autograde` (0.9) writes for the same verdicts, through nbgrader's own models, with a
ledger beside them in the same transaction. What differs from nbgrader, on purpose:

- a test that could not be examined, and every cell of a notebook that needs a person, has no automatic score and
  waits for a person, with the reason as the automatic comment of its answer cell; nbgrader leaves the old grade;
- an answer that was deleted or emptied counts as left blank; nbgrader waits for a person, for ever if it was deleted;
- a score that a person gave is flagged again when what it was given for has changed; nbgrader flags it at each run;
- notebook and answers must fit the gradebook's cells and points, or nothing is recorded.
"""

import contextlib
import hashlib
import json
import math
import os
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import nbformat
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from nbgrader import api, dbutil, utils
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import load_only

from .errors import AutogradeError

# A table of its own, unknown to nbgrader's metadata: nbgrader neither makes, migrates nor deletes it.
LEDGER = sa.Table(
    "autograde_ledger",
    sa.MetaData(),
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("assignment", sa.String(128), primary_key=True),
    sa.Column("notebook", sa.String(128), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("plan", sa.String(64), nullable=False),
    sa.Column("master", sa.String(64), nullable=False),
    sa.Column("recorded_at", sa.DateTime, nullable=False),  # UTC, as nbgrader's times
    sa.Column("points", sa.Float),  # the sum of the automatic scores; None where there is none
    sa.Column("complete", sa.Boolean, nullable=False),  # every test was examined
    sa.Column("assurance", sa.String(16), nullable=False),
    sa.Column("receipt", sa.String(64)),
    sa.Column("submission", sa.String(32), nullable=False),  # id of the row in submitted_notebook
    sa.Column("written", sa.Text, nullable=False),  # JSON: digest of each written answer, by cell
)

LOCK = int.from_bytes(hashlib.sha256(b"autograde recorder").digest()[:8], "big", signed=True)
BLANK = "No response."  # nbgrader's comment on an answer cell that was left as released
LONGEST = 1000  # characters of a comment


class RecordError(AutogradeError):
    """A result that could not be recorded; the gradebook is as it was before."""


@dataclass(frozen=True)
class Change:
    """What recording a result does, or would do, to a student's grade of one notebook.

    before, after : float or None, sum of the scores that stand, automatic or a person's; None where none stands
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
class Cells:
    """A notebook's cells in the gradebook: id by name; `graded` has (id, points, cell_type)."""

    notebook: str
    graded: dict = field(default_factory=dict)
    tasks: dict = field(default_factory=dict)
    solutions: dict = field(default_factory=dict)


@dataclass(frozen=True)
class _Course:
    """The assignment in the gradebook: its row's id and due date, and its notebooks' Cells by name."""

    id: str
    name: str
    duedate: datetime | None
    notebooks: dict


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
        return {
            name: Standing(g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade)
            for name, g in self.grades.items()
        }


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
    return 0.0 if name in cells.solutions and name in _blank(plan, "written") else None


def _blank(plan, *kinds):
    """Names of the answers of these kinds that hold nothing of the student's."""
    return {c.name for c in plan.cells if c.kind in kinds and (c.unchanged or not c.source.strip())}


def remarks(cells, master, plan, result):
    """The automatic comment of each solution and task cell, by name; None for no comment."""
    commented = [*cells.solutions, *cells.tasks]
    reason = failure(plan, result)
    if reason:
        return dict.fromkeys(commented, plain(reason))
    blank = _blank(plan, "answer", "written")
    said = {name: BLANK if name in blank and name in cells.solutions else None for name in commented}
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


# Feedback shows comments as Markdown: no tag, link or image may come of a student's words in them.
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")"})


def plain(text):
    """The text as a comment may hold it: printable, short, and nothing that Markdown makes a tag or a link of."""
    shown = "".join(c if c.isprintable() else " " for c in str(text)[: 2 * LONGEST]).translate(_HARMLESS)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def total(standings):
    """The sum of the scores that stand, or None where none does."""
    scores = [s.score for s in standings.values() if s.score is not None]
    return math.fsum(scores) if scores else None


def points_of(standings):
    """The sum of the automatic scores, or None where there is none, as SQL's SUM gives it."""
    scores = [s.auto for s in standings.values() if s.auto is not None]
    return math.fsum(scores) if scores else None


def written_digests(plan):
    """The digest of each written answer, by cell."""
    cells = plan.cells if plan is not None else ()
    return {c.name: hashlib.sha256(_utf8(c.source)).hexdigest() for c in cells if c.kind == "written" and c.name}


def _utf8(text):
    return text.encode("utf-8", "surrogatepass")


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
    """Refuse a result that is of another submission or master, or has impossible points.

    Raises
    ------
    RecordError
    """
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


def check_cells(master, cells, result):
    """Refuse where notebook and gradebook disagree on cells or points.

    Raises
    ------
    RecordError : lists what disagrees, and how to mend it.
    """
    graded, solutions, tasks = _master_cells(master)
    told = []
    for name in graded.keys() | cells.graded.keys():
        ours, theirs = graded.get(name), cells.graded.get(name, (None, None, None))[1:]
        if ours is None or theirs[0] is None:
            told.append(f"the graded cell {name} is only in the {'gradebook' if ours is None else 'notebook'}")
        elif (float(ours[0]), ours[1]) != theirs:
            told.append(f"{name} is a {ours[1]} cell of {ours[0]:g} points in the notebook and "
                        f"a {theirs[1]} cell of {theirs[0]:g} in the gradebook")  # fmt: skip
    for kind, ours, theirs in (("answer", solutions, cells.solutions.keys()), ("task", tasks.keys(), cells.tasks)):
        told += [f"the {kind} cell {name} is only in the notebook" for name in ours - set(theirs)]
        told += [f"the {kind} cell {name} is only in the gradebook" for name in set(theirs) - set(ours)]
    if told:
        raise RecordError(
            f"{master.assignment}/{master.notebook}: {'; '.join(sorted(told))}. "
            f"Run `nbgrader generate_assignment {master.assignment} --force`, or restore the notebook."
        )
    strange = [t.name for t in result.tests if t.name not in cells.graded] if result else []
    if strange:
        raise RecordError(f"{master.assignment}/{master.notebook} has no test cell {plain(strange[0])!r}.")
    for test in result.tests if result else ():
        if test.points is not None and test.max_points > cells.graded[test.name][1]:
            raise RecordError(f"{test.name} is worth {cells.graded[test.name][1]:g} points, not {test.max_points:g}.")


def _flags(cell):
    return cell.cell.get("metadata", {}).get("nbgrader", {})


def _master_cells(master):
    """(points, cell_type) of graded cells by name, names of solution cells, (points, cell_type) of tasks by name."""
    named = [c for c in master.cells if c.name]
    graded = {c.name: (c.points, c.cell_type) for c in named if _flags(c).get("grade")}
    tasks = {c.name: (c.points, c.cell_type) for c in named if _flags(c).get("task")}
    return graded, {c.name for c in named if _flags(c).get("solution")}, tasks


# ------------------------------------------------------------------------------------------------------- the writer


class Recorder:
    """The one writer of a gradebook; use it in a `with` statement.

    Parameters
    ----------
    db_url : str, SQLAlchemy's URL: sqlite:////course/gradebook.db, postgresql+psycopg://user@host/name
    course_id : str, nbgrader's CourseDirectory.course_id
    patience : float, seconds for which a locked database is tried again
    sleep : callable, for tests

    Raises
    ------
    RecordError : there is another recorder, the gradebook is half-made or of another version of nbgrader, or it
        cannot be reached.
    """

    def __init__(self, db_url, course_id="default_course", patience=60.0, sleep=time.sleep):
        self.course_id, self.patience, self._sleep = course_id, patience, sleep
        self._url = _parsed(db_url)
        self._name = self._url.render_as_string(hide_password=True)
        self._guard, self._process = threading.RLock(), os.getpid()
        self._begin, self._closed = "BEGIN IMMEDIATE", False
        self._file_lock = self.gradebook = self._connection = None
        try:
            if self._is_sqlite:
                self._file_lock = FileLock(f"{os.path.realpath(self._url.database)}.lock", self._name)
            self._patiently(self._make)
            self._patiently(self._open)
        except BaseException:
            self.close()
            raise

    @property
    def _is_sqlite(self):
        return self._url.get_backend_name() == "sqlite"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Leave the gradebook as a single file again, and let the next recorder in."""
        if self._process != os.getpid():
            return  # a forked process must not touch its parent's connection
        self._closed = True
        with contextlib.suppress(Exception):
            if self._connection is not None and self._is_sqlite:
                self._connection.rollback()
                # Refused, harmlessly, while formgrader has the file open.
                self._connection.connection.driver_connection.execute("PRAGMA journal_mode = DELETE")
        self._disconnect()
        if self._file_lock is not None:
            self._file_lock.release()
            self._file_lock = None

    def record(self, master, plan, result, received=None, late_penalty=None, receipt=None):
        """Record one result in one transaction; a result whose key is recorded already changes nothing.

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

        return self._transaction(work)

    def preview(self, master, plan, result):
        """The Change that `record` would make, without writing anything."""
        check_fit(master, plan, result)

        def work(session):
            course = _course(session, master, result)
            row = _find(session, course, master.notebook, result.student)
            return replace(_decide(course, row, master, plan, result)[0], recorded=False)

        return self._transaction(work, writes=False)

    def recorded_key(self, student, assignment, notebook):
        """The key of the result that stands for that notebook, or None."""
        return self.keys(assignment, student, complete=False).get((student, notebook))

    def keys(self, assignment, student=None, complete=True):
        """Keys of the results that stand, by (student, notebook): what need not be examined again.

        Left out is what somebody else has graded or deleted since, and, with `complete`, what needs a person.
        """
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
        rows = self._transaction(lambda session: session.execute(query).all(), writes=False)
        return {(who, notebook): key for who, notebook, key, ours, theirs in rows if _equal(ours, theirs)}

    def ensure_assignment(self, master):
        """Make the assignment's rows as `nbgrader generate_assignment` does, or check those that are there.

        Returns
        -------
        bool : whether rows were made

        Raises
        ------
        RecordError : the gradebook has other cells or points, or submissions that a new notebook would orphan.
        """
        return self._transaction(lambda session: _ensure(session, master, self.course_id))

    # --------------------------------------------------------------------------------------- the connection

    def _transaction(self, work, writes=True):
        """The value of work(session), committed; tried again while the database is locked, once if it was lost."""
        with self._guard:
            if self._closed or self._process != os.getpid():
                raise RecordError(f"The recorder of {self._name} is closed, or belongs to another process; open one.")
            return self._patiently(self._attempt, work, writes)

    def _attempt(self, work, writes):
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self._disconnect()
            self._open()
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        session = self.gradebook.db()
        try:
            value = work(session)
            session.commit()
            return value
        except BaseException:
            with contextlib.suppress(SQLAlchemyError):
                session.rollback()
            raise
        finally:
            self.gradebook.db.remove()

    def _patiently(self, work, *args):
        deadline, pause, lost = time.monotonic() + self.patience, 0.01, False
        while True:
            try:
                return work(*args)
            except DBAPIError as error:
                kind = fault_of(error)
                if kind == "locked" and time.monotonic() < deadline:
                    self._sleep(pause)
                    pause = min(2 * pause, 1.0)
                elif kind == "lost" and not lost:
                    lost = True
                    with contextlib.suppress(SQLAlchemyError, AttributeError):  # closed already, or never opened
                        self._connection.invalidate()
                else:
                    raise RecordError(self._sentence(kind, error)) from error

    def _sentence(self, kind, error):
        detail = plain(str(error.orig).replace(self._url.password or "\n", "***"))
        told = {
            "locked": f"The gradebook {self._name} was locked by another program for {self.patience:g} seconds; "
            "close formgrader and other nbgrader commands, then run the same command again.",
            "full": f"The disk of the gradebook {self._name} is full; free some space and run the same command again.",
            "lost": f"The gradebook {self._name} could not be reached, twice ({detail}); see that the server runs and "
            "lets you in, then run the same command again.",
        }
        other = f"The gradebook {self._name} refused: {detail}."
        return f"{told.get(kind, other)} Nothing was written; what is spooled stays."

    def _make(self):
        """Make nbgrader's tables in one transaction if there are none; refuse what is half-made or of another version.

        nbgrader itself makes them step by step and needs the command alembic half way.
        """
        engine = self._engine()
        try:
            with engine.begin() as connection:
                if not self._is_sqlite and not connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(LOCK))):
                    raise RecordError(_taken(self._name))
                names = sa.inspect(connection).get_table_names()
                if not names:
                    _create_tables(connection)
                else:
                    self._check_version(connection, names)
                # Here, because nbgrader takes a locked database for a course that is invalid.
                course = api.Course.__table__
                if connection.scalar(sa.select(course.c.id).where(course.c.id == self.course_id)) is None:
                    connection.execute(course.insert().values(id=self.course_id))
        finally:
            engine.dispose()

    def _check_version(self, connection, names):
        found, head = None, _version()
        if "alembic_version" in names:
            found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        if found is None or not set(api.Base.metadata.tables) <= set(names):
            raise RecordError(
                f"The gradebook {self._name} is half-made: it has tables but not all, or no version, as when nbgrader "
                "did not find the command alembic. Delete it and run `nbgrader generate_assignment` again, or restore "
                "a copy."
            )
        if found != head:
            raise RecordError(
                f"The gradebook {self._name} has version {plain(found)} and this nbgrader needs {head}: run `nbgrader "
                "db upgrade`, or install the nbgrader that made it."
            )

    def _engine(self):
        try:
            engine = sa.create_engine(self._url)
        except (NoSuchModuleError, ModuleNotFoundError, ArgumentError) as error:
            raise RecordError(f"{self._name} needs a driver that is not installed: {error}. For PostgreSQL write "
                              "postgresql+psycopg://... and install the extra `postgres`.") from None  # fmt: skip
        self._prepare(engine)
        return engine

    def _open(self):
        """Open the Gradebook on one connection, which holds the lock for as long as it writes."""
        self.gradebook = gradebook = api.Gradebook(self._url.render_as_string(hide_password=False), self.course_id)
        gradebook.db.remove()
        gradebook.engine.dispose()
        self._prepare(gradebook.engine)
        self._begin = "BEGIN IMMEDIATE"
        self._connection = connection = gradebook.engine.connect()
        if not self._is_sqlite and not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK))):
            self._disconnect()  # nothing may be written without the lock
            raise RecordError(_taken(self._name))
        if not self._is_sqlite:
            connection.execute(sa.text("SET lock_timeout = '200ms'"))  # as busy_timeout; _patiently goes on from there
        connection.commit()
        LEDGER.create(connection, checkfirst=True)
        connection.commit()
        gradebook.db.configure(bind=connection)

    def _prepare(self, engine):
        if not self._is_sqlite:
            return
        journal = "PRAGMA journal_mode = WAL" if is_local(self._url.database) else "PRAGMA journal_mode"

        @sa.event.listens_for(engine, "connect")
        def connect(connection, _):
            connection.isolation_level = None  # the driver's own BEGIN comes too late, and takes no lock
            connection.execute("PRAGMA busy_timeout = 200")  # milliseconds; _patiently goes on from there
            connection.execute(journal)

        @sa.event.listens_for(engine, "begin")
        def begin(connection):
            connection.exec_driver_sql(self._begin)

    def _disconnect(self):
        if self._connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._connection.close()
            self._connection = None
        if self.gradebook is not None:
            self.gradebook.close()
            self.gradebook = None


def _version():
    """The version of nbgrader's tables, asked of alembic in this process; nbgrader looks for a command on PATH."""
    return ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head()


def _create_tables(connection):
    api.Base.metadata.create_all(connection)
    connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": _version()})


def _parsed(db_url):
    try:
        url = sa.make_url(db_url)
    except ArgumentError:
        raise RecordError("The gradebook's URL is none: write sqlite:////folder/gradebook.db or "
                          "postgresql+psycopg://user@host/name.") from None  # fmt: skip
    kind = url.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise RecordError(f"The gradebook's URL names {kind}; only sqlite and postgresql are supported.")
    if kind == "sqlite":
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise RecordError("The gradebook must be a file: write its URL as sqlite:////folder/gradebook.db.")
        if not os.path.isdir(os.path.dirname(os.path.realpath(url.database))):
            raise RecordError(f"The folder of the gradebook {url.database} does not exist; make it first.")
    return url


def fault_of(error):
    """What a database's error is: "locked", "lost", "full" or "other"."""
    if error.connection_invalidated:
        return "lost"
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    state = getattr(error.orig, "sqlstate", None) or ""
    if code in (5, 6) or state in ("40001", "40P01", "55P03"):  # busy, locked; serialization, deadlock, lock
        return "locked"
    if code == 13 or state in ("53100", "53200"):
        return "full"
    if state[:2] == "08" or state[:3] == "57P" or (isinstance(error, OperationalError) and not code and not state):
        return "lost"
    return "other"


MOUNTS = "/proc/self/mountinfo"  # Linux's
LOCAL = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs"}


def is_local(path):
    """Whether the file surely lies on a local disk, where SQLite's write-ahead log is safe; False if unsure."""
    target = os.path.realpath(path)
    best = ("", "")
    try:
        with open(MOUNTS, encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                left, _, right = line.partition(" - ")
                point = left.split()[4].replace("\\040", " ")
                if os.path.commonpath([target, point]) == point and len(point) >= len(best[0]):
                    best = (point, right.split()[0])
    except (OSError, IndexError, ValueError):
        return False
    return best[1] in LOCAL


def _taken(name):
    return f"Another recorder writes to the gradebook {name}; wait until it has ended, then run the same command again."


class FileLock:
    """A lock on a file, freed when this process ends, however it ends; the file itself stays."""

    def __init__(self, path, name):
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise RecordError(f"The lock {path} of the gradebook cannot be opened: {error.strerror}.") from None
        try:
            self._take()
        except OSError:
            self.release()
            raise RecordError(_taken(name)) from None
        if hasattr(os, "register_at_fork"):
            # A forked worker that outlives this process would hold the lock on.
            itself = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: itself() and itself().release())

    def _take(self):
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(self._file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self):
        if self._file is not None:
            os.close(self._file)
            self._file = None


# ------------------------------------------------------------------------------------------------- rows


def _course(session, master, result=None):
    """The assignment as the gradebook holds it, in two queries.

    Raises
    ------
    RecordError : it is not there, or disagrees with the master.
    """
    course = _look_up(session, master.assignment)
    if course is None or master.notebook not in course.notebooks:
        raise RecordError(
            f"The gradebook has no notebook {master.assignment}/{master.notebook}: run `nbgrader generate_assignment "
            f"{master.assignment}` first."
        )
    check_cells(master, course.notebooks[master.notebook], result)
    return course


def _look_up(session, assignment):
    base, grade, task = api.BaseCell.__table__, api.GradeCell.__table__, api.TaskCell.__table__
    query = (
        sa.select(api.Assignment.id, api.Assignment.duedate, api.Notebook.id, api.Notebook.name, base.c.id, base.c.name)
        .add_columns(base.c.type, sa.func.coalesce(grade.c.max_score, task.c.max_score))
        .add_columns(grade.c.cell_type, task.c.cell_type)
        .select_from(api.Assignment)
        .join(api.Notebook, api.Notebook.assignment_id == api.Assignment.id, isouter=True)
        .join(base, base.c.notebook_id == api.Notebook.id, isouter=True)
        .join(grade, grade.c.id == base.c.id, isouter=True)
        .join(task, task.c.id == base.c.id, isouter=True)
        .where(api.Assignment.name == assignment)
    )
    course = None
    for ident, due, notebook_id, notebook, cell, name, kind, points, grade_type, task_type in session.execute(query):
        course = course or _Course(ident, assignment, due, {})
        if notebook is None:
            continue
        cells = course.notebooks.setdefault(notebook, Cells(notebook_id))
        if kind == "GradeCell":
            cells.graded[name] = (cell, points, grade_type)
        elif kind == "TaskCell":
            cells.tasks[name] = (cell, points, task_type)
        elif kind == "SolutionCell":
            cells.solutions[name] = cell
    return course


def _find(session, course, notebook, student):
    """The student's rows of the notebook, as far as there are any."""
    cells = course.notebooks[notebook]
    submission, row = api.SubmittedAssignment, api.SubmittedNotebook
    found = session.execute(
        sa.select(submission, row)
        .join(row, sa.and_(row.assignment_id == submission.id, row.notebook_id == cells.notebook), isouter=True)
        .where(submission.assignment_id == course.id, submission.student_id == student)
        # nbgrader's models carry sums over whole tables as columns; they are not loaded here.
        .options(load_only(submission.timestamp, submission.extension), load_only(row.late_submission_penalty))
    ).first()
    if found is None or found[1] is None:
        return _Submission(found and found[0])
    grade, comment = api.Grade, api.Comment
    columns = load_only(grade.cell_id, grade.auto_score, grade.manual_score, grade.extra_credit,
                        grade.needs_manual_grade)  # fmt: skip
    grades = session.scalars(sa.select(grade).where(grade.notebook_id == found[1].id).options(columns)).all()
    columns = load_only(comment.cell_id, comment.auto_comment)
    comments = session.scalars(sa.select(comment).where(comment.notebook_id == found[1].id).options(columns)).all()
    graded = {ident: name for name, (ident, *_) in (cells.graded | cells.tasks).items()}
    commented = {ident: name for name, (ident, *_) in cells.tasks.items()}
    commented |= {ident: name for name, ident in cells.solutions.items()}
    ledger = session.execute(sa.select(LEDGER).where(*_entry(student, course.name, notebook))).mappings()
    return _Submission(
        *found,
        {graded[g.cell_id]: g for g in grades if g.cell_id in graded},
        {commented[c.cell_id]: c for c in comments if c.cell_id in commented},
        ledger.first(),
    )


def _entry(student, assignment, notebook):
    return (LEDGER.c.student == student, LEDGER.c.assignment == assignment, LEDGER.c.notebook == notebook)


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
    course = _course(session, master, result)
    row = _find(session, course, master.notebook, result.student)
    changed, after, said = _decide(course, row, master, plan, result)
    if not changed.recorded:
        return changed
    row = _completed(session, course, master.notebook, row, result.student)
    for name, standing in after.items():
        row.grades[name].auto_score, row.grades[name].needs_manual_grade = standing.auto, standing.waits
    for name, text in said.items():
        row.comments[name].auto_comment = text
    if received is not None:
        row.assignment.timestamp = utils.parse_utc(received)
    row.notebook.late_submission_penalty = _penalty(course, row, after, result.student, late_penalty)
    session.flush()
    entry = _entry(result.student, master.assignment, master.notebook)
    values = {
        "student": result.student, "assignment": master.assignment, "notebook": master.notebook,
        "key": result.key, "plan": result.plan, "master": result.master, "assurance": result.assurance,
        "recorded_at": datetime.now(UTC).replace(tzinfo=None), "points": points_of(after), "receipt": receipt,
        "complete": is_complete(course.notebooks[master.notebook], plan, result), "submission": row.notebook.id,
        "written": json.dumps(written_digests(plan)),
    }  # fmt: skip
    if not session.execute(LEDGER.update().where(*entry).values(values)).rowcount:
        session.execute(LEDGER.insert().values(values))
    return changed


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
    grades = {
        name: api.Grade(cell_id=ident, notebook_id=notebook.id)
        for name, (ident, *_) in (cells.graded | cells.tasks).items()
        if name not in row.grades
    }
    commented = cells.solutions | {name: ident for name, (ident, *_) in cells.tasks.items()}
    comments = {
        name: api.Comment(cell_id=ident, notebook_id=notebook.id)
        for name, ident in commented.items()
        if name not in row.comments
    }
    session.add_all([notebook, *grades.values(), *comments.values()])
    return replace(row, notebook=notebook, grades=row.grades | grades, comments=row.comments | comments)


def _penalty(course, row, after, student, late_penalty):
    """The late penalty in points, from 0 to the notebook's score; None where there is none, as nbgrader stores it."""
    given, due = row.assignment.timestamp, course.duedate
    if late_penalty is None or given is None or due is None:
        return None
    seconds = (given - due - (row.assignment.extension or timedelta())).total_seconds()
    if seconds <= 0:
        return None
    score = total(after) or 0.0
    try:
        points = late_penalty(student, score, seconds)
    except Exception as error:  # whatever the instructor's plug-in raises
        raise RecordError(f"The late-submission plug-in failed for {student}: {plain(repr(error))}.") from error
    if points is None:
        return None
    if not isinstance(points, int | float) or math.isnan(points):
        raise RecordError(f"The late-submission plug-in gave {plain(points)!r} for {student}; it must give points.")
    return max(0.0, min(float(points), score))


# ------------------------------------------------------------------------------------------- the assignment itself


def _ensure(session, master, course_id):
    course = _look_up(session, master.assignment)
    if course is not None and master.notebook in course.notebooks:
        check_cells(master, course.notebooks[master.notebook], None)
        return False
    if course is None:
        assignment = api.Assignment(name=master.assignment, course_id=course_id)
        assignment.id = api.new_uuid()
        session.add(assignment)
    else:
        handed_in = sa.select(api.SubmittedAssignment.id).where(api.SubmittedAssignment.assignment_id == course.id)
        if session.scalar(handed_in.limit(1)) is not None:
            raise RecordError(
                f"{master.assignment} has submissions already, so the notebook {master.notebook} cannot be added; make "
                "it an assignment of its own."
            )
    kernelspec = json.dumps(master.metadata.get("kernelspec", {}))
    notebook = api.Notebook(id=api.new_uuid(), name=master.notebook, kernelspec=kernelspec)
    notebook.assignment_id = course.id if course else assignment.id
    session.add(notebook)
    session.add_all([row for cell in master.cells if cell.name for row in _cell_rows(cell, notebook.id)])
    return True


def _cell_rows(cell, notebook):
    """The rows that nbgrader's SaveCells makes of a cell of the source notebook."""
    node, flags = nbformat.from_dict(cell.cell), _flags(cell)
    # nbgrader keeps hidden tests, but of an answer only what students get.
    node.source = node.source if flags.get("solution") else cell.source
    same = {"name": cell.name, "notebook_id": notebook}
    worth = {"max_score": float(cell.points), "cell_type": cell.cell_type}
    locked = bool(utils.is_locked(node))
    marked = flags.get("grade") or flags.get("solution") or locked
    if flags.get("grade"):
        yield api.GradeCell(**same, **worth)
    if flags.get("solution"):
        yield api.SolutionCell(**same)
    if flags.get("task"):
        yield api.TaskCell(**same, **worth)
    if marked or flags.get("task"):
        checksum = utils.compute_checksum(node) if marked else None
        yield api.SourceCell(**same, cell_type=cell.cell_type, locked=locked, source=node.source, checksum=checksum)
