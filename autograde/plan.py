"""What will be run: the master's notebook with the student's answers in it.

Order, kinds, points, locked and test cells come from the master. From the student come the sources of answer and
written cells, matched by name, and the cells of their own ("extra"), each behind the same cell of the master as in
their notebook. Copied, split, deleted, moved and retyped cells are mended, and each mending is a note. `rebuild` makes
a notebook of a plan and its result, from which nbgrader reads exactly the points of the result.
"""

import ast
import base64
import binascii
import hashlib
import json
import re
import warnings
from dataclasses import dataclass
from functools import cached_property

import nbformat

from . import assignment as assignments
from .errors import AutogradeError
from .read import Cell, capped, shown

KINDS = ("text", "locked", "answer", "test", "written", "task")
MAX_PARSED = 50_000  # characters of one source whose names are looked for; a syntax tree takes 500 bytes a character
MAX_PARSED_ALL = 200_000  # characters in one notebook


@dataclass(frozen=True)
class MasterCell:
    """A cell of the master.

    kind : one of KINDS. test: graded code that is no solution. written: graded and a solution, a person grades it.
        answer: a solution that is not graded. task: nbgrader's task cell. locked: other code. text: other text
    source : str, with hidden tests, and for an answer the reference where it is known
    binds : the names that an answer binds at top level
    cell : dict, the cell as students got it
    """

    name: str | None
    kind: str
    cell_type: str
    source: str
    points: float
    binds: frozenset[str]
    cell: dict

    @property
    def released(self):
        """The source as students got it."""
        return self.cell["source"]


@dataclass(frozen=True)
class Master:
    """A notebook to grade against. `forbidden`, `exercises`: by test cell, dotted names and the exercise's id."""

    assignment: str
    notebook: str
    cells: tuple[MasterCell, ...]
    metadata: dict
    forbidden: dict[str, tuple[str, ...]]
    exercises: dict[str, str]

    @cached_property
    def digest(self):
        """sha256 over everything here that can change a grade; the checks file is not in it."""
        cells = [[c.name, c.kind, c.cell_type, c.source, c.points, sorted(c.binds), c.released] for c in self.cells]
        return _sha256([self.assignment, self.notebook, cells, self.forbidden, self.exercises])

    @cached_property
    def named(self):
        """Index in `cells` by name."""
        return {c.name: i for i, c in enumerate(self.cells) if c.name is not None}


@dataclass(frozen=True)
class PlannedCell:
    """A cell to run or to show.

    kind : one of KINDS, or "extra": a cell of the student's own
    source : str, the master's for locked, test, text and task; the student's for answer, written, extra
    binds : of an answer the names of the master's; of an extra cell of code the names that it binds itself
    origin : "master" or "student"
    unchanged : whether an answer or written cell is still as it was released
    """

    kind: str
    name: str | None
    cell_type: str
    source: str
    points: float
    binds: frozenset[str]
    origin: str
    unchanged: bool


@dataclass(frozen=True)
class Plan:
    """What will be run for one student, and the notes on mendings. `needs_person`: None, or why it cannot be graded."""

    assignment: str
    notebook: str
    student: str
    cells: tuple[PlannedCell, ...]
    files: dict[str, bytes]
    notes: tuple[str, ...]
    needs_person: str | None

    @cached_property
    def digest(self):
        """sha256 of what the student handed in, as planned: their cells at their places, and their files."""
        mine = [[i, c.kind, c.name, c.cell_type, c.source] for i, c in enumerate(self.cells) if c.origin == "student"]
        files = {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()}
        return _sha256([self.assignment, self.notebook, mine, files])

    @property
    def own_text(self):
        """The sources of the text cells that the student added: a written answer may stand there."""
        return [c.source for c in self.cells if c.kind == "extra" and c.cell_type != "code" and c.source.strip()]

    def to_json(self):
        """The plan as plain JSON data; files in base64."""
        data = dict(vars(self))
        data.pop("digest", None)
        data["cells"] = [vars(c) | {"binds": sorted(c.binds)} for c in self.cells]
        data["files"] = {path: base64.b64encode(content).decode("ascii") for path, content in self.files.items()}
        data["notes"] = list(self.notes)
        return data

    @classmethod
    def from_json(cls, data):
        """The inverse of `to_json`.

        Raises
        ------
        AutogradeError : the data is not that of a plan.
        """
        try:
            values = dict(data)
            values["cells"] = tuple(PlannedCell(**(c | {"binds": frozenset(c["binds"])})) for c in values["cells"])
            values["files"] = {p: base64.b64decode(content, validate=True) for p, content in values["files"].items()}
            values["notes"] = tuple(values["notes"])
            return cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AutogradeError(f"This is not a plan: {type(error).__name__}: {error}. Make it anew.") from None


def _sha256(data):
    text = json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


# --- the master ------------------------------------------------------------------------------------------------------


def master_from_assignment(assignment, released=None):
    """The master of an assignment with a manifest.

    Parameters
    ----------
    assignment : autograde.assignment.Assignment
    released : NotebookNode, the notebook that students got; default, made from the source

    Returns
    -------
    Master
    """
    plain = master_from_notebook(assignment.notebook, assignment.name, assignment.name, released)
    forbidden = {test: e.forbidden for e in assignment.exercises for test in e.tests}
    exercises = {test: e.id for e in assignment.exercises for test in e.tests}
    return Master(plain.assignment, plain.notebook, plain.cells, plain.metadata, forbidden, exercises)


def master_from_notebook(notebook, assignment, name, released=None):
    """The master of any nbgrader source notebook.

    Parameters
    ----------
    notebook : NotebookNode, with solutions and hidden tests
    assignment, name : str, of the assignment and of the notebook without .ipynb
    released : NotebookNode, the notebook that students got; default, made from `notebook`

    Returns
    -------
    Master

    Raises
    ------
    AutogradeError : two cells have one name, or `released` has other cells than `notebook`.
    """
    released = _released(notebook) if released is None else released
    names = [assignments.grade_id(c) for c in notebook.cells]
    if names != [assignments.grade_id(c) for c in released.cells]:
        raise AutogradeError(f"{name}: the released notebook has other cells than its source. Generate it anew.")
    known = [n for n in names if n is not None]
    twice = sorted({n for n in known if known.count(n) > 1})
    if twice:
        raise AutogradeError(f"{name}: two cells of the source notebook are named {twice[0]!r}; rename one.")
    cells = tuple(_master_cell(c, r) for c, r in zip(notebook.cells, released.cells, strict=True))
    return Master(assignment, name, cells, json.loads(json.dumps(notebook.metadata)), {}, {})


def _released(notebook):
    from nbgrader.preprocessors import ClearMarkScheme

    return ClearMarkScheme().preprocess(assignments.release(notebook), {})[0]


def _master_cell(source, released):
    from nbgrader.utils import compute_checksum

    kind = kind_of(source)
    cell = json.loads(json.dumps({k: v for k, v in released.items() if k not in ("outputs", "execution_count")}))
    if assignments.grade_id(released) is not None:
        cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(released)
    binds = names_bound(source.source) if kind == "answer" and source.cell_type == "code" else frozenset()
    points = float(source.metadata.get("nbgrader", {}).get("points", 0) or 0)
    return MasterCell(assignments.grade_id(source), kind, source.cell_type, source.source, points, binds, cell)


def kind_of(cell):
    """The kind of a cell of an nbgrader notebook, one of KINDS."""
    mark = cell.metadata.get("nbgrader", {})
    if mark.get("task"):
        return "task"
    if mark.get("grade"):
        return "test" if cell.cell_type == "code" and not mark.get("solution") else "written"
    if mark.get("solution"):
        return "answer"
    return "locked" if cell.cell_type == "code" else "text"


# --- names that a source binds ---------------------------------------------------------------------------------------


def names_bound(source):
    """The names that a source binds at top level, also within its if, for, while, with, try and match.

    A source that is no Python, even without its IPython lines, binds nothing.
    """
    return _bound(_parsed(source))


def _parsed(source):
    """The syntax tree, or None. IPython's lines (%magic, !command, help?) are passed over."""
    if len(source) > MAX_PARSED:
        return None
    for text in (source, _without_magics(source)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd escapes in the student's text
                return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


class _Parser:
    """Parses the sources of one notebook while they are short enough together; then None for everything."""

    def __init__(self):
        self.left = MAX_PARSED_ALL

    def __call__(self, source):
        self.left -= len(source)
        return _parsed(source) if self.left >= 0 else None


_MAGIC = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.%]+\?{1,2}[ \t]*)$", re.MULTILINE)
_MAGIC_VALUE = re.compile(r"^([\w, \t]+=[ \t]*)[%!].*$", re.MULTILINE)


def _without_magics(source):
    return _MAGIC_VALUE.sub(r"\1None", _MAGIC.sub(r"\1pass", source))


def _bound(tree):
    found = set()
    for statement in tree.body if tree else ():
        found |= _bound_by(statement)
        if isinstance(statement, ast.Delete):
            found -= {target.id for target in statement.targets if isinstance(target, ast.Name)}
    return frozenset(found)


def _used(tree):
    """Names that a source may take from elsewhere: read in it and never bound in it."""
    names = [n for n in ast.walk(tree) if isinstance(n, (ast.Name, ast.arg))] if tree else []
    read = {n.id for n in names if _reads(n)}
    return frozenset(read - {n.arg if isinstance(n, ast.arg) else n.id for n in names if not _reads(n)})


def _reads(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _bound_by(statement):
    """The names that a statement binds in its own scope. Iterative: the depth is the student's choice."""
    found, stack = set(), [statement]
    while stack:
        node = stack.pop()
        found |= _own_names(node)
        if isinstance(node, (*_SCOPES, ast.Lambda)):
            stack += _outside(node)
        elif isinstance(node, ast.AnnAssign) and node.value is None:
            continue  # `x: int` declares and does not bind
        elif not isinstance(node, _COMPREHENSIONS):
            stack += ast.iter_child_nodes(node)
    return found


def _own_names(node):
    """The names that a node itself binds."""
    match node:
        case ast.Name(ctx=ast.Store()):
            return {node.id}
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Import() | ast.ImportFrom():
            return {a.asname or a.name.partition(".")[0] for a in node.names} - {"*"}
        case ast.MatchAs() | ast.MatchStar():
            return {node.name} - {None}
        case ast.MatchMapping():
            return {node.rest} - {None}
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return {n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)}  # := leaves a comprehension
    return set()


def _outside(node):
    """Expressions of a definition that are evaluated in the scope around it."""
    decorators = getattr(node, "decorator_list", [])
    if isinstance(node, ast.ClassDef):
        return [*decorators, *node.bases, *(k.value for k in node.keywords)]
    return [*decorators, *node.args.defaults, *filter(None, node.args.kw_defaults)]


# --- the plan --------------------------------------------------------------------------------------------------------


def make_plan(master, submitted, student, files=None, notes=()):
    """Put the student's work into the master.

    Parameters
    ----------
    master : Master
    submitted : Submitted, as autograde.read gives it
    student : str
    files : dict from relative path to bytes, beside the notebook
    notes : sentences on what was mended so far

    Returns
    -------
    Plan
    """
    told, parse = [*notes, *submitted.notes], _Parser()
    places = _places(master, submitted.cells)
    extras = _extras(submitted.cells, places, parse)
    _tell_moved(master, places, told)
    chosen = {}
    for index, mastered in enumerate(master.cells):
        copies = [c for c, p in zip(submitted.cells, places, strict=True) if p.named and p.index == index]
        if mastered.kind in ("answer", "written"):
            stub = any(p.index == index and not p.named for p in places)
            chosen[index] = _answer(mastered, copies, stub, parse, told)
        elif any(_differs(c.source, mastered) for c in copies):
            told.append(f"The cell {shown(mastered.name)} was changed; the original was put back.")
    _tell_restored(master, places, told)
    _keep_lost_answers(master, chosen, extras, told)
    nothing = master.named and not any(p.index is not None and master.cells[p.index].name for p in places)
    strange = nothing and not any(e.binds & m.binds for e in extras for m in master.cells)
    reason = _STRANGE.format(name=master.notebook) if strange else None
    cells = tuple(_merged(master, chosen, extras))
    return Plan(master.assignment, master.notebook, student, cells, dict(files or {}), capped(told), reason)


_STRANGE = (
    "None of {name}'s cells are in this notebook; it is another notebook, or its cells were copied into a new one."
)


@dataclass(frozen=True)
class _Place:
    """Where a submitted cell belongs: the master's cell that it is a copy of, or None; and whether its name says so."""

    index: int | None
    named: bool


def _places(master, cells):
    """A _Place for each submitted cell. Without a name it is known by its text, as text cells are."""
    by_text = {}
    for index, cell in enumerate(master.cells):
        if cell.released.strip():
            by_text.setdefault(_as_released(cell.released), []).append(index)
    last, found = -1, []
    for cell in cells:
        index = master.named.get(cell.name)
        named = index is not None
        if not named:
            same = by_text.get(_as_released(cell.source), ())
            index = next((i for i in same if i > last), same[0] if same else None)
        found.append(_Place(index, named))
        last = last if index is None else index
    return found


_STUB = re.compile(r"(?:^[ \t]*#[^\n]*\n)?^([ \t]*)raise NotImplementedError\b[^\n]*$", re.MULTILINE)


def _as_released(source):
    """A source without what editors change on their own, and without how a course words the stub of an answer."""
    plain = "\n".join(line.rstrip() for line in source.strip("\n").split("\n"))
    return _STUB.sub(r"\1raise NotImplementedError", plain)


def _differs(source, mastered):
    """Whether a source is not as it was released."""
    return _as_released(source) != _as_released(mastered.released)


@dataclass(eq=False)
class _Extra:
    cell: Cell
    anchor: int  # index of the master's cell that it stands behind; -1: in front of all
    binds: frozenset
    uses: frozenset
    moved: bool = False  # to the place of an answer that it replaces


def _extras(cells, places, parse):
    """The student's own cells, in their order, behind the nearest cell before them that the master knows."""
    anchor, found = -1, []
    for cell, place in zip(cells, places, strict=True):
        if place.index is not None:
            anchor = place.index
        elif cell.source.strip():
            tree = parse(cell.source) if cell.kind == "code" else None
            found.append(_Extra(cell, anchor, _bound(tree), _used(tree)))
    return found


def _tell_moved(master, places, told):
    order = list(dict.fromkeys(p.index for p in places if p.named))
    for before, after in zip(order, order[1:], strict=False):
        if after < before:
            names = shown(master.cells[before].name), shown(master.cells[after].name)
            told.append(f"Cells had been moved ({names[1]} stood behind {names[0]}); the original order was put back.")
            return


ORIGINAL = ("locked", "test", "task")


def _tell_restored(master, places, told):
    there = {p.index for p in places}
    gone = [shown(c.name) for i, c in enumerate(master.cells) if i not in there and c.name and c.kind in ORIGINAL]
    if gone:
        told.append(f"Cells were missing and were put back: {', '.join(gone[:10])}{', ...' if len(gone) > 10 else ''}.")


def _answer(mastered, copies, stub, parse, told):
    """The source for an answer or written cell, or None where it is missing."""
    name, code = shown(mastered.name), mastered.cell_type == "code"
    sources = []
    for cell in copies:
        retyped = code and cell.kind != "code"
        if retyped and mastered.kind == "answer" and parse(cell.source) is None:
            told.append(f"The cell {name} had become {cell.kind} and is no Python; its text was left out.")
            continue
        sources.append(cell.source)
        if retyped:
            told.append(f"The cell {name} had become {cell.kind}; it was taken as code again.")
    if len(sources) < 2:
        return sources[0] if sources else (mastered.released if stub and not copies else None)
    worked = list(dict.fromkeys(s for s in sources if _differs(s, mastered)))
    if len(worked) < 2:
        told.append(f"The cell {name} was there {len(sources)} times; the one with work in it counts.")
        return worked[0] if worked else sources[-1]
    joined = ("\n" if code else "\n\n").join(worked)
    if mastered.kind == "written" or (code and _was_split(mastered, worked, joined, parse)):
        told.append(f"The cell {name} was there {len(sources)} times; its parts were put together.")
        return joined
    told.append(f"The cell {name} was there {len(sources)} times; the last one counts.")
    return worked[-1]


def _was_split(mastered, parts, joined, parse):
    """Whether different copies of an answer are parts of one: they make code together, and are not versions of it."""
    if parse(joined) is None:
        return False
    last, others = _bound(parse(parts[-1])), [_bound(parse(p)) for p in parts[:-1]]
    return not mastered.binds <= last or not any(last & other for other in others)


def _keep_lost_answers(master, chosen, extras, told):
    """Where an answer is missing, see to it that the student's cells that do its work run before its test."""
    binder = {name: extra for extra in extras for name in extra.binds}  # the last one that binds it
    for index in (i for i, source in chosen.items() if source is None):
        mastered = master.cells[index]
        if mastered.kind == "written" and any(e.cell.kind != "code" for e in extras):
            told.append(f"The cell {shown(mastered.name)} is missing; a person looks for the answer in your own text.")
            continue
        if not mastered.binds or not mastered.binds <= binder.keys():
            told.append(f"The cell {shown(mastered.name)} is missing, and with it the answer.")
            continue
        test = next((i for i, c in enumerate(master.cells) if i > index and c.kind == "test"), len(master.cells))
        late = [e for e in _with_helpers(mastered.binds, binder) if e.anchor >= test]
        for extra in late:
            extra.anchor, extra.moved = index, True
        where = "it was moved to the answer's place" if late else "it stays where it was"
        told.append(f"The cell {shown(mastered.name)} is missing; a cell of your own holds the answer, and {where}.")


def _with_helpers(names, binder):
    """The extra cells that bind the names, those that bind what these use, and so on."""
    wanted, found = set(names), set()
    while fresh := {binder[name] for name in wanted if name in binder} - found:
        found |= fresh
        wanted = {name for extra in fresh for name in extra.uses}
    return found


def _merged(master, chosen, extras):
    """The planned cells in order. Cells moved to the place of an answer come first there."""
    behind = {}
    for extra in sorted(extras, key=lambda e: not e.moved):
        behind.setdefault(extra.anchor, []).append(_planned_extra(extra))
    yield from behind.get(-1, ())
    for index, cell in enumerate(master.cells):
        yield _planned(cell, chosen[index]) if index in chosen else _planned(cell)
        yield from behind.get(index, ())


def _planned_extra(extra):
    return PlannedCell("extra", None, extra.cell.kind, extra.cell.source, 0.0, extra.binds, "student", False)


def _planned(cell, *answer):
    """A planned cell: the master's own, or with `answer` (None: it is missing) the student's."""
    if not answer:
        return PlannedCell(cell.kind, cell.name, cell.cell_type, cell.source, cell.points, cell.binds, "master", False)
    source = answer[0]
    same = source is not None and not _differs(source, cell)
    return PlannedCell(cell.kind, cell.name, cell.cell_type, source or "", cell.points, cell.binds, "student", same)


def untouched(master):
    """A function from Submitted to bool: whether a notebook holds no work. For autograde.read.read_folder."""

    def holds_no_work(submitted):
        plan = make_plan(master, submitted, "")
        mine = [c for c in plan.cells if c.origin == "student"]
        return all(c.unchanged or not c.source.strip() for c in mine)

    return holds_no_work


# --- the notebook of a plan and its result ---------------------------------------------------------------------------


def rebuild(master, plan, result=None):
    """The notebook for autograded/: the master's order, names, points and released sources, and the student's work.

    nbgrader's `determine_grade` gives each test cell the points of the result. A test cell without a result holds an
    error: nbgrader reads no output as full marks.

    Parameters
    ----------
    master : Master
    plan : Plan, made from it
    result : Result or its JSON data; None, nothing was examined

    Returns
    -------
    NotebookNode, valid in nbformat 4.5

    Raises
    ------
    AutogradeError : the plan was made from another master.
    """
    data = result.to_json() if hasattr(result, "to_json") else dict(result or {})
    tests = {t["name"]: t for t in data.get("tests", ())}
    outputs = {c["index"]: c["outputs"] for c in data.get("cells", ())}
    mine = [c for c in plan.cells if c.kind != "extra"]
    if [(c.kind, c.name) for c in mine] != [(c.kind, c.name) for c in master.cells]:
        raise AutogradeError(
            f"The plan of {plan.student} was made from another version of {master.notebook}: plan anew."
        )
    masters, ids, cells = iter(master.cells), _Ids(master), []
    for index, planned in enumerate(plan.cells):
        cell = _notebook_cell(planned, None if planned.kind == "extra" else next(masters), ids)
        if planned.kind == "written" and planned.unchanged and plan.own_text:
            cell["source"] += "\n"  # by its checksum nbgrader would give 0 for an answer that may stand elsewhere
        if planned.cell_type == "code":
            shown_outputs = [_output(o) for o in outputs.get(index, ())]
            if planned.kind == "test":
                shown_outputs = _graded(planned, tests.get(planned.name), shown_outputs)
            cell |= {"execution_count": None, "outputs": [o for o in shown_outputs if o]}
        cells.append(cell)
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": master.metadata, "cells": cells}
    return nbformat.from_dict(json.loads(json.dumps(whole)))


class _Ids:
    """Cell ids: the master's own; of an extra cell a hash of its text, numbered where it stands twice."""

    def __init__(self, master):
        self.taken = {}  # from an id to the number of the next like it
        self.master = {id(c): self._fresh(c.cell.get("id") or c.name or c.source) for c in master.cells}

    def of(self, mastered, source):
        return self.master[id(mastered)] if mastered else self._fresh("extra " + source)

    def _fresh(self, wanted):
        stem = found = wanted if re.fullmatch(r"[A-Za-z0-9_-]{1,56}", wanted) else _sha256(wanted)[:16]
        while found in self.taken:
            self.taken[stem] += 1
            found = f"{stem}-{self.taken[stem]}"
        self.taken[found] = 1
        return found


def _notebook_cell(planned, mastered, ids):
    cell = {"cell_type": planned.cell_type, "id": ids.of(mastered, planned.source), "metadata": {}}
    source = planned.source
    if mastered:
        cell |= {key: mastered.cell[key] for key in ("metadata", "attachments") if key in mastered.cell}
        if planned.origin == "master" or (planned.unchanged and planned.kind == "written"):
            source = mastered.released  # without hidden tests; and nbgrader's checksum sees that nothing was written
    return cell | {"source": source}


def _graded(planned, test, outputs):
    """The outputs of a test cell: printed text, and what makes nbgrader read its points."""
    printed = [o for o in outputs if o and o["output_type"] == "stream" and o["name"] == "stdout"]
    verdict = test["verdict"] if test else "unexamined"
    points = test["points"] if test else None
    message = clean(test["message"]) if test else ""
    if verdict == "unexamined" or not _awardable(points, planned.points, test["max_points"]):
        return [*printed, _error("NotExamined", message or "This cell was not examined; a person must look at it.")]
    if points == planned.points:
        return printed
    if points > 0:
        return [*printed, _result(repr(float(points)))]
    return [*printed, _error("Failed", message or "The check failed.")]


def _awardable(points, max_points, stated):
    """Whether points are a number that nbgrader can award; what is not must never become full marks."""
    if isinstance(points, bool) or not isinstance(points, (int, float)):
        return False
    return 0 <= points <= max_points and stated == max_points


def _output(output):
    """An output of the result as nbformat has it, or None for what is nothing of that kind."""
    kind = output.get("type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": clean(output.get("text"))}
    if kind == "result":
        return _result(clean(output.get("text")))
    if kind == "image" and _is_png(output.get("png")):
        return {"output_type": "display_data", "data": {"image/png": output["png"]}, "metadata": {}}
    if kind == "error":
        return _error(clean(output.get("name")), clean(output.get("message")), clean(output.get("traceback")))
    return None


def _result(text):
    return {"output_type": "execute_result", "execution_count": None, "data": {"text/plain": text}, "metadata": {}}


def _error(name, message, traceback=None):
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": (traceback or message).split("\n")}


def _is_png(text):
    try:
        return base64.b64decode(text, validate=True).startswith(b"\x89PNG\r\n\x1a\n")
    except (binascii.Error, TypeError, ValueError):
        return False


_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text):
    """Text without ANSI escapes and control characters; a carriage return starts a new line."""
    text = str(text or "").replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _ESCAPES.sub("", text))
