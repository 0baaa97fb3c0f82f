"""Certify an assignment: prove by running that its tests pass what is right and stop what is wrong.

The reference gets full marks; the untouched release gets zero; every wrong answer of the bank loses its exercise's
points, leaves the others' alone, and is told its own misconception; every alternative right answer keeps them. With
the visible checks switched off, the hidden tests alone stop every wrong answer too. All of it twice: in one process,
as a student's notebook runs, and in the examination, as it is graded; a test that cannot be examined fails here.
"""

import contextlib
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import nbformat

from .assignment import grade_id, release, with_answers
from .build import key
from .examine import every_forbidden, examine
from .mutants import mutants
from .plan import make_plan, master_from_assignment
from .pool import default_workers
from .read import read_notebook
from .runner import preload, run_many
from .sandbox import why_not
from .warm import Warm

MUTANT_LIMIT = 20.0  # seconds for the notebook with one mutant; a reference that took longer would be none


@dataclass(frozen=True)
class Case:
    """One run of certification.

    kind : "reference", "release", "wrong" or "right"
    score : points of the whole notebook, as it is graded
    ok : whether the case came out as it must, in the notebook and in the examination
    hidden : for a wrong answer, whether the hidden tests alone stop it, in both
    diagnosed : for a wrong answer, whether the check named its misconception
    message : what the student would read
    """

    kind: str
    exercise: str
    name: str
    score: int
    ok: bool
    hidden: bool
    diagnosed: bool
    message: str


@dataclass(frozen=True)
class Changed:
    """An automatic mutant of a reference and what became of it.

    exercise, name : str; killed : bool, whether a test of the exercise failed
    why : str, for a survivor the manifest's argument that it answers as the reference does; empty where there is none
    """

    exercise: str
    name: str
    killed: bool
    why: str


@dataclass(frozen=True)
class Certificate:
    """The kill table of one assignment."""

    assignment: str
    max_score: int
    manual_points: int
    cases: tuple[Case, ...]
    changed: tuple[Changed, ...] = ()

    def of(self, kind):
        """The cases of one kind."""
        return [c for c in self.cases if c.kind == kind]

    @property
    def valid(self):
        """Whether every case came out as it must, and each wrong answer was diagnosed, and stopped by hidden tests."""
        wrong = all(c.diagnosed and c.hidden for c in self.of("wrong"))
        return all(c.ok for c in self.cases) and wrong and self.strict

    @property
    def survivors(self):
        """The automatic mutants that no test stopped."""
        return [c for c in self.changed if not c.killed]

    @property
    def strict(self):
        """Whether at least 98 percent of the automatic mutants are stopped, and the others are argued equivalent."""
        return len(self.survivors) <= 0.02 * len(self.changed) and all(c.why for c in self.survivors)

    def summary(self):
        """The certificate as plain numbers, and the list of cases."""
        return {
            "assignment": self.assignment,
            "valid": self.valid,
            "exercises": len({c.exercise for c in self.of("wrong")}),
            "mutants": len(self.of("wrong")),
            "killed": sum(c.ok for c in self.of("wrong")),
            "killed_by_hidden_tests": sum(c.hidden for c in self.of("wrong")),
            "diagnosed": sum(c.diagnosed for c in self.of("wrong")),
            "alternatives": len(self.of("right")),
            "passed": sum(c.ok for c in self.of("right")),
            "reference_score": self.of("reference")[0].score,
            "release_score": self.of("release")[0].score,
            "max_score": self.max_score,
            "manual_points": self.manual_points,
            "cases": [asdict(c) for c in self.cases],
            "automatic": len(self.changed),
            "automatic_killed": len(self.changed) - len(self.survivors),
            "survivors": [asdict(c) for c in self.survivors],
        }


def certify(assignment, on_case=lambda case: None):
    """Run the certification of an assignment.

    Parameters
    ----------
    assignment : Assignment
    on_case : called with each Case as it is done, for progress

    Returns
    -------
    Certificate
    """
    preload()
    notebook, folder = assignment.notebook, assignment.folder
    plan = [("reference", None, notebook), ("release", None, release(notebook))]
    for exercise in assignment.exercises:
        for answer in exercise.answers:
            kind = "right" if answer.right else "wrong"
            plan.append((kind, (exercise, answer), with_answers(notebook, {exercise.id: answer.source})))
    books = [nb for _, _, nb in plan]
    wrong = [(nb, subject[0]) for kind, subject, nb in plan if kind == "wrong"]
    cases = []
    with Examiner(assignment) as examiner:
        graded, graded_alone = examiner.scores(books), examiner.scores_alone(wrong)
        seen = run_many([(nb, folder) for nb in books])
        seen_alone = run_many([(_with_tests_of(e, nb), folder) for nb, e in wrong], hidden_only=True)
        for (kind, subject, _), found in zip(plan, seen, strict=True):
            alone = None
            if kind == "wrong":
                alone = [next(seen_alone).scores(assignment), next(graded_alone)]
            cases.append(_judge(assignment, kind, subject, found, next(graded), alone))
            on_case(cases[-1])
    changed = []
    for one in mutate(assignment):
        changed.append(one)
        on_case(one)
    return Certificate(assignment.name, assignment.points, assignment.manual_points, tuple(cases), tuple(changed))


def automatic(assignment):
    """The mutants of each exercise's reference, as (exercise, mutant)."""
    sources = {grade_id(c): c.source for c in assignment.notebook.cells}
    return [(e, m) for e in assignment.exercises for m in mutants(sources[e.id])]


def mutate(assignment):
    """Try every automatic mutant on the tests of its exercise, as a student's notebook runs; yields Changed."""
    preload()
    planned = automatic(assignment)
    jobs = [
        (_with_tests_of(e, with_answers(assignment.notebook, {e.id: m.source})), assignment.folder) for e, m in planned
    ]
    for (exercise, mutant), found in zip(planned, run_many(jobs, limit=MUTANT_LIMIT), strict=True):
        killed = found.failure(exercise) is not None
        argued = {entry["mutant"]: entry["why"] for entry in exercise.equivalent}
        yield Changed(exercise.id, mutant.name, killed, "" if killed else argued.get(mutant.name, ""))


class Examiner:
    """Examines whole notebooks of our own making, several at a time. Use as a context manager.

    Where the machine cannot isolate, it examines without isolation: the notebooks are the assignment's own.
    """

    def __init__(self, assignment):
        self.assignment, self.master = assignment, master_from_assignment(assignment)
        self.folder = str(assignment.folder)
        self._stack = contextlib.ExitStack()
        builds = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="edf-builds-"))
        warm = Warm(self.master, builds, unsafe=why_not() is not None, keep=3)
        self.warm = self._stack.enter_context(warm)
        self.warm.get(every_forbidden(self.master))
        self.threads = self._stack.enter_context(ThreadPoolExecutor(default_workers()))

    def scores(self, notebooks):
        """Points by exercise of each notebook, in order; None for a test that was not examined."""
        return self.threads.map(self._scores, notebooks)

    def scores_alone(self, pairs):
        """For each (notebook, exercise), what the hidden tests of the exercise alone give."""
        return self.threads.map(lambda pair: self._scores(pair[0], True, set(pair[1].tests)), pairs)

    def _scores(self, notebook, hidden_only=False, only=None):
        submitted = read_notebook(nbformat.writes(notebook).encode())
        plan = make_plan(self.master, submitted, "certification")
        found = examine(
            self.master, plan, self.warm, folder=self.folder, hidden_only=hidden_only, only=only
        )  # fmt: skip
        points = {t.name: t.points for t in found.tests}
        scores = {}
        for exercise in self.assignment.exercises:
            parts = [points.get(test) for test in exercise.tests]
            scores[exercise.id] = None if None in parts else sum(parts)
        return scores

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)


def cases_planned(assignment):
    """How many cases `certify` will run."""
    return 2 + sum(len(e.answers) for e in assignment.exercises) + len(automatic(assignment))


def _with_tests_of(exercise, notebook):
    """A copy of the notebook without the test cells of other exercises."""
    fresh = nbformat.from_dict(notebook)
    fresh.cells = [c for c in fresh.cells if not _is_test(c) or grade_id(c) in exercise.tests]
    return fresh


def _is_test(cell):
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("grade"))


def _judge(assignment, kind, subject, found, graded, alone):
    both = [found.scores(assignment), graded]
    score = sum(points or 0 for points in graded.values())
    if subject is None:
        worth = {e.id: e.points if kind == "reference" else 0 for e in assignment.exercises}
        failed = next((c.message for c in found.cells if not c.passed), "")
        ok = all(scores == worth for scores in both)
        return Case(kind, "", kind, score, ok, False, False, failed if not ok or kind == "release" else "")
    exercise, answer = subject
    worth = {e.id: e.points for e in assignment.exercises} | ({} if answer.right else {exercise.id: 0})
    ok = all(scores == worth for scores in both)
    failure = found.failure(exercise)
    hidden = alone is not None and all(scores[exercise.id] == 0 for scores in alone)
    diagnosed = failure is not None and failure.slip == key(answer)
    message = failure.message if failure else ""
    if both[0] != both[1]:
        message = f"The notebook gives {both[0]}, the examination {both[1]}. {message}"
    return Case(kind, exercise.id, answer.name, score, ok, hidden, diagnosed, message)
