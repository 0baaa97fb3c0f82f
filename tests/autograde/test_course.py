"""The whole path: release, hand in, grade, a person's marks, feedback, export, validate."""

import csv
import json
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograde.course import Course, reference_answers, sample_class
from edfcore.execute import check_notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = Course(tmp_path_factory.mktemp("course"))
    course.release()
    for student, sources in sample_class(course.assignment).items():
        course.submit(student, sources)
    course.grade()
    return course


@pytest.fixture(scope="module")
def grades(course):
    return {g.student: g for g in course.grades()}


def test_reference_gets_full_marks(grades):
    assert grades["ada"].auto_score == grades["ada"].max_auto_score == 20


def test_right_answers_in_other_styles_get_full_marks(grades):
    assert grades["bashir"].auto_score == 20


def test_untouched_release_gets_nothing(grades):
    assert grades["fen"].auto_score == 0


def test_return_none_everywhere_gets_nothing(grades):
    assert grades["emeka"].auto_score == 0


def test_a_slip_costs_its_exercise_and_no_other(course, grades):
    expected = {e.id: e.points for e in course.assignment.exercises}
    expected |= {"layer-backward": 0, "sigmoid": 0, "log-loss-backward": 0}
    assert grades["chiara"].points == expected


def test_half_a_notebook_gets_its_half(course, grades):
    assert grades["dmitri"].points == {
        e.id: e.points if e.id in ("layer", "layer-backward", "sigmoid") else 0 for e in course.assignment.exercises
    }


def test_the_written_question_waits_for_a_person_and_then_counts(course, grades):
    assert grades["ada"].needs_person and not grades["fen"].needs_person
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        grade = gradebook.find_grade("written", "A1", "A1", "ada")
        assert grade.score == 0 and grade.max_score == 4
        grade.manual_score, grade.needs_manual_grade = 3, False
        gradebook.db.commit()
        assert gradebook.find_submission("A1", "ada").score == 23


def test_each_student_gets_a_page_that_names_the_slip(course):
    pages = {p.parent.parent.name: p.read_text() for p in (course.root / "feedback").glob("*/A1/A1.html")}
    assert set(pages) == set(sample_class(course.assignment))
    assert "h_grad, is forgotten" in pages["chiara"]
    assert "h_grad, is forgotten" not in pages["ada"]


def test_the_report_tells_difficulty_untouched_exercises_and_misconceptions(course):
    done = subprocess.run(
        [sys.executable, "-m", "autograde.cli", "report", "A1", "--json", "--html", "report.html"],
        cwd=course.root, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    items = {item["name"]: item for item in found["items"]}
    assert found["students"] == 6 and items["layer"]["points"] == 2
    assert items["layer"]["difficulty"] == pytest.approx(4 / 6)  # emeka and fen have nothing
    assert items["layer"]["untouched"] == 1 and items["train"]["untouched"] == 2  # fen; and dmitri, who stopped half way
    assert items["layer-backward"]["misconceptions"] == {"nothing returned": 1, "upstream forgotten": 1}
    assert items["layer"]["discrimination"] > 0.5
    page = (course.root / "report.html").read_text(encoding="utf-8")
    assert "upstream forgotten" in page and "<script" not in page
    table = subprocess.run(
        [sys.executable, "-m", "autograde.cli", "report", "A1"], cwd=course.root, capture_output=True, text=True
    ).stdout
    assert "layer-backward: upstream forgotten" in table


def test_grades_are_exported(course):
    course.nbgrader("export", "--to", "grades.csv")
    with open(course.root / "grades.csv") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows["ada"]["score"]) == 23 and float(rows["ada"]["max_score"]) == 24
    assert rows["chiara"]["score"] == "" and rows["chiara"]["needs_person"] == "1"  # the written question waits
    assert float(rows["chiara"]["auto_score"]) == 11 and float(rows["fen"]["score"]) == 0


def test_validate_and_edf_check_agree(course):
    for student, right in (("ada", True), ("fen", False), ("chiara", False)):
        path = course.root / "submitted" / student / "A1" / "A1.ipynb"
        assert ("passes all the tests" in course.nbgrader("validate", str(path))) == right
        assert check_notebook(path).right == right


@pytest.mark.slow
def test_the_readme_s_term_runs_in_a_clone_that_holds_the_release(root, tmp_path):
    """Word for word, for one student whose answer also writes to stderr, which costs nothing."""
    shutil.copytree(root / "assignments", tmp_path / "assignments")
    clone = Course(tmp_path)
    block = (root / "solutions" / "README.md").read_text(encoding="utf-8").split("## A term\n")[1]
    lines = [line.split("#")[0].split() for line in block.splitlines() if line.startswith("    nbgrader ")]
    assert [line[1] for line in lines] == ["generate_assignment", "autograde", "generate_feedback", "export"]
    clone.nbgrader(*lines[0][1:])
    noisy = reference_answers(clone.assignment)
    noisy["layer"] += "\nimport sys\nprint('working', file=sys.stderr)"
    noisy["layer"] = noisy["layer"].replace("return x", "print('working', file=__import__('sys').stderr)\n    return x")
    clone.submit("gul", noisy)
    for line in lines[1:]:
        clone.nbgrader(*line[1:])
    assert clone.grades()[0].auto_score == 20
    assert "gul" in (tmp_path / "grades.csv").read_text(encoding="utf-8")


def test_nothing_of_the_solutions_reaches_students(course):
    released = sorted(p.name for p in (course.root / "assignments" / "A1").rglob("*"))
    assert released == ["A1.checks.json", "A1.ipynb"]
    text = (course.root / "assignments" / "A1" / "A1.checks.json").read_text()
    assert "def " not in text and "np." not in text


def test_assignments_folder_is_what_generation_gives(course, root):
    for fresh in sorted((course.root / "assignments" / "A1").iterdir()):
        stored = root / "assignments" / "A1" / fresh.name
        assert json.loads(stored.read_text()) == json.loads(fresh.read_text()), f"regenerate {stored}"


def edf_check(path):
    command = [sys.executable, "-m", "edfcore.cli", "check", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_edf_check_tells_the_state_of_each_exercise(course):
    code, report = edf_check(course.root / "submitted" / "dmitri" / "A1" / "A1.ipynb")
    assert code == 1
    assert [row["state"] for row in report["checks"]] == ["right"] * 3 + ["open"] * 4 + ["person"]


@pytest.fixture
def own(course, tmp_path):
    """A copy of the reference hand-in that a test may damage: a function from (cell id, new source) to its path."""
    source = course.root / "submitted" / "ada" / "A1"
    (tmp_path / "A1.checks.json").write_text((source / "A1.checks.json").read_text(encoding="utf-8"), encoding="utf-8")

    def damaged(cell_id=None, text=None, name="A1.ipynb"):
        notebook = nbformat.read(source / "A1.ipynb", as_version=4)
        for cell in [c for c in notebook.cells if c.id == cell_id]:
            if text is None:
                notebook.cells.remove(cell)
            else:
                cell.source = text
        nbformat.write(notebook, tmp_path / name)
        return tmp_path / name

    return damaged


def test_edf_check_is_content_with_the_reference(own):
    code, report = edf_check(own())
    assert code == 0 and report["right"] and not report["warnings"]


def test_edf_check_blames_the_cell_that_fails_and_not_its_echo(own):
    code, report = edf_check(own("layer", "def layer(x, W, bias)\n    return x @ W.T - bias"))
    told = report["checks"][0]["message"]
    assert code == 1 and told.startswith("the cell 'layer' fails: SyntaxError") and "(line 1 of the cell)" in told
    assert all(row["right"] for row in report["checks"][1:])


def test_edf_check_says_when_a_check_cell_was_changed(own):
    _, report = edf_check(own("layer-test", "print('right')"))
    assert not report["right"] and "'layer-test' was changed" in report["warnings"][0]


def test_edf_check_says_when_a_helper_cell_was_changed(own):
    _, report = edf_check(own("setup", "import numpy as np\ncheck = lambda *a, **k: None"))
    assert not report["right"] and "'setup' was changed" in " ".join(report["warnings"])


def test_edf_check_misses_a_deleted_check_cell(own):
    _, report = edf_check(own("layer-test"))
    assert not report["right"] and "missing: layer-test" in report["warnings"][0]


def test_edf_check_says_under_which_name_to_hand_in(own):
    _, report = edf_check(own(name="A1 final.ipynb"))
    assert "hand it in as A1.ipynb" in report["warnings"][0]


def test_edf_check_tells_once_which_file_is_missing(own, tmp_path):
    path = own()
    (tmp_path / "A1.checks.json").unlink()
    _, report = edf_check(path)
    told = " ".join([*report["warnings"], *(row["message"] for row in report["checks"])])
    assert told.count("A1.checks.json is missing") == 1


def test_a_check_names_the_shapes_when_the_answer_itself_fails(own):
    _, report = edf_check(own("layer", "def layer(x, W, bias):\n    return x @ W - bias"))
    error, where, called = report["checks"][0]["message"].splitlines()
    assert error.startswith("ValueError") and where == "line 2 of the cell, in layer."
    assert "was called with" in called


def test_an_argument_changed_in_place_is_told(own):
    _, report = edf_check(own("layer", "def layer(x, W, bias):\n    bias *= -1\n    return x @ W.T + bias"))
    assert "argument 3 was changed in place" in report["checks"][0]["message"]


@pytest.mark.slow
def test_demo_shows_the_whole_path(tmp_path, root):
    command = [sys.executable, "-m", "edfcore.cli", "demo", "--json", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["test_error"] <= 0.025
    assert {name: g["total"] for name, g in found["grades"].items()} == {
        "ada": 20, "bashir": 20, "chiara": 11, "dmitri": 8, "emeka": 0, "fen": 0,
    }  # fmt: skip
    assert len(list((tmp_path / "course" / "feedback").glob("*/A1/A1.html"))) == 6


def test_edf_check_says_what_is_absent_while_work_is_graded(own):
    """The answer is right here, and would earn nothing: the grading build lacks what would give it away."""
    source = "import edfcore as edf\n\n\ndef layer(x, W, bias):\n    edf.VDot\n    return x @ W.T - bias"
    _, report = edf_check(own("layer", source))
    row = report["checks"][0]
    assert row["cell"] == "layer-test" and row["state"] == "wrong"
    assert row["message"] == "right here, but edfcore.VDot is not there while work is graded: do without it."
