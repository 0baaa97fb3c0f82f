"""The command `edf`: open the course, examine the machine, check one's work, see everything run once."""

import json
import os
import shlex
import shutil
import sys
import time
from contextlib import contextmanager
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


def _use_the_fastest_blas_kernel():
    """For the kernels that are started from here, where a test has found one that is faster than OpenBLAS's choice."""
    from . import blas

    os.environ.update(blas.environment())


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
    edf progress    how far each assignment is
    edf submit A1   hand in, and see that it arrived whole
    edf demo        see everything run once, in about a minute
    edf catalog     what the library holds, with sources and tests
    edf train       train on several processes, MPI ranks or GPUs
    edf simulate    training on several GPUs, simulated: time, memory, cost
    edf bench       time training steps beside other libraries

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
    _use_the_fastest_blas_kernel()
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

    WHAT is an assignment (A1, looked for here and in assignments/), a lecture (lectures/01) or a notebook's path. Of an
    assignment this is what the Validate button does, with longer answers; hidden tests run only when you hand in. Of a
    lecture each section is reported: whether its cells run, its checks hold, and the numbers in its text are computed.
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


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def progress(as_json):
    """How far each assignment is: what its visible checks find, and whether it was handed in.

    Only notebooks that were changed since the last time are executed.
    """
    from dataclasses import asdict

    from .coursework import standings

    _use_one_blas_thread()
    console = rich.console.Console(stderr=as_json)
    with console.status("Looking at the assignments ...") as status:
        found = standings(course_root(), status.update)
    if as_json:
        click.echo(json.dumps({"assignments": [asdict(s) for s in found]}, indent=1, ensure_ascii=False))
        return
    table = rich.table.Table(box=None, pad_edge=False)
    for heading in ("assignment", "", "checks", "points", "handed in"):
        table.add_column(heading, overflow="fold", justify="right" if heading in ("checks", "points") else "left")
    for s in found:
        handed = s.handed_in + (", changed since" if s.changed else "")
        table.add_row(s.title, s.says or s.state, f"{s.right} of {s.checks}", f"{s.points:g} of {s.of:g}", handed)
    console.print(table)


@main.command()
@click.argument("what")
@click.option("--to", required=True, type=click.Path(), help="The folder in which your instructor collects.")
@click.option("--as", "student", help="Your student id; default, the name of your account on this computer.")
def submit(what, to, student):
    """Hand in: check WHAT (such as A3), copy it to the folder where it is collected, and see that it arrived whole.

    You can hand in again; the last one counts. What its visible checks find is told and stops nothing.
    """
    from . import coursework
    from .execute import check_notebook, find_notebook

    path = find_notebook(what, course_root)
    _use_one_blas_thread()
    console = rich.console.Console()
    with console.status(f"Running {path} in a fresh kernel ..."):
        report = check_notebook(path)
    _print_report(console, report)
    target = coursework.submit(path, to, student)
    digest = coursework.hashlib.sha256(target.read_bytes()).hexdigest()
    console.print(f"Handed in: {target} ({target.stat().st_size:,} bytes, SHA-256 {digest[:16]}).", soft_wrap=True)


COLOURS = {"right": "green", "wrong": "red", "open": "yellow", "person": "cyan"}


def _print_report(console, report):
    table = rich.table.Table(box=None, pad_edge=False)
    graded = any(row.points for row in report.rows)
    for heading in ("", "exercise", "points", "what the check says") if graded else ("", "section", "what was found"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "points" else "left")
    for row in report.rows:
        points = [f"{row.points:g}"] if graded else []
        told = [f"[{COLOURS[row.state]}]{row.state}[/]", rich.markup.escape(row.title), *points]
        table.add_row(*told, rich.markup.escape(row.message))
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
@click.argument("table", required=False, type=click.Choice(["yadan", "krizhevsky"]))
@click.option(
    "--cluster", default="4 x GTX Titan, PCIe 3 shared", show_default=True, help="Devices and what joins them."
)
@click.option("--model", default="alexnet", show_default=True, help="A network; --list names them.")
@click.option("--strategy", default="data", show_default=True, help="data, model, hybrid or pipeline.")
@click.option("--batch", default=256, show_default=True, help="Instances of a step, on all devices together.")
@click.option("--steps", type=int, help="How many steps; default: 1, with a straggler 100.")
@click.option("--mesh", help="Replicas x devices of each, such as 2x2, for hybrid.")
@click.option("--algorithm", default="ring", show_default=True, help="How gradients are summed.")
@click.option("--bucket", default=25.0, show_default=True, help="Megabytes of gradients that are summed together.")
@click.option(
    "--overlap/--no-overlap", default=True, show_default=True, help="Whether sums run beside the backward pass."
)
@click.option("--optimizer", default="momentum", show_default=True, help="sgd, momentum or adam.")
@click.option("--micro-batches", type=int, help="For pipeline; default: four for each stage.")
@click.option("--schedule", default="1f1b", show_default=True, help="1f1b or gpipe, for pipeline.")
@click.option("--sync-norm", is_flag=True, help="Statistics of batch norm over all replicas.")
@click.option("--straggler", help="Who is late: lognormal:SIGMA, exponential, pareto:SHAPE, slow:DEVICE:FACTOR.")
@click.option("--efficiency", type=float, help="The fraction of their peak that devices reach; default: as assumed.")
@click.option("--policy", help="A parameter server's: synchronous, backup, stale or asynchronous.")
@click.option(
    "--backup", default=1, show_default=True, help="For --policy backup: of the workers, how many do not count."
)
@click.option("--bound", default=3, show_default=True, help="For --policy stale: how many steps ahead of the slowest.")
@click.option("--seed", default=0, show_default=True, help="Of the straggler's draws.")
@click.option("--detail", default="auto", show_default=True, help="messages, closed or auto.")
@click.option("--sweep", "swept", help="One option for several values, such as devices=1,2,4,8.")
@click.option("--trace", type=click.Path(dir_okay=False), help="Write the timeline for ui.perfetto.dev to this file.")
@click.option("--figure", type=click.Path(dir_okay=False), help="Draw what was found to this PNG file.")
@click.option("--list", "listed", is_flag=True, help="Name the devices, links, networks and algorithms, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def simulate(ctx, table, listed, as_json, figure, **options):
    """Simulate training on several GPUs: time, waiting, memory, cost; without any GPU.

    `edf simulate yadan` and `edf simulate krizhevsky` fit a cost model to two published tables instead.

    \b
    edf simulate --cluster "4 x GTX Titan, PCIe 2 shared" --model alexnet --strategy hybrid
    edf simulate --cluster "16 x 8 x H100, NVLink switch, InfiniBand NDR" --model resnet50 --batch 4096
    edf simulate --sweep devices=1,2,4,8 --cluster "8 x V100, NVLink ring" --model resnet50
    edf simulate --cluster "4 x GTX Titan, PCIe 2 at 1.85 GB/s shared" --efficiency 0.136 --no-overlap
    edf simulate --policy stale --straggler lognormal:0.3 --steps 50
    edf simulate --trace out.json --figure out.png
    """
    from .parallel import commands

    draw = _to_file(figure) if figure else None
    on_line = click.core.ParameterSource.COMMANDLINE
    commands.check_given({o for o in options if ctx.get_parameter_source(o) == on_line}, table, options)
    if listed:
        found, text = commands.known()
    elif table:
        found, text = commands.published(table, draw)
    elif options["policy"]:
        found, text = commands.policy(draw=draw, **options)
    else:
        found, text = commands.simulated(draw=draw, **options)
    click.echo(json.dumps(found, indent=1) if as_json else text)


def _to_file(path):
    """A function that draws a figure of `figures.parallel` to a PNG file, and says what it shows."""
    if Path(path).suffix.lower() != ".png":
        raise EdfError(f"--figure {path}: figures are PNG files; give a name that ends in .png.")
    from .figures import parallel

    def draw(kind, data, **options):
        found, fresh = getattr(parallel, kind)(data, **options), Path(f"{path}.unfinished")
        try:
            fresh.write_bytes(found.png())
            os.replace(fresh, path)
        except OSError as error:
            raise EdfError(f"The figure cannot be written to {path!r}: {error.strerror}.") from error
        return f"The figure is in {path}. {found.alt}"

    return draw


@main.command()
@click.option("--ranks", default="1,2,4", show_default=True, help="Numbers of ranks to measure, one after another.")
@click.option("--comm", default="mpi", show_default=True, help="The engine: mpi, shm or local.")
@click.option(
    "--seconds", default=8.0, show_default=True, type=click.FloatRange(0.1, 3600), help="How long to measure rates."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def calibrate(ranks, comm, seconds, as_json):
    """Measure this machine for the simulator, and how well it then predicts a data-parallel step.

    Messages, arithmetic and updates are measured apart; the prediction is made from them, the step measured beside it.
    Leave the machine alone while it runs.
    """
    from .parallel.calibrate import as_text, measure
    from .parallel.comm.launch import launch

    numbers = [r.strip() for r in ranks.split(",")]
    if not all(r.isdecimal() and int(r) for r in numbers):
        raise EdfError(f"--ranks {ranks!r}: whole numbers of at least 1 are needed, such as 1,2,4.")
    found = []
    for N in map(int, numbers):
        with rich.console.Console(stderr=True).status(f"Measuring {N} rank{'s' * (N > 1)} ..."):
            found.append(launch(measure, N, seconds, engine=comm)[0])
    click.echo(json.dumps({"runs": found}, indent=1) if as_json else as_text(found))


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
    _use_the_fastest_blas_kernel()
    from .demo import run_demo, run_lenet

    console = rich.console.Console(stderr=as_json)
    if what == "lenet":
        found = run_lenet(console, epochs)
    else:
        found = run_demo(console, course_root(), out, epochs)
    if as_json:
        click.echo(json.dumps(found, indent=1))


@main.command()
@click.option("--model", type=click.Choice(["mlp", "lenet"]), default="mlp", show_default=True)
@click.option(
    "--comm",
    "engine",
    type=click.Choice(["local", "shm", "mpi", "nccl"]),
    default="shm",
    show_default=True,
    help="Threads, processes with shared memory, MPI, or a GPU for each rank.",
)
@click.option("--ranks", type=click.IntRange(1), help="How many; default 2, under mpiexec all that it has started.")
@click.option("--epochs", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--batch", "B", type=click.IntRange(1), default=64, show_default=True, help="Images of all ranks together."
)
@click.option("--lr", type=click.FloatRange(0), default=1e-3, show_default=True)
@click.option("--optimizer", type=click.Choice(["sgd", "momentum", "adam"]), default="adam", show_default=True)
@click.option("--algorithm", default="ring", show_default=True, help="How gradients are summed.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32", show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--limit", type=click.IntRange(1, 60_000), default=60_000, help="Train on the first so many images.")
@click.option("--checkpoint", type=click.Path(dir_okay=False), help="File to save to, and to resume from if it exists.")
@click.option("--every", type=click.IntRange(1), help="Steps between two checkpoints; default, one for each epoch.")
@click.option("--anew", is_flag=True, help="Replace the checkpoint instead of resuming from it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end; progress goes to stderr.")
def train(engine, ranks, as_json, anew, **given):
    """Train on MNIST with data parallelism: the same program on threads, processes, MPI ranks or GPUs.

    \b
    edf train --ranks 4 --checkpoint run.npz
    mpiexec -n 4 edf train --comm mpi

    All ranks end with the same parameters, and their number changes them by rounding only.

    Exits with 1 where a rank failed or died (under mpiexec with mpiexec's own code, such as 9 for a killed rank); the
    same command then resumes from the checkpoint. Ctrl-C saves to the checkpoint, if there is one, and exits with 130.
    """
    from .parallel.collectives import ALL_REDUCE
    from .parallel.train import Settings

    if given["algorithm"] not in (*ALL_REDUCE, "native"):
        raise EdfError(f"There is no algorithm {given['algorithm']!r}; there are {', '.join(ALL_REDUCE)} and native.")
    _check_world(engine)
    settings, before = Settings(**given, resume=not anew, progress=True), _stamp(given["checkpoint"])
    found = _train_on(engine, ranks, settings, before)
    if found is None:
        return  # not rank 0
    if as_json:
        click.echo(json.dumps(found | {"model": settings.model, "comm": engine}, indent=1))
    else:
        _tell_training(found, settings)
    if found["interrupted"]:
        click.echo(f"Interrupted. {_how_to_resume(settings, before, ranks=found['ranks'])}", err=True)
        sys.exit(130)


def _check_world(engine):
    """Refuse several trainings side by side, one for each process of mpiexec. One of them says so."""
    from .parallel.comm import mpi

    if engine == "mpi" or not mpi.started():
        return
    if mpi.rank_given() != "0":
        time.sleep(1)  # the first that ends may end the others, before they have said anything
        sys.exit(2)
    raise EdfError("mpiexec has started this: add --comm mpi, or its processes would train each for itself.")


def _train_on(engine, ranks, settings, before):
    """The figures of rank 0; None on other ranks of an mpiexec that was there before."""
    from threadpoolctl import threadpool_limits

    from .parallel.comm import launch, mpi
    from .parallel.errors import RankFailed
    from .parallel.train import examine, train_mnist

    try:
        with threadpool_limits(1):  # for ranks of this process; launch sees to those of its own
            if engine == "mpi" and mpi.started():
                found = mpi.run(_in_the_world, ranks, settings)
                return found if found["rank"] == 0 else None
            examine(settings)
            with _starting(engine, ranks or 2) as on_start:
                return launch.launch(train_mnist, ranks or 2, settings, engine=engine, on_start=on_start)[0]
    except KeyboardInterrupt:
        click.echo(f"Interrupted. {_how_to_resume(settings, before)}", err=True)
        sys.exit(130)
    except RankFailed as error:
        if error.kind in ("DataError", "MissingExtra"):  # the same command would end in the same way
            raise EdfError(error.reason) from error
        click.echo(f"Error: {error.sentence or error}", err=True)
        click.echo(_how_to_resume(settings, before, written=error.kind != "NotWritten"), err=True)
        sys.exit(1)


@contextmanager
def _starting(engine, N):
    """Say what starting N ranks takes; gives the function that launch calls for each that has started."""
    _note_on_cores(engine, N, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    console, said = rich.console.Console(stderr=True), time.monotonic()
    if engine not in ("shm", "nccl"):
        yield None
        return
    with console.status(f"Starting {N} ranks ...") as status:

        def on_start(n):
            nonlocal said
            status.update(f"{n} of {N} ranks have started ...")
            if n == N:
                status.stop()  # rank 0 shows its progress now
            elif not console.is_terminal and time.monotonic() > said + 5:
                said = time.monotonic()
                click.echo(f"{n} of {N} ranks have started.", err=True)

        yield on_start


def _note_on_cores(engine, N, cores):
    if engine != "nccl" and cores and N > cores:
        click.echo(
            f"Note: {N} ranks share {cores} core{'s' * (cores > 1)} and take turns, which gains nothing.",
            err=True,
        )


def _in_the_world(comm, ranks, settings):
    """What each rank does where mpiexec has started this command."""
    from .parallel.train import examine, train_mnist

    if ranks not in (None, comm.size):
        raise EdfError(f"--ranks is {ranks}, but mpiexec has started {comm.size}; leave --ranks out.")
    if comm.rank == 0:  # the others may be on machines without the file
        examine(settings)
        _note_on_cores("mpi", max(map(len, comm.groups)), os.cpu_count())
    return train_mnist(comm, settings) | {"rank": comm.rank}


def _stamp(path):
    """What changes when a checkpoint is replaced; None where there is none."""
    try:
        found = os.stat(path)
    except (OSError, TypeError):
        return None
    return found.st_ino, found.st_mtime_ns


def _how_to_resume(settings, before, ranks=None, written=True):
    """What the reader can do; before : the checkpoint's stamp then; written : whether it could be written."""
    from .parallel.comm import mpi

    path, now = settings.checkpoint, _stamp(settings.checkpoint)
    if not path:
        return "Nothing was saved; with --checkpoint FILE the same command can resume."
    if now is None or (now == before and not settings.resume):
        kept = f"{path} still holds the older run" if now else f"{path} was not reached"
        return f"{kept}; with --every N it is written every N steps." if written else "Nothing was saved."
    launcher = ["mpiexec", "-n", str(ranks)] if ranks and mpi.started() else []
    return f"Resume with: {shlex.join([*launcher, 'edf', *(a for a in sys.argv[1:] if a != '--anew')])}"


def _tell_training(found, settings):
    console = rich.console.Console()
    rate, seconds, epochs = found["images_per_second"], found["seconds"], found["epochs"]
    after = _counted(max(epochs, settings.epochs), "epoch")
    after = f"{epochs} of {after}" if epochs < settings.epochs else after
    took = f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2g}"
    trained = f" on {_counted(found['ranks'], 'rank')} in {took} s, {rate:,} images per second" if rate else ""
    text = (
        f"Loss {found['loss']:.4f}, test error {found['test_error']:.2%} on 10,000 images, after {after} "
        f"({_counted(found['steps'], 'step')}){trained}."
    )
    if not rate:
        text += f" Nothing was left to train: --epochs is {settings.epochs}, which {settings.checkpoint} has reached."
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _counted(n, what):
    return f"{n:,} {what}{'s' * (n != 1)}"


class Device(click.Choice):
    """cpu, cuda, or a GPU by its number, such as cuda:1."""

    def convert(self, value, param, ctx):
        kind, colon, number = value.partition(":")
        is_numbered = kind == "cuda" and colon and number.isdecimal()
        return value if is_numbered else super().convert(value, param, ctx)


@main.command()
@click.argument("cases", nargs=-1)
@click.option("--engines", help="Which, such as planned,floor,torch; default, all that are installed.")
@click.option("--batch", "batches", help="Batch sizes, such as 10,100; default, those of each case.")
@click.option("--threads", help="Of each engine: a number, or all; default, 2.")
@click.option("--rounds", default=30, show_default=True, help="How often each engine is timed.")
@click.option(
    "--device", default="cpu", show_default=True, type=Device(("cpu", "cuda")), help="Where; also cuda:1, and so on."
)
@click.option("--python", "pythons", multiple=True, metavar="NAME=PATH", help="Another interpreter for an engine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option(
    "--record",
    "folder",
    type=click.Path(exists=True, file_okay=False, writable=True),
    help="Also write table and JSON into this folder, named after the machine.",
)
def bench(cases, engines, batches, threads, rounds, device, pythons, as_json, folder):
    """Time whole training steps: edfcore, step by step and planned, beside other libraries.

    CASES are mlp (784-128-10), wide (784-1024-1024-10), lenet and lstm; default, all of them. Engines are planned,
    stepped, floor (NumPy by hand), torch, torch-compile, jax, tinygrad and autograd; on a GPU planned, stepped, torch,
    torch-graph (a step recorded as a CUDA graph), torch-compile and jax. The same initial parameters and batches go to
    all, in float32, and the losses of each must be right before it is timed.

    \b
    edf bench mlp --engines planned,stepped,floor,torch,jax --json
    edf bench lenet --threads 1 --python torch=/opt/torch/bin/python
    edf bench mlp --device cuda --record tests/benchmarks/results

    Leave the machine alone while it runs. Exits with 1 where an engine's losses are wrong, or the GPU is not there.
    """
    from . import bench as benchmark
    from .gpu.errors import NoGpu

    given = {"cases": cases, "engines": tuple(_listed(engines)), "batches": tuple(map(_whole, _listed(batches)))}
    given = {name: value for name, value in given.items() if value}
    if threads:
        given["threads"] = benchmark.processors() if threads == "all" else _whole(threads)
    settings = benchmark.Settings(
        **given,
        rounds=rounds,
        device=device,
        pythons=dict(_pair(p) for p in pythons),
        tell=lambda sentence: click.echo(sentence, err=True),
    )
    try:
        found = benchmark.measure(settings)
    except NoGpu as error:
        raise click.ClickException(str(error)) from error
    click.echo(json.dumps(found, indent=1) if as_json else benchmark.as_text(found))
    if folder:
        click.echo(f"Recorded in {' and '.join(map(str, benchmark.record(found, folder)))}.", err=True)
    sys.exit(1 if found["machine"]["disagree"] else 0)


@main.command()
@click.argument("notebooks", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--out", type=click.Path(file_okay=False), help="Folder for the pages; default, beside each notebook.")
@click.option("--as-saved", is_flag=True, help="Take the outputs that are saved instead of executing first.")
@click.option("--html", is_flag=True, help="The format; pages of HTML are the only one there is.")
def export(notebooks, out, as_saved, html):
    """Write NOTEBOOKS, or those of a folder, as pages that need neither network nor Python.

    Widgets that compute in the browser stay alive in them.
    """
    from nbclient.exceptions import CellExecutionError

    from .export import export as write

    given = [Path(name) for name in notebooks]
    paths = [p for one in given for p in (sorted(one.glob("*.ipynb")) if one.is_dir() else [one])]
    for path in paths:
        try:
            write(path, Path(out) / f"{path.stem}.html" if out else None, not as_saved, click.echo)
        except CellExecutionError as error:
            raise click.ClickException(f"{path}: a cell failed: {error.ename}: {error.evalue}") from error


@main.command()
@click.option("--out", default="gallery.html", show_default=True, type=click.Path(dir_okay=False), help="The page.")
@click.option("--only", help="Figures and widgets whose name holds this.")
@click.option("--pictures", type=click.Path(exists=True, file_okay=False), help="Take the README's pictures instead.")
def gallery(out, only, pictures):
    """Show every figure and every widget, in several states, in light and in dark, on one page."""
    from . import gallery as made
    from .gallery import gallery as write

    if pictures:
        chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if chromium is None:
            raise EdfError("No Chromium is on the PATH (Debian: apt-get install chromium).")
        click.echo("\n".join(f"wrote {path}" for path in made.pictures(pictures, chromium)))
        return
    click.echo(f"wrote {write(out, only, lambda name: click.echo(name, err=True))}")


def _listed(text):
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _whole(text):
    if not text.isdecimal():
        raise EdfError(f"{text!r}: a whole number is needed.")
    return int(text)


def _pair(text):
    name, equals, path = text.partition("=")
    if not equals:
        raise EdfError(f"--python {text}: write NAME=PATH, such as torch=/opt/torch/bin/python.")
    return name, path


if __name__ == "__main__":
    main()
