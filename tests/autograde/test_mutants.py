"""Automatic mutants: each is a program, differs from the reference in one place, and is told by name."""

import ast
from dataclasses import replace

import pytest

from autograde import assignment as assignments
from autograde.certify import Certificate, Changed, mutate
from autograde.mutants import mutants

CELL = '''
def scaled(x, y, B=5):
    """Outside the region nothing changes: 1 + 1."""
    step = 3
    ### BEGIN SOLUTION
    total = -x.sum(axis=0, keepdims=True) / B
    if step > 2:
        total = total + y[1:]
    return np.where(total > 0, x @ y.T, y), total
    ### END SOLUTION
'''


def names():
    return [m.name for m in mutants(CELL)]


@pytest.mark.parametrize(
    "name",
    [
        "-x.sum(axis=0, keepdims=True) / B -> -x.sum(axis=0, keepdims=True) * B",
        "-x.sum(axis=0, keepdims=True) / B -> -x.sum(axis=0, keepdims=True)",
        "-x.sum(axis=0, keepdims=True) -> x.sum(axis=0, keepdims=True)",
        "x.sum -> x.mean",
        "0 -> 1",
        "True -> False",
        "x.sum(axis=0, keepdims=True) -> x.sum(keepdims=True)",
        "step > 2 -> step >= 2",
        "total = total + y[1:] -> left out",
        "total + y[1:] -> total - y[1:]",
        "1: -> :",
        "x @ y.T -> y.T @ x",
        "y.T -> y",
        "np.where(total > 0, x @ y.T, y) -> np.where(total > 0, y, x @ y.T)",
    ],
)
def test_an_operator_a_sign_a_constant_a_term_an_axis_is_changed(name):
    assert any(told.endswith(f": {name}") for told in names()), names()


def test_each_is_a_program_that_differs_from_the_reference_and_from_the_others():
    found = [ast.dump(ast.parse(m.source)) for m in mutants(CELL)]
    assert len(set(found)) == len(found) > 25
    assert ast.dump(ast.parse(CELL)) not in found


def test_what_stands_outside_the_solution_stays():
    for mutant in mutants(CELL):
        assert "step = 3" in mutant.source and "B=5" in mutant.source and "nothing changes: 1 + 1" in mutant.source


def test_names_are_unique():
    """The manifest argues by name."""
    assert len(set(names())) == len(names())


def test_a_mutant_is_killed_by_a_test_that_looks_and_survives_one_that_does_not(root):
    found = assignments.load(root / "solutions" / "A1")
    found = replace(found, exercises=tuple(e for e in found.exercises if e.id in ("layer", "sigmoid")))
    seen = list(mutate(found, students=2))
    survivors = [c.name for c in seen if not c.killed]
    assert survivors == ["line 5: x > 0 -> x >= 0"] and all(c.why for c in seen if not c.killed)
    cell = next(c for c in found.notebook.cells if c.id == "layer-test")
    cell.source = "h = layer(np.ones((2, 3)), np.ones((4, 3)), np.ones(4))"
    blind = [c for c in mutate(found, students=1) if c.exercise == "layer" and not c.killed]
    assert any(c.name.endswith("x @ W.T - bias -> x @ W.T + bias") and not c.why for c in blind), blind


def certificate(survivors, of=100):
    changed = [Changed("e", f"mutant {k}", k >= len(survivors), survivors[k] if k < len(survivors) else "")
               for k in range(of)]  # fmt: skip
    return Certificate("T", 1, 0, 5, (), tuple(changed), 0.1)


def test_at_most_two_in_a_hundred_may_survive_and_each_needs_an_argument():
    assert certificate([]).strict and certificate(["same", "same"]).strict
    assert not certificate(["same", ""]).strict
    assert not certificate(["same"] * 3).strict
