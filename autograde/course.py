"""A course directory of its own, with a class in it: for the demonstration and for tests of the whole path.

nbgrader runs as its users run it, with this repository's configuration. The repository's own gradebook stays as it is.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat

from . import assignment as assignments
from .errors import AutogradeError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Grade:
    """One student's grade of one assignment, as the gradebook holds it."""

    student: str
    points: dict  # exercise -> points awarded automatically
    auto_score: float
    max_auto_score: float
    needs_person: bool


class Course:
    """An nbgrader course directory at `root`, made from this repository's configuration and solutions."""

    def __init__(self, root, assignment="A1"):
        self.root = Path(root)
        self.assignment = assignments.load(ROOT / "solutions" / assignment)
        self.name = assignment
        source = self.root / "solutions" / assignment
        if not source.exists():
            self.root.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "nbgrader_config.py", self.root)
            shutil.copytree(ROOT / "solutions" / assignment, source)

    def nbgrader(self, *args):
        """Run `nbgrader ARGS` in the course directory; returns what it printed.

        Raises
        ------
        AutogradeError : nbgrader failed; the message holds the end of what it printed.
        """
        command = [sys.executable, "-m", "nbgrader", *args]
        environment = os.environ | {"JUPYTER_PLATFORM_DIRS": "1", "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)
        if done.returncode:
            told = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise AutogradeError(f"nbgrader {' '.join(args)} ended with {done.returncode}:\n{told}")
        return done.stdout + done.stderr

    def release(self):
        """`nbgrader generate_assignment`; returns the folder that students get."""
        self.nbgrader("generate_assignment", self.name, "--create", "--force")
        return self.root / "assignments" / self.name

    def submit(self, student, sources=None, notebook=None):
        """Put a submission in place: the release with the answer cells in `sources` filled in, or a whole notebook.

        Parameters
        ----------
        student : str
        sources : dict from exercise to the source of its answer cell
        notebook : NotebookNode, instead
        """
        released = self.root / "assignments" / self.name
        folder = self.root / "submitted" / student / self.name
        folder.mkdir(parents=True, exist_ok=True)
        for path in released.iterdir():
            shutil.copy(path, folder)
        if notebook is None:
            blank = nbformat.read(released / f"{self.name}.ipynb", as_version=4)
            notebook = assignments.with_answers(blank, sources or {})
        nbformat.write(notebook, folder / f"{self.name}.ipynb")

    def grade(self):
        """Grade all submissions and write the feedback, as `autograde grade` and `autograde feedback` do.

        The submissions are our own, so where this machine cannot isolate they are examined without isolation.

        Returns
        -------
        Path of the feedback's folder
        """
        from .classroom import Classroom
        from .pipeline import Options, grade
        from .returning import write_feedback
        from .sandbox import why_not

        room = Classroom.at(self.root)
        grade(room, self.name, Options(unsafe=why_not() is not None))
        write_feedback(room, self.name)
        return self.root / "feedback"

    def grades(self):
        """The gradebook's rows for the assignment, one Grade for each student, by name."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            return [self._grade(s) for s in sorted(gradebook.assignment_submissions(self.name), key=_by_student)]

    def _grade(self, submission):
        scores = {g.name: g.auto_score for notebook in submission.notebooks for g in notebook.grades}
        points = {e.id: sum(scores.get(t) or 0 for t in e.tests) for e in self.assignment.exercises}
        return Grade(
            submission.student.id,
            points,
            sum(points.values()),
            self.assignment.points,
            bool(submission.needs_manual_grade),
        )


def _by_student(submission):
    return submission.student.id


_DELIMITER = re.compile(r"^[ \t]*### (?:BEGIN|END) (?:SOLUTION|MARK SCHEME)[ \t]*(?:\n|\Z)", re.MULTILINE)


def reference_answers(assignment):
    """The reference's answer cells, by exercise, and the model answers to the written questions, as a student would
    hand them in: without the lines that delimit solutions."""
    wanted = {e.id for e in assignment.exercises} | {w["id"] for w in assignment.written}
    cells = [c for c in assignment.notebook.cells if assignments.grade_id(c) in wanted]
    return {assignments.grade_id(c): _DELIMITER.sub("", c.source).rstrip("\n") for c in cells}


def sample_class(assignment):
    """A small class: from student to the answer cells that they hand in.

    ada        the reference
    bashir     right answers in other styles, the written question answered
    chiara     everything right but one classic slip in each of the backward exercises
    dmitri     stopped half way
    emeka      `return None` everywhere
    fen        the release, untouched
    """
    right = reference_answers(assignment)
    order = [e.id for e in assignment.exercises]
    other = {e.id: next(a.source for a in e.answers if a.right) for e in assignment.exercises}
    slips = {e.id: next(a.source for a in e.answers if "upstream" in a.name) for e in _with_upstream(assignment)}
    nothing = {e.id: e.answers[0].source for e in assignment.exercises}
    return {
        "ada": right,
        "bashir": right | other,
        "chiara": right | slips,
        "dmitri": {name: right[name] for name in order[: len(order) // 2]},
        "emeka": nothing,
        "fen": {},
    }


def _with_upstream(assignment):
    return [e for e in assignment.exercises if any("upstream" in a.name for a in e.answers)]
