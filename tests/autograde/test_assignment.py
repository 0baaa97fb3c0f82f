"""Notebook, manifest and bank are read together, and disagreements are sentences."""

import re
import shutil

import nbformat
import pytest

from autograde import assignment as assignments
from autograde.errors import AssignmentError


@pytest.fixture
def folder(root, tmp_path):
    shutil.copytree(root / "solutions" / "A1", tmp_path / "A1")
    return tmp_path / "A1"


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    "file, old, new, told",
    [
        ("exercises.toml", 'tests = ["layer-test"]', 'tests = ["layer-tset"]', "no test cell"),
        ("exercises.toml", "points = 2", "points = 3", "have [3] points in exercises.toml and [2] in the notebook"),
        ("exercises.toml", 'id = "layer"', 'id = "lair"', "no file lair.py"),
        ("exercises.toml", "minutes = 110", "minuets = 110", "a key: 'minutes'"),
        ("exercises.toml", "[[exercise]]", "[[exercise]", "A1:"),
        ("exercises.toml", 'id = "written"', 'id = "wirtten"', "'wirtten'"),
        ("bank/layer.py", "# The threshold is missing.\n", "", "needs a comment line"),
        ("bank/layer.py", "wrong: zeros", "wrong: bias added", "two answers are named 'bias added'"),
        ("bank/layer.py", "# %% wrong: zeros", "# %% Wrong: zeros", "belongs to no answer"),
        ("bank/layer.py", "# The threshold is missing.", "# keeps: layer-test\n# It is missing.", "may keep some, not all"),
        ("bank/layer.py", "# The threshold is missing.", "# keeps: sigmoid-test\n# It is missing.", "of layer-test"),
        ("exercises.toml", 'objectives = ["read', 'aims = ["read', "invents a key"),
        ("A1.ipynb", '"cells"', '"cells', "A1:"),
    ],
)
def test_a_disagreement_is_a_sentence(folder, file, old, new, told):
    change(folder / file, old, new)
    with pytest.raises(AssignmentError, match=re.escape(told)):
        assignments.load(folder)


def test_a_missing_file_is_named(folder):
    (folder / "exercises.toml").unlink()
    with pytest.raises(AssignmentError, match="exercises.toml is missing"):
        assignments.load(folder)


def test_release_has_neither_answers_nor_hidden_tests(folder):
    found = assignments.load(folder)
    text = nbformat.writes(assignments.release(found.notebook))
    assert "BEGIN" not in text and "default_rng(10" not in text and "check.hidden" not in text
    for exercise in found.exercises:
        reference = assignments_source(found, exercise.id)
        solution = reference.split("### BEGIN SOLUTION\n")[1].split("### END SOLUTION")[0]
        assert all(line.strip() not in text for line in solution.splitlines() if len(line.strip()) > 20)


def assignments_source(found, name):
    return next(c.source for c in found.notebook.cells if assignments.grade_id(c) == name)


def test_bank_holds_the_misconceptions_that_every_exercise_must_stop(folder):
    """None, zeros, the input unchanged everywhere; sign, transpose, summed for averaged, upstream where they apply."""
    found = assignments.load(folder)
    names = {e.id: " ".join(a.name for a in e.answers if not a.right) for e in found.exercises}
    for exercise in found.exercises:
        for name in ("nothing returned", "zero", "unchanged"):
            assert name in names[exercise.id], (exercise.id, name)
    everything = " ".join(names.values())
    for name in ("sign", "transposed", "summed", "1/B twice", "upstream forgotten", "short batch dropped"):
        assert name in everything


def test_a_bank_with_too_few_answers_is_refused(folder):
    (folder / "bank" / "layer.py").write_text("", encoding="utf-8")
    with pytest.raises(AssignmentError, match="the bank of layer needs 6 wrong and 3 right answers"):
        assignments.load(folder)


@pytest.mark.parametrize("name", ["answers.txt", "exercises.toml.bak", "bank2"])
def test_a_file_that_would_reach_students_is_refused(folder, name):
    (folder / name).write_text("the answer", encoding="utf-8")
    with pytest.raises(AssignmentError, match=f"{name} would reach students"):
        assignments.load(folder)


def test_files_that_are_no_text_are_sentences(folder):
    (folder / "exercises.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(AssignmentError, match="not readable"):
        assignments.load(folder)
