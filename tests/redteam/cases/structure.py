# ruff: noqa: E501 - lines of students' code
"""Notebook structure and metadata: what stock nbgrader takes the student's word for (catalogue B)."""

import io
import json
import os
import zipfile

import nbformat

from autograde import assignment as assignments
from autograde.redteam import Handed, case, code_cell, filled, notebook_bytes

WRONG = {"layer": "def layer(x, W, bias):\n    return x"}


def cell_of(notebook, name):
    """The cell of that name."""
    return next(c for c in notebook.cells if assignments.grade_id(c) == name)


def tests_of(notebook):
    """All cells that are graded automatically."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")]


@case("tag-skip-execution", 27)
def tag_skip_execution(blank, right):
    for cell in blank.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]
    return notebook_bytes(blank)


@case("solution-flag-off", 28)
def solution_flag_off(blank, right):
    for cell in blank.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["solution"] = False
            cell.metadata.nbgrader["grade"] = True
    return notebook_bytes(blank)


@case("points-500", 29, earned_max=2)
def points_500(blank, right):
    for cell in tests_of(blank):
        cell.metadata.nbgrader["points"] = 500
    return filled(blank, {"layer": right["layer"]})


@case("grade-flag-off", 30)
def grade_flag_off(blank, right):
    for cell in tests_of(blank):
        cell.metadata.nbgrader |= {"grade": False, "solution": True, "locked": False}
        cell.source = "pass"
    return notebook_bytes(blank)


@case("tests-deleted", 31)
def tests_deleted(blank, right):
    graded = tests_of(blank)
    blank.cells = [c for c in blank.cells if c not in graded]
    return notebook_bytes(blank)


@case("tests-deleted-honest", 31, kind="accident", earned_max=20, earned_min=20)
def tests_deleted_honest(blank, right):
    graded = tests_of(blank)
    blank.cells = [c for c in blank.cells if c not in graded]
    return filled(blank, right)


@case("tests-emptied", 31)
def tests_emptied(blank, right):
    for cell in tests_of(blank):
        cell.source = "2.0"
        cell["outputs"] = [
            {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "2.0"}}
        ]
    return notebook_bytes(blank)


@case("graded-cell-copied", 32, kind="accident", earned_max=20, earned_min=20)
def graded_cell_copied(blank, right):
    notebook = assignments.with_answers(blank, right)
    at = notebook.cells.index(cell_of(notebook, "layer-test"))
    notebook.cells.insert(at + 1, nbformat.from_dict(notebook.cells[at]))
    return notebook_bytes(notebook)


@case("answer-cell-split", 32, kind="accident", earned_max=20, earned_min=20)
def answer_cell_split(blank, right):
    notebook = assignments.with_answers(blank, right)
    cell = cell_of(notebook, "sigmoid")
    at, (one, two) = notebook.cells.index(cell), cell.source.split("\n\n\n", 1)
    rest = nbformat.from_dict(cell)
    cell.source, rest.source = one, two
    notebook.cells.insert(at + 1, rest)
    return notebook_bytes(notebook)


@case("schema-version", 33, kind="accident", earned_max=20, earned_min=20)
def schema_version(blank, right):
    for number, cell in enumerate(blank.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["schema_version"] = (2, 4, "x", None, 10**30)[number % 5]
    return filled(blank, right)


@case("tests-before-answers", 34, kind="accident", earned_max=20, earned_min=20)
def tests_before_answers(blank, right):
    notebook = assignments.with_answers(blank, right)
    graded = tests_of(notebook)
    notebook.cells = [notebook.cells[0], *graded, *(c for c in notebook.cells[1:] if c not in graded)]
    return notebook_bytes(notebook)


@case("cell-types-changed", 35)
def cell_types_changed(blank, right):
    for number, cell in enumerate(tests_of(blank)):
        cell.cell_type = "markdown" if number % 2 else "raw"
    return notebook_bytes(blank)


@case("answer-became-markdown", 35, kind="accident", earned_max=20, earned_min=20)
def answer_became_markdown(blank, right):
    notebook = assignments.with_answers(blank, right)
    cell = cell_of(notebook, "layer")
    cell.cell_type = "markdown"
    return notebook_bytes(notebook)


@case("bogus-kernelspec", 36, kind="accident", earned_max=20, earned_min=20)
def bogus_kernelspec(blank, right):
    blank.metadata["kernelspec"] = {"name": "../../evil", "display_name": "<b>", "language": "sh", "argv": ["/bin/sh"]}
    blank.metadata["language_info"] = {"name": "bash", "file_extension": "/../../x"}
    return filled(blank, right)


@case("cell-ids", 37, kind="accident", earned_max=20, earned_min=20)
def cell_ids(blank, right):
    for number, cell in enumerate(blank.cells):
        cell["id"] = ("same", "", "../x", "x" * 500, None)[number % 5]
    return filled(blank, right)


@case("odd-metadata", 38, kind="accident", earned_max=20, earned_min=20)
def odd_metadata(blank, right):
    notebook = assignments.with_answers(blank, right)
    cell_of(notebook, "layer")["metadata"] = {"nbgrader": []}
    notebook.cells[0]["metadata"] = []
    notebook.cells.insert(1, {"cell_type": 5, "source": 7, "metadata": {"nbgrader": {"grade_id": {"a": 1}}}})
    notebook.cells.insert(2, None)
    notebook.cells.insert(3, {"cell_type": "code"})
    return notebook_bytes(notebook)


@case("cells-are-null", 38, kind="fault")
def cells_are_null(blank, right):
    return b'{"cells": null, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@case("a-json-list", 38, kind="fault")
def a_json_list(blank, right):
    return b"[1, 2, 3]"


@case("zero-bytes", 39, kind="fault")
def zero_bytes(blank, right):
    return b""


@case("only-nulls", 39, kind="fault")
def only_nulls(blank, right):
    return bytes(100_000)


@case("broken-json", 39, kind="fault")
def broken_json(blank, right):
    return filled(blank, right)[:-2000]


@case("deep-nesting", 39, kind="fault", seconds=30)
def deep_nesting(blank, right):
    return b'{"cells": ' + b"[" * 200_000 + b"]" * 200_000 + b', "nbformat": 4}'


@case("nbformat-99", 39, kind="accident", earned_max=20, earned_min=20)
def nbformat_99(blank, right):
    return notebook_bytes(assignments.with_answers(blank, right) | {"nbformat": 99, "nbformat_minor": "x"})


@case("byte-order-mark", 39, kind="accident", earned_max=20, earned_min=20)
def byte_order_mark(blank, right):
    return b"\xef\xbb\xbf" + filled(blank, right)


@case("latin-1", 39, kind="accident", earned_max=20, earned_min=20)
def latin_1(blank, right):
    data = filled(blank, right | {"layer": "# für große Größen\n" + right["layer"]}).decode()
    return data.encode("latin-1", "replace")


@case("utf-16", 39, kind="accident", earned_max=20, earned_min=20)
def utf_16(blank, right):
    return filled(blank, right).decode().encode("utf-16")


@case("crlf", 40, kind="accident", earned_max=20, earned_min=20)
def crlf(blank, right):
    notebook = assignments.with_answers(blank, right)
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    return json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()


@case("nbformat-3", 40, kind="accident", earned_max=20, earned_min=20)
def nbformat_3(blank, right):
    cells = []
    for cell in assignments.with_answers(blank, right).cells:
        old = {"cell_type": cell.cell_type, "metadata": cell.metadata}
        if cell.cell_type == "code":
            old |= {"input": cell.source.splitlines(True), "outputs": [], "language": "python", "collapsed": False}
        else:
            old["source"] = cell.source
        cells.append(old)
    whole = {"metadata": {"name": "x"}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    return json.dumps(whole).encode()


@case("renamed-notebook", 41, kind="accident", earned_max=20, earned_min=20)
def renamed_notebook(blank, right):
    return Handed(None, {"A1 (1).ipynb": filled(blank, right)})


@case("notebook-and-copy", 41, kind="accident", earned_max=20, earned_min=20)
def notebook_and_copy(blank, right):
    return Handed(
        notebook_bytes(blank), {"A1-Copy1.ipynb": filled(blank, right), ".ipynb_checkpoints/A1-checkpoint.ipynb": b"x"}
    )


@case("file-names", 42, kind="accident", earned_max=20, earned_min=20)
def file_names(blank, right):
    names = [
        "a+b.txt",
        "CON.txt",
        "aux",
        "x*[y]?.csv",
        "\u0430\u0430.py",
        "\u202egnp.exe",
        "-rf",
        "a\nb",
        "A" * 200,
        "..x",
        "c;d",
        "~",
    ]
    return Handed(filled(blank, right), {name: b"x" for name in names})


@case("forged-timestamp", 43, kind="accident", earned_max=20, earned_min=20)
def forged_timestamp(blank, right):
    return Handed(filled(blank, right), {"timestamp.txt": b"1990-01-01 00:00:00 UTC\n"})


@case("garbage-timestamp", 43, kind="accident", earned_max=20, earned_min=20)
def garbage_timestamp(blank, right):
    return Handed(filled(blank, right), {"timestamp.txt": b"\xff\x00" * 50_000 + b"9" * 5000})


@case("timestamp-fifo", 43, kind="accident", earned_max=20, earned_min=20, seconds=60)
def timestamp_fifo(blank, right):
    return Handed(filled(blank, right), {}, lambda folder: os.mkfifo(folder / "timestamp.txt"))


@case("archives-beside", 44, kind="accident", earned_max=20, earned_min=20)
def archives_beside(blank, right):
    """Slipping and swelling archives in the folder: nothing may unpack them."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../redteam-escaped-archives-beside", b"x")
        archive.writestr("bomb", bytes(20_000_000))
    return Handed(filled(blank, right), {"work.zip": data.getvalue()})


@case("notebook-is-a-zip", 44, kind="fault")
def notebook_is_a_zip(blank, right):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("A1.ipynb", filled(blank, right))
    return data.getvalue()


@case("many-cells", kind="fault", seconds=120)
def many_cells(blank, right):
    blank.cells += [code_cell(f"v{n} = {n}") for n in range(3000)]
    return notebook_bytes(blank)


@case("names-of-others-cells", kind="attack")
def names_of_others_cells(blank, right):
    """Own cells that carry the names of test cells, with other text, flags and points."""
    for cell in tests_of(blank):
        own = code_cell("raise SystemExit")
        own.metadata["nbgrader"] = dict(cell.metadata.nbgrader) | {"grade": True, "points": 100, "solution": True}
        blank.cells.insert(0, own)
    return notebook_bytes(blank)
