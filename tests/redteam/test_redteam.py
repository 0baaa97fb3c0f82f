"""The red team wins nothing and harms nobody; and what it would win is seen, where the grader has a fault."""

import functools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from reach import missed

from autograde import assignment, cli, examine, feedback, redteam
from autograde.result import TestResult

pytestmark = pytest.mark.sandbox

HERE = Path(__file__).parent
ZERO = dict.fromkeys(redteam.COUNTS, 0)
SLICE = [
    "input-transformer", "equal-to-everything", "lying-array-subclass", "check-replaced", "gc-walk", "replies-say-ok",
    "forbidden-package-unhidden", "visible-cases-hard-coded", "tag-skip-execution", "tests-deleted", "symlinks",
    "network", "environment", "html-in-outputs", "requests-of-the-warm-process", "descriptors-inherited",
    "namespaces-and-mounts", "frame-of-wrong-arrays", "references-to-nothing", "forged-cell-reply",
    "operations-on-the-examiners-functions", "hidden-inputs-through-the-errors-name", "graded-cell-copied",
    "latin-1", "crash-in-own-cell", "exit-costs-one-test",
]  # fmt: skip
SOLUTIONS = HERE.parents[1] / "solutions"
ASSIGNMENTS = sorted((p.parent.name for p in SOLUTIONS.glob("*/exercises.toml")), key=lambda n: (len(n), n))
OTHERS = [name for name in ASSIGNMENTS if name != "A1"]
FEW = ["equal-to-everything", "hidden-inputs-through-printed-text", "frame-of-wrong-arrays", "one-syntax-error"]


@functools.cache
def task_of(name):
    """The Task of an assignment."""
    return redteam.Task.of(assignment.load(SOLUTIONS / name))


def each_but_slow(names, quick):
    """The names as parameters: those in `quick` in every run, the others in CI's."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


def totals(report):
    """The counts alone."""
    return {name: value for name, value in report.to_json().items() if name in redteam.COUNTS}


def told(report):
    """What a failing test shows."""
    return [f"{r['name']}: {r['reason']}" for r in report.to_json()["results"] if r["verdict"] != "held"]


def test_every_row_of_the_catalogue_has_a_case_or_a_reason():
    covered = {row for case in redteam.cases().values() for row in case.rows}
    text = (HERE / "README.md").read_text(encoding="utf-8")
    excused = {int(n) for n in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert covered | excused == set(range(1, 72))
    assert not covered & excused


@pytest.mark.parametrize("name", each_but_slow(ASSIGNMENTS, ["A1", "A2"]))
def test_each_assignment_has_ninety_cases_that_say_what_they_deserve(name):
    task = task_of(name)
    cases = [c for c in redteam.cases().values() if c.applies(task)]
    assert len(cases) >= 90
    assert sum(c.kind == "accident" for c in cases) >= 40
    for case in cases:
        fresh = task.fresh()
        assert case.make(fresh) is not None
        assert 0 <= case.earned(fresh) <= task.points
        assert case.kind != "attack" or case.earned(fresh) < task.points
        assert not fresh.dropped, f"{case.name} has more answers than {name} has exercises"


def test_points_are_told_by_exercise():
    task = task_of("A1")
    earned = {name: case.earned(task) for name, case in redteam.cases().items()}
    assert earned["nothing-done"] == 0 and earned["crlf"] == 20
    assert earned["half-done"] == 2 + 4 + 2
    assert earned["one-syntax-error"] == earned["endless-loop-in-answer"] == 18
    assert earned["hidden-inputs-through-a-file"] == earned["points-500"] == 2


def test_a_role_goes_around_and_leaves_out_answers_without_functions():
    task = replace(task_of("A1"), binds=task_of("A1").binds | {"layer": []})
    assert (task.role(0), task.role(-1), task.role(6)) == ("layer-backward", "train", "layer-backward")
    fresh = task.fresh()
    assert set(fresh.answers(*["return given"] * 8)) == set(task.driven)
    assert len(fresh.dropped) == 2


@pytest.mark.parametrize("name", each_but_slow(ASSIGNMENTS, ["A1", "A2"]))
def test_hidden_inputs_differ_for_each_submission_and_are_what_an_answer_is_given(name):
    task, about = task_of(name), assignment.load(SOLUTIONS / name)
    if not task.seen.fresh:
        pytest.skip(f"the functions of {name} are given no floats that are drawn, so no such canary is looked for")
    exercise, seeds = task.seen.fresh[0], (b"one", b"one", b"two")
    played = redteam.played(about.notebook, about.folder, task.binds, seeds, until=exercise)
    one, again, two = ([v for c in calls if c.exercise == exercise for v in c.floats] for calls in played)
    assert one == again != two
    known = {v for c in task.seen.visible if c.exercise == exercise for v in c.floats}
    drawn = redteam._drawn(played[0], played[2], exercise)
    assert drawn in one and drawn not in two and drawn not in known


# How own cells and answers may end besides running through and being called, by case. Either the case is about an error,
# or the walls refuse the payload. "not called": what the test meets is no function any more, or time is over before.
ENDS = {
    "one-syntax-error": {"SyntaxError"},
    "magics": {"OSError"},  # !ls: there is no terminal
    "debugging-left-in": {"AttributeError", "TypeError"},
    "breakpoint-left-in-own-cell": {"BdbQuit"},
    "error-in-own-cell": {"NameError", "TypeError", "AttributeError", "ZeroDivisionError"},
    "exit-in-own-cell": {"SystemExit", "AttributeError"},  # quit() asks a shell that has no ask_exit
    "bigger-than-needed": {"TimeLimit"},
    "forbidden-name-of-another-exercise": {"ImportError"},
    "mailbox-1": {"TimeLimit"},
    "mailbox-2": {"TimeLimit"},
    "mailbox-later": {"TimeLimit"},
    "closes-descriptors": {"Stopped"},
    "signals-to-everybody": {"Stopped"},
    "set-user-id-programs": {"TimeLimit"},
    "others-submissions": {"TimeLimit"},
    "hard-link": {"FileNotFoundError"},
    "html-in-outputs": {"ValueError"},
    "hidden-inputs-through-shared-memory": {"PermissionError", "NameError"},
    "crash-in-own-cell": {"Stopped"},
    "endless-loop-in-own-cell": {"TimeLimit"},
    "many-slow-cells": {"TimeLimit", "Stopped", "not run", "not called"},
    "sleeps-in-every-test": {"not called"},
    "computes-again-for-every-name": {"TimeLimit"},
    "fork-bomb": {"TimeLimit"},
    "memory-bomb-of-many": {"Stopped"},
    "memory-shared-by-children": {"PermissionError"},
    "memory-in-sockets-and-pipes": {"TimeLimit", "Stopped"},
    "error-flood": {"Long", "ValueError"},
    "input": {"EOFError"},
    "hostile-exceptions": {"E"},
    "hostile-names": {"not called"},
    "agent-patched": {"not called"},
    "state-that-never-forks": {"not called"},
    "many-cells": {"Stopped", "not run"},
    "import-the-answer": {"ImportError", "ModuleNotFoundError"},
    "forbidden-package": {"ImportError", "ModuleNotFoundError"},
    "forbidden-package-unhidden": {"ImportError", "ModuleNotFoundError"},
    "forbidden-package-by-file": {"ImportError", "ModuleNotFoundError"},
    "endless-ranges": {"not run", "not called"},
    "reply-before-the-question": {"not called"},
    "forged-cell-reply-of-no-form": {"[[[]]]"},  # the forged reply itself
    "broken-text": {"ValueError"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["A1", "A9"])
def test_each_attack_reaches_its_payload(name, monkeypatch, tmp_path):
    """Its cells run to their end, its answers are called, but for those that are meant to end otherwise."""
    about = assignment.load(SOLUTIONS / name)
    found = missed(about, redteam.cases().values(), tmp_path, monkeypatch)
    assert len(found) >= 200
    unexpected = {case: told for case, told in found.items() if not set(told.values()) <= ENDS.get(case, set())}
    assert not unexpected


def test_a_slice_of_the_red_team_wins_nothing_and_harms_nobody():
    report = redteam.run_redteam("A1", only=SLICE)
    assert totals(report) == ZERO, told(report)
    assert report.held


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_few_attacks_on_every_other_assignment(name, monkeypatch):
    monkeypatch.setattr(redteam, "WITNESSES", 1)
    report = redteam.run_redteam(name, only=FEW)
    assert totals(report) == ZERO, told(report)
    assert {f.case.name for f in report.found} == set(FEW)


def test_the_command_attacks_one_assignment_or_all(monkeypatch):
    def run(name, only, on_start, on_case, unsafe):
        on_start(1)
        on_case(only[0])
        fault = ("A2 has a fault.",) if name == "A2" else ()
        return redteam.Report((), fault, {"magics": "magic"})

    monkeypatch.setattr(redteam, "run_redteam", run)
    monkeypatch.setattr(cli, "_names", lambda solutions: ["A1", "A2"])
    one = CliRunner().invoke(cli.main, ["redteam", "A1", "--only", "crlf", "--json"])
    every = CliRunner().invoke(cli.main, ["redteam", "--all", "--only", "crlf", "--json"])
    assert one.exit_code == 0 and json.loads(one.stdout)["left_out"] == {"magics": "magic"}
    assert every.exit_code == 1
    assert json.loads(every.stdout)["assignments"]["A1"] == json.loads(one.stdout)
    assert json.loads(every.stdout)["assignments"]["A2"]["others_affected"] == 1
    assert CliRunner().invoke(cli.main, ["redteam"]).exit_code == 2
    assert "A1 lacks: magic." in CliRunner().invoke(cli.main, ["redteam", "A1", "--only", "crlf"]).output


def everything(points):
    """A faulty judge, by which all tests get all of their points, or none."""

    def judge(cell, exercise, error, value, limits):
        given = cell.points if points else 0.0
        return TestResult(cell.name, exercise, given, cell.points, "passed" if points else "failed")

    return judge


@pytest.mark.slow
def test_a_judge_that_passes_everything_is_seen(monkeypatch):
    monkeypatch.setattr(examine, "judge", everything(True))
    report = redteam.run_redteam("A1", only=["equal-to-everything"])
    assert totals(report) == ZERO | {"unearned_points": 20}


@pytest.mark.slow
def test_a_judge_that_fails_everything_is_seen(monkeypatch):
    monkeypatch.setattr(examine, "judge", everything(False))
    found = totals(redteam.run_redteam("A1", only=["crlf"]))
    assert found == ZERO | {"honest_zeroed": 1, "others_affected": redteam.WITNESSES}


@pytest.mark.slow
def test_a_page_that_shows_a_solution_is_seen(monkeypatch):
    honest = feedback.feedback_page

    def leaking(master, *rest):
        return honest(master, *rest) + "".join(c.source for c in master.cells)

    monkeypatch.setattr(feedback, "feedback_page", leaking)
    report = redteam.run_redteam("A1", only=["nothing-done"])
    assert totals(report)["secrets_read"] >= 14  # 8 solutions and 7 hidden tests, one of them without a canary at most
    assert "came back in the feedback" in report.found[0].reason


@pytest.mark.slow
def test_effects_that_a_submission_tells_of_are_counted(tmp_path):
    (tmp_path / "case.py").write_text(
        "from autograde.redteam import case\n\n\n"
        "@case('tells')\n"
        "def tells(task):\n"
        "    return task.filled(last=\"print('redteam-' + 'escaped: a test of the count')\")\n"
    )
    report = redteam.run_redteam("A1", only=["tells"], folder=tmp_path)
    assert totals(report) == ZERO | {"effects_outside": 1}
    assert report.found[0].verdict == "lost ground"


def test_unknown_cases_and_a_whole_run_without_a_sandbox_are_refused():
    with pytest.raises(redteam.AutogradeError, match="has no case 'no-such'"):
        redteam.run_redteam("A1", only=["no-such"])
    with pytest.raises(redteam.AutogradeError, match="would harm this machine"):
        redteam.run_redteam("A1", unsafe=True)
