"""Run a notebook's code cells in a process of their own, without Jupyter: for our own notebooks and banks.

Each run is forked from this process, which has the libraries loaded already, so that a hundred variants of a notebook
take seconds. This is no sandbox: students' work goes through nbgrader (and later through the isolated executor).
"""

import contextlib
import io
import multiprocessing
import os
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .assignment import grade_id

LIMIT = 60.0  # seconds for one notebook


@dataclass(frozen=True)
class CellResult:
    """What became of one code cell: its grade_id, and the error's type and message where it failed."""

    name: str | None
    error: str | None
    message: str

    @property
    def passed(self):
        return self.error is None


@dataclass(frozen=True)
class Run:
    """The results of a notebook's code cells, and the values that reached its checks where they were recorded."""

    cells: tuple[CellResult, ...]
    recorded: dict

    def scores(self, assignment):
        """Points by exercise: all of a test cell's points where it passed, none where it failed."""
        failed = {c.name for c in self.cells if not c.passed}
        return {e.id: 0 if failed & set(e.tests) else e.points for e in assignment.exercises}

    def message(self, exercise):
        """What the first failing test cell of the exercise says, or ""."""
        return next((c.message for c in self.cells if c.name in exercise.tests and not c.passed), "")


def run(notebook, folder, record=False, limit=LIMIT):
    """Execute the notebook's code cells in order, as a kernel that goes on after errors would.

    Parameters
    ----------
    notebook : NotebookNode
    folder : path, the working directory
    record : bool; collect what reaches the checks instead of comparing it
    limit : float, seconds; then the run is ended and every cell not finished counts as failed

    Returns
    -------
    Run
    """
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    receiver, sender = context.Pipe(duplex=False)
    cells = [(grade_id(c), c.source) for c in notebook.cells if c.cell_type == "code"]
    process = context.Process(target=_child, args=(sender, cells, str(folder), record), daemon=True)
    process.start()
    sender.close()
    results, recorded = [], {}
    try:
        while receiver.poll(limit):
            kind, payload = receiver.recv()
            if kind == "cell":
                results.append(CellResult(*payload))
            else:
                recorded = payload
                break
    except EOFError:
        pass
    process.kill()
    process.join()
    for name, _ in cells[len(results) :]:
        results.append(CellResult(name, "Stopped", f"The run ended here: a crash, or over {limit:.0f} seconds."))
    return Run(tuple(results), recorded)


def run_many(jobs, workers=None, **options):
    """`run` for many (notebook, folder) pairs, several at a time; yields Runs in the order of the jobs."""
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        yield from pool.map(lambda job: run(*job, **options), jobs)


def preload():
    """Load in this process what notebooks load, so that each fork starts warm."""
    import edfcore.teach  # noqa: F401
    from edfcore.data import load_mnist

    load_mnist()


def _child(sender, cells, folder, record):
    from threadpoolctl import threadpool_limits

    from edfcore.teach import checks

    os.chdir(folder)
    namespace = {"__name__": "__main__"}
    recorder = checks.recording() if record else contextlib.nullcontext({})
    with threadpool_limits(1), recorder as recorded:
        for name, source in cells:
            sender.send(("cell", _execute(name, source, namespace)))
        sender.send(("done", _plain(recorded)))
    sender.close()


def _execute(name, source, namespace):
    silent = io.StringIO()
    try:
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            exec(compile(source, f"<cell {name}>", "exec"), namespace)
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt of a cell count as its failure
        told = str(error) or traceback.format_exception_only(error)[-1].strip()
        return name, type(error).__name__, told
    return name, None, ""


def _plain(recorded):
    """The recorded values as JSON; None for a value that is no plain one."""
    from edfcore.teach.checks import encode

    kept = {}
    for what, value in recorded.items():
        try:
            kept[what] = {"value": encode(value)}
        except TypeError:
            kept[what] = None
    return kept
