"""The certificate, and faults planted in an assignment that it must find."""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from autograde import assignment as assignments
from autograde.assignment import with_answers
from autograde.certify import certify, draw
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


def planted(folder, old, new, file="A1.ipynb"):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return assignments.load(folder)


@pytest.mark.slow
def test_a_check_that_accepts_anything_is_found(folder):
    found = planted(folder, 'check.call(\\"layer(x, W, bias)\\", layer, x, W, bias)', "pass")
    found = planted(folder, 'check.hidden(\\"layer ', '(lambda *a, **k: None)(\\"layer ')
    cases = certify(only(found, "layer", "zeros")).of("wrong")
    assert [c.ok for c in cases] == [False]


@pytest.mark.slow
def test_a_check_that_stops_a_right_answer_is_found(folder):
    found = planted(
        folder, "### BEGIN HIDDEN TESTS\\n", "### BEGIN HIDDEN TESTS\\nassert layer.__code__.co_argcount == 3\\n"
    )
    starred = "def layer(*a):\n    x, W, bias = a\n    sums = []"
    found = planted(folder, "def layer(x, W, bias):\n    sums = []", starred, "bank/layer.py")
    cases = certify(only(found, "layer", "loops")).of("right")
    assert [c.ok for c in cases] == [False]


@pytest.mark.slow
def test_a_wrong_reference_is_found(folder):
    found = planted(folder, "return x @ W.T - bias\\n", "return x @ W.T + bias\\n")
    certificate = certify(only(found, "layer"))
    assert not certificate.of("reference")[0].ok and not certificate.valid


@pytest.mark.slow
def test_a_misconception_that_is_not_told_is_found(folder):
    found = planted(folder, "wrong: bias forgotten", "wrong: something new", "bank/layer.py")
    (case,) = certify(only(found, "layer", "something new")).of("wrong")
    assert case.ok and not case.diagnosed


def test_a_test_that_depends_on_the_draw_is_found(folder):
    """One draw of ten stops every answer, another one lets every answer pass."""
    hidden = "### BEGIN HIDDEN TESTS\\n"
    luck = 'luck = check.rng(\\"luck\\").integers(10)\\n'
    found = planted(folder, hidden, f'{hidden}{luck}assert luck != 3\\nif luck == 5: check.hidden = lambda *a, **k: None\\n')
    found = only(found, "layer", "loops", "bias added")
    assert list(draw(found, 0)) == []
    odd = [one for some in draw(found, 60) for one in some]
    assert {(one.name, one.score, one.deserved) for one in odd} == {("loops", 0, 2), ("bias added", 2, 0)}
    assert len({one.draw for one in odd}) < 30


def test_missing_hidden_tests_are_found(folder):
    path = folder / "A1.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = re.sub(r"### BEGIN HIDDEN TESTS.*### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
    nbformat.write(notebook, path)
    certificate = certify(only(assignments.load(folder), "layer", "zeros", "bias added"))
    assert [c.ok for c in certificate.of("wrong")] == [True, True]
    assert [c.hidden for c in certificate.of("wrong")] == [False, False] and not certificate.valid


def test_a_test_cell_that_ends_in_a_value_is_found(folder):
    """nbgrader takes such a value for partial credit."""
    found = assignments.load(folder)
    cell = next(c for c in found.notebook.cells if c.id == "layer-test")
    cell.source += "\n2.5"
    certificate = certify(only(found, "layer"))
    assert not certificate.of("reference")[0].ok


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
        assert "A hidden test fails. Its category:" in found.failure(subject).message


@pytest.mark.slow
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


def autograde(*args, cwd=None):
    command = [sys.executable, "-m", "autograde.cli", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
def test_command_certifies_and_exits_with_1_where_the_certificate_is_not_valid(folder):
    for exercise in ("layer-backward", "sigmoid", "log-loss", "log-loss-backward", "mean-loss", "train"):
        path = folder / "bank" / f"{exercise}.py"
        sections = re.split(r"(?m)^(?=# %% )", path.read_text(encoding="utf-8"))
        kept = [s for s in sections if "wrong" in s[:12]][:6] + [s for s in sections if "right" in s[:12]][:3]
        path.write_text("".join(kept), encoding="utf-8")
    done = autograde("certify", "A1", "--json", "--solutions", str(folder.parent))
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["valid"] and report["killed_by_hidden_tests"] == report["mutants"]
    planted(folder, "wrong: bias forgotten", "wrong: a new name", "bank/layer.py")
    done = autograde("certify", "A1", "--solutions", str(folder.parent))
    assert done.returncode == 1 and "misconception is not told" in done.stdout


@pytest.mark.parametrize("command", ["build", "certify"])
def test_what_cannot_be_done_is_a_sentence_and_exit_code_2(command, root):
    done = autograde(command, "A99", cwd=root)
    assert done.returncode == 2 and "There are: A1" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["", "build", "certify"])
def test_help_says_what_the_command_does(command):
    done = autograde(*command.split(), "--help")
    assert done.returncode == 0 and len(done.stdout) > 200
