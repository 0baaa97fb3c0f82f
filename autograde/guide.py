"""The instructor's guide to an assignment, made from its manifest, its notebook and its bank."""

from .assignment import with_answers, with_tests_of
from .course import reference_answers
from .runner import preload, run_many


def guide(assignment):
    """Markdown: times, points, objectives, common errors with the message they trigger, and marking schemes.

    Every wrong answer of the bank is run, so the messages are those that students read.

    Parameters
    ----------
    assignment : Assignment

    Returns
    -------
    str
    """
    wrong = [(e, a) for e in assignment.exercises for a in e.answers if not a.right]
    preload(assignment.notebook)
    jobs = [
        (with_tests_of(e, with_answers(assignment.notebook, {e.id: a.source})), assignment.folder) for e, a in wrong
    ]
    said = {}
    for (exercise, answer), found in zip(wrong, run_many(jobs), strict=True):
        failure = found.failure(exercise)
        said[exercise.id, answer.name] = failure.message.splitlines()[0] if failure else "no check stops it"
    text = [_overview(assignment)]
    text += [_exercise(e, said) for e in assignment.exercises]
    text += [_written(assignment, question) for question in assignment.written]
    return "\n\n".join(text) + "\n"


def _overview(a):
    rows = [f"| {k}. {e.title} | {e.points} | {e.difficulty} | {e.minutes} |" for k, e in enumerate(a.exercises, 1)]
    rows += [f"| {w['title']} | {w['points']} | | {w['minutes']} |" for w in a.written]
    return (
        f"# {a.name}. {a.title}: for instructors\n\n"
        "Keep it from students: it names every error that the checks know.\n\n"
        f"Expected time {a.minutes} minutes; {a.points} points by tests, {a.manual_points} by a person.\n\n"
        "| exercise | points | difficulty | minutes |\n|---|---|---|---|\n" + "\n".join(rows)
    )


def _exercise(e, said):
    tests = ", ".join(f"{test} {worth}" for test, worth in zip(e.tests, e.worth, strict=True))
    lines = [
        f"## {e.title}",
        "Objectives: " + "; ".join(e.objectives) + f". Points: {tests}.",
        "| error | what a student reads | keeps |\n|---|---|---|",
    ]
    for answer in e.answers:
        if not answer.right:
            message = said[e.id, answer.name].replace("|", "\\|")
            lines[-1] += f"\n| {answer.name} | {message} {answer.says} | {', '.join(answer.keeps)} |"
    right = ", ".join(a.name for a in e.answers if a.right)
    return "\n\n".join([*lines, f"Other right answers that were tried: {right}."])


def _written(assignment, question):
    scheme = reference_answers(assignment)[question["id"]].strip()
    return f"## {question['title']}: marking scheme, {question['points']} points\n\n{scheme}"
