"""The commands of `autograde` for a class: collect, grade, regrade, feedback, export, status, receipts."""

import json
import sys
from datetime import datetime

import click
import rich.console
import rich.progress
import rich.table

from .classroom import Classroom
from .errors import AutogradeError

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
in_root = click.option(
    "--root", type=click.Path(), help="The course directory; default, the nearest one with an nbgrader_config.py."
)


def say(data):
    """Print plain data as JSON."""
    click.echo(json.dumps(data, indent=1, ensure_ascii=False, default=str))


def progress_bar(console):
    """A progress bar with the number done, the time spent and the time to go."""
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TimeElapsedColumn(),
        rich.progress.TextColumn("left"),
        rich.progress.TimeRemainingColumn(),
    )
    return rich.progress.Progress(*columns, console=console, transient=True)


@click.command()
@click.argument("assignment")
@click.argument("source", type=click.Path(exists=True))
@click.option("--received", help="When they were received, e.g. 2026-03-01T12:00+01:00; default, as said above.")
@click.option("--names", type=click.Path(exists=True), help="A CSV file with the columns name and student_id.")
@in_root
@as_json
def collect(assignment, source, received, names, root, as_json):
    """Put the submissions in SOURCE into submitted/: a folder of folders, a zip or tar, an LMS download, the exchange.

    The time of receipt is the collector's: that of an archive or of an inbound folder, or now; never what a
    submission says of itself. Collecting the same again with --received corrects it. Downloads of an LMS need --names.
    Exits with 1 where a submission was refused.
    """
    from .collect import collect as run

    when = _moment(received) if received else None
    found = run(source, Classroom.at(root).root, assignment, when, names)
    if as_json:
        kinds = {kind: getattr(found, kind) for kind in ("taken", "skipped", "refused")}
        say({"assignment": assignment} | {k: [o.__dict__ for o in v] for k, v in kinds.items()})
    else:
        for outcome in (*found.taken, *found.skipped, *found.refused):
            click.echo(outcome.says)
            for note in outcome.notes:
                click.echo(f"    {note}")
        click.echo(f"{len(found.taken)} taken, {len(found.skipped)} skipped, {len(found.refused)} refused.")
    sys.exit(1 if found.refused else 0)


def _moment(text):
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise AutogradeError(f"{text!r} is no time; write it as 2026-03-01T12:00+01:00.") from None
    if found.tzinfo is None:
        raise AutogradeError(f"{text!r} has no time zone; write it as 2026-03-01T12:00+01:00.")
    return found


def _grading(function):
    options = (
        click.argument("assignment"),
        click.option("--student", "students", multiple=True, help="Grade this student only; may be repeated."),
        click.option("--workers", type=click.IntRange(min=1), help="Processes; default, one for each processor."),
        click.option("--cluster", help="Address of a Dask scheduler, e.g. tcp://head:8786."),
        click.option("--fresh", is_flag=True, help="A new process for each submission: slower, the reference."),
        click.option("--unsafe", is_flag=True, help="Without isolation. Students' code gets this account's rights."),
        click.option("--yes", is_flag=True, help="Let results replace grades that stand, without asking."),
        in_root,
        as_json,
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@_grading
def grade(assignment, **options):
    """Grade what was handed in for ASSIGNMENT and has changed since it was last graded.

    Students' code runs in a sandbox of its own for each submission; tests run outside it. May be interrupted, and
    killed, at any moment: the same command completes it. Before a grade that stands is replaced you are shown who
    gains and who loses, and why. Exits with 1 where a submission needs a person, or a change was not agreed to.
    """
    _grade(assignment, False, **options)


@click.command()
@_grading
def regrade(assignment, **options):
    """Examine everything for ASSIGNMENT again, changed or not, e.g. after tests were mended.

    Shows who gains and who loses, and why, before anything is replaced.
    """
    _grade(assignment, True, **options)


def _grade(assignment, force, students, workers, cluster, fresh, unsafe, yes, root, as_json):
    from .pipeline import Options
    from .pipeline import grade as run

    console = rich.console.Console(stderr=as_json)
    room = Classroom.at(root)
    if unsafe:
        console.print("Without isolation: the students' code can read, write and send whatever this account can.")
    agree = None if yes else lambda changes: _agree(console, changes, ask=not as_json and sys.stdin.isatty())
    chosen = tuple(students) or None
    with progress_bar(console) as bar:
        task = bar.add_task(f"Grading {assignment}", total=None)
        if agree is not None:
            asked = agree

            def agree(changes):
                bar.stop()
                return asked(changes)

        options = Options(chosen, workers, unsafe, fresh, force, cluster, agree=agree)
        report = run(
            room,
            assignment,
            options,
            on_start=lambda total: bar.update(task, total=total),
            on_outcome=lambda _: bar.advance(task),
        )
    summary = report.summary()
    if as_json:
        say(summary)
    else:
        _print_report(console, room, report)
    sys.exit(1 if report.needs_person or report.held else 0)


def _agree(console, changes, ask):
    _print_changes(console, changes)
    if not ask:
        console.print("Nothing of this was recorded. Give --yes to record it; it need not be examined again.")
        return False
    return click.confirm("Replace these grades?", default=False)


def _print_changes(console, changes):
    from .pipeline import regrades

    gains, losses = regrades(changes)
    console.print(f"{len(changes)} grades that stand would change: {len(gains)} rise, {len(losses)} fall.")
    for c in sorted(changes, key=lambda c: ((c.after or 0) - (c.before or 0), c.student)):
        cells = ", ".join(f"{name} {_points(b)} > {_points(a)}" for name, b, a in c.gained)
        why = c.reasons[-1] if c.reasons else ""
        console.print(f"{c.student}: {_points(c.before)} > {_points(c.after)} ({cells}) {why}", **PLAIN)


PLAIN = {"markup": False, "highlight": False, "soft_wrap": True}


def _points(value):
    return "none" if value is None else f"{value:g}"


def _print_report(console, room, report):
    left = len({student for student, _ in report.needs_person})
    console.print(
        f"{report.assignment}: {len(report.recorded) - left} graded in {report.seconds:.1f} s, {left} need a person, "
        f"{len(report.held)} held, {len(report.unchanged)} unchanged.",
        **PLAIN,
    )
    for fault in report.faults:
        console.print(fault, **PLAIN)
    for student, why in report.needs_person:
        console.print(f"{student} needs a person: {why}", **PLAIN)
    for student, says in report.remarks[:30]:
        console.print(f"{student}: {says}", **PLAIN)
    if len(report.remarks) > 30:
        console.print(f"... and {len(report.remarks) - 30} more remarks; --json has all.", **PLAIN)
    if report.held:
        console.print("What is held: run the command again with --yes to record it.", **PLAIN)
    if report.waiting:
        console.print(
            f"{len(report.waiting)} wait for a person, written questions among them: nbgrader formgrader", **PLAIN
        )
    if report.recorded:
        console.print(f"The gradebook: {room.shown_db_url}. Next: autograde feedback {report.assignment}", **PLAIN)


@click.command()
@click.argument("assignment")
@in_root
@as_json
def feedback(assignment, root, as_json):
    """Write a page for each student to feedback/<student>/ASSIGNMENT/, from what was recorded.

    The pages need no network, run no script, and tell of hidden tests only their category.
    """
    from .returning import write_feedback

    site = write_feedback(Classroom.at(root), assignment)
    if as_json:
        say({"assignment": assignment, "pages": [str(p) for p in site.written], "refused": list(site.refused)})
    else:
        for sentence in site.refused:
            click.echo(sentence)
        click.echo(f"{len(site.written)} pages written.")
    sys.exit(1 if site.refused else 0)


@click.command()
@click.argument("assignments", nargs=-1)
@click.option("--format", "form", type=click.Choice(["csv", "canvas", "moodle"]), default="csv", show_default=True)
@click.option("--to", type=click.Path(), default="grades.csv", show_default=True)
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, by which Excel knows UTF-8.")
@click.option("--column", "columns", multiple=True, help='A column of the LMS, e.g. --column "A1=A1 (12345)".')
@in_root
@as_json
def export(assignments, form, to, bom, columns, root, as_json):
    """Write the marks of ASSIGNMENTS, by default all, to a file for a spreadsheet, Canvas or Moodle.

    A mark that waits for a person is empty, and named; exits with 1 then.
    """
    from .export import export_csv, gradebook_rows

    room = Classroom.at(root)
    headings = dict(c.partition("=")[::2] for c in columns)
    rows = [row for name in assignments or (None,) for row in gradebook_rows(room.db_url, name)]
    done = export_csv(rows, to, form, bom, headings)
    if as_json:
        say({k: getattr(done, k) for k in ("path", "students", "needs_person", "missing", "changed")})
    else:
        click.echo(f"Wrote {done.path}: {done.students} students.")
        for name, student in done.needs_person:
            click.echo(f"Empty, since a person must decide: {student}, {name}.")
        for text in done.changed:
            click.echo(f"Made harmless for spreadsheets: {text}")
    sys.exit(1 if done.needs_person else 0)


@click.command()
@click.argument("assignment")
@click.option("--html", "page", type=click.Path(), help="Write a page to look at to this file, too.")
@in_root
@as_json
def report(assignment, page, root, as_json):
    """How the class did in ASSIGNMENT: difficulty, discrimination, misconceptions, and equal answers as a hint.

    Points are those of the gradebook. It is for instructors: it names students.
    """
    from . import report as reports
    from .files import write_atomically

    found = reports.report(Classroom.at(root), assignment)
    if page:
        write_atomically(page, reports.page(found).encode())
    if as_json:
        say(found.to_json())
    else:
        _print_items(rich.console.Console(), found)
        if page:
            click.echo(f"Wrote {page}.")


def _print_items(console, found):
    from .report import advice, histogram

    def two(value):
        return "" if value is None else f"{value:.2f}"

    alpha = f", alpha {found.alpha:.2f}" if found.alpha is not None else ""
    console.print(f"{found.assignment}. {found.title}: {found.students} students{alpha}", **PLAIN)
    most = max([n for _, n in histogram(found.scores, found.max_score)] + [1])
    for label, count in histogram(found.scores, found.max_score):
        console.print(f"{label:>14s} points {count:5d} {'#' * round(40 * count / most)}", **PLAIN)
    table = rich.table.Table(box=None, pad_edge=False)
    for heading in ("exercise", "points", "difficulty", "all", "none", "untouched", "discrimination", "remark"):
        table.add_column(heading, justify="left" if heading in ("exercise", "remark") else "right")
    for i in found.items:
        numbers = (
            f"{i.points:g}",
            two(i.difficulty),
            two(i.full),
            two(i.none),
            str(i.untouched),
            two(i.discrimination),
        )
        table.add_row(i.name, *numbers, advice(i))
        for test, share in i.tests.items() if len(i.tests) > 1 else ():
            table.add_row(f"  {test}", "", two(share))
    console.print(table)
    for i in found.items:
        for kind, names in (("", i.misconceptions), ("hidden test: ", i.categories), ("", i.reasons)):
            for name, count in names.items():
                console.print(f"{count:5d}  {i.name}: {kind}{name}", **PLAIN)
    for pair in found.pairs:
        both, where = " and ".join(pair.students), ", ".join(pair.exercises)
        console.print(f"Equal answers, a hint only: {both}, {where} ({pair.bits:.0f} bits)", **PLAIN)


@click.command()
@click.argument("assignment")
@in_root
@as_json
def status(assignment, root, as_json):
    """Who handed in ASSIGNMENT, who is graded, who waits for what."""
    from .returning import status_of

    found = status_of(Classroom.at(root), assignment)
    if as_json:
        say(found)
        return
    for key in ("handed_in", "graded", "changed_since", "needs_person", "spooled", "feedback_pages"):
        names = found[key]
        shown = f": {', '.join(names[:10])}{' ...' if len(names) > 10 else ''}" if names else ""
        click.echo(f"{key.replace('_', ' '):16s}{len(names):6d}{shown}")
    chain = found["receipts"]
    click.echo(f"{'receipts':16s}{chain['lines']:6d}, chain {'intact' if chain['intact'] else 'BROKEN'}")


@click.group()
def receipts():
    """The hash-chained record of every grade: what it depended on, and what came out."""


@receipts.command("list")
@click.argument("assignment")
@click.option("--student")
@in_root
@as_json
def list_receipts(assignment, student, root, as_json):
    """The receipts of ASSIGNMENT, oldest first."""
    from . import receipts as chain

    wanted = {"student": student} if student else {}
    found = chain.find(Classroom.at(root).root, assignment, **wanted)
    if as_json:
        say([{"n": r.n, "hash": r.hash, "entry": r.entry} for r in found])
        return
    for r in found:
        points = [p for p in r.entry["points"].values()]
        total = "needs a person" if r.entry["needs_person"] or None in points else f"{sum(points):g} points"
        click.echo(
            f"{r.n:6d}  {r.entry['time'][:19]}  {r.hash[:12]}  {r.entry['assurance']:8s}  {r.entry['student']}: {total}"
        )


@receipts.command("verify")
@click.argument("assignment")
@in_root
@as_json
def verify_receipts(assignment, root, as_json):
    """Follow the chain of ASSIGNMENT. Exits with 1 where it was altered."""
    from .returning import verify_receipts as verify

    found = verify(Classroom.at(root), assignment)
    if as_json:
        say(found.__dict__)
    else:
        click.echo(f"{found.lines} receipts, head {found.head[:16]}. {found.problem or 'The chain is intact.'}")
    sys.exit(0 if found.intact else 1)


@receipts.command("replay")
@click.argument("assignment")
@click.argument("student")
@click.option("--unsafe", is_flag=True, help="Without isolation.")
@in_root
@as_json
def replay_receipt(assignment, student, unsafe, root, as_json):
    """Examine again what STUDENT's last receipt for ASSIGNMENT holds, and compare. Exits with 1 where it differs."""
    from . import receipts as chain
    from .pipeline import Options, replay

    room = Classroom.at(root)
    found = chain.find(room.root, assignment, student=student)
    if not found:
        raise AutogradeError(f"There is no receipt of {student} for {assignment}.")
    result, differences = replay(room, assignment, found[-1].entry, Options(unsafe=unsafe))
    if as_json:
        say({"student": student, "points": result.points, "differences": differences, "result": result.to_json()})
    else:
        click.echo(f"{student}: {_points(result.points)} points, compared with receipt {found[-1].n}.")
        click.echo("\n".join(differences) or "Equal to the receipt.")
    sys.exit(1 if differences else 0)
