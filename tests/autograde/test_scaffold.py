"""Adding an exercise as an instructor does: begin with one that works, change it step by step, certify, release."""

import shutil
import subprocess
import sys
from dataclasses import replace

import nbformat
import pytest

from autograde import assignment as assignments
from autograde.build import write_checks
from autograde.certify import certify
from autograde.errors import AssignmentError
from autograde.guide import guide
from autograde.scaffold import new_exercise


@pytest.fixture
def folder(root, tmp_path):
    shutil.copytree(root / "solutions" / "A1", tmp_path / "A1")
    return tmp_path / "A1"


def certificate(folder, exercise):
    """The certificate of one exercise alone."""
    found = assignments.load(folder)
    return certify(replace(found, exercises=tuple(e for e in found.exercises if e.id == exercise)), students=2)


def change(path, *pairs):
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_an_instructor_adds_an_exercise(folder):
    command = [sys.executable, "-m", "autograde.cli", "new", "exercise", "A1", "row-scale", "--title", "Rows to size"]
    done = subprocess.run([*command, "--solutions", str(folder.parent)], capture_output=True, text=True)
    assert done.returncode == 0 and "Make it yours" in done.stdout, done.stderr
    write_checks(assignments.load(folder))
    assert certificate(folder, "row-scale").valid

    # What is wanted instead: each row divided by the sum of its entries' sizes, S = sum_i |x[b,i]|.
    body = "x / np.abs(x).sum(axis=1, keepdims=True)"
    change(folder / "A1.ipynb",
           ("return x - x.mean(axis=1, keepdims=True)", f"return {body}"),
           ("value - sum(row) / len(row)", "value / sum(map(abs, row))"),
           ("numbers far from 0", "numbers of any size"), ("drawn + 1e6), told, 1e-3, 1e-6", "-1e6 * drawn), -told, 1e-9"),
           ("Each row less its mean", "Each row over the sum of its sizes"),
           ("From each row the row's own mean is taken.", "Each row is divided by the sum of its entries' sizes."))  # fmt: skip
    (folder / "bank" / "row-scale.py").write_text(bank(), encoding="utf-8")
    write_checks(assignments.load(folder))
    found = certificate(folder, "row-scale")
    assert found.valid, [c for c in found.cases if not c.ok or (c.kind == "wrong" and not c.diagnosed)]
    released = nbformat.writes(assignments.release(assignments.load(folder).notebook))
    assert "## 8. Rows to size" in released and "np.abs(x)" not in released and "## 9. A question" in released


def bank():
    wrong = {
        "nothing returned": ("A return statement is missing.", "None"),
        "input unchanged": ("Nothing is divided.", "x.copy()"),
        "signs kept": ("The entries are added with their signs; sizes are asked for.", "x / x.sum(axis=1, keepdims=True)"),
        "sum over the batch": ("The sum goes over b; each row has its own.", "x / np.abs(x).sum(axis=0)"),
        "one sum for all": ("All rows are divided by one number.", "x / np.abs(x).sum()"),
        "root of squares": ("The length of the row is taken, with squares.", "x / np.sqrt((x**2).sum(axis=1, keepdims=True))"),
    }  # fmt: skip
    right = {
        "transposed": "(x.T / np.abs(x).sum(axis=1)).T",
        "einsum": "np.einsum('bi,b->bi', x, 1 / np.einsum('bi->b', np.abs(x)))",
        "lists": "[[v / sum(abs(w) for w in row) for v in row] for row in x.tolist()]",
    }
    parts = [
        f"# %% wrong: {name}\n# {says}\ndef row_scale(x):\n    return {value}\n"
        for name, (says, value) in wrong.items()
    ]
    parts += [f"# %% right: {name}\ndef row_scale(x):\n    return {value}\n" for name, value in right.items()]
    return "\n\n".join(parts)


def test_the_title_counts_the_new_exercise_and_the_question_moves_on(folder):
    new_exercise(folder, "new-one", "A new one", "new_one")
    found = assignments.load(folder)
    assert [e.id for e in found.exercises][-1] == "new-one" and found.minutes == 120 and found.points == 22
    cells = {c.id: c.source for c in found.notebook.cells}
    assert "8 programmed, 1 written" in cells["title"] and "about 120 minutes" in cells["title"]
    assert cells["new-one-card"].startswith("## 8. A new one") and cells["written-card"].startswith("## 9.")
    assert all(a.source.isascii() and "{" not in a.source for a in found.exercises[-1].answers)


@pytest.mark.parametrize(
    "id, title, function, told",
    [
        ("layer", "T", "f", "has a cell named 'layer' already"),
        ("Two words", "T", "f", "use lower-case letters"),
        ("good", "T", "2f", "no name of a function"),
        ("good", "T", "class", "no name of a function"),
        ("good", 'a "title"', "f", "neither quotation mark"),
        ("good", "two\nlines", "f", "one line"),
    ],
)
def test_names_that_do_not_fit_change_nothing(folder, id, title, function, told):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    with pytest.raises(AssignmentError, match=told):
        new_exercise(folder, id, title, function)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_the_guide_has_times_errors_with_their_messages_and_the_marking_scheme(folder):
    found = assignments.load(folder)
    text = guide(found)
    assert "Expected time 110 minutes; 20 points by tests, 4 by a person." in text
    for exercise in found.exercises:
        assert f"## {exercise.title}" in text
        for answer in exercise.answers:
            assert answer.right or f"| {answer.name} | " in text
    assert "| bias added | layer(x, W, bias), entry [0, 0]: got" in text
    assert "no check stops it" not in text
    assert "1/B stands in them twice. (1 point)" in text and "BEGIN SOLUTION" not in text
