"""Feedback: one page of HTML for each student and notebook, and nbgrader's own pages made safe.

A page shows what was learnt: points, what the checks said, the student's own code and what it printed, comments. It
does not show what the hidden tests are: of a test it has the part that the student got, of a hidden test its category.

`SafeNotebook` and `SafeFeedback` are preprocessors for nbgrader_config.py:

    c.HTMLExporter.preprocessors = [SafeNotebook]                                     # formgrader
    c.GenerateFeedback.preprocessors = [GetGrades, SafeFeedback, CSSHTMLHeaderPreprocessor]   # generate_feedback
"""

import contextlib
import html
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
from markupsafe import Markup
from nbformat.v4 import new_markdown_cell
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, NbGraderPreprocessor
from traitlets import List
from traitlets.config import Config

from . import sanitise
from .errors import AutogradeError
from .export import awarded, reading
from .files import write_new
from .sanitise import line, plain, redact

CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
GRADED = ("test", "written", "task")
ANSWERS = ("answer", "written")
STATES = {  # state -> symbol, word
    "passed": ("\u2713", "Passed"),
    "partial": ("\u25d0", "Partly right"),
    "failed": ("\u2717", "Not yet right"),
    "waiting": ("\u2026", "Waits for a person"),
    "person": ("\u270e", "Graded by a person"),
    "unanswered": ("\u2013", "Not answered"),
}


@dataclass(frozen=True)
class CellGrade:
    """The gradebook's grade of one cell; `points` (extra credit included) is None where a person must decide."""

    points: float | None
    max_points: float
    by_person: bool = False


@dataclass(frozen=True)
class Grades:
    """The gradebook's grades of one notebook: by cell name; `late_penalty` in points."""

    cells: dict[str, CellGrade] = field(default_factory=dict)
    late_penalty: float = 0.0


@dataclass(frozen=True)
class _Output:
    label: str
    text: str = ""
    png: str = ""
    error: str = ""


@dataclass(frozen=True)
class _Shown:
    """A cell of the student's."""

    label: str
    source: str
    html: str
    unchanged: bool
    outputs: tuple[_Output, ...]


@dataclass(frozen=True)
class _Graded:
    """A graded cell: numbers as they are printed."""

    name: str
    state: str
    points: str
    max_points: str
    how: str
    said: tuple[str, ...]
    released: str

    @property
    def symbol(self):
        return STATES[self.state][0]

    @property
    def word(self):
        return STATES[self.state][1]


@dataclass(frozen=True)
class _Section:
    """An exercise."""

    anchor: str
    title: str
    stopped: tuple[str, ...]
    graded: tuple[_Graded, ...]
    cells: tuple[_Shown, ...]
    comments: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    what: str
    points: str


@dataclass(frozen=True)
class _Page:
    title: str
    student: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    sections: tuple[_Section, ...]
    totals: tuple[_Row, ...]


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def feedback_page(master, plan, result, grades=None, comments=None, limits=None):
    """One self-contained page: no script, no request, nothing of a hidden test but its category.

    Parameters
    ----------
    master : plan.Master
    plan : plan.Plan, or None where the notebook could not be read
    result : result.Result
    grades : Grades of the gradebook, or None; they take the place of the result's points
    comments : dict from the name of a cell to a grader's comment (Markdown), or None
    limits : dict, or None; "time" in seconds and "memory" in bytes are told to whom they stopped

    Returns
    -------
    str, HTML
    """
    grades, comments = grades or Grades(), comments or {}
    secrets_, points = _secrets(master), _points(master, result, grades)
    sections = tuple(_sections(master, plan, result, grades, comments, limits or {}, secrets_))
    page = _Page(
        title=_title(master),
        student=line(result.student),
        warnings=tuple(line(redact(w, secrets_), 1000) for w in _warnings(result, points)),
        notes=tuple(line(redact(n, secrets_), 1000) for n in (plan.notes if plan else ())),
        sections=sections,
        totals=tuple(_totals(points, grades.late_penalty)),
    )
    return _templates.get_template("feedback.html.j2").render(page=page, csp=CSP)


def _title(master):
    return master.assignment if master.notebook == master.assignment else f"{master.assignment}, {master.notebook}"


def _warnings(result, points):
    if result.needs_person and all(p is not None for p, _, _ in points.values()):
        # The reason is settled, and with it what it asks the student to do.
        yield "This notebook could not be examined automatically. A person has graded it."
    elif result.needs_person:
        yield f"A person will look at this notebook. {result.needs_person}"
    if result.assurance != "isolated":
        yield "This notebook was graded without a sandbox."


def _secrets(master):
    tests = (c for c in master.cells if c.kind in ("test", "task"))
    return frozenset().union(*(sanitise.hidden_lines(c.source, _released(c)) for c in tests))


def _released(cell):
    """What the student got of a cell of the master."""
    source = cell.cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _points(master, result, grades):
    """(points or None, maximum, by a person) by the name of each graded cell."""
    tests = {t.name: t for t in result.tests}
    found = {}
    for cell in master.cells:
        if cell.kind not in GRADED:
            continue
        test, grade = tests.get(cell.name), grades.cells.get(cell.name)
        if grade is not None:
            found[cell.name] = (grade.points, grade.max_points, grade.by_person)
        elif test is not None and not result.needs_person:
            found[cell.name] = (test.points, test.max_points, False)
        else:
            found[cell.name] = (None, cell.points, False)
    return found


def _totals(points, penalty):
    known = sum(p for p, _, _ in points.values() if p is not None)
    most = sum(m for _, m, _ in points.values())
    waiting = sum(p is None for p, _, _ in points.values())
    if waiting and waiting == len(points):
        yield _Row("Total: nothing is graded yet; every part waits for a person", f"{_number(None)} of {_number(most)}")
        return
    so_far = f" so far; {waiting} of {len(points)} parts wait for a person" if waiting else ""
    yield _Row(f"Total{so_far}", f"{_number(known)} of {_number(most)}")
    if penalty:
        yield _Row("Penalty for handing in late", f"\u2212{_number(penalty)}")
        yield _Row(f"Total after the penalty{' so far' if waiting else ''}", _number(max(0.0, known - penalty)))


def _number(value):
    return "?" if value is None else f"{round(value, 2):g}"


def _sections(master, plan, result, grades, comments, limits, secrets_):
    """The exercises in the notebook's order; a cell of the student's belongs to the graded cell that follows it."""
    budget = sanitise.Budget()
    outputs = {c.index: c.outputs for c in result.cells}
    points, titles = _points(master, result, grades), _headings(master)
    masters = {c.name: c for c in master.cells if c.name}
    blank = {c.name for c in (plan.cells if plan else ()) if c.unchanged or not c.source.strip()}
    groups, waiting = {}, []
    for index, cell in enumerate(plan.cells if plan else [c for c in master.cells if c.kind in GRADED]):
        if plan and cell.kind in ("answer", "written", "extra"):
            waiting.append((cell, tuple(_outputs(outputs.get(index, ()), budget, secrets_))))
        if cell.kind in GRADED:
            key = master.exercises.get(cell.name, cell.name)
            group = groups.setdefault(key, (titles.get(cell.name, key), [], []))
            group[1].append(
                _graded(masters[cell.name], points[cell.name], result, limits, secrets_, cell.name in blank)
            )
            group[2].extend(waiting)
            waiting = []
    if waiting:
        groups[None] = ("After the last exercise", [], waiting)
    for number, (title, graded, cells) in enumerate(groups.values(), 1):
        names = [c.name for c, _ in cells if c.name] + [g.name for g in graded]
        said = [comments[n] for n in dict.fromkeys(names) if comments.get(n)]
        yield _Section(
            f"exercise-{number}",
            title,
            tuple(f"Your answer cell stopped with {e}" for c, o in cells if c.kind in ANSWERS for e in _errors(o)),
            tuple(graded),
            tuple(_shown(c, o, budget) for c, o in cells),
            tuple(Markup(budget.render(c)) for c in said),
        )


_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


def _headings(master):
    """The heading that stands above each graded cell."""
    found, title = {}, None
    for cell in master.cells:
        if cell.kind == "text" and cell.cell_type == "markdown":
            headings = _HEADING.findall(_released(cell))
            title = line(headings[0]) if headings else title
        elif cell.kind in GRADED and title:
            found[cell.name] = title
    return found


def _graded(cell, found, result, limits, secrets_, blank):
    points, most, by_person = found
    test = next((t for t in result.tests if t.name == cell.name), None)
    said = () if test is None else tuple(_said(test, limits, secrets_))
    state = _state(cell, test, points, most, by_person, blank)
    how = "graded by a person" if by_person or cell.kind != "test" else "checked automatically"
    return _Graded(
        cell.name,
        state,
        _number(points),
        _number(most),
        "" if state in ("waiting", "unanswered") else how,
        said,
        plain(_released(cell), sanitise.SOURCE_LIMIT) if cell.kind == "test" else "",
    )


def _state(cell, test, points, most, by_person, blank):
    if points is None:
        return "waiting"
    if cell.kind == "written" and blank and not by_person:
        return "unanswered"
    if by_person or test is None:
        return "person"
    return "passed" if points >= most else "partial" if points > 0 else "failed"


def _said(test, limits, secrets_):
    """What became of a test, in words that the student may read."""
    reason = _reason(test.reason, limits)
    if reason:
        yield reason
    if test.category:
        yield f"A hidden test, on inputs that you do not see. Its category: {line(redact(test.category, secrets_))}."
    if test.message and test.verdict != "passed":
        yield plain(redact(test.message, secrets_), 4000)


def _reason(reason, limits):
    seconds, size = limits.get("time"), limits.get("memory")
    return {
        "raised": "The code raised an error.",
        "time": "The code was stopped at the time limit" + (f" of {seconds:g} seconds." if seconds else "."),
        "memory": "The code was stopped at the memory limit" + (f" of {size / 2**20:,.0f} MiB." if size else "."),
        "crash": "The process in which the code ran ended before its time: a crash, or an exit.",
        "missing": "A name that the answer must define is not there.",
        "error": "The examination itself failed. That is no mistake of yours; a person will look at it.",
    }.get(reason, "")


def _shown(cell, outputs, budget):
    text = cell.cell_type == "markdown"
    label = {"answer": "Your answer", "written": "Your answer in words" if text else "Your answer"}.get(cell.kind)
    return _Shown(
        label or ("Your own text" if cell.cell_type != "code" else "Your own cell"),
        "" if text else plain(cell.source, sanitise.SOURCE_LIMIT),
        Markup(budget.render(cell.source)) if text and cell.source.strip() else "",
        cell.unchanged and cell.kind != "extra",
        outputs,
    )


def _errors(outputs):
    return [o.error for o in outputs if o.error]


# A frame of the grader's own: a line of a traceback as the sandbox writes it, or as Python does.
_OWN_FRAME = re.compile(r'^ *(?:File ")?/edf/agent/.*\n?', re.MULTILINE)
_CELL_FILE = re.compile(r" \(<[^<>]*>, (line \d+)\)$")  # a cell has no file that a student would know


def _outputs(found, budget, secrets_):
    """The outputs of one cell of the student's, reduced.

    Those of test cells are not shown: a function that prints its arguments would show the hidden inputs there.
    """
    # The error comes last, and is shown however much was printed before it.
    errors = [o for o in found[sanitise.OUTPUTS_LIMIT :] if o.get("type") == "error"]
    for output in (*found[: sanitise.OUTPUTS_LIMIT], *errors[-1:]):
        kind = output.get("type")
        if kind == "image":
            data = budget.picture(output.get("png"))
            yield _Output("", png=data) if data else _Output("Note", "[a picture that is damaged or too large]")
        elif kind == "error":
            short = f"{plain(output.get('name')) or 'an error'}: {plain(output.get('message'))}"
            told = _OWN_FRAME.sub("", plain(output.get("traceback"))) or short
            short = _CELL_FILE.sub(r", \1", line(redact(short, secrets_), 500))
            yield _Output("The error", redact(told, secrets_), error=f"{short.rstrip(': .')}.")
        elif kind in ("stream", "result") and plain(output.get("text")).strip():
            yield _Output("What it printed", redact(plain(output["text"]), secrets_))


def marks(db_url, assignment, student=None):
    """The gradebook's marks on an assignment, in two queries.

    Parameters
    ----------
    db_url : str, SQLAlchemy's URL of the gradebook
    assignment : str
    student : str, or None for all

    Returns
    -------
    dict from (student, notebook) to (Grades, dict of comments)

    Raises
    ------
    AutogradeError : there is no gradebook at this URL.
    """
    from sqlalchemy import select

    found = {}
    with reading(db_url) as (db, api):
        joined = (
            (api.SubmittedNotebook, lambda t: t.notebook_id == api.SubmittedNotebook.id),
            (api.Notebook, lambda t: api.SubmittedNotebook.notebook_id == api.Notebook.id),
            (api.SubmittedAssignment, lambda t: api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id),
            (api.Assignment, lambda t: api.SubmittedAssignment.assignment_id == api.Assignment.id),
            (api.BaseCell, lambda t: t.cell_id == api.BaseCell.id),
        )

        def rows(table, *columns):
            # The cell by its table and not its class: a class would join the tables of all kinds of cell.
            name = api.BaseCell.__table__.c.name
            query = select(api.SubmittedAssignment.student_id, api.Notebook.name, name, *columns).select_from(table)
            for other, rule in joined:
                query = query.join(other.__table__, rule(table))
            query = query.where(api.Assignment.name == assignment)
            return db.execute(query if student is None else query.where(api.SubmittedAssignment.student_id == student))

        g, n = api.Grade, api.SubmittedNotebook
        columns = g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade, g.max_score
        found_rows = rows(g, *columns, n.late_submission_penalty)
        for who, notebook, cell, auto, manual, extra, needs, most, late in found_rows:
            grades, _ = found.setdefault((who, notebook), (Grades({}, late or 0.0), {}))
            grades.cells[cell] = CellGrade(awarded(auto, manual, extra, needs), most, manual is not None)
        for who, notebook, cell, comment in rows(api.Comment, api.Comment.comment):
            if comment:
                found.setdefault((who, notebook), (Grades(), {}))[1][cell] = comment
    return found


@dataclass(frozen=True)
class Site:
    """Pages written, and a sentence for each that could not be."""

    written: tuple[Path, ...]
    refused: tuple[str, ...]


def feedback_site(folder, master, submissions, found=None, limits=None):
    """Write a page for each submission, where nbgrader puts it: <folder>/<student>/<assignment>/<notebook>.html.

    Parameters
    ----------
    folder : path, the course's feedback folder
    master : plan.Master
    submissions : iterable of (Plan or None, Result)
    found : what `marks` returned, or None
    limits : as in `feedback_page`

    Returns
    -------
    Site; a page that cannot be written stops no other
    """
    written, refused = [], []
    for plan, result in submissions:
        grades, comments = (found or {}).get((result.student, master.notebook), (None, None))
        try:
            text = feedback_page(master, plan, result, grades, comments, limits)
            written.append(write_page(folder, result.student, master.assignment, master.notebook, text))
        except Exception as error:  # one student's page must not cost the others theirs
            refused.append(f"No feedback for {line(result.student)}: {line(str(error), 500) or type(error).__name__}")
    return Site(tuple(written), tuple(refused))


_FILE_NAME = re.compile(r"(?!\.\.?\Z)[^/\\\x00-\x1f]{1,199}")


def write_page(folder, student, assignment, notebook, text):
    """Write one page; no link is followed below `folder`, and a reader sees the old page or the new one.

    Returns
    -------
    Path of the page

    Raises
    ------
    AutogradeError : a name is no plain file name, or a folder on the way is a link or no folder.
    """
    for name in (student, assignment, notebook):
        if not (isinstance(name, str) and _FILE_NAME.fullmatch(name)):
            told = f"{line(name)!r} cannot name a folder of feedback"
            raise AutogradeError(f"{told}: use letters, digits, '.', '_' and '-'.")
    if os.open not in os.supports_dir_fd:
        raise AutogradeError("Feedback cannot be written safely on this system; write it on Linux or macOS.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        place = _opened(folder, None, stack)
        for name in (student, assignment):
            place = _opened(name, place, stack)
        _replace(place, f"{notebook}.html", text.encode("utf-8", "replace"))
    return folder / student / assignment / f"{notebook}.html"


def _opened(name, place, stack):
    """A descriptor of the folder `name` in the folder `place`, made if missing, never through a link."""
    follow = 0 if place is None else os.O_NOFOLLOW
    if place is not None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=place)
    try:
        opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | follow | os.O_CLOEXEC, dir_fd=place)
    except OSError as error:
        told = f"The feedback folder {name} is a link or no folder ({error.strerror}); remove it."
        raise AutogradeError(told) from None
    stack.callback(os.close, opened)
    return opened


def _replace(place, name, data):
    """Put `data` at `name` in the folder `place`, in place of whatever is there."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=place, follow_symlinks=False).st_mode):
            raise AutogradeError(f"{name} in the feedback folder is a folder; remove it.")
    fresh = f".{secrets.token_hex(8)}.tmp"
    try:
        write_new(fresh, data, dir_fd=place)
        os.rename(fresh, name, src_dir_fd=place, dst_dir_fd=place)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(fresh, dir_fd=place)
        raise AutogradeError(f"{name} cannot be written to the feedback folder: {error.strerror}.") from None


class _Safe(NbGraderPreprocessor):
    # nbconvert configures it for every preprocessor and warns where it may not.
    display_data_priority = List(["image/png", "text/plain"]).tag(config=True)


class SafeNotebook(_Safe):
    """Sanitises what formgrader renders; the instructor sees the hidden tests as before."""

    def preprocess(self, nb, resources):
        """The notebook sanitised; the names in `resources`, which the templates do not escape, escaped."""
        for name in ("student", "last_name", "first_name"):
            if isinstance(resources.get(name), str):
                resources[name] = html.escape(line(resources[name]))
        return sanitise.sanitise_notebook(nb), resources


WAITS = "A person has yet to grade this; the score beside it is not final."


class SafeFeedback(_Safe):
    """Makes what `nbgrader generate_feedback` renders fit for students.

    It is sanitised, without hidden tests and marking schemes, says which parts wait for a person, and asks no network:
    formulas stay as they are written.
    """

    def preprocess(self, nb, resources):
        """The notebook for students; see `sanitise.for_students`."""
        safe = sanitise.for_students(nb, self._tests(nb))
        for cell in safe.cells:
            if cell.cell_type == "markdown":
                # Bootstrap hides the mark by which a reader sees that there is more to open, and paper has none.
                cell.source = cell.source.replace("<details>", "<details open>")
        safe.cells = list(_with_notes(safe.cells, _open_parts(resources.get("nbgrader", {}))))
        if "include_css" in resources:
            # nbgrader's template asks a server for MathJax, which no option prevents; this stands before that.
            policy = Markup('<meta http-equiv="Content-Security-Policy" content="{}">').format(CSP)
            stock = resources["include_css"]
            resources["include_css"] = lambda name: policy + Markup(stock(name))
        return safe, resources

    def _tests(self, nb):
        """Test and task cells as they are and as students got them."""
        kinds = (ClearHiddenTests, ClearMarkScheme)  # with the course's own delimiters
        cutters = [k(config=Config({k.__name__: self.config[k.__name__]}), enforce_metadata=False) for k in kinds]
        found = {}
        for cell in nb.cells:
            mark = cell.metadata.get("nbgrader")
            if isinstance(mark, dict) and isinstance(mark.get("grade_id"), str):
                released = _cut(cell, cutters)
                if released != cell.source or (not mark.get("solution") and (mark.get("grade") or mark.get("task"))):
                    found[mark["grade_id"]] = (cell.source, released)
        return found


def _open_parts(names):
    """The names of the cells of one submission that wait for a person, from the gradebook that `resources` names."""
    if "db_url" not in names:
        return frozenset()
    found = marks(names["db_url"], names["assignment"], names["student"])
    grades, _ = found.get((names["student"], names["notebook"]), (Grades(), {}))
    return frozenset(name for name, grade in grades.cells.items() if grade.points is None)


def _with_notes(cells, waiting):
    """The cells, with a note at the top and one above each that waits for a person."""
    open_ = sum(_waits(cell, waiting) for cell in cells)
    if open_:
        parts = "One part waits" if open_ == 1 else f"{open_} parts wait"
        yield _note("top", f"{parts} for a person. The total above is not final.")
    for number, cell in enumerate(cells):
        if _waits(cell, waiting):
            yield _note(str(number), WAITS)
        yield cell


def _waits(cell, waiting):
    mark = cell.metadata.get("nbgrader", {})
    return bool(mark.get("grade") or mark.get("task")) and mark["grade_id"] in waiting


def _note(name, sentence):
    return new_markdown_cell(sanitise.as_markdown(f"<p><strong>{sentence}</strong></p>"), id=f"waits-{name}")


def _cut(cell, cutters):
    cell = cell.copy()
    try:
        for cutter in cutters:
            cell, _ = cutter.preprocess_cell(cell, {}, 0)
    except RuntimeError:  # a region that does not end
        return "# This test is not shown."
    return cell.source
