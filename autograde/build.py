"""Make an assignment's checks file: expected values and known slips of its visible checks.

The reference solution runs once with recording checks; then each wrong answer of the bank. What an answer leads to on
the inputs that the notebook shows is stored beside the expected value, with the bank's sentence. So the check in a
student's notebook recognises every misconception of the bank by its value, and holds no code of any answer.
"""

import json

from edfcore.teach.checks import decode
from edfcore.teach.compare import Wrong, compare

from .assignment import with_answers, with_tests_of
from .errors import AssignmentError
from .runner import preload, run, run_many


def checks_table(assignment):
    """The contents of the checks file, as a dict.

    Raises
    ------
    AssignmentError : the reference fails, or a check is given something else than a plain value.
    """
    preload(assignment.notebook)
    reference = run(assignment.notebook, assignment.folder, record=True)
    broken = [c for c in reference.cells if not c.passed]
    if broken:
        raise AssignmentError(f"{assignment.name}: the reference fails in cell {broken[0].name}: {broken[0].message}")
    for what, value in reference.recorded.items():
        if value is None:
            raise AssignmentError(f"{assignment.name}: the check {what!r} compares something that is no plain value.")
    pairs = [(e, a) for e in assignment.exercises for a in e.answers if not a.right]
    wrong = [a for _, a in pairs]
    jobs = [
        (with_tests_of(e, with_answers(assignment.notebook, {e.id: a.source})), assignment.folder) for e, a in pairs
    ]
    checks = {what: {"expected": found["value"], "slips": {}} for what, found in reference.recorded.items()}
    for answer, found in zip(wrong, run_many(jobs, record=True), strict=True):
        for what, value in found.recorded.items():
            if value and not same(value["value"], checks[what]["expected"]):
                checks[what]["slips"][key(answer)] = value["value"]
    cells = [t for e in assignment.exercises for t in e.tests] + [w["id"] for w in assignment.written]
    absent = {e.id: list(e.forbidden) for e in assignment.exercises}
    says = {key(a): a.says for a in wrong}
    return {"assignment": assignment.name, "cells": cells, "absent": absent, "checks": checks, "says": says}


def key(answer):
    """The name of a slip in the checks file."""
    return f"{answer.exercise}: {answer.name}"


def same(value, other):
    """Whether two encoded values are equal as a check sees them."""
    try:
        compare("", decode(value), decode(other))
    except Wrong:
        return False
    return True


def checks_text(assignment):
    """The checks file as text, one line for each value, so that it diffs well."""
    table = checks_table(assignment)
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def write_checks(assignment):
    """Write the checks file beside the source notebook; returns its path."""
    path = assignment.folder / f"{assignment.name}.checks.json"
    path.write_text(checks_text(assignment), encoding="utf-8")
    return path
