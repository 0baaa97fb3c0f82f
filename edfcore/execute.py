"""Execute a notebook in a fresh kernel and report its checks: what `edf check` prints."""

import ast
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import prose
from .errors import EdfError, MissingExtra

TIMEOUT = 120  # seconds for one cell; then it is interrupted and the next one runs


@dataclass(frozen=True)
class Row:
    """One check cell (or, in a lecture, one section) and what became of it.

    state : "right", "wrong", "open" (not answered yet) or "person" (a written question)
    """

    cell: str
    title: str
    points: float
    state: str
    message: str

    @property
    def right(self):
        """Whether nothing is left to do for the student as far as a check can tell."""
        return self.state in ("right", "person")


@dataclass(frozen=True)
class Report:
    """What became of a notebook."""

    notebook: str
    rows: tuple[Row, ...]

    warnings: tuple[str, ...] = ()

    @property
    def right(self):
        """Whether every check passed and nothing needs a warning."""
        return all(row.right for row in self.rows) and not self.warnings

    @property
    def verdict(self):
        """One line to end with."""
        checked = [r for r in self.rows if r.state != "person"]
        if not any(r.points for r in checked):
            wrong = [r.title for r in checked if not r.right]
            return f"{self.notebook}: " + (
                f"see {', '.join(wrong)}." if wrong else "every cell runs, every check holds."
            )
        got, of = sum(r.points for r in checked if r.right), sum(r.points for r in checked)
        return f"{self.notebook}, as saved: {got:g} of {of:g} points on visible checks. Hidden tests run on handing in."

    def as_dict(self):
        """The report as plain values."""
        checks = [asdict(r) | {"right": r.right} for r in self.rows]
        return {"notebook": self.notebook, "right": self.right, "warnings": list(self.warnings), "checks": checks}


def find_notebook(what, course_root):
    """The notebook that `what` names: a path, an assignment such as A1, or the start of a lecture's path.

    Raises
    ------
    EdfError : there is none, with the places that were looked at.
    """
    candidates = [Path(what), Path(f"{what}.ipynb"), Path(what) / f"{Path(what).name}.ipynb"]
    try:
        root, capital = course_root(), what.upper()
        candidates += [root / "assignments" / capital / f"{capital}.ipynb", root / f"{what}.ipynb"]
        candidates += sorted(root.glob(f"{what}*.ipynb")) + sorted((root / "lectures").glob(f"{what}*.ipynb"))
    except (EdfError, NotImplementedError, ValueError):
        pass
    for path in candidates:
        if path.is_file():
            return path.resolve()
    looked = ", ".join(str(p) for p in candidates)
    raise EdfError(f"There is no notebook {what!r}. Looked for {looked}.")


def read(path):
    """The notebook at `path`.

    Raises
    ------
    EdfError : it is not a notebook.
    """
    nbformat = _library("nbformat")
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds for damaged files
        raise EdfError(f"{path} cannot be read as a notebook: {error}") from error


def execute(path, timeout=TIMEOUT, notebook=None, keep_widgets=False):
    """The notebook at `path`, executed from a clean kernel in its own folder, errors kept as outputs.

    A cell that runs for over `timeout` seconds is interrupted; that is its error, and the next cells run.

    Parameters
    ----------
    path : of the notebook
    timeout : float, seconds
    notebook : run this in place of what `path` holds
    keep_widgets : bool, whether the widgets' states are kept, for a page

    Raises
    ------
    EdfError : it is not a notebook, or its kernel died.
    """
    notebook = read(path) if notebook is None else notebook
    _library("nbclient")
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=timeout,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": "TooLong", "evalue": f"stopped after {timeout} seconds", "traceback": []},
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(Path(path).parent)}},
        store_widget_state=keep_widgets,
        shutdown_kernel="immediate",
        extra_arguments=["--log-level=40"],  # a kernel's own warnings are not the reader's business
    )
    try:
        client.execute()
    except CellTimeoutError as error:
        raise EdfError(f"{path}: a cell ran for over {timeout} seconds and could not be interrupted.") from error
    except DeadKernelError as error:
        raise EdfError(f"{path}: the kernel died while running it (out of memory, or exit() in a cell).") from error
    return notebook


def _library(name):
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra("Executing a notebook", name, "course") from error


def check_notebook(path):
    """Execute the notebook and report each check cell; of a lecture each section, its checks and its numbers."""
    notebook = read(path)
    if any(cell.metadata.get("nbgrader", {}).get("grade") for cell in notebook.cells):
        return _check_assignment(path, execute(path, notebook=notebook))
    return _check_lecture(path, execute(path, notebook=prose.proofs(notebook)))


def _check_lecture(path, notebook):
    """A row for each section: what failed in it, which of its numbers are not true, or how much was checked."""
    rows = []
    for section in prose.sections(notebook):
        found = re.search(r"^#+ (.+)$", "\n".join(c.source for c in section), re.MULTILINE)
        codes = [c for c in section if c.cell_type == "code"]
        wrong = [f"the cell {c.id!r} fails: {_told(o)}" for c in codes for o in c.outputs if o.output_type == "error"]
        wrong += [o.text.strip() for c in codes if "edf" in c.metadata for o in c.outputs if o.output_type == "stream"]
        checks = sum(bool(re.search(r"\bassert\b|\bcompare\(", c.source)) for c in codes)
        numbers = sum(len(prose.bindings(c.source)[0]) for c in section if c.cell_type == "markdown")
        counts = {"cells": len([c for c in codes if "edf" not in c.metadata]), "with checks": checks}
        told = ", ".join(f"{n} {what}" for what, n in (counts | {"numbers bound": numbers}).items() if n)
        title = found.group(1) if found else ""
        rows.append(Row(section[0].id, title, 0, "wrong" if wrong else "right", " ".join(wrong) or told))
    return Report(Path(path).name, tuple(rows))


def _check_assignment(path, notebook):
    title, rows, blame, setup, answer = "", [], "", "", ""
    tables = {table: _told_of(table) for table in sorted(Path(path).parent.glob("*.checks.json"))}
    absent = {exercise: told for table in tables.values() for exercise, told in _absent(notebook, table)}
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        name = mark.get("grade_id") or cell.get("id", "")
        if cell.cell_type == "markdown":
            found = re.search(r"^#+ (.+)$", cell.source, re.MULTILINE)
            title = found.group(1) if found else title
            if mark.get("grade"):
                rows.append(Row(name, title, mark.get("points", 0), "person", "is read and graded by a person"))
        if cell.cell_type != "code":
            continue
        error = next((o for o in cell.outputs if o.output_type == "error"), None)
        if mark.get("grade") and not mark.get("solution"):
            row = _row(name, title, mark.get("points", 0), error, blame, setup)
            if answer in absent and row.state in ("right", "wrong"):
                seen = "right here, but" if row.right else f"{row.message} Besides,"
                row = replace(row, state="wrong", message=f"{seen} {absent[answer]}")
            rows.append(row)
            continue
        if mark.get("solution"):
            answer = name
        if error:
            told = f"the cell {name!r} fails: {_told(error)}"
            setup, blame = (setup or told, blame) if mark.get("locked") else (setup, told)
        elif mark.get("solution"):
            blame = ""
    warnings = ([setup] if setup else []) + _warnings(Path(path), notebook, tables, {r.cell for r in rows})
    titles = [r.title for r in rows]
    rows = [replace(r, title=f"{r.title}: {_part(r.cell)}") if titles.count(r.title) > 1 else r for r in rows]
    return Report(Path(path).name, tuple(rows), tuple(warnings))


def _part(cell):
    """What one of several check cells of an exercise is about: "crops points" for crops-points-test."""
    return cell.removesuffix("-test").replace("-", " ")


def _warnings(path, notebook, tables, graded):
    """What handing in would undo or miss: changed locked cells, missing check cells, another file name."""
    from nbgrader.utils import compute_checksum

    changed = [
        cell.metadata.nbgrader.grade_id
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("locked")
        and cell.metadata.nbgrader.get("checksum", "") not in ("", compute_checksum(cell))
    ]
    found = [f"the locked cell {name!r} was changed; handing in restores it." for name in changed]
    for table, told in tables.items():
        cells = set(told.get("cells", ()))
        missing = sorted(cells - graded)
        if missing:
            found.append(f"check cells are missing: {', '.join(missing)}; handing in brings them back.")
        if cells & graded and path.name != table.name.replace(".checks.json", ".ipynb"):
            found.append(
                f"the file is named {path.name}; hand it in as {table.name.replace('.checks.json', '.ipynb')}."
            )
    return found


def _told_of(table):
    """The contents of a checks file; nothing where it is damaged, which the notebook's own cells tell."""
    try:
        found = json.loads(table.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _absent(notebook, table):
    """Pairs of an exercise and a sentence, where its answer names what is not there while work is graded."""
    absent, aliases = table.get("absent", {}), {}
    codes = [c for c in notebook.cells if c.cell_type == "code"]
    asked = {c.metadata.get("nbgrader", {}).get("grade_id"): asked_names(c.source, aliases) for c in codes}
    for exercise, names in absent.items():
        inner = {(name.partition(".")[0], name.rpartition(".")[2]) for name in names}
        for found in sorted(asked.get(exercise, ())):
            top, *parts = found.split(".")
            if top in names or any((top, part) in inner for part in parts):
                yield exercise, f"{found} is not there while work is graded: do without it."


def asked_names(source, aliases):
    """The dotted names of modules and what is in them that a cell imports or reads.

    Parameters
    ----------
    source : str, of a cell
    aliases : dict from a name to what it was imported as; imports of this cell are added

    Returns
    -------
    set of str, e.g. {"edfcore", "edfcore.VDot"}
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            aliases |= {a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0]
                        for a in node.names}  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            aliases |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(tree):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in aliases:
            found.add(".".join([aliases[node.id], *parts]))
    return found


def _row(name, title, points, error, blame, setup):
    """`blame` and `setup` are errors in earlier cells that a failing check depends on; they are told in its place."""
    if error is None:
        return Row(name, title, points, "right", "")
    if error.ename == "NotImplementedError":
        return Row(name, title, points, "open", "not answered yet")
    echo = error.ename == "NameError"
    told = (blame or (setup and "could not run, see below") or _told(error)) if echo else _told(error)
    return Row(name, title, points, "wrong", told)


def _told(error):
    """An error as a sentence, with the line of the function that raised it and what a check noted on the call.

    The names that Jupyter gives to cells as files are left out.
    """
    if error.ename == "Wrong":
        return error.evalue
    told = re.sub(r" \(\d+\.py, line (\d+)\)", r" (line \1 of the cell)", f"{error.ename}: {error.evalue}")
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    frames = re.findall(r"^Cell In\[\d+\], line (\d+), in (\w+)", trace, re.MULTILINE)
    where = f"line {frames[-1][0]} of the cell, in {frames[-1][1]}." if frames else ""
    _, found, notes = trace.rpartition(f"{error.ename}: {error.evalue}\n")
    return "\n".join(part for part in (told, where, notes.strip() if found else "") if part)
