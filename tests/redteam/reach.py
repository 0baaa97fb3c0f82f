"""Whether an attack reaches its payload, seen from the examiner: which cells ran to which end, which answers were called.

Nothing of the attack is changed, and nothing of what it says of itself is believed: `record` notes what an examiner
asks of a sandbox and what comes back. Limits are short, for an attack that is stopped has begun.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from autograde import examine, redteam, standins
from autograde.errors import AutogradeError
from autograde.plan import make_plan, master_from_assignment
from autograde.pool import default_workers
from autograde.read import read_notebook
from autograde.warm import Warm

LIMITS = replace(
    redteam.LIMITS, cell_cpu=2.0, cell_wall=5.0, test_cpu=2.0, test_wall=5.0, cpu_total=20.0, wall_total=20.0
)


def record(monkeypatch, path):
    """From now on, examiners note in the file `path` what they ask of a sandbox."""
    ask, in_sandbox = standins.Session.ask, examine.Examination._in_sandbox
    in_examiner, now = examine.Examination._in_examiner, {}

    def note(**entry):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def noting_ask(self, do, on=None, args=(), kwargs=None):
        if do in ("call", "named"):  # a function of the student's, or a helper that calls it on their side
            note(**now)
        return ask(self, do, on, args, kwargs)

    def noting_in_sandbox(self, index, cell):
        dead, reply = self._dead, in_sandbox(self, index, cell)
        if not dead:
            note(student=self.plan.student, cell=index, failed=(reply["failed"] or {}).get("type"))
        return reply

    def noting_in_examiner(self, index, cell):
        now.update(student=self.plan.student, test=cell.name)
        return in_examiner(self, index, cell)

    monkeypatch.setattr(standins.Session, "ask", noting_ask)
    monkeypatch.setattr(examine.Examination, "_in_sandbox", noting_in_sandbox)
    monkeypatch.setattr(examine.Examination, "_in_examiner", noting_in_examiner)


def missed(assignment, cases, folder, monkeypatch):
    """What of each case does not run or ends in an error: dict from its name to a dict from cell or exercise to why.

    Parameters
    ----------
    assignment : Assignment; cases : list of Case
    folder : path of an empty folder
    """
    log = folder / "asked"
    log.touch()
    record(monkeypatch, log)
    task, master = redteam.Task.of(assignment), master_from_assignment(assignment)
    plans = {}
    for case in cases:
        if case.applies(task):
            with_plan = _plan(task, master, case)
            plans |= {case.name: with_plan} if with_plan else {}
    with Warm(master, str(folder / "builds"), keep=3) as warm, ThreadPoolExecutor(default_workers()) as pool:

        def run(plan):
            tests = {test for exercise in _answers(task, plan).values() for test in task.tests(exercise)}
            examine.examine(master, plan, warm, folder=str(assignment.folder), limits=LIMITS, only=tests)

        warm.get(examine.every_forbidden(master))
        list(pool.map(run, plans.values()))
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    ends = {(e["student"], e["cell"]): e["failed"] for e in reversed(entries) if "cell" in e}
    called = {(e["student"], e["test"]) for e in entries if "test" in e}
    return {name: _missed(task, plan, ends, called) for name, plan in plans.items()}


def _plan(task, master, case):
    task = task.fresh()
    handed = case.make(task)
    handed = handed if isinstance(handed, redteam.Handed) else redteam.Handed(handed)
    books = [data for path, data in handed.files.items() if path.endswith(f"{task.name}.ipynb") and b"cells" in data]
    try:
        submitted = read_notebook(handed.notebook or (*books, b"")[0])
    except AutogradeError:
        return None
    return make_plan(master, submitted, case.name, {p: d for p, d in handed.files.items() if p.endswith(".py")})


def _fresh(task, plan):
    """Index and cell of the student's code that is neither the release's nor the reference's."""
    known = {c.source for c in task.blank.cells} | set(task.right.values())
    mine = [(i, c) for i, c in enumerate(plan.cells) if c.origin == "student" and c.cell_type == "code"]
    return [(i, c) for i, c in mine if c.source.strip() and c.source not in known]


def _answers(task, plan):
    """By index, the exercises that such code answers, whose tests call functions."""
    return {i: c.name for i, c in _fresh(task, plan) if c.kind == "answer" and task.binds.get(c.name)}


def _missed(task, plan, ends, called):
    found = {}
    for index, cell in _fresh(task, plan):
        end = ends.get((plan.student, index), "not run")
        if end is not None:
            found.setdefault(cell.name or f"own cell {index}", end)
    for exercise in _answers(task, plan).values():
        if exercise not in found and not called & {(plan.student, test) for test in task.tests(exercise)}:
            found[exercise] = "not called"
    return found
