"""The command `autograde`: what nbgrader lacks."""

import json
import sys
from pathlib import Path

try:
    import click
    import rich.console
    import rich.progress
    import rich.table
except ImportError as error:
    raise SystemExit('The command autograde needs click and rich. Run: python -m pip install -e ".[course]"') from error

from edfcore.errors import EdfError

from .errors import AutogradeError


class Group(click.Group):
    """A group whose commands tell our own errors as sentences, with exit code 2, and no traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except EdfError as error:
            raise click.UsageError(str(error)) from error


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edf-course", prog_name="autograde")
def main():
    """Build and certify assignments; nbgrader releases, grades and returns them.

    \b
    autograde build A1      make the file of expected values and known slips that visible checks read
    autograde certify A1    prove that the tests pass what is right and stop what is wrong

    Exit codes: 0 all is well, 1 something was found wrong, 2 the command could not be carried out.
    """


def _load(name, solutions):
    from edfcore.cli import course_root

    from .assignment import load

    solutions = Path(solutions) if solutions else course_root() / "solutions"
    folder = solutions / name
    if not (folder / "exercises.toml").exists():
        there = sorted(p.name for p in solutions.glob("*/") if (p / "exercises.toml").exists())
        raise AutogradeError(
            f"There is no assignment {name!r} in {solutions}. There are: {', '.join(there) or 'none'}."
        )
    return load(folder)


_solutions = click.option(
    "--solutions", type=click.Path(), help="The folder of source notebooks; default, that of the course."
)


@main.command()
@click.argument("assignment")
@_solutions
def build(assignment, solutions):
    """Make ASSIGNMENT.checks.json beside the source notebook of ASSIGNMENT from its reference and its bank.

    Run it after changing the notebook, a check or the bank; then `nbgrader generate_assignment ASSIGNMENT --force`.
    """
    from .build import write_checks

    found = _load(assignment, solutions)
    console = rich.console.Console()
    with console.status(f"Running {assignment} with each answer of its bank ..."):
        path = write_checks(found)
    console.print(f"Wrote {path}.", markup=False)


@main.command()
@click.argument("assignment")
@_solutions
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: the numbers, and the list of cases.")
def certify(assignment, solutions, as_json):
    """Prove by running that the tests of ASSIGNMENT pass what is right and stop what is wrong.

    The reference must get full marks, the untouched release zero; every wrong answer of the bank must lose its
    exercise's points, be told its own misconception, and be stopped by the hidden tests alone as well; every
    alternative right answer must keep the points. Exits with 1 otherwise.
    """
    from .certify import cases_planned
    from .certify import certify as run_certification

    found = _load(assignment, solutions)
    console = rich.console.Console(stderr=as_json)
    with rich.progress.Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"Certifying {assignment}", total=cases_planned(found))
        certificate = run_certification(found, on_case=lambda _: progress.advance(task))
    if as_json:
        click.echo(json.dumps(certificate.summary(), indent=1, ensure_ascii=False))
    else:
        _print_certificate(console, found, certificate)
    sys.exit(0 if certificate.valid else 1)


def _print_certificate(console, assignment, certificate):
    table = rich.table.Table(box=None, pad_edge=False, title=f"{assignment.name}. {assignment.title}: kill table")
    for heading in ("exercise", "wrong", "killed", "by hidden", "diagnosed", "right", "passed", "points"):
        table.add_column(heading, justify="left" if heading == "exercise" else "right", overflow="fold")
    for e in assignment.exercises:
        wrong = [c for c in certificate.of("wrong") if c.exercise == e.id]
        right = [c for c in certificate.of("right") if c.exercise == e.id]
        killed, diagnosed = sum(c.ok for c in wrong), sum(c.diagnosed for c in wrong)
        hidden = sum(c.hidden for c in wrong)
        numbers = (len(wrong), killed, hidden, diagnosed, len(right), sum(c.ok for c in right), e.points)
        table.add_row(e.id, *map(str, numbers))
    console.print(table)
    s = certificate.summary()
    console.print(
        f"Reference {s['reference_score']} of {s['max_score']}, untouched release {s['release_score']}; "
        f"{s['killed']} of {s['mutants']} wrong answers killed, {s['killed_by_hidden_tests']} by hidden tests alone, "
        f"{s['diagnosed']} told their misconception; "
        f"{s['passed']} of {s['alternatives']} other right answers passed."
    )
    for case in certificate.cases:
        lacks = [] if case.ok else ["the points are not what they must be"]
        lacks += [] if case.kind != "wrong" or case.diagnosed else ["its misconception is not told"]
        lacks += [] if case.kind != "wrong" or case.hidden else ["no hidden test stops it"]
        if lacks:
            told = f"FAILED  {case.kind} {case.exercise} {case.name!r}: {', '.join(lacks)}. {case.message}"
            console.print(told, markup=False)


if __name__ == "__main__":
    main()
