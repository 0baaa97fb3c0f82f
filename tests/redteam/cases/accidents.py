# ruff: noqa: E501 - lines of students' code
"""Honest accidents: what students do without meaning any harm. Each must get what it deserves."""

import ast

import nbformat

from autograde import assignment as assignments
from autograde.plan import kind_of
from autograde.redteam import Handed, Need, all_but, case, code_cell, everything, notebook_bytes


def half(task):
    """The first half of the exercises."""
    return [e.id for e in task.exercises[: len(task.exercises) // 2]]


def used(notebook):
    """All names in the code that runs on the student's side."""
    mine = (c for c in notebook.cells if c.cell_type == "code" and (kind_of(c) != "test" or "@inside" in c.source))
    return {n.id for c in mine for n in ast.walk(ast.parse(c.source)) if isinstance(n, ast.Name)}


def helpers(notebook):
    """The names that its test cells bind at their top level, and no answer needs: those of inputs and the like."""
    trees = [ast.parse(c.source) for c in notebook.cells if kind_of(c) == "test"]
    targets = (t for tree in trees for n in tree.body if isinstance(n, ast.Assign) for t in n.targets)
    return sorted({t.id for t in targets if isinstance(t, ast.Name)} - used(notebook))


@case("nothing-done", kind="accident")
def nothing_done(task):
    return notebook_bytes(task.blank)


@case("half-done", kind="accident", earned=lambda task: task.worth(*half(task)))
def half_done(task):
    return task.filled({name: task.right[name] for name in half(task)})


@case("one-syntax-error", kind="accident", earned=all_but(0))
def one_syntax_error(task):
    return task.filled(task.right | {task.role(0): f"def {task.function(0)}(x, *others)\n    return x"})


@case("answer-cell-renamed", 32, kind="accident", earned=everything)
def answer_cell_renamed(task):
    notebook = task.answered()
    for cell in notebook.cells:
        if assignments.grade_id(cell) in (task.role(0), task.role(-1)):
            cell.metadata.nbgrader["grade_id"] += "-copy"
    return notebook_bytes(notebook)


@case("metadata-stripped", 38, kind="accident", earned=everything)
def metadata_stripped(task):
    """Another editor saved the notebook and threw nbgrader's metadata away."""
    notebook = task.answered()
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    return notebook_bytes(notebook)


@case("answer-cell-deleted-and-retyped", 32, kind="accident", earned=everything)
def answer_retyped(task):
    notebook = task.answered()
    for at, cell in enumerate(notebook.cells):
        if assignments.grade_id(cell) == task.role(3):
            notebook.cells[at] = code_cell(task.right[task.role(3)])
    return notebook_bytes(notebook)


@case("answer-copied-with-work-in-one", 32, kind="accident", earned=everything)
def answer_copied(task):
    notebook = task.answered()
    released = {assignments.grade_id(c): c for c in task.blank.cells}
    for number, name in enumerate((task.role(0), task.role(-2))):
        at = next(i for i, c in enumerate(notebook.cells) if assignments.grade_id(c) == name)
        notebook.cells.insert(at + 1 - number, nbformat.from_dict(released[name]))
    return notebook_bytes(notebook)


@case("setup-cell-changed", kind="accident", earned=everything)
def setup_changed(task):
    notebook = task.answered()
    setup = next(c for c in notebook.cells if c.cell_type == "code")
    setup.source = "import numpy as numpy\n" + setup.source.replace("np.seterr", "# np.seterr")
    for cell in notebook.cells:
        if assignments.grade_id(cell) == task.tests(-1)[0]:
            cell.source = cell.source.replace("0", "1")
    return notebook_bytes(notebook)


@case("setup-cell-deleted", kind="accident", earned=everything)
def setup_deleted(task):
    notebook = task.answered()
    notebook.cells.remove(next(c for c in notebook.cells if c.cell_type == "code"))
    return notebook_bytes(notebook)


@case("imports-in-own-cell", kind="accident", earned=everything)
def imports_in_own_cell(task):
    answer = task.around(0, "numbers.asarray([0.0]) @ reduce(numbers.add, [numbers.ones(1)])")
    return task.filled(task.right | answer, first="import numpy as numbers\nfrom functools import *\n")


@case("magics", kind="accident", earned=everything)
def magics(task):
    first, name = task.role(0), task.function(0)
    return task.filled(task.right | {first: "%time 1 + 1\n" + task.right[first]}, first=f"%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n{name}?\n!ls",
                       last="%%time\ntotal = sum(range(10))\n%timeit -n1 -r1 1+1")  # fmt: skip


@case("cell-magic-around-the-answer", kind="accident", earned=everything)
def cell_magic(task):
    return task.filled(task.right | {task.role(0): "%%time\n" + task.right[task.role(0)]})


@case("plots", kind="accident", earned=everything, seconds=120)
def plots(task):
    return task.filled(
        task.right, last="import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()\nfig = plt.figure()\nfig"
    )


@case("debugging-left-in", kind="accident", earned=everything)
def debugging(task):
    answer = task.around(1, 'print("given:", given)\nassert len(given) + len(options) > 0')
    return task.filled(task.right | answer, last=f"{task.function(0)}(1, 2, 3)\n")


@case("breakpoint-left-in-own-cell", 66, kind="accident", earned=everything, seconds=100)
def breakpoint_left(task):
    return task.filled(task.right, last="breakpoint()\nimport pdb\npdb.set_trace()")


@case("error-in-own-cell", kind="accident", earned=everything)
def error_in_own_cell(task):
    behind = {task.role(0): f"{task.function(0)}(1)"}
    return task.filled(task.right, first="print(undefined)", last="1 / 0", behind=behind)


@case("exit-in-own-cell", 26, kind="accident", earned=everything)
def exit_in_own_cell(task):
    return task.filled(task.right, behind={task.tests(0)[0]: "import sys\nsys.exit()", task.role(2): "quit()"})


@case("own-helper-module", kind="accident", earned=everything)
def own_helper_module(task):
    name = task.function(0)
    source = f"{task.right[task.role(0)]}\n\n\nfrom my_helpers import unchanged\n\n{name} = unchanged({name})"
    return Handed(task.filled(task.right | {task.role(0): source}),
                  {"my_helpers.py": b"def unchanged(function):\n    return lambda *a, **k: function(*a, **k)\n", "notes.txt": b"x", "data/points.csv": b"1,2\n"})  # fmt: skip


@case("helper-function-shared", kind="accident", earned=everything)
def helper_shared(task):
    """An answer uses what the answer to an earlier exercise defines."""
    helper = "\n\n\ndef first_of_all(given):\n    return given[0] if given else None"
    answers = {task.role(3): task.right[task.role(3)] + helper} | task.around(4, "first_of_all(given)")
    return task.filled(task.right | answers)


@case("names-of-tests-reused", kind="accident", earned=everything)
def names_reused(task):
    """Own names that the tests use as well."""
    names = [*helpers(task.answered()), "found", "want", "size", "check2"]
    own = "\n".join(f"{name} = {number}" for number, name in enumerate(names))
    return task.filled(task.right, first=own + "\nlist_ = list",
                       behind={task.tests(0)[0]: f"{' = '.join(names)} = None\nparts = 3", task.tests(-1)[0]: f"{names[0]} = 7"})  # fmt: skip


@case("builtins-shadowed-by-accident", kind="accident", earned=everything)
def builtins_shadowed(task):
    """Only such as neither the answers nor helpers on the student's side need."""
    needed = used(task.answered())
    one, two, three = [
        n for n in ("sum", "list", "max", "min", "sorted", "abs", "map", "round", "any", "bin", "id") if n not in needed
    ][:3]
    return task.filled(
        task.right, behind={task.tests(0)[0]: f"{one} = 0\n{two} = [1]\nlen_ = 3", task.role(-1): f"{three} = 5"}
    )


@case("cells-in-random-order", 34, kind="accident", earned=everything)
def random_order(task):
    notebook = task.answered()
    notebook.cells = notebook.cells[:1] + notebook.cells[:0:-1]
    return notebook_bytes(notebook)


@case("outputs-of-10-mb", 64, kind="accident", earned=everything)
def outputs_of_10_mb(task):
    notebook = task.answered()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": ["spam\n"] * 100_000}]
    return notebook_bytes(notebook)


@case("global-settings-changed", kind="accident", earned=everything)
def global_settings(task):
    return task.filled(
        task.right,
        first="""\
import numpy as np, os, sys
np.seterr(all="warn")
np.set_printoptions(precision=1)
np.random.seed(None)
sys.setrecursionlimit(200)
os.chdir("/")
""",
    )


@case("bigger-than-needed", kind="accident", earned=everything, seconds=120)
def bigger(task):
    """A cell that trains something of its own for some seconds, and holds 200 MB."""
    return task.filled(
        task.right,
        last="import numpy as np\na = np.ones((5000, 5000))\nfor _ in range(20):\n    a = a * 1.0001\nprint(a.sum())",
    )


@case("file-in-a-subfolder", 41, kind="accident", earned=everything)
def in_subfolder(task):
    name = task.name
    return Handed(None, {f"{name}/{name}.ipynb": task.filled(task.right), f"__MACOSX/._{name}.ipynb": b"\x00\x05"})


@case("checks-file-changed", kind="accident", earned=everything)
def checks_file_changed(task):
    return Handed(task.filled(task.right), {f"{task.name}.checks.json": b"{}"})


def elsewhere(task):
    """An exercise and a function of edfcore that another one forbids, and it itself does not; or None."""
    for e in task.exercises:
        for name in task.forbidden if task.binds[e.id] else ():
            related = [f for f in e.forbidden if (f + ".").startswith(name + ".") or (name + ".").startswith(f + ".")]
            if name.startswith("edfcore.") and not related:
                return e.id, name
    return None


UNEQUAL = Need("exercises that forbid different names of edfcore", elsewhere)


@case("forbidden-name-of-another-exercise", kind="accident", earned=everything, seconds=150, needs=UNEQUAL)
def forbidden_elsewhere(task):
    """It may be imported where it is not forbidden, though nobody needs it: `batches`, say."""
    exercise, name = elsewhere(task)
    module, _, last = name.rpartition(".")
    return task.filled(task.right | {exercise: f"from {module} import {last}\n{task.right[exercise]}"})
