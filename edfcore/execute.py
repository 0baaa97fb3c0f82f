"""Execute a notebook in a fresh kernel and report its checks: what `edf check` prints."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import EdfError, MissingExtra

TIMEOUT = 300  # seconds for one cell


@dataclass(frozen=True)
class Row:
    """One check cell (or, in a lecture, one cell that failed) and what became of it."""

    cell: str
    title: str
    points: float
    right: bool
    untouched: bool
    message: str


@dataclass(frozen=True)
class Report:
    """What became of a notebook."""

    notebook: str
    rows: tuple[Row, ...]

    @property
    def right(self):
        """Whether every check passed."""
        return all(row.right for row in self.rows)

    @property
    def verdict(self):
        """One line to end with."""
        if not any(row.points for row in self.rows):
            return f"{self.notebook}: every cell runs." if self.right else f"{self.notebook}: a cell fails."
        got, of = sum(r.points for r in self.rows if r.right), sum(r.points for r in self.rows)
        return f"{self.notebook}: {got:g} of {of:g} points on the visible checks. Hidden tests run when you hand in."

    def as_dict(self):
        """The report as plain values."""
        return {"notebook": self.notebook, "right": self.right, "checks": [asdict(r) for r in self.rows]}


def find_notebook(what, course_root):
    """The notebook that `what` names: a path, an assignment such as A1, or the start of a lecture's path.

    Raises
    ------
    EdfError : there is none, with the places that were looked at.
    """
    candidates = [Path(what), Path(f"{what}.ipynb"), Path(what) / f"{Path(what).name}.ipynb"]
    try:
        root = course_root()
        candidates += [root / "assignments" / what / f"{what}.ipynb", root / f"{what}.ipynb"]
        candidates += sorted(root.glob(f"{what}*.ipynb")) + sorted((root / "lectures").glob(f"{what}*.ipynb"))
    except (EdfError, NotImplementedError, ValueError):
        pass
    for path in candidates:
        if path.is_file():
            return path.resolve()
    looked = ", ".join(str(p) for p in candidates)
    raise EdfError(f"There is no notebook {what!r}. Looked for {looked}.")


def execute(path, timeout=TIMEOUT):
    """The notebook at `path`, executed from a clean kernel in its own folder, errors kept as outputs.

    Raises
    ------
    EdfError : it is not a notebook, or its kernel died.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
    except ImportError as error:
        raise MissingExtra("Executing a notebook", "nbclient", "course") from error
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises many kinds for damaged files
        raise EdfError(f"{path} cannot be read as a notebook: {error}") from error
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(Path(path).parent)}},
        store_widget_state=False,
        shutdown_kernel="immediate",
        extra_arguments=["--log-level=40"],  # a kernel's own warnings are not the reader's business
    )
    try:
        client.execute()
    except CellTimeoutError as error:
        raise EdfError(f"{path}: a cell ran for over {timeout} seconds and was stopped. {error}") from error
    except DeadKernelError as error:
        raise EdfError(f"{path}: the kernel died while running it (out of memory, or exit() in a cell).") from error
    return notebook


def check_notebook(path):
    """Execute the notebook and report each check cell; in a notebook without checks, each cell that fails."""
    notebook = execute(path)
    title, rows, failures, blame, setup = "", [], [], "", ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = re.search(r"^#+ (.+)$", cell.source, re.MULTILINE)
            title = found.group(1) if found else title
        if cell.cell_type != "code":
            continue
        mark = cell.metadata.get("nbgrader", {})
        error = next((o for o in cell.outputs if o.output_type == "error"), None)
        name = mark.get("grade_id") or cell.get("id", "")
        if mark.get("grade") and not mark.get("solution"):
            rows.append(_row(name, title, mark.get("points", 0), error, setup or blame, _changed(cell, mark)))
            blame = ""
        elif error:
            failures.append(_row(name, title, 0, error, "", ""))
            told = f"the cell {name!r} fails: {_told(error)}"
            setup, blame = (setup or told, blame) if mark.get("locked") else (setup, told)
    return Report(Path(path).name, tuple(rows or failures))


def _changed(cell, mark):
    """A sentence where a locked check cell is not as it was released."""
    if not mark.get("checksum"):
        return ""
    from nbgrader.utils import compute_checksum

    if compute_checksum(cell) == mark["checksum"]:
        return ""
    return "This check cell was changed; handing in restores it."


def _row(name, title, points, error, blame, note):
    """`blame` is an error in an earlier cell that a failing check depends on; it is told instead of its echo."""
    if error is None:
        return Row(name, title, points, not note, False, note)
    untouched = error.ename == "NotImplementedError"
    told = "not answered yet" if untouched else blame if blame and error.ename == "NameError" else _told(error)
    return Row(name, title, points, False, untouched, f"{told} {note}".strip())


def _told(error):
    return error.evalue if error.ename == "Wrong" else f"{error.ename}: {error.evalue}"
