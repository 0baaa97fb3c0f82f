# ruff: noqa: E501 - lines of students' code
"""Notebook structure and metadata: what stock nbgrader takes the student's word for (catalogue B)."""

import ast
import io
import json
import os
import zipfile

import nbformat

from autograde import assignment as assignments
from autograde.redteam import Handed, Need, case, code_cell, everything, notebook_bytes, only


def cell_of(notebook, name):
    """The cell of that name."""
    return next(c for c in notebook.cells if assignments.grade_id(c) == name)


def tests_of(notebook):
    """All cells that are graded automatically."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")]


@case("tag-skip-execution", 27)
def tag_skip_execution(task):
    for cell in task.blank.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]
    return notebook_bytes(task.blank)


@case("solution-flag-off", 28)
def solution_flag_off(task):
    for cell in task.blank.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["solution"] = False
            cell.metadata.nbgrader["grade"] = True
    return notebook_bytes(task.blank)


@case("points-500", 29, earned=only(0))
def points_500(task):
    for cell in tests_of(task.blank):
        cell.metadata.nbgrader["points"] = 500
    return task.filled({task.role(0): task.right[task.role(0)]})


@case("grade-flag-off", 30)
def grade_flag_off(task):
    for cell in tests_of(task.blank):
        cell.metadata.nbgrader |= {"grade": False, "solution": True, "locked": False}
        cell.source = "pass"
    return notebook_bytes(task.blank)


@case("tests-deleted", 31)
def tests_deleted(task):
    graded = tests_of(task.blank)
    task.blank.cells = [c for c in task.blank.cells if c not in graded]
    return notebook_bytes(task.blank)


@case("tests-deleted-honest", 31, kind="accident", earned=everything)
def tests_deleted_honest(task):
    graded = tests_of(task.blank)
    task.blank.cells = [c for c in task.blank.cells if c not in graded]
    return task.filled(task.right)


@case("tests-emptied", 31)
def tests_emptied(task):
    for cell in tests_of(task.blank):
        cell.source = "2.0"
        cell["outputs"] = [
            {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "2.0"}}
        ]
    return notebook_bytes(task.blank)


@case("graded-cell-copied", 32, kind="accident", earned=everything)
def graded_cell_copied(task):
    notebook = task.answered()
    at = notebook.cells.index(cell_of(notebook, task.tests(0)[0]))
    notebook.cells.insert(at + 1, nbformat.from_dict(notebook.cells[at]))
    return notebook_bytes(notebook)


def parts_of(task):
    """An exercise whose answer has two definitions or more, and the sources of the first and of the rest; or None."""
    for exercise in task.driven:
        lines = task.right[exercise].splitlines()
        starts = [
            n.lineno - 1 for n in ast.parse(task.right[exercise]).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))
        ]
        if len(starts) > 1:
            return exercise, "\n".join(lines[: starts[1]]), "\n".join(lines[starts[1] :])
    return None


TWO_IN_ONE = Need("an answer of two definitions", parts_of)


@case("answer-cell-split", 32, kind="accident", earned=everything, needs=TWO_IN_ONE)
def answer_cell_split(task):
    notebook = task.answered()
    exercise, one, two = parts_of(task)
    cell = cell_of(notebook, exercise)
    rest = nbformat.from_dict(cell)
    cell.source, rest.source = one.rstrip(), two
    notebook.cells.insert(notebook.cells.index(cell) + 1, rest)
    return notebook_bytes(notebook)


@case("schema-version", 33, kind="accident", earned=everything)
def schema_version(task):
    for number, cell in enumerate(task.blank.cells):
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["schema_version"] = (2, 4, "x", None, 10**30)[number % 5]
    return task.filled(task.right)


@case("tests-before-answers", 34, kind="accident", earned=everything)
def tests_before_answers(task):
    notebook = task.answered()
    graded = tests_of(notebook)
    notebook.cells = [notebook.cells[0], *graded, *(c for c in notebook.cells[1:] if c not in graded)]
    return notebook_bytes(notebook)


@case("cell-types-changed", 35)
def cell_types_changed(task):
    for number, cell in enumerate(tests_of(task.blank)):
        cell.cell_type = "markdown" if number % 2 else "raw"
    return notebook_bytes(task.blank)


@case("answer-became-markdown", 35, kind="accident", earned=everything)
def answer_became_markdown(task):
    notebook = task.answered()
    cell = cell_of(notebook, task.role(0))
    cell.cell_type = "markdown"
    return notebook_bytes(notebook)


@case("bogus-kernelspec", 36, kind="accident", earned=everything)
def bogus_kernelspec(task):
    task.blank.metadata["kernelspec"] = {
        "name": "../../evil",
        "display_name": "<b>",
        "language": "sh",
        "argv": ["/bin/sh"],
    }
    task.blank.metadata["language_info"] = {"name": "bash", "file_extension": "/../../x"}
    return task.filled(task.right)


@case("cell-ids", 37, kind="accident", earned=everything)
def cell_ids(task):
    for number, cell in enumerate(task.blank.cells):
        cell["id"] = ("same", "", "../x", "x" * 500, None)[number % 5]
    return task.filled(task.right)


@case("odd-metadata", 38, kind="accident", earned=everything)
def odd_metadata(task):
    notebook = task.answered()
    cell_of(notebook, task.role(0))["metadata"] = {"nbgrader": []}
    notebook.cells[0]["metadata"] = []
    notebook.cells.insert(1, {"cell_type": 5, "source": 7, "metadata": {"nbgrader": {"grade_id": {"a": 1}}}})
    notebook.cells.insert(2, None)
    notebook.cells.insert(3, {"cell_type": "code"})
    return notebook_bytes(notebook)


@case("cells-are-null", 38, kind="fault")
def cells_are_null(task):
    return b'{"cells": null, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@case("a-json-list", 38, kind="fault")
def a_json_list(task):
    return b"[1, 2, 3]"


@case("zero-bytes", 39, kind="fault")
def zero_bytes(task):
    return b""


@case("only-nulls", 39, kind="fault")
def only_nulls(task):
    return bytes(100_000)


@case("broken-json", 39, kind="fault")
def broken_json(task):
    return task.filled(task.right)[:-2000]


@case("deep-nesting", 39, kind="fault", seconds=30)
def deep_nesting(task):
    return b'{"cells": ' + b"[" * 200_000 + b"]" * 200_000 + b', "nbformat": 4}'


@case("nbformat-99", 39, kind="accident", earned=everything)
def nbformat_99(task):
    return notebook_bytes(task.answered() | {"nbformat": 99, "nbformat_minor": "x"})


@case("byte-order-mark", 39, kind="accident", earned=everything)
def byte_order_mark(task):
    return b"\xef\xbb\xbf" + task.filled(task.right)


@case("latin-1", 39, kind="accident", earned=everything)
def latin_1(task):
    data = task.filled(task.right | {task.role(0): "# für große Größen\n" + task.right[task.role(0)]}).decode()
    return data.encode("latin-1", "replace")


@case("utf-16", 39, kind="accident", earned=everything)
def utf_16(task):
    return task.filled(task.right).decode().encode("utf-16")


@case("crlf", 40, kind="accident", earned=everything)
def crlf(task):
    notebook = task.answered()
    for cell in notebook.cells:
        cell.source = cell.source.replace("\n", "\r\n")
    return json.dumps(notebook, indent=1).replace("\n", "\r\n").encode()


@case("nbformat-3", 40, kind="accident", earned=everything)
def nbformat_3(task):
    cells = []
    for cell in task.answered().cells:
        old = {"cell_type": cell.cell_type, "metadata": cell.metadata}
        if cell.cell_type == "code":
            old |= {"input": cell.source.splitlines(True), "outputs": [], "language": "python", "collapsed": False}
        else:
            old["source"] = cell.source
        cells.append(old)
    whole = {"metadata": {"name": "x"}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    return json.dumps(whole).encode()


@case("renamed-notebook", 41, kind="accident", earned=everything)
def renamed_notebook(task):
    return Handed(None, {f"{task.name} (1).ipynb": task.filled(task.right)})


@case("notebook-and-copy", 41, kind="accident", earned=everything)
def notebook_and_copy(task):
    name = task.name
    return Handed(
        notebook_bytes(task.blank),
        {f"{name}-Copy1.ipynb": task.filled(task.right), f".ipynb_checkpoints/{name}-checkpoint.ipynb": b"x"},
    )


@case("file-names", 42, kind="accident", earned=everything)
def file_names(task):
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
    return Handed(task.filled(task.right), {name: b"x" for name in names})


@case("forged-timestamp", 43, kind="accident", earned=everything)
def forged_timestamp(task):
    return Handed(task.filled(task.right), {"timestamp.txt": b"1990-01-01 00:00:00 UTC\n"})


@case("garbage-timestamp", 43, kind="accident", earned=everything)
def garbage_timestamp(task):
    return Handed(task.filled(task.right), {"timestamp.txt": b"\xff\x00" * 50_000 + b"9" * 5000})


@case("timestamp-fifo", 43, kind="accident", earned=everything, seconds=60)
def timestamp_fifo(task):
    return Handed(task.filled(task.right), {}, lambda folder: os.mkfifo(folder / "timestamp.txt"))


@case("archives-beside", 44, kind="accident", earned=everything)
def archives_beside(task):
    """Slipping and swelling archives in the folder: nothing may unpack them."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../redteam-escaped-archives-beside", b"x")
        archive.writestr("bomb", bytes(20_000_000))
    return Handed(task.filled(task.right), {"work.zip": data.getvalue()})


@case("notebook-is-a-zip", 44, kind="fault")
def notebook_is_a_zip(task):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(f"{task.name}.ipynb", task.filled(task.right))
    return data.getvalue()


@case("many-cells", kind="fault", seconds=120)
def many_cells(task):
    task.blank.cells += [code_cell(f"v{n} = {n}") for n in range(3000)]
    return notebook_bytes(task.blank)


@case("names-of-others-cells", kind="attack")
def names_of_others_cells(task):
    """Own cells that carry the names of test cells, with other text, flags and points."""
    for cell in tests_of(task.blank):
        own = code_cell("raise SystemExit")
        own.metadata["nbgrader"] = dict(cell.metadata.nbgrader) | {"grade": True, "points": 100, "solution": True}
        task.blank.cells.insert(0, own)
    return notebook_bytes(task.blank)
