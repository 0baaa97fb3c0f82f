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

from .errors import AutogradeError


class Group(click.Group):
    """A group whose commands tell our own errors as sentences, with exit code 2, and no traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except AutogradeError as error:
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
    from .assignment import load

    folder = Path(solutions) / name
    if not folder.is_dir():
        there = sorted(p.name for p in Path(solutions).glob("*/") if (p / "exercises.toml").exists())
        raise AutogradeError(
            f"There is no assignment {name!r} in {solutions}. There are: {', '.join(there) or 'none'}."
        )
    return load(folder)


_solutions = click.option(
    "--solutions", default="solutions", show_default=True, type=click.Path(), help="The folder of source notebooks."
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
    exercise's points and be told its own misconception; every alternative right answer must keep them. Exits with 1
    otherwise.
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
    for heading in ("exercise", "wrong answers", "killed", "diagnosed", "right answers", "passed", "points"):
        table.add_column(heading, justify="left" if heading == "exercise" else "right")
    for e in assignment.exercises:
        wrong = [c for c in certificate.of("wrong") if c.exercise == e.id]
        right = [c for c in certificate.of("right") if c.exercise == e.id]
        killed, diagnosed = sum(c.ok for c in wrong), sum(c.diagnosed for c in wrong)
        numbers = (len(wrong), killed, diagnosed, len(right), sum(c.ok for c in right), e.points)
        table.add_row(e.id, *map(str, numbers))
    console.print(table)
    s = certificate.summary()
    console.print(
        f"Reference {s['reference_score']} of {s['max_score']}, untouched release {s['release_score']}; "
        f"{s['killed']} of {s['mutants']} wrong answers killed, {s['diagnosed']} told their misconception; "
        f"{s['passed']} of {s['alternatives']} other right answers passed."
    )
    for case in certificate.cases:
        if not case.ok or (case.kind == "wrong" and not case.diagnosed):
            console.print(
                f"FAILED  {case.kind} {case.exercise} {case.name!r}: {case.message or 'no message'}", markup=False
            )


if __name__ == "__main__":
    main()
