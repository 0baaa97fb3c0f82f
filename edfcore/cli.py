"""The command `edf`: open the course, examine the machine, check one's work, see everything run once."""

import json
import os
import sys
from pathlib import Path
from urllib.parse import quote

from .errors import EdfError, MissingExtra

try:
    import click
    import rich.console
    import rich.markup
    import rich.table
except ImportError as error:
    raise SystemExit(str(MissingExtra("The command edf", "click and rich", "course"))) from error


def _use_one_blas_thread():
    """For the kernels that are started from here, unless the reader has chosen: small networks are fastest so, and
    two threads in each of several kernels were seen to slow a training loop ten times on two cores."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class Group(click.Group):
    """A group whose commands tell our own errors as sentences, with exit code 2, and no traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except EdfError as error:
            raise click.UsageError(str(error)) from error
        except KeyboardInterrupt:
            raise click.Abort from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edf-course", prog_name="edf")
def main():
    """How neural networks are trained: the course's command.

    \b
    edf lab         open the course in JupyterLab
    edf doctor      what this machine has, what it lacks, and the fix
    edf check A1    check your answers to assignment A1 (or execute a lecture)
    edf demo        see everything run once, in about a minute
    edf catalog     what the library holds, with sources and tests

    Exit codes: 0 all is well, 1 something was found wrong, 2 the command could not be carried out.
    """


def course_root():
    """The folder of the course: the nearest one above the current folder, or above this file, with lectures in it."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parent.parent):
        if (folder / "lectures").is_dir() and (folder / "nbgrader_config.py").exists():
            return folder
    raise EdfError("The lectures are not here: run this in the folder of the course (the cloned repository).")


@main.command()
@click.option("--no-browser", is_flag=True, help="Start the server and print its address, without opening a browser.")
@click.option("--port", type=int, help="The port to listen on; default, the first free one from 8888.")
@click.argument("notebook", required=False)
def lab(no_browser, port, notebook):
    """Open the course in JupyterLab, at lecture 00 or at NOTEBOOK (such as lectures/01_the_batch_index.ipynb)."""
    root = course_root()
    path = Path(notebook) if notebook else root / "lectures" / "00_start_here.ipynb"
    if not path.exists() and not (root / path).exists():
        raise EdfError(f"{notebook} does not exist.")
    path = path if path.exists() else root / path
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise MissingExtra("edf lab", "JupyterLab", "course") from error
    if not path.resolve().is_relative_to(root):
        raise EdfError(f"{path} lies outside the folder of the course, {root}.")
    address = quote(path.resolve().relative_to(root).as_posix())
    arguments = [f"--ServerApp.root_dir={root}", f"--LabApp.default_url=/lab/tree/{address}"]
    arguments += [f"--LabApp.app_settings_dir={Path(__file__).parent / 'lab_settings'}"]  # no news, no update checks
    arguments += ["--no-browser"] if no_browser else []
    arguments += [f"--port={port}"] if port else []
    arguments += ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []  # a container's only user
    _use_one_blas_thread()
    os.chdir(root)  # nbgrader's extensions read their configuration from here
    sys.exit(LabApp.launch_instance(arguments))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def doctor(as_json):
    """Examine this machine: Python, packages, BLAS and its threads, data, GPU, sandbox, disk.

    Exits with 1 where something that the course needs is missing; a GPU and the sandbox are optional.
    """
    from .doctor import examine

    findings = examine(course_root)
    healthy = all(f.status == "ok" or f.optional for f in findings)
    if as_json:
        click.echo(json.dumps({"ok": healthy, "checks": [f.as_dict() for f in findings]}, indent=1))
    else:
        table = rich.table.Table(box=None, pad_edge=False)
        for heading in ("", "what", "found", "fix"):
            table.add_column(heading, overflow="fold")
        for f in findings:
            mark = {"ok": "[green]ok[/]"}.get(f.status, "[yellow]optional[/]" if f.optional else "[red]missing[/]")
            table.add_row(mark, f.name, rich.markup.escape(f.found), rich.markup.escape(f.fix))
        rich.console.Console().print(table)
    sys.exit(0 if healthy else 1)


@main.command()
@click.argument("what")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def check(what, as_json):
    """Check your answers: execute WHAT in a fresh kernel and say, exercise by exercise, what is right and what is not.

    WHAT is an assignment (A1, looked for here and in assignments/), a lecture (lectures/01) or a notebook's path. This
    is what the Validate button does, with longer answers; hidden tests run only when you hand in.
    """
    from .execute import check_notebook, find_notebook

    path = find_notebook(what, course_root)
    _use_one_blas_thread()
    console = rich.console.Console(stderr=as_json)
    with console.status(f"Running {path} in a fresh kernel ..."):
        report = check_notebook(path)
    if as_json:
        click.echo(json.dumps(report.as_dict(), indent=1))
    else:
        _print_report(console, report)
    sys.exit(0 if report.right else 1)


COLOURS = {"right": "green", "wrong": "red", "open": "yellow", "person": "cyan"}


def _print_report(console, report):
    table = rich.table.Table(box=None, pad_edge=False)
    for heading in ("", "exercise", "points", "what the check says"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "points" else "left")
    for row in report.rows:
        mark = f"[{COLOURS[row.state]}]{row.state}[/]"
        table.add_row(mark, rich.markup.escape(row.title), f"{row.points:g}", rich.markup.escape(row.message))
    if report.rows:
        console.print(table)
    for warning in report.warnings:
        console.print(f"Note: {warning}", markup=False, soft_wrap=True)
    console.print(report.verdict, markup=False, soft_wrap=True)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def catalog(as_json):
    """List every component, initializer, optimizer, schedule and augmentation, with its source and its tests."""
    from .catalog import entries, pinned_by

    tests = Path(__file__).resolve().parent.parent / "tests"
    pins = pinned_by(tests) if tests.is_dir() else {}
    rows = [{"kind": e.kind, "name": e.name, "source": e.source, "tests": pins.get(e.name, [])} for e in entries()]
    if as_json:
        click.echo(json.dumps({"entries": rows}, indent=1, ensure_ascii=False))
        return
    table = rich.table.Table(box=None, pad_edge=False)
    for heading in ("kind", "name", "source", "tests"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "tests" else "left")
    for row in rows:
        table.add_row(row["kind"], row["name"], rich.markup.escape(row["source"]), str(len(row["tests"])))
    rich.console.Console().print(table)


@main.command()
@click.argument("what", default="course", type=click.Choice(["course", "lenet"]))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end; progress goes to stderr.")
@click.option("--out", type=click.Path(file_okay=False), help="Folder for the executed lecture and the sample class.")
@click.option("--epochs", default=12, show_default=True, type=click.IntRange(1), help="Epochs of training.")
def demo(what, as_json, out, epochs):
    """See everything run once: train on MNIST, execute lecture 01, grade a sample class.

    Needs no arguments and no network, and takes about a minute on two cores. `edf demo lenet` trains a convolutional
    network to over 99 percent instead, in a few minutes.
    """
    _use_one_blas_thread()
    from .demo import run_demo, run_lenet

    console = rich.console.Console(stderr=as_json)
    if what == "lenet":
        found = run_lenet(console, epochs)
    else:
        found = run_demo(console, course_root(), out, epochs)
    if as_json:
        click.echo(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
