# ruff: noqa: E501 - lines of students' code
"""Honest accidents: what students do without meaning any harm. Each must get what it deserves."""

import nbformat

from autograde import assignment as assignments
from autograde.redteam import Handed, case, code_cell, filled, notebook_bytes


@case("nothing-done", kind="accident")
def nothing_done(blank, right):
    return notebook_bytes(blank)


@case("half-done", kind="accident", earned_max=8, earned_min=8)
def half_done(blank, right):
    return filled(blank, {name: right[name] for name in ("layer", "layer-backward", "sigmoid")})


@case("one-syntax-error", kind="accident", earned_max=18, earned_min=18)
def one_syntax_error(blank, right):
    return filled(blank, right | {"layer": "def layer(x, W, bias)\n    return x @ W.T - bias"})


@case("answer-cell-renamed", 32, kind="accident", earned_max=20, earned_min=20)
def answer_cell_renamed(blank, right):
    notebook = assignments.with_answers(blank, right)
    for cell in notebook.cells:
        if assignments.grade_id(cell) in ("layer", "train"):
            cell.metadata.nbgrader["grade_id"] += "-copy"
    return notebook_bytes(notebook)


@case("metadata-stripped", 38, kind="accident", earned_max=20, earned_min=20)
def metadata_stripped(blank, right):
    """Another editor saved the notebook and threw nbgrader's metadata away."""
    notebook = assignments.with_answers(blank, right)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    return notebook_bytes(notebook)


@case("answer-cell-deleted-and-retyped", 32, kind="accident", earned_max=20, earned_min=20)
def answer_retyped(blank, right):
    notebook = assignments.with_answers(blank, right)
    for at, cell in enumerate(notebook.cells):
        if assignments.grade_id(cell) == "log-loss":
            notebook.cells[at] = code_cell(right["log-loss"])
    return notebook_bytes(notebook)


@case("answer-copied-with-work-in-one", 32, kind="accident", earned_max=20, earned_min=20)
def answer_copied(blank, right):
    notebook = assignments.with_answers(blank, right)
    released = {assignments.grade_id(c): c for c in blank.cells}
    for name in ("layer", "mean-loss"):
        at = next(i for i, c in enumerate(notebook.cells) if assignments.grade_id(c) == name)
        notebook.cells.insert(at + (name == "layer"), nbformat.from_dict(released[name]))
    return notebook_bytes(notebook)


@case("setup-cell-changed", kind="accident", earned_max=20, earned_min=20)
def setup_changed(blank, right):
    notebook = assignments.with_answers(blank, right)
    for cell in notebook.cells:
        if assignments.grade_id(cell) == "setup":
            cell.source = "import numpy as numpy\n" + cell.source.replace("np.seterr", "# np.seterr")
        if assignments.grade_id(cell) == "train-test":
            cell.source = cell.source.replace("20000", "100")
    return notebook_bytes(notebook)


@case("setup-cell-deleted", kind="accident", earned_max=20, earned_min=20)
def setup_deleted(blank, right):
    notebook = assignments.with_answers(blank, right)
    notebook.cells = [c for c in notebook.cells if assignments.grade_id(c) != "setup"]
    return notebook_bytes(notebook)


@case("imports-in-own-cell", kind="accident", earned_max=20, earned_min=20)
def imports_in_own_cell(blank, right):
    source = right["layer"].replace("return x @ W.T - bias", "return numbers.dot(x, W.T) - bias")
    return filled(blank, right | {"layer": source}, first="import numpy as numbers\nfrom functools import *\n")


@case("magics", kind="accident", earned_max=20, earned_min=20)
def magics(blank, right):
    return filled(blank, right | {"layer": "%time 1 + 1\n" + right["layer"]}, first="%matplotlib inline\n%load_ext autoreload\n%autoreload 2\n!ls\nlayer?",
                  last="%%time\ntotal = sum(range(10))\n%timeit -n1 -r1 1+1")  # fmt: skip


@case("cell-magic-around-the-answer", kind="accident", earned_max=20, earned_min=20)
def cell_magic(blank, right):
    return filled(blank, right | {"layer": "%%time\n" + right["layer"]})


@case("plots", kind="accident", earned_max=20, earned_min=20, seconds=120)
def plots(blank, right):
    return filled(
        blank, right, last="import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()\nfig = plt.figure()\nfig"
    )


@case("debugging-left-in", kind="accident", earned_max=20, earned_min=20)
def debugging(blank, right):
    source = right["layer-backward"].replace("B = len(x)", 'B = len(x)\n    print("B =", B, x)\n    assert B > 0')
    return filled(blank, right | {"layer-backward": source}, last="layer(1, 2, 3)\n")


@case("breakpoint-left-in-own-cell", 66, kind="accident", earned_max=20, earned_min=20, seconds=100)
def breakpoint_left(blank, right):
    return filled(blank, right, last="breakpoint()\nimport pdb\npdb.set_trace()")


@case("error-in-own-cell", kind="accident", earned_max=20, earned_min=20)
def error_in_own_cell(blank, right):
    return filled(blank, right, first="print(undefined)", last="1 / 0", behind={"layer": "layer(1)"})


@case("exit-in-own-cell", 26, kind="accident", earned_max=20, earned_min=20)
def exit_in_own_cell(blank, right):
    return filled(blank, right, behind={"layer-test": "import sys\nsys.exit()", "sigmoid": "quit()"})


@case("own-helper-module", kind="accident", earned_max=20, earned_min=20)
def own_helper_module(blank, right):
    return Handed(filled(blank, right | {"layer": "from my_helpers import affine\ndef layer(x, W, bias):\n    return affine(x, W, bias)"}),
                  {"my_helpers.py": b"def affine(x, W, t):\n    return x @ W.T - t\n", "notes.txt": b"x", "data/points.csv": b"1,2\n"})  # fmt: skip


@case("helper-function-shared", kind="accident", earned_max=20, earned_min=20)
def helper_shared(blank, right):
    return filled(blank, right | {
        "log-loss": "def stable(s):\n    return s - s.max(axis=1, keepdims=True)\n\n\ndef log_loss(s, y):\n"
        "    t = stable(s)\n    return np.log(np.exp(t).sum(axis=1)) - t[np.arange(len(y)), y]",
        "log-loss-backward": "def log_loss_backward(s, y, loss_grad):\n    e = np.exp(stable(s))\n    p = e / e.sum(axis=1, keepdims=True)\n"
        "    p[np.arange(len(y)), y] -= 1\n    return p * loss_grad[:, None]",
    })  # fmt: skip


@case("names-of-tests-reused", kind="accident", earned_max=20, earned_min=20)
def names_reused(blank, right):
    """Own names that the tests use as well."""
    return filled(blank, right, first="x, W, bias, rng, found, want, check2, size = 1, 2, 3, 4, 5, 6, 7, 8\nlist_ = list",
                  behind={"layer-test": "rng = x = None\nparts = 3", "mnist-network": "points = 7"})  # fmt: skip


@case("builtins-shadowed-by-accident", kind="accident", earned_max=20, earned_min=20)
def builtins_shadowed(blank, right):
    return filled(blank, right, behind={"layer-test": "sum = 0\nlist = [1]\nlen_ = 3", "train": "max = 5"})


@case("cells-in-random-order", 34, kind="accident", earned_max=20, earned_min=20)
def random_order(blank, right):
    notebook = assignments.with_answers(blank, right)
    notebook.cells = notebook.cells[:1] + notebook.cells[:0:-1]
    return notebook_bytes(notebook)


@case("outputs-of-10-mb", 64, kind="accident", earned_max=20, earned_min=20)
def outputs_of_10_mb(blank, right):
    notebook = assignments.with_answers(blank, right)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": ["spam\n"] * 100_000}]
    return notebook_bytes(notebook)


@case("global-settings-changed", kind="accident", earned_max=20, earned_min=20)
def global_settings(blank, right):
    return filled(
        blank,
        right,
        first="""\
import numpy as np, os, sys
np.seterr(all="warn")
np.set_printoptions(precision=1)
np.random.seed(None)
sys.setrecursionlimit(200)
os.chdir("/")
""",
    )


@case("bigger-than-needed", kind="accident", earned_max=20, earned_min=20, seconds=120)
def bigger(blank, right):
    """A cell that trains something of its own for some seconds, and holds 200 MB."""
    return filled(
        blank,
        right,
        last="import numpy as np\na = np.ones((5000, 5000))\nfor _ in range(20):\n    a = a * 1.0001\nprint(a.sum())",
    )


@case("file-in-a-subfolder", 41, kind="accident", earned_max=20, earned_min=20)
def in_subfolder(blank, right):
    return Handed(None, {"A1/A1.ipynb": filled(blank, right), "__MACOSX/._A1.ipynb": b"\x00\x05"})


@case("checks-file-changed", kind="accident", earned_max=20, earned_min=20)
def checks_file_changed(blank, right):
    return Handed(filled(blank, right), {"A1.checks.json": b"{}"})


@case("forbidden-name-of-another-exercise", kind="accident", earned_max=20, earned_min=20, seconds=150)
def forbidden_elsewhere(blank, right):
    """`batches` is forbidden in two exercises; in the others it may be imported, though nobody needs it."""
    return filled(blank, right | {"layer": "from edfcore.data import batches\n" + right["layer"]})
