"""nbgrader's gradebook as its one writer holds it: the lock, the connection, the tables, the assignments in it.

SQLite: a lock file beside the database, a write-ahead log where the disk is local, BEGIN IMMEDIATE. PostgreSQL: an
advisory lock of the session. Whatever was locked or lost is tried again. The tables are nbgrader's own, made and
checked here without its commands, and a ledger beside them.
"""

import contextlib
import hashlib
import json
import os
import threading
import time
import weakref
from dataclasses import dataclass, field
from datetime import datetime

import nbformat
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from nbgrader import api, dbutil, utils
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from .errors import AutogradeError
from .files import lock, private

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

LONGEST = 1000  # characters of a comment
LOCK = int.from_bytes(hashlib.sha256(b"autograde recorder").digest()[:8], "big", signed=True)
LETTING_GO = 3.0  # seconds


class RecordError(AutogradeError):
    """A result that could not be recorded; the gradebook is as it was before."""


# Feedback shows comments as Markdown: no tag, link or image may come of a student's words in them.
_HARMLESS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")"})


def plain(text):
    """The text as a comment may hold it: printable, short, and nothing that Markdown makes a tag or a link of."""
    shown = "".join(c if c.isprintable() else " " for c in str(text)[: 2 * LONGEST]).translate(_HARMLESS)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


@dataclass(frozen=True)
class Cells:
    """A notebook's cells in the gradebook: id by name; `graded` has (id, points, cell_type)."""

    notebook: str
    graded: dict = field(default_factory=dict)
    tasks: dict = field(default_factory=dict)
    solutions: dict = field(default_factory=dict)

    @property
    def scored(self):
        """Ids of the cells that have a Grade, by name."""
        return {name: ident for name, (ident, *_) in (self.graded | self.tasks).items()}

    @property
    def commented(self):
        """Ids of the cells that have a Comment, by name."""
        return self.solutions | {name: ident for name, (ident, *_) in self.tasks.items()}


@dataclass(frozen=True)
class Course:
    """The assignment in the gradebook: its row's id and due date, and its notebooks' Cells by name."""

    id: str
    name: str
    duedate: datetime | None
    notebooks: dict


class Writer:
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
                self._file_lock = _lock_file(f"{os.path.realpath(self._url.database)}.lock", self._name)
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
            self._file_lock.close()

    def ensure_assignment(self, master):
        """Make the assignment's rows as `nbgrader generate_assignment` does, or check those that are there.

        Returns
        -------
        bool : whether rows were made

        Raises
        ------
        RecordError : the gradebook has other cells or points, or submissions that a new notebook would orphan.
        """
        return self.transaction(lambda session: _ensure(session, master, self.course_id))

    def transaction(self, work, writes=True):
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
                if not self._is_sqlite and not _locks(connection, sa.func.pg_try_advisory_xact_lock):
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
        if not self._is_sqlite and not _locks(connection, sa.func.pg_try_advisory_lock):
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


def try_gradebook(db_url, seconds=3):
    """Connect to a gradebook and look for its tables, writing and making nothing.

    Parameters
    ----------
    db_url : str, SQLAlchemy's URL
    seconds : int, how long a server or a locked file may take

    Returns
    -------
    bool : whether there is a gradebook; SQLite's file, or the tables in a database, may have yet to be made

    Raises
    ------
    RecordError : it cannot be reached or is none.
    """
    url = _parsed(db_url)
    name, sqlite = url.render_as_string(hide_password=True), url.get_backend_name() == "sqlite"
    if sqlite and not os.path.exists(url.database):
        return False
    option = {"pysqlite": "timeout", "psycopg": "connect_timeout", "psycopg2": "connect_timeout"}
    try:
        patience = {option[d]: seconds for d in [url.get_dialect().driver] if d in option}
        engine = sa.create_engine(url, connect_args=patience, poolclass=sa.NullPool)
        return "submitted_assignment" in sa.inspect(engine).get_table_names()
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise RecordError(f"{name} needs a driver that is not installed: {error}.") from None
    except SQLAlchemyError as error:
        detail = plain(str(getattr(error, "orig", error)).replace(url.password or "\n", "***"))
        raise RecordError(f"The gradebook {name} cannot be reached: {detail}") from None


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


def _locks(connection, function):
    """Whether PostgreSQL's lock is got, within a while: the server takes a moment to see that its last holder died."""
    deadline = time.monotonic() + LETTING_GO
    while not connection.scalar(sa.select(function(LOCK))):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _lock_file(path, name):
    """The open lock file; the lock goes when it is closed or this process ends, the file itself stays."""
    try:
        file = open(path, "ab", opener=private)
    except OSError as error:
        raise RecordError(f"The lock {path} of the gradebook cannot be opened: {error.strerror}.") from None
    try:
        lock(file.fileno(), wait=False)
    except OSError:
        file.close()
        raise RecordError(_taken(name)) from None
    if hasattr(os, "register_at_fork"):
        # A forked worker that outlives this process would hold the lock on.
        itself = weakref.ref(file)
        os.register_at_fork(after_in_child=lambda: (file := itself()) and file.close())
    return file


# ------------------------------------------------------------------------------------------------- assignments


def course_of(session, master):
    """The assignment as the gradebook holds it, in one query.

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
    check_cells(master, course.notebooks[master.notebook])
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
        course = course or Course(ident, assignment, due, {})
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


def check_cells(master, cells):
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


def _flags(cell):
    return cell.cell.get("metadata", {}).get("nbgrader", {})


def _master_cells(master):
    """(points, cell_type) of graded cells by name, names of solution cells, (points, cell_type) of tasks by name."""
    named = [c for c in master.cells if c.name]
    graded = {c.name: (c.points, c.cell_type) for c in named if _flags(c).get("grade")}
    tasks = {c.name: (c.points, c.cell_type) for c in named if _flags(c).get("task")}
    return graded, {c.name for c in named if _flags(c).get("solution")}, tasks


def _ensure(session, master, course_id):
    course = _look_up(session, master.assignment)
    if course is not None and master.notebook in course.notebooks:
        check_cells(master, course.notebooks[master.notebook])
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
