"""Certify an assignment: prove by running that its tests pass what is right and stop what is wrong.

The reference gets full marks; the untouched release gets zero; every wrong answer of the bank loses its exercise's
points, leaves the others' alone, and is told its own misconception; every alternative right answer keeps them. And
with the visible checks switched off, the hidden tests alone stop every wrong answer too.
"""

from dataclasses import asdict, dataclass

from .assignment import release, with_answers
from .build import key
from .runner import preload, run_many


@dataclass(frozen=True)
class Case:
    """One run of certification.

    kind : "reference", "release", "wrong" or "right"
    score : points of the whole notebook
    ok : whether the case came out as it must
    hidden : for a wrong answer, whether the hidden tests alone stop it
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
class Certificate:
    """The kill table of one assignment."""

    assignment: str
    max_score: int
    manual_points: int
    cases: tuple[Case, ...]

    def of(self, kind):
        """The cases of one kind."""
        return [c for c in self.cases if c.kind == kind]

    @property
    def valid(self):
        """Whether every case came out as it must, and each wrong answer was diagnosed, and stopped by hidden tests."""
        return all(c.ok for c in self.cases) and all(c.diagnosed and c.hidden for c in self.of("wrong"))

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
    jobs = [(nb, folder) for _, _, nb in plan]
    alone = run_many([job for (kind, _, _), job in zip(plan, jobs, strict=True) if kind == "wrong"], hidden_only=True)
    cases = []
    for (kind, subject, _), found in zip(plan, run_many(jobs), strict=True):
        cases.append(_judge(assignment, kind, subject, found, next(alone) if kind == "wrong" else None))
        on_case(cases[-1])
    return Certificate(assignment.name, assignment.points, assignment.manual_points, tuple(cases))


def cases_planned(assignment):
    """How many cases `certify` will run."""
    return 2 + sum(len(e.answers) for e in assignment.exercises)


def _judge(assignment, kind, subject, found, alone):
    scores = found.scores(assignment)
    score = sum(scores.values())
    if subject is None:
        goal = assignment.points if kind == "reference" else 0
        failed = next((c.message for c in found.cells if not c.passed), "")
        return Case(kind, "", kind, score, score == goal, False, False, failed)
    exercise, answer = subject
    goal = assignment.points - (0 if answer.right else exercise.points)
    ok = score == goal and scores[exercise.id] == (exercise.points if answer.right else 0)
    failure = found.failure(exercise)
    hidden = alone is not None and alone.scores(assignment)[exercise.id] == 0
    diagnosed = failure is not None and failure.slip == key(answer)
    return Case(kind, exercise.id, answer.name, score, ok, hidden, diagnosed, failure.message if failure else "")
