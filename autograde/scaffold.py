"""A new exercise: a small one that works, certificate included, to be changed step by step into what is wanted."""

import keyword
import re
import tomllib
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from . import assignment as assignments
from .errors import AssignmentError
from .files import write_atomically

PARTS = Path(__file__).parent / "templates" / "exercise"
SIZES = {"points": 2, "difficulty": 2, "minutes": 10}
NEXT = """\
{name} has a new exercise {id!r} that works: it takes from each row of a batch its mean. Make it yours, in this
order, and run `autograde build {name}` and `autograde certify {name}` after each step:

1. solutions/{name}/{name}.ipynb, cells {id}-card, {id}, {id}-test: card, reference, visible check, hidden tests.
2. solutions/{name}/bank/{id}.py: what students will really write, wrong and right; at least {wrong} and {right}.
3. solutions/{name}/exercises.toml: points, difficulty, minutes, objectives, hints (as on the card), forbidden names.
4. nbgrader generate_assignment {name} --create --force; then commit everything together.
"""


def new_exercise(folder, id, title, function):
    """Add a working exercise to an assignment, before its written question.

    Parameters
    ----------
    folder : path, e.g. solutions/A3
    id : str, lower-case letters, digits and hyphens; also the name of the answer cell and of the bank's file
    title : str
    function : str, the name of the function that the answer defines

    Returns
    -------
    str : what to do next

    Raises
    ------
    AssignmentError : the assignment is not whole, or the names do not fit; then nothing is changed.
    """
    found = assignments.load(folder)
    _check_names(found, id, title, function)
    number = len(found.exercises) + 1
    fill = {"id": id, "title": title, "function": function, "number": number} | SIZES
    notebook = _with_cells(found, {p.stem: _filled(p, fill) for p in PARTS.iterdir()}, id)
    manifest = (found.folder / "exercises.toml").read_text(encoding="utf-8")
    manifest = _with_entry(manifest, _filled(PARTS / "entry.txt", fill), found.minutes + SIZES["minutes"])
    (found.folder / "bank" / f"{id}.py").write_text(_filled(PARTS / "bank.txt", fill), encoding="utf-8")
    write_atomically(found.folder / "exercises.toml", manifest.encode())
    write_atomically(found.folder / f"{found.name}.ipynb", nbformat.writes(notebook).encode() + b"\n")
    assignments.load(folder)
    return NEXT.format(name=found.name, id=id, wrong=assignments.WRONG, right=assignments.RIGHT)


def _check_names(found, id, title, function):
    taken = {assignments.grade_id(c) or c.get("id") for c in found.notebook.cells}
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id):
        raise AssignmentError(f"{id!r} is no name of an exercise: use lower-case letters, digits and hyphens.")
    if {id, f"{id}-card", f"{id}-test"} & taken:
        raise AssignmentError(f"{found.name} has a cell named {id!r} already; choose another name.")
    if not function.isidentifier() or keyword.iskeyword(function):
        raise AssignmentError(f"{function!r} is no name of a function.")
    if not title.strip() or not title.isprintable() or set(title) & set('"\\'):
        raise AssignmentError("The title needs a word, one line, and neither quotation mark nor backslash.")


def _filled(path, values):
    """A template's text with {name} replaced for the given names alone; its own braces stay."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda m: str(values[m[1]]) if m[1] in values else m[0], text)


def _with_cells(found, texts, id):
    notebook = nbformat.from_dict(found.notebook)
    mark = {"schema_version": 3, "task": False, "grade": False, "locked": False, "solution": False, "grade_id": id}
    card = new_markdown_cell(texts["card"].rstrip())
    answer = new_code_cell(texts["answer"].rstrip(), metadata={"nbgrader": mark | {"solution": True}})
    test = mark | {"grade": True, "locked": True, "grade_id": f"{id}-test", "points": SIZES["points"]}
    test = new_code_cell(texts["test"].rstrip(), metadata={"nbgrader": test})
    for cell, name in ((card, f"{id}-card"), (answer, id), (test, f"{id}-test")):
        cell["id"] = name
    at = next(k for k, c in enumerate(notebook.cells) if c.id == f"{found.written[0]['id']}-card")
    heading = notebook.cells[at]
    heading.source = re.sub(r"\A## \d+\.", f"## {len(found.exercises) + 2}.", heading.source)
    notebook.cells[at:at] = [card, answer, test]
    title = notebook.cells[0]
    title.source = _counted(title.source, found)
    return notebook


def _counted(text, found):
    """The title cell with the counts of the larger assignment."""
    exercises, points = len(found.exercises), found.points
    for old, new in (
        (f"{exercises} programmed", f"{exercises + 1} programmed"),
        (f"{points} for the programmed ones", f"{points + SIZES['points']} for the programmed ones"),
        (f"about {found.minutes} minutes", f"about {found.minutes + SIZES['minutes']} minutes"),
    ):
        text = text.replace(old, new)
    return text


def _with_entry(manifest, entry, minutes):
    manifest = re.sub(r"^minutes = \d+$", f"minutes = {minutes}", manifest, count=1, flags=re.MULTILINE)
    before, mark, written = manifest.partition("[[written]]")
    text = f"{before}{entry}{mark}{written}"
    tomllib.loads(text)
    return text
