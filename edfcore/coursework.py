"""A student's coursework: how far each assignment is, and handing one in. What `edf progress` and `edf submit` do.

What a check found is kept with the notebook's fingerprint in $EDF_HOME/coursework.json, so that only notebooks that
have changed since are executed again; a hand-in is noted there too.
"""

import getpass
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .errors import EdfError
from .execute import check_notebook, read
from .teach.predictions import home

STUDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # what collecting takes for a student's id


@dataclass(frozen=True)
class Standing:
    """How far one assignment is.

    state : "not started", "in work", "checked" (every visible check passes) or "unreadable"
    right, checks : int, check cells that pass, and how many there are; an exercise has one or more
    points, of : points of visible checks
    handed_in : str, when, or ""; changed : bool, whether the notebook was changed after it was handed in
    says : str, a sentence where something is odd
    """

    assignment: str
    title: str
    state: str
    right: int = 0
    checks: int = 0
    points: float = 0
    of: float = 0
    handed_in: str = ""
    changed: bool = False
    says: str = ""


def standings(root, tell=lambda sentence: None):
    """How far each assignment in the folder `assignments` of a course is.

    Parameters
    ----------
    root : path of the course
    tell : function of a sentence, called before a notebook is executed

    Returns
    -------
    list of Standing, in the order of the assignments' numbers
    """
    paths = sorted((Path(root) / "assignments").glob("*/*.ipynb"), key=lambda p: _natural(p.stem))
    return [standing(path, tell) for path in paths if path.stem == path.parent.name]


def standing(path, tell=lambda sentence: None):
    """How far the assignment in the notebook at `path` is; executed only where it has changed since it was last."""
    path, records = Path(path).resolve(), _records()
    handed = records["handed in"].get(path.stem, {})
    when = {"handed_in": handed.get("when", "")}
    try:
        notebook = read(path)
        fingerprint = _fingerprint(path)
    except (EdfError, OSError) as error:
        return Standing(path.stem, "", "unreadable", says=str(error), **when)
    title = next((m[1] for c in notebook.cells if (m := re.match(r"# (.+)", c.source))), path.stem)
    when["changed"] = bool(handed) and handed.get("sha256") != fingerprint
    if _untouched(notebook):
        checks = sum(_is_check(c) for c in notebook.cells)
        return Standing(path.stem, title, "not started", checks=checks, **when)
    known = records["checks"].get(str(path), {})
    if known.get("sha256") != fingerprint or "checks" not in known:
        tell(f"checking {path.name}")
        report = check_notebook(path)
        rows = [r for r in report.rows if r.state != "person"]
        known = {
            "sha256": fingerprint, "right": sum(r.right for r in rows), "checks": len(rows),
            "points": sum(r.points for r in rows if r.right), "of": sum(r.points for r in rows),
        }  # fmt: skip
        _note("checks", str(path), known)
    found = {k: known[k] for k in ("right", "checks", "points", "of")}
    return Standing(path.stem, title, "checked" if known["right"] == known["checks"] else "in work", **found, **when)


def submit(path, to, student=None):
    """Hand in: put a copy of the notebook where it is collected, and see that what arrived is what was sent.

    Parameters
    ----------
    path : of the notebook, named as the assignment
    to : path of the folder in which hand-ins are collected
    student : str, the id under which grades are kept; default, the name of the computer's account

    Returns
    -------
    Path of the copy, <to>/<student>/<assignment>/<assignment>.ipynb; an earlier one there is replaced

    Raises
    ------
    EdfError : the notebook would not be read when it is graded, is not named as an assignment, or could not be written
        as it is; nothing is left half written.
    """
    from autograde.errors import AutogradeError
    from autograde.read import read_notebook

    path, to = Path(path), Path(to)
    student = student or getpass.getuser()
    if not STUDENT.fullmatch(student):
        raise EdfError(
            f"{student!r} is no student id: letters a to z, digits, '.', '_' and '-' make one; give --as ID."
        )
    if not to.is_dir():
        raise EdfError(f"{to} is no folder. Give the one that your instructor named, with --to.")
    data = path.read_bytes()
    try:
        submitted = read_notebook(data, path.name)
    except AutogradeError as error:
        raise EdfError(f"{error} Nothing was handed in.") from error
    if not any(c.name for c in submitted.cells):
        raise EdfError(f"{path.name} holds no cells of an assignment. Nothing was handed in.")
    target = to / student / path.stem / path.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, data)
        if target.read_bytes() != data:
            raise EdfError(f"{target} does not hold what was sent; is the disk full? Hand in again.")
    except OSError as error:
        raise EdfError(f"{target} could not be written: {error.strerror}. Nothing was handed in.") from error
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _note("handed in", path.stem, {"sha256": _fingerprint(path), "when": now, "to": str(target), "as": student})
    return target


def _is_answer(cell):
    mark = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(mark.get("solution"))


def _is_check(cell):
    mark = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(mark.get("grade")) and not mark.get("solution")


def _untouched(notebook):
    """Whether no answer cell has been written in: each still raises NotImplementedError as released."""
    answers = [c.source for c in notebook.cells if _is_answer(c)]
    return bool(answers) and all("raise NotImplementedError" in source for source in answers)


def _fingerprint(path):
    """Of what a check depends on: the cells' sources, not their outputs."""
    sources = json.dumps([[c.cell_type, c.source] for c in read(path).cells], ensure_ascii=False)
    return hashlib.sha256(sources.encode()).hexdigest()


def _records():
    empty = {"checks": {}, "handed in": {}}
    try:
        found = json.loads((home() / "coursework.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return empty
    kept = found if isinstance(found, dict) else {}
    return {k: kept[k] if isinstance(kept.get(k), dict) else {} for k in empty}


def _note(kind, key, value):
    records = _records()
    records[kind][key] = value
    home().mkdir(parents=True, exist_ok=True)
    _write(home() / "coursework.json", json.dumps(records, indent=1).encode())


def _write(target, data):
    """Write a file in one step: what was there stays until all of the new one is."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
