"""The red team wins nothing and harms nobody; and what it would win is seen, where the grader has a fault."""

import re
from pathlib import Path

import pytest

from autograde import examine, feedback, redteam
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


def test_there_are_ninety_cases_that_say_what_they_deserve():
    cases = redteam.cases().values()
    assert len(cases) >= 90
    assert all(c.earned_min <= c.earned_max <= 20 for c in cases)
    assert all(c.earned_min == c.earned_max for c in cases if c.kind == "accident")
    assert sum(c.kind == "accident" for c in cases) >= 40


def test_a_slice_of_the_red_team_wins_nothing_and_harms_nobody():
    report = redteam.run_redteam("A1", only=SLICE)
    assert totals(report) == ZERO, told(report)
    assert report.held


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
        "from autograde.redteam import case, filled\n\n\n"
        "@case('tells')\n"
        "def tells(blank, right):\n"
        "    return filled(blank, last=\"print('redteam-' + 'escaped: a test of the count')\")\n"
    )
    report = redteam.run_redteam("A1", only=["tells"], folder=tmp_path)
    assert totals(report) == ZERO | {"effects_outside": 1}
    assert report.found[0].verdict == "lost ground"


def test_unknown_cases_and_a_whole_run_without_a_sandbox_are_refused():
    with pytest.raises(redteam.AutogradeError, match="has no case 'no-such'"):
        redteam.run_redteam("A1", only=["no-such"])
    with pytest.raises(redteam.AutogradeError, match="would harm this machine"):
        redteam.run_redteam("A1", unsafe=True)
