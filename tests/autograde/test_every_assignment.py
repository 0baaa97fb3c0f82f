"""What every assignment of the course must be: manifest, cards, bank, release and certificate agree."""

import re

import nbformat
import pytest

from autograde import assignment as assignments
from autograde.build import checks_text
from autograde.certify import certify
from autograde.cli import _names as names

ALL = names(None)


@pytest.fixture(scope="module", params=ALL)
def found(request, root):
    return assignments.load(root / "solutions" / request.param)


def test_the_course_has_ten():
    assert ALL == [f"A{k}" for k in range(1, 11)]


def test_sizes_are_those_of_an_assignment(found):
    assert 5 <= len(found.exercises) <= 8 and len(found.written) == 1
    assert 60 <= found.minutes <= 120
    for exercise in found.exercises:
        assert len(exercise.hints) <= 3 and exercise.objectives and 1 <= exercise.difficulty <= 5
        assert sum(not a.right for a in exercise.answers) >= 6 and sum(a.right for a in exercise.answers) >= 3
        assert exercise.answers[0].name == "nothing returned"


def test_cards_state_the_manifest_s_points_difficulty_minutes_and_hints(found):
    cards = {c.id: c.source for c in found.notebook.cells if c.cell_type == "markdown"}
    for exercise in found.exercises:
        card = cards[f"{exercise.id}-card"]
        line = f"*Difficulty {exercise.difficulty} of 5, about {exercise.minutes} minutes, {exercise.points} points"
        (rest,) = re.findall(re.escape(line) + r"(.*?)\.\*", card)
        parts = re.findall(r"[:,] (\d+) for ", rest)  # where an exercise has several tests
        assert [int(p) for p in parts] == (list(exercise.worth) if len(exercise.worth) > 1 else []), rest
        assert exercise.title in card
        assert re.findall(r"</summary>(.*?)</details>", card) == list(exercise.hints)
    total = sum(e.minutes for e in found.exercises) + sum(w["minutes"] for w in found.written)
    assert total == found.minutes and f"about {total} minutes" in cards["title"]
    assert f"{found.points} for the programmed ones, {found.manual_points} for the written one" in cards["title"]


def test_every_exercise_has_a_card_an_answer_and_its_tests_in_this_order(found):
    order = [c.id for c in found.notebook.cells]
    for exercise in found.exercises:
        places = [order.index(name) for name in (f"{exercise.id}-card", exercise.id, *exercise.tests)]
        assert places == sorted(places)
        answer = found.notebook.cells[order.index(exercise.id)]
        assert '"""' in answer.source.split("### BEGIN SOLUTION")[0], "the stub has a docstring"


def test_tests_have_visible_and_hidden_parts_with_inputs_of_the_student_s_own(found):
    cells = {c.id: c.source for c in found.notebook.cells}
    for exercise in found.exercises:
        for test in exercise.tests:
            visible, _, hidden = cells[test].partition("### BEGIN HIDDEN TESTS")
            assert "check" in visible and "check.hidden(" in hidden, test
        assert any("check.rng(" in cells[test] for test in exercise.tests), exercise.id


def test_every_wrong_answer_is_code_that_differs_from_every_right_one(found):
    for exercise in found.exercises:
        right = {a.source for a in exercise.answers if a.right}
        assert not right & {a.source for a in exercise.answers if not a.right}


def test_answers_use_no_forbidden_name(found):
    given = "\n".join(c.source for c in found.notebook.cells if c.cell_type == "code" and c.metadata.nbgrader.locked)
    for exercise in found.exercises:
        for answer in exercise.answers:
            for name in exercise.forbidden:
                told = name.removeprefix("edfcore.")
                if re.search(rf"^(def |class )?{re.escape(told)}\b", given, re.MULTILINE):
                    continue  # the notebook has its own thing of this name
                assert not re.search(rf"\b{re.escape(told)}\b", answer.source), (answer.name, name)


def test_what_students_get_is_made_from_this_source(found, root):
    folder = root / "assignments" / found.name
    released = nbformat.read(folder / f"{found.name}.ipynb", as_version=4)
    fresh = assignments.release(found.notebook)
    stub = re.compile(r"(# YOUR (CODE|ANSWER) HERE\s+)?raise NotImplementedError\(.*\)")  # its text is a setting of the course
    bare, made = ([(c.id, stub.sub("", c.source)) for c in book.cells] for book in (released, fresh))
    assert bare == made
    checks = f"{found.name}.checks.json"
    assert (folder / checks).read_bytes() == (found.folder / checks).read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == sorted([f"{found.name}.ipynb", checks])


def test_source_notebooks_hold_no_outputs(found):
    code = [c for c in found.notebook.cells if c.cell_type == "code"]
    assert all(not c.outputs and c.execution_count is None for c in code)


@pytest.mark.slow
def test_checks_file_is_what_reference_and_bank_give(found):
    stored = (found.folder / f"{found.name}.checks.json").read_text(encoding="utf-8")
    assert stored == checks_text(found), f"run: autograde build {found.name}, then nbgrader generate_assignment"


@pytest.mark.slow
def test_a_fifth_of_the_certificate_holds_for_two_students(found):
    """The whole, for five students: `autograde certify --all`."""
    certificate = certify(found, students=2, every=5)
    lacking = [c for c in certificate.cases if not c.ok or c.kind == "wrong" and not (c.hidden and c.diagnosed)]
    assert certificate.valid or not certificate.strict, lacking
    assert all(c.why for c in certificate.survivors)
    assert certificate.of("reference")[0].score == found.points and certificate.of("release")[0].score == 0
