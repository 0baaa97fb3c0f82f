"""How far each assignment is, and that a hand-in arrives whole or not at all."""

import json
import shutil

import nbformat
import pytest
from click.testing import CliRunner

from edfcore import coursework
from edfcore.cli import main
from edfcore.errors import EdfError
from edfcore.teach.predictions import home


@pytest.fixture
def course(root, tmp_path, monkeypatch):
    """A course with assignment A1 as released, and records of its own."""
    shutil.copytree(root / "assignments" / "A1", tmp_path / "assignments" / "A1")
    monkeypatch.setenv("EDF_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def own(course):
    return course / "assignments" / "A1" / "A1.ipynb"


def answer(path, name, source):
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name]
    cell.source = source
    nbformat.write(notebook, path)


def test_what_was_released_is_not_started_and_not_executed(course):
    told = []
    (found,) = coursework.standings(course, told.append)
    assert (found.state, found.checks, found.right, told) == ("not started", 7, 0, [])
    assert found.title == "A1. The batch index"


def test_only_what_has_changed_is_executed_again(course, own):
    told = []
    answer(own, "layer", "def layer(x, W, bias):\n    return x @ W.T - bias")
    for _ in range(2):
        (found,) = coursework.standings(course, told.append)
        assert (found.state, found.right, found.points, found.of) == ("in work", 1, 2, 20)
    assert told == ["checking A1.ipynb"]
    answer(own, "layer", "def layer(x, W, bias):\n    return x @ W.T + bias")
    (found,) = coursework.standings(course, told.append)
    assert found.right == 0 and len(told) == 2


def test_a_damaged_notebook_is_a_row_that_says_so(course, own):
    own.write_text("{")
    (found,) = coursework.standings(course)
    assert found.state == "unreadable" and "cannot be read as a notebook" in found.says


def test_damaged_records_cost_nothing_but_time(course, own):
    home().mkdir()
    for text in ("{", "[]", '{"checks": 3, "handed in": null}', '{"checks": {"x": 1}}'):
        (home() / "coursework.json").write_text(text)
        assert coursework.standings(course)[0].state == "not started"


def test_a_hand_in_lies_where_it_is_collected_and_is_noted(course, own, tmp_path):
    (tmp_path / "inbox").mkdir()
    target = coursework.submit(own, tmp_path / "inbox", "ada")
    assert target == tmp_path / "inbox" / "ada" / "A1" / "A1.ipynb" and target.read_bytes() == own.read_bytes()
    assert sorted(p.name for p in target.parent.iterdir()) == ["A1.ipynb"]
    (found,) = coursework.standings(course)
    assert found.handed_in and not found.changed
    answer(own, "layer", "def layer(x, W, bias):\n    raise NotImplementedError  # later")
    assert coursework.standings(course)[0].changed


def test_what_is_handed_in_is_collected(course, own, tmp_path):
    from autograde.collect import collect

    (tmp_path / "inbox").mkdir()
    (tmp_path / "term").mkdir()
    coursework.submit(own, tmp_path / "inbox", "ada")
    found = collect(tmp_path / "inbox", tmp_path / "term", "A1")
    assert [o.student for o in found.taken] == ["ada"] and not found.refused
    assert (tmp_path / "term" / "submitted" / "ada" / "A1" / "A1.ipynb").read_bytes() == own.read_bytes()


@pytest.mark.parametrize(
    "damage, student, says",
    [
        (lambda p: p.write_text("{"), "ada", "Nothing was handed in"),
        (lambda p: p.write_text(json.dumps({"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}})), "ada",
         "holds no cells of an assignment"),
        (lambda p: None, "../ada", "no student id"),
        (lambda p: None, "a b", "no student id"),
    ],
)  # fmt: skip
def test_what_cannot_be_handed_in_is_a_sentence_and_leaves_nothing(own, tmp_path, damage, student, says):
    (tmp_path / "inbox").mkdir()
    damage(own)
    with pytest.raises(EdfError, match=says):
        coursework.submit(own, tmp_path / "inbox", student)
    assert list((tmp_path / "inbox").iterdir()) == []


def test_a_folder_that_is_not_there_and_a_disk_that_is_full(own, tmp_path, monkeypatch):
    with pytest.raises(EdfError, match="is no folder"):
        coursework.submit(own, tmp_path / "gone", "ada")
    (tmp_path / "inbox").mkdir()
    before = coursework.submit(own, tmp_path / "inbox", "ada").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(coursework.os, "fsync", full)
    answer(own, "layer", "def layer(x, W, bias):\n    return 1")
    with pytest.raises(EdfError, match="No space left on device. Nothing was handed in"):
        coursework.submit(own, tmp_path / "inbox", "ada")
    folder = tmp_path / "inbox" / "ada" / "A1"
    assert (folder / "A1.ipynb").read_bytes() == before and len(list(folder.iterdir())) == 1


def test_the_commands_tell_it(course, own, tmp_path, monkeypatch):
    (course / "lectures").mkdir()
    (course / "nbgrader_config.py").write_text("")
    (tmp_path / "inbox").mkdir()
    monkeypatch.chdir(course)
    answer(own, "layer", "def layer(x, W, bias):\n    return x @ W.T - bias")
    done = CliRunner().invoke(main, ["submit", "A1", "--to", "inbox", "--as", "ada"])
    assert done.exit_code == 0 and "Handed in: inbox/ada/A1/A1.ipynb" in done.output.replace("\n", "")
    assert "2 of 20 points" in done.output
    done = CliRunner().invoke(main, ["progress", "--json"])
    (row,) = json.loads(done.stdout)["assignments"]
    assert (row["assignment"], row["state"], row["right"]) == ("A1", "in work", 1) and row["handed_in"]
    assert "1 of 7" in CliRunner().invoke(main, ["progress"]).output
