"""Small masters and submissions for tests of the examination, made from a few lines."""

import nbformat

from autograde.examine import examine
from autograde.plan import make_plan, master_from_notebook
from autograde.read import Cell, Submitted

MARKS = {
    "answer": {"grade": False, "solution": True, "locked": False},
    "test": {"grade": True, "solution": False, "locked": True},
    "locked": {"grade": False, "solution": False, "locked": True},
}


def master(*cells):
    """A Master of (kind, name, source) triples; each test is worth 1 point."""
    book = nbformat.v4.new_notebook()
    for kind, name, source in cells:
        cell = nbformat.v4.new_code_cell(source, id=name)
        mark = MARKS[kind] | {"grade_id": name, "schema_version": 3, "task": False}
        cell.metadata["nbgrader"] = mark | ({"points": 1} if kind == "test" else {})
        book.cells.append(cell)
    return master_from_notebook(book, "T1", "T1")


def answered(the_master, answers=None, extra=(), student="ada"):
    """The Plan of a submission: answers by name, and the student's own cells as (name of the cell before, source)."""
    cells = []
    for c in the_master.cells:
        source = (answers or {}).get(c.name, c.source if c.kind == "answer" and answers is None else c.released)
        cells.append(Cell("code", source, c.name))
        cells += [Cell("code", source, None) for after, source in extra if after == c.name]
    return make_plan(the_master, Submitted(tuple(cells), ()), student)


def results(warm, the_master, plan, folder, **options):
    """The Result, and its TestResults by name."""
    found = examine(the_master, plan, warm, folder=str(folder), **options)
    return found, {t.name: t for t in found.tests}
