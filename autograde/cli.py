"""The command `autograde`: what nbgrader lacks."""

import functools
import json
import sys
from dataclasses import asdict
from pathlib import Path

try:
    import click
    import rich.console
    import rich.progress
    import rich.table
except ImportError as error:
    raise SystemExit('The command autograde needs click and rich. Run: python -m pip install -e ".[course]"') from error

from edfcore.errors import EdfError

from . import terms
from .errors import AutogradeError
from .terms import in_root, progress_bar, say


class Group(click.Group):
    """A group whose commands tell our own errors as sentences, with exit code 2, and no traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except EdfError as error:
            raise click.UsageError(str(error)) from error
        except OSError as error:
            told = (
                f"{error.filename or 'A file'}: {error.strerror or error}. Mend that, then run the same command again."
            )
            raise click.UsageError(told) from error
        except KeyboardInterrupt:
            click.echo("Interrupted. What was recorded stays; the same command goes on from there.", err=True)
            sys.exit(130)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edf-course", prog_name="autograde")
def main():
    """Write, certify, release, collect, grade and return assignments; nbgrader's commands work beside it.

    \b
    autograde new exercise A1 ID  add an exercise that works, to be changed into yours
    autograde build A1            make the file of expected values and known slips that visible checks read
    autograde certify A1          prove that the tests pass what is right and stop what is wrong
    autograde guide A1            times, marking schemes, common errors and what students read then
    autograde redteam A1          attack the grader with more than ninety submissions
    autograde release A1          make the student version and prove that it holds no answer
    autograde collect A1 SOURCE   put submissions in place
    autograde grade A1            grade what is new, each submission in a sandbox of its own
    autograde regrade A1          examine everything again, and show who gains and who loses
    autograde feedback A1         write the students' pages
    autograde export              write the marks for a spreadsheet, Canvas or Moodle
    autograde status A1           who is graded, who waits for what
    autograde report A1           how the class did: difficulty, misconceptions, equal answers
    autograde receipts verify A1  follow the chain of receipts; list and replay them
    autograde doctor              can this machine isolate, and what it lacks

    Exit codes: 0 all is well; 1 something was found wrong, or needs a person; 2 the command could not be carried out;
    130 interrupted.
    """


def _load(name, solutions):
    from edfcore.cli import course_root

    from .assignment import load

    solutions = Path(solutions) if solutions else course_root() / "solutions"
    folder = solutions / name
    if not (folder / "exercises.toml").exists():
        there = ", ".join(_names(solutions))
        raise AutogradeError(f"There is no assignment {name!r} in {solutions}. There are: {there or 'none'}.")
    return load(folder)


def _names(solutions):
    """The names of all assignments, A2 before A10."""
    from edfcore.cli import course_root

    solutions = Path(solutions) if solutions else course_root() / "solutions"
    there = [p.parent.name for p in solutions.glob("*/exercises.toml")]
    return sorted(there, key=lambda name: (len(name), name))


_solutions = click.option(
    "--solutions", type=click.Path(), help="The folder of source notebooks; default, that of the course."
)


def _chosen(assignment, every, solutions):
    """The assignments that a command is for: the one named, or all."""
    if bool(assignment) == every:
        raise click.UsageError("Name one assignment, or give --all.")
    return [_load(name, solutions) for name in ([assignment] if assignment else _names(solutions))]


COUNT = click.IntRange(min=1)
_every = click.option("--all", "every", is_flag=True, help="All assignments of the course.")


@main.command()
@click.argument("assignment", required=False)
@_every
@_solutions
def build(assignment, every, solutions):
    """Make ASSIGNMENT.checks.json beside the source notebook of ASSIGNMENT from its reference and its bank.

    Run it after changing the notebook, a check or the bank; then `nbgrader generate_assignment ASSIGNMENT --force`.
    """
    from .build import write_checks

    console = rich.console.Console()
    for found in _chosen(assignment, every, solutions):
        with console.status(f"Running {found.name} with each answer of its bank ..."):
            path = write_checks(found)
        console.print(f"Wrote {path}.", markup=False)


@main.command()
@click.argument("assignment", required=False)
@_every
@_solutions
@click.option("--students", type=COUNT, default=5, show_default=True, help="How many students' hidden inputs to try.")
@click.option("--step", type=COUNT, default=1, help="Try every so-many-th answer and mutant only, for a quick look.")
@click.option("--draws", type=click.IntRange(min=0), default=0, help="Try the bank on so many more students' inputs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: the numbers, and the list of cases.")
def certify(assignment, every, solutions, students, step, draws, as_json):
    """Prove by running that the tests of ASSIGNMENT pass what is right and stop what is wrong.

    The reference must get full marks, the untouched release zero; every wrong answer of the bank must lose its
    exercise's points, be told its own misconception, and be stopped by the hidden tests alone as well; every
    alternative right answer must keep the points; of the mutants, the reference with one small thing changed, 98
    percent must be stopped, and the others be argued equivalent. For five students' hidden inputs. Exits with 1
    otherwise.
    """
    from .certify import cases_planned
    from .certify import certify as run_certification

    chosen = _chosen(assignment, every, solutions)
    console, certificates = rich.console.Console(stderr=as_json), []
    with progress_bar(console) as progress:
        tasks = [
            progress.add_task(f"Certifying {found.name}", total=cases_planned(found, step, draws)) for found in chosen
        ]
        for found, task in zip(chosen, tasks, strict=True):
            advance = functools.partial(lambda task, _: progress.advance(task), task)
            certificates.append(run_certification(found, advance, students, step, draws))
    if as_json and every:
        click.echo(json.dumps({"assignments": {c.assignment: c.summary() for c in certificates}}, ensure_ascii=False))
    elif as_json:
        click.echo(json.dumps(certificates[0].summary(), indent=1, ensure_ascii=False))
    else:
        for found, certificate in zip(chosen, certificates, strict=True):
            _print_certificate(console, found, certificate)
    sys.exit(0 if all(c.valid for c in certificates) else 1)


def _print_certificate(console, assignment, certificate):
    table = rich.table.Table(box=None, pad_edge=False, title=f"{assignment.name}. {assignment.title}: kill table")
    for heading in (
        "exercise",
        "points",
        "wrong",
        "killed",
        "by hidden",
        "diagnosed",
        "right",
        "passed",
        "mutants",
        "killed",
    ):
        table.add_column(heading, justify="left" if heading == "exercise" else "right", overflow="fold")
    for e in assignment.exercises:
        wrong = [c for c in certificate.of("wrong") if c.exercise == e.id]
        right = [c for c in certificate.of("right") if c.exercise == e.id]
        killed, diagnosed = sum(c.ok for c in wrong), sum(c.diagnosed for c in wrong)
        hidden = sum(c.hidden for c in wrong)
        changed = [c for c in certificate.changed if c.exercise == e.id]
        numbers = (e.points, len(wrong), killed, hidden, diagnosed, len(right), sum(c.ok for c in right))
        numbers += (len(changed), sum(c.killed for c in changed))
        table.add_row(e.id, *map(str, numbers))
    console.print(table)
    s = certificate.summary()
    console.print(
        f"Reference {s['reference_score']} of {s['max_score']}, untouched release {s['release_score']}; "
        f"{s['killed']} of {s['mutants']} wrong answers killed, {s['killed_by_hidden_tests']} by hidden tests alone, "
        f"{s['diagnosed']} told their misconception; "
        f"{s['passed']} of {s['alternatives']} other right answers passed; "
        f"{s['automatic_killed']} of {s['automatic']} mutants killed. "
        f"{s['students']} students' inputs; the reference takes {s['reference_seconds']:.1f} s."
    )
    for one in certificate.survivors:
        told = (
            f"equivalent: {one.why}" if one.why else "FAILED: no test stops it, and exercises.toml does not argue why"
        )
        console.print(f"{one.exercise}, {one.name}. {told}", markup=False)
    for one in certificate.unsteady:
        told = f"with draw {one.draw} it gets {one.score:g} points and deserves {one.deserved:g}. {one.message}"
        console.print(f"FAILED  {one.exercise} {one.name!r}: {told}", markup=False)
    for case in certificate.cases:
        lacks = [] if case.ok else ["the points are not what they must be"]
        lacks += [] if case.kind != "wrong" or case.diagnosed else ["its misconception is not told"]
        lacks += [] if case.kind != "wrong" or case.hidden else ["no hidden test stops it"]
        if lacks:
            told = f"FAILED  {case.kind} {case.exercise} {case.name!r}: {', '.join(lacks)}. {case.message}"
            console.print(told, markup=False)


@main.command()
@click.argument("assignment")
@_solutions
@click.option("--to", type=click.Path(), help="Write it to this file instead of the terminal.")
def guide(assignment, solutions, to):
    """The instructor's guide to ASSIGNMENT: times, points, marking schemes, common errors and what students read then.

    It is Markdown, made from manifest, notebook and bank. Keep it from students.
    """
    from .files import write_atomically
    from .guide import guide as make_guide

    text = make_guide(_load(assignment, solutions))
    if to:
        write_atomically(to, text.encode())
        click.echo(f"Wrote {to}.")
    else:
        click.echo(text)


@main.group()
def new():
    """Begin something that works, and change it into what you want."""


@new.command()
@click.argument("assignment")
@click.argument("id")
@click.option("--title", help="Default, the name of the exercise with a capital.")
@click.option("--function", help="The function that the answer defines; default, the exercise's name.")
@_solutions
def exercise(assignment, id, title, function, solutions):
    """Add the exercise ID to ASSIGNMENT: card, reference, tests, bank and manifest of a small one that is certified.

    Then change it step by step; the command says how.
    """
    from .scaffold import new_exercise

    folder = _load(assignment, solutions).folder
    title, function = title or id.replace("-", " ").capitalize(), function or id.replace("-", "_")
    click.echo(new_exercise(folder, id, title, function), nl=False)


@main.command()
@click.argument("assignment")
@click.option("--to", type=click.Path(), default="release", show_default=True, help="Folder for the student bundle.")
@in_root
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def release(assignment, to, root, as_json):
    """Make the student version of ASSIGNMENT in assignments/ and a bundle to hand out, and search both for answers.

    No line of a solution, a hidden test or the bank may be in it; exits with 1, and releases nothing, where one is.
    """
    from .assignment import load
    from .classroom import Classroom
    from .release import ReleaseError, make_release

    room = Classroom.at(root)
    try:
        made = make_release(load(room.folder("source") / assignment), room.root, Path(to))
    except ReleaseError as error:
        if error.proof is None:
            raise
        click.echo(str(error), err=True)
        sys.exit(1)
    if as_json:
        say({"assignment": assignment, "bundle": str(made.bundle), "proof": asdict(made.proof)})
    else:
        searched = sum(made.proof.fragments.values())
        click.echo(f"Wrote {made.folder} and {made.bundle}; {searched} fragments of answers and tests are not in them.")


@main.command()
@click.argument("assignment", required=False)
@_every
@click.option("--only", multiple=True, help="Run only the case of this name; may be repeated.")
@click.option("--unsafe", is_flag=True, help="Without isolation, to see what it is good for. On a throw-away machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def redteam(assignment, every, only, unsafe, as_json):
    """Attack the grader with submissions that forge, spy, break out, flood and crash, and with honest accidents.

    They lie in tests/redteam of the course's repository. Exits with 1 where one gets what it did not earn.
    """
    from .redteam import cases, run_redteam

    chosen = [found.name for found in _chosen(assignment, every, None)]
    console, reports, only = rich.console.Console(stderr=as_json), {}, tuple(only) or None
    with progress_bar(console) as progress:
        tasks = [progress.add_task(f"Attacking {name}", total=len(only or cases())) for name in chosen]
        for name, task in zip(chosen, tasks, strict=True):
            reports[name] = run_redteam(
                name, unsafe=unsafe, only=only, on_start=lambda total, task=task: progress.update(task, total=total),
                on_case=lambda _, task=task: progress.advance(task),
            )  # fmt: skip
    data = {name: report.to_json() for name, report in reports.items()}
    if as_json:
        say({"assignments": data} if every else data[chosen[0]])
    else:
        for name in chosen:
            _print_redteam(console, name, data[name])
    sys.exit(0 if all(report.held for report in reports.values()) else 1)


def _print_redteam(console, assignment, data):
    for case in data["results"]:
        console.print(f"{case['kind']:9s}{case['name']:42s}{case['verdict']:10s}{case['reason']}", markup=False)
    for name, lacking in data["left_out"].items():
        console.print(f"{'':9s}{name:42s}left out  {assignment} lacks: {lacking}.", markup=False)
    counts = ("cases", "unearned_points", "secrets_read", "effects_outside", "others_affected", "honest_zeroed")
    told = ", ".join(f"{name.replace('_', ' ')} {data[name]}" for name in counts)
    console.print(f"{assignment}: {told}", markup=False)


@main.command()
@in_root
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(root, as_json):
    """Say whether this machine can isolate, and try it: a sandbox is started and what it sees is looked at."""
    from .doctor import findings

    found = findings(root)
    if as_json:
        say([f.as_dict() for f in found])
    else:
        console = rich.console.Console()
        table = rich.table.Table(box=None, pad_edge=False)
        for heading in ("what", "status", "found", "how to mend it"):
            table.add_column(heading, overflow="fold")
        for f in found:
            table.add_row(*map(rich.markup.escape, (f.name, f.status, f.found, f.fix)))
        console.print(table)
    sys.exit(0 if all(f.status == "ok" or f.optional for f in found) else 1)


for command in (
    terms.collect,
    terms.grade,
    terms.regrade,
    terms.feedback,
    terms.export,
    terms.status,
    terms.report,
    terms.receipts,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
