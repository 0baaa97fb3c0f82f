"""Certify an assignment: prove by running that its tests pass what is right and stop what is wrong.

The reference gets full marks; the untouched release gets zero; every wrong answer of the bank loses its exercise's
points (but for those of the tests that it rightly keeps), leaves the others' alone, and is told its own misconception;
every alternative right answer keeps them. With the visible checks switched off, the hidden tests alone stop every wrong
answer too. All of it twice: in one process, as a student's notebook runs, and in the examination, as it is graded; a
test that cannot be examined fails here. And for the hidden inputs of several students; the visible checks are
everybody's.

Then come the mutants: the reference with one small thing changed. At least 98 percent must be stopped, for every
student, and each of the others must be argued equivalent in the manifest.

Five students are few: a test that is wrong on one draw of a hundred passes. `draws` tries every answer of the bank on
as many more.
"""

import contextlib
import functools
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import zip_longest

import nbformat

from .assignment import grade_id, is_test, release, with_answers, with_tests_of
from .build import key
from .examine import every_forbidden, examine_each
from .mutants import mutants
from .plan import make_plan, master_from_assignment
from .pool import default_workers
from .read import read_notebook
from .runner import preload, run
from .sandbox import why_not
from .warm import Warm

STUDENTS = 5
MUTANT_LIMIT = 1.0, 10.0  # seconds for a mutant, and so many times what the reference takes: some never end


@dataclass(frozen=True)
class Case:
    """One run of certification.

    kind : "reference", "release", "wrong" or "right"
    score : points of the whole notebook, as it is graded
    ok : whether the case came out as it must, in the notebook and in the examination
    hidden : for a wrong answer, whether the hidden tests alone stop it, in both, for every student
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

    exercise, name : str; killed : bool, whether a test of the exercise failed, for every student
    why : str, for a survivor the manifest's argument that it answers as the reference does; empty where there is none
    """

    exercise: str
    name: str
    killed: bool
    why: str


@dataclass(frozen=True)
class Unsteady:
    """An answer of the bank that did not get what it deserves with the hidden inputs of one draw."""

    exercise: str
    name: str
    draw: int
    score: float
    deserved: float
    message: str


@dataclass(frozen=True)
class Certificate:
    """The kill table of one assignment.

    reference_seconds : the longest examination of the reference among all students, wall time
    draws : how many more students every answer was tried on, and `unsteady`, what came out otherwise there
    """

    assignment: str
    max_score: int
    manual_points: int
    students: int
    cases: tuple[Case, ...]
    changed: tuple[Changed, ...]
    reference_seconds: float
    draws: int = 0
    unsteady: tuple[Unsteady, ...] = ()

    def of(self, kind):
        """The cases of one kind."""
        return [c for c in self.cases if c.kind == kind]

    @property
    def valid(self):
        """Whether every case came out as it must, and each wrong answer was diagnosed, and stopped by hidden tests."""
        wrong = all(c.diagnosed and c.hidden for c in self.of("wrong"))
        return all(c.ok for c in self.cases) and wrong and self.strict and not self.unsteady

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
            "students": self.students,
            "reference_seconds": round(self.reference_seconds, 3),
            "cases": [asdict(c) for c in self.cases],
            "automatic": len(self.changed),
            "automatic_killed": len(self.changed) - len(self.survivors),
            "survivors": [asdict(c) for c in self.survivors],
            "draws": self.draws,
            "unsteady": [asdict(c) for c in self.unsteady],
        }


def certify(assignment, on_case=lambda case: None, students=STUDENTS, every=1, draws=0):
    """Run the certification of an assignment.

    Parameters
    ----------
    assignment : Assignment
    on_case : called with each Case, each Changed and the list of Unsteady of each draw as it is done, for progress
    students : int, how many students' hidden inputs are tried
    every : int, k for a quick look at every k-th answer and mutant
    draws : int, how many more the answers of the bank are tried on, as a notebook runs

    Returns
    -------
    Certificate
    """
    preload(assignment.notebook)
    plan = [("reference", None, None), ("release", None, None)]
    answers = [(e, a) for e in assignment.exercises for a in e.answers]
    plan += [("right" if a.right else "wrong", e, a) for e, a in answers[::every]]
    cases, changed, unsteady = [], [], []
    with Trials(assignment, students) as trials:
        for case in trials.pool.map(lambda number: trials.case(*plan[number], number), range(len(plan))):
            cases.append(case)
            on_case(case)
        for one in mutate(assignment, students, every):
            changed.append(one)
            on_case(one)
        for some in draw(assignment, draws):
            unsteady += some
            on_case(some)
    counts = assignment.name, assignment.points, assignment.manual_points, students
    found = tuple(cases), tuple(changed), trials.reference_seconds, draws, tuple(unsteady)
    return Certificate(*counts, *found)


class Trials:
    """Runs whole notebooks of our own making, as a student's notebook and in the examination. Use as a context manager.

    Where the machine cannot isolate, it examines without isolation: the notebooks are the assignment's own.

    Parameters
    ----------
    assignment : Assignment
    students : int
    """

    def __init__(self, assignment, students):
        self.assignment, self.master = assignment, master_from_assignment(assignment)
        self.seeds = [f"student {k}".encode() for k in range(students)]
        self.reference_seconds = 0.0
        self._stack = contextlib.ExitStack()
        builds = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="edf-builds-"))
        warm = Warm(self.master, builds, unsafe=why_not() is not None, keep=3)
        self.warm = self._stack.enter_context(warm)
        self.warm.get(every_forbidden(self.master))
        self.pool = self._stack.enter_context(ThreadPoolExecutor(default_workers()))

    def case(self, kind, exercise, answer, number=0):
        """Try one notebook in every way that its kind asks for.

        The reference and the release are run and examined whole for every student. An answer of the bank is run once,
        for the student whose turn it is by its `number`, with the visible checks of the other exercises; its own tests
        are then run and examined for every student, those of a wrong answer with the visible checks switched off.
        """
        if exercise is None:
            return self._whole(kind)
        notebook = with_answers(self.assignment.notebook, {exercise.id: answer.source})
        own, hidden = with_tests_of(exercise, notebook), not answer.right
        kept = _deserved(self.assignment, exercise, answer)
        worth = {e.id: e.points for e in self.assignment.exercises} | {exercise.id: kept}
        others = {test for e in self.assignment.exercises if e is not exercise for test in e.tests}
        turn = [self.seeds[number % len(self.seeds)]]
        found = self._run(_without_hidden_tests(notebook, others), *turn)
        scores = found.scores(self.assignment)
        alone = self._examined(notebook, self.seeds, hidden_only=hidden, only=exercise)
        (graded,) = self._examined(notebook, turn, only=exercise) if hidden else alone[:1]
        alone += [self._run(own, s, hidden_only=hidden).scores(self.assignment) for s in self.seeds]
        stands = all(points[exercise.id] == kept for points in alone)
        ok = scores == worth and graded[exercise.id] == kept and (stands or hidden)
        failure = found.failure(exercise)
        message = failure.message if failure else ""
        if not (ok and stands):
            on_all = [points[exercise.id] for points in alone]
            message = f"The notebook gives {scores}, the examination {graded}; on all inputs {on_all}. {message}"
        diagnosed = failure is not None and failure.slip == key(answer)
        score = _total(scores | graded)
        return Case(kind, exercise.id, answer.name, score, ok, stands, diagnosed, message)

    def _whole(self, kind):
        notebook = self.assignment.notebook if kind == "reference" else release(self.assignment.notebook)
        worth = {e.id: e.points if kind == "reference" else 0 for e in self.assignment.exercises}
        runs = [self._run(notebook, seed) for seed in self.seeds]
        seen = [found.scores(self.assignment) for found in runs]
        for seed in self.seeds:
            started = time.monotonic()
            seen += self._examined(notebook, [seed])
            if kind == "reference":
                self.reference_seconds = max(self.reference_seconds, time.monotonic() - started)
        failed = next((c.message for c in runs[0].cells if not c.passed), "")
        ok = all(scores == worth for scores in seen)
        return Case(kind, "", kind, _total(seen[-1]), ok, False, False, "" if ok and kind == "reference" else failed)

    def _run(self, notebook, seed, **options):
        return run(notebook, self.assignment.folder, seed=seed, **options)

    def _examined(self, notebook, seeds, hidden_only=False, only=None):
        """For each seed, points by exercise, None for a test that was not examined; of `only`, where it is given."""
        submitted = read_notebook(nbformat.writes(notebook).encode())
        plan, folder = make_plan(self.master, submitted, "certification"), str(self.assignment.folder)
        options = {"hidden_only": hidden_only, "only": None if only is None else set(only.tests)}
        found = examine_each(self.master, plan, self.warm, seeds=seeds, folder=folder, **options)
        exercises = self.assignment.exercises if only is None else [only]
        return [{e.id: _points(result, e) for e in exercises} for result in found]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)


def _deserved(assignment, exercise, answer):
    return exercise.points if answer.right else sum(assignment.cell_points[test] for test in answer.keeps)


def _points(result, exercise):
    parts = {t.name: t.points for t in result.tests}
    parts = [parts.get(test) for test in exercise.tests]
    return None if None in parts else sum(parts)


def _total(scores):
    return sum(points or 0 for points in scores.values())


def automatic(assignment):
    """The mutants of each exercise's reference, as (exercise, mutant)."""
    sources = {grade_id(c): c.source for c in assignment.notebook.cells}
    return [(e, m) for e in assignment.exercises for m in mutants(sources[e.id])]


def mutate(assignment, students=STUDENTS, every=1):
    """Try every automatic mutant on the tests of its exercise, as a student's notebook runs; yields Changed.

    The visible checks are everybody's; a mutant that passes them is tried on every student's hidden tests.
    """
    limit = _limit(assignment)

    def stopped(exercise, mutant):
        own = with_tests_of(exercise, with_answers(assignment.notebook, {exercise.id: mutant.source}))
        seen = run(_without_hidden_tests(own), assignment.folder, limit=limit)
        seeds = [f"student {k}".encode() for k in range(students)]
        return seen.failure(exercise) is not None or all(
            run(own, assignment.folder, limit=limit, seed=seed).failure(exercise) is not None for seed in seeds
        )

    planned = automatic(assignment)[::every]
    with ThreadPoolExecutor(default_workers()) as pool:
        for (exercise, mutant), killed in zip(planned, pool.map(lambda p: stopped(*p), planned), strict=True):
            argued = {entry["mutant"]: entry["why"] for entry in exercise.equivalent}
            yield Changed(exercise.id, mutant.name, killed, "" if killed else argued.get(mutant.name, ""))


def _limit(assignment):
    """Seconds after which a run of a changed notebook is given up."""
    preload(assignment.notebook)
    started = time.monotonic()
    run(assignment.notebook, assignment.folder)
    return MUTANT_LIMIT[0] + MUTANT_LIMIT[1] * (time.monotonic() - started)


def draw(assignment, draws):
    """Try every answer of the bank on the hidden tests of many students, as a notebook runs; for each, a list of
    Unsteady.

    Each notebook holds an answer to every exercise, so that a run tries them together. What comes out otherwise than it
    deserves is run again by itself.
    """
    limit = _limit(assignment) if draws else 0.0
    banks = [[(e, a) for a in e.answers] for e in assignment.exercises]
    notebooks = [[pair for pair in row if pair] for row in zip_longest(*banks)]

    def tried(number, pairs):
        notebook = with_answers(assignment.notebook, {e.id: a.source for e, a in pairs})
        if len(pairs) == 1:
            notebook = with_tests_of(pairs[0][0], notebook)
        found = run(notebook, assignment.folder, hidden_only=True, seed=f"draw {number}".encode(), limit=limit)
        scores, odd = found.scores(assignment), []
        for e, a in pairs:
            deserved = _deserved(assignment, e, a)
            if scores[e.id] != deserved and len(pairs) > 1:
                odd += tried(number, [(e, a)])
            elif scores[e.id] != deserved:
                failure = found.failure(e)
                odd.append(Unsteady(e.id, a.name, number, scores[e.id], deserved, failure.message if failure else ""))
        return odd

    with ThreadPoolExecutor(default_workers()) as pool:
        for number in range(draws):
            yield [one for some in pool.map(functools.partial(tried, number), notebooks) for one in some]


def cases_planned(assignment, every=1, draws=0):
    """How many times `certify` will call back."""
    answers = [a for e in assignment.exercises for a in e.answers]
    return 2 + len(answers[::every]) + len(automatic(assignment)[::every]) + draws


def _without_hidden_tests(notebook, tests=None):
    """A copy of the notebook in which the named test cells, by default all, have their visible parts alone."""
    fresh = nbformat.from_dict(notebook)
    for cell in fresh.cells:
        if is_test(cell) and (tests is None or grade_id(cell) in tests):
            cell.source = re.sub(r"### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", cell.source, flags=re.DOTALL)
    return fresh
