"""Run a notebook's code cells in a process of their own, without Jupyter: for our own notebooks and banks.

Each run is forked from this process, which has the libraries loaded already, so that a hundred variants of a notebook
take seconds. This is no sandbox: students' work goes through nbgrader (and later through the isolated executor).
"""

import ast
import contextlib
import io
import linecache
import multiprocessing
import os
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .assignment import grade_id

LIMIT = 60.0  # seconds for one notebook


@dataclass(frozen=True)
class CellResult:
    """What became of one code cell: its grade_id, and the error's type, message and slip where it failed."""

    name: str | None
    error: str | None
    message: str
    slip: str | None = None

    @property
    def passed(self):
        return self.error is None


@dataclass(frozen=True)
class Run:
    """The results of a notebook's code cells, and the values that reached its checks where they were recorded."""

    cells: tuple[CellResult, ...]
    recorded: dict

    def scores(self, assignment):
        """Points by exercise: a test cell's points where it passed, none where it failed."""
        passed, worth = {c.name for c in self.cells if c.passed}, assignment.cell_points
        return {e.id: sum(worth[t] for t in e.tests if t in passed) for e in assignment.exercises}

    def failure(self, exercise):
        """The first failing test cell of the exercise, or None."""
        return next((c for c in self.cells if c.name in exercise.tests and not c.passed), None)


def run(notebook, folder, record=False, hidden_only=False, limit=LIMIT, seed=b""):
    """Execute the notebook's code cells in order, as a kernel that goes on after errors would.

    Parameters
    ----------
    notebook : NotebookNode
    folder : path, the working directory
    record : bool; collect what reaches the checks instead of comparing it
    hidden_only : bool; let visible checks pass, to try the hidden tests alone
    limit : float, seconds; then the run is ended and every cell not finished counts as failed
    seed : bytes, of the hidden inputs; empty for everybody's

    Returns
    -------
    Run
    """
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    receiver, sender = context.Pipe(duplex=False)
    cells = [
        (grade_id(c), c.source, bool(c.metadata.get("nbgrader", {}).get("grade")))
        for c in notebook.cells
        if c.cell_type == "code"
    ]
    process = context.Process(target=_child, args=(sender, cells, str(folder), record, hidden_only, seed), daemon=True)
    process.start()
    sender.close()
    results, recorded = [], {}
    deadline = time.monotonic() + limit
    try:
        while receiver.poll(max(0.0, deadline - time.monotonic())):
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
    for name, _, _ in cells[len(results) :]:
        results.append(CellResult(name, "Stopped", f"The run ended here: a crash, or over {limit:.0f} seconds."))
    return Run(tuple(results), recorded)


def run_many(jobs, workers=None, **options):
    """`run` for many (notebook, folder) pairs, several at a time; yields Runs in the order of the jobs."""
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        yield from pool.map(lambda job: run(*job, **options), jobs)


def preload(notebook):
    """Load in this process what the notebook loads, so that each fork starts warm; no more, since forks copy maps."""
    import edfcore.teach  # noqa: F401
    from edfcore.data import load_mnist

    if any("load_mnist" in cell.source for cell in notebook.cells):
        load_mnist()


def _child(sender, cells, folder, record, hidden_only, seed):
    from threadpoolctl import threadpool_limits

    from edfcore.teach import checks

    os.chdir(folder)
    namespace = {"__name__": "__main__"}
    recorder = checks.recording() if record else contextlib.nullcontext({})
    visible = checks.hidden_only() if hidden_only else contextlib.nullcontext()
    with threadpool_limits(1), visible, checks.seeded(seed), recorder as recorded:
        for cell in cells:
            sender.send(("cell", _execute(*cell, namespace)))
        sender.send(("done", _plain(recorded)))
    sender.close()


def _execute(name, source, graded, namespace):
    silent = io.StringIO()
    try:
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            last = _run_source(source, f"<cell {name}>", namespace)
    except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt of a cell count as its failure
        told = str(error) or traceback.format_exception_only(error)[-1].strip()
        return name, type(error).__name__, told, getattr(error, "slip", None)
    if graded and last is not None:
        return name, "EndsInValue", "a test cell must not end in a value: nbgrader takes it for partial credit", None
    return name, None, "", None


def _run_source(source, filename, namespace):
    """Execute the source; returns the value of its last line where that is an expression."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)  # for inspect.getsource
    tree = ast.parse(source, filename)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, filename, "exec"), namespace)
    return eval(compile(last, filename, "eval"), namespace) if last else None


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
