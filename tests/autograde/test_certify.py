"""The certificate, and faults planted in an assignment that it must find."""

import shutil

import pytest

from autograde import assignment as assignments
from autograde.assignment import with_answers
from autograde.build import checks_text
from autograde.certify import certify
from autograde.runner import run


@pytest.fixture(scope="module")
def a1(root):
    return assignments.load(root / "solutions" / "A1")


@pytest.fixture
def folder(root, tmp_path):
    shutil.copytree(root / "solutions" / "A1", tmp_path / "A1")
    return tmp_path / "A1"


def only(found, exercise, *names):
    """The assignment with one exercise's bank cut down to the named answers, and the other banks empty."""
    from dataclasses import replace

    keep = [
        replace(e, answers=tuple(a for a in e.answers if e.id == exercise and a.name in names)) for e in found.exercises
    ]
    return replace(found, exercises=tuple(keep))


def test_a1_is_certified(a1):
    summary = certify(a1).summary()
    assert summary["reference_score"] == summary["max_score"] == 20
    assert summary["release_score"] == 0
    assert summary["killed"] == summary["diagnosed"] == summary["mutants"] >= 3 * summary["exercises"]
    assert summary["passed"] == summary["alternatives"] >= 2 * summary["exercises"]
    assert summary["valid"]


def test_checks_file_is_what_reference_and_bank_give(a1):
    stored = (a1.folder / "A1.checks.json").read_text(encoding="utf-8")
    assert stored == checks_text(a1), "run: autograde build A1, then nbgrader generate_assignment A1 --force"


def planted(folder, old, new, file="A1.ipynb"):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return assignments.load(folder)


def test_a_check_that_accepts_anything_is_found(folder):
    found = planted(folder, 'check.call(\\"layer(x, W, bias)\\", layer, x, W, bias)', "pass")
    found = planted(folder, 'check.hidden(\\"layer ', 'print(\\"layer ')
    cases = certify(only(found, "layer", "zeros")).of("wrong")
    assert [c.ok for c in cases] == [False]


def test_a_check_that_stops_a_right_answer_is_found(folder):
    found = planted(
        folder, "### BEGIN HIDDEN TESTS\\n", "### BEGIN HIDDEN TESTS\\nassert layer.__code__.co_argcount == 3\\n"
    )
    starred = "def layer(*a):\n    x, W, bias = a\n    sums = []"
    found = planted(folder, "def layer(x, W, bias):\n    sums = []", starred, "bank/layer.py")
    cases = certify(only(found, "layer", "loops")).of("right")
    assert [c.ok for c in cases] == [False]


def test_a_wrong_reference_is_found(folder):
    found = planted(folder, "return x @ W.T - bias\\n", "return x @ W.T + bias\\n")
    certificate = certify(only(found, "layer"))
    assert not certificate.of("reference")[0].ok and not certificate.valid


def test_a_misconception_that_is_not_told_is_found(folder):
    found = planted(folder, "# The threshold is missing.", "# Something else is said.", "bank/layer.py")
    (case,) = certify(only(found, "layer", "bias forgotten")).of("wrong")
    assert case.ok and not case.diagnosed


def test_memorising_the_visible_checks_earns_nothing(a1):
    """An answer that knows every visible expected value, and nothing else, fails the hidden tests of each exercise."""
    for exercise, function in (("layer", "layer"), ("log-loss-backward", "log_loss_backward")):
        memorised = (
            "from edfcore.teach import checks as _c\n"
            "_values = [_c.decode(v['expected']) for k, v in check.table['checks'].items()"
            f" if k.startswith('{function}(')]\n"
            f"def {function}(*a):\n    return _values.pop(0) if _values else np.zeros(1)"
        )
        found = run(with_answers(a1.notebook, {exercise: memorised}), a1.folder)
        subject = next(e for e in a1.exercises if e.id == exercise)
        assert found.scores(a1)[exercise] == 0
        assert "A hidden test fails. Its category:" in found.message(subject)


def test_a_crash_and_an_endless_loop_cost_their_run_only(a1):
    crash = with_answers(a1.notebook, {"layer": "import os\nos._exit(3)"})
    endless = with_answers(a1.notebook, {"layer": "while True: pass"})
    for notebook in (crash, endless):
        found = run(notebook, a1.folder, limit=5)
        assert sum(found.scores(a1).values()) == 0
        assert found.cells[-1].error == "Stopped"


def test_exit_in_an_answer_costs_that_exercise_only(a1):
    found = run(with_answers(a1.notebook, {"layer": "def layer(x, W, bias):\n    raise SystemExit"}), a1.folder)
    assert found.scores(a1) | {"layer": 2} == {e.id: e.points for e in a1.exercises}
    assert found.scores(a1)["layer"] == 0
