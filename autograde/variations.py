"""A class made up from an assignment's bank: submissions with the marks that they deserve.

Each student hands in the release with, exercise by exercise, the reference, another right answer, a wrong one, or
nothing; some rename what is theirs, add comments and prints, and keep cells of their own; some damage their notebook
by accident. The same seed gives the same class, on every machine.
"""

import ast
import random
import re
from collections import namedtuple

from nbformat.v4 import new_code_cell, new_markdown_cell

from . import assignment as assignments
from .course import reference_answers

Variation = namedtuple("Variation", ["student", "notebook", "points"])

KINDS = {"reference": 4, "right": 3, "wrong": 3, "untouched": 1}  # how often, relative to each other
REMARKS = (
    "first try",
    "checked by hand",
    "see lecture",
    "b counts examples",
    "TODO: tidy up",
    "is this the right axis?",
)
OWN_CELLS = (
    "1 + 1",
    "import sys\nsys.version_info[:2]",
    "import numpy as np\nnp.arange(6).reshape(2, 3)",
    "print('still here')",
    "for k in range(3):\n    print(k, k * k)",
    "scratch = [k / 7 for k in range(20)]\nsum(scratch)",
    "raise ValueError('an experiment that failed')",
)


def variations(assignment, n, seed=0):
    """Submissions of an assignment.

    Parameters
    ----------
    assignment : autograde.assignment.Assignment
    n : int
    seed : int

    Yields
    ------
    Variation : (student, notebook, points); notebook is a NotebookNode as the student would save it, without outputs;
        points is a dict from test cell to what it deserves
    """
    released, chance = assignments.release(assignment.notebook), random.Random(seed)
    reference = reference_answers(assignment)
    for number in range(n):
        answers, points = {}, {}
        for exercise in assignment.exercises:
            source, kept = _answer(exercise, reference, chance)
            answers[exercise.id] = source
            worth = zip(exercise.tests, exercise.worth, strict=True)
            points |= {test: most if test in kept else 0 for test, most in worth}
        answers |= {w["id"]: _words(reference[w["id"]], chance) for w in assignment.written}
        answers = {name: text for name, text in answers.items() if text is not None}
        notebook = assignments.with_answers(released, answers)
        _add_own_cells(notebook, chance)
        if chance.random() < DAMAGED:
            lost = chance.choice(DAMAGES)(notebook, assignment, chance)
            points |= dict.fromkeys(lost, 0)
        yield Variation(f"student{number:04}", notebook, points)


def _answer(exercise, reference, chance):
    """The source of an answer cell, or None where it stays as released, and the test cells that it passes."""
    kind = chance.choices(list(KINDS), KINDS.values())[0]
    if kind == "untouched":
        return None, ()
    if kind == "reference":
        source, kept = reference[exercise.id], exercise.tests
    else:
        answer = chance.choice([a for a in exercise.answers if a.right == (kind == "right")])
        source, kept = answer.source, exercise.tests if answer.right else answer.keeps
    for change, likely in ((_renamed, 0.5), (_remarked, 0.5), (_chatty, 0.15)):
        if chance.random() < likely:
            source = change(source, chance)
    return source, kept


def _words(model, chance):
    return chance.choice([None, model, f"I think: {model}", "I do not know."])


def _renamed(source, chance):
    """The source with one local variable of its functions renamed; unchanged where none is safe to rename."""
    try:
        names = sorted(_locals(ast.parse(source)))
    except SyntaxError:
        return source  # a wrong answer may be that
    if not names:
        return source
    old = chance.choice(names)
    return re.sub(rf"(?<![\w.'\"]){re.escape(old)}\b(?![\w'\"])", f"{old}_{chance.randrange(1, 100)}", source)


def _locals(tree):
    """Names that are variables everywhere in the source: assigned, and no parameter, attribute, keyword or text."""
    nodes = list(ast.walk(tree))
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    taken = {n.arg for n in nodes if isinstance(n, (ast.arg, ast.keyword))}
    taken |= {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    taken |= {s.id for s in tree.body for s in ast.walk(s) if isinstance(s, ast.Name) and _top_level(tree, s)}
    said = " ".join(n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return {n for n in bound - taken if not re.search(rf"\b{re.escape(n)}\b", said)}


def _top_level(tree, name):
    """Whether a name is assigned outside all functions, where tests may look for it."""
    outside = [s for s in tree.body if not isinstance(s, (ast.FunctionDef, ast.ClassDef))]
    return any(name is node for s in outside for node in ast.walk(s))


def _remarked(source, chance):
    return f"{source}\n# {chance.choice(REMARKS)} {chance.randrange(1000)}"


def _chatty(source, chance):
    return f"{source}\n\nprint({chance.choice(REMARKS)!r})"


def _add_own_cells(notebook, chance):
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 4])):
        at = chance.randrange(1, len(notebook.cells) + 1)
        cell = new_code_cell(chance.choice(OWN_CELLS)) if chance.random() < 0.8 else new_markdown_cell("my notes")
        cell["id"] = f"own-{chance.getrandbits(32):08x}"
        notebook.cells.insert(at, cell)


# --- accidents: each damages a notebook in place and gives the test cells that it costs ------------------------------


def _syntax_error(notebook, assignment, chance):
    exercise = chance.choice(assignment.exercises)
    _cell(notebook, exercise.id).source += "\ndef unfinished(:"
    return exercise.tests


def _metadata_lost(notebook, assignment, chance):
    """Another editor threw nbgrader's metadata away."""
    for cell in notebook.cells:
        cell.metadata.clear()
    return ()


def _tests_deleted(notebook, assignment, chance):
    tests = {test for e in assignment.exercises for test in e.tests}
    notebook.cells = [c for c in notebook.cells if assignments.grade_id(c) not in tests]
    return ()


def _test_changed(notebook, assignment, chance):
    exercise = chance.choice(assignment.exercises)
    _cell(notebook, exercise.tests[0]).source = "print('tried something here')"
    return ()


def _answer_retyped(notebook, assignment, chance):
    cell = _cell(notebook, chance.choice(assignment.exercises).id)
    cell.metadata.clear()
    cell["id"] = f"own-{chance.getrandbits(32):08x}"
    return ()


def _setup_deleted(notebook, assignment, chance):
    notebook.cells.remove(_cell(notebook, "setup"))
    return ()


DAMAGED = 0.25  # of the students
DAMAGES = (_syntax_error, _metadata_lost, _tests_deleted, _test_changed, _answer_retyped, _setup_deleted)


def _cell(notebook, name):
    return next(c for c in notebook.cells if assignments.grade_id(c) == name)
