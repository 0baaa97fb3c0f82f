"""A made-up class: the same for the same seed, of every kind of answer, and renaming changes nothing but names."""

import ast
import random
import re

import nbformat
import pytest

from autograde import assignment as assignments
from autograde import variations as made
from autograde.assignment import grade_id
from autograde.course import reference_answers
from autograde.read import read_notebook


@pytest.fixture(scope="module")
def a1(root):
    return assignments.load(root / "solutions" / "A1")


def test_same_seed_gives_the_same_class_and_another_seed_another(a1):
    first, again, other = (list(made.variations(a1, 6, seed)) for seed in (3, 3, 4))
    assert first == again
    assert [v.notebook for v in first] != [v.notebook for v in other]


def test_notebooks_are_valid_and_readable_and_students_differ_in_name(a1):
    found = list(made.variations(a1, 20))
    assert len({student for student, _, _ in found}) == 20
    for _, notebook, _ in found:
        nbformat.validate(notebook)
        read = read_notebook(nbformat.writes(notebook).encode())
        assert [c.source for c in read.cells] == [c.source for c in notebook.cells]


def test_every_kind_of_answer_comes_up(a1):
    released = {grade_id(c): c.source for c in assignments.release(a1.notebook).cells if grade_id(c)}
    for exercise in a1.exercises:
        texts = [c.source for _, n, _ in made.variations(a1, 60) for c in n.cells if grade_id(c) == exercise.id]
        assert released[exercise.id] in texts, "untouched"
        assert len(set(texts)) > 20


def test_test_cells_and_hidden_tests_stay_out(a1):
    released = {grade_id(c): c.source for c in assignments.release(a1.notebook).cells if grade_id(c)}
    answers = {e.id for e in a1.exercises} | {w["id"] for w in a1.written}
    for _, notebook, _ in made.variations(a1, 10):
        text = nbformat.writes(notebook)
        assert "BEGIN HIDDEN TESTS" not in text and "BEGIN SOLUTION" not in text
        kept = {grade_id(c): c.source for c in notebook.cells if grade_id(c) and grade_id(c) not in answers}
        untouched = {name: source for name, source in released.items() if name not in answers}
        assert {name for name in kept if kept[name] != untouched[name]} <= {f"{e.id}-test" for e in a1.exercises}


def test_renaming_changes_one_name_everywhere_and_nothing_else(a1):
    sources = [a.source for e in a1.exercises for a in e.answers] + list(reference_answers(a1).values())
    renamed = 0
    for source in sources:
        for seed in range(4):
            try:
                before = ast.dump(ast.parse(source))
            except SyntaxError:
                continue
            after = made._renamed(source, random.Random(seed))
            back = re.sub(r"\b(\w+?)_[1-9][0-9]?\b", r"\1", after)
            renamed += after != source
            assert ast.dump(ast.parse(back)) == ast.dump(ast.parse(re.sub(r"\b(\w+?)_[1-9][0-9]?\b", r"\1", source)))
            assert after != source or ast.dump(ast.parse(after)) == before
    assert renamed > len(sources)


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return x",
        "def f(y):\n    y = y + 1\n    return g(y=y)",
        "total = 0\ndef f():\n    global total\n    total = total + 1",
        "def f():\n    name = 1\n    return eval('name')",
    ],
)
def test_names_that_others_may_know_are_not_renamed(source):
    assert made._renamed(source, random.Random(0)) == source
