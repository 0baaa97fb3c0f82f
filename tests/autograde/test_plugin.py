"""nbgrader's own command and button with the isolated executor: same grades, contained failures, no link followed."""

import csv
import logging
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from autograde import plugin
from autograde.assignment import grade_id, with_answers
from autograde.course import Course, sample_class
from autograde.examine import examine, seed_for
from autograde.plan import make_plan, master_from_assignment
from autograde.plugin import IsolatedAutograde, IsolatedExecute, master_from_gradebook, write_new
from autograde.read import read_notebook
from autograde.result import Result, TestResult
from autograde.warm import Warm

HIDDEN = "assert double(21) == 42, 'a secret of the hidden test'"
WHOLE = "def double(x):\n    return 2 * x"
sandbox = pytest.mark.sandbox


def mark(name, **flags):
    return {"nbgrader": {"grade_id": name, "schema_version": 3, "locked": False, "grade": False, "solution": False,
                         "task": False} | flags}  # fmt: skip


def source():
    """One answer with two tests, one written question, and cells without a name that the tests need."""
    answer = "### BEGIN SOLUTION\n" + WHOLE + "\n### END SOLUTION"
    hidden = f"assert double(4) == ten - 2\n### BEGIN HIDDEN TESTS\n{HIDDEN}\n### END HIDDEN TESTS"
    tested = {"grade": True, "locked": True}
    cells = [
        new_markdown_cell("# Doubles"),
        new_code_cell("ten = 10"),
        new_code_cell(answer, metadata=mark("double", solution=True)),
        new_code_cell("assert double(1) == 2", metadata=mark("visible", points=1, **tested)),
        new_code_cell(hidden, metadata=mark("hidden", points=2, **tested)),
        new_markdown_cell("Why?", metadata=mark("why", points=3, grade=True, solution=True)),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course directory in which ps1 is released."""
    root = tmp_path_factory.mktemp("tiny")
    (root / "source" / "ps1").mkdir(parents=True)
    nbformat.write(source(), root / "source" / "ps1" / "ps1.ipynb")
    (root / "source" / "ps1" / "data.csv").write_text("1,2\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", sysconfig.get_path("scripts") + os.pathsep + os.environ["PATH"])
        converter = GenerateAssignment(coursedir=coursedir(root))
        converter.create_assignment = True
        converter.start()
    return root


@pytest.fixture
def course(released, tmp_path):
    """A copy of it that a test may change."""
    shutil.copytree(released, tmp_path, dirs_exist_ok=True)
    return tmp_path


def coursedir(root):
    return CourseDirectory(root=str(root), assignment_id="ps1", db_url=f"sqlite:///{root}/gradebook.db")


def hand_in(root, student, answer=WHOLE, change=lambda notebook: None, why=None):
    folder = root / "submitted" / student / "ps1"
    folder.mkdir(parents=True, exist_ok=True)
    notebook = nbformat.read(root / "release" / "ps1" / "ps1.ipynb", as_version=4)
    notebook = with_answers(notebook, {"double": answer} | ({"why": why} if why else {}))
    change(notebook)
    (folder / "ps1.ipynb").write_text(nbformat.writes(notebook))
    return folder


def run(root, force=True, **config):
    converter = IsolatedAutograde(coursedir=coursedir(root), config=Config(config))
    converter.force = force
    converter.start()


def scores(root, student):
    """(automatic score, a person's, whether it waits) by cell, and the comments by cell."""
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        notebook = gradebook.find_submission_notebook("ps1", "ps1", student)
        grades = {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in notebook.grades}
        return grades, {c.name: c.comment for c in notebook.comments}


def autograded(root, student):
    return root / "autograded" / student / "ps1" / "ps1.ipynb"


@pytest.fixture
def examined(monkeypatch):
    """Replaces the examination: a function that sets what it finds, from test cell to (points, verdict, message)."""
    found = {}

    def fake(master, plan, warm, **_):
        about = (master.assignment, master.notebook, plan.student, plan.digest, master.digest, "key")
        if plan.needs_person:
            return Result(*about, "isolated", needs_person=plan.needs_person)
        verdicts = found.get(plan.student, found.get("everybody", {}))
        if isinstance(verdicts, str):
            return Result(*about, "isolated", needs_person=verdicts)
        most = {c.name: c.points for c in master.cells}
        tests = [TestResult(n, None, p, most[n], v, message=m) for n, (p, v, m) in verdicts.items()]
        return Result(*about, "unsafe" if warm.unsafe else "isolated", tests=tuple(tests))

    monkeypatch.setattr(plugin, "examine", fake)
    monkeypatch.setattr(plugin, "why_not", lambda: None)
    return found


RIGHT = {"visible": (1.0, "passed", ""), "hidden": (2.0, "passed", "")}


# --- the master from the gradebook -----------------------------------------------------------------------------------


def from_gradebook(root, **frames):
    with Gradebook(f"sqlite:///{root}/gradebook.db") as gradebook:
        return master_from_gradebook(gradebook, "ps1", "ps1", **frames)


def frame(root, step):
    return nbformat.read(root / step / "ps1" / "ps1.ipynb", as_version=4)


def test_the_gradebook_s_master_has_kinds_points_and_hidden_tests(released):
    master = from_gradebook(released, source=frame(released, "source"), released=frame(released, "release"))
    assert [c.kind for c in master.cells] == ["text", "locked", "answer", "test", "test", "written"]
    assert {c.name: c.points for c in master.cells if c.points} == {"visible": 1, "hidden": 2, "why": 3}
    hidden = master.cells[4]
    assert HIDDEN in hidden.source and HIDDEN not in hidden.released
    assert master.cells[2].binds == {"double"} and "return 2 * x" not in master.cells[2].released


def test_without_any_notebook_its_named_cells_are_still_there(released):
    master = from_gradebook(released)
    assert {c.name for c in master.cells} == {"double", "visible", "hidden", "why"}
    assert master.metadata["kernelspec"]["name"] == "python3"


def test_hidden_tests_are_those_of_the_gradebook_and_not_of_a_source_edited_since(released):
    edited = frame(released, "source")
    edited.cells[4].source = "pass"
    assert HIDDEN in from_gradebook(released, source=edited).cells[4].source


def test_a_source_with_other_cells_gives_no_order(released):
    other = frame(released, "source")
    del other.cells[4]
    assert "hidden" in {c.name for c in from_gradebook(released, source=other).cells}


def test_a_notebook_in_another_language_is_refused(released):
    frame_ = frame(released, "source")
    with Gradebook(f"sqlite:///{released}/gradebook.db") as gradebook:
        gradebook.find_notebook("ps1", "ps1").kernelspec = '{"name": "ir", "language": "R"}'
        with pytest.raises(plugin.AutogradeError, match="is in R; only Python"):
            master_from_gradebook(gradebook, "ps1", "ps1", source=frame_)


def test_an_unknown_notebook_is_told_with_the_command_that_makes_it(released):
    with Gradebook(f"sqlite:///{released}/gradebook.db") as gradebook:
        with pytest.raises(plugin.AutogradeError, match="nbgrader generate_assignment ps1"):
            master_from_gradebook(gradebook, "ps1", "ps2")


# --- the sandbox -----------------------------------------------------------------------------------------------------


@sandbox
def test_a_class_is_graded_each_by_what_they_did(course):
    """Right, wrong, half right and a forged verdict; a copied and a damaged test cell; warnings on stderr."""
    forged = WHOLE.replace("2 * x", "0") + "\nimport IPython\nIPython.core.interactiveshell.InteractiveShell." \
        "showtraceback = None\nclass Always(int):\n    __eq__ = lambda self, other: True\n"  # fmt: skip
    hand_in(course, "ada")
    hand_in(course, "ben", WHOLE.replace("2 * x", "x + 1"))
    hand_in(course, "cem", forged)
    hand_in(course, "dora", WHOLE, lambda nb: nb.cells.append(nb.cells[3]))
    hand_in(course, "eve", WHOLE, lambda nb: nb.cells[3].update(source="pass", metadata=mark("visible", points=99)))
    hand_in(course, "fay", WHOLE + "\nimport sys\nprint('careful', file=sys.stderr)", why="Because.")
    run(course)
    assert {s: [scores(course, s)[0][n][0] for n in ("visible", "hidden")] for s in ("ada", "ben", "cem", "dora")} == {
        "ada": [1, 2], "ben": [1, 0], "cem": [0, 0], "dora": [1, 2]}  # fmt: skip
    assert scores(course, "eve")[0]["visible"] == (1, None, False)
    assert scores(course, "fay")[0] == {
        "visible": (1, None, False),
        "hidden": (2, None, False),
        "why": (None, None, True),
    }
    assert scores(course, "ada")[0]["why"] == (0, None, False) and scores(course, "ada")[1]["why"] == "No response."


@sandbox
def test_the_instructor_s_files_are_there_and_the_student_s_copies_of_them_are_not(course):
    folder = hand_in(course, "ada", WHOLE + "\nassert open('data.csv').read() == '1,2\\n'\n" + WHOLE)
    (folder / "data.csv").write_text("forged")
    run(course)
    assert scores(course, "ada")[0]["hidden"][0] == 2
    assert (course / "autograded" / "ada" / "ps1" / "data.csv").read_text() == "1,2\n"


# --- points and verdicts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verdicts",
    [
        {"visible": (1.0, "passed", ""), "hidden": (0.5, "partial", "")},
        {"visible": (0.0, "failed", "no"), "hidden": (2.0, "passed", "")},
        {"visible": (1.0, "passed", ""), "hidden": (1 / 3, "partial", "")},
    ],
)
def test_the_gradebook_has_exactly_the_points_of_the_result(course, examined, verdicts):
    hand_in(course, "ada")
    examined["everybody"] = verdicts
    run(course)
    grades, _ = scores(course, "ada")
    assert {n: grades[n] for n in verdicts} == {n: (points, None, False) for n, (points, _, _) in verdicts.items()}


def test_a_test_without_a_verdict_waits_for_a_person_and_the_others_count(course, examined):
    hand_in(course, "ada")
    examined["everybody"] = RIGHT | {"hidden": (None, "unexamined", "The lights went out.")}
    run(course)
    grades, comments = scores(course, "ada")
    assert grades["visible"] == (1, None, False) and grades["hidden"] == (None, None, True)
    assert "The lights went out." in comments["double"]


def test_another_notebook_waits_for_a_person_who_finds_it(course, examined):
    hand_in(course, "ada", change=lambda nb: nb.update(cells=[new_code_cell("print('homework of another course')")]))
    examined["everybody"] = RIGHT
    run(course)
    grades, comments = scores(course, "ada")
    assert {g[0] for g in grades.values()} == {None} and all(g[2] for g in grades.values())
    assert "another notebook" in comments["double"]
    assert "another course" in autograded(course, "ada").read_text()


def test_not_running_leaves_everything_to_a_person(course, examined):
    hand_in(course, "ada", change=lambda nb: nb.cells[3].update(outputs=[]))
    run(course, Execute={"enabled": False})
    grades, comments = scores(course, "ada")
    assert grades["visible"] == grades["hidden"] == (None, None, True) and "--no-execute" in comments["double"]


def test_the_students_own_outputs_never_count(course, examined):
    said = nbformat.v4.new_output("execute_result", {"text/plain": "2.0"})
    hand_in(course, "ada", change=lambda nb: nb.cells[4].update(outputs=[said], metadata=nb.cells[4].metadata))
    examined["everybody"] = RIGHT | {"hidden": (0.0, "failed", "no")}
    run(course)
    assert scores(course, "ada")[0]["hidden"][0] == 0


def test_autograded_holds_the_hidden_tests_for_the_instructor(course, examined):
    hand_in(course, "ada")
    examined["everybody"] = RIGHT
    run(course)
    notebook = nbformat.read(autograded(course, "ada"), as_version=4)
    (cell,) = [c for c in notebook.cells if grade_id(c) == "hidden"]
    assert HIDDEN in cell.source


def test_a_person_s_marks_and_extra_credit_outlast_a_regrade(course, examined):
    hand_in(course, "ada", why="Because.")
    examined["everybody"] = RIGHT
    run(course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("why", "ps1", "ps1", "ada")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 2.5, 1.0, False
        gradebook.find_comment("why", "ps1", "ps1", "ada").manual_comment = "Nearly."
        gradebook.db.commit()
    run(course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        grade = gradebook.find_grade("why", "ps1", "ps1", "ada")
        assert (grade.manual_score, grade.extra_credit, grade.score) == (2.5, 1.0, 3.5)
        assert gradebook.find_comment("why", "ps1", "ps1", "ada").comment == "Nearly."
        assert gradebook.find_submission("ps1", "ada").score == 6.5


def test_late_work_pays_the_plugin_s_penalty(course, examined):
    from nbgrader.plugins import BasePlugin

    class PointAnHour(BasePlugin):
        def late_submission_penalty(self, student_id, score, total_seconds_late):
            return int(total_seconds_late / 3600)

    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment("ps1", duedate="2026-03-01 12:00 UTC")
    for student, time in (("early", "11:00"), ("late", "14:00")):
        (hand_in(course, student) / "timestamp.txt").write_text(f"2026-03-01 {time} UTC")
    examined["everybody"] = RIGHT
    run(course, AssignLatePenalties={"plugin_class": PointAnHour})
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        penalty = {
            s: gradebook.find_submission("ps1", s).notebooks[0].late_submission_penalty for s in ("early", "late")
        }
        assert penalty == {"early": None, "late": 2}


# --- failures stay where they are ------------------------------------------------------------------------------------


def test_what_stops_stock_nbgrader_stops_nobody(course, examined):
    """Copied cells, schemas too old and too new, no notebook, a damaged one: those who come after are graded."""
    hand_in(course, "a-copied", change=lambda nb: nb.cells.insert(3, nb.cells[3]))
    hand_in(course, "b-old", change=lambda nb: nb.cells[3].metadata.nbgrader.update(schema_version=1))
    hand_in(course, "c-new", change=lambda nb: nb.cells[3].metadata.nbgrader.update(schema_version=99))
    (hand_in(course, "d-damaged") / "ps1.ipynb").write_text('{"cells": [')
    (hand_in(course, "e-renamed") / "ps1.ipynb").rename(course / "submitted" / "e-renamed" / "ps1" / "ps1 (1).ipynb")
    hand_in(course, "f-last")
    examined["everybody"] = RIGHT
    with pytest.raises(NbGraderException, match="1 of 6 submissions need a person:\nd-damaged: .*cut off"):
        run(course)
    for student in ("a-copied", "b-old", "c-new", "e-renamed", "f-last"):
        assert scores(course, student)[0]["hidden"] == (2, None, False), student
    grades, comments = scores(course, "d-damaged")
    assert grades["hidden"] == (None, None, True) and "cut off" in comments["double"]


def test_a_failed_regrade_leaves_no_old_grade_standing(course, examined):
    hand_in(course, "ada")
    examined["everybody"] = RIGHT
    run(course)
    assert scores(course, "ada")[0]["hidden"] == (2, None, False)
    examined["ada"] = "The examination failed: its process died"
    with pytest.raises(NbGraderException):
        run(course)
    grades, comments = scores(course, "ada")
    assert all(g == (None, None, True) for g in grades.values()) and "its process died" in comments["double"]
    assert not autograded(course, "ada").exists()


def test_a_regrade_that_is_cut_off_leaves_no_old_grade_standing(course, examined, monkeypatch):
    hand_in(course, "ada")
    examined["everybody"] = RIGHT
    run(course)

    def cut_off(self, notebook):
        raise KeyboardInterrupt

    monkeypatch.setattr(IsolatedAutograde, "convert_single_notebook", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run(course)
    grades, comments = scores(course, "ada")
    assert all(g == (None, None, True) for g in grades.values()) and "did not end" in comments["double"]


@pytest.mark.parametrize(("times", "fails"), [(1, False), (99, True)])
def test_a_gradebook_that_does_not_answer_is_asked_once_more(course, examined, monkeypatch, times, fails):
    left, ordinary = [times], IsolatedAutograde.convert_single_notebook

    def locked(self, notebook):
        if "ada" in notebook and left[0]:
            left[0] -= 1
            raise OperationalError("UPDATE grade", {}, Exception("database is locked"))
        return ordinary(self, notebook)

    monkeypatch.setattr(IsolatedAutograde, "convert_single_notebook", locked)
    hand_in(course, "ada")
    hand_in(course, "ben")
    examined["everybody"] = RIGHT
    if fails:
        with pytest.raises(NbGraderException, match="1 of 2"):
            run(course)
    else:
        run(course)
    assert scores(course, "ada")[0]["hidden"][0] == (None if fails else 2)
    assert scores(course, "ben")[0]["hidden"][0] == 2


def test_a_missing_notebook_of_two_gets_nothing_and_the_other_its_points(course, examined):
    """As nbgrader has it; the twin with the same cells is not taken for it."""
    nbformat.write(source(), course / "source" / "ps1" / "ps2.ipynb")
    converter = GenerateAssignment(coursedir=coursedir(course))
    converter.force = True
    converter.start()
    hand_in(course, "ada")
    examined["everybody"] = RIGHT
    run(course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        found = {n.name: (n.score, n.needs_manual_grade) for n in gradebook.find_submission("ps1", "ada").notebooks}
    assert found == {"ps1": (3, False), "ps2": (0, False)}


# --- links -----------------------------------------------------------------------------------------------------------


def everything_in(folder):
    return b"".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())


def test_no_link_in_a_submission_is_followed(course, examined, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "solution.ipynb"
    secret.write_text(nbformat.writes(source()) + "CANARY")
    folder = hand_in(course, "ada")
    (folder / "own.csv").symlink_to(secret)
    (folder / "deep").symlink_to(secret.parent)
    linked = hand_in(course, "ben")
    (linked / "ps1.ipynb").unlink()
    (linked / "ps1.ipynb").symlink_to(secret)
    stamped = hand_in(course, "cem")
    (stamped / "timestamp.txt").symlink_to("/dev/zero")
    whole = course / "submitted" / "dora"
    whole.mkdir()
    (whole / "ps1").symlink_to(secret.parent)
    examined["everybody"] = RIGHT
    with pytest.raises(NbGraderException, match="3 of 4"):
        run(course)
    assert scores(course, "ada")[0]["hidden"][0] == 2
    assert b"CANARY" not in everything_in(course / "autograded") + (course / "gradebook.db").read_bytes()
    assert {s for s in ("ben", "cem", "dora") if scores(course, s)[0]["hidden"][2]} == {"ben", "cem", "dora"}


def test_nothing_is_written_through_a_link_where_results_go(course, examined, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    hand_in(course, "ada")
    (course / "autograded" / "ada").mkdir(parents=True)
    (course / "autograded" / "ada" / "ps1").symlink_to(elsewhere)
    examined["everybody"] = RIGHT
    with pytest.raises(NbGraderException, match="is a link"):
        run(course)
    assert list(elsewhere.iterdir()) == []
    (course / "autograded" / "ada" / "ps1").unlink()
    run(course)
    assert scores(course, "ada")[0]["hidden"][0] == 2 and autograded(course, "ada").exists()


def test_a_file_that_is_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "file").symlink_to(target)
    write_new(str(tmp_path / "base" / "file"), b"new", str(tmp_path / "base"))
    assert target.read_text() == "kept" and (tmp_path / "base" / "file").read_bytes() == b"new"


# --- isolation, configuration ----------------------------------------------------------------------------------------


def test_without_a_sandbox_it_refuses_and_says_why(course, monkeypatch):
    hand_in(course, "ada")
    monkeypatch.setattr(plugin, "why_not", lambda: "bubblewrap is missing.")
    with pytest.raises(NbGraderException, match=r"bubblewrap is missing\. .*c\.IsolatedExecute\.unsafe = True"):
        run(course)
    assert not (course / "autograded").exists()


def test_grading_without_a_sandbox_marks_every_grade(course, examined, monkeypatch, caplog):
    monkeypatch.setattr(plugin, "why_not", lambda: "bubblewrap is missing.")
    hand_in(course, "ada")
    examined["everybody"] = RIGHT
    with caplog.at_level(logging.WARNING):
        run(course, IsolatedExecute={"unsafe": True})
    grades, comments = scores(course, "ada")
    assert grades["hidden"][0] == 2
    assert set(comments) == {"double", "why"} and all(c.startswith(plugin.UNSAFE) for c in comments.values())
    assert "without a sandbox" in caplog.text


def test_nbgrader_s_options_for_execute_reach_the_executor():
    executor = IsolatedExecute(config=Config({"Execute": {"timeout": 2, "enabled": False}}))
    assert (executor.limits.cell_wall, executor.limits.test_wall, executor.limits.cell_cpu) == (2, 2, 2)
    assert not executor.enabled
    assert IsolatedExecute(config=Config({"Execute": {"timeout": None}})).limits == plugin.Limits()


def test_installing_replaces_the_converter_of_command_and_button(monkeypatch):
    import nbgrader.apps.api
    import nbgrader.apps.autogradeapp
    import nbgrader.converters

    places = nbgrader.converters, nbgrader.apps.autogradeapp, nbgrader.apps.api
    for place in places:
        monkeypatch.setattr(place, "Autograde", place.Autograde)  # put back afterwards
    config = Config()
    plugin.install(config)
    plugin.install(config)  # a configuration may be read twice
    assert all(place.Autograde is IsolatedAutograde for place in places)
    names = [p.__name__ for p in config.Autograde.autograde_preprocessors]
    assert "Execute" not in names and names.index("IsolatedExecute") < names.index("SaveAutoGrades") < names.index(
        "Remarks"
    )
    assert config.ExportApp.plugin_class.__name__ == "SafeCsvExport"
    assert "SafeFeedback" in [p.__name__ for p in config.GenerateFeedback.preprocessors]


def test_the_preprocessors_refuse_a_converter_that_is_not_theirs():
    with pytest.raises(plugin.AutogradeError, match="install"):
        IsolatedExecute().preprocess(new_notebook(), {})


# --- A1, as users run it ---------------------------------------------------------------------------------------------

API = """
import json, sys
from traitlets.config.loader import PyFileConfigLoader
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
config = PyFileConfigLoader("nbgrader_config.py").load_config()
api = NbGraderAPI(CourseDirectory(config=config, root="."), config=config)
print(json.dumps(api.autograde("A1", sys.argv[1])))
"""


@pytest.fixture(scope="module")
def a1(tmp_path_factory):
    """A course directory with A1 released to the sample class."""
    course = Course(tmp_path_factory.mktemp("a1"))
    path = course.root / "nbgrader_config.py"
    if "install(c)" not in path.read_text():
        path.write_text(path.read_text() + "\nfrom autograde.plugin import install\n\ninstall(c)\n")
    course.release()
    for student, sources in sample_class(course.assignment).items():
        course.submit(student, sources)
    return course


@pytest.fixture(scope="module")
def graded(a1):
    a1.grade()
    return a1


@pytest.mark.slow
def test_the_gradebook_s_master_of_a1_is_the_manifest_s(a1):
    folders = {"source_directory": "solutions", "release_directory": "assignments"}
    place = CourseDirectory(root=str(a1.root), db_url=f"sqlite:///{a1.root}/gradebook.db", **folders)
    found = plugin.Workshop(place).master("A1", "A1")
    released = nbformat.read(a1.root / "assignments" / "A1" / "A1.ipynb", as_version=4)
    assert found.digest == master_from_assignment(a1.assignment, released).digest


@sandbox
@pytest.mark.slow
def test_the_command_gives_the_grades_of_the_examination(graded, tmp_path):
    master = master_from_assignment(graded.assignment)
    secret = (graded.root / ".autograde" / "secret").read_bytes()
    with Warm(master, tmp_path) as warm:
        for grade in graded.grades():
            path = graded.root / "submitted" / grade.student / "A1" / "A1.ipynb"
            plan = make_plan(master, read_notebook(path.read_bytes()), grade.student)
            seed = seed_for(secret, grade.student, "A1")
            result = examine(master, plan, warm, folder=graded.root / "solutions" / "A1", seed=seed)
            assert grade.auto_score == result.points, grade.student


@sandbox
@pytest.mark.slow
def test_formgrader_s_button_grades_through_the_sandbox(a1):
    """The answer tells where it ran: in the sandbox there is no gradebook above it."""
    inside = "import os\nassert os.getcwd() == '/edf/work', os.getcwd()\n"
    answers = sample_class(a1.assignment)["ada"]
    a1.submit("gul", answers | {"layer": inside + answers["layer"]})
    done = subprocess.run([sys.executable, "-c", API, "gul"], cwd=a1.root, capture_output=True, text=True)
    assert '"success": true' in done.stdout, done.stdout + done.stderr
    assert {g.student: g.auto_score for g in a1.grades()}["gul"] == 20


@sandbox
@pytest.mark.slow
def test_feedback_and_export_tell_nothing_hidden_and_hold_no_formula(graded):
    hidden = [line.strip() for c in graded.assignment.notebook.cells if "BEGIN HIDDEN TESTS" in c.source
              for line in c.source.split("BEGIN HIDDEN TESTS")[1].splitlines() if len(line.strip()) > 30]  # fmt: skip
    pages = [p.read_text() for p in (graded.root / "feedback").glob("*/A1/A1.html")]
    assert len(pages) >= 6 and hidden and not [h for h in hidden for page in pages if h in page]
    graded.nbgrader("db", "student", "add", "=cmd|calc")
    graded.nbgrader("export", "--to", "grades.csv")
    with open(graded.root / "grades.csv", newline="") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith("=")]


@sandbox
@pytest.mark.slow
def test_a_term_through_the_exchange_and_one_through_a_zip(a1, tmp_path):
    """Release, fetch, submit, collect; and a hand-in that came as an archive: both are graded."""
    where = [f"--Exchange.root={tmp_path / 'exchange'}", f"--Exchange.cache={tmp_path / 'cache'}"]
    (tmp_path / "exchange").mkdir(mode=0o777)
    os.chmod(tmp_path / "exchange", 0o777)
    a1.nbgrader("release_assignment", "A1", *where)
    home = tmp_path / "student"
    home.mkdir()
    shutil.copy(a1.root / "nbgrader_config.py", home)

    def student(*args):
        command = [sys.executable, "-m", "nbgrader", *args, *where]
        subprocess.run(command, cwd=home, check=True, capture_output=True)

    student("fetch_assignment", "A1")
    path = home / "A1" / "A1.ipynb"
    right = sample_class(a1.assignment)["ada"]
    nbformat.write(with_answers(nbformat.read(path, as_version=4), right), path)
    student("submit", "A1")
    a1.nbgrader("collect", "A1", *where)
    (a1.root / "downloaded" / "A1" / "archive").mkdir(parents=True)
    with zipfile.ZipFile(a1.root / "downloaded" / "A1" / "archive" / "hana.zip", "w") as archive:
        archive.write(path, "A1_hana_attempt_2026-03-01-12-00-00_A1.ipynb")
    pattern = r".*_(?P<student_id>\w+)_attempt_(?P<timestamp>[0-9\-]+)_(?P<file_id>\w+)"
    a1.nbgrader("zip_collect", "A1", "--force", f"--FileNameCollectorPlugin.named_regexp={pattern}")
    fresh = {p.name for p in (a1.root / "submitted").iterdir()} - set(sample_class(a1.assignment)) - {"gul"}
    assert "hana" in fresh and len(fresh) == 2
    a1.nbgrader("autograde", "A1")
    assert {g.auto_score for g in a1.grades() if g.student in fresh} == {20}


def test_the_whole_of_it_is_loaded_from_the_configuration_of_this_repository(root):
    """The committed nbgrader_config.py plugs the executor in."""
    text = Path(root / "nbgrader_config.py").read_text(encoding="utf-8")
    assert "install(c)" in text
