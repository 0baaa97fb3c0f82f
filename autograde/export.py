"""Grades as CSV: nbgrader's columns and points by cell, Canvas' gradebook import, Moodle's grade import.

A mark that needs a person is left empty and reported. Names come from students and rosters, so no cell of text can
become a formula in a spreadsheet.
"""

import contextlib
import csv
import datetime
import itertools
import math
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Enum

from .errors import AutogradeError
from .sanitise import line, plain

_ENDS = re.compile(r"([;\t\n])")  # where a cell may end
FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # the last four: full width, which East Asian spreadsheets take as well


@dataclass(frozen=True)
class Row:
    """One student and one assignment.

    duedate, timestamp : datetime or None
    score : float, less the late penalty, never below 0; None where a person must decide; 0 where nothing was handed in
    raw_score : float or None, before the penalty, extra credit included
    auto, manual, extra_credit, late_penalty, max_score : float, points
    submitted : bool
    cells : dict from "notebook/cell" to (points or None, maximum)
    """

    assignment: str
    duedate: object
    timestamp: object
    student: str
    last_name: str
    first_name: str
    email: str
    lms_id: str
    score: float | None
    raw_score: float | None
    max_score: float
    auto: float
    manual: float
    extra_credit: float
    late_penalty: float
    needs_person: bool
    submitted: bool
    cells: dict


@contextlib.contextmanager
def reading(db_url):
    """A session on an existing gradebook, and nbgrader.api; nothing is written or made.

    Raises
    ------
    AutogradeError : there is no gradebook at this URL, or it cannot be opened.
    """
    from nbgrader import api
    from sqlalchemy import create_engine, exc, inspect
    from sqlalchemy.orm import Session

    try:
        engine = create_engine(db_url)
        shown = engine.url.render_as_string(hide_password=True)
        # SQLite would make an empty file.
        if engine.dialect.name == "sqlite" and engine.url.database and not Path(engine.url.database).is_file():
            raise AutogradeError(f"There is no gradebook at {shown}; `nbgrader generate_assignment` makes one.")
        try:
            if "submitted_assignment" not in inspect(engine).get_table_names():
                raise AutogradeError(f"{shown} holds no gradebook; `nbgrader generate_assignment` makes one.")
            with Session(engine) as session:
                yield session, api
        finally:
            engine.dispose()
    except (exc.ArgumentError, exc.NoSuchModuleError, exc.OperationalError, exc.DatabaseError) as error:
        told = str(error).splitlines()[0]
        raise AutogradeError(f"The gradebook cannot be read: {told}. Check its URL.") from None


def gradebook_rows(db_url, assignment=None):
    """All students' grades: two queries, however many students and assignments there are.

    Parameters
    ----------
    db_url : str, SQLAlchemy's URL of the gradebook
    assignment : str, or list of str, or None for all

    Returns
    -------
    list of Row, by assignment and student

    Raises
    ------
    AutogradeError : there is no gradebook at this URL, or no assignment of this name.
    """
    wanted = [assignment] if isinstance(assignment, str) else list(assignment or ())
    with reading(db_url) as (db, api):
        worth = _worth(db, api, wanted)
        missing = set(wanted) - set(worth)
        if missing:
            there = ", ".join(_assignments(db, api)) or "none"
            raise AutogradeError(f"The gradebook has no assignment {', '.join(sorted(missing))}. There are: {there}.")
        return list(_rows(db.execute(_query(api, wanted)), worth))


def _assignments(db, api):
    from sqlalchemy import select

    return db.scalars(select(api.Assignment.name).order_by(api.Assignment.name))


def _worth(db, api, wanted):
    """The maximum of each graded cell, by assignment and by "notebook/cell"."""
    from sqlalchemy import func, select

    base, grade, task = api.BaseCell.__table__, api.GradeCell.__table__, api.TaskCell.__table__
    most = func.coalesce(grade.c.max_score, task.c.max_score)
    query = (
        select(api.Assignment.name, api.Notebook.name, base.c.name, base.c.type, most)
        .select_from(api.Assignment)
        .outerjoin(api.Notebook, api.Notebook.assignment_id == api.Assignment.id)
        .outerjoin(base, base.c.notebook_id == api.Notebook.id)
        .outerjoin(grade, grade.c.id == base.c.id)
        .outerjoin(task, task.c.id == base.c.id)
        .order_by(api.Assignment.name, api.Notebook.name, base.c.name)
    )
    query = query.where(api.Assignment.name.in_(wanted)) if wanted else query
    found = {}
    for assignment, notebook, cell, kind, points in db.execute(query):
        cells = found.setdefault(assignment, {})
        if kind in ("GradeCell", "TaskCell"):
            cells[f"{notebook}/{cell}"] = points or 0.0
    return found


def _query(api, wanted):
    """One line for each grade; a student without one has a line with nothing on the right."""
    from sqlalchemy import and_, select, true

    base = api.BaseCell.__table__
    s, a, sub, nb, g = api.Student, api.Assignment, api.SubmittedAssignment, api.SubmittedNotebook, api.Grade
    query = (
        select(
            a.name, a.duedate, s.id, s.last_name, s.first_name, s.email, s.lms_user_id, sub.id, sub.timestamp,
            sub.extension, nb.id, nb.late_submission_penalty, api.Notebook.name, base.c.name,
            g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade,
        )
        .select_from(a).join(s, true())
        .outerjoin(sub, and_(sub.assignment_id == a.id, sub.student_id == s.id))
        .outerjoin(nb, nb.assignment_id == sub.id)
        .outerjoin(api.Notebook, api.Notebook.id == nb.notebook_id)
        .outerjoin(g, g.notebook_id == nb.id)
        .outerjoin(base, base.c.id == g.cell_id)
        .order_by(a.name, s.id)
    )  # fmt: skip
    return query.where(a.name.in_(wanted)) if wanted else query


def _rows(lines, worth):
    for _, group in itertools.groupby(lines, key=lambda found: (found[0], found[2])):
        group = list(group)
        yield _row(group, worth[group[0][0]])


def _row(group, worth):
    """One Row from the lines of one student and one assignment."""
    name, due, student, last, first, email, lms, submission, time, extension = group[0][:10]
    penalties = {found[10]: found[11] or 0.0 for found in group if found[10]}
    grades = {f"{found[12]}/{found[13]}": found[14:18] for found in group if found[13]}
    points = {cell: awarded(*grade) for cell, grade in grades.items()}
    needs = any(p is None for p in points.values())
    penalty = sum(penalties.values())
    raw = None if needs else sum(points.values())
    return Row(
        name, due + extension if due and extension else due, time,
        student, last or "", first or "", email or "", lms or "",
        None if needs else max(0.0, raw - penalty), raw, sum(worth.values()),
        sum(auto or 0.0 for auto, _, _, _ in grades.values()),
        sum(manual or 0.0 for _, manual, _, _ in grades.values()),
        sum(extra or 0.0 for _, _, extra, _ in grades.values()),
        penalty, needs, submission is not None,
        {cell: (points.get(cell, None if submission else 0.0), most) for cell, most in worth.items()},
    )  # fmt: skip


def awarded(auto, manual, extra, needs):
    """A cell's points as nbgrader counts them, or None where they are open: a person must decide."""
    score = auto if manual is None else manual
    if needs or score is None or not math.isfinite(score + (extra or 0.0)):
        return None
    return score + (extra or 0.0)


COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score",
)  # fmt: skip


def plain_table(rows, headings):
    """nbgrader's columns, then whether a person must decide, then the points of each graded cell."""
    cells = list(dict.fromkeys((r.assignment, cell) for r in rows for cell in r.cells))
    many = len({r.assignment for r in rows}) > 1
    shown = [f"{assignment}/{cell}" if many else cell for assignment, cell in cells]
    yield [*COLUMNS, "auto_score", "manual_score", "extra_credit", "lms_user_id", "needs_person", *shown]
    for r in rows:
        yield [
            r.assignment, r.duedate, r.timestamp, r.student, r.last_name, r.first_name, r.email, r.raw_score,
            r.late_penalty, r.score, r.max_score, r.auto, r.manual, r.extra_credit, r.lms_id, int(r.needs_person),
            *(r.cells.get(cell, (None, 0))[0] if r.assignment == assignment else None for assignment, cell in cells),
        ]  # fmt: skip


def canvas_table(rows, headings):
    """Canvas' gradebook import: one line for each student, one column for each assignment, and the points possible.

    Canvas knows a student by ID (its own number: the gradebook's lms_user_id where that is a number), else by SIS User
    ID (another lms_user_id), else by SIS Login ID (the student's id). It knows an assignment by the number in its
    heading, "A1 (12345)", and asks where there is none.
    """
    names, students = _pivot(rows)
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(headings.get(name, name) for name in names)]
    most = {r.assignment: r.max_score for r in rows}
    yield ["    Points Possible", "", "", "", "", *(most[name] for name in names)]
    for r, scores in students:
        shown = ", ".join(part for part in (r.last_name, r.first_name) if part) or r.student
        known = (r.lms_id, "") if r.lms_id.isascii() and r.lms_id.isdigit() else ("", r.lms_id)
        yield [shown, *known, r.student, "", *(scores.get(name) for name in names)]


def moodle_table(rows, headings):
    """Moodle's grade import: one line for each student, known by e-mail address or by ID number.

    The ID number is the gradebook's lms_user_id, else the student's id.
    """
    names, students = _pivot(rows)
    heads = [head for name in names for head in (headings.get(name, name), f"{headings.get(name, name)} (feedback)")]
    yield ["Email address", "ID number", "Last name", "First name", *heads]
    told = {(r.student, r.assignment): _told(r) for r in rows}
    for r, scores in students:
        marks = [entry for name in names for entry in (scores.get(name), told.get((r.student, name), ""))]
        yield [r.email, r.lms_id or r.student, r.last_name, r.first_name, *marks]


def _told(r):
    """A sentence on how the mark came about."""
    if not r.submitted:
        return "Nothing was handed in."
    if r.needs_person:
        return "A person has yet to grade a part of this."
    late = f", {_number(r.late_penalty)} taken off for lateness" if r.late_penalty else ""
    return f"{_number(r.score)} of {_number(r.max_score)} points{late}."


def _pivot(rows):
    names = list(dict.fromkeys(r.assignment for r in rows))
    first, scores = {}, {}
    for r in rows:
        first.setdefault(r.student, r)
        scores.setdefault(r.student, {})[r.assignment] = r.score
    return names, [(r, scores[student]) for student, r in first.items()]


FORMATS = {"csv": plain_table, "canvas": canvas_table, "moodle": moodle_table}


@dataclass(frozen=True)
class Exported:
    """What was written, and what the person who exports should know.

    students : int
    needs_person : tuple of (assignment, student) whose mark is empty
    missing : tuple of (assignment, student) who handed nothing in and have 0
    changed : tuple of str, texts that got an apostrophe or lost characters, as they were (on one line)
    """

    path: Path
    students: int
    needs_person: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]


def export_csv(rows, target, format="csv", bom=False, headings=None):
    """Write grades.

    Parameters
    ----------
    rows : list of Row
    target : path; it is replaced when the whole file is written
    format : "csv", "canvas" or "moodle"
    bom : bool; begin with a byte order mark, by which Excel knows UTF-8
    headings : dict from assignment to its column in Canvas or Moodle, e.g. {"A1": "A1 (12345)"}, or None: its name

    Returns
    -------
    Exported

    Raises
    ------
    AutogradeError : there is no such format, a heading is none or for an assignment that is not exported, the file
        cannot be written, or it is there and would be replaced by one without students.
    """
    if format not in FORMATS:
        raise AutogradeError(f"There is no format {format!r}. There are: {', '.join(FORMATS)}.")
    rows, target, changed = list(rows), Path(target), []
    if not rows and os.path.lexists(target):
        told = f"There are no students to export, so {target} stays as it was"
        raise AutogradeError(f"{told}. Check that the gradebook is the right one, or remove the file first.")
    _check(headings or {}, {r.assignment for r in rows})
    table = [[_cell(value, changed) for value in entries] for entries in FORMATS[format](rows, headings or {})]
    _write(target, table, "utf-8-sig" if bom else "utf-8")
    return Exported(
        target,
        len({r.student for r in rows}),
        tuple((r.assignment, r.student) for r in rows if r.needs_person),
        tuple((r.assignment, r.student) for r in rows if not r.submitted),
        tuple(dict.fromkeys(changed)),
    )


def _check(headings, names):
    """Raise a sentence where a heading would name no column."""
    there = ", ".join(sorted(names))
    for name, heading in headings.items():
        if not heading.strip():
            raise AutogradeError(f"The column of {name} has no heading: write it as ASSIGNMENT=HEADING.")
        if names and name not in names:
            told = f"The column {name}={heading} is for no assignment that is exported"
            raise AutogradeError(f"{told}. There are: {there}.")


def _cell(value, changed):
    """A value as the csv module takes it: a number stays one, text is made harmless."""
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return _rounded(value)
    text = _time(value) if isinstance(value, datetime.datetime) else str(value)
    safe = safe_text(text)
    if safe != text:
        changed.append(line(text))
    return safe


def _time(value):
    """A time of the gradebook, which keeps UTC without saying so, to the second."""
    aware = value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)
    return aware.isoformat(" ", "seconds")


def _rounded(value):
    """A number without the noise of floating-point sums; a whole one as an integer; empty where it is none."""
    if not math.isfinite(value):
        return ""
    value = round(value, 9)
    return int(value) if value == int(value) else value


def _number(value):
    return f"{_rounded(value):g}"


def safe_text(text):
    """`text` without control characters, and with an apostrophe before what a spreadsheet would take for a formula.

    That is also what follows a semicolon, a tab or a new line: where lists are separated by semicolons, or the file is
    pasted, quotes do not hold the text together and a cell begins there.
    """
    clean = plain(text)
    parts = [f"'{part}" if part.lstrip(' "').lstrip().startswith(FORMULA) else part for part in _ENDS.split(clean)]
    begins = text[:1] in ("\t", "\r", "\n") or clean[:1] in ("\t", "\n")
    return ("'" if begins else "") + "".join(parts)


def _write(target, table, encoding):
    """Text is quoted and numbers are not; the file takes its place when it is whole."""
    try:
        handle, fresh = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise AutogradeError(f"{target} cannot be written: {error.strerror}.") from None
    try:
        with open(handle, "w", encoding=encoding, newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_NONNUMERIC).writerows(table)
        os.replace(fresh, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise AutogradeError(f"{target} cannot be written: {error.strerror}.") from None


class SafeCsvExport(ExportPlugin):
    """For nbgrader_config.py: `c.ExportApp.plugin_class = SafeCsvExport`, then `nbgrader export`."""

    format = Enum(tuple(FORMATS), "csv", help="csv, canvas or moodle").tag(config=True)
    bom = Bool(False, help="begin with a byte order mark, by which Excel knows UTF-8").tag(config=True)

    def export(self, gradebook):
        """Export to `self.to`, by default grades.csv; says in the log what needs a person."""
        url = gradebook.engine.url.render_as_string(hide_password=False)
        rows = gradebook_rows(url, [str(name) for name in self.assignment])
        wanted = {str(student) for student in self.student}
        found = [r for r in rows if not wanted or r.student in wanted]
        done = export_csv(found, self.to or "grades.csv", self.format, self.bom)
        self.log.info("Exported the grades of %d students to %s", done.students, done.path)
        for assignment, student in done.needs_person:
            self.log.warning("%s of %s needs a person; its mark is empty.", line(assignment), line(student))
